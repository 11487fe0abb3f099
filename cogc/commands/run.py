"""`cogc run SPEC`: run a system.

Exit codes: 0 done; 1 the spec is wrong; 2 the command line is wrong; 3 the run failed, or `--until` was not met; 130
interrupted; 143 terminated.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from cogc import ir
from cogc.analysis.checked import Options as CheckOptions
from cogc.commands.check import allow_imports, allowed
from cogc.compile import analyse, program
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source, Span
from cogc.disk.files import main_spec, read
from cogc.language.attributes import CAGES, PROVIDERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterable
    from typing import Any

    from cogc.diagnostics.problems import Diagnostic
    from cogc.run.people import People
    from cogc.run.plans import Keeping
    from cogc.run.session import Session

HELP = "run a system"
PLANS = ".cogc/plans.db"
LEVELS = ("debug", "info", "warn", "error", "off")


def arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("spec", metavar="SPEC", help="a spec, a folder with one, or a program made by `cogc build`")
    add("--root", metavar="NAME", help="the coglet to run (default: Main)")
    add("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the root")
    add("--input", action="append", default=[], metavar="CHANNEL=VALUE", help="a message for a channel of the root")
    add("--for", dest="duration", metavar="DURATION", help="stop after so long, such as 10s")
    add("--until", metavar="EXPR", help="stop when this holds, over what the root has sent: 'len(count) == 5'")
    add("--sim", action="store_true", help="run on a virtual clock")
    add("--seed", type=int, metavar="N", help="the seed of the run's random numbers (default: a new one)")
    add("--trace", metavar="FILE", help="write a trace; without a file into the run's folder, with a live view")
    add("--log", choices=LEVELS, default="info", help="what coglets log goes to stderr from this level on")
    add("--output", choices=("people", "json"), default="people", help="how what the root sends is printed")
    add("--instance", metavar="NAME", help="whose `persist` states, or whose blackboard, to go on with")
    add("--goal", metavar="TEXT", help="what is wanted: of a plan, team, agent or sett")
    add("--goal-file", metavar="FILE", help="a file that says what is wanted")
    add(
        "--plans",
        metavar="STORE",
        help="where plans are kept: memory, sqlite:PATH or redis://HOST:PORT (default: .cogc)",
    )
    add("--user", metavar="NAME", help="whose plans they are (default: the login name)")
    add("--topic", metavar="NAME", help="what they are about (default: the plan's name)")
    add("--fresh", action="store_true", help="begin plans anew, even where one was not finished")
    add("--local", action="append", default=[], metavar="ROLE=DIR", help="a sett: what stands at /app for an agent")
    add("--board", metavar="BOARD", help="a sett: memory, sqlite:PATH or redis://HOST:PORT (default: an SQLite file)")
    add("--workspace", metavar="DIR", help="where shell programs run (default: here, or the folder that SPEC is)")
    add(
        "--model",
        action="append",
        default=[],
        metavar="NAME=PROVIDER:WHAT",
        help="bind a model: x=scripted:answers.yml, x=anthropic:claude-haiku-5-5",
    )
    add(
        "--budget",
        action="append",
        default=[],
        metavar="WHAT=N",
        help="what all models of the run may use: usd=2, tokens=100000",
    )
    add("--answer", action="append", default=[], metavar="NAME=VALUE", help="the answer of a person to a program")
    add(
        "--questions",
        choices=("ask", "wait"),
        default="ask",
        help="ask people in this terminal, or wait for `cogc answer`",
    )
    add("--control", action="store_true", help="let `cogc agents` in other terminals see and steer its agents")
    add("--registry", metavar="STORE", help="show its agents in a registry too: sqlite:PATH or redis://HOST:PORT")
    add(
        "--sandbox",
        choices=CAGES,
        default="auto",
        help="what holds commands of agents (default: the best there is); none: they run without",
    )
    add("--record", metavar="FILE", help="write the run's journal: everything that came from outside")
    add("--replay", metavar="FILE", help="run a journal again, without the outside world")
    allow_imports(parser)


def prepare(words: list[str]) -> list[str]:
    """`--trace` takes its value as `--trace=FILE`, or the next word if that ends in `.jsonl`."""
    result: list[str] = []
    for i, word in enumerate(words):
        if i and words[i - 1] == "--trace" and word.endswith(".jsonl"):
            result[-1] = f"--trace={word}"
        else:
            result.append("--trace=" if word == "--trace" else word)
    return result


class Usage(Exception):
    """The command line is wrong."""


def settle(options: Namespace) -> None:
    """A folder given for a spec is the spec in it, and the workspace where no other is named."""
    found = main_spec(options.spec)
    if options.workspace is None:
        options.workspace = "." if found == options.spec else options.spec
    options.spec = found


def run(options: Namespace) -> int:
    settle(options)
    problems = Problems()
    bundle = load(options.spec, options.root, options.allow_import, problems)
    found = problems.sorted()
    if found:
        show_to_stderr(found)
    if bundle is None:
        return 1
    try:
        return _run(bundle, options)
    except Usage as error:
        sys.stderr.write(f"cogc: {error}\n")
        return 2


def show_to_stderr(found: list[Diagnostic]) -> None:
    from cogc.diagnostics import render

    if sys.stderr.isatty():
        render.people(found, sys.stderr)
    else:
        sys.stderr.write(render.text(found))


def load(path: str, root: str | None, imports: list[str], problems: Problems) -> ir.Bundle | None:
    """The program of a spec, or one that was built before."""
    path = main_spec(path)
    if path.endswith(".json"):
        try:
            bundle = ir.decode(Path(path).read_bytes())
        except (OSError, ValueError) as error:
            reason = str(error.strerror).lower() if isinstance(error, OSError) else str(error)
            slug = "unreadable-file" if isinstance(error, OSError) else "bad-build"
            problems.add(slug, Span(Source(path, ""), 0, 0), path=path, reason=reason)
            return None
        return bundle
    checked = analyse([path], read, problems, CheckOptions(allowed(imports, [path])))
    return None if problems.errors else program(checked, root)


def _run(bundle: ir.Bundle, options: Namespace) -> int:
    import trio

    from cogc.commands.faces import Faces
    from cogc.kernel.unit import Unit
    from cogc.run.session import Session

    bundle = bound(bundle, options)
    if bundle.root in bundle.setts:
        from cogc.commands import run_sett

        return run_sett.run(bundle, options)
    if options.sandbox in ("container", "landlock"):
        raise Usage(f"--sandbox {options.sandbox} is for setts; agents of other programs run in bubblewrap, or without")
    for option in ("local", "board"):
        if getattr(options, option):
            raise Usage(f"--{option} is for setts; this program's root is a coglet")
    if options.replay:
        return _replay(bundle, options)
    faces = Faces(options, bundle)
    with faces:
        session = Session(
            Unit(bundle),
            faces.session_options(parameters(bundle, options), _inputs(bundle, options), _until(bundle, options)),
            _settings(options),
            trace=faces.trace,
            journal=faces.journal,
            store=faces.store,
        )
        try:
            trio.run(faces.run, session)
        except Exception as error:
            failure = _failure_of(error)
            if failure is None:
                raise
            raise Usage(failure) from None
    return _ended(session, options)


def _failure_of(error: BaseException) -> str | None:
    """The message of a parameter or input that was refused before anything ran."""
    from cogc.language.values import Failure

    found = only(error)
    return found.message if isinstance(found, Failure) else None


def refusing(act: Callable[[], int]) -> int:
    """The exit code of a command; what is wrong with its words or its world is said, with 2, also where Trio has wrapped it."""
    try:
        return act()
    except BaseException as error:
        found = only(error)
        if isinstance(found, KeyboardInterrupt):
            return 130
        if not isinstance(found, Usage | OSError):
            raise
        sys.stderr.write(f"cogc: {found}\n")
        return 2


def only(error: BaseException) -> BaseException:
    """The one exception in groups of one."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _ended(session: Session, options: Namespace) -> int:
    from cogc.run import report

    leftovers = session.kernel.leftovers()
    if leftovers:
        sys.stderr.write(f"cogc: warning: {leftovers} messages waited in `on all` at the end\n")
    for name in session.executors.abandoned:
        sys.stderr.write(f"cogc: warning: a thread of program `{name}` was left to itself\n")
    sys.stderr.write(report.usage(session.kernel))
    if session.outcome == "failed":
        sys.stderr.write(report.failure(session.kernel))
        return 3
    if session.outcome == "deadlock":
        sys.stderr.write(report.deadlock(session.deadlock))
        return 3
    if session.outcome in ("interrupted", "terminated"):
        return 130 if session.outcome == "interrupted" else 143
    code = _task_failed(session)
    if code:
        return code
    if not session.met:
        sys.stderr.write(f"cogc: the run ended before `{options.until}`\n")
        return 3
    return 0


def _task_failed(session: Session) -> int:
    """The exit code where the root is an agent, a team, a plan or a definition of done, and has said that it failed."""
    kind = session.kernel.unit.bundle.coglets[session.kernel.unit.bundle.root].kind
    said = session.outputs.get("failed", [])
    if kind == "coglet" or not said:
        return 0
    if kind == "dod":
        sys.stderr.write("cogc: the definition of done is not met\n")
        return 4
    sys.stderr.write(f"cogc: the {kind} failed: {said[-1]['message']}\n")
    return 4 if said[-1]["kind"] == "dod" else 3


# ---- options to values ---------------------------------------------------------------------------------------


def _settings(options: Namespace) -> Any:
    from cogc.run.settings import Settings

    return Settings(
        options.workspace,
        allowed(options.allow_import, [options.spec]),
        people(options),
        options.sandbox != "none",
        keeping(options),
        options.registry or "",
    )


def keeping(options: Namespace) -> Keeping:
    """Where plans are kept, by the command line. On a virtual clock nothing is left behind."""
    from cogc.run.plans import Keeping

    store = options.plans or ("memory" if options.sim else f"sqlite:{PLANS}")
    spec = os.path.abspath(options.spec)
    return Keeping(store, options.user or "", options.topic or "", spec, options.fresh)


def budget(options: Namespace) -> dict[str, float | int]:
    """What a run may spend on models, by `--budget`."""
    found: dict[str, float | int] = {}
    for text in options.budget:
        name, value = pair(text, "--budget")
        try:
            found[name] = {"usd": float, "tokens": int}[name](value.replace("_", ""))
        except (KeyError, ValueError):
            raise Usage(f"`--budget {text}`: write usd=DOLLARS or tokens=NUMBER") from None
    return found


def people(options: Namespace) -> People:
    """Who answers questions, by the command line."""
    from cogc.run.people import MAILBOX, People

    answers: dict[str, list[str]] = {}
    for text in options.answer:
        name, value = pair(text, "--answer")
        answers.setdefault(name, []).append(value)
    terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
    return People(answers, terminal, MAILBOX if options.questions == "wait" else None)


def bound(bundle: ir.Bundle, options: Namespace) -> ir.Bundle:
    """The program with the models of the command line in place of its own."""
    from msgspec.structs import replace

    from cogc.names.catalogue import Catalogue

    models = dict(bundle.models)
    for text in options.model:
        name, _, rest = text.partition("=")
        provider, _, what = rest.partition(":")
        if provider not in PROVIDERS or not what:
            raise Usage(f"`--model {text}`: write NAME=PROVIDER:WHAT; a provider is {' or '.join(PROVIDERS)}")
        known = [k for k, m in models.items() if m.name == name]
        if not known:
            raise Usage(f"--model: the program has no model `{name}`{_has(sorted(m.name for m in models.values()))}")
        price = Catalogue(read).price(provider, what)
        for key in known:
            same = models[key].attributes if models[key].provider == provider else {}
            models[key] = replace(
                models[key], provider=provider, argument=what, folder="", attributes=same, price=price
            )
    return replace(bundle, models=models)


def pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Usage(f"`{option} {text}`: write {option} NAME=VALUE")
    return name, value


def _value(bundle: ir.Bundle, type: int, text: str) -> Any:
    """A value from the command line: JSON, or a plain string where that is what is wanted."""
    if bundle.types[type] == "string":
        return text
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return text


def parameters(bundle: ir.Bundle, options: Namespace) -> dict[str, Any]:
    root = bundle.coglets[bundle.root]
    known = {p.name: p.type for p in root.parameters[: root.own_parameters]}
    found = {}
    for text in options.set:
        name, value = pair(text, "--set")
        if name not in known:
            raise Usage(f"`{root.name}` has no parameter `{name}`{_has(known)}")
        found[name] = _value(bundle, known[name], value)
    for p in root.parameters[: root.own_parameters]:
        if p.default is None and p.name not in found:
            raise Usage(f"`{root.name}` needs `--set {p.name}=...`")
    return found


def _inputs(bundle: ir.Bundle, options: Namespace) -> list[tuple[str, Any]]:
    root = bundle.coglets[bundle.root]
    known = {c.name: c.type for c in root.listens}
    found = []
    for text in options.input:
        name, value = pair(text, "--input")
        if name not in known:
            raise Usage(f"`{root.name}` has no listen channel `{name}`{_has(known)}")
        found.append((name, _value(bundle, known[name], value)))
    return found + _goal(bundle, options, {name for name, _ in found})


def _goal(bundle: ir.Bundle, options: Namespace, given: set[str]) -> list[tuple[str, Any]]:
    """What is wanted, as a message of the root: of a plan without one its own goal."""
    root = bundle.coglets[bundle.root]
    channel = next((c.name for c in root.listens if c.name in ("goal", "task")), None)
    text = goal_of(options)
    if text is None:
        if root.kind in ("agent", "team") and not given and not options.control:
            sys.stderr.write(f"cogc: warning: nothing was asked of the {root.kind} `{root.name}`: give --goal TEXT\n")
        own = root.kind == "plan" and "goal" not in given
        return [("goal", "")] if own else []
    if channel is None:
        raise Usage(f"--goal: `{root.name}` listens neither to `goal` nor to `task`")
    return [(channel, text)]


def goal_of(options: Namespace) -> str | None:
    """What `--goal` or `--goal-file` says."""
    if options.goal is not None and options.goal_file is not None:
        raise Usage("give --goal or --goal-file, not both")
    if not options.goal_file:
        goal: str | None = options.goal
        return goal
    try:
        return Path(options.goal_file).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise Usage(f"cannot read `{options.goal_file}`: {error}") from None


def _has(known: Iterable[str]) -> str:
    names = ", ".join(f"`{k}`" for k in known)
    return f"; it has {names or 'none'}"


def _until(bundle: ir.Bundle, options: Namespace) -> Any:
    if options.until is None:
        return None
    from cogc.run.expressions import until

    problems = Problems()
    found = until(bundle, options.until, problems)
    if found is None:
        first = problems.sorted()[0]
        raise Usage(f"--until: {first.message}; {first.help}")
    return found


def duration(text: str | None, option: str) -> int | None:
    """An option's duration in nanoseconds."""
    from cogc.language.texts import nanoseconds

    if text is None:
        return None
    try:
        return nanoseconds(text)
    except ValueError as error:
        raise Usage(f"{option}: {error}; write 250ms, 10s or 5m") from None


# ---- replay --------------------------------------------------------------------------------------------------


def _replay(bundle: ir.Bundle, options: Namespace) -> int:
    """Feed a journal to a fresh kernel: the same outputs and the same trace, with no process, network or clock."""
    from cogc.commands.faces import Faces
    from cogc.kernel.machine import Kernel
    from cogc.kernel.unit import Unit
    from cogc.run import journal, report

    try:
        head, events = journal.read(Path(options.replay))
    except (OSError, ValueError) as error:
        raise Usage(f"--replay {options.replay}: {error}") from None
    if head["program"] != bundle.hash:
        sys.stderr.write("cogc: warning: the journal was recorded from another version of this program\n")
    options.seed, options.sim = head["seed"], True
    faces = Faces(options, bundle, run=head["run"])
    with faces:
        kernel = Kernel(Unit(bundle), head["seed"], head["epoch"], faces.traced, head["run"], head.get("budget"))

        def taken(effects: list[Any]) -> None:
            faces.effects(effects)
            if kernel.trace is not None:
                faces.records(kernel.trace.take())

        try:
            journal.replay(kernel, events, taken)
        except journal.Divergence as error:
            sys.stderr.write(f"cogc: the replay departs from the recording: {error}\n")
            return 3
    sys.stderr.write(report.usage(kernel))
    if kernel.ended == "failed":
        sys.stderr.write(report.failure(kernel))
        return 3
    return 0


def new_run_id() -> str:
    """A run's name: when it began, and a few letters."""
    return time.strftime("%Y%m%d-%H%M%S") + "-" + os.urandom(2).hex()

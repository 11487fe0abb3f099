"""`cogc run SPEC`: run a system.

Exit codes: 0 done; 1 the spec is wrong; 2 the command line is wrong; 3 the run failed, `--until` was not met, or nobody
listened to the failure of an agent, team, plan or definition of done; 130 interrupted; 143
terminated; 129 hung up.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import trio

from cogc import ir
from cogc.commands import run_sett
from cogc.commands.load import load, show_to_stderr
from cogc.commands.options import LEVELS, bound, inputs, parameters, settle, until
from cogc.commands.packages import allow_imports
from cogc.commands.prints import apart
from cogc.commands.settings import settings
from cogc.commands.sinks import RunSinks
from cogc.commands.usage import UsageError, only
from cogc.diagnostics.problems import Problems
from cogc.kernel.effects import Effect
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.language.attributes import CAGES
from cogc.language.values import Failure
from cogc.run import journal, report
from cogc.run.build import build_session
from cogc.run.process import limit_processes
from cogc.run.session import Session, Sinks
from cogc.run.stopping import EXIT_CODES


def arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("spec", metavar="SPEC", help="a spec, a folder with one, or a program made by `cogc build`")
    add("--root", metavar="NAME", help="the coglet to run (default: Main)")
    add("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the root")
    add("--input", action="append", default=[], metavar="CHANNEL=VALUE", help="a message for a channel of the root")
    add("--for", dest="duration", metavar="DURATION", help="stop after so long, such as 10s")
    add("--until", metavar="EXPR", help="stop when this holds, over what the root has sent: 'len(count) == 5'")
    add("--sim", action="store_true", help="run on a virtual clock")
    add("--epoch", metavar="TIME", help="--sim: when its clock starts (default: 2000-01-01T00:00:00Z)")
    add("--seed", type=int, metavar="N", help="the seed of the run's random numbers (default: a new one)")
    add("--trace", metavar="FILE", help="write a trace; without a file into the run's folder, with a live view")
    add("--log", choices=list(LEVELS), default="info", help="what coglets log goes to stderr from this level on")
    add("--quiet", action="store_true", help="do not say at the end what was lost, and what models cost")
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
    add(
        "--processes", type=int, metavar="N", help="how many commands may run at once (default: what descriptors allow)"
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


def run(options: Namespace) -> int:
    settle(options)
    problems = Problems()
    bundle = load(options.spec, options.root, options.allow_import, problems)
    found = problems.sorted()
    if found:
        show_to_stderr(found)
    if bundle is None:
        return 1
    with apart(bundle, options.output == "json"):
        return _run(bundle, options)


def _run(bundle: ir.Bundle, options: Namespace) -> int:
    bundle = bound(bundle, options)
    if options.processes is not None:
        if options.processes < 1:
            raise UsageError(f"--processes {options.processes}: at least 1")
        limit_processes(options.processes)
    if bundle.root in bundle.setts:
        return run_sett.run(bundle, options)
    if options.sandbox in ("container", "landlock"):
        raise UsageError(
            f"--sandbox {options.sandbox} is for setts; agents of other programs run in bubblewrap, or without"
        )
    for option in ("local", "board"):
        if getattr(options, option):
            raise UsageError(f"--{option} is for setts; this program's root is a coglet")
    if options.replay:
        return _replay(bundle, options)
    sinks = RunSinks(options, bundle)
    with sinks:
        session = build_session(
            Unit(bundle),
            sinks.session_options(parameters(bundle, options), inputs(bundle, options), until(bundle, options)),
            settings(options),
            Sinks(sinks.trace, sinks.journal, sinks.states),
        )
        try:
            trio.run(sinks.run, session)
        except Exception as error:
            failure = _failure_of(error, options.instance)
            if failure is None:
                raise
            raise UsageError(failure) from None
    return _ended(session, options) or (3 if sinks.lost else 0)


def _failure_of(error: BaseException, instance: str | None) -> str | None:
    """Return the message of a parameter, input or kept state that was refused before anything ran."""
    found = only(error)
    if not isinstance(found, Failure):
        return None
    if found.kind != "kept":
        return found.message
    return (
        f"--instance {instance}: {found.message}; begin anew under another name, or remove .cogc/instances/{instance}"
    )


def _ended(session: Session, options: Namespace) -> int:
    if not options.quiet:
        _summary(session)
    if session.outcome == "failed":
        sys.stderr.write(report.failure(session.kernel))
        return 3
    if session.outcome == "deadlock":
        sys.stderr.write(report.deadlock(session.deadlock))
        return 3
    if session.outcome in EXIT_CODES:
        return EXIT_CODES[session.outcome]
    code = _task_failed(session)
    if code:
        return code
    for hook in session.unended:
        sys.stderr.write(f"cogc: {hook} never ended: nothing could come any more of what it waits for\n")
    if not session.met:
        sys.stderr.write(f"cogc: the run ended before `{options.until}`\n")
        return 3
    return 3 if session.unended or session.kernel.losses.failures else 0


def _summary(session: Session) -> None:
    """Say what a run lost, and what its models cost."""
    leftovers = session.kernel.leftovers()
    if leftovers:
        sys.stderr.write(f"cogc: warning: {leftovers} messages waited in `on all` at the end\n")
    for name in session.executors.abandoned:
        sys.stderr.write(f"cogc: warning: a thread of program `{name}` was left to itself\n")
    sys.stderr.write(report.losses(session.kernel.losses))
    sys.stderr.write(report.usage(session.kernel))


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


# ---- replay --------------------------------------------------------------------------------------------------


def _replay(bundle: ir.Bundle, options: Namespace) -> int:
    """Feed a journal to a fresh kernel: the same outputs and the same trace, with no process, network or clock."""
    try:
        head, events = journal.read(Path(options.replay))
    except (OSError, ValueError) as error:
        raise UsageError(f"--replay {options.replay}: {error}") from None
    if head["program"] != bundle.hash:
        sys.stderr.write("cogc: warning: the journal was recorded from another version of this program\n")
    options.seed, options.sim = head["seed"], True
    sinks = RunSinks(options, bundle, run=head["run"])
    with sinks:
        kernel = Kernel(Unit(bundle), head["seed"], head["epoch"], sinks.traced, head["run"], head.get("budget"))

        def taken(effects: list[Effect]) -> None:
            sinks.effects(effects)
            if kernel.trace is not None:
                sinks.records(kernel.trace.take())

        try:
            journal.replay(kernel, events, taken)
        except journal.Divergence as error:
            sys.stderr.write(f"cogc: the replay departs from the recording: {error}\n")
            return 3
    if not journal.is_whole(events):
        raise UsageError(f"the recording `{options.replay}` ends with its line {len(events) + 1}, before its run did")
    if not options.quiet:
        sys.stderr.write(report.losses(kernel.losses) + report.usage(kernel))
    if kernel.ended == "failed":
        sys.stderr.write(report.failure(kernel))
        return 3
    return 3 if kernel.losses.failures else 0

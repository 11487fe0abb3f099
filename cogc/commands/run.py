"""`cogc run SPEC`: run a system.

Exit codes:
    0     the run has ended by itself, or as --for or --until say, or was served
          and ended by SIGTERM
    1     the spec is wrong, or a line of stdin with --strict-input
    2     the command line is wrong
    3     the run failed, --until was not met, or nobody listened to the
          failure of an agent, team, plan or definition of done
    4     the root is not done: its definition of done is not met
    129, 130, 143
          ended by SIGHUP, SIGINT or SIGTERM
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from cogc import ir
from cogc.commands import telemetry, trace_parts, under_trio
from cogc.commands.budgets import budget_option
from cogc.commands.doors import add_doors, check_doors, refuse_doors
from cogc.commands.inputs import inputs, refuse_unknown_answers
from cogc.commands.instance import begun, go_on, opened
from cogc.commands.load import load, show_to_stderr
from cogc.commands.options import (
    LEVELS,
    answer_options,
    bound,
    is_served,
    local_option,
    network_option,
    parameters,
    sandbox_option,
    set_option,
    settle,
    until,
)
from cogc.commands.packages import allow_imports
from cogc.commands.prints import apart
from cogc.commands.program_options import model_option, root_option
from cogc.commands.recordings import recorded, refuse_torn, repeat, warn_of_program
from cogc.commands.same_program import as_recorded
from cogc.commands.serving import Server, refuse_without_server
from cogc.commands.settings import settings
from cogc.commands.sinks import RunSinks
from cogc.commands.state import add_state, state_of, warn_of_spec
from cogc.commands.usage import UsageError, only
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.visible import shown
from cogc.disk.state_folder import StateFolder
from cogc.kernel.effects import Effect, Output
from cogc.kernel.priorities import ordered
from cogc.kernel.unit import Unit
from cogc.language.values import Failure
from cogc.run import journal, report
from cogc.run.build import build_session
from cogc.run.instance_folder import INSTANCES
from cogc.run.process import limit_processes
from cogc.run.replay import Divergence
from cogc.run.session import Session
from cogc.run.stopping import EXIT_CODES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.run.hosting import Script

SPEC = "path of a spec, of a folder with a spec, or of a program made by `cogc build`"
"""The help of the argument that names the program."""
Add = Callable[..., object]
"""`ArgumentParser.add_argument`."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", help=SPEC)
    add_options(parser)


def add_options(parser: ArgumentParser) -> None:
    """Add the options of a run."""
    add = parser.add_argument
    root_option(parser)
    set_option(parser)
    _add_course(add)
    add_doors(add)
    _add_records(add)
    _add_continued(add)
    local_option(parser, "sett: ")
    network_option(parser, "sett: ")
    add(
        "--board",
        metavar="STORE",
        help="sett: store of the blackboard: memory, sqlite:PATH or redis://HOST:PORT (default: setts/INSTANCE/board.db in the state folder)",
    )
    add(
        "--workspace",
        metavar="DIR",
        help="folder in which shell programs and commands run (default: SPEC if it is a folder, else the current one)",
    )
    model_option(parser)
    budget_option(parser)
    answer_options(parser)
    add(
        "--control",
        action="store_true",
        help="print the id of the run, keep its trace for `cogc tail`, and end if the run's socket cannot be made",
    )
    add(
        "--registry",
        metavar="STORE",
        help="list the agents of this run in a registry too: sqlite:PATH or redis://HOST:PORT (default: none)",
    )
    sandbox_option(parser)
    add(
        "--processes",
        type=int,
        metavar="N",
        help="number of commands that may run at once (default: as many as the limit of open files allows)",
    )
    add("--record", metavar="FILE", help="write a journal to FILE: every event that came from outside, for --replay")
    add("--replay", metavar="FILE", help="run the journal FILE again, without processes, network or clock")
    add_state(parser)
    allow_imports(parser)
    parser.set_defaults(silent=False, wire=None)


def _add_course(add: Add) -> None:
    """Add the options for inputs, clock and end of a run."""
    add(
        "--input",
        action="append",
        default=[],
        metavar="CHANNEL=VALUE",
        help="send VALUE, JSON or text, to a listen channel of the root at the start, or `VALUE at 2m` later; @FILE: what the"
        " file holds; may be repeated",
    )
    add(
        "--inputs",
        metavar="FILE",
        help='send what the lines of FILE say: {"t": SECONDS, "channel": NAME, "data": VALUE} (default: nothing)',
    )
    add(
        "--for",
        dest="duration",
        metavar="DURATION",
        help="stop after this time, such as 250ms, 10s or 5m (default: when nothing is left to do)",
    )
    add(
        "--until",
        metavar="EXPR",
        help="stop when this holds for the outputs of the root, such as 'len(count) == 5'; exit code 3 if it never does",
    )
    add("--sim", action="store_true", help="run on a virtual clock, which jumps over the time in which nothing happens")
    add("--epoch", metavar="TIME", help="with --sim: time at which the clock starts (default: 2000-01-01T00:00:00Z)")
    add(
        "--seed",
        type=int,
        metavar="N",
        help="seed of the run's random numbers and of the order of events; 0: the usual order (default: the usual order, new random numbers)",
    )


def _add_records(add: Add) -> None:
    """Add the options for what a run shows and writes."""
    add(
        "--trace",
        metavar="FILE",
        help="write a trace to FILE; `--trace` alone writes it to the run's folder, and shows a live view in a terminal",
    )
    trace_parts.add_options(add)
    telemetry.add_options(add)
    add(
        "--log",
        choices=list(LEVELS),
        default="info",
        help="lowest level at which the log of coglets is printed to stderr (default: info)",
    )
    add(
        "--log-format",
        choices=("people", "json"),
        default="people",
        help="print the log of coglets for people, or as one JSON object a line (default: people)",
    )
    add("--quiet", action="store_true", help="print no summary of losses and of the cost of models at the end")
    add(
        "--output",
        choices=("people", "json"),
        default="people",
        help="print the outputs of the root for people, or as one JSON object a line (default: people)",
    )


def _add_continued(add: Add) -> None:
    """Add the options for goals, and for what a run continues."""
    add(
        "--instance",
        metavar="NAME",
        help="name under which the run is durable: one that did not end goes on, else the saved `persist` states do; sett: whose blackboard"
        " to continue (default: a new start, which nothing outlives)",
    )
    add(
        "--keep",
        metavar="N|TIME",
        help="with --instance: earlier runs whose journals are kept: so many, or those of a time such as 30d (default: none)",
    )
    add("--goal", metavar="TEXT", help="goal of a plan or a sett, task of a team or an agent")
    add("--goal-file", metavar="FILE", help="file with the goal, in place of --goal")
    add(
        "--plans",
        metavar="STORE",
        help="store of the plans: memory, sqlite:PATH or redis://HOST:PORT (default: a file of the state folder, with --sim memory)",
    )
    add("--user", metavar="NAME", help="user to whom new plans belong (default: the login name)")
    add("--topic", metavar="NAME", help="topic of new plans (default: the name of the plan)")
    add(
        "--fresh",
        action="store_true",
        help="begin plans and the run of an instance anew instead of continuing unfinished ones",
    )


def prepare(words: list[str]) -> list[str]:
    """Turn `--trace` and `--trace FILE.jsonl` into `--trace=` and `--trace=FILE.jsonl`, as its value is optional."""
    result: list[str] = []
    for i, word in enumerate(words):
        if i and words[i - 1] == "--trace" and word.endswith(".jsonl"):
            result[-1] = f"--trace={word}"
        else:
            result.append("--trace=" if word == "--trace" else word)
    return result


def run(options: Namespace) -> int:
    settle(options)
    trace_parts.refuse_alone(options)
    if options.spec.endswith(".py"):
        return _script(options)
    bundle = loaded(options)
    if bundle is None:
        return 1
    with ExitStack() as prints:
        prints.enter_context(apart(bundle, options.output == "json"))
        return _run(bundle, options, prints)


def loaded(options: Namespace) -> ir.Bundle | None:
    """Return the program that the options name, and show the mistakes in it; None if there is none."""
    problems = Problems()
    bundle = load(options.spec, options.root, options.allow_import, problems, is_served(options))
    found = problems.sorted()
    if found:
        show_to_stderr(found)
    return bundle


def _script(options: Namespace) -> int:
    """Run a script that boots coglets by itself, or its journal."""
    if not Path(options.spec).is_file():
        raise UsageError(f"there is no file `{options.spec}`")
    from cogc.run.boot import bundle_of  # with asyncio, as the script itself

    bundle = bundle_of(options.spec)
    with ExitStack() as prints:
        prints.enter_context(apart(bundle, options.output == "json"))
        if options.replay:
            return _run(bundle, options, prints)
        from cogc.commands import run_script

        return run_script.run(options.spec, lambda script: _run(bundle, options, prints, script))


def _run(bundle: ir.Bundle, options: Namespace, prints: ExitStack, script: Script | None = None) -> int:
    """Check the options, and run the root: a sett, a recorded run, or a session of its own."""
    bundle = bound(bundle, options)
    if script is None:  # what a script boots is known when it does
        refuse_unknown_answers(bundle, options)
    bound_processes(options)
    if not options.replay:
        warn_of_spec(bundle, options)
    is_sett = bundle.root in bundle.setts
    _refuse_for_root(options, is_sett)
    if is_sett:
        from cogc.commands import run_sett  # slow to import, as all that follows below

        return run_sett.run(bundle, options, prints)
    if options.replay:
        _refuse_for_replay(options)
        return _replay(bundle, options, state_of(options))
    if script is not None and options.instance:
        raise UsageError("--instance is for specs: what a script boots lives in its process alone")
    build = build_session if script is None else _build_of(script)
    made = OneRun(bundle, options, prints, check_doors, build)
    return under_trio.run(made.run, lambda _: made.end(), prints)


def _build_of(script: Script) -> Callable[..., Session]:
    """Return what builds the session of a script."""
    from cogc.run.boot import session_of  # with asyncio, as the script itself

    return partial(session_of, script)


class OneRun:
    """A run that has not begun: its session, and what it writes. `doors` checks the options of its doors, and gives its server.

    Raise UsageError for options that do not fit the program. What is opened is closed with `held`, or by `end`.
    """

    def __init__(
        self,
        bundle: ir.Bundle,
        options: Namespace,
        held: ExitStack,
        doors: Callable[[ir.Bundle, Namespace], Server | None],
        build: Callable[..., Session] = build_session,
    ) -> None:
        self.options = options
        self.state = state = state_of(options)
        unit = Unit(bundle)
        options.given = inputs(bundle, unit, options)
        given = parameters(bundle, options)
        server = doors(bundle, options)
        self.files = files = held.enter_context(ExitStack())
        instance = opened(options, state)
        if instance is not None:
            files.callback(instance.close)
            given = given if instance.recording is None else go_on(options, instance, given)
        self.sinks = sinks = RunSinks(options, bundle, state, instance=instance, begun=begun(options, given))
        sinks.server = server
        files.enter_context(sinks)
        self.session = build(
            unit,
            sinks.session_options(given, options.given, until(bundle, options)),
            settings(options, state, instance),
            sinks.session_sinks(),
        )

    async def run(self) -> None:
        """Run to the end, with its doors. Raise UsageError for what was refused before anything ran."""
        try:
            await self.sinks.run(self.session)
        except Exception as error:
            failure = _failure_of(error, self.options.instance, self.state)
            if failure is None:
                raise
            raise UsageError(failure) from None

    def end(self) -> int:
        """Close the files, report how the run ended, and return the exit code."""
        self.files.close()
        return _code(self.session, self.options, self.sinks)


def bound_processes(options: Namespace) -> None:
    """Bound the commands that run at once, as `--processes` says."""
    if options.processes is None:
        return
    if options.processes < 1:
        raise UsageError(f"--processes {options.processes}: at least 1")
    limit_processes(options.processes)


def _refuse_for_root(options: Namespace, is_sett: bool) -> None:
    """Raise UsageError for an option that a root of the other kind has, or that a recorded run has not."""
    if options.keep is not None and (options.replay or is_sett):
        raise UsageError("--keep is for the journals of an instance, which setts and recorded runs do not have")
    telemetry.refuse_alone(options)
    if getattr(options, "otlp", None) and options.replay:
        raise UsageError(
            "--otlp is for a run that goes on, not for a recorded one: `cogc trace export --format otlp` makes spans of its trace"
        )
    if is_sett:
        refuse_doors(options, "this program's root is a sett; programs with a coglet as root have such doors")
        return
    if options.sandbox in ("container", "landlock"):
        raise UsageError(
            f"--sandbox {options.sandbox} is for setts; agents of other programs run in bubblewrap, or without"
        )
    for option in ("local", "network", "board"):
        if getattr(options, option):
            raise UsageError(f"--{option} is for setts; this program's root is a coglet")


def _code(session: Session, options: Namespace, sinks: RunSinks) -> int:
    """Report how a run ended, and what was lost of its files and refused at its doors. Return the exit code."""
    code = _ended(session, options) or (3 if sinks.lost else 0)
    assert sinks.doors is not None
    sys.stderr.write(sinks.doors.summary())
    return 1 if sinks.doors.refused else code


def _failure_of(error: BaseException, instance: str | None, state: StateFolder) -> str | None:
    """Return why a parameter, an input, a saved state or an unfinished run was refused before anything ran, else None."""
    found = only(error)
    if isinstance(found, Divergence):
        return (
            f"--instance {instance}: the program has changed, and the unfinished run departs from it: {found}\n"
            "  --fresh gives that run up, and the program that it was begun with resumes it"
        )
    if not isinstance(found, Failure):
        return None
    if found.kind != "kept":
        return found.message
    place = state.at(INSTANCES, instance or "")
    return f"--instance {instance}: {found.message}; begin anew under another name, or remove {place}"


def _ended(session: Session, options: Namespace) -> int:
    """Report how a run ended, and return its exit code."""
    if not options.quiet:
        _summary(session)
    hosting = session.executors.coglets.hosting
    if hosting is not None and hosting.exit is not None:
        return _left(hosting.exit)
    if session.outcome == "failed":
        sys.stderr.write(report.failure(session.kernel))
        return 3
    if session.outcome == "deadlock":
        sys.stderr.write(report.deadlock(session.deadlock))
        return 3
    for hook in session.cut_off:
        sys.stderr.write(f"cogc: {hook} had not ended when its time was over\n")
    if is_served(options) and session.outcome == "terminated":
        return 3 if session.cut_off else 0  # a service is stopped so
    if session.outcome in EXIT_CODES:
        return EXIT_CODES[session.outcome]
    code = _task_failed(
        session.kernel.unit.bundle, session.last.get("failed"), session.executors.settings.keeping.store == "memory"
    )
    if code:
        return code
    for hook in session.unended:
        sys.stderr.write(f"cogc: {hook} never ended: nothing was left that could end its wait\n")
    for question in session.unanswered:
        sys.stderr.write(f"cogc: {question} was never answered\n")
    if session.failed_until is not None:
        sys.stderr.write(f"cogc: --until `{options.until}`: {session.failed_until}\n")
        return 2
    if not session.met:
        sys.stderr.write(f"cogc: the run ended before `{options.until}`\n")
        return 3
    lost = (
        session.unended
        or session.cut_off
        or session.unanswered
        or session.kernel.losses.failures
        or session.executors.claims.given_up
    )
    return 3 if lost else 0


def _left(error: BaseException) -> int:
    """Return the exit code of a run that its code has ended by `sys.exit`, and print the line that it gives."""
    code = error.code if isinstance(error, SystemExit) else 130
    if code is None or isinstance(code, int):
        return (code or 0) & 0xFF
    sys.stderr.write(f"{shown(str(code))}\n")
    return 1


def _summary(session: Session) -> None:
    """Report a run to which nothing came, the messages and threads that a run lost, and the cost of its models."""
    sys.stderr.write(report.unasked(session.kernel))
    leftovers = session.kernel.leftovers()
    if leftovers:
        sys.stderr.write(f"cogc: warning: {leftovers} messages waited in `on all` at the end\n")
    for name in session.executors.detached.left:
        sys.stderr.write(f"cogc: warning: a call of `{name}` went on behind its cancellation, and was left behind\n")
    for name in tuple(session.executors.going):
        sys.stderr.write(f"cogc: warning: a thread of program `{name}` did not end, and was abandoned\n")
    sys.stderr.write(report.losses(session.kernel.losses, session.executors.claims.given_up))
    sys.stderr.write(report.unsent(session.delays.messages()))
    sys.stderr.write(report.usage(session.kernel))


def _task_failed(bundle: ir.Bundle, said: Any, in_memory: bool) -> int:
    """Return the exit code of a root that is an agent, a team, a plan or a definition of done. `said` is the last failure
    that the root has reported, or None; `in_memory` tells whether plans end with the run."""
    kind = bundle.coglets[bundle.root].kind
    if kind == "coglet" or said is None:
        return 0
    if kind == "dod":
        sys.stderr.write("cogc: the definition of done is not met\n")
        return 4
    sys.stderr.write(f"cogc: the {kind} failed: {said['message']}\n")
    if said["kind"] == "approval" and in_memory:
        name = bundle.coglets[bundle.root].name
        sys.stderr.write(
            f"cogc: the plan was kept in memory, and is gone: --answer {name}=approve approves of it in the run\n"
        )
    return 4 if said["kind"] == "dod" else 3


# ---- replay --------------------------------------------------------------------------------------------------


def _refuse_for_replay(options: Namespace) -> None:
    """Raise UsageError for options by which a run is reached or leaves something behind. Those that say how a run goes may stand
    beside --replay as they did beside --record: the recording counts."""
    refuse_doors(options, "a recorded run has its messages in the journal")
    refuse_without_server(options)
    for name in ("record", "instance", "fresh", "control", "registry"):
        if getattr(options, name):
            raise UsageError(f"--{name} has no meaning with --replay: the run is over")


def _replay(bundle: ir.Bundle, options: Namespace, state: StateFolder) -> int:
    """Run a journal again: the same outputs and the same trace, without processes, network or clock."""
    head, events = recorded(options.replay, "a run of coglets")
    warn_of_program(head, as_recorded(bundle, options.spec, head.get("program"), head.get("begun")).hash)
    if events and events[0][2] == journal.SNAPSHOT:
        sys.stderr.write(
            "cogc: the journal begins with a snapshot: what was before it is not shown (--keep keeps it)\n"
        )
    options.seed, options.sim = head["seed"], True
    sinks = RunSinks(options, bundle, state, run=head["run"])
    said: dict[str, Any] = {}
    with sinks:
        kernel = ordered(head.get("order", 0))(
            Unit(bundle), head["seed"], head["epoch"], sinks.traced, head["run"], head.get("budget")
        )

        def taken(effects: list[Effect]) -> None:
            sinks.effects(effects)
            said.update((e.channel, e.value) for e in effects if isinstance(e, Output))
            if kernel.trace is not None:
                sinks.records(kernel.trace.take())

        if sinks.trace is not None:
            sinks.trace.hear_parts(kernel.trace)
        if not repeat(kernel, events, taken):
            return 3
    refuse_torn(options.replay, events)
    if not options.quiet:
        sys.stderr.write(report.losses(kernel.losses) + report.usage(kernel))
    if kernel.ended == "failed":
        sys.stderr.write(report.failure(kernel))
        return 3
    if events[-1][3:] == ["deadlock"]:
        sys.stderr.write(report.deadlock(kernel.deadlock() or []))
        return 3
    return _task_failed(bundle, said.get("failed"), in_memory=False) or (
        3 if kernel.losses.failures or sinks.lost else 0
    )

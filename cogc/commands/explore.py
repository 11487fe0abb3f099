"""`cogc explore SPEC`: run a system under many orders of its events, and
under faults, to find an order in which it fails.

Nothing outside is called: models are scripted, and a spec whose programs
would call the world is refused.

Exit codes:
    0     no failure was found; the last line says whether all orders that
          differ were tried
    1     the spec is wrong
    2     the command line is wrong, or the system would call the world
    3     a failure was found, or a process of the exploration was killed
    130, 143  ended by SIGINT, SIGTERM; what was found is reported
"""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, field, replace
from typing import Any

from cogc import built, ir
from cogc.commands import collecting, out
from cogc.commands.inputs import inputs
from cogc.commands.interrupts import code as code_of, terminated
from cogc.commands.load import load, show_to_stderr
from cogc.commands.options import bound, duration, parameters, set_option, settle
from cogc.commands.packages import allow_imports, allowed
from cogc.commands.program_options import model_option, root_option
from cogc.commands.usage import UsageError
from cogc.diagnostics.problems import Problems
from cogc.disk.files import read
from cogc.explore import report, token
from cogc.explore.search import Limits, Report, differs, explore
from cogc.explore.shrink import Shrinker, Shrunk, run as run_case
from cogc.explore.systematic import Diverged
from cogc.explore.tested import CallsWorld, TestTrial
from cogc.explore.trial import KILL, KINDS, Failed, SpecTrial, Trial, Wanted, refusal
from cogc.kernel.unit import Unit
from cogc.language.attributes import MODEL_FAULTS
from cogc.language.values import Failure
from cogc.run.expressions import Condition, until
from cogc.run.settings import Settings
from cogc.testing.collect import collect
from cogc.testing.course import Program

ALL_OF_MODELS = "model"
"""The word for all faults of models."""
TEN_SECONDS = 10_000_000_000
EPOCH = 946_684_800_000_000_000
"""The time at which each run starts: 2000-01-01T00:00:00Z."""


def arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("spec", metavar="SPEC", help="path of a spec, of a folder with a spec, or of a program made by `cogc build`")
    add("--test", metavar="NAME", help="explore the test of this name, or the only one with these words in its name")
    root_option(parser)
    set_option(parser)
    add(
        "--input",
        action="append",
        default=[],
        metavar="CHANNEL=VALUE",
        help="send VALUE, JSON or text, to a listen channel of the root at the start, or `VALUE at 2m` later; may be repeated",
    )
    add("--inputs", metavar="FILE", help="send what the lines of FILE say (default: nothing)")
    add("--goal", metavar="TEXT", help="goal of a plan, task of a team or an agent")
    model_option(parser)
    add("--for", dest="duration", metavar="DURATION", help="virtual time of a run (default: 10s)")
    add("--until", metavar="EXPR", help="what must hold for the outputs before the end of each run, such as 'verdict'")
    add("--never", metavar="EXPR", help="what must hold after no output, such as 'len(granted) > 1'")
    add("--confluent", action="store_true", help="count two runs that end in different states as a failure")
    add("--dead-letters", action="store_true", help="count a message that is lost as a failure")
    add("--faults", type=int, metavar="N", help="number of faults that a run may have (default: 0)")
    add(
        "--fault",
        action="append",
        default=[],
        choices=(*KINDS, KILL, *MODEL_FAULTS, ALL_OF_MODELS),
        metavar="KIND",
        help=f"kind of the faults: {', '.join(KINDS)}; with --test {KILL}; of the answers of models {', '.join(MODEL_FAULTS)}, or `{ALL_OF_MODELS}` for all of these; may be repeated (default: the first four)",
    )
    add("--runs", type=int, metavar="N", help="number of runs (default: 10000)")
    add("--time", default="60s", metavar="DURATION", help="real time that the exploration may take (default: 60s)")
    add("--seed", type=int, default=0, metavar="N", help="seed of random orders and random numbers (default: 0)")
    add("-n", dest="processes", type=int, default=1, metavar="N", help="processes that share the work (default: 1)")
    add("--format", choices=("text", "json"), default="text", help="format of the report (default: text)")
    add("--json", dest="format", action="store_const", const="json", help="the same as --format json")
    add("--replay", metavar="TOKEN", help="run the one order of a token, such as cg1-...")
    add("--svg", metavar="FILE", help="file to write the diagram of the failure to, as SVG")
    add("--mermaid", metavar="FILE", help="file to write the diagram of the failure to, as mermaid")
    allow_imports(parser)
    parser.set_defaults(workspace=".", goal_file=None, control=True)


def run(options: Namespace) -> int:
    settle(options)
    if options.test is None:
        _bounds(options, {})
    for name, least in (("faults", 0), ("runs", 1), ("processes", 1)):
        given = getattr(options, name)
        if given is not None and given < least:
            shown = "-n" if name == "processes" else f"--{name}"
            raise UsageError(f"{shown} {given}: at least {least}")
    if options.test is not None:
        return _test(options)
    if KILL in options.fault:
        raise UsageError(f"--fault {KILL} is for a test (--test), whose scripts hear of a call that is made again")
    problems = Problems()
    bundle = load(options.spec, options.root, options.allow_import, problems)
    found = problems.sorted()
    if found:
        show_to_stderr(found)
    if bundle is None:
        return 1
    bundle = bound(bundle, options)
    refused = refusal(bundle)
    if refused:
        raise UsageError(refused)
    return _explored(_of_spec(bundle, options), options)


def _kinds(given: list[str]) -> tuple[str, ...]:
    """Return the kinds of faults of a command line."""
    found = [k for kind in given for k in (("fail", *MODEL_FAULTS) if kind == ALL_OF_MODELS else (kind,))]
    return tuple(dict.fromkeys(found)) or KINDS


def _bounds(options: Namespace, limits: dict[str, int]) -> None:
    """Set the bounds that the command line does not give: to those of a test's `explore`, else to the usual ones."""
    if options.runs is None:
        options.runs = max(1, limits.get("runs", Limits().runs))
    if options.faults is None:
        options.faults = max(0, limits.get("faults", Limits().faults))


def _explored(of: Explored, options: Namespace) -> int:
    """Explore a trial; report, and return the exit code."""
    collecting.on()
    try:
        return _Exploration(of, options).run()
    except CallsWorld as error:
        raise UsageError(str(error)) from None
    except Diverged as error:
        raise UsageError(f"the runs do not repeat: {error} differs from one run to the next") from None
    except Failure as failure:
        raise UsageError(failure.message) from None


@dataclass(frozen=True, slots=True)
class Explored:
    """The subject of an exploration: trials, the channels of the root that are compared with each other, and a digest of it all."""

    trial: Trial
    observed: frozenset[str]
    digest: str
    sometimes: dict[str, str] = field(default_factory=dict)
    """The conditions that must hold in one of the runs, and their places."""


def _digest(of: list[object]) -> str:
    return hashlib.sha256(json.dumps(of, default=repr).encode()).hexdigest()[:16]


def _of_spec(bundle: ir.Bundle, options: Namespace) -> Explored:
    """Return the exploration of a program with its inputs."""
    unit = Unit(bundle)
    given = sorted(inputs(bundle, unit, options), key=lambda one: one.at)
    named = parameters(bundle, options)
    wanted = Wanted(
        until=_condition(bundle, options.until, "--until"),
        never=_condition(bundle, options.never, "--never"),
        until_words=options.until or "",
        never_words=options.never or "",
        dead_letters=options.dead_letters,
    )
    stop_at = duration(options.duration, "--for") or TEN_SECONDS
    trial = SpecTrial(
        unit, named, [(one.at, one.channel, one.value) for one in given], wanted, options.seed, EPOCH, stop_at
    )
    of: list[object] = [
        built.hashed(bundle).hash,
        named,
        trial.given,
        stop_at,
        options.seed,
        options.until,
        options.never,
    ]
    of += [options.confluent, options.dead_letters]
    return Explored(trial, _channels(wanted.until) | _channels(wanted.never), _digest(of))


_SPECS_OWN = ("root", "set", "input", "inputs", "goal", "model", "duration", "until", "never", "dead_letters")
"""The options that have no meaning beside --test."""


def _test(options: Namespace) -> int:
    """Explore a test."""
    for name in _SPECS_OWN:
        if getattr(options, name):
            shown = "for" if name == "duration" else name.replace("_", "-")
            raise UsageError(f"--{shown} is for a spec without --test: a test says this itself")
    problems = Problems()
    found = collect([options.spec], read, problems, lambda paths: allowed(options.allow_import, paths))
    if problems.errors:
        show_to_stderr([d for d in problems.sorted() if d.severity == "error"])
        return 1
    named = [(s, t) for s, t in found.tests if t.name == options.test]
    named = named or [(s, t) for s, t in found.tests if options.test.casefold() in t.name.casefold()]
    if len(named) != 1:
        known = ", ".join(f"`{t.name}`" for _, t in (named or found.tests))
        raise UsageError(
            f"--test {options.test}: name one of the tests: {known}"
            if known
            else f"--test {options.test}: `{options.spec}` has no tests: give the file that has them, such as NAME_test.cog"
        )
    suite, test = named[0]
    if test.binds:
        raise UsageError(f"the test `{test.name}` has a `for all`: explore one without")
    if test.is_sett:
        raise UsageError(f"the test `{test.name}` is about a sett, whose orders are not explored")
    program = Program.of(suite, lambda: Settings(options.workspace))
    _bounds(options, {name: program.function(value)(None) for name, value in test.limits.items()})
    bundle = suite.bundle
    assert bundle is not None
    channels = frozenset(c.name for c in bundle.coglets[test.root].transmits)
    trial = TestTrial(program, test, options.seed, KILL in options.fault)
    of: list[object] = [built.hashed(bundle).hash, repr(test), options.seed, options.confluent]
    return _explored(Explored(trial, channels, _digest(of), trial.sometimes), options)


class _Exploration:
    """One exploration, as a command line wants it."""

    def __init__(self, of: Explored, options: Namespace) -> None:
        self.options = options
        self.trial = of.trial
        self.observed = of.observed
        self.digest = of.digest
        self.sometimes = of.sometimes

    def run(self) -> int:
        """Explore, or run the order of a token; report, and return the exit code."""
        options = self.options
        if options.replay is not None:
            return self._replay()
        limits = Limits(
            runs=options.runs,
            seconds=(duration(options.time, "--time") or 0) / 1e9,
            faults=options.faults,
            kinds=_kinds(options.fault),
            seed=options.seed,
            confluent=options.confluent,
            processes=options.processes,
            observed=self.observed,
        )
        shown = sys.stderr.isatty()
        shrunk = None
        with terminated():
            made = explore(self.trial, limits, _show if shown else None)
            if shown:
                sys.stderr.write("\r\x1b[K")
            if made.found is not None:
                shrunk = Shrinker(self.trial, made.found, self.observed, options.confluent).shrink()
        code = self._report(made, shrunk)
        cut = made.cut if shrunk is None else shrunk.cut
        if cut is None:
            return code
        return code_of(cut) if isinstance(cut, KeyboardInterrupt) else 3

    def _replay(self) -> int:
        """Run the order of a token."""
        try:
            case = token.read(self.options.replay, self.digest)
        except token.BadToken as error:
            raise UsageError(f"--replay: {error}") from None
        outcome = run_case(self.trial, case, self.observed)
        usual = run_case(self.trial, replace(case, pairs=()), self.observed)
        failed = outcome.failed
        if failed is None and self.options.confluent and usual.final != outcome.final:
            failed = Failed("order", differs(usual.final, outcome.final), "order")
        made = Report(complete=False, runs=2)
        if failed is None:
            return self._report(made, None)
        return self._report(made, Shrunk(replace(case, failed=failed), outcome, usual, 2, True))

    def _report(self, made: Report, shrunk: Shrunk | None) -> int:
        """Print the report; return the exit code."""
        options = self.options
        again = "" if shrunk is None else token.write(shrunk.case, self.digest)
        unmet = [] if shrunk is not None or made.cut is not None or options.replay else self._unmet(made)
        if options.format == "json":
            print(json.dumps(self._json(made, shrunk, again, unmet), ensure_ascii=False, default=str))
        else:
            if shrunk is not None:
                sys.stdout.write(report.text(self.trial, shrunk, f"{_command(options)} --replay {again}"))
            for failed in unmet:
                print(f"{failed.place}: {failed.message}")
            last = _last(made, shrunk, options)
            print(last if not unmet else f"failed: {last.removesuffix('; no failure')}")
        if shrunk is not None:
            for file, draw, kind in ((options.svg, report.svg, "SVG"), (options.mermaid, report.mermaid, "mermaid")):
                if file:
                    out.write(draw(shrunk), file, [options.spec], f"diagram of `cogc explore` as {kind}", _is_diagram)
        return 3 if shrunk is not None or unmet else 0

    def _unmet(self, made: Report) -> list[Failed]:
        """Return the conditions that should have held in one of the runs, and held in none."""
        orders = "the only order" if made.runs == 1 else f"none of {made.runs:,} orders"
        held = "it did not hold in" if made.runs == 1 else "it held in"
        return [
            Failed("sometimes", f"expect sometimes {text}: {held} {orders}", place)
            for text, place in self.sometimes.items()
            if text not in made.held
        ]

    def _json(self, made: Report, shrunk: Shrunk | None, again: str, unmet: list[Failed]) -> dict[str, Any]:
        """Return the report as JSON."""
        failure: dict[str, Any] | None = None
        if unmet:
            failed = unmet[0]
            failure = {"kind": failed.kind, "message": failed.message, "place": failed.place, "races": [], "faults": [],
                       "times": [], "without": [], "token": None}  # fmt: skip
        if shrunk is not None:
            case = shrunk.case
            failure = {
                "kind": case.failed.kind,
                "message": case.failed.message,
                "place": case.failed.place,
                "races": [
                    {"at": r.first.at, "first": _side(r.first), "second": _side(r.second)} for r in report.races(shrunk)
                ],
                "faults": report.faults(case.plan, shrunk.outcome.kernel),
                "times": report.moved(self.trial, case),
                "without": sorted(case.without),
                "token": again,
            }
        ended = None if made.complete or shrunk is not None else _bound(made)
        sometimes = {text: text in made.held for text in self.sometimes}
        return {
            **({"sometimes": sometimes} if sometimes else {}),
            "complete": made.complete, "runs": made.runs, "redundant": made.redundant, "random": made.random, "plans": made.plans,
            "bound": None if self.options.replay else ended, "failure": failure,
        }  # fmt: skip


def _bound(made: Report) -> str:
    """Return the word for what has ended an exploration that is not complete."""
    if made.cut is not None:
        return "interrupt" if isinstance(made.cut, KeyboardInterrupt) else "process"
    return "time" if made.out_of_time else "runs"


def _side(event: report.Event) -> dict[str, str]:
    return {
        "at": event.at,
        "what": event.what,
        "from": event.sender.strip("`"),
        "sent": event.sent,
        "taken": event.taken,
    }


def _condition(bundle: ir.Bundle, text: str | None, option: str) -> Condition | None:
    """Return a condition over the outputs, compiled, or None."""
    if text is None:
        return None
    problems = Problems()
    found = until(bundle, text, problems)
    if found is None:
        first = problems.sorted()[0]
        raise UsageError(f"{option}: {first.message}; {first.help}")
    return found


def _channels(condition: object) -> frozenset[str]:
    return condition.channels if isinstance(condition, Condition) else frozenset()


def _show(words: str) -> None:
    """Show how far the search is, in the last line of a terminal."""
    sys.stderr.write(f"\r\x1b[K{words}")
    sys.stderr.flush()


def _last(made: Report, shrunk: Shrunk | None, options: Namespace) -> str:
    """Return the last line: what was found, or how much was tried."""
    if shrunk is not None:
        count = len(shrunk.case.pairs)
        races = "1 race" if count == 1 else f"{count} races"
        inexact = "" if shrunk.exact else "; it could not be made smaller"
        inexact = "; interrupted, there may be a smaller failure" if shrunk.cut is not None else inexact
        where = "repeated" if options.replay else f"found in {made.runs:,} {'order' if made.runs == 1 else 'orders'}"
        return f"failed: {races}, {where}{inexact}"
    if options.replay:
        return "no failure: the order of the token does not fail any more"
    tried = f"{made.runs:,} {'order' if made.runs == 1 else 'orders'}"
    if made.planned > made.runs and not made.complete:
        tried += f" of about {made.planned:,}"
    if made.random:
        tried += f", {made.random:,} of them random"
    if made.plans > 1:
        tried += f", with {made.plans:,} sets of faults"
    if made.complete:
        return f"complete: {tried}; no failure"
    ended = {
        "interrupt": "interrupted",
        "process": "a process was killed",
        "time": f"--time {options.time} is over",
        "runs": f"--runs {options.runs:,} are made",
    }[_bound(made)]
    return f"not complete: {tried}: {ended}; no failure"


def _command(options: Namespace) -> str:
    """Return the command line that explores the same system."""
    words = ["cogc", "explore", options.spec]
    for name in ("test", "root", "inputs", "goal", "until", "never"):
        if getattr(options, name):
            words += [f"--{name}", getattr(options, name)]
    words += ["--for", options.duration] if options.duration else []
    for name in ("set", "input", "model", "allow_import"):
        for value in getattr(options, name):
            words += [f"--{name.replace('_', '-')}", value]
    words += ["--seed", str(options.seed)] if options.seed else []
    words += [f"--{name.replace('_', '-')}" for name in ("confluent", "dead_letters") if getattr(options, name)]
    return shlex.join(words)


def _is_diagram(text: str) -> bool:
    """Return whether a text is a diagram that this command has written."""
    return text.startswith(("<svg ", "flowchart LR\n"))

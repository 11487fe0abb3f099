"""`cogc test PATH...`: run the tests of specs on a virtual clock.

Tests stand in specs (`test "..." { }`), or in files of their own whose names
end in `_test.cog`. Nothing outside is asked: scripts of a test stand in for
models, programs, tools and people. `specs/testing.md` has every word.

Exit codes:
    0     all tests passed
    1     a spec is wrong
    2     the command line is wrong, or there is no test
    3     a test failed, or the coverage is below --fail-under
    130, 143  ended by SIGINT, SIGTERM; what has run is reported
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from contextlib import nullcontext
from functools import partial

from cogc.commands import collecting, out
from cogc.commands.interrupts import code as code_of, terminated
from cogc.commands.live import REPORTS, live_choice, live_options
from cogc.commands.load import show_to_stderr
from cogc.commands.packages import allow_imports, allowed
from cogc.commands.prints import apart, has_python
from cogc.commands.state import add_state
from cogc.commands.usage import UsageError
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.visible import shown as safe, shown_line
from cogc.disk.files import read
from cogc.disk.state_folder import StateFolder, of_spec, write_whole
from cogc.lowering.tests import Suite, Test
from cogc.run.settings import Settings
from cogc.testing import coverage, diagram_svg, eval_report, written
from cogc.testing.collect import Collected, collect
from cogc.testing.coverage import Covered
from cogc.testing.evaluation import Cut, ended
from cogc.testing.for_all import NoHypothesis
from cogc.testing.outcome import Outcome
from cogc.testing.runner import Choice, covered, run_all
from cogc.testing.watched import stamps
from cogc.testing.words import report, title

NO_TESTS = 2
FAILED = 3


def arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("paths", nargs="+", metavar="PATH", help="path of a file with tests, or of a folder whose tests run")
    add(
        "-k",
        dest="words",
        action="append",
        default=[],
        metavar="WORD",
        help="run only the tests with WORD in their file or name, or the test of this very name; may be repeated",
    )
    add("--lf", action="store_true", help="run only the tests that failed the last time (all, if none did)")
    add("-n", dest="processes", type=int, default=1, metavar="N", help="run the tests in N processes (default: 1)")
    add(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="seed of each run's random numbers and order of events; 0: the usual order (default: 0)",
    )
    add("--format", choices=("text", "json", "github"), default="text", help="format of the report (default: text)")
    add("--junit", metavar="FILE", help="write the outcomes to FILE as JUnit XML too")
    add("--svg", metavar="FILE", help="write the last messages of the tests that failed to FILE as SVG too")
    add("--durations", type=int, metavar="N", help="list the N slowest tests (default: none)")
    add(
        "--cov",
        action="store_true",
        help="report what the tests have made happen in the specs, and what never happened",
    )
    add("--cov-lcov", metavar="FILE", help="write the coverage to FILE in the format of LCOV too")
    add("--cov-xml", metavar="FILE", help="write the coverage to FILE in the format of Cobertura too")
    add("--fail-under", type=float, metavar="PERCENT", help="give exit code 3 if the coverage is below PERCENT")
    add(
        "--watch", action="store_true", help="run again when a file on which the tests depend has changed, until Ctrl-C"
    )
    add(
        "--update-golden",
        action="store_true",
        help="write the traces of `expect trace matches` instead of comparing them",
    )
    add(
        "--workspace",
        metavar="DIR",
        default=".",
        help="folder in which programs run that are not scripted (default: .)",
    )
    live_options(parser)
    add_state(parser)
    allow_imports(parser)


def prepare(words: list[str]) -> list[str]:
    """Keep the command line for `--watch`, which starts it anew after each change."""
    _given[:] = [w for w in words if w != "--watch"]
    return words


_given: list[str] = []
PAUSE = 0.3
"""Seconds between two looks at the files of `--watch`."""


def _watch(options: Namespace) -> int:
    """Run the tests in a process of their own, again after each change of a file, until somebody interrupts."""
    while True:
        seen = stamps(options.paths, read)
        subprocess.run([sys.executable, "-P", "-m", "cogc", *_given], check=False)
        sys.stderr.write("cogc: waiting for a change; Ctrl-C ends\n")
        while stamps(options.paths, read) == seen:
            time.sleep(PAUSE)


def run(options: Namespace) -> int:
    if options.processes < 1:
        raise UsageError(f"-n {options.processes}: at least 1")
    if options.fail_under is not None and not 0 <= options.fail_under <= 100:
        raise UsageError(f"--fail-under {options.fail_under:g}: a percentage is from 0 to 100")
    if options.watch:
        return _watch(options)
    if options.junit:
        out.refuse_foreign(options.junit, "report in JUnit XML", written.is_junit)
    options.cov = options.cov or bool(options.cov_lcov or options.cov_xml or options.fail_under is not None)
    if options.cov_lcov:
        out.refuse_foreign(options.cov_lcov, "report of LCOV", lambda text: text.startswith("TN:"))
    if options.cov_xml:
        out.refuse_foreign(options.cov_xml, "report of Cobertura", lambda text: "<coverage " in text[:200])
    if options.svg:
        out.refuse_foreign(options.svg, "diagram of `cogc test`", diagram_svg.is_ours)
    for name, kind, is_own in REPORTS:
        if getattr(options, name):
            out.refuse_foreign(getattr(options, name), kind, is_own)
    problems = Problems()
    found = collect(options.paths, read, problems, partial(allowed, options.allow_import), options.cov)
    if problems.errors:  # `cogc check` shows the warnings
        show_to_stderr([d for d in problems.sorted() if d.severity == "error"])
        return 1
    gc.collect()
    collecting.on()  # it need not walk the trees of the check after each test
    bundles = [s.bundle for s in found.suites if s.bundle is not None]
    python = [b for b in bundles if has_python(b)]
    with apart((python or bundles)[0], options.format != "text") if bundles else nullcontext():
        return _run(options, found)


def _run(options: Namespace, found: Collected) -> int:
    """Run the tests that were chosen, and report them. Return the exit code."""
    state = of_spec(options.paths[0], options.state)
    live = live_choice(options, state)
    if live.repeat is not None:
        options.seed = int(live.repeat.about.get("seed", 0))
    words = tuple(options.words)
    exact = frozenset(words) & {t.name for _, t in found.tests}
    choice = Choice(words, exact, _last_failed(options, state), options.seed, options.update_golden, options.cov, live)
    chosen = [(s, t) for s, t in found.tests if choice.takes(s, t)]
    if live.repeat is not None:
        chosen = _recorded(chosen, options, live.repeat.about)
    if not chosen:
        which = f" with `{'` and `'.join(options.words)}` in its name" if options.words and found.tests else ""
        sys.stderr.write(f"cogc: there is no test{which} in {', '.join(options.paths)}\n")
        return NO_TESTS
    settings = partial(Settings, options.workspace, allowed(options.allow_import, [s.path for s in found.suites]))
    outcomes: list[tuple[Suite, Outcome]] = []
    began = time.perf_counter()
    stopped: BaseException | None = None
    try:
        with terminated():
            for suite, outcome in run_all(chosen, choice, settings, options.processes):
                outcomes.append((suite, outcome))
                _progress(options, suite, outcome)
    except NoHypothesis as missing:
        raise UsageError(str(missing)) from None
    except (KeyboardInterrupt, OSError, BrokenExecutor) as end:
        stopped = end
    except Cut as cut:
        stopped = cut.end
        outcomes.append((next(s for s, t in chosen if t is cut.outcome.test), cut.outcome))
        _progress(options, *outcomes[-1])
    seconds = time.perf_counter() - began
    _remember(state, outcomes)
    sums = covered(found.suites, outcomes) if options.cov else None
    _report(options, outcomes, seconds, sums)
    low = sums is not None and options.fail_under is not None and sums.percent < options.fail_under
    if low and sums is not None:
        sys.stderr.write(f"cogc: the coverage is {sums.percent:.1f}%, below {options.fail_under:g}%\n")
    code = FAILED if low or any(not o.passed for _, o in outcomes) else 0
    code = _files(options, outcomes, seconds, sums) or code
    return code if stopped is None else _stopped(stopped, len(chosen) - len(outcomes), len(chosen))


def _stopped(end: BaseException, left: int, most: int) -> int:
    """Say why not all tests have run, behind the reports of those that have; return the exit code."""
    missing = f"; {left} of {most} {'test has' if most == 1 else 'tests have'} no outcome" if left else ""
    sys.stderr.write(f"cogc: {ended(end)}{missing}\n")
    return code_of(end) if isinstance(end, KeyboardInterrupt) else FAILED


def _page(outcomes: list[tuple[Suite, Outcome]]) -> bytes:
    """Return the page of evaluations."""
    from cogc.testing.eval_page import page  # start-up: few runs write a page

    return page(outcomes)


def _recorded(
    chosen: list[tuple[Suite, Test]], options: Namespace, about: dict[str, object]
) -> list[tuple[Suite, Test]]:
    """Return the test of a recording. Raise UsageError if it is not there."""
    named = [(s, t) for s, t in chosen if t.name == about.get("test")]
    found = [(s, t) for s, t in named if s.path == about.get("file")] or named
    if not found:
        raise UsageError(
            f"--replay {options.replay}: its test `{about.get('test')}` is not in {', '.join(options.paths)}"
        )
    return found[:1]


def _files(options: Namespace, outcomes: list[tuple[Suite, Outcome]], seconds: float, sums: Covered | None) -> int:
    """Write the reports that go into files. Return 3 if one could not be written: the outcomes count all the same."""
    reports: list[tuple[str | None, Callable[[], bytes]]] = [
        (options.junit, lambda: written.junit(outcomes, options.seed, seconds)),
        (options.svg, lambda: diagram_svg.svg(outcomes)),
    ]
    reports += [
        (options.eval, lambda: eval_report.lines(outcomes, options.seed)),
        (options.eval_html, lambda: _page(outcomes)),
    ]
    if sums is not None:
        reports += [
            (options.cov_lcov, lambda: coverage.lcov(sums)),
            (options.cov_xml, lambda: coverage.cobertura(sums)),
        ]
    code = 0
    for file, made in reports:
        if file:
            try:
                out.write_file(file, made())
            except UsageError as error:
                sys.stderr.write(f"cogc: {error}\n")
                code = 3
    return code


# ---- what failed last ------------------------------------------------------------------------------------------


def _last_failed(options: Namespace, state: StateFolder) -> frozenset[str] | None:
    """Return the tests that failed the last time, or None for all tests."""
    if not options.lf:
        return None
    return _failed_before(state) or None


def _failed_before(state: StateFolder) -> frozenset[str]:
    """Return the names that a run of tests has noted. A file that is not there, or that says something else, has none."""
    try:
        with open(state.at("tests", "failed.json"), encoding="utf-8") as file:
            failed = json.load(file)
    except (OSError, ValueError, RecursionError):
        return frozenset()
    return frozenset(n for n in failed if isinstance(n, str)) if isinstance(failed, list) else frozenset()


def _remember(state: StateFolder, outcomes: list[tuple[Suite, Outcome]]) -> None:
    """Note which tests failed, for `--lf`. Nothing is written where none has ever failed."""
    place = state.at("tests", "failed.json")
    failed = {title(s, o) for s, o in outcomes if not o.passed}
    if not failed and not os.path.exists(place):
        return
    ran = {title(s, o) for s, o in outcomes}
    try:
        state.make("tests")
        write_whole(place, json.dumps(sorted(failed | (_failed_before(state) - ran))) + "\n")
    except OSError as error:
        sys.stderr.write(f"cogc: warning: {place}: {str(error.strerror).lower()}; `--lf` will not know what failed\n")


# ---- what is printed -------------------------------------------------------------------------------------------


def _progress(options: Namespace, suite: Suite, outcome: Outcome) -> None:
    """Print the line of a test that has run."""
    if options.format == "text":
        word = "ok  " if outcome.passed else "FAIL"
        many = f" ({outcome.runs} runs)" if outcome.test.binds and outcome.rate is None else ""
        if outcome.rate is not None and outcome.runs > 1:
            many = f": {eval_report.rate_words(outcome)}"
        sys.stdout.write(safe(f"{word} {shown_line(title(suite, outcome))}{many}\n"))
        if outcome.rate is not None and outcome.runs > 1:
            sys.stdout.write(safe("".join(f"       {line}\n" for line in eval_report.table(outcome))))
        sys.stdout.flush()


def _report(options: Namespace, outcomes: list[tuple[Suite, Outcome]], seconds: float, sums: Covered | None) -> None:
    """Print the failures and the sum."""
    if options.format == "json":
        sys.stdout.write(safe(written.as_json(outcomes, options.seed, seconds, sums)))
        return
    if options.format == "github":
        sys.stdout.write(safe(written.github(outcomes, options.seed)))
        sys.stdout.write(safe(coverage.github(sums)) if sums is not None else "")
    else:
        for suite, outcome in outcomes:
            if outcome.refusal is not None:
                lines = ["", *report(suite, outcome, options.seed)]
                sys.stdout.write(safe("".join(line + "\n" for line in lines)))
        for _, outcome in outcomes:
            for place in outcome.written:
                sys.stdout.write(safe(f"wrote {place}\n"))
        if options.durations:
            slowest = sorted(outcomes, key=lambda pair: -pair[1].seconds)[: options.durations]
            sys.stdout.write(
                safe("".join(f"{o.seconds * 1e3:9.1f} ms  {shown_line(title(s, o))}\n" for s, o in slowest))
            )
        if sums is not None:
            sys.stdout.write(safe(coverage.text(sums)))
    failed = sum(not o.passed for _, o in outcomes)
    files = len({s.path for s, _ in outcomes})
    counted = (
        f"{len(outcomes)} {'test' if len(outcomes) == 1 else 'tests'} in {files} {'file' if files == 1 else 'files'}"
    )
    sys.stdout.write(f"{counted}: {f'{failed} failed' if failed else 'all passed'} ({seconds:.2f} s)\n")

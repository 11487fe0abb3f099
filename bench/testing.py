"""What tests cost: one test of ten virtual seconds once its program is compiled, a hundred of them in all, and coverage.

All times are those of the processor, so that a busy machine changes them little; the row in fixed loops changes least.
"""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.common import ROUNDS, alternate, cpu, fixed, row
from cogc.compile import analyse
from cogc.diagnostics.problems import Problems
from cogc.disk.files import read
from cogc.lowering.tests import Suite, lower_tests
from cogc.testing.course import Program
from cogc.testing.trial import run_test

ONE = 0.001
"""Seconds that a test of ten virtual seconds of `counter` may take once compiled."""
HUNDRED = 0.5
"""Seconds that a hundred of them may take in all, from the files to the report."""
COVERAGE = 1.5
"""How many times as long a test with coverage may take."""
REPEATS = 200
COUNTER = Path(__file__).parent.parent / "examples" / "counter" / "counter.cog"
TEST = 'test "%s" {\n  use Main\n  run 10s\n  expect len(counter.count) == 10\n}\n'


def _suite(folder: Path, tests: int) -> Suite:
    """Return the suite of a file with so many tests of the counter."""
    path = folder / "bench_test.cog"
    path.write_text(f'import "{COUNTER}"\n' + "".join(TEST % f"test {n}" for n in range(tests)))
    problems = Problems()
    checked = analyse([str(path)], read, problems)
    assert not problems.errors, [d.message for d in problems.found]
    return lower_tests(checked, checked.world.roots[0])


def _each(program: Program, suite: Suite) -> float:
    """Return the median seconds of one run of the first test."""
    found = []
    for _ in range(REPEATS):
        began = time.process_time()
        outcome = run_test(program, suite.tests[0])
        found.append(time.process_time() - began)
        assert outcome.passed
    return statistics.median(found)


def _fixed() -> float:
    """Return the seconds of the fixed loop."""
    began = time.process_time()
    for _ in range(20):
        fixed()
    return (time.process_time() - began) / 20


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        suite = _suite(folder, 1)
        plain, covered = Program.of(suite), Program.of(suite, covered=True)
        run_test(plain, suite.tests[0])
        run_test(covered, suite.tests[0])
        gc.collect()
        gc.freeze()
        one, marked, loop = alternate(ROUNDS, lambda: _each(plain, suite), lambda: _each(covered, suite), _fixed)
        row("one test of 10 virtual seconds of counter", f"{one * 1e3:.2f} ms", one / ONE, "1 ms", 1.0)
        row("the same in fixed loops", f"{one / loop:.2f}", one / loop, "a loop", None)
        row("the same with coverage", f"{marked * 1e3:.2f} ms", marked / one, "the same without", COVERAGE)
        _suite(folder, 100)
        command = [sys.executable, "-m", "cogc", "test", str(folder / "bench_test.cog")]
        whole = statistics.median(
            cpu(lambda: subprocess.run(command, capture_output=True, check=True, cwd=folder)) for _ in range(ROUNDS)
        )
        row("100 such tests, the whole process", f"{whole:.3f} s", whole / HUNDRED, "0.5 s", 1.0)
        gc.unfreeze()

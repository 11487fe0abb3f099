"""What has run by the time that an interrupt, a full disk or a dead process ends tests and explorations."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.lowlevel

from cogc.commands.interrupts import Terminated, code, run, terminated
from cogc.explore import search
from cogc.explore.shrink import Shrinker
from cogc.explore.systematic import Systematic
from cogc.testing import evaluation, runner
from support.cli import cogc_here

SPEC = """
coglet Main {
  listen n: int
  transmit doubled: int
  on n as x { doubled <- x * 2 }
}
test "before" { send self.n <- 1; run 1s; expect doubled == [2] }
test "rows" {
  for each row: int in "rows.jsonl"
  send self.n <- row
  run 1s
  expect doubled == [row * 2] and row != 1
}
test "behind" { run 1s }
"""
FILES = ("--eval", "r.jsonl", "--eval-html", "r.html", "--junit", "j.xml", "--cov-lcov", "c.info")
ENDS: list[tuple[BaseException, int, str]] = [
    (KeyboardInterrupt(), 130, "interrupted"),
    (Terminated(), 143, "interrupted"),
    (OSError(errno.ENOSPC, "No space left on device", "a.jsonl"), 3, "cannot write `a.jsonl`: no space left on device"),
    (BrokenProcessPool("gone"), 3, "a process of the tests was killed"),
]


def ending(real: Callable[..., Any], end: BaseException, behind: int) -> Callable[..., Any]:
    """Return a function that raises something in the place of one of its calls."""
    left = behind

    def function(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise end
        return real(*arguments, **named)

    return function


def prepared(tmp_path: Path) -> Path:
    (tmp_path / "a_test.cog").write_text(SPEC)
    (tmp_path / "rows.jsonl").write_text("0\n1\n2\n3\n4\n")
    return tmp_path


@pytest.mark.parametrize(("end", "expected", "words"), ENDS, ids=lambda v: type(v).__name__)
def test_the_rows_that_are_over_are_in_every_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: BaseException, expected: int, words: str
) -> None:
    monkeypatch.setattr(evaluation, "run_case", ending(evaluation.run_case, end, 3))
    done = cogc_here("test", "a_test.cog", "--state", "state", *FILES, cwd=prepared(tmp_path))
    assert done.returncode == expected
    assert done.stderr == f"cogc: {words}; 1 of 3 tests have no outcome\n"
    assert f"2 of 3 rows passed: 66.7% (95%: 20.8% to 93.9%); {words} after 3 of 5 rows" in done.stdout
    assert "2 tests in 1 file: 1 failed" in done.stdout
    lines = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [line.get("passed") for line in lines] == [None, True, False, True, False]
    assert lines[-1]["rate"]["ended"] == f"{words} after 3 of 5 rows"
    assert 'tests="2" failures="1"' in (tmp_path / "j.xml").read_text()
    assert (tmp_path / "r.html").read_text().count("<details>") == 3
    assert (tmp_path / "c.info").read_text().startswith("TN:")
    monkeypatch.undo()
    again = cogc_here("test", "a_test.cog", "--state", "state", "--lf", "--pass-rate", "0.5", cwd=tmp_path)
    assert again.returncode == 0 and "1 test in 1 file: all passed" in again.stdout


@pytest.mark.parametrize(("end", "expected", "words"), ENDS, ids=lambda v: type(v).__name__)
def test_the_tests_that_are_over_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: BaseException, expected: int, words: str
) -> None:
    monkeypatch.setattr(runner, "run_one", ending(runner.run_one, end, 1))
    done = cogc_here("test", "a_test.cog", "--format", "json", *FILES, cwd=prepared(tmp_path))
    found = json.loads(done.stdout)
    assert (done.returncode, found["passed"], found["failed"]) == (expected, 1, 0)
    assert done.stderr == f"cogc: {words}; 2 of 3 tests have no outcome\n"
    assert 'tests="1" failures="0"' in (tmp_path / "j.xml").read_text()


def test_a_process_of_the_tests_that_is_killed_leaves_the_others_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_one(program: Any, test: Any, *more: Any, real: Callable[..., Any] = runner.run_one) -> Any:
        if test.name == "behind":
            os.kill(os.getpid(), signal.SIGKILL)
        return real(program, test, *more)

    monkeypatch.setattr(runner, "run_one", run_one)
    done = cogc_here("test", "a_test.cog", "-n", "2", "--junit", "j.xml", cwd=prepared(tmp_path))
    assert done.returncode == 3 and "cogc: a process of the tests was killed; " in done.stderr
    assert "tests have no outcome" in done.stderr and (tmp_path / "j.xml").exists()


def test_sigterm_is_an_interrupt_and_then_ends_the_process_as_ever() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated) as caught, terminated():
        os.kill(os.getpid(), signal.SIGTERM)
        signal.sigtimedwait([], 5)  # the handler runs between two steps of Python
    assert code(caught.value) == 143 and signal.getsignal(signal.SIGTERM) == before


# ---- explorations ----------------------------------------------------------------------------------------------

BUGS = Path(__file__).parent / "explore" / "bugs"
WRITER = "  create w{0} = W(name: {0})\n  link self.go -> w{0}.go\n  link w{0}.x -> r.x\n"
WRITERS = (
    """
coglet W(name: int) { listen go: int
  transmit x: int
  on go { x <- name } }
coglet R { listen x: int
  state seen: [int] = []
  on x as v { seen = seen + [v] } }
coglet Main { listen go: int
  create r = R { restart: on_error }
"""
    + "".join(WRITER.format(i) for i in range(5))
    + "}\n"
)


@pytest.mark.parametrize("end", [KeyboardInterrupt(), Terminated()], ids=lambda v: type(v).__name__)
@pytest.mark.parametrize("json_too", [False, True])
def test_an_exploration_that_is_interrupted_says_how_far_it_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: KeyboardInterrupt, json_too: bool
) -> None:
    (tmp_path / "w.cog").write_text(WRITERS)
    monkeypatch.setattr(Systematic, "step", ending(Systematic.step, end, 7))
    done = cogc_here("explore", "w.cog", "--input", "go=1", *(["--json"] if json_too else []), cwd=tmp_path)
    assert done.returncode == code(end)
    if json_too:
        found = json.loads(done.stdout)
        assert (found["runs"], found["bound"], found["complete"], found["failure"]) == (7, "interrupt", False, None)
    else:
        assert done.stdout == "not complete: 7 orders: interrupted; no failure\n"


def test_a_failure_whose_shrinking_is_interrupted_is_reported_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("explore", "lost_update.cog", "--input", "go=1", "--confluent")
    monkeypatch.setattr(Shrinker, "_fewer_pairs", ending(Shrinker._fewer_pairs, KeyboardInterrupt(), 0))
    done = cogc_here(*words, cwd=BUGS)
    assert done.returncode == 130 and done.stdout.splitlines()[-1].endswith(
        "interrupted, there may be a smaller failure"
    )
    monkeypatch.undo()
    token = done.stdout.partition("--replay ")[2].split()[0]
    assert cogc_here(*words, "--replay", token, cwd=BUGS).returncode == 3


def test_a_process_of_an_exploration_that_is_killed_ends_it_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = os.getpid()

    def do(self: search.Worker, job: search.Job, real: Callable[..., Any] = search.Worker.do) -> search.Result:
        if os.getpid() != own:
            os.kill(os.getpid(), signal.SIGKILL)
        found: search.Result = real(self, job)
        return found

    monkeypatch.setattr(search.Worker, "do", do)
    (tmp_path / "w.cog").write_text(WRITERS)
    words = ("--input", "go=1", "--faults", "1", "--fault", "drop", "-n", "2")
    done = cogc_here("explore", "w.cog", *words, cwd=tmp_path)
    assert done.returncode == 3 and done.stdout.startswith("not complete: 120 orders")
    assert done.stdout.endswith(": a process was killed; no failure\n")


def test_an_interrupt_that_comes_while_a_client_would_lose_an_exception_ends_the_command() -> None:
    async def client() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except BaseException:  # a client that connects, and takes this for a failure of its own
            raise AssertionError("an exception came up in the middle of it") from None
        await trio.sleep_forever()

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(client)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_interrupt_ends_what_cannot_be_cancelled() -> None:
    async def stubborn() -> None:
        with trio.CancelScope(shield=True):
            os.kill(os.getpid(), signal.SIGINT)
            await trio.lowlevel.checkpoint()
            os.kill(os.getpid(), signal.SIGINT)
            await trio.sleep_forever()

    with pytest.raises(KeyboardInterrupt):
        run(stubborn)


def test_a_command_that_nobody_interrupts_returns_its_value() -> None:
    async def main(value: int) -> int:
        return value

    assert run(main, 7) == 7

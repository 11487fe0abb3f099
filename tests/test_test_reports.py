"""What `cogc test` and `cogc explore` refuse, bound and write: odd counts, odd files, exact names, diagrams, `expect sometimes`."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from support.cli import cogc_here
from support.waiting import wait_for

SYSTEM = """
program ask(q: string) -> int = human { timeout: 10s }
coglet Relay { listen x: int; transmit y: int; on x as n { y <- n } }
coglet Main {
  listen go: int
  transmit out: int
  create a = Relay
  create b = Relay
  link self.go -> a.x
  link self.go -> b.x
  on a.y as n { out <- 2 * n }
  on b.y as n { out <- 2 * n + 1 }
}
"""


def trial(folder: Path, text: str, *options: object, command: str = "test") -> tuple[int, str]:
    (folder / "a_test.cog").write_text(SYSTEM + text)
    own = ("--state", folder / "state") if command == "test" else ()
    done = cogc_here(command, "a_test.cog", *own, *options, cwd=folder)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("steps", "code", "words"),
    [
        ("fail ask 100000000000 times\nrun 1s", 0, "all passed"),
        ("drop self.out 100000000000 times\nsend self.go <- 1\nrun 1s", 0, "all passed"),
        ("for all x in strings(100000000000)\nrun 1s", 1, "`strings` must be from 0 to 10,000 [COG416]"),
        ("for all x in lists(bools(), 0 - 1)\nrun 1s", 1, "help: it is `-1` here"),
        ('for each r in "a\\u0000b"\nrun 1s', 3, "cannot be read: a name of a file has no NUL character"),
        ('expect trace matches "."', 3, '"." cannot be read: it is a folder'),
    ],
)
def test_odd_counts_and_files_are_taken_or_refused_in_one_line(
    tmp_path: Path, steps: str, code: int, words: str
) -> None:
    found, said = trial(tmp_path, f'test "it" {{\n{steps}\n}}')
    assert (found, words in said) == (code, True), said


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("a_test.cog", "is no golden trace, and is not overwritten"),
        (".", "cannot be written: it is a folder"),
        ("no/golden.jsonl", "cannot be written: no such file"),
        ("a\\u0000b", "cannot be written: a name of a file has no NUL character"),
    ],
)
def test_a_golden_trace_takes_the_place_of_a_golden_trace_alone(tmp_path: Path, file: str, words: str) -> None:
    text = f'test "it" {{ run 1s\n expect trace matches "{file}" }}'
    code, said = trial(tmp_path, text, "--update-golden")
    assert code == 3 and words in said
    assert (tmp_path / "a_test.cog").read_text() == SYSTEM + text


def test_more_live_runs_than_anybody_waits_for_are_refused(tmp_path: Path) -> None:
    code, said = trial(tmp_path, 'test "it" { run 1s }', "--live", 10**11)
    assert code == 2 and "from 1 to 100000" in said


def test_a_word_that_is_the_name_of_a_test_stands_for_it_alone(tmp_path: Path) -> None:
    text = 'test "tea" { expect out }\ntest "tea and milk" { run 1s }'
    assert "1 test in 1 file: 1 failed" in trial(tmp_path, text, "-k", "tea")[1]
    assert "2 tests in 1 file: 1 failed" in trial(tmp_path, text, "-k", "te")[1]


def test_values_that_fail_now_and_then_are_said_to_do_so(tmp_path: Path) -> None:
    (tmp_path / "chance.py").write_text("calls = [0]\ndef fails(x):\n    calls[0] += 1\n    return calls[0] != 5\n")
    system = 'program fails(x: int) -> bool = python "chance:fails"\ncoglet Odd { listen x: int; transmit y: bool; on x as v { y <- fails(v) } }\n'
    text = 'test "it" { for all x in ints(0, 1000)\nuse Odd\nscript fails { real }\nsend self.x <- x\nrun 1s\nexpect y == [true] }'
    code, said = trial(tmp_path, system + text, "--allow-import", "chance")
    assert code == 3 and "the same values fail in one run and pass in another one" in said, said


def test_failures_are_drawn(tmp_path: Path) -> None:
    bad = 'test "a <b> & c\\u001b" { send self.go <- 1\n run 1s\n expect out == [] }'
    code, said = trial(tmp_path, bad, "--svg", "f.svg")
    found = ElementTree.parse(tmp_path / "f.svg")
    words = "".join(found.getroot().itertext())
    assert code == 3 and "a <b> & c" in words and "expect out == []" in words and "out 2" in words
    arrows = [e for e in found.iter() if e.get("class") == "arrow"]
    assert len(arrows) == 7  # `go` from outside, `x`, `y` and `out` of both
    assert trial(tmp_path, 'test "good" { run 1s }', "--svg", "f.svg")[0] == 0
    assert "no test failed" in (tmp_path / "f.svg").read_text()
    code, said = trial(tmp_path, bad, "--svg", "a_test.cog")
    assert code == 2 and "is not overwritten" in said


SOMETIMES = 'test "it" { send self.go <- 1\n run 1s\n expect sometimes out == [3, 2]\n%s }'


def test_an_exploration_wants_each_sometimes_to_hold_in_one_of_its_runs(tmp_path: Path) -> None:
    words = ("--test", "it")
    code, said = trial(tmp_path, SOMETIMES % "", *words, command="explore")
    assert code == 0 and said == "complete: 2 orders; no failure\n"
    code, said = trial(tmp_path, SOMETIMES % " expect sometimes out == [7]", *words, command="explore")
    assert code == 3
    assert (
        said == "a_test.cog:17: expect sometimes out == [7]: it held in none of 2 orders\nfailed: complete: 2 orders\n"
    )
    code, said = trial(
        tmp_path, SOMETIMES % " expect sometimes out == [7]", *words, "--json", "-n", 2, command="explore"
    )
    found = json.loads(said)
    assert code == 3 and found["sometimes"] == {"out == [3, 2]": True, "out == [7]": False}
    assert found["failure"]["kind"] == "sometimes" and found["failure"]["place"] == "a_test.cog:17"


def test_a_command_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    endless = "coglet Main { transmit t: int; every 1ms { t <- 1 } }\n"
    (tmp_path / "a_test.cog").write_text(f'{endless}test "a" {{ run 100000h }}\ntest "b" {{ run 100000h }}\n')
    words = [sys.executable, "-m", "cogc", "test", "a_test.cog", "-n", "2", "--state", "state"]
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as first:
        assert first.stdout is not None
        wait_for(lambda: len(children(first.pid)) == 2)
        first.kill()
        first.stdout.read()  # to its end, which comes when no process holds it any more


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = file.read_text().rpartition(")")[2].split()[1]
            found += [int(file.parent.name)] if parent == str(pid) else []
    return found

"""People: in a real terminal, through the mailbox, from the command line, and not at all."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from support.cli import cogc
from support.state import state
from support.waiting import DEADLINE, wait_for

SPEC = """
program approve(what: string) -> bool = human { timeout: 20s }
\"\"\"Which colour is it to be?\"\"\"
program choose(door: int, side: string) -> "red" | "blue" = human { choices: ["red", "blue"] }
program say() -> { n: int } = human
coglet Main {
  transmit out: any
  on start { out <- ASK } else as e { out <- [e.kind, e.message] }
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, ask in (("approve", 'approve("Paint it?")'), ("choose", 'choose(1, "in")'), ("say", "say()")):
        (tmp_path / f"{name}.cog").write_text(SPEC.replace("ASK", ask))
    (tmp_path / "both.cog").write_text(SPEC.replace("ASK", '[approve("a"), approve("b"), approve("c")]'))
    return tmp_path


def test_without_a_person_it_fails_at_once(folder: Path) -> None:
    done = cogc("run", "approve.cog", cwd=folder)
    assert "no terminal" in done.stdout and "--answer approve=VALUE" in done.stdout


def test_answers_from_the_command_line(folder: Path) -> None:
    assert "out: true" in cogc("run", "approve.cog", "--answer", "approve=y", cwd=folder).stdout
    assert "out: blue" in cogc("run", "choose.cog", "--answer", "choose=2", cwd=folder).stdout
    assert 'out: {"n":3}' in cogc("run", "say.cog", "--answer", 'say={"n": 3}', cwd=folder).stdout
    several = cogc("run", "both.cog", "--answer", "approve=no", "--answer", "approve=yes", cwd=folder).stdout
    assert "out: [false,true,true]" in several
    assert "one of red, blue" in cogc("run", "choose.cog", "--answer", "choose=green", cwd=folder).stdout
    assert "expected {" in cogc("run", "say.cog", "--answer", "say=x", cwd=folder).stdout


def test_in_a_terminal(folder: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "cogc", "run", "choose.cog"], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder
    )
    os.close(theirs)
    said = ""
    for answer in ("green\n", "1\n"):
        while not said.endswith((">", "> ", ": ")):
            said += os.read(ours, 4096).decode()
        os.write(ours, answer.encode())
        said += "\n"
    with suppress(OSError):  # the terminal's other end has gone
        while True:
            said += os.read(ours, 4096).decode()
    os.close(ours)
    assert process.wait(DEADLINE) == 0
    assert '? Which colour is it to be? (door: 1, side: "in")' in said and "2  blue" in said
    assert "please answer one of red, blue" in said and "out: red" in said


def test_in_the_mailbox(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "cogc", "run", "choose.cog", "--questions", "wait"],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    listed = wait_for(lambda: cogc("answer", cwd=folder).stdout)
    id, path = listed.split()[:2]
    assert path == "Main" and "Which colour" in listed and "[red, blue]" in listed
    wrong = cogc("answer", id, "green", cwd=folder)
    assert wrong.returncode == 2 and "one of red, blue" in wrong.stderr
    assert cogc("answer", "nope", "x", cwd=folder).returncode == 2
    assert cogc("answer", id, "blue", cwd=folder).returncode == 0
    out, err = process.communicate(timeout=DEADLINE)
    assert "out: blue" in out and id in err
    assert cogc("answer", cwd=folder).stdout == "" and list((state(folder) / "questions").iterdir()) == []


def test_a_question_of_a_run_that_was_killed_takes_no_answer(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "cogc", "run", "approve.cog", "--questions", "wait"],
        cwd=folder,
        stderr=subprocess.DEVNULL,
    )
    mailbox = state(folder) / "questions"
    wait_for(lambda: list(mailbox.glob("*.json")))
    process.kill()
    process.wait()
    (asked,) = mailbox.glob("*.json")
    done = cogc("answer", asked.stem, "yes", cwd=folder)
    assert done.returncode == 2 and "has ended, and takes no answer" in done.stderr
    assert not asked.with_suffix(".answer").exists() and "(its run is over)" in cogc("answer", cwd=folder).stdout

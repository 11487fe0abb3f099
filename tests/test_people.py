"""People: in a real terminal, through the mailbox, from the command line, and not at all."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import trio

from cogc.run import peers
from cogc.run.answers import answered
from cogc.run.control_client import opens
from cogc.run.local_server import listening, open_socket
from cogc.run.peers import started_by
from cogc.run.questions import read_answer
from support.cli import cogc, cogc_here
from support.state import state
from support.waiting import DEADLINE, until, wait_for

SPEC = """
program approve(what: string) -> bool = human { timeout: 120s }
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
    assert "out: true" in cogc_here("run", "approve.cog", "--answer", "approve=y", cwd=folder).stdout
    assert "out: blue" in cogc_here("run", "choose.cog", "--answer", "choose=2", cwd=folder).stdout
    assert 'out: {"n":3}' in cogc_here("run", "say.cog", "--answer", 'say={"n": 3}', cwd=folder).stdout
    several = cogc_here("run", "both.cog", "--answer", "approve=no", "--answer", "approve=yes", cwd=folder).stdout
    assert "out: [false,true,true]" in several
    assert "one of red, blue" in cogc_here("run", "choose.cog", "--answer", "choose=green", cwd=folder).stdout
    assert "expected {" in cogc_here("run", "say.cog", "--answer", "say=x", cwd=folder).stdout


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
    listed = wait_for(lambda: cogc_here("answer", cwd=folder).stdout)
    id, path = listed.split()[:2]
    assert path == "Main" and "Which colour" in listed and "[red, blue]" in listed
    wrong = cogc_here("answer", id, "green", cwd=folder)
    assert wrong.returncode == 2 and "one of red, blue" in wrong.stderr
    assert cogc_here("answer", "nope", "x", cwd=folder).returncode == 2
    # the question stands there before its run listens
    wait_for(lambda: cogc_here("answer", id, "blue", cwd=folder).returncode == 0)
    out, err = process.communicate(timeout=DEADLINE)
    assert "out: blue" in out and id in err
    (kept,) = (state(folder) / "questions").iterdir()
    said = json.loads(kept.read_text())
    assert cogc_here("answer", cwd=folder).stdout == "" and (said["id"], said["answer"], said["uid"]) == (
        id,
        "blue",
        os.getuid(),
    )
    assert f"question {id} was answered by {said['by']} (process {said['pid']})" in err


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
    done = cogc_here("answer", asked.stem, "yes", cwd=folder)
    assert done.returncode == 2 and "has ended, and takes no answer" in done.stderr
    assert "(its run is over)" in cogc_here("answer", cwd=folder).stdout


# ---- who may answer ------------------------------------------------------------------------------------------------


def over(path: Path, tries: list[tuple[bytes, str]], answer: str) -> list[str]:
    """Listen for an answer while others say what is none; return what each of them was told."""
    told: list[str] = []

    async def main() -> None:
        async with trio.open_nursery() as nursery:

            async def listen() -> None:
                with listening(path) as listener:
                    found, said, _ = await answered(
                        listener, lambda text, _: read_answer(text, ["yes", "no"], "string")
                    )
                assert (found, said) == (answer, answer)

            nursery.start_soon(listen)
            await until(path.exists)
            for data, _ in tries:
                async with await trio.open_unix_socket(str(path)) as stream:
                    await stream.send_all(data)
                    await stream.send_eof()
                    told.append(json.loads(await stream.receive_some())["error"])
            script = "import sys; from pathlib import Path; from cogc.run.answers import answer_over; print(answer_over(Path(sys.argv[1]), sys.argv[2]))"
            done = await trio.run_process([sys.executable, "-c", script, str(path), answer], capture_stdout=True)
            assert done.stdout == b"\n"

    trio.run(main)
    return told


def test_an_answer_is_checked_and_what_is_none_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "started_by", lambda pid, runner: False)
    tries = [
        (b"yes\n", "`{"), (b"[" * 9000 + b"\n", "`{"), (b'{"answer": 7}\n', "`{"), (b'{"answer": "perhaps"}\n', "one of yes, no"),
        (b'{"answer": "\\ud800"}\n', "surrogates"), (b"\xff\n", "`{"),
    ]  # fmt: skip
    told = over(tmp_path / "q.socket", tries, "yes")
    assert all(part in said for said, (_, part) in zip(told, tries, strict=True)), told
    assert not (tmp_path / "q.socket").exists()


def test_a_process_that_the_run_has_started_cannot_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = os.getpid()
    with subprocess.Popen(["sleep", "60"]) as child:
        assert started_by(child.pid, mine) and started_by(mine, mine) and not started_by(os.getppid(), mine)
        child.kill()
    asked = iter([True, False])
    monkeypatch.setattr(peers, "started_by", lambda pid, runner: next(asked))
    told = over(tmp_path / "q.socket", [(b'{"answer": "yes"}\n', "")], "no")
    assert told == ["the question is for a person, and not for a program of the run"]


def test_a_socket_is_closed_to_others(tmp_path: Path) -> None:
    with open_socket(tmp_path / "q.socket"):
        assert stat.S_IMODE((tmp_path / "q.socket").stat().st_mode) == 0o600


def test_a_socket_takes_the_place_of_a_dead_one_and_of_no_other(tmp_path: Path) -> None:
    path = tmp_path / "q.socket"
    open_socket(path).close()
    assert path.exists() and not opens(path)
    with open_socket(path):
        assert opens(path)
        with pytest.raises(OSError, match="in use"):
            open_socket(path)
        assert opens(path)


def test_a_socket_is_closed_to_others_from_its_first_moment_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.chmod", lambda path, mode: None)
    with open_socket(tmp_path / "q.socket"):
        assert stat.S_IMODE((tmp_path / "q.socket").stat().st_mode) == 0o600


def test_an_answer_to_nobody_is_refused(folder: Path) -> None:
    done = cogc_here("run", "approve.cog", "--answer", "aprove=yes", cwd=folder)
    assert done.returncode == 2 and done.stdout == ""
    assert "nothing that asks a person by the name `aprove`; it has `approve`" in done.stderr

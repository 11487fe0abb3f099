"""Instances on the command line: killed processes, locks, journals that are torn or changed, changed specs, questions, `runs` and `resume`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cogc.run.instance import holder_of, status_of
from cogc.run.journal import load
from cogc.run.reaper import descendants
from support.cli import cogc, cogc_here
from support.paths import ROOT
from support.state import state
from support.waiting import wait_for

SPEC = """
program f(x: int) -> int = shell ["sh", "-c", "echo {{ x }} $COGC_CALL_ID >> ledger; echo {{ x * 2 }}"] { output: json }
coglet Main {
  listen x: int
  transmit y: int
  state n: int = 0 persist
  on x as v { let r = f(v)
    n = n + r
    y <- n }
}
"""
WORDS = ["--input", "x=1", "--input", "x=2", "--output", "json", "--quiet"]
KILLED = -9


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "a.cog").write_text(SPEC)
    return tmp_path


def folder(project: Path) -> Path:
    return state(project) / "instances" / "i"


def journal(project: Path) -> Path:
    return folder(project) / "journal.jsonl"


def start(project: Path, *words: object, at: str = "", spec: str = "a.cog") -> subprocess.CompletedProcess[str]:
    """Run the instance; in a process of its own where it is killed at its write number `at`."""
    given = ("run", spec, "--instance", "i", *(words or WORDS))
    return cogc(*given, cwd=project, COGC_CRASH_AT=at) if at else cogc_here(*given, cwd=project)


def outputs(done: subprocess.CompletedProcess[str]) -> list[Any]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_killed_run_goes_on_and_a_run_that_ended_is_followed_by_a_new_one(project: Path) -> None:
    assert start(project, at="3").returncode == KILLED
    assert status_of(folder(project)).condition == "unfinished"
    assert "i                unfinished" in cogc_here("runs", cwd=project).stdout
    done = cogc_here("resume", "i", cwd=project)
    assert done.returncode == 0 and re.search(
        r"cogc: run \S+ goes on after \d+ events; 1 call was under way", done.stderr
    )
    assert outputs(done) == [
        {"channel": "y", "data": 2, "seq": 1}, {"channel": "y", "data": 6, "seq": 2},
    ]  # fmt: skip
    calls = (project / "ledger").read_text().split("\n")[:-1]
    assert sorted({c.split()[0] for c in calls}) == ["1", "2"] and len(calls) == len(set(calls)) == 2
    (found,) = (json.loads(line) for line in cogc_here("runs", "--json", cwd=project).stdout.splitlines())
    assert (found["instance"], found["state"], found["outcome"]) == ("i", "ended", "done")
    refused = cogc_here("resume", "i", cwd=project)
    assert refused.returncode == 2 and "the last run of the instance `i` ended (done)" in refused.stderr
    assert [said["data"] for said in outputs(start(project))] == [8, 12]  # what is declared `persist` goes on


def test_nothing_leaves_before_its_events_are_on_disk(project: Path) -> None:
    assert start(project, at="1").returncode == KILLED
    assert not (project / "ledger").exists() and not journal(project).exists()
    assert cogc_here("resume", "i", cwd=project).returncode == 2
    assert len(outputs(start(project))) == 2


@pytest.mark.parametrize("damage", ["changed", "missing", "broken"])
def test_a_journal_that_was_damaged_in_the_middle_is_refused_with_its_line(project: Path, damage: str) -> None:
    start(project, at="3")
    lines = journal(project).read_bytes().splitlines(keepends=True)
    if damage == "changed":
        lines[2] = lines[2].replace(b'"x",1', b'"x",7')
    elif damage == "missing":
        del lines[2]
    else:
        lines[2] = lines[2][:9] + b"\n"
    journal(project).write_bytes(b"".join(lines))
    done = start(project)
    assert done.returncode == 2 and f"line {3} is broken" in done.stderr and done.stdout == ""
    assert cogc_here("runs", cwd=project).returncode == 2
    assert start(project, *WORDS, "--fresh").returncode == 0


def test_a_torn_tail_is_cut_and_said_at_every_offset(project: Path) -> None:
    assert start(project, at="3").returncode == KILLED
    whole, before = journal(project).read_bytes(), (project / "ledger").read_text()
    last, lines = whole[:-1].rindex(b"\n") + 1, len(whole.splitlines())
    for size in [last + 1, (last + len(whole)) // 2, len(whole) - 1]:
        journal(project).write_bytes(whole[:size])
        (project / "ledger").write_text(before)
        done = start(project)
        assert done.returncode == 0 and f"was torn, and is cut: line {lines}" in done.stderr
        assert [said["data"] for said in outputs(done)] == [2, 6]


def test_a_second_start_says_who_has_the_instance(project: Path) -> None:
    (project / "a.cog").write_text(
        'program f() -> string = shell ["sleep", "100"]\ncoglet Main { on start { let r = f() } }'
    )
    words = [sys.executable, "-m", "cogc", "run", "a.cog", "--instance", "i"]
    with subprocess.Popen(words, cwd=project, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
        wait_for(lambda: journal(project).exists() and b'"call"' in journal(project).read_bytes())
        done = cogc("run", "a.cog", "--instance", "i", cwd=project)
        assert done.returncode == 2
        assert done.stderr == f"cogc: --instance i: a run of this instance is under way, process {process.pid}\n"
        assert f"running, process {process.pid}" in cogc_here("runs", cwd=project).stdout
        assert f"process {process.pid} runs the instance" in cogc_here("resume", "i", cwd=project).stderr
        process.kill()


def test_a_run_goes_on_when_no_process_of_the_dead_one_is_left(project: Path) -> None:
    """The program ignores SIGTERM and outlives its shell; it writes into a file as long as it lives."""
    loop = "trap '' TERM; (while :; do date +%s%N > alive; sleep 0.01; done) & wait"
    spec = f'program f() -> string = shell ["sh", "-c", {json.dumps(loop)}] {{ on_resume: fail }}\n'
    spec += "coglet Main { transmit y: string\n on start { y <- try f() else as e e.kind } }"
    (project / "a.cog").write_text(spec)
    words = [sys.executable, "-m", "cogc", "run", "a.cog", "--instance", "i"]
    with subprocess.Popen(words, cwd=project, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
        wait_for((project / "alive").exists)
        process.kill()
    done = cogc("run", "a.cog", "--instance", "i", cwd=project)
    assert done.returncode == 0 and done.stdout == "y: resume\n"
    last = (project / "alive").read_text()
    assert int(last or 0) < os.stat(journal(project)).st_mtime_ns


def test_a_changed_spec_goes_on_unless_a_call_departs(project: Path) -> None:
    start(project, at="4")
    text = (project / "a.cog").read_text()
    (project / "a.cog").write_text(text.replace("f(v)", "f(v + 1)"))
    done = start(project)
    assert done.returncode == 2 and done.stdout == ""
    for line in (
        "the unfinished run departs",
        "expected  `f`",
        "then at   a.cog:",
        "at        a.cog:",
        "--fresh gives that run up",
    ):
        assert line in done.stderr
    (project / "a.cog").write_text(
        text.replace("y <- n }", "y <- n * 100 }").replace("output: json", "output: json, on_resume: retry")
    )
    done = start(project)
    assert done.returncode == 0 and "the program has changed since" in done.stderr
    assert outputs(done)[-1] == {"channel": "y", "data": 600, "seq": 2}


def test_fresh_gives_an_unfinished_run_up_and_its_questions(project: Path) -> None:
    (project / "a.cog").write_text(
        'program ask(q: string) -> string = human\ncoglet Main { transmit y: string\n on start { y <- ask("why?") } }'
    )
    words = [sys.executable, "-m", "cogc", "run", "a.cog", "--instance", "i", "--questions", "wait"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    asked = state(project) / "questions"
    with subprocess.Popen(words, cwd=project, env=env) as process:
        wait_for(lambda: any(asked.glob("*.json")))
        process.kill()
    (question,) = asked.glob("*.json")
    refused = cogc_here("answer", question.stem, "because", cwd=project)
    assert refused.returncode == 2 and "`cogc resume i` goes on with it" in refused.stderr
    with subprocess.Popen(words, cwd=project, env=env, stdout=subprocess.PIPE, text=True) as process:
        wait_for(lambda: any(p.stem == question.stem for p in asked.glob("*.socket")))
        wait_for(lambda: cogc_here("answer", question.stem, "because", cwd=project).returncode == 0)
        assert process.communicate()[0] == "y: because\n"
    assert "no open question" in cogc_here("answer", question.stem, "again", cwd=project).stderr
    with subprocess.Popen(words, cwd=project, env=env) as process:
        wait_for(lambda: any(asked.glob("*.socket")))
        process.kill()
    done = cogc("run", "a.cog", "--instance", "i", "--fresh", "--answer", "ask=so", cwd=project)
    assert done.stdout == "y: so\n" and not list(asked.glob("*.json"))


def test_a_resumed_run_goes_on_with_what_it_was_begun_with(project: Path) -> None:
    first = start(project, *WORDS, "--sim", "--input", "x=3 at 1h", at="3")
    done = start(project, "--input", "x=9", "--seed", "4", "--output", "json")
    assert "--seed, --input not used" in done.stderr
    assert [said["data"] for said in outputs(first) + outputs(done)] == [2, 6, 12]


def test_a_recording_of_an_instance_is_its_journal(project: Path) -> None:
    start(project, at="3")
    start(project, *WORDS, "--record", "j")
    assert (project / "j").read_bytes() == journal(project).read_bytes()
    again = cogc_here("run", "a.cog", "--replay", "j", "--output", "json", cwd=project)
    assert [said["data"] for said in outputs(again)] == [2, 6] and again.returncode == 0
    assert (
        cogc_here("run", "a.cog", "--replay", journal(project), "--output", "json", cwd=project).stdout == again.stdout
    )


COUNTER = "\n".join(
    [
        "from cogc.sdk import Coglet, listen, every",
        "",
        "",
        re.findall(r"```python\n.*?(class Counter.*?)```", (ROOT / "specs" / "durable.md").read_text(), re.DOTALL)[0],
    ]
)
PYTHON = """
coglet Counter = python "counter:Counter" { listen add: int
  transmit count: int }
program slow(x: int) -> int = shell ["sh", "-c", "sleep 0.05; echo {{ x }}"] { output: json }
coglet Main { listen x: int
  transmit y: any
  create c = Counter
  on x as v { c.add <- slow(v) }
  on c.count as n { y <- n } }
"""


@pytest.mark.parametrize("saves", [True, False])
@pytest.mark.parametrize("under_way", [True, False])
def test_a_class_that_saves_goes_on_and_another_starts_anew(project: Path, saves: bool, under_way: bool) -> None:
    """It is killed after its third message, or while it handles the fourth one."""
    (project / "counter.py").write_text(COUNTER if saves else COUNTER.replace("def save", "def keep"))
    (project / "a.cog").write_text(PYTHON)
    words = ["--output", "json", *(w for n in range(1, 5) for w in ("--input", f"x={n}"))]
    assert [said["data"] for said in outputs(start(project, *words))] == [1, 3, 6, 10]
    lines = journal(project).read_bytes().splitlines(keepends=True)
    begun = [i for i, line in enumerate(lines) if b'\\"listen\\"' in line]
    ended = next(i for i, line in enumerate(lines) if b'"result",%d,' % json.loads(lines[begun[2]])[3] in line)
    journal(project).write_bytes(b"".join(lines[: (begun[3] if under_way else ended) + 1]))
    found = [said["data"] for said in outputs(start(project, *words))]
    assert set(found) & {4, 10} == ({10} if saves else set() if under_way else {4})


def test_the_lock_is_held_as_long_as_the_reaper_of_a_dead_run_lives(project: Path) -> None:
    """The reaper is stopped, so that it cannot end: the next start waits until it goes on."""
    (project / "a.cog").write_text(
        'program f() -> string = shell ["sleep", "100"] { on_resume: fail }\n'
        "coglet Main { transmit y: string\n on start { y <- try f() else as e e.kind } }"
    )
    words = [sys.executable, "-m", "cogc", "run", "a.cog", "--instance", "i"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, cwd=project, env=env) as process:
        wait_for(lambda: any("sleep" in command(pid) for pid in descendants(process.pid)))
        (reaper,) = [pid for pid in descendants(process.pid) if parent(pid) == process.pid and "serve" in command(pid)]
        os.kill(reaper, signal.SIGSTOP)
        process.kill()
        process.wait()
    with subprocess.Popen(words, cwd=project, env=env, stdout=subprocess.PIPE, text=True) as again:
        with pytest.raises(subprocess.TimeoutExpired):
            again.wait(3)
        os.kill(reaper, signal.SIGCONT)
        assert again.communicate()[0] == "y: resume\n"


def command(pid: int) -> str:
    return (
        Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode() if Path(f"/proc/{pid}").exists() else ""
    )


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


RESTS = """
coglet Main { listen x: int
  transmit y: int
  state n: int = 0
  state last: int = 0 persist
  on x as v { n = n + v
    last = v
    y <- n } }
"""


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot is written whenever the journal has grown by 1,000 bytes."""
    monkeypatch.setattr("cogc.commands.sinks.EVERY", 1000)


def rested(project: Path, *words: str, count: int = 60) -> tuple[list[str], list[Any]]:
    """Run a system with inputs 1 to `count`, as if it had been killed at its end. Return the command line and its outputs."""
    (project / "a.cog").write_text(RESTS)
    given = [f'{{"t": {n}, "channel": "x", "data": {n}}}\n' for n in range(1, count + 1)]
    (project / "in.jsonl").write_text("".join(given))
    line = ["run", "a.cog", "--instance", "i", "--sim", "--inputs", "in.jsonl", "--output", "json", "--quiet", *words]
    found = outputs(cogc_here(*line, cwd=project))
    assert journal(project).read_bytes().endswith(b"]\n")
    return line, found


def cut(project: Path, lines: int) -> None:
    """Leave so many lines of the journal less."""
    whole = journal(project).read_bytes().splitlines(keepends=True)
    journal(project).write_bytes(b"".join(whole[: len(whole) - lines]))


@pytest.mark.usefixtures("often")
def test_a_journal_begins_anew_with_a_snapshot_from_which_the_run_goes_on(project: Path) -> None:
    line, whole = rested(project)
    found = load(journal(project).read_bytes())
    assert found.events[0][2] == "snapshot" and found.length > 150 > 2 * len(found.events)
    assert [said["data"] for said in whole] == [n * (n + 1) // 2 for n in range(1, 61)]
    cut(project, 4)
    left = load(journal(project).read_bytes())
    again = cogc_here(*line, cwd=project)
    assert f"goes on after {left.length} events" in again.stderr and outputs(again)[-1] == whole[-1]
    assert [said["seq"] for said in outputs(again)] == list(range(outputs(again)[0]["seq"], 61))
    replayed = cogc_here("run", "a.cog", "--replay", journal(project), "--output", "json", cwd=project)
    assert "begins with a snapshot" in replayed.stderr and outputs(replayed) == whole[60 - len(outputs(replayed)) :]


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("option", ["--keep", "--record"])
def test_a_journal_that_is_kept_has_all_events_and_goes_on_from_its_last_snapshot(project: Path, option: str) -> None:
    line, whole = rested(project, option, "3" if option == "--keep" else "j")
    kinds = [event[2] for event in load(journal(project).read_bytes()).events]
    assert kinds[0] == "start" and kinds.count("snapshot") > 3 and kinds.count("input") == 60
    replayed = cogc_here("run", "a.cog", "--replay", journal(project), "--output", "json", "--quiet", cwd=project)
    assert outputs(replayed) == whole
    cut(project, 4)
    again = cogc_here(*line, cwd=project)
    assert again.returncode == 0 and outputs(again)[-1] == whole[-1]
    if option == "--record":
        assert (project / "j").read_bytes() == journal(project).read_bytes()


@pytest.mark.usefixtures("often")
def test_a_changed_spec_takes_up_a_snapshot_if_all_that_it_names_is_there(project: Path) -> None:
    line, whole = rested(project)
    cut(project, 4)
    before = journal(project).read_bytes()
    (project / "a.cog").write_text(
        RESTS.replace("state n: int = 0", 'state n: string = ""')
        .replace("n = n + v", "n = str(v)")
        .replace("y <- n", "y <- v")
    )
    refused = cogc_here(*line, cwd=project)
    assert (
        refused.returncode == 2
        and "the snapshot with which the journal begins does not fit: the state `n` of `Main`: expected string"
        in refused.stderr
    )
    assert journal(project).read_bytes() == before
    (project / "a.cog").write_text(RESTS.replace("y <- n }", "y <- n + 1000 }"))
    done = cogc_here(*line, cwd=project)
    assert done.returncode == 0 and "the program has changed since" in done.stderr
    assert outputs(done)[-1]["data"] == whole[-1]["data"] + 1000


@pytest.mark.usefixtures("often")
def test_a_snapshot_that_was_damaged_is_refused(project: Path) -> None:
    line, _ = rested(project)
    cut(project, 4)
    whole = journal(project).read_bytes()
    place = whole.index(b'"snapshot"')
    for at in (place + 3, place + 40, place + 200):
        changed = bytearray(whole)
        changed[at] ^= 1
        journal(project).write_bytes(changed)
        refused = cogc_here(*line, cwd=project)
        assert refused.returncode == 2 and "line 2 is broken" in refused.stderr, refused.stderr


GONE = """
program lose() -> string = shell ["sh", "-c", "test -e done || { touch done; COMMAND 'PATH'; }"]
coglet Main {
  listen x: int
  transmit y: int
  state n: int = 0 persist
  on x as v { n = n + v
    lose()
    n = n + v
    y <- n }
}
"""


@pytest.mark.parametrize(
    ("command", "name", "said", "then"),
    [
        ("rm -r", "", "it was removed or replaced, and has to be put back", None),
        ("rm -r", "journal.jsonl", "it was removed or replaced, and has to be put back", "journal.jsonl` is gone"),
        ("rm -r", "lock", "its lock was removed or replaced, so that another run may have it", "goes on"),
        ("rm -r", "state.db", "state.db`: it was removed, replaced or emptied while it was open", "goes on"),
        (": >", "state.db", "state.db`: it was removed, replaced or emptied while it was open", "goes on"),
    ],
)
def test_a_run_ends_when_its_instance_is_removed_under_it(
    project: Path, command: str, name: str, said: str, then: str | None
) -> None:
    (project / "a.cog").write_text(GONE.replace("COMMAND", command).replace("PATH", str(folder(project) / name)))
    line = ["run", "a.cog", "--instance", "i", "--input", "x=1"]
    gone = cogc_here(*line, cwd=project)
    assert gone.returncode == 3 and said in gone.stderr
    if then is not None:
        again = cogc_here(*line, cwd=project)
        assert then in again.stderr and again.returncode == (0 if then == "goes on" else 2)
        assert gone.stdout + again.stdout in ("y: 2\n", "y: 2\ny: 2\n") or again.returncode == 2
    if then != "goes on":
        assert cogc_here(*line, "--fresh", cwd=project).stdout == ("y: 3\n" if then else "y: 2\n")


def test_a_new_instance_is_said_once(project: Path) -> None:
    words = ["--input", "x=1"]
    assert start(project, *words, at="1").returncode == KILLED  # nothing of it has left
    assert start(project, *words).stderr == "cogc: new instance `i`\n"
    assert start(project, *words).stderr == ""
    assert cogc_here("runs", "--remove", "i", cwd=project).returncode == 0
    assert start(project, *words, "--quiet").stderr == ""


@pytest.mark.parametrize("left", ["lock", "ended", "queues.db", "journal.next", "journal.jsonl.checkpoints"])
def test_a_folder_with_remains_of_an_instance_is_refused(project: Path, left: str) -> None:
    (project / "a.cog").write_text(SPEC.replace(" persist", ""))
    assert start(project).returncode == 0
    for path in folder(project).iterdir():
        if path.name != left:
            path.unlink()
    if left in ("ended", "journal.jsonl.checkpoints"):
        (folder(project) / left).mkdir()
    elif left != "lock":
        (folder(project) / left).touch()
    for words in (
        ["run", "a.cog", "--instance", "i"],
        ["runs"],
        ["runs", "--prune"],
        ["runs", "--remove", "i"],
        ["resume", "i"],
    ):
        done = cogc_here(*words, cwd=project)
        assert done.returncode == 2 and "journal.jsonl` is gone, and with it what became of the last run" in done.stderr
    assert outputs(start(project, *WORDS, "--fresh")) == [
        {"channel": "y", "data": 2, "seq": 1}, {"channel": "y", "data": 6, "seq": 2},
    ]  # fmt: skip
    assert start(project).returncode == 0


@pytest.mark.parametrize(
    "text", ["", "[1]", '{"host": 1, "pid": "2", "born": null, "until": "x"}', '{"pid": 5, "host": "h", "until": 1.5}']
)
def test_a_lock_file_that_was_changed_names_no_process(tmp_path: Path, text: str) -> None:
    (tmp_path / "lock").write_text(text)
    assert holder_of(tmp_path / "lock") is None


def test_a_journal_that_is_a_pipe_is_refused(project: Path) -> None:
    folder(project).mkdir(parents=True)
    os.mkfifo(journal(project))
    done = cogc_here("run", "a.cog", "--instance", "i", cwd=project)
    assert done.returncode == 2 and "journal.jsonl`: it is a pipe and no file" in done.stderr

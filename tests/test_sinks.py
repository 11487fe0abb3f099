"""Commands whose output is lost: readers that go away, full disks, closed and narrow streams, files that hold something else."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cogc.cli import COMMANDS
from cogc.commands import refusal
from cogc.commands.usage import UsageError
from cogc.run.control_client import SOCKET
from support.cli import cogc, cogc_here
from support.lost import ASCII, CLOSED, FULL, GONE, KEPT, Done, case, outcomes
from support.paths import ROOT
from support.state import state
from support.waiting import DEADLINE, wait_for

COUNTER = """
coglet Main {
  transmit n: int
  state count: int = 0
  every 10ms { count = count + 1; n <- count }
  on stop { log info "bye" }
}
"""
NOISY = "coglet Main {\n" + "\n".join(f"  on start {{ nothing{i} <- 1 }}" for i in range(700)) + "\n}\n"
DISK = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of the shell in which `cogc` is the command; `rc N` on stderr is its exit code."""
    line = f'cogc() {{ "{sys.executable}" -m cogc "$@"; echo "rc $?" >&2; }}; {command}'
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=DEADLINE, check=False, env=env
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.cog").write_text(COUNTER)
    (tmp_path / "noisy.cog").write_text(NOISY)
    return tmp_path


@pytest.mark.parametrize("form", ["", "--format json"])
def test_check_keeps_its_exit_code_when_its_reader_goes_away(folder: Path, form: str) -> None:
    done = shell(f"cogc check noisy.cog {form} | head -c 10", folder)
    assert done.stderr == "rc 1\n"


def test_a_run_whose_reader_goes_away_stops_in_good_order(folder: Path) -> None:
    done = shell("cogc run a.cog --for 60s | head -1", folder)
    assert done.stdout == "n: 1\n" and done.stderr.endswith("rc 0\n")
    assert "bye" in done.stderr and "cannot" not in done.stderr


@DISK
@pytest.mark.parametrize("command", ["cogc check a.cog > /dev/full", "cogc explain COG302 > /dev/full"])
def test_a_full_disk_behind_stdout_is_one_line_and_an_exit_code(folder: Path, command: str) -> None:
    done = shell(command, folder)
    assert done.stderr == "cogc: cannot write to stdout: no space left on device\nrc 3\n"


@DISK
@pytest.mark.parametrize("where", ["> /dev/full", "--record /dev/full", "--trace=/dev/full"])
def test_a_run_whose_disk_is_full_stops_in_good_order(folder: Path, where: str) -> None:
    done = shell(f"cogc run a.cog --seed 1 --for 60s {where}", folder)
    assert "bye" in done.stderr and done.stderr.count("no space left on device") == 1
    assert "Traceback" not in done.stderr and done.stderr.endswith("rc 3\n")


def test_a_closed_stdout_is_one_line(folder: Path) -> None:
    done = shell("cogc check a.cog >&-", folder)
    assert done.stderr == "cogc: cannot write to stdout: bad file descriptor\nrc 3\n"


def test_a_stdout_of_ascii_alone_gets_escapes_of_json(folder: Path) -> None:
    (folder / "b.cog").write_text('coglet Main {\n transmit out: string\n on start { out <- "grüß" }\n}')
    done = shell("cogc run b.cog --output json", folder, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.stdout == '{"channel":"out","data":"gr\\u00fc\\u00df","seq":1}\n' and done.stderr == "rc 0\n"


@pytest.mark.parametrize("option", ["--trace=a.cog", "--record a.cog"])
def test_a_file_that_is_neither_trace_nor_journal_is_not_overwritten(folder: Path, option: str) -> None:
    done = shell(f"cogc run a.cog --for 20ms {option}", folder)
    assert done.stderr == "cogc: `a.cog` is neither a trace nor a journal, and is not overwritten\nrc 2\n"
    assert (folder / "a.cog").read_text() == COUNTER


def test_the_journal_that_is_replayed_is_not_overwritten(folder: Path) -> None:
    shell("cogc run a.cog --sim --for 20ms --record j.jsonl", folder)
    before = (folder / "j.jsonl").read_bytes()
    done = shell("cogc run a.cog --replay j.jsonl --trace ./j.jsonl", folder)
    assert done.stderr == "cogc: `./j.jsonl` is being replayed, and is not overwritten\nrc 2\n"
    assert (folder / "j.jsonl").read_bytes() == before


GROUPS = [
    (UsageError("--x: no"), (2, "--x: no")),
    (ExceptionGroup("", [OSError(2, "No such file", "a"), UsageError("b")]), (2, "`a`: no such file")),
    (BaseExceptionGroup("", [ValueError("v"), KeyboardInterrupt()]), (130, "")),
]


@pytest.mark.parametrize(("error", "expected"), GROUPS)
def test_an_exception_is_one_line_and_an_exit_code(error: BaseException, expected: tuple[int, str]) -> None:
    assert refusal.of(error) == expected


def test_a_bug_asks_for_a_report_and_shows_the_trace_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ExceptionGroup("", [UsageError("u"), ValueError("two\nlines")])
    monkeypatch.delenv("COGC_DEBUG", raising=False)
    code, line = refusal.of(error)
    assert code == 70 and line.startswith("this is a bug of cogc (ValueError: two lines); please report it")
    monkeypatch.setenv("COGC_DEBUG", "1")
    assert "ValueError: two\nlines" in refusal.of(error)[1]


def test_a_closed_stdin_is_told_and_one_without_an_end_is_not_read_for_ever(folder: Path) -> None:
    done = shell("cogc fmt - <&-; cogc check - <&-; cogc shell <&-; cogc check - < /dev/zero", folder)
    assert done.stderr.splitlines() == ["cogc: stdin is closed", "rc 2"] * 3 + ["rc 1"]
    assert "COG" in done.stdout and len(done.stdout.splitlines()) <= 3, done.stdout[:400]


@pytest.mark.parametrize("command", ["build", "graph", "convert"])
@pytest.mark.parametrize("target", ["a.cog", "b.cog", "other.cog"])
def test_a_result_takes_the_place_of_no_spec(tmp_path: Path, command: str, target: str) -> None:
    (tmp_path / "b.cog").write_text("type T = int\n")
    (tmp_path / "other.cog").write_text("type U = int\n")
    (tmp_path / "a.cog").write_text('import "b.cog"\ncoglet Main { listen x: int\n on x as n { log info n } }\n')
    (tmp_path / "link.cog").symlink_to("a.cog")
    done = cogc(command, "a.cog", "-o", target, cwd=tmp_path)
    if (command, target) == ("convert", "other.cog"):  # it is what `convert` writes
        assert done.returncode == 0
        return
    assert done.returncode == 2 and "is not overwritten" in done.stderr, done.stderr
    assert (tmp_path / target).read_text().startswith(("type", "import"))
    assert cogc(command, "a.cog", "-o", "link.cog", cwd=tmp_path).returncode == 2


def test_verify_prints_its_result_alone(tmp_path: Path) -> None:
    (tmp_path / "py.py").write_text(
        "import os\n\ndef judge(work):\n    print('noise')\n    os.system('echo more')\n    return True\n"
    )
    (tmp_path / "a.cog").write_text('dod D { fits: python "py:judge" }\n')
    done = cogc("verify", "a.cog", "--format", "json", cwd=tmp_path)
    assert "noise" in done.stderr and "noise" not in done.stdout and "more" not in done.stdout


# ---- every command ---------------------------------------------------------------------------------------------

PROJECT = {
    "a.cog": COUNTER.replace("n: int", "n: string")
    .replace("every 10ms", "on start")
    .replace("<- count", '<- "grün 😀"'),
    "kept.cog": COUNTER.replace("int = 0", "int = 0 persist"),
    "bad.cog": "coglet Main { on start { grüß <- 1 } }\n",
    "py.cog": 'coglet Main { transmit n: string\n program f() -> string = python "py:f"\n on start { n <- f() } }\n',
    "dod.cog": 'dod D { grün: python "py:judge" }\n'.replace("grün", "fits"),
    "test.cog": """coglet C { listen x: int
 transmit y: string
 on x as v { y <- "ü" } }
test "grün" { use C
 send x <- 1
 run 1s
 expect last(y) == "ü" }
""",
    "py.py": "def f():\n    print('lärm')\n    return 'grün'\n\ndef judge(work):\n    return False\n",
    "m.yml": "- reply: hi\n",
    "crew.cog": """model m = scripted "m.yml"
agent A { model: m }
agent B { model: m }
team Crew { lead: A, workers: [B] }
coglet Main { create crew = Crew
 every 1h { log info "on" }
 on crew.result as r { log info r }
 on crew.failed as f { log info f.message } }
""",
    "plan.cog": """model m = scripted "m.yml"
agent A { model: m }
plan P { goal: "grün", approve: user
 step a by A: "ü" }
""",
    "sett.cog": """sett S { agent A { bid: exclusive when artefact.type == "GoalDefined"
 command: ["./w.sh"] } }
""",
    "w.sh": "#!/bin/sh\ncat > /dev/null\n"
    """printf '{"artefact_type": "Done", "artefact_payload": "grün"}'\n""",
}
SETT = ["--sandbox", "none", "--goal", "grün"]
BEFORE = [
    ["run", "a.cog", "--trace=t.jsonl", "--seed", "1"],
    ["run", "plan.cog"],
    ["run", "sett.cog", "--instance", "i", *SETT],
    ["queue", "put", "grün"],
    ["run", "kept.cog", "--instance", "kept", "--sim", "--for", "1s"],
]
MACHINE = ["sett.cog", "--instance", "z", "--board", "sqlite:z.db"]
TABLE: dict[str, list[list[str]]] = {
    "check": [["bad.cog"], ["bad.cog", "--format", "json"]],
    "run": [["a.cog"], ["a.cog", "--output", "json"], ["a.cog", "--trace", "--seed", "1"], ["py.cog"], ["bad.cog"]],
    "test": [["test.cog"], ["test.cog", "--format", "json"]],
    "eval": [["diff", "none", "none"]],
    "explore": [["a.cog", "--runs", "3"]],
    "verify": [["dod.cog"], ["dod.cog", "--format", "json"]],
    "graph": [["a.cog"]],
    "trace": [["show", "t.jsonl"], ["show", "t.jsonl", "--json"], ["bisect", "kept", "kept"]],
    "view": [["t.jsonl"], ["t.jsonl", "--pane", "record"], ["grün"]],
    "build": [["a.cog"]],
    "fmt": [["--check", "a.cog"], ["--diff", "a.cog"]],
    "lsp": [[]],
    "convert": [["a.cog"]],
    "init": [["new/NUMBER"]],
    "explain": [["COG302"], ["grün"]],
    "rules": [[], ["--format", "json"]],
    "schema": [[], ["ir", "--draft-07"]],
    "grammar": [[], ["--format", "textmate"]],
    "completion": [["bash"], ["fish"]],
    "answer": [[], ["grün"]],
    "runs": [[], ["--json"]],
    "resume": [["none"], ["grün"]],
    "fork": [["none", "--at", "1", "--reply", "grün"], ["kept", "--at", "9", "--reply", "grün"]],
    "serve": [["bad.cog"]],
    "send": [["task=grün"], ["grün=1"]],
    "observe": [["grün"], ["grün:a"]],
    "inspect": [[], ["--json"], ["kept", "--at", "3"], ["kept", "--at", "3", "--json"]],
    "tail": [["none"]],
    "agents": [["list", "--json"], ["status", "grün"]],
    "team": [["status"], ["status", "--json"]],
    "plan": [[], ["list", "--json"]],
    "where": [[]],
    "models": [[], ["plan.cog"]],
    "cost": [["plan.cog"], ["plan.cog", "--format", "json"]],
    "sett": [["hoard"], ["hoard", "--json"], ["questions"], ["logs"]],
    "orchestrator": [[*MACHINE, "--consensus", "grün"]],
    "cub": [[*MACHINE, "--agent", "A", "--execute-claim", "grün"]],
    "queue": [["list"], ["put", "grün"], ["get", "none"]],
    "runtime": [["status"]],
    "create": [["Grün"]],
    "stop": [["grün"]],
    "link": [["grün:a", "grün:b"]],
    "unlink": [["grün:a", "grün:b"]],
    "links": [[]],
    "transmit": [["grün:a", "1"]],
    "enact": [["grün", "x"]],
    "shell": [[]],
    "mcp": [[]],
}
"""The command lines of each command whose streams are lost. NUMBER is another one for each case."""
WAITING = [
    ["trace", "show", "t.jsonl", "--follow"],
    ["sett", "watch"],
    ["tail"],
    ["observe", "Main/crew.result", "--follow"],
]
"""What waits for news, and ends where nobody can read them."""
LOST = [(FULL, KEPT), (CLOSED, KEPT), (GONE, KEPT), (ASCII, KEPT), (KEPT, FULL), (KEPT, CLOSED), (CLOSED, CLOSED)]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with a spec of each kind."""
    folder = tmp_path / "p"
    folder.mkdir()
    for name, text in PROJECT.items():
        (folder / name).write_text(text)
    (folder / "w.sh").chmod(0o755)
    return folder


@contextmanager
def crew(folder: Path) -> Iterator[None]:
    """Let a run with a team go on that can be steered, beside an open question of a run that is over."""
    question = {"id": "q", "path": "Main", "program": "f", "question": "grün?", "choices": [], "type": "string"}
    owner = {"host": socket.gethostname(), "pid": os.getpid(), "born": "", "until": 0}
    questions = state(folder) / "questions"
    questions.mkdir()
    (questions / "q.json").write_text(json.dumps({**question, "owner": owner}))
    words = [sys.executable, "-m", "cogc", "run", "crew.cog", "--control"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, cwd=folder, stderr=subprocess.DEVNULL, env=env) as run:
        try:
            wait_for(lambda: list(state(folder).glob(f"runs/*/{SOCKET}")))
            yield
        finally:
            run.terminate()


def test_every_command_has_a_row() -> None:
    assert list(TABLE) == list(COMMANDS)


@pytest.mark.campaign
@DISK
def test_the_streams_of_every_command_may_be_lost(project: Path) -> None:
    for done in outcomes([case(words, project) for words in BEFORE]):
        assert done[0] in (0, 3), done
    rows = [[name, *words] for name, lines in TABLE.items() for words in lines]
    cases = [(words, streams) for words in rows for streams in [(KEPT, KEPT), *LOST]]
    cases += [([name, "--help"], streams) for name in TABLE for streams in [(KEPT, KEPT), (FULL, KEPT)]]
    with crew(project):
        found = outcomes(
            [case([w.replace("NUMBER", str(n)) for w in words], project, *s) for n, (words, s) in enumerate(cases)]
        )
        endless = outcomes([case(words, project, CLOSED) for words in WAITING])
    assert endless == [(3, "", "cogc: cannot write to stdout: bad file descriptor\n")] * len(WAITING)
    whole: Done = (0, "", "")
    wrong = []
    for (words, streams), done in zip(cases, found, strict=True):
        if streams == (KEPT, KEPT):
            whole = done
        wrong += [f"{' '.join(words)}, {streams}: {why}: {done}" for why in faults(streams, whole, done)]
    assert not wrong, "\n".join(wrong)


def faults(streams: tuple[str, str], whole: Done, done: Done) -> Iterator[str]:
    """Yield what is wrong with the end of a command whose streams were lost; `whole` is its end with all of them."""
    code, out, err = done
    if "Traceback" in err or "bug of cogc" in err:
        yield "a trace"
    lost = streams[0] in (FULL, CLOSED) and whole[1] != ""
    if code != (whole[0] or (3 if lost else 0)):
        yield f"the exit code, without the loss {whole[0]}"
    if streams[1] == KEPT and err.count("cogc: cannot write to stdout: ") != lost:
        yield "the line about the loss"
    if streams[0] in (KEPT, ASCII) and len(out.splitlines()) != len(whole[1].splitlines()):
        yield "not all that is printed"
    if streams[0] == ASCII and not out.isascii():
        yield "no ASCII"


FILES: list[tuple[list[str], int]] = [
    (["run", "kept.cog", "--for", "1h", "--sim", "--trace=/dev/full"], 3),
    (["run", "kept.cog", "--for", "1h", "--sim", "--record", "/dev/full"], 3),
    (["run", "kept.cog", "--for", "1h", "--instance", "x"], 2),
    (["run", "kept.cog", "--for", "1h", "--trace"], 2),
    (["run", "kept.cog", "--for", "1h", "--control"], 2),
    (["run", "plan.cog"], 2),
    (["run", "sett.cog", *SETT], 2),
    (["run", "sett.cog", "--board", "sqlite:b.db", *SETT], 2),
    (["verify", "dod.cog", "--junit", "/dev/full"], 4),
    (["graph", "a.cog", "-o", "o"], 2),
    (["build", "a.cog", "-o", "o"], 2),
    (["convert", "a.cog", "-o", "o"], 2),
    (["init", "new"], 2),
    (["where", "--take-over", "old"], 2),
    (["queue", "put", "x"], 2),
    (["queue", "list", "--store", "sqlite:q.db"], 2),
    (["plan", "--plans", "sqlite:q.db"], 2),
    (["agents", "list", "--registry", "sqlite:q.db"], 2),
    (["sett", "hoard", "--instance", "i", "--board", "sqlite:q.db"], 2),
    (["sett", "up", "sett.cog", "--instance", "y"], 2),
    (["orchestrator", *MACHINE], 2),
    (["cub", *MACHINE, "--agent", "A"], 2),
    (["run", "sett.cog", *SETT, "--trace=/dev/full"], 3),
]
"""Command lines on a disk that takes no byte, and their exit codes. The last one is the only one that gets a state folder."""


@pytest.mark.campaign
@DISK
def test_the_files_of_every_command_may_be_lost(project: Path) -> None:
    (project / "old").mkdir()
    (project / "old" / "plans.db").write_text("x")
    (project / "old" / ".gitignore").write_text("*\n")
    (project / "file").write_text("x")
    cases = [
        (words, code, case(words, project, limit=None if "/dev/full" in " ".join(words) else 0))
        for words, code in FILES
    ]
    for words, code in FILES:
        if code == 2 and "-o" not in words and not any("sqlite:" in word for word in words) and words[0] != "init":
            cases.append((words, code, case([*words, "--state", "file/state"], project)))
    wrong = []
    for (words, code, _), done in zip(cases, outcomes([given for _, _, given in cases]), strict=True):
        said = [
            line for line in done[2].splitlines() if line.startswith("cogc: ") and not line.startswith("cogc: run ")
        ]
        if done[0] != code or len(said) != 1 or "`None`" in said[0] or "[Errno" in said[0] or "bug of" in said[0]:
            wrong.append(f"{' '.join(words)}: {done}")
        if "kept.cog" in words and code == 3 and "bye" not in done[2]:
            wrong.append(f"{' '.join(words)}: no `on stop`: {done}")
    assert not wrong, "\n".join(wrong)
    assert not list((project / "new").iterdir())


@pytest.mark.parametrize("limit", [4096, 9000, 40000])
def test_saved_states_that_find_no_place_end_the_run_which_goes_on_later(project: Path, limit: int) -> None:
    """It is over when there is space, and not before: `on stop` runs then."""
    words = ["run", "kept.cog", "--for", "1h", "--instance", "x", "--quiet"]
    ((code, _, said),) = outcomes([case(words, project, limit=limit)])
    assert (code == 3 and "bye" not in said and "the run goes on when it is started again" in said) or code == 2, said
    assert code == 2 or said.count("state.db`: ") == 1
    assert "bug of" not in said and "Traceback" not in said


FOREIGN: dict[str, tuple[list[str], list[str]]] = {
    "build": (["build", "a.cog", "-o"], ['{"a": 1}\n', "notes\n"]),
    "graph": (["graph", "a.cog", "-o"], ['{"a": 1}\n', "My notes\nand more of them\n", "Main\n---\ntext\n"]),
    "convert": (["convert", "a.cog", "-o"], ['{"a": 1}\n', "# Notes\n", "a: 1\n"]),
    "verify": (["verify", "dod.cog", "--junit"], ["<html></html>\n", "notes\n", '{"testsuite": 1}\n']),
}


@pytest.mark.parametrize("command", list(FOREIGN))
def test_a_result_takes_the_place_of_its_own_kind_alone(project: Path, command: str) -> None:
    words, texts = FOREIGN[command]
    for text in [*texts, "\udcff\udcfe"]:
        (project / "o").write_text(text, errors="surrogateescape")
        done = cogc_here(*words, "o", cwd=project)
        assert done.returncode == 2 and "`o` is no " in done.stderr and "not overwritten" in done.stderr, done
        assert done.stdout == "" and (project / "o").read_text(errors="surrogateescape") == text
    forms: list[list[str]] = [[]]
    if command == "graph":
        forms = [["--format", form] for form in ("text", "mermaid", "dot", "svg", "json")]
    (project / "own").write_text("")
    for form in [form for form in forms for _ in range(2)]:
        assert cogc_here(*words, "own", *form, cwd=project).returncode in (0, 4)
    assert cogc_here(*words, "/dev/null", cwd=project).returncode in (0, 4)


def test_every_graph_is_known_as_one(project: Path) -> None:
    for name in ("a.cog", "crew.cog", "plan.cog", "sett.cog", "dod.cog"):
        for _ in range(2):
            done: Any = cogc_here("graph", name, "-o", "graph.txt", cwd=project)
            assert done.returncode == 0, done.stderr

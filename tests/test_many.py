"""The check and the formatting of many files in several processes: the same results as in one, whatever happens to a process, and nobody left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.waiting import DEADLINE

CLEAN = "coglet Main { every 1s { log info 1 } }\n"
LIBRARY = "program double(n: int) -> int = expr n * 2\nconst LIMIT = 3\ntype Pair = { a: int, b: int }\n"
STATE = "coglet Main { state last: int = 0\n enact reset() { last = 0 }\n listen x: int\n on x as v { last = v } }\n"
FILES = {
    "alone.cog": CLEAN,
    "wrong.cog": "coglet Main { every 1s { log info nothing } }\n",
    "unread.cog": "coglet Main { listen x int }\n",
    "hidden.cog": "coglet Main { listen y: int\n on y as v { log info v } }\ncoglet B { create a = Main\n on start { a.x <- 1 } }\n",
    "near/lib.cog": LIBRARY,
    "near/left.cog": 'import "lib.cog"\ncoglet Left { every 1s { log info double(LIMIT) } }\n',
    "near/right.cog": 'import "lib.cog" as lib\ncoglet Right { every 1s { log info lib.double("x") } }\n',
    "near/top.cog": 'import "left.cog"\nimport "right.cog"\ncoglet Main { create l = Left\n create r = Right }\n',
    "circle/a.cog": 'import "b.cog" as b\n' + CLEAN,
    "circle/b.cog": 'import "c.cog" as c\ncoglet B { every 1s { log info c.N } }\n',
    "circle/c.cog": 'import "a.cog" as a\nconst N = 1\n',
    "torn/my lib.cog": LIBRARY,
    "torn/one.cog": 'import "my lib.cog" as lib\ncoglet Main { every 1s { log info lib.double(lib.NONE) } }\n',
    "torn/two.cog": 'import "my lib.cog" as lib\ncoglet Main { every 1s { log info lib.double(lib.LIMIT) } }\n',
    "torn/three.cog": 'import "one.cog" as one\ncoglet Main { create m = one.Main }\n',
    "state/state.cog": STATE,
    "state/state_test.cog": 'import "state.cog"\ntest "t" { use Main\n run 1s\n expect last == 0 }\n',
    "state/other.cog": STATE,
    "state/user.cog": 'import "used.cog" as used\ncoglet Main { create u = used.Main\n every 1s { u.reset() } }\n',
    "state/used.cog": STATE,
    "both/a.cog": "coglet Main { on start { none <- 1 } }\n",
    "both/a.yml": "cog: 1\ncoglets:\n  Main:\n    transmit:\n      n: int\n",
    "python/p.cog": 'program f(n: int) -> int = python "tool:f"\ncoglet Main { every 1s { log info f(1) } }\n',
    "python/q.cog": 'program g(n: int) -> int = python "tool:gone"\ncoglet Main { every 1s { log info g(1) } }\n',
    "python/tool.py": "def f(n: int) -> int:\n    return n\n",
    "locks/a.cog": 'mcp m = stdio ["x"]\n' + CLEAN,
    "locks/b.cog": 'mcp m = stdio ["x"]\n' + CLEAN,
    "locks/cogc.lock.json": "[]",
    "ignored.cog": CLEAN.replace(" }\n", " } # cogc: ignore[COG508] none\n"),
}
NAMED = (".", "near/../near/lib.cog", "gone.cog", "link.cog", "again.cog", "state")
SCRIPT = """
import contextlib, errno, io, json, os, pathlib, shutil, signal, sys
from cogc.cli import main
from cogc.commands import checking, fmt, many, shares
from cogc.disk import cache

checking._MANY = fmt._MANY = 2
cache._YOUNG = 0
watch, fork = shares._watch, os.fork
forks = 0

def forked():
    global forks
    forks += 1
    return fork()

def refused():
    raise BlockingIOError(errno.EAGAIN, "no")

def killed(_parent):
    os.kill(os.getpid(), signal.SIGKILL)

def out_of_memory(_parent):
    raise MemoryError

def outcome(words, count, begin=watch, start=forked):
    os.fork, shares._watch = start, begin
    many.processes = shares.processes = lambda: count
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = main(words)
    kept = sorted(path.read_text() for path in pathlib.Path("cache").rglob("*") if path.is_file())
    shutil.rmtree("cache", ignore_errors=True)
    return [code, out.getvalue(), sorted(kept[0].partition("\\n")[2].split("\\n\\n")) if kept else []]

words = json.loads(sys.argv[1])
ways = [(1,), (2,), (3,), (9,), (3, killed), (3, out_of_memory), (3, watch, refused)]
print(json.dumps([[outcome(words, *way) for way in ways], forks]))
"""


def python(script: str, *words: str, cwd: Path) -> subprocess.Popen[str]:
    env = {**os.environ, "XDG_CACHE_HOME": str(cwd / "cache")}
    return subprocess.Popen(
        [sys.executable, "-c", script, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd,
        env=env,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        os.utime(tmp_path / name, (1e9, 1e9))
    (tmp_path / "link.cog").symlink_to("near/top.cog")
    (tmp_path / "again.cog").hardlink_to(tmp_path / "wrong.cog")
    (tmp_path / "bytes.cog").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "folder.cog").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["check", *NAMED],
        ["check", "--format", "json", "--no-cache", "--durable", "--strict-commands", *NAMED],
        ["fmt", "--diff", "."],
    ],
    ids=lambda words: " ".join(words[:3]),
)
def test_several_processes_find_what_one_finds(folder: Path, words: list[str]) -> None:
    said = python(SCRIPT, json.dumps(words), cwd=folder).communicate(timeout=DEADLINE)[0]
    found, forks = json.loads(said)
    assert found == [found[0]] * len(found)
    assert forks == 1 + 2 + 8 + 2 + 2  # those that could not be made are not counted
    assert found[0][0] == 1 and found[0][1].count("\n") > 10
    assert bool(found[0][2]) == (words[:2] == ["check", "."])


WAITING = """
import os, signal, sys, time
from cogc import cli, compile
from cogc.commands import checking, many

signal.signal(signal.SIGINT, signal.default_int_handler)  # the tests may run where these are ignored
signal.signal(signal.SIGHUP, signal.SIG_DFL)

def waiting(*_):
    os.write(1, b"at work\\n")
    for _ in range(6000):  # a signal that comes just before a sleep does not end it
        time.sleep(0.1)

compile.analyse, checking._MANY, many.processes = waiting, 2, lambda: 3
sys.argv[1:] = ["check", "."]
sys.exit(cli.main())
"""


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        (signal.SIGTERM, -signal.SIGTERM),
        (signal.SIGHUP, -signal.SIGHUP),
        (signal.SIGKILL, -signal.SIGKILL),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_an_interrupt_leaves_no_process_behind(tmp_path: Path, number: signal.Signals, code: int) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.cog").write_text(CLEAN)
    process = python(WAITING, cwd=tmp_path)
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(3)] == ["at work\n"] * 3
    process.send_signal(number)
    assert process.communicate(timeout=DEADLINE)[0] == ""  # its end comes when all who have the pipe are gone
    assert process.returncode == code

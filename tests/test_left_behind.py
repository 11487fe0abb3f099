"""Async code of users that does not end when it is cancelled: its call ends in time all the same, and so does the run."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import cogc
from support.paths import ROOT
from support.waiting import DEADLINE, wait_for

SPEC = """
program f() -> int = python "bad:NAME" { timeout: LIMIT }
coglet Main { transmit o: string
  on start { let a = try f() else as e (0)
    o <- "went on" }
  on stop { log info "bye" } }
"""
CODE = """import time
from pathlib import Path
import trio

def block():
    time.sleep(500)

async def deaf():
    Path('begun').touch()
    while True:
        try:
            await trio.sleep(1)
        except BaseException:
            pass

async def shielded():
    Path('begun').touch()
    with trio.CancelScope(shield=True):
        await trio.sleep(500)

async def in_a_thread():
    Path('begun').touch()
    await trio.to_thread.run_sync(block)

async def at_its_end():
    Path('begun').touch()
    try:
        await trio.sleep(500)
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(500)
"""
WAYS = ("deaf", "shielded", "in_a_thread", "at_its_end")
SAID = "cogc: warning: a call of `f` went on behind its cancellation, and was left behind\n"


def place(folder: Path, name: str, limit: str) -> None:
    (folder / "a.cog").write_text(SPEC.replace("NAME", name).replace("LIMIT", limit))
    (folder / "bad.py").write_text(CODE)


@pytest.mark.parametrize("name", WAYS)
def test_the_timeout_of_a_call_holds_whatever_its_code_does(name: str, tmp_path: Path) -> None:
    place(tmp_path, name, "100ms")
    done = cogc("run", "a.cog", "--output", "json", "--trace=t.jsonl", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout == '{"channel":"o","data":"went on"}\n'
    assert "bye" in done.stderr and SAID in done.stderr
    assert '"kind":"stop","path":"Main"' in (tmp_path / "t.jsonl").read_text().splitlines()[-1]


@pytest.mark.parametrize("name", WAYS)
def test_a_run_ends_in_good_order_whatever_the_code_of_a_call_does(name: str, tmp_path: Path) -> None:
    place(tmp_path, name, "500s")
    words = [sys.executable, "-m", "cogc", "run", "a.cog"]
    with subprocess.Popen(words, cwd=tmp_path, stderr=-1, text=True, env={"PYTHONPATH": str(ROOT)}) as process:
        wait_for((tmp_path / "begun").exists)
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=DEADLINE)[1]
    assert process.returncode == 143 and "bye" in said and SAID in said and "at once" not in said


def test_code_that_cleans_up_and_ends_is_waited_for(tmp_path: Path) -> None:
    place(tmp_path, "cleans_up", "100ms")
    code = "import trio\nfrom pathlib import Path\nasync def cleans_up():\n    try:\n        await trio.sleep(500)\n    finally:\n"
    code += "        with trio.CancelScope(shield=True):\n            await trio.sleep(0.05)\n        Path('clean').touch()\n"
    (tmp_path / "bad.py").write_text(code)
    done = cogc("run", "a.cog", cwd=tmp_path)
    assert done.returncode == 0 and "left behind" not in done.stderr and (tmp_path / "clean").exists()

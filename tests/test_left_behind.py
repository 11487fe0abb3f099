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
    assert done.returncode == 0 and done.stdout == '{"channel":"o","data":"went on","seq":1}\n'
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


# ---- what starts Trio for it -----------------------------------------------------------------------------------


def python(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", code]
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=DEADLINE, env={"PYTHONPATH": str(ROOT)}
    )


def test_a_run_of_the_api_ends_although_code_goes_on(tmp_path: Path) -> None:
    place(tmp_path, "shielded", "100ms")
    code = "import cogc\nwith cogc.start_sync(cogc.load('a.cog')) as run:\n    print(next(run.observe('o')))\nprint('over')"
    done = python(tmp_path, code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\nover\n", "")


def test_a_start_that_fails_is_said_although_code_goes_on(tmp_path: Path) -> None:
    place(tmp_path, "shielded", "100ms")
    code = """import contextlib, cogc
from cogc.run.portal import Portal
@contextlib.asynccontextmanager
async def failing():
    async with cogc.start(cogc.load('a.cog')) as run:
        await anext(run.observe('o'))
        raise ValueError('no')
    yield
try:
    Portal(failing()).__enter__()
except ValueError as error:
    print(error)
"""
    done = python(tmp_path, code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "no\n", "")


def test_the_next_test_runs_although_code_of_the_last_one_goes_on(tmp_path: Path) -> None:
    place(tmp_path, "shielded", "100ms")
    text = (tmp_path / "a.cog").read_text()
    one = 'test "NAME" { script f { real }\n expect eventually o == ["went on"] within 1m }\n'
    (tmp_path / "a.cog").write_text(text + one.replace("NAME", "a") + one.replace("NAME", "b"))
    done = cogc("test", "a.cog", cwd=tmp_path)
    assert done.returncode == 0 and "2 tests in 1 file: all passed" in done.stdout, done.stdout + done.stderr


def test_a_verdict_is_reported_although_code_goes_on(tmp_path: Path) -> None:
    place(tmp_path, "shielded", "100ms")
    with (tmp_path / "bad.py").open("a") as file:
        file.write("async def judged(work):\n    await shielded()\n")
    (tmp_path / "d.cog").write_text('dod D { a: python "bad:judged" { timeout: 100ms } }\n')
    done = cogc("verify", "d.cog", "--junit", "report.xml", cwd=tmp_path)
    assert done.returncode == 4 and "D is not met" in done.stdout and (tmp_path / "report.xml").exists()


def test_a_runtime_stops_although_code_goes_on(tmp_path: Path) -> None:
    place(tmp_path, "shielded", "100ms")
    words = [sys.executable, "-m", "cogc", "runtime", "start", "--foreground", "-p", "0"]
    with subprocess.Popen(words, cwd=tmp_path, stdout=-1, text=True, env={"PYTHONPATH": str(ROOT)}) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().rpartition("port=")[2].rstrip(")\n")
            assert cogc("create", tmp_path / "a.cog", "-p", port, cwd=tmp_path).returncode == 0
            wait_for((tmp_path / "begun").exists)
            assert cogc("runtime", "stop", "-p", port, cwd=tmp_path).returncode == 0
            assert process.wait(DEADLINE) == 0
        finally:
            process.kill()

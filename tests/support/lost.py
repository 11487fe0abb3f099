"""Command lines whose streams are lost, each in a fork of one process that has imported `cogc`: quick enough for tables.

As a program it reads cases as JSON from stdin, and writes what came of each: `[code, stdout, stderr]`.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import io
import json
import os
import pkgutil
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import cogc
from support.paths import ROOT
from support.waiting import DEADLINE

Done = tuple[int, str, str]
KEPT, FULL, CLOSED, GONE, ASCII = "kept", "full", "closed", "gone", "ascii"
"""What a stream is: written in whole; to a full disk; closed; to a pipe that nobody reads; one that takes ASCII alone."""


def case(
    words: list[str], folder: Path, stdout: str = KEPT, stderr: str = KEPT, limit: int | None = None
) -> dict[str, Any]:
    """Return a case: the words of a command line, and its streams. `limit` is the size that no file may pass, as on a full disk."""
    return {"words": words, "folder": str(folder), "stdout": stdout, "stderr": stderr, "limit": limit}


def outcomes(cases: list[dict[str, Any]]) -> list[Done]:
    """Carry out cases, one after the other, in a process of their own."""
    done = subprocess.run(
        [sys.executable, "-m", "support.lost"],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
    )
    assert done.returncode == 0, done.stderr
    return [(code, out, err) for code, out, err in json.loads(done.stdout)]


def _carried_out(given: dict[str, Any]) -> Done:
    """Fork a child that is the command. Return its exit code, and what it wrote to the streams that are kept."""
    (out, out_end), (err, err_end) = _pipe(), _pipe()
    child = os.fork()
    if not child:
        _be(given, out_end, err_end)
    _, status = os.waitpid(child, 0)
    os.close(out_end)
    os.close(err_end)
    return os.waitstatus_to_exitcode(status), _content(out), _content(err)


def _pipe() -> tuple[int, int]:
    """Return the two ends of a pipe that holds all that a small command writes. A limit of the size of files is not its limit."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 1 << 20)
    os.set_blocking(reading, False)
    return reading, writing


def _content(reading: int) -> str:
    """Return what a pipe holds, and close it."""
    found = b""
    with contextlib.suppress(BlockingIOError):  # a process that the command left behind has it open
        while data := os.read(reading, 1 << 16):
            found += data
    os.close(reading)
    return found.decode("utf-8", "replace")


def _be(given: dict[str, Any], out: int, err: int) -> NoReturn:
    """Become the command of a case, and end this process with its exit code."""
    code = 99
    try:
        os.chdir(given["folder"])
        _stream(0, "closed" if given["stdout"] == given["stderr"] == CLOSED else "null", 0)
        _stream(1, given["stdout"], out)
        _stream(2, given["stderr"], err)
        if given["limit"] is not None:
            sys.dont_write_bytecode = True  # a module that is cut would stay
            resource.setrlimit(resource.RLIMIT_FSIZE, (given["limit"], given["limit"]))
        sys.stdout = sys.__stdout__ = _python(1, given["stdout"], "strict")  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = _python(2, given["stderr"], "backslashreplace")  # type: ignore[misc]
        from cogc.cli import main

        gc.enable()
        code = main(given["words"])
        for stream in (sys.stdout, sys.stderr):  # as the interpreter does at its end
            stream.flush()
    finally:
        os._exit(code)


def _stream(number: int, kind: str, kept: int) -> None:
    """Make a standard descriptor what a case says."""
    if kind in (KEPT, ASCII):
        os.dup2(kept, number)
    elif kind == CLOSED:
        os.close(number)
    elif kind == GONE:
        reading, writing = os.pipe()
        os.close(reading)
        os.dup2(writing, number)
        os.close(writing)
    else:
        opened = os.open({FULL: "/dev/full"}.get(kind, os.devnull), os.O_RDWR)
        os.dup2(opened, number)
        os.close(opened)


def _python(number: int, kind: str, errors: str) -> Any:
    """Return the stream that the interpreter makes for a descriptor when it starts."""
    if kind == CLOSED:
        return None
    encoding = "ascii" if kind == ASCII else "utf-8"
    return io.TextIOWrapper(io.BufferedWriter(io.FileIO(number, "wb", closefd=False)), encoding, errors)


if __name__ == "__main__":
    cases = json.load(sys.stdin)
    for module in pkgutil.walk_packages(cogc.__path__, "cogc."):  # for many cases once here, not in every fork
        if len(cases) > 50 and not module.name.endswith("__main__"):
            with contextlib.suppress(ImportError):  # what needs an extra that is not installed
                importlib.import_module(module.name)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    gc.freeze()
    json.dump([_carried_out(given) for given in cases], sys.stdout)

"""The cost of a sandbox: a command in each, over the same command as a plain process."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable

import trio

from bench.common import row
from cogc.disk.state_folder import OwnFiles
from cogc.kernel.permissions import Sandbox
from cogc.run import confine
from cogc.run.process import run_process
from cogc.run.sandbox import ENVIRONMENT, confined, wrapped

_ROUNDS = 41
_GOAL = 15.0
"""Milliseconds over a plain process."""


async def _milliseconds(command: Callable[[], list[str]], folder: str) -> float:
    began = time.perf_counter()
    done = await run_process(command(), b"", folder, ENVIRONMENT)
    assert done.code == 0, done.stderr
    return (time.perf_counter() - began) * 1e3


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as temporary:
        held = Sandbox("rw", False)
        commands: dict[str, Callable[[], list[str]]] = {"plain": lambda: ["true"]}
        if shutil.which("bwrap"):
            commands["bubblewrap"] = lambda: wrapped(["true"], held, folder, folder, "bench", OwnFiles())
        if confine.version():
            commands["Landlock"] = lambda: confined(["true"], held, folder, temporary)
        found = trio.run(_measured, list(commands.values()), folder)
        for name, took in zip(commands, found, strict=True):
            if name != "plain":
                over = took - found[0]
                row(f"a command in {name}, over a plain one", f"{over:.1f} ms", over, "a plain process", _GOAL, " ms")


async def _measured(commands: list[Callable[[], list[str]]], folder: str) -> list[float]:
    """Return the median of each command, run in turns; the first round starts the reaper."""
    found: list[list[float]] = [[] for _ in commands]
    for number in range(_ROUNDS + 1):
        for i, command in enumerate(commands):
            took = await _milliseconds(command, folder)
            found[i] += [took] if number else []
    return [statistics.median(f) for f in found]

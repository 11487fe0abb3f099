"""The cost of reading a trace of a million records: a chain of causes, a late part, a table; beside a plain reading of the file as JSON."""

from __future__ import annotations

import fcntl
import os
import pty
import resource
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from bench.common import row

RECORDS = 1_000_000
_KINDS = ("state", "transmit", "deliver", "send")
_INDEX = "import sys\nfrom cogc.traces.index import Index\nprint(Index(sys.argv[1]).read().count)\n"
_VIEW = [sys.executable, "-m", "cogc", "view"]
_STAMPS = """import asyncio, os, sys, time
began, count = float(sys.argv[2]), int(sys.argv[3])
def stamp(what):
    print(what, time.clock_gettime(time.CLOCK_MONOTONIC) - began, flush=True)
"""
_OURS = (
    _STAMPS
    + """
from cogc.screens.view.app import ViewApp
from cogc.screens.view.model import View
from cogc.traces.index import Index
async def main():
    async with ViewApp(View(index, ""), lambda *_: "").run_test(size=(120, 40)) as pilot:
        while index.count < count:
            await asyncio.sleep(0.01)
        stamp("all")
        os._exit(0)
index = Index(sys.argv[1])
index.grow(1 << 16)
asyncio.run(main())
"""
)
_TOOLONG = (
    _STAMPS
    + """
from toolong.log_lines import LogLines
from toolong.ui import UI
async def main():
    app = UI([sys.argv[1]])
    async with app.run_test(size=(120, 40)) as pilot:
        while True:
            lines = app.screen.query(LogLines)
            if lines and lines.first().line_count >= count:
                stamp("all")
                os._exit(0)
            await asyncio.sleep(0.01)
asyncio.run(main())
"""
)
"""Each viewer from its start to the moment at which it knows where all lines are, without a terminal."""
_PLAIN = "import json, sys\nrecords = {r['seq']: r for r in map(json.loads, open(sys.argv[1]))}\nprint(len(records))\n"
"""What somebody writes who wants the chain of causes, and has no tool for it: the records by their numbers."""


def _write(path: Path) -> int:
    """Write a trace whose records are led to by near and far ones. Return the number of the last record that leaves."""
    with open(path, "w") as file:
        for i in range(1, RECORDS + 1):
            cause = max(0, i - (97 if i % 5 else 1))
            about = (
                f'"name":"n","data":{i}'
                if i % 4 == 0
                else f'"channel":"out","data":{{"n":{i},"text":"{"x" * (i % 50)}"}}'
            )
            file.write(
                f'{{"v":1,"seq":{i},"t":{i / 1e4},"run":"r","kind":"{_KINDS[i % 4]}","path":"Main/w[{i % 7}]","cause":{cause},{about}}}\n'
            )
    return RECORDS - 1


_LAUNCH = """import os, resource, subprocess, sys, time
began = time.perf_counter()
lines = sum(1 for _ in subprocess.Popen(sys.argv[1:], stdout=-1).stdout)
os.wait()
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, lines)
"""
"""Runs a command from a small process: a child counts the memory that its parent had when it was made."""


def _measured(words: list[str]) -> tuple[float, float, int]:
    """Run a command. Return its seconds, its megabytes at most, and the lines that it prints."""
    done = subprocess.run([sys.executable, "-c", _LAUNCH, *words], stdout=-1, text=True, check=True)
    seconds, megabytes, lines = done.stdout.split()
    return float(seconds), float(megabytes), int(lines)


def toolong(folder: str) -> str:
    """Return the Python of a fresh environment that has toolong; nothing if it cannot be had."""
    place = Path(folder) / "toolong"
    words = [[sys.executable, "-m", "venv", str(place)], [str(place / "bin" / "pip"), "install", "-q", "toolong"]]
    for line in words:
        if subprocess.run(line, capture_output=True, check=False).returncode:
            return ""
    return str(place / "bin" / "python")


def _shown(words: list[str], text: bytes) -> tuple[float, float]:
    """Start a viewer in a terminal of 120x40, and end it when a text stands there. Return the seconds until then, and the megabytes at most."""
    size = struct.pack("HHHH", 40, 120, 0, 0)
    began = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, size)
        os.execvpe(words[0], words, {**os.environ, "TERM": "xterm-256color"})
    seen = b""
    while text not in seen:
        seen += os.read(terminal, 1 << 16)
    took = time.perf_counter() - began
    os.kill(pid, signal.SIGKILL)
    usage = os.wait4(pid, 0)[2]
    os.close(terminal)
    return took, usage.ru_maxrss / 1024


def _stamps(python: str, code: str, path: Path) -> dict[str, float]:
    """Return the seconds from the start of a viewer to each of its stamps, and those of the processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.clock_gettime(time.CLOCK_MONOTONIC)
    done = subprocess.run(
        [python, "-c", code, str(path), str(began), str(RECORDS)], stdout=-1, stderr=-3, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {what: float(at) for what, at in (line.split() for line in done.stdout.splitlines())}
    return {**found, "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def _viewers(folder: str, path: Path) -> None:
    """Compare the viewer with toolong, in turns."""
    python = toolong(folder)
    if not python:
        print("   toolong cannot be installed here: pip install toolong")
        return
    found: dict[str, list[dict[str, float]]] = {"ours": [], "toolong": []}
    for _ in range(5):
        for who, program, code, command in (
            ("ours", sys.executable, _OURS, _VIEW),
            ("toolong", python, _TOOLONG, [str(Path(python).with_name("tl"))]),
        ):
            first, _ = _shown([*command, str(path)], b"Main/w")
            found[who].append({"first": first, **_stamps(program, code, path)})
    names = {
        "first": "from the start to the first lines in a terminal",
        "all": "to the place of each line",
        "cpu": "of the processor",
    }
    for what, words in names.items():
        ours, theirs = (statistics.median(one[what] for one in found[who]) for who in ("ours", "toolong"))
        row(f"viewer: {words}", f"{ours:.2f} s", ours / theirs, f"toolong {theirs:.2f} s", None)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.jsonl"
        last = _write(path)
        show = [sys.executable, "-m", "cogc", "trace", "show", str(path)]
        ways = {
            "a chain of causes": [*show, "--cause", str(last)],
            "the last second": [*show, "--since", f"{RECORDS / 1e4 - 1}s"],
            "the index of a viewer": [sys.executable, "-c", _INDEX, str(path)],
            "plain": [sys.executable, "-c", _PLAIN, str(path)],
        }
        found = {name: sorted(_measured(words) for _ in range(3))[1] for name, words in ways.items()}
        shown = sorted(_shown([*_VIEW, str(path)], b"Main/w") for _ in range(5))[2]
        found["the first records of a viewer"] = (*shown, 0)
        print(f"{RECORDS} records, {path.stat().st_size / 1e6:.0f} MB")
        _viewers(folder, path)
    plain = found.pop("plain")
    goals = {
        "a chain of causes": (0.6, 40.0),
        "the last second": (None, None),
        "the index of a viewer": (1.2, None),
        "the first records of a viewer": (0.5, None),
    }
    for name, (seconds, megabytes, lines) in found.items():
        goal_s, goal_mb = goals[name]
        row(
            f"{name}, {lines} records" if lines > 1 else name,
            f"{seconds:.2f} s",
            seconds / plain[0],
            "a plain reading",
            goal_s and goal_s / plain[0],
        )
        row(
            f"{name}, memory",
            f"{megabytes:.0f} MB",
            megabytes / plain[1],
            "a plain reading",
            goal_mb and goal_mb / plain[1],
        )

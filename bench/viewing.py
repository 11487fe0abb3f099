"""What a viewer costs the run that it watches: in pairs, watched and not, by the time of the processor that the run takes.

One viewer, in a terminal of its own, follows one file through all rounds. A run alone writes another file, at which nobody looks; a watched
one writes that file; in a third way the viewer is stopped (SIGSTOP) meanwhile. The three go in turns, so that each ratio compares runs of the
same moment; its median stands beside the interval that holds it with 95 percent.
"""

from __future__ import annotations

import os
import pty
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.common import row

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "21"))
SPEC = """coglet W {
  listen i: int
  transmit o: int
  state n: int = 0
  on i as x {
    n = n + x
    o <- n
  }
}
coglet Main {
  create w = W * 10 { map: round_robin }
  state n: int = 0
  every 1ms {
    n = n + 1
    w.i <- n
  }
  on w.o as x { log debug x }
}
"""
PART = 1 << 20


@contextmanager
def viewer(path: Path) -> Iterator[int]:
    """Follow a trace in a terminal of 120x40 while the body runs. Yield the id of the process."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
    made = subprocess.Popen(
        [sys.executable, "-m", "cogc", "view", str(path)], stdin=slave, stdout=slave, stderr=slave, env=environment
    )
    os.close(slave)
    drawn = threading.Event()

    def drain() -> None:
        with suppress(OSError):
            while os.read(master, 65536):
                drawn.set()

    thread = threading.Thread(target=drain, daemon=True)
    thread.start()
    try:
        drawn.wait(60)
        time.sleep(1)
        os.write(master, b"f")  # follow the end
        time.sleep(0.5)
        yield made.pid
    finally:
        made.send_signal(signal.SIGCONT)
        made.kill()
        made.wait()
        thread.join(5)
        os.close(master)


def run(folder: str, file: str, *words: str) -> float:
    """Run the system with a trace, and return the seconds of the processor that it takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    line = [
        sys.executable,
        "-m",
        "cogc",
        "run",
        "s.cog",
        "--sim",
        "--for",
        "2s",
        "--seed",
        "1",
        "--quiet",
        f"--trace={file}",
    ]
    subprocess.run([*line, *words], cwd=folder, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def interval(values: list[float]) -> tuple[float, float]:
    """Return the interval that holds the median with 95 percent: by the order of the values, whatever their distribution."""
    ordered = sorted(values)
    off = int(0.98 * len(ordered) ** 0.5)
    middle = (len(ordered) - 1) / 2
    return ordered[max(0, int(middle - off))], ordered[min(len(ordered) - 1, -int(-(middle + off) // 1))]


def held(pid: int) -> int:
    """Return the bytes on the disk that a process alone keeps: files that it has open, and that are gone."""
    found = 0
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with suppress(OSError):
            about = os.stat(f"/proc/{pid}/fd/{fd}")
            found += about.st_size if not about.st_nlink else 0
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "s.cog").write_text(SPEC)
        Path(folder, "seen.jsonl").write_text("")
        run(folder, "seen.jsonl")
        ratios: dict[str, list[float]] = {"watched": [], "watched by a viewer that is stopped": []}
        with viewer(Path(folder, "seen.jsonl")) as pid:
            for number in range(ROUNDS):
                times = {}
                ways = ["alone", *ratios]
                for way in ways[number % 3 :] + ways[: number % 3]:
                    is_stopped = way.endswith("stopped")
                    os.kill(pid, signal.SIGSTOP if is_stopped else signal.SIGCONT)
                    times[way] = run(folder, "alone.jsonl" if way == "alone" else "seen.jsonl")
                    os.kill(pid, signal.SIGCONT)
                for way, found in ratios.items():
                    found.append(times[way] / times["alone"])
            os.kill(pid, signal.SIGSTOP)
            run(folder, "seen.jsonl", "--trace-rotate", "1MB", "--trace-keep", "1")
            kept = held(pid)
        for way, found in ratios.items():
            low, high = interval(found)
            row(f"a run {way}", f"{low:.3f} to {high:.3f}", statistics.median(found), "one alone", 1.02)
        row("what a stopped viewer keeps on the disk", f"{kept / 1e6:.1f} MB", kept / PART, "a part of a trace", 1.5)

"""The page of a run in a browser: how soon the first picture is there, frames a second while boxes are dragged, and what an open page
costs the run. Without chromium, or the package `playwright`, it says so."""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.common import row
from bench.serving import BUSY, rate, server

CHROMIUM = shutil.which("chromium")
FRAMES = """async (boxes) => {
  const view = document.querySelector("cog-graph");
  const ids = [...view.shapes.keys()].slice(0, boxes);
  const times = [];
  for (let i = 0; i < 120; i++) {
    times.push(await new Promise(requestAnimationFrame));
    if (boxes) for (const id of ids) view.drag(id, i % 2 ? 3 : -3, i % 2 ? -2 : 2);
    else view.pan(i % 2 ? 9 : -9, 4);
  }
  const gaps = times.slice(21).map((t, i) => t - times[i + 20]).sort((a, b) => a - b);
  return 1000 / gaps[gaps.length >> 1];
}"""
"""Move some boxes in each frame (none: the view), and return the frames a second, by the median of the gaps between frames."""


def spec(teams: int, workers: int) -> str:
    """Return a system of some teams with some workers each."""
    return f"""coglet Worker {{
  listen job: int
  transmit done: int
  on job as j {{ done <- j }}
}}
coglet Team {{
  listen task: int
  transmit report: int
  create w = Worker * {workers} {{ map: round_robin }}
  on task as t {{ w.job <- t }}
  on w.done as d {{ report <- d }}
}}
coglet Main {{
  transmit report: int
  state n: int = 0
  create team = Team * {teams} {{ map: round_robin }}
  every 50ms {{
    n = n + 1
    team.task <- n
  }}
  on team.report as r {{ report <- r }}
}}
"""


def opened(browser: Any, port: int) -> tuple[Any, float]:
    """Open the page. Return it, and the seconds until its first picture was drawn."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"http://127.0.0.1:{port}/ui")
    page.wait_for_selector(".box")
    drawn = page.evaluate("() => performance.getEntriesByName('picture')[0]?.startTime ?? performance.now()")
    return page, drawn / 1000


def main() -> None:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("   the package playwright is not installed")
        return
    if CHROMIUM is None:
        print("   there is no chromium on this machine")
        return
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, count, workers in (("10", 2, 4), ("100", 20, 4), ("150", 37, 3), ("1000", 90, 10)):
            Path(folder, f"{name}.cog").write_text(spec(count, workers))
            _look(browser, folder, name)
        Path(folder, "busy.cog").write_text(BUSY)
        Path(folder, "large.cog").write_text(BUSY.replace("every 100ms", "create w = Ping * 1000\n  every 100ms"))
        for name in ("busy", "large"):
            _cost(folder, name)
        browser.close()


def _look(browser: Any, folder: str, name: str) -> None:
    """Measure the page of a system."""
    with server(["-m", "cogc", "serve", f"{name}.cog", "--serve", "0"], folder) as (port, _):
        first = min(opened(browser, port)[1] for _ in range(3))
        row(f"{name} coglets: first picture", f"{first:.2f} s", first, "1 s", 1, " s")
        page = opened(browser, port)[0]
        page.wait_for_timeout(1000)
        boxes = page.evaluate("() => document.querySelectorAll('.box').length")
        for what, moved in (("the view", 0), ("one box", 1), (f"all {boxes} boxes", boxes)):
            frames = page.evaluate(FRAMES, moved)
            row(f"   frames a second, dragging {what}", f"{frames:.0f}", 60 / frames, "60", 1.05)
        page.close()


def _cost(folder: str, name: str) -> None:
    """Measure what a page costs a busy run, in turns. Only its socket is here: a browser would take the machine from the run."""
    with server(["-m", "cogc", "serve", f"{name}.cog", "--serve", "0"], folder) as (port, pid):
        time.sleep(2)
        alone, seen = [], []
        for _ in range(3):
            alone.append(rate(port, pid)[1])
            with _reader(port):
                time.sleep(1)
                seen.append(rate(port, pid)[1])
        a, b = sorted(alone)[1], sorted(seen)[1]
        row(f"a busy run ({name}), seen by a page", f"{b:,.0f}", a / b, f"alone {a:,.0f}", 1.05)


@contextmanager
def _reader(port: int) -> Iterator[None]:
    """Read all that a page is told while the body runs."""
    with socket.create_connection(("127.0.0.1", port)) as made:
        made.sendall(
            b"GET /ui/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: cogc.page\r\n\r\n"
        )
        thread = threading.Thread(target=_read, args=(made,))
        thread.start()
        yield
        made.shutdown(socket.SHUT_RDWR)
        thread.join()


def _read(made: socket.socket) -> None:
    while made.recv(65536):
        pass

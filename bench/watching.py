"""The page of a run in a browser: how soon the first picture is there, what a frame takes while boxes are dragged, and what an open page
costs the run. Without chromium, or the package `playwright`, it says so."""

from __future__ import annotations

import shutil
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.common import row
from bench.serving import BUSY, processor, rate, server

CHROMIUM = shutil.which("chromium")
COUNTED = 120
"""The frames that are counted."""
FRAMES = """async ([how, count]) => {
  const view = document.querySelector("cog-graph");
  const ids = [...view.shapes.keys()];
  const root = view.picture.boxes.find((box) => !view.shapes.has(box.parent)).id;
  const times = [];
  for (let i = 0; i < count; i++) {
    times.push(await new Promise(requestAnimationFrame));
    const [dx, dy] = i % 2 ? [3, -2] : [-3, 2];
    if (how === "view") view.pan(3 * dx, dy);
    else if (how === "one box") view.drag(ids[ids.length >> 1], dx, dy, false);
    else if (how === "the root") view.drag(root, dx, dy, false);
    else view.drag(root, dx, dy, true);
  }
  view.drop();
  const gaps = times.slice(21).map((t, i) => t - times[i + 20]).sort((a, b) => a - b);
  return 1000 / gaps[gaps.length >> 1];
}"""
"""Move something in each frame, and return the frames a second, by the median of the gaps between frames."""
FRAME = 1000 / 60
"""The milliseconds that a frame may take."""


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


def opened(browser: Any, port: int) -> tuple[Any, float, float]:
    """Open the page. Return it, the seconds until its first picture was drawn, and the milliseconds that the renderer's main thread
    has worked until then. The latter are the same on a machine that is busy with other things."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(f"http://127.0.0.1:{port}/ui")
    page.wait_for_function("() => performance.getEntriesByName('picture').length")
    drawn = page.evaluate("() => performance.getEntriesByName('picture')[0].startTime")
    return page, drawn / 1000, worked(session)


def worked(session: Any) -> float:
    """Return the milliseconds for which the main thread of a page has worked."""
    found = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return 1000 * float(found["TaskDuration"])


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
    with server(["-m", "cogc", "serve", f"{name}.cog", "--serve", "0"], folder) as (port, pid):
        found = []
        for _ in range(3):
            began = processor(pid)
            page, first, own = opened(browser, port)
            found.append((first, own, 1000 * (processor(pid) - began)))
            page.close()
        first, own, served = (statistics.median(column) for column in zip(*found, strict=True))
        row(f"{name} coglets: first picture", f"{first:.2f} s", first, "1 s", 1, " s")
        print(f"{'':<44} {'':>14}   the page's main thread {own:.0f} ms, the server {served:.0f} ms", flush=True)
        page = opened(browser, port)[0]
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.wait_for_timeout(1000)
        boxes = page.evaluate("() => document.querySelectorAll('.box').length")
        for how in ("view", "one box", "the root", f"all {boxes} boxes"):
            before = worked(session)
            frames = page.evaluate(FRAMES, [how, COUNTED])
            each = (worked(session) - before) / COUNTED
            row(f"   main thread a frame, dragging {how}", f"{each:.1f} ms", each / FRAME, f"{FRAME:.1f} ms", 1)
            print(f"{'':<44} {'':>14}   {frames:.0f} frames a second", flush=True)
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

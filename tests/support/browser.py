"""Chromium without a screen, and served runs and runtimes for it to look at."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.waiting import DEADLINE

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")
PATIENCE = DEADLINE * 1000
"""Milliseconds for which the browser waits for something to appear."""


@contextmanager
def chromium() -> Iterator[Any]:
    """Start a browser. Skip the test if the package that drives it is missing."""
    driver = pytest.importorskip("playwright.sync_api")
    with driver.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def server(place: Path, *words: str, **env: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a command that serves; yield it and its port when it takes requests. SIGTERM ends it."""
    environment = {**os.environ, "COGC_STATE": f"{place}/state", **env}
    run = subprocess.Popen(
        [sys.executable, "-m", "cogc", *words],
        cwd=place,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )
    assert run.stdout is not None
    try:
        said = ""
        while not (found := re.search(r"serving on http://127\.0\.0\.1:(\d+)|started \(pid=\d+, port=(\d+)\)", said)):
            line = run.stdout.readline()
            assert line, f"it has ended: {said}"
            said += line
        yield run, int(found[1] or found[2])
    finally:
        run.send_signal(signal.SIGTERM)
        try:
            run.communicate(timeout=DEADLINE)
        finally:
            run.kill()


def serve(place: Path, spec: str, *words: str, port: int = 0, **env: str) -> Any:
    """Serve a spec."""
    (place / "spec.cog").write_text(spec)
    return server(place, "serve", "spec.cog", "--serve", str(port), *words, **env)


def runtime(place: Path, *words: str, port: int = 0) -> Any:
    """Serve a runtime."""
    return server(place, "runtime", "start", "--foreground", "--port", str(port), *words)


def post(port: int, path: str) -> bytes:
    """Send a request without a body."""
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method="POST")
    with urllib.request.urlopen(asked, timeout=DEADLINE) as reply:
        return bytes(reply.read())

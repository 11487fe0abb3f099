"""Commands that serve over HTTP, as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.paths import ROOT


@contextmanager
def command(folder: Path, *words: str, **env: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a command that serves in a folder; yield it with its port."""
    given = [sys.executable, "-m", "cogc", *words, "--serve", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **env}
    with subprocess.Popen(
        given, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as run:
        try:
            assert run.stderr is not None
            line = run.stderr.readline()
            while not line.startswith("cogc: serving on http://127.0.0.1:"):
                assert line, "it has ended"
                line = run.stderr.readline()
            yield run, int(line.rpartition(":")[2])
        finally:
            run.kill()

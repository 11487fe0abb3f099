"""The command line as its users start it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.paths import ROOT
from support.waiting import DEADLINE


def cogc(*words: object, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "cogc", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=DEADLINE,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    return done

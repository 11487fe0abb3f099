"""The command line as its users start it, and the same in this process where nothing hangs on the process."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from cogc.cli import main
from support.paths import ROOT
from support.waiting import DEADLINE


def cogc(*words: object, cwd: Path = ROOT, given: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """Start `cogc` with a text on stdin, and return what it prints and its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "cogc", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=DEADLINE,
        env={**os.environ, **env},
        input=given,
    )
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    return done


def cogc_here(*words: object, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    """Do in this process what `cogc` does: for the many small commands whose streams, signals and modules do not matter."""
    given = [str(word) for word in words]
    out, err = io.StringIO(), io.StringIO()
    before = sys.stdin
    gc.freeze()  # a command that collects garbage walks what it has made itself, and not all that the tests have imported
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.dict(os.environ, env),
    ):
        sys.stdin = io.StringIO()
        try:
            code = main(given)
        finally:
            sys.stdin = before
            gc.unfreeze()
            gc.enable()
    assert "this is a bug of cogc" not in err.getvalue(), err.getvalue()
    return subprocess.CompletedProcess(given, code, out.getvalue(), err.getvalue())

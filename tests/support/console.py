"""The commands that the pages show, as they are run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from support.paths import ROOT


def commands(page: str, language: str = "sh") -> list[str]:
    """Return the lines of a page's blocks of shell that start `cogc`, without their comments."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [shlex.join(shlex.split(line, comments=True)) for block in found for line in block.splitlines()]
    return [line for line in lines if line.startswith("cogc ")]


def printed(command: str, folder: Path) -> str:
    """Return what a command prints to both of its streams, with this environment's `cogc` on the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.stdout

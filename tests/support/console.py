"""The commands that the pages show, as they are run."""

from __future__ import annotations

import re
import shlex
import subprocess
from argparse import ArgumentError, ArgumentParser
from importlib import import_module
from pathlib import Path

from support.cli import cogc_here
from support.paths import ROOT


def commands(page: str, language: str = "sh") -> list[str]:
    """Return the lines of a page's blocks of shell that start `cogc`, without their comments."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [shlex.join(shlex.split(line, comments=True)) for block in found for line in block.splitlines()]
    return [line for line in lines if line.startswith("cogc ")]


def printed(command: str, folder: Path) -> str:
    """Return what a command prints to both of its streams. The words of a `cogc` command mean nothing to a shell: it is run here."""
    if command.startswith("cogc "):
        ran = cogc_here(*shlex.split(command)[1:], cwd=folder)
        return ran.stdout + ran.stderr
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.stdout


def refusal(command: str) -> str:
    """Return what is wrong with the words of a `cogc` command; nothing for one that its parser takes. Nothing is run."""
    name, *given = shlex.split(command)[1:]
    module = import_module(f"cogc.commands.{name}")
    parser = ArgumentParser(exit_on_error=False)
    module.arguments(parser)
    words = module.prepare([name, *given])[1:] if hasattr(module, "prepare") else given
    try:
        parser.parse_args(words)
    except (ArgumentError, SystemExit) as error:
        return f"{command}: {error}"
    return ""

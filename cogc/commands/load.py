"""Loading the program that a command line names, and showing the mistakes in it."""

from __future__ import annotations

import sys

from cogc import ir
from cogc.commands import streams
from cogc.commands.packages import allowed
from cogc.diagnostics import render
from cogc.diagnostics.problems import Diagnostic, Problems
from cogc.disk.files import main_spec
from cogc.loading import bundle_of


def show_to_stderr(found: list[Diagnostic]) -> None:
    """Print diagnostics to stderr: for people in a terminal, else as text."""
    if sys.stderr.isatty():
        render.people(found, streams.terminal(sys.stderr))
    else:
        sys.stderr.write(render.text(found))


def load(path: str, root: str | None, imports: list[str], problems: Problems, served: bool = False) -> ir.Bundle | None:
    """Return the program of a spec, or one that `cogc build` has written. Return None, with problems, if there is
    none. One that is served may have nothing but exports."""
    return bundle_of(path, root, allowed(imports, [main_spec(path)]), problems, served)

"""Loading the program that a command line names, and showing the mistakes in it."""

from __future__ import annotations

import sys
from pathlib import Path

from cogc import ir
from cogc.analysis.checked import Options as CheckOptions
from cogc.commands import streams
from cogc.commands.packages import allowed
from cogc.compile import analyse, program
from cogc.diagnostics import render
from cogc.diagnostics.problems import Diagnostic, Problems
from cogc.diagnostics.source import Source, Span
from cogc.disk.files import main_spec, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser


def root_option(parser: ArgumentParser) -> None:
    """Add the option that names the root of a program."""
    parser.add_argument(
        "--root",
        metavar="NAME",
        help="name of the declaration to start from (default: Main, else the only one of the spec)",
    )


def show_to_stderr(found: list[Diagnostic]) -> None:
    """Print diagnostics to stderr: for people in a terminal, else as text."""
    if sys.stderr.isatty():
        render.people(found, streams.terminal(sys.stderr))
    else:
        sys.stderr.write(render.text(found))


def load(path: str, root: str | None, imports: list[str], problems: Problems) -> ir.Bundle | None:
    """Return the program of a spec, or one that `cogc build` has written. Return None, with problems, if there is
    none."""
    path = main_spec(path)
    if path.endswith(".json"):
        try:
            bundle = ir.decode(Path(path).read_bytes())
        except (OSError, ValueError) as error:
            reason = str(error.strerror).lower() if isinstance(error, OSError) else str(error)
            slug = "unreadable-file" if isinstance(error, OSError) else "bad-build"
            problems.add(slug, Span(Source(path, ""), 0, 0), path=path, reason=reason)
            return None
        return bundle
    checked = analyse([path], read, problems, CheckOptions(allowed(imports, [path])))
    return None if problems.errors else program(checked, root)

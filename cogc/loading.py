"""A spec, or a program that `cogc build` has written, to a bundle."""

from __future__ import annotations

from pathlib import Path

from cogc import ir
from cogc.analysis.checked import Options
from cogc.compile import analyse, program
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source, Span
from cogc.disk.files import main_spec, read


def bundle_of(
    path: str, root: str | None, allowed: frozenset[str], problems: Problems, served: bool = False
) -> ir.Bundle | None:
    """Return the program of a spec, or one that `cogc build` has written. Return None, with problems, if there is
    none. One that is served may have nothing but exports."""
    path = main_spec(path)
    if path.endswith(".json"):
        try:
            return ir.decode(Path(path).read_bytes())
        except (OSError, ValueError) as error:
            reason = str(error.strerror).lower() if isinstance(error, OSError) else str(error)
            slug = "unreadable-file" if isinstance(error, OSError) else "bad-build"
            problems.add(slug, Span(Source(path, ""), 0, 0), path=path, reason=reason)
            return None
    checked = analyse([path], read, problems, Options(allowed))
    return None if problems.errors else program(checked, root, served)

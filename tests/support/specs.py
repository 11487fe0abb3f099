"""Check and build a spec that is given as text."""

from __future__ import annotations

import os
import sys
import textwrap

from cogc.analysis.checked import Checked, Options as CheckOptions
from cogc.compile import analyse, program
from cogc.diagnostics.problems import Diagnostic, Problems
from cogc.disk.files import read as read_file
from cogc.ir import Bundle

SMELLS = (
    "unused-name",
    "unused-loop-name",
    "one-outcome",
    "no-effect",
    "no-expectation",
    "unknown-escape",
    "unknown-call",
    "said-twice",
    "unused-ignore",
)
"""Reports about what is right and has no use. The small specs of tests are full of it."""


def check_text(
    text: str, name: str = "spec.cog", smells: bool = False, **others: str
) -> tuple[Checked, list[Diagnostic]]:
    """Check a spec; `others` are files that it may import, by name with `_` for the dot.

    Other files that it names, such as modules in Python and commands, count as there.
    """
    files = {name: textwrap.dedent(text), **{k.replace("_", "."): textwrap.dedent(v) for k, v in others.items()}}

    def read(path: str) -> bytes:
        if path.startswith("std/"):
            return read_file(path)
        if path not in files and os.path.isfile(path):
            return read_file(path)
        module = os.path.basename(path).removesuffix(".py")
        if path not in files and path.endswith(".py") and module not in (*sys.stdlib_module_names, "__init__"):
            return b"from elsewhere import *\n"
        if path not in files and not path.endswith((".cog", ".yaml", ".json", ".py")):
            return b"[]\n"
        if path not in files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return files[path].encode()

    problems = Problems()
    checked = analyse([name], read, problems, CheckOptions(smells=smells))
    return checked, problems.sorted()


def codes(text: str, name: str = "spec.cog", **others: str) -> list[str]:
    """The slugs of what a check finds, in order of place."""
    return [d.slug for d in check_text(text, name, **others)[1]]


def build(text: str, root: str | None = None, name: str = "spec.cog", **others: str) -> Bundle:
    """The program of a spec that has no errors."""
    checked, found = check_text(text, name, **others)
    assert not [d for d in found if d.severity == "error"], [d.message for d in found]
    bundle = program(checked, root)
    assert bundle is not None, [d.message for d in checked.problems.found]
    return bundle


def places(text: str, warnings: bool = True) -> list[tuple[str, str]]:
    """Return what a check of one file finds: the slug of each report, and the text that its mark is under."""
    text = textwrap.dedent(text)
    found = [d for d in check_text(text)[1] if warnings or d.severity == "error"]
    return [(d.slug, text[d.span.start : d.span.end]) for d in found]

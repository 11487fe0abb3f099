"""The choice of reports that a project wants to hear of.

Every check makes such a choice, so that this module does without the table of all rules (`rules.py`): it names those that are
left out.
"""

from __future__ import annotations

from cogc.language.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cogc.diagnostics.problems import Diagnostic

OFF = frozenset(["missing-command", "no-snapshot", "not-resumed"])
"""Rules that are reported only where they are asked for."""


class Selection(Record):
    """The rules that are left out, and patterns of paths with the rules that are left out there."""

    left_out: frozenset[str] = OFF
    per_file: tuple[tuple[str, frozenset[str]], ...] = ()

    def shows(self, d: Diagnostic) -> bool:
        """Return whether a diagnostic is reported."""
        if d.severity == "error":
            return True
        if d.slug in self.left_out:
            return False
        return not any(d.slug in rules and matches(d.span.source.path, pattern) for pattern, rules in self.per_file)

    def chosen(self, found: Iterable[Diagnostic]) -> list[Diagnostic]:
        """Return those diagnostics that are reported."""
        return [d for d in found if self.shows(d)]


def matches(path: str, pattern: str) -> bool:
    """Return whether a path, or its end, fits a pattern in which `*` stands for any characters and `?` for one."""
    from fnmatch import fnmatchcase  # for projects that use it

    return fnmatchcase(path, pattern) or fnmatchcase(path, f"*/{pattern}")

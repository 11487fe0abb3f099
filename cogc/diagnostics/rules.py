"""The rules of the checker: the group of each report, which reports may be left out, and the choice that a project makes.

A *rule* is a row of `CODES`. Its group tells what kind of thing it finds:
    error        what a run would refuse
    suspicious   what can run, and most likely does not do what was meant
    style        what has no use, and does no harm
    security     secrets and permissions
    cost         what has no bound
An error is always reported, since a run would refuse it; only a comment on its line leaves out a text that merely looks like
a secret. Every other rule can be left out by a comment or by the settings of the project (`commands/configuration.py`).
"""

from __future__ import annotations

from cogc.diagnostics.codes import CODES
from cogc.language.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

    from cogc.diagnostics.problems import Diagnostic

    Group = Literal["error", "suspicious", "style", "security", "cost"]

GROUPS: dict[Group, str] = {
    "error": "what a run would refuse",
    "suspicious": "what can run, and most likely does not do what was meant",
    "style": "what has no use, and does no harm",
    "security": "secrets and permissions",
    "cost": "what has no bound",
}
_GROUP: dict[str, Group] = {
    "typed-secret": "security",
    "secret-outside": "security",
    "foreign-module": "security",
    "writing-reviewer": "security",
    "shared-workspace": "security",
    "unbounded-loop": "cost",
    "small-budget": "cost",
    "no-price": "cost",
    "type-loop": "cost",
    "unused-channel": "style",
    "silent-transmit": "style",
    "unused-program": "style",
    "unused-name": "style",
    "unused-loop-name": "style",
    "unused-ignore": "style",
    "unreachable-code": "style",
    "said-twice": "style",
    "no-effect": "style",
    "no-expectation": "style",
    "stands-in": "style",
}
OFF = frozenset(["missing-command", "not-resumed"])
"""Rules that are reported only where they are asked for."""
FORGIVEN = frozenset(["typed-secret"])
"""Errors that a comment on their line may leave out."""


def group(slug: str) -> Group:
    """Return the group of a rule."""
    return _GROUP.get(slug) or ("error" if CODES[slug][1] == "error" else "suspicious")


def may_be_left_out(slug: str) -> bool:
    """Return whether the settings of a project may leave out a rule."""
    return CODES[slug][1] == "warning"


def named(word: str) -> frozenset[str]:
    """Return the rules that a word stands for: a code (with or without `COG`), a name, a group, `all` or `default`."""
    upper = word.upper()
    upper = f"COG{upper}" if upper.isdigit() else upper
    if word == "all":
        return frozenset(CODES)
    if word == "default":
        return frozenset(CODES) - OFF
    if word in GROUPS:
        return frozenset(s for s in CODES if group(s) == word)
    return frozenset(s for s, row in CODES.items() if s == word or row[0] == upper)


def words() -> list[str]:
    """Return every word that stands for rules."""
    return [*(row[0] for row in CODES.values()), *CODES, *GROUPS, "all", "default"]


class Selection(Record):
    """The rules that a project wants to hear of. `per_file` are patterns of paths with the rules that are left out there."""

    selected: frozenset[str] = frozenset(CODES) - OFF
    per_file: tuple[tuple[str, frozenset[str]], ...] = ()

    def shows(self, d: Diagnostic) -> bool:
        """Return whether a diagnostic is reported."""
        if d.severity == "error":
            return True
        if d.slug not in self.selected:
            return False
        return not any(d.slug in rules and matches(d.span.source.path, pattern) for pattern, rules in self.per_file)

    def chosen(self, found: Iterable[Diagnostic]) -> list[Diagnostic]:
        """Return those diagnostics that are reported."""
        return [d for d in found if self.shows(d)]


def matches(path: str, pattern: str) -> bool:
    """Return whether a path, or its end, fits a pattern in which `*` stands for any characters and `?` for one."""
    from fnmatch import fnmatchcase  # for projects that use it

    return fnmatchcase(path, pattern) or fnmatchcase(path, f"*/{pattern}")

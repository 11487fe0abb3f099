"""The rules of the checker: the group of each report, which reports may be left out, and the words that stand for rules.

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
from cogc.diagnostics.selection import OFF

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

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
FORGIVEN = frozenset(["typed-secret"])
"""Errors that a comment on their line may leave out."""


def group(slug: str) -> Group:
    """Return the group of a rule."""
    return _GROUP.get(slug) or ("error" if CODES[slug][1] == "error" else "suspicious")


def may_be_left_out(slug: str) -> bool:
    """Return whether the settings of a project may leave out a rule."""
    return CODES[slug][1] == "warning"


def all_rules() -> frozenset[str]:
    """Return the name of every rule."""
    return frozenset(CODES)


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

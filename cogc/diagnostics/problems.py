"""What is wrong with a spec, as values: a code, a place, facts turned into words in one place, and a remedy.

Stages report through `Problems.add(slug, span, ...)` and go on. The words stand in `codes.py`, what they look like on
a screen is `render.py`'s business.
"""

from __future__ import annotations

from cogc.diagnostics.codes import CODES
from cogc.diagnostics.source import Span
from cogc.language.record import Record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST_FACT = 60


class Label(Record):
    """A second place that belongs to a problem, and what is there."""

    span: Span
    text: str


class Diagnostic(Record):
    """One thing that is wrong. `severity` is `error` or `warning`."""

    code: str
    slug: str
    severity: str
    message: str
    span: Span
    help: str
    related: tuple[Label, ...]


class InternalError(Exception):
    """A mistake of ours, never of the user's."""


class Problems:
    """All diagnostics of one check, in the order in which they were found."""

    __slots__ = ("_seen", "found")

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []
        self._seen: set[tuple[str, int, int, int]] = set()

    def add(
        self, slug: str, span: Span, *, help: str | None = None, related: Iterable[Label] = (), **facts: object
    ) -> None:
        """Report a problem. `help` replaces the remedy of `codes.py`; the same one at the same place counts once."""
        key = (slug, id(span.source), span.start, span.end)
        if key in self._seen:
            return
        self._seen.add(key)
        code, severity, message, remedy = CODES[slug]
        words = {k: _word(v) for k, v in facts.items()}
        text = (remedy.format_map(words) if remedy else "") if help is None else help
        self.found.append(Diagnostic(code, slug, severity, message.format_map(words), span, text, tuple(related)))

    def add_at(self, found: Diagnostic, span: Span) -> None:
        """Take over a diagnostic that was found in a piece of text, at its place in the file."""
        self.found.append(replace(found, span=span, related=()))

    @property
    def errors(self) -> bool:
        return any(d.severity == "error" for d in self.found)

    def sorted(self) -> list[Diagnostic]:
        """By file and place, errors before warnings at one place."""
        return sorted(self.found, key=lambda d: (d.span.source.path, d.span.start, d.severity, d.code, d.message))


def _word(fact: object) -> str:
    """A fact as it may stand in a message: one line, printable, not too long."""
    text = str(fact)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return text if len(text) <= _LONGEST_FACT * 4 else text[: _LONGEST_FACT * 4 - 3] + "..."

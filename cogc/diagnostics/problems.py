"""Diagnostics as values: how a stage reports a mistake of the user, and what becomes of the report.

The model
    A stage gets a `Problems` beside its input. It reports a mistake by `problems.add(slug, span, **facts)` and goes on, so
    that one check finds every mistake; it never raises for one. Where it needs a value to go on with, it takes one that
    causes no further report: an `Error` node, the type `any`.
    A `Diagnostic` is a record: code, slug, severity, message, place (`Span`), help, `related`, the labels of other
    places that belong to it, such as the earlier declaration of a name, and `edits`, which together mend the mistake
    (`edits.py`).

Words
    `codes.py` has one row for each slug: the code, the severity, the message and the help, with facts in braces. A stage
    hands over facts (names, types, counts) and no sentences, so the words of a kind of mistake stand in one place and can
    be reviewed together with its page in `specs/codes/`. `help=` replaces the help where the stage knows a better remedy,
    for example the word that was meant (`suggest.py`). `_word` makes a fact fit for a line: printable, not too long.

The order of events
    1. `add` finds the row of the slug and drops a report that the same slug has made at the same place already.
    2. The facts are put into message and help, and the diagnostic is appended to `found`.
    3. Analysis goes on behind errors. `errors` is asked before a program is built or run: with one there is no program.
    4. `sorted` puts the diagnostics in the order of the files, and `render.py` shows them: `text` a line each, `people`
       with the source line and marks below the place, `json` as an array.

Invariants
    One cause, one report: whoever meets a name or node that has been reported stays silent.
    A place lies in a file of the user. Text that a stage reads out of its place (an expression quoted in YAML) has places
    of its own; `add_at` takes over such a diagnostic at the place in the file.
    A span is half-open, in characters; lines and columns are computed when a diagnostic is shown.

A worked example
    For `n = cuont` where a state `count` is known, the checker calls
        problems.add("unknown-name", span, help=did_you_mean("cuont", ["count"]), name="cuont")
    and with the row ("COG302", "error", "there is no `{name}` here", ...) `text` shows
        main.cog:3:7: error: there is no `cuont` here [COG302]
          help: did you mean `count`?
"""

from __future__ import annotations

from cogc.diagnostics.edits import Edit, meant
from cogc.diagnostics.source import Span
from cogc.language.record import Record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cogc.diagnostics.codes import Severity

MARK = "cogc: ignore"
"""The words of a comment that leaves out reports (`ignores.py`)."""
_LONGEST_FACT = 60


class Label(Record):
    """A second place that belongs to a diagnostic, and the words for it."""

    span: Span
    text: str


class Diagnostic(Record):
    """One mistake of the user, and its place."""

    code: str
    slug: str
    severity: Severity
    message: str
    span: Span
    help: str
    related: tuple[Label, ...]
    edits: tuple[Edit, ...] = ()


class Problems:
    """The diagnostics of one check, in the order of the reports.

    `dropped` are the pieces of text that could not be read. `hides` tells of a report that only follows from these
    (`names/broken.py`).
    """

    __slots__ = ("_seen", "dropped", "found", "hides")

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []
        self.dropped: list[Span] = []
        self.hides: Callable[[str, Span, Mapping[str, object], str], bool] | None = None
        self._seen: set[tuple[str, int, int, int]] = set()

    def add(
        self,
        slug: str,
        span: Span,
        *,
        help: str | None = None,
        related: Iterable[Label] = (),
        edits: tuple[Edit, ...] = (),
        **facts: object,
    ) -> None:
        """Report a mistake, once for each place. `help` replaces the remedy of `codes.py`.

        `edits` mend the mistake. Without them a word that `help` suggests makes the edit.
        """
        key = _key(slug, span)
        if key in self._seen or (self.hides is not None and self.hides(slug, span, facts, help or "")):
            return
        self._seen.add(key)
        from cogc.diagnostics.codes import CODES  # start-up: for mistakes alone

        code, severity, message, remedy = CODES[slug]
        words = {k: _word(v) for k, v in facts.items()}
        text = (remedy.format_map(words) if remedy else "") if help is None else help
        edits = edits or meant(slug, span, text)
        self.found.append(
            Diagnostic(code, slug, severity, message.format_map(words), span, text, tuple(related), edits)
        )

    def add_at(self, found: Diagnostic, span: Span, edits: tuple[Edit, ...] = ()) -> None:
        """Take over a diagnostic of a piece of text, at its place in the file."""
        self.found.append(replace(found, span=span, related=(), edits=edits))

    def take_back(self, is_none: Callable[[Diagnostic], bool]) -> None:
        """Take back the last reports, as far as they are found to be none. They may be made again."""
        while self.found and is_none(self.found[-1]):
            last = self.found.pop()
            self._seen.discard(_key(last.slug, last.span))

    def take_out(self, since: int, is_vague: Callable[[Diagnostic], bool]) -> list[Diagnostic]:
        """Take out those of the reports behind the first `since` that their stage has better words for, and return them. They are not made again."""
        made = self.found[since:]
        self.found[since:] = [d for d in made if not is_vague(d)]
        return [d for d in made if is_vague(d)]

    def take(self, other: Problems) -> None:
        """Take over the reports and the dropped pieces of a text that was read apart."""
        self.found += other.found
        self.dropped += other.dropped
        self._seen |= other._seen

    @property
    def errors(self) -> bool:
        return any(d.severity == "error" for d in self.found)

    def sorted(self) -> list[Diagnostic]:
        """Return the diagnostics by file and place, errors before warnings at one place."""
        return sorted(self.found, key=lambda d: (d.span.source.path, d.span.start, d.severity, d.code, d.message))


def _key(slug: str, span: Span) -> tuple[str, int, int, int]:
    """Return what two reports of one mistake have in common."""
    return slug, id(span.source), span.start, span.end


def _word(fact: object) -> str:
    """Return the text of a fact for a message: one line, printable, not too long."""
    text = str(fact)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return text if len(text) <= _LONGEST_FACT * 4 else text[: _LONGEST_FACT * 4 - 3] + "..."

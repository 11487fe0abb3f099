"""Numbers with a `0` in front of their digits, which other languages read in another base."""

from __future__ import annotations

from cogc.diagnostics.edits import Edit
from cogc.diagnostics.source import Source, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.diagnostics.problems import Problems


def zero_in_front(source: Source, problems: Problems, start: int, end: int) -> None:
    """Report a number or a duration such as `010` or `08s`."""
    text = source.text[start:end]
    plain = text.lstrip("0_")
    plain = plain if plain[:1].isdigit() else "0" + plain
    span, help = Span(source, start, end), f"write `{plain}`: no number begins with a `0` before other digits"
    problems.add("bad-number", span, help=help, edits=(Edit(span, plain, "unsafe"),), text=text)

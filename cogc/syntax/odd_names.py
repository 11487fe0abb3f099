"""Names that no name can be, with a hyphen (`my-order`) or a digit in front (`1st`): each is one report, where it is declared.

`mend(source, tokens, problems, most)` looks at the tokens of a text that is read with recovery. A name that is declared so becomes one
token wherever it stands, so that its uses are read as uses of it, and are no further mistakes. Its text is the name that is meant.
"""

from __future__ import annotations

from cogc.diagnostics.edits import Edit
from cogc.diagnostics.source import Source, Span
from cogc.language.record import replace
from cogc.syntax.tables import KEYWORDS, OPERATORS, TERMINALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.diagnostics.problems import Problems
    from cogc.syntax.lexer import Tokens

_DECLARING = frozenset(
    KEYWORDS[w]
    for w in (
        "const", "type", "model", "mcp", "program", "coglet", "mixin", "agent", "team", "dod", "plan", "sett", "queue", "listen",
        "transmit", "enact", "state", "create", "step", "let", "as", "for",
    )
)  # fmt: skip
"""The words behind which a name is declared."""
_NAMING = _DECLARING - {KEYWORDS["for"], KEYWORDS["as"], KEYWORDS["let"]}
_NAME, _MINUS, _COLON = TERMINALS["NAME"], OPERATORS["-"], OPERATORS[":"]
_WORDS = frozenset(KEYWORDS.values()) | {_NAME, TERMINALS["OUTPUT"]}
"""The words that may be a part of a name with hyphens, reserved ones among them, as in `check-in`."""
_BEFORE_A_FIELD = frozenset(OPERATORS[o] for o in ("(", ",", "{")) | {TERMINALS["_SEP"]}
_AROUND_A_USE = frozenset(OPERATORS[o] for o in (".", "<-", "->", "=", ",", "[")) | {
    KEYWORDS[w] for w in ("on", "link", "stop", "restart", "await", "after", "by", "in")
}


def mend(source: Source, tokens: Tokens, problems: Problems, most: int) -> list[str] | None:
    """Make each name that is declared with a hyphen or a digit one token, and report it once, up to `most` reports in all.

    Return the texts of all tokens, with the names that are meant; None if there is no such name.
    """
    if tokens.cut_starts is not tokens.starts:  # a text in YAML has keys for names
        return None
    meant = _with_hyphens(source, tokens, problems, most) | _with_digits(source, tokens, problems, most)
    if not meant:
        return None
    text, named = tokens.text, TERMINALS["NAME"]
    texts = [text[start:end] for start, end in zip(tokens.starts, tokens.ends, strict=True)]
    return [meant.get(t, t) if kind == named else t for kind, t in zip(tokens.kinds, texts, strict=True)]


def _run(tokens: Tokens, at: int) -> int:
    """Return the last token of `a-b-c`, whose parts touch each other; `at` where nothing follows."""
    kinds, starts, ends = tokens.kinds, tokens.starts, tokens.ends
    while kinds[at + 1 : at + 2] == [_MINUS] and kinds[at + 2] in _WORDS:
        if ends[at] != starts[at + 1] or ends[at + 1] != starts[at + 2]:
            break
        at += 2
    return at


def _with_hyphens(source: Source, tokens: Tokens, problems: Problems, most: int) -> dict[str, str]:
    """Join the parts of each name that is declared with a hyphen, and return what is meant by each."""
    kinds, starts, ends, text = tokens.kinds, tokens.starts, tokens.ends, tokens.text
    if _MINUS not in kinds:
        return {}
    runs = [(i, last) for i, kind in enumerate(kinds) if kind in _WORDS and (last := _run(tokens, i)) > i]
    declared: dict[str, int] = {}
    for first, last in runs:
        before = kinds[first - 1] if first else TERMINALS["_SEP"]
        if before in _DECLARING or (before in _BEFORE_A_FIELD and kinds[last + 1] == _COLON):
            declared.setdefault(text[starts[first] : ends[last]], starts[first])
    joined = {f: last for f, last in runs if text[starts[f] : ends[last]] in declared}
    uses: dict[str, list[Span]] = {}
    for first, last in joined.items():
        uses.setdefault(text[starts[first] : ends[last]], []).append(Span(source, starts[first], ends[last]))
    meant = {name: name.replace("-", "_") for name in declared}
    for name, place in declared.items():
        tokens.dropped.append((place, place + len(name)))
        if len(problems.found) >= most:
            continue
        at = place + name.index("-")
        edits = tuple(Edit(span, meant[name], "safe") for span in uses[name])
        help = f"a name consists of letters, digits and `_`: `{meant[name]}`"
        problems.add(
            "unexpected-token", Span(source, at, at + 1), help=help, edits=edits, found="`-`", expected="a name"
        )
    kept: list[tuple[int, int, int]] = []
    at = 0
    while at < len(kinds):
        last = joined.get(at, at)
        kept.append((kinds[at] if last == at else _NAME, starts[at], ends[last]))
        at = last + 1
    kinds[:], starts[:], ends[:] = map(list, zip(*kept, strict=True))
    return meant


def _with_digits(source: Source, tokens: Tokens, problems: Problems, most: int) -> dict[str, str]:
    """Make each name that is declared with a digit in front a name, and return what is meant by each."""
    kinds, starts, ends = tokens.kinds, tokens.starts, tokens.ends
    wrong = {p.span.start: p for p in problems.found if p.slug == "bad-number"}
    meant: dict[str, str] = {}
    helps: dict[int, str] = {}  # for the report of a number at a place: better words, none where it is a use of a name
    for i, kind in enumerate(kinds):
        if i and kinds[i - 1] in _NAMING and (starts[i] in wrong or kind == TERMINALS["DURATION"]):
            at, found = starts[i], wrong.get(starts[i])
            end = found.span.end if found is not None else ends[i]
            name = source.text[at:end]
            if not name.isalnum() or not name.isascii():
                continue
            kinds[i], ends[i] = _NAME, end
            if name in meant:
                continue
            meant[name] = f"_{name}"
            tokens.dropped.append((at, end))
            help = f"a name begins with a letter or `_`: `{meant[name]}`"
            if found is not None:
                helps[at] = help
            elif len(problems.found) < most:
                place = Span(source, at, end)
                problems.add("unexpected-token", place, help=help, found=f"`{name}`", expected="a name")
    for i, kind in enumerate(kinds) if meant else ():
        found = wrong.get(starts[i])
        name = source.text[starts[i] : found.span.end if found is not None else ends[i]]
        if kind == _NAME or name not in meant:
            continue
        if found is not None or kinds[i + 1] in _AROUND_A_USE or kinds[i - 1] in _AROUND_A_USE:
            kinds[i], ends[i] = _NAME, starts[i] + len(name)
            if found is not None:
                helps[starts[i]] = ""
    if helps:
        kept = []
        for report in problems.found:
            better = helps.get(report.span.start) if report.slug == "bad-number" else None
            if better != "":
                kept.append(report if better is None else replace(report, help=better))
        problems.found[:] = kept
    return meant

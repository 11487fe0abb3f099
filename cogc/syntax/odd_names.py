"""Names that no name can be, with a hyphen (`my-order`) or a digit in front (`1st`): each is one report, where it is declared.

`mend(source, tokens, problems)` looks at the tokens of a text that is read with recovery. A name that is declared so becomes one token
wherever it stands, so that its uses are read as uses of it, and are no further mistakes.
"""

from __future__ import annotations

from cogc.diagnostics.edits import Edit
from cogc.diagnostics.source import Source, Span
from cogc.language.record import replace
from cogc.language.texts import RESERVED
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
_WORDS = frozenset(k for w, k in KEYWORDS.items() if w not in RESERVED) | {_NAME, TERMINALS["OUTPUT"]}
_BEFORE_A_FIELD = frozenset(OPERATORS[o] for o in ("(", ",", "{")) | {TERMINALS["_SEP"]}
_AROUND_A_USE = frozenset(OPERATORS[o] for o in (".", "<-", "->", "=", ",", "[")) | {
    KEYWORDS[w] for w in ("on", "link", "stop", "restart", "await", "after", "by", "in")
}


def mend(source: Source, tokens: Tokens, problems: Problems) -> bool:
    """Make each name that is declared with a hyphen or a digit one token, and report it once. Return whether there is one."""
    if tokens.cut_starts is not tokens.starts:  # a text in YAML has keys for names
        return False
    hyphens, digits = _with_hyphens(source, tokens, problems), _with_digits(source, tokens, problems)
    return hyphens or digits


def _run(tokens: Tokens, at: int) -> int:
    """Return the last token of `a-b-c`, whose parts touch each other; `at` where nothing follows."""
    kinds, starts, ends = tokens.kinds, tokens.starts, tokens.ends
    while kinds[at + 1 : at + 2] == [_MINUS] and kinds[at + 2] in _WORDS:
        if ends[at] != starts[at + 1] or ends[at + 1] != starts[at + 2]:
            break
        at += 2
    return at


def _with_hyphens(source: Source, tokens: Tokens, problems: Problems) -> bool:
    kinds, starts, ends, text = tokens.kinds, tokens.starts, tokens.ends, tokens.text
    if _MINUS not in kinds:
        return False
    runs = [(i, last) for i, kind in enumerate(kinds) if kind in _WORDS and (last := _run(tokens, i)) > i]
    declared: dict[str, int] = {}
    for first, last in runs:
        before = kinds[first - 1] if first else TERMINALS["_SEP"]
        if before in _DECLARING or (before in _BEFORE_A_FIELD and kinds[last + 1] == _COLON):
            declared.setdefault(text[starts[first] : ends[last]], starts[first])
    uses = [(f, e, name) for f, e in runs if (name := text[starts[f] : ends[e]]) in declared]
    for name, place in declared.items():
        spans = [Span(source, starts[f], ends[e]) for f, e, other in uses if other == name]
        meant, at = name.replace("-", "_"), place + name.index("-")
        tokens.dropped.append((place, place + len(name)))
        edits = tuple(Edit(span, meant, "safe") for span in spans)
        help = f"a name consists of letters, digits and `_`: `{meant}`"
        problems.add(
            "unexpected-token", Span(source, at, at + 1), help=help, edits=edits, found="`-`", expected="a name"
        )
    for first, last, _ in reversed(uses):
        kinds[first : last + 1] = [_NAME]
        ends[first : last + 1] = [ends[last]]
        del starts[first + 1 : last + 1]
    return bool(declared)


def _with_digits(source: Source, tokens: Tokens, problems: Problems) -> bool:
    kinds, starts, ends = tokens.kinds, tokens.starts, tokens.ends
    wrong = {p.span.start: p for p in problems.found if p.slug == "bad-number"}
    declared: set[str] = set()
    for i, kind in enumerate(kinds):
        if i and kinds[i - 1] in _NAMING and (starts[i] in wrong or kind == TERMINALS["DURATION"]):
            at, found = starts[i], wrong.get(starts[i])
            end = found.span.end if found is not None else ends[i]
            name = source.text[at:end]
            if not name.isalnum() or not name.isascii():
                continue
            kinds[i], ends[i] = _NAME, end
            if name in declared:
                continue
            declared.add(name)
            tokens.dropped.append((at, end))
            help = f"a name begins with a letter or `_`: `_{name}`"
            if found is not None:
                problems.found[problems.found.index(found)] = replace(found, help=help)
            else:
                place = Span(source, at, end)
                problems.add("unexpected-token", place, help=help, found=f"`{name}`", expected="a name")
    for i, kind in enumerate(kinds) if declared else ():
        found = wrong.get(starts[i])
        name = source.text[starts[i] : found.span.end if found is not None else ends[i]]
        if kind == _NAME or name not in declared:
            continue
        if found is not None or kinds[i + 1] in _AROUND_A_USE or kinds[i - 1] in _AROUND_A_USE:
            kinds[i], ends[i] = _NAME, starts[i] + len(name)
            if found in problems.found:
                problems.found.remove(found)
    return bool(declared)

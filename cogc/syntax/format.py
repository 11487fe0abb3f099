"""The one form of a text in the cog notation: `formatted(source) -> str`, and of a tree: `written(tree) -> str`.

`concrete.py` reads a text to phrases and comments, and `layout.py` prints them as lines. A tree is spelled as words first (`spell.py`),
which are then laid out like any other text: so there is one printer.

Kept: all tokens in their order, but for `;`, and for the commas and newlines that separate the parts of braces; all comments; one blank
line of several. A text that cannot be read gives None.
"""

from __future__ import annotations

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.language.texts import decode
from cogc.syntax import nodes, spell
from cogc.syntax.concrete import concrete
from cogc.syntax.expressions import equal
from cogc.syntax.layout import lines
from cogc.syntax.lexer import lex
from cogc.syntax.parse_cog import parse, shallow
from cogc.syntax.tables import TERMINALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.syntax.lexer import Tokens

_SEP, _STRING, _COMMA = TERMINALS["_SEP"], TERMINALS["STRING"], TERMINALS["COMMA"]
_OPENING = frozenset(TERMINALS[n] for n in ("LBRACE", "LPAR", "LSQB"))
_CLOSING = frozenset(TERMINALS[n] for n in ("RBRACE", "RPAR", "RSQB"))
_DEEPEST = 150
"""More open brackets than that are no work of people: parentheses, which alone may nest as deep as they like. Such a text stays as it is."""
_ITEMS = (
    nodes.File,
    nodes.Coglet,
    nodes.Mixin,
    nodes.Agent,
    nodes.Team,
    nodes.Dod,
    nodes.Plan,
    nodes.Sett,
    nodes.Test,
    nodes.Block,
)
"""The nodes of which some items can be formatted without the others."""


def formatted(source: Source) -> str | None:
    """Return the formatted text of a file, or None if it cannot be read."""
    problems = Problems()
    tokens = lex(source, problems)
    found = None if problems.found else concrete(tokens)
    if found is None or not (shallow(tokens) or _readable(source)):
        return None
    if _depth(tokens) > _DEEPEST:
        return source.text
    made = lines(found.items, found.blanks, found.end)
    return "\n".join(made) + "\n" if made else ""


def compare(source: Source, text: str) -> None:
    """Raise AssertionError if the formatted text does not mean what the text means."""
    after = type(source)(source.path, text)
    if not equal(parse(source, Problems()), parse(after, Problems())):
        raise AssertionError(f"`{source.path}` would mean something else once it is formatted")


def _depth(tokens: Tokens) -> int:
    """Return how many brackets are open at once."""
    depth = deepest = 0
    for kind in tokens.kinds:
        if kind in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif kind in _CLOSING:
            depth -= 1
    return deepest


def _readable(source: Source) -> bool:
    problems = Problems()
    parse(source, problems)
    return not problems.errors


# ---- a part of a text ----------------------------------------------------------------------------------------


def formatted_range(source: Source, start: int, end: int) -> tuple[int, int, str] | None:
    """Return a place of the text and the formatted text for it: of the items of the innermost body that the range touches.

    None if the file cannot be read, or if nothing is in the range.
    """
    made = formatted(source)
    if made is None:
        return None
    touched = _touched(parse(source, Problems()), start, end)
    if touched is None:
        return None
    before, after = lex(source, Problems()), lex(Source(source.path, made), Problems())
    # the formatted text has the same tokens, but for the separators
    old, new = (_words(tokens) for tokens in (before, after))
    first = next(i for i, token in enumerate(old) if before.starts[token] >= touched[0])
    last = max(i for i, token in enumerate(old) if before.ends[token] <= touched[1])
    text = made[after.starts[new[first]] : after.ends[new[last]]]
    return before.starts[old[first]], before.ends[old[last]], text


def _words(tokens: Tokens) -> list[int]:
    """Return the numbers of the tokens that are no separators."""
    return [i for i, kind in enumerate(tokens.kinds) if kind not in (_SEP, _COMMA)]


def _touched(tree: nodes.File, start: int, end: int) -> tuple[int, int] | None:
    """Return the place of the items that a range touches, in the innermost body that holds it."""
    found: tuple[int, int] | None = None
    for node in nodes.walk(tree):
        if not isinstance(node, _ITEMS) or (found is not None and not (node.start <= start and end <= node.end)):
            continue
        items = [i for i in _items(node) if i.start < max(end, start + 1) and start < i.end]
        if items and (found is None or (items[0].start <= start and end <= items[-1].end)):
            found = items[0].start, items[-1].end
    return found


def _items(node: nodes.Node) -> list[nodes.Node]:
    """Return the items of a body."""
    lists = [getattr(node, name) for name in type(node)._compared_ if name not in ("parameters", "mixins")]
    return [item for part in lists if isinstance(part, tuple) for item in part if isinstance(item, nodes.Node)]


# ---- trees ---------------------------------------------------------------------------------------------------


def written(tree: nodes.File, apart: bool = True) -> str:
    """Return the text of a tree, with a blank line between two declarations if `apart`."""
    made = formatted(Source("", _long_strings(spell.file(tree, apart))))
    if made is None:
        raise AssertionError("the words of a tree cannot be read")
    return made


def statement(node: nodes.Statement) -> str:
    """Return the lines of one statement."""
    words = spell.statement(node)
    made = formatted(Source("", f"coglet _ {{ on _ {{ {words}\nescalate }} }}")) or words
    return "\n".join(line[4:] for line in made.splitlines()[2:-3])


def _long_strings(words: str) -> str:
    """Return words in which strings with newlines have several lines, where the value stays what it is."""
    tokens = lex(Source("", words), Problems())
    pieces: list[str] = []
    last = 0
    for kind, start, end in zip(tokens.kinds, tokens.starts, tokens.ends, strict=True):
        literal = words[start:end]
        if kind != _STRING or "\\n" not in literal:
            continue
        value = decode(literal, 0)[0]
        pad = "  " if value.endswith("\n") else ""  # the closing quotes then stand below the first word of their line
        body = "\n".join(pad * bool(line) + spell.text(line)[1:-1].replace('\\"', '"') for line in value.split("\n"))
        long = f'"""\n{body}"""'
        if '"""' not in body and not body.endswith('"') and decode(long, 0)[0] == value:
            pieces += [words[last:start], long]
            last = end
    return "".join(pieces) + words[last:]

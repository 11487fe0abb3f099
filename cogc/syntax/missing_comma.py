"""The `,` that is missing in front of a parameter, an argument, an attribute or a field: it is put in, so that what stands around it is read.

`insert(tokens, leaves, at, states, rules)` looks at a token that the parser cannot take. If a `,` could stand in its place, and it is a name
with a `:` behind it, as the item in front of it is, the tokens get the comma.
"""

from __future__ import annotations

from cogc.syntax import lalr
from cogc.syntax.tables import OPERATORS, TERMINALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cogc.syntax.lexer import Tokens

_COLON, _COMMA = OPERATORS[":"], OPERATORS[","]
_OPENING = frozenset(OPERATORS[o] for o in "([{")
_CLOSING = frozenset(OPERATORS[o] for o in ")]}")
_BEGINS_ITEM = _OPENING | {_COMMA, TERMINALS["_SEP"]}
_MOST = 50  # in one reading: each moves the tokens behind it


def insert(tokens: Tokens, leaves: list[Any], at: int, states: list[int], rules: lalr.Rules) -> bool:
    """Put a `,` in front of a name that needs one, and return whether that was done."""
    if (
        tokens.cut_starts is not tokens.starts or len(tokens.mended) >= _MOST
    ):  # a text in YAML has other lists of places
        return False
    if (
        not _is_named(tokens, at)
        or _COMMA not in lalr.shifts(states, rules)
        or not _is_named(tokens, item := _item(tokens, at))
        or _touches(tokens, at) > _touches(tokens, item)  # `python m:f"` has lost a quote, and no comma
    ):
        return False
    start = tokens.starts[at]
    if "\n" in tokens.text[tokens.ends[at - 1] : start]:
        return False  # what is missing may as well be a bracket
    tokens.kinds.insert(at, _COMMA)
    tokens.starts.insert(at, start)
    tokens.ends.insert(at, start)
    leaves.insert(at, ",")
    tokens.mended.append(at)
    return True


def _is_named(tokens: Tokens, at: int) -> bool:
    """Return whether a name with a `:` behind it stands at a place."""
    return tokens.text[tokens.starts[at] : tokens.ends[at]].isidentifier() and tokens.kinds[at + 1] == _COLON


def _touches(tokens: Tokens, at: int) -> bool:
    """Return whether a value touches the `:` behind the name at a place."""
    return tokens.ends[at + 1] == tokens.starts[at + 2]


def _item(tokens: Tokens, at: int) -> int:
    """Return the index of the first token of the item in front of a token, between the brackets that are open there."""
    depth = 0
    while at and (depth or tokens.kinds[at - 1] not in _BEGINS_ITEM):
        at -= 1
        depth += (tokens.kinds[at] in _CLOSING) - (tokens.kinds[at] in _OPENING)
    return at

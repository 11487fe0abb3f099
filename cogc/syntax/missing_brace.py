"""The `{` that a header has lost: where the parser stops for want of it, it is put in, so that the body is read as one.

`insert(tokens, leaves, at, states, rules)` looks at a token that the parser cannot take. If a `{` could stand in its place, and
the text behind it is a body, the tokens get the brace, and its `}` too where the body ends without one. It knows a body by
its lines: they stand deeper than the line of the header, up to a `}` or a line that does not.

An example. Behind `coglet Slow` the line ends; the lines below stand deeper, up to a `}` at the margin. The end of the line
becomes a `{`:
    coglet Slow
      listen x: int
      on x as v { log info v }
    }
"""

from __future__ import annotations

from bisect import bisect_left

from cogc.syntax import lalr
from cogc.syntax.braces import DECLARATIONS
from cogc.syntax.tables import KEYWORDS, OPERATORS, TERMINALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cogc.syntax.lexer import Tokens

_SEP, _END = TERMINALS["_SEP"], TERMINALS["$END"]
_COLON = OPERATORS[":"]
_LBRACE, _RBRACE = TERMINALS["LBRACE"], TERMINALS["RBRACE"]
_OPENING = frozenset(TERMINALS[n] for n in ("LBRACE", "LPAR", "LSQB"))
_CLOSING = frozenset(TERMINALS[n] for n in ("RBRACE", "RPAR", "RSQB"))

_MOST = 50  # in one reading: each looks at a whole declaration
_STATEMENTS = frozenset(KEYWORDS[w] for w in ("log", "let", "if", "for", "fail", "guide", "reply"))


def insert(tokens: Tokens, leaves: list[Any], at: int, states: list[int], rules: lalr.Rules) -> bool:
    """Put a `{` in front of a body that has lost it, and return whether there is one."""
    if tokens.cut_starts is not tokens.starts:  # a text in YAML has no lines of its own
        return False
    if tokens.kinds[at] == _END or len(tokens.mended) >= _MOST:
        return False
    wanted = lalr.shifts(states, rules)
    if _begins_record(tokens, at):
        _close_record(tokens, leaves, at)
        return False
    if _LBRACE not in wanted or TERMINALS["INT"] in wanted:  # a record, where a value is wanted
        return False
    if tokens.kinds[at] == _SEP and _first(tokens, at) == "\n":
        return _below(tokens, leaves, at)
    if tokens.kinds[at] == _COLON:  # `coglet Main:`, as in Python
        if tokens.kinds[at + 1] == _SEP and _first(tokens, at + 1) == "\n":
            for part in (tokens.kinds, tokens.starts, tokens.ends, leaves):
                del part[at]
        elif "\n" not in tokens.text[tokens.ends[at] : tokens.starts[at + 1]]:
            return False
        return _below(tokens, leaves, at)
    is_body = _is_statement(tokens, at) or (len(wanted) == 1 and _first(tokens, at).isalpha())
    if is_body and _closed_in_line(tokens, at) and (_surplus(tokens, at) > 0 or _put_back(tokens, leaves, at)):
        _put(tokens, leaves, at, "{", tokens.starts[at])
        tokens.mended.append(at)
        return True
    return False


def _below(tokens: Tokens, leaves: list[Any], at: int) -> bool:
    """Make the end of the line a `{`, if the line below stands deeper, and close the body where its lines end."""
    kinds = tokens.kinds
    head = _indent(tokens, at - 1)
    if kinds[at + 1] == _END or _indent(tokens, at + 1) <= head:
        return False
    depth, last = 0, at + 1
    while kinds[last] != _END:
        if kinds[last] in _CLOSING and not depth:
            break
        if kinds[last] == _SEP and not depth and kinds[last + 1] != _END and _indent(tokens, last + 1) <= head:
            break
        depth += (kinds[last] in _OPENING) - (kinds[last] in _CLOSING)
        last += 1
    is_own = kinds[last] == _RBRACE and (not _begins(tokens, last) or _indent(tokens, last) == head)
    is_own = is_own and _surplus(tokens, at) > 0
    if not is_own:  # the body has lost both
        _put(tokens, leaves, last, "}", tokens.ends[last - 1])
    kinds[at], leaves[at] = _LBRACE, "{"
    tokens.mended.append(at)
    return True


def _begins_record(tokens: Tokens, at: int) -> bool:
    """Return whether a record that is sent or set has lost its `{`: at its first `:`, or at the `...` of what it spreads."""
    value = at - 2 if tokens.kinds[at] == _COLON else at - 1
    is_first = tokens.kinds[at] == OPERATORS["..."] or (tokens.kinds[at] == _COLON and _first(tokens, at - 1).isalpha())
    return is_first and value > 0 and tokens.kinds[value] in (OPERATORS["<-"], OPERATORS["="])


def _close_record(tokens: Tokens, leaves: list[Any], at: int) -> None:
    """Take out the `}` of a record without its `{`, so that it closes no body."""
    last, depth = at, 0
    while tokens.kinds[last] != _END and (tokens.kinds[last] != _SEP or depth):
        depth += (tokens.kinds[last] in _OPENING) - (tokens.kinds[last] in _CLOSING)
        if depth < 0:
            break
        last += 1
    if tokens.kinds[last] == _RBRACE and _surplus(tokens, at) > 0:
        for part in (tokens.kinds, tokens.starts, tokens.ends, leaves):
            del part[last]
        tokens.mended.append(at)


def _is_statement(tokens: Tokens, at: int) -> bool:
    """Return whether a statement begins at a token: by its word, or as a name with a `<-` or `=` behind it."""
    kind, behind = tokens.kinds[at], tokens.kinds[at + 1]
    return kind in _STATEMENTS or (kind == TERMINALS["NAME"] and behind in (OPERATORS["<-"], OPERATORS["="]))


def _surplus(tokens: Tokens, at: int) -> int:
    """Return how many more `}` than `{` the declaration around a token has."""
    first, last = at, at + 1
    while first and not _is_margin(tokens, first):
        first -= 1
    while last < len(tokens.kinds) and not _is_margin(tokens, last):
        last += 1
    kinds = tokens.kinds[first:last]
    return kinds.count(_RBRACE) - kinds.count(_LBRACE)


def _put_back(tokens: Tokens, leaves: list[Any], at: int) -> bool:
    """Put back the `}` that was left out behind a token as one too many, and return whether the declaration has one."""
    last = at + 1
    while last < len(tokens.kinds) and not _is_margin(tokens, last):
        last += 1
    first, stop = tokens.starts[at], tokens.starts[last - 1]
    left_out = next((d for d in tokens.doubtful if d[2] == "} }" and first < d[1] <= stop), None)
    if left_out is None:
        return False
    tokens.doubtful.remove(left_out)
    place = left_out[1] - 1
    _put(tokens, leaves, bisect_left(tokens.starts, place, at), "}", place)
    return True


def _is_margin(tokens: Tokens, at: int) -> bool:
    """Return whether a declaration begins at a token, at the left margin."""
    start, end = tokens.starts[at], tokens.ends[at]
    return tokens.text[max(start - 1, 0) : start] in ("", "\n") and tokens.text[start:end] in DECLARATIONS


def _closed_in_line(tokens: Tokens, at: int) -> bool:
    """Return whether a `}` in the line of a token closes what is not opened behind it."""
    depth, start = 0, tokens.starts[at]
    while tokens.kinds[at] not in (_SEP, _END) and "\n" not in tokens.text[start : tokens.starts[at]]:
        depth += (tokens.kinds[at] in _OPENING) - (tokens.kinds[at] in _CLOSING)
        if depth < 0:
            return tokens.kinds[at] == _RBRACE
        at += 1
    return False


def _put(tokens: Tokens, leaves: list[Any], at: int, mark: str, place: int) -> None:
    tokens.kinds.insert(at, _LBRACE if mark == "{" else _RBRACE)
    tokens.starts.insert(at, place)
    tokens.ends.insert(at, place)
    leaves.insert(at, mark)


def _first(tokens: Tokens, at: int) -> str:
    """Return the character at which a token starts; none for a token that recovery has added at the end of the text."""
    start = tokens.starts[at]
    return tokens.text[start : start + 1]


def _begins(tokens: Tokens, at: int) -> bool:
    """Return whether a token begins its line."""
    start = tokens.starts[at]
    return not tokens.text[tokens.text.rfind("\n", 0, start) + 1 : start].strip()


def _indent(tokens: Tokens, at: int) -> int:
    """Return the width of the blanks at the start of the line of a token."""
    start = tokens.starts[at]
    line = tokens.text[tokens.text.rfind("\n", 0, start) + 1 : start + 1]
    return len(line) - len(line.lstrip())

"""Declarations with mistakes, read strictly as they would be with a change.

`broken` gives the declarations of a text that have reports, `tokens_of` the tokens of one of them, and `stop` says how far the strict reading
gets in these.
"""

from __future__ import annotations

import re
from itertools import pairwise

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.syntax import lalr, nodes
from cogc.syntax.braces import DECLARATIONS
from cogc.syntax.lexer import lex
from cogc.syntax.tables import TERMINALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cogc.diagnostics.problems import Diagnostic
    from cogc.syntax.lexer import Tokens

_SEP = TERMINALS["_SEP"]
_STRINGS = frozenset(TERMINALS[t] for t in ("STRING", "LONG_STRING", "RAW_STRING"))
_DECLARED = rf"(?m)^(?:{'|'.join(sorted(DECLARATIONS))})\b"


def broken(source: Source, found: list[Diagnostic]) -> Iterator[tuple[int, int, list[Diagnostic]]]:
    """Yield the range of each declaration that has reports, from its word at the left margin to the next one, and these reports."""
    if not found:
        return
    starts = [m.start() for m in re.compile(_DECLARED).finditer(source.text)]
    for start, end in pairwise([*starts, len(source.text)]):
        own = [d for d in found if start <= d.span.start < end]
        if own:
            yield start, end, own


def tokens_of(source: Source, start: int, end: int) -> Tokens | None:
    """Return the tokens of a declaration, without the documentation of the next one; None if they cannot all be read."""
    problems = Problems()
    tokens = lex(source, problems, start, end)
    if problems.found:
        return None
    kinds = tokens.kinds
    last = len(kinds) - 1
    while last > 1 and kinds[last - 2] == _SEP:
        word = tokens.text[tokens.starts[last - 1] : tokens.ends[last - 1]]
        if kinds[last - 1] not in _STRINGS and word != "export":
            break
        last -= 2
    for part in (kinds, tokens.starts, tokens.ends):
        del part[last:-1]
    return tokens


def stop(tokens: Tokens, rules: lalr.Rules) -> int:
    """Return the index of the token at which the strict reading stops, -1 if it gets to the end."""
    stopped: list[int] = []

    def fail(at: int, states: list[int]) -> bool:
        stopped.append(at)
        return False

    tree = lalr.parse(tokens, rules, fail)
    return -1 if isinstance(tree, nodes.File) else stopped[0]

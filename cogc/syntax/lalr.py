"""The LALR(1) driver: tokens to nodes, over the tables that Lark computed.

In: `Tokens` and a table of builders, one function `(children, start, end) -> node` for each rule of the grammar.
Out: what the builder of `start` returns. Chains of rules that only hand their child on (an atom that is a product that
is a sum ...) are walked once and remembered, since most reductions of an expression are of that kind.

Recovery is yacc's: pop to the innermost state that can shift `ERROR`, skip to the end of that declaration, member or
statement, go on. What was skipped becomes one node, on which every later stage is silent.
"""

from __future__ import annotations

from cogc.syntax.tables import ACTIONS, FINAL, GOTOS, RULES, TERMINALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cogc.syntax.lexer import Tokens

    Builder = Callable[[list[Any], int, int], Any]
    Rule = tuple[int, int, Builder | None, tuple[int, ...], int, bool]

_BUILD, _PASS, _SPLICE = 0, 1, 2
_SPLICED = 100
_ERROR = TERMINALS["ERROR"]
_SEP = TERMINALS["_SEP"]
_END = TERMINALS["$END"]
_OPENING = frozenset(TERMINALS[n] for n in ("LBRACE", "LPAR", "LSQB"))
_CLOSING = frozenset(TERMINALS[n] for n in ("RBRACE", "RPAR", "RSQB"))
_RBRACE = TERMINALS["RBRACE"]
_CHAINS: dict[int, int] = {}
"""What `_chain` found, for each state, left side and next terminal that has come up. Builders have no part in it."""


def bind(builders: dict[str, Builder]) -> list[Rule]:
    """The rules of the tables with their builders, and whether all children are plain (kept, present, not lists)."""
    rules: list[Rule] = []
    for left, length, name, kept, mode in RULES:
        plain = kept == tuple(range(length))
        rules.append((left, length, builders[name] if mode == _BUILD else None, kept, mode, plain))
    return rules


class Stack:
    """What has been read and not yet reduced: a state, a value, a start and an end for each symbol."""

    __slots__ = ("ends", "starts", "states", "values")

    def __init__(self) -> None:
        self.states = [0]
        self.values: list[Any] = [None]
        self.starts = [0]
        self.ends = [0]

    def placed(self, at: int) -> Stack:
        """A copy whose symbols all stand at one place. Lists are copied, since a reduction may grow them."""
        made = Stack()
        made.states = self.states.copy()
        made.values = [v.copy() if v.__class__ is list else v for v in self.values]
        made.starts = [at] * len(made.states)
        made.ends = [at] * len(made.states)
        return made


def parse(tokens: Tokens, rules: list[Rule], fail: Callable[[int, list[int]], bool], stack: Stack | None = None) -> Any:
    """Parse all tokens, on top of a stack if there is one. `fail(index, states)` is told the token that no rule
    expects, and the stack of states; it says whether to go on behind it."""
    kinds, token_starts, token_ends, text = tokens.kinds, tokens.starts, tokens.ends, tokens.text
    cut_starts, cut_ends = tokens.cut_starts, tokens.cut_ends
    stack = stack or Stack()
    states, values, starts, ends = stack.states, stack.values, stack.starts, stack.ends
    actions, chains = ACTIONS, _CHAINS
    at, failed = 0, -1
    kind = kinds[0]
    while True:
        row = actions[states[-1]]
        action = row if row.__class__ is int else row.get(kind)
        if action is None:
            if kind == _END and states[-1] == FINAL:
                return values[-1]
            if not fail(at, states) or (at == failed and kind == _END):
                return None
            # a token that fails twice is given up: every recovery gets further than the one before
            at, failed = (at + 1 if at == failed else at), at
            at = _recover(tokens, at, states, values, starts, ends)
            if at < 0:
                return None
            kind = kinds[at]
            continue
        if action >= 0:
            states.append(action)
            values.append(text[cut_starts[at] : cut_ends[at]])
            starts.append(token_starts[at])
            ends.append(token_ends[at])
            at += 1
            kind = kinds[at]
            continue
        left, length, builder, kept, mode, plain = rules[-1 - action]
        if length:
            children = values[-length:] if plain else _children(values, length, kept)
            start, end = starts[-length], ends[-1]
            del states[-length:], values[-length:], starts[-length:], ends[-length:]
        else:
            children = _children(values, 0, kept)
            start = end = token_starts[at]
        if mode == _BUILD:
            value = builder(children, start, end)  # type: ignore[misc]
        else:
            value = children if mode == _SPLICE else children[0]
        # a chain of rules that hand on their only child depends on the state, the left side and the next token alone
        key = (states[-1] << 20) | (left << 8) | kind
        state = chains.get(key)
        if state is None:
            state = chains[key] = _chain(states[-1], left, kind, rules)
        states.append(state)
        values.append(value)
        starts.append(start)
        ends.append(end)


def _chain(state: int, left: int, kind: int, rules: list[Rule]) -> int:
    """Where a reduction to `left` leads once all rules that only hand it on are reduced too."""
    while True:
        target = GOTOS[state][left]
        row = ACTIONS[target]
        action = row if isinstance(row, int) else row.get(kind)
        if action is None or action >= 0:
            return target  # type: ignore[no-any-return]
        rule = rules[-1 - action]
        if rule[1] != 1 or rule[4] != _PASS:
            return target  # type: ignore[no-any-return]
        left = rule[0]


def _children(values: list[Any], length: int, kept: tuple[int, ...]) -> list[Any]:
    """The children that a rule keeps: None for absent ones, lists spliced in (the first one is grown in place)."""
    base = len(values) - length
    children: list[Any] = []
    for i in kept:
        if i < 0:
            children.append(None)
        elif i < _SPLICED:
            children.append(values[base + i])
        elif not children:
            children = values[base + i - _SPLICED]
        else:
            children.extend(values[base + i - _SPLICED])
    return children


def _recover(tokens: Tokens, at: int, states: list[int], values: list[Any], starts: list[int], ends: list[int]) -> int:
    """Pop to where an `ERROR` fits, shift it over all that is skipped; the index to go on at, or -1 at the end."""
    kinds = tokens.kinds
    start = tokens.starts[at]
    opened: list[str] = []  # the brackets that are popped with what was left of their phrases
    while True:
        row = ACTIONS[states[-1]]
        action = None if isinstance(row, int) else row.get(_ERROR)
        if action is not None and (kinds[at] != _END or len(states) > 1 or at == 0 or not opened):
            break
        if len(states) == 1:
            return -1
        start = starts[-1]
        if ends[-1] - start == 1 and tokens.text[start] in "{([":
            opened.insert(0, tokens.text[start])
        del states[-1], values[-1], starts[-1], ends[-1]
    first = at
    while kinds[at] != _END:
        kind = kinds[at]
        if kind in _OPENING:
            opened.append(tokens.text[tokens.starts[at]])
        elif kind == _RBRACE:
            while opened and opened[-1] != "{":  # a brace ends whatever was left open inside it
                opened.pop()
            if opened:
                opened.pop()
            elif len(states) > 1 and _inside_braces(states, starts, ends, tokens.text):
                break
        elif kind in _CLOSING:
            if opened and opened[-1] != "{":
                opened.pop()
        elif kind == _SEP and not opened:
            break
        at += 1
    end = tokens.ends[at - 1] if at > first else start
    states.append(action)
    values.append(tokens.text[start:end])
    starts.append(start)
    ends.append(max(end, start))
    return at


def _inside_braces(states: list[int], starts: list[int], ends: list[int], text: str) -> bool:
    """Whether a `{` is still open on the stack, so that a `}` is its end and not a stray."""
    return any(ends[i] - starts[i] == 1 and text[starts[i]] == "{" for i in range(1, len(states)))


def expected(states: list[int], rules: list[Rule]) -> list[int]:
    """The terminals that could stand here: each is tried on a copy of the stack."""
    found = []
    for terminal in range(len(TERMINALS)):
        stack = list(states)
        while True:
            row = ACTIONS[stack[-1]]
            action = row if isinstance(row, int) else row.get(terminal)
            if action is None:
                break
            if action >= 0:
                found.append(terminal)
                break
            left, length = rules[-1 - action][:2]
            if length:
                del stack[-length:]
            if left not in GOTOS[stack[-1]]:
                break
            stack.append(GOTOS[stack[-1]][left])
    return found

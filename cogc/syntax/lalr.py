"""The LALR(1) driver: it turns tokens into nodes by the tables that Lark computed from `grammar/cog.lark`.

In: `Tokens` (parallel lists, the last token is `$END`, or `_BEHIND` for a fragment in YAML) and the `Rules` of the grammar, each with its builder, a function
`(children, start, end) -> node`. Out: the value that the builder of `start` returns, or None if the parser gave up.

The model
    The parser is a stack automaton. Each entry of the stack is a grammar symbol that has been read: the state that the
    automaton is in behind it, the symbol's value, and the start of its text. The three are kept in parallel lists,
    because one list of tuples costs an allocation for each token. Of the ends only that of the last symbol is
    ever asked for, so it is a variable.
    `action_of(state, terminal)` is what to do before the next terminal: `n >= 0` shifts the token and enters state n, `-1 - r`
    reduces by rule r. `row_of(state)` has these actions by terminal; a state in which every terminal reduces by the same rule
    has that action itself in place of a mapping. `_goto(state, left)` is the state behind a rule's left side, once the rule has
    been reduced. The tables have rows as texts, in which an entry is searched: the automaton comes to each once, as below.
    `Rules.action` is an action as the driver takes it, with the rule in place of its number.
    A reduction takes the rule's symbols off the stack, makes one value of theirs and pushes the left side with it. How
    the value is made is the rule's mode: `_BUILD` calls the builder, `_PASS` hands the only child on, `_SPLICE` makes a
    list whose items become children of the rule above (`_items`, and what Lark makes of a `*`).

A worked example: `const a = 1`, its reductions in order
    tokens                 stack (symbols)                    action
    CONST a = 1 $END       -                                  shift `const`
    a = 1 $END             CONST                              shift `a`; its chain reduces `name: NAME`: Name("a")
    = 1 $END               CONST name                         shift `=`
    1 $END                 CONST name EQUAL                   shift `1`; its chain reduces `int: INT` and goes up to `_expr`
    $END                   CONST name EQUAL _expr             reduce `const`: Const(a, 1); its chain goes up to `_items`
    $END                   _items                             reduce `start`: the File
    $END                   start                              accept: the state is one of FINALS and the terminal `$END`

Chains
    Most tokens are the only symbol of the rule above them, and that one is of the next: an int is a literal, a primary, a
    postfix ... a sum, a comparison, an expression. Where such a chain ends, and which builders it calls on the way, depends
    on the state below, the first symbol and the next terminal alone. So `Rules.chain` follows it once. Afterwards one look,
    into the mapping of the token's action or of the rule that has been reduced, leads to the state at the end of the chain,
    and to the action there. What is between never comes onto the stack.

Spans
    A node begins where its first symbol begins and ends where its last one ends; a rule without symbols has no width
    and stands at the next token. `tokens.starts` are places in the file; `tokens.cut_starts` are offsets into the text
    that was read, which differs where an expression was quoted in YAML.

Recovery
    A token that has no action is reported through `fail(index, states)`. Then the parser recovers as yacc does:
    1. take entries off the stack down to the innermost state that can shift `ERROR`: one that waits for a declaration,
       a member, a statement, an attribute or the like;
    2. skip tokens to the end of that phrase: a `_SEP`, or the `}` that closes the block around it. Brackets that were
       opened inside of the phrase, on the stack or among the skipped tokens, are counted, so that their `}` ends nothing;
    3. shift `ERROR` over all that was taken off and skipped. Its builder makes an `Error` node, on which every later
       stage is silent, and parsing goes on behind it.
    A token at which recovery fails a second time is skipped, so each recovery gets further than the one before it, and
    the number of recoveries is at most the number of tokens.
"""

from __future__ import annotations

from cogc.syntax.tables import ACTIONS, FINALS, GOTOS, RULES, SHIFTED, STARTS, TERMINALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cogc.syntax.lexer import Tokens

    Builder = Callable[[list[Any], int, int], Any]
    Fail = Callable[[int, list[int]], bool]
    """Reports a token that has no action, by its index and the stack of states. Returns whether the parser is to recover."""
    Mend = Callable[[Tokens, list[Any], int, list[int], "Rules"], bool]
    """Changes the tokens and their values from one that has no action on. Returns whether the parser goes on with them."""
    Written = tuple[int, int, str, tuple[int, ...], int]
    """A rule as it stands in the tables: left side, length, builder, the children that it keeps, mode."""
    Chain = tuple[int, tuple[Builder, ...], "Action"]
    Rule = tuple[int, int, Builder | None, int, slice | None, list[None], tuple[int, ...], slice, dict[int, Chain]]
    """A rule with its builder: left side, length, builder, mode, what it keeps as a slice with the absent behind it, and as offsets,
    and its symbols on the stack as a slice.

    Its last part are the chains that have been followed behind it, by the state below and the next terminal.
    """
    Action = dict[int, Chain] | Rule | None
    """The action of a state before a terminal. To shift it is a mapping: the chains that have been followed behind the terminal, by
    the one after it. To reduce is the rule. None is a mistake, or the end.
    """

NOTHING = 255
"""A terminal that has no action: the parser stops there and leaves its stack as it is. No terminal has a greater number."""
_BUILD, _PASS, _SPLICE = 0, 1, 2
_SPLICED = 100
_ERROR = TERMINALS["ERROR"]
_SEP = TERMINALS["_SEP"]
_END = TERMINALS["$END"]
_OPENING = frozenset(TERMINALS[n] for n in ("LBRACE", "LPAR", "LSQB"))
_CLOSING = frozenset(TERMINALS[n] for n in ("RBRACE", "RPAR", "RSQB"))
_RBRACE = TERMINALS["RBRACE"]
_ENDS = (_END, TERMINALS["_BEHIND"])
_FINALS = frozenset(FINALS)


def row_of(state: int) -> dict[int, int] | int:
    """Return the actions of a state by the next terminal, or the one action that it has for all of them."""
    row = ACTIONS[state]
    return row if isinstance(row, int) else {ord(k): ord(v) - SHIFTED for k, v in zip(row[::2], row[1::2], strict=True)}


def action_of(state: int, kind: int) -> int | None:
    """Return the action of a state before a terminal. None is a mistake, or the end."""
    row = ACTIONS[state]
    if isinstance(row, int):
        return row
    at = row.find(chr(kind))  # no number of a terminal is that of a shifted action
    return ord(row[at + 1]) - SHIFTED if at >= 0 else None


def _goto(state: int, left: int) -> int:
    """Return the state behind the left side of a rule that has been reduced in a state, -1 where no such rule can be."""
    row = GOTOS[state]
    at = row.find(chr(left))
    return ord(row[at + 1]) - SHIFTED if at >= 0 else -1


def _shifted(state: int, kind: int) -> int:
    """Return the state behind a terminal that is shifted in a state."""
    action = action_of(state, kind)
    assert action is not None and action >= 0
    return action


def behind(states: tuple[int, ...], terminals: list[int], rules: Rules) -> tuple[int, ...]:
    """Return the stack of states behind terminals that are shifted on top of `states`, each of which begins or goes on with a rule."""
    stack = list(states)
    for terminal, following in zip(terminals, [*terminals[1:], NOTHING], strict=True):
        stack.append(rules.chain(stack[-1], _shifted(stack[-1], terminal), following)[0])
    return tuple(stack)


class Rules:
    """The rules of the grammar with builders of one kind, and the actions of the states as the driver takes them.

    Both are made when the automaton first comes to them, so that a small file pays for what it uses.
    """

    __slots__ = ("_bound", "_builders", "_shifts", "_written")

    def __init__(self, builders: dict[str, Builder], written: list[Written] = RULES) -> None:
        self._builders = builders
        self._written = written
        self._bound: dict[int, Rule] = {}
        self._shifts: dict[int, dict[int, Chain]] = {}

    def action(self, state: int, kind: int) -> Action:
        """Return the action of a state before a terminal."""
        key = state << 8 | kind
        shift = self._shifts.get(key)
        if shift is not None:
            return shift
        number = action_of(state, kind)
        if number is None:
            return None
        if number < 0:
            return self.rule(-1 - number)
        shift = self._shifts[key] = {}
        return shift

    def rule(self, number: int) -> Rule:
        """Return a rule with its builder."""
        found = self._bound.get(number)
        if found is None:
            left, length, name, kept, mode = self._written[number]
            builder = self._builders[name] if mode == _BUILD else None
            top = slice(-length, None)
            found = self._bound[number] = (left, length, builder, mode, *_cut(kept, length), kept, top, {})
        return found

    def chain(self, state: int, target: int, kind: int) -> Chain:
        """Follow the rules of one symbol that are reduced behind a symbol, before the next terminal.

        `state` is the state below the symbol and `target` the one behind it. Return the state at the end of the chain,
        the builders of the rules on the way, and the action of that state before the terminal.
        """
        builders: list[Builder] = []
        while True:
            action = action_of(target, kind)
            if action is None or action >= 0:
                break
            left, length, _, kept, mode = self._written[-1 - action]
            if length != 1 or kept != (0,):
                break
            if mode == _BUILD:
                builder = self.rule(-1 - action)[2]
                if builder is not None and builder is not only:
                    builders.append(builder)
            elif mode == _SPLICE:
                builders.append(_as_list)
            target = _goto(state, left)
        return target, tuple(builders), self.action(target, kind)


def only(children: list[Any], start: int, end: int) -> Any:
    """Return the first child: the builder of a rule that hands it on. Chains leave it out."""
    return children[0]


def _as_list(children: list[Any], start: int, end: int) -> list[Any]:
    return children


def _cut(kept: tuple[int, ...], length: int) -> tuple[slice | None, list[None]]:
    """Return the children that a rule keeps as a slice of the values, and one None for each absent child behind them.

    The slice is None where the children are none: lists are spliced, or an absent child stands before one that is there.
    """
    absent = kept.count(-1)
    present = kept[: len(kept) - absent]
    step = max(1, present[1] - present[0]) if len(present) > 1 else 1
    whole = bool(present) and present == tuple(range(present[0], present[-1] + 1, step))
    if not whole or present[0] < 0 or present[-1] >= length:
        return None, []
    stop = present[-1] + 1 - length
    return slice(present[0] - length, stop or None, step), [None] * absent


def parse(
    tokens: Tokens,
    rules: Rules,
    fail: Fail,
    below: tuple[int, ...] = (STARTS["start"],),
    held: list[Any] | None = None,
    leaves: list[Any] | None = None,
    mend: Mend | None = None,
) -> Any:
    """Parse all tokens, as a file or on top of the states `below`, with the values `held` in them.

    `leaves` are the values of the tokens, by default their texts. For a token that has no action, `fail` is called and then `mend`.
    """
    kinds, token_starts, token_ends, text = tokens.kinds, tokens.starts, tokens.ends, tokens.text
    if leaves is None and (mend is not None or tokens.cut_starts is not token_starts):
        leaves = [text[s:e] for s, e in zip(tokens.cut_starts, tokens.cut_ends, strict=False)]
    states: list[int] = [*below]
    values: list[Any] = [None] * len(below) if held is None else held
    starts = [token_starts[0]] * len(below)
    recovery: _Recovery | None = None
    at, end = 0, 0
    kind, state = kinds[0], states[-1]
    action: Any = rules.action(state, kind)
    while True:
        if action.__class__ is dict:
            start, end = token_starts[at], token_ends[at]
            value = text[start:end] if leaves is None else leaves[at]
            at += 1
            kind = kinds[at]
            found = action.get(kind)
            if found is None:
                found = action[kind] = rules.chain(state, _shifted(state, kinds[at - 1]), kind)
        elif action is None:
            if kind in _ENDS and state in _FINALS:
                return values[-1]
            if recovery is None:
                recovery = _Recovery(tokens, rules, fail, states, values, starts, leaves, mend)
            at, end = recovery.go_on(at, end)
            if at < 0:
                return None
            kind, state = kinds[at], states[-1]
            action = rules.action(state, kind)
            continue
        else:
            left, length, builder, mode, cut, absent, kept, top, chains = action
            if length:
                if cut is None:
                    children = _children(values, length, kept)
                else:
                    children = values[cut]
                    if absent:
                        children += absent
                start = starts[-length]
                del states[top], values[top], starts[top]
            else:
                children = _children(values, 0, kept)
                start = end = token_starts[at]
            if builder is not None:
                value = builder(children, start, end)
            else:
                value = children if mode == _SPLICE else children[0]
            state = states[-1]
            key = state << 8 | kind
            found = chains.get(key)
            if found is None:
                found = chains[key] = rules.chain(state, _goto(state, left), kind)
        state, builders, action = found
        for build in builders:
            value = build([value], start, end)
        states.append(state)
        values.append(value)
        starts.append(start)


def _children(values: list[Any], length: int, kept: tuple[int, ...]) -> list[Any]:
    """Return the children that a rule keeps: None for an absent one, lists spliced in (the first one is grown in place)."""
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


class _Recovery:
    """The way of a parser past tokens that have no action: each is reported, and mended or passed over with its phrase."""

    def __init__(
        self,
        tokens: Tokens,
        rules: Rules,
        fail: Fail,
        states: list[int],
        values: list[Any],
        starts: list[int],
        leaves: list[Any] | None,
        mend: Mend | None,
    ) -> None:
        self.tokens = tokens
        self.rules = rules
        self.fail = fail
        self.states = states
        self.values = values
        self.starts = starts
        self.leaves = leaves
        self.mend = mend
        self.failed = -1
        """The token at which recovery was last begun."""

    def go_on(self, at: int, end: int) -> tuple[int, int]:
        """Return the index to go on at, or -1 if there is none, and the end of what lies on top of the stack, so far `end`."""
        tokens, states = self.tokens, self.states
        if not self.fail(at, states) or (at == self.failed and tokens.kinds[at] == _END):
            return -1, end
        again = at == self.failed
        self.failed = at
        if not again and self.mend is not None and self.leaves is not None:
            if self.mend(tokens, self.leaves, at, states, self.rules):
                return at, end
        # a token at which recovery fails twice is skipped: each recovery gets further than the one before
        at += again
        behind = _behind_brace(tokens, at, states, self.rules, _inside_braces(self.values))
        return (behind, end) if behind != at else _recover(tokens, at, states, self.values, self.starts)


def _behind_brace(tokens: Tokens, at: int, states: list[int], rules: Rules, inside: bool) -> int:
    """Pass over what stands behind the `}` of a phrase that is complete, up to the end of its line, or of the block if it is inside of one.

    Return the index to go on at.

    Such a phrase has been reduced with all before it, so that taking it back would take back those too.
    """
    kinds = tokens.kinds
    if not at or kinds[at - 1] != _RBRACE or kinds[at] in (_SEP, _END) or _SEP not in shifts(states, rules):
        return at
    first, depth = at, 0
    while kinds[at] != _END and (depth or kinds[at] != _SEP):
        if kinds[at] in _OPENING:
            depth += 1
        elif kinds[at] in _CLOSING:
            if not depth and kinds[at] == _RBRACE and inside:
                break
            depth = max(0, depth - 1)
        at += 1
    if at > first:
        tokens.dropped.append((tokens.starts[first], tokens.ends[at - 1]))
    return at


def _recover(tokens: Tokens, at: int, states: list[int], values: list[Any], starts: list[int]) -> tuple[int, int]:
    """Shift an `ERROR` over the phrase that cannot be read. Return the index to go on at, or -1 if there is none, and the end of the phrase."""
    kinds = tokens.kinds
    start = tokens.starts[at]
    opened: list[str] = []  # the brackets of the phrase that are still open, those taken off the stack first
    while True:
        row = ACTIONS[states[-1]]
        action = None if isinstance(row, int) else action_of(states[-1], _ERROR)
        if action is not None and (kinds[at] != _END or len(states) > 1 or at == 0 or not opened):
            break
        if len(states) == 1:
            return -1, 0
        start = starts[-1]
        if values[-1] in ("{", "(", "["):
            opened.insert(0, values[-1])
        del states[-1], values[-1], starts[-1]
    while kinds[at] != _END:
        kind = kinds[at]
        if kind in _OPENING:
            opened.append(tokens.text[tokens.starts[at]])
        elif kind == _RBRACE:
            while opened and opened[-1] != "{":  # a `}` closes the brackets that are still open inside of its block
                opened.pop()
            if opened:
                opened.pop()
            elif len(states) > 1 and _inside_braces(values):
                break
        elif kind in _CLOSING:
            if opened and opened[-1] != "{":
                opened.pop()
        elif kind == _SEP and not opened:
            break
        at += 1
    end = max(start, tokens.ends[at - 1]) if at else start
    tokens.dropped.append((start, end))
    states.append(action)
    values.append(tokens.text[start:end])
    starts.append(start)
    return at, end


def _inside_braces(values: list[Any]) -> bool:
    """Return whether a `{` is still open on the stack, so that a `}` closes it."""
    return any(value.__class__ is str and value == "{" for value in values)


def expected(states: list[int], rules: Rules) -> list[int]:
    """Return the terminals that could stand here."""
    return list(shifts(states, rules))


def shifts(states: list[int], rules: Rules) -> dict[int, int]:
    """Return the terminals that could stand here, each with the state that it leads to: each is tried on a copy of the stack."""
    found: dict[int, int] = {}
    for terminal in range(len(TERMINALS)):
        stack = list(states)
        while True:
            action = action_of(stack[-1], terminal)
            if action is None:
                break
            if action >= 0:
                found[terminal] = action
                break
            left, length = rules.rule(-1 - action)[:2]
            if length:
                del stack[-length:]
            target = _goto(stack[-1], left)
            if target < 0:
                break
            stack.append(target)
    return found

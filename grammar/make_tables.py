"""Make `cogc/syntax/tables.py` from `grammar/cog.lark`: `python -m grammar.make_tables`.

Lark reads the grammar and computes the LALR(1) tables; this module writes them down as literals for the driver in
`cogc/syntax/lalr.py`, so that no start of `cogc` pays for Lark. It is Lark's only owner.

The tables. A state's row maps a terminal to an action: `n >= 0` shifts into state n, `-1 - r` reduces by rule r. A row
in which every terminal reduces by one rule is that bare action. Other rows are written as texts of two characters an
entry, the terminal and `SHIFTED` + the action, and so are the rows of `GOTOS`, of a nonterminal and a state: no key has a number
as great as those, so an entry is found by a search for its key, and nothing is made of the rows. `RULES[r]` is (left side, length, builder, kept, mode):
`kept` lists the children that go to the builder as offsets from the rule's first symbol, -1 for one that is absent and
gives None. `mode` is how the value is made: 0 calls the builder, 1 hands the only child on, 2 makes a list to be
spliced into the rule above.

There are two starts: a file, and a fragment of one that stands in YAML. `STARTS` has the first state of each, `FINALS` the last
one of a file and those in front of `_BEHIND`, which is never shifted.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from lark import Lark

from cogc.disk.resources import folder

BUILD, PASS, SPLICE = 0, 1, 2
STARTS = ("start", "_fragment")
"""What can be read by itself: a file, and a fragment of one in YAML."""
BEHIND = "_BEHIND"
"""The terminal behind a fragment, in front of which the driver stops."""
SHIFTED = 4096
"""What is added to an action in the text of a row, so that each is the number of a character."""


class _Postlex:
    """Tells Lark's basic lexer to let newlines through: `_SEP` is made of them later."""

    always_accept = ("NEWLINE",)

    def process(self, stream: Any) -> Any:
        return stream


def lark_parser(postlex: Any = None) -> Lark:
    """Return Lark's own parser for the grammar, which the tests compare with."""
    grammar = (folder("grammar") / "cog.lark").read_text(encoding="utf-8")
    return Lark(
        grammar,
        parser="lalr",
        lexer="basic",
        start=list(STARTS),
        postlex=postlex or _Postlex(),
        maybe_placeholders=True,
    )


def grammar_digest() -> str:
    """Return the hash of the grammar, which shows whether the tables are those of the present one."""
    return hashlib.sha256((folder("grammar") / "cog.lark").read_bytes()).hexdigest()[:16]


def _kept(rule: Any) -> list[tuple[int, Any]]:
    """Return the children of a rule as (offset, symbol), with an offset of -1 for Lark's placeholder of an absent one."""
    empty = rule.options.empty_indices
    absent = [len(ones) for ones in "".join(str(int(b)) for b in empty).split("0")] if empty else []
    absent = absent or [0] * (len(rule.expansion) + 1)
    kept: list[tuple[int, Any]] = []
    for i, symbol in enumerate(rule.expansion):
        kept += [(-1, None)] * absent[i]
        if rule.options.keep_all_tokens or not (symbol.is_term and symbol.filter_out):
            kept.append((i, symbol))
    return kept + [(-1, None)] * absent[len(rule.expansion)]


def _spliced(rules: list[Any]) -> set[str]:
    """Return the hidden nonterminals whose value is a list: all that do not always hand on exactly one child."""
    hidden = {r.origin.name for r in rules if r.origin.name.startswith("_")}
    spliced: set[str] = set()
    while True:
        more = {
            r.origin.name
            for r in rules
            if r.origin.name in hidden and (len(_kept(r)) != 1 or _kept(r)[0][0] < 0 or _kept(r)[0][1].name in spliced)
        }
        if more <= spliced:
            return spliced
        spliced |= more


def make() -> str:
    """Return the text of `cogc/syntax/tables.py`."""
    lark = lark_parser()
    table = lark.parser.parser._parse_table
    rules: list[Any] = list(lark.rules)
    numbers = {id(r): i for i, r in enumerate(rules)}
    by_value = {r: i for i, r in enumerate(rules)}
    terminals = sorted({str(t) for row in table.states.values() for t in row if not _is_rule(t, rules)} | {"ERROR"})
    terminal_number = {t: i for i, t in enumerate(terminals)}
    nonterminals = sorted({str(r.origin.name) for r in rules})
    nonterminal_number = {n: i for i, n in enumerate(nonterminals)}
    states = _in_order(table)
    state_number = {s: i for i, s in enumerate(states)}
    actions: list[Any] = []
    gotos: list[dict[int, int]] = []
    for state in states:
        row: dict[int, int] = {}
        goto: dict[int, int] = {}
        for symbol, (action, argument) in sorted(table.states[state].items()):
            if symbol in nonterminal_number:
                goto[nonterminal_number[symbol]] = state_number[argument]
            elif action.name == "Shift" and symbol != BEHIND:
                row[terminal_number[symbol]] = state_number[argument]
            elif action.name != "Shift":
                row[terminal_number[symbol]] = -1 - numbers.get(id(argument), by_value[argument])
        values = set(row.values())
        actions.append(values.pop() if len(values) == 1 and max(values) < 0 else row)
        gotos.append(goto)
    spliced = _spliced(rules)
    written_rules = [_rule(r, spliced, nonterminal_number) for r in rules]
    starts = {s.lstrip("_"): state_number[table.start_states[s]] for s in STARTS}
    finals = [state_number[table.end_states["start"]]]
    finals += [
        n for s, n in state_number.items() if BEHIND in table.states[s] and table.states[s][BEHIND][0].name == "Shift"
    ]
    words = {str(t.pattern.value): terminal_number[t.name] for t in lark.terminals if _is_text(t, str.isalpha)}
    marks = {
        str(t.pattern.value): terminal_number[t.name] for t in lark.terminals if _is_text(t, lambda v: not v.isalpha())
    }
    parts = [
        '"""The LALR(1) tables of `grammar/cog.lark`. Made by `python -m grammar.make_tables`: do not edit."""',
        "# ruff: noqa",
        "# mypy: ignore-errors",
        "from __future__ import annotations",
        f"DIGEST = {grammar_digest()!r}",
        f"TERMINALS = {terminal_number!r}",
        f"KEYWORDS = {words!r}",
        f"OPERATORS = {marks!r}",
        f"RULES = {written_rules!r}",
        f"STARTS = {starts!r}",
        f"FINALS = {finals!r}",
        f"SHIFTED = {SHIFTED}",
        _rows("ACTIONS", [_text(r) if isinstance(r, dict) else r for r in actions]),
        _rows("GOTOS", [_text(r) for r in gotos]),
    ]
    return "\n".join(parts) + "\n"


def _in_order(table: Any) -> list[Any]:
    """Return the states in the order in which they are reached, since Lark numbers them differently each time."""
    order: list[Any] = []
    seen: set[Any] = set()
    for start in STARTS:
        reached = [table.start_states[start]]
        for state in reached:
            for _, (action, argument) in sorted(table.states[state].items()):
                if action.name == "Shift" and argument not in seen:
                    seen.add(argument)
                    reached.append(argument)
        order += reached
    return order


def _rows(name: str, rows: list[Any]) -> str:
    """Return the text of rows as literals; equal rows are written once, and the list refers to them."""
    seen: dict[str, int] = {}
    order = [seen.setdefault(ascii(r), len(seen)) for r in rows]
    distinct = ",\n".join(seen)
    kind = " | ".join(sorted({type(r).__name__ for r in rows}))
    return f"_{name}: tuple[{kind}, ...] = (\n{distinct},\n)\n{name} = [_{name}[i] for i in {order!r}]"


def _text(row: dict[int, int]) -> str:
    """Return the text of a row."""
    return "".join(chr(key) + chr(SHIFTED + value) for key, value in row.items())


def _is_rule(symbol: str, rules: list[Any]) -> bool:
    return symbol in {r.origin.name for r in rules} or symbol in STARTS


def _is_text(terminal: Any, wanted: Any) -> bool:
    return type(terminal.pattern).__name__ == "PatternStr" and bool(wanted(terminal.pattern.value))


def _rule(rule: Any, spliced: set[str], numbers: dict[str, int]) -> tuple[int, int, str, tuple[int, ...], int]:
    origin, kept = rule.origin.name, _kept(rule)
    mode = BUILD
    if origin.startswith("_"):
        mode = SPLICE if origin in spliced else PASS
    offsets = tuple(
        # the offset of a child that is a list to splice is raised beyond all plain offsets
        i if symbol is None or symbol.is_term or symbol.name not in spliced else i + 100
        for i, symbol in kept
    )
    return numbers[origin], len(rule.expansion), str(rule.alias or origin), offsets, mode


def main() -> None:
    path = Path(__file__).parents[1] / "cogc" / "syntax" / "tables.py"
    path.write_text(make(), encoding="utf-8")
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()

"""Makes what editors and readers need of the grammar, from `grammar/cog.lark` as Lark reads it: `python -m grammar.make_editors`.

    grammar/cog.ebnf              the grammar in EBNF
    grammar/cog.tmLanguage.json   a TextMate grammar, which editors/vscode has too
    editors/emacs/cog-words.el    the lists of words for Emacs

A test compares the files with what is made here, so that none of them drifts from the grammar.

Nearly every keyword may also be a name. So a pattern takes a keyword for one where a phrase can begin with it, or where the word before it
says so; the language server tells the rest (`cogc/lsp/hints.py`).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from lark.load_grammar import load_grammar

from cogc.disk.resources import folder
from cogc.language.attributes import EXECUTORS
from cogc.language.builtins import FUNCTIONS
from cogc.language.types import BUILTIN, MEDIA
from cogc.syntax.tables import KEYWORDS

LEFT_OUT = ("error", "splice", "_fragment", "ERROR", "SPLICE", "HOLE")
"""The symbols that stand in no text of a user."""
_HEAD = re.compile(r"^// ---- (.*?) -+$|^[?!]*(_?[a-z]\w*):", re.MULTILINE)


def text() -> str:
    return (folder("grammar") / "cog.lark").read_text(encoding="utf-8")


class Grammar:
    """The rules and terminals of the grammar, as trees of Lark."""

    def __init__(self) -> None:
        loaded = load_grammar(text(), "cog.lark", [], False)[0]  # type: ignore[no-untyped-call]
        self.rules: dict[str, Any] = {str(name): tree for name, _, tree, _ in loaded.rule_defs}
        self.terminals: dict[str, Any] = {str(n): tree for n, (tree, _) in loaded.term_defs if tree is not None}

    def sections(self) -> list[tuple[str, list[str]]]:
        """Return the rules by the headings of the grammar's text."""
        found: list[tuple[str, list[str]]] = [("files and phrases", [])]
        for heading, rule in _HEAD.findall(text()):
            if heading:
                found.append((heading.split(":")[0].split(",")[0], []))
            elif rule in self.rules:
                found[-1][1].append(rule)
        return found

    # ---- words ---------------------------------------------------------------------------------------------

    def first_words(self, rule: str, seen: frozenset[str] = frozenset()) -> list[str]:
        """Return the keywords that a rule can begin with."""
        if rule in seen or rule in LEFT_OUT:
            return []
        return self._first(self.rules[rule], seen | {rule})

    def _first(self, tree: Any, seen: frozenset[str]) -> list[str]:
        kind = str(tree.data)
        if kind in ("expansions", "maybe"):
            return list(dict.fromkeys(w for child in tree.children for w in self._first(child, seen)))
        if kind == "expansion":
            found: list[str] = []
            for child in tree.children:
                found += self._first(child, seen)
                if not _optional(child):
                    break
            return found
        if kind in ("alias", "expr"):
            return self._first(tree.children[0], seen)
        symbol = tree.children[0]
        if getattr(symbol, "data", None) == "literal":
            word = str(symbol.children[0])[1:-1]
            return [word] if word.isalpha() else []
        name = str(symbol.name)
        return self.first_words(name, seen) if name in self.rules and name != "name" else []

    def literals(self) -> list[str]:
        """Return the words and marks that stand in quotes in the grammar."""
        trees = [*self.rules.values(), *self.terminals.values()]
        found = [str(n.children[0]) for t in trees for n in t.find_data("literal")]
        return sorted({w[1:-1] for w in found if w.startswith('"')})

    def pattern(self, terminal: str) -> str:
        """Return the regular expression of a terminal."""
        literal = next(iter(self.terminals[terminal].find_data("literal")))
        return str(literal.children[0]).strip("/s").rstrip("/").strip("/")


def _optional(tree: Any) -> bool:
    return str(tree.data) == "maybe" or (str(tree.data) == "expr" and str(tree.children[1]) in "*?")


# ---- EBNF ----------------------------------------------------------------------------------------------------


def ebnf(grammar: Grammar) -> str:
    """Return the grammar in the EBNF of the W3C, without what stands in no text: `/.../` is a regular expression."""
    lines = [
        "/* The grammar of the cog language, made from grammar/cog.lark by `make schemas`.",
        "   _SEP is `;`, or a newline that ends a phrase. Every keyword but the reserved words may also be a name. */",
    ]
    for heading, rules in grammar.sections():
        shown = [r for r in rules if r not in LEFT_OUT]
        lines += ["", f"/* ---- {heading} ---- */"] if shown else []
        width = max((len(r) for r in shown), default=0)
        for rule in shown:
            alternatives = [a for c in grammar.rules[rule].children if (a := _sequence(c)) is not None]
            joined = f"\n{' ' * width}   | ".join(alternatives)
            lines.append(f"{rule:{width}} ::= {joined}")
    lines += ["", "/* ---- terminals ---- */"]
    for name, tree in grammar.terminals.items():
        if name not in LEFT_OUT:
            lines.append(f"{name} ::= {_value(tree.children[0])}")
    return "\n".join(lines) + "\n"


def _sequence(tree: Any) -> str | None:
    """Return one alternative, None for one with a symbol that is left out."""
    parts = [_value(child) for child in (tree.children[0] if str(tree.data) == "alias" else tree).children]
    return None if None in parts else " ".join(p for p in parts if p is not None)


def _value(tree: Any) -> str | None:
    kind = str(tree.data)
    if kind == "expr":
        inner, operator = _grouped(tree.children[0]), str(tree.children[1])
        return None if inner is None else f"{inner}{operator}"
    if kind == "maybe":
        inner = _grouped(tree.children[0])
        return None if inner is None else f"{inner}?"
    if kind == "expansions":
        return _grouped(tree)
    if kind in ("expansion", "alias"):
        return _sequence(tree)
    symbol = tree.children[0]
    if getattr(symbol, "data", None) == "literal":
        return str(symbol.children[0])
    return None if str(symbol.name) in LEFT_OUT else str(symbol.name)


def _grouped(tree: Any) -> str | None:
    """Return alternatives in parentheses, or the only symbol without."""
    if str(tree.data) != "expansions":
        return _value(tree)
    found = [a for c in tree.children if (a := _sequence(c)) is not None]
    one = " | ".join(found)
    return (one if len(found) == 1 and " " not in one else f"({one})") if found else None


# ---- TextMate ------------------------------------------------------------------------------------------------


def words(grammar: Grammar) -> dict[str, list[str]]:
    """Return the lists of words: those that begin declarations, members, statements and steps, modifiers, reserved words."""
    holders = [
        "coglet",
        "mixin",
        "agent",
        "team",
        "dod",
        "plan",
        "sett",
        "queue",
        "program",
        "model",
        "mcp",
        "type",
        "const",
    ]
    declarations = grammar.first_words("_declaration")
    constants = ["true", "false", "null"]
    found = {
        "declarations": declarations,
        "named": [w for w in holders if w in declarations],
        "members": grammar.first_words("_bare_member"),
        "statements": [w for w in grammar.first_words("_statement") if w not in constants],
        "steps": grammar.first_words("_check"),
        "answers": grammar.first_words("answer"),
        "modifiers": grammar.first_words("_modifier"),
        "constants": constants,
        "word_operators": ["and", "or", "not", "in", "is"],
        "parts": grammar.first_words("_step"),
        "reserved": sorted(w for w in KEYWORDS if w not in _names(grammar)),
        "types": sorted({*BUILTIN, *MEDIA, "map"} - {"null"}),
        "functions": sorted(FUNCTIONS),
        "executors": list(EXECUTORS),
    }
    known = {w for words_ in found.values() for w in words_}
    return {**found, "inner": [w for w in KEYWORDS if w not in known]}


def _names(grammar: Grammar) -> set[str]:
    """Return the keywords that may also be names."""
    trees = [grammar.rules["name"], *grammar.terminals.values()]
    return {str(n.children[0])[1:-1] for tree in trees for n in tree.find_data("literal")}


def textmate(grammar: Grammar) -> dict[str, Any]:
    """Return the TextMate grammar."""
    of = {k: "|".join(v) for k, v in words(grammar).items()}
    begins = r"(?:^|(?<=[{;]))\s*"
    name = grammar.pattern("NAME")
    marks = sorted(
        (w for w in grammar.literals() if not w[0].isalnum() and w not in list("{}()[],.:;")), key=len, reverse=True
    )
    phrases = "|".join(dict.fromkeys([*words(grammar)["declarations"], *words(grammar)["members"]]))
    steps = "|".join(dict.fromkeys([*words(grammar)["statements"], *words(grammar)["steps"]]))
    template = [{"include": "#template"}]
    escape = {"name": "constant.character.escape.cog", "match": r"\\(?:u\{[0-9A-Fa-f]+\}|u[0-9A-Fa-f]{4}|.)"}
    patterns: list[dict[str, Any]] = [
        {"name": "comment.line.number-sign.cog", "match": grammar.pattern("COMMENT")},
        {"include": "#strings"},
        {
            "match": rf"{begins}(?:(export)\s+)?({of['named']})\s+({name}|\"[^\"\n]*\")",
            "captures": {"1": _KEYWORD, "2": _STORAGE, "3": {"name": "entity.name.type.cog"}},
        },
        {
            "match": rf"{begins}({phrases})(?=\s+[\"A-Za-z_0-9\[(])",
            "captures": {"1": _STORAGE},
        },
        {"match": rf"{begins}({steps})(?=\s+[\"A-Za-z_0-9\[(])", "captures": {"1": _KEYWORD}},
        {
            "match": rf"(?:^|(?<=[{{;,]))\s*({of['answers']}|{of['parts']})(?=\s+[\"A-Za-z_0-9\[{{(]|\s*[,}}])",
            "captures": {"1": _KEYWORD},
        },
        {"match": rf"({name})\s*(\?)?\s*(?=:(?!\]))", "captures": {"1": {"name": "variable.other.property.cog"}}},
        {"name": "constant.language.cog", "match": rf"\b(?:{of['constants']})\b"},
        {"name": "keyword.operator.word.cog", "match": rf"\b(?:{of['word_operators']})\b"},
        {"name": "keyword.control.cog", "match": rf"\b(?:{of['reserved']})\b"},
        {
            "name": "keyword.control.cog",
            "match": rf"(?<=[\s)}}])(?:{of['modifiers']}|{of['inner']}|after)\b(?!\s*(?:[:.(=,)<+*/?-]|\]))",
        },
        {
            "match": rf"(=)\s*({of['executors']})\b(?!\s*[.:=])",
            "captures": {"1": _OPERATOR, "2": {"name": "support.function.executor.cog"}},
        },
        {"name": "support.function.cog", "match": rf"\b(?:{of['functions']})(?=\()"},
        {"name": "entity.name.function.cog", "match": rf"\b{name}(?=\()"},
        {"name": "support.type.cog", "match": rf"\b(?:{of['types']})\b"},
        {"name": "constant.numeric.duration.cog", "match": grammar.pattern("DURATION")},
        {"name": "constant.numeric.float.cog", "match": grammar.pattern("FLOAT")},
        {"name": "constant.numeric.integer.cog", "match": grammar.pattern("INT")},
        {"name": "keyword.operator.cog", "match": "|".join(re.escape(m) for m in marks)},
        {"name": "variable.other.cog", "match": name},
    ]
    strings = [
        {"name": "string.quoted.triple.raw.cog", "begin": 'r"""', "end": '"""', "patterns": template},
        {"name": "string.quoted.double.raw.cog", "begin": 'r"', "end": '"|$', "patterns": template},
        {"name": "string.quoted.triple.cog", "begin": '"""', "end": '"""', "patterns": [escape, *template]},
        {"name": "string.quoted.double.cog", "begin": '"', "end": '"|$', "patterns": [escape, *template]},
    ]
    inside = [
        {
            "name": "keyword.control.template.cog",
            "match": r"\b(?:for|in|if|elif|else|endif|endfor|set|endset|with|endwith|and|or|not|is)\b",
        },
        {"name": "keyword.operator.template.cog", "match": r"\|"},
        {"name": "variable.other.template.cog", "match": name},
    ]
    return {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "cog",
        "scopeName": "source.cog",
        "fileTypes": ["cog"],
        "patterns": patterns,
        "repository": {
            "strings": {"patterns": strings},
            "template": {
                "patterns": [
                    {"name": "meta.template.cog", "begin": r"\{\{", "end": r"\}\}|(?=\")", "patterns": inside},
                    {"name": "meta.template.cog", "begin": r"\{%", "end": r"%\}|(?=\")", "patterns": inside},
                    {"name": "comment.block.template.cog", "begin": r"\{#", "end": r"#\}|(?=\")"},
                ]
            },
        },
    }


_KEYWORD = {"name": "keyword.control.cog"}
_STORAGE = {"name": "storage.type.cog"}
_OPERATOR = {"name": "keyword.operator.cog"}


# ---- the files -----------------------------------------------------------------------------------------------


def emacs(grammar: Grammar) -> str:
    """Return the lists of words as variables of Emacs Lisp."""
    lines = [";;; cog-words.el --- words of the cog language, made by `make schemas`  -*- lexical-binding: t -*-", ""]
    found = words(grammar)
    keywords = dict.fromkeys(
        w
        for k in ("declarations", "members", "statements", "steps", "modifiers", "word_operators", "reserved")
        for w in found[k]
    )
    lists = {
        "keywords": [w for w in keywords if w not in found["constants"]],
        **{k: found[k] for k in ("constants", "types", "functions")},
    }
    for name, listed in lists.items():
        quoted = " ".join(f'"{w}"' for w in listed)
        lines += [f"(defconst cog-{name}", f"  '({quoted})", f'  "The {name} of the cog language.")', ""]
    return "\n".join([*lines, "(provide 'cog-words)", ";;; cog-words.el ends here", ""])


def files() -> dict[str, str]:
    """Return the files by their paths from the top of the project."""
    grammar = Grammar()
    made = json.dumps(textmate(grammar), indent=2, ensure_ascii=False) + "\n"
    return {
        "grammar/cog.ebnf": ebnf(grammar),
        "grammar/cog.tmLanguage.json": made,
        "editors/vscode/syntaxes/cog.tmLanguage.json": made,
        "editors/emacs/cog-words.el": emacs(grammar),
    }


def main() -> None:
    top = Path(__file__).parents[1]
    for name, made in files().items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()

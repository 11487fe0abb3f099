"""The parser: Lark is the oracle, recovery gives one report for one mistake, both notations give equal trees."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from lark import Token, Tree

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.language.texts import RESERVED
from cogc.syntax import format, lalr, parse_cog, tables, write_yaml
from cogc.syntax.lexer import lex
from cogc.syntax.parse import parse as parse_any
from grammar import make_tables
from support.paths import ROOT
from support.specs import build, codes

SPECS = sorted((ROOT / "examples").glob("*/*.cog")) + sorted((ROOT / "stdlib").glob("*.cog"))
CLEAN = [p for p in SPECS if p.parent.name != "mistakes"]
PAGE = (ROOT / "specs" / "language.md").read_text()
BLOCKS = re.findall(r"```cog\n(.*?)```", PAGE, re.DOTALL)
PAGES = [(ROOT / "specs" / f"{n}.md").read_text() for n in ("done", "plans", "teams", "queue")]
BLOCKS += [b for page in PAGES for b in re.findall(r"```cog\n(.*?)```", page, re.DOTALL)]
TEXTS = [p.read_text() for p in CLEAN] + BLOCKS


def parse(text: str) -> Any:
    problems = Problems()
    tree = parse_cog.parse(Source("x.cog", text), problems)
    assert not problems.found, problems.found[0]
    return tree


# ---- the tables and Lark -------------------------------------------------------------------------------------


def test_the_tables_belong_to_the_grammar_as_it_stands() -> None:
    assert make_tables.grammar_digest() == tables.DIGEST
    assert make_tables.make() == Path(tables.__file__).read_text()


class Newlines:
    """The rule of newlines, written a second time and plainly: what Lark's basic lexer gives, filtered."""

    always_accept = ("NEWLINE", "SEMICOLON")
    after = set(
        "EQUAL PLUS MINUS STAR SLASH PERCENT LESSTHAN MORETHAN VBAR COMMA COLON DOT LPAR LSQB AND OR NOT IN ELSE".split()
    )
    before = {"VBAR", "DOT", "AND", "OR", "ELSE"}

    def process(self, stream: Any) -> Any:
        marks = {t: k for k, t in tables.OPERATORS.items()}
        names = {k: marks.get(v, "") for k, v in tables.TERMINALS.items()}
        tokens = list(stream)
        kept: list[Token] = []
        brackets: list[str] = []
        for i, token in enumerate(tokens):
            if token.type != "NEWLINE":
                if token.value in "{([" and len(token.value) == 1:
                    brackets.append(token.value)
                elif token.value in "})]" and len(token.value) == 1 and brackets:
                    brackets.pop()
                kept.append(token)
                continue
            if brackets and brackets[-1] != "{":
                continue
            behind = next((t for t in tokens[i + 1 :] if t.type != "NEWLINE"), None)
            ahead = kept[-1] if kept else None
            if ahead is None or behind is None or ahead.type == "_SEP" or ahead.value == "{" or behind.value == "}":
                continue
            ends = names.get(ahead.type, "") in "= + - * / // % == != < <= > >= <- -> | ?? , : . .. ( [".split()
            goes_on = names.get(behind.type, "") in ("->", "|", "??", ".")
            if (ends or ahead.type in self.after) or (goes_on or behind.type in self.before):
                continue
            kept.append(Token("_SEP", "\n", token.start_pos, end_pos=token.end_pos))
        return iter(kept)


def as_tree(text: str) -> Tree[Any]:
    """The same tree from our own driver, with Lark's names."""

    def builder(name: str) -> Any:
        return lambda children, start, end: Tree(name, children)

    rules = lalr.Rules({rule[2]: builder(rule[2]) for rule in tables.RULES})
    tokens = lex(Source("x.cog", text), Problems())
    return lalr.parse(tokens, rules, lambda at, states: pytest.fail(f"token {at} of {text!r}"))


def plain(tree: Any) -> Any:
    if isinstance(tree, Tree):
        return [str(tree.data), [plain(c) for c in tree.children]]
    return None if tree is None else str(tree)


@pytest.fixture(scope="module")
def oracle() -> Any:
    return make_tables.lark_parser(Newlines())


@pytest.mark.parametrize("text", [t for t in TEXTS if ";" not in t], ids=lambda t: t[:30])
def test_our_driver_and_lark_agree(oracle: Any, text: str) -> None:
    assert plain(as_tree(text)) == plain(oracle.parse(text, start="start"))


# ---- positions and words -------------------------------------------------------------------------------------


def test_every_node_knows_its_place() -> None:
    text = "coglet A {\n  listen x: int\n}\n"
    tree = parse(text)
    assert text[tree.declarations[0].members[0].start : tree.declarations[0].members[0].end] == "listen x: int"


@pytest.mark.parametrize("word", sorted(set(tables.KEYWORDS) - RESERVED))
def test_every_keyword_is_also_a_name(word: str) -> None:
    parse(
        f"coglet {word}({word}: int = 1) {{\n  state a: int = {word}\n  transmit {word}_: int\n  on {word} as x {{ {word}_ <- x }}\n"
        f"  enact {word}2 {{ {word} = {word}.{word} + {word}({word}: 1)\n {word}.x <- 1\n guide {word}.{word}() }}\n}}"
        if word not in ("every", "after")
        else f"coglet {word} {{ state {word}: int = 1\n on a as {word} {{ {word} = {word} }} }}"
    )


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_reserved_words_are_no_names(word: str) -> None:
    assert "unexpected-token" in codes(f"coglet Main {{ state {word}: int = 1 }}")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"a\\tb"', "a\tb"),
        ('"""\n    a\n      b\n    """', "a\n  b\n"),
        ('r"a\\n{{ x }}"', "a\\n{{ x }}"),
        ('"\\u00e9"', "é"),
    ],
)
def test_strings(text: str, value: str) -> None:
    found = parse(f"const x = {text}").declarations[0].value
    assert found.value == value and not found.template


# ---- recovery ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("coglet A {\n  listen x int\n  on x as v { let = 3 }\n}\ncoglet {\n}\ntype T = \ncoglet B { }\n", 4),
        ("coglet A {\n  on x as v { if { a <- 1 }\n  b <- 2 ) }\n}\n", 2),
        ("coglet A {\n  listen x: int\n\ncoglet B {\n  create a = A\n}\n", 1),
        ("coglet A }\ncoglet B { }\n", 1),
        ("const a = (1 + \nconst b = 2\n", 1),
        ("coglet A { on x as v { y <- [1, 2 }\n on z as w { } }\n", 1),
    ],
)
def test_independent_mistakes_give_as_many_reports(text: str, expected: int) -> None:
    assert len([c for c in codes(text) if c in ("unexpected-token", "unclosed-bracket")]) == expected


@pytest.mark.parametrize("name", ["counter", "pipeline", "trial"])
def test_an_examples_two_notations_are_one_tree(name: str) -> None:
    place = ROOT / "examples" / name / name
    cog, yaml = place.with_suffix(".cog"), place.with_suffix(".yml")
    problems = Problems()
    trees = [
        parse_cog.parse(Source("a", cog.read_text()), problems),
        parse_any(Source("b", yaml.read_text()), problems),
    ]
    assert trees[0] == trees[1] and not problems.found


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(TEXTS) - 1), st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(
    ["", "{", "}", "(", ")", '"', "->", "<-", "{{", "\n", "on", "fail", "every", "1s", "null", "é", "[", ":", "="])), min_size=1, max_size=4))  # fmt: skip
def test_any_mutation_gives_diagnostics_or_a_clean_check(which: int, edits: list[tuple[int, str]]) -> None:
    text = TEXTS[which]
    for position, insert in edits:
        at = position % (len(text) + 1)
        text = text[:at] + insert + text[at + (position % 3) :]
    codes(text)


# ---- printing and the other notation -------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS, ids=lambda t: t[:30])
def test_print_then_parse_gives_the_same_tree(text: str) -> None:
    tree = parse(text)
    assert parse(format.written(tree)) == tree


@pytest.mark.parametrize("text", [t for t in TEXTS if "sett " not in t], ids=lambda t: t[:30])
def test_both_notations_give_equal_trees(text: str) -> None:
    tree = parse(text)
    problems = Problems()
    again = parse_any(Source("x.yml", write_yaml.file(tree)), problems)
    assert not problems.found, problems.found[0]
    assert write_yaml.nodes_in_order(again) == write_yaml.nodes_in_order(tree)


@pytest.mark.parametrize(
    "path",
    [p for p in CLEAN if "coglet Main" in p.read_text() and not re.search('^import "(?!std/)', p.read_text(), re.M)],
    ids=lambda p: p.stem,
)
def test_both_notations_give_equal_programs(path: Path) -> None:
    text, lock = path.read_text(), path.with_name("cogc.lock.json")
    others = {"cogc_lock_json": lock.read_text()} if lock.exists() else {}
    first = build(format.written(write_yaml.nodes_in_order(parse(text))), **others)
    second = build(write_yaml.file(parse(text)), name="spec.yml", **others)
    assert second.hash == first.hash


def test_docs_come_through_in_both_notations() -> None:
    text = """
"a model"\nmodel m = scripted "x"
"a server"\nmcp s = stdio ["x"]
"a program"\nprogram p() -> int = expr 1
"a mixin"\nmixin M { }
"an agent"\nagent A { model: m }
"a team"\nteam X { lead: A, workers: [A] }
"a done"\ndod D { tests: shell ["x"] }
"a plan"\nplan P { goal: "x"\n step s by A: "x" }
"a queue"\nqueue q: string = memory { }
"a coglet"\ncoglet Main { "hears"\n listen x: int
  "says"\n transmit y: int
  "has"\n create a = A
  "does"\n on x as v { y <- v }
  "obeys"\n enact go { } }
"""
    tree = parse(text)
    again = parse_any(Source("x.yml", write_yaml.file(tree)), Problems())
    assert write_yaml.nodes_in_order(again) == write_yaml.nodes_in_order(tree)


NAMES = st.sampled_from(["a", "b", "c", "log", "state"])
LEAVES = st.one_of(
    NAMES,
    st.integers(0, 10**6).map(str),
    st.sampled_from(["true", "null", "1.5", "90s", '"x {{ a }}"', 'r"{{"', "[]", "{}"]),
)


def deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(
        inner, st.sampled_from(["+", "*", "-", "//", "==", "in", "not in", "??", "and", "or", "<="]), inner
    )
    return st.one_of(
        pairs.map(lambda p: f"({p[0]}) {p[1]} ({p[2]})"),
        inner.map(lambda e: f"not ({e})"),
        inner.map(lambda e: f"-({e})"),
        st.tuples(NAMES, inner, inner).map(lambda p: f"{p[0]}({p[1]}, x: {p[2]})"),
        st.tuples(inner, NAMES).map(lambda p: f"({p[0]}).{p[1]}"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]})[{p[1]}]"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]}) if ({p[1]}) else ({p[2]})"),
        st.tuples(inner, inner).map(lambda p: f"[({p[0]}) for v in ({p[1]})]"),
        st.tuples(inner, inner).map(lambda p: f'{{ a: {p[0]}, ...({p[1]}), ["k"]: 1 }}'),
        st.tuples(inner, inner).map(lambda p: f"try f({p[0]}) else ({p[1]})"),
    )


@settings(max_examples=200, deadline=None)
@given(st.recursive(LEAVES, deeper, max_leaves=12))
def test_generated_expressions_print_and_parse_to_the_same_tree(text: str) -> None:
    tree = parse(f"const x = {text}")
    assert parse(format.written(tree)) == tree


@pytest.mark.parametrize("number", ["9_.0", "9_", "9__0", "1.0_", "1_e5", "1e5_", "1_s", "1e_5"])
def test_an_underscore_of_a_number_stands_between_two_digits(number: str) -> None:
    problems = Problems()
    parse_any(Source("x.cog", f"coglet Main {{ state a: any = {number} }}\n"), problems)
    assert [p.slug for p in problems.found] == ["bad-number"]


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ("consts: {a-b: 1, if: 2, 1st: 3, x y: 4, fine: 5}", ["a-b", "if", "1st", "x y"]),
        ("types: {a-b: int}", ["a-b"]),
        ("programs: {a-b: {params: {c-d: int}, expr: '1'}}", ["a-b", "c-d"]),
        ("coglets: {a-b: {listen: {c-d: int}, state: {e-f: int = 0}, create: {g-h: X}, enact: {i-j: log info 1}}}",
         ["a-b", "c-d", "e-f", "g-h", "i-j"]),
        ("dods: {a-b: {c-d: true}}", ["a-b"]),  # a criterion is a role
        ("plans: {a-b: {goal: x, steps: {c-d: {task: x}}}}", ["c-d"]),
        ("agents: {a-b: {model: m}, if: {model: m}}", []),
    ],
)  # fmt: skip
def test_a_key_of_yaml_that_declares_something_is_a_name(keys: str, wrong: list[str]) -> None:
    problems = Problems()
    parse_any(Source("a.yml", f"cog: 1\n{keys}\n"), problems)
    found = [d for d in problems.found if d.slug == "unexpected-token"]
    assert sorted(d.span.text for d in found) == sorted(wrong)


def test_a_role_that_is_a_reserved_word_is_written_in_quotes() -> None:
    text = "cog: 1\nagents: {if: {model: m}}\ndods: {D: {else: ok}}\n"
    tree = parse_any(Source("a.yml", text), Problems())
    assert parse(format.written(tree)) == tree

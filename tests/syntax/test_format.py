"""Trees written in the cog notation: the canonical text, which keeps the tree, with as few parentheses as it needs."""

from __future__ import annotations

import pytest

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.syntax import format, nodes, parse_cog, write_yaml
from cogc.syntax.parse import parse


def tree(text: str) -> nodes.File:
    problems = Problems()
    found = parse_cog.parse(Source("x.cog", text), problems)
    assert problems.found == []
    return found


def formatted(text: str) -> str:
    written = format.written(tree(text))
    assert tree(written) == tree(text) and format.written(tree(written)) == written
    return written


EXPRESSIONS = [
    ("1_000", "1000"),
    ("1e3", "1000.0"),
    ("90s", "1m30s"),
    ("(((a)))", "a"),
    ("(a + b) * c", "(a + b) * c"),
    ("(a * b) + c", "a * b + c"),
    ("a - (b - c)", "a - (b - c)"),
    ("(a - b) - c", "a - b - c"),
    ("not (a and b)", "not (a and b)"),
    ("(not a) and b", "not a and b"),
    ("-(a + b)", "-(a + b)"),
    ("(-a).b", "(-a).b"),
    ("(a ?? b).c", "(a ?? b).c"),
    ("(a if b else c) + 1", "(a if b else c) + 1"),
    ("a or (b if c else d)", "a or (b if c else d)"),
    ("(a == b) == c", "(a == b) == c"),
    ("a[ 0 ]", "a[0]"),
    ("f( 1 ,x:2 )", "f(1, x: 2)"),
    ("[1,2]", "[1, 2]"),
    ("{a:1}", "{ a: 1 }"),
    ("{}", "{}"),
    ("[ x for x in y if x>1 ]", "[x for x in y if x > 1]"),
    ('"a\\u0001b"', '"a\\u0001b"'),
    ('"tab\\t"', '"tab\\t"'),
    ('"é"', '"é"'),
    ('r"a\\d"', '"a\\\\d"'),
    ('"quote \\" in"', '"quote \\" in"'),
]


@pytest.mark.parametrize(("text", "expected"), EXPRESSIONS)
def test_an_expression_is_written(text: str, expected: str) -> None:
    assert formatted(f"const K = {text}\n") == f"const K = {expected}\n"


def test_a_raw_string_that_looks_like_a_template_stays_raw() -> None:
    assert 'r"{{ a }}"' in formatted('const K = r"{{ a }}"\n')


WHOLE = '''"""About."""

import   "std/mixins.cog" as std
const A:int=1
type   Side = "left"|"right"


"""A coglet."""
coglet C(a : int=1,b:string = "x")  with LogLet( level:"warn" ),std.TickLet{
  listen x:int{capacity:3;overflow:fail}
  state n:int=0   keep
  on x as v when v>0   throttle 2 per 1s{n=n+v;log info n}else as e{log warn e.message}
  enact go(k:int){if k>1{n=1}else if k>0{n=2}else{n=3}}
}
'''


def test_a_file_is_written_in_one_way() -> None:
    written = formatted(WHOLE)
    assert written.splitlines()[0] == '"""About."""'
    for line in (
        'import "std/mixins.cog" as std',
        "const A: int = 1",
        'type Side = "left" | "right"',
        '"""A coglet."""',
        'coglet C(a: int = 1, b: string = "x") with LogLet(level: "warn"), std.TickLet {',
        "  state n: int = 0 keep",
        "  listen x: int { capacity: 3, overflow: fail }",
    ):
        assert line in written.splitlines(), written


@pytest.mark.parametrize(
    "text",
    [
        'every 1d at "08:00 Europe/Vienna" { }',
        "on all(a.b, c.d) as [p, q] { }",
        "on x -> f -> g(it, 2) -> y",
        "create c = C(n: x) for x in [1, 2] { restart: on_error, backoff: 1s }",
        "create c = C * 0..9 { map: hash(message.id) }",
        "link a.b, self.c -> d[0].e { feedback: true }",
        "on x batch 3 within 5s distinct v within 1m concurrent 2 timeout 3s { }",
    ],
)
def test_what_is_canonical_stays(text: str) -> None:
    assert text in formatted(f"coglet M {{\n{text}\n}}\n")


EXPORTED = """\"\"\"Adds.\"\"\"
export program add(a: int, b: int = 1) -> int = expr a + b

export agent A { model: m }

export team T { lead: A, workers: [A] }

export plan P(x: int) { goal: "x" }
"""


def test_what_is_exported_is_written_with_its_mark_in_both_notations() -> None:
    written = formatted(EXPORTED)
    assert written.count("export ") == 4
    found = tree(EXPORTED)
    assert [getattr(d, "export", None) for d in found.declarations] == [True] * 4
    problems = Problems()
    again = parse(Source("x.yaml", write_yaml.file(found)), problems)
    assert problems.found == []
    assert write_yaml.nodes_in_order(again) == write_yaml.nodes_in_order(found)
    assert tree("const export = 1\n").declarations[0].name.id == "export"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text",
    ["export coglet A { }", "export export program f() = expr 1", "coglet A { export program f() = expr 1 }"],
)
def test_nothing_else_is_exported(text: str) -> None:
    problems = Problems()
    parse_cog.parse(Source("x.cog", text), problems)
    assert [d.code for d in problems.found] == ["COG104"]


def test_a_mark_in_yaml_is_true_or_false() -> None:
    problems = Problems()
    parse(Source("x.yaml", "cog: 1\nagents:\n  A:\n    export: maybe\n    model: m\n"), problems)
    assert [d.slug for d in problems.found] == ["bad-shape"]
    problems = Problems()
    text = "cog: 1\ncoglets:\n  A:\n    programs:\n      f: {export: true, expr: 1}\n"
    parse(Source("x.yaml", text), problems)
    assert [d.slug for d in problems.found] == ["unknown-key"]

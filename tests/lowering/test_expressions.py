"""Expressions and statements as IR: one table of texts and the code that is made of them, checks at run time included."""

from __future__ import annotations

import pytest

from cogc import ir
from support.ir_text import show
from support.specs import build

SPEC = """
type Point = {{ x: int, y: float = 0, note?: string }}
type Side = "left" | "right"
const LIMIT: int = 5
program ask(q: string, n: int = 3) -> string = shell ["true"]
program twice(n: int) -> int = expr n * 2
coglet Child(size: int = 1, name: string = "c") {{ listen x: int
  transmit y: int
  enact go(a: int, b: int = 2) {{ }}
  on x as q {{ y <- q }} }}
coglet Main(start: int = 0) {{
  listen go: {given}
  listen other: int
  transmit out: any
  transmit number: int
  state n: int = 0
  state maybe: int? = null
  const OWN = 7
  create c = Child
  create pool = Child * 0..9
  create many = Child * 3 {{ map: scatter }}
  on c.y, pool.y, many.y, other {{ }}
  on go as v {{ {body} }}
}}
"""


def code(body: str, given: str = "any") -> list[ir.Statement]:
    bundle = build(SPEC.format(body=body, given=given), "Main")
    return next(r for r in bundle.coglets[bundle.root].reactions if r.name == "on go").body


def lowered(body: str, given: str = "any") -> str:
    """Return the last statement of a body as text."""
    bundle = build(SPEC.format(body=body, given=given), "Main")
    reaction = next(r for r in bundle.coglets[bundle.root].reactions if r.name == "on go")
    return show(bundle, reaction.body[-1])


def value(expression: str, given: str = "any") -> str:
    """Return an expression as text."""
    text = lowered(f"out <- {expression}", given)
    head, tail = "(emit (port own_transmit out) ", ")"
    assert text.startswith(head) and text.endswith(tail), text
    return text[len(head) : -len(tail)]


EXPRESSIONS = [
    # constants
    ("null", "any", "null"),
    ("true", "any", "true"),
    ("12", "any", "12"),
    ("1.5", "any", "1.5"),
    ('"a\\n"', "any", '"a\\n"'),
    ("1m30s", "any", "1m30s"),
    ("-3", "any", "-3"),
    # names
    ("v", "any", "v"),
    ("n", "any", "@0"),
    ("maybe", "any", "@1"),
    ("start", "any", "$0"),
    ("OWN", "any", "(global Main.OWN)"),
    ("LIMIT", "any", "(global LIMIT)"),
    ("self", "any", "self"),
    ("self.path", "any", "self.path"),
    # operators: `checked` where the types of the operands are not known, or Python's own operator would do something else
    ("v + 1", "int", "(binary + v 1)"),
    ("v + 1", "any", "(binary + v 1 checked)"),
    ("v + v", "string", "(binary + v v checked)"),
    ("v * 2", "int", "(binary * v 2)"),
    ("v * v", "int", "(binary * v v checked)"),  # a product may need more than 64 bits
    ("v * v", "float", "(binary * v v)"),
    ("v / 2", "int", "(binary / v 2)"),
    ("v // v", "int", "(binary // v v checked)"),  # the divisor may be 0
    ("v % 3", "int", "(binary % v 3)"),
    ("v - 1m", "duration", "(binary - v 1m checked)"),
    ("v == 1", "int", "(binary == v 1)"),
    ("v == 1", "float", "(binary == v 1)"),
    ("v == true", "bool", "(binary == v true)"),
    ("v == 1", "any", "(binary == v 1 checked)"),
    ('v == "a"', "string", '(binary == v "a")'),
    ("v == [1]", "[int]", "(binary == v (list [1]) checked)"),
    ("v != null", "int?", "(binary != v null checked)"),
    ("v < 1s", "duration", "(binary < v 1s)"),
    ("v < 2", "any", "(binary < v 2 checked)"),
    ("1 in v", "[int]", "(binary in 1 v checked)"),
    ('"a" not in v', "map[int]", '(binary not in "a" v checked)'),
    ("not v", "bool", "(unary not v)"),
    ("not v", "any", "(unary not v checked)"),
    ("-v", "int", "(unary - v)"),
    ("v and n > 0", "bool", "(logic and v (binary > @0 0))"),
    ("v or n > 0", "any", "(logic or v (binary > @0 0) checked)"),
    ("v ?? 1", "int?", "(logic ?? v 1)"),
    ("v + 1 - 2", "int", "(binary - (binary + v 1) 2)"),
    ("v + 1 * 2", "int", "(binary + v (binary * 1 2))"),
    ("v is int", "any", "(is v int)"),
    ("v is Point", "any", "(is v Point)"),
    ("1 if v else 2", "bool", "(if v 1 2)"),
    ("1 if v else 2", "any", "(if v 1 2 checked)"),
    # fields, items and parts: `required` where a field is always there, `checked` where there may be none
    ("v.x", "Point", "(field v x required)"),
    ("v.y", "Point", "(field v y required)"),
    ("v.note", "Point", "(field v note)"),
    ("v.x", "any", "(field v x checked)"),
    ("v.x", "map[int]", "(field v x)"),
    ("v[0]", "[int]", "(index v 0)"),
    ("v[n]", "any", "(index v @0)"),
    ("v[1:2]", "[int]", "(slice v 1 2)"),
    ("v[:2]", "string", "(slice v 2)"),
    ("v[1:]", "string", "(slice v 1)"),
    # lists and records
    ("[]", "any", "(list)"),
    ("[1, v]", "any", "(list [1 v])"),
    ("{}", "any", "(record)"),
    ("{ a: 1, b: v }", "any", "(record [(entry 1 a) (entry v b)])"),
    ("{ ...v, a: 1 }", "Point", "(record [(entry v) (entry 1 a)])"),
    ("{ [v]: 1 }", "string", "(record [(entry 1 v)])"),
    ("{ [v]: 1 }", "any", "(record [(entry 1 (check v string))])"),
    ("[x + 1 for x in v]", "[int]", "(for (binary + x 1) [x] v)"),
    ("[x for x in v if x > 1]", "[int]", "(for x [x] v (binary > x 1))"),
    ("[a for [a, b] in v]", "[[int]]", "(for a [a b] v)"),
    ("{ [k]: 1 for k in v }", "[string]", "(for 1 [k] v k)"),
    # templates
    ('"{{ v }}!"', "any", '(text [v "!"])'),
    ('"{{ v.x }} {{ n }}"', "Point", '(text [(field v x checked) " " @0])'),
    ('"{{ self.name }}"', "any", "(text [self.name])"),
    ('"{{ v | upper }}"', "string", "(text {{ v | upper }} [v] [v])"),
    ('"{% if n %}{{ v }}{% endif %}"', "any", "(text {% if n %}{{ v }}{% endif %} [n v] [@0 v])"),
    ('r"{{ v }}"', "any", '"{{ v }}"'),
    # calls
    ("len(v)", "string", "(builtin len [v])"),
    ("now()", "any", "(builtin now)"),
    ("twice(v)", "int", "(call twice [v])"),
    ("twice(v)", "any", "(call twice [(check v int)])"),
    ("ask(v)", "string", "(call ask [v _] waits)"),
    ('ask(n: 1, q: "a")', "any", '(call ask ["a" 1] waits)'),
    ('try ask("a") else 1', "any", '(try (call ask ["a" _] waits) 1)'),
    ('try ask("a") else as e (e.kind)', "any", '(try (call ask ["a" _] waits) (field e kind required) e)'),
    ("parallel [ask(x) for x in v]", "[string]", "(for (call ask [x _] waits) [x] v parallel)"),
    ("parallel 8 [ask(x) for x in v]", "[string]", "(for (call ask [x _] waits) [x] v parallel 8)"),
    ("parallel v [ask(x) for x in []]", "any", "(for (call ask [x _] waits) [x] (list) parallel (check v int))"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "given", "expected"), EXPRESSIONS)
def test_an_expression_is_lowered(expression: str, given: str, expected: str) -> None:
    assert value(expression, given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("int", "v"),
        ("1 | 2", "v"),
        ("any", "(check v int)"),
    ],
)
def test_a_value_is_checked_where_its_type_is_not_proved(given: str, expected: str) -> None:
    assert lowered("number <- v", given) == f"(emit (port own_transmit number) {expected})"
    assert lowered("n = v", given) == f"(assign 0 n {expected})"


STATEMENTS = [
    ("let a = v", "(let [a] v)"),
    ("let [a, b] = v", "(let [a b] v apart)"),
    ("let a = 1\n out <- a", "(emit (port own_transmit out) a)"),
    ("n = n + 1", "(assign 0 n (binary + @0 1))"),
    ("c.x <- 1", "(emit (port child_listen x c) 1)"),
    ("pool[n].x <- 1", "(emit (port child_listen x pool @0) 1)"),
    ("many.x <- [1, 2, 3]", "(emit (port child_listen x many) (list [1 2 3]))"),
    ("many[0].x <- 1", "(emit (port child_listen x many 0) 1)"),
    ("guide c.go(1)", "(guide c go [1 _])"),
    ("guide c.go(b: 5, a: v)", "(guide c go [(check v int) 5])"),
    ("guide pool[v].go(1)", "(guide pool go [1 _] v)"),
    ("create pool()", "(evaluate (grow pool [_ _]))"),
    ('create pool(2, "a")', '(evaluate (grow pool [2 "a"]))'),
    ("let i = create pool(size: 4)", "(let [i] (grow pool [4 _]))"),
    ("stop c", "(lifecycle stop c)"),
    ("stop pool[1]", "(lifecycle stop pool 1)"),
    ("restart c", "(lifecycle restart c)"),
    ("stop self", "(lifecycle stop)"),
    ("log warn v", "(log warn v)"),
    ("fail v", "(fail v)"),
    ("twice(1)", "(evaluate (call twice [1]))"),
    ("if v == 1 { n = 1 }", "(branch (binary == v 1 checked) [(assign 0 n 1)])"),
    ("if v == 1 { n = 1 } else { n = 2 }", "(branch (binary == v 1 checked) [(assign 0 n 1)] [(assign 0 n 2)])"),
    (
        "if v == 1 { n = 1 } else if v == 2 { n = 2 } else { n = 3 }",
        "(branch (binary == v 1 checked) [(assign 0 n 1)] [(branch (binary == v 2 checked) [(assign 0 n 2)] [(assign 0 n 3)])])",
    ),
    ("for x in v { out <- x }", "(loop [x] v [(emit (port own_transmit out) x)])"),
    ("for [a, b] in v { out <- a }", "(loop [a b] v [(emit (port own_transmit out) a)] apart)"),
    ("let a = await other", "(let [a] (await (port own_listen other)))"),
    ("let a = await other when message > n timeout 5s", "(let [a] (await (port own_listen other) (binary > message @0) 5s))"),
    ("let a = await c.y", "(let [a] (await (port child_transmit y c)))"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), STATEMENTS)
def test_a_statement_is_lowered(body: str, expected: str) -> None:
    assert lowered(body) == expected


# ---- long chains ---------------------------------------------------------------------------------------------


def test_a_short_chain_nests_and_a_long_one_is_a_list() -> None:
    assert value(" + ".join(["v"] * 4), "int") == "(binary + (binary + (binary + v v) v) v)"
    (statement,) = code("out <- " + " + ".join(["v"] * 40), "int")
    assert isinstance(statement, ir.Emit) and isinstance(statement.value, ir.Fold)
    assert [s.operator for s in statement.value.steps] == ["+"] * 39


@pytest.mark.parametrize("operator", ["and", "or"])
def test_a_long_chain_of_conditions_is_a_choice(operator: str) -> None:
    (statement,) = code("out <- " + f" {operator} ".join(["v"] * 40), "bool")
    assert isinstance(statement, ir.Emit)
    choice = statement.value
    assert isinstance(choice, ir.Choice) and (choice.operator, len(choice.values), choice.checked) == (
        operator,
        40,
        False,
    )
    (statement,) = code("out <- " + f" {operator} ".join(["v"] * 39 + ["true"]), "any")
    assert isinstance(statement, ir.Emit) and isinstance(statement.value, ir.Choice) and statement.value.checked


def test_a_chain_of_two_operators_keeps_their_order() -> None:
    (statement,) = code("out <- " + " + ".join(["v"] * 20) + " - 1" * 20, "int")
    assert isinstance(statement, ir.Emit) and isinstance(statement.value, ir.Fold)
    assert [s.operator for s in statement.value.steps] == ["+"] * 19 + ["-"] * 20


def test_a_long_else_if_is_a_list_of_cases() -> None:
    text = " else ".join(f"if v == {i} {{ n = {i} }}" for i in range(30)) + " else { n = 99 }"
    (statement,) = code(text, "int")
    assert isinstance(statement, ir.Cases)
    assert [c.then[0].value.value for c in statement.cases] == list(range(30))  # type: ignore[union-attr]
    assert all(c.otherwise == [] for c in statement.cases) and len(statement.otherwise) == 1


# ---- names ---------------------------------------------------------------------------------------------------


def test_a_local_goes_ahead_of_what_is_declared_around() -> None:
    assert value("[q for q in v]", "[int]") == "(for q [q] v)"
    assert (
        lowered("let q = 1\n for x in v { out <- [q, x] }")
        == "(loop [x] v [(emit (port own_transmit out) (list [q x]))])"
    )


def test_a_let_is_known_in_its_own_block_alone() -> None:
    assert (
        lowered("if v == 1 { let a = 1\n out <- a }\n out <- OWN") == "(emit (port own_transmit out) (global Main.OWN))"
    )

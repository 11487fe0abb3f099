"""The generated code runs: the value of each kind of expression and the effect of each statement, typed and untyped.

Each expression is run twice, with operands whose types are known (where the code may use Python's own operators) and
with operands of type `any` (where it calls the checked ones): both give the same.
"""

from __future__ import annotations

from typing import Any

import pytest

from support.sim import Sim

HEAD = """
const LIMIT: int = 3
type Point = { x: int, y: float = 0.5 }
program twice(n: int) -> int = expr n * 2
program greet(n: string) -> string = template "hi {{ n }}"
program ask(n: any) -> any = shell ["true"]
"""


def run(body: str, given: str, value: Any, members: str = "") -> Sim:
    text = f"{HEAD}coglet Main {{\n listen go: {given}\n transmit seen: any\n {members}\n on go as v {{ {body} }}\n}}\n"
    return Sim(text, "Main").send("go", value)


def value_of(expression: str, given: str, value: Any) -> Any:
    sim = run(f"seen <- {expression}", given, value)
    assert sim.kernel.report is None, sim.kernel.report.failure.message
    (found,) = sim.sent("seen")
    return found


EXPRESSIONS = [
    ("v + 1", "int", 2, 3),
    ("v - 5", "int", 2, -3),
    ("v * v", "int", -4, 16),
    ("v / 4", "int", 2, 0.5),
    ("v // 4", "int", -1, -1),
    ("v % 4", "int", -1, 3),
    ("-v", "int", 2, -2),
    ("v + 0.5", "int", 2, 2.5),
    ("v < 3", "int", 3, False),
    ("v <= 3", "int", 3, True),
    ("v > 2.5", "int", 3, True),
    ("v >= 4", "int", 3, False),
    ("v == 3.0", "int", 3, True),
    ("v != 3", "int", 3, False),
    ("1 < v and v < 5", "int", 3, True),
    ("v < 1 or v == 3", "int", 3, True),
    ("not (v < 1)", "int", 3, True),
    ("v < 1 and 1 // (v - v) > 0", "int", 3, False),
    ("v == 3 or 1 // (v - v) > 0", "int", 3, True),
    ("v if v > LIMIT else LIMIT", "int", 2, 3),
    ("twice(v)", "int", 4, 8),
    ("twice(n: v + 1)", "int", 4, 10),
    ("[v, v * 2]", "int", 1, [1, 2]),
    ("{ a: v, b: [v] }", "int", 1, {"a": 1, "b": [1]}),
    ("v is int", "int", 1, True),
    ("v == true", "bool", True, True),
    ('v + "!"', "string", "a", "a!"),
    ('v < "b"', "string", "a", True),
    ('"n" in v', "string", "ann", True),
    ("v[0]", "string", "añ", "a"),
    ("v[-1]", "string", "añ", "ñ"),
    ("v[1:3]", "string", "abcd", "bc"),
    ("greet(v)", "string", "Ann", "hi Ann"),
    ('"<{{ v }}>"', "string", "a", "<a>"),
    ('"{{ v | upper }}"', "string", "a", "A"),
    ("{ [v]: 1 }", "string", "k", {"k": 1}),
    ("v + [3]", "[int]", [1], [1, 3]),
    ("v[1]", "[int]", [1, 2], 2),
    ("v[:-1]", "[int]", [1, 2, 3], [1, 2]),
    ("2 in v", "[int]", [1, 2], True),
    ("2 not in v", "[int]", [1, 2], False),
    ("[x * 2 for x in v if x > 1]", "[int]", [1, 2, 3], [4, 6]),
    ("[x for x in v if x > 9]", "[int]", [1], []),
    ("{ [str(x)]: x for x in v }", "[int]", [1, 2], {"1": 1, "2": 2}),
    ("[a + b for [a, b] in v]", "[[int]]", [[1, 2], [3, 4]], [3, 7]),
    ("v ?? 7", "int?", None, 7),
    ("v ?? 7", "int?", 0, 0),
    ("v == null", "int?", None, True),
    ("v.x", "Point", {"x": 1, "y": 2.0}, 1),
    ("{ ...v, x: 9 }", "Point", {"x": 1, "y": 2.0}, {"x": 9, "y": 2.0}),
    ('"x" in v', "Point", {"x": 1, "y": 2.0}, True),
    ("v.a", "map[int]", {"a": 1}, 1),
    ("v.b", "map[int]", {"a": 1}, None),
    ("try v[5] else 0", "[int]", [1], 0),
    ("try v[0] else 0", "[int]", [1], 1),
    ("try first(v) else null", "[int]", [], None),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "given", "value", "expected"), EXPRESSIONS)
def test_an_expression_has_the_same_value_whether_its_types_are_known_or_not(
    expression: str, given: str, value: Any, expected: Any
) -> None:
    found = value_of(expression, given, value)
    assert found == expected and type(found) is type(expected)
    if "twice" not in expression and "greet" not in expression:
        untyped = value_of(expression, "any", value)
        assert untyped == expected and type(untyped) is type(expected)


@pytest.mark.parametrize(
    ("expression", "given", "value", "message"),
    [
        ("v // (v - v)", "int", 3, "division by zero"),
        ("v / (v - v)", "float", 3.0, "division by zero"),
        ("v % (v - v)", "int", 3, "by zero"),
        ("v[3]", "[int]", [1], "index 3 is out of range: there are 1"),
        ("v[3]", "string", "a", "index 3 is out of range: there are 1"),
        ("first(v)", "[int]", [], "`first` of an empty list"),
        ('int("x{{ v }}")', "int", 3, '"x3" is no int'),
    ],
)
def test_a_failing_expression_says_the_same_typed_and_untyped(
    expression: str, given: str, value: Any, message: str
) -> None:
    for type in (given, "any"):
        sim = run(f"seen <- {expression}", type, value)
        assert sim.kernel.report is not None and message in sim.kernel.report.failure.message


@pytest.mark.parametrize("expression", ["v + 1", "-v", "v < 1", "v[0]", "v and true", "[x for x in v]", "not v"])
def test_a_value_of_a_wrong_kind_fails_where_only_the_value_can_tell(expression: str) -> None:
    sim = run(f"seen <- {expression}", "any", None)
    assert sim.kernel.report is not None and sim.kernel.report.failure.kind in ("error", "type")


# ---- statements ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "value", "expected"),
    [
        ("if v > 1 { seen <- 1 } else if v > 0 { seen <- 2 } else { seen <- 3 }", 2, [1]),
        ("if v > 1 { seen <- 1 } else if v > 0 { seen <- 2 } else { seen <- 3 }", 1, [2]),
        ("if v > 1 { seen <- 1 } else if v > 0 { seen <- 2 } else { seen <- 3 }", 0, [3]),
        ("for x in range(v) { seen <- x }", 3, [0, 1, 2]),
        ("for x in range(v) { seen <- x }", 0, []),
        ("for x in range(v) { for y in range(x) { seen <- [x, y] } }", 3, [[1, 0], [2, 0], [2, 1]]),
        ("for [a, b] in [[v, 1]] { seen <- a + b }", 2, [3]),
        ("let w = v + 1\n let [a, b] = [w, w * 2]\n seen <- a + b", 1, [6]),
        ("n = n + v\n n = n * 2\n seen <- n", 3, [6]),
        ("let w = n\n n = 5\n seen <- [w, n]", 0, [[0, 5]]),
        ("seen <- 1\n stop self\n seen <- 2", 0, [1]),
    ],
)
def test_a_statement_does_what_it_says(body: str, value: Any, expected: list[Any]) -> None:
    assert run(body, "int", value, "state n: int = 0").sent("seen") == expected


def test_a_log_line_has_its_level_and_value() -> None:
    sim = run('log debug v\n log info [v]\n log warn "{{ v }}"\n log error { v: v }', "int", 1)
    assert sim.logs == [("debug", 1), ("info", [1]), ("warn", "1"), ("error", {"v": 1})]


def test_a_failure_has_its_text_and_its_place() -> None:
    sim = run('if v > 0 { fail "no {{ v }}" }', "int", 1)
    report = sim.kernel.report
    assert report is not None and (report.failure.kind, report.failure.message) == ("error", "no 1")


def test_a_pattern_of_another_length_fails() -> None:
    sim = run("let [a, b] = v\n seen <- a", "[int]", [1, 2, 3])
    assert sim.kernel.report is not None and "2 names" in sim.kernel.report.failure.message


# ---- waiting -------------------------------------------------------------------------------------------------


def test_what_comes_after_a_call_sees_its_result_and_todays_state() -> None:
    sim = run("let a = ask(v)\n n = n + 1\n seen <- [a, n]", "any", "q", "state n: int = 0")
    assert sim.sent("seen") == []
    assert sim.answer("A").sent("seen") == [["A", 1]]


def test_a_call_in_a_loop_waits_for_each_in_turn() -> None:
    sim = run("for x in v { seen <- ask(x) }", "[int]", [1, 2, 3])
    seen = []
    while sim.calls:
        seen.append(sim.calls[0].arguments["n"])
        sim.answer(seen[-1] * 10)
    assert seen == [1, 2, 3] and sim.sent("seen") == [10, 20, 30]


def test_a_call_is_made_only_where_it_is_needed() -> None:
    sim = run("seen <- ask(1) if v else ask(2)", "bool", True)
    assert [c.arguments["n"] for c in sim.calls] == [1]
    sim = run("seen <- v ?? ask(1)", "int?", 5)
    assert sim.calls == [] and sim.sent("seen") == [5]


def test_a_comprehension_waits_and_keeps_its_order() -> None:
    sim = run("seen <- [ask(x) for x in v if x > 1]", "[int]", [1, 2, 3])
    assert sim.answer("b").answer("c").sent("seen") == [["b", "c"]]

"""Constants before the run: their values through what follows from them, and the failures that are certain."""

from __future__ import annotations

import pytest

from support.specs import places

# a capacity is reported where it is out of its range, and with it the value that the check has found
PROBE = "const K = {value}\ncoglet Main {{ listen x: int {{ capacity: {shown} }}\n on x {{ }} }}\n"


def value(text: str, more: str = "") -> str:
    """Return the value that a check finds of an int: what it says of `0 - value`, which is no capacity."""
    from support.specs import check_text

    _, found = check_text(more + PROBE.format(value=text, shown="0 - K"))
    (report,) = [d for d in found if d.slug == "out-of-range"]
    return report.help.removeprefix("it is `").removesuffix("` here")


VALUES = [
    ("1 + 2 * 3", "-7"),
    ("7 // 2", "-3"),
    ("-7 // 2 + 10", "-6"),
    ("7 % 3", "-1"),
    ("len([1, 2, 3])", "-3"),
    ("len({ a: 1, b: 2 })", "-2"),
    ('len("héé")', "-3"),
    ("sum([x * x for x in range(4)])", "-14"),
    ("len([x for x in range(10) if x % 2 == 0])", "-5"),
    ("[1, 2, 3][1]", "-2"),
    ("[1, 2, 3][-1]", "-3"),
    ("sum([1, 2, 3, 4][1:3])", "-5"),
    ("{ a: 4 }.a", "-4"),
    ("{ ...{ a: 1, b: 2 }, a: 3 }.a", "-3"),
    ('{ ["k" + "ey"]: 5 }["key"] ?? 1', "-5"),
    ('len({ [k]: 1 for k in ["a", "b"] })', "-2"),
    ("1 if 1 < 2 else 9", "-1"),
    ("1 if 1 == 1.0 and not (2 in [1]) else 9", "-1"),
    ("null ?? 3", "-3"),
    ("first(sorted([3, 1, 2]))", "-1"),
    ("max(3, 5, 4)", "-5"),
    ('int("12")', "-12"),
    ("round(2.5)", "-2"),
    ("abs(0 - 6)", "-6"),
    ("round(1m / 1s)", "-60"),
    ('len("{{ LIMIT }}!")', "-3"),
    ('len(split("a,b,c", ","))', "-3"),
    ("twice(4)", "-8"),
    ("LIMIT + other(1)", "-13"),
    ('count(["a", "b", "a"], "a")', "-2"),
    ("len(unique([1, 1, 2]))", "-2"),
    ("sum([a * b for [a, b] in [[1, 2], [3, 4]]])", "-14"),
]
MORE = "const LIMIT = 10\nprogram twice(n: int) -> int = expr n * 2\nprogram other(n: int, m: int = 2) -> int = expr n + m\n"


@pytest.mark.parametrize(("text", "expected"), VALUES)
def test_a_constant_has_its_value_before_the_run(text: str, expected: str) -> None:
    assert value(text, MORE) == expected


CERTAIN = [
    ("1 // 0", "1 // 0"),
    ("10 % (5 - 5)", "10 % (5 - 5)"),
    ("[1, 2][2]", "[1, 2][2]"),
    ("first([])", "first([])"),
    ('int("x")', 'int("x")'),
    ("9_000_000_000_000_000_000 * 9", "9_000_000_000_000_000_000 * 9"),
    ("sum([1 // x for x in [1, 0]])", "1 // x"),
    ("[1, 2][1 if true else 0] + [5][3]", "[5][3]"),
    ("range(9_999_999)", "range(9_999_999)"),
    ("half(0)", "10 // n"),
]


@pytest.mark.parametrize(("text", "blamed"), CERTAIN)
def test_what_fails_for_certain_is_blamed_at_the_smallest_expression(text: str, blamed: str) -> None:
    spec = (
        f"program half(n: int) -> int = expr 10 // n\nconst K = {text}\ncoglet Main {{ on start {{ log info K }} }}\n"
    )
    assert places(spec) == [("certain-failure", blamed)]


NEVER = [
    "5 if true else half(0)",
    "true or half(0) == 1",
    "false and half(0) == 1",
    "try half(0) else 3",
    "[half(0) for x in range(0)]",
]


@pytest.mark.parametrize("text", NEVER)
def test_what_is_not_evaluated_does_not_fail(text: str) -> None:
    spec = (
        f"program half(n: int) -> int = expr 10 // n\nconst K = {text}\ncoglet Main {{ on start {{ log info K }} }}\n"
    )
    assert places(spec) == []


def test_a_chain_of_constants_is_followed_and_a_circle_is_reported_once() -> None:
    chain = "".join(f"const K{i} = K{i + 1} + 1\n" for i in range(300)) + "const K300 = 1\n"
    assert places(chain + "coglet Main { listen x: int { capacity: 300 - K0 }\n on x { } }\n") == [
        ("out-of-range", "300 - K0")
    ]
    assert places("const A = B + 1\nconst B = C\nconst C = A\n") == [("constant-cycle", "A")]


@pytest.mark.parametrize(
    "member",
    [
        "state n: int = 10 // K",
        "create w = W(10 // K)",
        "create w = W * (10 // K)",
        "const OWN = 10 // K\n on start { log info OWN }",
    ],
)
def test_what_a_start_evaluates_is_evaluated(member: str) -> None:
    spec = f"const K = 0\ncoglet W(n: int = 1) {{ }}\ncoglet Main {{ {member} }}\n"
    assert places(spec) == [("certain-failure", "10 // K")]
    assert places(spec.replace("K = 0", "K = 2")) == []


@pytest.mark.parametrize("text", ["now()", "random()", "uuid()"])
def test_what_a_run_alone_knows_is_no_constant(text: str) -> None:
    assert [slug for slug, _ in places(f"const K = {text}\ncoglet Main {{ on start {{ log info K }} }}\n")] == [
        "impure-call"
    ]

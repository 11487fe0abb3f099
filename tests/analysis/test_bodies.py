"""Bodies: statements, triggers and modifiers, what names they bind, and the one report for each mistake."""

from __future__ import annotations

import pytest

from support.specs import places

SPEC = """
program ask(q: string) -> string = shell ["true"]
program add(a: int, b: int) -> int = expr a + b
coglet W(size: int = 1) {{ listen x: int
  transmit y: int
  enact go(n: int = 1) {{ y <- n }}
  on x as v {{ y <- v }} }}
coglet Main(start: int = 0) {{ listen go: int
  listen list: [int]
  transmit out: any
  state n: int = 0
  state maybe: int? = null
  create w = W
  create pool = W * 0..3
  on w.y as v {{ out <- [v, ask("x")] }}
  on pool.y as v {{ out <- v }}
  on start {{ w.x <- n
    pool.x <- add(n, 1)
    out <- maybe }}
  on list as l {{ out <- l }}
  on go as v {modifiers} {{ {body} }} {handler}
  {members} }}
"""


def reported(body: str = "", modifiers: str = "", handler: str = "", members: str = "") -> list[tuple[str, str]]:
    return places(SPEC.format(body=body, modifiers=modifiers, handler=handler, members=members))


GOOD = [
    "let a = v\n out <- a",
    "let [a, b] = [1, 2]\n out <- [a, b]",
    "n = v",
    "maybe = null",
    "for x in [1, 2] { out <- x }",
    "for [a, b] in [[1, 2]] { out <- a + b }",
    "if v > 1 { out <- 1 } else if v > 0 { out <- 2 } else { out <- 3 }",
    "let a = await list when len(message) > 1 timeout 5s\n out <- a",
    "let i = create pool(2)\n stop pool[i]",
    "guide w.go()\n guide w.go(n: 3)",
    'let a = try ask("x") else as e (e.message)\n out <- a',
    'fail "no"',
    "fail { code: v }",
    "stop self",
    "log info v",
    'ask("x")',
    "let c = parallel [ask(str(x)) for x in [1, 2]]\n out <- c",
]


@pytest.mark.parametrize("body", GOOD)
def test_a_body_that_is_right(body: str) -> None:
    assert reported(body) == []


BAD = [
    # names
    ("out <- q", [("unknown-name", "q")]),
    ("let v = 1", [("shadowed-name", "v")]),
    ("let n = 1", [("shadowed-name", "n")]),
    ("let start = 1", [("shadowed-name", "start")]),
    ("let a = 1\n let a = 2", [("shadowed-name", "a")]),
    ("for v in [1] { }", [("shadowed-name", "v")]),
    ("if v > 1 { let a = 1\n out <- a }\n out <- a", [("unknown-name", "a")]),
    ("out <- message", [("unknown-name", "message")]),
    ("out <- sender", [("unknown-name", "sender")]),
    ("out <- it", [("unknown-name", "it")]),
    # states
    ("m = 1", [("unknown-state", "m")]),
    ("start = 1", [("unknown-state", "start")]),
    ('n = "a"', [("wrong-type", '"a"')]),
    ("n = maybe", [("nullable", "maybe")]),
    # conditions and loops
    ("if v { }", [("no-condition", "v")]),
    ('if "a" == 1 { }', [("never-equal", '"a" == 1')]),
    ("for x in v { }", [("not-iterable", "v")]),
    ("let [a, b] = v", [("not-iterable", "[a, b]")]),
    # calls
    ("ask(1)", [("wrong-type", "1")]),
    ("ask()", [("missing-argument", "ask()")]),
    ('ask("x", "y")', [("too-many-arguments", '"y"')]),
    ('ask(q: "x", q: "y")', [("duplicate-argument", 'q: "y"')]),
    ('ask(question: "x")', [("wrong-argument", "question")]),
    ("v(1)", [("not-callable", "v")]),
    # children
    ("create w()", [("wrong-kind", "w")]),
    ('let i = create pool("a")', [("wrong-type", '"a"')]),
    ("guide w._secret()", [("unknown-command", "_secret")]),
    # awaits and logs
    ("let a = await list when len(message)", [("no-condition", "len(message)")]),
    ("let a = await list timeout 5", [("wrong-type", "5")]),
    ("log loud v", [("unknown-word", "loud")]),
    ('fail "a"\n out <- v', [("unreachable-code", "out <- v")]),
    ("stop self\n out <- v", [("unreachable-code", "out <- v")]),
]


@pytest.mark.parametrize(("body", "expected"), BAD)
def test_a_body_that_is_wrong_is_reported_once(body: str, expected: list[tuple[str, str]]) -> None:
    assert reported(body) == expected


MODIFIERS = [
    ("when v > 1", []),
    ("when v", [("no-condition", "v")]),
    ('when ask("x") == "a"', [("impure-call", "ask")]),
    ("concurrent 2 timeout 3s", []),
    ("concurrent 0", [("out-of-range", "0")]),
    ("concurrent 1.5", [("wrong-type", "1.5")]),
    ("timeout 0s", [("out-of-range", "0s")]),
    ("timeout 5", [("wrong-type", "5")]),
    ("debounce 5", [("wrong-type", "5")]),
    ("throttle 0 per 1s", [("out-of-range", "0")]),
    ("throttle 1 per 0s", [("out-of-range", "0s")]),
    ("distinct v within 1m", []),
    ("distinct q within 1m", [("unknown-name", "q")]),
]


@pytest.mark.parametrize(("modifiers", "expected"), MODIFIERS)
def test_a_modifier_takes_a_value_of_its_kind(modifiers: str, expected: list[tuple[str, str]]) -> None:
    assert reported("out <- v", modifiers) == expected


def test_behind_a_batch_a_message_is_a_list() -> None:
    assert reported("out <- sum(v)", "batch 3 within 1s") == []
    assert reported("n = v", "batch 3 within 1s") == [("wrong-type", "v")]


HANDLERS = [
    ("else as e { out <- [e.kind, e.message, e.path, e.event, v] }", []),
    ("else as e { out <- e.code }", [("unknown-field", "code")]),
    ("else as v { }", [("shadowed-name", "v")]),
    ("else as e { out <- a }", [("unknown-name", "a")]),  # a `let` of the block does not exist in it
]


@pytest.mark.parametrize(("handler", "expected"), HANDLERS)
def test_an_else_knows_the_failure_and_the_names_of_the_triggers(handler: str, expected: list[tuple[str, str]]) -> None:
    assert reported("let a = 1\n out <- a", handler=handler) == expected


MEMBERS = [
    ("on error(w) as e { out <- [e.child, e.index, e.path, e.kind, e.message, e.event, e.restarts] }", []),
    ("on error(w) as e { out <- e.code }", [("unknown-field", "code")]),
    ("on pool.y as z { out <- sender.index }", []),
    ("every 5s { out <- sender }", [("unknown-name", "sender")]),
    ("every 5 { }", [("wrong-type", "5")]),
    ("every 0s { }", [("out-of-range", "0s")]),
    ("every q ticks { }", [("unknown-name", "q")]),
    ('every 1d at "25:00" { }', [("bad-path", '"25:00"')]),
    ('every 5h at "08:00" { }', [("out-of-range", "5h")]),
    ("after 5 { }", [("wrong-type", "5")]),
    ("on all(w.y) as [a, b] { }", [("wrong-type", "[a, b]")]),
    ("enact do(a: int, a: int) { }", [("duplicate-name", "a")]),
    ('enact do(a: int = "x") { out <- a }', [("wrong-type", '"x"')]),
    ("on go -> add(it, 1) -> out", []),
    ("on go -> add(it) -> out", [("missing-argument", "add(it)")]),
    ("on go -> ask -> out", [("wrong-type", "ask")]),
    ("on go -> nothing -> out", [("unknown-name", "nothing")]),
]


@pytest.mark.parametrize(("members", "expected"), MEMBERS)
def test_a_member_with_a_body(members: str, expected: list[tuple[str, str]]) -> None:
    assert reported("out <- v", members=members) == expected

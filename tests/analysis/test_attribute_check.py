"""Blocks of attributes: what each kind of value takes, and the one report for what it does not take."""

from __future__ import annotations

import pytest

from support.specs import places

HEAD = """
model m = anthropic "claude-sonnet-5-5"
model s = scripted "s.yml"
program p(n: int) -> int = expr n
agent a { model: m }
agent b { model: m }
type T = { x: int }
const K = 3
"""


def reported(text: str) -> list[tuple[str, str]]:
    return places(f"{HEAD}{text}\ncoglet Main {{ on start {{ log info p(K) }} }}\n", warnings=False)


GOOD = [
    'agent c { model: m, system: "x", tools: [p, a], output: T, max_turns: 3 }',
    "agent c { model: m, spawn: [a] { models: [m], tools: [p, a], system: true } }",
    "agent c { model: m, spawn: [a, b] { max_concurrent: 2, dispatch: local }, budget: { usd: 1, tokens: 5, time: 1m, turns: K } }",
    "agent c { model: m, sandbox: ro, network: false, output: [string] }",
    'program q() = shell ["x"] { timeout: 5s, output: json, ok: [0, 1], cwd: "x", env: { A: env("B"), C: "d" }, reload: true }',
    'program q() -> string = llm { model: m, prompt: "x", effort: low, retry: 0 }',
    'program q() -> string = llm { model: m, prompt: "x", effort: "low" }',
    "coglet C { create d = D * 2 { map: hash(message), restart: always, max_restarts: 0, within: 1s, backoff: 0s } }\ncoglet D { }",
    'mcp k = stdio ["x"] { env: { A: env("B") }, sandbox: rw, network: true }',
    "queue q: int = memory { lease: 1s, attempts: 1 }",
    "team t { lead: a, workers: [b * 2, a], mode: supervise, max_workers: K }",
]


@pytest.mark.parametrize("text", GOOD)
def test_an_attribute_with_a_value_of_its_kind(text: str) -> None:
    assert reported(text) == []


BAD = [
    # keys
    ("agent c { model: m, sytem: \"x\" }", [("unknown-attribute", "sytem")]),
    ("agent c { model: m, model: m }", [("duplicate-attribute", "model")]),
    ("agent c { }", [("missing-attribute", "c")]),
    ("program q() -> string = llm { model: m }", [("missing-attribute", "llm")]),
    ("program q() = human { timeout: 1h, timeout: 2h }", [("duplicate-attribute", "timeout")]),
    # types and ranges
    ("agent c { model: m, max_turns: \"3\" }", [("wrong-type", '"3"')]),
    ("agent c { model: m, max_turns: 0 }", [("out-of-range", "0")]),
    ("agent c { model: m, max_turns: K - 3 }", [("out-of-range", "K - 3")]),
    ("agent c { model: m, timeout: 0s }", [("out-of-range", "0s")]),
    ("agent c { model: m, timeout: 5 }", [("wrong-type", "5")]),
    ("agent c { model: m, budget: { usd: 0 - 1 } }", [("out-of-range", "0 - 1")]),
    ("agent c { model: m, budget: { euro: 1 } }", [("unknown-field", "euro")]),
    ("queue q: int = memory { attempts: 0 }", [("out-of-range", "0")]),
    # words
    ("agent c { model: m, sandbox: rx }", [("bad-word", "rx")]),
    ('agent c { model: m, sandbox: "rx" }', [("bad-word", '"rx"')]),
    ("agent c { model: m, sandbox: 1 + 1 }", [("bad-word", "1 + 1")]),
    ('program q() = shell ["x"] { output: jsn }', [("bad-word", "jsn")]),
    # references
    ("agent c { model: mm }", [("unknown-name", "mm")]),
    ("agent c { model: p }", [("wrong-kind", "p")]),
    ("agent c { model: 1 }", [("wrong-kind", "1")]),
    ("agent c { model: m, tools: [p, q] }", [("unknown-name", "q")]),
    ("agent c { model: m, tools: [m] }", [("wrong-kind", "m")]),
    ("agent c { model: m, tools: [1 + 1] }", [("wrong-kind", "1 + 1")]),
    ("agent c { model: m, spawn: [a, p] }", [("wrong-kind", "p")]),
    ("team t { lead: Nobody, workers: [b] }", [("unknown-name", "Nobody")]),
    ('team t { lead: a, workers: [b * "2"] }', [("wrong-type", '"2"')]),
    # maps
    ("coglet C { create d = D * 2 { map: random } }\ncoglet D { }", [("bad-word", "random")]),
    ("coglet C { create d = D * 2 { map: hash() } }\ncoglet D { }", [("bad-word", "hash()")]),
    ("coglet C { create d = D * 2 { map: hash(messge) } }\ncoglet D { }", [("unknown-name", "messge")]),
    # secrets
    ('program q() = shell ["x"] { cwd: env("A") }', [("secret-outside", "env")]),
    ('program q() = shell ["x"] { env: { A: env("B") + "c" } }', [("secret-outside", "env")]),
    ('const S = env("A")', [("secret-outside", "env")]),
    ('program q() = shell ["x"] { env: 5 }', [("wrong-type", "5")]),
    # blocks and conditions of values
    ("agent c { model: m, max_turns: 3 { x: 1 } }", [("bad-executor", "max_turns")]),
    ("agent c { model: m, max_turns: 3 when true }", [("bad-executor", "max_turns")]),
    ("agent c { model: m, spawn: [a] { most: 1 } }", [("unknown-attribute", "most")]),
    ("agent c { model: m, spawn: [a] { models: [a] } }", [("wrong-kind", "a")]),
    ("agent c { model: m, spawn: [a] { models: [x] } }", [("unknown-name", "x")]),
    ("agent c { model: m, spawn: [a] { tools: [m] } }", [("wrong-kind", "m")]),
    ('agent c { model: m, spawn: [a] { system: "s" } }', [("wrong-type", '"s"')]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), BAD)
def test_an_attribute_that_is_wrong_is_reported_once(text: str, expected: list[tuple[str, str]]) -> None:
    assert reported(text) == expected

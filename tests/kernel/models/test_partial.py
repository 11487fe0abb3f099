"""Partial values of answers: what is complete counts, texts count as far as they have come, and nothing is ever taken back."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from cogc.kernel.models.partial import NOTHING, Partial, so_far
from support.sim import Sim
from support.specs import check_text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", NOTHING), ("Here: ", NOTHING), ("{", {}), ('{"a', {}), ('{"a"', {}), ('{"a":', {}), ('{"a": 1', {}), ('{"a": 1,', {"a": 1}), ('{"a": "x', {"a": "x"}),
        ('{"a": "x\\', {"a": "x"}), ('{"a": "x\\n', {"a": "x\n"}), ('{"a": "\\u00e', {"a": ""}), ('{"a": "\\u00e9', {"a": "é"}), ('{"a": tru', {}), ('{"a": true}', {"a": True}),
        ('{"a": [1, 2', {"a": [1]}), ('{"a": [1, 2,', {"a": [1, 2]}), ('[{"b": {"c": "d', [{"b": {"c": "d"}}]), ('```json\n{"a": "b"}\n```', {"a": "b"}), ('<think>{"x": 1}</think>{"a": "b', {"a": "b"}),
        ('{"a": }', {}), ('{,,"a": 1 }', {"a": 1}), ("{]", {}), ('{"a": NaN, "b": 1}', {}), ("[" * 100, None), ('{"\\ud83d', {}), ('{"a": "\\ud83d', {"a": "\ufffd"}),
    ],
)  # fmt: skip
def test_what_is_known_of_an_answer(text: str, value: Any) -> None:
    found = so_far(text)
    assert value is None or (found is NOTHING if value is NOTHING else found == value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def grows(before: Any, after: Any) -> bool:
    """Return whether a value holds all that was known before."""
    if type(before) is not type(after):
        return False
    if isinstance(before, str):
        return "\ufffd" in before or after.startswith(before)
    if isinstance(before, dict):
        return all(k in after and grows(v, after[k]) for k, v in before.items())
    if isinstance(before, list):
        return len(before) <= len(after) and all(map(grows, before, after))
    return bool(before == after)


CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@CALM
@given(st.dictionaries(st.text(max_size=4), VALUES, max_size=4) | st.lists(VALUES, max_size=4), st.booleans())
def test_each_beginning_of_an_answer_is_part_of_the_next(value: Any, ascii: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii)
    before: Any = NOTHING
    for end in range(len(text) + 1):
        found = so_far(text[:end])
        assert before is NOTHING or grows(before, found)
        before = found
    assert before == value


@CALM
@given(st.text(alphabet='{}[]",:\\u0d8ae1-. tn', max_size=40))
def test_no_text_stops_it(text: str) -> None:
    so_far(text)


def test_the_work_grows_with_the_length() -> None:
    partial, piece = Partial(False, lambda value: value), '{"rows": ["' + "x" * 20
    begun, given_out = time.process_time(), 0
    for number in range(30_000):
        given_out += partial.add(piece if not number else "word ") is not NOTHING
    assert given_out < 2_000 and time.process_time() - begun < 60
    assert len(partial.last["rows"][0]) > 100_000


AGENT = """
model m = anthropic "claude-sonnet-5-5"
agent A { model: m, output: OUTPUT }
coglet Main { listen task: string
  transmit parts: any
  transmit out: any
  create a = A
  link self.task -> a.task
  on a.delta as d { parts <- d }
  on a.result as r { out <- r }
  on a.failed as f { out <- f.message } }
"""


def streamed(output: str, *pieces: str) -> Sim:
    sim = Sim(AGENT.replace("OUTPUT", output), "Main").send("task", "go")
    for piece in pieces:
        sim.kernel.delta(sim.asks[0].id, piece)
        sim.settle()
    return sim


def test_a_listener_gets_partial_values() -> None:
    pieces = ('{"title": "On s', 'alt", "tags": ["a', '", "b"], "n"', ": 4", "2}")
    sim = streamed("{ title: string, tags: [string], n: int }", *pieces)
    assert sim.sent("parts") == [
        {"title": "On s"}, {"title": "On salt", "tags": ["a"]}, {"title": "On salt", "tags": ["a", "b"]},
        {"title": "On salt", "tags": ["a", "b"], "n": 42},
    ]  # fmt: skip
    sim.reply("".join(pieces))
    assert sim.sent("out") == [{"title": "On salt", "tags": ["a", "b"], "n": 42}] and sim.kernel.models.partials == {}


def test_a_value_that_is_wrapped_comes_bare_and_a_text_as_text() -> None:
    assert streamed("[string]", '{"value": ["on', "e", '", "two').sent("parts") == [["on"], ["one"], ["one", "two"]]
    assert streamed("string", "one ", "two").sent("parts") == ["one ", "two"]


def test_a_reply_that_begins_anew_is_null() -> None:
    sim = streamed("{ a: string }", '{"a": "x')
    sim.reply(error={"message": "overloaded", "retry": True, "after": 0.1})
    sim.run(1)
    assert sim.sent("parts") == [{"a": "x"}, None]
    sim.kernel.delta(sim.asks[0].id, '{"a": "y')
    sim.settle()
    assert sim.sent("parts")[-1] == {"a": "y"}


def test_what_is_known_has_the_type_of_the_channel() -> None:
    pieces = ('{"sure": 1', ', "kind": "bu', 'g", "due": "2', 'h", "note": null, "tags": ["a"', '], "more": 1}')
    sim = streamed('{ sure: float, kind: "bug" | "idea", due: duration, note?: string, tags: [string] }', *pieces)
    assert sim.sent("parts") == [
        {}, {"sure": 1.0, "kind": "bu"}, {"sure": 1.0, "kind": "bug", "due": "2"},
        {"sure": 1.0, "kind": "bug", "due": "2h", "tags": ["a"]},
    ]  # fmt: skip
    assert type(sim.sent("parts")[1]["sure"]) is float


@pytest.mark.parametrize(
    ("output", "type"),
    [
        ("{ a: string, n: int = 3 }", "{ a?: string, n?: int }?"),
        ('"bug" | "idea"', "string?"),
        ("S", "string"),
        ("[time | 1]", "[string | 1]?"),
        ("map[S?]", "map[string?]?"),
        ("Tree", "{ value?: int, children?: [any] }?"),
        ('{ kind: "a", x: int } | { kind: "b", ... }', "{ kind?: string, x?: int } | { kind?: string, ... } | null"),
    ],
)
def test_the_check_knows_what_comes_of_an_answer(output: str, type: str) -> None:
    types = "type S = string\ntype Tree = { value: int, children: [Tree] }\n"
    text = types + AGENT.replace("OUTPUT", output).replace("transmit parts: any", "transmit parts: image")
    found = check_text(text.replace("on a.delta as d { parts <- d }", "link a.delta -> self.parts"))[1]
    said = [d.message for d in found if d.severity == "error"]
    assert said == [f"`a.delta` sends `{type}`, but `self.parts` takes `image`"]

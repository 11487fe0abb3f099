"""Faults of models by their meaning: in scripts, in Python, and as faults of an exploration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cogc.language import types
from cogc.language.attributes import MODEL_FAULTS
from cogc.language.types import BOOL, FLOAT, INT, STRING, FieldOf, ListOf, LiteralOf, RecordOf
from cogc.run.scripted import answered
from cogc.testing.model_faults import has_place, spoilt
from support.cli import cogc_here

SYSTEM = """
model m = anthropic "claude-haiku-5-5"
program add(a: int, b: int) -> int = expr a + b
coglet Desk {
  listen q: string
  transmit vote: string
  transmit text: string
  transmit late: string
  program decide(q: string) -> { vote: "yes" | "no", why: string } = llm { model: m, prompt: "{{ q }}", retry: 0, timeout: 10s }
  program say(q: string) -> string = llm { model: m, prompt: "Say: {{ q }}", tools: [add], retry: 0, timeout: 10s }
  on q as x when not contains(x, "say") { vote <- decide(x).vote } else as e { late <- e.kind }
  on q as x when contains(x, "say") { text <- say(x) } else as e { late <- e.kind }
}
"""
YES = 'reply { vote: "yes", why: "so" }'


def outcome(tmp_path: Path, steps: str, *options: object) -> tuple[int, str]:
    (tmp_path / "a_test.cog").write_text(f'{SYSTEM}test "it" {{\n  use Desk\n{steps}\n}}\n')
    done = cogc_here("test", "a_test.cog", *options, cwd=tmp_path)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("script", "expect"),
    [
        (f"script m {{ fault off_schema, {YES} }}", 'vote == ["yes"] and len(m.calls) == 2'),
        (f"script decide {{ fault off_schema, {YES} }}", 'vote == ["yes"] and len(decide.calls) == 2'),
        ("script m { fault off_schema }", 'late == ["type"] and len(m.calls) == 2'),
        (f"script m {{ fault empty, {YES} }}", 'vote == ["yes"] and len(m.calls) == 2'),
        (f"script m {{ fault truncated, {YES} }}", 'late == ["program"] and len(m.calls) == 1'),
        (f"script m {{ fault contradicting, {YES} }}", 'vote == ["no"] and len(m.calls) == 1'),
        ("script m { fault contradicting }", 'vote == ["no"]'),
        (f"script m {{ fault refusing, {YES} }}", 'late == ["program"]'),
        (f"script m {{ fault repeated, {YES} }}", 'vote == ["yes"]'),
    ],
)
def test_a_fault_of_a_script_has_the_effect_that_its_word_says(tmp_path: Path, script: str, expect: str) -> None:
    code, said = outcome(tmp_path, f'  {script}\n  send self.q <- "?"\n  run 1m\n  expect {expect}')
    assert code == 0, said


def test_a_slow_answer_comes_within_the_time_of_its_call(tmp_path: Path) -> None:
    steps = f'  script m {{ fault slow, {YES} }}\n  send self.q <- "?"\n  run 8900ms\n  expect len(vote) == 0\n  run 200ms\n  expect vote == ["yes"]'
    code, said = outcome(tmp_path, steps)
    assert code == 0, said


def test_what_was_said_last_is_repeated_in_place_of_the_next_answer(tmp_path: Path) -> None:
    script = 'script m { reply "a", fault repeated, reply "b" }'
    sends = "\n".join(f'  send self.q <- "say {n}" at {n}s' for n in range(1, 4))
    code, said = outcome(tmp_path, f'  {script}\n{sends}\n  run 1m\n  expect text == ["a", "a", "b"]')
    assert code == 0, said


def test_a_call_of_a_tool_is_wrong_in_its_arguments_and_repeated_with_a_new_id(tmp_path: Path) -> None:
    script = 'script m { fault off_schema, call add(a: 1, b: 2), fault repeated, reply "3" }'
    code, said = outcome(
        tmp_path, f'  {script}\n  send self.q <- "say"\n  run 1m\n  expect text == ["3"] and len(m.calls) == 4'
    )
    assert code == 0, said


def test_an_answer_that_may_be_any_text_cannot_be_off_its_schema(tmp_path: Path) -> None:
    code, said = outcome(tmp_path, '  script m { fault off_schema }\n  send self.q <- "say"\n  run 1s')
    assert code == 3 and "every answer has the type `string`; declare a narrower one" in said


# ---- replies ---------------------------------------------------------------------------------------------------

VOTE = RecordOf(
    (
        FieldOf("vote", types.union([LiteralOf("string", "yes"), LiteralOf("string", "no")])),
        FieldOf("why", STRING),
        FieldOf("sure", FLOAT, optional=True),
    )
)
VALUES = [
    (VOTE, {"vote": "yes", "why": "so"}, {"vote": "no", "why": "so"}),
    (RecordOf((FieldOf("ok", BOOL), FieldOf("n", INT))), {"ok": True, "n": 3}, {"ok": False, "n": 3}),
    (RecordOf((FieldOf("n", INT), FieldOf("why", STRING))), {"n": 3, "why": "so"}, {"n": -3, "why": "so"}),
    (RecordOf((FieldOf("score", FLOAT),)), {"score": 0.75}, {"score": 0.25}),
    (RecordOf((FieldOf("n", INT),)), {"n": 0}, {"n": 1}),
    (BOOL, True, {"value": False}),
    (ListOf(BOOL), [True, False], {"value": [False, True]}),
    (ListOf(STRING), [], []),
    (RecordOf((FieldOf("why", STRING),)), {"why": "so"}, {"why": "so\n\nNo: the opposite is true."}),
]


def said(reply: dict[str, Any]) -> Any:
    return json.loads(reply["content"][0]["text"])


@pytest.mark.parametrize(("type", "value", "opposite"), VALUES)
def test_the_opposite_has_the_type_and_turns_decisions_first(type: types.Type, value: Any, opposite: Any) -> None:
    assert said(spoilt("contradicting", answered(value), None, type, lambda v: True)) == opposite


@pytest.mark.parametrize("kind", MODEL_FAULTS)
@pytest.mark.parametrize(
    "text", ["", "plain", '{"vote": "yes", "why": "x"}', '{"value": 1}', "[", "\ud800", "null", "{}"]
)
def test_any_reply_can_be_spoilt(kind: str, text: str) -> None:
    reply = answered(text)
    found = spoilt(kind, reply, answered("before"), VOTE, lambda v: isinstance(v, dict) and {"vote", "why"} <= v.keys())
    assert {"content", "stop", "usage"} <= found.keys() and reply == answered(text)


def test_an_error_stays_an_error() -> None:
    error = {"error": {"message": "busy", "retry": True}}
    assert all(spoilt(kind, error, None, STRING, lambda v: True) is error for kind in MODEL_FAULTS)


def test_faults_that_change_nothing_have_no_place() -> None:
    assert not has_place("repeated", VOTE, 1) and has_place("repeated", VOTE, 2)
    assert not has_place("off_schema", STRING, 1) and has_place("off_schema", VOTE, 1) and has_place("empty", STRING, 1)


def test_simulations_in_python_have_the_same_faults(tmp_path: Path) -> None:
    from cogc.testing import fault, simulate

    (tmp_path / "a.cog").write_text(SYSTEM)
    with simulate(
        str(tmp_path / "a.cog"), root="Desk", script={"m": [fault("off_schema"), {"vote": "yes", "why": ""}]}
    ) as sim:
        sim.send("q", "?")
        sim.run("1m")
        assert sim.outputs["vote"] == ["yes"] and len(sim.calls["m"]) == 2
    with pytest.raises(ValueError, match="there is no fault `wrong`"):
        fault("wrong")


# ---- explorations ----------------------------------------------------------------------------------------------

GATE = """
model m = scripted "answers.yml"
coglet Gate {
  listen q: string
  transmit opened: bool
  program safe(q: string) -> { safe: bool } = llm { model: m, prompt: "{{ q }}", retry: 0 }
  on q as x { opened <- safe(x).safe } else as e { opened <- true }
}
"""


def explored(tmp_path: Path, *options: object) -> tuple[int, dict[str, Any]]:
    (tmp_path / "gate.cog").write_text(GATE)
    (tmp_path / "answers.yml").write_text('- {when: "", reply: {safe: false}}\n')
    done = cogc_here("explore", "gate.cog", "--input", "q=x", "--json", *options, cwd=tmp_path)
    assert done.returncode in (0, 3), done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("contradicting", "the answer to request 1 of `Gate` says the opposite"),
        ("truncated", "the answer to request 1 of `Gate` is cut off in its middle"),
        ("refusing", "the answer to request 1 of `Gate` is a refusal"),
        ("fail", "request 1 of `Gate` to its model fails"),
    ],
)
def test_an_exploration_finds_what_a_wrong_answer_does(tmp_path: Path, kind: str, said: str) -> None:
    never = ["--never", "true in opened"]
    code, found = explored(tmp_path, *never, "--faults", 1, "--fault", kind)
    assert code == 3 and found["failure"]["faults"] == [said]
    code, again = explored(tmp_path, *never, "--faults", 1, "--fault", kind, "--replay", found["failure"]["token"])
    assert code == 3 and again["failure"]["faults"] == [said]


def test_an_answer_that_does_not_fit_is_asked_for_again(tmp_path: Path) -> None:
    never = ["--never", "true in opened", "--fault", "off_schema", "--fault", "empty"]
    assert explored(tmp_path, *never, "--faults", 1)[0] == 0
    code, found = explored(tmp_path, *never, "--faults", 2)
    assert code == 3 and len(found["failure"]["faults"]) == 2


def test_all_faults_of_models_have_one_word(tmp_path: Path) -> None:
    code, found = explored(tmp_path, "--faults", 1, "--fault", "model")
    assert (
        code == 0 and found["complete"] and found["plans"] == 1 + len(MODEL_FAULTS)
    )  # `repeated` has no place, `fail` has one
    code, found = explored(tmp_path, "--faults", 1)
    assert found["plans"] < len(MODEL_FAULTS)


def test_tests_are_explored_with_faults_of_their_models(tmp_path: Path) -> None:
    test = GATE.replace('scripted "answers.yml"', 'anthropic "claude-haiku-5-5"')
    test += 'test "it stays shut" {\n  use Gate\n  script m { reply { safe: false } }\n  send self.q <- "x"\n  run 1m\n  expect never true in opened\n}\n'
    (tmp_path / "gate_test.cog").write_text(test)
    done = cogc_here(
        "explore", "gate_test.cog", "--test", "shut", "--faults", 1, "--fault", "contradicting", "--json", cwd=tmp_path
    )
    found = json.loads(done.stdout)
    assert done.returncode == 3 and found["failure"]["faults"] == [
        "the answer to request 1 of `Gate` says the opposite"
    ]
    done = cogc_here(
        "explore", "gate_test.cog", "--test", "shut", "--faults", 1, "--fault", "slow", "--json", cwd=tmp_path
    )
    assert done.returncode == 0 and json.loads(done.stdout)["plans"] == 2


def test_tests_with_scripted_models_have_them_too(tmp_path: Path) -> None:
    test = GATE + 'test "shut" {\n  use Gate\n  send self.q <- "x"\n  run 1m\n  expect never true in opened\n}\n'
    (tmp_path / "gate_test.cog").write_text(test)
    (tmp_path / "answers.yml").write_text('- {when: "", reply: {safe: false}}\n')
    done = cogc_here(
        "explore", "gate_test.cog", "--test", "shut", "--faults", 1, "--fault", "contradicting", "--json", cwd=tmp_path
    )
    assert done.returncode == 3, done.stdout + done.stderr

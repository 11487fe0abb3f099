"""Answers are found among the words and marks that models put around them, and schemas go where a provider takes them."""

from __future__ import annotations

from typing import Any

import pytest

from cogc.kernel.models.answers import Answer
from cogc.kernel.unit import Unit
from cogc.language.values import Failure
from support.specs import build


def answer(type: str, more: str = "", provider: str = "anthropic") -> Answer:
    text = f'{more}\nmodel m = scripted "s.yml"\nprogram ask() -> {type} = llm {{ model: m, prompt: "p" }}\ncoglet Main {{ transmit out: any\n on start {{ out <- ask() }} }}\n'
    bundle = build(text)
    (program,) = bundle.programs.values()
    return Answer(Unit(bundle), program.result, provider)


RECORD = "{ label: string, n?: int }"
VALUE = {"label": "a"}


@pytest.mark.parametrize(
    "said",
    [
        '{"label": "a"}', '\ufeff{"label": "a"}', '```json\n{"label": "a"}\n```', '```\n{"label": "a"}\n```',
        'Here it is:\n```json\n{"label": "a"}\n```\nAnything else?', '<think>maybe {"label": "b"}</think>\n{"label": "a"}',
        'The answer is {"label": "a"}.', 'Not {"x": 1} but {"label": "a"}', 'a set {1, 2} and [x and {"label": "a"}',
        '<thinking>\n{\n</thinking>```json\n{"label": "a"}\n```',
    ],
)  # fmt: skip
def test_an_answer_is_found(said: str) -> None:
    assert answer(RECORD).read(said) == VALUE


@pytest.mark.parametrize(("type", "said", "value"), [
    ("int", "3", 3), ("int", '{"value": 3}', 3), ("int", "It is {\"value\": 3}", 3), ("[int]", "So: [1, 2]", [1, 2]),
    ('"yes" | "no"', "yes", "yes"), ('"yes" | "no"', '"no"', "no"), ('"yes" | "no"', "<think>no?</think>yes", "yes"), ("string", "{}", "{}"),
])  # fmt: skip
def test_plain_values_are_found(type: str, said: str, value: Any) -> None:
    assert answer(type).read(said) == value


@pytest.mark.parametrize(("said", "words"), [
    ("nothing", "no JSON"), ('{"label": 3}', "label"), ("{}", "the field `label` is missing"), ("[" * 10_000, "no JSON"), ("{" * 10_000, "no JSON"),
])  # fmt: skip
def test_what_does_not_fit_is_named(said: str, words: str) -> None:
    with pytest.raises(Failure, match=words):
        answer(RECORD).read(said)


def test_the_field_inside_of_an_optional_record_is_named() -> None:
    with pytest.raises(Failure, match=r"mid.*`deep` is missing|`deep` is missing"):
        answer("{ mid?: { deep: int } }").read('{"mid": {"k": 1}}')
    with pytest.raises(Failure, match=r"rows\[1\].*`deep` is missing"):
        answer("{ rows: [{ deep: int }?] }").read('{"rows": [{"deep": 1}, {"k": 1}]}')


TREE = "type Tree = { n: int, children: [Tree] }"


@pytest.mark.parametrize(("type", "more", "anthropic", "openai"), [
    ("{ a: int }", "", True, True), ("{ a: int, b?: int }", "", True, False), ("Tree", TREE, False, True), ("map[int]", "", False, False),
    ("any", "", False, False), ("{ a: int, ... }", "", False, False), ("[{ a: any }]", "", False, False),
])  # fmt: skip
def test_schemas_beyond_a_providers_subset_go_into_the_prompt(
    type: str, more: str, anthropic: bool, openai: bool
) -> None:
    assert (answer(type, more, "anthropic").strict, answer(type, more, "openai").strict) == (anthropic, openai)

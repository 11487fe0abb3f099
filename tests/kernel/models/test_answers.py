"""Answers are found among the words and marks that models put around them, and schemas go where a provider takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cogc.kernel.models.answers import Answer
from cogc.kernel.unit import Unit
from cogc.language.values import Failure
from support.cli import cogc
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
    ("{ a: int }", "", True, True), ("{ a: int, b?: int }", "", True, True), ("Tree", TREE, False, True), ("map[int]", "", False, False),
    ("any", "", False, False), ("{ a: int, ... }", "", False, False), ("[{ a: any }]", "", False, False),
])  # fmt: skip
def test_schemas_beyond_a_providers_subset_go_into_the_prompt(
    type: str, more: str, anthropic: bool, openai: bool
) -> None:
    assert [answer(type, more, p).strict is not None for p in ("anthropic", "openai")] == [anthropic, openai]


@pytest.mark.parametrize(
    ("type", "provider", "changed"),
    [
        ("{ a: int, b?: string }", "openai", {"b": {"anyOf": [{"type": "string"}, {"type": "null"}]}}),
        ("{ a: int, b?: string | int }", "openai", {"b": {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]}}),
        ("{ a: int, b: string = \"x\" }", "anthropic", {"b": {"type": "string", "description": 'default: "x"'}}),
        ("{ a: int, b: string = \"x\" }", "openai", {"b": {"anyOf": [{"type": "string"}, {"type": "null"}], "description": 'default: "x"'}}),
        ("{ a: int, b?: string }", "anthropic", {"b": {"type": "string"}}),
    ],
)  # fmt: skip
def test_a_schema_is_made_to_fit_its_provider(type: str, provider: str, changed: Any) -> None:
    schema = answer(type, provider=provider).strict
    assert schema is not None and schema["properties"] == {"a": {"type": "integer"}, **changed}
    assert set(schema["required"]) == ({"a", "b"} if provider == "openai" else {"a"})


def test_many_optional_fields_become_nulls_and_too_many_unions_words() -> None:
    many = "{ " + ", ".join(f"f{i}?: int" for i in range(25)) + " }"
    assert answer(many, provider="anthropic").strict is None, "25 unions of null are too many"
    fields = "{ " + ", ".join(f"f{i}: int | string" for i in range(17)) + " }"
    assert answer(fields, provider="anthropic").strict is None and answer(fields, provider="openai").strict is not None
    deep = "{ a: " * 11 + "int" + " }" * 11
    assert answer(deep, provider="openai").strict is None and answer(deep, provider="anthropic").strict is not None


@pytest.mark.parametrize(
    ("type", "said", "value"),
    [
        ("{ a: int, b?: string }", '{"a": 1, "b": null}', {"a": 1}),
        ("{ a: int, b: string = \"x\" }", '{"a": 1, "b": null}', {"a": 1, "b": "x"}),
        ("{ a: int, b?: string? }", '{"a": 1, "b": null}', {"a": 1, "b": None}),
        ("[{ a?: int }]", '{"value": [{"a": null}]}', [{}]),
        ("{ a: { b?: int } | { c: int } }", '{"a": {"b": null}}', {"a": {}}),
        ("map[{ b?: int }]", '{"value": {"k": {"b": null}}}', {"k": {}}),
    ],
)  # fmt: skip
def test_null_stands_for_what_is_left_out(type: str, said: str, value: Any) -> None:
    assert answer(type).read(said) == value


def test_null_for_a_required_field_is_a_mistake() -> None:
    with pytest.raises(Failure, match="`a`"):
        answer("{ a: int, b?: string }").read('{"a": null, "b": null}')


def test_the_check_says_which_way_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(
        'model c = anthropic "claude-sonnet-5-5"\nmodel o = openai "gpt-x"\nmodel l = anthropic "q" { base_url: "http://x", capabilities: [] }\n'
        "model all = [c, o, l]\ntype Tree = { value: int, children: [Tree] }\n"
        'program a() -> { n?: int } = llm { model: all, prompt: "p" }\nprogram t() -> Tree = llm { model: all, prompt: "p" }\n'
        'program m() -> map[int] = llm { model: o, prompt: "p" }\nagent A { model: c }\n'
        "coglet Main { listen x: int\n transmit o: any\n create a = A\n"
        ' on x { o <- [a(), t(), m()]\n a.task <- "x" }\n on a.result as r { o <- r }\n on a.failed as f { o <- f } }'
    )
    done = cogc("check", "a.cog", "--verbose", cwd=tmp_path)
    assert done.stdout.splitlines()[:8] == [
        "a.cog: agent `A`: model `c`: text",
        "a.cog: program `a`: model `c`: structured output",
        "a.cog: program `a`: model `o`: structured output; what may be left out is null",
        "a.cog: program `a`: model `l`: system prompt: the model has no structured output",
        "a.cog: program `t`: model `c`: system prompt: the type refers to itself",
        "a.cog: program `t`: model `o`: structured output",
        "a.cog: program `t`: model `l`: system prompt: the model has no structured output",
        "a.cog: program `m`: model `o`: system prompt: a map or an open record has names that nobody knows before",
    ]
    assert cogc("check", "a.cog", "--verbose", "--format", "json", cwd=tmp_path).stdout.startswith("[")

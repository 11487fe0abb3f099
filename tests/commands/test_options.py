"""The options that commands share: the values that they stand for, and what each refuses with which words."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from cogc.commands import budgets, options
from cogc.commands.usage import UsageError
from support.specs import build

SPEC = """
coglet Main(name: string, count: int = 3, point: { x: int } = { x: 1 }) { listen goal: string
  on goal as g { log info g } }
"""


def given(**more: Any) -> Namespace:
    usual = {"set": [], "budget": [], "model": [], "goal": None, "goal_file": None, "control": False, "until": None}
    return Namespace(**{**usual, **more})


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["name=x"], {"name": "x"}),
        (["name=7"], {"name": "7"}),  # a string is taken as it is
        (["name=x", "count=7"], {"name": "x", "count": 7}),
        (["name=a=b"], {"name": "a=b"}),
        (["name=", "count=x"], {"name": "", "count": "x"}),  # the run refuses it, with its type
        (["name=x", 'point={"x": 5}'], {"name": "x", "point": {"x": 5}}),
        (["name=x", "name=y"], {"name": "y"}),
    ],
)
def test_parameters_of_the_root(words: list[str], expected: dict[str, Any]) -> None:
    assert options.parameters(build(SPEC), given(set=words)) == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "`Main` needs `--set name=...`"),
        (["name"], "`--set name`: write --set NAME=VALUE"),
        (["nmae=x"], "`Main` has no parameter `nmae`; it has `name`, `count`, `point`"),
    ],
)
def test_parameters_that_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        options.parameters(build(SPEC), given(set=words))
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {}),
        (["usd=2"], {"usd": 2.0}),
        (["tokens=100_000"], {"tokens": 100_000}),
        (["usd=0.5", "tokens=1"], {"usd": 0.5, "tokens": 1}),
    ],
)
def test_budgets(words: list[str], expected: dict[str, float]) -> None:
    assert budgets.budget(given(budget=words)) == expected


@pytest.mark.parametrize("word", ["usd=much", "euro=1", "tokens=1.5", "usd=", "tokens"])
def test_budgets_that_are_refused(word: str) -> None:
    with pytest.raises(UsageError, match="--budget"):
        budgets.budget(given(budget=[word]))


MODELS = 'model m = anthropic "a" { max_tokens: 9 }\nprogram p() -> string = llm { model: m, prompt: "x" }\ncoglet Main { on start { log info p() } }'


def test_a_model_is_put_in_the_place_of_another() -> None:
    found = options.bound(build(MODELS), given(model=["m=scripted:x.yml"])).models["m"]
    assert (found.provider, found.argument, found.attributes) == ("scripted", "x.yml", {})
    same = options.bound(build(MODELS), given(model=["m=anthropic:claude-haiku-5-5"])).models["m"]
    assert list(same.attributes) == ["max_tokens"] and same.price is not None and same.price.input == 0.1
    assert options.bound(build(MODELS), given()).models == build(MODELS).models


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("m", "`--model m`: write NAME=PROVIDER:WHAT; a provider is "),
        ("m=scripted", "`--model m=scripted`: write "),
        ("m=magic:x", "`--model m=magic:x`: write "),
        ("z=scripted:x", "--model: the program has no model `z`; it has `m`"),
    ],
)
def test_models_that_are_refused(word: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        options.bound(build(MODELS), given(model=[word]))
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(("text", "nanos"), [(None, None), ("10s", 10**10), ("1m30s", 90 * 10**9), ("0s", 0)])
def test_durations(text: str | None, nanos: int | None) -> None:
    assert options.duration(text, "--for") == nanos


def test_a_duration_that_is_refused() -> None:
    with pytest.raises(UsageError, match="--for: `soon` is no duration; write 250ms, 10s or 5m"):
        options.duration("soon", "--for")


@pytest.mark.parametrize("name", [None, "a", "a-b_1", "été"])
def test_names_of_instances(name: str | None) -> None:
    assert options.instance_of(name) == name


@pytest.mark.parametrize("name", ["", "-", "../x", "a b", "a/b", "a.b"])
def test_names_of_instances_that_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="^--as .*letters, digits, - and _"):
        options.instance_of(name, "--as")


@pytest.mark.parametrize(
    ("more", "nanos"),
    [
        ({"sim": True, "epoch": None}, 946_684_800 * 10**9),
        ({"sim": True, "epoch": "1970-01-01T00:00:01Z"}, 10**9),
        ({"sim": True, "epoch": "1970-01-01"}, 0),
        ({"sim": True, "epoch": "1970-01-01T01:00:00+01:00"}, 0),
        ({"sim": True, "epoch": "1970-01-01T00:00:00.000001Z"}, 1000),
    ],
)
def test_the_start_of_a_simulation(more: dict[str, Any], nanos: int) -> None:
    assert options.epoch_of(given(**more)) == nanos


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"sim": False, "epoch": "2000-01-01"}, "--epoch is for --sim"),
        ({"sim": True, "epoch": "noon"}, "write a time such as"),
    ],
)
def test_a_start_that_is_refused(more: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        options.epoch_of(given(**more))


def test_a_goal_is_the_word_or_the_file(tmp_path: Path) -> None:
    file = tmp_path / "goal.txt"
    file.write_text("  from a file\n")
    assert options.goal_of(given()) is None
    assert options.goal_of(given(goal=" x ")) == " x "
    assert options.goal_of(given(goal_file=str(file))) == "from a file"
    for more, message in (
        ({"goal": "x", "goal_file": "y"}, "give --goal or --goal-file, not both"),
        ({"goal": "  "}, "--goal: the goal is empty"),
        ({"goal": "\udc80"}, "--goal: the goal is not text in UTF-8"),
        ({"goal_file": str(tmp_path / "none")}, "cannot read "),
    ):
        with pytest.raises(UsageError, match=message):
            options.goal_of(given(**more))


def test_a_goal_goes_to_the_channel_for_it() -> None:
    assert options.goal_input(build(SPEC), given(goal="x"), set()) == [("goal", "x")]
    assert options.goal_input(build(SPEC), given(), set()) == []
    other = build("coglet Main { listen x: int\n on x { } }")
    with pytest.raises(UsageError, match="`Main` listens neither to `goal` nor to `task`"):
        options.goal_input(other, given(goal="x"), set())


def test_folders_of_roles_exist(tmp_path: Path) -> None:
    assert options.locals_of([f"A={tmp_path}"]) == {"A": str(tmp_path)}
    for word in ("A", f"A={tmp_path}/none"):
        with pytest.raises(UsageError, match="a folder that exists"):
            options.locals_of([word])


def test_a_condition_that_is_wrong_is_refused_with_the_reason() -> None:
    bundle = build("coglet Main { transmit out: int\n every 1s { out <- 1 } }")
    assert options.until(bundle, given()) is None
    assert options.until(bundle, given(until="len(out) == 2")) is not None
    with pytest.raises(UsageError, match="--until: there is no `ot` here"):
        options.until(bundle, given(until="len(ot) == 2"))

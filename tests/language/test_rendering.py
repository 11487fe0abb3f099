"""Templates at run time: what they show, and the bounds that hold them."""

from __future__ import annotations

from typing import Any

import pytest

from cogc.analysis import prompts
from cogc.language.rendering import MAX_ITERATIONS, MAX_OUTPUT, Template
from cogc.language.values import Duration, Failure


def rendered(source: str, **values: Any) -> str:
    return Template(source).render(values)


@pytest.mark.parametrize(
    ("source", "values", "expected"),
    [
        ("{{ v }}", {"v": "a"}, "a"),
        ("{{ v }}", {"v": True}, "true"),
        ("{{ v }}", {"v": None}, "null"),
        ("{{ v }}", {"v": [1, "a"]}, '[1, "a"]'),
        ("{{ v }}", {"v": {"é": 1.0}}, '{"é": 1.0}'),
        ("{{ v }}", {"v": Duration(90_000_000_000)}, "1m30s"),
        ("{{ v.a }}", {"v": {"a": 1}}, "1"),
        ("{{ v.items }}", {"v": {"items": 2}}, "2"),
        ("{{ v.missing }}", {"v": {}}, "null"),
        ("{{ v.a.b.c }}", {"v": {"a": None}}, "null"),
        ('{{ v["a"] }}', {"v": {"a": 1}}, "1"),
        ("{{ v[0] }}{{ v[-1] }}", {"v": [1, 2]}, "12"),
        ("{% for x in v %}{{ loop.index }}{{ x }} {% endfor %}", {"v": ["a", "b"]}, "1a 2b "),
        ("{% for x in v %}{{ x }}{% else %}none{% endfor %}", {"v": []}, "none"),
        ("{% if v > 1 %}many{% else %}few{% endif %}", {"v": 2}, "many"),
        ("{{ v | length }} {{ v | join(', ') }}", {"v": [1, True]}, "2 1, true"),
        ("{{ v | join('-', 'n') }}", {"v": [{"n": 1}, {"n": 2}]}, "1-2"),
        ("{{ v | tojson }}", {"v": "a"}, '"a"'),
        ("{{ v ~ 1 ~ none }}", {"v": "a"}, "a1null"),
        ("{{ range(3) | list }}", {}, "[0, 1, 2]"),
        ("{{ self.name }}", {"self": {"name": "Main"}}, "Main"),
        ("<b>{{ v }}</b>", {"v": "<&>"}, "<b><&></b>"),
    ],
)
def test_a_template_shows_its_values(source: str, values: dict[str, Any], expected: str) -> None:
    assert rendered(source, **values) == expected


@pytest.mark.parametrize(
    ("source", "values", "message"),
    [
        ("{{ v.a }}", {"v": "text"}, "string has no field `a`"),
        ("{{ v.append }}", {"v": []}, "list has no field `append`"),
        ("{{ v.__class__ }}", {"v": 1}, "int has no field `__class__`"),
        ("{{ v[5] }}", {"v": [1]}, "the template found nothing at `5`"),
        ("{{ v * 1000 }}", {"v": "a"}, "`*` in a template takes numbers"),
        ('{{ "%s" % v }}', {"v": 1}, "`%` in a template takes numbers"),
        ("{{ v ** 2 }}", {"v": "a"}, "`**` in a template takes numbers"),
        ("{% for x in v %}{% endfor %}", {"v": None}, "a template walks lists"),
        ("{% for x in v %}{% endfor %}", {"v": Duration(1)}, "a template walks lists"),
        ("{{ v | center(1000000) }}", {"v": "a"}, "a filter's argument is larger than 100000"),
    ],
)
def test_a_template_that_asks_for_what_is_not_there_fails(source: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(Failure) as failed:
        rendered(source, **values)
    assert failed.value.kind == "error" and failed.value.message == message


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ 7 ** 9999999 }}", "a number in the template is too large"),
        ("{{ 2 ** 63 }}", "a number in the template is too large"),
        ("{{ v * v }}", "a number in the template is too large"),
        ("{{ range(1000000) }}", "`range` of 1000000 items in a template"),
        ("{{ text | replace('a', text) }}", "the template makes more than 4000000 characters"),
        ("{{ lines | indent(90000) }}", "the template makes more than 4000000 characters"),
        ("{{ text | wordwrap(1, true, text) }}", "the template makes more than 4000000 characters"),
        ("{% for x in range(90000) %}{% for y in range(9) %}{% endfor %}{% endfor %}", "the template loops more than 100000 times"),
    ],
)  # fmt: skip
def test_a_template_that_asks_for_too_much_fails(source: str, message: str) -> None:
    with pytest.raises(Failure) as failed:
        rendered(source, v=1 << 40, text="a" * 10_000, lines="\n" * 1000)
    assert failed.value.kind == "bound" and failed.value.message == message


@pytest.mark.parametrize("source", ["{{ 7 ** 9999999 }}", "{{ [0] * 100000000 }}", "{{ 'a' * 1000000000 }}"])
def test_the_constants_of_a_template_are_not_evaluated_before_the_run(source: str) -> None:
    assert prompts.names(source) == set()
    Template(source)


@pytest.mark.parametrize("source", ["{{ 1 // v }}", "{{ v + 'a' }}", "{{ zz }}", "{{ v() }}"])
def test_whatever_else_goes_wrong_in_a_template_is_a_failure(source: str) -> None:
    with pytest.raises(Failure, match="the template fails"):
        rendered(source, v=0)


def test_nested_loops_are_counted_together() -> None:
    source = "{% for x in v %}{% for y in v %}{% endfor %}{% endfor %}"
    rendered(source, v=list(range(300)))
    with pytest.raises(Failure, match=f"the template loops more than {MAX_ITERATIONS} times"):
        rendered(source, v=list(range(400)))


def test_each_rendering_counts_anew() -> None:
    template = Template("{% for x in v %}{% endfor %}")
    for _ in range(3):
        assert template.render({"v": [0] * (MAX_ITERATIONS - 1)}) == ""


@pytest.mark.parametrize("source", ["{% for x in v %}{{ x }}{% endfor %}", "{{ v[0] ~ v[1] }}", "{{ v | join }}"])
def test_the_output_is_bounded(source: str) -> None:
    half = "x" * (MAX_OUTPUT // 2)
    assert len(rendered(source, v=[half, half])) == MAX_OUTPUT
    with pytest.raises(Failure, match=f"the template makes more than {MAX_OUTPUT} characters"):
        rendered(source, v=[half, half + "y"])


@pytest.mark.parametrize(
    "name",
    [
        "string",
        "trim",
        "lower",
        "replace('?', '')",
        "center(0)",
        "indent",
        "wordwrap(99)",
        "escape | string",
        "truncate(99)",
    ],
)
@pytest.mark.parametrize("value", [None, True, 1.5, [None, True], {"a": None}, Duration(90 * 10**9)])
def test_a_filter_of_texts_takes_a_value_as_a_template_writes_it(name: str, value: object) -> None:
    said = Template("{{ v | NAME | replace('&#34;', '\"') }}".replace("NAME", name)).render({"v": value})
    assert said == Template("{{ v }}").render({"v": value})


@pytest.mark.parametrize(
    ("name", "said"), [("upper", "NULL"), ("title", "Null"), ("capitalize", "Null"), ("wordcount", "1")]
)
def test_null_is_a_word_to_a_filter_of_texts(name: str, said: str) -> None:
    assert Template("{{ v | NAME }}".replace("NAME", name)).render({"v": None}) == said
    assert Template("{{ [v] | map('NAME') | join }}".replace("NAME", name)).render({"v": None}) == said

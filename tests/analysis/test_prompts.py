"""Templates: the pieces of simple ones, the names of others, and what may not stand in one."""

from __future__ import annotations

import time

import pytest

from cogc.analysis.prompts import names, simple_parts
from support.specs import check_text, places

SIMPLE: list[tuple[str, list[str | tuple[str, ...]]]] = [
    ("", []),
    ("plain", ["plain"]),
    ("{{ a }}", [("a",)]),
    ("{{a}}", [("a",)]),
    ("x {{ a.b.c }} y", ["x ", ("a", "b", "c"), " y"]),
    ("{{ a }}{{ b }}", [("a",), ("b",)]),
    ("{{ a }}\n", [("a",)]),  # the last newline is Jinja's
    ("{{ a }}\n\n", [("a",), "\n"]),
    ("{{\n a \n}}", [("a",)]),
    ("{ a } }", ["{ a } }"]),
]


@pytest.mark.parametrize(("text", "expected"), SIMPLE)
def test_a_template_that_inserts_values_is_taken_apart(text: str, expected: list[str | tuple[str, ...]]) -> None:
    parts = simple_parts(text)
    assert parts is not None and [p.path or p.text for p in parts] == expected
    assert [text[p.offset : p.offset + 1] for p in parts] == [(p.path[0] if p.path else p.text)[:1] for p in parts]


@pytest.mark.parametrize(
    "text",
    ["{% if a %}{% endif %}", "{# a #}", "{{ a | upper }}", "{{ a + 1 }}", "{{ a[0] }}", "{{ 'a' }}", "{{ true }}", "{{ a", "a }}", "{{ {{ a }} }}", "{{ a.b. }}"],
)  # fmt: skip
def test_a_template_that_does_more_is_not(text: str) -> None:
    assert simple_parts(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ a | upper }}", {"a"}),
        ("{{ a[b] }}", {"a", "b"}),
        ("{% for x in xs %}{{ x }}{{ y }}{% endfor %}", {"xs", "y"}),
        ("{% set x = a %}{{ x }}", {"a"}),
        ("{% if a.b %}{{ c }}{% else %}{{ d }}{% endif %}", {"a", "c", "d"}),
        ("{{ self.path | upper }}", {"self"}),
        ("{% for x in range(n) %}{{ loop.index }}{% endfor %}", {"n"}),
        ("{{ 'a' * 10 }}", set()),
    ],
)
def test_the_names_that_a_template_takes_from_outside(text: str, expected: set[str]) -> None:
    assert names(text) == expected


SPEC = """
type Point = {{ x: int, note?: string }}
const LIMIT = 3
program say(p: Point, l: [Point], t: string) -> string = template "{text}"
coglet Main {{ listen p: Point
  transmit out: string
  on p as p {{ out <- say(p, [p], "x") }} }}
"""


def reported(text: str) -> list[tuple[str, str]]:
    return places(SPEC.format(text=text))


GOOD = [
    "{{ p.x }} {{ p.note }} {{ LIMIT }}",
    "{{ t | upper }} {{ l | length }} {{ p | tojson }} {{ p.note | default(t) }}",
    "{% for q in l %}{{ q.x }} {{ loop.index }}{% endfor %}",
    "{% if p.note is defined and p.x > 1 %}{{ p.note }}{% elif t %}a{% else %}b{% endif %}",
    "{% set n = p.x %}{{ n }}",
    "{% for i in range(3) %}{{ i }}{% endfor %}",
    "{{ l[0].x }} {{ l | map(attribute='x') | list }}",
    "{# a comment #}{{ t }}",
]


@pytest.mark.parametrize("text", GOOD)
def test_what_a_template_may_say(text: str) -> None:
    assert reported(text) == []


BAD = [
    ("{{ q }}", [("unknown-variable", "q")]),
    ("{{ say }}", [("unknown-variable", "say")]),
    ("{{ p.z }}", [("unknown-field", "z")]),
    ("{{ p.z | upper }}", [("unknown-field", "z")]),
    ("{{ t.x }}", [("unknown-field", "x")]),
    ("{% for q in l %}{{ q.z }}{% endfor %}", [("unknown-field", "z")]),
    ("{% for q in l %}{% endfor %}{{ q }}", [("unknown-variable", "q")]),
    ("{{ t | uper }}", [("bad-template", "uper")]),
    ("{% if t is stringy %}{% endif %}", [("bad-template", "stringy")]),
    ("{{ say(1) }}", [("bad-template", "say")]),
    ("{{ t.upper() }}", [("bad-template", "upper")]),
    ("{% for q in p.x %}{{ q }}{% endfor %}", [("bad-template", "x")]),
    ("{% macro m() %}{% endmacro %}", [("bad-template", "{% macro m() %}{% endmacro %}")]),
    ("{% include 'x' %}", [("bad-template", "{% include 'x' %}")]),
    ("{% for q in l recursive %}{% endfor %}", [("bad-template", "{% for q in l recursive %}{% endfor %}")]),
    ("{% if t %}", [("bad-template", "{% if t %}")]),
    ("{{ t | }}", [("bad-template", "{{ t | }}")]),
    ("{{ q }} {{ p.z }}", [("unknown-variable", "q"), ("unknown-field", "z")]),
    ("{{ 1e999 }}", [("bad-template", "{{ 1e999 }}")]),
    ("{{ 9223372036854775809 }}", [("bad-template", "{{ 9223372036854775809 }}")]),
    (f"{{{{ {'9' * 4400} }}}}", [("bad-template", f"{{{{ {'9' * 4400} }}}}")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), BAD)
def test_what_a_template_may_not_say_is_reported_at_its_place(text: str, expected: list[tuple[str, str]]) -> None:
    assert reported(text) == expected


def test_a_report_in_a_long_template_is_at_its_line() -> None:
    spec = 'program say(t: string) -> string = template """\n  Dear {{ t }},\n  {% if t %}\n    yours {{ nam }}\n  {% endif %}\n"""\ncoglet Main { on start { log info say("x") } }\n'
    assert places(spec) == [("unknown-variable", "nam")]


@pytest.mark.parametrize("long", ["x", " ", "'", "-"])
def test_a_long_word_in_front_of_an_operator_is_looked_at_once(long: str) -> None:
    text = f'program f(a: string) -> string = template "{long * 100_000}{{{{ a - 1 }}}}"\n'
    before = time.process_time()
    found = check_text(text)[1]
    assert [(d.slug, d.span.text) for d in found] == [("bad-operands", "a - 1")]
    assert time.process_time() - before < 5


def test_a_report_of_an_operator_shows_what_stands_beside_it() -> None:
    text = 'program f(a: string, b: [int]) -> string = template """\n{{ a - 1 }} {{ \'x\'   *   b[0].c }}{{ a.b }}\n{{ b\n- a }} {{ (a) - 1 }} {{ 2 - a}}\nwell-known - no: {% if a - 3 %}x - y{% endif %}"""\n'
    found = [d.span.text for d in check_text(text)[1] if d.slug == "bad-operands"]
    assert found == ["a - 1", "b\n- a", ") - 1", "2 - a", "a - 3"]

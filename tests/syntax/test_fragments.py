"""The texts of a spec in YAML: read by themselves, they give the nodes that they give between the words of a file."""

from __future__ import annotations

from typing import Any

import pytest

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.language.record import Record
from cogc.syntax import lalr, tables
from cogc.syntax.build import BUILDERS
from cogc.syntax.fragments import KINDS, Fragments
from cogc.syntax.nodes import Name

TEXTS = [
    ("expression", "1"),
    ("expression", " a.b[0](x: 1, y)  "),
    ("expression", 'not x and f("a", [1, 2 if y else 3]) ?? { a: 1, "b c": -2, ...r }'),
    ("expression", "[x * 2 for [x, y] in rows if x > 1h30m]"),
    ("type", "int"),
    ("type", "std.Row?"),
    ("type", '{ a?: [int] | "left" = "left", b: map[string], ... }'),
    ("parameter", "int"),
    ("parameter", "{ n: int } private = { n: 1 }"),
    ("state", "int = 0"),
    ("state", "int = f(1) keep"),
    ("state", "[int] = [] persist from int as old = [old]"),
    ("create", "Worker"),
    ("create", "std.Worker(1, to: x) * 2..4 for name in names { map: broadcast }"),
    ("link", "self.a, b.c -> d.e { capacity: 2 }"),
    ("link", "pool[0].x -> self.y"),
    ("on", "x"),
    ("on", "all(worker.done) as [a, b], every 1s, after 2m"),
    ("every", "1s"),
    ("every", '24h at "08:00"'),
    ("every", "period ticks, x as y"),
    ("after", "(a + b)"),
    ("modifier", "throttle 2 per 1s"),
    ("modifier", "when x > 1 distinct y within 1m batch 3 within z"),
    ("statements", "n = n + 1"),
    (
        "statements",
        'if a is int { b <- await c.d when d timeout 1s } else if e { fail "x" } else { log info "{{ n }}" }',
    ),
    ("statements", "for [a, b] in c { guide d.e(1); stop f }"),
    ("statements", "let x = try f() else as e g(e.kind)"),
    ("pipeline", "double -> a.b(1) -> out"),
    ("mixin", "Heartbeat"),
    ("mixin", "Heartbeat(period: 5s), std.LogLet"),
    ("criterion", "on when x { retries: 2 }"),
    ("criterion", 'shell ["make", "test"] { timeout: 1m }'),
    ("criterion", 'python "checks:all"'),
    ("criterion", 'judge m "Is it good?" >= 0.8'),
    ("check", "send self.x <- 1 at 2s"),
    ("check", 'script m { reply "a", fail "b", hang, fault c }'),
    ("check", "expect eventually a.b == 1 within 5s"),
    ("scenario", "a.b when b.c > 1 then d.e within 1m"),
]


def spelt(found: Any) -> Any:
    """Return nodes with all of their fields, places included, as lists."""
    if isinstance(found, Name) and found.id in ("", "_", "shell", "python"):
        return "a word that begins in front of the text"
    if isinstance(found, Record):
        return [found.__class__.__name__, *(spelt(getattr(found, f)) for f in found.__class__._fields_)]
    return [spelt(f) for f in found] if isinstance(found, list | tuple) else found


@pytest.mark.parametrize(("kind", "text"), TEXTS)
def test_a_text_gives_the_same_nodes_by_itself_and_between_words(kind: str, text: str) -> None:
    source, problems = Source("a.yml", f"key: {text}\n"), Problems()
    fragments = Fragments(source)
    alone = fragments.read(kind, text, ((0, 5),), problems)
    at_once = fragments._by_itself(kind, text, ((0, 5),))
    wrapped = fragments.read(kind, text, ((0, 5), (1, 6)), problems)  # a text of two pieces is put between words
    assert not problems.found and alone is not None and wrapped is not None
    assert spelt(list(alone)) == spelt(list(wrapped))
    assert at_once is not None or ";" in text


def test_each_rule_gives_its_builder_the_children_that_it_keeps() -> None:
    rules = lalr.Rules(BUILDERS)
    for number, (_, length, name, kept, _mode) in enumerate(tables.RULES):
        cut, absent = rules.rule(number)[4:6]
        if cut is not None:
            values = ["below", "below", *range(length)]
            assert values[cut] + absent == [None if k < 0 else k for k in kept], (name, kept)


def test_every_kind_of_text_is_tried_and_every_rule_has_a_builder() -> None:
    assert {kind for kind, _ in TEXTS} == set(KINDS)
    assert not {name for _, _, name, _, mode in tables.RULES if mode == 0} - BUILDERS.keys()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["", ")", "x }", "1 +", "a b", '"', "x # y", "{", "in"])
def test_a_text_that_is_wrong_is_reported_inside_of_it(kind: str, text: str) -> None:
    source, problems = Source("a.yml", f"key: {text}\nnext: 1\n"), Problems()
    found = Fragments(source).read(kind, text, ((0, 5),), problems)
    assert (found is None) == bool(problems.found)
    assert all(5 <= d.span.start <= d.span.end <= 6 + len(text) for d in problems.found)


@pytest.mark.parametrize(
    ("kind", "text", "beside"),
    [
        ("expression", "1\nconst b = 2", "const b = 2"),
        ("type", "int\ntype B = int", "type B = int"),
        ("parameter", "int = 1, b: int", "b: int"),
        ("state", "int = 0; create b = C", "create b = C"),
        ("create", "C; link a -> b", "link a -> b"),
        ("link", "a -> b; state n: int = 1", "state n: int = 1"),
        ("on", "x as v when v > 1", "when v > 1"),
        ("on", "x { y <- 1 } else as e", "y <- 1"),
        ("on", "x -> f; on y", "-> f"),
        ("every", "1s throttle 2 per 1m", "throttle 2 per 1m"),
        ("after", "1s { } else as e", "else as e"),
        ("modifier", "throttle 2 per 1m { } else as e", "else as e"),
        ("statements", "x <- 1 } else as e { y <- 1", "else as e { y <- 1"),
        ("pipeline", "f -> g; state n: int = 0", "state n: int = 0"),
        ("mixin", "M { state n: int = 0 }\ncoglet B", "state n: int = 0"),
        ("criterion", 'shell ["x"]\nu: shell ["y"]', 'u: shell ["y"]'),
        ("check", 'advance 1s }\ntest "b" { advance 2s', 'test "b" { advance 2s'),
        ("scenario", 'a then b }\nscenario "b" { c', 'scenario "b" { c'),
    ],
)
def test_what_stands_beside_the_one_thing_of_a_text_is_reported(kind: str, text: str, beside: str) -> None:
    source, problems = Source("a.yml", f"key: {text}\n"), Problems()
    assert Fragments(source).read(kind, text, ((0, 5),), problems) is None
    (report,) = problems.found
    assert report.slug == "unexpected-token"
    assert source.text[report.span.start : report.span.end] == beside


def test_each_kind_of_text_is_tried_with_something_beside_it() -> None:
    marks = test_what_stands_beside_the_one_thing_of_a_text_is_reported.pytestmark
    assert {case[0] for case in marks[0].args[1]} == set(KINDS)

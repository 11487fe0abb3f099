"""Lints: what is right and has no use, is decided, stands twice, or has no effect. What is used is never reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogc.analysis.checked import Options
from cogc.compile import analyse
from cogc.diagnostics.problems import Problems
from cogc.disk.files import read
from tests.support.specs import SMELLS, check_text


def smells(text: str, **others: str) -> list[tuple[str, str]]:
    """Return the slug and the marked text of each report of a smell."""
    found = check_text(text, smells=True, **others)[1]
    return [(d.slug, d.span.source.text[d.span.start : d.span.end]) for d in found if d.slug in SMELLS]


MAIN = """coglet Main {
  listen x: int
  transmit y: int
  %s
}
"""

MEMBERS = [
    # names
    ("state n: int = 0\n on x as v { n = v\n y <- v }", [("unused-name", "n")]),
    ("state n: int = 0\n on x as v { n = n + v\n y <- v }", []),
    ("state n: int = 0\n on x as v { y <- v }", [("unused-name", "n")]),
    ("state _n: int = 0\n on x as v { y <- v }", []),
    ('state n: int = 0\n on x as v { n = v\n log info "{{ n }}"\n y <- v }', []),
    ("on x as v { let z = v * 2\n y <- v }", [("unused-name", "z")]),
    ("on x as v { let z = v * 2\n y <- z }", []),
    ("on x as v { let _ = v * 2\n y <- v }", []),
    # conditions
    ("on x as v when v > 5 and v < 3 { y <- v }", [("one-outcome", "v > 5 and v < 3")]),
    ("on x as v when v >= 5 and v < 5 { y <- v }", [("one-outcome", "v >= 5 and v < 5")]),
    ("on x as v when v >= 5 and v <= 5 { y <- v }", []),
    ("on x as v when v == 1 and v == 2 { y <- v }", []),  # an error of types, and one report
    ("on x as v when v >= 2 and v == 1 { y <- v }", [("one-outcome", "v >= 2 and v == 1")]),
    ("on x as v when 5 < v and 3 > v { y <- v }", [("one-outcome", "5 < v and 3 > v")]),
    ("on x as v when v > 5 or v < 3 { y <- v }", []),
    ("on x as v when v > 3 and v < 5 { y <- v }", []),
    ("on x as v { if false { y <- v } }", [("one-outcome", "false")]),
    ("on x as v { if not true { y <- v } }", [("one-outcome", "not true")]),
    ("on x as v { if v == v { y <- v } }", [("one-outcome", "v == v")]),
    ("on x as v { if random() == random() { y <- v } }", []),
    ("on x as v { if v is string { y <- 1 } else { y <- 2 } }", [("one-outcome", "v is string")]),
    # parts that stand twice, or do nothing
    ("on x as v { y <- v }\n on x as v { y <- v }", [("said-twice", "on x as v { y <- v }")]),
    ("on x as v { y <- v }\n on x as v { y <- v + 1 }", []),
    ("supervise one_for_all\n on x as v { y <- v }", [("no-effect", "supervise one_for_all")]),
    ("every 5 ticks { y <- 1 }\n on x as v { y <- v }", [("no-effect", "every 5 ticks")]),
    ("every 5 ticks { y <- 1 }\n on x as v { y <- v\n guide self.tick() }", []),
]


@pytest.mark.parametrize(("members", "expected"), MEMBERS)
def test_a_member_smells_only_if_it_has_no_use(members: str, expected: list[tuple[str, str]]) -> None:
    assert smells(MAIN % members) == expected


FILES = [
    ("const LIMIT = 3\n", [("unused-name", "LIMIT")]),
    ('model m = scripted "m.yml"\n', [("unused-name", "m")]),
    ("type P = { a: int }\n", [("unused-name", "P")]),
    ("coglet Other { listen z: int\n on z as v { log info v } }\n", [("unused-name", "Other")]),
    ("const DEBUG = false\ncoglet O { listen z: int\n on z as v when DEBUG and v > 1 { log info v } }\n",
     [("unused-name", "O"), ("one-outcome", "DEBUG and v > 1")]),
    ("dod D { tests: on\n max_loops: 3 }\n", [("no-effect", "max_loops")]),
    ('test "t" { use Main\n run 1s }\n', [("no-expectation", '"t"')]),
    ('test "t" { use Main\n run until len(y) == 1 within 5s }\n', []),
    ('test "t" { use Main\n run 1s\n expect len(y) == 0 }\n', []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FILES)
def test_a_declaration_smells_only_if_it_has_no_use(text: str, expected: list[tuple[str, str]]) -> None:
    assert smells(text + MAIN % "on x as v { y <- v }") == expected


def test_a_library_has_no_unused_declarations() -> None:
    assert smells("const LIMIT = 3\ntype P = { a: int }\n") == []


def test_an_import_is_used_by_any_of_its_names() -> None:
    body = MAIN % "on x as v { y <- v + LIMIT }"
    assert smells('import "b.cog"\n' + body, **{"b.cog": "const LIMIT = 1\n"}) == []
    other = MAIN % "on x as v { y <- v }"
    assert smells('import "b.cog"\n' + other, **{"b.cog": "const LIMIT = 1\n"}) == [("unused-name", '"b.cog"')]
    assert smells('import "b.cog" as b\n' + other, **{"b.cog": "const LIMIT = 1\n"}) == [
        ("unused-name", '"b.cog" as b')
    ]


def test_a_command_of_a_child_that_nobody_gives_smells() -> None:
    child = "coglet W { listen j: int\n on j as v { log info v }\n enact reset { log info 1 } }\n"
    body = "create w = W\n link self.x -> w.j\n on x as v { y <- v%s }"
    assert smells(child + MAIN % (body % "")) == [("unused-name", "reset")]
    assert smells(child + MAIN % (body % "\n guide w.reset()")) == []


def test_a_file_with_a_mistake_has_no_unused_names() -> None:
    assert smells("const LIMIT = 3\n" + MAIN % "on x as v { y <- vv }") == []


def test_a_coglet_whose_mixin_is_missing_has_one_report() -> None:
    found = check_text("coglet Main with Gone { listen x: int\n on x as v { out <- v + n } }\n")[1]
    assert [d.slug for d in found] == ["unknown-mixin"]


def test_a_failure_is_passed_on_where_there_is_one() -> None:
    assert [d.slug for d in check_text(MAIN % "on x as v { y <- v\n escalate }")[1]] == ["bad-modifier"]
    child = "coglet W { transmit o: int\n on start { o <- 1 } }\n"
    body = "create w = W\n on w.o as v { y <- v }\n on x as v { y <- v }\n on error(w) as e { if e.restarts > 1 { escalate } }"
    assert check_text(child + MAIN % body)[1] == []


def test_a_duration_fits_into_64_bits() -> None:
    assert [d.slug for d in check_text("coglet Main { transmit y: int\n every 99999999w { y <- 1 } }\n")[1]] == [
        "number-too-large"
    ]


def test_a_filter_of_several_things_takes_no_number() -> None:
    program = 'program f(a: %s) -> string = template "x {{ a | length }}"\n'
    assert [d.slug for d in check_text(program % "int")[1]] == ["bad-template"]
    assert check_text(program % "string")[1] == check_text(program % "[int]")[1] == []


def test_what_a_list_may_contain_is_of_its_type() -> None:
    body = "on x as v { let l = [v]\n if contains(l, %s) { y <- v } }"
    assert [d.slug for d in check_text(MAIN % (body % '"a"'))[1]] != []
    assert check_text(MAIN % (body % "2"))[1] == []


USED = [
    # words of strings, whatever stands before them
    'program f(n: int) -> string = template "Issue #{{ n }}"\n',
    'program f(path: string) -> string = template """# Review of {{ path }}"""\n',
    # states of mixins, and what stands in mixins, are there for coglets
    "mixin M { listen z: int\n state n: int = 0\n on z as v { n = v } }\n",
    "mixin Sup { supervise one_for_all }\n",
    # what others extend
    "dod Base { tests: on, max_loops: 5 }\ndod Full = Base { lint: on }\n",
    # a program of the name of a trigger
    "program all(a: int, b: int) -> int = expr a + b\nprogram g(a: int) -> int = expr all(a, a)\n",
    # a state that a test of the file looks at
    'coglet T { listen z: int\n state last: int = 0\n on z as v { last = v } }\ntest "t" { use T\n send self.z <- 1\n run 1s\n expect last == 1 }\n',
]  # fmt: skip


@pytest.mark.parametrize("text", USED)
def test_what_is_used_in_another_way_is_silent(text: str) -> None:
    assert [f for f in smells(text) if f[1] not in ("f", "g")] == []  # nobody calls these two programs


def test_tests_beside_a_spec_use_its_names(tmp_path: Path) -> None:
    spec = MAIN % "state last: int = 0\n enact reset() { last = 0 }\n on x as v { last = v\n y <- v }"
    (tmp_path / "a.cog").write_text(spec)
    problems = Problems()
    analyse([str(tmp_path / "a.cog")], read, problems, Options(smells=True))
    assert [d.slug for d in problems.found] == ["unused-name"]
    (tmp_path / "a_test.cog").write_text('import "a.cog"\ntest "t" { use Main\n run 1s\n expect last == 0 }\n')
    problems = Problems()
    analyse([str(tmp_path / "a.cog")], read, problems, Options(smells=True))
    assert problems.found == []


def test_a_word_of_a_file_that_reaches_this_one_is_a_use_and_of_no_other(tmp_path: Path) -> None:
    spec = MAIN % "state last: int = 0\n enact reset() { last = 0 }\n on x as v { last = v\n y <- v }"
    names = [str(tmp_path / name) for name in ("a.cog", "b.cog", "c.cog")]
    for name, imported in zip(names, ("", 'import "c.cog" as c\n', ""), strict=True):
        Path(name).write_text(imported + spec)
    problems = Problems()
    analyse(names, read, problems, Options(smells=True))
    places = [(d.slug, Path(d.span.source.path).name, d.span.text) for d in problems.sorted()]
    assert places == [("unused-name", "a.cog", "last"), ("unused-name", "b.cog", '"c.cog" as c')]


def test_two_links_that_are_one_are_one_report() -> None:
    child = "coglet W { listen j: int\n on j as v { log info v } }\n"
    found = check_text(
        child + MAIN % "create w = W\n link self.x -> w.j\n link self.x -> w.j\n on x as v { y <- v }", smells=True
    )
    assert [d.slug for d in found[1]] == ["duplicate-link"]


def test_what_could_not_be_read_makes_no_smell() -> None:
    assert smells(MAIN % "create w == W\n supervise one_for_all\n on x as v { y <- v }") == []
    assert smells(MAIN % "on x as v { y <- v }" + 'test "t" { use Main\n run 1s\n expect == 1 }\n') == []


CHILD = "coglet W { listen j: { a: int }\n on j as v { log info v.a } }\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (MAIN % "on x as v { if v is int { y <- v } }", [("one-outcome", "v is int")]),
        ("coglet Main { listen x: int | string\n on x as v { if v is int { log info v } else if v is string { log info v } } }", []),
        (MAIN % "on x as v { if v > 1 { y <- 1 } else if v > 1 { y <- 2 } }", [("said-twice", "v > 1")]),
        (MAIN % "on x as v { if v > 1 { y <- 1 } else { y <- 1 } }", [("no-effect", "v > 1")]),
        (MAIN % "on x as v { if v > random(3) { y <- 1 } else if v > random(3) { y <- 2 } }", []),
        (MAIN % "state n: int = 0\n on x as v { n = n\n y <- n }", [("no-effect", "n = n")]),
        ('type T = "a" | "b" | "a"\ncoglet Main { listen x: T\n on x as v { log info v } }', [("said-twice", '"a"')]),
        (f"{CHILD}coglet Main {{ listen x: {{ a: int }}\n create w = W {{ restart: never, max_restarts: 3 }}\n link x -> w.j }}", [("no-effect", "max_restarts")]),
        (f"{CHILD}coglet Main {{ listen x: {{ a: int }}\n create w = W * 3 {{ map: hash(message.a) }}\n link x -> w.j }}", []),
        (
            "coglet W with SuppressLet { listen j: int\n transmit o: int\n on j as v { o <- v } }\n"
            'coglet Main { listen x: int\n create w = W\n link x -> w.j\n on w.o as v { guide w.suppress(channels: ["o", "oo"], commands: ["none"]) } }',
            [("no-effect", '"oo"'), ("no-effect", '"none"')],
        ),
    ],
)  # fmt: skip
def test_what_repeats_another_part_or_says_nothing(text: str, found: list[tuple[str, str]]) -> None:
    assert smells(text) == found


def test_the_message_that_a_hash_sees_has_a_type() -> None:
    for place in (
        "create w = W * 3 { map: hash(message.b) }\n link x -> w.j",
        "create w = W * 3\n link x -> w.j { map: hash(message.b) }",
    ):
        text = f"{CHILD}coglet Main {{ listen x: {{ a: int }}\n {place} }}"
        assert [(d.slug, d.message) for d in check_text(text)[1]] == [
            ("unknown-field", "`{ a: int }` has no field `b`")
        ]

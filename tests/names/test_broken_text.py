"""Text that cannot be read, and imports that fail: one mistake makes one report, and hides nothing elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogc.compile import analyse
from cogc.diagnostics.problems import Diagnostic, Problems
from cogc.disk.files import read
from tests.support.specs import check_text


def places(found: list[Diagnostic]) -> list[tuple[str, int, int]]:
    return [(d.slug, *d.span.position()) for d in found]


def test_what_a_broken_member_declares_and_uses_is_known() -> None:
    text = """coglet Main { listen x int
  transmit y: int
  on x as v { y <- v }
  on x as v { y <- v + } }
"""
    assert places(check_text(text)[1]) == [("unexpected-token", 1, 24), ("unexpected-token", 4, 24)]


def test_a_broken_member_of_one_coglet_hides_nothing_in_another() -> None:
    text = """coglet A { listen x int
  on x as v { log info v } }
coglet Main { create a = A
  on start { a.x <- 1 }
  on x as v { log info v } }
"""
    assert places(check_text(text)[1]) == [("unexpected-token", 1, 21), ("unknown-port", 5, 6)]


@pytest.mark.parametrize(
    "declaration",
    [
        "type P = { a int }",
        "coglet P(n int) { listen j: int }",
        'model P : scripted "m.yml"',
        "program P(a: int) -> int = expr a *",
        "const P 3",
    ],
)
def test_a_broken_declaration_counts_as_declared(declaration: str) -> None:
    text = f"""{declaration}
coglet Main {{ listen x: P
  transmit y: int
  create w = P
  link self.x -> w.j
  on w.o as v {{ y <- P(v) + P }} }}
"""
    assert len(check_text(text)[1]) == 1


def test_names_of_an_import_that_failed_are_silent() -> None:
    text = """import "missing.cog"
import "gone.cog" as gone
coglet Main { listen x: Pt
  transmit y: int
  create w = gone.Worker(n: LIMIT)
  link self.x -> w.j
  on w.o as v { y <- v + LIMIT } }
"""
    assert places(check_text(text)[1]) == [("unreadable-file", 1, 8), ("unreadable-file", 2, 8)]


def test_a_misspelt_name_beside_an_import_that_failed_is_reported() -> None:
    text = """import "missing.cog"
coglet Main { listen question: int
  transmit y: int
  state count: int = 0
  on question as v { y <- v + cuont } }
"""
    assert ("unknown-name", 5, 31) in places(check_text(text)[1])


def test_what_an_imported_file_could_not_say_is_silent() -> None:
    text = """import "b.cog" as b
coglet Main { listen x: b.P
  on x as v { log info v.name } }
"""
    found = check_text(text, **{"b.cog": "type P = { name string }\n"})[1]
    assert [d.slug for d in found] == ["unexpected-token"]


def test_an_unclosed_string_ends_before_the_brackets_of_its_line() -> None:
    text = """coglet A {
  transmit y: string
  on start { y <- "unclosed }
}
coglet Main {
  transmit y: int
  on start { y <- vv }
}
"""
    assert places(check_text(text)[1]) == [("unclosed-string", 3, 19), ("unknown-name", 7, 19)]


def test_a_missing_brace_is_one_report() -> None:
    text = """coglet A {
  listen x: int
  transmit y: int
  on x as v { y <- v
}
coglet Main {
  listen x: int
  transmit y: int
  create a = A
  link self.x -> a.x
  link a.y -> self.z
}
"""
    assert places(check_text(text)[1]) == [("unclosed-bracket", 1, 10), ("unknown-port", 11, 20)]


def test_a_phrase_that_ends_with_its_line_is_reported_there() -> None:
    text = """program f(a: int) -> int = expr a *
coglet Main { listen x: int
  transmit y: int
  on x as v { y <- f(v) + f(3) } }
"""
    found = check_text(text)[1]
    assert places(found) == [("unexpected-token", 1, 36)]
    assert "end of line" in found[0].message


def test_an_attribute_that_could_not_be_read_is_not_missing() -> None:
    text = """model m = scripted "m.yml"
program f(a: string) -> string = llm { model: m prompt: "{{ a }}" }
coglet Main { listen x: string
  transmit y: string
  on x as v { y <- f(v) } }
"""
    assert [d.slug for d in check_text(text)[1]] == ["unexpected-token"]


def test_a_number_that_is_none_is_one_report() -> None:
    assert [d.slug for d in check_text("coglet Main { transmit y: int\n  every 10sec { y <- 1 } }\n")[1]] == [
        "bad-number"
    ]


def test_a_broken_step_of_a_test_hides_nothing_in_a_coglet() -> None:
    text = """coglet Main { transmit y: int
  on start { y <- foo } }
test "t" { use Main
  expect foo len(y) }
"""
    assert [(slug, line) for slug, line, _ in places(check_text(text)[1])] == [
        ("unknown-name", 2),
        ("unexpected-token", 4),
    ]


def test_recovery_in_one_file_takes_back_no_reports_of_another() -> None:
    main = 'import "b.cog" as b\n' + "# pad\n" * 30 + "coglet A { listen x int }\ncoglet C { listen y int }\n"
    other = 'coglet B { listen x: int\n  on x as v { log info "a"b" } }\n'
    found = check_text(main, b_cog=other)[1]
    assert places(found) == [("unclosed-string", 2, 24), ("unexpected-token", 32, 21), ("unexpected-token", 33, 21)]
    early = "coglet A { listen x: int }\n on x as v { log info v } }\n"
    found = check_text('import "b.cog" as b\n' + early, b_cog=early)[1]
    assert [(d.slug, d.span.source.path, *d.span.position()[:2]) for d in found] == [
        ("unexpected-token", "b.cog", 1, 26),
        ("unexpected-token", "spec.cog", 2, 26),
    ]


def test_a_broken_scenario_is_about_its_coglet() -> None:
    text = """import "m.cog"
scenario "it" {
  x when message == nowhere or "abc
}
"""
    found = check_text(text, m_cog="coglet Main { listen x: int\n on x as v { log info v } }\n")[1]
    assert [d.slug for d in found] == ["unknown-name", "unclosed-string"]


def test_a_broken_member_hides_nothing_in_a_coglet_of_its_name_in_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    broken, wrong = "coglet A { listen x int }\n", "coglet A { listen y: int\n on y as v { log info v } }\n"
    user = "coglet Main { create a = A\n on start { a.x <- 1 } }\n"
    Path("broken.cog").write_text(broken)
    Path("near.cog").write_text('import "lib.cog"\n' + user)
    Path("lib.cog").write_text('import "broken.cog" as b\n' + wrong)
    Path("far.cog").write_text(wrong + user)
    problems = Problems()
    analyse(["broken.cog", "near.cog", "far.cog"], read, problems)
    assert [(d.slug, d.span.source.path) for d in problems.sorted()] == [
        ("unexpected-token", "broken.cog"), ("unknown-port", "far.cog"),
    ]  # fmt: skip

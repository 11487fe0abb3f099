"""The checker: independent mistakes give as many reports, one cause gives one, and narrowing is understood."""

from __future__ import annotations

import pytest

from cogc.compile import analyse
from cogc.diagnostics import render
from cogc.diagnostics.problems import Problems
from cogc.disk.files import read
from support.paths import ROOT
from support.specs import check_text, codes

SEEDED = (ROOT / "tests" / "golden" / "check" / "seeded.cog").read_text()


def test_seeded_mistakes_are_all_found_and_said_as_before(golden: object) -> None:
    golden("check/seeded.txt", render.text(check_text(SEEDED, "seeded.cog")[1]))  # type: ignore[operator]


def test_a_mistyped_link_is_one_report() -> None:
    text = """
    coglet A { listen count: int
      on count as v { log info v } }
    coglet B { transmit n: int
      every 1s { n <- 1 } }
    coglet Main { create a = A
      create b = B
      link b.n -> a.cuont }
    """
    assert codes(text) == ["unknown-port"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("if m != null { y <- m }", []),
        ("y <- m", ["nullable"]),
        ("if m == null { fail 1 }\n y <- m", []),
        ("y <- m ?? 0", []),
        ("y <- m if m != null else 0", []),
        ("if not (m == null) and m > 1 { y <- m }", []),
        ("if m is int { y <- m }", []),
        ("for x in [m] { y <- x }", ["nullable"]),
    ],
)
def test_narrowing(body: str, expected: list[str]) -> None:
    text = f"coglet Main {{ listen x: int?\n transmit y: int\n on x as m {{ {body} }} }}"
    assert codes(text) == expected


def test_states_are_narrowed_only_up_to_the_next_call() -> None:
    text = """
    program f() -> int = shell ["true"]
    coglet Main { listen x: int
      transmit y: int
      state s: int? = null
      on x as v { if s != null { y <- s
          let r = f()
          y <- s + r } }
      enact set(to: int) { s = to } }
    """
    assert codes(text) == ["nullable"]


def test_the_standard_library_is_clean() -> None:
    problems = Problems()
    analyse(["std/mixins.cog"], read, problems)
    assert problems.found == []

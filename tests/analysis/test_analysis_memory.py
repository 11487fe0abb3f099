"""The memory of an analysis: an edit analyses again what it could concern, and nothing else."""

from __future__ import annotations

import pytest

from cogc.analysis import check
from cogc.analysis.checked import Options
from cogc.analysis.memory import Memory
from cogc.compile import analyse
from cogc.diagnostics.problems import Problems
from cogc.disk.files import read
from cogc.syntax.again import Trees

TEXT = """const limit = 3
coglet A { listen i: int; transmit o: int; on i as x { o <- x + limit } }
coglet B { transmit p: int; create a = A; every 1s { a.i <- 1 }; on a.o as y { p <- y } }
coglet C { transmit q: int; every 1s { let z = 1; q <- z } }
"""


@pytest.fixture
def analysed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the coglets whose members are analysed."""
    names: list[str] = []
    plain = check._shape

    def noted(checked: object, shape: object) -> None:
        if not shape.unit.is_std:  # type: ignore[attr-defined]
            names.append(shape.name)  # type: ignore[attr-defined]
        plain(checked, shape)  # type: ignore[arg-type]

    monkeypatch.setattr(check, "_shape", noted)
    return names


@pytest.mark.parametrize(
    ("old", "new", "again"),
    [
        ("let z = 1", "let zz = 1; let z = zz", "C"),
        ("o <- x + limit", "o <- x - limit", "AB"),  # B names A
        ("const limit = 3", "const limit = 13", "AB"),  # and with it what A names
        ("const limit = 3\n", "const limit = 3\nconst z = 4\n", "ABC"),  # a local of C would hide it; as a whole the text is read anew
        ("every 1s { a.i <- 1 }", "every 2s { a.i <- 1 }", "B"),
        ("transmit q: int;", "transmit q: int; ", "C"),
    ],
)  # fmt: skip
def test_an_edit_analyses_what_it_could_concern(analysed: list[str], old: str, new: str, again: str) -> None:
    memory = Memory(Trees())
    found = []
    for text in (TEXT, TEXT.replace(old, new)):
        analysed.clear()
        problems = Problems()
        analyse(
            ["a.cog"],
            lambda name, t=text: t.encode() if name == "a.cog" else read(name),
            problems,
            Options(smells=True),
            memory,
        )  # type: ignore[misc]
        found.append("".join(sorted(analysed)))
    assert found == ["ABC", again]


def test_a_coglet_with_a_report_is_analysed_each_time(analysed: list[str]) -> None:
    memory = Memory(Trees())
    text = TEXT.replace("q <- z", "q <- zz")
    for _ in range(2):
        analysed.clear()
        problems = Problems()
        analyse(["a.cog"], lambda name: text.encode() if name == "a.cog" else read(name), problems, None, memory)
        assert "COG302" in [d.code for d in problems.found]
    assert analysed == ["C"]

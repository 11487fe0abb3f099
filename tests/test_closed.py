"""The end of a closed `match`: mypy proves it, and at run time it names the value."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import pytest

from cogc import ir
from cogc.analysis import infer
from cogc.language.attributes import ATTRIBUTES, EXECUTORS, INWARD, LEVELS, SHARING, STRATEGIES
from cogc.language.closed import assert_never
from cogc.syntax import expressions, nodes


def test_a_value_without_a_case_is_named() -> None:
    with pytest.raises(AssertionError, match=r"no case for Name\(id='x'\)"):
        assert_never(nodes.Name(0, 1, "x"))  # type: ignore[arg-type]


OPEN = """
from cogc.language.closed import assert_never
from cogc.syntax import nodes

def word(trigger: nodes.Trigger) -> str:
    match trigger:
        case nodes.On():
            return "on"
        case nodes.Every():
            return "every"
    assert_never(trigger)
"""


def test_mypy_finds_a_missing_case(tmp_path: Path) -> None:
    """The unions of the records are closed for mypy too, though their aliases stand under TYPE_CHECKING."""
    file = tmp_path / "word.py"
    file.write_text(OPEN)
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", str(file)], capture_output=True, text=True)
    assert 'has incompatible type "After"' in done.stdout, done.stdout + done.stderr


def classes(alias: str) -> set[type]:
    """The classes of a union of `nodes.py` or `expressions.py`, whose aliases mypy alone evaluates."""
    trees = [ast.parse(Path(str(m.__file__)).read_text(encoding="utf-8")) for m in (nodes, expressions)]
    found = [n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.AnnAssign)]
    (value,) = (n.value for n in found if ast.unparse(n.target) == alias)
    assert value is not None
    return {getattr(nodes, n.id) for n in ast.walk(value) if isinstance(n, ast.Name)}


def test_the_inference_handles_every_expression() -> None:
    """`await` and `create` stand for values of statements alone, which bodies check; a mistake of syntax is any."""
    assert set(infer._HANDLERS) == classes("Expr") - {nodes.Await, nodes.Grow, nodes.Error}


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (ir.Overflow, ATTRIBUTES["listen"]["overflow"].split()[1:]),
        (ir.Restart, ATTRIBUTES["create"]["restart"].split()[1:]),
        (ir.Strategy, STRATEGIES),
        (ir.Sharing, SHARING),
        (ir.Level, LEVELS),
        (
            ir.ProgramKind,
            {*EXECUTORS, *INWARD.values(), "queue", "coglet", "file"} - {"agent"},
        ),  # an agent becomes an llm
    ],
)
def test_the_words_of_the_ir_are_those_of_the_language(kinds: object, words: Iterable[str]) -> None:
    assert set(get_args(kinds)) == set(words)

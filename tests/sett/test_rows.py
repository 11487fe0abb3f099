"""The table of `rows.py`: each row names tests that there are, and each suite of cases of another system is as large as it was."""

from __future__ import annotations

import ast
from functools import lru_cache

import pytest

from sett.rows import COGITO, COGNITIA, FILES, HOLT, ROWS, WORK
from support.paths import ROOT

TESTS = ROOT / "tests"


@lru_cache(maxsize=64)
def functions(file: str) -> dict[str, int]:
    """Return the tests of a file, each with how many cases its lists of parameters make, as far as they stand there."""
    found = {}
    tree = ast.parse((TESTS / file).read_text())
    lists = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            found[node.name] = 1
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.parametrize":
                    given = mark.args[1]
                    given = lists.get(given.id, given) if isinstance(given, ast.Name) else given  # type: ignore[assignment]
                    size = (
                        len(given.elts)
                        if isinstance(given, ast.List | ast.Tuple)
                        else len(given.keys)
                        if isinstance(given, ast.Dict)
                        else 1
                    )
                    found[node.name] *= size
    return found


@pytest.mark.parametrize("row", ROWS)
def test_each_row_is_verified_by_tests_that_there_are(row: str) -> None:
    assert ROWS[row], "a row names its tests"
    for test in ROWS[row]:
        file, _, name = test.partition("::")
        assert (TESTS / file).is_file() and name in functions(file), test


def test_no_row_stands_twice_and_none_is_lost() -> None:
    assert len(ROWS) >= 110 and all(row == row.strip() and row for row in ROWS)


@pytest.mark.parametrize(
    ("files", "least"),
    [((HOLT, FILES), 40), ((COGNITIA, WORK), 30), ((COGITO,), 20)],
    ids=["holt", "cognitia", "cogito"],
)
def test_the_cases_of_each_system_are_retold(files: tuple[str, ...], least: int) -> None:
    assert sum(sum(functions(file).values()) for file in files) >= least

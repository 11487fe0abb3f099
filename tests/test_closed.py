"""The end of a closed `match`: mypy proves it, and at run time it names the value."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cogc.language.closed import assert_never
from cogc.syntax import nodes


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

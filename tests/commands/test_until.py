"""`--until` conditions that cannot be evaluated: the run ends in good order, and says which condition and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.cli import cogc

SPEC = """coglet Main { transmit count: int
  state i: int = 0
  every 10ms { i = i + 1
    count <- i }
  on stop { log info "bye" } }
"""


@pytest.mark.parametrize(
    ("condition", "why", "said"),
    [
        ("count[5] == 3", "index 5 is out of range: there are 0", 0),
        ("10 // (len(count) - 3) == 5", "a division by zero", 3),
        (
            "len([a for a in range(100000) if len(range(200)) == a]) == len(count)",
            "the reaction does too much in one step",
            0,
        ),
    ],
)
def test_a_condition_that_fails_ends_the_run_in_good_order(condition: str, why: str, said: int, tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(SPEC)
    done = cogc("run", "a.cog", "--sim", "--for", "100ms", "--until", condition, cwd=tmp_path)
    assert done.returncode == 2 and "bye" in done.stderr and done.stdout.count("count") == said
    assert f"cogc: --until `{condition}`: {why}" in done.stderr

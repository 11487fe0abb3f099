"""The folder of what outlives a run is not part of the user's repository, whichever command made it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cogc.disk.state_folder import make_folder
from support.cli import cogc

COGLET = """
coglet Main { listen x: int
  state n: int = 0 persist
  on x as v { n = v } }
"""
PLAN = 'program ship() -> string = expr "ok"\nplan Main { goal: "ship"\n  step one: ship() }'
SETT = 'sett Main { agent A { bidding_strategy: ignore\n command: ["true"] } }'


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (COGLET, ["run", "a.cog", "--instance", "i", "--input", "x=1"]),
        (COGLET, ["run", "a.cog", "--trace", "--input", "x=1"]),
        (COGLET, ["queue", "put", "write"]),
        (PLAN, ["run", "a.cog"]),
        (SETT, ["run", "a.cog", "--goal", "go", "--sandbox", "none"]),
    ],
    ids=["states", "trace", "queue", "plans", "board"],
)
def test_git_does_not_see_what_a_command_keeps(tmp_path: Path, spec: str, words: list[str]) -> None:
    (tmp_path / "a.cog").write_text(spec)
    for command in (["init", "-q"], ["add", "a.cog"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    cogc(*words, cwd=tmp_path)
    assert (tmp_path / ".cogc").is_dir()
    seen = subprocess.run(["git", "status", "--porcelain"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert seen.stdout == "A  a.cog\n"


def test_an_ignore_file_of_the_user_stays(tmp_path: Path) -> None:
    (tmp_path / ".cogc").mkdir()
    (tmp_path / ".cogc" / ".gitignore").write_text("runs/\n")
    make_folder(tmp_path / ".cogc" / "setts" / "i")
    assert (tmp_path / ".cogc" / ".gitignore").read_text() == "runs/\n"


def test_a_folder_outside_of_the_state_folder_gets_nothing_of_ours(tmp_path: Path) -> None:
    made = make_folder(tmp_path / "boards")
    assert list(made.iterdir()) == [] and not (tmp_path / ".gitignore").exists()

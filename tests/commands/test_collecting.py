"""Garbage in circles is collected in every command that goes on for long: an exploration, a sett, a viewer."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from cogc.cli import COMMANDS
from cogc.commands import collecting
from support.cli import cogc_here

SPEC = "coglet Main { listen go: int\n  transmit out: int\n  on go as n { out <- n } }\n"
SETT = "version: '1.0'\nagents:\n  Coder:\n    command: ['true']\n    bidding_strategy: ignore\n"


@pytest.mark.parametrize(
    "words",
    [
        ["run", "a.cog", "--input", "go=1"],
        ["explore", "a.cog", "--input", "go=1"],
        ["run", "sett.yml", "--goal", "x", "--for", "1s", "--sim"],
        ["where"],
        ["runs"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_the_collector_is_on_where_a_command_goes_on(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.cog").write_text(SPEC)
    (tmp_path / "sett.yml").write_text(SETT)
    turned: list[bool] = []
    on = collecting.on

    def noted() -> None:
        on()
        turned.append(gc.isenabled())

    monkeypatch.setattr(collecting, "on", noted)
    done = cogc_here(*words, cwd=tmp_path)
    assert turned and all(turned), done.stderr


def test_commands_that_read_specs_first_are_commands() -> None:
    assert set(COMMANDS) >= collecting.MAKE_TREES

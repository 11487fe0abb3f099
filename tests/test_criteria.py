"""Criteria run in a sandbox if an agent of the program writes the workspace from one, and as the user if none does."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogc.run.settings import Settings
from support.processes import bubblewrap_works
from support.sessions import session
from support.specs import build

SPEC = """
model m = scripted "m.yml"
agent Dev {{ model: m, sandbox: {mode} }}
program helper() -> bool = shell ["sh", "-c", "touch {outside}/by-helper; echo true"]
dod Ready {{
  mine: shell ["sh", "-c", "touch {outside}/by-criterion; touch inside; pytest --version"]
  called: helper()
  fix: Dev
}}
"""
needs_bwrap = pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap is not installed, or not allowed")


@needs_bwrap
@pytest.mark.parametrize(("mode", "held"), [("rw", True), ("ro", False), ("none", False)])
def test_criteria_are_held_if_an_agent_may_write_from_a_cage(tmp_path: Path, mode: str, held: bool) -> None:
    place = tmp_path / "ws"
    place.mkdir()
    bundle = build(SPEC.format(mode=mode, outside=tmp_path), "Ready")
    given = {"id": "", "task": "", "work": None, "fix": False}
    found = session(bundle, Settings(str(place)), inputs=[("verify", given)])
    verdict = found.outputs["passed"][0]
    assert [f["status"] for f in verdict["findings"]] == ["PASS", "PASS"], verdict
    assert (place / "inside").exists()
    assert [(tmp_path / name).exists() for name in ("by-criterion", "by-helper")] == [not held, not held]

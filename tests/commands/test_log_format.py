"""Logs of coglets as lines of JSON."""

from __future__ import annotations

import json
from pathlib import Path

from support.cli import cogc_here

SPEC = """
coglet Main {
  on start {
    log info { n: 1, of: "tides\\u001b[2J" }
    log debug "quiet"
    log warn "loud"
  }
}
"""


def test_each_line_is_an_object_with_time_place_and_level(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(SPEC)
    done = cogc_here("run", "a.cog", "--sim", "--seed", "1", "--log-format", "json", cwd=tmp_path)
    assert done.returncode == 0 and "\x1b" not in done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    run = lines[0]["run"]
    assert run.startswith("sim-")
    assert lines == [
        {"t": 0.0, "run": run, "level": "info", "path": "Main", "data": {"n": 1, "of": "tides\x1b[2J"}},
        {"t": 0.0, "run": run, "level": "warn", "path": "Main", "data": "loud"},
    ]

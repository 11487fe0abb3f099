"""Effects that a run makes once, with real processes, Python functions, MCP servers and models."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from support.cli import cogc_here
from support.scripts import tool
from support.specs import codes

RAW = str(Path(__file__).parent / "support" / "raw_mcp.py")


def run(folder: Path, spec: str, *words: str) -> list[Any]:
    (folder / "a.cog").write_text(spec)
    done = cogc_here("run", "a.cog", "--output", "json", "--sim", *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["data"] for line in done.stdout.splitlines()]


SHELL = """
program charge(order: string) -> string = shell ["sh", "-c", "echo $COGC_CALL_ID >> ledger; echo paid"] { once: order, timeout: 9s }
"""


def test_a_process_runs_once_and_knows_its_id(tmp_path: Path) -> None:
    main = 'coglet Main { transmit out: string\n on start { out <- charge("o-1")\n out <- charge("o-1")\n out <- charge("o-2") } }'
    assert [o.strip() for o in run(tmp_path, SHELL + main)] == ["paid"] * 3
    assert (tmp_path / "ledger").read_text().split() == ["charge:o-1", "charge:o-2"]


def test_a_process_without_once_has_the_id_of_its_call(tmp_path: Path) -> None:
    main = 'coglet Main { transmit out: string\n on start { out <- charge("o-1")\n out <- charge("o-1") } }'
    run(tmp_path, SHELL.replace("once: order, ", "") + main)
    first, second = (tmp_path / "ledger").read_text().split()
    assert first.endswith("-1") and second.endswith("-2") and first[:-2] == second[:-2]


def test_a_python_function_takes_its_id_if_it_wants_it(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "def charge(order, call_id):\n    return call_id\nasync def plain(order):\n    return order\n"
    )
    spec = """
    program charge(order: string) -> string = python "shop:charge" { once: order }
    program plain(order: string) -> string = python "shop:plain" { once: order }
    coglet Main { transmit out: string
      on start { out <- charge("o-1")
        out <- plain("o-1") } }
    """
    assert run(tmp_path, spec) == ["charge:o-1", "o-1"]


def test_an_mcp_server_gets_its_id(tmp_path: Path) -> None:
    pytest.importorskip("mcp")
    find = {"name": "find", "inputSchema": {"type": "object"}}
    behaviour = {
        "tools": [find],
        "result": {"content": [{"type": "text", "text": "hit"}]},
        "log": str(tmp_path / "log"),
    }
    spec = f"mcp s = stdio {json.dumps([sys.executable, RAW, json.dumps(behaviour)])}\n"
    spec += "program find(q: string) -> string = mcp s.find { once: q }\n"
    main = 'coglet Main { transmit out: string\n on start { out <- find("x")\n out <- find("x") } }'
    assert run(tmp_path, spec + main) == ["hit", "hit"]
    (call,) = [m for m in map(json.loads, (tmp_path / "log").read_text().splitlines()) if m["method"] == "tools/call"]
    assert call["params"]["_meta"]["cogc/call_id"] == "find:x"


AGENT = """
model m = scripted "s.yml"
agent Clerk { model: m, system: "s", tools: [charge] }
"""


def test_a_step_that_is_tried_again_charges_once(tmp_path: Path) -> None:
    script = [
        {"tools": [tool("charge", order="o-1")]}, {"error": "down"},
        {"tools": [tool("charge", order="o-1")]}, {"reply": "charged"},
    ]  # fmt: skip
    (tmp_path / "s.yml").write_text(json.dumps(script))
    plan = 'plan P { goal: "g"\n approve: system\n step pay by Clerk { retry: 1 }: "charge o-1"\n}\n'
    (tmp_path / "a.cog").write_text(SHELL + AGENT + plan)
    done = cogc_here("run", "a.cog", "--sim", "--root", "P", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "ledger").read_text().split() == ["charge:o-1"]


def test_a_replay_makes_no_effect(tmp_path: Path) -> None:
    main = 'coglet Main { transmit out: string\n on start { out <- charge("o-1")\n out <- charge("o-1") } }'
    first = run(tmp_path, SHELL + main, "--record", "j")
    (tmp_path / "ledger").unlink()
    assert run(tmp_path, SHELL + main, "--replay", "j") == first and not (tmp_path / "ledger").exists()


def test_it_is_an_attribute_of_what_has_effects() -> None:
    assert codes('program p(x: int) -> int = shell ["x"] { once: y }') == ["unknown-name"]
    assert codes("program p() -> bool = human { once: 1 }") == ["unknown-attribute"]

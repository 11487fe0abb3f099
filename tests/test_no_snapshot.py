"""What keeps snapshots of a durable run from being written, as `cogc check --durable` names it (COG616)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.cli import cogc_here

HEAD = """program ask() -> string = human
program pure(s: string) -> string = template "{{ s }}"
"""
PYTHON = """from cogc.sdk import CogBase, Coglet, listen


class Made(Coglet):
    pass


class Maker(Coglet):
    def save(self):
        return None

    def load(self, state):
        pass

    @listen("x")
    async def x(self, value):
        await self.%s(CogBase(Made))
"""


def found(folder: Path, text: str, *words: str) -> list[str]:
    (folder / "a.cog").write_text(text)
    done = cogc_here("check", *words, "--format", "json", "a.cog", cwd=folder)
    assert done.returncode == 0, done.stdout
    return [d["message"] for d in json.loads(done.stdout) if d["code"] == "COG616"]


@pytest.mark.parametrize(
    ("reaction", "hook"),
    [
        ("on start { s = ask() }", "on start"),
        ("on stop { s = ask() }", "on stop"),
        ("on error(c) as e { s = try ask() else e.message }", "on error"),
        ('on start { let m = await x timeout 1s\n s = m ?? "" }', "on start"),
        ('on start { s = pure("a") }', ""),
        ("on x as v { s = ask() }", ""),
    ],
)
def test_a_hook_that_waits_is_named(reaction: str, hook: str, tmp_path: Path) -> None:
    text = (
        HEAD
        + 'coglet C { listen x: string }\ncoglet Main { listen x: string\n state s: string = ""\n create c = C\n link x -> c.x\n %s\n}\n'
    )
    said = [
        f"no snapshot of a durable run is written while `{hook}` of `Main` waits: a resume replays what happens meanwhile"
    ]
    assert found(tmp_path, text % reaction, "--durable") == (said if hook else [])
    assert found(tmp_path, text % reaction) == []


@pytest.mark.parametrize(("call", "is_named"), [("create", True), ("create_mul", True), ("transmit", False)])
def test_code_in_python_that_makes_coglets_is_named(call: str, is_named: bool, tmp_path: Path) -> None:
    (tmp_path / "maker.py").write_text(PYTHON % call)
    text = 'coglet Maker = python "maker:Maker" { listen x: string }\n'
    said = "no snapshot of a durable run is written once `Maker` has made coglets: a resume replays all that follows"
    assert found(tmp_path, text, "--durable") == ([said] if is_named else [])

"""What changes on the disk beside the open texts: files, folders and settings. The editor tells of each, and the diagnostics are those of `cogc check`."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cogc.commands.checking import Check, Plain
from cogc.commands.lsp import project
from cogc.compile import analyse
from cogc.diagnostics.problems import Problems
from cogc.disk.files import read
from cogc.lsp import answers
from lsp.test_random_edits import EDITS, LIB, SEED
from support.editor import Editor

OUTER = """import "sub/lib.cog"
model s = scripted "sub/m.yml"
program code(x: int) -> int = python "sub.code:double"
program tool() -> string = shell ["no_such_command_here"] { cwd: "sub/work" }
coglet Main { listen job: Job
  create w = Worker(start: limit)
  link self.job -> w.job
}
"""
FILES = {
    "sub/lib.cog": [LIB, 'import "../main.cog"\n', "type Job = int\n", "coglet {\n"],
    "sub/m.yml": ["- reply: hello\n", "a: b\n", ""],
    "sub/code.py": ["def double(x: int) -> int:\n    return x\n", "def other():\n    pass\n", "def (\n"],
    "cogc.toml": ['select = ["default", "missing-command"]\n', 'ignore = ["missing-path"]\n', ""],
    "sub/work/x": ["\n"],
    "main.cog": [OUTER, "const a = 1\n"],
}


class Desk:
    """A folder with a server: what is done to its files is told to the server, as an editor does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.editor = Editor(folder)
        self.editor.server._project = project
        self.opened: dict[str, str] = {}

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        if path.parent.is_dir():
            path.write_text(text)
            self.tell(name, 2)

    def remove(self, name: str) -> None:
        path = self.folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        self.tell(name, 3)

    def tell(self, name: str, kind: int) -> None:
        self.editor.tell(
            "workspace/didChangeWatchedFiles", changes=[{"uri": (self.folder / name).as_uri(), "type": kind}]
        )

    def open(self, name: str, text: str) -> None:
        self.opened[name] = text
        uri = (self.folder / name).as_uri()
        self.editor.tell("textDocument/didOpen", textDocument={"uri": uri, "version": 1, "text": text})

    def close(self, name: str) -> None:
        if self.opened.pop(name, None) is not None:
            self.editor.tell("textDocument/didClose", textDocument={"uri": (self.folder / name).as_uri()})

    def shown(self, name: str) -> list[dict[str, Any]]:
        """Return the last diagnostics that were sent for a file."""
        while self.editor.server.stale:
            self.editor.server.analyse_one()
        uri = (self.folder / name).as_uri()
        sent = [m["params"] for m in self.editor.channel.sent if m["method"] == "textDocument/publishDiagnostics"]
        found: list[dict[str, Any]] = [p["diagnostics"] for p in sent if p["uri"] == uri][-1]
        return found

    def codes(self, name: str) -> set[str]:
        return {d["code"] for d in self.shown(name)}

    def cold(self, name: str) -> list[dict[str, Any]]:
        """Return what `cogc check` finds in a file, with the open texts."""
        texts = {os.path.join(self.folder, n): text for n, text in self.opened.items()}
        path = os.path.join(self.folder, name)
        check, problems = Check(Plain([path])), Problems()
        analyse([path], lambda p: texts[p].encode() if p in texts else read(p), problems, check.settings())
        return [answers.shown(d) for d in check.reported(problems) if d.span.source.path == path]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    (tmp_path / ".git").mkdir()
    (tmp_path / "sub" / "work").mkdir(parents=True)
    made = Desk(tmp_path)
    for name, texts in FILES.items():
        if name != "cogc.toml":
            made.write(name, texts[0])
    made.open("main.cog", OUTER)
    assert made.shown("main.cog") == made.cold("main.cog") and "COG001" not in made.codes("main.cog")
    return made


def test_a_folder_that_goes_takes_its_files_with_it(desk: Desk) -> None:
    os.rename(desk.folder / "sub", desk.folder / "away")
    desk.tell("sub", 3)
    assert {"COG001", "COG602"} <= desk.codes("main.cog")
    os.rename(desk.folder / "away", desk.folder / "sub")
    desk.tell("sub", 1)
    assert not {"COG001", "COG602"} & desk.codes("main.cog")


def test_a_folder_that_is_missed_is_seen_when_it_is_made(desk: Desk) -> None:
    desk.remove("sub/work")
    assert "work" in str(desk.shown("main.cog"))
    (desk.folder / "sub" / "work").mkdir()
    desk.tell("sub/work", 1)
    assert "work" not in str(desk.shown("main.cog"))


def test_rules_that_are_off_are_reported_where_the_settings_ask_for_them(desk: Desk) -> None:
    desk.write("cogc.toml", 'select = ["default", "missing-command"]\n')
    assert "no_such_command_here" in str(desk.shown("main.cog"))
    desk.remove("cogc.toml")
    assert "no_such_command_here" not in str(desk.shown("main.cog"))


def test_settings_that_come_with_their_folder_count(desk: Desk) -> None:
    desk.open("sub/lib.cog", "coglet C {\n  state n: int = 0\n}\n")
    assert desk.shown("sub/lib.cog") != []
    shutil.copytree(desk.folder / "sub", desk.folder / "other")
    (desk.folder / "other" / "cogc.toml").write_text('select = ["error"]\n')
    shutil.rmtree(desk.folder / "sub")
    os.rename(desk.folder / "other", desk.folder / "sub")
    desk.tell("sub", 1)
    assert desk.shown("sub/lib.cog") == []


@pytest.mark.parametrize("can", [True, False])
def test_an_editor_that_can_is_asked_to_tell_of_files(tmp_path: Path, can: bool) -> None:
    capabilities = {"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": can}}}
    editor = Editor(tmp_path, {"capabilities": capabilities})
    editor.tell("initialized")
    assert [m["method"] for m in editor.channel.sent] == ["client/registerCapability"] * can
    editor.server.handle({"id": "watch", "result": None})
    assert len(editor.channel.sent) == can


def test_what_happens_on_the_disk_leaves_what_a_cold_check_finds(desk: Desk) -> None:
    chance = random.Random(SEED)

    def renamed(name: str) -> None:
        path, other = desk.folder / name, desk.folder / f"{name}.away"
        if path.exists() or other.exists():
            first, second = (path, other) if path.exists() else (other, path)
            os.rename(first, second)
            desk.tell(first.relative_to(desk.folder).as_posix(), 3)
            desk.tell(second.relative_to(desk.folder).as_posix(), 1)

    deeds: list[Callable[[str], None]] = [
        lambda name: desk.write(name, chance.choice(FILES[name])),
        lambda name: desk.remove(name),
        lambda name: renamed(chance.choice([name, "sub", "sub/work"])),
        lambda name: desk.open(name, chance.choice(FILES[name])) if name.endswith(".cog") else None,
        lambda name: desk.close(name) if name != "main.cog" else None,
    ]
    for _ in range(EDITS * 2):
        chance.choices(deeds, (6, 1, 2, 2, 2))[0](chance.choice(list(FILES)))
        for name in desk.opened:
            assert desk.shown(name) == desk.cold(name), (name, sorted(desk.folder.rglob("*")))

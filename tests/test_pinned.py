"""Python modules that a command in a sandbox may write: they run as they were when the run began, or not at all."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cogc.disk.state_folder import OwnFiles
from cogc.run import pinned
from cogc.run.settings import Settings
from support.cli import cogc_here
from support.processes import bubblewrap_works
from support.sessions import session
from support.specs import build

needs_bwrap = pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap is not installed, or not allowed")
SPEC = """
model m = scripted "SCRIPT"
program sh(line: string) -> string = shell ["sh", "-c", line] { timeout: 120s }
program again() -> string = shell ["true"] { reload: true }
program early() -> string = python "early:say"
program late() -> string = python "late:say"
agent Writer { model: m, tools: [sh, again], sandbox: rw }
coglet Main { transmit out: string
  create w = Writer
  on start { out <- early()
    w.task <- "go" }
  on w.result as r {
    AFTER
    out <- try early() else as e (e.message)
    out <- try late() else as e (e.message)
  }
  on w.failed as f { out <- f.message } }
"""
EVIL = "import os; os.environ['COGC_EVIL'] = 'ran'\ndef say(): return 'evil'"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(pinned, "_moments", {})
    monkeypatch.delenv("COGC_EVIL", raising=False)
    before = list(sys.path)
    yield
    sys.path[:] = before


def attacked(
    folder: Path, lines: str, after: str = "", tools: tuple[dict[str, Any], ...] = (), **settings: Any
) -> list[str]:
    """Return what the modules say before and after an agent's tool has run shell lines in the workspace."""
    for name in ("early", "late"):
        (folder / f"{name}.py").write_text(f"import helper_{folder.name}\ndef say(): return '{name}'\n")
    (folder / f"helper_{folder.name}.py").write_text("")
    use = [{"name": "sh", "input": {"line": lines}}, *tools]
    (folder / "s.yml").write_text(json.dumps([{"when": "go", "tools": use}, {"when": "", "reply": "done"}]))
    time.sleep(0.02)  # the stamps of the kernel have steps of a few milliseconds
    text = SPEC.replace("SCRIPT", str(folder / "s.yml")).replace("AFTER", after)
    bundle = build(text, "Main", f"{folder}/spec.cog")
    made = session(bundle, Settings(str(folder), **settings))
    assert "COGC_EVIL" not in os.environ, made.outputs
    return made.outputs["out"]  # type: ignore[no-any-return]


def put(path: str, text: str = EVIL) -> str:
    return f"printf %s {shlex.quote(text)} > {path}"


@needs_bwrap
@pytest.mark.parametrize(
    "lines",
    [
        put("late.py"), f"{put('x.py')}; mv x.py late.py", f"{put('x.py')}; rm late.py; ln -s x.py late.py",
        f"{put('x.py')}; rm late.py; ln x.py late.py", f"{put('late.py')}; touch -d 2001-01-01 late.py",
        "rm late.py; mkfifo late.py", "rm late.py; ln -s /etc/passwd late.py", f"rm late.py; mkdir late; {put('late/__init__.py')}",
    ],
)  # fmt: skip
def test_a_module_that_was_written_later_is_not_run(tmp_path: Path, lines: str) -> None:
    out = attacked(tmp_path, lines)
    assert out[:2] == ["early", "early"] and ("is not run" in out[2] or "there is no module" in out[2]), out


@needs_bwrap
def test_what_was_imported_stays_as_it_was(tmp_path: Path) -> None:
    assert attacked(tmp_path, put("early.py")) == ["early", "early", "late"]


@needs_bwrap
def test_a_reload_takes_what_was_changed_only_if_it_runs_in_no_sandbox(tmp_path: Path) -> None:
    harmless = "def say(): return 'changed'"
    again = ({"name": "again", "input": {}},)
    out = attacked(tmp_path, put("early.py", harmless), tools=again)
    assert out[0] == "early" and "`early`" in out[1] and "is not run" in out[1] and out[2] == "late"


@needs_bwrap
def test_a_reload_outside_of_a_sandbox_trusts_what_is_there(tmp_path: Path) -> None:
    out = attacked(tmp_path, put("early.py", "def say(): return 'changed'"), after="again()")
    assert out == ["early", "changed", "late"]


@needs_bwrap
def test_planted_bytecode_extensions_and_siblings_are_not_run(tmp_path: Path) -> None:
    helper = f"helper_{tmp_path.name}"
    lines = (
        f"{put('evil.py')}; {sys.executable if os.path.realpath(sys.executable).startswith('/usr/') else '/usr/bin/python3'} -m compileall -q evil.py; "
        f"mkdir -p __pycache__; cp __pycache__/evil*.pyc __pycache__/late.{sys.implementation.cache_tag}.pyc; "
        f"rm {helper}.py; echo x > {helper}.so; cp __pycache__/evil*.pyc {helper}.pyc"
    )
    out = attacked(tmp_path, lines)
    assert out[2] == "late" or "is not run" in out[2] or "no module named" in out[2].lower(), out


def test_a_folder_is_found_by_any_way_and_what_cogc_runs_on_is_not_held(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "way").symlink_to("work")
    pinned.pin(str(tmp_path / "work"))
    assert pinned.holder(str(tmp_path / "way" / "a.py")) == str(tmp_path / "work")
    assert pinned.holder(str(tmp_path / "a.py")) == ""
    (tmp_path / "work" / "out.py").symlink_to("/etc/passwd")
    assert pinned.holder(str(tmp_path / "way" / "out.py")) == str(tmp_path / "work")
    pinned.pin(os.path.realpath(os.path.dirname(sys.prefix)))
    assert pinned.holder(f"{sys.prefix}/lib/x.py") == ""


def test_modules_elsewhere_are_loaded_as_ever(tmp_path: Path) -> None:
    code = (
        "import sys; from cogc.run.pinned import pin; pin(sys.argv[1]); "
        "import colorsys, xml.dom.minidom, curses; print(type(colorsys.__spec__.loader).__name__, curses.__spec__.cached is not None)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "SourceFileLoader True\n"


def test_a_spec_that_agents_may_write_is_said(tmp_path: Path) -> None:
    (tmp_path / "m.yml").write_text("- reply: x\n")
    spec = 'model m = scripted "m.yml"\nagent A { model: m, sandbox: rw }\n'
    (tmp_path / "a.cog").write_text(spec)
    (tmp_path / "other").mkdir()
    said = "commands in a sandbox may write the workspace, and `a.cog` lies in it"
    assert said in cogc_here("run", "a.cog", "--goal", "x", cwd=tmp_path).stderr
    for words in (["--workspace", "other"], ["--sandbox", "none"]):
        assert said not in cogc_here("run", "a.cog", "--goal", "x", *words, cwd=tmp_path).stderr
    (tmp_path / "a.cog").write_text(spec.replace("rw", "ro"))
    assert said not in cogc_here("run", "a.cog", "--goal", "x", cwd=tmp_path).stderr
    assert OwnFiles().files == ()

"""The sandbox of agents' tools: what a process sees, may write, may reach, and that it is refused where there is none."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from cogc.run.disk import spared
from cogc.run.settings import Settings
from support.processes import bubblewrap_works, marked, unique_seconds
from support.sessions import session
from support.specs import build

SPEC = """
model m = scripted "SCRIPT"
program sh(line: string) -> string = shell ["sh", "-c", line] { timeout: 10s, env: { ENV } }
agent Inner { model: m, tools: [sh] INNER }
agent Agent { model: m, tools: [sh, Inner] OUTER }
coglet Main { transmit out: string
  create a = Agent
  on start { a.task <- "go" }
  on a.result as r { out <- r }
  on a.failed as f { out <- f.message } }
"""
needs_bwrap = pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap is not installed, or not allowed")


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a command says that an agent's tool runs."""
    work = tmp_path / "work"
    (work / "sub").mkdir(parents=True)
    (work / "file").write_text("text")
    monkeypatch.setenv("COGC_CANARY", "secret")

    def run(
        line: str,
        outer: str = ", sandbox: ro",
        inner: str = "",
        nested: bool = False,
        env: str = 'GIVEN: "yes"',
        **settings: Any,
    ) -> str:
        use = {"tools": [{"name": "sh", "input": {"line": line}}]}
        script: list[Any] = [{"when": {"prompt": "go", "program": "Agent"}, **use}]
        if nested:
            script = [
                {"when": {"prompt": "go", "program": "Agent"}, "tools": [{"name": "Inner", "input": {"query": "do"}}]},
                {"when": {"prompt": "do", "program": "Inner"}, **use},
                {"when": {"program": "Inner"}, "reply": "inner is done"},
            ]
        (tmp_path / "s.yml").write_text(json.dumps([*script, {"when": "", "reply": "done"}]))
        spec = SPEC.replace("SCRIPT", str(tmp_path / "s.yml")).replace("OUTER", outer).replace("INNER", inner)
        spec = spec.replace("ENV", env)
        records: list[dict[str, Any]] = []
        session(build(spec), Settings(str(work), **settings), on_records=records.extend)
        asks = [r for r in records if r["kind"] == "ask" and r["program"] == ("Inner" if nested else "Agent")]
        return str(asks[-1]["data"][-1]["content"][0]["content"])

    return run


@needs_bwrap
def test_the_workspace_is_all_that_is_seen(said: Any) -> None:
    assert said("pwd; cat file; ls") == "/workspace\ntextfile\nsub"
    assert "No such file" in said("cat /etc/shadow; ls /root; ls /home")
    assert "GIVEN=yes" in said("env")
    assert "COGC_CANARY" not in said("env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'")


@needs_bwrap
def test_a_variable_for_the_loader_is_obeyed_inside_alone(said: Any, tmp_path: Path) -> None:
    """The loader writes a file for each program that it starts with `LD_DEBUG`; none of them lies outside."""
    outside = tmp_path / "outside"
    outside.mkdir()
    env = f'LD_DEBUG: "files", LD_DEBUG_OUTPUT: "{outside}/x", PATH: "/usr/bin:/bin"'
    assert "has files, /usr/bin:/bin" in said('echo "has $LD_DEBUG, $PATH"', env=env)
    assert list(outside.iterdir()) == []


@needs_bwrap
def test_ro_is_ro_and_rw_writes_the_workspace_alone(said: Any, tmp_path: Path) -> None:
    assert "Read-only file system" in said("echo x > file")
    assert said("echo x > file; cat file", ", sandbox: rw") == "x" and (tmp_path / "work" / "file").read_text() == "x\n"
    assert "Read-only file system" in said("echo x > /usr/x", ", sandbox: rw")
    assert said("echo x > /tmp/x; cat /tmp/x", ", sandbox: ro") == "x"


@needs_bwrap
def test_there_is_no_network_unless_it_is_asked_for(said: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = f"python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {server.getsockname()[1]}), 2); print(1)'"
        if shutil.which("python3", path="/usr/bin") is None:
            pytest.skip("there is no /usr/bin/python3")
        assert said(line, ", sandbox: ro, network: true") == "1"
        assert "refused" in said(line) or "unreachable" in said(line)


@needs_bwrap
def test_the_outer_sandbox_holds_the_inner_agent(said: Any) -> None:
    assert "Read-only" in said("echo x > file", ", sandbox: ro", ", sandbox: rw", nested=True)
    assert "Read-only" in said("echo x > file", ", sandbox: ro", "", nested=True)
    assert "Read-only" in said("echo x > file", "", ", sandbox: ro", nested=True)
    assert said("echo y > file; cat file", ", sandbox: rw", ", sandbox: rw", nested=True) == "y"


@needs_bwrap
def test_nothing_outlives_the_call(said: Any) -> None:
    mark = unique_seconds()
    said(f"setsid sleep {mark} & echo started")
    assert marked(mark) == []


def test_without_a_sandbox_it_is_refused_unless_that_is_wanted(said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cogc.run.sandbox.shutil.which", lambda _: None)
    assert "bubblewrap (`bwrap`) is not at hand" in said("pwd")
    assert said("cat file", sandboxed=False) == "text"
    assert said("cat file", "") == "text"


@needs_bwrap
def test_a_command_that_fills_the_disk_is_ended(said: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full as soon as the command has written a file."""
    whole = os.statvfs(tmp_path)

    def statvfs(path: str) -> Any:
        free = 1 if (tmp_path / "work" / "big").exists() else whole.f_blocks // 2
        return SimpleNamespace(f_bavail=free, f_frsize=whole.f_frsize, f_blocks=whole.f_blocks)

    monkeypatch.setattr(os, "statvfs", statvfs)
    line = f"echo x > big; exec sleep {(seconds := unique_seconds())}"
    began = time.monotonic()
    assert "`sh` was ended: the disk of the workspace is almost full" in said(line, ", sandbox: rw")
    assert time.monotonic() - began < 9 and not marked(seconds)
    (tmp_path / "work" / "big").unlink()
    assert said("sleep 0.6; echo ok", ", sandbox: rw") == "ok"


def test_a_disk_that_was_full_before_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=3, f_frsize=1, f_blocks=1000))

    async def main() -> None:
        async with spared(str(tmp_path), "x"):
            await trio.sleep(0.6)

    trio.run(main)


def test_what_the_body_raises_leaves_it_as_it_is(tmp_path: Path) -> None:
    async def main() -> None:
        async with spared(str(tmp_path), "x"):
            raise FileNotFoundError(2, "gone")

    with pytest.raises(FileNotFoundError, match="gone"):
        trio.run(main)

"""What a sandbox keeps from a command in the workspace that it writes: cogc's own files, and what cogc runs on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from cogc.disk.beneath import open_beneath, read_beneath
from cogc.disk.state_folder import OwnFiles, StateFolder
from cogc.kernel.permissions import Sandbox
from cogc.language.values import Failure
from cogc.run import guards
from cogc.run.guards import Guard, descriptor
from cogc.run.sandbox import ENVIRONMENT, wrapped
from support.paths import ROOT
from support.processes import bubblewrap_works

needs_bwrap = pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap is not installed, or not allowed")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a store and a state folder deep in it, and the Python that cogc runs on."""
    place = tmp_path / "work"
    for folder in ("data/deep", "backend/env/bin", "state/runs", "free"):
        (place / folder).mkdir(parents=True)
    (place / "data/deep/board.db").write_text("board")
    (place / "backend/env/bin/python").write_text("python")
    monkeypatch.setattr(guards, "runs_on", lambda: (f"{place}/backend/env",))
    monkeypatch.setattr(guards, "_opened", {})
    return place


def in_sandbox(workspace: Path, line: str, mode: str = "rw") -> str:
    """Return what a shell says in bubblewrap, on stdout and stderr."""
    kept = OwnFiles(StateFolder(str(workspace / "state")), [str(workspace / "data/deep/board.db")])
    words = wrapped(["/bin/sh", "-c", line], Sandbox(mode, False), str(workspace), str(workspace), "x", kept)
    done = subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, timeout=60)
    return done.stdout + done.stderr


BUSY: Sequence[tuple[str, str]] = (
    ("mv data elsewhere", "busy"), ("mv data/deep free/deep", "not permitted"), ("mv data/deep/board.db x", "not permitted"), ("rm -r data", "busy"),
    ("mv state x", "busy"), ("mv backend x", "busy"), ("mv backend/env x", "read-only"), ("rm data/deep/board.db", "busy"),
    ("python3 -c \"import ctypes; print(ctypes.CDLL(None, use_errno=True).renameat2(-100, b'data', -100, b'free', 2))\"", "-1"),
    ("echo x > backend/env/bin/python", "read-only"), ("touch backend/env/bin/git", "read-only"), ("rm -r backend/env/bin", "read-only"),
    ("cat data/deep/board.db; ls state", "denied"),
)  # fmt: skip


@needs_bwrap
@pytest.mark.parametrize(("line", "said"), BUSY)
def test_what_is_guarded_stays_in_its_place(workspace: Path, line: str, said: str) -> None:
    found = in_sandbox(workspace, line).lower()
    assert (said in found) if said else (found == ""), found
    assert (workspace / "data/deep/board.db").read_text() == "board" and (workspace / "state/runs").is_dir()
    assert (workspace / "backend/env/bin/python").read_text() == "python"


@needs_bwrap
def test_all_else_is_written_and_nothing_leads_out(workspace: Path) -> None:
    assert (
        in_sandbox(workspace, "echo 1 > data/deep/new; echo 2 > backend/main.py; mv free other; cat data/deep/new")
        == "1\n"
    )
    assert (workspace / "backend/main.py").read_text() == "2\n" and (workspace / "other").is_dir()
    if not Path("/usr/bin/python3").exists():
        pytest.skip("there is no /usr/bin/python3")
    code = (
        "import os\n"
        "for d in range(3, 256):\n"
        "    for p in (os.getpid(), os.getppid(), 1):\n"
        "        if os.path.isdir(f'/proc/{p}/fd/{d}'): print(p, d, os.readlink(f'/proc/{p}/fd/{d}'))"
    )
    assert in_sandbox(workspace, f'/usr/bin/python3 -c "{code}"') == ""


@needs_bwrap
def test_a_folder_that_was_replaced_is_not_mounted(workspace: Path, tmp_path: Path) -> None:
    in_sandbox(workspace, "true")
    (workspace / "data").rename(tmp_path / "moved")
    (workspace / "data").symlink_to("/")
    with pytest.raises(Failure, match="was replaced"):
        descriptor(str(workspace), Guard(str(workspace / "data"), "pinned"))
    guards._opened.clear()
    with pytest.raises(Failure, match="was replaced"):
        descriptor(str(workspace), Guard(str(workspace / "data"), "pinned"))


def test_a_workspace_that_cogc_runs_on_is_written_by_nobody(workspace: Path) -> None:
    place = workspace / "backend/env"
    with pytest.raises(Failure, match="is what cogc runs on"):
        guards.guards(str(place), True, OwnFiles())
    assert guards.guards(str(place), False, OwnFiles()) == []


def test_what_cogc_runs_on_is_its_python_and_the_folders_of_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{ROOT / 'tests'}:relative:/no/such:{ROOT / 'tests' / 'support'}")
    guards.runs_on.cache_clear()
    try:
        found = guards.runs_on()
    finally:
        guards.runs_on.cache_clear()
    assert os.path.realpath(sys.prefix) in found and str(ROOT / "tests") in found and str(ROOT / "cogc") in found
    assert not any(p.endswith(("relative", "/support", "/no/such")) for p in found)


def test_a_planted_module_in_the_working_directory_is_not_run(tmp_path: Path) -> None:
    for name in ("trio", "msgspec", "yaml", "rich", "argparse", "importlib_metadata", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('planted')\n")
    done = subprocess.run(
        [sys.executable, "-m", "cogc", "explain", "COG302"], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0 and "planted" not in done.stdout + done.stderr
    (tmp_path / "a.cog").write_text("coglet Main { transmit out: int\n on start { out <- 1 } }")
    done = subprocess.run(
        [sys.executable, "-m", "cogc", "run", "a.cog"], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout == "out: 1\n", done.stderr


def test_no_link_is_followed_below_a_folder(tmp_path: Path) -> None:
    place = tmp_path / "work"
    (place / "a" / "b").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (place / "a" / "b" / "file").write_text("text")
    (place / "link").symlink_to("a")
    (place / "a" / "out").symlink_to(tmp_path / "secret")
    os.mkfifo(place / "pipe")
    assert read_beneath(str(place), "a/./b//file", 3)[0] == b"tex"
    for path in ("link/b/file", "a/out", "../secret", "a/../../secret", "/etc/passwd", "", ".", "pipe", "a/b", "none"):
        with pytest.raises(OSError):  # the number differs
            read_beneath(str(place), path, 9)
    with pytest.raises(OSError, match="leads out"):
        open_beneath(str(place), "a/..", os.O_RDONLY)

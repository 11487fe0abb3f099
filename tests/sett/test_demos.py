"""Demos of the first system, run as they are: under bubblewrap and in containers, on SQLite and on Redis.

The demos of `support/demos.py` are ours, in the ways of the first system. With `HOLT=FOLDER`, a checkout of the first system, its own
demos and agents run too. In containers two demos run, with `COGC_DEMOS=all` all of them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.cli import cogc
from support.demos import DEMOS, Demo, originals, repository
from support.processes import bubblewrap_works, podman_settings
from support.redis import RedisServer

pytestmark = pytest.mark.campaign
ORIGINALS = originals(Path(os.environ["HOLT"])) if os.environ.get("HOLT") else {}
TOOLS = ("git", "jq")
BUSYBOX = (
    "sh", "cat", "echo", "printf", "sed", "grep", "cut", "head", "tr", "wc", "sleep", "tar", "gzip", "mktemp", "date", "find", "dirname",
    "mkdir", "rm", "true", "ls", "env", "basename", "sort", "stat", "test",
)  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image from scratch with busybox, and with git and jq of this machine."""
    missing = [t for t in ("podman", "busybox", *TOOLS) if shutil.which(t) is None]
    if missing:
        pytest.skip(f"there is no {', '.join(missing)} here")
    folder = tmp_path_factory.mktemp("base")
    with podman_settings(folder):
        root = folder / "root"
        for place in ("bin", "usr/bin", "tmp", "app", "workspace", "etc"):
            (root / place).mkdir(parents=True)
        (root / "etc" / "passwd").write_text("root:x:0:0:root:/tmp:/bin/sh\n")
        shutil.copy(str(shutil.which("busybox")), root / "bin" / "busybox")
        for name in BUSYBOX:
            (root / "bin" / name).symlink_to("busybox")
        for name in TOOLS:
            _with_libraries(Path(str(shutil.which(name))), root)
        tag = f"localhost/cogc-demos-{os.getpid()}"
        packed = subprocess.run(["tar", "-C", str(root), "-c", "."], capture_output=True, check=True).stdout
        made = subprocess.run(["podman", "import", "-", tag], input=packed, capture_output=True)
        words = ["podman", "run", "--rm", "--network", "none", tag, "/bin/sh", "-c", "git version && jq --version"]
        tried = subprocess.run(words, capture_output=True)
        if made.returncode or tried.returncode:
            pytest.skip(f"podman does not work here: {(made.stderr + tried.stderr).decode()}"[:300])
        yield tag
        subprocess.run(["podman", "rmi", "-f", tag], capture_output=True)


def _with_libraries(program: Path, root: Path) -> None:
    """Copy a program into an image, with the libraries that it needs."""
    found = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    needed = [word for line in found.splitlines() for word in line.split() if word.startswith("/")]
    for path in {str(program.resolve()), *needed}:
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    if program.resolve() != program:
        (root / "bin" / program.name).symlink_to(program.resolve())


def artefacts(demo: Demo, tmp_path: Path, sandbox: str, board: str, base: str = "") -> list[str]:
    """Run a demo, and return its artefacts."""
    demo = replace(demo, yaml=demo.yaml.replace("cogc-demo", f"cogc-demo-{os.getpid()}"))  # the images of this process
    workspace, apps = tmp_path / "work", tmp_path / "apps"
    workspace.mkdir()
    # the `sh` of this machine may rewrite backslashes in `echo`, that of an image does not
    folders = demo.lay(workspace, apps, "/bin/sh" if base else "/bin/bash")
    repository(workspace)
    words = ["run", "holt.yml", "--goal", demo.goal, "--sandbox", sandbox, "--board", board, "--instance", "demo"]
    made = []
    try:
        for role, folder in folders.items():
            if not base:
                words += ["--local", f"{role}={folder}"]
            else:
                made.append(_image(demo, role, folder, base))
        done = cogc(*words, cwd=workspace)
    finally:
        if made:
            subprocess.run(["podman", "rmi", "-f", *made], capture_output=True)
    assert done.returncode == demo.code, done.stdout + done.stderr
    lines = [line.split("  ") for line in done.stdout.splitlines()]
    return sorted(re.sub(r" \(\w+\)", "", line[1]) for line in lines if len(line) > 2 and len(line[0]) == 8)


def _image(demo: Demo, role: str, folder: Path, base: str) -> str:
    """Build the image that a demo names for one of its agents."""
    image = demo.images()[role]
    (folder / "Containerfile").write_text(f"FROM {base}\nCOPY . /app\nENV PATH=/app:/usr/bin:/bin\n")
    done = subprocess.run(["podman", "build", "-q", "-t", image, str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return image


@pytest.fixture
def board(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A board in SQLite, or in a Redis server of the test's own."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path}/board.db"
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server here")
    server: RedisServer = request.getfixturevalue("redis")
    return server.url


@pytest.mark.parametrize("board", ["sqlite", "redis"], indirect=True)
@pytest.mark.parametrize("name", DEMOS)
def test_a_demo_runs_to_its_end(name: str, board: str, tmp_path: Path) -> None:
    if not bubblewrap_works():
        pytest.skip("bubblewrap does not work here")
    assert artefacts(DEMOS[name], tmp_path, "bubblewrap", board) == list(DEMOS[name].made)


@pytest.mark.parametrize("name", list(DEMOS) if os.environ.get("COGC_DEMOS") == "all" else ["poster", "git"])
@pytest.mark.parametrize("board", ["sqlite"], indirect=True)
def test_a_demo_runs_in_containers(name: str, board: str, tmp_path: Path, base: str) -> None:
    assert artefacts(DEMOS[name], tmp_path, "container", board, base) == list(DEMOS[name].made)


ORIGINAL = pytest.mark.skipif(not ORIGINALS, reason="HOLT names no checkout of the first system")


@ORIGINAL
@pytest.mark.parametrize("board", ["redis"], indirect=True)
@pytest.mark.parametrize("name", [n for n, d in ORIGINALS.items() if not d.tools] or ["none"])
def test_an_original_demo_runs_to_its_end(name: str, board: str, tmp_path: Path) -> None:
    """Without those whose file names no `PATH`: their tools must be in their images."""
    if not bubblewrap_works():
        pytest.skip("bubblewrap does not work here")
    assert artefacts(ORIGINALS[name], tmp_path, "bubblewrap", board) == list(ORIGINALS[name].made)


@ORIGINAL
@pytest.mark.parametrize("board", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", [n for n, d in ORIGINALS.items() if not d.wants_bash()] or ["none"])
def test_an_original_demo_runs_in_containers(name: str, board: str, tmp_path: Path, base: str) -> None:
    assert artefacts(ORIGINALS[name], tmp_path, "container", board, base) == list(ORIGINALS[name].made)

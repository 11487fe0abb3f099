"""`cogc sett up`, `down` and `status`: the orchestrator and the cubs of an instance as processes of this machine.

What was started stands in the instance's folder: for each process its number, and when it began, so that another process
which has the number by now is not taken for it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from cogc.commands.load import load, show_to_stderr
from cogc.commands.options import SETTS, instance_of, locals_of, new_run_id
from cogc.commands.usage import UsageError
from cogc.diagnostics.problems import Problems
from cogc.disk.state_folder import make_folder
from cogc.language.values import Failure
from cogc.sett.spec import SettSpec

_GRACE = 40.0


def up(options: Namespace) -> int:
    """Start the orchestrator and a cub for each agent."""
    problems = Problems()
    bundle = load(options.words[0], None, [], problems)
    if problems.sorted():
        show_to_stderr(problems.sorted())
    if bundle is None:
        return 1
    if bundle.root not in bundle.setts:
        raise UsageError("this program's root is no sett")
    try:
        spec = SettSpec(bundle, locals_of(options.local))
    except Failure as failure:
        raise UsageError(failure.message) from None
    instance = instance_of(options.instance) or os.environ.get("SETT_INSTANCE_NAME") or new_run_id()
    folder = Path(SETTS) / instance
    if any(_lives(p) for p in _known(folder)):
        raise UsageError(f"the instance `{instance}` is up already")
    make_folder(folder)
    board = options.board or os.environ.get("REDIS_URL") or f"sqlite:{folder}/board.db"
    common = ["--instance", instance, "--board", board]
    started = [_start(folder, "orchestrator", ["orchestrator", options.words[0], *common])]
    more = [
        *common,
        "--workspace",
        options.workspace,
        "--sandbox",
        options.sandbox,
        *(f"--local={x}" for x in options.local),
    ]
    for role in spec.agents:
        started.append(_start(folder, role, ["cub", options.words[0], "--agent", role, *more]))
    (folder / "processes.json").write_text(json.dumps(started))
    time.sleep(0.5)
    if not all(_lives(p) for p in started):
        for process in started:
            if not _lives(process):
                said = (folder / f"{process['name']}.log").read_text(errors="replace").strip().rpartition("\n")[2]
                sys.stderr.write(f"cogc: {process['name']} did not start: {said}\n")
        return 3
    print(f"{instance} is up: the orchestrator and {len(spec.agents)} cubs")
    return 0


def _start(folder: Path, name: str, words: list[str]) -> dict[str, Any]:
    with open(folder / f"{name}.log", "ab") as log:
        made = subprocess.Popen(
            [sys.executable, "-m", "cogc", *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    made.returncode = 0  # it outlives this process, which does not wait for it
    return {"name": name, "pid": made.pid, "began": _began(made.pid)}


def down(options: Namespace) -> int:
    """Stop all of them: what is under way may end."""
    folder = _folder(options)
    processes = [p for p in _known(folder) if _lives(p)]
    for process in processes:
        os.kill(process["pid"], signal.SIGTERM)
    end = time.monotonic() + _GRACE
    while any(_lives(p) for p in processes) and time.monotonic() < end:
        time.sleep(0.1)
    for process in processes:
        if _lives(process):
            os.kill(process["pid"], signal.SIGKILL)
    (folder / "processes.json").unlink(missing_ok=True)
    print(f"{folder.name} is down")
    return 0


def status(options: Namespace) -> int:
    """Each process, and whether it lives. Exit code 3 if one does not."""
    folder = _folder(options)
    found = [{"name": p["name"], "pid": p["pid"], "up": _lives(p)} for p in _known(folder)]
    for process in found:
        if options.json:
            print(json.dumps(process))
        else:
            print(f"{process['name']}  {'up' if process['up'] else 'gone'}  {process['pid']}")
    if not found:
        print(f"{folder.name} is down")
    return 0 if all(p["up"] for p in found) else 3


def _folder(options: Namespace) -> Path:
    name = instance_of(options.instance) or os.environ.get("SETT_INSTANCE_NAME")
    folders = sorted(Path(SETTS).glob("*/processes.json"), key=lambda p: p.stat().st_mtime)
    if name is None and folders:
        return folders[-1].parent
    if name is None or not (Path(SETTS) / name).is_dir():
        raise UsageError(f"there is no instance `{name}` here" if name else "no instance is up here")
    return Path(SETTS) / name


def _known(folder: Path) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads((folder / "processes.json").read_text())
    except (OSError, ValueError):
        return []
    return found


def _began(pid: int) -> str:
    """When a process began, in the kernel's ticks; empty if there is none, or none but its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _lives(process: dict[str, Any]) -> bool:
    return bool(process["began"]) and _began(process["pid"]) == process["began"]

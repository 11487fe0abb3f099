"""`cogc runs`: list the instances and the runs of a project, with their state.

An instance is running, unfinished (its last run was killed: `cogc resume NAME`
goes on), or ended, with how it ended. A run without an instance is listed while
its trace or its socket is kept: it is running, or over.

Exit codes: 0 done; 2 the journal of an instance is damaged.
"""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import msgspec

from cogc.commands.instance import INSTANCES
from cogc.commands.state import add_state, state_here
from cogc.diagnostics.visible import shown
from cogc.run.control_client import opens
from cogc.run.instance import Status, status_of

_RUNS = "runs"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print a JSON object a line")
    add_state(parser)


def run(options: Namespace) -> int:
    state = state_here(options)
    code, found = 0, []
    for folder in sorted(p for p in Path(state.at(INSTANCES)).glob("*") if p.is_dir()):
        try:
            found.append(_instance(status_of(folder)))
        except (ValueError, OSError) as error:
            sys.stderr.write(f"cogc: instance `{folder.name}`: {error}\n")
            code = 2
    known = {entry["run"] for entry in found}
    for folder in sorted(Path(state.at(_RUNS)).glob("*")):
        if folder.name not in known:
            found.append(_run(folder))
    for entry in found:
        print(msgspec.json.encode(entry).decode() if options.json else _line(entry))
    if not found and not options.json:
        sys.stderr.write(f"cogc: there are no instances and no runs in {state.path}\n")
    return code


def _instance(status: Status) -> dict[str, Any]:
    spec = "" if status.head is None else str(status.head.get("begun", {}).get("spec", ""))
    return {
        "instance": status.name, "run": status.run, "state": status.condition, "outcome": status.outcome, "process": status.process,
        "written": status.written, "spec": spec,
    }  # fmt: skip


def _run(folder: Path) -> dict[str, Any]:
    sockets = [p for p in folder.glob("*") if p.is_socket()]
    state = "running" if any(opens(p) for p in sockets) else "over"
    return {
        "instance": "", "run": folder.name, "state": state, "outcome": "", "process": 0, "written": folder.stat().st_mtime, "spec": "",
    }  # fmt: skip


def _line(entry: dict[str, Any]) -> str:
    """Return an entry as a line for people."""
    state = entry["state"]
    if entry["process"]:
        state += f", process {entry['process']}"
    elif entry["outcome"]:
        state += f": {entry['outcome']}"
    written = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry["written"])) if entry["written"] else ""
    words = [f"{entry['instance'] or '-':<16}", f"{state:<24}", f"{written:<16}", f"{entry['run']:<24}", entry["spec"]]
    return shown(" ".join(words).rstrip())

"""The instances of setts that this machine, or a Redis server, knows of: `cogc sett list`, and who else works on a workspace."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cogc.commands import interrupts
from cogc.commands.sett_processes import known, running
from cogc.commands.state import state_here
from cogc.disk.state_folder import StateFolder, all_folders
from cogc.stores.redis import names_in


class Instance(NamedTuple):
    """One instance. `machines` is how many processes `up` has started and `up` how many of them live; both are 0 for an instance
    that nobody has started by `up`. `workspace` is the folder in which its commands run."""

    name: str
    machines: int
    up: int
    project: str
    workspace: str
    board: str

    @property
    def status(self) -> str:
        """`up`, `degraded` where some of its processes are gone, or `down`."""
        return "down" if not self.up else "up" if self.up == self.machines else "degraded"


def list_all(options: Namespace) -> int:
    """Print the instances of all projects of this user that `up` has started, all of this project, and those of a Redis server."""
    own = state_here(options)
    found = [i for i in instances(own) if i.machines or i.project == own.project]
    server = options.board or os.environ.get("REDIS_URL") or ""
    if server.startswith("redis"):
        here = {i.name for i in found if i.board == server}
        for name in interrupts.run(names_in, server, "sett:*:artefacts"):
            other = name.removeprefix("sett:").removesuffix(":artefacts")
            if other not in here:
                found.append(Instance(other, 0, 0, "", "", server))
    if not found:
        sys.stderr.write("cogc: there is no instance of a sett\n")
    for instance in found:
        print(json.dumps({**instance._asdict(), "status": instance.status}) if options.json else _line(instance))
    return 0


def instances(own: StateFolder) -> Iterator[Instance]:
    """Yield the instances of this machine: those of one's own project first, each project's in the order of their names."""
    others = [folder for folder in all_folders() if os.path.realpath(folder.path) != os.path.realpath(own.path)]
    for state in (own, *others):
        for folder in sorted(Path(state.at("setts")).glob("*/")):
            record, alive = known(folder), running(folder)
            if not record.machines and not (folder / "board.db").is_file():
                continue
            board = record.option("--board") or f"sqlite:{folder}/board.db"
            yield Instance(folder.name, len(record.machines), len(alive), state.project, record.workspace, board)


def beside(own: StateFolder, name: str, workspace: str) -> Instance | None:
    """Return another instance that is up and works on a workspace, or None."""
    for found in instances(own):
        same = os.path.realpath(found.workspace) == os.path.realpath(workspace) if found.workspace else False
        if found.up and same and not (found.name == name and found.project == own.project):
            return found
    return None


def _line(found: Instance) -> str:
    machines = f" {found.up}/{found.machines}" if found.machines else ""
    return "  ".join(part for part in (found.name, found.status + machines, found.workspace, found.board) if part)

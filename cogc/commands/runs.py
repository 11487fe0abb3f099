"""`cogc runs`: list the instances and the runs of a project, with their state,
or remove what runs that are over have left.

An instance is running, unfinished (its last run was killed: `cogc resume NAME`
goes on), ended, with how it ended, or new, if nothing of a run is written yet.
A run without an instance is listed while its trace or its socket is kept: it is
running, or over.

`cogc runs --prune` removes journals, images, documents and traces of runs that
are over, and leaves saved states. `cogc runs --remove NAME` removes an instance
with its saved states.

Exit codes: 0 done; 2 the journal of an instance is damaged, or an instance
cannot be removed.
"""

from __future__ import annotations

import shutil
import sys
import time
from argparse import ArgumentParser, Namespace
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from cogc.commands.options import instance_of
from cogc.commands.state import add_state, state_here
from cogc.commands.usage import UsageError
from cogc.diagnostics.visible import shown
from cogc.disk.state_folder import StateFolder
from cogc.language.codec import encode
from cogc.run import retention
from cogc.run.control_client import RUNS, opens
from cogc.run.instance import LOCK, STATES, InstanceError, Lock, Status, status_of
from cogc.run.instance_folder import INSTANCES, JOURNAL, earlier


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print a JSON object a line")
    parser.add_argument("--prune", action="store_true", help="remove what runs that are over have left")
    parser.add_argument(
        "--keep",
        metavar="N|TIME",
        help="with --prune: leave the newest N, or those of a time such as 30d (default: none)",
    )
    parser.add_argument("--remove", metavar="NAME", help="remove an instance with its saved states")
    parser.add_argument(
        "--fresh", action="store_true", help="with --remove: give up the last run of the instance if it did not end"
    )
    add_state(parser)


def run(options: Namespace) -> int:
    if options.prune and options.remove is not None:
        raise UsageError("--prune and --remove do not go together")
    for name, needed in (("keep", "prune"), ("fresh", "remove")):
        if getattr(options, name) and not getattr(options, needed):
            raise UsageError(f"--{name} goes with --{needed}")
    state = state_here(options)
    if options.remove is not None:
        return _remove(state, instance_of(options.remove, "--remove") or "", options.fresh)
    if options.prune:
        from cogc.commands.instance import keep_of  # with all that a run needs

        return _prune(state, keep_of(options.keep))
    return _list(state, options.json)


# ---- the list ------------------------------------------------------------------------------------------------


def _list(state: StateFolder, as_json: bool) -> int:
    code, found = 0, []
    for folder in _instances(state):
        try:
            found.append(_instance(folder, status_of(folder)))
        except (ValueError, OSError) as error:
            sys.stderr.write(f"cogc: instance `{folder.name}`: {error}\n")
            code = 2
    known = {entry["run"] for entry in found}
    found += [_run(folder) for folder in _runs(state) if folder.name not in known]
    for entry in found:
        print(msgspec.json.encode(entry).decode() if as_json else _line(entry))
    if not found and not code and not as_json:
        sys.stderr.write(f"cogc: there are no instances and no runs in {state.path}\n")
    return code


def _instances(state: StateFolder) -> list[Path]:
    return sorted(p for p in Path(state.at(INSTANCES)).glob("*") if p.is_dir())


def _runs(state: StateFolder) -> list[Path]:
    return sorted(p for p in Path(state.at(RUNS)).glob("*") if p.is_dir())


def _instance(folder: Path, status: Status) -> dict[str, Any]:
    spec = "" if status.head is None else str(status.head.get("begun", {}).get("spec", ""))
    return {
        "instance": status.name, "run": status.run, "state": status.condition, "outcome": status.outcome, "process": status.process,
        "written": status.written, "spec": spec, "bytes": retention.size_of(folder), "earlier": len(earlier(folder)),
    }  # fmt: skip


def _run(folder: Path) -> dict[str, Any]:
    return {
        "instance": "", "run": folder.name, "state": "running" if _is_open(folder) else "over", "outcome": "", "process": 0,
        "written": folder.stat().st_mtime, "spec": "", "bytes": retention.size_of(folder), "earlier": 0,
    }  # fmt: skip


def _is_open(folder: Path) -> bool:
    """Return whether a run listens on a socket of its folder."""
    return any(opens(p) for p in folder.glob("*") if p.is_socket())


def _line(entry: dict[str, Any]) -> str:
    """Return an entry as a line for people."""
    state = entry["state"]
    if entry["process"]:
        state += f", process {entry['process']}"
    elif entry["outcome"]:
        state += f": {entry['outcome']}"
    if entry["earlier"]:
        state += f", {entry['earlier']} earlier"
    written = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry["written"])) if entry["written"] else ""
    words = [
        f"{entry['instance'] or '-':<16}", f"{state:<24}", f"{written:<16}", f"{_size(entry['bytes']):>9}", f"{entry['run']:<24}",
        entry["spec"],
    ]  # fmt: skip
    return shown(" ".join(words).rstrip())


def _size(count: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


# ---- removing ------------------------------------------------------------------------------------------------


def _prune(state: StateFolder, keep: retention.Keep) -> int:
    """Remove what runs that are over have left. Say what cannot be removed, and go on with the others."""
    from cogc.run.state import StateError  # with sqlite3, which the list does without

    code, gone, busy = 0, 0, set()
    for folder in _instances(state):
        try:
            status = status_of(folder)
            busy.add(status.run)
            if status.condition == "ended":
                gone += _prune_instance(folder, keep)
                busy.discard(status.run)
        except (ValueError, OSError, InstanceError, StateError) as error:
            sys.stderr.write(f"cogc: instance `{folder.name}` stays as it is: {error}\n")
            code = 2
    over = [folder for folder in _runs(state) if folder.name not in busy and not _is_open(folder)]
    gone += retention.prune_runs(over, keep, time.time())
    print(f"{_size(gone)} removed")
    return code


def _prune_instance(folder: Path, keep: retention.Keep) -> int:
    """Remove what the ended runs of an instance have left; return the bytes."""
    from cogc.run.state import StateStore

    lock = Lock(folder / LOCK)
    try:
        journal = folder / JOURNAL
        states = b""
        if (folder / STATES).exists():
            with closing(StateStore(folder / STATES)) as store:
                states = b"".join(encode(value) for value in store.kept.values())
        return retention.prune(folder, journal, states, keep, time.time())
    finally:
        lock.release()


def _remove(state: StateFolder, name: str, fresh: bool) -> int:
    """Remove an instance with its journals and saved states. Raise UsageError if it is unknown, or unfinished without `fresh`."""
    folder = Path(state.at(INSTANCES, name))
    if not name or not folder.is_dir():
        raise UsageError(f"there is no instance `{name}`; `cogc runs` lists them")
    try:
        unfinished = status_of(folder).condition == "unfinished"
    except ValueError as error:
        if not fresh:
            raise UsageError(f"instance `{name}`: {error}; --fresh removes it all the same") from None
        unfinished = False
    if unfinished and not fresh:
        raise UsageError(
            f"the last run of the instance `{name}` did not end: `cogc resume {name}` goes on with it, --fresh gives it up"
        )
    try:
        lock = Lock(folder / LOCK)
    except InstanceError as error:
        raise UsageError(f"instance `{name}`: {error}") from None
    gone = retention.size_of(folder)
    try:
        shutil.rmtree(folder)
    finally:
        lock.release()
    print(f"{_size(gone)} removed")
    return 0

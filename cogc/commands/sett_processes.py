"""`cogc sett up`, `down` and `status`: orchestrator and cubs of an instance as processes of this machine.

The record `processes.json` in the instance's folder holds the words of each command, and the folder in which all of
them run. It is written before the first of them starts, so that an `up` that is killed at any moment leaves no
process that the record does not know.

A process belongs to the instance if its command line has exactly those words and its working directory is that folder.
No process id is kept, so another process that gets the same id later is never taken for one of these.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from argparse import Namespace
from contextlib import suppress
from pathlib import Path

import msgspec

from cogc.commands import telemetry
from cogc.commands.load import load, show_to_stderr
from cogc.commands.options import instance_of
from cogc.commands.sett_machines import READY, WELL
from cogc.commands.sett_spec import sett_spec
from cogc.commands.state import state_here
from cogc.commands.usage import UsageError
from cogc.diagnostics.problems import Problems
from cogc.disk.files import main_spec
from cogc.disk.private import touch
from cogc.disk.state_folder import of_spec, write_whole
from cogc.run.options import new_run_id

_GRACE = 40.0
"""Seconds that processes may take to end before they are killed."""
_STARTS = 60.0
"""Seconds that a machine may take until it works."""
_LOOK = 0.1
"""Seconds between two looks for processes."""
_LOOKS = 3
"""How many looks in a row must find no process before an instance counts as down: one may be about to start."""
_AT_WORK = "cogc: at work"
RECORD = "processes.json"


class Record(msgspec.Struct, frozen=True):
    """The machines started for an instance: the words of each command by its name, and their working directory."""

    folder: str
    machines: dict[str, list[str]]

    def option(self, name: str) -> str:
        """Return the value of an option that the commands were given, or nothing."""
        for words in self.machines.values():
            if name in words:
                return words[words.index(name) + 1]
        return ""

    @property
    def workspace(self) -> str:
        """The folder in which the commands of the agents run, or nothing."""
        given = self.option("--workspace")
        return os.path.realpath(os.path.join(self.folder, given)) if given else ""


def up(options: Namespace) -> int:
    """Start the orchestrator and a cub for each agent. Return the exit code."""
    problems = Problems()
    bundle = load(options.words[0], None, [], problems)
    if problems.sorted():
        show_to_stderr(problems.sorted())
    if bundle is None:
        return 1
    spec = sett_spec(bundle, options.local, options.network)
    instance = instance_of(options.instance) or os.environ.get("SETT_INSTANCE_NAME") or new_run_id()
    state = of_spec(main_spec(options.words[0]), options.state)
    if running(Path(state.at("setts", instance))):
        raise UsageError(f"the instance `{instance}` is up already")
    folder = Path(state.make("setts", instance))
    record = _record(options, instance, folder, list(spec.agents))
    write_whole(folder / RECORD, json.dumps(msgspec.to_builtins(record)))
    started, pipes = {}, {}
    for name, words in record.machines.items():
        started[name], pipes[name] = _start(folder, name, words)
    failed = _not_at_work(pipes)
    for name, what in failed.items():
        said = [line for line in (folder / f"{name}.log").read_text(errors="replace").splitlines() if line.strip()]
        last = next((line.strip() for line in reversed(said) if line != _AT_WORK), "")
        why = f": {last}" if last else ""
        sys.stderr.write(f"cogc: {name} {what}{why}\n")
    for process in started.values():
        process.returncode = 0  # it outlives this process, which does not wait for it
    if failed:
        return 3
    print(f"{instance} is up: the orchestrator and {len(spec.agents)} cubs")
    return 0


def _record(options: Namespace, instance: str, folder: Path, roles: list[str]) -> Record:
    """Return the commands of an instance."""
    board = options.board or os.environ.get("REDIS_URL") or f"sqlite:{folder}/board.db"
    spec, common = options.words[0], ["--instance", instance, "--board", board]
    common += ["--state", options.state] if options.state else []
    common += telemetry.passed(options)
    held = ["--workspace", options.workspace, "--sandbox", options.sandbox, *(f"--local={x}" for x in options.local)]
    held += ["--network"] if options.network else []
    python = [sys.executable, "-P", "-m", "cogc"]
    machines = {"orchestrator": [*python, "orchestrator", spec, *common]}
    for role in roles:
        machines[role] = [*python, "cub", spec, "--agent", role, *common, *held]
    return Record(os.getcwd(), machines)


def _start(folder: Path, name: str, words: list[str]) -> tuple[subprocess.Popen[bytes], int]:
    """Start one command, with its output in a log file of the instance. Return it with the pipe on which it says that it works."""
    if not (folder / RECORD).exists():
        raise UsageError(f"the instance `{folder.name}` was taken down while it started")
    heard, told = os.pipe()
    try:
        with open(touch(str(folder / f"{name}.log")), "ab") as log:
            made = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(told,),
                env={**os.environ, READY: str(told)},
            )
    finally:
        os.close(told)
    return made, heard


def _not_at_work(pipes: dict[str, int]) -> dict[str, str]:
    """Wait until each machine says on its pipe that it works, or has ended. Return what is wrong with those that do not work, or
    whose agent is not well."""
    waiting, end = dict(pipes), time.monotonic() + _STARTS
    failed = dict.fromkeys(pipes, "did not start")
    while waiting and time.monotonic() < end:
        ready, _, _ = select.select(list(waiting.values()), [], [], end - time.monotonic())
        for name in [n for n, pipe in waiting.items() if pipe in ready]:
            pipe = waiting.pop(name)
            said = os.read(pipe, 1)
            if said == WELL:
                del failed[name]
            elif said:
                failed[name] = "has started, and is not well"
            os.close(pipe)
    for pipe in waiting.values():
        os.close(pipe)
    return failed


def down(options: Namespace) -> int:
    """Stop all processes of an instance. Work under way may end. Return the exit code."""
    folder = _folder(options)
    _stop(folder)
    (folder / RECORD).unlink(missing_ok=True)
    print(f"{folder.name} is down")
    return 0


def _stop(folder: Path) -> None:
    """End the processes of an instance, also those that appear meanwhile."""
    end = time.monotonic() + _GRACE
    asked: set[int] = set()
    quiet = 0
    while quiet < _LOOKS:
        pids = [pid for found in running(folder).values() for pid in found]
        quiet = 0 if pids else quiet + 1
        late = time.monotonic() > end
        for pid in pids if late else set(pids) - asked:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
        asked.update(pids)
        time.sleep(_LOOK)


def status(options: Namespace) -> int:
    """Show each process, and whether it lives. Return the exit code: 3 if one of them is gone."""
    folder = _folder(options)
    record, alive = known(folder), running(folder)
    for name in record.machines:
        pid = min(alive[name]) if name in alive else None
        if options.json:
            print(json.dumps({"name": name, "pid": pid, "up": pid is not None}))
        else:
            print(f"{name}  up  {pid}" if pid is not None else f"{name}  gone")
    if not record.machines:
        print(f"{folder.name} is down")
    return 0 if len(alive) == len(record.machines) else 3


def _folder(options: Namespace) -> Path:
    """Return the folder of the named instance, or of the latest one that is up."""
    name = instance_of(options.instance) or os.environ.get("SETT_INSTANCE_NAME")
    setts = Path(state_here(options).at("setts"))
    folders = sorted(setts.glob(f"*/{RECORD}"), key=lambda p: p.stat().st_mtime)
    if name is None and folders:
        return folders[-1].parent
    if name is None or not (setts / name).is_dir():
        raise UsageError(f"there is no instance `{name}` here" if name else "no instance is up here")
    return setts / name


def known(folder: Path) -> Record:
    """Return the record of an instance; an empty one if there is none."""
    try:
        return msgspec.json.decode((folder / RECORD).read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return Record("", {})


def running(folder: Path) -> dict[str, list[int]]:
    """Return the ids of an instance's living processes, by the names of its machines."""
    record = known(folder)
    names = {tuple(words): name for name, words in record.machines.items()}
    found: dict[str, list[int]] = {}
    for process in Path("/proc").glob("[0-9]*") if names else ():
        with suppress(OSError):  # it has ended, or belongs to another user
            words = tuple(os.fsdecode(process.joinpath("cmdline").read_bytes()).split("\0")[:-1])
            if words in names and os.readlink(process / "cwd") == record.folder:
                found.setdefault(names[words], []).append(int(process.name))
    return found

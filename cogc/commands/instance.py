"""The needs of `cogc run --instance NAME`: the instance, and the command line with which its unfinished run was begun.

The head of a journal has what the run was begun with (`begun`): a run that goes on goes on with it, whatever the command
line says that resumes it.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from cogc.commands.budgets import budget
from cogc.commands.inputs import Given
from cogc.commands.options import instance_of
from cogc.commands.usage import UsageError
from cogc.disk.state_folder import StateFolder
from cogc.run.instance import Instance, InstanceError
from cogc.run.instance_folder import INSTANCES
from cogc.run.questions import MAILBOX
from cogc.run.retention import Keep

_BEGUN = {
    "sim": "--sim",
    "epoch": "--epoch",
    "seed": "--seed",
    "inputs": "--input",
    "parameters": "--set",
    "budget": "--budget",
}
"""The parts of a command line that are those of the first start, and their options."""


def keep_of(text: str | None) -> Keep:
    """Return how many runs that are over keep their files, as `--keep` says."""
    try:
        return Keep() if text is None else Keep.of(text)
    except ValueError as error:
        raise UsageError(f"--keep {text}: {error}") from None


def opened(options: Namespace, state: StateFolder, is_runtime: bool = False) -> Instance | None:
    """Return the instance that a command line names, which this process now runs: of a spec, or of a runtime. Raise UsageError if it
    cannot."""
    name = instance_of(options.instance)
    keep = keep_of(options.keep)
    if not name:
        if options.keep is not None:
            raise UsageError("--keep goes with --instance: no other run keeps a journal")
        return None
    try:
        made = Instance(Path(state.make(INSTANCES, name)), options.fresh, keep)
    except InstanceError as error:
        raise UsageError(f"--instance {name}: {error}") from None
    except OSError as error:
        raise UsageError(f"cannot write `{error.filename}`: {str(error.strerror).lower()}") from None
    if made.recording is not None and is_runtime is not bool(made.recording.head.get("runtime")):
        made.close()
        what, word = ("a spec", "resume") if is_runtime else ("a runtime", "runtime start --instance")
        raise UsageError(
            f"--instance {name}: its unfinished run is that of {what}: `cogc {word} {name}` goes on with it, and --fresh gives it up"
        )
    if made.given_up:
        for question in Path(state.at(MAILBOX)).glob(f"{made.given_up}-*.json"):
            question.unlink(missing_ok=True)
    if made.recording is not None and made.recording.torn:
        sys.stderr.write(
            f"cogc: the last line of `{made.folder / 'journal.jsonl'}` was torn, and is cut: line {len(made.recording.events) + 2}\n"
        )
    return made


def say_new(instance: Instance, options: Namespace) -> None:
    """Say on stderr that an instance had no run before: a name that was mistyped, or a folder that was removed, shows so."""
    if instance.is_first and not getattr(options, "quiet", False):
        sys.stderr.write(f"cogc: new instance `{instance.folder.name}`\n")


def begun(options: Namespace, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return what a run is begun with, for the head of its journal."""
    given: list[Given] = options.given
    return {
        "sim": options.sim, "epoch": options.epoch, "seed": options.seed, "parameters": parameters,
        "inputs": [[g.at, g.channel, g.value] for g in given], "budget": budget(options),
        "words": options.command_line, "folder": os.getcwd(), "spec": os.path.abspath(options.spec),
    }  # fmt: skip


def go_on(options: Namespace, instance: Instance, parameters: dict[str, Any]) -> dict[str, Any]:
    """Make a command line that of the first start, where a resumed run goes on with that, and return its parameters. Say what of the
    command line is not used."""
    assert instance.recording is not None
    head = instance.recording.head
    before, now = head["begun"], begun(options, parameters)
    unused = [option for key, option in _BEGUN.items() if before[key] != now[key] and now[key]]
    options.sim, options.epoch = before["sim"], before["epoch"]
    options.given = [Given(channel, value, at) for at, channel, value in before["inputs"]]
    if unused:
        sys.stderr.write(
            f"cogc: {', '.join(unused)} not used: the run goes on with what it was begun with (--fresh begins anew, `cogc send` sends)\n"
        )
    found: dict[str, Any] = before["parameters"]
    return found

"""The recordings that commands repeat, and the files of traces and recordings that they write: one way for runs, setts and runtimes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Literal, TypeAlias

from cogc.commands.streams import Sink, refuse_foreign
from cogc.commands.usage import UsageError
from cogc.kernel.machine import Kernel
from cogc.run import journal
from cogc.run.replay import Divergence, Taken, replay
from cogc.run.retention import PRUNED

Kind: TypeAlias = Literal["a run of coglets", "a runtime", "a sett"]
PRIVATE = 0o600
"""The permissions of a recording, which holds what came from outside as it came."""


def opened(path: str, replayed: str | None = None, mode: int = 0o666) -> Sink:
    """Open a file that a command writes. `replayed` is the recording that is being repeated.

    Raise UsageError if the file cannot be written, holds something else, or is that recording.
    """
    if replayed and os.path.realpath(path) == os.path.realpath(replayed):
        raise UsageError(f"`{path}` is being replayed, and is not overwritten")
    try:
        refuse_foreign(path)
        return Sink(path, f"`{path}`", mode=mode)
    except OSError as error:
        raise UsageError(f"cannot write `{path}`: {str(error.strerror).lower()}") from None


def recorded(path: str, wanted: Kind) -> tuple[dict[str, Any], list[journal.Event]]:
    """Return the head and the events of a recording. Raise UsageError if it cannot be read, is none, was changed, or is one of
    something else than what is wanted."""
    try:
        head, events = journal.read(Path(path))
        if PRUNED in head:
            raise ValueError("the events of this run were removed by `cogc runs --prune`")
        kind: Kind = "a sett" if "sett" in head else "a run of coglets" if "program" in head else "a runtime"
        if kind == wanted:
            return head, events
        reason = f"it is the recording of {kind}, not of {wanted}"
    except OSError as error:
        reason = str(error.strerror).lower()
    except ValueError as error:
        reason = str(error)
    raise UsageError(f"cannot replay `{path}`: {reason}")


def warn_of_program(head: dict[str, Any], digest: str, journal: str = "the journal") -> None:
    """Warn of a recording of another version of the program."""
    if head.get("program") != digest:
        sys.stderr.write(f"cogc: warning: {journal} was recorded from another version of this program\n")


def repeat(kernel: Kernel, events: list[journal.Event], taken: Taken) -> bool:
    """Repeat a recorded run in a new kernel. Return False, and say where, if the run departs from its recording."""
    try:
        replay(kernel, events, taken)
    except Divergence as error:
        say_departure(error)
        return False
    return True


def say_departure(error: Divergence) -> None:
    """Say on stderr where a replay departs from the recording."""
    sys.stderr.write(f"cogc: the replay departs from the recording: {error}\n")


def refuse_torn(path: str, events: list[journal.Event]) -> None:
    """Raise UsageError for a recording that was repeated, and breaks off."""
    if not journal.is_whole(events):
        raise UsageError(f"the recording `{path}` is incomplete: it breaks off after line {len(events) + 1}")

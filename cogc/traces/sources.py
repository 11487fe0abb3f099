"""The source of the trace of a view: a file, a run that goes on, or the journal of an instance.

Whatever it is, the viewer reads a file. What a run says over its socket, and what a replay of a journal tells, is written to a temporary
file by a thread, which is gone with the viewer.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from cogc import ir
from cogc.disk.files import refuse_unreadable
from cogc.disk.state_folder import StateFolder
from cogc.run import control_client
from cogc.run.instance_folder import INSTANCES, JOURNAL
from cogc.run.trace import encoded
from cogc.traces import journals
from cogc.traces.parts import changed, closed, is_there

if TYPE_CHECKING:
    from cogc.traces.moments import Find
    from cogc.traces.travel import Travel

TRACE = "trace.jsonl"
_PATIENCE = 0.5
"""Seconds in which a thread that writes a trace has to end with its viewer; one that does not ends with the process."""
Load = Callable[[str, dict[str, Any]], ir.Bundle | None]
"""Gives the program of a spec, with what the run was begun with, or None if it has mistakes."""


class Traced:
    """A trace file, to be used as a context manager: `path`, with what it is `about`, and the `spec` of its run, if that is known.

    `news` is what went wrong with it since, for people. `is_endless` if it comes over a socket, for as long as the run goes on. `travel` gives its
    journal, for the states at each record, or None if there is none.
    """

    def __init__(self, path: str, about: str, spec: str = "") -> None:
        self.path = path
        self.about = about
        self.spec = spec
        self.news = ""
        self.is_endless = False
        self.travel: Find = lambda run: None
        self._written: threading.Thread | None = None
        self._end = threading.Event()
        self._file: BinaryIO | None = None

    def __enter__(self) -> Traced:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End what writes the trace, and let its file go."""
        self._end.set()
        if self._written is not None and self._file is not None:
            self._written.join(_PATIENCE)
            if not self._written.is_alive():
                self._file.close()

    @classmethod
    def written(cls, about: str, spec: str, write: Callable[[Traced, BinaryIO], None]) -> Traced:
        """Return a trace in a temporary file that a thread writes. The file has no name, so that it is gone with this process, however that ends."""
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - open as long as it is read
        made = cls(f"/proc/self/fd/{file.fileno()}", about, spec)
        made._file = file

        def run() -> None:
            try:
                write(made, file)
            except (OSError, ValueError) as error:
                made.news = str(error.strerror).lower() if isinstance(error, OSError) and error.strerror else str(error)

        made._written = threading.Thread(target=run, daemon=True)
        made._written.start()
        return made

    def wait(self) -> None:
        """Wait until a trace that a thread writes is whole."""
        if self._written is not None:
            self._written.join()

    @property
    def is_over(self) -> bool:
        """True if the viewer has ended."""
        return self._end.is_set()


def found(word: str | None, state: StateFolder, spec: str, load: Load) -> Traced:
    """Return the trace that a word of the command line means: a file or a folder of a run, an instance, or the id of a run or its beginning.

    Without a word it is the run that goes on, else the last one with a trace. Raise LookupError if there is none, OSError if a file cannot be read.
    """
    if word is not None and (os.path.exists(word) or is_there(word)):
        return _file(word, state, spec, load)
    if word is not None and os.path.isfile(place := state.at(INSTANCES, word, JOURNAL)):
        return _journal(place, f"instance {word}", spec, load)
    runs = {folder.name: folder for folder in sorted(Path(state.at(control_client.RUNS)).glob("*")) if folder.is_dir()}
    names = [name for name in runs if name == word] or [name for name in runs if name.startswith(word or "")]
    sockets = control_client.sockets(state)
    if word is None:
        going = [name for name in names if name in sockets]
        kept = [name for name in names if is_there(str(runs[name] / TRACE))]
        names = going or sorted(kept, key=lambda name: changed(str(runs[name] / TRACE)))[-1:]
    if len(names) > 1:
        raise LookupError(f"several runs are meant: name one of {', '.join(names)}")
    if not names:
        raise LookupError(
            f"there is no file, no instance and no run `{word}`"
            if word
            else "there is no run with a trace here: name a file"
        )
    folder = runs[names[0]]
    if is_there(str(folder / TRACE)):
        return _with_journal(Traced(str(folder / TRACE), f"run {names[0]}", spec), state, load)
    if names[0] not in sockets:
        raise LookupError(f"the run `{names[0]}` is over, and has left no trace")
    return _tail(sockets[names[0]], f"run {names[0]}", spec)


def _file(word: str, state: StateFolder, spec: str, load: Load) -> Traced:
    path = os.path.join(word, TRACE) if os.path.isdir(word) else word
    if not closed(path):
        refuse_unreadable(path)
    if os.path.exists(path) and journals.is_journal(path):
        return _journal(path, path, spec, load)
    return _with_journal(Traced(path, path, spec), state, load)


def _with_journal(made: Traced, state: StateFolder, load: Load) -> Traced:
    """Let a trace know the journal of its run, which is looked for when somebody asks for it."""

    def travel(run: str) -> Travel | None:
        from cogc.kernel.unit import Unit  # as below
        from cogc.traces.travel import Travel

        found = journals.of_run(run, Path(made.path), state)
        spec = "" if found is None else made.spec or str(found.begun.get("spec", ""))
        bundle = load(spec, found.begun) if found is not None and spec else None
        return None if found is None or bundle is None else Travel(found.path, Unit(bundle))

    made.travel = travel
    return made


def _journal(path: str, about: str, spec: str, load: Load) -> Traced:
    """Return the trace of a journal. Its spec is the one that it was begun with, if none is given."""
    from cogc.kernel.unit import Unit  # the kernel is slow to import, and is needed for journals alone
    from cogc.traces.replayed import write_trace
    from cogc.traces.travel import Travel

    try:
        begun = journals.begun_of(Path(path))
    except ValueError as error:
        raise LookupError(f"`{path}`: {error}") from None
    spec = spec or str(begun.get("spec", ""))
    if not spec:
        raise LookupError(f"`{path}` is a journal: --spec names the spec of its run")
    bundle = load(spec, begun)
    if bundle is None:
        raise LookupError(f"`{spec}` has mistakes: cogc check {spec}")
    unit = Unit(bundle)
    try:
        travel = Travel(Path(path), unit)
    except ValueError as error:
        raise LookupError(f"`{path}`: {error}") from None

    def write(made: Traced, file: BinaryIO) -> None:
        made.news = write_trace(travel, file)

    made = Traced.written(f"{about} (journal)", spec, write)
    made.travel = lambda run: Travel(Path(path), unit)  # one of its own, since the other is at work in a thread
    return made


def _tail(socket: Path, about: str, spec: str) -> Traced:
    """Return the trace of a run from now on, as it tells it over its socket."""

    def write(made: Traced, file: BinaryIO) -> None:
        for answer in control_client.follow(socket, {"action": "tail"}, lambda: made.is_over):
            if made.is_over:
                return
            if "error" in answer:
                made.news = str(answer["error"])
            if answer.get("lost"):
                made.news = f"{answer['lost']} records were lost: this viewer was too slow"
            if "item" in answer:
                file.write(encoded(answer["item"]) + b"\n")

    made = Traced.written(about, spec, write)
    made.is_endless = True
    return made

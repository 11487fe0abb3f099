"""The texts of the files from which the coglets of a run come, with their places in them.

Only files that a program of the run names in its positions, or that hold the class of one of its coglets, are read.
"""

from __future__ import annotations

from typing import Any

from cogc.disk.texts import lines_of
from cogc.kernel.coder import Coder
from cogc.kernel.machine import Kernel
from cogc.kernel.objects import Instance
from cogc.run.marks import Marks


class Texts:
    """The files of one run that may be shown, by their names."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.known: set[str] = set()

    def place(self, inst: Instance, marks: Marks) -> dict[str, Any] | None:
        """Return where a coglet is declared, and the lines at which it waits: `{"file", "line", "waits"}`; None if it is not known."""
        written = marks.source(inst.path)
        if written is not None and written[0]:
            self.known.add(written[0])
            return {"file": written[0], "line": written[1], "waits": []}
        found = self._at(inst, inst.code.ir.at)
        if found is None or found[0] == "runtime.cog":
            return None
        self.known.add(found[0])
        waits = [self._at(inst, _waiting_at(inst.code.coder, a.generator)) for a in inst.activities or ()]
        lines = sorted({at[1] for at in waits if at is not None and at[0] == found[0]})
        return {"file": found[0], "line": found[1], "waits": lines}

    def _at(self, inst: Instance, at: int) -> tuple[str, int] | None:
        positions = inst.code.unit.bundle.positions
        return positions[at][:2] if 0 <= at < len(positions) else None

    def read(self, file: str) -> dict[str, Any] | None:
        """Return the text of a file as `lines_of` gives it; None for a file of which no place was given."""
        return lines_of(file) if file in self.known else None


def _waiting_at(coder: Coder, generator: object) -> int:
    """Return the position number of the statement in which the generator of a reaction waits; -1 if it is not known."""
    found = -1
    while generator is not None:
        frame = getattr(generator, "gi_frame", None)
        if frame is not None and frame.f_globals is coder.space:
            lines = coder.lines_at.get(frame.f_code.co_filename, [])
            at = lines[frame.f_lineno - 1] if 0 < frame.f_lineno <= len(lines) else -1
            found = at if at >= 0 else found
        generator = getattr(generator, "gi_yieldfrom", None)
    return found

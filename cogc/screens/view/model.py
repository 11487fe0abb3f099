"""The state that all panes share: the trace that is viewed, and the current record of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from cogc import ir
from cogc.disk.texts import lines_of
from cogc.traces import moment
from cogc.traces.conversations import Conversations
from cogc.traces.index import Index
from cogc.traces.places import Places
from cogc.traces.query import Matches, Query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.traces.moments import Known, Moments


class View:
    """A trace that is viewed. `row` is the current record, `about` says where the trace comes from.

    With `follow` the current record is the last one. `matches` has the rows that pass the filter and are of `coglet`, the path to which
    the panes keep, or is None where all do. `moments` has what a journal says beyond the trace, if there is one; a view that `waits` for it replays at once. `other` is the trace with which it is compared. `load` gives the program of the trace, when it is first needed.
    """

    def __init__(
        self, index: Index, about: str, load: Callable[[], ir.Bundle | None] = lambda: None, spec: str = ""
    ) -> None:
        self.index = index
        self.about = about
        self.spec = spec
        self.row = 0
        self.follow = False
        self.matches: Matches | None = None
        self.filter = ""
        self._coglet = ""
        self._query = Query()
        self.other = ""
        self.moments: Moments | None = None
        self.waits = False
        self._load = load
        self._bundle: ir.Bundle | None = None
        self._is_loaded = False
        self._places: Places | None = None
        self._talks: Conversations | None = None
        self._texts: dict[str, dict[str, object]] = {}

    # ---- moving ------------------------------------------------------------------------------------------------

    def go(self, row: int) -> None:
        """Make a row the current one, as near as there is one."""
        self.row = max(0, min(row, self.index.count - 1))

    def catch_up(self) -> None:
        """Go to the last record if the end is followed; stay inside of the trace in any case."""
        self.go(self.index.count - 1 if self.follow else self.row)

    def set_filter(self, words: str, query: Query) -> None:
        """Show only the rows that match."""
        self.filter, self._query = words, query
        self._match()

    @property
    def coglet(self) -> str:
        return self._coglet

    @coglet.setter
    def coglet(self, path: str) -> None:
        self._coglet = path
        self._match()

    def _match(self) -> None:
        query = msgspec.structs.replace(self._query, under=self._coglet)
        self.matches = None if query.is_empty else Matches(self.index, query)

    # ---- the journal -------------------------------------------------------------------------------------------

    @property
    def answers(self) -> int:
        """The number of moments that have become known from the journal."""
        return 0 if self.moments is None else self.moments.answers

    def known(self, row: int) -> Known:
        """Return the coglets behind a row as the journal has them, by their paths; none where it is not known, or not yet, or the end is followed."""
        if self.moments is None or self.follow or not self.index.count:
            return {}
        return self.moments.at(self.index.record(row), self.waits) or {}

    def states(self, path: str, row: int) -> dict[str, Any]:
        """Return the states of a coglet at a row: those of the journal, else those that the trace tells."""
        coglet = self.known(row).get(path)
        return moment.states(self.index, path, row) if coglet is None else coglet["states"]

    # ---- the program -------------------------------------------------------------------------------------------

    @property
    def bundle(self) -> ir.Bundle | None:
        """The program of the trace, or None if it is not known."""
        if not self._is_loaded:
            self._is_loaded = True
            self._bundle = self._load()
        return self._bundle

    @property
    def places(self) -> Places | None:
        """The places of the program, or None."""
        if self._places is None and self.bundle is not None:
            self._places = Places(self.bundle, self.index)
        return self._places

    @property
    def talks(self) -> Conversations:
        """The conversations so far."""
        if self._talks is None:
            self._talks = Conversations(self.index, self.bundle)
        self._talks.read()
        return self._talks

    def text(self, file: str) -> dict[str, object]:
        """Return the text of a file of the program: `{"file", "lines"}`, or with `error`."""
        if file not in self._texts:
            self._texts[file] = lines_of(file)
        return self._texts[file]

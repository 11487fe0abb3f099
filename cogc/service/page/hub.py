"""The part that all clients of the page share: one look at the source, made at most so often that the run keeps its speed."""

from __future__ import annotations

import time
from typing import Any

import trio

from cogc.service.page.source import Look, Source

FASTEST = 0.25
"""The shortest pause between two looks, in seconds."""
SHARE = 0.01
"""The part of the run's time that looks may take."""
MOST = 64
"""The most clients at once."""


class Hub:
    """The clients of one source. `fastest` is the shortest pause between two looks, `pace` the present one, in seconds: the
    longer looks take, the longer it is."""

    def __init__(self, source: Source, fastest: float = FASTEST) -> None:
        self.source = source
        self.clients = 0
        self.fastest = self.pace = fastest
        self._look: Look | None = None
        self._looked = float("-inf")
        self._graph: dict[str, Any] = {}
        self._drawn = float("-inf")

    @property
    def is_full(self) -> bool:
        return self.clients >= MOST

    def look(self, fresh: bool = False) -> Look:
        """Return the last look, or a new one if it is to be `fresh`, or the last is older than the pace."""
        now = trio.current_time()
        if self._look is None or fresh or now - self._looked >= self.pace * 0.9:
            began = time.thread_time()
            self._look, self._looked = self.source.look(), now
            self.spend(time.thread_time() - began)
        return self._look

    def graph(self, fresh: bool = False) -> dict[str, Any]:
        """Return the last graph, or a new one, as `look` does."""
        now = trio.current_time()
        if fresh or now - self._drawn >= self.pace * 0.9:
            began = time.thread_time()
            self._graph, self._drawn = self.source.graph(), now
            self.spend(time.thread_time() - began)
        return self._graph

    @property
    def is_cheap(self) -> bool:
        """True if looks take so little that one may be made whenever a client asks."""
        return self.pace <= self.fastest

    def spend(self, seconds: float) -> None:
        """Take note of what a look or a picture has cost, and set the pace by it."""
        wanted = seconds * max(1, self.clients) / SHARE
        self.pace = max(self.fastest, wanted, self.pace * 0.9)

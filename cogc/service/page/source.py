"""The content of the page, whatever it comes from: `Source`, and the records that it gives.

There are two sources: a run (`run_source.py`), and the registry of a script (`registry_source.py`). A source only reads. What
it gives is of one instant, and is made anew at each look; `socket.py` says how often that is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from cogc.service.page.life import Life
from cogc.service.page.records import TraceRing


class Seen(NamedTuple):
    """A coglet as its box shows it. `parent` is empty at the top. `kind` is what was declared: coglet, agent, plan, ..."""

    id: str
    parent: str
    label: str
    class_name: str
    kind: str
    doc: str


class Counted(Protocol):
    """Counts the messages that have gone a way."""

    count: int


class Flow(NamedTuple):
    """A way of messages from one coglet to another. `kind`: data for a link, observe, send for what a coglet writes to its child.

    `counter` counts the messages that have gone this way; it is None where nobody counts.
    """

    source: str
    target: str
    channel: str
    kind: str
    counter: Counted | None


class State(NamedTuple):
    """The changing part of a box: its status, the part of its fullest inbox that is filled, and its restarts."""

    status: str
    fill: float
    restarts: int


class Look(NamedTuple):
    """All coglets, each behind its parent, with their states in the same order, and all flows."""

    seen: list[Seen]
    states: list[State]
    flows: list[Flow]


class Source(Protocol):
    """The content of the page. `trace` is None where there is none, and `life` where nothing fails or restarts."""

    trace: TraceRing | None
    life: Life | None

    def head(self) -> dict[str, Any]:
        """Return `{"title", "run", "has": {"trace", "life", "source", "details"}}`."""
        ...

    def graph(self) -> dict[str, Any]:
        """Return the graph in the form of the first system: nodes by ids, and edges."""
        ...

    def look(self) -> Look:
        """Return all coglets and flows."""
        ...

    def details(self, id: str) -> dict[str, Any] | None:
        """Return all that is known of a coglet, or None if there is none."""
        ...

    def watch(self, id: str) -> Callable[[], None]:
        """Keep the messages of a coglet while somebody inspects it. Return what ends this."""
        ...

    def text(self, file: str) -> dict[str, Any] | None:
        """Return the text of a file of the source, `{"file", "lines", "changed"}`; None for any other file."""
        ...

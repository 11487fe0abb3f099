"""The live view of a sett in a terminal: claims by phase with their bids, artefacts by threads, the last events."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trio
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cogc.diagnostics.visible import shown_line
from cogc.screens.live import Picture
from cogc.sett.board import Board
from cogc.sett.model import Artefact, Claim
from cogc.sett.report import gist

_PERIOD = 0.2
"""Seconds between two pictures."""
_EVENTS = 8
_STYLES = {"complete": "green", "terminated": "red", "pending_assignment": "yellow", "pending_consensus": "cyan"}


class SettView:
    """Draws a board several times a second until it is closed."""

    def __init__(self, board: Board, instance: str, console: Console) -> None:
        self.board = board
        self.instance = instance
        self.events: deque[Text] = deque(maxlen=_EVENTS)
        self.console = console
        self.live = Picture(console)
        self.closed = False
        self.paused = False

    async def run(self) -> None:
        """Draw the board every _PERIOD until cancelled or closed."""
        self.live.start()
        try:
            while not self.closed:
                picture = await self.picture()
                if not self.paused:
                    self.live.update(picture, refresh=True)
                await trio.sleep(_PERIOD)
        finally:
            self.close()

    def close(self) -> None:
        """End the view; the last picture stays on the screen."""
        if not self.closed:
            self.closed = True
            self.live.stop()

    def note(self, kind: str, path: str, fields: dict[str, Any]) -> None:
        """Keep an event for the list of the last events. Changes of the board itself are drawn from the board."""
        if kind == "log":
            self.events.append(
                Text(shown_line(f"{path}: {fields['data']}"), "yellow" if fields["level"] == "warn" else "")
            )
        elif kind == "grant" or (kind == "bid" and fields["bid"] != "ignore"):
            self.events.append(Text(shown_line(f"{path}: {kind} {fields['bid']}"), "dim"))

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Free the terminal for a question to a person."""
        self.live.stop()
        self.paused = True
        try:
            yield
        finally:
            self.paused = False
            if not self.closed:
                self.live.start()

    async def picture(self) -> Group:
        """Return the whole view as the board is now."""
        try:
            artefacts, claims = await self.board.artefacts(), await self.board.claims()
        except ConnectionError as error:
            return Group(Text(shown_line(str(error)), "red"))
        rows = max(4, (self.console.height - _EVENTS - 8) // 2)
        by_id = {a.id: a for a in artefacts}
        parts: list[Any] = [self._claims(claims[-rows:], by_id), self._artefacts(artefacts, rows)]
        if self.events:
            parts.append(Panel(Group(*self.events), title="events", title_align="left"))
        return Group(*parts)

    def _claims(self, claims: list[Claim], by_id: dict[str, Artefact]) -> Table:
        """Return the table of claims with their bids."""
        table = Table(title=_text(f"sett {self.instance}: claims"), title_justify="left", expand=True)
        for column in ("artefact", "phase", "bids"):
            table.add_column(column, no_wrap=True)
        for claim in claims:
            about = by_id.get(claim.artefact_id)
            name = f"{about.type} v{about.version}" if about is not None else claim.artefact_id[:8]
            bids = ", ".join(f"{r}: {b}" for r, b in claim.bids.items() if b != "ignore")
            status = Text(claim.status.removeprefix("pending_"), _STYLES.get(claim.status, "blue"))
            table.add_row(_text(name), status, _text(f"{bids}{f'  {claim.reason}' if claim.reason else ''}"))
        return table

    def _artefacts(self, artefacts: list[Artefact], rows: int) -> Table:
        """Return the table of threads, each by its newest version."""
        newest = {a.logical_id: a for a in artefacts}
        table = Table(title="artefacts", title_justify="left", expand=True)
        for column in ("type", "v", "kind", "by", "what"):
            table.add_column(column, no_wrap=True, ratio=1 if column == "what" else None)
        for a in list(newest.values())[-rows:]:
            kind = Text(shown_line(a.structural_type), "red" if a.structural_type == "Failure" else "")
            table.add_row(_text(a.type), str(a.version), kind, _text(a.produced_by_role), _text(gist(a)))
        return table


def _text(words: str) -> Text:
    """Return words of others as they may be shown: without secrets, controls and marks of the table's own."""
    return Text(shown_line(words))

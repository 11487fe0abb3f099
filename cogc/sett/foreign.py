"""Takes over what tools of the first system write into Redis: goals, answers, bids, and the answers of their cubs to grants.

The tools publish all of it on two channels (`sett/echo.py`). What our own machines have written comes back on them too, and is known
by its id. A message that has another form, or is about a claim that there is not, is logged and left out.

An answer of a foreign cub belongs to the grant of its role on the claim of the artefact that it was made from. It is committed like
an answer of ours: the grant is taken, with a token, and is done. Until then the grant waits, since a foreign cub knows no leases.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import trio

from cogc.sett.board import Board
from cogc.sett.echo import Echo, head
from cogc.sett.model import BIDS, STRUCTURAL, USER, Artefact, Grant
from cogc.stores.base import Store
from cogc.stores.redis import RedisStore

_PAUSE = 1.0
"""Seconds until a server that was lost is listened to again."""
_LEASE = 30.0


async def listen(store: Store, instance: str, note: Callable[..., None]) -> None:
    """Take over what tools of the first system write for an instance, until cancelled. Only a board in Redis can hear them."""
    if isinstance(store, RedisStore) and isinstance(store.echo, Echo):
        await Foreign(Board(store), store.echo, note).run(store, instance)


class Foreign:
    """Hears the first system's tools for one instance. `note` hears of what could not be taken over."""

    def __init__(self, board: Board, echo: Echo, note: Callable[..., None]) -> None:
        self.board = board
        self.echo = echo
        self.note = note

    async def run(self, store: RedisStore, instance: str) -> None:
        """Take over what comes, until cancelled."""
        own = head(instance)
        while True:
            try:
                await store.hear([f"{own}artefact_events", f"{own}workflow_events"], self.take)
            except ConnectionError as error:
                self.note("log", "holt", level="warn", data=str(error))
            await trio.sleep(_PAUSE)

    async def take(self, channel: str, message: str) -> None:
        """Take over one message."""
        try:
            found = json.loads(message)
            if channel.endswith(":artefact_events"):
                await self._artefact(found)
            elif found["event"] == "bid_submitted":
                await self._bid(**found["data"])
        except (ValueError, TypeError, KeyError, msgspec.ValidationError) as wrong:
            self.note("log", "holt", level="warn", data=f"a message on {channel} is not understood: {wrong}")

    async def _artefact(self, found: dict[str, Any]) -> None:
        """Take over an artefact that the board does not have: of a person, or the answer to a grant."""
        made = _ours(found)
        if await self.board.artefact(made.id) is not None:
            return
        self.echo.heard.add(made.id)
        if made.produced_by_role == USER:
            await self.board.post(made)
            return
        grant = await self._grant_of(made)
        if grant is None:
            self.note(
                "log",
                "holt",
                level="warn",
                data=f"{made.type} of {made.produced_by_role} answers no grant, and is left out",
            )
            return
        await self.board.commit(grant, made)

    async def _grant_of(self, made: Artefact) -> Grant | None:
        """Take the grant that an artefact answers, or return None."""
        for claim in await self.board.claims(open_only=True):
            if claim.artefact_id in made.source_artefacts:
                grant = await self.board.take(made.produced_by_role, "holt", _LEASE, claim.id)
                if grant is not None:
                    return grant
        return None

    async def _bid(self, claim_id: str, agent_name: str, bid_type: str, **_: Any) -> None:
        """Take over a bid. The board refuses it if the role has bid already, as ours have."""
        if bid_type not in BIDS:
            raise ValueError(f"`{bid_type}` is no bid")
        self.echo.heard.add(f"{claim_id}:{agent_name}")
        await self.board.bid(claim_id, agent_name, bid_type)


def _ours(found: dict[str, Any]) -> Artefact:
    """Return an artefact of the first system. Raise ValueError for one that is none."""
    if found["structural_type"] not in STRUCTURAL:
        raise ValueError(f"`{found['structural_type']}` is no structural type")
    fields = {k: v for k, v in found.items() if k != "created_at_ms"}
    return msgspec.convert({**fields, "created_at": found.get("created_at_ms", 0) / 1000}, Artefact)

"""The events of a blackboard, for those who watch it.

The model
    A board keeps what is the case, not what has happened. `Watcher.news` compares it with what it has seen before, and gives one
    event for each difference. The names of the events and the fields of their `data` are those of the first system (`sett/holt.py`
    writes the same events into Redis), so that tools which read its stream read this one. `claim_status` is ours: the first
    system tells only of new claims.

    artefact_created        an artefact
    artefact_reworked       a new version of a thread
    review_approved, review_rejected
    claim_created, claim_status, feedback_claim_created
    bid_submitted, claim_granted
    workflow_completed      a Terminal artefact

Order
    The events of one look are in the order of their times. A bid and a grant have none of their own: they come right behind their
    claim, or at the time of the look if the claim was seen before.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import msgspec

from cogc.sett.board import Board
from cogc.sett.events import of_artefact, of_bid, of_grant
from cogc.sett.model import CLOSED, UNWANTED, Artefact, Claim
from cogc.sett.report import failed_bids, gist, line


class Happening(NamedTuple):
    """One event. `at` is its time in seconds, `about` the artefact that it is about, `role` who has done it, `said` the event as one
    line for people."""

    at: float
    event: str
    data: dict[str, Any]
    about: Artefact
    role: str
    said: str


class Filter(NamedTuple):
    """A selection of events and artefacts: from a time on, up to a time (seconds; None: without a bound), about
    types that match a pattern, by one role."""

    since: float | None = None
    until: float | None = None
    type: str = ""
    agent: str = ""

    def takes(self, at: float, artefact: Artefact, role: str) -> bool:
        """Return whether an event at a time, about an artefact, by a role, is wanted."""
        return (
            (self.since is None or at >= self.since)
            and (self.until is None or at <= self.until)
            and (not self.type or fnmatchcase(artefact.type, self.type))
            and (not self.agent or role == self.agent)
        )


class Watcher:
    """Compares a board with what it was at the last look."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.artefacts: dict[str, Artefact] = {}
        self.claims: dict[str, Claim] = {}
        self.bids: set[tuple[str, str]] = set()
        self.grants: set[str] = set()

    async def news(self) -> list[Happening]:
        """Return what has happened since the last look, at the first one all that the board knows of."""
        found: list[Happening] = []
        now = await self.board.store.now()
        for artefact in await self.board.artefacts():
            if artefact.id not in self.artefacts:
                self.artefacts[artefact.id] = artefact
                found += self._made(artefact)
        for claim in await self.board.claims():
            seen = self.claims.get(claim.id)
            if seen is None or seen.status not in CLOSED:
                found += await self._moved(claim, seen, now)
                self.claims[claim.id] = claim
        return sorted(found, key=lambda h: h.at)

    def _made(self, artefact: Artefact) -> Iterator[Happening]:
        """Return the events of a new artefact."""
        role = artefact.produced_by_role
        versions = [
            a for a in self.artefacts.values() if a.logical_id == artefact.logical_id and a.version < artefact.version
        ]
        before = max(versions, key=lambda a: a.version).id if versions else ""
        about = self.artefacts.get(artefact.source_artefacts[0]) if artefact.source_artefacts else None
        for event, data in of_artefact(artefact, before):
            said = {
                "artefact_created": line(artefact),
                "review_approved": f"{_short(about or artefact)}  review: {role} approves",
                "review_rejected": f"{_short(about or artefact)}  review: {role} rejects: {gist(artefact)}",
                "artefact_reworked": f"{_short(artefact)}  rework: {role} has made version {artefact.version}",
                "workflow_completed": f"{_short(artefact)}  the workflow has ended",
            }[event]
            subject = about if event.startswith("review") and about is not None else artefact
            yield Happening(artefact.created_at, event, data, subject, role, said)

    async def _moved(self, claim: Claim, seen: Claim | None, now: float) -> list[Happening]:
        """Return the events of a claim that is new, or was open at the last look."""
        found: list[Happening] = []
        artefact = self.artefacts[claim.artefact_id]
        at = claim.created_at if seen is None else now
        head = _short(artefact)

        def add(event: str, data: dict[str, Any], role: str, said: str) -> None:
            found.append(Happening(at, event, data, artefact, role, f"{head}  {said}"))

        if seen is None:
            add(
                "claim_created",
                {"id": claim.id, "artefact_id": claim.artefact_id, "status": claim.status},
                "",
                "claim: new",
            )
        for role, bid in sorted((await self.board.bids(claim.id)).items()):
            if (claim.id, role) not in self.bids:
                self.bids.add((claim.id, role))
                event, data = of_bid(claim.id, role, bid)
                add(event, data, role, f"bid: {role} {bid}")
        for grant in await self.board.grants(claim.id):
            if grant.id not in self.grants:
                self.grants.add(grant.id)
                event, data = of_grant(grant)
                add(event, data, grant.role, f"grant: {grant.role} {'rework' if grant.rework else grant.kind}")
                if grant.rework:
                    feedback = {
                        "feedback_claim_id": claim.id,
                        "original_claim_id": claim.id,
                        "target_agent_role": grant.role,
                        "iteration": artefact.version,
                    }
                    add("feedback_claim_created", feedback, grant.role, f"claim: sent back to {grant.role}")
        if seen is None or seen.status != claim.status:
            reason = f", {claim.reason}" if claim.reason else ""
            data = {"claim_id": claim.id, "artefact_id": artefact.id, "status": claim.status, "reason": claim.reason}
            add("claim_status", data, "", f"claim: {claim.status}{reason}")
            for failed in await failed_bids(self.board, claim.id) if claim.reason == UNWANTED else ():
                add("bid_failed", {"claim_id": claim.id, "reason": failed}, failed.partition(":")[0], failed)
        return found


def as_json(happening: Happening) -> str:
    """Return an event as a line of JSON: `timestamp` (RFC 3339), `event`, `data`."""
    from datetime import UTC, datetime

    time = datetime.fromtimestamp(happening.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return msgspec.json.encode({"timestamp": time, "event": happening.event, "data": happening.data}).decode()


def _short(artefact: Artefact) -> str:
    return artefact.id[:8]

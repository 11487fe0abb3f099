"""A blackboard in Redis as the tools of the first system know it: its keys, its hashes and its events, beside ours.

The model
    Our own board keeps its records below `sett:INSTANCE:` (`sett/board.py`), with leases, tokens, and one claim through all of a
    rework. The command line and the cubs of the first system read hashes below `holt:INSTANCE:` and listen to its channels. So a
    transaction on a board in Redis writes both: `Echo` turns what it writes into commands for those keys, which take effect in the
    same script. Our machines never decide by them. `sett/foreign.py` takes over what tools of the first system write there.

    artefact:ID              hash: id logical_id version structural_type type payload source_artefacts produced_by_role created_at_ms
    thread:LOGICAL_ID        sorted set: the versions of one thing, by version
    claim:ID                 hash: id artefact_id status granted_review_agents granted_parallel_agents granted_exclusive_agent
                             additional_context_ids termination_reason phase_state grant_queue and four more
    claim:ID:bids            hash: the bid of each agent
    claim_by_artefact:ID     the claim of an artefact

    artefact_events          an artefact, as JSON
    claim_events             a new claim, as JSON
    agent:ROLE:events        {"event_type": "grant", "claim_id", "claim_type"}
    workflow_events          {"event", "data"} of the events in `sett/events.py`

The old view of a rework
    The first system terminates the claim of a rejected artefact, and makes a second one, `pending_assignment`, for the agent that
    made it. Ours goes on with the same claim. The echo shows it as the two claims; the id of the second one follows from that of
    the first (`second`).

What differs from there
    A claim whose agents still bid has the status `pending_review`, as there. In `phase_state`, `received` stays empty. Image ids are
    empty, since images are not looked up by them here.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import msgspec

from cogc.sett.events import of_artefact, of_bid, of_grant
from cogc.sett.model import CLOSED, PHASES, Artefact, Claim, Grant
from cogc.stores.base import Written

_GRANTED = {
    "pending_review": "granted_review_agents",
    "pending_parallel": "granted_parallel_agents",
    "pending_exclusive": "granted_exclusive_agent",
}
_PHASE = {"pending_review": "review", "pending_parallel": "parallel", "pending_exclusive": "exclusive"}
_ONE_WAY = ("artefact_created", "workflow_completed")
"""The events that have no place among those of the workflow."""

Command = list[str]


def head(instance: str) -> str:
    """Return the beginning of the first system's keys of an instance."""
    return f"holt:{instance}:"


def second(claim_id: str) -> str:
    """Return the id of the claim by which the first system sends the artefact of a claim back."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, claim_id))


class Echo:
    """Turns what a transaction of one instance has written into commands for the first system's keys.

    `heard` are the ids of artefacts, and the bids, that came from there: they are not published again.
    """

    def __init__(self, instance: str) -> None:
        self.head = head(instance)
        self.heard: set[str] = set()
        self.status: dict[str, str] = {}

    def __call__(self, written: list[Written]) -> list[Command]:
        """Return the commands for the writes of a transaction."""
        commands: list[Command] = []
        grants = [msgspec.convert(w.value, Grant) for w in written if w.key.startswith("grant:")]
        for write in written:
            kind, _, id = write.key.partition(":")
            if write.field:
                commands += self._bid(id.removesuffix(":bids"), write.field, write.value)
            elif kind == "artefact":
                commands += self._artefact(msgspec.convert(write.value, Artefact))
            elif kind == "claim":
                before = self.status.get(id, "") if write.before is None else write.before["status"]
                claim = msgspec.convert(write.value, Claim)
                if claim.status != before:
                    commands += self._claim(claim, before, [g for g in grants if g.id in claim.grants])
                    self.status[id] = claim.status
        return commands

    # ---- artefacts and bids --------------------------------------------------------------------------------

    def _artefact(self, artefact: Artefact) -> Iterator[Command]:
        found = in_their_form(artefact)
        yield ["HSET", f"{self.head}artefact:{artefact.id}", *_fields(found)]
        yield ["ZADD", f"{self.head}thread:{artefact.logical_id}", str(artefact.version), artefact.id]
        if artefact.id not in self.heard:
            yield ["PUBLISH", f"{self.head}artefact_events", _json(found)]
        for event, data in of_artefact(artefact):
            if event not in _ONE_WAY:
                yield self._tell(event, data)

    def _bid(self, claim_id: str, role: str, bid: str) -> Iterator[Command]:
        yield ["HSET", f"{self.head}claim:{claim_id}:bids", role, bid]
        if f"{claim_id}:{role}" not in self.heard:
            yield self._tell(*of_bid(claim_id, role, bid))

    # ---- claims --------------------------------------------------------------------------------------------

    def _claim(self, claim: Claim, before: str, grants: list[Grant]) -> Iterator[Command]:
        """Yield the commands for a claim whose status has changed. `grants` are those that were made with it."""
        own, again = f"{self.head}claim:{claim.id}", f"{self.head}claim:{second(claim.id)}"
        if not before:
            yield from self._new(own, {"id": claim.id, "artefact_id": claim.artefact_id, "status": "pending_review"})
        if claim.status in PHASES:
            roles = [g.role for g in grants]
            granted = "".join(roles[:1]) if claim.status == "pending_exclusive" else _json(roles)
            state = {
                "current": _PHASE[claim.status], "granted_agents": roles, "received": {}, "all_bids": claim.bids,
                "start_time_ms": int(claim.created_at * 1000),
            }  # fmt: skip
            last = ["last_grant_agent", "".join(roles[-1:]), "artefact_expected", "1"]
            yield [
                "HSET",
                own,
                "status",
                claim.status,
                _GRANTED[claim.status],
                granted,
                "phase_state",
                _json(state),
                *last,
            ]
            for grant in grants:
                told = {"event_type": "grant", "claim_id": claim.id, "claim_type": grant.kind}
                yield ["PUBLISH", f"{self.head}agent:{grant.role}:events", _json(told)]
                yield self._tell(*of_grant(grant))
        elif claim.status == "pending_assignment":
            why = f"Terminated due to negative review feedback. See artefacts: [{' '.join(claim.reviews)}]"
            yield ["HSET", own, "status", "terminated", "termination_reason", why, "phase_state", ""]
            yield from self._sent_back(claim, again, "".join(g.role for g in grants))
        elif claim.status in CLOSED:
            key = again if before == "pending_assignment" else own
            why = claim.reason if claim.status == "terminated" else ""
            yield [
                "HSET",
                key,
                "status",
                claim.status,
                "termination_reason",
                why,
                "phase_state",
                "",
                "artefact_expected",
                "0",
            ]

    def _sent_back(self, claim: Claim, key: str, role: str) -> Iterator[Command]:
        """Yield the commands for the second claim, by which an artefact goes back to the role that made it."""
        id = second(claim.id)
        given = {"id": id, "artefact_id": claim.artefact_id, "status": "pending_assignment"}
        yield from self._new(key, {**given, "granted_exclusive_agent": role, "additional_context_ids": claim.reviews})
        data = {"feedback_claim_id": id, "original_claim_id": claim.id, "target_agent_role": role, "iteration": 1}
        yield self._tell("feedback_claim_created", data)

    def _new(self, key: str, given: dict[str, Any]) -> Iterator[Command]:
        """Yield the commands for a new claim."""
        found: dict[str, Any] = {
            "id": "", "artefact_id": "", "status": "", "granted_review_agents": [], "granted_parallel_agents": [],
            "granted_exclusive_agent": "", "additional_context_ids": [], "termination_reason": "", **given,
        }  # fmt: skip
        more = {
            "phase_state": "",
            "grant_queue": "",
            "last_grant_agent": "",
            "last_grant_time": 0,
            "artefact_expected": 0,
            "granted_agent_image_id": "",
        }
        yield ["HSET", key, *_fields({**found, **more})]
        yield ["SET", f"{self.head}claim_by_artefact:{found['artefact_id']}", found["id"]]
        shown = {name: value for name, value in found.items() if value or name in _ALWAYS}
        yield ["PUBLISH", f"{self.head}claim_events", _json(shown)]

    def _tell(self, event: str, data: dict[str, Any]) -> Command:
        return ["PUBLISH", f"{self.head}workflow_events", _json({"event": event, "data": data})]


_ALWAYS = ("granted_review_agents", "granted_parallel_agents", "granted_exclusive_agent")
_ARTEFACT = (
    "id", "logical_id", "version", "structural_type", "type", "payload", "source_artefacts", "produced_by_role", "created_at_ms",
)  # fmt: skip


def in_their_form(artefact: Artefact) -> dict[str, Any]:
    """Return an artefact with the fields that the first system has."""
    wire = artefact.wire()
    return {name: wire[name] for name in _ARTEFACT}


def _fields(found: dict[str, Any]) -> list[str]:
    """Return the words of a hash: texts as they are, lists as JSON."""
    return [word for name, value in found.items() for word in (name, value if isinstance(value, str) else _json(value))]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

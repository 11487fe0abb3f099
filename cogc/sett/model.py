"""The records of a blackboard: artefacts, claims on them, and grants of work."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

STRUCTURAL = ("Standard", "Review", "Question", "Answer", "Failure", "Terminal")
CLAIMED = ("Standard", "Answer")
"""The structural types that make a claim."""
CONTEXT = ("Standard", "Answer", "Review")
"""The structural types that an agent gets as context."""
BIDS = ("review", "claim", "exclusive", "ignore")
PHASES = {"pending_review": "review", "pending_parallel": "claim", "pending_exclusive": "exclusive"}
"""The phases of a claim in their order, and the bids that are granted in each."""
CLOSED = ("complete", "terminated")
USER = "user"
ORCHESTRATOR = "orchestrator"
UNWANTED = "nobody bids for it"
"""The reason of a claim that is complete because all agents ignore it."""


def new_id() -> str:
    return str(uuid.uuid4())


class Artefact(msgspec.Struct, frozen=True):
    """A piece of work that never changes. Versions of one thing share a `logical_id`; `created_at` is in seconds."""

    id: str
    logical_id: str
    version: int
    structural_type: str
    type: str
    payload: Any
    source_artefacts: list[str]
    produced_by_role: str
    created_at: float = 0.0
    summary: str = ""

    def value(self) -> dict[str, Any]:
        """Return the artefact as a value: as bids see it, and as the board keeps it."""
        return msgspec.to_builtins(self)  # type: ignore[no-any-return]

    def wire(self) -> dict[str, Any]:
        """Return the artefact as commands see it: its payload is a text, and its time is there in milliseconds too."""
        return {**self.value(), "payload": text(self.payload), "created_at_ms": int(self.created_at * 1000)}


class Claim(msgspec.Struct):
    """Work on one artefact. `status` is pending_consensus, a phase, pending_assignment, complete or terminated.

    `grants` are those of the present phase; `deadline` is when missing bids count as `ignore`; `closed_by` the reviews that
    sent the artefact back.
    """

    id: str
    artefact_id: str
    status: str
    created_at: float
    deadline: float
    bids: dict[str, str] = {}
    grants: list[str] = []
    silent: list[str] = []
    reviews: list[str] = []
    reason: str = ""


class Grant(msgspec.Struct):
    """A role's work on a claim. `state` is offered, taken, done or failed; `token` counts the takings, so that whoever took it
    before cannot commit; until `until` (seconds) it is its `owner`'s. `extra` are artefacts that it gets as additional context.
    """

    id: str
    claim_id: str
    role: str
    kind: str
    state: str = "offered"
    token: int = 0
    until: float = 0.0
    owner: str = ""
    extra: list[str] = []
    rework: bool = False
    result: str = ""


def goal(text: str) -> Artefact:
    """The artefact that a workflow starts with."""
    return Artefact(new_id(), new_id(), 1, "Standard", "GoalDefined", text, [], USER)


def text(payload: Any) -> str:
    """Return a payload as text: a string as it is, any other value as compact JSON."""
    return payload if isinstance(payload, str) else msgspec.json.encode(payload).decode()


def approves(payload: Any) -> bool:
    """Tell whether a review's payload approves its artefact: `{}` or `[]`, as a value or as text."""
    if isinstance(payload, str):
        try:
            payload = msgspec.json.decode(payload)
        except msgspec.DecodeError:
            return False
    return payload in ({}, [])

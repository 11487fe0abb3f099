"""The records of a blackboard: artefacts, claims on them, and grants of work."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import msgspec

ClaimStatus: TypeAlias = Literal[
    "pending_consensus",
    "pending_assignment",
    "pending_review",
    "pending_parallel",
    "pending_exclusive",
    "complete",
    "terminated",
]
Bid: TypeAlias = Literal["review", "claim", "exclusive", "ignore"]
GrantState: TypeAlias = Literal["offered", "taken", "done", "failed"]

STRUCTURAL = ("Standard", "Review", "Question", "Answer", "Failure", "Terminal")
CLAIMED = ("Standard", "Answer")
"""The structural types that make a claim."""
CONTEXT = ("Standard", "Answer", "Review")
"""The structural types that an agent gets as context."""
BIDS = ("review", "claim", "exclusive", "ignore")
PHASES: dict[ClaimStatus, Bid] = {
    "pending_review": "review",
    "pending_parallel": "claim",
    "pending_exclusive": "exclusive",
}
"""The phases of a claim in their order, and the bids that are granted in each."""
CLOSED: tuple[ClaimStatus, ...] = ("complete", "terminated")
USER = "user"
ORCHESTRATOR = "orchestrator"
UNWANTED = "nobody bids for it"
"""The reason of a claim that is complete because all agents ignore it."""


def grant_key(claim: str, role: str, is_rework: bool) -> str:
    """Return what tells the work of a role on a claim from any other: a claim grants a role work once, and once more after a veto."""
    return f"{claim} {role}{' again' if is_rework else ''}"


def new_id() -> str:
    """Return an id that no other record has."""
    return str(uuid.uuid4())


class Artefact(msgspec.Struct, frozen=True):
    """A piece of work that never changes.

    All versions of one thing share a `logical_id`. `source_artefacts` are the ids that it was made from. `created_at` is in
    seconds.
    """

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
        """Return the artefact as a record of the language, in which bids see it and the board keeps it."""
        return msgspec.to_builtins(self)  # type: ignore[no-any-return]

    def wire(self) -> dict[str, Any]:
        """Return the artefact as commands see it: the payload as text, and the time also in milliseconds."""
        return {**self.value(), "payload": text(self.payload), "created_at_ms": int(self.created_at * 1000)}


class Claim(msgspec.Struct):
    """The work on one artefact.

    `deadline` is the time after
    which a missing bid counts as `ignore`; `silent` are the roles whose bid was missing. `grants` are those of the present
    phase. `reviews` are the reviews that sent the artefact back.
    """

    id: str
    artefact_id: str
    status: ClaimStatus
    created_at: float
    deadline: float
    bids: dict[str, str] = {}
    grants: list[str] = []
    silent: list[str] = []
    reviews: list[str] = []
    reason: str = ""


class Grant(msgspec.Struct):
    """The part of a claim that one role does.

    `kind` is the bid that is granted. `token` counts how often it was taken: a
    commit with an older token is refused. It belongs to `owner` until the time `until` (seconds). `extra` are the artefacts
    that the role gets as additional context. `result` is the artefact that was made.
    """

    id: str
    claim_id: str
    role: str
    kind: str
    state: GrantState = "offered"
    token: int = 0
    until: float = 0.0
    owner: str = ""
    extra: list[str] = []
    rework: bool = False
    result: str = ""


def goal(text: str, id: Callable[[], str] = new_id) -> Artefact:
    """Return the artefact that a workflow starts with."""
    return Artefact(id(), id(), 1, "Standard", "GoalDefined", text, [], USER)


def text(payload: Any) -> str:
    """Return a payload as text: a string as it is, any other value as compact JSON."""
    return payload if isinstance(payload, str) else msgspec.json.encode(payload).decode()


def approves(payload: Any) -> bool:
    """Return whether a review's payload approves its artefact: `{}` or `[]`, as a value or as text."""
    if isinstance(payload, str):
        try:
            payload = msgspec.json.decode(payload)
        except msgspec.DecodeError:
            return False
    return payload in ({}, [])

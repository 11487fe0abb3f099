"""The events of a blackboard by the names, and with the data, that the first system gives them.

`sett/happenings.py` shows them to people, `sett/echo.py` publishes them in Redis.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cogc.sett.model import Artefact, Grant, approves, text

SHOWN = 200
"""How many characters of a review's feedback an event has."""


def of_artefact(artefact: Artefact, before: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the names and the data of the events of a new artefact. `before` is the id of the version before it."""
    yield "artefact_created", artefact.wire()
    if artefact.structural_type == "Review" and artefact.source_artefacts:
        review = {"original_artefact_id": artefact.source_artefacts[0], "reviewer_role": artefact.produced_by_role}
        if approves(artefact.payload):
            yield "review_approved", review
        else:
            yield "review_rejected", {**review, "feedback": text(artefact.payload)[:SHOWN]}
    if artefact.version > 1:
        yield (
            "artefact_reworked",
            {
                "new_artefact_id": artefact.id,
                "logical_id": artefact.logical_id,
                "new_version": artefact.version,
                "previous_version_id": before,
                "artefact_type": artefact.type,
                "produced_by_role": artefact.produced_by_role,
            },
        )
    if artefact.structural_type == "Terminal":
        done = {"artefact_id": artefact.id, "artefact_type": artefact.type, "produced_by": artefact.produced_by_role}
        yield "workflow_completed", done


def of_bid(claim_id: str, role: str, bid: str) -> tuple[str, dict[str, Any]]:
    """Return the name and the data of the event of a bid."""
    return "bid_submitted", {"claim_id": claim_id, "agent_name": role, "bid_type": bid}


def of_grant(grant: Grant) -> tuple[str, dict[str, Any]]:
    """Return the name and the data of the event of a grant."""
    data = {
        "claim_id": grant.claim_id,
        "agent_name": grant.role,
        "grant_type": grant.kind,
        "agent_image_id": "",
    }
    return "claim_granted", data

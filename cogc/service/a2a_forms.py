"""The objects of A2A 1.0 as JSON: the card of an agent, tasks, artifacts and updates."""

from __future__ import annotations

import uuid
from typing import Any

from cogc import ir
from cogc.language import types
from cogc.service.exports import Exports, Offer
from cogc.service.jobs import Job, News

PROTOCOL = "1.0"
PATH = "/a2a"
CARD = "/.well-known/agent-card.json"
_TEXT, _JSON = "text/plain", "application/json"
_STATES = {
    "working": "TASK_STATE_WORKING",
    "completed": "TASK_STATE_COMPLETED",
    "failed": "TASK_STATE_FAILED",
    "cancelled": "TASK_STATE_CANCELED",
}
STATES = {state: status for status, state in _STATES.items()}
"""The status of jobs by the state of tasks."""
ANSWER = "answer"
"""The id of the artifact that holds the answer of a task."""


def card(root: ir.Coglet, bundle: ir.Bundle, exports: Exports, base: str, has_token: bool) -> dict[str, Any]:
    """Return the card of a service. `base` is the address by which the client has asked for it."""
    found: dict[str, Any] = {
        "name": root.name,
        "description": root.doc or f"The system {root.name}.",
        "version": bundle.hash[:12],
        "supportedInterfaces": [{"url": base + PATH, "protocolBinding": "JSONRPC", "protocolVersion": PROTOCOL}],
        "capabilities": {"streaming": True, "pushNotifications": False, "extendedAgentCard": False},
        "defaultInputModes": [_TEXT, _JSON],
        "defaultOutputModes": [_TEXT, _JSON],
        "skills": [_skill(offer) for offer in exports.offers.values()],
    }
    if has_token:
        found["securitySchemes"] = {"token": {"httpAuthSecurityScheme": {"scheme": "Bearer"}}}
        found["securityRequirements"] = [{"schemes": {"token": {"list": []}}}]
    return found


def _skill(offer: Offer) -> dict[str, Any]:
    """Return what the card says of an offer. The fields of its input stand in the description: cards have no schemas."""
    fields = [f"{i.name}{'' if i.required else '?'}: {types.show(i.type)}" for i in offer.inputs]
    modes = [_TEXT, _JSON] if offer.asked else [_JSON]
    return {
        "id": offer.name, "name": offer.title, "description": f"{offer.doc}\nInput: {{{', '.join(fields)}}}",
        "tags": [offer.export.kind], "inputModes": modes, "outputModes": [_TEXT if offer.is_text else _JSON],
    }  # fmt: skip


def task(job: Job, history: int | None = None) -> dict[str, Any]:
    """Return a job as a task. `history` is how many messages are wanted; None for all."""
    artifacts = [artifact(job, job.answer)] if job.status == "completed" else []
    said = [job.message] if job.message and (history is None or history > 0) else []
    return {
        "id": job.id, "contextId": job.context, "status": status(job), "artifacts": artifacts, "history": said,
        "metadata": {"skill": job.offer.name},
    }  # fmt: skip


def status(job: Job, words: str = "") -> dict[str, Any]:
    """Return the status of a task, with a line of its own, or the last one. That of a failed one has the kind of the failure."""
    found: dict[str, Any] = {"state": _STATES[job.status], "timestamp": job.changed.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
    failure = f"{job.failure.kind}: {job.failure.message}" if job.failure is not None else ""
    said = words or failure or job.words
    if said:
        found["message"] = {
            "messageId": str(uuid.uuid5(uuid.UUID(job.id), f"{job.status} {job.changed} {said}")),
            "role": "ROLE_AGENT",
            "contextId": job.context,
            "taskId": job.id,
            "parts": [{"text": said, "mediaType": _TEXT}],
        }
    return found


def artifact(job: Job, value: Any) -> dict[str, Any]:
    """Return an answer, or a part of one, as an artifact."""
    part = {"text": value, "mediaType": _TEXT} if isinstance(value, str) else {"data": value, "mediaType": _JSON}
    return {"artifactId": ANSWER, "name": job.offer.title, "parts": [part]}


def status_update(job: Job) -> dict[str, Any]:
    """Return the update that says how a task is doing, or how it has ended."""
    return {"statusUpdate": {"taskId": job.id, "contextId": job.context, "status": status(job)}}


def news_update(job: Job, news: News) -> dict[str, Any]:
    """Return the update for something that a task has told while it worked."""
    told = {**status(job, news.words), "state": _STATES["working"]}
    return {"statusUpdate": {"taskId": job.id, "contextId": job.context, "status": told}}


def artifact_update(job: Job, value: Any, append: bool, last: bool) -> dict[str, Any]:
    """Return the update that has an answer, or a piece of it."""
    told = {"taskId": job.id, "contextId": job.context, "artifact": artifact(job, value)}
    return {"artifactUpdate": {**told, "append": append, "lastChunk": last}}

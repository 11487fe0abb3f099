"""The messages of a trace, each as one arrow: who said what to whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

OUTSIDE = "outside"
_LEAVES = ("transmit", "send", "guide", "input")


class Message(NamedTuple):
    """A message at the time `t` in seconds. A failure or a restart of a coglet has no receiver."""

    t: float
    sender: str
    receiver: str
    label: str


def message(
    record: dict[str, Any], record_of: Callable[[int], dict[str, Any] | None], short: Callable[[Any], str]
) -> Message | None:
    """Return the message that a record tells of, or None. `record_of` gives a record by its number, `short` a value as a short text."""
    kind, path = record["kind"], record.get("path", "")
    if kind in ("deliver", "command", "drop"):
        return _taken(record, record_of, short)
    if kind == "transmit":  # a link hands a message on from a channel of a child to one of its parent
        cause = record_of(record["cause"]) or record
        if cause["kind"] != "transmit" or cause["path"] == path:
            return None
        return Message(record["t"], cause["path"], path, f"{cause['channel']} {short(record.get('data'))}")
    if kind == "output":
        return Message(record["t"], path, OUTSIDE, f"{record['channel']} {short(record.get('data'))}")
    if kind == "fail":
        return Message(record["t"], path, "", f"failed: {record['error']}")
    if kind == "restart":
        return Message(record["t"], path, "", "restarted")
    return None


def _taken(
    record: dict[str, Any], record_of: Callable[[int], dict[str, Any] | None], short: Callable[[Any], str]
) -> Message | None:
    """Return the message that a coglet takes, or loses."""
    is_lost = record["kind"] == "drop"
    cause = record if is_lost else record_of(record["cause"]) or record
    if cause["kind"] not in (*_LEAVES, "drop"):
        return None
    sender = OUTSIDE if cause["kind"] == "input" else cause["path"]
    name = (
        cause.get("channel")
        or cause.get("command")
        or str(cause.get("to", "")).rpartition(".")[2]
        or record.get("port", "")
    )
    return Message(
        record["t"], sender, record["path"], f"{name} {short(cause.get('data'))}{' (lost)' if is_lost else ''}"
    )

"""The messages of a trace, each as one arrow: who said what to whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from cogc.language.texts import is_internal

OUTSIDE = "outside"
BOARD = "board"
"""The receiver of artefacts, and the sender of grants."""
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
    return _of_sett(record, short)


def _of_sett(record: dict[str, Any], short: Callable[[Any], str]) -> Message | None:
    """Return what the record of a sett tells: an artefact goes to the board, work goes from there to a role, and a claim fails there."""
    kind, t, path, data = record["kind"], record["t"], record.get("path", ""), record.get("data")
    if kind == "artefact" and isinstance(data, dict):
        version = data.get("version", 1)
        name = f"{data.get('type')}{f' v{version}' if version != 1 else ''}"
        return Message(t, path, BOARD, f"{name} {short(data.get('payload'))}")
    if kind == "grant":
        return Message(t, BOARD, path, f"work: {record.get('bid')}{', again' if record.get('rework') else ''}")
    if kind == "claim" and record.get("status") == "terminated":
        return Message(t, BOARD, "", f"claim terminated: {record.get('reason', '')}")
    return None


def _taken(
    record: dict[str, Any], record_of: Callable[[int], dict[str, Any] | None], short: Callable[[Any], str]
) -> Message | None:
    """Return the message that a coglet takes, or loses."""
    is_lost = record["kind"] == "drop"
    cause = record if is_lost else record_of(record["cause"]) or record
    parent = ""
    while cause["kind"] == "deliver" and cause is not record:  # a link hands on what was delivered to its parent
        parent = parent or cause["path"]
        record_before = record_of(cause["cause"])
        if record_before is None or record_before["seq"] >= cause["seq"]:
            return None
        cause = record_before
    if cause["kind"] not in (*_LEAVES, "drop") or not record.get("path"):  # what has no path is the run's own
        return None
    sender = parent or (OUTSIDE if cause["kind"] == "input" else cause["path"])
    name = (record.get("port") if parent else "") or (
        cause.get("channel")
        or cause.get("command")
        or str(cause.get("to", "")).rpartition(".")[2]
        or record.get("port", "")
    )
    if is_internal(name):
        return None
    return Message(
        record["t"], sender, record["path"], f"{name} {short(cause.get('data'))}{' (lost)' if is_lost else ''}"
    )

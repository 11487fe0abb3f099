"""Traces as files: records to JSON lines, and lines back to records, and to text for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import msgspec

from cogc.diagnostics.masks import masked_bytes
from cogc.diagnostics.visible import visible_bytes
from cogc.kernel.changes import applied
from cogc.language.values import Duration, Media, Time

if TYPE_CHECKING:
    from cogc.kernel.trace import Tracer

BATCH = 512


def _hook(value: Any) -> Any:
    """Return a value of the language as text, for JSON; of an image or document what is known of it."""
    if isinstance(value, Media):
        return value.record()
    if isinstance(value, Duration | Time):
        return repr(value)
    return str(value)


def encoded(record: dict[str, Any]) -> bytes:
    """Return one record as a line of a trace has it, without the end of the line."""
    return visible_bytes(masked_bytes(msgspec.json.encode(record, enc_hook=_hook)))


def log_object(t: float, run: str, level: str, path: str, data: Any) -> str:
    """Return a log entry of a coglet as a line of JSON, with its end. `t` is in seconds of the run."""
    return encoded({"t": t, "run": run, "level": level, "path": path, "data": data}).decode() + "\n"


class Rotating(Protocol):
    """The maker of parts of a trace: told after each flush, it may put another file behind the writer's. `on_part` is called when one has begun;
    `drops` says whether old ones are removed; `close` returns what could not be done, or nothing."""

    drops: bool
    on_part: Callable[[], None] | None

    def flushed(self) -> None: ...
    def close(self) -> str: ...


class TraceWriter:
    """Writes records in batches of BATCH, in parts if there is a `rotation`."""

    def __init__(self, file: BinaryIO, rotation: Rotating | None = None) -> None:
        self.file = file
        self.rotation = rotation
        self.encoder = msgspec.json.Encoder(enc_hook=_hook)
        self.waiting: list[dict[str, Any]] = []

    def write(self, records: list[dict[str, Any]]) -> None:
        self.waiting += records
        if len(self.waiting) >= BATCH:
            self.flush()

    def flush(self) -> None:
        if self.waiting:
            self.file.write(visible_bytes(masked_bytes(self.encoder.encode_lines(self.waiting))))
            self.waiting = []
        self.file.flush()
        if self.rotation is not None:
            self.rotation.flushed()

    def hear_parts(self, tracer: Tracer | None) -> None:
        """Let each part begin with whole states, where the parts before it are removed in time."""
        if self.rotation is not None and self.rotation.drops and tracer is not None:
            self.rotation.on_part = tracer.states.clear

    def close(self) -> str:
        """Write what is left, and wait for the parts. Return what could not be done with them, or nothing."""
        self.flush()
        return "" if self.rotation is None else self.rotation.close()


def upgrade(record: dict[str, Any], number: int) -> dict[str, Any]:
    """Return a record in the present form. Lines of older tools have four fields: `t coglet op target data`."""
    if "kind" in record or "op" not in record:
        return record
    return {
        "v": 0,
        "seq": number,
        "t": record.get("t", 0.0),
        "kind": record["op"],
        "path": record.get("coglet", ""),
        "cause": 0,
        "channel": record.get("target", ""),
        "data": record.get("data"),
    }


UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""The errors by which a line is no JSON, or JSON that nests too deep."""


def records(lines: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the records of lines. Raise ValueError with the number of a line that is not a record."""
    decoder = msgspec.json.Decoder()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = decoder.decode(line)
        except UNREADABLE as error:
            raise ValueError(f"line {number} is no record: {error}") from None
        if not isinstance(record, dict):
            raise ValueError(f"line {number} is no record")
        found = upgrade(record, number)
        _refuse_odd(found, number)
        yield found


def is_cut(line: bytes) -> bool:
    """Return whether a line begins as a record does, and is not whole."""
    if not line.startswith(b"{"):
        return False
    try:
        msgspec.json.decode(line)
    except UNREADABLE as error:
        return not isinstance(error, RecursionError)  # which is whole, and too deep
    return False


VERSION = 1
"""The version of the records that are written."""
_FORM: dict[str, tuple[type | tuple[type, ...], str]] = {
    "v": (int, "a whole number"),
    "seq": (int, "a whole number"),
    "t": ((int, float), "a number"),
    "kind": (str, "a text"),
    "path": (str, "a text"),
}
"""The fields that every record has, with the types of their values."""


def _refuse_odd(record: dict[str, Any], number: int) -> None:
    """Raise ValueError for a record of another version, or without what every record has."""
    for name, (kind, words) in _FORM.items():
        if not isinstance(record.get(name), kind) or record[name] is True or record[name] is False:
            raise ValueError(f"line {number} is no record: its `{name}` is {words}")
    if record["v"] > VERSION:
        raise ValueError(f"line {number} is of version {record['v']}, and this version of cogc reads {VERSION}")


class States:
    """The states of a trace that is read: puts whole values in the place of what changed. `recall` gives the whole record of a state whose
    records before it were not read."""

    def __init__(self, recall: Callable[[dict[str, Any]], dict[str, Any]] | None = None) -> None:
        self.recall = recall
        self.values: dict[tuple[Any, Any], Any] = {}

    def whole(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return a record with the whole value of its state.

        A change of a state that is not known, because the trace has lost its beginning, stays as it is. ValueError says which
        record does not fit the ones before it.
        """
        if record.get("kind") != "state":
            return record
        key = (record.get("path"), record.get("name"))
        if "change" not in record:
            self.values[key] = record.get("data")
            return record
        if key not in self.values and self.recall is not None:
            record = self.recall(record)
            if "change" not in record:
                self.values[key] = record.get("data")
            return record
        if key not in self.values:
            return record
        try:
            value = self.values[key] = applied(self.values[key], record["change"])
        except ValueError as error:
            raise ValueError(f"record {record.get('seq')} is broken: {error}") from None
        return {**{k: v for k, v in record.items() if k != "change"}, "data": value}


_ARROWS = {
    "transmit": "->",
    "deliver": "<-",
    "input": "=>",
    "output": "=>",
    "send": "->",
    "guide": "!",
    "steer": "!",
    "command": "!",
}
_SHOWN = ("channel", "port", "action", "to", "command", "program", "name", "level", "coglet", "reason", "error", "at")


def line(record: dict[str, Any]) -> str:
    """Return a record as one line for people: time, number, kind, path, and its data."""
    words = [f"{float(record.get('t', 0)):10.4f}", f"{record.get('seq', 0):>6}", f"{record.get('kind', '')!s:<11}"]
    words.append(str(record.get("path", "")))
    words += [about(record), short(record)]
    return " ".join(w for w in words if w)


def about(record: dict[str, Any]) -> str:
    """Return the words of a record between its path and its data: an arrow with the channel, the program, the error, ..."""
    words = [str(record[k]) for k in _SHOWN if record.get(k) not in (None, "")]
    return _ARROWS.get(str(record.get("kind")), "") + " ".join(words) if words else ""


def short(record: dict[str, Any], most: int = 160) -> str:
    """Return the data of a record as JSON, at most `most` characters of it."""
    data = record.get("data", record.get("change"))
    if data is None:
        return ""
    shown = msgspec.json.encode(data, enc_hook=_hook).decode()
    return shown if len(shown) <= most else shown[: most - 3] + "..."

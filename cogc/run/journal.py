"""The journal: the events that entered the kernel, each with the step at which it did.

From it a run can be made again without the outside world: `replay` feeds the same events at the same steps and, the
kernel being deterministic, everything else follows, the trace to the byte.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from cogc.kernel.effects import Ask, Call, Dispatch
from cogc.kernel.machine import Kernel
from cogc.language.values import Duration, Failure, Time, shorten

VERSION = 1
Outward = Call | Ask | Dispatch


def _encode(value: Any) -> Any:
    """Durations, times and failures as tagged objects, so that they come back as what they were."""
    if isinstance(value, Duration):
        return {"$duration": value.nanos}
    if isinstance(value, Time):
        return {"$time": value.nanos}
    if isinstance(value, Failure):
        return {"$failure": [value.kind, value.message]}
    raise NotImplementedError


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(v) for v in value]
    if isinstance(value, dict):
        if len(value) == 1:
            ((key, inner),) = value.items()
            if key == "$duration":
                return Duration(inner)
            if key == "$time":
                return Time(inner)
            if key == "$failure":
                return Failure(*inner)
        return {k: _decode(v) for k, v in value.items()}
    return value


_encoder = msgspec.json.Encoder(enc_hook=_encode)


def digest(call: Outward) -> str:
    """What a call asks for, in short: program, arguments and request."""
    if isinstance(call, Ask):
        data = _encoder.encode([call.model, call.program, call.request, call.path])
    elif isinstance(call, Dispatch):
        data = _encoder.encode([call.dispatcher, call.program, call.query, call.path])
    else:
        data = _encoder.encode([call.program, call.arguments, call.request, call.path])
    return hashlib.sha256(data).hexdigest()[:16]


def name_of(kernel: Kernel, call: Outward) -> str:
    """What a call is for, for people."""
    if isinstance(call, Call | Dispatch):
        return kernel.unit.bundle.programs[call.program].name
    return f"{call.program}: {kernel.unit.bundle.models[call.model].name}"


def gist(call: Outward) -> str:
    """What a call says, shortened, for people: its arguments, or the last message."""
    if isinstance(call, Dispatch):
        return shorten(call.query, 160)
    return shorten(call.arguments if isinstance(call, Call) else call.request["messages"][-1]["content"], 160)


class Journal:
    """Writes events as they are admitted. `flush` comes before the effects that follow from them are released."""

    def __init__(self, file: BinaryIO, head: dict[str, Any]) -> None:
        self.file = file
        self.lines: list[Any] = [{"journal": VERSION, **head}]

    def event(self, kernel: Kernel, kind: str, *data: Any) -> None:
        self.lines.append([kernel.steps, kernel.now, kind, *data])

    def call(self, kernel: Kernel, call: Outward) -> None:
        self.event(kernel, "call", call.id, digest(call), name_of(kernel, call), call.path, gist(call))

    def flush(self) -> None:
        if self.lines:
            self.file.write(_encoder.encode_lines(self.lines))
            self.file.flush()
            self.lines = []


class Divergence(Exception):
    """A replay came to another call than the one recorded."""


def read(path: Path) -> tuple[dict[str, Any], list[list[Any]]]:
    """A journal's head and events; ValueError if it is none. A last line that was torn is left out."""
    data = path.read_bytes()
    lines = data.split(b"\n")
    found: list[Any] = []
    for number, line in enumerate(lines):
        if not line:
            continue
        try:
            found.append(_decode(msgspec.json.decode(line)))
        except msgspec.DecodeError as error:
            if number < len(lines) - 1 and number:
                raise ValueError(f"line {number + 1} is no event: {error}") from None
    if not found or not isinstance(found[0], dict) or found[0].get("journal") != VERSION:
        raise ValueError("it is no journal of this version")
    return found[0], found[1:]


def replay(kernel: Kernel, events: list[list[Any]], taken: Any = None) -> None:
    """Feed a journal's events to a fresh kernel. `taken` is called with its effects after each stretch.

    A Divergence says which call was made in place of the one that is recorded.
    """
    expected = {e[3]: e for e in events if e[2] == "call"}
    for event in events:
        steps, now, kind, *data = event
        if kernel.steps < steps or kernel.busy:
            kernel.run(steps - kernel.steps)
        _take(kernel, expected, taken)
        if kind == "start":
            kernel.persisted = {(p, n): v for p, n, v in data[1]}
            kernel.start(data[0])
        elif kind == "time":
            kernel.advance(now)
        elif kind == "input":
            kernel.input(*data)
        elif kind == "result":
            kernel.result(*data)
        elif kind == "told":
            with suppress(Failure):  # what was refused then is refused again
                kernel.reported(*data)
        elif kind == "steer":
            with suppress(Failure):
                kernel.steer(*data)
        elif kind == "progress":
            kernel.progress(*data)
        elif kind == "delta":
            kernel.delta(*data)
        elif kind == "stop":
            kernel.stop()
        elif kind == "end":
            break
    kernel.run()
    _take(kernel, expected, taken)


def _take(kernel: Kernel, expected: dict[int, list[Any]], taken: Any) -> None:
    effects, kernel.effects = kernel.effects, []
    for effect in effects:
        if isinstance(effect, Outward):
            known = expected.get(effect.id)
            if known is None or known[4] != digest(effect):
                raise Divergence(_departure(kernel, effect, known))
    if taken is not None:
        taken(effects)


def _departure(kernel: Kernel, call: Outward, known: list[Any] | None) -> str:
    """What was expected, what came, and the program's place in the spec."""
    at = kernel.unit.place(call.at if isinstance(call, Ask) else kernel.unit.bundle.programs[call.program].at)
    lines = [f"call {call.id} is another one"]
    lines.append("  expected  " + ("no call" if known is None else f"`{known[5]}` of {known[6]}: {known[7]}"))
    lines.append(f"  came      `{name_of(kernel, call)}` of {call.path}: {gist(call)}")
    return "\n".join([*lines, *([f"  at        {at}"] if at else [])])

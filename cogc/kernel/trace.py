"""The trace of the kernel: one record for each thing that happens, in the kernel's order.

A record's `seq` counts, `cause` is the `seq` of what led to it. Records wait in `records` until the shell takes them;
nothing in them changes later, because values never do. `specs/trace.md` lists the kinds and their fields.

A state is recorded as what changed since its last record, where that is less than the whole (`changes.py`). For that the tracer
keeps the last value of each state; a coglet's are forgotten when it restarts or stops.

While nobody takes the records, as in the replay of a run that is resumed, the tracer may be `quiet`: it counts them, and makes none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from cogc.kernel.changes import Edits, difference
from cogc.language.values import hidden

if TYPE_CHECKING:
    from cogc.kernel.objects import Instance, Out, Port
    from cogc.language.values import Value


class Clock(Protocol):
    """The part of a kernel that a record needs: the time, and the `seq` of what is being carried out."""

    now: int
    cause: int
    private: frozenset[str]


Record: TypeAlias = dict[str, Any]
"""A record of a trace: `seq`, `kind` and the fields of its kind (specs/trace.md)."""


class Tracer:
    """Collects the records of one kernel."""

    __slots__ = ("kernel", "paths", "quiet", "records", "run", "seq", "states")

    def __init__(self, kernel: Clock, run: str) -> None:
        self.kernel = kernel
        self.run = run
        self.records: list[Record] = []
        self.seq = 0
        self.quiet = False
        self.paths: dict[Instance, str] = {}
        self.states: dict[Instance, dict[str, Value]] = {}

    def path(self, inst: Instance | None) -> str:
        """Return the path of a coglet, remembered: a coglet keeps its place for life."""
        if inst is None:
            return ""
        known = self.paths.get(inst)
        if known is None:
            known = self.paths[inst] = inst.path
        return known

    def record(self, kind: str, inst: Instance | None, cause: int = -1, **fields: object) -> int:
        """Add a record and return its `seq`."""
        self.seq += 1
        if self.quiet:
            return self.seq
        kernel = self.kernel
        if kernel.private:
            fields = {k: hidden(v, kernel.private) for k, v in fields.items()}
        self.records.append(
            {
                "v": 1,
                "seq": self.seq,
                "t": kernel.now / 1e9,
                "run": self.run,
                "kind": kind,
                "path": self.path(inst),
                "cause": kernel.cause if cause < 0 else cause,
                **fields,
            }
        )
        return self.seq

    def transmit(self, inst: Instance, out: Out, value: Value) -> int:
        """Add the record of a transmitted message and return its `seq`. This is `record`, written out for speed."""
        self.seq += 1
        if self.quiet:
            return self.seq
        kernel = self.kernel
        self.records.append(
            {
                "v": 1,
                "seq": self.seq,
                "t": kernel.now / 1e9,
                "run": self.run,
                "kind": "transmit",
                "path": self.paths.get(inst) or self.path(inst),
                "cause": kernel.cause,
                "channel": out.name,
                "data": hidden(value, kernel.private) if kernel.private else value,
            }
        )
        return self.seq

    def deliver(self, port: Port, cause: int) -> int:
        """Add the record of a delivered message and return its `seq`. The data is in the record that caused it."""
        self.seq += 1
        if self.quiet:
            return self.seq
        self.records.append(
            {
                "v": 1,
                "seq": self.seq,
                "t": self.kernel.now / 1e9,
                "run": self.run,
                "kind": "deliver",
                "path": self.paths.get(port.inst) or self.path(port.inst),
                "cause": cause,
                "port": port.label,
            }
        )
        return self.seq

    def state(self, inst: Instance, name: str, value: Value) -> None:
        """Add the record of a state that was set: its value, or the edits of the value that it had."""
        if self.quiet:
            self.seq += 1
            return
        value = hidden(value, self.kernel.private)
        known = self.states.setdefault(inst, {})
        edits: Edits | None = difference(known[name], value) if name in known else None
        known[name] = value
        if edits is None:
            self.record("state", inst, name=name, data=value)
        else:
            self.record("state", inst, name=name, change=edits)

    def forget(self, inst: Instance) -> None:
        """Forget the states of a coglet that stops or restarts."""
        self.states.pop(inst, None)

    def take(self) -> list[Record]:
        """Take the records since the last call."""
        records, self.records = self.records, []
        return records

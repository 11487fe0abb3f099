"""The lines of a spec that records of its trace come from.

A record names no line, apart from a failure. The program does: the reaction that a message wakes, and the statement that sends, sets,
calls or logs. So a line is found from the class of the coglet, the port or channel, and the reaction that was at work. Where several
statements of that reaction fit, each of them is given, the first one first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Any, NamedTuple

from cogc import ir
from cogc.traces.index import Index

_AT = re.compile(r"(.*):(\d+):(\d+)")
_TAKEN = ("deliver", "tick", "skip", "join", "dead_letter", "command", "over_capacity")


class Place(NamedTuple):
    """A line of a file, from 1."""

    file: str
    line: int


class Places:
    """The places of a program, for the records of one index."""

    def __init__(self, bundle: ir.Bundle, index: Index) -> None:
        self.bundle = bundle
        self.index = index
        self._classes: dict[str, ir.Coglet | None] = {}
        self._by_name = {coglet.name: coglet for coglet in reversed(bundle.coglets.values())}
        self._files = sorted({position[0] for position in bundle.positions})

    def of(self, row: int) -> list[Place]:
        """Return the lines of a row, none if nothing is known."""
        record = self.index.record(row)
        written = _AT.fullmatch(str(record.get("at", ""))) if record.get("kind") == "fail" else None
        if written is not None:
            return [Place(self._file(written[1]), int(written[2]))]
        if not record.get("path"):  # the end of a call, which has no coglet of its own
            return next((self.of(cause) for cause in self.index.causes_of(row) if cause < row), [])
        found = [self._place(at) for at in self._numbers(row, record)]
        return list(dict.fromkeys(place for place in found if place is not None))

    def _file(self, named: str) -> str:
        """Return the file of the program that a record means: its name there is that of the folder of the run. It is the file whose path
        ends with the most of the same parts."""

        def alike(file: str) -> int:
            pairs = zip(reversed(file.split("/")), reversed(named.split("/")), strict=False)
            return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

        best = max(self._files, key=alike, default=named)
        return best if named not in self._files and alike(best) else named

    def _place(self, at: int) -> Place | None:
        positions = self.bundle.positions
        return Place(*positions[at][:2]) if 0 <= at < len(positions) else None

    def class_of(self, path: str) -> ir.Coglet | None:
        """Return the coglet of a path: by the children that its parents declare, else by what its `create` says."""
        if path not in self._classes:
            self._classes[path] = self._class_of(path)
        return self._classes[path]

    def _class_of(self, path: str) -> ir.Coglet | None:
        above, _, last = path.rpartition("/")
        name = last.partition("[")[0]
        if not above and self.bundle.root in self.bundle.coglets:
            return self.bundle.coglets[self.bundle.root]
        parent = self.class_of(above) if above else None
        for child in parent.children if parent is not None else ():
            if child.name == name:
                return self.bundle.coglets.get(child.coglet)
        return self._by_name.get(self._created(path))

    def _created(self, path: str) -> str:
        """Return the name of the class that a path was created with."""
        number = self.index.place_numbers.get(path)
        for row in self.index.life[number] if number is not None else ():
            if self.index.kind(row) == "create":
                return str(self.index.record(row).get("coglet"))
        return ""

    # ---- positions -------------------------------------------------------------------------------------------

    def _numbers(self, row: int, record: dict[str, Any]) -> Iterator[int]:
        """Yield the numbers of the positions of a row, the best first."""
        kind, path = str(record.get("kind")), str(record.get("path", ""))
        coglet = self.class_of(path) if path else None
        if kind in ("ask", "reply", "result", "call", "hand_off", "dispatch"):
            yield from self._of_call(row, record, coglet)
        if coglet is None:
            return
        if kind in _TAKEN:
            yield from (r.at for r in coglet.reactions if _wakes(r, record))
        elif kind in ("transmit", "send", "state", "log", "guide"):
            reaction = self._at_work(row, path, coglet)
            inside = [] if reaction is None else [s.at for s in ir.parts(reaction) if _does(s, kind, record)]
            yield from inside or [s.at for s in ir.parts(coglet.reactions) if _does(s, kind, record)]
            if reaction is not None:
                yield reaction.at
        yield coglet.at

    def _of_call(self, row: int, record: dict[str, Any], coglet: ir.Coglet | None) -> Iterator[int]:
        """Yield the positions of a call: the statement, and the program."""
        name = str(record.get("program", "")) or self._called(row, record.get("call"))
        keys = {key for key, program in self.bundle.programs.items() if program.name == name}
        if coglet is not None:
            yield from (s.at for s in ir.parts(coglet.reactions) if isinstance(s, ir.Call) and s.program in keys)
        yield from (self.bundle.programs[key].at for key in keys)

    def _called(self, row: int, call: object) -> str:
        """Return the program of a call that has ended at a row."""
        index = self.index
        begun = index.begun[index.places[row]]
        for before in reversed(begun):
            if before < row and index.record(before).get("call") == call:
                return str(index.record(before).get("program", ""))
        return ""

    def _at_work(self, row: int, path: str, coglet: ir.Coglet) -> ir.Reaction | None:
        """Return the reaction that was at work at a row: the one that the last message of its path on the way of its causes has woken."""
        index, at = self.index, row
        for _ in range(64):
            causes = index.causes_of(at)
            if not causes:
                return None
            at = causes[0]
            if index.place(at) == path and index.kind(at) in _TAKEN:
                woken = index.record(at)
                return next((r for r in coglet.reactions if _wakes(r, woken)), None)
        return None


def _wakes(reaction: ir.Reaction, record: dict[str, Any]) -> bool:
    """Return whether a reaction has a trigger for the port or the command of a record."""
    port, command = str(record.get("port", "")), record.get("command")
    for trigger in reaction.triggers:
        if command is not None and trigger.command == command:
            return True
        if any(port in (p.name, f"{p.child}.{p.name}") for p in trigger.ports):
            return True
    return bool(port) and reaction.name.removeprefix("on ") == port


def _does(statement: Any, kind: str, record: dict[str, Any]) -> bool:
    """Return whether a statement is one that writes such a record."""
    match kind:
        case "transmit":
            return isinstance(statement, ir.Emit) and statement.port.name == record.get("channel")
        case "send":
            to = str(record.get("to", "")).rpartition("/")[2]
            return (
                isinstance(statement, ir.Emit)
                and bool(statement.port.child)
                and to.rpartition(".")[2] == statement.port.name
            )
        case "state":
            return isinstance(statement, ir.Assign) and statement.name == record.get("name")
        case "guide":
            return isinstance(statement, ir.Guide) and statement.command == record.get("command")
        case _:
            return isinstance(statement, ir.Log) and statement.level == record.get("level")

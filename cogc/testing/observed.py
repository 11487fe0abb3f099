"""The view that a test has of its system: the messages of every channel, the states and children of every coglet, the calls.

The messages come from the records of the trace, so that a coglet that restarts, or the members of a pool, are seen under
one name.
"""

from __future__ import annotations

import re
from typing import Any

from cogc.kernel.objects import Instance
from cogc.kernel.state import State
from cogc.language.texts import is_internal
from cogc.language.values import Failure

MOST = 1_000_000
"""The records that a test keeps: about half a gigabyte."""
_DEPTH = 4
"""How deep a test sees into children of children."""
_INDEX = re.compile(r"\[\d+\]")


class Observed:
    """The records of one run of a test, and the messages of each channel by the path of its coglet.

    A path has no indexes: the members of a pool have one list. `changes` counts the records that a condition could depend on.
    """

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.sent: dict[tuple[str, str], list[Any]] = {}
        self.changes = 0
        self._plain: dict[str, str] = {}

    def take(self, records: list[dict[str, Any]]) -> None:
        """Take in records of the trace. Raise Failure if there are more than a test keeps."""
        self.records += records
        if len(self.records) > MOST:
            raise Failure("bound", f"a test keeps all that happens, at most {MOST:,} records: run for a shorter time")
        for record in records:
            if record["kind"] == "transmit":
                self.sent.setdefault((self.plain(record["path"]), record["channel"]), []).append(record["data"])
                self.changes += 1
            elif record["kind"] == "state":
                self.changes += 1

    def forget(self) -> None:
        """Forget all records: those of a run that goes on from its journal come again."""
        self.records.clear()
        self.sent.clear()
        self.changes += 1

    def plain(self, path: str) -> str:
        """Return a path without its indexes."""
        known = self._plain.get(path)
        if known is None:
            known = self._plain[path] = _INDEX.sub("", path)
        return known

    def channel(self, path: str, name: str) -> list[Any]:
        """Return the messages of a channel so far."""
        return self.sent.get((path, name), [])

    def of(self, kernel: State, name: str) -> Any:
        """Return what a name of the root stands for: a channel, a child or a state. KeyError for none of these."""
        root = kernel.root
        code = kernel.code(kernel.unit, kernel.first)
        if name in code.transmit_names:
            return self.channel(code.name, name)
        if root is not None and root.children is not None and name in root.children:
            return self._child([root], name, f"{code.name}/{name}", False, _DEPTH)
        for i, state in enumerate(code.ir.states):
            if state.name == name:
                return root.states[i] if root is not None and i < len(root.states) else None
        raise KeyError(name)

    def _child(self, parents: list[Instance], name: str, path: str, several: bool, depth: int) -> dict[str, Any]:
        """Return what the child of some coglets is for a test."""
        slots = [p.children[name] for p in parents if p.children is not None and name in p.children]
        members = [m for slot in slots for m in slot.members.values()]
        several = several or not all(slot.single for slot in slots)
        found: dict[str, Any] = {}
        for code in {id(slot.code): slot.code for slot in slots}.values():
            for i, state in enumerate(code.ir.states):
                if not is_internal(state.name):
                    values = [m.states[i] for m in members if m.code is code and i < len(m.states)]
                    found[state.name] = values if several else values[0] if values else None
            if depth > 1:
                for child in code.ir.children:
                    if not is_internal(child.name):
                        below = f"{path}/{child.name}"
                        found[child.name] = self._child(members, child.name, below, several, depth - 1)
            for channel in code.transmit_names:
                if not is_internal(channel):
                    found[channel] = self.channel(path, channel)
        return found

"""Permissions: what the processes of a call may do. A call carries them to whoever starts the processes."""

from __future__ import annotations

from typing import Any

from cogc.language.texts import size
from cogc.language.values import Failure

MEMORY = 4 << 30
PROCESSES = 1024


class Sandbox:
    """The permissions of a call's processes: `mode` is ro or rw, for the workspace; `memory` in bytes, and `processes` with their
    threads, are bounds."""

    __slots__ = ("memory", "mode", "network", "processes")

    def __init__(self, mode: str, network: bool, memory: int = MEMORY, processes: int = PROCESSES) -> None:
        self.mode = mode
        self.network = network
        self.memory = memory
        self.processes = processes

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Sandbox:
        """Return the permissions that the attributes of an agent or server give. Raise Failure for a bound that is none."""
        limits = settings.get("limits") or {}
        try:
            memory = size(limits["memory"]) if limits.get("memory") is not None else MEMORY
        except ValueError as error:
            raise Failure("type", f"`memory` of `limits`: {error}") from None
        return cls(settings["sandbox"], settings.get("network", False), memory, limits.get("processes") or PROCESSES)

    def inside(self, outer: Sandbox | None) -> Sandbox:
        """Return these permissions within others: nothing is allowed that the others forbid."""
        if outer is None:
            return self
        return Sandbox(
            "ro" if "ro" in (self.mode, outer.mode) else "rw",
            self.network and outer.network,
            min(self.memory, outer.memory),
            min(self.processes, outer.processes),
        )

    def plain(self) -> tuple[str, bool, int, int]:
        """Return the permissions as values of JSON, in the order in which `Sandbox` takes them."""
        return (self.mode, self.network, self.memory, self.processes)

"""Permissions: what the processes of a call may do. A call carries them to whoever starts the processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cogc.ir import Const
from cogc.language.texts import size
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.ir import Bundle, Expr

MEMORY = 4 << 30
PROCESSES = 1024


class Sandbox:
    """The permissions of a call's processes: `mode` is ro or rw, for the workspace; `memory` in bytes, and `processes` with their
    threads, are bounds. With `python`, the Python that cogc runs on is there too, with what is installed beside it."""

    __slots__ = ("memory", "mode", "network", "processes", "python")

    def __init__(self, mode: str, network: bool, memory: int = MEMORY, processes: int = PROCESSES) -> None:
        self.mode = mode
        self.network = network
        self.memory = memory
        self.processes = processes
        self.python = False

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


def writes_from_sandbox(bundle: Bundle) -> bool:
    """Return whether anything in a program may write the workspace from a sandbox: an agent, an MCP server, an agent of a sett."""
    declared = [p.attributes for p in bundle.programs.values()] + [s.attributes for s in bundle.servers.values()]
    agents = [a.attributes for sett in bundle.setts.values() for a in sett.agents]
    return any(_is(a.get("sandbox"), "rw") for a in declared) or any(
        _is(a.get("workspace"), "rw") or "worker" in a for a in agents
    )


def of_criteria(bundle: Bundle) -> Sandbox | None:
    """Return the permissions of what judges the work of a program's agents: those of the agents that write the workspace from a
    sandbox. None if there is no such agent.

    All agents of a run share its workspace, so that any of them may have written what is judged.
    """
    writers = [p.attributes for p in bundle.programs.values() if _is(p.attributes.get("sandbox"), "rw")]
    if not writers:
        return None
    found = Sandbox("rw", any("network" in a and not _is(a["network"], False) for a in writers))
    found.python = True
    return found


def _is(given: Expr | None, value: object) -> bool:
    return isinstance(given, Const) and given.value == value

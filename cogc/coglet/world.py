"""The run, as the classes of this package see it.

A `CogletRuntime` that is made inside of a run reports to it what happens to its coglets, so that they stand in the
trace, the journal and the tree of the run. Outside of a run there is no world, and the classes work on any loop of
asyncio.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Protocol


class World(Protocol):
    """The acts of coglets that a run takes note of. None of these calls waits, but `ask`."""

    def attached(self, runtime: Any) -> None:
        """Take note of a runtime that was made in this run."""
        ...

    def created(self, made: Any, base: Any, parent: Any) -> None:
        """Take note of a new coglet. It has not started."""
        ...

    def transmitted(self, made: Any, channel: str, data: Any) -> None:
        """Take note of a value that a coglet sends."""
        ...

    def heard(self, made: Any, channel: str, data: Any) -> None:
        """Take note of a value that a coglet takes."""
        ...

    def commanded(self, made: Any, command: str, data: Any) -> None:
        """Take note of a command that a coglet takes."""
        ...

    def logged(self, made: Any, level: str, data: Any) -> None:
        """Show a line to people."""
        ...

    def restarted(self, old: Any, new: Any) -> None:
        """Take note that an object has taken the place of another one."""
        ...

    def stopped(self, made: Any) -> None:
        """Take note that a coglet has stopped."""
        ...

    def failed(self, made: Any, where: str, error: Exception) -> bool:
        """Let the spec's supervisor decide on the failure of a coglet that has no parent in Python. Return whether
        there is one."""
        ...

    async def ask(self, made: Any, request: dict[str, Any]) -> Any:
        """Ask a model, and return its message."""
        ...


current_world: ContextVar[World | None] = ContextVar("cogc_world", default=None)
"""The run whose code this is."""
current_cause: ContextVar[int] = ContextVar("cogc_cause", default=0)
"""The number of the call of the run that has led to what this code does. A message carries it to who takes it."""
current_owner: ContextVar[Any] = ContextVar("cogc_owner", default=None)
"""The coglet whose code this is. A task that it starts belongs to it."""

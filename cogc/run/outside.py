"""The world outside of the kernel, as the loop of a run sees it: calls under way, and what has come in since the last look.

Tasks write here and wake the loop; only the loop reads. A call holds the clock of a simulation and the end of the run for as
long as it is under way, unless it `rests`: a method that sleeps or waits for a child, a claim on an empty queue, a plan that
may never be decided on. When every call rests and nothing has come in, nothing can happen but a timer.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import trio


class Notice:
    """What the method of a Python coglet did, a person asks of an agent, or a dispatcher reports: `kind` and its data.

    Awaiting a notice waits until the kernel has taken it, and gives the kernel's answer, or a TypeError if it refused.
    """

    __slots__ = ("answer", "call", "data", "kind", "refused", "taken")

    def __init__(self, call: int, kind: str, data: tuple[Any, ...]) -> None:
        self.call = call
        self.kind = kind
        self.data = data
        self.taken = trio.Event()
        self.refused: str | None = None
        self.answer: Any = None

    def __await__(self) -> Generator[Any, Any, Any]:
        yield from self.taken.wait().__await__()
        if self.refused is not None:
            raise TypeError(self.refused)
        return self.answer


class Outside:
    """The calls under way by their numbers, and what has come in: results, pieces of replies, notices."""

    def __init__(self) -> None:
        self.scopes: dict[int, trio.CancelScope] = {}
        self.resting: set[int] = set()
        self.results: list[tuple[int, Any]] = []
        self.pieces: list[tuple[int, str]] = []
        self.notices: list[Notice] = []
        self._wake = trio.Event()

    # ---- calls ---------------------------------------------------------------------------------------------

    def begin(self, call: int) -> trio.CancelScope:
        """Count a call as under way; the scope in which it is carried out."""
        scope = self.scopes[call] = trio.CancelScope()
        return scope

    def end(self, call: int) -> None:
        """Forget a call that has ended."""
        self.scopes.pop(call, None)
        self.resting.discard(call)

    def cancel(self, call: int) -> None:
        """Cancel a call that nobody waits for any more."""
        if call in self.scopes:
            self.scopes[call].cancel()
            self.end(call)

    def rest(self, call: int) -> None:
        """Let a call hold neither the clock nor the end until `resume`."""
        self.resting.add(call)
        self.wake()

    def resume(self, call: int) -> None:
        self.resting.discard(call)

    @property
    def holds(self) -> bool:
        """Whether something is under way, or has come in, that the clock of a simulation and the end wait for."""
        return len(self.scopes) > len(self.resting) or bool(self.results) or bool(self.notices)

    # ---- what comes in -------------------------------------------------------------------------------------

    def result(self, call: int, value: Any) -> None:
        """Take in the result of a call, which has ended with it."""
        self.end(call)
        self.results.append((call, value))
        self.wake()

    def piece(self, call: int, text: str) -> None:
        """Take in a piece of a model's reply while it comes."""
        self.pieces.append((call, text))
        self.wake()

    def tell(self, call: int, kind: str, *data: Any) -> Notice:
        """Take in a notice; it may be awaited."""
        notice = Notice(call, kind, data)
        self.notices.append(notice)
        self.wake()
        return notice

    def progress(self, call: int, event: dict[str, Any]) -> None:
        """Take in what a dispatcher reports of an agent that it runs."""
        self.tell(call, "progress", event)

    @property
    def has_news(self) -> bool:
        """Whether anything has come in."""
        return bool(self.results or self.pieces or self.notices)

    def wake(self) -> None:
        """Have the loop look again."""
        self._wake.set()

    async def wait(self, seconds: float) -> None:
        """Wait until something wakes the loop, for at most so many seconds."""
        with trio.move_on_after(seconds):
            await self._wake.wait()
        self._wake = trio.Event()

"""The world outside of the kernel, as the loop of a run sees it: calls under way, and what has come in since the last
look.

Tasks write here and wake the loop; only the loop reads. A call is in one of four states:

- It works. The clock of a simulation and the end of the run wait for it.
- It is blocked: its method awaits the kernel's answer to a notice that has come in and is not taken yet.
- It rests: a method that sleeps or waits for a child, a claim on an empty queue, a question that a person may never
  answer. It holds neither the clock nor the end. When every call rests and nothing has come in, nothing can happen
  but a timer.
- It has ended, and its result has come in.

Order. What has come in is handed over sorted by the number of its call, which the kernel gave; the order of arrival
counts only within a call. So what arrives together enters in order of call.

Rounds. Under `--sim` the loop looks only when no call works (`settled`). All that a set of calls brings in then
enters as one round, however long each of them really took. Two more things would depend on Trio, which runs tasks
that are ready in an order of its own: the order in which tasks start, and the order in which they go on after an
answer. Therefore a simulation does not start them or let them go on at once: `release` keeps what would do so, and
`settle` carries out one after the other, each when every task that ran because of the one before is blocked again.
Code that shares memory, such as the methods of Python coglets, runs in order of call too.

An example: calls 1 and 2 take 50 ms and 10 ms of real time; call 3 sleeps for a virtual minute.
    release    1, 2 and 3 start, in this order
    arrival    2 has a result: 1 still works, so the loop does not look; 3 rests
    arrival    1 has a result: no call works, so this is a round: the results of 1 and 2 enter, in this order
    jump       nothing has come in and every call rests: the clock goes to the end of the sleep of 3
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from operator import attrgetter, itemgetter
from typing import Any, Literal, TypeAlias

import trio

from cogc.diagnostics.masks import masked, masked_value
from cogc.language.values import Failure

_PATIENCE = 1.0
"""Real seconds for which `settle` waits for tasks that never block, such as one that polls; then order is given up."""


NoticeKind: TypeAlias = Literal["report", "sleep", "steer", "progress", "order", "input"]


class Notice:
    """An event from outside: what a method of a Python coglet reports (the word for its act first) or sleeps for, a person's command to an agent, a
    message from outside, an order, or a dispatcher's progress.

    Awaiting a notice waits until the kernel has taken it, and gives the kernel's answer, or a TypeError if it refused.
    """

    __slots__ = ("answer", "blocks", "call", "data", "kind", "refused", "taken")

    def __init__(self, blocks: Callable[[int, int], None], call: int, kind: NoticeKind, data: tuple[Any, ...]) -> None:
        self.blocks = blocks
        self.call = call
        self.kind = kind
        self.data = data
        self.taken = trio.Event()
        self.refused: str | None = None
        self.answer: Any = None

    def __await__(self) -> Generator[Any, Any, Any]:
        self.blocks(self.call, 1)
        try:
            yield from self.taken.wait().__await__()
        finally:
            self.blocks(self.call, -1)
        if self.refused is not None:
            raise TypeError(self.refused)
        return self.answer


class Outside:
    """The calls under way by their numbers, and what has come in: results, pieces of replies, notices.

    `rounds` is set in a simulation. `hosted` tells whether coglets that live in this process have something to do. `asking` has the calls that wait for a person, `leaving` those that were
    cancelled and are still ending.
    """

    def __init__(self, rounds: bool = False) -> None:
        self.rounds = rounds
        self.scopes: dict[int, trio.CancelScope] = {}
        self.resting: set[int] = set()
        self.blocked: dict[int, int] = {}
        self.asking: set[int] = set()
        self.leaving: set[int] = set()
        self.kept: list[Callable[[], None]] = []
        self.results: list[tuple[int, Any]] = []
        self.pieces: list[tuple[int, str]] = []
        self.notices: list[Notice] = []
        self.acts: list[tuple[Any, ...]] = []
        self.hosted: Callable[[], bool] = lambda: False
        self.saved: dict[int, tuple[str, Any, Any]] = {}
        """The states that objects in Python have saved at the end of calls: path, parameters, state."""
        self.told: list[Callable[[], None]] | None = None
        """The functions that acknowledge messages, orders and commands from outside, kept in a durable run until they are on disk."""
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
        self.asking.discard(call)

    def cancel(self, call: int) -> None:
        """Cancel a call that nobody waits for any more."""
        if call in self.scopes:
            self.leaving.add(call)
            self.release(self.scopes[call].cancel)
            self.end(call)

    def left(self, call: int) -> None:
        """Take note that the task of a call is over."""
        if call in self.leaving:
            self.leaving.discard(call)
            self.wake()

    def rest(self, call: int) -> None:
        """Let a call hold neither the clock nor the end until `resume`."""
        self.resting.add(call)
        self.wake()

    def resume(self, call: int) -> None:
        """Let a call hold the clock and the end again."""
        self.resting.discard(call)

    def ask(self, call: int) -> None:
        """Let a call that waits for a person hold the end of the run, and of a simulation only where no time can pass any more."""
        self.asking.add(call)
        if self.rounds:
            self.rest(call)

    def hold_nothing(self, call: int) -> None:
        """Let a call that waits for a person hold nothing: no answer will come."""
        self.asking.discard(call)
        self.rest(call)

    def _block(self, call: int, change: int) -> None:
        """Count the notices that a method awaits; the loop looks when the last task of a round is blocked."""
        self.blocked[call] = self.blocked.get(call, 0) + change
        if not self.blocked[call]:
            del self.blocked[call]
        self.wake()

    @property
    def settled(self) -> bool:
        """Return whether no call works, and none that was cancelled is still ending."""
        if self.leaving or self.hosted():
            return False
        return all(call in self.resting or call in self.blocked for call in self.scopes)

    @property
    def holds(self) -> bool:
        """Return whether something is under way or has come in that the virtual clock and the end must wait for."""
        return len(self.scopes) > len(self.resting) or self.hosted() or bool(self.results or self.notices or self.acts)

    # ---- what comes in -------------------------------------------------------------------------------------

    def result(self, call: int, value: Any) -> None:
        """Take in the result of a call, which has ended with it."""
        self.end(call)
        self.results.append((call, without_secrets(value)))
        self.wake()

    def piece(self, call: int, text: str) -> None:
        """Take in a piece of a model's reply while it comes."""
        self.pieces.append((call, masked(text)))
        self.wake()

    def notify(self, call: int, kind: NoticeKind, *data: Any) -> Notice:
        """Take in a notice; it may be awaited."""
        notice = Notice(self._block, call, kind, tuple(without_secrets(d) for d in data))
        self.notices.append(notice)
        self.wake()
        return notice

    def act(self, call: int, act: str, path: str, *data: Any) -> None:
        """Take in what a coglet has done that lives in this process (`hosting.py`), in the order of the acts."""
        self.acts.append((call, act, path, *(without_secrets(d) for d in data)))
        self.wake()

    def take_acts(self) -> list[tuple[Any, ...]]:
        """Take out what coglets of this process have done."""
        taken, self.acts = self.acts, []
        return taken

    def progress(self, call: int, event: dict[str, Any]) -> None:
        """Take in what a dispatcher reports of an agent that it runs."""
        self.notify(call, "progress", event)

    @property
    def has_news(self) -> bool:
        """Return whether anything has come in."""
        return bool(self.results or self.pieces or self.notices or self.acts)

    def take_notices(self) -> list[Notice]:
        """Take out the notices, in order of call."""
        taken, self.notices = sorted(self.notices, key=attrgetter("call")), []
        return taken

    def take_requests(self) -> list[Notice]:
        """Take out what people ask of agents, which belongs to no call."""
        taken = [n for n in self.notices if not n.call]
        self.notices = [n for n in self.notices if n.call]
        return taken

    def take_pieces(self) -> list[tuple[int, str]]:
        """Take out the pieces of replies, in order of call."""
        taken, self.pieces = sorted(self.pieces, key=itemgetter(0)), []
        return taken

    def take_results(self) -> list[tuple[int, Any]]:
        """Take out the results, in order of call."""
        taken, self.results = sorted(self.results, key=itemgetter(0)), []
        return taken

    # ---- what goes on --------------------------------------------------------------------------------------

    def release(self, go_on: Callable[[], None]) -> None:
        """Let a task start or go on, by a function: at once, or in a simulation when its turn comes."""
        if self.rounds:
            self.kept.append(go_on)
        else:
            go_on()

    def save(self, call: int, path: str, given: Any, state: Any) -> None:
        """Take in what an object in Python would go on with, at the end of a call of it."""
        self.saved[call] = path, without_secrets(given), without_secrets(state)

    def acknowledge(self, tell: Callable[[], None]) -> None:
        """Let somebody outside know that something has entered, as soon as that is certain."""
        if self.told is None:
            self.release(tell)
        else:
            self.told.append(partial(self.release, tell))

    async def settle(self) -> None:
        """Let the tasks that were released go on, one after the other."""
        if not self.kept:
            return
        from trio.testing import wait_all_tasks_blocked  # only a simulation needs it

        kept, self.kept = self.kept, []
        with trio.move_on_after(_PATIENCE * len(kept)):
            while kept:
                kept.pop(0)()
                await wait_all_tasks_blocked()
        for go_on in kept:
            go_on()

    def wake(self) -> None:
        """Make the loop look again."""
        self._wake.set()

    async def wait(self, seconds: float) -> bool:
        """Wait until something wakes the loop, for at most so many seconds. Return whether something did."""
        with trio.move_on_after(seconds):
            await self._wake.wait()
        is_woken = self._wake.is_set()
        self._wake = trio.Event()
        return is_woken


def without_secrets(value: Any) -> Any:
    """Return what comes from outside with its secrets masked, so that none enters the kernel, the journal or the trace."""
    if isinstance(value, Failure):
        value.message = masked(value.message)
        # what it was raised from holds the frames of the call, and with them values of any size
        value.__context__ = value.__cause__ = value.__traceback__ = None
        value.args = (value.message,)
        value.trace = masked(value.trace)
        return value
    return masked_value(value)

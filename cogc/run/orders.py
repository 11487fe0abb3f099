"""Orders to a run: whoever stands outside lets the kernel create, link, stop, send and command by path, and awaits the end.

`kernel/orders.py` has the orders. `begin` hands one in as a notice, so that it enters where everything from outside does, as an
event of the journal; the effect `OrderDone` brings the answer, for which `end` waits. A unit enters as an event too, with its
whole text, so that a replay needs no spec.

In a run that is resumed the journal has the orders of a process that is gone. What they have set off goes on, and nobody waits
for the answer. `again` lets somebody wait once more. A `call` for which nobody waits then is given up, as that of a client
that goes away: its coglet is stopped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from cogc import built, ir
from cogc.kernel.effects import OrderDone, OrderNews
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.language.values import Failure
from cogc.run.outside import Notice, Outside
from cogc.run.secrets import prepare

News = Callable[[str, Any], None]
"""Takes a message of a coglet that was called: its channel, and the value."""


class Refusal(Failure):
    """The refusal of an order: nothing was done."""


class Orders:
    """The orders of one run that have not ended. `event` writes to its journal. `calls` is how many orders `call` there were, `on_recall` hears the
    answers and news that a resumed run has had before."""

    def __init__(self, kernel: Kernel, outside: Outside, event: Callable[..., None]) -> None:
        self.kernel = kernel
        self.outside = outside
        self.event = event
        self.units: dict[str, Unit] = {}
        self.open: dict[int, Notice] = {}
        self.news: dict[int, News] = {}
        self.entered: dict[int, Callable[[int], None]] = {}
        self.last = 0
        self.calls = 0
        self.closed = False
        self.on_recall: Callable[[OrderDone | OrderNews], None] | None = None
        self._called: dict[int, str] = {}

    async def send(
        self, action: str, *data: Any, news: News | None = None, entered: Callable[[int], None] | None = None
    ) -> Any:
        """Give an order, and return its answer when it has ended. Raise Refusal, or the Failure that came of it. `news`
        takes what the coglet of a `call` says before, `entered` the number of the record with which the order begins, if it has one."""
        return await self.end(self.begin(action, *data, news=news, entered=entered))

    def begin(
        self, action: str, *data: Any, news: News | None = None, entered: Callable[[int], None] | None = None
    ) -> Notice:
        """Give an order. Raise Refusal if the run has ended."""
        if self.closed:
            raise Refusal("stopped", "the run has ended")
        self.last += 1
        self.calls += action == "call"
        notice = self.outside.notify(0, "order", self.last, action, *data)
        self._open(notice, news)
        if entered is not None:
            self.entered[self.last] = entered
        return notice

    def _open(self, notice: Notice, news: News | None) -> None:
        number = notice.data[0]
        self.open[number] = notice
        if news is not None:
            self.news[number] = news

    async def end(self, notice: Notice) -> Any:
        """Wait for the end of an order, as `send`."""
        try:
            await notice
        finally:
            self.news.pop(notice.data[0], None)
        if isinstance(notice.answer, Failure):
            raise notice.answer
        return notice.answer

    async def adopt(self, bundle: ir.Bundle) -> str:
        """Let the kernel hold a program, and return the digest by which `create` names it."""
        text = built.encode(bundle)
        digest = hashlib.sha256(text).hexdigest()[:16]
        if digest not in self.units:
            prepare(bundle.secrets)
            self.units[digest] = Unit(bundle)
            await self.send("adopt", digest)
        return digest

    def take(self, notice: Notice) -> None:
        """Hand an order to the kernel."""
        number, action, *data = notice.data
        if action == "adopt":
            unit = self.units[data[0]]
            self.event("unit", data[0], built.encode(unit.bundle).decode())
            self.kernel.adopt(data[0], unit)
            self._end(number, None)
            return
        self.event("order", number, action, *data)
        entered, trace = self.entered.pop(number, None), self.kernel.trace
        before = 0 if trace is None else trace.seq
        try:
            self.kernel.order(number, action, *data)
            if entered is not None and trace is not None and trace.seq > before:
                entered(before + 1)
        except Failure as refused:
            self._end(number, Refusal(refused.kind, refused.message))

    def tell(self, effect: OrderDone | OrderNews) -> None:
        """Take the end of an order from the kernel, or what the coglet of a `call` says before it."""
        if isinstance(effect, OrderDone):
            self._end(effect.number, effect.answer, is_certain=True)
        elif effect.number in self.news:
            self.news[effect.number](effect.channel, effect.value)

    # ---- a run that is resumed -----------------------------------------------------------------------------

    def recorded(self, number: int, action: str, *data: Any) -> None:
        """Take note of an order of the journal."""
        self.last = max(self.last, number)
        if action == "call":
            self.calls += 1
            self.called(number, f"{data[0]}/{data[3]}")

    def called(self, number: int, path: str) -> None:
        """Take note of the coglet of a `call` of the journal."""
        self._called[number] = path

    def adopted(self, digest: str, unit: Unit) -> None:
        """Take note of a unit of the journal."""
        prepare(unit.bundle.secrets)
        self.units[digest] = unit

    def recall(self, effect: OrderDone | OrderNews) -> None:
        """Take note of what came of an order of the journal."""
        if self.on_recall is not None:
            self.on_recall(effect)

    def is_under_way(self, number: int) -> bool:
        """Return whether the coglet of a `call` of the journal is still there."""
        return number in self._called and self.kernel.outer.find(self._called[number]) is not None

    def again(self, number: int, news: News | None = None) -> Notice:
        """Let somebody wait for an order of the journal that has not ended."""
        notice = Notice(lambda _call, _change: None, 0, "order", (number,))
        self._open(notice, news)
        return notice

    def give_up(self) -> None:
        """Stop the coglets of calls for which nobody waits."""
        for number, path in self._called.items():
            if number not in self.open and self.kernel.outer.find(path) is not None:
                self.begin("stop", path)
        self._called.clear()

    def close(self) -> None:
        """End the orders that are left: the run is over."""
        self.closed = True
        for number in list(self.open):
            self._end(number, Failure("stopped", "the run has ended"))

    def _end(self, number: int, answer: Any, is_certain: bool = False) -> None:
        """End an order. `is_certain` says of a durable run that what led to it is on disk."""
        notice = self.open.pop(number, None)
        if notice is not None:
            notice.answer = answer
            tell = self.outside.release if is_certain else self.outside.acknowledge
            tell(notice.taken.set)

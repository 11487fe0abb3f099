"""A run: the loop between the kernel and the world.

The kernel takes messages in stretches of a few hundred; between them the shell admits what has come from outside, lets
the clock's timers fire, writes down what happened, and starts what the kernel asks for. Only what really waits is a Trio
task, and each of those lives in the one nursery of the run, with a scope by which the kernel can cancel it.
"""

from __future__ import annotations

import gc
import heapq
import signal
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from functools import partial
from typing import Any

import trio

from cogc.kernel.effects import Ask, Call, Cancel, Dispatch, LogLine, Output, Persist, Said, Tell, Unclaim
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.language.values import Failure
from cogc.run.dispatch import Dispatchers
from cogc.run.executors import Executors
from cogc.run.journal import Journal, Outward
from cogc.run.mirror import Mirror
from cogc.run.models import Models
from cogc.run.scripted import pieces
from cogc.run.settings import Settings
from cogc.run.store import Store
from cogc.run.trace import TraceWriter

STRETCH = 500
STOP_LIMIT = 10.0


class Options:
    """How to run. Times are in nanoseconds; `None` means without an end."""

    __slots__ = (
        "budget",
        "epoch",
        "inputs",
        "on_log",
        "on_output",
        "on_records",
        "parameters",
        "root",
        "run",
        "seed",
        "signals",
        "sim",
        "stop_at",
        "until",
    )

    def __init__(
        self,
        *,
        budget: dict[str, Any] | None = None,
        parameters: dict[str, Any] | None = None,
        inputs: list[tuple[str, Any]] | None = None,
        sim: bool = False,
        seed: int = 0,
        epoch: int = 0,
        run: str = "",
        root: str = "",
        stop_at: int | None = None,
        signals: bool = True,
        until: Callable[[dict[str, list[Any]]], bool] | None = None,
        on_output: Callable[[Output], None] | None = None,
        on_log: Callable[[LogLine], None] | None = None,
        on_records: Callable[[list[dict[str, Any]]], None] | None = None,
    ) -> None:
        self.budget = budget or {}
        self.parameters = parameters or {}
        self.inputs = inputs or []
        self.sim = sim
        self.seed = seed
        self.signals = signals
        self.epoch = epoch
        self.run = run
        self.root = root
        self.stop_at = stop_at
        self.until = until
        self.on_output = on_output
        self.on_log = on_log
        self.on_records = on_records


class _Told:
    """What a method of a Python coglet did, until the kernel knows of it."""

    __slots__ = ("answer", "call", "data", "done", "kind", "refused")

    def __init__(self, call: int, kind: str, data: tuple[Any, ...]) -> None:
        self.call = call
        self.kind = kind
        self.data = data
        self.done = trio.Event()
        self.refused: str | None = None
        self.answer: Any = None

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._known().__await__()

    async def _known(self) -> Any:
        await self.done.wait()
        if self.refused is not None:
            raise TypeError(self.refused)
        return self.answer


class Session:
    """One run of a program. `outcome` is how it ended: done, failed, deadlock, unmet, interrupted, terminated."""

    def __init__(
        self,
        unit: Unit,
        options: Options,
        settings: Settings,
        *,
        trace: TraceWriter | None = None,
        journal: Journal | None = None,
        store: Store | None = None,
    ) -> None:
        self.options = options
        self.trace = trace
        self.journal = journal
        self.store = store
        traced = trace is not None or options.on_records is not None
        epoch = options.epoch or time.time_ns()
        self.kernel = Kernel(unit, options.seed, epoch, traced, options.run, options.budget, options.root)
        self.executors = Executors(unit.bundle, settings, unit.evaluate, self._tell)
        self.executors.queues.idle = self._idle
        self.executors.plans.idle = self._aside
        self.told: list[_Told] = []
        self.asleep: set[int] = set()
        self.claims: dict[int, str] = {}
        self.listening: dict[int, int] = {}
        self.models = Models(self.kernel)
        self.dispatchers = Dispatchers(unit.bundle, settings)
        self.outputs: dict[str, list[Any]] = {}
        self.arrived: list[tuple[int, Any]] = []
        self.deltas: list[tuple[int, str]] = []
        self.order = 0
        self.delayed: list[tuple[int, int, int, Any, str]] = []
        self.scopes: dict[int, trio.CancelScope] = {}
        self.outcome = "done"
        self.met = options.until is None
        self.stopping: float | None = None
        self.dirty: dict[tuple[str, str], Any] = {}
        self.deadlock: list[str] = []

    # ---- the loop ------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run to the end. The outcome is in `outcome`, the failure's report in `kernel.report`."""
        self.wake = trio.Event()
        self.began = time.monotonic_ns()
        gc.disable()  # what a start makes lives on; collecting in the middle of it would only walk it again and again
        try:
            async with trio.open_nursery() as nursery:
                self.nursery = self.executors.servers.nursery = self.executors.queues.nursery = nursery
                self.executors.plans.nursery = nursery
                if self.executors.settings.registry:
                    mirror = Mirror(self.kernel.models.registry, self.executors.settings.registry, self.options.run)
                    nursery.start_soon(mirror.run)
                if self.options.signals:
                    await nursery.start(self._signals)
                self._start()
                gc.freeze()
                gc.enable()
                await self._loop()
                nursery.cancel_scope.cancel()
        finally:
            gc.unfreeze()
            self._write_down()
            with trio.move_on_after(1, shield=True):
                await self.models.aclose()

    def _start(self) -> None:
        options = self.options
        if self.store is not None:
            self.kernel.persisted = self.store.load()
        persisted = [[p, n, v] for (p, n), v in self.kernel.persisted.items()]
        self._event("start", options.parameters, persisted)
        self.kernel.start(options.parameters)
        for channel, value in options.inputs:
            self._event("input", channel, value)
            self.kernel.input(channel, value)

    def _event(self, kind: str, *data: Any) -> None:
        if self.journal is not None:
            self.journal.event(self.kernel, kind, *data)

    def now(self) -> int:
        return time.monotonic_ns() - self.began

    async def _loop(self) -> None:
        kernel = self.kernel
        while True:
            kernel.run(STRETCH)
            self._write_down()
            self._carry_out()
            if self._over():
                return
            if kernel.busy:
                await trio.lowlevel.checkpoint()
                self._admit()
                self._stop_in_time()
            elif not await self._wait():
                return

    def _over(self) -> bool:
        """Whether the run has ended, for whatever reason."""
        kernel = self.kernel
        if kernel.ended == "failed":
            self.outcome = "failed"
            return True
        if kernel.ended:
            return True
        if not self.met and self.options.until is not None and self.options.until(self.outputs):
            self.met = True
            self._finish()
        if self.stopping is not None and time.monotonic() > self.stopping:
            return True
        return bool(kernel.ended)

    def stop(self) -> None:
        """Stop the system in good order, and with it the run."""
        self._finish()
        self.wake.set()

    def _finish(self) -> None:
        """Stop the system in good order."""
        if self.stopping is None:
            self.stopping = time.monotonic() + STOP_LIMIT
            self._event("stop")
            self.kernel.stop()

    def _admit(self) -> None:
        """Bring in what has arrived, and let the timers fire that are due by now."""
        kernel = self.kernel
        if not self.options.sim:
            self._advance(self._bounded(self.now()))
        self._deliver_delayed()
        told, self.told = self.told, []
        for item in told:
            self._take(item)
        deltas, self.deltas = self.deltas, []
        for call, piece in deltas:
            self._event("delta", call, piece)
            kernel.delta(call, piece)
        arrived, self.arrived = self.arrived, []
        for call, value in arrived:
            if call in self.claims and call not in kernel.calls:
                self._give_back(self.claims[call], value)
            self.claims.pop(call, None)
            self._event("result", call, value)
            kernel.result(call, value)

    def _take(self, item: _Told) -> None:
        """Tell the kernel what a method did, and the method whether it was taken."""
        if item.kind == "sleep":
            self.asleep.add(item.call)
            self._later(item.data[0], item.call, item.done, "wake")
            return
        if item.kind == "progress":
            self._event("progress", item.call, *item.data)
            self.kernel.progress(item.call, *item.data)
            return
        try:
            if item.kind == "steer":
                self._event("steer", *item.data)
                item.answer = self.kernel.steer(*item.data)
            else:
                self._event("told", item.call, item.kind, *item.data)
                item.answer = self.kernel.reported(item.call, item.kind, *item.data)
                self._waits(item)
        except Failure as failure:
            item.refused = failure.message
        item.done.set()

    async def steer(self, action: str, id: str, data: dict[str, Any]) -> Any:
        """Have an agent do what a person asks for; its status, or a TypeError that says why not."""
        return await self._tell(0, "steer", action, id, data)

    def _waits(self, item: _Told) -> None:
        """A method that waits for a coglet's words holds neither the clock nor the end."""
        if item.kind == "next":
            self.listening[item.data[2]] = item.call
            self.asleep.add(item.call)
        elif item.kind == "forget":
            self.asleep.discard(self.listening.pop(item.data[0], 0))

    def _tell(self, call: int, kind: str, *data: Any) -> _Told:
        """Tell the kernel. Who awaits it waits until it knows, and has its answer, or a TypeError if it refuses."""
        item = _Told(call, kind, data)
        self.told.append(item)
        self.wake.set()
        return item

    def _bounded(self, now: int) -> int:
        stop_at = self.options.stop_at
        return now if stop_at is None else min(now, stop_at)

    def _advance(self, now: int) -> None:
        """Fire the timers up to `now`, instant by instant, each followed by what it sets off."""
        kernel = self.kernel
        while True:
            due = kernel.timers.next()
            if due is None or due > now:
                kernel.advance(now)
                if self.journal is not None:
                    self.journal.event(kernel, "time")
                return
            self._instant(due)
            kernel.run(STRETCH)
            if kernel.busy or kernel.ended:
                return

    def _instant(self, due: int) -> None:
        if self.journal is not None:
            self.journal.lines.append([self.kernel.steps, due, "time"])
        self.kernel.advance(due)

    def _deliver_delayed(self) -> None:
        while self.delayed and self.delayed[0][0] <= self.kernel.now:
            _, _, call, value, what = heapq.heappop(self.delayed)
            if what == "wake":
                self.asleep.discard(call)
                value.set()
            elif call in self.kernel.calls:
                (self.deltas if what == "delta" else self.arrived).append((call, value))

    async def _wait(self) -> bool:
        """Nothing waits in the kernel: wait for the world or the clock. False when there is nothing to wait for."""
        due = self._due()
        stop_at = self.options.stop_at
        outside = len(self.scopes) > len(self.asleep) or bool(self.arrived) or bool(self.told)
        if due is None and not outside:
            return self._quiet()
        if self.options.sim and not outside:
            return self._jump(due)
        if not self.arrived and not self.deltas and not self.told:
            await self._sleep(due, stop_at)
        self._admit()
        if stop_at is not None and not self.options.sim and self.now() >= stop_at and not self.kernel.busy:
            return self._time_is_over()
        return True

    def _due(self) -> int | None:
        """The next instant at which something happens by itself."""
        due = self.kernel.timers.next()
        if self.delayed:
            due = self.delayed[0][0] if due is None else min(due, self.delayed[0][0])
        return due

    async def _sleep(self, due: int | None, stop_at: int | None) -> None:
        if self.options.sim:
            limit = None
        else:
            limits = [t for t in (due, stop_at) if t is not None]
            limit = min(limits) if limits else None
        if self.stopping is not None:
            end = int((self.stopping - time.monotonic()) * 1e9) + self.now()
            limit = end if limit is None else min(limit, end)
        seconds = float("inf") if limit is None else max(0.0, (limit - self.now()) / 1e9)
        with trio.move_on_after(seconds):
            await self.wake.wait()
        self.wake = trio.Event()

    def _jump(self, due: int | None) -> bool:
        """Virtual time goes to the next instant at once."""
        stop_at = self.options.stop_at
        if due is None or (stop_at is not None and due > stop_at):
            if stop_at is not None:
                self._advance(stop_at)
            return self._time_is_over()
        self._instant(due)
        self._deliver_delayed()
        self._admit()
        return True

    def _time_is_over(self) -> bool:
        """`--for` has passed: stop in good order, then end."""
        if self.stopping is None:
            self._finish()
            return True
        return bool(self.kernel.busy or self.kernel.calls)

    def _stop_in_time(self) -> None:
        """A system that is never idle is stopped at `--for` all the same."""
        stop_at = self.options.stop_at
        if stop_at is not None and not self.options.sim and self.now() >= stop_at and self.stopping is None:
            self._finish()

    def _quiet(self) -> bool:
        """Nothing waits and nothing will come: the end, or a deadlock."""
        cycle = self.kernel.deadlock()
        if cycle:
            self.outcome = "deadlock"
            self.deadlock = cycle
            return False
        if self.stopping is None:
            self._finish()
            return True
        return False

    # ---- effects -------------------------------------------------------------------------------------------

    def _write_down(self) -> None:
        """The journal first, then the trace: an effect is released only when what led to it is written."""
        if self.journal is not None:
            for effect in self.kernel.effects:
                if isinstance(effect, Outward):
                    self.journal.call(self.kernel, effect)
            self.journal.flush()
        if self.kernel.trace is not None:
            records = self.kernel.trace.take()
            if records:
                if self.trace is not None:
                    self.trace.write(records)
                if self.options.on_records is not None:
                    self.options.on_records(records)

    def _carry_out(self) -> None:
        effects, self.kernel.effects = self.kernel.effects, []
        for effect in effects:
            match effect:
                case Call() | Ask() | Dispatch():
                    self._call(effect)
                case Cancel(id=call):
                    if call in self.scopes:
                        self.scopes.pop(call).cancel()
                        self.asleep.discard(call)
                    self.delayed = [d for d in self.delayed if d[2] != call]
                    heapq.heapify(self.delayed)
                case Tell():
                    self.dispatchers.say(effect)
                case Unclaim():
                    self._give_back(effect.queue, effect.item)
                case Said():
                    self.asleep.discard(self.listening.pop(effect.token, 0))
                    self.executors.coglets.said(effect)
                case Output():
                    self.outputs.setdefault(effect.channel, []).append(effect.value)
                    if self.options.on_output is not None:
                        self.options.on_output(effect)
                case LogLine():
                    if self.options.on_log is not None:
                        self.options.on_log(effect)
                case Persist():
                    self.dirty[effect.path, effect.name] = effect.value
        if self.dirty and self.store is not None:
            self.store.save(self.dirty)
            self.dirty = {}

    def _call(self, call: Outward) -> None:
        answer = self.models.answer(call) if isinstance(call, Ask) else None
        if answer is not None:
            delay, value = answer
            if isinstance(call, Ask) and call.streams:
                for share, piece in pieces(value):
                    self._later(int(delay * share), call.id, piece, "delta")
            self._later(delay, call.id, value, "result")
            return
        scope = trio.CancelScope()
        self.scopes[call.id] = scope
        if isinstance(call, Call) and self._claims(call):
            self.claims[call.id] = str(self.kernel.unit.bundle.programs[call.program].argument)
        self.nursery.start_soon(self._execute, call, scope)

    def _claims(self, call: Call) -> bool:
        """Whether a call waits for an item of a queue."""
        program = self.kernel.unit.bundle.programs[call.program]
        return program.kind == "queue" and program.name.endswith((".take", ".dead"))

    def _idle(self, call: int, idle: bool) -> None:
        """A claim waits for an item. Where nobody but this run may put one there, it holds neither clock nor end."""
        if not idle or call not in self.scopes:
            self.asleep.discard(call)
        elif self.options.sim or self.kernel.unit.bundle.queues[self.claims[call]].backend == "memory":
            self.asleep.add(call)
            self.wake.set()

    def _aside(self, call: int) -> None:
        """A call that may never be answered: it holds neither clock nor end."""
        self.asleep.add(call)
        self.wake.set()

    def _give_back(self, key: str, item: Any) -> None:
        """An item came for a coglet that is gone: it is nobody's again, before the run may end."""
        if isinstance(item, list):
            self.order += 1
            self.scopes[-self.order] = trio.CancelScope()
            self.nursery.start_soon(self._unclaim, -self.order, key, item)

    async def _unclaim(self, number: int, key: str, item: list[Any]) -> None:
        with suppress(Failure):  # then its lease will be over
            await self.executors.queues.call(key, "unclaim", item[1:])
        self.scopes.pop(number, None)
        self.wake.set()

    def _later(self, delay: int, call: int, value: Any, what: str) -> None:
        self.order += 1
        heapq.heappush(self.delayed, (self.kernel.now + delay, self.order, call, value, what))

    async def _execute(self, call: Outward, scope: trio.CancelScope) -> None:
        with scope:
            if isinstance(call, Ask):
                value = await self.models.ask(call, partial(self._delta, call.id))
            elif isinstance(call, Dispatch):
                value = await self.dispatchers.run(call, partial(self._progress, call.id))
            else:
                value = await self.executors.execute(call)
            self.scopes.pop(call.id, None)
            self.asleep.discard(call.id)
            self.arrived.append((call.id, value))
            self.wake.set()
        if scope.cancelled_caught:
            self.claims.pop(call.id, None)

    def _progress(self, call: int, event: dict[str, Any]) -> None:
        self.told.append(_Told(call, "progress", (event,)))
        self.wake.set()

    def _delta(self, call: int, piece: str) -> None:
        self.deltas.append((call, piece))
        self.wake.set()

    # ---- signals -------------------------------------------------------------------------------------------

    async def _signals(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The first SIGINT or SIGTERM stops the root in good order, a second one cancels at once."""
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
            task_status.started()
            async for number in received:
                again = self.outcome in ("interrupted", "terminated")
                self.outcome = "interrupted" if number == signal.SIGINT else "terminated"
                if again:
                    self.nursery.cancel_scope.cancel()
                    return
                self.stop()

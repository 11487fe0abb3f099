"""A session with all of its parts, made of a program, the options of the run, and the settings of its programs."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, NoReturn, TypeVar

from cogc.kernel.effects import LogLine
from cogc.kernel.machine import Kernel
from cogc.kernel.permissions import writes_from_sandbox
from cogc.kernel.unit import Unit
from cogc.run.background import Background
from cogc.run.carrying import Parts
from cogc.run.claims import Claims
from cogc.run.coglets import Coglets
from cogc.run.convert import from_python, to_python
from cogc.run.executors import Executors
from cogc.run.mirror import Mirror
from cogc.run.models import Models
from cogc.run.outside import Outside
from cogc.run.people import Clock
from cogc.run.pinned import pin
from cogc.run.plans import Plans
from cogc.run.secrets import prepare
from cogc.run.servers import Servers
from cogc.run.session import RunOptions, Session, Sinks
from cogc.run.settings import Settings

if TYPE_CHECKING:
    from cogc.run.hosting import Hosting

S = TypeVar("S", bound=Session)


def build_session(unit: Unit, options: RunOptions, settings: Settings, sinks: Sinks | None = None) -> Session:
    """Return a session that has not begun."""
    return build(Session, unit, options, settings, sinks)


def build(kind: type[S], unit: Unit, options: RunOptions, settings: Settings, sinks: Sinks | None = None) -> S:
    """Return a session of a class, which has not begun."""
    sinks = sinks or Sinks()
    prepare(unit.bundle.secrets)
    if settings.sandboxed and writes_from_sandbox(unit.bundle):
        pin(os.path.realpath(settings.workspace))
    kernel = _kernel(unit, options, sinks)
    outside, background = Outside(options.sim), Background()

    def log(level: str, where: str, words: str) -> None:
        if options.on_log is not None:
            options.on_log(LogLine(level, where, words, kernel.now))

    clock = (lambda: kernel.now / 1e9) if options.sim else None
    time_of_day = (lambda: (kernel.epoch + kernel.now) / 1e9) if options.sim else None

    def host() -> Hosting:
        from cogc.run.hosting import Hosting  # with asyncio, which coglets in Python alone need

        hosting = Hosting(outside, background, to_python, from_python)
        hosting.now = (lambda: kernel.now) if options.sim else session.now
        hosting.loop.epoch = lambda: kernel.epoch
        hosting.loop.serve_graph = settings.serve_graph
        hosting.restart_of = partial(_restart_of, kernel)
        hosting.stop, hosting.stopping = session.stop, lambda: session.stopping.begun
        return hosting

    executors = Executors(
        settings,
        Coglets(outside.notify, to_python, from_python, host, settings.workspace),
        Servers(settings.workspace, background, settings.sandboxed, settings.kept, outside.progress, settings.contexts),
        Claims(outside, background, time_of_day, settings.kept, log, settings.lasting, options.run),
        Plans(settings.keeping, settings.people, background, outside.rest, clock),
    )
    settings.people.clock = RunClock(outside)
    settings.people.run = options.run or settings.people.run
    if sinks.journal is not None:
        executors.coglets.save = outside.save
    mirror = Mirror(kernel.models.registry, settings.registry, options.run) if settings.registry else None
    models = Models(settings.people.run, settings.contexts)
    session = kind(Parts(kernel, options, outside, background, executors, models, sinks), mirror)
    return session


def _restart_of(kernel: Kernel, path: str) -> str:
    """Return what the spec says of the restart of a coglet."""
    inst = kernel.outer.find(path)
    return "never" if inst is None or inst.slot is None else inst.slot.spec.spec.restart


class RunClock(Clock):
    """The clock of a run, on which answers come that were given beforehand."""

    def __init__(self, outside: Outside) -> None:
        super().__init__()
        self.outside = outside

    async def sleep(self, call: int, nanos: int) -> None:
        """Let so much time of the run pass for a call."""
        await self.outside.notify(call, "sleep", nanos)

    async def never_answer(self, call: int, question: str) -> NoReturn:
        """Wait for an answer that will not come. The call holds neither the clock nor the end of the run."""
        self.outside.hold_nothing(call)
        await super().never_answer(call, question)


def _kernel(unit: Unit, options: RunOptions, sinks: Sinks) -> Kernel:
    """Return the kernel of a run."""
    traced = options.traced or sinks.trace is not None or options.on_records is not None
    kernel = options.kernel(
        unit, options.seed, options.epoch or time.time_ns(), traced, options.run, options.budget, options.root
    )
    kernel.models.sandbox = options.sandbox
    kernel.models.max_depth = options.max_depth
    if options.account is not None:
        kernel.models.budget, kernel.models.usages = options.account
    return kernel

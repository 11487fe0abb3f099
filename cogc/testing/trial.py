"""One run of one test: `run_test(program, test, ...) -> Outcome`.

The steps of a test are carried out in the order of the text. The system starts in front of the first step that is no
script. `expect never` holds for the whole test, wherever it stands, and is looked at after each message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any, assert_never

import trio

from cogc.kernel import disturb
from cogc.kernel.effects import Ask
from cogc.kernel.machine import Kernel
from cogc.kernel.namespace import ABSENT
from cogc.kernel.objects import Instance
from cogc.language.meter import begin
from cogc.language.values import Duration, Failure
from cogc.lowering.tests import (
    Advance,
    Crash,
    Disturb,
    Expect,
    ExpectJudge,
    ExpectTrace,
    Feed,
    Happening,
    Kill,
    Member,
    Order,
    Run,
    Scenario,
    Script,
    Step,
    Test,
    Value,
)
from cogc.run import report
from cogc.run.build import build
from cogc.run.delayed import Deed
from cogc.run.portal import run_apart
from cogc.run.replay import Divergence
from cogc.run.session import RunOptions, Sinks
from cogc.testing.cast import RUN
from cogc.testing.course import EPOCH, Course, Program, Refused
from cogc.testing.coverage import shows
from cogc.testing.golden import difference, place, write
from cogc.testing.judge import LEAST, Verdict, unit_of, verdict
from cogc.testing.model_faults import Faults
from cogc.testing.observed import Observed
from cogc.testing.outcome import Outcome, Refusal
from cogc.testing.recording import Departed
from cogc.testing.rehearsal import (
    MOST_AT_ONCE,
    Killed,
    Live,
    NeedsWorld,
    Rehearsal,
    Restless,
    Unscripted,
    World,
    driven,
    go_on,
    journal_of,
    lasting,
)
from cogc.testing.samples import script_line
from cogc.testing.shown import shown


def run_test(
    program: Program,
    test: Test,
    *,
    seed: int = 0,
    values: dict[str, Any] | None = None,
    kernel: Callable[..., Kernel] = Kernel,
    update: bool = False,
    live: Live | None = None,
    faults: Faults | None = None,
    times: Mapping[int, int] | None = None,
    instant_over: Callable[[Kernel], bool] | None = None,
) -> Outcome:
    """Run a test once, and return its outcome.

    `values` are those of its `for all` and `for each`. `kernel` makes the kernel: an exploration gives one that picks the order
    in which messages are delivered, the `faults` of models, the
    `times` of steps that happen at another instant than the test says, by their numbers, and a function that is asked when an
    `instant_over` is, whether the run is killed.
    `update` writes golden traces instead of comparing them. With `live` models answer for themselves.
    """
    began = time.perf_counter()
    asks_for_real = live is not None and not live.repeats
    world = asks_for_real or test.name in program.world

    def fresh(world: bool) -> Trial:
        return Trial(program, test, seed, values or {}, kernel, update, live, faults, times or {}, world, instant_over)

    trial = fresh(world)
    if not world:
        try:
            driven(trial.run())
        except NeedsWorld as call:
            program.world[test.name] = call.program
            world = True
            if live is not None:
                live.asked = live.scenes = 0
            trial = fresh(True)
    if world:
        run_apart(trial.run_in_world)
    outcome = trial.outcome
    outcome.seconds = time.perf_counter() - began
    usages = trial.kernel.models.usages
    for used in usages.values():
        outcome.used.merge(used)
    known = {m.name for m in program.unit.bundle.models.values() if m.price is not None or m.provider == "scripted"}
    outcome.unpriced = frozenset(model for (_, model), used in usages.items() if used.calls) - known
    if live is not None or test.rows is not None:
        outcome.outputs = trial.outputs()
    if program.marks is not None:
        outcome.reached = program.marks.take(outcome.records)
        outcome.shown = {c.name for c in program.suite.scenarios if _shows(program, c, outcome.records)}
    return outcome


def _shows(program: Program, scenario: Scenario, records: list[dict[str, Any]]) -> bool:
    """Return whether a run shows a scenario."""

    def holds(happening: Happening, message: Any) -> bool:
        if happening.condition is None:
            return True
        begin(object())
        try:
            return (
                program.function(happening.condition)(None, *([message] if happening.condition.names else [])) is True
            )
        except Failure:
            return False

    within = None if scenario.within is None else program.function(scenario.within)(None)
    return shows(scenario, records, holds, within.nanos if isinstance(within, Duration) else None)


class Trial(Course):
    """One run of a test of a system of coglets."""

    def __init__(
        self,
        program: Program,
        test: Test,
        seed: int,
        values: dict[str, Any],
        kernel: Callable[..., Kernel],
        update: bool,
        live: Live | None,
        faults: Faults | None,
        times: Mapping[int, int],
        world: bool,
        instant_over: Callable[[Kernel], bool] | None,
    ) -> None:
        super().__init__(program, test, values)
        self.update = update
        self.observed = Observed()
        self.cast.faults = faults
        self.live = live
        self.times = times
        self.number = 0
        self.outcome.records = self.observed.records
        self.options = RunOptions(
            sim=True, seed=seed, epoch=EPOCH, run=RUN, root=test.root, signals=False, on_records=self.observed.take,
            kernel=kernel, budget={} if live is None else live.budget,
        )  # fmt: skip
        self.settings = program.settings()
        self.inside: World | None = None
        """The tasks of the sessions, if the test runs inside of Trio."""
        self.folder = ExitStack()
        """The folder of what outlives a kill beside the journal."""
        self.kills: list[str] = []
        sinks = Sinks()
        if instant_over is not None or any(isinstance(step, Kill) for step in test.steps):
            sinks = Sinks(journal=journal_of(self.options))
            if world:
                self.folder.enter_context(lasting(self.settings, program.unit))
        self.session = self._session(sinks)
        self.session.cast, self.session.world = self.cast, world
        if sinks.journal is not None:
            self.session.models.said = {}
        self.kernel = self.outcome.kernel = self.session.kernel
        self.began = False
        if instant_over is not None:

            def over() -> None:
                if instant_over(self.kernel):
                    raise Killed(0)

            self.session.instant_over = over

    def _session(self, sinks: Sinks) -> Rehearsal:
        """Return a session of the test's system."""
        made = build(Rehearsal, self.program.unit, self.options, self.settings, sinks)
        if self.live is not None:
            self.live.enter(made)
        return made

    # ---- what it sees -----------------------------------------------------------------------------------------

    def seen(self, name: str) -> Any:
        try:
            return self.observed.of(self.kernel, name)
        except KeyError:
            return {"calls": self.cast.calls.get(name, [])}

    @property
    def now(self) -> int:
        return self.kernel.now

    @property
    def changes(self) -> int:
        return self.observed.changes

    @property
    def quiet(self) -> bool:
        return self.session.quiet

    @property
    def over(self) -> bool:
        return bool(self.kernel.ended)

    # ---- the course ----------------------------------------------------------------------------------------

    async def run_in_world(self) -> None:
        """Carry out all steps inside of Trio, where calls may be carried out for real."""
        try:
            async with trio.open_nursery() as nursery:
                self.inside = World(nursery)
                await self.inside.enter(self.session)
                try:
                    await self.run()
                finally:
                    await self.inside.leave()
        finally:
            self.folder.close()

    async def run(self) -> None:
        """Carry out all steps, and fill the outcome."""
        try:
            for number, step in enumerate(self.test.steps):
                self.number, self.where = number, step.where
                if not isinstance(step, Script):
                    self._begin()
                await self._step(step)
            self._begin()
            self.look()
        except Refused as refused:
            self.outcome.refusal = refused.refusal
        except Unscripted as unscripted:
            self.outcome.refusal = self._unscripted(unscripted)
        except Departed as departed:
            self.outcome.refusal = Refusal(str(departed), self.where)
        except Restless:
            line = f"the system never rests: it took {MOST_AT_ONCE:,} messages while no time passed"
            self.outcome.refusal = Refusal(line, self.where)
        except Failure as failure:
            self.outcome.refusal = Refusal(failure.message, self.where)
        if self.kills and self.outcome.refusal is not None:
            refusal = self.outcome.refusal
            self.outcome.refusal = replace(refusal, notes=(*refusal.notes, *self.kills))

    def _begin(self) -> None:
        """Start the system, once."""
        if self.began:
            return
        self.began = True
        self.options.parameters = {n: self.value(v) for n, v in self.test.arguments.items()}
        if self.nevers:
            self.session.watch = self.look
        try:
            self.session.begin()
        except Failure as failure:
            raise Refused(Refusal(f"the system does not start: {failure.message}", self.where)) from None

    async def _step(self, step: Step) -> None:
        """Carry out one step."""
        match step:
            case Script():
                self.cast.script(step)
            case Crash(path=path, at=at):
                self._do(at, partial(self._crash, path))
            case Kill(down=down, at=at):
                nanos = 0 if down is None else self.nanos(down)
                if at is None:
                    await self._kill(nanos)
                else:
                    self._do(at, partial(_end, nanos))
            case Disturb():
                self._do(step.at, partial(self._disturb, step))
            case Advance(duration=duration):
                self.session.skip(self.kernel.now + self.nanos(duration))
                await self.play(self.kernel.now)
            case Run(duration=duration, until=None):
                await self.play(self.kernel.now + self.nanos(duration))
            case Run(duration=duration, until=until):
                assert until is not None
                await self.until(until, duration, "run until")
            case Expect():
                await self.expect(step)
            case ExpectTrace(path=path):
                self._trace(path)
            case ExpectJudge():
                await self._judge(step)
            case Feed():
                value = self.value(step.value)
                self._do(step.at, partial(self._feed, step, value))
            case Order():
                arguments = [ABSENT if a is None else self.value(a) for a in step.arguments]
                self._do(step.at, partial(self._order, step, arguments))
            case _:
                assert_never(step)

    def _do(self, at: Value | None, act: Callable[[], None]) -> None:
        """Do something now, or at an instant of the test's clock."""
        if at is None:
            act()
            return
        where = self.where

        def later() -> None:
            self.where = where
            act()

        instant = self.times.get(self.number)
        self.session.delays.add(max(self.nanos(at) if instant is None else instant, self.kernel.now), Deed(later))

    async def play(self, until: int, done: Callable[[], bool] | None = None) -> bool:
        """Let time pass. A failure of the root and a deadlock end the test."""
        where = self.where
        found = await self._played(until, done)
        self.where = where
        kernel = self.kernel
        if kernel.ended == "failed":
            raise Refused(self._failed(kernel))
        waits = kernel.deadlock() if self.session.quiet else None
        if waits:
            notes = tuple(f"  {w}" for w in waits)
            raise Refused(Refusal("deadlock: each of these waits for room in a full inbox", self.where, notes=notes))
        return found

    async def _played(self, until: int, done: Callable[[], bool] | None) -> bool:
        """Let time pass, through the kills of the test."""
        while True:
            try:
                return await self.session.play(max(until, self.now), done)
            except Killed as killed:
                await self._kill(killed.down)

    async def _kill(self, down: int) -> None:
        """End the run hard, and go on from its journal when `down` has passed. The world of the test stays as it is."""
        killed, kernel = self.session, self.kernel
        if kernel.ended:
            raise Refused(Refusal("the run has ended by then: nothing is left to kill", self.where))

        def make(sinks: Sinks) -> Rehearsal:
            self.observed.forget()
            self.session = self._session(sinks)
            self.kernel = self.outcome.kernel = self.session.kernel
            return self.session

        try:
            await go_on(killed, make, self.inside, down)
        except Divergence as departed:
            line = f"the run does not go on from its journal: {departed}"
            raise Refused(Refusal(line.splitlines()[0], self.where, notes=tuple(line.splitlines()[1:]))) from None
        self._note_kill(kernel.now)
        self.looked = -1

    def _note_kill(self, at: int) -> None:
        """Note what a kill has led to, for the report of a failure."""
        resumed = self.session.resumed
        assert resumed is not None
        calls = "1 call was" if resumed.begun_again == 1 else f"{resumed.begun_again} calls were"
        self.kills.append(f"killed at {shown(Duration(at))}: {calls} made again")
        anew = "began anew, as code in Python does without `save` and `load`"
        self.kills += [f"  `{path}` {anew}" for path in resumed.revived]

    def _failed(self, kernel: Kernel) -> Refusal:
        """Return the refusal of a system whose root has failed."""
        first, *rest = report.failure(kernel).splitlines()
        told = [line for line in rest if not line.startswith("    ")][:6]
        notes = tuple(line for line in told if "last messages" not in line)
        return Refusal(first.removeprefix("cogc: the run failed: "), self.where, notes=("the root failed:", *notes))

    def _unscripted(self, unscripted: Unscripted) -> Refusal:
        """Return the refusal of a call that no script answers, with the line that would answer it."""
        call = unscripted.call
        if call.unit is not self.program.unit:
            line = (
                f'script {call.model.name} {{ reply {{ score: 1.0, reason: "..." }} }}' if isinstance(call, Ask) else ""
            )
            return Refusal("a judge was asked, and no script answers it; add", self.where, notes=(f"  {line}",))
        line, name = script_line(call, self.kernel)
        return Refusal(
            f"`{name}` was called by {call.path}, and no script answers it; add", self.where, notes=(f"  {line}",)
        )

    def _trace(self, path: str) -> None:
        """Compare the trace with a golden one, or write that."""
        golden = place(self.test.path, path)
        if self.update:
            refused = write(golden, self.observed.records)
            if refused:
                raise Refused(Refusal(f"expect trace matches {shown(path)}: {refused}", self.where))
            self.outcome.written.append(golden)
            return
        found = difference(golden, self.observed.records)
        if found is not None:
            line, facts = found
            raise Refused(Refusal(f"expect trace matches {shown(path)}: {line}", self.where, facts))

    async def _judge(self, step: ExpectJudge) -> None:
        """Let a model judge. It is a system of its own, beside that of the test."""
        question = self.value(step.question)
        least = LEAST if step.threshold is None else self.value(step.threshold)
        unit = self.program.judges.get(step.models)
        if unit is None:
            unit = self.program.judges[step.models] = unit_of(self.program.unit, step)
        models, own = self.kernel.models, self.session.options
        options = RunOptions(
            sim=True, seed=own.seed, epoch=EPOCH, run="judge", signals=False, keep=None, budget=own.budget
        )
        judge = build(Rehearsal, unit, options, self.program.settings())
        judge.kernel.models.budget.usage.merge(models.budget.usage)  # it spends from what the run has left
        judge.cast, judge.by_model, judge.world = self.cast, True, self.session.world
        if self.live is not None:
            self.live.enter(judge)
        try:
            said = await self._heard(judge, question)
        except Failure as failure:
            raise Refused(Refusal(f"{step.text}: {failure.message}", step.where)) from None
        finally:
            used = [[*key, usage.numbers()] for key, usage in judge.kernel.models.usages.items()]
            if used and self.kernel.root is not None:
                self.session.act("spent", self.kernel.root, used)
        self.outcome.scores[step.text] = said
        if said.score < least:
            facts = (("score", f"{said.score:g}"), ("reason", shown(said.reason)), ("asked", shown(question)))
            raise Refused(Refusal(step.text, step.where, facts))

    async def _heard(self, judge: Rehearsal, question: str) -> Verdict:
        """Return what a judge says."""
        if not judge.world:
            return await verdict(judge, question)
        try:
            async with judge.background.open():
                return await verdict(judge, question)
        finally:
            with trio.move_on_after(1, shield=True):
                await judge.models.aclose()

    def outputs(self) -> dict[str, list[Any]]:
        """Return what the root has sent, by channel."""
        code = self.kernel.code(self.kernel.unit, self.kernel.first)
        return {name: list(self.observed.channel(code.name, name)) for name in code.transmit_names}

    # ---- what the test does --------------------------------------------------------------------------------

    def _instances(self, path: tuple[Member, ...]) -> list[Instance]:
        """Return the coglets at a path."""
        indexes = [(m.name, None if m.index is None else self.value(m.index)) for m in path]
        return disturb.instances(self.kernel, indexes)

    def _crash(self, path: tuple[Member, ...]) -> None:
        for inst in self._instances(path):
            self.session.act("crash", inst)

    def _disturb(self, step: Disturb) -> None:
        count = 1 if step.times is None else self.value(step.times)
        if type(count) is not int or count < 0:
            raise Failure("error", f"`{step.kind}` is done a number of times, not {shown(count)}")
        if step.kind in ("fail", "hang"):
            self.cast.disturb(step.port, step.kind, count)
        elif count:
            for inst in self._instances(step.path):
                self.session.act("arm", inst, step.port, step.kind == "duplicate", count)

    def _feed(self, step: Feed, value: Any) -> None:
        """Send a message to a listen channel: to the root as an input is, to a child as its parent would."""
        if not step.path:
            self.session.feed(step.port, value)
            return
        checked = self.program.unit.checked(step.type, value, f"the message to `{step.port}`")
        for inst in self._instances(step.path):
            self.session.act("send", inst, step.port, checked)

    def _order(self, step: Order, arguments: list[Any]) -> None:
        """Give a command, as the parent would."""
        given = [[] if value is ABSENT else [value] for value in arguments]
        for inst in self._instances(step.path):
            self.session.act("command", inst, step.command, given)


def _end(down: int) -> None:
    """Kill the run, in the middle of its work."""
    raise Killed(down)

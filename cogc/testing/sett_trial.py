"""One run of one test of a sett: a whole sett in one process, on the clock of the test.

The sett is that of `cogc run` (`sett/in_process.py`), a machine of events. Its outside is `ScriptedWorld`: scripts stand in for
commands, bid scripts and models, and events come when the test lets time pass. A call is carried out at once, and takes the time
that its script says; its result is an event at the end of that time. One thing happens at a time, so that the same test takes the
same course each time.

Two tasks take turns. The sett runs until it wants an event, or until nothing is left to do, and is then `parked`. The steps of the
test look at the board, post what they send, and actor the sett the event of the next instant.

An agent of the spec that works for the sett runs as a session of its own, whose virtual time is added to the call.
"""

from __future__ import annotations

import heapq
import json
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import msgspec
import trio

from cogc.kernel.permissions import Sandbox
from cogc.language.values import Duration, Failure
from cogc.lowering.tests import Advance, Disturb, Expect, Feed, Run, Script, Step, Test, Value
from cogc.run.build import build
from cogc.run.people import People
from cogc.run.process import ProcessResult
from cogc.run.session import RunOptions
from cogc.sett.agent_runs import answer_of
from cogc.sett.in_process import LocalSett
from cogc.sett.model import goal
from cogc.sett.role_actor import RoleActor
from cogc.sett.spec import AgentSpec, SettSpec
from cogc.sett.world import Call, Event, Ids
from cogc.stores.base import Tx
from cogc.stores.memory import MemoryStore
from cogc.testing.cast import Given
from cogc.testing.course import EPOCH, Course, Program, Refused
from cogc.testing.outcome import Outcome, Refusal
from cogc.testing.rehearsal import NeedsWorld, Rehearsal, Unscripted
from cogc.testing.samples import script_line
from cogc.testing.shown import shown

T = TypeVar("T")
MOST_SHOWN = 12
"""How many artefacts and claims the report of a failure shows."""
_PATIENCE = 3_600_000_000_000
"""How long an agent of the spec may work, in nanoseconds of its own clock; the timeout of the sett's agent comes first."""


def run_sett_test(program: Program, test: Test, *, seed: int = 0, values: dict[str, Any] | None = None) -> Outcome:
    """Run a test of a sett once, and return what came of it. `values` are those of its `for all` and `for each`."""
    began = time.perf_counter()
    trial = SettTrial(program, test, seed, values or {})
    trio.run(trial.run)
    trial.outcome.seconds = time.perf_counter() - began
    return trial.outcome


class Stuck(Exception):
    """The test cannot go on, and `SettTrial.broken` says why."""


class SettTrial(Course):
    """One run of a test of a sett. `on_board` is what is on the board, `broken` why the test cannot go on."""

    def __init__(self, program: Program, test: Test, seed: int, values: dict[str, Any]) -> None:
        super().__init__(program, test, values)
        self.seed = seed
        self.on_board: dict[str, list[Any]] = {"artefacts": [], "claims": [], "questions": []}
        self.world = ScriptedWorld(self)
        self.sett: LocalSett | None = None
        self.deeds: list[tuple[int, int, Callable[[], Awaitable[None]]]] = []
        self.broken: Refusal | None = None
        self.instant = 0
        self._changes = 0
        self._quiet = False

    # ---- what it sees -----------------------------------------------------------------------------------------

    def seen(self, name: str) -> Any:
        found = self.on_board.get(name)
        return found if found is not None else {"calls": self.cast.calls.get(name, [])}

    @property
    def now(self) -> int:
        return self.instant

    @property
    def changes(self) -> int:
        return self._changes

    @property
    def quiet(self) -> bool:
        return self._quiet

    @property
    def over(self) -> bool:
        return False

    async def changed(self) -> None:
        """Look at the board after a change of it."""
        self._changes += 1
        if self.sett is None:
            return
        board = self.sett.board
        artefacts = {a.id: a for a in await board.artefacts()}
        claims = [
            {
                "id": c.id,
                "artefact": c.artefact_id,
                "type": artefacts[c.artefact_id].type if c.artefact_id in artefacts else "",
                "status": c.status,
                "reason": c.reason,
                "bids": dict(c.bids) or await board.bids(c.id),
            }
            for c in await board.claims()
        ]
        self.on_board = {
            "artefacts": [a.value() for a in artefacts.values()],
            "claims": claims,
            "questions": [q.value() for q in await board.questions()],
        }
        if self.nevers and self.broken is None:
            try:
                self.look()
            except Refused as refused:
                self.broken = refused.refusal

    # ---- the course -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Carry out all steps, and fill the outcome."""
        async with trio.open_nursery() as nursery:
            try:
                await self._steps(nursery)
            except (Refused, Failure) as error:
                self.outcome.refusal = self._refusal(error)
            nursery.cancel_scope.cancel()
        self.outcome.outputs = {name: list(items) for name, items in self.on_board.items()}

    async def _steps(self, nursery: trio.Nursery) -> None:
        for step in self.test.steps:
            self.where = step.where
            if self.sett is None and not isinstance(step, Script):
                self._begin(nursery)
            await self._step(step)

    def _begin(self, nursery: trio.Nursery) -> None:
        """Start the sett."""
        try:
            spec = SettSpec(msgspec.structs.replace(self.program.unit.bundle, root=self.test.root))
        except Failure as failure:
            raise Refused(Refusal(f"the sett does not start: {failure.message}", self.where)) from None
        runner = ScriptedRunner(self)
        actors = {role: RoleActor(agent, runner, ScriptedAgents(self, agent)) for role, agent in spec.agents.items()}
        store = WatchedStore(self.changed)
        self.sett = LocalSett(spec, store, actors, People(), _hear, self.world, ids=Ids(self.seed))
        nursery.start_soon(self._keep_going, self.sett)

    async def _keep_going(self, sett: LocalSett) -> None:
        """Run the sett, and again whenever something is posted after nothing was left to do."""
        try:
            while True:
                await sett.run(None, max(EPOCH + self.instant, sett.store.at))
                await self.world.rest()
        except Stuck:
            self.world.parked.set()
        except Failure as failure:
            self.broken = Refusal(failure.message, self.where)
            self.world.parked.set()

    async def _step(self, step: Step) -> None:
        """Carry out one step."""
        match step:
            case Script():
                self.cast.script(step)
            case Disturb():
                times = 1 if step.times is None else self.value(step.times)
                if type(times) is not int or times < 0:
                    raise Failure("error", f"`{step.kind}` is done a number of times, not {shown(times)}")
                await self._do(step.at, partial(self._disturb, step.port, step.kind, times))
            case Feed():
                await self._do(step.at, partial(self._post, step.port, self.value(step.value)))
            case Advance(duration=duration):
                await self._parked()
                self.instant += self.nanos(duration)
                await self.play(self.instant)
            case Run(duration=duration, until=None):
                await self.play(self.instant + self.nanos(duration))
            case Run(duration=duration, until=until):
                assert until is not None
                await self.until(until, duration, "run until")
            case Expect():
                await self.expect(step)
            case _:
                raise Failure("error", "a test of a sett has no such step")

    async def _do(self, at: Value | None, act: Callable[[], Awaitable[None]]) -> None:
        """Do something now, or at an instant of the test's clock."""
        if at is None:
            await self._parked()
            await act()
        else:
            heapq.heappush(self.deeds, (max(self.nanos(at), self.instant), len(self.deeds), act))

    async def _disturb(self, name: str, kind: str, times: int) -> None:
        self.cast.disturb(name, kind, times)

    async def _post(self, channel: str, text: str) -> None:
        """Post a goal, or the answer to the oldest open question. Raise Failure if there is none."""
        sett = self.sett
        assert sett is not None
        sett.store.at = max(sett.store.at, EPOCH + self.instant)
        if channel == "goal":
            await sett.board.post(goal(text, sett.board.new_id))
        else:
            open_questions = await sett.board.questions()
            if not open_questions:
                raise Failure("error", "no question is open that could be answered")
            await sett.board.answer(open_questions[0].id, text)
        await self._hand(Event("look", EPOCH + self.instant))

    async def _parked(self) -> None:
        """Wait until the sett wants an event. Raise Refused if the test cannot go on."""
        await self.world.parked.wait()
        if self.broken is not None:
            raise Refused(self.broken)

    async def _hand(self, event: Event) -> None:
        """Hand the sett an event, and wait until it wants the next one."""
        self.world.take(event)
        await self._parked()

    async def play(self, until: int, done: Callable[[], bool] | None = None) -> bool:
        """Let time pass up to an instant. Return True as soon as `done` holds."""
        self._quiet = False
        await self._parked()
        while True:
            if done is not None and done():
                return True
            following = [
                t for t in (self.world.next_instant(), self.deeds[0][0] if self.deeds else None) if t is not None
            ]
            if not following and done is not None:
                self._quiet = True
                return False
            if not following or min(following) > until:
                self.instant = max(self.instant, until)
                return False
            self.instant = max(self.instant, min(following))
            if self.deeds and self.deeds[0][0] <= self.instant:
                await heapq.heappop(self.deeds)[2]()
            else:
                await self._hand(self.world.event(EPOCH + self.instant))

    # ---- what is reported -------------------------------------------------------------------------------------

    def _refusal(self, error: Refused | Failure) -> Refusal:
        """Return why the test failed, with what is on the board."""
        found = error.refusal if isinstance(error, Refused) else Refusal(error.message, self.where)
        return Refusal(found.line, found.where, found.facts, (*found.notes, *self._board_words()))

    def _board_words(self) -> list[str]:
        """Return the last artefacts and claims of the board, a line each."""
        lines = ["the board:"] if self.on_board["artefacts"] else []
        for a in self.on_board["artefacts"][-MOST_SHOWN:]:
            at = Duration(round((a["created_at"] - EPOCH / 1e9) * 1e3) * 1_000_000)
            lines.append(
                f"  {shown(at)}  {a['type']} v{a['version']} by {a['produced_by_role']}: {shown(a['payload'], 60)}"
            )
        for c in self.on_board["claims"][-MOST_SHOWN:]:
            bids = ", ".join(f"{role} {bid}" for role, bid in c["bids"].items() if bid != "ignore")
            why = f" ({c['reason']})" if c["reason"] else ""
            lines.append(f"  claim on {c['type']}: {c['status']}{why}; {bids or 'no bids'}")
        return lines

    def stuck(self, refusal: Refusal) -> Stuck:
        """Return the exception by which a call ends the test."""
        self.broken = self.broken or refusal
        return Stuck()

    def unscripted(self, name: str, what: str) -> Stuck:
        """Return the exception for work that no script answers."""
        reply = '"ignore"' if name.endswith(".bid") else '"..."'
        note = f"  script {name} {{ reply {reply} }}"
        return self.stuck(Refusal(f"`{name}` {what}, and no script answers it; add", self.where, notes=(note,)))

    def given(self, name: str, path: str, asked: Any) -> Given | None:
        """Return what a script gives for a piece of work, and let the call take its delay; None if there is no script."""
        found = self.cast.work(name, path, self.instant, asked)
        self._changes += 1
        if found is not None:
            self.world.took += found.delay
        return found


def _hear(*_: Any, **__: Any) -> None:
    """Take an event of a sett's machines, which the board shows as well."""


class WatchedStore(MemoryStore):
    """A store that tells of each change."""

    def __init__(self, changed: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._told = changed

    async def transact(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        before = self.changed
        result = await super().transact(work)
        if self.changed is not before:
            await self._told()
        return result


class ScriptedWorld:
    """The outside of a sett in a test. `results` are those of calls, at their instants; `took` is the time of the call that is being
    carried out, in nanoseconds. `parked` is set while the sett waits for an event or has nothing left to do."""

    def __init__(self, trial: SettTrial) -> None:
        self.trial = trial
        self.begun: list[Call] = []
        self.results: list[tuple[int, int, Any]] = []
        self.took = 0
        self.due: int | None = None
        self.resting = False
        self.parked = trio.Event()
        self._given = trio.Event()
        self._event: Event | None = None

    def begin(self, call: Call) -> None:
        self.begun.append(call)

    def cancel(self, number: int) -> None:
        self.begun = [c for c in self.begun if c.number != number]
        self.results = [r for r in self.results if r[1] != number]
        heapq.heapify(self.results)

    def over(self) -> bool:
        return True

    async def next(self, due: int | None) -> Event:
        while self.begun:
            call, self.took = self.begun.pop(0), 0
            value = await call.run()
            heapq.heappush(self.results, (self.trial.instant + self.took, call.number, value))
        self.due = None if due is None else max(due - EPOCH, 0)
        event = await self._park()
        assert event is not None
        return event

    async def rest(self) -> None:
        """Wait until something is posted: nothing is left to do."""
        self.due, self.resting = None, True
        await self._park()
        self.resting = False

    async def _park(self) -> Event | None:
        self._given = trio.Event()
        self.parked.set()
        await self._given.wait()
        return self._event

    def take(self, event: Event) -> None:
        """Let the sett go on with an event."""
        self.parked = trio.Event()
        self._event = event
        self._given.set()

    def next_instant(self) -> int | None:
        """Return when the next event comes by itself, or None."""
        if self.resting:
            return None
        times = [self.results[0][0]] if self.results else []
        return min([*times, *([self.due] if self.due is not None else [])], default=None)

    def event(self, at: int) -> Event:
        """Return the event of an instant, which has come: a result, or that something is due."""
        if self.results and self.results[0][0] <= at - EPOCH:
            _, number, value = heapq.heappop(self.results)
            return Event("result", at, [number, value])
        return Event("time", at)


class ScriptedRunner:
    """Answers the commands of agents by their scripts: `script ROLE` their work, `script ROLE.bid` their bids."""

    workspace = "."
    offline = False

    def __init__(self, trial: SettTrial) -> None:
        self.trial = trial

    async def run(
        self, agent: AgentSpec, words: list[str], stdin: bytes, seconds: float, mode: str = ""
    ) -> ProcessResult | None:
        if words == agent.health:
            return ProcessResult(0, b"", b"", False)
        trial, name = self.trial, f"{agent.role}.bid" if words == agent.bid_script else agent.role
        request = msgspec.json.decode(stdin)
        given = trial.given(name, agent.role, request)
        if given is None or given.kind == "real":
            raise trial.unscripted(name, "was asked to bid" if name != agent.role else "was given work")
        if given.kind == "hang" or given.delay > seconds * 1e9:
            trial.world.took = int(seconds * 1e9)
            return None
        if isinstance(given.value, Failure):
            return ProcessResult(1, b"", given.value.message.encode(), False)
        said = given.value if name != agent.role else _contract(agent, request, given.value)
        text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
        return ProcessResult(0, text.encode(), b"", False)


def _contract(agent: AgentSpec, request: dict[str, Any], value: Any) -> Any:
    """Return an answer in the form of the contract: a record that has it as it is, any other value as the payload."""
    if isinstance(value, dict) and ("artefact_type" in value or "structural_type" in value):
        return value
    if request["claim_type"] == "review":
        return {"artefact_type": "Review", "artefact_payload": value, "structural_type": "Review"}
    return {"artefact_type": agent.role, "artefact_payload": value}


class ScriptedAgents:
    """Lets agents of the spec work and bid for one agent of a sett, by its script or by the scripts of their models."""

    def __init__(self, trial: SettTrial, agent: AgentSpec) -> None:
        self.trial = trial
        self.agent = agent

    async def ask(self, coglet: str, task: str, sandbox: Sandbox | None = None, grant: str = "") -> Any:
        trial, agent = self.trial, self.agent
        name = f"{agent.role}.bid" if coglet == agent.judge else agent.role
        given = trial.given(name, agent.role, {"task": task})
        if given is None or given.kind == "real":
            return await self._rehearsed(coglet, task)
        limit = int(agent.timeout * 1e9)
        if given.kind == "hang" or given.delay > limit:
            raise self._late(limit)
        if isinstance(given.value, Failure):
            raise given.value
        return given.value

    def _late(self, limit: int) -> Failure:
        self.trial.world.took = limit
        return Failure("timeout", f"agent `{self.agent.role}` took longer than {self.agent.timeout:g}s")

    async def _rehearsed(self, coglet: str, task: str) -> Any:
        """Run an agent of the spec with scripted models."""
        trial = self.trial
        options = RunOptions(
            inputs=[("task", task)], root=coglet, keep=frozenset(("result", "failed")), sim=True, seed=trial.seed, epoch=EPOCH + trial.instant,
            run="test", signals=False,
        )  # fmt: skip
        session = build(Rehearsal, trial.program.unit, options, trial.program.settings())
        session.cast = trial.cast
        try:
            session.begin()
            await session.play(_PATIENCE, lambda: bool(session.outputs))
        except Unscripted as unscripted:
            line, called = script_line(unscripted.call, session.kernel)
            why = f"`{called}` was called by {unscripted.call.path}, and no script answers it; add"
            raise trial.stuck(Refusal(why, trial.where, notes=(f"  {line}",))) from None
        except NeedsWorld:
            raise trial.unscripted(
                self.agent.role, "carries calls out for real, which a test of a sett does not"
            ) from None
        limit = int(self.agent.timeout * 1e9)
        if session.kernel.now > limit:
            raise self._late(limit)
        trial.world.took += session.kernel.now
        return answer_of(session)

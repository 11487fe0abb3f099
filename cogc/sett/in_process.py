"""A whole sett in one process: its orchestrator, its agents, and the questions to people, as one machine of events.

`cogc run` uses it. It ends when no artefact is new, no claim is open, no agent works and no person is being asked. A question
that nobody can answer stays open on the board, and does not keep the run from ending.

The model
    `_settle` does all that follows from what is on the board, until nothing more does: the orchestrator's steps, bids that need
    no process, and calls for the others, for granted work, for questions and health checks. Then `World.next` gives one event,
    `_take` writes what it says to the board at its time, and so on. Nothing else reads a clock or makes an id that is not its
    board's, so that the same events lead to the same board: that is what `--record`, `--replay` and `--sim` stand on.
    The lease of a grant is renewed while its work goes on. Work whose lease was lost is given up, and what is under way when the
    run is cancelled goes back to the board.

An example: one goal, one agent `Writer` with a command and `bid: exclusive`
    run            posts goal G
    settle         the orchestrator makes claim C; Writer bids; the orchestrator grants W; Writer takes it: call 1 begins
    next           result of call 1: a recipe
    take           commits the recipe R for W
    settle         C is complete; R makes claim D; Writer ignores it; D is complete. Nothing is under way: the run is over
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
import trio

from cogc.language.values import Failure
from cogc.run.journal import Journal
from cogc.run.people import People, Question
from cogc.run.stopping import STOP_LIMIT
from cogc.sett.board import Board
from cogc.sett.cub import LEASE
from cogc.sett.model import ORCHESTRATOR, Artefact, Claim, Grant, goal
from cogc.sett.orchestrator import CONSENSUS, LOCK, Note, Orchestrator
from cogc.sett.role_actor import Done, RoleActor, assemble
from cogc.sett.spec import SettSpec
from cogc.sett.world import Call, Event, Ids, Kind, World
from cogc.stores.base import Store, StoreLost, T, Tx

_PAUSE = 1.0
"""Seconds between two tries where the board is away."""
R = TypeVar("R")


class Asked(Question):
    """A question of an agent, in the form in which people are asked."""

    def __init__(self, question: Artefact) -> None:
        self.program = question.produced_by_role
        self.path = question.produced_by_role
        self.choices = []
        self.type = "string"
        self.text = question.payload if isinstance(question.payload, str) else str(question.payload)


class _TimedStore:
    """A store whose clock shows the time `at` of the event that is being taken, in nanoseconds, and goes on by a microsecond each
    time that it is looked at: what is written later is later."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.at = 0

    async def transact(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        return await self.store.transact(work)

    async def wait(self, seconds: float) -> None:
        await self.store.wait(seconds)

    async def now(self) -> float:
        self.at += 1000
        return self.at / 1e9

    async def aclose(self) -> None:
        await self.store.aclose()


class LocalSett:
    """One instance in this process.

    `ids` gives the ids of a run that is recorded, replayed or simulated. `journal` records what comes from outside, and `inbox` is the board on which others then
    post what is for this sett, whose own `store` they do not see. `consensus` is how
    long a claim waits for bids, in seconds, `limit` when the run stops, in nanoseconds since 1970. `unanswered` has the questions for which there was no person.
    """

    def __init__(
        self,
        spec: SettSpec,
        store: Store,
        actors: dict[str, RoleActor],
        people: People,
        note: Note,
        world: World,
        *,
        ids: Ids | None = None,
        journal: Journal | None = None,
        inbox: Board | None = None,
        consensus: float = CONSENSUS,
        limit: int | None = None,
    ) -> None:
        self.store = _TimedStore(store)
        self.board = Board(self.store) if ids is None else Board(self.store, ids)
        self.shared = Board(store)
        self.journal = journal
        self.inbox = inbox
        self.world = world
        self.people = people
        self.note = note
        self.limit = limit
        self.orchestrator = Orchestrator(self.board, list(spec.agents), spec.max_review_iterations, note, consensus)
        self.actors = actors
        self.steps = 0
        self.calls = 0
        self.enlisted = False
        self.stopping: int | None = None
        self.broken_off = False
        self.well = {role: not actor.agent.health for role, actor in actors.items()}
        self.illness = dict.fromkeys(actors, "")
        self.check_at: dict[str, int] = {role: 0 for role, actor in actors.items() if actor.agent.health}
        self.bidding: dict[int, tuple[str, Claim]] = {}
        self.working: dict[int, Grant] = {}
        self.taken: list[Grant] = []
        self.abandoned: list[Grant] = []
        self.renew_at: dict[int, int] = {}
        self.asking: dict[int, str] = {}
        self.checking: dict[int, str] = {}
        self.unanswered: set[str] = set()

    @property
    def now(self) -> int:
        """The time of the event that is being taken, in nanoseconds since 1970."""
        return self.store.at

    async def run(self, text: str | None, at: int) -> None:
        """Post the goal, if there is one, at a time, and work until nothing is left to do or the world stops."""
        self.store.at = at
        try:
            if text is not None:
                made = goal(text, self.board.new_id)
                await self._surely(lambda: self.board.post(made))
            while True:
                await self._surely(self._settle)
                if await self._surely(self._over):
                    self._record("end")
                    self.broken_off = not self.world.over()
                    return
                if self.journal is not None:
                    self.journal.flush()
                due = await self._surely(self._due)
                event = await self._surely(lambda due=due: self.world.next(due))  # type: ignore[misc]
                if event.kind == "end":
                    self.broken_off = event.data is not None
                    return
                await self._arrive(event)
        finally:
            if self.journal is not None:
                self.journal.flush()
            await self._give_back()

    async def _surely(self, act: Callable[[], Awaitable[R]]) -> R:
        """Do something with the board, again while it is away. Why it is away is logged once."""
        said = ""
        while True:
            try:
                return await act()
            except StoreLost:
                raise
            except ConnectionError as error:
                if str(error) != said:
                    said = str(error)
                    self.note("log", ORCHESTRATOR, level="warn", data=said)
                await trio.sleep(_PAUSE)

    def _record(self, kind: str, *data: object) -> None:
        if self.journal is not None:
            self.journal.event(self, kind, *data)

    # ---- what follows from the board -----------------------------------------------------------------------

    async def _settle(self) -> None:
        """Do what follows from the board, until nothing more does."""
        while True:
            before = self.calls
            leads = await self.shared.lock(ORCHESTRATOR, self.orchestrator.id, LOCK)
            if leads and not self.enlisted:
                await self.board.enlist(self.orchestrator.roles)
                self.enlisted = True
            if leads:
                await self.orchestrator.step()
            moved = False
            if self.stopping is None:
                for role, actor in self.actors.items():
                    moved |= await self._bid(role, actor)
                    moved |= await self._take_work(role, actor)
                    self._check_health(role, actor)
                await self._ask()
            if not moved and self.calls == before:
                return

    def _begin(self, kind: Kind, role: str, about: Any, run: Callable[[], Awaitable[Any]]) -> int:
        """Begin a call, and return its number."""
        self.calls += 1
        call = Call(self.calls, kind, role, about, run)
        if self.journal is not None:
            self.journal.event(self, "call", *call.line())
        self.world.begin(call)
        return self.calls

    async def _bid(self, role: str, actor: RoleActor) -> bool:
        """Bid on the claims that wait for a role, or ask for a bid. Return whether a bid was made."""
        made = False
        bidding = {claim.id for whose, claim in self.bidding.values() if whose == role}
        for claim in await self.board.to_bid_on(role):
            if claim.id in bidding:
                continue
            artefact = await self.board.artefact(claim.artefact_id)
            assert artefact is not None
            decided = actor.decide_at_once(artefact, claim)
            if decided is not None:
                made |= await self._put_bid(role, claim, *decided)
                continue

            async def decide(artefact: Artefact = artefact, claim: Claim = claim) -> Any:
                return list(await actor.decide(artefact, claim))

            number = self._begin("bid", role, [artefact.value(), claim.id], decide)
            self.bidding[number] = role, claim
        return made

    async def _put_bid(self, role: str, claim: Claim, bid: str, failed: str) -> bool:
        """Put a bid on the board."""
        if failed:
            self.note("log", role, level="warn", data=failed)
        made = await self.board.bid(claim.id, role, bid, failed)
        if made:
            self.note("bid", role, claim=claim.id, artefact=claim.artefact_id, bid=bid)
        return made

    async def _take_work(self, role: str, actor: RoleActor) -> bool:
        """Take the grants that its actor has room for, and begin the work. Return whether there were any."""
        began = False
        while self.well[role]:
            mine = [g for g in (*self.working.values(), *self.taken) if g.role == role]
            if len(mine) < actor.agent.at_once:
                grant = await self.board.take(role, self.orchestrator.id, LEASE)
                if grant is not None:
                    self.taken.append(grant)
            ready = next((g for g in self.taken if g.role == role), None)
            if ready is None:
                break
            work = await assemble(self.board, ready)

            async def do(work: Any = work) -> Any:
                made, log, remarks = await actor.do(work)
                return [made.value(), log, list(remarks)]

            number = self._begin("work", role, [ready.id, work.request()], do)
            self.taken.remove(ready)
            self.working[number] = ready
            self.renew_at[number] = self.now + int(LEASE / 3 * 1e9)
            began = True
        return began

    def _check_health(self, role: str, actor: RoleActor) -> None:
        """Begin the health check of an agent if it is due."""
        due = self.check_at.get(role)
        if due is not None and due <= self.now:
            del self.check_at[role]
            self.checking[self._begin("health", role, role, actor.illness)] = role

    async def _ask(self) -> None:
        """Ask people the new questions, and stop asking those that somebody else has answered."""
        open_questions = await self.board.questions()
        for question in open_questions:
            if question.id in self.unanswered or question.id in self.asking.values():
                continue
            number = self.calls + 1

            async def ask(question: Artefact = question, number: int = number) -> Any:
                try:
                    return [str(await self.people.ask(Asked(question), number))]
                except Failure:
                    return []

            self.asking[self._begin("ask", question.produced_by_role, [question.id, question.payload], ask)] = (
                question.id
            )
        still_open = {q.id for q in open_questions}
        for number in [n for n, id in self.asking.items() if id not in still_open]:
            self.world.cancel(number)
            del self.asking[number]

    async def _over(self) -> bool:
        """Return whether nothing is left to do."""
        if self.working:
            return False
        if self.stopping is not None:
            return True
        return not self.asking and await self.board.quiet()

    async def _due(self) -> int | None:
        """Return the next time at which something is due, or None."""
        if self.stopping is not None:
            return min((self.stopping + int(STOP_LIMIT * 1e9), *self.renew_at.values()))
        times = [*self.check_at.values(), *self.renew_at.values()]
        for claim in await self.board.claims(open_only=True):
            if claim.status == "pending_consensus":
                times.append(round(claim.deadline * 1e9))
        if self.limit is not None:
            times.append(self.limit)
        return min(times, default=None)

    # ---- what comes from outside ---------------------------------------------------------------------------

    async def _arrive(self, event: Event) -> None:
        """Take an event: first write it down, then do what it says."""
        self.steps += 1
        if event.kind == "look" and self.inbox is not None:
            posted = await self._surely(self._posted)
            if not posted:
                return
            event = Event("posted", event.at, posted)
        self.store.at = max(self.store.at, event.at)
        self._record(event.kind, *([event.data] if event.data is not None else []))
        match event.kind:
            case "result":
                number, value = event.data
                await self._result(number, value)
            case "posted":
                for artefact in event.data:
                    made = msgspec.convert(artefact, Artefact)
                    await self._surely(lambda made=made: self.board.post(made))  # type: ignore[misc]
            case "stop":
                self._stop()
            case _:
                pass
        if self.limit is not None and self.now >= self.limit:
            self._stop()
        if self.stopping is not None and self.now >= self.stopping + int(STOP_LIMIT * 1e9):
            for number in list(self.working):
                self._give_up(number)
        await self._renew()

    async def _posted(self) -> list[dict[str, Any]]:
        """Return the artefacts that others have put into the inbox since the last look."""
        assert self.inbox is not None
        own = {a.id for a in await self.board.artefacts()}
        return [a.value() for a in await self.inbox.artefacts() if a.id not in own]

    def _stop(self) -> None:
        """Begin nothing new, and let work under way end."""
        if self.stopping is None:
            self.stopping = self.now
            for number in (*self.bidding, *self.asking, *self.checking):
                self.world.cancel(number)
            self.bidding, self.asking, self.checking = {}, {}, {}

    async def _result(self, number: int, value: Any) -> None:
        """Take the result of a call."""
        if number in self.bidding:
            role, claim = self.bidding.pop(number)
            await self._surely(lambda: self._put_bid(role, claim, *value))
        elif number in self.working:
            made, log, remarks = value
            grant = self.working.pop(number)
            self.renew_at.pop(number, None)
            await self._surely(lambda: self._commit(grant, Done(msgspec.convert(made, Artefact), log, remarks)))
        elif number in self.asking:
            question = self.asking.pop(number)
            if value:
                await self._surely(lambda: self.board.answer(question, value[0]))
            else:
                self.unanswered.add(question)
        elif number in self.checking:
            self._checked(self.checking.pop(number), value)

    async def _commit(self, grant: Grant, done: Done) -> None:
        """Write the result of a grant."""
        committed = await self.board.commit(grant, done.made, done.log)
        for remark in done.remarks:
            self.note("log", grant.role, level="warn", data=remark)
        if not committed:
            self.note("log", grant.role, level="warn", data=f"too late for claim {grant.claim_id}")

    def _checked(self, role: str, why: str) -> None:
        """Take the result of a health check. An agent that fails it takes no work until it passes again."""
        if self.illness[role] != why and (why or self.illness[role]):
            word = f"not well: {why}" if why else "well again"
            self.note("log", role, level="warn" if why else "info", data=f"it is {word}")
        self.well[role], self.illness[role] = not why, why
        self.check_at[role] = self.now + int(self.actors[role].agent.health_every * 1e9)

    async def _renew(self) -> None:
        """Renew the leases that are due. Work whose lease is another's is given up."""
        for number in [n for n, at in self.renew_at.items() if at <= self.now]:
            grant = self.working[number]
            if await self._surely(lambda grant=grant: self.board.extend(grant, LEASE)):  # type: ignore[misc]
                self.renew_at[number] = self.now + int(LEASE / 3 * 1e9)
            else:
                self._give_up(number)
                self.note("log", grant.role, level="warn", data=f"claim {grant.claim_id} is another's now")

    def _give_up(self, number: int) -> None:
        """Give work up that is under way."""
        self.world.cancel(number)
        self.abandoned.append(self.working.pop(number))
        self.renew_at.pop(number, None)

    async def _give_back(self) -> None:
        """Give the grants back that were taken and are not done, so that another can take them at once."""
        with trio.move_on_after(2, shield=True), suppress(ConnectionError):  # else the leases run out by themselves
            for grant in (*self.working.values(), *self.taken, *self.abandoned):
                await self.board.give_back(grant)
            await self.shared.unlock(ORCHESTRATOR, self.orchestrator.id)

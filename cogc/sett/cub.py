"""The cub of one agent: it bids on every claim, and does the work that its role is granted.

The tasks of a cub
    bidder     asks the board for claims that its role has not bid on, and starts one task for each bid, so that a slow
               bid delays no other. Bidding goes on while work is under way.
    executor   takes a grant, does it, commits, and takes the next. There are `at_once` executors (`replicas`, or
               `max_concurrent` of a controller).
    health     runs the health check at its interval. Executors take work only after a check that has passed.
    _end       waits for `stop`, and then gives the whole cub `linger` seconds to end.
    With `only` there is one executor and no bidder: it works on the grants of that claim and ends.

One piece of work (`_work`)
    1. `assemble` reads the claim, its artefact, the context, and the reviews of a rework.
    2. `_hold` renews the lease at a third of its length, beside the work. If the board says that the grant is another
       owner's, or cannot be reached until the lease is over, `_hold` cancels the work.
    3. `RoleActor.do` runs the command, or an agent of the spec, and turns the answer into an artefact. Timeouts, wrong answers and
       commands that cannot be started become Failure artefacts: they are results like others, and are committed.
    4. `_commit` writes the result. A board that is away for a moment is tried again for the length of a lease.
    If anything ends the work between 1 and 4 (a cancellation, a lost board), the grant is given back, so that another cub
    can take it at once. A cub that dies gives nothing back: its lease ends instead.

Invariants
    A result is written at most once for each grant. The token of the grant sees to it (`sett/board.py`), so a cub that
    froze and comes back after its lease can do no harm.
    A bid is always made. If the agent cannot decide within BID_TIMEOUT, its strategy bids, and the reason is logged.
    A ConnectionError ends nothing: it is logged, and the cub tries again after PAUSE.

A worked example: a command that outlives its lease
    take(Writer)           grant W, token 1, until 12:00:30
    12:00:10, 12:00:20     `_hold` extends the lease
    12:00:25               the machine freezes for a minute
    12:01:05               a second cub takes W: token 2
    12:01:25               the first cub wakes; `extend` compares token 1 with 2 and returns False; its work is cancelled
    12:02:00               the second cub commits with token 2
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import trio

from cogc.sett.board import Board
from cogc.sett.health import Condition
from cogc.sett.model import CLOSED, Claim, Grant, new_id
from cogc.sett.orchestrator import Note
from cogc.sett.role_actor import Done, RoleActor, assemble
from cogc.stores.base import StoreLost

LEASE = 30.0
"""Seconds for which a taken grant belongs to its cub, unless the lease is renewed."""
PAUSE = 1.0
"""Seconds between two looks at the board when nothing has changed, or the board is away."""
LAST_WORK = 30.0
"""Seconds that work under way may take once the cub is to stop."""


class Cub:
    """The machine of one agent.

    `lease` is in seconds. `linger` is how long work under way may take after `stop`, in seconds. `owner` names this cub on
    the grants that it takes. `working` counts the grants that it works on now. `condition` is told of each health check.
    """

    def __init__(
        self,
        board: Board,
        actor: RoleActor,
        note: Note,
        lease: float = LEASE,
        linger: float = LAST_WORK,
        condition: Condition | None = None,
    ) -> None:
        self.board = board
        self.actor = actor
        self.agent = actor.agent
        self.note = note
        self.lease = lease
        self.linger = linger
        self.owner = new_id()
        self.healthy = not self.agent.health
        self.condition = condition or Condition()
        if self.healthy:
            self.condition.tell("")
        self.working = 0
        self.bidding: set[str] = set()

    async def run(self, stop: trio.Event, only: str = "") -> None:
        """Bid and work until `stop` is set, then let work under way end. `only` names the one claim to work on,
        once."""
        async with trio.open_nursery() as nursery:
            self.bidders = nursery
            nursery.start_soon(self._end, stop, nursery.cancel_scope)
            if not only:
                nursery.start_soon(self._forever, self._bid_on_all, stop)
            if self.agent.health:
                nursery.start_soon(self._look_after, stop)
            async with trio.open_nursery() as executors:
                for _ in range(1 if only else self.agent.at_once):
                    executors.start_soon(self._execute, stop, only)
            nursery.cancel_scope.cancel()

    async def _end(self, stop: trio.Event, scope: trio.CancelScope) -> None:
        """End the whole cub `linger` seconds after `stop`."""
        await stop.wait()
        scope.deadline = trio.current_time() + self.linger

    async def _forever(self, act: Callable[[], object], stop: trio.Event) -> None:
        """Run `act` after each change of the board, until `stop`. A board that cannot be reached is waited for."""
        while not stop.is_set():
            try:
                await act()  # type: ignore[misc]
                await self.board.wait(PAUSE)
            except StoreLost:
                raise
            except ConnectionError as error:
                self.note("log", self.agent.role, level="warn", data=str(error))
                await trio.sleep(PAUSE)

    # ---- bidding -------------------------------------------------------------------------------------------

    async def _bid_on_all(self) -> None:
        """Start a bid on each claim that waits for this role."""
        for claim in await self.board.to_bid_on(self.agent.role):
            if claim.id not in self.bidding:
                self.bidding.add(claim.id)
                self.bidders.start_soon(self._bid_on, claim)

    async def _bid_on(self, claim: Claim) -> None:
        """Make one bid. The reason why an agent could not decide is logged."""
        role = self.agent.role
        try:
            artefact = await self.board.artefact(claim.artefact_id)
            assert artefact is not None
            bid, failed = await self.actor.decide(artefact, claim)
            if failed:
                self.note("log", role, level="warn", data=failed)
            if await self.board.bid(claim.id, role, bid, failed):
                self.note("bid", role, claim=claim.id, artefact=claim.artefact_id, bid=bid)
        except ConnectionError as error:  # the bidder tries this claim again when the board is back
            self.note("log", role, level="warn", data=str(error))
        finally:
            self.bidding.discard(claim.id)

    # ---- working -------------------------------------------------------------------------------------------

    async def _execute(self, stop: trio.Event, only: str) -> None:
        """Take grants one after the other and do them, until `stop` or, with `only`, after one."""
        while not stop.is_set():
            try:
                grant = await self.board.take(self.agent.role, self.owner, self.lease, only) if self.healthy else None
                if grant is None:
                    if only and await self._closed(only):
                        return
                    await self.board.wait(PAUSE)
                    continue
                await self._work(grant)
                if only:
                    return
            except ConnectionError as error:
                self.note("log", self.agent.role, level="warn", data=str(error))
                await trio.sleep(PAUSE)

    async def _closed(self, claim_id: str) -> bool:
        """Return whether a claim is gone or closed, so that it offers no more work."""
        claim = await self.board.claim(claim_id)
        return claim is None or claim.status in CLOSED

    async def _work(self, grant: Grant) -> None:
        """Do one grant: assemble its context, do the work while the lease is held, and commit the result."""
        self.working += 1
        over = False
        try:
            work = await assemble(self.board, grant)
            lost = trio.CancelScope()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._hold, grant, lost)
                done = None
                with lost:
                    done = await self.actor.do(work)
                nursery.cancel_scope.cancel()
            if done is None:
                self.note("log", self.agent.role, level="warn", data=f"claim {grant.claim_id} is another's now")
            else:
                await self._commit(grant, done)
            over = True
        finally:
            self.working -= 1
            if not over:
                with trio.move_on_after(2, shield=True), suppress(ConnectionError):  # else the lease runs out by itself
                    await self.board.give_back(grant)

    async def _commit(self, grant: Grant, done: Done) -> None:
        """Write the result of a grant. If the board cannot be reached, try again for the length of a lease."""
        for remark in done.remarks:
            self.note("log", self.agent.role, level="warn", data=remark)
        deadline = trio.current_time() + self.lease
        while True:
            try:
                if not await self.board.commit(grant, done.made, done.log):
                    self.note("log", self.agent.role, level="warn", data=f"too late for claim {grant.claim_id}")
                return
            except ConnectionError:
                if trio.current_time() > deadline:
                    raise
                await trio.sleep(PAUSE)

    async def _hold(self, grant: Grant, lost: trio.CancelScope) -> None:
        """Renew the lease while the work goes on. Cancel the work if the lease is lost."""
        until = trio.current_time() + self.lease
        while True:
            await trio.sleep(self.lease / 3)
            try:
                if not await self.board.extend(grant, self.lease):
                    lost.cancel()
                    return
                until = trio.current_time() + self.lease
            except ConnectionError:
                if trio.current_time() > until:
                    lost.cancel()
                    return

    # ---- health --------------------------------------------------------------------------------------------

    async def _look_after(self, stop: trio.Event) -> None:
        """Run the health check at its interval. An agent that fails it takes no work until it passes again."""
        before = True
        while not stop.is_set():
            why = await self.actor.illness()
            well = not why
            if well != before:
                word = "well again" if well else f"not well: {why}"
                self.note("log", self.agent.role, level="info" if well else "warn", data=f"it is {word}")
            self.healthy = before = well
            self.condition.tell(why)
            with trio.move_on_after(self.agent.health_every):
                await stop.wait()

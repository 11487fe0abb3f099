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
    1. `_assemble` reads the claim, its artefact, the context, and the reviews of a rework.
    2. `_hold` renews the lease at a third of its length, beside the work. If the board says that the grant is another
       owner's, or cannot be reached until the lease is over, `_hold` cancels the work.
    3. `_do` runs the command, or an agent of the spec, and turns the answer into an artefact. Timeouts, wrong answers and
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

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import trio

from cogc.kernel.permissions import Sandbox
from cogc.language.values import Failure
from cogc.run.process import ProcessResult
from cogc.sett.agent_runs import AgentRuns
from cogc.sett.board import Board
from cogc.sett.command import CommandRunner, Reading, Work, shown, verified
from cogc.sett.model import BIDS, CLOSED, Artefact, Claim, Grant, new_id
from cogc.sett.orchestrator import Note
from cogc.sett.spec import BID_TIMEOUT, AgentSpec

LEASE = 30.0
"""Seconds for which a taken grant belongs to its cub, unless the lease is renewed."""
PAUSE = 1.0
"""Seconds between two looks at the board when nothing has changed, or the board is away."""
LAST_WORK = 30.0
"""Seconds that work under way may take once the cub is to stop."""
_SAID = 2000
"""How many characters of a bid script's stderr a failure shows."""


class Cub:
    """The machine of one agent.

    `lease` is in seconds. `linger` is how long work under way may take after `stop`, in seconds. `owner` names this cub on
    the grants that it takes. `working` counts the grants that it works on now.
    """

    def __init__(
        self,
        board: Board,
        agent: AgentSpec,
        runner: CommandRunner,
        agents: AgentRuns,
        note: Note,
        lease: float = LEASE,
        linger: float = LAST_WORK,
    ) -> None:
        self.board = board
        self.agent = agent
        self.runner = runner
        self.agents = agents
        self.note = note
        self.lease = lease
        self.linger = linger
        self.owner = new_id()
        self.healthy = not agent.health
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
        """Make one bid. If the agent cannot decide, its strategy bids, and the reason is logged.

        If the role itself has made the artefact, an agent that cannot decide bids `ignore`: otherwise it would work on its
        own results without end.
        """
        role, failed = self.agent.role, ""
        try:
            artefact = await self.board.artefact(claim.artefact_id)
            assert artefact is not None
            bid = "ignore" if artefact.produced_by_role == role else self.agent.strategy
            try:
                with trio.fail_after(BID_TIMEOUT):
                    bid = await self._decide(artefact, claim)
            except (Failure, trio.TooSlowError, ArithmeticError, LookupError, TypeError, ValueError) as error:
                said = error.message if isinstance(error, Failure) else str(error) or f"it took over {BID_TIMEOUT:g}s"
                failed = f"its bid on {artefact.type} failed, and counts as {bid}: {said}"
                self.note("log", role, level="warn", data=failed)
            if await self.board.bid(claim.id, role, bid, failed):
                self.note("bid", role, claim=claim.id, artefact=claim.artefact_id, bid=bid)
        except ConnectionError as error:  # the bidder tries this claim again when the board is back
            self.note("log", role, level="warn", data=str(error))
        finally:
            self.bidding.discard(claim.id)

    async def _decide(self, artefact: Artefact, claim: Claim) -> str:
        """Return the bid of an expression, else of a script, else of a model, else the strategy. Raise Failure if it
        is no bid."""
        agent = self.agent
        about = {"id": claim.id, "artefact_id": claim.artefact_id}
        for word, holds in agent.bids:
            if holds is None or holds(None, artefact.value(), about) is True:
                return word
        if agent.bid_script:
            stdin = msgspec.json.encode(artefact.wire())
            return _bid_of_script(await self.runner.run(agent, agent.bid_script, stdin, BID_TIMEOUT, "ro"))
        if agent.judge:
            shown = json.dumps(artefact.value(), ensure_ascii=False)
            return _bid_of(str(await self.agents.ask(agent.judge, f"{agent.prompts['claim']}\n\n{shown}")))
        return agent.strategy

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
            work = await self._assemble(grant)
            lost = trio.CancelScope()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._hold, grant, lost)
                made, log = None, _log()
                with lost:
                    made, log = await self._do(work)
                nursery.cancel_scope.cancel()
            if made is None:
                self.note("log", self.agent.role, level="warn", data=f"claim {grant.claim_id} is another's now")
            else:
                await self._commit(grant, made, log)
            over = True
        finally:
            self.working -= 1
            if not over:
                with trio.move_on_after(2, shield=True), suppress(ConnectionError):  # else the lease runs out by itself
                    await self.board.give_back(grant)

    async def _commit(self, grant: Grant, made: Artefact, log: dict[str, Any]) -> None:
        """Write the result of a grant. If the board cannot be reached, try again for the length of a lease."""
        deadline = trio.current_time() + self.lease
        while True:
            try:
                if not await self.board.commit(grant, made, log):
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

    async def _assemble(self, grant: Grant) -> Work:
        """Read what the command must be told: the artefact, its context, the reviews of a rework, the question of an
        answer."""
        claim = await self.board.claim(grant.claim_id)
        assert claim is not None
        target = await self.board.artefact(claim.artefact_id)
        assert target is not None
        extra = [a for a in [await self.board.artefact(id) for id in grant.extra] if a is not None]
        context = await self.board.context(target, grant.extra)
        asked = target.source_artefacts[0] if target.structural_type == "Answer" and target.source_artefacts else None
        question = await self.board.artefact(asked) if asked else None
        return Work(grant.kind, target, context, extra, self.agent.role, grant.rework, question)

    async def _do(self, work: Work) -> tuple[Artefact, dict[str, Any]]:
        """Do the work by the command, or by an agent of the spec. Return the artefact and the log entry."""
        agent = self.agent
        try:
            if agent.run:
                return await self._accept(await self._think(work), work, None)
            if not agent.command:
                return work.failed(f"agent `{agent.role}` has neither a command nor an agent to run"), _log()
            done = await self.runner.run(agent, agent.command, msgspec.json.encode(work.request()), agent.timeout)
        except Failure as failure:
            return work.failed(failure.message), _log()
        if done is None:
            return work.failed(f"the command took longer than {agent.timeout:g}s"), _log()
        return await self._accept(work.answered(done), work, done)

    async def _accept(
        self, reading: Reading, work: Work, done: ProcessResult | None
    ) -> tuple[Artefact, dict[str, Any]]:
        """Return the verified artefact of an answer, and the log entry of the work."""
        for remark in reading.ignored:
            self.note("log", self.agent.role, level="warn", data=remark)
        return await verified(reading.made, work, self.runner.workspace), _log(done, reading.ignored)

    async def _think(self, work: Work) -> Reading:
        """Let an agent of the spec do the work. A record in the form of the contract is an answer, anything else the
        payload of one."""
        agent = self.agent
        request = json.dumps(work.request(), ensure_ascii=False)
        sandbox = Sandbox(agent.workspace, agent.network)
        with trio.move_on_after(agent.timeout):
            answer = await self.agents.ask(
                agent.run, f"{agent.prompts.get('execution', '')}\n\n{request}".strip(), sandbox
            )
            if isinstance(answer, dict) and ("artefact_type" in answer or "structural_type" in answer):
                try:
                    return work.read(answer)
                except ValueError as wrong:
                    return Reading(work.failed(str(wrong)))
            review = work.kind == "review"
            kind, structural = ("Review", "Review") if review else (agent.role, "Standard")
            return Reading(work.artefact(kind, answer, structural))
        return Reading(work.failed(f"agent `{agent.role}` took longer than {agent.timeout:g}s"))

    # ---- health --------------------------------------------------------------------------------------------

    async def _look_after(self, stop: trio.Event) -> None:
        """Run the health check at its interval. An agent that fails it takes no work until it passes again."""
        before = True
        while not stop.is_set():
            try:
                done = await self.runner.run(self.agent, self.agent.health, b"", self.agent.health_timeout, "ro")
                well, why = done is not None and not done.code, "" if done is None else shown(done.stderr).strip()
            except Failure as failure:
                well, why = False, failure.message
            if well != before:
                word = "well again" if well else f"not well: {why or 'its health check failed'}"
                self.note("log", self.agent.role, level="info" if well else "warn", data=f"it is {word}")
            self.healthy = before = well
            with trio.move_on_after(self.agent.health_every):
                await stop.wait()


def _log(done: ProcessResult | None = None, remarks: Sequence[str] = ()) -> dict[str, Any]:
    """Return a log entry: what a command wrote, and the remarks of the cub."""
    written = {"stdout": shown(done.stdout), "stderr": shown(done.stderr)} if done else {"stdout": "", "stderr": ""}
    return {**written, "remarks": list(remarks)}


def _bid_of_script(done: ProcessResult | None) -> str:
    """Return the bid that a script has printed. Raise Failure, with exit code and the end of stderr, if there is
    none."""
    if done is None:
        raise Failure("timeout", "the script took too long")
    why = shown(done.stderr).strip()[-_SAID:]
    if done.code:
        raise Failure("program", f"the script ended with code {done.code}{': ' if why else ''}{why}")
    try:
        return _bid_of(done.stdout.decode("utf-8", "replace"))
    except Failure as failure:
        raise Failure(failure.kind, f"{failure.message}{'; stderr: ' if why else ''}{why}") from None


def _bid_of(said: str) -> str:
    """Return the bid in the answer of a script or a model. Raise Failure if the answer is no bid."""
    word = said.strip().strip(".\"'`").lower()
    if word not in BIDS:
        raise Failure("type", f"`{said.strip()[:60]}` is no bid: {', '.join(BIDS)}")
    return word

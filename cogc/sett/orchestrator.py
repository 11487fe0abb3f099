"""The orchestrator of a sett: it makes claims of artefacts, counts bids, and grants work phase by phase.

The model
    An orchestrator keeps no state of its own between two steps: all that it decides by is on the board. One that is
    started again continues where the last one stopped. A lock on the board lets one orchestrator work at a time; each
    change is a transaction that reads the claim again, so two at once would do no harm either.

One step (`Orchestrator.step`)
    1. Each artefact in the set `new` is taken in. A `Standard` or an `Answer` makes one claim. A `Terminal` ends the
       workflow. The other kinds make no claim.
    2. Each open claim is advanced as far as it goes, in a transaction of its own.
    Events (`note`) are collected while a transaction runs, and are sent after it has committed: a transaction that runs
    again sends them once.

The life of a claim
    pending_consensus --all have bid, or the deadline is over--> the first phase that anybody bid for
    pending_review    --every reviewer approves--> next phase
    pending_review    --a veto--> pending_assignment: the role that made the artefact gets it back with the reviews
    pending_parallel  --every grant is done--> next phase
    pending_exclusive --the grant is done--> complete
    pending_assignment --the grant is done--> complete; the new version makes a claim of its own
    Behind the last phase with bids the claim is complete. A claim that everybody ignores is complete at once, with the
    reason UNWANTED.

    From each phase: a grant that failed terminates the claim, and a result that is a Question completes it. Once a
    `Terminal` is on the board, every claim is wound up: grants that are offered are withdrawn, grants that are taken may
    end, and nothing more is granted.

A veto goes back to the producer, with three exceptions (`_rework`)
    The producer is a person: the veto becomes a Question.
    The sett has no such role any more: a Failure `MissingAgentConfiguration`, and the claim is terminated.
    The artefact has been sent back `max_reviews` times: a Failure `MaxIterationsExceeded`, and the claim is terminated.

Invariants
    An artefact makes at most one claim (`claimof:ID`), however often it is taken in.
    A closed claim never opens again.
    A phase ends when all of its grants are done: bids decide who works, and no later bid changes a claim.
    Every claim ends. A grant whose owner is gone is taken again by another cub; after TAKINGS takings without an answer it
    fails, and its claim with it. A grant that nobody takes is the one exception: without a cub of its role it waits.

A worked example: Writer makes version 1 of a recipe, Validator bids `review` on it, Blurb bids `claim`
    recipe v1    claim C1: consensus, then review by Validator. The payload is not empty: a veto
                 C1: pending_assignment, a grant for Writer with the review as additional context
    recipe v2    Writer commits: C1 is complete, and v2 makes claim C2
                 C2: consensus, then review by Validator. The payload is {}: approved
                 C2: pending_parallel, a grant for Blurb; Blurb commits, nobody bid `exclusive`: C2 is complete
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import trio

from cogc.sett.board import Board, get_artefact, get_claim, get_grant, offer, put_artefact, put_claim, put_grant
from cogc.sett.command import failure
from cogc.sett.model import (
    CLAIMED,
    CLOSED,
    ORCHESTRATOR,
    PHASES,
    UNWANTED,
    USER,
    Artefact,
    Claim,
    ClaimStatus,
    Grant,
    approves,
    text,
)
from cogc.stores.base import StoreLost, Tx

Note = Callable[..., None]
"""A receiver of events: `note(kind, path, **fields)`."""
CONSENSUS = 45.0
"""Seconds that a claim waits for bids."""
TAKINGS = 3
"""How often a grant may be taken without an answer before it fails."""
LOCK = 10.0
"""Seconds for which the lock of an orchestrator holds, unless it is renewed."""
PAUSE = 1.0
"""Seconds between two steps when nothing has changed, or the board is away."""


class Orchestrator:
    """The machine of one instance.

    `roles` are the agents of the sett. `max_reviews` is how often an artefact may be sent back, 0 for without limit.
    `consensus` is how long a claim waits for bids, in seconds. `note` hears of each event.
    """

    def __init__(
        self, board: Board, roles: list[str], max_reviews: int, note: Note, consensus: float = CONSENSUS
    ) -> None:
        self.board = board
        self.roles = sorted(roles)
        self.max_reviews = max_reviews
        self.note = note
        self.consensus = consensus
        self.id = board.new_id()
        self.news: list[tuple[str, str, dict[str, Any]]] = []

    async def run(self) -> None:
        """Work until cancelled. An orchestrator waits for a board that cannot be reached, and for the lock while
        another has it."""
        enlisted = False
        try:
            while True:
                try:
                    if await self.board.lock(ORCHESTRATOR, self.id, LOCK):
                        if not enlisted:
                            await self.board.enlist(self.roles)
                            enlisted = True
                        await self.step()
                    await self.board.wait(PAUSE)
                except StoreLost:
                    raise
                except ConnectionError as error:
                    self.note("log", ORCHESTRATOR, level="warn", data=str(error))
                    await trio.sleep(PAUSE)
        finally:
            with trio.move_on_after(2, shield=True):
                with suppress(ConnectionError):  # else the lock runs out by itself
                    await self.board.unlock(ORCHESTRATOR, self.id)

    async def step(self) -> None:
        """Take in the new artefacts, and move every open claim on as far as it goes."""
        store = self.board.store
        now = await store.now()
        for id in await store.transact(lambda tx: tx.members("new")):
            await self._in_one(lambda tx, id=id: self._take_in(tx, id, now))  # type: ignore[misc]
        for claim in await self.board.claims(open_only=True):
            await self._in_one(lambda tx, id=claim.id: self._advance(tx, id, now))  # type: ignore[misc]

    async def _in_one(self, work: Callable[[Tx], Any]) -> None:
        """Run a transaction, and send its events after it has committed."""

        async def fresh(tx: Tx) -> None:
            self.news = []
            await work(tx)

        await self.board.store.transact(fresh)
        for kind, path, fields in self.news:
            self.note(kind, path, **fields)

    def _tell(self, kind: str, path: str, **fields: Any) -> None:
        """Collect an event of the transaction that runs."""
        self.news.append((kind, path, fields))

    # ---- artefacts -----------------------------------------------------------------------------------------

    async def _take_in(self, tx: Tx, id: str, now: float) -> None:
        """Take in a new artefact: it makes a claim, once, or ends the workflow."""
        artefact = await get_artefact(tx, id)
        made = await tx.get(f"claimof:{id}")
        tx.remove("new", id)
        if artefact is None or made is not None:
            return
        self._tell("artefact", artefact.produced_by_role, data=artefact.value())
        if artefact.structural_type == "Terminal":
            tx.put("terminal", id)
        if artefact.structural_type not in CLAIMED:
            return
        if artefact.produced_by_role == USER:  # a person starts a new workflow, also after the end of another one
            tx.put("terminal", "")
        claim = Claim(self.board.new_id(), id, "pending_consensus", now, now + self.consensus)
        tx.put(f"claimof:{id}", claim.id)
        put_claim(tx, claim)
        self._status(claim)

    def _status(self, claim: Claim) -> None:
        """Report the status of a claim."""
        fields: dict[str, Any] = {"claim": claim.id, "artefact": claim.artefact_id, "status": claim.status}
        if claim.reason:
            fields["reason"] = claim.reason
        self._tell("claim", ORCHESTRATOR, **fields)

    # ---- claims --------------------------------------------------------------------------------------------

    async def _advance(self, tx: Tx, id: str, now: float) -> None:
        """Move one claim on as far as it goes."""
        claim = await get_claim(tx, id)
        if claim is None or claim.status in CLOSED:
            return
        artefact = await get_artefact(tx, claim.artefact_id)
        assert artefact is not None
        if await tx.get("terminal"):
            await self._wind_up(tx, claim, now)
        elif claim.status == "pending_consensus":
            await self._consensus(tx, claim, now)
        else:
            await self._phase(tx, claim, artefact, now)

    async def _consensus(self, tx: Tx, claim: Claim, now: float) -> None:
        """Begin the first phase once all roles have bid or the deadline is over. A role without a bid ignores the
        claim."""
        bids = await tx.fields(f"claim:{claim.id}:bids")
        silent = [r for r in self.roles if r not in bids]
        if silent and now < claim.deadline:
            return
        claim.bids = {r: bids.get(r, "ignore") for r in self.roles}
        claim.silent = silent
        for role in silent:
            self._tell("log", role, level="warn", data=f"no bid on claim {claim.id}: it counts as ignore")
        if set(claim.bids.values()) <= {"ignore"}:
            claim.reason = UNWANTED
        self._next(tx, claim, None, now)

    def _next(self, tx: Tx, claim: Claim, after: ClaimStatus | None, now: float) -> None:
        """Begin the next phase for which somebody has bid, after the phase `after`. Behind the last one, complete
        the claim."""
        phases = list(PHASES)
        for status in phases[phases.index(after) + 1 if after else 0 :]:
            roles = sorted(r for r, bid in claim.bids.items() if bid == PHASES[status])
            if status == "pending_exclusive":
                roles = roles[:1]
            if roles:
                claim.status = status
                claim.grants = [self._grant(tx, claim, r, PHASES[status], now) for r in roles]
                put_claim(tx, claim)
                self._status(claim)
                return
        self._close(tx, claim, "complete", claim.reason)

    def _grant(self, tx: Tx, claim: Claim, role: str, kind: str, now: float, extra: list[str] | None = None) -> str:
        """Offer a role a grant of a claim and return its id. `extra`, if it is given, marks rework."""
        grant = Grant(self.board.new_id(), claim.id, role, kind, extra=extra or [], rework=extra is not None)
        offer(tx, grant, now)
        self._tell("grant", role, claim=claim.id, bid=kind, rework=grant.rework)
        return grant.id

    def _close(self, tx: Tx, claim: Claim, status: ClaimStatus, reason: str = "") -> None:
        """Complete or terminate a claim."""
        claim.status, claim.reason = status, reason
        put_claim(tx, claim)
        self._status(claim)

    async def _phase(self, tx: Tx, claim: Claim, artefact: Artefact, now: float) -> None:
        """Decide what follows once the grants of a phase are done, or one of them has failed."""
        grants = [g for g in [await get_grant(tx, id) for id in claim.grants] if g is not None]
        for grant in grants:
            if grant.state == "taken" and grant.until < now and grant.token >= TAKINGS:
                self._abandon(tx, grant, artefact, now)
        if any(g.state == "failed" for g in grants):
            self._withdraw(tx, grants)
            roles = ", ".join(g.role for g in grants if g.state == "failed")
            self._close(tx, claim, "terminated", f"{roles} failed")
            return
        if not all(g.state == "done" for g in grants):
            return
        results = [r for r in [await get_artefact(tx, g.result) for g in grants] if r is not None]
        if any(r.structural_type == "Question" for r in results):
            self._close(tx, claim, "complete", "a question was asked")
        elif claim.status == "pending_assignment":
            self._close(tx, claim, "complete", "sent back")
        elif claim.status == "pending_review" and (vetoes := [r for r in results if not approves(r.payload)]):
            self._rework(tx, claim, artefact, vetoes, now)
        else:
            self._next(tx, claim, claim.status, now)

    def _abandon(self, tx: Tx, grant: Grant, artefact: Artefact, now: float) -> None:
        """Fail a grant that was taken again and again and never answered."""
        reason = f"`{grant.role}` took this {grant.token} times and never answered"
        made = self._failure("ToolExecutionFailure", reason, [artefact.id], grant.role, now)
        grant.state, grant.result = "failed", made.id
        put_grant(tx, grant)
        tx.remove(f"offers:{grant.role}", grant.id)
        put_artefact(tx, made)

    def _withdraw(self, tx: Tx, grants: list[Grant]) -> None:
        """Withdraw the grants that nobody has taken. Work under way may end."""
        for grant in grants:
            if grant.state == "offered":
                grant.state = "failed"
                put_grant(tx, grant)
                tx.remove(f"offers:{grant.role}", grant.id)

    async def _wind_up(self, tx: Tx, claim: Claim, now: float) -> None:
        """Close a claim after the end of the workflow, once its work under way is over."""
        grants = [g for g in [await get_grant(tx, id) for id in claim.grants] if g is not None]
        self._withdraw(tx, grants)
        if not any(g.state == "taken" and g.until >= now for g in grants):
            for grant in grants:
                tx.remove(f"offers:{grant.role}", grant.id)
            failed = any(g.state == "failed" and g.result for g in grants)
            self._close(tx, claim, "terminated" if failed else "complete", "the workflow has ended")

    def _rework(self, tx: Tx, claim: Claim, artefact: Artefact, vetoes: list[Artefact], now: float) -> None:
        """Send a rejected artefact back to its producer, ask a person, or give up at the limit."""
        claim.reviews = [v.id for v in vetoes]
        producer = artefact.produced_by_role
        if producer in (USER, ORCHESTRATOR):
            words = "; ".join(f"{v.produced_by_role}: {text(v.payload)}" for v in vetoes)
            asked = Artefact(
                self.board.new_id(), self.board.new_id(), 1, "Question", "Question", f"`{artefact.type}` was rejected: {words}. How should it be?",
                [artefact.id, *claim.reviews], ORCHESTRATOR, now,
            )  # fmt: skip
            put_artefact(tx, asked)
            self._close(tx, claim, "complete", "a question was asked")
        elif producer not in self.roles:
            reason = f"rejected, and the sett has no agent `{producer}`, which made it"
            self._give_up(tx, claim, artefact, "MissingAgentConfiguration", reason, now)
        elif self.max_reviews and artefact.version > self.max_reviews:
            self._give_up(tx, claim, artefact, "MaxIterationsExceeded", f"rejected {artefact.version} times", now)
        else:
            claim.status = "pending_assignment"
            claim.grants = [self._grant(tx, claim, producer, "exclusive", now, claim.reviews)]
            put_claim(tx, claim)
            self._status(claim)

    def _give_up(self, tx: Tx, claim: Claim, artefact: Artefact, type: str, reason: str, now: float) -> None:
        """Terminate the claim on an artefact that was rejected for good, with a Failure that says why."""
        sources = [artefact.id, *claim.reviews]
        put_artefact(tx, self._failure(type, reason, sources, ORCHESTRATOR, now))
        self._close(tx, claim, "terminated", reason)

    def _failure(self, type: str, reason: str, sources: list[str], role: str, now: float) -> Artefact:
        """Return a Failure artefact."""
        ids = self.board.new_id(), self.board.new_id()
        return Artefact(*ids, 1, "Failure", type, failure(reason), sources, role, now, reason)

"""The acts of an agent of a sett apart from the board: it decides bids, does work, and says whether it is well.

A cub (`sett/cub.py`) does it for one agent, a whole sett in one process (`sett/in_process.py`) for all of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import trio

from cogc.kernel.permissions import Sandbox
from cogc.language.values import Failure
from cogc.run.process import ProcessResult
from cogc.sett.agent_runs import Agents
from cogc.sett.board import Board
from cogc.sett.command import Reading, Runner, Work, shown, verified
from cogc.sett.model import BIDS, Artefact, Claim, Grant, grant_key
from cogc.sett.spec import BID_TIMEOUT, AgentSpec

_SAID = 2000
"""How many characters of a bid script's stderr a failure shows."""
_UNDECIDED = (Failure, trio.TooSlowError, ArithmeticError, LookupError, TypeError, ValueError)
"""The errors by which an agent cannot decide."""


class Decision(NamedTuple):
    """A bid, and the reason why the agent could not decide, if it could not."""

    bid: str
    failed: str = ""


class Done(NamedTuple):
    """The outcome of work: an artefact without ids of its own, the entry for the log of the role, and what of the answer was ignored."""

    made: Artefact
    log: dict[str, Any]
    remarks: Sequence[str] = ()


class RoleActor:
    """Bids and works for one role, and checks its health. `runner` runs its commands, `agents` the agents of the spec."""

    def __init__(self, agent: AgentSpec, runner: Runner, agents: Agents) -> None:
        self.agent = agent
        self.runner = runner
        self.agents = agents

    # ---- bids ----------------------------------------------------------------------------------------------

    def decide_at_once(self, artefact: Artefact, claim: Claim) -> Decision | None:
        """Return the bid that an expression or the strategy makes, or None if a script or a model has to be asked."""
        agent = self.agent
        try:
            about = {"id": claim.id, "artefact_id": claim.artefact_id}
            for word, holds in agent.bids:
                if holds is None or holds(None, artefact.value(), about) is True:
                    return Decision(word)
        except _UNDECIDED as error:
            return self._undecided(artefact, error)
        return None if agent.bid_script or agent.judge else Decision(self._strategy(artefact))

    def _strategy(self, artefact: Artefact) -> str:
        """Return the bid of the strategy: `ignore` on what the role itself has made, or it would work on its own results without
        end."""
        return "ignore" if artefact.produced_by_role == self.agent.role else self.agent.strategy

    async def decide(self, artefact: Artefact, claim: Claim) -> Decision:
        """Return a bid. If the agent cannot decide, its strategy bids."""
        decided = self.decide_at_once(artefact, claim)
        if decided is not None:
            return decided
        try:
            with trio.fail_after(BID_TIMEOUT):
                return Decision(await self._ask(artefact))
        except _UNDECIDED as error:
            return self._undecided(artefact, error)

    def _undecided(self, artefact: Artefact, error: Exception) -> Decision:
        """Return the bid of an agent that could not decide."""
        bid = self._strategy(artefact)
        said = error.message if isinstance(error, Failure) else str(error) or f"it took over {BID_TIMEOUT:g}s"
        return Decision(bid, f"its bid on {artefact.type} failed, and counts as {bid}: {said}")

    async def _ask(self, artefact: Artefact) -> str:
        """Return the bid of a script, else of a model. Raise Failure if it is no bid."""
        agent = self.agent
        if agent.bid_script:
            stdin = msgspec.json.encode(artefact.wire())
            return _bid_of_script(await self.runner.run(agent, agent.bid_script, stdin, BID_TIMEOUT, "ro"))
        shown = json.dumps(artefact.value(), ensure_ascii=False)
        return _bid_of(str(await self.agents.ask(agent.judge, f"{agent.prompts['claim']}\n\n{shown}")))

    # ---- work ----------------------------------------------------------------------------------------------

    async def do(self, work: Work) -> Done:
        """Do the work by the command, or by an agent of the spec."""
        agent = self.agent
        try:
            if agent.run:
                return await self._accept(await self._ask_agent(work), work, None)
            if not agent.command:
                return Done(work.failed(f"agent `{agent.role}` has neither a command nor an agent to run"), log_entry())
            done = await self.runner.run(agent, agent.command, msgspec.json.encode(work.request()), agent.timeout)
        except Failure as failure:
            return Done(work.failed(failure.message), log_entry())
        if done is None:
            return Done(work.failed(f"the command took longer than {agent.timeout:g}s"), log_entry())
        offline = self.runner.offline and not agent.network
        return await self._accept(work.answered(done, offline), work, done)

    async def _accept(self, reading: Reading, work: Work, done: ProcessResult | None) -> Done:
        """Return the verified outcome of an answer."""
        made = await verified(reading.made, work, self.runner.workspace)
        return Done(made, log_entry(done, reading.ignored), reading.ignored)

    async def _ask_agent(self, work: Work) -> Reading:
        """Let an agent of the spec do the work. A record in the form of the contract is an answer, anything else the
        payload of one."""
        agent = self.agent
        request = json.dumps(work.request(), ensure_ascii=False)
        sandbox = Sandbox(agent.workspace, agent.network)
        with trio.move_on_after(agent.timeout):
            task = f"{agent.prompts.get('execution', '')}\n\n{request}".strip()
            answer = await self.agents.ask(agent.run, task, sandbox, work.grant)
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

    async def illness(self) -> str:
        """Run the health check. Return why it has failed, or nothing if the agent is well."""
        agent = self.agent
        try:
            done = await self.runner.run(agent, agent.health, b"", agent.health_timeout, "ro")
        except Failure as failure:
            return failure.message
        if done is not None and not done.code:
            return ""
        return ("" if done is None else shown(done.stderr).strip()) or "its health check failed"


async def assemble(board: Board, grant: Grant) -> Work:
    """Read what a command must be told: the artefact, its context, the reviews of a rework, the question of an answer."""
    claim = await board.claim(grant.claim_id)
    assert claim is not None
    target = await board.artefact(claim.artefact_id)
    assert target is not None
    extra = [a for a in [await board.artefact(id) for id in grant.extra] if a is not None]
    context = await board.context(target, grant.extra)
    asked = target.source_artefacts[0] if target.structural_type == "Answer" and target.source_artefacts else None
    question = await board.artefact(asked) if asked else None
    key = grant_key(grant.claim_id, grant.role, grant.rework)
    return Work(grant.kind, target, context, extra, grant.role, grant.rework, question, key)


def log_entry(done: ProcessResult | None = None, remarks: Sequence[str] = ()) -> dict[str, Any]:
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

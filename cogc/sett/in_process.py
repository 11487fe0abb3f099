"""A whole sett in one process: its orchestrator, a cub for each agent, and the questions to people.

`cogc run` uses it. It ends when no artefact is new, no claim is open, no cub works and no person is being asked. A question
that nobody can answer stays open on the board, and does not keep the run from ending.
"""

from __future__ import annotations

import trio

from cogc.language.values import Failure
from cogc.run.people import People, Question
from cogc.sett.agent_runs import AgentRuns
from cogc.sett.board import Board
from cogc.sett.command import CommandRunner
from cogc.sett.cub import Cub
from cogc.sett.model import Artefact, goal
from cogc.sett.orchestrator import CONSENSUS, Note, Orchestrator
from cogc.sett.spec import SettSpec

_QUIET = 0.2


class Asked(Question):
    """A question of an agent, in the form in which people are asked."""

    def __init__(self, question: Artefact) -> None:
        self.program = question.produced_by_role
        self.path = question.produced_by_role
        self.choices = []
        self.type = "string"
        self.text = question.payload if isinstance(question.payload, str) else str(question.payload)


class LocalSett:
    """One instance in this process. `unanswered` holds the ids of questions for which there was no person."""

    def __init__(
        self,
        spec: SettSpec,
        board: Board,
        runner: CommandRunner,
        agents: AgentRuns,
        people: People,
        note: Note,
        consensus: float = CONSENSUS,
    ) -> None:
        self.board = board
        self.people = people
        self.orchestrator = Orchestrator(board, list(spec.agents), spec.max_review_iterations, note, consensus)
        self.cubs = [Cub(board, agent, runner, agents, note) for agent in spec.agents.values()]
        self.stop = trio.Event()
        self.unanswered: set[str] = set()
        self.asking: set[str] = set()

    async def run(self, text: str | None) -> None:
        """Post the goal, if there is one, and work until nothing is left to do or `stop` is set."""
        if text is not None:
            await self.board.post(goal(text))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.orchestrator.run)
            async with trio.open_nursery() as cubs:
                for cub in self.cubs:
                    cubs.start_soon(cub.run, self.stop)
                async with trio.open_nursery() as asking:
                    await self._until_quiet(asking)
                    asking.cancel_scope.cancel()
                self.stop.set()
            nursery.cancel_scope.cancel()

    async def _until_quiet(self, asking: trio.Nursery) -> None:
        """Ask people new questions, and return when nothing is left to do."""
        while not self.stop.is_set():
            try:
                for question in await self.board.questions():
                    if question.id not in self.asking | self.unanswered:
                        self.asking.add(question.id)
                        asking.start_soon(self._ask, question)
                working = any(c.working for c in self.cubs)
                if not working and not self.asking and await self.orchestrator.quiet():
                    return
                await self.board.wait(_QUIET)
            except ConnectionError:  # the orchestrator logs it
                await trio.sleep(_QUIET)

    async def _ask(self, question: Artefact) -> None:
        """Let a person answer a question. If there is no person, the question stays open."""
        try:
            said = await self.people.ask(Asked(question), len(self.asking))
            await self.board.answer(question.id, str(said))
        except Failure:
            self.unanswered.add(question.id)
        finally:
            self.asking.discard(question.id)

"""`cogc run` where the spec is a sett: the sett of it in this process, to quiescence or the end of its workflow, or its recording."""

from __future__ import annotations

import random
import sys
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import Any

import trio

from cogc import ir
from cogc.commands import telemetry, under_trio
from cogc.commands.budgets import budget
from cogc.commands.options import duration, epoch_of, goal_of, instance_of, run_id_of
from cogc.commands.packages import allowed
from cogc.commands.recordings import recorded, say_departure, warn_of_program
from cogc.commands.same_program import as_recorded
from cogc.commands.sett_sinks import SettSinks
from cogc.commands.sett_spec import prepare, sett_spec
from cogc.commands.settings import people
from cogc.commands.state import kept_by, state_of
from cogc.commands.usage import UsageError, only
from cogc.disk.state_folder import StateFolder
from cogc.run.options import new_run_id
from cogc.run.replay import Divergence
from cogc.run.report import usage
from cogc.run.settings import Settings
from cogc.run.stopping import STOP_LIMIT, heeded
from cogc.sett import report
from cogc.sett.agent_runs import AgentRuns
from cogc.sett.board import Board, open_sett_store
from cogc.sett.command import CommandRunner
from cogc.sett.dependencies import Dependencies, dependencies_of
from cogc.sett.foreign import listen
from cogc.sett.in_process import LocalSett
from cogc.sett.model import UNWANTED
from cogc.sett.role_actor import RoleActor
from cogc.sett.spec import SettSpec
from cogc.sett.world import Ids, Live, Recorded, World
from cogc.stores.base import Store
from cogc.stores.mirror import MirroredStore

_REFUSED = {"set": "--set", "input": "--input", "inputs": "--inputs", "until": "--until", "control": "--control"}
"""Options of runs of coglets that a sett has no use for."""
_OF_NO_REPLAY = {
    "goal": "--goal",
    "goal_file": "--goal-file",
    "instance": "--instance",
    "board": "--board",
    "sim": "--sim",
    "record": "--record",
}
"""Options that have no meaning for a replay: the recording says what they would."""


class _Plan:
    """The plan of a run of a sett: its id, its goal, its board, when it begins and what it records or replays.

    Times are in nanoseconds since 1970; `start` is None where the clock of the board counts.
    """

    def __init__(self, bundle: ir.Bundle, options: Namespace, state: StateFolder) -> None:
        self.bundle = bundle
        self.options = options
        self.goal = goal_of(options)
        self.lines: list[list[Any]] | None = None
        self.dependencies: Dependencies | None = None
        self.seed = (
            options.seed if options.seed is not None else 0 if options.sim else random.SystemRandom().getrandbits(32)
        )
        self.start: int | None = None
        if options.replay:
            self._recorded(options.replay)
        elif options.sim:
            self.start = epoch_of(options)
            options.given = []
            self.instance, self.board = run_id_of(bundle, options, self.seed), "memory"
        else:
            epoch_of(options)
            self.instance = instance_of(options.instance) or new_run_id()
            self.board = options.board or f"sqlite:{state.file('setts', self.instance, 'board.db')}"

    def _recorded(self, path: str) -> None:
        """Take seed, times and goal from a recording. Raise UsageError if the file is none."""
        head, self.lines = recorded(path, "a sett")
        warn_of_program(head, as_recorded(self.bundle, self.options.spec, head.get("program")).hash)
        self.instance, self.seed, self.start, self.goal = head["run"], head["seed"], head["epoch"], head["sett"]
        self.board, self.dependencies = "memory", head.get("ways")

    @property
    def exact(self) -> bool:
        """True if the run is recorded, replayed or simulated, so that ids and times must come again."""
        return bool(self.options.record or self.options.replay or self.options.sim)

    def head(self, at: int) -> dict[str, Any]:
        """Return the first line of a recording."""
        return {
            "run": self.instance,
            "seed": self.seed,
            "epoch": at,
            "program": self.bundle.hash,
            "sett": self.goal,
            "ways": dependencies_of(self.bundle),
        }


def run(bundle: ir.Bundle, options: Namespace, prints: ExitStack) -> int:
    """Run the sett of a program. `prints` is what is closed at the end."""
    _refuse(options)
    state = state_of(options)
    plan = _Plan(bundle, options, state)
    if plan.goal is None and options.instance is None and options.board is None:
        raise UsageError("a sett starts with `--goal TEXT` or `--goal-file FILE`")
    spec = sett_spec(bundle, options.local, options.network)
    settings = Settings(
        options.workspace,
        allowed(options.allow_import, [options.spec]),
        people(options, state),
        options.sandbox != "none",
        kept=kept_by(options, state),
    )
    sinks = SettSinks(options, plan.instance, state, bundle)
    files = prints.enter_context(ExitStack())
    files.enter_context(sinks)

    async def main() -> int:
        try:
            return await _main(spec, plan, settings, sinks)
        except Exception as error:
            found = only(error)
            if isinstance(found, Divergence):
                say_departure(found)
                return 3
            if not isinstance(found, ConnectionError):
                raise
            raise UsageError(str(found)) from None

    def then(code: int) -> int:
        files.close()
        return code or (3 if sinks.lost else 0)

    return under_trio.run(main, then, prints)


def _refuse(options: Namespace) -> None:
    """Raise UsageError for options that have no meaning."""
    for name, option in _REFUSED.items():
        if getattr(options, name):
            raise UsageError(f"{option} has no meaning for a sett; start it with --goal")
    if options.replay:
        for name, option in _OF_NO_REPLAY.items():
            if getattr(options, name):
                raise UsageError(f"{option} has no meaning with --replay: the recording says it")
    elif options.sim:
        for name in ("board", "instance"):
            if getattr(options, name):
                raise UsageError(f"--{name}: a simulation has a board of its own, in memory")


async def _main(spec: SettSpec, plan: _Plan, settings: Settings, sinks: SettSinks) -> int:
    options = plan.options
    runner = CommandRunner(plan.instance, options.workspace, options.sandbox, plan.board, settings.kept)
    settings.people.run = plan.instance
    stop, caught = trio.Event(), list[int]()
    async with open_sett_store(plan.board, plan.instance) as store, _outside(plan, store, stop) as (world, begin):
        simulated = partial(getattr, world, "virtual") if options.sim else None
        observe = telemetry.observed(sinks.exporter, plan.bundle, options)
        agents = AgentRuns(spec.unit, settings, budget(options), simulated, observe)
        actors = {role: RoleActor(agent, runner, agents) for role, agent in spec.agents.items()}
        if plan.lines is None:
            await prepare(runner, spec.agents.values())
        if isinstance(world, Live):
            settings.people.clock = world.clock
        limit = duration(options.duration, "--for")
        if options.record and await Board(store).artefacts():
            raise UsageError(
                f"--record: the board of `{plan.instance}` has artefacts already; a recording begins with an empty board"
            )
        sett = LocalSett(
            spec, MirroredStore(store) if options.record else store, actors, settings.people, sinks.note, world, ids=Ids(plan.seed) if plan.exact else None,
            journal=sinks.journal(plan.head(begin)) if options.record else None, inbox=Board(store) if options.record else None,
            limit=None if limit is None else begin + limit,
        )  # fmt: skip
        sinks.begin(lambda: sett.now, begin)
        sinks.on_lost(stop.set)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_signals, sett, stop, nursery.cancel_scope, caught)
            if not plan.exact:
                nursery.start_soon(listen, store, plan.instance, sinks.note)
            await sinks.watch(nursery, sett.board, settings.people)
            await sett.run(plan.goal, begin)
            nursery.cancel_scope.cancel()
        sinks.end()
        return await _ended(sett, agents, options, caught)


@asynccontextmanager
async def _outside(plan: _Plan, store: Store, stop: trio.Event) -> AsyncIterator[tuple[World, int]]:
    """Give the outside of a sett, and the time at which the sett begins."""
    if plan.lines is not None:
        assert plan.start is not None
        yield Recorded(plan.lines, plan.dependencies, dependencies_of(plan.bundle)), plan.start
        return
    live = Live(store, stop, plan.start)
    async with live.open():
        yield live, await live.now()


async def _signals(sett: LocalSett, stop: trio.Event, scope: trio.CancelScope, caught: list[int]) -> None:
    """Let work under way end at the first signal that stops, and cancel it at the second one."""
    with trio.open_signal_receiver(*heeded()) as received:
        async for number in received:
            if caught:
                scope.cancel()
            elif sett.working:
                roles = ", ".join(sorted({grant.role for grant in sett.working.values()}))
                sys.stderr.write(
                    f"cogc: the work of {roles} may take {STOP_LIMIT:.0f}s more to end; a second signal ends it at once\n"
                )
            caught.append(number)
            stop.set()


async def _ended(sett: LocalSett, agents: AgentRuns, options: Namespace, caught: list[int]) -> int:
    """Report the artefacts, the cost and the open questions of a sett, and return the exit code."""
    board = sett.board
    if options.output == "people":
        sys.stdout.write(await report.summary(board))
    if agents.last is not None:
        sys.stderr.write(usage(agents.last))
    if sett.broken_off:
        raise UsageError(f"the recording `{options.replay}` is incomplete: it breaks off after {sett.steps} events")
    open_questions = await board.questions()
    for question in open_questions:
        sys.stderr.write(f"cogc: nobody has answered `{question.produced_by_role}`: {report.gist(question)}\n")
    if caught:
        return 128 + caught[0]
    claims = await board.claims()
    for claim in claims:
        if claim.reason == UNWANTED:
            about = await board.artefact(claim.artefact_id)
            if about is not None and about.produced_by_role == "user" and about.structural_type == "Standard":
                sys.stderr.write(f"cogc: nobody bids for {about.type}\n")
                for failed in await report.failed_bids(board, claim.id):
                    sys.stderr.write(f"cogc: {failed}\n")
                return 3
    terminated = await report.terminated(board)
    sys.stderr.writelines(f"cogc: {line}\n" for line in terminated)
    return 3 if open_questions or terminated else 0

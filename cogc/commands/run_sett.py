"""`cogc run` where the spec is a sett: the sett of it in this process, to quiescence or the end of its workflow."""

from __future__ import annotations

import signal
import sys
from argparse import Namespace
from contextlib import ExitStack

import trio

from cogc import ir
from cogc.commands import under_trio
from cogc.commands.inputs import answers
from cogc.commands.options import budget, goal_of, instance_of, new_run_id
from cogc.commands.packages import allowed
from cogc.commands.sett_sinks import SettSinks
from cogc.commands.sett_spec import sett_spec
from cogc.commands.settings import people
from cogc.commands.state import kept_by, state_of
from cogc.commands.usage import UsageError, only
from cogc.run.report import usage
from cogc.run.settings import Settings
from cogc.sett import report
from cogc.sett.agent_runs import AgentRuns
from cogc.sett.board import open_board
from cogc.sett.command import CommandRunner
from cogc.sett.in_process import LocalSett
from cogc.sett.model import UNWANTED
from cogc.sett.spec import SettSpec

_REFUSED = {
    "set": "--set", "input": "--input", "inputs": "--inputs", "duration": "--for", "until": "--until", "sim": "--sim", "record": "--record",
    "replay": "--replay", "control": "--control",
}  # fmt: skip
"""RunOptions of runs of coglets that a sett has no use for."""


def run(bundle: ir.Bundle, options: Namespace, prints: ExitStack) -> int:
    """Run the sett of a program. `prints` is what is closed at the end."""
    for name, option in _REFUSED.items():
        if getattr(options, name):
            raise UsageError(f"{option} has no meaning for a sett; start it with --goal")
    for name, given in answers(options).items():
        if any(answer.is_timed for answer in given):
            raise UsageError(f"--answer {name}: a sett takes answers without times")
    goal = goal_of(options)
    instance = instance_of(options.instance) or new_run_id()
    if goal is None and options.instance is None and options.board is None:
        raise UsageError("a sett starts with `--goal TEXT` or `--goal-file FILE`")
    state = state_of(options)
    board = options.board or f"sqlite:{state.file('setts', instance, 'board.db')}"
    spec = sett_spec(bundle, options.local)
    settings = Settings(
        options.workspace,
        allowed(options.allow_import, [options.spec]),
        people(options, state),
        options.sandbox != "none",
        kept=kept_by(options, state),
    )
    sinks = SettSinks(options, instance, state)
    files = prints.enter_context(ExitStack())
    files.enter_context(sinks)

    async def main() -> int:
        try:
            return await _main(spec, board, instance, goal, settings, options, sinks)
        except Exception as error:
            found = only(error)
            if not isinstance(found, ConnectionError):
                raise
            raise UsageError(str(found)) from None

    def then(code: int) -> int:
        files.close()
        return code or (3 if sinks.lost else 0)

    return under_trio.run(main, then, prints)


async def _main(
    spec: SettSpec, name: str, instance: str, goal: str | None, settings: Settings, options: Namespace, sinks: SettSinks
) -> int:
    runner = CommandRunner(instance, options.workspace, options.sandbox, name, settings.kept)
    agents = AgentRuns(spec.unit, settings, budget(options))
    settings.people.run = instance
    async with open_board(name, instance) as board:
        sett = LocalSett(spec, board, runner, agents, settings.people, sinks.note)
        sinks.on_lost(sett.stop.set)
        caught: list[int] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_signals, sett, nursery.cancel_scope, caught)
            await sinks.watch(nursery, board, settings.people)
            await sett.run(goal)
            nursery.cancel_scope.cancel()
        sinks.end()
        return await _ended(sett, agents, options, caught)


async def _signals(sett: LocalSett, scope: trio.CancelScope, caught: list[int]) -> None:
    """Let work under way end at the first signal that stops, and cancel it at the second one."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as received:
        async for number in received:
            if caught:
                scope.cancel()
            caught.append(number)
            sett.stop.set()


async def _ended(sett: LocalSett, agents: AgentRuns, options: Namespace, caught: list[int]) -> int:
    """Report the artefacts, the cost and the open questions of a sett, and return the exit code."""
    board = sett.board
    if options.output == "people":
        sys.stdout.write(await report.summary(board))
    if agents.last is not None:
        sys.stderr.write(usage(agents.last))
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
    return 3 if open_questions or any(c.status == "terminated" for c in claims) else 0

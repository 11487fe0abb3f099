"""The commands `orchestrator` and `cub`: one machine of a sett in a process of its own.

Both load the sett, open its board, answer `GET /healthz` if asked to, and work until a signal stops them.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import trio

from cogc import ir
from cogc.commands import telemetry, under_trio
from cogc.commands.load import load, show_to_stderr
from cogc.commands.options import bound, duration, instance_of
from cogc.commands.packages import allow_imports, allowed
from cogc.commands.prints import apart
from cogc.commands.sett_spec import prepare, sett_spec
from cogc.commands.state import add_state, kept_by, state_of
from cogc.commands.usage import UsageError
from cogc.diagnostics.problems import Problems
from cogc.run.settings import Settings
from cogc.run.stopping import heeded
from cogc.sett.agent_runs import AgentRuns, Observe
from cogc.sett.board import Board, open_board
from cogc.sett.command import CommandRunner
from cogc.sett.cub import Cub
from cogc.sett.foreign import listen
from cogc.sett.health import Condition, serve
from cogc.sett.orchestrator import Note, Orchestrator
from cogc.sett.role_actor import RoleActor
from cogc.sett.spec import SettSpec

if TYPE_CHECKING:
    from cogc.traces.exporter import Exporter


def add_machine(parser: ArgumentParser) -> None:
    """Add the options that the orchestrator and the cubs of a sett share."""
    add = parser.add_argument
    add("spec", metavar="SPEC", help="path of a spec with a sett, of a sett.yml, or of a program made by `cogc build`")
    add("--root", metavar="NAME", help="name of the sett (default: the only one of the spec)")
    add("--instance", metavar="NAME", help="name of the instance (default: $SETT_INSTANCE_NAME)")
    add(
        "--board",
        metavar="STORE",
        help="store of the blackboard: sqlite:PATH or redis://HOST:PORT (default: $REDIS_URL)",
    )
    add(
        "--port",
        type=int,
        metavar="PORT",
        help="port of 127.0.0.1 on which to answer GET /healthz; 0: a free one (default: none)",
    )
    telemetry.add_options(add)
    add_state(parser)
    allow_imports(parser)


def orchestrate(options: Namespace) -> int:
    """Run the orchestrator until it is told to stop. Return the exit code."""

    async def machine(its: Surroundings) -> int:
        its.condition.tell("")
        waits = (duration(options.consensus, "--consensus") or 0) / 1e9
        made = Orchestrator(its.board, list(its.spec.agents), its.spec.max_review_iterations, its.note, waits)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(made.run)
            nursery.start_soon(listen, its.board.store, _instance(options), its.note)
            await its.stop.wait()
            nursery.cancel_scope.cancel()
        return 0

    return _run(options, machine, "")


def work(options: Namespace) -> int:
    """Run a cub until it is told to stop, or has done the work of --execute-claim. Return the exit code."""

    role = options.agent or os.environ.get("SETT_AGENT_NAME") or ""

    async def machine(its: Surroundings) -> int:
        board, agents = its.board, its.spec.agents
        if role not in agents:
            raise UsageError(f"--agent: the sett has no agent `{role}`; it has {', '.join(agents)}")
        sandboxed = options.sandbox != "none"
        kept = kept_by(options, state_of(options))
        runner = CommandRunner(_instance(options), options.workspace, options.sandbox, _board(options), kept)
        allow = allowed(options.allow_import, [options.spec])
        settings = Settings(options.workspace, allow, None, sandboxed, kept=kept)
        lease = duration(options.lease, "--lease", above_zero=True) or 0
        linger = duration(options.linger, "--linger") or 0
        actor = RoleActor(agents[role], runner, AgentRuns(its.spec.unit, settings, observe=its.observe))
        await prepare(runner, [actor.agent])
        cub = Cub(board, actor, its.note, lease / 1e9, linger / 1e9, its.condition)
        if options.execute_claim and await board.claim(options.execute_claim) is None:
            raise UsageError(f"there is no claim {options.execute_claim}")
        await cub.run(its.stop, options.execute_claim or "")
        return 0

    return _run(options, machine, role or "cub")


class Surroundings(NamedTuple):
    """The surroundings of a machine: its board, its sett, what tells it to stop and whether it is well, who hears of events, and who observes the
    sessions of its agent."""

    board: Board
    spec: SettSpec
    stop: trio.Event
    condition: Condition
    note: Note
    observe: Observe | None


Machine = Callable[[Surroundings], Awaitable[int]]


def _run(options: Namespace, machine: Machine, part: str) -> int:
    """Load the sett and run a machine on it. `part` names it among the machines of its instance; nothing stands for the orchestrator, which sends the
    span of the whole sett."""
    telemetry.refuse_alone(options)
    problems = Problems()
    bundle = load(options.spec, options.root, options.allow_import, problems)
    if problems.sorted():
        show_to_stderr(problems.sorted())
    if bundle is None:
        return 1
    with ExitStack() as prints:
        prints.enter_context(apart(bundle, json=True))
        spec = _spec(bundle, options)
        exporter = telemetry.exporter(options, _instance(options), time.time_ns(), bundle, part)
        prints.callback(telemetry.close, exporter)
        seen = _noted(exporter, _instance(options)), telemetry.observed(exporter, bundle, options)
        return under_trio.run(lambda: _main(options, spec, machine, *seen), lambda code: code, prints)


def _spec(bundle: ir.Bundle, options: Namespace) -> SettSpec:
    """Return the sett, with its models and folders as the command line says."""
    if getattr(options, "model", None):
        bundle = bound(bundle, options)
    return sett_spec(bundle, getattr(options, "local", []), getattr(options, "network", False))


async def _main(options: Namespace, spec: SettSpec, machine: Machine, note: Note, observe: Observe | None) -> int:
    """Open the board and run a machine beside the health endpoint."""
    stop, condition, caught = trio.Event(), Condition(), list[int]()
    code = 0
    async with open_board(_board(options), _instance(options)) as board, trio.open_nursery() as nursery:
        await nursery.start(_signals, stop, nursery.cancel_scope, caught)
        if options.port is not None:
            port = await nursery.start(serve, board, condition, "127.0.0.1", options.port)
            sys.stderr.write(f"cogc: healthz on http://127.0.0.1:{port}/healthz\n")
        nursery.start_soon(_tell, condition)
        code = await machine(Surroundings(board, spec, stop, condition, note, observe))
        nursery.cancel_scope.cancel()
    return 128 + caught[-1] if len(caught) > 1 else code


READY = "COGC_READY"
"""The variable that names the descriptor of a pipe on which `cogc sett up` waits to hear that a machine works."""


WELL, UNWELL = b".", b"!"
"""The bytes that a machine writes to that pipe: it works, or it works but its agent has failed its health check."""


async def _tell(condition: Condition) -> None:
    """Say that the machine works, once it is known whether its agent is well; also to `cogc sett up`, if that has started it."""
    await condition.known.wait()
    sys.stderr.write("cogc: at work\n")
    given = os.environ.pop(READY, "")
    with suppress(OSError, ValueError):
        handle = int(given)
        if handle > 2 and stat.S_ISFIFO(os.fstat(handle).st_mode):
            os.write(handle, UNWELL if condition.illness else WELL)
            os.close(handle)


async def _signals(
    stop: trio.Event,
    scope: trio.CancelScope,
    caught: list[int],
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Set `stop` at the first signal that stops, and cancel the machine at the second one."""
    with trio.open_signal_receiver(*heeded()) as received:
        task_status.started()
        async for number in received:
            caught.append(number)
            if stop.is_set():
                scope.cancel()
                return
            stop.set()


def _instance(options: Namespace) -> str:
    """Return the name of the instance. Raise UsageError if there is none."""
    found = instance_of(options.instance) or os.environ.get("SETT_INSTANCE_NAME")
    if not found:
        raise UsageError("no instance is named: give --instance, or set SETT_INSTANCE_NAME")
    return found


def _board(options: Namespace) -> str:
    """Return the name of the board's store. Raise UsageError if there is none that processes can share."""
    found = options.board or os.environ.get("REDIS_URL")
    if not found:
        raise UsageError("no blackboard is named: give --board, or set REDIS_URL")
    if found == "memory":
        raise UsageError("--board memory: a blackboard in memory cannot be shared by several processes")
    return str(found)


def _noted(exporter: Exporter | None, instance: str) -> Note:
    """Return what writes events to stderr, and gives them to an exporter as the records of a trace."""
    if exporter is None:
        return note
    numbers, began = count(1), exporter.spans.epoch

    def both(kind: str, path: str, **fields: Any) -> None:
        note(kind, path, **fields)
        head = {"v": 1, "seq": next(numbers), "t": (time.time_ns() - began) / 1e9, "run": instance, "kind": kind}
        exporter.take([{**head, "path": path, "cause": 0, **fields}])

    return both


def note(kind: str, path: str, **fields: Any) -> None:
    """Write an event of the machine to stderr."""
    if kind == "log":
        said = f"{fields['level']:<5} {path}: {fields['data']}"
    elif kind == "artefact":
        said = f"{'':<5} {path}: {fields['data']['type']} v{fields['data']['version']}"
    else:
        said = f"{'':<5} {path}: {kind} " + " ".join(f"{k}={v}" for k, v in fields.items())
    sys.stderr.write(said + "\n")

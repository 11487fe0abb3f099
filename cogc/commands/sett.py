"""`cogc sett ACTION ...`: start, stop, watch and steer an instance of a sett.

    up SPEC             start the orchestrator and a cub for each agent
    down                stop them; work under way may end
    status              show these processes; exit code 3 if one is gone
    list                list the instances of this machine, or of a Redis server
    forage GOAL         give a goal to an instance that is up
    watch               print what happens from now on, or --since a time
    hoard               list the artefacts
    unearth ID          show an artefact with its versions and sources
    questions           list the open questions
    answer ID TEXT      answer a question
    logs [ROLE]         print what commands wrote; ROLE may be `orchestrator`

An ID may be shortened to its first characters.

Exit codes: 0 done; 2 there is no such instance, artefact, question or role.
"""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import trio

from cogc.commands import interrupts, sett_list, sett_processes, telemetry
from cogc.commands.options import goal_text, instance_of, local_option, network_option, sandbox_option, workspace_option
from cogc.commands.sett_watch import follow, refuse_dirty, wanted, watch, watch_options
from cogc.commands.state import add_state, state_here
from cogc.commands.usage import UsageError
from cogc.disk.files import main_spec
from cogc.disk.state_folder import of_spec
from cogc.run.peers import Peer, write_down
from cogc.run.questions import ANSWERED, MAILBOX
from cogc.sett.board import Board, open_board
from cogc.sett.happenings import Watcher
from cogc.sett.model import ORCHESTRATOR, Artefact, goal
from cogc.sett.report import history, line

_STARTS = 10.0
ACTIONS = {
    "forage": ("GOAL",), "watch": (), "hoard": (), "unearth": ("ID",), "questions": (), "answer": ("ID", "TEXT"), "logs": None,
    "up": ("SPEC",), "down": (), "status": (), "list": (),
}  # fmt: skip


def arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("action", choices=list(ACTIONS), metavar="ACTION", help="what to do, as listed above")
    add("words", nargs="*", metavar="WORD", help="the words of the action, as listed above")
    add(
        "--instance",
        metavar="NAME",
        help="name of the instance (default: $SETT_INSTANCE_NAME, else the latest one of this folder)",
    )
    add(
        "--board",
        metavar="STORE",
        help="store of the blackboard: sqlite:PATH or redis://HOST:PORT (default: $REDIS_URL, else a file of the state folder)",
    )
    add("--json", action="store_true", help="print JSON, one object a line")
    watch_options(parser)
    add_state(parser)
    workspace_option(parser, "up: ")
    local_option(parser, "up: ")
    network_option(parser, "up: ")
    sandbox_option(parser, "up: ")
    telemetry.add_options(add, "up: ")


def run(options: Namespace) -> int:
    wanted = ACTIONS[options.action]
    telemetry.refuse_alone(options)
    if options.goal is not None and not options.words:
        options.words = [options.goal]
    elif options.goal is not None:
        raise UsageError("give GOAL or --goal, not both")
    if wanted is not None and len(options.words) != len(wanted):
        raise UsageError(f"`cogc sett {options.action}` takes {' '.join(wanted) or 'nothing'}")
    if options.action == "list":
        return sett_list.list_all(options)
    if options.action == "up":
        return _up(options)
    if options.action in ("down", "status"):
        return getattr(sett_processes, options.action)(options)  # type: ignore[no-any-return]
    instance, board = find(options)

    async def main() -> int:
        async with open_board(board, instance) as opened:
            return await _ACT[options.action](opened, options)

    return interrupts.run(main)


def _up(options: Namespace) -> int:
    """Start an instance. Raise UsageError if another one works on the same workspace, unless that is wanted."""
    name = instance_of(options.instance) or os.environ.get("SETT_INSTANCE_NAME") or ""
    own = of_spec(main_spec(options.words[0]), options.state)
    other = None if options.force else sett_list.beside(own, name, options.workspace)
    if other is not None:
        raise UsageError(
            f"the instance `{other.name}` is up on the workspace `{other.workspace}`: take it down, name another --workspace, or "
            "give --force"
        )
    return sett_processes.up(options)


def find(options: Namespace) -> tuple[str, str]:
    """Return the instance and the blackboard that a command line names, or the latest instance of this folder."""

    name = instance_of(options.instance) or os.environ.get("SETT_INSTANCE_NAME")
    board = options.board or os.environ.get("REDIS_URL")
    if name is None and board is None:
        known = sorted(_setts(options).glob("*/board.db"), key=lambda p: p.stat().st_mtime)
        name = known[-1].parent.name if known else None
    if name is None:
        raise UsageError("there is no instance here; name one with --instance")
    if board is None:
        path = _setts(options) / name / "board.db"
        if (
            not path.is_file() and not path.with_name(sett_processes.RECORD).is_file()
        ):  # an instance that is starting has a record before it has a board
            raise UsageError(f"there is no instance `{name}` here")
        board = f"sqlite:{path}"
    return name, board


def _setts(options: Namespace) -> Path:
    """Return the folder of the project's instances."""
    return Path(state_here(options).at("setts"))


# ---- what is done --------------------------------------------------------------------------------------------


async def _forage(board: Board, options: Namespace) -> int:
    """Post a goal. Raise UsageError if the instance is down, since nobody would work on it."""
    text = goal_text(options.words[0], "forage")
    if not await _is_up(board, options):
        name = find(options)[0]
        raise UsageError(
            f"the instance `{name}` is down, and nobody would work on the goal: start it with `cogc sett up SPEC --instance {name}`"
        )
    refuse_dirty(sett_processes.known(_setts(options) / find(options)[0]).workspace, options.force)
    watcher = Watcher(board)
    if options.watch:
        await watcher.news()
    made = await board.post(goal(text))
    if options.watch:
        await follow(board, watcher, options.json)
    else:
        _show(made, options.json)
    return 0


async def _is_up(board: Board, options: Namespace) -> bool:
    """Return whether an instance has an orchestrator. On a board that was named, one that is about to start is
    waited for."""
    if ORCHESTRATOR in sett_processes.running(_setts(options) / find(options)[0]):
        return True
    deadline = trio.current_time() + (_STARTS if options.board or os.environ.get("REDIS_URL") else 0)
    while not await board.locked(ORCHESTRATOR):
        if trio.current_time() > deadline:
            return False
        await board.wait(1.0)
    return True


async def _hoard(board: Board, options: Namespace) -> int:
    """List the artefacts that the options select."""
    wants = await wanted(board, options)
    for artefact in await board.artefacts():
        if wants.takes(artefact.created_at, artefact, artefact.produced_by_role):
            _show(artefact, options.json)
    return 0


async def _unearth(board: Board, options: Namespace) -> int:
    """Show one artefact with its versions and sources."""
    found = [a for a in await board.artefacts() if a.id.startswith(options.words[0])]
    if len(found) != 1:
        raise UsageError(f"there are {len(found)} artefacts whose id begins with `{options.words[0]}`")
    artefact = found[0]
    thread = await board.thread(artefact.logical_id)
    sources = [a for a in [await board.artefact(id) for id in artefact.source_artefacts] if a is not None]
    if options.json:
        whole = {
            "artefact": artefact.value(),
            "thread": [a.value() for a in thread],
            "sources": [a.value() for a in sources],
        }
        print(json.dumps(whole, ensure_ascii=False))
    else:
        sys.stdout.write(history(artefact, thread, sources))
    return 0


async def _questions(board: Board, options: Namespace) -> int:
    """List the open questions; wait for the first one if that is wanted."""
    while options.wait and not await board.questions():
        await board.wait(1.0)
    for question in await board.questions():
        _show(question, options.json)
    return 0


async def _answer(board: Board, options: Namespace) -> int:
    """Answer an open question."""
    found = [q for q in await board.questions() if q.id.startswith(options.words[0])]
    if len(found) != 1:
        raise UsageError(f"there are {len(found)} open questions whose id begins with `{options.words[0]}`")
    made = await board.answer(found[0].id, options.words[1])
    if made is None:
        raise UsageError("this question has just been answered")
    me, about = Peer.own(), found[0]
    entry = {"id": about.id, "program": about.produced_by_role, "question": about.payload, "answer": options.words[1]}
    write_down(Path(state_here(options).make(MAILBOX), ANSWERED), {**entry, "by": me.name}, me)
    _show(made, options.json)
    return 0


async def _logs(board: Board, options: Namespace) -> int:
    """Print the log of one role, or of all."""
    role = options.words[0] if options.words else ""
    known = await board.roles()
    if role and role not in known:
        if role == ORCHESTRATOR:
            return _orchestrator_log(options)
        raise UsageError(f"there is no agent `{role}` here; there are {', '.join([*known, ORCHESTRATOR])}")
    for entry in await board.logs(role):
        if options.json:
            print(json.dumps(entry, ensure_ascii=False))
            continue
        print(f"--- {entry['role']}, claim {entry['claim'][:8]}")
        for stream in ("stdout", "stderr"):
            if entry[stream].strip():
                print(f"{stream}: {entry[stream].rstrip()}")
        for remark in entry.get("remarks", []):
            print(f"cogc: {remark}")
    return 0


def _orchestrator_log(options: Namespace) -> int:
    """Print the log of an orchestrator that `cogc sett up` has started."""
    name = find(options)[0]
    path = _setts(options) / name / f"{ORCHESTRATOR}.log"
    if not path.is_file():
        raise UsageError(f"the orchestrator of `{name}` has no log here: `cogc sett up` keeps one")
    for said in path.read_text(encoding="utf-8", errors="replace").splitlines():
        print(json.dumps({"role": ORCHESTRATOR, "line": said}, ensure_ascii=False) if options.json else said)
    return 0


_ACT = {
    "forage": _forage, "watch": watch, "hoard": _hoard, "unearth": _unearth, "questions": _questions, "answer": _answer,
    "logs": _logs,
}  # fmt: skip


def _show(artefact: Artefact, as_json: bool) -> None:
    """Print an artefact as one line, or as JSON."""
    print(json.dumps(artefact.value(), ensure_ascii=False) if as_json else line(artefact), flush=True)

"""`cogc queue ACTION`: a task queue, that people, programs and other processes share.

put TITLE adds a task and prints its id; get claims the highest priority (exit code 3 if there is nothing); complete ID and
cancel ID end one; list shows them.
"""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace

import msgspec
import trio

from cogc.commands.options import duration
from cogc.commands.usage import UsageError
from cogc.tasks import Task, TaskQueue, open_queue, task

_WORDS = {"put": ("TITLE",), "get": (), "complete": ("ID",), "cancel": ("ID",), "list": ()}


def arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("action", choices=list(_WORDS))
    add("words", nargs="*", metavar="WORD", help="put TITLE; complete ID; cancel ID")
    add("--queue", default="tasks", metavar="NAME", help="which queue of the store (default: tasks)")
    add("--store", metavar="STORE", help="sqlite:PATH or redis://HOST:PORT (default: $REDIS_URL, else .cogc/queue.db)")
    add("--description", default="", metavar="TEXT", help="put: what is to be done")
    add(
        "--priority", choices=("low", "medium", "high", "critical"), help="put: default medium; list: of this one alone"
    )
    add("--assignee", metavar="AGENT", help="put: for this agent alone; get: its own; list: its own")
    add("--status", choices=("todo", "in_progress", "done", "cancelled"), help="list: of this one alone")
    add("--lease", default="5m", metavar="DURATION", help="get: how long it is the claimer's (default: 5m)")
    add("--token", type=int, metavar="N", help="complete: the claim's; refused if it is somebody else's by now")
    add("--json", action="store_true", help="print JSON, one object a line")


def run(options: Namespace) -> int:
    wanted = _WORDS[options.action]
    if len(options.words) != len(wanted):
        raise UsageError(f"`cogc queue {options.action}` takes {' '.join(wanted) or 'nothing'}")
    store = options.store or os.environ.get("REDIS_URL") or "sqlite:.cogc/queue.db"
    if store == "memory":
        raise UsageError("--store memory: a queue in memory is gone with this command")
    return trio.run(_main, options, store)


async def _main(options: Namespace, store: str) -> int:
    async with open_queue(store, options.queue) as queue:
        return await _do(queue, options)


async def _do(queue: TaskQueue, options: Namespace) -> int:
    if options.action == "put":
        made = await queue.put(
            task(options.words[0], options.description, options.priority or "medium", options.assignee)
        )
        print(json.dumps(_value(made)) if options.json else made.id)
        return 0
    if options.action == "get":
        claimed = await queue.get(
            options.assignee, f"pid {os.getppid()}", (duration(options.lease, "--lease") or 0) / 1e9
        )
        if claimed is not None:
            _show(claimed, options.json)
        return 0 if claimed is not None else 3
    if options.action == "list":
        for item in await queue.list(options.status, options.assignee, options.priority):
            _show(item, options.json)
        return 0
    id = options.words[0]
    ended = await (queue.complete(id, options.token) if options.action == "complete" else queue.cancel(id))
    if not ended:
        sys.stderr.write(
            f"cogc: there is no task {id} that is open{' and yours' if options.token is not None else ''}\n"
        )
    return 0 if ended else 3


def _value(item: Task) -> object:
    return msgspec.to_builtins(item)


def _show(item: Task, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_value(item), ensure_ascii=False))
        return
    whose = f"  {item.assignee_agent_id}" if item.assignee_agent_id else ""
    print(f"{item.id}  {item.status}  {item.priority}{whose}  {item.title}")

"""`cogc queue ACTION [NAME]`: a queue that people, programs and other processes share.

put adds work and prints its id; get claims the next piece (exit code 3 if there is nothing); complete ID and cancel ID end one;
list shows them; redrive makes dead ones free. A queue that a spec declares, and that a run has used, is found in its store by
its name: its items are JSON values. Any other name is a queue of tasks.
"""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from typing import Any

import msgspec
import trio

from cogc.commands.options import duration
from cogc.commands.usage import UsageError
from cogc.stores import open_store
from cogc.stores.values import Item, ValueQueue, is_announced
from cogc.tasks import Task, TaskQueue, open_queue, task

_WORDS = {"put": ("TITLE",), "get": (), "complete": ("ID",), "cancel": ("ID",), "list": (), "redrive": ()}

_ATTEMPTS = 3
_STATUSES = ("todo", "in_progress", "done", "cancelled", "dead")


def arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("action", choices=list(_WORDS))
    add("words", nargs="*", metavar="WORD", help="[NAME], then: put TITLE or VALUE; complete ID; cancel ID")
    add(
        "--queue",
        default="tasks",
        metavar="NAME",
        help="which queue of the store (default: tasks); also as the word NAME",
    )
    add("--store", metavar="STORE", help="sqlite:PATH or redis://HOST:PORT (default: $REDIS_URL, else .cogc/queue.db)")
    add("--description", default="", metavar="TEXT", help="put: what is to be done")
    add(
        "--priority",
        choices=("low", "medium", "high", "critical"),
        help="put: default medium; get, list: of this one alone",
    )
    add("--assignee", metavar="AGENT", help="put: for this agent alone; get: its own; list: its own")
    add("--status", choices=_STATUSES, help="get, list: of this one alone")
    add("--lease", default="5m", metavar="DURATION", help="get: how long it is the claimer's (default: 5m)")
    add("--token", type=int, metavar="N", help="complete: the claim's; refused if it is somebody else's by now")
    add("--json", action="store_true", help="print JSON, one object a line")


def run(options: Namespace) -> int:
    wanted = _WORDS[options.action]
    if len(options.words) == len(wanted) + 1:
        options.queue = options.words.pop(0)
    if len(options.words) != len(wanted):
        raise UsageError(f"`cogc queue {options.action}` takes {' '.join(('[NAME]', *wanted))}")
    if options.action == "get" and options.status in ("done", "cancelled", "dead"):
        raise UsageError(f"get --status {options.status}: what is {options.status} cannot be claimed")
    store = options.store or os.environ.get("REDIS_URL") or "sqlite:.cogc/queue.db"
    if store == "memory":
        raise UsageError("--store memory: a queue in memory is gone with this command")
    return trio.run(_main, options, store)


async def _main(options: Namespace, store: str) -> int:
    async with open_store(store, "queue:") as found:
        if await is_announced(found, options.queue):
            return await _do_values(ValueQueue(found, options.queue, _lease(options), _ATTEMPTS), options)
    async with open_queue(store, options.queue) as queue:
        return await _do(queue, options)


def _lease(options: Namespace) -> float:
    return (duration(options.lease, "--lease") or 0) / 1e9


# ---- queues of the language ----------------------------------------------------------------------------------


async def _do_values(queue: ValueQueue, options: Namespace) -> int:
    if options.priority or options.assignee or options.description:
        raise UsageError(f"`{queue.name}` is a queue of values: it has no priorities, assignees and descriptions")
    match options.action:
        case "put":
            print(await queue.put(_json(options.words[0])))
            return 0
        case "list":
            for item in await queue.items():
                if options.status in (None, item.status):
                    _show_item(item, options.json)
            return 0
        case "redrive":
            print(await queue.redrive())
            return 0
        case "get":
            return await _get_item(queue, options)
        case _:
            return _ended(await queue.remove(options.words[0], options.token), options)


async def _get_item(queue: ValueQueue, options: Namespace) -> int:
    if options.status == "in_progress":
        raise UsageError("get --status in_progress: an item of a queue of values is claimed by one at a time")
    claimed = await queue.claim()
    if claimed is None:
        return 3
    _show_item(Item(claimed["id"], "in_progress", claimed["value"], claimed["token"], claimed["token"]), options.json)
    return 0


def _json(text: str) -> Any:
    """Return the value of a JSON text, or the text itself where it is none."""
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return text


def _show_item(item: Item, as_json: bool) -> None:
    if as_json:
        print(json.dumps(msgspec.to_builtins(item), ensure_ascii=False))
    else:
        print(f"{item.id}  {item.status}  token {item.token}  {json.dumps(item.value, ensure_ascii=False)}")


# ---- tasks ---------------------------------------------------------------------------------------------------


async def _do(queue: TaskQueue, options: Namespace) -> int:
    if options.action == "put":
        made = await queue.put(
            task(options.words[0], options.description, options.priority or "medium", options.assignee)
        )
        print(json.dumps(_value(made)) if options.json else made.id)
        return 0
    if options.action == "get":
        claimed = await queue.get(
            options.assignee, f"pid {os.getppid()}", _lease(options), options.priority, options.status
        )
        if claimed is not None:
            _show(claimed, options.json)
        return 0 if claimed is not None else 3
    if options.action == "list":
        for item in await queue.list(options.status, options.assignee, options.priority):
            _show(item, options.json)
        return 0
    if options.action == "redrive":
        raise UsageError(f"`{options.queue}` is a queue of tasks: a task is never dead")
    id = options.words[0]
    ended = await (queue.complete(id, options.token) if options.action == "complete" else queue.cancel(id))
    return _ended(ended, options)


def _ended(ended: bool, options: Namespace) -> int:
    if not ended:
        whose = " and yours" if options.token is not None else ""
        sys.stderr.write(f"cogc: there is no task {options.words[0]} that is open{whose}\n")
    return 0 if ended else 3


def _value(item: Task) -> object:
    return msgspec.to_builtins(item)


def _show(item: Task, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_value(item), ensure_ascii=False))
        return
    whose = f"  {item.assignee_agent_id}" if item.assignee_agent_id else ""
    print(f"{item.id}  {item.status}  {item.priority}{whose}  {item.title}")

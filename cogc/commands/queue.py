"""`cogc queue ACTION [NAME] ...`: use a queue that several processes share.

    put [NAME] TITLE        add a task (or a value) and print its id
    get [NAME]              claim the next one; exit code 3 if there is none
    complete [NAME] ID      complete a claimed task
    cancel [NAME] ID        cancel a task
    list [NAME]             list what the queue holds
    show [NAME] ID          show one task, or one item and its last failure
    redrive [NAME]          make the dead items of a queue of values free again

A queue that a spec declares, and that a run has used, is found in its store
by its name: its items are JSON values. Any other name is a queue of tasks.

Exit codes: 0 done; 2 the command line is wrong; 3 the queue holds no such
task, or none that can be claimed.
"""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from cogc.commands import interrupts
from cogc.commands.options import duration, words
from cogc.commands.state import add_state
from cogc.commands.usage import UsageError
from cogc.diagnostics.visible import visible_line
from cogc.disk.state_folder import here
from cogc.language.codec import packed, unpacked
from cogc.language.values import plain
from cogc.run.claims import QUEUES
from cogc.stores import open_store
from cogc.stores.values import Item, ValueQueue, is_announced
from cogc.tasks import IdTaken, Task, TaskQueue, open_queue, task

T = TypeVar("T")

_ONE = ("ID",)
_WORDS = {"put": ("TITLE",), "get": (), "complete": _ONE, "cancel": _ONE, "list": (), "show": _ONE, "redrive": ()}

_ATTEMPTS = 3
_STATUSES = ("todo", "in_progress", "done", "cancelled", "dead")


def arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("action", metavar="ACTION", choices=list(_WORDS), help="what to do")
    add("words", nargs="*", metavar="WORD", help="the words of the action, as listed above")
    add("--queue", default="tasks", metavar="NAME", help="name of the queue, if no word names it (default: tasks)")
    add(
        "--store",
        metavar="STORE",
        help=f"store of the queue: sqlite:PATH or redis://HOST:PORT (default: $REDIS_URL, else {QUEUES} in the state folder)",
    )
    add_state(parser)
    add("--id", metavar="ID", help="put: id of the task (default: a new one); one that is taken is refused")
    add("--description", default="", metavar="TEXT", help="put: describe the task (default: nothing)")
    add(
        "--priority",
        choices=("low", "medium", "high", "critical"),
        help="put: priority of the task (default: medium); get, list: only tasks of this priority",
    )
    add(
        "--assignee",
        metavar="AGENT",
        help="put: agent that alone may claim the task; get: agent that claims; list: only tasks of this agent",
    )
    add("--status", choices=_STATUSES, help="get, list: only tasks with this status")
    add(
        "--lease",
        default="5m",
        metavar="DURATION",
        help="get: time after which others may claim the task, if it is not completed (default: 5m)",
    )
    add(
        "--token",
        type=int,
        metavar="N",
        help="complete, cancel: token of the claim (see get --json); nothing is ended if it was claimed again since",
    )
    add("--json", action="store_true", help="print JSON, one object a line")


def run(options: Namespace) -> int:
    wanted = _WORDS[options.action]
    if len(options.words) == len(wanted) + 1:
        options.queue = options.words.pop(0)
    if len(options.words) != len(wanted):
        raise UsageError(f"`cogc queue {options.action}` takes {' '.join(('[NAME]', *wanted))}")
    if options.action == "get" and options.status in ("done", "cancelled", "dead"):
        raise UsageError(f"get --status {options.status}: a task that is {options.status} cannot be claimed")
    store = options.store or os.environ.get("REDIS_URL") or f"sqlite:{here(options.state).file(QUEUES)}"
    if store == "memory":
        raise UsageError("--store memory: a queue in memory ends with this command")
    return interrupts.run(_main, options, store)


async def _main(options: Namespace, store: str) -> int:
    async with open_store(store, "queue:") as found:
        if await is_announced(found, options.queue):
            return await _do_values(ValueQueue(found, options.queue, _lease(options), _ATTEMPTS), options)
    async with open_queue(store, options.queue) as queue:
        return await _do(queue, options)


def _lease(options: Namespace) -> float:
    """Return the lease in seconds."""
    return (duration(options.lease, "--lease", above_zero=True) or 0) / 1e9


# ---- queues of the language ----------------------------------------------------------------------------------


async def _do_values(queue: ValueQueue, options: Namespace) -> int:
    """Carry out the action on a queue of values. Return the exit code."""
    if options.priority or options.assignee or options.description or options.id:
        raise UsageError(f"`{queue.name}` is a queue of values: it has no priorities, assignees, descriptions and ids")
    match options.action:
        case "put":
            print(await queue.put(packed(words(options.words[0], "the item"))))
            return 0
        case "list":
            items = [item for item in await queue.items() if options.status in (None, item.status)]
            return _show_all(items, _show_item, options)
        case "show":
            return await _show_one(queue, options.words[0], options)
        case "redrive":
            print(await queue.redrive())
            return 0
        case "get":
            return await _get_item(queue, options)
        case _:
            return _ended(await queue.remove(options.words[0], options.token), options)


async def _get_item(queue: ValueQueue, options: Namespace) -> int:
    """Claim an item and print it. Return the exit code."""
    if options.status == "in_progress":
        raise UsageError("get --status in_progress: an item of a queue of values is claimed by one at a time")
    claimed = await queue.claim()
    return 3 if claimed is None else await _show_one(queue, claimed["id"], options)


async def _show_one(queue: ValueQueue, id: str, options: Namespace) -> int:
    """Print the item with an id. Return the exit code."""
    item = await queue.item(id)
    if item is None:
        return _none(id, options)
    _show_item(item, options.json)
    return 0


def _show_item(item: Item, as_json: bool) -> None:
    """Print an item of a queue of values."""
    value, failure = plain(unpacked(item.value)), plain(unpacked(item.failure))
    if as_json:
        shown = msgspec.structs.replace(item, value=value, failure=failure)
        print(json.dumps(msgspec.to_builtins(shown), ensure_ascii=False))
        return
    print(f"{item.id}  {item.status}  token {item.token}  {json.dumps(value, ensure_ascii=False)}")
    if failure is not None:
        attempts = "1 attempt" if item.tries == 1 else f"{item.tries} attempts"
        since = f" since redrive {item.redriven}" if item.redriven else ""
        whose = f" ({failure['path']})" if failure["path"] else ""
        why = f"{failure['kind']}: {failure['message']}{whose}"
        print(visible_line(f"  {attempts}{since}, last failure at {failure['at']}: {why}"))


# ---- tasks ---------------------------------------------------------------------------------------------------


async def _do(queue: TaskQueue, options: Namespace) -> int:
    """Carry out the action on a queue of tasks. Return the exit code."""
    if options.action == "put":
        new = task(
            options.words[0], options.description, options.priority or "medium", options.assignee, options.id or ""
        )
        try:
            made = await queue.put(new)
        except IdTaken as taken:
            raise UsageError(f"--id: {taken}") from None
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
        tasks = await queue.list(options.status, options.assignee, options.priority)
        return _show_all(tasks, _show, options)
    if options.action == "show":
        found = next((t for t in await queue.list(None, None, None) if t.id == options.words[0]), None)
        if found is None:
            return _none(options.words[0], options)
        _show(found, options.json)
        return 0
    if options.action == "redrive":
        raise UsageError(f"`{options.queue}` is a queue of tasks: a task is never dead")
    if options.action == "cancel" and options.token is not None:
        raise UsageError(
            f"`{options.queue}` is a queue of tasks: `cancel` ends a task, whoever has claimed it, and takes no --token"
        )
    id = options.words[0]
    ended = await (queue.complete(id, options.token) if options.action == "complete" else queue.cancel(id))
    return _ended(ended, options)


def _show_all(found: Sequence[T], show: Callable[[T, bool], None], options: Namespace) -> int:
    """Print the items of a list, or say that it is empty. Return the exit code."""
    if not found:
        narrow = any((options.status, options.assignee, options.priority))
        sys.stderr.write(f"cogc: the queue `{options.queue}` has no {'such ' if narrow else ''}item\n")
    for item in found:
        show(item, options.json)
    return 0


def _none(id: str, options: Namespace) -> int:
    """Say that the queue has no item with an id. Return the exit code."""
    sys.stderr.write(f"cogc: the queue `{options.queue}` has no item {visible_line(id)}\n")
    return 3


def _ended(ended: bool, options: Namespace) -> int:
    """Report a task that could not be completed or cancelled. Return the exit code."""
    if not ended:
        claim = f" with the token {options.token}" if options.token is not None else ""
        sys.stderr.write(f"cogc: there is no open task {options.words[0]}{claim}\n")
    return 0 if ended else 3


def _value(item: Task) -> object:
    return msgspec.to_builtins(item)


def _show(item: Task, as_json: bool) -> None:
    """Print a task."""
    if as_json:
        print(json.dumps(_value(item), ensure_ascii=False))
        return
    whose = f"  {item.assignee_agent_id}" if item.assignee_agent_id else ""
    print(f"{item.id}  {item.status}  {item.priority}{whose}  {item.title}")

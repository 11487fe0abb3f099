"""`cogc agents [ACTION ...]`: show and steer the agents of a running system.

    list                    list the agents (the default)
    status ID               show one agent
    wait ID                 wait until an agent has ended, and show its result
    cancel ID               cancel an agent
    pause ID, resume ID     hold an agent before its next request or tool call
    detach ID               let an agent go on in the background, so that the
                            agent that started it does not wait for it
    send ID MESSAGE         give an agent a message
    spawn ID AGENT QUERY    let an agent start another one

Exit codes: 0 done; 2 there is no such run or agent, or the agent refuses.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from cogc.commands.state import add_state, state_here
from cogc.language.values import shorten
from cogc.run.control_client import ask, socket_of

_ACTIONS = {
    "list": (), "status": ("ID",), "wait": ("ID",), "cancel": ("ID",), "pause": ("ID",), "resume": ("ID",), "detach": ("ID",),
    "send": ("ID", "MESSAGE"), "spawn": ("ID", "AGENT", "QUERY"),
}  # fmt: skip


def arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("action", nargs="?", default="list", choices=list(_ACTIONS), help="what to do (default: list)")
    add("words", nargs="*", metavar="WORD", help="the words of the action, as listed above")
    add("--run", metavar="ID", help="id of the run (default: the only one of this project that goes on)")
    add(
        "--registry",
        metavar="STORE",
        help="list: show the agents of all runs in a registry, sqlite:PATH or redis://HOST:PORT, instead of those of one run",
    )
    add("--role", metavar="NAME", help="list: show only agents of this declaration")
    add("--status", choices=("idle", "running", "stopped"), help="list: show only agents with this status")
    add("--parent", metavar="ID", help="list: show only agents that this agent has started")
    add("--json", action="store_true", help="print JSON")
    add_state(parser)


def run(options: Namespace) -> int:
    wanted = _ACTIONS[options.action]
    if len(options.words) != len(wanted):
        return _refuse(f"`cogc agents {options.action}` takes {' '.join(wanted) or 'nothing'}")
    if options.registry:
        return _registered(options)
    try:
        path = socket_of(state_here(options), options.run)
    except LookupError as error:
        return _refuse(str(error.args[0]))
    named = dict(zip(("id", *(w.lower() for w in wanted[1:])), options.words, strict=False))
    filters = (
        {"role": options.role, "status": options.status, "parent": options.parent} if options.action == "list" else {}
    )
    try:
        answer = ask(path, {"action": options.action, **named, **filters})
    except OSError as error:
        return _refuse(str(error))
    if "error" in answer:
        return _refuse(answer["error"])
    _show(answer["ok"], options.json)
    return 0


def _registered(options: Namespace) -> int:
    """Show the agents of a registry that several runs share."""
    # imported here, since without --registry the command needs no store and starts in a tenth of the time
    from cogc.commands import interrupts
    from cogc.stores.registry import open_registry

    async def found() -> list[Any]:
        async with open_registry(options.registry) as registry:
            return list(await registry.list(options.role, options.status, options.parent))

    try:
        _show([{**r, "state": r["status"]} for r in interrupts.run(found)], options.json)
    except ConnectionError as error:
        return _refuse(str(error))
    return 0


def _refuse(why: str) -> int:
    """Print why a command is refused, and return the exit code 2."""
    sys.stderr.write(f"cogc: {why}\n")
    return 2


def _show(found: Any, as_json: bool) -> None:
    """Print agents: one a line, or as JSON. A single agent is printed with its result."""
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    if found == []:
        print("no agents")
    for agent in found if isinstance(found, list) else [found]:
        query = shorten(agent["query"]) if "query" in agent else ""
        about = [agent.get("role") or agent.get("agent", ""), agent.get("state", ""), query]
        print("  ".join([agent.get("agent_id") or agent.get("id", ""), *(a for a in about if a)]))
        result = agent.get("result")
        if result is not None and not isinstance(found, list):
            print(json.dumps(result["output"] if result["success"] else {"error": result["error"]}, ensure_ascii=False))

"""`cogc agents [ACTION ID ...]`: see and steer the agents of a run under way (`cogc run --control`).

Exit codes: 0; 2 if there is no such run or agent, or the agent does not take this.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from cogc.run.door import ask, the_door

_ACTIONS = {
    "list": (), "status": ("ID",), "wait": ("ID",), "cancel": ("ID",), "pause": ("ID",), "resume": ("ID",), "detach": ("ID",),
    "send": ("ID", "MESSAGE"), "spawn": ("ID", "AGENT", "QUERY"),
}  # fmt: skip


def arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("action", nargs="?", default="list", choices=list(_ACTIONS), help="default: list")
    add("words", nargs="*", metavar="ID ...", help="an agent's id; send: ID MESSAGE; spawn: ID AGENT QUERY")
    add("--run", metavar="RUN", help="which run, where several are under way here")
    add("--registry", metavar="STORE", help="list: the agents of all runs that are shown in this registry")
    add("--role", metavar="NAME", help="list: agents of this declaration alone")
    add("--status", choices=("idle", "running", "stopped"), help="list: agents of this status alone")
    add("--json", action="store_true", help="print JSON")


def run(options: Namespace) -> int:
    wanted = _ACTIONS[options.action]
    if len(options.words) != len(wanted):
        return _refuse(f"`cogc agents {options.action}` takes {' '.join(wanted) or 'nothing'}")
    if options.registry:
        return _registered(options)
    try:
        path = the_door(options.run)
    except LookupError as error:
        return _refuse(str(error.args[0]))
    named = dict(zip(("id", *(w.lower() for w in wanted[1:])), options.words, strict=False))
    filters = {"role": options.role, "status": options.status} if options.action == "list" else {}
    try:
        answer = ask(path, {"action": options.action, **named, **filters})
    except OSError as error:
        return _refuse(str(error))
    if "error" in answer:
        return _refuse(answer["error"])
    _show(answer["ok"], options.json)
    return 0


def _registered(options: Namespace) -> int:
    """The agents of a registry that several runs share."""
    # imported here, since without --registry the command needs no store and starts in a tenth of the time
    import trio

    from cogc.stores.registry import open_registry

    async def found() -> list[Any]:
        async with open_registry(options.registry) as registry:
            return list(await registry.list(options.role, options.status))

    if options.action != "list":
        return _refuse("--registry is for list")
    try:
        _show([{**r, "state": r["status"]} for r in trio.run(found)], options.json)
    except ConnectionError as error:
        return _refuse(str(error))
    return 0


def _refuse(why: str) -> int:
    sys.stderr.write(f"cogc: {why}\n")
    return 2


def _show(found: Any, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    if found == []:
        print("no agents")
    for agent in found if isinstance(found, list) else [found]:
        about = [agent.get("role") or agent.get("agent", ""), agent.get("state", ""), agent.get("query", "")]
        print("  ".join([agent.get("agent_id") or agent.get("id", ""), *(a for a in about if a)]))
        result = agent.get("result")
        if result is not None and not isinstance(found, list):
            print(json.dumps(result["output"] if result["success"] else {"error": result["error"]}, ensure_ascii=False))

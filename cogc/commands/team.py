"""`cogc team [ACTION ...]`: show and steer a team of a running system.

    status                    show what each member does (the default)
    history                   show all messages between members
    inbox MEMBER              show the messages to a member
    outbox MEMBER             show the messages of a member
    send TO MESSAGE           send a message to a member, several (a,b) or all
    pause [MEMBER]            hold members before their next request or tool
    resume [MEMBER]           let them go on
    clear                     forget the messages
    cancel                    end the task; work in the background goes on
    stop                      end the task and all work in the background

A MEMBER is a name (lead, Developer-1), a role, or `all` (the default).

Exit codes: 0 done; 2 there is no such run, team or member.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from cogc.commands.state import add_state, state_here
from cogc.commands.usage import UsageError
from cogc.language.texts import MARK
from cogc.run.control_client import ask, socket_of
from cogc.run.team_status import team_line

_ACTIONS = {
    "status": (), "history": (), "inbox": ("MEMBER",), "outbox": ("MEMBER",), "send": ("TO", "MESSAGE"), "pause": ("[MEMBER]",),
    "resume": ("[MEMBER]",), "clear": (), "cancel": (), "stop": (),
}  # fmt: skip


def arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    known = list(_ACTIONS)
    add("action", nargs="?", default="status", choices=known, metavar="ACTION", help="what to do, as listed above")
    add("words", nargs="*", metavar="WORD", help="the words of the action, as listed above")
    add("--run", metavar="ID", help="id of the run (default: the only one of this project that goes on)")
    add("--team", metavar="PATH", help="path of the team (default: the only one of the run)")
    add("--json", action="store_true", help="print JSON")
    add_state(parser)


def run(options: Namespace) -> int:
    wanted = _ACTIONS[options.action]
    least = sum(not w.startswith("[") for w in wanted)
    if not least <= len(options.words) <= len(wanted):
        raise UsageError(f"`cogc team {options.action}` takes {' '.join(wanted) or 'nothing'}")
    try:
        path = socket_of(state_here(options), options.run)
    except LookupError as error:
        raise UsageError(str(error.args[0])) from None
    team = _team(_ask(path, {"action": "teams"}), options.team)
    members = ["lead", *(m["name"] for m in team["states"][f"{MARK}members"])]
    roles = [m["role"] for m in team["states"][f"{MARK}members"]]
    if options.action in ("status", "history", "inbox", "outbox"):
        _show(team, options, members)
        return 0
    data = _command(options)
    named = data.get("to", data.get("member", "all"))
    for name in named if isinstance(named, list) else [named]:
        known = [*members, "all", *(roles if "member" in data else [])]
        if name not in known:
            raise UsageError(f"the team has no {name}; it has {', '.join(members)}")
    _ask(path, {"action": "guide", "id": team["path"], "data": data})
    return 0


def _command(options: Namespace) -> dict[str, Any]:
    """Return the command of the team that an action stands for."""
    if options.action == "send":
        to = options.words[0].split(",")
        return {"command": "send", "to": to if len(to) > 1 else to[0], "message": options.words[1], "sender": "user"}
    if options.action in ("clear", "cancel", "stop"):
        return {"command": options.action}
    return {"command": options.action, "member": options.words[0] if options.words else "all"}


def _ask(path: Path, request: dict[str, Any]) -> Any:
    """Return the answer of the run. Raise UsageError if the run refuses, or has ended."""
    answer = ask(path, request)
    if "error" in answer:
        raise UsageError(answer["error"])
    return answer["ok"]


def _team(found: list[dict[str, Any]], path: str | None) -> dict[str, Any]:
    """Return the team that is meant. Raise UsageError if there is none, or more than one without a name."""
    known = ", ".join(t["path"] for t in found) or "none"
    if path is None and len(found) != 1:
        raise UsageError(f"name a team with --team; there is {known}")
    team = next((t for t in found if path in (None, t["path"])), None)
    if team is None:
        raise UsageError(f"there is no team {path}; there is {known}")
    return team


def _show(team: dict[str, Any], options: Namespace, members: list[str]) -> None:
    """Print the status or the messages of a team."""
    states = team["states"]
    if options.action == "status":
        status = {
            "path": team["path"], "state": states[f"{MARK}state"], "task": states[f"{MARK}task"], "messages": len(states[f"{MARK}messages"]),
            "workers": states[f"{MARK}members"],
        }  # fmt: skip
        print(json.dumps(status, ensure_ascii=False) if options.json else _status(status))
        return
    messages = states[f"{MARK}messages"]
    if options.action != "history":
        member = options.words[0]
        if member not in [*members, "user"]:
            raise UsageError(f"the team has no {member}; it has {', '.join(members)}")
        key = "to" if options.action == "inbox" else "from"
        messages = [m for m in messages if member == m[key] or (key == "to" and member in m["to"])]
    for m in messages:
        line = f"{m['at']}  {m['from']} -> {', '.join(m['to'])}: {m['content']}"
        print(json.dumps(m, ensure_ascii=False) if options.json else line)


def _status(status: dict[str, Any]) -> str:
    return f"{status['path']}  {team_line(status)}"

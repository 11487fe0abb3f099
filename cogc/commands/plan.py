"""`cogc plan [ACTION ...]`: list, show and decide on the plans of this project.

    list                          list the plans (the default)
    show ID                       show a plan with its steps and results
    approve ID                    let a drafted plan be carried out
    reject ID [WHY]               end a plan
    replan ID HOW                 let its planner make the steps anew
    cancel ID [WHY]               end a plan

The run that holds the plan takes the decision itself, and asks who gives it.
Without such a run the decision is stored, and the next `cogc run` continues
from there.

Exit codes: 0 done; 2 there is no such plan, the decision comes too late, or
the run that holds the plan refuses it.
"""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import trio

from cogc.commands import interrupts
from cogc.commands.state import add_state, state_here
from cogc.commands.usage import UsageError, pair
from cogc.language.codec import unpacked
from cogc.language.values import plain
from cogc.run.peers import Peer
from cogc.run.plan_door import FOLDER, asked_by, decide_over, record
from cogc.run.plans import PLANS, show
from cogc.stores.plans import Held, Plan, PlanStore, open_plans

_TRIES, _PAUSE = 20, 0.2
"""How often a run that holds a plan is asked, and the seconds between: one that ends lets go of it soon."""

_WORDS = {
    "list": (), "show": ("ID",), "approve": ("ID",), "reject": ("ID", "[WHY]"), "replan": ("ID", "HOW"), "cancel": ("ID", "[WHY]"),
}  # fmt: skip


def arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("action", nargs="?", default="list", choices=list(_WORDS), help="what to do (default: list)")
    add("words", nargs="*", metavar="WORD", help="the words of the action, as listed above")
    add(
        "--plans",
        metavar="STORE",
        help=f"store of the plans: sqlite:PATH or redis://HOST:PORT (default: {PLANS} in the state folder)",
    )
    add_state(parser)
    add("--user", metavar="NAME", help="list: show only plans of this user")
    add("--topic", metavar="NAME", help="list: show only plans of this topic")
    add(
        "--status",
        choices=("draft", "approved", "executing", "completed", "cancelled"),
        help="list: show only plans with this status",
    )
    add(
        "--by",
        metavar="NAME",
        help="approve, reject, replan, cancel: name of the person who decides (default: that of the user)",
    )
    add("--drop", action="append", default=[], metavar="STEP", help="approve: leave this step out; may be repeated")
    add(
        "--task",
        action="append",
        default=[],
        metavar="STEP=TEXT",
        help="approve: give a step that the planner made another task; may be repeated",
    )
    add("--json", action="store_true", help="print JSON, one object a line")


def run(options: Namespace) -> int:
    wanted = _WORDS[options.action]
    least = sum(not w.startswith("[") for w in wanted)
    if not least <= len(options.words) <= len(wanted):
        raise UsageError(f"`cogc plan {options.action}` takes {' '.join(wanted) or 'nothing'}")
    if options.plans == "memory":
        raise UsageError("--plans memory: plans in memory end with their run")
    return interrupts.run(_main, options, options.plans or _own(options))


def _own(options: Namespace) -> str:
    """Return the store of the project's plans; one in memory where no run has kept any."""
    path = state_here(options).at(PLANS)
    return f"sqlite:{path}" if os.path.isfile(path) else "memory"


async def _main(options: Namespace, name: str) -> int:
    async with open_plans(name) as store:
        if options.action == "list":
            plans = await store.list(options.user, options.topic, options.status)
            if not plans:
                sys.stderr.write("cogc: there is no such plan\n" if _is_narrow(options) else "cogc: there is no plan\n")
            for plan in plans:
                print(_json(plan) if options.json else _line(plan))
            return 0
        found = await store.load(options.words[0])
        if found is None:
            raise UsageError(f"there is no plan {options.words[0]}")
        if options.action != "show":
            found = await _decide(store, found, options)
        _show(found, options)
    return 0


def _is_narrow(options: Namespace) -> bool:
    """Return whether a list is asked for that leaves plans out."""
    return any((options.user, options.topic, options.status))


async def _decide(store: PlanStore, plan: Plan, options: Namespace) -> Plan:
    """Decide on a plan and return it. Raise UsageError if the decision is refused."""
    request: dict[str, Any] = {"action": options.action, "plan": plan["id"], "by": options.by}
    if len(options.words) > 1:
        request["feedback"] = options.words[1]
    if options.action == "approve":
        request.update(drop=options.drop, tasks=dict(pair(t, "--task") for t in options.task))
    try:
        for _ in range(_TRIES):
            try:
                return await _stored(store, request, options)
            except Held as held:
                if await trio.to_thread.run_sync(decide_over, held.owner, request, abandon_on_cancel=True):
                    return await store.load(plan["id"]) or plan
            await trio.sleep(_PAUSE)
    except ValueError as error:
        raise UsageError(str(error)) from None
    raise UsageError(f"the run that holds plan {plan['id']} does not answer: it may be about to end")


async def _stored(store: PlanStore, request: dict[str, Any], options: Namespace) -> Plan:
    """Decide on a plan that no run holds. Raise ValueError if that is refused, Held if a run holds it."""
    me = Peer.own()
    asked = asked_by(me, request)
    plan = await store.decide(request["plan"], asked)
    record(Path(state_here(options).make(FOLDER)), request["plan"], asked, me)
    return plan


def _json(stored: object) -> str:
    """Return a stored value, as JSON for people and programs."""
    return json.dumps(plain(unpacked(stored)), ensure_ascii=False)


def _line(plan: Plan) -> str:
    """Return a plan as one line."""
    done = sum(s["status"] == "completed" for s in plan["steps"])
    goal = " ".join(plan["goal"].split())
    return f"{plan['id']}  {plan['status']}  {done}/{len(plan['steps'])}  {plan['user']}/{plan['topic']}  {goal[:80]}"


def _show(plan: Plan, options: Namespace) -> None:
    """Print a plan with its approval and the results of its steps."""
    if options.json:
        print(_json(plan))
        return
    print(show(plan))
    if plan["approval"]:
        changes = f", {'; '.join(plan['approval']['changes'])}" if plan["approval"]["changes"] else ""
        by, user = plan["approval"]["by"], plan["approval"].get("user", "")
        who = f"{by} as {user}" if user not in ("", by) else by
        print(f"  approved by {who} ({plan['approval']['source']}){changes}")
    if plan["reason"]:
        print(f"  {plan['status']}: {plan['reason']}")
    for s in plan["steps"]:
        if s["result"] is not None:
            shown = s["result"] if isinstance(s["result"], str) else _json(s["result"])
            print(f"--- {s['id']}\n{shown}")

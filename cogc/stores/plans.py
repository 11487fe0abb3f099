"""Plans that outlive their run: kept by user and topic, and decided on by people while no run has them.

A plan is a record `{id, name, user, topic, goal, status, steps, approval, feedback, reason, redraw, spec, parameters,
planner, created_at}`. Its status is draft, approved, executing, completed or cancelled; `redraw` is true while its steps
have to be made anew. A step is `{id, task, by, after, dod, status, result, error, kind, attempts, findings, ...}`; its
status is pending, in_progress, completed, failed or skipped. An approval is `{source, by, user, at, changes}`: `by`
is the name that was said, `user` the one that the kernel knows the person's process by.

One run at a time holds a plan: the record `runner:ID` names its process (`stores/owner.py`) and its door, the socket over
which that run takes decisions (`run/plan_door.py`). Without a living run a decision is applied to the record at once.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from cogc.language.values import Time, time_text
from cogc.stores import open_store
from cogc.stores.base import Store, Tx
from cogc.stores.owner import alive, owner

OPEN = ("draft", "approved", "executing")
OVER = ("completed", "cancelled")

Record = dict[str, Any]
Plan = Record
Step = Record
Decision = Record
"""JSON records: the fields of a plan and of a step are listed above, those of a decision depend on its `action`."""


class Held(Exception):
    """A plan is held by a run, which alone takes decisions about it. `owner` is the record of its process, with its `door`."""

    def __init__(self, id: str, owner: Record) -> None:
        super().__init__(f"plan {id} is held by process {owner['pid']} on {owner['host']}")
        self.owner = owner


@asynccontextmanager
async def open_plans(name: str) -> AsyncIterator[PlanStore]:
    """Open the plans of a store; raise ConnectionError if there is no such store or it cannot be reached."""
    async with open_store(name, "plans:") as store:
        yield PlanStore(store)


class PlanStore:
    """Plans over a store. `new_id` gives the part of a plan's id behind its name. `door` is where the plans that this
    process holds are decided on; nothing where they cannot be."""

    def __init__(self, store: Store, new_id: Callable[[], str] = lambda: uuid.uuid4().hex[:6]) -> None:
        self.store = store
        self.new_id = new_id
        self.door = ""

    def _owner(self, now: float) -> Record:
        return {**owner(now), "door": self.door}

    async def save(self, plan: Plan) -> None:
        """Write a plan, whether it is new or known."""

        async def work(tx: Tx) -> None:
            if await tx.get(f"plan:{plan['id']}") is None:
                tx.add("plans", plan["id"], plan["created_at"])
            tx.put(f"plan:{plan['id']}", plan)
            tx.publish("plan_events", plan["id"])

        await self.store.transact(work)

    async def load(self, id: str) -> Plan | None:
        """Return a plan by its id, or None."""

        async def work(tx: Tx) -> Plan | None:
            found: Plan | None = await tx.get(f"plan:{id}")
            return found

        return await self.store.transact(work)

    async def list(self, user: str | None = None, topic: str | None = None, status: str | None = None) -> list[Plan]:
        """Return the plans of a user, a topic and a status, the oldest first."""

        async def work(tx: Tx) -> list[Plan]:
            found = [await tx.get(f"plan:{id}") for id in await tx.members("plans")]
            return [
                p
                for p in found
                if p is not None
                and user in (None, p["user"])
                and topic in (None, p["topic"])
                and status in (None, p["status"])
            ]

        return await self.store.transact(work)

    # ---- the run that holds a plan ---------------------------------------------------------------------------

    async def begin(self, plan: Plan, again: bool = True) -> tuple[Plan, bool]:
        """Continue an unfinished plan of the same name, goal, user and topic that no living run holds, else begin a new one.

        Steps that were in progress become pending. Return the plan, and whether it is a continued one.
        """
        now = await self.store.now()

        async def work(tx: Tx) -> tuple[Plan, bool]:
            for id in await tx.members("plans") if again else ():
                known = await tx.get(f"plan:{id}")
                if known is not None and _same(known, plan) and not alive(await tx.get(f"runner:{id}"), now):
                    for s in known["steps"]:
                        if s["status"] == "in_progress":
                            s["status"] = "pending"
                    tx.put(f"plan:{id}", known)
                    tx.put(f"runner:{id}", self._owner(now))
                    return known, True
            made = {**plan, "id": f"{plan['name']}-{self.new_id()}", "created_at": now}
            tx.put(f"plan:{made['id']}", made)
            tx.add("plans", made["id"], now)
            tx.put(f"runner:{made['id']}", self._owner(now))
            return made, False

        return await self.store.transact(work)

    async def hold(self, id: str) -> None:
        """Renew the claim of this process on a plan."""
        now = await self.store.now()

        async def work(tx: Tx) -> None:
            tx.put(f"runner:{id}", self._owner(now))

        await self.store.transact(work)

    async def let_go(self, id: str) -> None:
        """Give up the claim of this process on a plan."""

        async def work(tx: Tx) -> None:
            tx.delete(f"runner:{id}")

        await self.store.transact(work)

    # ---- decisions -----------------------------------------------------------------------------------------------

    async def decide(self, id: str, asked: Decision) -> Plan:
        """Decide on a plan that no run holds, and return it. Raise ValueError if that is refused, Held if a run holds it."""
        now = await self.store.now()

        async def work(tx: Tx) -> Plan:
            plan = await tx.get(f"plan:{id}")
            if plan is None:
                raise ValueError(f"there is no plan {id}")
            held = await tx.get(f"runner:{id}")
            if alive(held, now):
                raise Held(id, held)
            _apply(plan, decided(plan, asked), now)
            tx.put(f"plan:{id}", plan)
            tx.publish("plan_events", id)
            return dict(plan)

        return await self.store.transact(work)


def decided(plan: Plan, asked: Decision) -> Decision:
    """Return the decision that somebody asks for about a plan. Raise ValueError if the plan does not allow it.

    `asked` is `{action, source, by, user, feedback, drop, tasks}`. With `drop` and `tasks` an approval changes the steps:
    the decision then has `steps` and `changes`.
    """
    id, action = plan["id"], asked["action"]
    if plan["status"] in OVER:
        raise ValueError(f"plan {id} is {plan['status']}")
    if action == "replan" and not plan.get("planner"):
        raise ValueError(f"plan {id} has no planner that could make it anew")
    if action == "approve" and plan["status"] != "draft":
        raise ValueError(f"plan {id} is {plan['status']} already")
    decision = {k: v for k, v in asked.items() if k not in ("drop", "tasks")}
    drop, tasks = asked.get("drop") or [], asked.get("tasks") or {}
    if drop or tasks:
        if action != "approve":
            raise ValueError(f"steps are changed when plan {id} is approved, and not by `{action}`")
        decision["steps"], decision["changes"] = changed(plan, drop, tasks)
    return decision


def _same(known: Plan, plan: Plan) -> bool:
    """Return whether a known plan can be continued as `plan`: it is unfinished, and its written steps are the same."""
    written = [[(s["id"], s["task"], s["by"]) for s in p["steps"] if s["written"]] for p in (known, plan)]
    keys = ("name", "goal", "user", "topic", "spec", "parameters")
    made = any(not s["written"] for s in known["steps"])
    unchanged = made or not plan["steps"] or [w[0] for w in written[0]] == [w[0] for w in written[1]]
    return known["status"] in OPEN and all(known.get(k) == plan.get(k) for k in keys) and unchanged


def _apply(plan: Plan, decision: Decision, now: float) -> None:
    """Apply a decision to a plan that no run holds."""
    if decision["action"] == "approve":
        plan["status"] = "approved"
        plan["steps"] = decision.get("steps") or plan["steps"]
        at = time_text(Time(int(now * 1e9)))
        changes = decision.get("changes", [])
        plan["approval"] = {
            "source": decision["source"], "by": decision["by"], "user": decision["user"], "at": at, "changes": changes,
        }  # fmt: skip
    elif decision["action"] == "replan":
        plan.update(status="draft", redraw=True, feedback=[*plan["feedback"], decision["feedback"]])
        plan["steps"] = [s for s in plan["steps"] if s["status"] == "completed"]
    else:
        plan.update(status="cancelled", reason="rejected" if decision["action"] == "reject" else "cancelled")


def changed(plan: Plan, drop: list[str], tasks: dict[str, str]) -> tuple[list[Step], list[str]]:
    """Return the steps of a plan without those to drop and with other tasks, and the changes in words.

    Raise ValueError for an unknown step, a task that stands in the spec, or a step that comes after a dropped one.
    """
    ids = [s["id"] for s in plan["steps"]]
    for id in [*drop, *tasks]:
        if id not in ids:
            raise ValueError(f"plan {plan['id']} has no step {id}; it has {', '.join(ids)}")
    steps = [{**s, "task": tasks.get(s["id"], s["task"])} for s in plan["steps"] if s["id"] not in drop]
    for id in tasks:
        if next(s for s in plan["steps"] if s["id"] == id)["written"]:
            raise ValueError(f"the task of {id} stands in the spec: change it there")
    for s in steps:
        for gone in set(s["after"]) & set(drop):
            raise ValueError(f"step {s['id']} comes after {gone}")
    said = [f"without {id}" for id in drop]
    said += [f"{s['id']}: {tasks[s['id']]!r} in place of {s['task']!r}" for s in plan["steps"] if s["id"] in tasks]
    return steps, said

"""The plans of a run: their store, and the decisions about them.

A plan's coglet calls this module for what belongs to the world: `open` continues a stored plan or begins one, `save`
writes it, `decide` asks a person about it, `outside` waits for a decision of somebody outside of the run (`cogc
plan`), which comes over the door of `plan_door.py`. While the run holds a plan, a task renews its claim; another run of the same
spec then begins a plan of its own.
"""

from __future__ import annotations

import getpass
import itertools
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from functools import cache
from typing import Any, Literal, TypeAlias, assert_never

import trio

from cogc.disk.state_folder import StateFolder
from cogc.language.codec import packed, unpacked
from cogc.language.values import Failure, plain
from cogc.run.background import Background
from cogc.run.peers import Peer
from cogc.run.people import People, Question
from cogc.run.plan_door import open_door
from cogc.stores.memory import MemoryStore
from cogc.stores.owner import LEASE
from cogc.stores.plans import OVER, Decision, Plan, PlanStore, decided, open_plans

PLANS = "plans.db"
_Action: TypeAlias = Literal["open", "save", "decide", "outside"]
_ACTIONS: dict[str, _Action] = {"open": "open", "save": "save", "decide": "decide", "outside": "outside"}


class Keeping:
    """The place where plans are stored (a store by its name, or the state folder), and the user and topic of new ones. With `fresh`, no
    unfinished plan is continued. `doors` is the state folder in which decisions are taken, None where none are."""

    __slots__ = ("doors", "fresh", "spec", "store", "topic", "user")

    def __init__(
        self,
        store: str | StateFolder = "memory",
        user: str = "",
        topic: str = "",
        spec: str = "",
        fresh: bool = False,
        doors: StateFolder | None = None,
    ) -> None:
        self.store = store
        self.doors = doors
        self.user = user or login()
        self.topic = topic
        self.spec = spec
        self.fresh = fresh


def name_of_store(store: str | StateFolder) -> str:
    """Return the name of the store of plans; its folder is made if it is in the state folder."""
    return store if isinstance(store, str) else f"sqlite:{store.file(PLANS)}"


@cache
def login() -> str:
    """Return the login name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without users
        return "user"


class Plans:
    """The plan store of a run, opened at its first use.

    `rest` is called with each call that waits for a decision from outside. `clock` is that of a simulation in
    seconds, None where real time counts.
    """

    def __init__(
        self,
        keeping: Keeping,
        people: People,
        background: Background,
        rest: Callable[[int], None],
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.clock = clock
        self.keeping = keeping
        self.people = people
        self.background = background
        self.rest = rest
        self.store: PlanStore | None = None
        self.opening = trio.Lock()
        self.news = trio.Event()
        """Set when a plan has another status, a question about one is over, or a decision has come."""
        self.held: dict[str, str] = {}
        """The status of each plan that this run has."""
        self.asking: set[str] = set()
        """The plans about which a person is being asked. A decision from outside answers that question."""
        self.decisions: dict[str, list[Decision]] = {}
        """The decisions from outside that no plan has taken yet."""

    async def call(self, action: str, arguments: list[Any], call: int) -> Any:
        """Carry out open, save, decide or outside. Raise Failure if the store cannot be reached."""
        try:
            store = await self._opened()
            match _ACTIONS[action]:
                case "open":
                    return unpacked(await self._open(store, *(packed(a) for a in arguments)))
                case "save":
                    return await self._save(store, packed(arguments[0]))
                case "decide":
                    plan = plain(arguments[0])
                    self.asking.add(plan["id"])
                    try:
                        return unpacked(await self._decide(plan, call))
                    finally:
                        self.asking.discard(plan["id"])
                        self._tell()
                case "outside":
                    self.rest(call)
                    return unpacked(await self._outside(arguments[0]))
                case never:
                    assert_never(never)
        except ConnectionError as error:
            raise Failure("program", f"the store of plans: {error}") from None

    def hold(self, plan: Plan) -> None:
        """Take note of a plan that this run had, as it was kept last, when the run was killed."""
        self.held[plan["id"]] = plan["status"]
        if plan["status"] in OVER:
            del self.held[plan["id"]]

    async def _opened(self) -> PlanStore:
        """Return the store, opened at the first call."""
        async with self.opening:
            if self.store is None:
                self.store = await self.background.hold(self._hold)
            return self.store

    async def _hold(self, task_status: trio.TaskStatus[PlanStore] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the store open and renew the claims on the plans of this run; release them at the end."""
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(self._plans())
            if self.keeping.doors is not None:
                store.door = await stack.enter_async_context(open_door(self.keeping.doors, self._take))
            for id in list(self.held):
                await store.hold(id)
            task_status.started(store)
            try:
                while True:
                    await trio.sleep(LEASE / 3)
                    for id in list(self.held):
                        await store.hold(id)
            finally:
                with trio.move_on_after(1, shield=True):
                    for id in self.held:
                        await store.let_go(id)

    def _plans(self) -> AbstractAsyncContextManager[PlanStore]:
        """Open the store. The store of a simulation is in memory, has the clock of the kernel, and counts its plans."""
        if self.clock is None or self.keeping.store != "memory":
            return open_plans(name_of_store(self.keeping.store))
        numbers = itertools.count(1)
        return nullcontext(PlanStore(MemoryStore(self.clock), lambda: f"{next(numbers):06}"))

    async def _open(
        self, store: PlanStore, name: str, goal: str, steps: list[Any], parameters: Any, planner: str
    ) -> Plan:
        """Continue the unfinished plan that fits, or begin a new one."""
        keeping = self.keeping
        plan: Plan = {
            "id": "", "name": name, "user": keeping.user, "topic": keeping.topic or name, "goal": goal, "status": "draft",
            "steps": steps, "approval": None, "feedback": [], "reason": "", "redraw": not steps, "spec": keeping.spec,
            "parameters": parameters, "planner": planner, "created_at": 0.0,
        }  # fmt: skip
        found, known = await store.begin(plan, not keeping.fresh)
        if known:
            done = sum(s["status"] == "completed" for s in found["steps"])
            sys.stderr.write(
                f"cogc: continues plan {found['id']}, {found['status']}, {done} of {len(found['steps'])} steps done "
                "(--fresh begins a new plan)\n"
            )
        self.held[found["id"]] = found["status"]
        return found

    async def _save(self, store: PlanStore, plan: Plan) -> None:
        """Write a plan, and release it when it is over."""
        await store.save(plan)
        self.held[plan["id"]] = plan["status"]
        if plan["status"] in OVER:
            del self.held[plan["id"]]
            self.decisions.pop(plan["id"], None)
            await store.let_go(plan["id"])
        self._tell()

    def _tell(self) -> None:
        """Wake the tasks that wait for a decision."""
        self.news.set()
        self.news = trio.Event()

    async def _take(self, id: str, asked: Decision) -> bool:
        """Take a decision from outside. Return False if this run does not hold the plan; raise ValueError if it is refused."""
        if id not in self.held or self.store is None:
            return False
        plan = await self.store.load(id)
        if plan is None or id not in self.held:
            return False
        self.decisions.setdefault(id, []).append(decided(plan, asked))
        self._tell()
        return True

    def _next(self, id: str) -> Decision | None:
        """Take the next decision from outside about a plan, or return None."""
        waiting = self.decisions.get(id)
        return waiting.pop(0) if waiting else None

    async def _outside(self, id: str) -> Any:
        """Return the next decision from outside about a plan, or None once the plan is over.

        A draft, and a plan about which a person is being asked, are left to `_decide`.
        """
        while id in self.held:
            found = None if self.held[id] == "draft" or id in self.asking else self._next(id)
            if found is not None:
                return found
            await self.news.wait()
        return None

    async def _decide(self, plan: Plan, call: int) -> Any:
        """Ask a person about a plan, and take a decision from outside meanwhile. Without anybody to ask, return that
        the plan waits."""
        decision = self._next(plan["id"])
        if decision is not None:
            return decision
        question = PlanQuestion(plan)
        if question.program not in self.people.answers and self.people.mailbox is None and not self.people.terminal:
            return {"action": "wait"}
        found: Any = None
        async with trio.open_nursery() as nursery:

            async def listen() -> None:
                nonlocal found
                while (told := self._next(plan["id"])) is None:
                    await self.news.wait()
                    if self.held.get(plan["id"]) != plan["status"]:
                        told = {"action": "none"}  # it was decided by somebody else
                        break
                found = told
                nursery.cancel_scope.cancel()

            nursery.start_soon(listen)
            try:
                said = await self.people.ask(question, call)
            except Failure:  # what was answered beforehand is no answer to this
                if question.program not in self.people.answers or question.draft:
                    raise
                said = {"action": "wait"}
            found = found or said
            nursery.cancel_scope.cancel()
        return found


class PlanQuestion(Question):
    """A question to a person about a plan."""

    def __init__(self, plan: Plan) -> None:
        self.program = plan["name"]
        self.path = plan["id"]
        self.choices = []
        self.type = "string"
        self.draft = plan["status"] == "draft"
        self.planned = bool(plan.get("planner"))
        self.text = f"{show(plan)}\n{self._what(plan)}"

    def _what(self, plan: Plan) -> str:
        if self.draft:
            return f"Approve plan {plan['id']}? (approve; reject WHY{'; replan HOW' if self.planned else ''})"
        wrong = next((s for s in plan["steps"] if s["status"] == "failed"), None)
        failed = f"Step {wrong['id']} failed: {wrong['error']}. " if wrong else ""
        return f"{failed}What now? (replan HOW; cancel)"

    def value(self, said: str) -> dict[str, Any]:
        """Return the decision that an answer stands for. Raise ValueError with the possible answers if it stands for
        none."""
        return self.decision(said, Peer.own().name)

    def value_by(self, said: str, peer: Peer) -> dict[str, Any]:
        """Return a decision of somebody else, under their name."""
        return self.decision(said, peer.name)

    def decision(self, said: str, name: str) -> dict[str, Any]:
        """Return the decision that an answer of the user `name` stands for. Raise ValueError as `value` does."""
        word, _, rest = said.strip().partition(" ")
        rest = rest.strip()
        by = {"source": "user", "by": name, "user": name}
        if self.draft and word.lower() in ("approve", "yes", "y", "ok") and not rest:
            return {"action": "approve", **by}
        if word == "replan" and rest and self.planned:
            return {"action": "replan", "feedback": rest, **by}
        if word in ("reject", "cancel", "no", "n"):
            return {"action": "reject" if self.draft else "cancel", "feedback": rest, **by}
        if not self.planned:
            raise ValueError("approve, or reject WHY" if self.draft else "cancel")
        raise ValueError("approve, reject WHY, or replan HOW" if self.draft else "replan HOW, or cancel")


def show(plan: Plan) -> str:
    """Return a plan as text for people."""
    lines = [f"Plan {plan['id']} ({plan['status']}): {plan['goal']}"]
    for s in plan["steps"]:
        who = f" by {s['by']}" if s["by"] else ""
        after = f" after {', '.join(s['after'])}" if s["after"] else ""
        dod = f" [{s['dod']}]" if s["dod"] else ""
        task = " ".join(str(s["task"]).split())
        lines.append(f"  {s['status']:<11}  {s['id']}{who}{after}{dod}: {task[:100]}")
        if s.get("loops", 0) > 1 and s["status"] == "completed":
            lines.append(f"{'':15}its definition of done was not met at first: met in loop {s['loops']}")
        if s["error"] and s["status"] in ("failed", "skipped"):
            lines.append(f"{'':15}{' '.join(s['error'].split())[:160]}")
    return "\n".join(lines)

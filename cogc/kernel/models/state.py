"""The tables of the model side of a kernel: what was spent, who the agents are, what was asked of coglets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from cogc.kernel.models.budget import NEW, Budget, Usage
from cogc.kernel.models.registry import Registry
from cogc.kernel.objects import Activity, Instance, Waiter
from cogc.kernel.permissions import Sandbox

if TYPE_CHECKING:
    from cogc.kernel.models.partial import Partial
    from cogc.kernel.shapes import Tokens
    from cogc.language.values import Settings


Seen: TypeAlias = list[Any]
"""The part of the tables that the conversations of one coglet can see, as JSON values."""


class Speaker(Protocol):
    """A conversation, as far as its agent's table needs it. An `outermost` one is no part of another one. `root` is the reaction that holds it, if that keeps a course."""

    root: Activity | None

    @property
    def outermost(self) -> bool: ...

    def say(self, words: str) -> None: ...


class Starter(Protocol):
    """The roster of a conversation, as far as its agent's table needs it."""

    def abandon(self) -> None: ...


class AgentState:
    """The state of an agent's coglet: whether its conversations are held, and the messages to add to them."""

    __slots__ = ("detached", "holding", "injected", "kept", "paused_at", "paused_once", "sessions", "started", "talks")

    def __init__(self) -> None:
        self.paused_at: int | None = None
        self.paused_once = 0
        self.holding: list[Waiter] = []
        self.injected: list[str] = []
        self.talks: list[Speaker] = []
        self.detached: list[Starter] = []
        """The rosters of conversations that are over, whose detached agents still work."""
        self.started = 0
        self.sessions: dict[str, list[Waiter]] = {}
        """The sessions whose tasks are under way, with the tasks that wait for them."""
        self.kept: dict[str, None] | None = None
        """The names of the sessions that are kept, in the order of their last use; None until they are looked up."""

    def talk(self) -> Speaker | None:
        """Return the conversation about the task under way, if there is one: not that of a sub-agent."""
        return next((t for t in self.talks if t.outermost), None)

    def paused_for(self, now: int) -> int:
        """Return for how long it has been paused so far, in nanoseconds."""
        return self.paused_once + (now - self.paused_at if self.paused_at is not None else 0)


class Question:
    """A question that a model's tool put to a coglet: its answer, and those who wait for the answer."""

    __slots__ = ("answer", "answered", "id", "waiting")

    def __init__(self, id: int) -> None:
        self.id = id
        self.answer: object = None
        self.answered = False
        self.waiting: list[Waiter] = []


class ModelState:
    """The tables of one run. `budget` is what all conversations may spend together. Where the run is a part of another run that
    has dispatched it, `sandbox` is what holds its conversations, and `max_depth` how deep they may nest at most."""

    __slots__ = (
        "_agents", "budget", "heard", "max_depth", "partials", "questions", "registry", "sandbox", "shared", "spending", "usages", "waiting",
    )  # fmt: skip

    def __init__(self, budget: Settings) -> None:
        self.budget = Budget("the run", budget)
        self.sandbox: Sandbox | None = None
        self.max_depth: int | None = None
        self.waiting: list[Waiter] = []
        self.usages: dict[tuple[str, str], Usage] = {}
        self.registry = Registry()
        self.questions: dict[int, Question] = {}
        self.spending: dict[int, Callable[[Tokens], None]] = {}
        self.partials: dict[int, Partial] = {}
        """The parts of the answers that are on their way, by the numbers of the requests."""
        self.heard: dict[int, None] = {}
        """The requests of whose answers pieces have come."""
        self._agents: dict[Instance, AgentState] = {}
        self.shared: dict[str, Budget] = {}
        """The budgets of coglets that have one, by their paths, since their first conversation."""

    def agent(self, inst: Instance) -> AgentState:
        """Return the state of an agent's conversations, made at its first use."""
        found = self._agents.get(inst)
        if found is None:
            found = self._agents[inst] = AgentState()
        return found

    def known_agent(self, inst: Instance) -> AgentState | None:
        """Return the state of an agent's conversations, if there have been any."""
        return self._agents.get(inst)

    def over(self, call: int) -> None:
        """Drop what is kept of a request that has its reply, or is given up."""
        self.spending.pop(call, None)
        self.partials.pop(call, None)
        self.heard.pop(call, None)

    def abandon(self, inst: Instance) -> None:
        """End what an agent's coglet has let go on without its conversation."""
        own = self._agents.get(inst)
        if own is not None:
            for roster in own.detached:
                roster.abandon()
            own.detached.clear()

    def forget(self, inst: Instance) -> None:
        """Drop the state of an agent that has stopped for good."""
        self._agents.pop(inst, None)

    def gone(self, path: str) -> None:
        """Drop what is kept of a coglet that does not come back, and of all below it: agents that have stopped, and budgets."""
        for id in [id for id in self.registry.records if id == path or id.startswith(f"{path}/")]:
            self.registry.remove(id)
        for at in [at for at in self.shared if at == path or at.startswith(f"{path}/")]:
            del self.shared[at]

    def budget_of(self, inst: Instance | None) -> Budget:
        """Return the budget that conversations of a coglet spend from: that of the nearest coglet around, else the run's."""
        while inst is not None and inst.code.ir.budget is None:
            inst = inst.parent
        if inst is None:
            return self.budget
        known = self.shared.get(inst.path)
        if known is None:
            assert inst.code.ir.budget is not None
            limits = inst.code.unit.value(inst.code.ir.budget, inst)
            known = self.shared[inst.path] = Budget(inst.path, limits, None, self.budget_of(inst.parent), shared=True)
        return known

    def seen(self, inst: Instance) -> Seen:
        """Return what the conversations of a coglet can see of these tables: the budgets around them, and the state of their agent."""
        budgets: Seen = [["", *self.budget.numbers()]]
        around: Instance | None = inst if self.shared else None
        while around is not None:
            if around.code.ir.budget is not None and (known := self.shared.get(around.path)) is not None:
                budgets.append([around.path, *known.numbers()])
            around = around.parent
        own = self._agents.get(inst)
        agent = (
            None
            if own is None
            else [own.paused_at, own.paused_once, own.started, list(own.injected), list(own.sessions)]
        )
        return [budgets, agent]

    def show(self, inst: Instance, seen: Seen) -> None:
        """Let the conversations of a coglet see what `seen` has returned once."""
        budgets, agent = seen
        found = {path: numbers for path, *numbers in budgets}
        self.budget.set(*found[""])
        around: Instance | None = inst
        while around is not None:
            known = self.shared.get(around.path)
            if known is not None:
                known.set(*found.get(around.path, NEW))
            around = around.parent
        own = self._agents.get(inst)
        if agent is not None:
            own = self.agent(inst)
        if own is not None:
            own.paused_at, own.paused_once, own.started, injected, busy = agent or (None, 0, 0, (), ())
            own.injected = list(injected)
            own.sessions = {name: own.sessions.get(name, []) for name in busy}

    def usage(self, program: str, model: str) -> Usage:
        """Return what a program has used of a model so far."""
        return self.usages.setdefault((program, model), Usage())

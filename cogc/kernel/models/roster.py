"""The sub-agents that one conversation starts, and the tools by which its model starts and steers them.

A sub-agent is pending, running, completed, failed or cancelled. It runs here, as a conversation of its own beside the one
that started it, or elsewhere, by a dispatcher. Its failure is a result for the model, never a failure of its parent, except
that of agents which nest too deep. A message to a completed one that ran here lets its conversation go on: it is pending again.

When the conversation that started it ends, a sub-agent ends too. One that a person has detached goes on: its roster is then
closed, stands among those of the agent's coglet (`AgentState.detached`) until the last such agent is done, and logs its end.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar

from msgspec.structs import replace

from cogc.ir import Const
from cogc.kernel import activities
from cogc.kernel.effects import AgentMessage
from cogc.kernel.models import registry
from cogc.kernel.models.budget import Budget
from cogc.kernel.objects import Activity, Instance, Waiter
from cogc.kernel.permissions import Sandbox
from cogc.kernel.unit import Unit
from cogc.kernel.waits import DispatchAgent, StartBeside, Talk, WaitIn
from cogc.language.values import Failure, shorten

if TYPE_CHECKING:
    from cogc.ir import Program
    from cogc.kernel.shapes import Schema, Tokens, ToolOffer
    from cogc.kernel.state import State
    from cogc.language.values import Value

MOST = 4
T = TypeVar("T")


class TooDeep(Failure):
    """Agents that ask each other are nested too deep. It ends all conversations that are nested."""

    def __init__(self, message: str) -> None:
        super().__init__("bound", message)


class Host(Protocol):
    """A conversation, as far as its sub-agents need it."""

    kernel: State
    inst: Instance
    root: Activity | None
    unit: Unit
    budget: Budget
    sandbox: Sandbox | None
    gates: list[Program]
    id: str
    depth: int

    def left(self) -> int: ...

    def in_time(self) -> None: ...

    def say(self, words: str) -> None: ...

    def sub(self, program: Program, query: str, id: str, system: str | None = None) -> Host: ...

    def in_depth(self, program: Program) -> None: ...

    def run(self) -> Talk: ...

    def again(self, words: str) -> Talk: ...


AgentState: TypeAlias = Literal["pending", "running", "completed", "failed", "cancelled"]


class SubAgent:
    """One that was started, and how far it is."""

    __slots__ = (
        "activity",
        "background",
        "budget",
        "charged",
        "detached",
        "failure",
        "id",
        "program",
        "query",
        "reported",
        "result",
        "state",
        "system",
        "talk",
        "waiting",
        "words",
    )

    def __init__(self, id: str, program: Program, query: str, background: bool, system: str | None = None) -> None:
        self.id = id
        self.system = system
        """The system text that its start has given it, in place of its own."""
        self.program = program
        self.query = query
        self.background = background
        self.state: AgentState = "pending"
        self.result: dict[str, Value] | None = None
        self.talk: Host | None = None
        self.budget: Budget | None = None
        self.activity: Activity | None = None
        self.waiting: list[Waiter] = []
        self.reported = False
        self.charged = 0
        self.detached = False
        self.failure: Failure | None = None
        self.words: str | None = None
        """The message with which its conversation goes on, until it does."""

    @property
    def over(self) -> bool:
        return self.result is not None

    def summary(self) -> dict[str, Value]:
        used = self.budget.usage if self.budget is not None else None
        return {
            "agent_id": self.id,
            "agent": self.program.name,
            "state": self.state,
            "query": self.query,
            "background": self.background,
            "tokens_used": used.tokens if used else 0,
        }


class Choices:
    """The choices that a model has when it starts a sub-agent: models and tools by their names, and whether the system text."""

    def __init__(self, models: dict[str, list[str]], tools: dict[str, Program], system: bool) -> None:
        self.models = models
        self.tools = tools
        self.system = system

    def offer(self) -> Schema:
        """Return the parameters of `spawn_agent` by which a model chooses."""
        found: Schema = {}
        if self.models:
            found["model"] = {"type": "string", "enum": list(self.models)}
        if self.tools:
            found["tools"] = {"type": "array", "items": {"type": "string", "enum": list(self.tools)}}
        if self.system:
            found["system"] = {"type": "string"}
        return found

    def applied(self, program: Program, chosen: dict[str, Value]) -> Program:
        """Return an agent with the chosen model and tools. Raise Failure if one is not among those that there are."""
        changes: dict[str, Any] = {}
        if "model" in chosen:
            model, *others = _one("model", self.models, chosen["model"])
            changes |= {"model": model, "fallbacks": others}
        if "tools" in chosen:
            wanted = chosen["tools"] if isinstance(chosen["tools"], list) else []
            changes["tools"] = list(dict.fromkeys(_one("tool", self.tools, name).key for name in wanted))
        return replace(program, **changes) if changes else program


class Roster:
    """The sub-agents of one conversation, and the tools that start and steer them."""

    def __init__(self, talk: Host, programs: list[Program], most: int, dispatcher: str, choices: Choices) -> None:
        self.talk = talk
        self.dispatcher = dispatcher
        self.kernel = talk.kernel
        self.programs = {p.name: p for p in programs}
        self.most = most
        self.choices = choices
        self.agents: dict[str, SubAgent] = {}
        self.pending: deque[SubAgent] = deque()
        self.running = 0
        self.closed = False
        self.news: list[Waiter] = []
        self.schemas = {tool["name"]: tool["schema"] for tool in self.tools()}

    def tools(self) -> list[ToolOffer]:
        """Describe the tools to the model."""
        string, one = {"type": "string"}, {"id": {"type": "string"}}
        about = "; ".join(f"{p.name}: {p.doc}" if p.doc else p.name for p in self.programs.values())
        spawn = {
            "agent": {"type": "string", "enum": list(self.programs)},
            "query": string,
            "background": {"type": "boolean", "default": False},
            **self.choices.offer(),
        }
        return [
            _tool(
                "spawn_agent",
                f"Start an agent. In the background the answer comes later. {about}",
                spawn,
                ["agent", "query"],
            ),
            _tool("agent_status", "How an agent that was started is doing.", one),
            _tool("wait_agent", "Wait for an agent, and take its answer.", one),
            _tool("cancel_agent", "End an agent before it is done.", one),
            _tool(
                "message_agent",
                "Say something to an agent that works, or go on with one that is completed.",
                {**one, "message": string},
            ),
            _tool("list_agents", "All agents that were started.", {}),
        ]

    def has(self, name: str) -> bool:
        return name in self.schemas

    def use(self, name: str, given: dict[str, Value]) -> Talk:
        """Carry out one of the tools."""
        _check(name, self.schemas[name], given)
        if name == "spawn_agent":
            return (yield from self._spawn(given))
        if name == "list_agents":
            return [a.summary() for a in self.agents.values()]
        agent = self.agents.get(str(given["id"]))
        if agent is None:
            known = ", ".join(self.agents) or "none"
            raise Failure("error", f"there is no agent `{given['id']}`; there is {known}")
        if name == "wait_agent":
            return (yield from self._wait(agent))
        if name == "cancel_agent":
            self.cancel(agent)
        elif name == "message_agent":
            resumed = self.say(agent, str(given["message"]))
            yield from self.start()
            if resumed and not agent.background:
                return (yield from self._wait(agent, foreground=True))
        return agent.summary()

    def _spawn(self, given: dict[str, Value]) -> Talk:
        agent = self.add(str(given["agent"]), str(given["query"]), bool(given.get("background")), given)
        yield from self.start()
        if agent.background:
            return agent.summary()
        return (yield from self._wait(agent, foreground=True))

    def add(self, name: str, query: str, background: bool, chosen: dict[str, Value] | None = None) -> SubAgent:
        """Add an agent that waits for its start, with the model, the tools and the system text that were chosen for it. Raise
        Failure if there is none of this name, or a choice is not one of those that there are."""
        program = self.programs.get(name)
        if program is None:
            raise Failure("error", f"there is no agent `{name}`; there is {', '.join(self.programs)}")
        chosen = chosen or {}
        program, system = self.choices.applied(program, chosen), chosen.get("system")
        own = self.kernel.models.agent(self.talk.inst)
        own.started += 1
        id = f"{program.name}-{own.started}"
        agent = self.agents[id] = SubAgent(id, program, query, background, None if system is None else str(system))
        registry.started(
            self.kernel.models.registry,
            self.talk.unit,
            self.id_of(agent),
            self.talk.id,
            program,
            self.dispatcher,
            "idle",
        )
        self.pending.append(agent)
        return agent

    def id_of(self, agent: SubAgent) -> str:
        """Return an agent's id in the whole run."""
        return f"{self.talk.inst.path}/{agent.id}"

    def say(self, agent: SubAgent, message: str) -> bool:
        """Give a message to an agent that works, here or elsewhere. Return whether it takes up its conversation
        again."""
        if agent.state == "completed" and agent.talk is not None and not self.closed:
            self._resume(agent, message)
            return True
        if agent.talk is not None and (agent.state == "running" or agent.words is not None):
            agent.talk.say(message)
        elif agent.state == "running" and agent.activity is not None:
            for call in agent.activity.calls:
                self.kernel.effects.append(AgentMessage(call, message))
        else:
            where = ", and ran in another process" if agent.state == "completed" and agent.talk is None else ""
            raise Failure("error", f"agent `{agent.id}` is {agent.state}{where}: it takes no messages")
        return False

    def tell(self, agent: SubAgent, message: str) -> None:
        """Give a message to an agent from outside. An agent that takes up its conversation again does so in the
        background."""
        if self.say(agent, message):
            agent.background = True
            self.stir()

    def _resume(self, agent: SubAgent, message: str) -> None:
        """Let a completed agent wait for its start again. Its earlier answer is reported first if it was not yet."""
        if agent.background and not agent.reported:
            self.talk.say(_news(agent))
        agent.words, agent.state, agent.result, agent.reported = message, "pending", None, False
        self.kernel.models.registry.update_status(self.id_of(agent), "idle")
        self.pending.append(agent)

    def detach(self, agent: SubAgent) -> None:
        """Let an agent that is waited for in the foreground go on in the background, also without the one that started it."""
        if agent.over or agent.background:
            raise Failure("error", f"agent `{agent.id}` is {agent.state}, and not in the foreground")
        agent.background = agent.detached = True
        activities.wake(self.kernel, agent.waiting)

    def stir(self) -> None:
        """Let the waiting conversations look again, after something was added from outside."""
        activities.wake(self.kernel, self.news)
        for agent in self.agents.values():
            activities.wake(self.kernel, agent.waiting)

    def start(self) -> Talk:
        """Start the agents that wait, as many as may run at once."""
        while self.pending and self.running < self.most:
            agent = self.pending.popleft()
            agent.activity = yield StartBeside(self._begun(agent), partial(self._done, agent))

    def _begun(self, agent: SubAgent) -> Talk:
        """Count an agent as running, and return its work."""
        agent.state = "running"
        self.kernel.models.registry.update_status(self.id_of(agent), "running")
        self.running += 1
        # what decides about calls of tools here reaches no other process
        here = self.dispatcher == "local" or agent.talk is not None or bool(self.talk.gates)
        return self._here(agent) if here else self._elsewhere(agent)

    def _here(self, agent: SubAgent) -> Talk:
        """Run the agent's conversation in this process, or continue it."""
        if agent.talk is not None and agent.words is not None:
            words, agent.words = agent.words, None
            return (yield from agent.talk.again(words))
        agent.talk = self.talk.sub(agent.program, agent.query, self.id_of(agent), agent.system)
        agent.budget = agent.talk.budget
        return (yield from agent.talk.run())

    def _elsewhere(self, agent: SubAgent) -> Talk:
        """Let a dispatcher run the agent. It may hand the agent back."""
        program = agent.program
        self.talk.in_depth(program)
        agent.budget = Budget(program.name, {}, None, self.talk.budget)
        used, left = partial(self._used, agent), self.talk.left()
        reply = yield DispatchAgent(
            self.dispatcher,
            program if agent.system is None else _told(program, agent.system),
            agent.query,
            agent.background,
            left,
            used,
            self.talk.sandbox,
            self.talk.depth - 1,
        )
        if reply.get("fallback"):
            return (yield from self._here(agent))
        for usage in reply["usage"][agent.charged :]:
            self._charge(agent, usage)
        if reply.get("kind") == "bound":
            raise TooDeep(reply["error"])
        if "error" in reply:
            raise Failure(reply.get("kind", "program"), reply["error"])
        return self.talk.unit.checked(program.result, reply["output"], f"the answer of `{program.name}`")

    def _used(self, agent: SubAgent, usage: Tokens) -> None:
        """Charge a request of an agent that runs elsewhere. If a budget is spent then, end the agent."""
        self._charge(agent, usage)
        empty = next((p for p in self.talk.budget.chain() if p.spent()), None)
        if empty is not None and agent.activity is not None and not agent.over:
            failure = Failure("budget", f"the budget of `{empty.name}` is used up, and `{agent.id}` was ended")
            activities.interrupt(self.kernel, agent.activity, failure)

    def _charge(self, agent: SubAgent, usage: Tokens) -> None:
        """Count the tokens of a request in the agent's budget and in the usage of the run."""
        assert agent.budget is not None
        model = self.talk.unit.bundle.models[agent.program.model]
        agent.budget.charge(usage, model.price)
        agent.charged += 1
        self.kernel.models.usage(agent.program.name, model.name).add(usage, model.price)

    def _wait(self, agent: SubAgent, foreground: bool = False) -> Talk:
        """Wait for an agent and return its answer, or its status if it is sent into the background meanwhile."""
        while not agent.over:
            if foreground and agent.background:
                return agent.summary()
            yield WaitIn(agent.waiting, self.talk.left())
            self.talk.in_time()
            yield from self.start()
        agent.reported = True
        _in_depth(agent)
        return agent.result

    def cancel(self, agent: SubAgent) -> None:
        """End an agent before it is done."""
        agent.reported = True
        if agent in self.pending:
            self.pending.remove(agent)
            self.running += 1
            self._done(agent, Failure("cancelled", "it was cancelled before it began"))
        elif not agent.over and agent.activity is not None:
            activities.interrupt(self.kernel, agent.activity, Failure("cancelled", "it was cancelled"))

    def _done(self, agent: SubAgent, value: Any) -> None:
        """Take the end of a sub-agent, and let those go on that wait for it. Its failure is a result, never its
        parent's failure."""
        self.running -= 1
        agent.failure = value if isinstance(value, Failure) else None
        if agent.failure is None:
            agent.state = "completed"
        else:
            agent.state = "cancelled" if agent.failure.kind == "cancelled" else "failed"
        agent.result = outcome(agent.id, agent.budget, value)
        self.kernel.models.registry.update_status(self.id_of(agent), "stopped")
        if self.closed:
            self._left_behind(agent)
            return
        activities.wake(self.kernel, agent.waiting)
        activities.wake(self.kernel, self.news)
        while self.pending and self.running < self.most and agent.activity is not None:
            # the conversation may wait for its model meanwhile
            following = self.pending.popleft()
            work, done = self._begun(following), partial(self._done, following)
            following.activity = activities.start(self.kernel, agent.activity, self.talk.inst, work, done)

    def _left_behind(self, agent: SubAgent) -> None:
        """Log the end of an agent that outlived the conversation which started it. Nobody else hears of its failure."""
        self.kernel.models.registry.remove(self.id_of(agent))
        inst = self.talk.inst
        if agent.failure is None:
            said = f"the detached agent `{agent.id}` is completed: {shorten(agent.result)}"
            self.kernel.log(inst, "info", said)
        else:
            if agent.state == "failed":
                self.kernel.losses.failures += 1
            said = f"the detached agent `{agent.id}` is {agent.state}: {agent.failure.message}"
            self.kernel.log(inst, "error" if agent.state == "failed" else "info", said)
        del self.agents[agent.id]
        if not self.agents:
            self.kernel.models.agent(inst).detached.remove(self)

    def working(self) -> bool:
        """Return whether a background agent still works, or has ended without the conversation's knowledge."""
        return any(a.background and not a.reported for a in self.agents.values())

    def wait_for_news(self) -> Talk:
        """Wait until a background agent has ended. Return what the conversation is told about it."""
        while not (news := self.take_news()):
            yield WaitIn(self.news, self.talk.left())
            self.talk.in_time()
            yield from self.start()
        return news

    def take_news(self) -> list[str]:
        """Take the messages about background agents that have ended meanwhile."""
        found = []
        for agent in self.agents.values():
            if agent.background and agent.over and not agent.reported:
                agent.reported = True
                _in_depth(agent)
                found.append(_news(agent))
        return found

    def begin(self) -> None:
        """Take back the agents that were detached, if the conversation begins again."""
        if self.closed:
            self.closed = False
            self.kernel.models.agent(self.talk.inst).detached.remove(self)

    def close(self) -> None:
        """End the sub-agents with the conversation, except those that were detached and work."""
        for agent in list(self.agents.values()):
            if not (agent.detached and agent.state == "running"):
                del self.agents[agent.id]
                self._end(agent)
        self.pending.clear()
        self.running = len(self.agents)
        if self.agents:
            self.closed = True
            self.kernel.models.agent(self.talk.inst).detached.append(self)

    def abandon(self) -> None:
        """End the agents that were detached, with their coglet."""
        for agent in self.agents.values():
            self._end(agent)
        self.agents.clear()

    def _end(self, agent: SubAgent) -> None:
        """Remove an agent, and end its work."""
        self.kernel.models.registry.remove(self.id_of(agent))
        if agent.activity is not None and agent.activity.alive:
            agent.activity.done = None
            agent.activity.generator.close()
            activities.leave(self.kernel, agent.activity)


def _news(agent: SubAgent) -> str:
    """Return what a conversation is told about an agent that has ended."""
    return f"Agent {agent.id} is {agent.state}: {shorten(agent.result, 20_000)}"


def _in_depth(agent: SubAgent) -> None:
    """End the conversation that hears of an agent which nests too deep."""
    if isinstance(agent.failure, TooDeep):
        raise agent.failure


def outcome(id: str, budget: Budget | None, value: Value | Failure) -> dict[str, Value]:
    """Return the result of an agent for the model that called it."""
    failure = value if isinstance(value, Failure) else None
    used = budget.usage if budget is not None else None
    return {
        "success": failure is None,
        "output": None if isinstance(value, Failure) else value,
        "error": None if failure is None else failure.message,
        "agent_id": id,
        "tokens_used": used.tokens if used else 0,
        "cost_usd": round(used.usd, 9) if used else 0.0,
    }


def _tool(name: str, description: str, properties: Schema, required: list[str] | None = None) -> ToolOffer:
    wanted = list(properties) if required is None else required
    schema = {"type": "object", "properties": properties, "required": wanted, "additionalProperties": False}
    return {"name": name, "description": description, "schema": schema}


def _one(what: str, known: dict[str, T], name: Value) -> T:
    """Return the model or tool of a name. Raise Failure, with those that there are, if there is none."""
    found = known.get(name) if isinstance(name, str) else None
    if found is None:
        raise Failure("error", f"a sub-agent can have no {what} `{name}`; there is {', '.join(known)}")
    return found


def _told(program: Program, system: str) -> Program:
    """Return an agent whose system text is this one."""
    return replace(program, attributes={**program.attributes, "system": Const(value=system)})


_PYTHON = {"string": str, "boolean": bool, "array": list}


def _check(name: str, schema: Schema, given: dict[str, Value]) -> None:
    """Check a model's input for one of the tools. Raise Failure, with what is wrong, if it does not fit."""
    for key in schema["required"]:
        if key not in given:
            raise Failure("type", f"`{name}` needs `{key}`")
    for key, value in given.items():
        wanted = schema["properties"].get(key)
        if wanted is None:
            raise Failure("type", f"`{name}` has no parameter `{key}`")
        if type(value) is not _PYTHON[wanted["type"]]:
            kind = "list of strings" if wanted["type"] == "array" else wanted["type"]
            raise Failure("type", f"`{key}` of `{name}` is a {kind}, not {shorten(value)}")

"""Conversations with models, as generators that a reaction runs: asking, tools, repair, attempts, limits.

**The form.** Messages and replies have the form of the Messages API. A message is `{role, content: [block]}`; a block is
`{type: "text", text}`, `{type: "tool_use", id, name, input}`, `{type: "tool_result", tool_use_id, content, is_error}`, or a
provider's own, which goes back unchanged. A reply is `{content, stop, usage}`, or `{error: {message, retry, after}}`.

**The model.** A `Conversation` belongs to one call of one program in one coglet. `run` holds it and returns its value.
It yields requests as any reaction does, so each request, attempt, pause and tool call is an event, and a replay asks nobody.
It calls nothing of the loop.

**The loop** (`_run`). Ask; if the reply asks for tools, carry all of them out side by side and ask again; if it ends the
turn, read the value of the declared type. An answer that does not fit its type is asked for once more (repair). Before each
request the conversation takes in what was said to it meanwhile: `inject`, and the answers of background sub-agents.

**The limits**, from the inside out:

- attempts: a request that fails in a way that may pass is made again, after the pause that the server asks for or one
  that doubles;
- turns: each request is a turn. In the last one no tools are offered, and none is run: nobody would hear its result. The same
  calls with the same answers, made five times with nothing new between them, end the conversation;
- depth: `depth` conversations may still nest, this one included. One too many (`TooDeep`) ends all that are around it;
- time: `left` counts from the start, without the time for which the agent was paused;
- budget: `reserve` holds back the most that a request may cost, in every budget around, before it is made; the reply is
  charged, the rest released. Where others hold what is missing, the conversation waits for them;
- models: a program may name several. When the attempts at one are used up, or the dollars left have no room for its longest
  answer, the next one goes on with the conversation;
- window: once a request has filled most of the model's window, a summary by the model takes the conversation's place.

**Who speaks.** `program` is the agent that holds the conversation now, and `first` the one that was started. A hand-off
(`_hand_over`) puts another agent in the place of `program`, with its own system text, tools, models and limits; the history, the
type of the answer and the limits of the first one stay. A session (`sessions.py`) lets the next task go on where this one ends.

**The invariants.**

- `messages` alternates between user and assistant; two of one role are joined.
- Every tool use in a reply has its result in the next message, in the same order.
- A reservation is released exactly once, whatever ends the request.
- What stands in `messages` may be sent: each reply goes through `replies.sendable` first.
- A tool's failure is a result for the model. Only `budget`, `cancelled` and `TooDeep` end the conversation.

**A worked example.** `program sum(q: string) -> int = llm m { prompt: q, tools: [add] }`.

1. `_fixed` makes what all requests share: the schema of an int, wrapped into `{value}`, and the tool's schema.
2. `_ask` yields `AskModel`; the reply stops with `tool_use`: `add(1, 2)`.
3. `ToolCalls.use` yields `RunAll` with one generator, which calls `add` by `perform`; its result is added as a message.
4. `_ask` again; the reply ends the turn with `{"value": 3}`. `Answer.read` checks it: 3 is the value of the call.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cogc.ir import Agent, Program
from cogc.kernel import programs
from cogc.kernel.models import agents, content, tools
from cogc.kernel.models.answers import Answer
from cogc.kernel.models.asking import ATTEMPTS, Overloaded, attempts, charge, release, reserve
from cogc.kernel.models.budget import TURNS, Budget, Reservation, Unaffordable
from cogc.kernel.models.counting import estimate
from cogc.kernel.models.partial import Partial
from cogc.kernel.models.replies import ENDS, Sendable, call_ids, portable, sendable, tokens_of, whole
from cogc.kernel.models.roster import MOST, Choices, Roster, TooDeep
from cogc.kernel.models.sessions import Session
from cogc.kernel.models.tool_calls import ToolCalls
from cogc.kernel.objects import Instance
from cogc.kernel.permissions import Sandbox
from cogc.kernel.waits import AskModel, CallProgram, Talk, WaitIn
from cogc.language.attributes import HAND_OFF, READ_RESULT, SPAWN_TOOLS, USUAL
from cogc.language.functions import text
from cogc.language.limits import MOST_TOKENS
from cogc.language.texts import FILE
from cogc.language.values import Duration, Failure, Media

if TYPE_CHECKING:
    from collections.abc import Callable

    from cogc.kernel.models.sessions import Record
    from cogc.kernel.shapes import Block, Body, Error, Message
    from cogc.kernel.state import State
    from cogc.language.values import Settings, Value

DEADLINE = 60_000_000_000
"""The nanoseconds that a conversation may take, if it has no timeout."""
MANY_TURNS = 25
"""The bound on the turns of an agent that may start others."""
DEPTH = 16
"""How many conversations may nest."""
FILLED = 0.9
"""The share of a model's window beyond which the conversation is summed up."""
_SUMMARISE = (
    "The conversation is about to be cut here. Sum up all that is needed to go on with it: the task, what was done and "
    "found, what is open. Use no tools."
)
_SO_FAR = "The conversation so far, summed up:"


def perform(kernel: State, inst: Instance, key: str, arguments: list[Value], sandbox: Sandbox | None = None) -> Talk:
    """Call a program, or the one that replaces it in this coglet (`ProgLet`), and return its value."""
    unit, function = inst.code.unit, programs.rebound(inst, key)
    if function is not None:
        return function(inst, *arguments)
    program = unit.bundle.programs[programs.registered(inst, key)]
    if program.kind in programs.PURE:
        return unit.pure(program)(inst, *arguments)
    if program.kind != "llm":
        return (yield CallProgram(program.key, arguments, sandbox))
    return (yield from Conversation(kernel, inst, program, arguments).run())


class Conversation:
    """One conversation: its messages so far, its tools, its limits.

    `around` is the conversation that it is part of. `id` is the id of its agent.
    """

    def __init__(
        self,
        kernel: State,
        inst: Instance,
        program: Program,
        arguments: list[Value],
        around: Conversation | None = None,
        id: str = "",
        system: str | None = None,
    ) -> None:
        self.id = id or inst.path
        self.kernel = kernel
        self.inst = inst
        self.root = kernel.telling
        self.unit = unit = inst.code.unit
        self.program = self.first = program
        self.around = around
        self.outermost = around is None
        self.next: Program | None = None
        self.given = {p.name: v for p, v in zip(program.parameters, arguments, strict=True)}
        self.call, kernel.next_call = kernel.next_call, kernel.next_call + 1
        values: dict[str, Any] = unit.attributes(program)(inst, *_seen(program, arguments))
        self.values = values = values if system is None else {**values, "system": system}
        self.content = values["prompt"] if program.agent is None else arguments[0]
        self.prompt = content.words(self.content)
        settings = {**unit.model(program.model), **values}
        self.depth = self._depth(settings.get("max_depth", DEPTH))
        self.messages: list[Message] = []
        self.ids: set[str] = set()
        self.begun = 0
        self.injected: list[str] = []
        self.partial = ""
        self.seen = 0
        self.size = 0
        self.sandbox: Sandbox | None = around.sandbox if around is not None else kernel.models.sandbox
        self.gates: list[Program] = list(around.gates) if around is not None else []
        self.roster = self._roster(program)
        budget = settings.get("budget") or {}
        spent_around: Budget = around.spending if around is not None else kernel.models.budget_of(inst)
        self.budget = Budget(program.name, budget, self._turns(settings), spent_around)
        self.spending: Budget = self.budget
        left, limit = self.budget.begin(kernel.now), self._limit(settings) or DEADLINE
        self.limit = limit if left is None else min(limit, left)
        self._start_clock()
        self.calls = ToolCalls(self, perform)
        self._take_up(program, settings)
        key = values.get("session")
        self.session = None if key is None else Session(kernel, inst, program, key)

    def _take_up(self, program: Program, settings: Settings) -> None:
        """Let an agent hold the conversation: its tools, its models, its settings."""
        unit = self.unit
        self.program = program
        self.others = list(program.fallbacks)
        self.retries = settings.get("retry", ATTEMPTS)
        self.sandbox = self._sandbox(settings)
        self._gate(program)
        self.hand_offs = (
            {p.name: p for p in (unit.bundle.programs[k] for k in program.agent.hand_off)} if program.agent else {}
        )
        taken = (*(SPAWN_TOOLS if self.roster else ()), *((HAND_OFF,) if self.hand_offs else ()))
        self.tools = tools.named([unit.bundle.programs[k] for k in program.tools], taken)
        self.model = unit.bundle.models[program.model]
        self.results = tools.Results(settings.get("max_result", self._window() // tools.SHARE) * tools.CHARACTERS)
        self._speak_to(program.model)

    def _gate(self, program: Program) -> None:
        """Let the program that decides about an agent's calls of tools decide about them from now on, before those of the agents
        around it and before it."""
        key = program.agent.on_tool if program.agent is not None else ""
        if key:
            gate = self.unit.bundle.programs[key]
            self.gates = [gate, *(g for g in self.gates if g is not gate)]

    def _turns(self, settings: Settings) -> int:
        """Return the bound on the turns of an agent whose budget has none."""
        turns: int = settings.get("max_turns", MANY_TURNS if self.roster else TURNS)
        return turns

    def _limit(self, settings: Settings) -> int:
        """Return the nanoseconds that an agent's settings allow; 0 if they say nothing."""
        given = (settings.get("timeout"), (settings.get("budget") or {}).get("time"))
        return min((d.nanos for d in given if isinstance(d, Duration)), default=0)

    def _speak_to(self, key: str) -> None:
        """Let a model answer from now on."""
        self.model = self.unit.bundle.models[key]
        settings = {**self.unit.model(key), **self.values}
        self.can = frozenset(settings.get("capabilities", USUAL[self.model.provider]))
        self.most: int = settings.get("max_tokens", MOST_TOKENS)
        self.result = Answer(self.unit, self.first.result, self.model.provider)
        self.fixed = self._fixed(settings)

    def _start_clock(self) -> None:
        """Begin to count the time of the conversation."""
        self.deadline = self.kernel.now + self.limit
        own = self.kernel.models.known_agent(self.inst)
        self.paused_before = own.paused_for(self.kernel.now) if own is not None else 0

    def _depth(self, own: int) -> int:
        """Return how many conversations may nest from this one on, as this agent and those around it say."""
        outer = self.kernel.models.max_depth if self.around is None else self.around.depth - 1
        return own if outer is None else min(own, outer)

    def _window(self) -> int:
        """Return the tokens that the model takes in."""
        return (self.model.price.context if self.model.price else 0) or tools.WINDOW

    def _roster(self, program: Program) -> Roster | None:
        if program.agent is None or not program.agent.spawn:
            return None
        most = program.agent.max_concurrent
        limit = MOST if most is None else self.unit.value(most, self.inst)
        started = [self.unit.bundle.programs[k] for k in program.agent.spawn]
        return Roster(self, started, limit, program.agent.dispatch, self._choices(program.agent))

    def _choices(self, agent: Agent) -> Choices:
        """Return what the model may choose when it starts a sub-agent."""
        offered = tools.named([self.unit.bundle.programs[k] for k in agent.tools])
        system = agent.system is not None and bool(self.unit.value(agent.system, self.inst))
        return Choices(agent.models, offered, system)

    def _sandbox(self, settings: Settings) -> Sandbox | None:
        """Return the sandbox of an agent's tools: its own setting, within that of the agents around it or before it."""
        if settings.get("sandbox", "none") == "none":
            return self.sandbox
        return Sandbox.of(settings).inside(self.sandbox)

    def sub(self, program: Program, query: str, id: str, system: str | None = None) -> Conversation:
        """Return a conversation that is part of this one: another agent, asked by it. `system` takes the place of its system
        text."""
        self.in_depth(program)
        return Conversation(self.kernel, self.inst, program, self._arguments(program, query), self, id, system)

    def in_depth(self, program: Program) -> None:
        """Raise TooDeep if no conversation may nest in this one."""
        if self.depth > 1:
            return
        callers: list[str] = []
        talk: Conversation | None = self
        while talk is not None:
            callers.insert(0, f"`{talk.program.name}`")
            talk = talk.around
        way = " > ".join([*callers, f"`{program.name}`"][-4:])
        raise TooDeep(f"agents ask each other deeper than `max_depth` allows: {len(callers)} conversations, ... {way}")

    def _fixed(self, settings: Settings) -> Body:
        """Return the parts that every request of the conversation shares."""
        system = text(settings.get("system", ""))
        fixed: Body = {}
        if self.result.schema is not None:
            if "structured_output" in self.can and self.result.strict is not None:
                fixed["schema"] = self.result.strict
            else:
                wanted = json.dumps(self.result.schema, ensure_ascii=False)
                system += f"\n\nAnswer with one JSON value of this JSON Schema, and nothing else:\n{wanted}"
        if system:
            fixed["system"] = whole(system.strip())
        offered = [tools.offer(self.unit, n, t) for n, t in self.tools.items()]
        offered += self.roster.tools() if self.roster else []
        offered += [tools.hand_off(self.hand_offs)] if self.hand_offs else []
        if offered:
            fixed["tools"] = offered
        if "temperature" in settings:
            fixed["temperature"] = settings["temperature"]
        if "effort" in settings and "effort" in self.can:
            fixed["effort"] = settings["effort"]
        thinking = settings.get("thinking")
        forced = self.values.get("tool_choice") == "any"  # servers refuse to think where a tool is forced
        if (
            thinking is not None
            and not forced
            and ("thinking" in self.can or (thinking == "off" and "effort" in self.can))
        ):
            fixed["thinking"] = thinking
        return fixed

    def run(self) -> Talk:
        """Hold the whole conversation, with what the trace says of it, and give its value."""
        self.content = yield from self._read(self.content)
        said = content.blocks(self.content) or [_words("")]
        return (yield from self._in_session(lambda: self._add("user", whole(said)), self.given))

    def _read(self, said: Value) -> Talk:
        """Return a content whose files are read."""
        if isinstance(said, list):
            found: list[Value] = []
            for part in said:
                found.append((yield from self._read(part)))
            return found
        if isinstance(said, Media) and not said.digest:
            return (yield CallProgram(FILE, [said.name]))
        return said

    def again(self, words: str) -> Talk:
        """Go on with a conversation that has had its answer; its turns and its time count anew, its money does not."""
        self.call, self.kernel.next_call = self.kernel.next_call, self.kernel.next_call + 1
        self.budget.used_turns = self.spending.used_turns = 0
        self._start_clock()
        self.calls.uses.clear()
        return (yield from self._in_session(lambda: self.say(words), words))

    def _in_session(self, begin: Callable[[], None], given: object) -> Talk:
        """Hold the conversation; in a session, after the tasks before it, and with their history."""
        if self.session is None:
            begin()
            return (yield from self._traced(given))
        record = yield from self.session.enter(self.left)
        try:
            if record is not None:
                self._go_on(record)
            begin()
            value = yield from self._traced(given)
            self.session.keep({"agent": self.program.key, "model": self.model.key, "messages": self.messages})
            return value
        finally:
            self.session.leave()

    def _go_on(self, record: Record) -> None:
        """Go on with the history of a session, and with the agent that holds it."""
        holder = self.unit.bundle.programs.get(record["agent"])
        if holder is not None and holder.agent is not None and holder.key != self.program.key:
            self._hand_over(holder)
        self.messages = list(record["messages"] if record["model"] == self.model.key else portable(record["messages"]))
        self.ids = call_ids(self.messages)
        self.seen = self.begun = len(self.messages)

    def _hand_over(self, program: Program) -> None:
        """Let another agent hold the conversation from now on, within the limits of those before it."""
        self.values = self.unit.attributes(program)(self.inst, *self._arguments(program, self.prompt))
        settings = {**self.unit.model(program.model), **self.values}
        if self.roster is not None:
            self.roster.close()
        self.roster = self._roster(program)
        if self.roster is not None:
            self.roster.begin()
        self.spending.shared = True  # its turns go on to count
        self.spending = Budget(program.name, settings.get("budget") or {}, self._turns(settings), self.spending)
        if limit := self._limit(settings):
            self.deadline = min(self.deadline, self.kernel.now + limit)
        before, self.next = self.model.key, None
        self._take_up(program, settings)
        if before != self.model.key:
            self._translate()

    def _translate(self) -> None:
        """Have the conversation as another model takes it."""
        self.messages = portable(self.messages)
        self.seen = min(self.seen, len(self.messages))
        self.begun = min(self.begun, len(self.messages))

    def _arguments(self, program: Program, query: str) -> list[Value]:
        """Return the arguments of another agent for a query: its own parameters must have defaults."""
        arguments: list[Value] = [query]
        for p in program.parameters[1:]:
            if p.default is None:
                raise Failure("type", f"agent `{program.name}` needs `{p.name}`")
            arguments.append(self.unit.value(p.default, self.inst))
        return arguments

    def _traced(self, given: object) -> Talk:
        """Hold the conversation, with the records of the trace and the status of the agent around it."""
        kernel, inst = self.kernel, self.inst
        steered = inst.code.ir.kind == "agent" or self.roster is not None or self.hand_offs
        own = kernel.models.agent(inst) if steered else None
        if own is not None:
            if self.around is None:
                self.injected, own.injected = own.injected, []
                kernel.models.registry.update_status(self.id, "running")
            own.talks.append(self)
        if self.roster is not None:
            self.roster.begin()
        if kernel.trace:
            kernel.cause = kernel.trace.record("call", inst, call=self.call, **self._of_the_call(given))
        try:
            value = yield from self._run()
        except Failure as failure:
            failure.partial = self.partial
            if kernel.trace:
                kernel.trace.record("result", inst, call=self.call, error=failure.message, error_kind=failure.kind)
            raise
        finally:
            if own is not None and self in own.talks:
                own.talks.remove(self)
                if own.talk() is None:
                    kernel.models.registry.update_status(inst.path, "idle")
            if self.roster is not None:
                self.roster.close()
        if kernel.trace:
            kernel.cause = kernel.trace.record("result", inst, call=self.call, data=value)
        return value

    def _of_the_call(self, given: object) -> dict[str, Any]:
        """Return what the trace says of the conversation when it begins."""
        said: dict[str, Any] = {"program": self.program.name, "data": given}
        return said if self.session is None else {**said, "session": self.session.key}

    def _run(self) -> Talk:
        """Ask until a reply ends the turn. Return the value of the declared type."""
        repaired = False
        while True:
            reply = yield from self._ask()
            self._add("assistant", reply.content)
            self.seen = len(self.messages)
            said = "".join(b["text"] for b in reply.content if b["type"] == "text")
            self.partial = said or self.partial
            if reply.stop == "tool_use":
                yield from self._use_tools(reply)
                continue
            if reply.stop == "pause_turn":
                continue
            if reply.stop in ENDS:
                why, detail = ENDS[reply.stop].format(most=self.most), reply.detail
                raise Failure("program", f"`{self.program.name}`: {why}{f' ({detail})' if detail else ''}")
            if self.roster is not None and self.roster.working():
                self.injected += yield from self.roster.wait_for_news()
            if self.injected:
                continue
            try:
                return self.result.read(said)
            except Failure as wrong:
                if repaired or self.result.schema is None:
                    raise Failure(wrong.kind, f"`{self.program.name}`: {wrong.message}") from None
                repaired = True
                self.say(f"That answer does not fit: {wrong.message}. Answer again, with nothing but the JSON value.")

    def say(self, words: str) -> None:
        """Say something before the next request."""
        self.injected.append(words)

    def _add(self, role: str, content: list[Block]) -> None:
        """Add a message. Content of the same role joins the last message, and empty content is dropped."""
        if not content:
            return
        if self.messages and self.messages[-1]["role"] == role:
            last = self.messages.pop()
            content = [*last["content"], *content]
            self.seen = min(self.seen, len(self.messages))
        self.messages.append({"role": role, "content": content})

    # ---- time ----------------------------------------------------------------------------------------------

    def left(self) -> int:
        """Return the nanoseconds until the deadline. The time for which the agent was paused does not count."""
        own = self.kernel.models.known_agent(self.inst)
        paused = own.paused_for(self.kernel.now) - self.paused_before if own is not None else 0
        return max(0, self.deadline + paused - self.kernel.now)

    def in_time(self) -> None:
        """Raise Failure if the time of the conversation is over."""
        if not self.left():
            raise Failure("timeout", f"program `{self.program.name}` took longer than {self.limit / 1e9:g}s")

    def _held(self) -> Talk:
        """Wait while the agent is paused."""
        own = self.kernel.models.known_agent(self.inst)
        while own is not None and own.paused_at is not None:
            yield WaitIn(own.holding)

    # ---- asking --------------------------------------------------------------------------------------------

    def _ask(self) -> Talk:
        """Take in what was said meanwhile, make the next request, and return its reply."""
        yield from self._held()
        if self.roster is not None:
            yield from self.roster.start()
            self.injected += self.roster.take_news()
        if self.injected:
            self._add("user", [_words(words) for words in self.injected])
            self.injected = []
        last = self.spending.has_one_turn()
        if self._full() and not last:
            yield from self._compact()
            last = self.spending.has_one_turn()

        def shared() -> Body:
            fixed = self.fixed
            if self.results.kept and READ_RESULT not in self.tools:
                fixed = {**fixed, "tools": [*fixed.get("tools", ()), self.results.offer()]}
            if last:
                return self._without_tools(fixed)
            return {**fixed, "choice": "any"} if self._must_use_tools(fixed) else fixed

        return (yield from self._reply(shared))

    def _must_use_tools(self, fixed: Body) -> bool:
        """Return whether the next reply must ask for a tool: the program says so, and none has been asked for."""
        wanted = self.values.get("tool_choice") == "any" and "tools" in fixed
        return wanted and not any(
            b.get("type") == "tool_use" for m in self.messages[self.begun :] for b in m["content"]
        )

    def _without_tools(self, fixed: Body) -> Body:
        """Return the parts of a request that offers no tools. Servers want their descriptions where messages speak of them."""
        if any(b.get("type") == "tool_use" for m in self.messages for b in m["content"]):
            return {**fixed, "choice": "none"} if "tools" in fixed else fixed
        return {k: v for k, v in fixed.items() if k != "tools"}

    def _full(self) -> bool:
        """Return whether the last request has filled most of the model's window."""
        window = self.model.price.context if self.model.price else 0
        return bool(window) and self.size > window * FILLED

    def _compact(self) -> Talk:
        """Put a summary, made by the model, in the place of the conversation so far."""
        self._add("user", [{"type": "text", "text": _SUMMARISE}])
        reply = yield from self._reply(
            lambda: self._without_tools({k: v for k, v in self.fixed.items() if k != "schema"})
        )
        summary = "".join(b["text"] for b in reply.content if b["type"] == "text")
        if not summary.strip():
            raise Failure("program", f"`{self.program.name}`: the conversation fills the window and has no summary")
        said = _words(f"{self.prompt}\n\n{_SO_FAR}\n{summary}")
        shown = [content.block(m) for m in content.all_media(self.content)]
        self.messages = [{"role": "user", "content": [*shown, said]}]
        self.seen = self.begun = 0

    def _reply(self, shared: Callable[[], Body]) -> Talk:
        """Return the reply to a request with the parts that are `shared`. A model that cannot answer is replaced by the next."""
        while True:
            seen = content.as_seen(self.messages, self.can)
            request = {**shared(), "messages": list(seen), "max_tokens": self.most}
            try:
                return (yield from self._answered(request))
            except (Overloaded, Unaffordable) as failure:
                if not self.others:
                    raise
                self._fall_back(failure.message)

    def _fall_back(self, reason: str) -> None:
        """Let the next model go on with the conversation."""
        before = self.model.name
        self._speak_to(self.others.pop(0))
        self._translate()
        kernel, program = self.kernel, self.program.name
        if kernel.trace:
            kernel.trace.record("fallback", self.inst, program=program, model=before, to=self.model.name, reason=reason)
        kernel.log(self.inst, "warn", f"`{program}` goes on with the model `{self.model.name}`: {reason}")

    def _answered(self, request: Body) -> Talk:
        """Return the reply of the present model, within the budget, after as many attempts as it takes."""
        before = (yield from self._count(request)) if self.spending.bounded() else 0
        held = yield from reserve(
            self, self.spending, before, self.most, self.model, lambda held: self._keep_room(held, before)
        )
        request["max_tokens"] = held.most
        try:
            reply = sendable((yield from attempts(self, lambda: self._request(request))), self.ids)
            self.size = tokens_of(reply.usage)
            charge(self.kernel, self.spending, self.program.name, self.model, reply.usage)
        finally:
            release(self.kernel, held)
        return reply

    def _keep_room(self, held: Reservation, before: int) -> None:
        """Raise Unaffordable if the next model may give a longer answer for the dollars that are left."""
        if held.most >= self.most or not self.others:
            return
        held.release()
        room = self.spending.room(before, self.most, self.unit.bundle.models[self.others[0]].price)
        if room > held.most:
            left = f"the budget leaves `{self.model.name}` an answer of {held.most} tokens"
            raise Unaffordable("budget", f"`{self.program.name}`: {left}")
        held.hold()

    @property
    def label(self) -> str:
        """The words for the conversation in messages."""
        return f"`{self.program.name}`"

    def failed(self, error: Error) -> None:
        """Keep the part of a reply that has come."""
        self.partial = error.get("partial") or self.partial

    def restarted(self) -> None:
        """Tell those who listen that the answer begins anew."""
        if self._streams():
            agents.delta(self.kernel, self.inst, "" if self._is_text() else None)

    def _request(self, request: Body) -> AskModel:
        """Return the record of one attempt."""
        self.in_time()
        news = self.messages[self.seen :]
        streams, name = self._streams(), self.program.name
        ask = AskModel(self.model.key, name, request, self.left(), news, streams, self.program.at)
        ask.partial = (
            Partial(self.result.wrapped, self._so_far)
            if streams and not self._is_text() and "count" not in request
            else None
        )
        return ask

    def _so_far(self, value: Any) -> Any:
        """Return what is known of an answer as a value of the channel `delta`. Raise Failure if it does not have that type."""
        return self.result.checked(value, agents.delta_type(self.inst))

    def _is_text(self) -> bool:
        """Return whether the answer is a text."""
        return self.result.schema is None

    def _streams(self) -> bool:
        """Return whether somebody listens to the pieces of an answer."""
        return self.around is None and agents.listened(self.inst)

    def _count(self, request: Body) -> Talk:
        """Return the number of tokens of a request: counted by the provider if it can, else estimated from the
        length."""
        if "count_tokens" in self.can:
            reply = yield self._request({**request, "count": True})
            if "tokens" in reply:
                return reply["tokens"]
        return estimate(request)

    # ---- tools ---------------------------------------------------------------------------------------------

    def _use_tools(self, reply: Sendable) -> Talk:
        """Call all tools that a reply asks for, and add their results as a message. A hand-off follows them."""
        self.calls.in_turns(reply.content)
        yield from self._held()
        self._add("user", (yield from self.calls.use(reply)))
        if self.next is None:
            return
        before, after = self.program.name, self.next.name
        self._hand_over(self.next)
        kernel = self.kernel
        if kernel.trace:
            kernel.trace.record("hand_off", self.inst, program=before, to=after)
        kernel.log(self.inst, "info", f"`{before}` hands the conversation to `{after}`")


def _seen(program: Program, arguments: list[Value]) -> list[Value]:
    """Return the arguments as the attributes of a program see them: the task of an agent is a text."""
    return arguments if program.agent is None else [content.words(arguments[0]), *arguments[1:]]


def _words(said: str) -> Block:
    """Return a block of what a user says. Servers refuse blank ones."""
    return {"type": "text", "text": whole(said) if said.strip() else content.EMPTY}

"""The tools that a reply asks for, called side by side, and their results as blocks of the next message.

A failure of a tool is a result too, so that the model hears of it. Three kinds end the conversation instead: `budget`, `cancelled`,
and agents that nest too deep. A tool may be a program, an agent, a coglet that is asked a question, one of the tools by which
sub-agents are started (`roster.py`), `read_result` (`tools.py`), or `hand_off`, which lets another agent go on.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Protocol

from cogc.kernel.models import content, registry
from cogc.kernel.models.budget import Budget
from cogc.kernel.models.replies import Sendable, whole
from cogc.kernel.models.roster import Roster, TooDeep, outcome
from cogc.kernel.models.tools import Results
from cogc.kernel.waits import AskCoglet, RunAll, WaitIn
from cogc.language.attributes import HAND_OFF, READ_RESULT
from cogc.language.values import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from cogc.ir import Program
    from cogc.kernel.objects import Instance
    from cogc.kernel.permissions import Sandbox
    from cogc.kernel.shapes import Block
    from cogc.kernel.state import State
    from cogc.kernel.unit import Unit
    from cogc.kernel.waits import Talk
    from cogc.language.values import Settings, Value

    Perform = Callable[[State, Instance, str, list[Value], Sandbox | None], Talk]

CIRCLES = 5
"""How often the same calls with the same results may come before the conversation is ended."""


class Asked(Protocol):
    """A conversation that is asked as a tool."""

    id: str

    @property
    def budget(self) -> Budget: ...

    def run(self) -> Talk: ...


class Caller(Protocol):
    """A conversation, as far as its tools need it. `next` is the agent to which the conversation is about to be handed."""

    kernel: State
    inst: Instance
    unit: Unit
    id: str
    program: Program
    tools: dict[str, Program]
    hand_offs: dict[str, Program]
    next: Program | None
    results: Results
    gates: list[Program]
    sandbox: Sandbox | None
    values: Settings

    @property
    def roster(self) -> Roster | None: ...

    @property
    def spending(self) -> Budget: ...

    def sub(self, program: Program, query: str, id: str) -> Asked: ...

    def left(self) -> int: ...

    def in_time(self) -> None: ...


class ToolCalls:
    """The calls of one conversation. `perform` calls a program; `uses` counts how often each round of calls was made since the
    last one that was new."""

    def __init__(self, talk: Caller, perform: Perform) -> None:
        self.talk = talk
        self.perform = perform
        self.uses: dict[bytes, int] = {}

    def use(self, reply: Sendable) -> Talk:
        """Call all tools that a reply asks for, at most `max_parallel` at a time, and return their results in order."""
        uses = [b for b in reply.content if b["type"] == "tool_use"]
        calls = [self._use(b, reply.wrong.get(b["id"], "")) for b in uses]
        results = yield RunAll(calls, self.talk.values.get("max_parallel"))
        self._look_for_circles(uses, results)
        return results

    def in_turns(self, asked_for: list[Block]) -> None:
        """End the conversation instead of running a tool whose result there is no turn to tell."""
        empty = self.talk.spending.without_turns()
        if empty is not None:
            asked = " and ".join(f"`{b['name']}`" for b in asked_for if b.get("type") == "tool_use")
            why = f"{asked}, asked for in the last one, {'were' if ' and ' in asked else 'was'} not run"
            raise Failure("budget", f"`{empty.name}` has used its {empty.turns} turns; {why}")

    def _look_for_circles(self, uses: list[Block], results: list[Block]) -> None:
        """End a conversation that makes the same calls again and again, and hears the same: a circle may have several parts."""
        pairs = zip(uses, results, strict=True)
        this = json.dumps([[u["name"], u["input"], r["content"]] for u, r in pairs], sort_keys=True, default=str)
        key = hashlib.sha256(this.encode("utf-8", "surrogatepass")).digest()
        if key in self.uses:
            self.uses[key] += 1
        else:
            self.uses = dict.fromkeys([*self.uses, key], 1)
        if self.uses[key] >= CIRCLES:
            names = " and ".join(f"`{u['name']}`" for u in uses)
            name = self.talk.program.name
            raise Failure("program", f"`{name}` goes in circles: {CIRCLES} times the same call of {names}")

    def _use(self, block: Block, wrong: str) -> Talk:
        """Call one tool and return its result block. A failure of the tool is a result too, and so is a `wrong` input."""
        said: str | list[Block] = ""
        is_error, talk, name = False, self.talk, block["name"]

        def told(words: str) -> str:
            if name == READ_RESULT and name not in talk.tools:
                return words
            return talk.results.told(words, READ_RESULT not in talk.tools)

        try:
            if wrong:
                raise Failure("type", f"the input of `{block['name']}` {wrong}")
            value = yield from self._call((yield from self._let_through(block)))
            said = content.result(value, told)
        except Failure as failure:
            if failure.kind in ("budget", "cancelled") or isinstance(failure, TooDeep):
                raise
            said, is_error = told(failure.message.strip() or "it failed"), True
        shown = whole(said) if isinstance(said, list) or said.strip() else content.EMPTY  # servers refuse what is blank
        return {
            "type": "tool_result",
            "tool_use_id": block["id"],
            "content": shown or content.EMPTY,
            "is_error": is_error,
        }

    def _let_through(self, block: Block) -> Talk:
        """Return a call as the programs that decide about it let it through, perhaps with another input. Raise Failure if one of them
        refuses it, or cannot decide."""
        talk = self.talk
        for gate in talk.gates:
            told: list[Value] = [talk.id, block["name"], block["input"]]
            try:
                verdict = yield from self.perform(talk.kernel, talk.inst, gate.key, told, None)
            except Failure as failure:
                if failure.kind in ("budget", "cancelled"):
                    raise
                raise Failure(
                    failure.kind, f"`{gate.name}` could not decide, and the call was not made: {failure.message}"
                ) from None
            except (ArithmeticError, LookupError, TypeError, ValueError) as error:
                raise Failure("error", f"`{gate.name}` could not decide, and the call was not made: {error}") from None
            if verdict["allow"] is not True:
                why = str(verdict.get("why") or "")
                raise Failure("program", f"`{gate.name}` has refused the call{': ' if why else ''}{why}")
            changed = verdict.get("input")
            if changed is not None and not isinstance(changed, dict):
                raise Failure("type", f"`{gate.name}` gives an input that is no record, and the call was not made")
            block = block if changed is None else {**block, "input": changed}
        return block

    def _agent(self, program: Program, query: str) -> Talk:
        """Ask another agent as a tool. Its failure is a result."""
        talk = self.talk
        name = f"{program.name}-{talk.kernel.next_call}"
        asked = talk.sub(program, query, f"{talk.inst.path}/{name}")
        known = talk.kernel.models.registry
        registry.started(known, talk.unit, asked.id, talk.id, program, "local")
        value: Value | Failure = None
        try:
            value = yield from asked.run()
        except Failure as failure:
            if (
                isinstance(failure, TooDeep)
                or failure.kind == "cancelled"
                or (failure.kind == "budget" and talk.spending.spent())
            ):
                raise
            value = failure
        finally:
            known.remove(asked.id)
        return outcome(name, asked.budget, value)

    def _call(self, block: Block) -> Talk:
        """Call the tool of a block with its checked input, and return the value."""
        talk = self.talk
        program, given = talk.tools.get(block["name"]), block["input"]
        if program is None:
            return (yield from self._own(block["name"], given))
        if program.agent is not None:
            if set(given) != {"query"} or type(given["query"]) is not str:
                raise Failure("type", f"the agent `{program.name}` takes one string, `query`")
            return (yield from self._agent(program, given["query"]))
        if program.schema is not None:
            return (yield from self.perform(talk.kernel, talk.inst, program.key, [given], talk.sandbox))
        arguments = self._arguments(program, given)
        if program.kind == "ask":
            return (yield from self._question(program, arguments))
        try:
            return (yield from self.perform(talk.kernel, talk.inst, program.key, arguments, talk.sandbox))
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise Failure("error", str(error)) from None

    def _own(self, name: str, given: dict[str, Value]) -> Talk:
        """Carry out one of the tools that a conversation gives its model by itself."""
        talk = self.talk
        if talk.roster is not None and talk.roster.has(name):
            return (yield from talk.roster.use(name, given))
        if talk.results.kept and name == READ_RESULT:
            return talk.results.read(given)
        if talk.hand_offs and name == HAND_OFF:
            return self._hand_off(given)
        raise Failure("error", f"there is no tool `{name}`; there is {', '.join(talk.tools) or 'none'}")

    def _hand_off(self, given: dict[str, Value]) -> str:
        """Have another agent go on with the conversation once the results of this round are there."""
        talk, name = self.talk, given.get("agent")
        program = talk.hand_offs.get(name) if isinstance(name, str) else None
        if program is None or set(given) - {"agent", "reason"}:
            raise Failure("type", f"`{HAND_OFF}` takes `agent`, one of {', '.join(talk.hand_offs)}, and `reason`")
        if talk.next is not None:
            raise Failure("error", f"the conversation is handed to `{talk.next.name}` already")
        if talk.roster is not None and talk.roster.working():
            raise Failure("error", "agents that were started still work: wait for them, or cancel them, before")
        missing = [p.name for p in program.parameters[1:] if p.default is None]
        if missing:
            raise Failure("type", f"agent `{program.name}` needs `{missing[0]}`")
        talk.next = program
        return f"`{program.name}` goes on with this conversation."

    def _arguments(self, program: Program, given: dict[str, Value]) -> list[Value]:
        """Return the arguments of a program for the input that a model gives. Raise Failure if it does not fit."""
        unknown = set(given) - {p.name for p in program.parameters}
        if unknown:
            raise Failure("type", f"`{program.name}` has no parameter `{min(unknown)}`")
        arguments: list[Value] = []
        for p in program.parameters:
            if p.name in given:
                arguments.append(self.talk.unit.checked(p.type, given[p.name], f"`{p.name}`"))
            elif p.default is not None:
                arguments.append(self.talk.unit.value(p.default, self.talk.inst))
            else:
                raise Failure("type", f"`{program.name}` needs `{p.name}`")
        return arguments

    def _question(self, program: Program, arguments: list[Value]) -> Talk:
        """Ask a coglet and return its answer; the time limit stands still while the agent is paused."""
        talk = self.talk
        given = {p.name: v for p, v in zip(program.parameters, arguments, strict=True)}
        question = yield AskCoglet(program.key, given)
        while not (answer := talk.kernel.answer(talk.inst, question)):
            yield WaitIn(question.waiting, talk.left())
            talk.in_time()
        return answer[0]

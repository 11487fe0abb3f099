"""The table of programs of a coglet, and what runs them: Python code, or a model."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from cogc.coglet.base import enact
from cogc.coglet.world import current_owner, current_world
from cogc.language.attributes import USUAL_MODEL

Invoke = Callable[[str, Any], Awaitable[Any]]


@dataclass
class Program:
    """A program by its executor: a function for `code`; prompt, tools, parser and `config` for a model."""

    executor: str
    fn: Callable[..., Any] | None = None
    system: str | Callable[..., str] | None = None
    tools: list[str] = field(default_factory=list)
    parser: Callable[[str], Any] | None = None
    config: dict[str, Any] = field(default_factory=dict)


@runtime_checkable
class Executor(Protocol):
    """The base of what runs the programs of one kind."""

    async def run(self, program: Program, context: Any, invoke: Invoke) -> Any:
        """Run a program on a value. `invoke` runs another program of the same table."""
        ...


class CodeExecutor:
    """Calls the function of a program, async or not."""

    async def run(self, program: Program, context: Any, invoke: Invoke) -> Any:
        """Return what the function returns."""
        if program.fn is None:
            raise TypeError("a program of the executor `code` needs a function, as `fn`")
        found = program.fn(context)
        return await found if inspect.isawaitable(found) else found


class LLMExecutor:
    """Has a conversation with a model for each call of a program.

    `client` is a client of the package `anthropic`, or an object with its method `messages.create`. Inside of a run
    the requests of a client of that package go through the run, so that they are in the journal, count for the
    budget, and can be replayed; another object is asked itself.
    """

    def __init__(self, client: Any = None) -> None:
        self.client = client

    async def run(self, program: Program, context: Any, invoke: Invoke) -> Any:
        """Return the answer of the model, as `parser` reads it; None if the turns are used up."""
        config = program.config
        request: dict[str, Any] = {
            "model": config.get("model", USUAL_MODEL),
            "max_tokens": config.get("max_tokens", 1024),
            "temperature": config.get("temperature", 0.2),
        }
        system = program.system(context) if callable(program.system) else program.system
        if system:
            request["system"] = system
        if program.tools:
            request["tools"] = [_tool(name) for name in program.tools]
        messages: list[dict[str, Any]] = [
            {"role": "user", "content": context if isinstance(context, str) else str(context)}
        ]
        for _ in range(config.get("max_turns", 1)):
            reply = await self._ask({**request, "messages": list(messages)})
            if reply.stop_reason != "tool_use":
                text = next((block.text for block in reply.content if hasattr(block, "text")), "")
                return program.parser(text) if program.parser else text
            results = [await _used(block, invoke) for block in reply.content if block.type == "tool_use"]
            messages.append({"role": "assistant", "content": reply.content})
            messages.append({"role": "user", "content": results})
        return None

    async def _ask(self, request: dict[str, Any]) -> Any:
        """Send one request, through the run if there is one."""
        run = current_world.get()
        client = self.client
        ours = client is None or type(client).__module__.partition(".")[0] == "anthropic"
        if run is not None and ours:
            return await run.ask(current_owner.get(), request)
        if client is None:
            raise RuntimeError("LLMExecutor needs a client outside of a run")
        found = client.messages.create(**request)
        return await found if inspect.isawaitable(found) else found


async def _used(block: Any, invoke: Invoke) -> dict[str, Any]:
    """Return the result of a program that the model has called."""
    result = await invoke(block.name, block.input)
    return {"type": "tool_result", "tool_use_id": block.id, "content": str(result)}


def _tool(name: str) -> dict[str, Any]:
    """Return a program as a tool, which takes any record."""
    schema = {"type": "object", "additionalProperties": True}
    return {"name": name, "description": f"Invoke the '{name}' program", "input_schema": schema}


class ProgLet:
    """A coglet with a table of programs, which the command `register` changes, and of executors (`executor`)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.programs: dict[str, Program] = {}
        self.executors: dict[str, Executor] = {"code": CodeExecutor()}

    @enact("register")
    async def _proglet_register(self, programs: dict[str, Program]) -> None:
        self.programs.update(programs)

    @enact("executor")
    async def _proglet_executor(self, executors: dict[str, Executor]) -> None:
        self.executors.update(executors)

    async def invoke(self, name: str, context: Any = None) -> Any:
        """Run a program on a value. Raise KeyError if there is no such program, or no executor for it."""
        program = self.programs[name]
        executor = self._executor(program.executor)
        return await executor.run(program, context, self.invoke)

    def _executor(self, name: str) -> Executor:
        """Return an executor. Inside of a run there is one for models, registered or not."""
        if name == "llm" and name not in self.executors and current_world.get() is not None:
            return LLMExecutor()
        return self.executors[name]

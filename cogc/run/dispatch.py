"""Dispatchers: they run a sub-agent outside of this process. `specs/dispatch.md` is for those who write one.

A dispatcher is found by its name: `process` here, any other in the entry-point group `cogc.dispatchers`.
Registration, status, completion, budgets, cancellation and tracing stay with the run that dispatches. A dispatcher
that returns None hands the run back: the agent runs in this process then.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, fields
from importlib.metadata import entry_points
from typing import Any, Protocol

import msgspec
import trio

from cogc import built, ir
from cogc.desugar.agents import ASK
from cogc.kernel.effects import AgentMessage, Dispatch
from cogc.kernel.models.registry import metadata_of
from cogc.language.codec import unpacked
from cogc.language.values import Failure
from cogc.run.convert import from_python
from cogc.run.process import spawn
from cogc.run.settings import Settings

Emit = Callable[[dict[str, Any]], None]
"""Takes progress: `{event: "running"}`, `{event: "delta", text}`, `{event: "usage", usage}` after each request to a model,
`{event: "error", message}`."""
GROUP = "cogc.dispatchers"
_ATTEMPTS = 2
_MESSAGES = 1000


@dataclass(frozen=True)
class RunSpec:
    """All that a run of an agent needs, wherever it runs.

    `program` is built IR as JSON, with the agent as its root. `inbox` gives the messages to the agent while it works;
    it is not part of the JSON.
    """

    id: str
    type: str
    task: str
    system_prompt: str
    model: str
    temperature: float | None
    tools: list[str]
    background: bool
    timeout: float
    program: str
    metadata: dict[str, Any] = field(default_factory=dict)
    inbox: trio.MemoryReceiveChannel[str] | None = None

    def json(self) -> str:
        """Return the run spec for a worker elsewhere."""
        return json.dumps({f.name: getattr(self, f.name) for f in fields(self) if f.name != "inbox"})


@dataclass(frozen=True)
class Outcome:
    """The end of a run of an agent.

    `output` or `error` is set. `usage` has the tokens of each request to a model, `conversation` the messages.
    """

    output: Any = None
    error: str | None = None
    kind: str = "program"
    usage: list[dict[str, int]] = field(default_factory=list)
    conversation: list[Any] = field(default_factory=list)


class Dispatcher(Protocol):
    """Runs agents somewhere. None as an outcome hands the run back, to be done in process."""

    async def run(self, spec: RunSpec, emit: Emit) -> Outcome | None:
        """Run an agent and return its outcome, or None to hand the run back. `emit` takes progress."""
        ...


class Dispatchers:
    """The dispatchers of one run, each made when it is first needed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.made: dict[str, Dispatcher] = {}
        self.mailboxes: dict[int, trio.MemorySendChannel[str]] = {}

    def send(self, message: AgentMessage) -> None:
        """Send a message to an agent that works. A message that it cannot take is dropped."""
        mailbox = self.mailboxes.get(message.call)
        if mailbox is not None:
            with suppress(trio.WouldBlock, trio.BrokenResourceError):
                mailbox.send_nowait(message.message)

    async def run(self, call: Dispatch, emit: Emit) -> Any:
        """Let a dispatcher run an agent within its time. Return a reply in the kernel's form, or a Failure."""
        late = f"the run of `{call.program.name}` took longer than {call.limit / 1e9:g}s"
        result: Any = Failure("timeout", late)
        self.mailboxes[call.id], inbox = trio.open_memory_channel[str](_MESSAGES)
        with trio.move_on_after(call.limit / 1e9), self.mailboxes[call.id], inbox:
            try:
                outcome = await self._dispatcher(call.dispatcher).run(self._spec(call, inbox), emit)
                result = {"fallback": True} if outcome is None else _reply(outcome)
            except Failure as failure:
                result = failure
            except Exception as error:  # somebody else's code: whatever it raises is its failure
                said = f"{type(error).__name__}: {error}"
                result = Failure("program", f"the dispatcher `{call.dispatcher}` failed: {said}")
        del self.mailboxes[call.id]
        return result

    def _dispatcher(self, name: str) -> Dispatcher:
        """Return a dispatcher by its name, made at its first use."""
        if name not in self.made:
            self.made[name] = ProcessDispatcher() if name == "process" else _foreign(name)
        return self.made[name]

    def _spec(self, call: Dispatch, inbox: trio.MemoryReceiveChannel[str]) -> RunSpec:
        """Return the run spec of a call."""
        program, bundle, settings = call.program, call.unit.bundle, self.settings
        system, temperature = program.attributes.get("system"), program.attributes.get("temperature")
        return RunSpec(
            id=f"{program.name}-{call.id}",
            type=program.name,
            task=call.query,
            system_prompt=str(system.value) if isinstance(system, ir.Const) else "",
            model=bundle.models[program.model].argument,
            temperature=float(temperature.value) if isinstance(temperature, ir.Const) else None,
            tools=[bundle.programs[k].name for k in program.tools],
            background=call.background,
            timeout=call.limit / 1e9,
            program=built.encode(_rooted(bundle, program)).decode(),
            metadata={
                **metadata_of(program),
                "workspace": settings.workspace,
                "allow_imports": sorted(settings.allow_imports),
                "sandboxed": settings.sandboxed,
                "kept": settings.kept.value(),
                "sandbox": call.sandbox.plain() if call.sandbox is not None else None,
                "max_depth": call.max_depth,
            },
            inbox=inbox,
        )


def _rooted(bundle: ir.Bundle, program: ir.Program) -> ir.Bundle:
    """Return a program whose root is an agent, with the model, the tools and the system text that were chosen for it."""
    key = f"{program.key}.{ASK}"
    programs, asked = bundle.programs, bundle.programs[key]
    if program is not programs[program.key]:
        chosen = {k: getattr(program, k) for k in ("model", "fallbacks", "tools")}
        attributes = {**asked.attributes, **{k: v for k, v in program.attributes.items() if k == "system"}}
        programs = {**programs, key: msgspec.structs.replace(asked, attributes=attributes, **chosen)}
    return msgspec.structs.replace(bundle, root=program.key, programs=programs)


def _foreign(name: str) -> Dispatcher:
    """Return the dispatcher of another package, by its entry point. Raise Failure if there is none."""
    found = list(entry_points(group=GROUP, name=name))
    if not found:
        known = ", ".join(sorted({"local", "process", *entry_points(group=GROUP).names}))
        raise Failure("program", f"there is no dispatcher `{name}`; there is {known}")
    made: Dispatcher = found[0].load()()
    return made


def _reply(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome in the form of a reply to the kernel."""
    if outcome.error is not None:
        return {"error": outcome.error, "kind": outcome.kind, "usage": outcome.usage}
    output = from_python(outcome.output, "the answer of the dispatcher")
    return {"output": output, "usage": outcome.usage}


class ProcessDispatcher:
    """Runs an agent in a worker process. If the worker dies, the run is repeated once."""

    async def run(self, spec: RunSpec, emit: Emit) -> Outcome | None:
        died = ""
        for attempt in range(_ATTEMPTS):
            emit({"event": "running", "attempt": attempt + 1})
            outcome, died = await self._attempt(spec, emit)
            if outcome is not None:
                return outcome
            emit({"event": "error", "message": died})
        return Outcome(error=f"the worker of `{spec.type}` died {_ATTEMPTS} times; {died}")

    async def _attempt(self, spec: RunSpec, emit: Emit) -> tuple[Outcome | None, str]:
        """Run one worker. Return its outcome, or None and how it died."""
        said, code = bytearray(), 0
        async with spawn([sys.executable, "-P", "-m", "cogc.run.worker"]) as process, trio.open_nursery() as nursery:
            nursery.start_soon(_drain, process.stderr, said)
            with suppress(trio.BrokenResourceError):
                await process.stdin.send_all(spec.json().encode() + b"\n")
            if spec.inbox is not None:
                nursery.start_soon(_pass_on, spec.inbox, process.stdin)
            outcome = await _listen(process.stdout, emit)
            code = await process.wait() if outcome is None else 0
            nursery.cancel_scope.cancel()
        last = said.decode("utf-8", "replace").strip().rpartition("\n")[2][:200]
        return outcome, f"it ended with code {code}{': ' + last if last else ''}"


async def _listen(stream: trio.abc.ReceiveStream, emit: Emit) -> Outcome | None:
    """Pass on the events of a worker, a JSON object a line, and return its outcome; None if it ends without one."""
    buffer = b""
    async for data in stream:
        *lines, buffer = (buffer + data).split(b"\n")
        for line in lines:
            event = json.loads(line)
            if event.pop("event", "") == "done":
                return Outcome(**{**event, "output": unpacked(event.get("output"))})
            emit({"event": "usage" if "usage" in event else "delta", **event})
    return None


async def _pass_on(inbox: trio.MemoryReceiveChannel[str], stream: trio.abc.SendStream) -> None:
    """Write messages to the agent to the worker, a JSON string a line."""
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        async for message in inbox:
            await stream.send_all(json.dumps(message).encode() + b"\n")


async def _drain(stream: trio.abc.ReceiveStream, into: bytearray) -> None:
    """Read stderr and keep the end of it."""
    async for data in stream:
        into += data
        del into[:-4000]

"""Coglets in Python: their objects, and the calls of their methods. `cogc/sdk.py` is what they are written against."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from cogc import ir, sdk
from cogc.kernel.objects import Call
from cogc.kernel.values import Failure

Tell = Callable[..., Awaitable[None]]
"""Tells the kernel of something that a method did: `await tell(call, kind, *data)`; TypeError if it is refused."""


class _Host:
    """The run, for one call of a method."""

    def __init__(self, call: int, tell: Tell, out: Callable[[Any, str], Any]) -> None:
        self.call = call
        self.tell = tell
        self.out = out
        self.over = False

    async def transmit(self, channel: str, value: Any) -> None:
        await self._tell("transmit", channel, self._plain(value, f"`{channel}`"))

    async def log(self, level: str, value: Any) -> None:
        if level not in ("debug", "info", "warn", "error"):
            raise ValueError(f"there is no level {level!r}: debug, info, warn, error")
        await self._tell("log", level, self._plain(value, "log"))

    async def sleep(self, seconds: float) -> None:
        await self._tell("sleep", max(0, round(seconds * 1e9)))

    def _plain(self, value: Any, what: str) -> Any:
        try:
            return self.out(value, what)
        except Failure as wrong:
            raise TypeError(wrong.message) from None

    async def _tell(self, kind: str, *data: Any) -> None:
        if self.over:
            raise RuntimeError("the method whose call this belongs to has returned")
        await self.tell(self.call, kind, *data)


class Coglets:
    """The objects of one run by the paths of their coglets."""

    def __init__(self, tell: Tell, into: Callable[[Any], Any], out: Callable[[Any, str], Any]) -> None:
        self.tell = tell
        self.into = into
        self.out = out
        self.objects: dict[str, Any] = {}

    async def call(self, program: ir.Program, cls: Any, call: Call) -> Any:
        """Run the method that a message, a command, a tick, a start or a stop is for."""
        kind, name, data = (call.arguments[k] for k in ("kind", "name", "data"))
        made = _Host(call.id, self.tell, self.out)
        token = sdk.host.set(made)
        try:
            if kind == "start":
                await self._start(program, cls, call, self.into(data))
            elif kind == "stop":
                await _run(getattr(self.objects.pop(call.path, None), "on_stop", None))
            else:
                await self._method(self.objects[call.path], kind, name, self.into(data))
        finally:
            made.over = True
            sdk.host.reset(token)

    async def _start(self, program: ir.Program, cls: Any, call: Call, parameters: dict[str, Any]) -> None:
        if not (inspect.isclass(cls) and issubclass(cls, sdk.Coglet)):
            raise Failure("program", f"`{program.argument}` is no class that inherits cogc.sdk.Coglet")
        for kind, declared in (("listen", program.ports), ("enact", program.commands)):
            _compare(program, kind, declared, sdk.methods(cls, kind))
        made = self.objects[call.path] = cls(**parameters)
        timers = [[name, period] for (period, name) in sdk.methods(cls, "every")]
        if timers:
            await self.tell(call.id, "every", timers)
        await _run(getattr(made, "on_start", None))

    async def _method(self, made: Any, kind: str, name: str, data: Any) -> None:
        if kind == "every":
            await _run(getattr(made, data))
        elif kind == "enact":
            await _run(getattr(made, sdk.methods(type(made), "enact")[name]), **data)
        else:
            await _run(getattr(made, sdk.methods(type(made), "listen")[name]), data)


async def _run(method: Any, *values: Any, **named: Any) -> None:
    """Call a method, async or not, if there is one."""
    found = method(*values, **named) if method is not None else None
    if inspect.isawaitable(found):
        await found


def _compare(program: ir.Program, kind: str, declared: list[str], found: dict[Any, str]) -> None:
    """What the spec declares and what the class has methods for must be the same."""
    word = {"listen": "channel", "enact": "command"}[kind]
    for name in declared:
        if name not in found:
            raise Failure(
                "program", f"`{program.argument}` has no method with @{kind}({name!r}), which the spec declares"
            )
    for name in found:
        if name not in declared:
            raise Failure("program", f"`{program.argument}` has @{kind}({name!r}); the spec declares no such {word}")

"""The names of upstream's `coglet` package, over this runner.

In a run, `from coglet import ...` means this module (`run/upstream.py`). A script that boots coglets by itself
imports it under its own name:

    from cogc.coglet import CogBase, CogletRuntime

    async def main() -> None:
        async with CogletRuntime() as runtime:
            await runtime.run(CogBase(Counter))

    trio.run(main)

A runtime is a session whose root (`_Root`) is a coglet in Python. The root's one method never returns. It hands its
host to the runtime, so that the runtime can act in the root's name: create children, link them, send to them.
"""

from __future__ import annotations

from typing import Any, BinaryIO

import trio

from cogc import sdk
from cogc.run.boot import session_of
from cogc.run.report import failure
from cogc.run.session import Session
from cogc.sdk import (
    CogBase,
    Coglet,
    CogletHandle,
    Command,
    GitLet,
    LifeLet,
    LogLet,
    MulLet,
    ProgLet,
    Program,
    SuppressLet,
    TickLet,
    WebLet,
    enact,
    every,
    listen,
)

__all__ = [
    "CogBase", "Coglet", "CogletHandle", "CogletRuntime", "CogletTrace", "Command", "GitLet", "LifeLet", "LogLet", "MulLet",
    "ProgLet", "Program", "SuppressLet", "TickLet", "WebLet", "enact", "every", "listen",
]  # fmt: skip


class CogletTrace:
    """The file to which a runtime writes its trace, as JSON lines (`specs/trace.md`)."""

    def __init__(self, path: str) -> None:
        self.path = path


class _Root(Coglet):
    """The parent of all coglets that a runtime boots."""

    @listen("run")
    async def run(self, number: int) -> None:
        """Hand the host of this call to the runtime, and keep the call open so that the runtime can use it."""
        runtime = _RUNTIMES[number]
        runtime.root = self
        runtime.host = sdk.host.get()
        runtime.ready.set()
        await trio.sleep_forever()

    async def on_child_error(self, handle: CogletHandle, error: Exception) -> str | None:
        """Record the failure of a child. A child that is never restarted stops; the others follow their CogBase."""
        for runtime in _RUNTIMES.values():
            if runtime.root is self:
                runtime.errors.append((handle, error))
                return "stop" if runtime.bases[handle.name].restart == "never" else None
        return None


_RUNTIMES: dict[int, CogletRuntime] = {}


class CogletRuntime:
    """A system of coglets that a script boots, under Trio.

    `errors` are the failures of the coglets that it has booted, with their handles. `workspace` is the folder in
    which programs run. Once the system has failed, `run`, `spawn`, `link` and `shutdown` raise RuntimeError.
    """

    def __init__(self, trace: CogletTrace | None = None, *, workspace: str = ".") -> None:
        self.trace = trace
        self.workspace = workspace
        self.errors: list[tuple[CogletHandle, Exception]] = []
        self.bases: dict[str, CogBase] = {}
        self.root: _Root | None = None
        self.host: Any = None
        self.session: Session | None = None
        self.failure: str | None = None

    async def run(self, base: CogBase) -> CogletHandle:
        """Boot a coglet and return its handle. The first one starts the system too."""
        return await self.spawn(base)

    async def spawn(self, base: CogBase) -> CogletHandle:
        """Boot another coglet and return its handle."""
        if self.session is None:
            await self._boot()
        self._alive()
        assert self.root is not None
        found: CogletHandle = await self.host.create(base)
        found.host = self.host
        self.bases[found.name] = base
        self.host.begin()
        return found

    async def link(self, source: CogletHandle, said: str, target: CogletHandle, heard: str) -> None:
        """Link a transmit channel of one coglet to a listen channel of another."""
        self._alive()
        await self.host.link(source.name, said, target.name, heard)

    async def shutdown(self) -> None:
        """Stop everything, children first."""
        if self.session is not None:
            self.session.stop()
            await self.ended.wait()
            self._alive()

    def tree(self) -> str:
        """Return the running coglets as text: one line each, children indented below their parent."""
        kernel = self.session.kernel if self.session is not None else None
        if kernel is None or kernel.root is None:
            return ""
        lines: list[str] = []
        pending = [(m, 0) for m in kernel.root.members()]
        while pending:
            inst, depth = pending.pop(0)
            lines.append("  " * depth + f"{inst.name}: {inst.code.name} ({inst.status()})")
            pending[:0] = [(m, depth + 1) for m in inst.members()]
        return "\n".join(lines)

    async def __aenter__(self) -> CogletRuntime:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shutdown()

    def _alive(self) -> None:
        """Raise RuntimeError if the system has failed."""
        if self.failure is not None:
            raise RuntimeError(self.failure)

    async def _boot(self) -> None:
        """Start the system in the background, and wait until its root runs."""
        self.ready, self.ended = trio.Event(), trio.Event()
        number = max(_RUNTIMES, default=0) + 1
        _RUNTIMES[number] = self
        file = open(self.trace.path, "wb") if self.trace is not None else None  # noqa: SIM115, ASYNC230 - _keep closes it
        self.session = session_of(_Root, number, file, self.workspace)
        trio.lowlevel.spawn_system_task(self._keep, number, file)
        await self.ready.wait()

    async def _keep(self, number: int, file: BinaryIO | None) -> None:
        """Run the system to its end, and keep the reason of its failure for the methods of the runtime."""
        assert self.session is not None
        try:
            await self.session.run()
            if self.session.outcome != "done":
                self.failure = failure(self.session.kernel).strip() or self.session.outcome
        except Exception as error:
            self.failure = f"{type(error).__name__}: {error}"
        finally:
            del _RUNTIMES[number]
            if self.session.sinks.trace is not None:
                self.session.sinks.trace.flush()
            if file is not None:
                file.close()
            self.ready.set()
            self.ended.set()

"""A runtime that serves on a free port while a task of a test talks to it; coglet folders for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio

from cogc.run.instance import Instance
from cogc.run.instance_folder import JOURNAL
from cogc.run.settings import Settings
from cogc.service.address import Address, listen
from cogc.service.daemon import Setup, make, serve
from cogc.service.runtime import Runtime
from support.http_client import Reply, ask
from support.waiting import DEADLINE

DOUBLER = """
from coglet import Coglet, LifeLet, enact, listen


class DoublerCoglet(Coglet, LifeLet):
    async def on_start(self):
        self.factor = 2

    @listen("input")
    async def on_input(self, n):
        await self.transmit("output", n * self.factor)

    @enact("factor")
    async def set_factor(self, factor):
        self.factor = factor
"""
PRINTER = """
from coglet import Coglet, LifeLet, enact, listen


class PrinterCoglet(Coglet, LifeLet):
    def __init__(self, label: str = "printer", **kwargs):
        super().__init__(**kwargs)
        self.label = label
        self.received = 0

    @listen("input")
    async def on_input(self, value):
        self.received += 1
        await self.transmit("output", {"label": self.label, "n": self.received, "value": value})

    @enact("reset")
    async def reset(self, _=None):
        self.received = 0
"""
FAMILY = """
from coglet import CogBase, Coglet, LifeLet, listen


class ChildCoglet(Coglet):
    @listen("job")
    async def job(self, n):
        await self.transmit("done", n + 1)


class FamilyCog(Coglet, LifeLet):
    async def on_start(self):
        self.first = await self.create(CogBase(ChildCoglet))
        self.second = await self.create(CogBase(ChildCoglet))
        await self.link(self.first, "done", self.second, "job")
"""


def folder(place: Path, name: str, code: str, cls: str, more: str = "") -> str:
    """Write a coglet folder, and return its path."""
    made = place / f"{name}.cog"
    made.mkdir(parents=True)
    (made / f"{name}.py").write_text(code)
    (made / "manifest.toml").write_text(f'[coglet]\nclass = "{name}.{cls}"\n{more}')
    return str(made)


def doubler(place: Path) -> str:
    return folder(place, "doubler", DOUBLER, "DoublerCoglet")


def printer(place: Path) -> str:
    return folder(place, "printer", PRINTER, "PrinterCoglet", '[coglet.kwargs]\nlabel = "out"\n')


def family(place: Path) -> str:
    return folder(place, "family", FAMILY, "FamilyCog")


class Client:
    """Asks a runtime over HTTP."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def get(self, path: str) -> Reply:
        return await ask(self.port, "GET", path)

    async def post(self, path: str) -> Reply:
        return await ask(self.port, "POST", path)

    async def delete(self, path: str) -> Reply:
        return await ask(self.port, "DELETE", path)

    async def create(self, path: str) -> str:
        """Create a coglet, and return its id."""
        made = await self.post(f"/create?cog_dir={path}")
        assert made.status == 200, made.body
        return str(made.json["id"])


def served(
    does: Callable[[Client, Runtime], Awaitable[None]], place: Path, instance: Path | None = None, **options: Any
) -> Runtime:
    """Run a runtime in a folder while a task talks to it, then shut it down. One with an `instance` is killed instead: of its journal
    there is what was on disk when the task had ended."""
    lines: list[str] = []
    made_of = None if instance is None else Instance(instance)
    setup = Setup(
        settings=Settings(str(place)),
        allowed=lambda _place: frozenset(),
        folder=str(place),
        run="r",
        epoch=1_000_000_000_000_000_000,
        say=lines.append,
        instance=made_of,
        begun={},
        **options,
    )
    runtime = make(setup)
    runtime.session.options.signals = False
    made = listen(Address("127.0.0.1", 0))
    port = made.getsockname()[1]

    async def main() -> None:
        ready = trio.Event()
        with trio.fail_after(DEADLINE):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(serve, runtime, [made], lines.append, ready.set)
                await ready.wait()
                await does(Client(port), runtime)
                if made_of is None:
                    runtime.shutdown()
                else:
                    left.append((made_of.folder / JOURNAL).read_bytes())
                    nursery.cancel_scope.cancel()

    left: list[bytes] = []
    try:
        trio.run(main)
    finally:
        if made_of is not None:
            made_of.close()
    if made_of is not None:
        going_on = [line for line in lines if " goes on after " in line]
        assert (len(going_on) == 1) is (made_of.recording is not None)
        lines = [line for line in lines if line not in going_on]
        (made_of.folder / JOURNAL).write_bytes(left[0])
    assert lines == [], lines
    return runtime

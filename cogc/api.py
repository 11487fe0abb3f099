"""The public API: load a spec, start it, send, observe, inspect, stop (specs/api.md).

`start` is for code under Trio, `start_sync` for code without. Everything public is handed on by `cogc/__init__.py`.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from math import inf
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import trio

from cogc import ir
from cogc.diagnostics.problems import Problems
from cogc.kernel.effects import LogLine, Output
from cogc.kernel.objects import Instance
from cogc.kernel.unit import Unit
from cogc.language.texts import is_internal
from cogc.language.values import Failure
from cogc.loading import bundle_of, with_models
from cogc.run import media, report
from cogc.run.build import build_session
from cogc.run.convert import from_python, to_python
from cogc.run.journal import VERSION, Journal
from cogc.run.options import Sinks, new_run_id
from cogc.run.portal import Portal
from cogc.run.session import RunOptions, Session
from cogc.run.settings import Settings
from cogc.service.graph import serve_graph


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A mistake in a spec. `line` and `column` count from 1; `severity` is `error` or `warning`."""

    code: str
    severity: str
    message: str
    help: str
    path: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.severity}: {self.message} [{self.code}]"


class SpecError(Exception):
    """A spec is wrong. `diagnostics` has every mistake in it."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__("\n".join(map(str, diagnostics)))
        self.diagnostics = diagnostics


class RunError(Exception):
    """A run has failed, or refused what was asked of it. `kind` is the kind of the failure, such as `type`."""

    def __init__(self, message: str, kind: str = "error") -> None:
        super().__init__(message)
        self.kind = kind


class Program:
    """A checked and compiled spec, which any number of runs share.

    `root` is the name of its root, `listens` and `transmits` are the names of the root's channels. `warnings` are what
    `cogc check` warns of.
    """

    def __init__(self, bundle: ir.Bundle, warnings: tuple[Diagnostic, ...]) -> None:
        self._unit = Unit(bundle)
        coglet = bundle.coglets[bundle.root]
        self.root = coglet.name
        self.listens = tuple(c.name for c in coglet.listens if not is_internal(c.name))
        self.transmits = tuple(c.name for c in coglet.transmits if not is_internal(c.name))
        self.warnings = warnings

    def __repr__(self) -> str:
        return f"<cogc.Program {self.root}>"


@dataclass(frozen=True, slots=True)
class CogletInfo:
    """A coglet of a run: its path such as `Main/jury[2]`, the name of its declaration, what it is doing, its states by
    name, and its children."""

    path: str
    coglet: str
    status: str
    states: dict[str, Any]
    children: tuple[CogletInfo, ...]


def load(
    path: str | PathLike[str],
    *,
    root: str | None = None,
    allow_imports: Iterable[str] = (),
    models: Mapping[str, str] | None = None,
) -> Program:
    """Check and compile a spec, a folder with a spec, or a program made by `cogc build`.

    `root` is the name of the declaration to start from; the default is what `cogc run` takes. `allow_imports` are the
    packages that Python programs may import. `models` puts other models in the place of some of the spec, each as
    `PROVIDER:WHAT`. Raise SpecError if the spec is wrong, and RunError for a model that does not exist.
    """
    problems = Problems()
    bundle = bundle_of(fspath(path), root, frozenset(allow_imports), problems)
    found = tuple(
        Diagnostic(d.code, d.severity, d.message, d.help or "", d.span.source.path, *d.span.position())
        for d in problems.sorted()
    )
    if bundle is None:
        raise SpecError(found)
    if bundle.root in bundle.setts:
        raise RunError("a sett is run by `cogc run`, and not by this API")
    for name, other in (models or {}).items():
        try:
            bundle = with_models(bundle, [(name, other)])
        except ValueError as wrong:
            raise RunError(f"the model `{name}`, `{other}`: {wrong}") from None
        except KeyError as wrong:
            raise RunError(wrong.args[0]) from None
    return Program(bundle, found)


class Run:
    """A system that runs, under Trio. Values pass as by `specs/python.md`: a duration is float seconds."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ended = trio.Event()
        self._observers: dict[str, list[trio.MemorySendChannel[Any]]] = {}
        self._failure: RunError | None = None

    async def send(self, channel: str, value: object) -> None:
        """Send a message to a listen channel of the root, and return when it has been handled.

        Raise RunError if there is no such channel, if the value does not fit, or if the run has ended.
        """
        await self._order("input", self._root(), channel, self._given(value, channel))

    async def guide(self, command: str, **arguments: object) -> None:
        """Give the root a command, and return when it has been carried out. Raise RunError as `send` does."""
        kernel = self._session.kernel
        handlers = kernel.code(kernel.unit, kernel.first).commands.get(command)
        if not handlers:
            raise RunError(f"`{self._root()}` has no command `{command}`")
        known = [p.name for p in handlers[0].reaction.parameters]
        for name in arguments:
            if name not in known:
                raise RunError(f"the command `{command}` has no parameter `{name}`")
        given = {name: self._given(value, name) for name, value in arguments.items()}
        await self._order("enact", self._root(), command, given)

    def observe(self, channel: str) -> AsyncIterator[Any]:
        """Return the messages of a transmit channel of the root from now on. The iterator ends with the run.

        Messages wait in memory until they are taken. Raise RunError if there is no such channel.
        """
        known = [c.name for c in self._session.kernel.unit.bundle.coglets[self._session.kernel.first].transmits]
        if channel not in known:
            raise RunError(f"`{self._root()}` has no transmit channel `{channel}`")
        sending, receiving = trio.open_memory_channel[Any](inf)
        if self._ended.is_set():
            sending.close()
        else:
            self._observers.setdefault(channel, []).append(sending)
        return receiving

    def inspect(self) -> CogletInfo | None:
        """Return the running coglets as a tree, or None if there is none any more."""
        root = self._session.kernel.root
        return None if root is None or self._ended.is_set() else _info(root)

    async def stop(self) -> None:
        """Stop the system in good order, children first, and wait for its end."""
        self._session.stop()
        await self._ended.wait()

    async def wait(self) -> None:
        """Wait until the system has ended by itself. Raise RunError if it has failed."""
        await self._ended.wait()
        if self._failure is not None:
            raise self._failure

    # ---- inside ----------------------------------------------------------------------------------------------

    def _root(self) -> str:
        return self._session.kernel.unit.bundle.coglets[self._session.kernel.first].name

    def _given(self, value: object, name: str) -> Any:
        try:
            return from_python(value, f"`{name}`")
        except Failure as failure:
            raise RunError(failure.message, failure.kind) from None

    async def _order(self, action: str, *data: object) -> None:
        try:
            await self._session.orders.send(action, *data)
        except Failure as failure:
            raise (self._failure or RunError(failure.message, failure.kind)) from None

    def _heard(self, output: Output) -> None:
        """Hand a message of the root to those who observe its channel."""
        for observer in self._observers.get(output.channel, ()):
            observer.send_nowait(to_python(output.value))

    async def _run(self) -> None:
        """Run the system to its end."""
        try:
            await self._session.run()
            self._failure = _failure_of(self._session)
        except* Failure as group:
            failure = _first(group)
            self._failure = RunError(failure.message, failure.kind)
        finally:
            self._ended.set()
            for observers in self._observers.values():
                for observer in observers:
                    observer.close()


def _first(group: BaseExceptionGroup[Failure]) -> Failure:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, Failure)
    return found


def _failure_of(session: Session) -> RunError | None:
    """Return how a run failed, or None if it did not."""
    if session.outcome == "deadlock":
        return RunError(report.deadlock(session.deadlock).strip().removeprefix("cogc: "), "deadlock")
    found = session.kernel.report
    if session.outcome != "failed" or found is None:
        return None
    where = f" ({found.path}{', ' + found.place if found.place else ''})"
    return RunError(f"{found.failure.message}{where}", found.failure.kind)


def _info(inst: Instance) -> CogletInfo:
    states = {s.name: to_python(v) for s, v in zip(inst.code.ir.states, inst.states, strict=False)}
    shown = {n: v for n, v in states.items() if not is_internal(n)}
    return CogletInfo(inst.path, inst.code.name, inst.status(), shown, tuple(_info(m) for m in inst.members()))


@contextmanager
def _recording(program: Program, options: RunOptions, path: str | PathLike[str] | None) -> Iterator[Sinks]:
    """Open the journal of a run, if it is to have one, and close it behind the body."""
    if path is None:
        yield Sinks()
        return
    try:
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise RunError(f"cannot write `{fspath(path)}`: {str(error.strerror).lower()}") from None
    head = {
        "run": options.run, "seed": options.seed, "order": 0, "epoch": options.epoch,
        "program": program._unit.bundle.hash, "version": VERSION, "budget": options.budget,
    }  # fmt: skip
    beside = Path(f"{fspath(path)}.{media.FOLDER}").absolute()
    with file:
        journal = Journal(file, head)
        try:
            media.keep_in(beside)
        except Failure as failure:
            raise RunError(failure.message, failure.kind) from None
        try:
            yield Sinks(journal=journal)
        finally:
            journal.flush()
            media.leave(beside)


@asynccontextmanager
async def start(
    program: Program,
    *,
    parameters: Mapping[str, object] | None = None,
    seed: int = 0,
    workspace: str = ".",
    allow_imports: Iterable[str] = (),
    on_log: Any = None,
    record: str | PathLike[str] | None = None,
) -> AsyncIterator[Run]:
    """Run a program under Trio while the body runs, and stop it in good order behind it.

    `parameters` are those of the root, `workspace` is the folder in which its programs run. `on_log` is called with the
    level, the path of the coglet and the value of each line of the log. `record` is a file, not there yet, for a journal
    that `cogc run SPEC --replay` takes. Raise RunError if a parameter or the file is refused, and behind the body if the
    system has failed.
    """
    run: Run | None = None

    def heard(output: Output) -> None:
        if run is not None:
            run._heard(output)

    def logged(line: LogLine) -> None:
        if on_log is not None:
            on_log(line.level, line.path, to_python(line.value))

    given: dict[str, Any] = {}
    for name, value in (parameters or {}).items():
        try:
            given[name] = from_python(value, f"the parameter `{name}`")
        except Failure as failure:
            raise RunError(failure.message, failure.kind) from None
    options = RunOptions(
        parameters=given, seed=seed, signals=False, stay=True, on_output=heard, on_log=logged, keep=frozenset(),
        epoch=time.time_ns(), run=new_run_id(),
    )  # fmt: skip
    settings = Settings(workspace, frozenset(allow_imports), serve_graph=serve_graph)
    raised: BaseException | None = None
    with _recording(program, options, record) as sinks:
        run = Run(build_session(program._unit, options, settings, sinks))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run._run)
            try:
                yield run
            except trio.Cancelled:
                raise
            except BaseException as error:  # the nursery would put it into a group
                raised = error
            finally:
                with trio.CancelScope(shield=True):
                    await run.stop()
    if raised is not None:
        raise raised
    if run._failure is not None:
        raise run._failure


class SyncRun:
    """A system that runs in a thread of its own: `Run` for code without Trio."""

    def __init__(self, portal: Portal[Run]) -> None:
        self._portal = portal

    def send(self, channel: str, value: object) -> None:
        """Send a message to a listen channel of the root, and return when it has been handled."""
        self._portal.call(self._portal.held.send, channel, value)

    def guide(self, command: str, **arguments: object) -> None:
        """Give the root a command, and return when it has been carried out."""
        self._portal.call(partial(self._portal.held.guide, command, **arguments))

    def observe(self, channel: str) -> Iterator[Any]:
        """Return the messages of a transmit channel of the root from now on. The iterator ends with the run."""

        async def begin() -> AsyncIterator[Any]:
            return self._portal.held.observe(channel)

        return self._messages(self._portal.call(begin))

    def _messages(self, source: AsyncIterator[Any]) -> Iterator[Any]:
        async def following() -> tuple[bool, Any]:
            try:
                return True, await source.__anext__()
            except StopAsyncIteration:
                return False, None

        while True:
            there, value = self._portal.call(following)
            if not there:
                return
            yield value

    def inspect(self) -> CogletInfo | None:
        """Return the running coglets as a tree, or None if there is none any more."""

        async def look() -> CogletInfo | None:
            return self._portal.held.inspect()

        return self._portal.call(look)

    def stop(self) -> None:
        """Stop the system in good order, and wait for its end."""
        self._portal.call(self._portal.held.stop)

    def wait(self) -> None:
        """Wait until the system has ended by itself. Raise RunError if it has failed."""
        self._portal.call(self._portal.held.wait)


@contextmanager
def start_sync(
    program: Program,
    *,
    parameters: Mapping[str, object] | None = None,
    seed: int = 0,
    workspace: str = ".",
    allow_imports: Iterable[str] = (),
    on_log: Any = None,
    record: str | PathLike[str] | None = None,
) -> Iterator[SyncRun]:
    """Run a program in a thread of its own while the body runs, and stop it in good order behind it, as `start` does."""
    hold = start(
        program, parameters=parameters, seed=seed, workspace=workspace, allow_imports=allow_imports, on_log=on_log,
        record=record,
    )  # fmt: skip
    with Portal(hold) as portal:
        yield SyncRun(portal)

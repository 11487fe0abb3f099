"""`cogc serve [NAME=]SPEC [NAME=]SPEC ...`: several runs in one process, behind one server.

Each run has options of its own, made of those of the command line: its spec, and its instance. They are stopped together: by a
signal, or when one of them ends.
"""

from __future__ import annotations

import copy
import os
import re
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import trio

from cogc import ir
from cogc.commands import run as run_command, under_trio
from cogc.commands.options import bound, settle
from cogc.commands.prints import apart, has_python
from cogc.commands.run import OneRun
from cogc.commands.serving import Listener, verifiers_of
from cogc.commands.state import warn_of_spec
from cogc.commands.usage import UsageError
from cogc.diagnostics.visible import shown_line
from cogc.run.session import Session, signals_of

if TYPE_CHECKING:
    from cogc.service.doors import Verifiers

_OF_ONE = {
    "root": "--root", "set": "--set", "input": "--input", "inputs": "--inputs", "duration": "--for", "until": "--until", "sim": "--sim",
    "epoch": "--epoch", "seed": "--seed", "trace": "--trace", "record": "--record", "replay": "--replay", "goal": "--goal",
    "goal_file": "--goal-file", "topic": "--topic", "plans": "--plans", "stdin": "--stdin", "strict_input": "--strict-input",
    "answer": "--answer", "board": "--board", "local": "--local", "network": "--network", "output": "--output", "otlp": "--otlp",
    "stats": "--stats",
}  # fmt: skip
"""The options that are for one run alone."""
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_SIGNED = re.compile(r"(?:(?P<name>[^/=:]+)/)?(?P<rest>.*)", re.DOTALL)


def run(options: Namespace) -> int:
    """Serve several specs. Return the exit code."""
    for name, option in _OF_ONE.items():
        if getattr(options, name) != options.unset[name]:
            raise UsageError(f"{option} is for one run: serve its spec alone")
    own = {name: _own(options, name, spec) for name, spec in _named(options.specs).items()}
    bundles: dict[str, ir.Bundle] = {}
    for name, of in own.items():
        settle(of)
        if of.spec.endswith(".py"):
            raise UsageError(f"`{of.spec}` is a script: serve it alone")
        bundle = run_command.loaded(of)
        if bundle is not None:
            bundles[name] = bound(bundle, of)
            if bundle.root in bundle.setts:
                raise UsageError(f"the root of `{of.spec}` is a sett: programs with a coglet as root can be served")
    if len(bundles) < len(own):
        return 1
    run_command.bound_processes(options)
    verifiers = {name: verifiers_of(bundles[name], given) for name, given in _verify(options.verify, list(own)).items()}
    listener = _listener(options, verifiers)
    with ExitStack() as held:
        for bundle in [b for b in bundles.values() if has_python(b)][:1]:  # the prints of all go through one pipe
            held.enter_context(apart(bundle, False))
        runs = {name: _made(name, bundle, own[name], held) for name, bundle in bundles.items()}
        return under_trio.run(lambda: _serve(listener, verifiers, runs), lambda _: _ended(runs), held)


def _named(specs: list[str]) -> dict[str, str]:
    """Return the specs by their names. Raise UsageError for a name that is none, or occurs twice."""
    found: dict[str, str] = {}
    for text in specs:
        name, equals, spec = text.partition("=")
        if not equals:
            name, spec = _name_of(text), text
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"`{shown_line(text)}`: `{shown_line(name)}` is no name of a run; write NAME={shown_line(spec)}, with letters, digits, - and _"
            )
        if name in found:
            raise UsageError(f"`{found[name]}` and `{spec}` have the same name `{name}`: write NAME=SPEC")
        found[name] = spec
    return found


def _name_of(spec: str) -> str:
    """Return the name of the run of a spec: that of its file, or of its folder."""
    path = os.path.abspath(spec)
    stem = os.path.splitext(os.path.basename(path))[0]
    return os.path.basename(os.path.dirname(path)) if stem == "main" else stem


def _own(options: Namespace, name: str, spec: str) -> Namespace:
    """Return the options of one of the runs."""
    own = copy.copy(options)
    own.spec = spec
    own.questions = "wait"  # there is one terminal, and several who would ask
    own.instance = None if options.instance is None else f"{options.instance}-{name}"
    return own


def _verify(given: list[str], names: list[str]) -> dict[str, list[str]]:
    """Return the words of `--verify` for each run."""
    found: dict[str, list[str]] = {name: [] for name in names}
    for text in given:
        match = _SIGNED.fullmatch(text)
        assert match is not None
        name, rest = match["name"], match["rest"]
        if name is not None and name not in found:
            raise UsageError(f"--verify {text}: there is no run `{name}`; there are {', '.join(names)}")
        if name is None and "=" in rest:
            raise UsageError(f"--verify {text}: write NAME/CHANNEL=KIND:ENV; the runs are {', '.join(names)}")
        for one in names if name is None else [name]:
            found[one].append(rest)
    return found


def _listener(options: Namespace, verifiers: dict[str, Verifiers]) -> Listener:
    """Return the server of all runs, which listens."""
    from cogc.service import mounts  # the extra `serve`

    taken = [name for name in verifiers if name in mounts.RESERVED]
    if taken:
        raise UsageError(f"`/{taken[0]}` is a route of the server: give the spec another name, NAME=SPEC")
    return Listener(options, lambda path: mounts.is_open(verifiers, path))


def _made(name: str, bundle: ir.Bundle, options: Namespace, held: ExitStack) -> OneRun:
    """Return a run that has not begun. What it says begins with its name."""
    warn_of_spec(bundle, options)
    made = OneRun(bundle, options, held, lambda _bundle, _options: _Behind())
    made.session.options.signals = False
    if options.log_format == "people":  # an object of JSON has the id of the run
        made.sinks.err = lambda text: sys.stderr.write(f"{name}: {text}")
    return made


class _Behind:
    """The place of a server, for a run that stands behind one with others."""

    @asynccontextmanager
    async def open(self, _session: Session, _run: str, _say: Callable[[str], object]) -> AsyncIterator[None]:
        yield


async def _serve(listener: Listener, verifiers: dict[str, Verifiers], runs: dict[str, OneRun]) -> None:
    """Run all runs to their ends, and serve them meanwhile."""
    from cogc.service.doors import Doors  # the extra `serve`
    from cogc.service.mounts import Mounts

    doors = {
        name: Doors(made.session, made.sinks.id, verifiers[name], listener.has_token) for name, made in runs.items()
    }
    sessions, begun, over = [made.session for made in runs.values()], trio.Event(), trio.Event()

    async def stop_with_the_others(session: Session) -> None:
        await over.wait()
        await session.begun.wait()
        session.stop()

    async def one(made: OneRun) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop_with_the_others, made.session)
            try:
                await made.run()
            finally:
                over.set()
                nursery.cancel_scope.cancel()

    async def all_have_begun() -> None:
        for session in sessions:
            await session.begun.wait()
        begun.set()

    with signals_of(sessions):
        async with (
            listener.serve(Mounts(doors, listener.has_token), sys.stderr.write, begun),
            trio.open_nursery() as beginning,
        ):
            beginning.start_soon(all_have_begun)
            async with trio.open_nursery() as nursery:
                for made in runs.values():
                    nursery.start_soon(one, made)
            beginning.cancel_scope.cancel()


def _ended(runs: dict[str, OneRun]) -> int:
    """Report how each run ended. Return the first exit code that is not 0."""
    codes = [made.end() for made in runs.values()]
    return next((code for code in codes if code), 0)

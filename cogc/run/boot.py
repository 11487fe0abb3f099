"""A session without a spec, for scripts: its root is one coglet in Python that creates the others."""

from __future__ import annotations

from typing import Any, BinaryIO

from cogc.compile import analyse, program
from cogc.diagnostics.problems import Problems
from cogc.disk.resources import place
from cogc.kernel.unit import Unit
from cogc.run.build import build_session
from cogc.run.session import RunOptions, Session, Sinks
from cogc.run.settings import Settings
from cogc.run.trace import TraceWriter

_SPEC = b'coglet Runtime = python "runtime:Runtime" { listen run: int }'


def session_of(cls: Any, first: int, trace: BinaryIO | None, workspace: str) -> Session:
    """Return a session whose root is of a class. The root hears `first` on its channel `run`."""

    def read(name: str) -> bytes:
        if not name.startswith("std/"):
            return _SPEC
        with open(place("stdlib", name[4:]), "rb") as file:
            return file.read()

    problems = Problems()
    bundle = program(analyse(["runtime.cog"], read, problems), None)
    assert bundle is not None, problems.found
    options = RunOptions(inputs=[("run", first)], signals=False)
    sinks = Sinks(TraceWriter(trace) if trace else None)
    unit = Unit(bundle)
    session = build_session(unit, options, Settings(workspace), sinks)
    coglets = [key for key, p in bundle.programs.items() if p.kind == "coglet"]
    session.executors.functions.update(((unit, key), cls) for key in coglets)
    return session

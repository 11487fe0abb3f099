"""A session whose root is the main coroutine of a script, instead of a spec."""

from __future__ import annotations

import posixpath
from functools import lru_cache
from typing import Any

import msgspec

from cogc import ir
from cogc.compile import analyse, program
from cogc.diagnostics.problems import Problems
from cogc.disk.resources import place
from cogc.kernel.unit import Unit
from cogc.language.attributes import USUAL_MODEL
from cogc.run.build import build_session
from cogc.run.hosting import Script
from cogc.run.session import RunOptions, Session, Sinks
from cogc.run.settings import Settings

_SPEC = f'''model llm = anthropic "{USUAL_MODEL}"
coglet Main = python "script:main" {{ }}
'''.encode()


@lru_cache(maxsize=8)
def bundle_of(path: str) -> ir.Bundle:
    """Return the program that a script stands for: a root whose one call is the main coroutine."""
    name = posixpath.splitext(path)[0] + ".cog"

    def read(asked: str) -> bytes:
        if asked == name:
            return _SPEC
        if not asked.startswith("std/"):
            raise FileNotFoundError(asked)
        with open(place("stdlib", asked[4:]), "rb") as file:
            return file.read()

    problems = Problems()
    bundle = program(analyse([name], read, problems), None)
    assert bundle is not None, problems.found
    return msgspec.structs.replace(bundle, positions=[(path, 1, 1) for _ in bundle.positions])


def session_of(main: Any, unit: Unit, options: RunOptions, settings: Settings, sinks: Sinks | None = None) -> Session:
    """Return a session that runs a coroutine, and ends with it. `unit` is that of `bundle_of`."""
    session = build_session(unit, options, settings, sinks)
    root: Any = main if isinstance(main, Script) else Script(main)
    coglets = [key for key, p in unit.bundle.programs.items() if p.kind == "coglet"]
    session.executors.functions.update(((unit, key), root) for key in coglets)
    return session

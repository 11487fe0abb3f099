"""The program of a runtime, which needs no extra: a runtime is served by it, and a recording of one is replayed."""

from __future__ import annotations

from cogc.compile import analyse, program
from cogc.diagnostics.problems import Problems
from cogc.disk.files import read
from cogc.kernel.unit import Unit

ROOT = "CogletRuntime"
SPEC = f"coglet {ROOT} {{ }}"
"""The program of the root."""


def host() -> Unit:
    """Return the program of a runtime: its root, which has nothing in it."""

    def one(name: str) -> bytes:
        return read(name) if name.startswith("std/") else SPEC.encode()

    bundle = program(analyse(["runtime.cog"], one, Problems()), None)
    assert bundle is not None
    return Unit(bundle)

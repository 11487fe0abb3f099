"""cogc: a compiler and runner for systems of agents.

The pipe is `source -> nodes -> world -> ir -> events`; ARCHITECTURE.md draws it and says which file holds what.

The names of `__all__`, and those of `cogc.testing` and `cogc.sdk`, are the public API (specs/api.md). Each is imported when
it is first used, so that `import cogc` stays light.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.api import (
        CogletInfo,
        Diagnostic,
        Program,
        Run,
        RunError,
        SpecError,
        SyncRun,
        load,
        start,
        start_sync,
    )

__all__ = [
    "CogletInfo",
    "Diagnostic",
    "Program",
    "Run",
    "RunError",
    "SpecError",
    "SyncRun",
    "load",
    "start",
    "start_sync",
]


def __getattr__(name: str) -> object:
    if name in __all__:
        from importlib import import_module

        return getattr(import_module("cogc.api"), name)
    raise AttributeError(f"module `cogc` has no attribute `{name}`")

"""The collector of garbage in circles: off while a spec is checked, on for what goes on."""

from __future__ import annotations

import atexit
import gc

MAKE_TREES = frozenset((
    "check", "fmt", "convert", "graph", "build", "cost", "run", "resume", "serve", "runtime", "mcp", "test", "explore", "verify",
))  # fmt: skip
"""The commands that read specs first: what is made of these is no garbage. They call `on` behind that, if they go on for longer."""


def on() -> None:
    """Turn the collector on. What has been made up to now is not looked at any more."""
    gc.freeze()
    gc.enable()


def off_at_the_end() -> None:
    """Let the interpreter end without a look for circles in all that a large run has left, which takes half a second."""
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)

"""The collector of garbage in circles: off while a spec is checked, on for what goes on."""

from __future__ import annotations

import gc

MAKE_TREES = frozenset((
    "check", "fmt", "convert", "graph", "build", "cost", "run", "resume", "serve", "runtime", "mcp", "test", "explore", "verify", "lsp",
))  # fmt: skip
"""The commands that read specs first: what is made of these is no garbage. They call `on` behind that, if they go on for longer."""


def on() -> None:
    """Turn the collector on. What has been made up to now is not looked at any more."""
    gc.freeze()
    gc.enable()

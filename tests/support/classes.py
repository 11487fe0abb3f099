"""Coroutines that boot coglets of `cogc.coglet`, as runs of their own."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import trio

from cogc.kernel.unit import Unit
from cogc.run.boot import bundle_of, session_of
from cogc.run.hosting import Script
from cogc.run.session import RunOptions, Session, Sinks
from cogc.run.settings import Settings


def in_run(
    main: Coroutine[Any, Any, Any],
    *,
    sim: bool = True,
    workspace: str = ".",
    sinks: Sinks | None = None,
    **options: Any,
) -> Session:
    """Run a coroutine as the main one of a script. Raise what it raises; return the session, `session.result` its result."""
    script = Script(main)
    options = {"sim": sim, "signals": False, **options}
    session = session_of(script, Unit(bundle_of("script.py")), RunOptions(**options), Settings(workspace), sinks)
    trio.run(session.run)
    if script.error is not None:
        raise script.error
    session.result = script.result  # type: ignore[attr-defined]
    return session


def result(main: Coroutine[Any, Any, Any], **options: Any) -> Any:
    """Return the result of a coroutine that is run as a script."""
    return in_run(main, **options).result  # type: ignore[attr-defined]

"""Run a program on the Trio shell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

from cogc.ir import Bundle
from cogc.kernel.unit import Unit
from cogc.run.build import build_session
from cogc.run.session import RunOptions, Session, Sinks
from cogc.run.settings import Settings
from support.waiting import DEADLINE


def session(
    bundle: Bundle, settings: Settings | None = None, until: Callable[..., bool] | None = None, **options: Any
) -> Session:
    """Run to the end, at most thirty real seconds."""
    sinks = Sinks(*(options.pop(k, None) for k in ("trace", "journal", "states")))
    return finished(
        build_session(Unit(bundle), RunOptions(until=until, **{"keep": None, **options}), settings or Settings(), sinks)
    )


def finished(made: Session) -> Session:
    """Run a session to its end, and return it."""

    async def main() -> None:
        with trio.fail_after(DEADLINE):
            await made.run()

    trio.run(main)
    return made

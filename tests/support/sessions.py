"""Run a program on the Trio shell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

from cogc.ir import Bundle
from cogc.kernel.unit import Unit
from cogc.run.session import Options, Session
from cogc.run.settings import Settings
from support.waiting import DEADLINE


def session(
    bundle: Bundle, settings: Settings | None = None, until: Callable[..., bool] | None = None, **options: Any
) -> Session:
    """Run to the end."""
    extra = {k: options.pop(k) for k in ("trace", "journal", "store") if k in options}
    made = Session(Unit(bundle), Options(until=until, **options), settings or Settings(), **extra)

    async def main() -> None:
        with trio.fail_after(DEADLINE):
            await made.run()

    trio.run(main)
    return made

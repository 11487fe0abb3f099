"""`cogc run`, if what is run is a script that boots coglets by itself: its `asyncio.run` becomes the run."""

from __future__ import annotations

import asyncio
import runpy
import sys
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cogc.diagnostics.visible import shown_line
from cogc.run import marked, upstream
from cogc.run.calling import words
from cogc.run.hosting import Script

Start = Callable[[Script], int]
"""Makes a run of the main coroutine of a script, and returns its exit code."""


def run(path: str, start: Start) -> int:
    """Run a script as `__main__`. Each `asyncio.run` in it is a run; the code of the first that fails is returned."""
    upstream.install()
    codes: list[int] = []

    def boot(main: Coroutine[Any, Any, Any], **_: Any) -> Any:
        script = Script(main)
        codes.append(start(script))
        if script.error is not None:
            raise script.error
        if codes[-1]:
            raise SystemExit(codes[-1])
        return script.result

    try:
        with _instead(boot, path):
            runpy.run_path(path, run_name="__main__")
    except BaseException as error:
        if any(codes):
            return next(c for c in codes if c)
        return _ended(path, error)
    if not codes:
        sys.stderr.write(f"cogc: {path}: it has ended without a call of `asyncio.run`, so that nothing ran\n")
        return 1
    return next((c for c in codes if c), 0)


@contextmanager
def _instead(boot: Callable[..., Any], path: str) -> Iterator[None]:
    """Let `asyncio.run` make a run of cogc while the body runs, and let the script import its neighbours."""
    marked.arm()
    marked.loading()
    before, words, places = asyncio.run, sys.argv, list(sys.path)
    asyncio.run = boot
    sys.argv = [path]
    sys.path.insert(0, str(Path(path).resolve().parent))
    try:
        yield
    finally:
        asyncio.run, sys.argv = before, words
        sys.path[:] = places


def _ended(path: str, error: BaseException) -> int:
    """Report an exception that has left a script outside of a run, in one line."""
    if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
        return error.code or 0
    if isinstance(error, SystemExit):
        sys.stderr.write(f"{shown_line(str(error.code))}\n")
        return 1
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == Path(path)]
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else frames[-1].lineno if frames else None
    at = f"{path}:{line}" if line else path
    sys.stderr.write(f"cogc: {at}: {shown_line(words(error))}\n")
    return 1

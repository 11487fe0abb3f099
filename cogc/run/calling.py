"""Calls of users' code on Trio: what it may wait for, and the words for what it raises.

Whatever leaves a user's code is a failure of the one call. That holds also for SystemExit, KeyboardInterrupt, and a
Cancelled that the code has raised itself. The cancellation of the call by the run is told apart from these by the scope
(`left`). `speaking` notes whose code runs, so that its prints can be attributed.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import trio

from cogc.language.values import Failure
from cogc.run import watch


class Speaker(NamedTuple):
    """The code that runs: a program of this name, or a coglet."""

    name: str
    coglet: bool


speaker: ContextVar[Speaker | None] = ContextVar("cogc_speaker", default=None)
"""The user's code that runs in this task or thread."""
_under_way: list[str] = []
"""The names of the calls under way, then of the last one; descriptor 1 belongs to the process, and so does this list."""


_open: dict[object, tuple[TextIO, TextIO]] = {}
"""The bodies of `speaking` that run now, the oldest first, with `sys.stdout` and `sys.stderr` as they were before each."""


@contextmanager
def speaking(name: str, coglet: bool) -> Iterator[None]:
    """Attribute what is printed while the body runs to a program or coglet. What the code has put in the place of `sys.stdout` and
    `sys.stderr` is gone when no other code runs either: a run writes there too."""
    token, body = speaker.set(Speaker(name, coglet)), object()
    _under_way.append(name)
    _open[body] = next(iter(list(_open.values())), (sys.stdout, sys.stderr))
    try:
        yield
    finally:
        streams = _open.pop(body)
        if not _open:
            sys.stdout, sys.stderr = streams
        if len(_under_way) > 1:
            _under_way.remove(name)
        speaker.reset(token)


def under_way() -> str:
    """Return the names of the programs and coglets whose code runs, or ran last."""
    return ", ".join(dict.fromkeys(_under_way)) or "python"


LONGEST = 2000
"""The most characters of an exception's text that a failure's message has."""
_ASYNCIO = "it waits for asyncio"


async def left(error: BaseException) -> str:
    """Return the words for an exception that left a user's code. If the call was cancelled, raise the cancellation
    instead. If it was interrupted, because it held the thread, wait for the cancellation."""
    if watch.interrupted():
        await trio.sleep_forever()
    if trio.current_effective_deadline() == -float("inf"):
        await trio.lowlevel.checkpoint()
    return words(error)


def is_refusal(error: BaseException) -> bool:
    """Return whether an exception is a Failure of this runner, not one that a user's code has made by hand."""
    return type(error) is Failure and type(error.kind) is str and type(error.message) is str


def words(error: BaseException) -> str:
    """Return the words for an exception of a user's code; of a group, those of its parts."""
    parts = list(dict.fromkeys(_words(leaf) for leaf in _leaves(error)))
    return "; ".join(parts)[:LONGEST]


def say_unheard() -> None:
    """Have exceptions of a user's code that no call can hear of said in one line each, where Python prints a traceback: those of a `__del__`,
    of a function that is called at the end of the process, and of a thread that a user's code has started."""
    if sys.unraisablehook is sys.__unraisablehook__:  # a test has its own
        sys.unraisablehook = lambda a: _unheard(getattr(a.object, "__qualname__", ""), a.exc_value or a.exc_type())
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = lambda a: _unheard(a.thread.name if a.thread else "", a.exc_value or a.exc_type())


def _unheard(name: str, error: BaseException) -> None:
    """Say that code of a name has failed, if there is still a stderr."""
    if not isinstance(error, SystemExit):
        with suppress(OSError, ValueError):
            sys.stderr.write(f"cogc: {name or 'code in Python'} failed, and no call can hear of it: {words(error)}\n")
            sys.stderr.flush()


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the first exceptions of a group, or the exception itself. A group may be nested as deep as memory
    allows."""
    waiting, given = [error], 0
    while waiting and given < 5:
        found = waiting.pop(0)
        if isinstance(found, BaseExceptionGroup):
            waiting[:0] = found.exceptions
            continue
        given += 1
        yield found


def _words(error: BaseException) -> str:
    """Return the words for one exception, whatever its own methods do."""
    try:
        said = "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in str(error)[:LONGEST])
    except BaseException as second:
        said = f"its text cannot be made: {_kind(second)}"
    asyncio = said in (_ASYNCIO, "no running event loop") and isinstance(error, RuntimeError)
    return _of_asyncio(error) if asyncio else f"{_kind(error)}: {said}"


def _kind(error: BaseException) -> str:
    """Return the name of an exception's class, whatever its metaclass says."""
    return str(type.__dict__["__name__"].__get__(type(error)))


def _of_asyncio(error: BaseException) -> str:
    """Return the words for code that uses asyncio, with its place."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [i for i, f in enumerate(frames) if Path(f.filename).parent.name == "asyncio"]
    at = frames[theirs[0] - 1 if theirs else -1]
    return (
        f"{Path(at.filename).name}:{at.lineno} uses asyncio; coglets and programs run on Trio here: "
        "`cogc.sdk.sleep`, `self.follow`, trio.open_nursery"
    )


class OnTrio:
    """A coroutine of a user's that may wait for Trio alone: a wait of another library would end the run."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, Any]:
        going: Callable[[Any], Any] = self.coroutine.send
        value: Any = None
        while True:
            try:
                asked = going(value)
            except StopIteration as done:
                return done.value
            if not _of_trio(asked):
                going, value = self.coroutine.throw, RuntimeError(_ASYNCIO)
                continue
            try:
                value = yield asked
                going = self.coroutine.send
            except BaseException as error:
                going, value = self.coroutine.throw, error


def _of_trio(asked: Any) -> bool:
    """Return whether a wait is a class of Trio's, or an object of one."""
    kind = asked if isinstance(asked, type) else type(asked)
    return kind.__module__.partition(".")[0] == "trio"

"""One request to a model: room for it in the budgets, attempts at it, and what its reply has used.

Conversations of the kernel (`conversation.py`) and those of code in the shell's process (`hosted_ask.py`) make their requests
by it, so that both are bounded, repeated and charged in the same way. An `Asker` says who asks, and how much time it has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cogc.kernel.activities import wake
from cogc.kernel.waits import Sleep, WaitIn
from cogc.language.values import Duration, Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from cogc.ir import Model
    from cogc.kernel.models.budget import Budget, Reservation
    from cogc.kernel.objects import Instance
    from cogc.kernel.shapes import Error, Tokens
    from cogc.kernel.state import State
    from cogc.kernel.waits import AskModel, Talk

ATTEMPTS = 2
"""The number of times that a failed request is made again."""
_LONGEST_PAUSE = 8.0
_LONGEST_WAIT = 1e9


class Overloaded(Failure):
    """A request whose attempts are used up, and that may succeed later: another model may still be asked."""


class Asker(Protocol):
    """Somebody who makes requests. `label` stands for it in messages."""

    kernel: State
    inst: Instance
    retries: int

    @property
    def label(self) -> str: ...

    def left(self) -> int:
        """Return the nanoseconds that are left."""

    def in_time(self) -> None:
        """Raise Failure if no time is left."""

    def failed(self, error: Error) -> None:
        """Take note of an attempt that has failed."""

    def restarted(self) -> None:
        """Take note that the next attempt begins."""


def reserve(
    asker: Asker,
    budget: Budget,
    before: int,
    most: int,
    model: Model,
    check: Callable[[Reservation], None] | None = None,
) -> Talk:
    """Reserve room for a request of `before` tokens and an answer of `most`. If others hold what is missing, wait until they
    are done. `check` may refuse a reservation by a Failure."""
    while True:
        try:
            held = budget.reserve(before, most, model.price)
            if check is not None:
                check(held)
            return held
        except Failure:
            if not budget.may_come_back():
                raise
        yield WaitIn(asker.kernel.models.waiting, asker.left())
        asker.in_time()


def release(kernel: State, held: Reservation) -> None:
    """Give a reservation back, and let those look who wait for room."""
    held.release()
    wake(kernel, kernel.models.waiting)


def charge(kernel: State, budget: Budget, program: str, model: Model, usage: Tokens) -> None:
    """Count the tokens of a reply in the budgets and in the usage of the run."""
    budget.charge(usage, model.price)
    kernel.models.usage(program, model.name).add(usage, model.price)


def attempts(asker: Asker, request: Callable[[], AskModel]) -> Talk:
    """Make attempts until there is a reply, and return it. Raise Failure after the last one, Overloaded if a later one may
    succeed. `request` gives the record of the next attempt."""
    attempt = 0
    while True:
        reply = yield request()
        error = reply.get("error")
        if error is None:
            return reply
        asker.failed(error)
        if error.get("kind", "program") != "program":
            raise Failure(error["kind"], error["message"])
        pause = _pause(asker, attempt, error)
        again = bool(error.get("retry")) and attempt < asker.retries
        if not again or pause >= asker.left():
            why = (
                f"; the pause of {Duration(pause)} before a retry is longer than the time that is left" if again else ""
            )
            tried = f" (tried {attempt + 1} times)" if attempt else ""
            failure = Overloaded if error.get("retry") else Failure
            raise failure("program", f"{asker.label}: {error['message']}{tried}{why}")
        attempt += 1
        yield Sleep(pause)
        asker.restarted()


def _pause(asker: Asker, attempt: int, error: Error) -> int:
    """Return the nanoseconds before the next attempt: what the server asks for, else a doubling pause with jitter."""
    after = error.get("after")
    if after is None:
        jitter = 1 - 0.25 * asker.kernel.jitter(asker.inst)
        after = min(0.5 * 2**attempt, _LONGEST_PAUSE) * jitter
    return max(0, int(min(after, _LONGEST_WAIT) * 1e9))

"""Budgets of conversations in turns, tokens and dollars: the limits, and what has been spent.

Budgets nest. `around` leads from the budget of a conversation to that of the agent that asked it, to those of the
coglets around (`shared`), and to that of the run. What one spends, all around it have spent too, and the tightest of
them decides.

A request goes through three steps. `reserve` finds out how long the answer may be so that no budget is exceeded, and
holds the price of the longest answer back in each of them. `charge` counts what the request has really used. The
`Reservation` is then released, whatever ended the request. Reservations make conversations side by side safe: each
sees what the others may still spend.

An example: a budget of 1,000 tokens, 300 used. A request of 200 tokens may have an answer of 500, and reserves 700. A
second request at the same time finds no room and waits. The first uses 250 in all: 550 are used, and the second
request begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cogc.ir import Price
from cogc.language.values import Duration, Failure

if TYPE_CHECKING:
    from cogc.kernel.shapes import Tokens
    from cogc.language.values import Settings

TURNS = 10


class Unaffordable(Failure):
    """A request for which dollars are missing: a cheaper model may still be asked."""


class Usage:
    """Requests, tokens and dollars. `input` is without what the cache took; `estimated` counts the requests whose tokens are estimated."""

    __slots__ = ("cache_read", "cache_write", "calls", "estimated", "input", "output", "thinking", "usd")

    def __init__(self) -> None:
        self.calls = 0
        self.estimated = 0
        self.input = 0
        self.output = 0
        self.cache_read = 0
        self.cache_write = 0
        self.thinking = 0
        self.usd = 0.0

    @property
    def tokens(self) -> int:
        """The number of all tokens."""
        return self.input + self.output + self.cache_read + self.cache_write

    def merge(self, other: Usage) -> None:
        """Add another usage to this one."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def numbers(self) -> list[float]:
        """Return the usage as a list, from which `set` makes it again."""
        return [getattr(self, name) for name in self.__slots__]

    def set(self, numbers: list[float]) -> None:
        """Set the usage to what `numbers` has returned."""
        for name, number in zip(self.__slots__, numbers, strict=True):
            setattr(self, name, number)

    def add(self, usage: Tokens, price: Price | None) -> None:
        """Count one reply: `{input, output, cache_read, cache_write, thinking}`, in tokens, and whether they are `estimated`."""
        self.calls += 1
        self.estimated += usage.get("estimated", False)
        self.input += usage.get("input", 0)
        self.output += usage.get("output", 0)
        self.cache_read += usage.get("cache_read", 0)
        self.cache_write += usage.get("cache_write", 0)
        self.thinking += usage.get("thinking", 0)
        self.usd += cost(usage, price) if price else 0.0


NEW: list[Any] = [0, None, Usage().numbers()]
"""The numbers of a budget from which nothing has been spent."""


class Budget:
    """The limits of one conversation, or with `shared` of everything below a coglet. None stands for no limit.

    `until` is the instant at which the time of a shared budget is over; it counts from its first conversation on.
    """

    __slots__ = (
        "around",
        "name",
        "reserved_tokens",
        "reserved_usd",
        "shared",
        "time",
        "tokens",
        "turns",
        "until",
        "usage",
        "usd",
        "used_turns",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        budget: Settings,
        turns: int | None = None,
        around: Budget | None = None,
        shared: bool = False,
    ) -> None:
        self.shared = shared
        self.time: Duration | None = budget.get("time") if shared else None
        self.until: int | None = None
        self.name = name
        self.around = around
        self.usd: float | None = budget.get("usd")
        self.tokens: int | None = budget.get("tokens")
        self.turns: int | None = budget.get("turns", turns)
        self.usage = Usage()
        self.used_turns = 0
        self.reserved_tokens = 0
        self.reserved_usd = 0.0

    def limits(self) -> Settings:
        """Return the limits in turns, tokens and dollars, from which a budget with the same ones is made."""
        found = {"turns": self.turns, "tokens": self.tokens, "usd": self.usd}
        return {name: value for name, value in found.items() if value is not None}

    def numbers(self) -> list[Any]:
        """Return what has been spent and held back, as a list from which `set` makes it again."""
        return [self.used_turns, self.until, self.usage.numbers(), self.reserved_tokens, self.reserved_usd]

    def set(self, turns: int, until: int | None, usage: list[float], tokens: int = 0, usd: float = 0.0) -> None:
        """Set what has been spent and held back to what `numbers` has returned. Snapshots of the forms 1 and 2 have nothing that is held back."""
        self.used_turns, self.until, self.reserved_tokens, self.reserved_usd = turns, until, tokens, usd
        self.usage.set(usage)

    def bounded(self) -> bool:
        """Return whether a request's tokens must be counted before it is made."""
        return self.usd is not None or self.tokens is not None or (self.around is not None and self.around.bounded())

    def reserve(self, before: int, most: int, price: Price | None) -> Reservation:
        """Reserve room for a request of `before` tokens and the longest answer that the budgets allow, `most` at most.

        Raise Failure if nothing is left.
        """
        empty = self.without_turns()
        if empty is not None:
            raise Failure("budget", f"`{empty.name}` has used its {empty.turns} turns")
        return Reservation(list(self.chain()), before, self.room(before, most, price), price)

    def room(self, before: int, most: int, price: Price | None) -> int:
        """Return how long the answer to a request of `before` tokens may be, `most` at most. Raise Failure if nothing is left."""
        for budget in self.chain():
            most = min(most, budget._room(before, most, price))
        return most

    def has_turns(self) -> bool:
        """Return whether this budget allows another request."""
        return self.turns is None or self.used_turns < self.turns

    def without_turns(self) -> Budget | None:
        """Return the budget, this one or one shared around it, whose turns are used."""
        return next((p for p in self.chain() if (p is self or p.shared) and not p.has_turns()), None)

    def has_one_turn(self) -> bool:
        """Return whether the next request is the last one."""
        return any(p.turns is not None and p.used_turns == p.turns - 1 for p in self.chain() if p is self or p.shared)

    def may_come_back(self) -> bool:
        """Return whether a reservation in this budget or one around it may yet make room."""
        return self.without_turns() is None and any(p.reserved_tokens for p in self.chain())

    def chain(self) -> Iterator[Budget]:
        """Yield this budget and all around it."""
        budget: Budget | None = self
        while budget is not None:
            yield budget
            budget = budget.around

    def _room(self, before: int, most: int, price: Price | None) -> int:
        """Return how long an answer may be in this budget. Raise Failure if there is no room for one."""
        used = self.usage
        if self.tokens is not None:
            most = min(most, self.tokens - used.tokens - self.reserved_tokens - before)
        if most < 1:
            raise Failure(
                "budget", f"`{self.name}` has {self.tokens} tokens; {used.tokens} are used, {before} would be sent"
            )
        if self.usd is not None and price is not None:
            rest = self.usd - used.usd - self.reserved_usd - cost({"input": before}, price)
            each = (price.long_output if price.above and before > price.above else price.output) / 1e6
            most = min(most, int(rest / each)) if each else most
            if rest < 0 or most < 1:
                raise Unaffordable("budget", f"`{self.name}` may cost ${self.usd:g}; ${used.usd:.6f} is used")
        return most

    def spent(self) -> bool:
        """Return whether this budget itself is spent, whatever the budgets around it hold."""
        used = self.usage
        return (
            not self.has_turns()
            or (self.tokens is not None and used.tokens >= self.tokens)
            or (self.usd is not None and used.usd >= self.usd)
        )

    def charge(self, usage: Tokens, price: Price | None) -> None:
        """Count one request: a turn here and in the shared budgets around, tokens and dollars in all of them."""
        for budget in self.chain():
            budget.used_turns += budget is self or budget.shared
            budget.usage.add(usage, price)

    def begin(self, now: int) -> int | None:
        """Begin a conversation. Return the nanoseconds that the coglets around leave it, or None without a bound."""
        left = []
        for budget in self.chain():
            if budget.time is not None:
                budget.until = now + budget.time.nanos if budget.until is None else budget.until
                left.append(max(0, budget.until - now))
        return min(left, default=None)


class Reservation:
    """The most that a request may use, held back in every budget until the request is done."""

    __slots__ = ("budgets", "most", "tokens", "usd")

    def __init__(self, budgets: list[Budget], before: int, most: int, price: Price | None) -> None:
        self.budgets = budgets
        self.most = most
        self.tokens = before + most
        self.usd = cost({"input": before, "output": most}, price) if price else 0.0
        self.hold()

    def hold(self) -> None:
        """Hold the room again that was given back."""
        self._move(1)

    def release(self) -> None:
        """Give the room back."""
        self._move(-1)

    def _move(self, sign: int) -> None:
        for budget in self.budgets:
            budget.reserved_tokens += sign * self.tokens
            budget.reserved_usd += sign * self.usd


def cost(usage: Tokens, price: Price) -> float:
    """Return the cost of one request, in dollars."""
    read, write = usage.get("cache_read", 0), usage.get("cache_write", 0)
    before = usage.get("input", 0) + read + write
    is_long = bool(price.above) and before > price.above
    each_in, each_out = (price.long_input, price.long_output) if is_long else (price.input, price.output)
    weighed = usage.get("input", 0) + read * price.cache_read + write * price.cache_write
    return float(weighed * each_in + usage.get("output", 0) * each_out) / 1e6

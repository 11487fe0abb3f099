"""Calls with effects that must not come twice: `once: EXPR` of a program.

The value of the expression, with the name of the program, is the id of an effect. A run makes each effect once: the result of a call
that has succeeded is given to every later call with its id, and a call whose id is under way waits for that one. A call that has failed,
or was given up, may be made again. The id goes to the program, which can so refuse what it has done in an earlier run.

An example: `program charge(order: string) -> string = shell ["charge", ...] { once: order }`. A plan's step charges `o-17` and then
fails; its second attempt asks for the same and gets the result of the first, and the command `charge` has run once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from cogc.language.functions import text
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.objects import Waiter
    from cogc.kernel.unit import Unit
    from cogc.language.values import Value

Key: TypeAlias = "tuple[Unit, str, str]"
"""A unit, the key of a program in it, and the id of the effect."""
MOST = 100_000
"""How many results are kept; the oldest go first."""
_PLAIN = re.compile(r"[\w.:@/+=-]{1,120}", re.ASCII)


def id_of(program: str, value: Value) -> str:
    """Return the id of an effect: the name of the program, and the value as text, or a digest of a text that is long or odd."""
    said = text(value)
    if _PLAIN.fullmatch(said) is None:
        said = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{program}:{said}"


class Sharer(NamedTuple):
    """A call that waits for another one with its id: `waiter` is who makes it, `give` takes the result, `again` begins the call after all."""

    waiter: Waiter
    give: Callable[[object], None]
    again: Callable[[], None]


class Once:
    """The effects of a run: the results of those that are done, and the calls that wait for those under way."""

    __slots__ = ("_calls", "_results", "_waiting")

    def __init__(self) -> None:
        self._results: dict[Key, object] = {}
        self._waiting: dict[Key, list[Sharer]] = {}
        self._calls: dict[int, Key] = {}

    def results(self) -> Iterator[tuple[Key, object]]:
        """Return the results that are kept."""
        return iter(self._results.items())

    def keep(self, key: Key, result: object) -> None:
        """Keep the result of an effect."""
        self._results[key] = result

    def under_way(self) -> Iterator[tuple[int, Key, list[Sharer]]]:
        """Yield the calls that make effects, with those that wait for them."""
        for call, key in self._calls.items():
            yield call, key, self._waiting[key]

    def shared(self, key: Key, sharer: Sharer) -> bool:
        """Return whether an effect is done or under way. Then the sharer gets its result, now or later."""
        if key in self._results:
            sharer.give(self._results[key])
            return True
        if key in self._waiting:
            self._waiting[key].append(sharer)
            return True
        return False

    def begun(self, key: Key, call: int) -> None:
        """Note that a call makes an effect."""
        self._calls[call] = key
        self._waiting[key] = []

    def finished(self, call: int, value: object) -> None:
        """Keep the result of a call, unless it has failed, and give it to all that wait for it."""
        key = self._calls.pop(call, None)
        if key is None:
            return
        if not isinstance(value, Failure):
            self._results[key] = value
            if len(self._results) > MOST:
                del self._results[next(iter(self._results))]
        for sharer in self._waiting.pop(key):
            sharer.give(value)

    def given_up(self, call: int) -> None:
        """Let the calls go on by themselves that wait for one that was given up."""
        key = self._calls.pop(call, None)
        if key is not None:
            for sharer in self._waiting.pop(key):
                sharer.again()

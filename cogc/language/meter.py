"""The meter of a step: it counts the work of pure code, and bounds it.

**The model.** A step (one message taken by one reaction, up to its end or its next wait) may do `MOST_WORK` units of work.
A unit is an iteration of a loop, an item that a function of lists looks at, a call of an `expr` program, or 256 characters
of a long string. `spend` counts them. Compiled code and the built-in functions call it with the size of what they are about
to do, so that the bound holds before the work is done and not after.

**Looking up.** Every `WINDOW` units the meter looks up from the work: it calls `look`, the function of the kernel that is at work.
That function ends a step that has gone on for too long on the run's clock, or whose run is to stop. Where no kernel is at work,
`look` does nothing.

**The bounds.** `MOST_WORK` is exceeded by no step: `spend` raises a `Failure` of kind `bound`. `MOST_ITEMS` and
`MOST_CHARACTERS` bound every list and string that an expression makes, whoever makes it.

**The invariants.**

- There is one meter in a process: the kernels of a process take their steps one after the other, in one thread.
- The meter forgets what was spent when `step` changes. The loop of a kernel sets `step` to the message that it takes.
- Where a step is looked up from follows from what the step itself has spent, never from the steps before it. So a replay looks
  up at the same places.
- A step inside of another one (the hooks of a coglet that a reaction creates) has a count of its own; the outer count goes on
  behind it (`aside`).
- A count costs an addition and two comparisons; nothing is counted for code without loops, calls, lists and long strings.

**A worked example.** `len([1 for a in range(100000) if len([b for b in range(100000)]) > 0])`: `range` spends 100,000; the
outer loop spends 1,000 at a time; each inner `range` and inner loop spend 200,000. In the 50th round of the outer loop the
step has spent 10 million, and its reaction fails.
"""

from __future__ import annotations

from cogc.language.values import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from cogc.language.values import Value

    _Items = TypeVar("_Items", list[Value], range)

MOST_WORK = 10_000_000
"""The most units of work of one step."""
MOST_ITEMS = 1_000_000
"""The most items of a list or map that an expression makes."""
MOST_CHARACTERS = 1 << 24
"""The most characters of a string that an expression makes."""
WINDOW = 4096
_STRIDE = 1024


def _goes_on() -> None:
    """Let every step go on."""


class Interrupted(BaseException):
    """Ends a step whose run is to stop. No code of a program can take it.

    `counted` is True once what the step was for is counted among the losses of the run.
    """

    counted = False


class Meter:
    """The work that the current step has spent. `step` tells one step from the next."""

    __slots__ = ("counted", "look", "spent", "step", "window")

    def __init__(self) -> None:
        self.step: object = None
        self.counted: object = None
        self.window = 0
        self.spent = 0
        self.look: Callable[[], None] = _goes_on


METER = Meter()


def spend(count: int) -> None:
    """Count work that is about to be done."""
    meter = METER
    if meter.counted is not meter.step:
        meter.counted, meter.spent, meter.window = meter.step, 0, 0
    meter.window += count
    if meter.window > WINDOW:
        _settle()


def _settle() -> None:
    """Add the window to what the step has spent, look up, and fail a step that has spent too much."""
    meter = METER
    meter.spent += meter.window
    meter.window = 0
    if meter.spent > MOST_WORK:
        raise Failure("bound", f"the reaction does too much in one step; the limit is {MOST_WORK} iterations")
    meter.look()


def begin(step: object) -> None:
    """Begin to count a step anew."""
    METER.step = step


class _Aside:
    """Steps inside of another step, each with a count of its own. `aside` is the one object of this class."""

    __slots__ = ("outer",)

    def __init__(self) -> None:
        self.outer: list[tuple[object, object, int, int]] = []

    def __enter__(self) -> None:
        meter = METER
        self.outer.append((meter.step, meter.counted, meter.spent, meter.window))
        meter.step, meter.window = object(), 0

    def __exit__(self, *_error: object) -> None:
        METER.step, METER.counted, METER.spent, METER.window = self.outer.pop()


aside = _Aside()


def items(values: _Items) -> _Items | Iterator[Value]:
    """Return the items of a list for a loop, which are counted as the loop goes on."""
    if len(values) <= _STRIDE:
        spend(len(values))
        return values
    return _strides(values)


def _strides(values: list[Value] | range) -> Iterator[Value]:
    for start in range(0, len(values), _STRIDE):
        spend(_STRIDE)
        yield from values[start : start + _STRIDE]


def numbers(start: int, stop: int) -> range | Iterator[Value]:
    """Return the ints of a `range` for a loop, which are counted like those of a list that is made (`parts`) and then walked (`items`)."""
    size = stop - start if stop > start else 0
    meter = METER
    step = meter.step
    if meter.counted is not step:
        meter.counted = step
        meter.spent = meter.window = 0
    window = meter.window + size + size
    if size <= _STRIDE and window <= WINDOW:  # in one step what two calls of `spend` come to
        meter.window = window
        return range(start, stop)
    parts(size)
    return items(range(start, stop))


def characters(size: int) -> None:
    """Count a string of so many characters that is about to be made; fail if it is too long."""
    if size > MOST_CHARACTERS:
        raise Failure("bound", f"a string of {size} characters is too long; the limit is {MOST_CHARACTERS}")
    if size > WINDOW:
        spend(size >> 8)


def parts(size: int) -> None:
    """Count a list or map of so many parts that is about to be made; fail if it is too large."""
    if size > MOST_ITEMS:
        raise Failure("bound", f"a list of {size} items is too large; the limit is {MOST_ITEMS}")
    spend(size)

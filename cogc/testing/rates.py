"""Pass rates: how sure one is of a share of passed runs, and of the difference between two of them.

The interval of a rate is Wilson's. The interval of a difference is Newcombe's for pairs (his method 10 of 1998), which is made
of two of Wilson's and of how the pairs agree. Both keep their sense for few runs, and for rates of 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt

Z95 = 1.959963984540054
"""The quantile of a normal distribution for an interval of 95%, by which reports are made."""
Z99 = 2.5758293035489004
"""The same for 99%, by which a run of tests ends early: it looks again and again, and each look may be wrong."""
FEWEST = 10
"""How many runs there must be before an interval decides: fewer say too little, and one failure among the first would often end a good test."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The number of runs that passed, and the rate that is needed. A rate is from 0 to 1."""

    passed: int
    runs: int
    needed: float = 1.0

    @property
    def share(self) -> float:
        return self.passed / self.runs if self.runs else 0.0

    @property
    def holds(self) -> bool:
        """Return whether the share is at least what is needed."""
        return self.runs > 0 and self.passed >= least(self.needed, self.runs)

    @property
    def interval(self) -> tuple[float, float]:
        """Return the bounds of the interval of 95%."""
        return wilson(self.passed, self.runs)


def least(needed: float, runs: int) -> int:
    """Return how many of some runs must pass. A rate such as 0.7 is what is written, and not the float next to it."""
    return ceil(needed * runs - 1e-9)


def wilson(passed: int, runs: int, z: float = Z95) -> tuple[float, float]:
    """Return the bounds of Wilson's interval for a rate; from 0 to 1 without a run."""
    if not runs:
        return 0.0, 1.0
    share, square = passed / runs, z * z
    middle = (share + square / (2 * runs)) / (1 + square / runs)
    half = z * sqrt(share * (1 - share) / runs + square / (4 * runs * runs)) / (1 + square / runs)
    low = 0.0 if passed == 0 else max(0.0, middle - half)
    high = 1.0 if passed == runs else min(1.0, middle + half)
    return low, high


def decided(passed: int, runs: int, most: int, needed: float) -> bool | None:
    """Return whether a test passes, as soon as that is decided, else None. `most` is how many runs there may be in all.

    It is decided when the runs that are left cannot change it, or after `FEWEST` runs when the interval of 99% lies on one side of
    the rate.
    """
    wanted = least(needed, most)
    if passed >= wanted:
        return True
    if passed + most - runs < wanted:
        return False
    if runs < FEWEST:
        return None
    low, high = wilson(passed, runs, Z99)
    if low >= needed:
        return True
    return False if high < needed else None


def difference(both: int, first: int, second: int, neither: int) -> tuple[float, float, float]:
    """Return how much the second rate of some pairs is above the first one, and the bounds of its interval of 95%.

    `both` counts the pairs of which both passed, `first` and `second` those of which only the one did.
    """
    runs = both + first + second + neither
    if not runs:
        return 0.0, -1.0, 1.0
    a, b = (both + first) / runs, (both + second) / runs
    low_a, high_a = wilson(both + first, runs)
    low_b, high_b = wilson(both + second, runs)
    agree = _agreement(both, first, second, neither)
    down, up = b - low_b, high_a - a
    below = sqrt(max(0.0, down * down - 2 * agree * down * up + up * up))
    down, up = a - low_a, high_b - b
    above = sqrt(max(0.0, down * down - 2 * agree * down * up + up * up))
    return b - a, max(-1.0, b - a - below), min(1.0, b - a + above)


def _agreement(both: int, first: int, second: int, neither: int) -> float:
    """Return how the pairs agree, from -1 to 1, with a correction for few of them."""
    runs = both + first + second + neither
    product = (both + first) * (second + neither) * (both + second) * (first + neither)
    if not product:
        return 0.0
    cross = float(both * neither - first * second)
    if cross > 0:
        cross = max(cross - runs / 2, 0.0)
    return cross / sqrt(product)

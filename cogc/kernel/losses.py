"""The losses of a run: what reached nobody, counted while the system runs, for the report at its end."""

from __future__ import annotations

KINDS = {"agent": "agent", "team": "team", "plan": "plan", "dod": "definition of done"}
"""The kinds of coglets that report their failure on `failed`, and what they are called."""
AT_THE_END = "end"
"""The reason of dead letters that come while the root stops: stopping makes them, so that no report names them."""


class Tally(dict[str, int]):
    """A counter by name that costs nothing to make, as each kernel has several of them. What was never counted is 0."""

    __slots__ = ()

    def __missing__(self, name: str) -> int:
        return 0

    def total(self) -> int:
        """Return the sum of all counts."""
        return sum(self.values())


class Losses:
    """Counters by name. `failures` counts what agents, teams, plans and definitions of done report as failed to nobody."""

    __slots__ = ("failures", "hooks", "letters", "restarts", "unheard")

    def __init__(self) -> None:
        self.failures = 0
        self.hooks: list[str] = []
        """The `on stop` whose time was over before they had ended, as the paths of their coglets and `on stop`."""
        self.letters = Tally()
        """Dead letters and dropped messages, by reason."""
        self.restarts = Tally()
        """Failures that a restart handled, by the path of the coglet."""
        self.unheard = Tally()
        """Messages to which nobody listens, by coglet and channel."""

"""The failures and restarts of a run, as the timeline of the page shows them."""

from __future__ import annotations

from collections import deque
from typing import Any, Literal

from cogc.kernel.machine import Kernel
from cogc.kernel.objects import Instance
from cogc.language.values import hidden

KEPT = 500
"""The events that are kept; older ones are forgotten."""


class Life:
    """The last failures and restarts of a run, in their order. `total` counts all of them."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.events: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.total = 0
        kernel.outer.on_life = self._take

    def _take(self, kind: Literal["fail", "restart"], inst: Instance) -> None:
        """Take an event of a coglet."""
        self.total += 1
        event: dict[str, Any] = {"n": self.total, "t": self.kernel.now / 1e9, "kind": kind, "path": inst.path}
        report = inst.failure
        if kind == "fail" and report is not None:
            event |= {
                "error": hidden(report.failure.message, self.kernel.private),
                "error_kind": report.failure.kind,
                "reaction": report.reaction,
                "at": report.place,
                "from": report.path,
            }
        if kind == "restart":
            event["restarts"] = len(inst.restarts or ())
        self.events.append(event)

    def after(self, number: int) -> list[dict[str, Any]]:
        """Return the events behind a number that are kept."""
        behind = min(self.total - number, len(self.events))
        return list(self.events)[len(self.events) - behind :] if behind > 0 else []

"""The clock of this machine that leases are measured by: it goes on while the machine sleeps, and nobody sets it.

The time of day jumps when somebody sets it, or a server of time corrects it. A lease that is measured by it ends early, and
its item is worked on twice; or it does not end at all. So a store of this machine counts from the boot of the machine.
`boot` says which boot that was, so that a store in a file knows whether an instant that it has kept can be compared.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def since_boot() -> float:
    """Return the seconds since the boot of this machine; on a system without such a clock, since an instant of its own."""
    return time.clock_gettime(_CLOCK)


def boot() -> str:
    """Return what names this boot and the clock of this process, or nothing where that is not known."""
    found = []
    with suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        found = [file.read().strip(), os.readlink("/proc/self/ns/time")]
    return " ".join(found)


class SteadyClock:
    """The time of day at the start of this process, and what has passed since by the clock of the machine."""

    def __init__(self) -> None:
        self.ahead = time.time() - since_boot()

    def now(self) -> float:
        """Return the time, in seconds."""
        return since_boot() + self.ahead

"""The permissions of the processes of a call."""

from __future__ import annotations


class Sandbox:
    """The permissions of a call's processes: `mode` is ro or rw, for the workspace."""

    __slots__ = ("mode", "network")

    def __init__(self, mode: str, network: bool) -> None:
        self.mode = mode
        self.network = network

    def inside(self, outer: Sandbox | None) -> Sandbox:
        """This one within another: nothing is allowed that the other forbids."""
        if outer is None:
            return self
        return Sandbox("ro" if "ro" in (self.mode, outer.mode) else "rw", self.network and outer.network)

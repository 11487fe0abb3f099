"""The outcome of an evaluation before a run: a value, or the reason why there is none."""

from __future__ import annotations

from cogc.language.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from cogc.language.values import Value
    from cogc.names.world import Unit
    from cogc.syntax import nodes

    Outcome: TypeAlias = "Found | Unknown | Wrong"


class Unknown(Exception):
    """The value is known only in a run."""


class Wrong(Exception):
    """The run fails at this expression. `cycle` names the constants that need each other, if that is the reason."""

    def __init__(self, node: nodes.Node, unit: Unit, reason: str, cycle: tuple[nodes.Const, ...] = ()) -> None:
        super().__init__(reason)
        self.node = node
        self.unit = unit
        self.reason = reason
        self.cycle = cycle


class Found(Record):
    """The value of a constant."""

    value: Value

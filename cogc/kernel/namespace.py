"""The names that generated code may use, besides those that a program adds: functions, operators, records of waits.

`kernel/code.py` writes these names into the source of a function. They are short, since they stand in every line, and none of
them can be the name of a user: locals are written as `v_NAME`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cogc.kernel.waits import AwaitMessage, CallProgram, RunAll
from cogc.language import functions, meter
from cogc.language.values import Again

if TYPE_CHECKING:
    from cogc.kernel.host import Host
    from cogc.language.values import Space, Value

ABSENT: Any = object()
"""Stands for an argument that was not given."""


def record_of(inst: Host) -> dict[str, Value]:
    """Return `self` as a value."""
    return {"index": inst.index, "id": inst.id, "name": inst.name, "path": inst.path}


OPERATORS = {operator: f"op_{number}" for number, operator in enumerate(functions.OPERATORS)}
"""The name of each operator's function."""
NAMES: Space = {
    **{f"f_{name}": function for name, function in functions.FUNCTIONS.items()},
    "f_file": functions.file,
    **{name: functions.OPERATORS[operator] for operator, name in OPERATORS.items()},
    "op": functions.OPERATORS,
    "truth": functions.truth,
    "not_": functions.not_,
    "negate": functions.negate,
    "field": functions.field,
    "field_or_null": functions.field_or_null,
    "item": functions.item,
    "part": functions.part,
    "spread": functions.spread,
    "walked": functions.walked,
    "walked_range": functions.walked_range,
    "number": functions.within_bounds,
    "spend": meter.spend,
    "apart": functions.apart,
    "text": functions.text_of_parts,
    "coalesce": functions.coalesce,
    "first_known": functions.first_known,
    "folded": functions.folded,
    "fail": functions.fail,
    "Again": Again,
    "absent": ABSENT,
    "record_of": record_of,
    "CallProgram": CallProgram,
    "AwaitMessage": AwaitMessage,
    "RunAll": RunAll,
}

"""The values of `persist` states that an earlier run has kept: taken as they are, converted, or refused.

The model. A kept value is taken if it is of the state's type. Else, if the state names another type (`persist from T`) and the value
is of that one, it becomes what the conversion makes of it, once: the new value is kept in its place. Every other value
is refused, with state, coglet and the way out, and the run does not begin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogc.kernel.effects import Persist
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc import ir
    from cogc.kernel.objects import Instance
    from cogc.kernel.state import State
    from cogc.language.values import Value


def taken(kernel: State, inst: Instance, state: ir.StateDecl, stored: Value) -> Value:
    """Return the value of a state of which an earlier run has kept one. Raise a Failure of kind `kept` if it does not fit."""
    try:
        value, converted = fitting(inst, state, stored)
    except Failure as wrong:
        if not wrong.interrupts:
            wrong = Failure("kept", f"the kept state `{state.name}` of `{inst.path}` {wrong.message}")
        raise wrong from None
    if converted:
        kernel.persisted[inst.path, state.name] = value
        kernel.effects.append(Persist(inst.path, state.name, value))
    return value


def fitting(inst: Instance, state: ir.StateDecl, stored: Value) -> tuple[Value, bool]:
    """Return a kept value as the type of its state wants it, and whether it was converted. A Failure says why it does not fit."""
    validators = inst.code.unit.validators
    check, conversion = validators.check(state.type), state.conversion
    try:
        return check(stored), False
    except Failure as wrong:
        if conversion is None:
            raise Failure("kept", f"no longer fits: {wrong.message}; convert it with `persist from`") from None
        reason = wrong.message
    try:
        old = validators.check(conversion.type)(stored)
    except Failure:
        raise Failure("kept", f"fits neither its type nor the one behind `from`: {reason}") from None
    try:
        return check(inst.code.conversions[state.name](inst, old)), True
    except Exception as error:
        failure = inst.code.failure(inst, error)
        if failure.interrupts:
            raise failure from None
        raise Failure("kept", f"cannot be converted: {failure.message}") from None

"""The types of the binary operators: `result(operator, left, right)` for the types of the two sides."""

from __future__ import annotations

from cogc.language import types
from cogc.language.record import Record
from cogc.language.types import ANY, BOOL, DURATION, FLOAT, INT, NO, NULL, STRING, TIME, ListOf, Type


class Wrong(Record):
    """An operator that does not take these types: the slug and hint of the diagnostic, and the type to go on with."""

    slug: str
    hint: str
    type: Type | None = None


_ORDERED = ("<", "<=", ">", ">=")


def result(operator: str, left: Type, right: Type) -> Type | Wrong:
    """Return the type of the result, or the mistake.

    A union is taken apart: the operator must take each alternative of one side with each of the other.
    """
    if operator in ("==", "!="):
        if ANY in (left, right) or types.overlaps(left, right):
            return BOOL
        return Wrong("never-equal", "", BOOL)
    if operator in ("in", "not in"):
        return _membership(left, right)
    parts: list[Type] = []
    for a in types.members(types.widen(left)):
        for b in types.members(types.widen(right)):
            part = _pair(operator, a, b)
            if part is None:
                return _wrong(operator, left, right)
            parts.append(part)
    return types.union(parts)


def _membership(left: Type, right: Type) -> Type | Wrong:
    """Return the type of `left in right`: a string in a string, a key in a map or record, a value in a list."""
    if right == ANY:
        return BOOL
    if types.fit(right, STRING) > NO:
        return BOOL if types.fit(left, STRING) > NO else Wrong("bad-operands", "only a string is in a string", BOOL)
    item = types.item_type(right)
    if item is None:
        if types.fit(right, types.MapOf(ANY)) > NO:
            return BOOL if types.fit(left, STRING) > NO else Wrong("bad-operands", "a key is a string", BOOL)
        return Wrong("bad-operands", "`in` looks into lists, maps, records and strings", BOOL)
    if item == types.NEVER or types.overlaps(left, item):
        return BOOL
    return Wrong("never-equal", "", BOOL)


def _wrong(operator: str, left: Type, right: Type) -> Wrong:
    """Return the mistake in an operation; if only `null` is in the way, that is the mistake."""
    for a, b in ((types.without(left, NULL), right), (left, types.without(right, NULL))):
        if (a, b) != (left, right) and types.NEVER not in (a, b) and not isinstance(result(operator, a, b), Wrong):
            return Wrong("nullable", "")
    kinds = {types.show(types.widen(left)), types.show(types.widen(right))}
    if operator == "+" and "string" in kinds:
        return Wrong("bad-operands", 'convert with `str(...)`, or write a template: "... {{ x }}"')
    if operator in _ORDERED:
        return Wrong(
            "bad-operands", "numbers, strings, durations and times can be ordered, each among themselves", BOOL
        )
    return Wrong("bad-operands", "numbers go with numbers; `+` also joins strings and lists")


def _pair(operator: str, a: Type, b: Type) -> Type | None:
    """Return the type of an operation on two types that are no unions, or None."""
    if operator in _ORDERED:
        return BOOL if _comparable(a, b) else None
    if ANY in (a, b):
        return ANY
    if a == TIME or b == TIME or a == DURATION or b == DURATION:
        return _temporal(operator, a, b)
    if a in (INT, FLOAT) and b in (INT, FLOAT):
        if operator == "/":
            return FLOAT
        return INT if (a, b) == (INT, INT) else FLOAT
    if operator == "+":
        if (a, b) == (STRING, STRING):
            return STRING
        if isinstance(a, ListOf) and isinstance(b, ListOf):
            return ListOf(types.union((a.item, b.item)))
    return None


def _comparable(a: Type, b: Type) -> bool:
    numbers = (INT, FLOAT)
    if ANY in (a, b):
        other = b if a == ANY else a
        return other in (ANY, INT, FLOAT, STRING, DURATION, TIME)
    return (a in numbers and b in numbers) or (a == b and a in (STRING, DURATION, TIME))


def _temporal(operator: str, a: Type, b: Type) -> Type | None:
    """Return the type of an operation on durations and times, or None."""
    number = (INT, FLOAT)
    if operator in "+-":
        if (a, b) == (TIME, TIME):
            return DURATION if operator == "-" else None
        if (a, b) == (TIME, DURATION) or (operator == "+" and (a, b) == (DURATION, TIME)):
            return TIME
        return DURATION if (a, b) == (DURATION, DURATION) else None
    if operator == "*":
        return DURATION if (a == DURATION and b in number) or (a in number and b == DURATION) else None
    if operator == "/":
        if (a, b) == (DURATION, DURATION):
            return FLOAT
        return DURATION if a == DURATION and b in number else None
    if operator == "%" and (a, b) == (DURATION, DURATION):
        return DURATION
    return INT if operator == "//" and (a, b) == (DURATION, DURATION) else None

"""Values converted to a type: `coerce(value, type)` fills in defaults and converts ints to floats, or fails.

A failure names the path and the reason of the first part that does not fit.
"""

from __future__ import annotations

from cogc.language import types
from cogc.language.closed import assert_never
from cogc.language.texts import nanoseconds
from cogc.language.types import Type, expand, show
from cogc.language.values import Duration, Failure, Time, equal, kind_of, shorten, time_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.language.values import Value


class Mismatch(Exception):
    """A value that is not of a type: the path to the part that does not fit, and the reason."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason


def coerce(value: Value, wanted: Type) -> Value:
    """Return a value converted to a type; raise a Failure of kind `type` if it does not fit."""
    try:
        return _coerce(value, wanted, "")
    except Mismatch as wrong:
        where = f"`{wrong.path.lstrip('.')}`: " if wrong.path else ""
        raise Failure("type", f"{where}{wrong.reason}") from None
    except RecursionError:
        raise Failure("type", "the value is nested too deep") from None


def _coerce(value: Value, wanted: Type, path: str) -> Value:
    found = expand(wanted)
    match found:
        case types.Primitive(name):
            return _primitive(value, name, path)
        case types.LiteralOf() as literal:
            if equal(value, literal.value):
                return literal.value
            raise _mismatch(value, wanted, path)
        case types.ListOf(item):
            if type(value) is not list:
                raise _mismatch(value, wanted, path)
            return [_coerce(v, item, f"{path}[{i}]") for i, v in enumerate(value)]
        case types.MapOf(inner):
            if type(value) is not dict:
                raise _mismatch(value, wanted, path)
            return {k: _coerce(v, inner, f"{path}.{k}") for k, v in value.items()}
        case types.UnionOf(parts):
            return _union(value, parts, wanted, path)
        case types.RecordOf() as record:
            return _record_value(value, record, wanted, path)
        case types.Ref():
            raise AssertionError(wanted)  # `expand` returns none
        case _:
            assert_never(found)


def _mismatch(value: Value, wanted: Type, path: str) -> Mismatch:
    return Mismatch(path, f"expected {show(wanted)}, got {kind_of(value)} {shorten(value, 80)}")


def _primitive(value: Value, name: str, path: str) -> Value:
    if name == "any":
        return value
    if kind_of(value) == name:
        return value
    if name == "float" and type(value) is int:
        return float(value)
    if name in ("duration", "time") and type(value) is str:
        try:
            return Duration(nanoseconds(value)) if name == "duration" else _time(value)
        except ValueError:
            pass
    raise _mismatch(value, types.Primitive(name), path)


def _time(text: str) -> Time:
    from datetime import datetime  # start-up: as in `values.moment`

    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone")
    return time_of(moment)


def _union(value: Value, parts: tuple[Type, ...], wanted: Type, path: str) -> Value:
    reasons: list[Mismatch] = []
    meant: list[Mismatch] = []
    for part in parts:
        try:
            found = _coerce(value, part, path)
        except Mismatch as wrong:
            reasons.append(wrong)
            if _has_tag_of(value, part) or _alone_of_its_shape(value, part, parts):
                meant.append(wrong)
            continue
        if equal(found, value) and type(found) is type(value):
            return found
        reasons.append(Mismatch(path, ""))
    for part in parts:
        try:
            return _coerce(value, part, path)
        except Mismatch:
            continue
    deepest = max(meant or reasons, key=lambda r: len(r.path))
    raise deepest if meant or len(deepest.path) > len(path) else _mismatch(value, wanted, path)


def _has_tag_of(value: Value, part: Type) -> bool:
    """Return whether a record has the literal fields of an alternative of a union, so that this alternative was meant."""
    found = expand(part)
    if type(value) is not dict or not isinstance(found, types.RecordOf):
        return False
    tags = [(f.name, f.type.value) for f in found.fields if isinstance(f.type, types.LiteralOf)]
    return bool(tags) and all(equal(value.get(name), literal) for name, literal in tags)


def _alone_of_its_shape(value: Value, part: Type, parts: tuple[Type, ...]) -> bool:
    """Return whether a list or record meets one alternative of a union that is a list or record at all: that one was meant."""
    shapes: tuple[type, ...] = (types.ListOf,) if type(value) is list else (types.RecordOf, types.MapOf)
    if type(value) not in (list, dict) or not isinstance(expand(part), shapes):
        return False
    return sum(isinstance(expand(p), shapes) for p in parts) == 1


def _record_value(value: Value, record: types.RecordOf, wanted: Type, path: str) -> Value:
    import json  # start-up: only types with defaults need it

    if type(value) is not dict:
        raise _mismatch(value, wanted, path)
    result: dict[str, Value] = {}
    known = set()
    for f in record.fields:
        known.add(f.name)
        if f.name in value:
            result[f.name] = _coerce(value[f.name], f.type, f"{path}.{f.name}")
        elif f.default is not None:
            result[f.name] = _coerce(json.loads(f.default), f.type, f"{path}.{f.name}")
        elif not f.optional:
            raise Mismatch(path, f"the field `{f.name}` is missing")
    for name in value:
        if name not in known:
            if not record.open:
                raise Mismatch(path, f"there is no field `{name}` in {show(wanted)}")
            result[name] = value[name]
    return result

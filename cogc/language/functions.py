"""The built-in functions and operators as functions of values.

A run calls them from compiled code, and a check calls the same ones to evaluate constants. Each fails with a `Failure`
that names the operands. `FUNCTIONS` are those that specs call; `OPERATORS` those that compiled code calls where Python's
own operator would mean something else.
"""

from __future__ import annotations

from cogc.language.values import LIMIT, Duration, Failure, Time, equal, kind_of, plain, shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_INT_LIMIT = 1 << 256
_NUMBERS = (int, float)


def _fail(message: str) -> Failure:
    return Failure("error", message)


def _number(value: Any, name: str) -> Any:
    if type(value) is int or type(value) is float:
        return value
    raise _fail(f"`{name}` takes a number, not {kind_of(value)}")


def _list(value: Any, name: str) -> list[Any]:
    if type(value) is list:
        return value
    raise _fail(f"`{name}` takes a list, not {kind_of(value)}")


def _string(value: Any, name: str) -> str:
    if type(value) is str:
        return value
    raise _fail(f"`{name}` takes a string, not {kind_of(value)}")


def _map(value: Any, name: str) -> dict[str, Any]:
    if type(value) is dict:
        return value
    raise _fail(f"`{name}` takes a map or record, not {kind_of(value)}")


def _bounded(value: Any) -> Any:
    if len(value) > LIMIT:
        raise _fail(f"a value of {len(value)} parts is too large; the limit is {LIMIT}")
    return value


def _bounded_int(value: int) -> int:
    if -_INT_LIMIT < value < _INT_LIMIT:
        return value
    raise _fail("a number is too large; the limit is 2^256")


# ---- built-in functions --------------------------------------------------------------------------------------


def length(value: Any) -> int:
    if type(value) in (str, list, dict):
        return len(value)
    raise _fail(f"`len` takes a string, list, map or record, not {kind_of(value)}")


def total(values: Any) -> Any:
    result: Any = 0
    for i, value in enumerate(_list(values, "sum")):
        result = value if i == 0 and type(value) is Duration else add(result, value)
    return result


def least(*values: Any) -> Any:
    return _extreme("min", values, lambda a, b: less(b, a))


def most(*values: Any) -> Any:
    return _extreme("max", values, less)


def _extreme(name: str, values: tuple[Any, ...], beaten: Callable[[Any, Any], bool]) -> Any:
    items = _list(values[0], name) if len(values) == 1 else list(values)
    if not items:
        raise _fail(f"`{name}` of an empty list")
    best = items[0]
    for item in items[1:]:
        if beaten(best, item):
            best = item
    return best


def rounded(value: Any, digits: Any = None) -> Any:
    number = _number(value, "round")
    try:
        return round(number) if digits is None else round(float(number), max(-300, min(300, int(digits))))
    except (OverflowError, ValueError):
        raise _fail(f"`round` of {number}") from None


def absolute(value: Any) -> Any:
    return Duration(abs(value.nanos)) if type(value) is Duration else abs(_number(value, "abs"))


def _ordered(values: list[Any], key: Callable[[Any], Any]) -> list[Any]:
    try:
        kinds = {float if type(key(v)) is int else type(key(v)) for v in values}
        if len(kinds) > 1 or not kinds <= {float, str, Duration, Time}:
            raise TypeError
        return sorted(values, key=key)
    except TypeError:
        raise _fail("these values cannot be ordered among themselves") from None


def ordered(values: Any) -> list[Any]:
    return _ordered(_list(values, "sorted"), lambda v: v)


def sort_by(values: Any, name: Any) -> list[Any]:
    return _ordered(_list(values, "sort_by"), lambda v: field(v, name))


def keys(value: Any) -> list[str]:
    return list(_map(value, "keys"))


def values_of(value: Any) -> list[Any]:
    return list(_map(value, "values").values())


def split(text: Any, separator: Any = None) -> list[str]:
    if separator == "":
        return list(_string(text, "split"))
    return _string(text, "split").split(separator if separator is None else _string(separator, "split"))


def join(parts: Any, separator: Any = "") -> str:
    words = [_string(p, "join") for p in _list(parts, "join")]
    size = sum(map(len, words)) + len(_string(separator, "join")) * len(words)
    if size > LIMIT:
        raise _fail(f"`join` would make a string of {size} characters; the limit is {LIMIT}")
    return str(separator).join(words)


def contains(whole: Any, part: Any) -> bool:
    return within(part, whole)


def starts_with(text: Any, start: Any) -> bool:
    return _string(text, "starts_with").startswith(_string(start, "starts_with"))


def as_json(value: Any) -> str:
    import json

    return json.dumps(plain(value), ensure_ascii=False, separators=(", ", ": "))


def numbers(first: Any, second: Any = None) -> list[int]:
    start, stop = (0, first) if second is None else (first, second)
    if type(start) is not int or type(stop) is not int:
        raise _fail("`range` takes ints")
    if stop - start > LIMIT:
        raise _fail(f"`range` of {stop - start} items; the limit is {LIMIT}")
    return list(range(start, stop))


def unique(values: Any) -> list[Any]:
    seen: dict[Any, Any] = {}
    for v in _list(values, "unique"):
        seen.setdefault(_identity(v), v)
    return list(seen.values())


def _identity(value: Any) -> Any:
    """Return a key that two values share when their kinds and values are equal: 1 and 1.0, or "1m" and 1m, do not."""
    kind = type(value)
    if kind is list:
        return "list", tuple(map(_identity, value))
    if kind is dict:
        return "record", frozenset((k, _identity(v)) for k, v in value.items())
    return kind_of(value), value


def first(values: Any) -> Any:
    if not _list(values, "first"):
        raise _fail("`first` of an empty list")
    return values[0]


def last(values: Any) -> Any:
    if not _list(values, "last"):
        raise _fail("`last` of an empty list")
    return values[-1]


def take(values: Any, count: Any) -> list[Any]:
    return _list(values, "take")[: max(0, int(_number(count, "take")))]


def count(values: Any, value: Any) -> int:
    return sum(1 for v in _list(values, "count") if equal(v, value))


def has(whole: Any, key: Any) -> bool:
    if type(whole) is dict:
        return key in whole if type(key) is str else False
    return any(equal(v, key) for v in _list(whole, "has"))


def remove(whole: Any, key: Any) -> Any:
    if type(whole) is dict:
        return {k: v for k, v in whole.items() if k != key}
    return [v for v in _list(whole, "remove") if not equal(v, key)]


def replace(text: Any, old: Any, new: Any) -> str:
    source, old, new = _string(text, "replace"), _string(old, "replace"), _string(new, "replace")
    if old and source.count(old) * max(0, len(new) - len(old)) + len(source) > LIMIT:
        raise _fail("`replace` would make too long a string")
    return source.replace(old, new) if old else source


def to_int(value: Any) -> int:
    try:
        if type(value) is str and len(value) > 100:
            raise ValueError
        return _bounded_int(int(value))
    except (TypeError, ValueError, OverflowError):
        raise _fail(f"{shorten(value, 60)} is no int") from None


def to_float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise _fail(f"{shorten(value, 60)} is no float") from None


def text(value: Any) -> str:
    """A value as templates show it: a string as it is, everything else as JSON."""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is int:
        return repr(value)
    if kind is Duration or kind is Time:
        return repr(value)
    return as_json(value)


def stable_key(value: Any) -> str:
    """Canonical JSON: equal values give equal texts, in every run."""
    import json

    return json.dumps(plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": length,
    "sum": total,
    "min": least,
    "max": most,
    "round": rounded,
    "abs": absolute,
    "sorted": ordered,
    "sort_by": sort_by,
    "keys": keys,
    "values": values_of,
    "lower": lambda s: _string(s, "lower").lower(),
    "upper": lambda s: _string(s, "upper").upper(),
    "split": split,
    "join": join,
    "contains": contains,
    "starts_with": starts_with,
    "json": as_json,
    "range": numbers,
    "unique": unique,
    "first": first,
    "last": last,
    "take": take,
    "count": count,
    "has": has,
    "remove": remove,
    "replace": replace,
    "int": to_int,
    "float": to_float,
    "str": text,
}


# ---- operators -----------------------------------------------------------------------------------------------


def truth(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise _fail(f"a condition is a bool, not {kind_of(value)}")


def _wrong(operator: str, a: Any, b: Any) -> Failure:
    return _fail(f"`{operator}` does not take {kind_of(a)} and {kind_of(b)}")


def add(a: Any, b: Any) -> Any:
    ka, kb = type(a), type(b)
    if ka in _NUMBERS and kb in _NUMBERS:
        return a + b
    if ka is kb and ka in (str, list):
        return _bounded(a + b)
    if ka is Duration and kb is Duration:
        return Duration(a.nanos + b.nanos)
    if (ka is Time and kb is Duration) or (ka is Duration and kb is Time):
        return Time(a.nanos + b.nanos)
    raise _wrong("+", a, b)


def subtract(a: Any, b: Any) -> Any:
    ka, kb = type(a), type(b)
    if ka in _NUMBERS and kb in _NUMBERS:
        return a - b
    if ka is kb and ka in (Duration, Time):
        return Duration(a.nanos - b.nanos)
    if ka is Time and kb is Duration:
        return Time(a.nanos - b.nanos)
    raise _wrong("-", a, b)


def multiply(a: Any, b: Any) -> Any:
    ka, kb = type(a), type(b)
    if ka in _NUMBERS and kb in _NUMBERS:
        product = a * b
        return _bounded_int(product) if type(product) is int else product
    if ka is Duration and kb in _NUMBERS:
        return Duration(round(a.nanos * b))
    if kb is Duration and ka in _NUMBERS:
        return Duration(round(b.nanos * a))
    raise _wrong("*", a, b)


def _operands(operator: str, a: Any, b: Any) -> None:
    ka, kb = type(a), type(b)
    if not ((ka in _NUMBERS and kb in _NUMBERS) or (ka is Duration and kb is Duration)):
        raise _wrong(operator, a, b)
    if (b.nanos if kb is Duration else b) == 0:
        raise _fail("a division by zero")


def divide(a: Any, b: Any) -> Any:
    if type(a) is Duration and type(b) in _NUMBERS:
        if b == 0:
            raise _fail("a division by zero")
        return Duration(round(a.nanos / b))
    _operands("/", a, b)
    try:
        return a.nanos / b.nanos if type(a) is Duration else a / b
    except OverflowError:
        raise _fail("a number is too large for a float") from None


def floor_divide(a: Any, b: Any) -> Any:
    _operands("//", a, b)
    return a.nanos // b.nanos if type(a) is Duration else a // b


def modulo(a: Any, b: Any) -> Any:
    _operands("%", a, b)
    return Duration(a.nanos % b.nanos) if type(a) is Duration else a % b


def negate(a: Any) -> Any:
    return Duration(-a.nanos) if type(a) is Duration else -_number(a, "-")


def _comparable(operator: str, a: Any, b: Any) -> None:
    ka, kb = type(a), type(b)
    if not ((ka in _NUMBERS and kb in _NUMBERS) or (ka is kb and ka in (str, Duration, Time))):
        raise _wrong(operator, a, b)


def less(a: Any, b: Any) -> bool:
    _comparable("<", a, b)
    return bool(a < b)


def less_or_equal(a: Any, b: Any) -> bool:
    _comparable("<=", a, b)
    return bool(a <= b)


def greater(a: Any, b: Any) -> bool:
    _comparable(">", a, b)
    return bool(b < a)


def greater_or_equal(a: Any, b: Any) -> bool:
    _comparable(">=", a, b)
    return bool(b <= a)


def within(part: Any, whole: Any) -> bool:
    if type(whole) is str:
        return _string(part, "in") in whole
    if type(whole) is dict:
        return part in whole if type(part) is str else False
    return any(equal(v, part) for v in _list(whole, "in"))


def field(base: Any, name: Any) -> Any:
    """A field of a value of unknown type: null where a record lacks it."""
    if type(base) is dict:
        return base.get(name)
    raise _fail(f"{kind_of(base)} has no field `{name}`")


def field_or_null(base: Any, name: str) -> Any:
    """A field in a template: null of null, so that optional records may be walked."""
    return None if base is None else field(base, name)


def item(base: Any, index: Any) -> Any:
    if type(base) is list or type(base) is str:
        if type(index) is not int:
            raise _fail(f"a {kind_of(base)} is indexed with an int, not {kind_of(index)}")
        if not -len(base) <= index < len(base):
            raise _fail(f"index {index} is out of range: there are {len(base)}")
        return base[index]
    if type(base) is dict:
        return base.get(_string(index, "[]"))
    raise _fail(f"{kind_of(base)} cannot be indexed")


def part(base: Any, low: Any, high: Any) -> Any:
    if type(base) not in (list, str):
        raise _fail(f"{kind_of(base)} cannot be sliced")
    return base[low:high]


def spread(value: Any) -> dict[str, Any]:
    return _map(value, "...")


def walked(value: Any) -> list[Any]:
    if type(value) is list:
        return value
    raise _fail(f"`for` walks a list, not {kind_of(value)}")


def apart(value: Any, names: int) -> list[Any]:
    """A list taken apart by a pattern of so many names."""
    if type(value) is not list or len(value) != names:
        raise _fail(f"a pattern of {names} names takes a list of {names}, not {shorten(value, 60)}")
    return value


def text_of_parts(*parts: Any) -> str:
    return str(_bounded("".join([text(p) for p in parts])))


def coalesce(value: Any, otherwise: Callable[[], Any]) -> Any:
    return otherwise() if value is None else value


def attempt(value: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
    """`try VALUE else OTHERWISE` where nothing in it waits."""
    try:
        return value()
    except (Failure, ArithmeticError, LookupError, TypeError, ValueError, RecursionError):
        return otherwise()


def fail(value: Any) -> None:
    """Carry out `fail e`: a string is the message, a record with `message` gives its own."""
    message = value.get("message", "") if type(value) is dict else value
    raise Failure("error", text(message if message else value))


def not_(value: Any) -> bool:
    return not truth(value)


OPERATORS: dict[str, Callable[..., Any]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "//": floor_divide,
    "%": modulo,
    "==": equal,
    "!=": lambda a, b: not equal(a, b),
    "<": less,
    "<=": less_or_equal,
    ">": greater,
    ">=": greater_or_equal,
    "in": within,
    "not in": lambda a, b: not within(a, b),
}

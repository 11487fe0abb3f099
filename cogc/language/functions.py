"""The built-in functions and operators as functions of values.

A run calls them from compiled code, and a check calls the same ones to evaluate constants. Each fails with a `Failure`
that names the operands. `FUNCTIONS` are those that specs call; `OPERATORS` those that compiled code calls where Python's
own operator would mean something else.
"""

from __future__ import annotations

from cogc.language import meter
from cogc.language.media import kind_of_type, type_by_name
from cogc.language.values import Duration, Failure, Media, Time, equal, kind_of, plain, shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from cogc.language.values import Value

_INT_LIMIT = 1 << 63


def _fail(message: str) -> Failure:
    return Failure("error", message)


def _number(value: Value, name: str) -> int | float:
    if type(value) is int or type(value) is float:
        return value
    raise _fail(f"`{name}` takes a number, not {kind_of(value)}")


def _list(value: Value, name: str) -> list[Value]:
    if type(value) is list:
        return value
    raise _fail(f"`{name}` takes a list, not {kind_of(value)}")


def _items(value: Value, name: str) -> list[Value]:
    """Return a list whose items a function is about to walk, which the meter counts."""
    items = _list(value, name)
    meter.spend(len(items))
    return items


def _string(value: Value, name: str) -> str:
    if type(value) is str:
        return value
    raise _fail(f"`{name}` takes a string, not {kind_of(value)}")


def _map(value: Value, name: str) -> dict[str, Value]:
    """Return a map that a function is about to walk."""
    if type(value) is dict:
        meter.spend(len(value))
        return value
    raise _fail(f"`{name}` takes a map or record, not {kind_of(value)}")


def within_bounds(value: int | float) -> int | float:
    """Return a number that an expression has made; fail if it needs more than 64 bits, or is infinite or no number."""
    if type(value) is float:
        if value - value == 0.0:
            return value
        raise Failure("bound", "a number is too large for a float")
    if -_INT_LIMIT <= value < _INT_LIMIT:
        return value
    raise Failure("bound", "a number is too large; an int has 64 bits")


def _nanos(value: int | float) -> int:
    """Return the nanoseconds of a duration or a time that an expression has made."""
    return int(within_bounds(round(within_bounds(value))))


# ---- built-in functions --------------------------------------------------------------------------------------


def length(value: Value) -> int:
    """`len`: return the number of characters, items or entries."""
    if type(value) is str or type(value) is list or type(value) is dict:
        return len(value)
    raise _fail(f"`len` takes a string, list, map or record, not {kind_of(value)}")


def total(values: Value) -> Value:
    """`sum`: return the sum of numbers or durations; 0 for an empty list."""
    result: Value = 0
    for i, value in enumerate(_items(values, "sum")):
        result = value if i == 0 and type(value) is Duration else add(result, value)
    return result


def least(*values: Value) -> Value:
    """`min`: return the least of a list, or of several values. Fail for an empty list."""
    return _extreme("min", values, lambda a, b: less(b, a))


def most(*values: Value) -> Value:
    """`max`: return the greatest of a list, or of several values. Fail for an empty list."""
    return _extreme("max", values, less)


def _extreme(name: str, values: tuple[Value, ...], beaten: Callable[[Value, Value], bool]) -> Value:
    """Return the item of a list that no other one beats."""
    items = _items(values[0], name) if len(values) == 1 else list(values)
    if not items:
        raise _fail(f"`{name}` of an empty list")
    best = items[0]
    for item in items[1:]:
        if beaten(best, item):
            best = item
    return best


def rounded(value: Value, digits: Value = None) -> Value:
    """`round`: return an int, or with `digits` a float. A tie goes to the even neighbour, as in Python."""
    number = _number(value, "round")
    try:
        return within_bounds(
            round(number)
            if digits is None
            else round(float(number), max(-300, min(300, int(_number(digits, "round")))))
        )
    except (OverflowError, ValueError):
        raise _fail(f"`round` of {number}") from None


def absolute(value: Value) -> Value:
    """`abs`: return a number or a duration without its sign."""
    return Duration(abs(value.nanos)) if type(value) is Duration else within_bounds(abs(_number(value, "abs")))


def _ordered(values: list[Value], key: Callable[[Value], Value]) -> list[Value]:
    """Return values in the order of their keys, which must be of one kind. Equal values keep their order."""
    try:
        kinds = {float if type(key(v)) is int else type(key(v)) for v in values}
        if len(kinds) > 1 or not kinds <= {float, str, Duration, Time}:
            raise TypeError
        return sorted(values, key=key)  # type: ignore[arg-type]  # the keys are of one kind, by the test above
    except TypeError:
        raise _fail("these values cannot be ordered among themselves") from None


def ordered(values: Value) -> list[Value]:
    """`sorted`: return a list in order. Fail unless all items are numbers, strings, durations or times."""
    return _ordered(_items(values, "sorted"), lambda v: v)


def sort_by(values: Value, name: Value) -> list[Value]:
    """`sort_by`: return records in the order of one field."""
    key = _string(name, "sort_by")
    return _ordered(_items(values, "sort_by"), lambda v: field(v, key))


def keys(value: Value) -> list[Value]:
    """`keys`: return the keys of a map or record, in the order of the entries."""
    return list(_map(value, "keys"))


def values_of(value: Value) -> list[Value]:
    """`values`: return the values of a map or record, in the order of the entries."""
    return list(_map(value, "values").values())


def split(text: Value, separator: Value = None) -> list[Value]:
    """`split`: return the parts of a string between separators: without one between runs of blanks, with "" its
    characters."""
    whole = _string(text, "split")
    meter.parts(
        len(whole) if separator == "" else whole.count(" " if separator is None else _string(separator, "split")) + 1
    )
    if separator == "":
        return list(whole)
    return [*_string(text, "split").split(separator if separator is None else _string(separator, "split"))]


def join(parts: Value, separator: Value = "") -> str:
    """`join`: return the strings of a list as one, with a separator between them."""
    words = [_string(p, "join") for p in _items(parts, "join")]
    size = sum(map(len, words)) + len(_string(separator, "join")) * len(words)
    meter.characters(size)
    return _string(separator, "join").join(words)


def contains(whole: Value, part: Value) -> bool:
    """`contains`: return what `part in whole` gives."""
    return within(part, whole)


def starts_with(text: Value, start: Value) -> bool:
    """`starts_with`: return whether a string begins with another one."""
    return _string(text, "starts_with").startswith(_string(start, "starts_with"))


def as_json(value: Value) -> str:
    """`json`: return a value as JSON on one line. Durations and times are their texts."""
    import json

    return json.dumps(plain(value), ensure_ascii=False, separators=(", ", ": "))


def numbers(first: Value, second: Value = None) -> list[Value]:
    """`range`: return the ints from 0, or from the first of two, up to but without the last."""
    start, stop = (0, first) if second is None else (first, second)
    if type(start) is not int or type(stop) is not int:
        raise _fail("`range` takes ints")
    meter.parts(max(0, stop - start))
    return list(range(start, stop))


def file(path: Value) -> Media:
    """`file`: return a file of the workspace that is still to be read."""
    name = _string(path, "file")
    media_type = type_by_name(name)
    kind = kind_of_type(media_type)
    if not kind:
        raise _fail(f"`{name}` is neither an image nor a document by its name")
    return Media(kind, media_type, name=name)


def unique(values: Value) -> list[Value]:
    """`unique`: return a list without repetitions; the first of equal items stays."""
    seen: dict[object, Value] = {}
    for v in _items(values, "unique"):
        seen.setdefault(_identity(v), v)
    return list(seen.values())


def _identity(value: Value) -> object:
    """Return a key that two values share when their kinds and values are equal: 1 and 1.0, or "1m" and 1m, do not."""
    if type(value) is list:
        return "list", tuple(map(_identity, value))
    if type(value) is dict:
        return "record", frozenset((k, _identity(v)) for k, v in value.items())
    return kind_of(value), value


def first(values: Value) -> Value:
    """`first`: return the first item of a list. Fail for an empty list."""
    items = _list(values, "first")
    if not items:
        raise _fail("`first` of an empty list")
    return items[0]


def last(values: Value) -> Value:
    """`last`: return the last item of a list. Fail for an empty list."""
    items = _list(values, "last")
    if not items:
        raise _fail("`last` of an empty list")
    return items[-1]


def take(values: Value, count: Value) -> list[Value]:
    """`take`: return the first items of a list, as many as there are up to `count`."""
    return _list(values, "take")[: max(0, int(_number(count, "take")))]


def count(values: Value, value: Value) -> int:
    """`count`: return how many items of a list are equal to a value."""
    return sum(1 for v in _items(values, "count") if equal(v, value))


def has(whole: Value, key: Value) -> bool:
    """`has`: return whether a map or record has a key, or a list an item."""
    if type(whole) is dict:
        return key in whole if type(key) is str else False
    return any(equal(v, key) for v in _items(whole, "has"))


def remove(whole: Value, key: Value) -> Value:
    """`remove`: return a map without a key, or a list without all items that are equal to a value."""
    if type(whole) is dict:
        return {k: v for k, v in whole.items() if k != key}
    return [v for v in _items(whole, "remove") if not equal(v, key)]


def replace(text: Value, old: Value, new: Value) -> str:
    """`replace`: return a string with all occurrences of one text replaced. The empty text is never replaced."""
    source, before, after = _string(text, "replace"), _string(old, "replace"), _string(new, "replace")
    if before:
        meter.characters(source.count(before) * max(0, len(after) - len(before)) + len(source))
    return source.replace(before, after) if before else source


def to_int(value: Value) -> int:
    """`int`: return a number, a text or a bool as an int; a fraction is cut off. Fail for any other value."""
    try:
        if type(value) is str and len(value) > 100:
            raise ValueError
        return int(within_bounds(int(value)))  # type: ignore[arg-type]  # any other value is a TypeError
    except (TypeError, ValueError, OverflowError):
        raise _fail(f"{shorten(value, 60)} is no int") from None


def to_float(value: Value) -> float:
    """`float`: return a number, a text or a bool as a float. Fail for any other value."""
    try:
        return within_bounds(float(value))  # type: ignore[arg-type]  # any other value is a TypeError
    except (TypeError, ValueError, OverflowError):
        raise _fail(f"{shorten(value, 60)} is no float") from None


def text(value: Value) -> str:
    """Return a value as templates show it: a string as it is, any other value as JSON."""
    if type(value) is str:
        return value
    if type(value) is int or type(value) is Duration or type(value) is Time or type(value) is Media:
        return repr(value)
    return as_json(value)


def stable_key(value: Value) -> str:
    """Return a value as canonical JSON: equal values give equal texts, in every run."""
    import json

    return json.dumps(plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


FUNCTIONS: dict[str, Callable[..., Value]] = {
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


def truth(value: Value) -> bool:
    """Return a condition's value. Fail unless it is a bool."""
    if value is True or value is False:
        return bool(value)
    raise _fail(f"a condition is a bool, not {kind_of(value)}")


def _wrong(operator: str, a: Value, b: Value) -> Failure:
    """Return the failure of an operator that does not take its operands."""
    return _fail(f"`{operator}` does not take {kind_of(a)} and {kind_of(b)}")


def add(a: Value, b: Value) -> Value:
    """`+`: add numbers, durations, or a time and a duration; join two strings or two lists."""
    if (type(a) is int or type(a) is float) and (type(b) is int or type(b) is float):
        return within_bounds(a + b)
    if type(a) is str and type(b) is str:
        meter.characters(len(a) + len(b))
        return a + b
    if type(a) is list and type(b) is list:
        meter.parts(len(a) + len(b))
        return a + b
    if type(a) is Duration and type(b) is Duration:
        return Duration(_nanos(a.nanos + b.nanos))
    if (type(a) is Time and type(b) is Duration) or (type(a) is Duration and type(b) is Time):
        return Time(_nanos(a.nanos + b.nanos))
    raise _wrong("+", a, b)


def subtract(a: Value, b: Value) -> Value:
    """`-`: subtract numbers, durations, a duration from a time, or two times, which gives a duration."""
    if (type(a) is int or type(a) is float) and (type(b) is int or type(b) is float):
        return within_bounds(a - b)
    if (type(a) is Duration and type(b) is Duration) or (type(a) is Time and type(b) is Time):
        return Duration(_nanos(a.nanos - b.nanos))
    if type(a) is Time and type(b) is Duration:
        return Time(_nanos(a.nanos - b.nanos))
    raise _wrong("-", a, b)


def multiply(a: Value, b: Value) -> Value:
    """`*`: multiply numbers, or a duration by a number."""
    if (type(a) is int or type(a) is float) and (type(b) is int or type(b) is float):
        return within_bounds(a * b)
    if type(a) is Duration and (type(b) is int or type(b) is float):
        return Duration(_nanos(a.nanos * b))
    if type(b) is Duration and (type(a) is int or type(a) is float):
        return Duration(_nanos(b.nanos * a))
    raise _wrong("*", a, b)


def _operands(operator: str, a: Value, b: Value) -> tuple[int | float, int | float]:
    """Return the operands of a division as numbers: two numbers, or two durations in nanoseconds."""
    if type(a) is Duration and type(b) is Duration:
        a, b = a.nanos, b.nanos
    if (type(a) is int or type(a) is float) and (type(b) is int or type(b) is float):
        if b == 0:
            raise _fail("a division by zero")
        return a, b
    raise _wrong(operator, a, b)


def divide(a: Value, b: Value) -> Value:
    """`/`: return a float, or a duration divided by a number. Fail for a division by zero."""
    if type(a) is Duration and (type(b) is int or type(b) is float):
        if b == 0:
            raise _fail("a division by zero")
        return Duration(_nanos(a.nanos / b))
    dividend, divisor = _operands("/", a, b)
    try:
        return within_bounds(dividend / divisor)
    except OverflowError:
        raise _fail("a number is too large for a float") from None


def floor_divide(a: Value, b: Value) -> Value:
    """`//`: divide two numbers or two durations, and round down."""
    dividend, divisor = _operands("//", a, b)
    return within_bounds(dividend // divisor)


def modulo(a: Value, b: Value) -> Value:
    """`%`: return the rest of `//`, with the sign of the divisor; of two durations a duration."""
    dividend, divisor = _operands("%", a, b)
    rest = dividend % divisor
    return Duration(int(rest)) if type(a) is Duration else rest


def negate(a: Value) -> Value:
    """`-x`: return a number or a duration with the other sign."""
    return Duration(-a.nanos) if type(a) is Duration else within_bounds(-_number(a, "-"))


def _comparable(operator: str, a: Value, b: Value) -> None:
    """Fail unless the operands can be ordered; the comparisons below take `Any`, since this test makes them right."""
    ka, kb = type(a), type(b)
    if not ((ka in (int, float) and kb in (int, float)) or (ka is kb and ka in (str, Duration, Time))):
        raise _wrong(operator, a, b)


def less(a: Any, b: Any) -> bool:
    """`<`: compare two numbers, strings, durations or times."""
    _comparable("<", a, b)
    return bool(a < b)


def less_or_equal(a: Any, b: Any) -> bool:
    """`<=`: compare two numbers, strings, durations or times."""
    _comparable("<=", a, b)
    return bool(a <= b)


def greater(a: Any, b: Any) -> bool:
    """`>`: compare two numbers, strings, durations or times."""
    _comparable(">", a, b)
    return bool(b < a)


def greater_or_equal(a: Any, b: Any) -> bool:
    """`>=`: compare two numbers, strings, durations or times."""
    _comparable(">=", a, b)
    return bool(b <= a)


def within(part: Value, whole: Value) -> bool:
    """`in`: return whether a string has a part, a map or record a key, or a list an equal item."""
    if type(whole) is str:
        return _string(part, "in") in whole
    if type(whole) is dict:
        return part in whole if type(part) is str else False
    return any(equal(v, part) for v in _items(whole, "in"))


def field(base: Value, name: str) -> Value:
    """Return a field of a value of unknown type: null if the record lacks it."""
    if type(base) is dict:
        return base.get(name)
    raise _fail(f"{kind_of(base)} has no field `{name}`")


def field_or_null(base: Value, name: str) -> Value:
    """Return a field in a template: null of null, so that a template may look into optional records."""
    return None if base is None else field(base, name)


def item(base: Value, index: Value) -> Value:
    """`a[i]`: return an item of a list, a character of a string, or the value of a key: null for an absent key."""
    if type(base) is list or type(base) is str:
        if type(index) is not int:
            raise _fail(f"a {kind_of(base)} is indexed with an int, not {kind_of(index)}")
        if not -len(base) <= index < len(base):
            raise _fail(f"index {index} is out of range: there are {len(base)}")
        return base[index]
    if type(base) is dict:
        return base.get(_string(index, "[]"))
    raise _fail(f"{kind_of(base)} cannot be indexed")


def part(base: Value, low: Any, high: Any) -> Value:
    """`a[i:j]`: return a part of a list or a string. Bounds beyond the end are cut."""
    if type(base) is list or type(base) is str:
        return base[low:high]
    raise _fail(f"{kind_of(base)} cannot be sliced")


def spread(value: Value) -> dict[str, Value]:
    """`...x`: return the entries of a map or record that are spread into another one."""
    return _map(value, "...")


def walked(value: Value) -> list[Value] | Iterator[Value]:
    """Return the items that a loop walks, which the meter counts."""
    if type(value) is list:
        return meter.items(value)
    raise _fail(f"`for` walks a list, not {kind_of(value)}")


def walked_range(first: Value, second: Value = None) -> range | list[Value] | Iterator[Value]:
    """Return what a loop over `range` walks: the same ints as `walked(numbers(...))`, without a list of them."""
    if type(first) is int:
        if second is None:
            return meter.numbers(0, first)
        if type(second) is int:
            return meter.numbers(first, second)
    return numbers(first, second)  # which fails


def apart(value: Value, names: int) -> list[Value]:
    """Return a list that a pattern takes apart, which must have one item for each of its names."""
    if type(value) is not list or len(value) != names:
        raise _fail(f"a pattern of {names} names takes a list of {names}, not {shorten(value, 60)}")
    return value


def text_of_parts(*parts: Value) -> str:
    """Return the text of a template that only inserts values."""
    words = [text(p) for p in parts]
    meter.characters(sum(map(len, words)))
    return "".join(words)


def coalesce(value: Value, otherwise: Callable[[], Value]) -> Value:
    """`a ?? b`: return the value, or the other one if it is null, which is evaluated only then."""
    return otherwise() if value is None else value


def first_known(*values: Callable[[], Value]) -> Value:
    """Return the first value of a long `a ?? b ?? c` that is not null."""
    found = None
    for value in values:
        found = value()
        if found is not None:
            break
    return found


def folded(first: Value, *steps: tuple[Callable[[Value, Value], Value], Value]) -> Value:
    """Return the value of a long chain of operators, from left to right."""
    for operator, value in steps:
        first = operator(first, value)
    return first


def fail(value: Value) -> None:
    """Carry out `fail e`: a string is the message, a record with `message` gives its own."""
    message = value.get("message", "") if type(value) is dict else value
    raise Failure("error", text(message if message else value))


def not_(value: Value) -> bool:
    """`not x`: return the opposite of a bool."""
    return not truth(value)


OPERATORS: dict[str, Callable[..., Value]] = {
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

"""The built-in functions: the number of arguments of each, and the type of its result.

`language/functions.py` has the functions themselves, under the same names; a test holds the two together.
"""

from __future__ import annotations

from cogc.language import types
from cogc.language.closed import assert_never
from cogc.language.media import kind_of_type, type_by_name
from cogc.language.types import ANY, BOOL, DURATION, FLOAT, INT, NO, STRING, TIME, ListOf, MapOf, RecordOf, Type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Result = Callable[[list[Type]], Type | None]

STRINGS = ListOf(STRING)
ANYTHING = ListOf(ANY)
_SIZED = types.union([STRING, ANYTHING, MapOf(ANY)])


def _fits(given: list[Type], *wanted: Type) -> bool:
    return all(types.fit(g, w) > NO for g, w in zip(given, wanted, strict=False))


def _returns(result: Type, *wanted: Type) -> Result:
    """Return the result function of a built-in with fixed argument types and a fixed result."""
    return lambda given: result if _fits(given, *wanted) else None


def _item(given: list[Type]) -> Type | None:
    return types.item_type(given[0])


def _same_list(given: list[Type]) -> Type | None:
    item = _item(given)
    return None if item is None else ListOf(item)


def _ordered(type: Type) -> bool:
    return any(types.fit(type, t) > NO for t in (FLOAT, STRING, DURATION, TIME))


def _extreme(given: list[Type]) -> Type | None:
    """Return the type of `min` and `max`, of one list or of two or more values."""
    type = _item(given) if len(given) == 1 else types.union(given)
    return types.widen(type) if type is not None and _ordered(type) else None


def _sum(given: list[Type]) -> Type | None:
    item = _item(given)
    if item is None:
        return None
    if item == ANY:
        return ANY
    for wanted in (INT, FLOAT, DURATION):
        if types.fit(item, wanted) > NO:
            return wanted
    return None


def _abs(given: list[Type]) -> Type | None:
    for wanted in (INT, FLOAT, DURATION):
        if types.fit(given[0], wanted) > NO:
            return given[0] if given[0] == ANY else wanted
    return None


def _round(given: list[Type]) -> Type | None:
    if not _fits(given, FLOAT, INT):
        return None
    return INT if len(given) == 1 else FLOAT


def _values(given: list[Type]) -> Type | None:
    parts: list[Type] = []
    for m in types.members(given[0]):
        match m:
            case MapOf(value):
                parts.append(value)
            case RecordOf(fields, open):
                parts += [f.type for f in fields] + [ANY] * open
            case types.Primitive("any"):
                parts.append(ANY)
            case types.Primitive() | types.LiteralOf() | ListOf() | types.UnionOf() | types.Ref():
                return None
            case _:
                assert_never(m)
    return ListOf(types.union(parts))


def _mapping(type: Type) -> bool:
    return all(isinstance(m, MapOf | RecordOf) or m == ANY for m in types.members(type))


def _keys(given: list[Type]) -> Type | None:
    return STRINGS if _mapping(given[0]) else None


def _may_be(value: Type, item: Type) -> bool:
    """Return whether a value may be equal to an item of a list: a string to one of the words `"a" | "b"`, too."""
    if types.NEVER in (value, item):
        return True
    near = any(types.fit(m, item) != NO for m in types.members(value))
    return near or any(types.fit(m, value) != NO for m in types.members(item))


def _has(given: list[Type]) -> Type | None:
    if given[0] == ANY:
        return BOOL
    if _mapping(given[0]):
        return BOOL if _fits(given[1:], STRING) else None
    found = types.expand(given[0])
    if isinstance(found, ListOf) and given[1:] and not _may_be(given[1], found.item):
        return None
    return BOOL if _item(given) is not None else None


def _remove(given: list[Type]) -> Type | None:
    found = types.expand(given[0])
    if isinstance(found, MapOf | RecordOf) and _fits(given[1:], STRING):
        return found if isinstance(found, MapOf) else MapOf(ANY)
    return None if _has(given) is None else _same_list(given)


def _contains(given: list[Type]) -> Type | None:
    if given[0] != ANY and types.fit(given[0], STRING) > NO:
        return BOOL if _fits(given[1:], STRING) else None
    return _has(given)


def _take(given: list[Type]) -> Type | None:
    return _same_list(given) if _fits(given[1:], INT) else None


def _sorted(given: list[Type]) -> Type | None:
    item = _item(given)
    return ListOf(item) if item is not None and _ordered(item) else None


def _sort_by(given: list[Type]) -> Type | None:
    """Return the type of a list of records, if the field by which it is sorted is there and can be ordered."""
    item, name = _item(given), types.expand(given[1])
    if item is None or not _fits(given[1:], STRING):
        return None
    if not isinstance(name, types.LiteralOf) or item == types.NEVER:
        return ListOf(item) if _mapping(item) else None
    found = types.field_type(item, str(name.value))
    return ListOf(item) if found is not None and _ordered(found) else None


def _file(given: list[Type]) -> Type | None:
    """Return the type of a file: an image or a document, by its name where the name is known."""
    if not _fits(given, STRING):
        return None
    name = types.expand(given[0])
    kind = kind_of_type(type_by_name(str(name.value))) if isinstance(name, types.LiteralOf) else ""
    return {"image": types.IMAGE, "document": types.DOCUMENT}.get(kind, types.union([types.IMAGE, types.DOCUMENT]))


def _number(result: Type) -> Result:
    return _returns(result, types.union([INT, FLOAT, STRING, BOOL]))


# name: (least number of arguments, greatest, type of the result or None, words for the arguments in a diagnostic)
FUNCTIONS: dict[str, tuple[int, int, Result, str]] = {
    "len": (1, 1, _returns(INT, _SIZED), "a string, list, map or record"),
    "sum": (1, 1, _sum, "a list of numbers or durations"),
    "min": (1, 99, _extreme, "a list, or values, that can be ordered"),
    "max": (1, 99, _extreme, "a list, or values, that can be ordered"),
    "round": (1, 2, _round, "a number, and how many digits"),
    "abs": (1, 1, _abs, "a number or duration"),
    "sorted": (1, 1, _sorted, "a list whose items can be ordered"),
    "sort_by": (2, 2, _sort_by, "a list of records, and the name of a field that can be ordered"),
    "keys": (1, 1, _keys, "a map or record"),
    "values": (1, 1, _values, "a map or record"),
    "lower": (1, 1, _returns(STRING, STRING), "a string"),
    "upper": (1, 1, _returns(STRING, STRING), "a string"),
    "split": (1, 2, _returns(STRINGS, STRING, STRING), "a string, and what stands between the parts"),
    "join": (1, 2, _returns(STRING, STRINGS, STRING), "a list of strings, and what to put between them"),
    "contains": (2, 2, _contains, "a string and a part of it, or a list, map or record and what is in it"),
    "starts_with": (2, 2, _returns(BOOL, STRING, STRING), "two strings"),
    "json": (1, 1, _returns(STRING, ANY), "any value"),
    "range": (1, 2, _returns(ListOf(INT), INT, INT), "one or two ints"),
    "unique": (1, 1, _same_list, "a list"),
    "first": (1, 1, _item, "a list"),
    "last": (1, 1, _item, "a list"),
    "take": (2, 2, _take, "a list and an int"),
    "count": (
        2,
        2,
        lambda given: INT if _item(given[:1]) is not None and _has(given) is not None else None,
        "a list and a value",
    ),
    "has": (2, 2, _has, "a map, record or list, and a key or value"),
    "remove": (2, 2, _remove, "a map and a key, or a list and a value"),
    "replace": (3, 3, _returns(STRING, STRING, STRING, STRING), "three strings"),
    "int": (1, 1, _number(INT), "a number, string or bool"),
    "float": (1, 1, _number(FLOAT), "a number, string or bool"),
    "str": (1, 1, _returns(STRING, ANY), "any value"),
    "file": (1, 1, _file, "the path of an image or document"),
    "now": (0, 0, _returns(TIME), "nothing"),
    "uuid": (0, 0, _returns(STRING), "nothing"),
    "random": (0, 0, _returns(FLOAT), "nothing"),
}
RUN_TIME_ONLY = frozenset(("file", "now", "uuid", "random"))
"""Functions that have no value before the program runs: a constant expression cannot call them."""

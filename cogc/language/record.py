"""Frozen, slotted records that cost next to nothing to define.

In: a class body of annotated fields. Out: a class with `__slots__`, a positional `__init__`, structural equality, a
hash and a `repr`. Eighty frozen dataclasses take longer to define than a small file takes to check, at every start of
`cogc`. A record takes microseconds: one `__init__` is compiled for each number of fields, and each class of which there is
a record replaces its names.

mypy checks that no field is assigned to (`frozen_default`); at run time nothing does, so construction costs no more than
for a plain class. Fields named in `_unequal_` tell the origin of a value and take no part in equality.
"""

from __future__ import annotations

from operator import attrgetter
from types import CodeType, FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar, TypeVar, dataclass_transform

    R = TypeVar("R")
else:

    def dataclass_transform(**_options: object) -> object:
        return lambda cls: cls


_init_codes: dict[int, CodeType] = {}


def _init_code(count: int) -> CodeType:
    """Return the code of `def __init__(self, f0, f1, ...): self.f0 = f0; ...` for `count` fields, compiled once."""
    code = _init_codes.get(count)
    if code is None:
        names = [f"f{i}" for i in range(count)]
        body = "; ".join(f"self.{n} = {n}" for n in names) or "pass"
        scope: dict[str, Any] = {}
        exec(f"def __init__({', '.join(['self', *names])}): {body}", scope)
        code = _init_codes[count] = scope["__init__"].__code__
    return code


def _getter(fields: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that gives the fields of a record as a tuple."""
    if len(fields) > 1:
        return attrgetter(*fields)
    if not fields:
        return lambda record: ()
    get = attrgetter(fields[0])
    return lambda record: (get(record),)


@dataclass_transform(frozen_default=True)
class RecordType(type):
    """The metaclass of records, which makes a class of the annotations in its body."""

    _fields_: ClassVar[tuple[str, ...]] = ()
    _compared_: ClassVar[tuple[str, ...]] = ()
    _values_: ClassVar[Callable[[Any], tuple[Any, ...]]]
    """Gives the compared fields of a record."""

    def __new__(mcs, name: str, bases: tuple[type, ...], space: dict[str, Any]) -> RecordType:
        # every start of `cogc` makes 150 records here: nothing is made that only some of them need, and nothing set afterwards
        own = [f for f in space.get("__annotations__", ()) if f[0] != "_"]
        base: Any = bases[0] if bases else None
        fields: tuple[str, ...] = (*base._fields_, *own) if base is not None else tuple(own)
        defaults: dict[str, Any] = base._defaults_ if base is not None else {}
        for field in own:
            if field in space:
                defaults = {**defaults, field: space.pop(field)}
        unequal: tuple[str, ...] = space.get("_unequal_") or (base._unequal_ if base is not None else ())
        space["__slots__"] = own
        space["__match_args__"] = space["_fields_"] = fields
        space["_defaults_"] = defaults
        space["_compared_"] = tuple([f for f in fields if f not in unequal]) if unequal else fields
        space["_values_"] = staticmethod(_first_values)
        if "__init__" not in space:
            space["__init__"] = _first_init
        return super().__new__(mcs, name, bases, space)


def _first_init(record: Any, *values: Any, **named: Any) -> None:
    """Make the `__init__` of a class for its first record, and call it: a small file has records of a few classes."""
    cls = record.__class__
    code = _init_code(len(cls._fields_)).replace(co_varnames=("self", *cls._fields_), co_names=cls._fields_)
    init = FunctionType(code, {}, "__init__")
    init.__defaults__ = tuple([cls._defaults_[f] for f in cls._fields_ if f in cls._defaults_]) or None
    cls.__init__ = init
    init(record, *values, **named)


def _first_values(record: Any) -> tuple[Any, ...]:
    """Make the getter of the compared fields of a class for its first record that is asked, and call it."""
    cls = record.__class__
    get = _getter(cls._compared_)
    cls._values_ = staticmethod(get)
    return get(record)


@dataclass_transform(frozen_default=True)
class Record(metaclass=RecordType):
    """The base of all records. Two are equal if their classes and all compared fields are equal."""

    _unequal_: ClassVar[tuple[str, ...]] = ()
    _values_: ClassVar[Callable[[Any], tuple[Any, ...]]]

    def __eq__(self, other: object) -> bool:
        if self is other:  # most types that are compared
            return True
        if self.__class__ is not other.__class__:
            return NotImplemented
        return bool(self.__class__._values_(self) == self.__class__._values_(other))

    def __hash__(self) -> int:
        return hash((self.__class__.__name__, *self.__class__._values_(self)))

    def __repr__(self) -> str:
        fields = ", ".join(f"{f}={getattr(self, f)!r}" for f in self.__class__._compared_)
        return f"{self.__class__.__name__}({fields})"


def replace(record: R, **changes: Any) -> R:
    """Return a copy of a record with some fields changed."""
    cls: Any = record.__class__
    return cls(*(changes[f] if f in changes else getattr(record, f) for f in cls._fields_))  # type: ignore[no-any-return]

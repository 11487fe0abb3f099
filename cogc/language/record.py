"""Frozen, slotted records that cost next to nothing to define.

In: a class body of annotated fields. Out: a class with `__slots__`, a positional `__init__`, structural equality, a
hash and a `repr`. Eighty frozen dataclasses take longer to define than a small file takes to check, at every start of
`cogc`. A record takes microseconds: one `__init__` is compiled for each number of fields, and each class replaces its
names.

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
        # every start of `cogc` makes 150 records here: plain loops, and nothing is set behind the making of the class
        own = [f for f in space.get("__annotations__", ()) if f[0] != "_"]
        base: Any = bases[0] if bases else None
        fields: tuple[str, ...] = (*base._fields_, *own) if base is not None else tuple(own)
        defaults: dict[str, Any] = dict(base._defaults_) if base is not None else {}
        for field in own:
            if field in space:
                defaults[field] = space.pop(field)
        unequal: tuple[str, ...] = space.get("_unequal_") or (base._unequal_ if base is not None else ())
        compared = tuple([f for f in fields if f not in unequal]) if unequal else fields
        space["__slots__"] = own
        space["__match_args__"] = space["_fields_"] = fields
        space["_defaults_"] = defaults
        space["_compared_"] = compared
        space["_values_"] = staticmethod(_getter(compared))
        if "__init__" not in space:
            code = _init_code(len(fields)).replace(co_varnames=("self", *fields), co_names=fields)
            init = FunctionType(code, {}, "__init__")
            if defaults:
                init.__defaults__ = tuple([defaults[f] for f in fields if f in defaults])
            space["__init__"] = init
        return super().__new__(mcs, name, bases, space)


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

"""JSON from outside as a value of the language: a text is read as a whole, and refused with what is wrong with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

from cogc.language.values import Failure
from cogc.run.convert import from_python

if TYPE_CHECKING:
    from cogc.language.values import Value


def read_json(data: bytes, name: str) -> Value:
    """Return the value of a JSON text in UTF-8; `name` stands for it in messages.

    Raise Failure of kind `error` if it is no JSON: an object with a name twice, NaN and infinity are none. Raise Failure of
    kind `type` if the language cannot hold it: it nests too deep, or a number has more than 64 bits.
    """
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        said = "it nests too deep" if isinstance(error, RecursionError) else str(error)
        raise Failure("error", f"{name} is no JSON: {said}") from None
    return from_python(found, name)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a name twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no value of JSON")

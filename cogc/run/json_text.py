"""JSON from outside as a value of the language. A text is read as a whole, and refused with what is wrong with it.

`read_json` takes JSON alone. `read_words` takes what a person has typed: JSON, or else text. Both are strict: an object
has no name twice, NaN and infinity are no values, and what the language cannot hold is refused, and not changed.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, NoReturn

from cogc.language.values import Failure
from cogc.run.convert import from_python
from cogc.sdk import Document, Image

if TYPE_CHECKING:
    from cogc.language.values import Value

_FILES = {"$image": Image, "$document": Document}
_DIGITS = 20
"""The digits of the longest integer that is looked at: one of 64 bits has 19 and a sign."""


class Odd(ValueError):
    """A text that is written as JSON, but stands for no value of the language."""


def parse(text: str) -> object:
    """Return what a JSON text stands for. Raise JSONDecodeError or another ValueError for a text that is no JSON, Odd for one
    that no value can hold. `from_python` tells of what is left: half of a surrogate pair, for example."""
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_int=_int)
    except RecursionError:
        raise Odd("it nests too deep") from None


def read_json(data: bytes, name: str) -> Value:
    """Return the value of a JSON text in UTF-8; `name` stands for it in messages.

    Raise Failure of kind `error` if it is no JSON: an object with a name twice, NaN and infinity are none. Raise Failure of
    kind `type` if the language cannot hold it: it nests too deep, or a number has more than 64 bits. An image is
    `{"$image": {"media_type": TYPE, "data": BASE64}}`, a document the same by `$document`; both may have a `name`.
    """
    try:
        found = parse(data.decode("utf-8"))
    except ValueError as error:
        raise Failure("error", f"{name} is no JSON: {error}") from None
    return from_python(found, name)


def read_words(text: str, name: str) -> Value:
    """Return the value that a person has written: that of a JSON text, or else the text itself; `name` stands for it in messages.

    Raise Failure of kind `type` for JSON that the language cannot hold.
    """
    try:
        found = parse(text)
    except Odd as odd:
        raise Failure("type", f"{name}: {odd}") from None
    except ValueError:
        found = text
    return from_python(found, name)


def _object(pairs: list[tuple[str, object]]) -> object:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Odd("an object has a name twice")
    return _file(found) if len(found) == 1 and not found.keys().isdisjoint(_FILES) else found


def _file(found: dict[str, object]) -> object:
    """Return the image or document that an object stands for."""
    ((key, inner),) = found.items()
    given = inner if isinstance(inner, dict) and inner.keys() <= {"media_type", "data", "name"} else {}
    data = given.get("data")
    if not isinstance(data, str):
        raise Odd(f'`{key}` is {{"media_type": TYPE, "data": BASE64}}')
    try:
        made = base64.b64decode(data, validate=True)
    except ValueError:
        raise Odd(f"the data of `{key}` is no base64") from None
    return _FILES[key](made, str(given.get("media_type", "")), str(given.get("name", "")))


def _int(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise Odd("an int has at most 64 bits")
    return int(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no value of JSON")

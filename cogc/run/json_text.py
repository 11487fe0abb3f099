"""JSON from outside as a value of the language: a text is read as a whole, and refused with what is wrong with it."""

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


def read_json(data: bytes, name: str) -> Value:
    """Return the value of a JSON text in UTF-8; `name` stands for it in messages.

    Raise Failure of kind `error` if it is no JSON: an object with a name twice, NaN and infinity are none. Raise Failure of
    kind `type` if the language cannot hold it: it nests too deep, or a number has more than 64 bits. An image is
    `{"$image": {"media_type": TYPE, "data": BASE64}}`, a document the same by `$document`; both may have a `name`.
    """
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        said = "it nests too deep" if isinstance(error, RecursionError) else str(error)
        raise Failure("error", f"{name} is no JSON: {said}") from None
    return from_python(found, name)


def _object(pairs: list[tuple[str, object]]) -> object:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a name twice")
    return _file(found) if len(found) == 1 and not found.keys().isdisjoint(_FILES) else found


def _file(found: dict[str, object]) -> object:
    """Return the image or document that an object stands for."""
    ((key, inner),) = found.items()
    given = inner if isinstance(inner, dict) and inner.keys() <= {"media_type", "data", "name"} else {}
    data = given.get("data")
    if not isinstance(data, str):
        raise ValueError(f'`{key}` is {{"media_type": TYPE, "data": BASE64}}')
    try:
        made = base64.b64decode(data, validate=True)
    except ValueError:
        raise ValueError(f"the data of `{key}` is no base64") from None
    return _FILES[key](made, str(given.get("media_type", "")), str(given.get("name", "")))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no value of JSON")

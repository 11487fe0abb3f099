"""Values of the language as JSON from which the same values come again: for journals, kept states, stores and workers.

A duration is `{"$duration": NANOS}`, a time `{"$time": NANOS}`, an image or document `{"$media": [KIND, TYPE, DIGEST, SIZE, NAME]}`, a failure `{"$failure": [KIND, MESSAGE]}`. A user's record may
look like one of these. So a record of one field whose name begins with `$` gets one `$` more, and loses it again: the user's
`{"$duration": 5}` is written as `{"$$duration": 5}`. No other record is changed.

`encode` gives text, `packed` the JSON data for whoever writes the text by itself. Walking through each value in Python would
take most of the time of a journal, so `encode` leaves it to the encoder, and looks whether the text has a `"$` that no
tag has put there; only then it packs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cogc.language.values import Duration, Failure, Media, Time, shorten

if TYPE_CHECKING:
    from collections.abc import Callable

_MARK = b'"$'
_tags = [0]


def _tagged(value: object) -> Any:
    """Return the tagged object of a value that JSON does not have, and count it."""
    _tags[0] += 1
    if isinstance(value, Duration):
        return {"$duration": value.nanos}
    if isinstance(value, Time):
        return {"$time": value.nanos}
    if isinstance(value, Media):
        return {"$media": [value.kind, value.media_type, value.digest, value.size, value.name]}
    if isinstance(value, Failure):
        return {"$failure": [value.kind, value.message]}
    raise NotImplementedError


_encoder = msgspec.json.Encoder(enc_hook=_tagged)


def encode(value: object) -> bytes:
    """Return a value as JSON text."""
    _tags[0] = 0
    data = _encoder.encode(value)
    return data if data.count(_MARK) == _tags[0] else _encoder.encode(packed(value))


def decode(data: bytes) -> Any:
    """Return the value that JSON text of `encode` stands for."""
    return unpacked(msgspec.json.decode(data))


def packed(value: object) -> Any:
    """Return a value as JSON data."""
    if isinstance(value, dict):
        if len(value) == 1:
            ((key, inner),) = value.items()
            return {f"${key}" if key.startswith("$") else key: packed(inner)}
        return {k: packed(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [packed(v) for v in value]
    return _tagged(value) if isinstance(value, Duration | Time | Media | Failure) else value


def unpacked(value: object, escaped: bool = True) -> Any:
    """Return the value that JSON data of `packed` stands for. Data from before there was an escape is not `escaped`.

    Raise ValueError for a tag around something that it does not stand for.
    """
    if isinstance(value, list):
        return [unpacked(v, escaped) for v in value]
    if isinstance(value, dict):
        if len(value) == 1:
            ((key, inner),) = value.items()
            if key in _FORMS:
                return _of_tag(key, inner)
            if escaped and key.startswith("$$"):
                return {key[1:]: unpacked(inner)}
        return {k: unpacked(v, escaped) for k, v in value.items()}
    return value


_FORMS: dict[str, tuple[int, tuple[type, ...]]] = {
    "$duration": (1, (int,)),
    "$time": (1, (int,)),
    "$media": (1, (str, str, str, int, str)),
    "$failure": (2, (str, str, int, str)),
}
"""For each tag, the types of what it stands around, and how many of them must be there."""


def _of_tag(key: str, inner: Any) -> object:
    """Return the value that a tag stands for. Raise ValueError if it stands around something else."""
    given = [inner] if key in ("$duration", "$time") else inner
    least, kinds = _FORMS[key]
    fits = isinstance(given, list) and least <= len(given) <= len(kinds)
    if not fits or any(type(v) is not kind for v, kind in zip(given, kinds, strict=False)):
        raise ValueError(f"the tag `{key}` stands around {shorten(inner)}")
    made: dict[str, Callable[..., object]] = {
        "$duration": Duration,
        "$time": Time,
        "$media": Media,
        "$failure": Failure,
    }
    return made[key](*given)

"""Values as JSON, and back: what comes back is what it was, whatever a user's record looks like."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from cogc.language.codec import decode, encode, packed, unpacked
from cogc.language.values import Duration, Failure, Time

TAGS = ["$duration", "$time", "$failure", "$$duration", "$", "$$", "$x", "duration", "a"]
KEYS = st.sampled_from(TAGS) | st.text(max_size=5)
INSTANTS = st.integers(-(1 << 63), (1 << 63) - 1)
LEAVES = (
    st.none()
    | st.booleans()
    | INSTANTS
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(TAGS)
    | INSTANTS.map(Duration)
    | INSTANTS.map(Time)
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=2))


@given(VALUES)
def test_a_value_comes_back_as_what_it_was(value: Any) -> None:
    for back in (decode(encode(value)), unpacked(msgspec.json.decode(msgspec.json.encode(packed(value))))):
        assert back == value and repr(back) == repr(value)


@pytest.mark.parametrize("data", [b'{"$duration":5}', b'{"$time":5}', b'{"$failure":["a","b"]}', b'{"$$x":1}'])
def test_data_without_an_escape_is_read_as_it_was_written(data: bytes) -> None:
    value = unpacked(msgspec.json.decode(data), escaped=False)
    assert msgspec.json.decode(encode(value)) == msgspec.json.decode(data) or value == {"$$x": 1}


def test_a_failure_comes_back() -> None:
    back = decode(encode([Failure("bound", "too much")]))[0]
    assert (back.kind, back.message) == ("bound", "too much")

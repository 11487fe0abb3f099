"""Headers of a request: into the fields of its message that the channel names, in the place of what the body says there; and its key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers

from cogc import ir
from cogc.language.values import Failure

KEY = "Idempotency-Key"
"""The header with the key of a message."""
_KEY = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\]){1,255})"|([!#-\[\]-~]{1,255})')


def with_headers(channel: ir.ChannelDecl, value: Any, headers: Mapping[str, str]) -> Any:
    """Return a message with the headers that its channel takes. What the body says in their fields does not count: it is
    the sender's to say, and a header that is missing is a field that is missing. Raise Failure for a body without fields."""
    if not channel.headers:
        return value
    if not isinstance(value, dict):
        raise Failure("type", f"the input `{channel.name}` is an object: headers of the request go into fields of it")
    taken = {field: headers[name] for field, name in channel.headers.items() if name in headers}
    return {**{k: v for k, v in value.items() if k not in channel.headers}, **taken}


def key_of(headers: Headers) -> str | None:
    """Return the key of a request, None if it has none. Raise ValueError for one that is malformed."""
    given = headers.getlist(KEY)
    if not given:
        return None
    found = _KEY.fullmatch(given[0].strip(" \t"))
    if found is None or len(given) > 1:
        raise ValueError(f"`{KEY}` is one key of 1 to 255 printable characters of ASCII, with or without quotes")
    return found[2] or re.sub(r"\\(.)", r"\1", found[1])

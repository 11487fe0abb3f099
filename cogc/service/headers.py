"""Headers of a request in its message: into the fields that the channel names, in the place of what the body says there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cogc import ir
from cogc.language.values import Failure


def with_headers(channel: ir.ChannelDecl, value: Any, headers: Mapping[str, str]) -> Any:
    """Return a message with the headers that its channel takes. What the body says in their fields does not count: it is
    the sender's to say, and a header that is missing is a field that is missing. Raise Failure for a body without fields."""
    if not channel.headers:
        return value
    if not isinstance(value, dict):
        raise Failure("type", f"the input `{channel.name}` is an object: headers of the request go into fields of it")
    taken = {field: headers[name] for field, name in channel.headers.items() if name in headers}
    return {**{k: v for k, v in value.items() if k not in channel.headers}, **taken}

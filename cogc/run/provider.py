"""The common part of the providers of models: keys, errors in the kernel's form, and the pauses that servers ask
for."""

from __future__ import annotations

import json
import math
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Protocol

import httpx2

from cogc import ir
from cogc.language.values import Failure
from cogc.run.secrets import NEEDS_KEY, prepare, secret

IDEMPOTENT = "Idempotency-Key"
"""The header with the id of a request, which stays the same when a resumed run makes the request again."""


def api_key(model: ir.Model, attributes: dict[str, Any], variable: str) -> str:
    """Return a model's key: its `api_key`, else a variable of the environment. A model with a `base_url` may have no
    key."""
    if "api_key" in attributes:
        return secret(attributes["api_key"])
    prepare([variable])
    found = os.environ.get(variable, "")
    if not found and "base_url" not in attributes:
        raise Failure("program", f"model `{model.name}` {NEEDS_KEY} `{variable}`")
    return found or "none"


def failed(message: str, retry: bool = False, after: float | None = None) -> dict[str, Any]:
    """Return an error in the kernel's form. `retry` says that another attempt makes sense, `after` so many seconds."""
    return {"error": {"message": message, "retry": retry, "after": after}}


def refused(status: object, said: str, retry: bool, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the error for the status with which a server refused a request. It may say how long to wait before another attempt."""
    return failed(f"the model's server said {status}: {said}".rstrip(": "), retry, asked_to_wait(headers))


def unreachable(host: str, key: str, error: Exception) -> dict[str, Any]:
    """Return the error for a connection that could not be made, or broke."""
    return failed(f"the connection to {host} failed: {cleaned(key, innermost(error))}", True)


def no_reply(unfit: str, key: str, error: Exception) -> dict[str, Any]:
    """Return the error for an answer that is none of the API. `unfit` says so."""
    return failed(f"{unfit}: {cleaned(key, str(error))[:200]}".rstrip(": "))


MISSHAPEN = (LookupError, TypeError, AttributeError, ValueError, RecursionError)
"""The exceptions when an event of a reply is read that does not have the form of its API."""


class Assembled(Protocol):
    """A reply while its events come in. `begun` is true once there was one."""

    begun: bool

    def add(self, event: Any) -> str:
        """Take an event, and return its piece of text. Raise one of `MISSHAPEN` for an event of the wrong form."""
        ...

    def take(self, message: Any) -> str:
        """Take a whole reply, and return its text. Raise one of `MISSHAPEN` for one of the wrong form."""
        ...

    def complete(self) -> dict[str, Any]:
        """Return the reply in the kernel's form."""
        ...


class Events(Protocol):
    """A stream of events of a provider's SDK."""

    async def __aenter__(self) -> object: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> object: ...

    def __aiter__(self) -> AsyncIterator[object]: ...


async def assembled(
    stream: Events,
    response: httpx2.Response,
    reply: Assembled,
    emit: Callable[[str], None] | None,
    unfit: str,
    key: str,
) -> dict[str, Any]:
    """Return the reply that the events of a stream make, or an error. `emit` gets each piece of its text. A server that streams nothing
    may give the whole reply at once."""
    headers = response.headers
    try:
        async with stream:
            whole = await _whole(response)
            if whole is not None:
                piece = reply.take(whole)
                if emit is not None and piece:
                    emit(piece)
                return reply.complete()
            async for event in stream:
                piece = reply.add(event)
                if emit is not None and piece:
                    emit(piece)
        return reply.complete() if reply.begun else garbled(headers, unfit, key)
    except MISSHAPEN as error:
        return garbled(headers, unfit, key, error)


async def _whole(response: httpx2.Response) -> dict[str, Any] | None:
    """Return the reply of a server that does not stream; None for a stream of events, whatever its header says."""
    if not response.headers.get("content-type", "").startswith("application/json"):
        return None
    try:
        found = json.loads(await response.aread())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def garbled(headers: Mapping[str, str], unfit: str, key: str, error: Exception | None = None) -> dict[str, Any]:
    """Return the error for an answer that has no events, or events of the wrong form.

    A stream of events may have been spoilt on its way, so that another attempt makes sense. Any other answer with the status
    200 is that of something else than a model's server, and `unfit` says so.
    """
    streams = headers.get("content-type", "").startswith("text/event-stream")
    why = cleaned(key, _words(error))[:200] if error is not None else ""
    start = "the reply is garbled" if error is not None else "the reply is empty"
    return failed(f"{start if streams else unfit}: {why}".rstrip(": "), streams)


def _words(error: Exception) -> str:
    """Return what is wrong with an event, for people."""
    match error:
        case KeyError(args=[str(name)]):
            return f"an event has no `{name}`"
        case ValueError():
            return str(error)
        case _:
            return "an event has the wrong form"


def piece_of(record: dict[str, Any], key: str) -> str:
    """Return a text of an event; empty if it is missing. Raise ValueError for another value."""
    found = record.get(key)
    if found is not None and not isinstance(found, str):
        raise ValueError(f"the `{key}` of an event is no text")
    return found or ""


def count_of(usage: Any, *keys: str) -> int:
    """Return a count of tokens in what a server says of its usage; 0 for what is missing or no count."""
    for key in keys:
        usage = usage.get(key) if isinstance(usage, dict) else None
    return usage if type(usage) is int else 0


def counted(**counts: int) -> dict[str, int]:
    """Return the counts of a reply; nothing if the server has counted no token of it, so that they are estimated."""
    return counts if any(n > 0 for n in counts.values()) else {}


def may_pass(status: int) -> bool:
    """Return whether another attempt may succeed after this status."""
    return status in (408, 409, 429) or status >= 500


def asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait, or None."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return _until(headers.get("retry-after", ""), headers.get("date", ""))


def _until(date: str, now: str) -> float | None:
    """Return the seconds until a date of HTTP, by the server's clock if it has told its time."""
    try:
        end = parsedate_to_datetime(date)
        begin = parsedate_to_datetime(now) if now else datetime.now(UTC)
        return max(0.0, (end - begin).total_seconds())
    except (ValueError, TypeError):
        return None


def input_of(written: str) -> Any:
    """Return the input of a tool as data. Text that is not JSON is kept: the kernel reports it to the model."""
    try:
        return json.loads(written or "{}")
    except (ValueError, RecursionError):
        return written


def cleaned(key: str, said: str) -> str:
    """Return a server's words without the key that was sent to it."""
    return said.replace(key, "***") if len(key) > 4 else said


def innermost(error: BaseException) -> str:
    """Return the innermost cause of an error on a connection."""
    cause = error.__cause__ or error.__context__ or error
    return str(cause) or type(cause).__name__


async def listed(
    models: AsyncIterable[Any],
    errors: tuple[type[Exception], type[Exception], type[Exception]],
    key: str,
    host: str,
) -> list[str]:
    """Return the names of the models that a server lists. Raise Failure if it does not say so.

    `errors` are those of the provider's SDK: for a status, for a connection, and for anything else.
    """
    status, connection, other = errors
    try:
        return [m.id async for m in models if isinstance(m.id, str)]
    except status as error:
        said = cleaned(key, str(getattr(error, "message", error)))[:200]
        raise Failure("program", f"the server's list of models: {getattr(error, 'status_code', '')}: {said}") from None
    except (connection, httpx2.HTTPError) as error:
        raise Failure("program", f"the connection to {host} failed: {cleaned(key, innermost(error))}") from None
    except (other, AssertionError, *MISSHAPEN):
        raise Failure("program", "the server's answer is no list of models") from None

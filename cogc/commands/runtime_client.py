"""Requests to a runtime over HTTP, and what the commands about it share: the port, ids with channels, and how an error is said."""

from __future__ import annotations

import http.client
import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

from cogc.commands.streams import stdout_is_lost

PORT = 4510
"""The port of a runtime, if none is named."""
_LONG = 4096
"""The characters of data from which on it is sent as a body: the head of a request is bounded."""


class ClientError(Exception):
    """A request to a runtime that was refused or had no answer. The message is for people."""


def add_port(parser: ArgumentParser) -> None:
    """Add the option that names the port of the runtime."""
    parser.add_argument(
        "--port", "-p", type=int, default=PORT, metavar="N", help=f"port of the runtime (default: {PORT})"
    )


def carry_out(act: Callable[[Namespace], str | None], options: Namespace) -> int:
    """Carry out a command, and print its result. An error is a line `error: ...` and exit code 1."""
    try:
        text = act(options)
    except ClientError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    if text is not None:
        sys.stdout.write(f"{text}\n")
    return 0


def ask(port: int, method: str, path: list[str], body: str | None = None, **query: Any) -> Any:
    """Send a request and return its answer. Raise ClientError if there is no runtime, or it refuses."""
    connection, response = _sent(port, method, path, body, query)
    try:
        data = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise ClientError(f"the runtime on port {port} ended before its answer: {error}") from None
    finally:
        connection.close()
    return _answer(port, response.status, data)


def events(port: int, path: list[str]) -> Iterator[str]:
    """Yield the data of server-sent events, until the stream ends."""
    connection, response = _sent(port, "GET", path, None, {})
    try:
        if response.status != 200:
            _answer(port, response.status, response.read())
        while line := response.readline():
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            if text.startswith("data: "):
                yield text.removeprefix("data: ")
    except (OSError, http.client.HTTPException):
        return  # the runtime has ended
    finally:
        connection.close()


def _sent(
    port: int, method: str, path: list[str], body: str | None, query: dict[str, Any]
) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    """Send a request. Return the connection and the response whose body has not been read."""
    if not 0 < port < 65536:
        raise ClientError(f"a port is a number from 1 to 65535, not {port}")
    given = {k: v for k, v in query.items() if v is not None}
    target = "/" + "/".join(quote(part, safe="") for part in path)
    target += "?" + urlencode(given, doseq=True) if given else ""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.request(method, target, body.encode() if body is not None else None)
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise ClientError(f"cannot connect to runtime on port {port}: {error}") from None
    try:
        return connection, connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise ClientError(f"the runtime on port {port} ended before its answer: {error}") from None


def _answer(port: int, status: int, data: bytes) -> Any:
    """Return the JSON of an answer. Raise ClientError for a refusal, and for what no runtime says."""
    try:
        found = json.loads(data)
    except ValueError:
        raise ClientError(f"what listens on port {port} is no runtime: it answers with status {status}") from None
    if status >= 400:
        raise ClientError(_words(found.get("detail", found) if isinstance(found, dict) else found))
    return found


def _words(detail: Any) -> str:
    """Return what is wrong, for people: a text, or each diagnostic as a line."""
    if not isinstance(detail, list):
        return str(detail)
    lines = []
    for entry in detail:
        if "code" in entry:
            lines.append(f"{entry['path']}:{entry['line']}:{entry['column']}: {entry['message']} [{entry['code']}]")
            lines += [f"  help: {entry['help']}"] if entry.get("help") else []
        else:
            lines.append(f"{'.'.join(str(p) for p in entry.get('loc', []))}: {entry.get('msg', entry)}")
    return "\n".join(lines)


def channel_of(text: str) -> tuple[str, str]:
    """Return an id and a channel from `id:channel`. Raise ClientError if it is none."""
    id, colon, channel = text.partition(":")
    if not colon or not id or not channel:
        raise ClientError(f"expected 'id:channel', got '{text}'")
    return id, channel


# ---- requests ------------------------------------------------------------------------------------------------


def create(port: int, path: str, settings: list[str]) -> dict[str, Any]:
    """Create a coglet. The path is made absolute: the runtime has a folder of its own."""
    found: dict[str, Any] = ask(port, "POST", ["create"], cog_dir=os.path.abspath(path), set=settings or None)
    return found


def transmit(port: int, target: str, data: str | None) -> str:
    """Push data into a channel."""
    id, channel = channel_of(target)
    return _message(ask(port, "POST", ["transmit", id, channel], **_data(data)))


def enact(port: int, id: str, command: str, data: str | None) -> str:
    """Give a command."""
    return _message(ask(port, "POST", ["enact", id], command=command, **_data(data)))


def _data(data: str | None) -> dict[str, Any]:
    return {"body": data} if data is not None and len(data) > _LONG else {"data": data}


def stop(port: int, id: str) -> str:
    """Stop a coglet."""
    return _message(ask(port, "POST", ["stop", id]))


def link(port: int, source: str, target: str, method: str = "POST") -> str:
    """Link two channels, or (`DELETE`) remove the link."""
    (a, said), (b, heard) = channel_of(source), channel_of(target)
    return _message(ask(port, method, ["link"], src_id=a, src_channel=said, dest_id=b, dest_channel=heard))


def _message(answer: dict[str, Any]) -> str:
    return str(answer["msg"])


def channels(port: int, id: str) -> str:
    """Return the channels of a coglet as lines."""
    found = ask(port, "GET", ["channels", id])
    lines = [f"{found['id']} ({found['class']})"]
    if found["transmit"]:
        lines.append(f"  transmit: {', '.join(found['transmit'])}")
    if found["listen"]:
        lines.append(f"  listen:   {', '.join(found['listen'])}")
    if len(lines) == 1:
        lines.append("  (no channels)")
    return "\n".join(lines)


def links(port: int) -> str:
    """Return all links as lines."""
    return "\n".join(_arrows(ask(port, "GET", ["links"])["links"])) or "no links."


def _arrows(found: list[dict[str, str]]) -> list[str]:
    return [f"  {a['src']}:{a['src_channel']} -> {a['dest']}:{a['dest_channel']}" for a in found]


def status(port: int) -> str:
    """Return the tree, a line for each coglet, and the links."""
    found = ask(port, "GET", ["status"])
    parts = [found["tree"]]
    rows = [
        f"  {c['id']}  {c['class']}  children={c['children']}  channels=[{', '.join(c['channels'])}]"
        for c in found["coglets"]
    ]
    arrows = _arrows(found["links"])
    parts += ["\n".join(part) for part in (rows, arrows) if part]
    if not rows:
        parts.append("no coglets running.")
    return "\n\n".join(parts)


def observe(port: int, target: str, follow: bool, write: Callable[[str], object]) -> None:
    """Write the next message of a channel, or each one until the stream ends."""
    id, channel = channel_of(target)
    heard = False
    for text in events(port, ["observe", id, channel]):
        heard = True
        write(f"{text}\n")
        if not follow or stdout_is_lost():
            return
    if not heard and not follow:
        raise ClientError(f"'{id}' stopped before it said anything on '{channel}'")

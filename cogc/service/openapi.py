"""The description of a served run in OpenAPI 3.1, made from the types of its channels."""

from __future__ import annotations

from typing import Any

from cogc import __version__, ir
from cogc.kernel.unit import Unit
from cogc.language import types
from cogc.language.texts import is_internal
from cogc.service.headers import KEY

_ERRORS = {
    "401": "the token or the signature is missing or wrong",
    "404": "there is no such route or channel",
    "413": "the body is too long",
    "422": "the body does not fit the channel, or the key belongs to another message",
    "429": "the inbox is full",
    "503": "the run stops",
}


def transmits(unit: Unit, key: str) -> list[str]:
    """Return the channels on which messages come out of a root. The `log` of LogLet is a log, and no message."""
    root = unit.bundle.coglets[key]
    known = [c.name for c in root.transmits if not is_internal(c.name)]
    return [name for name in known if not (name == "log" and root.logged_from >= 0)]


def describe(unit: Unit, has_token: bool) -> dict[str, Any]:
    """Return the description of the doors of a program."""
    root = unit.bundle.coglets[unit.bundle.root]
    schemas: dict[str, object] = {}
    paths: dict[str, Any] = {}
    for channel in root.listens:
        if not is_internal(channel.name):
            body = _content(_body(unit, channel, schemas))
            taken = [_header(name) for name in (*channel.headers.values(), KEY)]
            entered = _operation(f"in_{channel.name}", body, "202", _SEQ)
            paths[f"/in/{channel.name}"] = {"post": {**entered, "parameters": taken}}
            asked = _operation(f"ask_{channel.name}", body, "200", _ANSWER)
            asked["responses"]["504"] = _response("no reply came in time")
            asked["parameters"] = [
                *taken,
                _query("reply", "the channel of the reply"),
                _query("timeout", "such as 30s"),
            ]
            paths[f"/ask/{channel.name}"] = {"post": asked}
    for channel in root.transmits:
        if channel.name in transmits(unit, unit.bundle.root):
            stream = {"text/event-stream": {"schema": _schema(unit, channel, schemas)}}
            last = {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}}
            said = {"200": {"description": "the messages as server-sent events", "content": stream}}
            operation = {"operationId": f"out_{channel.name}", "responses": said}
            paths[f"/out/{channel.name}"] = {"get": {**operation, "parameters": [last]}}
    for path, words in (
        ("/state", "the coglets"),
        ("/metrics", "numbers"),
        ("/healthz", "alive"),
        ("/readyz", "ready"),
    ):
        paths[path] = {"get": {"operationId": path[1:], "responses": {"200": _response(words)}}}
    components: dict[str, Any] = {"schemas": _moved(schemas)}
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": root.name,
            "version": unit.bundle.hash[:12],
            "description": root.doc or f"cogc {__version__}",
        },
        "paths": _moved(paths),
        "components": components,
    }
    if has_token:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"token": []}]
    return found


_SEQ = {"type": "object", "properties": {"seq": {"type": "integer"}}, "required": ["seq"]}
_ANSWER = {
    "type": "object",
    "properties": {"seq": {"type": "integer"}, "channel": {"type": "string"}, "data": {}},
    "required": ["seq", "channel", "data"],
}


def _schema(unit: Unit, channel: ir.ChannelDecl, schemas: dict[str, object]) -> dict[str, object]:
    return types.json_schema(unit.validators.types[channel.type], schemas)


def _body(unit: Unit, channel: ir.ChannelDecl, schemas: dict[str, object]) -> dict[str, object]:
    """Return the schema of the body for a channel: of a message without the fields that are taken from headers."""
    record = types.expand(unit.validators.types[channel.type])
    if not channel.headers or not isinstance(record, types.RecordOf):
        return _schema(unit, channel, schemas)
    own = tuple(f for f in record.fields if f.name not in channel.headers)
    return types.json_schema(types.RecordOf(own, record.open), schemas)


def _header(name: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": {"type": "string"}}


def _content(schema: dict[str, object]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _response(words: str) -> dict[str, Any]:
    return {"description": words}


def _query(name: str, words: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": words, "schema": {"type": "string"}}


def _operation(id: str, body: dict[str, Any], status: str, answer: dict[str, Any]) -> dict[str, Any]:
    taken = {"description": "the message has entered", "content": {"application/json": {"schema": answer}}}
    errors = {code: _response(words) for code, words in _ERRORS.items()}
    return {"operationId": id, "requestBody": body, "responses": {status: taken, **errors}}


def _moved(value: Any) -> Any:
    """Return schemas whose references point to the components of OpenAPI."""
    if isinstance(value, dict):
        return {
            k: v.replace("#/$defs/", "#/components/schemas/") if k == "$ref" else _moved(v) for k, v in value.items()
        }
    return [_moved(v) for v in value] if isinstance(value, list) else value

"""Make the JSON Schemas in `grammar/`: `python -m grammar.make_schemas`.

`cog.schema.json` describes the YAML notation, by the table of attributes that the checker uses; `ir.schema.json` describes
built programs, `trace.schema.json` the records of a trace, `journal.schema.json` the lines of a recording, `live.schema.json` those of
a live run of a test, `script.schema.json` the files of scripted models, `lock.schema.json` the lock of MCP servers. They are for editors and other tools. The checker has rules of
its own for its diagnostics; a test holds the two together.
"""

from __future__ import annotations

import json
from inspect import cleandoc
from typing import Any

import msgspec

from cogc import ir
from cogc.disk.resources import folder
from cogc.language.attributes import ATTRIBUTES, BACKENDS, EXECUTORS, PROVIDERS
from cogc.names.scripts import ANSWERS, COUNTS, ERROR, FACTS, KEYS
from cogc.run.line_forms import HEAD, KINDS, LIVE_HEAD, LIVE_LINE, RUN, SETT, Item, LineForm
from cogc.syntax.nodes import MODIFIERS

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_DRAFT_07 = "http://json-schema.org/draft-07/schema#"
_TEXT = {"type": "string"}
_CODE = {"type": ["string", "number", "boolean", "null"], "description": "an expression, as in the cog notation"}
_DATA = {"description": "data; `=expr` for an expression"}
_STRINGS = {"type": "array", "items": _TEXT}
_NAME = {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}


def _object(properties: dict[str, Any], required: tuple[str, ...] = (), extra: Any = False) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": extra}
    return {**found, "required": list(required)} if required else found


def _each(inner: Any) -> dict[str, Any]:
    """Return the schema of a mapping from names to values."""
    return {"type": ["object", "null"], "propertyNames": _NAME, "additionalProperties": inner}


def _value(kind: str) -> Any:
    """Return the schema of the value of an attribute, by its kind in the table."""
    head, _, rest = kind.removesuffix("!").strip().partition(" ")
    if head == "word":
        return {"enum": rest.split()}
    if head in ("ref", "map", "name", "type") and (head != "type" or not rest):
        return _TEXT
    if head == "roles":
        return {"anyOf": [_STRINGS, _each(_TEXT)]}
    if head == "refs":
        return {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}, {"type": "object"}]}
    return _DATA


def attributes(owner: str) -> dict[str, Any]:
    return {key: _value(kind) for key, kind in ATTRIBUTES[owner].items()}


def _required(owner: str) -> tuple[str, ...]:
    return tuple(k for k, kind in ATTRIBUTES[owner].items() if kind.endswith("!"))


def _program(head: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a program, with the keys that it may have besides its own."""
    executors: dict[str, Any] = {
        "expr": _CODE,
        "template": _TEXT,
        "python": _TEXT,
        "shell": {"type": "array", "items": {}, "minItems": 1},
        "mcp": _TEXT,
        "human": {"anyOf": [_object(attributes("human")), {"type": "null"}]},
        "llm": _object(attributes("llm"), _required("llm")),
    }
    own = {"doc": _TEXT, "params": _each(_CODE), "returns": _TEXT, "with": {"type": "object"}}
    whole = _object({**head, **own, **executors})
    return {**whole, "oneOf": [{"required": [e]} for e in EXECUTORS]}


def _channel(owner: str) -> dict[str, Any]:
    return {"anyOf": [_TEXT, _object({"type": _TEXT, "doc": _TEXT, **attributes(owner)}, ("type",))]}


def _members() -> dict[str, Any]:
    do = {"anyOf": [_TEXT, _STRINGS, {"type": "null"}]}
    modifiers = dict.fromkeys(map(str, MODIFIERS), _CODE)
    handler = _object({"as": _TEXT, "do": do}, ("as",))
    trigger = {"anyOf": [_CODE, _STRINGS]}
    reaction = _object(
        {
            "doc": _TEXT,
            "on": trigger,
            "every": trigger,
            "after": trigger,
            **modifiers,
            "do": do,
            "pipe": _TEXT,
            "else": handler,
        }
    )
    command = _object({"doc": _TEXT, "params": _each(_CODE), **modifiers, "do": do, "else": handler})
    child = _object({"coglet": _TEXT, "args": _each(_DATA), "doc": _TEXT, **attributes("create")}, ("coglet",))
    wire = _object({"link": _TEXT, **attributes("link")}, ("link",))
    strategy = _object(
        {"strategy": {"enum": ["one_for_one", "one_for_all", "rest_for_one"]}, **attributes("supervise")}
    )
    return {
        "doc": _TEXT,
        "params": _each(_CODE),
        "with": {"anyOf": [_TEXT, _STRINGS]},
        "consts": _each({}),
        "listen": _each(_channel("listen")),
        "transmit": _each(_channel("transmit")),
        "state": _each(_CODE),
        "programs": _each({"$ref": "#/$defs/program"}),
        "create": _each({"anyOf": [_TEXT, child]}),
        "link": {"anyOf": [_TEXT, wire, {"type": "array", "items": {"anyOf": [_TEXT, wire]}}]},
        "supervise": {"anyOf": [_TEXT, strategy]},
        "reactions": {"type": "array", "items": reaction},
        "enact": _each({"anyOf": [_TEXT, _STRINGS, command]}),
    }


def yaml_schema() -> dict[str, Any]:
    """Return the schema of the YAML notation."""
    members = _members()
    exported = {"export": {"type": "boolean"}}
    holder = {"doc": _TEXT, "params": _each(_CODE), **exported}
    step = _object(
        {"by": _TEXT, "after": {"anyOf": [_TEXT, _STRINGS]}, "when": _CODE, "task": _DATA, **attributes("step")},
        ("task",),
    )
    path = _object({"path": _TEXT, "as": _TEXT}, ("path",))
    model = {"provider": {"enum": list(PROVIDERS)}, "name": _TEXT, "doc": _TEXT}
    queue = {"doc": _TEXT, "type": _TEXT, "backend": {"enum": list(BACKENDS)}, "path": _TEXT}
    sections = {
        "imports": {"anyOf": [_TEXT, {"type": "array", "items": {"anyOf": [_TEXT, path]}}]},
        "consts": _each({}),
        "types": _each(_TEXT),
        "models": _each(
            {
                "anyOf": [
                    _object({**model, **attributes("model anthropic")}, ("provider", "name")),
                    _STRINGS,
                    _object({"models": _STRINGS, "doc": _TEXT}, ("models",)),
                ]
            }
        ),
        "mcp": _each({"type": "object"}),
        "programs": _each(_program(exported)),
        "mixins": _each(_object(members)),
        "coglets": {"type": ["object", "null"], "additionalProperties": _object({**members, "python": _TEXT})},
        "agents": {"type": "object", "additionalProperties": _object({**holder, **attributes("agent")})},
        "teams": {
            "type": "object",
            "additionalProperties": _object({**holder, **attributes("team")}, _required("team")),
        },
        "dods": _each({"type": ["object", "null"]}),
        "plans": {
            "type": "object",
            "additionalProperties": _object({**holder, "extends": _TEXT, **attributes("plan"), "steps": _each(step)}),
        },
        "queues": _each(_object({**queue, **attributes("queue")}, ("type", "backend"))),
        "tests": {"type": "object", "additionalProperties": {"anyOf": [_TEXT, _STRINGS]}},
        "scenarios": {"type": "object", "additionalProperties": _TEXT},
    }
    whole = _object({"cog": {"const": 1}, "doc": _TEXT, **sections}, ("cog",))
    return {"$schema": _DRAFT, "title": "The YAML notation of cog", **whole, "$defs": {"program": _program({})}}


def program_schema() -> bytes:
    """Return the JSON Schema of a built program."""
    document = msgspec.json.schema(ir.Bundle)
    for part in document["$defs"].values():  # from 3.13 on Python takes the indentation out of docstrings itself
        if "description" in part:
            part["description"] = cleandoc(part["description"])
    document["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    document["title"] = "A program built by cogc"
    return msgspec.json.format(msgspec.json.encode(document, order="deterministic"), indent=1) + b"\n"


# kind: (required fields, optional fields), beside the fields of every record
TRACE_KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "create": (("coglet",), ("spec", "digest")),
    "start": ((), ()),
    "stop": ((), ()),
    "restart": (("restarts",), ()),
    "backoff": (("delay",), ()),
    "input": (("channel", "data"), ()),
    "output": (("channel", "data"), ()),
    "transmit": (("channel", "data"), ()),
    "send": (("to", "data"), ()),
    "deliver": (("port",), ()),
    "join": (("causes", "port"), ()),
    "tick": (("port",), ()),
    "skip": (("port",), ()),
    "guide": (("to", "command", "data"), ()),
    "command": (("command", "data"), ()),
    "steer": (("action", "to", "data", "by"), ()),
    "state": (("name",), ("data", "change")),
    "log": (("level", "data"), ()),
    "call": (("call", "program", "data"), ("session",)),
    "ask": (("call", "program", "model", "data"), ()),
    "hand_off": (("program", "to"), ()),
    "fallback": (("program", "model", "to", "reason"), ()),
    "reply": (("call",), ("data", "error", "error_kind")),
    "dispatch": (("call", "program", "dispatcher", "data"), ()),
    "progress": (("call", "data"), ()),
    "artefact": (("data",), ()),
    "claim": (("claim", "artefact", "status"), ("reason",)),
    "bid": (("claim", "artefact", "bid"), ()),
    "grant": (("claim", "bid", "rework"), ()),
    "result": (("call",), ("data", "error", "error_kind")),
    "fail": (("error", "error_kind", "reaction", "at"), ()),
    "dead_letter": (("port", "reason", "data"), ()),
    "drop": (("port", "reason", "data"), ()),
    "park": (("ports",), ()),
    "unpark": ((), ()),
    "over_capacity": (("port", "fill"), ()),
}
_PATH = {"type": "array", "items": {"type": ["string", "integer"]}}
_FIELDS: dict[str, Any] = {
    "coglet": _TEXT, "spec": _TEXT, "digest": _TEXT, "restarts": {"type": "integer"}, "delay": {"type": "number"}, "channel": _TEXT, "data": {}, "to": _TEXT,
    "action": _TEXT, "by": _object({"user": _TEXT, "uid": {"type": "integer"}, "pid": {"type": "integer"}}, ()),
    "port": _TEXT, "causes": {"type": "array", "items": {"type": "integer"}}, "command": _TEXT, "name": _TEXT,
    "level": {"enum": ["debug", "info", "warn", "error"]}, "call": {"type": "integer"}, "program": _TEXT, "model": _TEXT, "dispatcher": _TEXT, "error": _TEXT,
    "claim": _TEXT, "artefact": _TEXT, "status": _TEXT, "bid": _TEXT, "rework": {"type": "boolean"},
    "error_kind": _TEXT, "reaction": _TEXT, "session": _TEXT, "at": _TEXT, "reason": _TEXT, "ports": _STRINGS, "fill": {"type": "integer"},
    "change": {"type": "array", "items": {"oneOf": [
        _object({"at": _PATH, "set": {}}, ("at", "set")),
        _object({"at": _PATH, "remove": {"const": True}}, ("at", "remove")),
        _object({"at": _PATH, "from": {"type": "integer"}, "to": {"type": "integer"}, "with": {"type": ["array", "string"]}}, ("at", "from", "to", "with")),
    ]}},
}  # fmt: skip


def trace_schema() -> dict[str, Any]:
    """Return the schema of one trace record."""
    common = {
        "v": {"const": 1},
        "seq": {"type": "integer", "minimum": 1},
        "t": {"type": "number", "minimum": 0},
        "run": _TEXT,
        "path": _TEXT,
        "cause": {"type": "integer", "minimum": 0},
    }
    kinds = []
    for kind, (required, optional) in TRACE_KINDS.items():
        own = {f: _FIELDS[f] for f in (*required, *optional)}
        kinds.append(_object({**common, "kind": {"const": kind}, **own}, (*common, "kind", *required)))
    return {"$schema": _DRAFT, "title": "A record of a cogc trace", "oneOf": kinds}


def draft_07(schema: Any) -> Any:
    """Return a schema in the words of draft-07, which editors read. It has no keyword that draft-07 has no word for."""
    if isinstance(schema, list):
        return [draft_07(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {}
    for key, value in schema.items():
        if key == "$schema":
            value = _DRAFT_07
        elif key == "$ref":
            value = value.replace("#/$defs/", "#/definitions/")
        elif key == "prefixItems":
            made["items"] = draft_07(value)
            continue
        elif key == "items" and "prefixItems" in schema:
            made["additionalItems"] = draft_07(value)
            continue
        made["definitions" if key == "$defs" else key] = draft_07(value)
    return made


def script_schema() -> dict[str, Any]:
    """Return the schema of the file of a scripted model."""
    count = {"type": "integer", "minimum": 0}
    conditions = {"anyOf": [_TEXT, _object(dict.fromkeys(FACTS, _TEXT))]}
    error = {"anyOf": [_TEXT, _object(ERROR)]}
    asked = _object({"name": _TEXT, "input": {}}, ("name",))
    rule = _object(
        {
            "when": conditions, "reply": {}, "tools": {"type": "array", "items": asked}, "error": error,
            "delay": {"type": ["string", "number"]}, "times": count, "usage": _object(dict.fromkeys(COUNTS, count)),
        }
    )  # fmt: skip
    rule["oneOf"] = [{"required": [key]} for key in ANSWERS]
    is_rule = {"type": "object", "anyOf": [{"required": [key]} for key in sorted(KEYS)]}
    item = {"if": is_rule, "then": {"$ref": "#/$defs/rule"}}
    head = {"$schema": _DRAFT, "title": "The script of a scripted model"}
    return {**head, "type": "array", "items": item, "$defs": {"rule": rule}}


def lock_schema() -> dict[str, Any]:
    """Return the schema of `cogc.lock.json`."""
    tool = _object({"description": _TEXT, "input": {"type": "object"}, "output": {"type": "object"}}, ("input",), True)
    server = _object({"tools": {"type": "object", "additionalProperties": tool}}, ("tools",), True)
    whole = _object({"servers": {"type": "object", "additionalProperties": server}}, ("servers",), True)
    return {"$schema": _DRAFT, "title": "The tools of MCP servers", **whole}


def journal_schema() -> dict[str, Any]:
    """Return the schema of one line of a recording: the head, or an event `[step, nanoseconds, kind, ..., checksum]`."""
    whole = KINDS["count"][1]
    events: dict[str, dict[str, Any]] = {}
    for kind, form in [*RUN.items(), *SETT.items()]:
        least = 4 + sum(not i.optional for i in form.items)
        end: dict[str, Any] = {} if form.open else {"maxItems": 4 + len(form.items)}
        items = [whole, whole, {"const": kind}, *(_item(i) for i in form.items)]
        made = {"title": kind, "type": "array", "prefixItems": items, "minItems": least, **end}
        events[json.dumps(made)] = made
    return {
        "$schema": _DRAFT,
        "title": "A line of a recording",
        "anyOf": [_of_form(HEAD, {"sum": _TEXT}), *events.values()],
    }


def live_schema() -> dict[str, Any]:
    """Return the schema of one line of the recording of a live run of a test."""
    lines = [_of_form(LIVE_HEAD, {"kind": {"const": "live"}}), _of_form(LIVE_LINE)]
    return {"$schema": _DRAFT, "title": "A line of the recording of a live run", "anyOf": lines}


def _of_form(form: LineForm, more: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the schema of a line that is a record."""
    properties = {**{i.name: KINDS[i.kind][1] for i in form.items}, **(more or {})}
    return _object(properties, tuple(i.name for i in form.items if not i.optional), form.open)


def _item(item: Item) -> dict[str, Any]:
    """Return the schema of an item of a line. What stands behind items that were left out is the checksum, a text."""
    schema = KINDS[item.kind][1]
    return {"anyOf": [schema, _TEXT]} if item.optional and schema not in ({}, _TEXT) else schema


def files() -> dict[str, str]:
    """Return the text of each schema by the name of its file."""
    texts = {
        "cog.schema.json": json.dumps(yaml_schema(), indent=1) + "\n",
        "ir.schema.json": program_schema().decode(),
        "trace.schema.json": json.dumps(trace_schema(), indent=1) + "\n",
        "script.schema.json": json.dumps(script_schema(), indent=1) + "\n",
        "lock.schema.json": json.dumps(lock_schema(), indent=1) + "\n",
        "journal.schema.json": json.dumps(journal_schema(), indent=1) + "\n",
        "live.schema.json": json.dumps(live_schema(), indent=1) + "\n",
    }
    older = {
        name.replace(".schema", ".draft-07.schema"): json.dumps(draft_07(json.loads(text)), indent=1) + "\n"
        for name, text in texts.items()
    }
    return {**texts, **older}


def main() -> None:
    for name, text in files().items():
        (folder("grammar") / name).write_text(text, encoding="utf-8")
        print(f"grammar/{name}: {len(text)} bytes")


if __name__ == "__main__":
    main()

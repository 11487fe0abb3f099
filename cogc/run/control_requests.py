"""The requests over the control socket of a run: each action with its fields, and the reader of requests.

A request is checked as a whole before anything is done: its size, its text, its nesting, its action, and each field. So what
enters the run as an event is well formed, and what is not is answered as an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from cogc.language.values import Failure
from cogc.run.json_text import read_json

if TYPE_CHECKING:
    from cogc.language.values import Value

LONGEST = 256 << 10
"""The bytes of the longest request."""
_SHOWN = 40


class Field(NamedTuple):
    """A field of a request: the type of its value, and whether it must be there. None stands for an absent value."""

    type: type
    needed: bool = True


_ID = {"id": Field(str)}
ACTIONS: dict[str, dict[str, Field]] = {
    "list": {"role": Field(str, False), "status": Field(str, False), "parent": Field(str, False)},
    "status": _ID,
    "wait": _ID,
    "cancel": _ID,
    "pause": _ID,
    "resume": _ID,
    "detach": _ID,
    "send": {**_ID, "message": Field(str)},
    "spawn": {**_ID, "agent": Field(str), "query": Field(str)},
    "teams": {},
    "guide": {**_ID, "data": Field(dict)},
    "input": {"channel": Field(str), "text": Field(str)},
    "inspect": {"path": Field(str, False)},
}
FOLLOWED: dict[str, dict[str, Field]] = {
    "observe": {"channel": Field(str), "path": Field(str, False)},
    "tail": {},
}
"""The requests whose answer has a line for each thing that happens, until the run ends."""
_NAMES: dict[type, str] = {str: "a text", dict: "an object", list: "a list"}


def read_request(line: bytes, actions: dict[str, dict[str, Field]]) -> dict[str, Value]:
    """Return a request. Raise Failure with what is wrong with it."""
    if len(line) > LONGEST:
        raise Failure("error", f"this is no request: it has more than {LONGEST} bytes")
    request = read_json(line, "the request")
    if not isinstance(request, dict):
        raise Failure("error", "this is no request: it is no object")
    action = request.get("action")
    if not isinstance(action, str):
        raise Failure("error", "this is no request: 'action' is missing" if action is None else "'action' is no text")
    if action not in actions:
        raise Failure("error", f"there is no action {action[:_SHOWN]!r}")
    _check_fields(action, actions[action], request)
    return request


def _check_fields(action: str, fields: dict[str, Field], request: Mapping[str, object]) -> None:
    for name in request:
        if name != "action" and name not in fields:
            raise Failure("error", f"`{action}` takes no field {name[:_SHOWN]!r}")
    for name, field in fields.items():
        value = request.get(name)
        if value is None and field.needed:
            raise Failure("error", f"`{action}` needs the field '{name}'")
        if value is not None and type(value) is not field.type:
            raise Failure("error", f"the field '{name}' of `{action}` is {_NAMES[field.type]}")

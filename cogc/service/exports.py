"""The offers of a service: the exported agents, teams, plans and programs of specs, each as something that can be called.

An `Offer` has the schemas of input and output, which all doors show. A call of it creates a coglet of its own below the
root, by the order `call` (`kernel/orders.py`), and stops it when the answer is there or the caller gives up: so calls
do not see each other, all that is under way for one ends with it, and a replay repeats it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

import trio

from cogc import ir
from cogc.diagnostics.masks import masked_value
from cogc.kernel.unit import Unit
from cogc.language import types
from cogc.language.texts import MARK, plain_name
from cogc.language.types import STRING, Type
from cogc.language.values import Failure, hidden, plain
from cogc.run.convert import from_python
from cogc.run.orders import News, Refusal
from cogc.run.outside import Notice
from cogc.run.session import Session

MOST = 64
"""How many calls may be under way at once."""
_STOPPING = 12.0
"""Seconds for which the end of a call waits for its coglet, whose `on stop` may take 10."""
_LISTENS = {"agent": "task", "team": "task", "plan": "goal", "program": f"{MARK}task"}
_NEWS = {"agent": ["delta"], "team": ["status"], "plan": ["plan", "step"], "program": list[str]()}
_ABOUT = {
    "agent": "The task, in words.",
    "team": "The task, in words.",
    "plan": "What is to be reached, in words; without it, the goal of the plan itself.",
}
_INPUTS = {
    "agent": [("task", True)],
    "team": [("task", True)],
    "plan": [("goal", False)],
    "program": list[tuple[str, bool]](),
}


class Input(NamedTuple):
    """A field of the input of an offer. `number` is that of its type in the unit, -1 for a text of no unit."""

    name: str
    type: Type
    number: int
    required: bool
    about: str = ""


class Offer:
    """Something that can be called. `digest` names its unit to the kernel, `parent` is the path below which it is created."""

    def __init__(self, name: str, export: ir.Export, unit: Unit, digest: str, parent: str) -> None:
        self.name = name
        self.export = export
        self.unit = unit
        self.digest = digest
        self.parent = parent
        coglet = unit.bundle.coglets[export.coglet]
        self.asked = _INPUTS[export.kind]
        own = coglet.parameters[: coglet.own_parameters]
        self.inputs = [Input(n, STRING, -1, needed, _ABOUT[export.kind]) for n, needed in self.asked] + [
            Input(p.name, unit.validators.types[p.type], p.type, p.default is None) for p in own
        ]
        result = f"{MARK}result" if export.kind == "program" else "result"
        failed = f"{MARK}failed" if export.kind == "program" else "failed"
        self.channels = [result, failed]
        self.output = unit.validators.types[{t.name: t.type for t in coglet.transmits}[result]]

    @property
    def title(self) -> str:
        """The name that the spec gives it."""
        return self.export.name

    @property
    def doc(self) -> str:
        """Its purpose, in words."""
        return self.export.doc or f"The {self.export.kind} {self.export.name}."

    @property
    def is_long(self) -> bool:
        """True if a call may take minutes."""
        return self.export.kind != "program"

    def input_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the input, a record."""
        definitions: dict[str, object] = {}
        properties = {}
        for field in self.inputs:
            about = {"description": field.about} if field.about else {}
            properties[field.name] = {**types.json_schema(field.type, definitions), **about}
        required = [i.name for i in self.inputs if i.required]
        found = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        return {**found, "$defs": definitions} if definitions else found

    @property
    def is_text(self) -> bool:
        """True if the output is a text."""
        return types.expand(self.output) == STRING

    @property
    def is_record(self) -> bool:
        """True if the output is a record as it stands. Else it is the one field `result` of one."""
        return isinstance(types.expand(self.output), types.RecordOf | types.MapOf)

    def output_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the output, a record."""
        definitions: dict[str, object] = {}
        schema = types.json_schema(self.output, definitions)
        if not self.is_record:
            schema = {"type": "object", "properties": {"result": schema}, "required": ["result"]}
        elif "$ref" in schema:  # the root of a schema of outputs is an object by its own words
            schema = {"type": "object", "allOf": [schema]}
        return {**schema, "$defs": definitions} if definitions else schema

    def read(self, given: object) -> dict[str, Any]:
        """Return an input as values of the language. Raise Failure of kind `type` that names the field that is wrong."""
        if not isinstance(given, dict):
            raise Failure("type", f"the input of `{self.title}` is a record: {self._fields()}")
        known = {i.name: i for i in self.inputs}
        for name in given:
            if name not in known:
                raise Failure("type", f"`{self.title}` takes no `{str(name)[:100]}`: {self._fields()}")
        found = {}
        for field in self.inputs:
            if field.name in given:
                found[field.name] = self._value(field, given[field.name])
            elif field.required:
                raise Failure("type", f"`{self.title}` needs `{field.name}`: {self._fields()}")
        return found

    def _value(self, field: Input, given: object) -> Any:
        value = from_python(given, f"`{field.name}`")
        if field.number >= 0:
            return self.unit.checked(field.number, value, f"`{field.name}`")
        if not isinstance(value, str):
            raise Failure("type", f"`{field.name}`: a text is wanted")
        return value

    def _fields(self) -> str:
        shown = [f"{i.name}{'' if i.required else '?'}: {types.show(i.type)}" for i in self.inputs]
        return f"it takes {', '.join(shown) or 'nothing'}"


class Begun(NamedTuple):
    """A call that has begun: the path of its coglet, and the notice of its order."""

    path: str
    notice: Notice

    @property
    def number(self) -> int:
        """The number of its order."""
        number: int = self.notice.data[0]
        return number


class Exports:
    """The offers of one run, by the name under which doors show them. `taken` are names that something else has."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.offers: dict[str, Offer] = {}
        self.taken: frozenset[str] = frozenset()
        self.under_way = 0

    def add(self, unit: Unit, digest: str, parent: str) -> None:
        """Offer what a unit exports. A name that is taken gets a number."""
        for export in unit.bundle.exports:
            name = bare = plain_name(export.name)
            number = 1
            while name in self.offers or name in self.taken:
                number += 1
                name = f"{bare}_{number}"
            self.offers[name] = Offer(name, export, unit, digest, parent)

    def remove(self, digest: str) -> None:
        """Offer no more what a unit exports. Calls that are under way go on."""
        self.offers = {n: o for n, o in self.offers.items() if o.digest != digest}

    async def call(self, offer: Offer, given: object, news: News | None = None) -> Any:
        """Call an offer, and return its answer as JSON data. `news` takes what it says while it works.

        Raise Failure: of kind `type` for an input that does not fit, `busy` for too many calls, `stopped` where the run
        or the coglet of the call has ended, else of the kind that the failure has in the spec. Where the caller is
        cancelled, all that is under way for the call is cancelled.
        """
        return await self.end(self.begin(offer, given, news))

    def begin(self, offer: Offer, given: object, news: News | None = None) -> Begun:
        """Begin a call, whose answer `end` awaits. Raise Failure as `call`."""
        values = offer.read(given)
        if self.under_way >= MOST:
            raise Failure("busy", f"{MOST} calls are under way: try again later")
        orders, kind = self.session.orders, offer.export.kind
        asked = {n: values.pop(n, "") for n, _ in offer.asked}
        value = next(iter(asked.values()), None)
        channels = offer.channels + (_NEWS[kind] if news is not None else [])
        name = f"{offer.name}-{orders.calls + 1}"
        notice = orders.begin(
            "call", offer.parent, offer.digest, offer.export.coglet, name, values, _LISTENS[kind], value, channels, news=news
        )  # fmt: skip
        path = f"{offer.parent}/{name}"
        self.session.executors.settings.contexts.called(path)
        self.under_way += 1
        return Begun(path, notice)

    def again(self, begun: Begun) -> Begun:
        """Count a call that a resumed run has under way, and return it."""
        self.under_way += 1
        return begun

    async def end(self, begun: Begun) -> Any:
        """Wait for the answer of a call, and return it as JSON data. Raise Failure as `call`."""
        stops = True
        try:
            return self.shown(await self.session.orders.end(begun.notice))
        except Refusal:
            stops = False
            raise
        finally:
            if stops:
                await self._stop(begun.path)
            self.under_way -= 1

    async def _stop(self, path: str) -> None:
        """Stop the coglet of a call, whatever happens to the caller."""
        with trio.move_on_after(_STOPPING, shield=True):
            with suppress(Failure):  # it has stopped by itself, or with the run
                await self.session.orders.send("stop", path)

    def shown(self, value: Any) -> Any:
        """Return a value as JSON data for those who call, without its private fields."""
        return masked_value(plain(hidden(value, self.session.kernel.private)))


def exports_of(session: Session) -> Exports:
    """Return what the program of a run exports."""
    found = Exports(session)
    unit = session.kernel.unit
    found.add(unit, "", unit.bundle.coglets[session.kernel.first].name)
    return found

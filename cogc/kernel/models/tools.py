"""Tools as a model sees them: their names, the descriptions of their inputs, and the text of their results.

**Names.** Providers take letters, digits, `_` and `-`. Other characters become `_`, and names that would be equal get a number.

**Schemas.** A tool of an MCP server brings its own. Providers take no `anyOf`, `oneOf` or `allOf` at the root of one, so that
what stands there goes into the description, in words.

**Results.** A result longer than the bound is cut in its middle. The note in its place says how much is missing, and names the
tool `read_result`, by which the model can read on. The whole text is kept for as long as the conversation lasts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cogc.ir import Program
from cogc.language import types
from cogc.language.attributes import HAND_OFF, READ_RESULT
from cogc.language.texts import plain_name
from cogc.language.values import Failure, shorten

if TYPE_CHECKING:
    from cogc.kernel.shapes import ToolOffer
    from cogc.kernel.unit import Unit

CHARACTERS = 4
"""The characters that count as one token where nobody has counted."""
SHARE = 10
"""A result may fill one part in so many of the model's window."""
WINDOW = 200_000
"""The tokens of a window that is not known."""
LINE = 2_000
"""The most characters of a line of `read_result`; longer lines are several."""
_ROOT = ("anyOf", "oneOf", "allOf", "not", "if", "then", "else", "enum", "const")


def named(programs: list[Program], taken: tuple[str, ...] = ()) -> dict[str, Program]:
    """Return tools by names that providers accept and that differ from each other."""
    found: dict[str, Program] = {}
    for program in programs:
        name = bare = plain_name(program.name)
        while name in found or name in taken:
            name = f"{bare}_{len(found) + 1}"
        found[name] = program
    return found


def offer(unit: Unit, name: str, program: Program) -> ToolOffer:
    """Describe a program to a model: name, description, the schema of its input."""
    if program.schema is not None:
        return _server_tool(name, program.doc, program.schema)
    parameters = program.parameters[:1] if program.agent is not None else program.parameters
    properties = {p.name: types.json_schema(unit.validators.types[p.type]) for p in parameters}
    required = [p.name for p in parameters if p.default is None]
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"name": name, "description": program.doc, "schema": schema}


def _server_tool(name: str, doc: str, schema: dict[str, Any]) -> ToolOffer:
    """Describe a tool of a server. What a provider does not take in its schema is said in words."""
    made = {"type": "object", "properties": {}, **{k: v for k, v in schema.items() if k not in _ROOT}}
    apart = {k: schema[k] for k in _ROOT if k in schema}
    if apart:
        doc = f"{doc}\nThe input must also meet this JSON Schema: {json.dumps(apart, ensure_ascii=False)}".strip()
    return {"name": name, "description": doc, "schema": made}


def hand_off(programs: dict[str, Program]) -> ToolOffer:
    """Describe the tool by which an agent gives the conversation to another one."""
    about = "; ".join(f"{name}: {p.doc}" if p.doc else name for name, p in programs.items())
    properties = {"agent": {"type": "string", "enum": list(programs)}, "reason": {"type": "string"}}
    schema = {"type": "object", "properties": properties, "required": ["agent"], "additionalProperties": False}
    return {
        "name": HAND_OFF,
        "description": f"Let another agent go on with this conversation. {about}",
        "schema": schema,
    }


class Results:
    """The results of tools that were too long to be told whole. `most` is the most characters of one that is told."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.kept: dict[str, str] = {}

    def told(self, said: str, readable: bool = True) -> str:
        """Return a result as it is told. `readable` says whether the model has the tool to read on."""
        if len(said) <= self.most:
            return said
        half = self.most // 2
        note = f"{len(said) - 2 * half:,} characters are left out here"
        if readable:
            id = f"r{len(self.kept) + 1}"
            self.kept[id] = said
            before = len(_lines(said[:half]))
            note += f'; {READ_RESULT}(id: "{id}", from: {before}) reads on, of {len(_lines(said)):,} lines'
        return f"{said[:half]}\n[... {note} ...]\n{said[len(said) - half :]}"

    def offer(self) -> ToolOffer:
        """Describe the tool that reads on."""
        number = {"type": "integer", "minimum": 1}
        properties = {"id": {"type": "string"}, "from": number, "lines": number}
        schema = {"type": "object", "properties": properties, "required": ["id"], "additionalProperties": False}
        about = f"Read lines of a result that was cut. `from` counts from 1. A line of more than {LINE:,} characters is several."
        return {"name": READ_RESULT, "description": about, "schema": schema}

    def read(self, given: dict[str, Any]) -> str:
        """Return lines of a kept result: as many as were asked for, and no more than may be told."""
        id = given.get("id")
        whole = self.kept.get(id) if isinstance(id, str) else None
        if whole is None:
            raise Failure(
                "error",
                f"there is no result `{id if isinstance(id, str) else shorten(id)}`; there is {', '.join(self.kept)}",
            )
        lines = _lines(whole)
        first, count = given.get("from", 1), given.get("lines", len(lines))
        for word, value in (("from", first), ("lines", count)):
            if type(value) is not int or value < 1:
                raise Failure("type", f"`{word}` is an int, at least 1")
        if first > len(lines):
            raise Failure("error", f"the result has {len(lines):,} lines")
        found: list[str] = []
        room = self.most
        for line in lines[first - 1 : first - 1 + count]:
            room -= len(line) + 1
            if room < 0 and found:
                break
            found.append(line)
        rest = len(lines) - (first - 1 + len(found))
        return "\n".join(found) + (f"\n[... {rest:,} lines follow, from {first + len(found)} ...]" if rest else "")


def _lines(text: str) -> list[str]:
    """Return the lines of a text, long ones in pieces."""
    return [line[i : i + LINE] for line in text.split("\n") for i in range(0, max(1, len(line)), LINE)]

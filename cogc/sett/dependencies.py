"""The dependencies of the calls of a sett's agents: their commands, and what is said to which models.

A recording has them in its head. So a replay by a spec that has changed can name the first call that would be another one now, although the
sett asks for it with the same artefact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from cogc import ir
from cogc.language.codec import encode
from cogc.language.values import shorten

Dependencies: TypeAlias = dict[str, dict[str, dict[str, str]]]
"""By role and kind of call: the text of each part, by its name."""
_OF_KINDS = {
    "bid": ("bid_script", "prompts.claim"),
    "work": ("command", "worker.command", "prompts.execution"),
    "health": ("health_check.command",),
}
"""The attributes of an agent on which each kind of call depends."""
_NUMBERS = ("at", "type", "result", "types")
"""The fields of the IR that have the number of a place or of a type, which others in the file move."""
_MOST = 160
"""The characters of a part that are kept as they are."""


def dependencies_of(bundle: ir.Bundle) -> Dependencies:
    """Return the dependencies of the agents of the sett that is the root of a program."""
    return {
        agent.role: {kind: _parts_of(bundle, agent, kind) for kind in _OF_KINDS}
        for agent in bundle.setts[bundle.root].agents
    }


def difference(then: dict[str, str], now: dict[str, str]) -> tuple[str, str, str] | None:
    """Return the first part in which two calls differ, what it was then and what it is now, or None."""
    for name in (*now, *then):
        if then.get(name) != now.get(name):
            return name, then.get(name, "nothing"), now.get(name, "nothing")
    return None


def _parts_of(bundle: ir.Bundle, agent: ir.SettAgent, kind: str) -> dict[str, str]:
    """Return the parts on which a kind of call of an agent depends."""
    given = {name: _plain(msgspec.to_builtins(value)) for name, value in agent.attributes.items()}
    found = {}
    for name in _OF_KINDS[kind]:
        attribute, _, field = name.partition(".")
        value = given.get(attribute)
        value = value.get(field) if field and isinstance(value, dict) else value
        if value is not None:
            found[name] = _text(value)
    asked = agent.run if kind == "work" else agent.judge if kind == "bid" else ""
    return {**found, **{name: _text(value) for name, value in _asked(bundle, asked)}} if asked else found


def _asked(bundle: ir.Bundle, coglet: str) -> Iterator[tuple[str, Any]]:
    """Yield what a coglet says and does, with all that it reaches: programs, models, coglets, each part with its name."""
    tables: list[Mapping[str, Any]] = [bundle.coglets, bundle.programs, bundle.models, bundle.servers, bundle.consts]
    left, seen = [coglet], {coglet}
    for key in left:  # which grows
        for table in tables:
            if key in table:
                made = _plain(msgspec.to_builtins(table[key]))
                new = [w for w in dict.fromkeys(_words(made)) if w not in seen and any(w in t for t in tables)]
                seen.update(new)
                left += new
                yield from _parts(key, table[key], made)


def _parts(key: str, declared: Any, made: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a declaration: the attributes of a program by themselves, so that a prompt is named that has changed."""
    name = f"`{getattr(declared, 'name', key)}`"
    if isinstance(declared, ir.Program | ir.Model):
        for attribute, value in made.pop("attributes", {}).items():
            yield f"{attribute} of {name}", value
    if isinstance(declared, ir.Model):
        yield name, f"{declared.provider} {declared.argument}"
    else:
        yield name, _digest(made) if hasattr(declared, "key") else made


def _plain(value: Any) -> Any:
    """Return an expression of the IR as the value that it stands for where it is constant. Places, and numbers of types, are left out."""
    match value:
        case {"op": "const", **rest}:
            return rest.get("value")
        case {"op": "list", "items": items}:
            return [_plain(item) for item in items]
        case {"op": "record", "entries": entries} if all("name" in entry for entry in entries):
            return {entry["name"]: _plain(entry.get("value")) for entry in entries}
        case dict():
            return {
                k: _plain(v)
                for k, v in value.items()
                if k != "folder" and not (k in _NUMBERS and isinstance(v, int | list))
            }
        case list():
            return [_plain(item) for item in value]
        case _:
            return value


def _words(value: Any) -> Iterator[str]:
    """Yield all texts in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _words(part)


def _text(value: Any) -> str:
    """Return a part for people: short, and another one where the part is another one."""
    text = shorten(value, _MOST)
    return text if len(encode(value)) <= _MOST else f"{text} ({_digest(value)})"


def _digest(value: Any) -> str:
    return hashlib.sha256(encode(value)).hexdigest()[:16]

"""The inputs that a command line gives a run: messages to its root and answers of people, each with its time.

Everything is read and checked before the run begins. A UsageError names the file, the line, the channel, and what fits.
"""

from __future__ import annotations

import json
import re
from argparse import Namespace
from pathlib import Path
from typing import Any

from cogc import ir
from cogc.commands.options import goal_input, has, typed
from cogc.commands.usage import UsageError, pair
from cogc.disk.files import read_text, read_whole
from cogc.kernel.unit import Unit
from cogc.language import types
from cogc.language.media import type_by_name
from cogc.language.record import Record
from cogc.language.texts import is_internal, nanoseconds
from cogc.language.values import Failure
from cogc.run.convert import from_python
from cogc.run.json_text import parse
from cogc.run.media import taken
from cogc.run.people import Answer

_AT = r"(?s)(.*) at (\S+)"
_AFTER = r"(?s)(.*) after (\S+)"
_KEYS = ("t", "channel", "data")


class Given(Record):
    """A message to the root: when it is sent, in nanoseconds, and the file that it is from."""

    channel: str
    value: Any
    at: int = 0
    file: str = ""


def inputs(bundle: ir.Bundle, unit: Unit, options: Namespace) -> list[Given]:
    """Return the messages of `--input`, `--inputs` and `--goal`, in the order in which they are sent at one time."""
    found = [message(bundle, unit, text, "--input") for text in options.input]
    if options.inputs:
        found += _lines(unit, _channels(bundle), options.inputs)
    goal = goal_input(bundle, options, {given.channel for given in found})
    return found + [Given(channel, value) for channel, value in goal]


def _channels(bundle: ir.Bundle) -> dict[str, int]:
    """Return the types of the channels on which the root takes messages."""
    root = bundle.coglets[bundle.root]
    return {c.name: c.type for c in root.listens if not is_internal(c.name)}


def message(bundle: ir.Bundle, unit: Unit, text: str, option: str) -> Given:
    """Return the message to the root of one `--input CHANNEL=VALUE`, or of another option of that form."""
    name, value = pair(text, option)
    known = _channels(bundle)
    if name not in known:
        raise UsageError(f"`{bundle.coglets[bundle.root].name}` has no listen channel `{name}`{has(known)}")
    given = _word(bundle, known[name], name, value, option)
    try:
        _check(unit, known[name], given, "")
    except UsageError as error:
        found = re.fullmatch(_AT, value)
        if found is None or _timed(_AT, value)[1] is not None:
            raise
        raise UsageError(f"{error}; `{found[2]}` is no time: write 250ms, 10s or 5m") from None
    return given


def _word(bundle: ir.Bundle, type: int, name: str, text: str, option: str) -> Given:
    """Return the message of one `--input`."""
    text, at = _timed(_AT, text)
    if text.startswith("@@"):
        text = text[1:]
    elif text.startswith("@"):
        if bundle.types[type] in ("image", "document") or bundle.types[type] == types.to_json(types.CONTENT):
            return Given(name, _media(text[1:], name, option), at or 0, text[1:])
        return Given(name, _content(text[1:], name, option, bundle.types[type] == "string"), at or 0, text[1:])
    return Given(name, typed(bundle, type, text, f"the input `{name}`"), at or 0)


def _timed(pattern: str, text: str) -> tuple[str, int | None]:
    """Return a text without the time at its end, and the time in nanoseconds, or None."""
    match = re.fullmatch(pattern, text)
    if match is not None:
        try:
            at = nanoseconds(match[2])
        except ValueError:
            return text, None
        if at < 0:
            raise UsageError(f"`{text}`: a time is not negative")
        return match[1], at
    return text, None


def _content(path: str, channel: str, option: str, text: bool) -> Any:
    """Return what a file holds: text, or JSON."""
    content = read_file(path, f"{option} {channel}=@{path}")
    return content if text else _json(content, f"{path}: the input `{channel}`", 1)


def _media(path: str, channel: str, option: str) -> Any:
    """Return the image or document that a file holds."""
    try:
        return taken(read_whole(path), type_by_name(path), Path(path).name)
    except OSError as error:
        why = str(error.strerror).lower()
        raise UsageError(f"{option} {channel}=@{path}: cannot read `{path}`: {why}") from None
    except Failure as failure:
        raise UsageError(f"{option} {channel}=@{path}: {failure.message}") from None


def read_file(path: str, what: str) -> str:
    """Return the text of a file that an option names."""
    try:
        return read_text(path)
    except OSError as error:
        raise UsageError(f"{what}: cannot read `{path}`: {str(error.strerror).lower()}") from None
    except ValueError:
        raise UsageError(f"{what}: `{path}` is not text in UTF-8") from None


def _json(text: str, where: str, line: int) -> Any:
    """Return what JSON stands for; the text begins in this line of its file."""
    try:
        return from_python(parse(text), f"{where}: line {line}")
    except json.JSONDecodeError as error:
        place = f"line {line + error.lineno - 1}, column {error.colno}"
        raise UsageError(f"{where}: {place}: {error.msg[0].lower()}{error.msg[1:]}") from None
    except ValueError as error:
        raise UsageError(f"{where}: line {line}: {error}") from None
    except Failure as wrong:
        raise UsageError(wrong.message) from None


def _lines(unit: Unit, known: dict[str, int], path: str) -> list[Given]:
    """Return the messages of a file of inputs."""
    found = []
    for number, text in enumerate(read_file(path, f"--inputs {path}").split("\n"), 1):
        if text.strip():
            where = f"{path}, line {number}"
            given = _line(_json(text, path, number), where, path, known)
            _check(unit, known[given.channel], given, f"{where}: ")
            found.append(given)
    return found


def _line(line: Any, where: str, path: str, known: dict[str, int]) -> Given:
    """Return the message of one line of a file of inputs."""
    shape = 'write {"t": SECONDS, "channel": NAME, "data": VALUE}'
    if not isinstance(line, dict) or "channel" not in line or "data" not in line:
        raise UsageError(f"{where}: this is no input; {shape}")
    odd = [key for key in line if key not in _KEYS]
    if odd:
        raise UsageError(f"{where}: an input has no `{odd[0]}`; {shape}")
    if not isinstance(line["channel"], str) or line["channel"] not in known:
        raise UsageError(f"{where}: there is no listen channel `{line['channel']}`{has(known)}")
    return Given(line["channel"], line["data"], _instant(line.get("t", 0), where), path)


def _instant(t: Any, where: str) -> int:
    """Return the time of an input in nanoseconds."""
    try:
        if isinstance(t, str) and (at := nanoseconds(t)) >= 0:
            return at
        if isinstance(t, int | float) and not isinstance(t, bool) and 0 <= t < 1 << 33:
            return round(t * 1e9)
    except ValueError:
        pass
    raise UsageError(f'{where}: `t` is {json.dumps(t)}; write seconds as a number, or a duration such as "2m"')


def _check(unit: Unit, type: int, given: Given, where: str) -> None:
    """Refuse a message that does not fit its channel."""
    try:
        unit.checked(type, given.value, f"the input `{given.channel}`")
    except Failure as wrong:
        raise UsageError(f"{where or (f'{given.file}: ' if given.file else '')}{wrong.message}") from None


def answers(options: Namespace) -> dict[str, list[Answer]]:
    """Return the answers of `--answer`, by the names of what asks."""
    found: dict[str, list[Answer]] = {}
    for text in options.answer:
        name, value = pair(text, "--answer")
        found.setdefault(name, []).append(Answer(*_timed(_AFTER, value)))
    return found


def refuse_unknown_answers(bundle: ir.Bundle, options: Namespace) -> None:
    """Raise UsageError for an `--answer` by whose name nothing in a program asks a person."""
    known = {p.name for p in bundle.programs.values() if p.kind == "human"}
    known |= {c.name for c in bundle.coglets.values() if c.kind == "plan"}
    known |= {s.name for s in bundle.servers.values()}
    known |= {a.role for sett in bundle.setts.values() for a in sett.agents}
    for name in answers(options):
        if name not in known:
            raise UsageError(
                f"--answer: the program has nothing that asks a person by the name `{name}`{has(sorted(known))}"
            )

"""Forks: the journal of a new run that goes on from a record of another one with something else.

The model. A fork is a journal: the events of the other run up to the record, and what is different. It is the journal of a run that did not
end, and is resumed like any other (`run/resume.py`). So nothing is repeated that had left the run by then.

- **A reply** takes the place of the result of a call, which is an event of its own.
- **A message** takes the place of a message that came in, if the record is that of one. Otherwise it comes in behind the step of the record.
- **A parameter** of the root has another value from the end of that step on: an event `steer`.

Calls under way. What was asked by then and was answered later in the other run has been done in the world. So it is not asked again: the answer comes
at its instant (`answers`), as long as the session lasts that begins the fork. This goes for programs, models and people. What belongs to the run itself,
such as queues, plans and objects in Python, is begun again.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any, NoReturn

from cogc.kernel.effects import Ask, Call, Dispatch
from cogc.kernel.models.answers import Answer
from cogc.kernel.models.counting import counted
from cogc.kernel.models.steering import PARAMETER
from cogc.language import types
from cogc.language.codec import encode
from cogc.language.values import Failure, plain, shorten
from cogc.run import journal
from cogc.run.journal import Event
from cogc.run.scripted import answered
from cogc.testing.calls import result_number
from cogc.traces.travel import NoMoment, Point, Travel

_OUTSIDE = ("python", "shell", "mcp", "human")
"""The kinds of programs whose results are of the world."""


class NotPossible(NoMoment):
    """A run cannot be forked in this way."""


@dataclass(slots=True)
class Fork:
    """A fork: the events of its journal, and the results that come to calls under way. `changed` says what is different, `seq` at which record, `now` at
    which instant. The records of both runs up to the number `same` are the same, but for one that was changed."""

    seq: int
    same: int
    now: int
    changed: str
    events: list[Event]
    answers: dict[int, tuple[int, Any]]

    def head(self, travel: Travel, name: str, begun: dict[str, Any], sim: bool) -> dict[str, Any]:
        """Return the head of the journal of the instance `name`: that of the other run, with an id of its own. The id of a simulation follows from what it is
        made of."""
        about = [travel.head["run"], self.seq, self.changed, name, 0 if sim else time.time_ns()]
        digest = hashlib.sha256(encode(about)).hexdigest()[:12]
        behind = 0 if sim else max(0, time.time_ns() - self._epoch(travel) - self.now)
        return {
            **travel.head,
            "journal": journal.VERSION,
            "version": journal.VERSION,
            "run": f"fork-{digest}",
            "program": travel.unit.bundle.hash,
            "order": travel.head.get("order", 0),
            "budget": travel.head.get("budget") or {},
            "runs": 1,
            "begun": begun,
            "behind": behind,
            "forked": [travel.head["run"], self.seq],
        }

    def _epoch(self, travel: Travel) -> int:
        """Return the beginning of the run by the clock as it was at the record: it may have been set meanwhile."""
        for event in reversed(self.events):
            if event[2] == "clock":
                return int(event[3])
            if event[2] == journal.SNAPSHOT:
                return int(event[3]["kernel"].get("epoch", travel.head["epoch"]))
        return int(travel.head["epoch"])


def with_reply(travel: Travel, seq: int, text: str) -> Fork:
    """Return a fork in which the call whose result is a record had another one. Raise NotPossible if it is no result of the world, or if the text does not
    have its type, and what `Travel.at` raises."""
    point, events = travel.point(seq, behind_step=False), _events(travel)
    event, record = events[point.event] if point.event < len(events) else None, point.record
    if (
        event is None
        or event[2] != "result"
        or record.get("call") != event[3]
        or record["kind"] not in ("result", "reply")
    ):
        _no_reply(travel, point, events)
    called = point.called.get(event[3])
    value = _value(None if called is None else called.call, text, point)
    changed = [*event[:4], value]
    kept = [*events[: point.event], _left(point), changed]
    return Fork(seq, seq, point.now, f"the reply {_short(text)}", kept, _answers(point, events, point.event + 1))


def with_message(travel: Travel, seq: int, channel: str, value: Any) -> Fork:
    """Return a fork into which another message comes. The value has the type of the channel. Raise what `Travel.at` raises."""
    said = f"the message {shorten(plain(value), 60)} on `{channel}`"
    point, events = travel.point(seq, behind_step=False), _events(travel)
    event = events[point.event] if point.event < len(events) else None
    if event is not None and point.record["kind"] == event[2] == "input":
        kept = [*events[: point.event], _left(point), [*event[:3], channel, value, *event[5:]]]
        return Fork(seq, seq, point.now, said, kept, _answers(point, events, point.event + 1))
    return _behind(travel, seq, events, said, "input", channel, value)


def with_parameter(travel: Travel, seq: int, name: str, value: Any) -> Fork:
    """Return a fork in which a parameter of the root has another value from a record on. Raise what `Travel.at` raises."""
    said = f"the parameter {name} = {shorten(plain(value), 60)}"
    root = travel.unit.bundle.coglets[travel.unit.bundle.root].name
    data = {"name": name, "value": value}
    return _behind(travel, seq, _events(travel), said, "steer", PARAMETER, root, data, {})


def _behind(travel: Travel, seq: int, events: list[Event], said: str, kind: str, *data: Any) -> Fork:
    """Return a fork with one more event behind the step of a record."""
    point = travel.point(seq, behind_step=True)
    if point.kernel.ended or point.kernel.root is None:
        raise NotPossible(f"the run had ended at record {seq}")
    end = point.event
    while end < len(events) and events[end][2] == "cut" and events[end][5] is None:
        end += 1
    at = [point.steps, point.now]
    known = {event[3] for event in events[:end] if event[2] == "call"}
    asked = [
        [*at, *event[2:]] for event in events[end:] if event[2] == "call" and event[3] in point.open.keys() - known
    ]
    kept = [*events[:end], *asked, _left(point), [*at, kind, *data]]
    return Fork(seq, point.last, point.now, said, kept, _answers(point, events, end))


def _events(travel: Travel) -> list[Event]:
    return journal.load(travel.path.read_bytes()).events


def _left(point: Point) -> Event:
    """Return the event `left`: all effects up to the point were carried out."""
    return [point.steps, point.now, "left", point.effects]


def _answers(point: Point, events: list[Event], first: int) -> dict[int, tuple[int, Any]]:
    """Return the results of the calls under way that came later, with their instants."""
    found: dict[int, tuple[int, Any]] = {}
    for event in events[first:]:
        call = point.open.get(event[3]) if event[2] == "result" else None
        if call is None:
            continue
        made = call.call
        if isinstance(made, Ask) or (isinstance(made, Call) and made.program.kind in _OUTSIDE):
            found[event[3]] = event[1], event[4]
    return found


def _no_reply(travel: Travel, point: Point, events: list[Event]) -> NoReturn:
    """Say of a record that is no reply of the world what it is, and which one would be."""
    record = point.record
    said = f"record {record['seq']} is no reply: it is a record of the kind `{record['kind']}`"
    if record["kind"] in ("call", "ask", "dispatch"):
        said = f"record {record['seq']} is a call, and not its reply"
    elif record["kind"] in ("result", "reply"):
        said = f"record {record['seq']} is the result of an agent, which follows from the replies that it got"
    near = _reply_near(travel, int(record["seq"]), record.get("call") if record["kind"] in ("call", "ask") else None)
    raise NotPossible(f"{said}; {near}" if near else said)


def _reply_near(travel: Travel, seq: int, call: Any) -> str:
    """Return which record is the reply to a call, or the last reply before a record and the first one behind it, in words."""
    before = after = own = 0

    def take(records: list[dict[str, Any]]) -> None:
        nonlocal before, after, own
        for record in records:
            if record["kind"] not in ("reply", "result"):
                continue
            number = int(record["seq"])
            own = own or (number if call is not None and record.get("call") == call else 0)
            before = number if number < seq else before
            after = after or (number if number > seq else 0)

    travel.write(take)
    if own:
        return f"its reply is record {own}"
    match [number for number in (before, after) if number]:
        case [one, other]:
            return f"the nearest replies are record {one} and record {other}"
        case [one]:
            return f"the nearest reply is record {one}"
        case _:
            return "the run has no replies"


def _value(call: Call | Ask | Dispatch | None, text: str, point: Point) -> Any:
    """Return a reply to a call. Raise NotPossible if it does not have the type of its result."""
    if not isinstance(call, Call | Ask):
        raise NotPossible(f"record {point.record['seq']} is what a dispatcher says of an agent, which cannot be given")
    number = result_number(call, point.kernel)
    wanted = types.STRING if number is None else call.unit.validators.types[number]
    try:
        if isinstance(call, Ask):
            if number is not None:
                Answer(call.unit, number).read(text)
            return counted(answered(text), call.request)
        value = text if wanted == types.STRING else _parsed(text)
        return value if number is None else call.unit.validators.check(number)(value)
    except Failure as failure:
        name = call.program if isinstance(call, Ask) else call.program.name
        raise NotPossible(
            f"the reply of `{name}` is {types.show(wanted)}, and `{_short(text)}` is none: {failure.message}"
        ) from None


def _short(text: str) -> str:
    """Return a text as somebody has written it, or its beginning."""
    return text if len(text) <= 60 else f"{text[:59]}…"


def _parsed(text: str) -> Any:
    """Return the value of a text: that of its JSON, or the text itself."""
    from cogc.run.json_text import read_words  # as commands read words

    return read_words(text, "the reply")

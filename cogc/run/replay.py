"""A replay: the events of a journal, handed in to a new kernel at the steps at which they entered the recorded one.

`replay` does three things for each event. It lets the kernel work up to the step of the event. It takes the effects that have come
meanwhile, and compares the calls among them with those of the journal. Then it hands the event in. A call that differs, or an event
that is refused, is a `Divergence`: the program, or this version of cogc, does not do what the recorded run did.

Most events are messages from outside, a million of them in a long run. For these the kernel drives the replay: `Kernel.follow` asks
`_Replay.script` for the next step to reach, so that one loop of the kernel takes the messages of many events. Somebody who looks
between two steps, and a journal with steps that were cut short, need each stretch as a run of the kernel's own.

A step that was cut short (at the end of its time, or by a signal) ended where the work of it was looked at. The event `cut` says at
which look. `Door.cuts` makes the kernel end the step there again; one that is still in that table when its step is over is a departure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import NoReturn, TypeAlias

from cogc import built
from cogc.kernel import disturb
from cogc.kernel.effects import Effect
from cogc.kernel.machine import Kernel
from cogc.kernel.restoring import Misfit, restore
from cogc.kernel.unit import Unit
from cogc.language.values import Failure
from cogc.run.journal import SNAPSHOT, Event, Outward, digest, gist, is_whole, name_of, place_of

Taken: TypeAlias = Callable[[list[Effect]], object]
"""Called with the effects of each stretch."""
Notes: TypeAlias = Mapping[str, Callable[..., object]]
"""The functions that take the data of notes, by their kinds."""
Entered: TypeAlias = Callable[[int, Event], object]
"""Called with the record in the trace of a message from outside, and with its event."""
Look: TypeAlias = Callable[[int], object]
"""Called between two steps of a replay, with the index of the event that is due next."""

_PORTION = 500
"""How many steps a replay makes between two looks: as many as a run makes between two looks at the world."""
_OPEN = ("told", "hosted", "order", "unit", "steer", "progress", "test")
"""The events whose form depends on what they say: the part of the kernel that takes them knows it."""


class Divergence(Exception):
    """A replay asks for another call than the recorded one."""


def begin_with(kernel: Kernel, event: Event) -> list[Outward]:
    """Give a new kernel the state of a snapshot. Return the calls under way. Raise Divergence if it does not fit the program."""
    try:
        return restore(kernel, event[3]["kernel"])
    except (Misfit, KeyError, TypeError) as error:
        raise Divergence(f"the snapshot with which the journal begins does not fit: {error}") from None


def replay(
    kernel: Kernel,
    events: list[Event],
    taken: Taken | None = None,
    goes_on: bool = False,
    notes: Notes | None = None,
    skipped: int = 0,
    look: Look | None = None,
    entered: Entered | None = None,
) -> None:
    """Hand the events of a journal in to a new kernel, which those that are `skipped` have led to. `taken` is called with the effects
    after each stretch, `notes` with what a service has noted, `look` between steps, `entered` for each message from outside.

    Raise Divergence if the kernel asks for another call than the recorded one, does not ask for one that is recorded, refuses an
    event that was taken, or goes on where a step was cut short. A journal without an end is replayed up to its last event: up to the
    first call that it does not have, unless the run `goes_on` from there.
    """
    if events and events[0][2] == SNAPSHOT and not skipped:
        begin_with(kernel, events[0])
        events, skipped = events[1:], skipped + 1
    course = _Replay(kernel, events, skipped, goes_on, taken, look)
    kernel.door.cuts = {}
    if course.follows:
        kernel.follow(course.script(notes, entered))
    else:
        list(course.script(notes, entered))  # which yields nothing
    if course.whole:
        kernel.run()
    if course.whole or goes_on:
        course.take()


class _Replay:
    """The events of a journal on their way into a kernel."""

    def __init__(
        self,
        kernel: Kernel,
        events: list[Event],
        skipped: int,
        goes_on: bool,
        taken: Taken | None,
        look: Look | None,
    ) -> None:
        others = [e for e in events if e[2] not in ("input", "time")]  # a small part of a long journal of messages
        self.kernel, self.events, self.skipped = kernel, events, skipped
        self.goes_on, self.taken, self.look = goes_on, taken, look
        self.calls = {e[3]: e for e in others if e[2] == "call"}
        """The recorded calls by their numbers."""
        self.whole = is_whole(events)
        self.has_cuts = any(e[2] == "cut" for e in others)
        self.follows = look is None and not self.has_cuts
        """True if the kernel drives. Else each stretch is a run of its own: the place of a cut is counted from its begin."""

    def script(self, notes: Notes | None, entered: Entered | None) -> Iterator[int]:
        """Hand the events in. Before each, yield the step that the kernel has to reach first, if it `follows`.

        This is the loop of a replay: a journal may have millions of events.
        """
        kernel, events, look, follows, has_cuts = self.kernel, self.events, self.look, self.follows, self.has_cuts
        cuts = kernel.door.cuts
        for due, event in enumerate(events, self.skipped):
            steps, kind = event[0], event[2]
            if look is not None and not cuts:
                look(due)
            if kind == "cut":
                self._run_to(steps, due)
                if event[5] is not None:  # of the loop, which comes by there when the next event is due
                    self._cut(event)
                continue
            behind = kernel.steps < steps
            if behind and follows:
                while not kernel.ended:
                    yield steps
                    if kernel.steps >= steps or not kernel.busy:
                        break
            elif behind:
                self._run_to(steps, due)
                if cuts:
                    self._not_cut()
            if notes is not None and kind in notes:
                notes[kind](*event[3:])
                continue
            if not behind and kernel.busy:
                if follows:
                    yield steps
                else:
                    kernel.run(0)
                if look is not None:
                    look(due)
            if kernel.effects or kernel.trace is not None:
                if not self.take() and not self.goes_on:
                    return
            if has_cuts:
                self._cut_behind(due)
            if kind == "input":  # most events of a run
                try:
                    record = kernel.input(event[3], event[4])
                except Failure as failure:
                    raise _refused(event, due + 2, failure) from None
                if entered is not None:
                    entered(record, event)
            elif kind == "time":
                kernel.advance(event[1])
            elif kind == "end":
                return
            elif kind == "call":
                self._came(event)
            else:
                _enter(kernel, event, due + 2)
            if cuts:
                self._not_cut()

    def take(self) -> bool:
        """Take the kernel's effects. Return False if a call among them lies behind the last event of a journal without an end."""
        effects, self.kernel.effects = self.kernel.effects, []
        known = True
        for effect in effects:
            if isinstance(effect, Outward):
                recorded = self.calls.get(effect.id)
                if recorded is None and not self.whole:
                    known = False
                elif recorded is None or recorded[4] != digest(effect):
                    raise Divergence(_departure(effect, recorded))
        if self.taken is not None and (known or self.goes_on):
            self.taken(effects)
        return known

    def _came(self, event: Event) -> None:
        """Raise Divergence if an event belongs to a call that the kernel has not asked for."""
        if event[3] >= self.kernel.next_call:
            raise Divergence(
                f"call {event[3]} does not come\n  expected  `{event[5]}` of {event[6]}: {event[7]}{_at(event)}"
            )

    def _run_to(self, steps: int, due: int) -> None:
        """Let the kernel take messages up to a step of the recording. A step that is cut short ends a portion, as it did then."""
        kernel, look = self.kernel, self.look
        if look is not None and not kernel.door.cuts:
            while kernel.steps < steps and not kernel.ended:
                kernel.run(min(_PORTION, steps - kernel.steps))
                look(due)
                if not kernel.busy:
                    break
            look(due)
        while kernel.steps < steps and not kernel.ended:
            kernel.run(steps - kernel.steps)
            if not kernel.busy:
                break
        _ = kernel.busy  # a kernel whose order is picked takes note here that an instant is over

    def _cut(self, event: Event) -> None:
        """Have the kernel cut a step short where the recorded run did."""
        cut, looks = event[3:5]
        assert self.kernel.door.cuts is not None
        self.kernel.door.cuts[looks] = cut

    def _cut_behind(self, due: int) -> None:
        """Have the kernel cut short what the event that is due leads to, as the cuts that follow that event say."""
        next_one = due - self.skipped + 1
        while next_one < len(self.events):
            event = self.events[next_one]
            if event[2] != "cut" or event[5] is not None:
                return
            self._cut(event)
            next_one += 1

    def _not_cut(self) -> NoReturn:
        """Raise Divergence for a step that was cut short when it was recorded."""
        kernel = self.kernel
        assert kernel.door.cuts
        raise Divergence(
            f"by step {kernel.steps}, a step ends that was {next(iter(kernel.door.cuts.values()))} when it was recorded"
        )


def _enter(kernel: Kernel, event: Event, line: int) -> None:
    """Hand an event that is neither a message from outside nor a time in to a kernel. Raise Divergence if it is refused, or does not have its form."""
    try:
        _hand_in(kernel, event)
    except Failure as failure:
        raise _refused(event, line, failure) from None
    except (LookupError, TypeError, AttributeError, ValueError) as unfit:
        if event[2] not in _OPEN:
            raise
        raise Divergence(f"line {line}: a {event[2]} does not have its form: {unfit}") from None


def _hand_in(kernel: Kernel, event: Event) -> None:
    """Hand an event that is neither a message from outside nor a time in to a kernel."""
    kind, *data = event[2:]
    match kind:
        case "start":
            kernel.persisted = {(p, n): v for p, n, v in data[1]}
            kernel.start(data[0])
        case "result":
            kernel.result(*data)
        case "told":
            with suppress(Failure):  # what was refused then is refused again
                kernel.reported(*data)
        case "hosted":
            kernel.hosted(*data)
        case "steer":
            with suppress(Failure):
                kernel.steer(*data)
        case "unit":
            kernel.adopt(data[0], Unit(built.decode(data[1].encode())))
        case "order":
            with suppress(Failure):
                kernel.order(*data)
        case "progress":
            kernel.progress(*data)
        case "delta":
            kernel.delta(*data)
        case "stop":
            kernel.stop()
        case "resumed":
            kernel.resumed(*data)
        case "clock":
            kernel.set_clock(*data)
        case "revived":
            kernel.revive(*data)
        case "test":
            act, path, *of = data
            inst = kernel.outer.find(path)
            if inst is None:
                raise LookupError(f"there is no coglet {path}")
            disturb.act(kernel, act, inst, *of)


def _refused(event: Event, line: int, failure: Failure) -> Divergence:
    """Return the error for an event that was taken when it was recorded, and is refused now."""
    return Divergence(f"line {line}: a {event[2]} that was taken is refused: {failure.message}")


def _departure(call: Outward, known: Event | None) -> str:
    """Describe a divergence: the expected call, the call that came, and the places of their programs in the spec."""
    lines = [f"call {call.id} is another one"]
    lines.append(
        "  expected  " + ("no call" if known is None else f"`{known[5]}` of {known[6]}: {known[7]}{_at(known)}")
    )
    lines.append(f"  came      `{name_of(call)}` of {call.path}: {gist(call)}")
    at = place_of(call)
    return "\n".join([*lines, *([f"  at        {at}"] if at else [])])


def _at(event: Event) -> str:
    """Return the place of a recorded call in its spec, as a line of a report. Versions before 5 have none."""
    return f"\n  then at   {event[8]}" if len(event) > 8 and event[8] else ""

"""A run that goes on where another process left it: its kernel is made again from the journal, and what was under way is begun again.

The order of events.

1. If the journal has a snapshot, the kernel gets the state of the last one, and the shell what it knew then (`snapshots.py`). The events of
   the journal behind it, or else all of them, are handed in to the new kernel (`replay.replay`). Nothing is carried out meanwhile. What the effects
   say is taken note of: the calls that were begun, the messages of the root, the answers of scripts that were used up.
2. The tables of the shell are made again: claimed items are held, plans are held. Messages from outside were counted where they entered, and
   those with a key have their waits for a reply again. A service makes
   its own ones again, from the notes of the journal and the answers to orders (`Carrier.notes`, `Orders.on_recall`). Calls of exports
   for which nobody waits any more are given up.
3. Coglets in Python whose object cannot be loaded start anew (`revived`), each as an event of the journal.
4. Time has passed (`resumed`): timers that came due meanwhile fire.
5. What is left are the effects that have to leave now. Those that had not left for certain are carried out again. Calls without a
   result are begun again under their numbers, or fail if their program wants that (`on_resume: fail`). Those of a fork whose result is known
   get it at its instant.

The invariants. A call whose result is in the journal is never begun. A call that the journal does not have was never begun, since
calls are written down first: it is begun like any other. What happens in 3 and 4 is in the journal behind what was there, so that
a run can be resumed any number of times.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from cogc.kernel import claims
from cogc.kernel.effects import Ask, Call, Cancel, Dispatch, Effect, OrderDone, OrderNews, Output
from cogc.kernel.objects import FAILED, STARTING, STOPPED, STOPPING, Instance
from cogc.language.codec import packed
from cogc.language.values import Failure
from cogc.run.carrying import LEAVING, Carrier
from cogc.run.delayed import Message, Reply
from cogc.run.journal import Event, Outward, Recording, last_snapshot
from cogc.run.replay import Divergence, begin_with, replay
from cogc.run.snapshots import take_up

FAIL = "fail"
"""The `on_resume` of a program that is not begun again."""


class Resumed(msgspec.Struct):
    """The words that the effects of a replay have said.

    `open` has the calls without a result, `since` their instants, `again` the effects that may not have left. `left` is
    how many had left for certain, `count` how many there were. `recorded` are the calls that the journal has. `plans` has the calls that
    began or saved a plan, with the plan that was saved, `revived` the paths of coglets in Python that started anew.
    """

    left: int
    recorded: set[int]
    open: dict[int, Outward] = {}
    since: dict[int, int] = {}
    again: list[Effect] = []
    plans: dict[int, Any] = {}
    count: int = 0
    begun_again: int = 0
    revived: list[str] = []


def resume(carrier: Carrier, recording: Recording) -> Resumed:
    """Give the kernel of a session that has not begun the state of a recording, and leave the effects that have to leave now.

    Raise `Divergence` if the program of the session departs from the recording.
    """
    start = last_snapshot(recording.events)
    events = recording.events[start + 1 :]
    others = [e for e in events if e[2] not in ("input", "time")]  # a small part of a long journal of messages
    found = Resumed(_left(others), {e[3] for e in others if e[2] == "call"})
    if start >= 0:
        _begin_with(carrier, found, recording.events[start])
    door, trace = carrier.kernel.door, carrier.kernel.trace
    poll, told, door.poll, door.told = door.poll, door.told, None, None
    if trace is not None:
        trace.quiet = not _is_read(carrier, events)
    try:
        replay(
            carrier.kernel,
            events,
            partial(_taken, carrier, found),
            goes_on=True,
            notes=carrier.notes,
            skipped=start + 1,
            entered=carrier.entries.entered_before,
        )
    finally:
        door.poll, door.told, door.cuts = poll, told, None
        if trace is not None:
            trace.quiet = False
    _count(carrier, others)
    for act in carrier.on_resumed:
        act()
    carrier.orders.give_up()
    _save_states(carrier)
    _hold(carrier, found, others)
    _revive(carrier, found, others)
    _pass_time(carrier)
    _taken(carrier, found, _drained(carrier))
    _begin_again(carrier, found)
    return found


def _is_read(carrier: Carrier, events: list[Event]) -> bool:
    """Return whether anybody takes the records of a replay: a file, a listener, or a message with a key, whose reply is found by them."""
    if carrier.sinks.trace is not None or carrier.options.on_records is not None:
        return True
    taps = carrier.taps
    return bool(taps.tails or taps.listeners or taps.led) or any(e[2] == "input" and len(e) > 6 for e in events)


def _begin_with(carrier: Carrier, found: Resumed, event: Event) -> None:
    """Begin with a snapshot: of the kernel, of what the shell knew, and of the calls under way."""
    calls = begin_with(carrier.kernel, event)
    try:
        since = take_up(carrier, event[3]["shell"])
    except (KeyError, TypeError, ValueError) as error:
        raise Divergence(f"the snapshot with which the journal begins does not fit: {error}") from None
    for call in sorted(calls, key=lambda call: call.id):
        if isinstance(call, Call):
            _recall(carrier, found, call)  # it may not have been carried out by then
        found.open[call.id] = call
        found.since[call.id] = since.get(call.id, carrier.kernel.now)
        found.recorded.add(call.id)
    found.count = carrier.carried
    found.left = max(found.left, found.count)


def _left(events: list[Event]) -> int:
    """Return how many effects had left for certain."""
    return next((e[3] for e in reversed(events) if e[2] == "left"), 0)


def _drained(carrier: Carrier) -> list[Effect]:
    effects, carrier.kernel.effects = carrier.kernel.effects, []
    return effects


def _taken(carrier: Carrier, found: Resumed, effects: list[Effect]) -> None:
    """Take note of what effects say, without carrying them out. The trace comes first, as in a run: replies are found by it."""
    if carrier.kernel.trace is not None:
        carrier.write_trace()
    for effect in effects:
        match effect:
            case Call() | Ask() | Dispatch():
                found.open[effect.id] = effect
                found.since[effect.id] = carrier.kernel.now
                if isinstance(effect, Ask):
                    carrier.recall(effect)
                elif isinstance(effect, Call):
                    _recall(carrier, found, effect)
            case Cancel(id=call):
                found.open.pop(call, None)
            case OrderDone(number=number) | OrderNews(number=number):
                if number in carrier.orders.open:  # of somebody who waits again
                    found.again.append(effect)
                else:
                    carrier.orders.recall(effect)
            case Output():
                carrier.note_output(effect)
        if found.count >= found.left and isinstance(effect, LEAVING):
            found.again.append(effect)
        found.count += 1


def _recall(carrier: Carrier, found: Resumed, call: Call) -> None:
    """Take note of what a call has used up, or made."""
    program = call.program
    if program.kind == "human":
        carrier.executors.settings.people.recall(program.name, call.id)
    elif program.kind == "plan store" and program.argument == "open":
        found.plans[call.id] = None
    elif program.kind == "plan store" and program.argument == "save":
        found.plans[call.id] = next(iter(call.arguments.values()))


def _count(carrier: Carrier, events: list[Event]) -> None:
    """Count the orders that came from outside, and give the messages of the command line that had not entered."""
    for event in events:
        if event[2] == "order":
            carrier.orders.recorded(*event[3:])
        elif event[2] == "unit":
            carrier.orders.adopted(event[3], carrier.kernel.outer.units[event[3]])
    options = carrier.options
    waiting = [(0, *item) for item in options.inputs]
    waiting += sorted(options.later, key=lambda item: item[0])
    for instant, channel, value in waiting[carrier.entries.given :]:
        carrier.delays.add(instant, Message(channel, value, given=True))


def _save_states(carrier: Carrier) -> None:
    """Save the states that are kept for a later run: the last of them may not have been saved."""
    states = carrier.sinks.states
    if states is not None:
        states.replace(carrier.kernel.persisted)


def _hold(carrier: Carrier, found: Resumed, events: list[Event]) -> None:
    """Hold the items of queues on which coglets are at work, and the plans of this run."""
    for event in events:
        if event[2] == "result" and event[3] in found.plans and not isinstance(event[4], Failure):
            plan = found.plans[event[3]]
            carrier.executors.plans.hold(packed(event[4] if plan is None else plan))
    for unit, queue, claim in claims.at_work(carrier.kernel):
        carrier.executors.claims.hold((unit, queue), claim)


def _revive(carrier: Carrier, found: Resumed, events: list[Event]) -> None:
    """Start coglets in Python anew whose objects cannot be loaded."""
    kernel, coglets = carrier.kernel, carrier.executors.coglets
    for event in events:
        if event[2] == "saved":
            path, given, state = event[3:]
            carrier.objects[path] = given, state
        elif event[2] == "revived":
            carrier.objects.pop(event[3], None)
    coglets.saved.update(carrier.objects)
    if kernel.root is None:
        return
    for inst in _in_python(kernel.root):
        if _loads(inst) and inst.path in coglets.saved:
            continue
        coglets.saved.pop(inst.path, None)
        if not inst.gate & (STARTING | STOPPING | STOPPED | FAILED):
            carrier.note("revived", inst.path)
            kernel.revive(inst.path)
            found.revived.append(inst.path)


def _in_python(inst: Instance) -> list[Instance]:
    """Return the coglets in Python that a spec declares, from a coglet downwards; none below another one."""
    if inst.code.ir.python:
        return [inst]
    return [found for member in inst.members() for found in _in_python(member)]


def _loads(inst: Instance) -> bool:
    """Return whether the object of a coglet may be loaded: it has made no children."""
    return not any(slot.brief for slot in (inst.children or {}).values())


def _pass_time(carrier: Carrier) -> None:
    """Let the time pass in which nobody ran."""
    kernel = carrier.kernel
    now = carrier.resumes_at()
    carrier.note("resumed", now)
    if kernel.root is not None and not kernel.ended:
        kernel.resumed(now)


def _begin_again(carrier: Carrier, found: Resumed) -> None:
    """Leave those effects in the kernel that have to be carried out now."""
    kernel = carrier.kernel
    calls: list[Effect] = []
    for call in sorted(found.open):
        effect = found.open[call]
        if call not in kernel.calls:
            continue
        if call in carrier.options.answers:
            instant, value = carrier.options.answers[call]
            carrier.delays.add(max(instant, kernel.now), Reply(call, value))
            continue
        if call in found.recorded:
            if isinstance(effect, Call) and effect.program.on_resume == FAIL:
                failure = Failure(
                    "resume", f"`{effect.program.name}` was under way when the run ended, and is not begun again"
                )
                carrier.outside.results.append((call, failure))
                continue
            carrier.executors.claims.again.add(call)
            found.begun_again += 1
        calls.append(effect)
    carrier.since = {call: found.since[call] for call in found.open}
    kernel.effects = [*found.again, *calls]
    carrier.carried = found.count - len(kernel.effects)

"""Snapshots: the state of a kernel as data, from which another kernel goes on as this one would have.

**The model.** Most of a kernel is data: states, parameters, counts, inboxes, memories of modifiers, rounds of joins, budgets,
random numbers. Routes follow from the program and from who is there, so they are made again (`wiring.wire`). What is
no data is a suspended generator: a reaction, a hook or a conversation that waits in the middle of its body. A reaction that waits is led to its wait
again by what it was given and what was done to it, with its conversations (`courses.py`, `following.py`). Where anything else waits inside of a body, no snapshot can be written: `obstacle`
says what. `trial.taken` tries each snapshot before it is written. Between two snapshots a run is replayed.

**What may be there in a snapshot.** Messages that wait for their turn. Timers: `every` and `after`, those of `debounce` and `batch`, those
of methods in Python. Consumers of queues: their generators stand at one of two places, and are led there again
(`queues.attend_again`), under the number of the call. Reactions and `else`s that wait, with their conversations, also for budgets, sessions, effects (`once`) and the
end of a pause, and with what their coglets have put off meanwhile. Coglets that
have stopped. Coglets of any unit that orders have created, open ones too, with the links between them (`added.py`).

**What may not.** Any other generator, and what depends on one. Coglets that are failed, starting or stopping, or parked.
Coglets that code in Python has made while the system ran, and orders that have not ended, other than calls. Kernels whose order of events is searched (`explore/`).

**Form.** A dict of JSON values and values of the language (`language/codec.py`). Everything is named: states, parameters
and channels by their names, reactions by number and name. So a snapshot fits a program that has changed as long as all
that it names is there, and each value has the type that it has now; otherwise `restoring.restore` raises Misfit with the place.

**The invariants.**

- `written` changes nothing.
- A kernel that is restored goes on byte for byte like the one of which the snapshot was written, in effects and in the snapshots that
  follow. Only its trace shows each state whole when it is set the next time, since whoever reads it does not know the value before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cogc.ir import QUEUE
from cogc.kernel import added, courses, queues
from cogc.kernel.joins import Join
from cogc.kernel.machine import Kernel
from cogc.kernel.objects import AWAITING, BACKLOG, CLOSED, HELD, STOPPED, Activity, Instance, Port, Slot, Waiter
from cogc.kernel.reactions import Memory

if TYPE_CHECKING:
    from cogc.kernel.models.partial import Partial
    from cogc.kernel.program import Handler
    from cogc.kernel.timers import Timer
    from cogc.kernel.unit import CogletCode

FORM = 4
"""The form of the snapshots that are written. Older ones are read too: in those of the form 3 no effects were under way, and nobody had done anything to a reaction that waited; in those of the form 2 reactions waited for the calls of programs alone, in
those of the form 1 nothing waited inside of a body."""
_LAST = 16
"""How many of the last messages are kept for the report of a failure."""
NUMBERS = ("now", "steps", "outputs", "cause", "next_call", "serial", "skipped")
"""The numbers of a kernel that a snapshot has as they are."""
COUNTERS = ("letters", "restarts", "unheard")
"""The counters of `Losses` that a snapshot has as they are."""
Data = dict[str, Any]


# ---- what stands in the way ------------------------------------------------------------------------------------


def obstacle(kernel: Kernel) -> str:
    """Return what keeps a snapshot from being written now, or nothing."""
    if not kernel.is_kept:
        return "the order of events is picked"
    if kernel.root is None or kernel.ended:
        return "the system has ended"
    if kernel.ready or kernel.hot or kernel.effects or kernel.parked:
        return "a step is not over"
    claims = 0
    for inst in instances(kernel.root):
        found, own = _odd(inst)
        if found:
            return found
        claims += own
    if len(kernel.calls) != claims:
        return "a hook waits for a call"
    return _odd_tables(kernel) or _odd_timers(kernel) or _odd_messages(kernel)


def instances(inst: Instance) -> Iterator[Instance]:
    """Yield a coglet and all below it, each before its children."""
    left = [inst]
    while left:
        inst = left.pop()
        yield inst
        if inst.children is not None:
            for slot in reversed(inst.children.values()):
                left += reversed(slot.members.values())


def excess(kernel: Kernel, most: int) -> int:
    """Return about how many bytes a snapshot would have for reactions that wait, beside their answers, or more than `most` if it is more."""
    found = 0
    for inst in instances(kernel.root) if kernel.root is not None else ():
        for root in courses.roots(inst):
            found += courses.excess(root, most - found)
            if found > most:
                return found
    return found


def _odd(inst: Instance) -> tuple[str, int]:
    """Return what of a coglet cannot be written, or nothing, and how many items of queues it waits for."""
    if inst.gate & STOPPED:
        return ("", 0) if not inst.activities else (f"`{inst.path}` has not ended", 0)
    if inst.gate & ~(HELD | BACKLOG | AWAITING) or inst.urgent or inst.failure is not None:
        return f"`{inst.path}` is at work: {inst.status()}", 0
    if any(slot.brief and not slot.alone for slot in (inst.children or {}).values()):
        return f"`{inst.path}` has coglets that no spec declares", 0
    claims = 0
    for activity in inst.activities or ():
        odd = "" if queues.is_consumer(activity) else courses.obstacle(activity)
        if odd:
            name = activity.handler.name if activity.handler is not None else "a hook"
            return f"`{inst.path}` waits in {name}, and {odd}", 0
        claims += len(activity.calls)
    waits = (*(inst.backlog or ()), *(inst.rest or ()))
    # a coglet that is free goes on with its rest in a turn of its own, which is picked and is nowhere written
    if (inst.rest and not inst.gate & CLOSED) or any(_named(item[0]) is None for item in waits):
        return f"a step of `{inst.path}` waits for its turn", 0
    return "", claims


def _odd_tables(kernel: Kernel) -> str:
    """Return what of the tables of a kernel cannot be written, or nothing."""
    opened, outer, models = kernel.opened, kernel.outer, kernel.models
    if any(key not in unit.bundle.coglets for unit, key in opened.codes) or opened.created:
        return "code in Python has made coglets"
    if opened.opaque:
        return "an object in Python has gone from one coglet to another one"
    if not outer.are_calls():
        return "an order is under way"
    if models.sandbox is not None:
        return "it is a run of a dispatcher"
    if not _are_led(models.waiting) or not all(
        _are_led([s.waiter for s in sharers]) for *_, sharers in kernel.once.under_way()
    ):
        return "a hook waits for another one"
    for inst in instances(kernel.root) if kernel.root is not None else ():
        own = models.known_agent(inst)
        if own is None:
            continue
        if own.detached:
            return f"an agent of `{inst.path}` goes on behind the conversation that has started it"
        if not all(map(_are_led, (own.holding, *own.sessions.values()))):
            return f"a hook of `{inst.path}` waits for another one"
    return ""


def _are_led(waiting: list[Waiter]) -> bool:
    """Return whether all that wait in a list are parts of reactions that keep a course."""
    return all(waiter.activity.root is not None for waiter in present(waiting))


def present(waiting: list[Waiter]) -> list[Waiter]:
    """Return those of a list that wait in it still."""
    return [waiter for waiter in waiting if waiter.activity.alive and waiter.activity.turn == waiter.turn]


def _odd_timers(kernel: Kernel) -> str:
    """Return which timer cannot be written, or nothing."""
    for bucket in kernel.timers.buckets.values():
        for timer in bucket:
            if timer.function is not None and (timer.what is None or _port_of(timer) is None):
                inst = timer.first.inst if isinstance(timer.first, Port) else timer.first
                return f"`{inst.path}` waits for a time"
    return ""


def _port_of(timer: Timer) -> list[Any] | None:
    """Return what names the port of a timer's messages, an empty list for a timer without one, or None if it has no name."""
    if timer.what is None or timer.what[0] in ("tick", "python"):
        return []
    port = timer.what[2]
    return [] if port is None else _named(port)


def _odd_messages(kernel: Kernel) -> str:
    """Return which message that waits cannot be written, or nothing."""
    named: dict[Port, bool] = {}
    for port, _, _ in kernel.messages:
        known = named.get(port)
        if known is None:
            known = named[port] = _named(port) is not None
        if not known:
            return f"a step of `{port.inst.path}` waits for its turn"
    return ""


def _named(port: Port) -> list[Any] | None:
    """Return what names a port: its coglet, and its place there. None for a port of the kernel's own."""
    inst = port.inst
    if port.own or port.capacity == 0:
        return None
    for key, known in (inst.ports or {}).items():
        if known is port:
            return [inst.path, "port", key]
    for number, memory in (inst.extra or {}).items():
        if isinstance(memory, Join) and port in memory.keys:
            return [inst.path, "join", number, list(memory.keys[port])]
    if len(port.handlers) == 1 and port.handlers[0] in inst.code.every:
        return [inst.path, "tick", port.handlers[0].key, *([True] if _is_of_earlier_timer(port) else [])]
    return None


def _is_of_earlier_timer(port: Port) -> bool:
    """Return whether a port is that of an `every` from before a restart: a message that waits there makes no new tick be skipped."""
    [handler] = port.handlers
    if handler.trigger.kind == "after":
        return False
    armed = [timer.first for timer in port.inst.timers or () if timer.what == ("tick",)]
    return any(known is not port and known.handlers[0] is handler for known in armed)


# ---- writing ---------------------------------------------------------------------------------------------------


def written(kernel: Kernel) -> Data:
    """Return the state of a kernel. `obstacle` must have returned nothing."""
    assert kernel.root is not None
    return {**beside(kernel), "tree": _tree(kernel.root), "waits": list(_waits(kernel.root))}


def beside(kernel: Kernel) -> Data:
    """Return the state of a kernel beside its coglets and what goes on in them."""
    assert kernel.root is not None
    found: Data = {"form": FORM, **{name: getattr(kernel, name) for name in NUMBERS}}
    found["epoch"] = kernel.epoch
    found["seq"] = 0 if kernel.trace is None else kernel.trace.seq
    found["losses"] = [
        kernel.losses.failures,
        list(kernel.losses.hooks),
        *({k: n for k, n in getattr(kernel.losses, name).items() if n} for name in COUNTERS),
    ]
    found["persisted"] = [[path, name, value] for (path, name), value in kernel.persisted.items()]
    found["streams"] = [
        [path, use, [state[0], list(state[1]), state[2]]]
        for (path, use), state in ((key, stream.getstate()) for key, stream in kernel.streams.items())
    ]
    found["once"] = [
        [program, effect, value, added.digest(kernel, unit)] for (unit, program, effect), value in kernel.once.results()
    ]
    found["under_way"] = [
        [call, added.digest(kernel, unit), program, effect, _places([s.waiter for s in sharers])]
        for call, (unit, program, effect), sharers in kernel.once.under_way()
    ]
    found["handles"] = list(kernel.handles.items())
    found["added"] = added.written(kernel)
    found["causes"] = [[call, cause] for call, cause in kernel.opened.causes.items() if cause]
    found["models"] = _models(kernel)
    found["timers"] = list(_timers(kernel))
    found["claims"] = list(_claims(kernel.root))
    found["unsettled"] = [
        [inst.path, *claim, channel] for inst, claims in kernel.unsettled.items() for claim, channel in claims.items()
    ]
    places = {port: _named(port) for port in {port for port, _, _ in kernel.messages}}
    found["messages"] = [[places[port], value, cause, *known] for (port, value, cause), known in kernel.queued()]
    found["ordering"] = kernel.ordering()
    found["last"] = [
        None if port.own else [port.inst.path, port.label, value] for port, value, _ in list(kernel.ring)[-_LAST:]
    ]
    return found


def _tree(inst: Instance) -> Data:
    """Return a coglet and all below it."""
    return {**own(inst), "children": [_slot(inst.kernel, slot) for slot in (inst.children or {}).values()]}


def own(inst: Instance) -> Data:
    """Return a coglet without those below it."""
    spec = inst.code.ir
    return {
        "index": inst.index,
        "serial": inst.serial,
        "stopped": bool(inst.gate & STOPPED),
        "behind": bool(inst.gate & BACKLOG),
        "parameters": dict(zip((p.name for p in spec.parameters), inst.parameters, strict=True)),
        "states": dict(zip((s.name for s in spec.states), inst.states, strict=True)) if inst.states else {},
        "restarts": list(inst.restarts or ()),
        "outs": [[made.name, made.count, made.muted] for made in inst.outs if made is not None],
        "ports": [[key, p.label, p.fill, p.capacity, _member(p)] for key, p in (inst.ports or {}).items()],
        "extra": [
            [number, memory.handler.name, "join", _join(memory)]
            if isinstance(memory, Join)
            else [number, handlers_of(inst.code)[number].name, "memory", _memory(memory)]
            for number, memory in (inst.extra or {}).items()
            if isinstance(memory, Join | Memory)
        ],
    }


def _slot(kernel: Any, slot: Slot) -> Data:
    return {
        **({"made": added.slot(kernel, slot)} if slot.alone else {}),
        "name": slot.name,
        "next": slot.next_index,
        "cursor": slot.cursor,
        "highest": slot.highest,
        "grown": list(slot.grown),
        "items": slot.items,
        "members": [_tree(member) for member in slot.members.values()],
    }


def _member(port: Port) -> list[Any] | None:
    """Return the child whose messages come to a port: its name and its index."""
    member = port.member
    return None if member is None else [member.name, member.index]


def _memory(memory: Any) -> Data:
    return {
        "batch": list(memory.batch),
        "latest": memory.latest,
        "seen": list(memory.seen.items()),
        "recent": list(memory.recent),
        "count": memory.count,
        "running": memory.running,
        "waiting": [[list(arguments), event, cause] for arguments, event, cause in memory.waiting],
    }


def _join(join: Join) -> Data:
    return {
        "ports": [[list(key), p.fill, _member(p), join.keys.get(p) == key] for key, p in join.ports.items()],
        "rounds": [
            [[list(k) for k in r.members], [[list(k), value, r.causes[k]] for k, value in r.got.items()]]
            for r in join.rounds
        ],
    }


def handlers_of(code: CogletCode) -> dict[int, Handler]:
    """Return the reactions of a coglet by their numbers."""
    tables = (code.observers, code.errors, code.commands)
    lists = [handlers for table in tables for handlers in table.values()]
    found = [*lists, code.joins, code.every, code.ticks, code.on_start, code.on_stop]
    return {handler.key: handler for handlers in found for handler in handlers}


def _timers(kernel: Kernel) -> Iterator[list[Any]]:
    """Yield the timers in the order in which they fire."""
    for when in sorted(kernel.timers.buckets):
        for timer in kernel.timers.buckets[when]:
            if timer.function is None:
                continue
            assert timer.what is not None
            kind, *what = timer.what
            if kind == "tick":
                port = timer.first
                yield [when, kind, port.inst.path, port.handlers[0].key, port.handlers[0].name, timer.second]
            elif kind == "python":
                yield [when, kind, timer.first.path, *what]
            elif kind in ("timeout", "alarm", "await"):
                yield [when, kind, timer.first.path, *_place(what[0])]
            else:
                handler = what[0]
                yield [when, kind, timer.first.path, handler.key, handler.name, _port_of(timer)]


def _claims(root: Instance) -> Iterator[list[Any]]:
    """Yield the consumers of queues: the call by which each waits for an item, or 0 if it waits until one is settled; coglet, queue and cause."""
    found = []
    for inst in instances(root):
        for activity in inst.activities or ():
            if queues.is_consumer(activity):
                call = next(iter(activity.calls), 0)
                found.append([call, inst.path, str(activity.event).removeprefix(QUEUE), activity.cause])
    yield from sorted(found)


def _waits(root: Instance) -> Iterator[list[Any]]:
    """Yield what goes on in each coglet at work: its reactions that wait for a call, the order of its activities, and the messages that it has put off."""
    for inst in instances(root):
        if inst.activities or inst.backlog or inst.rest:
            reactions = courses.roots(inst)
            if reactions or inst.backlog or inst.rest:
                yield [inst.path, [courses.written(a) for a in reactions], *order(inst)]


def order(inst: Instance) -> list[list[Any]]:
    """Return what names the activities of a coglet in their order, the messages that it has put off, and the activities that await a message."""
    return [
        [_place(a) if a.root is not None else [-1, next(iter(a.calls), 0)] for a in inst.activities or ()],
        [[_named(port), value, cause] for port, value, cause in inst.backlog or ()],
        [[_named(port), value, position, cause] for port, value, position, cause in inst.rest or ()],
        [_place(entry.activity) for entry in inst.awaits or ()],
    ]


def _place(part: Activity) -> list[int]:
    """Return what names a part of a reaction in its coglet: the place of the reaction, and the number of the part."""
    assert part.root is not None
    return [courses.roots(part.inst).index(part.root), part.number]


def _places(waiting: list[Waiter]) -> list[list[Any]]:
    """Return what names those that wait in a list: the coglet of each, and its place there."""
    return [[waiter.activity.inst.path, *_place(waiter.activity)] for waiter in present(waiting)]


def _heard(partial: Partial | None) -> list[Any]:
    """Return what has come of an answer that listeners get as values: the text, and how much of it was read."""
    return [] if partial is None else [partial.text, partial.read]


def _models(kernel: Kernel) -> Data:
    models = kernel.models
    agents = []
    assert kernel.root is not None
    there = {inst.path for inst in instances(kernel.root)} if models.shared else set()
    for inst in instances(kernel.root):
        own = models.known_agent(inst)
        if own is not None:
            names = None if own.kept is None else list(own.kept)
            sessions = [[name, _places(waiting)] for name, waiting in own.sessions.items()]
            state = [own.paused_at, own.paused_once, list(own.injected), own.started, names, sessions]
            agents.append([inst.path, *state, _places(own.holding)])
    return {
        "budget": models.budget.numbers(),
        "waiting": _places(models.waiting),
        "shared": [[path, budget.numbers()] for path, budget in models.shared.items() if path in there],
        "usages": [[*key, usage.numbers()] for key, usage in models.usages.items()],
        "registry": [record.value() for record in models.registry.records.values()],
        "agents": agents,
        "questions": list(models.questions),
        "heard": [[call, *_heard(models.partials.get(call))] for call in models.heard],
    }

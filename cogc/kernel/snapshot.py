"""Snapshots: the state of a kernel as data, from which another kernel goes on as this one would have.

**The model.** Most of a kernel is data: states, parameters, counts, inboxes, memories of modifiers, rounds of joins, budgets,
random numbers. Routes follow from the program and from who is there, so they are made again (`wiring.wire`). What is
no data is a suspended generator: a reaction, a hook or a conversation that waits in the middle of its body. A reaction that waits for the
call of a program is led to its wait again (`courses.py`). Where anything else waits inside of a body, no snapshot can be written: `obstacle`
says what. Between two snapshots a run is replayed.

**What may be there in a snapshot.** Messages that wait for their turn. Timers: `every` and `after`, those of `debounce` and `batch`, those
of methods in Python. Consumers of queues: their generators stand at one of two places, and are led there again
(`queues.attend_again`), under the number of the call. Reactions that wait for a call, with what their coglets have put off meanwhile. Coglets that
have stopped. Coglets of any unit that orders have created, with the links between them (`added.py`).

**What may not.** Any other generator, and what depends on one. Coglets that are failed, starting or stopping, or parked.
Coglets that code in Python has made while the system ran, and orders that have not ended. Kernels whose order of events somebody picks.

**Form.** A dict of JSON values and values of the language (`language/codec.py`). Everything is named: states, parameters
and channels by their names, reactions by number and name. So a snapshot fits a program that has changed as long as all
that it names is there, and each value has the type that it has now; otherwise `restore` raises Misfit with the place.

**The invariants.**

- `written` changes nothing.
- A kernel that is restored goes on byte for byte like the one of which the snapshot was written, in effects and in the snapshots that
  follow. Only its trace shows each state whole when it is set the next time, since whoever reads it does not know the value before.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from cogc.ir import QUEUE
from cogc.kernel import added, courses, kept, periods, python, queues, reactions, wiring
from cogc.kernel.joins import Join, Round
from cogc.kernel.machine import Kernel
from cogc.kernel.models.budget import Budget
from cogc.kernel.models.registry import AgentRecord
from cogc.kernel.objects import BACKLOG, HELD, STEP, STOPPED, Instance, Out, Port, Slot
from cogc.kernel.reactions import Memory
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc import ir
    from cogc.kernel.effects import Call
    from cogc.kernel.program import Handler
    from cogc.kernel.timers import Timer
    from cogc.kernel.unit import CogletCode

FORM = 2
"""The form of the snapshots that are written. Those of the form 1 are read too: nothing waited in them inside of a body."""
_LAST = 16
"""How many of the last messages are kept for the report of a failure."""
_NUMBERS = ("now", "steps", "outputs", "cause", "next_call", "serial", "skipped")
_COUNTERS = ("letters", "restarts", "unheard")
Data = dict[str, Any]


class Misfit(ValueError):
    """A snapshot that does not fit the program, or that is none."""


# ---- what stands in the way ------------------------------------------------------------------------------------


def obstacle(kernel: Kernel) -> str:
    """Return what keeps a snapshot from being written now, or nothing."""
    if type(kernel) is not Kernel:
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
    """Yield a coglet and all below it."""
    yield inst
    if inst.children is not None:
        for slot in inst.children.values():
            for member in slot.members.values():
                yield from instances(member)


def _odd(inst: Instance) -> tuple[str, int]:
    """Return what of a coglet cannot be written, or nothing, and how many items of queues it waits for."""
    if inst.gate & STOPPED:
        return ("", 0) if not inst.activities else (f"`{inst.path}` has not ended", 0)
    if inst.gate & ~(HELD | BACKLOG) or inst.urgent or inst.awaits or inst.failure is not None:
        return f"`{inst.path}` is at work: {inst.status()}", 0
    if inst.code.ir.open or any(slot.brief and not slot.alone for slot in (inst.children or {}).values()):
        return f"`{inst.path}` has coglets that no spec declares", 0
    claims = 0
    for activity in inst.activities or ():
        odd = "" if queues.is_consumer(activity) else courses.obstacle(activity)
        if odd:
            name = activity.handler.name if activity.handler is not None else "a hook"
            return f"`{inst.path}` waits in {name}, and {odd}", 0
        claims += len(activity.calls)
    for item in (*(inst.backlog or ()), *(inst.rest or ())):
        if _named(item[0]) is None:
            return f"a step of `{inst.path}` waits for its turn", 0
    return "", claims


def _odd_tables(kernel: Kernel) -> str:
    """Return what of the tables of a kernel cannot be written, or nothing."""
    opened, outer, models = kernel.opened, kernel.outer, kernel.models
    if opened.codes or opened.hosted or opened.listeners or opened.opaque or any(opened.sent.values()):
        return "code in Python has made coglets"
    if outer.pending or outer.unstarted or outer.sinks:
        return "an order is under way"
    if kernel.handles or kernel.once.busy or (len(kernel.units) > 1 and kernel.once.results()):
        return "an effect is at work, or is kept beside those of another program"
    if models.waiting or models.questions or models.spending or models.partials or models.sandbox is not None:
        return "a model is asked"
    for inst in instances(kernel.root) if kernel.root is not None else ():
        own = models.known_agent(inst)
        if own is not None and (own.talks or own.holding or own.detached or own.sessions):
            return f"`{inst.path}` talks to a model"
    return ""


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
        return [inst.path, "tick", port.handlers[0].key]
    return None


# ---- writing ---------------------------------------------------------------------------------------------------


def written(kernel: Kernel) -> Data:
    """Return the state of a kernel. `obstacle` must have returned nothing."""
    assert kernel.root is not None
    found: Data = {"form": FORM, **{name: getattr(kernel, name) for name in _NUMBERS}}
    found["seq"] = 0 if kernel.trace is None else kernel.trace.seq
    found["losses"] = [
        kernel.losses.failures,
        list(kernel.losses.hooks),
        *({k: n for k, n in getattr(kernel.losses, name).items() if n} for name in _COUNTERS),
    ]
    found["persisted"] = [[path, name, value] for (path, name), value in kernel.persisted.items()]
    found["streams"] = [
        [path, use, [state[0], list(state[1]), state[2]]]
        for (path, use), state in ((key, stream.getstate()) for key, stream in kernel.streams.items())
    ]
    found["once"] = kernel.once.results()
    found["added"] = added.written(kernel)
    found["models"] = _models(kernel)
    found["tree"] = _tree(kernel.root)
    found["timers"] = list(_timers(kernel))
    found["claims"] = list(_claims(kernel.root))
    found["unsettled"] = [
        [inst.path, *claim, channel] for inst, claims in kernel.unsettled.items() for claim, channel in claims.items()
    ]
    found["waits"] = list(_waits(kernel.root))
    places = {port: _named(port) for port in {port for port, _, _ in kernel.messages}}
    found["messages"] = [[places[port], value, cause] for port, value, cause in kernel.messages]
    found["last"] = [
        None if port.own else [port.inst.path, port.label, value] for port, value, _ in list(kernel.ring)[-_LAST:]
    ]
    return found


def _tree(inst: Instance) -> Data:
    """Return a coglet and all below it."""
    spec = inst.code.ir
    return {
        "index": inst.index,
        "serial": inst.serial,
        "stopped": bool(inst.gate & STOPPED),
        "parameters": dict(zip((p.name for p in spec.parameters), inst.parameters, strict=True)),
        "states": dict(zip((s.name for s in spec.states), inst.states, strict=True)) if inst.states else {},
        "restarts": list(inst.restarts or ()),
        "outs": [[made.name, made.count, made.muted] for made in inst.outs if made is not None],
        "ports": [[key, p.label, p.fill, p.capacity, _member(p)] for key, p in (inst.ports or {}).items()],
        "extra": [
            [number, memory.handler.name, "join", _join(memory)]
            if isinstance(memory, Join)
            else [number, _handlers(inst.code)[number].name, "memory", _memory(memory)]
            for number, memory in (inst.extra or {}).items()
            if isinstance(memory, Join | Memory)
        ],
        "children": [_slot(inst.kernel, slot) for slot in (inst.children or {}).values()],
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


def _handlers(code: CogletCode) -> dict[int, Handler]:
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
            elif kind == "timeout":
                yield [when, kind, timer.first.path, next(iter(what[0].calls))]
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
        reactions = [a for a in inst.activities or () if not queues.is_consumer(a)]
        backlog = [[_named(port), value, cause] for port, value, cause in inst.backlog or ()]
        rest = [[_named(port), value, position, cause] for port, value, position, cause in inst.rest or ()]
        if reactions or backlog or rest:
            order = [next(iter(a.calls), 0) for a in inst.activities or ()]
            yield [inst.path, [courses.written(a) for a in reactions], order, backlog, rest]


def _models(kernel: Kernel) -> Data:
    models = kernel.models
    agents = []
    assert kernel.root is not None
    there = {inst.path for inst in instances(kernel.root)}
    for inst in instances(kernel.root):
        own = models.known_agent(inst)
        if own is not None:
            names = None if own.kept is None else list(own.kept)
            agents.append([inst.path, own.paused_at, own.paused_once, list(own.injected), own.started, names])
    return {
        "budget": _budget(models.budget),
        "shared": [[path, _budget(budget)] for path, budget in models.shared.items() if path in there],
        "usages": [[*key, usage.numbers()] for key, usage in models.usages.items()],
        "registry": [record.value() for record in models.registry.records.values()],
        "agents": agents,
    }


def _budget(budget: Budget) -> list[Any]:
    return [budget.used_turns, budget.until, budget.usage.numbers()]


# ---- reading ---------------------------------------------------------------------------------------------------


def restore(kernel: Kernel, data: Data) -> list[Call]:
    """Give a new kernel the state of a snapshot. Return the calls that are under way, as effects.

    Raise Misfit if the snapshot does not fit the program of the kernel.
    """
    try:
        return _Reader(kernel).read(data)
    except Misfit:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise Misfit(f"it is no snapshot of this version of cogc ({type(error).__name__}: {error})") from None


class _Gone(Instance):
    """Stands for a coglet that is there no more, in the report of the last messages."""

    __slots__ = ("place",)
    place: str

    @property
    def path(self) -> str:
        return self.place


class _Reader:
    """The way from a snapshot to the state of a kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.known: dict[str, Instance] = {}
        self.ticks: dict[tuple[Instance, int], Port] = {}
        self.gone: dict[tuple[Instance, str, int], Instance] = {}

    def read(self, data: Data) -> list[Call]:
        kernel = self.kernel
        if data["form"] not in (1, FORM):
            raise Misfit("it is a snapshot of another version of cogc")
        for name in _NUMBERS:
            setattr(kernel, name, int(data[name]))
        if kernel.trace is not None:
            kernel.trace.seq = data["seq"]
        losses = kernel.losses
        losses.failures, losses.hooks, *counters = data["losses"]
        for name, counts in zip(_COUNTERS, counters, strict=True):
            getattr(losses, name).update(counts)
        kernel.persisted = {(path, name): value for path, name, value in data["persisted"]}
        for path, use, (version, numbers, gauss) in data["streams"]:
            kernel.stream(path, use).setstate((version, tuple(numbers), gauss))
        kernel.once.restore(kernel.unit, data["once"])
        added.adopt(kernel, data.get("added", {}))
        code = kernel.code(kernel.unit, kernel.first)
        kernel.root = self._instance(data["tree"], code, code.name, None, None)
        self._routes(kernel.root)
        wiring.sink_root(kernel, kernel.root)
        added.link(kernel, data.get("added", {}))
        if kernel.outer.active:
            for made in (made for inst in self.known.values() for made in inst.outs):
                if made is not None:
                    kernel.outer.join(made)
        for made in kernel.root.outs:
            if made is not None and made.muted:
                made.extra = None
        for path, id, token, channel in data.get("unsettled", ()):
            kernel.unsettled.setdefault(self._inst(path), {})[id, token] = channel
        calls = [call for waits in data.get("waits", ()) for call in self._wait(*waits)]
        for timer in data["timers"]:
            self._timer(*timer)
        self._models(data["models"])
        for place, value, cause in data["messages"]:
            port = self._port(place)
            kernel.messages.append((port, value, cause))
            if place[1] == "tick":
                port.fill = 1
        for said in data["last"]:
            path, label, value = said or ("", "", None)
            port = self._said(path, label)
            if said is None:
                port.handlers = STEP
            kernel.ring.append((port, value, 0))
        calls += [found for claim in data["claims"] if (found := self._claim(*claim)) is not None]
        for path, _, order, _, _ in data.get("waits", ()):
            self._inst(path).activities.sort(key=lambda a: order.index(next(iter(a.calls), 0)))  # type: ignore[union-attr]
        return calls

    # ---- coglets ---------------------------------------------------------------------------------------------

    def _instance(
        self, data: Data, code: CogletCode, name: str, parent: Instance | None, slot: Slot | None
    ) -> Instance:
        """Return a coglet with all below it, without routes."""
        inst = Instance(self.kernel, code, name, data["index"], parent, slot, [])
        self.known[inst.path] = inst
        inst.serial = data["serial"]
        inst.gate = STOPPED if data["stopped"] else 0
        checks = [check for check, _ in code.parameters]
        given, names = data["parameters"], [p.name for p in code.ir.parameters]
        inst.parameters = self._values(inst, "parameter", given, names, checks)
        if code.states:
            states = [partial(self._state, inst, s) for s in code.ir.states]
            inst.states = self._values(inst, "state", data["states"], [s.name for s in code.ir.states], states)
        elif data["states"]:
            raise Misfit(f"`{inst.path}` has no states any more")
        inst.restarts = list(data["restarts"]) or None
        inst.outs = [None] * len(code.transmit_names)
        for name, count, muted in data["outs"]:
            if name not in code.transmit_names:
                raise Misfit(f"`{inst.path}` has no transmit channel `{name}`")
            made = inst.outs[code.transmit_names.index(name)] = Out(inst, name)
            made.count, made.muted = count, muted
        self._children(inst, data["children"])
        self._ports(inst, data["ports"])
        self._extra(inst, data["extra"])
        return inst

    def _values(self, inst: Instance, what: str, given: Data, names: list[str], checks: list[Any]) -> list[Any]:
        """Return values in the order of their names, each as its type wants it."""
        for name in given:
            if name not in names:
                raise Misfit(f"`{inst.path}` has no {what} `{name}`")
        found = []
        for name, check in zip(names, checks, strict=True):
            if name not in given:
                raise Misfit(f"the {what} `{name}` of `{inst.path}` is new")
            try:
                found.append(check(given[name]))
            except Failure as wrong:
                raise Misfit(f"the {what} `{name}` of `{inst.path}`: {wrong.message}") from None
        return found

    def _state(self, inst: Instance, state: ir.StateDecl, given: Any) -> Any:
        """Return the value of a state; one that is kept from run to run is converted as at the begin of a run."""
        if state.conversion is None:
            return inst.code.unit.validators.check(state.type)(given)
        value, converted = kept.fitting(inst, state, given)
        key = inst.path, state.name
        if converted and key in self.kernel.persisted:
            self.kernel.persisted[key] = value
        return value

    def _children(self, inst: Instance, data: list[Data]) -> None:
        code = inst.code
        declared, made = [g for g in data if "made" not in g], [g for g in data if "made" in g]
        known, found = [child.spec.name for child in code.children], [given["name"] for given in declared]
        if found != known and found:
            odd = next((n for n in [*found, *known] if (n in found) != (n in known)), found[0])
            raise Misfit(f"the children of `{inst.path}` are others: `{odd}`")
        if not data:
            return
        inst.children = {}
        for number, (child, given) in enumerate(zip(code.children, declared, strict=True) if declared else ()):
            spec = child.spec
            own = self.kernel.code(code.unit, spec.coglet)
            self._slot(inst, Slot(spec.name, number, child, own, child.low is None and not child.each), given)
        for given in made:
            self._slot(inst, added.slot_again(self.kernel, given["name"], *given["made"]), given)

    def _slot(self, inst: Instance, slot: Slot, given: Data) -> None:
        """Give a coglet the children of one name."""
        assert inst.children is not None
        inst.children[slot.name] = slot
        slot.next_index, slot.cursor, slot.highest = given["next"], given["cursor"], given["highest"]
        slot.grown, slot.items = list(given["grown"]), given["items"]
        for member in given["members"]:
            slot.members[member["index"]] = self._instance(member, slot.code, slot.name, inst, slot)

    def _ports(self, inst: Instance, data: list[list[Any]]) -> None:
        code = inst.code
        for key, label, fill, capacity, member in data:
            overflow = "block"
            if member is None:
                if label not in code.listens:
                    raise Misfit(f"`{inst.path}` has no listen channel `{label}`")
                overflow = code.listens[label][1]
            made = Port(inst, label, tuple(code.observers.get(label, ())), capacity, overflow)  # type: ignore[arg-type]
            made.fill = fill
            made.member = None if member is None else self._child(inst, *member)
            if inst.ports is None:
                inst.ports = {}
            inst.ports[key] = made

    def _child(self, inst: Instance, name: str, index: int) -> Instance:
        """Return a child, or what stands for one that is there no more."""
        slot = (inst.children or {}).get(name)
        if slot is None:
            raise Misfit(f"`{inst.path}` has no child `{name}`")
        found = slot.members.get(index) or self.gone.get((inst, name, index))
        if found is None:
            found = self.gone[inst, name, index] = Instance(self.kernel, slot.code, name, index, inst, slot, [])
            found.gate = STOPPED
        return found

    def _extra(self, inst: Instance, data: list[list[Any]]) -> None:
        for number, name, kind, given in data:
            handler = self._handler(inst, -1 - number if kind == "join" else number, name)
            if inst.extra is None:
                inst.extra = {}
            inst.extra[number] = self._join(inst, handler, given) if kind == "join" else _remembered(given)

    def _handler(self, inst: Instance, number: int, name: str) -> Handler:
        """Return a reaction of a coglet by its number, if it has the name that it had."""
        found = _handlers(inst.code).get(number)
        if found is None or found.name != name:
            raise Misfit(f"`{inst.path}` has no reaction `{name}` at its place")
        return found

    def _join(self, inst: Instance, handler: Handler, data: Data) -> Join:
        join = Join(handler)
        for (number, index), fill, member, connected in data["ports"]:
            source = handler.trigger.ports[number]
            made = Port(inst, f"all({source.child + '.' if source.child else ''}{source.name})", (handler,))
            made.simple = None
            made.fill = fill
            made.member = None if member is None else self._child(inst, *member)
            join.ports[number, index] = made
            if connected:
                join.keys[made] = (number, index)
        for members, got in data["rounds"]:
            found = Round([(n, i) for n, i in members])
            for (n, i), value, cause in got:
                found.got[n, i], found.causes[n, i] = value, cause
            join.rounds.append(found)
        return join

    def _routes(self, inst: Instance) -> None:
        for member in inst.members():
            self._routes(member)
        wiring.wire(self.kernel, inst)

    # ---- what goes on ----------------------------------------------------------------------------------------

    def _inst(self, path: str) -> Instance:
        found = self.known.get(path)
        if found is None:
            raise Misfit(f"there is no `{path}`")
        return found

    def _port(self, place: list[Any]) -> Port:
        path, kind, *key = place
        inst = self._inst(path)
        if kind == "port":
            return (inst.ports or {})[key[0]]
        if kind == "tick":
            handler = _handlers(inst.code)[key[0]]
            found = self.ticks.get((inst, handler.key))
            if found is None:
                found = self.ticks[inst, handler.key] = periods.tick_port(inst, handler)
            return found
        join = (inst.extra or {})[key[0]]
        assert isinstance(join, Join)
        return join.ports[tuple(key[1])]

    def _timer(self, when: int, kind: str, path: str, *rest: Any) -> None:
        kernel, inst = self.kernel, self._inst(path)
        if kind == "python":
            method, period = rest
            python.arm(kernel, inst, method, period, when)
            return
        if kind == "timeout":
            reactions.limited(kernel, kernel.calls[rest[0]][0], when)
            return
        number, name, last = rest
        handler = self._handler(inst, number, name)
        fits = {"tick": handler in inst.code.every, "debounce": handler.debounce, "batch": handler.batch}
        if not fits.get(kind):
            raise Misfit(f"`{name}` of `{path}` waits for no time of the kind `{kind}` any more")
        if kind == "tick":
            self.ticks[inst, number] = periods.arm_again(kernel, inst, handler, last, when)
        elif kind == "debounce":
            reactions.debounced(kernel, inst, handler, self._port(last) if last else None, when)
        else:
            reactions.batched(kernel, inst, handler, self._port(last) if last else None, when)

    def _wait(
        self, path: str, waiting: list[Data], _order: list[int], backlog: list[Any], rest: list[Any]
    ) -> Iterator[Call]:
        """Lead the reactions of a coglet to the calls for which they wait, and give it the messages that it has put off. Yield the calls."""
        inst = self._inst(path)
        for data in waiting:
            handler = self._handler(inst, *data["reaction"])
            call = reactions.led(self.kernel, inst, handler, data)
            if call is None:
                raise Misfit(f"`{handler.name}` of `{path}`, which waits for a call, comes to another one now")
            yield call
        if backlog:
            inst.backlog = deque((self._port(place), value, cause) for place, value, cause in backlog)
            inst.gate |= BACKLOG
        if rest:
            inst.rest = deque((self._port(place), value, position, cause) for place, value, position, cause in rest)

    def _claim(self, call: int, path: str, queue: str, cause: int) -> Call | None:
        inst = self._inst(path)
        if f"{QUEUE}{queue}" not in inst.code.listens:
            raise Misfit(f"`{path}` does not listen to the queue `{queue}`")
        return queues.attend_again(self.kernel, inst, f"{QUEUE}{queue}", call, cause)

    def _models(self, data: Data) -> None:
        models = self.kernel.models
        _spent(models.budget, *data["budget"])
        for path, given in data["shared"]:
            _spent(models.budget_of(self._inst(path)), *given)
        for program, model, given in data["usages"]:
            models.usage(program, model).set(given)
        for record in data["registry"]:
            models.registry.register(AgentRecord(**record))
        for path, paused_at, paused_once, injected, started, names in data["agents"]:
            own = models.agent(self._inst(path))
            own.paused_at, own.paused_once, own.injected, own.started = paused_at, paused_once, injected, started
            own.kept = None if names is None else dict.fromkeys(names)

    def _said(self, path: str, label: str) -> Port:
        """Return a port for the report of the last messages."""
        assert self.kernel.root is not None
        inst = self.known.get(path)
        if inst is None:
            inst = _Gone(self.kernel, self.kernel.root.code, label, 0, None, None, [])
            inst.place = path
            inst.gate = STOPPED
        return Port(inst, label, ())


def _remembered(data: Data) -> Memory:
    found = Memory()
    found.batch, found.latest, found.count = data["batch"], data["latest"], data["count"]
    found.seen = OrderedDict((key, at) for key, at in data["seen"])
    found.recent = deque(data["recent"])
    found.running = data.get("running", 0)
    found.waiting = deque((tuple(arguments), event, cause) for arguments, event, cause in data.get("waiting", ()))
    return found


def _spent(budget: Budget, turns: int, until: int | None, usage: list[Any]) -> None:
    budget.used_turns, budget.until = turns, until
    budget.usage.set(usage)

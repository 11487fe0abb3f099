"""A kernel restored from a snapshot: `restore(kernel, data)`.

The tree of coglets is made first, with its states, inboxes and memories; then the routes, as for a coglet that is created
(`wiring.wire`); then what goes on: reactions that wait, timers, tables of models, messages, and claims of queues.
Everything is found by its name. A program that has changed gets the state of its predecessor as long as all that
the snapshot names is there, and each value has the type that it has now; otherwise `restore` raises Misfit with the place.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from cogc.ir import QUEUE
from cogc.kernel import added, courses, kept, periods, python, queues, reactions, requests, wiring
from cogc.kernel.following import Lost, alone, follow
from cogc.kernel.joins import Join, Round
from cogc.kernel.machine import Kernel
from cogc.kernel.models.registry import AgentRecord
from cogc.kernel.models.state import Question
from cogc.kernel.objects import BACKLOG, STEP, STOPPED, Instance, Out, Port, Slot, Waiter
from cogc.kernel.reactions import Memory
from cogc.kernel.snapshot import COUNTERS, FORM, NUMBERS, Data, handlers_of
from cogc.kernel.waits import CallProgram
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc import ir
    from cogc.kernel.effects import Ask, Call, Dispatch
    from cogc.kernel.objects import Activity
    from cogc.kernel.program import Handler
    from cogc.kernel.unit import CogletCode


class Misfit(ValueError):
    """A snapshot that does not fit the program, or that is none."""


def restore(kernel: Kernel, data: Data) -> list[Call | Ask | Dispatch]:
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
    """Stands for a coglet that no longer exists, in the report of the last messages."""

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
        self.absent: dict[str, Instance] = {}
        self.form = FORM

    def read(self, data: Data) -> list[Call | Ask | Dispatch]:
        kernel = self.kernel
        self.form = data["form"]
        if self.form not in range(1, FORM + 1):
            raise Misfit("it is a snapshot of another version of cogc")
        for name in NUMBERS:
            setattr(kernel, name, int(data[name]))
        kernel.epoch = data.get("epoch", kernel.epoch)  # an older snapshot has none: the clock could not be set then
        if kernel.trace is not None:
            kernel.trace.seq = data["seq"]
        losses = kernel.losses
        losses.failures, losses.hooks, *counters = data["losses"]
        for name, counts in zip(COUNTERS, counters, strict=True):
            getattr(losses, name).update(counts)
        kernel.persisted = {(path, name): value for path, name, value in data["persisted"]}
        for path, use, (version, numbers, gauss) in data["streams"]:
            kernel.stream(path, use).setstate((version, tuple(numbers), gauss))
        added.adopt(kernel, data.get("added", {}))
        kernel.opened.causes.update(data.get("causes", ()))
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
                made.lead_to(made.targets, None)
        for path, id, token, channel in data.get("unsettled", ()):
            kernel.unsettled.setdefault(self._inst(path), {})[id, token] = channel
        with alone(kernel):
            calls = [call for waits in data.get("waits", ()) for call in self._wait(*waits)]
        self._effects(data)
        for timer in data["timers"]:
            self._timer(*timer)
        self._models(data["models"])
        kernel.order_as(data.get("ordering"), self._found)
        for place, value, cause, *known in data["messages"]:
            kernel.put_back((self._port(place), value, cause), known, self._found)
        for said in data["last"]:
            path, label, value = said or ("", "", None)
            port = self._said(path, label)
            if said is None:
                port.handlers = STEP
            kernel.ring.append((port, value, 0))
        calls += [found for claim in data["claims"] if (found := self._claim(*claim)) is not None]
        for path, _, order, _, _, *awaits in data.get("waits", ()):
            self._order(path, order, awaits[0] if awaits else [])
        return calls

    # ---- coglets ---------------------------------------------------------------------------------------------

    def _instance(
        self, data: Data, code: CogletCode, name: str, parent: Instance | None, slot: Slot | None
    ) -> Instance:
        """Return a coglet with all below it, without routes."""
        inst = Instance(self.kernel, code, name, data["index"], parent, slot, [])
        self.known[inst.path] = inst
        inst.serial = data["serial"]
        inst.gate = STOPPED if data["stopped"] else BACKLOG if data.get("behind") else 0
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
        """Return a child, or a stand-in for one that no longer exists."""
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
        found = handlers_of(inst.code).get(number)
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

    def _found(self, path: str) -> Instance:
        """Return the coglet at a path, or a stand-in for one that no longer exists."""
        found = self.known.get(path) or self.absent.get(path)
        if found is None:
            found = self.absent[path] = self._gone(path)
        return found

    def _port(self, place: list[Any]) -> Port:
        """Return the port at a place, in which a message waits."""
        path, kind, *key = place
        inst = self._inst(path)
        if kind == "port":
            return (inst.ports or {})[key[0]]
        if kind == "tick":
            number, *of_earlier_timer = key
            handler = handlers_of(inst.code)[number]
            found = periods.tick_port(inst, handler) if of_earlier_timer else self._tick_port(inst, handler)
            found.fill = 1
            return found
        join = (inst.extra or {})[key[0]]
        assert isinstance(join, Join)
        return join.ports[tuple(key[1])]

    def _tick_port(self, inst: Instance, handler: Handler) -> Port:
        """Return the port of a timer, which is the same for its messages that wait."""
        if (inst, handler.key) not in self.ticks:
            self.ticks[inst, handler.key] = periods.tick_port(inst, handler)
        return self.ticks[inst, handler.key]

    def _timer(self, when: int, kind: str, path: str, *rest: Any) -> None:
        kernel, inst = self.kernel, self._inst(path)
        if kind == "python":
            method, period = rest
            python.arm(kernel, inst, method, period, when)
            return
        if kind == "timeout":
            reactions.limited(kernel, self._part(path, *rest), when)
            return
        if kind == "await":
            part = self._part(path, *rest)
            requests.overdue_at(kernel, next(e for e in inst.awaits or () if e.activity is part), when)
            return
        if kind == "alarm":
            requests.wake_at(kernel, self._part(path, *rest), when)
            return
        number, name, last = rest
        handler = self._handler(inst, number, name)
        fits = {"tick": handler in inst.code.every, "debounce": handler.debounce, "batch": handler.batch}
        if not fits.get(kind):
            raise Misfit(f"`{name}` of `{path}` waits for no time of the kind `{kind}` any more")
        if kind == "tick":
            periods.arm_again(kernel, self._tick_port(inst, handler), last, when)
        elif kind == "debounce":
            reactions.debounced(kernel, inst, handler, self._port(last) if last else None, when)
        else:
            reactions.batched(kernel, inst, handler, self._port(last) if last else None, when)

    def _wait(
        self, path: str, waiting: list[Data], _order: list[Any], backlog: list[Any], rest: list[Any], *_awaits: Any
    ) -> Iterator[Call | Ask | Dispatch]:
        """Lead the reactions of a coglet to the calls for which they wait, and give it the messages that it has put off. Yield the calls."""
        inst = self._inst(path)
        for data in waiting:
            handler = self._handler(inst, *data["reaction"])
            try:
                yield from follow(self.kernel, inst, handler, data if self.form > 2 else courses.of_form_2(data))
            except Lost as lost:
                why = f"`{handler.name}` of `{path}`, which waits for a call, comes to another one now"
                raise Misfit(f"{why}: {lost}") from None
        if backlog:
            inst.backlog = deque((self._port(place), value, cause) for place, value, cause in backlog)
            inst.gate |= BACKLOG
        if rest:
            inst.rest = deque((self._port(place), value, position, cause) for place, value, position, cause in rest)

    def _part(self, path: str, place: int, number: int = 0) -> Activity:
        """Return a part of a reaction. In snapshots of the form 2 the call for which the reaction waits is its place."""
        if self.form < 3:
            return self.kernel.calls[place][0]
        return courses.parts(courses.roots(self._inst(path))[place])[number]

    def _order(self, path: str, order: list[Any], awaits: list[Any]) -> None:
        """Put the activities of a coglet into the order that they had, and those that await a message."""
        inst = self._inst(path)
        if self.form < 3:
            inst.activities.sort(key=lambda a: order.index(next(iter(a.calls), 0)))  # type: ignore[union-attr]
            return
        found = [parts for root in courses.roots(inst) for parts in [courses.parts(root)]]
        claims = {next(iter(a.calls), 0): a for a in inst.activities or () if a.root is None}
        inst.activities = [claims[number] if place < 0 else found[place][number] for place, number in order]
        if inst.awaits:
            waiting = [found[place][number] for place, number in awaits]
            inst.awaits.sort(key=lambda entry: waiting.index(entry.activity))

    def _claim(self, call: int, path: str, queue: str, cause: int) -> Call | None:
        inst = self._inst(path)
        if f"{QUEUE}{queue}" not in inst.code.listens:
            raise Misfit(f"`{path}` does not listen to the queue `{queue}`")
        return queues.attend_again(self.kernel, inst, f"{QUEUE}{queue}", call, cause)

    def _effects(self, data: Data) -> None:
        """Keep the results of effects, and let those wait that wait for effects under way."""
        kernel = self.kernel
        for program, effect, value, *digest in data["once"]:
            kernel.once.keep((added.unit_of(kernel, *digest or [""]), program, effect), value)
        for call, digest, program, effect, places in data.get("under_way", ()):
            key = added.unit_of(kernel, digest), program, effect
            kernel.once.begun(key, call)
            for waiter in self._waiters(places):
                request = waiter.activity.request
                assert isinstance(request, CallProgram)
                kernel.once.shared(key, requests.sharer(kernel, waiter.activity, request))
        kernel.handles.update(data.get("handles", ()))

    def _waiters(self, places: list[Any]) -> list[Waiter]:
        """Return those that wait in a list, in the order in which they do."""
        found = [self._part(*place) for place in places]
        return [Waiter(part, part.turn) for part in found]

    def _models(self, data: Data) -> None:
        models = self.kernel.models
        models.waiting[:] = self._waiters(data.get("waiting", []))
        models.heard = {call: None for call, *_ in data.get("heard", ())}
        for call, *read in data.get("heard", ()):
            if call in models.partials:
                models.partials[call].go_on(*read)
        asked = models.questions
        models.questions = {id: asked.get(id) or Question(id) for id in data.get("questions", ())}
        models.usages.clear()
        models.registry.records.clear()
        models.budget.set(*data["budget"])
        shared, models.shared = models.shared, {}
        for path, given in data["shared"]:
            known = models.shared[path] = shared.get(path) or models.budget_of(self._inst(path))
            known.set(*given)
        for program, model, given in data["usages"]:
            models.usage(program, model).set(given)
        for record in data["registry"]:
            models.registry.register(AgentRecord(**record))
        for path, paused_at, paused_once, injected, started, names, *lists in data["agents"]:
            own = models.agent(self._inst(path))
            busy, holding = lists if self.form > 3 else ([[name, []] for name in (lists[0] if lists else ())], [])
            own.holding[:] = self._waiters(holding)
            own.sessions = {name: own.sessions.get(name, []) for name, _ in busy}
            for name, places in busy:
                own.sessions[name][:] = self._waiters(places)
            own.paused_at, own.paused_once, own.injected, own.started = paused_at, paused_once, list(injected), started
            own.kept = None if names is None else dict.fromkeys(names)

    def _said(self, path: str, label: str) -> Port:
        """Return a port for the report of the last messages."""
        return Port(self.known.get(path) or self._gone(path), label, ())

    def _gone(self, path: str) -> Instance:
        """Return a stand-in for a coglet that no longer exists."""
        assert self.kernel.root is not None
        inst = _Gone(self.kernel, self.kernel.root.code, path.rpartition("/")[2], 0, None, None, [])
        inst.place, inst.gate = path, STOPPED
        return inst


def _remembered(data: Data) -> Memory:
    found = Memory()
    found.batch, found.latest, found.count = data["batch"], data["latest"], data["count"]
    found.seen = OrderedDict((key, at) for key, at in data["seen"])
    found.recent = deque(data["recent"])
    found.running = data.get("running", 0)
    found.waiting = deque((tuple(arguments), event, cause) for arguments, event, cause in data.get("waiting", ()))
    return found

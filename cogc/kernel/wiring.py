"""Routes: links, observers and pools, resolved to tuples of ports before a message flows.

**The model.** An `Out` is an output channel of one coglet. Its `targets` are ports, to which a message is pushed; its
`extra` are functions, for routes where more than a push is needed: a relay to the parent's own channel, a pool whose `map`
chooses a member for each message, a link whose types are checked at run time, a feedback link. An emit walks both and
looks nothing up.

**Who owns a route.** Everything that a coglet's channels lead to is said by its parent: by its links, its reactions to
a child's channel, and its `on all`. So `wire(parent)` makes all routes inside of one coglet anew, and no route crosses
that border: a child's message leaves the parent only by a relay on the parent's own output.

**The invariants.**

- `wire` may be called at any time between two messages. Ports stay, with what waits in them; only `targets`, `extra` and
  `forwards` are made anew.
- The order of targets is the order of the text: links, then observers, then joins; within a pool by index.
- A listen channel with a link has `forwards`, to which `deliver` hands each message before the reactions run. Where one forward is
  all there is, it is the port's `simple` (`ports.shortcut`).
- A channel that `SuppressLet` silences is `muted`: it keeps its place and has no targets.

**When.** At creation, once for each coglet with children; when a pool that a route touches gets or loses a member; when
the set of silenced channels changes; after a restart, for the new children.

**A worked example.** `Main` has a pool `w` of two, `link self.go -> w.x` with the map `round_robin`, and `on w.y`.

1. `wire(Main)` finds the outputs that it touches: `y` of `w[0]` and of `w[1]`, and empties them.
2. The link begins at a listen channel, so `forwards["go"]` gets one function, which calls `send` with the pool.
3. The observer gives each member a port of its own in `Main.ports`, under `w[0].y` and `w[1].y`, with one label, `w.y`.
4. `grow` adds `w[2]` and wires again: the old two ports are found by their keys and stay, with the messages in them.
5. A message on `go`: the loop delivers it, the forward calls `send`, which takes the next live member of the pool and
   pushes the message to the port `x` of that member.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from cogc import ir
from cogc.kernel import joins
from cogc.kernel.losses import KINDS
from cogc.kernel.objects import STOPPED, STOPPING, Instance, Out, Port, Slot
from cogc.kernel.ports import add_target, observe_port, out, out_named, port, shortcut
from cogc.kernel.program import Handler
from cogc.language.functions import stable_key
from cogc.language.values import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cogc.kernel.state import State
    from cogc.language.values import Check, Function, Target, Value


def wire(kernel: State, parent: Instance) -> None:
    """Make all routes inside of a coglet anew."""
    if not parent.children and not parent.code.joins:  # an `on all` may gather the coglet's own channels
        return
    code = parent.code
    parent.forwards = None
    if code.links or code.observers or code.joins:
        _wire(kernel, parent)
    if kernel.outer.active:
        kernel.outer.join_listens(parent)


def _wire(kernel: State, parent: Instance) -> None:
    """Make the routes of a coglet that has some."""
    code = parent.code
    touched = _touched(parent)
    for made in touched:
        made.lead_to((), None)
        made.relays = ()
    for link, hash in code.links:
        _link(kernel, parent, link, hash)
    for child, channel, handlers in _observed(parent) if code.observers else ():
        _observe(parent, child, channel, tuple(handlers))
    for handler in code.joins:
        joins.wire(parent, handler)
    if parent.ports:
        for made_port in parent.ports.values():
            shortcut(made_port)
    for made in touched:
        if made.muted:
            made.lead_to((), None)
            made.relays = ()
        elif made.relays and not made.targets and len(made.extra or ()) == len(made.relays) and _reports(made):
            add_target(made, _listener(kernel, made))
        if kernel.outer.active:
            kernel.outer.join(made)


def rewire(kernel: State, parent: Instance) -> None:
    """Make the routes inside of a coglet that runs anew."""
    if parent.children:
        for made in _touched(parent):
            kernel.touch(made.inst)
    wire(kernel, parent)


def _observed(parent: Instance) -> Iterator[tuple[str, str, list[Handler]]]:
    """Yield each channel of a child to which a coglet reacts, with its reactions; those to own channels and queues are left out."""
    for source, handlers in parent.code.observers.items():
        child, _, channel = source.partition(".")
        if channel and not source.startswith(ir.QUEUE):
            yield child, channel, handlers


def _touched(parent: Instance) -> list[Out]:
    """Return the outputs of the children that this coglet links, observes or joins."""
    children, code = parent.children or {}, parent.code
    routed = code.routed
    if routed is None or code.ir.open:
        routed = code.routed = _routed(parent)
    return [out_named(m, name) for child, name in routed for m in children[child].members.values()]


def _routed(parent: Instance) -> tuple[tuple[str, str], ...]:
    """Return the channels of children that the code of a coglet links, observes or joins."""
    sources: set[tuple[str, str]] = set()
    for link, _ in parent.code.links:
        if link.source.child:
            sources.add((link.source.child, link.source.name))
    for child, channel, _handlers in _observed(parent):
        sources.add((child, channel))
    for handler in parent.code.joins:
        sources |= {(p.child, p.name) for p in handler.trigger.ports if p.child}
    return tuple(sorted(sources))


def members(parent: Instance, at: ir.Port) -> list[Instance]:
    """Return the coglets behind the child of a port."""
    assert parent.children is not None
    return list(parent.children[at.child].members.values())


def _link(kernel: State, parent: Instance, link: ir.LinkDecl, hash: Function | None) -> None:
    """Add the routes of one link."""
    if link.source.kind == "own_listen":
        if parent.forwards is None:
            parent.forwards = {}
        for target in _targets(kernel, parent, link, hash):
            parent.forwards.setdefault(link.source.name, []).append(target)
        return
    for member in members(parent, link.source):
        source = out_named(member, link.source.name)
        if link.target.kind == "own_transmit":
            source.relays = (*source.relays, out_named(parent, link.target.name))
        for target in _targets(kernel, parent, link, hash):
            add_target(source, target)


def _admitter(kernel: State, target: Port) -> Target:
    """Return the route of a feedback link, whose sender never waits."""
    return lambda value: kernel.admit(target, value)


def _targets(kernel: State, parent: Instance, link: ir.LinkDecl, hash: Function | None) -> list[Port | Target]:
    """Return the targets of a link: ports, or functions where more than a push is needed."""
    at = link.target
    check = None if link.type is None else parent.code.unit.validators.check(link.type)
    found: list[Port | Target] = []
    if at.kind == "own_transmit":
        found = [_relay(kernel, parent, parent.code.transmit_names.index(at.name))]
    elif at.kind == "own_listen":
        found = [port(parent, at.name)]
    else:
        assert parent.children is not None
        slot = parent.children[at.child]
        map = link.map or slot.spec.spec.map
        if slot.single or map == "broadcast":
            found = [port(m, at.name) for m in slot.members.values()]
            if not slot.single and not found:
                found = [lambda value: send(kernel, parent, slot, None, at.name, value, map, hash)]
        else:
            found = [lambda value: send(kernel, parent, slot, None, at.name, value, map, hash)]
    if check is not None:
        return [_checked(kernel, parent, t, check, link) for t in found]
    if link.feedback:
        return [_admitter(kernel, t) if isinstance(t, Port) else t for t in found]
    return found


def _relay(kernel: State, parent: Instance, number: int) -> Target:
    """Return the route from a child's output to the coglet's own output."""

    def relay(value: Value) -> None:
        emit = kernel.emit if kernel.trace is None else kernel.emit_traced
        emit(parent, number, value)

    return relay


def _reports(made: Out) -> bool:
    """Return whether a channel is the `failed` of an agent, a team, a plan or a definition of done."""
    return made.name == "failed" and made.inst.code.ir.kind in KINDS


def _listener(kernel: State, source: Out) -> Target:
    """Return a last target of a `failed` that only relays take: it says so where nobody listens to any of them."""

    def listen(value: Value) -> None:
        if not any(relay.heard for relay in source.relays):
            kernel.unheard_failure(source.inst, source, value)

    return listen


def _checked(
    kernel: State,
    parent: Instance,
    target: Port | Target,
    check: Check,
    link: ir.LinkDecl,
) -> Target:
    """Return a route that checks messages at run time, for a link whose types were not proved.

    A message that does not fit is a dead letter, and fails the coglet that made the link.
    """

    def checked(value: Value) -> None:
        try:
            fitting = check(value)
        except Failure as failure:
            reason = f"link to {link.target.child or 'self'}.{link.target.name}: {failure.message}"
            kernel.lose("type")
            if kernel.trace:
                kernel.trace.record("dead_letter", parent, port=link.target.name, reason="type", data=value)
            kernel.fail(parent, Failure("type", reason, link.at), "link", value)
            return
        kernel.hand_on(target, fitting)

    return checked


def _observe(parent: Instance, child: str, channel: str, handlers: tuple[Handler, ...]) -> None:
    """Give the parent an inbox for a channel of each member of a child."""
    assert parent.children is not None
    for member in parent.children[child].members.values():
        source = out_named(member, channel)
        add_target(source, observe_port(parent, member, channel, handlers))


def send(
    kernel: State,
    parent: Instance,
    slot: Slot,
    member: int | None,
    channel: str,
    value: Value,
    map: str = "",
    hash: Function | None = None,
) -> None:
    """Send to a child, as the pool's `map` (or the link's own) says."""
    if member is not None:
        kernel.push(port(slot.member(member), channel), value)
        return
    live = [m for m in slot.members.values() if not m.gate & (STOPPED | STOPPING)]
    if not live:
        _nobody(kernel, parent, slot, channel, value)
        return
    map = map or slot.spec.spec.map
    if slot.single or map == "broadcast":
        for m in live:
            kernel.push(port(m, channel), value)
    elif map == "scatter":
        if type(value) is not list or len(value) != len(live):
            size = len(value) if type(value) is list else "no list"
            raise Failure("error", f"`scatter` to {len(live)} members of `{slot.name}` takes as many items, not {size}")
        for m, item in zip(live, value, strict=True):
            kernel.push(port(m, channel), item)
    else:
        kernel.push(port(_pick(kernel, slot, live, map, channel, value, hash), channel), value)


def _pick(
    kernel: State,
    slot: Slot,
    live: list[Instance],
    map: str,
    channel: str,
    value: Value,
    hash: Function | None,
) -> Instance:
    """Return the member of a pool that gets a message."""
    if map == "hash":
        by = hash or slot.spec.hash
        assert by is not None
        key = stable_key(by(None if slot.code is None else live[0].parent, value))
        return live[zlib.crc32(key.encode()) % len(live)]
    if map == "idle":
        for m in live:
            kernel.touch(m)
            kernel.touch(port(m, channel))
        waiting = [port(m, channel).fill + (1 if m.gate & 1 else 0) for m in live]
        return live[waiting.index(min(waiting))]
    kernel.touch(slot)
    slot.cursor += 1
    return live[(slot.cursor - 1) % len(live)]


def _nobody(kernel: State, parent: Instance, slot: Slot, channel: str, value: Value) -> None:
    """Count a message for a child that has no living member."""
    reason = "stopped" if slot.single else "empty_pool"
    kernel.lose(reason)
    if kernel.trace:
        kernel.trace.record("dead_letter", parent, port=f"{slot.name}.{channel}", reason=reason, data=value)


def suppress(kernel: State, inst: Instance) -> None:
    """Silence the channels that the states of SuppressLet name, and let the others speak."""
    channels = inst.states[inst.code.ir.suppressed[0]]
    changed = False
    for number, name in enumerate(inst.code.transmit_names):
        made = out(inst, number)
        if made.muted != (name in channels):
            made.muted = name in channels
            changed = True
    if not changed:
        return
    if inst.parent is None:
        sink_root(kernel, inst)
        for made_out in inst.outs:
            if made_out is not None and made_out.muted:
                made_out.lead_to(made_out.targets, None)
    else:
        rewire(kernel, inst.parent)


def sink_root(kernel: State, root: Instance) -> None:
    """Send what the root transmits out of the system."""
    for number, name in enumerate(root.code.transmit_names):
        if not (name == "log" and root.code.ir.logged_from >= 0):  # people see it as a log, not as a result
            made = out(root, number)
            made.lead_to(made.targets, [_sink(kernel, name)])
            if kernel.outer.active:
                kernel.outer.join(made)


def _sink(kernel: State, name: str) -> Target:
    """Return the route of a channel of the root: out of the system."""
    return lambda value: kernel.output(name, value)

"""Orders: events from outside that are addressed to a coglet by its path, and tied to no call.

An order is `(number, action, data)`. It is refused by a Failure at once, or it ends later by one effect `OrderDone` with its
number: when the start that it has set off is over, when the message or command that it has brought is handled, when the
coglet has stopped. The answer is a value, or the Failure that came of it. A replay hands the same orders in again.

| action | data | ends |
| --- | --- | --- |
| `create` | parent, digest of a unit, key of a coglet, name, parameters, policy | when the start has ended |
| `call` | parent, digest, key, name, parameters, listen channel, value, channels | with the first message on the first of the channels; by a Failure with one on the second, a record with `kind` and `message` |
| `stop` | path | when the coglet has stopped |
| `link`, `unlink` | path, channel, path, channel | at once |
| `input` | path, listen channel, value | when its reaction has ended, or has gone to the background by `concurrent` |
| `transmit` | path, channel, value | at once: the value comes out of the coglet |
| `enact` | path, command, data | as `input` |

The unit of a `create` or `call` has been handed in before (`Kernel.adopt`); the empty digest stands for that of the root. A
`call` creates a coglet, starts it, and gives it the value. Messages on its further channels come out as effects `OrderNews`. Whoever
has called stops the coglet, also to give the call up. A coglet that was created by an order goes away when it
stops; if it fails, and its policy does not restart it, it stops alone.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from cogc import ir
from cogc.kernel import commands, creation, ports, supervision
from cogc.kernel.effects import OrderDone, OrderNews
from cogc.kernel.namespace import ABSENT
from cogc.kernel.objects import FAILED, STOPPED, STOPPING, Instance, Slot
from cogc.kernel.outer import Link
from cogc.language import types
from cogc.language.texts import is_internal, shown
from cogc.language.types import ANY, Type
from cogc.language.values import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from cogc.kernel.shapes import Policy
    from cogc.kernel.state import State
    from cogc.language.values import Check, Function, Value


def carry_out(kernel: State, number: int, action: str, data: list[Any]) -> None:
    """Carry out an order. Raise Failure if it is refused."""
    ORDERS[action](kernel, number, *data)


def _coglet(kernel: State, path: str) -> Instance:
    """Return a coglet that takes orders. Raise Failure if there is none at the path."""
    found = kernel.outer.find(path)
    if found is None or found.gate & (STOPPED | STOPPING):
        raise Failure("missing", f"there is no coglet `{path}`")
    return found


# ---- lives ---------------------------------------------------------------------------------------------------


def create(
    kernel: State, number: int, at: str, digest: str, key: str, name: str, given: dict[str, Value], policy: Policy
) -> None:
    """Create a coglet of a unit below another one, and start it."""
    inst = _made(kernel, at, digest, key, name, given, policy)
    outer = kernel.outer
    outer.await_end(inst, number, "start")
    _start(kernel, inst, lambda: outer.settle(inst, number, inst.path))


def _made(
    kernel: State, at: str, digest: str, key: str, name: str, given: dict[str, Value], policy: Policy
) -> Instance:
    """Create a coglet of a unit below another one."""
    parent = _coglet(kernel, at)
    if parent.gate & FAILED:
        raise Failure("error", f"`{at}` has failed")
    if not name or not name.replace("-", "").replace("_", "").isalnum() or name in (parent.children or {}):
        raise Failure("error", f"`{at}` cannot have a child `{name}`: the name is taken, or is none")
    unit = kernel.outer.units.get(digest) if digest else kernel.unit
    if unit is None or key not in unit.bundle.coglets:
        raise Failure("error", f"there is no coglet `{key}` in a unit `{digest}`")
    code = kernel.code(unit, key)
    arguments = creation.by_name(code, given)
    if parent.children is None:
        parent.children = {}
    spec = unit.policy(policy["restart"], policy["max_restarts"], policy["backoff"])
    slot = parent.children[name] = Slot(name, len(parent.children), spec, code, True)
    slot.brief = slot.alone = True
    try:
        inst = creation.add_member(kernel, parent, slot, arguments)
    except Exception as error:
        for made in slot.members.values():
            made.gate |= STOPPED
        del parent.children[name]
        raise code.failure(None, error) from None
    return inst


def _start(kernel: State, inst: Instance, then: Callable[[], None]) -> None:
    """Start a coglet and all below it, and act when the start has ended; a start that fails ends the coglet too."""
    kernel.outer.unstarted.add(inst)

    def ended() -> None:
        if not inst.gate & (FAILED | STOPPED):
            kernel.outer.unstarted.discard(inst)
            then()

    supervision.begin(kernel, inst, ended)


_ONCE: Policy = {"restart": "never", "max_restarts": 0, "backoff": 0}


def call(
    kernel: State, number: int, at: str, digest: str, key: str, name: str, given: dict[str, Value], listen: str,
    value: Value, channels: list[str],
) -> None:  # fmt: skip
    """Let a new coglet handle one message, and end with what it says."""
    inst = _made(kernel, at, digest, key, name, given, _ONCE)
    await_answer(kernel, inst, number, channels)

    def begin() -> None:
        kernel.cause = 0
        if kernel.trace:
            kernel.cause = kernel.trace.record("input", inst, cause=0, channel=shown(listen), data=value)
        kernel.admit(
            ports.port(inst, listen), inst.code.unit.checked(inst.code.listens[listen][2], value, f"`{listen}`")
        )

    _start(kernel, inst, begin)


def await_answer(kernel: State, inst: Instance, number: int, channels: list[str]) -> None:
    """Let a call wait for what its coglet says on the channels of its result and of its failure, and hear what it says on the others."""
    outer, (result, failed, *news) = kernel.outer, channels
    outer.await_end(inst, number, "call", channels)
    outer.sink(inst.path, result, lambda said: outer.settle(inst, number, said))
    outer.sink(inst.path, failed, lambda said: outer.settle(inst, number, _failure(said)))
    for channel in news:
        outer.sink(inst.path, channel, partial(_news, kernel, number, channel))


def _failure(said: Value) -> Failure:
    assert isinstance(said, dict)  # as the forms of exports declare it
    return Failure(str(said["kind"]), str(said["message"]))


def _news(kernel: State, number: int, channel: str, said: Value) -> None:
    kernel.effects.append(OrderNews(number, channel, said))


def stop(kernel: State, number: int, path: str) -> None:
    """Stop a coglet for good, children first."""
    inst = kernel.outer.find(path)
    if inst is None or inst.gate & STOPPED:
        raise Failure("missing", f"there is no coglet `{path}`")
    if inst is kernel.root:
        raise Failure("error", f"`{path}` is the root: it stops with the run")
    kernel.outer.await_end(inst, number, "stop")
    supervision.stop(kernel, inst)


# ---- links ---------------------------------------------------------------------------------------------------


def link(kernel: State, number: int, source: str, said: str, target: str, heard: str) -> None:
    """Link a channel of a coglet to a listen channel of another. A link whose types cannot fit is refused."""
    lay(kernel, Link(source, said, target, heard))
    kernel.effects.append(OrderDone(number, None))


def lay(kernel: State, link: Link) -> None:
    """Make a link. Raise Failure if it is refused."""
    said, heard = link.said, link.heard
    a, b = _coglet(kernel, link.source), _coglet(kernel, link.target)
    speaks, hears = _said(a, said), _heard(b, heard)
    how = types.fit(speaks, hears)
    if how == types.NO:
        words = f"`{said}` of {a.code.name} is `{types.show(speaks)}`, `{heard}` of {b.code.name} takes `{types.show(hears)}`"
        raise Failure("type", words)
    check: Check | None = None
    if how != types.EXACT:
        check = b.code.unit.validators.check(b.code.listens[heard][2])
    kernel.outer.link(link, check)
    if a.code.ir.open and said not in a.code.listens:
        ports.open_out(a, said)


def unlink(kernel: State, number: int, source: str, said: str, target: str, heard: str) -> None:
    """Remove a link that was made from outside."""
    if not kernel.outer.unlink(Link(source, said, target, heard)):
        raise Failure("missing", "link not found")
    kernel.effects.append(OrderDone(number, None))


def _said(inst: Instance, channel: str) -> Type:
    """Return the type of what comes out of a channel, or goes into a listen channel, from which a link may begin too."""
    code = inst.code
    declared = {t.name: t.type for t in code.ir.transmits} | {c.name: c.type for c in code.ir.listens}
    if channel in declared and not is_internal(channel):
        return code.unit.validators.types[declared[channel]]
    if code.ir.open and not is_internal(channel):
        return ANY
    raise Failure("type", _no_channel(inst, channel, "transmits", [t.name for t in code.ir.transmits]))


def _heard(inst: Instance, channel: str) -> Type:
    """Return the type of a listen channel."""
    code = inst.code
    if code.ir.open and not is_internal(channel):
        ports.open_listen(code, channel)
    if channel not in code.listens or is_internal(channel):
        raise Failure("type", _no_channel(inst, channel, "listens to", [c for c in code.listens if not is_internal(c)]))
    return code.unit.validators.types[code.listens[channel][2]]


def _no_channel(inst: Instance, channel: str, what: str, known: list[str]) -> str:
    names = ", ".join(f"`{n}`" for n in sorted(known)) or "nothing"
    return f"{inst.code.name} has no channel `{channel}` here: it {what} {names}"


# ---- messages and commands -----------------------------------------------------------------------------------


def input(kernel: State, number: int, path: str, channel: str, value: Value) -> None:
    """Bring a message to a listen channel of a coglet."""
    inst = _coglet(kernel, path)
    _heard(inst, channel)
    checked = inst.code.unit.checked(inst.code.listens[channel][2], value, f"`{channel}`")
    kernel.cause = 0
    if kernel.trace:
        kernel.cause = kernel.trace.record("input", inst, cause=0, channel=channel, data=checked)
    port = ports.port(inst, channel)
    if port.overflow == "block":
        kernel.admit(port, checked)  # whoever waits is outside
    else:
        kernel.push(port, checked)
    _await_turn(kernel, inst, number, checked)


def transmit(kernel: State, number: int, path: str, channel: str, value: Value) -> None:
    """Let a value come out of a coglet, as if it had transmitted it. An unknown name reaches links and taps of that name."""
    inst = _coglet(kernel, path)
    names, code = inst.code.transmit_names, inst.code
    kernel.cause = 0
    if channel in names and channel in [t.name for t in code.ir.transmits]:
        value = code.unit.checked(code.ir.transmits[names.index(channel)].type, value, f"`{channel}`")
    elif code.ir.open and not is_internal(channel):
        ports.open_out(inst, channel)
    else:
        kernel.outer.publish(path, channel, value)
        kernel.effects.append(OrderDone(number, None))
        return
    emit = kernel.emit if kernel.trace is None else kernel.emit_traced
    emit(inst, names.index(channel), value)
    if kernel.hot:
        kernel.press(inst)
    kernel.effects.append(OrderDone(number, None))


def enact(kernel: State, number: int, path: str, command: str, data: Value) -> None:
    """Give a coglet a command."""
    inst = _coglet(kernel, path)
    if inst.code.ir.open:
        ports.open_command(inst.code, command)
    handlers = inst.code.commands.get(command)
    if not handlers and not (command == "tick" and inst.code.ticks):
        known = ", ".join(f"`{n}`" for n in sorted(inst.code.commands)) or "none"
        raise Failure("missing", f"{inst.code.name} has no command `{command}`; its commands: {known}")
    arguments = _arguments(inst, command, handlers[0].reaction.parameters if handlers else [], data)
    assert kernel.root is not None
    kernel.cause = 0
    commands.command(kernel, kernel.root, inst, command, arguments)
    _await_turn(kernel, inst, number, tuple(arguments))


def _arguments(inst: Instance, command: str, parameters: list[ir.ParameterDecl], data: Value) -> list[Value]:
    """Return the arguments of a command: by name from a record, else the one argument. Raise Failure if they do not fit."""
    names = [p.name for p in parameters]
    needed = [p.name for p in parameters if p.default is None]
    by_name = isinstance(data, dict) and set(needed) <= data.keys() <= set(names)
    if not names or (data is None and not needed):
        given: dict[str, Value] = {}
    elif isinstance(data, dict) and by_name and (len(names) > 1 or not inst.code.ir.open):
        given = data
    elif len(needed) <= 1:
        given = {(needed or names)[0]: data}
    else:
        raise Failure("type", f"`{command}` takes {', '.join(names)}: give a record with them")
    unit = inst.code.unit
    return [
        unit.checked(p.type, given[p.name], f"`{p.name}` of `{command}`") if p.name in given else ABSENT
        for p in parameters
    ]


def _await_turn(kernel: State, inst: Instance, number: int, event: object) -> None:
    """End an order when the coglet has handled all that was sent to it before: behind the order's own event."""
    outer = kernel.outer
    outer.await_end(inst, number, "event", event)
    kernel.admit(ports.step(inst, "answer", lambda: outer.settle(inst, number, None)), None)


ORDERS: dict[str, Function] = {f.__name__: f for f in (create, call, stop, link, unlink, input, transmit, enact)}
"""The orders, by the word for it in the journal."""

"""Creation: a coglet, with its parameters, states and children, and the routes inside of it.

All coglets of a subtree are created first: parameters, states, children, then the routes inside of each. Nothing runs before
the whole subtree is there; `supervision` starts it. A coglet that restarts is filled again: it gets fresh states and fresh
children (`keep` and `persist` stay, and `pools` has the members that come back), while its inbox and its routes from outside stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cogc.kernel import kept, pools, wiring
from cogc.kernel.models import registry
from cogc.kernel.namespace import ABSENT
from cogc.kernel.objects import Instance, Slot
from cogc.kernel.program import ChildCode
from cogc.kernel.unit import CogletCode
from cogc.language.limits import outside_pool
from cogc.language.meter import Interrupted
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc import ir
    from cogc.kernel.state import State
    from cogc.language.values import Value


def make_root(kernel: State, parameters: dict[str, Value]) -> Instance:
    """Create the root coglet and all below it, without starting them."""
    code = kernel.code(kernel.unit, kernel.first)
    given = by_name(code, parameters)
    root = Instance(kernel, code, code.name, 0, None, None, [])
    root.parameters = _parameters(root, given)
    kernel.root = root
    try:
        _register(kernel, root)
        fill(kernel, root)
    except Interrupted:
        kernel.root = None  # nothing of a system that is half made may run, not even an `on stop`
        raise
    wiring.sink_root(kernel, root)
    return root


def by_name(code: CogletCode, parameters: dict[str, Any]) -> list[Any]:
    """Order parameters that are given by name; a Failure names one that the coglet does not have."""
    names = [p.name for p in code.ir.parameters[: code.ir.own_parameters]]
    for name in parameters:
        if name not in names:
            raise Failure("error", f"`{code.name}` has no parameter `{name}`")
    return [parameters.get(n, pools.UNSET) for n in names]


def _parameters(inst: Instance, given: list[Value]) -> list[Value]:
    """Set and return the parameters of a coglet: the given ones, else their defaults, which may use those before
    them."""
    values: list[Value] = []
    inst.parameters = values
    for i, (check, default) in enumerate(inst.code.parameters):
        value = given[i] if i < len(given) else pools.UNSET
        if value is not pools.UNSET:
            try:
                values.append(check(value))
            except Failure as wrong:
                named = f"the parameter `{inst.code.ir.parameters[i].name}`: {wrong.message}"
                raise Failure(wrong.kind, named, wrong.at) from None
        elif default is not None:
            values.append(default(inst))
        else:
            name = inst.code.ir.parameters[i].name
            raise Failure("error", f"`{inst.code.name}` needs the parameter `{name}`")
    return values


def _register(kernel: State, inst: Instance) -> None:
    """Give a coglet its serial number, and announce its creation."""
    kernel.serial += 1
    inst.serial = kernel.serial
    if kernel.trace:
        kernel.trace.record("create", inst, -1, coglet=inst.code.name, **_origin(inst))
    if inst.code.ir.kind == "agent":
        registry.created(kernel.models.registry, inst)


def _origin(inst: Instance) -> dict[str, str]:
    """Return what names the program of a coglet in the trace, unless it is that of its parent: the file of its spec, and the digest."""
    unit = inst.code.unit
    if inst.parent is not None and inst.parent.code.unit is unit:
        return {}
    bundle, at = unit.bundle, inst.code.ir.at
    file = bundle.positions[at][0] if at < len(bundle.positions) else ""
    return {key: value for key, value in (("spec", file), ("digest", bundle.hash)) if value}


def fill(kernel: State, inst: Instance) -> None:
    """Give a new or restarted coglet its states and children. Its inbox and routes from outside stay."""
    code = inst.code
    if not inst.outs:
        inst.outs = [None] * len(code.transmit_names)
    if code.states:
        before = inst.states
        known = code.ir.states if before else ()
        inst.states = [None] * len(code.states)
        for i, value in enumerate(code.states):
            if before and known[i].life in ("keep", "persist"):
                inst.states[i] = before[i]
            else:
                stored = pools.UNSET
                if kernel.persisted and code.ir.states[i].life == "persist":
                    stored = kernel.persisted.get((inst.path, code.ir.states[i].name), pools.UNSET)
                inst.states[i] = (
                    value(inst) if stored is pools.UNSET else kept.taken(kernel, inst, code.ir.states[i], stored)
                )
    if code.children:
        inst.children = {}
        for number, child in enumerate(code.children):
            _child(kernel, inst, child, number)
    if code.children or code.joins:
        wiring.wire(kernel, inst)
    if code.ir.suppressed and inst.states and any(inst.states[i] for i in code.ir.suppressed):
        wiring.suppress(kernel, inst)


def _child(kernel: State, parent: Instance, child: ChildCode, number: int) -> None:
    """Create the coglets of one `create`: one, replicas, the first members of a pool, or one for each item."""
    spec = child.spec
    single = child.low is None and not child.each
    slot = Slot(spec.name, number, child, kernel.code(parent.code.unit, spec.coglet), single)
    assert parent.children is not None
    parent.children[spec.name] = slot
    if child.each:
        assert child.source is not None
        slot.items = child.source(parent)
        pools.settle(kernel, parent, slot)
        for item in slot.items:
            add_member(kernel, parent, slot, [a(parent, item) if a else pools.UNSET for a in child.arguments])
        return
    count = 1
    kept: dict[int, list[Any]] = {}
    if child.low is not None:
        count = child.low(parent)
        if child.high is not None:
            slot.highest = child.high(parent)
        _bounded(spec, count, slot.highest)
        if slot.highest is not None:
            kept = pools.recall(kernel, parent, slot)
            if not count and not kept:
                return
    arguments = [a(parent) if a else pools.UNSET for a in child.arguments]
    if single:
        add_member(kernel, parent, slot, arguments)
        return
    following = slot.next_index
    for index in sorted({*range(count), *kept}):
        slot.next_index = index
        add_member(kernel, parent, slot, kept.get(index, arguments))
    slot.next_index = max(slot.next_index, following)


def _bounded(spec: ir.ChildDecl, count: int, highest: int | None) -> None:
    """Raise Failure for a number of members that a child may not have."""
    wanted = outside_pool(count, highest)
    if wanted:
        raise Failure("error", f"`{spec.name}` cannot have {count} members: {wanted}", spec.at)


def add_member(kernel: State, parent: Instance, slot: Slot, arguments: list[Value]) -> Instance:
    """Create another coglet behind a child's name, and all below it, without starting it."""
    index, slot.next_index = slot.next_index, slot.next_index + 1
    inst = Instance(kernel, slot.code, slot.name, index, parent, slot, _NO_PARAMETERS)
    slot.members[index] = inst
    if slot.code.parameters:
        _parameters(inst, arguments)
    _register(kernel, inst)
    fill(kernel, inst)
    return inst


_NO_PARAMETERS: list[Value] = []


def grow(kernel: State, parent: Instance, child: str, arguments: list[Value]) -> Instance:
    """Add a member to a pool, without starting it. An argument that is ABSENT is that of the declaration."""
    assert parent.children is not None
    slot = parent.children[child]
    _bounded(slot.spec.spec, len(slot.members) + 1, slot.highest)
    declared = slot.spec.arguments
    given = []
    for i, value in enumerate(arguments):
        if value is ABSENT:
            own = declared[i] if i < len(declared) else None
            value = own(parent) if own is not None else pools.UNSET
        given.append(value)
    inst = add_member(kernel, parent, slot, given)
    pools.grown(kernel, parent, slot, inst)
    wiring.rewire(kernel, parent)
    return inst

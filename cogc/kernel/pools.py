"""The members of pools that outlive a run, or a restart of the coglet that has the pool.

The model. A pool whose coglet keeps a state (`persist`, its own or one further down) is kept itself: the record
`create NAME` of the pool's coglet, beside the states that it keeps, has the members that were made while it ran, each with
its parameters, and the next index. When the pool is made again, these members come back under their indexes, so that they
find their states, and the indexes that the coglet remembers still name them. The members that every start makes are none
of the record, and a member that was stopped leaves it. A pool whose coglet keeps nothing begins anew.

An example. `Main` keeps `who: map[int]`, and `create s = S * 0..100`, where `S(user)` keeps `n`:
    create s(user: "ann")   the record of Main is {next: 1, members: [[0, {user: "ann"}]]}
    a new run               S is made with `user` "ann" at Main/s[0], where its `n` was kept; then `on start` runs
    stop s[0]               the record is {next: 1, members: []}; the states of Main/s[0] and below are dropped

A child for each item of a list (`for x in LIST`) is kept by its item: the record `each NAME` has the list of the last
start. When the list is another one, what is kept of an item goes with the item to its new index (`settle`). Equal items
are told apart by their order. What is kept of an item that is gone is dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cogc.kernel.effects import Forget, Persist
from cogc.language.functions import stable_key
from cogc.language.limits import outside_pool
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.objects import Instance, Slot
    from cogc.kernel.state import State
    from cogc.language.values import Value

UNSET: Any = object()
"""Stands for a parameter that was not given."""


def grown(kernel: State, parent: Instance, slot: Slot, member: Instance) -> None:
    """Keep a member that was made while the coglet ran."""
    if member.code.unit.keeps(slot.spec.spec.coglet):
        slot.grown.append(member.index)
        _keep(kernel, parent, slot)


def forget(kernel: State, member: Instance) -> None:
    """Drop a member that stops for good, and what is kept of it."""
    parent, slot = member.parent, member.slot
    if parent is not None and slot is not None and member.index in slot.grown:
        slot.grown.remove(member.index)
        _keep(kernel, parent, slot)
        kernel.effects.append(Forget(member.path))


def _keep(kernel: State, parent: Instance, slot: Slot) -> None:
    members: list[Value] = []
    for index in slot.grown:
        member = slot.members[index]
        names = [p.name for p in member.code.ir.parameters]
        members.append([index, dict(zip(names, member.parameters, strict=True))])
    record: Value = {"next": slot.next_index, "members": members}
    kernel.persisted[parent.path, _name(slot)] = record
    kernel.effects.append(Persist(parent.path, _name(slot), record))


def settle(kernel: State, parent: Instance, slot: Slot) -> None:
    """Give each item of a list its kept states, also where its position has changed."""
    if not parent.code.unit.keeps(slot.spec.spec.coglet):
        return
    key = parent.path, f"each {slot.name}"
    before = kernel.persisted.get(key)
    if before == slot.items:
        return
    kernel.persisted[key] = slot.items
    kernel.effects.append(Persist(*key, slot.items))
    if not isinstance(before, list):
        return
    places: dict[str, list[int]] = {}
    for index, item in enumerate(before):
        places.setdefault(stable_key(item), []).append(index)
    kept = [_taken(kernel, f"{parent.path}/{slot.name}[{index}]") for index in range(len(before))]
    for index, item in enumerate(slot.items):
        earlier = places.get(stable_key(item))
        if earlier:
            for (below, name), value in kept[earlier.pop(0)].items():
                path = f"{parent.path}/{slot.name}[{index}]{below}"
                kernel.persisted[path, name] = value
                kernel.effects.append(Persist(path, name, value))


def _taken(kernel: State, path: str) -> dict[tuple[str, str], Any]:
    """Take out what is kept of a coglet and of all below it, by the path below it and the name."""
    kernel.effects.append(Forget(path))
    keys = [k for k in kernel.persisted if k[0] == path or k[0].startswith(f"{path}/")]
    return {(k[0][len(path) :], k[1]): kernel.persisted.pop(k) for k in keys}


def _name(slot: Slot) -> str:
    return f"create {slot.name}"


def recall(kernel: State, parent: Instance, slot: Slot) -> dict[int, list[Value]]:
    """Return the parameters of the members that come back, by their indexes; the next index is set.

    A Failure of kind `kept` says that they no longer fit.
    """
    record = kernel.persisted.get((parent.path, _name(slot)))
    if record is None or not parent.code.unit.keeps(slot.spec.spec.coglet):
        return {}
    wanted = outside_pool(len(record["members"]), slot.highest)
    if wanted:
        raise Failure(
            "kept", f"`{parent.path}` has kept {len(record['members'])} members of `{slot.name}`, not {wanted}"
        )
    slot.next_index = record["next"]
    found = {index: _parameters(parent, slot, index, given) for index, given in record["members"]}
    slot.grown += found
    return found


def _parameters(parent: Instance, slot: Slot, index: int, given: dict[str, object]) -> list[Value]:
    declared = [p.name for p in slot.code.ir.parameters]
    what = f"the kept member `{slot.name}[{index}]` of `{parent.path}` no longer fits"
    unknown = next((name for name in given if name not in declared), None)
    if unknown is not None:
        raise Failure("kept", f"{what}: `{slot.code.name}` has no parameter `{unknown}`")
    values: list[Value] = []
    for name, (check, default) in zip(declared, slot.code.parameters, strict=True):
        value = given.get(name, UNSET)
        if value is UNSET and default is None:
            raise Failure("kept", f"{what}: `{slot.code.name}` needs the parameter `{name}`")
        try:
            fitting: Value = check(value) if name in given else UNSET
            values.append(fitting)
        except Failure as wrong:
            raise Failure("kept", f"{what}: {wrong.message}") from None
    return values

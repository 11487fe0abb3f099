"""A dump of what every coglet of a run is doing, as text: SIGQUIT writes it to stderr.

The functions only read, since a signal may come in the middle of a step of the kernel. An example:

    cogc: after 12.304s: 0 messages wait for their turn, 1 call is under way
      Main starting
        `on start` waits for program `slow` (call 1, 12.1s)
        inbox `a`: 3 of 64
      Main/w idle
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, assert_never

from cogc.kernel.effects import Ask, Call, Dispatch
from cogc.kernel.machine import Kernel
from cogc.kernel.objects import STARTING, STOPPING, Activity, Instance


class Calls(NamedTuple):
    """The calls under way: each in words by its number, and those of hooks, which are no reactions of their coglets."""

    words: dict[int, str]
    hooks: dict[Instance, list[int]]


class UnderWay(NamedTuple):
    """A call under way, and the nanoseconds of the run's clock at which it began."""

    call: Call | Ask | Dispatch
    began: int


def describe(kernel: Kernel, calls: dict[int, UnderWay], now: int) -> str:
    """Return what a run is doing, a line a fact."""
    messages, under_way = len(kernel.messages), len(kernel.calls)
    waiting = "1 message waits for its turn" if messages == 1 else f"{messages} messages wait for their turn"
    open_calls = "1 call is under way" if under_way == 1 else f"{under_way} calls are under way"
    lines = [f"cogc: after {now / 1e9:.3f}s: {waiting}, {open_calls}"]
    shown = calls_of(kernel, calls, now)
    for inst in _tree(kernel.root):
        lines.append(f"  {inst.path} {inst.status()}")
        lines += [
            f"    {fact}"
            for fact in (*_hooks(inst, shown), *_reactions(inst, shown.words), *_inboxes(inst), *_room(kernel, inst))
        ]
    return "".join(line + "\n" for line in lines)


def calls_of(kernel: Kernel, calls: dict[int, UnderWay], now: int) -> Calls:
    """Return what is under way. `now` is in nanoseconds of the run's clock."""
    hooks: dict[Instance, list[int]] = {}
    for number, (activity, asking, _) in list(kernel.calls.items()):
        if activity not in (asking.activities or ()):
            hooks.setdefault(asking, []).append(number)
    return Calls({number: _call_words(known, now) for number, known in calls.items()}, hooks)


def _tree(inst: Instance | None) -> Iterator[Instance]:
    """Yield a coglet and all below it."""
    if inst is not None:
        yield inst
        for member in inst.members():
            yield from _tree(member)


def _call_words(known: UnderWay, now: int) -> str:
    """Return a call under way, and for how long it has been, in words."""
    match known.call:
        case Ask(model=model):
            what = f"model `{model.name}`"
        case Call(program=program) | Dispatch(program=program):
            what = f"program `{program.name}`"
        case _:
            assert_never(known.call)
    return f"{what} (call {known.call.id}, {(now - known.began) / 1e9:.1f}s)"


def _hooks(inst: Instance, calls: Calls) -> Iterator[str]:
    """Yield what the hook under way of a coglet waits for."""
    if inst in calls.hooks:
        name = "on start" if inst.gate & STARTING else "on stop" if inst.gate & STOPPING else "on error"
        yield f"`{name}` waits for {_named(calls.hooks[inst], calls.words)}"


def _named(numbers: Iterable[int], words: dict[int, str]) -> str:
    return ", ".join(words.get(call, f"call {call}") for call in sorted(numbers))


def _reactions(inst: Instance, calls: dict[int, str]) -> Iterator[str]:
    """Yield what each reaction under way waits for."""
    for activity in inst.activities or ():
        name = activity.handler.name if activity.handler is not None else "a step"
        yield f"`{name}` {_wait(inst, activity, calls)}"


def _wait(inst: Instance, activity: Activity, calls: dict[int, str]) -> str:
    awaited = [entry.label for entry in inst.awaits or () if entry.activity is activity]
    if activity.calls:
        return f"waits for {_named(activity.calls, calls)}"
    if awaited:
        return f"awaits a message of `{awaited[0]}`"
    if activity.left:
        return f"waits for {activity.left} calls side by side"
    return "waits for time or for another reaction" if activity.generator is not None else "runs"


def _inboxes(inst: Instance) -> Iterator[str]:
    """Yield how full the inboxes of a coglet are."""
    for port in (inst.ports or {}).values():
        if port.fill and not port.own:
            yield f"inbox `{port.label}`: {port.fill} of {port.capacity}"


def _room(kernel: Kernel, inst: Instance) -> Iterator[str]:
    """Yield which full inboxes a coglet waits for."""
    for port in kernel.parked.get(inst, ()):
        yield f"waits for room in {port.inst.path}.{port.label}"


def waits(kernel: Kernel, inst: Instance, calls: Calls) -> Iterator[str]:
    """Yield what a coglet waits for: its hook, each reaction under way, then full inboxes."""
    yield from _hooks(inst, calls)
    yield from _reactions(inst, calls.words)
    yield from _room(kernel, inst)

"""The present state of a run, as JSON: coglets with their states, inboxes, timers, and what each of them waits for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, TypeAlias

import msgspec

from cogc.diagnostics.masks import masked
from cogc.kernel.machine import Kernel
from cogc.kernel.objects import Instance, Port
from cogc.kernel.snapshot import instances as below
from cogc.language.texts import is_internal
from cogc.language.values import Failure, hidden, plain, shorten
from cogc.run.dump import Calls, UnderWay, calls_of, waits

LONGEST = 16 << 10
"""The bytes of the longest state that is shown whole."""
MOST = 20
"""How many of the messages that wait in an inbox are shown."""
_SHOWN = 5
"""How many of them are shown to people."""
Waiting: TypeAlias = dict[Port, list[Any]]
"""The messages that wait, by the inboxes."""


def inspect(
    kernel: Kernel, calls: dict[int, UnderWay], now: int, path: str = "", contents: bool = False
) -> dict[str, Any]:
    """Return a coglet and all below it; without a path, the root. `now` is in nanoseconds of the run's clock. With `contents` each inbox has
    the messages that wait in it, the first `MOST` of them as `waiting`; that looks at all that wait in the system.

    Raise Failure of kind `missing` if there is no such coglet.
    """
    found = kernel.outer.find(path) if path else kernel.root
    if found is None:
        raise Failure("missing", f"there is no coglet `{path}`" if path else "the run has no coglets yet")
    return _coglet(kernel, found, *_under_way(kernel, calls, now), _waiting(kernel) if contents else None)


def inspect_one(kernel: Kernel, calls: dict[int, UnderWay], now: int, inst: Instance) -> dict[str, Any]:
    """Return a coglet without those below it. `now` is in nanoseconds of the run's clock."""
    return _own(kernel, inst, *_under_way(kernel, calls, now), None)


def _under_way(kernel: Kernel, calls: dict[int, UnderWay], now: int) -> tuple[Calls, dict[int, int]]:
    """Return what is under way, and the instants of the timers."""
    due = {id(timer): when for when, timers in kernel.timers.buckets.items() for timer in timers if timer.function}
    return calls_of(kernel, calls, now), due


def _waiting(kernel: Kernel) -> Waiting:
    """Return the first messages that wait in each inbox, in the order in which they will be taken."""
    found: Waiting = {}
    instances = [] if kernel.root is None else list(below(kernel.root))
    for port, value, _ in chain(*(inst.backlog or () for inst in instances), kernel.messages):
        waiting = found.setdefault(port, [])
        if len(waiting) < MOST:
            waiting.append(value)
    return found


def _coglet(
    kernel: Kernel, inst: Instance, calls: Calls, due: dict[int, int], waiting: Waiting | None
) -> dict[str, Any]:
    return {
        **_own(kernel, inst, calls, due, waiting),
        "children": [_coglet(kernel, member, calls, due, waiting) for member in inst.members()],
    }


def _own(kernel: Kernel, inst: Instance, calls: Calls, due: dict[int, int], waiting: Waiting | None) -> dict[str, Any]:
    states = zip(inst.code.ir.states, inst.states or (), strict=False)
    instants = sorted(due[id(t)] for t in inst.timers or () if id(t) in due)
    return {
        "path": inst.path,
        "coglet": inst.code.name,
        "status": inst.status(),
        "states": {s.name: _state(kernel, v) for s, v in states if not is_internal(s.name)},
        "inboxes": list(_inboxes(kernel, inst, waiting)),
        "timers": [when / 1e9 for when in instants],
        "waits": [masked(line) for line in waits(kernel, inst, calls)],
        "restarts": kernel.losses.restarts.get(inst.path, 0),
    }


def _state(kernel: Kernel, value: Any) -> Any:
    """Return a state for people: whole, or as the beginning of its text."""
    shown = plain(hidden(value, kernel.private))
    text = msgspec.json.encode(shown)
    if len(text) > LONGEST:
        return masked(shorten(shown, 200))
    return msgspec.json.decode(masked(text.decode()))


def _inboxes(kernel: Kernel, inst: Instance, waiting: Waiting | None) -> Iterator[dict[str, Any]]:
    for port in (inst.ports or {}).values():
        if not port.own:
            found = {"channel": port.label, "messages": port.fill, "capacity": port.capacity}
            if waiting is not None:
                found["waiting"] = [_state(kernel, value) for value in waiting.get(port, ())]
            yield found


def lines(coglet: dict[str, Any], indent: str = "") -> Iterator[str]:
    """Yield an inspected coglet as lines for people."""
    restarts = f", {coglet['restarts']} restarts" if coglet["restarts"] else ""
    yield f"{indent}{coglet['path']}  {coglet['coglet']}  {coglet['status']}{restarts}"
    for name, value in coglet["states"].items():
        yield f"{indent}  {name} = {shorten(value)}"
    for inbox in coglet["inboxes"]:
        if inbox["messages"]:
            yield f"{indent}  inbox `{inbox['channel']}`: {inbox['messages']} of {inbox['capacity']}"
            for value in inbox.get("waiting", ())[:_SHOWN]:
                yield f"{indent}    {shorten(value)}"
    if coglet["timers"]:
        yield f"{indent}  next timer at {coglet['timers'][0]:.3f}s"
    for line in coglet["waits"]:
        yield f"{indent}  {line}"
    for child in coglet["children"]:
        yield from lines(child, indent + "  ")

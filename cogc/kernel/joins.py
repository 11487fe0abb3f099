"""`on all(...)`: messages from several sources, gathered until there is one from each.

**The model.** A join belongs to one `on all` reaction of one coglet. Each source has a port of its own: a channel of a
child, of each member of a pool, or a listen channel of the coglet itself. A `Round` is one gathering. It knows its
members, which are the sources that were alive when the round was opened, and what has come from each of them.

**The order of events.** A message joins the oldest open round that waits for its source. If there is none it opens a
round. A message of a fast source therefore opens a second round while the first still waits for a slow source. When
nothing is missing, the round is closed and its list goes to the reaction, in the order of the sources in the text. Of a
pool there is a list with one message of each member.

**Sources that go away.** A source that restarts, or loses an event by a failure, takes its open rounds with it: their
messages are dead letters (`source_lost`). A member of a pool that stopped for good leaves its rounds, which may complete them
(`source_stopped`). Without a source that is no pool no round can be complete: its open rounds, and whatever comes for a new
one, are dead letters. At the end of a run, what still waits is counted as `unmatched`.

**The invariants.**

- A message that waits in a round still counts in its port's `fill`, so that a fast source is parked like any other
  sender.
- A round has at most one message of each source.
- A join survives `wiring.wire`: ports are found again by their keys, with the rounds in which they take part.

**A worked example.** `on all(a.x, b.y) as m`: `a` sends 1 and 2, then `b` sends 9.

1. 1 opens round R1. 2 finds that R1 has a message of `a`, and opens R2.
2. 9 joins R1, the oldest that waits for `b`. R1 is complete: the reaction runs with [1, 9]. R2 waits for `b`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cogc.kernel import ports
from cogc.kernel.objects import STOPPED, STOPPING, Instance, Port
from cogc.kernel.program import DEFAULT_CAPACITY, Handler

if TYPE_CHECKING:
    from cogc import ir
    from cogc.kernel.state import State
    from cogc.language.values import Value

    Key = tuple[int, int]  # the source's number, and the member's index


class Round:
    """One gathering: the sources that it waits for, and what has come from them."""

    __slots__ = ("causes", "got", "members")

    def __init__(self, members: list[Key]) -> None:
        self.members = members
        self.got: dict[Key, Value] = {}
        self.causes: dict[Key, int] = {}


class Join:
    """The rounds of one `on all` of one coglet."""

    __slots__ = ("handler", "keys", "ports", "rounds")

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.rounds: list[Round] = []
        self.keys: dict[Port, Key] = {}
        self.ports: dict[Key, Port] = {}


def wire(parent: Instance, handler: Handler) -> None:
    """Connect an `on all` to its sources; rounds under way stay."""
    join = _join(parent, handler)
    for number, source in enumerate(handler.trigger.ports):
        if source.child:
            assert parent.children is not None
            for member in parent.children[source.child].members.values():
                ports.add_target(
                    ports.out_named(member, source.name), _port(parent, join, (number, member.index), source, member)
                )
        else:
            _forward(parent, source.name, _port(parent, join, (number, 0), source, None))


def _forward(parent: Instance, channel: str, target: Port) -> None:
    """Let a listen channel of the coglet forward its messages to a join."""
    if parent.forwards is None:
        parent.forwards = {}
    parent.forwards.setdefault(channel, []).append(target)


def _join(parent: Instance, handler: Handler) -> Join:
    """Return the rounds of an `on all` of a coglet."""
    if parent.extra is None:
        parent.extra = {}
    found = parent.extra.get(-1 - handler.key)
    if not isinstance(found, Join):
        found = parent.extra[-1 - handler.key] = Join(handler)
    return found


def _port(parent: Instance, join: Join, key: Key, source: ir.Port, member: Instance | None) -> Port:
    """Return the port of a source, made when the join is first connected."""
    found = join.ports.get(key)
    if found is None or found.member is not member:
        name = f"all({source.child + '.' if source.child else ''}{source.name})"
        found = Port(parent, name, (join.handler,), DEFAULT_CAPACITY)
        found.simple = None
        found.member = member
        if key in join.ports:
            join.keys.pop(join.ports[key], None)
        join.ports[key] = found
        join.keys[found] = key
    return found


def _alive(join: Join) -> list[Key]:
    """Return the keys of the sources that can still send."""
    found = []
    for key, port in join.ports.items():
        gone = port.member is not None and port.member.gate & (STOPPED | STOPPING)
        if not gone:
            found.append(key)
    return sorted(found)


def _single(inst: Instance, source: ir.Port) -> bool:
    """Return whether a source is one port: a channel of the coglet itself, or of a child that is no pool."""
    return not source.child or inst.children is None or inst.children[source.child].single


def _possible(inst: Instance, join: Join, members: list[Key]) -> bool:
    """Return whether a round of these members can be complete: none of the sources that are no pools is gone."""
    there = {number for number, _ in members}
    sources = enumerate(join.handler.trigger.ports)
    return all(number in there for number, source in sources if _single(inst, source))


def gather(kernel: State, port: Port, handler: Handler, message: Value) -> list[Value] | None:
    """Keep a message of a join; return the list that its reaction takes, if the message completes a round."""
    join = _join(port.inst, handler)
    key = join.keys.get(port)
    if key is None:  # of a source that is there no more: the coglet has restarted, and has new children
        kernel.discard((port, message, kernel.cause), "gather", taken=True)
        return None
    for found in join.rounds:
        if key in found.members and key not in found.got:
            break
    else:
        found = Round(_alive(join))
        if not _possible(port.inst, join, found.members):
            kernel.discard((port, message, kernel.cause), "gather", taken=True)
            return None
        join.rounds.append(found)
    port.fill += 1  # it waits on, in the round
    found.got[key] = message
    found.causes[key] = kernel.cause
    return _complete(kernel, join, found)


def _complete(kernel: State, join: Join, found: Round) -> list[Value] | None:
    """Close a round for which nothing is missing, and return its list."""
    if len(found.got) < len(found.members) or not found.got:
        return None
    join.rounds.remove(found)
    inst = next(iter(join.ports.values())).inst
    for key in found.got:
        _taken(kernel, join.ports[key])
    if kernel.trace:
        causes = sorted(found.causes.values())
        kernel.cause = kernel.trace.record("join", inst, causes=causes, port=join.handler.name)
    return _message(inst, join, found)


def _taken(kernel: State, port: Port) -> None:
    """Count the message of a port as taken."""
    port.fill -= 1
    if port.waiters:
        kernel.release(port)


def _message(inst: Instance, join: Join, found: Round) -> list[Value]:
    """Return the list for the reaction: one message of each source; of replicas, a list with one of each member."""
    sources = join.handler.trigger.ports
    parts: list[Value] = []
    for number, source in enumerate(sources):
        values = [found.got[k] for k in sorted(found.members) if k[0] == number]
        parts.append(values[0] if _single(inst, source) else values)
    if len(sources) == 1 and isinstance(parts[0], list):
        return parts[0]
    return parts


def source_lost(kernel: State, member: Instance) -> None:
    """Abandon the open rounds of a source that restarts or has lost an event."""
    for join, key in _of_source(member):
        _abandon(kernel, join, key)


def source_stopped(kernel: State, member: Instance) -> Iterator[tuple[Handler, list[Value]]]:
    """Let the rounds go on without a source that stopped for good; yield each reaction that is due now, with its list."""
    for join, key in _of_source(member):
        if member.parent is not None and _single(member.parent, join.handler.trigger.ports[key[0]]):
            _abandon(kernel, join, key)
        else:
            yield from _leave(kernel, join, key)


def _of_source(member: Instance) -> Iterator[tuple[Join, Key]]:
    """Yield the joins in which a coglet is a source, with its keys."""
    parent = member.parent
    if parent is None or parent.extra is None or parent.gate & STOPPED:
        return
    for state in list(parent.extra.values()):
        if isinstance(state, Join):
            for key, port in list(state.ports.items()):
                if port.member is member:
                    yield state, key


def _abandon(kernel: State, join: Join, key: Key) -> None:
    """Make dead letters of the messages in the rounds that wait for a source."""
    for found in [r for r in join.rounds if key in r.members]:
        join.rounds.remove(found)
        for got, message in found.got.items():
            kernel.discard((join.ports[got], message, found.causes[got]), "gather")


def _leave(kernel: State, join: Join, key: Key) -> Iterator[tuple[Handler, list[Value]]]:
    """Take a source out of its open rounds, and yield the reactions that are complete without it."""
    join.keys.pop(join.ports[key], None)
    for found in list(join.rounds):
        if key in found.members and key not in found.got:
            found.members.remove(key)
            if not found.members:
                join.rounds.remove(found)
            else:
                values = _complete(kernel, join, found)
                if values is not None:
                    yield join.handler, values


def leftovers(kernel: State) -> int:
    """Make dead letters (`unmatched`) of what waits in the joins of all coglets at the end."""
    count = 0
    pending = [kernel.root] if kernel.root else []
    while pending:
        inst = pending.pop()
        pending += inst.members()
        for state in (inst.extra or {}).values():
            if isinstance(state, Join):
                for found in state.rounds:
                    count += len(found.got)
                    for key, message in found.got.items():
                        kernel.discard((state.ports[key], message, found.causes[key]), "unmatched")
                state.rounds.clear()
    return count

"""Snapshots of a durable run: when they are written, and what the shell adds to that of the kernel.

The model. When the journal has grown by `EVERY` bytes since the last snapshot, and by as much as that one takes, the loop looks
at each turn whether a snapshot can be written (`kernel/snapshot.py` says what stands in its way), and whether the kernel can be restored from it
(`kernel/trial.py`). Before it is written, all effects
have left. It is an event `snapshot` of the journal, with what the kernel and the shell know. The journal begins anew
with it, or, where earlier events are kept, goes on behind it. So the time of a resume is bounded by what comes between
two snapshots, and the journal of a long run by the size of its state.

The shell's part is what `resume.py` otherwise counts in the events: how many messages, orders and effects there were, which scripted
answers are used up and which of them are on their way, which plans the run holds, what objects in Python would go on with. A service adds its tables, which otherwise follow from the notes of the journal
(`Carrier.tables`): tasks that have ended, the messages of channels that are observed, the places of the coglets of a runtime.

Costs. Each byte of a snapshot stands for a byte of the journal at least, so that snapshots at most double what is written, the last one aside. One that is larger than `_ROOM` times what the
journal has grown by waits until the journal has grown more. What reactions that wait would add to it is known before it is tried. A look
that finds an obstacle is repeated after `AGAIN` bytes. A trial that fails has cost as much as a snapshot: each one in a row doubles the distance to the next.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import trio

from cogc.kernel import snapshot, trial
from cogc.kernel.effects import LogLine
from cogc.language.codec import encode
from cogc.run.carrying import Carrier
from cogc.run.journal import SNAPSHOT, Compaction, Journal, without_collecting
from cogc.run.taps import Said

AGAIN = 1 << 16
"""The bytes by which a journal grows before a snapshot is tried again."""
_ROOM = 2
"""The bytes of a snapshot, at most, for each by which the journal has grown: more than 1, since a snapshot also has what the last one had of what still waits."""
_LOUD = 1 << 24
"""The bytes by which a journal grows without a snapshot before the log says what stands in the way."""
_FAR = 10
"""How often the distance to the next trial is doubled at most."""


class Snapshots:
    """The snapshots of one run. `obstacle` says what has kept the last one from being written."""

    def __init__(self, carrier: Carrier, journal: Journal, compaction: Compaction) -> None:
        self.carrier = carrier
        self.journal = journal
        self.compaction = compaction
        self.obstacle = ""
        self.written = 0
        self._next = compaction.every
        self._in_vain = 0
        self._loud = _LOUD
        carrier.kernel.keeps_courses = True

    @property
    def due(self) -> bool:
        """True if the journal has grown enough."""
        return self.journal.grown >= self._next

    def ready(self) -> bool:
        """Return whether a snapshot can be written now. If not, it is tried again later."""
        carrier = self.carrier
        self.obstacle = snapshot.obstacle(carrier.kernel)
        room = self._room()
        if not carrier.orders.open.keys() <= carrier.kernel.outer.calls().keys():
            self.obstacle = "an order is under way"
        else:
            self.obstacle = self.obstacle or next(filter(None, (t.obstacle() for t in carrier.tables.values())), "")
        if self.obstacle:
            self._later()
        elif room is not None and (excess := snapshot.excess(carrier.kernel, room)) > room:
            self._grows_first(excess)
        return not self.obstacle

    def _room(self) -> int | None:
        """Return how many bytes a snapshot may have now, or None if there is no bound."""
        _, _, every, share = self.compaction
        return _ROOM * max(self.journal.grown, every) // share if share else None

    def _later(self) -> None:
        """Try again when the journal has grown some more, the more, the more trials have failed in a row. Say what stands in the way each time that the journal has doubled."""
        grown, log = self.journal.grown, self.carrier.options.on_log
        self._next = grown + (min(AGAIN, self.compaction.every) << self._in_vain)
        if grown >= self._loud and log is not None:
            self._loud = 2 * grown
            kernel = self.carrier.kernel
            words = f"the journal has grown by {grown >> 20} MiB without a snapshot, and a resume will replay that: {self.obstacle}"
            log(LogLine("warn", "" if kernel.root is None else kernel.root.path, words, kernel.now))

    def _grows_first(self, size: int) -> None:
        """Write no snapshot of a size until the journal has grown enough for it."""
        self.obstacle = "it would be larger than what the journal has grown by"
        self._next = max(
            self.journal.grown * 5 // 4, size * self.compaction.share // _ROOM
        )  # `size` may be a part of it

    async def write(self) -> None:
        """Write a snapshot, and put it on disk, if the kernel can be restored from it. A journal that cannot begin anew goes on as it is."""
        carrier, journal, (head, put, every, share) = self.carrier, self.journal, self.compaction
        kernel = carrier.kernel
        state, self.obstacle = without_collecting(trial.taken, kernel)
        if state is None:
            self._in_vain = min(self._in_vain + 1, _FAR)
            self._later()
            return
        self._in_vain = 0
        data = {"kernel": state, "shell": self._shell()}
        event = [kernel.steps, kernel.now, SNAPSHOT, data]
        before, room = journal.size, self._room()
        if put is None:
            if room is not None and (size := len(encode(event))) > room:
                self._grows_first(size)
                return
            journal.lines.append(event)
            journal.flush()
            size = journal.size - before
        else:
            text = journal.anew(head, event)
            size = len(text)
            if room is not None and size > room:
                self._grows_first(size)
                return
            try:
                journal.goes_on_in(await trio.to_thread.run_sync(put, text), text)
            except OSError as error:
                self.obstacle = str(error)
                self._next = journal.grown + every
                return
        journal.grown = 0
        self.written += 1
        self._loud = _LOUD
        self._next = max(every, size * share)

    def _shell(self) -> dict[str, Any]:
        """Return what the shell knows."""
        carrier = self.carrier
        entries, taps, people = carrier.entries, carrier.taps, carrier.executors.settings.people
        return {
            "events": self.journal.events,
            "entries": [entries.seq, entries.given, dict(entries.counts)],
            "keys": entries.keys.written(),
            "orders": carrier.orders.last,
            "calls": carrier.orders.calls,
            "tables": {**carrier.kept_tables, **{name: t.written() for name, t in carrier.tables.items()}},
            "carried": carrier.carried,
            "outputs": carrier.outputs,
            "last": carrier.last,
            "counts": dict(taps.counts),
            "kept": [[said.number, said.channel, said.data.decode()] for kept in taps.kept.values() for said in kept],
            "scripts": carrier.models.used_up(carrier.kernel.unit),
            "replies": carrier.replies(),
            "plans": dict(carrier.executors.plans.held),
            "answers": dict(people.used),
            "asked": {str(call): n for call, n in people.numbers.items() if call in carrier.kernel.calls},
            "objects": [[path, given, state] for path, (given, state) in carrier.objects.items()],
            "since": {str(call): carrier.begun_at.get(call, carrier.kernel.now) for call in carrier.kernel.calls},
        }


def take_up(carrier: Carrier, data: dict[str, Any]) -> dict[int, int]:
    """Give the shell of a session that has not begun what it knew. Return the instants at which the calls under way were begun."""
    entries, taps = carrier.entries, carrier.taps
    entries.seq, entries.given, counts = data["entries"]
    entries.counts.update(counts)
    entries.keys.take_up(data.get("keys", []))
    carrier.orders.last, carrier.orders.calls = data["orders"], data.get("calls", 0)
    for number, (path, _) in carrier.kernel.outer.calls().items():
        carrier.orders.called(number, path)
    for digest, unit in carrier.kernel.outer.units.items():
        carrier.orders.adopted(digest, unit)
    for name, table in data.get("tables", {}).items():
        if name in carrier.tables:
            carrier.tables[name].take_up(table)
        else:
            carrier.kept_tables[name] = table
    carrier.carried = data["carried"]
    carrier.outputs, carrier.last = data["outputs"], data["last"]
    carrier.heard_up_to(carrier.kernel.outputs)
    taps.counts.update(data["counts"])
    for number, channel, text in data["kept"]:
        taps.kept.setdefault(channel, deque(maxlen=taps.keep or None)).append(Said(number, channel, text.encode()))
    carrier.models.use_up(carrier.kernel.unit, data["scripts"])
    carrier.models.recalled.update({call: (delay, reply) for call, delay, reply in data.get("replies", ())})
    carrier.executors.plans.held.update(data.get("plans", {}))
    people = carrier.executors.settings.people
    people.used.update(data["answers"])
    people.numbers.update({int(call): number for call, number in data.get("asked", {}).items()})
    carrier.objects.update({path: (given, state) for path, given, state in data["objects"]})
    return {int(call): instant for call, instant in data["since"].items()}

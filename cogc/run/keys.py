"""Keys of messages from outside: a message that is sent again with its key does not enter again, and gets what came of the first one.

A key belongs to a channel. It is part of the event by which its message enters, so that both are on disk or neither. Where a reply
is awaited, the wait (`taps.Ask`) belongs to the key and not to the request: it goes on when the request has ended, and is made again
while a journal is replayed. So whoever comes back with the key finds the reply, or waits for it.

At most `KEPT` keys are known, each for `AGE`, with replies of at most `ROOM` bytes together: the oldest are forgotten first.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from cogc.language.record import Record
from cogc.language.values import Failure
from cogc.run.taps import Ask, Said, Taps

KEPT = 10_000
"""How many keys are known."""
AGE = 24 * 3600 * 10**9
"""The nanoseconds of the run for which a key is known."""
ROOM = 64 << 20
"""The bytes of replies that are kept."""


class Key(Record):
    """The key of a message. `digest` tells whether a message with the same key is the same request. `reply` is the channel on which
    a reply is awaited: an empty text for any channel, None for none."""

    text: str
    digest: str
    reply: str | None


class Entered(NamedTuple):
    """A message that has entered: its number, that of its record in the trace, or 0, and the wait for its reply, if it has a key."""

    seq: int
    record: int
    ask: Ask | None = None


class _Known(NamedTuple):
    digest: str
    reply: str | None
    entered: Entered
    instant: int


class Keys:
    """The keys of the messages of one run."""

    def __init__(self, taps: Taps) -> None:
        self.taps = taps
        self.known: dict[tuple[str, str], _Known] = {}
        self.size = 0

    def find(self, channel: str, key: Key, now: int) -> Entered | None:
        """Return the message that has entered with a key, or None. Raise Failure of the kind `key` if it is another one."""
        self._forget(now)
        known = self.known.get((channel, key.text))
        if known is None:
            return None
        if known.digest != key.digest:
            raise Failure(
                "key", "the key belongs to another request: its body, its `reply` or its route is another one"
            )
        return known.entered

    def add(self, channel: str, key: Key, seq: int, record: int, now: int) -> Entered:
        """Take note of a message that enters with a key, before anything can come of it."""
        ask = None
        if key.reply is not None:
            ask = self._begin(key.reply)
            ask.begin(record)
        entered = Entered(seq, record, ask)
        self.known[channel, key.text] = _Known(key.digest, key.reply, entered, now)
        return entered

    def _forget(self, now: int) -> None:
        """Forget the keys whose time is over, and the oldest ones to have room for another."""
        while self.known:
            oldest = next(iter(self.known))
            found = self.known[oldest]
            if now - found.instant <= AGE and len(self.known) < KEPT and self.size <= ROOM:
                return
            del self.known[oldest]
            ask = found.entered.ask
            if ask is not None:
                self.size -= 0 if ask.answer is None else len(ask.answer.data)
                ask.on_answer = None
                self.taps.forget(ask)

    def _begin(self, reply: str) -> Ask:
        """Begin to wait for a reply, whose bytes are counted."""
        ask = self.taps.begin(reply or None)
        ask.on_answer = self._answered
        return ask

    def _answered(self, said: Said) -> None:
        self.size += len(said.data)

    # ---- snapshots -----------------------------------------------------------------------------------------

    def written(self) -> list[Any]:
        """Return the keys for a snapshot."""
        found = []
        for (channel, text), (digest, reply, (seq, _, ask), instant) in self.known.items():
            said = None if ask is None or ask.answer is None else ask.answer
            answer = None if said is None else [said.number, said.channel, said.data.decode()]
            found.append([channel, text, digest, reply, seq, instant, answer, [] if ask is None else list(ask.records)])
        return found

    def take_up(self, rows: list[Any]) -> None:
        """Take over the keys of a snapshot."""
        for channel, text, digest, reply, seq, instant, answer, records in rows:
            ask = None
            if reply is not None:
                ask = self._begin(reply)
                if answer is not None:
                    ask.take(Said(answer[0], answer[1], answer[2].encode()))
                for record in records:
                    ask.begin(record)
            self.known[channel, text] = _Known(digest, reply, Entered(seq, 0, ask), instant)

"""The moments of a viewed trace: what its journal says beyond the trace, replayed by a thread when it is asked for.

A viewer asks for the moment of a record, and gets it if it is known. Otherwise the thread is told, which replays the journal (`travel.py`), and
`answers` grows when it has come; the viewer asks again then. Of several records that are asked for meanwhile the last one alone is
replayed. The journal and the program are looked for when the first moment is asked for.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.traces.travel import Moment, Travel

    Find: TypeAlias = Callable[[str], Travel | None]
    """Gives the journal of the run with an id, or None if there is none."""
Known: TypeAlias = dict[str, dict[str, Any]]
"""The coglets at a moment by their paths, as `inspection.inspect` gives them."""
_KEPT = 64


class Moments:
    """The moments of one trace. `why_not` says why a moment is not known that was asked for."""

    def __init__(self, find: Find) -> None:
        self.answers = 0
        self.why_not = ""
        self._find = find
        self._travel: Travel | None = None
        self._is_found = False
        self._known: OrderedDict[int, Known | None] = OrderedDict()
        self._wanted: dict[str, Any] | None = None
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_over = False

    def at(self, record: dict[str, Any], wait: bool = False) -> Known | None:
        """Return the coglets behind a record, or None if they are not known, or not yet. With `wait` they are replayed at once."""
        seq = record.get("seq")
        if not isinstance(seq, int):
            return None
        with self._news:
            if seq in self._known:
                self._known.move_to_end(seq)
                return self._known[seq]
            if wait:
                return self._answer(record)
            self._wanted = record
            if self._thread is None:
                self._thread = threading.Thread(target=self._replay, daemon=True)
                self._thread.start()
            self._news.notify()
        return None

    def close(self) -> None:
        """End the thread when its current replay is over."""
        with self._news:
            self._is_over = True
            self._news.notify()

    def _replay(self) -> None:
        """Replay up to the records that are asked for. This is the function of the thread."""
        while True:
            with self._news:
                while self._wanted is None and not self._is_over:
                    self._news.wait()
                if self._is_over:
                    return
                record, self._wanted = self._wanted, None
            assert record is not None
            found = self._look(record)
            with self._news:
                self._keep(record["seq"], found)

    def _answer(self, record: dict[str, Any]) -> Known | None:
        found = self._look(record)
        self._keep(record["seq"], found)
        return found

    def _keep(self, seq: int, found: Known | None) -> None:
        self._known[seq] = found
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        self.answers += 1

    def _look(self, record: dict[str, Any]) -> Known | None:
        """Return the coglets behind a record, or None, and say why not."""
        from cogc.run.replay import Divergence  # the kernel is slow to import, and the first picture does without

        self.why_not = ""
        try:
            if not self._is_found:
                self._is_found = True
                self._travel = self._find(str(record.get("run", "")))
            if self._travel is None:
                return None
            moment = self._travel.at(record["seq"])
        except (LookupError, ValueError, Divergence, Failure) as error:
            self.why_not = str(error.args[0] if error.args else error)
            return None
        except OSError as error:
            self.why_not = str(error.strerror or error).lower()
            return None
        if not _is_same(moment, record):
            self.why_not = "the journal has another record with this number: the trace begins elsewhere"
            return None
        return {coglet["path"]: coglet for coglet in _below(moment.state)}


def _is_same(moment: Moment, record: dict[str, Any]) -> bool:
    """Return whether a record of the journal is the one of the trace."""
    return all(moment.record.get(name) == record.get(name) for name in ("kind", "path", "t", "cause"))


def _below(coglet: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a coglet and all below it."""
    yield coglet
    for child in coglet["children"]:
        yield from _below(child)

"""The first reply that changes the outcome of a run: a search between two recorded runs of one program.

The model. Two runs answer the same questions. A question has a *key*: what was asked by which coglet, and how often the same had been asked before.
`differing` are the questions of both runs that were answered differently, in the order in which the first run got the answers. The hybrid
`k` is the first run with the replies of the second one to the first `k` of them. Hybrid 0 is the first run. The search halves: it finds a `k` such
that hybrid `k` has another outcome than the first run, and hybrid `k - 1` has not.

A hybrid. What was before the first changed reply is replayed from the journal of the first run. From there on it is a simulation: what came from outside
(messages, orders of a service, what people do to agents) comes at the times of the first run, and each question gets its reply from the first run,
else from the second one, after the time that it took there. Nothing of the world is asked, but by coglets in Python. If a hybrid asks what neither run has asked, nobody knows the answer: its outcome is that it
asks this (`unknown`).

Coglets in Python. What an object would have done with other messages is in no journal. So its code runs again, if that is wanted: each hybrid is then a
simulation from the beginning, inside of Trio, in which methods are carried out and all else has its reply from the journals. Hybrid 0 has to have the
outcome of the first run. If it has not, the code depends on more than on what it was told, and nothing is searched.

Costs. Both runs are replayed once; then there are about log2 of the number of differing replies simulations, from the first changed reply on, or from
the beginning where Python runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from cogc import built
from cogc.kernel.effects import Call, Effect, Output
from cogc.kernel.machine import Kernel
from cogc.kernel.priorities import ordered
from cogc.kernel.unit import Unit
from cogc.language.values import Failure, plain, shorten
from cogc.run import journal
from cogc.run.build import build
from cogc.run.delayed import Deed, Reply as Due
from cogc.run.journal import Event, Outward, Recording, digest, gist, name_of, place_of
from cogc.run.options import RunOptions, Sinks
from cogc.run.replay import replay
from cogc.run.session import Session
from cogc.run.settings import Settings
from cogc.testing.rehearsal import Rehearsal, Restless, run_in_world
from cogc.traces.travel import Travel

Key: TypeAlias = tuple[str, int]
"""The identity of a question: a digest of what was asked, and how often the same had been asked before."""
Outputs: TypeAlias = dict[str, list[Any]]
"""The messages of the root by channels."""
Outcome: TypeAlias = Callable[[Outputs, str], Any]
"""Gives the outcome of a run, as a value that is compared, from its outputs and from how it ended."""
_NOT_REPEATED = {
    "hosted": "has coglets of the first system (`CogBase`), which act by themselves",
    "revived": "was resumed and made objects in Python anew, and what they had known is not in the journal",
    "progress": "has calls that were carried out elsewhere and told of their progress",
    "test": "is that of a test",
}
"""The events that come from what a hybrid has not, with what they say of a run."""
_FROM_OUTSIDE = ("order", "unit", "steer")
"""The events that others than the command line bring."""


class NotComparable(ValueError):
    """Two runs cannot be searched. The text says why."""


class Answer(NamedTuple):
    """The reply to a question: its value, the nanoseconds that it took, the index of its event in the journal, and the call."""

    value: Any
    latency: int
    event: int
    call: Outward


@dataclass
class RecordedRun:
    """A recorded run: its events, and what a replay of them has found. `keys` has the questions by the numbers of their calls."""

    events: list[Event]
    head: dict[str, Any]
    answers: dict[Key, Answer] = field(default_factory=dict)
    keys: dict[int, Key] = field(default_factory=dict)
    outputs: Outputs = field(default_factory=dict)
    ended: str = ""
    in_python: str = ""
    """The name of a coglet in Python of the run, if it has one."""

    @property
    def over(self) -> int:
        """The instant of the last event."""
        return int(self.events[-1][1]) if self.events else 0


class Found(NamedTuple):
    """The result of a search: the question, both replies, and the outcomes of the first run, of the hybrid with the reply, and of the second run.

    `number` counts the question among the `differing` ones, `tried` how many hybrids there were.
    """

    first: Answer
    second: Answer
    outcomes: tuple[Any, Any, Any]
    number: int
    differing: int
    tried: int


def recorded_run(travel: Travel) -> RecordedRun:
    """Replay a journal and take note of questions, answers and outputs. Raise what `Travel.at` raises, and NotComparable."""
    recording = journal.load(travel.path.read_bytes())
    if recording.events and recording.events[0][2] == journal.SNAPSHOT:
        raise NotComparable(
            f"`{travel.path}` begins with a snapshot, and what was before it is not known: an instance that runs with `--keep 1`, and a "
            "recording (`--record FILE`), have whole journals"
        )
    odd = next((event[2] for event in recording.events if event[2] in _NOT_REPEATED), "")
    if odd:
        raise NotComparable(f"`{travel.path}` {_NOT_REPEATED[odd]}: its events `{odd}` cannot be repeated")
    found = RecordedRun(recording.events, recording.head)
    kernel, asked, calls = _kernel(travel.unit, recording.head), Counter[str](), dict[int, tuple[Outward, int]]()

    def taken(effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Outward):
                calls[effect.id] = effect, kernel.now
                if _is_method(effect):
                    found.in_python = found.in_python or name_of(effect)
                    continue
                what = digest(effect)
                found.keys[effect.id] = what, asked[what]
                asked[what] += 1
            elif isinstance(effect, Output):
                found.outputs.setdefault(effect.channel, []).append(effect.value)

    replay(kernel, recording.events, taken, goes_on=True)
    found.ended = str(kernel.ended or "")
    for number, event in enumerate(recording.events):
        if event[2] == "result" and event[3] in found.keys:
            call, since = calls[event[3]]
            found.answers[found.keys[event[3]]] = Answer(event[4], event[1] - since, number, call)
    return found


def _is_method(call: Outward) -> bool:
    """Return whether a call is that of a method of a coglet in Python."""
    return isinstance(call, Call) and call.program.kind == "coglet"


def search(
    travel: Travel, first: RecordedRun, second: RecordedRun, outcome: Outcome, settings: Settings | None = None
) -> Found:
    """Return the first reply whose change changes the outcome of the first run. Raise NotComparable if there is none.

    `settings` are those under which coglets in Python run again; runs that have some need them.
    """
    in_python = first.in_python or second.in_python
    differing = sorted(
        (
            key
            for key, answer in first.answers.items()
            if key in second.answers and _differ(answer.value, second.answers[key].value)
        ),
        key=lambda key: first.answers[key].event,
    )
    before, after = outcome(first.outputs, first.ended), outcome(second.outputs, second.ended)
    if before == after:
        raise NotComparable(f"both runs have the same outcome: {_shown(before)}")
    if not differing:
        raise NotComparable(
            "no question of both runs was answered differently: they differ in what came from outside, or in time"
        )
    known: dict[int, Any] = {0: before}

    def of(count: int) -> Any:
        if count not in known:
            again = settings if in_python else None
            known[count] = _hybrid(travel, first, second, differing, count, outcome, again)
        return known[count]

    if in_python:
        del known[0]
        if of(0) != before:
            raise NotComparable(
                f"`{in_python}` does not do again what it did: with all replies of the first run the outcome is {_shown(known[0])}, and was "
                f"{_shown(before)}. Its code depends on time, chance or the outside; let programs of the spec ask for that, whose replies are recorded"
            )

    low, high = 0, len(differing)
    if of(high) == before:
        raise NotComparable(
            f"{len(differing)} replies differ, and all of them together do not change the outcome: the runs differ in what came from outside, or in time"
        )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if of(middle) == before else (low, middle)
    key = differing[high - 1]
    return Found(
        first.answers[key], second.answers[key], (before, of(high), after), high, len(differing), len(known) - 1
    )


def asked(answer: Answer) -> tuple[str, str, str, str]:
    """Return the program, the coglet, the question and the place in the spec of a reply, for people."""
    return name_of(answer.call), answer.call.path, gist(answer.call), place_of(answer.call)


def _kernel(unit: Unit, head: dict[str, Any]) -> Kernel:
    return ordered(head.get("order", 0))(unit, head["seed"], head["epoch"], False, head["run"], head.get("budget"))


def _differ(one: Any, other: Any) -> bool:
    """Return whether two replies differ. The tokens of models do not count."""
    return bool(_bare(one) != _bare(other))


def _bare(value: Any) -> Any:
    if isinstance(value, Failure):
        return ["failure", value.kind, value.message]
    if isinstance(value, dict) and "content" in value and "usage" in value:
        return {k: v for k, v in value.items() if k != "usage"}
    return value


def readable(value: Any) -> Any:
    """Return a reply for people: of a model the text that it says, or the tools that it calls."""
    if isinstance(value, Failure):
        return {"failure": value.message}
    if not (isinstance(value, dict) and isinstance(value.get("content"), list)):
        return value
    blocks = [block for block in value["content"] if isinstance(block, dict)]
    texts = [str(block["text"]) for block in blocks if block.get("type") == "text"]
    return "\n".join(texts) if len(texts) == len(blocks) else blocks


def _shown(value: Any) -> str:
    return shorten(plain(value), 200)


# ---- a hybrid --------------------------------------------------------------------------------------------------


class _Unknown(Exception):
    """A hybrid asks what neither run has asked."""

    def __init__(self, call: Outward) -> None:
        super().__init__(f"{name_of(call)} of {call.path}: {gist(call)}")


class _SplicedSession(Rehearsal):
    """A session whose questions are answered by two recorded runs."""

    first: RecordedRun
    second: RecordedRun
    changed: frozenset[Key]
    counts: Counter[str]
    known: dict[int, Key]

    def know(self) -> None:
        """Take note of the questions of the replayed part, when the kernel has been given its state."""
        numbers = [number for number in self.first.keys if number < self.kernel.next_call]
        self.counts = Counter(self.first.keys[number][0] for number in numbers)
        self.known = {number: self.first.keys[number] for number in numbers}

    def _call(self, call: Outward) -> None:
        if _is_method(call):
            Session._call(self, call)
            return
        key = self.known.get(call.id)
        if key is None:
            what = digest(call)
            key = what, self.counts[what]
            self.counts[what] += 1
        one, other = self.first.answers.get(key), self.second.answers.get(key)
        found = (other if key in self.changed else one) or other
        if found is not None:
            latency = (one or found).latency
            since = self.since.pop(call.id, self.kernel.now)
            self.delays.add(max(self.kernel.now, since + latency), Due(call.id, found.value))
        elif key not in self.first.keys.values() and key not in self.second.keys.values():
            raise _Unknown(call)  # of others that were asked, no answer came in either run

    def bring(self, kind: str, *data: Any) -> None:
        """Hand in the events that came from outside."""
        with suppress(Failure):  # what was refused then is refused again
            if kind == "order":
                self.kernel.order(*data)
            elif kind == "steer":
                self.kernel.steer(*data)
            else:
                self.kernel.adopt(data[0], Unit(built.decode(data[1].encode())))


def _hybrid(
    travel: Travel,
    first: RecordedRun,
    second: RecordedRun,
    differing: list[Key],
    count: int,
    outcome: Outcome,
    settings: Settings | None,
) -> Any:
    """Return the outcome of a hybrid. With `settings` it runs from the beginning, and its coglets in Python are carried out."""
    events: list[Event] = []
    since = 0
    if settings is None:
        changed = first.answers[differing[0]]
        since = changed.event
        events = [*first.events[:since], [*first.events[since][:4], second.answers[differing[0]].value]]
        # no message is that of a command line, which would come again
        events = [[*e[:5]] if e[2] == "input" else e for e in events]
    later = [(e[1], e[3], e[4]) for e in first.events[since:] if e[2] == "input"]
    head = first.head
    options = RunOptions(
        sim=True, seed=head["seed"], epoch=head["epoch"], run=head["run"], signals=False, keep=None, later=later,
        kernel=ordered(head.get("order", 0)), budget=head.get("budget") or {},
    )  # fmt: skip
    sinks = Sinks() if settings is not None else Sinks(recording=Recording(head, events, 0, 0))
    if settings is not None:
        _, _, _, options.parameters, kept = next(e for e in first.events if e[2] == "start")
    session = build(_SplicedSession, travel.unit, options, settings or Settings(), sinks)
    if settings is not None:
        session.kernel.persisted = {(path, name): value for path, name, value in kept}
    session.first, session.second, session.changed = first, second, frozenset(differing[:count])
    for e in first.events[since:]:
        if e[2] in _FROM_OUTSIDE:
            session.delays.add(e[1], Deed(partial(session.bring, *e[2:])))
    try:
        if settings is None:
            _play(session, max(first.over, second.over))
        else:
            session.known, session.counts = {}, Counter()
            run_in_world(session, max(first.over, second.over))
    except _Unknown as unknown:
        return ["unknown", str(unknown)]
    except Restless:
        return ["restless"]
    return outcome(session.outputs, str(session.kernel.ended or ""))


def _play(session: _SplicedSession, until: int) -> None:
    """Let a session go on to its end, or to an instant, and stop it then."""
    session.known = {}
    session.counts = Counter()
    session._begin()
    session.know()
    session._release()
    for _ in range(2):  # once up to the end, once for what `on stop` does
        steps = session.play(until)
        with suppress(StopIteration):
            steps.send(None)
        if session.kernel.ended:
            return
        session._stop()

"""Tests in Python: `simulate` runs a spec on a virtual clock, with scripts in the place of the outside world (specs/api.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import trio

from cogc import ir
from cogc.api import RunError, load
from cogc.kernel.objects import Instance
from cogc.kernel.unit import Unit
from cogc.language.attributes import MODEL_FAULTS
from cogc.language.texts import nanoseconds
from cogc.language.values import Duration, Failure
from cogc.lowering.tests import Answer, Value
from cogc.run import report
from cogc.run.build import build
from cogc.run.convert import from_python, to_python
from cogc.run.portal import Portal
from cogc.run.replay import Divergence
from cogc.run.session import RunOptions, Sinks
from cogc.run.settings import Settings
from cogc.testing.cast import RUN, Cast, Part, is_ours
from cogc.testing.course import EPOCH
from cogc.testing.diagram import draw
from cogc.testing.observed import Observed
from cogc.testing.rehearsal import Rehearsal, Restless, Unscripted, World, driven, go_on, journal_of, lasting
from cogc.testing.samples import script_line

if TYPE_CHECKING:
    from cogc.syntax.nodes import AnswerKind


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of a script that is more than a value; `fail`, `hang`, `fault`, `delay`, `call`, `stream` and `real` make it."""

    kind: AnswerKind
    value: Any = None
    tool: str = ""
    after: str = ""


def fail(message: str | dict[str, Any]) -> Reply:
    """Return an answer that fails the call; a record names a `kind`, or for a model `status`, `retry` and `after`."""
    return Reply("fail", message)


def hang() -> Reply:
    """Return the answer that never comes."""
    return Reply("hang")


def fault(kind: str) -> Reply:
    """Return the next answer of a model's script, made wrong: `off_schema`, `empty`, `truncated`, `repeated`, `contradicting`,
    `slow` or `refusing`. Raise ValueError for another word."""
    if kind not in MODEL_FAULTS:
        raise ValueError(f"there is no fault `{kind}` of a model: it is one of {', '.join(MODEL_FAULTS)}")
    return Reply("fault", tool=kind)


def real() -> Reply:
    """Return the answer that lets the call be carried out for real."""
    return Reply("real")


def delay(time: str, answer: Any) -> Reply:
    """Return an answer that comes after a time such as `2s`."""
    found = answer if isinstance(answer, Reply) else Reply("reply", answer)
    return Reply(found.kind, found.value, found.tool, time)


def call(tool: str, **arguments: Any) -> Reply:
    """Return the reply of a model that asks for one of its tools."""
    return Reply("call", arguments, tool)


def stream(*pieces: str) -> Reply:
    """Return the reply of a model in pieces."""
    return Reply("stream", list(pieces))


Script = Mapping[str, Any]
"""For each name of `script` in a test: a value, a Reply, a list of these, or a function of the call."""


class Outputs(Mapping[str, list[Any]]):
    """The messages of each transmit channel of the root so far."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim

    def __getitem__(self, name: str) -> list[Any]:
        if name not in self._names():
            raise KeyError(name)
        return [to_python(v) for v in self._sim._observed.channel(self._sim._root_name, name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def _names(self) -> list[str]:
        kernel = self._sim._session.kernel
        return list(kernel.code(kernel.unit, kernel.first).transmit_names)


class Calls(Mapping[str, list[dict[str, Any]]]):
    """The calls of each program, model and agent so far, as a test sees them (specs/testing.md)."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim

    def __getitem__(self, name: str) -> list[dict[str, Any]]:
        return [to_python(c) for c in self._sim._cast.calls.get(name, [])]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sim._cast.calls)

    def __len__(self) -> int:
        return len(self._sim._cast.calls)


class Simulation:
    """A system on a virtual clock. Times are texts such as `250ms`, `10s`, `5m`; a path is `Main/desk` or `Main/jury[2]`.

    `outputs` are the messages of the root's channels by name, `calls` the calls of programs and models by name, `trace` the
    records of the run. Whatever goes wrong is a RunError.
    """

    def __init__(
        self,
        session: Rehearsal,
        observed: Observed,
        cast: Cast,
        portal: Portal[World] | None,
        make: Callable[[Sinks], Rehearsal],
    ) -> None:
        self._session = session
        self._observed = observed
        self._cast = cast
        self._portal = portal
        self._make = make
        kernel = session.kernel
        self._root_name = kernel.code(kernel.unit, kernel.first).name
        self.outputs = Outputs(self)
        self.calls = Calls(self)

    @property
    def trace(self) -> list[dict[str, Any]]:
        """The records of the run so far (specs/trace.md)."""
        return self._observed.records

    @property
    def now(self) -> float:
        """The seconds since the start, on the clock of the simulation."""
        return self._session.kernel.now / 1e9

    def send(self, channel: str, value: object, *, to: str = "") -> None:
        """Send a message to a listen channel of the root, or of the coglet at the path `to`. It is taken when time passes."""
        checked = self._told(lambda: from_python(value, f"`{channel}`"))
        if not to:
            self._told(lambda: self._session.feed(channel, checked))
            return
        inst = self._at(to)
        known = inst.code.listens.get(channel)
        if known is None:
            raise RunError(f"`{inst.code.name}` has no listen channel `{channel}`")
        message = self._told(lambda: inst.code.unit.checked(known[2], checked, f"the message to `{channel}`"))
        self._session.act("send", inst, channel, message)

    def guide(self, path: str, command: str, **arguments: object) -> None:
        """Give a command to a coglet."""
        inst = self._at(path)
        handlers = inst.code.commands.get(command)
        if not handlers:
            raise RunError(f"`{inst.code.name}` has no command `{command}`")
        names = [p.name for p in handlers[0].reaction.parameters]
        for name in arguments:
            if name not in names:
                raise RunError(f"the command `{command}` has no parameter `{name}`")
        given = self._told(lambda: {n: from_python(v, f"`{n}`") for n, v in arguments.items()})
        self._session.act("command", inst, command, [[given[n]] if n in given else [] for n in names])

    def crash(self, path: str) -> None:
        """Let a coglet fail, as an error in one of its steps would."""
        self._session.act("crash", self._at(path))

    def drop(self, path: str, channel: str, times: int = 1) -> None:
        """Lose the next messages to a listen channel, or on a transmit channel, of a coglet."""
        self._arm(path, channel, False, times)

    def duplicate(self, path: str, channel: str, times: int = 1) -> None:
        """Let the next messages to a listen channel, or on a transmit channel, of a coglet come twice."""
        self._arm(path, channel, True, times)

    def fail(self, name: str, times: int = 1) -> None:
        """Let the next calls of a program, model or tool fail."""
        self._cast.disturb(name, "fail", _counted(times))

    def hang(self, name: str, times: int = 1) -> None:
        """Give no answer to the next calls of a program, model or tool."""
        self._cast.disturb(name, "hang", _counted(times))

    def kill(self, down: str = "0s") -> None:
        """Kill the run, and let it go on from its journal when a time has passed in which nobody runs (specs/testing.md#kills)."""
        nanos, kernel = self._nanos(down), self._session.kernel
        if kernel.ended:
            raise RunError("the run has ended: nothing is left to kill")
        try:
            if self._portal is None:
                driven(go_on(self._session, self._remade, None, nanos))
            else:
                self._portal.call(go_on, self._session, self._remade, self._portal.held, nanos)
        except Divergence as departed:
            raise RunError(f"the run does not go on from its journal: {departed}") from None

    def run(self, time: str) -> None:
        """Let everything happen within a time."""
        self._play(self._nanos(time), None)

    def advance(self, time: str) -> None:
        """Move the clock as a machine that slept does: timers fire one after the other, and only then are their messages taken."""
        self._session.skip(self._session.kernel.now + self._nanos(time))
        self._play(0, None)

    def run_until(self, condition: Callable[[], object], within: str = "10m") -> None:
        """Let time pass until a condition is true. Raise RunError if it is not within a time."""
        if not self._play(self._nanos(within), lambda: bool(condition())):
            raise RunError(f"the condition did not hold within {within}, at {self.now:g}s\n{self.diagram()}", "timeout")

    def state(self, path: str) -> dict[str, Any]:
        """Return the states of a coglet by name."""
        inst = self._at(path)
        return {s.name: to_python(v) for s, v in zip(inst.code.ir.states, inst.states, strict=False)}

    def messages(self, path: str, channel: str) -> list[Any]:
        """Return the messages of a transmit channel of any coglet so far; a path without an index means a whole pool."""
        return [to_python(v) for v in self._observed.channel(self._observed.plain(path), channel)]

    def diagram(self) -> str:
        """Return the last messages as a sequence diagram in text."""
        return "\n".join(draw(self._observed.records))

    # ---- inside ----------------------------------------------------------------------------------------------

    def _remade(self, sinks: Sinks) -> Rehearsal:
        """Return the session of the same system behind a kill. Its records come again."""
        self._observed.forget()
        self._session = self._make(sinks)
        return self._session

    def _arm(self, path: str, channel: str, twice: bool, times: int) -> None:
        inst = self._at(path)
        if channel not in inst.code.listens and channel not in inst.code.transmit_names:
            raise RunError(f"`{inst.code.name}` has no channel `{channel}`")
        if _counted(times):
            self._session.act("arm", inst, channel, twice, times)

    def _told(self, act: Callable[[], Any]) -> Any:
        """Do something, and give its Failure as a RunError."""
        try:
            return act()
        except Failure as failure:
            raise RunError(failure.message, failure.kind) from None

    def _nanos(self, time: str) -> int:
        try:
            return nanoseconds(time)
        except ValueError:
            raise RunError(f"`{time}` is no time; write one such as 250ms, 10s or 5m") from None

    def _at(self, path: str) -> Instance:
        kernel = self._session.kernel
        pending = [] if kernel.root is None else [kernel.root]
        for inst in pending:  # grows while it is walked
            if inst.path == path:
                return inst
            if path.startswith(inst.path):
                pending += inst.members()
        raise RunError(f"there is no coglet `{path}`")

    def _play(self, nanos: int, done: Callable[[], bool] | None) -> bool:
        """Let time pass, and raise what went wrong meanwhile."""
        session, kernel = self._session, self._session.kernel
        try:
            if self._portal is not None:
                found = self._portal.call(session.play, kernel.now + nanos, done)
            else:
                found = driven(session.play(kernel.now + nanos, done))
        except Unscripted as unscripted:
            line, name = script_line(unscripted.call, kernel)
            raise RunError(f"`{name}` was called by {unscripted.call.path}, and no script answers it: {line}") from None
        except Restless:
            raise RunError("the system never rests: it takes messages without end while no time passes") from None
        except Failure as failure:
            raise RunError(failure.message, failure.kind) from None
        if kernel.ended == "failed":
            raise RunError(report.failure(kernel).removeprefix("cogc: ").strip(), "failed")
        waits = kernel.deadlock() if session.quiet else None
        if waits:
            raise RunError(report.deadlock(waits).removeprefix("cogc: ").strip(), "deadlock")
        return found


def _counted(times: int) -> int:
    """Return how often something is done. Raise ValueError for what is no number of times."""
    if type(times) is not int or times < 0:
        raise ValueError(f"something is done a number of times, not {times!r}")
    return times


@contextmanager
def simulate(
    spec: str,
    *,
    root: str | None = None,
    parameters: Mapping[str, object] | None = None,
    script: Script | None = None,
    seed: int = 0,
    workspace: str = ".",
    allow_imports: Iterable[str] = (),
) -> Iterator[Simulation]:
    """Run a spec on a virtual clock while the body runs.

    `script` says what stands in for programs, models, tools and people, by name: a value, a `Reply`, a list of these of
    which the last is used again and again, or a function of the call. Raise SpecError if the spec is wrong, and RunError
    if the system does not start.
    """
    program = load(spec, root=root, allow_imports=allow_imports)
    observed = Observed()
    cast = Cast(_evaluate)
    for name, answers in (script or {}).items():
        cast.parts[name] = _part(name, answers)
    given: dict[str, Any] = {}
    try:
        given = {n: from_python(v, f"the parameter `{n}`") for n, v in (parameters or {}).items()}
    except Failure as failure:
        raise RunError(failure.message, failure.kind) from None
    options = RunOptions(
        parameters=given, sim=True, seed=seed, epoch=EPOCH, run=RUN, signals=False, on_records=observed.take
    )
    world = not _is_alone(program._unit, cast)
    settings = Settings(workspace, frozenset(allow_imports))

    def make(sinks: Sinks) -> Rehearsal:
        made = build(Rehearsal, program._unit, options, settings, sinks)
        made.cast, made.world = cast, world
        made.models.said = {}
        return made

    session = make(Sinks(journal=journal_of(options)))
    if not world:
        yield _begun(Simulation(session, observed, cast, None, make))
        return
    with lasting(settings, program._unit), Portal(_world(session)) as portal:
        yield _begun(Simulation(session, observed, cast, portal, make))


def _begun(sim: Simulation) -> Simulation:
    """Start the system of a simulation."""
    session = sim._session
    if sim._portal is None:
        sim._told(session.begin)
    else:

        async def begin() -> None:
            session.begin()

        portal = sim._portal
        sim._told(lambda: portal.call(begin))
    return sim


@asynccontextmanager
async def _world(session: Rehearsal) -> AsyncIterator[World]:
    """Hold open what calls need that are carried out for real."""
    async with trio.open_nursery() as nursery:
        world = World(nursery)
        await world.enter(session)
        try:
            yield world
        finally:
            await world.leave()


def _is_alone(unit: Unit, cast: Cast) -> bool:
    """Return whether no call of a system is carried out for real."""
    real = any(a.kind == "real" for part in cast.parts.values() for _, a in part.answers)
    functions = any(part.function is not None for part in cast.parts.values())
    return not real and not functions and not any(map(is_ours, unit.bundle.programs.values()))


# ---- scripts ---------------------------------------------------------------------------------------------------


def _constant(value: object, name: str) -> Value:
    """Return a value of Python as one of a test."""
    return Value(ir.Const(from_python(value, f"the script of `{name}`")), (), "")


def _evaluate(value: Value) -> Any:
    assert isinstance(value.value, ir.Const)
    return value.value.value


def _part(name: str, answers: Any) -> Part:
    """Return the answers of a script for one name."""
    if callable(answers):
        return Part(function=lambda said: _answer(name, answers(to_python(said)))[1])
    given = answers if isinstance(answers, list) else [answers]
    return Part([_answer(name, a) for a in given])


def _answer(name: str, given: Any) -> tuple[list[Value], Answer]:
    """Return an answer of a script, with the delay in front of it."""
    reply = given if isinstance(given, Reply) else Reply("reply", given)
    try:
        before = [Value(ir.Const(Duration(nanoseconds(reply.after))), (), "")] if reply.after else []
    except ValueError:
        raise RunError(f"the script of `{name}`: `{reply.after}` is no time; write one such as 2s") from None
    try:
        value = None if reply.kind in ("hang", "real", "fault") else _constant(reply.value, name)
    except Failure as failure:
        raise RunError(failure.message, failure.kind) from None
    return before, Answer(reply.kind, value, reply.tool)

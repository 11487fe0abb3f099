"""Trials: one run of a program in one order, and what came of it.

A `Trial` runs a system from its start to its end on a virtual clock, without I/O. `run` may be called any number of
times; nothing is left over from one call to the next. `SpecTrial` runs a program with inputs from the command line; scripted
models answer its requests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol

from cogc import ir
from cogc.kernel.chains import Book
from cogc.kernel.effects import Ask, Call, Cancel, Dispatch, Output
from cogc.kernel.picking import Pick, PickingKernel
from cogc.kernel.rewind import Beginning, beginning
from cogc.kernel.unit import Unit
from cogc.language.attributes import MODEL_FAULTS
from cogc.run.delayed import Delays, Message, Reply
from cogc.run.models import Models
from cogc.testing.model_faults import Faults

MOST = 5_000
"""How many events one run may have."""

Kind = Literal[
    "crash",
    "deadlock",
    "dead letter",
    "invariant",
    "liveness",
    "expect",
    "fault of cogc",
    "endless",
    "order",
    "sometimes",
]


class Fault(NamedTuple):
    """A fault: a coglet crashes in an instant, a request to a model fails or gets a wrong answer, a message is dropped or comes
    twice, the run is killed. Its kind is one of `KINDS`, of the faults of models, or `KILL`.

    `where` is the path of the coglet, or the number of a chain in the book of the search, or empty; `number` is the instant, or the
    number of the request or the message, from 1.
    """

    kind: str
    where: str | int
    number: int


Plan = tuple[Fault, ...]
KINDS = ("crash", "fail", "drop", "duplicate")
"""The kinds of faults that are tried if nobody names others."""
KILL = "kill"
"""The fault of the whole run: it is killed at the end of an instant, and goes on from its journal."""


def of_models(plan: Plan) -> dict[tuple[str, int], str]:
    """Return the faults of requests to models, by path and number."""
    return {(str(f.where), f.number): f.kind for f in plan if f.kind == "fail" or f.kind in MODEL_FAULTS}


@dataclass(frozen=True, slots=True)
class Failed:
    """The reason for which a run counts as a failure: its kind, and one line for people."""

    kind: Kind
    message: str
    place: str = ""

    @property
    def same(self) -> tuple[str, str]:
        """Return what two reports of one failure have in common."""
        return self.kind, self.place


@dataclass(slots=True)
class Outcome:
    """The outcome of a run. `final` is the state at its end, by name; two runs with the same one ended alike."""

    failed: Failed | None = None
    final: dict[str, Any] = field(default_factory=dict)
    events: int = 0
    requests: list[tuple[str, int, tuple[str, ...]]] = field(default_factory=list)
    kernel: PickingKernel | None = None
    halted: bool = False
    kills: frozenset[int] = frozenset()
    """The instants at whose end calls were under way, which a kill would have made again."""
    sometimes: frozenset[str] = frozenset()
    """The conditions of `expect sometimes` that held."""
    beginning: Beginning | None = None
    """The beginning to which the kernel goes back when nobody looks at the run any more."""

    def let_go(self) -> None:
        """Free the memory of the run, at which nobody looks any more."""
        if self.kernel is not None:
            if self.beginning is None or not self.beginning.released():
                self.kernel.let_go()
            self.kernel = None


class Changes(NamedTuple):
    """The differences of a run from what its trial says. `plan` are the faults, `without` the inputs that are left out, `times` the instants of
    what is timed that are not those of `Trial.timed`."""

    plan: Plan = ()
    without: frozenset[int] = frozenset()
    times: Mapping[int, int] = MappingProxyType({})


UNCHANGED = Changes()


class Trial(Protocol):
    """A system or test that can be run in any order. `steps` has the inputs that shrinking may leave out, by number."""

    @property
    def inputs(self) -> int:
        """The number of inputs."""
        ...

    @property
    def timed(self) -> Mapping[int, tuple[int, str]]:
        """The inputs that come at an instant: by number the instant, in nanoseconds, and words for it. The numbers of inputs are theirs."""
        ...

    def run(self, pick: Pick, book: Book, changes: Changes = UNCHANGED) -> Outcome:
        """Run once, in the order that `pick` says."""
        ...


Condition = Callable[[dict[str, list[Any]]], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The conditions to which a run of a spec is held. `until` must hold before its end, `never` at no time."""

    until: Condition | None = None
    never: Condition | None = None
    until_words: str = ""
    never_words: str = ""
    dead_letters: bool = False


def refusal(bundle: ir.Bundle) -> str:
    """Return why a program cannot be explored, in one line; nothing if it can."""
    if bundle.root in bundle.setts:
        return "a sett is explored through the coglets of its agents: name one with --root"
    if bundle.queues:
        return "a queue of the language lies outside of the run: exploration has none"
    for coglet in bundle.coglets.values():
        if coglet.python:
            return f"`{coglet.name}` is a coglet in Python, whose code nobody but Python can repeat"
    for program in bundle.programs.values():
        if program.kind == "plan store":
            return "a plan is kept in a store outside of the run: exploration has none"
        if program.kind not in ("expr", "template", "llm", "ask", "reply", "coglet"):
            return f"program `{program.name}` ({program.kind}) would call the world: explore a test that scripts it"
    for model in bundle.models.values():
        if model.provider != "scripted":
            return f"model `{model.name}` would be asked for real: give `--model {model.name}=scripted:FILE`"
    return ""


class SpecTrial:
    """A program with its inputs: `(instant, channel, value)`, in order of their instants."""

    def __init__(
        self,
        unit: Unit,
        parameters: dict[str, Any],
        inputs: list[tuple[int, str, Any]],
        wanted: Wanted,
        seed: int = 0,
        epoch: int = 0,
        stop_at: int = 10_000_000_000,
    ) -> None:
        self.unit = unit
        self.parameters = parameters
        self.given = inputs
        self.wanted = wanted
        self.seed = seed
        self.epoch = epoch
        self.stop_at = stop_at
        self.beginning: Beginning | None = None
        self.hooked = any(r.triggers[0].kind == "stop" for c in unit.bundle.coglets.values() for r in c.reactions)

    @property
    def inputs(self) -> int:
        return len(self.given)

    @property
    def timed(self) -> dict[int, tuple[int, str]]:
        return {n: (at, f"`{channel}`") for n, (at, channel, _) in enumerate(self.given) if at}

    def run(self, pick: Pick, book: Book, changes: Changes = UNCHANGED) -> Outcome:
        """Run once, from the start to the end."""
        return _Run(self, pick, book, changes).outcome()


class _Run:
    """One run of a spec."""

    def __init__(self, trial: SpecTrial, pick: Pick, book: Book, changes: Changes) -> None:
        plan, without, times = changes
        self.trial = trial
        self.usual = not (without or times)
        known = trial.beginning if self.usual else None
        self.beginning = known if known is not None and known.again(book, pick) else None
        if self.beginning is not None:
            self.kernel = kernel = self.beginning.kernel
        else:
            self.kernel = kernel = PickingKernel(trial.unit, trial.seed, trial.epoch, pick=pick, book=book)
        self.outputs: dict[str, list[Any]] = {}
        self.models: Models | None = None
        self.delays = Delays()
        self.failed: Failed | None = None
        self.met = trial.wanted.until is None
        self.faults = Faults(of_models(plan))
        arrange(kernel, plan)
        self.now: Sequence[tuple[int, str, Any]] = trial.given
        if not self.usual:
            self.now = [(times.get(n, at), *of) for n, (at, *of) in enumerate(trial.given) if n not in without]

    def outcome(self) -> Outcome:
        """Run to the end."""
        kernel = self.kernel
        if self.beginning is None:
            self._begin()
        for at, channel, value in self.now:
            if at:
                self.delays.add(at, Message(channel, value))
        while self._settled() and self._later():
            pass
        if not kernel.halted:
            kernel.settle()
        kernel.learn()
        final = {} if self.failed or kernel.halted else self._outputs() | states(kernel)
        return Outcome(
            self.failed, final, kernel.steps, self.faults.requests, kernel, kernel.halted, beginning=self.beginning
        )

    def _begin(self) -> None:
        """Start the system, with the inputs that are there at once."""
        kernel, trial = self.kernel, self.trial
        kernel.start(trial.parameters)
        for at, channel, value in self.now:
            if not at:
                kernel.input(channel, value)
        if self.usual:
            self.beginning = trial.beginning = beginning(kernel)

    def _settled(self) -> bool:
        """Carry out all events of this instant; return whether the run goes on."""
        kernel = self.kernel
        kernel.run(MOST - kernel.steps)
        while kernel.effects:
            self._effects()
            if kernel.halted or kernel.ended or self.failed or kernel.steps >= MOST:
                break
            kernel.run(MOST - kernel.steps)
        if kernel.halted or self.failed:
            return False
        if kernel.ended == "failed":
            assert kernel.report is not None
            report = kernel.report
            self.failed = Failed(
                "crash", f"{report.path} failed in `{report.reaction}`: {report.failure.message}", report.place
            )
        elif kernel.steps >= MOST:
            self.failed = Failed("endless", f"the run had not ended after {MOST:,} events")
        return self.failed is None and not kernel.ended

    def _effects(self) -> None:
        """Carry out what the kernel asks of the world."""
        kernel, wanted = self.kernel, self.trial.wanted
        effects, kernel.effects = kernel.effects, []
        for effect in effects:
            if isinstance(effect, Output):
                self.outputs.setdefault(effect.channel, []).append(effect.value)
                if not self.met and wanted.until is not None and wanted.until(self.outputs):
                    self.met = True
                if wanted.never is not None and not self.failed and wanted.never(self.outputs):
                    self.failed = Failed("invariant", f"`{wanted.never_words}` held, and must never hold", "never")
            elif isinstance(effect, Ask):
                self._ask(effect)
            elif isinstance(effect, Call | Dispatch):
                raise AssertionError(f"an exploration calls the world: {effect.program}")
            elif isinstance(effect, Cancel):
                self.delays.drop(effect.id)

    def _ask(self, ask: Ask) -> None:
        """Let a scripted model answer, or a fault."""
        if self.models is None:
            self.models = Models()
        answer = self.models.answer(ask)
        assert answer is not None
        delay, reply = answer
        reply, delay = self.faults.apply(ask, self.kernel, reply, delay)
        self.delays.add(self.kernel.now + delay, Reply(ask.id, reply))

    def _later(self) -> bool:
        """Go on to the next instant at which something happens; return False if there is none."""
        kernel = self.kernel
        instants = [t for t in (kernel.timers.next(), self.delays.next()) if t is not None]
        due = min(instants, default=None)
        if due is None:
            self._quiet()
            return False
        if due > self.trial.stop_at:
            self._over()
            return False
        kernel.advance(due)
        for item in self.delays.due(due):
            if isinstance(item, Message):
                kernel.input(item.channel, item.value)
            elif isinstance(item, Reply) and item.call in kernel.calls:
                kernel.result(item.call, item.value)
        return True

    def _outputs(self) -> dict[str, Any]:
        return {f"{name} (output)": values for name, values in self.outputs.items()}

    def _quiet(self) -> None:
        """Judge a run in which nothing is left to do."""
        cycle = self.kernel.deadlock()
        if cycle:
            who = ", ".join(sorted(cycle))
            self.failed = Failed("deadlock", f"each waits for room in the inbox of another one: {who}", "deadlock")
            return
        self._over()

    def _over(self) -> None:
        """Judge a run at its end."""
        kernel, wanted = self.kernel, self.trial.wanted
        if not self.met:
            self.failed = Failed("liveness", f"the run ended before `{wanted.until_words}`", "until")
        elif wanted.dead_letters and kernel.dead_letters:
            reasons = ", ".join(f"{n} {reason}" for reason, n in sorted(kernel.losses.letters.items()))
            self.failed = Failed("dead letter", f"messages were lost: {reasons}", "dead letter")
        elif self.trial.hooked and kernel.root is not None:
            kernel.stop()
            kernel.run(MOST)
            self._effects()


def arrange(kernel: PickingKernel, plan: Plan) -> None:
    """Let a kernel carry out those faults that it can: crashes, and messages that are dropped or come twice."""
    for fault in plan:
        if fault.kind == "crash":
            kernel.crashes.setdefault(fault.number, []).append(str(fault.where))
        elif fault.kind in ("drop", "duplicate") and isinstance(fault.where, int):
            where = kernel.dropped if fault.kind == "drop" else kernel.doubled
            where[fault.where, fault.number] = None


def states(kernel: PickingKernel) -> dict[str, Any]:
    """Return the states of all coglets, by name."""
    found = {}
    for inst in kernel.all():
        if inst.states:
            path = inst.path
            for state, value in zip(inst.code.ir.states, inst.states, strict=True):
                found[f"{path}.{state.name}"] = value
    return found

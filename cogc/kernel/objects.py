"""The parts of a running system: coglets, their ports, outputs and children, and the activities in them."""

from __future__ import annotations

from collections import deque
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from cogc.kernel.timers import Timer
from cogc.language.values import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from cogc import ir
    from cogc.kernel.host import Services
    from cogc.kernel.program import ChildCode, Handler
    from cogc.kernel.unit import CogletCode
    from cogc.kernel.waits import Request, Talk
    from cogc.language.values import Check, Predicate, Target, Value

    Item: TypeAlias = tuple["Port", Value, int]
    """A message that waits: its port, its value, and the number of the record that it follows from in the trace."""
    Rest: TypeAlias = tuple["Port", Value, int, int]
    """The reactions that have not taken a message: port, value, the position of the first of them, and the cause."""

# Why a coglet does not take the next event at once: bits of `Instance.gate`, 0 for one that does.
HELD = 1  # a reaction is under way that holds it
PARKED = 2  # an inbox that it wrote to is full
URGENT = 4  # commands or errors of children wait
BACKLOG = 8  # events that came before wait
STARTING = 16  # its `on start` has not ended
FAILED = 32  # it failed, and nobody has decided yet; or a restart is due
STOPPED = 64
AWAITING = 128  # a reaction of it awaits a message
STOPPING = 256  # it takes nothing new

CLOSED = HELD | PARKED | STARTING | FAILED | STOPPING


class Disturbance:
    """A disturbance of the next `left` messages: they are lost, or come twice."""

    __slots__ = ("left", "twice")

    def __init__(self, twice: bool, left: int) -> None:
        self.twice = twice
        self.left = left


class Port:
    """An inbox: a listen channel, what is observed of a child, a timer, or the commands of a coglet.

    `fill` counts the messages that were sent here and not taken yet, wherever they wait. `simple` is the one function
    to call where that is all there is to do (`ports.shortcut`). `check` is that of messages from outside, once one has come.
    """

    __slots__ = (
        "capacity", "check", "disturbance", "fill", "handlers", "inst", "label", "member", "overflow", "simple", "waiters",
    )  # fmt: skip

    def __init__(
        self,
        inst: Instance,
        label: str,
        handlers: tuple[Handler, ...],
        capacity: int = 64,
        overflow: ir.Overflow = "block",
    ) -> None:
        self.inst = inst
        self.label = label
        self.handlers = handlers
        self.simple: Callable[[Instance, Value], object] | None = handlers[0].simple if len(handlers) == 1 else None
        self.capacity = capacity
        self.overflow = overflow
        self.fill = 0
        self.check: Check | None = None
        self.waiters: list[Instance] | None = None
        self.member: Instance | None = None
        self.disturbance: Disturbance | None = None

    @property
    def own(self) -> bool:
        """True for a port of the kernel's own. Its label is a word for traces, and names nothing of the program."""
        return self.handlers is STEP


class Step:
    """Stands for the reaction behind a port of the kernel's own."""

    name = "later"
    on_failure = None
    needs_parts = False
    simple = None


STEP: Any = (Step(),)


class Out:
    """An output channel and its targets. `extra` are targets that need more than a push. `only` is the port to push to where that is
    all there is to do. `relays` are the channels of the
    parent to which links send what comes out; each has its function among the `extra`. `silent` counts the `extra` that only look on. What comes out of one that is
    `shared` is seen in the shell's process too, so that it is no loss if nobody here listens."""

    __slots__ = ("count", "extra", "inst", "muted", "name", "only", "relays", "shared", "silent", "targets")

    def __init__(self, inst: Instance, name: str) -> None:
        self.inst = inst
        self.name = name
        self.targets: tuple[Port, ...] = ()
        self.extra: list[Target] | None = None
        self.only: Port | None = None
        self.relays: tuple[Out, ...] = ()
        self.count = 0
        self.muted = False
        self.silent = 0
        self.shared = False

    def lead_to(self, targets: tuple[Port, ...], extra: list[Target] | None) -> None:
        """Set the targets, in place of those that there were."""
        self.targets = targets
        self.extra = extra
        self.only = targets[0] if len(targets) == 1 and not extra else None

    @property
    def heard(self) -> bool:
        """True if what comes out reaches anybody but channels to which nobody listens. A silenced channel counts as heard."""
        if self.targets or self.muted or len(self.extra or ()) - self.silent > len(self.relays):
            return True
        return any(relay.heard for relay in self.relays)


class Slot:
    """A child's name, and the coglets behind it: one, replicas, or a pool.

    A slot that is `brief` goes away with its coglet. If it is `decided`, the class of the parent decides about its
    failures. If it is `alone`, a failure that no restart answers stops its coglet, and nothing else.
    """

    __slots__ = (
        "alone", "brief", "code", "cursor", "decided", "failures", "grown", "highest", "items", "members", "name", "next_index", "number", "single", "spec",
    )  # fmt: skip

    def __init__(self, name: str, number: int, spec: ChildCode, code: CogletCode, single: bool) -> None:
        self.name = name
        self.number = number
        self.spec = spec
        self.code = code
        self.single = single
        self.members: dict[int, Instance] = {}
        self.next_index = 0
        self.cursor = 0
        self.highest: int | None = None
        self.grown: list[int] = []
        """The indexes of the members of a kept pool that were made while its coglet ran."""
        self.items: list[Value] = []
        """The items that the members were made for, by index, where there is one for each item of a list."""
        self.alone = False
        self.brief = False
        self.decided = False

    def member(self, index: object) -> Instance:
        """Return a member of a pool by its index. Raise Failure if there is none."""
        found = self.members.get(index) if type(index) is int else None
        if found is None:
            raise Failure("error", f"`{self.name}` has no member {index!r}")
        return found

    def only(self) -> Instance | None:
        """Return the member of a single child, or None."""
        return self.members.get(0)


class Instance:
    """A coglet that runs."""

    __slots__ = (
        "activities", "awaits", "backlog", "children", "code", "extra", "failure", "forwards", "gate", "held", "index",
        "kernel", "name", "outs", "parameters", "parent", "parked", "ports", "rest", "restarts", "serial", "slot", "states",
        "timers", "urgent",
    )  # fmt: skip

    def __init__(
        self,
        kernel: Services,
        code: CogletCode,
        name: str,
        index: int,
        parent: Instance | None,
        slot: Slot | None,
        parameters: list[Any],
    ) -> None:
        self.kernel = kernel
        self.code = code
        self.name = name
        self.index = index
        self.parent = parent
        self.slot = slot
        self.parameters = parameters
        self.gate = 0
        self.held = 0
        self.parked = 0
        self.serial = 0
        self.states: list[Any] = _NOTHING
        self.outs: list[Out | None] = _NOTHING
        self.ports: dict[str, Port] | None = None
        self.children: dict[str, Slot] | None = None
        self.urgent: deque[Urgent] | None = None
        self.backlog: deque[Item] | None = None
        self.activities: list[Activity] | None = None
        self.awaits: list[Await] | None = None
        self.timers: list[Timer] | None = None
        self.extra: dict[int, object] | None = None
        self.restarts: list[int] | None = None
        self.failure: FailureReport | None = None
        self.rest: deque[Rest] | None = None
        self.forwards: dict[str, list[Port | Target]] | None = None

    @property
    def path(self) -> str:
        """The place in the tree, such as `Main/jury[2]`. A step outside of its coglet's turn has an empty path."""
        if not self.name:
            return ""
        own = self.name if self.slot is None or self.slot.single else f"{self.name}[{self.index}]"
        return own if self.parent is None else f"{self.parent.path}/{own}"

    @property
    def id(self) -> str:
        return self.path

    def members(self) -> list[Instance]:
        """Return all children, in the order of their creation."""
        if self.children is None:
            return []
        found = [m for slot in self.children.values() for m in slot.members.values()]
        found.sort(key=_SERIAL)
        return found

    def status(self) -> str:
        """Return the state of the coglet as one word for people."""
        for bit, word in _WORDS:
            if self.gate & bit:
                return word
        return "idle"


_NOTHING: list[Any] = []
_SERIAL = attrgetter("serial")
_WORDS = (
    (STOPPED, "stopped"),
    (STOPPING, "stopping"),
    (FAILED, "failed"),
    (STARTING, "starting"),
    (PARKED, "parked"),
    (HELD, "busy"),
)


class Activity:
    """A reaction that waits: its generator, the event that it handles, and what it waits for.

    `request` is what its generator has asked for last, and `failure` what its `else` handles, once it is there. `root` is the reaction
    that it is a part of, itself perhaps, `number` its number there, and `born` how many activities that reaction has had, all of them in `family`
    while it is led along its course. `course` is what a reaction and its parts were given since the reaction began, `weight` about how many bytes of it are no
    answers, and `states_left` the states as the last step has left them (`courses.py`).
    """

    __slots__ = (
        "alarm", "alive", "args", "asks", "behind", "born", "calls", "cause", "course", "deadline", "done", "event", "failure", "family", "generator", "handler", "holds", "inst", "left",
        "number", "parent", "port", "queued", "request", "results", "root", "slot", "states_left", "subs", "timer", "turn", "weight",
    )  # fmt: skip

    def __init__(
        self,
        inst: Instance,
        handler: Handler | None,
        generator: Talk,
        event: Value,
        cause: int,
        holds: bool,
    ) -> None:
        self.inst = inst
        self.asks = inst  # the coglet in whose name it waits: a hook's own, where the activity is a subtree's
        self.handler = handler
        self.generator = generator
        self.event = event
        self.cause = cause
        self.holds = holds
        self.alive = True
        self.failure: Failure | None = None
        self.args: tuple[Value, ...] = ()
        self.course: list[Given] | None = None
        self.states_left: list[Any] = []
        self.weight = 0
        self.root: Activity | None = None
        self.number = 0
        self.born = 1
        self.family: dict[int, Activity] | None = None
        self.request: Request | None = None
        self.deadline: int | None = None
        self.calls: set[int] = set()
        self.timer: Timer | None = None
        self.parent: Activity | None = None
        self.slot = 0
        self.subs: list[Activity] | None = None
        self.queued: Queued | None = None
        self.results: list[object] = []
        self.left = 0
        self.port: Port | None = None
        self.turn = 0
        self.alarm: Timer | None = None
        self.done: Callable[[object], None] | None = None
        self.behind: Callable[[], None] | None = None  # called at its end: what waits for its place


class Given:
    """The answer that an activity was given when it went on: the activity by its `number`, and the `value` or Failure. `states` are those that others
    have changed since the step before, by their places, at the begin all. `now`, `next_call` and `seen` (`ModelState.seen`) are what it found then, `heard` the kinds and
    values of what it asked its kernel for before its next wait."""

    __slots__ = ("heard", "next_call", "now", "number", "seen", "states", "value")

    def __init__(self, number: int, value: object, states: dict[int, Any], now: int, next_call: int, seen: Any) -> None:
        self.number = number
        self.value = value
        self.states = states
        self.now = now
        self.next_call = next_call
        self.seen = seen
        self.heard: list[tuple[str, Any]] = []


class Standin(NamedTuple):
    """Stands for what is no value in a course: a `part` of the reaction or a `question` to a coglet, by its number, or the failure of an `interrupt`."""

    kind: str
    of: Any


class Queued:
    """The generators that an activity runs side by side, and that have not begun: the next one stands last, with its place in
    the list of results."""

    __slots__ = ("bound", "inst", "is_filling", "waiting")

    def __init__(self, inst: Instance, waiting: list[tuple[int, Talk]], bound: int) -> None:
        self.inst = inst
        self.waiting = waiting
        self.bound = bound
        self.is_filling = False


class Waiter(NamedTuple):
    """An activity that waits for others, and the number of its wait: an answer to an earlier wait is dropped."""

    activity: Activity
    turn: int


class Await:
    """An `await` under way: its activity, the source whose messages it takes, its condition and its timeout."""

    __slots__ = ("activity", "condition", "label", "timeout")

    def __init__(self, activity: Activity, label: str, condition: Predicate | None) -> None:
        self.activity = activity
        self.label = label
        self.condition = condition
        self.timeout: Timer | None = None


class FailureReport:
    """A failure on its way up: its place in the spec, the coglet and reaction where it arose, and the event that led
    to it."""

    __slots__ = ("event", "failure", "path", "place", "reaction", "restarts")

    def __init__(self, failure: Failure, path: str, reaction: str, event: Value, place: str) -> None:
        self.failure = failure
        self.path = path
        self.reaction = reaction
        self.event = event
        self.place = place
        self.restarts = 0


class Command(NamedTuple):
    """A command that waits ahead of a coglet's data."""

    name: str
    arguments: list[Value]
    cause: int


class ChildFailed(NamedTuple):
    """The failure of a child on which a coglet has to decide, ahead of its commands."""

    child: Instance
    report: FailureReport
    cause: int


Urgent: TypeAlias = Command | ChildFailed

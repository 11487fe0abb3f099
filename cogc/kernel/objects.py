"""What a running system is made of: coglets, their ports, outputs, children, and what is under way in them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from cogc.kernel.machine import Kernel
    from cogc.kernel.models.agents import AgentState
    from cogc.kernel.program import CogletCode, Handler
    from cogc.language.values import Failure

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


class Port:
    """An inbox: a listen channel, what is observed of a child, a timer, or the commands of a coglet.

    `fill` counts the messages that were sent here and not taken yet, wherever they wait. `simple` is the one function
    to call where that is all there is to do.
    """

    __slots__ = (
        "capacity", "fill", "handlers", "inst", "label", "member", "overflow", "simple", "waiters",
    )  # fmt: skip

    def __init__(
        self, inst: Instance, label: str, handlers: tuple[Handler, ...], capacity: int = 64, overflow: str = "block"
    ) -> None:
        self.inst = inst
        self.label = label
        self.handlers = handlers
        self.simple: Callable[[Instance, Any], Any] | None = handlers[0].simple if len(handlers) == 1 else None
        self.capacity = capacity
        self.overflow = overflow
        self.fill = 0
        self.waiters: list[Instance] | None = None
        self.member: Instance | None = None

    @property
    def own(self) -> bool:
        """The port is the kernel's own: its label is a word for traces, and names nothing of the program."""
        return self.handlers is STEP


class Step:
    """Stands for the reaction behind a port of the kernel's own."""

    name = "later"
    on_failure = None
    simple = None


STEP: Any = (Step(),)


class Out:
    """An output channel: who gets what is sent on it. `extra` are targets that need more than a push."""

    __slots__ = ("count", "extra", "inst", "muted", "name", "targets")

    def __init__(self, inst: Instance, name: str) -> None:
        self.inst = inst
        self.name = name
        self.targets: tuple[Port, ...] = ()
        self.extra: list[Callable[[Any], None]] | None = None
        self.count = 0
        self.muted = False


class Slot:
    """A child's name and who stands behind it: one coglet, replicas, or a pool. One that is `brief` goes with its coglet;
    if it is `decided`, its parent's class decides on its failures."""

    __slots__ = (
        "brief", "code", "cursor", "decided", "failures", "highest", "members", "name", "next_index", "number", "single", "spec",
    )  # fmt: skip

    def __init__(self, name: str, number: int, spec: Any, code: CogletCode, single: bool) -> None:
        self.name = name
        self.number = number
        self.spec = spec
        self.code = code
        self.single = single
        self.members: dict[int, Instance] = {}
        self.next_index = 0
        self.cursor = 0
        self.highest: int | None = None
        self.brief = False
        self.decided = False

    def only(self) -> Instance | None:
        """The one member of a single child."""
        return self.members.get(0)


class Instance:
    """A coglet that runs."""

    __slots__ = (
        "activities", "agent", "awaits", "backlog", "children", "code", "extra", "failure", "forwards", "gate", "held", "index",
        "kernel", "name", "outs", "parameters", "parent", "parked", "ports", "rest", "restarts", "serial", "slot", "states",
        "timers", "urgent",
    )  # fmt: skip

    def __init__(
        self,
        kernel: Kernel,
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
        self.urgent: deque[Any] | None = None
        self.backlog: deque[Any] | None = None
        self.activities: list[Activity] | None = None
        self.awaits: list[Any] | None = None
        self.timers: list[Any] | None = None
        self.extra: dict[int, Any] | None = None
        self.restarts: list[int] | None = None
        self.failure: FailureReport | None = None
        self.rest: deque[Any] | None = None
        self.forwards: dict[str, list[Callable[[Any], None]]] | None = None
        self.agent: AgentState | None = None

    @property
    def path(self) -> str:
        """Its place in the tree: `Main/jury[2]`."""
        own = self.name if self.slot is None or self.slot.single else f"{self.name}[{self.index}]"
        return own if self.parent is None else f"{self.parent.path}/{own}"

    @property
    def id(self) -> str:
        return self.path

    def members(self) -> list[Instance]:
        """All children, in the order of their creation."""
        if self.children is None:
            return []
        found = [m for slot in self.children.values() for m in slot.members.values()]
        found.sort(key=lambda m: m.serial)
        return found

    def status(self) -> str:
        """One word for people."""
        for bit, word in _WORDS:
            if self.gate & bit:
                return word
        return "idle"


_NOTHING: list[Any] = []
_WORDS = (
    (STOPPED, "stopped"),
    (STOPPING, "stopping"),
    (FAILED, "failed"),
    (STARTING, "starting"),
    (PARKED, "parked"),
    (HELD, "busy"),
)


class Activity:
    """A reaction that waits: its generator, the event that it handles, and what it waits for."""

    __slots__ = (
        "alarm", "alive", "args", "calls", "cause", "done", "event", "generator", "handler", "holds", "in_handler", "inst", "left",
        "parent", "port", "results", "slot", "subs", "timer", "turn",
    )  # fmt: skip

    def __init__(
        self,
        inst: Instance,
        handler: Handler | None,
        generator: Generator[Any, Any, Any],
        event: Any,
        cause: int,
        holds: bool,
    ) -> None:
        self.inst = inst
        self.handler = handler
        self.generator = generator
        self.event = event
        self.cause = cause
        self.holds = holds
        self.alive = True
        self.in_handler = False
        self.args: tuple[Any, ...] = ()
        self.calls: set[int] = set()
        self.timer: list[Any] | None = None
        self.parent: Activity | None = None
        self.slot = 0
        self.subs: list[Activity] | None = None
        self.results: list[Any] = []
        self.left = 0
        self.port: Port | None = None
        self.turn = 0
        self.alarm: list[Any] | None = None
        self.done: Callable[[Any], None] | None = None


class FailureReport:
    """A failure on its way up: what happened, at which place in the spec, where first in the tree, and to which event."""

    __slots__ = ("event", "failure", "path", "place", "reaction", "restarts")

    def __init__(self, failure: Failure, path: str, reaction: str, event: Any, place: str) -> None:
        self.failure = failure
        self.path = path
        self.reaction = reaction
        self.event = event
        self.place = place
        self.restarts = 0


# ---- effects: what the kernel asks of the world --------------------------------------------------------------


class Sandbox:
    """What processes of a call may do: `mode` is ro or rw, for the workspace."""

    __slots__ = ("mode", "network")

    def __init__(self, mode: str, network: bool) -> None:
        self.mode = mode
        self.network = network

    def inside(self, outer: Sandbox | None) -> Sandbox:
        """This one within another: nothing is allowed that the other forbids."""
        if outer is None:
            return self
        return Sandbox("ro" if "ro" in (self.mode, outer.mode) else "rw", self.network and outer.network)


class Call:
    """Carry out a program. `request` holds its words and attributes, `arguments` its parameters by name."""

    __slots__ = ("arguments", "id", "path", "program", "request", "sandbox")

    def __init__(
        self,
        id: int,
        program: str,
        arguments: dict[str, Any],
        request: dict[str, Any],
        path: str,
        sandbox: Sandbox | None = None,
    ) -> None:
        self.sandbox = sandbox
        self.id = id
        self.program = program
        self.arguments = arguments
        self.request = request
        self.path = path


class Ask:
    """Ask a model, for a program of a coglet. `request` is the conversation so far, `limit` the nanoseconds that it may
    take, `at` the program's place in the spec, `streams` whether pieces of the reply are wanted while it comes."""

    __slots__ = ("at", "id", "limit", "model", "path", "program", "request", "streams")

    def __init__(
        self,
        id: int,
        model: str,
        program: str,
        request: dict[str, Any],
        limit: int,
        path: str,
        at: int = -1,
        streams: bool = False,
    ) -> None:
        self.id = id
        self.model = model
        self.program = program
        self.request = request
        self.limit = limit
        self.path = path
        self.at = at
        self.streams = streams


class Dispatch:
    """Have an agent run by a dispatcher: its program's key, what it is asked, the nanoseconds that it may take, and the
    sandbox that holds it."""

    __slots__ = ("background", "dispatcher", "id", "limit", "path", "program", "query", "sandbox")

    def __init__(
        self,
        id: int,
        dispatcher: str,
        program: str,
        query: str,
        background: bool,
        limit: int,
        path: str,
        sandbox: Sandbox | None,
    ) -> None:
        self.sandbox = sandbox
        self.id = id
        self.dispatcher = dispatcher
        self.program = program
        self.query = query
        self.background = background
        self.limit = limit
        self.path = path


class Cancel:
    """Nobody waits for a call any more."""

    __slots__ = ("id",)

    def __init__(self, id: int) -> None:
        self.id = id


class Tell:
    """Something to be said to an agent that runs elsewhere, by the number of its call."""

    __slots__ = ("call", "message")

    def __init__(self, call: int, message: str) -> None:
        self.call = call
        self.message = message


class Unclaim:
    """An item of a queue that was claimed for a coglet which is gone: `[value, id, token]`."""

    __slots__ = ("item", "queue")

    def __init__(self, queue: str, item: Any) -> None:
        self.queue = queue
        self.item = item


class Said:
    """What a method of a Python coglet has waited for; `over` if it will not come."""

    __slots__ = ("over", "token", "value")

    def __init__(self, token: int, value: Any, over: bool = False) -> None:
        self.token = token
        self.value = value
        self.over = over


class Output:
    """What the root transmits."""

    __slots__ = ("channel", "seq", "value")

    def __init__(self, channel: str, value: Any, seq: int) -> None:
        self.channel = channel
        self.value = value
        self.seq = seq


class LogLine:
    """What a coglet logs, for people."""

    __slots__ = ("level", "path", "t", "value")

    def __init__(self, level: str, path: str, value: Any, t: int) -> None:
        self.level = level
        self.path = path
        self.value = value
        self.t = t


class Persist:
    """A state to be kept across runs."""

    __slots__ = ("name", "path", "value")

    def __init__(self, path: str, name: str, value: Any) -> None:
        self.path = path
        self.name = name
        self.value = value


Effect = Call | Ask | Dispatch | Cancel | Tell | Unclaim | Said | Output | LogLine | Persist

"""Effects: what the kernel asks of the world. The shell takes these records from `Kernel.effects` and carries them out.

`Call`, `Ask` and `Dispatch` carry a number; their answers come back as events (`Kernel.result`) with the same number.

A kernel may hold coglets of several units. So an effect carries what is to be called, and the unit to which that belongs: keys
of programs, models and queues are those of one unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from cogc import ir
    from cogc.kernel.permissions import Sandbox
    from cogc.kernel.shapes import Body
    from cogc.kernel.unit import Unit
    from cogc.language.values import Settings, Value


class Call:
    """Carry out a program. `request` holds its words and attributes, `arguments` its parameters by name, `once` the id of an
    effect that must not come twice. `handle` names what an earlier process has begun for this call, elsewhere."""

    __slots__ = ("arguments", "handle", "id", "once", "path", "program", "request", "sandbox", "unit")

    def __init__(
        self,
        id: int,
        unit: Unit,
        program: ir.Program,
        arguments: dict[str, Value],
        request: Settings,
        path: str,
        sandbox: Sandbox | None = None,
        once: str = "",
    ) -> None:
        self.sandbox = sandbox
        self.once = once
        self.handle = ""
        self.id = id
        self.unit = unit
        self.program = program
        self.arguments = arguments
        self.request = request
        self.path = path


class Ask:
    """Ask a model, for a program of a coglet. `program` is the name of the program, `request` is the conversation so far, `limit` the nanoseconds that it may
    take, `at` the program's place in the spec, `streams` whether pieces of the reply are wanted while it comes."""

    __slots__ = ("at", "id", "limit", "model", "path", "program", "request", "streams", "unit")

    def __init__(
        self,
        id: int,
        unit: Unit,
        model: ir.Model,
        program: str,
        request: Body,
        limit: int,
        path: str,
        at: int = -1,
        streams: bool = False,
    ) -> None:
        self.id = id
        self.unit = unit
        self.model = model
        self.program = program
        self.request = request
        self.limit = limit
        self.path = path
        self.at = at
        self.streams = streams


class Dispatch:
    """Have an agent run by a dispatcher: its program, what it is asked, the nanoseconds that it may take, the sandbox
    that holds it, and how deep its conversations may nest."""

    __slots__ = ("background", "dispatcher", "id", "limit", "max_depth", "path", "program", "query", "sandbox", "unit")

    def __init__(
        self,
        id: int,
        unit: Unit,
        dispatcher: str,
        program: ir.Program,
        query: str,
        background: bool,
        limit: int,
        path: str,
        sandbox: Sandbox | None,
        max_depth: int,
    ) -> None:
        self.sandbox = sandbox
        self.max_depth = max_depth
        self.id = id
        self.unit = unit
        self.dispatcher = dispatcher
        self.program = program
        self.query = query
        self.background = background
        self.limit = limit
        self.path = path


class Cancel:
    """The cancellation of a call for which nobody waits any more."""

    __slots__ = ("id",)

    def __init__(self, id: int) -> None:
        self.id = id


class AgentMessage:
    """A message to an agent that a dispatcher runs, by the number of the agent's call."""

    __slots__ = ("call", "message")

    def __init__(self, call: int, message: str) -> None:
        self.call = call
        self.message = message


class Unclaim:
    """An item of a queue that was claimed for a coglet which is gone: `[value, id, token]`. If the coglet has failed, `failure` is
    `{kind, message, path, at}`, and that counts as an attempt."""

    __slots__ = ("failure", "item", "queue", "unit")

    def __init__(self, unit: Unit, queue: str, item: Value, failure: Value = None) -> None:
        self.failure = failure
        self.unit = unit
        self.queue = queue
        self.item = item


class ChildMessage:
    """A message of a child for the method of a Python coglet that waits for it. `over` says that none will come."""

    __slots__ = ("over", "token", "value")

    def __init__(self, token: int, value: object, over: bool = False) -> None:
        self.token = token
        self.value = value
        self.over = over


class Output:
    """A message that the root transmits: `number` counts them from 1, `seq` is its record in the trace, or 0."""

    __slots__ = ("channel", "number", "seq", "value")

    def __init__(self, channel: str, value: Any, seq: int, number: int) -> None:
        self.channel = channel
        self.value = value
        self.seq = seq
        self.number = number


class LogLine:
    """A line that a coglet logs, for people. `trace` is the trace of Python behind a fault of cogc, which is shown on request."""

    __slots__ = ("level", "path", "t", "trace", "value")

    def __init__(self, level: str, path: str, value: Value, t: int, trace: str = "") -> None:
        self.trace = trace
        self.level = level
        self.path = path
        self.value = value
        self.t = t


class Forget:
    """A coglet is gone for good: what was kept of it, and of all below it, is dropped."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path


class OrderDone:
    """The end of an order (`kernel/orders.py`) by its number: an answer, or the Failure that came of it."""

    __slots__ = ("answer", "number")

    def __init__(self, number: int, answer: object) -> None:
        self.number = number
        self.answer = answer


class OrderNews:
    """A message that the coglet of an order `call` has sent before its end, on one of the channels that the order names."""

    __slots__ = ("channel", "number", "value")

    def __init__(self, number: int, channel: str, value: Value) -> None:
        self.number = number
        self.channel = channel
        self.value = value


class Persist:
    """A state to be saved for the next run of the instance."""

    __slots__ = ("name", "path", "value")

    def __init__(self, path: str, name: str, value: Value) -> None:
        self.path = path
        self.name = name
        self.value = value


Effect: TypeAlias = (
    Call
    | Ask
    | Dispatch
    | Cancel
    | AgentMessage
    | Unclaim
    | ChildMessage
    | Output
    | LogLine
    | Persist
    | Forget
    | OrderDone
    | OrderNews
)

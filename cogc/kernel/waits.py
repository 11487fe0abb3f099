"""Requests: the records that a waiting generator yields, one class for each kind of wait.

A compiled reaction, a hook or a conversation is a generator. It yields one of these records, `requests.carry_out` sets
going what the record asks for, and the generator goes on with the answer. `Request` is the closed union of them all.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from cogc import ir
    from cogc.kernel.models.partial import Partial
    from cogc.kernel.permissions import Sandbox
    from cogc.kernel.shapes import Body, Message, Tokens
    from cogc.language.values import Predicate, Value


class _Request:
    """The base of all requests. `owner` is the coglet that asks, where that is not the coglet of the activity."""

    __slots__ = ("owner",)

    def __init__(self) -> None:
        self.owner: object = None


class CallProgram(_Request):
    """Carry out a program with these arguments, by position."""

    __slots__ = ("arguments", "program", "sandbox")

    def __init__(self, program: str, arguments: list[Value], sandbox: Sandbox | None = None) -> None:
        self.owner = None
        self.program = program
        self.arguments = arguments
        self.sandbox = sandbox


class Limit(_Request):
    """Fail what follows in this activity at the instant `due`, with these words; None takes the limit away. It needs no wait."""

    __slots__ = ("due", "words")

    def __init__(self, due: int | None, words: str = "") -> None:
        self.owner = None
        self.due = due
        self.words = words


class AskModel(_Request):
    """Ask a model, by its key or itself, for the program at the place `at`.

    `body` is the request in the form of the Messages API, `limit` the nanoseconds that it may take, `news` the messages
    that no trace has shown yet, `streams` whether pieces of the reply are wanted while it comes, `partial` what makes values of them.
    """

    __slots__ = ("at", "body", "limit", "model", "news", "partial", "program", "streams")

    def __init__(
        self, model: str | ir.Model, program: str, body: Body, limit: int, news: list[Message], streams: bool, at: int
    ) -> None:
        self.owner = None
        self.model = model
        self.program = program
        self.body = body
        self.limit = limit
        self.news = news
        self.streams = streams
        self.partial: Partial | None = None
        self.at = at


class DispatchAgent(_Request):
    """Have a dispatcher run an agent. `used` hears of each request that the agent makes of a model."""

    __slots__ = ("background", "dispatcher", "limit", "max_depth", "program", "query", "sandbox", "used")

    def __init__(
        self,
        dispatcher: str,
        program: ir.Program,
        query: str,
        background: bool,
        limit: int,
        used: Callable[[Tokens], None],
        sandbox: Sandbox | None,
        max_depth: int,
    ) -> None:
        self.owner = None
        self.max_depth = max_depth
        self.dispatcher = dispatcher
        self.program = program
        self.query = query
        self.background = background
        self.limit = limit
        self.used = used
        self.sandbox = sandbox


class AskCoglet(_Request):
    """Put a question to the coglet that a program names; the answer is a `Question`."""

    __slots__ = ("input", "program")

    def __init__(self, program: str, input: dict[str, Value]) -> None:
        self.owner = None
        self.program = program
        self.input = input


class Sleep(_Request):
    """Wait for so many nanoseconds."""

    __slots__ = ("nanos",)

    def __init__(self, nanos: int) -> None:
        self.owner = None
        self.nanos = nanos


class WaitIn(_Request):
    """Wait in a list (of `Waiter`) until somebody wakes all that wait there, or until so many nanoseconds have passed."""

    __slots__ = ("limit", "waiters")

    def __init__(self, waiters: list[Any], limit: int | None = None) -> None:
        self.owner = None
        self.waiters = waiters
        self.limit = limit


class StartBeside(_Request):
    """Start a generator beside this one and go on at once; `done` takes its value or its Failure."""

    __slots__ = ("done", "generator")

    def __init__(self, generator: Talk, done: Callable[[object], None]) -> None:
        self.owner = None
        self.generator = generator
        self.done = done


class AwaitMessage(_Request):
    """Await a message on a port for which the condition holds; null once the timeout is over."""

    __slots__ = ("condition", "port", "timeout")

    def __init__(self, port: ir.Port, condition: Predicate | None, timeout: object) -> None:
        self.owner = None
        self.port = port
        self.condition = condition
        self.timeout = timeout


class RunAll(_Request):
    """Run generators side by side, at most `bound` of them at a time; the answer is the list of their values."""

    __slots__ = ("bound", "generators")

    def __init__(self, generators: list[Talk], bound: int | None = None) -> None:
        self.owner = None
        self.bound = bound
        self.generators = generators


Request: TypeAlias = (
    CallProgram | AskModel | DispatchAgent | AskCoglet | Sleep | WaitIn | StartBeside | AwaitMessage | RunAll | Limit
)
Talk: TypeAlias = Generator[Request, Any, Any]
"""A generator that waits: a hook, a conversation, a compiled reaction."""

"""The JSON objects that pass between the kernel and the shell, by the names of their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

if TYPE_CHECKING:
    from cogc import ir
    from cogc.language.values import Value


class Tokens(TypedDict, total=False):
    """The tokens that one request to a model used; a count that is missing is 0. `estimated` says that nobody has counted them."""

    input: int
    output: int
    cache_read: int
    cache_write: int
    thinking: int
    estimated: bool


class Progress(TypedDict, total=False):
    """A report of a dispatcher: `running` with the number of the attempt, `delta` with a text, `usage`, or `error` with a message; or
    `task` with the handle of a call that goes on elsewhere."""

    event: str
    attempt: int
    text: str
    usage: Tokens
    message: str
    handle: str


class Child(TypedDict):
    """A child that a method of a Python coglet creates; `decided` if the class of its parent decides on its failures."""

    name: str
    restart: ir.Restart
    max_restarts: int
    backoff: int
    decided: bool


class Policy(TypedDict):
    """The supervision of a coglet that was created by an order. `backoff` is in nanoseconds."""

    restart: ir.Restart
    max_restarts: int
    backoff: int


class ChildFailure(TypedDict):
    """The failure of a child, as its parent's class is told of it."""

    kind: str
    message: str
    event: Value
    restarts: int


class Block(TypedDict, total=False):
    """A block of a message of a conversation: a text, an image or document by its `media`, a use of a tool, its result, or a
    provider's own."""

    type: str
    text: str
    id: str
    name: str
    input: dict[str, Value]
    media: dict[str, Any]
    tool_use_id: str
    content: str | list[Block]
    is_error: bool


class Message(TypedDict):
    """A message of a conversation."""

    role: str
    content: list[Block]


class ToolOffer(TypedDict):
    """A tool that is offered to a model, with the schema of its input."""

    name: str
    description: str
    schema: Schema


Schema: TypeAlias = dict[str, Any]
"""A JSON Schema."""
Body: TypeAlias = dict[str, Any]
"""The body of a request to a model, in the form of the Messages API: what a provider takes differs with the provider."""


class Error(TypedDict, total=False):
    """A request to a model that failed: whether it may be made again, and after how many seconds the server takes it.

    `kind` is `program` unless it says something else. `partial` is the text that had come until then.
    """

    message: str
    retry: bool
    after: float | None
    kind: str
    partial: str


class Reply(TypedDict, total=False):
    """A reply of a model, or the error that came in its place. `thought` is what a model thought, where that is no block."""

    content: list[Block]
    stop: str
    usage: Tokens
    detail: str
    thought: str
    error: Error

"""Trace contexts of W3C: the headers `traceparent` and `tracestate` of what comes in, and of what goes out.

What comes in through a door (a request over HTTP, a call of MCP) belongs to a trace of its sender. Everything that it leads to does too:
the exporter of the run (`traces/spans.py`) hears the record or the coglet with which it begins, and follows the causes. What goes out, a
call of MCP or a request to a model, names the span of that call as its parent, where the run has an exporter.

`tracestate` holds what the tools of the sender know of its trace. It is handed on as it came, wherever a `traceparent` of that trace goes: no
member of it is ours.

`CURRENT` is the context of the request that the present task answers, `OUTGOING` the headers of the request that it makes. Nothing of this
is an event: a run goes the same way with contexts and without.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, NamedTuple, Protocol

import trio

HEADER = "traceparent"
STATE = "tracestate"
SAMPLED = 1
"""The flag of a trace that is kept."""
_FORM = r"(?s)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
_LONGEST = 512
_MEMBER = (
    r"([a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
"""A member of a `tracestate`: key and value."""
_MOST_MEMBERS = 32
_LONG_MEMBER = 128
"""Characters above which a member goes before all others, where a list is too long."""
_READ = 32 * (256 + 1 + 256) + 1000
"""Characters of a `tracestate` above which it is not read: more than 32 members and their white space take."""


class Context(NamedTuple):
    """A span: the numbers of its trace and of itself, neither of them 0, the flags of the trace, and its `tracestate`, or nothing."""

    trace: int
    span: int
    flags: int = SAMPLED
    state: str = ""

    @property
    def is_sampled(self) -> bool:
        """True if the trace is kept by who has begun it."""
        return bool(self.flags & SAMPLED)

    def __str__(self) -> str:
        """Return the header."""
        return f"00-{self.trace:032x}-{self.span:016x}-{self.flags & SAMPLED:02x}"

    @property
    def carried(self) -> dict[str, str]:
        """The headers with which the context goes out."""
        return {HEADER: str(self), **({STATE: self.state} if self.state else {})}


def parsed(header: object, state: object = None) -> Context | None:
    """Return the context of a `traceparent`, by the rules of W3C's Trace Context; None if it breaks them.

    A header of a later version may have further parts, which are not read. `state` is the `tracestate` beside it: one that breaks the rules is
    as none.
    """
    found = re.fullmatch(_FORM, header) if isinstance(header, str) and len(header) <= _LONGEST else None
    if found is None or found[1] == "ff" or (found[1] == "00" and found[5]):
        return None
    trace, span = int(found[2], 16), int(found[3], 16)
    return Context(trace, span, int(found[4], 16), _listed(state)) if trace and span else None


def _listed(state: object) -> str:
    """Return the members of a `tracestate` as one list of at most 512 characters; nothing for a list that breaks the rules.

    Of two members with one key the first counts, since it is the newer one. What makes a list too long goes by the rule of W3C: first
    members of more than 128 characters, then others, each time the last one.
    """
    if not isinstance(state, str) or len(state) > _READ:
        return ""
    members = [member.strip(" \t") for member in state.split(",")]
    members = [member for member in members if member]
    if len(members) > _MOST_MEMBERS or not all(re.fullmatch(_MEMBER, member) for member in members):
        return ""
    newest: dict[str, str] = {}
    for member in members:
        newest.setdefault(member.partition("=")[0], member)
    kept = list(newest.values())
    for longer in (_LONG_MEMBER, 0):
        for member in reversed([m for m in kept if len(m) > longer]):
            if len(",".join(kept)) > _LONGEST:
                kept.remove(member)
    return ",".join(kept)


def within(parent: Context | None) -> Context:
    """Return the context of a new span below another one, or of one that begins a trace."""
    span = random.SystemRandom().getrandbits(64) or 1
    if parent is not None:
        return parent._replace(span=span)
    return Context(random.SystemRandom().getrandbits(128) or 1, span)


class Served(NamedTuple):
    """A request that a door has answered, as a span: its context, the one above it, times in nanoseconds since 1970, what is known of it, and the
    kind of its error, or nothing."""

    name: str
    context: Context
    parent: Context | None
    start: int
    end: int
    attributes: dict[str, str | int]
    error: str


class Exporting(Protocol):
    """The part of an exporter that contexts need. `call` and `ask` give the contexts of a call and of a request to a model that are under way."""

    def entered(self, record: int, context: Context) -> None: ...
    def called(self, path: str, context: Context) -> None: ...
    def served(self, request: Served) -> None: ...
    def call(self, number: int) -> Context | None: ...
    def ask(self, number: int) -> Context | None: ...


class Contexts:
    """The contexts of one run. Without an `exporter` nothing is remembered and nothing goes out. `to_providers` says that models get them too."""

    def __init__(self) -> None:
        self.exporter: Exporting | None = None
        self.to_providers = False

    def entered(self, record: int, context: Context | None) -> None:
        """Let a record, and what it leads to, belong to a request."""
        if self.exporter is not None and context is not None and record:
            self.exporter.entered(record, context)

    def called(self, path: str) -> None:
        """Let a coglet that will be created, and what it leads to, belong to the request that this task answers."""
        context = CURRENT.get()
        if self.exporter is not None and context is not None:
            self.exporter.called(path, context)

    def meta(self, call: int) -> dict[str, Any]:
        """Return what goes into `_meta` of a call of MCP."""
        context = None if self.exporter is None else self.exporter.call(call)
        return {} if context is None else dict(context.carried)

    @contextmanager
    def asking(self, ask: int) -> Iterator[None]:
        """Let requests to a provider carry headers while the body runs, if that was asked for."""
        token = OUTGOING.set(self.exporter.ask(ask) if self.exporter is not None and self.to_providers else None)
        try:
            yield
        finally:
            OUTGOING.reset(token)


class Request:
    """A request that a door answers, as a context manager: a span below that of its sender. Its attributes and its error may be set meanwhile."""

    def __init__(self, contexts: Contexts, name: str, parent: Context | None, attributes: dict[str, str | int]) -> None:
        self.contexts = contexts
        self.name = name
        self.parent = parent
        self.attributes = attributes
        self.context = within(parent)
        self.error = ""
        self._start = 0
        self._token: Token[Context | None] | None = None

    def __enter__(self) -> Request:
        self._start = time.time_ns()
        self._token = CURRENT.set(self.context)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._token is not None
        CURRENT.reset(self._token)
        if kind is not None:
            self.error = "cancelled" if issubclass(kind, trio.Cancelled) else kind.__name__
        if self.contexts.exporter is not None:
            times = self._start, time.time_ns()
            self.contexts.exporter.served(
                Served(self.name, self.context, self.parent, *times, self.attributes, self.error)
            )


CURRENT: ContextVar[Context | None] = ContextVar("CURRENT", default=None)
OUTGOING: ContextVar[Context | None] = ContextVar("OUTGOING", default=None)


def headers() -> dict[str, str]:
    """Return the headers of a request to a provider."""
    context = OUTGOING.get()
    return {} if context is None else context.carried


def of_headers(given: Sequence[str], states: Sequence[str] = ()) -> Context | None:
    """Return the context of a request with these headers `traceparent`: of one that has one, and a valid one. Several headers `tracestate` are
    one list."""
    return parsed(given[0], ",".join(states)) if len(given) == 1 else None


def of_environment(variables: Mapping[str, str]) -> Context | None:
    """Return the context that the variables TRACEPARENT and TRACESTATE of an environment name, as their headers would."""
    return parsed(variables.get(HEADER.upper()), variables.get(STATE.upper()))

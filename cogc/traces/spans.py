"""The spans of a trace, by the conventions of OpenTelemetry for generative AI.

| in the trace | span |
| --- | --- |
| the run | `invoke_workflow ROOT` |
| a plan | `plan NAME`, from its first state to its last |
| a call of an agent, or of a program that asks a model | `invoke_agent NAME` |
| any other call | `execute_tool NAME` |
| a request to a model and its reply | `chat MODEL` |
| in a sett, the work that a role is granted, until its artefact | `invoke_agent ROLE` |
| a finding of a definition of done | the event `gen_ai.evaluation.result` |
| a failure of a coglet | the event `exception` |

Which span stands in which follows from the causes. What a message or a call from outside has led to stands below the span of its sender, in the
trace of the sender, if that came with a `traceparent` (`run/contexts.py`). The names are in one table (`conventions.py`). What people and
models have said is left out unless it is asked for.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from cogc import ir
from cogc.diagnostics.masks import masked
from cogc.run.contexts import Context, Served
from cogc.run.trace import States, encoded
from cogc.sett.model import grant_key
from cogc.traces.conventions import NAMES

_FAR = 100_000
"""How many records are remembered, for their causes."""
_STEPS = 64
"""How many causes are followed from a request to its conversation."""
_OVER = ("completed", "failed", "cancelled", "rejected", "done")

Value = str | int | float | bool | list[str]


INTERNAL, SERVER, CLIENT = 1, 2, 3
"""The kinds of spans, by their numbers in OTLP."""


class Event(NamedTuple):
    """An event of a span, at a time in nanoseconds since 1970."""

    at: int
    name: str
    attributes: dict[str, Value]


class Span(NamedTuple):
    """A span, with times in nanoseconds since 1970. `kind` is INTERNAL, SERVER or CLIENT. `parent` is 0 at the top. `error` is empty if all went well. `state` is
    the `tracestate` of its trace."""

    name: str
    kind: int
    trace: int
    id: int
    parent: int
    start: int
    end: int
    attributes: dict[str, Value]
    events: list[Event]
    error: str
    state: str = ""


class _Open:
    """A span that has no end yet."""

    def __init__(self, seq: int | str, t: float, above: Context, kind: int = INTERNAL) -> None:
        self.seq = seq
        self.t = t
        self.above = above
        self.kind = kind
        self.name = ""
        self.asked = False
        self.attributes: dict[str, Value] = {}
        self.events: list[Event] = []


class _Known(NamedTuple):
    """The part of a record that the records behind it need."""

    kind: str
    cause: int
    call: int
    program: str
    context: Context | None


class Spans:
    """Makes spans of records, as they come. `epoch` is the beginning of the run in nanoseconds since 1970. `contents` adds what was said, `parent`
    is the span below which the run stands. A run that `is_part` of another one has no span of its own: what it does stands in the span of that one,
    or, with `inside`, in a span of it. Spans of a trace that its sender does not keep are not given.

    `take` gives the spans that a record ends, `end` those that are still open, and that of the run.
    """

    def __init__(
        self,
        run: str,
        epoch: int,
        bundle: ir.Bundle | None,
        contents: bool,
        parent: Context | None = None,
        is_part: bool = False,
        inside: Context | None = None,
    ) -> None:
        self.run = run
        self.epoch = epoch
        self.contents = contents
        self.root = _Open(0, 0.0, parent or Context(_number(run, 16), 0))
        if bundle is not None and bundle.root in bundle.setts:  # which has no record of its creation
            self.root.name = bundle.setts[bundle.root].name
        self.entered: OrderedDict[int, Context] = OrderedDict()
        self.called: dict[str, Context] = {}
        self.is_part = is_part
        self.inside = inside
        self.models: dict[str, ir.Model] = {}
        self.agents: set[str] = set()
        self.learn(bundle)
        self.grants: dict[str, _Open] = {}
        self.claims: dict[str, str] = {}
        self.calls: dict[int, _Open] = {}
        self.asks: dict[int, _Open] = {}
        self.plans: dict[str, _Open] = {}
        self.seen: OrderedDict[int, _Known] = OrderedDict()
        self.conversations: OrderedDict[int, int] = OrderedDict()
        self.calls_seen: OrderedDict[int, int] = OrderedDict()
        self.last = 0.0
        self.found: dict[str, int] = {}
        self.states = States()

    def learn(self, bundle: ir.Bundle | None) -> None:
        """Take note of the models and agents of a program."""
        if bundle is not None:
            self.models |= {model.name: model for model in bundle.models.values()}
            self.agents |= {p.name for p in bundle.programs.values() if p.kind == "llm"}

    def take(self, record: dict[str, Any]) -> list[Span]:
        """Take a record, and return the spans that it ends."""
        kind, seq = str(record.get("kind")), int(record.get("seq", 0))
        self.last = max(self.last, float(record.get("t", 0.0)))
        call = record.get("call")
        call = call if isinstance(call, int) else 0
        context = self._context(kind, seq, call, record)
        self.seen[seq] = _Known(kind, int(record.get("cause", 0)), call, str(record.get("program", "")), context)
        if len(self.seen) > _FAR:
            self.seen.popitem(last=False)
        if not self.root.name and kind == "create":
            self.root.name = str(record.get("coglet", ""))
        if kind in ("call", "ask", "result", "reply", "fail", "grant", "claim", "artefact") or (
            kind == "state" and str(record.get("name", "")).startswith("·")
        ):
            plain: dict[str, Any] = msgspec.json.decode(encoded(record))
            return [span for span in self._act(kind, seq, call, plain) if span is not None]
        return []

    # ---- contexts ----------------------------------------------------------------------------------------------

    def enter(self, record: int, context: Context) -> None:
        """Let a record that comes, and what it leads to, stand below a span from outside."""
        self.entered[record] = context
        if len(self.entered) > _FAR:
            self.entered.popitem(last=False)

    def _context(self, kind: str, seq: int, call: int, record: dict[str, Any]) -> Context | None:
        """Return the span from outside to which a record belongs: its own, that of its call, of its coglet, or of what led to it."""
        if seq in self.entered:
            return self.entered.pop(seq)
        begun = self.seen.get(self.calls_seen.get(call, 0)) if kind == "result" else None
        if begun is not None:
            return begun.context
        if self.called and (found := self._called(str(record.get("path", "")), kind == "stop")) is not None:
            return found
        causes = record.get("causes")
        for cause in (record.get("cause", 0), *(causes if isinstance(causes, list) else ())):
            known = self.seen.get(cause) if isinstance(cause, int) else None
            if known is not None and known.context is not None:
                return known.context
        return None

    def _called(self, path: str, is_over: bool) -> Context | None:
        """Return the span from outside for which a coglet, or one above it, was created."""
        if is_over and path in self.called:
            return self.called.pop(path)
        while path:
            if path in self.called:
                return self.called[path]
            path = path.rpartition("/")[0]
        return None

    def under_way(self, number: int, asks: bool = False) -> Context | None:
        """Return the context of a call, or of a request to a model, that has not ended."""
        span = (self.asks if asks else self.calls).get(number)
        return None if span is None else self._own(span)

    def _own(self, span: _Open) -> Context:
        if span is self.root and self.inside is not None:
            return self.inside
        return span.above._replace(span=self._id(span.seq))

    def served(self, request: Served) -> list[Span]:
        """Return the span of a request that a door has answered."""
        if not request.context.is_sampled:
            return []
        attributes: dict[str, Value] = {**request.attributes, NAMES["run"]: self.run}
        if request.error:
            attributes[NAMES["error"]] = request.error
        above = 0 if request.parent is None else request.parent.span
        trace, own, _, state = request.context
        times = request.start, request.end
        return [Span(request.name, SERVER, trace, own, above, *times, attributes, [], request.error, state)]

    def _act(self, kind: str, seq: int, call: int, record: dict[str, Any]) -> list[Span | None]:
        match kind:
            case "call":
                self._call(seq, call, record)
            case "ask":
                self._ask(seq, call, record)
            case "result":
                return self._ended(self.calls.pop(call, None), record)
            case "reply":
                return self._ended(self.asks.pop(call, None), record)
            case "fail":
                self._fail(record)
            case "grant":
                self._grant(seq, record)
            case "claim":
                return self._claim(record)
            case "artefact":
                return self._artefact(record)
            case _:
                return self._state(seq, record)
        return []

    def all(self, records: Iterable[dict[str, Any]]) -> Iterator[Span]:
        """Yield the spans of whole traces, each when it ends."""
        for record in records:
            yield from self.take(record)
        yield from self.end()

    def end(self) -> list[Span]:
        """Return the spans that are still open, and that of the run."""
        left = [*self.asks.values(), *self.calls.values(), *self.plans.values(), *self.grants.values()]
        for span in left:
            span.attributes[NAMES["unfinished"]] = True
        self.root.attributes |= {
            NAMES["operation"]: "invoke_workflow",
            NAMES["agent"]: self.root.name,
            NAMES["run"]: self.run,
        }
        self.root.name = f"invoke_workflow {self.root.name}".strip()
        found = [self._span(span, self.last, "") for span in [*left, *(() if self.is_part else (self.root,))]]
        self.asks, self.calls, self.plans, self.grants = {}, {}, {}, {}
        return [span for span in found if span is not None]

    # ---- what begins -------------------------------------------------------------------------------------------

    def _call(self, seq: int, call: int, record: dict[str, Any]) -> None:
        program, path = str(record.get("program", "")), str(record.get("path", ""))
        self.calls_seen[call] = seq
        if len(self.calls_seen) > _FAR:
            self.calls_seen.popitem(last=False)
        if program.startswith("·"):  # the own calls of a plan or a definition of done
            return
        conversation = self._conversation(seq, "")
        known = self.calls.get(conversation)
        span = _Open(seq, float(record["t"]), self._around(path, seq) if known is None else self._own(known))
        span.name = program
        span.asked = program in self.agents
        span.attributes[NAMES["path"]] = path
        if self.contents:
            span.attributes[NAMES["arguments"]] = _text(record.get("data"))
        self.calls[call] = span

    def _ask(self, seq: int, call: int, record: dict[str, Any]) -> None:
        program, model = str(record.get("program", "")), str(record.get("model", ""))
        conversation = self._conversation(seq, program)
        known = self.calls.get(conversation)
        if known is not None:
            known.asked = True
            known.attributes[NAMES["conversation"]] = f"{self.run}/{conversation}"
        self.conversations[call] = conversation
        if len(self.conversations) > _FAR:
            self.conversations.popitem(last=False)
        above = self._around(str(record.get("path", "")), seq) if known is None else self._own(known)
        span = _Open(seq, float(record["t"]), above, CLIENT)
        declared = self.models.get(model)
        name = model if declared is None else declared.argument or model
        span.name = f"chat {name}"
        span.attributes |= {
            NAMES["operation"]: "chat", NAMES["provider"]: "unknown" if declared is None else declared.provider, NAMES["request_model"]: name,
            NAMES["agent"]: program, NAMES["conversation"]: f"{self.run}/{conversation}", NAMES["path"]: str(record.get("path", "")),
        }  # fmt: skip
        if self.contents:
            span.attributes[NAMES["input_messages"]] = _text(record.get("data"))
        self.asks[call] = span

    def _conversation(self, seq: int, program: str) -> int:
        """Return the number of the call in whose conversation a record stands; 0 if it is in none. A request stands in the call of its program."""
        known = self.seen.get(seq)
        for _ in range(_STEPS):
            if known is None:
                return 0
            known = self.seen.get(known.cause)
            if known is None:
                return 0
            if known.kind == "call" and program and known.program == program:
                return known.call
            if known.kind == "reply" and known.call in self.conversations:
                found = self.conversations[known.call]
                if not program or self._program(found) in ("", program):
                    return found
            if known.kind == "result":  # the causes of its call lead on
                begun = self.calls_seen.get(known.call)
                known = self.seen.get(begun, known) if begun is not None else known
        return 0

    def _program(self, call: int) -> str:
        begun = self.calls_seen.get(call)
        known = self.seen.get(begun) if begun is not None else None
        return "" if known is None else known.program

    def _around(self, path: str, seq: int) -> Context:
        """Return the span in which what a coglet does stands: the nearest plan above it, the span from outside that has led to it, or the run."""
        known = self.seen.get(seq)
        context = None if known is None else known.context
        above = [p for p in self.plans if path == p or path.startswith(f"{p}/")]
        plan = self._own(self.plans[max(above, key=len)]) if above else None
        if plan is not None and context is not None and plan.trace != context.trace:
            plan = None
        return plan or context or self._own(self.root)

    # ---- setts -------------------------------------------------------------------------------------------------

    def granted(self, key: str) -> Context:
        """Return the context of the work of a grant (`grant_key`), also in a process that does not have its record; without a key, that of the run."""
        own = self._own(self.root)
        return own._replace(span=self._id(key)) if key else own

    def _grant(self, seq: int, record: dict[str, Any]) -> None:
        """Begin the work of a role on a claim."""
        claim, role = str(record.get("claim", "")), str(record.get("path", ""))
        key = grant_key(claim, role, bool(record.get("rework")))
        span = _Open(key, float(record["t"]), self._own(self.root))
        span.name, span.asked = role, True
        span.attributes |= {NAMES["path"]: role, NAMES["claim"]: claim, NAMES["bid"]: str(record.get("bid", ""))}
        self.grants[key] = span

    def _claim(self, record: dict[str, Any]) -> list[Span | None]:
        """Take note of the artefact of a claim. A claim that is closed ends the work on it that has made nothing."""
        claim, status = str(record.get("claim", "")), str(record.get("status", ""))
        self.claims[claim] = str(record.get("artefact", ""))
        if status not in ("complete", "terminated"):
            return []
        del self.claims[claim]
        left = [key for key, span in self.grants.items() if span.attributes[NAMES["claim"]] == claim]
        return [self._span(self.grants.pop(key), float(record["t"]), "cancelled") for key in left]

    def _artefact(self, record: dict[str, Any]) -> list[Span | None]:
        """End the work that has made an artefact: that of its role, on the claim on what it was made from."""
        data = record.get("data")
        sources = data.get("source_artefacts") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(sources, list) or not sources:
            return []
        for key, span in self.grants.items():
            about = self.claims.get(str(span.attributes[NAMES["claim"]]))
            if span.name == record.get("path") and about == sources[0]:
                if self.contents:
                    span.attributes[NAMES["output_messages"]] = _text(data.get("payload"))
                del self.grants[key]
                failed = data.get("structural_type") == "Failure"
                return [self._span(span, float(record["t"]), str(data.get("type")) if failed else "")]
        return []

    # ---- what ends ---------------------------------------------------------------------------------------------

    def _ended(self, span: _Open | None, record: dict[str, Any]) -> list[Span | None]:
        """Return the span that a result or a reply ends."""
        if span is None:
            return []
        error = str(record.get("error_kind") or "error") if "error" in record else ""
        data = record.get("data")
        if span.kind == CLIENT:
            self._reply(span, data)
        elif self.contents and not error:
            span.attributes[NAMES["result"]] = _text(data)
        return [self._span(span, float(record["t"]), error)]

    def _reply(self, span: _Open, data: Any) -> None:
        if not isinstance(data, dict):
            return
        usage = data.get("usage")
        usage = {k: v for k, v in usage.items() if isinstance(v, int)} if isinstance(usage, dict) else {}
        read, write = usage.get("cache_read", 0), usage.get("cache_write", 0)
        span.attributes |= {
            NAMES["input_tokens"]: usage.get("input", 0) + read + write,
            NAMES["output_tokens"]: usage.get("output", 0),
        }
        if read or write:
            span.attributes |= {NAMES["cache_read"]: read, NAMES["cache_write"]: write}
        if data.get("stop"):
            span.attributes[NAMES["finish"]] = [str(data["stop"])]
        if self.contents:
            span.attributes[NAMES["output_messages"]] = _text([{"role": "assistant", "content": data.get("content")}])

    def _fail(self, record: dict[str, Any]) -> None:
        attributes: dict[str, Value] = {
            NAMES["error"]: str(record.get("error_kind", "")),
            "exception.type": str(record.get("error_kind", "")),
            NAMES["path"]: str(record.get("path", "")),
        }
        if self.contents:
            attributes["exception.message"] = str(record.get("error", ""))
        self.root.events.append(Event(self._ns(float(record["t"])), "exception", attributes))

    def _state(self, seq: int, record: dict[str, Any]) -> list[Span | None]:
        """Take a state of a plan or a definition of done."""
        try:
            data = self.states.whole(record).get("data")
        except (ValueError, KeyError, TypeError):
            return []
        path, name, t = str(record.get("path", "")), str(record.get("name")), float(record["t"])
        if name == "·findings" and isinstance(data, list):
            before = self.found.get(path, 0)
            for finding in data[before if len(data) >= before else 0 :]:
                self._finding(path, t, finding)
            self.found[path] = len(data)
        if name != "·plan" or not isinstance(data, dict):
            return []
        span = self.plans.get(path)
        if span is None:
            span = self.plans[path] = _Open(seq, t, self._around(path, seq))
            span.name = f"plan {data.get('name', '')}".strip()
            span.attributes |= {NAMES["operation"]: "plan", NAMES["plan"]: str(data.get("id", "")), NAMES["path"]: path}
        status = str(data.get("status", ""))
        if status not in _OVER:
            return []
        del self.plans[path]
        return [self._span(span, t, "" if status in ("completed", "done") else status)]

    def _finding(self, path: str, t: float, finding: Any) -> None:
        if not isinstance(finding, dict):
            return
        attributes: dict[str, Value] = {
            NAMES["evaluation"]: str(finding.get("criterion", "")),
            NAMES["label"]: str(finding.get("status", "")),
            NAMES["path"]: path,
        }
        if self.contents:
            attributes[NAMES["explanation"]] = str(finding.get("details", ""))
        self.root.events.append(Event(self._ns(t), "gen_ai.evaluation.result", attributes))

    # ---- spans -------------------------------------------------------------------------------------------------

    def _span(self, span: _Open, end: float, error: str) -> Span | None:
        """Return a span that has ended; None if nobody keeps its trace."""
        if not span.above.is_sampled:
            return None
        if span.kind != CLIENT and NAMES["operation"] not in span.attributes:
            operation = "invoke_agent" if span.asked else "execute_tool"
            span.attributes[NAMES["operation"]] = operation
            span.attributes[NAMES["agent" if span.asked else "tool"]] = span.name
            if not span.asked:
                span.attributes[NAMES["tool_type"]] = "function"
            span.name = f"{operation} {span.name}"
        if error:
            span.attributes[NAMES["error"]] = error
        return Span(
            masked(span.name),
            span.kind,
            span.above.trace,
            self._id(span.seq),
            span.above.span,
            self._ns(span.t),
            self._ns(end),
            span.attributes,
            span.events,
            error,
            span.above.state,
        )

    def _id(self, seq: int | str) -> int:
        return _number(f"{self.run} {seq}", 8)

    def _ns(self, t: float) -> int:
        return self.epoch + round(t * 1e9)


def _number(text: str, size: int) -> int:
    """Return the number of so many bytes that a text is known by; never 0."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=size).digest()) or 1


def _text(data: Any) -> str:
    """Return a value as text: a string as it is, anything else as JSON."""
    return data if isinstance(data, str) else msgspec.json.encode(data).decode()

"""Trace contexts: the header of W3C, requests at doors as spans, what they lead to, and what goes out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cogc.run.contexts import (
    CURRENT,
    STATE,
    Context,
    Contexts,
    Request,
    Served,
    headers,
    of_environment,
    of_headers,
    parsed,
    within,
)
from cogc.run.session import Session
from cogc.run.settings import Settings
from cogc.traces.spans import SERVER, Span, Spans
from support.http_client import ask
from support.sessions import session
from support.specs import build
from support.waiting import until

T, S = "a" * 32, "b" * 16
SENT = f"00-{T}-{S}-01"
ABOVE = Context(int(T, 16), int(S, 16))


# ---- the header ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (SENT, ABOVE),
        (f"00-{T}-{S}-00", ABOVE._replace(flags=0)),
        (f"00-{T}-{S}-ff", ABOVE._replace(flags=255)),
        (f"cc-{T}-{S}-01-what-comes-later", ABOVE),
        (f"cc-{T}-{S}-01", ABOVE),
        (f"ff-{T}-{S}-01", None),
        (f"00-{T}-{S}-01-more", None),
        (f"00-{T}-{S}-01-", None),
        (f"cc-{T}-{S}-01.more", None),
        (f"00-{T.upper()}-{S}-01", None),
        (f"00-{'0' * 32}-{S}-01", None),
        (f"00-{T}-{'0' * 16}-01", None),
        (f"00-{T[1:]}-{S}-01", None),
        (f"00-{T}-{S}", None),
        (f" {SENT}", None),
        (f"{SENT}\n", None),
        (f"cc-{SENT[3:]}-{'x' * 600}", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_a_header_is_read_by_the_rules_of_w3c(header: object, wanted: Context | None) -> None:
    assert parsed(header) == wanted
    if wanted is not None:
        assert parsed(str(wanted)) == wanted._replace(flags=wanted.flags & 1)


LONG = "z" * 256
TENANT = f"{'1' * 241}@{'s' * 14}"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("a=1,b=2", "a=1,b=2"),
        ("a=1 \t , \t b=2,,\t c= 3 ,", "a=1,b=2,c= 3"),
        (f"{LONG}=1", f"{LONG}=1"),
        (f"{LONG}z=1", ""),
        (f"{TENANT}=1", f"{TENANT}=1"),
        (f"1{TENANT}=1", ""),
        (f"{TENANT}s=1", ""),
        ("a/b*-_=!;:~", "a/b*-_=!;:~"),
        ("1t@v=x y", "1t@v=x y"),
        ("a=1,a=2,b=3", "a=1,b=3"),
        (",".join(f"k{n}={n}" for n in range(32)), ",".join(f"k{n}={n}" for n in range(32))),
        (",".join(f"k{n}={n}" for n in range(33)), ""),
        *((wrong, "") for wrong in ("", ",", "a", "=1", "a=", "a=b=c", "A=1", "a.b=1", "a =1", "1a=1", "a@=1", "@a=1", "a@@b=1", "a@b@c=1")),
        *((f"a=1,{wrong}", "") for wrong in ("b=ä", "b=\x7f", "b=\n", "b=\x00", f"b={'x' * 257}")),
        ("a=1," + "," * 20_000, ""),
        (None, ""),
        (["a=1"], ""),
        # 512 characters at most: the long members go first, then the last ones
        (f"a=1,b={'x' * 200},c={'y' * 200},d={'z' * 100},e={'z' * 100}", f"a=1,b={'x' * 200},d={'z' * 100},e={'z' * 100}"),
        (",".join(f"{k}={'x' * 100}" for k in "abcdef"), ",".join(f"{k}={'x' * 100}" for k in "abcd")),
    ],
)  # fmt: skip
def test_a_list_of_states_is_read_by_the_rules_of_w3c(given: object, wanted: str) -> None:
    assert parsed(SENT, given) == ABOVE._replace(state=wanted)
    assert parsed("nonsense", given) is None
    if wanted:
        assert parsed(SENT, wanted) == ABOVE._replace(state=wanted)


def test_two_headers_are_none() -> None:
    assert of_headers([SENT]) == ABOVE
    assert of_headers([SENT, SENT]) is None and of_headers([]) is None


def test_lists_of_states_are_one_list() -> None:
    assert of_headers([SENT], ["a=1", "b=2,c=3"]) == ABOVE._replace(state="a=1,b=2,c=3")
    assert of_headers([SENT], ["a=1", "B=2"]) == ABOVE
    assert of_environment({"TRACEPARENT": SENT, "TRACESTATE": "a=1"}) == ABOVE._replace(state="a=1")
    assert of_environment({"TRACESTATE": "a=1"}) is None


def test_a_span_below_another_one_is_of_its_trace() -> None:
    below, new = within(ABOVE), within(None)
    assert below.trace == ABOVE.trace and below.span not in (0, ABOVE.span) and below.flags == 1
    assert within(ABOVE._replace(state="a=1")).carried[STATE] == "a=1" and STATE not in new.carried
    assert new.trace not in (0, ABOVE.trace) and within(None).trace != new.trace
    assert not within(ABOVE._replace(flags=0)).is_sampled


# ---- a run -----------------------------------------------------------------------------------------------------


class Kept:
    """An exporter that keeps what it would send."""

    def __init__(self, parent: Context | None = None) -> None:
        self.spans = Spans("r", 5, None, False, parent)
        self.found: list[Span] = []

    def take(self, records: list[dict[str, Any]]) -> None:
        for record in records:
            self.found += self.spans.take(record)

    def entered(self, record: int, context: Context) -> None:
        self.spans.enter(record, context)

    def called(self, path: str, context: Context) -> None:
        self.spans.called[path] = context

    def served(self, request: Served) -> None:
        self.found += self.spans.served(request)

    def call(self, number: int) -> Context | None:
        return self.spans.under_way(number)

    def ask(self, number: int) -> Context | None:
        return self.spans.under_way(number, asks=True)

    def of(self, made: Session) -> Kept:
        made.executors.settings.contexts.exporter = self
        made.taps.listeners.append(self.take)
        return self

    def named(self, name: str) -> list[Span]:
        return [span for span in self.found if span.name == name]


DOOR = """
program upper(x: string) -> string = shell ["echo", "{{ x }}"]
coglet Loud {
  listen q: string
  transmit a: string
  on q as x { a <- upper(x) }
}
coglet Main {
  listen q: string
  transmit a: string
  state last: string = ""
  create loud = Loud
  link self.q -> loud.q
  on loud.a as x { last = x
    a <- x }
  every 10ms { log debug last }
}
"""


def test_what_a_request_leads_to_stands_below_its_sender() -> None:
    pytest.importorskip("starlette")
    from support.desk import served

    kept = Kept()
    replies = []

    async def body(port: int, made: Session) -> None:
        kept.of(made)
        for path, header in (("/ask/q", SENT), ("/ask/q", "nonsense"), ("/in/q", SENT), ("/in/nothing", SENT)):
            replies.append(await ask(port, "POST", path, b'"x"', traceparent=header, tracestate="a=1, b=2"))
        await until(lambda: len(kept.named("execute_tool upper")) == 3)

    served(body, DOOR)
    kept.found += kept.spans.end()
    assert [reply.status for reply in replies] == [200, 200, 202, 404]
    answers = [parsed(reply.headers["traceparent"]) for reply in replies]
    assert all(answers) and len({a.span for a in answers if a}) == 4
    assert [reply.headers.get("tracestate") for reply in replies] == ["a=1,b=2", None, "a=1,b=2", "a=1,b=2"]
    requests = [span for span in kept.found if span.kind == SERVER]
    assert [span.state for span in requests] == ["a=1,b=2", "", "a=1,b=2", "a=1,b=2"]
    assert [(s.name, s.trace, s.id) for s in requests] == [
        (name, a.trace, a.span)
        for name, a in zip(["POST /ask/{channel}"] * 2 + ["POST /in/{channel}"] * 2, answers, strict=True)
        if a
    ]
    assert [(s.trace == ABOVE.trace, s.parent) for s in requests] == [
        (True, ABOVE.span), (False, 0), (True, ABOVE.span), (True, ABOVE.span),
    ]  # fmt: skip
    assert [s.attributes["http.response.status_code"] for s in requests] == [200, 200, 202, 404]
    calls = kept.named("execute_tool upper")
    assert [(c.trace, c.parent, c.state) for c in calls] == [(s.trace, s.id, s.state) for s in requests[:3]]
    run = kept.found[-1]
    assert run.name.startswith("invoke_workflow") and run.trace != ABOVE.trace


def test_a_trace_that_its_sender_does_not_keep_is_not_sent() -> None:
    kept = Kept()
    with Request(_contexts(kept), "POST /x", ABOVE._replace(flags=0), {}) as request:
        kept.entered(1, request.context)
        assert CURRENT.get() == request.context
    head = {"v": 1, "t": 0.0, "run": "r", "path": "Main"}
    kept.take([
        {**head, "seq": 1, "kind": "input", "cause": 0, "channel": "q", "data": 1},
        {**head, "seq": 2, "kind": "call", "cause": 1, "call": 1, "program": "f", "data": 1},
        {**head, "seq": 3, "kind": "result", "cause": 0, "path": "", "call": 1, "data": 1},
    ])  # fmt: skip
    assert kept.found == [] and CURRENT.get() is None
    assert [span.name for span in kept.spans.end()] == ["invoke_workflow"]


def test_a_request_that_ends_with_an_exception_has_its_kind() -> None:
    kept = Kept()
    with pytest.raises(ValueError, match="x"), Request(_contexts(kept), "POST /x", None, {"a": 1}):
        raise ValueError("x")
    assert kept.found[0].error == "ValueError" and kept.found[0].attributes["error.type"] == "ValueError"


def _contexts(kept: Kept) -> Contexts:
    found = Contexts()
    found.exporter = kept
    return found


# ---- MCP -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [{}, {"mode": "legacy"}], ids=["new", "old"])
def test_a_call_of_a_tool_stands_below_the_span_that_its_client_names(tmp_path: Path, mode: dict[str, Any]) -> None:
    pytest.importorskip("mcp")
    from mcp import Client

    from support.exported import served, write

    kept, answers = Kept(), []

    async def body(port: int, made: Session) -> None:
        kept.of(made)
        async with Client(f"http://127.0.0.1:{port}/mcp", **mode) as client:
            for header in (SENT, "nonsense"):
                meta: Any = {"traceparent": header, "tracestate": "a=1"}
                answers.append(await client.call_tool("Answerer", {"task": "a question"}, meta=meta))

    served(write(tmp_path), body)
    contexts = [parsed(answer.meta["traceparent"], answer.meta.get("tracestate")) for answer in answers]
    assert [c.state for c in contexts if c] == ["a=1", ""]
    requests = kept.named("tools/call Answerer")
    assert [Context(s.trace, s.id, 1, s.state) for s in requests] == contexts
    assert [s.parent for s in requests] == [ABOVE.span, 0] and requests[0].trace == ABOVE.trace
    agents = kept.named("invoke_agent Answerer")
    assert [(s.trace, s.parent) for s in agents] == [(s.trace, s.id) for s in requests]


ECHO = '''
from mcp.server import MCPServer
from mcp.server.mcpserver import Context

server = MCPServer("echo", log_level="ERROR")


@server.tool()
def header(ctx: Context) -> str:
    """Returns the headers of its call."""
    meta = ctx.request_context.meta or {}
    return f"{meta.get('traceparent')} {meta.get('tracestate')}"


server.run()
'''


def test_a_call_of_a_server_names_its_span(tmp_path: Path) -> None:
    pytest.importorskip("mcp")
    (tmp_path / "echo.py").write_text(ECHO)
    spec = f"""
mcp echo = stdio ["{sys.executable}", "{tmp_path / "echo.py"}"]
program header() -> string = mcp echo.header {{ timeout: 120s }}
coglet Main {{
  transmit out: string
  on start {{ out <- header() }}
}}
"""
    kept, settings = Kept(ABOVE._replace(state="a=1")), Settings()
    settings.contexts.exporter = kept
    made = session(build(spec), settings, on_records=kept.take)
    (call,) = kept.named("execute_tool header")
    assert made.outputs["out"] == [f"{Context(ABOVE.trace, call.id)} a=1"] and call.state == "a=1"


# ---- providers -------------------------------------------------------------------------------------------------


SPEC = """
model m = anthropic "claude-sonnet-5-5" { base_url: "URL", api_key: env("COGC_TEST_KEY") }
program ask(q: string) -> string = llm { model: m, prompt: "{{ q }}" }
coglet Main {
  listen q: string
  transmit out: any
  on q as q { out <- ask(q) }
}
"""


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("COGC_TEST_KEY", "k")
    yield


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("is_asked", [False, True])
def test_a_provider_gets_a_header_only_if_that_is_asked_for(is_asked: bool) -> None:
    pytest.importorskip("anthropic")
    from support.anthropic import reply, serve

    kept, settings = Kept(ABOVE._replace(state="a=1")), Settings()
    settings.contexts.exporter, settings.contexts.to_providers = kept, is_asked
    with serve() as server:
        server.will(reply("42"))
        text = SPEC.replace("URL", server.url)
        assert session(build(text), settings, inputs=[("q", "x")], on_records=kept.take).outputs["out"] == ["42"]
        sent = {name.lower(): value for name, value in server.headers[0].items()}
    chat = next(span for span in kept.found if span.name.startswith("chat"))
    assert sent.get("traceparent") == (str(Context(chat.trace, chat.id)) if is_asked else None)
    assert sent.get("tracestate") == ("a=1" if is_asked else None)
    assert headers() == {} and "traceparent" not in json.dumps(server.requests)

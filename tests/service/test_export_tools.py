"""Exported agents, plans, teams and programs as tools of MCP: the SDK's client asks in both generations of the protocol."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
import trio
from mcp import Client as McpClient, MCPError, StdioServerParameters
from mcp.client.extension import ClientExtension, ResultClaim
from mcp.shared.message import SessionMessage
from mcp_types import CallToolResult, JSONRPCResponse, Result, TextContent
from pydantic import ConfigDict, RootModel
from pydantic.alias_generators import to_camel

from cogc.commands.streams import Sink, flushed, lose_stdout
from cogc.run.session import Session
from cogc.service import mcp_stdio
from cogc.service.exports import MOST
from cogc.service.runtime import Runtime
from support.exported import served, write
from support.http_client import request
from support.runtimes import Client, served as runtime_served
from support.sessions import repeated
from support.waiting import DEADLINE, until

MODES: list[dict[str, Any]] = [{}, {"mode": "legacy"}]
NAMES = ["Answerer", "Crew", "Make", "Waiter", "add", "crash", "greet", "hang"]


@pytest.mark.parametrize(("target", "code"), [("reader", 5), ("full", 3)])
def test_a_client_that_is_gone_ends_the_server_and_a_full_stdout_is_said(
    target: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = os.open("/dev/full", os.O_WRONLY)
    if target == "reader":
        os.close(number)
        reader, number = os.pipe()
        os.close(reader)
    sink = Sink(number, "stdout")
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(sink)))
    wire, ends = mcp_stdio.Wire(number, lose_stdout), []
    wire.closed = lambda: ends.append("closed")
    trio.run(wire.write, "a")
    trio.run(wire.write, "b")
    assert ends == ["closed"] and flushed(code if target == "reader" else 0) == code
    os.close(number)


@pytest.mark.parametrize("reads", [True, False])
def test_a_client_that_closes_stdin_gets_all_answers_or_ends_the_server_if_it_does_not_read(
    reads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers are more than a pipe holds."""
    monkeypatch.setattr(mcp_stdio, "PATIENCE", DEADLINE if reads else 0.01)
    monkeypatch.setattr(mcp_stdio, "_read", lambda: b"")
    reader, writer = os.pipe()
    size, got = 1 << 18, bytearray()

    class Answering:
        """A server that answers when there are no more requests."""

        def create_initialization_options(self) -> None: ...

        async def run(self, read: Any, write: Any, options: None) -> None:
            async for _ in read:
                raise AssertionError("there is no request")
            answer = JSONRPCResponse(jsonrpc="2.0", id=1, result={"text": "x" * size})
            await write.send(SessionMessage(answer))
            await write.aclose()

    async def main() -> None:
        begun, closed = trio.Event(), trio.Event()
        begun.set()
        wire = mcp_stdio.Wire(writer, lose_stdout)
        with trio.fail_after(DEADLINE):
            async with mcp_stdio.over_stdio(Answering(), wire, closed.set, begun):  # type: ignore[arg-type]  # as much of a server as is used
                while reads and not got.endswith(b"\n"):
                    got.extend(await trio.to_thread.run_sync(os.read, reader, 1 << 16))
                await closed.wait()

    trio.run(main)
    os.close(reader)  # the thread that writes ends by this
    os.close(writer)
    assert len(got) > size if reads else not got


def alive() -> list[str]:
    """The sleepers that calls have left behind, or are waiting for."""
    found = subprocess.run(["pgrep", "-fx", "sleep 1000"], capture_output=True, text=True, check=False)
    return found.stdout.split()


@asynccontextmanager
async def over_stdio(spec: Path, *words: str, **options: Any) -> AsyncIterator[McpClient]:
    line = [sys.executable, "-m", "cogc", "mcp", str(spec), "--state", str(spec.parent / "state"), *words]
    server = StdioServerParameters(command=line[0], args=line[1:], cwd=str(spec.parent))
    with trio.fail_after(DEADLINE):
        async with McpClient(server, **options) as client:
            yield client


async def all_kinds(client: Any) -> None:
    """Ask each kind of tool, rightly and wrongly."""
    tools = {t.name: t for t in (await client.list_tools()).tools}
    assert sorted(tools) == NAMES
    assert tools["add"].description == "Adds two numbers."
    assert tools["add"].input_schema["properties"] == {"a": {"type": "integer"}, "b": {"type": "integer"}}
    assert tools["add"].input_schema["required"] == ["a"]
    assert tools["greet"].input_schema["$defs"]["Person"]["properties"]["age"] == {"type": "integer", "default": 1}
    assert tools["Answerer"].output_schema["properties"] == {"answer": {"type": "string"}}

    async def ask(tool: str, **given: Any) -> tuple[Any, Any]:
        found = await client.call_tool(tool, given)
        assert len(found.content) == 1
        return found.structured_content, found.content[0].text if found.is_error else None

    assert await ask("add", a=1, b=2) == ({"result": 3}, None)
    assert await ask("add", a=1) == ({"result": 2}, None)
    assert await ask("greet", who={"name": "Ada"}) == ({"name": "dear Ada", "age": 1}, None)
    assert await ask("Answerer", task="a question") == ({"answer": "42"}, None)
    assert await ask("Crew", task="a question") == ({"result": {"answer": "42"}}, None)
    assert await ask("Make", feature="x") == ({"result": {"a": "done", "b": "twice"}}, None)
    for tool, given, words in [
        ("add", {"a": "x"}, "`a`: expected int"),
        ("add", {}, "`add` needs `a`: it takes a: int, b?: int"),
        ("add", {"a": 1, "c": 2}, "`add` takes no `c`"),
        ("add", {"a": 1 << 70}, "`a`"),
        ("greet", {"who": {"name": 1}}, "`who`: `name`: expected string"),
        ("Answerer", {"task": 1}, "`task`: a text is wanted"),
    ]:
        structured, said = await ask(tool, **given)
        assert structured is None and said.startswith("type: ") and words in said, said
    failed = await client.call_tool("crash", {"x": 1})
    assert failed.is_error and failed.meta["dev.cogc/failure"]["kind"] == "program"
    assert (await ask("Crew", task="nothing fits"))[1].startswith("program: ")
    assert (await ask("Make", goal="again and again", feature="x"))[1] is None
    with pytest.raises(MCPError, match="there is no tool `nothing`"):
        await client.call_tool("nothing", {})


@pytest.mark.parametrize("mode", MODES)
def test_each_kind_is_a_tool_over_pipes(tmp_path: Path, mode: dict[str, Any]) -> None:
    async def main() -> None:
        async with over_stdio(write(tmp_path), **mode) as client:
            await all_kinds(client)

    trio.run(main)


@pytest.mark.parametrize("mode", MODES)
def test_each_kind_is_a_tool_over_http_and_a_replay_repeats_the_calls(tmp_path: Path, mode: dict[str, Any]) -> None:
    async def body(port: int, _made: Session) -> None:
        async with McpClient(f"http://127.0.0.1:{port}/mcp", **mode) as client:
            await all_kinds(client)

    made, journal, trace = served(write(tmp_path), body)
    kernel, _, again = repeated(made.kernel.unit.bundle, journal, tmp_path)
    assert again == trace and kernel.root is not None and not kernel.root.members()
    assert made.kernel.losses.failures == 0, "whoever has called has heard of the failure"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("tool", "given"), [("hang", {"task": "t", "result": 1}), ("Waiter", {"task": "wait"})])
def test_a_call_that_is_given_up_is_cancelled_in_the_kernel(
    tmp_path: Path, mode: dict[str, Any], tool: str, given: dict[str, Any]
) -> None:
    async def body(port: int, made: Session) -> None:
        async with McpClient(f"http://127.0.0.1:{port}/mcp", **mode) as client:
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(client.call_tool, tool, given)
                    await until(lambda: made.under_way() if callable(made.under_way) else made.under_way)
                    scope.cancel()
            await until(lambda: not made.kernel.calls)
            assert made.kernel.root is not None
            await until(lambda: made.kernel.root and not made.kernel.root.members())
            assert (await client.call_tool("add", {"a": 1})).structured_content == {"result": 2}

    served(write(tmp_path), body)


@pytest.mark.parametrize("mode", MODES)
def test_progress_of_a_plan_is_told_with_its_whole(tmp_path: Path, mode: dict[str, Any]) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def hear(done: float, total: float | None, words: str | None) -> None:
        told.append((done, total, words))

    async def main() -> None:
        async with over_stdio(write(tmp_path), **mode) as client:
            await client.call_tool("Make", {"feature": "x"}, progress_callback=hear)

    trio.run(main)
    assert told and all(total == 2.0 for _, total, _ in told)
    assert [d for d, _, _ in told] == sorted({d for d, _, _ in told})


def test_the_end_of_stdin_and_a_signal_end_the_run(tmp_path: Path) -> None:
    spec = write(tmp_path, 'coglet Main { on stop { log warn "bye" } }\n')
    line = [sys.executable, "-m", "cogc", "mcp", str(spec), "--state", str(tmp_path / "state")]
    for signalled, code in [(False, 0), (True, 0)]:
        with subprocess.Popen(
            line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
        ) as started:
            assert started.stdin is not None and started.stdout is not None and started.stderr is not None
            started.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\nno json\n')
            started.stdin.flush()
            assert b'"id":1' in started.stdout.readline()
            if signalled:
                started.send_signal(signal.SIGTERM)
                assert started.wait(DEADLINE) == code, "it does not wait for its client"
            started.stdin.close()
            assert started.wait(DEADLINE) == code
            assert b"warn  Main: bye" in started.stderr.read()


def test_what_goes_with_a_spec_is_refused_without_one(tmp_path: Path) -> None:
    for words, said in [
        (["--set", "x=1"], "--set goes with SPEC"),
        ([str(write(tmp_path)), "--sim"], "--sim and --stdin have no place here"),
    ]:
        line = [sys.executable, "-m", "cogc", "mcp", *words]
        found = subprocess.run(
            line, capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=tmp_path, check=False
        )
        assert found.returncode == 2 and said in found.stderr, found.stderr


@pytest.mark.parametrize("mode", MODES)
def test_a_runtime_has_the_exports_of_its_specs_beside_its_own_tools(tmp_path: Path, mode: dict[str, Any]) -> None:
    spec = write(tmp_path, "export program list_links(a: int) -> int = expr a\ncoglet Main { state n: int = 1 }\n")

    async def does(http: Client, runtime: Runtime) -> None:
        async with McpClient(f"http://127.0.0.1:{http.port}/mcp", **mode) as client:

            async def own() -> list[str]:
                return sorted(
                    {t.name for t in (await client.list_tools(cache_mode="bypass")).tools} & {*NAMES, "list_links_2"}
                )

            assert await own() == []
            first, second = await http.create(str(spec)), await http.create(str(spec))
            assert await own() == sorted([*NAMES, "list_links_2"])
            assert (await client.call_tool("add", {"a": 1})).structured_content == {"result": 2}
            assert (await client.call_tool("list_links_2", {"a": 7})).structured_content == {"result": 7}
            assert json.loads((await client.call_tool("list_links", {})).content[0].text) == {"links": []}
            await http.post(f"/stop/{first}")
            assert len(await own()) == 9
            await http.post(f"/stop/{second}")
            assert await own() == []
            assert not runtime.members.instances()

    runtime_served(does, tmp_path)


# ---- tasks ---------------------------------------------------------------------------------------------------


class Started(Result):
    """The handle of a task, as the extension has it."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
    result_type: Literal["task"] = "task"
    task_id: str
    status: str
    ttl_ms: int
    poll_interval_ms: int


class Data(RootModel[dict[str, Any]]):
    """Whatever a request answers."""


class Tasks(ClientExtension):
    """The client's side of the extension: it polls a task until it is over."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self, act: Callable[[Any, Started], Awaitable[CallToolResult]]) -> None:
        self.act = act

    def claims(self) -> list[ResultClaim[Any]]:
        async def resolve(started: Started, context: Any) -> CallToolResult:
            return await self.act(context.session, started)

        return [ResultClaim(result_type="task", model=Started, resolve=resolve)]


async def asked(session: Any, method: str, **params: Any) -> dict[str, Any]:
    """The answer to a request that the client has no method for."""
    from mcp_types import Request, RequestParams

    class Params(RequestParams):
        model_config = ConfigDict(extra="allow")

    class Asked(Request[Params, str]):
        method: str
        params: Params

    found: Data = await session.send_request(Asked(method=method, params=Params(**params)), Data)
    return found.root


def test_a_long_call_is_a_task_for_clients_that_know_tasks(tmp_path: Path) -> None:
    seen: list[str] = []

    async def poll(session: Any, started: Started) -> CallToolResult:
        while True:
            found = await asked(session, "tasks/get", taskId=started.task_id)
            seen.append(found["status"])
            if found["status"] == "completed":
                return CallToolResult.model_validate(found["result"])
            await trio.sleep(0.02)

    async def body(port: int, made: Session) -> None:
        url = f"http://127.0.0.1:{port}/mcp"
        async with McpClient(url, extensions=[Tasks(poll)]) as client:
            assert (await client.call_tool("Answerer", {"task": "a question"})).structured_content == {"answer": "42"}
            assert seen[-1] == "completed" and set(seen) <= {"working", "completed"}
            failed = await client.call_tool("Answerer", {"task": "nothing"})
            assert failed.is_error and failed.content[0].text.startswith("program: ")  # type: ignore[union-attr]
            seen.clear()
            assert (await client.call_tool("add", {"a": 1})).structured_content == {"result": 2}
            assert not seen, "a program answers at once"
            wrong = await client.call_tool("Answerer", {})
            assert wrong.is_error and not seen
            with pytest.raises(MCPError, match="there is no task"):
                await asked(client.session, "tasks/get", taskId="nothing")

        async def cancel(session: Any, started: Started) -> CallToolResult:
            await until(lambda: made.kernel.calls)
            await asked(session, "tasks/cancel", taskId=started.task_id)
            await until(lambda: not made.kernel.calls)
            found = await asked(session, "tasks/get", taskId=started.task_id)
            return CallToolResult(content=[TextContent(type="text", text=found["status"])], is_error=True)

        async with McpClient(url, extensions=[Tasks(cancel)]) as client:
            found = await client.call_tool("Waiter", {"task": "wait"})
            assert found.content[0].text == "cancelled"  # type: ignore[union-attr]
        async with McpClient(url) as client:
            assert (await client.call_tool("Answerer", {"task": "a question"})).structured_content == {"answer": "42"}

    served(write(tmp_path), body)


class OldClient:
    """A client of 2025-11-25 by hand: that of the SDK takes no task for an answer."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.more: dict[str, str] = {}

    async def post(self, method: str, id: int | None = 1, **params: Any) -> Any:
        """Return the answer to a request, or None for a notification."""
        message = {"jsonrpc": "2.0", "method": method, "params": params, **({"id": id} if id is not None else {})}
        head = {"Content_Type": "application/json", "Accept": "application/json, text/event-stream", **self.more}
        async with await trio.open_tcp_stream("127.0.0.1", self.port) as stream:
            await stream.send_all(request("POST", "/mcp", json.dumps(message).encode(), **head))
            found = b""
            while b"data: {" not in found and (id is not None or b"\r\n\r\n" not in found):
                found += await stream.receive_some()
        if b"mcp-session-id: " in found.lower():
            self.more["Mcp_Session_Id"] = found.lower().split(b"mcp-session-id: ")[1].split(b"\r")[0].decode()
        if id is None:
            return None
        return json.loads(found.split(b"data: ")[1].split(b"\r\n")[0].split(b"\n")[0])


def test_a_client_of_the_old_protocol_asks_for_a_task_with_its_call(tmp_path: Path) -> None:
    async def body(port: int, made: Session) -> None:
        client = OldClient(port)
        info = {"name": "test", "version": "1"}
        begun = await client.post("initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo=info)
        assert begun["result"]["capabilities"]["tasks"] == {"cancel": {}, "requests": {"tools": {"call": {}}}}
        await client.post("notifications/initialized", None)
        tools = {t["name"]: t for t in (await client.post("tools/list"))["result"]["tools"]}
        assert tools["Answerer"]["execution"] == {"taskSupport": "optional"} and "execution" not in tools["add"]

        async def begin(name: str, task: str) -> dict[str, Any]:
            found = await client.post("tools/call", name=name, arguments={"task": task}, task={"ttl": 1000})
            return dict(found["result"]["task"])

        id = (await begin("Answerer", "a question"))["taskId"]
        found = (await client.post("tasks/result", taskId=id))["result"]
        assert found["structuredContent"] == {"answer": "42"}
        assert found["_meta"]["io.modelcontextprotocol/related-task"] == {"taskId": id}
        assert (await client.post("tasks/get", taskId=id))["result"]["status"] == "completed"
        assert (await client.post("tasks/cancel", taskId=id))["error"]["code"] == -32602
        task = await begin("Waiter", "wait")
        assert task["status"] == "working" and task["pollInterval"] == 1000
        await until(lambda: made.kernel.calls)
        cancelled = (await client.post("tasks/cancel", taskId=task["taskId"]))["result"]
        assert cancelled["status"] == "cancelled" and not made.kernel.calls
        assert "cancelled" in (await client.post("tasks/result", taskId=task["taskId"]))["error"]["message"]

    served(write(tmp_path), body)


def test_too_many_calls_at_once_are_refused(tmp_path: Path) -> None:
    async def body(port: int, made: Session) -> None:
        async with McpClient(f"http://127.0.0.1:{port}/mcp") as client:
            async with trio.open_nursery() as nursery:
                for n in range(MOST):
                    nursery.start_soon(client.call_tool, "hang", {"task": "t", "result": n})
                await until(lambda: len(made.kernel.calls) == MOST)
                refused = await client.call_tool("add", {"a": 1})
                assert refused.is_error and refused.content[0].text.startswith("busy: ")  # type: ignore[union-attr]
                nursery.cancel_scope.cancel()
            await until(lambda: not made.kernel.calls)
            assert (await client.call_tool("add", {"a": 1})).structured_content == {"result": 2}

    served(write(tmp_path), body)

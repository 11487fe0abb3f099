"""Servers of MCP that misbehave: one bad tool, an endless list, stray output or a silent call ends nothing but itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio

pytest.importorskip("mcp")

from mcp import MCPError
from mcp.types import jsonrpc_message_adapter

from cogc.kernel.unit import Unit
from cogc.language.values import Failure
from cogc.run.mcp_transport import _read_again, _Reading, usable
from cogc.run.servers import Servers, _finite, _Link
from support.cli import cogc
from support.sessions import session
from support.specs import build

RAW = str(Path(__file__).parent / "support" / "raw_mcp.py")
GOOD = {
    "name": "find",
    "description": "Finds.",
    "inputSchema": {"type": "object", "properties": {"q": {"type": "string"}}},
}


def server(more: str = "", **behaviour: Any) -> str:
    words = json.dumps([sys.executable, RAW, json.dumps({"tools": [GOOD], **behaviour})])
    return f"mcp s = stdio {words} {{ {more} }}\n".replace("{  }", "")


@pytest.mark.parametrize(
    ("tool", "reason"),
    [
        ("text", "it has no name"), ({"inputSchema": {}}, "it has no name"), ({"name": ""}, "it has no name"),
        ({"name": "t", "inputSchema": "x"}, "the schema of its input is no record"),
        ({"name": "t", "inputSchema": {"type": "string"}}, "of type 'string', not object"),
        ({"name": "t", "inputSchema": {"type": "object", "properties": 3}}, "is wrong: 3 is not of type 'object'"),
    ],
)  # fmt: skip
def test_a_tool_that_cannot_be_used_is_left_out_with_the_reason(tool: Any, reason: str) -> None:
    left_out: dict[str, str] = {}
    assert usable(tool, left_out) is None
    assert reason in next(iter(left_out.values()))


def test_a_tool_that_can_be_put_right_is_kept() -> None:
    tool = {"name": "t", "description": None, "inputSchema": {}, "outputSchema": {"type": "string"}}
    assert usable(tool, {}) == {"name": "t", "inputSchema": {"type": "object"}}
    assert usable(GOOD, {}) == GOOD


def test_one_bad_tool_and_stray_output_leave_the_others(tmp_path: Path) -> None:
    bad = {"name": "odd", "inputSchema": {"type": "string"}}
    spec = server(tools=[GOOD, bad, {"name": "bare", "inputSchema": {}}], noise=["starting ...", "{}"])
    (tmp_path / "a.cog").write_text(spec + "program find(q: string) -> string = mcp s.find\n")
    done = cogc("check", "--online", "a.cog", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.count("COG425") == 1 and "`odd`" in done.stdout
    assert all(line.startswith("cogc: mcp: ") for line in done.stderr.splitlines())
    tools = json.loads((tmp_path / "cogc.lock.json").read_text())["servers"]["s"]["tools"]
    assert list(tools) == ["find", "bare"]


def test_a_list_without_end_is_a_diagnostic(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(server(endless=True) + "program find(q: string) -> string = mcp s.find\n")
    done = cogc("check", "--online", "a.cog", cwd=tmp_path)
    assert done.returncode == 1 and "COG422" in done.stdout and "the cursor does not move" in done.stdout


SPEC = """
program find(q: string) -> string = mcp s.find
coglet Main { transmit out: any
  on start { out <- find("x") } else as e { out <- [e.kind, e.message] } }
"""


def out(more: str = "", **behaviour: Any) -> Any:
    return session(build(server(more, **behaviour) + SPEC)).outputs["out"][0]


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"type": "image", "mimeType": "image/png", "data": "AAAA"}, "[image, image/png, 3 bytes: not shown, it is said to be image/png, and is of a type that is not known]"),
        ({"type": "audio", "mimeType": "audio/wav", "data": "AAAAAAAA"}, "[audio audio/wav, 6 bytes: not shown]"),
        ({"type": "resource", "resource": {"uri": "file:///x", "text": "inside"}}, "inside"),
        ({"type": "resource", "resource": {"uri": "file:///x", "blob": "AAAA"}}, "[resource file:///x, of an unknown type: not shown]"),
        ({"type": "resource_link", "uri": "file:///y", "name": "y"}, "[resource file:///y: y]"),
    ],
)  # fmt: skip
def test_what_is_no_text_is_named(block: dict[str, Any], words: str) -> None:
    assert out(result={"content": [{"type": "text", "text": "a shot"}, block]}) == f"a shot\n{words}"


def test_the_timeout_of_a_server_bounds_each_call() -> None:
    assert out("timeout: 2s") == ["timeout", "`s.find` took longer than 2s, the `timeout` of its server"]


def test_an_answer_that_breaks_the_protocol_is_a_failure_of_the_call() -> None:
    kind, message = out(result={"content": "text"})
    assert kind == "program" and message.startswith("the MCP server `s` breaks the protocol")


class Client:
    """A client of a server whose calls end as they are told to: by a text, or by an error."""

    session = SimpleNamespace()

    def __init__(self, *ends: str | MCPError) -> None:
        self.ends = list(ends)

    async def list_tools(self, cursor: str | None) -> Any:
        return SimpleNamespace(tools=[], ttl_ms=None, next_cursor=None)

    async def call_tool(self, name: str, given: Any, meta: Any) -> Any:
        end = self.ends.pop(0)
        if isinstance(end, MCPError):
            raise end
        content = [SimpleNamespace(type="text", text=end)]
        return SimpleNamespace(content=content, is_error=False, structured_content=None)


def calls(*clients: Client, between: Any = lambda link: None) -> list[str]:
    """Return what two calls give, each of a server whose clients come in this order. `between` is done between them."""
    bundle = build(server() + SPEC)
    key = Unit(bundle), next(iter(bundle.servers))
    links = [_Link(client, {}, []) for client in clients]
    waiting = iter(links)

    async def hold(*_: Any) -> _Link:
        return next(waiting)

    servers = Servers(".", SimpleNamespace(hold=hold))  # type: ignore[arg-type]

    async def call() -> str:
        try:
            return str(await servers.call(key, "find", {}, "id"))
        except Failure as failure:
            return failure.message

    async def main() -> list[str]:
        first = await call()
        between(links[0])
        return [first, await call()]

    return trio.run(main)


def error(message: str) -> MCPError:
    return MCPError(code=-32000, message=message)


def test_a_server_that_died_between_two_calls_costs_no_call() -> None:
    def die(link: _Link) -> None:
        link.ended = True

    assert calls(Client("one"), Client("two"), between=die) == ["one", "two"]


def test_a_server_that_dies_in_a_call_fails_it_and_serves_the_next_one() -> None:
    first, second = calls(Client(error("Connection closed")), Client("two"))
    assert first == "the MCP server `s`: Connection closed" and second == "two"


def test_a_server_that_does_not_know_its_client_any_more_is_greeted_anew() -> None:
    assert calls(Client("one", error("Session terminated")), Client("two")) == ["one", "two"]
    again = error("Session terminated")
    assert calls(Client(again), Client(again), Client("x")) == ["the MCP server `s`: Session terminated", "x"]


def test_the_end_of_what_a_server_says_is_noticed() -> None:
    async def main() -> int:
        ends: list[int] = []
        send, receive = trio.open_memory_channel[Any](1)
        await send.send(ValueError("no message"))
        send.close()
        with pytest.raises(StopAsyncIteration):
            await _Reading(receive, {}, lambda: ends.append(1)).__anext__()
        return len(ends)

    assert trio.run(main) == 1


def unread(line: str) -> Any:
    """Return what becomes of a line that the SDK could not read."""
    with pytest.raises(ValueError) as error:
        jsonrpc_message_adapter.validate_json(line, by_name=False)
    return _read_again(error.value)


def test_a_line_that_the_sdk_cannot_read_is_put_right() -> None:
    head = '{"jsonrpc": "2.0", "id": 7, "result": '
    assert unread(head + '{"text": "half \\ud83d end"}}').message.result == {"text": "half \ufffd end"}
    assert unread(head + '{"a": -Infinity, "b": "\\ud83d"}}').message.result == {"a": None, "b": "\ufffd"}


def test_an_answer_that_cannot_be_read_is_an_error_for_its_call(capsys: pytest.CaptureFixture[str]) -> None:
    found = unread('{"jsonrpc": "2.0", "id": 7, "result": 5}').message
    assert (found.id, found.error.message) == (7, "its answer breaks the protocol")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "line", ["starting \x1b[31m...", "{}", "[1, 2]", "5", '{"jsonrpc": "2.0", "method": 5}', "[" * 5_000]
)
def test_a_line_that_is_no_message_is_dropped_with_one_line(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert unread(line) is None
    said = capsys.readouterr().err
    assert said.startswith("cogc: mcp: a ") and "is dropped: " in said and said.count("\n") == 1 and "\x1b" not in said


def test_what_json_does_not_have_is_null_in_a_result() -> None:
    assert _finite({"a": [1.5, float("nan")], "b": {"c": float("inf"), "d": "nan"}}) == {
        "a": [1.5, None],
        "b": {"c": None, "d": "nan"},
    }

"""A2A 1.0: the client of a2a-sdk asks a served spec over a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from a2a.client import ClientConfig, ClientFactory
from a2a.types.a2a_pb2 import (
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    SendMessageRequest,
    SubscribeToTaskRequest,
)
from a2a.utils import errors
from google.protobuf.json_format import MessageToDict, ParseDict

from cogc.run.session import Session
from support.exported import SPEC, served, write
from support.http_client import ask
from support.waiting import until

Act = Callable[[Any], Awaitable[Any]]


def with_client(
    place: Path, act: Act, streaming: bool = False, watch: Callable[[Session], Awaitable[None]] | None = None,
    token: str | None = None, more: str = "",
) -> Session:  # fmt: skip
    """Serve the spec while the SDK's client, which needs asyncio, acts in a thread."""

    async def client(port: int) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(timeout=30, headers=headers) as http:
            made = ClientFactory(ClientConfig(httpx_client=http, streaming=streaming))
            await act(await made.create_from_url(f"http://127.0.0.1:{port}"))

    async def body(port: int, made: Session) -> None:
        async with trio.open_nursery() as nursery:
            if watch is not None:
                nursery.start_soon(watch, made)
            await trio.to_thread.run_sync(lambda: asyncio.run(client(port)))

    return served(write(place, more), body, token)[0]


def message(skill: str, *parts: Any, **more: Any) -> SendMessageRequest:
    """A message with texts and data."""
    given = [{"text": p} if isinstance(p, str) else {"data": p} for p in parts]
    told = {"messageId": "m1", "role": "ROLE_USER", "parts": given, "metadata": {"skill": skill}}
    return ParseDict({"message": told, **more}, SendMessageRequest())


async def replies(client: Any, request: SendMessageRequest) -> list[dict[str, Any]]:
    return [MessageToDict(e) async for e in client.send_message(request)]


def said(task: dict[str, Any]) -> str:
    return str(task["status"]["message"]["parts"][0]["text"])


def test_a_message_is_a_call_and_its_answer_an_artifact(tmp_path: Path) -> None:
    async def act(client: Any) -> None:
        for request, parts in [
            (message("Answerer", "a question"), [{"data": {"answer": "42"}, "mediaType": "application/json"}]),
            (message("add", {"a": 1, "b": 2}), [{"data": 3.0, "mediaType": "application/json"}]),
            (
                message("Make", {"feature": "x"}),
                [{"data": {"a": "done", "b": "twice"}, "mediaType": "application/json"}],
            ),
            (
                message("Make", "again", {"feature": "x"}),
                [{"data": {"a": "twice", "b": "twice"}, "mediaType": "application/json"}],
            ),
            (message("Crew", "a question"), [{"data": {"answer": "42"}, "mediaType": "application/json"}]),
        ]:
            (reply,) = await replies(client, request)
            task = reply["task"]
            assert task["status"]["state"] == "TASK_STATE_COMPLETED", task
            assert task["artifacts"][0]["parts"] == parts and task["history"][0]["messageId"] == "m1"
            again = MessageToDict(await client.get_task(GetTaskRequest(id=task["id"])))
            assert again == task
        listed = MessageToDict(await client.list_tasks(ListTasksRequest(page_size=2)))
        assert len(listed["tasks"]) == 2 and listed["totalSize"] == 5 and "artifacts" not in listed["tasks"][0]
        rest = await client.list_tasks(ListTasksRequest(page_size=4, page_token=listed["nextPageToken"]))
        assert len(rest.tasks) == 3 and not rest.next_page_token

    with_client(tmp_path, act)


def test_a_failure_has_its_kind_and_what_is_wrong_is_told(tmp_path: Path) -> None:
    async def act(client: Any) -> None:
        (reply,) = await replies(client, message("crash", {"x": 1}))
        assert reply["task"]["status"]["state"] == "TASK_STATE_FAILED"
        assert said(reply["task"]) == "program: `false` ended with code 1"
        for request, words in [
            (message("add", {"a": "x"}), "type: `a`: expected int"),
            (message("add", {}), "type: `add` needs `a`"),
            (message("add", "one"), "takes a part with `data`, and no text"),
            (message("nothing", "x"), "`metadata.skill` names the skill: one of `add`"),
            (
                ParseDict(
                    {"message": {"messageId": "m", "parts": [{"url": "http://x"}], "metadata": {"skill": "add"}}},
                    SendMessageRequest(),
                ),
                "a part is a `text`",
            ),
        ]:
            with pytest.raises(errors.InvalidParamsError) as wrong:
                await replies(client, request)
            assert words in wrong.value.message
        with pytest.raises(errors.TaskNotFoundError):
            await client.get_task(GetTaskRequest(id="nothing"))
        with pytest.raises(errors.TaskNotFoundError):
            await client.cancel_task(CancelTaskRequest(id="nothing"))
        with pytest.raises(errors.TaskNotCancelableError):
            await client.cancel_task(CancelTaskRequest(id=reply["task"]["id"]))
        with pytest.raises(errors.UnsupportedOperationError):
            await replies(
                client,
                ParseDict(
                    {"message": {"messageId": "m", "taskId": reply["task"]["id"], "parts": [{"text": "x"}]}},
                    SendMessageRequest(),
                ),
            )

    with_client(tmp_path, act)


def test_a_stream_has_the_steps_of_a_plan_and_then_the_answer(tmp_path: Path) -> None:
    async def act(client: Any) -> None:
        found = await replies(client, message("Make", {"feature": "x"}))
        assert list(found[0]) == ["task"] and found[0]["task"]["status"]["state"] == "TASK_STATE_WORKING"
        told = [said(u["statusUpdate"]) for u in found[1:-2]]
        assert [t for t in told if t.startswith("step")] == [
            "step a: in_progress", "step a: completed", "step b: in_progress", "step b: completed",
        ]  # fmt: skip
        assert found[-2]["artifactUpdate"]["lastChunk"] and not found[-2]["artifactUpdate"].get("append")
        assert found[-2]["artifactUpdate"]["artifact"]["parts"][0]["data"] == {"a": "done", "b": "twice"}
        assert found[-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"

    with_client(tmp_path, act, streaming=True)


def test_pieces_of_an_answer_are_pieces_of_its_artifact(tmp_path: Path) -> None:
    async def act(client: Any) -> None:
        found = await replies(client, message("Teller", "do tell"))
        pieces = [u["artifactUpdate"] for u in found if "artifactUpdate" in u]
        assert "".join(p["artifact"]["parts"][0]["text"] for p in pieces[:-1]) == "done"
        assert pieces[-1]["artifact"]["parts"][0]["text"] == "done" and pieces[-1]["lastChunk"]

    with_client(tmp_path, act, streaming=True, more="export agent Teller { model: m }\n")


def test_a_task_is_followed_and_cancelled_in_the_kernel(tmp_path: Path) -> None:
    cancelled: list[bool] = []

    async def watch(made: Session) -> None:
        await until(lambda: made.kernel.calls)
        await until(lambda: cancelled)
        assert not made.kernel.calls and made.kernel.root is not None
        await until(lambda: made.kernel.root and not made.kernel.root.members())

    async def follow(stream: Any, seen: list[dict[str, Any]], begun: asyncio.Event) -> None:
        async for event in stream:
            seen.append(MessageToDict(event))
            begun.set()

    async def act(client: Any) -> None:
        first: list[dict[str, Any]] = []
        second: list[dict[str, Any]] = []
        begun, again = asyncio.Event(), asyncio.Event()
        sending = asyncio.create_task(follow(client.send_message(message("Waiter", "wait")), first, begun))
        await begun.wait()
        id = first[0]["task"]["id"]
        following = asyncio.create_task(follow(client.subscribe(SubscribeToTaskRequest(id=id)), second, again))
        await again.wait()
        sending.cancel()  # who goes away from a stream does not give the task up
        assert MessageToDict(await client.get_task(GetTaskRequest(id=id)))["status"]["state"] == "TASK_STATE_WORKING"
        task = MessageToDict(await client.cancel_task(CancelTaskRequest(id=id)))
        assert task["status"]["state"] == "TASK_STATE_CANCELED"
        cancelled.append(True)
        await following
        assert second[-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_CANCELED"
        with pytest.raises(errors.UnsupportedOperationError):
            await follow(client.subscribe(SubscribeToTaskRequest(id=id)), [], asyncio.Event())

    with_client(tmp_path, act, streaming=True, watch=watch)


def test_a_client_need_not_wait(tmp_path: Path) -> None:
    async def act(client: Any) -> None:
        (reply,) = await replies(client, message("Waiter", "wait", configuration={"returnImmediately": True}))
        assert reply["task"]["status"]["state"] == "TASK_STATE_WORKING"
        await client.cancel_task(CancelTaskRequest(id=reply["task"]["id"]))

    with_client(tmp_path, act)


def test_a_client_that_waits_and_goes_away_gives_its_task_up(tmp_path: Path) -> None:
    async def body(port: int, made: Session) -> None:
        told = {"messageId": "m", "parts": [{"text": "wait"}], "metadata": {"skill": "Waiter"}}
        data = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": told}}).encode()
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(
            b"POST /a2a HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data)
        )
        await until(lambda: made.kernel.calls)
        await stream.aclose()
        await until(lambda: not made.kernel.calls)

    served(write(tmp_path), body)


def test_the_card_is_open_and_asks_for_the_token(tmp_path: Path) -> None:
    async def act(client: Any) -> None:
        (reply,) = await replies(client, message("add", {"a": 1}))
        assert reply["task"]["status"]["state"] == "TASK_STATE_COMPLETED"

    with_client(tmp_path, act, token="secret")

    async def body(port: int, _made: Session) -> None:
        card = (await ask(port, "GET", "/.well-known/agent-card.json", host="localhost:1")).json
        assert card["supportedInterfaces"][0]["url"] == "http://localhost:1/a2a"
        assert card["securityRequirements"] == [{"schemes": {"token": {"list": []}}}]
        assert [s["id"] for s in card["skills"]][:2] == ["add", "greet"]
        assert "Input: {a: int, b?: int}" in card["skills"][0]["description"]
        assert (await ask(port, "POST", "/a2a", b"{}")).status == 401
        head = {"Authorization": "Bearer secret"}
        https = await ask(port, "GET", "/.well-known/agent-card.json", X_Forwarded_Proto="https")
        assert https.json["supportedInterfaces"][0]["url"].startswith("https://")
        for data, code in [
            (b"{", -32700), (b"[]", -32600), (b"{}", -32600), (b'{"jsonrpc": "2.0", "method": "GetTask"}', -32600),
            (b'{"jsonrpc": "2.0", "id": {}, "method": "GetTask"}', -32600),
            (b'{"jsonrpc": "2.0", "id": 1, "method": "message/send"}', -32601),
            (b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": []}', -32602),
            (b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": 7}}', -32001),
            (b'{"jsonrpc": "2.0", "id": 1, "method": "ListTasks", "params": {"pageSize": true}}', -32602),
            (b'{"jsonrpc": "2.0", "id": 1, "method": "GetExtendedAgentCard"}', -32007),
            (b'{"jsonrpc": "2.0", "id": 1, "method": "CreateTaskPushNotificationConfig"}', -32003),
            (b'{"jsonrpc": "2.0", "id": 1, "method": "SendStreamingMessage", "params": {"message": 1}}', -32602),
        ]:  # fmt: skip
            found = await ask(port, "POST", "/a2a", data, **head)
            assert (found.status, found.json["error"]["code"]) == (200, code), data
        wrong = await ask(
            port, "POST", "/a2a", b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask"}', A2A_Version="0.3", **head
        )
        assert wrong.json["error"]["code"] == -32009

    served(write(tmp_path), body, "secret")


def test_a_spec_that_exports_nothing_has_no_card(tmp_path: Path) -> None:
    async def body(port: int, _made: Session) -> None:
        for method, path in [("GET", "/.well-known/agent-card.json"), ("POST", "/a2a"), ("POST", "/mcp")]:
            assert (await ask(port, method, path)).status == 404

    spec = tmp_path / "s.cog"
    spec.write_text("coglet Main { state n: int = 1 }\n")
    served(spec, body)
    assert "export" in SPEC

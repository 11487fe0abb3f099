"""The page of a runtime over its server: files and their policy, the graph, and the websocket with all its traps."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from wsproto.events import BytesMessage, TextMessage

from cogc.run.trace import TraceWriter
from cogc.service import daemon, page as page_package
from cogc.service.guard import Limits
from cogc.service.page import hub
from cogc.service.page.files import files, script
from cogc.service.page.socket import PROTOCOL
from cogc.service.runtime import Runtime
from support.hostile import HOSTILE
from support.http_client import ask
from support.odd_frames import UPGRADE, frames, upgrades
from support.runtimes import Client, doubler, family, folder, printer, served
from support.waiting import DEADLINE, until
from support.websocket import Refused, websocket

CRASHING = """
from coglet import Coglet, LifeLet, listen


class CrashingCoglet(Coglet, LifeLet):
    @listen("input")
    async def on_input(self, n):
        raise ValueError(f"no {n}")
"""
WAITING = """
program slow(n: int) -> int = shell ["sleep", "60"]

coglet Waiter {
  listen job: int
  transmit done: int
  state n: int = 0
  on job as j {
    n = j
    done <- slow(j)
  }
}
"""


def with_page(does: Callable[[Client, Runtime], Awaitable[None]], place: Path, **options: Any) -> None:
    served(does, place, **options)


# ---- files -----------------------------------------------------------------------------------------------------


def test_the_page_loads_nothing_but_its_own_files(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        page = await client.get("/ui")
        assert page.status == 200 and page.headers["content-type"].startswith("text/html")
        assert page.headers["content-security-policy"].startswith("default-src 'self'; base-uri 'none'")
        assert page.headers["x-content-type-options"] == "nosniff"
        text = page.body.decode()
        assert not re.search(r"<style|style=|<script(?![^>]*src=)|\son\w+=|https?://", text)
        loaded = set(re.findall(r'(?:href|src)="ui/([^"]+)"', text))
        assert loaded == set(files()) - {"index.html"}
        for path in re.findall(r'(?:href|src)="([^"]+)"', text):
            found = await client.get(f"/{path}")
            assert found.status == 200, path
        for name in files():
            found = await client.get(f"/ui/{name}")
            assert found.status == 200 and found.headers["content-security-policy"], name
        assert (await client.get("/ui/")).headers["location"] == "../ui"
        for odd in ("/ui/../answers.py", "/ui/%2e%2e/answers.py", "/ui/..%2fanswers.py", "/ui/none.js", "/ui/graph/x"):
            assert (await client.get(odd)).status == 404, odd

    with_page(does, tmp_path)


def test_the_script_and_the_style_have_all_modules_and_styles() -> None:
    web = Path(page_package.__file__).parents[2] / "web"
    found, style = script(), files()["page.css"].decode()
    assert not re.search(r"^\s*(?:import|export) ", found, re.MULTILINE), "each import was understood"
    for path in web.rglob("*.js"):
        name = path.relative_to(web).as_posix()
        made = f"const m_{re.sub(r'[^a-z0-9]', '_', name)} = "
        assert found.count(made) == (name != "data/types.js"), name
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", path.read_text()
        )
    for path in web.rglob("*.css"):
        assert path.read_text() in style, path


def test_a_file_that_a_browser_has_is_not_sent_again(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        first = await client.get("/ui/page.js")
        again = await ask(client.port, "GET", "/ui/page.js", If_None_Match=first.headers["etag"], Connection="close")
        assert again.status == 304 and again.body == b""

    with_page(does, tmp_path)


# ---- snapshots -------------------------------------------------------------------------------------------------


def test_a_snapshot_comes_at_once_and_when_something_has_changed(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        async with websocket(client.port) as page:
            assert await page.receive() == {"type": "snapshot", "data": {"nodes": {}, "edges": []}}
            d = await client.create(doubler(tmp_path))
            made = await page.until("snapshot")
            assert list(made["data"]["nodes"]) == [d]
            p = await client.create(printer(tmp_path))
            await page.until("snapshot")
            await client.post(f"/link?src_id={d}&src_channel=output&dest_id={p}&dest_channel=input")
            linked = await page.until("snapshot")
            assert linked["data"] == (await client.get("/ui/graph")).json
            await client.post(f"/stop/{d}")
            gone = await page.until("snapshot")
            assert list(gone["data"]["nodes"]) == [p] and gone["data"]["edges"] == []

    with_page(does, tmp_path)


def test_ping_refresh_and_what_is_no_request(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        async with websocket(client.port) as page:
            await page.until("snapshot")
            await page.send({"type": "ping"})
            assert await page.receive() == {"type": "pong"}
            await page.send({"type": "refresh"})
            assert (await page.receive())["type"] == "snapshot"
            for odd in (
                "{",
                "",
                "[" * 20_000,
                "1",
                "null",
                '{"type": []}',
                '{"type": "view"}',
                '{"a": NaN}',
                '"\\ud800"',
            ):
                await page.send(odd)
                reply = await page.receive()
                assert reply["type"] == "error" and reply["message"], odd
            await page.send_raw(BytesMessage(b"\xff\x00"))
            assert (await page.receive())["message"] == "a message is text"
            await page.send("a" * 100_000)
            assert "65536" in (await page.receive())["message"]
            await page.send({"type": "ping"})
            assert await page.receive() == {"type": "pong"}

    with_page(does, tmp_path)


def test_a_page_of_another_origin_gets_no_socket(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        for origin in ("http://evil.example", "null", f"http://127.0.0.1:{client.port + 1}", "http://localhost"):
            with pytest.raises(Refused) as refused:
                async with websocket(client.port, Origin=origin):
                    pass
            assert refused.value.status == 403, origin
        async with websocket(client.port, Origin=f"http://127.0.0.1:{client.port}") as page:
            assert (await page.receive())["type"] == "snapshot"

    with_page(does, tmp_path)


def test_bytes_that_are_no_websocket_end_their_connection_alone(tmp_path: Path) -> None:
    """Frames that break the protocol, half a frame and a close in the middle leave the server and other clients as they are."""

    async def does(client: Client, _: Runtime) -> None:
        async with websocket(client.port) as good:
            await good.until("snapshot")
            for odd in (
                b"\xff" * 50,
                b"\x81\xfe",
                b"\x81\x05hello",
                b"\x88\x80\0\0\0\0",
                b"\xc1\x80\0\0\0\0",
                b"\x81\x82\0\0\0\0\xff\xfe",
            ):
                async with websocket(client.port) as rude:
                    await rude.stream.send_all(odd)
                    with trio.move_on_after(0.1):
                        await rude.stream.receive_some()
            await good.send({"type": "ping"})
            assert await good.receive() == {"type": "pong"}

    with_page(does, tmp_path)


def test_two_hundred_odd_frames_and_upgrades_end_nothing(tmp_path: Path) -> None:
    sent = [(UPGRADE % b"") + data for data in frames(7, 10)] + list(upgrades(7))
    assert len(sent) == 220

    async def one(port: int, data: bytes, room: trio.CapacityLimiter) -> None:
        async with room, await trio.open_tcp_stream("127.0.0.1", port) as stream:
            with suppress(trio.BrokenResourceError):  # the server may close while it is being sent
                await stream.send_all(data)
                with trio.move_on_after(0.05):
                    while await stream.receive_some():
                        pass

    async def does(client: Client, runtime: Runtime) -> None:
        id = await client.create(doubler(tmp_path))
        async with websocket(client.port) as good:
            await good.until("snapshot")
            room = trio.CapacityLimiter(20)
            async with trio.open_nursery() as nursery:
                for data in sent:
                    nursery.start_soon(one, client.port, data, room)
            await good.send({"type": "ping"})
            await good.until("pong")
        assert (await client.post(f"/transmit/{id}/input?data=1")).status == 200

    with_page(does, tmp_path)


def test_a_client_that_reads_nothing_holds_nobody_up_and_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "Limits", partial(Limits, idle=0.5))

    async def does(client: Client, runtime: Runtime) -> None:
        spec = tmp_path / "wide.cog"
        spec.write_text("coglet One { listen a: int }\ncoglet Main { create w = One * 300 }\n")
        await client.create(str(spec))
        deaf = trio.socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await deaf.connect(("127.0.0.1", client.port))
        await deaf.send(
            b"GET /ui/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        with trio.fail_after(DEADLINE), deaf:
            for _ in range(8):  # each makes a snapshot that is larger than what the machine takes in for the client
                d = await client.create(doubler(tmp_path / str(_)))
                async with websocket(client.port) as page:
                    assert d in (await page.receive())["data"]["nodes"]
                await trio.sleep(0.3)
            with suppress(ConnectionResetError):
                while await deaf.recv(65536):
                    pass

    with_page(does, tmp_path)


def test_there_is_a_bound_on_clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "MOST", 2)

    async def does(client: Client, _: Runtime) -> None:
        async with websocket(client.port) as first, websocket(client.port) as second:
            await first.until("snapshot")
            await second.until("snapshot")
            with pytest.raises(Refused):
                async with websocket(client.port):
                    pass

        async def free() -> bool:
            try:
                async with websocket(client.port) as third:
                    return bool(await third.receive())
            except Refused:
                return False

        with trio.fail_after(DEADLINE):
            while not await free():  # noqa: ASYNC110  # the places of others are free when the server has seen them go
                await trio.sleep(0.01)

    with_page(does, tmp_path)


def test_a_flood_of_requests_is_answered_slowly_and_takes_no_memory(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        async with websocket(client.port) as page:
            await page.until("snapshot")
            data = b"".join(page.connection.send(TextMessage('{"type": "ping"}')) for _ in range(2000))
            with trio.move_on_after(0.5):
                await page.stream.send_all(data)
            began = trio.current_time()
            for _ in range(5):
                await page.until("pong")
            assert trio.current_time() - began > 4 * 0.05 * 0.5
            assert (await client.get("/cogs")).status == 200

    with_page(does, tmp_path)


def test_the_end_of_the_server_ends_its_sockets(tmp_path: Path) -> None:
    closed: list[int | None] = []

    async def does(client: Client, runtime: Runtime) -> None:
        async with websocket(client.port) as page:
            await page.until("snapshot")
            runtime.shutdown()
            with trio.fail_after(DEADLINE):
                while await page.receive() is not None:
                    pass
            closed.append(page.closed)

    with_page(does, tmp_path)
    assert closed and closed[0] is not None


# ---- the page's own protocol -------------------------------------------------------------------------------------


def test_the_page_gets_pictures_and_pulses(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        async with websocket(client.port, protocols=("other", PROTOCOL)) as page:
            assert page.protocol == PROTOCOL
            head = await page.receive()
            assert head["type"] == "head" and head["data"]["has"]["trace"] is False
            assert (await page.until("picture"))["data"]["boxes"] == []
            d, p = await client.create(doubler(tmp_path)), await client.create(printer(tmp_path))
            await client.post(f"/link?src_id={d}&src_channel=output&dest_id={p}&dest_channel=input")
            while len((drawn := await page.until("picture"))["data"]["edges"]) != 1:
                pass
            edge = drawn["data"]["edges"][0]
            assert (edge["from"], edge["to"], edge["channels"]) == (d, p, ["output → input"])
            boxes = {box["id"]: box for box in drawn["data"]["boxes"]}
            assert boxes[d]["label"] == d and boxes[d]["class_name"] == "DoublerCoglet"
            assert boxes[d]["x"] < boxes[p]["x"] and boxes[d]["state"] == ["idle", 0.0, 0]
            await client.post(f"/transmit/{d}/input?data=2")
            pulse = await page.until("pulse")
            assert list(pulse["data"]["flows"]) == [edge["id"]] and pulse["data"]["flows"][edge["id"]] > 0

    with_page(does, tmp_path)


def test_the_inspector_gets_what_is_known_of_a_coglet(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        d = await client.create(doubler(tmp_path))
        async with websocket(client.port, protocols=(PROTOCOL,)) as page:
            await page.send({"type": "select", "id": d})
            await page.until("details")
            await client.post(f"/transmit/{d}/input?data=21")
            while not (found := (await page.until("details"))["data"])["transmits"][0]["last"]:
                pass
            assert found["class_name"] == "DoublerCoglet" and found["mixins"] == ["LifeLet"]
            assert [c["name"] for c in found["commands"]] == ["factor"]
            assert found["config"] == {"restart": "never", "max_restarts": 3, "backoff_s": 1.0}
            output = found["transmits"][0]
            assert output["name"] == "output" and output["last"][0]["data"] == 42 and output["counts"]["24h"] == 1
            assert found["source"]["file"].endswith("doubler.py") and found["source"]["line"] == 5
            await page.send({"type": "source", "file": found["source"]["file"]})
            text = await page.until("source")
            assert text["data"]["lines"][4] == "class DoublerCoglet(Coglet, LifeLet):"
            for odd in ("/etc/passwd", str(tmp_path / "doubler.cog" / "manifest.toml"), "../runtime.py", ""):
                await page.send({"type": "source", "file": odd})
                assert (await page.until("source"))["data"] == {}, odd
            await client.post(f"/stop/{d}")
            while (await page.until("details"))["data"] is not None:
                pass

    with_page(does, tmp_path)


def test_the_line_at_which_a_coglet_waits_is_marked(tmp_path: Path) -> None:
    (tmp_path / "waiting.cog").write_text(WAITING)

    async def does(client: Client, _: Runtime) -> None:
        w = await client.create(f"{tmp_path}/waiting.cog:Waiter")
        async with websocket(client.port, protocols=(PROTOCOL,)) as page, trio.open_nursery() as nursery:
            nursery.start_soon(client.post, f"/transmit/{w}/job?data=3")
            await page.send({"type": "select", "id": w})
            while not (found := (await page.until("details"))["data"])["source"]["waits"]:
                pass
            assert found["source"]["waits"] == [10] and found["source"]["line"] == 4
            assert found["states"] == {"n": 3} and "slow" in found["waits"][0]
            assert found["listens"][0]["type"] == "int"
            assert [p["name"] for p in found["programs"]] == ["slow"]
            nursery.cancel_scope.cancel()

    with_page(does, tmp_path)


def test_failures_are_told_without_a_trace(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        more = 'restart = "on_error"\nbackoff_s = 0.01\n'
        c = await client.create(folder(tmp_path, "crashing", CRASHING, "CrashingCoglet", more))
        async with websocket(client.port, protocols=(PROTOCOL,)) as page:
            await client.post(f"/transmit/{c}/input?data=1")
            events: list[dict[str, Any]] = []
            while "fail" not in [e["kind"] for e in events]:
                events += (await page.until("life"))["data"]
            failed = next(e for e in events if e["kind"] == "fail")
            assert failed["path"].endswith(c) and "no 1" in failed["error"]

    with_page(does, tmp_path)


def test_the_trace_is_searched_with_its_filters_and_causes(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        d, p = await client.create(doubler(tmp_path)), await client.create(printer(tmp_path))
        await client.post(f"/link?src_id={d}&src_channel=output&dest_id={p}&dest_channel=input")
        async with websocket(client.port, protocols=(PROTOCOL,)) as page:
            await page.send({"type": "trace", "on": True, "path": p, "kinds": ["transmit"]})
            first = await page.until("trace")
            assert first["fresh"] and first["data"] == []
            await client.post(f"/transmit/{d}/input?data=2")
            found = (await page.until("trace"))["data"]
            assert [(r["kind"], r["channel"]) for r in found] == [("transmit", "output")]
            await page.send({"type": "chain", "seq": found[0]["seq"]})
            chain = (await page.until("chain"))["data"]
            assert [r["path"].endswith(d) for r in chain][:2] == [True, True] and chain[-1]["seq"] == found[0]["seq"]
            await page.send({"type": "trace", "on": True, "text": "nothing has this"})
            assert (await page.until("trace"))["data"] == []
            await page.send({"type": "trace", "on": False})

    with open(tmp_path / "trace.jsonl", "wb") as file:
        with_page(does, tmp_path, trace=TraceWriter(file))


def test_odd_requests_of_a_page_do_no_harm(tmp_path: Path) -> None:
    odd: list[object] = [
        {"type": "view", "open": "x", "shut": [1, None, "y*z", "*", ""]},
        {"type": "view", "open": [f"a{n}" for n in range(4000)]},
        {"type": "select", "id": ["x"]},
        {"type": "select", "id": "not-there"},
        {"type": "chain", "seq": "1"},
        {"type": "list", "from": -5, "count": 10**18, "text": {"a": 1}},
        {"type": "trace", "on": True, "kinds": [1], "since": "x"},
        {"type": "source"},
        {"type": "nothing"},
        {},
    ]

    async def does(client: Client, _: Runtime) -> None:
        await client.create(family(tmp_path))
        async with websocket(client.port, protocols=(PROTOCOL,)) as page:
            for request in odd:
                await page.send(request)
            await page.send({"type": "list", "from": 0, "count": 50, "text": "child"})
            while (found := await page.until("list"))["total"] != 2:
                pass
            assert [row["class_name"] for row in found["data"]] == ["ChildCoglet", "ChildCoglet"]

    with_page(does, tmp_path)


def test_a_watch_ends_with_its_client(tmp_path: Path) -> None:
    async def does(client: Client, runtime: Runtime) -> None:
        d = await client.create(doubler(tmp_path))
        taps = runtime.kernel.outer.taps
        async with websocket(client.port, protocols=(PROTOCOL,)) as page:
            await page.send({"type": "select", "id": d})
            await page.until("details")
            assert list(taps) == [(f"CogletRuntime/{d}", "input")]
        await until(lambda: not taps)

    with_page(does, tmp_path)


def test_messages_of_a_page_are_json_whatever_texts_they_hold(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        d = await client.create(printer(tmp_path))
        async with websocket(client.port, protocols=(PROTOCOL,)) as page:
            await page.send({"type": "select", "id": d})
            for text in [*HOSTILE[::6], "<img src=x onerror=alert(1)>"]:
                data = "".join(f"%{byte:02x}" for byte in json.dumps(text).encode())
                await client.post(f"/transmit/{d}/input?data={data}")
                while text not in str((await page.until("details"))["data"]["listens"][0]["last"]) and "\\" not in repr(
                    text
                ):
                    pass

    with_page(does, tmp_path)

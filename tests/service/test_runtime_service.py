"""The runtime over HTTP: each route with its answers, statuses and texts."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.lowlevel

from cogc.service import metrics, stream as events_stream
from cogc.service.runtime import Runtime
from support.http_client import malformed, request, send, throw
from support.runtimes import Client, doubler, family, folder, printer, served

SPEC = """
coglet Worker(factor: int = 3) { listen x: int
  transmit y: int
  on x as v { y <- v * factor }
  enact add(by: int) { } }
coglet Words { listen text: string
  transmit said: string
  on text as t { said <- t } }
coglet Main { listen go: int
  transmit out: int
  create w = Worker { restart: on_error }
  link self.go -> w.x
  link w.y -> self.out }
"""


async def events(client: Client, path: str, most: int, does: Any) -> list[bytes]:
    """Observe a channel while something is done, and return the stream's lines after so many events."""
    async with await trio.open_tcp_stream("127.0.0.1", client.port) as stream:
        await stream.send_all(request("GET", path))
        found = b""
        while b"\r\n\r\n" not in found:
            found += await stream.receive_some()
        await does()
        while len(re.findall(rb"^data:.*\n\n", found, re.MULTILINE)) < most:
            found += await stream.receive_some()
    return [line for line in found.partition(b"\r\n\r\n")[2].split(b"\n") if line.startswith(b"data:")]


def test_a_coglet_keeps_its_id_although_who_creates_it_goes_away(tmp_path: Path) -> None:
    code = "import asyncio\nfrom coglet import Coglet, LifeLet\nclass Slow(Coglet, LifeLet):\n"
    code += "  async def on_start(self):\n    await asyncio.sleep(0.05)\n"
    place = folder(tmp_path, "slow", code, "Slow")

    async def does(_: Client, runtime: Runtime) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(runtime.create, place)
            while not runtime.members.instances():
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        (made,) = runtime.members.instances()
        assert (
            f"CogletRuntime/{runtime.members.id_of(made)}" == made.path
            and runtime.status()["coglets"][0]["cog_dir"] == place
        )

    served(does, tmp_path)


def test_a_folder_is_created_fed_observed_and_stopped(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        made = await client.post(f"/create?cog_dir={doubler(tmp_path)}")
        assert re.fullmatch(r"doubler-[0-9a-f]{4}", made.json["id"]) and made.json["class"] == "DoublerCoglet"
        id = made.json["id"]
        channels = (await client.get(f"/channels/{id}")).json
        assert channels == {"id": id, "class": "DoublerCoglet", "transmit": ["output"], "listen": ["input"]}

        async def feed() -> None:
            said = await client.post(f"/transmit/{id}/input?data=21")
            assert (said.status, said.json) == (200, {"msg": f"transmitted on {id}:input"})
            said = await client.post(f"/enact/{id}?command=factor&data=10")
            assert said.json == {"msg": f"sent 'factor' to {id}"}
            await client.post(f"/transmit/{id}/input?data=3")

        assert await events(client, f"/observe/{id}/output", 2, feed) == [b"data: 42", b"data: 30"]
        assert (await client.post(f"/stop/{id}")).json == {"msg": f"stopped DoublerCoglet (id={id}) + 0 children"}
        assert (await client.get("/tree")).json == {"tree": "CogletRuntime (empty)"}

    served(does, tmp_path)


def test_links_carry_messages_and_are_listed_and_removed(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        d, p = await client.create(doubler(tmp_path)), await client.create(printer(tmp_path))
        ends = f"src_id={d}&src_channel=output&dest_id={p}&dest_channel=input"
        assert (await client.post(f"/link?{ends}")).json == {"msg": f"{d}:output -> {p}:input"}
        listed = {"links": [{"src": d, "src_channel": "output", "dest": p, "dest_channel": "input"}]}
        assert (await client.get("/links")).json == listed
        await client.post(f"/transmit/{d}/input?data=4")
        said = (await client.get(f"/history/{p}/output")).json
        assert said["channel"] == "output"
        assert [m["data"] for m in said["messages"]] == [{"label": "out", "n": 1, "value": 8}]
        tree = (await client.get("/tree")).json["tree"]
        assert tree.split("\n") == [
            "CogletRuntime",
            f"├── DoublerCoglet ({d}) [LifeLet]",
            "│   channels: output(1 subs), input(0 subs)",
            f"└── PrinterCoglet ({p}) [LifeLet]",
            "    channels: output(0 subs)",
        ]
        assert (await client.delete(f"/link?{ends}")).json == {"msg": f"unlinked {d}:output -> {p}:input"}
        gone = await client.delete(f"/link?{ends}")
        assert (gone.status, gone.json) == (404, {"detail": "link not found"})
        await client.post(f"/link?{ends}")
        await client.post(f"/stop/{p}")
        assert (await client.get("/links")).json == {"links": []}

    served(does, tmp_path)


def test_status_shows_all_coglets_and_what_they_have_linked(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        place = family(tmp_path)
        f = await client.create(place)
        status = (await client.get("/status")).json
        assert [c["class"] for c in status["coglets"]] == ["FamilyCog", "ChildCoglet", "ChildCoglet"]
        first, second = (c["id"] for c in status["coglets"][1:])
        assert status["coglets"][0] == {
            "id": f, "class": "FamilyCog", "cog_dir": place, "children": 2, "channels": []
        }  # fmt: skip
        assert status["coglets"][1]["cog_dir"] == "" and f.startswith("family-") and first.startswith("child-")
        assert status["links"] == [{"src": first, "src_channel": "done", "dest": second, "dest_channel": "job"}]
        await client.post(f"/transmit/{first}/job?data=1")
        said = (await client.get(f"/history/{second}/done")).json["messages"]
        assert [m["data"] for m in said] == [3]
        stopped = await client.post(f"/stop/{f}")
        assert stopped.json == {"msg": f"stopped FamilyCog (id={f}) + 2 children"}

    served(does, tmp_path)


@pytest.mark.parametrize("suffix", ["", ":Worker"])
def test_specs_and_single_coglets_of_them_are_created_with_parameters(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "spec.cog").write_text(SPEC)

    async def does(client: Client, _: Runtime) -> None:
        more = "&set=factor=5" if suffix else ""
        made = await client.post(f"/create?cog_dir={tmp_path}/spec.cog{suffix}{more}")
        id = made.json["id"]
        assert made.json["class"] == (suffix[1:] or "Main") and id.startswith(suffix[1:].lower() or "main")
        channel, out, wanted = ("x", "y", 10) if suffix else ("go", "out", 6)
        await client.post(f"/transmit/{id}/{channel}?data=2")
        said = (await client.get(f"/history/{id}/{out}")).json["messages"]
        assert [m["data"] for m in said] == [wanted]
        assert (await client.get("/links")).json["links"] == [] or not suffix
        wrong = await client.post(f"/transmit/{id}/{channel}?data=two")
        assert wrong.status == 422 and "two" in wrong.json["detail"]

    served(does, tmp_path)


def test_a_link_whose_types_cannot_fit_is_refused_with_both(tmp_path: Path) -> None:
    (tmp_path / "spec.cog").write_text(SPEC)

    async def does(client: Client, _: Runtime) -> None:
        w = await client.create(f"{tmp_path}/spec.cog:Worker")
        t = await client.create(f"{tmp_path}/spec.cog:Words")
        said = await client.post(f"/link?src_id={w}&src_channel=y&dest_id={t}&dest_channel=text")
        assert said.status == 422
        assert said.json == {"detail": "`y` of Worker is `int`, `text` of Words takes `string`"}

    served(does, tmp_path)


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("post", "/create?cog_dir=/nope/x", 404, "'/nope/x' is not a directory"),
        ("post", "/create?cog_dir=%00", 404, "'\0' is not a directory"),
        ("post", "/stop/x-1", 404, "no coglet with id 'x-1'"),
        ("post", "/transmit/x-1/a", 404, "no coglet with id 'x-1'"),
        ("post", "/enact/x-1?command=a", 404, "no coglet with id 'x-1'"),
        ("get", "/observe/x-1/a", 404, "no coglet with id 'x-1'"),
        ("get", "/channels/x-1", 404, "no coglet with id 'x-1'"),
        ("get", "/stats/x-1", 404, "no coglet with id 'x-1'"),
        ("get", "/history/x-1/a", 404, "no coglet with id 'x-1'"),
        ("post", "/link?src_id=x-1&src_channel=a&dest_id=y-1&dest_channel=b", 404, "no coglet with id 'x-1'"),
        ("delete", "/link?src_id=x-1&src_channel=a&dest_id=y-1&dest_channel=b", 404, "link not found"),
        ("get", "/nope", 404, "Not Found"),
        ("post", "/tree", 405, "Method Not Allowed"),
    ],
)
def test_what_is_not_there_is_said(tmp_path: Path, method: str, path: str, status: int, detail: str) -> None:
    async def does(client: Client, _: Runtime) -> None:
        reply = await getattr(client, method)(path)
        assert (reply.status, reply.json) == (status, {"detail": detail})

    served(does, tmp_path)


@pytest.mark.parametrize("data", ["1e999", "-1e999", "%22%5Cud800%22", "%5B" * 500 + "%5D" * 500, "9" * 5000])
def test_data_that_no_value_can_be_made_of_is_refused_or_taken_as_text(tmp_path: Path, data: str) -> None:
    async def does(client: Client, _: Runtime) -> None:
        id = await client.create(printer(tmp_path))
        said = await client.post(f"/transmit/{id}/input?data={data}")
        assert said.status in (200, 422) and isinstance(said.json, dict)
        assert said.status == 200 or "input" in said.json["detail"]
        assert (await client.post(f"/enact/{id}?command=reset&data={data}")).status in (200, 422)
        assert (await client.get(f"/channels/{id}")).status == 200

    served(does, tmp_path)


def test_missing_and_odd_parameters_are_reported_in_the_form_of_fastapi(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        id = await client.create(doubler(tmp_path))
        missing = await client.post("/link?src_id=a&dest_id=b")
        assert missing.status == 422
        assert missing.json == {
            "detail": [
                {"type": "missing", "loc": ["query", n], "msg": "Field required", "input": None}
                for n in ("src_channel", "dest_channel")
            ]
        }
        assert (await client.post("/create")).json["detail"][0]["loc"] == ["query", "cog_dir"]
        assert (await client.post(f"/enact/{id}")).json["detail"][0]["loc"] == ["query", "command"]
        odd = await client.get(f"/history/{id}/output?n=many")
        assert odd.status == 422 and odd.json["detail"][0] == {
            "type": "int_parsing",
            "loc": ["query", "n"],
            "msg": "Input should be a valid integer, unable to parse string as an integer",
            "input": "many",
        }

    served(does, tmp_path)


def test_what_cannot_be_compiled_is_refused_with_its_diagnostics(tmp_path: Path) -> None:
    (tmp_path / "bad.cog").write_text("coglet Main { on x { } }")
    (tmp_path / "empty.cog").mkdir()
    (tmp_path / "text.txt").write_text("hello")

    async def does(client: Client, _: Runtime) -> None:
        bad = await client.post(f"/create?cog_dir={tmp_path}/bad.cog")
        assert bad.status == 422 and bad.json["detail"][0]["code"].startswith("COG")
        assert bad.json["detail"][0]["path"] == f"{tmp_path}/bad.cog"
        empty = await client.post(f"/create?cog_dir={tmp_path}/empty.cog")
        assert empty.status == 422 and "manifest.toml" in empty.json["detail"][0]["message"]
        text = await client.post(f"/create?cog_dir={tmp_path}/text.txt")
        assert text.status == 422 and "no spec" in text.json["detail"]
        assert (await client.get("/status")).json["coglets"] == []

    served(does, tmp_path)


def test_a_start_that_raises_is_the_answer_and_leaves_nothing(tmp_path: Path) -> None:
    code = "from coglet import Coglet, LifeLet\nclass Bad(Coglet, LifeLet):\n  async def on_start(self):\n    1 / 0\n"

    async def does(client: Client, _: Runtime) -> None:
        made = await client.post(f"/create?cog_dir={folder(tmp_path, 'bad', code, 'Bad')}")
        assert made.status == 500 and "ZeroDivisionError" in made.json["detail"]
        status = (await client.get("/status")).json
        assert status["coglets"] == [] and status["tree"] == "CogletRuntime (empty)"

    served(does, tmp_path)


def test_a_handler_that_raises_is_the_answer_and_stops_its_coglet_alone(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        d, p = await client.create(doubler(tmp_path)), await client.create(printer(tmp_path))
        said = await client.post(f'/transmit/{d}/input?data={{"a":1}}'.replace('"', "%22"))
        assert said.status == 500 and "TypeError" in said.json["detail"]
        assert [c["id"] for c in (await client.get("/status")).json["coglets"]] == [p]

    served(does, tmp_path)


def test_a_channel_that_nobody_knows_reaches_links_and_observers_of_its_name(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        d, p = await client.create(doubler(tmp_path)), await client.create(printer(tmp_path))

        async def feed() -> None:
            said = await client.post(f"/transmit/{d}/other?data=hello")
            assert (said.status, said.json) == (200, {"msg": f"transmitted on {d}:other"})

        assert await events(client, f"/observe/{d}/other", 1, feed) == [b'data: "hello"']
        assert (await client.post(f"/enact/{p}?command=nope")).json == {"msg": f"sent 'nope' to {p}"}

    served(does, tmp_path)


def test_names_of_channels_at_will_do_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cogc.service.watch.MOST", 3)
    (tmp_path / "spec.cog").write_text(SPEC)

    async def does(client: Client, runtime: Runtime) -> None:
        id = await client.create(f"{tmp_path}/spec.cog:Worker")
        for n in range(10):
            assert (await client.post(f"/transmit/{id}/name{n}?data={n}")).status == 200
        assert runtime.watched.count == 3 and len(runtime.kernel.outer.functions) == 3

    served(does, tmp_path)


def test_an_observer_of_a_listen_channel_hears_what_comes_in(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        d = await client.create(doubler(tmp_path))

        async def feed() -> None:
            await client.post(f"/transmit/{d}/input?data=1")

        assert await events(client, f"/observe/{d}/input", 1, feed) == [b"data: 1"]
        await client.post(f"/transmit/{d}/input?data=2")
        heard = (await client.get(f"/history/{d}/input?n=1")).json["messages"]
        assert [m["data"] for m in heard] == [2]

    served(does, tmp_path)


def test_stats_count_by_windows_and_keep_the_last_hundred(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        d = await client.create(doubler(tmp_path))
        for n in range(12):
            await client.post(f"/transmit/{d}/input?data={n}")
        counts = {"1s": 12, "5s": 12, "60s": 12, "1h": 12, "24h": 12}
        every = (await client.get(f"/stats/{d}")).json["channels"]
        assert set(every) == {"input", "output"} and every["output"]["24h"] == 12
        one = (await client.get(f"/stats/{d}?channel=output")).json
        assert list(one) == ["channel", "counts", "history"] and one["counts"].keys() == counts.keys()
        assert [m["data"] for m in one["history"]] == list(range(4, 24, 2))
        assert abs(one["history"][0]["ts"] - 1e9) < 60
        assert (await client.get(f"/stats/{d}?channel=nope")).json["history"] == []
        assert len((await client.get(f"/history/{d}/output?n=0")).json["messages"]) == 0

    served(does, tmp_path)


def test_health_and_numbers_with_a_bound_on_their_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MOST", 2)

    async def does(client: Client, _: Runtime) -> None:
        assert (await client.get("/healthz")).json == {"status": "ok"}
        assert (await client.get("/readyz")).json == {"status": "ready"}
        place = doubler(tmp_path)
        ids = [await client.create(place) for _ in range(4)]
        for count, id in enumerate(ids, 1):
            for _ in range(count):
                await client.post(f"/transmit/{id}/input?data=1")
        assert (await client.get("/channels/none")).status == 404
        found = await client.get("/metrics")
        assert found.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        lines = found.body.decode().splitlines()
        assert 'cogc_coglets{class="DoublerCoglet"} 4' in lines
        said = [line for line in lines if line.startswith("cogc_channel_messages_total{")]
        assert said == [
            f'cogc_channel_messages_total{{id="{ids[3]}",channel="input"}} 4',
            f'cogc_channel_messages_total{{id="{ids[3]}",channel="output"}} 4',
            'cogc_channel_messages_total{id="other",channel="other"} 12',
        ]
        assert 'cogc_http_requests_total{route="/channels/{id}",status="404"} 1' in lines
        assert 'cogc_http_requests_total{route="/create",status="200"} 4' in lines
        names = [line.split()[2] for line in lines if line.startswith("# TYPE ")]
        assert len(names) == len(set(names))
        monkeypatch.setattr(Runtime, "stops", True)
        assert (await client.get("/readyz")).status == 503

    served(does, tmp_path)


def test_the_largest_of_too_many_numbers_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MOST", 2)
    assert metrics.most({"a": 1, "b": 2}) == {"a": 1, "b": 2}
    assert metrics.most({"a": 1, "b": 3, "c": 2, "d": 1}) == {"b": 3, "c": 2, "other": 2}


def test_cogs_lists_the_folders_of_cogs_and_examples(tmp_path: Path) -> None:
    doubler(tmp_path / "cogs")
    printer(tmp_path / "examples")
    (tmp_path / "cogs" / "none.cog").mkdir()

    async def does(client: Client, _: Runtime) -> None:
        listed = (await client.get("/cogs")).json["cogs"]
        assert listed == [
            {"name": "doubler", "path": str(tmp_path / "cogs" / "doubler.cog")},
            {"name": "printer", "path": str(tmp_path / "examples" / "printer.cog")},
        ]
        assert (await client.create("cogs/doubler.cog")).startswith("doubler-")

    served(does, tmp_path)


def test_the_shutdown_answers_and_ends_the_process_whatever_clients_do(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        code = "from coglet import Coglet, TickLet, every\nclass Loud(Coglet, TickLet):\n"
        code += '    @every(1, "ms")\n    async def tick(self):\n        await self.transmit("out", "x" * 100_000)\n'
        id = await client.create(folder(tmp_path, "loud", code, "Loud"))
        for _ in range(20):  # clients that never read
            made = socket.create_connection(("127.0.0.1", client.port))
            made.sendall(request("GET", f"/observe/{id}/out"))
            clients.append(made)
        await trio.sleep(0.5)
        said = await client.post("/shutdown")
        assert said.json == {"msg": "shutting down"}

    clients: list[socket.socket] = []
    try:
        served(does, tmp_path)  # which gives up when its deadline has passed
    finally:
        for made in clients:
            made.close()


def test_malformed_requests_end_nothing(tmp_path: Path) -> None:
    async def does(client: Client, _: Runtime) -> None:
        id = await client.create(printer(tmp_path))
        sent = 0
        for method, path in (("POST", f"/transmit/{id}/input"), ("GET", f"/observe/{id}/output")):
            sent += await throw(client.port, malformed(7, method, path, json.dumps({"a": 1}).encode()))
        assert sent > 400
        assert (await client.get(f"/channels/{id}")).status == 200

    runtime = served(does, tmp_path)
    assert runtime.session.outcome == "done"


def test_a_stream_that_says_nothing_beats_and_its_head_alone_observes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_stream, "BEAT", 0.01)

    async def does(client: Client, runtime: Runtime) -> None:
        id = await client.create(doubler(tmp_path))
        async with await trio.open_tcp_stream("127.0.0.1", client.port) as made:
            await made.send_all(request("GET", f"/observe/{id}/output"))
            found = b""
            while found.count(b": \n\n") < 2:
                found += await made.receive_some()
        head = await send(client.port, request("HEAD", f"/observe/{id}/output", Connection="close"))
        assert head.startswith(b"HTTP/1.1 200") and b"text/event-stream" in head
        while runtime.watched.observed:  # both clients have gone
            await trio.lowlevel.checkpoint()

    served(does, tmp_path)


def test_a_slow_observer_holds_nobody_up(tmp_path: Path) -> None:
    async def does(client: Client, runtime: Runtime) -> None:
        id = await client.create(doubler(tmp_path))
        observer, end = runtime.observe(id, "output")
        for n in range(300):
            await client.post(f"/transmit/{id}/input?data={n}")
        heard = await observer.next()
        assert observer.lost == 300 - 256
        assert (len(heard), heard[-1].number, heard[-1].text) == (256, 300, "598")
        end()
        assert not runtime.watched.observed and not runtime.kernel.outer.taps.get((f"CogletRuntime/{id}", "output"))

    served(does, tmp_path)

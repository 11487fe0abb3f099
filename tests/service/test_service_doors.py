"""The doors of a run over HTTP: a real server, real sockets, and runs that go on whatever their clients do."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import trio

from cogc.commands.serving import kept_of
from cogc.commands.usage import UsageError
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.run import keys
from cogc.run.session import Session
from cogc.run.taps import Said, Taps
from cogc.service.address import Address, listen
from cogc.service.doors import Verifiers
from cogc.service.webhooks import Verifier
from support.cli import cogc_here
from support.commands_that_serve import command
from support.desk import ALERT, DESK, served
from support.http_client import Reply, ask, malformed, request, send, throw
from support.paths import ROOT
from support.sessions import repeated
from support.specs import build
from support.waiting import DEADLINE, until


class Events:
    """A client of server-sent events, over a bare socket."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.data = b""

    @classmethod
    async def open(cls, port: int, channel: str, **headers: str) -> Events:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(request("GET", f"/out/{channel}", **headers))
        found = cls(stream)
        await found.until(b": follows")
        return found

    async def until(self, text: bytes) -> bytes:
        """Return all that has come when a text is in it."""
        with trio.fail_after(DEADLINE):
            while text not in self.data:
                more = await self.stream.receive_some()
                assert more, self.data
                self.data += more
        return self.data


def test_messages_enter_and_what_does_not_fit_is_refused() -> None:
    async def body(port: int, made: Session) -> None:
        for path, data, status, said in [
            ("/in/alert", ALERT, 202, {"seq": 1}),
            ("/in/twice", b"4", 202, {"seq": 2}),
            ("/in/alert", b"{", 400, "the body is no JSON"),
            ("/in/alert", b"", 400, "the body is no JSON"),
            ("/in/alert", b"\xff", 400, "the body is no JSON"),
            ("/in/twice", b"NaN", 400, "NaN is no value of JSON"),
            ("/in/alert", b'{"id": "a", "id": "b", "text": ""}', 400, "a name twice"),
            ("/in/alert", b"[" * 99_999, 400, "nests too deep"),
            ("/in/twice", b"[" * 200 + b"]" * 200, 422, "nested more than 100 deep"),
            ("/in/twice", b"9223372036854775808", 422, "64 bits"),
            ("/in/twice", b"1.5", 422, "the input `twice`"),
            ("/in/alert", b'{"id": 1, "text": ""}', 422, "the input `alert`"),
            ("/in/nothing", b"1", 404, "no listen channel `nothing`: it listens to `alert`, `twice`"),
            ("/in/page", b"1", 404, "no listen channel"),
            ("/in/", b"1", 404, "no such route"),
            ("/ask/alert?reply=x", ALERT, 404, "no transmit channel `x`: it transmits `page`, `number`"),
            ("/ask/alert?timeout=soon", ALERT, 400, "is a duration"),
            ("/ask/alert?timeout=1h", ALERT, 400, "at most 10m"),
            ("/ask/alert?timeout=0s", ALERT, 400, "more than 0s"),
        ]:  # fmt: skip
            reply = await ask(port, "POST", path, data)
            assert reply.status == status and reply.headers["content-type"] == "application/json", (path, reply)
            detail = reply.json if status == 202 else reply.json["detail"]
            if status == 422:
                (one,) = detail
                assert one.keys() == KEYS and one["severity"] == "error"
                detail = one["message"]
            assert detail == said if isinstance(said, dict) else said in detail, (path, detail)
        assert made.entries.seq == 2

    made, *_, said = served(body)
    assert made.outputs["page"] == ["a: b", "4", "closing"] and said == []


KEYS = set("code slug severity message path line column end_line end_column help related".split())


def test_a_question_gets_the_first_answer_that_it_has_led_to() -> None:
    async def body(port: int, made: Session) -> None:
        replies: dict[int, Reply] = {}

        async def one(number: int) -> None:
            replies[number] = await ask(
                port, "POST", f"/ask/twice?reply={'page' if number % 2 else ''}", b"%d" % number
            )

        async with trio.open_nursery() as nursery:
            for number in range(12):
                nursery.start_soon(one, number)
        for number, reply in replies.items():
            expected = ("page", str(number)) if number % 2 else ("number", number)
            assert (reply.json["channel"], reply.json["data"]) == expected and reply.status == 200
        assert {r.json["seq"] for r in replies.values()} == set(range(1, 13))
        reply = await ask(port, "POST", "/ask/quiet?timeout=50ms", b"1")
        assert (reply.status, reply.json) == (504, {"detail": "no reply came within 0.05s"})
        reply = await ask(port, "POST", "/ask/twice?reply=page&timeout=5s", b"x")
        assert reply.status == 400 and not made.taps.asks
        async with await trio.open_tcp_stream("127.0.0.1", port) as gone:
            await gone.send_all(request("POST", "/ask/quiet?timeout=10m", b"1"))
            await until(lambda: made.taps.asks)
        await until(lambda: not made.taps.asks)

    served(body)


KEYED = """coglet Main {
  listen one: int
  listen left: int
  listen right: int
  transmit number: int
  transmit text: string
  on one as n { number <- n
    text <- "{{ n }}" }
  on all(left, right) as [a, b] { number <- a + b }
}
"""


def test_a_message_with_a_key_enters_once_and_has_one_reply() -> None:
    async def post(port: int, path: str, body: bytes, key: str) -> tuple[int, Any]:
        found = await ask(port, "POST", path, body, Idempotency_Key=key)
        return found.status, found.json

    async def body(port: int, made: Session) -> None:
        sent = [
            ("/in/one", b"1", "a", (202, {"seq": 1})),
            ("/in/one", b"1", '"a"', (202, {"seq": 1})),
            ("/in/left", b"1", "a", (202, {"seq": 2})),
            ("/ask/one", b"2", r'"a \"\\b"', (200, {"seq": 3, "channel": "number", "data": 2})),
            ("/ask/one", b" 2 ", r'"a \"\\b"', (200, {"seq": 3, "channel": "number", "data": 2})),
            ("/ask/one?reply=text", b"3", "b", (200, {"seq": 4, "channel": "text", "data": "3"})),
            ("/ask/one?timeout=9s&reply=text", b"3", "b", (200, {"seq": 4, "channel": "text", "data": "3"})),
        ]
        for path, data, key, answer in sent:
            assert await post(port, path, data, key) == answer, (path, key)
        for path, data, key in [("/in/one", b"2", "a"), ("/ask/one", b"1", "a"), ("/ask/one", b"3", "b")]:
            status, found = await post(port, path, data, key)
            assert status == 422 and "belongs to another request" in found["detail"]
        for key in ('""', "x" * 256, "a b", '"a', 'a"', r'"\x"', "\x7f", "a\tb"):
            assert (await post(port, "/in/one", b"1", key))[0] == 400, key
        twice = b"Idempotency-Key: a\r\nIdempotency-Key: a\r\nContent-Length: 1\r\n\r\n1"
        assert (
            await send(port, b"POST /in/one HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + twice)
        ).startswith(b"HTTP/1.1 400")
        assert (await post(port, "/in/one", b'"x"', "c"))[0] == 422
        assert await post(port, "/in/one", b"5", "c") == (202, {"seq": 5}), "a refused message takes no key"
        assert made.entries.seq == 5

    served(body, KEYED)


def test_who_asks_again_with_its_key_waits_for_the_same_reply() -> None:
    async def body(port: int, made: Session) -> None:
        found: list[Any] = []

        async def again(within: str) -> None:
            found.append((await ask(port, "POST", f"/ask/left?timeout={within}", b"3", Idempotency_Key="k")).json)

        await again("1ms")
        assert found == [{"detail": "no reply came within 0.001s"}]
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(again, "5m")
            async with await trio.open_tcp_stream("127.0.0.1", port) as gone:
                await gone.send_all(request("POST", "/ask/left", b"3", Idempotency_Key="k"))
            assert made.entries.seq == 1
            await ask(port, "POST", "/in/right", b"4")
        await again("5m")
        assert found[1:] == [{"seq": 1, "channel": "number", "data": 7}] * 4
        assert made.entries.seq == 2 and not made.taps.led, "a chain that has its reply is followed no more"

    served(body, KEYED)


def test_keys_are_bounded_in_number_and_age(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "KEPT", 3)
    taps = Taps(Kernel(Unit(build(KEYED))))
    known = keys.Keys(taps)
    for number in range(5):
        key = keys.Key(str(number), "d", "")
        assert known.find("c", key, number) is None
        known.add("c", key, number, 10 + number, number)
    assert [text for _, text in known.known] == ["2", "3", "4"]
    assert [ask.records for ask in taps.asks] == [{12: None}, {13: None}, {14: None}] and set(taps.led) == {12, 13, 14}
    copy = keys.Keys(Taps(taps.kernel))
    copy.take_up(json.loads(json.dumps(known.written())))
    assert copy.written() == known.written() and set(copy.taps.led) == {12, 13, 14}
    for waiting in list(taps.asks)[:2]:
        waiting.take(Said(1, "number", b"12345"))
    assert known.size == 10 and [row[6] for row in known.written()] == [[1, "number", "12345"]] * 2 + [None]
    monkeypatch.setattr(keys, "ROOM", 9)
    assert known.find("c", keys.Key("2", "d", ""), 5) is None and known.size == 5, "the oldest went, to have room"
    monkeypatch.setattr(keys, "KEPT", 4)
    assert known.find("c", keys.Key("4", "d", ""), keys.AGE + 3) is not None
    assert [text for _, text in known.known] == ["3", "4"]


def test_a_full_inbox_is_429() -> None:
    async def body(port: int, _: Session) -> None:
        replies: list[Reply] = []

        async def one() -> None:
            replies.append(await ask(port, "POST", "/in/tight", b"1"))

        for _round in range(20):
            async with trio.open_nursery() as nursery:
                for _ in range(20):
                    nursery.start_soon(one)
            if {r.status for r in replies} == {202, 429}:
                break
        refused = next(r for r in replies if r.status == 429)
        assert refused.headers["retry-after"] == "1" and refused.json == {"detail": "the inbox `tight` is full: 1"}
        assert (await ask(port, "POST", "/in/tight", b"1")).status == 202

    served(body)


def test_a_stream_goes_on_behind_the_last_event() -> None:
    async def body(port: int, made: Session) -> None:
        first = await Events.open(port, "page")
        for number in range(3):
            assert (await ask(port, "POST", "/in/alert", ALERT.replace(b'"b"', b'"%d"' % number))).status == 202
        whole = await first.until(b"a: 2")
        assert b'id: r.1\ndata: "a: 0"\n\n' in whole and b'id: r.3\ndata: "a: 2"\n\n' in whole
        await first.stream.aclose()
        again = await Events.open(port, "page", Last_Event_ID="r.1")
        data = await again.until(b"id: r.3")
        assert b"id: r.1\n" not in data and b"id: r.2\n" in data and b"event: lost" not in data
        for id in ("other.7", "nonsense", "r.", "r.9x", "r." + "9" * 30):
            foreign = await Events.open(port, "page", Last_Event_ID=id)
            assert b"id: r.1\n" in await foreign.until(b"id: r.3")
            await foreign.stream.aclose()
        made.taps.kept["page"].popleft()
        late = await Events.open(port, "page", Last_Event_ID="x.1")
        assert b'event: lost\ndata: {"lost": 1}\n\n' in await late.until(b"id: r.2")
        ahead = await Events.open(port, "page", Last_Event_ID="r.7")
        assert (
            (await ask(port, "GET", "/out/alert")).json["detail"].startswith("the root has no transmit channel `alert`")
        )
        assert (await ask(port, "HEAD", "/out/page")).status == 200
        made.stop()
        for events in (again, late, ahead):
            assert b'data: "closing"\n\n' in await events.until(b"event: end\ndata: {}\n\n")
            await events.stream.aclose()

    served(body)


FLOOD = f"""coglet Main {{ listen a: int
 transmit n: string
 state i: int = 0
 on a as x {{ log debug x }}
 every 1ms {{ i = i + 1
  for j in range(20) {{ n <- "{"x" * 2000}" }} }} }}"""


def test_clients_that_never_read_hold_nothing_up_and_are_cut_off() -> None:
    async def body(port: int, made: Session) -> None:
        deaf = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(5)]
        for stream in deaf:
            await stream.send_all(request("GET", "/out/n"))
        await until(lambda: made.taps.followers == 5)
        taps = list(made.taps.channels["n"])
        seen = len(made.outputs["n"])
        await until(lambda: len(made.outputs["n"]) > seen + 3000)
        assert all(len(tap.items) <= tap.room for tap in taps)
        assert (await ask(port, "POST", "/in/a", b"1")).status == 202
        await until(lambda: made.taps.followers == 0)
        assert made.taps.losses > 0
        for stream in deaf:
            stream.socket.close()

    assert served(body, FLOOD)[3] == []


def test_two_hundred_malformed_requests_on_each_door_end_no_run() -> None:
    async def body(port: int, made: Session) -> None:
        paths = [
            "/in/alert",
            "/ask/alert",
            "/out/page",
            "/state/Main",
            "/healthz",
            "/readyz",
            "/metrics",
            "/openapi.json",
        ]
        for number, path in enumerate(paths):
            method = "POST" if path.startswith(("/in", "/ask")) else "GET"
            assert await throw(port, malformed(number, method, path, ALERT if method == "POST" else b"")) >= 200
        reply = await ask(port, "POST", "/ask/twice?reply=number", b"21")
        assert reply.json["data"] == 21 and made.kernel.root is not None
        assert (await ask(port, "GET", "/state/Main")).json["status"] == "idle"

    assert served(body)[3] == []


def test_a_journal_of_a_served_run_replays_to_the_byte(tmp_path: Path) -> None:
    async def body(port: int, _: Session) -> None:
        async with trio.open_nursery() as nursery:
            for number in range(30):
                path, data = [("/in/alert", ALERT), ("/in/twice", b"%d" % number), ("/ask/twice", b"x")][number % 3]
                nursery.start_soon(ask, port, "POST", path, data)

    _, journal, trace, _ = served(body)
    _, events, repeat = repeated(build(DESK), journal, tmp_path)
    assert len([e for e in events if e[2] == "input"]) == 20
    assert repeat == trace


def test_a_token_and_signatures_are_asked_for() -> None:
    verifiers = Verifiers(None, {"alert": Verifier("github", "hook"), "twice": Verifier("stripe", "hook"), "quiet": Verifier("hmac", "hook")})  # fmt: skip

    def signed(body: bytes, secret: str = "hook") -> str:
        return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()

    def stripe(now: float, body: bytes, *more: str, secret: str = "hook") -> dict[str, str]:
        digest = signed(b"%d." % int(now) + body, secret)
        return {"Stripe_Signature": ",".join([f"t={int(now)}", *more, f"v1={digest}"])}

    async def body(port: int, _: Session) -> None:
        now = time.time()
        bearer = {"Authorization": "Bearer secret"}
        for path, data, headers, status in [
            ("/in/tight", b"1", {}, 401),
            ("/in/tight", b"1", bearer, 202),
            ("/in/tight", b"1", {"Authorization": "Bearer wrong"}, 401),
            ("/in/alert", ALERT, bearer, 401),
            ("/in/alert", ALERT, {"X_Hub_Signature_256": f"sha256={signed(ALERT)}"}, 202),
            ("/ask/alert", ALERT, {"X_Hub_Signature_256": f"sha256={signed(ALERT)}"}, 200),
            ("/in/alert", ALERT + b" ", {"X_Hub_Signature_256": f"sha256={signed(ALERT)}"}, 401),
            ("/in/alert", ALERT, {"X_Hub_Signature_256": f"sha256={signed(ALERT, 'other')}"}, 401),
            ("/in/alert", ALERT, {"X_Hub_Signature_256": signed(ALERT)}, 401),
            ("/in/alert", b"{", {"X_Hub_Signature_256": f"sha256={signed(b'{')}"}, 400),
            ("/in/twice", b"3", stripe(now, b"3"), 202),
            ("/in/twice", b"3", stripe(now, b"3", "v0=abc", "v1=abc"), 202),
            ("/in/twice", b"3", stripe(now - 290, b"3"), 202),
            ("/in/twice", b"3", stripe(now - 310, b"3"), 401),
            ("/in/twice", b"3", stripe(now + 310, b"3"), 401),
            ("/in/twice", b"3", stripe(now, b"4"), 401),
            ("/in/twice", b"3", stripe(now, b"3", secret="other"), 401),
            ("/in/twice", b"3", {"Stripe_Signature": "t=x,v1=abc"}, 401),
            ("/in/twice", b"3", {"Stripe_Signature": "nonsense"}, 401),
            ("/in/quiet", b"3", {"X_Signature": signed(b"3")}, 202),
            ("/in/quiet", b"3", {"X_Signature": f"sha256={signed(b'3')}"}, 202),
            ("/in/quiet", b"3", {"X_Signature": signed(b"4")}, 401),
            ("/in/quiet", b"3", bearer, 401),
        ]:  # fmt: skip
            reply = await ask(port, "POST", path, data, **headers)
            assert reply.status == status, (path, data, headers, reply)
        for path, status in [
            ("/healthz", 200),
            ("/readyz", 200),
            ("/metrics", 401),
            ("/state", 401),
            ("/in/alert/x", 401),
        ]:
            assert (await ask(port, "GET", path)).status == status

    served(body, verifiers=verifiers, token="secret")


def test_states_health_numbers_and_the_description_of_the_doors() -> None:
    async def body(port: int, made: Session) -> None:
        await ask(port, "POST", "/in/alert", ALERT)
        await ask(port, "POST", "/in/alert", b"{}")
        found = (await ask(port, "GET", "/state")).json
        assert found["path"] == "Main" and found["states"]["seen"] == 1
        assert (await ask(port, "GET", "/state/Main/nobody")).status == 404
        assert (await ask(port, "GET", "/healthz")).json == {"status": "ok"}
        numbers = (await ask(port, "GET", "/metrics")).body.decode().splitlines()
        for line in (
            'cogc_inputs_total{channel="alert"} 1',
            'cogc_outputs_total{channel="page"} 1',
            'cogc_http_requests_total{route="/in/{channel}",status="202"} 1',
            'cogc_http_requests_total{route="/in/{channel}",status="422"} 1',
            'cogc_http_request_seconds_count{route="/in/{channel}"} 2',
            "# TYPE cogc_http_request_seconds histogram",
        ):
            assert line in numbers
        names = {line.split()[2] for line in numbers if line.startswith("# TYPE")}
        assert names == {line.split()[2] for line in numbers if line.startswith("# HELP")}
        described = (await ask(port, "GET", "/openapi.json")).json
        assert described["openapi"] == "3.1.0"
        assert {"/in/alert", "/ask/twice", "/out/page", "/state", "/metrics"} <= described["paths"].keys()
        schema = described["paths"]["/in/alert"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        whole = {**schema, "components": described["components"]}
        jsonschema.validate(json.loads(ALERT), whole)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"id": 1}, whole)
        made.stop()
        await until(lambda: made.taps.over)
        for path, status in [("/healthz", 200), ("/readyz", 503), ("/state", 200)]:
            assert (await ask(port, "GET", path)).status == status
        assert (await ask(port, "POST", "/in/alert", ALERT)).status == 503

    served(body)


# ---- the command ---------------------------------------------------------------------------------------------


POOL = """coglet Worker { listen job: int
  transmit done: int
  on job as n { done <- n
    if n == 0 { stop self } } }
coglet Main { listen go: int
  transmit out: int
  create w = Worker * 0..3
  on go as n { if n == 9 { create w() } else { w.job <- n } }
  on w.done as n { out <- n } }
"""


def test_channels_that_are_named_are_counted_from_the_start() -> None:
    kept = [("Main", "go"), ("Main", "out"), ("Main/w[0]", "job"), ("Main/w[0]", "done"), ("Main/w[1]", "job")]

    async def body(port: int, made: Session) -> None:
        async def counts() -> dict[tuple[str, str], int]:
            text = (await ask(port, "GET", "/metrics")).body.decode()
            found = re.findall(r'^cogc_channel_messages_total\{id="(.*)",channel="(.*)"\} (\d+)$', text, re.MULTILINE)
            return {(id, channel): int(n) for id, channel, n in found}

        assert await counts() == dict.fromkeys(kept, 0)
        for n in (9, 5, 6):
            await ask(port, "POST", "/in/go", b"%d" % n)
        expected = {
            ("Main", "go"): 3,
            ("Main", "out"): 2,
            ("Main/w[0]", "job"): 2,
            ("Main/w[0]", "done"): 2,
            ("Main/w[1]", "job"): 0,
        }
        await until(lambda: len(made.outputs.get("out", [])) == 2)
        assert await counts() == expected
        nodes = (await ask(port, "GET", "/ui/graph")).json["nodes"]
        assert nodes["Main/w[0]"]["channel_stats"]["job"]["24h"] == 2 and "go" in nodes["Main"]["channel_stats"]
        await ask(port, "POST", "/in/go", b"0")
        await until(lambda: made.kernel.outer.find("Main/w[0]") is None)
        await ask(port, "POST", "/in/go", b"9")
        await ask(port, "POST", "/in/go", b"7")
        await until(lambda: len(made.outputs["out"]) == 4)
        assert await counts() == {("Main", "go"): 6, ("Main", "out"): 4, ("Main/w[1]", "job"): 1}, (
            "what has gone is forgotten"
        )

    served(body, POOL, kept=kept)


def desk(folder: Path, *words: str, **env: str) -> AbstractContextManager[tuple[subprocess.Popen[str], int]]:
    """Start a command in a folder with the desk."""
    (folder / "desk.cog").write_text(DESK)
    return command(folder, *words, **env)


def test_a_service_stops_in_good_order_whatever_its_clients_do(tmp_path: Path) -> None:
    with desk(tmp_path, "serve", "desk.cog") as (run, port):
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(6)]
        for client, data in zip(
            clients,
            [request("GET", "/out/page"), request("GET", "/out/number"), request("POST", "/in/alert", ALERT)[:-3], b"GET /sta", b"", request("POST", "/ask/quiet", b"1")],
            strict=True,
        ):  # fmt: skip
            client.sendall(data)
        first = b""
        while b": follows" not in first:
            first += clients[0].recv(1000)
        with pytest.raises(OSError, match="in use"):
            listen(Address("127.0.0.1", port))
        began = time.monotonic()
        run.send_signal(signal.SIGTERM)
        assert run.wait(DEADLINE) == 0 and time.monotonic() - began < 3
        assert run.stdout is not None and run.stdout.read() == ""
        rest = b""
        while data := clients[0].recv(1000):
            rest += data
        assert b'data: "closing"\n\n' in rest and b"event: end" in rest
        for client in clients:
            client.close()


def test_an_on_call_desk_is_fed_by_webhooks_and_acknowledged_over_http(tmp_path: Path) -> None:
    spec = str(ROOT / "examples" / "oncall" / "oncall.cog")
    words = ["serve", spec, "--set", "patience=1s", "--verify", "alert=github:HOOK", "--state", str(tmp_path / "state")]

    async def body(port: int) -> None:
        pages, closed = await Events.open(port, "page"), await Events.open(port, "closed")
        alert = b'{"id": "a1", "text": "disk full", "host": "db3"}'
        digest = hmac.new(b"a-hook-secret", alert, hashlib.sha256).hexdigest()
        for signature, status in [(f"sha256={digest}", 202), (f"sha256={digest}", 202), ("sha256=00", 401)]:
            assert (await ask(port, "POST", "/in/alert", alert, X_Hub_Signature_256=signature)).status == status
        data = await pages.until(b'"attempt":2')
        assert b'"to":"ada"' in data and b'"to":"grace"' in data and data.count(b'"attempt":1') == 1
        assert (await ask(port, "POST", "/in/ack", b'{"id": "a1", "by": "grace"}')).status == 202
        assert b'"by":"grace"' in await closed.until(b'"id":"a1"')
        for events in (pages, closed):
            await events.stream.aclose()

    with desk(tmp_path, *words, HOOK="a-hook-secret") as (run, port):
        trio.run(body, port)
        run.send_signal(signal.SIGTERM)
        assert run.wait(DEADLINE) == 0


def test_options_of_the_server_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    (tmp_path / "desk.cog").write_text(DESK)
    os.environ.update(EMPTY="", ODD="a\nb", GOOD="a-good-secret")
    with listen(Address("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for words, said in [
            (["--serve", str(port)], f"cannot listen on 127.0.0.1:{port}: address already in use"),
            (["--serve", "nowhere.invalid:1", "--token", "GOOD"], "cannot listen on nowhere.invalid:1"),
            (["--serve", "0.0.0.0:0"], "other machines could connect: give --token ENV, or --insecure-public"),
            (["--serve", "[::]:0"], "other machines could connect"),
            (["--serve", "x"], "`x` is no address"),
            (["--serve", "0", "--token", "EMPTY"], "--token: the environment has no `EMPTY`"),
            (["--serve", "0", "--token", "ODD"], "the value of `ODD` is no token"),
            (["--serve", "0", "--host", "a b"], "`a b` is no name of a host"),
            (["--serve", "0", "--verify", "x:GOOD"], "a kind is github, stripe, hmac"),
            (["--serve", "0", "--verify", "nothing=hmac:GOOD"], "the root has no listen channel `nothing`"),
            (["--serve", "0", "--verify", "hmac:NONE"], "--verify: the environment has no `NONE`"),
            (["--serve", "0", "--sim"], "--serve is for runs on the real clock"),
            (["--token", "GOOD"], "--token goes with --serve"),
            (["--insecure-public"], "--insecure-public goes with --serve"),
            (["--stats", "page"], "--stats goes with --serve"),
            (["--serve", "0", "--stats", "nothing"], "--stats nothing: the root has no channel `nothing`"),
            (["--serve", "0", "--stats", ".page"], "write CHANNEL or PATH.CHANNEL; a path begins with `Main`"),
            (["--serve", "0", "--stats", "Main/nobody[2].page"], "--stats Main/nobody[2].page: `Main` has no child `nobody`"),
            (["--serve", "0", "--stats", "Other/w.job"], "write CHANNEL or PATH.CHANNEL; a path begins with `Main`"),
        ]:  # fmt: skip
            done = cogc_here("run", "desk.cog", *words, cwd=tmp_path)
            assert done.returncode == 2 and said in done.stderr, (words, done.stderr)
            assert len([line for line in done.stderr.splitlines() if line.startswith("cogc: ")]) == 1


def test_without_the_extra_the_command_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "desk.cog").write_text(DESK)
    code = (
        "import sys; sys.modules['hypercorn'] = None; from cogc.cli import main; sys.exit(main(['serve', 'desk.cog']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=DEADLINE
    )  # fmt: skip
    assert done.returncode == 2 and "pip install 'cogc[serve]'" in done.stderr and "Traceback" not in done.stderr


HOOKS = """
type Push = { ref: string, event: string, delivery: string, secret: string? private, ... }
coglet Main {
  listen push: Push { headers: { event: "X-GitHub-Event", delivery: "X-GitHub-Delivery", secret: "X-Hook-Token" } }
  listen any_: map[string] { headers: { agent: "User-Agent" } }
  transmit pushed: string
  on push as p when p.event == "push" distinct p.delivery within 1d { pushed <- "{{ p.ref }} {{ p.delivery }}" }
  on any_ as a { pushed <- a.agent ?? "nobody" }
}
"""


def test_headers_of_a_webhook_are_fields_of_its_message() -> None:
    async def body(port: int, made: Session) -> None:
        head = {"X_GitHub_Event": "push", "x_github_delivery": "d1", "X_Hook_Token": "token-of-the-hook"}
        for data, more, status in [
            (b'{"ref": "main", "size": 3}', head, 202),
            (b'{"ref": "main"}', head, 202),  # the same delivery again
            (b'{"ref": "dev", "event": "push", "delivery": "forged"}', {**head, "x_github_delivery": "d2"}, 202),
            (b'{"ref": "dev", "event": "push", "delivery": "d3"}', {}, 422),
            (b'{"ref": "dev"}', {**head, "X_GitHub_Event": "ping", "x_github_delivery": "d4"}, 202),
            (b"[1]", head, 422),
        ]:
            found = await ask(port, "POST", "/in/push", data, **more)
            assert found.status == status, found.body
        missing = await ask(port, "POST", "/in/push", b'{"ref": "x"}')
        assert "`event`" in missing.json["detail"][0]["message"]
        assert (await ask(port, "POST", "/in/any_", b"{}", User_Agent="me")).status == 202
        await until(lambda: len(made.outputs.get("pushed", [])) == 3)
        operation = (await ask(port, "GET", "/openapi.json")).json["paths"]["/in/push"]["post"]
        assert [p["name"] for p in operation["parameters"]] == [
            "X-GitHub-Event",
            "X-GitHub-Delivery",
            "X-Hook-Token",
            "Idempotency-Key",
        ]
        assert list(operation["requestBody"]["content"]["application/json"]["schema"]["properties"]) == ["ref"]

    made, journal, trace, _ = served(body, HOOKS)
    assert made.outputs["pushed"] == ["main d1", "dev d2", "me"]
    assert b"token-of-the-hook" in journal and b"token-of-the-hook" not in trace


COUNTED = """
model m = scripted "m.yml"
agent Clerk { model: m }
coglet Juror { transmit vote: int
  create clerk = Clerk }
coglet Main { listen alert: int
  create jury = Juror * 3 }
"""


def test_channels_that_are_counted_are_those_that_there_can_be() -> None:
    bundle = build(COUNTED, **{"m.yml": "- {reply: x}\n"})
    good = ["alert", "Main.alert", "Main/jury[2].vote", "Main/jury[0]/clerk.result", "Main/jury[0]/clerk/sub-1.result"]
    assert kept_of(bundle, good)[1:3] == [("Main", "alert"), ("Main/jury[2]", "vote")]
    for text, said in [
        (".alert", "a path begins with `Main`"),
        ("Main/jry[2].vote", "`Main` has no child `jry`; it has `jury`"),
        ("Main/jury[2].vot", "`Juror` has no channel `vot`; it has `vote`"),
        ("Main/jury[2]/x.vote", "`Juror` has no child `x`; it has `clerk`"),
    ]:
        with pytest.raises(UsageError) as error:
            kept_of(bundle, [text])
        assert said in str(error.value)

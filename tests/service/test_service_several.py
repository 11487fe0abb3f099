"""Several specs behind one server: each under its name, and what they have in common."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from mcp import Client as McpClient

from cogc.kernel.unit import Unit
from cogc.run.build import build_session
from cogc.run.session import RunOptions, Session
from cogc.run.settings import Settings
from cogc.service.address import Address, bound, listen
from cogc.service.doors import Doors, Verifiers
from cogc.service.guard import Access, Limits
from cogc.service.mounts import Mounts, is_open
from cogc.service.server import serving
from cogc.service.webhooks import Verifier
from support.cli import cogc_here
from support.desk import ALERT, DESK
from support.exported import session_of, write
from support.http_client import Reply, ask, malformed, send, throw
from support.specs import build
from support.waiting import DEADLINE, until

TOKEN = "s3cret-token"
SIGNED = {"desk": Verifiers(None, {"twice": Verifier("hmac", "k")}), "tools": Verifiers()}


def several(place: Path, body: Callable[[int, dict[str, Session]], Awaitable[None]], token: str | None = None) -> None:
    """Serve a desk, and a spec that exports something, while a body asks."""
    options = RunOptions(stay=True, signals=False, epoch=5, run="r", keep=None, traced=True)
    sessions = {"desk": build_session(Unit(build(DESK)), options, Settings()), "tools": session_of(write(place))[0]}
    said: list[str] = []

    async def main() -> None:
        listening = listen(Address("127.0.0.1", 0))
        has_token = token is not None
        doors = {name: Doors(made, f"run-{name}", SIGNED[name], has_token) for name, made in sessions.items()}
        access = Access(token, is_open=lambda path: is_open(SIGNED, path))
        with trio.fail_after(DEADLINE):
            async with (
                serving(Mounts(doors, has_token).application(), [listening], access, Limits(grace=0.3), said.append),
                trio.open_nursery() as nursery,
            ):
                for made in sessions.values():
                    nursery.start_soon(made.run)
                await until(lambda: all(made.kernel.root for made in sessions.values()))
                await body(bound(listening, "127.0.0.1").port, sessions)
                for made in sessions.values():
                    made.stop()

    trio.run(main)
    assert said == []


def test_each_run_has_its_routes_under_its_name(tmp_path: Path) -> None:
    async def body(port: int, sessions: dict[str, Session]) -> None:
        async def get(path: str) -> Reply:
            return await ask(port, "GET", path)

        found = await ask(port, "POST", "/desk/ask/alert?reply=page", ALERT)
        assert found.json == {"seq": 1, "channel": "page", "data": "a: b"}
        told = {"messageId": "m", "parts": [{"data": {"a": 1}}], "metadata": {"skill": "add"}}
        call = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": told}}
        found = await ask(port, "POST", "/tools/a2a", json.dumps(call).encode())
        assert found.json["result"]["task"]["artifacts"][0]["parts"][0]["data"] == 2
        card = (await get("/tools/.well-known/agent-card.json")).json
        assert card["supportedInterfaces"][0]["url"] == "http://localhost/tools/a2a"
        async with McpClient(f"http://127.0.0.1:{port}/tools/mcp") as client:
            assert "add" in [tool.name for tool in (await client.list_tools()).tools]
        assert (await get("/desk/state")).json["states"]["seen"] == 1
        page = await get("/desk/ui")
        assert b'src="ui/page.js"' in page.body and (await get("/desk/ui/page.js")).status == 200
        for path in ("/in/alert", "/ask/alert", "/nothing/in/alert", "/desk/nothing", "/tools/in/alert", "/desk/desk/in/alert", "/tools/../desk/in/alert"):  # fmt: skip
            assert (await ask(port, "POST", path, ALERT)).status == 404, path
        assert (await ask(port, "POST", "/desk/a2a", b"{}")).status == 404, "the desk exports nothing"
        assert (await get("/")).json == {"runs": {"desk": "run-desk", "tools": "run-tools"}}
        assert (await get("/healthz")).json == {"status": "ok"}
        assert (await get("/readyz")).json == {"status": "ready"}
        numbers = (await get("/metrics")).body.decode().splitlines()
        assert 'cogc_inputs_total{spec="desk",channel="alert"} 1' in numbers
        first = next(line for line in numbers if line.startswith("cogc_messages_total{"))
        assert first.startswith('cogc_messages_total{spec="desk"} ')
        names = [line.split()[2] for line in numbers if line.startswith("# TYPE ")]
        assert len(names) == len(set(names)), "the rows of one metric stand together"
        described = (await get("/openapi.json")).json
        body = described["paths"]["/desk/in/alert"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert (
            body == {"$ref": "#/components/schemas/desk.Alert"} and "desk.Alert" in described["components"]["schemas"]
        )
        ids = [one["operationId"] for methods in described["paths"].values() for one in methods.values()]
        assert len(ids) == len(set(ids))
        sessions["desk"].stop()
        await until(lambda: sessions["desk"].kernel.ended)
        assert "`desk`" in (await get("/readyz")).json["detail"]
        assert (await ask(port, "POST", "/tools/a2a", b"{}")).status == 200, "the other one goes on"

    several(tmp_path, body)


def test_one_token_is_for_all_and_a_signature_for_its_channel_alone(tmp_path: Path) -> None:
    async def body(port: int, sessions: dict[str, Session]) -> None:
        async def status(method: str, path: str, **headers: str) -> int:
            return (await ask(port, method, path, b"1" if method == "POST" else b"", **headers)).status

        for path in (
            "/healthz",
            "/readyz",
            "/desk/healthz",
            "/desk/ui",
            "/tools/ui/page.js",
            "/tools/.well-known/agent-card.json",
        ):
            assert await status("GET", path) == 200, path
        for path in (
            "/",
            "/metrics",
            "/openapi.json",
            "/desk/state",
            "/tools/metrics",
            "/nothing/healthz",
            "/desk",
            "/ui",
            "//healthz",
        ):
            assert await status("GET", path) == 401, path
        for path in (
            "/desk/in/quiet",
            "/tools/in/twice",
            "/tools/a2a",
            "/in/twice",
            "/desk/desk/in/twice",
            "/tools/../desk/in/twice",
        ):
            assert await status("POST", path, X_Signature="x") == 401, path
        signed = await ask(port, "POST", "/desk/in/twice", b"1", X_Signature="x")
        assert signed.status == 401 and "signature" in signed.json["detail"]
        assert sessions["desk"].entries.seq == 0
        assert await status("POST", "/desk/in/quiet", Authorization=f"Bearer {TOKEN}") == 202

    several(tmp_path, body, TOKEN)


def test_malformed_requests_end_none_of_them(tmp_path: Path) -> None:
    async def body(port: int, sessions: dict[str, Session]) -> None:
        assert await throw(port, malformed(5, "POST", "/desk/in/alert", ALERT)) >= 200
        for target in (b"*", b"http://localhost/desk/in/quiet", b"desk/in/quiet", b"/desk", b"?", b"//"):
            found = await send(port, b"POST " + target + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n1")
            assert found.startswith((b"HTTP/1.1 401", b"HTTP/1.1 400")), (target, found)
        assert "quiet" not in sessions["desk"].entries.counts
        assert (await ask(port, "GET", "/readyz")).status == 200

    several(tmp_path, body, TOKEN)


ENDS = 'coglet Main { listen x: int\n transmit y: int\n on stop { log info "bye" }\n after 1ms { %s } }\n'


def test_when_one_ends_the_others_are_stopped(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(ENDS % "stop self")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "main.cog").write_text(ENDS % "y <- 1")
    found = cogc_here("serve", "a.cog", "b", "--serve", "0", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert "b: " in found.stderr and found.stderr.count("Main: bye") == 2 and found.stdout == ""
    (tmp_path / "a.cog").write_text(ENDS % 'fail "over"')
    found = cogc_here("serve", "c=a.cog", "d=b/main.cog", "--serve", "0", cwd=tmp_path)
    assert found.returncode == 3 and "over" in found.stderr and "d: " in found.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.cog", "a.cog"], "`a.cog` and `a.cog` have the same name `a`"),
        (["a.cog", "b/a.cog"], "have the same name `a`: write NAME=SPEC"),
        (["a.cog", "x y=a.cog"], "`x y` is no name of a run"),
        (["a.cog", "x\ny=a.cog"], "`x\\u000ay=a.cog`: `x\\u000ay` is no name of a run"),
        (["x=a.cog"], "`x=a.cog`: names are for several specs; serve one as `cogc serve a.cog`"),
        (["a.cog", "metrics=a.cog"], "`/metrics` is a route of the server"),
        (["a.cog", "b=a.cog", "--set", "x=1"], "--set is for one run: serve its spec alone"),
        (["a.cog", "b=a.cog", "--trace"], "--trace is for one run"),
        (["a.cog", "b=a.cog", "--sim"], "--sim is for one run"),
        (["a.cog", "b=a.cog", "--verify", "c/x=hmac:K"], "there is no run `c`; there are a, b"),
        (["a.cog", "b=a.cog", "--verify", "x=hmac:K"], "write NAME/CHANNEL=KIND:ENV"),
        (["a.cog", "b=a.cog", "--verify", "b/z=hmac:PATH"], "has no listen channel `z`"),
        (["a.cog", "b=none.cog"], "none.cog"),
        (["a.cog", "b=s.py"], "`s.py` is a script: serve it alone"),
    ],
)
def test_what_does_not_fit_several_is_refused(tmp_path: Path, words: list[Any], said: str) -> None:
    (tmp_path / "a.cog").write_text(ENDS % "stop self")
    found = cogc_here("serve", *words, "--serve", "0", cwd=tmp_path)
    assert found.returncode in (1, 2) and said in found.stderr, found.stderr

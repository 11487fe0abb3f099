"""The door of a run: what is asked over it is checked as a whole, and neither a request nor its client ends or holds the run."""

from __future__ import annotations

import json
import os
import pwd
import random
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from cogc.kernel.unit import Unit
from cogc.run import control
from cogc.run.build import build_session
from cogc.run.control import answer_requests
from cogc.run.control_requests import ACTIONS, FOLLOWED, LONGEST
from cogc.run.journal import Journal, read
from cogc.run.local_server import open_socket
from cogc.run.session import RunOptions, Session, Sinks
from cogc.run.settings import Settings
from support.specs import build
from support.waiting import DEADLINE, until

SPEC = """
model m = scripted "{folder}/m.yml"
agent A {{ model: m }}
agent B {{ model: m }}
team Crew {{ lead: A, workers: [B] }}
coglet Main {{
  transmit n: int
  create crew = Crew
  create a = A
  state i: int = 0
  every 5ms {{ i = i + 1
    n <- i }}
  on a.result as r {{ log info r }}
  on crew.result as r {{ log info r }} }}
"""
Body = Callable[[Path, Session], Awaitable[Any]]


def with_door(folder: Path, body: Body, sinks: Sinks | None = None, **options: Any) -> Any:
    """Run a system with a door while a body asks over it. The run goes on afterwards, and stops in good order."""
    (folder / "m.yml").write_text("- reply: hi\n")
    bundle = build(SPEC.format(folder=folder), "Main")
    session = build_session(Unit(bundle), RunOptions(keep=None, signals=False, **options), Settings(str(folder)), sinks)
    found: list[Any] = []

    async def main() -> None:
        with trio.fail_after(DEADLINE):
            async with (
                answer_requests(session, open_socket(folder / "control"), folder / "control"),
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(session.run)
                await until(lambda: session.outputs.get("n"))
                found.append(await body(folder / "control", session))
                seen = len(session.outputs["n"])
                await until(lambda: len(session.outputs["n"]) > seen)
                session.stop()

    trio.run(main)
    assert session.outcome not in ("failed", "deadlock") and not (folder / "control").exists()
    return found[0]


async def asked(door: Path, data: bytes) -> dict[str, Any]:
    """Send bytes, and return the answer."""
    async with await trio.open_unix_socket(str(door)) as stream:
        try:
            await stream.send_all(data)
            await stream.send_eof()
        except trio.BrokenResourceError:  # it was answered before all was read
            pass
        answer = b""
        async for part in stream:
            answer += part
        return json.loads(answer)  # type: ignore[no-any-return]


def line(request: Any) -> bytes:
    return json.dumps(request).encode() + b"\n"


MALFORMED = {
    "nothing": b"\n",
    "text": b"hello\n",
    "a list": b"[]\n",
    "deep": b"[" * 5000 + b"\n",
    "deep and whole": b'{"action":"guide","id":"Main/crew","data":' + b'{"a":' * 300 + b"1" + b"}" * 301 + b"\n",
    "no utf-8": b'{"action":"\xff"}\n',
    "half a character": b'{"action":"send","id":"Main/a","message":"\\ud800"}\n',
    "nan": b'{"action":"guide","id":"Main/crew","data":{"command":NaN}}\n',
    "infinite": b'{"action":"guide","id":"Main/crew","data":{"command":1e999}}\n',
    "a long number": b'{"action":"guide","id":"Main/crew","data":{"command":' + b"9" * 30 + b"}}\n",
    "twice": b'{"action":"list","action":"teams"}\n',
    "too long": b'{"action":"' + b"x" * (LONGEST + 1) + b'"}\n',
    "no action": line({"id": "Main/a"}),
    "action is a list": line({"action": ["list"]}),
    "unknown action": line({"action": "dance"}),
    "unknown field": line({"action": "teams", "more": 1}),
    "id is a number": line({"action": "status", "id": 7}),
    "filter is an object": line({"action": "list", "role": {}}),
    "message is an object": line({"action": "send", "id": "Main/a", "message": {}}),
    "guide by a number": line({"action": "guide", "id": "Main/crew", "data": 5}),
    "guide by a text": line({"action": "guide", "id": "Main/crew", "data": "x"}),
    "guide without a command": line({"action": "guide", "id": "Main/crew", "data": {}}),
    "guide by a command of another type": line({"action": "guide", "id": "Main/crew", "data": {"command": []}}),
    "nobody": line({"action": "cancel", "id": "Main/nobody"}),
}


def test_whatever_is_malformed_is_answered_and_the_run_goes_on(tmp_path: Path) -> None:
    async def body(door: Path, session: Session) -> None:
        for name, data in MALFORMED.items():
            answer = await asked(door, data)
            assert set(answer) <= {"error", "kind"} and "internal" not in answer["error"], (name, answer)
        assert "Main/a" in [a["id"] for a in (await asked(door, line({"action": "list"})))["ok"]]

    with_door(tmp_path, body)


@pytest.mark.parametrize("seed", range(2))
def test_two_hundred_requests_at_random_end_no_run(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)

    async def body(door: Path, session: Session) -> None:
        for _ in range(200):
            data = garbled(dice)
            answer = await asked(door, data)
            assert answer.keys() & {"ok", "error"} and "internal" not in str(answer.get("error")), (data, answer)

    with_door(tmp_path, body)


def garbled(dice: random.Random) -> bytes:
    """Return a request that is almost one: its fields, their values or its bytes are wrong."""
    odd: list[Any] = [
        None,
        True,
        -1,
        1 << 70,
        1.5,
        "",
        "\0",
        "é\u202e",
        [],
        {},
        [[]],
        {"command": "send"},
        "Main/crew",
        "Main/a",
    ]
    action = dice.choice([a for a in [*ACTIONS, *FOLLOWED] if a not in ("wait", "cancel")])
    request: dict[str, Any] = {"action": action}
    for name in ("id", "data", "message", "agent", "query", "role", "status", "more"):
        if dice.random() < 0.5:
            request[name] = dice.choice(odd)
    if dice.random() < 0.2:
        request["data"] = {k: dice.choice(odd) for k in ("command", "to", "message", "member", "sender")}
        request["data"]["command"] = dice.choice(["send", "pause", "resume", "clear", "cancel", 7])
    data = bytearray(line(request))
    for _ in range(dice.choice([0, 0, 1, 5])):
        data[dice.randrange(len(data))] = dice.randrange(256)
    return bytes(data)


# ---- clients -------------------------------------------------------------------------------------------------------


def test_a_client_that_says_nothing_or_half_a_request_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "PATIENCE", 0.05)

    async def body(door: Path, session: Session) -> list[bytes]:
        said = []
        for half in (b"", b'{"action":'):
            async with await trio.open_unix_socket(str(door)) as stream:
                await stream.send_all(half or b" ")
                said.append(await stream.receive_some())
        return said

    assert with_door(tmp_path, body) == [b'{"error": "the request did not come to its end"}\n'] * 2


def test_more_clients_than_there_is_room_for_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "CLIENTS", 3)

    async def body(door: Path, session: Session) -> dict[str, Any]:
        streams = [await trio.open_unix_socket(str(door)) for _ in range(3)]
        for stream in streams:
            await stream.send_all(b" ")
        while (answer := await asked(door, line({"action": "teams"}))).get("ok"):  # until all of them were taken in
            await trio.lowlevel.checkpoint()
        for stream in streams:
            await stream.aclose()
        return answer

    assert "ask again later" in with_door(tmp_path, body)["error"]


def test_a_client_that_does_not_read_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "PATIENCE", 0.05)
    monkeypatch.setattr("cogc.run.local_server.plain", lambda answer: "x" * (4 << 20))

    async def body(door: Path, session: Session) -> None:
        async with await trio.open_unix_socket(str(door)) as stream:
            await stream.send_all(line({"action": "list"}))
            seen = len(session.outputs["n"])
            await until(lambda: len(session.outputs["n"]) > seen + 20)
            got = 0
            async for part in stream:
                got += len(part)
            assert got < 4 << 20

    with_door(tmp_path, body)


# ---- peers ---------------------------------------------------------------------------------------------------------


def test_who_changes_a_run_is_in_its_journal_and_its_trace(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = []

    async def body(door: Path, session: Session) -> None:
        for request in ({"action": "pause", "id": "Main/a"}, {"action": "status", "id": "Main/a"}):
            assert "ok" in await asked(door, line(request))
        guide = {"command": "send", "to": "all", "message": "hi", "sender": "user"}
        assert "ok" in await asked(door, line({"action": "guide", "id": "Main/crew", "data": guide}))
        assert "error" in await asked(door, line({"action": "cancel", "id": "Main/nobody"}))

    with open(tmp_path / "journal", "wb") as file:
        with_door(
            tmp_path, body, Sinks(journal=Journal(file, {"run": "r", "seed": 0, "epoch": 0})), on_records=records.extend
        )
    by = {"user": pwd.getpwuid(os.getuid()).pw_name, "uid": os.getuid(), "pid": os.getpid()}
    wanted = [("pause", "Main/a"), ("guide", "Main/crew"), ("cancel", "Main/nobody")]
    steered = [r for r in records if r["kind"] == "steer"]
    assert [(r["action"], r["to"], r["by"]) for r in steered] == [(*w, by) for w in wanted]
    guided = next(r for r in records if r["kind"] == "guide" and r["to"] == "Main/crew")
    assert guided["cause"] == steered[1]["seq"] and steered[1]["data"]["message"] == "hi"
    events = [e[3:] for e in read(tmp_path / "journal")[1] if e[2] == "steer"]
    assert [(e[0], e[1], e[3]) for e in events] == [(*w, by) for w in wanted]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to ask as another user")
def test_another_user_is_refused() -> None:
    script = "import sys; from pathlib import Path; from cogc.run.control_client import ask; print(ask(Path(sys.argv[1]), {'action': 'list'}))"
    asking = (
        "import os, socket, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        's = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b\'{"action":"list"}\\n\'); print(s.makefile().readline())'
    )

    async def body(door: Path, session: Session) -> tuple[str, str]:
        os.chmod(door.parent, 0o755)
        os.chmod(door, 0o666)  # as if the folder and the mode of the socket did not keep others out
        found = []
        for code in (script, asking):
            done = await trio.run_process([sys.executable, "-c", code, str(door)], capture_stdout=True)
            found.append(done.stdout.decode())
        return found[0], found[1]

    with tempfile.TemporaryDirectory() as folder:
        own, other = with_door(Path(folder), body)
    assert "Main/a" in own and other == '{"error": "the run is not for the user nobody"}\n\n'

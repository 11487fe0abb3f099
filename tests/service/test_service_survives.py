"""Durable services that are killed: what they held comes back, and clients go on where they were."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from cogc.diagnostics.problems import Problems
from cogc.kernel.unit import Unit
from cogc.loading import bundle_of
from cogc.run.build import build_session
from cogc.run.instance import Instance
from cogc.run.instance_folder import JOURNAL
from cogc.run.journal import SNAPSHOT, VERSION, Compaction, load
from cogc.run.session import RunOptions, Session, Sinks
from cogc.run.settings import Settings
from cogc.service.address import Address, bound, listen
from cogc.service.doors import Doors, Verifiers
from cogc.service.guard import Access, Limits
from cogc.service.jobs import Job
from cogc.service.runtime import Runtime
from cogc.service.server import serving
from support.cli import cogc_here
from support.exported import write
from support.http_client import ask, request
from support.paths import ROOT
from support.runtimes import Client, doubler, folder, printer, served
from support.waiting import DEADLINE, until, wait_for

COUNTER = """
coglet Counter(step: int = 1) {
  listen add: int
  transmit sum: int
  state n: int = 0
  on add as x {
    n = n + x * step
    sum <- n
  }
}
coglet Sink {
  listen take: int
  transmit took: int
  on take as x { took <- x }
}
program slow(x: int) -> int = shell ["sh", "-c", "echo {{ x }} >> calls; sleep {{ x }}; echo 7"] { output: json }
coglet Slow {
  listen go: int
  transmit done: int
  on go as x { done <- slow(x) }
}
coglet Main { create c = Counter { restart: on_error } }
"""


async def stream(port: int, path: str, wanted: int, after: str = "") -> list[tuple[str, str]]:
    """Follow a stream up to so many events. Return the id and the data of each."""
    headers = {"Last-Event-ID": after} if after else {}
    found = b""
    async with await trio.open_tcp_stream("127.0.0.1", port) as made:
        await made.send_all(request("GET", path, **headers))
        while len(events := re.findall(rb"id: (.*)\ndata: (.*)\n\n", found)) < wanted:
            found += await made.receive_some()
    return [(id.decode(), data.decode()) for id, data in events]


async def written(runtime: Runtime, every: int) -> None:
    """Wait until all that a runtime has in its journal is a snapshot, if it writes one at each moment (`every` is 1)."""
    snapshots = runtime.session.snapshots
    assert snapshots is not None
    if every == 1:
        await until(lambda: snapshots.journal.grown == 0)


# ---- the runtime ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [1 << 20, 1])
def test_a_runtime_that_is_killed_comes_back_as_it_was(tmp_path: Path, every: int) -> None:
    spec, place = tmp_path / "s.cog", tmp_path / "i"
    spec.write_text(COUNTER)
    place.mkdir()
    known: dict[str, Any] = {}

    async def first(client: Client, runtime: Runtime) -> None:
        c = (await client.post(f"/create?cog_dir={spec}:Counter&set=step=2")).json["id"]
        s, p = await client.create(f"{spec}:Sink"), await client.create(printer(tmp_path))
        gone = await client.create(doubler(tmp_path))
        known.update(c=c, s=s, p=p)
        for source, target in [
            (f"{c}&src_channel=sum", f"{s}&dest_channel=take"),
            (f"{c}&src_channel=sum", f"{p}&dest_channel=input"),
        ]:
            assert (await client.post(f"/link?src_id={source}&dest_id={target}")).status == 200
        await client.post(f"/stop/{gone}")
        assert (await client.post("/create?cog_dir=/nope/x")).status == 404
        for x in (1, 2, 3):
            assert (await client.post(f"/transmit/{c}/add?data={x}")).status == 200
        known["status"] = (await client.get("/status")).json
        known["history"] = (await client.get(f"/history/{c}/sum")).json
        known["seen"] = await stream(client.port, f"/observe/{c}/sum", 3, "other.7")
        assert [e[1] for e in known["seen"]] == ["2", "6", "12"]
        await written(runtime, every)

    async def second(client: Client, runtime: Runtime) -> None:
        c, s, p = known["c"], known["s"], known["p"]
        assert (await client.get("/status")).json == known["status"]
        assert (await client.get(f"/history/{c}/sum")).json == known["history"]
        assert await stream(client.port, f"/observe/{c}/sum", 2, known["seen"][0][0]) == known["seen"][1:]
        assert (await client.post(f"/transmit/{c}/add?data=4")).status == 200
        assert await stream(client.port, f"/observe/{c}/sum", 1, known["seen"][2][0]) == [("r.4", "20")]
        assert [m["data"] for m in (await client.get(f"/history/{s}/took")).json["messages"]] == [2, 6, 12, 20]
        said = (await client.get(f"/history/{p}/output")).json["messages"]
        assert [m["data"]["value"] for m in said] == [2, 6, 12, 20]
        assert said[-1]["data"]["n"] == 1, "an object in Python without `save` begins anew"
        made = await client.create(f"{spec}:Sink")
        assert made not in (c, s, p) and len((await client.get("/status")).json["coglets"]) == 4
        assert (await client.post(f"/stop/{s}")).status == 200
        await written(runtime, every)

    async def third(client: Client, runtime: Runtime) -> None:
        status = (await client.get("/status")).json
        assert known["s"] not in [o["id"] for o in status["coglets"]] and len(status["coglets"]) == 3
        assert len(status["links"]) == 1
        assert (await client.post(f"/transmit/{known['c']}/add?data=5")).status == 200
        assert await stream(client.port, f"/observe/{known['c']}/sum", 1, "r.4") == [("r.5", "30")]

    for body in (first, second, third):
        served(body, tmp_path, place, every=every, share=0)
        assert (load((place / JOURNAL).read_bytes()).events[0][2] == SNAPSHOT) == (every == 1)


KEEPER = """
from cogc.sdk import Coglet, enact, listen


class Keeper(Coglet):
    n = 0

    def save(self):
        return self.n

    def load(self, state):
        self.n = state

    @listen("add")
    async def add(self, x):
        self.n += x
        await self.transmit("count", self.n)

    @enact("twice")
    async def twice(self):
        self.n *= 2
"""


def test_a_coglet_in_python_with_save_and_load_goes_on_from_a_snapshot_of_its_runtime(tmp_path: Path) -> None:
    place, ids = tmp_path / "i", []
    place.mkdir()

    async def first(client: Client, runtime: Runtime) -> None:
        ids.append(await client.create(folder(tmp_path, "keeper", KEEPER, "Keeper")))
        assert (await client.post(f"/transmit/{ids[0]}/add?data=2")).status == 200
        assert (await client.post(f"/enact/{ids[0]}?command=twice")).status == 200
        assert (await client.post(f"/transmit/{ids[0]}/add?data=3")).status == 200
        await written(runtime, 1)

    async def second(client: Client, runtime: Runtime) -> None:
        for wanted in (11, 15):
            assert (await client.post(f"/transmit/{ids[0]}/add?data=4")).status == 200
            said = (await client.get(f"/history/{ids[0]}/count")).json["messages"]
            assert said[-1]["data"] == wanted
        await written(runtime, 1)

    served(first, tmp_path, place, every=1, share=0)
    assert [event[2] for event in load((place / JOURNAL).read_bytes()).events] == [SNAPSHOT]
    served(second, tmp_path, place, every=1, share=0)


@pytest.mark.parametrize("every", [1 << 20, 1])
def test_a_listen_channel_that_is_observed_keeps_its_numbers(tmp_path: Path, every: int) -> None:
    spec, place = tmp_path / "s.cog", tmp_path / "i"
    spec.write_text(COUNTER)
    place.mkdir()
    ids: list[str] = []

    async def first(client: Client, _: Runtime) -> None:
        ids.append(await client.create(f"{spec}:Counter"))
        for x in (1, 2):
            await client.post(f"/transmit/{ids[0]}/add?data={x}")
        assert await stream(client.port, f"/observe/{ids[0]}/add", 1, "r.1") == [("r.2", "2")]

    async def second(client: Client, _: Runtime) -> None:
        await client.post(f"/transmit/{ids[0]}/add?data=3")
        assert await stream(client.port, f"/observe/{ids[0]}/add", 2, "r.1") == [("r.2", "2"), ("r.3", "3")]

    served(first, tmp_path, place, every=every, share=0)
    assert (load((place / JOURNAL).read_bytes()).events[0][2] == SNAPSHOT) == (every == 1)
    served(second, tmp_path, place, every=every, share=0)


PROGRAMS = """
coglet Cell(step: int = 1) {
  listen add: int
  transmit sum: int
  state n: int = 0
  on add as x {
    if x < 0 { fail "less" }
    n = n + x * step
    sum <- n
  }
}
coglet Pair {
  listen add: int
  transmit twice: int
  create cell = Cell(step: 2)
  link self.add -> cell.add
  link cell.sum -> self.twice
}
coglet Main { create c = Cell }
"""


def test_a_runtime_goes_on_from_each_write_of_a_journal_that_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snapshot is written at each moment that has one. From all that was ever on disk the coglets, their links, histories and ids come back."""
    spec, other, place = tmp_path / "s.cog", tmp_path / "o.cog", tmp_path / "i"
    spec.write_text(PROGRAMS)
    other.write_text(COUNTER)
    place.mkdir()
    states: list[bytes] = []
    ids: list[str] = []
    put = Instance.put

    def seen(instance: Instance, text: bytes) -> Any:
        states.append((instance.folder / JOURNAL).read_bytes())  # killed before it, or after it
        made = put(instance, text)
        states.append(text)
        return made

    async def does(client: Client, runtime: Runtime) -> None:
        p, c = await client.create(f"{spec}:Pair"), await client.create(f"{other}:Counter")
        gone = await client.create(f"{other}:Sink")
        ids.extend((p, c, gone))
        await client.post(f"/link?src_id={p}&src_channel=twice&dest_id={c}&dest_channel=add")
        await client.post(f"/link?src_id={c}&src_channel=sum&dest_id={gone}&dest_channel=take")
        for x in (1, 2):
            assert (await client.post(f"/transmit/{p}/add?data={x}")).status == 200
        await client.post(f"/stop/{gone}")
        assert (await client.post(f"/transmit/{c}/add?data=100")).status == 200
        snapshots = runtime.session.snapshots
        assert snapshots is not None
        await until(lambda: snapshots.journal.grown == 0)

    async def looks(client: Client, runtime: Runtime) -> None:
        await until(lambda: not runtime.kernel.busy)  # what was under way has gone on
        there = {c["id"]: c for c in (await client.get("/status")).json["coglets"]}
        p, c, gone = ids
        for id in (p, c, gone):
            if id in there:
                assert there[id]["cog_dir"].startswith(str(spec if id == p else other))
        sums = [m["data"] for m in (await client.get(f"/history/{c}/sum")).json["messages"]] if c in there else []
        assert sums == [2, 8, 108][: len(sums)]
        if sums and gone in there:
            assert [m["data"] for m in (await client.get(f"/history/{gone}/took")).json["messages"]] == sums
        if sums:  # what comes next is what would have come without the kill, through links and children, by its number
            assert (await client.post(f"/transmit/{p}/add?data=3")).status == 200
            before = {0: 0, 1: 2, 2: 6}[min(len(sums), 2)]
            wanted = str(sums[-1] + before + 6)
            assert await stream(client.port, f"/observe/{c}/sum", 1, f"r.{len(sums)}") == [
                (f"r.{len(sums) + 1}", wanted)
            ]
        fresh = await client.create(f"{spec}:Cell")
        assert (await client.post(f"/transmit/{fresh}/add?data=-1")).status == 500
        assert fresh not in [c["id"] for c in (await client.get("/status")).json["coglets"]]

    monkeypatch.setattr(Instance, "put", seen)
    served(does, tmp_path, place, every=1, share=0)
    monkeypatch.setattr(Instance, "put", put)
    assert load(states[-1]).events[0][2] == SNAPSHOT and len(load(states[-1]).events) == 1
    assert len(set(states)) > 8
    for state in dict.fromkeys(s for s in states if load(s).events):
        (place / JOURNAL).write_bytes(state)
        served(looks, tmp_path, place)


def test_what_an_observer_hears_is_on_disk(tmp_path: Path) -> None:
    """The disk is slow: nothing is heard, and no request is answered, before the write has ended."""
    spec, place = tmp_path / "s.cog", tmp_path / "i"
    spec.write_text(COUNTER)
    place.mkdir()

    async def does(client: Client, runtime: Runtime) -> None:
        c = await client.create(f"{spec}:Counter")
        commit = runtime.session.commit
        assert commit is not None
        may, sync = trio.Event(), commit.sync
        commit.sync = lambda: trio.from_thread.run(may.wait)
        heard: list[tuple[str, str]] = []
        answered: list[int] = []

        async def watch() -> None:
            heard.extend(await stream(client.port, f"/observe/{c}/sum", 1))

        async def feed() -> None:
            answered.append((await client.post(f"/transmit/{c}/add?data=1")).status)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            await until(lambda: runtime.watched.observed)
            nursery.start_soon(feed)
            await until(lambda: runtime.kernel.outer.find(f"CogletRuntime/{c}").states == [1])  # type: ignore[union-attr]
            await until(lambda: commit.waiting)
            for _ in range(20):
                await trio.lowlevel.checkpoint()
            assert not heard and not answered
            commit.sync = sync
            may.set()
        assert heard == [("r.1", "1")] and answered == [200]

    served(does, tmp_path, place)


def test_a_runtime_goes_on_from_every_line_of_its_journal(tmp_path: Path) -> None:
    spec, place = tmp_path / "s.cog", tmp_path / "i"
    spec.write_text(COUNTER)
    place.mkdir()

    async def does(client: Client, _: Runtime) -> None:
        c, s = await client.create(f"{spec}:Counter"), await client.create(f"{spec}:Sink")
        await client.post(f"/link?src_id={c}&src_channel=sum&dest_id={s}&dest_channel=take")
        await client.post(f"/transmit/{c}/add?data=1")
        await client.post(f"/stop/{s}")

    async def looks(client: Client, runtime: Runtime) -> None:
        found = (await client.get("/status")).json
        assert sorted(c["id"] for c in found["coglets"]) == sorted(runtime.paths)
        for coglet in found["coglets"]:
            assert coglet["cog_dir"].startswith(str(spec))
            channel = "add" if coglet["class"] == "Counter" else "take"
            assert (await client.post(f"/transmit/{coglet['id']}/{channel}?data=1")).status == 200

    served(does, tmp_path, place)
    whole = (place / JOURNAL).read_bytes().splitlines(keepends=True)
    for lines in range(2, len(whole)):
        (place / JOURNAL).write_bytes(b"".join(whole[:lines]))
        served(looks, tmp_path, place)


def test_an_order_under_way_goes_on_without_its_client(tmp_path: Path) -> None:
    spec, place = tmp_path / "s.cog", tmp_path / "i"
    spec.write_text(COUNTER)
    place.mkdir()
    ids: list[str] = []

    async def first(client: Client, runtime: Runtime) -> None:
        ids.append(await client.create(f"{spec}:Slow"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.post, f"/transmit/{ids[0]}/go?data=0")
            await until(lambda: b'"call"' in (place / JOURNAL).read_bytes())
            nursery.cancel_scope.cancel()

    async def second(client: Client, _: Runtime) -> None:
        assert await stream(client.port, f"/observe/{ids[0]}/done", 1, "r.0") == [("r.1", "7")]

    served(first, tmp_path, place)
    events = load((place / JOURNAL).read_bytes()).events
    if any(e[2] == "result" for e in events):  # it was too quick: as if the kill had come before the result
        lines = (place / JOURNAL).read_bytes().splitlines(keepends=True)
        cut = next(i for i, e in enumerate(events) if e[2] == "result") + 1
        (place / JOURNAL).write_bytes(b"".join(lines[:cut]))
    served(second, tmp_path, place)


# ---- a spec that is served -----------------------------------------------------------------------------------


def survivor(spec: Path, place: Path, body: Callable[[int, Session, Doors], Awaitable[None]], every: int = 0) -> None:
    """Serve a spec as an instance while a body talks to it, then kill it. `every` is the bytes between two snapshots; 0 for none."""
    bundle = bundle_of(str(spec), None, frozenset(), Problems(), served=True)
    assert bundle is not None
    place.mkdir(exist_ok=True)
    instance = Instance(place)
    recording = instance.recording
    epoch = time.time_ns() if recording is None else recording.head["epoch"]
    head = {"run": "r", "seed": 0, "epoch": epoch, "program": bundle.hash, "version": VERSION, "begun": {}}
    compaction = Compaction(head, instance.put, every, 0) if every else None
    sinks = Sinks(None, instance.journal(head), None, instance.sync, recording, compaction)
    options = RunOptions(stay=True, signals=False, epoch=epoch, run="r", traced=True)
    session = build_session(Unit(bundle), options, Settings(str(spec.parent)), sinks)
    said: list[str] = []
    left = b""

    async def main() -> None:
        nonlocal left
        listening = listen(Address("127.0.0.1", 0))
        doors = Doors(session, "r", Verifiers(), False)
        with trio.fail_after(DEADLINE):
            async with (
                serving(doors.application(), [listening], Access(), Limits(grace=0.1), said.append, session.begun),
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(session.run)
                await session.begun.wait()
                await body(bound(listening, "127.0.0.1").port, session, doors)
                left = (place / JOURNAL).read_bytes()
                nursery.cancel_scope.cancel()

    try:
        trio.run(main)
    finally:
        instance.close()
    (place / JOURNAL).write_bytes(left)
    assert said == []


ASKED = """
program slow(x: int) -> int = shell ["sh", "-c", "echo {{ x }} >> calls; test -e go && echo 7 || sleep 60"] { output: json }
coglet Main {
  listen job: int
  listen left: int
  listen right: int
  transmit done: int
  on job as x { done <- slow(x) }
  on all(left, right) as [a, b] { done <- a + b }
}
"""


@pytest.mark.parametrize("every", [0, 1])
def test_who_asked_before_the_kill_gets_its_reply_with_its_key(tmp_path: Path, every: int) -> None:
    """Its message enters once, in whichever life its reply comes; with snapshots and without."""
    spec, place = tmp_path / "s.cog", tmp_path / "i"
    spec.write_text(ASKED)

    async def post(port: int, path: str, body: bytes, key: str) -> Any:
        return (await ask(port, "POST", path, body, Idempotency_Key=key)).json

    async def first(port: int, session: Session, _: Doors) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(post, port, "/ask/left", b"1", "p")
            await until(lambda: session.entries.seq == 1)
            assert await post(port, "/in/job", b"5", "in") == {"seq": 2}
            nursery.start_soon(post, port, "/ask/job", b"6", "j")
            await until(lambda: session.entries.seq == 3 and (tmp_path / "calls").exists())
            nursery.cancel_scope.cancel()

    async def second(port: int, session: Session, _: Doors) -> None:
        assert await post(port, "/in/job", b"5", "in") == {"seq": 2}
        assert "detail" in await post(port, "/ask/job", b"5", "j"), "another body"
        assert await post(port, "/ask/job", b"6", "j") == {"seq": 3, "channel": "done", "data": 7}
        assert await post(port, "/in/right", b"2", "q") == {"seq": 4}
        await until(lambda: session.taps.counts["done"] == 3)
        assert session.entries.seq == 4

    async def third(port: int, session: Session, _: Doors) -> None:
        for _number in range(2):
            assert await post(port, "/ask/left", b"1", "p") == {"seq": 1, "channel": "done", "data": 3}
            assert await post(port, "/ask/job", b"6", "j") == {"seq": 3, "channel": "done", "data": 7}
        assert session.entries.seq == 4

    survivor(spec, place, first, every)
    (tmp_path / "go").touch()
    survivor(spec, place, second, every)
    survivor(spec, place, third, every)
    events = load((place / JOURNAL).read_bytes()).events
    assert (sum(e[2] == "input" for e in events) == 4) == (every == 0), (
        "the journal of the last life begins with a snapshot"
    )


async def rpc(port: int, method: str, **params: Any) -> dict[str, Any]:
    """Send a request of A2A, and return its result or its error."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    found = (await ask(port, "POST", "/a2a", body)).json
    assert "result" in found, found
    return dict(found["result"])


def message(skill: str, given: str | dict[str, Any], **more: Any) -> dict[str, Any]:
    part = {"text": given} if isinstance(given, str) else {"data": given}
    told = {"messageId": "m", "role": "ROLE_USER", "parts": [part], "metadata": {"skill": skill}}
    return {"message": told, **more}


def notes(data: bytes) -> int:
    """How many tasks a journal has noted."""
    return sum(event[2] == "task" for event in load(data).events)


LATER = """
- when: slowly
  reply: { answer: "at last" }
  delay: 30ms
"""


def test_tasks_survive_with_their_ids(tmp_path: Path) -> None:
    spec, place = write(tmp_path), tmp_path / "i"
    with open(tmp_path / "m.yml", "a") as script:
        script.write(LATER)
    soon = {"configuration": {"returnImmediately": True}}
    ids: dict[str, str] = {}

    async def first(port: int, session: Session, doors: Doors) -> None:
        given: list[tuple[str, str, str | dict[str, Any]]] = [
            ("done", "Answerer", "a question"),
            ("failed", "Answerer", "nothing"),
            ("cancelled", "Waiter", "wait"),
            ("made", "Make", {"feature": "x"}),
        ]
        for name, skill, text in given:
            ids[name] = (await rpc(port, "SendMessage", **message(skill, text, **soon)))["task"]["id"]
        for name in ("done", "failed", "made"):
            await doors.jobs.known[ids[name]].wait()
        await until(lambda: session.kernel.calls)
        await rpc(port, "CancelTask", id=ids["cancelled"])
        ids["working"] = (await rpc(port, "SendMessage", **message("Answerer", "slowly", **soon)))["task"]["id"]
        async with trio.open_nursery() as nursery:  # a client that waits with its request
            nursery.start_soon(lambda: rpc(port, "SendMessage", **message("Waiter", "wait")))
            await until(lambda: len(doors.jobs.known) == 6)
            ids["held"] = list(doors.jobs.known)[-1]
            await until(lambda: notes((place / JOURNAL).read_bytes()) == 6)
            seen.update(shown(doors))
            state.append((place / JOURNAL).read_bytes())
            nursery.cancel_scope.cancel()

    def shown(doors: Doors) -> dict[str, Any]:
        jobs: dict[str, Job] = doors.jobs.known
        return {
            i: (j.status, j.answer, j.words, j.context, j.message, [(p.number, p.words) for p in j.pieces])
            for i, j in jobs.items()
        }

    async def second(port: int, session: Session, doors: Doors) -> None:
        states = {name: (await rpc(port, "GetTask", id=id))["status"]["state"] for name, id in ids.items()}
        working = states.pop("working")
        assert working in ("TASK_STATE_WORKING", "TASK_STATE_COMPLETED")
        assert states == {
            "done": "TASK_STATE_COMPLETED", "failed": "TASK_STATE_FAILED", "cancelled": "TASK_STATE_CANCELED",
            "made": "TASK_STATE_COMPLETED", "held": "TASK_STATE_CANCELED",
        }  # fmt: skip
        known = shown(doors)
        assert {i: known[i] for i in known if i not in (ids["working"], ids["held"])} == {
            i: seen[i] for i in seen if i not in (ids["working"], ids["held"])
        }
        await doors.jobs.known[ids["working"]].wait()
        task = await rpc(port, "GetTask", id=ids["working"])
        assert task["artifacts"][0]["parts"][0]["data"] == {"answer": "at last"}
        await until(lambda: not session.kernel.calls)  # what the client that is gone had asked for is given up
        root = session.kernel.root
        assert root is not None
        await until(lambda: not root.members())
        again = (await rpc(port, "SendMessage", **message("Answerer", "a question")))["task"]
        assert again["status"]["state"] == "TASK_STATE_COMPLETED"

    async def third(port: int, session: Session, doors: Doors) -> None:
        assert len(doors.jobs.known) == 7
        assert {j.status for j in doors.jobs.known.values()} == {"completed", "failed", "cancelled"}

    seen: dict[str, Any] = {}
    state: list[bytes] = []
    survivor(spec, place, first)
    (place / JOURNAL).write_bytes(state[0])
    survivor(spec, place, second)
    survivor(spec, place, third)


def test_tasks_are_in_snapshots_whether_they_have_ended_or_work(tmp_path: Path) -> None:
    """The journal of a service with tasks begins anew while they work; who knows the id of a task finds it in the lives that follow."""
    spec, place = write(tmp_path), tmp_path / "i"
    with open(tmp_path / "m.yml", "a") as script:
        script.write(LATER.replace("30ms", "300ms"))
    soon = {"configuration": {"returnImmediately": True}}
    ids: list[str] = []

    async def first(port: int, session: Session, doors: Doors) -> None:
        for skill, text in (
            ("Answerer", "a question"),
            ("Answerer", "nothing"),
            ("Waiter", "wait"),
            ("Answerer", "slowly"),
        ):
            ids.append((await rpc(port, "SendMessage", **message(skill, text, **soon)))["task"]["id"])
        for id in ids[:2]:
            await doors.jobs.known[id].wait()
        await until(lambda: session.kernel.calls)
        await grown(session)
        seen.extend([await rpc(port, "GetTask", id=id) for id in ids])

    async def grown(session: Session) -> None:
        snapshots = session.snapshots
        assert snapshots is not None
        await until(lambda: snapshots.journal.grown == 0)

    async def second(port: int, session: Session, doors: Doors) -> None:
        assert [await rpc(port, "GetTask", id=id) for id in ids[:3]] == seen[:3]
        assert seen[2]["status"]["state"] == "TASK_STATE_WORKING" and len((await rpc(port, "ListTasks"))["tasks"]) == 4
        await doors.jobs.known[ids[3]].wait()
        task = await rpc(port, "GetTask", id=ids[3])
        assert task["artifacts"][0]["parts"][0]["data"] == {"answer": "at last"}
        await rpc(port, "CancelTask", id=ids[2])
        seen[2:] = [await rpc(port, "GetTask", id=id) for id in ids[2:]]
        models, root = session.kernel.models, session.kernel.root
        assert root is not None
        await until(lambda: not root.members())
        assert not [*models.registry.records, *models.shared], "what tasks have left is gone"
        more = (await rpc(port, "SendMessage", **message("Answerer", "a question")))["task"]
        assert more["status"]["state"] == "TASK_STATE_COMPLETED" and more["id"] not in ids
        ids.append(more["id"])
        assert session.orders.calls == 5, "names of calls do not come twice"
        seen.append(await rpc(port, "GetTask", id=more["id"]))

    async def third(port: int, session: Session, doors: Doors) -> None:
        found = [await rpc(port, "GetTask", id=id) for id in ids]
        assert found[:2] == seen[:2] and found[2]["status"]["state"] == "TASK_STATE_CANCELED"
        assert [task["artifacts"] for task in found] == [task["artifacts"] for task in seen]

    seen: list[Any] = []
    survivor(spec, place, first, 1)
    kinds = [e[2] for e in load((place / JOURNAL).read_bytes()).events]
    assert kinds[0] == SNAPSHOT and not {"task", "order"} & {*kinds}
    survivor(spec, place, second)
    survivor(spec, place, third, 1)


def test_a_task_whose_order_had_not_entered_is_begun_again(tmp_path: Path) -> None:
    spec, place = write(tmp_path), tmp_path / "i"
    ids: list[str] = []

    async def first(port: int, session: Session, doors: Doors) -> None:
        soon = {"configuration": {"returnImmediately": True}}
        ids.append((await rpc(port, "SendMessage", **message("Answerer", "a question", **soon)))["task"]["id"])
        await doors.jobs.known[ids[0]].wait()

    async def second(port: int, session: Session, doors: Doors) -> None:
        await doors.jobs.known[ids[0]].wait()
        assert doors.jobs.known[ids[0]].answer == {"answer": "42"} and len(doors.jobs.known) == 1

    survivor(spec, place, first)
    lines = (place / JOURNAL).read_bytes().splitlines(keepends=True)
    note = next(i for i, line in enumerate(lines) if b'"task"' in line)
    (place / JOURNAL).write_bytes(b"".join(lines[: note + 1]))
    survivor(spec, place, second)
    survivor(spec, place, second)


# ---- processes -----------------------------------------------------------------------------------------------


@pytest.fixture
def runtime(tmp_path: Path) -> Any:
    """Start a runtime by a command line; return its process and port. What was started last is ended."""
    pids: list[int] = []

    def made(*words: str) -> tuple[int, int]:
        done = cogc_here(*words, "--state", tmp_path / "state", cwd=tmp_path)
        found = re.fullmatch(r"coglet runtime started \(pid=(\d+), port=(\d+)\)\n", done.stdout)
        assert found, done.stdout + done.stderr
        pids.append(int(found[1]))
        return int(found[1]), int(found[2])

    yield made
    os.kill(pids[-1], signal.SIGTERM)
    for pid in pids:
        os.waitpid(pid, 0)


@pytest.mark.campaign
def test_a_runtime_is_killed_and_started_again_by_its_name(tmp_path: Path, runtime: Any) -> None:
    spec, folder = tmp_path / "s.cog", tmp_path / "state"
    spec.write_text(COUNTER)
    pid, port = runtime("runtime", "start", "-p", "0", "--instance", "rt")

    def asked(method: str, path: str) -> Any:
        found = trio.run(ask, port, method, path)
        assert found.status == 200, found.body
        return found.json

    id, slow = (asked("POST", f"/create?cog_dir={spec}:{name}")["id"] for name in ("Counter", "Slow"))
    asked("POST", f"/transmit/{id}/add?data=5")
    busy = f"--instance rt: a run of this instance is under way, process {pid}"
    again = cogc_here("runtime", "start", "-p", "0", "--instance", "rt", "--state", folder, cwd=tmp_path)
    assert (again.returncode, again.stderr) == (1, f"error: {busy}\n")
    assert busy in cogc_here("run", spec, "--instance", "rt", "--state", folder).stderr
    words = [sys.executable, "-m", "cogc", "transmit", f"{slow}:go", "600", "-p", str(port)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=ROOT) as client:
        wait_for((tmp_path / "calls").exists)
        os.kill(pid, signal.SIGKILL)
        assert client.stderr is not None
        assert client.stderr.read().startswith(f"error: the runtime on port {port} ended before its answer: ")
        assert client.wait(DEADLINE) == 1
    refused = cogc_here("run", spec, "--instance", "rt", "--state", folder)
    assert refused.returncode == 2 and "that of a runtime: `cogc runtime start --instance rt` goes on" in refused.stderr

    pid, port = runtime("resume", "rt")
    log = (folder / "runtimes" / f"{port}.log").read_text()
    assert re.search(r"^cogc: run \S+ goes on after \d+ events; 1 call was under way$", log, re.MULTILINE)
    asked("POST", f"/transmit/{id}/add?data=5")
    run = json.loads((folder / "instances/rt" / JOURNAL).read_bytes().split(b"\n")[0])["run"]
    assert trio.run(stream, port, f"/observe/{id}/sum", 2, f"{run}.0") == [(f"{run}.1", "5"), (f"{run}.2", "10")]
    wait_for(lambda: (tmp_path / "calls").read_text() == "600\n600\n")  # the call was begun again
    listed = cogc_here("runs", "--state", folder).stdout
    assert re.match(rf"rt +running, process {pid} .* runtime\n", listed), listed

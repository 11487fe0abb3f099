"""Served runs: requests a second beside a bare route on the same server, and many clients of a stream, some of whom never read."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import trio

from bench.common import alternate, row

CONNECTIONS = 16
REQUESTS = 1500
CLIENTS, DEAF = 1000, 100
SECONDS = 4.0
SPEC = """coglet Main {
  listen alert: {id: string, level: int}
  transmit page: string
  state seen: int = 0
  on alert as a { seen = seen + a.level }
}
"""
BUSY = """coglet Ping {
  listen ball: int
  transmit back: int
  on ball as b { back <- b + 1 }
}
coglet Main {
  transmit tick: string
  state n: int = 0
  create one = Ping
  create two = Ping
  link one.back -> two.ball
  link two.back -> one.ball { feedback: true }
  on start { one.ball <- 0 }
  every 100ms { n = n + 1
    tick <- "tick {{ n }}" }
}
"""
BODY = b'{"id": "a", "level": 1}'
BARE = """
import sys, trio
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from cogc.service.address import Address, bound, listen
from cogc.service.answers import application
from cogc.service.guard import Access, Limits
from cogc.service.server import serving

async def bare(request: Request) -> JSONResponse:
    await request.json()
    return JSONResponse({"seq": 1}, 202)

async def main() -> None:
    made = listen(Address("127.0.0.1", 0))
    async with serving(application([Route("/in/alert", bare, methods=["POST"])]), [made], Access(), Limits(), print):
        print(f"serving on http://{bound(made, '127.0.0.1')}", file=sys.stderr, flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


@contextmanager
def server(words: list[str], folder: str) -> Iterator[tuple[int, int]]:
    """Start a server; yield its port, and the id of its process."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "COGC_STATE": f"{folder}/state"}
    with subprocess.Popen(
        [sys.executable, *words], cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=env
    ) as run:
        try:
            assert run.stderr is not None
            line = run.stderr.readline()
            while "serving on" not in line:
                assert line, "it has ended"
                line = run.stderr.readline()
            yield int(line.rpartition(":")[2]), run.pid
        finally:
            run.terminate()


def requests(port: int) -> Callable[[], float]:
    """Return an action that sends requests over a few connections, and gives the seconds of one."""
    data = b"POST /in/alert HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)

    async def client(count: int) -> None:
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            for _ in range(count):
                await stream.send_all(data)
                found = b""
                while not found.endswith(b"}"):
                    found += await stream.receive_some()
                assert found.startswith(b"HTTP/1.1 202"), found

    async def all_of_them() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(CONNECTIONS):
                nursery.start_soon(client, REQUESTS // CONNECTIONS)

    def action() -> float:
        began = time.perf_counter()
        trio.run(all_of_them)
        return (time.perf_counter() - began) / REQUESTS

    return action


def messages(port: int) -> float:
    """Return how many messages the coglets of a run have taken."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as found:
        text = found.read().decode()
    match = re.search(r"^cogc_messages_total (\d+)$", text, re.MULTILINE)
    assert match is not None
    return float(match[1])


def rate(port: int, pid: int) -> tuple[float, float]:
    """Return the messages of a run in a second, and in a second of its processor's time: clients have processes of their own."""
    began, before, used = time.perf_counter(), messages(port), processor(pid)
    time.sleep(SECONDS)
    taken = messages(port) - before
    return taken / (time.perf_counter() - began), taken / (processor(pid) - used)


def processor(pid: int) -> float:
    """Return the seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    text = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"VmRSS:\s+(\d+)", text)
    assert match is not None
    return int(match[1]) / 1024


async def followed(port: int, pid: int) -> tuple[tuple[float, float], float, float, int]:
    """Follow a run by many clients. Return its rates, its memory at the beginning and at the end of the time, and what the clients got."""
    head = b"GET /out/tick HTTP/1.1\r\nHost: localhost\r\n\r\n"
    got = 0

    async def read(stream: trio.SocketStream) -> None:
        nonlocal got
        while data := await stream.receive_some():
            got += data.count(b"id: ")

    async with trio.open_nursery() as nursery:
        for number in range(CLIENTS):
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            await stream.send_all(head)
            if number >= DEAF:
                nursery.start_soon(read, stream)
        await trio.sleep(6)
        first = memory(pid)
        got = 0
        found = await trio.to_thread.run_sync(rate, port, pid)
        last = memory(pid)
        nursery.cancel_scope.cancel()
    return found, first, last, got


def main() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 8192),) * 2)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "desk.cog").write_text(SPEC)
        Path(folder, "busy.cog").write_text(BUSY)
        served = ["-m", "cogc", "serve", "desk.cog", "--serve", "0"]
        with server(served, folder) as (port, _), server(["-c", BARE], folder) as (bare, _):
            ours, peer = alternate(5, requests(port), requests(bare))
        row("POST /in", f"{1 / ours:,.0f}/s", ours / peer, f"bare route {1 / peer:,.0f}/s", 2)
        with server(["-m", "cogc", "serve", "busy.cog", "--serve", "0"], folder) as (port, pid):
            time.sleep(1)
            alone = rate(port, pid)
            found, first, last, got = trio.run(followed, port, pid)
        what = f"{CLIENTS:,} streams, {DEAF} never read: run"
        row(what, f"{found[0]:,.0f}/s", alone[0] / found[0], f"alone {alone[0]:,.0f}/s", None)
        row("in a second of its processor", f"{found[1]:,.0f}", alone[1] / found[1], f"alone {alone[1]:,.0f}", None)
        row("its memory at the end", f"{last:.0f} MB", last / first, f"begin {first:.0f} MB", 1.05)
        print(f"   {got / SECONDS:,.0f} messages a second came to {CLIENTS - DEAF} clients", flush=True)

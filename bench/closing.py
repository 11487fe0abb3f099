"""How long `cogc serve` and `cogc runtime` take to end after SIGTERM with a thousand clients of all kinds, a hundred of which never read."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import trio

from bench.common import row
from bench.serving import processor

GOAL = 2.0
"""Seconds from the signal to the end of the process."""
KINDS = {
    "streams that are read": 400,
    "streams that are never read": 50,
    "pages": 60,
    "files that are never read": 50,
    "questions": 100,
    "idle connections": 200,
    "halves of a head": 70,
    "halves of a body": 70,
}
"""The clients: a thousand of them."""
SPEC = """coglet Main {
  listen alert: any
  transmit tick: string
  state n: int = 0
  on alert as a { n = n + 1 }
  every 100ms { n = n + 1
    tick <- "tick {{ n }}" }
}
"""
HEAD = "Host: localhost\r\n"
UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    "Sec-WebSocket-Protocol: cogc.page\r\n"
)


def _sent(kind: str, stream: str, question: str) -> bytes:
    """Return what a client of a kind sends."""
    post = f"POST {question} HTTP/1.1\r\n{HEAD}Content-Length: "
    texts = {
        "streams that are read": f"GET {stream} HTTP/1.1\r\n{HEAD}\r\n",
        "streams that are never read": f"GET {stream} HTTP/1.1\r\n{HEAD}\r\n",
        "pages": f"GET /ui/ws HTTP/1.1\r\n{HEAD}{UPGRADE}\r\n",
        "files that are never read": f"GET /ui/page.js HTTP/1.1\r\n{HEAD}\r\n" * 40,
        "questions": f"{post}1\r\n\r\n1",
        "idle connections": f"GET /ui/head HTTP/1.1\r\n{HEAD}\r\n",
        "halves of a head": f"GET {stream} HTTP/1.1\r\n{HEAD}X: ",
        "halves of a body": f"{post}9\r\n\r\n1",
    }
    return texts[kind].encode()


async def _clients(port: int, pid: int, stream: str, question: str) -> tuple[float, float, int]:
    """Connect all clients, and end the process. Return the seconds that it takes, those of its processor, and how many clients there were."""
    there, all_there = 0, trio.Event()

    async def client(kind: str) -> None:
        nonlocal there
        made = trio.socket.socket()
        if "never" in kind:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await made.connect(("127.0.0.1", port))
        with made:
            await trio.SocketStream(made).send_all(_sent(kind, stream, question))
            there += 1
            if there == sum(KINDS.values()):
                all_there.set()
            try:
                while "never" not in kind and await made.recv(65536):
                    pass
            except OSError:
                return
            if "never" in kind:
                await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        for kind, count in KINDS.items():
            for _ in range(count):
                nursery.start_soon(client, kind)
        await all_there.wait()
        await trio.sleep(3)
        used, began, last = processor(pid), time.perf_counter(), 0.0
        os.kill(pid, signal.SIGTERM)
        while _lives(pid):
            last = processor(pid) - used
            await trio.sleep(0.005)
        took = time.perf_counter() - began
        nursery.cancel_scope.cancel()
    return took, last, there


def _lives(pid: int) -> bool:
    """Return whether a process runs; one that has ended is a zombie until it is waited for."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def _end(words: list[str], folder: str, is_runtime: bool) -> tuple[float, float, int]:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "COGC_STATE": f"{folder}/state"}
    out = None if not is_runtime else subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-m", "cogc", *words],
        cwd=folder,
        stdout=out or subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=env,
        text=True,
    ) as run:
        try:
            assert run.stderr is not None
            line = (run.stdout or run.stderr).readline()
            while "port=" not in line and "serving on" not in line:
                assert line, "it has ended"
                line = (run.stdout or run.stderr).readline()
            port = int(line.strip().rstrip(")").replace("=", ":").rpartition(":")[2])
            stream, question = "/out/tick", "/ask/alert?reply=tick&timeout=10m"
            if is_runtime:
                request = urllib.request.Request(f"http://127.0.0.1:{port}/create?cog_dir=tick.cog", method="POST")
                with urllib.request.urlopen(request) as made:
                    id = json.load(made)["id"]
                stream, question = f"/observe/{id}/tick", f"/transmit/{id}/alert?data=1"
            found = trio.run(_clients, port, run.pid, stream, question)
            assert run.wait() == (143 if is_runtime else 0), run.stderr.read()
            return found
        finally:
            run.kill()


def main() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 8192),) * 2)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "tick.cog").write_text(SPEC)
        for what, words in (
            ("cogc serve", ["serve", "tick.cog", "--serve", "0"]),
            ("cogc runtime", ["runtime", "start", "--foreground", "--port", "0"]),
        ):
            found = [_end(words, folder, "runtime" in what) for _ in range(3)]
            took, used, there = (statistics.median(column) for column in zip(*found, strict=True))
            row(f"end of {what}, {there:,.0f} clients", f"{took:.2f} s", took / GOAL, f"{GOAL:g} s", 1)
            print(
                f"{'':<44} {'':>14}   its processor {used:.2f} s; the slowest {max(f[0] for f in found):.2f} s",
                flush=True,
            )

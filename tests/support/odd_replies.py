"""Malformed replies of models from a seed, through whole runs against a strict server of both APIs.

`mutant(seed)` gives the replies of one run: recordings of streams with changes in their bytes, their events, the values in
them, and the HTTP around them. `Campaign.failure(seed)` runs an agent against them by the command `cogc run`, replays the run,
and returns why that failed, or None. A failure is a traceback, a hang, a request that the server refuses, another exit code
than those of runs, or a replay that differs. `python -m support.odd_replies COUNT [SEED]` prints the seeds that fail.
"""

from __future__ import annotations

import copy
import gzip
import json
import os
import random
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any

from support.cli import cogc_here
from support.replies import CHAT, MESSAGES, Recording, chat_text, message_text
from support.strict_models import Refused, parsed, refused_by_chat, refused_by_messages

SECONDS = 30  # of real time; a run takes a fraction of one
SPEC = """
model m = {provider} "claude-sonnet-5-5" {{ base_url: "{url}", api_key: env("COGC_TEST_KEY") }}
type Found = {{ label: string, sure?: float, more?: [Found] }}
program double(n: int) -> int = expr n * 2
program note(text: string, about: any = null) -> string = expr "noted"
agent Agent {{ model: m, system: "s", tools: [double, note], output: {output}, timeout: 10s, max_turns: 6
  budget: {{ tokens: 100_000 }} }}
coglet Main {{
  transmit out: any
  transmit piece: any
  create a = Agent
  on start {{ a.task <- "go" }}
  on a.delta as d {{ piece <- d }}
  on a.result as r {{ out <- r }}
  on a.failed as f {{ out <- f }}
}}
"""
ENDS = (("string", "done"), ("Found", '{"label": "x"}'), ("[int]", '{"value": [7]}'), ('"a" | "b"', "a"))
"""The types of the answer, each with the reply that is given when no other one is left."""
_DEEP: Any = json.loads('{"a":' * 150 + "1" + "}" * 150)
_ODD: tuple[Any, ...] = (
    _DEEP, '{"a":' * 900 + "1" + "}" * 900,
    "\ud83d", "x\udc00y", {"n": float("nan")}, {"n": 1e999}, None, True, False, 0, -1, 1, 1 << 70, 1e300, float("nan"), float("inf"), "", " ", "\n", "x", "\ud83d", "\udc00 \ud800",
    "\0", "\ufeff", "\u202e", "end_turn", "tool_use", "text", "tool_result", "a b.c/d", "x" * 5000, "\u2028", [], {}, [[]],
    [None], {"": None}, {"type": "text"}, {"\ud800": 1}, {"type": "tool_use", "input": "x"}, "1", "null", '{"n": 1}',
)  # fmt: skip
_BYTES = (
    b"", b"\n", b"\n\n", b"\r\n", b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b'"', b"\\", b"{", b"}", b"[" * 3000,
    b"data: ", b"data:\n\n", b"data: [DONE]\n\n", b"data: null\n\n", b"data: 1\n\n", b"data: []\n\n", b"data: {}\n\n", b": hello\n\n",
    b"event: error\n", b"event: ping\ndata: {}\n\n", b"id: 7\nretry: 1\n", b"9" * 5000, b"\\ud800", b"1e999", b"NaN",
)  # fmt: skip
_STATUSES = (200, 200, 200, 201, 204, 301, 302, 400, 401, 404, 408, 413, 418, 429, 500, 503, 529, 599)
_TYPES = ("text/event-stream", "application/json", "text/html", "", "text/event-stream; charset=utf-16", "x")
_WAITS = (
    "0",
    "-1",
    "nan",
    "inf",
    "1e400",
    "soon",
    "3600",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Fri, 99 Foo 2026",
    "\u00e9",
    "0.01",
)


class Reply:
    """One answer over HTTP: a status, headers, the bytes of its body, and where the connection breaks, if it does."""

    def __init__(self, body: bytes) -> None:
        self.status = 200
        self.headers = {"content-type": "text/event-stream"}
        self.body = body
        self.cut: int | None = None


def mutant(seed: int) -> tuple[bool, list[Reply]]:
    """Return whether a seed's run speaks Chat Completions, and its replies, one to four of them."""
    chance = random.Random(seed)
    chat = chance.random() < 0.5
    recordings = CHAT if chat else MESSAGES
    return chat, [_reply(chance, recordings) for _ in range(chance.randint(1, 4))]


def _reply(chance: random.Random, recordings: list[Recording]) -> Reply:
    events: Recording = copy.deepcopy(chance.choice(recordings))
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        events = chance.choice((_values, _values, _values, _order))(chance, events, recordings)
    body = b"".join(_written(name, data) for name, data in events)
    for _ in range(chance.choice((0, 0, 0, 0, 0, 1, 3))):
        body = _bytes(chance, body)
    reply = Reply(body)
    if chance.random() < 0.15:
        _http(chance, reply)
    return reply


def _written(name: str, data: Any) -> bytes:
    """Return an event as it is streamed. Halves of surrogate pairs are escaped, as JSON allows."""
    said = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {name}\n" if name else "").encode() + f"data: {said}\n\n".encode("utf-8", "replace")


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return each place in a value of JSON: the record or list, and the key."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [(value, key) for key in keys] + [place for key in keys for place in _places(value[key])]


def _values(chance: random.Random, events: Recording, recordings: list[Recording]) -> Recording:
    """Change one value in one event: another one in its place, none, or one of another event."""
    at = chance.randrange(len(events)) if events else 0
    places = _places(events[at][1]) if events else []
    if not places:
        return events
    inside, key = chance.choice(places)
    match chance.randrange(5):
        case 0:
            del inside[key]
        case 1 if isinstance(inside, dict):
            inside[str(chance.choice(("type", "index", "x", "", "text", "delta")))] = inside.pop(key)
        case 2:
            other = chance.choice(chance.choice(recordings))[1]
            found = _places(other)
            if found:
                from_, name = chance.choice(found)
                inside[key] = copy.deepcopy(from_[name])
        case 3 if isinstance(inside[key], str):
            said = inside[key]
            cut = chance.randint(0, len(said))
            odd = chance.choice([o for o in _ODD if isinstance(o, str)])
            inside[key] = chance.choice((said[:cut], said[cut:], said[:cut] + odd + said[cut:], said * 3))
        case _:
            inside[key] = copy.deepcopy(chance.choice(_ODD))
    return events


def _order(chance: random.Random, events: Recording, recordings: list[Recording]) -> Recording:
    """Change the order of events: one is gone, comes twice, comes elsewhere, or is followed by another stream."""
    if not events:
        return events
    i, j = (chance.randrange(len(events)) for _ in range(2))
    match chance.randrange(5):
        case 0:
            del events[i : i + chance.choice((1, 1, 3))]
        case 1:
            events[j:j] = copy.deepcopy(events[i : i + chance.choice((1, 2, 5))])
        case 2:
            events[i], events[j] = events[j], events[i]
        case 3:
            events = events[:i] + copy.deepcopy(chance.choice(recordings)[j:])
        case _:
            events = events[:i]
    return events


def _bytes(chance: random.Random, body: bytes) -> bytes:
    at = chance.randint(0, len(body))
    gone = chance.choice((0, 0, 1, 3, 40, len(body)))
    return body[:at] + chance.choice(_BYTES) + body[at + gone :]


def _http(chance: random.Random, reply: Reply) -> None:
    """Change what stands around a body."""
    match chance.randrange(6):
        case 0:
            reply.status = chance.choice(_STATUSES)
            reply.headers["retry-after"] = chance.choice(_WAITS)
        case 1:
            reply.headers["content-type"] = chance.choice(_TYPES)
        case 2:
            reply.cut = chance.randint(0, len(reply.body))
        case 3:
            reply.headers["content-encoding"] = chance.choice(("gzip", "br", "x"))
            reply.body = gzip.compress(reply.body)[: chance.choice((5, 30, 1 << 30))]
        case 4:
            reply.headers["transfer-encoding"] = "chunked"
            reply.body = chance.choice((b"zz\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"-1\r\n", b"0\r\n\r\n"))
        case _:
            reply.headers["content-length"] = chance.choice(("0", "7", "999999", "-5", "x"))


# ---- the server ----------------------------------------------------------------------------------------------


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        return

    def do_POST(self) -> None:
        self.close_connection = True
        raw = self.rfile.read(int(self.headers["content-length"]))
        try:
            body = parsed(raw)
            refused = (refused_by_chat if self.path.endswith("/chat/completions") else refused_by_messages)(body)
        except Refused as found:
            refused = str(found)
        if refused:
            self.server.refused.append(f"{refused}: {raw[:3000]!r}")
        try:
            self._answer(self.server.next(self.path, refused))
        except OSError:
            return

    def _answer(self, reply: Reply) -> None:
        lines = [
            f"HTTP/1.1 {reply.status} Odd",
            *(f"{k}: {v}" for k, v in reply.headers.items()),
            "connection: close",
            "",
            "",
        ]
        self.wfile.write("\r\n".join(lines).encode("latin-1", "replace"))
        self.wfile.write(reply.body if reply.cut is None else reply.body[: reply.cut])


class _Server(ThreadingHTTPServer):
    """Answers with the replies that it is told, then well. `refused` has why it refused requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.refused: list[str] = []
        self.replies: list[Reply] = []
        self.good = ""

    def next(self, path: str, refused: str | None) -> Reply:
        """Return the answer to the next request."""
        if refused or path.endswith("/count_tokens"):
            found = Reply(json.dumps({"input_tokens": 10, "error": refused}).encode())
            found.status, found.headers = 400 if refused else 200, {"content-type": "application/json"}
            return found
        if self.replies:
            return self.replies.pop(0)
        chat = path.endswith("/chat/completions")
        return Reply(b"".join(_written(*event) for event in (chat_text if chat else message_text)(self.good)))


class _Hangs(BaseException):
    """A run took too long."""


def _stop(number: int, frame: FrameType | None) -> None:
    raise _Hangs


@contextmanager
def _bounded() -> Iterator[None]:
    """Raise _Hangs in the body after `SECONDS`."""
    before = signal.signal(signal.SIGALRM, _stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Campaign:
    """Runs of mutants against one server, in one folder."""

    def __init__(self, folder: Path, server: _Server) -> None:
        self.folder = folder
        self.server = server
        self.ends: dict[str, int] = {}
        """How often each end came: `result`, or the kind and the first words of a failure."""

    def failure(self, seed: int) -> str | None:
        """Run the replies of a seed and replay the run; return what went wrong, or None."""
        chat, replies = mutant(seed)
        url = f"http://127.0.0.1:{self.server.server_address[1]}{'/v1' if chat else ''}"
        output, self.server.good = ENDS[seed % 4]
        text = SPEC.format(provider="openai" if chat else "anthropic", url=url, output=output)
        (self.folder / "a.cog").write_text(text, encoding="utf-8")
        self.server.refused.clear()
        self.server.replies[:] = replies
        try:
            with _bounded():
                return self._ran("--record", "j", "--trace", "t.jsonl") or self._replayed()
        except _Hangs:
            return f"it hangs: {self.server.replies}"
        except BaseException:
            return "".join(traceback.format_exc().splitlines(keepends=True)[-8:])

    def _ran(self, *words: str) -> str | None:
        done = cogc_here("run", "a.cog", "--sim", "--output", "json", *words, cwd=self.folder)
        self.printed = done.stdout
        if self.server.refused:
            return f"a request is refused: {self.server.refused[0]}"
        out = [m["data"] for m in map(json.loads, done.stdout.split("\n")[:-1]) if m["channel"] == "out"]
        if done.returncode != 0 or len(out) != 1:
            return f"exit code {done.returncode}, outputs {out}: {done.stderr}"
        end = (
            f"{out[0]['kind']}: {out[0]['message'][:60]}" if isinstance(out[0], dict) and "kind" in out[0] else "result"
        )
        self.ends[end] = self.ends.get(end, 0) + 1
        return None

    def _replayed(self) -> str | None:
        done = cogc_here("run", "a.cog", "--sim", "--output", "json", "--replay", "j", cwd=self.folder)
        same = done.returncode == 0 and done.stdout == self.printed
        return None if same else f"the replay differs: {done.stderr}{done.stdout[:300]} was {self.printed[:300]}"


@contextmanager
def campaign() -> Iterator[Campaign]:
    """Start the server, and end it afterwards."""
    os.environ["COGC_TEST_KEY"] = "sk-canary-5e2"
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield Campaign(Path(folder), server)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        del os.environ["COGC_TEST_KEY"]


def main(words: list[str]) -> int:
    """Run so many seeds from one on, and print each that fails; the exit code."""
    count, first = int(words[0]), int(words[1]) if len(words) > 1 else 0
    failed = 0
    with campaign() as made:
        for seed in range(first, first + count):
            why = made.failure(seed)
            if why is not None:
                failed += 1
                print(f"seed {seed}: {why}", flush=True)
    for end, times in sorted(made.ends.items(), key=lambda e: -e[1]):
        print(f"{times:6} {end}")
    print(f"{count} runs of malformed replies from seed {first}: {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The language server: its start, and the time from an edit to its diagnostics."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from typing import IO, Any

from bench.checking import _text
from bench.common import row
from cogc.analysis.checked import Options
from cogc.compile import analyse
from cogc.diagnostics.problems import Problems
from cogc.disk.files import read
from cogc.lsp.workspace import Workspace


def _send(pipe: IO[bytes], **message: Any) -> None:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    pipe.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    pipe.flush()


def _read(pipe: IO[bytes]) -> dict[str, Any]:
    length = int(pipe.readline().split(b":")[1])
    pipe.readline()
    found: dict[str, Any] = json.loads(pipe.read(length))
    return found


def _session(lines: int, edits: int) -> tuple[float, list[float]]:
    """Return the seconds from the start to the answer of `initialize`, and those of each edit."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "cogc", "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        into, out = process.stdin, process.stdout
        assert into is not None and out is not None
        _send(into, id=1, method="initialize", params={})
        _read(out)
        start = time.perf_counter() - began
        uri, text = "file:///tmp/bench.cog", _text(lines)
        _send(into, method="textDocument/didOpen", params={"textDocument": {"uri": uri, "version": 1, "text": text}})
        _read(out)
        took = []
        for i in range(edits):
            began = time.perf_counter()
            where = {"line": 2, "character": 9}
            change = {"range": {"start": where, "end": where}, "text": "x"}
            document = {"uri": uri, "version": i + 2}
            _send(into, method="textDocument/didChange", params={"textDocument": document, "contentChanges": [change]})
            _read(out)
            took.append(time.perf_counter() - began)
        into.close()
    return start, took


def _work(lines: int, edits: int, inside: bool) -> tuple[float, float]:
    """Return the seconds of processor time of an edit, and those of an analysis that begins anew; the medians of both.

    The edit grows a name in the body of the first coglet, or the name of one of its channels.
    """
    path = "/tmp/bench.cog"
    texts = [_text(lines)]
    workspace = Workspace(lambda name: texts[0].encode() if name == path else read(name))
    workspace.analysis(path)
    edited, anew = [], []
    word = "let y = n" if inside else "listen reset"
    plain = texts[0].replace("n = n + 1", "let y = n\n    n = y + 1", 1)
    for i in range(edits):
        texts[0] = plain.replace(word, word + "x" * (i + 1), 1)
        began = time.process_time()
        workspace.analysis(path)
        between = time.process_time()
        analyse([path], workspace.reader, Problems(), Options(smells=True))
        edited.append(between - began)
        anew.append(time.process_time() - between)
    return statistics.median(edited), statistics.median(anew)


def main() -> None:
    nothing = min(_bare() for _ in range(5))
    start = min(_session(10, 0)[0] for _ in range(5))
    row("language server, start to initialize", f"{start * 1e3:.0f} ms", start / 0.15, "150 ms", 1)
    row("", "", start / nothing, "python -c pass", None)
    took = statistics.median(_session(500, 60)[1])
    row("edit to diagnostics at 500 lines, p50", f"{took * 1e3:.1f} ms", took / 0.01, "10 ms", 1)
    for name, inside in (("inside of a body", True), ("of a channel's name", False)):
        edit, anew = _work(500, 60, inside)
        row(f"processor time of an edit {name}", f"{edit * 1e3:.1f} ms", edit / 0.01, "10 ms", 1)
        row("", "", edit / anew, "an analysis that begins anew", None)


def _bare() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - began

"""Editors for tests of the language server: one in this process, one over a pipe, and texts with marked places."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cogc.lsp import rpc
from cogc.lsp.server import Server
from support.paths import ROOT
from support.waiting import DEADLINE

_MARK = re.compile(r"<\^(\w*)>")


def place(line: int, character: int) -> dict[str, int]:
    return {"line": line, "character": character}


def marked(text: str) -> tuple[str, dict[str, dict[str, int]]]:
    """Return a text without its marks `<^NAME>`, and the place of each in UTF-16 units."""
    places, plain, at = {}, "", 0
    for found in _MARK.finditer(text):
        plain += text[at : found.start()]
        at = found.end()
        line = plain.rpartition("\n")[2]
        places[found[1]] = place(plain.count("\n"), len(line.encode("utf-16-le")) // 2)
    return plain + text[at:], places


def cut(text: str, range: dict[str, dict[str, int]]) -> str:
    """Return the text of a range within one line."""
    line = text.split("\n")[range["start"]["line"]].encode("utf-16-le")
    assert range["start"]["line"] == range["end"]["line"]
    return line[2 * range["start"]["character"] : 2 * range["end"]["character"]].decode("utf-16-le")


def applied(text: str, edits: list[dict[str, Any]]) -> str:
    """Return a text after edits within lines, as an editor applies them."""
    lines = text.split("\n")
    for edit in sorted(
        edits, key=lambda e: (e["range"]["start"]["line"], e["range"]["start"]["character"]), reverse=True
    ):
        start, end = edit["range"]["start"], edit["range"]["end"]
        line = lines[start["line"]].encode("utf-16-le")
        new = edit["newText"].encode("utf-16-le")
        lines[start["line"]] = (line[: 2 * start["character"]] + new + line[2 * end["character"] :]).decode("utf-16-le")
    return "\n".join(lines)


class _Channel(rpc.Channel):
    """A channel without descriptors, which keeps what is sent."""

    def __init__(self) -> None:
        self.cancelled = set()
        self.sent: list[dict[str, Any]] = []

    def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(json.loads(json.dumps(message)))


class Editor:
    """An editor and a server in one process, for a folder of files. `given` is what the editor tells of itself."""

    def __init__(self, folder: Path, given: dict[str, Any] | None = None, /, **files: str) -> None:
        self.folder = folder
        self.channel = _Channel()
        self.server = Server(self.channel)
        self.texts: dict[str, str] = {}
        self.places: dict[str, dict[str, int]] = {}
        self.files: dict[str, str] = {}
        self.told = self.ask("initialize", **{"capabilities": {}, "rootUri": folder.as_uri(), **(given or {})})
        for name, text in files.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> str:
        """Write a file with marks into the folder, and return its URI. `a` is `a.cog`, `a_yml` is `a.yml`."""
        plain, places = marked(text)
        path = self.folder / (name.replace("_", ".") if "_" in name else f"{name}.cog")
        path.write_text(plain, encoding="utf-8")
        self.texts[path.as_uri()] = plain
        for mark, at in places.items():
            self.places[mark], self.files[mark] = at, path.as_uri()
        return path.as_uri()

    def uri(self, name: str) -> str:
        return (self.folder / (name.replace("_", ".") if "_" in name else f"{name}.cog")).as_uri()

    def tell(self, method: str, **params: Any) -> None:
        self.server.handle({"method": method, "params": params})

    def ask(self, method: str, **params: Any) -> Any:
        """Return the result of a request, or its error."""
        self.server.handle({"id": 1, "method": method, "params": params})
        found = self.channel.sent.pop()
        return found.get("result") if "error" not in found else found["error"]

    def open(self, name: str) -> str:
        uri = self.uri(name)
        self.tell("textDocument/didOpen", textDocument={"uri": uri, "version": 1, "text": self.texts[uri]})
        return uri

    def at(self, mark: str, method: str, **params: Any) -> Any:
        """Ask about a marked place; its file is opened first, if it is not yet."""
        uri = self.files[mark]
        if not any(d.uri == uri for d in self.server.documents.values()):
            self.tell("textDocument/didOpen", textDocument={"uri": uri, "version": 1, "text": self.texts[uri]})
        return self.ask(f"textDocument/{method}", textDocument={"uri": uri}, position=self.places[mark], **params)

    def named(self, found: list[dict[str, Any]]) -> list[str]:
        """Return places as `file:line:text`."""
        return [
            f"{Path(f['uri']).name}:{f['range']['start']['line'] + 1}:{cut(self.texts[f['uri']], f['range'])}"
            for f in found
        ]


class Client:
    """An editor over a pipe: it writes frames to the server's stdin and reads those on its stdout."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.count = 0
        self.noticed: list[dict[str, Any]] = []

    def raw(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.raw(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        length = 0
        while (line := self.process.stdout.readline()) != b"\r\n":
            assert line, "the server is gone"
            length = int(line.split(b":")[1])
        found: dict[str, Any] = json.loads(self.process.stdout.read(length))
        return found

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        self.count += 1
        self.send(id=self.count, method=method, params=params)
        while (found := self.read()).get("id") != self.count:
            self.noticed.append(found)
        return found

    def tell(self, method: str, **params: Any) -> None:
        self.send(method=method, params=params)

    def open(self, uri: str, text: str) -> None:
        self.tell("textDocument/didOpen", textDocument={"uri": uri, "languageId": "cog", "version": 1, "text": text})

    def change(self, uri: str, version: int, *changes: dict[str, Any]) -> None:
        document = {"uri": uri, "version": version}
        self.tell("textDocument/didChange", textDocument=document, contentChanges=list(changes))

    def diagnostics(self, uri: str, version: int | None = None) -> list[dict[str, Any]]:
        """Return the next diagnostics of a file, of a version of it if one is given."""
        while True:
            found = self.noticed.pop(0) if self.noticed else self.read()
            params = found.get("params", {})
            if params.get("uri") == uri and version in (None, params.get("version")):
                shown: list[dict[str, Any]] = params["diagnostics"]
                return shown


@contextmanager
def session(start: bool = True) -> Iterator[Client]:
    """Run `cogc lsp`, and end it behind the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "cogc", "lsp"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        client = Client(process)
        if start:
            assert client.ask("initialize", capabilities={})["result"]["capabilities"]["positionEncoding"] == "utf-16"
            client.tell("initialized")
        try:
            yield client
        finally:
            process.stdin.close()  # type: ignore[union-attr]
            process.wait(DEADLINE)

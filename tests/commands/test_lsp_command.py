"""`cogc lsp` over a real pipe: the life of a session, positions, diagnostics of open texts, formatting, the outline, quick fixes."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from cogc.analysis.checked import Options
from cogc.compile import analyse
from cogc.diagnostics.problems import Problems
from cogc.disk.files import read
from support.editor import Editor, place, session
from support.paths import ROOT
from support.waiting import DEADLINE

GOOD = "coglet Main {\n  transmit n: int\n  state c: int = 0\n  every 1s {\n    c = c + 1\n    n <- c\n  }\n}\n"


def test_a_session_ends_as_the_protocol_says() -> None:
    with session() as client:
        assert client.ask("no/such")["error"]["code"] == -32601
        assert client.ask("shutdown")["result"] is None
        assert client.ask("textDocument/formatting")["error"]["code"] == -32600
        client.tell("exit")
        assert client.process.wait(DEADLINE) == 0
    with session() as client:
        client.tell("exit")
        assert client.process.wait(DEADLINE) == 1
    with session(start=False) as client:
        assert client.ask("textDocument/formatting")["error"]["code"] == -32002
        assert client.ask("initialize", workspaceFolders=[{"uri": 5}])["error"]["code"] == -32602
        assert client.ask("textDocument/formatting")["error"]["code"] == -32002
        assert "result" in client.ask("initialize", capabilities={"textDocument": None}, workspaceFolders=None)
        assert client.ask("initialize", capabilities={})["error"]["code"] == -32600
    assert client.process.returncode == 1  # the editor went away


def test_the_session_ends_with_the_process_of_the_editor() -> None:
    with subprocess.Popen(["sleep", "1000"]) as editor, session(start=False) as client:
        client.ask("initialize", capabilities={}, processId=editor.pid)
        editor.kill()
        editor.wait()
        assert client.process.wait(DEADLINE) == 1  # though its input is still open


def test_a_mistake_of_cogc_in_a_check_is_told_and_ends_no_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = Editor(tmp_path, a="const a = 1\n")
    editor.open("a")
    monkeypatch.setattr("cogc.lsp.workspace.analyse", lambda *_: 1 // 0)
    editor.server._analyse_next()
    assert editor.channel.sent[-1]["method"] == "window/showMessage"
    assert "ZeroDivisionError" in editor.channel.sent[-1]["params"]["message"] and not editor.server.stale


def test_what_is_no_message_is_answered_by_an_error() -> None:
    with session() as client:
        client.raw(b"Content-Length: 5\r\n\r\n{oops")
        assert client.read()["error"]["code"] == -32700
        client.raw(b"Content-Lngth: 5\r\n\r\n")
        assert client.read()["error"]["code"] == -32700
        client.raw(b"Content-Length: 2\r\n\r\n[]")
        assert client.read()["error"]["code"] == -32600
        assert client.ask("textDocument/formatting", textDocument=3)["error"]["code"] == -32602
        for id in ([1], {}, True, 1.5):
            client.send(id=id, method="shutdown")
            assert client.read()["error"]["code"] == -32600
        client.raw(b"Content-Length: x\r\n\r\n{}")  # the next frame is read, behind a body of unknown length
        assert client.read()["error"]["code"] == -32700
        client.raw(b'Content-Length: 34\r\n\r\n{"id": 1, "method": "x", "y": NaN}')
        assert client.read()["error"]["code"] == -32700
        client.tell("$/cancelRequest", id=client.count + 1)  # a request that has not come yet
        assert client.ask("textDocument/formatting", textDocument=3)["error"]["code"] == -32602
        body = json.dumps({"jsonrpc": "2.0", "id": "x", "method": "shutdown"}).encode()
        cancel = json.dumps({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": "x"}}).encode()
        client.raw(b"".join(b"Content-Length: %d\r\n\r\n" % len(b) + b for b in (body, cancel)))
        assert client.read() == {"jsonrpc": "2.0", "id": "x", "error": {"code": -32800, "message": "cancelled"}}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_positions_count_utf16_units(tmp_path: Path, end: str) -> None:
    uri = (tmp_path / "a ü.cog").as_uri()
    text = end.join(['const a = "\U0001f600\U0001f600" + cuont', "const count = 1", ""])
    with session() as client:
        client.open(uri, text)
        found = next(d for d in client.diagnostics(uri) if d["code"] == "COG302")
        assert found["range"] == {"start": place(0, 19), "end": place(0, 24)}
        actions = client.ask(
            "textDocument/codeAction", textDocument={"uri": uri}, range=found["range"], context={"diagnostics": []}
        )["result"]
        edit = next(a for a in actions if "count" in a["title"])["edit"]["changes"][uri][0]
        assert edit == {"range": found["range"], "newText": "count"}
        client.change(uri, 2, {"range": edit["range"], "text": edit["newText"]})
        assert [d for d in client.diagnostics(uri, 2) if d["code"] == "COG302"] == []


def test_an_edit_of_one_file_checks_those_that_import_it_and_no_other(tmp_path: Path) -> None:
    uris = {name: (tmp_path / f"{name}.cog").as_uri() for name in "abc"}
    with session() as client:
        client.open(uris["a"], "type T = int\n")
        client.open(uris["b"], 'import "a.cog"\nconst k: T = 1\n')
        client.open(uris["c"], "const z = 1\n")
        for uri in uris.values():
            client.diagnostics(uri)
        client.change(uris["a"], 2, {"text": "type T = string\n"})
        client.diagnostics(uris["a"], 2)
        assert "COG401" in [d["code"] for d in client.diagnostics(uris["b"])]
        client.ask("shutdown")
        assert client.noticed == []  # nothing of c


def test_a_text_is_formatted_and_outlined(tmp_path: Path) -> None:
    uri = (tmp_path / "a.cog").as_uri()
    with session() as client:
        client.open(uri, "const  a=1\ncoglet  M{\n  listen  x:int\n}\n")
        document = {"uri": uri}
        edits = client.ask("textDocument/formatting", textDocument=document, options={})["result"]
        assert [e["newText"] for e in edits] == ["const a = 1\ncoglet M { listen x: int }\n"]
        given = {"start": place(0, 0), "end": place(0, 3)}
        edits = client.ask("textDocument/rangeFormatting", textDocument=document, range=given, options={})["result"]
        assert edits == [{"range": {"start": place(0, 0), "end": place(0, 10)}, "newText": "const a = 1"}]
        found = client.ask("textDocument/documentSymbol", textDocument=document)["result"]
        assert [(s["name"], [c["name"] for c in s["children"]]) for s in found] == [("a", []), ("M", ["x"])]
        folds = client.ask("textDocument/foldingRange", textDocument=document)["result"]
        assert folds == [{"startLine": 1, "endLine": 3}]
        client.change(uri, 2, {"text": "const a ="})
        assert client.ask("textDocument/formatting", textDocument=document, options={})["result"] is None


def test_names_are_shown_found_completed_and_renamed_over_the_wire(tmp_path: Path) -> None:
    uri, lib = (tmp_path / "a.cog").as_uri(), tmp_path / "lib.cog"
    lib.write_text("const limit = 3\n")
    text = 'import "lib.cog"\nconst a = "\U0001f600" + str(limit)\nconst b = li\n'
    with session(start=False) as client:
        client.ask("initialize", capabilities={}, rootUri=tmp_path.as_uri())
        client.open(uri, text)
        at = {"textDocument": {"uri": uri}, "position": place(1, 23)}
        assert "const limit: int = 3" in client.ask("textDocument/hover", **at)["result"]["contents"]["value"]
        assert client.ask("textDocument/definition", **at)["result"]["uri"] == lib.as_uri()
        end = {"textDocument": {"uri": uri}, "position": place(2, 12)}
        assert "limit" in [i["label"] for i in client.ask("textDocument/completion", **end)["result"]]
        changes = client.ask("textDocument/rename", **at, newName="most")["result"]["changes"]
        assert {u: [e["range"]["start"] for e in edits] for u, edits in changes.items()} == {
            uri: [place(1, 21)], lib.as_uri(): [place(0, 6)],
        }  # fmt: skip
        assert client.ask("textDocument/rename", **at, newName="a")["error"]["code"] == -32803
        assert len(client.ask("textDocument/semanticTokens/full", textDocument={"uri": uri})["result"]["data"]) % 5 == 0


def test_random_edits_leave_what_a_cold_check_finds(tmp_path: Path) -> None:
    uri, path = (tmp_path / "a.cog").as_uri(), str(tmp_path / "a.cog")
    chance = random.Random(7)
    text = GOOD
    with session() as client:
        client.open(uri, text)
        for version in range(2, 1002):
            lines = text.split("\n")
            line = chance.randrange(len(lines))
            column = chance.randrange(len(lines[line]) + 1)
            end = min(column + chance.randrange(3), len(lines[line]))
            new = chance.choice(["", "x", "\n", "{", "}", '"', "\U0001f600", " = ", "n <- c"])
            client.change(uri, version, {"range": {"start": place(line, len(lines[line][:column].encode("utf-16-le")) // 2), "end": place(line, len(lines[line][:end].encode("utf-16-le")) // 2)}, "text": new})  # fmt: skip
            lines[line] = lines[line][:column] + new + lines[line][end:]
            text = "\n".join(lines)
            if version % 50 == 1:
                problems = Problems()
                analyse(
                    [path],
                    lambda name, t=text: t.encode() if name == path else read(name),
                    problems,
                    Options(smells=True),
                )  # type: ignore[misc]
                cold = [(d.code, d.span.position()[0] - 1) for d in problems.sorted()]
                assert [(d["code"], d["range"]["start"]["line"]) for d in client.diagnostics(uri, version)] == cold


def test_the_server_imports_neither_trio_nor_a_library_of_a_provider() -> None:
    code = "import sys, cogc.commands.lsp, cogc.lsp.server; print(sorted({'trio', 'anthropic', 'openai', 'httpx2', 'mcp', 'msgspec'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

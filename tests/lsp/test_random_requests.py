"""After edits that people make, every request is answered as by a server that has just begun, without an error, and with places that are in the texts.

COGC_EDITS is the number of edits.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lsp.test_random_edits import EDITS, LIB, MAIN, SEED, YAML
from support.editor import Editor
from support.typist import Typist, place

REFUSED = -32803


def requests(text: str, chance: random.Random) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a request of each kind, those of places at one place of the text."""
    at = {"position": place(text, chance.randrange(len(text) + 1))}
    some = sorted(chance.randrange(len(text) + 1) for _ in range(2))
    part, whole = (
        {"range": {"start": place(text, a), "end": place(text, b)}, "context": {"diagnostics": []}, "options": {}}
        for a, b in (some, (0, len(text)))
    )
    for method in ("formatting", "documentSymbol", "foldingRange", "semanticTokens/full", "codeLens"):
        yield f"textDocument/{method}", {"options": {}}
    for method in ("rangeFormatting", "codeAction", "semanticTokens/range", "inlayHint"):
        yield f"textDocument/{method}", part
    for method in ("codeAction", "inlayHint"):
        yield f"textDocument/{method}", whole
    for method in (
        "hover", "definition", "typeDefinition", "documentHighlight", "prepareRename", "completion", "signatureHelp", "prepareCallHierarchy",
    ):  # fmt: skip
        yield f"textDocument/{method}", at
    yield "textDocument/references", {**at, "context": {"includeDeclaration": True}}
    yield "textDocument/rename", {**at, "newName": chance.choice(["fresh", "limit", "out"])}
    yield "workspace/symbol", {"query": "o"}


def test_after_edits_each_request_is_answered_as_by_a_new_server(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    editor = Editor(tmp_path, lib=LIB, main=MAIN, deep_yml=YAML)
    names = ("lib", "main", "deep_yml")
    typists = {editor.open(n): Typist(editor.texts[editor.uri(n)], [LIB, MAIN], chance) for n in names}
    for version in range(2, EDITS // 4 + 2):
        uri = chance.choice(list(typists))
        changes = typists[uri].step()
        editor.tell("textDocument/didChange", textDocument={"uri": uri, "version": version}, contentChanges=changes)
        fresh = Editor(tmp_path)
        for other, who in typists.items():
            fresh.tell("textDocument/didOpen", textDocument={"uri": other, "version": 1, "text": who.text})
        texts = {u: who.text for u, who in typists.items()}
        for method, params in requests(typists[uri].text, chance):
            given, wanted = (e.ask(method, textDocument={"uri": uri}, **params) for e in (editor, fresh))
            assert given == wanted, (method, params, texts)
            assert not isinstance(given, dict) or given.get("code", REFUSED) == REFUSED, (method, params, given, texts)
            assert [r for r in ranges(given, uri) if not is_inside(r[1], texts[r[0]])] == [], (method, params, texts)


def ranges(found: Any, uri: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the ranges of an answer, each with the file that it is of."""
    if isinstance(found, list):
        for inner in found:
            yield from ranges(inner, uri)
    elif isinstance(found, dict) and found.keys() == {"start", "end"}:
        yield uri, found
    elif isinstance(found, dict):
        own = found.get("uri", uri)
        for key, inner in found.items():
            yield from ranges(inner, key if key.startswith("file:") else own)


def is_inside(range: dict[str, Any], text: str) -> bool:
    ends = [place(text, at) for at in (0, len(text))]
    start, end = ((p["line"], p["character"]) for p in (range["start"], range["end"]))
    widths = [len(line.encode("utf-16-le")) // 2 for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return start <= end <= (ends[1]["line"], ends[1]["character"]) and all(c <= widths[n] for n, c in (start, end))

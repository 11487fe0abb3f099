"""Semantic tokens, inlay hints, code lenses and the call hierarchy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cogc.lsp.legend import TOKEN_MODIFIERS, TOKEN_TYPES
from support.editor import Editor, cut, place

TEXT = """const limit = 3
type Job = { name: string }
coglet Worker(start: int = 0) {
  listen job: Job
  transmit done: string
  state n: int = start
  on job as j {
    let x = "\U0001f600" + j.name
    n = len(x) + limit
    done<^D> <- x
  }
}
coglet Main {
  transmit out: string
  create w<^W> = Worker<^C>
  link w.done -> self.out
  every 1s { w.job<^J> <- { name: "a" } }
  on w.done as s { log info s }
}
"""


def tokens(text: str, data: list[int]) -> list[tuple[str, str, list[str]]]:
    """Return the words of semantic tokens, each with its type and modifiers."""
    found, line, character = [], 0, 0
    for i in range(0, len(data), 5):
        line, character = line + data[i], data[i + 1] + (character if data[i] == 0 else 0)
        word = cut(text, {"start": place(line, character), "end": place(line, character + data[i + 2])})
        modifiers = [m for b, m in enumerate(TOKEN_MODIFIERS) if data[i + 4] >> b & 1]
        found.append((word, TOKEN_TYPES[data[i + 3]], modifiers))
    return found


def test_tokens_tell_names_by_their_meaning_and_keywords_from_names(tmp_path: Path) -> None:
    editor = Editor(tmp_path, one=TEXT, two="coglet C { listen state: int; on state as on { let x = on } }\n")
    uri = editor.open("one")
    found = tokens(editor.texts[uri], editor.ask("textDocument/semanticTokens/full", textDocument={"uri": uri})["data"])
    for wanted in (
        ("limit", "variable", ["declaration", "readonly"]), ("Job", "type", []), ("Worker", "class", ["declaration"]),
        ("start", "parameter", ["readonly"]), ("job", "event", []), ("n", "property", ["modification"]),
        ("len", "function", ["defaultLibrary"]), ("x", "variable", ["readonly"]), ("name", "property", []),
        ("listen", "keyword", []), ("w", "variable", ["declaration"]),
    ):  # fmt: skip
        assert wanted in found, wanted
    part = {"start": place(7, 0), "end": place(8, 0)}
    some = editor.ask("textDocument/semanticTokens/range", textDocument={"uri": uri}, range=part)["data"]
    assert [w for w, _, _ in tokens(editor.texts[uri], some)] == ["let", "x", "j", "name"]
    uri = editor.open("two")
    found = tokens(editor.texts[uri], editor.ask("textDocument/semanticTokens/full", textDocument={"uri": uri})["data"])
    kinds = [(word, kind) for word, kind, _ in found if word in ("on", "state")]
    assert kinds == [("state", "event"), ("on", "keyword"), ("state", "event"), ("on", "variable"), ("on", "variable")]


def test_hints_show_types_that_are_written_nowhere(tmp_path: Path) -> None:
    editor = Editor(tmp_path, one=TEXT)
    uri = editor.open("one")
    whole = {"start": place(0, 0), "end": place(99, 0)}
    hints = editor.ask("textDocument/inlayHint", textDocument={"uri": uri}, range=whole)
    shown = [(h["position"]["line"], h["position"]["character"], h["label"]) for h in hints]
    assert shown == [
        (0, 11, ": int"), (6, 13, ": Job"), (7, 9, ": string"), (15, 13, ": string"), (17, 16, ": string"),
    ]  # fmt: skip
    part = {"start": place(15, 0), "end": place(16, 0)}
    assert len(editor.ask("textDocument/inlayHint", textDocument={"uri": uri}, range=part)) == 1


def test_hints_say_what_a_task_of_an_agent_costs_at_most(tmp_path: Path) -> None:
    text = """model m = anthropic "claude-sonnet-5-5" { max_tokens: 100 }
agent A { model: m, system: "s" }
agent B { model: m, system: "s", tools: [A] }
agent C(topic: string) { model: m, system: "{{ topic }}" }
"""
    editor = Editor(tmp_path, one=text)
    uri = editor.open("one")
    whole = {"start": place(0, 0), "end": place(99, 0)}
    hints = editor.ask("textDocument/inlayHint", textDocument={"uri": uri}, range=whole)
    shown = [(h["position"]["line"], h["position"]["character"], h["label"]) for h in hints]
    assert [s[:2] for s in shown] == [(1, 7), (2, 7)]
    assert shown[0][2].startswith("at most 1 call, $") and shown[1][2] == "no bound on calls"


def test_lenses_run_the_root_and_the_tests_where_the_editor_has_the_command(tmp_path: Path) -> None:
    given = {"initializationOptions": {"lenses": True}}
    editor = Editor(tmp_path, given, one=TEXT, t='import "one.cog"\ntest "it works" { use Worker; run 1s }\n')
    assert "codeLensProvider" in editor.told["capabilities"]
    assert "codeLensProvider" not in Editor(tmp_path).told["capabilities"]
    shown = {}
    for name in ("one", "t"):
        lenses = editor.ask("textDocument/codeLens", textDocument={"uri": editor.open(name)})
        shown[name] = [(le["command"]["title"], le["command"]["arguments"]) for le in lenses]
    one, t = (str(tmp_path / f"{n}.cog") for n in ("one", "t"))
    assert shown["one"] == [(w, [w, one, "--root", "Main"]) for w in ("run", "graph", "explore")]
    assert shown["t"] == [
        ("run test", ["test", t, "-k", "it works"]),
        ("explore", ["explore", t, "--test", "it works"]),
    ]


def calls(editor: Editor, mark: str, direction: str) -> list[tuple[str, str]]:
    item = editor.at(mark, "prepareCallHierarchy")[0]
    found: list[dict[str, Any]] = editor.ask(f"callHierarchy/{direction}Calls", item=item)
    ends = [f["from" if direction == "incoming" else "to"] for f in found]
    assert all(f["fromRanges"] for f in found)
    return sorted((e["name"], e["detail"]) for e in ends)


def test_the_hierarchy_tells_who_sends_and_who_hears(tmp_path: Path) -> None:
    test = 'import "one.cog"\ntest "it works" { use Worker; send self.job <- { name: "b" }; run 1s; expect len(done) == 1 }\n'
    editor = Editor(tmp_path, one=TEXT, t=test)
    assert calls(editor, "D", "incoming") == [("on job as j", "Worker")]
    assert calls(editor, "D", "outgoing") == [
        ("it works", ""), ("link w.done -> self.out", "Main"), ("on w.done as s", "Main"),
    ]  # fmt: skip
    assert calls(editor, "J", "incoming") == [("every 1s", "Main"), ("it works", "")]
    assert calls(editor, "J", "outgoing") == [("on job as j", "Worker")]
    assert calls(editor, "C", "incoming") == [("it works", ""), ("w", "Main")]
    reaction = editor.ask("callHierarchy/incomingCalls", item=editor.at("D", "prepareCallHierarchy")[0])[0]["from"]
    heard = editor.ask("callHierarchy/incomingCalls", item=reaction)
    assert [f["from"]["name"] for f in heard] == ["job"]
    sent = editor.ask("callHierarchy/outgoingCalls", item=reaction)
    assert [t["to"]["name"] for t in sent] == ["done"]

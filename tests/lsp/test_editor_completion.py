"""Completion and signature help at marked places, in whole and in broken texts, in both notations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.editor import Editor

HEAD = """model fast = scripted "m.yml"
"Looks a word up."
program lookup(topic: string, most: int = 3) -> string = expr topic
type Job = { name: string, size: int }
mixin Timed(period: duration = 1s) { transmit tick: int }
agent Clerk { model: fast }
coglet Worker(start: int = 0) {
  listen job: Job
  transmit done: string
  enact reset(to: int) { }
}
"""


def labels(found: Any) -> list[str]:
    assert isinstance(found, list), found
    return [i["label"] for i in found]


def asked(folder: Path, text: str, **files: str) -> list[str]:
    editor = Editor(folder, one=HEAD + text, **files)
    return labels(editor.at("", "completion"))


CASES = {
    # keywords, by the grammar
    "cog<^>": ("coglet program agent import", "listen lookup"),
    "coglet M {\n  <^>\n}": ("listen transmit on every create state", "coglet Worker lookup"),
    "coglet M {\n  listen x: int\n  on x as y <^>\n}": ("when timeout batch debounce", "listen coglet"),
    "coglet M {\n  listen x: int\n  on x as y { <^> }\n}": ("let log if guide await lookup", "listen coglet"),
    # attributes
    "coglet M { listen x: int { <^> } }": ("capacity overflow headers", "restart lookup"),
    "coglet M { listen x: int { capacity: 8, ov<^> } }": ("overflow headers", "capacity"),
    "coglet M { listen x: int { overflow: <^> } }": ("block drop_oldest fail", "capacity lookup"),
    "agent A { mod<^> }": ("model system tools max_turns", "capacity"),
    "agent A { model: <^> }": ("fast", "lookup Clerk Worker"),
    "agent A { model: fast, tools: [<^>] }": ("lookup Clerk", "fast Worker Job"),
    "program p() -> int = shell [\"x\"] { out<^> }": ("output ok stdin", "model"),
    "program p() -> int = <^>": ("shell python llm expr template", "lookup"),
    "model m = <^>": ("anthropic openai scripted", "lookup"),
    "sett S { agent a { bid: <^> } }": ("review claim exclusive ignore", "fast"),
    # types, coglets, mixins
    "coglet M { listen x: <^> }": ("int string Job map", "lookup Worker"),
    "program p(x: <^>": ("int string Job", "lookup Worker"),
    "coglet M with <^> { }": ("Timed LogLet", "Worker"),
    "coglet M { create w = <^> }": ("Worker Clerk", "Timed lookup"),
    # paths
    "coglet M { create w = Worker\n on w.<^> }": ("done", "job reset"),
    "coglet M { create w = Worker\n on start { w.<^> } }": ("job", "done reset"),
    "coglet M { create w = Worker\n on start { guide w.<^> } }": ("reset", "done job"),
    "coglet M { create w = Worker * 2\n on start { w[0].<^> <- 1 } }": ("job", "done"),
    "coglet M { listen x: Job; create w = Worker\n link self.<^> -> w.job }": ("x", "done"),
    "coglet M { listen x: Job; create w = Worker\n link self.x -> w.<^> }": ("job", "done"),
    "coglet M { listen x: Job; create w = Worker\n on <^> { } }": ("x w start stop error all", "lookup"),
    "coglet M { transmit o: int; state n: int = 0\n on start { <^> } }": ("o n lookup", "fast"),
    # the head of a path that goes on
    "coglet M { listen x: Job; create w = Worker\n link wo<^>.done -> self.x }": ("w self", "done lookup"),
    "coglet M { create w = Worker\n on wo<^>.done as d { } }": ("w", "done lookup"),
    "coglet M { create w = Worker * 2\n on start { wo<^>[0].job <- 1 } }": ("w", "job lookup"),
    "coglet M { listen x: Job\n on x as j { let k = jo<^>.name } }": ("j lookup len self", "x Worker"),
    "test \"t\" { use Worker\n guide se<^>.reset(to: 1) }": ("self", "reset lookup"),
    # values
    "coglet M { listen x: Job\n on x as j { let k = j.<^> } }": ("name size", "lookup x"),
    "coglet M { listen x: Job\n on x as j { log info j.name + <^> } }": ("j lookup len self", "x Worker"),
    "coglet M { listen x: Job\n on x as j { log info \"\U0001f600 {{ <^>": ("j", "lookup len"),
    "coglet M { listen x: Job\n on x as j { log info \"\U0001f600 {{ j.na<^> }}\" } }": ("name size", "lookup"),
    "program q(a: string) -> string = template \"{{ a | <^> }}\"": ("upper join", "a"),
    "coglet M { listen x: Job\n on x as j { let k = lookup(<^>) } }": ("topic: most: j len", "x"),
    "coglet M { create w = Worker\n on start { w.job <- { <^> } } }": ("name size", "lookup"),
    "coglet M { create w = Worker\n on start { w.job <- { name: \"\", <^> } } }": ("size", "name"),
    "plan P { goal: \"g\"\n step a by <^>: \"x\" }": ("Clerk", "lookup Worker"),
    "plan P { goal: \"g\"\n step a by Clerk: \"x\"\n step b by Clerk after <^>: \"y\" }": ("a", "b Clerk"),
    # tests
    "test \"t\" { use Worker\n expect don<^> }": ("done lookup", "Worker"),
    "test \"t\" { use <^> }": ("Worker Clerk", "lookup"),
    "test \"t\" { use Worker\n send self.<^> <- 1 }": ("job", "done"),
    # broken texts
    "coglet M {\n  listen x: Job\n  on x as j {\n    let k = j.<^>\n": ("name size", "lookup"),
    "coglet M {\n  listen x: Job\n  on x as j {\n    log info <^>\n  }\n  on x as y { let z = (( }\n}\ncoglet N { }": ("j lookup", "Worker"),
    "coglet Broken { listen }\ncoglet M { create w = Worker\n on w.<^> }": ("done", "job"),
    # nothing at all
    "# a com<^>": ("", "coglet lookup"),
    "const s = \"some <^>text\"": ("", "coglet lookup"),
}  # fmt: skip


@pytest.mark.parametrize("text", CASES)
def test_the_words_that_could_stand_at_a_place(tmp_path: Path, text: str) -> None:
    there, absent = (words.split() for words in CASES[text])
    found = asked(tmp_path, text)
    assert [w for w in there if w not in found] == [], found
    assert [w for w in absent if w in found] == [], found


def test_names_of_imports_stand_behind_their_alias(tmp_path: Path) -> None:
    text = 'import "lib.cog" as lib\ncoglet M { create w = lib.<^> }'
    editor = Editor(tmp_path, one=text, lib="coglet Thing { }\nconst x = 1\n")
    assert labels(editor.at("", "completion")) == ["Thing"]
    editor.write("one", 'import "lib.cog" as lib\nconst y = lib.<^>')
    editor.open("one")
    assert labels(editor.at("", "completion")) == ["Thing", "x"]


def test_a_test_may_use_the_main_of_an_import(tmp_path: Path) -> None:
    text = 'import "app.cog"\ntest "t" { use <^> }\n'
    editor = Editor(tmp_path, one=text, app="coglet Main { }\ncoglet Part { }\n")
    assert sorted(labels(editor.at("", "completion"))) == ["Main", "Part"]


def test_paths_in_strings_are_files_beside_the_spec(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "pic.png").write_bytes(b"")
    (tmp_path / "m.yml").write_text("x: 1\n")
    (tmp_path / "tools.py").write_text("def first(a): ...\ndef _hidden(): ...\n")
    cases = {
        'import "<^>"': ["lib.cog", "sub/", "std/mixins.cog"],
        'model m = scripted "<^>"': ["m.yml", "sub/"],
        'program p() -> image = llm { model: m, prompt: file("<^>") }': ["pic.png", "sub/"],
        'program p() -> int = python "<^>"': ["tools:"],
        'program p() -> int = python "tools:<^>"': ["tools:first"],
    }
    for text, wanted in cases.items():
        editor = Editor(tmp_path, one=text, lib="const x = 1\n")
        found = labels(editor.at("", "completion"))
        assert [w for w in wanted if w not in found] == [], (text, found)
        assert "one.cog" not in found and "tools:_hidden" not in found


def test_an_item_replaces_the_word_in_utf16_units_and_may_be_a_snippet(tmp_path: Path) -> None:
    given = {"capabilities": {"textDocument": {"completion": {"completionItem": {"snippetSupport": True}}}}}
    editor = Editor(tmp_path, given, one='const a = "\U0001f600\U0001f600" + st<^>r(1)\nconst strange = 1\n')
    item = next(i for i in editor.at("", "completion") if i["label"] == "strange")
    assert item["textEdit"]["range"] == {"start": {"line": 0, "character": 19}, "end": {"line": 0, "character": 22}}
    editor = Editor(tmp_path, given, two="<^>")
    item = next(i for i in editor.at("", "completion") if i["label"] == "listen" or i["label"] == "coglet")
    assert item["insertTextFormat"] == 2 and "$0" in item["textEdit"]["newText"]


def test_yaml_is_completed_inside_of_its_expressions_and_attributes(tmp_path: Path) -> None:
    text = """cog: 1
imports: [lib.cog]
coglets:
  Main:
    listen:
      x: Job
    create:
      w: Worker
    reactions:
      - on: x as j
        do:
          - 'w.job <- { name: j.<^> }'
"""
    editor = Editor(tmp_path, one_yml=text, lib=HEAD)
    assert labels(editor.at("", "completion")) == ["name", "size"]


@pytest.mark.parametrize(
    ("text", "label", "active"),
    [
        ('coglet M { on start { let x = lookup("a", <^>) } }', "lookup(topic: string, most: int)", 1),
        ("coglet M { on start { let x = lookup(most: <^>", "lookup(topic: string, most: int)", 1),
        ("coglet M { create w = Worker(<^>) }", "Worker(start: int)", 0),
        ("coglet M { create w = Worker\n on start { guide w.reset(<^>) } }", "reset(to: int)", 0),
        ("const n = len(<^>)", "len(a string, list, map or record)", 0),
    ],
)
def test_the_signature_of_the_call_around_a_place(tmp_path: Path, text: str, label: str, active: int) -> None:
    found = Editor(tmp_path, one=HEAD + text).at("", "signatureHelp")
    assert (found["signatures"][0]["label"], found["activeParameter"]) == (label, active)


def test_no_cursor_in_a_text_makes_an_answer_fail(tmp_path: Path) -> None:
    text = HEAD + 'coglet M { create w = Worker\n on w.done as d { log info "{{ d }}" } }\n'
    editor = Editor(tmp_path)
    for at in range(0, len(text), 9):
        editor.write("one", text[:at] + "<^>")
        editor.open("one")
        assert isinstance(editor.at("", "completion"), list)
        assert "code" not in (editor.at("", "signatureHelp") or {})

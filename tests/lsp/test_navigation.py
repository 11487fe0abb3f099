"""Definition, references, highlights, rename, hover and symbols, asked in this process; both notations, lines with emoji."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from support.editor import Editor, applied, cut

LIB = """"Counting."
type <^T>Job = { <^F>name: string, size: int }

"Counts jobs."
coglet <^C>Counter(<^P>start: int = 0) {
  listen <^L>job: Job
  transmit <^O>total: int
  state <^S>n: int = start
  enact <^E>reset(<^EP>to: int) { n = to }
  on job as <^J>j {
    let <^X>x = "\U0001f600\U0001f600" + j<^JU>.<^FU>name
    n = <^SU>n + len(x<^XU>)
    log info "\U0001f600 {{ x<^XT> }} {{ n }}"
    total <- n
  }
}
"""
MAIN = """import "lib.cog"
import "lib.cog" as <^A>lib
const limit: int = 3
coglet Main {
  transmit sum: int
  create <^K>counter = lib<^AU>.Counter<^CU>(start<^PU>: limit)
  create other = Counter
  on start {
    counter.job <- { name: "\U0001f680", size: 1 }
    guide counter<^KU>.reset<^EU>(to<^EPU>: 2)
  }
  on counter.total<^OU> as t<^T2>, other.total as t { sum <- t }
}
"""
YAML = """cog: 1
imports: [lib.cog]
coglets:
  Main:
    transmit:
      sum: int
    create:
      c: 'Counter<^CY>(start: 1)'
    reactions:
      - on: c.total<^OY> as t
        do:
          - sum <- t
          - "guide c.reset(to: 1) # 😀"
"""


def test_definition_leads_to_the_declaration_in_whatever_file_it_stands(tmp_path: Path) -> None:
    editor = Editor(tmp_path, lib=LIB, main=MAIN)
    pairs = {
        "JU": "J", "FU": "F", "SU": "S", "XU": "X", "XT": "X", "AU": "A", "CU": "C", "PU": "P", "KU": "K", "EU": "E",
        "EPU": "EP", "OU": "O",
    }  # fmt: skip
    for use, declared in pairs.items():
        found = editor.at(use, "definition")
        assert (found["uri"], found["range"]["start"]) == (editor.files[declared], editor.places[declared]), use


def test_the_type_of_a_value_leads_to_the_declaration_of_the_type(tmp_path: Path) -> None:
    editor = Editor(tmp_path, lib=LIB)
    found = editor.at("JU", "typeDefinition")
    assert [f["range"]["start"] for f in found] == [editor.places["T"]]


def test_references_are_those_of_every_file_that_imports_the_declaring_one(tmp_path: Path) -> None:
    editor = Editor(tmp_path, lib=LIB, main=MAIN, far='import "main.cog" as m\ncoglet Far { create c = m.Main }\n')
    context = {"includeDeclaration": True}
    found = editor.named(editor.at("C", "references", context=context))
    assert found == ["lib.cog:5:Counter", "main.cog:6:Counter", "main.cog:7:Counter"]
    found = editor.named(editor.at("OU", "references", context={"includeDeclaration": False}))
    assert found == ["lib.cog:14:total", "main.cog:12:total", "main.cog:12:total"]
    found = editor.named(editor.at("EP", "references", context=context))
    assert found == ["lib.cog:9:to", "lib.cog:9:to", "main.cog:10:to"]


def test_highlights_tell_where_a_value_is_set(tmp_path: Path) -> None:
    editor = Editor(tmp_path, lib=LIB)
    found = editor.at("SU", "documentHighlight")
    assert [(h["range"]["start"]["line"], h["kind"]) for h in found] == [
        (7, 3),
        (8, 3),
        (11, 3),
        (11, 2),
        (12, 2),
        (13, 2),
    ]


@pytest.mark.parametrize("mark", ["C", "O", "P", "E", "EP", "S", "X", "J", "K", "A", "L", "T", "T2"])
def test_a_rename_changes_every_use_and_nothing_else(tmp_path: Path, mark: str) -> None:
    editor = Editor(tmp_path, lib=LIB, main=MAIN)
    assert editor.at(mark, "prepareRename")["placeholder"] not in ("", "renamed")
    changes = editor.at(mark, "rename", newName="renamed")["changes"]
    old = editor.at(mark, "prepareRename")["placeholder"]
    assert {cut(editor.texts[uri], e["range"]) for uri, edits in changes.items() for e in edits} == {old}
    for uri, edits in changes.items():
        Path(uri.removeprefix("file://")).write_text(applied(editor.texts[uri], edits), encoding="utf-8")
        editor.texts[uri] = applied(editor.texts[uri], edits)
        editor.tell("textDocument/didClose", textDocument={"uri": uri})
    again = Editor(tmp_path)
    for name in ("lib", "main"):
        again.texts[again.uri(name)] = (tmp_path / f"{name}.cog").read_text(encoding="utf-8")
        again.open(name)
        again.server.analyse_one()
    assert [d for d in again.channel.sent for d in d["params"]["diagnostics"] if d["severity"] == 1] == []


PLANS = """model m = scripted "m.yml"
agent Dev { model: m }
dod Good { quick: ["true"] }
plan Base {
  roles: [de<^R>v, do<^D>ne]
  goal: "g"
  step o<^1>ne by dev: "do {{ goal }}"
  step t<^2>wo by dev after one { dod: done }: "then {{ one }}"
}
"""
EXTENDING = """import "plans.cog"
plan Mine = Base {
  roles: { dev: Dev, done: Good }
  step two by dev after one: "else {{ one }}"
  step three by dev after two<^2U>: "x {{ one }} {{ two<^2T> }}"
}
plan Other = Base { roles: { dev<^RU>: Dev, done: Good } }
"""
SETT = """sett Bakery {
  agent Ba<^B>ker { bid: exclusive, command: ["true"], workspace: rw }
  agent Se<^S>ller { bid_script: ["true"], command: ["true"] }
}
"""
SETT_TEST = """import "bakery.cog"
test "bread" {
  use Bakery
  script Baker { reply { artefact_type: "Bread", artefact_payload: "flour" } }
  script Seller.bid { reply "ignore" }
  fail Seller
  send self.goal <- "Bread"
  run 1m
  expect len(Baker<^BU>.calls) == 2
}
"""
SILENCED = """mixin Own { transmit re<^W>ading: int }
coglet Sensor with SuppressLet, Own {
  listen go: int
  transmit le<^V>vel: int
  enact po<^X>ke { }
  on go as g {
    reading <- g
    level <- g
    guide self.suppress(channels: ["level"], commands: ["poke"])
  }
}
coglet Main {
  listen go: int
  create s = Sensor
  link self.go -> s.go
  on s.reading as r { guide s.suppress(["reading", "level"]) }
  on s.level as l { guide s.unsuppress(channels: ["reading"]) }
}
test "the sensor" {
  use Sensor
  run 1s
  expect judge m "How is {{ reading<^WT> }}?" >= 0.5
}
model m = scripted "m.yml"
"""


@pytest.mark.parametrize(
    ("mark", "old", "uses"),
    [
        ("R", "dev", [3, 4]), ("RU", "dev", [3, 4]), ("D", "done", [2, 2]), ("1", "one", [3, 3]), ("2", "two", [1, 3]),
        ("2U", "two", [1, 3]), ("2T", "two", [1, 3]), ("B", "Baker", [1, 2]), ("BU", "Baker", [1, 2]), ("S", "Seller", [1, 2]),
        ("W", "reading", [6]), ("WT", "reading", [6]), ("V", "level", [5]), ("X", "poke", [2]),
    ],
)  # fmt: skip
def test_a_rename_follows_roles_steps_agents_and_silenced_channels(
    tmp_path: Path, mark: str, old: str, uses: list[int]
) -> None:
    files = {"plans": PLANS, "mine": EXTENDING, "bakery": SETT, "tested": SETT_TEST, "silenced": SILENCED}
    editor = Editor(tmp_path, **files)
    changes = editor.at(mark, "rename", newName="renamed")["changes"]
    assert sorted(len(edits) for edits in changes.values()) == uses
    texts = {uri: applied(editor.texts[uri], edits) for uri, edits in changes.items()}
    assert all(re.search(rf"\b{old}\b", text) is None for text in texts.values()), texts
    assert [text.replace("renamed", old) for text in texts.values()] == [editor.texts[uri] for uri in texts]


def test_a_rename_is_possible_in_a_file_with_a_mistake_that_names_the_thing(tmp_path: Path) -> None:
    editor = Editor(
        tmp_path, one="const a<^A> = b + 1\nconst b = a + 1\ncoglet C { create c = D(to: a) }\ncoglet D { }\n"
    )
    assert len(editor.at("A", "rename", newName="fresh")["changes"][editor.uri("one")]) == 3


@pytest.mark.parametrize(
    ("mark", "new", "why"),
    [
        ("S", "total", "wrong"),  # a channel has the name
        ("X", "n", "wrong"),  # a state would be hidden
        ("C", "Main", "wrong"),  # the file that imports it has one
        ("C", "_Counter", "wrong"),  # a private name cannot be imported
        ("S", "if", "no name"),
        ("S", "a b", "no name"),
        ("F", "title", "is a field"),
    ],
)
def test_a_rename_that_would_clash_is_refused(tmp_path: Path, mark: str, new: str, why: str) -> None:
    editor = Editor(tmp_path, lib=LIB, main=MAIN)
    found = editor.at(mark, "rename", newName=new)
    assert found["code"] == -32803 and why in found["message"], found


def test_a_rename_is_refused_for_a_file_that_has_neither_name(tmp_path: Path) -> None:
    both = 'import "lib.cog"\nimport "other.cog"\n'
    editor = Editor(tmp_path, lib="const lim<^L>it = 1\n", other="const most = 2\n", both=both)
    assert "both.cog" in editor.at("L", "rename", newName="most")["message"]
    assert list(editor.at("L", "rename", newName="top")["changes"]) == [editor.uri("lib")]


def test_files_that_do_not_have_a_name_are_not_analysed_for_it(tmp_path: Path) -> None:
    files = {f"f{i}": f'import "f{i - 1}.cog"\nconst c{i} = 1\n' for i in range(1, 30)}
    editor = Editor(tmp_path, f0="const fi<^F>rst = 1\n", **files)
    assert len(editor.at("F", "references", context={"includeDeclaration": True})) == 1
    assert list(editor.at("F", "rename", newName="last")["changes"]) == [editor.uri("f0")]
    assert list(editor.server.workspace._analyses) == [str(tmp_path / "f0.cog")]


def test_a_rename_by_which_a_name_would_mean_something_else_is_refused(tmp_path: Path) -> None:
    text = "const a<^A> = 1\nconst b = 2\nprogram f(x: int) -> int = expr x + b\nprogram g(b<^B>: int) -> int = expr b + a\n"
    editor = Editor(tmp_path, one=text)
    assert "something else" in editor.at("B", "rename", newName="a")["message"]


def test_yaml_is_navigated_and_renamed_as_well(tmp_path: Path) -> None:
    editor = Editor(tmp_path, lib=LIB, main_yml=YAML)
    assert editor.at("CY", "definition")["range"]["start"] == editor.places["C"]
    assert editor.at("OY", "definition")["range"]["start"] == editor.places["O"]
    changes = editor.at("O", "rename", newName="sum_of_all")["changes"]
    assert applied(YAML_PLAIN, changes[editor.uri("main_yml")]) == YAML_PLAIN.replace("c.total", "c.sum_of_all")


ROLES = {
    "one_yml": "cog: 1\nmodels: {m: {provider: scripted, name: m.yml}}\nagents: {<^AY>check-in: {model: m}}\nplans:\n  P:\n    goal: x\n    steps: {one: {by: check-in, task: a}}\nconsts: {MO<^CY>ST: 1}\n",
    "sett_yml": 'version: "1.0"\nagents:\n  <^AS>code-writer: {command: ["true"], bidding_strategy: claim}\n',
    "quoted": 'model m = scripted "m.yml"\nagent "<^AQ>check-in" { model: m }\nagent <^AP>plain { model: m }\n',
}


@pytest.mark.parametrize(("mark", "uses"), [("AY", 2), ("AS", 1), ("AQ", 1), ("AP", 0), ("CY", 0)])
def test_a_role_in_yaml_or_in_quotes_may_get_a_name_with_a_hyphen(tmp_path: Path, mark: str, uses: int) -> None:
    editor = Editor(tmp_path, **ROLES)
    found = editor.at(mark, "rename", newName="look-up")
    assert sum(len(edits) for edits in found.get("changes", {}).values()) == uses
    assert uses or "is no name" in found["message"]
    assert "is no name" in editor.at(mark, "rename", newName="look up")["message"]


def test_a_text_that_is_no_file_yet_is_renamed_where_it_is(tmp_path: Path) -> None:
    editor = Editor(tmp_path)
    document = {"uri": "untitled:Untitled-1", "version": 1, "text": "const a = 1\nconst b = a\n"}
    editor.tell("textDocument/didOpen", textDocument=document)
    place = {"textDocument": {"uri": document["uri"]}, "position": {"line": 1, "character": 10}}
    assert list(editor.ask("textDocument/rename", newName="c", **place)["changes"]) == [document["uri"]]
    assert editor.ask("textDocument/definition", **place)["uri"] == document["uri"]


def test_what_a_folder_of_python_declares_has_uses_and_no_place_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "dig.cog").mkdir()
    (tmp_path / "dig.cog" / "manifest.toml").write_text('[coglet]\nclass = "dig.Dig"\n')
    code = 'class Dig:\n    @listen("job")\n    def a(self, m):\n        self.transmit("found", m)\n'
    (tmp_path / "dig.cog" / "dig.py").write_text(code)
    text = 'import "dig.cog"\ncoglet Main {\n  create d = D<^C>ig\n  on d.fo<^F>und as x { log info x }\n  on d.found as y { log info y }\n}\n'
    editor = Editor(tmp_path, one=text)
    found = editor.at("F", "references", context={"includeDeclaration": True})
    assert editor.named(found) == ["one.cog:4:found", "one.cog:5:found"]
    place = editor.at("F", "definition")
    assert place["uri"].endswith("dig.cog/manifest.toml") and place["range"]["end"] == {"line": 0, "character": 0}
    assert "coglet Dig" in editor.at("C", "hover")["contents"]["value"]
    assert editor.at("F", "prepareRename") is None and editor.at("F", "prepareCallHierarchy") is None
    assert "code in Python" in editor.at("F", "rename", newName="seen")["message"]


def test_the_definition_of_a_quoted_name_is_the_word(tmp_path: Path) -> None:
    text = "cog: 1\ncoglets:\n  C:\n    state:\n      'n': int = 0\n    reactions:\n      - every: 1s\n        do: [n = <^N>n + 1]\n"
    editor = Editor(tmp_path, one_yml=text)
    assert cut(editor.texts[editor.uri("one_yml")], editor.at("N", "definition")["range"]) == "n"


YAML_PLAIN = YAML.replace("<^CY>", "").replace("<^OY>", "")


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ("C", ["coglet Counter(start: int = 0)", "Counts jobs.", "listen job: Job", "transmit total: int", "enact reset(to: int)"]),
        ("JU", ["j: Job", "type Job = { name: string, size: int }"]),
        ("XU", ["x: string"]),
        ("FU", ["name", "string"]),
        ("SU", ["state n: int = start"]),
        ("EU", ["enact reset(to: int)"]),
        ("KU", ["create counter = lib.Counter(start: limit)", "transmit total: int"]),
        ("PU", ["start: int"]),
    ],
)  # fmt: skip
def test_hover_shows_declaration_type_and_documentation(tmp_path: Path, mark: str, words: list[str]) -> None:
    editor = Editor(tmp_path, lib=LIB, main=MAIN)
    shown = editor.at(mark, "hover")["contents"]["value"]
    assert [w for w in words if w not in shown] == [], shown


def test_hover_shows_the_comment_above_what_has_no_documentation_in_yaml(tmp_path: Path) -> None:
    text = """cog: 1
consts:
  # The most of one day,
  # and no more.
  # cogc: ignore[COG508]
  LIM<^C>IT: 3

  HI<^D>GH: 4
types:
  # One of the shop.
  Jo<^T>b: "{ n: int }"
coglets:
  # What is counted.
  Ma<^M>in:
    doc: Counts.
    states:
      # So many are gone.
      go<^S>ne: int = 0
    reactions:
      - on: start
        do: [gone = LIMIT]
"""
    editor = Editor(tmp_path, one_yml=text)
    shown = {mark: editor.at(mark, "hover")["contents"]["value"].split("\n```\n\n")[1:] for mark in "CDTMS"}
    assert shown == {
        "C": ["The most of one day,\nand no more."], "D": [], "T": ["One of the shop."], "M": ["Counts."], "S": ["So many are gone."],
    }  # fmt: skip


def test_hover_explains_attributes_functions_and_keywords(tmp_path: Path) -> None:
    text = """model m = anthropic "claude-sonnet-5-5" { max<^A>_tokens: 5 }
program p(x: string) -> int = expr len<^F>(x)
program s() -> string = she<^E>ll ["x"] { output<^O>: text }
agent A { model: m, max_turns<^T>: 3 }
coglet C { lis<^K>ten i: in<^I>t }
"""
    editor = Editor(tmp_path, one=text)
    wanted = {
        "A": "the most tokens of one reply", "F": "takes a string, list, map or record", "E": "starts a process",
        "O": "text | json | lines | outcome", "T": "the most requests", "K": "messages that come in", "I": "a whole number",
    }  # fmt: skip
    shown: dict[str, Any] = {mark: editor.at(mark, "hover") for mark in wanted}
    assert [m for m, w in wanted.items() if w not in str(shown[m])] == [], shown


def test_a_symbol_that_an_alias_of_yaml_stands_for_is_at_its_name(tmp_path: Path) -> None:
    editor = Editor(tmp_path, one_yml="cog: 1\ncoglets:\n  A: &a {doc: nothing}\n  Ma<^M>in: *a\n")
    uri = editor.open("one_yml")
    found = editor.ask("textDocument/documentSymbol", textDocument={"uri": uri})
    name = {"start": {"line": 3, "character": 2}, "end": {"line": 3, "character": 6}}
    assert [(s["name"], s["range"], s["selectionRange"]) for s in found[1:]] == [("Main", name, name)]
    (item,) = editor.at("M", "prepareCallHierarchy")
    assert (item["range"], item["selectionRange"]) == (name, name)


def test_symbols_of_the_workspace_are_found_by_their_letters(tmp_path: Path) -> None:
    editor = Editor(tmp_path, lib=LIB, main=MAIN)
    found = editor.ask("workspace/symbol", query="cntr")
    assert sorted((s["name"], s["containerName"]) for s in found) == [("Counter", ""), ("counter", "Main")]

"""After random edits the diagnostics of the server are those of a check that begins anew. COGC_EDITS is the number of edits of each text."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cogc.analysis.checked import Options
from cogc.compile import analyse
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.disk.files import read
from cogc.language.types import show
from cogc.lsp import answers
from cogc.lsp.documents import path_of
from cogc.lsp.workspace import Workspace
from cogc.syntax import nodes
from cogc.syntax.again import Trees
from cogc.syntax.parse import parse
from support.editor import Editor
from support.paths import ROOT
from support.typist import Typist

EDITS = int(os.environ.get("COGC_EDITS", "24"))
SEED = int(os.environ.get("COGC_SEED", "0"))
LIB = """"Things that others import."
type Job = { name: string, size: int }
const limit: int = 3
"Times."
mixin Timed(period: duration = 1s) {
  transmit tick: int
  every period { tick <- limit }
}
coglet Worker(start: int = 0) with Timed {
  listen job: Job
  transmit done: string
  state n: int = start
  enact reset(to: int) { n = to }
  on job as j when j.size < limit {
    let x = twice(j.size)
    n = n + x
    if n > 10 { done <- "{{ j.name }}: {{ n }}" } else { log info "\U0001f600 {{ x }}" }
  }
}
program twice(x: int) -> int = expr x * 2
"""
MAIN = """import "lib.cog"
import "lib.cog" as lib
model m = scripted "m.yml"
agent Clerk { model: m, system: "You sort.", tools: [look] }
program look(topic: string) -> string = expr topic + "!"
coglet Main {
  transmit out: string
  create a = Worker(start: limit)
  create b = lib.Worker * 2
  create clerk = Clerk
  link a.done -> clerk.task
  every 1s when limit > 2 {
    a.job <- { name: "a", size: 1 }
    let y = try look("x") else "none"
    out <- y
  }
  on b.done as d { guide a.reset(to: 2); out <- d }
  on clerk.result as r, clerk.failed as f { out <- "{{ r }}" }
}
plan Steps {
  goal: "g"
  step one by Clerk: "do {{ goal }}"
  step two by Clerk after one: "then {{ one }}"
}
test "it works" { use Main; run 2s; expect len(out) > 0 }
"""
YAML = """cog: 1
import: [lib.cog]
consts:
  # Of a day.
  MOST: 3
coglets:
  Deep:
    listen: {job: Job}
    transmit: {done: string}
    reactions:
      - on: job as j
        when: j.size < MOST
        do:
          - let x = twice(j.size)
          - 'done <- "{{ j.name }}: {{ x }}"'
"""
TEXTS = {"lib.cog": LIB, "main.cog": MAIN}
EXAMPLES = ["chat/chat.cog", "pipeline/pipeline.cog", "feature/feature.cog", "oncall/oncall.cog"]


WORDS = (*'nxj{}:#2 \n"\U0001f600', "Job", "limit", "Worker", "done", "int", "string", "when", "<-")


def edited(text: str, chance: random.Random) -> str:
    """Return a text after one edit: of a character, a word, a number, a line."""
    at = chance.randrange(len(text) + 1)
    kind = chance.randrange(6)
    if kind == 0:
        return text[:at] + chance.choice(WORDS) + text[at:]
    if kind == 1:
        return text[:at] + text[at + chance.randrange(1, 4) :]
    lines = text.split("\n")
    i = chance.randrange(len(lines))
    if kind == 2:
        return "\n".join([*lines[:i], *lines[i + 1 :]])
    if kind == 3:
        return "\n".join([*lines[: i + 1], lines[i], *lines[i + 1 :]])
    parts = lines[i].split(" ")
    k = chance.randrange(len(parts))
    other = chance.choice(lines).split(" ")
    parts[k] = chance.choice(other) if kind == 4 else parts[k] + chance.choice("ax1_")
    return "\n".join([*lines[:i], " ".join(parts), *lines[i + 1 :]])


def history(text: str, chance: random.Random, count: int) -> Iterator[str]:
    """Yield a text after each of some edits. Now and then they are undone, back to a text that could be read."""
    good, now = text, text
    for _ in range(count):
        now = good if now != good and chance.random() < 0.4 else edited(now, chance)
        if chance.random() < 0.2:
            problems = Problems()
            parse(Source("a.cog", now), problems)
            good = good if problems.found else now
        yield now


def cold(path: str, texts: dict[str, str]) -> list[dict[str, Any]]:
    problems = Problems()

    def reader(name: str) -> bytes:
        return texts[name].encode() if name in texts else read(name)

    analyse([path], reader, problems, Options(smells=True))
    return [answers.shown(d) for d in problems.sorted() if d.span.source.path == path]


def named(workspace: Workspace, path: str) -> list[tuple[int, int, object, str]]:
    """Return what the names of a file mean, and the types of the values."""
    uses = workspace.analysis(path).uses.of_file(path)
    return [(u.start, u.end, u.meaning.key, "" if u.type is None else show(u.type)) for u in uses]


def last(editor: Editor) -> dict[str, list[dict[str, Any]]]:
    """Return the diagnostics that an editor shows now, by path."""
    while editor.server.stale:
        editor.server.analyse_one()
    return {d.path: [answers.shown(p) for p in editor.server.found[d.path]] for d in editor.server.documents.values()}


def test_edits_of_files_that_import_each_other_leave_what_a_cold_check_finds(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    editor = Editor(tmp_path, lib=LIB, main=MAIN)
    uris = [editor.open("lib"), editor.open("main")]
    texts = {str(tmp_path / name): text for name, text in TEXTS.items()}
    streams = {path: history(text, chance, 10 * EDITS) for path, text in texts.items()}
    for _ in range(EDITS):
        for _ in range(chance.randrange(1, 4)):
            path = chance.choice(list(texts))
            texts[path] = next(streams[path])
            uri = uris[list(texts).index(path)]
            document = {"uri": uri, "version": 2}
            editor.tell("textDocument/didChange", textDocument=document, contentChanges=[{"text": texts[path]}])
        shown = last(editor)
        for path in texts:
            assert shown[path] == cold(path, texts), texts
            assert named(editor.server.workspace, path) == named(Workspace(editor.server.workspace.reader), path), texts


@pytest.mark.parametrize("name", EXAMPLES)
def test_edits_of_an_example_leave_what_a_cold_check_finds(tmp_path: Path, name: str) -> None:
    chance = random.Random(SEED + 1)
    path = str(ROOT / "examples" / name)
    text = Path(path).read_text()
    editor = Editor(tmp_path)
    uri = Path(path).as_uri()
    editor.tell("textDocument/didOpen", textDocument={"uri": uri, "version": 1, "text": text})
    for now in history(text, chance, EDITS // 4):
        document = {"uri": uri, "version": 2}
        editor.tell("textDocument/didChange", textDocument=document, contentChanges=[{"text": now}])
        assert last(editor)[path] == cold(path, {path: now}), now


def test_a_tree_that_is_kept_is_the_tree_of_the_text() -> None:
    chance = random.Random(SEED + 2)
    trees, before, kept, count = Trees(), [], 0, 0
    for now in history(LIB + MAIN, chance, 4 * EDITS):
        found, wanted = Problems(), Problems()
        tree, fresh = trees.parse(Source("a.cog", now), found), parse(Source("a.cog", now), wanted)
        assert places(tree) == places(fresh) and tree == fresh, now
        assert sorted((d.code, d.span.start, d.help) for d in found.found) == sorted(
            (d.code, d.span.start, d.help) for d in wanted.found
        )
        kept += sum(1 for d in tree.declarations if any(d is other for other in before))
        count += len(tree.declarations)
        before = list(tree.declarations)
        assert len(trees._sound) <= len(before) + 1, "nothing is known of declarations that are gone"
    assert kept > count // 20  # else nothing was kept, and this has tested nothing


HISTORIES = (
    # a report whose edit reaches back in front of the declaration
    ['import "a.cog"\nmodel m = x "y"\nmodel c = x "y"\n', 'import "a.cog"\nmodel m = x "y"\nmodel  = x "y"\n'],
    # a lost brace, of which the next coglet gets one more
    [
        "coglet A {\n  listen x: int\n  state n: int = 0\n}\n\ncoglet B {\n  on x as v { y <- 1 }\n}\n",
        "coglet A {\n  listen x: int\n  state_2 n: int = 0\n}\n\ncoglet B {\n  on x as v { y <- 1 }\n}\n",
        "coglet A {\n  listen x: int\n\ncoglet B {\n  on x as v { y <- 1 }\n}\n",
        "coglet A {\n  listen x: int\n\ncoglet B {\n  on x as v { y <- 1 }}\n\n",
    ],
    # a program inside of a coglet, which recovery takes for one behind it
    [
        "coglet A { listen q: int\nprogram p() -> int = expr { f: 1 }\n  transmit a: int\n  on q { a <- 1 } }\n",
        "coglet A { listen q: int\nprogram p() -> int = expr { f: 1 \n  transmit a: int\n  on q { a <- 1 } }\n",
        "coglet A { listen q: int\nprogram p() -> int = expr { f: 11 }\n  transmit a: int\n  on q { a <- 1 } }\n",
    ],
    # a second declaration typed behind the first, with the word of a declaration at the margin inside of it
    [
        "const a = 1\nconst b = 2\n",
        "const a = 1\ncoglet C {\nprogram p() -> int = expr 1\n  listen x: int\n}\nconst b = 2\n",
    ],
    # a brace that is open in one declaration and closed in another
    [
        "coglet A { listen x: int }\nprogram p() -> int = expr 1\nprogram q() -> int = expr 2\n",
        "coglet A { listen x: int\nprogram p() -> int = expr 1\nprogram q() -> int = expr 2\n",
        "coglet A { listen x: int\nprogram p() -> int = expr 1\nprogram q() -> int = expr 2 }\n",
    ],
    # the bracket that was closed last stands far above, in front of the declarations beside the mistake
    [
        "coglet A {\n  listen x: int\n}\nconst a = 1\nconst b = 2\nconst c = 3\n",
        "coglet A {\n  listen x: int\n}\nconst a = 1\nconst b = 2 }\n  listen y: int\nconst c = 3\n",
    ],
    # a mistake of which recovery makes the documentation of the file a part
    [
        '"About."\ncoglet A {\n  every 1s { }\nprogram p() -> int = expr 1 }\n',
        '"About."\ncoglet A {\n  every 1s {\nprogram p() -> int = expr 1 }\n',
        '"About."\ncoglet A {\n  every 1s { }\n}\n',
    ],
    # two mistakes, of which the first silences a report of the second
    [
        "const a = 1\ncoglet A { on x { y <- (1) } }\nconst b = 2\n",
        "const a = 1 1\ncoglet A { on x { y <- (1 } }\nconst b = 2\n",
    ],
)


@pytest.mark.parametrize("texts", HISTORIES)
def test_a_history_of_mistakes_is_read_as_its_last_text(texts: list[str]) -> None:
    trees = Trees()
    for now in texts:
        assert_read_as_a_whole(trees, now)


def test_what_people_type_is_read_as_a_whole_text_is() -> None:
    chance = random.Random(SEED + 3)
    blocks = [LIB, MAIN, *re.split(r"\n(?=\w)", LIB + MAIN)]
    for _ in range(EDITS // 3):
        who = Typist("\n".join(chance.sample(blocks, 3)), blocks, chance)
        trees = Trees()
        for _ in range(20):
            assert_read_as_a_whole(trees, who.text)
            who.step()


def test_what_people_type_leaves_what_a_cold_check_finds(tmp_path: Path) -> None:
    chance = random.Random(SEED + 4)
    editor = Editor(tmp_path, lib=LIB, main=MAIN, deep_yml=YAML)
    typists = {
        editor.open(n): Typist(editor.texts[editor.uri(n)], [LIB, MAIN], chance) for n in ("lib", "main", "deep_yml")
    }
    for version in range(2, EDITS + 2):
        uri = chance.choice(list(typists))
        changes = typists[uri].step()
        editor.tell("textDocument/didChange", textDocument={"uri": uri, "version": version}, contentChanges=changes)
        texts = {path_of(u): who.text for u, who in typists.items()}
        assert {path: cold(path, texts) for path in texts} == last(editor), texts


def assert_read_as_a_whole(trees: Trees, now: str) -> None:
    source, found, wanted = Source("a.cog", now), Problems(), Problems()
    tree, fresh = trees.parse(source, found), parse(source, wanted)
    assert places(tree) == places(fresh) and tree == fresh, now
    assert [sorted(map(repr, ds)) for ds in (found.found, found.dropped)] == [
        sorted(map(repr, ds)) for ds in (wanted.found, wanted.dropped)
    ], now


def test_mistakes_in_two_declarations_are_read_apart() -> None:
    trees, texts = Trees(), [LIB + MAIN]
    for old, new in (
        ("n = n + x", "n = = x"),
        ("out <- y", "out <- <- y"),
        ("= = x", "= = xx"),
        ("<- <- y", "<- y"),
        ("= = xx", "= x"),
    ):
        texts.append(texts[-1].replace(old, new))
    kept: list[int] = []
    for i, now in enumerate(texts):
        found, wanted = Problems(), Problems()
        before = {id(d) for _, tree in trees._known.values() for d in tree.declarations}
        before |= {id(d) for b in trees._broken.values() for d in b.tree.declarations}
        tree, fresh = trees.parse(Source("a.cog", now), found), parse(Source("a.cog", now), wanted)
        assert places(tree) == places(fresh) and len(found.found) == len(wanted.found) == [0, 1, 2, 2, 1, 0][i]
        kept.append(sum(id(d) in before for d in tree.declarations))
    assert all(count >= len(parse(Source("a.cog", LIB + MAIN), Problems()).declarations) - 2 for count in kept[1:])


def places(tree: nodes.File) -> list[tuple[object, ...]]:
    """Return the places of all nodes, those of the pieces of texts among them."""
    return [(type(n), n.start, n.end, getattr(n, "segments", ())) for n in nodes.walk(tree)]

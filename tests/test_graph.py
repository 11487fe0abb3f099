"""Graphs of specs: what stands in what, pictures that keep to a page, the states of a moment of a run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path

import pytest

from cogc.commands.graph import is_graph
from cogc.graph.look import COLOURS, COLUMNS, INCHES, PAGE
from support.cli import cogc_here
from support.paths import EXAMPLES
from support.traces import Written

FEATURE = EXAMPLES / "feature" / "feature.cog"


def drawn(*words: object, cwd: Path = EXAMPLES) -> str:
    done = cogc_here("graph", *words, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def boxes(*words: object, cwd: Path = EXAMPLES) -> dict[str, dict[str, object]]:
    return {box["id"]: box for box in json.loads(drawn(*words, "--format", "json", cwd=cwd))["boxes"]}


def many(count: int, linked: int = 0) -> str:
    """A system of so many coglets, the first ones in a chain."""
    lines = ["coglet W {", "  listen i: int", "  transmit o: int", "  on i as x { o <- x }", "}", "coglet Main {"]
    lines += [f"  create w{n} = W" for n in range(count)]
    lines += [f"  link w{n}.o -> w{n + 1}.i" for n in range(linked - 1)]
    return "\n".join([*lines, "}", ""])


# ---- plans -----------------------------------------------------------------------------------------------------


def test_the_steps_of_a_plan_and_their_agents_stand_together() -> None:
    found = boxes(FEATURE)
    assert found["plan:Feature/research/Scout"]["parent"] == "plan:Feature/research"
    assert not {"agent:Scout", "agent:Developer"} & set(found)
    flows = json.loads(drawn(FEATURE, "--format", "json"))["edges"]
    assert ("dod:Shippable", "plan:Feature/execute/Developer") in {(f["source"], f["target"]) for f in flows}
    dot = drawn(FEATURE, "--format", "dot")
    assert re.search(r'subgraph cluster_\w+ \{\n +label="research";\n +\w+ \[label="Scout: agent"\];\n +\}', dot)
    assert (
        "lhead=cluster_" in dot
        and 'subgraph n3["research"]\n      direction TB\n      n4("Scout: agent")\n'
        in drawn(FEATURE, "--format", "mermaid")
    )


def test_an_agent_of_several_steps_stands_in_each_and_at_the_top_if_anything_leads_to_it(tmp_path: Path) -> None:
    text = """model m = scripted "m.yml"
agent A { description: "a", model: m }
agent B { description: "b", model: m, tools: [TOOL] }
plan P {
  goal: "x"
  step one by A: "1"
  step two by A after one: "2"
  step three by B after two: "3"
}
"""
    (tmp_path / "m.yml").write_text("- reply: x\n")
    (tmp_path / "p.cog").write_text(text.replace("TOOL", ""))
    found = boxes("p.cog", cwd=tmp_path)
    assert {"plan:P/one/A", "plan:P/two/A", "plan:P/three/B"} <= set(found) and "agent:A" not in found
    (tmp_path / "p.cog").write_text(text.replace("TOOL", "A").replace("tools: [A]", "spawn: [A]"))
    edges = json.loads(drawn("p.cog", "--format", "json", cwd=tmp_path))["edges"]
    assert "agent:A" in boxes("p.cog", cwd=tmp_path)
    assert ("plan:P/three/B", "agent:A", "spawn") in {(e["source"], e["target"], e["label"]) for e in edges}


def test_a_plan_that_a_coglet_creates_stands_there_alone() -> None:
    found = boxes(EXAMPLES / "cvc" / "coach.cog")
    assert "Main/improve/idea/Thinker" in found and not {"plan:Improve", "agent:Thinker"} & set(found)
    assert "plan:Improve" in boxes(EXAMPLES / "cvc" / "coach.cog", "--root", "Improve")


# ---- pages -----------------------------------------------------------------------------------------------------

SIZES = [(1, 0), (7, 7), (30, 30), (100, 30), (1000, 40)]
RECT = re.compile(r'<rect class="box[^"]*" x="([-\d.]+)" y="([-\d.]+)" width="([\d.]+)" height="([\d.]+)"')


@pytest.mark.parametrize(("count", "linked"), SIZES)
def test_a_picture_is_at_most_as_wide_as_a_page_and_no_two_boxes_overlap(
    tmp_path: Path, count: int, linked: int
) -> None:
    (tmp_path / "s.cog").write_text(many(count, linked))
    picture = drawn("s.cog", "--format", "svg", cwd=tmp_path)
    head = re.match(r'<svg [^>]*viewBox="0 0 (\d+) (\d+)" width="(\d+)"', picture)
    assert head is not None and int(head[3]) <= PAGE and int(head[1]) <= PAGE  # not made smaller
    rects = [tuple(map(float, found)) for found in RECT.findall(picture)]
    assert len(rects) == count + 1
    assert all(x >= 0 and x + w <= float(head[1]) and y + h <= float(head[2]) for x, y, w, h in rects)
    for (ax, ay, aw, ah), (bx, by, bw, bh) in combinations(rects[1:201], 2):
        assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay
    wide = re.match(r'<svg [^>]*width="(\d+)"', drawn("s.cog", "--format", "svg", "--wide", cwd=tmp_path))
    assert wide is not None and (int(wide[1]) > PAGE) == (linked >= 7)


def test_what_is_wider_in_spite_of_all_is_made_smaller(tmp_path: Path) -> None:
    text = "coglet W {}\n" + "".join(
        f"coglet C{n} {{ create {'child' * 20} = {f'C{n - 1}' if n else 'W'} }}\n" for n in range(12)
    )
    (tmp_path / "s.cog").write_text(text)
    head = re.match(r'<svg [^>]*width="(\d+)"', drawn("s.cog", "--root", "C11", "--format", "svg", cwd=tmp_path))
    assert head is not None and int(head[1]) <= PAGE
    lines = drawn("s.cog", "--root", "C11", cwd=tmp_path).splitlines()
    assert max(map(len, lines)) == COLUMNS and any(line.endswith("…") for line in lines)
    assert max(map(len, drawn("s.cog", "--root", "C11", "--wide", cwd=tmp_path).splitlines())) > COLUMNS


@pytest.mark.skipif(shutil.which("dot") is None, reason="no graphviz")
@pytest.mark.parametrize(("count", "linked"), SIZES[:4])
def test_graphviz_draws_a_page(tmp_path: Path, count: int, linked: int) -> None:
    (tmp_path / "s.cog").write_text(many(count, linked))
    text = drawn("s.cog", "--format", "dot", cwd=tmp_path)
    done = subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, text=True, check=True)
    head = re.search(r'<svg width="(\d+)pt"', done.stdout)
    assert head is not None and int(head[1]) <= INCHES * 72 and done.stderr == ""


# ---- a moment ----------------------------------------------------------------------------------------------------

SYSTEM = """coglet W {
  listen i: int
  on i as x { log info x }
}
coglet Main {
  transmit o: int
  create a = W
  create b = W
  create c = W
  create pool = W * 3
  create late = W
  on start { o <- 1 }
}
"""


def trace(path: Path) -> Path:
    """The trace of a run of SYSTEM in which each coglet has another state."""
    made = Written()
    for name in ("Main", "Main/a", "Main/b", "Main/c", "Main/pool[0]", "Main/pool[1]", "Main/pool[2]"):
        made.add(0.0, "create", name, coglet="Main" if name == "Main" else "W")
        made.add(0.0, "start", name)
    made.add(1.0, "fail", "Main/a", error="boom", error_kind="error", reaction="on i", at="s.cog:3:3")
    made.add(1.0, "fail", "Main/b", error="boom", error_kind="error", reaction="on i", at="s.cog:3:3")
    made.add(1.0, "restart", "Main/b", restarts=1)
    sent = [made.add(1.0, "transmit", "Main", channel="o", data=n) for n in range(2)]
    made.add(1.0, "call", "Main/c", 1, call=1, program="f", data=1)
    made.add(1.0, "stop", "Main/pool[1]")
    made.add(2.0, "log", "Main/pool[0]", level="info", data="here")
    for cause in sent:
        made.add(3.0, "deliver", "Main/pool[0]", cause, port="i")
    made.add(4.0, "create", "Main/late", coglet="W")
    return made.save(path)


def test_a_graph_has_the_states_of_a_moment(tmp_path: Path) -> None:
    (tmp_path / "s.cog").write_text(SYSTEM)
    trace(tmp_path / "t.jsonl")
    at = ("s.cog", "--trace", "t.jsonl", "--at", "2s")
    assert drawn(*at, cwd=tmp_path).splitlines()[:7] == [
        "Main [idle]",
        "├─ a: W [failed]",
        "├─ b: W [idle, 1 restart]",
        "├─ c: W [busy]",
        "├─ pool: W ×3 [2 idle, 1 stopped, 2 wait]",
        "└─ late: W [not there yet]",
    ]
    states = {id: box.get("state", {}) for id, box in boxes(*at, cwd=tmp_path).items()}
    assert [states[f"Main/{name}"]["status"] for name in ("a", "b", "c", "pool", "late")] == [
        "failed", "restarted", "busy", "idle", "absent",
    ]  # fmt: skip
    assert 'class="box coglet failed"' in drawn(*at, "--format", "svg", cwd=tmp_path)
    assert f'label="a: W [failed]", style="rounded,filled", fillcolor="{COLOURS["failed"][0]}"' in drawn(
        *at, "--format", "dot", cwd=tmp_path
    )
    mermaid = drawn(*at, "--format", "mermaid", cwd=tmp_path)
    assert "classDef failed fill:#ffebe9" in mermaid and "  class n1 failed\n" in mermaid
    assert "late: W\n" not in drawn(*at[:3], cwd=tmp_path)  # the end: it is starting
    for form in ("text", "svg", "dot", "mermaid", "json"):
        assert is_graph(drawn(*at, "--format", form, cwd=tmp_path))
    assert is_graph("Main [idle, 2 wait]\n")


def test_a_plan_has_the_states_of_its_steps(tmp_path: Path) -> None:
    made = Written()
    made.add(0.0, "create", "Feature", coglet="Feature")
    steps = [
        {"id": id, "status": status}
        for id, status in (("checkout", "completed"), ("research", "in_progress"), ("plan", "pending"))
    ]
    made.add(
        0.0,
        "state",
        "Feature",
        name="·plan",
        data={"id": "p", "name": "Feature", "status": "executing", "steps": steps},
    )
    made.save(tmp_path / "t.jsonl")
    shown = drawn(FEATURE, "--trace", tmp_path / "t.jsonl")
    assert (
        "├─ checkout: copy() [completed]\n├─ research [in_progress]\n│  └─ Scout: agent\n├─ plan [pending]\n" in shown
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["s.cog", "--at", "3"], "--at names a record of a trace: name the file with --trace"),
        (["s.cog", "--trace", "none"], "cannot read `none`: no such file or directory"),
        (["s.cog", "--trace", "t.jsonl", "--at", "9999"], "--at 9999: the trace has no such record"),
        (["s.cog", "--trace", "t.jsonl", "--at", "soon"], "write the number of a record, or a time such as 10s"),
        (["s.cog", "--trace", "s.cog"], "`s.cog` is no trace: none of its lines is a record"),
        (["other.cog", "--trace", "t.jsonl"], "is the trace of `Main`, of which nothing is in this graph"),
        (["s.cog", "--trace", "t.jsonl", "-o", "t.jsonl"], "is not overwritten"),
    ],
)
def test_a_moment_that_cannot_be_is_refused(tmp_path: Path, words: list[str], said: str) -> None:
    (tmp_path / "s.cog").write_text(SYSTEM)
    (tmp_path / "other.cog").write_text("coglet Other { }\n")
    before = trace(tmp_path / "t.jsonl").read_bytes()
    done = cogc_here("graph", *words, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr
    assert (tmp_path / "t.jsonl").read_bytes() == before


SETT = """
sett Kitchen {
  agent Writer {
    bid: exclusive when artefact.type == "GoalDefined"
    command: ["./write"]
    produces: ["Recipe"]
  }
  agent Critic {
    bid: review when artefact.type == "Recipe"
    command: ["./read"]
    produces: []
  }
}
"""


def board_trace(path: Path) -> Path:
    """The trace of a sett: a recipe is written, sent back, and written again; the second work fails."""
    made = Written()

    def artefact(role: str, id: str, type: str, sources: list[str], structural: str = "Standard") -> None:
        data = {"id": id, "type": type, "source_artefacts": sources, "structural_type": structural, "payload": "x"}
        made.add(0.0, "artefact", role, data=data)

    def claim(id: str, about: str, status: str) -> None:
        made.add(0.0, "claim", "orchestrator", claim=id, artefact=about, status=status)

    artefact("user", "g", "GoalDefined", [])  # record 1
    claim("c1", "g", "pending_exclusive")
    made.add(0.0, "grant", "Writer", claim="c1", bid="exclusive", rework=False)  # 3
    artefact("Writer", "r1", "Recipe", ["g"])
    claim("c1", "g", "complete")
    claim("c2", "r1", "pending_review")
    made.add(0.0, "grant", "Critic", claim="c2", bid="review", rework=False)  # 7
    artefact("Critic", "v", "Review", ["r1"], "Review")
    claim("c2", "r1", "pending_assignment")
    made.add(0.0, "grant", "Writer", claim="c2", bid="exclusive", rework=True)  # 10
    artefact("Writer", "f", "ToolExecutionFailure", ["r1", "v"], "Failure")
    claim("c2", "r1", "terminated")  # 12
    return made.save(path)


def test_work_that_has_made_nothing_is_not_done(tmp_path: Path) -> None:
    made = Written()
    made.add(0.0, "artefact", "user", data={"id": "g", "type": "GoalDefined", "source_artefacts": [], "payload": "x"})
    made.add(0.0, "claim", "orchestrator", claim="c1", artefact="g", status="pending_exclusive")
    made.add(0.0, "grant", "Writer", claim="c1", bid="exclusive", rework=False)
    made.add(0.0, "claim", "orchestrator", claim="c1", artefact="g", status="terminated")
    (tmp_path / "s.cog").write_text(SETT)
    made.save(tmp_path / "t.jsonl")
    assert "Writer: agent [idle]\n" in drawn("s.cog", "--trace", "t.jsonl", cwd=tmp_path)


@pytest.mark.parametrize(
    ("at", "wanted"),
    [
        (1, ["no claim yet", "idle", "idle", "no claim", "not there yet"]),
        (3, ["1 open claim", "works on GoalDefined", "idle", "pending_exclusive", "not there yet"]),
        (7, ["1 open claim", "idle, 1 done", "works on Recipe", "complete", "pending_review"]),
        (10, ["1 open claim", "works on Recipe", "idle, 1 done", "complete", "pending_assignment"]),
        (12, ["terminated", "ToolExecutionFailure", "idle, 1 done", "complete", "terminated"]),
    ],
)
def test_the_board_of_a_sett_has_the_states_of_a_moment(tmp_path: Path, at: int, wanted: list[str]) -> None:
    (tmp_path / "s.cog").write_text(SETT)
    board_trace(tmp_path / "t.jsonl")
    given = ("s.cog", "--trace", "t.jsonl", "--at", at)
    assert [re.sub(r".*\[(.*)\]", r"\1", line) for line in drawn(*given, cwd=tmp_path).splitlines()[:5]] == wanted
    states = {id: box["state"]["status"] for id, box in boxes(*given, cwd=tmp_path).items()}  # type: ignore[index]
    assert states["sett:Kitchen/Writer"] == {3: "busy", 10: "busy", 12: "failed"}.get(at, "idle")
    for form in ("text", "svg", "dot", "mermaid", "json"):
        assert is_graph(drawn(*given, "--format", form, cwd=tmp_path))


def test_the_trace_of_another_sett_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.cog").write_text("coglet Main {}\n")
    board_trace(tmp_path / "t.jsonl")
    done = cogc_here("graph", "s.cog", "--trace", "t.jsonl", cwd=tmp_path)
    assert done.returncode == 2 and "is the trace of a sett, of which nothing is in this graph" in done.stderr


def test_the_board_of_a_recorded_sett(tmp_path: Path) -> None:
    words = ("run", EXAMPLES / "recipes", "--replay", tmp_path / "recorded", f"--trace={tmp_path / 't.jsonl'}")
    place = shutil.copytree(EXAMPLES / "recipes", tmp_path / "recipes")
    first = (
        "--workspace",
        place,
        "--sandbox",
        "none",
        "--sim",
        "--goal",
        "A bolognese",
        "--record",
        tmp_path / "recorded",
    )
    assert cogc_here(*words[:2], *first).returncode == 0 and cogc_here(*words).returncode == 0
    found = drawn(EXAMPLES / "recipes", "--trace", tmp_path / "t.jsonl")
    assert "Recipes: sett [all done]\n├─ Writer: agent [idle, 2 done]\n" in found
    assert "RecipeYAML: artefact [2 complete]" in found
    for command in (["inspect"], ["fork", "--reply", "x"]):
        refused = cogc_here(*command, tmp_path / "recorded", "--at", "3", "--spec", EXAMPLES / "recipes", cwd=tmp_path)
        assert refused.returncode == 2 and "it is the journal of a sett" in refused.stderr
        assert "help: `cogc run SPEC --replay FILE --trace=T`" in refused.stderr

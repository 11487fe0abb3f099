"""Traces that were written: records found by number and time, chains of causes, comparisons, exports."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from cogc.run.trace import States
from cogc.traces import diff, export, file as trace_file
from cogc.traces.file import TraceFile
from support.cli import cogc_here
from support.paths import ROOT

SPEC = """
coglet Source {
  listen go: int
  transmit x: int
  transmit y: string
  on go as g {
    x <- g
    y <- "n{{ g }}"
  }
}
coglet Sum {
  listen x: int
  transmit total: int
  state n: int = 0
  state all: [string] = []
  on x as v {
    n = n + v
    all = all + ["a long text that is no small value {{ v }}"]
    total <- n
  }
}
coglet Note {
  listen y: string
  state last: string = ""
  on y as t { last = t }
}
coglet Main {
  listen go: int
  transmit total: int
  create source = Source
  create sum = Sum
  create note = Note
  link self.go -> source.go
  link source.x -> sum.x
  link source.y -> note.y
  link sum.total -> self.total
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a spec and the trace of a run of it."""
    made = tmp_path_factory.mktemp("traces")
    (made / "s.cog").write_text(SPEC)
    words = [w for n in range(1, 40) for w in ("--input", f"go={n}")]
    assert cogc_here("run", "s.cog", "--sim", "--trace=t.jsonl", *words, cwd=made).returncode == 0
    return made


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def led_to(every: list[dict[str, Any]], seq: int) -> set[int]:
    """The slow way: the numbers of a record and all that led to it."""
    by_seq = {r["seq"]: r for r in every}
    found: set[int] = set()
    pending = [seq]
    while pending:
        record = by_seq.get(pending.pop())
        if record is not None and record["seq"] not in found:
            found.add(record["seq"])
            pending += [record["cause"], *record.get("causes", ())]
    return found


def test_the_root_names_its_program_and_traces_of_two_programs_are_told_apart(folder: Path, tmp_path: Path) -> None:
    first = records(folder / "t.jsonl")[:5]
    assert [r.get("spec") for r in first if r["kind"] == "create"] == ["s.cog", None, None, None]
    (tmp_path / "s.cog").write_text(SPEC.replace("small", "short"))
    assert cogc_here("run", "s.cog", "--sim", "--trace=t.jsonl", "--input", "go=1", cwd=tmp_path).returncode == 0
    digest = records(tmp_path / "t.jsonl")[0]["digest"]
    done = cogc_here("trace", "diff", folder / "t.jsonl", tmp_path / "t.jsonl")
    assert done.returncode == 3 and "the traces are those of two programs: " in done.stderr
    assert f"`{tmp_path / 't.jsonl'}` is of s.cog ({digest[:12]})" in done.stderr


# ---- finding -------------------------------------------------------------------------------------------------


@st.composite
def traces(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A trace with gaps in its numbers, lines of any length, and causes anywhere before."""
    found: list[dict[str, Any]] = []
    seq, t = 0, 0.0
    for _ in range(draw(st.integers(0, 60))):
        seq += draw(st.integers(1, 3))
        t = round(t + draw(st.sampled_from([0, 0, 0.5, 3])), 6)
        before = [r["seq"] for r in found]
        cause = draw(st.sampled_from([0, *before]))
        more = {"causes": draw(st.lists(st.sampled_from(before), max_size=3))} if before and draw(st.booleans()) else {}
        text = draw(st.text(max_size=5)) + "x" * draw(st.sampled_from([0, 1, 30, 200]))
        found.append(
            {
                "v": 1,
                "seq": seq,
                "t": t,
                "run": "r",
                "kind": "send",
                "path": "Main",
                "cause": cause,
                **more,
                "data": text,
            }
        )
    return found


@settings(deadline=None)
@given(every=traces(), block=st.sampled_from([16, 64, 100, 1 << 18]), end=st.booleans())
def test_records_are_found_by_their_numbers_and_times_whatever_their_length(
    every: list[dict[str, Any]], block: int, end: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("t") / "t.jsonl"
    lines = [json.dumps(r, separators=(",", ":"), ensure_ascii=False) + "\n" for r in every]
    path.write_text("".join(lines) if end else "".join(lines)[:-1], encoding="utf-8", newline="\n")
    size, trace_file._BLOCK = trace_file._BLOCK, block
    try:
        with TraceFile(str(path)) as found:
            for record in every:
                assert found.record(record["seq"]) == record
                assert {r["seq"] for r in found.chain(record["seq"])} == led_to(every, record["seq"])
            assert found.record(0) is None and found.record(10**6) is None
            for t in {0.0, 0.25, 1e9, *(r["t"] for r in every)}:
                late = [i for i, r in enumerate(every) if r["t"] >= t]
                assert found.start(t) == sum(
                    len(line.encode()) for line in lines[: late[0] if late else len(lines)]
                ) - (not late and not end and bool(lines))
    finally:
        trace_file._BLOCK = size


def test_the_memory_and_the_work_of_a_search_do_not_grow_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.jsonl"
    with open(path, "w") as file:
        for i in range(1, 40_001):
            file.write(
                f'{{"v":1,"seq":{i},"t":{i},"run":"r","kind":"send","path":"Main","cause":{i // 2},"data":"{"x" * 200}"}}\n'
            )
    read: list[int] = []
    pread = os.pread

    def counting(file: int, size: int, at: int) -> bytes:
        read.append(size)
        return pread(file, size, at)

    monkeypatch.setattr(os, "pread", counting)
    with TraceFile(str(path)) as found:
        assert [r["seq"] for r in found.chain(40_000)][-3:] == [10_000, 20_000, 40_000]
        assert len(found._blocks) <= 8
    assert sum(read) < 12 * (1 << 18) < path.stat().st_size / 2


def test_the_value_of_a_state_is_whole_wherever_the_reading_begins(folder: Path) -> None:
    every, states = records(folder / "t.jsonl"), States()
    whole = {r["seq"]: states.whole(r) for r in every}
    changed = [r["seq"] for r in every if "change" in r]
    assert len(changed) > 10
    with TraceFile(str(folder / "t.jsonl")) as found:
        for seq in changed:
            record = found.record(seq)
            assert record is not None and found.whole(record) == whole[seq]
    shown = cogc_here("trace", "show", "t.jsonl", "--json", "--cause", str(changed[-1]), cwd=folder)
    assert json.loads(shown.stdout.splitlines()[-1]) == whole[changed[-1]]
    late = every[changed[-2] - 1]["t"]
    shown = cogc_here("trace", "show", "t.jsonl", "--json", "--since", f"{late}s", "--kind", "state", cwd=folder)
    assert [json.loads(line) for line in shown.stdout.splitlines()] == [
        r for r in whole.values() if r["kind"] == "state" and r["t"] >= late
    ]


def test_a_file_that_grows_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    line = '{{"v":1,"seq":{n},"t":{n},"run":"r","kind":"send","path":"Main","cause":{c}}}\n'
    path.write_text(line.format(n=1, c=0))
    with TraceFile(str(path)) as found, open(path, "a") as file:
        assert found.record(2) is None
        file.write(line.format(n=2, c=1))
        file.flush()
        assert [r["seq"] for r in found.chain(2)] == [1, 2]


@pytest.mark.parametrize(
    ("text", "words", "code", "said"),
    [
        ("nonsense\n", ["show", "t"], 1, "line 1 is no record"),
        ('{"v":1,"seq":1,"t":0,"run":\n', ["show", "t", "--cause", "1"], 1, "record 1 is broken"),
        ("", ["show", "t", "--cause", "1"], 1, "`t` is no trace: it has no records"),
        ("", ["show", "t", "--json"], 1, "`t` is no trace: it has no records"),
        ("\n\n", ["show", "t"], 1, "`t` is no trace: it has no records"),
        ("", ["diff", "t", "t"], 1, "`t` is no trace: it has no records"),
        ("", ["export", "t", "--format", "otlp"], 1, "`t` is no trace: it has no records"),
        ("", ["export", "t", "--format", "csv"], 1, "`t` is no trace: it has no records"),
        (
            '{"v":1,"seq":1,"t":0,"kind":"log","path":"M","cause":0}\n',
            ["show", "t", "--since", "soon"],
            2,
            "`soon` is no time of a run",
        ),
        ("nonsense\n", ["diff", "t", "t"], 1, "line 1 is no record"),
        ("nonsense\n", ["export", "t", "--format", "csv"], 1, "line 1 is no record"),
        (None, ["show", "nowhere"], 2, "there is no trace `nowhere`"),
        (None, ["diff", "nowhere", "nowhere"], 2, "there is no file, no instance and no run `nowhere`"),
        (None, ["export", "nowhere", "--format", "perfetto"], 2, "there is no trace `nowhere`"),
    ],
)
def test_what_is_no_trace_is_said(text: str | None, words: list[str], code: int, said: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "t").write_text(text)
    done = cogc_here("trace", *words, cwd=tmp_path)
    assert done.returncode == code and said in done.stderr
    assert "no records" not in said or done.stdout == ""


RECORD = '{"v":1,"seq":%d,"t":0,"kind":"log","path":"M","cause":0}\n'
TORN = "cogc: the last line of `t` is left out: it is torn, or is still being written\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["trace", "show", "t"], 0),
        (["trace", "show", "t", "--json"], 0),
        (["trace", "diff", "t", "whole"], 0),
        (["trace", "diff", "t", "longer"], 3),
        (["trace", "export", "t", "--format", "csv"], 0),
        (["trace", "export", "t", "--format", "html"], 0),
        (["trace", "export", "t", "--format", "otlp"], 0),
        (["view", "--plain", "t"], 0),
    ],
)
def test_a_torn_last_line_is_left_out_and_said_once(words: list[str], code: int, tmp_path: Path) -> None:
    (tmp_path / "whole").write_text(RECORD % 1 + RECORD % 2)
    (tmp_path / "longer").write_text(RECORD % 1 + RECORD % 2 + RECORD % 3)
    (tmp_path / "t").write_text(RECORD % 1 + RECORD % 2 + (RECORD % 3)[:-9])
    done = cogc_here(*words, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (code, TORN), done
    assert "diff" in words or done.stdout


def test_a_last_record_without_its_newline_is_shown(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(RECORD % 1 + (RECORD % 2).strip())
    done = cogc_here("trace", "show", "t", cwd=tmp_path)
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 2)


@pytest.mark.parametrize(
    ("kind", "help"),
    [("fial", "did you mean `fail`?"), ("fail,drop", "write {}fail {}drop"), ("nonsense", "the kinds are create, ")],
)
@pytest.mark.parametrize(
    ("words", "form"),
    [(["trace", "show", "t", "--kind"], "--kind "), (["trace", "export", "t", "--format", "csv", "--kind"], "--kind ")],
)
def test_a_kind_that_no_record_has_is_refused(
    words: list[str], form: str, kind: str, help: str, tmp_path: Path
) -> None:
    (tmp_path / "t").write_text(RECORD % 1)
    done = cogc_here(*words, kind, cwd=tmp_path)
    said = f"cogc: a trace has no records of the kind `{kind}`: {help.replace('{}', form)}"
    assert done.returncode == 2 and done.stderr.startswith(said), done


def test_a_filter_of_the_view_with_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(RECORD % 1)
    done = cogc_here("view", "--plain", "--filter", "kind:fial", "t", cwd=tmp_path)
    assert (
        done.returncode == 2
        and "`kind:fial`: a trace has no records of the kind `fial`: did you mean `fail`?" in done.stderr
    )


def test_a_trace_of_older_tools_is_read_by_lines(tmp_path: Path) -> None:
    (tmp_path / "t").write_text('{"t": 0.1, "coglet": "A", "op": "transmit", "target": "x", "data": 1}\n' * 3)
    shown = cogc_here("trace", "show", "t", "--json", "--cause", "2", cwd=tmp_path)
    assert [json.loads(line)["seq"] for line in shown.stdout.splitlines()] == [2]


# ---- comparing -----------------------------------------------------------------------------------------------


def event(seq: int, cause: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "v": 1,
        "seq": seq,
        "t": float(seq),
        "run": f"r{seq}",
        "kind": "send",
        "path": "Main",
        "cause": cause,
        **more,
    }


def test_another_order_of_what_is_independent_is_no_departure() -> None:
    one = [event(1, data="a"), event(2, data="b"), event(3, 1, data="c"), event(4, 2, data="c")]
    other = [event(1, data="b"), event(2, data="a"), event(3, 1, data="c"), event(4, 2, data="c")]
    assert [d.count for d in diff.departures(one, other)] == [0, 0]


def test_the_same_event_of_another_cause_departs() -> None:
    one = [event(1, data="a"), event(2, data="b"), event(3, 1, data="c")]
    other = [event(1, data="a"), event(2, data="b"), event(3, 2, data="c")]
    found = diff.departures(one, other)
    assert [d.record and d.record["seq"] for d in found] == [3, 3]


def test_an_event_counts_as_often_as_it_is_there() -> None:
    found = diff.departures([event(1), event(2), event(3)], [event(1)])
    assert found[0].count == 2 and found[0].record == event(2) and found[1].record is None


def test_the_first_departure_is_shown_with_what_led_to_it(folder: Path) -> None:
    shutil.copy(folder / "t.jsonl", folder / "a.jsonl")
    (folder / "u.cog").write_text(SPEC.replace("    n = n + v\n", "    if v != 7 { n = n + v }\n"))
    words = [w for n in range(1, 40) for w in ("--input", f"go={n}")]
    made = cogc_here("run", "u.cog", "--sim", "--trace=b.jsonl", *words, cwd=folder)
    assert made.returncode == 0, made.stderr
    assert cogc_here("trace", "diff", "t.jsonl", "t.jsonl", cwd=folder).stdout == "the traces have the same events\n"
    done = cogc_here("trace", "diff", "a.jsonl", "b.jsonl", cwd=folder)
    assert done.returncode == 3
    first, second = done.stdout.split("b.jsonl:")
    assert "state" in first.splitlines()[-1] and "28" in first.splitlines()[-1] and "21" in second.splitlines()[-1]
    assert "deliver" in first and "input" in first
    page = (ROOT / "specs" / "trace.md").read_text()
    assert f"$ cogc trace diff a.jsonl b.jsonl\n{done.stdout}```" in page


# ---- exporting -----------------------------------------------------------------------------------------------


def test_a_table_has_a_row_for_each_record_and_no_formula(folder: Path, tmp_path: Path) -> None:
    every = records(folder / "t.jsonl")
    done = cogc_here("trace", "export", "t.jsonl", "--format", "csv", cwd=folder)
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [int(r["seq"]) for r in rows] == [r["seq"] for r in every]
    odd = list(export.table([event(1, channel="=1+1", data='a,"b\n'), event(2, channel="-x")]))
    assert "'=1+1" in odd[1] and "'-x" in odd[2] and next(csv.reader(odd[1:2]))[-1] == json.dumps('a,"b\n')


def test_a_timeline_has_tracks_spans_and_arrows(folder: Path) -> None:
    every = records(folder / "t.jsonl")
    done = cogc_here("trace", "export", "t.jsonl", "--format", "perfetto", "-o", "t.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    events = json.loads((folder / "t.json").read_text())["traceEvents"]
    names = {e["args"]["name"]: e["tid"] for e in events if e["ph"] == "M"}
    assert names.keys() == {r["path"] for r in every}
    arrows = [e for e in events if e["ph"] == "f"]
    assert len(arrows) == sum(r["kind"] == "deliver" for r in every) == 156
    assert {e["ph"] for e in events} == {"M", "i", "s", "f"}
    spans = json.loads("".join(export.timeline([
        {**event(1), "kind": "call", "call": 1, "program": "p"}, {**event(2, 1), "kind": "result", "call": 1, "data": 3},
    ])))["traceEvents"]  # fmt: skip
    assert [(e["ph"], e["id"], e["name"], e["cat"]) for e in spans if e["ph"] in "be"] == [
        ("b", 1, "p", "call"),
        ("e", 1, "p", "call"),
    ]


def test_a_diagram_shows_the_messages(folder: Path) -> None:
    done = cogc_here("trace", "export", "t.jsonl", "--format", "mermaid", "--before", "1s", cwd=folder)
    assert done.stdout.startswith("sequenceDiagram\n  participant p0 as outside\n")
    assert "p0->>" in done.stdout and "and " not in done.stdout.splitlines()[-1]


@pytest.mark.skipif(not (ROOT / "tests" / "mermaid" / "node_modules").is_dir(), reason="mermaid is not installed")
def test_mermaid_takes_the_diagram_whatever_a_trace_says(tmp_path: Path) -> None:
    texts = [
        "a;b",
        "end",
        "<b>&#35;",
        "loop x",
        "a\nb",
        "%% c",
        "--x",
        "p0->>p1: z",
        "\x1b[31m",
        "\u202e",
        '"q"',
        "{x}",
        "#quot;",
    ]
    every = [{**event(i + 1), "kind": "output", "path": f"M{t}", "channel": t, "data": t} for i, t in enumerate(texts)]
    (tmp_path / "d.mmd").write_text("".join(export.diagram(every, lambda _: None)))
    node = shutil.which("node")
    assert node is not None
    parsed = subprocess.run(
        [node, "parse.mjs", str(tmp_path / "d.mmd")], cwd=ROOT / "tests" / "mermaid", capture_output=True, text=True
    )
    assert parsed.returncode == 0, parsed.stderr + parsed.stdout


def test_a_file_of_another_kind_is_not_overwritten(folder: Path) -> None:
    for name in ("s.cog", "t.jsonl"):
        before = (folder / name).read_bytes()
        done = cogc_here("trace", "export", "t.jsonl", "--format", "mermaid", "-o", name, cwd=folder)
        assert done.returncode == 2 and "is not overwritten" in done.stderr and (folder / name).read_bytes() == before


# ---- sequence diagrams ------------------------------------------------------------------------------------------


def drawn(*records: dict[str, Any]) -> list[str]:
    """The lines of the diagram of records, which are numbered from 1."""
    numbered = [{"v": 1, "t": 0.0458905, "run": "r", "cause": 0, **r, "seq": n} for n, r in enumerate(records, 1)]
    return "".join(export.diagram(numbered, lambda n: numbered[n - 1] if 0 < n <= len(numbered) else None)).splitlines()


def test_a_link_from_a_channel_of_the_parent_is_a_message() -> None:
    found = drawn(
        {"kind": "input", "path": "Main", "channel": "question", "data": "why?"},
        {"kind": "deliver", "path": "Main", "port": "question", "cause": 1},
        {"kind": "deliver", "path": "Main/lead", "port": "task", "cause": 2},
        {"kind": "deliver", "path": "", "port": "result", "cause": 1},
        {"kind": "transmit", "path": "Main/lead", "channel": "·over", "data": 1, "cause": 3},
        {"kind": "deliver", "path": "Main", "port": "·over", "cause": 5},
        {"kind": "deliver", "path": "Main", "port": "x", "cause": 7},
        {"kind": "output", "path": "Main", "channel": "answer", "data": 42, "cause": 3},
    )
    assert found == [
        "sequenceDiagram",
        "  participant p0 as outside",
        "  participant p1 as Main",
        "  participant p2 as Main/lead",
        "  p0->>p1: 46ms question #34;why?#34;",
        "  p1->>p2: 46ms task #34;why?#34;",
        "  p1->>p0: 46ms answer 42",
    ]


def test_what_is_long_is_broken_into_lines_and_large_pools_are_one() -> None:
    long = drawn({"kind": "output", "path": "Feature/execute/Developer/Helper", "channel": "x", "data": "word " * 30})
    assert "  participant p1 as Feature/<br/>execute/<br/>Developer/<br/>Helper" in long
    assert max(len(line) for line in long[-1].partition(": ")[2].replace("#34;", '"').split("<br/>")) <= 28

    def of_jury(size: int) -> list[str]:
        said = [{"kind": "output", "path": f"Trial/jury[{n}]", "channel": "vote", "data": n} for n in range(size)]
        return [line for line in drawn(*said) if "participant" in line]

    assert len(of_jury(11)) == 12
    assert of_jury(12) == ["  participant p0 as outside", "  participant p1 as Trial/jury ×12"]


def test_the_diagram_of_a_sett_has_its_board() -> None:
    recipe = {"type": "Recipe", "version": 2, "payload": "eggs", "source_artefacts": ["g"]}
    found = drawn(
        {"kind": "artefact", "path": "user", "data": {"type": "Goal", "version": 1, "payload": "cook"}},
        {"kind": "claim", "path": "orchestrator", "claim": "c", "artefact": "g", "status": "pending_exclusive"},
        {"kind": "bid", "path": "Writer", "claim": "c", "artefact": "g", "bid": "exclusive"},
        {"kind": "grant", "path": "Writer", "claim": "c", "bid": "exclusive", "rework": True},
        {"kind": "artefact", "path": "Writer", "data": recipe},
        {"kind": "artefact", "path": "Writer", "data": 7},
        {
            "kind": "claim",
            "path": "orchestrator",
            "claim": "c",
            "artefact": "g",
            "status": "terminated",
            "reason": "no",
        },
    )
    assert found[4:] == [
        "  p0->>p1: 46ms Goal #34;cook#34;",
        "  p1->>p2: 46ms work#58; exclusive, again",
        "  p2->>p1: 46ms Recipe v2 #34;eggs#34;",
        "  Note over p1: 46ms claim terminated#58; no",
    ]

"""The index of a trace: where records stand, growth, torn and broken lines, causes, filters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings, strategies as st

from cogc.traces import index as index_module
from cogc.traces.index import BROKEN, Index
from cogc.traces.query import Matches, Query, parsed
from support.traces import everything, hostile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return everything().save(tmp_path / "t.jsonl")


@pytest.mark.parametrize("stretch", [1, 100, 1000, 1 << 20])
def test_each_record_is_found_whatever_is_read_at_once(path: Path, stretch: int) -> None:
    records = everything().records
    with Index(str(path)) as index:
        while index.grow(stretch):
            pass
        assert index.count == len(records)
        assert [index.record(row) for row in range(index.count)] == records
        assert [(index.kind(r), index.place(r)) for r in range(index.count)] == [
            (r["kind"], r["path"]) for r in records
        ]
        assert [index.row_of(r["seq"]) for r in records] == list(range(len(records))) and index.row_of(
            len(records) + 1
        ) is None
        assert list(index.of_kind("fail")) == [r["seq"] - 1 for r in records if r["kind"] == "fail"]
        assert index.times[index.row_at(3.0)] == 3.0 and index.row_at(99.0) == index.count - 1
        for place, name in enumerate(index.place_numbers.names):
            assert list(index.rows[place]) == [r["seq"] - 1 for r in records if r["path"] == name]


def test_an_index_goes_on_as_its_file_grows_and_waits_for_the_end_of_a_line(path: Path) -> None:
    data = path.read_bytes()
    with Index(str(path)) as index:
        before = index.read().count
        torn = data.splitlines(keepends=True)[1].replace(b'"seq":2', b'"seq":900')
        with path.open("ab") as file:
            file.write(torn[:30])
        assert not index.grow() and index.count == before
        with path.open("ab") as file:
            file.write(torn[30:])
        assert index.grow() and index.count == before + 1 and index.row_of(900) == before


def test_a_file_that_was_replaced_is_read_anew(path: Path) -> None:
    with Index(str(path)) as index:
        index.read()
        path.write_text(path.read_text().splitlines(keepends=True)[0])
        assert not index.grow() and index.is_replaced
        index.restart()
        assert index.read().generation == 1 and index.count == 1 and len(index.seqs) == 1


BAD = [
    b"nonsense",
    b"[1]",
    b"{}",
    b'{"seq":-1}',
    b'{"seq":99999999999}',
    b'{"seq":"x","kind":1}',
    b"\xff\xfe",
    b'{"kind":"x","causes":7}',
    b"[" * 5000,
]


@pytest.mark.parametrize("bad", BAD)
def test_a_broken_line_is_a_row_and_harms_no_other(path: Path, bad: bytes) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:5], bad, b"\n\n", *lines[5:]]))
    with Index(str(path)) as index:
        assert index.read().count == len(lines) + 1
        assert index.kind(5) == BROKEN and index.record(5)["kind"] == BROKEN
        assert [index.record(row) for row in range(6, index.count)] == everything().records[5:]


def test_causes_lead_backwards_and_forwards(path: Path) -> None:
    records = everything().records
    with Index(str(path)) as index:
        index.read()
        for row in range(index.count):
            assert index.effects_of(row) == [r["seq"] - 1 for r in records if r["cause"] == row + 1]
        fail = next(index.of_kind("fail"))
        chain = [index.kind(row) for row in index.behind(fail)]
        assert chain[0] == "input" and chain[-2:] == ["deliver", "fail"]
        assert index.behind(fail, 3) == index.behind(fail)[-3:]


def test_a_join_has_all_its_causes(tmp_path: Path) -> None:
    lines = [{"seq": n, "t": 0.0, "kind": "input", "path": "M", "cause": 0} for n in (1, 2, 3)]
    lines.append({"seq": 4, "t": 0.0, "kind": "join", "path": "M", "cause": 1, "causes": [1, 3]})
    (tmp_path / "t").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with Index(str(tmp_path / "t")) as index:
        index.read()
        assert index.causes_of(3) == [0, 2] and index.effects_of(2) == [3] and index.effects_of(1) == []


def test_a_state_is_whole_at_each_of_its_changes(path: Path) -> None:
    with Index(str(path)) as index:
        index.read()
        first, last = [row for row in index.of_kind("state") if index.record(row)["name"] == "·plan"]
        assert index.whole(first)["data"]["steps"][1]["status"] == "in_progress"
        assert index.whole(last)["data"]["steps"][1]["status"] == "failed" and "change" not in index.whole(last)


FILTERS = {
    "kind:fail": Query(kinds=("fail",)),
    "kind:fail kind:stop path:slow": Query(kinds=("fail", "stop"), path="slow"),
    "since:3s before:7 job": Query(since=3.0, before=7.0, text="job"),
    "channel:job": Query(channel="job"),
    "three jobs are": Query(text="three jobs are"),
    "a:b kind:": Query(text="a:b kind:"),
    "": Query(),
}


@pytest.mark.parametrize("words", FILTERS)
def test_a_filter_is_its_words(path: Path, words: str) -> None:
    query = FILTERS[words]
    assert parsed(words) == query
    with Index(str(path)) as index:
        matches = Matches(index.read(), query)
        wanted = [
            row
            for row, record in enumerate(everything().records)
            if (not query.kinds or record["kind"] in query.kinds)
            and query.path in record["path"]
            and (not query.channel or query.channel in (record.get("channel"), record.get("port")))
            and (query.since is None or record["t"] >= query.since)
            and (query.before is None or record["t"] < query.before)
            and query.text in json.dumps(record, separators=(",", ":"), ensure_ascii=False)
        ]
        assert list(matches.all()) == wanted
        for row in range(index.count):
            assert matches.step(row, 1) == next((w for w in wanted if w > row), None)
            assert matches.step(row, -1) == next((w for w in reversed(wanted) if w < row), None)


def test_a_filter_without_a_time_is_refused() -> None:
    with pytest.raises(ValueError, match="soon"):
        parsed("since:soon")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(1, 60))
@example([b"\x00", b"\t", b""], 1)
def test_any_bytes_are_rows(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], stretch: int) -> None:
    path = tmp_path_factory.mktemp("any") / "t"
    path.write_bytes(b"\n".join(lines))
    with Index(str(path)) as index:
        while index.grow(stretch):
            pass
        whole = [line for line in path.read_bytes().split(b"\n")[:-1] if line.strip()]
        assert [index.line(row) for row in range(index.count)] == whole
        assert all(isinstance(index.record(row), dict) for row in range(index.count))


def test_a_hostile_trace_is_indexed(tmp_path: Path) -> None:
    with Index(str(hostile().save(tmp_path / "t"))) as index:
        assert index.read().count == len(hostile().records)
        for row in range(index.count):
            index.whole(row), index.behind(row), index.effects_of(row)


def test_many_kinds_are_no_more_than_a_byte_holds(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_text("".join(json.dumps({"seq": n + 1, "kind": f"k{n}", "path": "M"}) + "\n" for n in range(400)))
    with Index(str(path)) as index:
        assert index.read().count == 400 and index.kind(3) == "k3" and index.kind(399) == BROKEN


def test_a_line_longer_than_a_stretch_is_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "_LONGEST", 500)
    path = tmp_path / "t"
    path.write_text(
        json.dumps({"seq": 1, "kind": "log", "path": "M", "data": "x" * 3000}) + "\n" + '{"seq":2,"kind":"log"}\n'
    )
    with Index(str(path)) as index:
        while index.grow(64):
            pass
        assert index.count == 2 and index.record(0)["kind"] == BROKEN and index.record(1) == {"seq": 2, "kind": "log"}

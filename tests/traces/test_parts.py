"""Traces in parts: what is written, what is read of a set at any moment, and what a killed run leaves."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
from argparse import Namespace
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from cogc.commands import trace_parts
from cogc.commands.streams import Sink
from cogc.commands.trace_parts import Rotation, written
from cogc.run.trace import TraceWriter
from cogc.traces import members
from cogc.traces.file import TraceFile
from cogc.traces.index import BROKEN, Index
from cogc.traces.parts import Parts, closed, is_there
from support.cli import cogc_here
from support.traces import everything
from support.waiting import wait_for

SPEC = """
coglet Main {
  transmit n: int
  state count: int = 0
  state all: [string] = []
  every 10ms {
    count = count + 1
    all = all + ["a long text that is no small value {{ count }}"]
    n <- count
  }
}
"""
RUN = ("run", "s.cog", "--sim", "--for", "3s", "--seed", "1", "--quiet")


def lines(count: int) -> list[bytes]:
    return [
        b'{"v":1,"seq":%d,"t":%d.0,"run":"r","kind":"send","path":"Main","cause":%d,"data":"%s"}\n'
        % (n, n, max(0, n - 3), b"x" * (n * 7 % 60))
        for n in range(1, count + 1)
    ]


def split(folder: Path, pieces: list[bytes], packed: list[bool]) -> Path:
    """Write the parts of a trace, the last one as the file that grows."""
    path = folder / "t.jsonl"
    for number, (piece, is_packed) in enumerate(zip(pieces, packed, strict=True), 1):
        if number == len(pieces):
            path.write_bytes(piece)
        elif is_packed:
            with open(f"{path}.{number}.gz", "wb") as target:
                members.compress(io.BytesIO(piece), target)
        else:
            Path(f"{path}.{number}").write_bytes(piece)
    return path


class Writer:
    """A trace that is written in parts, a few records at a time."""

    def __init__(self, path: Path, size: int, keep: int | None = None, compresses: bool = False) -> None:
        self.sink = Sink(str(path), "the trace")
        self.rotation = Rotation(str(path), self.sink, size, keep, compresses)
        self.writer = TraceWriter(io.BufferedWriter(self.sink), self.rotation)
        self.seq = 0

    def write(self, count: int) -> None:
        for line in lines(self.seq + count)[self.seq :]:
            self.writer.write([json.loads(line)])
        self.seq += count
        self.writer.flush()

    def close(self) -> str:
        failed = self.writer.close()
        self.sink.close()
        return failed


# ---- reading -------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(
    cuts=st.lists(st.integers(0, 40), max_size=4).map(sorted),
    packed=st.lists(st.booleans(), min_size=5, max_size=5),
    member=st.sampled_from([1, 50, 200, 1 << 18]),
    length=st.sampled_from([1, 64, 1000, 1 << 20]),
)
def test_a_set_of_parts_reads_as_one_file(
    cuts: list[int], packed: list[bool], member: int, length: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    every = lines(40)
    pieces = [b"".join(every[a:b]) for a, b in zip([0, *cuts], [*cuts, 40], strict=True)]
    pieces = [piece for piece in pieces[:-1] if piece] + pieces[-1:]  # a closed part has a record
    size, members.MEMBER = members.MEMBER, member
    try:
        path = split(tmp_path_factory.mktemp("p"), pieces, packed[: len(pieces)])
        whole = b"".join(every)
        parts = Parts(str(path))
        assert parts.size == len(whole)
        for at in range(0, len(whole) + 50, 97):
            assert parts.read(length, at) == whole[at : at + length]
        parts.close()
        with TraceFile(str(path)) as file, Index(str(path)) as index:
            assert [file.record(n) for n in range(1, 41)] == [json.loads(line) for line in every]
            assert [r["seq"] for r in file.chain(40)] == [*range(1, 41, 3)]
            assert index.read().count == 40 and [index.line(row) + b"\n" for row in range(40)] == every
    finally:
        members.MEMBER = size


def test_what_gzip_has_made_is_read_and_what_is_damaged_harms_no_other(tmp_path: Path) -> None:
    every = lines(200)
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(b"".join(every)))
    with Index(str(tmp_path / "t.jsonl.gz")) as index:
        assert index.read().count == 200 and index.record(199)["seq"] == 200
    torn = tmp_path / "torn.gz"
    torn.write_bytes((tmp_path / "t.jsonl.gz").read_bytes()[:-300])
    with Index(str(torn)) as index:
        assert 0 < index.read().count < 200
    packed = b"".join(members.member(b"".join(every[n : n + 50])) for n in range(0, 200, 50))
    assert gzip.decompress(packed) == b"".join(every)
    third = packed.index(b"\x1f\x8b\x08\x04", packed.index(b"\x1f\x8b\x08\x04", 1) + 1)
    bad = tmp_path / "bad.gz"
    bad.write_bytes(packed[: third + 60] + b"\xff\xff\xff" + packed[third + 63 :])
    with Index(str(bad)) as index:
        kinds = [index.kind(row) for row in range(index.read().count)]
        assert kinds == ["send"] * 100 + [BROKEN] + ["send"] * 50 and index.record(101)["seq"] == 151


def test_a_compressed_part_is_read_by_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = b"".join(lines(20_000))
    with open(tmp_path / "t.gz", "wb") as target:
        members.compress(io.BytesIO(every), target)
    unpacked = []
    real = members.zlib.decompress

    def counted(data: bytes, *more: int) -> bytes:
        unpacked.append(len(found := real(data, *more)))
        return found

    monkeypatch.setattr(members.zlib, "decompress", counted)
    with TraceFile(str(tmp_path / "t.gz")) as file:
        found = file.record(15_000)
    assert found is not None and found["seq"] == 15_000
    assert len(unpacked) < 8 and max(unpacked) <= members.MEMBER < len(every) / 4


# ---- writing while somebody reads ------------------------------------------------------------------------------


@pytest.mark.parametrize("compresses", [False, True])
def test_a_reader_follows_a_trace_over_its_parts(tmp_path: Path, compresses: bool) -> None:
    path = tmp_path / "t.jsonl"
    writer = Writer(path, 2000, compresses=compresses)
    writer.write(5)
    with Index(str(path)) as index, TraceFile(str(path)) as file:
        for _ in range(30):
            writer.write(7)
            assert index.read().count == writer.seq
            assert (file.record(writer.seq) or {}).get("seq") == writer.seq
        assert writer.close() == "" and len(closed(str(path))) == writer.rotation.number > 5
        assert all(part.path.endswith(".gz") == compresses for part in closed(str(path)))
        assert [index.record(row)["seq"] for row in range(index.count)] == list(range(1, writer.seq + 1))
        assert index.generation == 0 and not index.is_replaced


def test_a_part_that_is_compressed_while_the_names_are_read_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = split(tmp_path, [b"".join(lines(5)), b"".join(lines(9)[5:])], [False, False])
    real = os.listdir

    def listed(folder: str) -> list[str]:
        found = real(folder)
        with suppress(FileNotFoundError), open(f"{path}.1", "rb") as source, open(f"{path}.1.gz", "wb") as target:
            members.compress(source, target)
            os.unlink(f"{path}.1")
        return found

    monkeypatch.setattr("cogc.traces.parts.os.listdir", listed)
    assert [part.path for part in closed(str(path))] == [f"{path}.1.gz"]


def test_old_parts_go_and_a_reader_holds_none_of_them(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    writer = Writer(path, 1000, keep=2, compresses=True)
    writer.write(5)
    with Index(str(path)) as index:
        index.read()
        writer.write(30)

        def held() -> int:
            """How many closed parts are open in this process, in which the writer compresses them for a while."""
            names = [_opened(fd) for fd in os.listdir("/proc/self/fd")]
            return len([name for name in names if str(path) in name and name != str(path)])

        wait_for(lambda: held() <= 1)  # the one it saw grow
        index.read()
        for _ in range(20):
            writer.write(10)
            index.read()
        writer.close()
        index._seen.clear()
        first = closed(str(path))[0].number
        assert len(closed(str(path))) == 2 and first > 10
        assert [index.record(row)["seq"] for row in range(index.count - 20, index.count)][-1] == writer.seq
        assert index.record(0)["kind"] == BROKEN and "has been removed" in index.record(0)["data"]
    with Index(str(path)) as index:
        seqs = [index.record(row)["seq"] for row in range(index.read().count)]
        assert seqs == list(range(seqs[0], writer.seq + 1)) and seqs[0] > 100


def _opened(fd: str) -> str:
    """Return the path of an open file, or nothing if it has been closed meanwhile."""
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except FileNotFoundError:
        return ""


def test_a_new_trace_takes_the_place_of_all_parts(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    writer = Writer(path, 500, compresses=True)
    writer.write(40)
    writer.close()
    with Index(str(path)) as index:
        index.read()
        for part in closed(str(path)):
            os.unlink(part.path)
        path.write_bytes(lines(1)[0])
        assert not index.grow() and index.is_replaced
        index.restart()
        assert index.read().count == 1


# ---- a run that is killed ----------------------------------------------------------------------------------------


def _moments(path: Path) -> list[dict[str, bytes]]:
    """The files of a set at each moment at which its run can be killed: while a part is closed, and while it is compressed."""
    before = {p.name: p.read_bytes() for p in path.parent.iterdir()}
    live = before.pop(path.name)
    packed = io.BytesIO()
    members.compress(io.BytesIO(live), packed)
    name, draft = f"{path.name}.3", f"{path.name}.3.gz.draft"
    return [
        {**before, path.name: live},
        {**before, name: live},  # renamed, and nothing begun
        {**before, name: live, path.name: b""},
        {**before, name: live, path.name: b"", draft: packed.getvalue()[:20]},
        {**before, name: live, path.name: b"", draft: packed.getvalue()},
        {**before, name: live, path.name: b"", f"{name}.gz": packed.getvalue()},
        {**before, path.name: b"", f"{name}.gz": packed.getvalue()},
    ]


def test_a_killed_run_leaves_a_whole_set_at_each_moment(tmp_path: Path) -> None:
    every = lines(60)
    path = split(tmp_path, [b"".join(every[n : n + 20]) for n in (0, 20, 40)], [True, False, False])
    for number, files in enumerate(_moments(path)):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        at = str(folder / path.name)
        assert is_there(at)
        with Index(at) as index:
            assert [index.line(row) + b"\n" for row in range(index.read().count)] == every
        shown = cogc_here("trace", "show", at, "--json").stdout
        assert [json.loads(line)["seq"] for line in shown.splitlines()] == list(range(1, 61))
        assert cogc_here("view", at, "--plain", "--pane", "messages", "--lines", 3).returncode == 0


def test_a_part_that_cannot_be_closed_is_said_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.jsonl"
    writer = Writer(path, 500)
    writer.write(20)
    monkeypatch.setattr(trace_parts.os, "open", _refused)
    writer.write(20)
    monkeypatch.undo()
    writer.write(20)
    assert "no space left on device; the rest of the trace is in one file" in writer.close()
    with Index(str(path)) as index:
        assert [index.record(row)["seq"] for row in range(index.read().count)] == list(range(1, 61))
        assert len(index.parts.files) == 2


def _refused(*_: object) -> int:
    raise OSError(28, "No space left on device")


def test_a_part_that_cannot_be_compressed_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.jsonl"
    monkeypatch.setattr(trace_parts, "compress", _refused)
    writer = Writer(path, 500, compresses=True)
    writer.write(20)
    assert writer.close().endswith("no space left on device")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.jsonl", "t.jsonl.1"]


# ---- the command line --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the trace of a run in one file, and with that of the same run in parts."""
    made = tmp_path_factory.mktemp("parts")
    (made / "s.cog").write_text(SPEC)
    assert cogc_here(*RUN, "--trace=one.jsonl", cwd=made).returncode == 0
    words = ("--trace=t.jsonl", "--trace-rotate", "30KB", "--trace-compress")
    assert cogc_here(*RUN, *words, cwd=made).returncode == 0
    return made


READS: list[tuple[Any, ...]] = [
    ("trace", "show"),
    ("trace", "show", "--json", "--since", "2s"),
    ("trace", "show", "--cause", "1500"),
    ("trace", "export", "--format", "csv"),
    ("trace", "export", "--format", "perfetto"),
    ("view", "--plain"),
]


@pytest.mark.parametrize("words", READS, ids=" ".join)
def test_what_reads_a_trace_reads_its_parts(folder: Path, words: tuple[str, ...]) -> None:
    assert len(list(folder.glob("t.jsonl.*.gz"))) == len(closed(str(folder / "t.jsonl"))) > 3
    command, *rest = words
    action = rest[:1] if command == "trace" else []
    one, several = (
        cogc_here(command, *action, name, *rest[len(action) :], cwd=folder) for name in ("one.jsonl", "t.jsonl")
    )
    assert one.returncode == several.returncode == 0
    assert several.stdout.replace("t.jsonl", "one.jsonl") == one.stdout != ""


def test_parts_are_compared_and_none_is_overwritten_by_its_export(folder: Path) -> None:
    assert cogc_here("trace", "diff", "one.jsonl", "t.jsonl", cwd=folder).returncode == 0
    done = cogc_here("trace", "export", "t.jsonl", "--format", "csv", "-o", "t.jsonl.1.gz", cwd=folder)
    assert done.returncode == 2 and "is not overwritten" in done.stderr


def test_a_trace_that_has_lost_its_beginning_has_whole_states(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "s.cog", tmp_path)
    words = ("--trace=t.jsonl", "--trace-rotate", "30KB", "--trace-keep", "1")
    assert cogc_here(*RUN, *words, cwd=tmp_path).returncode == 0
    assert len(closed(str(tmp_path / "t.jsonl"))) == 1
    shown = cogc_here("trace", "show", "t.jsonl", "--json", "--kind", "state", cwd=tmp_path).stdout.splitlines()
    states = [json.loads(line) for line in shown]
    assert states and all("data" in state for state in states)
    every = cogc_here("trace", "show", str(folder / "one.jsonl"), "--json", "--kind", "state").stdout.splitlines()
    assert states == [json.loads(line) for line in every][-len(states) :] and len(states) < len(every)
    assert cogc_here(*RUN, "--trace=t.jsonl", cwd=tmp_path).returncode == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.cog", "t.jsonl"]


REFUSED = [
    (("--trace=t.jsonl", "--trace-keep", "2"), "--trace-keep is for a trace in parts: name their size with --trace-rotate"),
    (("--trace=t.jsonl", "--trace-compress"), "--trace-compress is for a trace in parts: name their size with --trace-rotate"),
    (("--trace-rotate", "1MB"), "--trace-rotate is for a run with --trace"),
    (("--trace=t.jsonl", "--trace-rotate", "much"), "--trace-rotate: `much` is no size; write 512MB or 2g"),
    (("--trace=t.jsonl", "--trace-rotate", "0"), "--trace-rotate 0: a part has at least 1 byte"),
    (("--trace=t.jsonl", "--trace-rotate", "1MB", "--trace-keep", "0"), "--trace-keep 0: keep at least 1 closed file"),
    (("--trace=/dev/null", "--trace-rotate", "1MB"), "--trace-rotate: `/dev/null` is no file, and cannot be closed and begun anew"),
    (("--trace=n.jsonl", "--trace-rotate", "1MB"), "`n.jsonl.1` is no part of a trace, and stands where one would: rename it"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), REFUSED, ids=[" ".join(words) for words, _ in REFUSED])
def test_options_of_parts_that_cannot_be(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    (tmp_path / "s.cog").write_text(SPEC)
    (tmp_path / "n.jsonl.1").write_text("notes\n")
    done = cogc_here(*RUN, *words, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, f"cogc: {said}\n")
    assert (tmp_path / "n.jsonl.1").read_text() == "notes\n"


@pytest.mark.parametrize("name", ["t.jsonl.7", "t.jsonl.3.gz", "t.jsonl.100"])
def test_whatever_has_the_name_of_a_part_and_is_none_is_never_lost(tmp_path: Path, name: str) -> None:
    (tmp_path / "s.cog").write_text(SPEC)
    (tmp_path / name).write_text("notes\n")
    done = cogc_here(*RUN, "--trace=t.jsonl", "--trace-rotate", "10KB", cwd=tmp_path)
    assert done.returncode == 2 and f"`{name}` is no part of a trace" in done.stderr
    assert (tmp_path / name).read_text() == "notes\n" and not (tmp_path / "t.jsonl").exists()


@pytest.mark.parametrize(("name", "part"), [("t.jsonl.1", "t.jsonl"), ("t.jsonl.1.gz", "t.jsonl.1")])
def test_what_comes_to_stand_in_the_place_of_a_part_stays(tmp_path: Path, name: str, part: str) -> None:
    options = Namespace(trace_rotate="1B", trace_keep=None, trace_compress=True)
    sink, writer = written(options, str(tmp_path / "t.jsonl"), None)
    (tmp_path / name).write_text("notes\n")
    sink.write(b'{"v":1}\n')
    assert writer.rotation is not None
    writer.rotation.flushed()
    failed = writer.rotation.close()
    assert "something else has the name of the part" in failed and (tmp_path / name).read_text() == "notes\n"
    assert (tmp_path / part).read_text() == '{"v":1}\n'
    writer.file.close()


def test_a_trace_without_parts_leaves_what_is_no_part(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl.2").write_text("notes\n")
    (tmp_path / "t.jsonl.2.gz").write_bytes(gzip.compress(b'{"v":1}\n'))
    written(Namespace(trace_rotate=None), str(tmp_path / "t.jsonl"), None)[1].file.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.jsonl", "t.jsonl.2"]


def test_a_made_up_trace_and_one_part_of_it_alone(tmp_path: Path) -> None:
    data = everything().text().encode()
    cut = data.index(b"\n", len(data) // 2) + 1
    path = split(tmp_path, [data[:cut], data[cut:]], [True, False])
    with Index(str(path)) as index, Index(f"{path}.1.gz") as first:
        assert index.read().count == len(everything().records) > first.read().count == data[:cut].count(b"\n")

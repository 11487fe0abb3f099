"""Results in files, whole or not at all; and machines of a sett, at work or not."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cogc.commands import out, sett_processes
from cogc.commands.usage import UsageError
from support.cli import cogc
from support.paths import ROOT
from support.waiting import DEADLINE

SPEC = "coglet Main { transmit o: string\n  on start { o <- '%s' } }\n".replace("'", '"') % ("x" * 5000)


@pytest.mark.parametrize("before", [None, b"{}"])
def test_a_result_that_finds_no_room_leaves_the_file_as_it_was(before: bytes | None, tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(SPEC)
    target = tmp_path / "a.json"
    if before is not None:
        built = cogc("build", "a.cog", "-o", "a.json", cwd=tmp_path)
        assert built.returncode == 0
        before = target.read_bytes()
    words = ["sh", "-c", 'ulimit -f 1; exec "$0" -B -m cogc build a.cog -o a.json', sys.executable]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 2 and done.stderr == "cogc: cannot write `a.json`: file too large\n"
    assert (target.read_bytes() if target.exists() else None) == before
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix == ".part") == []


def test_a_result_keeps_the_mode_and_the_link_of_its_file(tmp_path: Path) -> None:
    place, link = tmp_path / "kept" / "a.txt", tmp_path / "link.txt"
    place.parent.mkdir()
    place.write_text("old")
    place.chmod(0o640)
    link.symlink_to(place)
    out.write_file(str(link), b"new")
    assert link.is_symlink() and place.read_bytes() == b"new" and stat.S_IMODE(place.stat().st_mode) == 0o640


def test_a_result_may_go_to_a_device_or_a_pipe(tmp_path: Path) -> None:
    out.write_file("/dev/null", b"x")
    os.mkfifo(tmp_path / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    out.write_file(str(tmp_path / "pipe"), b"through")
    reader.join()
    assert read == [b"through"]
    with pytest.raises(UsageError, match="no space left"):
        out.write_file("/dev/full", b"x")


def test_up_waits_until_each_machine_works_or_has_ended() -> None:
    pipes, ends = {}, {}
    for name in ("works", "ends", "works later"):
        pipes[name], ends[name] = os.pipe()
    os.write(ends["works"], b".")

    def later() -> None:
        os.close(ends["ends"])
        os.write(ends["works later"], b".")

    threading.Timer(0.2, later).start()
    assert sett_processes._not_at_work(pipes) == {"ends": "did not start"}
    for name in ("works", "works later"):
        os.close(ends[name])


def test_values_stand_in_a_trace_as_in_the_output(tmp_path: Path) -> None:
    text = 'coglet Main { transmit o: any\n on start { o <- { a: 250ms, b: now(), c: [1.0, null, "250ms"] } } }'
    (tmp_path / "a.cog").write_text(text)
    done = cogc("run", "a.cog", "--sim", "--output", "json", "--trace=t.jsonl", cwd=tmp_path)
    (said,) = [json.loads(line) for line in done.stdout.splitlines()]
    records = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert said["data"] == {"a": "250ms", "b": "2000-01-01T00:00:00Z", "c": [1.0, None, "250ms"]}
    assert [r["data"] for r in records if r["kind"] in ("transmit", "output")] == [said["data"]] * 2

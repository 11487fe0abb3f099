"""What runs that are over leave behind: how much of it is kept, shown by `cogc runs`, and removed."""

from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path

import pytest

from cogc.language.values import Media
from cogc.run import media
from cogc.run.instance import Instance, status_of
from cogc.run.instance_folder import earlier
from cogc.run.journal import load
from cogc.run.retention import Keep
from cogc.run.state import StateStore
from support.cli import cogc_here
from support.state import state

DAY = 86400.0


def folder(project: Path, name: str = "i") -> Path:
    place = state(project) / "instances" / name
    place.mkdir(parents=True, exist_ok=True)
    return place


class Timed:
    steps = 0
    now = 0


def ran(place: Path, run: str, keep: str = "0", ends: bool = True, values: object = None, days: float = 0) -> None:
    """Write what a run of an instance leaves, so many days ago."""
    made = Instance(place, fresh=True, keep=Keep.of(keep))
    journal = made.journal({"run": run, "seed": 0, "epoch": 0, "runs": made.runs + 1})
    journal.event(Timed(), "start", {}, [] if values is None else [["Main", "n", values]])
    journal.flush()
    made.sync()
    if ends:
        journal.event(Timed(), "end", "done")
        journal.flush()
    made.close()
    os.utime(place / "journal.jsonl", (time.time() - days * DAY,) * 2)


def image(place: Path, data: bytes) -> Media:
    """Put the bytes of an image into the folder of an instance, as an earlier process has."""
    made = media.taken(b"\x89PNG\r\n\x1a\n" + data)
    media._STORE.held.pop(made.digest)
    (place / "media").mkdir(exist_ok=True)
    (place / "media" / made.digest).write_bytes(data)
    return made


def runs_of(paths: list[Path]) -> list[str]:
    return [load(p.read_bytes()).head["run"] for p in paths]


def test_a_new_run_takes_the_place_of_the_last_one_unless_it_is_kept(tmp_path: Path) -> None:
    place = folder(tmp_path)
    for run in "abcd":
        ran(place, run, "0" if run == "b" else "2")
    assert runs_of([place / "journal.jsonl", *earlier(place)]) == ["d", "c", "b"]
    ran(place, "e")
    assert runs_of([place / "journal.jsonl", *earlier(place)]) == ["e"]


def test_runs_are_kept_for_a_time(tmp_path: Path) -> None:
    place = folder(tmp_path)
    for run, days in (("a", 9), ("b", 3), ("c", 1)):
        ran(place, run, "5d", days=days)
    ran(place, "d", "5d")
    assert runs_of(earlier(place)) == ["c", "b"]


def test_runs_are_counted_on_when_the_last_journal_is_lost(tmp_path: Path) -> None:
    place = folder(tmp_path)
    for run in "abc":
        ran(place, run, "2")
    (place / "journal.jsonl").unlink()
    for run in "de":
        ran(place, run, "2")
    assert runs_of([place / "journal.jsonl", *earlier(place)]) == ["e", "d", "b"]


def test_images_stay_as_long_as_a_kept_run_or_a_saved_state_names_them(tmp_path: Path) -> None:
    place = folder(tmp_path)
    made = [image(place, b"a")]
    ran(place, "a", "1", values=made[0])
    made += [image(place, b"b"), image(place, b"nobody")]
    ran(place, "b", "1", values=made[1])
    assert {p.name for p in (place / "media").iterdir()} == {m.digest for m in made[:2]}
    ran(place, "c", "1")
    assert {p.name for p in (place / "media").iterdir()} == {made[1].digest}
    kept = StateStore(place / "state.db")
    kept.save({("Main", "n"): made[1]})
    kept.close()
    assert cogc_here("runs", "--prune", cwd=tmp_path).returncode == 0
    assert {p.name for p in (place / "media").iterdir()} == {made[1].digest} and not earlier(place)


def test_prune_leaves_saved_states_and_what_did_not_end(tmp_path: Path) -> None:
    place, other = folder(tmp_path), folder(tmp_path, "other")
    for run in "abc":
        ran(place, run, "9", values="x" * 5000)
    ran(other, "open", ends=False)
    (place / "queues.db").write_bytes(b"q")
    kept = StateStore(place / "state.db")
    kept.save({("Main", "n"): 7})
    kept.close()
    old, new = state(tmp_path) / "runs" / "old", state(tmp_path) / "runs" / "new"
    for run in (old, new):
        run.mkdir(parents=True)
        (run / "trace.jsonl").write_text("{}\n")
    for path in (old / "trace.jsonl", old):
        os.utime(path, (time.time() - DAY,) * 2)
    (other / "journal.jsonl").chmod(0o600)
    before = (other / "journal.jsonl").read_bytes()
    listed = [json.loads(line) for line in cogc_here("runs", "--json", cwd=tmp_path).stdout.splitlines()]
    assert [(e["instance"], e["earlier"], e["bytes"] > 15_000) for e in listed[:2]] == [
        ("i", 2, True),
        ("other", 0, False),
    ]
    assert "2 earlier" in cogc_here("runs", cwd=tmp_path).stdout
    assert cogc_here("runs", "--prune", "--keep", "2", cwd=tmp_path).stdout.endswith("removed\n")
    assert runs_of(earlier(place)) == ["b"] and old.exists()
    done = cogc_here("runs", "--prune", cwd=tmp_path)
    assert done.returncode == 0 and "KiB removed" in done.stdout
    assert not earlier(place) and not (place / "queues.db").exists() and not old.exists() and new.exists()
    assert (other / "journal.jsonl").read_bytes() == before
    about = status_of(place)
    assert (about.condition, about.run, about.outcome) == ("ended", "c", "done")
    assert load((place / "journal.jsonl").read_bytes()).head["runs"] == 3
    opened = StateStore(place / "state.db")
    assert opened.kept == {("Main", "n"): 7}
    opened.close()
    (tmp_path / "a.cog").write_text("coglet Main { on start { stop self } }")
    refused = cogc_here("run", "a.cog", "--replay", place / "journal.jsonl", cwd=tmp_path)
    assert refused.returncode == 2 and "were removed by `cogc runs --prune`" in refused.stderr


def test_an_instance_is_removed_unless_its_run_goes_on(tmp_path: Path) -> None:
    place = folder(tmp_path)
    ran(place, "a", ends=False)
    refused = cogc_here("runs", "--remove", "i", cwd=tmp_path)
    assert refused.returncode == 2 and "did not end: `cogc resume i` goes on with it" in refused.stderr
    held = Instance(place)
    refused = cogc_here("runs", "--remove", "i", "--fresh", cwd=tmp_path)
    assert refused.returncode == 2 and f"under way, process {os.getpid()}" in refused.stderr and place.exists()
    held.close()
    assert cogc_here("runs", "--remove", "i", "--fresh", cwd=tmp_path).returncode == 0 and not place.exists()
    assert "there is no instance `i`" in cogc_here("runs", "--remove", "i", cwd=tmp_path).stderr


def test_an_instance_that_is_damaged_stays_as_it_is(tmp_path: Path) -> None:
    place = folder(tmp_path)
    ran(place, "a")
    data = (place / "journal.jsonl").read_bytes().replace(b'"start"', b'"stxrt"')
    (place / "journal.jsonl").write_bytes(data)
    done = cogc_here("runs", "--prune", cwd=tmp_path)
    assert done.returncode == 2 and "instance `i` stays as it is: line 2 is broken" in done.stderr
    assert (place / "journal.jsonl").read_bytes() == data


@pytest.mark.parametrize(
    "words, said",
    [
        (["runs", "--keep", "3"], "--keep goes with --prune"),
        (
            ["runs", "--prune", "--keep", "often"],
            "--keep often: write a number of runs such as 5, or a time such as 30d",
        ),
        (["runs", "--prune", "--remove", "i"], "do not go together"),
        (["run", "a.cog", "--keep", "3"], "--keep goes with --instance"),
    ],
)
def test_what_the_options_refuse(tmp_path: Path, words: list[str], said: str) -> None:
    (tmp_path / "a.cog").write_text("coglet Main { on start { stop self } }")
    done = cogc_here(*words, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr


def test_a_journal_that_cannot_begin_anew_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk, a draft would take the room that the journal needs to go on."""
    made = Instance(folder(tmp_path))
    made.journal({"run": "a", "seed": 0, "epoch": 0}).flush()
    made.sync()
    before = (made.folder / "journal.jsonl").read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fdatasync", full)
        with pytest.raises(OSError, match="no space left"):
            made.put(b"x" * 1000)
    assert not (made.folder / "journal.next").exists() and (made.folder / "journal.jsonl").read_bytes() == before
    made.sync()  # which goes on in the journal there was
    made.close()

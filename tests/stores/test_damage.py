"""Files of SQLite in which a byte was changed, or that were cut: they are refused, or hold what they held.

Each page is changed at some places, more of them with COGC_FAULTS; the seed is printed, and COGC_SEED repeats it.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trio

from cogc.run.state import StateError, StateStore, anew
from cogc.stores import open_store
from cogc.stores.values import ValueQueue
from support.cli import cogc_here
from support.state import state

PAGE = 4096
PLACES = max(4, int(os.environ.get("COGC_FAULTS", "4")))
STATES: dict[tuple[str, str], Any] = {("Main", f"s{n}"): {"n": n, "text": "x" * 90} for n in range(150)}


@pytest.fixture
def dice() -> random.Random:
    seed = int(os.environ.get("COGC_SEED") or random.randrange(1 << 30))
    print(f"COGC_SEED={seed}")
    return random.Random(seed)


def damaged(data: bytes, dice: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield a file with one bit changed at some places of each page, and cut at some places."""
    for page in range(0, len(data), PAGE):
        for at in [page, page + 7, *(page + dice.randrange(PAGE) for _ in range(PLACES))]:
            if at < len(data):
                changed = bytearray(data)
                changed[at] ^= 1 << dice.randrange(8)
                yield f"bit at {at}", bytes(changed)
    for _ in range(PLACES):
        size = dice.randrange(1, len(data))
        yield f"cut at {size}", data[:size]


def saved(path: Path) -> str:
    """Save states, some of them changed and some gone; return the digest."""
    with closing(StateStore(path)) as store:
        store.save({**STATES, ("Main/a", "n"): 1, ("Main/ab", "n"): 2, ("Main/a/b", "n"): 3})
        store.save({("Main", "s1"): STATES["Main", "s1"]}, ["Main/a"])
        store.save({}, ["Main/ab"])
        return store.digest


def test_states_that_were_damaged_are_refused_and_stay_as_they_are(tmp_path: Path, dice: random.Random) -> None:
    path = tmp_path / "state.db"
    digest = saved(path)
    data, refused = path.read_bytes(), 0
    for what, changed in damaged(data, dice):
        path.write_bytes(changed)
        try:
            with closing(StateStore(path, digest)) as store:
                assert store.kept == STATES and store.digest == digest, what
        except StateError as error:
            assert str(error).startswith(f"the states in `{path}` "), what
            assert path.read_bytes() == changed, what
            refused += 1
        for end in ("-wal", "-shm"):
            Path(f"{path}{end}").unlink(missing_ok=True)
    assert refused > PLACES


def test_a_log_of_states_that_was_damaged_loses_no_commit_silently(tmp_path: Path, dice: random.Random) -> None:
    first, second = tmp_path / "state.db", tmp_path / "again.db"
    with closing(StateStore(first)) as store:
        for number in range(24):
            store.save({("Main", "n"): number})
        digest, data, log = store.digest, first.read_bytes(), Path(f"{first}-wal").read_bytes()
    assert len(log) > 12 * PAGE
    for what, changed in damaged(log, dice):
        second.write_bytes(data)
        Path(f"{second}-wal").write_bytes(changed)
        Path(f"{second}-shm").unlink(missing_ok=True)
        try:
            with closing(StateStore(second, digest)) as store:
                assert store.kept == {("Main", "n"): 23}, what
        except StateError as error:
            assert "are not those that the last run saved" in str(error), what


def test_states_that_are_gone_are_missed(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    digest = saved(path)
    path.unlink()
    with pytest.raises(StateError, match="are gone"):
        StateStore(path, digest)
    assert not path.exists()
    with closing(StateStore(path)) as store:
        empty = store.digest
    anew(path)
    with closing(StateStore(path, empty)) as store:
        assert store.kept == {}


COUNTER = """coglet Main { listen x: int
  transmit y: int
  state n: int = 0 persist
  on x as v { n = n + v
    y <- n } }
"""


def test_an_instance_whose_states_were_lost_is_refused_and_one_that_goes_on_has_them_in_its_journal(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.cog").write_text(COUNTER)
    words = ["run", "a.cog", "--instance", "i", "--input", "x=2", "--quiet"]
    assert cogc_here(*words, cwd=tmp_path).stdout == "y: 2\n"
    place = state(tmp_path) / "instances" / "i"
    whole, journal = (place / "state.db").read_bytes(), (place / "journal.jsonl").read_bytes()
    (place / "state.db").write_bytes(whole[:-700] + bytes(700))
    done = cogc_here(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.count("\n") == 1
    assert f"--instance i: the states in `{place / 'state.db'}`" in done.stderr
    (place / "journal.jsonl").write_bytes(b"".join(journal.splitlines(keepends=True)[:-1]))  # as if it had been killed
    done = cogc_here(*words, cwd=tmp_path)
    assert done.returncode == 0 and "are written anew from the journal" in done.stderr
    assert (place / "state.db.damaged").exists()
    assert cogc_here(*words, cwd=tmp_path).stdout == "y: 4\n"


def test_a_store_that_was_damaged_is_refused_or_shows_all_that_it_held(tmp_path: Path, dice: random.Random) -> None:
    path = tmp_path / "q.db"

    async def fill() -> None:
        async with open_store(f"sqlite:{path}", "queue:") as store:
            queue = ValueQueue(store, "jobs", 30, 3)
            await queue.announce()
            for number in range(40):
                await queue.put({"number": number, "text": "x" * 60})

    trio.run(fill)
    words = ["queue", "list", "--queue", "jobs", "--store", f"sqlite:{path}"]
    whole, data, refused = cogc_here(*words, cwd=tmp_path), path.read_bytes(), 0
    assert len(whole.stdout.splitlines()) == 40
    for what, changed in damaged(data, dice):
        for end in ("-wal", "-shm"):
            Path(f"{path}{end}").unlink(missing_ok=True)
        path.write_bytes(changed)
        done = cogc_here(*words, cwd=tmp_path)
        if done.returncode == 0:
            assert done.stdout == whole.stdout, what
        else:
            assert done.returncode == 2 and done.stderr.count("\n") == 1 and "cannot be used" in done.stderr, (
                what,
                done,
            )
            refused += 1
    assert refused > PLACES


def test_a_store_that_ends_in_the_middle_of_its_last_page_is_refused(tmp_path: Path) -> None:
    """What is missing reads as zeros: a record whose key and value are zeros is none of an earlier version."""
    path, short = tmp_path / "q.db", tmp_path / "short.db"

    async def items(file: Path, count: int = 0) -> list[object]:
        async with open_store(f"sqlite:{file}", "queue:") as store:
            queue = ValueQueue(store, "jobs", 30, 3)
            for number in range(count):
                await queue.put({"number": number, "text": "x" * 60})
            return [item.value for item in await queue.items()]

    refused = 0
    for count in range(30, 54, 2):  # whether the last page has records or keys of an index depends on random keys
        whole = trio.run(items, path, count)
        data = path.read_bytes()
        for cut in range(1, 300, 70):
            short.write_bytes(data[:-cut])
            try:
                assert trio.run(items, short) == whole, f"{cut} bytes are missing"
            except ConnectionError:
                refused += 1
            for end in ("-wal", "-shm"):
                Path(f"{short}{end}").unlink(missing_ok=True)
        if refused:
            break
        path.unlink()
    assert refused

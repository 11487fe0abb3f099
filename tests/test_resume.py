"""A run that goes on from its journal: the trace of its replay is made where somebody takes it, and counted where nobody does."""

from __future__ import annotations

import io
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.run import snapshots
from cogc.run.build import build_session
from cogc.run.journal import VERSION, Journal, Recording, load
from cogc.run.resume import resume
from cogc.run.session import RunOptions, Session, Sinks
from cogc.run.settings import Settings
from cogc.run.state import StateStore
from support.crashes import World
from support.durable import ledger, plan, team
from support.specs import build

TEXT = """
coglet Adder {
  listen x: int
  transmit y: [int]
  state seen: [string] = []
  on x as v { seen = seen + ["message {{ v }}"]
    y <- [v] }
}
coglet Main {
  listen x: int
  transmit y: [int]
  create a = Adder
  link self.x -> a.x
  link a.y -> self.y
}
"""
ROOT = Path(__file__).parent.parent
HEAD: dict[str, object] = {"run": "r", "seed": 0, "order": 0, "epoch": 1, "program": "", "version": VERSION}


def journal(unit: Unit, count: int, *key: str) -> tuple[bytes, Kernel]:
    """Return the journal of a traced run that was killed after so many messages, each with a key or without, and its kernel."""
    kernel, file = Kernel(unit, traced=True), io.BytesIO()
    made = Journal(file, HEAD)
    made.event(kernel, "start", {}, [])
    kernel.start({})
    for number in range(count):
        kernel.run()
        made.event(kernel, "input", "x", number, *([False, f"{key[0]}{number}", "digest", "y"] if key else []))
        kernel.input("x", number)
    kernel.run()
    made.flush()
    return file.getvalue(), kernel


def timeless(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return records but for those of states, without the instants and the name of their run."""
    return [{k: v for k, v in r.items() if k not in ("t", "run")} for r in records if r["kind"] != "state"]


@pytest.mark.parametrize("taken", ["by nobody", "by a listener", "for a key"])
def test_the_trace_of_a_replay_is_counted_although_nobody_takes_it(taken: str) -> None:
    unit = Unit(build(TEXT))
    data, before = journal(unit, 40, *(["k"] if taken == "for a key" else []))
    assert before.trace is not None
    recording, heard = load(data), list[dict[str, Any]]()
    options = RunOptions(run="r", signals=False, stay=True, epoch=1, traced=True)
    sinks = Sinks(journal=Journal.after(io.BytesIO(data), recording), sync=lambda: None, recording=recording)
    session = build_session(unit, options, Settings(), sinks)
    if taken == "by a listener":
        session.taps.listeners.append(heard.extend)
    resume(session, recording)
    kernel = session.kernel
    kernel.run()
    assert kernel.trace is not None and kernel.trace.seq == before.trace.seq and not kernel.trace.quiet
    last, records = kernel.trace.take(), before.trace.take()
    known = records[-len(last) :]
    assert timeless(last) == timeless(known) and len(last) >= 5
    assert heard == [] or timeless(heard) == timeless(records[: -len(last)])
    assert len(heard) == (before.trace.seq - len(last) if taken == "by a listener" else 0)
    changed = [["change" in r for r in found if r["kind"] == "state"] for found in (last, known)]
    assert changed == [[taken != "by nobody"], [True]], "whoever comes then does not know the value before"
    if taken == "for a key":  # the replies are found by the records of the replay
        assert [k[6] for k in session.entries.keys.written()][:2] == [[1, "y", "[0]"], [2, "y", "[1]"]]


def test_a_snapshot_of_the_form_before_goes_on(tmp_path: Path) -> None:
    """Reactions waited for programs alone in it. The outputs are those of the run that had begun it."""
    folder = ROOT / "tests" / "golden" / "journals"
    options = {"sim": True, "later": [(n * 60_000_000, "go", n) for n in (1, 2, 3)], "stop_at": 400_000_000}
    answers = {"ask": [f"a{i}" for i in range(9)]}
    world = World(build((folder / "waiting.cog").read_text()), tmp_path, [], options, answers, epoch=0)
    world.journal = (folder / "snapshot-2.jsonl").read_bytes()
    world.start()
    assert {number: said for number, (_, said) in world.outputs.items()} == {
        4: ["wide", 2, "a6"],
        5: [2, "a5", "a7", 33],
        6: [12, "a8", "a8", 44],
        7: ["wide", 3, "a8"],
        8: [3, "a8", "a8", 55],
        9: [13, "a8", "a8", 66],
    }


@pytest.mark.parametrize("system", [plan, team])
def test_a_run_goes_on_from_a_snapshot_in_the_middle_of_its_work(
    tmp_path: Path, system: Callable[[Path], World]
) -> None:
    """Killed in its middle, the journal begins with a snapshot of a plan, or of the agents of a team, at work. No call is made again whose result had come."""
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole = system(tmp_path / "whole")
    whole.start()
    world = system(tmp_path / "killed")
    world.every = 1
    world.start(at=whole.writes * 2 // 3)
    [first, *_] = load(world.journal).events
    waits = first[3]["kernel"]["waits"]
    assert first[2] == "snapshot" and any(reactions for _, reactions, *_ in waits)
    known, before = world.results(), ledger(world)
    world.start()
    assert load(world.journal).over and world.final() == whole.final()
    after = ledger(world)
    assert known and all(after[f"r-{call}"] == before[f"r-{call}"] for call in known)


PERSISTING = """coglet Main { listen x: string
  transmit y: int
  state seen: [string] = [] persist
  on x as v { seen = seen + [v]
    y <- len(seen) } }"""


def test_a_run_whose_states_cannot_be_saved_goes_on_when_there_is_space(tmp_path: Path) -> None:
    """It has not ended, although its journal could be written: another run would leave out what it had still to do."""
    unit, said = Unit(build(PERSISTING)), list[Any]()

    def start(file: io.BytesIO, pages: int, recording: Recording | None) -> Session:
        states = StateStore(tmp_path / "state.db")
        states.connection.execute(f"PRAGMA max_page_count = {pages}")
        inputs = [("x", "word " * 400)] * 30
        options = RunOptions(
            run="r", epoch=1, sim=True, signals=False, inputs=inputs, on_output=lambda o: said.append(o.value)
        )
        journal = Journal(file, HEAD) if recording is None else Journal.after(file, recording)
        session = build_session(
            unit, options, Settings(), Sinks(journal=journal, states=states, sync=lambda: None, recording=recording)
        )
        states.on_lost = session.states_lost
        trio.run(session.run)
        states.close()
        return session

    file = io.BytesIO()
    full = start(file, 6, None)
    assert full.journal_failed and full.commit is not None and "database or disk is full" in str(full.commit.failed)
    recording = load(file.getvalue())
    assert not recording.over
    again = start(file, 1000, recording)
    assert not again.journal_failed and load(file.getvalue()).over and said[-1] == 30
    with closing(StateStore(tmp_path / "state.db")) as states:
        assert states.kept["Main", "seen"] == ["word " * 400] * 30


def test_a_newline_that_was_changed_is_no_torn_line() -> None:
    """The two last lines have become one then, of which one had been written whole."""
    data, _ = journal(Unit(build(TEXT)), 5)
    place = data.rindex(b"\n", 0, -1)
    for other in (b"\x0b", b" ", b"\x00", b""):
        with pytest.raises(ValueError, match="is broken"):
            load(data[:place] + other + data[place + 1 :])
    torn = load(data[: place + 30])
    assert torn.torn and torn.size == place + 1


def test_a_torn_line_is_told_in_time_whatever_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of a message may end as a line does. Each byte is decoded at most twice."""
    data, _ = journal(Unit(build(TEXT)), 5)
    decode, sizes = msgspec.json.decode, [0]

    def counted(text: bytes, **options: Any) -> Any:
        sizes.append(len(text))
        return decode(text, **options)

    monkeypatch.setattr(msgspec.json, "decode", counted)
    lists = b",".join([b'["x","deadbeef"]'] * 300)
    for tail, is_torn in [
        (b'[9,9,"input","x",[' + lists, True),
        (b'[9,9,"input","x","[\\"' + lists, True),
        (b'[9,9,"input","x",[' + lists + b'],"deadbeef"]["x', False),
    ]:
        sizes.clear()
        try:
            assert load(data + tail + b"\n").torn is is_torn
        except ValueError as error:
            assert not is_torn and "is broken" in str(error)
        assert sum(sizes) < 5 * len(data + tail)


def test_states_whose_file_was_being_made_when_the_run_was_killed_can_be_read(tmp_path: Path) -> None:
    """The journal of SQLite is there still, with pages of the file in it that were written over."""
    made, killed = tmp_path / "made.db", tmp_path / "killed.db"
    with closing(sqlite3.connect(made, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE state (path TEXT, name TEXT, value BLOB, PRIMARY KEY (path, name))")
        connection.execute("INSERT INTO state VALUES ('Main', 'n', x'35')")
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO state VALUES ('Main', ?, ?)", [(str(n), b"7" * 4000) for n in range(50)])
        for end in ("", "-journal"):
            shutil.copy(f"{made}{end}", f"{killed}{end}")
    with closing(StateStore(killed)) as states:
        assert states.kept == {("Main", "n"): 5}


def test_a_snapshot_that_is_larger_than_the_journal_has_grown_is_not_written(tmp_path: Path) -> None:
    """What is written is at most doubled, whether the states are large, or what reactions have found that wait."""
    texts = (
        'coglet Main { listen x: int\n state big: string = "' + "b" * 20_000 + '"\n on x { log info "x" } }',
        """program f() -> int = shell ["false"]
          coglet Main { listen x: int
            state big: [string] = []
            on x as v concurrent 100 { big = [join(["b" for i in range(500)], str(v))]
              let r = f() } }""",
    )
    for text in texts:
        later = [(1_000_000 * n, "x", n) for n in range(40)]
        for share, whole in ((0, False), (1, False), (1, True)):
            world = World(
                build(text),
                tmp_path,
                [],
                {"sim": True, "later": later, "stop_at": 50_000_000},
                every=100,
                share=share,
                whole=whole,
            )
            world.start()
            assert bool(world.snapshots) == (not share)


def test_a_snapshot_that_was_tried_in_vain_is_tried_again_after_a_distance_that_doubles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def taken(kernel: Kernel) -> tuple[None, str]:
        tried.append(kernel.steps)
        return None, "no"

    monkeypatch.setattr("cogc.kernel.trial.taken", taken)
    later = [(1_000_000 * n, "x", n) for n in range(200)]
    options = {"sim": True, "later": later, "stop_at": 300_000_000}
    world = World(build('coglet Main { listen x: int\n on x { log info "x" } }'), tmp_path, [], options, every=100)
    world.start()
    assert 4 < len(tried) < 10 and world.snapshots == 0


def test_a_journal_that_grows_without_a_snapshot_is_said_with_what_stands_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "_LOUD", 500)
    text = """program f(x: int) -> int = shell ["echo", "{{ x }}"] { output: json }
      coglet Main { transmit total: int
        on start { total <- sum([f(i) for i in range(5)]) } }"""
    world = World(build(text), tmp_path, [], every=1)
    world.start()
    why = "`Main` is at work: starting"
    said = f"the journal has grown by 0 MiB without a snapshot, and a resume will replay that: {why}"
    assert 1 <= len(world.logged) <= 3 and set(world.logged) == {said}  # once, and when it has doubled

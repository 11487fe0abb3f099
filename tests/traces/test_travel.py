"""The state of a run at any of its records: it is what the trace tells, whatever checkpoint it comes from."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cogc.kernel.unit import Unit
from cogc.run.replay import Divergence
from cogc.run.retention import CHECKPOINTS
from cogc.run.trace import States
from cogc.traces import checkpoints as checkpoints_module, travel as travel_module
from cogc.traces.travel import NoMoment, Travel
from support.cli import cogc_here
from support.durable import TREE
from support.hostile import HOSTILE, raw_in
from support.paths import ROOT
from support.specs import build
from support.state import state

Record = dict[str, Any]
LINKED = """coglet Source {
  transmit x: int
  state n: int = 0
  every 1s { n = n + 1
    x <- n }
}
coglet Main {
  listen slow: int
  transmit out: int
  state sum: int = 0
  create source = Source
  link source.x -> self.slow
  on slow as v { sum = sum + v
    out <- sum }
}
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recorded run of a system with timers, pools, joins, failures and a program, and its trace."""
    folder = tmp_path_factory.mktemp("tree")
    (folder / "a.cog").write_text(TREE.replace("{x}", "{{ x }}").replace("and n == 0", "and kind >= 10"))
    line = ["run", "a.cog", "--sim", "--for", "700ms", "--input", "go=3", "--record", "j", "--trace=t.jsonl", "--quiet"]
    cogc_here(*line, cwd=folder)
    return folder


@pytest.fixture
def recorded(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that, with a checkpoint at each chance."""
    monkeypatch.setattr(travel_module, "EVERY", 30)
    monkeypatch.setattr(travel_module, "_PORTION", 200)
    monkeypatch.setattr(travel_module, "_SHARE", 1 << 30)
    return Path(shutil.copytree(tree, tmp_path / "copy"))


def unit(folder: Path) -> Unit:
    return Unit(build((folder / "a.cog").read_text(), "Main"))


def records_of(folder: Path) -> list[Record]:
    return [json.loads(line) for line in (folder / "t.jsonl").read_text().splitlines()]


def coglets(state: Record) -> Iterator[Record]:
    yield state
    for child in state["children"]:
        yield from coglets(child)


def told(records: list[Record]) -> dict[tuple[str, str], Any]:
    """Return the states that a trace tells at its end."""
    found: dict[tuple[str, str], Any] = {}
    states = States()
    for record in records:
        whole = states.whole(record)
        if whole["kind"] == "state":
            found[whole["path"], whole["name"]] = whole["data"]
    return found


def test_behind_each_record_the_states_are_those_that_the_trace_tells(recorded: Path) -> None:
    records, travel = records_of(recorded), Travel(recorded / "j", unit(recorded))
    assert len(records) > 200 and {"fail", "restart", "join", "call", "result"} <= {r["kind"] for r in records}
    for seq in range(1, len(records) + 1, 3):
        moment = travel.at(seq)
        own = ("v", "seq", "t", "run", "kind", "path", "cause")
        assert {k: moment.record[k] for k in own} == {k: records[seq - 1][k] for k in own}
        known = told(records[:seq])
        for coglet in coglets(moment.state):
            for name, value in coglet["states"].items():
                if (coglet["path"], name) in known and coglet["restarts"] == 0:
                    assert value == known[coglet["path"], name], (seq, coglet["path"], name)
    with pytest.raises(NoMoment, match=f"the last record of the journal is {len(records)}"):
        travel.at(len(records) + 1)


def test_a_moment_is_the_same_from_a_checkpoint_and_from_the_beginning(recorded: Path) -> None:
    made = unit(recorded)
    travel, plain = Travel(recorded / "j", made), Travel(recorded / "j", made, keeps=False)
    last = len(records_of(recorded))
    travel.at(last)
    known = [found.seq for found in travel.checkpoints.found] if travel.checkpoints is not None else []
    assert len(known) > 3
    for seq in range(5, last, 11):
        one, other = Travel(recorded / "j", made).at(seq), plain.at(seq)
        assert one._replace(since=0) == other, seq
        assert one.since == max([k for k in known if k < seq], default=0) and other.since == 0
    for nanoseconds in (0, 40_000_000, 333_000_000, 10**12):
        assert Travel(recorded / "j", made).last_at(nanoseconds) == plain.last_at(nanoseconds)
        assert plain.last_at(nanoseconds) == max(r["seq"] for r in records_of(recorded) if r["t"] <= nanoseconds / 1e9)


def test_a_checkpoint_that_was_damaged_is_thrown_away(recorded: Path) -> None:
    made = unit(recorded)
    last = len(records_of(recorded))
    expected = Travel(recorded / "j", made).at(last)
    (folder,) = (recorded / f"j{CHECKPOINTS}").iterdir()
    files = sorted(folder.iterdir())
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    whole = files[-1].read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], whole.replace(b'"now"', b'"not"', 1), b"\x00" * 100, whole[65:]):
        files[-1].write_bytes(damaged)
        found = Travel(recorded / "j", made).at(last)
        assert found.state == expected.state and files[-1].read_bytes() == whole  # it is written anew on the way
    assert Travel(recorded / "j", made).at(last).since > 0


def test_a_checkpoint_of_another_journal_or_program_is_not_used(recorded: Path) -> None:
    made = unit(recorded)
    Travel(recorded / "j", made).at(250)
    (folder,) = (recorded / f"j{CHECKPOINTS}").iterdir()
    other = Unit(build((recorded / "a.cog").read_text().replace('"once"', '"twice"'), "Main"))
    found = Travel(recorded / "j", other)
    assert found.is_other and found.at(250).since == 0 and [*(recorded / f"j{CHECKPOINTS}").iterdir()] == [folder]
    lines = (recorded / "j").read_bytes().splitlines(keepends=True)
    (recorded / "j").write_bytes(b"".join([*lines[:40], *lines[41:]]))
    with pytest.raises(ValueError, match="line 41 is broken: it was changed, or a line before it is missing"):
        Travel(recorded / "j", made).at(len(records_of(recorded)))


def test_where_no_checkpoint_can_be_written_the_answer_is_the_same(recorded: Path) -> None:
    made = unit(recorded)
    (recorded / f"j{CHECKPOINTS}").write_text("a file in the place of the folder")
    for _ in range(2):
        moment = Travel(recorded / "j", made).at(250)
        assert moment.since == 0 and moment == Travel(recorded / "j", made, keeps=False).at(250)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_checkpoint_that_is_not_written_to_its_end_leaves_nothing(
    recorded: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    expected = Travel(recorded / "j", unit(recorded), keeps=False).at(250)

    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(checkpoints_module.os, "replace", full)
    travel = Travel(recorded / "j", unit(recorded))
    if isinstance(error, OSError):
        assert travel.at(250) == expected
    else:
        with pytest.raises(KeyboardInterrupt):
            travel.at(250)
    (folder,) = (recorded / f"j{CHECKPOINTS}").iterdir()
    assert list(folder.iterdir()) == []


def test_a_state_that_is_huge_is_shown_by_its_beginning(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(
        "coglet Main { listen n: int\n state s: [int] = []\n on n as x { s = [i for i in range(x)] } }"
    )
    line = ["run", "a.cog", "--sim", "--input", "n=200000", "--input", "n=3 at 1s", "--record", "j", "--quiet"]
    cogc_here(*line, cwd=tmp_path)
    done = cogc_here("inspect", "j", "--at", "500ms", "--spec", "a.cog", "--json", cwd=tmp_path)
    assert len(done.stdout) < 2000 and json.loads(done.stdout)["states"]["s"].startswith("[0, 1, 2")
    done = cogc_here("inspect", "j", "--at", "1s", "--spec", "a.cog", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["states"] == {"s": [0, 1, 2]}


def test_replays_in_several_threads_do_not_disturb_each_other(recorded: Path) -> None:
    made, records = unit(recorded), records_of(recorded)
    expected = {seq: Travel(recorded / "j", made, keeps=False).at(seq).state for seq in range(3, len(records), 29)}
    found: list[Any] = []
    wholes = [[], []]  # type: list[list[Record]]

    def ask() -> None:
        travel = Travel(recorded / "j", made)
        found.extend((seq, travel.at(seq).state) for seq in expected)

    def write(number: int) -> None:
        Travel(recorded / "j", made).write(wholes[number].extend)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    threads += [threading.Thread(target=write, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2 * len(expected) and all(expected[seq] == state for seq, state in found)
    assert [r["seq"] for r in wholes[0]] == [r["seq"] for r in records] and wholes[0] == wholes[1]


def test_checkpoints_take_no_more_than_their_bound(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints_module, "MOST", 20_000)
    travel = Travel(recorded / "j", unit(recorded))
    travel.at(len(records_of(recorded)))
    (folder,) = (recorded / f"j{CHECKPOINTS}").iterdir()
    assert 0 < sum(file.stat().st_size for file in folder.iterdir()) < 30_000
    assert travel.checkpoints is not None and travel.checkpoints.size < 30_000


def test_a_journal_whose_last_line_is_being_written_goes_as_far_as_it_does(recorded: Path) -> None:
    made, whole = unit(recorded), (recorded / "j").read_bytes()
    last = len(records_of(recorded))
    seen = set()
    for size in range(len(whole) // 2, len(whole) // 2 + 200, 7):
        (recorded / "j").write_bytes(whole[:size])
        with pytest.raises(NoMoment) as refused:
            Travel(recorded / "j", made).at(last)
        seen.add(str(refused.value))
    assert 2 < len(seen) < 10


def test_what_waits_in_an_inbox_is_shown(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(LINKED)
    cogc_here("run", "a.cog", "--sim", "--for", "4s", "--record", "j", "--trace=t.jsonl", "--quiet", cwd=tmp_path)
    sent = next(
        r["seq"] for r in records_of(tmp_path) if (r["kind"], r["path"], r["t"]) == ("transmit", "Main/source", 3.0)
    )
    done = cogc_here("inspect", "j", "--spec", "a.cog", "--at", str(sent), "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert found["inboxes"] == [{"channel": "slow", "messages": 1, "capacity": 64, "waiting": [3]}]
    assert found["states"] == {"sum": 3} and found["children"][0]["states"] == {"n": 3}
    assert found["at"]["seq"] == sent and found["at"]["kind"] == "transmit" and found["at"]["t"] == 3.0
    shown = cogc_here("inspect", "j", "--at", "3s", "Main/source", "--spec", "a.cog", cwd=tmp_path)
    assert shown.stdout.splitlines()[1:] == ["Main/source  Source  idle", "  n = 3", "  next timer at 4.000s"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["j", "--at", "0"], 2, "records count from 1"),
        (["j", "--at", "-1"], 2, '--at "-1": write the number of a record, or a time such as 10s'),
        (["j", "--at", "1e99"], 2, '--at "1e99": write the number of a record'),
        (["j", "--at", "9" * 5000], 2, "write the number of a record"),
        (["j", "--at", "-3s"], 2, '--at "-3s": write the number of a record'),
        (["j", "--at", "²"], 2, "write the number of a record"),
        (["j", "--at", "text"], 2, '--at "text": write the number of a record'),
        (["j", "--at", "99999999"], 2, "the last record of the journal is "),
        (["j", "Main/nobody", "--at", "9"], 1, "there is no coglet `Main/nobody`"),
        (["none", "--at", "9"], 2, "there is no file, no instance and no run of one `none`"),
        (["", "--at", "9"], 2, "there is no file, no instance and no run of one ``"),
        (["a.cog", "--at", "9"], 2, "`a.cog` is no journal"),
        (["t.jsonl", "--at", "9"], 2, "`t.jsonl` is no journal"),
        (["--at", "9"], 2, "`cogc inspect --at` takes RUN [PATH]"),
    ],
)
def test_what_an_inspection_refuses(tree: Path, words: list[str], code: int, said: str) -> None:
    done = cogc_here("inspect", *words, "--spec", "a.cog", cwd=tree)
    assert (done.returncode, done.stdout) == (code, "") and said in done.stderr and done.stderr.count("\n") == 1


def test_a_journal_that_does_not_name_its_spec_and_one_of_something_else_are_refused(tree: Path) -> None:
    assert "--spec SPEC names it" in cogc_here("inspect", "j", "--at", "9", cwd=tree).stderr
    done = cogc_here("inspect", "Main", "--spec", "a.cog", cwd=tree)
    assert done.returncode == 2 and "--spec goes with --at" in done.stderr
    path = tree / "sett"
    path.write_text('{"journal":6,"run":"r","seed":1,"epoch":1,"sett":"x","sum":"00000000"}\n')
    assert "line 1" in cogc_here("inspect", "sett", "--at", "9", "--spec", "a.cog", cwd=tree).stderr


@pytest.mark.parametrize(
    ("version", "kept"), [(2, 7), *((n, {"$duration": 5}) for n in (3, 4, 5))], ids=["2", "3", "4", "5"]
)
def test_a_journal_of_an_older_version_is_looked_at(tmp_path: Path, version: int, kept: Any) -> None:
    golden = ROOT / "tests" / "golden" / "journals"
    shutil.copy(golden / f"version-{version}.jsonl", tmp_path / "j")
    done = cogc_here("inspect", "j", "--at", "1h", "--spec", golden / "echo.cog", "--json", cwd=tmp_path)
    assert done.returncode == 0 and json.loads(done.stdout)["states"] == {"kept": [kept, "1m30s"]}


def test_a_text_that_would_do_something_to_a_terminal_is_inert(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(
        "coglet Main { listen x: string\n state s: string\n on x as v { s = v } }".replace(
            "s: string\n", 's: string = ""\n'
        )
    )
    lines = "".join(json.dumps({"t": 0, "channel": "x", "data": text}) + "\n" for text in HOSTILE)
    (tmp_path / "in").write_text(lines)
    line = ["run", "a.cog", "--sim", "--inputs", "in", "--record", "j", "--trace=t.jsonl", "--quiet"]
    cogc_here(*line, cwd=tmp_path)
    set_at = [record["seq"] for record in records_of(tmp_path) if record["kind"] == "state"]
    made = Unit(build((tmp_path / "a.cog").read_text(), "Main"))
    assert [Travel(tmp_path / "j", made).at(seq).state["states"]["s"] for seq in set_at[-len(HOSTILE) :]] == HOSTILE
    for seq in set_at[::9]:
        done = cogc_here("inspect", "j", "--at", str(seq), "--spec", "a.cog", cwd=tmp_path)
        assert done.returncode == 0 and not raw_in(done.stdout.replace("\n", ""))


def test_an_instance_knows_its_program_and_one_that_begins_with_a_snapshot_its_first_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cogc.commands.sinks.EVERY", 1000)
    (tmp_path / "a.cog").write_text(LINKED.replace("coglet Main", "coglet Other"))
    line = ["run", "a.cog", "--root", "Other", "--instance", "i", "--sim", "--for", "90s", "--quiet", "--trace=t.jsonl"]
    assert cogc_here(*line, cwd=tmp_path).returncode == 0
    done = cogc_here("inspect", "i", "--at", "1", cwd=tmp_path)
    assert done.returncode == 2 and "the journal begins with a snapshot behind record " in done.stderr
    first = int(done.stderr.split("record ")[2].split()[0])
    shown = json.loads(cogc_here("inspect", "i", "--at", str(first), "--json", cwd=tmp_path).stdout)
    known = told(records_of(tmp_path)[:first])
    assert shown["path"] == "Other" and shown["states"] == {"sum": known["Other", "sum"]}
    run = json.loads((state(tmp_path) / "instances" / "i" / "journal.jsonl").read_text().splitlines()[0])["run"]
    again = cogc_here("inspect", run[:-2], "--at", str(first), "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["states"] == shown["states"]
    with pytest.raises(Divergence, match="the snapshot with which the journal begins does not fit"):
        Travel(state(tmp_path) / "instances" / "i" / "journal.jsonl", Unit(build(LINKED, "Main"))).at(first, "Main/x")


def test_checkpoints_go_with_their_journal(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(LINKED)
    line = ["run", "a.cog", "--instance", "i", "--sim", "--for", "90s", "--quiet"]
    folder = state(tmp_path) / "instances" / "i" / f"journal.jsonl{CHECKPOINTS}"
    for again in (["runs", "--prune"], line):
        cogc_here(*line, cwd=tmp_path)
        folder.mkdir()
        assert cogc_here(*again, cwd=tmp_path).returncode == 0 and not folder.exists()

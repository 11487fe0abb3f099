"""Runs that go on from a record of another one with something else: what is repeated, what is real, what is refused."""

from __future__ import annotations

import json
import shutil
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cogc.commands import fork
from cogc.commands.usage import UsageError
from cogc.run.instance import LOCK, Lock
from cogc.run.journal import load
from cogc.traces.journals import Named
from support.cli import cogc_here
from support.state import state

JURY = """program ask(q: string) -> {vote: string} = shell ["sh", "-c", "echo $COGC_CALL_ID >> ledger; echo '{\\"vote\\": \\"no\\"}'"] { output: json }
coglet Main(limit: int = 2) {
  listen motion: string
  listen more: int
  transmit verdict: string
  state yes: int = 0
  state asked: int = 0
  on motion as m {
    for i in range(3) {
      asked = asked + 1
      let v = ask("{{ m }}{{ i }}")
      if v.vote == "yes" { yes = yes + 1 }
    }
    if yes >= limit { verdict <- "adopted" } else { verdict <- "rejected" }
  }
  on more as n { yes = yes + n }
}
"""
MODEL = """model m = scripted "m.yml"
program judge(q: string) -> {vote: "yes" | "no"} = llm { model: m, prompt: "Judge {{ q }}" }
coglet Main {
  listen q: string
  transmit vote: string
  on q as x {
    let v = judge(x)
    vote <- v.vote
  }
}
"""


@pytest.fixture
def jury(tmp_path: Path) -> Path:
    """The folder of an instance `a`, whose three calls were answered by no."""
    (tmp_path / "a.cog").write_text(JURY)
    done = cogc_here("run", "a.cog", "--instance", "a", "--input", "motion=x", "--sim", "--trace=t.jsonl", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout == "verdict: rejected\n"
    return tmp_path


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "t.jsonl").read_text().splitlines()]


def seq_of(folder: Path, kind: str, number: int = 0) -> str:
    """Return the number of a record of the run, by its kind."""
    return str([r["seq"] for r in records(folder) if r["kind"] == kind][number])


def calls(folder: Path) -> Counter[str]:
    """Return how often each run has called the program."""
    return Counter(line.rpartition("-")[0] for line in (folder / "ledger").read_text().split())


def journal(folder: Path, name: str) -> Path:
    return state(folder) / "instances" / name / "journal.jsonl"


def test_a_fork_with_another_reply_repeats_nothing_and_is_real_behind_it(jury: Path) -> None:
    before = journal(jury, "a").read_bytes()
    done = cogc_here(
        "fork", "a", "--at", seq_of(jury, "result", 1), "--reply", '{"vote": "yes"}', "--param", "limit=1", cwd=jury
    )
    assert done.returncode == 2 and "not allowed with argument" in done.stderr
    done = cogc_here("fork", "a", "--at", seq_of(jury, "result", 1), "--reply", '{"vote": "yes"}', cwd=jury)
    assert done.returncode == 0 and done.stdout == "verdict: rejected\n"
    assert "instance a-2 goes on behind record" in done.stderr and "what was before is not repeated" in done.stderr
    assert "state       Main yes 1" in done.stderr and "Main asked 2" not in done.stderr
    assert sorted(calls(jury).values()) == [1, 3] and journal(jury, "a").read_bytes() == before
    again = cogc_here("fork", "a-2", "--at", seq_of(jury, "result", 0), "--reply", '{"vote": "yes"}', cwd=jury)
    assert again.returncode == 0 and "instance a-2-2 goes on" in again.stderr
    assert cogc_here("inspect", "a-2", "--at", "1h", "--json", cwd=jury).stdout.count('"yes": 1') == 1
    listed = cogc_here("runs", cwd=jury).stdout
    assert listed.count("ended: done") == 3


def test_what_was_under_way_is_answered_from_the_journal(jury: Path) -> None:
    at = seq_of(jury, "call", 1)
    done = cogc_here("fork", "a", "--at", at, "--message", "more=2", "--as", "b", cwd=jury)
    assert done.returncode == 0 and done.stdout == "verdict: rejected\n"  # the message waits until the motion is done
    assert sorted(calls(jury).values()) == [1, 3]  # the second call was made by the first run, the third by the fork
    assert "0 calls were under way" in done.stderr and "input       Main =>more 2" in done.stderr
    assert '"yes": 2' in cogc_here("inspect", "b", "--at", "1h", "--json", cwd=jury).stdout
    ids = [event[3] for event in load(journal(jury, "b").read_bytes()).events if event[2] == "call"]
    assert ids == [1, 2, 3]


def test_a_message_takes_the_place_of_an_input(jury: Path) -> None:
    done = cogc_here("fork", "a", "--at", seq_of(jury, "input"), "--message", "motion=y", cwd=jury)
    assert done.returncode == 0 and sorted(calls(jury).values()) == [3, 3]
    kinds = [event[2:5] for event in load(journal(jury, "a-2").read_bytes()).events if event[2] == "input"]
    assert kinds == [["input", "motion", "y"]]
    assert 'call        Main ask {"q":"x0"}' in done.stderr and 'call        Main ask {"q":"y0"}' in done.stderr


def test_a_parameter_has_another_value_from_a_record_on(jury: Path) -> None:
    at = seq_of(jury, "result", 2)
    done = cogc_here("fork", "a", "--at", at, "--param", "limit=0", "--output", "json", cwd=jury)
    assert done.returncode == 0 and calls(jury) == {records(jury)[0]["run"]: 3}
    assert json.loads(done.stdout)["data"] == "adopted"
    early = cogc_here("fork", "a", "--at", seq_of(jury, "call", 2), "--param", "limit=0", "--quiet", cwd=jury)
    assert early.stdout == "verdict: adopted\n" and "the first event" not in early.stderr


def test_a_fork_of_a_model_says_what_the_model_says(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(MODEL)
    (tmp_path / "m.yml").write_text("- {vote: 'no'}\n")
    line = ["run", "a.cog", "--input", "q=x", "--sim", "--record", "j", "--trace=t.jsonl"]
    assert cogc_here(*line, cwd=tmp_path).stdout == "vote: no\n"
    at = seq_of(tmp_path, "reply")
    wrong = cogc_here("fork", "j", "--at", at, "--reply", '{"vote": "maybe"}', "--spec", "a.cog", "--sim", cwd=tmp_path)
    assert wrong.returncode == 2 and 'the reply of `judge` is { vote: "yes" | "no" }' in wrong.stderr
    done = cogc_here("fork", "j", "--at", at, "--reply", '{"vote": "yes"}', "--spec", "a.cog", "--sim", cwd=tmp_path)
    assert done.stdout == "vote: yes\n" and done.returncode == 0
    (tmp_path / "other.yml").write_text("- {vote: 'yes'}\n")
    line = ["fork", "j", "--at", seq_of(tmp_path, "input"), "--message", "q=z", "--spec", "a.cog", "--sim"]
    assert cogc_here(*line, "--model", "m=scripted:other.yml", cwd=tmp_path).stdout == "vote: yes\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--at", "0", "--reply", "1"], "records count from 1"),
        (["--at", "-1", "--reply", "1"], '--at "-1": write the number of a record'),
        (["--at", "1e99", "--reply", "1"], "write the number of a record"),
        (["--at", "10s", "--reply", "1"], "--at 10s: a fork begins at a record, by its number"),
        (["--at", "999", "--reply", "1"], "the last record of the journal is 19"),
        (["--at", "9", "--reply", "1"], "record 9 is no reply: it is a record of the kind `state`; the nearest replies are record 7 and record 11"),
        (["--at", "1", "--reply", "1"], "record 1 is no reply: it is a record of the kind `create`; the nearest reply is record 7"),
        (["--at", "10", "--reply", "1"], "record 10 is a call, and not its reply; its reply is record 11"),
        (["--at", "11", "--reply", "1"], "the reply of `ask` is { vote: string }, and `1` is none: expected { vote: string }, got int 1"),
        (["--at", "11", "--reply", "["], "the reply of `ask` is { vote: string }"),
        (["--at", "9", "--message", "nope=1"], "`Main` has no listen channel `nope`; it has `motion`, `more`"),
        (["--at", "9", "--message", "more=x"], "the input `more`: expected int"),
        (["--at", "9", "--message", "more=1 at 3s"], "--message: it comes at the record"),
        (["--at", "9", "--param", "nope=1"], "`Main` has no parameter `nope`; it has `limit`"),
        (["--at", "9", "--param", "limit=x"], "--param limit: expected int"),
        (["--at", "19", "--param", "limit=1"], "the run had ended at record 19"),
        (["--at", "9", "--param", "limit=1", "--as", "a"], "there is an instance `a`"),
        (["--at", "9", "--param", "limit=1", "--as", "../x"], "letters, digits, - and _"),
        (["--at", "9", "--param", "limit=1", "--record", "x"], "--record has no meaning for a fork"),
    ],
)  # fmt: skip
def test_what_a_fork_refuses(jury: Path, words: list[str], said: str) -> None:
    done = cogc_here("fork", "a", *words, cwd=jury)
    assert done.returncode == 2 and said in done.stderr and done.stdout == "", done.stderr
    assert done.stderr.count("\n") == 1 and len(list((state(jury) / "instances").iterdir())) == 1


def test_a_run_that_goes_on_or_was_begun_otherwise_is_not_forked(jury: Path) -> None:
    lock = Lock(state(jury) / "instances" / "a" / LOCK)
    done = cogc_here("fork", "a", "--at", "11", "--reply", "1", cwd=jury)
    lock.release()
    assert done.returncode == 2 and "runs the instance `a`: it can be forked when it is over" in done.stderr


def test_a_spec_that_has_changed_goes_on_if_no_call_departs_before_the_record(jury: Path) -> None:
    (jury / "a.cog").write_text(JURY.replace('"adopted"', '"carried"').replace("limit: int = 2", "limit: int = 1"))
    done = cogc_here("fork", "a", "--at", "15", "--reply", '{"vote": "yes"}', cwd=jury)
    assert done.stdout == "verdict: carried\n"
    assert "the journal was recorded from another version of this program" in done.stderr and done.returncode == 0
    (jury / "a.cog").write_text(JURY.replace("{{ m }}{{ i }}", "{{ m }}"))
    done = cogc_here("fork", "a", "--at", "15", "--reply", '{"vote": "yes"}', cwd=jury)
    assert done.returncode == 2 and "call 1 is another one" in done.stderr and not (jury / "x").exists()


def test_a_journal_that_is_torn_is_forked_before_its_end(jury: Path) -> None:
    whole = journal(jury, "a").read_bytes()
    shutil.copytree(state(jury) / "instances" / "a", state(jury) / "instances" / "torn")
    journal(jury, "torn").write_bytes(whole[:-40])
    done = cogc_here("fork", "torn", "--at", "7", "--reply", '{"vote": "yes"}', cwd=jury)
    assert done.returncode == 0 and "instance torn-2 goes on" in done.stderr and sorted(calls(jury).values()) == [2, 3]


def test_a_fork_that_was_made_in_another_folder_knows_its_spec(jury: Path) -> None:
    (jury / "other").mkdir()
    words = ["--state", state(jury), "--at"]
    done = cogc_here("fork", "a", *words, "15", "--reply", '{"vote": "yes"}', "--as", "b", cwd=jury / "other")
    assert done.returncode == 0, done.stderr
    shown = cogc_here("inspect", "b", *words, "15", cwd=jury / "other")
    assert shown.returncode == 0 and " 15 result " in shown.stdout, shown.stderr


def test_times_and_durations_of_both_runs_are_compared(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(
        "coglet Main { listen x: int\n transmit y: any\n state at: any = null\n on x as v { at = [now(), 90s, v]\n  y <- at } }"
    )
    cogc_here("run", "a.cog", "--sim", "--instance", "a", "--input", "x=1 at 2s", "--trace=t.jsonl", cwd=tmp_path)
    done = cogc_here("fork", "a", "--at", seq_of(tmp_path, "input"), "--message", "x=2", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout == 'y: ["2000-01-01T00:00:02Z","1m30s",2]\n'
    assert 'Main at ["2000-01-01T00:00:02Z","1m30s",1]' in done.stderr
    shown = cogc_here("inspect", "a", "--at", seq_of(tmp_path, "state"), cwd=tmp_path)
    assert '["2000-01-01T00:00:02Z", "1m30s", 1]' in shown.stdout and shown.returncode == 0


def test_two_forks_are_two_runs_and_are_compared_without_a_trace(jury: Path) -> None:
    for name in ("b", "c"):
        line = ["fork", "a", "--at", seq_of(jury, "result", 1), "--reply", '{"vote": "yes"}', "--as", name, "--quiet"]
        assert cogc_here(*line, cwd=jury).returncode == 0
    runs = {load(journal(jury, name).read_bytes()).head["run"] for name in ("a", "b", "c")}
    assert len(runs) == 3
    assert cogc_here("trace", "diff", "b", "c", cwd=jury).stdout == "the traces have the same events\n"
    done = cogc_here("trace", "diff", "t.jsonl", "b", cwd=jury)
    assert done.returncode == 3 and "b: the first event that the other one does not have" in done.stdout
    assert 'Main {"vote":"yes"}' in done.stdout and 'Main {"vote":"no"}' in done.stdout
    done = cogc_here("trace", "diff", "t.jsonl", "none", cwd=jury)
    assert done.returncode == 2 and "there is no file, no instance and no run `none`" in done.stderr


@pytest.mark.parametrize(
    ("command", "why", "instead"),
    [
        ("serve", "a fork has no door", "cogc inspect RUN --at SEQ"),
        ("runtime", "its programs and messages came with requests", "cogc runtime replay FILE --trace T"),
        ("exec", "those of `cogc run` can be forked", "cogc inspect RUN --at SEQ"),
    ],
)
def test_runs_of_other_commands_are_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, command: str, why: str, instead: str
) -> None:
    begun = {"words": [command, "a.cog"]}
    monkeypatch.setattr(fork.journals, "named", lambda *_: Named(Path("x"), None, begun))
    parser = ArgumentParser()
    fork.arguments(parser)
    with pytest.raises(UsageError) as refused:
        fork.run(parser.parse_args(["x", "--at", "1", "--reply", "y"]))
    assert f"is a run of `cogc {command}`: {why}" in str(refused.value) and instead in str(refused.value)

"""`cogc trace bisect`: the first reply that changes the outcome of a run, between two recorded runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import trio

from cogc.diagnostics.problems import Problems
from cogc.kernel.unit import Unit
from cogc.loading import bundle_of
from cogc.run.build import build_session
from cogc.run.journal import VERSION, Journal
from cogc.run.options import RunOptions, Sinks
from cogc.run.settings import Settings
from cogc.traces import bisection
from cogc.traces.travel import Travel
from support.cli import cogc_here
from support.waiting import until

JURY = """program ask(i: int) -> {vote: string} = python "votes:ask"
coglet Main(limit: int = 3) {
  listen motion: string
  transmit verdict: string
  transmit count: int
  state yes: int = 0
  on motion as m {
    for i in range(8) {
      let v = ask(i)
      if v.vote == "yes" { yes = yes + 1 }
    }
    count <- yes
    if yes >= limit { verdict <- "adopted" } else { verdict <- "rejected" }
  }
}
"""
ALL_AT_ONCE = JURY.replace("""    for i in range(8) {
      let v = ask(i)
      if v.vote == "yes" { yes = yes + 1 }
    }
""", """    let votes = parallel [ask(i) for i in range(8)]
    yes = len([v for v in votes if v.vote == "yes"])
""")  # fmt: skip
STOPS_EARLY = JURY.replace("""      let v = ask(i)
      if v.vote == "yes" { yes = yes + 1 }
""", """      if yes < limit {
        let v = ask(i)
        if v.vote == "yes" { yes = yes + 1 }
      }
""")  # fmt: skip
VOTES = """def ask(i):
    with open("votes") as file:
        return {"vote": file.read().split()[i]}
"""
MODEL = """model m = scripted "m.yml"
program judge(q: string) -> {vote: "yes" | "no"} = llm { model: m, prompt: "Judge {{ q }}" }
coglet Main {
  listen q: string
  transmit vote: string
  state seen: int = 0
  on q as x {
    let v = judge(x)
    let w = judge("{{ x }} again")
    let z = judge("{{ v.vote }} and {{ w.vote }}")
    seen = seen + 1
    vote <- z.vote
  }
}
"""


def record(folder: Path, name: str, votes: str, motion: str = "x") -> None:
    """Record a run whose calls are answered by the letters of a text: y or n."""
    (folder / "votes.py").write_text(VOTES)
    (folder / "votes").write_text(" ".join("yes" if letter == "y" else "no" for letter in votes))
    line = ["run", "a.cog", "--sim", "--input", f"motion={motion}", "--record", name, "--quiet"]
    assert cogc_here(*line, cwd=folder).returncode == 0


def found(folder: Path, *words: str) -> dict[str, Any]:
    done = cogc_here("trace", "bisect", *words, "--spec", "a.cog", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("spec", [JURY, ALL_AT_ONCE, STOPS_EARLY], ids=["in turn", "at once", "stops early"])
@pytest.mark.parametrize(
    ("one", "other", "call"), [("nnnnnnnn", "ynynnyyn", 5), ("ynnnnnny", "nynnyyyy", 4), ("yyynnnnn", "nnnnnnnn", 0)]
)
def test_the_reply_with_which_the_outcome_turns_is_found(
    tmp_path: Path, spec: str, one: str, other: str, call: int
) -> None:
    (tmp_path / "a.cog").write_text(spec)
    record(tmp_path, "one", one)
    record(tmp_path, "other", other)
    result = found(tmp_path, "one", "other", "--outcome", "verdict[0]")
    assert result["outcomes"][0] != result["outcomes"][1] == result["outcomes"][2]
    assert result["program"] == "ask" and f'"i": {call}' in result["asked"] and result["path"] == "Main"
    replies = ["yes" if votes[call] == "y" else "no" for votes in (one, other)]
    assert [reply["vote"] for reply in result["replies"]] == replies
    assert result["place"].endswith("a.cog:1:1") and result["tried"] <= 4


def test_without_an_expression_the_outcome_are_the_last_messages_and_both_are_shown(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(JURY)
    record(tmp_path, "one", "nnnnnnnn")
    record(tmp_path, "other", "nnyynnnn")
    done = cogc_here("trace", "bisect", "one", "other", "--spec", "a.cog", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.splitlines() == [
        "the reply of `ask` to Main changes the outcome: it is number 1 of 2 that differ",
        '  asked  {"i": 2} as []',
        "  spec   a.cog:1:1",
        '  one: {"vote": "no"}  (record 12)',
        '  other: {"vote": "yes"}  (record 12)',
        "outcome",
        '  one: {"count": 0, "verdict": "rejected"}',
        '  one with the replies of other up to this one: {"count": 1, "verdict": "rejected"}',
        '  other: {"count": 2, "verdict": "rejected"}',
        "2 runs were tried",
    ]


def test_where_a_run_asks_what_neither_has_asked_that_is_its_outcome(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(MODEL)
    for name, replies in (("one", "nnn"), ("other", "yyy")):
        votes = ["yes" if r == "y" else "no" for r in replies]
        (tmp_path / "m.yml").write_text("".join(f"- {{vote: '{vote}'}}\n" for vote in votes))
        line = ["run", "a.cog", "--sim", "--input", "q=x", "--record", name, "--quiet"]
        cogc_here(*line, cwd=tmp_path)
    result = found(tmp_path, "one", "other")
    assert result["replies"] == ['{"vote":"no"}', '{"vote":"yes"}'] and result["number"] == 1
    assert result["outcomes"][0] == {"vote": "no"} and result["outcomes"][2] == {"vote": "yes"}
    what, asked = result["outcomes"][1]
    assert what == "unknown" and "Judge yes and no" in asked


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with recorded runs of all kinds."""
    folder = tmp_path_factory.mktemp("several")
    (folder / "a.cog").write_text(JURY.replace("ask(i)", "ask(i + len(m) - 1)"))
    record(folder, "one", "nnnnnnnnn")
    record(folder, "other", "yyyyyyyyn")
    record(folder, "moved", "nnnnnnnny", "xx")
    whole = (folder / "other").read_bytes()
    (folder / "torn").write_bytes(whole[:-60])
    (folder / "broken").write_bytes(b"".join([*whole.splitlines(True)[:3], *whole.splitlines(True)[4:]]))
    return folder


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["one", "one"], 3, 'both runs have the same outcome: {"count": 0, "verdict": "rejected"}'),
        (["one", "moved"], 3, "no question of both runs was answered differently"),
        (["one", "other", "--outcome", "count == "], 2, "--outcome: "),
        (["one", "other", "--outcome", "nope"], 2, "--outcome: there is no `nope` here"),
        (["one", "none"], 2, "there is no file, no instance and no run of one `none`"),
        (["one", "a.cog"], 2, "`a.cog` is no journal"),
        (["one", "torn"], 0, "changes the outcome"),
        (["one", "broken"], 2, "line 4 is broken"),
    ],
)
def test_what_a_search_says_where_there_is_nothing_to_find(
    several: Path, words: list[str], code: int, said: str
) -> None:
    done = cogc_here("trace", "bisect", *words, "--spec", "a.cog", cwd=several)
    assert done.returncode == code and said in done.stdout + done.stderr, done.stderr


def test_a_fork_is_compared_with_what_it_was_forked_from(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(JURY)
    (tmp_path / "votes.py").write_text(VOTES)
    (tmp_path / "votes").write_text("yes " * 2 + "no " * 6)
    cogc_here("run", "a.cog", "--instance", "a", "--sim", "--input", "motion=x", "--quiet", cwd=tmp_path)
    shown = cogc_here("view", "a", "--pane", "messages", cwd=tmp_path).stdout
    at = [line.split()[1] for line in shown.splitlines() if " result " in line][4]
    forked = cogc_here("fork", "a", "--at", at, "--reply", '{"vote": "yes"}', "--as", "b", "--quiet", cwd=tmp_path)
    assert forked.stdout == "count: 3\nverdict: adopted\n"
    done = cogc_here("trace", "bisect", "a", "b", "--outcome", "verdict[0]", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["records"] == [int(at), int(at)] and done.returncode == 0
    steered = cogc_here("fork", "a", "--at", at, "--param", "limit=1", "--as", "c", "--quiet", cwd=tmp_path)
    assert steered.stdout == "count: 2\nverdict: adopted\n"
    done = cogc_here("trace", "bisect", "a", "c", cwd=tmp_path)
    assert done.returncode == 3 and "they differ in what came from outside" in done.stderr


def test_what_people_do_to_a_run_comes_again(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(JURY)
    (tmp_path / "votes.py").write_text(VOTES)
    (tmp_path / "votes").write_text("no " * 5 + "yes " + "no " * 2)
    cogc_here("run", "a.cog", "--instance", "a", "--sim", "--input", "motion=x", "--quiet", cwd=tmp_path)
    shown = cogc_here("view", "a", "--pane", "messages", cwd=tmp_path).stdout
    at = [line.split()[1] for line in shown.splitlines() if " result " in line]
    steered = cogc_here("fork", "a", "--at", at[0], "--param", "limit=1", "--as", "b", "--quiet", cwd=tmp_path)
    assert steered.stdout == "count: 1\nverdict: adopted\n"
    shown = cogc_here("view", "b", "--pane", "messages", cwd=tmp_path).stdout
    sixth = [line.split()[1] for line in shown.splitlines() if " result " in line][5]
    other = cogc_here("fork", "b", "--at", sixth, "--reply", '{"vote": "no"}', "--as", "c", "--quiet", cwd=tmp_path)
    assert other.stdout == "count: 0\nverdict: rejected\n"
    done = cogc_here("trace", "bisect", "b", "c", "--outcome", "verdict[0]", "--json", cwd=tmp_path)
    result = json.loads(done.stdout)
    assert result["records"] == [int(sixth)] * 2 and result["outcomes"] == ["adopted", "rejected", "rejected"]


TELLER = """program ask(i: int) -> {vote: string} = python "votes:ask"
coglet Teller = python "teller:Teller" {
  listen vote: string
  transmit total: int
}
coglet Main {
  listen motion: string
  transmit verdict: string
  create teller = Teller
  on motion as m {
    for i in range(8) {
      let v = ask(i)
      teller.vote <- v.vote
    }
  }
  on teller.total as n { verdict <- "adopted" if n >= 3 else "rejected" }
}
"""
COUNTS = """from cogc.sdk import Coglet, LifeLet, listen


class Teller(Coglet, LifeLet):
    def __init__(self):
        self.yes = self.seen = 0

    @listen("vote")
    async def vote(self, vote):
        self.seen += 1
        self.yes += vote == "yes"
        if self.seen == 8:
            with open("luck") as file:
                await self.transmit("total", self.yes + int(file.read()))
"""


@pytest.fixture
def told_by_python(tmp_path: Path) -> Path:
    (tmp_path / "a.cog").write_text(TELLER)
    (tmp_path / "teller.py").write_text(COUNTS)
    (tmp_path / "luck").write_text("0")
    record(tmp_path, "one", "nynynnnn")
    record(tmp_path, "other", "nnynyyyn")
    return tmp_path


def test_coglets_in_python_run_again_if_that_is_wanted(told_by_python: Path) -> None:
    done = cogc_here("trace", "bisect", "one", "other", "--spec", "a.cog", cwd=told_by_python)
    assert done.returncode == 2 and "coglets in Python (`Teller`)" in done.stderr and "help: --python" in done.stderr
    alone = cogc_here("trace", "bisect", "one", "other", "--workspace", ".", "--spec", "a.cog", cwd=told_by_python)
    assert alone.returncode == 2 and "--workspace is for --python" in alone.stderr
    result = found(told_by_python, "one", "other", "--python")
    assert result["outcomes"][0] == {"verdict": "rejected"} and result["outcomes"][1] == {"verdict": "adopted"}
    assert (result["asked"], result["number"], result["differing"]) == ('{"i": 5} as []', 5, 6)


def test_python_that_does_something_else_each_time_is_not_searched(told_by_python: Path) -> None:
    (told_by_python / "luck").write_text("100")
    words = ("trace", "bisect", "one", "other", "--spec", "a.cog", "--python")
    done = cogc_here(*words, cwd=told_by_python)
    assert done.returncode == 3 and "`Teller` does not do again what it did" in done.stderr, done.stderr


def test_orders_of_a_service_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs whose messages came as orders, as a service gets them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "votes.py").write_text(VOTES)
    (tmp_path / "a.cog").write_text(JURY)
    bundle = bundle_of(str(tmp_path / "a.cog"), None, frozenset(), Problems())
    assert bundle is not None
    unit, travels = Unit(bundle), []
    for name, letters in (("one", "ynnnnnnn"), ("other", "yynnynnn")):
        (tmp_path / "votes").write_text(" ".join("yes" if letter == "y" else "no" for letter in letters))
        travels.append(Travel(_served(tmp_path / name, unit, tmp_path), unit, keeps=False))
    assert any('"order"' in line for line in (tmp_path / "one").read_text().splitlines())
    recorded = [bisection.recorded_run(travel) for travel in travels]
    result = bisection.search(travels[0], *recorded, lambda outputs, _ended: outputs.get("verdict"))
    assert result.outcomes == (["rejected"], ["adopted"], ["adopted"]) and result.number == result.differing == 2


def _served(path: Path, unit: Unit, folder: Path) -> Path:
    """Record a run to whose root somebody else gives an order."""
    head = {
        "run": "r",
        "seed": 1,
        "order": 0,
        "epoch": 10**18,
        "program": unit.bundle.hash,
        "version": VERSION,
        "budget": {},
    }
    with path.open("wb") as file:
        journal = Journal(file, head)
        options = RunOptions(sim=True, seed=1, epoch=10**18, run="r", stay=True, signals=False, keep=None)
        made = build_session(unit, options, Settings(str(folder)), Sinks(journal=journal))

        async def main() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(made.run)
                await made.begun.wait()
                await made.orders.send("input", "Main", "motion", "x")
                await until(lambda: "verdict" in made.outputs)
                made.stop()

        trio.run(main)
        journal.flush()
    return path

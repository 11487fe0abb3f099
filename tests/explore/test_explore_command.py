"""`cogc explore` as its users see it: its report, its bounds, its tokens, what it refuses, the examples."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from support.cli import cogc, cogc_here
from support.paths import EXAMPLES, ROOT

BUGS = Path(__file__).parent / "bugs"
BANK = ("explore", "lost_update.cog", "--input", "go=1", "--confluent")


def page() -> str:
    return (ROOT / "specs" / "explore.md").read_text(encoding="utf-8")


def test_the_report_of_the_page_is_what_the_command_prints(tmp_path: Path) -> None:
    (spec,) = re.findall(r"^```cog\n(.*?)^```", page(), re.M | re.S)
    (tmp_path / "bank.cog").write_text(spec, encoding="utf-8")
    (shown,) = re.findall(r"^```console\n\$ (.*?)\n(.*?)^```", page(), re.M | re.S)
    done = cogc(*shlex.split(shown[0])[1:], cwd=tmp_path)
    assert done.returncode == 3 and done.stderr == ""
    assert re.sub(r"cg1-[\w-]+", "cg1-...", done.stdout) == shown[1]


def test_the_command_of_a_report_repeats_it() -> None:
    first = cogc_here(*BANK, cwd=BUGS).stdout
    again = next(line for line in first.splitlines() if "again: " in line).partition("again: ")[2]
    second = cogc_here(*shlex.split(again)[1:], cwd=BUGS)
    assert second.returncode == 3
    assert second.stdout.splitlines()[:-1] == first.splitlines()[:-1]
    assert second.stdout.splitlines()[-1] == "failed: 1 race, repeated"


def test_a_token_of_something_else_or_a_broken_one_is_refused(tmp_path: Path) -> None:
    token = json.loads(cogc_here(*BANK, "--json", cwd=BUGS).stdout)["failure"]["token"]
    for words in (["explore", "stale_read.cog", "--input", "go=1"], [*BANK, "--input", "go=2"], [*BANK, "--for", "3s"]):
        done = cogc_here(*words, "--replay", token, cwd=BUGS)
        assert done.returncode == 2 and "the token is of another program, or of other inputs" in done.stderr
    for broken in (
        "cg1-",
        "cg2-abc",
        "",
        token[:-9],
        token[:9] + "?" + token[10:],
        "cg1-eNqLjgUAARUAuQ",
        "cg1-" + "A" * 500,
    ):
        done = cogc_here(*BANK, "--replay", broken, cwd=BUGS)
        assert done.returncode == 2 and done.stderr.startswith("cogc: --replay: ") and done.stderr.count("\n") == 1, (
            broken
        )


def test_a_comment_in_the_spec_leaves_a_token_as_it_is_and_a_change_does_not(tmp_path: Path) -> None:
    text = (BUGS / "lost_update.cog").read_text()
    spec = tmp_path / "lost_update.cog"
    spec.write_text(text)
    token = json.loads(cogc_here(*BANK, "--json", cwd=tmp_path).stdout)["failure"]["token"]
    spec.write_text("# a comment\n" + text)
    assert cogc_here(*BANK, "--replay", token, cwd=tmp_path).returncode == 3
    spec.write_text(text.replace("t.n + 1", "t.n + 2"))
    assert cogc_here(*BANK, "--replay", token, cwd=tmp_path).returncode == 2


def test_diagrams_are_written_and_nothing_else_is_overwritten(tmp_path: Path) -> None:
    spec = tmp_path / "lost_update.cog"
    spec.write_text((BUGS / "lost_update.cog").read_text())
    for _ in range(2):
        done = cogc_here(*BANK, "--svg", "a.svg", "--mermaid", "a.mmd", cwd=tmp_path)
        assert done.returncode == 3
    assert (tmp_path / "a.svg").read_text().count("<path class=") == 2
    assert (tmp_path / "a.mmd").read_text().count("-->") == 2
    for file in ("lost_update.cog", "notes.txt"):
        (tmp_path / "notes.txt").write_text("mine")
        done = cogc_here(*BANK, "--svg", file, cwd=tmp_path)
        assert done.returncode == 2 and "is not overwritten" in done.stderr
    lost = cogc_here(*BANK, "--svg", "nowhere/a.svg", cwd=tmp_path)
    assert lost.returncode == 2 and "cannot write `nowhere/a.svg`" in lost.stderr and "again: " in lost.stdout


@pytest.mark.parametrize(
    "text, words",
    [
        ('program p() -> string = shell ["true"]\ncoglet Main { listen go: int\n  transmit o: string\n  on go { o <- p() } }', "program `p` (shell) would call the world"),
        ('model m = anthropic "claude-haiku-5-5"\nagent Main { model: m\n  system: "x" }', "model `m` would be asked for real"),
        ("queue q: int = memory\ncoglet Main { transmit o: int\n  on q as n { o <- n }\n  on start { q <- 1 } }", "a queue of the language"),
        ('plan Main {\n  goal: "g"\n  approve: system\n  step a: 1\n}', "a plan is kept in a store outside of the run"),
    ],
)  # fmt: skip
def test_what_would_call_the_world_is_refused(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(text)
    done = cogc_here("explore", "a.cog", "--root", "Main", cwd=tmp_path)
    assert done.returncode == 2 and words in done.stderr and done.stdout == ""


@pytest.mark.parametrize("words", [["--runs", 0], ["--faults", -1], ["-n", 0], ["--never", "nope > 1"], ["--time", "x"], ["--for", "x"], ["--input", "nope=1"], ["--fault", "x"]])  # fmt: skip
def test_a_wrong_option_is_refused(words: list[object]) -> None:
    done = cogc_here(*BANK, *words, cwd=BUGS)
    assert done.returncode == 2 and done.stdout == "" and done.stderr


def test_a_bound_is_named() -> None:
    many = (
        "explore",
        "bounded_buffer.cog",
        *[w for n in range(6) for w in ("--input", f"left={n}", "--input", f"right={n + 10}")],
    )
    few = cogc_here(*many, "--runs", 3, cwd=BUGS)
    assert few.returncode in (0, 3)
    done = cogc_here("explore", "stale_read.cog", "--input", "go=1", "--runs", 1, cwd=BUGS)
    assert (
        done.returncode == 0 and done.stdout.startswith("not complete: 1 order") and "--runs 1 are made" in done.stdout
    )
    late = cogc_here("explore", "stale_read.cog", "--input", "go=1", "--time", "0s", cwd=BUGS)
    assert late.returncode == 0 and late.stdout.endswith("--time 0s is over; no failure\n")


LOSES = """
coglet W { listen x: int
  transmit y: int
  on x as n { stop self } }
coglet Main { listen go: int
  create w = W
  link self.go -> w.x
  on w.y as n when false { log info n } }
"""


def test_a_dead_letter_is_a_failure_if_that_is_asked(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(LOSES)
    words = ("explore", "a.cog", "--input", "go=1", "--input", "go=2")
    assert cogc_here(*words, cwd=tmp_path).returncode == 0
    done = cogc_here(*words, "--dead-letters", cwd=tmp_path)
    assert done.returncode == 3 and "messages were lost: " in done.stdout


def test_a_run_without_end_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(
        "coglet A { listen x: int\n transmit y: int\n on x as n { y <- n } }\n"
        "coglet Main { listen go: int\n create a = A\n create b = A\n link self.go -> a.x\n link a.y -> b.x\n link b.y -> a.x { feedback: true } }"
    )
    done = cogc_here("explore", "a.cog", "--input", "go=1", cwd=tmp_path)
    assert done.returncode == 3 and "had not ended after 5,000 events" in done.stdout


TESTS = """
import "lost_update.cog"

coglet Bank {
  listen go: int
  transmit told: int
  create account = Account
  create a = Client(name: "a")
  create b = Client(name: "b")
  link self.go -> a.go
  link self.go -> b.go
  link a.ask -> account.ask
  link b.ask -> account.ask
  link account.told -> a.told { feedback: true }
  link account.told -> b.told { feedback: true }
  link a.put -> account.put
  link b.put -> account.put
  on account.told as t { told <- t.n }
}

test "one is seen" {
  use Bank
  send self.go <- 1
  send self.go <- 2 at 1s
  run 2s
  expect 1 in told
}

test "two is not" {
  use Bank
  send self.go <- 1
  send self.go <- 2 at 1s
  run 2s
  expect not (2 in told)
}

test "each number" {
  use Bank
  for all x in ints(0, 3)
  send self.go <- x
  run 1s
  expect len(told) > 0
}
"""


@pytest.fixture
def tested(tmp_path: Path) -> Path:
    (tmp_path / "lost_update.cog").write_text((BUGS / "lost_update.cog").read_text())
    (tmp_path / "bank_test.cog").write_text(TESTS)
    return tmp_path


def test_a_test_is_explored(tested: Path) -> None:
    done = cogc_here("explore", "bank_test.cog", "--test", "one is seen", cwd=tested)
    assert done.returncode == 0 and re.fullmatch(r"complete: [\d,]+ orders; no failure\n", done.stdout), (
        done.stdout + done.stderr
    )
    failed = json.loads(cogc_here("explore", "bank_test.cog", "--test", "two", "--json", cwd=tested).stdout)["failure"]
    assert failed["kind"] == "expect" and failed["place"].startswith("bank_test.cog:") and len(failed["races"]) == 1
    again = cogc_here("explore", "bank_test.cog", "--test", "two", "--replay", failed["token"], cwd=tested)
    assert again.returncode == 3 and "`put" in again.stdout


def test_the_explore_of_a_test_gives_its_bounds_and_the_command_line_goes_first(tested: Path) -> None:
    text = (tested / "bank_test.cog").read_text()
    (tested / "bank_test.cog").write_text(text.replace('seen" {', 'seen" {\n  explore { runs: 3, faults: 1 }'))
    first = json.loads(
        cogc_here("explore", "bank_test.cog", "--test", "seen", "--fault", "drop", "--json", cwd=tested).stdout
    )
    assert first["bound"] == "runs" and first["runs"] >= 3 and first["plans"] > 1
    second = cogc_here("explore", "bank_test.cog", "--test", "seen", "--faults", 0, "--runs", 500, "--json", cwd=tested)
    assert json.loads(second.stdout)["complete"] and json.loads(second.stdout)["plans"] == 1


@pytest.mark.parametrize(
    "words, said",
    [
        (["--test", "nope"], "name one of the tests: `one is seen`"),
        (["--test", "is"], "name one of the tests: `one is seen`, `two is not`"),
        (["--test", "each"], "has a `for all`"),
        (["--test", "two", "--until", "told"], "--until is for a spec without --test"),
    ],
)
def test_a_test_that_cannot_be_explored_is_refused(words: list[str], said: str, tested: Path) -> None:
    done = cogc_here("explore", "bank_test.cog", *words, cwd=tested)
    assert done.returncode == 2 and said in done.stderr and done.stdout == ""


@pytest.mark.parametrize(
    "test, said",
    [
        (
            'use P\n  send self.goal <- ""\n  run until result',
            "for real: its plan is kept in a store outside of the run",
        ),
        ("use Main\n  script p { real }\n  send self.go <- 1\n  run 1s", "for real: script `p` to explore it"),
    ],
)
def test_a_test_that_needs_the_world_is_refused_with_what_it_needs(test: str, said: str, tmp_path: Path) -> None:
    plan = 'plan P {\n  goal: "g"\n  approve: system\n  step a: 1\n}\n'
    main = 'program p() -> string = shell ["true"]\ncoglet Main {\n  listen go: int\n  on go { p() }\n}\n'
    (tmp_path / "a.cog").write_text(f'{plan}{main}test "t" {{\n  {test}\n}}\n')
    done = cogc_here("explore", "a.cog", "--test", "t", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and said in done.stderr


def test_a_spec_without_tests_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text("coglet Main { }\n")
    done = cogc_here("explore", "a.cog", "--test", "t", cwd=tmp_path)
    assert done.returncode == 2 and "`a.cog` has no tests" in done.stderr


def run_with(seed: int, *words: object) -> str:
    given = ("--input", "go=1", "--sim", "--trace", f"{words[0]}/{seed}.jsonl", "--seed", seed, *words[1:])
    done = cogc_here("run", BUGS / "lost_update.cog", *given)
    assert done.returncode == 0, done.stderr
    text = Path(f"{words[0]}/{seed}.jsonl").read_text()
    return " ".join(re.findall(r'"kind":"deliver".*?"coglet":"([^"]*)"', text)) or text


def test_a_seed_of_a_run_is_an_order_and_zero_is_the_usual_one(tmp_path: Path) -> None:
    first = {seed: run_with(seed, tmp_path) for seed in range(6)}
    assert first == {seed: run_with(seed, tmp_path) for seed in range(6)}
    assert len({re.sub(r'"run":"[^"]*"', "", t) for t in first.values()}) > 2


def test_a_recorded_run_with_a_seed_is_replayed_in_its_order(tmp_path: Path) -> None:
    for seed in (0, 3, 5):
        words = ("run", BUGS / "lost_update.cog", "--input", "go=1", "--sim", "--seed", seed)
        made = cogc_here(*words, "--record", "j.jsonl", "--trace", "a.jsonl", cwd=tmp_path)
        again = cogc_here("run", BUGS / "lost_update.cog", "--replay", "j.jsonl", "--trace", "b.jsonl", cwd=tmp_path)
        assert (made.returncode, again.returncode) == (0, 0), again.stderr
        assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


EXPLORED = {
    "counter/counter.cog": ["--for", "3s"],
    "crash/crash.cog": [],
    "sensor/sensor.cog": ["--for", "5s"],
    "tree/tree.cog": ["--for", "1s"],
    "trial/trial.cog": ["--root", "Trial", "--input", "motion=Tabs"],
    "triage/triage.cog": ["--input", "message=hello"],
}


@pytest.mark.parametrize("name", EXPLORED)
def test_an_example_fails_in_no_order(name: str) -> None:
    done = cogc_here("explore", EXAMPLES / name, *EXPLORED[name], "--runs", 60, "--time", "10s")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.match(r"complete: |not complete: .* --runs 60 are made", done.stdout), done.stdout


OTHERS = sorted(
    {p.name for p in EXAMPLES.iterdir() if p.is_dir()} - {n.partition("/")[0] for n in EXPLORED} - {"mistakes"}
)


@pytest.mark.parametrize("name", OTHERS)
def test_another_example_is_explored_or_refused_in_one_line(name: str) -> None:
    folder = EXAMPLES / name
    spec = folder if (folder / "manifest.toml").exists() else min(folder.glob("*.cog"), key=lambda p: len(p.name))
    done = cogc_here("explore", spec, "--runs", 5, "--time", "5s")
    refused = done.returncode == 2 and done.stdout == "" and done.stderr.startswith("cogc: ")
    assert refused or done.returncode == 0, done.stdout + done.stderr


TESTED = sorted(str(p.relative_to(EXAMPLES)) for p in EXAMPLES.rglob("*_test.cog"))


@pytest.mark.parametrize("path", TESTED)
def test_a_test_of_an_example_is_explored_or_what_it_depends_on_is_at_most_two_races(path: str) -> None:
    text = (EXAMPLES / path).read_text(encoding="utf-8")
    for name in re.findall(r'^test "([^"]*)"', text, re.M):
        words = ("--test", name, "--runs", 10, "--faults", 0, "--time", "3s")
        done = cogc_here("explore", EXAMPLES / path, *words, cwd=EXAMPLES)
        if done.returncode == 2:
            assert re.search("for all|for real|about a sett", done.stderr), done.stderr
        elif done.returncode == 3:
            assert re.search(r"^failed: [12] races?, found", done.stdout, re.M), (name, done.stdout)
        else:
            assert re.match("complete: |not complete: ", done.stdout), (name, done.stdout, done.stderr)


LATE = """
coglet Main {
  listen a: int
  listen b: int
  transmit both: int
  state seen: bool = false
  on a as x { seen = true }
  on b as x when seen { both <- x }
}
"""


def test_times_of_inputs_become_round(tmp_path: Path) -> None:
    (tmp_path / "late.cog").write_text(LATE)
    words = ["--input", "a=1 at 1s234ms", "--input", "b=2 at 71s7ms", "--never", "both", "--for", "5m"]
    done = cogc_here("explore", "late.cog", *words, cwd=tmp_path)
    assert done.returncode == 3, done.stdout
    assert "  `a` at 0s, in place of 1.234s\n" in done.stdout and "  `b` at 0s, in place of 1m11.007s\n" in done.stdout
    token = re.search(r"cg1-\S+", done.stdout)
    assert token is not None
    again = cogc_here("explore", "late.cog", *words, "--replay", token[0], cwd=tmp_path)
    assert again.returncode == 3 and "`a` at 0s, in place of 1.234s" in again.stdout


def test_a_time_that_the_failure_needs_stays_as_round_as_it_can(tmp_path: Path) -> None:
    system = LATE.replace("on a as x { seen = true }", "on a as x debounce 3s { seen = true }")
    (tmp_path / "late.cog").write_text(system)
    words = ["--input", "a=1", "--input", "b=2 at 7s531ms", "--never", "both"]
    done = cogc_here("explore", "late.cog", *words, "--json", cwd=tmp_path)
    found = json.loads(done.stdout)["failure"]
    assert done.returncode == 3 and found["times"] == ["`b` at 10s, in place of 7.531s"]


def test_times_of_a_test_and_crashes_become_round(tmp_path: Path) -> None:
    test = """
coglet Worker { listen x: int
  transmit y: int
  state n: int = 0
  on x as v { n = n + v; y <- n } }
coglet Main { transmit y: int
  create w = Worker { restart: on_error }
  link w.y -> self.y }
test "nothing is forgotten" {
  use Main
  send w.x <- 1 at 1s113ms
  send w.x <- 1 at 7s771ms
  run 1m
  expect y == [1, 2]
}
"""
    (tmp_path / "a_test.cog").write_text(test)
    words = ["--test", "forgotten", "--faults", 1, "--fault", "crash", "--json"]
    done = cogc_here("explore", "a_test.cog", *words, cwd=tmp_path)
    found = json.loads(done.stdout)["failure"]
    assert done.returncode == 3
    assert re.fullmatch(r"`Main/w` crashes at \d+m?s", found["faults"][0])
    assert found["times"] and all(re.match(r"line \d+ at \d+[ms]+, in place of", moved) for moved in found["times"])

"""`cogc test`: the page, every word, every way to fail, the options and the reports."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree

import pytest

from support.cli import cogc, cogc_here
from support.paths import ROOT
from support.waiting import DEADLINE

PAGE = (ROOT / "specs" / "testing.md").read_text()
SYSTEM = """
model m = anthropic "claude-haiku-5-5"
program ask(q: string) -> int = human { timeout: 10s }
program look(q: string) -> { hits: [string], score: 1 | 2 } = python "nowhere:look"
coglet Worker {
  listen job: int
  transmit done: int
  state taken: int = 0
  enact add(n: int, m: int = 1) { taken = taken + n * m }
  on job as j { taken = taken + 1; done <- j * 2 }
}
coglet Asker {
  listen q: string
  transmit a: int
  transmit why: string
  on q as x { a <- ask(x) } else as e { why <- "{{ e.kind }}: {{ e.message }}" }
}
coglet Main(start: int = 0) {
  listen go: int
  transmit out: int
  transmit late: time
  state seen: int = start
  create w = Worker { restart: on_error, backoff: 1s }
  create pool = Worker * 3 { map: round_robin }
  create asker = Asker
  link self.go -> w.job
  link w.done -> self.out
  on w.done as d { seen = seen + d }
  every 1m { late <- now() }
}
"""


@pytest.fixture(autouse=True)
def code(tmp_path: Path) -> None:
    """Write the module that the systems name. The tests script its functions."""
    (tmp_path / "nowhere.py").write_text("from elsewhere import *\n")


def trial(tmp_path: Path, text: str, *options: object, system: str = SYSTEM) -> tuple[int, str]:
    """Run the tests of a text behind a system; the exit code and what is printed."""
    path = tmp_path / "a_test.cog"
    path.write_text(system + dedent(text))
    done = cogc_here("test", "a_test.cog", "--state", tmp_path / "state", *options, cwd=tmp_path)
    return done.returncode, done.stdout + done.stderr


def passes(tmp_path: Path, steps: str, **more: str) -> None:
    code, said = trial(tmp_path, f'test "it" {{\n{steps}\n}}', **more)
    assert code == 0, said


def fails(tmp_path: Path, steps: str, *words: str) -> str:
    code, said = trial(tmp_path, f'test "it" {{\n{steps}\n}}')
    assert code == 3, said
    for word in words:
        assert word in said
    return said


def blocks(language: str) -> str:
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


# ---- the page --------------------------------------------------------------------------------------------------


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    (tmp_path / "page.cog").write_text(blocks("cog"))
    (tmp_path / "echo.yaml").write_text(blocks("yaml"))
    (tmp_path / "mails.jsonl").write_text(blocks("jsonl"))
    done = cogc_here("test", ".", cwd=tmp_path)
    assert done.returncode == 0 and "14 tests in 2 files: all passed" in done.stdout, done.stdout + done.stderr


def test_the_failure_of_the_page_is_what_is_printed(tmp_path: Path) -> None:
    shown = re.search(r"^```\n(FAIL.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    first = re.search(r"^```cog\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert shown and first
    (tmp_path / "counting.cog").write_text(first[1].replace("last(total) == 20", "last(total) == 21"))
    done = cogc_here("test", "counting.cog", "--state", tmp_path / "state", cwd=tmp_path)
    assert done.returncode == 3
    assert re.sub(r"\(.*? s\)", "(0.00 s)", done.stdout) == shown[1]


def test_the_race_of_the_page_is_found_and_mended(tmp_path: Path) -> None:
    shown = re.search(r"^```\n(shop\.cog:60.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    system = re.search(r"^```cog\n(coglet Shelf .*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert shown and system
    (tmp_path / "shop.cog").write_text(system[1])
    done = cogc_here("explore", "shop.cog", "--test", "last tin", cwd=tmp_path)
    assert done.returncode == 3 and done.stdout.startswith(shown[1]) and "1 race, found in 2 orders" in done.stdout
    (tmp_path / "shop.cog").write_text(system[1].replace("on buy as who {", "on buy as who when tins > 0 {"))
    done = cogc_here("explore", "shop.cog", "--test", "last tin", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("complete: "), done.stdout


# ---- words -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "steps",
    [
        "use Main\nsend self.go <- 3\nrun 1s\nexpect out == [6]\nexpect seen == 6\nexpect w.taken == 1",
        "use Main(start: 4)\nexpect seen == 4",
        "send self.go <- 1 at 5s\nrun 4s\nexpect len(out) == 0\nrun 1s\nexpect out == [2]",
        "send w.job <- 4\nrun 0s\nexpect w.done == [8]",
        "send pool.job <- 1\nrun 0s\nexpect pool.done == [2, 2, 2] and pool.taken == [1, 1, 1]",
        "send pool[1].job <- 1\nrun 0s\nexpect pool.taken == [0, 1, 0]",
        "guide w.add(3, m: 2)\nrun 0s\nexpect w.taken == 6",
        "guide w.add(3) at 2s\nrun 1s\nexpect w.taken == 0\nrun 1s\nexpect w.taken == 3",
        "crash w\nsend self.go <- 1\nrun 500ms\nexpect len(out) == 0\nrun 1s\nexpect out == [2]",
        "crash w at 2s\nsend self.go <- 1 at 2500ms\nrun 2700ms\nexpect len(out) == 0\nexpect eventually out == [2] within 1s",
        "drop w.job\nsend self.go <- 1\nsend self.go <- 2\nrun 0s\nexpect out == [4]",
        "drop w.done 2 times\nsend self.go <- 1\nsend self.go <- 2\nsend self.go <- 3\nrun 0s\nexpect out == [6]",
        "duplicate w.job\nsend self.go <- 1\nrun 0s\nexpect out == [2, 2]",
        "duplicate w.done 2 times at 1s\nsend self.go <- 1\nsend self.go <- 2 at 2s\nrun 3s\nexpect out == [2, 4, 4]\nexpect seen == 10",
        "run until late within 2m\nexpect len(late) == 1",
        "run until len(late) == 2\nexpect last(late) == first(late) + 1m",
        "advance 5m\nexpect len(late) == 1\nrun 1m\nexpect len(late) == 2",
        "script ask { reply 4 }\nsend asker.q <- \"x\"\nrun 0s\nexpect asker.a == [4]\nexpect ask.calls[0].input == { q: \"x\" }",
        "script ask { delay 3s, reply 4 }\nsend asker.q <- \"x\"\nrun until asker.a within 4s\nexpect ask.calls[0].at == 0s",
        "script ask { delay 11s, reply 4 }\nsend asker.q <- \"x\"\nrun 12s\nexpect starts_with(asker.why[0], \"timeout\")",
        "script ask { hang, reply 4 }\nsend asker.q <- \"x\"\nsend asker.q <- \"y\"\nrun 12s\nexpect len(asker.why) == 1 and asker.a == [4]",
        "script Asker.ask { reply 1 }\nscript ask { reply 2 }\nsend asker.q <- \"x\"\nrun 0s\nexpect asker.a == [2]",
        "script ask { fail \"no\", fail { kind: \"busy\", message: \"b\" }, reply 2 }\nsend asker.q <- \"x\"\nsend asker.q <- \"x\"\nsend asker.q <- \"x\"\n"
        "run 0s\nexpect asker.why == [\"program: no\", \"busy: b\"] and asker.a == [2]",
        "script ask { reply 2 }\nfail ask 2 times\nsend asker.q <- \"x\"\nsend asker.q <- \"x\"\nsend asker.q <- \"x\"\nrun 0s\nexpect len(asker.why) == 2 and asker.a == [2]",
        "script ask { reply 2 }\nhang ask at 1s\nsend asker.q <- \"x\" at 2s\nrun 13s\nexpect starts_with(asker.why[0], \"timeout\")",
        "expect sometimes out\nexpect never out[0] == 3\nrun 1s",
        "for all x in ints(0, 3)\nfor all s in [\"a\", \"b\"]\nsend self.go <- x\nrun 0s\nexpect out == [x * 2] and len(s) == 1",
        "for all x in lists(one_of([1, 2]), 2)\nfor all d in durations(1s, 2s)\nfor all f in floats(0.0, 1.0)\nrun d\nexpect len(x) <= 2 and f <= 1.0",
        "for all b in bools()\nfor all t in strings(3)\nfor all n in int\nexpect len(t) <= 3",
        "explore { runs: 3, faults: 1 }\nrun 1s",
    ],
)  # fmt: skip
def test_a_word_does_what_the_page_says(tmp_path: Path, steps: str) -> None:
    passes(tmp_path, steps.replace("Asker.ask", "ask"))


AGENT = """
model m = anthropic "claude-haiku-5-5"
program find(q: string) -> [string] = python "nowhere:find"
coglet Lone {
  listen q: string
  transmit a: string
  transmit piece: string
  create r = Researcher
  link self.q -> r.task
  link r.result -> self.a
  link r.delta -> self.piece
}
agent Researcher { model: m, system: "You find.", tools: [find] }
"""


def test_an_agent_is_tested_with_its_tools(tmp_path: Path) -> None:
    steps = """
      use Lone
      script m { call find(q: "tides"), stream ["It ", "is ", "so."] }
      script find { reply ["a"] }
      send self.q <- "What?"
      run 10s
      expect a == ["It is so."]
      expect find.calls[0].input == { q: "tides" }
      expect len(m.calls) == 2 and contains(m.calls[1].prompt, "a") and m.calls[0].system == "You find."
      expect Researcher.calls[0].prompt == "What?"
    """
    passes(tmp_path, steps, system=AGENT)


def test_a_request_that_counts_tokens_takes_no_answer_of_a_script(tmp_path: Path) -> None:
    system = """
      model m = anthropic "claude-sonnet-5-5"
      program ask(q: string) -> string = llm { model: m, prompt: q, budget: { tokens: 1_000, usd: 0.01 } }
      coglet Main { listen q: string; transmit a: string; transmit no: string
        on q as v { a <- ask(v) } else as e { no <- e.kind } }
    """
    steps = """
      script m { reply "one", reply "two" }
      send self.q <- "x"
      send self.q <- "y" at 5s
      run 1m
      expect a == ["one", "two"] and len(m.calls) == 2
    """
    passes(tmp_path, steps, system=system)
    long = steps.replace('reply "one"', f'reply "{"x" * 9_000}"').replace('"y" at', f'"{"y" * 4_000}" at')
    passes(
        tmp_path,
        long.replace('a == ["one", "two"] and len(m.calls) == 2', 'no == ["budget"] and len(m.calls) == 1'),
        system=system,
    )


def test_a_call_that_is_real_is_carried_out(tmp_path: Path) -> None:
    (tmp_path / "sums.py").write_text("async def add(a, b):\n    return a + b\n")
    system = """
      program add(a: int, b: int) -> int = python "sums:add"
      program say(a: int) -> string = shell ["echo", a]
      coglet Main { listen n: int; transmit sum: int; transmit said: string
        on n as x { sum <- add(x, 1); said <- say(x) } }
    """
    passes(
        tmp_path,
        'script add { real }\nscript say { real }\nsend self.n <- 2 at 5s\nrun 1h\nexpect sum == [3] and said == ["2"]',
        system=system,
    )


def test_a_coglet_in_python_runs_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from cogc.sdk import Coglet, listen\n"
        "class Mine(Coglet):\n"
        "    @listen('n')\n"
        "    async def on_n(self, value):\n"
        "        await self.transmit('twice', value * 2)\n"
    )
    system = 'coglet Mine = python "mine:Mine" { listen n: int; transmit twice: int }\n'
    passes(tmp_path, "send self.n <- 4\nrun 1s\nexpect twice == [8]", system=system)


def test_a_golden_trace_is_written_and_compared(tmp_path: Path) -> None:
    text = 'test "it" { use Main\n send self.go <- NUMBER\n run 1s\n expect trace matches "golden.jsonl" }'
    code, said = trial(tmp_path, text.replace("NUMBER", "1"))
    assert code == 3 and "there is no " in said and "--update-golden" in said
    code, said = trial(tmp_path, text.replace("NUMBER", "1"), "--update-golden")
    assert code == 0 and "wrote golden.jsonl" in said
    assert trial(tmp_path, text.replace("NUMBER", "1"))[0] == 0
    code, said = trial(tmp_path, text.replace("NUMBER", "2"))
    assert code == 3 and "is another one" in said and '"data": 2' in said


# ---- ways to fail ----------------------------------------------------------------------------------------------


def test_a_failure_shows_both_sides_and_the_way_there(tmp_path: Path) -> None:
    said = fails(tmp_path, "use Main\nsend self.go <- 3\nrun 1s\nexpect len(out) == seen and true", "a_test.cog:")
    assert "  len(out) = 1\n" in said and "  seen     = 6\n" in said and "  out      = [6]\n" in said
    assert "--go 3" in said and "--done 6" in said and "again: cogc test a_test.cog -k it" in said


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ("run until len(out) == 1 within 3s", ["run until len(out) == 1: not within 3s, at 3s"]),
        ("expect eventually out within 3s", ["expect eventually out: not within 3s, at 3s", "out = []"]),
        ("send self.go <- 1\nrun 1s\nexpect never len(out) == 1", ["expect never len(out) == 1: it held at 0s"]),
        ("expect never len(out) == 1\nsend self.go <- 1\nsend self.go <- 2\nrun 1s", ["it held at 0s"]),
        ("expect out[0] == 1", ["expect out[0] == 1: "]),
        ('send asker.q <- "x"\nrun 1s', ["`ask` was called by Main/asker", "script ask { reply 0 }"]),
        ("crash self\nrun 1s", ["crashed by the test", "the root failed"]),
        ("crash pool[7]\nrun 1s", ["`pool` has no member 7"]),
        ("send self.go <- 1 // len([])\nrun 1s", ["zero"]),
        ("for all x in ints(0, 100)\nsend self.go <- x\nrun 0s\nexpect out[0] < 20", ["for x = 10, the smallest"]),
    ],
)
def test_a_test_that_fails_says_why(tmp_path: Path, steps: str, words: list[str]) -> None:
    fails(tmp_path, steps, *words)


def test_the_line_for_an_unscripted_call_is_one_that_answers(tmp_path: Path) -> None:
    system = (
        "type Hit = { name: string, at?: int, kind: \"a\" | \"b\", more: [int], m: map[int] }\n"
        'program look(q: string) -> Hit = python "nowhere:look"\n'
        "coglet Main { listen q: string; transmit a: Hit; on q as x { a <- look(x) } }\n"
    )  # fmt: skip
    text = 'test "it" {\nLINE\nsend self.q <- "x"\nrun 1s\nexpect len(a) == 1 }'
    code, said = trial(tmp_path, text.replace("LINE", ""), system=system)
    line = re.search(r"script look .*", said)
    assert code == 3 and line and "at:" not in line[0]
    assert trial(tmp_path, text.replace("LINE", line[0]), system=system)[0] == 0


def test_a_system_that_never_rests_fails(tmp_path: Path) -> None:
    system = "coglet Main { listen a: int; on a as x { self.a <- x } }\n"
    code, said = trial(tmp_path, 'test "it" { send self.a <- 1\n run 1s }', system=system)
    assert code == 3 and "never rests" in said


def test_a_test_keeps_so_much_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cogc.testing.observed.MOST", 100)
    system = "coglet Main { transmit out: int; every 1ms { out <- 1 } }\n"
    code, said = trial(tmp_path, 'test "it" { run 1000h }', system=system)
    assert code == 3 and "a test keeps all that happens, at most 100 records" in said


def test_a_deadlock_fails(tmp_path: Path) -> None:
    system = (
        "coglet A { listen x: int { capacity: 1 }\n transmit y: int\n on x as v { y <- v\n y <- v } }\n"
        "coglet Main { create a = A\n create b = A\n link a.y -> b.x\n on b.y as v { a.x <- v }\n on start { a.x <- 1 } }\n"
    )
    code, said = trial(tmp_path, 'test "it" { run 1s }', system=system)
    assert code == 3 and "deadlock" in said and "Main/a -> Main/b.x" in said


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ("use Man", "COG302"),
        ("run until Workr", "COG302"),
        ("use Main(strt: 1)", "COG316"),
        ("expect counter.count == 1", "COG302"),
        ("expect w.donn == [1]", "COG404"),
        ('send self.go <- "x"', "COG401"),
        ("send self.goo <- 1", "COG312"),
        ("send w.jb <- 1", "COG312"),
        ("guide w.ad(1)", "COG313"),
        ("guide w.add()", "COG317"),
        ("crash worker", "COG315"),
        ("drop w.jb", "COG312"),
        ("fail aks", "COG302"),
        ("script aks { reply 1 }", "COG302"),
        ('script ask { reply "x" }', "COG401"),
        ("script m { delay 3 }", "COG401"),
        ("script m { call find(3) }", "COG316"),
        ("kill at 3", "COG401"),
        ("kill for out", "COG302"),
        ("use Main\nuse Main", "COG204"),
        ("for all x in intz(0, 1)", "COG209"),
        ('for all x in ints("a")', "COG401"),
        ("explore { run: 3 }", "COG201"),
        ("run 3", "COG401"),
        ("expect 3", "COG402"),
        ("expect eventually out wihin 3s", "COG104"),
    ],
)
def test_a_test_that_is_wrong_is_refused(tmp_path: Path, steps: str, code: str) -> None:
    found, said = trial(tmp_path, f'test "it" {{\n{steps}\n}}')
    assert found == 1 and code in said, said


def test_a_scenario_names_channels_of_the_tests(tmp_path: Path) -> None:
    code, said = trial(tmp_path, 'test "it" { run 1s }\nscenario "s" { w.donn then out within 1s }')
    assert code == 1 and "COG312" in said and "w.done" in said


def test_two_tests_of_one_name_are_refused(tmp_path: Path) -> None:
    code, said = trial(tmp_path, 'test "it" { run 1s }\ntest "it" { run 1s }')
    assert code == 1 and "COG301" in said


def test_every_example_has_tests_and_they_pass() -> None:
    examples = ROOT / "examples"
    with_tests = {p.parent.name for p in examples.glob("*/*_test.cog")} | {
        p.stem.replace("_test", ".cog") for p in examples.glob("*_test.cog")
    }
    assert {p.name for p in examples.iterdir() if p.is_dir()} - with_tests == {"mistakes"}
    done = cogc("test", "examples", "-n", 2)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("seed", [1, 2])
def test_the_tests_of_the_examples_hold_in_other_orders_of_events(seed: int) -> None:
    """Seed 0 is the usual order. What an example shows, it promises in each."""
    done = cogc("test", "examples", "-n", 2, "--seed", seed)
    assert done.returncode == 0, done.stdout


# ---- files and options -----------------------------------------------------------------------------------------

TWO = 'test "good" { run 1s }\ntest "bad" { run 1s\n expect out }\n'


def test_a_file_of_its_own_finds_the_main_of_what_it_imports(tmp_path: Path) -> None:
    (tmp_path / "system.cog").write_text(SYSTEM)
    (tmp_path / "system_test.cog").write_text(
        'import "system.cog"\ntest "it" { use Main\n send self.go <- 1\n run 1s\n expect out == [2] }'
    )
    done = cogc_here("test", ".", cwd=tmp_path)
    assert done.returncode == 0 and "1 test in 1 file: all passed" in done.stdout


def test_programs_of_files_behind_an_import_can_be_scripted(tmp_path: Path) -> None:
    (tmp_path / "lib.cog").write_text('program shout(t: string) -> string = shell ["tr", t]\n')
    (tmp_path / "sys.cog").write_text(
        'import "lib.cog" as lib\ncoglet Main { listen q: string; transmit a: string; on q as x { a <- lib.shout(x) } }\n'
    )
    steps = 'script shout { reply "X" }\nsend self.q <- "x"\nrun 0s\nexpect a == ["X"] and len(shout.calls) == 1 }\n'
    (tmp_path / "sys_test.cog").write_text(
        f'import "sys.cog" as s\nimport "lib.cog" as lib\ntest "a" {{ use s.Main\n{steps}'
        f'test "b" {{ use Main\n{steps.replace("script shout", "script lib.shout")}'
    )
    done = cogc_here("test", ".", cwd=tmp_path)
    assert done.returncode == 0 and "2 tests in 1 file: all passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("words", [("nothing",), (".", "-k", "nothing")])
def test_no_tests_at_all_is_exit_code_2(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "nothing").mkdir()
    (tmp_path / "a.cog").write_text(SYSTEM + TWO)
    done = cogc_here("test", *words, cwd=tmp_path)
    assert done.returncode in (1, 2) and done.stderr and not done.stdout
    assert done.returncode == 2 or "COG004" in done.stderr


def test_a_spec_without_tests_is_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(SYSTEM)
    done = cogc_here("test", "a.cog", cwd=tmp_path)
    assert done.returncode == 2 and "there is no test in a.cog" in done.stderr


def test_words_choose_and_lf_runs_what_failed(tmp_path: Path) -> None:
    assert trial(tmp_path, TWO, "-k", "goo")[0] == 0
    code, said = trial(tmp_path, TWO)
    assert code == 3 and "ok   a_test.cog::good" in said and "2 tests in 1 file: 1 failed" in said
    code, said = trial(tmp_path, TWO, "--lf")
    assert code == 3 and "good" not in said and "1 test in 1 file: 1 failed" in said
    assert trial(tmp_path, TWO.replace("expect out", "expect len(out) == 0"), "--lf")[0] == 0
    code, said = trial(tmp_path, TWO.replace("expect out", "expect len(out) == 0"), "--lf")
    assert code == 0 and "2 tests" in said


@pytest.mark.parametrize("odd", ["null", "7", '{"a": 1}', "[1, null]"])
def test_an_odd_note_of_what_failed_is_as_none(tmp_path: Path, odd: str) -> None:
    noted = tmp_path / "state" / "tests" / "failed.json"
    assert trial(tmp_path, TWO)[0] == 3 and noted.exists()
    noted.write_text(odd)
    assert "2 tests" in trial(tmp_path, TWO, "--lf")[1]
    assert noted.read_text() == '["a_test.cog::bad"]\n'


def test_processes_give_the_same_report(tmp_path: Path) -> None:
    alone, several = trial(tmp_path, TWO), trial(tmp_path, TWO, "-n", 2)
    assert re.sub(r"\(.*? s\)", "", alone[1]) == re.sub(r"\(.*? s\)", "", several[1]) and alone[0] == several[0] == 3
    assert trial(tmp_path, TWO, "-n", 0)[0] == 2


def test_a_process_that_is_killed_is_said(tmp_path: Path) -> None:
    (tmp_path / "dies.py").write_text("import os\ndef f(a):\n    os._exit(7)\n")
    (tmp_path / "a_test.cog").write_text(
        'program f(a: int) -> int = python "dies:f"\n'
        "coglet Main { listen n: int; transmit m: int; on n as x { m <- f(x) } }\n"
        'test "a" { script f { real }\n send self.n <- 1\n run 1s }\ntest "b" { run 1s }\n'
    )
    done = cogc("test", "a_test.cog", "-n", 2, cwd=tmp_path)
    assert done.returncode == 3 and "a process of the tests was killed" in done.stderr


def test_the_reports_for_programs(tmp_path: Path) -> None:
    code, said = trial(tmp_path, TWO, "--format", "json", "--junit", tmp_path / "junit.xml")
    found = json.loads(said)
    assert code == 3 and (found["passed"], found["failed"]) == (1, 1)
    bad = found["tests"][1]
    assert bad["failure"]["values"] == {"out": "[]"} and bad["failure"]["line"] == bad["line"] + 1
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot()[0]
    assert suite.get("tests") == "2" and suite.get("failures") == "1" and suite[1][0].get("message") == "expect out"
    code, said = trial(tmp_path, TWO, "--format", "github")
    assert code == 3 and said.startswith("::error file=a_test.cog,line=") and "%0A" in said


def test_the_seed_reaches_the_run(tmp_path: Path) -> None:
    system = "coglet Main { transmit r: float; on start { r <- random() } }\n"
    text = 'test "it" { run 1s\n expect r == [] }'
    found = [re.search(r"r = .*", trial(tmp_path, text, "--seed", n, system=system)[1]) for n in (1, 1, 2)]
    assert found[0] and found[1] and found[2] and found[0][0] == found[1][0] != found[2][0]
    assert "--seed 2" in trial(tmp_path, text, "--seed", 2, system=system)[1]


def test_what_a_program_prints_is_no_part_of_the_report(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text("def f(a):\n    print('LOUD')\n    return a\n")
    (tmp_path / "a_test.cog").write_text(
        'program f(a: int) -> int = python "loud:f"\n'
        "coglet Main { listen n: int; transmit m: int; on n as x { m <- f(x) } }\n"
        'test "it" { script f { real }\n send self.n <- 1\n run 1s\n expect m == [1] }\n'
    )
    done = cogc("test", "a_test.cog", "--format", "json", cwd=tmp_path)
    assert json.loads(done.stdout)["passed"] == 1 and "f: LOUD" in done.stderr


def test_without_hypothesis_one_line_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "hypothesis", None)
    code, said = trial(tmp_path, 'test "it" { for all x in ints(0, 1)\n run 1s }')
    assert code == 2 and "pip install 'cogc[test]'" in said


def test_a_junit_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    code, said = trial(tmp_path, 'test "it" { run 1s }', "--junit", tmp_path / "no" / "x.xml")
    assert code == 3 and "cannot write" in said


# ---- coverage --------------------------------------------------------------------------------------------------

COVERED = """coglet W { listen a: int { capacity: 2, overflow: drop_newest }
  transmit b: int
  enact go { b <- 1 }
  on a as x when x > 0 { if x > 1 { b <- x } else { fail "one" } } else as e { b <- 0 }
}
coglet Main {
  listen a: int
  transmit b: int
  create w = W { restart: on_error }
  link self.a -> w.a
  link w.b -> self.b
}
coglet Unused { listen z: int
  on z { log info 1 } }
scenario "a two comes through" { w.b when message == 2 then b within 1s }
scenario "a three comes through" { w.b when message == 3 then b }
"""
HALF = 'test "half" { use Main\n send self.a <- 2\n run 1s\n expect b == [2] }\n'
REST = """test "rest" { use Main
  guide w.go()
  send self.a <- 0
  send self.a <- 1
  run 1s
  send self.a <- 3
  crash w at 2s
  run 5s
  send self.a <- 3
  send self.a <- 3
  send self.a <- 3
  run 1s }
"""


def test_coverage_says_what_never_happened(tmp_path: Path) -> None:
    code, said = trial(tmp_path, HALF, "--cov", system=COVERED)
    assert code == 0
    never = re.findall(r"line (\d+): never: (.*)", said)
    assert never == [
        ("1", "the inbox `a` of `W` overflows"),
        ("3", "`enact go` runs"),
        ("4", "the `else` of `on a` runs"),
        ("4", "the guard of `on a` does not hold"),
        ("4", "the condition of `if` does not hold"),
        ("9", "`w` is restarted"),
        ("9", "a failure of `w` goes up to its parent"),
        ("14", "`on z` runs"),
    ]
    assert "scenario never shown: a three comes through" in said and "a two comes through" not in said
    code, said = trial(tmp_path, HALF + REST, "--cov", "-n", 2, system=COVERED)
    assert code == 0
    assert (
        re.findall(r"never: (.*)", said) == ["a failure of `w` goes up to its parent", "`on z` runs"]
        and "scenario never" not in said
    )


PLANNED = """model m = anthropic "claude-haiku-5-5"
program lint(p: string) -> string = shell ["ruff", p]
agent Lead { model: m, system: "lead" }
agent Dev { model: m, system: "dev", output: { ok: bool } }
plan Two { goal: "g"
  approve: system
  step a by Lead: "do a"
  step b after a when a == "A": lint("x") }
dod Done { clean: shell ["ruff", "check"], clear: judge m "Readable." >= 0.5, fix: Dev, max_loops: 2 }
"""
PLAN = """test "plan" { use Two
  script Lead { reply "A" }
  script lint { reply "clean" }
  send self.goal <- ""
  run 1h
  expect len(lint.calls) == 1 }
"""
DONE = """test "done" { use Done
  script difference { reply { code: 0, stdout: "+ x", stderr: "" } }
  script untracked { reply { code: 0, stdout: "", stderr: "" } }
  script clean { reply { code: 1, stdout: "E501", stderr: "" }, reply { code: 0, stdout: "", stderr: "" } }
  script clear { reply { score: 0.2, reason: "no" }, reply { score: 0.9, reason: "yes" } }
  script Dev { reply { ok: true } }
  send self.verify <- { }
  run 1h
  expect len(passed) == 1 and len(Dev.calls) == 1 and clean.calls[0].path == "Done" }
"""


def test_plans_and_definitions_of_done_are_tested_and_covered(tmp_path: Path) -> None:
    code, said = trial(tmp_path, PLAN + DONE, "--cov", system=PLANNED)
    assert code == 0, said
    assert re.findall(r"never: (.*)", said) == ["the step `b` is skipped"]
    code, said = trial(tmp_path, PLAN + DONE, "--cov", "-k", "plan", system=PLANNED)
    assert code == 0 and "the criterion `clean` is not met" in said and "the criterion `clear` is met" in said


APPROVED = """plan Asked { goal: "g"
  approve: user
  step a: 1 }
dod Short(most: int = 5) { short: len(work) < most, named: "{{ work }}" == "tea", known: lint(work) == "ok" }
"""
ASKED = """test "asked" { use Asked
  script Asked { ANSWER }
  send self.goal <- ""
  run 1h
  expect WANTED }
"""
SHORT = """test "short" { use Short
  script lint { reply "ok" }
  send self.verify <- { work: "tea" }
  send self.verify <- { work: "coffee" }
  run 1h
  expect len(passed) == 1 and [f.status for f in failed[0].findings] == ["FAIL", "FAIL", "PASS"] }
"""


@pytest.mark.parametrize(
    ("answer", "wanted", "code", "said"),
    [
        ('delay 5m, reply "approve"', "result == [{ a: 1 }] and Asked.calls[0].at == 0s", 0, ""),
        ('reply "reject too dear"', 'failed[0].kind == "rejected" and failed[0].message == "too dear"', 0, ""),
        ("hang", "failed == [] and result == []", 0, ""),
        ('fail "gone"', "result", 3, "gone"),
        (
            'reply "why?"',
            "result",
            3,
            '`reply "why?"` is no answer about the plan `Asked`: write approve, or reject WHY',
        ),
        ("reply 3", "result", 1, "not `string` [COG401]"),
    ],
)
def test_a_script_says_what_a_person_says_of_a_plan(
    tmp_path: Path, answer: str, wanted: str, code: int, said: str
) -> None:
    test = ASKED.replace("ANSWER", answer).replace("WANTED", wanted)
    found, output = trial(tmp_path, test, system=PLANNED + APPROVED)
    assert found == code and said in output, output


def test_the_expression_of_a_criterion_sees_the_work(tmp_path: Path) -> None:
    code, said = trial(tmp_path, SHORT, system=PLANNED + APPROVED)
    assert code == 0, said
    hidden = (PLANNED + APPROVED).replace("most: int = 5", 'most: int = 5, work: string = "tea"')
    code, said = trial(tmp_path, SHORT, system=hidden)
    assert code == 3 and re.search(r"len\(passed\) += 2", said), said
    line = trial(tmp_path, SHORT.replace("script lint", "script Dev"), system=hidden + "dod No { x: wrk }\n")[1]
    assert "did you mean `work`?" in line


def test_a_suggested_script_of_a_criterion_has_the_form_of_an_outcome(tmp_path: Path) -> None:
    code, said = trial(tmp_path, DONE.replace("script clean", "script difference"), system=PLANNED)
    assert code == 3 and 'script clean { reply { code: 0, stdout: "", stderr: "" } }' in said


def test_coverage_below_a_bound_is_exit_code_3(tmp_path: Path) -> None:
    code, said = trial(tmp_path, HALF, "--fail-under", 90, system=COVERED)
    assert code == 3 and "below 90%" in said
    assert trial(tmp_path, HALF + REST, "--fail-under", 80, system=COVERED)[0] == 0


def test_coverage_for_other_programs(tmp_path: Path) -> None:
    lcov, xml = tmp_path / "l.info", tmp_path / "c.xml"
    words = ("--format", "json", "--cov-lcov", lcov, "--cov-xml", xml)
    code, said = trial(tmp_path, HALF, *words, system=COVERED)
    found = json.loads(said)["coverage"]
    assert code == 0 and found["goals"] == 13 and len(found["missed"]) == 8 and found["unseen"][0]["line"] == 16
    lines = lcov.read_text().splitlines()
    assert (
        "SF:a_test.cog" in lines and "DA:3,0" in lines and "DA:4,1" in lines and "BRF:4" in lines and "BRH:2" in lines
    )
    root = ElementTree.parse(xml).getroot()
    assert root.find(".//line[@number='4']").get("condition-coverage") == "50% (2/4)"  # type: ignore[union-attr]
    code, said = trial(tmp_path, HALF, "--format", "github", "--cov", system=COVERED)
    assert "::notice file=a_test.cog,line=3," in said
    (tmp_path / "mine.txt").write_text("mine")
    assert trial(tmp_path, HALF, "--cov-lcov", tmp_path / "mine.txt", system=COVERED)[0] == 2


def test_marks_change_nothing(tmp_path: Path) -> None:
    text = 'test "it" { use Main\n send self.go <- 3\n crash w at 2s\n run 5m\n expect trace matches "g.jsonl" }'
    assert trial(tmp_path, text, "--update-golden")[0] == 0
    code, said = trial(tmp_path, text, "--cov")
    assert code == 0, said


def test_watch_runs_again_after_a_change(tmp_path: Path) -> None:
    (tmp_path / "system.cog").write_text(SYSTEM)
    spec = tmp_path / "a_test.cog"
    spec.write_text('import "system.cog"\ntest "it" { use Main\n run 1s\n expect out }\n')
    command = [sys.executable, "-m", "cogc", "test", ".", "--watch", "--state", str(tmp_path / "state")]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        assert "waiting for a change" in process.stderr.readline()
        spec.write_text(spec.read_text().replace("expect out", "expect len(out) == 0"))
        assert "waiting for a change" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert "1 test in 1 file: 1 failed" in said and "1 test in 1 file: all passed" in said

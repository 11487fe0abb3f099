"""`kill` in tests and explorations: what comes back of a run that is killed, what is made again, and what is refused."""

from __future__ import annotations

import contextlib
import json
import random
from functools import partial
from pathlib import Path
from textwrap import dedent

import pytest

from cogc.compile import analyse
from cogc.diagnostics.problems import Problems
from cogc.disk.files import read
from cogc.explore.search import Limits, explore
from cogc.explore.systematic import Systematic
from cogc.explore.tested import TestTrial
from cogc.kernel.chains import Book
from cogc.kernel.machine import Kernel
from cogc.lowering.tests import Suite, lower_tests
from cogc.run.settings import Settings
from cogc.testing.course import Program
from cogc.testing.trial import run_test
from support.cli import cogc_here
from support.every_order import Naive
from support.paths import EXAMPLES

pytestmark = pytest.mark.campaign

SYSTEM = """
model m = anthropic "claude-haiku-5-5"
model filed = scripted "answers.yaml"
program charge(id: string) -> string = shell ["./charge", id] { timeout: 10s }
program pay(id: string) -> string = shell ["./charge", id] { timeout: 10s, on_resume: fail }
program ask(q: string) -> int = human { timeout: 1h }
program think(q: string) -> string = llm { model: m, prompt: "{{ q }}" }
program recite(q: string) -> string = llm { model: filed, prompt: "{{ q }}" }
queue jobs: int = memory

coglet Worker {
  listen job: int
  transmit done: int
  state taken: int = 0
  state noted: int = 0
  enact note(n: int, m: int = 2) { noted = noted + n * m }
  on job as j { taken = taken + 1; done <- j * 2 }
}
coglet Main {
  listen tea: string
  listen milk: string
  listen q: string
  listen idea: string
  listen poem: string
  listen go: int
  transmit paid: string
  transmit why: string
  transmit answer: int
  transmit thought: string
  transmit out: int
  transmit beat: int
  state beats: int = 0
  create w = Worker { restart: on_error, backoff: 1s }
  link self.go -> w.job
  link w.done -> self.out
  on tea as id { paid <- charge(id) } else as e { why <- e.kind }
  on milk as id { paid <- pay(id) } else as e { why <- e.kind }
  on q as x { answer <- ask(x) } else as e { why <- e.message }
  on idea as x { thought <- think(x) } else as e { why <- e.kind }
  on poem as x { thought <- recite(x) } else as e { why <- e.kind }
  every 1s { beats = beats + 1; beat <- beats }
}
coglet Queued {
  listen n: int
  transmit got: int
  transmit late: string
  on n as x { jobs <- x }
  on jobs as j { got <- work(j) }
}
program work(j: int) -> int = shell ["./work", j] { timeout: 1m }
"""
TWICE = """
from cogc.sdk import Coglet, listen
class Forgets(Coglet):
    def __init__(self):
        self.n = 0
    @listen("add")
    async def add(self, x):
        self.n += x
        await self.transmit("sum", self.n)
class Keeps(Forgets):
    def save(self):
        return self.n
    def load(self, state):
        self.n = state
"""
IN_PYTHON = 'coglet %s = python "mine:%s" { listen add: int; transmit sum: int }\n'


def trial(tmp_path: Path, text: str, *options: object, system: str = SYSTEM) -> tuple[int, str]:
    """Run the tests of a text behind a system; the exit code and what is printed."""
    (tmp_path / "answers.yaml").write_text("- {reply: one, delay: 5s}\n- two\n")
    (tmp_path / "mine.py").write_text(TWICE)
    path = tmp_path / "a_test.cog"
    path.write_text(system + dedent(text))
    done = cogc_here("test", "a_test.cog", "--state", tmp_path / "state", *options, cwd=tmp_path)
    return done.returncode, done.stdout + done.stderr


STEPS = {
    "states and outputs are there": 'send self.go <- 2\nrun until out\nkill\nexpect out == [4] and w.taken == 1',
    "a message that waits is there": "send self.go <- 2\nkill\nrun 0s\nexpect out == [4] and w.taken == 1",
    "a message to a child is there": "send w.job <- 2\nkill\nrun 0s\nexpect w.done == [4]",
    "a command is there": "guide w.note(3)\nguide w.note(3, m: 5)\nkill\nrun 0s\nexpect w.noted == 21",
    "a restart goes on": "crash w\nkill\nsend self.go <- 1\nrun 500ms\nexpect len(out) == 0\nrun 1s\nexpect out == [2]",
    "a crash in its time": "crash w at 2s\nkill at 1s\nkill at 2s\nsend self.go <- 1 at 2500ms\nrun 2700ms\nexpect len(out) == 0\nrun 1s\nexpect out == [2]",
    "what is dropped is dropped": "drop w.job\nkill\nsend self.go <- 1\nsend self.go <- 2\nkill\nrun 0s\nexpect out == [4]",
    "what comes twice comes twice": "duplicate w.done 2 times\nsend self.go <- 1\nrun 0s\nkill\nsend self.go <- 2\nsend self.go <- 3\nrun 0s\n"
    "expect out == [2, 2, 4, 4, 6]",
    "a tick is never lost": "run 2500ms\nkill\nrun 2s\nexpect beat == [1, 2, 3, 4]",
    "one missed tick is made up": "run 2500ms\nkill for 1m\nexpect beat == [1, 2]\nrun 0s\nexpect len(beat) == 3\nrun 600ms\nexpect len(beat) == 4",
    "the clock that was moved": "advance 5s\nkill\nrun 1s\nexpect len(beat) == 2",
    "steps of the time of a kill come behind it": "kill for 10s at 1s\nsend self.go <- 1 at 5s\nsend self.go <- 2 at 12s\nrun 11s\n"
    "expect out == [2]\nrun 1s\nexpect out == [2, 4]",
    "the time of a step may pass meanwhile": "kill for 1m at 1s\nrun 2s\nsend self.go <- 1 at 3s\nrun 0s\nexpect out == [2]",
    "a call is made again": 'script charge { delay 5s, reply "1", reply "2" }\nsend self.tea <- "x"\nkill for 1m at 2s\nrun 2m\nexpect paid == ["2"]\n'
    "expect [c.at for c in charge.calls] == [0s, 1m2s] and charge.calls[0].id == charge.calls[1].id",
    "an answer of that instant is lost": 'script charge { delay 2s, reply "1", reply "2" }\nsend self.tea <- "x"\nkill at 2s\nrun 3s\nexpect paid == ["2"]',
    "an answer that was there is there": 'script charge { delay 2s, reply "1", reply "2" }\nsend self.tea <- "x"\nkill at 2001ms\nrun 3s\nexpect paid == ["1"]\n'
    "expect len(charge.calls) == 1",
    "the time of a call begins anew": 'script charge { delay 8s, reply "1" }\nsend self.tea <- "x"\nkill at 5s\nrun 12s\nexpect len(paid) == 0\nrun 1s\nexpect paid == ["1"]',
    "a call that does not come twice": 'script pay { delay 5s, reply "1" }\nsend self.milk <- "x"\nkill at 2s\nrun 1m\nexpect why == ["resume"] and len(pay.calls) == 1',
    "each kill makes it again": 'script charge { delay 5s, reply "1" }\nsend self.tea <- "x"\nkill at 1s\nkill at 2s\nkill at 3s\nrun 9s\nexpect len(charge.calls) == 4\n'
    'expect paid == ["1"]',
    "a question goes on": 'script ask { hang, delay 20m, reply 3 }\nsend self.q <- "x"\nkill for 30m at 15m\nrun 2h\nexpect why == ["program `ask` took longer than 3600s"]',
    "a question is answered": 'script ask { hang, delay 10m, reply 3 }\nsend self.q <- "x"\nkill for 30m at 15m\nrun 2h\nexpect answer == [3] and len(ask.calls) == 2',
    "a question that nobody answered in time": 'script ask { hang, reply 3 }\nsend self.q <- "x"\nkill for 5h at 15m\nrun 6h\nexpect len(why) + len(answer) == 1',
    "a request is made again": 'script m { delay 2s, reply "a", reply "b" }\nsend self.idea <- "x"\nkill at 1s\nrun 1m\nexpect thought == ["b"] and len(m.calls) == 2\n'
    "expect m.calls[0].id == m.calls[1].id and think.calls == m.calls",
    "a file gives the answer that it gave": 'send self.poem <- "x"\nkill at 1s\nrun 1m\nexpect thought == ["one"]\nsend self.poem <- "y"\nrun 1m\nexpect thought == ["one", "two"]',
    "what was used up is used up": 'send self.poem <- "x"\nrun 1m\nkill\nsend self.poem <- "y"\nrun 1m\nexpect thought == ["one", "two"]',
    "what will fail fails": 'script charge { reply "1" }\nfail charge 2 times\nsend self.tea <- "x"\nrun 0s\nkill\nsend self.tea <- "y"\nsend self.tea <- "z"\nrun 0s\n'
    'expect why == ["program", "program"] and paid == ["1"]',
    "nothing is held never": "expect never len(out) > 1\nsend self.go <- 1\nrun until out\nkill\nrun 1s",
    "in front of the start": "kill\nrun 1s\nexpect len(beat) == 1",
    "a queue keeps its items": "use Queued\nscript work { delay 5s, reply 1, reply 2, reply 3 }\nsend self.n <- 7\nsend self.n <- 8\nkill for 1m at 1s\nrun 10m\n"
    "expect got == [2, 3]\nexpect [c.input.j for c in work.calls] == [7, 7, 8]",
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_a_run_goes_on_from_its_journal(tmp_path: Path, name: str) -> None:
    steps = STEPS[name]
    use = "" if steps.startswith("use ") else "use Main\n"
    code, said = trial(tmp_path, f'test "it" {{\n{use}{steps}\n}}')
    assert code == 0, said


def test_kills_hold_in_other_orders_of_events(tmp_path: Path) -> None:
    text = "".join(
        f'test "{name}" {{\n{"" if steps.startswith("use ") else "use Main"}\n{steps}\n}}\n'
        for name, steps in STEPS.items()
        if name not in ("what comes twice comes twice",)
    )
    code, said = trial(tmp_path, text, "--seed", 3)
    assert code == 0, said


def test_code_in_python_goes_on_where_it_was_saved_or_begins_anew(tmp_path: Path) -> None:
    steps = "send self.add <- 2\nrun 1s\nkill\nsend self.add <- 3\nrun 1s\nexpect sum == [2, 5]"
    text = f'test "keeps" {{\nuse Keeps\n{steps}\n}}\ntest "forgets" {{\nuse Forgets\n{steps}\n}}\n'
    code, said = trial(tmp_path, text, system="".join(IN_PYTHON % (n, n) for n in ("Keeps", "Forgets")))
    assert code == 3 and "ok   a_test.cog::keeps" in said
    assert "sum = [2, 3]" in said and "killed at 1s: 0 calls were made again" in said
    assert "`Forgets` began anew, as code in Python does without `save` and `load`" in said


def test_a_conversation_goes_on_at_the_tool_call_that_had_no_result(tmp_path: Path) -> None:
    system = """
      model m = anthropic "claude-haiku-5-5"
      program find(q: string) -> [string] = shell ["./find", q] { timeout: 1m }
      agent Researcher { model: m, system: "You find.", tools: [find] }
    """
    steps = """
      use Researcher
      script m { call find(q: "tides"), reply "So." }
      script find { delay 5s, reply ["a"], reply ["b"] }
      send self.task <- "What?"
      kill for 20s at 2s
      run until result within 2h
      expect result == ["So."] and len(m.calls) == 2 and len(find.calls) == 2
      expect contains(m.calls[1].prompt, "b")
    """
    code, said = trial(tmp_path, f'test "it" {{\n{steps}\n}}', system=dedent(system))
    assert code == 0, said


def test_a_plan_goes_on_with_the_step_that_was_under_way(tmp_path: Path) -> None:
    system = """
      program build() -> string = shell ["./build"] { timeout: 1h }
      program check(text: string) -> string = shell ["./check", text] { timeout: 1h }
      plan Release { goal: "g"
        approve: system
        step made: build()
        step checked after made: check(made)
      }
    """
    steps = """
      use Release
      script build { reply "built" }
      script check { delay 10m, reply "one", reply "two" }
      send self.goal <- ""
      kill for 1h at 5m
      run 3h
      expect len(build.calls) == 1 and [c.at for c in check.calls] == [0s, 65m]
      expect len(result) == 1
    """
    code, said = trial(tmp_path, f'test "it" {{\n{steps}\n}}', system=dedent(system))
    assert code == 0, said


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ("use Short\nsend self.go <- 1\nrun 1s\nkill", ["the run has ended by then: nothing is left to kill"]),
        ("use Main\nkill for 2 * 3", []),
        ("use Main\nkill at 1s\nrun 2s\nexpect out", ["killed at 1s: 0 calls were made again"]),
    ],
)
def test_a_kill_that_cannot_be_is_said(tmp_path: Path, steps: str, words: list[str]) -> None:
    short = "coglet Short { listen go: int; on go { stop self } }\n"
    code, said = trial(tmp_path, f'test "it" {{\n{steps}\n}}', system=SYSTEM + short)
    if not words:
        assert code == 1 and "COG401" in said
        return
    assert code == 3
    for word in words:
        assert word in said


def test_a_sett_cannot_be_killed(tmp_path: Path) -> None:
    text = 'sett Bakery { agent Baker { bid: exclusive when true\n command: ["./bake"] } }\ntest "it" { kill }\n'
    code, said = trial(tmp_path, text, system="")
    assert code == 1 and "COG701" in said and "`kill`" in said


def test_the_notation_of_yaml_has_it_too(tmp_path: Path) -> None:
    (tmp_path / "echo.yaml").write_text(
        dedent("""
        cog: 1
        coglets:
          Echo:
            listen: {said: string}
            transmit: {echo: string}
            reactions:
              - on: said as s
                do: ["echo <- s"]
        tests:
          an echo outlives a kill:
            - use Echo
            - send self.said <- "hello"
            - kill for 1h at 1s
            - kill
            - run 2h
            - expect echo == ["hello"]
        """)
    )
    done = cogc_here("test", "echo.yaml", "--state", tmp_path / "state", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    done = cogc_here("convert", "echo.yaml", cwd=tmp_path)
    assert "kill for 1h at 1s" in done.stdout


# ---- any test, killed anywhere ---------------------------------------------------------------------------------


def suite(path: Path) -> Suite:
    problems = Problems()
    checked = analyse([str(path)], read, problems)
    assert not problems.errors, [d.message for d in problems.found]
    return lower_tests(checked, next(u for u in checked.world.roots if u.path == str(path)))


TESTS = sorted(p for p in EXAMPLES.rglob("*_test.cog") if "multi" not in p.name and p.parent.name != "cvc")
"""Tests of systems without code in Python, which begins anew."""


@pytest.mark.parametrize("path", TESTS, ids=[p.stem for p in TESTS])
def test_a_kill_while_no_call_is_under_way_leaves_no_mark_on_the_trace(path: Path) -> None:
    """At each of some instants of each test of the examples."""
    of = suite(path)
    program = Program.of(of, lambda: Settings(str(path.parent), sandboxed=False))
    for test in of.tests:
        if test.is_sett or test.rows or test.binds:
            continue
        seen: set[int] = set()
        with contextlib.chdir(path.parent):
            whole = run_test(program, test, instant_over=partial(noted, seen))
            assert whole.passed, test.name
            some = set(random.Random(test.name).sample(sorted(seen), min(4, len(seen))))
            again = run_test(program, test, instant_over=partial(ends, some))
        assert again.passed and again.records == whole.records, (test.name, again.refusal)
        assert not some


def noted(seen: set[int], kernel: Kernel) -> bool:
    """Note an instant at whose end no call is under way."""
    if not kernel.calls:
        seen.add(kernel.now)
    return False


def ends(some: set[int], kernel: Kernel) -> bool:
    """Return whether the run is killed: once in each of some instants."""
    if kernel.calls or kernel.now not in some:
        return False
    some.discard(kernel.now)
    return True


# ---- explorations ----------------------------------------------------------------------------------------------

SHOP = """
program charge(id: string) -> string = shell ["./charge", id] { timeout: 10s }
coglet Till {
  listen order: string
  transmit paid: string
  state done: [string] = []
  on order as o when not contains(done, o) { let r = charge(o); done = done + [o]; paid <- r }
}
coglet Shop {
  listen order: string
  listen other: string
  transmit paid: string
  state log: [string] = []
  create a = Till
  create b = Till
  link self.order -> a.order
  link self.other -> b.order
  link a.paid -> self.paid
  link b.paid -> self.paid
  on a.paid { log = log + ["a"] }
  on b.paid { log = log + ["b"] }
}
"""
KILLED = """
test "it" {
  use Shop
  script charge { delay 2s, reply "receipt" }
  send self.order <- "tea"
  send self.other <- "milk"
  kill at 1s
  run 10s
  kill
  expect len(charge.calls) == 4 and len(paid) == 2
}
"""


def explored(tmp_path: Path, text: str) -> TestTrial:
    path = tmp_path / "shop_test.cog"
    path.write_text(SHOP + text)
    of = suite(path)
    return TestTrial(Program.of(of), of.tests[0])


def test_the_search_over_a_test_with_kills_finds_what_all_orders_find(tmp_path: Path) -> None:
    of = explored(tmp_path, KILLED)
    every, naive = set(), Naive(of, Book())
    while not naive.over:
        every.add(repr(sorted(naive.step().final.items())))
    book = Book()
    search, found = Systematic(of, book), set()
    while not search.over:
        outcome = search.step()
        if outcome is not None:
            assert outcome.failed is None
            found.add(repr(sorted(outcome.final.items())))
    assert found == every and len(found) > 1 and search.runs < naive.runs
    report = explore(of, Limits(runs=2000))
    assert report.complete and report.found is None


def test_random_orders_repeat_behind_a_kill(tmp_path: Path) -> None:
    of = explored(tmp_path, KILLED)
    report = explore(of, Limits(runs=40, faults=1, kinds=("drop",)))
    assert report.found is not None and report.runs > 0  # a message that is lost is not paid


def test_an_exploration_finds_the_kill_that_does_harm(tmp_path: Path) -> None:
    text = KILLED.replace("  kill at 1s\n", "").replace("  kill\n", "").replace("== 4", "== 2")
    (tmp_path / "shop_test.cog").write_text(SHOP + text)
    words = ("explore", "shop_test.cog", "--test", "it")
    assert cogc_here(*words, cwd=tmp_path).returncode == 0
    done = cogc_here(*words, "--faults", 1, "--fault", "kill", "--json", cwd=tmp_path)
    failure = json.loads(done.stdout)["failure"]
    assert done.returncode == 3 and failure["faults"] == ["the run is killed at 0s, and goes on at once"]
    again = cogc_here(*words, "--replay", failure["token"], cwd=tmp_path)
    assert again.returncode == 3 and "the run is killed at 0s" in again.stdout
    done = cogc_here("explore", "shop_test.cog", "--fault", "kill", "--faults", 1, cwd=tmp_path)
    assert done.returncode == 2 and "--fault kill is for a test" in done.stderr

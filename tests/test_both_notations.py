"""Each word of tests in both notations: one file of tests, in `.cog` and converted to YAML, with the same outcomes."""

from __future__ import annotations

import json
import re
from pathlib import Path

from support.cli import cogc_here
from support.paths import ROOT

SYSTEM = """
type Row = { n: int, wanted: int }
model m = anthropic "claude-haiku-5-5"
model critic = anthropic "claude-sonnet-5-5"
program ask(q: string) -> int = human { timeout: 10s }
program say(q: string) -> string = llm { model: m, prompt: "{{ q }}", timeout: 1m }
program rate(q: string) -> { good: bool, why: string } = llm { model: m, prompt: "{{ q }}", timeout: 1m }
program add(a: int, b: int) -> int = python "sums:add"
program find(q: string) -> [string] = python "sums:find"

coglet Worker {
  listen job: int
  transmit done: int
  state taken: int = 0
  enact add(n: int, m: int = 1) { taken = taken + n * m }
  on job as j { taken = taken + 1; done <- j * 2 }
}
coglet Main(start: int = 0) {
  listen go: int
  listen q: string
  listen idea: string
  listen essay: string
  transmit out: int
  transmit beat: int
  transmit a: int
  transmit why: string
  transmit text: string
  transmit verdict: bool
  state seen: int = start
  create w = Worker { restart: on_error, backoff: 1s }
  create pool = Worker * 2 { map: broadcast }
  link self.go -> w.job
  link w.done -> self.out
  on w.done as d { seen = seen + d }
  on q as x { a <- ask(x) } else as e { why <- e.kind }
  on idea as x { text <- say(x) } else as e { why <- e.kind }
  on essay as x { verdict <- rate(x).good } else as e { why <- e.kind }
  every 1m { beat <- 1 }
}
coglet Sums {
  listen n: int
  transmit sum: int
  on n as x { sum <- add(x, 1) }
}
coglet Lone {
  listen q: string
  transmit a: string
  create r = Researcher
  link self.q -> r.task
  link r.result -> self.a
}
agent Researcher { model: m, system: "You find.", tools: [find] }
"""
TESTS = {
    "use, send, run, expect": ["use Main(start: 4)", "send self.go <- 3", "send w.job <- 1 at 5s", "send pool[1].job <- 1", "run 1s", "expect out == [6] and seen == 10",
        "run 4s", "expect out == [6, 2] and pool.taken == [0, 1]"],
    "guide": ["use Main", "guide w.add(3, m: 2)", "guide w.add(3) at 2s", "run 1s", "expect w.taken == 6", "run 1s", "expect w.taken == 9"],
    "run until, advance": ["use Main", "run until beat within 2m", "expect len(beat) == 1", "advance 5m", "run 0s", "expect len(beat) == 2"],
    "eventually, never, sometimes": ["use Main", "send self.go <- 1 at 10s", "expect never out[0] == 3", "expect sometimes w.taken == 1", "expect eventually out == [2] within 1m"],
    "crash": ["use Main", "crash w", "crash w at 5s", "send self.go <- 1", "run 500ms", "expect len(out) == 0", "run 10s", "expect out == [2]"],
    "drop, duplicate": ["use Main", "drop w.job", "drop w.done 1 times at 1s", "duplicate w.done 2 times at 2s", "send self.go <- 1", "send self.go <- 2 at 1s", "send self.go <- 3 at 2s",
        "run 3s", "expect out == [6, 6]"],
    "fail, hang": ["use Main", "script ask { reply 4 }", "fail ask 2 times", "hang ask at 1s", 'send self.q <- "x"', 'send self.q <- "x"', 'send self.q <- "x" at 2s', "run 20s",
        'expect why == ["program", "program", "timeout"]'],
    "reply, fail, delay, hang": ["use Main", 'script ask { fail "no", fail { kind: "busy", message: "b" }, delay 3s, reply 4, hang }', 'send self.q <- "x"', 'send self.q <- "x"', 'send self.q <- "x"',
        'send self.q <- "x" at 5s', "run 30s", 'expect why == ["program", "busy", "timeout"] and a == [4]'],
    "stream, call": ["use Lone", 'script m { call find(q: "tides"), stream ["It ", "is so."] }', 'script find { reply ["a"] }', 'send self.q <- "What?"', "run 10s", 'expect a == ["It is so."]',
        'expect find.calls[0].input == { q: "tides" } and len(m.calls) == 2'],
    "real": ["use Sums", "script add { real }", "send self.n <- 2", "run 1s", "expect sum == [3]"],
    "fault of a type": ["use Main", 'script m { fault off_schema, reply { good: true, why: "" } }', 'send self.essay <- "x"', "run 1m", "expect verdict == [true] and len(m.calls) == 2"],
    "fault of a meaning": ["use Main", 'script m { fault contradicting, reply { good: true, why: "" } }', 'send self.essay <- "x"', "run 1m", "expect verdict == [false]"],
    "fault of a text": ["use Main", 'script m { reply "one", fault repeated, reply "two", fault slow, reply "three" }', 'send self.idea <- "x"', 'send self.idea <- "y"', 'send self.idea <- "z"',
        "run 2m", 'expect text[0] == "one" and text[1] == "one" and m.calls[2].at == 0s'],
    "fault of no use": ["use Main", 'script m { fault empty, fault truncated, fault refusing, reply "x" }', 'send self.idea <- "x"', 'send self.idea <- "y"', 'send self.idea <- "z"', "run 2m",
        "expect len(why) + len(text) == 3"],
    "kill": ["use Main", "script ask { delay 5s, reply 1, reply 2 }", 'send self.q <- "x"', "kill for 1m at 2s", "run 2m", "kill", "run 1s", "expect a == [2] and ask.calls[0].id == ask.calls[1].id"],
    "judge": ["use Main", 'script m { reply "Yes." }', 'script critic { reply { score: 0.8, reason: "" } }', 'send self.idea <- "x"', "run 1m", 'expect judge critic "Is {{ text[0] }} polite?" >= 0.7'],
    "for all": ["for all x in ints(0, 3)", 'for all s in ["a", "b"]', "for all t in lists(one_of([1, 2]), 2)", "for all b in bools()", "use Main", "send self.go <- x", "run 0s",
        "expect out == [x * 2] and len(s) == 1 and len(t) <= 2 and (b or not b)"],
    "for each": ['for each row: Row in "rows.jsonl"', "use Main", "send self.go <- row.n", "run 0s", "expect out == [row.wanted]"],
    "bounds": ["explore { runs: 3, faults: 1 }", "live { pass_rate: 0.9 }", "use Main", "run 1s"],
    "golden": ["use Sums", "script add { reply 7 }", "send self.n <- 2", "run 1s", 'expect trace matches "golden.jsonl"'],
}  # fmt: skip
"""The steps of each test. Together they have every word of the page."""
SCENARIO = 'scenario "a job, then its end" { w.done when message > 2 then out within 1m }\n'


def words() -> list[str]:
    """The words of the page: of the steps, of the answers of scripts, and the kinds of faults."""
    page = (ROOT / "specs" / "testing.md").read_text(encoding="utf-8")
    part = page[page.index("## The words") : page.index("## Kills")]
    said = re.findall(r"^\| `([^`]+)`", part, re.MULTILINE)
    two = (
        "run until",
        "expect eventually",
        "expect never",
        "expect sometimes",
        "expect trace",
        "expect judge",
        "for all",
        "for each",
    )
    return [next((w for w in two if text.startswith(w)), text.split()[0]) for text in said]


def test_the_table_has_every_word_of_the_page() -> None:
    every = "\n".join(step for steps in TESTS.values() for step in steps)
    missing = [w for w in words() if not re.search(rf"(^|[{{ ,]){w}\b", every, re.MULTILINE)]
    assert len(words()) > 30 and missing == []


def outcomes(tmp_path: Path, file: str, *more: str) -> list[tuple[str, bool, int]]:
    """The outcomes of the tests of a file."""
    options = ("--allow-import", "sums", "--state", tmp_path / "state", "--format", "json")
    done = cogc_here("test", file, *options, *more, cwd=tmp_path)
    assert done.returncode in (0, 3), done.stderr
    found = json.loads(done.stdout)
    assert found["failed"] == 0, [t["failure"]["report"] for t in found["tests"] if not t["passed"]]
    return [(t["name"], t["passed"], t["runs"]) for t in found["tests"]]


def test_every_word_does_the_same_in_both_notations(tmp_path: Path) -> None:
    (tmp_path / "sums.py").write_text("def add(a, b):\n    return a + b\n\n\ndef find(q):\n    return [q]\n")
    (tmp_path / "rows.jsonl").write_text('{"n": 1, "wanted": 2}\n{"n": 2, "wanted": 4}\n')
    tests = "".join(f'test "{name}" {{\n  ' + "\n  ".join(steps) + "\n}\n" for name, steps in TESTS.items())
    (tmp_path / "a_test.cog").write_text(SYSTEM + tests + SCENARIO)
    first = outcomes(tmp_path, "a_test.cog", "--update-golden", "--cov")
    assert [name for name, _, _ in first] == list(TESTS)
    yaml = cogc_here("convert", "a_test.cog", cwd=tmp_path)
    assert yaml.returncode == 0, yaml.stderr
    (tmp_path / "b_test.yaml").write_text(yaml.stdout)
    assert outcomes(tmp_path, "b_test.yaml") == first
    back = cogc_here("convert", "b_test.yaml", cwd=tmp_path)
    assert back.returncode == 0 and SCENARIO.strip() in " ".join(back.stdout.split()), back.stdout[-500:]
    (tmp_path / "c_test.cog").write_text(back.stdout)
    assert outcomes(tmp_path, "c_test.cog") == first

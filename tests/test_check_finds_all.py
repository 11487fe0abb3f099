"""A later stage never reports what the check could know: what checks clean is lowered, and its kernel starts.

Programs are generated over declarations, triggers, modifiers, counts, links, constants and attributes, with values that
are right and values that are slightly wrong. `COGC_EXAMPLES` sets how many are tried.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cogc.compile import program
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from support.specs import check_text

EXAMPLES = int(os.environ.get("COGC_EXAMPLES", "40"))
INTS = (
    "0",
    "1",
    "2",
    "3",
    "-1",
    "ZERO",
    "TWO",
    "TWO - 2",
    "len(LIST)",
    "LIST[0]",
    "LIST[5]",
    "ANY",
    "1 // ZERO",
    "f(TWO)",
    "f(0)",
    "n",
    "n - 3",
)
DURATIONS = ("0s", "1s", "5m", "-1s", "WAIT", "WAIT * ZERO", "WAIT / TWO", "1s - WAIT", "1d", "every_")
BODIES = (
    "y <- v", "y <- v // 2", "y <- v // ZERO", "q <- v", "d.i <- v", "d[1].i <- v", "let a = await k timeout 1s\n    y <- a ?? v",
    "let a = await q\n    y <- a", "log info v + s", "s = s + 1", "y <- g(v)", "t <- A(str(v))", "stop d", "create d()", "fail v",
)  # fmt: skip
TRIGGERS = (
    "x as v",
    "k as v",
    "q as v",
    "q.dead as v",
    "d.o as v",
    "all(x, k) as [v, w]",
    "all(x, q) as [v, w]",
    "x as v, k as v",
    "q as v, x as v",
)
HEAD = """
const ZERO = 0
const TWO = 2
const LIST = [1, 2]
const ANY: any = {any}
const WAIT = {wait}
const {name} = {value}
model m = scripted "m.yml"
queue q: int = memory {queue}
program f(a: int) -> int = expr 4 // a
program g(a: int) -> int = shell ["true", a] {shell}
agent P {{ model: m {agent} }}
plan Pl {{ goal: "g"
  approve: system
  step a by P {step}: "x" }}
agent A {{ model: m, tools: [{tool}], spawn: [{spawn}] }}
dod D1 {{ max_loops: {loops}
  fix: P
  tests: on }}
team T {{ lead: P, workers: [P * {workers}], max_workers: {most} }}
sett S {{ agent W {{ bid: exclusive when artefact.type == "GoalDefined", command: ["a"], workspace: rw, replicas: {replicas} }} }}
coglet D(n: int = 2, every_: duration = 1s) {{
  listen i: {listen} {{ capacity: {capacity} }}
  transmit o: int
  state s: int = {state}
  on i as v {{ o <- 1 }}
  every {period} {at} {{ o <- s }}
}}
"""
MAIN = """
coglet Main(n: int = {default}, every_: duration = 1s) {{
  listen x: int
  listen k: int
  transmit y: int
  transmit t: string
  const INNER = {inner}
  state s: int = {start}
  create d = {child} {arguments} {count} {{ {attributes} }}
  link {source} -> {target} {{ {link} }}
  on {trigger} {modifier} {{
    {body}
  }}
  on d.o as v {{ y <- v }}
  after {delay} {{ y <- INNER }}
}}
"""
INT, DURATION = st.sampled_from(INTS), st.sampled_from(DURATIONS)
USUAL: dict[str, tuple[str, ...]] = {
    "any": ("1",), "wait": ("2s",), "name": ("OTHER",), "value": ("TWO",), "queue": ("",), "shell": ("",), "agent": ("",), "step": ("",), "tool": ("g",),
    "spawn": ("P",), "loops": ("2",), "workers": ("2",), "most": ("2",), "replicas": ("1",), "listen": ("int",), "capacity": ("4",), "state": ("n",),
    "period": ("5m",), "at": ("",), "default": ("2",), "inner": ("TWO",), "start": ("n",), "child": ("D",), "arguments": ("",), "count": ("",),
    "attributes": ("",), "source": ("self.x",), "target": ("d.i",), "link": ("",), "trigger": ("k as v",), "modifier": ("",), "body": ("y <- v",), "delay": ("1s",),
}  # fmt: skip


def of(form: str, *values: Any) -> Any:
    return st.tuples(*values).map(lambda given: form.format(*given))


STRANGE: dict[str, Any] = {
    "any": st.sampled_from(('"text"', "0", "null", "[1]", "{ n: 1 }")),
    "wait": st.sampled_from(("0s", "-5s", "1s * 3")),
    "value": st.one_of(INT, st.sampled_from(("OTHER", "[OTHER]", "LIST[0:9]", 'int("x")', "try (1 // 0) else 2", "first([])", '"{{ TWO }}"'))),
    "queue": st.one_of(of("{{ lease: {} }}", DURATION), of("{{ attempts: {} }}", INT)),
    "shell": of("{{ timeout: {} }}", DURATION),
    "agent": st.one_of(of(", max_turns: {}", INT), of(", timeout: {}", DURATION), of(", budget: {{ turns: {} }}", INT), st.just(", tools: [A]")),
    "step": st.one_of(of("{{ retry: {} }}", INT), of("{{ timeout: {} }}", DURATION)),
    "tool": st.sampled_from(("Pl", "P", "q", "f", "m")),
    "spawn": st.sampled_from(("A", "P", "T")),
    "loops": INT, "workers": INT, "most": INT, "replicas": INT, "capacity": INT, "state": INT, "default": INT, "inner": INT, "start": INT,
    "listen": st.sampled_from(("[int]", "any", "string")),
    "period": st.one_of(DURATION, of("{} ticks", INT)),
    "at": st.sampled_from(('at "08:00"', 'at "25:00"')),
    "child": st.sampled_from(("T", "S", "Pl", "A", "D1", "q", "P")),
    "arguments": st.one_of(of("(n: {})", INT), of("(every_: {})", DURATION)),
    "count": st.one_of(of("* {}", INT), of("* {}..{}", INT, INT), st.sampled_from(("for i in LIST", "for i in ANY"))),
    "attributes": st.one_of(
        st.sampled_from(("map: scatter", "map: round_robin", "map: hash(message)", "restart: always")),
        of("restart: on_error, max_restarts: {}", INT), of("restart: on_error, backoff: {}", DURATION),
    ),
    "source": st.sampled_from(("self.k", "q", "d.o")),
    "target": st.sampled_from(("self.y", "q", "d[1].i", "d[9].i")),
    "link": st.sampled_from(("map: scatter", "feedback: true")),
    "trigger": st.sampled_from(TRIGGERS),
    "modifier": st.one_of(
        of("when v > {}", INT), of("concurrent {}", INT), of("timeout {}", DURATION), of("debounce {}", DURATION),
        of("throttle {} per {}", INT, DURATION), of("distinct v within {}", DURATION), of("batch {} within {}", INT, DURATION),
    ),
    "body": st.sampled_from(BODIES),
    "delay": DURATION,
}  # fmt: skip


@st.composite
def programs(draw: Callable[[Any], Any]) -> str:
    """A program that is right but for at most three places with other values."""
    strange = draw(st.lists(st.sampled_from(sorted(STRANGE)), max_size=3, unique=True))
    values = {name: usual[0] for name, usual in USUAL.items()} | {name: draw(STRANGE[name]) for name in strange}
    return HEAD.format(**values) + MAIN.format(**values)


def start(text: str) -> bool:
    """Check, lower and start a program; whether it checked clean. The later stages raise if they refuse it."""
    checked, found = check_text(text)
    if any(d.severity == "error" for d in found):
        return False
    before = len(checked.problems.found)
    for root in ("Main", "S"):
        bundle = program(checked, root)
        assert bundle is not None, checked.problems.found[before:]
        assert len(checked.problems.found) == before
        kernel = Kernel(Unit(bundle))
        if root == "Main":
            kernel.start({})
    return True


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=EXAMPLES < 1000)
@given(programs())
def test_what_checks_clean_is_lowered_and_starts(text: str) -> None:
    start(text)


def test_the_usual_program_checks_clean() -> None:
    values = {name: usual[0] for name, usual in USUAL.items()}
    assert start(HEAD.format(**values) + MAIN.format(**values))

"""A later stage never reports what the check could know: what checks clean is lowered, and its kernel starts.

Programs are generated over declarations, triggers, modifiers, counts, links, constants and attributes, with values that
are right and values that are slightly wrong. A program holds the declarations that its coglets refer to, and no others.
`COGC_EXAMPLES` sets how many are tried, `COGC_SEED` where a large number begins.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import cache
from string import Template
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings, strategies as st

from cogc.compile import program
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.kernel.effects import LogLine
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.names import load
from cogc.syntax import nodes, parse
from support.specs import check_text

EXAMPLES = int(os.environ.get("COGC_EXAMPLES", "80"))
SEED = int(os.environ.get("COGC_SEED", "0"))
STEPS = 500
INTS = (
    "0", "1", "2", "3", "-1", "ZERO", "TWO", "TWO - 2", "len(LIST)", "LIST[0]", "LIST[5]", "ANY", "1 // ZERO", "f(TWO)", "f(0)",
    "n", "n - 3", "int(TEXT)", "len(TEXT)", "REC.a", "REC.b", 'REC["c"]', "MAPPED.a", "NULL", "NULL ?? 3", "LONG",
    "9223372036854775807 + TWO", "sum([x // TWO for x in LIST])", "sum([TWO // x for x in [ZERO]])", "max(LIST)", "min([])",
    "try (1 // ZERO) else 2", "1 if ZERO == 0 else 1 // ZERO", "first(LIST)", "round(2.5)", "TWO if TWO is int else ZERO",
)  # fmt: skip
DURATIONS = (
    "0s", "1s", "5m", "-1s", "WAIT", "WAIT * ZERO", "WAIT / TWO", "1s - WAIT", "1d", "every_", "WAIT / ZERO", "abs(1s - WAIT)",
)  # fmt: skip
STRINGS = (
    '"a"', "TEXT", '"{{ TWO }}"', '"{{ TEXT | upper }}"', '"{{ LIST | join }}"', '"{{ LIST[5] }}"', '"{{ 1 // ZERO }}"',
    '"{% for i in LIST %}{{ i }}{% endfor %}"', '"{{ NULL.a }}"', '"{{ NULL | length }}"', '"{{ ANY | int }}"', "say(TWO)", "TEXT[0:3]",
    "TEXT[7]", 'split(TEXT, "")[0]', 'join([TEXT, "b"])', "str(ANY)", "json(REC)", "NULL", "lower(ANY)",
)  # fmt: skip
BODIES = (
    "y <- v", "y <- v // 2", "y <- v // ZERO", "q <- v", "d.i <- v", "d[1].i <- v", "let a = await k timeout 1s\n    y <- a ?? v",
    "let a = await q\n    y <- a", "log info v + s", "s = s + 1", "y <- g(v)", "t <- A(str(v))", "stop d", "create d()", "fail v",
    "t <- h()", "y <- w(v)", "t <- l(v)", "y <- tool(v)", "t <- say(v)", "t <- v", "self.k <- v", "guide self.go(v)", "guide d.set(v)",
    "guide self.go()", "restart d", "escalate", "for a in LIST { y <- a }", "for a in v { y <- a }", "if v > 1 { y <- v } else { fail TEXT }",
    "y <- sorted(LIST)[0]", "y <- len(sorted([true]))", "y <- try g(v) else as e (len(e.kind))", "y <- (parallel [g(a) for a in LIST])[0]",
    "create d(n: v)", "t <- ANY.x", "t <- NULL", "y <- INNER", "t <- sender.name", "y <- self.index",
)  # fmt: skip
TRIGGERS = (
    "x as v", "k as v", "q as v", "q.dead as v", "d.o as v", "all(x, k) as [v, w]", "all(x, q) as [v, w]", "x as v, k as v",
    "q as v, x as v", "all(d.o) as v", "error(d) as e", "error(d[1]) as e", "start", "stop", "x", "x as [v]", "d.log as v", "d.missing as v", "y as v",
)  # fmt: skip
DECLARED = {
    "ZERO": "const ZERO = 0",
    "TWO": "const TWO = 2",
    "LIST": "const LIST = [1, 2]",
    "TEXT": 'const TEXT = "12"',
    "REC": "const REC: Rec = { a: 1 }",
    "Rec": "type Rec = { a: int, b?: int, c: int = $field }",
    "MAPPED": "const MAPPED: map[int] = { a: 1 }",
    "NULL": "const NULL: any = null",
    "LONG": "const LONG = [$long for x in range($length)][0]",
    "ANY": "const ANY: any = $any",
    "WAIT": "const WAIT = $wait",
    "OTHER": "const OTHER = $value",
    "m": 'model m = scripted "m.yml" $model',
    "q": "queue q: int = memory $queue",
    "f": "program f(a: int) -> int = expr 4 // a",
    "g": 'program g(a: int) -> int = shell ["true", a] $shell',
    "h": "program h(a: string = $text) -> string = human $human",
    "w": 'program w(a: int) -> int = python "work:w" $python',
    "l": 'program l(a: int) -> string = llm { model: m, prompt: $prompt $llm }',
    "say": 'program say(a: int) -> string = template "$template"',
    "srv": 'mcp srv = stdio ["server", $word] $server',
    "tool": "program tool(a: int) -> int = mcp srv.tool { timeout: $timeout }",
    "P": "agent P { model: m $agent }",
    "Pl": 'plan Pl($planned) { goal: $goal\n  approve: system\n  step a by P $step: $task\n  step b after a: TWO }',
    "A": "agent A { model: m, tools: [$tool], spawn: [$spawn] { max_concurrent: $running } }",
    "D1": "dod D1 { max_loops: $loops\n  fix: P\n  tests: on\n  small: $criterion }",
    "T": "team T { lead: P, workers: [P * $workers], max_workers: $most }",
    "S": 'sett S { agent Worker { bid: exclusive when artefact.type == "GoalDefined", command: ["a"], workspace: rw, replicas: $replicas } }',
    "Py": 'coglet Py(n: int = $given) = python "work:Py" { listen i: int\n  transmit o: int\n  enact set(a: int) }',
    "Mix": "mixin Mix(every_: duration = $pace) { listen extra: int\n  state beats: int = $beats\n  every every_ { beats = beats + 1 }\n"
    "  on extra as e { beats = e } }",
    "D": """coglet D(n: int = 2, every_: duration = 1s) $mixin {
  listen i: $listen { capacity: $capacity }
  transmit o: int
  state s: int = $state
  on i as v { o <- 1 }
  enact set(a: int) { s = a }
  every $period $at { o <- s }
}""",
    "Main": """coglet Main(n: int = $default, every_: duration = 1s) {
  listen x: int
  listen k: int
  transmit y: int
  transmit t: string
  const INNER = $inner
  state s: int = $start
  state words: string = $said
  $more
  create d = $child $arguments $count { $attributes }
  link $source -> $target { $link }
  on $trigger $modifier {
    $body
  } $handler
  enact go(a: int = $argument) { s = a }
  on d.o as v { y <- v }
  after $delay { y <- INNER }
}""",
}  # fmt: skip
TEST = 'test "it goes" { use Main($used)\n  send self.x <- $fed\n  run $ran\n  expect $expected }'
NAMES = re.compile(r"\b(?:" + "|".join(DECLARED) + r")\b")
INT, DURATION, STRING = st.sampled_from(INTS), st.sampled_from(DURATIONS), st.sampled_from(STRINGS)
USUAL: dict[str, str] = {
    "any": "1", "wait": "2s", "value": "TWO", "field": "3", "long": "1", "length": "9", "model": "", "queue": "", "shell": "", "text": '"a"', "human": "",
    "python": "", "prompt": '"{{ a }}"', "llm": "", "template": "{{ a }}", "word": '"a"', "server": "", "timeout": "5s", "agent": "", "planned": "",
    "goal": '"g"', "step": "", "task": '"x"', "tool": "g", "spawn": "P", "running": "2", "loops": "2", "criterion": "TWO == 2", "workers": "2", "most": "2",
    "replicas": "1", "given": "2", "pace": "1s", "beats": "0", "mixin": "", "listen": "int", "capacity": "4", "state": "n", "period": "5m", "at": "",
    "default": "2", "inner": "TWO", "start": "n", "said": '"a"', "child": "D", "arguments": "", "count": "", "attributes": "", "source": "self.x",
    "target": "d.i", "link": "", "trigger": "k as v", "modifier": "", "body": "y <- v", "handler": "", "more": "", "argument": "1", "delay": "1s", "used": "",
    "fed": "1", "ran": "2s", "expected": "len(y) == 1",
}  # fmt: skip


def of(form: str, *values: Any) -> Any:
    return st.tuples(*values).map(lambda given: form.format(*given))


STRANGE: dict[str, Any] = {
    "any": st.sampled_from(('"text"', "0", "null", "[1]", "{ n: 1 }")),
    "wait": st.sampled_from(("0s", "-5s", "1s * 3")),
    "value": st.one_of(INT, STRING, st.sampled_from(("OTHER", "[OTHER]", "LIST[0:9]", 'int("x")', "first([])", "LONG"))),
    "field": st.sampled_from(("3", '"a"', "null", "[]", "TWO")),
    "long": st.sampled_from(("x", "1 // x", "x // ZERO", "[x]", "f(x)")),
    "length": st.sampled_from(("0", "50000", "2000000", "LIST[0]")),
    "model": of("{{ timeout: {} }}", DURATION),
    "queue": st.one_of(of("{{ lease: {} }}", DURATION), of("{{ attempts: {} }}", INT)),
    "shell": st.one_of(of("{{ timeout: {} }}", DURATION), of("{{ stdin: {} }}", STRING), of("{{ cwd: {}, ok: [{}] }}", STRING, INT)),
    "text": STRING,
    "human": st.one_of(of("{{ choices: [{}] }}", STRING), of("{{ timeout: {} }}", DURATION)),
    "python": of("{{ timeout: {} }}", DURATION),
    "prompt": STRING,
    "llm": st.one_of(of(", retry: {}", INT), of(", max_tokens: {}", INT), of(", budget: {{ turns: {}, time: {} }}", INT, DURATION), of(", tools: [{}]", st.sampled_from(("g", "P", "q", "srv", "Pl", "l")))),
    "template": st.sampled_from(("{{ a // 0 }}", "{{ a[3] }}", "{{ b }}", "{{ a | upper }}", "{% if a > 1 %}x{% endif %}", "{{ a.b }}", "{{ LIST[a] }}")),
    "word": STRING,
    "server": st.one_of(of("{{ timeout: {} }}", DURATION), of("{{ cwd: {} }}", STRING), st.just('{ env: { A: env("B") } }')),
    "timeout": DURATION,
    "agent": st.one_of(of(", max_turns: {}", INT), of(", timeout: {}", DURATION), of(", budget: {{ turns: {} }}", INT), of(", system: {}", STRING), st.sampled_from((", tools: [A]", ", tools: [Pl]"))),
    "planned": st.sampled_from(("goal: string", "a: int = 1", "n: int = 2", "other: int", "self: int = 1")),
    "goal": st.one_of(STRING, st.just('"{{ n }}"')),
    "step": st.one_of(of("{{ retry: {} }}", INT), of("{{ timeout: {} }}", DURATION), st.just("{ dod: D1 }")),
    "task": st.one_of(STRING, INT, st.just('"{{ goal }} {{ b }}"')),
    "tool": st.sampled_from(("Pl", "P", "q", "f", "m", "srv", "h", "Pl, g")),
    "spawn": st.sampled_from(("A", "P", "T")),
    "criterion": st.sampled_from(("1", "on", "human", "judge m {STRING}".format(STRING='"fine?"'), "g(1) > 0", "coverage >= TWO", "off", "LIST[5] == 1")),
    **dict.fromkeys(("running", "loops", "workers", "most", "replicas", "given", "beats", "capacity", "state", "default", "inner", "start", "argument", "fed"), INT),
    **dict.fromkeys(("pace", "delay", "ran"), DURATION),
    "mixin": st.one_of(st.just("with Mix"), of("with Mix({})", DURATION), st.just("with Mix(1s), LogLet"), st.just("with TickLet, Nothing")),
    "listen": st.sampled_from(("[int]", "any", "string", "Rec", "int?")),
    "period": st.one_of(DURATION, of("{} ticks", INT)),
    "at": st.sampled_from(('at "08:00"', 'at "25:00"')),
    "said": STRING,
    "child": st.sampled_from(("T", "S", "Pl", "A", "D1", "q", "P", "Py", "Mix", "Main")),
    "arguments": st.one_of(of("(n: {})", INT), of("(every_: {})", DURATION), of("({})", INT), of("(n: {}, n: {})", INT, INT)),
    "count": st.one_of(of("* {}", INT), of("* {}..{}", INT, INT), st.sampled_from(("for i in LIST", "for i in ANY", "for i in [1 // ZERO]"))),
    "attributes": st.one_of(
        st.sampled_from(("map: scatter", "map: round_robin", "map: hash(message)", "restart: always")),
        of("restart: on_error, max_restarts: {}", INT), of("restart: on_error, backoff: {}", DURATION),
    ),
    "source": st.sampled_from(("self.k", "q", "d.o", "d.log", "self.y")),
    "target": st.sampled_from(("self.y", "q", "d[1].i", "d[9].i", "self.k", "d.extra", "d[n].i")),
    "link": st.sampled_from(("map: scatter", "feedback: true", "map: hash(message // ZERO)")),
    "trigger": st.sampled_from(TRIGGERS),
    "modifier": st.one_of(
        of("when v > {}", INT), of("concurrent {}", INT), of("timeout {}", DURATION), of("debounce {}", DURATION),
        of("throttle {} per {}", INT, DURATION), of("distinct v within {}", DURATION), of("batch {} within {}", INT, DURATION),
    ),
    "body": st.sampled_from(BODIES),
    "handler": st.sampled_from(("else as e { t <- e.kind }", "else as e { y <- e.message }", "else as v { t <- v.kind }", "else as e { fail e }")),
    "used": st.one_of(INT, of("n: {}", INT)),
    "expected": st.sampled_from(("y == [1]", "len(y)", "d", "len(d.o) > 0", "g.calls == []", "nothing")),
}  # fmt: skip


def whole(values: dict[str, str], tested: bool) -> str:
    """Return the program of these values: `Main`, and each declaration that it refers to or that they refer to."""
    texts = {"Main": Template(DECLARED["Main"]).substitute(values)}
    if tested:
        texts["test"] = Template(TEST).substitute(values)
    pending = list(texts.values())
    while pending:
        for name in NAMES.findall(pending.pop()):
            if name not in texts:
                texts[name] = Template(DECLARED[name]).substitute(values)
                pending.append(texts[name])
    return "\n".join(texts[name] for name in (*reversed(DECLARED), "test") if name in texts)


@st.composite
def programs(draw: Callable[[Any], Any]) -> str:
    """A program that is right but for at most three places with other values."""
    strange = draw(st.lists(st.sampled_from(sorted(STRANGE)), max_size=3, unique=True))
    values = USUAL | {name: draw(STRANGE[name]) for name in strange}
    wanted = [n for n in strange if n in NEEDS]
    if wanted and draw(st.booleans()):  # something has to refer to what is strange
        values |= NEEDS[wanted[0]]
    return whole(values, "used" in strange or "fed" in strange or "ran" in strange or "expected" in strange)


NEEDS: dict[str, dict[str, str]] = {
    name: values
    for names, values in (
        ("any long length field value", {"inner": "len([ANY, LONG, REC.a, OTHER])"}),
        ("wait", {"delay": "WAIT"}),
        ("queue", {"body": "q <- v"}),
        ("shell", {"body": "y <- g(v)"}),
        ("text human", {"body": "t <- h()"}),
        ("python", {"body": "y <- w(v)"}),
        ("prompt llm model", {"body": "t <- l(v)"}),
        ("template", {"inner": "len(say(1))"}),
        ("word server timeout", {"body": "y <- tool(v)"}),
        ("agent", {"body": "t <- P(str(v))"}),
        ("tool spawn running", {"body": "t <- A(str(v))"}),
        ("given", {"child": "Py"}),
        ("pace beats", {"mixin": "with Mix"}),
        ("planned goal step task", {"more": "create other = Pl"}),
        ("loops criterion", {"more": "create other = D1"}),
        ("workers most", {"more": "create other = T"}),
        ("replicas", {"more": "# S"}),
    )
    for name in names.split()
}
"""What refers to the declaration that a value stands in."""


@pytest.fixture(scope="module", autouse=True)
def _library() -> Any:
    """Parse each file of the standard library once for all programs."""
    whole_parse = parse.parse

    @cache
    def known(path: str, text: str) -> nodes.File:
        return whole_parse(Source(path, text), Problems())

    def parsed(source: Source, problems: Problems) -> nodes.File:
        return known(source.path, source.text) if source.path.startswith("std/") else whole_parse(source, problems)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "parse", parsed)
        yield


def start(text: str) -> bool:
    """Check, lower and start a program, and let it run until it waits; whether it checked clean.

    The later stages raise if they refuse it.
    """
    checked, found = check_text(text)
    if any(d.severity == "error" for d in found):
        return False
    before = len(checked.problems.found)
    for root in [n for n in ("Main", "S") if checked.world.roots[0].declared.get(n)]:
        bundle = program(checked, root)
        assert bundle is not None, checked.problems.found[before:]
        assert len(checked.problems.found) == before
        kernel = Kernel(Unit(bundle))
        if root == "Main":
            kernel.start({})
            assert kernel.report is None, kernel.report.failure.message
            kernel.run(STEPS)
            faults = [e for e in kernel.effects if isinstance(e, LogLine) and "a fault of cogc" in str(e.value)]
            assert not faults
            assert kernel.report is None or kernel.report.failure.kind != "internal"
    return True


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@seed(SEED)
@given(programs())
def test_what_checks_clean_is_lowered_and_starts(text: str) -> None:
    start(text)


def test_the_usual_program_checks_clean() -> None:
    assert start(whole(USUAL, True))


@pytest.mark.parametrize("name", NEEDS)
def test_each_declaration_checks_clean_where_it_is_used(name: str) -> None:
    assert start(whole(USUAL | NEEDS[name], False))

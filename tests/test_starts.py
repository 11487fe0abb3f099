"""What a start would refuse is found by the check, at its place: constants, ranges, counts, queues, agents, secrets."""

from __future__ import annotations

import pytest

from support.specs import check_text

D = "coglet D(n: int = 0) { listen i: int\n on i as v { log info v + n } }\n"
PLAN = """
model m = scripted "m.yml"
agent P { model: m, system: "s" }
plan Pl { goal: "g"
  approve: system
  step a by P: "x" }
agent A { model: m, system: "s", tools: [Pl] }
"""
QUEUE = "queue q: int = memory\n" + D


def child(count: str) -> str:
    return D + f"coglet Main(p: int = 3) {{ listen x: int\n create d = D{count}\n link self.x -> d.i }}\n"


def main(body: str) -> str:
    return "coglet Main { listen x: int\n transmit y: any\n " + body + " }"


_PLAIN = "coglet D {{ }}\ncoglet Main {{ create d = D * {} }}\n"

WRONG = {
    # constants
    "a constant is itself": ("const A = A\n" + main("on x as v { y <- v + A }"), ["constant-cycle:A"]),
    "constants need each other": (
        "const A = B\nconst B = [A]\n" + main("on x as v { y <- [v, A] }"),
        ["constant-cycle:A"],
    ),
    "a constant of a coglet divides by zero": (
        main("const A = 1\n const B = 2 // (A - 1)\n on x as v { y <- v + B }"),
        ["certain-failure:2 // (A - 1)"],
    ),
    "an index of a constant": (
        "const L = [1, 2]\nconst A = L[2]\n" + main("on x as v { y <- v + A }"),
        ["certain-failure:L[2]"],
    ),
    "a constant through a program": (
        "program f(a: int) -> int = expr 1 // a\nconst A = f(0)\n" + main("on x as v { y <- v + A }"),
        ["certain-failure:1 // a"],
    ),
    "a constant of another type": (
        "const A: any = 1\nconst B: string = A\n" + main("on x as v { y <- [v, B] }"),
        ["certain-failure:A"],
    ),
    "a template with a filter": (
        'const A: any = [1, "a"]\nconst B = "{{ A | sort | join }}"\n' + main("on x as v { y <- [v, B] }"),
        ["certain-failure:\"{{ A | sort | join }}\""],
    ),
    "a template that divides": (
        'const Z = 0\n' + main('state s: string = "{{ 1 // Z }}"\n on x as v { y <- [v, s] }'),
        ["certain-failure:\"{{ 1 // Z }}\""],
    ),
    "a template that finds nothing": (
        "const L = [1]\nprogram f() -> string = template \"{{ L[3] }}\"\nconst A = f()\n" + main("on x as v { y <- [v, A] }"),
        ["certain-failure:\"{{ L[3] }}\""],
    ),
    "a template without end": (
        'const A = "{% for i in range(99) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}"\n' + main("on x as v { y <- [v, A] }"),
        ["certain-failure:" + '"{% for i in range(99) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}"'],
    ),
    "a field of null": (
        "const N: any = null\nconst A = N.a\n" + main("on x as v { y <- [v, A] }"),
        ["certain-failure:N.a"],
    ),
    # starts
    "a default": ("coglet Main(n: int = 1 // 0) { listen x: int\n on x as v { log info v + n } }", ["certain-failure:1 // 0"]),
    "a state": ("const Z = 0\n" + main("state s: int = 1 % Z\n on x as v { y <- s + v }"), ["certain-failure:1 % Z"]),
    "a parallel of nothing": (child(" * 1\n on start { log info parallel 0 [x for x in [1]] }"), ["out-of-range:0"]),
    "a negative count": (child(" * -2"), ["out-of-range:-2"]),
    "a negative count where all else is written out": (_PLAIN.format("-1"), ["out-of-range:-1"]),
    "a range downwards where all else is written out": (_PLAIN.format("2..1"), ["out-of-range:* 2..1"]),
    "too many members where all else is written out": (_PLAIN.format("1000001"), ["out-of-range:1000001"]),
    "a reversed pool": (child(" * 5..2"), ["out-of-range:* 5..2"]),
    "a count of constants": ("const N = 0 - 1\n" + child(" * N"), ["out-of-range:N"]),
    "a count from a default": (child(" * (p - 4)"), ["out-of-range:p - 4"]),
    "a child's count from its argument": (
        D + "coglet C(n: int) { create d = D * n\n listen i: int\n link self.i -> d.i }\n"
        "coglet Main { listen x: int\n create c = C(n: -1)\n link self.x -> c.i }",
        ["out-of-range:n"],
    ),
    "an argument of another type": ("const A: any = \"x\"\n" + child("(n: A)"), ["certain-failure:A"]),
    "a member that is not there": (D + main("create d = D * 3\n on x as v { d[3].i <- v }"), ["out-of-range:3"]),
    "a period": (main("every 0s { y <- 1 }\n on x as v { y <- v }"), ["out-of-range:0s"]),
    "a period of a parameter": (
        "coglet Main(p: duration = 0s) { transmit y: int\n every p { y <- 1 } }",
        ["out-of-range:p"],
    ),
    "a time of day every ninety minutes": (
        main('every 90m at "08:00" { y <- 1 }\n on x as v { y <- v }'),
        ["out-of-range:90m"],
    ),
    # ranges
    "modifiers": (
        "const Z = 0\n" + main("on x as v concurrent Z { y <- v }\n on x as v throttle 1 per 0s { y <- v }"),
        ["out-of-range:Z", "out-of-range:0s"],
    ),
    "distinct within the past": (main("on x as v distinct v within -1m { y <- v }"), ["out-of-range:-1m"]),
    "an await": (main("listen k: int\n on x as v { let a = await k timeout -1s\n y <- [a, v] }"), ["out-of-range:-1s"]),
    "attributes": (child(" { restart: on_error, max_restarts: -1, backoff: -1s }"), ["out-of-range:-1", "out-of-range:-1s"]),
    "a budget": (
        'model m = scripted "m.yml"\nagent A { model: m, max_turns: 0, budget: { turns: 0 } }',
        ["out-of-range:0", "out-of-range:0"],
    ),
    "an attribute that fails": (child("").replace("listen i: int", "listen i: int { capacity: 1 // Z }") + "const Z = 0", ["certain-failure:1 // Z"]),
    "an attribute of another type": (
        child("").replace("listen i: int", "listen i: int { capacity: N }") + "const N: any = null",
        ["certain-failure:N"],
    ),
    "a modifier that fails": ("const L = [1]\n" + main("on x as v concurrent L[3] { y <- v }"), ["certain-failure:L[3]"]),
    "a number of workers that fails": (
        'program f(a: int) -> int = expr 4 // a\nmodel m = scripted "m.yml"\nagent P { model: m, sandbox: ro }\n'
        "team T { lead: P, workers: [P * f(0)] }",
        ["certain-failure:4 // a"],
    ),
    "a default of itself": ("coglet Main(a: int = a) { listen x: int\n on x as v { log info v + a } }", ["unknown-name:a"]),
    "a default of a later one": (
        "mixin M(a: int = b, b: int = 1) { state s: int = a + b }\ncoglet Main with M { listen x: int\n on x as v { log info v + s } }",
        ["unknown-name:b"],
    ),
    "a link from an own transmit channel": (D + main("create d = D\n link self.y -> d.i\n on x as v { y <- v }"), ["wrong-kind:y"]),
    "itself for each item of a list": (
        "const L = [1, 2]\ncoglet Main { listen x: int\n create d = Main for i in L\n link self.x -> d.x }", ["endless-creation:d"],
    ),
    # scatter
    "scatter of no list": (
        child(" * 3 { map: scatter }"),
        ["link-type:self.x"],
    ),
    # kinds of children
    "a sett as a child": (
        'sett S { agent W { bid: exclusive when artefact.type == "GoalDefined", command: ["a"], workspace: rw } }\n'
        "coglet Main { create s = S }",
        ["wrong-kind:S"],
    ),
    "a plan with open roles as a child": (
        'plan P { goal: "g"\n roles: [dev]\n step a by dev: "x" }\ncoglet Main { create p = P }',
        ["missing-attribute:P"],
    ),
    # agents
    "an agent without a model": ('agent A { system: "s" }', ["missing-attribute:A"]),
    "a call of an agent with a plan": (PLAN + main("on x as v { y <- A(str(v)) }"), ["not-yet:A"]),
    "an agent with a plan for a tool": (PLAN + "agent B { model: m, tools: [A] }", ["not-yet:A"]),
    "an agent with a plan to start": (PLAN + "agent B { model: m, spawn: [A] }", ["not-yet:A"]),
    "an agent with a plan for a fixer": (PLAN + "dod Do { fix: A\n tests: on }", ["not-yet:A"]),
    "an agent with a plan in a team": (
        PLAN + "agent B { model: m, sandbox: ro }\nteam T { lead: A, workers: [B, A * 2], max_workers: 1 }",
        ["not-yet:A", "not-yet:A"],
    ),
    "an agent with a plan for a planner": (
        PLAN + 'plan Q { goal: "g"\n approve: agent\n planner: A\n agents: [P] }', ["not-yet:A"],
    ),
    "a variable whose name is computed": (
        'const N = "T"\nmodel m = anthropic "claude-sonnet-5-5" { api_key: env(N) }',
        ["wrong-type:env(N)"],
    ),
    "a variable inside of an expression": (
        'model m = anthropic "claude-sonnet-5-5" { api_key: "k" + str(env("T")) }',
        ["secret-outside:env"],
    ),
    # queues
    "a queue with a condition": (QUEUE + main("on q as v when v > 1 { y <- v }\n on x as v { q <- v }"), ["not-yet:on q as v when v > 1 { y <- v }"]),
    "a queue among others": (QUEUE + main("on q as v, x as v { y <- v }"), ["not-yet:on q as v, x as v { y <- v }"]),
    "a queue in all": (QUEUE + main("on all(x, q) as [a, b] { y <- [a, b] }"), ["not-yet:q"]),
    "a queue in await": (QUEUE + main("on x as v { let a = await q\n y <- [a, v] }"), ["not-yet:q"]),
    "a link from a queue": (QUEUE + main("create d = D\n link q -> d.i\n on x as v { y <- v }"), ["not-yet:q"]),
    # bodies
    "a division by zero": (main("on x as v { y <- v / 0 }"), ["certain-failure:v / 0"]),
    "an index outside": (main("on x as v { y <- [v][1] }"), ["certain-failure:[v][1]"]),
}  # fmt: skip
RIGHT = {
    "a default of an earlier one": "coglet Main(a: int = 1, b: int = a + 1) { listen x: int\n on x as v { log info v + a + b } }",
    "an await that a condition guards": "const Z = 0\n" + main("listen k: int\n on x as v { if Z != 0 { let a = await k timeout 1s / Z\n y <- a } else { y <- v } }"),
    "templates with filters": (
        "const L = [3, 1]\nconst N: any = null\n"
        'const A = "{{ L | sort | join(\\"-\\") }} {% for l in L if l > 1 %}{{ l * 2 }}{% endfor %} {{ N.a.b }} {{ N.a.b | default(1) }}"\n'
        'const B = A if A == "1-3 6 null null" else first([])\n' + main("on x as v { y <- [v, B] }")
    ),
    "a try": main("on x as v { y <- try (v / 0) else 0 }"),
    "a constant with a try": "const A = try (1 // 0) else 2\n" + main("on x as v { y <- v + A }"),
    "a guarded constant": "const Z = 0\n" + main("on x as v { y <- v if Z == 0 else v // Z }"),
    "a pool that starts empty": child(" * 0..3"),
    "a count of a parameter": child(" * p"),
    "scatter of a list": D + "coglet Main { listen x: [int]\n create d = D * 3 { map: scatter }\n link self.x -> d.i }",
    "a queue with a timeout": QUEUE + main("on q as v timeout 1s { y <- v }\n on x as v { q <- v }"),
    "secrets of a record": 'mcp s = stdio ["a"] { env: { K: env("T"), L: "x" } }',
    "a coglet that nobody creates with that default": D + "coglet C(n: int = 0) { state s: int = 1 // n\n listen i: int\n on i as v { log info s + v } }",
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_the_check_finds_what_a_start_would_refuse(name: str) -> None:
    text, wanted = WRONG[name]
    found = [d for d in check_text(text)[1] if d.severity == "error"]
    assert [f"{d.slug}:{text[d.span.start : d.span.end]}" for d in found] == wanted


@pytest.mark.parametrize("name", RIGHT)
def test_the_check_is_silent_where_nothing_is_refused(name: str) -> None:
    assert [d.message for d in check_text(RIGHT[name])[1] if d.severity == "error"] == []

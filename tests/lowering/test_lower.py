"""Coglets, programs, models and links as IR: what of a spec is in its program, with which keys, numbers and defaults."""

from __future__ import annotations

import msgspec
import pytest

from cogc import ir
from support.ir_text import show, type_text
from support.specs import build

CHILD = """
type Point = { x: int, y: float = 0 }
coglet Child(size: int = 1) { listen x: int
  listen p: Point
  transmit y: int
  transmit z: any
  enact go(a: int) { y <- a }
  on x as q { y <- q
    z <- q }
  on p as q { y <- q.x } }
"""


def lowered(members: str, before: str = "", head: str = "coglet Main") -> tuple[ir.Bundle, ir.Coglet]:
    bundle = build(
        f"{CHILD}{before}\n{head} {{ listen go: any\n listen point: Point\n transmit out: any\n on go, point {{ }}\n{members} }}",
        "Main",
    )
    return bundle, bundle.coglets[bundle.root]


# ---- what is in a program ------------------------------------------------------------------------------------


def test_a_program_holds_what_its_root_can_reach_and_nothing_else() -> None:
    text = """
    coglet Main { create a = A
      on start { log info used(LIMIT) } }
    coglet A { create b = B }
    coglet B { }
    coglet C { create d = B }
    const LIMIT = 3
    const OTHER = 4
    program used(n: int) -> int = expr n
    program unused(n: int) -> int = expr n
    model m = scripted "x.yml"
    """
    bundle = build(text)
    assert (bundle.root, sorted(bundle.coglets)) == ("Main", ["A", "B", "Main"])
    assert sorted(bundle.programs) == ["used"] and sorted(bundle.consts) == ["LIMIT"] and not bundle.models


def test_what_is_in_another_file_has_its_path_in_its_key() -> None:
    bundle = build(
        'import "lib.cog" as lib\ncoglet Main { create a = lib.A\n on start { log info lib.K } }',
        lib_cog="const K = 1\ncoglet A { on start { log info K } }",
    )
    assert list(bundle.consts) == ["lib::K"]
    assert {key: c.name for key, c in bundle.coglets.items()} == {"Main": "Main", "lib::A": "A"}


def test_a_coglet_that_creates_itself_is_in_the_program_once() -> None:
    bundle = build("coglet Main { listen go: any\n create m = Main * 0..2\n on go { create m() } }")
    assert list(bundle.coglets) == ["Main"] and bundle.coglets["Main"].children[0].coglet == "Main"


def test_equal_specs_give_equal_programs_whatever_their_layout() -> None:
    first = build("coglet Main { transmit n: int\n every 1s { n <- 1 } }")
    second = build("# a comment\n\n\ncoglet   Main {\n\n transmit n:int;  every 1s { n <- 1; } }")
    third = build("coglet Main { transmit n: int\n every 1s { n <- 2 } }")
    assert first.hash == second.hash != third.hash
    assert [p[1:] for p in first.positions] != [p[1:] for p in second.positions]


def test_a_program_survives_its_json() -> None:
    bundle, _ = lowered(
        "create c = Child * 2\n link self.go -> c.x\n on c.y as y when y > 1 throttle 2 per 3s { out <- y }"
    )
    assert msgspec.json.decode(msgspec.json.encode(bundle), type=ir.Bundle) == bundle


# ---- parameters, channels, states ----------------------------------------------------------------------------


def test_parameters_have_types_and_checked_defaults() -> None:
    bundle, main = lowered("", head="coglet Main(a: int = 1, b: float = 2, c: any = null, d: Point = { x: 1 })")
    assert [(p.name, type_text(bundle, p.type), show(bundle, p.default)) for p in main.parameters] == [
        ("a", "int", "1"),
        ("b", "float", "(check 2 float)"),
        ("c", "any", "null"),
        ("d", "Point", "(check (record [(entry 1 x)]) Point)"),
    ]
    assert main.own_parameters == 4


def test_channels_have_their_room_and_what_happens_without() -> None:
    bundle, main = lowered(
        "listen a: int { capacity: 3, overflow: fail }\n transmit b: Point { capacity: 9 }\n on a as v { b <- { x: v } }"
    )
    assert [(c.name, type_text(bundle, c.type), show(bundle, c.capacity), c.overflow) for c in main.listens] == [
        ("go", "any", "_", "block"),
        ("point", "Point", "_", "block"),
        ("a", "int", "3", "fail"),
    ]
    assert [(c.name, show(bundle, c.capacity)) for c in main.transmits] == [("out", "_"), ("b", "9")]


def test_states_have_numbers_values_and_lives() -> None:
    bundle, main = lowered("state a: int = 1\n state b: float = 1 keep\n state c: [int] = [] persist\n on go { a = 2 }")
    assert [(s.name, show(bundle, s.value), s.life) for s in main.states] == [
        ("a", "1", ""),
        ("b", "(check 1 float)", "keep"),
        ("c", "(list)", "persist"),
    ]


MIXIN = """
mixin Counting(from: int = 5, by: int = 1) { transmit count: int
  state n: int = from
  enact add(k: int) { n = n + k * by
    count <- n } }
"""


def test_a_mixin_is_taken_in_its_arguments_are_defaults_of_its_parameters() -> None:
    bundle, main = lowered("state own: int = size", MIXIN, "coglet Main(size: int = 2) with Counting(by: size)")
    assert [(p.name, show(bundle, p.default)) for p in main.parameters] == [
        ("size", "2"),
        ("Counting.from", "5"),
        ("Counting.by", "$0"),
    ]
    assert main.own_parameters == 1 and main.mixins == ["Counting"]
    assert [(s.name, show(bundle, s.value)) for s in main.states] == [("n", "$1"), ("own", "$0")]
    (add,) = [r for r in main.reactions if r.name == "enact add"]
    assert show(bundle, add.body[0]) == "(assign 0 n (binary + @0 (binary * k $2 checked)))"


@pytest.mark.parametrize(
    ("head", "indexes"),
    [
        ("coglet Main", (-1, [], -1)),
        ("coglet Main with LogLet", (0, [], -1)),
        ("coglet Main with SuppressLet", (-1, [0, 1], -1)),
        ("coglet Main with ProgLet", (-1, [], 0)),
    ],
)
def test_the_states_of_the_mixins_of_the_library_are_known(head: str, indexes: tuple[int, list[int], int]) -> None:
    _, main = lowered("", head=head)
    assert (main.logged_from, main.suppressed, main.registered) == indexes


# ---- children and links --------------------------------------------------------------------------------------

CHILDREN = [
    ("create c = Child", "(ChildDecl c Child [_] never broadcast)"),
    ("create c = Child(3)", "(ChildDecl c Child [3] never broadcast)"),
    ("create c = Child * 2", "(ChildDecl c Child [_] 2 never broadcast)"),
    ("create c = Child * 0..9", "(ChildDecl c Child [_] 0 9 never broadcast)"),
    ("create c = Child(x) for x in [1, 2]", "(ChildDecl c Child [x] x (list [1 2]) never broadcast)"),
    ("create c = Child * 2 { map: round_robin }", "(ChildDecl c Child [_] 2 never round_robin)"),
    ("create c = Child * 2 { map: hash(message) }", "(ChildDecl c Child [_] 2 never hash message)"),
    ("create c = Child { restart: on_error, max_restarts: 2, within: 3s, backoff: 4s }", "(ChildDecl c Child [_] on_error 2 3s 4s broadcast)"),
]  # fmt: skip


@pytest.mark.parametrize(("member", "expected"), CHILDREN)
def test_a_child_is_lowered(member: str, expected: str) -> None:
    bundle, main = lowered(f"{member}\n link self.go -> c.x\n link self.point -> c.p\n on c.y, c.z {{ }}")
    assert show(bundle, main.children[0]) == expected


LINKS = [
    ("link self.go -> c.x", ["(LinkDecl (port own_listen go) (port child_listen x c) int)"]),  # any: checked on its way
    ("link self.point -> c.p", ["(LinkDecl (port own_listen point) (port child_listen p c))"]),  # proved
    ("link c.y -> self.out", ["(LinkDecl (port child_transmit y c) (port own_transmit out))"]),
    ("link c.y -> d.x", ["(LinkDecl (port child_transmit y c) (port child_listen x d))"]),
    ("link c.y -> d[1].x", ["(LinkDecl (port child_transmit y c) (port child_listen x d 1))"]),
    (
        "link c.y, c.z -> d.x, self.out",
        [
            "(LinkDecl (port child_transmit y c) (port child_listen x d))",
            "(LinkDecl (port child_transmit y c) (port own_transmit out))",
            "(LinkDecl (port child_transmit z c) (port child_listen x d) int)",
            "(LinkDecl (port child_transmit z c) (port own_transmit out))",
        ],
    ),
    ("link c.y -> d.x { feedback: true }", ["(LinkDecl (port child_transmit y c) (port child_listen x d) feedback)"]),
    ("link c.y -> d.x { map: idle }", ["(LinkDecl (port child_transmit y c) (port child_listen x d) idle)"]),
    ("link c.y -> d.x { map: hash(message % 2) }", ["(LinkDecl (port child_transmit y c) (port child_listen x d) hash (binary % message 2))"]),
    ("link self.go -> d.x { map: scatter }", ["(LinkDecl (port own_listen go) (port child_listen x d) [int] scatter)"]),
]  # fmt: skip


@pytest.mark.parametrize(("link", "expected"), LINKS)
def test_a_link_is_a_wire_for_each_pair(link: str, expected: list[str]) -> None:
    children = "create c = Child\n create d = Child * 2\n on c.y, c.z, d.y, d.z { }\n on go as v { c.x <- 1\n d.x <- 1 }\n on point as v { c.p <- v\n d.p <- v }"
    bundle, main = lowered(f"{children}\n{link}")
    assert [show(bundle, found) for found in main.links] == expected


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ("", ("one_for_one", "_", "_")),
        ("supervise one_for_all", ("one_for_all", "_", "_")),
        ("supervise rest_for_one { max_restarts: 4, within: 1m }", ("rest_for_one", "4", "1m")),
    ],
)
def test_supervision_is_lowered(member: str, expected: tuple[str, str, str]) -> None:
    bundle, main = lowered(member)
    found = main.supervision
    assert (found.strategy, show(bundle, found.max_restarts), show(bundle, found.within)) == expected


# ---- reactions -----------------------------------------------------------------------------------------------

TRIGGERS = [
    ("on go as v { out <- v }", "on go", "(Trigger port [(port own_listen go)] [v])"),
    ("on go { out <- 1 }", "on go", "(Trigger port [(port own_listen go)])"),
    ("on go as [a, b] { out <- a }", "on go", "(Trigger port [(port own_listen go)] [a b] apart)"),
    ("on c.y as v { out <- v }", "on c.y", "(Trigger port [(port child_transmit y c)] [v])"),
    ("on d.y as v { out <- v }", "on d.y", "(Trigger port [(port child_transmit y d)] [v] sender)"),
    ("on all(c.y, c.z) as [a, b] { out <- a }", "on all(c.y, c.z)", "(Trigger all [(port child_transmit y c) (port child_transmit z c)] [a b] apart)"),
    ("on error(c) as e { out <- e.kind }", "on error(c)", "(Trigger error [e] c)"),
    ("on start { out <- 1 }", "on start", "(Trigger start)"),
    ("on stop { out <- 1 }", "on stop", "(Trigger stop)"),
    ("every 5s { out <- 1 }", "every 5s", "(Trigger every 5s)"),
    ('every 1d at "08:00 UTC" { out <- 1 }', 'every 1d at "08:00 UTC"', "(Trigger every 1d 08:00 UTC)"),
    ("every 5 ticks { out <- 1 }", "every 5 ticks", "(Trigger ticks 5)"),
    ("after 5s { out <- 1 }", "after 5s", "(Trigger after 5s)"),
    ("enact give(a: int) { out <- a }", "enact give", "(Trigger command [a] give)"),
]  # fmt: skip


@pytest.mark.parametrize(("member", "name", "expected"), TRIGGERS)
def test_a_trigger_is_lowered(member: str, name: str, expected: str) -> None:
    bundle, main = lowered(
        f"create c = Child\n create d = Child * 0..3\n on go {{ c.x <- 1\n d.x <- 1 }}\n on point as v {{ c.p <- v\n d.p <- v }}\n on c.y, c.z, d.y, d.z {{ }}\n{member}"
    )
    found = [r for r in main.reactions if r.name == name and r.body][-1]
    assert [show(bundle, t) for t in found.triggers] == [expected]


MODIFIERS = [
    ("when v > 1", "when", "(binary > v 1 checked)"),
    ("concurrent 3", "concurrent", "3"),
    ("timeout 2s", "timeout", "2s"),
    ("debounce 2s", "debounce", "2s"),
    ("throttle 2 per 3s", "throttle", "(pair 2 3s)"),
    ("distinct v within 4s", "distinct", "(pair v 4s)"),
    ("batch 5 within 6s", "batch", "(pair 5 6s)"),
]


@pytest.mark.parametrize(("modifier", "field", "expected"), MODIFIERS)
def test_a_modifier_is_lowered(modifier: str, field: str, expected: str) -> None:
    bundle, main = lowered(f"on go as v {modifier} {{ out <- v }}")
    found = main.reactions[-1]
    assert show(bundle, getattr(found, field)) == expected
    others = {f for _, f, _ in MODIFIERS} - {field}
    assert [f for f in others if getattr(found, f) is not None] == []


@pytest.mark.parametrize(
    ("body", "waits"),
    [
        ("out <- v", False),
        ("out <- pure(1)", False),
        ("out <- slow(1)", True),
        ("if false { out <- slow(1) }", True),
        ("let a = await other", True),
        ("create d()", False),
        ("let i = create d()", False),
        ("items <- 1", True),
        ("guide c.go(1)", False),
    ],
)
def test_a_reaction_that_may_wait_is_known_as_such(body: str, waits: bool) -> None:
    programs = 'program slow(n: int) -> int = shell ["true"]\nprogram pure(n: int) -> int = expr n\nqueue items: int = memory\n'
    _, main = lowered(
        f"listen other: any\n on other {{ }}\n create c = Child\n create d = Child * 0..3\n on c.y, c.z, d.y, d.z {{ }}\n on go as v {{ {body} }}",
        programs,
    )
    assert main.reactions[-1].waits is waits


def test_an_else_has_its_name_and_its_own_code() -> None:
    bundle, main = lowered("on go as v { fail v } else as e { out <- [v, e.kind] }")
    found = main.reactions[-1]
    assert found.error_name == "e" and found.handler is not None
    assert show(bundle, found.handler) == "[(emit (port own_transmit out) (list [v (field e kind required)]))]"


PIPELINES = [
    ("on go -> out", ["(emit (port own_transmit out) it)"]),
    ("on go as v -> out", ["(emit (port own_transmit out) v)"]),
    ("on go -> pure -> out", ["(let [it] (call pure [(check it int)]))", "(emit (port own_transmit out) it)"]),
    ("on go -> pure(it) -> pure(it + 1) -> out", ["(let [it] (call pure [(check it int)]))", "(let [it] (call pure [(binary + it 1)]))", "(emit (port own_transmit out) it)"]),
    ("every 1s -> pure(4) -> out", ["(let [it] (call pure [4]))", "(emit (port own_transmit out) it)"]),
]  # fmt: skip


@pytest.mark.parametrize(("member", "expected"), PIPELINES)
def test_a_pipeline_is_a_let_for_each_stage_and_a_send(member: str, expected: list[str]) -> None:
    bundle, main = lowered(member, "program pure(n: int) -> int = expr n\n")
    assert [show(bundle, s) for s in main.reactions[-1].body] == expected


# ---- programs ------------------------------------------------------------------------------------------------


def program(text: str) -> tuple[ir.Bundle, ir.Program]:
    bundle = build(
        f'model m = scripted "m.yml"\nmcp s = stdio ["x"]\n{text}\ncoglet Main {{ listen go: any\n transmit out: any\n on go {{ out <- p(a: 1) }} }}'
    )
    return bundle, next(p for p in bundle.programs.values() if p.name == "p")


PROGRAMS = [
    ("program p(a: int) -> int = expr a + 1", "expr", "(binary + a 1)"),
    ("program p(a: any) -> int = expr a", "expr", "(check a int)"),
    ('program p(a: int) = template "{{ a }}"', "template", "(text [a])"),
]


@pytest.mark.parametrize(("text", "kind", "body"), PROGRAMS)
def test_a_pure_program_has_its_body(text: str, kind: str, body: str) -> None:
    bundle, found = program(text)
    assert (found.kind, show(bundle, found.body)) == (kind, body)


def test_a_command_has_its_words_and_attributes() -> None:
    bundle, found = program(
        'program p(a: int, more: [string] = []) -> [string] = shell ["ls", more, a] { output: lines, timeout: 5s, env: { K: env("KEY") } }'
    )
    assert (found.kind, [show(bundle, w) for w in found.words]) == ("shell", ['"ls"', "more", "a"])
    assert {k: show(bundle, v) for k, v in found.attributes.items()} == {
        "output": '"lines"',
        "timeout": "5s",
        "env": '(record [(entry {"env": "KEY"} K)])',  # the secret itself is never in a program
    }
    assert type_text(bundle, found.result) == "[string]"


def test_a_function_and_a_tool_have_their_names() -> None:
    _, found = program('program p(a: int) -> int = python "mod:f"')
    assert (found.kind, found.argument, found.words) == ("python", "mod:f", [])
    bundle, found = program("program p(a: int) -> any = mcp s.look")
    assert (found.kind, found.argument, found.server) == ("mcp", "look", "s") and list(bundle.servers) == ["s"]


def test_a_conversation_has_its_model_and_tools() -> None:
    bundle, found = program(
        'program t(n: int) -> int = expr n\nprogram p(a: int) -> string = llm { model: m, prompt: "Say {{ a }}", tools: [t], max_tokens: 9, budget: { turns: 2 } }'
    )
    assert (found.kind, found.model, found.tools) == ("llm", "m", ["t"])
    assert {k: show(bundle, v) for k, v in found.attributes.items()} == {
        "prompt": '(text ["Say " a])',
        "max_tokens": "9",
        "budget": "(record [(entry 2 turns)])",
    }
    assert bundle.models["m"].provider == "scripted" and bundle.models["m"].argument == "m.yml"


def test_a_program_of_a_coglet_is_lowered_for_each_coglet_that_has_it() -> None:
    text = """
    mixin Sized(size: int) { transmit out: int
      program grow(n: int) -> int = expr n + size
      on start { out <- grow(1) } }
    coglet A with Sized(1) { }
    coglet B with Sized(2) { }
    coglet Main { create a = A
      create b = B
      on a.out, b.out { } }
    """
    bundle = build(text)
    assert sorted(bundle.programs) == ["A.grow", "B.grow"]


def test_an_agent_is_its_conversation_with_what_it_may_start() -> None:
    text = """
    model m = anthropic "claude-sonnet-5-5"
    agent Helper { model: m }
    agent Chief { model: m, system: "You lead.", spawn: [Helper] { max_concurrent: 2, dispatch: local }, tools: [Helper] }
    coglet Main { listen go: string
      transmit out: any
      create c = Chief
      link self.go -> c.task
      on c.result as r { out <- r }
      on c.failed { } }
    """
    bundle = build(text)
    (chief,) = [p for p in bundle.programs.values() if p.kind == "llm" and p.name == "Chief"]
    assert chief.agent is not None and len(chief.agent.spawn) == 1
    assert (show(bundle, chief.agent.max_concurrent), chief.agent.dispatch) == ("2", "local")
    assert show(bundle, chief.attributes["system"]) == '"You lead."'
    (coglet,) = [c for c in bundle.coglets.values() if c.kind == "agent"]
    assert [c.name for c in coglet.listens] == ["task"] and {"result", "failed", "delta"} <= {
        c.name for c in coglet.transmits
    }


# ---- places --------------------------------------------------------------------------------------------------


def test_places_lead_back_to_the_lines_of_the_spec() -> None:
    bundle = build("coglet Main {\n  listen go: int\n  on go as v {\n    fail v\n  }\n}\n")
    (reaction,) = bundle.coglets["Main"].reactions
    (fail,) = reaction.body
    assert isinstance(fail, ir.Fail)
    assert bundle.positions[fail.at] == ("spec.cog", 4, 5)
    assert bundle.positions[reaction.at] == ("spec.cog", 3, 3)
    assert bundle.positions[bundle.coglets["Main"].at] == ("spec.cog", 1, 8)

"""The rules of specs/semantics.md, each a test named after it."""

from __future__ import annotations

from typing import Any

import pytest

from cogc.language.values import Failure
from support.sim import Sim

PAIR = """
coglet Main {{
  listen go: int
  transmit seen: any
  {members}
}}
"""


def main(members: str, before: str = "", **parameters: object) -> Sim:
    return Sim(before + PAIR.format(members=members), "Main", **parameters)


# ---- steps, order, pressure ----------------------------------------------------------------------------------

ECHO = "coglet Echo { listen x: int\n transmit y: int\n on x as v { y <- v } }\n"


def test_a_step_is_atomic_its_transmits_reach_every_target_at_once() -> None:
    sim = main(
        "create a = Echo\n create b = Echo\n link self.go -> a.x, b.x\n on a.y as v { seen <- [1, v] }\n on b.y as v { seen <- [2, v] }",
        ECHO,
    )
    assert sim.send("go", 7).sent("seen") == [[1, 7], [2, 7]]


def test_a_sender_is_parked_until_the_inbox_has_room() -> None:
    before = """
    coglet Source { listen go: int
      transmit x: int
      transmit done: int
      on go as n { for i in range(3) { x <- n * 10 + i } } }
    coglet Slow { listen x: int { capacity: 2 }
      transmit y: int
      program wait(v: int) -> int = shell ["true"]
      on x as v { y <- wait(v) } }
    """
    sim = main(
        "create s = Source\n create t = Slow\n link self.go -> s.go\n link s.x -> t.x\n on t.y as v { seen <- v }",
        before,
    )
    sim.send("go", 1).send("go", 2)
    # the first step sent three into an inbox of two: over by one step's output, and the second step has to wait
    source = sim.kernel.root.children["s"].only()
    assert source.status() == "parked"
    assert [c.arguments["v"] for c in sim.calls] == [10]
    for v in (10, 11):
        sim.answer(v)
    assert source.status() != "parked" or sim.kernel.root.children["t"].only().ports["x"].fill >= 2
    for v in (12, 20, 21, 22):
        sim.answer(v)
    assert sim.sent("seen") == [10, 11, 12, 20, 21, 22]


@pytest.mark.parametrize(("overflow", "expected"), [("drop_newest", [1, 2, 3]), ("drop_oldest", [1, 4, 5])])
def test_overflow_drops_and_every_drop_is_traced(overflow: str, expected: list[int]) -> None:
    before = f"""
    coglet Slow {{ listen x: int {{ capacity: 2, overflow: {overflow} }}
      transmit y: int
      program wait(v: int) -> int = shell ["true"]
      on x as v {{ y <- wait(v) }} }}
    """
    text = before + PAIR.format(members="create t = Slow\n link self.go -> t.x\n on t.y as v { seen <- v }")
    sim = Sim(text, "Main", traced=True)
    for v in range(1, 6):
        sim.send("go", v)
    for v in expected:
        assert sim.calls[0].arguments["v"] == v
        sim.answer(v)
    assert sim.sent("seen") == expected
    assert len(sim.records("drop")) == 2


def test_overflow_fail_fails_the_reaction_at_that_transmit() -> None:
    before = """
    coglet Slow { listen x: int { capacity: 1, overflow: fail }
      program wait(v: int) -> int = shell ["true"]
      on x as v { wait(v) } }
    """
    sim = main("create t = Slow\n on go as v { t.x <- v\n t.x <- v } else as e { seen <- e.kind }", before)
    sim.send("go", 1)
    assert sim.sent("seen") == ["overflow"]


def test_commands_go_ahead_of_data_that_came_earlier() -> None:
    before = """
    coglet T { listen x: int
      transmit y: string
      on x as v { y <- "data {{ v }}" }
      enact hey { y <- "command" } }
    """
    sim = main("create t = T\n on go as v { t.x <- v\n guide t.hey() }\n on t.y as v { seen <- v }", before)
    assert sim.send("go", 1).sent("seen") == ["command", "data 1"]


def test_reactions_to_one_message_run_in_textual_order_each_guard_in_its_turn() -> None:
    sim = main('state n: int = 0\n on go { n = n + 1 }\n on go when n == 1 { seen <- "guard saw {{ n }}" }')
    assert sim.send("go", 1).sent("seen") == ["guard saw 1"]


def test_without_concurrent_a_reaction_holds_its_coglet_until_it_ends() -> None:
    sim = main('program f(v: int) -> int = shell ["true"]\n on go as v { seen <- f(v) }')
    sim.send("go", 1).send("go", 2)
    assert len(sim.calls) == 1
    sim.answer(10)
    assert len(sim.calls) == 1 and sim.calls[0].arguments == {"v": 2}


def test_concurrent_n_has_n_under_way_and_outputs_leave_in_order_of_completion() -> None:
    sim = main('program f(v: int) -> int = shell ["true"]\n on go as v concurrent 2 { seen <- f(v) }')
    for v in (1, 2, 3):
        sim.send("go", v)
    assert [c.arguments["v"] for c in sim.calls] == [1, 2]
    sim.answer(20, call=1)
    assert [c.arguments["v"] for c in sim.calls] == [1, 3]
    sim.answer(10).answer(30)
    assert sim.sent("seen") == [20, 10, 30]


def test_calls_are_evaluated_first_left_to_right_then_state_is_read() -> None:
    members = """
      state n: int = 1
      program f(v: int) -> int = shell ["true"]
      on go as v concurrent 5 { seen <- n * 100 + f(v) + f(v + 1) }
      enact set { n = 5 }
      on go when go_on { guide self.set() }
      const go_on = true
    """
    sim = main(members.replace("on go when go_on { guide self.set() }\n", "every 1s { guide self.set() }\n"))
    sim.send("go", 1)
    assert sim.calls[0].arguments == {"v": 1}
    sim.run(1)
    sim.answer(1)
    assert sim.calls[0].arguments == {"v": 2}
    sim.answer(2)
    assert sim.sent("seen") == [503]


def test_if_else_and_or_coalesce_evaluate_only_what_they_need_calls_included() -> None:
    sim = main('program f(v: int) -> int? = shell ["true"]\non go as v { seen <- (f(v) ?? f(v + 1)) if v > 0 else 0 }')
    sim.send("go", 0)
    assert sim.sent("seen") == [0] and not sim.calls
    sim.send("go", 1).answer(None).answer(9)
    assert sim.sent("seen") == [0, 9]


def test_every_keeps_a_grid_and_a_late_tick_is_skipped_and_counted() -> None:
    sim = main('program f() -> int = shell ["true"]\n every 1s { seen <- f() }')
    sim.run(3.5)
    assert len(sim.calls) == 1 and sim.kernel.skipped == 2
    sim.answer(1).run(0.5)
    assert len(sim.calls) == 1


def test_run_processes_every_event_up_to_and_at_its_end() -> None:
    sim = main("state n: int = 0\n every 1s { n = n + 1\n seen <- n }")
    assert sim.run(3).sent("seen") == [1, 2, 3]


def test_on_all_fires_with_one_from_each_source_in_order() -> None:
    sim = main("create a = Echo\n create b = Echo\n on go as v { a.x <- v\n a.x <- v + 1\n b.x <- v * 10 }\n"
               "on all(a.y, b.y) as [p, q] { seen <- [p, q] }", ECHO)  # fmt: skip
    sim.send("go", 1)
    assert sim.sent("seen") == [[1, 10]]
    sim.send("go", 5)
    assert sim.sent("seen") == [[1, 10], [2, 50]]


def test_on_all_of_replicas_gives_a_list_with_one_from_each() -> None:
    sim = main("create p = Echo * 3\n on go as v { p.x <- v }\n on all(p.y) as all_of { seen <- all_of }", ECHO)
    assert sim.send("go", 4).sent("seen") == [[4, 4, 4]]


def test_what_waits_in_a_join_at_the_end_is_a_dead_letter() -> None:
    sim = main(
        "create a = Echo\n create b = Echo\n on go as v { a.x <- v }\n on all(a.y, b.y) as l { seen <- l }", ECHO
    )
    sim.send("go", 1)
    assert sim.kernel.leftovers() == 1


def test_a_source_that_stopped_for_good_leaves_the_join() -> None:
    sim = main("create p = Echo * 2\n on go as v { p[0].x <- v\n stop p[1] }\n on all(p.y) as l { seen <- l }", ECHO)
    assert sim.send("go", 3).sent("seen") == [[3]]


# ---- failure, restart, stop ----------------------------------------------------------------------------------

BAD = """
coglet Bad { listen x: int
  transmit y: int
  state n: int = 0
  state kept: int = 0 keep
  on x as v { n = n + 1
    kept = kept + 1
    if v == 0 { fail "zero" }
    y <- n * 100 + kept } }
"""


def test_a_restart_resets_states_keeps_keep_and_the_waiting_inbox() -> None:
    sim = main("create b = Bad { restart: on_error, backoff: 1s }\n on go as v { b.x <- v\n b.x <- 0\n b.x <- v }\n"
               "on b.y as v { seen <- v }", BAD)  # fmt: skip
    sim.send("go", 1)
    assert sim.sent("seen") == [101]
    sim.run(2)
    assert sim.sent("seen") == [101, 103]


def test_past_max_restarts_the_failure_escalates_and_ends_the_run_at_the_root() -> None:
    sim = main("create b = Bad { restart: on_error, max_restarts: 1, backoff: 1ms }\n link self.go -> b.x\n"
               "on b.y as v { seen <- v }", BAD)  # fmt: skip
    sim.send("go", 0).run(1)
    assert sim.kernel.ended is None
    sim.send("go", 0).run(1)
    assert sim.kernel.ended == "failed"
    report = sim.kernel.report
    assert report is not None and report.path == "Main/b" and report.failure.message == "zero" and report.event == 0


def test_never_is_the_default_and_escalates_at_once() -> None:
    sim = main("create b = Bad\n link self.go -> b.x\n on b.y as v { seen <- v }", BAD).send("go", 0)
    assert sim.kernel.ended == "failed"


def test_on_error_sees_what_failed_and_may_decide() -> None:
    sim = main("create b = Bad\n link self.go -> b.x\n on b.y as v { seen <- v }\n"
               "on error(b) as e { seen <- [e.child, e.message, e.event]\n restart b }", BAD)  # fmt: skip
    sim.send("go", 0).send("go", 3).run(1)
    assert sim.sent("seen") == [["b", "zero", 0], 102]


def test_on_error_that_decides_nothing_leaves_it_to_the_policy() -> None:
    sim = main("create b = Bad { restart: on_error, backoff: 1ms }\n link self.go -> b.x\n on b.y as v { seen <- v }\n"
               "on error(b) as e { seen <- e.restarts }", BAD)  # fmt: skip
    sim.send("go", 0).run(1).send("go", 5)
    assert sim.sent("seen") == [0, 102]


def test_on_error_that_fails_escalates_with_both_errors() -> None:
    sim = main('create b = Bad\n link self.go -> b.x\n on b.y as v { seen <- v }\n on error(b) { fail "second" }', BAD)
    sim.send("go", 0)
    assert sim.kernel.report is not None
    assert "second" in sim.kernel.report.failure.message and "zero" in sim.kernel.report.failure.message


def test_a_handler_of_a_block_keeps_the_coglet_alive() -> None:
    sim = main('state n: int = 0\n on go as v { n = n + 1\n fail "no {{ v }}" } else as e { seen <- e.message }')
    assert sim.send("go", 1).send("go", 2).sent("seen") == ["no 1", "no 2"]


def test_try_gives_the_other_value_when_a_call_fails() -> None:
    sim = main('program f(v: int) -> int = shell ["true"]\n on go as v { seen <- try f(v) else 0 - 1 }')
    sim.send("go", 1).answer(Failure("program", "broken"))
    assert sim.sent("seen") == [-1]


def test_a_timeout_fails_the_reaction_and_cancels_its_call() -> None:
    sim = main(
        'program f(v: int) -> int = shell ["true"]\n on go as v timeout 5s { seen <- f(v) } else as e { seen <- e.kind }'
    )
    sim.send("go", 1).run(6)
    assert sim.sent("seen") == ["timeout"] and sim.cancelled == [1]


@pytest.mark.parametrize(
    ("strategy", "expected"), [("one_for_one", [0, 1, 0]), ("one_for_all", [1, 1, 1]), ("rest_for_one", [0, 1, 1])]
)
def test_supervision_strategies(strategy: str, expected: list[int]) -> None:
    before = """
    coglet W { listen x: int
      transmit started: int
      transmit y: int
      state life: int = 0 keep
      on start { life = life + 1 }
      on x as v { if v == 0 { fail "zero" }
        y <- life } }
    """
    sim = main(
        f"supervise {strategy}\n create a = W {{ restart: on_error, backoff: 1ms }}\n create b = W {{ restart: on_error, backoff: 1ms }}\n"
        "create c = W { restart: on_error, backoff: 1ms }\n"
        "on go as v { if v == 0 { b.x <- 0 } else { a.x <- 1\n b.x <- 1\n c.x <- 1 } }\n on all(a.y, b.y, c.y) as l { seen <- l }",
        before.replace("transmit started: int\n", ""),
    )
    sim.send("go", 0).run(1).send("go", 1)
    assert sim.sent("seen") == [[1 + e for e in expected]]


def test_on_start_runs_children_before_their_parent_and_on_stop_the_other_way() -> None:
    before = 'coglet W { on start { log info "start w" }\n on stop { log info "stop w" } }\n'
    sim = main('create w = W\n on start { log info "start main" }\n on stop { log info "stop main" }', before)
    sim.kernel.stop()
    sim.settle()
    assert [v for _, v in sim.logs] == ["start w", "start main", "stop w", "stop main"]
    assert sim.kernel.ended == "stopped"


def test_what_is_sent_to_a_stopped_coglet_is_a_dead_letter() -> None:
    sim = main(
        "create e = Echo\n on go as v { if v == 0 { stop e } else { e.x <- v } }\n on e.y as v { seen <- v }", ECHO
    )
    sim.send("go", 0).send("go", 1)
    assert sim.sent("seen") == [] and sim.kernel.dead_letters == 1


def test_stop_self_ends_the_reaction_and_then_the_run() -> None:
    sim = main("on go as v { seen <- v\n stop self }").send("go", 1)
    assert sim.sent("seen") == [1] and sim.kernel.ended == "stopped"


def test_a_deadlock_is_named_not_hung() -> None:
    before = """
    coglet A { listen x: int { capacity: 1 }
      transmit y: int
      on x as v { y <- v
        y <- v } }
    """
    sim = main("create a = A\n create b = A\n link self.go -> a.x\n link a.y -> b.x\n"
               "on b.y as v { a.x <- v }\n on go when false { seen <- 1 }", before)  # fmt: skip
    sim.send("go", 1)
    assert sim.kernel.idle and set(sim.kernel.deadlock() or []) >= {"Main -> Main/a.x", "Main/a -> Main/b.x"}


# ---- waiting, time, many of a kind ---------------------------------------------------------------------------


def test_await_takes_the_first_matching_message_before_any_reaction() -> None:
    members = """
      create e = Echo
      on go as v concurrent 1 { let a = await e.y when message > 5 timeout 10s
          seen <- ["awaited", a] }
      on e.y as v { seen <- v }
      every 1s { e.x <- 3
        e.x <- 8 }
    """
    sim = main(members, ECHO).send("go", 0).run(1)
    assert sim.sent("seen") == [3, ["awaited", 8]]


def test_await_is_null_when_the_time_is_over() -> None:
    sim = main("create e = Echo\n on go { let a = await e.y timeout 2s\n seen <- a }\n every 100s { e.x <- 1 }", ECHO)
    assert sim.send("go", 1).run(3).sent("seen") == [None]


def test_debounce_keeps_the_last_of_messages_close_upon_each_other() -> None:
    sim = main("on go as v debounce 1s { seen <- v }")
    sim.send("go", 1).run(0.5).send("go", 2).run(0.9)
    assert sim.sent("seen") == []
    assert sim.run(0.2).sent("seen") == [2]


def test_throttle_lets_so_many_through_in_a_time() -> None:
    sim = main("on go as v throttle 2 per 1m { seen <- v }")
    for v in (1, 2, 3):
        sim.send("go", v)
    assert sim.run(61).send("go", 4).sent("seen") == [1, 2, 4]


def test_distinct_drops_what_was_seen_lately() -> None:
    sim = main("on go as v distinct v % 3 within 10s { seen <- v }")
    for v in (1, 4, 2):
        sim.send("go", v)
    assert sim.run(11).send("go", 4).sent("seen") == [1, 2, 4]


def test_batch_collects_so_many_or_for_so_long() -> None:
    sim = main("on go as many batch 2 within 1m { seen <- many }")
    sim.send("go", 1).send("go", 2).send("go", 3)
    assert sim.sent("seen") == [[1, 2]]
    assert sim.run(61).sent("seen") == [[1, 2], [3]]


def test_after_fires_once() -> None:
    sim = main("state n: int = 0\n after 2s { n = n + 1\n seen <- n }")
    assert sim.run(10).sent("seen") == [1]


def test_every_n_ticks_counts_the_tick_commands() -> None:
    before = "coglet T { transmit y: int\n state n: int = 0\n every 3 ticks { n = n + 1\n y <- n } }\n"
    sim = main("create t = T\n on go { guide t.tick() }\n on t.y as v { seen <- v }", before)
    for _ in range(7):
        sim.send("go", 1)
    assert sim.sent("seen") == [1, 2]


def test_one_child_for_each_item() -> None:
    before = "coglet N(k: string) { listen x: int\n transmit y: string\n on x as v { y <- k } }\n"
    sim = main(
        'create n = N(k) for k in ["a", "b"]\n on go as v { n.x <- v }\n on n.y as v { seen <- [sender.index, v] }',
        before,
    )
    assert sim.send("go", 1).sent("seen") == [[0, "a"], [1, "b"]]


def test_a_pool_grows_and_indexes_are_not_used_again() -> None:
    sim = main("create p = Echo * 0..3\n on go as v { if v == 0 { stop p[0] } else { let i = create p()\n p[i].x <- i } }\n"
               "on p.y as v { seen <- [sender.index, v] }", ECHO)  # fmt: skip
    for v in (1, 1, 0, 1):
        sim.send("go", v)
    assert sim.sent("seen") == [[0, 0], [1, 1], [2, 2]]


@pytest.mark.parametrize(
    ("map", "expected"),
    [("broadcast", [0, 1, 0, 1, 0, 1]), ("round_robin", [0, 1, 0]), ("hash(message % 2)", None), ("idle", [0, 0, 0])],
)
def test_the_maps_share_messages_among_replicas(map: str, expected: list[int] | None) -> None:
    sim = main(
        f"create p = Echo * 2 {{ map: {map} }}\n on go as v {{ p.x <- v }}\n on p.y as v {{ seen <- sender.index }}",
        ECHO,
    )
    for v in (1, 2, 3):
        sim.send("go", v)
    found = sim.sent("seen")
    if expected is None:
        assert found[0] == found[2] and len(found) == 3
    else:
        assert found == expected


def test_scatter_gives_each_replica_its_item_and_another_length_fails() -> None:
    sim = main("create p = Echo * 2 { map: scatter }\n on go as v { p.x <- [v, v + 1] if v > 0 else [v] } else as e { seen <- e.kind }\n"
               "on p.y as v { seen <- v }", ECHO)  # fmt: skip
    assert sim.send("go", 1).send("go", 0).sent("seen") == [1, 2, "error"]


def test_data_to_an_empty_pool_is_a_dead_letter() -> None:
    sim = main("create p = Echo * 0..3\n on go as v { p.x <- v }\n on p.y as v { seen <- v }", ECHO).send("go", 1)
    assert sim.kernel.dead_letters == 1


# ---- mixins --------------------------------------------------------------------------------------------------


def test_loglet_feeds_a_channel_from_its_level_on() -> None:
    before = 'coglet L with LogLet(level: "warn") { listen x: int\n on x as v { log info "i"\n log error "e" } }\n'
    sim = main("create l = L\n link self.go -> l.x\n on l.log as r { seen <- r }", before).send("go", 1)
    assert sim.sent("seen") == [{"level": "error", "data": "e"}]
    assert sim.logs == [("info", "i"), ("error", "e")]


def test_suppresslet_silences_channels_and_commands_and_the_coglet_goes_on() -> None:
    before = """
    coglet S with SuppressLet { listen x: int
      transmit y: int
      state n: int = 0
      on x as v { n = n + v
        y <- n }
      enact reset { n = 0 } }
    """
    sim = main('create s = S\n on go as v { if v == 0 { guide s.suppress(channels: ["y"], commands: ["reset"]) }\n'
               'if v < 0 { guide s.reset()\n guide s.unsuppress(channels: ["y"]) }\n if v > 0 { s.x <- v } }\n on s.y as v { seen <- v }',
               before)  # fmt: skip
    for v in (1, 0, 2, -1, 3):
        sim.send("go", v)
    assert sim.sent("seen") == [1, 6]


PROGLET = """
program twice(n: int) -> int = expr n * 2
program slow(n: int) -> int = shell ["true"]
program words(n: int) -> string = expr "no"
coglet P with ProgLet { listen x: int
  transmit y: int
  program f(n: int) -> int = expr n + 1
  program g(n: int) -> int = shell ["true"]
  program said(n: int) -> string = template "n is {{ n }}"
  on x as v when f(v) > 0 { y <- f(v)
    y <- g(v)
    log info said(v) } }
coglet Main { listen go: int
  listen table: any
  transmit seen: any
  create p = P
  supervise one_for_one { max_restarts: 0 }
  on go as v { p.x <- v }
  on table as t { guide p.register(t) }
  on p.y as v { seen <- v }
  on error(p) as e { seen <- e.message } }
"""


@pytest.mark.parametrize(
    ("table", "seen", "said"),
    [
        ({}, [6], ["n is 5"]),
        ({"f": "twice"}, [10], ["n is 5"]),
        ({"f": {"expr": "n * n"}, "g": {"expr": "-n"}}, [25, -5], ["n is 5"]),
        ({"g": "twice", "said": {"template": "{{ n }}!"}}, [6, 10], ["5!"]),
        ({"g": "f"}, [6, 6], ["n is 5"]),
        ({"f": {"expr": "0 - n"}}, [], []),
    ],
)
def test_proglet_gives_programs_another_meaning(table: Any, seen: list[Any], said: list[str]) -> None:
    sim = Sim(PROGLET)
    sim.send("table", table).send("go", 5)
    if sim.calls:
        sim.answer(7)
        seen = [*seen, 7]
    assert sim.sent("seen") == seen and [v for _, v in sim.logs] == (said if seen else [])


def test_proglet_gives_a_program_that_waits_the_meaning_of_another() -> None:
    sim = Sim(PROGLET).send("go", 5)
    assert sim.calls[0].program.name == "g"
    sim.answer(1).send("table", {"g": "slow"}).send("go", 5)
    assert sim.calls[0].program.name == "slow"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("f", "takes a map or record, not string"),
        ({"nope": "f"}, "`P` has no program `nope`"),
        ({"f": "nope"}, "`P` has no program `nope`"),
        ({"f": "words"}, "`f` and `words` have different signatures"),
        ({"f": "slow"}, "`slow` waits, `f` does not"),
        ({"f": 3}, "takes a program's name"),
        ({"f": {"shell": "ls"}}, "takes a program's name"),
        ({"f": {"expr": 3}}, "is a string, not int"),
        ({"f": {"expr": "n +"}}, "in the expr of `f`"),
        ({"f": {"expr": "m"}}, "`m`"),
        ({"f": {"expr": "twice(n)"}}, "`twice`"),
        ({"f": {"expr": '"x"'}}, "in the expr of `f`"),
        ({"said": {"template": "{{ nope }}"}}, "`nope`"),
        ({"said": {"template": "{% for %}"}}, "in the template of `said`"),
    ],
)
def test_proglet_refuses_what_has_no_meaning(table: Any, message: str) -> None:
    assert message in Sim(PROGLET).send("table", table).sent("seen")[0]


# ---- values --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 == 1.0", True),
        ('"a" + "b"', "ab"),
        ("[1] + [2]", [1, 2]),
        ("7 // 2", 3),
        ("7 / 2", 3.5),
        ("-7 % 3", 2),
        ("1m + 30s == 90s", True),
        ("1m / 30s", 2.0),
        ("2 * 30s == 1m", True),
        ("[x * 2 for x in [1, 2, 3] if x > 1]", [4, 6]),
        ('{ [k]: len(k) for k in ["a", "bb"] }', {"a": 1, "bb": 2}),
        ('{ ...{ a: 1 }, a: 2, [lower("B")]: 3 }', {"a": 2, "b": 3}),
        ("[1, 2, 3, 4][1:3]", [2, 3]),
        ('sort_by([{ n: 2 }, { n: 1 }], "n")', [{"n": 1}, {"n": 2}]),
        ("unique([1, 1.0, 2])", [1, 1.0, 2]),
        ('"b" in { b: 1 }', True),
        ('first(split("a b", " "))', "a"),
        ('"{{ v }} and {{ [v] | length }}"', "3 and 1"),
        ('"{{ NOTHING.a.b }}{{ [NOTHING.a] | length }}"', "null1"),
        ("v is int", True),
        ("1 if v > 2 else 0", 1),
        ("not (v > 2) or v == 3", True),
        ("str(1m30s)", "1m30s"),
        ("min(3, 1, 2) + max([1, 5])", 6),
        ("round(2.567, 1)", 2.6),
    ],
)
def test_expressions_mean_what_the_page_says(expression: str, value: object) -> None:
    text = f"state nothing: any = null\n on go as v {{ seen <- {expression} }}"
    sim = main(text.replace("NOTHING", "nothing")).send("go", 3)
    assert sim.kernel.report is None, sim.kernel.report.failure.message
    assert sim.sent("seen") == [value] and type(sim.sent("seen")[0]) is type(value)


@pytest.mark.parametrize(
    "expression", ["[1, 2][v]", "1 // (v - 3)", "first([])", 'int("x")', "1 % (v - 3)", "NOTHING.a", 'NOTHING["a"]']
)
def test_an_expression_that_fails_fails_its_reaction(expression: str) -> None:
    text = f"state nothing: any = null\n on go as v {{ seen <- {expression} }} else as e {{ seen <- e.kind }}"
    sim = main(text.replace("NOTHING", "nothing")).send("go", 3)
    assert sim.sent("seen") == ["error"]


def test_a_message_that_cannot_be_of_its_channels_type_is_the_senders_failure() -> None:
    sim = main('listen raw: any\n create e = Echo\n on raw as v { e.x <- v } else as e2 { seen <- e2.kind }\n on e.y as v { seen <- v }\n on go { }',
               ECHO)  # fmt: skip
    assert sim.send("raw", 3).send("raw", "x").sent("seen") == [3, "type"]


def test_defaults_and_int_to_float_are_applied_at_the_check() -> None:
    before = "type V = { n: float, w: float = 1.5, note?: string }\ncoglet C { listen x: V\n transmit y: V\n on x as v { y <- v } }\n"
    sim = main("create c = C\n on go as v { c.x <- { n: v } }\n on c.y as v { seen <- v }", before).send("go", 2)
    assert sim.sent("seen") == [{"n": 2.0, "w": 1.5}] and type(sim.sent("seen")[0]["n"]) is float


def test_bad_input_from_outside_is_refused_at_the_door() -> None:
    sim = main("on go as v { seen <- v }")
    with pytest.raises(Failure, match="expected int"):
        sim.send("go", "x")
    assert sim.send("go", 1).sent("seen") == [1]


def test_random_numbers_come_from_the_seed_and_the_path() -> None:
    text = PAIR.format(members="on go { seen <- [random(), uuid()] }")
    first, second = Sim(text, seed=5).send("go", 1), Sim(text, seed=5).send("go", 1)
    assert first.sent("seen") == second.sent("seen") != Sim(text, seed=6).send("go", 1).sent("seen")


def test_parallel_runs_calls_side_by_side_and_keeps_their_order() -> None:
    sim = main('program f(v: int) -> int = shell ["true"]\n on go as v { seen <- parallel [f(x) for x in range(v)] }')
    sim.send("go", 3)
    assert len(sim.calls) == 3
    sim.answer(30, 2).answer(20, 1).answer(10, 0)
    assert sim.sent("seen") == [[10, 20, 30]]


def test_a_pipeline_hands_each_stages_result_to_the_next() -> None:
    sim = main(
        'program f(v: int) -> int = expr v + 1\n program g(v: int) -> string = template "<{{ v }}>"\n on go -> f -> g -> seen'
    )
    assert sim.send("go", 1).sent("seen") == ["<2>"]


def test_no_try_takes_the_end_of_a_reactions_time() -> None:
    sim = Sim(
        """
        coglet Main {
          listen go: int
          transmit out: string
          program slow() -> string = shell ["sleep", "9"]
          on go timeout 2s {
            out <- try slow() else "never mind"
            out <- "gone on"
          } else as e { out <- e.kind }
        }
        """
    )
    sim.send("go", 1).run(3)
    assert sim.sent("out") == ["timeout"]


def test_an_await_in_on_start_hears_its_own_coglet() -> None:
    before = (
        ECHO
        + """
    coglet Asker { transmit heard: int
      create e = Echo
      on start {
        e.x <- 1
        let found = await e.y
        heard <- found
      }
    }
    """
    )
    assert main("create a = Asker\n on a.heard as v { seen <- v }", before).sent("seen") == [1]

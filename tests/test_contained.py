"""A failure stays where it happened: the scopes of `else`, and faults of cogc itself (specs/failures.md)."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from cogc.kernel.machine import Kernel
from cogc.language import meter
from cogc.language.values import Failure
from support.sim import Sim

BOOM = 'program boom(x: any) -> int = shell ["false"]\n'
POOL = "coglet C { listen a: int\n transmit o: int\n on a as x { o <- x } }\n"
MAIN = BOOM + POOL + "coglet Main { listen a: int\n listen b: [int]\n transmit o: any\n %s }\n"

SCOPES = [
    ("on a as x { fail str(x) } else as e { o <- [x, e.message] }", "a", 1, [1, "1"]),
    ("on a as x { let y = boom(x)\n o <- y } else as e { o <- [x, e.kind] }", "a", 1, [1, "error"]),
    ("on a as x concurrent 2 timeout 1s { o <- boom(x) } else as e { o <- x }", "a", 1, 1),
    ("on a as x when x > 0 distinct x within 1s { o <- boom(x) } else as e { o <- x }", "a", 1, 1),
    ("on a as xs batch 1 within 1s { fail str(len(xs)) } else as e { o <- xs }", "a", 1, [1]),
    ("on a as x debounce 1ms throttle 5 per 1s { fail str(x) } else as e { o <- x }", "a", 1, 1),
    ("on b as [x, y] { fail str(x) } else as e { o <- [y, x] }", "b", [1, 2], [2, 1]),
    ("on b as [x, y] when x < y { o <- boom(x) } else as e { o <- [y, x] }", "b", [1, 2], [2, 1]),
    ("on b as [x, y] { fail str(x) } else as e { o <- e.kind }", "b", [1, 2, 3], "error"),
    ("on a as x, b as [y, z] { fail str(x) } else as e { o <- [x, y, z] }", "b", [1, 2], [None, 1, 2]),
    ("on a as x, b as [y, z] { o <- [x, y, z] }", "a", 7, [7, None, None]),
    ("on a as x { fail str(x) } else as e { let q = [y + x for y in [1, 2]]\n o <- q }", "a", 1, [2, 3]),
    ("on a as x { fail str(x) } else as e { let q = try boom(x) else as f ([x, f.kind])\n o <- q }", "a", 1, [1, "error"]),
    ("create p = C * 2\n link self.a -> p.a\n on p.o as x { fail str(x) } else as e { o <- [x, sender.index] }", "a", 1, [1, 0]),
    ("create c = C\n link self.a -> c.a\n on all(c.o) as [x] when x > 0 { fail str(x) } else as e { o <- x }", "a", 1, 1),
    ("create c = C\n create d = C\n link self.a -> c.a, d.a\n on all(c.o, d.o) as [x, y] { o <- boom(x) } else as e { o <- y }", "a", 1, 1),
    ("program twice(x: any) -> any = expr x\n on b as [x, y] -> twice -> o", "b", [1, 2], [1, 2]),
    ("program twice(x: any) -> any = expr x\n on a as x, b as y -> twice -> o", "b", [1, 2], [1, 2]),
    ("program twice(x: any) -> any = expr x\n on a, b -> twice -> o", "a", 4, 4),
]  # fmt: skip


@pytest.mark.parametrize(("members", "channel", "value", "expected"), SCOPES)
def test_every_name_that_the_checker_knows_is_there_at_run_time(
    members: str, channel: str, value: Any, expected: Any
) -> None:
    sim = Sim(MAIN % members, "Main")
    sim.answers["boom"] = Failure("error", "boom")
    assert expected in sim.send(channel, value).run(0.1).sent("o")


def test_an_else_of_a_command_of_a_start_and_of_an_error_uses_what_came() -> None:
    text = """
    coglet C { transmit o: any
      enact go(n: int, m: int = 2) { fail "x" } else as e { o <- [n, m] } }
    coglet D { listen a: int
      on a as x { fail "bad " + str(x) } }
    coglet Main { listen a: int
      transmit o: any
      create c = C
      create d = D
      link c.o -> self.o
      link self.a -> d.a
      on start { fail "start" } else as e { guide c.go(3) }
      on error(d) as f { fail "again" } else as e { o <- [f.message, e.message]
        stop d } }
    """
    sim = Sim(text, "Main")
    assert sim.sent("o") == [[3, 2]]
    assert sim.send("a", 7).sent("o") == [[3, 2], ["bad 7", "again"]]
    assert sim.kernel.ended is None


WORKERS = """
coglet W { listen a: int
  transmit o: int
  on a as x { o <- x } }
coglet Main { listen a: int
  transmit o: any
  create w = W
  create v = W
  link self.a -> w.a, v.a
  on v.o as x { o <- x }
  on error(w) as e { o <- e.kind
    stop w } }
"""


def test_a_fault_of_cogc_fails_one_coglet_with_kind_internal_and_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    sim = Sim(WORKERS, "Main")
    emit = Kernel.emit

    def broken(self: Kernel, inst: Any, number: int, value: Any) -> None:
        if inst.name == "w":
            raise NameError("name 'v_x' is not defined")
        emit(self, inst, number, value)

    monkeypatch.setattr(Kernel, "emit", broken)
    assert sim.send("a", 2).sent("o") == ["internal", 2]
    [(level, line)] = sim.logs
    assert level == "error" and "NameError: name 'v_x' is not defined" in line and "send it" in line
    assert "Traceback" not in line
    assert sim.kernel.ended is None


def test_a_step_that_must_end_is_given_up_and_one_whose_time_is_over_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
    coglet Main { listen a: int
      transmit o: any
      on a as n timeout 1s { o <- len([1 for x in range(1000) if len([y for y in range(1000)]) > n]) } else as e { o <- e.kind } }
    """
    sim = Sim(text, "Main")
    sim.kernel.door.poll = count(0, 2_000_000_000).__next__  # each look at the clock is two seconds later
    assert sim.send("a", 0).sent("o") == ["timeout"]
    sim.kernel.door.poll = lambda: None
    assert sim.send("a", 0).sent("o") == ["timeout"]
    assert (sim.kernel.ended, sim.kernel.dead_letters) == (None, 1)
    sim.kernel.door.poll = None
    assert sim.send("a", 0).sent("o") == ["timeout", 1000]


def test_work_in_one_step_is_bounded_and_counted_anew_for_each_step() -> None:
    text = """
    coglet Main { listen a: int
      transmit o: any
      on a as n { for i in range(n) { let x = [y for y in range(1000)] }
        o <- n } else as e { o <- e.kind } }
    """
    sim = Sim(text, "Main")
    for _ in range(5):
        sim.send("a", 2000)
    sim.send("a", meter.MOST_WORK // 1000 + 1)
    assert sim.sent("o") == [2000] * 5 + ["bound"]


BOUNDS = [
    ("let y = x * 9223372036854775807\n o <- y + y", 1),
    ("o <- x + 9223372036854775807", 1),
    ("let y = [z for z in range(x + 9223372036854775800)]\n o <- len(y)", 9),
    ("o <- 1.0e308 * float(x)", 10),
    ("o <- range(x * 1000001)", 1),
    ('let t = join(["0123456789" for i in range(1000000)], "")\n o <- len(t + t)', 1),
    ("o <- 1h * x * 9223372036854775", 1),
    ("o <- power(x)", 1),
    ("o <- many(x)", 1),
]


@pytest.mark.parametrize(("body", "given"), BOUNDS)
def test_what_is_too_large_fails_with_kind_bound(body: str, given: int) -> None:
    text = """
    program power(x: int) -> string = template "{{ 7 ** (9999999 * x) }}"
    program many(x: int) -> string = template "{{ ('ab' * x) }}{{ 'x\\ny'|replace('x', 'y' * 1)|indent(100001) }}"
    coglet Main { listen a: int
      transmit o: any
      on a as x { BODY } else as e { o <- e.kind } }
    """
    sent = Sim(text.replace("BODY", body), "Main").send("a", given).sent("o")
    assert sent == ["bound"] or (sent == ["error"] and "many" in body)


def test_distinct_forgets_the_oldest_first() -> None:
    text = """
    coglet Main { listen a: int
      transmit o: int
      on a as x distinct x within 1s { o <- x } }
    """
    sim = Sim(text, "Main")
    for value in (1, 2, 1):
        sim.send("a", value).run(0.4)
    sim.send("a", 2).run(0.4)
    assert sim.send("a", 1).sent("o") == [1, 2, 1] or sim.sent("o") == [1, 2, 1, 1]

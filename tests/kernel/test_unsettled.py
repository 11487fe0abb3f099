"""Items of queues whose reaction ends without `done` or `back`: they go back, and the run goes on with them."""

from __future__ import annotations

from typing import Any

import pytest

from support.sessions import session
from support.specs import build

TEXT = """
queue q: int = memory { attempts: 2 }
program slow(x: int) -> int = shell ["sh", "-c", "sleep 0.4; echo 1"] { output: json }
coglet W { transmit o: any
  BODY
  }
coglet Main { transmit o: any
  create w = W { restart: on_error, max_restarts: 20, backoff: 10ms }
  link w.o -> self.o
  on start { for i in range(COUNT) { q <- i } }
  ACT
  on q.dead as d { o <- ["dead", d] } }
"""
ELSE = 'on q as x { fail "a" } else as e { o <- [x]\n fail "b" }'
HOLDS = 'on q as x { o <- [x]\n let a = slow(x)\n o <- ["done", x] }'


def said(body: str, count: int = 2, act: str = "", **options: Any) -> list[Any]:
    text = TEXT.replace("BODY", body).replace("COUNT", str(count)).replace("ACT", act)
    made = session(build(text, "Main"), **options)
    assert made.kernel.unsettled == {} or not any(made.kernel.unsettled.values())
    return made.outputs["o"]


def test_an_else_that_fails_uses_an_attempt() -> None:
    assert said(ELSE, sim=True) == [[0], [0], ["dead", 0], [1], [1], ["dead", 1]]


@pytest.mark.parametrize("wait", ["let a = slow(x)\n", ""])
def test_an_else_that_waits_before_it_fails_uses_an_attempt_too(wait: str) -> None:
    body = 'on q as x { WAIT fail "a" } else as e { let b = slow(x)\n o <- [x]\n fail "b" }'.replace("WAIT", wait)
    assert said(body, count=1) == [[0], [0], ["dead", 0]]


def test_an_item_of_a_coglet_that_is_restarted_comes_again_and_no_attempt_is_used() -> None:
    act = "".join(f"after {t}ms {{ restart w }}\n" for t in (100, 200, 300))
    found = said(HOLDS, act=act)
    assert len(found) == 7 and sorted(x for x in found if len(x) == 2) == [["done", 0], ["done", 1]]


def test_an_item_of_a_coglet_that_is_stopped_goes_to_another_one() -> None:
    act = "create v = W\n link v.o -> self.o\n after 100ms { stop w }"
    found = said(HOLDS, act=act, count=3)
    assert sorted(x for x in found if x[0] == "done") == [["done", 0], ["done", 1], ["done", 2]]


def test_an_item_that_waits_in_the_inbox_of_a_coglet_that_restarts_is_handled_once() -> None:
    body = "listen busy: int\n on busy as b { let a = slow(b) }\n on q as x { o <- [x] }"
    text_act = "after 1ms { w.busy <- 1 }\n after 100ms { restart w }"
    late = (
        TEXT.replace("on start { for i in range(COUNT) { q <- i } }", "after 50ms { q <- 0 }")
        .replace("BODY", body)
        .replace("ACT", text_act)
    )
    made = session(build(late, "Main"))
    assert made.outputs["o"] == [[0]]

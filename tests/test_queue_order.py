"""Several items of a queue at the same time (`concurrent N`), and in the order of a key (`by EXPR`)."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from cogc.language.values import plain
from cogc.run import journal
from cogc.run.session import Session
from cogc.run.trace import TraceWriter
from cogc.stores import open_store
from cogc.stores.values import ValueQueue
from support.redis import RedisServer, needs_redis
from support.sessions import repeated, session
from support.specs import build, check_text

SPEC = """
queue orders: {{ n: int, user: string }} = {backend} {{ attempts: {attempts} }}
coglet Work {{
  listen never: int
  transmit out: any
  on orders as o {modifiers} {{
    out <- ["begins", o.n, o.user]
    let x = await never timeout {span}
    {fails}
    out <- ["ends", o.n, o.user]
  }}
  {more}
}}
coglet Main {{
  listen go: {{ n: int, user: string }}
  transmit out: any
  create w = Work * {replicas} {{ restart: on_error, backoff: 1ms, max_restarts: 99 }}
  link w.out -> self.out
  on go as g {{ orders <- g }}
}}
"""


def run(
    users: str,
    modifiers: str,
    *,
    backend: str = "memory",
    replicas: int = 1,
    attempts: int = 3,
    fails: str = "",
    more: str = "",
    span: str = "1s",
    **options: Any,
) -> Session:
    """Run one item for each letter of `users`, whose work takes a virtual second."""
    text = SPEC.format(
        backend=backend, modifiers=modifiers, replicas=replicas, attempts=attempts, fails=fails, more=more, span=span
    )
    inputs = [("go", {"n": n, "user": user}) for n, user in enumerate(users)]
    return session(build(text, "Main"), inputs=inputs, **{"sim": True, **options})


def said(made: Session) -> list[tuple[str, int, str]]:
    assert made.outcome == "done", made.kernel.report
    return [tuple(plain(o)) for o in made.outputs["out"]]


def most_at_once(events: list[tuple[str, int, str]], user: str = "") -> int:
    """How many items (of a user) were worked on at the same time."""
    busy = highest = 0
    for what, _, whose in events:
        if user in ("", whose):
            busy += {"begins": 1, "ends": -1}.get(what, 0)
            highest = max(highest, busy)
    return highest


def began(events: list[tuple[str, int, str]], user: str) -> list[int]:
    return [n for what, n, whose in events if what == "begins" and whose == user]


@pytest.mark.parametrize("most", [1, 2, 3, 9])
def test_as_many_items_as_said_are_worked_on_at_the_same_time(most: int) -> None:
    events = said(run("aaaaaa", f"concurrent {most}"))
    assert most_at_once(events) == min(most, 6)
    assert sorted(n for what, n, _ in events if what == "ends") == list(range(6))


def test_the_number_may_be_a_parameter() -> None:
    text = SPEC.format(
        backend="memory", modifiers="concurrent most", replicas=1, attempts=3, fails="", more="", span="1s"
    ).replace("coglet Work {", "coglet Work(most: int = 2) {")
    made = session(build(text, "Main"), inputs=[("go", {"n": n, "user": "a"}) for n in range(4)], sim=True)
    assert most_at_once(said(made)) == 2


def test_dead_items_may_be_worked_on_at_the_same_time_too() -> None:
    bury = """coglet Bury {
  listen never: int
  transmit out: any
  on orders.dead as d concurrent 2 {
    out <- ["begins", d.n, "dead"]
    let x = await never timeout 1s
    out <- ["ends", d.n, "dead"]
  }
}
"""
    text = SPEC.format(
        backend="memory", modifiers="", replicas=1, attempts=1, fails='if 1 < 2 { fail "no" }', more="", span="1ms"
    ).replace("link w.out", "create bury = Bury\n  link bury.out -> self.out\n  link w.out")
    made = session(build(text + bury, "Main"), inputs=[("go", {"n": n, "user": "a"}) for n in range(3)], sim=True)
    events = said(made)
    assert most_at_once(events, "dead") == 2 and len([e for e in events if e[0] == "ends"]) == 3


@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("backend", ["memory", "sqlite"])
def test_items_with_one_key_come_one_after_the_other(backend: str, replicas: int, tmp_path: Path) -> None:
    store = f'sqlite "{tmp_path}/q.db"' if backend == "sqlite" else backend
    real = {"sim": False, "stop_at": 4 * 10**9, "span": "100ms"} if backend == "sqlite" else {}
    events = said(run("aabbacb", "by o.user concurrent 4", backend=store, replicas=replicas, **real))
    assert [began(events, user) for user in "abc"] == [[0, 1, 4], [2, 3, 6], [5]]
    assert [most_at_once(events, user) for user in "abc"] == [1, 1, 1]
    assert most_at_once(events) == 3 if backend == "memory" else most_at_once(events) > 1


def test_without_concurrent_a_key_orders_the_items_of_all_replicas() -> None:
    events = said(run("aabb", "by o.user", replicas=4))
    assert [most_at_once(events, user) for user in "ab"] == [1, 1] and most_at_once(events) == 2


def test_an_item_that_is_given_back_is_still_the_first_of_its_key() -> None:
    """The second item of the key waits for all attempts of the first; when that is dead, its turn comes."""
    events = said(run("abab", "by o.user concurrent 4", fails='if o.n == 0 { fail "no" }', attempts=2))
    assert began(events, "a") == [0, 0, 2]
    assert [n for what, n, whose in events if what == "ends" and whose == "b"] == [1, 3]


def test_a_key_that_cannot_be_computed_orders_nothing() -> None:
    events = said(run("aab", "by 1 / (o.n - o.n) concurrent 3"))
    assert most_at_once(events) == 3


def test_a_failure_counts_as_an_attempt_for_its_own_item_alone() -> None:
    """Its siblings are cancelled with their coglet, and come again as often as it takes."""
    dead = 'on orders.dead as d { out <- ["dead", d.n, d.user] }'
    events = said(run("aaxaa", "concurrent 5", fails='if o.user == "x" { fail "no" }', attempts=2, more=dead))
    assert [n for what, n, _ in events if what == "dead"] == [2]
    assert sorted(n for what, n, _ in events if what == "ends") == [0, 1, 3, 4]


def test_one_who_handles_its_failures_disturbs_nobody() -> None:
    text = SPEC.format(
        backend="memory",
        modifiers="concurrent 3",
        replicas=1,
        attempts=1,
        fails='if o.n == 1 { fail "no" }',
        more="",
        span="1s",
    ).replace(
        'out <- ["ends", o.n, o.user]\n  }',
        'out <- ["ends", o.n, o.user]\n  } else as e { out <- ["ends", o.n, e.message] }',
    )
    made = session(build(text, "Main"), inputs=[("go", {"n": n, "user": "a"}) for n in range(3)], sim=True)
    events = said(made)
    assert ("ends", 1, "no") in events and len([e for e in events if e[0] == "begins"]) == 3


def test_a_dead_item_that_is_settled_does_not_let_its_coglet_claim_more_than_it_may() -> None:
    """Items and dead items of a queue are counted apart."""
    more = "on orders.dead as d { log info d.n }"
    events = said(run("xaaaa", "concurrent 2", fails='if o.user == "x" { fail "no" }', attempts=1, more=more))
    assert most_at_once([e for e in events if e[2] == "a"]) == 2


def test_a_run_with_keys_replays(tmp_path: Path) -> None:
    recording, trace = io.BytesIO(), io.BytesIO()
    writer = TraceWriter(trace)
    run("aabba", "by o.user concurrent 3", fails='if o.n == 3 { fail "no" }', attempts=2, run="r", epoch=5,
        journal=journal.Journal(recording, {"run": "r", "seed": 0, "epoch": 5}), trace=writer)  # fmt: skip
    writer.flush()
    text = SPEC.format(
        backend="memory",
        modifiers="by o.user concurrent 3",
        replicas=1,
        attempts=2,
        fails='if o.n == 3 { fail "no" }',
        more="",
        span="1s",
    )
    assert repeated(build(text, "Main"), recording.getvalue(), tmp_path)[2] == trace.getvalue()


@pytest.mark.parametrize("kind", ["memory", "sqlite", pytest.param("redis", marks=needs_redis)])
def test_two_processes_keep_the_order_of_a_key(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Two queues over one store, as two processes have them."""
    redis: RedisServer | None = request.getfixturevalue("redis") if kind == "redis" else None
    where = {"sqlite": f"sqlite:{tmp_path}/q.db", "redis": redis.url if redis else ""}.get(kind, kind)
    first_letter: Callable[[Any], str | None] = lambda value: value[0]  # noqa: E731

    async def main() -> None:
        async with open_store(where, "queue:") as store:
            one, other = (ValueQueue(store, "q", 60.0, 3) for _ in range(2))
            for value in ("a1", "a2", "b1"):
                await one.put(value)
            first = await one.take(first_letter)
            second = await other.take(first_letter)
            assert first is not None and first[0] == "a1" and second is not None and second[0] == "b1"
            assert await other.take(first_letter) is None
            await one.back(*first[1:])
            first = await other.take(first_letter)
            assert first is not None and first[0] == "a1" and await one.take(first_letter) is None
            await other.done(*first[1:])
            last = await one.take(first_letter)
            assert last is not None and last[0] == "a2"
            assert await other.take() is None

    trio.run(main)


@pytest.mark.parametrize(
    "text, code, words",
    [
        ("coglet M { listen x: int\n transmit out: int\n on x as v by v concurrent 2 { out <- v } }", "COG218", "`by`"),
        ("coglet M { state n: int = 0\n on q as v by n { n = v } }", "COG302", "`n`"),
        ("program f(x: int) -> int = python \"m:f\"\ncoglet M { on q as v by f(v) { log info v } }", "COG407", "f"),
        ("coglet M { on q.dead as v by v { log info v } }", "COG218", "`by`"),
        ("coglet M { on q as v by v.nope { log info v } }", "COG404", "nope"),
        ("coglet M { on q as v by v concurrent 0 { log info v } }", "COG416", "concurrent"),
        ("coglet M { on q as v by v by v { log info v } }", "COG218", "given twice"),
        ("coglet M { on start by 1 { log info 1 } }", "COG218", "`by`"),
    ],
)  # fmt: skip
def test_what_a_key_cannot_be_is_said(text: str, code: str, words: str) -> None:
    _, found = check_text(f"queue q: int = memory\n{text}\n")
    assert [d.code for d in found] == [code] and words in f"{found[0].message} {found[0].help}"

"""States that grow, in a trace: what changed, and the whole that its readers make of it."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import pytest

from cogc.kernel.changes import SMALL, applied, difference
from cogc.language.values import Duration
from cogc.run.trace import States, TraceWriter, records
from support.cli import cogc
from support.sim import Sim

LONG = [{"id": i, "words": "a record that is kept"} for i in range(40)]
GROWING = """
coglet Main { listen x: int
  transmit o: int
  state s: %s = %s
  on x as n { s = %s } }
"""
KINDS = {
    "append": ("[string]", "[]", 's + ["text " + str(n)]'),
    "prepend": ("[string]", "[]", '["text " + str(n)] + s'),
    "key": ("map[string]", "{}", '{ ...s, ["k" + str(n)]: "text" }'),
    "string": ("string", '""', 's + "text " + str(n)'),
    "nested": ("{ a: { b: [int] }, n: int }", "{ a: { b: [] }, n: 0 }", "{ ...s, n: n, a: { b: s.a.b + [n + 1000] } }"),
    "map of lists": ("map[[int]]", "{ a: [], b: [] }", '{ ...s, a: (s["a"] ?? []) + [n + 1000], b: (s["b"] ?? []) + [n + 2000] }'),
}  # fmt: skip


def exact(value: Any) -> str:
    """Text that tells 1 from 1.0 and from true, and one order of fields from another."""
    return repr(value)


def edited(chance: random.Random, value: Any) -> Any:
    """Return a value that shares most of its parts with another one, as the code of a reaction makes it."""
    fresh = chance.choice([1, 1.0, True, None, "x", "y" * 40, [], {}, Duration(5), [7, 8], {"k": "v"}])
    if chance.random() < 0.1:
        return fresh
    if isinstance(value, str):
        cut = chance.randrange(len(value) + 1)
        return chance.choice([value + "more", "front" + value, value[:cut] + value[cut + 2 :], value[2:] + "z"])
    if isinstance(value, list):
        at = chance.randrange(len(value) + 1)
        changes = [[*value, fresh], [fresh, *value], value[:at] + value[at + 1 :], [*value[1:], fresh], value[2:]]
        if at < len(value):
            changes += [[*value[:at], edited(chance, value[at]), *value[at + 1 :]]] * 3
        return chance.choice([*changes, value + value, list(reversed(value))])
    if isinstance(value, dict):
        key = chance.choice([*value, "new"])
        changes = [{**value, key: edited(chance, value.get(key, 0))}] * 3
        changes += [{**value, "another": fresh}, {k: v for k, v in value.items() if k != key}]
        return chance.choice([*changes, dict(reversed(value.items()))])
    return fresh


@pytest.mark.parametrize("seed", range(20))
def test_the_edits_of_a_value_make_the_new_one(seed: int) -> None:
    chance = random.Random(seed)
    large = {"list": LONG, "map": {str(i): [i] * 20 for i in range(30)}, "text": "words " * 50, "n": 1}
    value: Any = large
    written = 0
    for n in range(200):
        value = value if n % 20 and isinstance(value, dict) else large
        after = edited(chance, value)
        before, kept = exact(value), value
        edits = difference(value, after)
        if edits is not None:
            written += 1
            assert exact(applied(value, edits)) == exact(after)
        assert exact(kept) == before
        value = after
    assert written > 50


@pytest.mark.parametrize(
    "before, after",
    [
        (LONG, [*LONG[1:], {"id": 99, "words": "new"}]),
        (LONG, LONG[5:]),
        (LONG, LONG[:-5]),
        (LONG, [*LONG[:20], {"id": 99, "words": "new"}, *LONG[20:]]),
        (LONG, [*LONG[:7], {**LONG[7], "id": 70}, *LONG[8:]]),
        ("words " * 100, ("words " * 100)[5:] + "end"),
        ({str(i): i for i in range(100)}, {str(i): i for i in range(100) if i != 50}),
    ],
)
def test_a_small_change_of_a_large_value_is_small(before: Any, after: Any) -> None:
    edits = difference(before, after)
    assert edits is not None and len(json.dumps(edits)) < 150
    assert exact(applied(before, edits)) == exact(after)


@pytest.mark.parametrize(
    "before, after",
    [
        ([1, 2], [1, 2, 3]),
        ("x" * 16 * SMALL, "y" * 1000),
        (LONG, [dict(r) for r in reversed(LONG)]),
        ({"a": 1, **{str(i): i for i in range(99)}}, {**{str(i): i for i in range(99)}, "a": 1}),
        ([float(i) for i in range(99)], [float(i) + 0.5 for i in range(99)]),
        (LONG, {"a": LONG}),
    ],
)
def test_small_values_and_those_that_are_mostly_new_are_written_whole(before: Any, after: Any) -> None:
    assert difference(before, after) is None


@pytest.mark.parametrize("edits", [[{"at": ["a"], "set": 1}], [{"at": [9], "remove": True}], [{"at": [0, "x"], "from": 0, "to": 1, "with": []}], [{"set": 1}], 7])  # fmt: skip
def test_edits_that_do_not_fit_are_refused(edits: Any) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        applied([1, 2], edits)


def _trace(kind: str, count: int) -> bytes:
    """The trace of a state that has grown so many times."""
    sim = Sim(GROWING % KINDS[kind], traced=True)
    for n in range(count):
        sim.send("x", n)
    file = io.BytesIO()
    assert sim.kernel.trace is not None
    writer = TraceWriter(file)
    writer.write(sim.kernel.trace.take())
    writer.flush()
    return file.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_the_trace_of_a_state_that_grows_is_linear(kind: str) -> None:
    small, large = _trace(kind, 100), _trace(kind, 400)
    assert len(large) < 5 * len(small)
    states = States()
    shown = [states.whole(r) for r in records(iter(large.splitlines()))]
    values = [r["data"] for r in shown if r["kind"] == "state"]
    sim = Sim(GROWING % KINDS[kind])
    for n, value in enumerate(values):
        assert sim.kernel.root is not None
        sim.send("x", n)
        assert exact(value) == exact(sim.kernel.root.states[0])
    assert len(values) == 400


def test_a_restart_begins_the_states_anew() -> None:
    sim = Sim("""
        coglet W { listen x: int
          state s: [int] = range(100)
          on x as n { s = s + [n]
            if n == 2 { fail "no" } } }
        coglet Main { listen x: int
          create w = W { restart: on_error, backoff: 1ms }
          on x as n { w.x <- n } }""", traced=True)  # fmt: skip
    sim.send("x", 1).send("x", 2).run(1).send("x", 3)
    assert [("data" in r, len(r.get("data", ()))) for r in sim.records("state")] == [
        (True, 101),
        (False, 0),
        (True, 101),
    ]
    assert sim.records("state")[1]["change"] == [{"at": [], "from": 101, "to": 101, "with": [2]}]


def test_trace_show_gives_whole_values(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes(_trace("append", 40))
    shown = [json.loads(line) for line in cogc("trace", "show", "t.jsonl", "--json", cwd=tmp_path).stdout.splitlines()]
    assert [len(r["data"]) for r in shown if r["kind"] == "state"] == list(range(1, 41))
    last = shown[-1]["seq"]
    chain = cogc("trace", "show", "t.jsonl", "--json", "--cause", last, cwd=tmp_path).stdout.splitlines()
    assert len(json.loads(chain[-1])["data"]) == 40 and len(chain) < len(shown)


def test_a_change_without_the_state_before_it_is_shown_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes(_trace("append", 40).splitlines(keepends=True)[-1])
    assert '"with":["text 39"]' in cogc("trace", "show", "t.jsonl", cwd=tmp_path).stdout
    broken = b"".join(_trace("append", 40).splitlines(keepends=True)).replace(b'"from":39,', b'"from":"x",')
    (tmp_path / "t.jsonl").write_bytes(broken)
    done = cogc("trace", "show", "t.jsonl", cwd=tmp_path)
    assert done.returncode == 1 and "the change does not fit the state before it" in done.stderr

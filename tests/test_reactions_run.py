"""Well-typed reactions, generated over triggers, modifiers, statements and handlers: what the check accepts, runs."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from functools import cache

from hypothesis import HealthCheck, given, seed, settings, strategies as st

from cogc.diagnostics.problems import Diagnostic
from cogc.language.values import Failure
from support.sim import Sim
from support.specs import check_text

EXAMPLES = int(os.environ.get("COGC_EXAMPLES", "40"))
STEPS = 5000
SEED = int(os.environ.get("COGC_SEED", "0"))
TRIGGERS = [
    ("on a as x", ["x"]),
    ("on b as [x, y]", ["x", "y"]),
    ("on p.o as x", ["x", "sender.index"]),
    ("on c.o as x", ["x"]),
    ("on all(c.o, d.o) as [x, y]", ["x", "y"]),
    ("on all(p.o) as xs", ["len(xs)"]),
    ("on a as x, c.o as y", ["(x ?? 0)", "(y ?? 0)"]),
    ("on a as x, b as [y, z]", ["(x ?? 0)", "(z ?? 0)"]),
    ("on q as x", ["x"]),
    ("on error(c) as f", ["f.restarts", "len(f.message)"]),
    ("on start", ["1"]),
    ("on stop", ["1"]),
    ("every 1s", ["2"]),
    ("after 1s", ["3"]),
    ("enact go(x: int, y: int = 2)", ["x", "y"]),
]
MODIFIERS = [
    "",
    "when n >= 0",
    "concurrent 2",
    "timeout 1s",
    "debounce 1s",
    "throttle 1 per 1s",
    "distinct n within 1s",
]


def own(form: str, *parts: str) -> str:
    """Return a form with its parts, and with a name of its own that none of them has."""
    used = [int(number) for part in parts for number in re.findall(r"\bv(\d+)", part)]
    return form.replace("NAME", f"v{max(used, default=0) + 1}").format(*parts)


@cache  # Hypothesis would look through a new strategy at each draw, which takes more time than a run
def expressions(names: tuple[str, ...]) -> st.SearchStrategy[str]:
    leaf = st.sampled_from([*names, "n", "7", "9223372036854775807"])

    def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        two = st.tuples(inner, inner)
        return st.one_of(
            st.tuples(inner, st.sampled_from(["+", "-", "*", "//", "%"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
            two.map(lambda t: f"({t[0]} if {t[1]} > 0 else n)"),
            two.map(lambda t: own("len([NAME + {} for NAME in range(3) if NAME < {}])", *t)),
            two.map(lambda t: own("sum([NAME for NAME in range({})]) + {}", *t)),
            inner.map(lambda t: f"boom({t})"),
            inner.map(lambda t: f"twice({t})"),
            two.map(lambda t: f"(try boom({t[0]}) else {t[1]})"),
            two.map(lambda t: own("(try split({}) else as NAME (len(NAME.kind) + {}))", *t)),
            st.tuples(leaf, leaf).map(lambda t: f'len("a {{{{ {t[0]} }}}} b {{{{ {t[0]} + {t[1]} }}}}")'),
            inner.map(lambda t: f"max({t}, 1)"),
            inner.map(lambda t: own("sum(parallel [boom(NAME + {}) for NAME in [1, 2]])", t)),
        )  # fmt: skip

    return st.recursive(leaf, grow, max_leaves=4)


@cache
def statements(names: tuple[str, ...], depth: int = 2) -> st.SearchStrategy[str]:
    value = expressions(names)
    plain = st.one_of(
        value.map(lambda v: f"o <- {v}"),
        value.map(lambda v: f"n = {v}"),
        value.map(lambda v: own("let NAME = {}\n o <- NAME", v)),
        value.map(lambda v: f"log info {v}"),
        value.map(lambda v: f"fail str({v})"),
        value.map(lambda v: f"c.a <- {v}"),
        value.map(lambda v: f"q <- {v}"),
        value.map(lambda v: f"guide c.set({v})"),
        st.just("restart c"),
    )
    if not depth:
        return plain
    inner = lines(names, 1, 2, depth - 1)
    return st.one_of(
        plain,
        st.tuples(value, inner, inner).map(lambda t: f"if {t[0]} > 0 {{ {t[1]} }} else {{ {t[2]} }}"),
        inner.map(lambda t: own("for NAME in [1, 2] {{ {} \n o <- NAME }}", t)),
    )


@cache
def lines(names: tuple[str, ...], least: int, most: int, depth: int = 2) -> st.SearchStrategy[str]:
    return st.lists(statements(names, depth), min_size=least, max_size=most).map("\n ".join)


LIFE = st.lists(st.just("timeout 1s"), max_size=1)
CHOSEN = st.lists(st.sampled_from(MODIFIERS), max_size=2, unique=True)


@st.composite
def reactions(draw: st.DrawFn) -> str:
    head, names = draw(st.sampled_from(TRIGGERS))
    chosen = draw(LIFE if head in ("on start", "on stop") else CHOSEN)
    body = draw(lines(tuple(names), 1, 3))
    handler = f" else as e {{ {draw(lines((*names, 'len(e.kind)'), 0, 2))} }}" if draw(st.booleans()) else ""
    return f"{head} {' '.join(chosen)} {{ {body} }}{handler}"


SYSTEM = """
program boom(x: int) -> int = shell ["false"]
program twice(x: int) -> int = expr x * 2
program split(x: int) -> int = expr 100 // (x % 2)
queue q: int = memory
coglet C {{ listen a: int
  transmit o: int
  state s: int = 0
  on a as x {{ if x > 5 {{ fail "big" }}
    o <- x }}
  enact set(v: int) {{ s = v }} }}
coglet Main {{ listen a: int
  listen b: [int]
  transmit o: any
  state n: int = 1
  create c = C {{ restart: on_error }}
  create d = C {{ restart: on_error }}
  create p = C * 2 {{ restart: on_error }}
  link self.a -> c.a, d.a, p.a
  {reaction} }}
coglet Top {{ listen a: int
  listen b: [int]
  transmit o: any
  create m = Main {{ restart: on_error, max_restarts: 2 }}
  link self.a -> m.a
  link self.b -> m.b
  link m.o -> self.o
  {command}
  on error(m) as e {{ o <- e.kind
    if e.restarts < 3 {{ restart m }} }} }}
"""


class Endless(Exception):
    """The program sends messages to itself for ever."""


class Bounded(Sim):
    """A system that takes so many messages and answers at one instant, and no more."""

    left = STEPS

    def settle(self) -> None:
        self.left = STEPS
        super().settle()

    def take(self) -> None:
        self.left -= self.kernel.run(self.left) + 1  # a program that is answered at once may go round without a message
        if self.kernel.messages or self.left <= 0:
            raise Endless


def internal(sim: Sim) -> list[object]:
    return [line for level, line in sim.logs if level == "error" and "a fault of cogc" in str(line)]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@seed(SEED)
@given(reactions())
def test_what_the_check_accepts_runs_without_a_fault_of_cogc(reaction: str) -> None:
    command = "on a as x { guide m.go(x) }" if reaction.startswith("enact") else ""
    text = SYSTEM.format(reaction=reaction, command=command)
    found: list[Diagnostic] = check_text(text)[1]
    if any(d.severity == "error" for d in found):
        return
    sim = Bounded(text, "Top")
    answers = iter([Failure("error", "no"), 3, -1] * 30)
    sim.answers["boom"] = lambda **_: next(answers, 0)
    with suppress(Endless):
        for action in (("a", 1), ("b", [1, 2]), ("b", [1, 2, 3]), ("a", 9), ("a", 2)):
            if not sim.kernel.ended:
                sim.send(*action).run(2)
        sim.kernel.stop()
        sim.settle()
    assert not internal(sim)

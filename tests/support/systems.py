"""Small systems, generated: every trigger, modifier, overflow, map and strategy, with little to do, so that all orders can be tried."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings, strategies as st


def of_systems(count: int) -> settings:
    """Return the settings of a test of `count` systems, the same ones each time. A failure is not made smaller."""
    return settings(
        max_examples=count,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
        derandomize=True,
        database=None,
    )


MODIFIERS = (
    "",
    " when v != 2",
    " debounce 2s",
    " debounce 1s",
    " batch 2 within 1s",
    " throttle 1 per 1s",
    " distinct v within 1s",
    " concurrent 1",
    " concurrent 2",
)
OVERFLOWS = ("block", "drop_newest", "drop_oldest", "fail")
STRATEGIES = ("one_for_one", "one_for_all", "rest_for_one")
MAPS = ("round_robin", "broadcast", "idle", "hash(message)")
BODIES = (
    "seen = seen + [v]",
    "seen = seen + [v]\n    y <- v",
    "y <- v\n    y <- v + 10\n    seen = seen + [v]",
    'seen = seen + [v]\n    if v == 2 { fail "no" }\n    y <- v',
    "if len(seen) > 0 { y <- seen[0] }\n    seen = seen + [v]",
    "let w = await x timeout 1s\n    seen = seen + [v, w ?? 99]\n    y <- v",
    "let w = await x when message != 1 timeout 1s\n    seen = seen + [v, w ?? 99]",
    "seen = seen + [v]\n    if v == 1 { stop self }\n    y <- v",
)
ROOTS = (
    "on a.y as v { seen = seen + [v] }",
    "on a.y as v { seen = seen + [v] }\n  on b.y as v { seen = seen + [100 + v]\n    guide a.poke() }",
    "on all(a.y, b.y) as [p, q] { seen = seen + [p * 100 + q] }",
    "on b.y as v { seen = seen + [v]\n    a.x <- 7 }",
    "on a.y as v { seen = seen + [v]\n    if len(seen) == 1 { restart b } }",
    "on a.y as v { seen = seen + [v]\n    if len(seen) == 1 { stop b } }",
    "on error(a) as e { seen = seen + [50]\n    if len(seen) > 1 { stop a } }\n  on b.y as v { seen = seen + [v] }",
    "on a.y as v { guide b.poke() }\n  on b.y as v { guide a.poke() }",
    "on a.y as v { p.x <- v }\n  on p.y as v { seen = seen + [v] }",
)
EXTRAS = (
    "",
    "on start { seen = seen + [70]\n    y <- 70 }",
    "after 1s { seen = seen + [80]\n    y <- 80 }",
    "every 1s when len(seen) < 2 { seen = seen + [90]\n    guide self.poke() }",
    "on stop { y <- 75 }",
)
POLICIES = (
    "",
    " { restart: on_error, backoff: 1s, max_restarts: 1 }",
    " { restart: always, backoff: 1s, max_restarts: 1 }",
)
LINKS = (
    "",
    "link a.y -> b.x { feedback: true }",
    "link a.y -> b.x",
    "link a.y -> b.x\n  link b.y -> a.x",
    "link b.y -> p.x",
)


@st.composite
def systems(draw: st.DrawFn) -> str:
    """Draw the text of a system whose root listens to `go`."""

    def worker(name: str) -> str:
        size = draw(st.sampled_from(["", "{ capacity: 1, overflow: %s }", "{ capacity: 2, overflow: %s }"]))
        inbox = size % draw(st.sampled_from(OVERFLOWS)) if size else ""
        extra = draw(st.sampled_from(EXTRAS))
        modifier = draw(st.sampled_from(MODIFIERS))
        body = "seen = seen + v\n    y <- len(v)" if "batch" in modifier else draw(st.sampled_from(BODIES))
        keep = draw(st.sampled_from(["", " keep"]))
        return (
            f"coglet {name} {{ listen x: int {inbox}\n  transmit y: int\n  state seen: [int] = []{keep}\n"
            f"  on x as v{modifier} {{ {body} }}\n"
            f"  enact poke {{ seen = seen + [60] }}\n  {extra} }}\n"
        )

    def source(name: str) -> str:
        sends = "\n    ".join(f"o <- {n}" for n in draw(st.lists(st.integers(1, 3), min_size=1, max_size=2)))
        when = draw(st.sampled_from(["on go", "after 1s"]))
        return f"coglet {name} {{ listen go: int\n  transmit o: int\n  {when} {{ {sends} }} }}\n"

    policy = draw(st.sampled_from(POLICIES))
    targets = [draw(st.sampled_from(["a", "a", "b", "p"])) for _ in range(2)]
    links = "\n  ".join(f"link self.go -> s{i}.go\n  link s{i}.o -> {t}.x" for i, t in enumerate(targets))
    return (
        worker("A")
        + worker("B")
        + source("S0")
        + source("S1")
        + f"coglet Main {{ supervise {draw(st.sampled_from(STRATEGIES))}\n  listen go: int\n  state seen: [int] = []\n"
        + f"  create a = A{policy}\n  create b = B{draw(st.sampled_from([policy, '']))}\n"
        + f"  create p = A * 2..3 {{ map: {draw(st.sampled_from(MAPS))} }}\n"
        + "  create s0 = S0\n  create s1 = S1\n"
        + f"  {links}\n  {draw(st.sampled_from(LINKS))}\n  {draw(st.sampled_from(ROOTS))} }}\n"
    )

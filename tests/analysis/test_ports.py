"""Paths that stand for channels, children and queues: in sends, links, awaits and triggers; the one report for each that stands for none."""

from __future__ import annotations

import pytest

from support.specs import places

SPEC = """
queue items: int = memory
coglet W {{ listen x: int
  transmit y: int
  enact go(n: int) {{ y <- n }}
  on x as v {{ y <- v }} }}
coglet Main {{ listen go: int
  transmit out: int
  state n: int = 0
  create w = W
  create pool = W * 0..3
  create two = W * 2
  on w.y as v {{ out <- v }}
  on pool.y as v {{ out <- v }}
  on two.y as v {{ out <- v }}
  on start {{ w.x <- n
    pool.x <- 1
    two.x <- 1 }}
  on items as i {{ n = i }}
  on go as v {{ {body} }}
  {members} }}
"""


def reported(body: str = "", members: str = "") -> list[tuple[str, str]]:
    return places(SPEC.format(body=body, members=members))


GOOD = [
    ("out <- v", ""),
    ("w.x <- v", ""),
    ("pool[v].x <- v", ""),
    ("two[1].x <- v", ""),
    ("items <- v", ""),
    ("guide w.go(v)", ""),
    ("guide pool[0].go(v)", ""),
    ("stop pool[v]", ""),
    ("self.go <- v", ""),
    ("let a = await self.go", ""),
    ("let a = await w.y", ""),
    ("", "link self.go -> w.x"),
    ("", "link w.y -> self.out, two[0].x"),
    ("", "on all(w.y, self.go) as l { }"),
    ("", "on items.dead as d { }"),
    ("", "on error(pool) as e { stop pool[e.index ?? 0] }"),
]


@pytest.mark.parametrize(("body", "members"), GOOD)
def test_a_path_that_stands_for_something(body: str, members: str) -> None:
    assert reported(body, members) == []


BAD = [
    # own channels
    ("ot <- v", "", [("unknown-port", "ot")]),
    ("go <- v", "", [("wrong-kind", "go")]),
    ("n <- v", "", [("bad-target", "n")]),
    ("self.ot <- v", "", [("unknown-port", "ot")]),
    ("w[0] <- v", "", [("bad-target", "w[0]")]),
    ("f(v).x <- v", "", [("unknown-child", "f(v)")]),
    ("let a = await out", "", [("wrong-kind", "out")]),
    ("let a = await nothing", "", [("unknown-port", "nothing")]),
    # children
    ("ww.x <- v", "", [("unknown-child", "ww")]),
    ("w.z <- v", "", [("unknown-port", "z")]),
    ("w.y <- v", "", [("unknown-port", "y")]),
    ("w[0].x <- v", "", [("bad-index", "0")]),
    ("two[2].x <- v", "", [("out-of-range", "2")]),
    ('pool["a"].x <- v', "", [("wrong-type", '"a"')]),
    ("guide w.stop()", "", [("unknown-command", "stop")]),
    ("guide ww.go(1)", "", [("unknown-child", "ww")]),
    ("guide w.go()", "", [("missing-argument", "guide w.go()")]),
    ('guide w.go("a")', "", [("wrong-type", '"a"')]),
    ("stop ww", "", [("unknown-child", "ww")]),
    ("restart w[0]", "", [("bad-index", "0")]),
    # triggers and links
    ("", "on out as o { }", [("wrong-kind", "out")]),
    ("", "on w.x as o { }", [("unknown-port", "x")]),
    ("", "on nothing as o { }", [("unknown-port", "nothing")]),
    ("", "on any(w.y) as o { }", [("bad-trigger", "any(w.y)")]),
    ("", "on error(ww) as e { }", [("unknown-child", "ww")]),
    ("", "link self.go -> w.z", [("unknown-port", "z")]),
    ("", "link ww.y -> w.x", [("unknown-child", "ww")]),
    ("", "link self.nothing -> w.x", [("unknown-port", "nothing")]),
    ("", "link items -> w.x", [("not-yet", "items")]),
    ("let a = await items", "", [("not-yet", "items")]),
]


@pytest.mark.parametrize(("body", "members", "expected"), BAD)
def test_a_path_that_stands_for_nothing_is_reported_once(
    body: str, members: str, expected: list[tuple[str, str]]
) -> None:
    assert reported(body, members) == expected

"""The nodes of tests and scenarios (`nodes.py`, which hands these on)."""

from __future__ import annotations

from cogc.syntax.expressions import Argument, Attribute, Error, Name, Node, Qualified, Text


class Use(Node):
    coglet: Qualified
    arguments: tuple[Argument, ...]


class Crash(Node):
    """`crash X at T`: a coglet fails."""

    target: Expr
    at: Expr | None


class Disturb(Node):
    """`fail X 2 times`, `hang X`, `duplicate X.port at T`, `drop X.port`: what befalls the next calls or messages."""

    kind: Disturbance
    target: Expr
    times: Expr | None
    at: Expr | None


class Kill(Node):
    """`kill for D at T`: the run is killed, and goes on from its journal when `duration` has passed."""

    duration: Expr | None
    at: Expr | None


class Advance(Node):
    """`advance D`: the clock moves while nothing else does."""

    duration: Expr


class Run(Node):
    """`run 10s`, or `run until EXPR within D`."""

    duration: Expr | None
    until: Expr | None


class Expect(Node):
    """`expect E`, or with a word in front of the condition: `eventually`, `never`, `sometimes`."""

    when: Expected
    condition: Expr
    within: Expr | None


EXPECTED: tuple[Expected, ...] = ("eventually", "never", "sometimes")
"""The words that may stand in front of the condition of an `expect`."""


class ExpectTrace(Node):
    """`expect trace matches "golden.jsonl"`."""

    path: Text


class ExpectJudge(Node):
    """`expect judge m "..." >= 0.7`: a model judges what came of the test; `threshold` is the least score that passes."""

    model: Qualified
    question: Expr
    threshold: Expr | None


class Feed(Node):
    """`send X.port <- E at T`."""

    target: Expr
    value: Expr
    at: Expr | None


class Order(Node):
    """`guide X.command(...) at T`."""

    target: Expr
    arguments: tuple[Argument, ...]
    at: Expr | None


class Answer(Node):
    """One answer of a script; `hang` and `real` have no value, that of `fault` is a name."""

    kind: AnswerKind
    value: Expr | None


class Script(Node):
    program: Qualified
    answers: tuple[Answer, ...]


class ForAll(Node):
    """`for all x in ints(0, 10)`: the test holds for each such value."""

    name: Name
    source: Expr


class ForRows(Node):
    """`for each row: Case in "cases.jsonl"`: the test runs for each row of a file."""

    name: Name
    type: TypeExpr | None
    path: Text


class Explore(Node):
    """`explore { runs: 500, faults: 1 }`: how `cogc explore` runs the test."""

    attributes: tuple[Attribute, ...]


class Live(Node):
    """`live { pass_rate: 0.9 }`: what `cogc test --live` holds the test to."""

    attributes: tuple[Attribute, ...]


class Test(Node):
    name: Text
    checks: tuple[Check, ...]
    doc: str = ""


class Happening(Node):
    """One message of a scenario: its channel, and what must hold for it."""

    target: Expr
    condition: Expr | None


class Scenario(Node):
    """`scenario "..." { a.x then b.y within 1m }`."""

    name: Text
    happenings: tuple[Happening, ...]
    within: Expr | None
    doc: str = ""


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal as OneOf, TypeAlias

    from cogc.syntax.expressions import Expr, TypeExpr

    Check: TypeAlias = (
        Use | Crash | Disturb | Kill | Advance | Run | Expect | ExpectTrace | ExpectJudge | Feed | Order | Script | ForAll
        | ForRows | Explore | Live | Error
    )  # fmt: skip
    Disturbance: TypeAlias = OneOf["fail", "hang", "duplicate", "drop"]
    Expected: TypeAlias = OneOf["", "eventually", "never", "sometimes"]
    AnswerKind: TypeAlias = OneOf["reply", "fail", "delay", "hang", "stream", "call", "real", "fault"]

"""What a mistake of syntax says could stand in its place: short, in words of the language, the most likely first."""

from __future__ import annotations

import re

import pytest

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.syntax import parse_cog

MEMBER = "coglet Main { listen x: int\n transmit y: any\n %s\n}"
BODY = MEMBER % "on x as v { %s }"
STATEMENT = "a statement (`let`, `if`, `log`, ...)"
MODIFIER = "a modifier (`when`, `timeout`, ...)"

TABLE = [
    (")", "a declaration (`coglet`, `program`, `type`, ...) or a string"),
    ("coglet )", "a name"),
    ("coglet Main )", "`=`, `{`, `(` or `with`"),
    ("import )", "a string"),
    ("const A )", "`=` or `:`"),
    ("const A = )", "an expression"),
    ("const A: )", "a type"),
    ("type T = { a )", "`:` or `?`"),
    ("type T = { a: int )", "`=`, `,`, `}`, a new line or `private`"),
    ('model m = anthropic "x" )', "`{` or a new line"),
    ("agent A { )", "a name, `}` or a string"),
    ("agent A { model: m )", "`,`, `}`, `{`, a new line or `when`"),
    ("program f(a )", "`:`"),
    ("program f(a: int) )", "`=` or `->`"),
    ("plan P { step a )", "`:`, `{`, `after`, `by` or `when`"),
    ('test "t" { )', "a step (`send`, `run`, `expect`, ...) or `}`"),
    ('test "t" { send self.x )', "`<-`, `.` or `[`"),
    (MEMBER % ")", "a member (`listen`, `state`, `on`, ...) or a string"),
    (MEMBER % "listen a: int )", "`}`, `{` or a new line"),
    (MEMBER % "link a.b )", "`->`, `,`, `.` or `[`"),
    (MEMBER % "on x as v )", f"{MODIFIER}, `->`, `,` or `{{`"),
    (MEMBER % "on x as v throttle 5 )", "`per`"),
    (BODY % ")", f"{STATEMENT} or `}}`"),
    (BODY % "let )", "a name or `[`"),
    (BODY % "let a )", "`=`"),
    (BODY % "y )", "`=`, `<-`, `(`, `.` or `[`"),
    (BODY % "y <- )", "an expression"),
    (BODY % "y <- v + )", "an expression"),
    (BODY % "y <- [v )", "`,`, `]` or `for`"),
    (BODY % "y <- { a: v )", "`,`, `}` or a new line"),
    (BODY % "y <- f(v 5", "`,`, `:`, `)` or an operator"),
    (BODY % "if v )", "`{`"),
    (BODY % "for i )", "`in`"),
    (BODY % "log info )", "an expression"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_a_mistake_says_what_could_stand_there(text: str, expected: str) -> None:
    problems = Problems()
    parse_cog.parse(Source("a.cog", text), problems)
    assert next(d.help for d in problems.found if d.slug == "unexpected-token") == f"expected {expected}"


def test_no_list_is_long_or_names_what_only_the_parser_knows() -> None:
    """Cut every spec of the table behind each of its words, and put what fits nowhere there."""
    texts = {found.string[: found.end()] for text, _ in TABLE for found in re.finditer(r"\w+|[^\w\s]", text)}
    for text in sorted(texts):
        for wrong in (" )", " 5 5", " ..", ' "a" "b"'):
            problems = Problems()
            parse_cog.parse(Source("a.cog", text + wrong), problems)
            for help in (d.help for d in problems.found if d.help.startswith("expected")):
                assert len(help) <= 110 and len(re.findall(r", | or ", re.sub(r"\(`.*?\)", "", help))) <= 6
                assert not re.search(r"[A-Z]{3}|__|\$", help), help

"""Edits that diagnostics carry: other languages' phrases and misspelt words, in both notations."""

from __future__ import annotations

import pytest

from cogc.analysis.checked import Options
from cogc.compile import analyse
from cogc.diagnostics.edits import applicability, apply
from cogc.diagnostics.problems import Diagnostic, Problems

BODY = "coglet Main {{ listen x: int\n listen s: string?\n state n: int = 0\n on s as w {{ n = n + 1\n log info w ?? str(n) }}\n on x as v {{ {} }} }}\n"


def found(text: str, path: str = "a.cog") -> list[Diagnostic]:
    problems = Problems()
    analyse([path], lambda p: text.encode() if p == path else _standard(p), problems, Options(smells=True))
    return problems.sorted()


def _standard(path: str) -> bytes:
    from cogc.disk.files import read

    if not path.startswith("std/"):
        raise FileNotFoundError(path)
    return read(path)


def mended(text: str, path: str = "a.cog") -> str:
    """Return a text with the safe edits of all its diagnostics, round by round."""
    for _ in range(5):
        edits = [e for d in found(text, path) if d.edits and applicability(d.edits) == "safe" for e in d.edits]
        if not edits:
            return text
        text = apply(text, edits)
    return text


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("log info v += 1", None),
        ("n += v", "n = n + v"),
        ("n -= v - 1", "n = n - (v - 1)"),
        ("n++", "n = n + 1"),
        ('log info v > 1 ? "a" : "b"', 'log info "a" if v > 1 else "b"'),
        ("if v > 1 && v < 3 { log info v }", "if v > 1 and v < 3 { log info v }"),
        ("if v > 1 || v < 0 { log info v }", "if v > 1 or v < 0 { log info v }"),
        ("if !(v == 2) { log info v }", "if not (v == 2) { log info v }"),
        ("if v = 2 { log info v }", "if v == 2 { log info v }"),
        ("if v === 2 { log info v }", "if v == 2 { log info v }"),
        ("if v <> 2 { log info v }", "if v != 2 { log info v }"),
        ('log info f"a {v}"', 'log info "a {{ v }}"'),
        ('log info f"a {v:.2f}"', None),
        ("log info 'it \"is\"'", 'log info "it \\"is\\""'),
        ("log info `a ${v}`", 'log info "a {{ v }}"'),
        ("var y = v; log info y", "let y = v; log info y"),
        ('if v == 1 { log info 1 } elif v == 2 { log info 2 }', "if v == 1 { log info 1 } else if v == 2 { log info 2 }"),
        ("raise \"no\"", 'fail "no"'),
        ("unless v == 1 { log info v }", "if not (v == 1) { log info v }"),
        ("log info True", "log info true"),
        ("if v == 1 { log inof v }", "if v == 1 { log info v }"),
    ],
)  # fmt: skip
def test_a_phrase_of_another_language_is_rewritten(was: str, becomes: str | None) -> None:
    text = BODY.format(was)
    assert found(text), "the phrase is no mistake"
    assert mended(text) == (text if becomes is None else BODY.format(becomes))
    if becomes is not None:
        assert found(BODY.format(becomes)) == []


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("str", "string"), ("list<string>", "[string]"), ("List[string]", "[string]"), ("string[]", "[string]"), ("Optional[int]", "int?"),
        ("Dict[str, int]", "map[int]"), ("map<string, list<str>>", "map[[string]]"), ("Array<int>", "[int]"),
    ],
)  # fmt: skip
def test_a_type_of_another_language_is_rewritten(was: str, becomes: str) -> None:
    text = "coglet Main {{ listen x: {}\n on x as v {{ log info v }} }}\n"
    assert mended(text.format(was)) == text.format(becomes)


def test_a_misspelt_name_is_certain_if_one_letter_of_many_is_wrong() -> None:
    (one,) = found("coglet Main { listen x: int\n state count: int = 0\n on x as v { count = coumt + v } }\n")
    assert [(e.replacement, e.applicability) for e in one.edits] == [("count", "safe")]
    (two,) = found("coglet Main { listen x: int\n state total1: int = 0\n on x as v { total1 = total2 + v } }\n")
    assert [(e.replacement, e.applicability) for e in two.edits] == [("total1", "unsafe")]


CALLED = "coglet Main {{ listen x: int\n transmit y: int\n on x as v {{ {} }} }}\n"


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("emit(y, v)", "y <- v"), ("y.send(v)", "y <- v"), ("y.send(value: v)", "y <- v"), ("print(v)", "log info v"),
        ("y <- emit(y, v)", None), ("y <- y.send(v)", None), ("log info print(v)", None), ("let a = [emit(y, v)]; y <- a[0]", None),
        ("y <- 1 + print(v)", None), ("if v > 1 { emit(y, v) }", "if v > 1 { y <- v }"), ("y.send(y.send(v))", "y <- y.send(v)"),
    ],
)  # fmt: skip
def test_a_call_becomes_a_statement_where_it_is_a_whole_one(was: str, becomes: str | None) -> None:
    text = CALLED.format(was)
    edits = [e for d in found(text) for e in d.edits]
    assert (apply(text, edits) if edits else None) == (becomes and CALLED.format(becomes))


@pytest.mark.parametrize(
    ("second", "certain"), [("{a: [int, x]}", "safe"), ("{a: [int, y]}", "unsafe"), ("'{a: [int, x]}'", "unsafe")]
)
def test_a_key_that_is_given_twice_is_removed_for_certain_if_its_values_are_the_same(second: str, certain: str) -> None:
    text = f"cog: 1\ncoglets: {{}}\ntypes: {{a: [int, x]}}\ntypes: {second}\n"
    twice = [d for d in found(text, "a.yml") if d.slug == "duplicate-key"]
    assert [applicability(d.edits) for d in twice] == [certain]


def test_edits_stand_at_their_places_in_yaml() -> None:
    text = "cog: 1\ncoglets:\n  Main:\n    listen: { x: int }\n    reactions:\n      - on: x as v\n        do: |\n          if v == 1 && true { log inof v }\n"
    assert mended(text, "a.yml") == text.replace("&&", "and").replace("inof", "info")


@pytest.mark.parametrize(
    "text", ["coglet Main { on start { let = 1 } }\n", 'model = scripted "a.yml"\n', "coglet Main { listen x: int\n on  as v { let y = v } }\n"]
)  # fmt: skip
def test_a_name_that_is_missing_has_no_edit(text: str) -> None:
    assert [d.edits for d in found(text) if d.slug == "unexpected-token"] == [()]


@pytest.mark.parametrize(
    "text",
    [
        'import "std/mixins.cog"\n{ X }\n',
        "const A = 1\n{ a: 1 }\n",
        "coglet A {\n}\n{\n}\n",
        "agent A { tools: []\n  on add as n { log info n }\n}\n",
        "coglet A { listen add: { a: int\n  transmit y: int\n}\n",
    ],
)
def test_an_edit_that_would_leave_its_report_is_none(text: str) -> None:
    (report,) = [d for d in found(text) if d.slug == "unexpected-token"]
    assert not report.edits


def test_a_brace_below_its_header_and_a_key_without_its_colon_are_mended() -> None:
    assert mended("coglet A\n{ listen x: int\n  on x as v\n  { log info v } }") == (
        "coglet A { listen x: int\n  on x as v { log info v } }"
    )
    assert mended("type T = { state int, on bool }") == "type T = { state: int, on: bool }"

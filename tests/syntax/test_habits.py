"""Phrases of other languages: each is reported once, at its place, with what to write instead."""

from __future__ import annotations

import pytest

from tests.support.specs import check_text

BODY = """coglet Main {
  listen x: int
  transmit y: int
  state n: int = 0
  on x as v { %s }
}
"""

STATEMENTS = [
    ("while v > 1 { y <- v }", "5:15", "for x in xs"),
    ("return v", "5:15", "`channel <- value`"),
    ("print v", "5:15", "`log info ...`"),
    ("n += v", "5:17", "`n = n + ...`"),
    ("n++", "5:16", "`n = n + 1`"),
    ("y -> v", "5:17", "`y <- v`"),
    ("y = v", "5:15", "`y <- ...`"),
    ("let = 3", "5:19", "name"),
    ("if v > 3 && v < 5 { y <- v }", "5:24", "`and`"),
    ("if v > 3 || v < 5 { y <- v }", "5:24", "`or`"),
    ("if !(v > 3) { y <- v }", "5:18", "`not`"),
    ("y <- v > 3 ? 1 : 2", "5:26", "a if condition else b"),
    ("y <- v ** 2", "5:23", "power"),
    ("log info 'text'", "5:24", '`"text"`'),
    ('log info f"{v}"', "5:24", "template"),
    ("// a comment", "5:15", "#"),
    ("/* a comment */ y <- v", "5:15", "#"),
    ("y <- True", "5:20", "`true`"),
    ("y <- None", "5:20", "`null`"),
    ("y <- length([v])", "5:20", "`len`"),
    ('log info "a".upper()', "5:24", '`upper("a")`'),
    ("y <- [v].length()", "5:20", "`len([v])`"),
    ("y <- f(v", "5:24", ""),
    ("n.a = 3", "5:19", "as a whole"),
    ("y <- x => x", "5:22", "`->`"),
    ("throw v", "5:15", 'fail "..."'),
]


@pytest.mark.parametrize(("statement", "place", "help"), STATEMENTS)
def test_a_statement_of_another_language_is_one_report(statement: str, place: str, help: str) -> None:
    found = check_text(BODY % statement + "program f(a: int) -> int = expr a\n")[1]
    found = [d for d in found if d.slug != "silent-transmit"]
    assert len(found) == 1, [d.message for d in found]
    line, column = found[0].span.position()
    assert f"{line}:{column}" == place
    assert help in found[0].help + found[0].message


TYPES = [
    ("str", "`string`"),
    ("integer", "`int`"),
    ("number", "`int`"),
    ("boolean", "`bool`"),
    ("string[]", "`[string]`"),
    ("list<string>", "`[string]`"),
    ("list[int]", "`[string]`"),
    ("dict", "`map[int]`"),
    ("Optional", "`T?`"),
]


@pytest.mark.parametrize(("type", "help"), TYPES)
def test_a_type_of_another_language_is_one_report(type: str, help: str) -> None:
    found = check_text(f"coglet Main {{ listen x: {type}\n  on x as v {{ log info v }} }}\n")[1]
    assert [help in d.help for d in found] == [True], [(d.message, d.help) for d in found]


@pytest.mark.parametrize("word", ["modle", "coglt", "agnt", "progam"])
def test_a_misspelt_word_at_the_start_of_a_declaration_is_named(word: str) -> None:
    found = check_text(f'{word} m = scripted "m.yml"\n')[1]
    assert len(found) == 1 and found[0].help.startswith("did you mean"), found[0].help
    assert found[0].span.position() == (1, 1)


def test_a_word_of_one_letter_is_no_misspelt_keyword() -> None:
    found = check_text(BODY % "if v > { y <- 1 }")[1]
    assert len(found) == 1 and "did you mean" not in found[0].help


def test_a_list_of_what_is_expected_is_whole_or_says_that_it_is_not() -> None:
    found = check_text("coglet Main { listen x: int\n on x 3 { } }\n")[1]
    assert found[0].help.endswith(" and 2 more")


def test_a_word_of_another_language_that_is_declared_is_no_mistake() -> None:
    text = BODY % "y <- length([v])" + "program length(a: [int]) -> int = expr len(a)\n"
    assert [d.slug for d in check_text(text)[1]] == []


OWN = [
    ("agent A { model: m\n spawn [B] }\n", "expected `:`"),
    ("type T = { from string }\n", "`:` is missing"),
    ("type T = { input string }\n", "`:` is missing"),
    ('test "t" { use A\n sleep 3s }\n', "`run 3s`"),
    ('test "t" { use A\n assert y == 3 }\n', "`expect ...`"),
    ("coglet A { state process: int = 0\n on start { process += 1 } }\n", "`process = process + ...`"),
    ("coglet A { state n = 5\n }\n", "a state has a type: `state n: int = 5`"),
    ('coglet A {\n state label = "x"\n }\n', '`state label: string = "x"`'),
    ("coglet A { state n = [1]\n }\n", "`state n: TYPE = ...`"),
    ("coglet A { state n =\n }\n", "`state n: TYPE = ...`"),
    ("coglet A { transmit emits: int\n on start { emits -> 1 } }\n", "`emits <- 1`"),
]


@pytest.mark.parametrize(("text", "help"), OWN)
def test_a_word_that_belongs_here_is_not_taken_for_a_foreign_one(text: str, help: str) -> None:
    found = [d for d in check_text(text)[1] if d.slug == "unexpected-token"]
    assert [help in d.help for d in found] == [True], [(d.message, d.help) for d in found]

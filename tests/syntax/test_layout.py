"""The formatter: one text for all ways to write a file, no comment lost, nothing changed but blanks and lines."""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, seed, settings

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.syntax import nodes, parse_cog
from cogc.syntax.format import formatted, formatted_range
from cogc.syntax.layout import WIDTH
from cogc.syntax.lexer import Form
from support.mutations import corpus, mutant
from support.paths import ROOT
from support.systems import systems

FORMS = sorted((ROOT / "stdlib" / "forms").glob("*.cog"))
FILES = sorted(p for folder in ("examples", "stdlib", "cogc") for p in (ROOT / folder).glob("**/*.cog") if p.is_file())
PROGRAMS = int(os.environ.get("COGC_EXAMPLES", "60"))
WORD = re.compile(
    r'r?"""(?:[^"\\]|\\.|"(?!""))*"""|r"[^"\n]*"|"(?:[^"\\\n]|\\.)*"|#[^\n]*|[A-Za-z_0-9.]+|[^\s]', re.DOTALL
)


def tree(source: Source) -> nodes.File | None:
    problems = Problems()
    found = parse_cog.parse(source, problems)
    return None if problems.errors else found


def comments(text: str) -> Counter[str]:
    return Counter(w.rstrip() for w in WORD.findall(text) if w.startswith("#"))


def check(source: Source) -> str | None:
    """Hold the formatter to its promises for one text. Return the formatted text."""
    before, made = tree(source), formatted(source)
    assert (made is None) == (before is None), source.text
    if made is None:
        return None
    again = type(source)(source.path, made)
    after = tree(again)
    assert after is not None and before is not None and nodes.equal(after, before), made
    assert comments(made) == comments(source.text), made
    assert formatted(again) == made
    assert not re.search(r"[ \t]+$", re.sub(r'r?"""(?:[^"\\]|\\.|"(?!""))*"""', '""', made), re.MULTILINE)
    return made


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_each_file_of_the_project_is_formatted(path: Path) -> None:
    text = path.read_text()
    assert check(Form("x.cog", text) if path in FORMS else Source("x.cog", text)) == text, f"cogc fmt {path}"


PAGES = [*sorted((ROOT / "specs").glob("*.md")), ROOT / "README.md"]


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_each_block_of_a_page_is_formatted(path: Path) -> None:
    for text in re.findall(r"^```cog\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL):
        made = check(Source("x.cog", text))
        assert made is None or made == text, made


def test_every_text_of_the_corpus_keeps_its_meaning() -> None:
    texts = [t for name, t in corpus() if not name.endswith((".yml", ".yaml")) and "\r" not in t]
    assert sum(check(Source("x.cog", t)) is not None for t in texts) > 250


def noisy(text: str, chance: random.Random) -> str:
    """Put comments, blank lines and other blanks where the grammar takes them."""
    made = ""
    for found in re.finditer(WORD.pattern + r"|\s+", text, re.DOTALL):
        word = found.group()
        if "\n" in word and word.isspace():
            made += chance.choice(
                [word, "  # behind" + word, "\n\n\n  # above\n", "\n# above" + word, f"; # c{chance.random():.3f}\n"]
            )
        elif word in ("+", "and", ",", "(", "[", "{", "==", "="):
            made += word + chance.choice(["", "", "\n  ", " # in\n", "\n\n# own\n"])
        else:
            made += word
    return made


def test_a_blank_line_behind_the_comment_of_an_item_is_kept() -> None:
    text = "const a = [\n  1,  # one\n\n  2,\n\n  3,  # three\n  4\n]\n"
    assert formatted(Source("a.cog", text)) == text
    call = "program p(\n  path: string,  # where\n\n  text: string\n) -> int = human\n"
    assert formatted(Source("a.cog", call)) == call


def test_comments_anywhere_are_kept() -> None:
    texts = [t for name, t in corpus() if not name.endswith((".yml", ".yaml")) and "\r" not in t and len(t) < 3000]
    read = 0
    for number in range(80):
        chance = random.Random(number)
        text = noisy(chance.choice(texts), chance)
        read += check(Source("x.cog", text)) is not None
    assert read > 20


@pytest.mark.parametrize("first", range(0, 80, 20))
def test_mutants_are_refused_or_keep_their_meaning(first: int) -> None:
    texts = [(name, t) for name, t in corpus() if not name.endswith((".yml", ".yaml"))]
    for number in range(first, first + 20):
        name, text = mutant(number, texts)
        if not name.endswith((".yml", ".yaml")) and "\r" not in text:
            check(Source("x.cog", text))


@settings(max_examples=PROGRAMS, deadline=None)
@seed(int(os.environ.get("COGC_SEED", "1")))
@given(systems())
def test_generated_programs_keep_their_meaning(text: str) -> None:
    assert check(Source("x.cog", text)) is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("const  a=1;const b = -2", "const a = 1\nconst b = -2\n"),
        ("const a = 1_000", "const a = 1_000\n"),
        ("\n\n# a\n\n\n# b\nconst a = 1\n\n\n\n", "# a\n\n# b\nconst a = 1\n"),
        ("const a = 1 # x\n# end", "const a = 1  # x\n# end\n"),
        ("coglet A{}", "coglet A { }\n"),
        ("coglet A{ # why\n}", "coglet A {  # why\n}\n"),
        ("coglet A { listen x: int; on x as v { log info v } }", "coglet A {\n  listen x: int\n  on x as v { log info v }\n}\n"),
        ("const a = [ # first\n1, # one\n2]", "const a = [  # first\n  1,  # one\n  2\n]\n"),
        ("const a = f( 1 , x:- 2 )[ 0 ] . b", "const a = f(1, x: -2)[0].b\n"),
        ("const a = xs[ 1 : ]", "const a = xs[1:]\n"),
        ("type T = {a ?:int?,...}", "type T = { a?: int?, ... }\n"),
        ("coglet M { create p = W*0 .. 9 }", "coglet M { create p = W * 0..9 }\n"),
        ("coglet M { on x { if a {x() } # no\n else { y() } } }", "coglet M {\n  on x {\n    if a {\n      x()\n    } else {\n      # no\n      y()\n    }\n  }\n}\n"),
        ('"one"\nconst a = 1\n"two" const b = 2', '"one"\nconst a = 1\n"two"\nconst b = 2\n'),
        ('"one" const a = 1', '"one" const a = 1\n'),
        ('coglet M {\nprogram p() -> string = template """\n  a\n   b\n  """\n}', 'coglet M {\n  program p() -> string = template """\n    a\n     b\n    """\n}\n'),
        ("", ""),
        ("# only\n", "# only\n"),
    ],
)  # fmt: skip
def test_a_text_is_formatted(text: str, expected: str) -> None:
    made = check(Source("x.cog", text))
    assert made == expected


@pytest.mark.parametrize("trigger", ["on x", "on x as v when v > 1"])
@pytest.mark.parametrize("comment", ["", "  # why"])
def test_a_long_pipeline_keeps_the_trigger_in_front_of_it(trigger: str, comment: str) -> None:
    programs = [f"-> a_program_with_a_long_name_{i}" for i in range(5)]
    text = f"coglet M {{ {trigger}{comment}\n    {' '.join(programs)} -> y }}\n"
    found = formatted(Source("a.cog", text))
    assert found == "\n".join(
        ["coglet M {", f"  {trigger}", *(f"    {p}" for p in programs), f"    -> y{comment}", "}", ""]
    )
    assert check(Source("a.cog", text)) == found


def test_a_comment_in_front_of_a_pipeline_stands_above_its_first_line() -> None:
    found = formatted(Source("a.cog", "coglet M {\n  on x\n  # why\n  -> y\n}\n"))
    assert found == "coglet M {\n  on x\n    # why\n    -> y\n}\n"


def test_lines_are_as_short_as_they_can_be() -> None:
    words = ["alpha_beta_gamma", "delta_epsilon", "zeta_eta_theta_iota"]
    for number in range(25):
        chance = random.Random(number)
        parts = [chance.choice(words) for _ in range(chance.randrange(5, 60))]
        for text in (
            " and ".join(parts), " + ".join(parts), f"f({', '.join(parts)})", f"[{', '.join(parts)}]",
            "{ " + ", ".join(f"{p}{i}: {p}" for i, p in enumerate(parts)) + " }",
            " if c else ".join(parts), f"[{parts[0]} for x in f({', '.join(parts)}) if {' or '.join(parts)}]",
        ):  # fmt: skip
            made = check(Source("x.cog", f"const value = {text}"))
            assert made is not None and max(map(len, made.splitlines())) <= WIDTH, made


def test_long_chains_and_lists_take_time_that_grows_with_their_length() -> None:
    for text in (
        "const a = " + "+".join(["x"] * 5_000),
        f"const a = [{','.join(['1'] * 5_000)}]",
        "const a = 1\n" * 5_000,
    ):
        assert check(Source("x.cog", text)) is not None


def test_parentheses_without_end_are_left_as_they_are() -> None:
    for count in (100, 5_000):
        text = f"const  a = {'(' * count}1{')' * count}\n"
        assert (formatted(Source("x.cog", text)) == text) == (count > 150)


def test_a_range_formats_the_items_that_it_touches() -> None:
    text = "const  a=1\ncoglet  A {\n  on  x {\n    a  <- 1\n    b  <- 2\n    c  <- 3\n  }\n}\nconst  z=1\n"
    at = text.index("b  <-")
    assert formatted_range(Source("x.cog", text), at, at + 1) == (at, at + len("b  <- 2"), "b <- 2")
    both = formatted_range(Source("x.cog", text), text.index("a  <-"), at + 1)
    assert both is not None and both[2] == "a <- 1\n    b <- 2"
    whole = formatted_range(Source("x.cog", text), 0, len(text))
    assert whole is not None and text[: whole[0]] + whole[2] + text[whole[1] :] == formatted(Source("x.cog", text))
    assert formatted_range(Source("x.cog", "const a ="), 0, 3) is None

"""`cogc convert` carries comments and blank lines to the place that they belong to, in both directions, and setts both ways."""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from pathlib import Path

import pytest

from cogc.commands.convert import converted
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.syntax.format import formatted
from cogc.syntax.parse import parse
from support.mutations import corpus
from support.paths import ROOT
from syntax.test_layout import comments, noisy

COUNT = int(os.environ.get("COGC_EXAMPLES", "30"))
SEED = int(os.environ.get("COGC_SEED", "0"))
FILES = sorted(
    p
    for folder in ("examples", "stdlib")
    for p in (ROOT / folder).glob("**/*.cog")
    if p.is_file() and p.parent.name != "forms"
)

COG = '''# first words
# of the file

"""Doc."""

# about a constant
const A = [  # opened
  1,  # one
  # two
  2
  # the end
]
# a program
program p(
  x: int,  # the x
  y: int
) -> int = expr x * 2  # behind it
model m = scripted "x" {
  # little
  temperature: 1  # one
  max_tokens: 1_000
}
model k = scripted "x" { max_tokens: 2 }  # short

"""Works."""
coglet W(start: int = 0) {  # opened
  listen a: int { capacity: 1 }  # a listener

  # above a transmitter
  transmit t: int
  state n: int = start  # a state
  # a reaction
  on a as v when v > 0 timeout 60s {  # opened
    # first
    n = (n + v)  # added

    if n > 2 {  # deep
      # deeper
      t <- n  # sent
      # last of deep
    } else {
      # other
      t <- 1
    }
    # last of the reaction
  }
  on a as v { t <- v }  # short
  # last of W
}

# a heading

# Main
coglet Main {
  create w = W(start: 1) { restart: always }  # always
  link self.a -> w.a  # a link
  listen a: int
  on start {
    w.a <- 1
  } else as e {
    # failed
    log info "{{ e }}"  # logged
  }
}
# a test
test "x" {
  # use
  use Main
  script p {
    reply 1  # first
    # second
    fail "x"
  }
  run 90s  # run
}
# the end
# of the file
'''
YAML = """# first words
cog: 1
coglets:
  # W does it
  W:  # the key
    # ports
    listen: {x: int}  # flow
    transmit:
      y: int  # out
      # last port
    reactions:
      - on: x as v  # a trigger
        # the body
        do: |  # a block
          # in code
          if v > 1 {
            y <- v  # sent
          }
          # last in code
        # behind the body
  # behind W

  # B is empty
  B: {}  # nothing
# the end
"""


def to(target: str, text: str, path: str) -> str:
    """Convert a text, of which nothing may be lost."""
    source, problems = Source(path, text), Problems()
    made = converted(source, parse(source, problems), target, problems)
    assert made is not None and problems.found == [], (problems.found, text)
    assert made[1] == [], made[1]
    return made[0]


def there_and_back(text: str) -> tuple[str, str]:
    """Return the YAML of a text in the cog notation, and what it becomes in the cog notation."""
    yaml = to("yaml", text, "x.cog")
    return yaml, to("cog", yaml, "x.yml")


def test_comments_and_blank_lines_come_back_to_their_places() -> None:
    yaml, back = there_and_back(COG)
    assert formatted(Source("x.cog", COG)) == COG
    assert back == COG
    assert "  W:  # opened\n    doc: Works.\n" in yaml
    assert (
        "          - n = (n + v)  # added\n\n          - |-\n            if n > 2 {  # deep\n              # deeper\n"
        in yaml
    )
    assert "      # last of W\n\n  # a heading\n\n  # Main\n  Main:\n" in yaml
    assert yaml.endswith("    - run 90s  # run\n# the end\n# of the file\n")


def test_the_page_shows_what_is_written() -> None:
    page = (ROOT / "specs" / "yaml.md").read_text().partition("## Converting")[2]
    cog, yaml = (re.findall(rf"^```{kind}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL) for kind in ("cog", "yaml"))
    assert [there_and_back(text) for text in cog] == [(yaml[0], cog[0])]


def test_comments_in_yaml_of_any_form_are_kept() -> None:
    made = to("cog", YAML, "x.yml")
    assert comments(made) == Counter(re.findall(r"# [\w ]+", YAML))
    assert made.startswith("# first words\n\n# W does it\ncoglet W {  # the key\n  # ports\n  listen x: int  # flow\n")
    assert "      y <- v  # sent\n    }\n    # last in code\n    # behind the body\n" in made
    assert to("cog", to("yaml", made, "x.cog"), "x.yml") == made


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_file_of_the_project_goes_there_and_back(path: Path) -> None:
    text = path.read_text()
    if path.stem == "recipes":
        return  # a sett with conditions
    yaml, back = there_and_back(text)
    assert comments(back) == comments(text)
    assert to("yaml", back, "x.cog") == yaml


def test_comments_anywhere_are_kept_and_the_second_time_nothing_moves() -> None:
    texts = [
        t
        for name, t in corpus()
        if not name.endswith((".yml", ".yaml")) and "\r" not in t and len(t) < 1500 and "\nsett" not in t
    ]
    done = stable = 0
    for number in range(SEED, SEED + COUNT):
        chance = random.Random(number)
        text = formatted(Source("x.cog", noisy(chance.choice(texts), chance)))
        problems = Problems()
        source = Source("x.cog", text or "")
        tree = parse(source, problems)
        made = None if text is None or problems.errors else converted(source, tree, "yaml", problems)
        if text is None or made is None or any("documentation" in line for line in made[1]):
            continue
        source = Source("x.yml", made[0])
        problems = Problems()
        tree = parse(source, problems)
        back = None if problems.errors else converted(source, tree, "cog", problems)
        if back is None:
            continue  # a mistake that YAML has a report for, such as an executor that is none
        assert made[1] == back[1] == []
        assert comments(back[0]) == comments(text), text
        done += 1
        stable += there_and_back(back[0])[1] == back[0]
    assert done > COUNT // 2 and stable > done * 0.9


SETT = """# a sett
version: '1.0'  # always
orchestrator:
  max_review_iterations: 5  # five
agents:
  # writes
  writer:  # w
    command:
      - ./write.sh
    bidding_strategy: exclusive
    workspace:
      mode: rw
    timeout: 10m

  checker-two:
    bid_script:
      - ./bid.sh
    command:
      - ./check.sh
    prompts:
      claim: |
          Say.
          More.
    # the end of it
"""


def test_a_sett_goes_there_and_back() -> None:
    cog = to("cog", SETT, "house.yml")
    assert "sett house {  # always\n" in cog and "  # writes\n  agent writer {  # w\n" in cog
    source, problems = Source("x.cog", cog), Problems()
    made = converted(source, parse(source, problems), "yaml", problems)
    assert made == (SETT, [])


def test_what_a_sett_has_for_containers_alone_is_named() -> None:
    text = 'version: "1.0"\nservices: {redis: {image: r}}\norchestrator: {image: o}\nagents:\n  a: {role: A, bidding_strategy: review, command: [x]}\n'
    source, problems = Source("x.yml", text), Problems()
    made = converted(source, parse(source, problems), "cog", Problems())
    assert made is not None and made[1] == ["`services`", "`orchestrator.image`", "`agents.a.role`"]


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("const A = 1\nsett S { agent B { bid_script: [\"x\"] } }", "const A = 1"),
        ("sett S { agent B_C { bidding_strategy: review } }", "B_C"),
        ("sett S { agent B { command: [\"x\"] } }", "B"),
        ("agent E { }\nsett S { agent B { run: E, bidding_strategy: review } }", "agent E { }, run: E"),
        ("sett S { agent B { bid: claim\n produces: [\"T\"] } }", "bid: claim, produces: [\"T\"]"),
        ("sett S { agent B { bidding_strategy: claim, workspac: rw } }", "workspac: rw"),
        ("coglet A { }\ncoglet A { listen x: int }", "coglet A { }"),
    ],
)  # fmt: skip
def test_what_has_no_form_is_reported_at_its_place(text: str, marked: str) -> None:
    source, problems = Source("x.cog", text), Problems()
    assert converted(source, parse(source, problems), "yaml", problems) is None
    assert {d.code for d in problems.found} == {"COG704"} and all(d.help for d in problems.found)
    assert ", ".join(text[d.span.start : d.span.end] for d in problems.sorted()) == marked


def test_a_documentation_that_ends_with_a_backslash_is_itself_in_the_other_notation() -> None:
    words = to("cog", "cog: 1\ncoglets:\n  Main:\n    doc: 'in C:\\dir\\'\n    listen: { x: int }\n", "d.yml")
    assert getattr(parse(Source("d.cog", words), Problems()).declarations[0], "doc", "") == "in C:\\dir\\"

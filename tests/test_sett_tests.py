"""Tests of setts: board, orchestrator and cubs on the clock of a test, with scripted agents."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from support.cli import cogc_here
from support.specs import check_text

SETT = """
model m = anthropic "claude-haiku-5-5"
agent Editor { description: "Says what a recipe is about.", model: m, system: "You edit." }
sett Kitchen {
  max_review_iterations: 2
  agent Writer { bid: exclusive when artefact.type == "GoalDefined", command: ["./write"], workspace: rw, timeout: 1m }
  agent Taster { bid: review when artefact.type == "Recipe", command: ["./taste"] }
  agent Blurb { bid: exclusive when artefact.type == "Recipe", run: Editor }
  agent Scout { bid_script: ["./bid"], bidding_strategy: ignore, command: ["./scout"] }
}
"""
COOKED = """
  script Writer { reply { artefact_type: "Recipe", artefact_payload: "eggs" }, reply { artefact_type: "Recipe", artefact_payload: "eggs, salt" } }
  script Taster { reply "no salt", reply { } }
  script Scout.bid { reply "ignore" }
"""


def outcome(tmp_path: Path, steps: str, *options: object, sett: str = SETT) -> tuple[int, str]:
    (tmp_path / "a_test.cog").write_text(f'{sett}\ntest "it" {{\n  use Kitchen\n{steps}\n}}\n')
    done = cogc_here("test", "a_test.cog", "--state", tmp_path / "state", *options, cwd=tmp_path)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "steps",
    [
        COOKED + 'script m { reply "About eggs." }\nsend self.goal <- "Eggs"\nrun 10m\nexpect last(artefacts).payload == "About eggs."'
        '\nexpect len(Writer.calls) == 2 and Writer.calls[1].input.additional_context[0].payload == "no salt"'
        '\nexpect [c.status for c in claims] == ["complete", "complete", "complete", "complete"] and len(m.calls) == 1',
        COOKED + 'script Blurb { delay 5s, reply "short" }\nsend self.goal <- "Eggs" at 1m\nrun 50s\nexpect len(artefacts) == 0'
        '\nrun until "short" in [a.payload for a in artefacts] within 2m\nexpect Blurb.calls[0].at >= 1m',
        'script Writer { fail "the oven is cold" }\nscript Scout.bid { reply "ignore" }\nsend self.goal <- "Eggs"\nrun 5m'
        '\nexpect claims[0].status == "terminated" and claims[0].reason == "Writer failed"'
        '\nexpect artefacts[1].structural_type == "Failure"',
        'script Writer { hang }\nscript Scout.bid { reply "ignore" }\nsend self.goal <- "Eggs"\nrun 59s\nexpect claims[0].status == "pending_exclusive"'
        '\nrun 10s\nexpect claims[0].status == "terminated"',
        COOKED + 'fail Writer\nsend self.goal <- "Eggs"\nrun 1m\nexpect claims[0].status == "terminated"',
        COOKED + 'hang Taster at 1s\nscript Blurb { reply "x" }\nsend self.goal <- "Eggs" at 2s\nrun 20m\nexpect len([a for a in artefacts if a.structural_type == "Failure"]) == 1',
        'script Scout.bid { hang }\nscript Writer { reply "plain" }\nsend self.goal <- "Eggs"\nrun 20s\nexpect claims[0].status == "pending_consensus"\nrun 1m'
        '\nexpect claims[0].bids.Scout == "ignore" and artefacts[1].payload == "plain" and artefacts[1].type == "Writer"',
        'script Writer { reply { structural_type: "Question", payload: "Which eggs?" }, reply "done" }\nscript Scout.bid { reply "ignore" }'
        '\nsend self.goal <- "Eggs"\nrun until questions within 1m\nexpect questions[0].payload == "Which eggs?"\nsend self.answer <- "Hens\'"'
        '\nrun 5m\nexpect len(questions) == 0 and artefacts[2].structural_type == "Answer" and len(artefacts) == 4',
        'script Writer { reply "x" }\nscript Scout.bid { reply "ignore" }\nexpect never len(artefacts) > 2\nsend self.goal <- "Eggs"\nrun 1h',
        'script Writer { reply "x" }\nscript Scout.bid { reply "ignore" }\nsend self.goal <- "Eggs"\nexpect eventually len(artefacts) == 2 within 1m\nadvance 1h\nexpect len(artefacts) == 2',
    ],
)  # fmt: skip
def test_a_sett_takes_its_course_on_the_clock_of_the_test(tmp_path: Path, steps: str) -> None:
    code, said = outcome(tmp_path, steps)
    assert code == 0, said


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ('send self.goal <- "Eggs"\nrun 1m', ["`Scout.bid` was asked to bid, and no script answers it; add", 'script Scout.bid { reply "ignore" }']),
        ('script Scout.bid { reply "ignore" }\nsend self.goal <- "Eggs"\nrun 1m', ["`Writer` was given work", "script Writer { reply"]),
        (COOKED + 'send self.goal <- "Eggs"\nrun 5m', ["`Editor` was called by Editor, and no script answers it", "script Editor { reply"]),
        (COOKED + 'send self.goal <- "Eggs"\nexpect never len(artefacts) > 1\nrun 1m', ["expect never len(artefacts) > 1: it held at", "the board:", "0s  Recipe v1 by Writer"]),
        ('send self.answer <- "x"', ["no question is open that could be answered"]),
        ("run until len(artefacts) > 0 within 1m", ["nothing is left to happen at"]),
        ('script Writer { reply "x" }\nscript Scout.bid { reply "ignore" }\nsend self.goal <- "Eggs"\nrun 1m\nexpect len(artefacts) == 7', ["len(artefacts) = 2", "claim on GoalDefined: complete; Writer exclusive"]),
    ],
)  # fmt: skip
def test_a_failure_says_why_and_shows_the_board(tmp_path: Path, steps: str, words: list[str]) -> None:
    code, said = outcome(tmp_path, steps)
    assert code == 3 and all(w in said for w in words), said


def test_the_same_test_takes_the_same_course(tmp_path: Path) -> None:
    steps = COOKED + 'script Blurb { reply "x" }\nsend self.goal <- "Eggs"\nrun 10m\nexpect len(artefacts) == 70'
    texts = {re.sub(r"\(.*? s\)", "", outcome(tmp_path, steps, "--seed", 3)[1]) for _ in range(4)}
    assert len(texts) == 1 and "Writer exclusive" in texts.pop()


def test_an_hour_of_an_idle_sett_costs_nothing(tmp_path: Path) -> None:
    steps = 'script Writer { reply "x" }\nscript Scout.bid { reply "ignore" }\nsend self.goal <- "Eggs"\nrun 1000h\nexpect len(artefacts) == 2'
    code, said = outcome(tmp_path, steps, "--format", "json")
    assert code == 0 and json.loads(said)["seconds"] < 5


def test_rows_run_a_sett_each(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"goal": "a"}\n{"goal": "b"}\n')
    steps = 'for each row: { goal: string } in "rows.jsonl"\nscript Writer { reply row.goal }\nscript Scout.bid { reply "ignore" }\nsend self.goal <- row.goal\nrun 1m\nexpect last(artefacts).payload == row.goal'
    code, said = outcome(tmp_path, steps, "--live", "5")
    assert code == 0 and "2 of 2 rows passed" in said


def test_a_sett_that_cannot_start_says_so(tmp_path: Path) -> None:
    sett = SETT.replace(
        'command: ["./write"]', 'command: ["./write"], environment: { A: "${NOT_SET_AT_ALL:?it is needed}" }'
    )
    code, said = outcome(tmp_path, 'send self.goal <- "x"', sett=sett)
    assert code == 3 and "the sett does not start: agent `Writer` wants the variable NOT_SET_AT_ALL" in said


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ("crash Writer", "COG701"),
        ("guide Writer.go()", "COG701"),
        ("drop Writer.x", "COG701"),
        ('expect trace matches "x"', "COG701"),
        ("explore { runs: 5 }", "COG701"),
        ('send self.gaol <- "x"', "COG312"),
        ("send self.goal <- 7", "COG401"),
        ("script Nobody { reply 1 }", "COG302"),
        ("script Writer { fault empty }", "COG209"),
        ("fail Nobody", "COG302"),
    ],
)
def test_steps_that_a_sett_has_no_use_for_are_refused(steps: str, code: str) -> None:
    found = [d for d in check_text(f'{SETT}test "t" {{\nuse Kitchen\n{steps}\n}}\n')[1] if d.severity == "error"]
    assert [d.code for d in found] == [code], found


def test_an_exploration_of_a_sett_is_refused(tmp_path: Path) -> None:
    outcome(tmp_path, 'send self.goal <- "x"')
    done = cogc_here("explore", "a_test.cog", "--test", "it", cwd=tmp_path)
    assert done.returncode == 2 and "is about a sett, whose orders are not explored" in done.stderr

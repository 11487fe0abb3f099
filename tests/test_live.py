"""Live runs: a real server of the Messages API answers in place of scripts, and rates, costs and recordings come of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cogc.disk.files import read
from cogc.names.catalogue import Catalogue
from cogc.testing.rates import Rate, decided, difference, wilson
from support.anthropic import Behaviour, Handler, Server, reply, serve, silent, status
from support.cli import cogc_here
from support.strict_models import refused_by_messages

pytestmark = pytest.mark.campaign

SYSTEM = """
model m = anthropic "claude-haiku-5-5" { base_url: "URL" }
model critic = anthropic "claude-sonnet-5-5" { base_url: "URL" }
program look(q: string) -> string = shell ["cat"]
coglet Desk {
  listen question: string
  transmit answer: string
  transmit late: string
  program say(question: string) -> string = llm { model: m, prompt: "{{ question }}", timeout: 30s }
  on question as q { answer <- say(look(q)) } else as e { late <- "{{ e.kind }}: {{ e.message }}" }
}
"""
ASKS = """
test "it says yes" {
  use Desk
  script m { reply "yes" }
  script look { reply "May I?" }
  send self.question <- "?"
  run 1h
  expect answer == ["yes"]
}
"""
JUDGED = ASKS.replace("}\n\ntest", "").rstrip()[:-1] + (
    '  script critic { reply { score: 0.9, reason: "fine" } }\n'
    '  expect judge critic "Is {{ answer[0] }} polite?" >= 0.7\n}\n'
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key-of-the-test")
    with serve() as made:
        yield made


def text_of(body: dict[str, Any]) -> str:
    return json.dumps(body)


def says(*words: str) -> Behaviour:
    """Answer by the words in turn, whatever is asked; refuse what the real API would refuse."""
    left = list(words)

    def behave(handler: Handler) -> None:
        body = handler.server.requests[-1]
        refused = refused_by_messages(body)
        if refused:
            status(400, refused)(handler)
        else:
            reply(left.pop(0) if len(left) > 1 else left[0])(handler)

    return behave


def live(
    tmp_path: Path, server: Server, text: str, *options: object, words: tuple[str, ...] = ("yes",)
) -> tuple[int, str]:
    """Run tests live against a server that says some words in turn; the exit code and what is printed."""
    behave = says(*words)
    server.behaviours = [behave] * 1000 if not server.behaviours else server.behaviours
    (tmp_path / "a_test.cog").write_text(SYSTEM.replace("URL", server.url) + text)
    done = cogc_here("test", "a_test.cog", "--state", tmp_path / "state", *options, cwd=tmp_path)
    return done.returncode, done.stdout + done.stderr


# ---- rates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("passed", "runs", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662), (1, 29, 0.0061, 0.1718), (0, 0, 0.0, 1.0)],
)  # fmt: skip
def test_the_interval_of_a_rate_is_wilsons(passed: int, runs: int, low: float, high: float) -> None:
    found = wilson(passed, runs)
    assert found == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize(
    ("pairs", "share", "low", "high"),
    [
        ((20, 12, 2, 16), -0.2, -0.3292, -0.0562),
        ((36, 12, 2, 0), -0.2, -0.3404, -0.0569),
        ((0, 0, 0, 0), 0.0, -1.0, 1.0),
    ],
)
def test_the_interval_of_a_difference_is_newcombes(
    pairs: tuple[int, int, int, int], share: float, low: float, high: float
) -> None:
    found = difference(*pairs)
    assert found[0] == pytest.approx(share)
    assert found[1:] == (pytest.approx(low, abs=3e-4), pytest.approx(high, abs=3e-4))


@pytest.mark.parametrize("chances", [(0.5, 0.2, 0.1, 0.2), (0.85, 0.1, 0.04, 0.01), (0.3, 0.05, 0.35, 0.3)])
def test_the_interval_of_a_difference_holds_the_truth_about_as_often_as_it_says(chances: tuple[float, ...]) -> None:
    random, held = Random(1), 0
    for _ in range(2000):
        drawn = Counter(random.choices(range(4), chances, k=40))
        _, low, high = difference(*(drawn[kind] for kind in range(4)))
        held += low <= chances[2] - chances[1] <= high
    assert 0.93 <= held / 2000 <= 0.985


@pytest.mark.parametrize(
    ("passed", "runs", "most", "needed", "expected"),
    [
        (8, 8, 10, 0.8, True),
        (0, 3, 10, 0.8, False),
        (0, 2, 10, 0.8, None),
        (0, 9, 1000, 0.9, None),
        (0, 10, 1000, 0.9, False),
        (60, 60, 1000, 0.9, True),
        (7, 10, 10, 0.7, True),
        (0, 0, 10, 0.0, True),
    ],
)
def test_a_test_is_decided_when_nothing_can_change_it(
    passed: int, runs: int, most: int, needed: float, expected: bool | None
) -> None:
    assert decided(passed, runs, most, needed) is expected


def test_a_rate_that_cannot_be_written_as_a_float_is_what_is_written() -> None:
    assert Rate(7, 10, 0.7).holds and Rate(3, 10, 0.1 + 0.2).holds and not Rate(0, 0, 0.0).holds


# ---- live runs -------------------------------------------------------------------------------------------------


def test_models_answer_in_place_of_their_scripts_and_the_rest_is_scripted(tmp_path: Path, server: Server) -> None:
    code, said = live(tmp_path, server, ASKS, "--live", "4", "--format", "json", words=("yes", "yes", "no", "yes"))
    found = json.loads(said)["tests"][0]
    price = Catalogue(read).price("anthropic", "claude-haiku-5-5")
    assert code == 3 and len(server.requests) == 4 and price is not None
    assert [c["passed"] for c in found["cases"]] == [True, True, False, True]
    assert found["cases"][0]["outputs"] == {"answer": ["yes"], "late": []}
    assert found["rate"]["passed"] == 3 and found["rate"]["tokens"] == 60
    assert found["rate"]["usd"] == pytest.approx(4 * (10 * price.input + 5 * price.output) / 1e6)
    low, high = wilson(3, 4)
    assert (found["rate"]["low"], found["rate"]["high"]) == (round(low, 6), round(high, 6))


def test_without_a_rate_all_runs_are_made_and_must_pass(tmp_path: Path, server: Server) -> None:
    code, said = live(tmp_path, server, ASKS, "--live", "3", words=("no",))
    assert code == 3 and len(server.requests) == 3
    assert "0 of 3 runs passed: 0% (95%: 0% to 56.1%)" in said and "3 requests" in said


@pytest.mark.parametrize("where", ["--pass-rate", "live"])
def test_a_rate_that_is_decided_ends_the_runs(tmp_path: Path, server: Server, where: str) -> None:
    text = ASKS if where == "--pass-rate" else ASKS.replace("use Desk", "use Desk\n  live { pass_rate: 0.5 }")
    options = ["--pass-rate", "0.5"] if where == "--pass-rate" else []
    code, said = live(tmp_path, server, text, "--live", "10", *options)
    assert code == 0 and len(server.requests) == 5 and "decided after 5 of 10" in said


def test_side_by_side_the_verdict_is_the_same(tmp_path: Path, server: Server) -> None:
    code, said = live(tmp_path, server, ASKS, "--live", "6", "-n", "2")
    assert code == 0 and len(server.requests) == 6 and "6 of 6 runs passed" in said


def test_no_run_begins_for_which_the_budget_has_no_room(tmp_path: Path, server: Server) -> None:
    code, said = live(tmp_path, server, ASKS, "--live", "10", "--budget", "tokens=40")
    assert code == 0, said
    assert "2 of 2 runs passed" in said and "the budget has no room for another run" in said


def test_a_budget_without_room_for_a_run_fails(tmp_path: Path, server: Server) -> None:
    code, said = live(tmp_path, server, ASKS, "--live", "10", "--budget", "tokens=0")
    assert code == 3 and "the budget leaves no room for a run" in said and server.requests == []


def test_a_busy_model_is_asked_again_on_the_real_clock(tmp_path: Path, server: Server) -> None:
    server.will(status(529, "busy", retry_after="0.3"), reply("yes"))
    code, said = live(tmp_path, server, ASKS, "--live", "1", "--format", "json")
    found = json.loads(said)["tests"][0]
    assert code == 0 and found["cases"][0]["seconds"] >= 0.3 and len(server.requests) == 2


def test_a_model_that_gives_no_answer_is_late(tmp_path: Path, server: Server) -> None:
    server.will(silent)
    text = ASKS.replace('expect answer == ["yes"]', "expect late[0] is string and len(late) == 1")
    system = SYSTEM.replace("timeout: 30s", "timeout: 1s")
    (tmp_path / "a_test.cog").write_text(system.replace("URL", server.url) + text)
    done = cogc_here("test", "a_test.cog", "--state", tmp_path / "state", "--live", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_server_that_is_not_there_fails_the_runs_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key-of-the-test")
    system = SYSTEM.replace("URL", "http://127.0.0.1:9").replace("timeout: 30s", "retry: 0, timeout: 30s")
    (tmp_path / "a_test.cog").write_text(system + ASKS)
    done = cogc_here("test", "a_test.cog", "--state", tmp_path / "state", "--live", "1", cwd=tmp_path)
    assert done.returncode == 3 and "Traceback" not in done.stderr and "connection" in done.stdout


def test_failures_of_a_test_befall_real_models_too(tmp_path: Path, server: Server) -> None:
    text = ASKS.replace("run 1h", "fail m 1 times\n  run 1h").replace('answer == ["yes"]', "len(late) == 1")
    code, said = live(tmp_path, server, text, "--live", "2")
    assert code == 0 and server.requests == [], said


def test_a_test_that_asks_no_model_runs_once(tmp_path: Path, server: Server) -> None:
    code, said = live(
        tmp_path, server, 'test "quiet" { use Desk\n run 1s\n expect len(answer) == 0 }\n', "--live", "50"
    )
    assert code == 0 and "quiet\n" in said, said


def test_the_cost_of_a_model_without_a_price_is_unknown(tmp_path: Path, server: Server) -> None:
    text = ASKS.replace("use Desk", 'for each row: int in "rows.jsonl"\n  use Desk')
    (tmp_path / "rows.jsonl").write_text("1\n2\n")
    server.will(*[says("yes")] * 5)
    system = SYSTEM.replace("claude-haiku-5-5", "home-made").replace("URL", server.url)
    (tmp_path / "a_test.cog").write_text(system + text)
    words = ("test", "a_test.cog", "--state", tmp_path / "state", "--live", "1", "--eval-html", "r.html")
    done = cogc_here(*words, "--eval", "r.jsonl", cwd=tmp_path)
    assert done.returncode == 0 and "2 requests, 30 tokens, cost unknown (no price of m)" in done.stdout
    lines = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [line["used"]["usd"] for line in lines if "used" in line] == [None, None]
    assert lines[-1]["rate"]["usd"] is None and "cost unknown" in (tmp_path / "r.html").read_text()
    done = cogc_here(*words, "--budget", "usd=1", cwd=tmp_path)
    assert done.returncode == 3 and "nobody knows the price of `m`: bound its tokens" in done.stdout
    assert len(server.requests) == 3


# ---- judges ----------------------------------------------------------------------------------------------------


def test_a_judge_is_asked_for_real_in_a_live_run(tmp_path: Path, server: Server) -> None:
    words = ("yes", '{"score": 0.9, "reason": "polite"}', "yes", '{"score": 0.2, "reason": "curt"}')
    code, said = live(tmp_path, server, JUDGED, "--live", "2", "--format", "json", words=words)
    cases = json.loads(said)["tests"][0]["cases"]
    assert code == 3 and [c["passed"] for c in cases] == [True, False]
    assert [next(iter(c["scores"].values())) for c in cases] == [
        {"score": 0.9, "reason": "polite"},
        {"score": 0.2, "reason": "curt"},
    ]
    assert [b["model"] for b in server.requests] == ["claude-haiku-5-5", "claude-sonnet-5-5"] * 2
    assert "Is yes polite?" in text_of(server.requests[1]) and cases[0]["used"]["requests"] == 2


def test_a_score_that_is_too_low_shows_why(tmp_path: Path, server: Server) -> None:
    code, said = live(tmp_path, server, JUDGED.replace("score: 0.9", "score: 0.65"))
    assert code == 3 and 'expect judge critic "Is {{ answer[0] }} polite?" >= 0.7' in said
    assert "score  = 0.65" in said and 'reason = "fine"' in said and 'asked  = "Is yes polite?"' in said


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("", "a judge was asked, and no script answers it"),
        ('script critic { reply { score: 7.0, reason: "" } }', "the judge's score is 7, not from 0 to 1"),
        ('script critic { fail "busy" }', "the judge gave no verdict"),
        ("script critic { hang }", "the judge gave no verdict"),
        ("script critic { fault off_schema }", "the judge gave no verdict"),
    ],
)
def test_a_judge_without_a_verdict_fails_the_test(tmp_path: Path, server: Server, script: str, words: str) -> None:
    code, said = live(
        tmp_path, server, JUDGED.replace('script critic { reply { score: 0.9, reason: "fine" } }', script)
    )
    assert code == 3 and words in said, said


def test_a_judges_requests_are_calls_of_its_model_and_no_time_passes(tmp_path: Path, server: Server) -> None:
    text = (
        JUDGED.rstrip()[:-1]
        + "  expect len(critic.calls) == 1 and len(m.calls) == 1\n  run 1s\n  expect len(answer) == 1\n}\n"
    )
    code, said = live(tmp_path, server, text.replace("reply { score", "delay 20s, reply { score"))
    assert code == 0, said


KILLED = {
    "before anything": ASKS.replace("run 1h", "kill\n  run 1h\n  kill"),
    "at some time": ASKS.replace("run 1h", "kill at 10m\n  kill for 1h at 20m\n  run 1h"),
    "while a model is silent": ASKS.replace("run 1h", "hang m\n  run 1s\n  kill\n  run 1h\n  expect len(m.calls) == 2"),
    "while a command is under way": ASKS.replace('reply "May', 'delay 5s, reply "May').replace(
        "run 1h", "kill at 2s\n  run 1h\n  expect len(look.calls) == 2"
    ),
}


@pytest.mark.parametrize("text", KILLED.values(), ids=KILLED)
def test_a_live_run_that_is_killed_goes_on_and_is_repeated(tmp_path: Path, server: Server, text: str) -> None:
    code, said = live(tmp_path, server, text, "--live", "2", "--record", "kept")
    assert code == 0 and len(server.requests) == 2, said
    words = ("test", "a_test.cog", "--replay", "kept/it-says-yes-2.jsonl", "--state", tmp_path / "s")
    done = cogc_here(*words, cwd=tmp_path)
    assert done.returncode == 0 and len(server.requests) == 2, done.stdout


@pytest.mark.parametrize("kill", ["", "kill\n"])
def test_what_judges_have_used_counts_behind_a_kill(tmp_path: Path, server: Server, kill: str) -> None:
    behind = f'{kill}send self.question <- "again"\nrun 1h\nexpect len(answer) == 2\n}}\n'
    words = ("yes", '{"score": 0.9, "reason": "polite"}', "yes")
    text = JUDGED.rstrip()[:-1] + behind
    code, said = live(tmp_path, server, text, "--live", "1", "--format", "json", words=words)
    rate = json.loads(said)["tests"][0]["rate"]
    assert code == 0 and rate["tokens"] == 45 and len(server.requests) == 3
    server.behaviours.clear()
    options = ("--live", "1", "--budget", "tokens=40", "--format", "json")
    code, said = live(tmp_path, server, text, *options, words=words)
    case = json.loads(said)["tests"][0]["cases"][0]
    assert code == 3 and case["used"]["requests"] == 2
    assert case["outputs"]["late"] == ["budget: `the run` has 40 tokens; 30 are used, 10 would be sent"]


# ---- recordings ------------------------------------------------------------------------------------------------


def test_a_recorded_run_is_repeated_without_a_model(tmp_path: Path, server: Server) -> None:
    words = ("yes", '{"score": 0.1, "reason": "curt"}')
    code, said = live(tmp_path, server, JUDGED, "--live", "1", "--record", "kept", words=words)
    assert code == 3 and "again: cogc test a_test.cog --replay kept/it-says-yes-1.jsonl" in said, said
    asked = len(server.requests)
    done = cogc_here(
        "test", "a_test.cog", "--replay", "kept/it-says-yes-1.jsonl", "--state", tmp_path / "s", cwd=tmp_path
    )
    assert done.returncode == 3 and 'reason = "curt"' in done.stdout and len(server.requests) == asked


def test_a_changed_prompt_is_told_from_the_recorded_one(tmp_path: Path, server: Server) -> None:
    live(tmp_path, server, ASKS, "--live", "1", "--record", "kept")
    path = tmp_path / "a_test.cog"
    path.write_text(path.read_text().replace('prompt: "{{ question }}"', 'prompt: "Now: {{ question }}"'))
    done = cogc_here("test", "a_test.cog", "--replay", "kept/it-says-yes-1.jsonl", cwd=tmp_path)
    assert done.returncode == 3 and "is not the recorded one; that was: May I?" in done.stdout


@pytest.mark.parametrize(
    "content", ["", "[]\n", '{"v": 1, "kind": "live", "test": "it says yes"}\n{"a": 1}\n', "\xff", '{"kind": "live"}\n']
)
def test_a_file_that_is_no_recording_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a_test.cog").write_text(SYSTEM.replace("URL", "http://127.0.0.1:9") + ASKS)
    (tmp_path / "r.jsonl").write_text(content)
    done = cogc_here("test", "a_test.cog", "--replay", "r.jsonl", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("cogc: --replay r.jsonl: "), done.stderr


def test_the_state_folder_keeps_the_last_live_run(tmp_path: Path, server: Server) -> None:
    live(tmp_path, server, ASKS, "--live", "3")
    live(tmp_path, server, ASKS, "--live", "2")
    kept = sorted(p.name for p in (tmp_path / "state").rglob("tests/live/*.jsonl"))
    assert kept == ["it-says-yes-1.jsonl", "it-says-yes-2.jsonl"]


def test_no_recording_has_the_key(tmp_path: Path, server: Server) -> None:
    live(tmp_path, server, ASKS, "--live", "1", "--record", "kept", words=("the key is key-of-the-test",))
    assert "key-of-the-test" not in (tmp_path / "kept" / "it-says-yes-1.jsonl").read_text()


# ---- the command line ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--live", "0"], "--live 0: from 1 to 100000"),
        (["--pass-rate", "1.5"], "--pass-rate 1.5: from 0 to 1"),
        (["--pass-rate", "nan"], "--pass-rate nan: from 0 to 1"),
        (["--budget", "usd=1"], "--budget has a meaning beside --live alone"),
        (["--record", "d"], "--record has a meaning beside --live alone"),
        (["--live", "1", "--replay", "x"], "--replay asks no model"),
        (["--live", "1", "--record", "a_test.cog"], "cannot write recordings to"),
        (["--replay", "none.jsonl"], "--replay none.jsonl: no such file or directory"),
    ],
)
def test_options_without_a_meaning_are_refused(tmp_path: Path, options: list[str], words: str) -> None:
    (tmp_path / "a_test.cog").write_text(SYSTEM.replace("URL", "http://127.0.0.1:9") + ASKS)
    done = cogc_here("test", "a_test.cog", *options, cwd=tmp_path)
    assert done.returncode == 2 and words in done.stderr, done.stderr

"""The command line of setts: list, watch, hoard, forage, questions and up, with their options."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trio

from cogc.commands.sett_processes import RECORD
from cogc.commands.sett_watch import moment
from cogc.commands.usage import UsageError
from cogc.sett.board import Board, open_board
from cogc.sett.happenings import Filter, Watcher, as_json
from cogc.sett.model import Artefact, goal
from cogc.sett.orchestrator import Orchestrator
from cogc.sett.report import gist
from cogc.stores.memory import MemoryStore
from support.cli import cogc, cogc_here
from support.redis import RedisServer, needs_redis
from support.setts import ON_GOAL, World, agent, on, says
from support.state import state
from support.waiting import DEADLINE, wait_for

SPEC = """sett S {
  agent A { bid: exclusive when artefact.type == "GoalDefined"
    command: ["sh", "-c", "cat > /dev/null; printf '{\\"artefact_type\\": \\"CodeDone\\", \\"artefact_payload\\": 1}'"] }
}
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def done(tmp_path: Path) -> Path:
    """A folder in which an instance `i` has run."""
    (tmp_path / "s.cog").write_text(SPEC)
    run = cogc_here("run", "s.cog", "--goal", "x", "--instance", "i", "--sandbox", "none", "--log", "off", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    return tmp_path


def lines(*words: str, cwd: Path) -> list[str]:
    found = cogc_here("sett", *words, cwd=cwd)
    assert found.returncode == 0, found.stderr
    return found.stdout.splitlines()


# ---- the events of a board -----------------------------------------------------------------------------------


def test_watch_tells_bids_grants_reviews_and_rework(world: World) -> None:
    strict = """case "$(cat)" in *'"version":2'*) p='{}';; *) p='"short"';; esac
printf '{"artefact_type":"Review","artefact_payload":%s}' "$p"
"""
    end = says("Done", structural_type="Terminal")
    spec = agent("W", world.script("w", says("Doc")), ON_GOAL) + agent(
        "R", world.script("r", strict), on("Doc", "review")
    )
    world.run(spec + agent("E", world.script("e", end), on("Doc", "exclusive")))

    async def main() -> None:
        watcher = Watcher(world.board)
        found = await watcher.news()
        assert await watcher.news() == []
        told = [h.event for h in found]
        for event, times in {
            "artefact_created": 6, "claim_created": 3, "bid_submitted": 9, "claim_granted": 5, "review_rejected": 1,
            "review_approved": 1, "feedback_claim_created": 1, "artefact_reworked": 1, "workflow_completed": 1,
        }.items():  # fmt: skip
            assert told.count(event) == times, (event, told)
        said = "\n".join(h.said for h in found)
        for words in (
            "bid: W exclusive",
            "grant: E exclusive",
            "review: R rejects: short",
            "review: R approves",
            "the workflow has ended",
        ):
            assert words in said, said
        assert [h.at for h in found] == sorted(h.at for h in found)
        line = json.loads(as_json(found[0]))
        assert set(line) == {"timestamp", "event", "data"} and line["timestamp"].endswith("Z")
        assert line["data"]["payload"] == "go" and line["data"]["created_at_ms"] > 0

    trio.run(main)


def test_watch_tells_what_changes_while_it_looks() -> None:
    async def main() -> list[str]:
        board = Board(MemoryStore())
        orchestrator = Orchestrator(board, ["W"], 3, lambda *a, **k: None)
        watcher = Watcher(board)
        told: list[str] = []

        async def look() -> None:
            told.extend(h.said.partition("  ")[2] for h in await watcher.news())

        await board.post(goal("x"))
        await look()
        await orchestrator.step()
        await look()
        (claim,) = await board.claims()
        await board.bid(claim.id, "W", "exclusive")
        await look()
        await orchestrator.step()
        await look()
        return told

    assert trio.run(main) == [
        "GoalDefined v1  user  x", "claim: new", "claim: pending_consensus", "bid: W exclusive", "grant: W exclusive",
        "claim: pending_exclusive",
    ]  # fmt: skip


def artefact(type: str, role: str, at: float = 100.0) -> Artefact:
    return Artefact("i", "l", 1, "Standard", type, "", [], role, at)


@pytest.mark.parametrize(
    ("wanted", "type", "role", "taken"),
    [
        (Filter(), "CodeCommit", "Coder", True),
        (Filter(type="CodeCommit"), "CodeCommit", "Coder", True),
        (Filter(type="Code*"), "CodeCommit", "Coder", True),
        (Filter(type="*Result"), "TestResult", "Coder", True),
        (Filter(type="Code*"), "TestResult", "Coder", False),
        (Filter(type="code*"), "CodeCommit", "Coder", False),
        (Filter(agent="Coder"), "CodeCommit", "Coder", True),
        (Filter(agent="coder"), "CodeCommit", "Coder", False),
        (Filter(since=99.0), "CodeCommit", "Coder", True),
        (Filter(since=101.0), "CodeCommit", "Coder", False),
        (Filter(until=99.0), "CodeCommit", "Coder", False),
        (Filter(since=99.0, until=101.0, type="Code*", agent="Coder"), "CodeCommit", "Coder", True),
        (Filter(since=99.0, until=101.0, type="Code*", agent="Tester"), "CodeCommit", "Coder", False),
    ],
)
def test_all_filters_must_match(wanted: Filter, type: str, role: str, taken: bool) -> None:
    assert wanted.takes(100.0, artefact(type, role), role) is taken


def test_a_time_is_a_duration_before_now_or_rfc_3339() -> None:
    assert moment("1h30m", "--since", 10_000.0) == 10_000.0 - 5400
    assert moment("2025-10-29T13:00:00Z", "--since", 0.0) == 1761742800.0
    assert moment("2025-10-29T14:00:00+01:00", "--since", 0.0) == 1761742800.0
    assert moment(None, "--since", 0.0) is None
    with pytest.raises(UsageError, match="--until soon: write a duration such as 1h30m"):
        moment("soon", "--until", 0.0)


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        ('say "hi"', 'say "hi"'),
        ({"why": "no\nsalt"}, '{"why":"no\\nsalt"}'),
        ("one\ntwo\t\x1b[1m", "one two\\u0009\\u001b[1m"),
        ("x" * 101, "x" * 97 + "..."),
    ],
)
def test_a_payload_is_shown_as_it_was_written_on_one_line(payload: Any, shown: str) -> None:
    assert gist(Artefact("a", "a", 1, "Standard", "T", payload, [], "A")) == shown


# ---- the commands --------------------------------------------------------------------------------------------


def test_hoard_and_watch_select(done: Path) -> None:
    assert len(lines("hoard", cwd=done)) == 2
    assert [json.loads(x)["type"] for x in lines("hoard", "--type", "Code*", "--json", cwd=done)] == ["CodeDone"]
    assert len(lines("hoard", "--agent", "user", "--since", "1h", cwd=done)) == 1
    assert lines("hoard", "--until", "1h", cwd=done) == []
    events = [
        json.loads(x)["event"]
        for x in lines("watch", "--since", "1h", "--until", "0s", "--json", "--instance", "i", cwd=done)
    ]
    assert {"artefact_created", "claim_created", "bid_submitted", "claim_granted", "claim_status"} <= set(events)
    said = lines("watch", "--since", "1h", "--until", "0s", "--agent", "A", cwd=done)
    assert any("bid: A exclusive" in line for line in said) and not any("user" in line for line in said)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["watch", "--since", "1h", "--until", "2h"], "--since must lie before --until"),
        (["hoard", "--since", "soon"], "--since soon: write a duration"),
        (["hoard", "--exit-on-completion"], "--exit-on-completion is for `cogc sett watch`"),
        (["watch", "--force"], "--force is for `cogc sett up` and `cogc sett forage`"),
        (["hoard", "--wait"], "--wait is for `cogc sett questions`"),
        (["forage", "x", "--goal", "y"], "give GOAL or --goal, not both"),
        (["forage"], "`cogc sett forage` takes GOAL"),
        (["forage", "-g", " "], "the goal is empty"),
        (["forage", "-g", "x", "-w"], "the instance `i` is down"),
    ],
)
def test_what_makes_no_sense_is_refused(done: Path, words: list[str], why: str) -> None:
    refused = cogc_here("sett", *words, cwd=done)
    assert refused.returncode == 2 and why in refused.stderr, refused.stderr


def test_watch_ends_with_the_workflow(tmp_path: Path) -> None:
    board = f"sqlite:{tmp_path}/b.db"

    async def post(*artefacts: Artefact) -> None:
        async with open_board(board, "i") as opened:
            for made in artefacts:
                await opened.post(made)

    trio.run(post, goal("x"))
    words = [
        sys.executable,
        "-m",
        "cogc",
        "sett",
        "watch",
        "--since",
        "1h",
        "--exit-on-completion",
        "--instance",
        "i",
        "--board",
        board,
    ]
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None and "GoalDefined v1  user" in watch.stdout.readline()
        trio.run(post, Artefact("t", "t", 1, "Terminal", "Done", "", [], "A"))
        rest = watch.stdout.read().splitlines()
        assert watch.wait(DEADLINE) == 0 and rest[-1].endswith("the workflow has ended")


def test_questions_waits_for_one(tmp_path: Path) -> None:
    board = f"sqlite:{tmp_path}/b.db"

    async def post(made: Artefact) -> None:
        async with open_board(board, "i") as opened:
            await opened.post(made)

    trio.run(post, goal("x"))
    words = [sys.executable, "-m", "cogc", "sett", "questions", "--wait", "--instance", "i", "--board", board]
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as waiting:
        trio.run(post, Artefact("q", "q", 1, "Question", "Question", "Which herb?", [], "A"))
        said, _ = waiting.communicate(timeout=DEADLINE)
        assert waiting.returncode == 0 and said.endswith("Which herb?\n")


def test_one_workspace_has_one_instance_and_its_changes_are_committed(tmp_path: Path) -> None:
    (tmp_path / "s.cog").write_text(SPEC)
    for words in (
        ["init", "-q", "."],
        ["add", "-A"],
        ["-c", "user.name=n", "-c", "user.email=e@x", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    try:
        up = cogc("sett", "up", "s.cog", "--instance", "one", "--sandbox", "none", cwd=tmp_path)
        assert up.returncode == 0, up.stderr
        second = cogc_here("sett", "up", "s.cog", "--instance", "two", "--sandbox", "none", cwd=tmp_path)
        assert second.returncode == 2 and f"the instance `one` is up on the workspace `{tmp_path}`" in second.stderr
        assert "--force" in second.stderr
        listed = [json.loads(x) for x in lines("list", "--json", cwd=tmp_path)]
        (one,) = [i for i in listed if i["name"] == "one" and i["workspace"] == str(tmp_path)]
        assert (one["status"], one["machines"], one["up"]) == ("up", 2, 2) and one["board"].startswith("sqlite:")

        (tmp_path / "new.txt").write_text("x")
        dirty = cogc_here("sett", "forage", "-g", "go", cwd=tmp_path)
        assert dirty.returncode == 2 and "?? new.txt" in dirty.stderr and "--force" in dirty.stderr
        watched = cogc("sett", "forage", "-g", "go", "--force", "--watch", cwd=tmp_path)
        assert watched.returncode == 0, watched.stderr
        assert "CodeDone v1  A" in watched.stdout and "bid: A exclusive" in watched.stdout
        assert "claim: complete, nobody bids for it" in watched.stdout
        os.kill(next(iter(_pids(tmp_path))), signal.SIGKILL)
        wait_for(lambda: any("one  degraded 1/2" in x for x in lines("list", cwd=tmp_path)))
    finally:
        cogc("sett", "down", "--instance", "one", cwd=tmp_path)
    assert (state(tmp_path) / "setts" / "one").is_dir() and not (state(tmp_path) / "setts" / "one" / RECORD).exists()
    assert any(line.startswith("one  down") for line in lines("list", cwd=tmp_path))


def _pids(folder: Path) -> list[int]:
    return [json.loads(x)["pid"] for x in lines("status", "--json", "--instance", "one", cwd=folder)]


@needs_redis
def test_list_shows_the_instances_of_a_server(redis: RedisServer, tmp_path: Path) -> None:
    async def post() -> None:
        for name in ("prod", "test"):
            async with open_board(redis.url, name) as board:
                await board.post(goal("x"))

    trio.run(post)
    found: list[Any] = [json.loads(x) for x in lines("list", "--board", redis.url, "--json", cwd=tmp_path)]
    assert [i["name"] for i in found if i["board"] == redis.url] == ["prod", "test"]

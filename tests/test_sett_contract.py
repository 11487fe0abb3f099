"""The contract with an agent's commands: what they get on stdin, what becomes of their answers, what they cannot see."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trio

from cogc.commands.sett_processes import running
from cogc.run import confine
from support.cli import cogc, cogc_here
from support.processes import bubblewrap_works
from support.setts import ON_GOAL, World, agent, made, on, says
from support.state import state
from support.waiting import wait_for

needs_bwrap = pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap is not installed, or not allowed")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# ---- stdin ---------------------------------------------------------------------------------------------------

KEEP = """cat > "$SETT_AGENT_NAME.$$.json"
"""


def kept(world: World, role: str) -> list[dict[str, Any]]:
    """Return what the commands of a role got on stdin, the oldest first."""
    files = sorted(world.folder.glob(f"{role}.*.json"), key=lambda f: f.stat().st_mtime_ns)
    return [json.loads(f.read_text()) for f in files]


def keeps(world: World, name: str, answer: str) -> str:
    return world.script(name, KEEP + answer.replace("cat > /dev/null; ", ""))


def test_a_command_takes_values_out_of_its_stdin_with_grep(world: World) -> None:
    take = """P=$(grep -o '"payload":"[^"]*"' | head -1 | cut -d'"' -f4)
printf '{"artefact_type":"Doc","artefact_payload":"for %s"}' "$P"
"""
    found = world.run(agent("W", world.script("w", take), ON_GOAL), "bake Brötchen")
    assert found[-1].payload == "for bake Brötchen"


def test_a_bid_script_gets_the_same_form(world: World) -> None:
    bid = world.script("bid", """grep -q '"type":"GoalDefined","payload":"go"' && echo claim || echo ignore""")
    work = world.script("w", says("Doc"))
    assert made(world.run(f'agent A {{ bid_script: ["{bid}"]\n command: ["{work}"] }}'))[1] == "Doc v1 A"


def test_a_payload_is_a_text_on_the_wire_and_a_time_is_in_milliseconds(world: World) -> None:
    make, look = world.script("make", says("Plan", {"steps": [1, 2]})), keeps(world, "look", says("Seen"))
    found = world.run(agent("A", make, ON_GOAL) + agent("B", look, on("Plan", "claim")))
    (asked,) = kept(world, "B")
    target = asked["target_artefact"]
    assert found[1].payload == {"steps": [1, 2]} and target["payload"] == '{"steps":[1,2]}'
    assert target["created_at_ms"] == int(target["created_at"] * 1000)


@pytest.mark.parametrize("bid", ["exclusive", "claim"])
@pytest.mark.parametrize("more", ["", "replicas: 2", 'mode: controller\n worker: { command: ["./w.sh"] }'])
def test_on_rework_the_reviews_are_context(world: World, bid: str, more: str) -> None:
    keeps(world, "w", says("Doc"))
    strict = """case "$(cat)" in *'"version":2'*) p='{}';; *) p='"no"';; esac
printf '{"artefact_type":"Review","artefact_payload":%s}' "$p"
"""
    spec = agent("W", "./w.sh", on("GoalDefined", bid), more)
    found = world.run(spec + agent("R", world.script("r", strict), on("Doc", "review")))
    first, again = kept(world, "W")
    assert first["context_chain"] == [] and "additional_context" not in first
    chain = [(a["structural_type"], a["type"], a["version"]) for a in again["context_chain"]]
    assert chain == [("Standard", "GoalDefined", 1), ("Standard", "Doc", 1), ("Review", "Review", 1)]
    assert [a["id"] for a in again["additional_context"]] == [found[2].id]


def test_an_answer_comes_with_its_question_and_only_work_is_context(world: World) -> None:
    ask = """case "$(cat | tee W.$$.json)" in *basil*) printf '{"artefact_type":"Doc","artefact_payload":1}';;
*) printf '{"structural_type":"Question","payload":"Which herb?"}';; esac"""
    world.run(agent("W", world.script("w", ask), ON_GOAL), answers={"W": ["basil"]})
    _, second = kept(world, "W")
    assert second["target_artefact"]["structural_type"] == "Answer"
    assert [a["type"] for a in second["context_chain"]] == ["GoalDefined"]
    assert second["question"]["payload"] == "Which herb?"


# ---- answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bid", ["review", "claim", "exclusive"])
def test_a_field_more_is_ignored_and_named(world: World, bid: str) -> None:
    answer = says("Review" if bid == "review" else "Doc", {}, confidence=0.9)
    found = world.run(agent("W", world.script("w", answer), on("GoalDefined", bid)))
    assert [a.structural_type for a in found[1:]] == ["Review" if bid == "review" else "Standard"]
    said = "the answer has a field `confidence`, which is ignored"
    assert f"W: {said}" in world.logged()
    assert trio.run(world.board.logs)[0]["remarks"] == [said]


@pytest.mark.parametrize("bid", ["claim", "exclusive"])
def test_an_answer_of_the_type_review_is_a_review_in_every_phase(world: World, bid: str) -> None:
    found = world.run(agent("W", world.script("w", says("Review", {})), on("GoalDefined", bid)))
    assert found[1].structural_type == "Review" and len(world.claims()) == 1


def test_rework_keeps_the_type_of_its_thread(world: World) -> None:
    drift = """case "$(cat)" in *additional_context*) t=Other;; *) t=Doc;; esac
printf '{"artefact_type":"%s","artefact_payload":"p"}' $t"""
    strict = """case "$(cat)" in *'"version":2'*) p='{}';; *) p='"no"';; esac
printf '{"artefact_payload":%s}' "$p"
"""
    write, judge = world.script("w", drift), world.script("r", strict)
    found = world.run(agent("W", write, ON_GOAL) + agent("R", judge, on("Doc", "review")))
    assert "Doc v2 W" in made(found) and not any(a.type == "Other" for a in found)
    assert "the answer has the type `Other`; rework keeps the type `Doc`" in world.logged()


def test_half_a_character_in_an_answer_is_a_failure(world: World) -> None:
    half = """cat > /dev/null; printf '%s' '{"artefact_type":"Doc","artefact_payload":"\\ud800"}'"""
    found = world.run(agent("W", world.script("w", half), ON_GOAL))
    assert found[-1].payload["reason"] == "stdout is not one JSON object"


def test_failures_have_the_types_that_users_look_for(world: World) -> None:
    write, judge = world.script("w", says("Doc")), world.script("r", says("Review", "no"))
    spec = agent("W", write, ON_GOAL) + agent("R", judge, on("Doc", "review"))
    found = world.run(spec, top="max_review_iterations: 1")
    assert found[-1].type == "MaxIterationsExceeded" and found[-1].payload["error"] == "rejected 2 times"
    late = World(world.folder)
    found = late.run(agent("W", late.script("w", "sleep 30"), ON_GOAL, "timeout: 200ms"))
    assert found[-1].type == "ToolExecutionFailure" and set(found[-1].payload) == {
        "error", "reason", "exit_code", "stdout", "stderr",
    }  # fmt: skip


def test_rework_of_an_agent_that_is_gone_is_a_failure(world: World) -> None:
    world.run(agent("W", world.script("w", says("Doc")), ON_GOAL))
    (doc,) = [a for a in trio.run(world.board.artefacts) if a.type == "Doc"]
    other = World(world.folder)
    trio.run(other.board.post, doc)
    judge = other.script("r", says("Review", "no"))
    found = other.run(agent("R", judge, on("Doc", "review")), None)
    assert found[-1].type == "MissingAgentConfiguration" and "has no agent `W`" in found[-1].payload["reason"]


# ---- bids ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["review", "claim", "exclusive"])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("echo jq is missing >&2; exit 3", "ended with code 3: jq is missing"),
        ("echo perhaps; echo odd >&2", "`perhaps` is no bid"),
        ("true", "`` is no bid"),
    ],
)
def test_a_bid_that_fails_falls_back_to_the_strategy(world: World, strategy: str, body: str, said: str) -> None:
    bid, work = world.script("bid", body), world.script("w", says("Review" if strategy == "review" else "Doc", {}))
    found = world.run(f'agent A {{ bid_script: ["{bid}"]\n bidding_strategy: {strategy}\n command: ["{work}"] }}')
    assert len(found) == 2 and found[1].produced_by_role == "A"
    assert f"its bid on GoalDefined failed, and counts as {strategy}" in world.logged() and said in world.logged()
    assert any(said in remark for entry in trio.run(world.board.logs, "A") for remark in entry["remarks"])


def test_a_condition_that_fails_falls_back_too(world: World) -> None:
    work = world.script("w", says("Doc"))
    spec = f'agent A {{ bid: claim when artefact.payload.x == 1\n bidding_strategy: exclusive\n command: ["{work}"] }}'
    assert made(world.run(spec))[1] == "Doc v1 A"


# ---- what is hidden ------------------------------------------------------------------------------------------

LOOK = """cat > /dev/null
n=$(cat /workspace/.cogc/*/*/secret /workspace/my.db /app/.cogc/*/*/secret .cogc/*/*/secret 2>/dev/null | wc -c)
git clean -fdxq . > /dev/null 2>&1
printf '{"artefact_type":"Look","artefact_payload":"%s"}' $n"""


def furnish(folder: Path) -> None:
    (folder / ".cogc" / "setts" / "i").mkdir(parents=True)
    (folder / ".cogc" / "setts" / "i" / "secret").write_text("secret")


@needs_bwrap
@pytest.mark.parametrize("mode", ["ro", "rw"])
def test_what_is_cogcs_own_is_not_seen_in_the_workspace_or_the_app(world: World, mode: str) -> None:
    subprocess.run(["git", "init", "-q", "."], cwd=world.folder, check=True)
    furnish(world.folder)
    more = f'workspace: {mode}\n build: {{ context: "." }}'
    found = world.run(agent("W", world.script("look", LOOK), ON_GOAL, more), sandbox="bubblewrap")
    assert found[-1].payload == "0" and (world.folder / ".cogc" / "setts" / "i" / "secret").read_text() == "secret"


@needs_bwrap
def test_a_board_that_was_put_into_the_workspace_is_not_seen(tmp_path: Path) -> None:
    (tmp_path / "look.sh").write_text(f"#!/bin/sh\n{LOOK.replace('git clean', ': git clean')}\n")
    (tmp_path / "look.sh").chmod(0o755)
    (tmp_path / "s.cog").write_text(f"sett S {{ {agent('W', './look.sh', ON_GOAL, 'workspace: rw')} }}")
    words = ["run", "s.cog", "--goal", "go", "--board", "sqlite:my.db", "--instance", "i", "--sandbox", "bubblewrap"]
    done = cogc(*words, "--output", "json", cwd=tmp_path)
    assert done.returncode == 0 and json.loads(done.stdout.splitlines()[-1])["data"]["payload"] == "0", done.stderr


@pytest.mark.skipif(not confine.version(), reason="this kernel has no Landlock")
def test_landlock_hides_it_in_a_workspace_that_is_read(world: World) -> None:
    furnish(world.folder)
    found = world.run(agent("W", world.script("look", LOOK), ON_GOAL), sandbox="landlock")
    assert found[-1].payload == "0"


# ---- the command line ----------------------------------------------------------------------------------------

SPEC = """sett S {
  agent A { bid: exclusive when artefact.type == "GoalDefined"
    command: ["sh", "-c", "cat > /dev/null; printf '{\\"artefact_type\\": \\"Doc\\", \\"artefact_payload\\": 1}'"] }
}
"""


@pytest.mark.parametrize("goal", ["", "  \n"])
def test_a_goal_of_nothing_is_refused(tmp_path: Path, goal: str) -> None:
    (tmp_path / "s.cog").write_text(SPEC)
    (tmp_path / "goal.txt").write_text(goal)
    for words in (["--goal", goal], ["--goal-file", "goal.txt"]):
        done = cogc_here("run", "s.cog", *words, "--sandbox", "none", cwd=tmp_path)
        assert done.returncode == 2 and "the goal is empty" in done.stderr, done.stderr


def test_forage_and_logs_of_an_instance_that_is_down(tmp_path: Path) -> None:
    (tmp_path / "s.cog").write_text(SPEC)
    assert (
        cogc_here("run", "s.cog", "--goal", "x", "--instance", "i", "--sandbox", "none", cwd=tmp_path).returncode == 0
    )
    done = cogc_here("sett", "forage", "again", "--instance", "i", cwd=tmp_path)
    assert done.returncode == 2 and "the instance `i` is down" in done.stderr
    done = cogc_here("sett", "forage", " ", "--instance", "i", cwd=tmp_path)
    assert done.returncode == 2 and "the goal is empty" in done.stderr
    assert len(cogc_here("sett", "hoard", cwd=tmp_path).stdout.splitlines()) == 2
    done = cogc_here("sett", "logs", "Nobody", cwd=tmp_path)
    assert done.returncode == 2 and "there is no agent `Nobody` here; there are A, orchestrator" in done.stderr
    done = cogc_here("sett", "logs", "orchestrator", cwd=tmp_path)
    assert done.returncode == 2 and "`cogc sett up` keeps one" in done.stderr


def test_why_nobody_bids_is_said_at_the_end_and_in_the_log(tmp_path: Path) -> None:
    bid = 'bid_script: ["sh", "-c", "echo jq is missing >&2; exit 3"]'
    (tmp_path / "s.cog").write_text(f'sett S {{ agent A {{ {bid}\n command: ["true"] }} }}')
    words = ["run", "s.cog", "--goal", "x", "--instance", "i", "--sandbox", "none", "--log", "off"]
    done = cogc_here(*words, cwd=tmp_path)
    assert done.returncode == 3 and "A: its bid on GoalDefined failed" in done.stderr and "jq is missing" in done.stderr
    assert "the script ended with code 3: jq is missing" in cogc_here("sett", "logs", "A", cwd=tmp_path).stdout


def test_a_file_of_a_sett_takes_network_and_timeout(tmp_path: Path) -> None:
    agents = '{W: {command: ["sleep", "30"], bidding_strategy: exclusive, network: true, timeout: 300ms}}'
    (tmp_path / "sett.yml").write_text(f'version: "1.0"\nagents: {agents}\n')
    checked = cogc_here("check", "sett.yml", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout
    done = cogc_here("run", "sett.yml", "--goal", "x", "--sandbox", "none", cwd=tmp_path)
    assert done.returncode == 3 and "took longer than 0.3s" in done.stdout


def test_the_log_of_an_orchestrator_that_is_up_is_shown(tmp_path: Path) -> None:
    (tmp_path / "s.cog").write_text(SPEC)
    up = cogc("sett", "up", "s.cog", "--instance", "i", "--sandbox", "none", cwd=tmp_path, PYTHONUNBUFFERED="1")
    try:
        assert up.returncode == 0, up.stderr
        wait_for(lambda: "at work" in cogc("sett", "logs", "orchestrator", cwd=tmp_path).stdout)
        assert cogc("sett", "forage", "go", cwd=tmp_path).returncode == 0
    finally:
        cogc("sett", "down", cwd=tmp_path)


def test_down_finds_what_a_killed_up_has_begun(tmp_path: Path) -> None:
    (tmp_path / "s.cog").write_text(SPEC)
    words = [sys.executable, "-m", "cogc", "sett", "up", "s.cog", "--instance", "i", "--sandbox", "none"]
    folder = state(tmp_path) / "setts" / "i"
    with subprocess.Popen(words, cwd=tmp_path, stdout=-1, stderr=-1) as up:
        wait_for(lambda: bool(running(folder)))
        up.kill()
    down = cogc("sett", "down", "--instance", "i", cwd=tmp_path)
    assert down.returncode == 0 and not list(folder.glob("processes.json"))
    assert not [p for p in Path("/proc").glob("[0-9]*") if _works_in(p, tmp_path)]


def _works_in(process: Path, folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return os.readlink(process / "cwd") == str(folder)
    return False

"""Setts: each rule of `specs/setts.md`, with real commands on a real board."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from cogc.language.values import Failure
from cogc.run import confine
from cogc.run.people import Answer
from cogc.run.settings import Settings
from cogc.sett.agent_runs import AgentRuns
from cogc.sett.board import Board
from cogc.sett.model import Artefact, approves, goal, new_id
from cogc.stores.memory import MemoryStore
from support.processes import bubblewrap_works, marked, podman_settings, unique_seconds
from support.setts import ON_GOAL, World, agent, made, on, says
from support.specs import check_text
from support.waiting import DEADLINE, until

needs_bwrap = pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap is not installed, or not allowed")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# ---- claims and bids -----------------------------------------------------------------------------------------


def test_a_goal_makes_one_claim_and_work_makes_the_next(world: World) -> None:
    one, two = world.script("one", says("Plan")), world.script("two", says("Code"))
    found = world.run(agent("A", one, ON_GOAL) + agent("B", two, on("Plan", "exclusive")))
    assert made(found) == ["GoalDefined v1 user", "Plan v1 A", "Code v1 B"]
    assert [c[1] for c in world.claims()] == ["complete", "complete", "complete"]
    assert found[1].source_artefacts == [found[0].id] and found[1].created_at > 0


def test_reviews_failures_and_ends_make_no_claims(world: World) -> None:
    end = world.script("end", says("Done", structural_type="Terminal"))
    found = world.run(agent("A", end, ON_GOAL))
    assert made(found) == ["GoalDefined v1 user", "Done v1 A"] and len(world.claims()) == 1


def test_a_goal_nobody_bids_for_is_reported_and_not_waited_for(world: World) -> None:
    found = world.run(agent("A", "./none.sh", on("Other", "claim")))
    assert made(found) == ["GoalDefined v1 user"]
    assert world.claims() == [("GoalDefined v1", "complete", "nobody bids for it")]


def test_one_silent_agent_never_stops_a_claim(world: World) -> None:
    slow = world.script("slow", "sleep 30; echo claim")
    work = world.script("work", says("Plan"))
    spec = agent("A", work, ON_GOAL) + f'agent Z {{ bid_script: ["{slow}"]\n command: ["{work}"] }}'
    found = world.run(spec, consensus=0.5)
    assert "Plan v1 A" in made(found) and "Z: no bid on claim" in world.logged()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("echo claim", ""),
        ("exit 3", "ended with code 3"),
        ("echo maybe", "`maybe` is no bid"),
        ("nonsense_", "code 127"),
    ],
)
def test_a_script_bids_one_word_or_ignores(world: World, body: str, said: str) -> None:
    bid, work = world.script("bid", body), world.script("work", says("Plan"))
    spec = f'agent A {{ bid_script: ["{bid}"]\n command: ["{work}"] }}'
    if not said:
        spec = spec.replace("echo", "grep")
        world.script("bid", 'grep -q "\\"type\\":\\"GoalDefined\\"" && echo claim || echo ignore')
    found = world.run(spec)
    assert ("Plan v1 A" in made(found)) is (not said) and said in world.logged()


def test_an_expression_goes_before_a_script_and_that_before_the_strategy(world: World) -> None:
    never, work = world.script("never", "touch seen; echo ignore"), world.script("work", says("Plan"))
    spec = f'agent A {{ {ON_GOAL}\n bid_script: ["{never}"]\n bidding_strategy: ignore\n command: ["{work}"] }}'
    assert made(world.run(spec))[1] == "Plan v1 A"
    assert (world.folder / "seen").exists()  # for Plan, where the expression does not hold
    strategic = World(world.folder)
    only = f'agent A {{ bidding_strategy: claim\n command: ["{work}"] }}'
    assert made(strategic.run(only)) == ["GoalDefined v1 user", "Plan v1 A"]


def test_a_model_bids_by_the_claim_prompt(world: World) -> None:
    (world.folder / "m.yml").write_text(
        json.dumps([
            {"when": {"prompt": "Would you?", "contains": "GoalDefined"}, "reply": "exclusive"} if False else {"when": {"prompt": '"type": "GoalDefined"'}, "reply": "exclusive"},
            {"when": {"prompt": "Would you?"}, "reply": "ignore"},
        ])
    )  # fmt: skip
    work = world.script("work", says("Plan"))
    head = 'model m = scripted "m.yml"\nagent Mind { model: m, system: "s" }'
    spec = 'agent A { run: Mind\n prompts: { claim: "Would you?", execution: "Do it" } }\n' + agent(
        "B", work, on("A", "exclusive")
    )
    found = world.run(spec, head=head)
    assert made(found)[:2] == ["GoalDefined v1 user", "A v1 A"] and found[1].payload == "exclusive"


# ---- phases --------------------------------------------------------------------------------------------------


def test_all_reviewers_see_it_before_anybody_works(world: World) -> None:
    ok, work = world.script("ok", says("Review", {})), world.script("work", says("Done"))
    spec = (
        agent("R1", ok, on("GoalDefined", "review"))
        + agent("R2", ok, on("GoalDefined", "review"))
        + agent("A", work, ON_GOAL)
    )
    found = world.run(spec)
    assert sorted(made(found)[1:3]) == ["Review v1 R1", "Review v1 R2"] and made(found)[3] == "Done v1 A"
    assert all(a.structural_type == "Review" for a in found[1:3])


@pytest.mark.parametrize("payload", [{}, [], "{}", "[]", " {} "])
def test_an_empty_payload_approves(payload: Any) -> None:
    assert approves(payload)


@pytest.mark.parametrize("payload", [{"a": 1}, ["x"], "no", "", None, 0, False, "{"])
def test_anything_else_rejects(payload: Any) -> None:
    assert not approves(payload)


def test_all_claim_bidders_work_side_by_side_then_one_exclusive_by_name(world: World) -> None:
    both = world.script(
        "both",
        "cat >/dev/null; touch here-$SETT_AGENT_NAME; for i in $(seq 100); do [ -e here-P1 ] && [ -e here-P2 ] && break; sleep 0.05; done; "
        + says("Side"),
    )
    work = world.script("work", says("Done"))
    spec = "".join(agent(n, both, on("GoalDefined", "claim")) for n in ("P1", "P2"))
    spec += agent("X2", work, ON_GOAL) + agent("X1", work, ON_GOAL)
    found = world.run(spec)
    assert sorted(made(found)[1:3]) == ["Side v1 P1", "Side v1 P2"] and made(found)[3:] == ["Done v1 X1"]


def test_if_any_agent_of_a_phase_fails_the_claim_is_terminated(world: World) -> None:
    good, bad, work = (
        world.script("g", says("Side")),
        world.script("b", "echo no >&2; exit 2"),
        world.script("w", says("Done")),
    )
    spec = (
        agent("P1", good, on("GoalDefined", "claim"))
        + agent("P2", bad, on("GoalDefined", "claim"))
        + agent("X", work, ON_GOAL)
    )
    found = world.run(spec)
    assert not any(a.type == "Done" for a in found)
    assert world.claims()[0] == ("GoalDefined v1", "terminated", "P2 failed")
    (failure,) = [a for a in found if a.structural_type == "Failure"]
    assert failure.type == "ToolExecutionFailure" and failure.payload == {
        "error": "the command ended with code 2",
        "reason": "the command ended with code 2",
        "exit_code": 2,
        "stdout": "",
        "stderr": "no\n",
    }


REWORKED = 'asked=$(cat); case "$asked" in *additional_context*) v=good;; *) v=bad;; esac; printf \'{"artefact_type": "Doc", "artefact_payload": "%s"}\' $v'
STRICT = 'case "$(cat)" in *\'"payload":"good"\'*) p="{}";; *) p=\'{"why": "bad"}\';; esac; printf \'{"artefact_type": "Review", "artefact_payload": %s}\' "$p"'


def test_a_veto_sends_it_back_to_who_made_it_with_the_reviews(world: World) -> None:
    write, judge = world.script("write", REWORKED), world.script("judge", STRICT)
    found = world.run(agent("W", write, ON_GOAL) + agent("R", judge, on("Doc", "review")))
    assert made(found) == ["GoalDefined v1 user", "Doc v1 W", "Review v1 R", "Doc v2 W", "Review v1 R"]
    assert found[3].logical_id == found[1].logical_id and found[3].source_artefacts == [found[1].id, found[2].id]
    assert [c[:2] for c in world.claims()] == [
        ("GoalDefined v1", "complete"),
        ("Doc v1", "complete"),
        ("Doc v2", "complete"),
    ]


@pytest.mark.parametrize(("limit", "versions"), [(1, 2), (3, 4)])
def test_it_goes_back_so_many_times_and_then_it_is_a_failure(world: World, limit: int, versions: int) -> None:
    write, judge = world.script("write", says("Doc")), world.script("judge", says("Review", {"no": 1}))
    found = world.run(
        agent("W", write, ON_GOAL) + agent("R", judge, on("Doc", "review")), top=f"max_review_iterations: {limit}"
    )
    assert len([a for a in found if a.type == "Doc"]) == versions and found[-1].structural_type == "Failure"
    assert world.claims()[-1] == (f"Doc v{versions}", "terminated", f"rejected {versions} times")


def test_without_a_limit_it_goes_back_for_ever(world: World) -> None:
    write = world.script("write", says("Doc"))
    judge = world.script(
        "judge",
        "cat >/dev/null; echo x >> n; [ $(wc -l < n) -gt 6 ] && p='{}' || p='{\"a\": 1}'; printf '{\"artefact_payload\": %s}' \"$p\"",
    )
    found = world.run(
        agent("W", write, ON_GOAL) + agent("R", judge, on("Doc", "review")), top="max_review_iterations: 0"
    )
    assert made(found)[-2] == "Doc v7 W" and world.claims()[-1][1] == "complete"


def test_a_veto_of_what_a_person_wants_is_a_question_to_the_person(world: World) -> None:
    judge = world.script(
        "judge",
        'case "$(cat)" in *better*) p=\'{}\';; *) p=\'{"what": "unclear"}\';; esac; printf \'{"artefact_payload": %s}\' "$p"',
    )
    work = world.script("work", says("Done"))
    found = world.run(
        agent("R", judge, on("GoalDefined", "review")) + agent("W", work, ON_GOAL), answers={"orchestrator": ["better"]}
    )
    kinds = [a.structural_type for a in found]
    assert (
        kinds == ["Standard", "Review", "Question", "Answer", "Review", "Standard"] and found[3].type == "GoalDefined"
    )
    assert "unclear" in found[2].payload and found[-1].type == "Done"


def test_an_end_lets_what_runs_end_and_grants_nothing_more(world: World) -> None:
    end = world.script("end", says("Done", structural_type="Terminal"))
    slow, late = world.script("slow", "cat >/dev/null; sleep 1; " + says("Slow")), world.script("late", says("Late"))
    spec = agent("E", end, on("GoalDefined", "claim")) + agent("S", slow, on("GoalDefined", "claim"))
    found = world.run(spec + agent("L", late, on("Slow", "exclusive")) + agent("X", late, ON_GOAL))
    assert sorted(made(found)[1:]) == ["Done v1 E", "Slow v1 S"]
    assert all(c[1:] == ("complete", "the workflow has ended") for c in world.claims())


# ---- context -------------------------------------------------------------------------------------------------


def test_context_is_breadth_first_each_thread_by_its_newest_version_oldest_first() -> None:
    board = Board(MemoryStore())

    async def main() -> None:
        async def post(name: str, *sources: Artefact, of: Artefact | None = None) -> Artefact:
            logical = of.logical_id if of is not None else new_id()
            version = of.version + 1 if of is not None else 1
            return await board.post(
                Artefact(new_id(), logical, version, "Standard", name, name, [s.id for s in sources], "r")
            )

        root = await post("root")
        a1 = await post("a", root)
        b = await post("b", root, a1)
        a2 = await post("a", root, of=a1)
        target = await post("t", b, a1)
        assert [x.id for x in await board.context(target)] == [root.id, b.id, a2.id]
        chain = root
        for _ in range(15):
            chain = await post("c", chain)
        assert len(await board.context(chain)) == 10
        loop = Artefact(new_id(), new_id(), 1, "Standard", "l", "", [target.id], "r")
        await board.post(msgspec.structs.replace(loop, source_artefacts=[loop.id, target.id]))
        assert len(await board.context(msgspec.structs.replace(loop, source_artefacts=[loop.id, target.id]))) == 5

    trio.run(main)


def test_a_command_gets_the_contract_on_stdin_and_in_its_environment(world: World) -> None:
    keep = world.script(
        "keep", "cat > in.json; env > env.txt; pwd > pwd.txt; " + says("Doc").replace("cat > /dev/null; ", "")
    )
    spec = agent("W", keep, ON_GOAL, 'environment: { LOG_LEVEL: "info" }\n prompts: { execution: "Do." }')
    world.run(spec)
    asked = json.loads((world.folder / "in.json").read_text())
    assert set(asked) == {"claim_type", "target_artefact", "context_chain"} and asked["claim_type"] == "exclusive"
    assert asked["target_artefact"]["type"] == "GoalDefined" and asked["context_chain"] == []
    env = (world.folder / "env.txt").read_text()
    for line in ("SETT_INSTANCE_NAME=test", "SETT_AGENT_NAME=W", "SETT_PROMPT_EXECUTION=Do.", "LOG_LEVEL=info"):
        assert line in env.splitlines()
    assert (world.folder / "pwd.txt").read_text().strip() == str(world.folder)


# ---- answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("exit 7", "the command ended with code 7"),
        ("echo hello", "stdout is not one JSON object"),
        ("printf '{}{}'", "stdout is not one JSON object"),
        ("echo '[1]'", "stdout is not one JSON object"),
        ("true", "stdout is not one JSON object"),
        ('echo \'{"artefact_type": "A"}\'', "the answer needs `artefact_payload`"),
        ("echo '{\"artefact_payload\": 1}'", "the answer needs `artefact_type`"),
        ('echo \'{"artefact_type": "A", "artefact_payload": 1, "structural_type": "Odd"}\'', "not 'Odd'"),
        ("sleep 30", "took longer than 0.5s"),
        ("yes | head -c 20000000", "wrote too much"),
    ],
)
def test_a_wrong_answer_is_a_failure_artefact(world: World, body: str, reason: str) -> None:
    spec = agent("W", world.script("w", body), ON_GOAL, "timeout: 500ms" if "sleep" in body else "")
    found = world.run(spec)
    assert found[-1].structural_type == "Failure" and reason in found[-1].payload["reason"]
    assert world.claims() == [("GoalDefined v1", "terminated", "W failed")]


def test_a_command_may_fail_in_words_of_its_own(world: World) -> None:
    body = 'echo \'{"structural_type": "Failure", "payload": "no flour"}\''
    found = world.run(agent("W", world.script("w", body), ON_GOAL))
    assert found[-1].payload == "no flour" and world.claims()[0][1] == "terminated"


def test_a_question_waits_for_a_persons_answer(world: World) -> None:
    body = (
        'case "$(cat)" in *basil*) '
        + says("Doc").replace("cat > /dev/null; ", "")
        + ';; *) printf \'{"structural_type": "Question", "payload": "Which herb?"}\';; esac'
    )
    found = world.run(agent("W", world.script("w", body), ON_GOAL), answers={"W": ["basil"]})
    assert [a.structural_type for a in found] == ["Standard", "Question", "Answer", "Standard"]
    assert found[2].payload == "basil" and found[2].type == "GoalDefined" and found[3].type == "Doc"


def test_a_question_that_nobody_can_be_asked_stays_open(world: World) -> None:
    body = 'printf \'{"structural_type": "Question", "payload": "Which herb?"}\''
    world.run(agent("W", world.script("w", body), ON_GOAL))
    assert [q.payload for q in trio.run(world.board.questions)] == ["Which herb?"]


def test_a_commit_is_verified_with_git(world: World) -> None:
    subprocess.run(
        "git init -q . && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x",
        shell=True,
        cwd=world.folder,
        check=True,
    )
    good = world.script(
        "good",
        'cat >/dev/null; printf \'{"artefact_type": "CodeCommit", "artefact_payload": "%s"}\' $(git rev-parse HEAD)',
    )
    assert made(world.run(agent("W", good, ON_GOAL)))[-1] == "CodeCommit v1 W"
    for payload, why in (("0" * 40, "there is no commit"), ("--help", "is no name of a commit")):
        other = World(world.folder)
        found = other.run(agent("W", other.script("bad", says("CodeCommit", payload)), ON_GOAL))
        assert found[-1].structural_type == "Failure" and why in found[-1].payload["reason"]


# ---- cubs ----------------------------------------------------------------------------------------------------


def test_a_cub_works_on_one_thing_at_a_time_and_bids_meanwhile(world: World) -> None:
    body = "cat >/dev/null; [ -e busy ] && touch twice; touch busy; sleep 0.2; rm busy; " + says("Done")
    whole = world.whole(world.spec(agent("W", world.script("w", body), ON_GOAL)))

    async def main() -> None:
        for i in range(3):
            await world.board.post(goal(f"g{i}"))
        with trio.fail_after(DEADLINE):
            await whole.run(None)

    trio.run(main)
    assert not (world.folder / "twice").exists()
    kinds = [(k, f.get("bid")) for k, p, f in world.notes if k in ("bid", "grant")]
    assert kinds[:3].count(("bid", "exclusive")) >= 1 and len([k for k in kinds if k[0] == "grant"]) == 3


def test_a_controller_runs_so_many_workers_the_rest_wait_in_order(world: World) -> None:
    body = "cat >/dev/null; touch run-$$; ls run-* | wc -l >> most; sleep 0.3; rm run-$$; " + says("Done")
    spec = f'agent W {{ {ON_GOAL}\n mode: controller\n worker: {{ command: ["{world.script("w", body)}"], max_concurrent: 2, workspace: "rw" }} }}'
    whole = world.whole(world.spec(spec))

    async def main() -> None:
        for i in range(5):
            await world.board.post(goal(f"g{i}"))
        with trio.fail_after(DEADLINE):
            await whole.run(None)

    trio.run(main)
    assert max(map(int, (world.folder / "most").read_text().split())) == 2
    assert len([a for a in trio.run(world.board.artefacts) if a.type == "Done"]) == 5


def test_work_that_is_cut_off_is_given_back_and_done_by_the_next(world: World) -> None:
    body = "cat >/dev/null; if [ -e first ]; then " + says("Done") + "; else touch first; sleep 60; fi"
    spec = world.spec(agent("W", world.script("w", body), ON_GOAL))

    async def main() -> None:
        with trio.move_on_after(DEADLINE) as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(world.whole(spec).run, "go")
                await until((world.folder / "first").exists)
                nursery.cancel_scope.cancel()
            await world.whole(spec).run(None)
        assert not scope.cancelled_caught

    trio.run(main)
    assert made(trio.run(world.board.artefacts))[1:] == ["Done v1 W"]


def test_a_frozen_cub_that_wakes_after_its_lease_cannot_commit(world: World) -> None:
    spec = world.spec(agent("W", world.script("w", says("Done")), ON_GOAL))
    whole = world.whole(spec)

    async def main() -> None:
        await world.board.post(goal("go"))
        await whole.orchestrator.step()
        (claim,) = await world.board.claims()
        await world.board.bid(claim.id, "W", "exclusive")
        await whole.orchestrator.step()
        frozen = await world.board.take("W", "frozen", -1)
        assert frozen is not None
        with trio.fail_after(DEADLINE):
            await whole.run(None)
        late = Artefact(new_id(), new_id(), 1, "Standard", "Done", "late", [], "W")
        assert not await world.board.commit(frozen, late)

    trio.run(main)
    assert made(trio.run(world.board.artefacts))[1:] == ["Done v1 W"]


def test_work_that_is_taken_again_and_again_and_never_answered_is_a_failure(world: World) -> None:
    whole = world.whole(world.spec(agent("W", world.script("w", says("Done")), ON_GOAL)))

    async def main() -> None:
        await world.board.post(goal("go"))
        await whole.orchestrator.step()
        (claim,) = await world.board.claims()
        await world.board.bid(claim.id, "W", "exclusive")
        await whole.orchestrator.step()
        for _ in range(3):
            assert await world.board.take("W", "dies", -1) is not None
        await whole.orchestrator.step()

    trio.run(main)
    assert world.claims()[0] == ("GoalDefined v1", "terminated", "W failed")


def test_an_orchestrator_that_comes_back_goes_on_where_the_last_one_stopped(world: World) -> None:
    spec = world.spec(agent("W", world.script("w", says("Done")), ON_GOAL))

    async def main() -> None:
        first = world.whole(spec)
        await world.board.post(goal("go"))
        assert await world.board.lock("orchestrator", "dead", -1)
        await first.orchestrator.step()
        with trio.fail_after(DEADLINE):
            await world.whole(spec).run(None)

    trio.run(main)
    assert [c[1] for c in world.claims()] == ["complete", "complete"] and len(trio.run(world.board.artefacts)) == 2


def test_an_agent_that_is_not_well_takes_no_work_until_it_is(world: World) -> None:
    check = world.script("check", "[ -e well ]")
    spec = agent(
        "W", world.script("w", says("Done")), ON_GOAL, f'health_check: {{ command: ["{check}"], interval: 100ms }}'
    )
    whole = world.whole(world.spec(spec))

    async def main() -> None:
        with trio.fail_after(DEADLINE):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(whole.run, "go")
                await until(lambda: "it is not well" in world.logged())
                assert len(await world.board.artefacts()) == 1
                (world.folder / "well").touch()

    trio.run(main)
    assert "it is not well" in world.logged() and "it is well again" in world.logged()
    assert made(trio.run(world.board.artefacts))[1:] == ["Done v1 W"]


# ---- the sandbox ---------------------------------------------------------------------------------------------


LOOK = """cat >/dev/null
touch wrote 2>/dev/null && w=yes || w=no
touch /app/wrote 2>/dev/null && a=yes || a=no
[ -e /app/mine ] && m=yes || m=no
[ -e HOST ] && h=yes || h=no
(exec 3<>/dev/tcp/127.0.0.1/1) 2>/dev/null
n=$(ls /sys/class/net 2>/dev/null | tr '\\n' ' '; cat /proc/net/dev | grep -c :)
setsid sleep SECONDS >/dev/null 2>&1 &
printf '{"artefact_type": "Look", "artefact_payload": {"cwd": "%s", "wrote": "%s", "app": "%s%s", "host": "%s", "net": "%s"}}' "$(pwd)" $w $m $a $h "$n"
"""


@needs_bwrap
@pytest.mark.parametrize("mode", ["ro", "rw"])
def test_a_command_sees_its_workspace_and_its_app_and_nothing_else(
    world: World, tmp_path_factory: Any, mode: str
) -> None:

    app, seconds = tmp_path_factory.mktemp("app"), unique_seconds()
    (app / "mine").touch()
    look = world.script("look", LOOK.replace("HOST", str(app)).replace("SECONDS", str(seconds)))
    spec = world.spec(agent("W", look, ON_GOAL, f'workspace: {mode}\n build: {{ context: "{app}" }}'))
    whole = world.whole(spec, sandbox="auto")

    async def main() -> list[Artefact]:
        with trio.fail_after(DEADLINE):
            await whole.run("go")
        return await world.board.artefacts()

    payload = trio.run(main)[-1].payload
    assert payload["cwd"] == "/workspace" and payload["wrote"] == ("yes" if mode == "rw" else "no")
    assert payload["app"] == "yesno" and payload["host"] == "no" and payload["net"].strip().endswith("1")
    assert marked(f"sleep {seconds}".replace(" ", "\0")) == [] and not (app / "wrote").exists()


@needs_bwrap
def test_memory_is_bounded(world: World) -> None:
    hog = world.script(
        "hog",
        "cat >/dev/null; /usr/bin/python3 -c 'bytearray(400_000_000)' 2>/dev/null || exit 9; " + says("Big"),
    )
    found = world.run(
        agent("W", hog, ON_GOAL, 'resources: { limits: { memory: "200MB", cpus: "1.0" } }'), sandbox="auto"
    )
    assert found[-1].structural_type == "Failure", found
    assert found[-1].payload["exit_code"] == 9


def test_without_a_sandbox_to_be_had_it_is_a_failure_not_a_plain_process(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cogc.sett.sandboxes.shutil.which", lambda _: None)
    monkeypatch.setattr("cogc.run.confine.version", lambda: 0)
    found = world.run(agent("W", world.script("w", says("Done")), ON_GOAL), sandbox="auto")
    assert "neither bubblewrap (`bwrap`) nor Landlock" in found[-1].payload["reason"]


# ---- the spec ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('["A=${NOT_SET_HERE:?give a token}"]', "wants the variable NOT_SET_HERE: give a token"),
        ('["A=${NOT_SET_HERE:?}"]', "wants the variable NOT_SET_HERE: it is not set"),
        ('{ A: "x${EMPTY_HERE:?}" }', "wants the variable EMPTY_HERE: it is empty"),
    ],
)
def test_a_variable_that_an_agent_cannot_do_without_is_asked_for_before_anything_runs(
    world: World, given: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMPTY_HERE", "")
    with pytest.raises(Failure, match=said):
        world.spec(agent("W", "./w.sh", ON_GOAL, f"environment: {given}"))


@pytest.mark.parametrize(
    ("given", "value", "warned"),
    [
        ("A=[${NOT_SET_HERE}]", "[]", ["agent `W`: the variable NOT_SET_HERE is not set, and counts as empty"]),
        ("A=${NOT_SET_HERE:-usual}", "usual", []),
        ("A=${NOT_SET_HERE:-}", "", []),
        ("A=${EMPTY_HERE:-usual}", "usual", []),
        ("A=${EMPTY_HERE-usual}", "", []),
        ("A=${EMPTY_HERE?must}", "", []),
        ("A=${SET_HERE:-usual} ${SET_HERE:?must}", "s s", []),
        ("NOT_SET_HERE", None, ["agent `W`: the variable NOT_SET_HERE is not set, and is not passed on"]),
    ],
)
def test_a_variable_that_is_not_set_is_empty_and_named_or_has_a_default(
    world: World, given: str, value: str | None, warned: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMPTY_HERE", "")
    monkeypatch.setenv("SET_HERE", "s")
    spec = world.spec(agent("W", "./w.sh", ON_GOAL, f'environment: ["{given}"]'))
    assert spec.agents["W"].environment.get("A") == value and spec.warnings == warned


@pytest.mark.parametrize(
    "more",
    [
        'resources: { limits: { memory: "lots" } }',
        'resources: { limits: { cpus: "some" } }',
        'health_check: { command: ["true"], interval: "soon" }',
    ],
)
def test_a_size_a_number_of_processors_and_a_duration_are_checked(more: str) -> None:
    _, found = check_text(f"sett S {{\n{agent('W', './w.sh', ON_GOAL, more)}\n}}\n")
    assert [d.slug for d in found if d.severity == "error"] == ["bad-path"], [d.message for d in found]


def test_the_environment_is_passed_through_or_filled_in(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE", "m")
    spec = world.spec(agent("W", "./w.sh", ON_GOAL, 'environment: ["A=1", "MINE", "B=x${MINE}y"]'))
    assert spec.agents["W"].environment == {"A": "1", "MINE": "m", "B": "xmy"}


HELD = """cat >/dev/null
touch wrote 2>/dev/null && w=yes || w=no
(ls "OUTSIDE" >/dev/null 2>&1) && o=yes || o=no
(cat /app/mine >/dev/null 2>&1 || cat "APP/mine" >/dev/null 2>&1) && a=yes || a=no
touch "$TMPDIR/t" 2>/dev/null && t=yes || t=no
printf '{"artefact_type": "Look", "artefact_payload": ["%s", "%s", "%s", "%s", "%s"]}' $w $o $a $t "$LOG_LEVEL"
"""


@pytest.mark.skipif(not confine.version(), reason="this kernel has no Landlock")
@pytest.mark.parametrize("mode", ["ro", "rw"])
def test_without_bubblewrap_landlock_holds_a_command(world: World, tmp_path_factory: Any, mode: str) -> None:
    outside, app = tmp_path_factory.mktemp("outside"), tmp_path_factory.mktemp("app")
    (app / "mine").touch()
    script = world.script("look", HELD.replace("OUTSIDE", str(outside)).replace("APP", str(app)))
    more = f'workspace: {mode}\n build: {{ context: "{app}" }}\n environment: {{ LOG_LEVEL: "info" }}'
    found = world.run(agent("W", script, ON_GOAL, more), sandbox="landlock")
    assert found[-1].payload == ["yes" if mode == "rw" else "no", "no", "yes", "yes", "info"], found[-1]
    app_script = app / "run.sh"
    app_script.write_text("#!/bin/sh\n" + says("Done") + "\n")
    app_script.chmod(0o755)
    other = World(world.folder)
    found = other.run(agent("W", "/app/run.sh", ON_GOAL, f'build: {{ context: "{app}" }}'), sandbox="landlock")
    assert found[-1].type == "Done", found[-1]


@pytest.mark.skipif(confine.version() < 4, reason="this kernel's Landlock knows no network")
def test_landlock_forbids_connections(world: World) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"import socket; socket.create_connection((\\'127.0.0.1\\', {port}), 2)"
        body = f"cat >/dev/null; /usr/bin/python3 -c '{code}' 2>/dev/null && r=yes || r=no; ".replace("\\'", '"')
        body += 'printf \'{"artefact_type": "Net", "artefact_payload": "%s"}\' $r'
        script = world.script("net", body)
        assert world.run(agent("W", script, ON_GOAL), sandbox="landlock")[-1].payload == "no"
        assert (
            World(world.folder).run(agent("W", script, ON_GOAL, "network: true"), sandbox="landlock")[-1].payload
            == "yes"
        )


@pytest.fixture(scope="module")
def image(tmp_path_factory: Any) -> Any:
    """An image made of busybox, in a podman that works here."""
    import shutil

    if not all(map(shutil.which, ("podman", "runc", "busybox"))):
        pytest.skip("there is no podman, runc or busybox here")
    folder = tmp_path_factory.mktemp("image")
    with podman_settings(folder):
        root = folder / "root" / "bin"
        root.mkdir(parents=True)
        shutil.copy(str(shutil.which("busybox")), root / "busybox")
        for name in ("sh", "cat", "echo", "printf", "touch", "sleep", "ls", "hostname", "grep", "wc"):
            (root / name).symlink_to("busybox")
        tar = folder / "root.tar"
        subprocess.run(["tar", "-C", str(folder / "root"), "-cf", str(tar), "."], check=True)
        tag = f"localhost/cogc-test-{os.getpid()}"
        made = subprocess.run(["podman", "import", str(tar), tag], capture_output=True, text=True)
        tried = subprocess.run(
            ["podman", "run", "--rm", "--network", "none", tag, "/bin/echo", "hi"], capture_output=True, text=True
        )
        if made.returncode or tried.stdout != "hi\n":
            pytest.skip(f"podman does not work here: {made.stderr}{tried.stderr}"[:200])
        yield tag
        subprocess.run(["podman", "rmi", "-f", tag], capture_output=True)


@pytest.mark.parametrize("mode", ["ro", "rw"])
def test_an_agent_with_an_image_runs_in_a_container(world: World, image: str, mode: str) -> None:
    body = """cat > /dev/null
touch wrote 2>/dev/null && w=yes || w=no
[ -e /usr/bin ] && h=yes || h=no
n=$(grep -c : /proc/net/dev)
printf '{"artefact_type": "Look", "artefact_payload": ["%s", "%s", "%s", "%s", "%s"]}' "$PWD" $w $h "$n" "$LOG_LEVEL"
"""
    look = world.script("look", body)
    more = f'image: "{image}"\n workspace: {mode}\n environment: {{ LOG_LEVEL: "info" }}'
    found = world.run(agent("W", look, ON_GOAL, more), sandbox="auto")
    assert found[-1].payload == ["/workspace", "yes" if mode == "rw" else "no", "no", "1", "info"], found[-1]


def test_an_image_is_built_where_there_is_a_dockerfile(world: World, image: str) -> None:
    context = world.folder / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(f"FROM {image}\nCOPY answer /answer\n")
    (context / "answer").write_text('{"artefact_type": "Built", "artefact_payload": 1}')
    # the command reads its request: podman 4.3 may lose what a command writes that ends before its request is read
    spec = f'agent W {{ {ON_GOAL}\n command: ["/bin/sh", "-c", "cat > /dev/null; cat /answer"]\n build: {{ context: "{context}" }} }}'
    found = world.run(spec, sandbox="container")
    assert found[-1].type == "Built", found[-1]
    tag = "cogc-" + hashlib.sha256(str(context / "Dockerfile").encode()).hexdigest()[:16]
    removed = subprocess.run(["podman", "rmi", "-f", tag], capture_output=True)
    assert removed.returncode == 0


def test_a_container_that_takes_too_long_is_gone(world: World, image: str) -> None:
    slow = world.script("slow", "sleep 600")
    found = world.run(agent("W", slow, ON_GOAL, f'image: "{image}"\n timeout: 2s'), sandbox="container")
    assert "took longer than 2s" in found[-1].payload["reason"]
    left = subprocess.run(["podman", "ps", "-a", "--filter", f"ancestor={image}", "-q"], capture_output=True, text=True)
    assert left.stdout == ""


def test_what_all_minds_may_spend_is_bounded(world: World) -> None:
    reply = {"usage": {"input": 900, "output": 20}}
    (world.folder / "m.yml").write_text(json.dumps([{"when": {"prompt": ""}, "reply": "x", **reply}]))
    head = 'model m = scripted "m.yml"\nagent Mind { model: m, system: "s", max_tokens: 20 }'
    spec = world.spec(f"agent A {{ {ON_GOAL}\n run: Mind }}\nagent B {{ {on('A', 'exclusive')}\n run: Mind }}", head)
    whole = world.whole(spec)
    agents = AgentRuns(spec.unit, Settings(str(world.folder)), {"tokens": 1000})
    for actor in whole.actors.values():
        actor.agents = agents

    async def main() -> list[Artefact]:
        with trio.fail_after(DEADLINE):
            await whole.run("go")
        return await world.board.artefacts()

    found = trio.run(main)
    assert [a.structural_type for a in found] == ["Standard", "Standard", "Failure"]
    assert "`the run` has 1000 tokens" in found[2].payload["reason"] and agents.budget.usage.tokens == 920


def test_each_task_of_an_agent_has_ids_of_its_own_for_its_calls(world: World) -> None:
    """A program that knows the id of a call takes it for a repeat."""
    rules = [
        {"when": {"prompt": "NOTED"}, "reply": "done"},
        {"when": {"prompt": ""}, "tools": [{"name": "note", "input": {}}]},
    ]
    (world.folder / "m.yml").write_text(json.dumps(rules))
    note = 'program note() -> string = shell ["sh", "-c", "echo $COGC_CALL_ID >> ids; echo NOTED"]'
    head = f'model m = scripted "m.yml"\n{note}\nagent Mind {{ model: m, system: "s", tools: [note] }}'
    unit = world.spec(f"agent A {{ {ON_GOAL}\n run: Mind }}", head).unit
    for simulated in (None, lambda: 10**18):
        (world.folder / "ids").unlink(missing_ok=True)
        agents = AgentRuns(unit, Settings(str(world.folder), sandboxed=False), simulated=simulated)
        assert [trio.run(agents.ask, "Mind", "go") for _ in range(2)] == ["done", "done"]
        ids = (world.folder / "ids").read_text().split()
        assert len(ids) == len(set(ids)) == 2


def test_an_answer_with_a_time_comes_after_an_agent_of_the_spec_has_run(world: World) -> None:
    """The run of the agent has a clock of its own, which is over by then."""
    (world.folder / "m.yml").write_text(json.dumps([{"when": {"prompt": ""}, "reply": "x"}]))
    asks = world.script("asks", 'printf \'{"structural_type": "Question", "payload": "Which herb?"}\'')
    bid = 'bid: exclusive when artefact.type == "A" and artefact.structural_type == "Standard"'
    found = world.run(
        f"agent A {{ {ON_GOAL}\n run: Mind }}\n" + agent("W", asks, bid),
        head='model m = scripted "m.yml"\nagent Mind { model: m, system: "s" }',
        answers={"W": [Answer("sage", after=10**6)]},
    )
    assert [a.structural_type for a in found] == ["Standard", "Standard", "Question", "Answer"]

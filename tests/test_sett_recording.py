"""Setts that are recorded, replayed, and run on a virtual clock."""

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

from cogc.sett.board import open_board
from support.cli import cogc, cogc_here
from support.setts import ON_GOAL, agent, on, says
from support.waiting import DEADLINE, wait_for

REVIEWER = """cat > /dev/null
if [ -e reviewed ]; then echo '{"artefact_type": "Review", "artefact_payload": {}}'
else touch reviewed; echo '{"artefact_type": "Review", "artefact_payload": "more salt"}'; fi"""
BIDDER = "grep Blurb > /dev/null && echo exclusive || echo ignore"
ASKS = """cat > /dev/null; echo '{"structural_type": "Question", "payload": "which salt?"}'"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sett whose agents review, rework, work side by side, bid by a script and are asked whether they are well."""
    scripts = {
        "w": says("Doc"),
        "r": REVIEWER,
        "one": "sleep 0.2; " + says("Blurb", "one"),
        "two": says("Blurb", "two"),
        "bid": BIDDER,
        "last": says("Last"),
        "well": "exit 0",
    }
    write(tmp_path, scripts)
    spec = (
        agent("W", "./w.sh", ON_GOAL, 'health_check: { command: ["./well.sh"], interval: 1s }')
        + agent("R", "./r.sh", on("Doc", "review"))
        + agent("One", "./one.sh", on("Doc", "claim"))
        + agent("Two", "./two.sh", on("Doc", "claim"))
        + agent("Last", "./last.sh", more='bid_script: ["./bid.sh"]')
    )
    (tmp_path / "s.cog").write_text(f"sett S {{ {spec} }}\n")
    return tmp_path


def write(folder: Path, scripts: dict[str, str]) -> None:
    for name, body in scripts.items():
        (folder / f"{name}.sh").write_text(f"#!/bin/sh\n{body}\n")
        (folder / f"{name}.sh").chmod(0o755)


def run(folder: Path, *words: str, code: int = 0, goal: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
    given = ["run", "s.cog", "--sandbox", "none", *(["--goal", "go"] if goal else []), *words]
    start = cogc if env else cogc_here  # hashes and zone are those of a start
    done = start(*given, cwd=folder, COGC_STATE=str(folder / "state"), **env)
    assert done.returncode == code, done.stderr
    return done


def artefacts(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line)["data"] for line in done.stdout.splitlines()]


def summary(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [f"{a['type']} v{a['version']} {a['payload']}" for a in artefacts(done)]


WHOLE = [
    "GoalDefined v1 go", "Doc v1 x", "Review v1 more salt", "Doc v2 x", "Review v1 {}",
    "Blurb v1 one", "Blurb v1 two", "Last v1 x", "Last v1 x",
]  # fmt: skip


# ---- recorded and replayed -----------------------------------------------------------------------------------


@pytest.mark.parametrize("board", ["memory", "sqlite"])
def test_a_replay_makes_the_same_artefacts_and_the_same_trace_without_any_command(board: str, folder: Path) -> None:
    where = ("--board", "memory") if board == "memory" else ("--instance", "i")
    first = run(folder, *where, "--record", "j", "--trace=t1.jsonl", "--output", "json")
    assert sorted(summary(first)) == sorted(WHOLE)
    write(folder, dict.fromkeys((script.stem for script in folder.glob("*.sh")), "exit 9"))
    again = run(folder, "--replay", "j", "--trace=t2.jsonl", "--output", "json", goal=False)
    assert again.stdout == first.stdout and again.stderr == first.stderr
    assert (folder / "t1.jsonl").read_bytes() == (folder / "t2.jsonl").read_bytes()


def test_two_recordings_have_ids_of_their_own(folder: Path) -> None:
    one = artefacts(run(folder, "--board", "memory", "--record", "j1", "--output", "json"))
    (folder / "reviewed").unlink()
    other = artefacts(run(folder, "--board", "memory", "--record", "j2", "--output", "json"))
    assert not {a["id"] for a in one} & {a["id"] for a in other}


def test_a_spec_that_asks_for_something_else_departs(folder: Path) -> None:
    run(folder, "--board", "memory", "--record", "j")
    spec = (folder / "s.cog").read_text()
    (folder / "s.cog").write_text(spec.replace("agent One", "agent Uno"))
    done = run(folder, "--replay", "j", goal=False, code=3)
    assert "recorded from another version" in done.stderr and "Traceback" not in done.stderr
    assert "departs from the recording: call" in done.stderr and "its work of `Uno`" in done.stderr
    (folder / "s.cog").write_text(
        spec.replace("sett S {", "sett S { " + agent("New", "./w.sh", on("Last", "exclusive")))
    )
    done = run(folder, "--replay", "j", goal=False, code=3)
    assert "departs from the recording" in done.stderr and "`New`" in done.stderr


MINDS = """
const TONE = "Be brief."
model m = scripted "m.yml"
program look(x: string) -> string = shell ["echo", x]
agent Mind { model: m, system: TONE, tools: [look] }
agent Other { model: m, system: "Be kind." }
sett S {
  agent A { bid: exclusive when artefact.type == "GoalDefined", run: Mind, prompts: { execution: "Do it.", claim: "Would you?" } }
  agent B { bid: exclusive when artefact.type == "A", command: ["./b.sh", "1"] }
}
"""


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("Be brief", "Be long", "call 1 * its work of `A`: `TONE`: "),
        ("system: TONE", 'system: "Be rude."', "call 1 * its work of `A`: system of `Mind`: "),
        ("Do it", "Do that", "call 1 * its work of `A`: prompts.execution: "),
        ('"echo", x', '"echo", "-n", x', "call 1 * its work of `A`: `look`: "),
        ('scripted "m.yml"', 'scripted "n.yml"', "call 1 * its work of `A`: `m`: "),
        ("Would", "Could", "call 2 * a bid of `A`: prompts.claim: "),
        ('"1"', '"2"', "call 3 * its work of `B`: command: "),
        ("Be kind", "Be cruel", ""),
        ("\nconst", "\n# a comment\ntype T = { a: int }\nconst", ""),
    ],
)
def test_a_changed_prompt_or_command_is_the_departure(old: str, new: str, part: str, minds: Path) -> None:
    (minds / "s.cog").write_text(MINDS.replace(old, new))
    done = run(minds, "--replay", "j", goal=False, code=3 if part else 0)
    call, _, what = part.partition(" * ")
    departs = f"cogc: the replay departs from the recording: {call} is another one"
    wanted = [departs, f"  expected  {what}", f"  found     {what}"] if part else []
    lines = [line for line in done.stderr.splitlines() if "warning" not in line and " warn " not in line]
    assert [line[: len(w)] for line, w in zip(lines, wanted, strict=True)] == wanted


def test_a_replay_from_another_folder_is_no_departure(minds: Path) -> None:
    words = ["run", f"{minds.name}/s.cog", "--sandbox", "none", "--replay", str(minds / "j")]
    done = cogc_here(*words, cwd=minds.parent)
    assert done.returncode == 0 and "departs" not in done.stderr


@pytest.fixture(scope="module")
def recorded_minds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sett of an agent of the spec and a command, which was recorded."""
    place = tmp_path_factory.mktemp("minds")
    for name in ("m.yml", "n.yml"):
        (place / name).write_text(json.dumps([{"when": {"prompt": ""}, "reply": "a blurb"}]))
    write(place, {"b": says("B")})
    (place / "s.cog").write_text(MINDS)
    run(place, "--board", "memory", "--record", "j")
    return place


@pytest.fixture
def minds(recorded_minds: Path) -> Path:
    (recorded_minds / "s.cog").write_text(MINDS)
    return recorded_minds


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: lines[:-2], "is incomplete: it breaks off after"),
        (lambda lines: [*lines[:-1], lines[-1][:7]], "is incomplete"),
        (lambda lines: [*lines[:3], *lines[4:]], "line 4 is broken"),
        (lambda lines: [*lines[:4], lines[4].replace(b"salt", b"malt", 1), *lines[5:]], "is broken"),
        (lambda lines: [b"no journal\n"], "it is not a journal"),
    ],
)
def test_a_recording_that_is_broken_is_refused(change: Any, words: str, folder: Path) -> None:
    run(folder, "--board", "memory", "--record", "j")
    lines = (folder / "j").read_bytes().splitlines(keepends=True)
    changed = b"".join(change(lines))
    if changed == b"".join(lines):
        pytest.skip("the change does not touch this recording")
    (folder / "j").write_bytes(changed)
    done = run(folder, "--replay", "j", goal=False, code=2)
    assert words in done.stderr and "Traceback" not in done.stderr


def test_the_recording_of_a_killed_run_is_incomplete(folder: Path) -> None:
    write(folder, {"w": "touch started; sleep 60"})
    words = [
        sys.executable,
        "-m",
        "cogc",
        "run",
        "s.cog",
        "--sandbox",
        "none",
        "--goal",
        "go",
        "--board",
        "memory",
        "--record",
        "j",
    ]
    going = subprocess.Popen(words, cwd=folder, stdout=-1, stderr=-1)
    wait_for((folder / "started").exists)
    going.kill()
    going.communicate(timeout=DEADLINE)
    assert "is incomplete" in run(folder, "--replay", "j", goal=False, code=2).stderr


def test_a_stopped_run_replays_up_to_its_stop(folder: Path) -> None:
    write(folder, {"w": "touch started; sleep 1; " + says("Doc")})
    words = [sys.executable, "-m", "cogc", "run", "s.cog", "--sandbox", "none", "--goal", "go", "--board", "memory", "--record", "j",
             "--output", "json"]  # fmt: skip
    going = subprocess.Popen(words, cwd=folder, stdout=-1, stderr=-1, text=True)
    wait_for((folder / "started").exists)
    going.send_signal(signal.SIGTERM)
    out, _ = going.communicate(timeout=DEADLINE)
    assert going.returncode == 143
    assert run(folder, "--replay", "j", "--output", "json", goal=False).stdout == out


def test_what_others_post_while_it_is_recorded_is_replayed(folder: Path) -> None:
    """An answer by `cogc sett answer` comes from another process, over the board."""
    write(folder, {"w": f"if [ -e asked ]; then {says('Doc')}; else touch asked; {ASKS}; fi", "r": says("Review", {})})
    words = [sys.executable, "-m", "cogc", "run", "s.cog", "--sandbox", "none", "--goal", "go", "--board", "sqlite:b.db", "--instance", "i",
             "--questions", "wait", "--record", "j", "--output", "json"]  # fmt: skip
    env = {**os.environ, "COGC_STATE": str(folder / "state")}
    going = subprocess.Popen(words, cwd=folder, stdout=-1, stderr=-1, text=True, env=env)
    wait_for((folder / "asked").exists)

    async def answer() -> None:
        async with open_board(f"sqlite:{folder / 'b.db'}", "i") as board:
            while not (asked := await board.questions()):
                await board.wait(0.05)
            assert await board.answer(asked[0].id, "sea salt")

    trio.run(answer)
    out, err = going.communicate(timeout=DEADLINE)
    assert going.returncode == 0, err
    assert '"sea salt"' in out
    assert run(folder, "--replay", "j", "--output", "json", goal=False).stdout == out


def test_a_recording_begins_with_an_empty_board(folder: Path) -> None:
    run(folder, "--instance", "i")
    assert "begins with an empty board" in run(folder, "--instance", "i", "--record", "j", code=2).stderr


# ---- on a virtual clock --------------------------------------------------------------------------------------


def test_two_simulations_are_the_same_whatever_the_machine_does(folder: Path) -> None:
    found = set()
    for seed, zone in (("1", "UTC"), ("77", "Asia/Kolkata"), ("3", "America/Lima")):
        done = run(folder, "--sim", "--trace=t.jsonl", "--output", "json", PYTHONHASHSEED=seed, TZ=zone)
        found.add((done.stdout, (folder / "t.jsonl").read_bytes()))
        assert sorted(summary(done)) == sorted(WHOLE)
        (folder / "reviewed").unlink()
    assert len(found) == 1


def test_a_simulation_begins_at_its_epoch_and_jumps_over_waits(folder: Path) -> None:
    write(folder, {"w": f"if [ -e asked ]; then {says('Doc')}; else touch asked; {ASKS}; fi", "r": says("Review", {})})
    spec = (folder / "s.cog").read_text()
    (folder / "s.cog").write_text(spec.replace("interval: 1s", "interval: 1h"))
    done = run(
        folder, "--sim", "--answer", "W=sea salt after 3h", "--epoch", "2030-01-01T00:00:00Z", "--output", "json"
    )
    by_type = {a["type"]: a["created_at"] for a in artefacts(done) if a["type"] == "GoalDefined"}
    times = [a["created_at"] for a in artefacts(done)]
    assert by_type["GoalDefined"] >= 1893456000 and 3 * 3600 <= times[-1] - times[0] < 3 * 3600 + 1


def test_an_answer_that_never_comes_leaves_the_question_open(folder: Path) -> None:
    write(folder, {"w": ASKS})
    assert "nobody has answered `W`" in run(folder, "--sim", "--answer", "W=never", code=3).stderr


def test_an_agent_that_is_not_well_is_waited_for_until_the_time_is_over(folder: Path) -> None:
    write(folder, {"well": "echo no >&2; exit 1"})
    done = run(folder, "--sim", "--for", "10s", "--trace=t.jsonl", "--output", "json")
    assert summary(done) == ["GoalDefined v1 go"] and "it is not well: no" in done.stderr
    write(folder, {"well": "n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) > n; [ $n -ge 5 ]"})
    done = run(folder, "--sim", "--output", "json")
    assert sorted(summary(done)) == sorted(WHOLE)
    made = {f"{a['type']} v{a['version']}": a["created_at"] for a in artefacts(done)}
    assert made["Doc v1"] - made["GoalDefined v1"] >= 5


def test_agents_of_the_spec_run_on_a_virtual_clock_too(tmp_path: Path) -> None:
    (tmp_path / "m.yml").write_text(json.dumps([{"when": {"prompt": ""}, "reply": "a blurb", "delay": "30s"}]))
    (tmp_path / "s.cog").write_text(
        f'model m = scripted "m.yml"\nagent Mind {{ model: m, system: "s" }}\nsett S {{ agent A {{ {ON_GOAL}\n run: Mind }} }}\n'
    )
    assert summary(run(tmp_path, "--sim", "--output", "json")) == ["GoalDefined v1 go", "A v1 a blurb"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--sim", "--board", "memory", "--goal", "g"), "--board: a simulation has a board of its own"),
        (("--sim", "--instance", "i", "--goal", "g"), "--instance: a simulation has a board of its own"),
        (("--replay", "j", "--goal", "g"), "--goal has no meaning with --replay"),
        (("--replay", "j", "--sim"), "--sim has no meaning with --replay"),
        (("--replay", "nowhere"), "cannot replay `nowhere`: no such file"),
        (("--record", "s.cog", "--board", "memory", "--goal", "g"), "s.cog"),
        (("--epoch", "2030-01-01", "--goal", "g"), "--epoch is for --sim"),
        (("--for", "soon", "--goal", "g"), "--for: "),
    ],
)
def test_options_that_do_not_go_together_are_refused(words: tuple[str, ...], said: str, folder: Path) -> None:
    before = (folder / "s.cog").read_text()
    assert said in run(folder, *words, goal=False, code=2).stderr and (folder / "s.cog").read_text() == before


def test_the_recording_of_another_kind_of_run_is_refused(folder: Path) -> None:
    (folder / "c.cog").write_text("coglet M { transmit out: int\n on start { out <- 1 } }\n")
    assert cogc_here("run", "c.cog", "--record", "j", cwd=folder).returncode == 0
    assert "of a run of coglets, not of a sett" in run(folder, "--replay", "j", goal=False, code=2).stderr
    run(folder, "--board", "memory", "--record", "k")
    done = cogc_here("run", "c.cog", "--replay", "k", cwd=folder)
    assert done.returncode == 2 and "of a sett" in done.stderr and "Traceback" not in done.stderr

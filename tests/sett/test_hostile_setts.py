"""Setts under attack: rubbish and endless outputs of agents, hostile files, two runs of one instance, kills, a Redis that goes away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from cogc.run.sandbox import carried
from cogc.sett.board import open_board
from cogc.sett.command import Work
from cogc.sett.model import Artefact, goal
from support.cli import cogc_here
from support.processes import bubblewrap_works
from support.redis import RedisServer, needs_redis
from support.setts import ON_GOAL, World, agent
from support.specs import check_text
from support.waiting import DEADLINE, wait_for


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# ---- what agents print -----------------------------------------------------------------------------------------

DOC = '{"artefact_type": "A", "artefact_payload": %s}'
NO_OBJECT = "stdout is not one JSON object"
RUBBISH: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", NO_OBJECT),
    "words": (b"I am done\n", NO_OBJECT),
    "two objects": ((DOC % 1 + DOC % 2).encode(), NO_OBJECT),
    "a list": (b"[1, 2]", NO_OBJECT),
    "half an object": (b'{"artefact_type": "A", ', NO_OBJECT),
    "no UTF-8": (b'{"artefact_type": "\xff\xfe"}', NO_OBJECT),
    "zeros": (b"\0" * 100_000, NO_OBJECT),
    "escapes": (b"\x1b[2J\x1b]0;owned\x07{}", NO_OBJECT),
    "a deep nest": ((DOC % ("[" * 100_000 + "]" * 100_000)).encode(), NO_OBJECT),
    "a huge number": ((DOC % ("1" + "0" * 5000)).encode(), NO_OBJECT),
    "not a number": ((DOC % "NaN").encode(), NO_OBJECT),
    "more than any number": ((DOC % "1e999").encode(), NO_OBJECT),
    "half a character": (b'{"artefact_type": "A", "artefact_payload": "\\ud800"}', NO_OBJECT),
    "a type that is a list": (b'{"artefact_type": ["A"], "artefact_payload": 1}', "`artefact_type`, a string"),
    "an empty type": (b'{"artefact_type": " ", "artefact_payload": 1}', "`artefact_type`, a string"),
    "an endless type": (b'{"artefact_type": "%s", "artefact_payload": 1}' % (b"A" * 100_000), "1 to 1000 characters"),
    "no payload": (b'{"artefact_type": "A"}', "`artefact_payload`"),
    "a kind that there is not": (
        DOC[:-1].encode() % b"1" + b', "structural_type": "Odd"}',
        "`structural_type` is one of",
    ),
    "a kind that is a list": (DOC[:-1].encode() % b"1" + b', "structural_type": ["x"]}', "`structural_type` is one of"),
}


@pytest.mark.parametrize("name", RUBBISH)
def test_rubbish_is_a_failure_that_says_what_it_was(world: World, name: str) -> None:
    said, why = RUBBISH[name]
    (world.folder / "out").write_bytes(said)
    made = world.run(agent("W", world.script("w", "cat > /dev/null; cat out"), ON_GOAL))[-1]
    assert (made.type, made.structural_type) == ("ToolExecutionFailure", "Failure")
    assert why in made.payload["reason"] and made.payload["exit_code"] == 0
    assert len(made.payload["stdout"]) <= 64 << 10


@pytest.mark.parametrize(
    "payload", ['"\\u001b[2J\\u0000"', "1" + "0" * 30, "[" * 300 + "]" * 300, '{"$time": 1, "__proto__": {}}']
)
def test_odd_values_are_kept_as_they_are(tmp_path: Path, payload: str) -> None:
    """On a board in SQLite; commands show them, and nothing of them reaches a terminal as it is."""
    (tmp_path / "out").write_text(DOC % payload)
    command = '["sh", "-c", "cat > /dev/null; cat out"]'
    (tmp_path / "s.cog").write_text(f"sett S {{ agent W {{ {ON_GOAL}\n command: {command} }} }}\n")
    words = ["--instance", "i", "--board", f"sqlite:{tmp_path}/b.db"]
    ran = cogc_here("run", "s.cog", "--goal", "x", "--sandbox", "none", *words, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    found = [json.loads(x) for x in cogc_here("sett", "hoard", "--json", *words, cwd=tmp_path).stdout.splitlines()]
    assert found[-1]["payload"] == json.loads(payload)
    for action in (["hoard"], ["unearth", found[-1]["id"]], ["watch", "--since", "1h", "--until", "0s"], ["logs", "W"]):
        assert cogc_here("sett", *action, *words, cwd=tmp_path).returncode == 0, action


def test_many_and_long_unknown_fields_are_named_in_part() -> None:
    answer = {"artefact_type": "A", "artefact_payload": 1, **{f"{i}" * 300: 1 for i in range(100)}}
    reading = Work("claim", goal("x"), [], [], "W", False).read(answer)
    assert len(reading.ignored) == 21 and reading.ignored[-1] == "the answer has 80 more fields, which are ignored"
    assert max(map(len, reading.ignored)) < 200


def test_an_endless_output_is_a_failure(world: World) -> None:
    """It is read and dropped beyond 16 MB, until the time of the command is over."""
    made = world.run(agent("W", world.script("w", "cat > /dev/null; yes"), ON_GOAL, "timeout: 1s"))[-1]
    assert made.structural_type == "Failure" and "took longer than 1s" in made.payload["reason"]


# ---- hostile files -----------------------------------------------------------------------------------------------

FILE = 'version: "1.0"\nagents:\n  %s: {bidding_strategy: exclusive, command: %s%s}\n'
PLAIN = '["/bin/true"]'


@pytest.mark.parametrize(
    "role",
    ["../../x", "a/b", '"a\\nb"', '"$(touch x)"', '".."', '"W\\e[2J"', '"a\\0b"', '"{{ 1 }}"', '"A A"', '"*"', "__proto__", "user",
     "orchestrator", '""'],
)  # fmt: skip
def test_a_hostile_name_is_refused_or_harmless(role: str) -> None:
    found = [d for d in check_text(FILE % (role, PLAIN, ""), "sett.yml")[1] if d.severity == "error"]
    assert [d.code for d in found] == ["COG327"] and found[0].message.isprintable()


@pytest.mark.parametrize(
    ("command", "more", "code"),
    [
        ('["/bin/echo", "\\0"]', "", "COG206"),
        (PLAIN, ', environment: ["A=x\\0y"]', "COG206"),
        (PLAIN, ', environment: ["A B=x"]', "COG212"),
        (PLAIN, ', environment: ["BASH_FUNC_echo%%=() { touch x; }"]', "COG212"),
        (PLAIN, ', build: {context: "a\\0"}', "COG206"),
        (PLAIN, ', health_check: {command: ["a\\0"]}', "COG206"),
        (PLAIN, ', bid_script: ["a\\0"]', "COG206"),
        (PLAIN, ', image: "--privileged"', "COG212"),
        (PLAIN, ', image: "x -v /:/host"', "COG212"),
    ],
)
def test_hostile_words_are_reported(command: str, more: str, code: str) -> None:
    found = [d for d in check_text(FILE % ("W", command, more), "sett.yml")[1] if d.severity == "error"]
    assert [d.code for d in found] == [code]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ('command: ["/bin/echo", BAD]', "`command` holds a NUL character"),
        ('command: ["/bin/true"], environment: { A: BAD }', "`environment` holds a NUL character"),
        ('command: ["/bin/true"], image: "-" + "h"', "'-h' is no name of an image"),
    ],
)
def test_hostile_words_that_are_computed_are_refused_before_anything_runs(tmp_path: Path, more: str, why: str) -> None:
    spec = f'const BAD = join(["a", "\\0"], "")\nsett S {{ agent W {{ {ON_GOAL}\n {more} }} }}\n'
    (tmp_path / "s.cog").write_text(spec)
    done = cogc_here("run", "s.cog", "--goal", "x", "--board", "memory", "--sandbox", "none", cwd=tmp_path)
    assert done.returncode == 2 and why in done.stderr, done.stderr


def test_variables_of_a_program_reach_nothing_that_makes_its_sandbox() -> None:
    given = {
        "PATH": "/x",
        "LD_PRELOAD": "/x.so",
        "SETT_AGENT_NAME": "W",
        "A": "it's $(here)",
        "UID": "0",
        "no name": "x",
    }
    words, around = carried(["run", "a b"], given)
    assert around == {
        "SETT_AGENT_NAME": "W",
        "COGC_CARRIED_0": "/x",
        "COGC_CARRIED_1": "/x.so",
        "COGC_CARRIED_2": "it's $(here)",
    }
    said = subprocess.run([*words[:4], "/usr/bin/env"], env=around, capture_output=True, text=True).stdout.splitlines()
    assert {"PATH=/x", "A=it's $(here)", "SETT_AGENT_NAME=W"} <= set(said) and not any("CARRIED" in x for x in said)
    assert carried(["run"], {"LANG": "C"}) == (["run"], {"LANG": "C"})


@pytest.mark.parametrize("sandbox", ["bubblewrap", "landlock"])
def test_a_variable_for_the_loader_runs_nothing_outside_of_the_sandbox(
    world: World, tmp_path_factory: pytest.TempPathFactory, sandbox: str
) -> None:
    """The loader writes a file for each program that it starts with `LD_DEBUG`: none of them lies outside."""
    if sandbox == "bubblewrap" and not bubblewrap_works():
        pytest.skip("bubblewrap does not work here")
    outside = tmp_path_factory.mktemp("outside")
    look = world.script(
        "w", """cat > /dev/null; printf '{"artefact_type": "A", "artefact_payload": "%s"}' "$LD_DEBUG" """
    )
    more = f'environment: {{ LD_DEBUG: "files", LD_DEBUG_OUTPUT: "{outside}/trace", PATH: "/usr/bin:/bin" }}'
    more += '\n resources: { limits: { pids: 200, memory: "1g" } }'
    made = world.run(agent("W", look, ON_GOAL, more), sandbox=sandbox)[-1]
    assert '"artefact_payload": "files"' in made.payload["stdout"], "the command itself has it"
    assert list(outside.iterdir()) == []


# ---- processes that come and go ------------------------------------------------------------------------------

ONCE = """#!/bin/sh
# Notes the artefact that it works on, waits while there is a file `wait`, and answers.
id=$(cat | grep -o '"id":"[^"]*"' | head -1 | cut -d'"' -f4)
echo "$1 $id" >> ran.txt
while [ -e wait ]; do sleep 0.05; done
printf '{"artefact_type": "%s", "artefact_payload": "x"}' "$1"
"""
SPEC = """sett S {
  agent A { bid: exclusive when artefact.type == "GoalDefined"
    command: ["./once.sh", "Plan"]
    workspace: rw }
  agent B { bid: claim when artefact.type == "Plan"
    command: ["./once.sh", "Code"]
    workspace: rw }
}
"""
# a lease of a second, so that the work of a run that was killed is soon free
RUN = "import sys, cogc.sett.in_process as p\np.LEASE = 1.0\nfrom cogc.cli import main\nsys.exit(main(sys.argv[1:]))\n"


class Runs:
    """Runs of one instance, each a process."""

    def __init__(self, folder: Path, board: str) -> None:
        self.folder = folder
        self.board = board
        (folder / "s.cog").write_text(SPEC)
        (folder / "once.sh").write_text(ONCE)
        (folder / "once.sh").chmod(0o755)

    def start(self, *more: str) -> subprocess.Popen[str]:
        words = ["run", "s.cog", "--instance", "i", "--board", self.board, "--sandbox", "none", *more]
        return subprocess.Popen(
            [sys.executable, "-c", RUN, *words],
            cwd=self.folder,
            stdout=-1,
            stderr=-1,
            text=True,
            start_new_session=True,
        )

    def ran(self) -> list[str]:
        path = self.folder / "ran.txt"
        return path.read_text().splitlines() if path.exists() else []

    def made(self) -> list[Artefact]:
        async def read() -> list[Artefact]:
            async with open_board(self.board, "i") as opened:
                return await opened.artefacts()

        return trio.run(read)


@pytest.mark.campaign
def test_a_sett_that_was_killed_goes_on_and_does_nothing_twice(tmp_path: Path) -> None:
    runs = Runs(tmp_path, f"sqlite:{tmp_path}/b.db")
    (tmp_path / "wait").touch()
    first = runs.start("--goal", "x")
    wait_for(lambda: len(runs.ran()) == 1)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    (tmp_path / "wait").unlink()
    out, err = runs.start().communicate(timeout=DEADLINE)
    assert sorted(a.type for a in runs.made()) == ["Code", "GoalDefined", "Plan"], (out, err)
    assert [line.split()[0] for line in runs.ran()] == ["Plan", "Plan", "Code"], (
        "the work that was cut off is begun again"
    )


@pytest.mark.campaign
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("redis", marks=needs_redis)])
def test_two_runs_of_one_instance_do_nothing_twice(tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    board = f"sqlite:{tmp_path}/b.db" if kind == "sqlite" else request.getfixturevalue("redis").url
    runs = Runs(tmp_path, board)
    both = [runs.start("--goal", f"x{i}") for i in range(2)]
    ends = [run.communicate(timeout=DEADLINE) for run in both]
    assert [run.returncode for run in both] == [0, 0], ends
    assert sorted(a.type for a in runs.made()) == ["Code"] * 2 + ["GoalDefined"] * 2 + ["Plan"] * 2
    assert len(runs.ran()) == len(set(runs.ran())) == 4


@pytest.mark.campaign
@needs_redis
def test_a_redis_that_goes_away_is_waited_for(tmp_path: Path, redis: RedisServer) -> None:
    runs = Runs(tmp_path, redis.url)
    (tmp_path / "wait").touch()
    run = runs.start("--goal", "x")
    wait_for(lambda: len(runs.ran()) == 1)
    redis.kill()
    (tmp_path / "wait").unlink()
    said: list[str] = []
    assert run.stderr is not None
    while "cannot be used" not in "".join(said):
        said.append(run.stderr.readline())
        assert said[-1], said
    redis.start()
    err = run.communicate(timeout=DEADLINE)[1]
    assert run.returncode == 0, (said, err)
    assert sorted(a.type for a in runs.made()) == ["Code", "GoalDefined", "Plan"] and "Traceback" not in err

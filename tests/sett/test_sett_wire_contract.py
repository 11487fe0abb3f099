"""The contract with agents where it touches the machine: images, entry points, networks, health, strategies. `test_sett_contract.py` has
the rest of it: what commands get on stdin and what becomes of their answers."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from cogc.commands.sett_spec import prepare
from cogc.commands.usage import UsageError
from cogc.run.process import ProcessResult
from cogc.sett.command import CommandRunner, unconnected
from cogc.sett.health import Condition, serve
from support.cli import cogc, cogc_here
from support.processes import bubblewrap_works
from support.setts import ON_GOAL, World, agent, made, on, says

needs_bwrap = pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap is not installed, or not allowed")

ENGINE = """#!/bin/sh
# An engine that has the image there:1, whose entry point is a cub, and runs commands in no container at all.
echo "$@" >> "{folder}/engine.log"
case "$1" in
info) echo rootless;;
image) [ "$3" = there:1 ];;
build) echo "no base image" >&2; exit 1;;
run) while [ "$1" != --entrypoint ]; do [ $# -gt 1 ] || exec echo "the cub of the image ran"; shift; done
  command=$2; shift 3; exec "$command" "$@";;
esac
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Put an engine in front of the real ones. The value gives what it was asked to do."""
    bin = tmp_path / "bin"
    bin.mkdir()
    (bin / "docker").write_text(ENGINE.replace("{folder}", str(tmp_path)))
    (bin / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(bin), prepend=":")
    return lambda: (tmp_path / "engine.log").read_text()


def prepared(world: World, agents: str, sandbox: str = "auto") -> None:
    """Prepare the sandboxes of agents, as each command that runs a sett does before anything is bid for."""
    runner = CommandRunner("test", str(world.folder), sandbox)
    trio.run(prepare, runner, world.spec(agents).agents.values())


# ---- images --------------------------------------------------------------------------------------------------


def test_the_entry_point_of_an_image_is_not_run(world: World, engine: Callable[[], str]) -> None:
    found = world.run(agent("W", world.script("w", says("Doc")), ON_GOAL, 'image: "there:1"'), sandbox="auto")
    assert made(found)[1] == "Doc v1 W"
    assert "--entrypoint ./w.sh there:1\n" in engine()


def test_a_command_with_words_keeps_them_behind_the_image(world: World, engine: Callable[[], str]) -> None:
    words = """["sh", "-c", "cat > /dev/null; printf '{\\"artefact_type\\":\\"%s\\",\\"artefact_payload\\":1}' $0", "Doc"]"""
    found = world.run(f'agent W {{ {ON_GOAL}\n image: "there:1"\n command: {words} }}', sandbox="container")
    assert made(found)[1] == "Doc v1 W"


@needs_bwrap
def test_without_its_image_an_agent_runs_without_a_container_and_that_is_said_before_any_bid(
    world: World, engine: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    spec = agent("W", world.script("w", says("Doc")), ON_GOAL, 'image: "gone:1"')
    prepared(world, spec)
    said = capsys.readouterr().err
    assert "agent `W`: docker has no image `gone:1`; its commands run on this machine's own files (bubblewrap)" in said
    assert "--local W=DIR" in said
    assert made(world.run(spec, sandbox="auto"))[1] == "Doc v1 W"
    assert "run" not in [line.split()[0] for line in engine().splitlines()] and "pull" not in engine()


def test_a_container_that_was_asked_for_and_cannot_be_had_is_refused_before_any_bid(
    world: World, engine: Callable[[], str]
) -> None:
    for more, why in [
        ('image: "gone:1"', "docker has no image `gone:1`"),
        ("", "it names no image, and has no Dockerfile"),
        (f'build: {{ context: "{world.folder}" }}', "the image of `W` cannot be built: no base image"),
    ]:
        (world.folder / "Dockerfile").write_text("FROM nothing\n")
        with pytest.raises(UsageError) as refused:
            prepared(world, agent("W", "./w.sh", ON_GOAL, more), "container")
        assert why in str(refused.value)


def test_a_missing_image_is_the_reason_of_a_failed_bid_and_of_failed_work(
    world: World, engine: Callable[[], str]
) -> None:
    bid = 'image: "gone:1"\n bid_script: ["./bid.sh"]\n bidding_strategy: exclusive'
    found = world.run(agent("W", "./w.sh", "", bid), sandbox="container")
    assert "docker has no image `gone:1`" in found[-1].payload["reason"]
    assert "its bid on GoalDefined failed, and counts as exclusive" in world.logged()
    assert "docker has no image `gone:1`" in world.logged()
    assert any("no image" in remark for e in trio.run(world.board.logs, "W") for remark in e["remarks"])


def test_no_image_is_looked_for_where_nothing_runs_in_a_sandbox(world: World, engine: Callable[[], str]) -> None:
    prepared(world, agent("W", "./w.sh", ON_GOAL, 'image: "gone:1"'), "none")
    assert not (world.folder / "engine.log").exists()


# ---- network -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "network", "reported"),
    [
        ("curl: (6) Could not resolve host: example.org", False, True),
        ("Error: getaddrinfo EAI_AGAIN registry", False, True),
        ("wget: bad address 'example.org'", False, True),
        ("connect: Network is unreachable", False, True),
        ("curl: (6) Could not resolve host: example.org", True, False),
        ("the recipe is too short", False, False),
    ],
)
def test_the_report_of_a_failed_connection_names_the_network(
    world: World, said: str, network: bool, reported: bool
) -> None:
    more = f'network: {str(network).lower()}\n image: "there:1"'
    whole = world.whole(
        world.spec(agent("W", world.script("w", f'cat > /dev/null; echo "{said}" >&2; exit 6'), ON_GOAL, more))
    )
    whole.actors["W"].runner.offline = True  # as in each sandbox
    trio.run(whole.run, "go")
    (failed,) = [a for a in trio.run(world.board.artefacts) if a.structural_type == "Failure"]
    assert ("its agent has no network" in failed.payload["reason"]) == reported
    assert unconnected(ProcessResult(0, b"", said.encode(), False)) is False


def test_network_for_a_whole_file_leaves_out_who_refuses_it(world: World) -> None:
    from cogc.sett.spec import SettSpec

    bundle = world.spec("".join(agent(n, "w", ON_GOAL, m) for n, m in [("A", ""), ("B", "network: false")])).bundle
    for whole, wanted in [(False, [False, False]), (True, [True, False])]:
        assert [a.network for a in SettSpec(bundle, network=whole).agents.values()] == wanted


def test_network_is_an_option_of_setts_alone(tmp_path: Path) -> None:
    (tmp_path / "c.cog").write_text("coglet C { on start { log info 1 } }\n")
    done = cogc_here("run", str(tmp_path / "c.cog"), "--network")
    assert done.returncode == 2 and "--network is for setts" in done.stderr


# ---- strategies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["claim", "exclusive"])
def test_a_strategy_does_not_bid_on_the_agents_own_results(world: World, strategy: str) -> None:
    work = world.script("w", says("CodeDone"))
    found = world.run(f'agent A {{ bidding_strategy: {strategy}\n command: ["{work}"] }}')
    assert made(found) == ["GoalDefined v1 user", "CodeDone v1 A"]


def test_a_bid_with_a_condition_may_be_on_the_agents_own_results(world: World) -> None:
    count = """[ "$(grep -o '"type":"[^"]*"' | head -1)" = '"type":"GoalDefined"' ] && t=Draft || t=Final
printf '{"artefact_type":"%s","artefact_payload":1}' $t"""
    bid = 'bid: exclusive when artefact.type in ["GoalDefined", "Draft"]'
    found = world.run(agent("A", world.script("w", count), bid, "workspace: rw"))
    assert made(found) == ["GoalDefined v1 user", "Draft v1 A", "Final v1 A"]


# ---- health --------------------------------------------------------------------------------------------------


def test_healthz_follows_the_health_check_of_the_agent(world: World) -> None:
    async def ask(port: int) -> tuple[int, str]:
        def get() -> tuple[int, str]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

        return await trio.to_thread.run_sync(get)

    async def main() -> None:
        condition = Condition()
        async with trio.open_nursery() as nursery:
            port = await nursery.start(serve, world.board, condition, "127.0.0.1", 0)
            assert await ask(port) == (200, "ok\n")
            condition.tell("no model answers")
            assert await ask(port) == (503, "no model answers\n")
            condition.tell("")
            assert await ask(port) == (200, "ok\n")
            nursery.cancel_scope.cancel()

    trio.run(main)


def test_up_says_which_agent_is_not_well_and_which_cannot_start(tmp_path: Path) -> None:
    agents = """  Ill: {command: ["true"], bidding_strategy: exclusive, health_check: {command: ["sh", "-c", "echo no model answers >&2; exit 1"]}}
  Gone: {command: ["true"], bidding_strategy: claim, image: "gone:1"}
"""
    (tmp_path / "sett.yml").write_text(f'version: "1.0"\nagents:\n{agents}')
    try:
        up = cogc("sett", "up", "sett.yml", "--instance", "i", "--sandbox", "none", cwd=tmp_path)
        assert up.returncode == 3 and "cogc: Ill has started, and is not well: " in up.stderr, up.stderr
        assert "no model answers" in up.stderr and "Gone" not in up.stderr
    finally:
        cogc("sett", "down", cwd=tmp_path)


def test_reservations_are_known(world: World) -> None:
    more = 'resources: { limits: { cpus: "0.5", memory: "512M" }, reservations: { cpus: 0.25, memory: "256M" } }'
    spec = world.spec(agent("W", "w", on("GoalDefined", "claim"), more))
    assert spec.agents["W"].cpus == "0.5"

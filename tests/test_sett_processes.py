"""Setts as processes: orchestrator and cubs on Redis and SQLite, killed at the worst of times; the commands for people."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import trio

from cogc.commands import sett_machines
from cogc.sett.board import Board, open_board
from support.cli import cogc, cogc_here
from support.console import commands
from support.paths import ROOT
from support.processes import alive, bubblewrap_works
from support.redis import RedisServer, needs_redis
from support.state import state
from support.waiting import DEADLINE, wait_for

pytestmark = pytest.mark.campaign
WORK = """#!/bin/sh
# Notes that it ran, takes a moment, and answers.
cat > /dev/null
echo "$SETT_AGENT_NAME" >> ran.txt
sleep 0.4
printf '{"artefact_type": "%s", "artefact_payload": "x"}' "$1"
"""
SPEC = """
sett S {
  agent A { bid: exclusive when artefact.type == "GoalDefined"
    command: ["./work.sh", "Plan"]
    workspace: rw }
  agent B { bid: claim when artefact.type == "Plan"
    command: ["./work.sh", "Code"]
    workspace: rw }
  agent C { bid: exclusive when artefact.type == "Code"
    command: ["./work.sh", "Done"]
    workspace: rw }
}
"""


def types_on(board: str) -> list[str]:
    """Return the types of the artefacts of the instance `i` on a board."""

    async def read() -> list[str]:
        async with open_board(board, "i") as opened:
            return [a.type for a in await opened.artefacts()]

    return trio.run(read)


class Instance:
    """An orchestrator and three cubs, each a process."""

    def __init__(self, folder: Path, board: str) -> None:
        self.folder = folder
        self.board = board
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        (folder / "s.cog").write_text(SPEC)
        (folder / "work.sh").write_text(WORK)
        (folder / "work.sh").chmod(0o755)

    def start(self, name: str, *more: str) -> subprocess.Popen[bytes]:
        words = (
            ["orchestrator", "s.cog"]
            if name == "orchestrator"
            else ["cub", "s.cog", "--agent", name, "--sandbox", "none", "--lease", "2s"]
        )
        log = open(self.folder / f"{name}.log", "ab")  # noqa: SIM115 - closed with the process
        with log:
            made = self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "cogc", *words, "--instance", "i", "--board", self.board, *more],
                cwd=self.folder, stdout=log, stderr=log,
            )  # fmt: skip
        return made

    def start_all(self, *more: str) -> None:
        self.start("orchestrator", *more)
        for name in "ABC":
            self.start(name)
        self.until(lambda: all("at work" in (self.folder / f"{name}.log").read_text() for name in self.processes))

    def sett(self, *words: str) -> subprocess.CompletedProcess[str]:
        return cogc("sett", *words, "--instance", "i", "--board", self.board, cwd=self.folder)

    def made(self) -> list[str]:
        """Return the types of the artefacts on the board, read without a process of their own."""
        return types_on(self.board)

    def until(self, holds: Callable[[], bool]) -> None:
        try:
            wait_for(holds, 0.1)
        except AssertionError as late:
            logs = [(p.name, p.read_text()[-900:]) for p in self.folder.glob("*.log")]
            raise AssertionError(self.made(), logs) from late

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait()

    def stop(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
            process.wait()


@contextlib.contextmanager
def going(folder: Path, board: str) -> Iterator[Instance]:
    folder.mkdir(exist_ok=True)
    made = Instance(folder, board)
    try:
        yield made
    finally:
        made.stop()


@needs_redis
@pytest.mark.parametrize("victim", ["orchestrator", "A", "B", "redis"])
def test_a_sett_on_redis_survives_a_kill_of_anything(redis: RedisServer, tmp_path: Path, victim: str) -> None:
    with going(tmp_path / "w", redis.url) as sett:
        sett.start_all()
        assert sett.sett("forage", "go").returncode == 0
        ran = sett.folder / "ran.txt"
        wanted = "B" if victim == "B" else "A"
        sett.until(lambda: ran.exists() and wanted in ran.read_text())
        if victim == "redis":
            redis.kill()
            redis.start()
        else:
            sett.kill(victim)
            sett.start(victim)
        sett.until(lambda: "Done" in sett.made())
        assert sett.made() == ["GoalDefined", "Plan", "Code", "Done"]


def test_a_frozen_cub_that_wakes_commits_nothing(tmp_path: Path) -> None:
    with going(tmp_path / "w", f"sqlite:{tmp_path}/b.db") as sett:
        sett.start_all()
        sett.sett("forage", "go")
        ran = sett.folder / "ran.txt"
        sett.until(lambda: ran.exists() and "A" in ran.read_text())
        frozen = sett.processes["A"]
        os.kill(frozen.pid, signal.SIGSTOP)
        sett.start("A")
        sett.until(lambda: "Done" in sett.made())
        os.kill(frozen.pid, signal.SIGCONT)
        refused = re.compile("claim .* is another's now|too late for claim")
        sett.until(lambda: bool(refused.search((sett.folder / "A.log").read_text())))
        assert sett.made() == ["GoalDefined", "Plan", "Code", "Done"]
        assert ran.read_text().split().count("A") == 2
        frozen.kill()
        frozen.wait()


def test_at_sigterm_a_cub_takes_no_new_work_and_ends_what_it_does(tmp_path: Path) -> None:
    with going(tmp_path / "w", f"sqlite:{tmp_path}/b.db") as sett:
        sett.start_all("--consensus", "2s")
        sett.sett("forage", "go")
        ran = sett.folder / "ran.txt"
        sett.until(lambda: ran.exists())
        sett.processes["A"].send_signal(signal.SIGTERM)
        assert sett.processes["A"].wait(DEADLINE) == 0
        sett.until(lambda: "Plan" in sett.made())
        sett.sett("forage", "again")
        sett.until(lambda: "Done" in sett.made())
        assert ran.read_text().split().count("A") == 1


def test_a_worker_does_the_one_claim_it_is_for(tmp_path: Path) -> None:
    with going(tmp_path / "w", f"sqlite:{tmp_path}/b.db") as sett:
        sett.start("orchestrator", "--consensus", "2s")
        bidder = sett.start("A")
        sett.until(lambda: all("at work" in (sett.folder / f"{n}.log").read_text() for n in sett.processes))
        sett.sett("forage", "go")
        ran = sett.folder / "ran.txt"
        sett.until(lambda: ran.exists())
        os.kill(bidder.pid, signal.SIGKILL)
        bidder.wait()
        done = sett.sett("watch", "now")
        assert done.returncode == 2 and "takes nothing" in done.stderr

        async def claim() -> str:
            async with open_board(sett.board, "i") as board:
                return (await board.claims())[0].id

        worker = sett.start("A", "--execute-claim", trio.run(claim))
        assert worker.wait(DEADLINE) == 0 and sett.made() == ["GoalDefined", "Plan"]
        assert sett.start("A", "--execute-claim", "nope").wait(DEADLINE) == 2


@needs_redis
def test_healthz_says_whether_the_blackboard_answers(redis: RedisServer, tmp_path: Path) -> None:
    with going(tmp_path / "w", redis.url) as sett:
        process = sett.start("orchestrator", "--port", "0")
        log = sett.folder / "orchestrator.log"
        sett.until(lambda: "/healthz" in log.read_text())
        port = int(log.read_text().partition("127.0.0.1:")[2].partition("/")[0])

        def ask(path: str = "/healthz", method: str = "GET") -> int:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
            connection.request(method, path)
            with contextlib.closing(connection):
                return connection.getresponse().status

        assert (ask(), ask("/else"), ask(method="POST"), ask(method="HEAD")) == (200, 404, 405, 200)
        redis.kill()
        assert ask() == 503
        redis.start()
        sett.until(lambda: ask() == 200)
        assert process.poll() is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cub", "s.cog", "--agent", "A", "--instance", "i"], "no blackboard is named"),
        (["cub", "s.cog", "--agent", "A", "--board", "sqlite:b.db"], "no instance is named"),
        (["cub", "s.cog", "--agent", "Z", "--board", "sqlite:b.db", "--instance", "i"], "the sett has no agent `Z`; it has A, B, C"),
        (["orchestrator", "s.cog", "--board", "memory", "--instance", "i"], "a blackboard in memory cannot be shared"),
        (["orchestrator", "s.cog", "--board", "nope:1", "--instance", "i"], "there is no store `nope:1`"),
        (["sett", "hoard"], "there is no instance here"),
        (["sett", "hoard", "--instance", "x"], "there is no instance `x` here"),
        (["sett", "unearth", "--instance", "x"], "takes ID"),
        (["sett", "down"], "no instance is up here"),
        (["run", "s.cog"], "a sett starts with `--goal TEXT`"),
        (["run", "s.cog", "--goal", "x", "--input", "a=1"], "--input has no meaning for a sett"),
        (["run", "s.cog", "--goal", "x", "--local", "Z=."], "the sett has no agent `Z`"),
        (["run", "s.cog", "--goal", "x", "--goal-file", "y"], "not both"),
        (["run", "s.cog", "--goal", "x", "--board", "redis://127.0.0.1:1"], "Redis at redis://127.0.0.1:1 cannot be used"),
    ],
)  # fmt: skip
def test_a_wrong_command_line_says_why(
    tmp_path: Path, words: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REDIS_URL", "SETT_INSTANCE_NAME", "SETT_AGENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "s.cog").write_text(SPEC)
    done = cogc_here(*words, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr, done.stderr


# ---- in one process ------------------------------------------------------------------------------------------


RECIPES = ROOT / "examples" / "recipes"


def test_the_example_runs_whole_and_people_look_at_it_afterwards(tmp_path: Path) -> None:
    shutil.copytree(RECIPES, tmp_path / "examples" / "recipes", ignore=shutil.ignore_patterns(".cogc"))
    (command,) = commands("specs/setts.md")
    words = [*shlex.split(command)[1:], "--instance", "kitchen"]
    done = cogc(*words, "--trace", "t.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    types = [" ".join(line.split("  ")[1:3]) for line in done.stdout.splitlines()]
    assert types == [
        "GoalDefined v1 user", "RecipeYAML v1 Writer", "RecipeYAML v2 Writer", "Review v1 Validator", "Review v1 Validator",
        "RecipeMarkdown v1 Formatter", "Blurb v1 Blurb",
    ]  # fmt: skip
    records = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert {r["kind"] for r in records} >= {"artefact", "claim", "bid", "grant"}
    schema = json.loads((ROOT / "grammar" / "trace.schema.json").read_text())
    for record in records:
        jsonschema.validate(record, schema)
    hoard = cogc("sett", "hoard", cwd=tmp_path).stdout.splitlines()
    assert len(hoard) == 7
    id = next(line for line in hoard if "RecipeYAML v2" in line).split()[0]
    shown = cogc("sett", "unearth", id, "--instance", "kitchen", cwd=tmp_path).stdout
    assert "  version   v1  " in shown and "- salt" in shown and "from" in shown
    whole = json.loads(cogc("sett", "unearth", id, "--json", cwd=tmp_path).stdout)
    assert [a["version"] for a in whole["thread"]] == [1, 2]
    assert cogc("sett", "unearth", "zzz", cwd=tmp_path).returncode == 2
    logs = cogc("sett", "logs", "Writer", cwd=tmp_path).stdout
    assert logs.count("--- Writer") == 2 and "with salt" in logs
    again = cogc(*words, "--output", "json", cwd=tmp_path)
    lines = [json.loads(line) for line in again.stdout.splitlines()]
    assert again.returncode == 0 and all(x["channel"] == "artefact" for x in lines) and len(lines) == 7


QUESTION = """
sett S { agent A { bid: exclusive when artefact.type == "GoalDefined"
    command: ["sh", "-c", "case \\"$(cat)\\" in *thyme*) printf '{\\"artefact_type\\": \\"Doc\\", \\"artefact_payload\\": 1}';; *) printf '{\\"structural_type\\": \\"Question\\", \\"payload\\": \\"Which herb?\\"}';; esac"] } }
"""


def test_a_question_is_answered_later_and_the_instance_goes_on(tmp_path: Path) -> None:
    (tmp_path / "q.cog").write_text(QUESTION)
    done = cogc("run", "q.cog", "--goal", "x", "--instance", "i", "--sandbox", "none", cwd=tmp_path)
    assert done.returncode == 3 and "nobody has answered `A`: Which herb?" in done.stderr
    (question,) = cogc("sett", "questions", cwd=tmp_path).stdout.splitlines()
    assert cogc("sett", "answer", question.split()[0], "thyme", cwd=tmp_path).returncode == 0
    noted = json.loads((state(tmp_path) / "questions" / "answered.jsonl").read_text())
    assert (noted["answer"], noted["uid"]) == ("thyme", os.getuid())
    assert cogc("sett", "questions", cwd=tmp_path).stdout == ""
    assert cogc("sett", "answer", question.split()[0], "thyme", cwd=tmp_path).returncode == 2
    done = cogc("run", "q.cog", "--instance", "i", "--sandbox", "none", cwd=tmp_path)
    assert done.returncode == 0 and "Doc v1  A" in done.stdout


def test_exit_codes_and_reports(tmp_path: Path) -> None:
    (tmp_path / "f.cog").write_text('sett S { agent A { bid: exclusive\n command: ["false"] } }')
    done = cogc("run", "f.cog", "--goal", "x", "--sandbox", "none", cwd=tmp_path)
    assert done.returncode == 3 and "claim on GoalDefined v1: terminated, A failed" in done.stdout
    assert done.stderr.endswith("cogc: claim on GoalDefined v1: terminated, A failed: the command ended with code 1\n")
    (tmp_path / "f.cog").write_text(
        'sett S { agent A { bid: exclusive\n command: ["sh", "-c", "cat > x; rm b"]\n workspace: rw } }'
    )
    done = cogc_here("run", "f.cog", "--goal", "x", "--sandbox", "none", "--board", "sqlite:b", cwd=tmp_path)
    assert done.returncode == 2 and "b was removed, replaced or emptied while it was open" in done.stderr
    (tmp_path / "n.cog").write_text(
        'sett S { agent A { bid: claim when artefact.type == "Other"\n command: ["true"] } }'
    )
    done = cogc("run", "n.cog", "--goal", "x", "--sandbox", "none", cwd=tmp_path)
    assert done.returncode == 3 and "cogc: nobody bids for GoalDefined" in done.stderr
    (tmp_path / "goal.txt").write_text("from a file\n")
    hang = 'command: ["sh", "-c", "touch works; sleep 60"]\n workspace: rw'
    (tmp_path / "t.cog").write_text(f"sett S {{ agent A {{ bid: exclusive\n {hang} }} }}")
    words = [
        sys.executable,
        "-m",
        "cogc",
        "run",
        "t.cog",
        "--goal-file",
        "goal.txt",
        "--sandbox",
        "none",
        "--instance",
        "t",
    ]
    with subprocess.Popen(words, cwd=tmp_path, stdout=-1, stderr=-1, text=True) as process:
        wait_for((tmp_path / "works").exists)
        while process.poll() is None:  # the first ends what is under way, the next one ends the process
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
        assert process.returncode == 143 and process.stderr is not None
        assert "may take 11s more to end; a second signal ends it at once" in process.stderr.read()


@pytest.mark.parametrize("numbers", [[signal.SIGTERM], [signal.SIGINT, signal.SIGHUP]])
def test_a_machine_ends_its_work_at_a_signal_and_at_once_at_the_next(numbers: list[signal.Signals]) -> None:
    stop, scope, caught = trio.Event(), trio.CancelScope(), list[int]()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(sett_machines._signals, stop, scope, caught)
            for number in numbers:
                signal.raise_signal(number)
                with trio.fail_after(DEADLINE):
                    while not caught or caught[-1] != number:
                        await trio.lowlevel.checkpoint()
            assert stop.is_set() and scope.cancel_called == (len(numbers) > 1)
            nursery.cancel_scope.cancel()

    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # one that is ignored, as behind `nohup`, stays ignored
    try:
        trio.run(main)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert caught == numbers


def test_up_status_and_down(tmp_path: Path) -> None:
    (tmp_path / "s.cog").write_text(SPEC)
    (tmp_path / "work.sh").write_text(WORK)
    (tmp_path / "work.sh").chmod(0o755)
    up = cogc("sett", "up", "s.cog", "--instance", "i", "--sandbox", "none", cwd=tmp_path)
    try:
        assert up.returncode == 0 and up.stdout == "i is up: the orchestrator and 3 cubs\n", up.stderr
        assert cogc("sett", "up", "s.cog", "--instance", "i", cwd=tmp_path).returncode == 2
        status = cogc("sett", "status", "--json", cwd=tmp_path)
        found = [json.loads(line) for line in status.stdout.splitlines()]
        assert [p["name"] for p in found] == ["orchestrator", "A", "B", "C"] and all(p["up"] for p in found)
        cogc("sett", "forage", "go", cwd=tmp_path)
        board = f"sqlite:{state(tmp_path)}/setts/i/board.db"
        wait_for(lambda: "Done" in types_on(board), 0.1)
        assert "Done" in cogc("sett", "hoard", cwd=tmp_path).stdout
        os.kill(found[1]["pid"], signal.SIGKILL)
        wait_for(lambda: not alive(found[1]["pid"]))
        assert cogc("sett", "status", cwd=tmp_path).returncode == 3
    finally:
        down: Any = cogc("sett", "down", cwd=tmp_path)
    assert down.stdout == "i is down\n"
    assert not any(
        Path(f"/proc/{p['pid']}").exists() and "cogc" in Path(f"/proc/{p['pid']}/cmdline").read_text() for p in found
    )


WHOLE = """version: "1.0"
orchestrator: {max_review_iterations: 2, image: "sett/orchestrator:1"}
agents:
  Writer:
    role: Writer
    image: "writer:latest"
    build: {context: ./agents/writer}
    command: ["/app/run.sh"]
    bid_script: ["/app/bid.sh"]
    workspace: {mode: rw}
    environment: ["LOG_LEVEL=info", "TOKEN_OF_TEST", "GREETING=hello ${TOKEN_OF_TEST}"]
    prompts: {claim: "Do you want it?", execution: "Write it."}
    strategy: reuse
    replicas: 1
    resources: {limits: {cpus: "1.0", memory: "512MB"}}
    health_check: {command: ["true"], interval: 30s, timeout: 5s}
  Doc-Checker:
    command: ["/app/check.sh"]
    bidding_strategy: review
    workspace: {mode: ro}
  Pool:
    bid_script: ["/app/bid.sh"]
    mode: controller
    worker: {image: "w", command: ["/app/run.sh"], max_concurrent: 2, workspace: {mode: ro}}
services:
  redis: {image: "redis:7-alpine"}
  orchestrator: {image: "x"}
"""


@pytest.mark.parametrize("name", ["sett.yml", "holt.yml"])
def test_the_whole_file_format_runs_as_it_is(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setenv("TOKEN_OF_TEST", "t0k")
    (tmp_path / name).write_text(WHOLE)
    scripts = {
        "agents/writer/bid.sh": 'case "$(cat)" in *\'"GoalDefined"\'*) echo exclusive;; *) echo ignore;; esac',
        "agents/writer/run.sh": 'cat >/dev/null; echo "$GREETING $LOG_LEVEL $SETT_PROMPT_EXECUTION" > said.txt\n'
        'printf \'{"artefact_type": "Doc", "artefact_payload": "d"}\'',
        "local/check.sh": "cat >/dev/null; printf '{\"artefact_payload\": {}}'",
        "pool/bid.sh": 'case "$(cat)" in *\'"Doc"\'*) echo claim;; *) echo ignore;; esac',
        "pool/run.sh": 'cat >/dev/null; printf \'{"artefact_type": "Done", "artefact_payload": 1, "structural_type": "Terminal"}\'',
    }
    for place, body in scripts.items():
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
    checked = cogc("check", name, cwd=tmp_path)
    assert checked.returncode == 0 and checked.stdout.count("COG703") == 2, checked.stdout
    words = ["run", name, "--goal", "g", "--local", "Doc-Checker=local", "--local", "Pool=pool", "--output", "json"]
    done = cogc(*words, "--sandbox", "bubblewrap" if bubblewrap_works() else "none", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    made = [json.loads(line)["data"] for line in done.stdout.splitlines()]
    assert [(a["type"], a["produced_by_role"]) for a in made] == [
        ("GoalDefined", "user"), ("Review", "Doc-Checker"), ("Doc", "Writer"), ("Review", "Doc-Checker"), ("Done", "Pool"),
    ]  # fmt: skip
    assert (tmp_path / "said.txt").read_text() == "hello t0k info Write it.\n"
    monkeypatch.delenv("TOKEN_OF_TEST")
    done = cogc(*words, "--sandbox", "none", cwd=tmp_path)
    assert done.stderr.count("the variable TOKEN_OF_TEST is not set") == 2 and "agent `Writer`" in done.stderr


def test_what_a_sett_may_cost_is_said_for_each_piece_of_work() -> None:
    done = cogc_here("cost", str(ROOT / "examples/recipes/recipes.cog"), "--model", "editor=anthropic:claude-haiku-5-5")
    assert done.returncode == 0 and "each piece of work of Blurb" in done.stdout and "$" in done.stdout


def test_a_commands_sandbox_holds_for_another_user_too(tmp_path: Path) -> None:

    from cogc.disk.state_folder import OwnFiles
    from cogc.kernel.permissions import Sandbox
    from cogc.run.sandbox import ENVIRONMENT, wrapped
    from cogc.run.sandbox_conformance import as_user

    if os.getuid() or not bubblewrap_works():
        pytest.skip("this wants root, and bubblewrap")
    place = Path("/tmp") / f"cogc-other-{os.getpid()}"
    place.mkdir()
    try:
        os.chown(place, 65534, 65534)
        script = "id -u; touch /workspace/mine && echo wrote; touch /etc/x 2>/dev/null || echo no; ls /root 2>/dev/null || echo none"
        words = wrapped(["sh", "-c", script], Sandbox("rw", False), str(place), str(place), "x", OwnFiles())
        done = subprocess.run(
            as_user(words, 65534), env=ENVIRONMENT, capture_output=True, text=True, timeout=DEADLINE, check=False
        )
        if done.returncode and "namespace" in done.stderr:
            pytest.skip("this machine gives other users no namespaces")
        assert done.stdout.split() == ["65534", "wrote", "no", "none"], done.stderr
        assert (place / "mine").stat().st_uid == 65534
    finally:
        shutil.rmtree(place)


def test_the_live_view_shows_the_board(tmp_path: Path) -> None:
    from rich.console import Console

    from cogc.screens.sett import SettView
    from cogc.sett.model import goal
    from cogc.sett.orchestrator import Orchestrator
    from cogc.stores.memory import MemoryStore

    async def main() -> str:
        board = Board(MemoryStore())
        await board.post(goal("A recipe"))
        await Orchestrator(board, ["W"], 3, lambda *a, **k: None).step()
        console = Console(width=100, height=40, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, ASYNC230 - see below
        view = SettView(board, "i", console)
        view.note("grant", "W", {"bid": "claim"})
        view.note("log", "W", {"level": "warn", "data": "slow"})
        console.print(await view.picture())
        console.file.close()
        return console.export_text()

    shown = trio.run(main)
    for words in ("sett i: claims", "GoalDefined v1", "consensus", "A recipe", "W: grant claim", "W: slow"):
        assert words in shown


@needs_redis
def test_a_watch_that_is_interrupted_ends_quietly(redis: RedisServer, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "cogc", "sett", "watch", "--instance", "i", "--board", redis.url]
    with subprocess.Popen(words, cwd=tmp_path, stdout=-1, stderr=-1, text=True) as process:
        wait_for(redis.clients)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE)
    assert (process.returncode, out, err) == (130, "", "")

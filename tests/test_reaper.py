"""No process outlives its run, however the run ends: programs that try to get away, and runs that are killed at any time."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trio

from cogc.run import reaper
from cogc.run.process import run_process, spawn
from cogc.run.reaper import descendants
from support.paths import ROOT
from support.processes import alive, marked, unique_seconds
from support.waiting import DEADLINE, until, wait_for

ESCAPES = {
    "child": "sleep {0} & sleep {0}",
    "session": "setsid sleep {0} & wait",
    "double fork": "(setsid sh -c '(sleep {0} &)' &); sleep {0}",
    "empty environment": "(env -i setsid sh -c 'env -i sleep {0} & env -i sleep {0}' &); sleep {0}",
    "deaf": "trap '' TERM INT HUP; (trap '' TERM; setsid sleep {0} &); sleep {0}",
}
RUNS = int(os.environ.get("COGC_FAULTS", "6"))
SPEC = """
program tool(line: string) -> string = shell ["sh", "-c", line] {{ timeout: 500s }}
coglet W {{ listen line: string
  transmit out: string
  on line as l {{ out <- tool(l) }} }}
coglet Main {{ transmit out: string
  create w = W * 0..10
  on start {{ for line in {lines} {{ let n = create w()
      w[n].line <- line }} }}
  link w.out -> self.out }}
"""


@pytest.mark.parametrize("words", [["serve", "0-0"], ["serve", "0-0", "lent"], ["hold", "true"]])
def test_a_reaper_whose_runner_is_gone_already_ends_without_a_word(words: list[str]) -> None:
    """It may be killed while its reaper starts."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    given = [words[0], str(gone.pid), *words[1:]]
    done = subprocess.run(
        [sys.executable, "-IS", reaper.__file__, *given], capture_output=True, text=True, timeout=DEADLINE
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


@pytest.mark.parametrize("line", ESCAPES.values(), ids=ESCAPES.keys())
def test_what_a_command_leaves_behind_is_gone_when_the_command_ends(line: str) -> None:
    mark = unique_seconds()
    background = line.format(mark).rpartition(";")[0] or line.format(mark)

    async def main() -> None:
        with trio.move_on_after(1):
            await run_process(["sh", "-c", f"{background} & sleep 0.1"])

    trio.run(main)
    assert marked(mark) == []


@pytest.mark.parametrize("line", ESCAPES.values(), ids=ESCAPES.keys())
def test_what_a_command_has_started_is_gone_when_its_keeper_is_killed_and_the_run_ends(
    line: str, tmp_path: Path
) -> None:
    mark = unique_seconds()
    code = f"""
import os, signal, trio
from cogc.run import reaper
from cogc.run.process import spawn
async def main():
    async with spawn(["sh", "-c", {line.format(mark)!r}]) as process:
        print("begun", flush=True)
        input()
        keeper = int(open(f"/proc/{{process.pid}}/stat").read().rpartition(")")[2].split()[1])
        os.kill(keeper, signal.SIGKILL)
        assert await process.wait() == -9
trio.run(main)
"""
    runner = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert runner.stdout is not None and runner.stdout.readline() == "begun\n"
    wait_for(lambda: len(marked(mark)) >= 2)
    runner.communicate("\n")
    assert runner.returncode == 0
    wait_for(lambda: not marked(mark))


@pytest.mark.campaign
def test_output_is_whole_although_the_run_is_held_up_when_the_command_ends() -> None:
    async def hold_up() -> None:
        while True:
            await trio.lowlevel.checkpoint()
            time.sleep(0.3)  # noqa: ASYNC251  # as users' code does that does not yield

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hold_up)
            for _ in range(3):
                done = await run_process(["sh", "-c", "head -c 60000 /dev/zero; sleep 0.1; echo x; echo y >&2"])
                assert (len(done.stdout), done.stdout[-2:], done.stderr) == (60002, b"x\n", b"y\n")
            nursery.cancel_scope.cancel()

    trio.run(main)


def test_a_reaper_that_was_killed_is_replaced() -> None:
    async def main() -> None:
        async with spawn(["cat"]) as process:
            above = [pid for pid in descendants(os.getpid()) if process.pid in descendants(pid)]
            os.kill(above[0], signal.SIGKILL)
            await until(lambda: not alive(above[0]))
        assert (await run_process(["echo", "there"])).stdout == b"there\n"

    trio.run(main)


def test_more_commands_than_descriptors_allow_wait_for_a_place(tmp_path: Path) -> None:
    code = """
import trio
from cogc.run import reaper
from cogc.run.process import run_process
async def one(): assert (await run_process(["sh", "-c", "sleep 0.05; echo x"])).stdout == b"x\\n"
async def main():
    async with trio.open_nursery() as nursery:
        for _ in range(50): nursery.start_soon(one)
trio.run(main)
"""
    words = ["sh", "-c", f'ulimit -n 60; exec "{sys.executable}" -c "$0"', code]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(RUNS))
def test_nothing_is_left_of_a_run_that_is_killed_at_a_random_time(seed: int, tmp_path: Path) -> None:
    chance, mark = random.Random(seed), unique_seconds()
    lines = [chance.choice(list(ESCAPES.values())).format(mark) for _ in range(3)]
    shown = "[" + ", ".join(f'"{line}"' for line in lines) + "]"
    (tmp_path / "x.cog").write_text(SPEC.format(lines=shown))
    run = subprocess.Popen(
        [sys.executable, "-m", "cogc", "run", "x.cog"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    if seed % 3:  # else it may be killed before it has started anything
        wait_for(lambda: marked(mark))
    time.sleep(chance.uniform(0, 0.3 if seed % 3 else 1.5))
    below = [found for pid in descendants(run.pid) if (found := alive(pid))]
    run.kill()
    run.wait()
    wait_for(lambda: not marked(mark) and not any(alive(pid) == (pid, began) for pid, began in below))


def test_the_socket_to_the_reaper_is_closed_when_the_process_ends() -> None:
    code = "import os\nfrom cogc.run import process\nprocess._door(os.getpid())"
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, timeout=DEADLINE
    )
    assert (done.returncode, done.stderr) == (0, "")


STARTED_BY_PYTHON = {
    "a program in a thread": "import subprocess\ndef f() -> str:\n    subprocess.run(['sleep', '{0}'])\n    return ''\n",
    "an async program": "import trio\nasync def f() -> str:\n    await trio.run_process(['setsid', 'sleep', '{0}'])\n    return ''\n",
    "a double fork": "import os\ndef f() -> str:\n    os.system('(setsid sleep {0} &) ; sleep {0}')\n    return ''\n",
}


@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("code", STARTED_BY_PYTHON.values(), ids=STARTED_BY_PYTHON.keys())
def test_what_python_code_has_started_by_itself_is_gone_with_the_run(code: str, ended_by: int, tmp_path: Path) -> None:
    mark = unique_seconds()
    (tmp_path / "p.py").write_text(code.format(mark))
    (tmp_path / "x.cog").write_text(
        'program f() -> string = python "p:f" { timeout: 1h }\n'
        "coglet Main { transmit out: string\n  on start { out <- f() } }\n"
    )
    words = [sys.executable, "-m", "cogc", "run", "x.cog"]
    run = subprocess.Popen(words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL)
    wait_for(lambda: marked(mark))
    run.send_signal(ended_by)
    run.wait()
    wait_for(lambda: not marked(mark))

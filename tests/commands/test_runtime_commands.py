"""`cogc runtime` and the commands about its coglets, as processes: what they print, and how they end."""

from __future__ import annotations

import contextlib
import gc
import io
import itertools
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cogc import cli
from cogc.commands import runtime, runtime_client
from support.cli import cogc, cogc_here
from support.console import commands
from support.paths import ROOT
from support.processes import marked, unique_seconds
from support.runtimes import doubler, folder, printer
from support.waiting import DEADLINE, wait_for

COGLET = [sys.executable, "-c", "import sys; from cogc.cli import coglet; sys.exit(coglet())"]


class Shell:
    """Runs the commands of `coglet` against one runtime."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.env = {**os.environ, "COGC_STATE": str(place / "state")}
        started = self.run("runtime", "start", "-p", "0")
        found = re.fullmatch(r"coglet runtime started \(pid=(\d+), port=(\d+)\)\n", started.stdout)
        assert found, started.stdout + started.stderr
        self.pid, self.port = int(found[1]), found[2]

    def run(self, *words: str, input: str | None = None) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*COGLET, *words],
            capture_output=True,
            text=True,
            cwd=self.place,
            env=self.env,
            timeout=DEADLINE,
            input=input,
        )
        assert "Traceback" not in done.stderr + done.stdout, done.stderr
        return done

    def __call__(self, *words: str) -> str:
        """What a command prints that ends well."""
        done = self.run(*words, "-p", self.port)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout.removesuffix("\n")

    def refused(self, *words: str) -> str:
        """The line of a command that is refused."""
        done = self.run(*words, "-p", self.port)
        assert (done.returncode, done.stdout) == (1, ""), done.stdout
        return done.stderr.removesuffix("\n")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    made = Shell(tmp_path)
    try:
        yield made
    finally:
        made.run("runtime", "stop", "-p", made.port)
        wait_for(lambda: not alive(made.pid))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_system_is_put_together_watched_and_taken_apart(shell: Shell) -> None:
    d, p = shell("create", doubler(shell.place)), shell("create", printer(shell.place), "--set", "label=loud")
    assert re.fullmatch(r"doubler-[0-9a-f]{4}", d) and re.fullmatch(r"printer-[0-9a-f]{4}", p)
    assert shell("link", d) == f"{d} (DoublerCoglet)\n  transmit: output\n  listen:   input"
    assert shell("links") == "no links."
    assert shell("link", f"{d}:output", f"{p}:input") == f"{d}:output -> {p}:input"
    assert shell("links") == f"  {d}:output -> {p}:input"
    watching = subprocess.Popen(
        [*COGLET, "observe", f"{p}:output", "-p", shell.port, "--follow"], stdout=subprocess.PIPE, text=True
    )
    assert watching.stdout is not None
    wait_for(lambda: f"output(1 subs)\n\n  {d}" in shell("runtime", "status"))
    assert shell("transmit", f"{d}:input", "21") == f"transmitted on {d}:input"
    assert watching.stdout.readline() == '{"label": "loud", "n": 1, "value": 42}\n'
    assert shell("enact", p, "reset") == f"sent 'reset' to {p}"
    assert shell("runtime", "status").split("\n") == [
        "CogletRuntime",
        f"├── DoublerCoglet ({d}) [LifeLet]",
        "│   channels: output(1 subs), input(0 subs)",
        f"└── PrinterCoglet ({p}) [LifeLet]",
        "    channels: output(1 subs)",
        "",
        f"  {d}  DoublerCoglet  children=0  channels=[input, output]",
        f"  {p}  PrinterCoglet  children=0  channels=[input, output]",
        "",
        f"  {d}:output -> {p}:input",
    ]
    assert shell("unlink", f"{d}:output", f"{p}:input") == f"unlinked {d}:output -> {p}:input"
    assert shell("stop", p) == f"stopped PrinterCoglet (id={p}) + 0 children"
    assert (watching.wait(DEADLINE), watching.stdout.read()) == (0, "")
    watching.stdout.close()
    assert shell("runtime", "stop") == "shutting down"
    wait_for(lambda: not alive(shell.pid))
    gone = shell.refused("links")
    assert gone.startswith(f"error: cannot connect to runtime on port {shell.port}: ")


def test_what_is_wrong_is_a_line_and_an_exit_code(shell: Shell) -> None:
    d = shell("create", doubler(shell.place))
    (shell.place / "bad.cog").write_text("coglet Main { on x { } }")
    assert shell.refused("create", "/nope") == "error: '/nope' is not a directory"
    assert "[COG" in shell.refused("create", "bad.cog")
    assert shell.refused("observe", "nothing") == "error: expected 'id:channel', got 'nothing'"
    assert shell.refused("transmit", d, "1") == f"error: expected 'id:channel', got '{d}'"
    assert shell.refused("observe", "x-1:a") == "error: no coglet with id 'x-1'"
    assert shell.refused("unlink", f"{d}:a", f"{d}:b") == "error: link not found"
    assert shell.refused("create", doubler(shell.place / "b"), "--set", "x=1").startswith(
        "error: `DoublerCoglet` has no"
    )
    assert "TypeError" in shell.refused("transmit", f"{d}:input", '{"a": 1}')
    assert shell("runtime", "status") == "CogletRuntime (empty)\n\nno coglets running."
    taken = shell.run("runtime", "start", "-p", shell.port)
    assert (taken.returncode, taken.stdout) == (1, "") and "is in use" in taken.stderr
    logs = list((shell.place / "state").glob("**/runtimes/*"))  # that of the runtime goes on, the other one is gone
    assert [log.name for log in logs] == [f"{shell.port}.log"] and "TypeError" in logs[0].read_text()


def test_a_runtime_that_hangs_in_its_start_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "t.jsonl")  # nobody reads it, so that whoever opens it waits
    monkeypatch.setattr(runtime, "PATIENCE", 0.1)
    done = cogc_here("runtime", "start", "-p", "0", "--trace", "t.jsonl", "--state", "state", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: the runtime took no requests within 0.1 s, and was ended\n"


def test_an_observation_ends_when_nobody_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(runtime_client, "events", lambda *_: itertools.repeat("1"))
    monkeypatch.setattr(runtime_client, "stdout_is_lost", lambda: len(written) == 2)
    runtime_client.observe(1, "a:b", True, written.append)
    assert written == ["1\n", "1\n"]


def test_long_data_goes_as_a_body(shell: Shell) -> None:
    p = shell("create", printer(shell.place))
    shell("transmit", f"{p}:input", '"' + "x" * 50_000 + '"')
    done = cogc("observe", f"{p}:output", "-p", "1")
    assert done.returncode == 1 and done.stderr.startswith("error: cannot connect to runtime on port 1: ")


def test_the_shell_takes_the_same_words(shell: Shell) -> None:
    d = shell("create", doubler(shell.place))
    words = f"coglets\nlink\nlink {d}\nwhat\ntransmit {d}:input 4\n\nstop {d}\ntree\nexit\n"
    done = shell.run("shell", "-p", shell.port, input=words)
    assert done.returncode == 0 and done.stderr == ""
    said = [line.removeprefix("coglet> ") for line in done.stdout.split("\n")]
    assert said == [
        "coglet shell. Type help or ? for commands.",
        "",
        f"  {d}  DoublerCoglet",
        "  error: usage: link ID, link ID:CHANNEL ID:CHANNEL",
        f"{d} (DoublerCoglet)",
        "  transmit: output",
        "  listen:   input",
        "  error: there is no command 'what'",
        f"transmitted on {d}:input",
        f"coglet> stopped DoublerCoglet (id={d}) + 0 children",
        "CogletRuntime (empty)",
        "",
    ]


def test_a_signal_ends_a_runtime_in_good_order_with_its_trace_whole(tmp_path: Path) -> None:
    trace, port = tmp_path / "trace.jsonl", "0"
    made = subprocess.Popen(
        [*COGLET, "runtime", "start", "--foreground", "-p", port, "--trace", str(trace)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "COGC_STATE": str(tmp_path / "state")},
    )
    assert made.stdout is not None
    port = made.stdout.readline().rpartition("port=")[2].rstrip(")\n")
    code = "from coglet import Coglet, LifeLet\nclass Last(Coglet, LifeLet):\n  async def on_stop(self):\n    print('bye')\n"
    subprocess.run(
        [*COGLET, "create", folder(tmp_path, "last", code, "Last"), "-p", port], check=True, capture_output=True
    )
    made.send_signal(signal.SIGTERM)
    assert made.wait(DEADLINE) == 143
    assert made.stdout.read() == "bye\n"
    made.stdout.close()
    lines = trace.read_text().splitlines()
    assert '"kind":"stop","path":"CogletRuntime"' in lines[-1]


def test_a_recorded_runtime_is_replayed_to_the_byte(tmp_path: Path) -> None:
    first, again, record = (tmp_path / name for name in ("a.jsonl", "b.jsonl", "journal.jsonl"))
    words = ["runtime", "start", "--foreground", "-p", "0", "--trace", str(first), "--record", str(record)]
    env = {**os.environ, "COGC_STATE": str(tmp_path / "state")}
    made = subprocess.Popen([*COGLET, *words], stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=env)
    assert made.stdout is not None
    port = made.stdout.readline().rpartition("port=")[2].rstrip(")\n")
    place = Path(doubler(tmp_path))

    def coglet(*words: str) -> str:
        done = subprocess.run([*COGLET, *words, "-p", port], capture_output=True, text=True, cwd=tmp_path, env=env)
        return done.stdout.strip()

    d, p = coglet("create", str(place)), coglet("create", printer(tmp_path))
    coglet("link", f"{d}:output", f"{p}:input")
    coglet("transmit", f"{d}:input", "21")
    coglet("transmit", f"{d}:input", '{"a": 1}')  # which fails it
    coglet("runtime", "stop")
    assert made.wait(DEADLINE) == 0
    made.stdout.close()
    (place / "doubler.py").unlink()
    without = "import sys; sys.modules['starlette'] = None; from cogc.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", without, "runtime", "replay", record, "--trace", again], cwd=ROOT)
    assert done.returncode == 0 and first.read_bytes() == again.read_bytes()
    assert '"n":1' in again.read_text().replace(" ", "")
    assert cogc("runtime", "replay").returncode == cogc("runtime", "replay", tmp_path / "none").returncode == 2


def test_a_runtime_that_is_killed_leaves_no_process(shell: Shell) -> None:
    seconds = unique_seconds()
    (shell.place / "sleeper.cog").write_text(
        f'program nap() -> string = shell ["sleep", "{seconds}"]\n'
        "coglet Main { listen go: int\n transmit done: string\n on go as _ { done <- nap() } }\n"
    )
    id = shell("create", "sleeper.cog")
    waiting = subprocess.Popen(
        [*COGLET, "transmit", f"{id}:go", "1", "-p", shell.port], stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: bool(marked(seconds)))
    os.kill(shell.pid, signal.SIGKILL)
    assert waiting.wait(DEADLINE) == 1 and waiting.stderr is not None
    assert waiting.stderr.read().startswith("error: ")
    waiting.stderr.close()
    wait_for(lambda: not marked(seconds))


def test_the_commands_of_the_page_are_those_of_the_script() -> None:
    from cogc.cli import COGLET as words

    used = {command.split()[1] for command in commands("specs/coglet-runtime.md")}
    assert used <= set(words) and used | {"run"} == set(words)


def test_a_client_that_never_reads_does_not_hold_the_end(shell: Shell) -> None:
    code = 'from coglet import Coglet, TickLet, every\nclass Loud(Coglet, TickLet):\n  @every(2, "ms")\n'
    code += '  async def tick(self):\n    await self.transmit("out", "x" * 100_000)\n'
    id = shell("create", folder(shell.place, "loud", code, "Loud"))
    watching = subprocess.Popen([*COGLET, "observe", f"{id}:out", "-p", shell.port, "--follow"], stdout=subprocess.PIPE)
    assert watching.stdout is not None
    watching.stdout.readline()  # and no more
    try:
        shell("runtime", "stop")
        wait_for(lambda: not alive(shell.pid))
    finally:
        watching.kill()
        watching.wait()
        watching.stdout.close()


WALK = """
coglet create examples/counter.cog
coglet create examples/doubler.cog
coglet create examples/printer.cog
coglet link counter-a3f1
coglet link counter-a3f1:count doubler-b2c4:count
coglet link doubler-b2c4:doubled printer-d5e6:doubled
coglet transmit doubler-b2c4:count 42
coglet observe printer-d5e6:log --follow
coglet enact printer-d5e6 reset
coglet links
coglet runtime status
coglet unlink counter-a3f1:count doubler-b2c4:count
coglet stop counter-a3f1
coglet runtime stop
"""
"""The walk of the first system's README behind `coglet runtime start`, with its words and its ids."""
EXAMPLES_OF_WALK = {
    "counter": """
class CounterCoglet(Coglet, LifeLet):
    async def on_start(self):
        self.count = 0

    @enact("step")
    async def step(self, _=None):
        self.count += 1
        await self.transmit("count", self.count)
""",
    "doubler": """
class DoublerCoglet(Coglet):
    @listen("count")
    async def double(self, n):
        await self.transmit("doubled", n * 2)
""",
    "printer": """
class PrinterCoglet(Coglet, LifeLet):
    async def on_start(self):
        self.lines = 0

    @listen("doubled")
    async def show(self, n):
        self.lines += 1
        await self.transmit("log", f"{self.lines}: {n}")

    @enact("reset")
    async def reset(self, _=None):
        self.lines = 0
""",
}


def in_process(shell: Shell, words: list[str]) -> subprocess.CompletedProcess[str]:
    """Do in this process what the script `coglet` does."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(shell.place), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = cli.coglet([*words, "-p", shell.port])
        finally:
            gc.enable()
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def test_the_walk_of_the_first_readme_word_by_word(shell: Shell) -> None:
    for name, code in EXAMPLES_OF_WALK.items():
        text = f"from coglet import Coglet, LifeLet, enact, listen\n{code}"
        folder(shell.place / "examples", name, text, f"{name.title()}Coglet")
    ids: dict[str, str] = {}
    said: dict[str, str] = {}
    follows = None

    def coglet(line: str) -> str:
        for known, id in ids.items():
            line = line.replace(known, id)
        done = in_process(shell, line.split()[1:])
        assert done.returncode == 0 and done.stderr == "", line + done.stderr
        return done.stdout.removesuffix("\n")

    for line in WALK.split("\n")[1:-1]:
        if line.startswith("coglet create"):
            id = coglet(line)
            name = id.partition("-")[0]
            assert re.fullmatch(r"(counter|doubler|printer)-[0-9a-f]{4}", id) and line.endswith(f"/{name}.cog")
            ids[next(word for word in WALK.replace(":", " ").split() if word.startswith(f"{name}-"))] = id
        elif line.endswith("--follow"):
            words = line.replace("printer-d5e6", ids["printer-d5e6"]).split()[1:]
            follows = subprocess.Popen([*COGLET, *words, "-p", shell.port], stdout=subprocess.PIPE, text=True)
            wait_for(lambda: "log(1 subs)" in coglet("coglet runtime status"))
            coglet("coglet transmit doubler-b2c4:count 21")
            coglet("coglet enact counter-a3f1 step")
        else:
            said[line.removeprefix("coglet ")] = coglet(line)
    assert follows is not None and follows.stdout is not None
    assert follows.communicate(timeout=DEADLINE)[0] == '"2: 42"\n"3: 2"\n' and follows.returncode == 0
    c, d, p = ids["counter-a3f1"], ids["doubler-b2c4"], ids["printer-d5e6"]
    assert said == {
        "link counter-a3f1": f"{c} (CounterCoglet)\n  transmit: count",
        "link counter-a3f1:count doubler-b2c4:count": f"{c}:count -> {d}:count",
        "link doubler-b2c4:doubled printer-d5e6:doubled": f"{d}:doubled -> {p}:doubled",
        "transmit doubler-b2c4:count 42": f"transmitted on {d}:count",
        "enact printer-d5e6 reset": f"sent 'reset' to {p}",
        "links": f"  {c}:count -> {d}:count\n  {d}:doubled -> {p}:doubled",
        "runtime status": "\n".join(
            [
                "CogletRuntime",
                f"├── CounterCoglet ({c}) [LifeLet]",
                "│   channels: count(1 subs)",
                f"├── DoublerCoglet ({d})",
                "│   channels: doubled(1 subs), count(0 subs)",
                f"└── PrinterCoglet ({p}) [LifeLet]",
                "    channels: log(1 subs)",
                "",
                f"  {c}  CounterCoglet  children=0  channels=[count]",
                f"  {d}  DoublerCoglet  children=0  channels=[count, doubled]",
                f"  {p}  PrinterCoglet  children=0  channels=[doubled, log]",
                "",
                f"  {c}:count -> {d}:count",
                f"  {d}:doubled -> {p}:doubled",
            ]
        ),
        "unlink counter-a3f1:count doubler-b2c4:count": f"unlinked {c}:count -> {d}:count",
        "stop counter-a3f1": f"stopped CounterCoglet (id={c}) + 0 children",
        "runtime stop": "shutting down",
    }

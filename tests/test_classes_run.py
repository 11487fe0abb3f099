"""Folders and scripts of the first system under `cogc run`: output, traces, replay, models, and every way to go wrong."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from support.cli import cogc

FEED = '''
"""Says numbers. The folder beside this one builds on it."""
import asyncio
from coglet import Coglet, LifeLet, TickLet, every, listen

class Feed(Coglet, LifeLet, TickLet):
    def __init__(self, start: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.n = start
    async def on_start(self):
        print(f"[feed] from {self.n}")
    @every(2, "s")
    async def beat(self):
        await self.transmit("number", self.n)
        self.n += 1
    @listen("again")
    async def again(self, n):
        self.n = n
    async def on_stop(self):
        print(f"[feed] stopped at {self.n}")
'''
TEAM = """
import asyncio, sys
from pathlib import Path
from coglet import CogBase, Coglet, Command, LifeLet, LogLet, listen, enact
from coglet.mullet import MulLet
beside = str(Path(__file__).parent.parent / "feed.cog")
if beside not in sys.path:
    sys.path.insert(0, beside)
from feed import Feed

class Worker(Coglet, LifeLet, LogLet):
    def __init__(self, name="w", **kwargs):
        super().__init__(**kwargs)
        self.name = name
    async def on_start(self):
        await self.log("info", f"{self.name} is there")
    @listen("job")
    async def job(self, n):
        await asyncio.sleep(1)
        await self.transmit("done", {"by": self.name, "n": n * n})
    async def on_stop(self):
        print(f"  [{self.name}] stopped")

class Team(Coglet, LifeLet, MulLet):
    async def on_start(self):
        self.feed = await self.create(CogBase(cls=Feed, label="Feed", kwargs={"start": 3}))
        for i in range(2):
            self._mul_children.append(await self.create(CogBase(Worker, {"name": f"worker-{i}"})))
        for worker in self._mul_children:
            self.link(self.feed, "number", worker, "job")
            self.link(worker, "done", self.handle, "from-workers")
        asyncio.create_task(self.watch())
        print("[team] ready")
    async def watch(self):
        async for entry in self.observe(self._mul_children[0], "log"):
            print("[team] heard", entry["data"])
    @listen("from-workers")
    async def on_done(self, result):
        print(f"[team] {result['by']}: {result['n']}")
        await self.transmit("to-all", result["n"])
    @enact("restart-feed")
    async def restart(self, data):
        await self.feed.coglet._dispatch_listen("again", data)
    async def on_stop(self):
        print("[team] stopped")
"""


def folder(place: Path, name: str, cls: str, code: str, more: str = "") -> None:
    made = place / f"{name}.cog"
    made.mkdir(exist_ok=True)
    (made / "manifest.toml").write_text(f'[coglet]\nclass = "{name}.{cls}"\n{more}')
    (made / f"{name}.py").write_text(code)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder(tmp_path, "feed", "Feed", FEED)
    folder(tmp_path, "team", "Team", TEAM)
    return tmp_path


WHOLE = """[feed] from 3
[team] ready
[team] worker-0: 9
[team] worker-1: 9
to_all: 9
to_all: 9
[team] worker-0: 16
[team] worker-1: 16
to_all: 16
to_all: 16
  [worker-1] stopped
  [worker-0] stopped
[feed] stopped at 5
[team] stopped
"""


def test_a_folder_prints_what_it_prints_on_asyncio(place: Path) -> None:
    done = cogc("check", "team.cog", "feed.cog", cwd=place)
    assert (done.returncode, done.stdout) == (0, "no problems in 2 files\n"), done.stdout
    for _ in range(2):
        done = cogc("run", "team.cog", "--sim", "--for", "5500ms", cwd=place)
        assert (done.returncode, done.stdout) == (0, WHOLE), done.stderr
    assert "0.000 info  Main/team/Worker-2: worker-1 is there" in done.stderr and "lost" not in done.stderr


def test_a_base_in_a_folder_beside_it_counts_for_the_declaration(place: Path) -> None:
    code = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent.parent / "feed.cog"))
from feed import Feed
class Faster(Feed):
    pass
"""
    folder(place, "faster", "Faster", code)
    done = cogc("run", "faster.cog", "--sim", "--for", "3s", "--set", "start=7", "--input", "again=40", cwd=place)
    assert done.stdout == "[feed] from 7\nnumber: 40\n[feed] stopped at 41\n", done.stderr


def test_a_replay_runs_none_of_the_code(place: Path) -> None:
    done = cogc("run", "team.cog", "--sim", "--for", "3s", "--record", "j", "--trace", "a.jsonl", cwd=place)
    assert done.returncode == 0, done.stderr
    built = cogc("build", "team.cog", "-o", "team.json", cwd=place)
    assert built.returncode == 0, built.stderr
    for path in place.glob("*.cog/*.py"):
        path.unlink()
    done = cogc("run", "team.json", "--replay", "j", "--trace", "b.jsonl", cwd=place)
    assert (done.returncode, done.stdout) == (0, "to_all: 9\nto_all: 9\n"), done.stderr
    assert (place / "a.jsonl").read_bytes() == (place / "b.jsonl").read_bytes()
    found = [json.loads(line) for line in (place / "a.jsonl").read_text().splitlines()]
    kinds = [r["kind"] for r in found if r["path"] == "Main/team/Worker"]
    assert kinds == ["create", "log", "transmit", "start", "deliver", "transmit", "call", "result", "stop"] or kinds[
        :5
    ] == ["create", "start", "log", "transmit", "deliver"], kinds


BOOT = """
import asyncio, sys
from coglet import CogBase, Coglet, CogletRuntime, LifeLet
class A(Coglet, LifeLet):
    async def on_stop(self):
        print("stopped")
runtime = CogletRuntime()
async def main():
    await runtime.run(CogBase(A))
    BODY
    return 5
print("result", asyncio.run(main()))
"""


@pytest.mark.parametrize(
    ("body", "code", "out", "err"),
    [
        ("await asyncio.sleep(1e6)", 0, "stopped\nresult 5\n", ""),
        ("raise ValueError('no')", 3, "stopped\n", "cogc: the run failed: ValueError: no (boot.py:10)\n"),
        ("sys.exit('error: not today')", 1, "stopped\n", "error: not today\n"),
        ("sys.exit(7)", 7, "stopped\n", ""),
        ("sys.exit()", 0, "stopped\n", ""),
        ("await asyncio.to_thread(sys.exit, 7)", 7, "stopped\n", ""),
        ("await asyncio.to_thread(next, iter(()))", 3, "stopped\n", "RuntimeError: a function raised StopIteration"),
        ("asyncio.create_task(asyncio.wait_for(asyncio.sleep(9), 1)); await asyncio.sleep(2)", 0, "stopped\nresult 5\n",
         # from Python 3.12 on, the task is in a circle of references, and Python tells of it when it collects that
         "    1.000 error Main: a task failed: TimeoutError: \n" if sys.version_info < (3, 12) else ""),
        ("await asyncio.open_connection('127.0.0.1', 1)", 3, "stopped\n", "the loop of a run has no sockets of its own"),
        ("await asyncio.get_running_loop().create_future()", 3, "stopped\n", "cogc: Main: on start never ended"),
    ],
)  # fmt: skip
def test_a_script_runs_and_ends(tmp_path: Path, body: str, code: int, out: str, err: str) -> None:
    (tmp_path / "boot.py").write_text(BOOT.replace("BODY", body))
    done = cogc("run", "boot.py", "--sim", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, out), done.stderr
    assert err in done.stderr and (err or not done.stderr)


def test_a_script_is_recorded_and_replayed(tmp_path: Path) -> None:
    (tmp_path / "boot.py").write_text(BOOT.replace("BODY", "await asyncio.sleep(3)"))
    done = cogc("run", "boot.py", "--sim", "--record", "j", "--trace", "a.jsonl", cwd=tmp_path)
    assert done.returncode == 0
    (tmp_path / "boot.py").write_text("raise SystemExit('it is not run')")
    done = cogc("run", "boot.py", "--replay", "j", "--trace", "b.jsonl", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("code", "exit", "said"),
    [
        ("x = 1 / 0\n", 1, "cogc: boot.py:1: ZeroDivisionError: division by zero\n"),
        ("x = 1\ndef (\n", 1, "cogc: boot.py:2: SyntaxError: invalid syntax"),
        ("import nothing_at_all\n", 1, "cogc: boot.py:1: ModuleNotFoundError: No module named 'nothing_at_all'\n"),
        ("from coglet import Nothing\n", 1, "cogc: boot.py:1: ImportError: cannot import name 'Nothing'"),
        ("x = 1\n", 1, "cogc: boot.py: it has ended without a call of `asyncio.run`, so that nothing ran\n"),
        ("raise SystemExit('bye')\n", 1, "bye\n"),
    ],
)
def test_what_is_wrong_with_a_script_is_one_line(tmp_path: Path, code: str, exit: int, said: str) -> None:
    (tmp_path / "boot.py").write_text(code)
    done = cogc("run", "boot.py", cwd=tmp_path)
    assert done.returncode == exit and done.stderr.startswith(said) and done.stderr.count("\n") == 1, done.stderr


def test_a_script_that_is_not_there_and_one_to_check(tmp_path: Path) -> None:
    done = cogc("run", "boot.py", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "cogc: there is no file `boot.py`\n")
    (tmp_path / "boot.py").write_text("")
    done = cogc("check", "boot.py", cwd=tmp_path)
    assert done.returncode == 2 and "is a script: `cogc run` runs it" in done.stderr


ASKS = """
import os, sys
import anthropic
from coglet import CogBase, Coglet, LifeLet, LLMExecutor, ProgLet, Program, enact
class Juror(Coglet, LifeLet, ProgLet):
    async def on_start(self):
        self.executors["llm"] = LLMExecutor(anthropic.Anthropic(api_key="x"))
        self.programs["look"] = Program("code", fn=lambda given: f"looked at {given['what']}")
        self.programs["vote"] = Program(
            "llm", system=lambda context: f"a juror on {context}", tools=["look"], parser=str.upper, config={"max_turns": 2}
        )
        print(await self.invoke("vote", "tabs"))
"""


def test_a_model_is_asked_through_the_run(tmp_path: Path) -> None:
    folder(tmp_path, "juror", "Juror", ASKS)
    (tmp_path / "r.yaml").write_text(
        '- tools: [{name: look, input: {what: it}}]\n  usage: {input: 30, output: 4}\n- reply: "yes"\n'
    )
    words = ("run", "juror.cog", "--sim", "--model", "llm=scripted:r.yaml", "--record", "j", "--trace", "a.jsonl")
    done = cogc(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "YES\n"), done.stderr
    assert re.search(r"Juror +llm +2 +~\d+ +0 +~\d+ +unknown", done.stderr), done.stderr
    asked = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [r["kind"] for r in asked if r["kind"] in ("ask", "reply")] == ["ask", "reply"] * 2
    done = cogc("run", "juror.cog", *words[3:5], "--replay", "j", "--trace", "b.jsonl", cwd=tmp_path)
    assert done.returncode == 0 and (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    done = cogc("run", "juror.cog", "--sim", "--budget", "tokens=1", *words[3:5], cwd=tmp_path)
    assert done.returncode == 3 and "budget" in done.stderr


def test_without_a_key_there_is_one_line(tmp_path: Path) -> None:
    folder(tmp_path, "juror", "Juror", ASKS)
    done = cogc("run", "juror.cog", cwd=tmp_path, ANTHROPIC_API_KEY="")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: model `llm` needs a key") and done.stderr.count("\n") == 1
    folder(tmp_path, "juror", "Juror", ASKS.replace("class Juror", "sys.exit('error: no key')\nclass Juror"))
    done = cogc("run", "juror.cog", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "error: no key\n")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import nothing_at_all\n" + FEED, "module `feed`: ModuleNotFoundError: No module named 'nothing_at_all'"),
        (FEED.replace("self.n = start", "self.n = begin"), "NameError: name 'begin' is not defined"),
        (FEED.replace('print(f"[feed] from {self.n}")', "raise ValueError('no start')"), "feed (start): ValueError: no start"),
        (FEED.replace("self.n = n", "self.n = n['x']"), "feed (again): TypeError: 'int' object is not subscriptable"),
        (FEED.replace("start: int = 1, **kwargs", "start: int = 1"), "NameError"),
    ],
)  # fmt: skip
def test_what_fails_in_a_folder_is_a_failure_with_its_words(tmp_path: Path, code: str, said: str) -> None:
    folder(tmp_path, "feed", "Feed", code)
    done = cogc("run", "feed.cog", "--sim", "--for", "1s", "--input", "again=4", cwd=tmp_path)
    assert done.returncode == 3 and said in done.stderr, done.stderr


def test_a_hook_that_never_ends_is_said_and_holds_nothing(tmp_path: Path) -> None:
    folder(
        tmp_path,
        "feed",
        "Feed",
        FEED.replace('print(f"[feed] from {self.n}")', "await asyncio.get_running_loop().create_future()"),
    )
    done = cogc("run", "feed.cog", "--sim", cwd=tmp_path)
    assert done.returncode == 3 and "Main/feed: on start never ended" in done.stderr


def test_objects_go_between_coglets_and_the_journal_notes_it(tmp_path: Path) -> None:
    code = """
from coglet import CogBase, Coglet, LifeLet, listen
class Thing: pass
class Child(Coglet):
    @listen("thing")
    async def thing(self, thing):
        print(type(thing).__name__, thing is Child.sent)
class Owner(Coglet, LifeLet):
    async def on_start(self):
        child = await self.create(CogBase(Child))
        Child.sent = Thing()
        self.link(self.handle, "out", child, "thing")
        await self.transmit("out", Child.sent)
"""
    folder(tmp_path, "owner", "Owner", code)
    done = cogc("run", "owner.cog", "--sim", "--record", "j", cwd=tmp_path)
    assert done.returncode == 0 and "Thing True\n" in done.stdout, done.stderr
    assert '"opaque"' in (tmp_path / "j").read_text()


def test_causes_lead_from_an_output_back_to_its_input(tmp_path: Path) -> None:
    code = """
import asyncio
from coglet import CogBase, Coglet, LifeLet, listen
class Worker(Coglet):
    @listen("job")
    async def job(self, n):
        await asyncio.sleep(n)
        await self.transmit("done", n + 1)
class Owner(Coglet, LifeLet):
    async def on_start(self):
        worker = await self.create(CogBase(Worker))
        self.link(self.handle, "out", worker, "job")
        self.link(worker, "done", self.handle, "back")
    @listen("ask")
    async def ask(self, n):
        await self.transmit("out", n)
    @listen("back")
    async def back(self, n):
        await self.transmit("answer", n)
"""
    folder(tmp_path, "owner", "Owner", code)
    words = ("--input", "ask=3", "--input", "ask=1 at 5s", "--trace", "t.jsonl")
    done = cogc("run", "owner.cog", "--sim", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    records = {r["seq"]: r for r in map(json.loads, (tmp_path / "t.jsonl").read_text().splitlines())}
    found = []
    for record in records.values():
        if record["kind"] == "output" and record["channel"] == "answer":
            answer = record["data"]
            while record["cause"]:
                record = records[record["cause"]]
            found.append((answer, record["kind"], record["data"]))
    assert found == [(4, "input", 3), (2, "input", 1)]


@pytest.mark.parametrize("end", [["--sim", "--for", "200ms"], ["--until", "len(spins) > 0"]])
def test_a_task_that_goes_on_and_on_ends_with_its_coglet(tmp_path: Path, end: list[str]) -> None:
    code = """
import asyncio
from coglet import Coglet, LifeLet
class Spins(Coglet, LifeLet):
    async def on_start(self):
        asyncio.create_task(self.spin())
    async def spin(self):
        await self.transmit("spins", True)
        while True:
            await asyncio.sleep(0)
    async def on_stop(self):
        print("stopped")
"""
    folder(tmp_path, "spins", "Spins", code)
    done = cogc("run", "spins.cog", *end, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "spins: true\nstopped\n"), done.stderr


def test_a_process_reads_and_writes_files_and_takes_no_option_that_would_do_nothing(tmp_path: Path) -> None:
    code = """
import asyncio, os
from coglet import Coglet, LifeLet
PIPE = asyncio.subprocess.PIPE
class Works(Coglet, LifeLet):
    async def on_start(self):
        with open("in.txt", "rb") as given, open("out.txt", "wb") as taken, open("err.txt", "ab") as wrong:
            process = await asyncio.create_subprocess_exec("sh", "-c", "wc -c; echo no >&2", stdin=given, stdout=taken.fileno(), stderr=wrong)
        print(await process.wait())
        process = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, start_new_session=True)
        print(await process.communicate())
        with open("/dev/full", "wb") as full:
            process = await asyncio.create_subprocess_exec("echo", "x", stdout=full)
        print(await process.wait())
        for options in ({"preexec_fn": os.setsid}, {"umask": 7}, {"text": True}, {"pass_fds": (1,)}):
            try:
                await asyncio.create_subprocess_exec("true", **options)
            except ValueError as error:
                print(error)
        try:
            await asyncio.create_subprocess_exec("true", stdout=99)
        except OSError as error:
            print(error.strerror)
"""
    folder(tmp_path, "works", "Works", code)
    (tmp_path / "in.txt").write_bytes(bytes(200_000))
    done = cogc("run", "works.cog", "--sim", cwd=tmp_path)
    wanted = "0\n(b'', None)\n0\na process of a run takes no `preexec_fn=<built-in function setsid>`\n"
    wanted += "a process of a run takes no `umask=7`\na process of a run takes no `text=True`\n"
    wanted += "a process of a run takes no `pass_fds=(1,)`\nBad file descriptor\n"
    assert (done.returncode, done.stdout) == (0, wanted), done.stdout + done.stderr
    assert done.stderr == "cogc: warning: a file of a process: no space left on device\n"
    assert ((tmp_path / "out.txt").read_text().strip(), (tmp_path / "err.txt").read_text()) == ("200000", "no\n")


def test_processes_and_threads_hold_the_clock_where_somebody_waits(tmp_path: Path) -> None:
    code = """
import asyncio, time
from coglet import Coglet, LifeLet
PIPE = asyncio.subprocess.PIPE
class Works(Coglet, LifeLet):
    async def on_start(self):
        asyncio.create_task(self.tick())
        print(await asyncio.to_thread(lambda: time.sleep(0.05) or 7))
        process = await asyncio.create_subprocess_shell("echo one; sleep 0.1; echo two", stdout=PIPE)
        print([line async for line in process.stdout], await process.wait())
        process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
        print(await process.communicate(b"abc"), process.returncode)
        process = await asyncio.create_subprocess_exec("sleep", "1000")
        process.terminate()
        print(await process.wait())
        try:
            await asyncio.create_subprocess_exec("no-such-command")
        except FileNotFoundError as error:
            print(error.filename)
        print(asyncio.get_running_loop().time())
        await asyncio.create_subprocess_exec("sleep", "MARK")
    async def tick(self):
        await asyncio.sleep(100)
        print("later")
"""
    mark = f"98{abs(hash(str(tmp_path))) % 10**6:06d}"
    folder(tmp_path, "works", "Works", code.replace("MARK", mark))
    done = cogc("run", "works.cog", "--sim", cwd=tmp_path)
    wanted = "7\n[b'one\\n', b'two\\n'] 0\n(b'abc', None) 0\n-15\nno-such-command\n0.0\nlater\n"
    assert (done.returncode, done.stdout) == (0, wanted), done.stderr
    assert not any(mark.encode() in _words(path) for path in Path("/proc").glob("[0-9]*/cmdline"))


def _words(path: Path) -> bytes:
    """The words of a process, none if it has gone."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_the_graph_of_a_registry_is_served(tmp_path: Path) -> None:
    pytest.importorskip("hypercorn")
    code = """
import asyncio, json, urllib.request
from coglet import CogBase, Coglet, CogletRuntime, LifeLet
from coglet.weblet import CogWebRegistry, WebLet
from cogweb.ui import CogWebUI
import coglet.ui
class Node(Coglet, WebLet, LifeLet):
    pass
def get(path):
    with urllib.request.urlopen(f"http://127.0.0.1:{ui.port}{path}", timeout=30) as reply:
        return reply.read().decode()
async def main():
    global ui
    registry, runtime = CogWebRegistry(), CogletRuntime()
    ui = CogWebUI(registry, port=0)
    assert coglet.ui.CogWebUI is CogWebUI
    await ui.start()
    await runtime.spawn(CogBase(Node, {"cogweb": registry}))
    found = json.loads(await asyncio.to_thread(get, "/api/graph"))
    print([node["class_name"] for node in found["nodes"].values()], found["edges"])
    try:
        await CogWebUI(registry, port=ui.port).start()
    except OSError as error:
        print("taken")
    await runtime.shutdown()
    print(json.loads(await asyncio.to_thread(get, "/ui/graph")))
    await ui.stop()
    try:
        await asyncio.to_thread(get, "/")
    except OSError:
        print("stopped")
asyncio.run(main())
"""
    (tmp_path / "boot.py").write_text(code)
    done = cogc("run", "boot.py", cwd=tmp_path)
    wanted = "['Node'] []\ntaken\n{'nodes': {}, 'edges': []}\nstopped\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, wanted, ""), done.stderr

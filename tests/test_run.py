"""The Trio shell: real processes, threads, clocks, journals."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from cogc.commands.usage import only
from cogc.diagnostics.problems import Problems
from cogc.ir import Model
from cogc.kernel.effects import Ask, Output
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.language.values import Duration, Failure, Time
from cogc.run import executors, expressions, journal
from cogc.run.instance import Instance, InstanceError
from cogc.run.process import run_process
from cogc.run.replay import Divergence, replay
from cogc.run.scripted import Scripted
from cogc.run.session import Session
from cogc.run.settings import Settings
from cogc.run.state import StateStore
from cogc.run.trace import TraceWriter, records
from support.cli import cogc_here
from support.paths import ROOT
from support.processes import marked, unique_seconds
from support.sessions import session
from support.specs import build
from support.state import state
from support.waiting import DEADLINE, until

# ---- processes -----------------------------------------------------------------------------------------------


def test_ten_megabytes_go_in_and_out() -> None:
    data = b"x" * (10 << 20)
    outcome = trio.run(run_process, ["cat"], data)
    assert outcome.code == 0 and outcome.stdout == data


def test_output_is_bounded() -> None:
    outcome = trio.run(run_process, ["sh", "-c", "head -c 20000000 /dev/zero"])
    assert outcome.truncated and len(outcome.stdout) == 16 << 20


@pytest.mark.parametrize(
    "child", ["sleep {0} & sleep {0}", "setsid sleep {0} & wait", "trap '' TERM; sleep {0} & wait"]
)
def test_no_grandchild_survives_a_cancel(child: str) -> None:
    mark = unique_seconds()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_process, ["sh", "-c", child.format(mark)])
            await until(lambda: len(marked(mark)) >= 2)
            nursery.cancel_scope.cancel()

    trio.run(main)
    assert marked(mark) == []


def test_a_grandchild_that_holds_the_pipes_is_not_waited_for() -> None:
    mark = unique_seconds()
    outcome = trio.run(run_process, ["sh", "-c", f"sleep {mark} & echo done"])
    assert outcome.stdout == b"done\n"
    assert marked(mark) == []


SHELL = """
program run(word: string) -> {result} = shell {words} {{ {attributes} }}
coglet Main {{
  listen word: string
  transmit out: any
  on word as w {{ out <- run(w) }} else as e {{ out <- [e.kind, e.message] }}
}}
"""


def shell(words: str, attributes: str = "timeout: 5s", result: str = "string", word: str = "w") -> Any:
    bundle = build(SHELL.format(words=words, attributes=attributes, result=result))
    return session(bundle, inputs=[("word", word)]).outputs["out"][0]


def test_shell_programs() -> None:
    assert shell('["echo", word]', word="a; b $HOME") == "a; b $HOME"
    assert shell('["cat"]', "stdin: word, timeout: 5s", word="through") == "through"
    assert shell('["sh", "-c", "echo [1,2]"]', "output: json, timeout: 5s", "[int]") == [1, 2]
    assert shell('["printf", "a\\\\nb\\\\n"]', "output: lines, timeout: 5s", "[string]") == ["a", "b"]
    assert shell('["sh", "-c", "exit 3"]', "ok: [0, 3], timeout: 5s") == ""
    assert shell('["sh", "-c", "echo $GREETING"]', 'env: { GREETING: "hi" }, timeout: 5s') == "hi"


def test_shell_programs_fail_clearly() -> None:
    assert shell('["sh", "-c", "echo oops >&2; exit 3"]') == ["program", "`sh` ended with code 3: oops"]
    assert (
        shell('["no-such-command-at-all"]')[1]
        == "`no-such-command-at-all` cannot be started: no such file or directory"
    )
    assert shell('["echo", "x"]', "timeout: 5s", "int")[0] == "program"
    assert shell('["echo", "1.5"]', "timeout: 5s", "int") == ["type", "expected int, got float 1.5"]
    assert shell('["sleep", "20"]', "timeout: 100ms") == ["timeout", "program `run` took longer than 0.1s"]


def test_a_process_stays_in_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "work" / "inside").mkdir(parents=True)
    (tmp_path / "work" / "link").symlink_to("/tmp")
    bundle = build(SHELL.format(words='["pwd"]', attributes="cwd: word, timeout: 5s", result="string"))
    said = session(
        bundle, Settings(str(tmp_path / "work")), inputs=[("word", w) for w in ("inside", "..", "link", "/")]
    ).outputs["out"]
    assert said[0] == str(tmp_path / "work" / "inside")
    assert [s[1] for s in said[1:]] == [f"the folder `{w}` lies outside the workspace" for w in ("..", "link", "/")]


GIT = """
program answer() -> int = python "behaviour:answer" { timeout: 5s }
coglet Mind with GitLet(repo: "repo") {
  listen ask: null
  transmit said: int
  on ask { said <- answer() }
}
coglet Main(patch: string) {
  transmit out: any
  state step: int = 0
  create mind = Mind
  on start { mind.ask <- null }
  on mind.committed as c { out <- c
    mind.ask <- null }
  on mind.said as n { out <- n
    step = step + 1
    if step == 1 { guide mind.commit(patch) }
    if step == 2 { guide mind.revert() }
    if step == 3 { guide mind.branch("other") }
    if step == 4 { guide mind.checkout("HEAD~1") } }
  on error(mind) as e { out <- e.message }
}
"""
PATCH = """--- a/behaviour.py
+++ b/behaviour.py
@@ -1,2 +1,2 @@
 def answer():
-    return 1
+    return 2
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "a test")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "test@example.org")
    repo = tmp_path / "repo"
    repo.mkdir()
    (repo / "behaviour.py").write_text("def answer():\n    return 1\n")
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=repo, check=True)
    return repo


def test_gitlet_commits_and_the_programs_of_its_repository_are_the_new_ones(repository: Path) -> None:
    bundle = build(GIT)
    bundle.programs["answer"] = msgspec.structs.replace(bundle.programs["answer"], folder=str(repository))
    out = session(bundle, Settings(str(repository.parent)), parameters={"patch": PATCH}).outputs["out"]
    numbers = [o for o in out if isinstance(o, int)]
    commits = [o for o in out if isinstance(o, dict)]
    assert numbers == [1, 2, 1, 1, 2]
    assert [c["branch"] for c in commits] == ["main", "main", "other", "HEAD"]
    assert commits[1]["ref"] == commits[2]["ref"] and commits[3]["ref"] == commits[0]["ref"]


def test_gitlet_wants_a_repository_of_the_workspace(repository: Path) -> None:
    (repository / "inner").mkdir()
    for repo, said in (("repo/inner", "not a git repository"), ("..", "lies outside the workspace")):
        bundle = build(
            GIT.replace('repo: "repo"', f'repo: "{repo}"').replace("mind.ask <- null", "guide mind.revert()")
        )
        made = session(bundle, Settings(str(repository.parent)), parameters={"patch": ""})
        assert said in made.outputs["out"][0]


# ---- Python --------------------------------------------------------------------------------------------------

PYTHON = """
program f(x: {type}) -> {result} = python "helpers_{name}:f" {{ timeout: {timeout} }}
coglet Main {{
  listen x: {type}
  transmit out: any
  on x as v {{ out <- f(v) }} else as e {{ out <- [e.kind, e.message] }}
}}
"""


@pytest.fixture
def python(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Any]:
    def call(code: str, value: Any, type: str = "any", result: str = "any", timeout: str = "5s") -> Session:
        name = f"{abs(hash((code, request.node.name)))}"
        (tmp_path / f"helpers_{name}.py").write_text(code)
        bundle = build(PYTHON.format(type=type, result=result, name=name, timeout=timeout))
        for key, program in bundle.programs.items():
            bundle.programs[key] = __import__("msgspec").structs.replace(program, folder=str(tmp_path))
        return session(bundle, inputs=[("x", value)])

    return call


def test_python_programs(python: Callable[..., Any]) -> None:
    assert python("def f(x):\n    return x + 1", 1).outputs["out"] == [2]
    assert python("async def f(x):\n    import trio\n    await trio.sleep(0)\n    return x * 2", 4).outputs["out"] == [
        8
    ]
    assert python("def f(x):\n    x.append(1)\n    return (x, None)", [0]).outputs["out"] == [[[0, 1], None]]
    assert python("def f(x):\n    return x * 2", "1m30s", "duration", "float").outputs["out"] == [180.0]


def test_python_programs_fail_clearly(python: Callable[..., Any]) -> None:
    assert python("def f(x):\n    return 1 / x", 0).outputs["out"] == [
        ["program", "f: ZeroDivisionError: division by zero"]
    ]
    assert python("def g(x): ...", 0).outputs["out"][0][1].endswith("has no function `f`")
    assert python("import no_such_module", 0).outputs["out"][0][0] == "program"
    assert python("def f(x):\n    return object()", 0).outputs["out"][0][0] == "type"


def test_a_sync_program_that_hangs_is_abandoned_and_named(python: Callable[..., Any]) -> None:
    code = "import sys, threading\ngo = sys.go = threading.Event()\ndef f(x):\n    go.wait()"
    done = python(code, 0, timeout="200ms")  # the run ends while the thread still waits
    assert done.outputs["out"][0][0] == "timeout" and done.executors.going == ["f"]
    sys.go.set()  # type: ignore[attr-defined]
    for _ in range(1000):
        if not done.executors.going:
            break
        threading.Event().wait(0.001)
    assert not done.executors.going


def test_a_call_that_is_cancelled_before_its_thread_begins_abandons_none(python: Callable[..., Any]) -> None:
    done = python("def f(x):\n    return x", 0).executors
    ran: list[int] = []

    async def call() -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            await done._in_thread("f", lambda: ran.append(1), {})

    trio.run(call)
    assert not ran and not done.going and done._threads.total_tokens == executors.THREADS


HANGING = """
program f(v: any) -> any = python "hanging:f" { timeout: 200ms }
coglet Main { listen x: any
  transmit out: any
  on x as v { out <- f(v) } else as e { out <- [e.kind, e.message] } }
"""


@pytest.mark.parametrize("most, last", [(3, 0), (2, "threads did not end and were abandoned; no other one is begun")])
def test_abandoned_threads_hold_no_later_call_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, last: Any
) -> None:
    monkeypatch.setattr(executors, "THREADS", 1)
    monkeypatch.setattr(executors, "MOST_ABANDONED", most)
    (tmp_path / "hanging.py").write_text(
        "import sys, threading\ngo = sys.go = threading.Event()\ndef f(v):\n    return go.wait() if v else v"
    )
    bundle = build(HANGING)
    for key, program in bundle.programs.items():
        bundle.programs[key] = msgspec.structs.replace(program, folder=str(tmp_path))
    done = session(bundle, inputs=[("x", 0), ("x", 1), ("x", 1), ("x", 0)])  # the first call imports the module
    assert done.executors.going == ["f", "f"]
    sys.go.set()  # type: ignore[attr-defined]
    outputs = done.outputs["out"][1:]
    assert [o[0] for o in outputs[:2]] == ["timeout"] * 2
    assert outputs[2] == 0 if last == 0 else last in outputs[2][1]


# ---- clocks, stopping ----------------------------------------------------------------------------------------

TICKING = (
    "coglet Main { transmit n: int\n state k: int = 0\n every 20ms { k = k + 1\n n <- k }\n on stop { n <- 0 - 1 } }"
)


def test_a_run_stops_at_its_time_and_on_stop_is_heard() -> None:
    done = session(build(TICKING), stop_at=250_000_000)
    *ticks, last = done.outputs["n"]
    assert last == -1 and ticks == list(range(1, len(ticks) + 1)) and len(ticks) <= 13


def test_virtual_time_takes_no_more_than_its_events() -> None:
    done = session(build(TICKING.replace("20ms", "20m")), sim=True, stop_at=1_200_000_000_000_000)  # two weeks
    assert len(done.outputs["n"]) == 1001


def test_until_ends_the_run_with_all_that_stopping_does() -> None:
    source = 'coglet Main { transmit n: int\n every 20ms { n <- 1 }\n on stop { log info "bye" } }'
    logged: list[Any] = []
    session(
        build(source), sim=True, until=lambda outputs: "n" in outputs, on_log=lambda entry: logged.append(entry.value)
    )
    assert logged == ["bye"]


def test_until_ends_the_run() -> None:
    done = session(build(TICKING), sim=True, until=lambda outputs: len(outputs.get("n", ())) == 3)
    assert done.met and done.outputs["n"][:3] == [1, 2, 3]


OUTPUTS = """
import resource, sys
import trio
from cogc.kernel.unit import Unit
from cogc.run.build import build_session
from cogc.run.session import RunOptions
from cogc.run.settings import Settings
from support.specs import build

TEXT = '''coglet Main { listen x: int
  transmit o: int
  on x as n { for i in range(100) { o <- n * 1000 + i }
    if n < COUNT { self.x <- n + 1 } } }'''

def grown(rounds):
    text = TEXT.replace("COUNT", str(rounds))
    made = build_session(Unit(build(text)), RunOptions(inputs=[("x", 1)]), Settings())
    trio.run(made.run)
    assert made.last["o"] == rounds * 1000 + 99 and made.outputs == {}
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

before = grown(10)
print(grown(10_000) - before)
"""


def test_the_memory_of_a_run_does_not_grow_with_its_outputs() -> None:
    """A million numbers that are kept take 40,000 KiB."""
    path = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    done = subprocess.run(
        [sys.executable, "-c", OUTPUTS],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        check=True,
    )
    assert int(done.stdout) < 12_000


@pytest.mark.parametrize(
    "condition, kept",
    [("len(a) == 2", {"a"}), ("len([x for x in b if x > a[0]]) > 1", {"a", "b"}), ("len(a) == 2 or len(a) > 5", {"a"})],
)
def test_until_keeps_the_messages_of_the_channels_that_it_names(condition: str, kept: set[str]) -> None:
    text = "coglet Main { listen x: int\n transmit a: int\n transmit b: int\n on x as n { a <- n\n b <- n } }"
    bundle, problems = build(text), Problems()
    found = expressions.until(bundle, condition, problems)
    assert found is not None and found.channels == kept
    made = session(bundle, until=found, keep=found.channels, inputs=[("x", 1), ("x", 2)])
    assert made.outputs == {channel: [1, 2] for channel in kept} and made.last == {"a": 2, "b": 2}


def test_an_outside_effect_holds_virtual_time_still() -> None:
    text = """
    program wait() -> string = shell ["sleep", "0.3"] { timeout: 5s }
    coglet Main { transmit t: string
      on start { wait()
        t <- "after the call" }
      after 1h { t <- "an hour later" } }
    """
    done = session(build(text), sim=True)
    assert done.outputs["t"] == ["after the call", "an hour later"]


def test_a_run_without_anything_to_do_ends() -> None:
    assert session(build("coglet Main { }")).outcome == "done"


def test_signals_stop_in_good_order(tmp_path: Path) -> None:
    import signal
    import subprocess

    spec = tmp_path / "x.cog"
    spec.write_text('coglet Main { transmit n: string\n every 10ms { n <- "tick" }\n on stop { n <- "bye" } }')
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        process = subprocess.Popen(
            [sys.executable, "-m", "cogc", "run", str(spec)], stdout=subprocess.PIPE, cwd=ROOT, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "n: tick\n"
        process.send_signal(number)
        rest = process.communicate(timeout=DEADLINE)[0]
        assert process.returncode == code and rest.endswith("n: bye\n")


# ---- journal, store, trace -----------------------------------------------------------------------------------


def test_a_replay_gives_the_same_trace_to_the_byte_without_the_outside(tmp_path: Path) -> None:
    text = """
    program f(x: int) -> string = shell ["sh", "-c", "sleep 0.0$1; echo $RANDOM", "f", x] { timeout: 5s }
    coglet W { listen x: int
      transmit y: string
      on x as v concurrent 3 { y <- f(v) } }
    coglet Main { transmit y: any
      create w = W * 2 { map: round_robin }
      state n: int = 0
      every 5ms when n < 8 { n = n + 1
        w.x <- n }
      on w.y as v { y <- [v, random(), str(now())] } }
    """
    bundle = build(text)
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    head = {"run": "r", "seed": 3, "epoch": 5, "program": bundle.hash}
    with first.open("wb") as trace, (tmp_path / "j").open("wb") as journaled:
        writer, kept = TraceWriter(trace), journal.Journal(journaled, head)
        session(bundle, seed=3, epoch=5, run="r", stop_at=200_000_000, trace=writer, journal=kept)
        writer.flush()
    found, events = journal.read(tmp_path / "j")
    kernel = Kernel(Unit(bundle), found["seed"], found["epoch"], True, found["run"])
    with second.open("wb") as trace:
        writer = TraceWriter(trace)
        replay(kernel, events, lambda effects: writer.write(kernel.trace.take()))
        writer.flush()
    assert first.read_bytes() == second.read_bytes() != b""


def replayed(path: Path, text: str) -> list[Any]:
    """The outputs of a replay."""
    head, events = journal.read(path)
    kernel, found = Kernel(Unit(build(text)), head["seed"], head["epoch"]), []
    replay(kernel, events, lambda effects: found.extend(e.value for e in effects if isinstance(e, Output)))
    return found


JOURNALS = ROOT / "tests" / "golden" / "journals"


@pytest.mark.parametrize(
    "given", [{"$duration": 5}, {"$$time": {"$failure": ["a", "b"]}}, {"$x": [{"$time": 1}]}, "$time"]
)
def test_a_record_that_looks_like_one_of_our_own_is_what_it_was_in_a_replay(given: Any, tmp_path: Path) -> None:
    text = (JOURNALS / "echo.cog").read_text()
    head = {"run": "r", "seed": 3, "epoch": 5, "program": ""}
    with (tmp_path / "j").open("wb") as file:
        made = session(build(text), inputs=[("a", given)], seed=3, epoch=5, journal=journal.Journal(file, head))
    (first,) = made.outputs["y"]
    assert first[0] == given and first[2] == {"$time": 5} and replayed(tmp_path / "j", text) == [first]


@pytest.mark.parametrize("version", [3, 4, 5, 6])
def test_journals_of_the_versions_before_are_replayed(version: int) -> None:
    """The checksums of version 6 did not cover those before them, 5 had no snapshots. Those before had no places of calls, and nothing that a resume needs; 3 did not say where a step was
    cut short."""
    found = replayed(JOURNALS / f"version-{version}.jsonl", (JOURNALS / "echo.cog").read_text())
    assert [said[0] for said in found] == [7, {"$duration": 5}] and found[0][2] == {"$time": 5}


def test_a_journal_of_version_2_is_replayed() -> None:
    """It was written before records of the user's were told from our own: what looks like a time is a time there."""
    (found,) = replayed(JOURNALS / "version-2.jsonl", (JOURNALS / "echo.cog").read_text())
    assert found[:2] == [7, [7, Duration(90 * 10**9)]] and found[2] == Time(5)


def test_a_kept_state_that_looks_like_one_of_our_own_is_what_it_was(tmp_path: Path) -> None:
    text = """coglet Main { listen a: any
      transmit o: any
      state k: any = null persist
      on a as v { o <- k
        k = [v, 90s] } }"""
    assert kept(tmp_path, text, ("a", {"$duration": 5})) == [None]
    assert kept(tmp_path, text, ("a", 1)) == [[{"$duration": 5}, Duration(90 * 10**9)]]


def test_a_replay_says_where_it_departs(tmp_path: Path) -> None:
    text = 'program f(x: int) -> string = shell ["echo", x]\ncoglet Main { listen x: int\n transmit y: string\n on x as v { y <- f(v + 1) } }'
    bundle = build(text)
    with (tmp_path / "j").open("wb") as file:
        session(
            bundle, inputs=[("x", 1)], journal=journal.Journal(file, {"run": "", "seed": 0, "epoch": 0, "program": ""})
        )
    _, events = journal.read(tmp_path / "j")
    other = build(text.replace("v + 1", "v + 2"))
    with pytest.raises(Divergence, match="`f`"):
        replay(Kernel(Unit(other)), events)


def recorded(path: Path) -> list[bytes]:
    """Record a run, and return the lines of its journal."""
    with path.open("wb") as file:
        head = {"run": "", "seed": 0, "epoch": 0, "program": ""}
        session(build(TICKING), sim=True, stop_at=100_000_000, journal=journal.Journal(file, head))
    return path.read_bytes().splitlines(keepends=True)


def test_a_torn_journal_reads_to_its_last_whole_event_and_has_no_end(tmp_path: Path) -> None:
    path = tmp_path / "j"
    lines = recorded(path)
    whole = journal.read(path)[1]
    assert journal.is_whole(whole)
    for cut in range(1, len(lines[-1])):
        path.write_bytes(b"".join(lines)[:-cut])
        assert journal.read(path)[1] == whole[:-1] and not journal.is_whole(whole[:-1])


def test_a_broken_line_of_a_journal_is_named(tmp_path: Path) -> None:
    path = tmp_path / "j"
    lines = recorded(path)
    for number in range(2, len(lines)):
        for broken in (
            [],
            [b'{"a":1}\n'],
            [b"]\n"],
            [b"\n"],
            [lines[number - 1].replace(b"time", b"tome")],
            [lines[0]],
        ):
            changed = [*lines[: number - 1], *broken, *lines[number:]]
            if changed != lines:
                path.write_bytes(b"".join(changed))
                with pytest.raises(ValueError, match=f"line {number} is broken"):
                    journal.read(path)
    for head in (b"nonsense\n", b'{"journal":1}\n', b""):
        path.write_bytes(head)
        with pytest.raises(ValueError, match="not a journal"):
            journal.read(path)


@pytest.mark.parametrize("kept", [1, 2, 3, 5, -1])
def test_a_recording_without_an_end_is_replayed_to_where_it_ends_and_said(tmp_path: Path, kept: int) -> None:
    spec, path = tmp_path / "a.cog", tmp_path / "j"
    spec.write_text(
        'program f(x: int) -> string = shell ["echo", str(x)]\ncoglet Main { transmit y: string\n on start { for i in range(5) { y <- f(i) } } }'
    )
    done = cogc_here("run", spec, "--record", path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:kept]))
    again = cogc_here("run", spec, "--replay", path)
    assert done.stdout.startswith(again.stdout) and again.returncode == 2
    assert f"breaks off after line {len(lines[:kept])}" in again.stderr


def test_persist_states_live_across_runs_of_an_instance(tmp_path: Path) -> None:
    text = "coglet Main { transmit n: int\n state k: int = 0 persist\n on start { k = k + 1\n n <- k } }"
    seen = []
    for _ in range(3):
        store = StateStore(tmp_path / "state.db")
        seen += session(build(text), states=store).outputs["n"]
        store.close()
    assert seen == [1, 2, 3]


ROOMS = """
coglet Desk(name: string) {
  listen m: string
  transmit o: any
  state n: int = 0 persist
  on m as x { n = n + 1
    o <- [name, x, n] }
}
coglet Room(topic: string, after: duration = 5s) {
  listen m: { who: string, text: string }
  transmit o: any
  create desk = Desk * 0..9
  on m as x when x.text == "new" {
    let i = create desk(name: x.who)
    o <- ["new", i]
  }
  on m as x when x.text != "new" { desk[int(x.who)].m <- "{{ topic }} {{ after }} {{ x.text }}" }
  on desk.o as r { o <- r }
}
coglet Main {
  listen open: string
  listen close: int
  listen say: { room: int, who: string, text: string }
  transmit o: any
  create room = Room * 0..3
  on open as topic {
    let i = create room(topic: topic, after: 90s)
    o <- i
  }
  on close as i { stop room[i] }
  on say as x { room[x.room].m <- { who: x.who, text: x.text } }
  on room.o as r { o <- r }
}
"""


def kept(tmp_path: Path, text: str, *inputs: tuple[str, Any]) -> list[Any]:
    store = StateStore(tmp_path / "state.db")
    try:
        return session(build(text), inputs=list(inputs), states=store).outputs.get("o", [])
    finally:
        store.close()


def say(room: int, who: str, text: str) -> tuple[str, Any]:
    return "say", {"room": room, "who": who, "text": text}


def test_members_that_were_made_while_an_instance_ran_come_back_with_their_states(tmp_path: Path) -> None:
    made = kept(tmp_path, ROOMS, ("open", "x"), ("open", "y"), say(1, "ann", "new"), say(1, "0", "hi"))
    assert made == [0, 1, ["new", 0], ["ann", "y 1m30s hi", 1]]
    assert kept(tmp_path, ROOMS, ("close", 0), say(1, "0", "ho"), say(1, "bob", "new")) == [
        ["new", 1], ["ann", "y 1m30s ho", 2],
    ]  # fmt: skip
    assert kept(tmp_path, ROOMS, say(1, "1", "hm")) == [["bob", "y 1m30s hm", 1]]
    assert kept(tmp_path, ROOMS, ("open", "z"), ("close", 1), ("open", "w")) == [2, 3]  # no index is used again
    store = StateStore(tmp_path / "state.db")
    assert {path for path, _ in store.kept} == {"Main"}  # of what was stopped nothing is kept
    store.close()


def test_members_whose_parameters_changed_their_type_are_refused(tmp_path: Path) -> None:
    kept(tmp_path, ROOMS, ("open", "x"))
    changed = ROOMS.replace("after: duration = 5s", "after: int = 5").replace("90s", "90")
    for text, why in (
        (changed, "the kept member `room[0]` of `Main` no longer fits: expected int"),
        (ROOMS.replace("topic", "subject"), "no longer fits: `Room` has no parameter `topic`"),
        (ROOMS.replace("0..3", "0..0"), "`Main` has kept 1 members of `room`, not"),
    ):
        with pytest.raises(Exception) as refused:
            kept(tmp_path, text)
        found = only(refused.value)
        assert isinstance(found, Failure) and found.kind == "kept" and why in found.message
    assert kept(tmp_path, ROOMS, say(0, "x", "new")) == [["new", 0]]


def test_a_pool_whose_coglet_keeps_nothing_begins_anew(tmp_path: Path) -> None:
    text = ROOMS.replace("= 0 persist", "= 0")
    assert [kept(tmp_path, text, ("open", "x"), ("open", "y")) for _ in range(2)] == [[0, 1], [0, 1]]


def test_members_come_back_when_their_parent_is_restarted() -> None:
    text = """
    coglet Desk(name: string) { listen m: int
      transmit o: any
      state n: int = 0 persist
      on m as x { n = n + x
        o <- [name, n] } }
    coglet Room { listen m: int
      transmit o: any
      create desk = Desk * 0..9
      on m as x when x == 0 {
        let i = create desk(name: "ann")
        o <- i
      }
      on m as x when x > 0 { desk[0].m <- x }
      on m as x when x < 0 { fail "ill" }
      on desk.o as r { o <- r } }
    coglet Main { listen m: int
      transmit o: any
      create room = Room { restart: on_error }
      link self.m -> room.m
      link room.o -> self.o }
    """
    made = session(build(text), inputs=[("m", x) for x in (0, 2, -1, 3, 0)], sim=True)
    assert made.outputs["o"] == [0, 1, ["ann", 2], ["ann", 5]] and made.kernel.losses.restarts["Main/room"] == 1


def test_an_instance_has_one_run_at_a_time(tmp_path: Path) -> None:
    first = Instance(tmp_path)
    with pytest.raises(InstanceError, match=f"under way, process {os.getpid()}"):
        Instance(tmp_path)
    first.close()
    Instance(tmp_path).close()


BOX = "coglet Main { transmit out: any\n state box: { a: TYPE } = { a: VALUE } persist\n on start { box = { a: VALUE }\n out <- box } }"


def test_a_kept_state_that_no_longer_fits_its_type_is_refused(tmp_path: Path) -> None:
    converted = "persist from { a: int } as old = { a: str(old.a) }"
    for type, value, life, code in (
        ("int", "1", "persist", 0),
        ("string", '"x"', "persist", 2),
        ("string", '"x"', converted, 0),
    ):
        (tmp_path / "a.cog").write_text(BOX.replace("TYPE", type).replace("VALUE", value).replace("persist", life))
        done = cogc_here("run", "a.cog", "--instance", "acme", cwd=tmp_path)
        assert done.returncode == code and bool(done.stdout) == (code == 0)
        assert ("--instance acme: the kept state `box` of `Main` no longer fits" in done.stderr) == (code == 2)


@pytest.mark.parametrize("damage", ["garbage", "cut", "no json"])
def test_damaged_states_are_one_line(tmp_path: Path, damage: str) -> None:
    (tmp_path / "a.cog").write_text(BOX.replace("TYPE", "int").replace("VALUE", "1"))
    assert cogc_here("run", "a.cog", "--instance", "x", cwd=tmp_path).returncode == 0
    file = state(tmp_path) / "instances/x/state.db"
    if damage == "garbage":
        file.write_bytes(b"\x07" * 9000)
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:5000])
    else:
        with sqlite3.connect(file) as connection:
            connection.execute("UPDATE state SET value = '{broken'")
        connection.close()
    done = cogc_here("run", "a.cog", "--instance", "x", cwd=tmp_path)
    assert done.returncode == 2 and f"cogc: --instance x: the states in `{file}`" in done.stderr


def test_traces_of_older_tools_are_read() -> None:
    lines = iter([b'{"t": 1.5, "coglet": "a", "op": "transmit", "target": "x", "data": 3}'])
    assert next(records(lines))["kind"] == "transmit"


# ---- scripted models -----------------------------------------------------------------------------------------


def test_scripts_answer_by_rule_then_in_turn() -> None:
    script = Scripted(
        [{"when": "hello", "reply": "hi"}, "first", {"reply": {"a": 1}, "delay": "2s"}, {"error": "tired"}], "s"
    )

    unit, model = (
        Unit(build("coglet Main { listen x: int\n on x as n { log info n } }")),
        Model("m", "m", "scripted", "s"),
    )

    def answer(prompt: str) -> tuple[int, Any]:
        request = {"messages": [{"role": "user", "content": [{"type": "text", "text": prompt}]}]}
        delay, reply = script.answer(Ask(1, unit, model, "p", request, 0, "Main"))
        return delay, reply["error"]["message"] if "error" in reply else reply["content"][0]["text"]

    assert answer("say hello") == (0, "hi")
    assert answer("x") == (0, "first")
    assert answer("x") == (2_000_000_000, '{"a":1}')
    assert answer("x") == (0, "tired")
    assert "no answer left" in answer("x")[1]


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ("delay: soon", "`delay` is a duration such as 2s, not `soon`"),
        ("times: often", "`times` is a number, not `often`"),
        ("usage: many", "`usage` is a record"),
        ("usage: {input: x}", "`usage.input` is a number, not `x`"),
        ("usage: {input_tokens: 5}", "`usage` has no key `input_tokens`; its keys are input, output, cache_read,"),
    ],
)
def test_a_mistake_in_a_script_has_its_file_and_line(tmp_path: Path, item: str, why: str) -> None:
    file = tmp_path / "answers.yml"
    file.write_text(f"- first\n- reply: hi\n  {item}\n")
    with pytest.raises(ValueError, match="answers.yml:2: item 2: ") as raised:
        Scripted.load(file)
    assert why in str(raised.value)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("[1, .nan]", ".reply[1]: nan is no value of the language"),
        ("{1: a}", ".reply: a key is text, not an int"),
        ("{a: !!set {x}}", ".reply.a: a set is no value of the language"),
        ("99999999999999999999", ".reply: an int has at most 64 bits"),
    ],
)
def test_a_scripted_reply_is_a_value_of_the_language(tmp_path: Path, reply: str, why: str) -> None:
    file = tmp_path / "answers.yml"
    file.write_text(f"- first\n- reply: {reply}\n")
    with pytest.raises(ValueError, match="answers.yml:2: item 2: ") as raised:
        Scripted.load(file)
    assert why in str(raised.value)


def test_a_date_in_a_script_is_a_text(tmp_path: Path) -> None:
    (tmp_path / "answers.yml").write_text("- tools: [{name: f, input: {day: 2026-11-29}}]\n")
    assert Scripted.load(tmp_path / "answers.yml").replies[0].answer(1)["content"][0]["input"] == {"day": "2026-11-29"}


@pytest.mark.parametrize("script", [{"a": 1}, [{"when": "x"}], [{"replyy": 1, "when": "x"}]])
def test_scripts_that_are_wrong_say_so(script: Any) -> None:
    with pytest.raises(ValueError, match="script|needs|no key"):
        Scripted(script, "s")

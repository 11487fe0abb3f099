"""Coglets in Python that create, observe and guide: real classes, the kernel's own supervision, replay without them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cogc import ir
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.run import journal
from cogc.run.replay import replay
from cogc.run.session import Session
from cogc.run.trace import TraceWriter
from support.sessions import session
from support.specs import build

MAIN = """
coglet P = python "MODULE:P" {
  listen seen: any
  transmit action: any
}
coglet Main {
  listen seen: any
  transmit action: any
  transmit failed: string
  create p = P { restart: never }
  link self.seen -> p.seen
  on p.action as a { action <- a }
  on error(p) as e { failed <- "{{ e.path }}: {{ e.message }}"
    stop p }
}
"""
HEAD = """
from cogc.sdk import *
from cogc.sdk import __all__ as _names
class Doubler(Coglet, LifeLet):
    def __init__(self, factor=2):
        self.factor = factor
    async def on_start(self):
        await self.transmit("ready", self.factor)
    @listen("count")
    async def double(self, x):
        if x == 13:
            raise ValueError("unlucky")
        await self.transmit("doubled", x * self.factor)
    @enact("set")
    async def set_factor(self, factor):
        self.factor = factor
"""
Run = Callable[..., Session]


@pytest.fixture
def make(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], ir.Bundle]:
    def make(code: str) -> ir.Bundle:
        module = f"m{abs(hash((code, request.node.name)))}"
        (tmp_path / f"{module}.py").write_text(HEAD + code)
        bundle = build(MAIN.replace("MODULE", module), "Main")
        for key, program in bundle.programs.items():
            bundle.programs[key] = msgspec.structs.replace(program, folder=str(tmp_path))
        return bundle

    return make


@pytest.fixture
def run(make: Callable[[str], ir.Bundle]) -> Run:
    def run(code: str, *seen: Any, **options: Any) -> Session:
        return session(make(code), inputs=[("seen", s) for s in seen], **{"sim": True, **options})

    return run


SUPERVISOR = """
class P(Coglet, LifeLet):
    async def on_start(self):
        self.child = await self.create(CogBase(Doubler, {"factor": 3}, restart="on_error", backoff_s=0.5))
        await self.follow(self.child, "ready", self.ready)
        await self.follow(self.child, "doubled", self.done)
    @listen("seen")
    async def seen(self, x):
        if isinstance(x, str):
            await self.guide(self.child, Command("set", int(x)))
        else:
            await self.child.send("count", x)
    async def ready(self, x):
        await self.transmit("action", ["ready", x])
    def done(self, x):
        self.last = x
        return self.transmit("action", x)
"""


def test_a_class_creates_follows_sends_and_guides(run: Run) -> None:
    made = run(SUPERVISOR, 1, 2, "10", 3)
    assert made.outputs["action"] == [["ready", 3], 3, 6, 30]


def test_a_child_is_restarted_by_its_base_and_keeps_its_followers(run: Run) -> None:
    made = run(SUPERVISOR, 1, 13, 2)
    assert made.outputs["action"] == [["ready", 3], 3, ["ready", 3], 6]
    assert made.kernel.now > 300_000_000  # the backoff, on the virtual clock


def test_a_childs_failure_goes_up_with_its_path(run: Run) -> None:
    made = run(SUPERVISOR.replace('restart="on_error", ', ""), 13)
    assert made.outputs["failed"] == ["Main/p/Doubler: Doubler (count): ValueError: unlucky"]


@pytest.mark.parametrize(
    ("word", "action", "failed"),
    [
        ("restart", [["unlucky", "program", 13, 0], ["ready", 3]], None),
        ("stop", [["unlucky", "program", 13, 0]], None),
        ("escalate", [["unlucky", "program", 13, 0]], "Main/p/Doubler: Doubler (count): ValueError: unlucky"),
        ("jump", [["unlucky", "program", 13, 0]], "on_child_error returned 'jump'"),
    ],
)
def test_a_class_decides_on_its_childrens_failures(run: Run, word: str, action: list[Any], failed: str | None) -> None:
    code = (
        SUPERVISOR
        + f"""
    async def on_child_error(self, handle, error):
        said = str(error).rpartition(": ")[2]
        await self.transmit("action", [said, error.kind, error.event, error.restarts])
        assert handle is self.child
        return {word!r}
"""
    )
    made = run(code, 13)
    assert made.outputs["action"][1:] == action
    if failed is None:
        assert "failed" not in made.outputs
    else:
        assert failed in made.outputs["failed"][0]


OBSERVER = """
class P(Coglet):
    @listen("seen")
    async def seen(self, x):
        child = await self.create(CogBase(Doubler))
        words = self.observe(child, "doubled")
        for i in range(x):
            await child.send("count", i)
        got = []
        async for value in words:
            got.append(value)
            if len(got) == x:
                await child.stop()
        await self.transmit("action", got)
        try:
            await child.send("count", 1)
        except TypeError as error:
            await self.transmit("action", str(error))
"""


def test_a_method_observes_until_the_child_has_stopped(run: Run) -> None:
    made = run(OBSERVER, 3, 2)
    assert made.outputs["action"] == [
        [0, 2, 4],
        "`Main/p/Doubler` has stopped",
        [0, 2],
        "`Main/p/Doubler-2` has stopped",
    ]


def test_who_waits_for_a_child_holds_neither_the_clock_nor_the_end(run: Run) -> None:
    code = """
class Slow(Coglet, TickLet):
    @every(1, "h")
    async def beat(self):
        await self.transmit("beat", "b")
class P(Coglet):
    @listen("seen")
    async def seen(self, x):
        child = await self.create(CogBase(Slow))
        async for value in child.observe("beat"):
            await self.transmit("action", value)
"""
    made = run(code, 1, stop_at=3 * 3600 * 10**9)
    assert made.outputs["action"] == ["b", "b", "b"]


def test_children_are_linked_and_dealt_out(run: Run) -> None:
    code = """
class Sum(Coglet):
    total = 0
    @listen("value")
    async def add(self, x):
        self.total += x
        await self.transmit("total", self.total)
class P(Coglet, MulLet, LifeLet):
    async def on_start(self):
        self.sum = await self.create(CogBase(Sum))
        await self.create_mul(3, CogBase(Doubler))
        for member in self.members:
            await self.link(member, "doubled", self.sum, "value")
        await self.follow(self.sum, "total", self.told)
    def map(self, event):
        return list(enumerate(event))
    def reduce(self, results):
        return sum(results)
    @listen("seen")
    async def seen(self, xs):
        await self.guide_mapped(Command("set", 10))
        await self.transmit("action", ["sum", await self.scatter_gather("count", xs, "doubled")])
    async def told(self, x):
        await self.transmit("action", x)
"""
    made = run(code, [1, 2, 3])
    assert made.outputs["action"] == [["sum", 60], 10, 30, 60]


def test_mixins_of_the_sdk_do_what_they_say(run: Run) -> None:
    code = """
class Worker(Coglet, LogLet, SuppressLet, ProgLet, TickLet, WebLet):
    @listen("work")
    async def work(self, x):
        await self.log("debug", "quiet")
        await self.log("info", x)
        self.programs.setdefault("f", Program("code", fn=lambda x: x + 1))
        await self.transmit("done", await self.invoke("f", x))
    @every(2, "ticks")
    async def second(self):
        await self.transmit("done", "two ticks")
class P(Coglet, LifeLet):
    async def on_start(self):
        self.w = await self.create(CogBase(Worker, {"cogweb": object()}))
        await self.follow(self.w, "done", self.said)
        await self.follow(self.w, "log", self.said)
    @listen("seen")
    async def seen(self, x):
        if isinstance(x, list):
            data = {"f": Program("code", fn=lambda x: x * 100)} if x[0] == "register" else x[1]
            await self.guide(self.w, Command(x[0], data))
        else:
            await self.w.send("work", x)
            await sleep(1)
    async def said(self, x):
        await self.transmit("action", x)
"""
    made = run(
        code,
        1,
        ["suppress", {"channels": ["log"]}],
        2,
        ["register", None],
        3,
        ["unsuppress", {"channels": ["log"]}],
        ["log_level", "warn"],
        4,
        ["tick", None],
        ["tick", None],
    )
    assert made.outputs["action"] == [{"level": "info", "data": 1}, 2, 3, 300, 400, "two ticks"]


def test_gitlet_keeps_to_the_workspace(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "a")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "a@example.org")
    subprocess.run(["git", "init", "-q", "-b", "main", "repo"], check=True)
    (tmp_path / "repo" / "a.txt").write_text("one\n")
    subprocess.run("git add . && git commit -qm one", shell=True, cwd="repo", check=True)
    patch = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+two\n"
    code = """
from pathlib import Path
class P(Coglet, GitLet):
    def __init__(self):
        super().__init__(repo_path="repo")
    @listen("seen")
    async def seen(self, patch):
        await self.branch("next")
        await self.transmit("action", len(await self.apply_patch(patch, "two")))
        await self.transmit("action", Path("repo/a.txt").read_text())
        await self.revert()
        await self.transmit("action", Path("repo/a.txt").read_text())
        await self.checkout("main")
        try:
            await self.apply_patch("nonsense")
        except OSError as error:
            await self.transmit("action", str(error)[:9])
        self.repo_path = ".."
        await self.revert()
"""
    made = run(code, patch, sim=False)
    assert made.outputs["action"] == [40, "two\n", "one\n", "git apply"]
    assert "outside of the workspace" in made.outputs["failed"][0]


def test_a_replay_of_a_family_runs_no_python(make: Any, tmp_path: Path) -> None:
    bundle = make(SUPERVISOR + OBSERVER.replace("class P(", "class Q("))
    with open(tmp_path / "j", "wb") as file, open(tmp_path / "t1", "wb") as trace:
        session(
            bundle,
            inputs=[("seen", s) for s in (1, "5", 13, 2)],
            sim=True,
            seed=1,
            epoch=1,
            journal=journal.Journal(file, {"run": "r", "seed": 0, "epoch": 0}),
            trace=TraceWriter(trace),
        )
    for path in tmp_path.glob("*.py"):
        path.unlink()
    kernel, records = Kernel(Unit(bundle), 1, 1, True), []
    replay(kernel, journal.read(tmp_path / "j")[1], lambda _: records.extend(kernel.trace.take()))  # type: ignore[union-attr]
    with open(tmp_path / "t2", "wb") as trace:
        TraceWriter(trace).write(records)
    assert (tmp_path / "t1").read_bytes() == (tmp_path / "t2").read_bytes()
    assert any(r.get("path") == "Main/p/Doubler" for r in records)


def test_a_command_waits_until_the_method_has_returned(run: Run) -> None:
    code = """
class Busy(Coglet):
    @listen("go")
    async def go(self, x):
        await self.transmit("said", "begin")
        await sleep(5)
        await self.transmit("said", "end")
    @enact("poke")
    async def poke(self):
        await self.transmit("said", "poked")
class P(Coglet, LifeLet):
    async def on_start(self):
        self.b = await self.create(CogBase(Busy))
        await self.follow(self.b, "said", self.said)
    @listen("seen")
    async def seen(self, x):
        await self.b.send("go", x)
        await sleep(1)
        await self.guide(self.b, Command("poke"))
    async def said(self, x):
        await self.transmit("action", x)
"""
    assert run(code, 1).outputs["action"] == ["begin", "end", "poked"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("await asyncio.sleep(1)", "uses asyncio; coglets and programs run on Trio here"),
        ("await asyncio.sleep(0)", "uses asyncio; coglets and programs run on Trio here"),
        ("asyncio.get_running_loop()", "uses asyncio; coglets and programs run on Trio here"),
        ("await self.create(3)", "TypeError: create takes a CogBase"),
        ("await self.create(CogBase(int))", "TypeError: <class 'int'> is not a subclass of Coglet"),
        ("await self.create(CogBase(Doubler, restart='maybe'))", "ValueError: restart='maybe'"),
        ("await self.guide(self.c, Command('sett', 1))", "LookupError: `Doubler` has no command `sett`; it has set"),
        ("await self.c.send('counts', 1)", "LookupError: `Doubler` has no channel `counts`; it has count"),
        ("await self.c.send('count', object())", "TypeError: `Doubler.count`: an object is no value of the language"),
        ("await self.follow(self.c, 'doubled', print)", "TypeError: <built-in function print> is no method"),
        ("await self.follow(self.c, 'a.b', self.seen)", "ValueError: 'a.b' is no name"),
        ("await self.invoke('g')", "KeyError"),
        (
            "[self.log('info', 1) for _ in range(100_001)]",
            "RuntimeError: 100000 acts of this method wait that nobody awaits",
        ),
    ],
)
def test_what_is_wrong_says_so_in_the_method(run: Run, body: str, said: str) -> None:
    code = f"""
import asyncio
class P(Coglet, ProgLet):
    @listen("seen")
    async def seen(self, x):
        self.c = await self.create(CogBase(Doubler))
        {body}
"""
    made = run(code, 1)
    assert said in made.outputs["failed"][0]


def test_a_hook_observes_a_child_that_it_has_created(run: Run) -> None:
    code = """
class P(Coglet, LifeLet, MulLet):
    async def on_start(self):
        child = await self.create(CogBase(Doubler))
        said = self.observe(child, "doubled")
        await child.send("count", 2)
        await self.transmit("action", await anext(said))
        await self.create_mul(2, CogBase(Doubler))
        await self.transmit("action", await self.scatter_gather("count", 3, "doubled"))
    @listen("seen")
    async def seen(self, x): pass
"""
    assert run(code, 1).outputs["action"] == [4, [6, 6]]


def test_what_is_not_awaited_is_done_all_the_same(run: Run) -> None:
    code = """
class P(Coglet):
    @listen("seen")
    async def seen(self, x):
        self.create(CogBase(Doubler))
        child = await self.create(CogBase(Doubler))
        self.follow(child, "doubled", self.heard)
        child.send("count", x)
    def heard(self, x):
        self.log("info", x)
        self.transmit("action", x)
"""
    made = run(code, 1, 2)
    assert made.outputs["action"] == [2, 4] and "failed" not in made.outputs


def test_a_refusal_that_is_not_awaited_fails_the_method(run: Run) -> None:
    code = """
class P(Coglet):
    @listen("seen")
    async def seen(self, x):
        self.transmit("nope", x)
"""
    assert "no transmit channel `nope`" in run(code, 1).outputs["failed"][0]


def test_what_is_sent_to_a_child_is_heard_before_the_command_given_afterwards(run: Run) -> None:
    code = """
class P(Coglet):
    @listen("seen")
    async def seen(self, x):
        child = await self.create(CogBase(Doubler))
        await self.follow(child, "doubled", self.heard)
        await child.send("count", x)
        await self.guide(child, Command("set", 10))
        await child.send("count", x)
    async def heard(self, x):
        await self.transmit("action", x)
"""
    assert run(code, 1).outputs["action"] == [2, 10]


def test_a_hook_that_waits_for_ever_is_reported_at_the_end(run: Run) -> None:
    code = """
class P(Coglet, LifeLet):
    async def on_start(self):
        child = await self.create(CogBase(Doubler))
        await anext(self.observe(child, "never"))
    @listen("seen")
    async def seen(self, x): pass
"""
    assert run(code, 1).unended == ["Main/p: on start"]


def test_names_of_channels_and_commands_may_have_hyphens(run: Run) -> None:
    code = """
class Child(Coglet):
    @listen("the-count")
    async def count(self, x):
        await self.transmit("is-doubled", 2 * x)
    @enact("say-it")
    async def say(self, x):
        await self.transmit("is-doubled", x)
class P(Coglet):
    @listen("seen")
    async def seen(self, x):
        child = await self.create(CogBase(Child))
        await self.follow(child, "is-doubled", self.heard)
        await child.send("the-count", x)
        await self.guide(child, Command("say-it", "it"))
    async def heard(self, x):
        await self.transmit("action", x)
"""
    assert run(code, 1).outputs["action"] == [2, "it"]

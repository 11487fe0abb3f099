"""Coglets in Python: real classes, in the same supervision, trace, replay and virtual time as all others."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cogc import ir
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.run import journal
from cogc.run.replay import replay
from cogc.run.session import Session
from cogc.run.settings import Settings
from cogc.run.trace import TraceWriter
from support.cli import cogc, cogc_here
from support.paths import ROOT
from support.sessions import session
from support.specs import build

MAIN = """
coglet P(limit: int = 3) = python "MODULE:P" {{
  listen seen: {seen}
  transmit action: {action}
  enact relax(by: int, why: string = "none")
}}
coglet Main {{
  listen seen: any
  transmit action: any
  transmit failed: string
  create p = P(limit: 3) {{ {child} }}
  link self.seen -> p.seen
  on p.action as a {{ action <- a }}
  on error(p) as e {{ failed <- e.message
    {decision} }}
  {more}
}}
"""
HEAD = "from cogc.sdk import Coglet, LifeLet, TickLet, enact, every, listen, sleep\n"
PLAIN = (
    HEAD
    + """
class P(Coglet, LifeLet, TickLet):
    def __init__(self, limit):
        self.limit = limit
    async def on_start(self):
        await self.transmit("action", "awake")
    async def on_stop(self):
        await self.transmit("action", "asleep")
    @listen("seen")
    async def decide(self, seen):
        if seen == 99:
            raise ValueError("too much")
        await self.transmit("action", "run" if seen > self.limit else "rest")
    @enact("relax")
    async def relax(self, by, why):
        self.limit += by
        await self.log("info", [why, self.limit])
"""
)


@pytest.fixture
def spec(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., ir.Bundle]:
    def make(
        code: str = PLAIN,
        seen: str = "int",
        action: str = "string",
        child: str = "",
        decision: str = "",
        more: str = "",
    ) -> ir.Bundle:
        module = f"m{abs(hash((code, request.node.name)))}"
        (tmp_path / f"{module}.py").write_text(code)
        text = MAIN.format(seen=seen, action=action, child=child, decision=decision, more=more)
        bundle = build(text.replace("MODULE", module), "Main")
        for key, program in bundle.programs.items():
            if program.kind == "coglet":
                import msgspec

                bundle.programs[key] = msgspec.structs.replace(program, folder=str(tmp_path))
        return bundle

    return make


def run(bundle: ir.Bundle, *seen: Any, **options: Any) -> Session:
    return session(bundle, inputs=[("seen", s) for s in seen], **{"sim": True, **options})


def test_messages_go_in_and_out_in_order(spec: Any) -> None:
    assert run(spec(), 1, 5, 2).outputs["action"] == ["awake", "rest", "run", "rest"]


def test_commands_come_with_their_arguments(spec: Any) -> None:
    logs: list[Any] = []
    made = run(spec(more="on start { guide p.relax(by: 4) }"), 5, on_log=lambda e: logs.append(e.value))
    assert made.outputs["action"][-1] == "rest" and logs == [["none", 7]]


def test_an_exception_is_the_coglets_failure_and_a_restart_makes_it_anew(spec: Any) -> None:
    made = run(spec(child="restart: on_error"), 99, 5)
    assert made.outputs["action"] == ["awake", "awake", "run"]
    made = run(spec(decision="stop p"), 99)
    assert made.outputs["failed"] == ["P (seen): ValueError: too much"]


def test_values_have_the_declared_types(spec: Any) -> None:
    code = (
        HEAD
        + """
class P(Coglet):
    def __init__(self, limit): pass
    @listen("seen")
    async def decide(self, seen):
        for channel, value in (("action", 1), ("nope", "x"), ("action", object())):
            try:
                await self.transmit(channel, value)
            except TypeError as error:
                await self.transmit("action", str(error))
        seen.append(9)
    @enact("relax")
    async def relax(self, by, why): pass
"""
    )
    made = run(spec(code, seen="[int]"), [1])
    said = made.outputs["action"]
    assert (
        "expected string, got int 1" in said[0]
        and "no transmit channel `nope`" in said[1]
        and "`action`: an object is no value of the language" in said[2]
    )


TIMED = (
    HEAD
    + """
class P(Coglet, TickLet):
    def __init__(self, limit):
        self.n = 0
    @every(10, "s")
    async def beat(self):
        self.n += 1
        await sleep(2)
        await self.transmit("action", f"beat {self.n}")
    @listen("seen")
    def hear(self, seen):
        self.n = seen
    @enact("relax")
    async def relax(self, by, why): pass
"""
)


def test_ticks_and_sleep_are_on_the_runs_clock(spec: Any) -> None:
    made = run(spec(TIMED), 5, stop_at=35_000_000_000)
    assert made.outputs["action"] == ["beat 6", "beat 7", "beat 8"] and made.kernel.now >= 32_000_000_000


def test_ticks_on_the_real_clock(spec: Any) -> None:
    text = TIMED.replace('10, "s"', '50, "ms"').replace("sleep(2)", "sleep(0.01)")
    made = run(spec(text), sim=False, until=lambda outputs: len(outputs.get("action", ())) == 3)
    assert made.met and made.outputs["action"][:3] == ["beat 1", "beat 2", "beat 3"]


def test_a_tick_that_finds_one_waiting_is_dropped(spec: Any) -> None:
    made = run(spec(TIMED.replace("sleep(2)", "sleep(25)")), stop_at=100_000_000_000)
    assert len(made.outputs["action"]) == 3 and made.kernel.dead_letters > 0


def test_a_replay_runs_no_python(spec: Any, tmp_path: Path) -> None:
    bundle = spec(TIMED)
    with open(tmp_path / "j", "wb") as file, open(tmp_path / "t1", "wb") as trace:
        run(
            bundle,
            5,
            stop_at=35_000_000_000,
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
    assert (tmp_path / "t1").read_bytes() == (tmp_path / "t2").read_bytes() and records


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("P = 3", "has no function `P`"),
        ("class P: pass", "is not a subclass of cogc.sdk.Coglet"),
        (HEAD + "class P(Coglet): pass", "has no method with @listen('seen')"),
        (PLAIN + "    @enact('jump')\n    async def jump(self): pass\n", "the spec declares no such command"),
        (PLAIN.replace("self, limit", "self, other"), "TypeError"),
        ("import nothing_at_all", "ModuleNotFoundError"),
    ],
)
def test_a_class_that_does_not_fit_says_so(spec: Any, code: str, said: str) -> None:
    made = run(spec(code, decision="stop p"))
    assert said in made.outputs["failed"][0]


def test_the_sdk_works_inside_of_methods_alone() -> None:
    from cogc import sdk

    with pytest.raises(RuntimeError, match="inside a method"):
        sdk._host()
    with pytest.raises(ValueError, match="interval"):
        sdk.every(0)
    with pytest.raises(ValueError, match="unit"):
        sdk.every(1, "weeks")
    with pytest.raises(ValueError, match="unit"):
        sdk.every(1.5, "ticks")


def test_the_pages_example_runs(tmp_path: Path) -> None:
    import re

    page = (ROOT / "specs" / "python.md").read_text()
    cog, codes = re.search(r"```cog\n(.*?)```", page, re.S), re.findall(r"```python\n(.*?)```", page, re.S)
    assert cog
    (tmp_path / "policy.py").write_text(codes[0])
    (tmp_path / "p.cog").write_text(cog[1])

    done = cogc("run", "p.cog", "--root", "Main", "--sim", "--for", "11s", "--input", "seen=4", cwd=tmp_path)
    assert done.stdout == "action: awake\naction: run\naction: alive\n", done.stderr
    (tmp_path / "boot.py").write_text(codes[-1])
    done = cogc("run", "boot.py", "--sim", "--trace", "t.jsonl", cwd=tmp_path)
    tree = "CogletRuntime\n└── Policy [LifeLet, TickLet]\n    channels: action(1 subs), seen(0 subs)\n"
    assert done.stdout == f"awake\nrun rest alive\n{tree}", done.stderr
    assert (tmp_path / "t.jsonl").read_text().count('"path":"Main/Policy"') > 5


def test_a_module_of_a_package_imports_the_package_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "dotted").mkdir()
    (tmp_path / "dotted" / "__init__.py").write_text("")
    (tmp_path / "dotted" / "inner.py").write_text(
        "from dotted.other import two\n\ndef four() -> int:\n    return 2 * two()\n"
    )
    (tmp_path / "dotted" / "other.py").write_text("def two() -> int:\n    return 2\n")
    text = 'program f() -> int = python "dotted.inner:four"\ncoglet Main { transmit n: int\n on start { n <- f() } }\n'
    (tmp_path / "a.cog").write_text(text)
    done = cogc("run", str(tmp_path / "a.cog"), cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "n: 4\n"), done.stderr


def test_specs_of_one_process_have_helpers_of_one_name(tmp_path: Path) -> None:
    text = 'program f() -> int = python "p:f"\ncoglet Main { transmit n: int\n on start { n <- f() } }\n'
    for folder, number in (("a", 1), ("b", 2), ("a/inner", 3)):
        (tmp_path / folder / "kit").mkdir(parents=True)
        (tmp_path / folder / "kit" / "__init__.py").write_text("from helper import number\n")
        (tmp_path / folder / "helper.py").write_text(f"number = {number}\n")
        (tmp_path / folder / "p.py").write_text("from kit import number\n\ndef f() -> int:\n    return number\n")
        (tmp_path / folder / "x.cog").write_text(text)
    for folder, number in (("a", 1), ("b", 2), ("a/inner", 3), ("a", 1), ("b", 2)):
        done = cogc_here("run", "x.cog", cwd=tmp_path / folder)
        assert (done.returncode, done.stdout) == (0, f"n: {number}\n"), done.stderr


UNHEARD = """import atexit, threading
def bad(): 1 / 0
atexit.register(bad)
class Kept:
    def __del__(self): raise ValueError("no")
def f(x: int) -> int:
    Kept()
    worker = threading.Thread(target=bad, name="worker")
    worker.start()
    worker.join()
    return x
"""


def test_an_exception_that_no_call_can_hear_of_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(UNHEARD)
    spec = 'program f(x: int) -> int = python "odd:f"\ncoglet Main { transmit y: int\n  on start { y <- f(1) } }'
    (tmp_path / "a.cog").write_text(spec)
    done = cogc("run", "a.cog", cwd=tmp_path)
    said = [line.partition(" failed, and no call can hear of it: ") for line in done.stderr.splitlines()]
    assert [(who, what) for who, found, what in said if found] == [
        ("cogc: Kept.__del__", "ValueError: no"),
        ("cogc: worker", "ZeroDivisionError: division by zero"),
        # from Python 3.13 on, nothing tells which function of `atexit` it was
        ("cogc: bad" if sys.version_info < (3, 13) else "cogc: code in Python", "ZeroDivisionError: division by zero"),
    ]
    assert done.returncode == 0 and done.stdout == "y: 1\n" and "Traceback" not in done.stderr


def test_a_reload_keeps_the_modules_of_python_itself(tmp_path: Path) -> None:
    """A second `asyncio` beside the one on which coglets run would not know its futures."""
    (tmp_path / "look.py").write_text(
        "def seen():\n    import colorsys\n    was = hasattr(colorsys, 'seen')\n    colorsys.seen = True\n    return was\n"
    )
    text = """
program seen() -> bool = python "look:seen"
program again() -> string = shell ["true"] { reload: true }
coglet Main { transmit out: bool
  on start { out <- seen()
    again()
    out <- seen() } }
"""
    made = session(build(text, "Main", f"{tmp_path}/spec.cog"), Settings(workspace=sys.base_prefix))
    assert made.outputs["out"] == [False, True]

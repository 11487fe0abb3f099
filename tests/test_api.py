"""The public API: the blocks of its page, its edges, the plugin of pytest, and all of it from an installed wheel."""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import trio

import cogc
from cogc.testing import call, delay, fail, hang, real, simulate, stream
from support.cli import cogc_here
from support.paths import ROOT

PAGE = (ROOT / "specs" / "api.md").read_text()
SPEC, *_ = re.findall(r"^```cog\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> cogc.Program:
    (tmp_path / "desk.cog").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return cogc.load("desk.cog")


def script(folder: Path, block: str, python: str = sys.executable) -> str:
    (folder / "desk.cog").write_text(SPEC)
    (folder / "block.py").write_text(block)
    done = subprocess.run([python, "-W", "error", "block.py"], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("number", "printed"), [(0, "3.5\n"), (1, "2.5\n"), (2, "")])
def test_a_block_of_the_page_runs(tmp_path: Path, number: int, printed: str) -> None:
    assert script(tmp_path, BLOCKS[number]) == printed


def test_the_fixture_of_the_page_is_found_by_pytest(tmp_path: Path) -> None:
    (tmp_path / "desk.cog").write_text(SPEC)
    (tmp_path / "test_desk.py").write_text(BLOCKS[3])
    done = subprocess.run(
        [*PYTEST, "--rootdir", tmp_path, tmp_path], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_page_names_all_that_is_public() -> None:
    from cogc import testing

    for name in (*cogc.__all__, *testing.__all__):
        assert f"`{name}" in PAGE or f"{name}(" in PAGE, name
        assert getattr(cogc if name in cogc.__all__ else testing, name)
    with pytest.raises(AttributeError):
        cogc.nothing  # noqa: B018


def test_importing_cogc_is_light() -> None:
    code = "import sys, cogc, cogc.testing; print([m for m in ('trio', 'jinja2', 'msgspec', 'lark', 'anthropic') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# ---- load and run ----------------------------------------------------------------------------------------------


def test_a_wrong_spec_raises_with_every_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text("coglet Main {\n  transmit x: int\n  on start { x <- y; z <- 1 }\n}\n")
    with pytest.raises(cogc.SpecError) as caught:
        cogc.load(str(tmp_path / "a.cog"))
    first, second = caught.value.diagnostics
    assert (first.code, first.severity, first.line) == ("COG302", "error", 3) and second.line == 3
    assert "COG302" in str(caught.value)
    with pytest.raises(cogc.SpecError):
        cogc.load(str(tmp_path / "none.cog"))
    with pytest.raises(cogc.SpecError):
        cogc.load(str(tmp_path))


def test_a_program_says_what_it_has(desk: cogc.Program) -> None:
    assert desk.root == "Desk" and desk.listens == ("order", "guest") and desk.transmits == ("total", "greeting")


def test_what_is_refused_raises_and_the_run_goes_on(desk: cogc.Program) -> None:
    async def main() -> None:
        async with cogc.start(desk) as run:
            with pytest.raises(cogc.RunError) as wrong:
                await run.send("order", {"item": 3})
            assert wrong.value.kind == "type"
            for channel, value in (("ordr", 1), ("order", {1, 2}), ("order", object())):
                with pytest.raises(cogc.RunError):
                    await run.send(channel, value)
            with pytest.raises(cogc.RunError):
                run.observe("totl")
            with pytest.raises(cogc.RunError):
                await run.guide("cleer")
            with pytest.raises(cogc.RunError):
                await run.guide("clear", now=True)
            await run.send("order", {"item": "tea", "price": 1})
            info = run.inspect()
            assert info is not None and info.states == {"sum": 1.0} and info.path == "Desk"
            await run.guide("clear")
            await run.stop()
            await run.stop()
            assert run.inspect() is None
            with pytest.raises(cogc.RunError):
                await run.send("order", {"item": "tea", "price": 1})
            assert [x async for x in run.observe("total")] == []

    trio.run(main)


def test_a_parameter_that_is_refused_raises(desk: cogc.Program) -> None:
    async def main(name: str, value: object) -> None:
        async with cogc.start(desk, parameters={name: value}) as run:
            await run.wait()

    for name, value in (("currency", 3), ("curency", "x"), ("currency", {1})):
        with pytest.raises(cogc.RunError):
            trio.run(main, name, value)
        with pytest.raises(cogc.RunError), cogc.start_sync(desk, parameters={name: value}) as run:
            run.wait()
        assert gc.isenabled()


def test_an_exception_of_the_body_comes_out_as_it_is(desk: cogc.Program) -> None:
    async def main() -> None:
        async with cogc.start(desk):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        trio.run(main)
    with pytest.raises(KeyError, match="mine"), cogc.start_sync(desk):
        raise KeyError("mine")


FAILING = """
coglet Main {
  listen n: int
  transmit half: float
  on n as x { if x == 0 { fail "no zero" } else { half <- 10 / x } }
  on stop { log warn "bye" }
}
"""


@pytest.mark.parametrize("sync", [False, True])
def test_a_root_that_fails_raises(tmp_path: Path, sync: bool) -> None:
    (tmp_path / "f.cog").write_text(FAILING)
    program = cogc.load(str(tmp_path / "f.cog"))
    heard: list[object] = []

    async def main() -> None:
        async with cogc.start(program) as run:
            halves = run.observe("half")
            await run.send("n", 4)
            with pytest.raises(cogc.RunError):
                await run.send("n", 0)
            heard.extend([x async for x in halves])
            await run.wait()

    with pytest.raises(cogc.RunError, match="no zero"):
        if sync:
            with cogc.start_sync(program) as run:
                halves = run.observe("half")
                run.send("n", 4)
                with pytest.raises(cogc.RunError):
                    run.send("n", 0)
                heard.extend(halves)
                run.wait()
        else:
            trio.run(main)
    assert heard == [2.5]


def test_the_log_reaches_its_function(tmp_path: Path) -> None:
    (tmp_path / "f.cog").write_text(FAILING)
    lines: list[tuple[object, ...]] = []
    with cogc.start_sync(cogc.load(str(tmp_path / "f.cog")), on_log=lambda *line: lines.append(line)):
        pass
    assert lines == [("warn", "Main", "bye")]


def test_another_model_stands_for_one_and_the_run_is_recorded_and_repeated(desk: cogc.Program, tmp_path: Path) -> None:
    (tmp_path / "answers.yml").write_text("- reply: Good day.\n")
    program = cogc.load(tmp_path / "desk.cog", models={"haiku": "scripted:answers.yml"})
    with cogc.start_sync(program, record=tmp_path / "r.jsonl") as run:
        said = run.observe("greeting")
        run.send("guest", "Ada")
        assert next(said) == "Good day."
    done = cogc_here("run", "desk.cog", "--root", "Desk", "--replay", "r.jsonl", cwd=tmp_path)
    assert done.stdout == "greeting: Good day.\n" and "incomplete" not in done.stderr, done.stderr
    with (
        pytest.raises(cogc.RunError, match=r"cannot write `.*r.jsonl`: file exists"),
        cogc.start_sync(desk, record=tmp_path / "r.jsonl"),
    ):
        pass
    for models, said_of in (
        ({"gpt": "openai:x"}, "has no model `gpt`; it has `haiku`"),
        ({"haiku": "x"}, "PROVIDER:WHAT"),
    ):
        with pytest.raises(cogc.RunError, match=said_of):
            cogc.load("desk.cog", models=models)


def test_two_runs_of_one_program_are_apart(desk: cogc.Program) -> None:
    with cogc.start_sync(desk) as a, cogc.start_sync(desk) as b:
        a.send("order", {"item": "x", "price": 1.0})
        first, second = a.inspect(), b.inspect()
        assert first is not None and second is not None
        assert (first.states, second.states) == ({"sum": 1.0}, {"sum": 0.0})


# ---- simulate --------------------------------------------------------------------------------------------------

TREE = """
model m = anthropic "claude-haiku-5-5"
program find(q: string) -> [string] = python "sums:find"
coglet Leaf { listen n: int
  transmit twice: int
  state last: int = 0
  enact add(by: int, more: int = 1) { last = last + by * more }
  on n as x { last = x
    twice <- x * 2 } }
coglet Main {
  listen q: string
  transmit a: [string]
  transmit why: string
  create leaf = Leaf * 2 { restart: on_error }
  on q as x { a <- find(x) } else as e { why <- e.kind }
}
"""


@pytest.fixture(autouse=True)
def code(tmp_path: Path) -> None:
    """Write the module that the systems name. Most tests script its functions."""
    (tmp_path / "sums.py").write_text("def find(q):\n    return ['real ' + q]\n")


def test_a_simulation_sends_guides_crashes_and_looks(tmp_path: Path) -> None:
    (tmp_path / "t.cog").write_text(TREE)
    with simulate(str(tmp_path / "t.cog"), root="Main") as sim:
        sim.send("n", 4, to="Main/leaf[1]")
        sim.guide("Main/leaf[0]", "add", by=2)
        sim.run("1s")
        assert (sim.state("Main/leaf[0]"), sim.state("Main/leaf[1]")) == ({"last": 2}, {"last": 4})
        assert sim.messages("Main/leaf", "twice") == [8] and sim.now == 1.0
        sim.crash("Main/leaf[1]")
        sim.run("10s")
        assert sim.state("Main/leaf[1]") == {"last": 0}
        assert any(r["kind"] == "restart" for r in sim.trace) and "failed: crashed" in sim.diagram()
        assert set(sim.outputs) == {"a", "why"} and len(sim.outputs) == 2 and not sim.calls
        for wrong in (
            lambda: sim.send("n", "x", to="Main/leaf[1]"),
            lambda: sim.send("m", 1, to="Main/leaf[1]"),
            lambda: sim.send("q", 3),
            lambda: sim.send("q", {1}),
            lambda: sim.guide("Main/leaf[0]", "ad", by=2),
            lambda: sim.guide("Main/leaf[0]", "add", bye=2),
            lambda: sim.crash("Main/leaf[7]"),
            lambda: sim.state("Nobody"),
            lambda: sim.run("ten"),
            lambda: sim.run_until(lambda: False, within="3s"),
        ):
            with pytest.raises(cogc.RunError):
                wrong()
        with pytest.raises(KeyError):
            sim.outputs["b"]


@pytest.mark.parametrize(
    ("script", "answers", "reasons"),
    [
        ({"find": lambda c: [c["input"]["q"]]}, [["x"]], []),
        ({"find": [fail("no"), [["a"]]]}, [], ["program"]),
        ({"find": fail({"kind": "busy", "message": "b"})}, [], ["busy"]),
        ({"find": hang()}, [], ["timeout"]),
        ({"find": delay("2m", ["late"])}, [], ["timeout"]),
        ({"find": [real()]}, [["real x"]], []),
        ({"find": [["a", "b"]]}, [["a", "b"]], []),
    ],
)
def test_a_script_of_python_answers(
    tmp_path: Path, script: dict[str, object], answers: object, reasons: object
) -> None:
    (tmp_path / "sums.py").write_text("def find(q):\n    return ['real ' + q]\n")
    (tmp_path / "t.cog").write_text(TREE)
    with simulate(str(tmp_path / "t.cog"), root="Main", script=script) as sim:
        sim.send("q", "x")
        sim.run("3m")
        assert (sim.outputs["a"], sim.outputs["why"]) == (answers, reasons)
        assert sim.calls["find"][0]["input"] == {"q": "x"}


def test_a_call_without_a_script_says_which_line_answers(tmp_path: Path) -> None:
    (tmp_path / "t.cog").write_text(TREE)
    with simulate(str(tmp_path / "t.cog"), root="Main") as sim:
        sim.send("q", "x")
        with pytest.raises(cogc.RunError, match=r"script find \{ reply \[\] \}"):
            sim.run("1s")


def test_an_agent_calls_its_tools(tmp_path: Path) -> None:
    (tmp_path / "t.cog").write_text(
        TREE + 'agent Scout { model: m, system: "You find.", tools: [find] }\n'
        "coglet Lone { listen q: string\n transmit a: any\n create s = Scout\n link self.q -> s.task\n link s.result -> self.a }\n"
    )
    script = {"m": [call("find", q="tides"), stream("It ", "is.")], "find": [["a"]]}
    with simulate(str(tmp_path / "t.cog"), root="Lone", script=script) as sim:
        sim.send("q", "What?")
        sim.run_until(lambda: sim.outputs["a"])
        assert sim.outputs["a"] == ["It is."] and sim.calls["find"][0]["input"] == {"q": "tides"}


def test_a_coglet_in_python_is_simulated(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from cogc.sdk import Coglet, listen\n"
        "import trio\n"
        "class Mine(Coglet):\n"
        "    @listen('n')\n"
        "    async def on_n(self, value):\n"
        "        await self.transmit('twice', value * 2)\n"
    )
    (tmp_path / "t.cog").write_text('coglet Mine = python "mine:Mine" { listen n: int; transmit twice: int }\n')
    with simulate(str(tmp_path / "t.cog")) as sim:
        for n in (1, 2):
            sim.send("n", n)
            sim.run("1h")
        assert sim.outputs["twice"] == [2, 4]


def test_the_seed_of_a_simulation_counts(tmp_path: Path) -> None:
    (tmp_path / "t.cog").write_text("coglet Main { transmit r: float\n on start { r <- random() } }\n")

    def drawn(seed: int) -> object:
        with simulate(str(tmp_path / "t.cog"), seed=seed) as sim:
            sim.run("0s")
            return sim.outputs["r"]

    assert drawn(1) == drawn(1) != drawn(2)


# ---- from a wheel ----------------------------------------------------------------------------------------------


@pytest.mark.campaign
def test_all_of_it_works_from_an_installed_wheel(tmp_path: Path) -> None:
    """The wheel is built and installed in an environment of its own, over the dependencies of this one."""
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", tmp_path / "wheel", ROOT], check=True, timeout=300)
    (wheel,) = (tmp_path / "wheel").glob("cogc-*.whl")
    target = tmp_path / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", target, wheel], check=True, timeout=300)
    work = tmp_path / "work"
    work.mkdir()
    (work / "desk.cog").write_text(SPEC)
    (work / "test_desk.py").write_text(BLOCKS[3])
    env = {**os.environ, "PYTHONPATH": str(target)}
    for number, printed in ((0, "3.5\n"), (1, "2.5\n"), (2, "")):
        code = f"import cogc; assert cogc.__file__.startswith({str(target)!r}), cogc.__file__\n" + BLOCKS[number]
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=work, env=env, capture_output=True, text=True, timeout=120
        )
        assert (done.returncode, done.stdout) == (0, printed), done.stderr
    words = [*PYTEST, "--rootdir", work, work]
    done = subprocess.run(words, cwd=work, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr

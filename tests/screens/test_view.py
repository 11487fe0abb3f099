"""The viewer: its panes, its keys, sizes of screens, hostile traces, files that change."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cogc.commands import view as view_command
from cogc.commands.usage import UsageError
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.visible import visible_line
from cogc.disk.state_folder import here
from cogc.kernel.unit import Unit
from cogc.loading import bundle_of
from cogc.screens.view import plain
from cogc.screens.view.lines import STYLES, plain as text_of, wrapped
from cogc.screens.view.model import View
from cogc.screens.view.panes import Talks
from cogc.traces import sources
from cogc.traces.index import Index
from cogc.traces.moments import Moments
from cogc.traces.sources import Traced
from cogc.traces.travel import Travel
from support.cli import cogc_here
from support.paths import EXAMPLES, ROOT
from support.traces import HOSTILE, Written, everything, hostile
from support.waiting import wait_for

textual = pytest.importorskip("textual")

from textual.widgets import Input  # noqa: E402 - an extra

from cogc.screens.view.app import _PANES, KEYS, ViewApp  # noqa: E402 - Textual is an extra
from cogc.screens.view.compare import Compare, compared  # noqa: E402
from cogc.screens.view.timeline import Timeline  # noqa: E402
from support import screens  # noqa: E402

Pilot = Any


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index(str(everything().save(tmp_path / "t.jsonl"))) as index:
        yield index.read()


def drive(
    view: View, steps: Callable[[ViewApp, Pilot], Awaitable[None]], size: tuple[int, int] = (120, 40), **more: Any
) -> None:
    """Run the view without a terminal."""

    async def main() -> None:
        app = ViewApp(view, more.pop("export", lambda form, file, rows: f"{form} {file}"), **more)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await steps(app, pilot)

    asyncio.run(main())


def screen(app: ViewApp) -> str:
    """The text of the screen."""
    return "\n".join("".join(s.text for s in strip) for strip in app.screen._compositor.render_strips())


async def answer(app: ViewApp, pilot: Pilot, key: str, words: str) -> None:
    """Press a key that asks for something, and answer."""
    await pilot.press(key)
    app.query_one("#prompt", Input).value = words
    await pilot.press("enter")
    await pilot.pause()


async def until(condition: Callable[[], bool], pilot: Pilot) -> None:
    """Wait for what a thread of the viewer does."""
    for _ in range(1000):
        if condition():
            return
        await pilot.pause(0.02)
    raise AssertionError


def kind(view: View) -> str:
    return view.index.kind(view.row)


# ---- panes ---------------------------------------------------------------------------------------------------

SEEN = {
    "tree": ["Main", "lead", "slow", "stopped", "idle"],
    "messages": ["3.0000", "result", "Main/lead ->result", '"Four metres."'],
    "timeline": ["lead", "✗", "─"],
    "causes": ["what led to it", "Main =>question", "▶", "what it has led to", "Main ->slow.job 0"],
    "spec": ["is not known", "--spec"],
    "talks": [
        "1 conversation  2 requests  230 tokens in  25 out",
        "■ Lead  Main/lead",
        'calls      search("word":"tide")',
        'answer     ["four metres"]',
        "Four metres.",
    ],
    "work": [
        "plan Mend executing",
        "✓ completed",
        "✗ failed",
        "attempt 2",
        "it does not turn",
        "FAIL   wheel",
        "stuck",
        "Draft v1",
        "complete",
        "Critic review",
        "→ Critic",
    ],
    "failures": ["three jobs are too many", "made_up.cog:9:3", "dead_letter", "then    "],
    "record": ["transmit Main/lead ->result", "data: Four metres."],
}


@pytest.mark.parametrize("name", plain.PANES)
def test_a_pane_shows_what_it_is_for(index: Index, name: str) -> None:
    view = View(index, "x")
    view.go(
        next(index.of_kind("transmit")) if name not in ("work", "tree") else index.count - (1 if name == "work" else 4)
    )
    found = "\n".join(plain.text(view, [name]))
    assert [words for words in SEEN[name] if words not in found] == [], found


def test_plain_text_shows_the_lines_around_the_record(index: Index) -> None:
    view = View(index, "x")
    view.go(20)
    found = list(plain.text(view, ["messages"], most=5))
    assert found[1] == "(18 lines before)" and found[-1] == f"({index.count - 23} lines more)" and len(found) == 8


def test_a_tree_knows_what_waits(index: Index) -> None:
    view = View(index, "x")
    view.go(index.row_at(3.5) - 1)
    (slow,) = [line for line in plain.text(view, ["tree"]) if "slow" in line]
    assert slow.split() == ["slow", "idle", "·", "3"]


def test_a_trace_that_has_lost_its_beginning_tells_numbers_and_places(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(everything().text().splitlines(keepends=True)[30:]))
    with Index(str(path)) as index:

        async def steps(app: ViewApp, pilot: Pilot) -> None:
            assert "record 31 (1 of 20)" in screen(app)

        drive(View(index.read(), "x"), steps)


def test_a_record_has_the_states_of_its_coglet(index: Index) -> None:
    view = View(index, "x")
    view.go(next(index.of_kind("fail")))
    assert list(plain.text(view, ["record"]))[-2:] == ["states of Main/slow here", "  jobs: 3"]
    told = {"states": {"known": [1]}, "inboxes": [], "timers": [2.5], "waits": ["waits for you"]}
    view.moments = Moments(lambda run: None)
    view.moments.at = lambda record, wait=False: {"Main/slow": told}  # type: ignore[method-assign]
    assert list(plain.text(view, ["record"]))[-3:] == ["  known: [1]", "  next timer at 2.5000 s", "  waits for you"]


def test_dollars_come_from_the_prices_of_the_spec(tmp_path: Path, index: Index) -> None:
    (tmp_path / "a.cog").write_text('model clever = anthropic "claude-haiku-5-5"\nagent Lead { model: clever }\n')
    view = View(index, "x", lambda: bundle_of(str(tmp_path / "a.cog"), None, frozenset(), Problems()))
    pane = Talks(view)
    pane.update(100)
    assert view.bundle is not None
    price = next(model.price for model in view.bundle.models.values())
    assert price is not None
    cost = (230 * price.input + 25 * price.output) / 1e6
    assert f"${cost:.6f}" in text_of(pane.line(0)) and view.talks.all[0].usd == pytest.approx(cost)


def test_records_come_from_lines_of_the_spec(tmp_path: Path) -> None:
    spec = EXAMPLES / "counter" / "counter.cog"
    trace = tmp_path / "t.jsonl"
    assert cogc_here("run", spec, "--sim", "--for", "2s", f"--trace={trace}").returncode == 0
    lines = spec.read_text().splitlines()
    wanted = {
        "tick": "every period {",
        "transmit": "count <- n",
        "log": 'log info "{{ label }}: {{ v }}"',
        "create": "coglet Main {",
        "join": "",
    }
    with Index(str(trace)) as index:
        view = View(index.read(), "x", lambda: bundle_of(str(spec), None, frozenset(), Problems()))
        assert view.places is not None
        for name, line in wanted.items():
            for row in list(index.of_kind(name))[:1]:
                assert lines[view.places.of(row)[0].line - 1].strip() == line
        assert all(view.places.of(row) for row in range(index.count))
        view.go(next(index.of_kind("log")))
        marked = [line for line in plain.text(view, ["spec"], most=None) if line.startswith("▶")]
        assert len(marked) == 1 and "log info" in marked[0]


def test_a_trace_names_its_spec_and_a_viewer_says_that_it_has_changed(tmp_path: Path) -> None:
    spec = tmp_path / "a.cog"

    def view(text: str) -> tuple[str, str]:
        spec.write_text(text)
        view_command._load.cache_clear()
        done = cogc_here("view", "t.jsonl", "--pane", "spec", "--at", "0s", cwd=tmp_path)
        return done.stdout, done.stderr

    spec.write_text("coglet Main {\n  on start { log info 1 }\n}\n")
    assert cogc_here("run", "a.cog", "--sim", "--trace=t.jsonl", "--quiet", cwd=tmp_path).returncode == 0
    shown, said = view(spec.read_text())
    assert "▶    1 coglet Main {" in shown and said == ""
    assert view("coglet Main {\n  # a comment changes nothing that runs\n  on start { log info 1 }\n}\n")[1] == ""
    shown, said = view("coglet Main {\n  on start { log info 2 }\n}\n")
    assert "coglet Main {" in shown and said.startswith("cogc: `a.cog` has changed since this run")
    spec.unlink()
    assert "the spec of this trace is not known" in cogc_here("view", "t.jsonl", "--pane", "spec", cwd=tmp_path).stdout


def test_texts_are_wrapped_between_words() -> None:
    assert list(wrapped("one two three", 8)) == ["one two", "three"] and list(wrapped("x" * 9, 4)) == [
        "xxxx",
        "xxxx",
        "x",
    ]
    assert list(wrapped("a\n\nb", 4)) == ["a", "", "b"] and list(wrapped("a\nb\nc\nd", 5, 2)) == ["a", "b", "…"]


# ---- keys ----------------------------------------------------------------------------------------------------


def test_keys_move_the_current_record(index: Index) -> None:
    view = View(index, "x")

    async def steps(app: ViewApp, pilot: Pilot) -> None:
        await pilot.press("G")
        assert kind(view) == "stop"
        await pilot.press("g", "down", "down", "up", "pagedown", "pageup", "j", "k", "end", "home")
        assert view.row == 0
        view.go(next(index.of_kind("fail")))
        await pilot.press("left_square_bracket")
        assert kind(view) == "deliver"
        await pilot.press("left_square_bracket")
        assert kind(view) == "send"
        await pilot.press("right_square_bracket", "right_square_bracket")
        assert kind(view) == "state"
        await pilot.press("g", "left_square_bracket")
        assert "nothing led to this record" in screen(app)
        await answer(app, pilot, "t", "3500ms")
        assert index.times[view.row] == 3.5
        await answer(app, pilot, "t", "soon")
        assert "is no time of a run" in screen(app) and index.times[view.row] == 3.5
        await pilot.press("f")
        assert view.follow and view.row == index.count - 1 and "follows" in screen(app)
        await pilot.press("up")
        assert not view.follow

    drive(view, steps)


def test_keys_filter_and_search(index: Index) -> None:
    view = View(index, "x")

    async def steps(app: ViewApp, pilot: Pilot) -> None:
        await pilot.press("n")
        assert "/ sets a filter first" in screen(app)
        await answer(app, pilot, "slash", "kind:state path:slow")
        assert view.matches is not None and len(app.panes["messages"]) == 3 and "filter kind:state" in screen(app)
        await pilot.press("g")
        first = view.row
        await pilot.press("n")
        assert view.row > first
        await pilot.press("N")
        assert view.row == first
        await pilot.press("N")
        assert view.row == first and "lets no other record through" in screen(app)
        await pilot.press("G")
        assert view.index.record(view.row)["data"] == 3
        await answer(app, pilot, "slash", "since:x")
        assert "is no filter" in screen(app)
        await pilot.press("slash", "escape", "escape")
        assert view.matches is None and len(app.panes["messages"]) == index.count

    drive(view, steps)


def test_keys_show_panes_and_keep_to_a_coglet(index: Index) -> None:
    view = View(index, "x")

    async def steps(app: ViewApp, pilot: Pilot) -> None:
        for number, pane in enumerate(_PANES, 1):
            await pilot.press(str(number))
            await pilot.pause()
            assert app.current == pane.name and app.main.pane.name == pane.name
        await pilot.press("s")
        assert app.current == "spec"
        await answer(app, pilot, "c", "plan")
        assert view.coglet == "Main/plan" and "in Main/plan" in screen(app)
        assert view.matches is not None
        assert {index.place(row) for row in view.matches.rows} == {"Main/plan", "Main/plan/done"}
        await answer(app, pilot, "c", "nobody")
        assert "no coglet has `nobody`" in screen(app)
        await pilot.press("escape")
        assert view.coglet == ""
        await pilot.press("2", "down", "enter")
        await pilot.pause()
        assert view.coglet != ""
        await pilot.press("enter")
        assert view.coglet == ""
        await pilot.press("4", "home", "down", "enter")
        assert kind(view) == "create"
        await pilot.press("tab")
        assert app.query_one("#detail").has_focus
        await pilot.press("tab", "tab")
        assert app.main.has_focus

    drive(view, steps)


def test_keys_zoom_the_timeline_and_move_in_time(index: Index) -> None:
    view = View(index, "x")
    view.go(index.row_at(3.0))

    async def steps(app: ViewApp, pilot: Pilot) -> None:
        timeline = app.panes["timeline"]
        assert isinstance(timeline, Timeline)
        await pilot.press("plus")
        assert app.current == "timeline" and timeline.window is not None
        start, end = timeline.window
        assert end - start == pytest.approx(5.0) and start <= 3.0 <= end
        await pilot.press("plus")
        await pilot.pause()
        before = view.row
        await pilot.press("right", "right")
        assert view.row > before
        await pilot.press("left", "left", "left")
        assert view.row < before + 1
        await pilot.press("minus", "minus")
        assert timeline.window is None
        await pilot.press("plus", "0")
        assert timeline.window is None

    drive(view, steps)


def test_keys_copy_export_help_and_quit(index: Index) -> None:
    view = View(index, "x")
    given: list[object] = []

    def export(form: str, file: str, rows: Any) -> str:
        given.append((form, file, rows))
        return f"written to {file}"

    async def steps(app: ViewApp, pilot: Pilot) -> None:
        await pilot.press("y")
        assert app.clipboard.startswith('{"v":1,"seq":1,') and "is copied" in screen(app)
        await answer(app, pilot, "e", "csv")
        assert "write a format and a file" in screen(app)
        await answer(app, pilot, "e", "csv out.csv")
        await until(lambda: "written to out.csv" in screen(app), pilot)
        assert given == [("csv", "out.csv", None)]
        await pilot.press("question_mark")
        await pilot.pause()
        found = screen(app)
        assert all(key in found for key, _ in KEYS[:8])
        await pilot.press("escape", "colon")
        await pilot.pause()
        assert type(app.screen).__name__ == "CommandPalette"
        await pilot.press("escape")
        names = {command.title for command in app.get_system_commands(app.screen)}
        assert {"Show talks", "Ask for a filter", "Follow", "Quit"} <= names
        await pilot.press("q")
        assert app._exit

    drive(view, steps, export=export)


def test_keys_compare_two_runs(index: Index, tmp_path: Path) -> None:
    other = everything()
    other.records[10]["data"] = "another question"
    other.save(tmp_path / "other.jsonl")
    view = View(index, "x")

    async def steps(app: ViewApp, pilot: Pilot) -> None:
        await answer(app, pilot, "d", "other.jsonl")
        await until(lambda: "another question" in screen(app), pilot)
        assert app.current == "compare" and "the first event" in screen(app)
        await answer(app, pilot, "d", "none")
        await until(lambda: "no such file" in screen(app), pilot)

    with contextlib.chdir(tmp_path):
        drive(view, steps, size=(160, 40))


def test_a_trace_that_is_the_same_departs_nowhere(index: Index) -> None:
    view = View(index, "x")
    view.other = index.path
    pane = Compare(view)
    pane.result = compared(index, index.path, lambda word: Traced(word, word))
    pane.update(100)
    assert text_of(pane.line(0)) == "the traces have the same events"


def test_a_comparison_lets_the_other_trace_go(index: Index) -> None:
    endless = Traced("none", "run x")
    endless.is_endless = True
    assert compared(index, "x", lambda word: endless).error == "run x writes no trace to a file" and endless.is_over
    before = len(os.listdir("/proc/self/fd"))
    found = compared(index, index.path, lambda word: Traced(word, word))
    assert len(os.listdir("/proc/self/fd")) == before + 1
    found.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_mouse_chooses_panes_and_lines(index: Index) -> None:
    view = View(index, "x")

    async def steps(app: ViewApp, pilot: Pilot) -> None:
        await pilot.click("#pane-messages", offset=(5, 4))
        assert view.row == 4
        await pilot.click("#tabs", offset=(25, 0))
        await pilot.pause()
        assert app.current == "timeline"

    drive(view, steps)


# ---- sizes, hostile texts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "size"), [(1, (20, 6)), (1, (80, 24)), (100, (120, 40)), (1000, (80, 24)), (1000, (200, 60))]
)
def test_screens_of_each_size_show_each_pane(tmp_path: Path, count: int, size: tuple[int, int]) -> None:
    made = Written()
    made.add(0.0, "create", "Main", coglet="Main")
    for n in range(count):
        made.add(n * 0.1, "create", f"Main/member[{n}]", coglet="Member")
        made.add(n * 0.1, "log", f"Main/member[{n}]", 2 * n + 2, level="info", data=f"here is {n}")
    with Index(str(made.save(tmp_path / "t"))) as index:
        view = View(index.read(), "x")
        view.go(index.count - 1)

        async def steps(app: ViewApp, pilot: Pilot) -> None:
            for pane in _PANES:
                app.action_show(pane.name)
                await pilot.pause()
                lines = screen(app).split("\n")
                assert len(lines) == size[1] and f"{index.count:,}"[:2] in lines[0]
            assert app.query_one("#side").display == (size[0] >= 110)

        drive(view, steps, size)


RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\U000e0000-\U000e0fff]")


def test_hostile_texts_only_stand_there(tmp_path: Path) -> None:
    with Index(str(hostile().save(tmp_path / "t"))) as index:
        view = View(index.read(), HOSTILE)
        for row in range(index.count):
            view.go(row)
            for name in plain.PANES:
                for line in plain.text(view, [name], most=30):
                    assert not RAW.search(line) and "\n" not in line
        shown = "\n".join(plain.text(view, ["talks", "work", "failures", "tree"]))
        assert visible_line("\x1b]52") in shown

        async def steps(app: ViewApp, pilot: Pilot) -> None:
            for row in (1, 5, index.count - 3):
                view.go(row)
                for pane in _PANES:
                    app.action_show(pane.name)
                    await pilot.pause()
                    assert not RAW.search(screen(app).replace("\n", ""))
            await pilot.press("y")
            await answer(app, pilot, "slash", "u001b")
            await answer(app, pilot, "c", "Main")

        drive(view, steps, (100, 30))


def test_what_a_colour_says_is_said_without_it() -> None:
    assert set(STYLES) >= {"good", "bad", "busy", "note", "mark"}


# ---- files that change, other sources ------------------------------------------------------------------------


def test_a_view_takes_what_is_written_meanwhile(tmp_path: Path) -> None:
    lines = everything().text().splitlines(keepends=True)
    path = tmp_path / "t.jsonl"
    path.write_text("")

    with Index(str(path)) as index:
        view = View(index, "x")

        async def steps(app: ViewApp, pilot: Pilot) -> None:
            assert "the trace has no records yet" in screen(app)
            with path.open("a") as file:
                file.write("".join(lines[:20]) + lines[20][:15])
            await until(lambda: "of 20" in screen(app), pilot)
            assert view.row == 0
            await pilot.press("f")
            with path.open("a") as file:
                file.write(lines[20][15:] + "".join(lines[21:]))
            await until(lambda: f"record {len(lines)} of {len(lines)}" in screen(app), pilot)
            await until(lambda: "follows" in screen(app), pilot)
            path.write_text(lines[0])
            await until(lambda: "the file was replaced" in screen(app), pilot)
            assert view.row == 0

        drive(view, steps)


@pytest.mark.parametrize(
    ("words", "code", "wanted"),
    [
        (["t.jsonl", "--pane", "causes", "--at", "31"], 0, "▶      6.0000      31 fail"),
        (["t.jsonl", "--filter", "kind:fail", "--pane", "messages"], 0, "three jobs are too many"),
        (["t.jsonl", "--lines", "3"], 0, "lines more)"),
        (["t.jsonl", "--at", "9999"], 2, "has no such record"),
        (["t.jsonl", "--at", "soon"], 2, "a time such as 10s"),
        (["t.jsonl", "--filter", "since:soon"], 2, "soon"),
        (["none.jsonl"], 2, "there is no file, no instance and no run `none.jsonl`"),
        (["pipe"], 2, "it is a pipe and no file"),
        (["bad.jsonl"], 2, "it is not a journal"),
        ([], 2, "there is no run with a trace here"),
    ],
)
def test_the_command_prints_without_a_terminal(tmp_path: Path, words: list[str], code: int, wanted: str) -> None:
    everything().save(tmp_path / "t.jsonl")
    (tmp_path / "bad.jsonl").write_text('{"journal":99}\n')
    os.mkfifo(tmp_path / "pipe")
    done = cogc_here("view", *words, "--state", tmp_path / "state", cwd=tmp_path)
    assert done.returncode == code and wanted in done.stdout + done.stderr, done.stderr


def test_an_instance_is_shown_from_its_journal(tmp_path: Path) -> None:
    spec = EXAMPLES / "counter" / "counter.cog"
    run = ["run", spec, "--sim", "--for", "2s", "--instance", "kit", "--state", tmp_path]
    trace = tmp_path / "t.jsonl"
    assert cogc_here(*run, f"--trace={trace}").returncode == 0
    done = cogc_here("view", "kit", "--state", tmp_path, "--pane", "spec", "--pane", "messages", "--lines", "0")
    assert done.returncode == 0 and "▶" in done.stdout and done.stderr == ""
    with Index(str(trace)) as index:
        view = View(index.read(), "x")
        assert done.stdout.endswith("\n".join(plain.text(view, ["messages"], 120)) + "\n")


JOINED = """coglet Source {
  transmit x: int
  state n: int = 0
  every 1s { n = n + 1
    x <- n }
}
coglet Main {
  state seen: int = 0
  state never: string = "as it began"
  create a = Source
  create b = Source
  on all(a.x, b.x) as [p, q] { seen = p + q }
  on a.x as v { seen = v }
}
"""


@pytest.fixture
def joined(tmp_path: Path) -> Path:
    """The folder of a run with a trace and a journal."""
    (tmp_path / "a.cog").write_text(JOINED)
    line = ["run", "a.cog", "--sim", "--for", "3s", "--record", "j", "--trace=t.jsonl", "--quiet"]
    assert cogc_here(*line, cwd=tmp_path).returncode == 0
    return tmp_path


def row_of(index: Index, kind: str, path: str, t: float) -> int:
    """Return the first row of a kind, a coglet and a time."""
    rows = (r for r in range(index.count) if (index.kind(r), index.place(r), index.times[r]) == (kind, path, t))
    return next(rows)


def test_with_a_journal_beside_the_trace_the_panes_show_what_the_trace_does_not_tell(joined: Path) -> None:
    with Index(str(joined / "t.jsonl")) as index:
        row = row_of(index.read(), "deliver", "Main", 2.0)
    line = ["view", "t.jsonl", "--pane", "record", "--pane", "tree", "--at", str(row + 1)]
    plain_trace = cogc_here(*line, cwd=joined).stdout
    shown = cogc_here(*line, "--spec", "a.cog", cwd=joined).stdout
    assert "as it began" in shown and "as it began" not in plain_trace
    shutil.move(joined / "j", joined / "elsewhere.jsonl")
    (joined / "elsewhere.jsonl").write_bytes(b"\n".join((joined / "elsewhere.jsonl").read_bytes().splitlines()[:5]))
    far = cogc_here(*line, "--spec", "a.cog", cwd=joined).stdout
    assert "as the trace tells: the last record of the journal is " in far and "as it began" not in far


def test_the_screen_shows_the_moment_when_it_has_been_replayed(joined: Path) -> None:
    bundle = bundle_of(str(joined / "a.cog"), None, frozenset(), Problems())
    assert bundle is not None
    found = Travel(joined / "j", Unit(bundle))
    with Index(str(joined / "t.jsonl")) as index:
        view = View(index.read(), "x")
        view.moments = Moments(lambda run: found)
        row = row_of(index, "tick", "Main/b", 2.0)

        async def steps(app: ViewApp, pilot: Pilot) -> None:
            app.go(row, "")
            await until(lambda: "next timer at" in screen(app), pilot)
            answers = view.answers
            await pilot.press("left_square_bracket", "right_square_bracket", "g")
            await until(lambda: view.answers > answers, pilot)
            app.go(row_of(index, "state", "Main", 2.0), "")
            await until(lambda: "as it began" in screen(app), pilot)
            await pilot.press("f")
            await until(lambda: "as it began" not in screen(app), pilot)

        drive(view, steps, size=(180, 50))
    assert view.moments.why_not == ""


def test_a_journal_that_cannot_be_replayed_leaves_what_the_trace_tells(joined: Path) -> None:
    with Index(str(joined / "t.jsonl")) as index:
        record = index.read().record(20)
        errors = {
            "it is damaged": ValueError("it is damaged"),
            "permission denied": PermissionError(13, "Permission denied", "j"),
            "there is none": LookupError("there is none"),
        }
        for words, error in errors.items():

            def broken(run: str, error: Exception = error) -> Travel:
                raise error

            moments = Moments(broken)
            assert moments.at(record, wait=True) is None and moments.why_not == words
        bundle = bundle_of(str(joined / "a.cog"), None, frozenset(), Problems())
        assert bundle is not None
        moments = Moments(lambda run: Travel(joined / "j", Unit(bundle)))
        assert moments.at({**record, "kind": "other"}, wait=True) is None and "another record" in moments.why_not
        known = moments.at({**record, "seq": record["seq"] + 1}, wait=True)
        assert known is None and moments.at({"kind": "broken"}, wait=True) is None


def test_a_run_is_compared_with_a_journal_too(joined: Path) -> None:
    with Index(str(joined / "t.jsonl")) as index:
        given = sources.found(
            str(joined / "j"),
            here(str(joined / "state")),
            str(joined / "a.cog"),
            lambda spec, begun: bundle_of(spec, None, frozenset(), Problems()),
        )
        with given:
            found = compared(index.read(), "j", lambda word: given)
            found.close()
        assert found.sides is not None and [side.alone for side in found.sides] == [0, 0]
        assert compared(
            index, "none", lambda word: sources.found(word, here(str(joined / "state")), "", lambda s, b: None)
        ).error.startswith("there is no file, no instance and no run `none`")


def test_the_viewer_of_a_trace_starts_without_kernel_and_trio() -> None:
    code = "import sys, cogc.commands.view; print([m for m in ('trio', 'cogc.kernel.machine', 'cogc.compile') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[]\n"


def test_without_textual_one_line_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = everything().save(tmp_path / "t.jsonl")
    parser = ArgumentParser()
    view_command.arguments(parser)
    monkeypatch.setitem(sys.modules, "textual.app", None)
    monkeypatch.delitem(sys.modules, "cogc.screens.view.app")

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr(sys, "stderr", Terminal())
    with pytest.raises(UsageError, match=r"pip install 'cogc\[view\]'; --plain does without"):
        view_command.run(parser.parse_args([str(path)]))
    assert view_command.run(parser.parse_args([str(path), "--plain"])) == 0


def test_a_viewer_that_is_stopped_holds_no_run_up(tmp_path: Path) -> None:
    trace = tmp_path / "t.jsonl"
    trace.write_text("")
    watch = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from cogc.traces.index import Index; i = Index(sys.argv[1]); print('ready', flush=True); time.sleep(600)",
            str(trace),
        ],
        stdout=subprocess.PIPE,
    )
    try:
        assert watch.stdout is not None and watch.stdout.readline() == b"ready\n"
        watch.send_signal(signal.SIGSTOP)
        done = cogc_here("run", EXAMPLES / "counter" / "counter.cog", "--sim", "--for", "200s", f"--trace={trace}")
        assert done.returncode == 0
    finally:
        watch.kill()
        watch.wait()
        assert watch.stdout is not None
        watch.stdout.close()
    with Index(str(trace)) as index:
        assert index.read().count > 1500 and index.kind(index.count - 1) == "stop"


# ---- in a terminal -------------------------------------------------------------------------------------------


def tmux(socket: Path, *words: object) -> str:
    return subprocess.run(
        ["tmux", "-S", str(socket), *map(str, words)], capture_output=True, text=True, timeout=60, check=True
    ).stdout


@pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux")
def test_a_run_is_killed_while_it_is_watched(tmp_path: Path) -> None:
    trace, socket = tmp_path / "t.jsonl", tmp_path / "s"
    spec = tmp_path / "a.cog"
    spec.write_text("coglet Main {\n  state n: int = 0\n  every 1ms { n = n + 1 }\n}\n")
    cogc = [sys.executable, "-m", "cogc"]
    run = subprocess.Popen(
        [*cogc, "run", str(spec), f"--trace={trace}", "--quiet"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(lambda: trace.exists() and trace.stat().st_size > 0)
        tmux(socket, "new-session", "-d", "-x", 90, "-y", 24, *cogc, "view", trace)
        wait_for(lambda: "1 message" in tmux(socket, "capture-pane", "-p"))
        tmux(socket, "send-keys", "f")
        wait_for(lambda: "follows" in tmux(socket, "capture-pane", "-p"))
        run.kill()
        run.wait()
        with trace.open("ab") as file:  # what the kill may have left of a line
            file.write(b'{"v":1,"seq":9')
        with Index(str(trace)) as index:
            count = f"{index.read().count:,}"
        wait_for(lambda: f"of {count}" in tmux(socket, "capture-pane", "-p"))
        tmux(socket, "send-keys", "g")
        wait_for(
            lambda: (
                "record 1 of" in tmux(socket, "capture-pane", "-p")
                and "no end yet" in tmux(socket, "capture-pane", "-p")
            )
        )
        tmux(socket, "send-keys", "q")
        wait_for(
            lambda: (
                subprocess.run(["tmux", "-S", str(socket), "has-session"], capture_output=True, check=False).returncode
                != 0
            )
        )
    finally:
        run.kill()
        run.wait()
        subprocess.run(["tmux", "-S", str(socket), "kill-server"], capture_output=True, check=False)


def test_the_pictures_of_the_page_are_those_of_the_panes(tmp_path: Path) -> None:
    page = (ROOT / "specs" / "view.md").read_text(encoding="utf-8")
    for picture in screens.PICTURES:
        assert f"](view/{picture.pane}.svg)" in page
        kept = (ROOT / "specs" / "view" / f"{picture.pane}.svg").read_text(encoding="utf-8")
        assert len(kept) < 60_000 and "url(http" not in kept and str(ROOT) not in kept
    with contextlib.chdir(ROOT):
        made = screens.draw(screens.PICTURES[4], tmp_path)
    assert "log&#160;info" in made and words_of(made) == words_of(
        (ROOT / "specs" / "view" / "spec.svg").read_text(encoding="utf-8")
    )


def words_of(svg: str) -> list[str]:
    """The texts of a picture, whatever its colours and sizes are."""
    return re.findall(r">([^<>\n]+)</text>", svg)

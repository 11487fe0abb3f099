"""What a look at the viewer has shown: highlights, wide characters, no colours, many failures, files that are replaced or removed, deep records."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from cogc.commands import view as view_command
from cogc.screens.view import plain
from cogc.screens.view.lines import dollars, padded, wrapped
from cogc.screens.view.model import View
from cogc.traces.index import Index
from support.cli import cogc_here
from support.traces import Written, everything

textual = pytest.importorskip("textual")

from textual.content import Content  # noqa: E402 - an extra
from textual.widgets import Static  # noqa: E402

from cogc.screens.view.app import _PANES, ViewApp  # noqa: E402 - Textual is an extra

Pilot = Any


def drive(
    view: View, steps: Callable[[ViewApp, Pilot], Awaitable[None]], size: tuple[int, int] = (80, 24), **more: Any
) -> None:
    async def main() -> None:
        app = ViewApp(view, lambda form, file, rows: "", **more)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await steps(app, pilot)

    asyncio.run(main())


def of(made: Written, path: Path) -> Index:
    return Index(str(made.save(path)))


def highlighted(app: ViewApp) -> str:
    """The text of the tab that is shown as the chosen one."""
    content = app.query_one("#tabs", Static).content
    assert isinstance(content, Content)
    return "".join(content.plain[s.start : s.end] for s in content.spans if "reverse" in str(s.style))


@pytest.mark.parametrize(("width", "wanted"), [(200, " {n} {name} "), (80, "{n} {name}"), (30, "{n} {name}")])
def test_the_tab_of_the_pane_that_is_shown_is_highlighted_and_whole(tmp_path: Path, width: int, wanted: str) -> None:
    with of(everything(), tmp_path / "t") as index:

        async def steps(app: ViewApp, pilot: Pilot) -> None:
            for n, pane in list(enumerate(_PANES, 1))[:: 1 if width == 80 else 4]:
                await pilot.press(str(n))
                await pilot.pause()
                assert highlighted(app) == wanted.format(n=n, name=pane.name)
                content = app.query_one("#tabs", Static).content
                assert isinstance(content, Content) and content.cell_length <= width
                if width >= 80:
                    assert all(p.name in content.plain for p in _PANES)

        drive(View(index.read(), "x"), steps, (width, 24))


def failing(count: int) -> Written:
    made = Written()
    made.add(0.0, "create", "Main", coglet="Main")
    for n in range(count):
        made.add(n * 0.1, "deliver", f"Main/w[{n}]", 1, port="job")
        made.add(n * 0.1, "fail", f"Main/w[{n}]", 2 + 2 * n, error=f"broken {n}", error_kind="error")
    return made


@pytest.mark.parametrize(("which", "head"), [(0, "1 to 200"), (250, "151 to 350"), (499, "301 to 500")])
def test_of_many_failures_those_around_the_current_record_are_shown(tmp_path: Path, which: int, head: str) -> None:
    with of(failing(500), tmp_path / "t") as index:
        view = View(index.read(), "x")
        view.go(list(index.of_kind("fail"))[which])
        found = plain.text(view, ["failures"], most=12)
        assert any(f"500 failures, {head} of them" in line for line in plain.text(view, ["failures"], most=9_999))
        assert any(f"broken {which}" in line for line in found)

        pane = plain.PANES["failures"](view)
        pane.update(100)
        assert "".join(text for text, _ in pane.line(pane.at())).startswith(f"✗ fail Main/w[{which}]")


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ([("fail", "Main"), ("dead_letter", "Main")], "failed"),
        ([("fail", "Main"), ("stop", "Main/w"), ("log", "Main/w")], "failed"),
        ([("stop", "Main/w"), ("stop", "Main")], "ended"),
        ([("fail", "Main/w"), ("dead_letter", "Main/w")], "no end yet"),
        ([("fail", "Main"), ("deliver", "Main")], "no end yet"),
    ],
)
def test_the_line_at_the_top_says_how_a_run_has_ended(tmp_path: Path, more: list[tuple[str, str]], wanted: str) -> None:
    made = Written()
    made.add(0.0, "create", "Main", coglet="Main")
    for kind, path in more:
        made.add(1.0, kind, path, error="x")
    with of(made, tmp_path / "t") as index:

        async def steps(app: ViewApp, pilot: Pilot) -> None:
            app.look()
            app.grown = 0.0  # long ago
            app._head()
            assert str(app.query_one("#head", Static).content).endswith(wanted)

        drive(View(index.read(), "x"), steps)


def test_wide_characters_take_two_cells() -> None:
    text = "漢字 " * 40 + "é👩 tab"
    assert all(cell_len(line) <= 21 for line in wrapped(text, 21))
    assert "".join(wrapped(text, 21)).replace(" ", "") == text.replace(" ", "")
    assert [cell_len(padded(t, 9)) for t in ("abc", "漢字", "漢字漢字漢字", "e\u0301", "")] == [9] * 5
    assert list(wrapped("漢", 1)) == ["漢"]
    assert [dollars(x) for x in (0, 0.0123, 1.5, 2.0)] == ["$0", "$0.0123", "$1.5", "$2"]


def test_columns_stand_below_each_other_whatever_the_names_are(tmp_path: Path) -> None:
    made = Written()
    for path in ("主要", "主要/工人[0]", "主要/" + "x" * 90, "主要/e\u0301\u202e"):
        made.add(0.0, "create", path, coglet="C")
        made.add(0.0, "start", path)
    with of(made, tmp_path / "t") as index:
        view = View(index.read(), "x")
        view.go(index.count - 1)
        rows = [line for line in plain.text(view, ["tree"], width=80) if " idle " in line]
        assert len(rows) == 4 and len({cell_len(line[: line.index(" idle ")]) for line in rows}) == 1


def test_without_colours_there_is_none_and_the_choice_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with of(everything(), tmp_path / "t") as index:

        async def steps(app: ViewApp, pilot: Pilot) -> None:
            strips = app.screen._compositor.render_strips()
            drawn = [[s for f in (app._filters[-1],) for s in f.apply(list(strip), app.screen.background_colors[1])] for strip in strips]  # fmt: skip
            styles = [s.style for line in drawn for s in line if s.style is not None]
            assert styles and all(style.color is None and style.bgcolor is None for style in styles)
            reversed_ = ["".join(s.text for s in line if s.style and s.style.reverse) for line in drawn]
            assert "record 1" in reversed_[0] and "create" in reversed_[2] and "create" not in reversed_[3]

        drive(View(index.read(), "x"), steps)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_that_cannot_draw_gets_plain_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(view_command, "_app", lambda: pytest.fail("no full screen here"))
    trace = everything().save(tmp_path / "t.jsonl")
    parser = ArgumentParser()
    view_command.arguments(parser)
    with contextlib.redirect_stdout(Terminal()) as out, contextlib.redirect_stderr(Terminal()):
        assert view_command.run(parser.parse_args([str(trace), "--state", str(tmp_path / "state")])) == 0
    assert "messages: " in out.getvalue() and "\x1b" not in out.getvalue()


# ---- files -----------------------------------------------------------------------------------------------------


def renamed(text: str) -> str:
    """The same trace of another run."""
    return text.replace('"run":"made-up"', '"run":"another"')


@pytest.mark.parametrize("how", ["another file", "longer", "another file, of an empty one"])
def test_a_trace_that_takes_the_place_of_another_one_is_read(tmp_path: Path, how: str) -> None:
    path, text = tmp_path / "t.jsonl", everything().text()
    path.write_text("" if "empty" in how else text)
    with Index(str(path)) as index:
        index.read()
        if how == "longer":
            path.write_text(renamed(text) * 2)
        else:
            (tmp_path / "new").write_text(renamed(text))
            os.replace(tmp_path / "new", path)
        assert not index.grow() and index.is_replaced
        index.restart()
        assert index.read().record(0)["run"] == "another"


def test_a_trace_that_is_removed_stays_as_it_was_read(tmp_path: Path) -> None:
    path, text = tmp_path / "t.jsonl", everything().text()
    path.write_text(text)
    with Index(str(path)) as index:
        view = View(index.read(), "x")

        async def steps(app: ViewApp, pilot: Pilot) -> None:
            path.unlink()
            index.grow()
            app.look()
            assert "the file was removed" in str(app.query_one("#foot", Static).content)
            await pilot.press("G")
            assert view.row == index.count - 1 > 0
            path.write_text(renamed(text))
            index.grow()
            app.look()
            assert index.generation == 1 and "was replaced" in str(app.query_one("#foot", Static).content)

        drive(view, steps)


def test_the_spec_is_found_beside_its_trace_and_by_the_end_of_its_name(tmp_path: Path) -> None:
    place = tmp_path / "there"
    place.mkdir()
    (place / "s.cog").write_text('coglet Main {\n  on start {\n    fail "broken"\n  }\n}\n')
    cogc_here("run", "s.cog", "--sim", "--trace=t.jsonl", cwd=place)
    lines = (place / "t.jsonl").read_text().splitlines()
    (failed,) = (number for number, line in enumerate(lines, 1) if '"kind":"fail"' in line)
    where = "--plain", "--pane", "spec", "--at", failed
    for spec in ([], ["--spec", "there/s.cog"]):
        done = cogc_here("view", "there/t.jsonl", *spec, *where, cwd=tmp_path)
        assert '▶    3     fail "broken"' in done.stdout, done.stdout + done.stderr


def test_a_record_that_nests_without_end_is_a_broken_line(tmp_path: Path) -> None:
    made = Written()
    made.add(0.0, "create", "Main", coglet="Main")
    deep = made.text() + made.text().replace('"seq":1', '"seq":2').replace('"Main"}', "[" * 99_000 + "]" * 99_000 + "}")
    (tmp_path / "t.jsonl").write_text(deep + made.text().replace('"seq":1', '"seq":3'))
    for words in (["show", "t.jsonl"], ["export", "t.jsonl", "--format", "csv"], ["diff", "t.jsonl", "t.jsonl"]):
        done = cogc_here("trace", *words, cwd=tmp_path)
        assert done.returncode == 1 and "line 2 is no record" in done.stderr, done.stderr
    assert "broken" in cogc_here("view", "t.jsonl", "--plain", "--pane", "messages", cwd=tmp_path).stdout

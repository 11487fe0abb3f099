"""The full-screen view of a trace, on Textual.

The index is made by a thread, which goes on as the file grows; the screen looks ten times a second whether there is anything new. Nothing
is written to the run or its files, so a viewer that is slow, or is stopped, holds nothing up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import ClassVar

import msgspec
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Resize
from textual.screen import Screen
from textual.suggester import SuggestFromList
from textual.widgets import ContentSwitcher, Input, Static

from cogc.diagnostics.visible import shown_line
from cogc.screens.view.compare import Compare, Comparison, Other, compared
from cogc.screens.view.model import View
from cogc.screens.view.panes import Causes, Detail, Failures, Messages, Pane, Spec, Talks, Tree, Work
from cogc.screens.view.timeline import Timeline
from cogc.screens.view.widgets import Colourless, Help, PaneView
from cogc.traces import moment
from cogc.traces.query import parsed, seconds
from cogc.traces.sources import Traced

_PERIOD = 0.1
"""Seconds between two looks at what is new."""
_CALM = 0.5
"""Seconds between two pictures of a trace that grows behind the records that are shown."""
_SEARCH = 0.03
"""Seconds that a look spends on the filter."""
_WIDE, _WIDEST = 110, 170
"""The columns from which the tree stands beside the pane, and the record beside both."""
_PANES: tuple[type[Pane], ...] = (Messages, Tree, Timeline, Causes, Spec, Talks, Work, Failures, Compare)
Export = Callable[[str, str, Iterable[int] | None], str]
"""Writes rows in a format to a file, and returns what it has done or why not."""
_PROMPTS = {
    "filter": "kind:fail path:Main/jury channel:vote since:10s before:2m some text",
    "time": "a time of the run: 250ms, 10s, 5m or seconds",
    "coglet": "the path of a coglet, or a part of it; empty for all",
    "compare": "another run: path of a trace or a journal, name of an instance, or id of a run",
    "export": "html FILE, csv FILE, perfetto FILE or mermaid FILE",
}
KEYS = (
    ("1 … 9", "show a pane"),
    ("↑ ↓ PgUp PgDn Home End", "choose a line; in messages it is the current record"),
    ("Enter, click", "make the record of the chosen line the current one; in the tree, keep to the coglet"),
    ("← →", "move long lines; in the timeline, move in time"),
    ("+ - 0", "zoom the timeline, show all of it"),
    ("/", "filter; Esc ends it"),
    ("n N", "next and last record that the filter lets through"),
    ("g G", "first and last record"),
    ("[ ]", "to the record that led to this one; to the one that it has led to"),
    ("t", "to a time"),
    ("s", "the line of the spec"),
    ("c", "keep to a coglet and those below it"),
    ("f", "follow the end of the trace as it grows"),
    ("d", "compare with another run"),
    ("y", "copy the record to the clipboard of the terminal"),
    ("e", "export the records that the filter lets through"),
    (":", "all commands"),
    ("?", "this help"),
    ("q", "quit"),
)
"""The keys and what they do."""


class ViewApp(App[None]):
    """The view of one trace. `export` writes files; `news` gives what went wrong with the source of the trace, `other` the trace of another run."""

    CSS = """
    #head { height: 1; background: $primary-darken-2; color: $text; text-style: bold; }
    #tabs { height: 1; background: $panel; link-style: none; link-color: $text-muted; link-background-hover: $primary; }
    #body, #below, #main { height: 1fr; }
    #foot { height: 1; background: $panel; color: $text-muted; }
    #prompt { height: 1; border: none; padding: 0 1; display: none; background: $boost; }
    #prompt.asked { display: block; }
    #side { width: 50; display: none; border-right: solid $panel; }
    .wide #side { display: block; }
    .wide #side.hidden { display: none; }
    #detail { height: 6; border-top: solid $panel; }
    .wide #detail { height: 11; }
    .widest #side { width: 56; }
    .widest #below { layout: horizontal; }
    .widest #main { width: 1fr; }
    .widest #detail { height: 1fr; width: 60; border-top: none; border-left: solid $panel; }
    PaneView { height: 1fr; background: $surface; color: $text; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; }
    #help { background: $panel; border: round $primary; padding: 1 2; width: 90%; max-width: 100; height: 90%; }
    Help { align: center middle; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(n), f"show('{pane.name}')", pane.name, show=False) for n, pane in enumerate(_PANES, 1)),
        Binding("slash", "ask('filter')", "filter"),
        Binding("n", "step(1)", "next match"),
        Binding("N", "step(-1)", "last match"),
        Binding("g", "first", "first record"),
        Binding("G", "last", "last record"),
        Binding("left_square_bracket", "cause", "its cause"),
        Binding("right_square_bracket", "effect", "its effect"),
        Binding("t", "ask('time')", "to a time"),
        Binding("s", "show('spec')", "line of the spec"),
        Binding("c", "ask('coglet')", "keep to a coglet"),
        Binding("f", "follow", "follow"),
        Binding("d", "ask('compare')", "compare"),
        Binding("y", "copy", "copy"),
        Binding("e", "ask('export')", "export"),
        Binding("plus,equals_sign", "zoom(0.5)", "zoom in"),
        Binding("minus", "zoom(2)", "zoom out"),
        Binding("0", "zoom(0)", "zoom to all"),
        Binding("colon", "command_palette", "commands"),
        Binding("question_mark", "help", "help"),
        Binding("escape", "leave", "back"),
        Binding("tab", "other_pane", "next part", priority=True),
        Binding("q", "quit", "quit"),
    ]
    TITLE = "cogc view"

    def __init__(
        self,
        view: View,
        export: Export,
        news: Callable[[], str] = lambda: "",
        pane: str = "messages",
        other: Other = lambda word: Traced(word, word),
    ) -> None:
        super().__init__()
        if self.no_color:
            self._filters[-1:] = [Colourless()]  # in place of the one that makes shades of grey
        self.view = view
        self.export = export
        self.source_news = news
        self.other = other
        self.panes = {pane.name: pane(view) for pane in _PANES}
        self.detail = Detail(view)
        self.current = pane
        self.asked = ""
        self.notice = ""
        self.ended = threading.Event()
        self.grown = self.drawn = monotonic()
        self._seen = (-1, -1)
        self._matched = -1
        self._answers = 0

    # ---- making ------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield Static(id="head", markup=False)
        yield Static(id="tabs")
        with Horizontal(id="body"):
            yield PaneView(Tree(self.view), "side")
            with Vertical(id="below"):
                with ContentSwitcher(id="main", initial=f"pane-{self.current}"):
                    for pane in self.panes.values():
                        yield PaneView(pane, f"pane-{pane.name}")
                yield PaneView(self.detail, "detail")
        yield Input(id="prompt", compact=True, select_on_focus=False)
        yield Static(id="foot", markup=False)

    def on_mount(self) -> None:
        self.main.focus()
        threading.Thread(target=self._index, daemon=True).start()
        self.set_interval(_PERIOD, self.look)
        self.call_after_refresh(self.sync)

    def on_unmount(self) -> None:
        self.ended.set()
        if self.view.moments is not None:
            self.view.moments.close()
        compare = self.panes["compare"]
        assert isinstance(compare, Compare)
        compare.close()

    def _index(self) -> None:
        """Make the index, and go on as the file grows: the work of a thread."""
        try:
            while not self.ended.is_set():
                if not self.view.index.grow():
                    self.ended.wait(_PERIOD)
        except OSError as error:
            self.notice = f"the trace cannot be read: {str(error.strerror).lower()}"

    @property
    def has_side(self) -> bool:
        """True if the tree stands beside the pane: on a wide screen, and beside panes that are no tree themselves."""
        return self.screen.has_class("wide") and self.current not in ("tree", "timeline")

    @property
    def main(self) -> PaneView:
        """The pane that is shown."""
        return self.query_one(f"#pane-{self.current}", PaneView)

    def on_resize(self, event: Resize) -> None:
        self.screen.set_class(event.size.width >= _WIDE, "wide")
        self.screen.set_class(event.size.width >= _WIDEST, "widest")
        self.call_after_refresh(self.sync)

    # ---- drawing -----------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Show the records that were written since the last look."""
        if not self._is_seen:
            return
        if self.view.answers != self._answers:
            self._answers = self.view.answers
            self._bring(to_current=False)
        index = self.view.index
        if index.is_replaced:
            try:
                index.restart()
            except OSError:  # it is gone again: the next look finds what takes its place
                return
            self.say("the file was replaced, and is read anew")
        matches = self.view.matches
        until = monotonic() + _SEARCH
        while matches is not None and not matches.is_done and monotonic() < until:
            matches.look()
        matched = -1 if matches is None else len(matches.rows)
        if (index.count, index.generation) == self._seen and matched == self._matched:
            self._head()
            return
        is_first = self._seen[0] <= 0
        if (
            not (is_first or self.view.follow)
            and monotonic() - self.drawn < _CALM
            and index.generation == self._seen[1]
        ):
            self._head()
            return
        self._seen, self._matched, self.grown = (index.count, index.generation), matched, monotonic()
        self.drawn = self.grown
        self.view.catch_up()
        self._bring(to_current=self.view.follow or is_first)

    def sync(self) -> None:
        """Show the current record in all panes that are seen."""
        self.detail.looked = None
        self._bring(to_current=True)

    def _bring(self, to_current: bool) -> None:
        if not self._is_seen:
            return
        self.main.bring(to_current)
        side = self.query_one("#side", PaneView)
        side.set_class(not self.has_side, "hidden")
        if self.has_side:
            side.bring(to_current)
        self.query_one("#detail", PaneView).bring(False)
        self._head()

    @property
    def _is_seen(self) -> bool:
        """True if the panes are on the screen: neither help nor commands are before them, and the view does not end."""
        return self.is_running and len(self.screen_stack) == 1 and bool(self.screen.query("#foot"))

    def _head(self) -> None:
        """Draw the lines above and below the panes."""
        if not self._is_seen:
            return
        view, index = self.view, self.view.index
        room = max(16, self.size.width // 3)
        words = [view.about if len(view.about) <= room else f"…{view.about[1 - room :]}"]
        if index.count:
            seq, at = index.seqs[view.row], view.row + 1
            place = f"of {index.count:,}" if seq == at else f"({at:,} of {index.count:,})"
            words += [f"record {seq:,} {place}", f"{index.times[view.row]:.4f} s"]
        words.append("follows" if view.follow else self._motion())
        if view.matches is not None:
            about = [f"filter {view.filter}"] if view.filter else []
            about += [f"in {view.coglet}"] if view.coglet else []
            words.append(f"{' '.join(about)}: {len(view.matches.rows):,}{'' if view.matches.is_done else ' …'}")
        self._put("#head", Content(shown_line("  ".join(filter(None, words)))))
        self._put("#tabs", Content.assemble(*self._tabs()))
        gone = "the file was removed: this is what has been read of it" if index.parts.is_gone else ""
        news = self.notice or self.source_news() or gone
        self._put(
            "#foot",
            Content(shown_line(news))
            if news
            else Content("/ filter  [ ] causes  t time  s spec  c coglet  f follow  : all  ? help  q quit"),
        )

    def _tabs(self) -> Iterator[tuple[str, str]]:
        """Yield the names of the panes, with their styles: shortened on screens of less than 80 columns."""
        width = self.size.width
        for n, pane in enumerate(_PANES, 1):
            is_shown = pane.name == self.current
            name = pane.name if width >= 80 or is_shown else pane.name[:4] if width >= 70 else ""
            edge = " " if width >= 96 else ""
            style = f"@click=app.show('{pane.name}')" + (" reverse" if is_shown else "")
            yield f"{edge}{n} {name}{edge}".rstrip(" " if not name else ""), style
            if not edge and n < len(_PANES):
                yield " ", ""

    def _put(self, id: str, content: Content) -> None:
        """Draw a line, if it is another one. Contents of the same text are equal to Textual, whatever their styles."""
        widget = self.query_one(id, Static)
        before = widget.content
        if before != content or (isinstance(before, Content) and before.spans != content.spans):
            widget.update(content, layout=False)

    def _motion(self) -> str:
        """Return whether the trace grows, has ended, or stands still."""
        index = self.view.index
        if monotonic() - self.grown < 1.0 and index.count:
            return "grows"
        return moment.end(index) or "no end yet"

    def say(self, words: str) -> None:
        """Show a line below the panes, until the next key."""
        self.notice = words
        self._head()

    # ---- lines -------------------------------------------------------------------------------------------------

    def on_pane_view_chosen(self, event: PaneView.Chosen) -> None:
        """Take note of a chosen line: in messages it is the current record, elsewhere it is shown below until it is picked."""
        event.stop()
        self.notice = ""
        pane = event.view.pane
        if isinstance(pane, Messages) and not event.picked:
            pane.pick(event.view.chosen)
            self.view.follow = False
            self.detail.looked = None
            self._bring(False)
            if self.has_side:
                self.query_one("#side", PaneView).bring(True)
        elif event.picked:
            self.view.follow = False
            self.sync()
        else:
            self.detail.looked = pane.row(event.view.chosen)
            self._bring(False)

    def go(self, row: int | None, why_not: str) -> None:
        """Make a row the current one, or say why there is none."""
        if row is None:
            self.say(why_not)
            return
        self.notice = ""
        self.view.follow = False
        self.view.go(row)
        self.sync()

    # ---- actions -----------------------------------------------------------------------------------------------

    def action_show(self, name: str) -> None:
        """Show a pane."""
        self.current = name
        self.query_one("#main", ContentSwitcher).current = f"pane-{name}"
        self.notice = ""
        self.main.focus()
        self.call_after_refresh(self.sync)

    def action_other_pane(self) -> None:
        """Give the keys to the next part of the screen: pane, record, tree."""
        parts = [self.main, self.query_one("#detail", PaneView)]
        if self.has_side:
            parts.append(self.query_one("#side", PaneView))
        at = next((n for n, part in enumerate(parts) if part.has_focus), -1)
        parts[(at + 1) % len(parts)].focus()

    def action_step(self, way: int) -> None:
        matches = self.view.matches
        if matches is None:
            self.say("/ sets a filter first")
            return
        self.go(
            matches.step(self.view.row, way),
            "the filter lets no other record through that way" + ("" if matches.is_done else " so far"),
        )

    def action_first(self) -> None:
        matches = self.view.matches
        self.go(matches.rows[0] if matches is not None and matches.rows else 0, "")

    def action_last(self) -> None:
        matches = self.view.matches
        self.go(matches.rows[-1] if matches is not None and matches.rows else self.view.index.count - 1, "")

    def action_cause(self) -> None:
        causes = self.view.index.causes_of(self.view.row)
        self.go(causes[0] if causes else None, "nothing led to this record: it is from outside, or from a clock")

    def action_effect(self) -> None:
        effects = self.view.index.effects_of(self.view.row, 1)
        self.go(effects[0] if effects else None, "it has led to nothing, as far as the trace goes")

    def action_follow(self) -> None:
        self.view.follow = not self.view.follow
        self.view.catch_up()
        self.sync()

    def action_zoom(self, factor: float) -> None:
        timeline = self.panes["timeline"]
        assert isinstance(timeline, Timeline)
        if factor:
            timeline.zoom(factor)
        else:
            timeline.window = None
        if self.current != "timeline":
            self.action_show("timeline")
        else:
            self.sync()

    def action_copy(self) -> None:
        row = self.view.row if self.detail.looked is None else self.detail.looked
        if not self.view.index.count:
            return
        self.copy_to_clipboard(msgspec.json.encode(self.view.index.whole(row)).decode())
        self.say(f"record {self.view.index.seqs[row]} is copied, if the terminal lets a program do that")

    def action_help(self) -> None:
        keys = "\n".join(f"  {key:<24}{what}" for key, what in KEYS)
        panes = "\n".join(f"  {n} {pane.name:<12}{pane.about}" for n, pane in enumerate(_PANES, 1))
        self.push_screen(Help(f"keys\n{keys}\n\npanes\n{panes}"))

    def action_leave(self) -> None:
        """End what was asked, else the filter, else the choice of a coglet."""
        if self.asked:
            self._unask()
        elif self.view.filter:
            self._filter("")
        else:
            self.view.coglet = ""
            self.sync()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        for pane in _PANES:
            yield SystemCommand(f"Show {pane.name}", pane.about, lambda name=pane.name: self.action_show(name))
        for name, hint in _PROMPTS.items():
            yield SystemCommand(f"Ask for a {name}", hint, lambda name=name: self.action_ask(name))
        for name, help, act in (
            ("Follow", "follow the end of the trace as it grows", self.action_follow),
            ("Copy", "copy the record to the clipboard of the terminal", self.action_copy),
            ("Help", "the keys and the panes", self.action_help),
        ):
            yield SystemCommand(name, help, act)
        yield SystemCommand("Quit", "end the view; the run goes on", self.exit)

    # ---- the prompt --------------------------------------------------------------------------------------------

    def action_ask(self, what: str) -> None:
        """Ask for a filter, a time, a coglet, another trace, or a file."""
        prompt = self.query_one("#prompt", Input)
        self.asked = what
        prompt.placeholder = f"{what}: {_PROMPTS[what]}"
        prompt.suggester = SuggestFromList(self._suggestions(what))
        prompt.value = self.view.filter if what == "filter" else ""
        prompt.set_class(True, "asked")
        prompt.focus()

    def _suggestions(self, what: str) -> list[str]:
        names = self.view.index.place_numbers.names
        if what == "coglet":
            return [name for name in names if name][:2000]
        if what == "filter":
            return [f"kind:{kind}" for kind in self.view.index.kind_numbers.names]
        return (
            ["html trace.html", "csv trace.csv", "perfetto trace.json", "mermaid trace.mmd"] if what == "export" else []
        )

    def _unask(self) -> None:
        self.query_one("#prompt", Input).set_class(False, "asked")
        self.asked = ""
        self.main.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        what, words = self.asked, event.value.strip()
        self._unask()
        self.notice = ""
        {
            "filter": self._filter,
            "time": self._time,
            "coglet": self._coglet,
            "compare": self._compare,
            "export": self._export,
        }[what](words)

    def _filter(self, words: str) -> None:
        try:
            self.view.set_filter(words, parsed(words))
        except ValueError as error:
            self.say(f"`{words}` is no filter: {error}")
            return
        if self.view.matches is not None:
            self.view.matches.look()
        if self.current not in ("messages", "timeline", "causes") and words:
            self.action_show("messages")
        self.sync()

    def _time(self, words: str) -> None:
        try:
            self.go(self.view.index.row_at(seconds(words)), "")
        except ValueError:
            self.say(f"`{words}` is no time of a run: write 250ms, 10s, 5m or seconds")

    def _coglet(self, words: str) -> None:
        names = sorted(filter(None, self.view.index.place_numbers.names), key=len)
        found = words if words in names else next((name for name in names if words in name), "")
        if words and not found:
            self.say(f"no coglet has `{words}` in its path")
            return
        self.view.coglet = found
        self.sync()

    def _compare(self, words: str) -> None:
        pane = self.panes["compare"]
        assert isinstance(pane, Compare)
        pane.close()
        self.view.other = words
        self.action_show("compare")
        if words:
            self.run_worker(lambda: self._compared(pane, words), thread=True, exclusive=True)

    def _compared(self, pane: Compare, words: str) -> None:
        """Compare two runs, as the work of a thread."""
        try:
            result = compared(self.view.index, words, self.other)
        except (ValueError, KeyError, TypeError) as error:
            result = Comparison(None, None, f"the traces cannot be compared: {error}")
        self.call_from_thread(self._show_comparison, pane, words, result)

    def _show_comparison(self, pane: Compare, words: str, result: Comparison) -> None:
        """Show a comparison, unless another one is wanted by now."""
        if self.view.other != words:
            result.close()
            return
        pane.close()
        pane.result = result
        self.sync()

    def _export(self, words: str) -> None:
        form, _, file = words.partition(" ")
        if not file:
            self.say("write a format and a file: csv trace.csv")
            return
        rows = None if self.view.matches is None else list(self.view.matches.rows)

        def work() -> None:
            said = self.export(form, file.strip(), rows)
            self.call_from_thread(self.say, said)

        self.run_worker(work, thread=True)

"""The widgets of the full-screen view: a pane that draws only the lines that are seen, and the help."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.containers import VerticalScroll
from textual.events import Click, Resize
from textual.filter import LineFilter
from textual.geometry import Size
from textual.message import Message
from textual.screen import ModalScreen
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Static

from cogc.screens.view.lines import STYLES, inert
from cogc.screens.view.panes import Pane

_STYLES = {name: Style.parse(words or "none") for name, words in STYLES.items()}
_CHOSEN = Style(bgcolor="#264f78", bold=True)
_CHOSEN_ASIDE = Style(bgcolor="grey23")
_MARKED = 40
"""How much a ground is coloured, of 255, that marks what stands on it."""
_STEP = 8
"""The columns by which long lines are moved."""


class PaneView(ScrollView, can_focus=True):
    """A pane with a chosen line. Long lines are moved by `shift` columns."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown,space", "page(1)", "page down", show=False),
        Binding("home", "edge(0)", "top", show=False),
        Binding("end", "edge(1)", "bottom", show=False),
        Binding("left", "sideways(-1)", "left", show=False),
        Binding("right", "sideways(1)", "right", show=False),
        Binding("enter", "pick", "choose", show=False),
    ]

    class Chosen(Message):
        """A line was chosen; `picked` if it was by Enter or a click on the chosen line."""

        def __init__(self, view: PaneView, picked: bool) -> None:
            super().__init__()
            self.view = view
            self.picked = picked

    def __init__(self, pane: Pane, id: str) -> None:
        super().__init__(id=id)
        self.pane = pane
        self.chosen = 0
        self.shift = 0

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        at = y + round(self.scroll_offset.y)
        if at >= len(self.pane):
            return Strip.blank(width, self.rich_style)
        base = self.rich_style
        if at == self.chosen and self.pane.has_choice:
            base += _CHOSEN if self.has_focus else _CHOSEN_ASIDE
        segments = [Segment(text, base + _STYLES[style]) for text, style in inert(self.pane.line(at))]
        strip = Strip(segments)
        if self.shift:
            strip = strip.crop(self.shift, self.shift + width)
        return strip.adjust_cell_length(width, base)

    def bring(self, to_current: bool) -> None:
        """Bring the lines up to date; with `to_current`, choose the line of the current record."""
        self.pane.update(max(20, self.size.width))
        self.virtual_size = Size(self.size.width, len(self.pane))
        if to_current:
            self.choose(self.pane.at())
        self.refresh()

    def choose(self, at: int) -> None:
        """Choose a line, and bring it into view."""
        self.chosen = max(0, min(at, len(self.pane) - 1))
        height, top = self.size.height, round(self.scroll_offset.y)
        if height and not top <= self.chosen < top + height:
            above = self.chosen - (
                height // 2 if abs(self.chosen - top) > height else 0 if self.chosen < top else height - 1
            )
            self.scroll_to(y=max(0, above), animate=False, force=True, immediate=True)
        self.refresh()

    def on_resize(self, event: Resize) -> None:
        self.bring(True)

    def action_move(self, way: int) -> None:
        self.choose(self.chosen + way)
        self.post_message(self.Chosen(self, False))

    def action_page(self, way: int) -> None:
        self.action_move(way * max(1, self.size.height - 1))

    def action_edge(self, end: int) -> None:
        self.choose(end * len(self.pane))
        self.post_message(self.Chosen(self, False))

    def action_sideways(self, way: int) -> None:
        if not self.pane.move(way):
            self.shift = max(0, self.shift + way * _STEP)
            self.refresh()
        else:
            self.post_message(self.Chosen(self, True))

    def action_pick(self) -> None:
        self.pane.pick(self.chosen)
        self.post_message(self.Chosen(self, True))

    def on_click(self, event: Click) -> None:
        at = event.y + round(self.scroll_offset.y)
        if at >= len(self.pane):
            return
        if at == self.chosen:
            self.action_pick()
        else:
            self.choose(at)
            self.post_message(self.Chosen(self, False))


class Colourless(LineFilter):
    """Takes all colours away. What stands on a coloured ground, as the chosen line and the line at the top, is reversed instead; Textual itself makes
    shades of grey of colours."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(text, None if style is None else _bare(style), control) for text, style, control in segments]


@lru_cache(1024)
def _bare(style: Style) -> Style:
    ground = style.bgcolor
    parts = None if ground is None else ground.triplet
    is_marked = parts is not None and max(parts) - min(parts) >= _MARKED
    return Style(
        bold=style.bold,
        dim=style.dim,
        italic=style.italic,
        underline=style.underline,
        reverse=bool(style.reverse) != is_marked,
        link=style.link,
        meta=style.meta,
    )


class Help(ModalScreen[None]):
    """The keys, and what the panes show."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,enter", "dismiss", "close")]

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Static(self.text, markup=False)

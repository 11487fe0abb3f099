"""A picture in a terminal that is drawn again and again, with whatever is written to stdout and stderr above it."""

from __future__ import annotations

import io
import sys
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from cogc.diagnostics.visible import shown


class Picture(Live):
    """A live display. Texts written to stdout and stderr while it is shown appear above it, as text: no part of them is markup or a colour."""

    def __init__(self, console: Console) -> None:
        super().__init__(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._above: _Above | None = None
        self._before = sys.stdout, sys.stderr

    def start(self, refresh: bool = False) -> None:
        super().start(refresh)
        if self._above is None and self.console.is_terminal:
            self._before = sys.stdout, sys.stderr
            sys.stdout = sys.stderr = self._above = _Above(self.console)

    def stop(self) -> None:
        if self._above is not None:
            sys.stdout, sys.stderr = self._before
            self._above.end()
            self._above = None
        super().stop()


def console_of(stream: TextIO) -> Console:
    """Return a console on a stream that takes the sequences of a terminal."""
    return Console(file=stream)


class _Above(io.TextIOWrapper):
    """A stream whose lines are printed above the picture."""

    def __init__(self, console: Console) -> None:
        super().__init__(io.BytesIO(), "utf-8")
        self.console = console
        self.pending = ""

    def write(self, text: str) -> int:
        lines, newline, self.pending = (self.pending + text).rpartition("\n")
        if newline:
            print_text(self.console, lines)
        return len(text)

    def end(self) -> None:
        """Print what has no line feed yet."""
        if self.pending:
            print_text(self.console, self.pending)
            self.pending = ""


def print_text(console: Console, text: str) -> None:
    """Print words of others: no part of them is markup, a colour or a control sequence."""
    console.print(Text(shown(text)), soft_wrap=True)

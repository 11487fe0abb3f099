"""`cogc view [WHAT]`: look at a run, while it goes on or after it has ended.

WHAT is the file of a trace or a journal, the folder of a run, the name of an
instance, or the id of a run or its beginning (default: the run that goes on, or
the last one that has left a trace). Of a run without a file the trace is shown
from now on. The viewer only reads: what it shows, and whether it is stopped,
changes nothing in the run. `?` lists the keys.

Exit codes: 0 done; 2 there is no such trace, or it cannot be read.
"""

from __future__ import annotations

import os
import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from functools import lru_cache, partial
from typing import Any

from cogc import ir
from cogc.commands import trace
from cogc.commands.same_program import is_same
from cogc.commands.state import add_state, state_here
from cogc.commands.streams import stdout_is_lost
from cogc.commands.usage import UsageError
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.visible import shown_line
from cogc.screens.view import plain
from cogc.screens.view.model import View
from cogc.traces import sources
from cogc.traces.index import Index
from cogc.traces.moments import Moments
from cogc.traces.query import parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.screens.view.app import ViewApp

_FIRST = 1 << 16
"""The bytes that are indexed before the first picture."""
_MOST = 200
"""The lines of a pane in plain text."""
_USUAL = ["tree", "messages", "failures"]
"""The panes that are printed if none is named."""


def arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("what", nargs="?", metavar="WHAT", help="trace, journal, folder of a run, instance, or id of a run")
    add("--spec", metavar="SPEC", help="spec of the run, for its lines and the prices of its models")
    add("--root", metavar="NAME", help="root of the spec (default: the root of the trace)")
    add(
        "--pane",
        choices=tuple(plain.PANES),
        metavar="PANE",
        action="append",
        help=f"pane to begin with: {', '.join(plain.PANES)}",
    )
    add("--at", metavar="RECORD", help="record to begin with: its number, or a time such as 10s")
    add(
        "--filter",
        default="",
        metavar="WORDS",
        help="show only matching records: kind:fail path:X channel:X since:10s before:2m text",
    )
    add("--plain", action="store_true", help="print the panes once as plain text; --pane may be repeated")
    add(
        "--lines",
        type=int,
        default=_MOST,
        metavar="N",
        help=f"with --plain: most lines of a pane (default: {_MOST}; 0: all)",
    )
    add_state(parser)


def run(options: Namespace) -> int:
    is_screen = sys.stdout.isatty() and sys.stderr.isatty()  # Textual draws on stderr
    is_plain = options.plain or not is_screen or os.environ.get("TERM") == "dumb"
    if not is_plain:
        _app()
    try:
        with (
            sources.found(
                options.what,
                state_here(options),
                options.spec or "",
                partial(_program, options),
            ) as found,
            Index(found.path) as index,
        ):
            return _plain(options, found, index) if is_plain else _screen(options, found, index)
    except LookupError as error:
        raise UsageError(str(error.args[0])) from None
    except OSError as error:
        raise UsageError(f"cannot read `{error.filename or options.what}`: {str(error.strerror).lower()}") from None


def _app() -> type[ViewApp]:
    """Return the viewer. Raise UsageError without Textual."""
    try:
        from cogc.screens.view.app import ViewApp  # Textual is an extra
    except ImportError:
        raise UsageError("the view needs the extra `view`: pip install 'cogc[view]'; --plain does without") from None
    return ViewApp


def _program(options: Namespace, spec: str, begun: dict[str, Any]) -> ir.Bundle | None:
    """Return the program of the spec of a journal; None if it has mistakes."""
    from cogc.commands.journals import program  # slow to import, and needed for journals alone

    return program(spec, begun, options, Problems())


@lru_cache(maxsize=4)
def _load(spec: str, root: str | None) -> ir.Bundle | None:
    """Return the program of a spec; None if it has mistakes."""
    from cogc.commands.load import load  # the compiler is slow to import, and is needed when lines or prices are shown

    return load(spec, root, [], Problems())


def _view(options: Namespace, found: sources.Traced, index: Index) -> View:
    """Return the view that a command line asks for."""

    def program() -> ir.Bundle | None:
        root = next(map(index.record, index.of_kind("create")), {})
        named = str(root.get("spec", ""))
        beside = os.path.join(os.path.dirname(found.path), named)
        there = next((path for path in (named, beside) if named and os.path.exists(path)), "")
        view.spec = found.spec or there
        if not view.spec:
            return None
        name = str(root.get("coglet", ""))
        bundle = _load(view.spec, options.root or name or None) or _load(view.spec, options.root)
        if bundle is not None and not is_same(bundle, view.spec, root.get("digest", bundle.hash)):
            found.news = f"`{view.spec}` has changed since this run: its lines may be other ones"
        return bundle

    view = View(index, found.about, program, found.spec)
    if not found.is_endless:
        view.moments = Moments(found.travel)
    try:
        view.set_filter(options.filter, parsed(options.filter))
    except ValueError as error:
        raise UsageError(f"--filter `{options.filter}`: {error}") from None
    return view


def _go(view: View, at: str | None) -> None:
    """Go to the record that `--at` names."""
    if at is None:
        return
    view.go(trace.row_named(view.index, at))


def _plain(options: Namespace, found: sources.Traced, index: Index) -> int:
    """Print panes once, as far as the trace goes."""
    if found.is_endless:
        raise UsageError(f"{found.about} writes no trace to a file: `cogc tail` prints it as it comes")
    found.wait()
    said = found.news
    if said:
        sys.stderr.write(f"cogc: {shown_line(found.news)}\n")
    trace.refuse_no_trace(index.read(), found.path)
    if index.size < index.parts.size:
        trace.say_torn(found.path)
    view = _view(options, found, index)
    view.waits = True
    view.go(index.count - 1)
    _go(view, options.at)
    if view.matches is not None:
        view.matches.all()
    width = shutil.get_terminal_size((120, 24)).columns if sys.stdout.isatty() else 120
    for line in plain.text(view, options.pane or _USUAL, width, options.lines or None):
        sys.stdout.write(line + "\n")
        if stdout_is_lost():
            break
    if found.news not in ("", said):
        sys.stderr.write(f"cogc: {shown_line(found.news)}\n")
    return 0


def _screen(options: Namespace, found: sources.Traced, index: Index) -> int:
    """Show the view on the whole screen."""
    index.grow(_FIRST)
    trace.refuse_no_trace(index, found.path)
    view = _view(options, found, index)
    if options.at is not None:
        index.read()
        _go(view, options.at)

    def write(form: str, file: str, rows: Iterable[int] | None) -> str:
        try:
            return trace.exported(index, form, file, rows)
        except UsageError as error:
            return str(error)
        except OSError as error:
            return f"cannot write `{file}`: {str(error.strerror).lower()}"

    def other(word: str) -> sources.Traced:
        return sources.found(word, state_here(options), "", partial(_program, options))

    _app()(view, write, lambda: found.news, (options.pane or ["messages"])[0], other).run()
    return 0

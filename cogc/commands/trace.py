"""`cogc trace ACTION FILE`: read traces.

    show FILE       print a trace, or the records of it that are wanted
    diff FILE FILE  name the first event of each trace that the other one does
                    not have
    bisect A B      name the first reply whose change makes the outcome of run A
                    another one, from their journals
    export FILE     write a trace in the form of another tool

Traces of older tools are read too.

Exit codes: 0 done; 1 a file is not a trace; 2 it cannot be read; 3 the traces
differ, or no reply changes the outcome.
"""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from cogc.commands import bisections, out
from cogc.commands.program_options import program_options, refuse_program_options
from cogc.commands.state import add_state, state_here
from cogc.commands.streams import stdout_is_lost
from cogc.commands.usage import UsageError
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.visible import shown_line
from cogc.disk.files import refuse_unreadable
from cogc.language.texts import nanoseconds
from cogc.run import trace
from cogc.run.trace_filter import KINDS, TraceFilter, refuse_kinds
from cogc.traces import diff, export, query
from cogc.traces.file import TraceFile
from cogc.traces.index import Index
from cogc.traces.parts import changed, closed, is_there

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc import ir


def arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser(
        "show",
        help="print a trace",
        description="Print the records of a trace that match all options.",
    )
    add = show.add_argument
    add("file", metavar="FILE", help="path of a trace, or of the folder of a run")
    filters(add)
    add("--cause", type=int, metavar="SEQ", help="print only the record with this number and those that led to it")
    add("--follow", action="store_true", help="wait for new records as the file grows, until interrupted")
    add("--json", action="store_true", help="print records as JSON, one a line")
    _add_diff(
        actions.add_parser(
            "diff",
            help="compare two traces",
            description="Name the first event of each trace that the other one does not have. Events are compared by what they are and by what led"
            " to them: the order of events that have nothing to do with each other does not count.",
        )
    )
    bisections.arguments(
        actions.add_parser(
            "bisect",
            help="find the reply that changes the outcome of a run",
            description="Name the first reply whose change makes the outcome of run A another one: A is run with the replies of B, by a binary search"
            " over the replies that differ. Both are journals of the same spec. Without --python nothing of the world is asked.",
        )
    )
    _add_export(
        actions.add_parser(
            "export",
            help="write a trace in the form of another tool",
            description="Write the records of a trace that match all options in the form of another tool.",
        )
    )


def _add_diff(parser: ArgumentParser) -> None:
    """Add the options of `diff`."""
    known = "path of a trace or a journal, or of the folder of a run; name of an instance, or id of a run"
    parser.add_argument("file", metavar="FILE", help=known)
    parser.add_argument("other", metavar="OTHER", help="that of another run")
    program_options(parser)
    add_state(parser)


def _add_export(parser: ArgumentParser) -> None:
    """Add the options of `export`."""
    add = parser.add_argument
    add("file", metavar="FILE", help="path of a trace, or of the folder of a run")
    add(
        "--format",
        choices=("csv", "perfetto", "mermaid", "html", "otlp"),
        required=True,
        help="a table, a timeline for ui.perfetto.dev, a sequence diagram, a page that stands alone, or spans of OpenTelemetry in JSON",
    )
    add("-o", "--out", metavar="FILE", help="file that is written (default: stdout)")
    add("--spec", metavar="SPEC", help="with html and otlp: spec of the run, for what its coglets and models are")
    add("--contents", action="store_true", help="with otlp: what people, models and tools have said too")
    filters(add)


def filters(add: Callable[..., object]) -> None:
    """Add the options that choose records."""
    add("--path", metavar="TEXT", help="print only records of coglets whose path contains TEXT")
    add(
        "--kind",
        action="append",
        default=[],
        metavar="KIND",
        help=f"print only records of this kind; may be repeated. The kinds are {', '.join(KINDS)}",
    )
    add("--channel", metavar="NAME", help="print only records of this channel or port")
    add("--since", metavar="T", help="print only records from this time of the run on, such as 10s")
    add("--before", metavar="T", help="print only records before this time of the run, such as 10s")
    add("--text", metavar="TEXT", help="print only records that contain TEXT")


def run(options: Namespace) -> int:
    path = path_of(options.file)
    if options.action in ("show", "export") and not (is_there(path) or os.path.exists(path)):
        raise UsageError(f"there is no trace `{options.file}`; `cogc view NAME --plain` shows the run of an instance")
    act = {"show": _show, "diff": _diff, "bisect": bisections.run, "export": _export}[options.action]
    try:
        if options.action in ("show", "export") and os.path.exists(path):
            refuse_unreadable(path)
        if options.action in ("show", "export") and not getattr(options, "follow", False):
            _refuse_empty(path)
        return act(options)
    except OSError as error:
        sys.stderr.write(f"cogc: cannot read `{error.filename or options.file}`: {str(error.strerror).lower()}\n")
        return 2
    except _NoTrace as error:
        sys.stderr.write(f"cogc: {error}\n")
        return 1


class _NoTrace(Exception):
    """A file is no trace, or one of its records is broken."""


def _refuse_empty(path: str) -> None:
    """Raise _NoTrace for a trace without a line."""
    at = 0
    with TraceFile(path) as file:
        while data := file.read(1 << 16, at):
            if not data.isspace():
                return
            at += len(data)
    raise _NoTrace(f"`{path}` is no trace: it has no records (a run that is killed at once leaves such a file)")


def path_of(given: str) -> str:
    """Return the path of a trace that is named by its file, or by the folder of its run."""
    return os.path.join(given, "trace.jsonl") if os.path.isdir(given) else given


def row_named(index: Index, at: str) -> int:
    """Return the row that `--at` names by the number of its record, or by a time. Raise UsageError if there is none."""
    try:
        row = query.row_named(index, at)
    except ValueError:
        raise UsageError(f"--at {at}: write the number of a record, or a time such as 10s") from None
    if row is None:
        raise UsageError(f"--at {at}: the trace has no such record")
    return row


def refuse_no_trace(index: Index, path: str) -> None:
    """Raise UsageError if none of the lines that were read is a record."""
    if not index.has_records:
        raise UsageError(f"`{path}` is no trace: none of its lines is a record")


# ---- show ----------------------------------------------------------------------------------------------------


def _show(options: Namespace) -> int:
    wanted = wanted_of(options)
    for record in _records(options, wanted):
        shown = json.dumps(record, ensure_ascii=False) if options.json else trace.line(record)
        sys.stdout.write(shown + "\n")
        if options.follow:
            sys.stdout.flush()
        if stdout_is_lost():
            break
    return 0


def _records(options: Namespace, wanted: Callable[[dict[str, Any]], bool]) -> Iterator[dict[str, Any]]:
    """Yield the wanted records of a trace, states whole."""
    path, cause = path_of(options.file), getattr(options, "cause", None)
    try:
        with TraceFile(path) as places:
            if cause is not None and places.is_ordered:
                yield from filter(wanted, places.chain(cause))
                return
            since = seconds(options.since)
            at = places.start(since) if since is not None and places.is_ordered else 0
            states = trace.States(places.whole)
            lines = _lines(places, at, getattr(options, "follow", False), partial(say_torn, path))
            for raw in trace.records(lines):
                record = states.whole(raw)
                if wanted(record) and cause in (None, record.get("seq")):
                    yield record
    except ValueError as error:
        raise _NoTrace(f"`{path}`: {error}") from None


def _lines(file: TraceFile, at: int, follow: bool, torn: Callable[[], None]) -> Iterator[bytes]:
    """Yield the whole lines of a trace from a place on, with `follow` for ever. Call `torn` in the place of a last line that is torn."""
    rest, is_first = b"", True
    while True:
        data = file.read(1 << 16, at)
        at += len(data)
        if not data:
            if not follow or stdout_is_lost():
                if not follow and not is_first and trace.is_cut(rest):
                    torn()
                elif rest:
                    yield rest
                return
            time.sleep(0.1)
            continue
        *whole, rest = (rest + data).split(b"\n")
        is_first = is_first and not whole
        yield from whole


def say_torn(path: str) -> None:
    """Say that the last line of a trace is left out, because it has no end."""
    sys.stderr.write(f"cogc: the last line of `{path}` is left out: it is torn, or is still being written\n")


# ---- diff ----------------------------------------------------------------------------------------------------


class _Trace:
    """The records of a trace, which may be read more than once. `name` is what it is called; `is_told` says whether a journal tells it."""

    def __init__(self, path: str, name: str, is_told: bool) -> None:
        self.path = path
        self.name = name
        self.is_told = is_told
        self.is_new = True

    def __iter__(self) -> Iterator[dict[str, Any]]:
        try:
            with TraceFile(self.path) as file:
                states = trace.States()
                yield from map(states.whole, trace.records(_lines(file, 0, False, self._torn)))
        except ValueError as error:
            raise _NoTrace(f"`{self.path}`: {error}") from None

    def _torn(self) -> None:
        """Say at the first reading that the last line is torn."""
        if self.is_new:
            say_torn(self.path)
        self.is_new = False


def _diff(options: Namespace) -> int:
    """Print the first departure of each trace, and return the exit code."""
    with ExitStack() as stack:
        traces = _traced(options.file, options, stack), _traced(options.other, options, stack)
        if not any(one.is_told for one in traces):
            refuse_program_options(options, "is for journals, and both are traces: they have their records already")
        return _compare(traces)


def _traced(given: str, options: Namespace, stack: ExitStack) -> _Trace:
    """Return the trace that a word means: that of a file, or the one that a journal tells."""
    from cogc.traces import journals, sources  # light, but for journals

    path = path_of(given)
    if is_there(path) and not (os.path.isfile(path) and journals.is_journal(path)):
        _refuse_empty(path)
        return _Trace(path, path, False)
    from cogc.commands import journals as named  # the compiler is slow to import, and is needed for journals alone

    def load(spec: str, begun: dict[str, Any]) -> ir.Bundle | None:
        return named.program(spec, begun, options, Problems())

    try:
        found = stack.enter_context(sources.found(given, state_here(options), options.spec or "", load))
    except LookupError as error:
        raise UsageError(str(error.args[0])) from None
    if found.is_endless:
        raise UsageError(f"{found.about} writes no trace to a file")
    found.wait()
    if found.news:
        sys.stderr.write(f"cogc: {shown_line(found.news)}\n")
    return _Trace(found.path, given, True)


def _compare(traces: tuple[_Trace, _Trace]) -> int:
    """Print the first departure of each of two traces, and return the exit code."""
    _say_programs(traces)
    found = diff.departures(*traces)
    if not any(departure.count for departure in found):
        sys.stdout.write("the traces have the same events\n")
        return 0
    for one, departure in zip(traces, found, strict=True):
        for line in diff.lines(one.name, departure, partial(_before, one)):
            sys.stdout.write(f"{line}\n")
    return 3


def _say_programs(traces: tuple[_Trace, _Trace]) -> None:
    """Say that the traces are those of two programs, where both of them tell."""
    firsts = [next(iter(one), {}) for one in traces]
    digests = {str(record.get("digest", "")) for record in firsts}
    if len(digests) > 1 and "" not in digests:
        said = ", ".join(
            f"`{one.name}` is of {record.get('spec', 'a program')} ({str(record['digest'])[:12]})"
            for one, record in zip(traces, firsts, strict=True)
        )
        sys.stderr.write(f"cogc: the traces are those of two programs: {shown_line(said)}\n")


def _before(one: _Trace, record: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a record, and the last of those that led to it before it."""
    with TraceFile(one.path) as places:
        if not places.is_ordered:
            return [record]
        return places.chain(int(record["seq"]), diff.LED)


# ---- export --------------------------------------------------------------------------------------------------


def _export(options: Namespace) -> int:
    """Write a trace in another form."""
    if options.spec and options.format not in ("html", "otlp"):
        raise UsageError(f"--spec is for html and otlp: {options.format} takes nothing from it")
    if options.contents and options.format != "otlp":
        raise UsageError("--contents is for otlp: the other formats have all that a record has")
    if options.format == "html":
        return _put(_page(options), options)
    if options.format == "otlp":
        return _put(_spans(options), options)
    records = _records(options, wanted_of(options))
    match options.format:
        case "csv":
            pieces = export.table(records)
        case "perfetto":
            pieces = export.timeline(records)
        case _:
            with TraceFile(path_of(options.file)) as places:
                return _put(export.diagram(records, places.record), options)
    return _put(pieces, options)


@contextmanager
def _indexed(path: str) -> Iterator[Index]:
    """Open a trace, and index it to its end. Broken lines are rows of it, but a file with nothing else is no trace."""
    with Index(path) as index:
        if not index.read().has_records:
            raise _NoTrace(f"`{path}`: none of its lines is a record")
        if index.size < index.parts.size:
            say_torn(path)
        yield index


def _page(options: Namespace) -> Iterator[str]:
    """Yield a trace as a page."""
    from cogc.traces import page  # it draws the picture, and is slow to import

    bundle = _bundle(options)
    path, wanted = path_of(options.file), wanted_of(options)
    with _indexed(path) as index:
        rows = [row for row in range(index.count) if wanted(index.record(row))]
        yield page.page(index, rows, path, bundle)


def _spans(options: Namespace) -> Iterator[str]:
    """Yield a trace as spans and metrics. A trace does not say when its run began: it has ended when its file was written last."""
    from cogc.traces import otlp  # for this format alone
    from cogc.traces.metrics import Metrics, Series
    from cogc.traces.moment import coglets
    from cogc.traces.spans import Spans

    bundle = _bundle(options)
    path, wanted = path_of(options.file), wanted_of(options)
    with _indexed(path) as index:
        ended = changed(path)
        began = ended - round(index.times[index.count - 1] * 1e9) if index.count else ended
        run = str(index.record(0).get("run", "")) if index.count else ""
        spans, metrics = Spans(run, began, bundle, options.contents), Metrics(bundle)

        def measured() -> tuple[int, int, list[Series]]:
            found = coglets(index, index.count - 1)[0] if index.count else []
            return began, ended, metrics.series({coglet.path: coglet.waiting for coglet in found})

        def records() -> Iterator[dict[str, Any]]:
            for record in index.records():
                if wanted(record):
                    metrics.take(record)
                    yield record

        yield from otlp.document(spans.all(records()), measured)


def _bundle(options: Namespace) -> ir.Bundle | None:
    """Return the program that `--spec` names, or None."""
    from cogc.commands.load import load  # the compiler is slow to import, and few formats need it

    bundle = load(options.spec, None, [], Problems()) if options.spec else None
    if options.spec and bundle is None:
        raise UsageError(f"`{options.spec}` has mistakes: cogc check {options.spec}")
    return bundle


FORMS = ("html", "csv", "perfetto", "mermaid")
"""The formats that the viewer writes."""


def exported(index: Index, form: str, file: str, rows: Iterable[int] | None) -> str:
    """Write rows of a trace, or all, in a form to a file, and return what was done. Raise UsageError if that cannot be."""
    if form not in FORMS:
        raise UsageError(f"there is no format `{form}`: {', '.join(FORMS)}")
    records = index.records(rows)
    match form:
        case "csv":
            pieces = export.table(records)
        case "perfetto":
            pieces = export.timeline(records)
        case "html":
            from cogc.traces import page  # slow to import, and for this format alone

            pieces = iter([page.page(index, rows, os.path.basename(index.path), None)])
        case _:
            pieces = export.diagram(records, index.numbered)
    kind, is_own = _KINDS[form]
    out.write("".join(pieces), file, index.parts.files, kind, is_own)
    return f"the records are in {file}, as {form}"


def _put(pieces: Iterator[str], options: Namespace) -> int:
    """Write pieces of text to stdout as they come, or whole to a file."""
    if options.out is not None:
        kind, is_own = _KINDS[options.format]
        path = path_of(options.file)
        return out.write("".join(pieces), options.out, [path, *(part.path for part in closed(path))], kind, is_own)
    for piece in pieces:
        sys.stdout.write(piece)
        if stdout_is_lost():
            break
    return 0


_KINDS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "csv": ("table of a trace", lambda text: text.startswith(",".join(export.COLUMNS))),
    "perfetto": ("timeline", lambda text: text.startswith(export.TIMELINE)),
    "html": ("page of a trace", lambda text: text.startswith("<!doctype html>\n<!-- cogc trace -->")),
    "otlp": ("file of spans", lambda text: text.startswith('{"resourceSpans":[')),
    "mermaid": ("sequence diagram", lambda text: text.startswith(export.DIAGRAM)),
}
"""The files that each format writes, and how each is known."""


def seconds(text: str | None) -> float | None:
    """Return the value of a time of the run, in seconds. Raise UsageError if it is none."""
    try:
        return None if text is None else nanoseconds(text) / 1e9
    except ValueError as error:
        raise UsageError(f"`{text}` is no time of a run: {error}; write 250ms, 10s or 5m") from None


def wanted_of(options: Namespace) -> Callable[[dict[str, Any]], bool]:
    """Return the filter of records that the options describe."""
    try:
        refuse_kinds(options.kind, "--kind {}")
    except ValueError as error:
        raise UsageError(str(error)) from None
    return TraceFilter(
        path=options.path or "",
        kinds=tuple(options.kind),
        channel=options.channel or "",
        since=seconds(options.since),
        before=seconds(options.before),
        text=options.text or "",
    ).wants

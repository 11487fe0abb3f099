"""Diagnostics as text: `people` for a terminal, `text` for logs, `json` for programs.

The libraries for a terminal and for JSON are imported where they are needed: a clean check shows nothing.
"""

from __future__ import annotations

from cogc.diagnostics.visible import shown_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

    from rich.console import Console

    from cogc.diagnostics.problems import Diagnostic
    from cogc.diagnostics.source import Span

_TAB = "    "
_WIDEST = 160
"""The characters of a line that are shown at most."""
_SHOWN_LINES = 20


def text(found: list[Diagnostic]) -> str:
    """Return a line `path:line:column: severity: message [CODE]` for each, its related places and its help below it."""
    lines = []
    for d in found:
        lines.append(f"{_place(d.span)}: {d.severity}: {d.message} [{d.code}]")
        lines += [f"  {_place(r.span)}: {r.text}" for r in d.related]
        if d.help:
            lines.append(f"  help: {d.help}")
    return "".join(line + "\n" for line in lines)


def json(found: list[Diagnostic]) -> str:
    """Return one array of objects. Lines and columns count from 1, the end column is exclusive."""
    from json import dumps

    return dumps([_object(d) for d in found], indent=2, ensure_ascii=False) + "\n"


def _object(d: Diagnostic) -> dict[str, object]:
    return {
        "code": d.code,
        "slug": d.slug,
        "severity": d.severity,
        "message": d.message,
        **_range(d.span),
        "help": d.help,
        "related": [{"message": r.text, **_range(r.span)} for r in d.related],
        "edits": [{"applicability": e.applicability, "replacement": e.replacement, **_range(e.span)} for e in d.edits],
    }


def _range(span: Span) -> dict[str, object]:
    line, column = span.position()
    end_line, end_column = span.source.position(max(span.end, span.start))
    return {
        "path": span.source.path,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }


def _place(span: Span) -> str:
    line, column = span.position()
    return f"{shown_line(span.source.path)}:{line}:{column}"


def people(found: list[Diagnostic], file: TextIO, color: bool | None = None) -> None:
    """Print each diagnostic with its source line and marks below its place, in colour if the terminal has it."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=file, force_terminal=color, highlight=False, soft_wrap=True)
    for d in found:
        style = "bold red" if d.severity == "error" else "bold yellow"
        console.print(
            Text.assemble((d.severity, style), (f"[{d.code}]", style), (f": {shown_line(d.message)}", "bold"))
        )
        width = max(len(str(s.position()[0])) for s in [d.span, *(r.span for r in d.related)])
        _excerpt(console, d.span, "", style, width, "-->")
        for r in d.related:
            _excerpt(console, r.span, r.text, "blue", width, ":::")
        if d.help:
            console.print(Text.assemble((" " * width + " = ", "blue"), ("help", "bold"), f": {shown_line(d.help)}"))
        console.print()


def findings(found: list[dict[str, Any]], file: TextIO) -> None:
    """Print the findings of a definition of done: each criterion, and the last lines of output of one that failed."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=file, highlight=False, soft_wrap=True)
    styles = {"PASS": "green", "FAIL": "bold red", "SKIP": "yellow"}
    width = max((len(f["criterion"]) for f in found), default=0)
    for f in found:
        console.print(
            Text.assemble(
                (f["status"], styles[f["status"]]), shown_line(f"  {f['criterion']:<{width}}  {f['details']}")
            )
        )
        if f["status"] == "FAIL":
            for line in f["output"].splitlines()[-_SHOWN_LINES:]:
                console.print(Text(f"      | {shown_line(line)}", "dim"))


def _excerpt(console: Console, span: Span, label: str, style: str, width: int, arrow: str) -> None:
    """Print the source line of a place, with marks below the place and a label behind them. Marks count cells."""
    from rich.cells import cell_len
    from rich.text import Text

    line, column = span.position()
    source = span.source.line(line) if span.source.text else ""
    pad = " " * width
    console.print(Text.assemble((f"{pad}{arrow} ", "blue"), _place(span)))
    if not source.strip():
        return
    start, part = _window(source, column)
    length = max(1, min(span.end - span.start, len(source) - column + 1, len(part) - start))
    before, marked, behind = (
        shown_line(piece.replace("\t", _TAB))
        for piece in (part[:start], part[start : start + length], part[start + length :])
    )
    marks = ("^" if arrow == "-->" else "-") * max(1, cell_len(marked))
    console.print(Text(f"{pad} |", "blue"))
    console.print(Text.assemble((f"{line:>{width}} | ", "blue"), before + marked + behind))
    console.print(
        Text.assemble(
            (f"{pad} | ", "blue"), " " * cell_len(before), (marks + (" " + shown_line(label) if label else ""), style)
        )
    )


def _window(line: str, column: int) -> tuple[int, str]:
    """Return the offset of a column in the shown part of a line, and that part: a long line is cut around the column."""
    if len(line) <= _WIDEST:
        return column - 1, line
    start = max(0, column - _WIDEST // 2)
    cut = line[start : start + _WIDEST]
    lead = "..." if start else ""
    return column - 1 - start + len(lead), lead + cut + ("..." if start + _WIDEST < len(line) else "")

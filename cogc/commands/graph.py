"""`cogc graph SPEC`: draw the coglets of a system and the channels between them.

With --trace it is drawn as it was at a record of a run: what runs, has failed,
waits, was restarted. A picture is at most as wide as a page, unless --wide.

Exit codes: 0 done; 1 the spec is wrong; 2 there is no such root, or the file
cannot be written or the trace not be read.
"""

from __future__ import annotations

import re
import sys

from cogc.commands import out
from cogc.commands.load import show_to_stderr
from cogc.commands.usage import UsageError
from cogc.compile import analyse
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.suggest import did_you_mean
from cogc.disk.files import main_spec, read
from cogc.graph import model, svg, write
from cogc.graph.look import BoxState, Look

_TREE = re.compile(r"(\w.*|[│ ]*[├└]─ .*|flows|  .* -> .*|)")
"""A line of a graph as text."""
TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from cogc.graph.model import Graph


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="path of a spec, or of a folder with a spec")
    parser.add_argument(
        "--format",
        choices=("text", "mermaid", "dot", "svg", "json"),
        default="text",
        help="format to write (default: text)",
    )
    parser.add_argument("--root", metavar="NAME", help="name of the coglet to draw (default: Main, else everything)")
    parser.add_argument(
        "--trace", metavar="FILE", help="draw the states of a moment: trace of a run, or folder of a run"
    )
    parser.add_argument(
        "--at", metavar="RECORD", help="with --trace: number of the record, or a time such as 10s (default: the end)"
    )
    parser.add_argument("--wide", action="store_true", help="let the picture be wider than a page")
    parser.add_argument("-o", dest="file", metavar="FILE", help="file to write the graph to (default: stdout)")


def run(options: Namespace) -> int:
    if options.at is not None and options.trace is None:
        raise UsageError("--at names a record of a trace: name the file with --trace")
    problems = Problems()
    checked = analyse([main_spec(options.spec)], read, problems)
    if problems.errors:
        show_to_stderr(problems.sorted())
        return 1
    graph = model.graph(checked, options.root)
    if options.root and not graph.boxes:
        near = did_you_mean(options.root, [s.name for s in checked.world.shapes.values()])
        sys.stderr.write(f"cogc: there is no coglet `{options.root}`{f'; {near}' if near else ''}\n")
        return 2
    writers = {"text": write.text, "mermaid": write.mermaid, "dot": write.dot, "json": write.json, "svg": svg.svg}
    states, read_too = ({}, []) if options.trace is None else _states(graph, options.trace, options.at)
    drawn = writers[options.format](graph, Look(options.wide, states))
    return out.write(drawn, options.file, [*checked.world.units, *read_too], "graph of `cogc graph`", is_graph)


def _states(graph: Graph, given: str, at: str | None) -> tuple[dict[str, BoxState], list[str]]:
    """Return the states of the boxes at a record of a trace, and the files of the trace."""
    from cogc.commands import trace  # slow to import, as what follows, and needed with --trace alone
    from cogc.traces import graphed
    from cogc.traces.index import Index

    path = trace.path_of(given)
    try:
        with Index(path) as index:
            trace.refuse_no_trace(index.read(), path)
            if not index.count:
                raise UsageError(f"`{path}` is no trace: it is empty")
            row = index.count - 1 if at is None else trace.row_named(index, at)
            states = graphed.states(index, row, graph)
            if not states:
                if graphed.is_of_sett(index):
                    raise UsageError(
                        f"`{path}` is the trace of a sett, of which nothing is in this graph: --root names it"
                    )
                root = index.place(next(index.of_kind("create"), 0))
                raise UsageError(
                    f"`{path}` is the trace of `{root}`, of which nothing is in this graph: --root names it"
                )
            return states, index.parts.files
    except OSError as error:
        raise UsageError(f"cannot read `{path}`: {str(error.strerror).lower()}") from None


def is_graph(text: str) -> bool:
    """Return whether a text is a graph in one of the formats."""
    if text.startswith(("flowchart ", "digraph cogc ", "<svg ", '{\n  "boxes":')):
        return True
    lines = text.split("\n")
    drawn = any(line.lstrip("│ ").startswith(("├─ ", "└─ ")) or line == "flows" for line in lines)
    alone = all(re.fullmatch(r"([A-Z]\w*(: [a-z ]+)?( \[.*\])?)?", line) for line in lines)
    return alone or (drawn and all(_TREE.fullmatch(line) for line in lines))

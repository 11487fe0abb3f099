"""`cogc graph SPEC`: draw the coglets of a system and the channels between them.

Exit codes: 0 done; 1 the spec is wrong; 2 there is no such root, or the file
cannot be written.
"""

from __future__ import annotations

import re
import sys

from cogc.commands import out
from cogc.commands.load import show_to_stderr
from cogc.compile import analyse
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.suggest import did_you_mean
from cogc.disk.files import main_spec, read
from cogc.graph import model, svg, write

_TREE = re.compile(r"(\w.*|[│ ]*[├└]─ .*|flows|  .* -> .*|)")
"""A line of a graph as text."""
TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="path of a spec, or of a folder with a spec")
    parser.add_argument(
        "--format",
        choices=("text", "mermaid", "dot", "svg", "json"),
        default="text",
        help="format to write (default: text)",
    )
    parser.add_argument("--root", metavar="NAME", help="name of the coglet to draw (default: Main, else everything)")
    parser.add_argument("-o", dest="file", metavar="FILE", help="file to write the graph to (default: stdout)")


def run(options: Namespace) -> int:
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
    return out.write(
        writers[options.format](graph), options.file, checked.world.units, "graph of `cogc graph`", is_graph
    )


def is_graph(text: str) -> bool:
    """Return whether a text is a graph in one of the formats."""
    if text.startswith(("flowchart ", "digraph cogc ", "<svg ", '{\n  "boxes":')):
        return True
    lines = text.split("\n")
    drawn = any(line.lstrip("│ ").startswith(("├─ ", "└─ ")) or line == "flows" for line in lines)
    alone = all(re.fullmatch(r"([A-Z]\w*(: [a-z ]+)?)?", line) for line in lines)
    return alone or (drawn and all(_TREE.fullmatch(line) for line in lines))

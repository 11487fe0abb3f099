"""`cogc graph SPEC`: draw who is inside whom, and who sends what to whom."""

from __future__ import annotations

import sys

from cogc.commands import out
from cogc.commands.load import show_to_stderr
from cogc.compile import analyse
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.suggest import did_you_mean
from cogc.disk.files import main_spec, read
from cogc.screens.graph import model, svg, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="a spec")
    parser.add_argument("--format", choices=("text", "mermaid", "dot", "svg", "json"), default="text")
    parser.add_argument("--root", metavar="NAME", help="draw from this coglet (default: Main, or all)")
    parser.add_argument("-o", dest="file", metavar="FILE", help="where to write (default: stdout)")


def run(options: Namespace) -> int:
    problems = Problems()
    checked = analyse([main_spec(options.spec)], read, problems)
    if problems.errors:
        show_to_stderr(problems.sorted())
        return 1
    graph = model.graph(checked, options.root)
    if options.root and not graph.boxes:
        known = [s.name for s in checked.world.shapes.values()]
        sys.stderr.write(f"cogc: there is no coglet `{options.root}`; {did_you_mean(options.root, known)}\n")
        return 2
    writers = {"text": write.text, "mermaid": write.mermaid, "dot": write.dot, "json": write.json, "svg": svg.svg}
    return out.write(writers[options.format](graph), options.file)

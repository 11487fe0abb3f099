"""`cogc build SPEC`: write the typed program as JSON; `cogc run` takes it in place of the spec."""

from __future__ import annotations

from cogc import ir
from cogc.commands import out
from cogc.commands.load import load, show_to_stderr
from cogc.commands.packages import allow_imports
from cogc.diagnostics.problems import Problems

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="a spec")
    parser.add_argument("--root", metavar="NAME", help="the coglet that runs (default: Main)")
    parser.add_argument("-o", dest="file", metavar="FILE", help="where to write (default: stdout)")
    allow_imports(parser)


def run(options: Namespace) -> int:
    problems = Problems()
    bundle = load(options.spec, options.root, options.allow_import, problems)
    if problems.found:
        show_to_stderr(problems.sorted())
    if bundle is None:
        return 1
    return out.write(ir.encode(bundle).decode(), options.file)

"""`cogc build SPEC`: write the typed program as JSON; `cogc run` takes it in place of the spec."""

from __future__ import annotations

import sys

from cogc import ir
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
    written = ir.encode(bundle)
    if not options.file:
        sys.stdout.write(written.decode())
        return 0
    try:
        with open(options.file, "wb") as file:
            file.write(written)
    except OSError as error:
        sys.stderr.write(f"cogc: cannot write `{options.file}`: {str(error.strerror).lower()}\n")
        return 2
    return 0

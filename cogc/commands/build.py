"""`cogc build SPEC`: write the typed program of a spec as JSON.

`cogc run` takes the JSON in place of the spec.

Exit codes: 0 done; 1 the spec is wrong; 2 the file cannot be written.
"""

from __future__ import annotations

from cogc import built
from cogc.commands import out
from cogc.commands.load import load, show_to_stderr
from cogc.commands.packages import allow_imports
from cogc.commands.program_options import root_option
from cogc.diagnostics.problems import Problems
from cogc.disk.files import main_spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="path of a spec, or of a folder with a spec")
    root_option(parser)
    parser.add_argument("-o", dest="file", metavar="FILE", help="file to write the program to (default: stdout)")
    allow_imports(parser)


def run(options: Namespace) -> int:
    problems = Problems()
    bundle = load(options.spec, options.root, options.allow_import, problems)
    if problems.found:
        show_to_stderr(problems.sorted())
    if bundle is None:
        return 1
    return out.write(
        built.encode(bundle).decode(), options.file, [main_spec(options.spec)], "program of `cogc build`", is_program
    )


def is_program(text: str) -> bool:
    """Return whether a text is a program as this command writes it."""
    return text.startswith('{\n "root":')

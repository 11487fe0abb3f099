"""`cogc check PATH...`: find the mistakes of specs, without running anything.

PATH may be `-`, which reads a spec from stdin. Files that were clean and have
not changed since are not checked again. --fix mends what it can.

Exit codes: 0 no errors; 1 errors (with --strict, warnings too; with --diff,
changes); 2 the command line is wrong, or a file cannot be written.
"""

from __future__ import annotations

import sys

from cogc.commands.checking import FORMATS, Check, Plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def arguments(parser: ArgumentParser) -> None:
    from cogc.commands.packages import allow_imports  # start-up: a command line of paths alone has no options

    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="path of a spec, or of a folder in which all specs are checked, or `-` for stdin",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="format of the diagnostics (default: people in a terminal, github in GitHub Actions, else text)",
    )
    parser.add_argument("--stdin-filename", metavar="PATH", help="path that the spec on stdin has")
    parser.add_argument("--fix", action="store_true", help="mend what has one certain remedy, in the named files")
    parser.add_argument(
        "--unsafe-fixes",
        action="store_true",
        help="with --fix: mend also where the remedy is a guess, or removes something",
    )
    parser.add_argument("--diff", action="store_true", help="with --fix: print the changes, and write nothing")
    parser.add_argument("--strict", action="store_true", help="give exit code 1 for warnings too")
    parser.add_argument(
        "--strict-commands", action="store_true", help="warn of commands that are not on the PATH of this machine"
    )
    parser.add_argument(
        "--durable",
        action="store_true",
        help="warn of what does not go on where it was when a durable run is resumed, and of what keeps snapshots from being written",
    )
    parser.add_argument(
        "--no-cache", action="store_true", help="check all files, also those that were clean and have not changed"
    )
    parser.add_argument(
        "--online",
        action="store_true",
        help="ask the declared MCP servers for their tools, and write them to cogc.lock.json beside the spec",
    )
    parser.add_argument(
        "--verbose",
        action="store_true",
        help="print also how each model is asked for its answer: by structured output or in the system prompt",
    )
    parser.add_argument("--root", metavar="NAME", help="check also that a run of the first file can begin at NAME")
    allow_imports(parser)


def run(options: Namespace | Plain) -> int:
    check = Check(options)
    if options.fix or options.unsafe_fixes or options.diff:
        from cogc.commands.fixes import fix_files

        return fix_files(options, check)
    found = check.found()
    if options.verbose:
        out = sys.stdout if options.format in (None, "people", "text") else sys.stderr
        out.writelines(f"{line}\n" for line in check.answer_formats())
    return check.finish(found)

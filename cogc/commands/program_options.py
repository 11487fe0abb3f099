"""The options that name the program of a command, or of a recorded run.

Nothing that is slow to import stands here: some commands need the compiler for recorded runs alone.
"""

from __future__ import annotations

from cogc.commands.packages import allow_imports
from cogc.commands.usage import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def program_options(parser: ArgumentParser) -> None:
    """Add the options that name the program of a recorded run."""
    parser.add_argument(
        "--spec", metavar="SPEC", help="spec of the run (default: the one that the run of an instance was begun with)"
    )
    root_option(parser)
    model_option(parser)
    allow_imports(parser)


def refuse_program_options(options: Namespace, why: str) -> None:
    """Raise UsageError if one of these options is given where no recorded run is looked at."""
    for name in ("spec", "root", "model", "allow_import"):
        if getattr(options, name):
            raise UsageError(f"--{name.replace('_', '-')} {why}")


def root_option(parser: ArgumentParser) -> None:
    """Add the option that names the root of a program."""
    parser.add_argument(
        "--root",
        metavar="NAME",
        help="name of the declaration to start from (default: Main, else the only one of the spec)",
    )


def model_option(parser: ArgumentParser) -> None:
    """Add `--model`, which replaces models of the spec."""
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME=PROVIDER:WHAT",
        help="use another model for NAME: x=scripted:answers.yml, x=anthropic:claude-haiku-5-5; may be repeated",
    )

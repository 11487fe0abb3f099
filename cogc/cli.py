"""The command line: which command, its options, its exit code.

Exit codes: 0 done; 1 the spec is wrong; 2 the command line is wrong; 3 the run failed; 4 a definition of done was not
met; 130 interrupted; 143 terminated. Only the command that runs is imported, so that `check` starts fast.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

COMMANDS = (
    "check",
    "run",
    "verify",
    "graph",
    "trace",
    "build",
    "convert",
    "init",
    "explain",
    "answer",
    "agents",
    "team",
    "plan",
    "cost",
    "sett",
    "orchestrator",
    "cub",
    "queue",
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code."""
    import gc

    gc.disable()  # the trees of a check are not garbage before it ends; `run` turns it on again
    given = sys.argv[1:] if arguments is None else arguments
    try:
        return _dispatch(given)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _dispatch(given: list[str]) -> int:
    if given[:1] == ["check"] and len(given) > 1 and not any(word.startswith("-") for word in given):
        # nothing but paths: argparse would take as long as the check of a small file
        from cogc.commands import check

        return check.run(check.Plain(given[1:]))
    from argparse import ArgumentParser

    command = given[0] if given and given[0] in COMMANDS else None
    parser = ArgumentParser(prog="cogc", description="A compiler and runner for systems of agents.")
    parser.add_argument("--version", action="store_true", help="print the version and stop")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name in (command,) if command else COMMANDS:
        module = _module(name)
        sub = subparsers.add_parser(name, help=module.HELP, description=(module.__doc__ or "").strip())
        module.arguments(sub)
        sub.set_defaults(module=module)
    if command and hasattr(_module(command), "prepare"):
        given = _module(command).prepare(given)
    options = parser.parse_args(given)
    if options.version:
        from cogc import __version__

        print(f"cogc {__version__}")
        return 0
    if options.command is None:
        parser.print_help()
        return 2
    return int(options.module.run(options))


def _module(name: str) -> ModuleType:
    from importlib import import_module  # `check` on plain paths does not come here

    return import_module(f"cogc.commands.{name}")

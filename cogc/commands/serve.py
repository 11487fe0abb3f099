"""`cogc serve SPEC`: run a system as a service, over HTTP.

The same as `cogc run SPEC --serve 4517`, without the outputs on stdout. The run
stays until it is stopped: SIGTERM stops it in good order, with exit code 0.

Exit codes: 0 stopped; the others are those of `cogc run`.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cogc.commands import run as run_command
from cogc.commands.serving import PORT


def arguments(parser: ArgumentParser) -> None:
    run_command.arguments(parser)
    parser.set_defaults(serve=str(PORT), silent=True)


prepare = run_command.prepare


def run(options: Namespace) -> int:
    return run_command.run(options)

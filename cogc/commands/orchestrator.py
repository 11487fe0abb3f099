"""`cogc orchestrator SPEC`: run the orchestrator of a sett in its own process.

The orchestrator makes claims, counts bids and grants work until SIGTERM. One
orchestrator of an instance works at a time; a second one waits.

Exit codes: 0 stopped; 1 the spec is wrong; 2 the command line is wrong, or
the board cannot be reached.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cogc.commands.sett_machines import add_machine, orchestrate


def arguments(parser: ArgumentParser) -> None:
    add_machine(parser)
    add = parser.add_argument
    add(
        "--consensus", default="45s", metavar="DURATION", help="time that a claim waits for missing bids (default: 45s)"
    )


def run(options: Namespace) -> int:
    return orchestrate(options)

"""`cogc orchestrator SPEC`: the orchestrator of a sett on its own, until SIGTERM.

It reads SETT_INSTANCE_NAME and REDIS_URL where --instance and --board do not say otherwise.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cogc.commands.sett_machines import add_machine, orchestrate


def arguments(parser: ArgumentParser) -> None:
    add_machine(parser)
    add = parser.add_argument
    add("--consensus", default="45s", metavar="DURATION", help="how long a claim waits for bids (default: 45s)")


def run(options: Namespace) -> int:
    return orchestrate(options)

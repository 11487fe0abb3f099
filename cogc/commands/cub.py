"""`cogc cub SPEC --agent ROLE`: the cub of one agent of a sett on its own, until SIGTERM; then its work may end.

It reads SETT_AGENT_NAME, SETT_INSTANCE_NAME and REDIS_URL where --agent, --instance and --board do not say otherwise. With
--execute-claim it does the one piece of work that its role was granted on a claim, bids on nothing, and ends.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cogc.commands.sett_machines import add_machine, work
from cogc.language.attributes import CAGES


def arguments(parser: ArgumentParser) -> None:
    add_machine(parser)
    add = parser.add_argument
    add("--agent", metavar="ROLE", help="the agent (default: $SETT_AGENT_NAME)")
    add("--workspace", default=".", metavar="DIR", help="where commands run (default: here)")
    add("--local", action="append", default=[], metavar="ROLE=DIR", help="what stands at /app for an agent")
    add(
        "--lease",
        default="30s",
        metavar="DURATION",
        help="how long work is its own without a sign of life (default: 30s)",
    )
    add(
        "--linger",
        default="30s",
        metavar="DURATION",
        help="how long its work may take to end at SIGTERM (default: 30s)",
    )
    add("--sandbox", choices=CAGES, default="auto", help="what holds commands (default: the best there is)")
    add("--execute-claim", metavar="ID", help="do the work of one claim, and end")
    add("--model", action="append", default=[], metavar="NAME=PROVIDER:WHAT", help="bind a model")


def run(options: Namespace) -> int:
    return work(options)

"""`cogc cub SPEC --agent ROLE`: run one agent of a sett in a process of its own.

The cub bids on claims and does the work that its agent is granted. At
SIGTERM, SIGINT or SIGHUP it takes nothing new, and ends what it does; a second
one makes it give its work back, so that another cub can do it.

Exit codes: 0 stopped; 1 the spec is wrong; 2 the command line is wrong, or
the board cannot be reached; 129, 130, 143 ended at once by a second signal.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cogc.commands.options import local_option, network_option, sandbox_option, workspace_option
from cogc.commands.program_options import model_option
from cogc.commands.sett_machines import add_machine, work


def arguments(parser: ArgumentParser) -> None:
    add_machine(parser)
    add = parser.add_argument
    add("--agent", metavar="ROLE", help="name of the agent (default: $SETT_AGENT_NAME)")
    workspace_option(parser)
    local_option(parser)
    network_option(parser)
    add(
        "--lease",
        default="30s",
        metavar="DURATION",
        help="time after which other cubs may take work whose cub has gone silent (default: 30s)",
    )
    add(
        "--linger",
        default="30s",
        metavar="DURATION",
        help="time that work may take to end after SIGTERM (default: 30s)",
    )
    sandbox_option(parser)
    add(
        "--execute-claim",
        metavar="ID",
        help="do the work that the agent was granted on this claim, and end, without bidding",
    )
    model_option(parser)


def run(options: Namespace) -> int:
    return work(options)

"""`cogc orchestrator SPEC`: the orchestrator of a sett on its own, until SIGTERM.

It reads SETT_INSTANCE_NAME and REDIS_URL where --instance and --board do not say otherwise.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cogc.commands.packages import allow_imports
from cogc.commands.sett_machines import orchestrate


def arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("spec", metavar="SPEC", help="the sett: a spec, sett.yml, or a built program")
    add("--root", metavar="NAME", help="which sett, where a spec has several")
    add("--instance", metavar="NAME", help="the instance (default: $SETT_INSTANCE_NAME)")
    add("--board", metavar="BOARD", help="sqlite:PATH or redis://HOST:PORT (default: $REDIS_URL)")
    add("--consensus", default="45s", metavar="DURATION", help="how long a claim waits for bids (default: 45s)")
    add("--port", type=int, metavar="PORT", help="answer GET /healthz on this port of 127.0.0.1")
    allow_imports(parser)


def run(options: Namespace) -> int:
    return orchestrate(options)

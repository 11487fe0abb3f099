"""`cogc link ID`, `cogc link ID:CHANNEL ID:CHANNEL`: list the channels of a
coglet of a runtime, or link a channel of one coglet to one of another.

A link whose types cannot fit is refused. It is gone when either coglet stops.

Exit codes: 0 done; 1 the runtime refuses, or is not there.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cogc.commands import runtime_client as client


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source", metavar="ID[:CHANNEL]", help="coglet, or channel from which the link leads")
    parser.add_argument("target", nargs="?", metavar="ID:CHANNEL", help="listen channel to which the link leads")
    client.add_port(parser)


def run(options: Namespace) -> int:
    return client.carry_out(_link, options)


def _link(options: Namespace) -> str:
    if options.target is None:
        return client.channels(options.port, options.source)
    return client.link(options.port, options.source, options.target)

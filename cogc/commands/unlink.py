"""`cogc unlink ID:CHANNEL ID:CHANNEL`: remove a link between coglets of a
runtime.

Exit codes: 0 removed; 1 there is no such link, or no runtime.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cogc.commands import runtime_client as client


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source", metavar="ID:CHANNEL", help="channel from which the link leads")
    parser.add_argument("target", metavar="ID:CHANNEL", help="listen channel to which the link leads")
    client.add_port(parser)


def run(options: Namespace) -> int:
    return client.carry_out(lambda o: client.link(o.port, o.source, o.target, "DELETE"), options)

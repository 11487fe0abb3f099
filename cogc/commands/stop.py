"""`cogc stop ID`: stop a coglet of a runtime, and all below it.

Exit codes: 0 stopped; 1 the runtime refuses, or is not there.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cogc.commands import runtime_client as client


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="id of the coglet, as `create` prints it")
    client.add_port(parser)


def run(options: Namespace) -> int:
    return client.carry_out(lambda o: client.stop(o.port, o.id), options)

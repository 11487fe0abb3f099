"""`cogc transmit ID:CHANNEL [DATA]`: push data into a channel of a coglet of a
runtime.

A coglet that listens to the channel handles the data, and the command ends
when it has. Links from the channel and observers of it get the data too.

Exit codes: 0 done; 1 the runtime refuses, the handler failed, or there is no
runtime.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cogc.commands import runtime_client as client


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("target", metavar="ID:CHANNEL", help="channel of a coglet")
    parser.add_argument("data", nargs="?", metavar="DATA", help="JSON, or text (default: null)")
    client.add_port(parser)


def run(options: Namespace) -> int:
    return client.carry_out(lambda o: client.transmit(o.port, o.target, o.data), options)

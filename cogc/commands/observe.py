"""`cogc observe ID:CHANNEL`: print the next message of a channel of a coglet of a
runtime.

A message is a line of JSON. With --follow each message is printed, until the
coglet or the runtime ends.

Exit codes: 0 done; 1 the runtime refuses, is not there, or ended before a
message came.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from cogc.commands import runtime_client as client


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("target", metavar="ID:CHANNEL", help="channel of a coglet")
    parser.add_argument("--follow", action="store_true", help="go on behind the first message")
    client.add_port(parser)


def run(options: Namespace) -> int:
    return client.said(lambda o: client.observe(o.port, o.target, o.follow, _write), options)


def _write(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()

"""`cogc enact ID COMMAND [DATA]`: give a coglet of a runtime a command.

The command ends when the coglet has handled it. A command that the coglet
does not know is ignored.

Exit codes: 0 done; 1 the runtime refuses, the handler failed, or there is no
runtime.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cogc.commands import runtime_client as client


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="id of the coglet")
    parser.add_argument("name", metavar="COMMAND", help="name of the command")
    parser.add_argument("data", nargs="?", metavar="DATA", help="JSON, or text (default: null)")
    client.add_port(parser)


def run(options: Namespace) -> int:
    return client.carry_out(lambda o: client.enact(o.port, o.id, o.name, o.data), options)

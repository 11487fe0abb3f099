"""`cogc create PATH`: create a coglet in a runtime, and print its id.

PATH is a coglet folder (`counter.cog`), a spec in either notation, or one
coglet of a spec (`spec.cog:Worker`). The command ends when the start of the
coglet has ended.

Exit codes: 0 created; 1 the runtime refuses, or is not there.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cogc.commands import runtime_client as client
from cogc.commands.options import set_option


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH", help="coglet folder, spec, or SPEC:COGLET")
    set_option(parser)
    client.add_port(parser)


def run(options: Namespace) -> int:
    return client.carry_out(lambda o: str(client.create(o.port, o.path, o.set)["id"]), options)

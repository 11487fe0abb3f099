"""`cogc links`: list the links between the coglets of a runtime.

Exit codes: 0 done; 1 there is no runtime.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cogc.commands import runtime_client as client


def arguments(parser: ArgumentParser) -> None:
    client.add_port(parser)


def run(options: Namespace) -> int:
    return client.carry_out(lambda o: client.links(o.port), options)

"""`cogc mcp`: a runtime as a server of MCP over stdin and stdout.

A client of MCP starts this command and uses its tools: list_cogs,
create_coglet, stop_coglet, enact_coglet, transmit_coglet, list_channels,
observe_coglet, link_channels, unlink_channels, list_links, runtime_status,
channel_stats, channel_history, runtime_tree, shutdown_runtime, ui_graph. What
coglets print goes to stderr. The runtime ends with its client.

A runtime that listens on a port serves the same tools at `/mcp`.

Exit codes: 0 done; 2 an extra is missing;
129, 130, 143 ended by SIGHUP, SIGINT, SIGTERM.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import ExitStack

from cogc.commands import under_trio
from cogc.commands.options import LEVELS
from cogc.commands.packages import allow_imports
from cogc.commands.runtime import common
from cogc.commands.state import add_state
from cogc.commands.usage import UsageError
from cogc.run.stopping import EXIT_CODES


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--log",
        choices=list(LEVELS),
        default="info",
        help="lowest level at which the log of coglets is printed to stderr (default: info)",
    )
    add_state(parser)
    allow_imports(parser)


def run(options: Namespace) -> int:
    try:
        from cogc.service import daemon  # the extras `serve` and `mcp`
        from cogc.service.runtime_tools import over_stdio
    except ImportError as missing:
        raise UsageError(
            f"this needs the extras `serve` and `mcp`: pip install 'cogc[serve,mcp]' ({missing})"
        ) from None
    runtime = daemon.make(daemon.Setup(**common(options)))
    return under_trio.run(
        lambda: over_stdio(runtime), lambda _: EXIT_CODES.get(runtime.session.outcome, 0), ExitStack()
    )

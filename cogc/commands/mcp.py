"""`cogc mcp [SPEC]`: serve a spec, or a runtime, to a client of MCP over stdin.

With SPEC, the spec is run, and each agent, plan, team and program that it
exports is a tool. A call of a tool that is given up is cancelled. The run ends
with its client. The options are those of `cogc run`.

Without SPEC, the tools are those of a runtime: list_cogs, create_coglet,
stop_coglet, enact_coglet, transmit_coglet, list_channels, observe_coglet,
link_channels, unlink_channels, list_links, runtime_status, channel_stats,
channel_history, runtime_tree, shutdown_runtime, ui_graph. Only --log, --state
and --allow-import may be given then.

What is printed meanwhile goes to stderr. `cogc serve SPEC` and a runtime that
listens on a port serve the same tools at `/mcp`.

Exit codes: 0 done, or a SPEC was served and ended by SIGTERM; 1 the spec is
wrong; 2 an extra is missing; 3 the run failed, or stdout could not be written;
129, 130, 143 ended by SIGHUP, SIGINT, SIGTERM.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import ExitStack

from cogc.commands import run as run_command, under_trio
from cogc.commands.runtime import common
from cogc.commands.streams import lose_stdout
from cogc.commands.usage import UsageError
from cogc.run.stopping import EXIT_CODES

_OF_RUNTIME = ("log", "state", "allow_import", "spec")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", nargs="?", help=f"{run_command.SPEC} (default: a runtime)")
    run_command.add_options(parser)
    parser.set_defaults(silent=True)
    parser.set_defaults(unset=vars(parser.parse_args([])))


prepare = run_command.prepare


def run(options: Namespace) -> int:
    try:
        from cogc.service import mcp_stdio  # the extras `serve` and `mcp`
        from cogc.service.runtime_tools import over_stdio
    except ImportError as missing:
        raise UsageError(
            f"this needs the extras `serve` and `mcp`: pip install 'cogc[serve,mcp]' ({missing})"
        ) from None
    if options.spec is not None:
        options.wire = mcp_stdio.claim_stdout(lose_stdout)
        return run_command.run(options)
    for name, value in options.unset.items():
        if name not in _OF_RUNTIME and getattr(options, name) != value:
            raise UsageError(f"--{name.replace('_', '-')} goes with SPEC")
    from cogc.service import daemon

    runtime = daemon.make(daemon.Setup(**common(options)))
    return under_trio.run(
        lambda: over_stdio(runtime, mcp_stdio.claim_stdout(lose_stdout)),
        lambda _: EXIT_CODES.get(runtime.session.outcome, 0),
        ExitStack(),
    )

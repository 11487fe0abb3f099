"""`cogc lsp`: a language server over stdin and stdout, for editors.

Exit codes: 0 the editor has shut the server down; 1 it went away without.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from cogc.lsp.workspace import Project


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--stdio", action="store_true", help="talk over stdin and stdout (there is no other way)")


def project(path: str) -> Project:
    """Return the rules and the settings that count for a file."""
    from cogc.commands.checking import options_of
    from cogc.commands.configuration import selection, settings_for

    settings = settings_for([path])
    chosen = selection(settings)
    return chosen, options_of(chosen, frozenset(settings.allow_import))


def run(options: Namespace) -> int:
    import gc
    import os

    from cogc.lsp.rpc import Channel
    from cogc.lsp.server import Server

    # an analysis makes so many objects that the usual numbers collect all of them at each edit
    gc.set_threshold(50_000, 20, 20)
    # whatever prints goes to stderr: stdout belongs to the protocol
    target = os.dup(1)
    os.dup2(2, 1)
    try:
        return Server(Channel(0, target), project).run()
    except BrokenPipeError:  # the editor is gone
        return 1

"""`cogc where [SPEC]`: print the folder in which cogc keeps a project's state.

With --take-over, state of an earlier version, or of a project that was moved,
is moved into that folder first.

Exit codes: 0 done; 2 there is no such spec or folder, DIR is no state
folder, or the state folder has a file of the same name already.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace

from cogc.commands.state import add_state, state_here
from cogc.commands.usage import UsageError
from cogc.disk.files import main_spec
from cogc.disk.state_folder import StateFolder, of_spec


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "spec", nargs="?", metavar="SPEC", help="path of a spec, or of its folder (default: the current folder)"
    )
    parser.add_argument(
        "--take-over", metavar="DIR", help="move the state in DIR into the state folder (default: move nothing)"
    )
    add_state(parser)


def run(options: Namespace) -> int:
    state = _state(options)
    if options.take_over is not None:
        _take_over(state, options.take_over)
    print(state.path)
    return 0


def _state(options: Namespace) -> StateFolder:
    """Return the state folder that is meant."""
    if options.spec is None:
        return state_here(options)
    if not os.path.exists(options.spec):
        raise UsageError(f"there is no file and no folder `{options.spec}`")
    spec = main_spec(options.spec)
    inside = spec == options.spec and os.path.isdir(spec) and not spec.rstrip("/").endswith(".cog")
    return of_spec(os.path.join(spec, "main.cog") if inside else spec, options.state)


def _take_over(state: StateFolder, folder: str) -> None:
    """Move the state of another folder into the state folder."""
    if not os.path.isdir(folder):
        raise UsageError(f"there is no folder `{folder}`")
    if os.path.realpath(folder) == os.path.realpath(state.path):
        raise UsageError(f"`{folder}` is the state folder")
    state.say = lambda line: None
    try:
        names = state.take_over(folder)
    except FileExistsError as error:
        raise UsageError(f"nothing was moved: the state folder {state.path} has `{error.filename}` already") from None
    except ValueError as error:
        raise UsageError(f"nothing was moved: `{folder}` is no state folder: {error}") from None
    sys.stderr.write(f"cogc: taken over: {', '.join(names) or 'nothing'}\n")

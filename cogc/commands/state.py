"""Whose state a command line means: that of its spec's project, of the working directory, or of `--state`."""

from __future__ import annotations

import os
import sys

from cogc.commands.usage import UsageError
from cogc.disk.state_folder import Kept, StateFolder, here, near, of_spec, refuse_workspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_state(parser: ArgumentParser) -> None:
    """Add the option that names the state folder."""
    parser.add_argument(
        "--state",
        metavar="DIR",
        help="folder of the project's state (default: $COGC_STATE, else what `cogc where` prints)",
    )


def state_of(options: Namespace) -> StateFolder:
    """Return the state folder of the project that the spec of a command line belongs to."""
    return of_spec(options.spec, options.state)


def state_here(options: Namespace) -> StateFolder:
    """Return the state folder that a command without a spec means: that of the project here, or else of the only one below here or
    run from here."""
    found = here(options.state)
    if found.exists or not found.project:
        return found
    others = near()
    if len(others) == 1:
        return others[0]
    if others:
        known = ", ".join(os.path.relpath(o.project) for o in others)
        raise UsageError(f"several projects were run from here or below; change into one of them: {known}")
    for line in found.news():
        sys.stderr.write(f"cogc: {line}\n")
    return found


def kept_by(options: Namespace, state: StateFolder) -> Kept:
    """Return what a run keeps, which its cages must hide. UsageError if the workspace lies in the state folder."""
    wrong = refuse_workspace(state, options.workspace)
    if wrong:
        raise UsageError(wrong)
    stores = [getattr(options, name, None) or "" for name in ("plans", "board", "registry")]
    return Kept(state, [s.removeprefix("sqlite:") for s in stores if s.startswith("sqlite:")])

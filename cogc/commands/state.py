"""The state folder that a command line means: that of its spec's project, of the current folder, or of `--state`."""

from __future__ import annotations

import os
import sys

from cogc.commands.usage import UsageError
from cogc.disk.state_folder import OwnFiles, StateFolder, here, inside, near, of_spec, refuse_workspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from cogc.ir import Bundle


def add_state(parser: ArgumentParser) -> None:
    """Add the option that names the state folder."""
    parser.add_argument(
        "--state",
        metavar="DIR",
        help="folder of the project's state (default: $COGC_STATE, else what `cogc where` prints)",
    )


def state_of(options: Namespace) -> StateFolder:
    """Return the state folder of the project to which the spec of a command line belongs."""
    return of_spec(options.spec, options.state)


def state_here(options: Namespace) -> StateFolder:
    """Return the state folder that a command without a spec means.

    It is that of the project of the current folder, or else of the only project below the folder or run from it.
    """
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


def warn_of_spec(bundle: Bundle, options: Namespace) -> None:
    """Say that commands in a sandbox may write the spec: what they change there is in force at the next run."""
    from cogc.kernel.permissions import writes_from_sandbox  # the IR, which commands that look at state do without

    spec, workspace = os.path.realpath(options.spec), os.path.realpath(options.workspace)
    if options.sandbox != "none" and inside(spec, workspace) and writes_from_sandbox(bundle):
        sys.stderr.write(
            f"cogc: warning: commands in a sandbox may write the workspace, and `{os.path.relpath(spec, workspace)}` lies in it: what they "
            "change in the spec is in force at the next run (--workspace names another folder)\n"
        )


def kept_by(options: Namespace, state: StateFolder) -> OwnFiles:
    """Return the files of a run that its sandboxes must hide. Raise UsageError if the workspace lies in the state
    folder, or is no folder."""
    wrong = refuse_workspace(state, options.workspace)
    if wrong:
        raise UsageError(wrong)
    if not os.path.isdir(options.workspace):
        raise UsageError(f"--workspace {options.workspace}: there is no such folder")
    stores = [getattr(options, name, None) or "" for name in ("plans", "board", "registry")]
    return OwnFiles(state, [s.removeprefix("sqlite:") for s in stores if s.startswith("sqlite:")])

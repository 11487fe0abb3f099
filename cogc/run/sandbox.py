"""Processes in a sandbox: bubblewrap around a command, with the workspace as the only part of the user's files.

In the sandbox the workspace is `/workspace`, read-only or writable. `/usr` is there read-only, and `/tmp` is the
process's own. The environment holds only what the program is given. There is no network unless it is asked for.
Nothing outlives the command. Without bubblewrap a sandboxed command is refused.

What cogc keeps for itself is hidden where it lies in the workspace or the app: in its place there is an empty folder,
which disappears with the sandbox, or an empty file.
"""

from __future__ import annotations

import os
import shutil

from cogc.disk.state_folder import Kept
from cogc.kernel.permissions import Sandbox
from cogc.language.values import Failure

_NETWORK = ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl", "/etc/ca-certificates", "/etc/pki")
_SYSTEM = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/passwd", "/etc/group")


ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"}
"""The variables of every process in a sandbox, besides those of its program. They are the environment of bubblewrap itself,
because a command line can be read by everybody."""


def wrapped(
    words: list[str],
    sandbox: Sandbox,
    workspace: str,
    folder: str,
    program: str,
    kept: Kept,
    app: str | None = None,
) -> list[str]:
    """Return the command that runs `words` in a sandbox. Raise Failure if bubblewrap is not installed.

    `workspace` and `folder` are real paths, `folder` inside of the workspace. `app` is mounted at /app, read-only.
    What is `kept` must not be seen.
    """
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise Failure(
            "program",
            f"`{program}` must run in a sandbox, and bubblewrap (`bwrap`) is not at hand; "
            "install it, or run without one by `--sandbox none`",
        )
    inside = os.path.normpath(os.path.join("/workspace", os.path.relpath(folder, workspace)))
    command = [
        bwrap, "--unshare-all", *(["--share-net"] if sandbox.network else []), "--die-with-parent", "--new-session",
        "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib",
        "--symlink", "usr/lib64", "/lib64", "--dir", "/etc", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
    ]  # fmt: skip
    for path in (*_SYSTEM, *(_NETWORK if sandbox.network else ())):
        command += ["--ro-bind-try", path, path]
    if app is not None:
        command += ["--ro-bind", app, "/app", *_masks(app, "/app", kept)]
    bind = "--bind" if sandbox.mode == "rw" else "--ro-bind"
    command += [bind, workspace, "/workspace", *_masks(workspace, "/workspace", kept), "--chdir", inside]
    return [*command, "--cap-drop", "ALL", "--remount-ro", "/", "--", *words]


def _masks(folder: str, place: str, kept: Kept) -> list[str]:
    """Return the options that hide cogc's own files in a folder that is mounted at `place`."""
    words: list[str] = []
    for path in kept.inside(folder):
        at = f"{place}/{os.path.relpath(path, folder)}"
        words += ["--tmpfs", at] if os.path.isdir(path) else ["--ro-bind", "/dev/null", at]
    return words

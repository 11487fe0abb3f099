"""The home of the user, and files that nobody else may read."""

from __future__ import annotations

import errno
import os


def home() -> str:
    """Return the home of the user: `HOME`, or that of the list of users. FileNotFoundError if there is none."""
    found = os.environ.get("HOME", "")
    if os.path.isabs(found):
        return found
    import pwd  # for an environment without a home alone

    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        raise FileNotFoundError(errno.ENOENT, "no such folder; set HOME", "~") from None


def touch(path: str) -> str:
    """Make a file of the mode 0600; one that is there is given that mode. Return its path."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        if os.stat(path).st_uid == os.geteuid():
            os.chmod(path, 0o600)
        return path
    os.fchmod(descriptor, 0o600)
    os.close(descriptor)
    return path

"""The command of a container engine that holds a command in a container, with what every sandbox promises.

The container has no capabilities and gains none, a root folder that is read-only, a `/tmp` of its own, and the same filter of
system calls as bubblewrap. docker and podman take the same options. Docker's daemon is root: for another user the
command runs as that user, as it does with podman, unless the daemon itself runs without root.
"""

from __future__ import annotations

import json
import os
import resource
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cogc.kernel.permissions import Sandbox
from cogc.run import seccomp
from cogc.run.bounds import DESCRIPTORS, FILE, at_most

_PROCESSES = 32768
"""The processes of one user on the whole machine: the bound of the container itself is `--pids-limit`."""


@contextmanager
def profile() -> Iterator[str]:
    """Yield the file of the filter for containers; an empty string where calls are unknown."""
    rules = seccomp.profile()
    if not rules:
        yield ""
        return
    with tempfile.NamedTemporaryFile("w", prefix="cogc-", suffix=".json") as file:
        json.dump(rules, file)
        file.flush()
        yield file.name


def contained(
    engine: Sequence[str],
    name: str,
    sandbox: Sandbox,
    volumes: Sequence[str],
    filter: str,
    variables: Sequence[str],
    own_user: bool,
    cpus: str = "",
) -> list[str]:
    """Return the words of an engine up to the image. `variables` are names: their values are the engine's own environment, since a
    command line can be read by other users. `own_user` runs the command as the user of this process."""
    command = [
        *engine, "run", "--rm", "-i", "--name", name, "--cap-drop", "all", "--security-opt", "no-new-privileges",
        *(["--security-opt", f"seccomp={filter}"] if filter else []),
        "--read-only", "--tmpfs", f"/tmp:rw,nosuid,nodev,size={sandbox.memory // 2},mode=1777",
        "--ipc", "private", "--pids-limit", str(sandbox.processes), "--memory", str(sandbox.memory),
        *_limits(),
        *(["--user", f"{os.getuid()}:{os.getgid()}"] if own_user else []), *volumes, "-w", "/workspace",
    ]  # fmt: skip
    if not sandbox.network:
        command += ["--network", "none"]
    command += ["--cpus", cpus] if cpus else []
    for variable in variables:
        command += ["-e", variable]
    return command


def _limits() -> list[str]:
    """Return the limits of each process. podman raises those that are not named, which not everybody may."""
    words = []
    limits = {
        "core": 0,
        "nofile": at_most(resource.RLIMIT_NOFILE, DESCRIPTORS),
        "fsize": at_most(resource.RLIMIT_FSIZE, FILE),
        "nproc": at_most(resource.RLIMIT_NPROC, _PROCESSES),
    }
    for name, value in limits.items():
        words += ["--ulimit", f"{name}={value}:{value}"]
    return words

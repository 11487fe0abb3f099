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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from cogc.kernel.permissions import Sandbox
from cogc.run import seccomp
from cogc.run.bounds import DESCRIPTORS, FILE, at_most, limits


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
    variables: Mapping[str, str],
    own_user: bool,
    cpus: str = "",
) -> list[str]:
    """Return the words of an engine up to the image. The values of `variables` are looked for in the engine's own
    environment (`environment_of_engine`), since a command line can be read by other users. `own_user` runs the command as the user of this process."""
    command = [
        *engine, "run", "--rm", "-i", "--name", name, "--cap-drop", "all", "--security-opt", "no-new-privileges",
        *(["--security-opt", f"seccomp={filter}"] if filter else []),
        "--read-only", "--tmpfs", f"/tmp:rw,nosuid,nodev,size={sandbox.memory // 2},mode=1777",
        "--ipc", "private", "--pids-limit", str(sandbox.processes), "--memory", str(sandbox.memory),
        *_limits(sandbox),
        *(["--user", f"{os.getuid()}:{os.getgid()}"] if own_user else []), *volumes, "-w", "/workspace",
    ]  # fmt: skip
    if not sandbox.network:
        command += ["--network", "none"]
    command += ["--cpus", cpus] if cpus else []
    for name, value in variables.items():
        command += ["-e", f"{name}={value}" if _is_engines(name) else name]
    return command


def environment_of_engine(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of an engine: that of this process, with the variables of the container that mean nothing to the engine
    itself. podman without root has its images in the home folder of the user, which is not that of the container."""
    return {**os.environ, **{name: value for name, value in variables.items() if not _is_engines(name)}}


def _is_engines(name: str) -> bool:
    """Return whether an engine, or what starts it, may obey a variable: with `LD_PRELOAD` it would run code before there is a container."""
    return name in ("HOME", "PATH", "TMPDIR", "ENV", "GCONV_PATH", "LOCPATH", "NLSPATH") or name.startswith(
        ("XDG_", "DOCKER_", "CONTAINER", "PODMAN_", "BUILDAH_", "LD_", "GLIBC_", "MALLOC_", "BASH", "PYTHON")
    )


def _limits(sandbox: Sandbox) -> list[str]:
    """Return the limits of each process. Without control groups, which an engine of another user may lack, that of processes is the only
    one on them. podman raises those that are not named, which not everybody may."""
    words = []
    bounds = {
        "core": 0,
        "data": at_most(resource.RLIMIT_DATA, sandbox.memory),
        "nofile": at_most(resource.RLIMIT_NOFILE, DESCRIPTORS),
        "fsize": at_most(resource.RLIMIT_FSIZE, FILE),
        "nproc": limits(sandbox)[resource.RLIMIT_NPROC],
    }
    for name, value in bounds.items():
        words += ["--ulimit", f"{name}={value}:{value}"]
    return words

"""Processes of the machine: those that a test leaves behind, and what may be started here."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

QUICK = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""What makes a pytest start quickly that a test's own test starts: no plugins, which most of its time goes into."""


def marked(word: str) -> list[int]:
    """Living processes whose command line holds a word."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes() and int(pid) != os.getpid():
                state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
                found += [int(pid)] if state not in "ZX" else []
        except OSError:
            continue
    return found


def unique_seconds() -> str:
    """A long time to sleep that no other test's process names: tests run side by side."""
    return f"98.{random.SystemRandom().randrange(10**11, 10**12)}"


def alive(pid: int) -> tuple[int, int] | None:
    """Return a process's pid and the instant of its start, which together name it for ever; None for one that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else (pid, int(fields[19]))


def threads(pid: int) -> int:
    """Count the threads of a living process."""
    return len(os.listdir(f"/proc/{pid}/task"))


def bubblewrap_works() -> bool:
    """Whether bubblewrap is installed and may make namespaces here."""
    words = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    return shutil.which("bwrap") is not None and subprocess.run(words, capture_output=True, check=False).returncode == 0


@contextmanager
def podman_settings(folder: Path) -> Iterator[None]:
    """Settings with which podman works as root of a machine that is a container itself."""
    conf = folder / "containers.conf"
    conf.write_text(
        '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\n'
        '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        if os.getuid() == 0 and shutil.which("runc"):
            patch.setenv("CONTAINERS_CONF", str(conf))
        yield


def connections(door: Path) -> int:
    """Count the connections to a Unix socket, by its folder's name and its own."""
    name = f"{door.parent.name}/{door.name}"
    connected = "03"
    lines = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()]
    return sum(1 for fields in lines if fields[-1].endswith(name) and fields[5] == connected)

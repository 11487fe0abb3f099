"""The conformance suite of sandboxes: `python -m cogc.run.sandbox_conformance` tries to get out of each sandbox, and prints a table.

`sandbox_probes.py` and `sandbox_probes_kernel.py` hold the probes. They run in a sandbox as cogc makes it, one start for all of them, and a second one for a workspace that is only
read. Outside of the sandbox stands what they are after: files, a process with a key in its environment, sockets, shared memory. A
row is `held`, `open`, or `not tested`. What a probe says counts, and so does what is found outside afterwards. `EXPLAINED` has
the reason of each row that is open by design; any other open row is a fault, and the exit code is 1.

Root tests the sandboxes for root and for another user; anybody else for the own user alone. A sandbox that this machine has not is said.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import random
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import trio

from cogc.disk.beneath import read_beneath
from cogc.disk.state_folder import OwnFiles
from cogc.kernel.permissions import Sandbox
from cogc.language.values import Failure
from cogc.run import confine, sandbox_probes, sandbox_probes_kernel
from cogc.run.containers import contained, profile
from cogc.run.git import in_folder, sealed
from cogc.run.process import run_process
from cogc.run.sandbox import ENVIRONMENT, confined, wrapped

KINDS = ("bubblewrap", "landlock", "container")
MEMORY, PROCESSES, MARGIN = 64 << 20, 64, 3000
_PYTHON = "/usr/bin/python3"
_MOST = 180.0
_NOBODY = 65534
_PROBING = "import sys; sys.path.append(sys.argv[1]); from cogc.run import sandbox_probes, sandbox_probes_kernel; sandbox_probes.main()"
OWN = os.getuid() or _NOBODY
"""The user of the sandboxes for others than root."""

_ATTRIBUTES = (
    "Landlock has no rule for modes, owners and times. A command that may write the workspace can change those of files of its "
    "own user. Root cannot, nor can a command that only reads."
)
_NAMES = (
    "Landlock has no rule for looking at files without opening them: whether a file is there, its size and times, and that it changes can be "
    "seen, its contents cannot."
)
_TOTAL = (
    "`memory` bounds each process, and what is shared or held in files in memory counts for none. All of it is bounded where a "
    "control group of memory can be made."
)
EXPLAINED = {
    ("landlock", "change-attributes-outside"): _ATTRIBUTES,
    ("landlock", "see-other-processes"): "Landlock makes no namespaces: names and command lines of processes can be read, their memory and environment cannot.",
    ("landlock", "watch-files-outside"): _NAMES,
    ("landlock", "see-whether-files-are-there"): _NAMES,
    ("landlock", "see-the-network-of-the-machine"): "Landlock makes no namespaces: the names and counters of network devices can be read.",
    ("landlock", "fork-without-end"): "The limit of processes does not hold root. It does where a control group can be made.",
    ("landlock", "fill-the-temporary-folder"): "The temporary folder lies on the disk of the machine. Each file is bounded (4 GiB).",
    ("landlock", "fill-shared-memory"): _TOTAL,
    ("bubblewrap", "fork-without-end"): "The limit of processes does not hold root. It does where a control group can be made.",
    ("bubblewrap", "fill-shared-memory"): _TOTAL,
    ("container", "fill-shared-memory"): "The engine could not bound the memory of the container here.",
}  # fmt: skip
"""The rows that may be open, by kind of sandbox and probe, and why."""

Rows = dict[str, tuple[str, str]]
"""The result of each probe: `held`, `open` or `not tested`, and words."""


class Subject:
    """A sandbox to be tested: its kind, and the user in it. `missing` says why it cannot be tested here.

    The kind `none` is a plain process: it shows what the suite would say of a sandbox that holds nothing.
    """

    def __init__(self, kind: str, user: int, missing: str = "", engine: str = "", image: str = "") -> None:
        self.kind = kind
        self.user = user
        self.missing = missing
        self.engine = engine
        self.image = image

    @property
    def name(self) -> str:
        """Return the head of the sandbox's column."""
        return f"{self.kind}, {'user' if self.user else 'root'}"


def subjects(image: str = "", engine: str = "podman") -> list[Subject]:
    """Return all sandboxes; those that this machine has not say so. `image` has a Python at /usr/bin/python3."""
    found = []
    for kind in KINDS:
        for root in (True, False):
            user = 0 if root else OWN
            missing = "this needs root" if root and os.getuid() else _missing(kind, root, image)
            found.append(Subject(kind, user, missing, engine, image))
    return found


def _missing(kind: str, root: bool, image: str) -> str:
    """Return why a kind of sandbox cannot be tested; nothing if it can."""
    if kind == "container":
        if not root and os.getuid() == 0:
            return "an engine without root needs a user of its own"
        return "" if image else "there is no engine that runs containers"
    if not os.path.exists(_PYTHON):
        return f"there is no {_PYTHON}"
    if not root and os.getuid() == 0 and shutil.which("setpriv") is None:
        return "there is no setpriv"
    if kind == "landlock":
        return "" if confine.version() else "this kernel has no Landlock"
    return "" if shutil.which("bwrap") else "there is no bubblewrap"


# ---- the ground ----------------------------------------------------------------------------------------------


class _Ground:
    """The targets of the probes, in folders that the user of the sandbox owns."""

    def __init__(self, folder: str, user: int, margin: int) -> None:
        self.margin = margin
        self.swapped = False
        self.canary = f"canary-{random.SystemRandom().randrange(10**12)}"
        self.leftover = f"97.{random.SystemRandom().randrange(10**11, 10**12)}"
        self.outside, self.workspace = f"{folder}/outside", f"{folder}/workspace"
        os.chmod(folder, 0o755)
        for place in (self.outside, self.workspace):
            os.mkdir(place)
        probes = Path(self.workspace, "probes", "cogc", "run")
        probes.mkdir(parents=True)
        for module in (sandbox_probes, sandbox_probes_kernel):
            shutil.copy(str(module.__file__), probes)
        shutil.copy(confine.__file__, folder)
        Path(self.outside, "secret").write_text(self.canary)
        Path(self.workspace, "plain").touch()
        self.before = self._secret()
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.setblocking(False)
        self.sockets = [self._listen("\0" + self.canary)]
        self.sockets += [self._listen(f"{place}/socket") for place in (self.outside, self.workspace)]
        self.key = random.SystemRandom().randrange(1 << 30)
        libc = ctypes.CDLL(None)
        self.shared = int(libc.shmget(self.key, 4096, 0o1666))
        self.semaphores = int(libc.semget(self.key, 1, 0o1666))
        self.messages = int(libc.msgget(self.key, 0o1666))
        self.queue = int(libc.mq_open(f"/{self.canary}".encode(), os.O_RDWR | os.O_CREAT, 0o666, None))
        with suppress(OSError):
            Path("/dev/shm", self.canary).write_text(self.canary)
        if os.getuid() == 0 and user:
            for place, _, files in os.walk(folder):
                for path in (place, *(f"{place}/{f}" for f in files)):
                    os.chown(path, user, user)
        os.chmod(f"{self.outside}/secret", 0o600)
        self.before = self._secret()
        code = "import time; print(flush=True); time.sleep(1000)"
        other: dict[str, Any] = {"user": user, "group": user, "extra_groups": []} if os.getuid() == 0 and user else {}
        self.victim = subprocess.Popen(
            [_PYTHON if user else sys.executable, "-I", "-S", "-c", code, self.canary],
            env={"KEY": self.canary}, cwd=self.outside, stdout=subprocess.PIPE, **other,
        )  # fmt: skip
        assert self.victim.stdout is not None
        self.victim.stdout.readline()

    def _listen(self, address: str) -> socket.socket:
        found = socket.socket(socket.AF_UNIX)
        found.bind(address)
        if not address.startswith("\0"):
            os.chmod(address, 0o777)
        found.listen()
        found.setblocking(False)
        return found

    def _secret(self) -> tuple[int, int, int]:
        about = os.stat(f"{self.outside}/secret")
        return about.st_mode, about.st_mtime_ns, about.st_nlink

    def facts(self, mode: str) -> str:
        """Return what the probes must know, as JSON."""
        return json.dumps({
            "mode": mode, "canary": self.canary, "mark": self.canary, "outside": self.outside, "victim": self.victim.pid,
            "tcp": self.tcp.getsockname()[1], "udp": self.udp.getsockname()[1], "abstract": self.canary,
            "shared": self.key if self.shared >= 0 else 0, "semaphores": self.key if self.semaphores >= 0 else 0,
            "messages": self.key if self.messages >= 0 else 0, "queue": self.canary if self.queue >= 0 else "", "leftover": self.leftover, "memory": MEMORY,
            "processes": PROCESSES, "margin": self.margin,
        })  # fmt: skip

    def seen(self) -> Rows:
        """Return the probes that traces outside of the subject show to be open."""
        found: Rows = {}
        if self.victim.poll() is not None:
            found["signal-other-processes"] = ("open", "another process was ended")
        with suppress(BlockingIOError):
            self.udp.recv(10)
            found["send-by-udp"] = ("open", "it has come")
        mode, changed, links = self._secret()
        if (mode, changed) != self.before[:2]:
            found["change-attributes-outside"] = ("open", "they were changed")
        if links != 1:
            found["hard-link-a-file-outside"] = ("open", "it was linked")
        if os.path.exists(f"{self.outside}/planted"):
            found["write-a-file-outside"] = ("open", "it was written")
        for place, _, files in os.walk(self.workspace):
            if any(os.lstat(f"{place}/{f}").st_mode & (stat.S_ISUID | stat.S_ISGID) for f in files):
                found["leave-a-setuid-file"] = ("open", "it was found")
        self._look_by_git()
        if os.path.exists(f"{self.outside}/obeyed"):
            found["plant-a-configuration-of-git"] = ("open", "cogc's git has started its program")
        if self.swapped:
            found["exchange-a-folder-for-a-link"] = ("open", "cogc has read what is outside")
        if _runs(self.leftover):
            found["leave-a-process-behind"] = ("open", "it was found")
        return found

    def _look_by_git(self) -> None:
        """Look at the repository that a probe has planted, as cogc does after an agent's work."""
        if not os.path.isdir(f"{self.workspace}/.git") or shutil.which("git") is None:
            return
        for words in (["status", "--porcelain"], ["add", "--all"], ["diff", "HEAD"]):
            with suppress(Failure), sealed(in_folder(words), self.workspace, self.workspace) as (command, env):
                subprocess.run(command, env=env, cwd=self.workspace, capture_output=True, timeout=60, check=False)

    async def read(self) -> None:
        """Read a file of the workspace again and again, as cogc does, while a probe puts a link into its place."""
        while not self.swapped:
            for _ in range(200):
                with suppress(OSError):
                    self.swapped |= self.canary.encode() in read_beneath(self.workspace, "swapped/secret", 999)[0]
            await trio.sleep(0.002)

    def close(self) -> None:
        with suppress(OSError):
            os.unlink(f"/dev/shm/{self.canary}")
        libc = ctypes.CDLL(None)
        libc.mq_unlink(f"/{self.canary}".encode())
        if self.semaphores >= 0:
            libc.semctl(self.semaphores, 0, 0)  # IPC_RMID
        if self.messages >= 0:
            libc.msgctl(self.messages, 0, None)
        self.victim.kill()
        self.victim.communicate()
        for one in (self.tcp, self.udp, *self.sockets):
            one.close()
        if self.shared >= 0:
            ctypes.CDLL(None).shmctl(self.shared, 0, None)  # IPC_RMID


def _runs(mark: str) -> bool:
    """Return whether there is a process with a word on its command line."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            if mark.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                return True
    return False


# ---- a sandbox -----------------------------------------------------------------------------------------------


async def check_sandbox(subject: Subject) -> Rows:
    """Return what came of each probe in a sandbox that can be tested here."""
    rows: Rows = {}
    for mode in ("rw", "ro"):
        with tempfile.TemporaryDirectory(prefix="cogc-sandbox-", dir="/tmp") as folder, ExitStack() as stack:
            ground = _Ground(folder, subject.user, MARGIN if subject.kind != "none" else 8 - PROCESSES)
            stack.callback(ground.close)
            rows |= await _started(subject, ground, folder, mode)
            rows |= ground.seen()
    return rows


async def _started(subject: Subject, ground: _Ground, folder: str, mode: str) -> Rows:
    """Run the probes for one mode of the workspace."""
    sandbox = Sandbox(mode, False, MEMORY, PROCESSES)
    place = ground.workspace if subject.kind in ("landlock", "none") else "/workspace"
    words = [_PYTHON, "-I", "-S", "-c", _PROBING, f"{place}/probes"]
    with ExitStack() as stack:
        env = dict(ENVIRONMENT)
        if subject.kind == "container":
            volumes = ["-v", f"{ground.workspace}:/workspace:{mode}", "-v", "/dev/null:/workspace/socket:ro"]
            name = f"cogc-sandbox-{os.getpid()}-{mode}"
            own = subject.engine == "docker" and subject.user != 0
            command = contained(
                [subject.engine], name, sandbox, volumes, stack.enter_context(profile()), {"HOME": "/tmp"}, own
            )
            command = [*command, subject.image, *words]
            env = dict(os.environ)
        elif subject.kind == "landlock":
            temporary = stack.enter_context(tempfile.TemporaryDirectory(dir=folder))
            os.chmod(temporary, 0o777)
            env["TMPDIR"] = env["HOME"] = temporary
            grouped = os.getuid() == 0 and subject.user == 0
            command = confined(words, sandbox, ground.workspace, temporary, python=_PYTHON, grouped=grouped)
            ours = os.path.dirname(confine.__file__)  # which other users may not read
            command = [folder if w == ours else w for w in command]
        elif subject.kind == "none":
            command = words
        else:
            command = wrapped(words, sandbox, ground.workspace, ground.workspace, "sandbox", OwnFiles())
        if os.getuid() == 0 and subject.user:
            command = as_user(command, subject.user)
        with trio.move_on_after(_MOST):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ground.read)
                done = await run_process(command, ground.facts(mode).encode(), ground.workspace, env)
                nursery.cancel_scope.cancel()
            return _read(done.stdout, done.stderr.decode("utf-8", "replace"), mode)
    raise AssertionError(f"the probes in {subject.name} took longer than {_MOST:g}s")


def as_user(command: list[str], user: int) -> list[str]:
    """Return a command as another user would run it: without the control groups, which are root's."""
    become = ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups", "--"]
    if confine.STARTER in command or command[0] == _PYTHON:
        return [*become, *command]
    shell, option, script, name, *words = command
    lines = [line for line in script.splitlines() if "joined" not in line]
    return [shell, option, "\n".join(lines), name, *become, *words]


def _read(stdout: bytes, stderr: str, mode: str) -> Rows:
    """Read what the probes have said. Each must have said something."""
    names = {"absent": "not tested"}
    rows = {name: (names.get(state, state), words) for name, state, words in map(json.loads, stdout.splitlines())}
    wanted = sandbox_probes.PROBES if mode == "rw" else sandbox_probes.READING
    missing = [name for name in wanted if name not in rows]
    if len(missing) == len(wanted):
        return {name: ("not tested", stderr.strip()[-200:] or "the sandbox did not start") for name in wanted}
    assert not missing, f"nothing was heard of {missing[0]}: {stderr[-400:]}"
    return rows


# ---- an image ------------------------------------------------------------------------------------------------


@contextmanager
def image(engine: str) -> Iterator[str]:
    """Yield an image made of this machine's busybox and Python, without a registry; an empty string if that does not work here."""
    busybox = shutil.which("busybox")
    if shutil.which(engine) is None or busybox is None or not os.path.exists(_PYTHON):
        yield ""
        return
    tag = f"localhost/cogc-sandboxes-{os.getpid()}-{os.urandom(3).hex()}"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        for path in _python_files():
            place = root / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
        (root / "bin").mkdir(exist_ok=True)
        shutil.copy(busybox, root / "bin" / "busybox")
        for name in ("sh", "sleep", "cat"):
            (root / "bin" / name).symlink_to("busybox")
        for name in ("tmp", "workspace", "proc", "sys", "dev", "etc"):
            (root / name).mkdir(exist_ok=True)
        subprocess.run(["tar", "-C", str(root), "-cf", f"{folder}/root.tar", "."], check=True)
        made = subprocess.run([engine, "import", f"{folder}/root.tar", tag], capture_output=True, check=False)
    words = [engine, "run", "--rm", "--network", "none", tag, _PYTHON, "-I", "-S", "-c", "print(1)"]
    works = made.returncode == 0 and subprocess.run(words, capture_output=True, check=False).stdout == b"1\n"
    try:
        yield tag if works else ""
    finally:
        subprocess.run([engine, "rmi", "-f", tag], capture_output=True, check=False)


def _python_files() -> list[str]:
    """Return the files that the probes' Python needs: its program, modules, and the libraries of both."""
    code = "import runpy, sys; runpy.run_path(sys.argv[1]); import contextlib, pathlib, encodings.utf_8, encodings.ascii, encodings.idna\n"
    code += "print(*{m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)}, sep='\\n')"
    words = [_PYTHON, "-I", "-S", "-c", code, sandbox_probes.__file__]
    modules = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    found = {_PYTHON, *(m for m in modules if m.startswith("/usr"))}
    for path in [_PYTHON, *(m for m in found if m.endswith(".so"))]:
        said = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
        found.update(word for word in said.split() if word.startswith("/"))
    return sorted(found)


# ---- the table -----------------------------------------------------------------------------------------------


def table(found: dict[str, Rows]) -> str:
    """Return the outcome of all sandboxes as a table in Markdown. A sandbox that was not tested has no rows."""
    names = list(found)
    lines = [f"| a command in a sandbox tries to | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for probe in (*sandbox_probes.PROBES, *sandbox_probes.READING):
        cells = [found[name].get(probe, ("not tested", ""))[0] for name in names]
        lines.append(f"| {probe.replace('-', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def unexplained(kind: str, rows: Rows) -> list[str]:
    """Return the rows that are open and should not be."""
    return [
        f"{name}: {words}" for name, (state, words) in rows.items() if state == "open" and (kind, name) not in EXPLAINED
    ]


def main(words: list[str]) -> int:
    """Test the sandboxes of this machine; print the table, and what stands open."""
    parser = argparse.ArgumentParser(
        prog="python -m cogc.run.sandbox_conformance",
        description="Test the sandboxes of this machine.",
        allow_abbrev=False,
    )
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"{', '.join(KINDS)}; all if none is named")
    parser.add_argument("--engine", default="podman", help="the engine of containers: podman (the default) or docker")
    options = parser.parse_args(words)
    found: dict[str, Rows] = {}
    faults = []
    with ExitStack() as stack:
        wanted = options.kinds or KINDS
        tag = stack.enter_context(image(options.engine)) if "container" in wanted else ""
        for subject in subjects(tag, options.engine):
            if subject.kind not in wanted:
                continue
            found[subject.name] = {} if subject.missing else trio.run(check_sandbox, subject)
            if subject.missing:
                sys.stderr.write(f"{subject.name}: not tested: {subject.missing}\n")
            faults += [f"{subject.name}: {row}" for row in unexplained(subject.kind, found[subject.name])]
            for name, (state, said) in found[subject.name].items():
                if (state != "held" and (subject.kind, name) in EXPLAINED) or state == "not tested":
                    sys.stderr.write(f"{subject.name}: {name}: {state}: {said}\n")
    sys.stdout.write(table(found) + "\n")
    for fault in faults:
        sys.stderr.write(f"OPEN: {fault}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

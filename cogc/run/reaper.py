"""The reaper: the process that starts the programs of a run, and sees to it that none of them outlives the run.

The model. A runner starts one reaper, when it first needs a process. For each process the reaper forks a keeper, and
the keeper forks the program. Reaper and keepers are subreapers (`PR_SET_CHILD_SUBREAPER`): a descendant whose parent
has died becomes a child of its keeper, or of the reaper if the keeper is gone. So a new session, a double fork or an
empty environment does not help a program to get away: all that it starts stays below its keeper, until the keeper has
no child left.

    runner ---- reaper ---- keeper ---- program ---- whatever the program starts
       |                       |
       +------- control -------+

How a process ends.
- The program ends: the keeper reports its code, and goes on to hold what the program has left behind.
- The runner has what it wants, or cancels: it shuts its side of the control socket down. The keeper asks all of its
  descendants to end (SIGTERM), kills them after `GRACE` seconds, and ends itself when it has no child left.
- The runner dies, however: each keeper and the reaper watch it by a descriptor of the process (pidfd), which nobody
  else can hold open. They kill all of their descendants at once.
- A keeper is killed: its descendants become children of the reaper, which ends them with the run.
- Users' Python code has started it inside of the runner: it has no keeper, but a mark in its environment (`marked.py`).
  When the runner is gone, the reaper kills what has the mark.

The protocol. To the reaper: one byte for each process, with four descriptors: the keeper's side of the control
socket, and the program's stdin, stdout and stderr. On the control socket: frames of four bytes of length and a
marshalled tuple. The runner sends one, (words, folder, environment), all bytes. The keeper answers ("started", pid),
or ("refused", errno, reason) and ends; then ("ended", code), negative for a signal.

A client that insists on starting its process itself (the stdio transport of MCP) starts `reaper.py hold RUNNER
WORDS...` instead: a keeper with no reaper above it, whose program has its stdin, stdout and stderr.

This file runs as a script, in an interpreter without the site's packages and with an empty environment, so that it
starts fast and shows no secret of the runner. It imports nothing of cogc.
"""

from __future__ import annotations

import ctypes
import marshal
import os
import select
import signal
import socket
import sys
import time
from typing import Any

GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""
HELD_GRACE = 1.0
"""The grace of a keeper without a reaper: shorter than the one that the SDK of MCP gives to it."""
LIMIT = 10.0
"""Seconds after which a process that cannot be killed (of another user, or inside of the kernel) is given up."""
MARK = "COGC_RUNNER"
"""The variable that marks what users' code starts inside of the runner."""
_SUBREAPER = 36
_RESET = (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ)


def send(control: socket.socket, *values: Any) -> None:
    """Send a frame; a receiver that is gone has no use for it."""
    data = marshal.dumps(values)
    try:
        control.sendall(len(data).to_bytes(4, "big") + data)
    except OSError:
        return


def _receive(control: socket.socket) -> Any:
    """Return the values of the next frame, or None at the end."""
    data = _exactly(control, 4)
    data = _exactly(control, int.from_bytes(data, "big")) if data else b""
    return marshal.loads(data) if data else None


def _exactly(control: socket.socket, size: int) -> bytes:
    """Return so many bytes, or none if the other side is gone."""
    parts = []
    while size:
        part = control.recv(size)
        if not part:
            return b""
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


# ---- the reaper ----------------------------------------------------------------------------------------------


def serve(door: socket.socket, runner: int, mark: str) -> None:
    """Fork a keeper for each request until the runner is gone; then kill whatever is left, and all that has the mark."""
    _adopt()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers that have ended leave no zombie
    poll = select.poll()
    poll.register(door, select.POLLIN)
    poll.register(runner, select.POLLIN)
    while runner not in dict(poll.poll()):
        data, descriptors, _, _ = socket.recv_fds(door, 1, 4)
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        if not data:
            break
        if len(descriptors) == 4 and os.fork() == 0:
            door.close()
            _keep(descriptors, runner)
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)
    _kill_all()
    select.select([runner], [], [])  # the door may be shut before
    _kill_marked(mark)


def _adopt() -> None:
    """Become the parent of descendants whose parent dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


# ---- a keeper ------------------------------------------------------------------------------------------------


def _keep(descriptors: list[int], runner: int) -> None:
    """Start the program that the runner asks for, report how it ends, and end all that is left when the runner says so."""
    control = socket.socket(fileno=descriptors[0])
    _adopt()
    woken = _wakened()
    request = _receive(control)
    if request is None:
        return
    words, folder, environment = request
    pid = _start(words, folder, environment, descriptors[1:], control)
    for descriptor in descriptors[1:]:
        os.close(descriptor)
    if pid:
        send(control, "started", pid)
        if _watch(control.fileno(), runner, woken, pid, control):
            _end_all(woken, runner, GRACE)
        else:
            _kill_all()


def _wakened() -> int:
    """Have the end of a child make a descriptor readable; return it."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    return reading


def _start(
    words: list[bytes],
    folder: bytes,
    environment: dict[bytes, bytes],
    descriptors: list[int],
    control: socket.socket | None,
) -> int:
    """Fork and execute a program; return its pid, or 0 after a report of why it cannot be started."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _execute(words, folder, environment, descriptors, writing)
    os.close(writing)
    said = b""
    while part := os.read(reading, 4096):
        said += part
    os.close(reading)
    if not said:
        return pid
    os.waitpid(pid, 0)
    number, reason = marshal.loads(said)
    if control is not None:
        send(control, "refused", number, reason)
    else:
        os.write(2, os.fsencode(f"`{os.fsdecode(words[0])}` cannot be started: {reason.lower()}\n"))
    return 0


def _execute(
    words: list[bytes], folder: bytes, environment: dict[bytes, bytes], descriptors: list[int], errors: int
) -> None:
    """Become the program, in a session of its own. This runs in the forked child and does not return."""
    try:
        signal.set_wakeup_fd(-1)
        for number in _RESET:
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        for target, descriptor in enumerate(descriptors):
            if target == descriptor:
                os.set_inheritable(descriptor, True)
            else:
                os.dup2(descriptor, target)
        if folder:
            os.chdir(folder)
        _confine(words, environment)
        os.execvpe(words[0], words, environment)
    except OSError as error:
        os.write(errors, marshal.dumps((error.errno, error.strerror)))
    finally:
        os._exit(127)


def _confine(words: list[bytes], environment: dict[bytes, bytes]) -> None:
    """Do in this process what the command of a Landlock sandbox would start a Python for; return for any other command."""
    if words[3:4] != [b"-c"] or b"import confine" not in words[4]:
        return
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    confine = __import__("confine")

    if os.fsdecode(words[4]) == confine.STARTER:
        confine.become(words[6], words[7:], environment)


def _watch(control: int, runner: int, woken: int, pid: int, reports: socket.socket | None) -> bool:
    """Reap children until the runner has what it wants (True) or is gone (False). Report the end of `pid`."""
    poll = select.poll()
    for descriptor in (control, runner, woken):
        poll.register(descriptor, select.POLLIN)
    while True:
        ready = dict(poll.poll())
        if runner in ready:
            return False
        if control in ready:
            return True
        _drain(woken)
        code = _reap(pid)[1]
        if code is not None and reports is not None:
            send(reports, "ended", code)


def _drain(woken: int) -> None:
    """Empty the descriptor that wakes the keeper."""
    try:
        os.read(woken, 4096)
    except BlockingIOError:
        return


def _reap(pid: int) -> tuple[bool, int | None]:
    """Reap all children that have ended. Return whether there are others, and the exit code of `pid` if it has ended
    now."""
    code = None
    while True:
        try:
            found, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False, code
        if found == 0:
            return True, code
        if found == pid:
            code = os.waitstatus_to_exitcode(status)


# ---- the end -------------------------------------------------------------------------------------------------


def _end_all(woken: int, runner: int, grace: float) -> None:
    """Ask all descendants to end, and kill those that are left after the grace, or when the runner has died."""
    if not _reap(0)[0]:
        return
    _signal_all(signal.SIGTERM)
    poll = select.poll()
    poll.register(runner, select.POLLIN)
    poll.register(woken, select.POLLIN)
    deadline = time.monotonic() + grace
    while _reap(0)[0] and time.monotonic() < deadline:
        if runner in dict(poll.poll(50)):
            break
        _drain(woken)
    _kill_all()


def _kill_all() -> None:
    """Kill all descendants, again and again: one of them may have forked meanwhile."""
    deadline = time.monotonic() + LIMIT
    while _reap(0)[0] and time.monotonic() < deadline:
        _signal_all(signal.SIGKILL)
        time.sleep(0.002)


def mark_of(pid: int) -> str:
    """Return the mark of a runner: its pid, and the instant of its start, which no later process of this pid has."""
    return f"{pid}-{_field(str(pid), 19)}"


def _kill_marked(mark: str) -> None:
    """Kill all processes with the mark, until none is seen twice: one may have forked meanwhile, and has no mark until it executes."""
    wanted = f"{MARK}={mark}".encode()
    deadline, looks = time.monotonic() + LIMIT, 2
    while looks and time.monotonic() < deadline:
        found = [pid for pid in os.listdir("/proc") if pid.isdigit() and wanted in _environment(pid)]
        looks = 2 if found else looks - 1
        for pid in found:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        time.sleep(0.01)


def _environment(pid: str) -> list[bytes]:
    """Return the environment that a process was started with; none for one that is gone, or of another user."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def _signal_all(number: int) -> None:
    """Send a signal to all descendants."""
    for pid in descendants(os.getpid()):
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def descendants(root: int) -> list[int]:
    """Return the processes below a process, by the parents that /proc names."""
    below: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            below.setdefault(_parent(name), []).append(int(name))
    found = [root]
    for pid in found:
        found += below.get(pid, ())
    return found[1:]


def _parent(pid: str) -> int:
    """Return the parent of a process, or -1 if the process is gone."""
    return _field(pid, 1)


def _field(pid: str, number: int) -> int:
    """Return a number that /proc gives for a process, counted behind its name; -1 if the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[number])
    except OSError:
        return -1


# ---- a keeper without a reaper -------------------------------------------------------------------------------


def hold(words: list[str], runner: int) -> int:
    """Run a program with the stdin, stdout and stderr of this process. Return its exit code when nothing of it is
    left."""
    _adopt()
    woken, (asked, ask) = _wakened(), os.pipe()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: os.write(ask, b"x"))
    pid = _start([os.fsencode(w) for w in words], b"", dict(os.environb), [0, 1, 2], None)
    if not pid:
        return 127
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    return _held(asked, runner, woken, pid)


def _held(asked: int, runner: int, woken: int, pid: int) -> int:
    """Wait for the program, for a signal, or for the end of the runner; then end whatever is left."""
    poll = select.poll()
    for descriptor in (asked, runner, woken):
        poll.register(descriptor, select.POLLIN)
    code = None
    while code is None:
        ready = dict(poll.poll())
        if runner in ready:
            _kill_all()
            return 1
        if asked in ready:
            break
        _drain(woken)
        code = _reap(pid)[1]
    _end_all(woken, runner, HELD_GRACE)
    return code if code is not None and code >= 0 else 128 - (code or -signal.SIGTERM)


def main(words: list[str]) -> int:
    """Run as reaper (`serve RUNNER MARK`) or as a keeper without one (`hold RUNNER WORDS...`).

    A runner that has died already may have been killed while its first process began, which then has its mark.

    A reaper that was started with the word `lent` behind these holds descriptor 4 as long as it lives, and so do its keepers: the runner's lock.
    """
    runner = int(words[1])
    try:
        watched = os.pidfd_open(runner) if sys.platform == "linux" else -1
    except ProcessLookupError:  # it has died already
        watched = 0
    if not watched or os.getppid() != runner:  # so it has here
        if words[0] == "serve":
            _kill_marked(words[2])
        return 1
    if words[0] == "hold":
        return hold(words[2:], watched)
    door = socket.socket(fileno=3)
    door.set_inheritable(False)
    kept = {3, watched, *([4] if words[3:] == ["lent"] else [])}
    for descriptor in sorted(kept - {-1}):
        os.set_inheritable(descriptor, False)
    _close_all_but(kept)
    serve(door, watched, words[2])
    return 0


def _close_all_but(kept: set[int]) -> None:
    """Close all descriptors from 3 on but those that are kept."""
    low = 3
    for descriptor in sorted(kept):
        os.closerange(low, descriptor)
        low = max(low, descriptor + 1)
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`cogc runtime start|stop|status|replay`: a runtime, to which coglets are added
while it runs.

    start     start a runtime in the background, and print its process and port;
              with --instance NAME it survives a kill
    stop      stop all coglets, the last one first, and end the runtime
    status    show the tree of coglets, a line for each, and the links
    replay    repeat what `start --record FILE` has recorded, without clients,
              processes, network or clock: the same log and the same trace

Other commands create, link, feed and watch its coglets: create, stop, link,
unlink, links, transmit, enact, observe, shell. HTTP and MCP (`/mcp`) do the
same on the runtime's port.

Exit codes: 0 done; 1 the runtime did not start, or is not there; 2 the
recording cannot be read, or the instance cannot be used; 3 the replay departs
from the recording, or output was lost;
129, 130, 143 a runtime in the foreground was ended by SIGHUP, SIGINT, SIGTERM.
"""

from __future__ import annotations

import errno
import io
import os
import select
import socket
import subprocess
import sys
import time
from argparse import SUPPRESS, ArgumentParser, Namespace
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from cogc.commands import instance as instances, runtime_client as client, telemetry, trace_parts, under_trio
from cogc.commands.options import LEVELS
from cogc.commands.packages import allow_imports, allowed
from cogc.commands.recordings import PRIVATE, opened, recorded, refuse_torn, repeat
from cogc.commands.state import add_state
from cogc.commands.streams import Sink
from cogc.commands.usage import UsageError, only
from cogc.disk.state_folder import OwnFiles, StateFolder, here
from cogc.kernel.effects import Effect, LogLine
from cogc.kernel.machine import Kernel
from cogc.language.values import plain
from cogc.run import media
from cogc.run.instance import QUEUES, Instance
from cogc.run.options import new_run_id
from cogc.run.people import People
from cogc.run.plans import Keeping
from cogc.run.replay import Divergence
from cogc.run.session import Session
from cogc.run.settings import Settings
from cogc.run.stopping import EXIT_CODES
from cogc.service.graph import serve_graph
from cogc.service.host import host

if TYPE_CHECKING:
    from cogc.service.runtime import Runtime
    from cogc.traces.exporter import Exporter

PATIENCE = 60.0
"""Seconds in which a runtime must take requests."""


def arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("action", choices=("start", "stop", "status", "replay"), help="what to do")
    add("recording", nargs="?", metavar="FILE", help="replay: the journal")
    client.add_port(parser)
    add("--foreground", action="store_true", help="start: stay in the foreground")
    add("--trace", metavar="FILE", help="start, replay: write a trace to FILE")
    trace_parts.add_options(add)
    telemetry.add_options(add, "start: ")
    add("--record", metavar="FILE", help="start: write a journal to FILE: every event that came from outside")
    add(
        "--instance",
        metavar="NAME",
        help="start: name of the runtime; one that was killed goes on where it was when it is started again under its name",
    )
    add(
        "--fresh", action="store_true", help="start: begin an instance anew instead of continuing an unfinished runtime"
    )
    add(
        "--keep",
        metavar="N|TIME",
        help="start: with --instance: earlier runs whose journals are kept: so many, or those of a time such as 30d (default: none)",
    )
    add(
        "--log",
        choices=list(LEVELS),
        default="info",
        help="start, replay: lowest level at which the log of coglets is written (default: info)",
    )
    add("--ready-fd", type=int, help=SUPPRESS)
    add_state(parser)
    allow_imports(parser)


def run(options: Namespace) -> int:
    for name in ("fresh", "keep"):
        if getattr(options, name) and not options.instance:
            raise UsageError(f"--{name} goes with --instance")
    telemetry.refuse_alone(options)
    trace_parts.refuse_alone(options)
    if options.recording is not None and options.action != "replay":
        raise UsageError(f"`cogc runtime {options.action}` takes no FILE; `cogc create` brings coglets into a runtime")
    if options.action == "stop":
        return client.carry_out(lambda o: str(client.ask(o.port, "POST", ["shutdown"])["msg"]), options)
    if options.action == "status":
        return client.carry_out(lambda o: client.status(o.port), options)
    if options.action == "replay":
        return _replay(options)
    return foreground(options) if options.foreground else client.carry_out(_background, options)


# ---- in the background -----------------------------------------------------------------------------------------


def _background(options: Namespace) -> str:
    """Start a runtime in a process and a session of its own. Return the line that says so when it takes requests."""
    state = here(options.state)
    # under a name of its own until the port is had: the log of the port belongs to the runtime that listens there
    log = state.file("runtimes", f"start-{os.getpid()}.log")
    reading, writing = os.pipe()
    with open(reading, "rb") as ready, open(log, "wb") as file:
        words = [sys.executable, "-m", "cogc", "runtime", "start", "--foreground", "--ready-fd", str(writing)]
        made = subprocess.Popen(
            [*words, *_passed(options)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            pass_fds=(writing,),
            start_new_session=True,
        )
        os.close(writing)
        told = select.select([ready], [], [], PATIENCE)[0]
        line = ready.readline().decode("utf-8", "replace").rstrip("\n") if told else ""
    if line.startswith("coglet runtime started"):
        made.returncode = 0  # the process goes on by itself, and is not waited for
        os.replace(log, state.file("runtimes", f"{line.rpartition('port=')[2].rstrip(')')}.log"))
        return line
    raise client.ClientError(_not_started(made, log, bool(told)))


def _not_started(made: subprocess.Popen[bytes], log: str, ends: bool) -> str:
    """Return why a runtime does not take requests. `ends` tells that it has closed its end of the pipe; it is killed if it has not
    ended by itself."""
    try:
        made.wait(PATIENCE if ends else 0)
    except subprocess.TimeoutExpired:
        made.kill()
        made.wait()
        ends = False
    with open(log, "rb") as file:
        lines = file.read().decode("utf-8", "replace").strip().split("\n")
    os.unlink(log)
    last = max((i for i, line in enumerate(lines) if line.startswith(("cogc: ", "error: "))), default=len(lines) - 1)
    said = "\n".join(lines[last:])
    if said:
        return said.removeprefix("cogc: ").removeprefix("error: ")
    if not ends:
        return f"the runtime took no requests within {PATIENCE:g} s, and was ended"
    return f"the runtime ended with code {made.returncode}"


def _passed(options: Namespace) -> list[str]:
    """Return the options of a runtime in the background as words."""
    words = ["--port", str(options.port), "--log", options.log]
    for name in ("trace", "record"):
        if getattr(options, name):
            words += [f"--{name}", os.path.abspath(getattr(options, name))]
    words += trace_parts.passed(options) + telemetry.passed(options)
    if options.instance:
        words += ["--instance", options.instance, *(["--fresh"] if options.fresh else [])]
        words += ["--keep", options.keep] if options.keep else []
    if options.state:
        words += ["--state", os.path.abspath(options.state)]
    for package in options.allow_import:
        words += ["--allow-import", package]
    return words


def _begun(options: Namespace) -> dict[str, Any]:
    """Return what `cogc resume` needs to start the runtime again. It is in the background again if somebody waits for its line."""
    words = ["runtime", "start", *_passed(options), *(["--foreground"] if options.ready_fd is None else [])]
    return {"words": words, "folder": os.getcwd(), "spec": "runtime"}


# ---- in the foreground -----------------------------------------------------------------------------------------


def foreground(options: Namespace) -> int:
    """Run a runtime in this process until it is stopped. Return its exit code."""
    try:
        from cogc.service import daemon  # the extra `serve`
    except ImportError as missing:
        raise UsageError(f"a runtime needs the extra `serve`: pip install 'cogc[serve]' ({missing})") from None
    door = _listening(options.port)
    if door is None:
        return 1
    with ExitStack() as opened_here:
        runtime, files = _made(options, opened_here)
        held = opened_here.pop_all()

    async def main() -> Session:
        try:
            return await daemon.serve(runtime, [door], say, partial(_say_ready, options, door))
        except Exception as error:
            found = only(error)
            if not isinstance(found, Divergence):
                raise
            raise UsageError(
                f"--instance {options.instance}: the unfinished runtime departs from its journal under this version of cogc: {found}\n"
                "  --fresh gives it up, and the version that it was begun with resumes it"
            ) from None

    with held:
        return under_trio.run(main, partial(_ended, files), held)


def _listening(port: int) -> socket.socket | None:
    """Return the socket of a runtime, which listens; None if it cannot, which is said on stderr. Raise UsageError for what is no port."""
    from cogc.service import address  # the extra `serve`

    if not 0 <= port < 65536:
        raise UsageError(f"--port {port}: a port is a number from 0 to 65535")
    try:
        return address.listen(address.Address(address.HOST, port))
    except OSError as error:
        reason = f"port {port} is in use" if error.errno == errno.EADDRINUSE else str(error.strerror).lower()
        sys.stderr.write(f"error: cannot listen on port {port}: {reason}\n")
        return None


def _made(options: Namespace, held: ExitStack) -> tuple[Runtime, list[Sink | None]]:
    """Return a runtime that has not begun, and the files that it writes. What is opened is closed with `held`. Raise UsageError for what
    cannot be opened or written.
    """
    from cogc.service import daemon  # the extra `serve`

    instance = instances.opened(options, here(options.state), is_runtime=True)
    if instance is not None:
        held.callback(instance.close)
        media.keep_in(instance.folder / media.FOLDER)
    sink, trace = trace_parts.written(options, options.trace, None, PRIVATE) if options.trace else (None, None)
    record = opened(options.record, mode=PRIVATE) if options.record else None
    shared = common(options, instance)
    exporter = _exporter(options, shared, instance)
    held.callback(telemetry.close, exporter)
    setup = daemon.Setup(**shared, trace=trace, journal=_stream(record), begun=_begun(options), hears=exporter)
    try:
        runtime = daemon.make(setup)
    except OSError as error:
        raise UsageError(f"cannot write `{error.filename}`: {str(error.strerror).lower()}") from None
    if instance is not None:
        instances.say_new(instance, options)
    telemetry.attach(exporter, runtime.session, options)
    files = [sink, record]
    for file in files:
        if file is not None:
            file.on_lost = runtime.session.stop
    return runtime, files


def _say_ready(options: Namespace, door: socket.socket) -> None:
    """Say that the runtime takes requests: on stdout, or to the command that has started it in the background."""
    line = f"coglet runtime started (pid={os.getpid()}, port={door.getsockname()[1]})\n"
    if options.ready_fd is None:
        sys.stdout.write(line)
        sys.stdout.flush()
        return
    with open(options.ready_fd, "w") as waiting:
        waiting.write(line)


def _exporter(options: Namespace, shared: dict[str, Any], instance: Instance | None) -> Exporter | None:
    """Return what sends the spans of a runtime, which has the id and the beginning of its journal if it goes on."""
    recording = None if instance is None else instance.recording
    head = shared if recording is None else recording.head
    return telemetry.exporter(options, head["run"], head["epoch"], host().bundle)


def _ended(files: list[Sink | None], session: Session) -> int:
    """Say what was lost of the files and of the journal of a runtime. Return its exit code."""
    lost = [file.loss() for file in files if file is not None and file.loss()]
    commit = session.commit
    if commit is not None and commit.failed is not None:
        why = str(commit.failed.strerror or commit.failed).lower()
        lost.append(
            f"cannot write the journal of the instance: {why}; nothing left after that, and the runtime goes on when it is started again"
        )
    for line in lost:
        sys.stderr.write(f"cogc: {line}\n")
    return EXIT_CODES.get(session.outcome, 0) or (3 if lost or session.outcome == "failed" else 0)


def _replay(options: Namespace) -> int:
    """Repeat a recorded runtime. Its journal holds the programs of its coglets."""
    if options.recording is None:
        raise UsageError("name the journal: cogc runtime replay FILE")
    head, events = recorded(options.recording, "a runtime")
    file = writer = None
    if options.trace is not None:
        file, writer = trace_parts.written(options, options.trace, options.recording, PRIVATE)
    kernel = Kernel(host(), head["seed"], head["epoch"], writer is not None, head["run"])

    def taken(effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, LogLine):
                log(effect, options.log)
        if writer is not None and kernel.trace is not None:
            writer.write(kernel.trace.take())

    if writer is not None:
        writer.hear_parts(kernel.trace)
    try:
        if not repeat(kernel, events, taken):
            return 3
    finally:
        if writer is not None and (failed := writer.close()):
            sys.stderr.write(f"cogc: {failed}\n")
    refuse_torn(options.recording, events)
    if file is not None and file.loss():
        sys.stderr.write(f"cogc: {file.loss()}\n")
        return 3
    return 0


def common(options: Namespace, instance: Instance | None = None) -> dict[str, Any]:
    """Return the parts of a setup that do not depend on how the runtime is reached."""
    state = here(options.state)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # what coglets print is seen at once
    return {
        "settings": settings(state, instance),
        "instance": instance,
        "allowed": lambda place: allowed(options.allow_import, [place]),
        "folder": os.getcwd(),
        "run": new_run_id(),
        "epoch": time.time_ns(),
        "on_log": lambda entry: log(entry, options.log),
        "say": say,
    }


def settings(state: StateFolder, instance: Instance | None = None) -> Settings:
    """Return the settings of the programs of a runtime."""
    people, queues = People({}, False, state), ""
    if instance is not None:
        people.instance, queues = instance.folder.name, str(instance.folder / QUEUES)
    return Settings(".", frozenset(), people, True, Keeping(state), "", OwnFiles(state), serve_graph, queues)


def log(entry: LogLine, least: str) -> None:
    """Print a log entry of a coglet to stderr."""
    if LEVELS[entry.level] >= LEVELS[least]:
        shown = entry.value if isinstance(entry.value, str) else msgspec.json.encode(plain(entry.value)).decode()
        sys.stderr.write(f"{entry.t / 1e9:9.3f} {entry.level:<5} {entry.path}: {shown}\n")


def say(line: str) -> None:
    """Print a line of the server to stderr."""
    sys.stderr.write(f"cogc: {line}\n")


def _stream(sink: Sink | None) -> BinaryIO | None:
    return None if sink is None else io.BufferedWriter(sink)

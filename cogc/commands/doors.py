"""The doors of a run: its own socket, which every run on the real clock has, stdin, and HTTP."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path

import trio

from cogc import ir
from cogc.commands.options import has
from cogc.commands.serving import OwnServer, Server, add_serving, refuse_without_server
from cogc.commands.stdin import Lines, is_open
from cogc.commands.usage import UsageError
from cogc.disk.state_folder import StateFolder
from cogc.language.texts import is_internal
from cogc.run.control import answer_requests
from cogc.run.control_client import RUNS, SOCKET, UNASKED
from cogc.run.local_server import open_socket
from cogc.run.session import Session


class Doors:
    """The doors of one run, as its options say."""

    def __init__(
        self, options: Namespace, server: Server | None, state: StateFolder, run: str, say: Callable[[str], object]
    ) -> None:
        self.options = options
        self.server = server
        self.state = state
        self.run = run
        self.say = say
        self.lines: Lines | None = None

    @asynccontextmanager
    async def open(self, session: Session) -> AsyncIterator[None]:
        """Hold the doors open while the body runs."""
        server = self.server.open(session, self.run, self.say) if self.server is not None else nullcontext()
        socket = _own_socket(self.options, session, self.state, self.run, self.say)
        async with socket, server, self._pipe(session), trio.open_nursery() as nursery:
            if self.options.stdin is not None:
                self.lines = Lines(
                    session, self.options.stdin, self.options.strict_input, self.server is not None, self.say
                )
                nursery.start_soon(self.lines.read)
            yield
            nursery.cancel_scope.cancel()

    def _pipe(self, session: Session) -> AbstractAsyncContextManager[None]:
        """Return what serves the client of MCP that has started the process, if one has."""
        if self.options.wire is None:
            return nullcontext()
        from cogc.service.mcp_run import over_stdio  # an extra

        return over_stdio(session, self.options.wire)

    @property
    def refused(self) -> bool:
        """Return whether a line of stdin was refused that must not be."""
        return self.lines is not None and self.options.strict_input and self.lines.refused > 0

    def summary(self) -> str:
        """Return the lines for the end of the run."""
        return self.lines.summary() if self.lines is not None else ""


def refuse_doors(options: Namespace, why: str) -> None:
    """Refuse doors that were asked for, where there cannot be any."""
    for option in ("stdin", "serve"):
        if getattr(options, option) is not None:
            raise UsageError(f"--{option}: {why}")


def check_doors(bundle: ir.Bundle, options: Namespace) -> Server | None:
    """Refuse options of doors that do not fit the program or each other. Return the server, which listens."""
    _check_stdin(bundle, options)
    if options.wire is not None and (options.sim or options.stdin is not None):
        raise UsageError("stdin has the requests of the client of MCP: --sim and --stdin have no place here")
    if options.serve is None:
        refuse_without_server(options)
        return None
    if options.sim:
        raise UsageError("--serve is for runs on the real clock, and not for --sim")
    return OwnServer(bundle, options)


def _check_stdin(bundle: ir.Bundle, options: Namespace) -> None:
    if options.stdin is None:
        if options.strict_input:
            raise UsageError("--strict-input goes with --stdin")
        return
    root = bundle.coglets[bundle.root]
    known = [c.name for c in root.listens if not is_internal(c.name)]
    if options.sim:
        raise UsageError("--stdin is for runs on the real clock: with --sim, --inputs FILE gives messages their times")
    if options.stdin and options.stdin not in known:
        raise UsageError(f"--stdin: `{root.name}` has no listen channel `{options.stdin}`{has(known)}")
    if not is_open():
        raise UsageError("--stdin: stdin is closed")


def add_doors(add: Callable[..., object]) -> None:
    """Add the options of the doors of a run."""
    add(
        "--stdin",
        nargs="?",
        const="",
        metavar="CHANNEL",
        help='read messages from stdin, a line of JSON each: values of CHANNEL, or without it {"channel": NAME, "data": VALUE}',
    )
    add(
        "--strict-input",
        action="store_true",
        help="with --stdin: stop at the first line that does not fit; exit code 1",
    )
    add_serving(add)


def _own_socket(
    options: Namespace, session: Session, state: StateFolder, run: str, say: Callable[[str], object]
) -> AbstractAsyncContextManager[None]:
    """Return what answers requests to the run's own socket while it is open. A run whose socket cannot be made goes on
    without it, unless it was asked for: OSError."""
    if options.sim and not options.control:
        return nullcontext()
    try:
        path = Path(state.make(RUNS, run)) / (SOCKET if options.control else UNASKED)
        made = open_socket(path)
    except OSError as error:
        if options.control:
            raise
        about = f"`{error.filename}`: " if error.filename else ""
        said = (error.strerror or str(error)).lower()
        return _closed(partial(say, f"cogc: warning: the socket of the run could not be made: {about}{said}\n"))
    return answer_requests(session, made, path)


@asynccontextmanager
async def _closed(say: Callable[[], object]) -> AsyncIterator[None]:
    """Warn about a socket that is not there, at the end of a run: a run that fails for the same reason says so itself."""
    yield
    say()

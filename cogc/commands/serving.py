"""`cogc run --serve [HOST:]PORT`: the options of the HTTP server of a run, checked and opened before the run begins."""

from __future__ import annotations

import os
import resource
from argparse import Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

from cogc import ir
from cogc.commands.options import has
from cogc.commands.usage import UsageError
from cogc.language.texts import is_internal
from cogc.run.secrets import prepare
from cogc.run.session import Session

if TYPE_CHECKING:
    import trio

    from cogc.service.doors import Verifiers
    from cogc.service.guard import Access, Limits

PORT = 4517
"""The port of `cogc serve`."""
_FILES = 8192
_OTHER_FILES = 256
"""Open files that are left for the run itself."""


def add_serving(add: Callable[..., object]) -> None:
    """Add the options of the server."""
    shown = f"default: no server; of `cogc serve`: {PORT}"
    add("--serve", metavar="[HOST:]PORT", help=f"serve the channels of the root over HTTP ({shown})")
    add("--token", metavar="ENV", help="with --serve: ask for the bearer token in this variable of the environment")
    add(
        "--host",
        action="append",
        default=[],
        metavar="NAME",
        help="with --serve: take requests to this name of a host besides localhost; may be repeated",
    )
    add(
        "--insecure-public",
        action="store_true",
        help="with --serve: let other machines connect without a token",
    )
    add(
        "--verify",
        action="append",
        default=[],
        metavar="[CHANNEL=]KIND:ENV",
        help="with --serve: ask for a signature by the secret in ENV; KIND is github, stripe or hmac; may be repeated",
    )
    add(
        "--stats",
        action="append",
        default=[],
        metavar="[PATH.]CHANNEL",
        help="with --serve: count the messages of a channel from the start, and keep the last 100; may be repeated",
    )


def kept_of(bundle: ir.Bundle, given: list[str]) -> list[tuple[str, str]]:
    """Return the channels that `--stats` names, by path and name. Raise UsageError for what does not fit."""
    root = bundle.coglets[bundle.root]
    known = _channels_of(root)
    found = []
    for text in given:
        path, dot, channel = text.rpartition(".")
        path = path if dot else root.name
        if not channel or path.partition("/")[0] != root.name:
            raise UsageError(f"--stats {text}: write CHANNEL or PATH.CHANNEL; a path begins with `{root.name}`")
        if path == root.name and channel not in known:
            raise UsageError(f"--stats {text}: the root has no channel `{channel}`{has(known)}")
        _refuse_strange(bundle, text, path, channel)
        found.append((path, channel))
    return found


def _channels_of(coglet: ir.Coglet) -> list[str]:
    return [c.name for c in (*coglet.listens, *coglet.transmits) if not is_internal(c.name)]


def _refuse_strange(bundle: ir.Bundle, text: str, path: str, channel: str) -> None:
    """Raise UsageError for a path that no coglet can have, and for a channel that its coglet has not.

    What coglets in Python, agents and teams create is not known here.
    """
    above = bundle.coglets[bundle.root]
    for segment in path.split("/")[1:]:
        if above.open or above.python or above.kind != "coglet":
            return
        children = {child.name: child.coglet for child in above.children}
        name = segment.partition("[")[0]
        if name not in children:
            raise UsageError(f"--stats {text}: `{above.name}` has no child `{name}`{has(children)}")
        if children[name] not in bundle.coglets:
            return
        above = bundle.coglets[children[name]]
    if not above.open and above.kind == "coglet" and channel not in _channels_of(above):
        raise UsageError(f"--stats {text}: `{above.name}` has no channel `{channel}`{has(_channels_of(above))}")


class Served(Protocol):
    """The doors of a run, or of several (`service/`)."""

    def application(self) -> Any:
        """Return the application of their routes."""


class Listener:
    """A server that has not begun: its listening socket, and who may enter. `is_open` tells which paths need no token.

    Raise UsageError for options that do not fit, an address that cannot be used, and a missing extra.
    """

    def __init__(self, options: Namespace, is_open: Callable[[str], bool]) -> None:
        try:
            from cogc.service import address, guard, server  # the extra `serve`
        except ImportError as missing:
            raise UsageError(f"--serve needs the extra `serve`: pip install 'cogc[serve]' ({missing})") from None
        try:
            where = address.read_address(options.serve)
            hosts = guard.hosts_of(options.host)
        except ValueError as error:
            raise UsageError(f"--serve or --host: {error}") from None
        token = None if options.token is None else _secret(options.token, "--token")
        self.access: Access = guard.Access(token, hosts, is_open)
        self.limits: Limits = guard.Limits(connections=min(guard.Limits().connections, _room()))
        self.serving = server.serving
        try:
            if not address.is_loopback(where.host) and token is None and not options.insecure_public:
                raise UsageError(
                    f"--serve {options.serve}: other machines could connect: give --token ENV, or --insecure-public"
                )
            self.socket = address.listen(where)
        except OSError as error:
            said = str(error.strerror or error).lower()
            raise UsageError(f"--serve {options.serve}: cannot listen on {where}: {said}") from None
        self.address = address.bound(self.socket, where.host)

    @property
    def has_token(self) -> bool:
        return self.access.token is not None

    @asynccontextmanager
    async def serve(self, served: Served, say: Callable[[str], object], begun: trio.Event) -> AsyncIterator[None]:
        """Serve an application over HTTP while the body runs. Requests are taken once `begun` is set."""

        def line(words: str) -> None:
            say(f"cogc: {words}\n")

        async with self.serving(served.application(), [self.socket], self.access, self.limits, line, begun):
            line(f"serving on http://{self.address}")
            yield


class Server(Protocol):
    """The door of a run over HTTP."""

    def open(self, session: Session, run: str, say: Callable[[str], object]) -> AbstractAsyncContextManager[None]:
        """Serve a run while the body runs."""


class OwnServer:
    """The server of one run. Raise UsageError as `Listener` does, and for signatures that do not fit."""

    def __init__(self, bundle: ir.Bundle, options: Namespace) -> None:
        self.verifiers = verifiers_of(bundle, options.verify)
        self.kept = kept_of(bundle, options.stats)
        self.listener = Listener(options, self.verifiers.is_open)

    @asynccontextmanager
    async def open(self, session: Session, run: str, say: Callable[[str], object]) -> AsyncIterator[None]:
        """Serve a run while the body runs."""
        from cogc.service.doors import Doors  # the extra `serve`

        doors = Doors(session, run, self.verifiers, self.listener.has_token, self.kept)
        async with self.listener.serve(doors, say, session.begun):
            yield


def refuse_without_server(options: Namespace) -> None:
    """Refuse options of the server where there is none."""
    for name in ("token", "host", "insecure_public", "verify", "stats"):
        if getattr(options, name):
            raise UsageError(f"--{name.replace('_', '-')} goes with --serve")


def _secret(name: str, option: str) -> str:
    """Return the value of a variable of the environment, which is masked from now on."""
    value = os.environ.get(name, "")
    if not value:
        raise UsageError(f"{option}: the environment has no `{name}`")
    if not value.isascii() or not value.isprintable() or value != value.strip():
        raise UsageError(f"{option}: the value of `{name}` is no token: it has other characters than printable ASCII")
    prepare([name])
    return value


def verifiers_of(bundle: ir.Bundle, given: list[str]) -> Verifiers:
    """Return which bodies are signed, as `--verify` says. Raise UsageError for what does not fit."""
    try:
        from cogc.service.doors import Verifiers  # the extra `serve`
        from cogc.service.webhooks import KINDS, Verifier
    except ImportError as missing:
        raise UsageError(f"--serve needs the extra `serve`: pip install 'cogc[serve]' ({missing})") from None

    known = [c.name for c in bundle.coglets[bundle.root].listens if not is_internal(c.name)]
    every: Verifier | None = None
    named: dict[str, Verifier] = {}
    for text in given:
        channel, _, rest = text.rpartition("=")
        kind, _, name = rest.partition(":")
        if kind not in KINDS or not name:
            raise UsageError(f"--verify {text}: write [CHANNEL=]KIND:ENV; a kind is {', '.join(KINDS)}")
        verifier = Verifier(kind, _secret(name, "--verify"))
        if channel and channel not in known:
            raise UsageError(f"--verify {text}: the root has no listen channel `{channel}`{has(known)}")
        if channel:
            named[channel] = verifier
        else:
            every = verifier
    return Verifiers(every, named)


def _room() -> int:
    """Return how many connections the limit of open files allows; the limit is raised as far as it may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return _FILES if soft == resource.RLIM_INFINITY else max(16, soft - _OTHER_FILES)

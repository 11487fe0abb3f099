"""`cogc shell`: type commands to a runtime, one after the other.

`help` lists the commands: those of the command line without `cogc`, and
status, coglets, tree, quit. Tab completes ids and channels in a terminal.

Exit code: 0.
"""

from __future__ import annotations

import cmd
import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

from cogc.commands import runtime_client as client
from cogc.commands.usage import UsageError


def arguments(parser: ArgumentParser) -> None:
    client.add_port(parser)


def run(options: Namespace) -> int:
    if sys.stdin is None:
        raise UsageError("stdin is closed")
    try:
        Shell(options.port).cmdloop()
    except KeyboardInterrupt:
        sys.stdout.write("\n")
    return 0


class Shell(cmd.Cmd):
    """The commands of a runtime, typed. A method `do_NAME` is a command; its docstring is its help."""

    intro = "coglet shell. Type help or ? for commands.\n"
    prompt = "coglet> "

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port

    def preloop(self) -> None:
        try:
            import readline  # not on every system
        except ImportError:
            return
        readline.set_completer_delims(readline.get_completer_delims().replace(":", "").replace("-", ""))

    def emptyline(self) -> bool:
        return False

    def default(self, line: str) -> None:
        sys.stdout.write(f"  error: there is no command '{line.split()[0]}'\n")

    def do_quit(self, _words: str) -> bool:
        """Leave the shell: quit"""
        return True

    do_exit = do_EOF = do_quit

    def do_create(self, words: str) -> None:
        """Create a coglet: create PATH [NAME=VALUE ...]"""
        self._say("create", words, 1, 99, lambda path, *more: self._created(path, list(more)))

    def do_stop(self, words: str) -> None:
        """Stop a coglet: stop ID"""
        self._say("stop", words, 1, 1, lambda id: client.stop(self.port, id))

    def do_transmit(self, words: str) -> None:
        """Push data into a channel: transmit ID:CHANNEL [DATA]"""
        self._say("transmit", words, 1, 2, lambda target, data=None: client.transmit(self.port, target, data), rest=1)

    def do_enact(self, words: str) -> None:
        """Give a command: enact ID COMMAND [DATA]"""
        self._say("enact", words, 2, 3, lambda id, name, data=None: client.enact(self.port, id, name, data), rest=2)

    def do_observe(self, words: str) -> None:
        """Print the next message, or each one until Ctrl-C: observe ID:CHANNEL [--follow]"""
        self._say("observe", words, 1, 2, self._observed)

    def do_link(self, words: str) -> None:
        """List channels, or link two: link ID, link ID:CHANNEL ID:CHANNEL"""
        self._say("link", words, 1, 2, self._linked)

    def do_unlink(self, words: str) -> None:
        """Remove a link: unlink ID:CHANNEL ID:CHANNEL"""
        self._say("unlink", words, 2, 2, lambda a, b: client.link(self.port, a, b, "DELETE"))

    def do_links(self, words: str) -> None:
        """List the links: links"""
        self._say("links", words, 0, 0, lambda: client.links(self.port))

    def do_status(self, words: str) -> None:
        """Show tree, coglets and links: status"""
        self._say("status", words, 0, 0, lambda: client.status(self.port))

    def do_coglets(self, words: str) -> None:
        """List the coglets: coglets"""
        self._say("coglets", words, 0, 0, lambda: "\n".join(f"  {c['id']}  {c['class']}" for c in self._coglets()))

    def do_tree(self, words: str) -> None:
        """Show the tree: tree"""
        self._say("tree", words, 0, 0, lambda: str(client.ask(self.port, "GET", ["tree"])["tree"]))

    def completenames(self, text: str, *_: Any) -> list[str]:
        return [name.removeprefix("do_") for name in self.get_names() if name.startswith(f"do_{text}")]

    def completedefault(self, text: str, *_: Any) -> list[str]:
        """Complete ids, and channels behind an id and a colon."""
        try:
            id, colon, start = text.partition(":")
            if not colon:
                return [c["id"] for c in self._coglets() if c["id"].startswith(text)]
            found = client.ask(self.port, "GET", ["channels", id])
            return [f"{id}:{c}" for c in sorted({*found["transmit"], *found["listen"]}) if c.startswith(start)]
        except client.ClientError:
            return []

    def _say(
        self, name: str, words: str, least: int, most: int, act: Callable[..., str | None], rest: int = -1
    ) -> None:
        """Carry out a command with its words, and print its result or what is wrong. From the word `rest` on, all is one word."""
        try:
            given = words.split(None, rest) if rest >= 0 else shlex.split(words)
            if not least <= len(given) <= most:
                raise client.ClientError(f"usage: {(getattr(self, f'do_{name}').__doc__ or '').partition(': ')[2]}")
            text = act(*given)
        except (client.ClientError, ValueError) as error:
            text = f"  error: {error}"
        except KeyboardInterrupt:
            text = ""
        if text is not None:
            sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def _coglets(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = client.ask(self.port, "GET", ["status"])["coglets"]
        return found

    def _created(self, path: str, settings: list[str]) -> str:
        made = client.create(self.port, path, settings)
        return f"  {made['id']}  ({made['class']})"

    def _observed(self, target: str, follow: str = "") -> None:
        client.observe(self.port, target, follow == "--follow", sys.stdout.write)

    def _linked(self, source: str, target: str | None = None) -> str:
        return client.channels(self.port, source) if target is None else client.link(self.port, source, target)

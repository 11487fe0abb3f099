"""The marks of a coglet's class in Python: the channels and commands that it has methods for, its mixins, what it silences."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Literal

from cogc import sdk
from cogc.coglet.base import Coglet
from cogc.coglet.mixins import SuppressLet
from cogc.coglet.runtime import Link

if TYPE_CHECKING:
    from cogc.run.coglets import Coglets


class Marks:
    """The marks of the objects of one run, by the paths of their coglets. A coglet whose class is not known has none."""

    def __init__(self, coglets: Coglets) -> None:
        self.coglets = coglets

    def _object(self, path: str) -> Any:
        return self.coglets.objects.get(path) or self.coglets.hosted(path)

    def _class(self, path: str) -> type | None:
        """Return the class of a coglet's object, even of one that is made anew at the next call."""
        made = self._object(path)
        return self.coglets.classes.get(path) if made is None else type(made)

    def has(self, path: str) -> bool:
        """Return whether the class of a coglet is known."""
        return self._class(path) is not None

    def names(self, path: str, kind: Literal["listen", "enact"]) -> list[str]:
        """Return the channels or commands that the class of a coglet has methods for."""
        made = self._object(path)
        if isinstance(made, Coglet):
            return list(made._listen_handlers if kind == "listen" else made._enact_handlers)
        cls = self._class(path)
        return [] if cls is None else list(sdk.methods(cls, kind))

    def mixins(self, path: str) -> list[str]:
        """Return the names of the mixins of a coglet's class, in the order of its bases."""
        cls = self._class(path)
        names = [] if cls is None else [c.__name__ for c in cls.__mro__]
        return [n for n in names if n.endswith("Let") and n != "Coglet"]

    def programs(self, path: str) -> dict[str, str]:
        """Return the programs that an object has in its table, each with the name of its executor."""
        known = getattr(self._object(path), "programs", None)
        found = known.items() if isinstance(known, dict) else ()
        return {str(name): str(getattr(program, "executor", "")) for name, program in found}

    def doc(self, path: str) -> str:
        """Return the docstring of the class of a coglet."""
        cls = self._class(path)
        return "" if cls is None else (vars(cls).get("__doc__") or "").strip()

    def source(self, path: str) -> tuple[str, int] | None:
        """Return the file in which the class of a coglet stands, and its first line; None if that is not known."""
        cls = self._class(path)
        if cls is None:
            return None
        try:
            return inspect.getsourcefile(cls) or "", inspect.getsourcelines(cls)[1]
        except (OSError, TypeError):
            return None

    def silenced(self, path: str) -> tuple[list[str], list[str]]:
        """Return the channels and the commands that a coglet silences."""
        made = self._object(path)
        if isinstance(made, SuppressLet):
            return sorted(made._suppressed_channels), sorted(made._suppressed_commands)
        channels, commands = getattr(made, "__dict__", {}).get("_silenced", ((), ()))
        return sorted(channels), sorted(commands)

    def links(self) -> list[tuple[str, str, str, str]]:
        """Return the links that coglets of this process have made: path and channel of the source, and of the target."""
        return [ends for ends, _ in self._links()]

    def unlink(self, *ends: str) -> bool:
        """Remove a link that coglets of this process have made. Return whether there was one."""
        found = [link for known, link in self._links() if known == ends]
        for link in found:
            link.cancel()
        return bool(found)

    def _links(self) -> list[tuple[tuple[str, str, str, str], Link]]:
        hosting = self.coglets.hosting
        if hosting is None:
            return []
        found = []
        for link in (link for owner in hosting.runtimes for link in owner._links):
            paths = [hosting.paths.get(id(handle.coglet)) for handle in (link.src, link.dest)]
            if paths[0] is not None and paths[1] is not None:
                found.append(((paths[0], link.src_channel, paths[1], link.dest_channel), link))
        return found

    def subscribers(self, path: str, channel: str) -> int:
        """Return how many in this process take what comes out of a channel: links and observations."""
        made = self._object(path)
        return len(made._bus._subscribers.get(channel, ())) if isinstance(made, Coglet) else 0

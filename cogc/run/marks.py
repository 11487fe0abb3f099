"""What the object of a coglet in Python tells of itself: the channels and commands that it has methods for, its mixins, what it silences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from cogc import sdk

if TYPE_CHECKING:
    from cogc.run.coglets import Coglets


class Marks:
    """The marks of the objects of one run, by the paths of their coglets. A coglet without an object has none."""

    def __init__(self, coglets: Coglets) -> None:
        self.coglets = coglets

    def _object(self, path: str) -> Any:
        return self.coglets.objects.get(path)

    def names(self, path: str, kind: Literal["listen", "enact"]) -> list[str]:
        """Return the channels or commands that the class of a coglet has methods for."""
        made = self._object(path)
        return [] if made is None else list(sdk.methods(type(made), kind))

    def mixins(self, path: str) -> list[str]:
        """Return the names of the mixins of a coglet's class, in the order of its bases."""
        made = self._object(path)
        names = [] if made is None else [c.__name__ for c in type(made).__mro__]
        return [n for n in names if n.endswith("Let") and n != "Coglet"]

    def silenced(self, path: str) -> tuple[list[str], list[str]]:
        """Return the channels and the commands that a coglet silences."""
        channels, commands = getattr(self._object(path), "__dict__", {}).get("_silenced", ((), ()))
        return sorted(channels), sorted(commands)

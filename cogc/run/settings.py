"""How the programs of a run are carried out: the part of a command line that executors, servers and plans obey."""

from __future__ import annotations

from cogc.run.people import People
from cogc.run.plans import Keeping


class Settings:
    """The workspace in which programs run, the packages that they may import, the people who answer questions, whether
    sandboxes are made where a program asks for one, the store of plans, and the registry in which the run's agents are shown."""

    __slots__ = ("allow_imports", "keeping", "people", "registry", "sandboxed", "workspace")

    def __init__(
        self,
        workspace: str = ".",
        allow_imports: frozenset[str] = frozenset(),
        people: People | None = None,
        sandboxed: bool = True,
        keeping: Keeping | None = None,
        registry: str = "",
    ) -> None:
        self.registry = registry
        self.keeping = keeping or Keeping()
        self.sandboxed = sandboxed
        self.workspace = workspace
        self.allow_imports = allow_imports
        self.people = people or People()

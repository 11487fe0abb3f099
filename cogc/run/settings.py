"""The settings by which the programs of a run are carried out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from cogc.disk.state_folder import OwnFiles
from cogc.run.contexts import Contexts
from cogc.run.people import People
from cogc.run.plans import Keeping

if TYPE_CHECKING:
    from cogc.coglet.ui import CogWebUI

ServeGraph: TypeAlias = "Callable[[CogWebUI, Any, Any], Awaitable[None]]"
"""Serves the graph of a registry in a run: of a `CogWebUI`, the loop of the run, and a future for the port."""


class Settings:
    """The part of a command line that executors, servers and plans obey.

    `workspace` is the folder in which programs run. `allow_imports` are the packages that they may import. `people`
    answers questions. `sandboxed` says whether sandboxes are made where a program asks for one. `keeping` is the
    store of plans. `registry` is the store in which the agents of the run are listed, or an empty string. `kept` is what
    is cogc's own and hidden in every sandbox. `serve_graph` is the server of a `CogWebUI`, where the run may have one. `lasting` is the
    file for what a durable run would have in memory. `contexts` are the trace contexts of what comes in and goes out.
    """

    __slots__ = (
        "allow_imports", "contexts", "keeping", "kept", "lasting", "people", "registry", "sandboxed", "serve_graph", "workspace",
    )  # fmt: skip

    def __init__(
        self,
        workspace: str = ".",
        allow_imports: frozenset[str] = frozenset(),
        people: People | None = None,
        sandboxed: bool = True,
        keeping: Keeping | None = None,
        registry: str = "",
        kept: OwnFiles | None = None,
        serve_graph: ServeGraph | None = None,
        lasting: str = "",
    ) -> None:
        self.lasting = lasting
        self.contexts = Contexts()
        self.kept = kept or OwnFiles()
        self.serve_graph = serve_graph
        self.registry = registry
        self.keeping = keeping or Keeping()
        self.sandboxed = sandboxed
        self.workspace = workspace
        self.allow_imports = allow_imports
        self.people = people or People()

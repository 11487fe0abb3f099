"""The value that an analysis gives: the world, what was found out about it, and the stages that found it out."""

from __future__ import annotations

from cogc.analysis.bodies import Bodies
from cogc.analysis.infer import Inference
from cogc.analysis.tables import Tables
from cogc.diagnostics.problems import Problems

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cogc.names.world import World


class Options:
    """The settings of a check that the command line and pyproject.toml give."""

    __slots__ = ("allow_imports", "durable", "has_command", "hidden", "smells")

    def __init__(
        self,
        allow_imports: frozenset[str] = frozenset(),
        smells: bool = False,
        has_command: Callable[[str], bool] | None = None,
        hidden: bool = False,
        durable: bool = False,
    ) -> None:
        self.durable = durable
        """True to report what does not go on where it was when a durable run is resumed."""
        self.allow_imports = allow_imports
        self.has_command = has_command
        """Tells whether this machine has a command without a slash in its name; None if that is not asked."""
        self.hidden = hidden
        """True to report also what is kept back because it may follow from another mistake."""
        self.smells = smells
        """True to report what is right and has no use. `cogc check` does; a run has nothing to say about it."""


class Checked:
    """A world that has been analysed, for the rules of `checks/` and for lowering."""

    __slots__ = ("bodies", "inference", "options", "problems", "tables", "world")

    def __init__(self, world: World, problems: Problems, options: Options, tables: Tables | None = None) -> None:
        self.world = world
        self.problems = problems
        self.options = options
        self.tables = tables or Tables()
        self.inference = Inference(world, problems, self.tables)
        self.bodies = Bodies(self.inference)

    def silent(self) -> Checked:
        """Return an analysis that fills the same tables and reports nothing, for files that are not the user's."""
        return Checked(self.world, Problems(), self.options, self.tables)

"""The pipe, in one place: sources -> nodes -> world -> checked -> program."""

from __future__ import annotations

from cogc import check as checking
from cogc.diagnostics import Problems
from cogc.load import load, load_prelude
from cogc.resolve import resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.load import Reader




def analyse(
    paths: list[str], read: Reader, problems: Problems, options: checking.Options | None = None
) -> checking.Checked:
    """Everything that `cogc check` does with some files that belong together."""
    world = load(paths, read, problems)
    load_prelude(world, read, problems)
    resolve(world, problems)
    return checking.check(world, problems, options)

"""The bounds on what one task of an agent or a team may ask of models, for the hints behind their names.

They are those of `cogc cost`. They are computed when an editor asks for hints, once for each analysis and from it, and only for a
file without errors that declares one of these: so no other file pays for the kernel.
"""

from __future__ import annotations

from math import ceil, inf

from cogc.compile import program
from cogc.cost import Bound, bounds
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.language.values import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked

_TASK = "a message on `task`"


def bounds_of(checked: Checked, names: list[str]) -> dict[str, Bound]:
    """Return the bound on one task of each declaration of a file without errors that can be a root as it is."""
    found: dict[str, Bound] = {}
    for name in names:
        bundle = None if checked.problems.errors else program(checked, name)
        if bundle is None:
            continue
        try:
            kernel = Kernel(Unit(bundle))
            kernel.start({})
            rows = dict(bounds(kernel))
        except Failure:
            continue  # it wants parameters
        if _TASK in rows:
            found[name] = rows[_TASK]
    return found


def shown(bound: Bound) -> str:
    """Return a bound as a hint."""
    if bound.calls == inf:
        return "no bound on calls"
    cost = "" if bound.usd is None else ", no bound on dollars" if bound.usd == inf else f", ${bound.usd:.4f}"
    calls = ceil(bound.calls)
    return f"at most {calls:,} call{'s' if calls != 1 else ''}{cost}"

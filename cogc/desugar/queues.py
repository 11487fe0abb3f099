"""A queue as the coglet that it is as a root: what is put goes in, and what is claimed comes out.

In: a `queue` declaration. Out: the one part that stands for it; `stdlib/forms/queue.cog` has its members.
"""

from __future__ import annotations

from cogc.desugar import fill
from cogc.desugar.forms import queue as form
from cogc.desugar.parts import Part, alias
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.names.world import Unit, World


def part_of(world: World, unit: Unit, node: nodes.Queue) -> Part:
    """Return the coglet that a queue becomes."""
    queue = fill.name(alias(world, unit, node.name.id, unit), node.name)
    members = form.queue(node.name, item=node.type, queue=queue)
    own = nodes.Coglet(node.start, node.end, node.name, (), (), None, members, node.doc)
    return Part(unit, node.name.id, own, "queue")

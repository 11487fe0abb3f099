"""Lists of models, `model writer = [sonnet, haiku]`: the models that a name stands for, in the order in which they are asked.

In: a declaration of a model or of a list. Out: the models. A list may name lists; each model comes once, at its first place.
"""

from __future__ import annotations

from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.names.world import Declared, World


def models_of(world: World, declared: Declared) -> list[Declared]:
    """Return the models that a declaration stands for. What is no model, and a list in itself, is left out."""
    found: dict[int, Declared] = {}
    seen: set[int] = set()
    pending = [declared]
    while pending:
        one = pending.pop(0)
        if id(one.node) in seen:
            continue
        seen.add(id(one.node))
        if isinstance(one.node, nodes.Model):
            found[id(one.node)] = one
        elif isinstance(one.node, nodes.ModelList):
            named = [world.lookup(one.unit, name.text) for name in one.node.models]
            pending[:0] = [d for d in named if d is not None]
    return list(found.values())


def names_itself(world: World, declared: Declared) -> bool:
    """Return whether a list names itself, directly or through other lists."""
    pending, seen = _lists(world, declared), set[int]()
    while pending:
        one = pending.pop()
        if one.node is declared.node:
            return True
        if id(one.node) not in seen:
            seen.add(id(one.node))
            pending += _lists(world, one)
    return False


def _lists(world: World, declared: Declared) -> list[Declared]:
    """Return the lists that a list names."""
    if not isinstance(declared.node, nodes.ModelList):
        return []
    named = [world.lookup(declared.unit, name.text) for name in declared.node.models]
    return [d for d in named if d is not None and isinstance(d.node, nodes.ModelList)]

"""The artefact types that each agent of a sett bids on, and those that it declares to produce."""

from __future__ import annotations

from cogc.analysis.attribute_check import word_of
from cogc.diagnostics.suggest import nearest
from cogc.language.attributes import ATTRIBUTES
from cogc.language.record import Record
from cogc.syntax import nodes
from cogc.syntax.depth import parts

GOAL = "GoalDefined"
_BIDS = ("review", "claim", "exclusive", "ignore")


class SettRole(Record):
    """One agent of a sett.

    A bid is its word, the types that its condition admits (None for any), and whether the condition depends on the type
    alone. `open` if a script, a model or a strategy bids where no condition holds, `reviews` if it bids nothing but `review`. `makes` is None if the agent does not
    declare the types that it produces.
    """

    node: nodes.Agent
    name: str
    bids: tuple[tuple[str, frozenset[str] | None, bool], ...]
    open: bool
    reviews: bool
    writes: bool
    makes: frozenset[str] | None

    def takes(self, type: str) -> bool:
        """Return whether the agent may bid on a type."""
        return self.open or any(types is None or type in types for word, types, _ in self.bids if word != "ignore")


def roles_of(sett: nodes.Sett) -> list[SettRole]:
    """Return the agents of a sett."""
    return [_role(item) for item in sett.items if isinstance(item, nodes.Agent)]


def keys_of(node: nodes.Agent) -> set[str]:
    """Return the attributes of an agent of a sett; one that is mistyped counts as the one that was meant."""
    table = ATTRIBUTES["sett agent"]
    return {k if k in table else nearest(k, table) or k for k in (a.key.id for a in node.attributes)}


def _role(node: nodes.Agent) -> SettRole:
    bids: list[tuple[str, frozenset[str] | None, bool]] = []
    given = {a.key.id: a.value for a in node.attributes}
    keys = keys_of(node)
    for a in node.attributes:
        if a.key.id == "bid":
            types, alone = (None, True) if a.condition is None else (_types(a.condition), _alone(a.condition))
            bids.append((word_of(a.value) or "ignore", types, alone))
    strategy = word_of(given["bidding_strategy"]) if "bidding_strategy" in given else None
    wrong = any(a.key.id in ("bid", "bidding_strategy") and word_of(a.value) not in _BIDS for a in node.attributes)
    wrong = wrong or any(key not in given for key in keys & {"bid", "bid_script", "bidding_strategy", "prompts"})
    prompts = given.get("prompts")
    entries = prompts.entries if isinstance(prompts, nodes.RecordLiteral) else ()
    asked = "run" in given and any(not isinstance(e, nodes.Entry) or e.key.id == "claim" for e in entries)
    is_open = "bid_script" in given or asked or wrong or strategy not in (None, "ignore")
    writes = "workspace" in given and word_of(given["workspace"]) == "rw"
    words = {*(word for word, _, _ in bids), *([strategy] if strategy is not None else [])} - {"ignore"}
    reviews = words == {"review"} and not (wrong or asked or "bid_script" in given)
    made = given.get("produces")
    makes = None
    if isinstance(made, nodes.ListLiteral) and all(isinstance(i, nodes.Text) for i in made.items):
        makes = frozenset(i.value for i in made.items if isinstance(i, nodes.Text))
    return SettRole(node, node.name.id, tuple(bids), is_open, reviews, writes, makes)


def _types(node: nodes.Expr) -> frozenset[str] | None:
    """Return the types for which a condition can hold; None if they are not known."""
    if not isinstance(node, nodes.Binary):
        return None
    left, right = node.left, node.right
    if node.operator in ("or", "and"):
        found = [_types(part) for part in parts(node, node.operator)]
        known = [types for types in found if types is not None]
        if node.operator == "or":
            return frozenset().union(*known) if len(known) == len(found) else None
        return frozenset.intersection(*known) if known else None
    if node.operator == "==" and isinstance(left, nodes.Text):
        left, right = right, left
    if not _is_type(left):
        return None
    if node.operator == "==" and isinstance(right, nodes.Text):
        return frozenset([right.value])
    if node.operator == "in" and isinstance(right, nodes.ListLiteral):
        texts = [i.value for i in right.items if isinstance(i, nodes.Text)]
        return frozenset(texts) if len(texts) == len(right.items) else None
    return None


def _alone(node: nodes.Expr) -> bool:
    """Return whether a condition depends on the type of the artefact and on nothing else."""
    if isinstance(node, nodes.Binary) and node.operator in ("or", "and"):
        return all(map(_alone, parts(node, node.operator)))
    return _types(node) is not None


def _is_type(node: nodes.Expr) -> bool:
    """Return whether an expression is `artefact.type`."""
    return (
        isinstance(node, nodes.Field)
        and node.name.id == "type"
        and isinstance(node.base, nodes.Name)
        and node.base.id == "artefact"
    )

"""Lower a sett: its agents with their bids, and the coglets of the agents of the spec that work or bid for them."""

from __future__ import annotations

import posixpath

from cogc import ir
from cogc.analysis.attribute_check import word_of
from cogc.analysis.checked import Checked
from cogc.lowering.expressions import Lowering
from cogc.lowering.lower import Lower
from cogc.lowering.tables import Place
from cogc.names.world import Declared, Unit
from cogc.syntax import nodes


def lower_sett(checked: Checked, declared: Declared) -> ir.Bundle:
    """Return the program of a sett."""
    run = Lower(checked)
    made = sett_of(run, declared)
    return run.tables.bundle(made.key, {made.key: made}, [])


def sett_of(run: Lower, declared: Declared) -> ir.Sett:
    """Lower a sett."""
    unit, node = declared.unit, declared.of(nodes.Sett)
    key = unit.key(node.name.id)
    attributes = tuple(i for i in node.items if isinstance(i, nodes.Attribute))
    return ir.Sett(
        key=key,
        name=node.name.id,
        agents=[_sett_agent(run, unit, node.name.id, i) for i in node.items if isinstance(i, nodes.Agent)],
        attributes=Lowering(run.tables, Place(unit)).attributes("sett", attributes),
        folder=posixpath.dirname(unit.path),
        at=run.tables.at(unit, node),
    )


def _sett_agent(run: Lower, unit: Unit, sett: str, node: nodes.Agent) -> ir.SettAgent:
    lowering = Lowering(run.tables, Place(unit))
    over = lowering.inner(["artefact", "claim"])
    given = {a.key.id: a.value for a in node.attributes}
    bids = [
        ir.Bid(word_of(a.value) or "ignore", None if a.condition is None else over.expr(a.condition))
        for a in node.attributes
        if a.key.id == "bid"
    ]
    ran = (
        run.tables.world.lookup(unit, unit.source.text[given["run"].start : given["run"].end])
        if "run" in given
        else None
    )
    shape = run.tables.world.shape(ran) if ran is not None else None
    judge = run.tables.world.shapes.get(ran.unit.key(f"{sett}.{node.name.id}")) if ran is not None else None
    return ir.SettAgent(
        role=node.name.id,
        bids=bids,
        attributes=lowering.attributes("sett agent", tuple(a for a in node.attributes if a.key.id != "bid")),
        run=run.coglet(shape) if shape is not None else "",
        judge=run.coglet(judge) if judge is not None else "",
        at=run.tables.at(unit, node.name),
    )

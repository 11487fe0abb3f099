"""Plans with open roles and definitions of done without their judge that nobody but a run, or a service, can use.

Both are there for others to extend, and are silent where somebody does, or might: in a file that another one imports; a
plan that names roles of its own or has no goal; a definition of done beside others, or beside what may use it. Wherever
one is created or used, the analysis reports it.
"""

from __future__ import annotations

from cogc.analysis.declarations import check_usable
from cogc.checks.common import extended_plans_and_dods
from cogc.names.load import import_path
from cogc.names.world import exports_of
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.names.world import Declared, Unit

USERS = (nodes.Coglet, nodes.Plan, nodes.Team, nodes.Sett, nodes.Test)


def unusable_root(checked: Checked) -> None:
    """Report what cannot be run, where the file has nothing else to begin at."""
    world = checked.world
    imported = {
        import_path(u.path, n.path.value)
        for u in world.units.values()
        for n in u.tree.declarations
        if isinstance(n, nodes.Import)
    }
    extended = extended_plans_and_dods(checked)
    for unit in world.roots:
        for declared in () if unit.path in imported else _candidates(unit):
            if id(declared.node) not in extended:
                check_usable(checked, unit, declared.node.name, declared)
        for declared in exports_of(unit):
            check_usable(checked, unit, declared.node.name, declared)


def _candidates(unit: Unit) -> list[Declared]:
    """Return the plans of a file that have a goal and name no roles, or else its only definition of done."""
    plans = [d for d in unit.declared.values() if isinstance(d.node, nodes.Plan) and _is_whole(d.node)]
    dods = [d for d in unit.declared.values() if d.kind == "dod"]
    alone = len(dods) == 1 and not any(isinstance(n, USERS) for n in unit.tree.declarations)
    return plans or (dods if alone else [])


def _is_whole(plan: nodes.Plan) -> bool:
    given = {i.key.id for i in plan.items if isinstance(i, nodes.Attribute)}
    return "goal" in given and "roles" not in given

"""Text that is written twice, or says nothing: branches, members of a union, imports, a state that is set to itself; and words of
`suppress` that name nothing.
"""

from __future__ import annotations

from cogc.analysis.ports import silenced
from cogc.checks.common import own_shapes, sound_units
from cogc.diagnostics.edits import removal
from cogc.diagnostics.suggest import did_you_mean
from cogc.names.load import import_path
from cogc.syntax import nodes
from cogc.syntax.depth import parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.names.world import Shape, Unit

_NAMES = frozenset(("tools", "spawn", "hand_off", "workers", "agents", "produces", "capabilities", "choices"))
"""The attributes whose lists name each thing once."""
_ACTS = nodes.Call | nodes.Try | nodes.Await


def repetition(checked: Checked) -> None:
    """Report parts of a spec that repeat another one, or have no effect."""
    units = dict.fromkeys(sound_units(checked))  # whether a file is among them is asked for each of its parts
    for unit in units:
        inner = {id(i.otherwise) for i in unit.all(nodes.If) if isinstance(i.otherwise, nodes.If)}
        for branch in unit.all(nodes.If):
            if id(branch) not in inner:
                _branches(checked, unit, branch)
        _operands(checked, unit)
        for union in unit.all(nodes.UnionType):
            _twice(checked, unit, union.members)
        for attribute in unit.all(nodes.Attribute):
            if isinstance(attribute.value, nodes.ListLiteral) and attribute.key.id in _NAMES:
                _twice(checked, unit, attribute.value.items)
            _bounds_nothing(checked, unit, attribute)
        for models in unit.all(nodes.ModelList):
            _twice(checked, unit, models.models)
        for step in unit.all(nodes.Step):
            _twice(checked, unit, step.after)
        for plan in unit.all(nodes.Plan):
            _approver(checked, unit, plan)
        _imports(checked, unit)
    for shape in own_shapes(checked):
        if shape.unit in units and shape.python is None:
            for assign in shape.unit.within(nodes.Assign, shape.node):
                _assigned(checked, shape, assign)
            for guide in shape.unit.within(nodes.Guide, shape.node):
                _suppressed(checked, shape, guide)


def _branches(checked: Checked, unit: Unit, first: nodes.If) -> None:
    """Report a condition that an earlier branch has, and two branches that do the same."""
    seen: set[object] = set()
    branch: nodes.If | nodes.Block | None = first
    while isinstance(branch, nodes.If):
        condition = branch.condition
        form = nodes.form(condition)
        again = form in seen and not any(isinstance(n, _ACTS) for n in nodes.walk(condition))
        if again and not _is_decided(checked, unit, condition):
            checked.problems.add("said-twice", unit.span(condition), help="an earlier branch has this condition")
        seen.add(form)
        other = branch.otherwise
        if isinstance(other, nodes.Block) and other.statements and nodes.equal(other, branch.then):
            why = "both branches do the same"
            checked.problems.add("no-effect", unit.span(condition), what="this condition", why=why)
        branch = other


def _operands(checked: Checked, unit: Unit) -> None:
    """Report the operands of `and` and `or` that stand there for a second time. Calls may give another value each time."""
    chains = [b for b in unit.all(nodes.Binary) if b.operator in ("and", "or")]
    inner = {id(side) for b in chains for side in (b.left, b.right) if getattr(side, "operator", "") == b.operator}
    for chain in chains:
        if id(chain) not in inner:
            operands = parts(chain, chain.operator)
            _twice(checked, unit, tuple(p for p in operands if not any(isinstance(n, _ACTS) for n in nodes.walk(p))))


def _is_decided(checked: Checked, unit: Unit, condition: nodes.Expr) -> bool:
    """Return whether a condition has been reported as one with a single outcome."""
    place = (condition.start, condition.end)
    decided = (d.span for d in checked.problems.found if d.slug == "one-outcome")
    return any(s.source is unit.source and (s.start, s.end) == place for s in decided)


def _twice(checked: Checked, unit: Unit, members: tuple[nodes.Node, ...]) -> None:
    """Report members of a union, or names of a list, that stand there for a second time."""
    seen: set[object] = set()
    for member in members:
        form = nodes.form(member)
        if form in seen:
            checked.problems.add("said-twice", unit.span(member))
        seen.add(form)


def _bounds_nothing(checked: Checked, unit: Unit, attribute: nodes.Attribute) -> None:
    """Report a budget without a bound, and workers that are none."""
    value = attribute.value
    if attribute.key.id == "budget" and isinstance(value, nodes.RecordLiteral) and not value.entries:
        edits = removal(unit.source, attribute.start, attribute.end)
        what, why = "this budget", "it bounds nothing"
        checked.problems.add("no-effect", unit.span(value), edits=edits, what=what, why=why)
    for item in value.items if attribute.key.id == "workers" and isinstance(value, nodes.ListLiteral) else ():
        if isinstance(item, nodes.Binary) and isinstance(item.right, nodes.Literal) and item.right.value == 0:
            what, why = "this entry", "no worker has this role"
            checked.problems.add("no-effect", unit.span(item.right), what=what, why=why)


def _approver(checked: Checked, unit: Unit, plan: nodes.Plan) -> None:
    """Report an approver of a plan that no agent approves, unless another plan may say so."""
    given = {i.key.id: i for i in plan.items if isinstance(i, nodes.Attribute)}
    approve = nodes.qualified_text(given["approve"].value) if "approve" in given else None
    if "approver" in given and approve in ("user", "system"):
        approver = given["approver"]
        edits = removal(unit.source, approver.start, approver.end)
        why = f"the plan says `approve: {approve}`"
        checked.problems.add("no-effect", unit.span(approver.key), edits=edits, what="`approver`", why=why)


def _imports(checked: Checked, unit: Unit) -> None:
    """Report a file that is imported for a second time under the same name, or under none."""
    seen: set[tuple[str, bool]] = set()
    for node in unit.all(nodes.Import):
        path = import_path(unit.path, node.path.value)
        if path == unit.path:
            edits = removal(unit.source, node.start, node.end, node.doc)
            why = "a file knows its own declarations"
            checked.problems.add("no-effect", unit.span(node.path), edits=edits, what="this import", why=why)
        key = (path, node.alias is None)
        if key in seen:
            edits = removal(unit.source, node.start, node.end, node.doc) if node.alias is None else ()
            checked.problems.add("said-twice", unit.span(node.path), edits=edits)
        seen.add(key)


def _assigned(checked: Checked, shape: Shape, node: nodes.Assign) -> None:
    if isinstance(node.value, nodes.Name) and node.value.id == node.name.id:
        edits = removal(shape.unit.source, node.start, node.end)
        checked.problems.add(
            "no-effect",
            shape.unit.span(node),
            edits=edits,
            what="this assignment",
            why="the state has this value already",
        )


def _suppressed(checked: Checked, shape: Shape, node: nodes.Guide) -> None:
    """Report texts in `suppress` and `unsuppress` that name no channel or command of their coglet."""
    for item, owner, members in silenced(shape, node):
        if item.value not in members:
            why = f"`{owner.name}` has nothing of that name to suppress"
            help = did_you_mean(item.value, members) or None
            span = shape.unit.span(item)
            checked.problems.add("no-effect", span, help=help, what=f"`{item.value}`", why=why)

"""The analysis of a resolved world: `check(world, problems, options) -> Checked`.

Each body, expression and attribute is analysed once, in the file that it stands in: the members of a mixin in the mixin,
not in each coglet that takes them in. The rules of `checks/` run afterwards, over the tables that this stage fills.
"""

from __future__ import annotations

from cogc.analysis import ports
from cogc.analysis.attribute_check import check_block
from cogc.analysis.bodies import scatters
from cogc.analysis.checked import Checked, Options
from cogc.analysis.ranges import check_range
from cogc.analysis.scope import Scope
from cogc.analysis.tables import Port
from cogc.diagnostics.edits import Edit, removal
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.suggest import did_you_mean, nearest
from cogc.language import types
from cogc.language.attributes import ATTRIBUTES, STRATEGIES
from cogc.language.closed import assert_never
from cogc.language.types import INT, NO, ListOf
from cogc.names.world import ARTICLES, Parameter, Shape, Signature, World
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.memory import Memory

DEFERRED = frozenset(["dod", "plan", "queue", "step", "team"])
_ELSEWHERE = (nodes.Coglet, nodes.Mixin, nodes.Import, nodes.TypeDecl, nodes.Test, nodes.Scenario)
"""The declarations that are checked as shapes, by earlier stages, or by `tests.py`."""


def check(world: World, problems: Problems, options: Options, memory: Memory | None = None) -> Checked:
    """Analyse all files of the world; mistakes of the standard library are reported only where it is the file asked for.

    `memory` has what the last analysis of these files has found out.
    """
    checked = Checked(world, problems, options)
    silent = checked.silent()
    for unit in world.units.values():
        if unit.is_std and unit not in world.roots:
            continue
        others = [d for d in unit.tree.declarations if not isinstance(d, _ELSEWHERE)]
        if others:
            from cogc.analysis.declarations import check_declaration  # start-up: many files have coglets alone

            for node in others:
                check_declaration(checked, unit, node)
        if any(isinstance(n, nodes.Test | nodes.Scenario) for n in unit.tree.declarations):
            from cogc.analysis.tests import check_tests  # few files have tests, and every check would pay for it

            check_tests(checked, unit)
    used = {id(use.shape) for shape in world.shapes.values() for use in shape.mixins}
    for shape in world.shapes.values():
        foreign = _foreign(checked, shape)
        if shape.declared not in DEFERRED and (not foreign or shape.declared != "mixin" or id(shape) in used):
            target = silent if foreign else checked
            if memory is None:
                _shape(target, shape)
            else:
                memory.shape(target, shape, _shape)
    for bound, scope in checked.inference.bounds:
        check_range("parallel", bound, scope, checked.inference)
    _late(checked)
    return checked


def _late(checked: Checked) -> None:
    """Check what needs the types of the whole world; constants that were evaluated before they were known are evaluated anew."""
    checked.tables.consts.clear()
    for task in checked.tables.late:
        task()
    checked.tables.late.clear()


def complete(checked: Checked, shape: Shape) -> None:
    """Analyse the members of a coglet that `check` has left: one that a form has made, before it is lowered.

    The user's parts of it are analysed with their declaration (`analysis/fillings.py`), so nothing new is found here;
    and most of a form's members have no such part. So a check need not pay for them.
    """
    if shape.declared in DEFERRED:
        _shape(checked.silent() if _foreign(checked, shape) else checked, shape)


def _foreign(checked: Checked, shape: Shape) -> bool:
    """Return whether a shape is of the standard library, and its file is not one of those to check."""
    return shape.unit.is_std and shape.unit not in checked.world.roots


def _shape(checked: Checked, shape: Shape) -> None:
    """Check the members that a coglet or mixin wrote itself."""
    scope = Scope(checked.world, shape.unit, shape)
    names = list(shape.parameters)
    for i, p in enumerate(shape.parameters.values()):
        if p.default is not None:
            inner = Scope(checked.world, shape.unit, shape, states=False)
            inner.later = frozenset(names[i:])  # a default sees the parameters before it
            checked.inference.check(p.default, inner, p.type)
    for use in shape.mixins:
        if use.node is not None and use.owner is shape:
            _mixin_arguments(checked, shape, use.node, use.shape)
    pure = Scope(checked.world, shape.unit, shape, states=False)
    for node in shape.node.members:
        _member(checked, shape, node, scope, pure)


def _mixin_arguments(checked: Checked, shape: Shape, use: nodes.MixinUse, mixin: Shape) -> None:
    scope = Scope(checked.world, shape.unit, shape, states=False)
    signature = Signature(mixin.name, list(mixin.parameters.values()), types.NULL, unsure=mixin.doubled)
    checked.inference.arguments(use, signature, use.arguments, scope)


def _member(checked: Checked, shape: Shape, node: nodes.Member, scope: Scope, pure: Scope) -> None:
    """Check a member: in `scope`, or in `pure`, which knows no states. What a member binds, it binds in scopes inside of these."""
    match node:
        case nodes.Listen(attributes=attributes):
            check_block(attributes, "listen", node.name, pure, checked.inference)
        case nodes.Transmit(attributes=attributes):
            check_block(attributes, "transmit", node.name, pure, checked.inference)
        case nodes.State(name=name, value=value):
            member = shape.states.get(name.id)
            if member is not None and member.node is node:
                checked.inference.check(value, pure, member.type)
                if member.before is not None:
                    _conversion(checked, node, member.before, member.type, pure)
        case nodes.Program():
            from cogc.analysis.programs import check_program

            check_program(checked, shape.unit, node, shape)
        case nodes.Const():
            if id(node) not in checked.tables.types:
                checked.inference.const(node, shape.unit, shape)
        case nodes.Create():
            _create(checked, shape, node, pure)
        case nodes.Link():
            _link(checked, shape, node, scope, pure)
        case nodes.Supervise(strategy=strategy, attributes=attributes):
            _strategy(checked, shape, strategy)
            check_block(attributes, "supervise", node, pure, checked.inference)
        case nodes.Reaction():
            checked.bodies.reaction(node, scope.inner())
        case nodes.Enact(name=name):
            member = shape.enacts.get(name.id)
            if member is not None and member.node is node:
                checked.bodies.command(node, scope.inner(), member)
        case nodes.Error():
            pass
        case _:
            assert_never(node)


def _conversion(checked: Checked, state: nodes.State, before: types.Type, wanted: types.Type, scope: Scope) -> None:
    """Check the conversion of kept values of a state: there are values to convert, and each becomes one of the state's type."""
    node = state.conversion
    assert node is not None
    span, old, new = scope.unit.span(node.type), types.show(before), types.show(wanted)
    if types.fit(before, wanted) >= types.COERCED:
        checked.problems.add(
            "no-effect", span, what=f"`from {old}`", why=f"each such value is taken by `{new}` as it is"
        )
    elif node.value is None and types.conversion(before, wanted) is None:
        checked.problems.add("no-conversion", span, before=old, wanted=new)
    if node.name is not None and node.value is not None:
        inner = scope.inner()
        checked.inference.bind(node.name, before, inner)
        checked.inference.check(node.value, inner, wanted)


def _strategy(checked: Checked, shape: Shape, strategy: nodes.Name) -> None:
    if strategy.id not in STRATEGIES:
        help = did_you_mean(strategy.id, STRATEGIES) or None
        known = ", ".join(f"`{s}`" for s in STRATEGIES)
        span = shape.unit.span(strategy)
        checked.problems.add("unknown-word", span, help=help, what="strategy", name=strategy.id, known=known)


def _create(checked: Checked, shape: Shape, node: nodes.Create, scope: Scope) -> None:
    infer = checked.inference
    inner = scope.inner()
    if node.for_each is not None:
        source = infer.infer(node.for_each.source, scope)
        infer.bind(node.for_each.name, infer.walked(node.for_each.source, source, scope), inner)
    if node.count is not None:
        for bound in (node.count.low, node.count.high):
            if bound is not None:
                infer.check(bound, scope, INT)
    created = checked.world.lookup(shape.unit, node.coglet.text)
    if created is not None and created.kind == "dod":
        from cogc.analysis.declarations import check_judge

        check_judge(checked, shape.unit, node.coglet, created)
    member = shape.children.get(node.name.id)
    target = member.target if member is not None and member.node is node else None
    if target is not None:
        parameters: list[Parameter] = list(target.parameters.values())
        if node.count is not None and node.count.high is not None:
            # the members of a pool may get theirs when they are created
            given = {a.name.id for a in node.arguments if a.name}
            positional = sum(1 for a in node.arguments if a.name is None)
            parameters = [p for i, p in enumerate(parameters) if p.name in given or i < positional]
        signature = Signature(target.name, parameters, types.NULL, unsure=target.doubled)
        infer.arguments(node.coglet, signature, node.arguments, inner)
    elif member is not None and member.node is node:
        _no_coglet(checked, shape, node)
    check_block(node.attributes, "create", node.name, inner, infer)
    if target is not None:
        _hash(checked, shape, node.attributes, [m.type for m in target.listens.values()])
    _never(checked, shape, node.attributes)
    for a in node.attributes:
        if a.key.id == "map" and member is not None and not shape.is_pool(member):
            problem = "is one coglet, there is nothing to share"
            checked.problems.add(
                "bad-modifier",
                shape.unit.span(a.key),
                name=node.name.id,
                wrong=problem,
                right="write `* N` for replicas",
            )


def _hash(checked: Checked, shape: Shape, attributes: tuple[nodes.Attribute, ...], messages: list[types.Type]) -> None:
    """Check the expression of `map: hash(...)` against the messages, where all have one type."""
    for a in attributes:
        call = a.value
        if a.key.id == "map" and isinstance(call, nodes.Call) and len(call.arguments) == 1 and messages:
            if all(m == messages[0] for m in messages) and nodes.qualified_text(call.function) == "hash":
                scope = Scope(checked.world, shape.unit, shape, states=False)
                checked.inference.infer(call.arguments[0].value, scope.inner(message=messages[0]))


def _never(checked: Checked, shape: Shape, attributes: tuple[nodes.Attribute, ...]) -> None:
    """Report settings of restarts where a child is never restarted. A manifest of a folder may name all settings, as its tools write them."""
    given = {a.key.id: a for a in attributes}
    idle = [given[key] for key in ("max_restarts", "within", "backoff") if key in given]
    if not idle or not checked.options.smells or shape.unit.path.endswith("/manifest.toml"):
        return
    if any(nearest(key, ("restart",)) for key in given if key not in ATTRIBUTES["create"]):
        return  # mistyped
    owner = shape.node
    if "restart" not in given and any(owner.start <= r.start < owner.end for r in shape.unit.all(nodes.Restart)):
        return  # a `restart` statement counts, and waits
    if "restart" not in given or nodes.qualified_text(given["restart"].value) == "never":
        why = f"with{'' if 'restart' in given else 'out'} `restart{': never' if 'restart' in given else ''}` nothing is restarted"
        for a in idle:
            edits = removal(shape.unit.source, a.start, a.end)
            checked.problems.add("no-effect", shape.unit.span(a.key), edits=edits, what=f"`{a.key.id}`", why=why)


def _no_coglet(checked: Checked, shape: Shape, node: nodes.Create) -> None:
    """Report a declaration of the right kind, or nearly, that has no coglet behind it."""
    declared = checked.world.lookup(shape.unit, node.coglet.text)
    if declared is None:
        return
    from cogc.desugar.plans import ExtendedPlan  # start-up: few files have plans

    span, name = shape.unit.span(node.coglet), node.coglet.text
    if declared.kind == "sett":
        help = "a sett runs by itself: `cogc run --root NAME`, or `cogc sett up`"
        checked.problems.add("wrong-kind", span, help=help, name=name, found="a sett", wanted="a coglet")
    elif declared.kind == "plan" and ExtendedPlan(checked.world, declared.unit, declared.of(nodes.Plan)).open:
        checked.problems.add("missing-attribute", span, owner=f"plan `{name}`, whose roles are open,", name="roles")


def _link(checked: Checked, shape: Shape, node: nodes.Link, scope: Scope, pure: Scope) -> None:
    if len(node.sources) == len(node.targets) == 1:
        misplaced = ports.turned(shape, node.sources[0], node.targets[0])
        if misplaced is not None:
            _turned(checked, node.sources[0], node.targets[0], misplaced, scope)
            return
    sources = [(s, ports.port(checked.inference, s, scope, sending=False)) for s in node.sources]
    targets = [(t, ports.port(checked.inference, t, scope, sending=True)) for t in node.targets]
    for end, port in (*sources, *targets):
        ports.no_queue(checked.inference, port, end, scope, "in a link")
    for source_node, source in sources:
        for _target_node, target in targets:
            if source is None or target is None:
                continue
            wanted = ListOf(target.type) if _scatters(shape, node, target) else target.type
            if types.fit(source.type, wanted) == NO:
                checked.problems.add(
                    "link-type",
                    shape.unit.span(source_node),
                    source=_text(shape, source_node),
                    found=types.show(source.type),
                    target=_text(shape, _target_node),
                    wanted=types.show(wanted),
                )
    check_block(node.attributes, "link", node, pure, checked.inference)
    reached = [t for _, t in targets]
    if not any(t is None or (t.child and t.index is None and shape.is_pool(shape.children[t.child])) for t in reached):
        for a in node.attributes:
            if a.key.id == "map":
                wrong, right = (
                    "has no effect: no target of this link has replicas",
                    "remove it, or write `* N` for replicas",
                )
                checked.problems.add("bad-modifier", shape.unit.span(a.key), name="map", wrong=wrong, right=right)
    _hash(checked, shape, node.attributes, [t.type for _, t in targets if t is not None])


def _turned(checked: Checked, source: nodes.Expr, target: nodes.Expr, misplaced: nodes.Expr, scope: Scope) -> None:
    """Report a link that is written the wrong way round at its end that is `misplaced`, and take its channels as used."""
    unit = scope.unit
    ends = unit.text(source), unit.text(target)
    edits = (Edit(unit.span(source), ends[1], "safe"), Edit(unit.span(target), ends[0], "safe"))
    help = f"the link is written the wrong way round: `{ends[1]} -> {ends[0]}`"
    found, wanted, name = ARTICLES["transmit"], ARTICLES["listen"], unit.text(misplaced)
    if misplaced is source and not name.startswith("self."):
        found, wanted = wanted, found
    checked.problems.add(
        "wrong-kind", unit.span(misplaced), help=help, edits=edits, name=name, found=found, wanted=wanted
    )
    ports.port(checked.inference, target, scope, sending=False)
    ports.port(checked.inference, source, scope, sending=True)


def _scatters(shape: Shape, node: nodes.Link, target: Port) -> bool:
    """Return whether a link hands each replica of its target an item of a list; its own `map` goes before the child's."""
    if any(a.key.id == "map" for a in node.attributes):
        return scatters(node.attributes)
    replicas = target.kind == "child_listen" and target.index is None
    return replicas and scatters(shape.children[target.child].node.attributes)


def _text(shape: Shape, node: nodes.Node) -> str:
    return shape.unit.text(node)

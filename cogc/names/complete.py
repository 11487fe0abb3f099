"""The members of coglets and mixins: `complete(world, problems)` fills each `Shape` of a world.

In: a world in which each coglet and each mixin has a shape without members. Out: the same world, in which each shape has
its parameters and its members by name, and each member has its type, its signature or the shape that it creates. Bodies
and expressions are left to the analysis.

**Mixins.** A shape takes in the members of its mixins before its own. A mixin is completed first, by the same function,
and brings along the mixins that it takes in itself. The same mixin with equal arguments counts once, whichever ways lead to
it. The words that need a mixin bring it: a `log` statement takes in `LogLet`, an `every N ticks` takes in `TickLet`.

**Owners.** A member keeps the shape that it was written in (`Member.owner`), since its body is analysed in that file, with
the parameters of that mixin. Its type is found once, where its owner is completed; the shapes that take it in share the
`Member`.

**Clashes.** All named members of a shape share one space of names, with its parameters. A listen and a transmit channel may
share a name, since one is read and the other is sent on. Of two members with one name the first one stays; the second one
is a `duplicate-name` if the coglet wrote both, else a `mixin-clash`.

**Cycles.** The shapes under completion form a path. A mixin that is met again on its own path is reported once as a
`mixin-cycle`; its shape counts as complete and stays as it is, so that each stage behind this one sees a finite world.

**An example.** From

    mixin Named(name: string) { transmit hello: string }
    coglet Main with Named("a") { state n: int = 0; every 1s { hello <- "x"; log info n } }

the shape of `Main` gets the mixins `Named` and `LogLet`, the transmit channel `hello`, owned by the shape of `Named`, the
state `n`, and one reaction.
"""

from __future__ import annotations

from cogc.diagnostics.edits import Edit
from cogc.diagnostics.problems import Label, Problems
from cogc.diagnostics.source import Span
from cogc.diagnostics.suggest import did_you_mean
from cogc.language import types
from cogc.language.closed import assert_never
from cogc.names.lower_type import lower_type
from cogc.names.signatures import sign, signature
from cogc.names.world import ARTICLES, Member, MixinUse, Parameter, Shape, Unit, World, hides_self
from cogc.syntax import nodes

HOOKS = ("start", "stop")
"""The names that `on` gives to the hooks of a coglet's life, so that no listen channel can have them."""
_CREATED = ("coglet", "agent", "dod", "plan", "team")
"""The kinds of declarations that stand for a coglet, so that a child can be created of them."""


def complete(world: World, problems: Problems) -> None:
    """Fill the signatures of all programs, and the parameters, mixins and members of all shapes."""
    sign(world, problems)
    for unit in world.units.values() if world.doubled else ():
        for declared in unit.declared.values():
            doubtful = world.shape(declared) if id(declared.node) in world.doubled else None
            if doubtful is not None:
                doubtful.doubled = doubtful.partial = True
    for shape in list(world.shapes.values()):
        _complete(world, shape, problems, [])


def _complete(world: World, shape: Shape, problems: Problems, path: list[str]) -> None:
    """Collect the members of a shape, those of its mixins first."""
    if shape.complete:
        return
    if shape.key in path:
        cycle = path[path.index(shape.key) :]
        words = " -> ".join(key.rpartition("::")[2] for key in (*cycle, shape.key))
        problems.add("mixin-cycle", shape.span(), name=shape.name, cycle=words)
        for key in cycle:
            world.shapes[key].partial = True
        shape.complete = True
        return
    _parameters(world, shape, problems)
    for use in shape.node.mixins:
        _take_in(world, shape, use, problems, [*path, shape.key])
    if shape.complete:  # this shape was met again on its own path
        return
    shape.complete = True
    for node in shape.node.members:
        _add_member(world, shape, Member(node, shape), problems)
    _implied_mixins(world, shape, problems)


def _parameters(world: World, shape: Shape, problems: Problems) -> None:
    for node in shape.node.parameters:
        name = node.name.id
        if name in shape.parameters:
            related = [Label(shape.unit.span(shape.parameters[name].node.name), "first declared here")]
            problems.add("duplicate-name", shape.unit.span(node.name), related=related, name=name)
            shape.parameters[name].type = types.ANY
            continue
        hides_self(shape.unit, node.name, problems)
        shape.parameters[name] = Parameter(node, lower_type(world, shape.unit, node.type, problems))


def _take_in(world: World, shape: Shape, use: nodes.MixinUse, problems: Problems, path: list[str]) -> None:
    declared = world.lookup(shape.unit, use.name.text)
    span = shape.unit.span(use.name)
    if declared is None:
        known = [n for n in (*shape.unit.names(), *_prelude_names(world)) if _is(world, shape.unit, n, ("mixin",))]
        shape.partial = True
        problems.add("unknown-mixin", span, help=did_you_mean(use.name.text, known) or None, name=use.name.text)
        return
    if declared.kind != "mixin" and id(declared.node) in world.doubled:
        shape.partial = True
        return
    if declared.kind != "mixin":
        related = [Label(declared.span(), "declared here")]
        found = ARTICLES[declared.kind]
        shape.partial = True
        problems.add("wrong-kind", span, related=related, name=use.name.text, found=found, wanted="a mixin")
        return
    mixin = world.shape(declared)
    if mixin is None:
        return
    _complete(world, mixin, problems, path)
    if mixin.key in path:  # a cycle, reported where it closed
        return
    _mix_in(world, shape, MixinUse(use, shape, mixin), shape.unit.span(use), problems)


def _mix_in(world: World, shape: Shape, use: MixinUse, place: Span, problems: Problems) -> None:
    """Take the members of a mixin into a shape; the same mixin with equal arguments counts once. `place` is what takes it in."""
    other = next((m for m in shape.mixins if m.shape is use.shape), None)
    if other is not None:
        if use.node is not None and not _equal(other, use):  # one that words of the body bring takes what is there
            first = other.owner.unit.span(other.node) if other.node else shape.span()
            related = [Label(first, "it is taken in here with other arguments")]
            help = "give it the same arguments, or create two children instead"
            name = next(iter(use.shape.parameters), use.shape.name)
            problems.add("mixin-clash", place, help=help, related=related, name=name, mixin=use.shape.name)
        return
    for inner in use.shape.mixins:
        _mix_in(world, shape, inner, place, problems)
    shape.mixins.append(use)
    for _, table in use.shape.own():
        for member in table.values():
            if member.owner is use.shape:
                _add_member(world, shape, member, problems, place)
    for member in (*use.shape.reactions, *use.shape.links):
        if member.owner is use.shape:
            (shape.reactions if isinstance(member.node, nodes.Reaction) else shape.links).append(member)


def _equal(first: MixinUse, second: MixinUse) -> bool:
    """Return whether two uses of one mixin give it the same arguments. The parameters of two shapes are not the same, nor are the consts of two files."""
    given, other = (use.node.arguments if use.node else () for use in (first, second))
    if given != other:
        return False
    names = {n.id for a in given for n in nodes.walk(a.value) if isinstance(n, nodes.Name)}
    own = first.owner.parameters.keys() | second.owner.parameters.keys()
    return first.owner is second.owner or not names or (first.owner.unit is second.owner.unit and not names & own)


def _implied_mixins(world: World, shape: Shape, problems: Problems) -> None:
    """Take in the mixins that words of the body need: LogLet for `log`, TickLet for `every N ticks`.

    The coglet of an expanded declaration takes in neither: their members are no ports of a plan, and would hide names of
    the user's.
    """
    if world.prelude is None or shape.unit is world.prelude or shape.expanded:
        return
    for name, used in (("LogLet", _uses_log(shape)), ("TickLet", _uses_ticks(shape.node))):
        mixin = world.shapes.get(world.prelude.key(name))
        if used and mixin is not None and all(m.shape is not mixin for m in shape.mixins):
            _complete(world, mixin, problems, [])
            _mix_in(world, shape, MixinUse(None, shape, mixin), shape.span(), problems)


def _uses_log(shape: Shape) -> bool:
    return bool(shape.unit.within(nodes.Log, shape.node))


def _uses_ticks(node: nodes.Coglet | nodes.Mixin) -> bool:
    reactions = [m for m in node.members if isinstance(m, nodes.Reaction)]
    return any(isinstance(t, nodes.Every) and t.ticks for r in reactions for t in r.triggers)


def _prelude_names(world: World) -> list[str]:
    return world.prelude.public() if world.prelude else []


def _is(world: World, unit: Unit, name: str, kinds: tuple[str, ...]) -> bool:
    found = world.lookup(unit, name)
    return found is not None and found.kind in kinds


def _add_member(world: World, shape: Shape, member: Member, problems: Problems, place: Span | None = None) -> None:
    """Put a member into its table, with its type or signature, and report one that clashes with another one. `place` is what takes in its mixin."""
    node: nodes.Member = member.node
    unit = member.owner.unit
    if member.owner is shape:
        _prepare(world, shape, member, problems)
    match node:
        case nodes.Listen():
            table = shape.listens
        case nodes.Transmit():
            table = shape.transmits
        case nodes.Enact():
            table = shape.enacts
        case nodes.State():
            table = shape.states
        case nodes.Create():
            table = shape.children
        case nodes.Program():
            table = shape.programs
        case nodes.Const():
            table = shape.consts
        case nodes.Reaction():
            shape.reactions.append(member)
            return
        case nodes.Link():
            shape.links.append(member)
            return
        case nodes.Supervise():
            _supervise(shape, member, problems)
            return
        case nodes.Error():
            return
        case _:
            assert_never(node)
    name = node.name.id
    if member.owner is shape and not shape.expanded:
        hides_self(unit, node.name, problems)
    clash = _clash(shape, name, table)
    if clash is None:
        table[name] = member
        return
    other, what = clash
    table.setdefault(name, member)  # both are known, so that no use of the name is a second report
    for _, named in shape.own():
        if name in named:
            _doubt(world, named[name])
    related = [Label(other, f"{what} of that name is here")]
    if place is not None:
        related.append(Label(member.span(), "the mixin's is here"))
        problems.add("mixin-clash", place, related=related, name=name, mixin=member.owner.name)
    else:
        mixin = _mixin_of(shape, name)
        if mixin is not None:
            problems.add("mixin-clash", unit.span(node.name), related=related, name=name, mixin=mixin)
        else:
            problems.add("duplicate-name", unit.span(node.name), related=related, name=name)


def _doubt(world: World, member: Member) -> None:
    """Let a member whose name is declared twice fit wherever the other one would."""
    world.doubled.add(id(member.node))
    member.type, member.target = types.ANY, None
    if member.signature is not None:
        member.signature.unsure, member.signature.result = True, types.ANY


def _mixin_of(shape: Shape, name: str) -> str | None:
    """Return the name of the mixin that brought a member of that name; None if the shape wrote it."""
    for _, table in shape.own():
        if name in table and table[name].owner is not shape:
            return table[name].owner.name
    return None


def _clash(shape: Shape, name: str, table: dict[str, Member]) -> tuple[Span, str] | None:
    """Find the member or parameter that has the name already; a listen and a transmit channel may share one."""
    for word, other in shape.own():
        if name in other and {id(table), id(other)} != {id(shape.listens), id(shape.transmits)}:
            return other[name].span(), ARTICLES[word]
    parameter = shape.parameters.get(name)
    if parameter is not None and not shape.expanded:
        return shape.unit.span(parameter.node.name), ARTICLES["parameter"]
    return None


def _supervise(shape: Shape, member: Member, problems: Problems) -> None:
    if shape.supervise is not None:
        related = [Label(shape.supervise.owner.unit.span(shape.supervise.node), "first here")]
        problems.add("duplicate-name", member.owner.unit.span(member.node), related=related, name="supervise")
        return
    shape.supervise = member


def _prepare(world: World, shape: Shape, member: Member, problems: Problems) -> None:
    """Find the type, the signature or the target of a member, in the file that it is written in."""
    node: nodes.Member = member.node
    unit = shape.unit
    match node:
        case nodes.Listen(name=name) | nodes.Transmit(name=name):
            member.type = lower_type(world, unit, node.type, problems)
            if isinstance(node, nodes.Listen) and name.id in HOOKS:
                problems.add("reserved-channel", unit.span(name), name=name.id)
        case nodes.State():
            member.type = lower_type(world, unit, node.type, problems)
            if node.conversion is not None:
                member.before = lower_type(world, unit, node.conversion.type, problems)
        case nodes.Enact():
            member.signature = signature(world, unit, node.name.id, node.parameters, types.NULL, problems)
            if node.body is None and shape.python is None:
                body = (Edit(Span(unit.source, node.end, node.end), " { }"),) if unit.path.endswith(".cog") else ()
                problems.add("no-body", unit.span(node.name), edits=body, name=node.name.id)
        case nodes.Program():
            member.signature = world.signatures[id(node)]
        case nodes.Create():
            member.target = _child_shape(world, unit, node, problems)
        case nodes.Const() | nodes.Reaction() | nodes.Link() | nodes.Supervise() | nodes.Error():
            pass
        case _:
            assert_never(node)


def _child_shape(world: World, unit: Unit, node: nodes.Create, problems: Problems) -> Shape | None:
    name = node.coglet.text
    declared = world.lookup(unit, name)
    if declared is None:
        known = [n for n in unit.names() if _is(world, unit, n, _CREATED)]
        problems.add("unknown-coglet", unit.span(node.coglet), help=did_you_mean(name, known) or None, name=name)
        return None
    if declared.kind == "sett" or (id(declared.node) in world.doubled and declared.kind not in _CREATED):
        return None
    if declared.kind not in _CREATED:
        related = [Label(declared.span(), "declared here")]
        problems.add(
            "wrong-kind",
            unit.span(node.coglet),
            related=related,
            name=name,
            found=ARTICLES[declared.kind],
            wanted="a coglet",
        )
        return None
    return world.shape(declared)

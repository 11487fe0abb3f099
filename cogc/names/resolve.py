"""Names to what they mean: `resolve(world, problems)` fills a loaded world.

In: units with trees. Out: the same world with each unit's names, every declared type, and a `Shape` for each coglet and
mixin, mixins taken in. Bodies are not looked at here: `infer` does that, name by name, with the types.
"""

from __future__ import annotations

from cogc.desugar.agents import coglet_of, judge_of
from cogc.desugar.draw import draw
from cogc.desugar.parts import Part
from cogc.diagnostics.problems import Label, Problems
from cogc.diagnostics.source import Span
from cogc.diagnostics.suggest import did_you_mean
from cogc.language import types
from cogc.language.attributes import EXECUTORS, INWARD
from cogc.names.load import import_path
from cogc.names.lower_type import lower_type
from cogc.names.world import Declared, Member, MixinUse, Parameter, Shape, Signature, Unit, World
from cogc.syntax import nodes

_KINDS: dict[type, str] = {
    nodes.Const: "const",
    nodes.TypeDecl: "type",
    nodes.Model: "model",
    nodes.Mcp: "mcp",
    nodes.Program: "program",
    nodes.Coglet: "coglet",
    nodes.Mixin: "mixin",
    nodes.Agent: "agent",
    nodes.Team: "team",
    nodes.Dod: "dod",
    nodes.Plan: "plan",
    nodes.Sett: "sett",
    nodes.Queue: "queue",
}
ARTICLES = {k: ("an " if k[0] in "aeiou" else "a ") + k for k in _KINDS.values()} | {"mcp": "an MCP server"}
_MEMBER_WORDS = {
    "listen": "a listen channel",
    "transmit": "a transmit channel",
    "enact": "a command",
    "state": "a state",
    "create": "a child",
    "program": "a program",
    "const": "a const",
    "parameter": "a parameter",
}


def resolve(world: World, problems: Problems) -> World:
    """Fill the tables of the world; what cannot be resolved is a problem and stays out of them."""
    units = list(world.units.values())
    for unit in units:
        _declare(unit, problems)
    for unit in units:
        _import(world, unit, problems)
    for unit in units:
        _named_types(world, unit, problems)
    for unit in units:
        for declared in unit.declared.values():
            if declared.kind in ("coglet", "mixin"):
                shape = Shape(unit, declared.node)
                world.shapes[shape.key] = shape
            elif declared.kind == "agent":
                shape = Shape(unit, coglet_of(declared.node, _plan_of(world, unit, declared.node)), "agent")
                world.shapes[shape.key] = shape
            elif declared.kind == "dod":
                from cogc.desugar import dods  # few files declare one, and every check would pay for it

                shape = Shape(unit, dods.coglet_of(world, unit, declared.node), "dod")
                world.shapes[shape.key] = shape
    for unit in units:
        _judges(world, unit)
        _parts(world, unit)
    for shape in list(world.shapes.values()):
        _complete(world, shape, problems, [])
    return world


def _plan_of(world: World, unit: Unit, agent: nodes.Agent) -> str:
    """The plan that an agent has for a tool, if it has one."""
    for a in agent.attributes:
        if a.key.id == "tools" and isinstance(a.value, nodes.ListLiteral):
            for item in a.value.items:
                name = nodes.qualified_text(item) or ""
                found = world.lookup(unit, name)
                if found is not None and found.kind == "plan":
                    return name
    return ""


def _judges(world: World, unit: Unit) -> None:
    """The agents that bid for those agents of setts which a model bids for."""
    for declared in unit.declared.values():
        for item in declared.node.items if isinstance(declared.node, nodes.Sett) else ():
            if not isinstance(item, nodes.Agent):
                continue
            given = {a.key.id: a.value for a in item.attributes}
            prompts, ran = given.get("prompts"), given.get("run")
            if not isinstance(prompts, nodes.RecordLiteral) or ran is None or "claim" not in _keys(prompts):
                continue
            agent = world.lookup(unit, unit.source.text[ran.start : ran.end])
            if agent is not None and agent.kind == "agent":
                judge = judge_of(agent.node, f"{declared.node.name.id}.{item.name.id}")
                shape = Shape(agent.unit, coglet_of(judge), "agent")
                world.shapes[shape.key] = shape


def _parts(world: World, unit: Unit) -> None:
    """The coglets that plans and teams are made of; those beside a declaration's own have names that nobody can write."""
    for declared in unit.declared.values():
        found: list[Part] = []
        if declared.kind == "plan":
            from cogc.desugar import plans

            found = plans.parts_of(world, unit, declared.node)
        elif declared.kind == "team":
            from cogc.desugar import teams

            found = teams.parts_of(world, unit, declared.node)
        elif declared.kind == "queue":
            found = [_queue(unit, declared.node)]
        for part in found:
            shape = Shape(part.unit, part.node, part.declared)
            shape.key, shape.name, shape.budget = unit.key(part.name), part.shown, part.budget
            world.shapes[shape.key] = shape
            if part.name != declared.node.name.id:
                unit.hidden[part.name] = Declared(unit, part.node, "coglet")


_QUEUE = """
coglet _ {
  listen put: type_hole
  transmit item: type_hole
  transmit dead: type_hole
  on put as value_ { queue_hole <- value_ }
  on queue_hole as value_ { item <- value_ }
  on queue_hole.dead as value_ { dead <- value_ }
}
"""


def _queue(unit: Unit, node: nodes.Queue) -> Part:
    """The coglet that a queue is as a root: what is put goes in, what is claimed comes out."""
    drawn = draw(_QUEUE, node.name, {"queue_hole": node.name.id, "type_hole": node.type})
    own = nodes.Coglet(node.start, node.end, node.name, (), (), None, drawn.members, node.doc)
    return Part(unit, node.name.id, own, "queue")


def _keys(record: nodes.RecordLiteral) -> list[str]:
    return [e.key.id for e in record.entries if isinstance(e, nodes.Entry)]


# ---- files ---------------------------------------------------------------------------------------------------


def _declare(unit: Unit, problems: Problems) -> None:
    for node in unit.tree.declarations:
        kind = _KINDS.get(node.__class__)
        if kind is None:
            continue
        word: nodes.Name = node.name  # type: ignore[union-attr, assignment]
        name = word.id
        if kind == "type" and name in types.BUILTIN:
            problems.add("shadowed-name", unit.span(word), name=name, what="the built-in type")
        before = unit.declared.get(name)
        if before is not None:
            related = [Label(before.span(), "first declared here")]
            problems.add("duplicate-name", unit.span(word), related=related, name=name)
            continue
        unit.declared[name] = Declared(unit, node, kind)


def _import(world: World, unit: Unit, problems: Problems) -> None:
    for node in unit.tree.declarations:
        if not isinstance(node, nodes.Import):
            continue
        other = world.units.get(import_path(unit.path, node.path.value))
        if other is None or other is unit:
            continue
        if node.alias is not None:
            unit.aliases[node.alias.id] = other
            continue
        for name in other.public():
            _bring_in(unit, node, other.declared[name], name, problems)


def _bring_in(unit: Unit, node: nodes.Import, found: Declared, name: str, problems: Problems) -> None:
    clash = unit.declared.get(name) or unit.imported.get(name)
    if clash is None:
        unit.imported[name] = found
    elif clash is not found:
        related = [Label(clash.span(), "one is here"), Label(found.span(), "the other is here")]
        problems.add("import-clash", unit.span(node.path), related=related, name=name)


def _named_types(world: World, unit: Unit, problems: Problems) -> None:
    for declared in unit.declared.values():
        if declared.kind == "type":
            key = unit.key(declared.node.name.id)
            world.named_types[key] = lower_type(world, unit, declared.node.type, problems)
    for declared in unit.declared.values():
        if declared.kind != "type":
            continue
        key = unit.key(declared.node.name.id)
        if _only_itself(world, key, set()):
            problems.add("recursive-type", declared.span(), name=declared.node.name.id)
            world.named_types[key] = types.ANY


def _only_itself(world: World, key: str, seen: set[str]) -> bool:
    """Whether a named type leads back to itself through names and unions alone."""
    if key in seen:
        return True
    found = world.named_types.get(key, types.ANY)
    parts = found.members if isinstance(found, types.UnionOf) else (found,)
    return any(isinstance(p, types.Ref) and _only_itself(world, p.key, seen | {key}) for p in parts)


# ---- coglets and mixins --------------------------------------------------------------------------------------


def _complete(world: World, shape: Shape, problems: Problems, path: list[str]) -> None:
    """Collect a shape's members, those of its mixins first."""
    if shape.complete:
        return
    if shape.key in path:
        cycle = " -> ".join(k.rpartition("::")[2] for k in [*path[path.index(shape.key) :], shape.key])
        problems.add("mixin-cycle", shape.span(), name=shape.name, cycle=cycle)
        shape.complete = True
        return
    _parameters(world, shape, problems)
    for use in shape.node.mixins:
        _take_in(world, shape, use, problems, [*path, shape.key])
    if shape.complete:  # a cycle came back here
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
            continue
        shape.parameters[name] = Parameter(node, lower_type(world, shape.unit, node.type, problems))


def _take_in(world: World, shape: Shape, use: nodes.MixinUse, problems: Problems, path: list[str]) -> None:
    declared = world.lookup(shape.unit, use.name.text)
    span = shape.unit.span(use.name)
    if declared is None:
        known = [n for n in (*shape.unit.names(), *_prelude_names(world)) if _is(world, shape.unit, n, "mixin")]
        problems.add("unknown-mixin", span, help=did_you_mean(use.name.text, known) or None, name=use.name.text)
        return
    if declared.kind != "mixin":
        related = [Label(declared.span(), "declared here")]
        found = ARTICLES[declared.kind]
        problems.add("wrong-kind", span, related=related, name=use.name.text, found=found, wanted="a mixin")
        return
    mixin = world.shape(declared)
    if mixin is None:
        return
    _complete(world, mixin, problems, path)
    if mixin.key in path:  # a cycle, which has been reported
        return
    mix_in(world, shape, MixinUse(use, shape, mixin), problems)


def mix_in(world: World, shape: Shape, use: MixinUse, problems: Problems) -> None:
    """Take a mixin's members into a shape; the same mixin with equal arguments counts once."""
    own_arguments = use.node.arguments if use.node else ()
    for other in shape.mixins:
        arguments = other.node.arguments if other.node else ()
        if other.shape is use.shape and arguments == own_arguments and (not arguments or other.owner is use.owner):
            return
    for inner in use.shape.mixins:
        if all(inner.shape is not m.shape for m in shape.mixins):
            mix_in(world, shape, inner, problems)
    shape.mixins.append(use)
    for _, table in use.shape.own():
        for member in table.values():
            if member.owner is use.shape:
                _add_member(world, shape, member, problems, use)
    for member in (*use.shape.reactions, *use.shape.links):
        if member.owner is use.shape:
            (shape.reactions if isinstance(member.node, nodes.Reaction) else shape.links).append(member)


def _implied_mixins(world: World, shape: Shape, problems: Problems) -> None:
    """Using `log` takes in LogLet, ticks take in TickLet: whoever names them gets the same."""
    if world.prelude is None or shape.unit is world.prelude:
        return
    for name, used in (("LogLet", _uses_log(shape.node)), ("TickLet", _uses_ticks(shape.node))):
        mixin = world.shapes.get(world.prelude.key(name))
        if used and mixin is not None and all(m.shape is not mixin for m in shape.mixins):
            _complete(world, mixin, problems, [])
            mix_in(world, shape, MixinUse(None, shape, mixin), problems)


def _uses_log(node: nodes.Node) -> bool:
    return any(isinstance(x, nodes.Log) for x in nodes.walk(node))


def _uses_ticks(node: nodes.Coglet | nodes.Mixin) -> bool:
    reactions = [m for m in node.members if isinstance(m, nodes.Reaction)]
    return any(isinstance(t, nodes.Every) and t.ticks for r in reactions for t in r.triggers)


def _prelude_names(world: World) -> list[str]:
    return world.prelude.public() if world.prelude else []


def _is(world: World, unit: Unit, name: str, kind: str) -> bool:
    found = world.lookup(unit, name)
    return found is not None and found.kind == kind


def _add_member(world: World, shape: Shape, member: Member, problems: Problems, use: MixinUse | None = None) -> None:
    """Put a member into its table, with its type or signature, after the look for a clash."""
    node, unit = member.node, member.owner.unit
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
        case _:
            return
    name = node.name.id
    clash = _clash(shape, name, table)
    if clash is None:
        table[name] = member
        return
    other, what = clash
    related = [Label(other, f"{what} of that name is here")]
    if use is not None:
        place = use.owner.unit.span(use.node) if use.node else shape.span()
        related.append(Label(member.span(), "the mixin's is here"))
        problems.add("mixin-clash", place, related=related, name=name, mixin=use.shape.name)
    else:
        mixin = _mixin_of(shape, name)
        if mixin is not None:
            problems.add("mixin-clash", unit.span(node.name), related=related, name=name, mixin=mixin)
        else:
            problems.add("duplicate-name", unit.span(node.name), related=related, name=name)


def _mixin_of(shape: Shape, name: str) -> str | None:
    """The mixin that brought a member of that name, if one did."""
    for _, table in shape.own():
        if name in table and table[name].owner is not shape:
            return table[name].owner.name
    return None


def _clash(shape: Shape, name: str, table: dict[str, Member]) -> tuple[Span, str] | None:
    """What of that name the shape has already: only a listen and a transmit may share one."""
    for word, other in shape.own():
        pair = (table is shape.listens and other is shape.transmits) or (
            table is shape.transmits and other is shape.listens
        )
        if name in other and not pair:
            return other[name].span(), _MEMBER_WORDS[word]
    parameter = shape.parameters.get(name)
    if parameter is not None:
        return shape.unit.span(parameter.node.name), "a parameter"
    return None


def _supervise(shape: Shape, member: Member, problems: Problems) -> None:
    if shape.supervise is not None:
        related = [Label(shape.supervise.owner.unit.span(shape.supervise.node), "first here")]
        problems.add("duplicate-name", member.owner.unit.span(member.node), related=related, name="supervise")
        return
    shape.supervise = member


def _prepare(world: World, shape: Shape, member: Member, problems: Problems) -> None:
    """A member's type, signature or target, in the file that declares it."""
    node, unit = member.node, shape.unit
    match node:
        case nodes.Listen(name=name) | nodes.Transmit(name=name):
            member.type = lower_type(world, unit, node.type, problems)
            if isinstance(node, nodes.Listen) and name.id in ("start", "stop"):
                problems.add("reserved-channel", unit.span(name), name=name.id)
        case nodes.State():
            member.type = lower_type(world, unit, node.type, problems)
        case nodes.Enact():
            member.signature = signature(world, unit, node.name.id, node.parameters, types.NULL, problems)
            if node.body is None and shape.python is None:
                problems.add("no-body", unit.span(node.name), name=node.name.id)
        case nodes.Program():
            member.signature = program_signature(world, unit, node, problems)
        case nodes.Create():
            member.target = _child_shape(world, unit, node, problems)


def _child_shape(world: World, unit: Unit, node: nodes.Create, problems: Problems) -> Shape | None:
    name = node.coglet.text
    declared = world.lookup(unit, name)
    if declared is None:
        known = [n for n in unit.names() if _is(world, unit, n, "coglet")]
        problems.add("unknown-coglet", unit.span(node.coglet), help=did_you_mean(name, known) or None, name=name)
        return None
    if declared.kind == "sett":
        return None
    if declared.kind not in ("coglet", "agent", "dod", "plan", "team"):
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


def signature(
    world: World,
    unit: Unit,
    name: str,
    parameters: tuple[nodes.Parameter, ...],
    result: types.Type,
    problems: Problems,
) -> Signature:
    """The signature of a program or command; a parameter declared twice is a problem."""
    found: dict[str, Parameter] = {}
    for node in parameters:
        if node.name.id in found:
            related = [Label(unit.span(found[node.name.id].node.name), "first declared here")]
            problems.add("duplicate-name", unit.span(node.name), related=related, name=node.name.id)
            continue
        found[node.name.id] = Parameter(node, lower_type(world, unit, node.type, problems))
    return Signature(name, list(found.values()), result)


def program_signature(world: World, unit: Unit, node: nodes.Program, problems: Problems) -> Signature:
    """A program's signature, made once. Without a declared result an `expr` gives anything, others a string."""
    known = world.program_signatures.get(id(node))
    if known is None:
        if node.executor.kind.id not in (*EXECUTORS, *INWARD):
            help = did_you_mean(node.executor.kind.id, EXECUTORS) or None
            span = unit.span(node.executor.kind)
            executors = ", ".join(f"`{e}`" for e in EXECUTORS)
            problems.add("unknown-executor", span, help=help, name=node.executor.kind.id, known=executors)
        if node.result is not None:
            result = lower_type(world, unit, node.result, problems)
        else:
            result = types.ANY if node.executor.kind.id in ("expr", "python", "mcp") else types.STRING
        known = signature(world, unit, node.name.id, node.parameters, result, problems)
        world.program_signatures[id(node)] = known
    return known

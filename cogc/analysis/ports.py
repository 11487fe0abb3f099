"""Ports: the channel or queue that a path stands for, where something is sent, linked, awaited or reacted to.

A path in a send, a link, an `await` or a trigger stands for a `Port`: a channel of the coglet itself, a channel of a child
(`child.name`, `pool[i].name`), or a queue. The same word means a transmit channel where it is sent to and a listen channel
where it is read (`sending`). `self.name` may name either, so that a link can lead from a listen channel to a child, and from
a child to a transmit channel. A path that stands for none is reported, and has no entry in `Tables.targets`.

The module also notes which channels of a coglet are sent on and which are read (`Tables.sent`, `Tables.heard`), for the
rules about silent and unused channels.
"""

from __future__ import annotations

from cogc.analysis.ranges import known_value
from cogc.analysis.scope import Scope
from cogc.analysis.tables import QUEUE_PORTS, Port
from cogc.diagnostics.suggest import did_you_mean, nearest, suggestion
from cogc.language.texts import is_internal
from cogc.language.types import ANY, INT, dead_item
from cogc.names.lower_type import lower_type
from cogc.names.world import ARTICLES, Member
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.infer import Inference
    from cogc.analysis.tables import PortKind
    from cogc.language.types import Type
    from cogc.names.world import Declared, Shape


def child(inference: Inference, node: nodes.Expr, scope: Scope) -> Member | None:
    """Find the child that a name or `pool[i]` stands for, or report that there is none."""
    index: nodes.Expr | None = None
    if isinstance(node, nodes.Index):
        index = node.index
        node = node.base
    assert scope.shape is not None
    if not isinstance(node, nodes.Name) or node.id not in scope.shape.children:
        text = scope.unit.text(node)
        known = list(scope.shape.children)
        help = did_you_mean(text, known, "it has no children")
        inference.problems.add("unknown-child", scope.unit.span(node), help=help, name=text, known="")
        return None
    member = inference.tables.meant[id(node)] = scope.shape.children[node.id]
    if index is not None:
        inference.check(index, scope, INT)
        if not scope.shape.is_pool(member):
            inference.problems.add(
                "bad-index", scope.unit.span(index), found=node.id, index="int", help="it is one child"
            )
        elif member.node.count is not None and member.node.count.high is None:
            _member_index(inference, member.node.count.low, index, scope)
    return member


def _member_index(inference: Inference, count: nodes.Expr, index: nodes.Expr, scope: Scope) -> None:
    """Check the index of one of a fixed number of replicas, where both are known."""
    most, found = known_value(count, scope, inference), known_value(index, scope, inference)
    if type(most) is int and type(found) is int and most > 0 and not 0 <= found < most:
        inference.problems.add(
            "out-of-range",
            scope.unit.span(index),
            name="the index",
            wanted=f"from 0 to {most - 1}: there are {most}",
        )


def port(inference: Inference, node: nodes.Expr, scope: Scope, sending: bool) -> Port | None:
    """Find the port of a path: as the target of a send or a link (`sending`), or as the source of a link or a trigger."""
    found = _port(inference, node, scope, sending)
    if found is not None:
        inference.tables.targets[id(node)] = found
    return found


def _port(inference: Inference, node: nodes.Expr, scope: Scope, sending: bool) -> Port | None:
    shape = scope.shape
    assert shape is not None
    if isinstance(node, nodes.Name):
        return _own_port(inference, node, scope, sending)
    if isinstance(node, nodes.Field) and isinstance(node.base, nodes.Name) and node.base.id == "self":
        return _self_port(inference, node, scope, sending)
    if isinstance(node, nodes.Field):
        return _child_port(inference, node, scope, sending)
    text = scope.unit.text(node)
    inference.problems.add("bad-target" if sending else "bad-trigger", scope.unit.span(node), what=text)
    return None


def _own_port(inference: Inference, node: nodes.Name, scope: Scope, sending: bool) -> Port | None:
    shape = scope.shape
    assert shape is not None
    table = shape.transmits if sending else shape.listens
    if node.id in table:
        member = table[node.id]
        (inference.tables.sent if sending else inference.tables.heard).add((shape.key, node.id))
        return Port("own_transmit" if sending else "own_listen", node.id, member.type, "", None, member)
    declared = scope.world.lookup(scope.unit, node.id)
    if declared is not None and declared.kind == "queue":
        inference.tables.used.add(id(declared.node))
        return Port("queue", declared.unit.key(declared.node.name.id), _item(inference, declared))
    help = _no_channel(node.id, scope, sending)
    if help is not None:
        slug = "bad-target" if sending else "bad-trigger"
        inference.problems.add(slug, scope.unit.span(node), help=help, what=node.id)
        used = inference.tables.sent if sending else inference.tables.heard
        used.update((shape.key, name) for name in table)
        return None
    other = shape.listens if sending else shape.transmits
    what = "transmit channel" if sending else "listen channel"
    if node.id in other:
        found, wanted = ("listen", "transmit") if sending else ("transmit", "listen")
        inference.problems.add(
            "wrong-kind", scope.unit.span(node), name=node.id, found=ARTICLES[found], wanted=ARTICLES[wanted]
        )
    else:
        _unknown_port(inference, node, shape, what, [*table, *_queues(scope)], scope)
    used = inference.tables.sent if sending else inference.tables.heard
    used.update((shape.key, name) for name in table)  # one of these was meant
    return None


def _item(inference: Inference, queue: Declared) -> Type:
    """Return the type of the items of a queue."""
    found = lower_type(inference.world, queue.unit, queue.of(nodes.Queue).type, inference.problems)
    return ANY if id(queue.node) in inference.world.doubled else found


def _queues(scope: Scope) -> list[str]:
    """Return the names of the queues that a file knows."""
    found = ((name, scope.world.lookup(scope.unit, name)) for name in scope.unit.names())
    return [name for name, declared in found if declared is not None and declared.kind == "queue"]


def _no_channel(name: str, scope: Scope, sending: bool) -> str | None:
    """Return the help for a name that stands for a value or a child, where a channel is wanted; None for other names."""
    shape = scope.shape
    assert shape is not None
    if name in shape.states:
        return f"a state is set by `{name} = ...`" if sending else f"`{name}` is a state; its changes are no messages"
    if name in shape.children:
        return f"name a channel of the child: `{name}.CHANNEL`"
    if name in shape.parameters or name in shape.consts:
        kind = "parameter" if name in shape.parameters else "constant"
        return f"`{name}` is a {kind}, which has one value"
    if sending and name in scope.locals:
        return f"`{name}` is a local name, which has one value"
    return None


def _unknown_port(
    inference: Inference, node: nodes.Name, owner: Shape, what: str, known: list[str], scope: Scope
) -> None:
    if owner.lacks_members:
        return
    known = [k for k in known if not is_internal(k)]
    listed = f"it has no {what}s" if not known else "it has " + ", ".join(f"`{k}`" for k in known)
    help = did_you_mean(node.id, known) or listed
    inference.problems.add("unknown-port", scope.unit.span(node), help=help, owner=owner.name, what=what, name=node.id)


def _self_port(inference: Inference, node: nodes.Field, scope: Scope, sending: bool) -> Port | None:
    shape, name = scope.shape, node.name.id
    assert shape is not None
    first, second = (shape.transmits, shape.listens) if sending else (shape.listens, shape.transmits)
    if name in first:
        kind: PortKind = "own_transmit" if sending else "own_listen"
        (inference.tables.sent if sending else inference.tables.heard).add((shape.key, name))
        return Port(kind, name, first[name].type, "", None, first[name])
    if name in second and sending:
        inference.tables.fed.add((shape.key, name))
        return Port("own_listen", name, second[name].type, "", None, second[name])
    if name in second:
        found, wanted = ARTICLES["transmit"], ARTICLES["listen"]
        inference.problems.add("wrong-kind", scope.unit.span(node.name), name=name, found=found, wanted=wanted)
    else:
        _unknown_port(inference, node.name, shape, "channel", [*first, *second], scope)
    used = inference.tables.sent if sending else inference.tables.heard
    used.update((shape.key, known) for known in first)
    return None


def _child_port(inference: Inference, node: nodes.Field, scope: Scope, sending: bool) -> Port | None:
    assert scope.shape is not None
    if not sending and isinstance(node.base, nodes.Name) and node.name.id in ("dead", "failed"):
        declared = scope.world.lookup(scope.unit, node.base.id)
        if declared is not None and declared.kind == "queue":
            item = _item(inference, declared)
            key = declared.unit.key(declared.node.name.id)
            if node.name.id == "dead":
                return Port("dead_queue", key, item)
            return Port("failed_queue", key, dead_item(item))
    if isinstance(node.base, nodes.Name) and node.base.id not in scope.shape.children:
        declared = scope.world.lookup(scope.unit, node.base.id)
        near = nearest(node.base.id, _queues(scope)) if node.name.id in ("dead", "failed") else None
        if declared is None and near is not None:
            span = scope.unit.span(node.base)
            inference.problems.add("unknown-name", span, help=suggestion(near), name=node.base.id)
            return None
        if declared is not None and declared.kind == "queue":
            help = (
                f"send to the queue itself: `{node.base.id} <- ...`"
                if sending
                else did_you_mean(node.name.id, ["dead", "failed"])
            )
            help = help or "its items are taken by its name, and those that failed too often by `.dead` or `.failed`"
            inference.tables.used.add(id(declared.node))
            name, span = node.name.id, scope.unit.span(node.name)
            inference.problems.add("unknown-port", span, help=help, owner=node.base.id, what="channel", name=name)
            return None
    if isinstance(node.base, nodes.Name) and node.base.id not in scope.shape.children:
        own = scope.shape.transmits if sending else scope.shape.listens
        if node.name.id in own:  # a mistyped `self`, or the name of the coglet
            (inference.tables.sent if sending else inference.tables.heard).add((scope.shape.key, node.name.id))
            if node.base.id in (scope.shape.name, "this") or did_you_mean(
                node.base.id, ["self", *scope.shape.children]
            ) == suggestion("self"):
                help, span = f"write `self.{node.name.id}`", scope.unit.span(node.base)
                inference.problems.add("unknown-child", span, help=help, name=node.base.id, known="")
                return None
    member = child(inference, node.base, scope)
    if member is None:
        return None
    base = node.base
    index = base.index if isinstance(base, nodes.Index) else None
    name = member.node.name.id
    kind: PortKind = "child_listen" if sending else "child_transmit"
    if member.target is None:
        return Port(kind, node.name.id, ANY, name, index, None)
    table = member.target.listens if sending else member.target.transmits
    if node.name.id not in table:
        what = "listen channel" if sending else "transmit channel"
        _unknown_port(inference, node.name, member.target, what, list(table), scope)
        return None
    channel = table[node.name.id]
    type = channel.type
    if member.target.declared == "plan" and node.name.id == "result":
        from cogc.analysis.results import result_type  # few files declare a plan

        type = result_type(scope.world, inference.problems, member.target)
    return Port(kind, node.name.id, type, name, index, channel)


def turned(shape: Shape, source: nodes.Expr, target: nodes.Expr) -> nodes.Expr | None:
    """Return the end that stands on the wrong side of a link which is written the wrong way round; None if turning the link mends nothing."""
    of_source, of_target = _sides(shape, source), _sides(shape, target)
    if of_source == ("target",) and "source" in of_target:
        return source if "target" in of_target else target
    return None


def _sides(shape: Shape, end: nodes.Expr) -> tuple[str, ...]:
    """Return the sides of a link on which a channel can stand, "source" and "target"; none if it is not known."""
    if not isinstance(end, nodes.Field) or not isinstance(end.base, nodes.Name):
        return ()
    name = end.name.id
    if end.base.id == "self":  # an own listen channel may be fed by a link too
        both = ("source", "target") if name in shape.listens else ()
        return both or (("target",) if name in shape.transmits else ())
    member = shape.children.get(end.base.id)
    target = member.target if member is not None else None
    if target is None:
        return ()
    sides = ("source",) if name in target.transmits else ()
    return (*sides, "target") if name in target.listens else sides


def no_queue(inference: Inference, port: Port | None, node: nodes.Node, scope: Scope, where: str) -> None:
    """Report a queue where only channels can stand: items of a queue are taken by a reaction of their own."""
    if port is not None and port.kind in QUEUE_PORTS:
        help = "take the items with a reaction of their own: `on QUEUE as item { ... }`"
        inference.problems.add("not-yet", scope.unit.span(node), help=help, what=f"{where} the queue", name=port.name)


def silenced(shape: Shape | None, node: nodes.Guide) -> list[tuple[nodes.Text, Shape, dict[str, Member]]]:
    """Return the texts in `suppress` and `unsuppress` that name channels or commands: each with the coglet that it is said
    to, and what that has of this kind."""
    target = node.target
    if shape is None or not isinstance(target, nodes.Field) or target.name.id not in ("suppress", "unsuppress"):
        return []
    name = nodes.qualified_text(target.base) or ""
    member = shape.children.get(name.partition("[")[0])
    owner = shape if name == "self" else member.target if member is not None else None
    if owner is None or owner.python is not None or owner.enacts.get(target.name.id) is None:
        return []
    found: list[tuple[nodes.Text, Shape, dict[str, Member]]] = []
    known = {"channels": {**owner.transmits, **owner.listens}, "commands": owner.enacts}
    for a in node.arguments:
        members = known.get(a.name.id if a.name is not None else "channels", {})
        items = a.value.items if isinstance(a.value, nodes.ListLiteral) else ()
        found += [(i, owner, members) for i in items if isinstance(i, nodes.Text) and not i.template]
    return found

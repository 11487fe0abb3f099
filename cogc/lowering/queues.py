"""Queues to the typed program: their programs, and the reactions that take items from them."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from cogc import ir
from cogc.language.types import ANY, INT, STRING
from cogc.lowering.expressions import Lowering, Place
from cogc.names.lower_type import lower_type
from cogc.syntax import nodes

if TYPE_CHECKING:
    from cogc.lowering.lower import Lower, _Coglet


def lower_queue(run: Lower, key: str) -> None:
    """Lower a queue, and the programs by which coglets use it."""
    declared = next(
        d
        for u in run.world.units.values()
        for d in u.declared.values()
        if d.kind == "queue" and u.key(d.node.name.id) == key
    )
    node: nodes.Queue = declared.node
    item = lower_type(run.world, declared.unit, node.type, run.problems)
    at = run.at(declared.unit, node.name)
    run.queues[key] = ir.Queue(
        key=key,
        name=node.name.id,
        type=run.type(item),
        backend=node.backend.id,
        argument=node.argument.value if node.argument is not None else "",
        attributes=run.attributes(Lowering(run, Place(declared.unit, None, None)), "queue", node.attributes),
        folder=posixpath.dirname(declared.unit.path),
        at=at,
    )
    for action, names in (
        ("put", ["value"]),
        ("take", []),
        ("dead", []),
        ("done", ["id", "token"]),
        ("back", ["id", "token"]),
    ):
        parameters = [ir.ParameterDecl(n, run.type(ANY)) for n in names]
        name = f"{node.name.id}.{action}"
        run.programs[f"{key}.{action}"] = ir.Program(
            f"{key}.{action}", name, "queue", parameters, run.type(ANY), argument=key, at=at
        )


def queue_tools(run: Lower, key: str) -> list[str]:
    """The programs by which a model uses a queue. It claims what is there, and waits for nothing."""
    queue = run.queues[key]
    any_, string, number = run.type(ANY), run.type(STRING), run.type(INT)
    item = [ir.ParameterDecl("id", string), ir.ParameterDecl("token", number)]
    found = []
    for action, doc, parameters in (
        ("put", "Add an item.", [ir.ParameterDecl("value", queue.type)]),
        ("claim", "Claim the oldest item: {value, id, token}, or null where there is none.", []),
        ("done", "A claimed item was handled.", item),
        ("back", "A claimed item was not handled, and is there for others again.", item),
    ):
        tool = f"{key}.tool.{action}"
        found.append(tool)
        run.programs[tool] = ir.Program(
            tool, f"{queue.name}_{action}", "queue", parameters, any_, argument=key, doc=doc, at=queue.at
        )
    return found


def taking(
    coglet: _Coglet,
    port: ir.Port,
    trigger: ir.Trigger,
    body: list[ir.Statement],
    error: str,
    handler: list[ir.Statement] | None,
) -> tuple[list[ir.Trigger], list[ir.Statement], str, list[ir.Statement]]:
    """A reaction to a queue's items: it takes `[value, id, token]`, and says what came of the item."""
    dead = port.kind == "dead_queue"
    channel = f"{ir.QUEUE}{port.name}{'.dead' if dead else ''}"
    coglet.queues.append(channel)
    plain = len(trigger.names) == 1 and not trigger.apart
    item = trigger.names[0] if plain else "item_"
    claim: list[ir.Expr | None] = [ir.Local("id_"), ir.Local("token_")]

    def say(action: str) -> ir.Statement:
        return ir.Evaluate(ir.Call(f"{port.name}.{action}", claim, True))

    typed: list[ir.Statement] = [ir.Let([item], ir.Check(ir.Local(item), coglet.run.queues[port.name].type))]
    if trigger.names and not plain:
        typed.append(ir.Let(trigger.names, ir.Local(item), trigger.apart))
    whole = [*typed, *body, say("done")]
    error = error or "error_"
    event = ir.Field(ir.Local(error), "event", True)
    again: list[ir.Statement] = [
        ir.Let(["id_"], ir.Index(event, ir.Const(1))),
        ir.Let(["token_"], ir.Index(event, ir.Const(2))),
        ir.Let([error], ir.Record([ir.Entry(ir.Local(error)), ir.Entry(ir.Index(event, ir.Const(0)), name="event")])),
    ]
    if handler is None:
        handler = [*again, say("back"), ir.Fail(ir.Local(error))]
    else:
        handler = [*again, *handler, say("done")]
    heard = ir.Trigger("port", [ir.Port("own_listen", channel)], [item, "id_", "token_"], True)
    return [heard], whole, error, handler

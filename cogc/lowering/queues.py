"""Lower queues: their programs, and the reactions that take items from them."""

from __future__ import annotations

import posixpath

import msgspec

from cogc import ir
from cogc.language.attributes import QUEUE_TOOLS
from cogc.language.types import ANY, INT, STRING, dead_item
from cogc.lowering.expressions import Lowering
from cogc.lowering.tables import Place, Tables
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.names.world import Declared


def lower_queue(tables: Tables, key: str) -> None:
    """Lower a queue, and the programs by which coglets use it."""
    declared = _declared(tables, key)
    node = declared.of(nodes.Queue)
    at = tables.at(declared.unit, node.name)
    tables.queues[key] = ir.Queue(
        key=key,
        name=node.name.id,
        type=tables.type(tables.type_of(node.type)),
        backend=node.backend.id,
        argument=node.argument.value if node.argument is not None else "",
        attributes=Lowering(tables, Place(declared.unit)).attributes("queue", node.attributes),
        folder=posixpath.dirname(declared.unit.path),
        at=at,
    )
    for action, names in (
        ("put", ["value"]),
        ("take", []),
        ("dead", []),
        ("done", ["id", "token"]),
        ("back", ["id", "token", "failure"]),
    ):
        parameters = [ir.ParameterDecl(n, tables.type(ANY)) for n in names]
        name = f"{node.name.id}.{action}"
        tables.programs[f"{key}.{action}"] = ir.Program(
            f"{key}.{action}", name, "queue", parameters, tables.type(ANY), argument=key, at=at
        )


def _declared(tables: Tables, key: str) -> Declared:
    """Return the declaration of a queue."""
    units = tables.world.units.values()
    queues = ((u, d) for u in units for d in u.declared.values() if d.kind == "queue")
    return next(d for u, d in queues if u.key(d.node.name.id) == key)


def queue_tools(tables: Tables, key: str) -> list[str]:
    """Add the programs by which a model uses a queue, and return their keys. A claim by a model does not wait for an item."""
    queue = tables.queues[key]
    any_, string, number = tables.type(ANY), tables.type(STRING), tables.type(INT)
    item = [ir.ParameterDecl("id", string), ir.ParameterDecl("token", number)]
    found = []
    taken: dict[str, list[ir.ParameterDecl]] = {"put": [ir.ParameterDecl("value", queue.type)], "claim": []}
    for action, doc in QUEUE_TOOLS.items():
        parameters = taken.get(action, item)
        tool = f"{key}.tool.{action}"
        found.append(tool)
        tables.programs[tool] = ir.Program(
            tool, f"{queue.name}_{action}", "queue", parameters, any_, argument=key, doc=doc, at=queue.at
        )
    return found


def claiming(tables: Tables, queue: ir.Queue, channel: str, trigger: ir.Trigger, by: ir.Expr | None) -> str:
    """Return the key of the program that claims the items for a reaction, in the order of the key `by` where there is one."""
    plain = channel.removeprefix(ir.QUEUE)
    if plain.endswith(".dead"):
        return plain
    if plain.endswith(".failed"):
        program = ir.Program(
            plain, f"{queue.name}.failed", "queue", [], tables.type(ANY), argument=queue.key, at=queue.at
        )
        tables.programs[plain] = program
        return plain
    take = tables.programs[f"{plain}.take"]
    assert take is not None
    if by is None:
        return take.key
    key = f"{plain}.by{sum(p is not None and p.by is not None for p in tables.programs.values()) + 1}.take"
    order = ir.ItemKey(trigger.names or ["_"], trigger.apart, by)
    tables.programs[key] = msgspec.structs.replace(take, key=key, by=order)
    return key


def taking(
    tables: Tables,
    queue: ir.Queue,
    channel: str,
    trigger: ir.Trigger,
    claims: str,
    body: list[ir.Statement],
    error: str,
    handler: list[ir.Statement] | None,
) -> tuple[list[ir.Trigger], list[ir.Statement], str, list[ir.Statement]]:
    """Return the triggers, body, error name and handler of a reaction that takes an item from a queue, which the program `claims` claims.

    The reaction takes `[value, id, token]` from the inbox `channel`, and settles the item at its end. Without a handler of the user's
    it gives the item back, with its failure, and fails its coglet with that.
    """
    plain = len(trigger.names) == 1 and not trigger.apart
    item = trigger.names[0] if plain else "item_"
    claim: list[ir.Expr | None] = [ir.Local("id_"), ir.Local("token_")]

    def say(action: str, *more: ir.Expr) -> ir.Statement:
        return ir.Evaluate(ir.Call(f"{queue.key}.{action}", [*claim, *more], True))

    wanted = queue.type
    if channel.endswith(".failed"):
        wanted = tables.type(dead_item(tables.type_of(_declared(tables, queue.key).of(nodes.Queue).type)))
    typed: list[ir.Statement] = [ir.Let([item], ir.Check(ir.Local(item), wanted))]
    if trigger.names and not plain:
        typed.append(ir.Let(trigger.names, ir.Local(item), trigger.apart))
        typed.append(ir.Let([ir.PIPED], ir.Local(item)))
    whole = [*typed, *body, say("done")]
    error = error or "error_"
    event = ir.Field(ir.Local(error), "event", True)
    again: list[ir.Statement] = [
        ir.Let(["id_"], ir.Index(event, ir.Const(1))),
        ir.Let(["token_"], ir.Index(event, ir.Const(2))),
        ir.Let([error], ir.Record([ir.Entry(ir.Local(error)), ir.Entry(ir.Index(event, ir.Const(0)), name="event")])),
    ]
    if handler is None:
        why = [ir.Entry(ir.Field(ir.Local(error), name, True), name=name) for name in ("kind", "message", "path")]
        why.append(ir.Entry(ir.Builtin("now"), name="at"))
        handler = [*again, say("back", ir.Record(why)), ir.Fail(ir.Local(error), again=True)]
    else:
        known = typed if trigger.names and ir.uses(handler, trigger.names) else []
        handler = [*again, *known, *handler, say("done")]
    heard = ir.Trigger("port", [ir.Port("own_listen", channel)], [item, "id_", "token_"], True, claims=claims)
    return [heard], whole, error, handler

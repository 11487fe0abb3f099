"""The exports of a file, as coglets: what a service creates for each call of a program, and a root for a file without one.

In: the declarations of a file that are marked `export`. Out: a part for each exported program, since agents, teams and
plans are coglets already, and an empty root for a service whose spec declares no coglet. `stdlib/forms/export.cog` has the members.
"""

from __future__ import annotations

from cogc.desugar import fill
from cogc.desugar.forms import export as form
from cogc.desugar.parts import Part, alias
from cogc.language.texts import MARK
from cogc.names.world import default_root, exports_of
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.names.world import Unit, World

SERVICE = "Service"
"""The name in traces for the root of a service whose spec declares no coglet."""


def parts_of(world: World, unit: Unit) -> list[Part]:
    """Return the coglets that the exports of a file need."""
    found = exports_of(unit)
    parts = [_program(world, unit, d.of(nodes.Program)) for d in found if d.kind == "program"]
    root = default_root(unit)
    if found and (root is None or root.kind not in ("coglet", "sett")):
        at = found[0].node.name
        empty = nodes.Coglet(at.start, at.end, at, (), (), None, form.service(at), "")
        parts.append(Part(unit, service_name(), empty, "export", shown=SERVICE))
    return parts


def part_name(declared: str) -> str:
    """Return the name of the coglet in which an exported program is called."""
    return f"{MARK}export {declared}"


def service_name() -> str:
    """Return the name of the root of a service whose spec declares no coglet."""
    return f"{MARK}service"


def _program(world: World, unit: Unit, node: nodes.Program) -> Part:
    at = node.name
    output = node.result or form.anything(at)
    arguments = tuple(nodes.Argument(at.start, at.end, None, fill.name(p.name.id, at)) for p in node.parameters)
    call = nodes.Call(at.start, at.end, fill.name(alias(world, unit, at.id, unit), at), arguments)
    members = form.program(at, output=output, call=call)
    own = nodes.Coglet(at.start, at.end, at, node.parameters, (), None, members, node.doc)
    return Part(unit, part_name(at.id), own, "export", shown=at.id)

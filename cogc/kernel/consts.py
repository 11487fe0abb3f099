"""The order in which the consts of a program are evaluated."""

from __future__ import annotations

from cogc import ir


def in_order(bundle: ir.Bundle) -> list[str]:
    """Return the keys of the consts of a program, each behind those that it uses; of a circle, the last one needs the first."""
    order: dict[str, None] = {}
    begun: set[str] = set()
    for first in bundle.consts:
        pending = [first]
        while pending:
            key = pending[-1]
            if key in begun:
                order[pending.pop()] = None
            else:
                begun.add(key)
                pending += sorted(_consts_in(bundle, bundle.consts[key]) - begun)
    return list(order)


def _consts_in(bundle: ir.Bundle, node: object) -> set[str]:
    """Return the consts that an expression uses, itself or in the programs that it calls."""
    found: set[str] = set()
    called: set[str] = set()
    pending = [node]
    while pending:
        for part in ir.parts(pending.pop()):
            if isinstance(part, ir.Global):
                found.add(part.key)
            elif isinstance(part, ir.Call) and part.program in bundle.programs and part.program not in called:
                called.add(part.program)
                pending.append(bundle.programs[part.program])
    return found & bundle.consts.keys()

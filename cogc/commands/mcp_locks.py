"""`cogc check --online`: ask MCP servers for their tools, and write the lock files beside the specs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import trio

from cogc import ir
from cogc.analysis.checked import Checked
from cogc.commands import interrupts
from cogc.diagnostics.problems import Problems
from cogc.disk.state_folder import write_whole
from cogc.kernel.unit import Unit
from cogc.language.values import Failure
from cogc.lowering.lower import Lower
from cogc.names.locks import path_of
from cogc.run.background import Background
from cogc.run.servers import Servers, Tools
from cogc.syntax import nodes


def write_locks(checked: Checked, problems: Problems) -> None:
    """Ask every MCP server that the files declare. A server that does not answer is a problem, and keeps its old
    lock."""
    declared = [
        (unit, node)
        for unit in checked.world.units.values()
        for node in unit.tree.declarations
        if isinstance(node, nodes.Mcp)
    ]
    if not declared:
        return
    run = Lower(checked)
    keys = [run.server(unit, node.name.id) for unit, node in declared]
    bundle = ir.Bundle(
        servers=run.tables.servers,
        consts={k: c for k, c in run.tables.consts.items() if c is not None},
        types=run.tables.types,
        named=run.tables.named,
    )
    found = interrupts.run(_ask, bundle)
    locks: dict[str, dict[str, Any]] = {}
    for (unit, node), key in zip(declared, keys, strict=True):
        tools = found[key]
        if isinstance(tools, Failure):
            problems.add("server-unreachable", unit.span(node.name), reason=tools.message)
            known = checked.world.locks.get(path_of(unit), {}).get(node.name.id)
        else:
            known = tools.usable
            for tool, reason in tools.left_out.items():
                problems.add("tool-left-out", unit.span(node.name), tool=tool, reason=reason)
        if known is not None:
            locks.setdefault(path_of(unit), {})[node.name.id] = {"tools": known}
    for path, servers in locks.items():
        write_whole(Path(path), json.dumps({"servers": servers}, indent=1, ensure_ascii=False) + "\n")


async def _ask(bundle: ir.Bundle) -> dict[str, Tools | Failure]:
    """Return the tools of each server by its key, or the Failure of a server that did not answer."""
    background, unit = Background(), Unit(bundle)
    servers = Servers(os.getcwd(), background)
    found: dict[str, Tools | Failure] = {}

    async def one(key: str) -> None:
        try:
            found[key] = await servers.tools((unit, key))
        except Failure as failure:
            found[key] = failure

    async with background.open(), trio.open_nursery() as nursery:
        for key in bundle.servers:
            nursery.start_soon(one, key)
    return found

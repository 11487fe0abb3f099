"""Locks: the tools of MCP servers, from the `cogc.lock.json` beside the spec that declares the servers.

`cogc check --online` writes the file; checks and programs that hand a whole server to a model read it. Its form is
`{"servers": {NAME: {"tools": {TOOL: {"description", "input", "output"?}}}}}`, the schemas being JSON Schemas.
"""

from __future__ import annotations

import posixpath

from cogc.diagnostics.source import read_error
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cogc.diagnostics.problems import Problems
    from cogc.diagnostics.source import Reader
    from cogc.names.world import Unit, World

    Tools = dict[str, dict[str, Any]]

NAME = "cogc.lock.json"


def path_of(unit: Unit) -> str:
    """Return the path of the lock for the servers of a file."""
    return posixpath.join(posixpath.dirname(unit.path), NAME)


def load_locks(world: World, read: Reader, problems: Problems) -> None:
    """Read the lock beside each file that declares a server; a missing lock is no mistake."""
    reasons: dict[str, str] = {}
    for unit in world.units.values():
        declared = [d for d in unit.tree.declarations if isinstance(d, nodes.Mcp)]
        path = path_of(unit)
        if not declared:
            continue
        if path not in world.locks:
            world.locks[path] = {}
            try:
                world.locks[path] = _servers(read(path))
            except FileNotFoundError:
                pass
            except (OSError, ValueError) as error:
                reasons[path] = read_error(error)
        if path in reasons:
            problems.add("unreadable-file", unit.span(declared[0].name), path=path, reason=reasons[path])


def _servers(data: bytes) -> dict[str, Any]:
    from json import loads

    found = loads(data)
    servers = found.get("servers") if isinstance(found, dict) else None
    if not isinstance(servers, dict):
        raise ValueError("it is no lock of MCP servers")
    for name, server in servers.items():
        tools = server.get("tools") if isinstance(server, dict) else None
        if not isinstance(tools, dict):
            raise _misfit(data, f"servers.{name}.tools", "an object", name)
        for tool, about in tools.items():
            _check_tool(data, f"servers.{name}.tools.{tool}", about, tool)
    return {name: server["tools"] for name, server in servers.items()}


def _check_tool(data: bytes, path: str, about: Any, name: str) -> None:
    """Raise ValueError for a tool that does not have the form of `grammar/lock.schema.json`."""
    if not isinstance(about, dict):
        raise _misfit(data, path, "an object", name)
    for key, kind, words in (
        ("description", str, "a text"),
        ("input", dict, "an object"),
        ("output", dict, "an object"),
    ):
        if (key in about or key == "input") and not isinstance(about.get(key), kind):
            raise _misfit(data, f"{path}.{key}", words, name)


def _misfit(data: bytes, path: str, wanted: str, name: str) -> ValueError:
    """Return the error for a part of a lock that does not fit, with the line on which its name stands first."""
    at = data.find(f'"{name}"'.encode())
    number = data.count(b"\n", 0, at) + 1
    line = f"line {number}: " if at >= 0 else ""
    return ValueError(f"{line}`{path}` is to be {wanted}; `cogc check --online` writes the lock anew")


def tools_of(world: World, unit: Unit, server: str) -> Tools | None:
    """Return the tools of a server that a file declares; None if they are not known."""
    found: Tools | None = world.locks.get(path_of(unit), {}).get(server)
    return found

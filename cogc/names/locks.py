"""Locks: the tools of MCP servers, from the `cogc.lock.json` beside the spec that declares the servers.

`cogc check --online` writes the file; checks and programs that hand a whole server to a model read it. Its form is
`{"servers": {NAME: {"tools": {TOOL: {"description", "input", "output"?}}}}}`, the schemas being JSON Schemas.
"""

from __future__ import annotations

import posixpath

from cogc.diagnostics.problems import Label
from cogc.diagnostics.source import Source, Span, decoded, read_error
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
    servers: dict[str, list[Span]] = {}
    for unit in world.units.values():
        declared = next((d for d in unit.tree.declarations if isinstance(d, nodes.Mcp)), None)
        if declared is not None:
            servers.setdefault(path_of(unit), []).append(unit.span(declared.name))
    for path, spans in servers.items():
        world.locks[path] = {}
        try:
            source = Source(path, decoded(read(path)))
            world.locks[path] = _servers(source)
        except FileNotFoundError:
            pass
        except _MisfitError as misfit:
            related = [Label(span, "the tools of this server are in it") for span in spans]
            help = "`cogc check --online` writes the lock anew"
            problems.add("unreadable-file", misfit.span, related=related, help=help, path=path, reason=str(misfit))
        except (OSError, ValueError) as error:
            for span in spans:
                problems.add("unreadable-file", span, path=path, reason=read_error(error))


class _MisfitError(Exception):
    """A part of a lock that is no JSON, or does not have the form of `grammar/lock.schema.json`."""

    def __init__(self, span: Span, reason: str) -> None:
        super().__init__(reason)
        self.span = span


def _servers(source: Source) -> dict[str, Any]:
    from json import JSONDecodeError, loads

    try:
        found = loads(source.text)
    except JSONDecodeError as error:
        raise _MisfitError(Span(source, error.pos, min(error.pos + 1, len(source.text))), error.msg.lower()) from None
    servers = found.get("servers") if isinstance(found, dict) else None
    if not isinstance(servers, dict):
        raise _MisfitError(Span(source, 0, 1), "it is no lock of MCP servers")
    for name, server in servers.items():
        tools = server.get("tools") if isinstance(server, dict) else None
        if not isinstance(tools, dict):
            raise _misfit(source, ("servers", name, "tools"), "an object")
        for tool, about in tools.items():
            _check_tool(source, ("servers", name, "tools", tool), about)
    return {name: server["tools"] for name, server in servers.items()}


def _check_tool(source: Source, path: tuple[str, ...], about: Any) -> None:
    """Raise an error for a tool that does not have the form of `grammar/lock.schema.json`."""
    if not isinstance(about, dict):
        raise _misfit(source, path, "an object")
    for key, kind, words in (
        ("description", str, "a text"),
        ("input", dict, "an object"),
        ("output", dict, "an object"),
    ):
        if (key in about or key == "input") and not isinstance(about.get(key), kind):
            raise _misfit(source, (*path, key), words)


def _misfit(source: Source, path: tuple[str, ...], wanted: str) -> _MisfitError:
    """Return the error for a part of a lock that does not fit, at its key; at the key around it, if it is missing."""
    return _MisfitError(_place(source, path), f"`{'.'.join(path)}` is to be {wanted}")


def _place(source: Source, path: tuple[str, ...]) -> Span:
    """Return the place of the last key of a path that is there, in a text that is JSON."""
    from json import JSONDecoder

    text, decode = source.text, JSONDecoder().raw_decode
    at, found = 0, Span(source, 0, 1)

    def blank(at: int) -> int:
        while text[at : at + 1] in (" ", "\t", "\r", "\n"):
            at += 1
        return at

    for wanted in path:
        at = blank(at)
        if text[at] != "{":
            break
        at = blank(at + 1)
        while text[at] != "}":
            start = at
            key, end = decode(text, at)
            at = blank(blank(end) + 1)  # behind the `:`
            if key == wanted:
                found = Span(source, start, end)
                break
            at = blank(decode(text, at)[1])
            at = blank(at + 1) if text[at] == "," else at
        else:
            break
    return found


def tools_of(world: World, unit: Unit, server: str) -> Tools | None:
    """Return the tools of a server that a file declares; None if they are not known."""
    found: Tools | None = world.locks.get(path_of(unit), {}).get(server)
    return found

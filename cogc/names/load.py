"""Files to units: read what was named, then whatever is imported, each once.

The reader is handed in, so that nothing here touches a disk. Cycles of imports are legal and simply stop.
"""

from __future__ import annotations

import posixpath

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import LIMIT_MB, Source, Span, decoded, normal, read_error
from cogc.names.world import World
from cogc.syntax import nodes
from cogc.syntax.parse import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.diagnostics.source import Reader
    from cogc.names.world import Kept, Parser, Unit

PRELUDE = "std/mixins.cog"
FORMS = "std/forms/"


def load(paths: list[str], read: Reader, problems: Problems, trees: Parser = parse, kept: Kept | None = None) -> World:
    """Return the world of these files, of all that they import, and of the standard mixins; no name is declared yet.

    `trees` makes the tree of a text; `kept` has the units and shapes of the last analysis of these files, if there was one.
    """
    world = World(read, trees, kept)
    for path in paths:
        unit = _unit(world, normal(path), read, problems, None)
        if unit is not None and unit not in world.roots:
            world.roots.append(unit)
    pending = list(world.units.values())
    while pending:
        pending += _imports(world, pending.pop(0), read, problems)
    world.prelude = _unit(world, PRELUDE, read, problems, None)
    if any(isinstance(d, nodes.Mcp) for unit in world.units.values() for d in unit.tree.declarations):
        from cogc.names.locks import load_locks  # start-up: for files with servers

        load_locks(world, read, problems)
    return world


def _imports(world: World, unit: Unit, read: Reader, problems: Problems) -> list[Unit]:
    """Load the imports of a unit, and return the units that are new."""
    new: list[Unit] = []
    for path, declaration in _imported(unit):
        known = path in world.units
        found = _unit(world, path, read, problems, unit.span(declaration.path))
        if found is not None and not known:
            new.append(found)
    return new


def _imported(unit: Unit) -> list[tuple[str, nodes.Import]]:
    """Return each import of a file with its path."""
    found = [d for d in unit.tree.declarations if isinstance(d, nodes.Import)]
    return [(import_path(unit.path, d.path.value), d) for d in found]


def groups(world: World) -> list[list[str]]:
    """Return the groups of files that reach each other through imports, with their locks, without the standard library.

    What is reported in a file depends on its group, and on no other file.
    """
    near: dict[str, list[str]] = {path: [] for path in world.units if not path.startswith("std/")}
    for path, others in near.items():
        for other, _ in _imported(world.units[path]):
            if other in near:
                others.append(other)
                near[other].append(path)
    found = connected(near)
    for members in found:
        units = [world.units[path] for path in members]
        if world.locks:
            from cogc.names.locks import path_of

            members += {path_of(u) for u in units if any(isinstance(d, nodes.Mcp) for d in u.tree.declarations)}
        members += dict.fromkeys(path for unit in units for path in unit.looked)
    return found


def connected(near: dict[str, list[str]]) -> list[list[str]]:
    """Return the parts of a graph that are connected, each as its nodes. `near` has the neighbours of each node."""
    found: list[list[str]] = []
    done: set[str] = set()
    for start in near:
        if start not in done:
            done.add(start)
            part = [start]
            for node in part:  # which grows
                new = [n for n in dict.fromkeys(near[node]) if n not in done]
                done.update(new)
                part += new
            found.append(part)
    return found


def import_path(importer: str, path: str) -> str:
    """Return the path of the file that an import names: `std/` is the standard library, any other path is relative."""
    if path.startswith("std/"):
        return path
    return normal(posixpath.join(posixpath.dirname(importer), path))


def _unit(world: World, path: str, read: Reader, problems: Problems, importer: Span | None) -> Unit | None:
    if path in world.units:
        return world.units[path]
    source = text_of(path, read, problems, importer)
    if source is None:
        return None
    tree = _tree(world, source, problems)
    id = _id(world, path)
    world.ids.add(id)
    unit = world.units[path] = world.kept.unit(source.path, source, tree, id)
    return unit


def _tree(world: World, source: Source, problems: Problems) -> nodes.File:
    """Return the tree of a file. That of the standard mixins, which every check needs, is kept in the package."""
    if source.path == PRELUDE:
        from cogc.names import prelude  # made by `make schemas`

        if source.text == prelude.TEXT:
            return prelude.tree()
    return world.parse(source, problems)


def _id(world: World, path: str) -> str:
    """Return the name of a file in a program: empty for the first one, else its path from there, without suffix.

    The suffix stays where another file has that name: `a.cog` and `a.yml` are two files.
    """
    if not world.units:
        return ""
    if not path.startswith("std/") and not posixpath.isabs(path):
        folder, name = posixpath.split(path)
        first = posixpath.dirname(next(iter(world.units)))
        path = (
            name if folder == first else posixpath.relpath(path, first or ".")
        )  # which asks for the working directory
    id, suffix = posixpath.splitext(path)
    while id in world.ids:
        id += suffix or "'"
    return id


_STANDARD = ("std/dod.cog", "std/judge.cog", "std/mixins.cog", "std/workflows.cog")


def _near_file(path: str) -> str | None:
    """Return the help for a file that is not there: one of the standard library is meant, or one that is there."""
    if not path.startswith("std/"):
        return f'write `import "std/{path}"`' if f"std/{path}" in _STANDARD else None
    from cogc.diagnostics.suggest import did_you_mean

    return did_you_mean(path if path.endswith(".cog") else f"{path}.cog", _STANDARD) or None


def text_of(path: str, read: Reader, problems: Problems, importer: Span | None = None) -> Source | None:
    """Read the text of a file; None and a diagnostic if that fails."""
    place = importer or Span(Source(path, ""), 0, 0)
    if path.startswith(FORMS):
        kind = posixpath.splitext(posixpath.basename(path))[0]
        reason = f"it is the form of which cogc makes each {kind}, and no spec"
        problems.add(
            "unreadable-file", place, help=f"declare `{kind} NAME`, which needs no import", path=path, reason=reason
        )
        return None
    if importer is not None and path.endswith((".py", ".pyi")):
        help = 'a function in Python is a program: `program NAME(x: int) -> int = python "MODULE:FUNCTION"`'
        problems.add("unreadable-file", place, help=help, path=path, reason="it is Python, and no spec")
        return None
    try:
        data = read(path)
    except IsADirectoryError:
        from cogc.syntax.parse_folder import read_folder

        return read_folder(path, read, problems, importer)
    except (OSError, ValueError) as error:
        problems.add("unreadable-file", place, help=_near_file(path), path=path, reason=read_error(error))
        return None
    if len(data) > LIMIT_MB << 20:
        problems.add("file-too-large", place, path=path, limit=LIMIT_MB)
        return None
    if b"\0" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        problems.add("no-text", place, path=path, reason="it holds NUL bytes")
        return None
    try:
        text = decoded(data)
    except UnicodeDecodeError as error:
        problems.add("no-text", place, path=path, reason=read_error(error))
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return Source(path, text)

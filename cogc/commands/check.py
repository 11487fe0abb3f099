"""`cogc check PATH...`: find the mistakes of specs. Exit code 0 without errors, 1 with, 2 for a wrong command line."""

from __future__ import annotations

import sys

from cogc.diagnostics import render
from cogc.diagnostics.source import Source, Span, normal
from cogc.disk.files import read, specs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from cogc.diagnostics.problems import Diagnostic
    from cogc.disk.cache import Cache

HELP = "find the mistakes of specs"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a spec, or a folder to look through")
    parser.add_argument(
        "--format", choices=("people", "text", "json"), help="default: for people in a terminal, else text"
    )
    parser.add_argument("--strict", action="store_true", help="warnings count as errors")
    parser.add_argument(
        "--no-cache", action="store_true", help="check files again that were clean and have not changed"
    )
    parser.add_argument(
        "--online", action="store_true", help="ask the MCP servers for their tools, and keep them in cogc.lock.json"
    )
    allow_imports(parser)


def allow_imports(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--allow-import", action="append", default=[], metavar="PKG", help="a package that Python programs may name"
    )


class Plain:
    """The options of a command line of paths alone."""

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths
        self.format: str | None = None
        self.strict = False
        self.no_cache = False
        self.online = False
        self.allow_import: list[str] = []


def run(options: Namespace | Plain) -> int:
    named: dict[str, None] = {}
    empty: list[str] = []
    for path in options.paths:
        found = [normal(p) for p in specs(path)]
        named.update(dict.fromkeys(found))
        if not found:
            empty.append(path)
    paths = list(named)
    allow = allowed(options.allow_import, paths)
    online = _online(paths, allow) if options.online else []
    cache = None if options.no_cache else _cache(allow)
    stale = cache.stale(paths) if cache else paths
    found_problems = (_check(stale, paths, empty, allow, cache) if stale or empty else []) + online
    show(found_problems, options.format, len(paths))
    errors = any(d.severity == "error" for d in found_problems)
    return 1 if errors or (options.strict and found_problems) else 0


def _online(paths: list[str], allow: frozenset[str]) -> list[Diagnostic]:
    """Write the locks of all servers anew; what kept one from being asked."""
    from cogc.analysis.checked import Options
    from cogc.commands.online import write_locks
    from cogc.compile import analyse
    from cogc.diagnostics.problems import Problems

    problems = Problems()
    checked = analyse(paths, read, Problems(), Options(allow))
    write_locks(checked, problems)
    return problems.sorted()


def _cache(allow: frozenset[str]) -> Cache | None:
    from cogc.disk.cache import Cache

    try:
        return Cache(allow, read)
    except OSError:  # the working directory is gone
        return None


def _check(
    stale: list[str], paths: list[str], empty: list[str], allow: frozenset[str], cache: Cache | None
) -> list[Diagnostic]:
    """Check what has changed, remember what was clean."""
    from cogc.analysis.checked import Options
    from cogc.compile import analyse
    from cogc.diagnostics.problems import Problems
    from cogc.names.load import groups

    problems = Problems()
    for path in empty:
        problems.add("no-spec", Span(Source(path, ""), 0, 0), path=path)
    checked = analyse(stale, read, problems, Options(allow))
    if cache and (more := cache.reached(checked.world.units)):
        return _check([p for p in paths if p in {*stale, *more}], paths, empty, allow, cache)
    if cache:
        found = {d.span.source.path for d in problems.found}
        cache.keep([group for group in groups(checked.world) if found.isdisjoint(group)], paths)
    return problems.sorted()


def show(found: list[Diagnostic], format: str | None, files: int) -> None:
    """Print diagnostics in the format asked for; people also get a last line that counts."""
    if format == "json":
        sys.stdout.write(render.json(found))
    elif format == "text" or (format is None and not sys.stdout.isatty()):
        sys.stdout.write(render.text(found))
        if format is None:
            sys.stdout.write(render.summary(found, files) + "\n")
    else:
        if found:
            render.people(found, sys.stdout)
        sys.stdout.write(render.summary(found, files) + "\n")


def allowed(given: list[str], paths: list[str]) -> frozenset[str]:
    """Packages allowed on the command line, and by `[tool.cogc] allow-imports` in the nearest pyproject.toml."""
    import os

    names = set(given)
    place = os.path.dirname(os.path.abspath(paths[0])) if paths else os.getcwd()
    while True:
        file = os.path.join(place, "pyproject.toml")
        if os.path.isfile(file):
            names.update(_from_pyproject(file))
            break
        parent = os.path.dirname(place)
        if parent == place:
            break
        place = parent
    return frozenset(names)


def _from_pyproject(file: str) -> list[str]:
    with open(file, "rb") as opened:
        data = opened.read()
    if b"tool.cogc" not in data:
        return []
    import tomllib

    try:
        table = tomllib.loads(data.decode()).get("tool", {}).get("cogc", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return []
    names = table.get("allow-imports", [])
    return [n for n in names if isinstance(n, str)] if isinstance(names, list) else []

"""`cogc check PATH...`: find the mistakes of specs, without running anything.

Files that were clean and have not changed since are not checked again.

Exit codes: 0 no errors; 1 errors (with --strict, warnings too); 2 the
command line is wrong.
"""

from __future__ import annotations

import sys

from cogc.commands import streams
from cogc.commands.packages import allow_imports, allowed
from cogc.diagnostics import render
from cogc.diagnostics.source import Source, Span, normal
from cogc.disk.files import read, specs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from cogc.diagnostics.problems import Diagnostic
    from cogc.disk.cache import Cache


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="path of a spec, or of a folder in which all specs are checked"
    )
    parser.add_argument(
        "--format",
        choices=("people", "text", "json"),
        help="format of the diagnostics: with source lines, one a line, or JSON (default: people in a terminal, else text)",
    )
    parser.add_argument("--strict", action="store_true", help="give exit code 1 for warnings too")
    parser.add_argument(
        "--no-cache", action="store_true", help="check all files, also those that were clean and have not changed"
    )
    parser.add_argument(
        "--online",
        action="store_true",
        help="ask the declared MCP servers for their tools, and write them to cogc.lock.json beside the spec",
    )
    parser.add_argument("--root", metavar="NAME", help="check also that a run of the first file can begin at NAME")
    allow_imports(parser)


class Plain:
    """The options of a command line of paths alone."""

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths
        self.format: str | None = None
        self.strict = False
        self.no_cache = False
        self.online = False
        self.root: str | None = None
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
    scripts = [path for path in options.paths if path.endswith(".py")]
    if scripts:
        from cogc.commands.usage import UsageError

        raise UsageError(f"`{scripts[0]}` is a script: `cogc run` runs it, and there is nothing in it to check")
    allow = allowed(options.allow_import, paths)
    online = _online(paths, allow) if options.online else []
    cache = None if options.no_cache or options.root else _cache(allow)
    stale = cache.stale(paths) if cache else paths
    found_problems = (_check(stale, paths, empty, allow, cache, options.root) if stale or empty else []) + online
    show(found_problems, options.format, len(paths))
    errors = any(d.severity == "error" for d in found_problems)
    return 1 if errors or (options.strict and found_problems) else 0


def _online(paths: list[str], allow: frozenset[str]) -> list[Diagnostic]:
    """Ask all MCP servers for their tools and write the lock files. Return a diagnostic for each server that did not
    answer."""
    # imports in functions of this module: a check of files that have not changed needs none of them (tests/test_layers.py)
    from cogc.analysis.checked import Options
    from cogc.commands.mcp_locks import write_locks
    from cogc.compile import analyse
    from cogc.diagnostics.problems import Problems

    problems = Problems()
    checked = analyse(paths, read, Problems(), Options(allow))
    write_locks(checked, problems)
    return problems.sorted()


def _cache(allow: frozenset[str]) -> Cache | None:
    """Return the memory of clean checks, or None if the working directory is gone."""
    from cogc.disk.cache import Cache

    try:
        return Cache(allow, read)
    except OSError:  # the working directory is gone
        return None


def _check(
    stale: list[str], paths: list[str], empty: list[str], allow: frozenset[str], cache: Cache | None, root: str | None
) -> list[Diagnostic]:
    """Check the files that have changed, and remember the clean ones."""
    from cogc.analysis.checked import Options
    from cogc.compile import analyse, check_root
    from cogc.diagnostics.problems import Problems
    from cogc.names.load import groups

    problems = Problems()
    for path in empty:
        problems.add("no-spec", Span(Source(path, ""), 0, 0), path=path)
    checked = analyse(stale, read, problems, Options(allow, smells=True))
    if cache and (more := cache.reached(checked.world.units)):
        return _check([p for p in paths if p in {*stale, *more}], paths, empty, allow, cache, root)
    if root is not None and checked.world.roots:
        check_root(checked, root)
    if cache:
        found = {d.span.source.path for d in problems.found}
        cache.keep([group for group in groups(checked.world) if found.isdisjoint(group)], paths)
    return problems.sorted()


def show(found: list[Diagnostic], format: str | None, files: int) -> None:
    """Print diagnostics in the wanted format. The formats for people end with a line that counts the diagnostics."""
    if format == "json":
        sys.stdout.write(render.json(found))
    elif format == "text" or (format is None and not sys.stdout.isatty()):
        sys.stdout.write(render.text(found))
        if format is None:
            sys.stdout.write(render.summary(found, files) + "\n")
    else:
        if found:
            render.people(found, streams.terminal(sys.stdout))
        sys.stdout.write(render.summary(found, files) + "\n")

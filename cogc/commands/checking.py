"""One check of files: which files, with which settings, what it reports, and how that is shown.

`cogc check` starts through this module, so that it imports nothing heavy.
"""

from __future__ import annotations

import os
import sys

from cogc.commands import streams
from cogc.commands.configuration import selection, settings_for
from cogc.diagnostics.selection import OFF
from cogc.diagnostics.source import Source, Span, normal
from cogc.disk.files import read, specs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from typing import Any

    from cogc.analysis.checked import Options
    from cogc.commands.many import Part
    from cogc.diagnostics.problems import Diagnostic, Problems
    from cogc.diagnostics.selection import Selection
    from cogc.disk.cache import Cache

FORMATS = ("people", "text", "json", "github", "sarif", "junit", "rdjson")
STDIN = "<stdin>"
_OF_DURABLE = ("no-snapshot", "not-resumed")
"""The rules that `--durable` asks for."""
_MANY = 100
"""The number of files from which on several processes are faster than one."""


class Plain:
    """The options of a command line of paths alone."""

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths
        self.format: str | None = None
        self.stdin_filename: str | None = None
        self.root: str | None = None
        self.allow_import: list[str] = []
        self.fix = self.unsafe_fixes = self.diff = False
        self.strict = self.strict_commands = self.durable = self.no_cache = self.online = self.verbose = False


class Check:
    """One check: its files, its settings, and what it reports.

    `stdin` is the path that the text on stdin has, `text` is that text.
    """

    def __init__(self, options: Namespace | Plain) -> None:
        self.options = options
        self.stdin: str | None = None
        self.text = b""
        self.empty: list[str] = []
        named: dict[str, None] = {}
        for path in options.paths:
            found = [self._stdin()] if path == "-" else [normal(p) for p in specs(path)]
            named.update(dict.fromkeys(found))
            if not found:
                self.empty.append(path)
        self.paths = list(named)
        scripts = [path for path in options.paths if path.endswith(".py")]
        if scripts:
            from cogc.commands.usage import UsageError

            raise UsageError(f"`{scripts[0]}` is a script: `cogc run` runs it, and there is nothing in it to check")
        self.project = settings_for([p for p in self.paths if p != STDIN])
        self.allow = frozenset([*options.allow_import, *self.project.allow_import])
        asked = {"missing-command": options.strict_commands, **dict.fromkeys(_OF_DURABLE, options.durable)}
        more = frozenset(slug for slug, wanted in asked.items() if wanted)
        self.chosen = selection(self.project, more)

    def _stdin(self) -> str:
        """Read the spec on stdin. Return the path that it has."""
        if self.stdin is None:
            self.text = streams.read_stdin()
            given = self.options.stdin_filename
            self.stdin = normal(given) if given else STDIN
        return self.stdin

    def read(self, path: str) -> bytes:
        """Return the bytes of a file, or those of stdin for its path."""
        return self.text if path == self.stdin else read(path)

    def settings(self) -> Options:
        """Return the settings of the analysis."""
        return options_of(self.chosen, self.allow)

    @property
    def _asks_for_more(self) -> bool:
        """Return whether rules are asked for that are off by default: what the memory of clean checks knows does not answer them."""
        return bool(OFF - self.chosen.left_out)

    def reported(self, problems: Problems) -> list[Diagnostic]:
        """Return those diagnostics of an analysis that the project wants to hear of."""
        return self.chosen.chosen(problems.sorted())

    def found(self) -> list[Diagnostic]:
        """Check all files. Return the diagnostics in their order."""
        online = self._online() if self.options.online else []
        outside = self.options.root or self.stdin is not None or self._asks_for_more
        cache = None if self.options.no_cache or outside else self._cache()
        stale = cache.stale(self.paths) if cache else self.paths
        found = self._check(stale, cache) if stale or self.empty or self.project.path else []
        return found + online

    def _check(self, stale: list[str], cache: Cache | None) -> list[Diagnostic]:
        """Check the files that have changed, and remember the clean ones."""
        # imports in functions of this module: a check of files that have not changed needs none of them (tests/test_layers.py)
        from cogc.commands.configuration import report
        from cogc.diagnostics.problems import Problems

        problems = Problems()
        report(self.project, problems)
        for path in self.empty:
            problems.add("no-spec", Span(Source(path, ""), 0, 0), path=path)
        if not stale:
            return problems.sorted()
        found, groups, units = self._checked(stale, cache)
        if cache and (more := cache.reached(units)):
            again = {*stale, *more}
            return self._check([p for p in self.paths if p in again], cache)
        problems.found += found
        found = self.reported(problems)
        if cache:
            wrong = {d.span.source.path for d in found}
            cache.keep([group for group in groups if wrong.isdisjoint(group)], self.paths)
        return found

    def _checked(self, stale: list[str], cache: Cache | None) -> Part:
        """Check files, many of them in several processes."""
        from cogc.compile import analyse, check_root
        from cogc.diagnostics.problems import Problems
        from cogc.names.load import groups

        read, settings, root = cache.read if cache else self.read, self.settings(), self.options.root

        def check(paths: list[str]) -> Part:
            problems = Problems()
            checked = analyse(paths, read, problems, settings)
            if root is not None and checked.world.roots:
                check_root(checked, root)
            met = dict.fromkeys([*checked.world.units, *(d.span.source.path for d in problems.found)])
            return problems.found, groups(checked.world), list(met)

        if len(stale) < _MANY or root is not None:
            return check(stale)
        from cogc.commands.many import in_processes

        return in_processes(stale, self.read, check, cache)

    def answer_formats(self) -> list[str]:
        """Return how each model of the files is asked for its answer, a line each."""
        from cogc.commands.answer_formats import answer_formats
        from cogc.compile import analyse
        from cogc.diagnostics.problems import Problems

        return list(answer_formats(analyse(self.paths, self.read, Problems(), self.settings())))

    def _online(self) -> list[Diagnostic]:
        """Ask all MCP servers for their tools and write the lock files. Return a diagnostic for each server that did not
        answer."""
        from cogc.commands.mcp_locks import write_locks
        from cogc.compile import analyse
        from cogc.diagnostics.problems import Problems

        problems = Problems()
        checked = analyse(self.paths, self.read, Problems(), self.settings())
        write_locks(checked, problems)
        return problems.sorted()

    def _cache(self) -> Cache | None:
        """Return the memory of clean checks, or None if the working directory is gone."""
        from cogc.disk.cache import Cache

        stamp = [self.project.stamp()] if self.project.path else []
        try:
            return Cache([*self.allow, *stamp], read)
        except OSError:  # the working directory is gone
            return None

    def finish(self, found: list[Diagnostic]) -> int:
        """Show the diagnostics, and return the exit code."""
        show(found, self.options.format, self.paths, self.strict)
        return self.code(found)

    @property
    def strict(self) -> bool:
        return bool(self.options.strict or self.project.strict)

    def code(self, found: list[Diagnostic]) -> int:
        """Return the exit code for some diagnostics."""
        return 1 if any(d.severity == "error" for d in found) or (self.strict and found) else 0


def options_of(chosen: Selection, allow: frozenset[str]) -> Options:
    """Return the settings of an analysis for the rules that are to be reported and the modules that are allowed."""
    from cogc.analysis.checked import Options

    has_command = None if "missing-command" in chosen.left_out else _has_command
    return Options(allow, smells=True, has_command=has_command, durable=not chosen.left_out.issuperset(_OF_DURABLE))


def _has_command(name: str) -> bool:
    """Return whether a command is on the PATH."""
    from shutil import which

    return which(name) is not None


def show(found: list[Diagnostic], format: str | None, paths: list[str], strict: bool = False) -> None:
    """Print diagnostics in the wanted format. The formats for people end with a line that counts the diagnostics."""
    out = sys.stdout
    if format is None and os.environ.get("GITHUB_ACTIONS") == "true":
        format = "github"
    if format in ("github", "sarif", "junit", "rdjson"):
        _show_to_service(found, format, paths, strict)
        return
    counts = format == "people" or format is None
    if found or not counts:
        _show_in_full(found, format, out)
    if counts:
        out.write(summary(found, len(paths)) + "\n")


def _show_in_full(found: list[Diagnostic], format: str | None, out: Any) -> None:
    """Print diagnostics as JSON, as lines, or for people."""
    from cogc.diagnostics import render  # start-up: a clean check shows none

    if format == "json":
        out.write(render.json(found))
    elif format == "text" or (format is None and not out.isatty()):
        out.write(render.text(found))
    else:
        render.people(found, streams.terminal(out))


def summary(found: list[Diagnostic], files: int) -> str:
    """Return one line: the number of errors and warnings, and of files."""
    errors = sum(d.severity == "error" for d in found)
    warnings = len(found) - errors
    parts = [_count(n, word) for n, word in ((errors, "error"), (warnings, "warning")) if n]
    return f"{' and '.join(parts) or 'no problems'} in {_count(files, 'file')}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _show_to_service(found: list[Diagnostic], format: str, paths: list[str], strict: bool) -> None:
    """Print diagnostics in a form that a service reads."""
    from cogc import __version__
    from cogc.diagnostics import formats

    if format == "github":
        sys.stdout.write(formats.github(found, os.environ.get("GITHUB_WORKSPACE", "")))
    elif format == "sarif":
        sys.stdout.write(formats.sarif(found, __version__, _page, os.environ.get("GITHUB_WORKSPACE", "")))
    elif format == "junit":
        sys.stdout.write(formats.junit(found, paths, strict))
    else:
        sys.stdout.write(formats.rdjson(found))


def _page(code: str, slug: str) -> str:
    """Return the page of a code, or an empty text where the pages are not installed."""
    from cogc.disk.resources import place

    try:
        with open(place("specs", "codes", f"{code}-{slug}.md"), encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""

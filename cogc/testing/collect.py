"""The tests below some paths: which files have any, and the suites that they become."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cogc.analysis.checked import Options
from cogc.compile import analyse
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source, Span, normal
from cogc.disk.files import specs
from cogc.lowering.tests import Scenario, Suite, Test, lower_tests
from cogc.syntax import nodes

_HAS_TESTS = re.compile(rb'^\s*(test|scenario)\s*"|^tests:|^scenarios:', re.MULTILINE)

if TYPE_CHECKING:
    from cogc.diagnostics.source import Reader


@dataclass(frozen=True, slots=True)
class Collected:
    """The suites of the files with tests, in their order."""

    suites: tuple[Suite, ...]

    @property
    def tests(self) -> list[tuple[Suite, Test]]:
        return [(s, t) for s in self.suites for t in s.tests]

    @property
    def scenarios(self) -> list[tuple[Suite, Scenario]]:
        return [(s, c) for s in self.suites for c in s.scenarios]


def files(paths: list[str], read: Reader, problems: Problems) -> list[str]:
    """Return the files with tests: each file that is named, and what has a test in the folders that are."""
    found: dict[str, None] = {}
    for path in paths:
        below = [normal(p) for p in specs(path)]
        if not below:
            problems.add("no-spec", Span(Source(path, ""), 0, 0), path=path)
        for file in below:
            if below == [normal(path)] or _has_tests(file, read):
                found[file] = None
    return list(found)


def _has_tests(path: str, read: Reader) -> bool:
    try:
        return _HAS_TESTS.search(read(path)) is not None
    except OSError:
        return False


def collect(
    paths: list[str],
    read: Reader,
    problems: Problems,
    allowed: Callable[[list[str]], frozenset[str]],
    whole: bool = False,
) -> Collected:
    """Return the tests of some paths. With `whole` the programs have what no test uses too. Whoever calls this looks for errors among the problems first."""
    found = files(paths, read, problems)
    if not found:
        return Collected(())
    checked = analyse(found, read, problems, Options(allowed(found)))
    if problems.errors:
        return Collected(())
    units = [
        u for u in checked.world.roots if any(isinstance(n, nodes.Test | nodes.Scenario) for n in u.tree.declarations)
    ]
    return Collected(tuple(lower_tests(checked, u, whole) for u in units))

"""Python modules from outside of the spec's folder: any other package must be allowed by name.

The rule imports nothing. By its name a module of the spec's folder looks like any other, so that only the modules of the
standard library are refused here. A module that does not exist is reported when the program runs.
"""

from __future__ import annotations

import sys

from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked


def foreign_module(checked: Checked) -> None:
    """Report a program or coglet in Python whose module is not allowed."""
    for unit in checked.world.units.values():
        if unit.path.startswith("std/"):
            continue
        paths = [e.argument for e in unit.all(nodes.Executor) if e.kind.id == "python"]
        for path in (*paths, *(c.path for c in unit.all(nodes.PythonClass))):
            if not isinstance(path, nodes.Text):
                continue
            package = path.value.partition(":")[0].partition(".")[0]
            if package in sys.stdlib_module_names and package not in checked.options.allow_imports:
                checked.problems.add("foreign-module", unit.span(path), name=package)

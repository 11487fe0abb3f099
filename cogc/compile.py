"""The pipe in one place: `analyse` takes files to a checked world, `program` takes that to a bundle that runs.

    paths -> load -> declare -> expand -> complete -> check -> rules -> lower -> ir.Bundle
             names/  names/     desugar/  names/      analysis/ checks/  lowering/

Each stage returns whatever the files say; mistakes go into `Problems`.
"""

from __future__ import annotations

from cogc import checks
from cogc.analysis.check import check
from cogc.analysis.checked import Checked, Options
from cogc.desugar.expand import expand
from cogc.diagnostics.problems import MARK, Problems
from cogc.diagnostics.source import Span
from cogc.diagnostics.suggest import did_you_mean
from cogc.names.complete import complete
from cogc.names.declare import declare
from cogc.names.load import load
from cogc.names.world import ARTICLES, Declared, default_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc import ir
    from cogc.analysis.memory import Memory
    from cogc.diagnostics.source import Reader
    from cogc.names.world import Shape


def analyse(
    paths: list[str], read: Reader, problems: Problems, options: Options | None = None, memory: Memory | None = None
) -> Checked:
    """Check files that belong together: read them, find out what their names and expressions mean, apply the rules.

    Who analyses the same files again and again hands in a memory, which takes over what has not changed.
    """
    if memory is None:
        world = load(paths, read, problems)
    else:
        world = load(paths, read, problems, memory.trees.parse, memory.kept)
    if problems.found and (options is None or not options.hidden):
        from cogc.names.broken import watch  # for files that could not be read as a whole

        watch(world, problems)
    declare(world, problems)
    expand(world)
    complete(world, problems)
    if memory is not None:
        memory.begin(world)
    checked = check(world, problems, options or Options(), memory)
    checks.apply(checked)
    marked = [u.source for u in world.units.values() if not u.is_std and MARK in u.source.text]
    if marked:
        from cogc.diagnostics.ignores import leave_out  # for files with such a comment

        leave_out(marked, problems, checked.options.smells)
    if memory is not None:
        memory.end(world)
    return checked


def program(checked: Checked, root: str | None, served: bool = False) -> ir.Bundle | None:
    """Return the program that starts at `root`, or None and a problem if there is none.

    The default is `Main`, else the only coglet of the file, else its only sett, plan, team or agent. A spec
    that exports something and declares no coglet is served with an empty root.
    """
    from cogc.lowering.lower import lower
    from cogc.lowering.setts import lower_sett

    service = _service(checked) if served and not root else None
    found = service or check_root(checked, root)
    if found is None:
        return None
    bundle = lower_sett(checked, found) if isinstance(found, Declared) else lower(checked, found.key)
    return None if checked.problems.errors else bundle


def _service(checked: Checked) -> Shape | None:
    """Return the empty root of a file that exports something and declares no coglet."""
    from cogc.desugar.exports import service_name  # few files export anything

    unit = checked.world.roots[0]
    return checked.world.shapes.get(unit.key(service_name()))


_RUNNABLE = ("coglet", "agent", "team", "plan", "dod", "queue", "sett")
"""The kinds of declarations that can be the root of a run."""


def check_root(checked: Checked, name: str | None) -> Shape | Declared | None:
    """Return the shape of the coglet that a run begins at, or the declaration of a sett, or None and a problem."""
    unit = checked.world.roots[0]
    declared = checked.world.lookup(unit, name) if name else default_root(unit)
    if declared is not None and declared.kind == "sett":
        return declared
    if declared is not None and declared.kind in ("coglet", "agent", "dod", "plan", "team", "queue"):
        from cogc.analysis.declarations import check_usable  # start-up: a check has no root

        check_usable(checked, declared.unit, declared.node.name, declared)
        return checked.world.shape(declared)
    span = Span(unit.source, 0, 0)
    if declared is not None:
        article = ARTICLES[declared.kind]
        checked.problems.add("wrong-kind", declared.span(), name=name or "", found=article, wanted="a coglet")
        return None
    could_run = [n for n, d in unit.declared.items() if d.kind in _RUNNABLE]
    if name:
        checked.problems.add("unknown-coglet", span, help=did_you_mean(name, could_run), name=name)
    else:
        several = ", ".join(f"`{n}`" for n in could_run)
        known = f"name one with `--root NAME`: {several}" if several else "declare `coglet Main { ... }`"
        checked.problems.add("no-root", span, known=known)
    return None

"""Definitions of done that prove nothing or cannot be met: all criteria are off, one wants more than 100 percent, two conflict."""

from __future__ import annotations

from cogc.checks import bounds
from cogc.desugar import dods
from cogc.diagnostics.problems import Label
from cogc.syntax import nodes, spell as cog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.names.world import Unit


def hopeless_dod(checked: Checked) -> None:
    """Report definitions of done that no work can meet."""
    for unit in checked.world.roots:
        for declared in unit.declared.values():
            if declared.kind == "dod":
                _look(checked, unit, declared.of(nodes.Dod))


def _look(checked: Checked, unit: Unit, node: nodes.Dod) -> None:
    problems, name = checked.problems, node.name.id
    criteria = dods.criteria_of(checked.world, unit, node)
    twice = len({c.key.id for c in node.criteria}) < len(node.criteria)
    if criteria and not twice and all(dods.word(c) == "off" for c in criteria.values()):
        why = "every criterion is off, so that nothing is shown"
        problems.add("hopeless-dod", unit.span(node.name), name=name, why=why)
    _exclusive(checked, unit, node, criteria)
    commands: dict[str, tuple[nodes.Name, set[int]]] = {}
    for key, c in criteria.items():
        most = _more_than_there_is(c)
        if most:
            problems.add("hopeless-dod", unit.span(c.key), name=name, why=f"`{key}` {most}")
        if isinstance(c, nodes.Command) and c.executor.kind.id == "shell":
            words, ok = cog.expression(c.executor.argument), _ok(c)  # type: ignore[arg-type]
            before = commands.setdefault(words, (c.key, ok))
            if before[0] is not c.key and ok and before[1].isdisjoint(ok):
                related = [Label(unit.span(before[0]), "the same command is here")]
                why = f"`{before[0].id}` and `{key}` want the same command to end differently"
                problems.add("hopeless-dod", unit.span(c.key), related=related, name=name, why=why)


def _exclusive(checked: Checked, unit: Unit, node: nodes.Dod, criteria: dict[str, dods.Criterion]) -> None:
    """Report conditions of criteria that exclude each other, as `len(work) < 20` and `len(work) > 30`."""
    compared = [c for c in criteria.values() if isinstance(c, nodes.Attribute) and dods.word(c) == "expr"]
    if len(compared) < 2:
        return
    scopes = {id(condition): scope for condition, scope in checked.tables.conditions}
    known: list[bounds.Fact] = []
    for c in compared:
        scope = scopes.get(id(c.value))
        if scope is None or scope.unit is not unit:  # of a definition in another file
            continue
        facts = [f for part, op in bounds.all_of(c.value) if (f := bounds.fact_of(checked, scope, part, op))]  # type: ignore[arg-type]
        if bounds.clash(facts):
            continue  # reported as a condition with one outcome
        if bounds.clash([*known, *facts]):
            why = f"`{c.key.id}` excludes a criterion before it"
            checked.problems.add("hopeless-dod", unit.span(c), name=node.name.id, why=why)
        else:
            known += facts


def _more_than_there_is(criterion: dods.Criterion) -> str:
    if dods.word(criterion) == "coverage" and isinstance(criterion, nodes.Attribute):
        least = getattr(getattr(criterion.value, "right", None), "value", None)
        if isinstance(least, int | float) and least > 100:
            return f"asks for {least:g} of 100 percent"
    if isinstance(criterion, nodes.Judge):
        least = getattr(criterion.threshold, "value", None)
        if isinstance(least, int | float) and least > 1:
            return f"asks for a score of {least:g}, and 1 is the highest"
    return ""


def _ok(criterion: nodes.Command) -> set[int]:
    """Return the exit codes that a command may end with; an empty set if they are not literals."""
    for a in criterion.executor.attributes:
        if a.key.id == "ok":
            items = a.value.items if isinstance(a.value, nodes.ListLiteral) else ()
            found = [getattr(i, "value", None) for i in items]
            return {v for v in found if isinstance(v, int)} if all(isinstance(v, int) for v in found) else set()
    return {0}

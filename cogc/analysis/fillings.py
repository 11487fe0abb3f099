"""The parts of plans, teams and definitions of done that the user has written: tasks, conditions, words of commands, ...

These are what fills the holes of the forms. They are analysed here, at their own places; the coglets that the forms make
of them are analysed only when they are lowered (`analysis/check.py`), since nothing else in those is the user's.
Each part is analysed in the scope of the coglet that it goes into, so that its names mean the same in both.
"""

from __future__ import annotations

from cogc.analysis import reports
from cogc.analysis.attribute_check import check_block, kind_type, reference
from cogc.analysis.ranges import check_range
from cogc.analysis.scope import Scope, Symbol
from cogc.desugar import dods, plans
from cogc.desugar.fill import name_at
from cogc.desugar.teams import attributes_of
from cogc.diagnostics.edits import Edit
from cogc.diagnostics.source import Span, looks_like_yaml
from cogc.language import types
from cogc.language.attributes import ATTRIBUTES
from cogc.language.closed import assert_never
from cogc.language.types import ANY, FLOAT, INT, STRING
from cogc.names.lower_type import lower_type
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.diagnostics.problems import Diagnostic, Problems
    from cogc.names.world import Unit, World


def _inside(checked: Checked, unit: Unit, name: str, outside: Scope) -> Scope:
    """Return the scope of a reaction in an expanded coglet; if there is none, the scope of its declaration."""
    shape = checked.world.shapes.get(unit.key(name))
    scope = outside.inner() if shape is None else Scope(checked.world, unit, shape)
    scope.waits = True
    return scope


def _is_text(
    world: World, unit: Unit, extended: plans.ExtendedPlan, node: nodes.Expr, results: dict[str, Symbol]
) -> bool:
    """Return whether an expression of no known type is the name of a step whose result is never a bool: the answer of an agent without
    an `output`, or null."""
    written = extended.steps.get(node.id) if isinstance(node, nodes.Name) else None
    if (
        written is None
        or results[written.node.name.id].type != ANY
        or written.node.by is None
        or written.unit is not unit
    ):
        return False
    declared = world.lookup(unit, written.node.by.text)
    if declared is None or declared.kind != "agent":
        return False
    given = {a.key.id for a in (*declared.of(nodes.Agent).attributes, *written.node.attributes)}
    return given.isdisjoint(("output", "hand_off", "dod"))


def step_parts(
    checked: Checked,
    unit: Unit,
    plan: nodes.Plan,
    extended: plans.ExtendedPlan,
    order: plans.Order,
    step: nodes.Step,
    scope: Scope,
    results: dict[str, Symbol],
) -> None:
    """Check the condition and task of a step. They see the plan's parameters, `goal`, and the results of earlier steps.

    `results` are those of all steps (`step_results`), which are made once for the whole plan.
    """
    inner = _inside(checked, unit, f"{plan.name.id} {step.name.id}", scope)
    parameters = {p.name.id: p for p in extended.parameters}
    inner.bind("goal", STRING)
    inner.locals.update({name: results[name] for name in order.before(step)})
    if step.name.id in parameters:
        checked.problems.add("duplicate-name", unit.span(step.name), name=step.name.id)
    reported = len(checked.problems.found)
    if step.condition is not None:
        checked.inference.condition(step.condition, inner)
        if _is_text(checked.world, unit, extended, step.condition, results):
            reports.no_condition(checked.problems, step.condition, STRING, inner)
    if step.by is not None:
        told = inner.inner()
        told.files = True
        checked.inference.check(
            step.task, told, kind_type(checked.world, "content"), "a task is a text, or what else a model reads"
        )
    else:
        checked.inference.infer(step.task, inner)
    _unordered(checked.problems, unit, step, results, order, reported)


def _unordered(
    problems: Problems, unit: Unit, step: nodes.Step, results: dict[str, Symbol], order: plans.Order, since: int
) -> None:
    """Say of names that were reported as unknown that they are steps, which this one does not come after."""

    def is_step(found: Diagnostic) -> bool:
        name = found.span.text
        return found.slug in ("unknown-name", "unknown-variable") and name in results and name != step.name.id

    taken = problems.take_out(since, is_step)
    if any(a.id not in results for a in step.after) or order.is_before(step.name.id, step.name.id):
        return  # reported; it may come after any step
    for found in taken:
        name = found.span.text
        if order.is_before(step.name.id, name):
            help = f"`{name}` comes after this step: use its result in a step behind it"
            problems.add("unordered-step", found.span, help=help, step=step.name.id, name=name)
        else:
            help = f"write `after {name}` behind its name and agent"
            problems.add(
                "unordered-step", found.span, help=help, edits=_after(unit, step, name), step=step.name.id, name=name
            )


def _after(unit: Unit, step: nodes.Step, name: str) -> tuple[Edit, ...]:
    """Return the edit that lets a step come after another one, in the cog notation."""
    if looks_like_yaml(unit.path, unit.source.text):
        return ()
    before = step.after[-1] if step.after else step.by or step.name
    words = f", {name}" if step.after else f" after {name}"
    return (Edit(Span(unit.source, before.end, before.end), words),)


def team_parts(checked: Checked, unit: Unit, team: nodes.Team, scope: Scope) -> None:
    """Check the numbers of workers, and the initial value of a shared record."""
    given = {k: a.value for k, a in attributes_of(team).items()}
    workers = given.get("workers")
    if isinstance(workers, nodes.ListLiteral) and not workers.items:
        wrong, right = "has no workers", "name them: `workers: [A, B]`"
        checked.problems.add("bad-executor", unit.span(workers), name=team.name.id, wrong=wrong, right=right)
    for item in workers.items if isinstance(workers, nodes.ListLiteral) else ():
        if isinstance(item, nodes.Binary) and item.operator == "*":
            checked.inference.check(item.right, scope, INT)
    shared = given.get("shared")
    if shared is not None and (name := nodes.qualified_text(shared)):
        at = (shared.start, shared.end)
        node = nodes.TypeName(*at, nodes.Qualified(*at, (nodes.Name(*at, name),)))
        initial = given.get("initial") or nodes.RecordLiteral(*at, ())
        known = checked.world.lookup(unit, name)
        if known is not None and known.kind == "type" and id(known.node) not in checked.world.doubled:
            if not isinstance(
                types.expand(checked.world.named_types[known.unit.key(known.node.name.id)]), types.RecordOf
            ):
                hint, shown = "the members of a team share one record", f"`{name}`"
                checked.problems.add(
                    "wrong-type", unit.span(shared), found=shown.strip("`"), wanted="a record", hint=hint
                )
                return
            wanted = lower_type(checked.world, unit, node, checked.problems)
            checked.inference.check(initial, scope, wanted)  # type: ignore[arg-type]


def criterion_parts(checked: Checked, unit: Unit, dod: nodes.Dod, criterion: dods.Criterion, scope: Scope) -> None:
    """Check the words of a command, the question and threshold of a judge, and the attributes of both."""
    inner = _inside(checked, unit, dod.name.id, scope)
    infer = checked.inference
    match criterion:
        case nodes.Command(executor=executor):
            kind = f"{executor.kind.id} criterion"
            known = tuple(a for a in executor.attributes if a.key.id in ATTRIBUTES[kind])
            check_block(known, kind, criterion.key, inner, infer)
            for word in executor.argument.items if isinstance(executor.argument, nodes.ListLiteral) else ():
                infer.infer(word, inner, STRING)
        case nodes.Judge(model=model, question=question, threshold=threshold):
            reference(name_at(model), ["model"], inner, infer)
            infer.check(question, inner, STRING)
            if threshold is not None:
                infer.check(threshold, inner, FLOAT)
                check_range("score", threshold, inner, infer, FLOAT)
        case nodes.Attribute(value=nodes.Binary(operator=">=", left=nodes.Name(id="coverage"), right=least)):
            infer.check(least, inner, FLOAT)
            check_range("coverage", least, inner, infer, FLOAT)
            if isinstance(least, nodes.Literal) and isinstance(least.value, float) and 0 < least.value < 1:
                help, span = f"write `{least.value * 100:g}`", inner.unit.span(least)
                checked.problems.add(
                    "out-of-range", span, help=help, name="coverage", wanted="in percent, not a fraction"
                )
        case nodes.Attribute(value=nodes.Call(function=nodes.Name(id="human"), arguments=arguments)):
            for argument in arguments:
                infer.check(argument.value, inner, STRING)
        case nodes.Attribute():
            pass
        case _:
            assert_never(criterion)

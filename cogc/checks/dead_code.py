"""Code without an effect, and words that say nothing: conditions with one outcome, things that stand twice, settings without a use."""

from __future__ import annotations

import re
from operator import eq, ge, gt, le, lt, ne

from cogc.analysis.ranges import known_value
from cogc.checks import bounds
from cogc.checks.common import extended_plans_and_dods, own_shapes, sound_units
from cogc.checks.words import Vocabulary
from cogc.diagnostics.edits import removal
from cogc.syntax import nodes
from cogc.syntax.depth import parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cogc.analysis.checked import Checked
    from cogc.analysis.scope import Scope
    from cogc.checks.bounds import Compared, Fact
    from cogc.names.world import Shape, Unit

_COMPARED = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}


def dead_code(checked: Checked) -> None:
    """Report conditions that are decided, and parts of a spec without an effect."""
    units = dict.fromkeys(sound_units(checked))  # whether a file is among them is asked for each of its parts
    extended = extended_plans_and_dods(checked)
    vocabulary = Vocabulary(checked.world)
    first = {id(c) for unit in units for c in _first_conditions(unit)}
    for tested, scope, what, outcome in checked.tables.hopeless_tests:
        if scope.unit in units and (outcome != "true" or id(tested) in first):
            checked.problems.add("one-outcome", scope.unit.span(tested), what=what, outcome=outcome)
    # the parts of conditions that were reported; a step that can never begin is a report of its own
    inside = {id(s.condition) for u in units for s in u.all(nodes.Step) if isinstance(s.condition, nodes.Literal)}
    for condition, scope in sorted(checked.tables.conditions, key=lambda c: c[0].start - c[0].end):
        if scope.unit in units and id(condition) not in inside and _condition(checked, condition, scope):
            inside.update(id(n) for n in nodes.walk(condition))
    scopes = {id(c): s for c, s in checked.tables.conditions}
    for unit in units:
        if unit.all(nodes.If):
            _nested(checked, unit, scopes, inside)
        for binary in unit.all(nodes.Binary):
            if binary.operator in _COMPARED:
                _same(checked, unit, binary)
        for test in unit.all(nodes.Test):
            if not any(_expects(n) for n in nodes.walk(test)):
                checked.problems.add("no-expectation", unit.span(test.name))
        for dod in unit.all(nodes.Dod):
            if id(dod) not in extended:
                _loops(checked, unit, dod)
        for create in unit.all(nodes.Create):
            low = create.count.low if create.count is not None and create.count.high is None else None
            if create.count is not None and isinstance(low, nodes.Literal) and low.value == 0:
                why = "no member is ever created; a pool that grows is `* 0..N`"
                checked.problems.add("no-effect", unit.span(create.count.low), what="this child", why=why)
        for source in (*(f.source for f in unit.all(nodes.For)), *(f.source for f in unit.all(nodes.ForEach))):
            if isinstance(source, nodes.ListLiteral) and not source.items:
                checked.problems.add("no-effect", unit.span(source), what="this `for`", why="the list is empty")
    for shape in own_shapes(checked):
        if shape.unit in units and isinstance(shape.node, nodes.Coglet):
            _coglet(checked, shape, vocabulary)


def _first_conditions(unit: Unit) -> list[nodes.Expr]:
    """Return the conditions that no other condition has narrowed a type for: of guards, and of an `if` that is no `else if`."""
    chained = {id(i.otherwise) for i in unit.all(nodes.If)}
    guards = [m.value for m in unit.all(nodes.Modifier) if m.kind == "when"]
    return [*guards, *(i.condition for i in unit.all(nodes.If) if id(i) not in chained)]


def _expects(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Expect | nodes.ExpectTrace) or (
        isinstance(node, nodes.Run) and node.until is not None
    )


def _loops(checked: Checked, unit: Unit, dod: nodes.Dod) -> None:
    """Report a number of loops where nobody mends anything, in a definition that no other one extends."""
    given = {c.key.id: c for c in dod.criteria if isinstance(c, nodes.Attribute)}
    if "max_loops" in given and "fix" not in given and dod.extends is None:
        why = "without `fix` nothing is done again"
        loops = given["max_loops"]
        edits = removal(unit.source, loops.start, loops.end)
        checked.problems.add("no-effect", unit.span(loops.key), edits=edits, what="`max_loops`", why=why)


def _coglet(checked: Checked, shape: Shape, vocabulary: Vocabulary) -> None:
    unit = shape.unit
    reactions = [m for m in shape.node.members if isinstance(m, nodes.Reaction)]
    _twice(checked, unit, reactions)
    for reaction in reactions:
        _twice(checked, unit, reaction.triggers)
        for trigger in reaction.triggers:
            if isinstance(trigger, nodes.On) and isinstance(trigger.source, nodes.Call):
                _twice(checked, unit, [a.value for a in trigger.source.arguments])
            elif isinstance(trigger, nodes.Every) and trigger.ticks and not vocabulary.has(unit, "tick"):
                what, why = "a count of ticks", "nothing ticks: give the command, `guide self.tick()`"
                checked.problems.add("no-effect", unit.span(trigger), what=what, why=why)
    grown = {g.pool.id for g in unit.within(nodes.Grow, shape.node)}
    for member in shape.node.members:
        count = member.count if isinstance(member, nodes.Create) else None
        if isinstance(member, nodes.Create) and count is not None and count.high is not None:
            if isinstance(count.low, nodes.Literal) and count.low.value == 0 and member.name.id not in grown:
                what, why = "this pool", f"no member is ever created: write `create {member.name.id}()` in a reaction"
                checked.problems.add("no-effect", unit.span(member.name), what=what, why=why)
    supervise = next((m for m in shape.node.members if isinstance(m, nodes.Supervise)), None)
    if supervise is not None and not shape.children:
        edits, why = removal(unit.source, supervise.start, supervise.end, supervise.doc), "this coglet has no children"
        checked.problems.add("no-effect", unit.span(supervise), edits=edits, what="`supervise`", why=why)


def _twice(checked: Checked, unit: Unit, members: Sequence[nodes.Node]) -> None:
    """Report parts that stand for a second time, word by word."""
    seen: set[str] = set()
    for part in members if len(members) > 1 else ():
        text = _without_blanks(unit.text(part))
        if text in seen:
            edits = removal(unit.source, part.start, part.end, getattr(part, "doc", ""))
            checked.problems.add("said-twice", unit.span(part), edits=edits)
        seen.add(text)


def _without_blanks(text: str) -> str:
    """Return a text without its blanks, except in strings and between two words."""
    pieces = re.split(r'("(?:[^"\\\n]|\\.)*")', text)
    pieces[::2] = [re.sub(r"\s+(?!\w)|(?<!\w)\s+", "", re.sub(r"\s+", " ", p)) for p in pieces[::2]]
    return "".join(pieces)


# ---- conditions ----------------------------------------------------------------------------------------------


def _condition(checked: Checked, node: nodes.Expr, scope: Scope) -> bool:
    """Report a condition that is decided, and return whether it is."""
    value = _value(checked, node, scope)
    if not isinstance(value, bool):
        value = None
        if isinstance(node, nodes.Binary) and node.operator in ("and", "or"):
            decides = node.operator == "or"
            compared = bounds.none_of(node) if decides else bounds.all_of(node)
            if bounds.exclude(checked, scope, compared) or _opposed(scope.unit, node, node.operator):
                value = decides
        elif isinstance(node, nodes.Binary) and node.operator in _COMPARED:
            value = False if bounds.exclude(checked, scope, bounds.all_of(node)) else None
            value = True if bounds.exclude(checked, scope, bounds.none_of(node)) else value
    if value is None:
        return False
    checked.problems.add("one-outcome", scope.unit.span(node), what="this", outcome="true" if value else "false")
    return True


def _value(checked: Checked, node: nodes.Expr, scope: Scope) -> object:
    """Return the value that a condition always has, None if it has none that is known."""
    if isinstance(node, nodes.Binary) and node.operator in ("and", "or"):
        values = [_value(checked, part, scope) for part in parts(node, node.operator)]
        decides = node.operator == "or"
        if any(value is decides for value in values):
            return decides
        return not decides if all(value is (not decides) for value in values) else None
    if isinstance(node, nodes.Unary) and node.operator == "not":
        inner = _value(checked, node.operand, scope)
        return not inner if isinstance(inner, bool) else None
    if isinstance(node, nodes.Literal):
        return node.value
    if isinstance(node, nodes.Binary) and node.operator in _COMPARED:
        named = [n for n in (node.left, node.right) if isinstance(n, nodes.Name | nodes.Field)]
        left, right = (None if named else bounds.number_of(checked, n, scope) for n in (node.left, node.right))
        return None if left is None or right is None else _COMPARED[node.operator](left, right)
    if isinstance(node, nodes.Name):
        symbol = checked.tables.symbols.get(id(node))
        if symbol is not None and symbol.kind == "const":
            return known_value(node, scope, checked.inference)
    return None


def _same(checked: Checked, unit: Unit, node: nodes.Binary) -> None:
    """Report a comparison of an expression with itself."""
    left, right = (unit.text(n) for n in (node.left, node.right))
    if left == right and not any(isinstance(n, nodes.Call) for n in nodes.walk(node)):
        if not isinstance(node.left, nodes.Literal | nodes.Text):
            outcome = "true" if node.operator in ("==", "<=", ">=") else "false"
            what = f"a comparison of `{left}` with itself"
            checked.problems.add("one-outcome", unit.span(node), what=what, outcome=outcome)


def _opposed(unit: Unit, node: nodes.Expr, operator: str) -> bool:
    """Return whether a part of a condition stands there without a `not` and with one."""
    plain: set[str] = set()
    opposed: set[str] = set()
    for part in parts(node, operator):
        is_not = isinstance(part, nodes.Unary) and part.operator == "not"
        bare = part.operand if isinstance(part, nodes.Unary) and is_not else part
        if not any(isinstance(n, nodes.Call | nodes.Try) for n in nodes.walk(bare)):
            (opposed if is_not else plain).add(_without_blanks(unit.text(bare)))
    return not plain.isdisjoint(opposed)


# ---- conditions inside of others -----------------------------------------------------------------------------


_MOST_KNOWN = 32
"""How many comparisons around an `if` are looked at, so that a long chain of branches costs linear time."""


def _nested(checked: Checked, unit: Unit, scopes: dict[int, Scope], inside: set[int]) -> None:
    """Report the conditions of an `if` that the conditions around it, or those of the branches before it, decide.

    `scopes` are those of all conditions, `inside` the parts of those that were reported.
    """
    members: list[nodes.Reaction | nodes.Enact] = [*unit.all(nodes.Reaction), *unit.all(nodes.Enact)]
    for reaction in members:
        if not isinstance(reaction.body, nodes.Block):
            continue
        known: list[Fact] = []
        for m in reaction.modifiers:
            scope = scopes.get(id(m.value)) if m.kind == "when" else None
            if scope is not None:
                known += _lasting(checked, scope, bounds.all_of(m.value))
        _block(checked, unit, reaction.body, known, scopes, inside)


def _block(
    checked: Checked, unit: Unit, block: nodes.Block, known: list[Fact], scopes: dict[int, Scope], inside: set[int]
) -> None:
    for statement in block.statements:
        if isinstance(statement, nodes.For):
            _block(checked, unit, statement.body, known, scopes, inside)
        branch: nodes.Block | nodes.If | None = statement if isinstance(statement, nodes.If) else None
        before = known
        seen: set[object] = set()  # a branch that repeats another one is a report of its own
        while isinstance(branch, nodes.If):
            condition, scope = branch.condition, scopes.get(id(branch.condition))
            then, otherwise = before, before
            if scope is not None:
                holds, fails = _both(checked, scope, condition)
                again = (tuple(holds), tuple(fails))
                if before and id(condition) not in inside and (holds or fails) and again not in seen:
                    _decided(checked, unit, condition, (holds, fails), before)
                seen.add(again)
                then, otherwise = [*before, *holds][-_MOST_KNOWN:], [*before, *fails][-_MOST_KNOWN:]
            _block(checked, unit, branch.then, then, scopes, inside)
            before, branch = otherwise, branch.otherwise
        if isinstance(branch, nodes.Block):
            _block(checked, unit, branch, before, scopes, inside)


def _both(checked: Checked, scope: Scope, condition: nodes.Expr) -> tuple[list[Fact], list[Fact]]:
    """Return the facts where a condition holds, and those where it does not."""
    if isinstance(condition, nodes.Binary) and condition.operator in bounds.NEGATED:
        holds = _lasting(checked, scope, [(condition, condition.operator)])
        return holds, [(key, bounds.NEGATED[operator], said, length) for key, operator, said, length in holds]
    if not isinstance(condition, nodes.Binary):
        return [], []
    return _lasting(checked, scope, bounds.all_of(condition)), _lasting(checked, scope, bounds.none_of(condition))


def _lasting(checked: Checked, scope: Scope, compared: list[Compared]) -> list[Fact]:
    """Return what comparisons say of what never changes: of messages, locals and parameters, not of states."""
    found = []
    for part, operator in compared:
        fact = bounds.fact_of(checked, scope, part, operator)
        if fact is None:
            continue
        names = (
            [part.left]
            if isinstance(part.left, nodes.Name) and isinstance(part.right, nodes.Literal)
            else nodes.walk(part)
        )
        symbols = [checked.tables.symbols.get(id(n)) for n in names if isinstance(n, nodes.Name)]
        if all(s is None or s.kind in _LASTING for s in symbols):
            found.append(fact)
    return found


_LASTING = ("local", "parameter", "const", "function")
"""The kinds of names that keep their value in a body."""


def _decided(
    checked: Checked, unit: Unit, node: nodes.Expr, sides: tuple[list[Fact], list[Fact]], known: list[Fact]
) -> None:
    """Report a condition that what is known before it decides; `sides` say what holds with it, and what holds without it."""
    for facts, outcome in zip(sides, ("false", "true"), strict=True):
        keys = {f[0] for f in facts}
        near = [f for f in known if f[0] in keys]
        if near and bounds.clash([*near, *facts]):
            if bounds.clash(near) or _is_reported(checked, unit, node):
                return
            what = "this, by the conditions before it,"
            checked.problems.add("one-outcome", unit.span(node), what=what, outcome=outcome)
            return


def _is_reported(checked: Checked, unit: Unit, node: nodes.Expr) -> bool:
    """Return whether something was reported inside of a condition."""
    return any(d.span.source is unit.source and node.start <= d.span.start < node.end for d in checked.problems.found)

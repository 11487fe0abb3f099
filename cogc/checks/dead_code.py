"""Code without an effect, and words that say nothing: conditions with one outcome, things that stand twice, settings without a use."""

from __future__ import annotations

import math
import re
from operator import eq, ge, gt, le, lt, ne

from cogc.analysis.ranges import known_value
from cogc.checks.common import own_shapes, sound_units
from cogc.checks.words import Vocabulary
from cogc.diagnostics.edits import removal
from cogc.syntax import nodes
from cogc.syntax.depth import parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cogc.analysis.checked import Checked
    from cogc.analysis.scope import Scope
    from cogc.names.world import Shape, Unit

    Range = tuple[float, float, bool, bool]

_COMPARED = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
_NEGATED = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "=="}


def dead_code(checked: Checked) -> None:
    """Report conditions that are decided, and parts of a spec without an effect."""
    units = dict.fromkeys(sound_units(checked))  # whether a file is among them is asked for each of its parts
    dods = [d for u in checked.world.units.values() for d in u.all(nodes.Dod)]
    extended = {d.extends.text.rpartition(".")[2] for d in dods if d.extends is not None}
    vocabulary = Vocabulary(checked.world)
    first = {id(c) for unit in units for c in _first_conditions(unit)}
    for tested, scope, what, outcome in checked.tables.hopeless_tests:
        if scope.unit in units and (outcome == "false" or id(tested) in first):
            checked.problems.add("one-outcome", scope.unit.span(tested), what=what, outcome=outcome)
    # the parts of conditions that were reported; a step that can never begin is a report of its own
    inside = {id(s.condition) for u in units for s in u.all(nodes.Step) if isinstance(s.condition, nodes.Literal)}
    for condition, scope in sorted(checked.tables.conditions, key=lambda c: c[0].start - c[0].end):
        if scope.unit in units and id(condition) not in inside and _condition(checked, condition, scope):
            inside.update(id(n) for n in nodes.walk(condition))
    for unit in units:
        for binary in unit.all(nodes.Binary):
            if binary.operator in _COMPARED:
                _same(checked, unit, binary)
        for test in unit.all(nodes.Test):
            if not any(_expects(n) for n in nodes.walk(test)):
                checked.problems.add("no-expectation", unit.span(test.name))
        for dod in unit.all(nodes.Dod):
            _loops(checked, unit, dod, extended)
        for create in unit.all(nodes.Create):
            if create.count is not None and create.count.high is None and _number(create.count.low) == 0:
                why = "no member is ever created; a pool that grows is `* 0..N`"
                checked.problems.add("no-effect", unit.span(create.count.low), what="this child", why=why)
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


def _loops(checked: Checked, unit: Unit, dod: nodes.Dod, extended: set[str]) -> None:
    """Report a number of loops where nobody mends anything, unless the definition is one of the `extended`."""
    given = {c.key.id: c for c in dod.criteria if isinstance(c, nodes.Attribute)}
    if "max_loops" in given and "fix" not in given and dod.extends is None and dod.name.id not in extended:
        why = "without `fix` nothing is done again"
        loops = given["max_loops"]
        edits = removal(unit.source, loops.start, loops.end)
        checked.problems.add("no-effect", unit.span(loops.key), edits=edits, what="`max_loops`", why=why)


def _coglet(checked: Checked, shape: Shape, vocabulary: Vocabulary) -> None:
    unit = shape.unit
    reactions = [m for m in shape.node.members if isinstance(m, nodes.Reaction)]
    _twice(checked, unit, reactions)
    for reaction in reactions:
        for trigger in reaction.triggers:
            if isinstance(trigger, nodes.On) and isinstance(trigger.source, nodes.Call):
                _twice(checked, unit, [a.value for a in trigger.source.arguments])
            elif isinstance(trigger, nodes.Every) and trigger.ticks and not vocabulary.has(unit, "tick"):
                what, why = "a count of ticks", "nothing ticks: give the command, `guide self.tick()`"
                checked.problems.add("no-effect", unit.span(trigger), what=what, why=why)
    supervise = next((m for m in shape.node.members if isinstance(m, nodes.Supervise)), None)
    if supervise is not None and not shape.children:
        edits, why = removal(unit.source, supervise.start, supervise.end, supervise.doc), "this coglet has no children"
        checked.problems.add("no-effect", unit.span(supervise), edits=edits, what="`supervise`", why=why)


def _twice(checked: Checked, unit: Unit, members: Sequence[nodes.Node]) -> None:
    """Report parts that stand for a second time, word by word."""
    seen: set[str] = set()
    for part in members:
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
        value = False if _contradicts(scope.unit, node) else True if _is_certain(scope.unit, node) else None
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
        left, right = _number(node.left), _number(node.right)
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


def _contradicts(unit: Unit, node: nodes.Expr) -> bool:
    """Return whether parts of a condition that must hold together cannot: bounds without a number between, two values."""
    return _exclude(unit, [(p, p.operator) for p in parts(node, "and") if isinstance(p, nodes.Binary)])


def _is_certain(unit: Unit, node: nodes.Expr) -> bool:
    """Return whether one of the parts of a condition always holds: they cannot all be false together."""
    compared = [p for p in parts(node, "or") if isinstance(p, nodes.Binary) and p.operator in _NEGATED]
    return _exclude(unit, [(p, _NEGATED[p.operator]) for p in compared])


def _exclude(unit: Unit, compared: list[tuple[nodes.Binary, str]]) -> bool:
    """Return whether comparisons, each read with an operator, exclude each other."""
    ranges: dict[str, Range] = {}
    words: dict[str, object] = {}
    for part, operator in compared:
        if operator not in _TURNED:
            continue
        name, value = part.left, part.right
        if isinstance(name, nodes.Literal | nodes.Text):
            name, operator, value = value, _TURNED[operator], name
        is_length = _is_length(name)
        if not is_length and any(isinstance(n, nodes.Call) for n in nodes.walk(name)):
            continue
        key = unit.text(name)
        if isinstance(value, nodes.Text) and not value.template and operator == "==":
            if words.setdefault(key, value.value) != value.value:
                return True
        number = _number(value)
        if number is not None:
            least = 0 if is_length else -math.inf
            ranges[key] = _narrowed(ranges.get(key, (least, math.inf, False, False)), operator, number)
            low, high, above, below = ranges[key]
            if low > high or (low == high and (above or below)):
                return True
    return False


def _is_length(node: nodes.Expr) -> bool:
    """Return whether an expression is `len(x)` of a name or a path, which is never less than 0."""
    is_call = isinstance(node, nodes.Call) and isinstance(node.function, nodes.Name) and node.function.id == "len"
    return is_call and sum(isinstance(n, nodes.Call) for n in nodes.walk(node)) == 1


def _number(node: nodes.Expr) -> float | None:
    if isinstance(node, nodes.Unary) and node.operator == "-":
        inner = _number(node.operand)
        return None if inner is None else -inner
    if isinstance(node, nodes.Literal) and node.kind in ("int", "float", "duration"):
        return float(node.value)  # type: ignore[arg-type]
    return None


def _narrowed(before: Range, operator: str, number: float) -> Range:
    """Return a range, as low, high and whether each end is left out, behind one comparison."""
    low, high, above, below = before
    if operator in (">", ">=", "==") and (number > low or (number == low and operator == ">")):
        low, above = number, operator == ">"
    if operator in ("<", "<=", "==") and (number < high or (number == high and operator == "<")):
        high, below = number, operator == "<"
    return low, high, above, below

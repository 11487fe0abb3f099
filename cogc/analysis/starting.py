"""Go through a program's start with the values that are known before it.

A start evaluates the constants, then creates the root: its parameters, its states, its children with their counts and
arguments, and so on downwards; then it arms the timers. `check_starts` takes the same way twice. First it visits every
coglet and mixin that the user wrote with all parameters unknown, and finds what fails in any program. Then it creates
the file's `Main`, with the defaults of its parameters, and each child with the arguments that it gets, as far as their
values are known; this finds what fails for those values: a pool of `n` members where a parent gives -1 for `n`.

What an `Evaluator` does not know is left out, and what depends on it. The bodies of agents, teams, plans and definitions
of done are not entered: their values come from attributes, which have their own checks.
"""

from __future__ import annotations

from cogc.analysis import reports
from cogc.analysis.constant import Evaluator
from cogc.analysis.outcomes import Unknown, Wrong
from cogc.analysis.scope import Scope
from cogc.diagnostics.problems import Label
from cogc.language import types
from cogc.language.limits import outside, outside_pool
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cogc.analysis.checked import Checked
    from cogc.analysis.constant import Known
    from cogc.diagnostics.source import Span
    from cogc.language.types import Type
    from cogc.names.world import Member, Parameter, Shape, Unit

VISITS = 300
DEPTH = 30
ITEMS = 20
_UNKNOWN = object()


def check_consts(checked: Checked, units: list[Unit]) -> None:
    """Evaluate the constants of files and of coglets; report those that fail, and each cycle once."""
    for unit in units:
        for node in unit.declared.values():
            if isinstance(node.node, nodes.Const):
                _const(checked, unit, node.node, None)
    for shape in checked.world.shapes.values():
        for member in shape.consts.values():
            if member.owner is shape and shape.unit in units and isinstance(member.node, nodes.Const):
                _const(checked, shape.unit, member.node, shape)


def _const(checked: Checked, unit: Unit, node: nodes.Const, shape: Shape | None) -> None:
    scope = Scope(checked.world, unit, shape, states=False)
    try:
        Evaluator(checked.inference, scope).const(node, unit, shape)
    except Unknown:
        return
    except Wrong as wrong:
        _report(checked, wrong)


def _report(checked: Checked, wrong: Wrong, created: Span | None = None) -> None:
    related = [Label(created, "for the values that are given here")] if created is not None else []
    reports.failing(checked.world, checked.problems, wrong, related)


def check_starts(checked: Checked, shapes: list[Shape]) -> None:
    """Visit each coglet and mixin by itself, then the way from `Main` downwards."""
    for shape in shapes:
        if shape.declared in ("coglet", "mixin"):
            _Start(checked, {}, None).visit(shape)
    visited: set[str] = set()
    for unit in checked.world.roots:
        main = checked.world.shapes.get(unit.key("Main"))
        if main is not None and main.declared == "coglet":
            start = _Start(checked, {}, visited)
            start.defaults(list(main.parameters.values()), main)
            start.visit(main)


class _Start:
    """The creation of one coglet. `known` are its parameters, `visited` the creations so far (None: children are not entered)."""

    def __init__(
        self, checked: Checked, known: Known, visited: set[str] | None, depth: int = 0, created: Span | None = None
    ) -> None:
        self.checked = checked
        self.known = known
        self.visited = visited
        self.depth = depth
        self.created = created
        self._scopes: dict[int, Scope] = {}

    def evaluator(self, owner: Shape) -> Evaluator:
        scope = self._scopes.get(id(owner))
        if scope is None:
            scope = self._scopes[id(owner)] = Scope(self.checked.world, owner.unit, owner, states=False)
        return Evaluator(self.checked.inference, scope, self.known)

    def value(self, node: nodes.Expr, at: Evaluator, wanted: Type) -> Any:
        """Return the value of an expression, or `_UNKNOWN`; report an expression that fails."""
        try:
            return at.value(node, wanted)
        except Wrong as wrong:
            _report(self.checked, wrong, self.created)
        except Unknown:
            pass
        return _UNKNOWN

    def defaults(self, parameters: list[Parameter], shape: Shape) -> None:
        """Make the defaults known of the parameters that were not given."""
        for p in parameters:
            if id(p.node) not in self.known and p.default is not None:
                found = self.value(p.default, self.evaluator(shape), p.type)
                if found is not _UNKNOWN:
                    self.known[id(p.node)] = found

    def visit(self, shape: Shape) -> None:
        """Evaluate everything that the creation and the start of a coglet evaluate."""
        if self.visited is None:
            for p in shape.parameters.values():
                if p.default is not None:
                    self.value(p.default, self.evaluator(shape), p.type)
        for use in shape.mixins:
            if use.node is not None and use.node.arguments:
                self._given(use.node.arguments, use.shape, self.evaluator(use.owner))
            if self.visited is not None:
                self.defaults(list(use.shape.parameters.values()), use.shape)
        for state in shape.states.values():
            self.value(state.node.value, self.evaluator(state.owner), state.type)
        for child in shape.children.values():
            self._child(child)
        for reaction in shape.reactions:
            for trigger in reaction.node.triggers:
                if isinstance(trigger, nodes.Every) and not isinstance(trigger.period, nodes.Literal):
                    self._period(reaction, trigger)

    def _given(self, arguments: tuple[nodes.Argument, ...], target: Shape, at: Evaluator) -> Known:
        """Evaluate the arguments of a coglet or mixin, whose parameters become known."""
        given: Known = {}
        if not arguments:
            return given
        parameters = list(target.parameters.values())
        by_name = {p.name: p for p in parameters}
        for i, a in enumerate(arguments):
            p = by_name.get(a.name.id) if a.name else parameters[i] if i < len(parameters) else None
            if p is not None:
                found = self.value(a.value, at, p.type)
                given[id(p.node)] = found
        self.known |= {k: v for k, v in given.items() if v is not _UNKNOWN}
        return given

    def _period(self, reaction: Member, trigger: nodes.Every) -> None:
        wanted = types.INT if trigger.ticks else types.DURATION
        found = self.value(trigger.period, self.evaluator(reaction.owner), wanted)
        words = "" if found is _UNKNOWN else outside("every", found)
        if words:
            self._outside(reaction.owner.unit, trigger.period, "every", words)

    def _outside(self, unit: Unit, node: nodes.Node, name: str, wanted: str) -> None:
        related = [Label(self.created, "for the values that are given here")] if self.created is not None else []
        self.checked.problems.add("out-of-range", unit.span(node), related=related, name=name, wanted=wanted)

    # ---- children ------------------------------------------------------------------------------------------

    def _child(self, member: Member) -> None:
        node: nodes.Create = member.node
        at = self.evaluator(member.owner)
        if node.for_each is None:
            if self._members(member, node, at):
                self._create(member, node, at)
            return
        source = self.value(node.for_each.source, at, types.ListOf(types.ANY))
        for item in [] if source is _UNKNOWN else source[:ITEMS]:
            self._create(member, node, at.with_({node.for_each.name.id: item}))

    def _members(self, member: Member, node: nodes.Create, at: Evaluator) -> bool:
        """Return whether a child has members at the start, as far as its count is known."""
        if node.count is None:
            return True
        low = self.value(node.count.low, at, types.INT)
        high = self.value(node.count.high, at, types.INT) if node.count.high is not None else None
        if _UNKNOWN in (low, high):
            return low is not _UNKNOWN and low > 0
        words = outside_pool(low, high)
        if words:
            place = node.count.low if high is None else node.count
            unit = member.owner.unit
            text = unit.source.text[node.count.low.start : (node.count.high or node.count.low).end]
            self._outside(unit, place, f"* {text}", words)
        return not words and low > 0

    def _create(self, member: Member, node: nodes.Create, at: Evaluator) -> None:
        """Create a child with the arguments that are known, once for equal ones."""
        if member.target is None or (self.visited is None and not node.arguments):
            return
        start = _Start(self.checked, dict(at.known), None, self.depth + 1, self.created)
        given = start._given(node.arguments, member.target, at)
        if (
            self.visited is None
            or self.depth > DEPTH
            or len(self.visited) > VISITS
            or member.target.declared != "coglet"
        ):
            return
        own = {k: v for k, v in given.items() if v is not _UNKNOWN}
        parameters = [p for p in member.target.parameters.values() if id(p.node) not in given]
        created = member.owner.unit.span(node.coglet) if not member.owner.unit.is_std else self.created
        inner = _Start(self.checked, own, self.visited, self.depth + 1, created if own else None)
        inner.defaults(parameters, member.target)
        key = repr((member.target.key, sorted((str(k), repr(v)) for k, v in inner.known.items())))
        if key not in self.visited:
            self.visited.add(key)
            inner.visit(member.target)

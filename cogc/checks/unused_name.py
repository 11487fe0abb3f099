"""Names that nothing uses: states, values of a body, parameters, constants, models, coglets, queues, imports.

A name counts as used if its word stands anywhere else where it can be seen, also in a template or in the tests beside
the file: so nothing that is used is ever reported. A file without a `Main` is a library, whose declarations are there for
others. The states of a mixin are there for its coglets.
"""

from __future__ import annotations

import re
from collections import Counter

from cogc.checks.common import extended_plans_and_dods, own_shapes, sound_units
from cogc.checks.words import Vocabulary
from cogc.diagnostics.edits import Edit, removal
from cogc.diagnostics.source import Span
from cogc.names.load import import_path
from cogc.names.world import exports_of
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.diagnostics.edits import Applicability
    from cogc.names.world import Shape, Unit

    Owner = nodes.Agent | nodes.Team | nodes.Plan | nodes.Dod | nodes.Program

_WRITTEN_OUT = ("expr", "template", "llm", "shell")
"""The executors of programs that say what they do with each parameter."""
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CODE = r"(?s)\{[{%].*?[}%]\}|\$?\{\w+\}|\$\w+"
"""The code of a template, and what other languages would fill in, which has a report of its own."""
_DECLARED = {
    "const": "const",
    "model": "model",
    "type": "type",
    "mcp": "MCP server",
    "coglet": "coglet",
    "mixin": "mixin",
    "program": "program",
    "agent": "agent",
    "queue": "queue",
}


def unused_name(checked: Checked) -> None:
    """Report names that stand nowhere but in their declaration."""
    vocabulary = Vocabulary(checked.world)
    shapes: dict[Unit, list[Shape]] = {}
    created: set[Shape | None] = set()
    for shape in own_shapes(checked):
        created.update(child.target for child in shape.children.values())
        if shape.python is None:
            shapes.setdefault(shape.unit, []).append(shape)
    extended = extended_plans_and_dods(checked)
    for unit in sound_units(checked):
        _File(checked, unit, vocabulary, extended).check(shapes.get(unit, []), created)


class _File:
    """One file: its words, and those of the other files that can see its names."""

    def __init__(self, checked: Checked, unit: Unit, vocabulary: Vocabulary, extended: set[int]) -> None:
        self.checked = checked
        self.unit = unit
        self.vocabulary = vocabulary
        self.words = vocabulary.of(unit)
        self.extended = extended

    def check(self, shapes: list[Shape], created: set[Shape | None]) -> None:
        """Report the names of a file with these coglets and mixins. `created` are the coglets that any coglet creates."""
        if "Main" in self.unit.declared:
            exported = exports_of(self.unit)
            for name, declared in self.unit.declared.items():
                what = _DECLARED.get(declared.kind)
                own = declared.node if declared.kind == "program" else None
                if what is None or name == "Main" or declared in exported or not self.alone(name, own):
                    continue
                if declared.kind == "program" and not name.startswith("_"):
                    span, edits = self.unit.span(declared.node.name), self.removed(declared.node)
                    self.checked.problems.add("unused-program", span, edits=edits, name=name)
                else:
                    self.report(declared.node.name, what, self.removed(declared.node))
            self.commands(shapes, created)
            self.queues()
        if not self.unit.all(nodes.Test):  # a test may use the `Main` of an imported file
            self.imports()
        plans = [d for d in self.unit.all(nodes.Plan) if d.extends is None]  # one that extends shares the parameters
        dods = [d for d in self.unit.all(nodes.Dod) if d.extends is None]
        owners: list[Owner] = [*plans, *dods, *self.unit.all(nodes.Agent), *self.unit.all(nodes.Team)]
        owners += [p for p in self.unit.all(nodes.Program) if p.executor.kind.id in _WRITTEN_OUT]
        for owner in owners:
            self.parameters(owner)
        for shape in shapes:
            self.members(shape)

    def report(self, name: nodes.Name, what: str, edits: tuple[Edit, ...] = ()) -> None:
        if not name.id.startswith("_"):
            self.checked.problems.add("unused-name", self.unit.span(name), edits=edits, name=name.id, what=what)

    def removed(self, node: nodes.Node, certain: Applicability = "unsafe") -> tuple[Edit, ...]:
        """Return the edit that removes a declaration, member or statement."""
        return removal(self.unit.source, node.start, node.end, getattr(node, "doc", ""), certain)

    def alone(self, name: str, own: nodes.Node | None = None) -> bool:
        """Return whether a word stands once in the file, or in its `own` declaration alone, and in no other file of its group."""
        count = 1 if own is None else self.words.count(name, own)
        return self.words.count(name) == count and not self.vocabulary.elsewhere(self.unit, name)

    def parameters(self, owner: Owner) -> None:
        """Report the parameters of a declaration whose names stand in no expression of it, and in no template."""
        if not owner.parameters:
            return
        if id(owner) in self.extended:  # what extends it may use them
            used = {p.name.id for p in owner.parameters if not self.alone(p.name.id)}
        else:
            declared = {id(p.name) for p in owner.parameters}
            used = set()
            for node in self.unit.walked(owner):
                if isinstance(node, nodes.Name) and id(node) not in declared:
                    used.add(node.id)
                elif isinstance(node, nodes.Text):
                    used.update(_WORD.findall(" ".join(re.findall(_CODE, node.value))))
        for p in owner.parameters:
            if p.name.id not in used:
                self.report(p.name, "parameter")

    def within(self, owner: nodes.Node, name: nodes.Name, what: str, edits: tuple[Edit, ...] = ()) -> None:
        if self.words.count(name.id, owner) == 1:
            self.report(name, what, edits)

    def unbound(self, let: nodes.Let) -> tuple[Edit, ...]:
        """Return the edit that removes a value of a body. What calls something stays, without the name."""
        if isinstance(let.value, nodes.Call | nodes.Try | nodes.Await):
            return (Edit(Span(self.unit.source, let.start, let.value.start), ""),)
        if any(isinstance(n, nodes.Call | nodes.Try | nodes.Await | nodes.Grow) for n in nodes.walk(let.value)):
            return ()
        return self.removed(let)

    def commands(self, shapes: list[Shape], created: set[Shape | None]) -> None:
        """Report commands of children that nobody gives."""
        for shape in shapes:
            if shape in created:
                for member in shape.node.members:
                    if isinstance(member, nodes.Enact) and self.alone(member.name.id):
                        self.report(member.name, "command", self.removed(member))
            for member in shape.node.members:
                name = member.name if isinstance(member, nodes.Enact) else None
                if name is not None and name.id.startswith("_") and self.alone(name.id):
                    help = f"give it with `guide self.{name.id}()`, or remove it"
                    edits, span = self.removed(member), self.unit.span(name)
                    self.checked.problems.add("unused-name", span, help=help, edits=edits, name=name.id, what="command")

    def queues(self) -> None:
        """Report queues in memory from which nobody takes, and those that nobody fills."""
        queues = self.unit.all(nodes.Queue)
        if not queues:
            return
        sent = Counter(s.target.id for s in self.unit.all(nodes.Send) if isinstance(s.target, nodes.Name))
        taken = Counter(_queue_of(on.source) for on in self.unit.all(nodes.On))
        for queue in queues:
            name = queue.name.id
            sends, takes = sent[name], taken[name]
            if queue.backend.id != "memory" or self.vocabulary.elsewhere(self.unit, name):
                continue
            if self.words.count(name) == 1 + takes > 1:
                help = f"send to it with `{name} <- ...`, or remove it"
                self.checked.problems.add("silent-transmit", self.unit.span(queue.name), help=help, name=name)
            elif self.words.count(name) == 1 + sends > 1:
                help = f"take its items with `on {name} as item {{ ... }}`"
                self.checked.problems.add("unused-channel", self.unit.span(queue.name), help=help, name=name)

    def imports(self) -> None:
        for node in self.unit.all(nodes.Import):
            if node.alias is not None:
                if self.words.count(node.alias.id) == 1 and not node.alias.id.startswith("_"):
                    span = Span(self.unit.source, node.path.start, node.alias.end)
                    edits = self.removed(node, "safe")
                    self.checked.problems.add("unused-name", span, edits=edits, name=node.alias.id, what="import")
                continue
            other = self.checked.world.units.get(import_path(self.unit.path, node.path.value))
            if other is None or other is self.unit or any(self.words.count(name) for name in other.public()):
                continue
            if any(d.source is other.source for d in self.checked.problems.dropped):
                continue  # what could not be read may be what is used
            span = self.unit.span(node.path)
            edits = self.removed(node, "safe")
            self.checked.problems.add("unused-name", span, edits=edits, name=node.path.value, what="import")

    def members(self, shape: Shape) -> None:
        """Report parameters, states and values of a coglet or mixin."""
        node = shape.node
        assigned: dict[str, list[nodes.Assign]] = {}
        for n in self.unit.within(nodes.Assign, node):
            assigned.setdefault(n.name.id, []).append(n)
        for p in node.parameters:
            self.within(node, p.name, "parameter")
        for member in node.members:
            match member:
                case nodes.Const(name=name):
                    self.within(node, name, "const", self.removed(member))
                case nodes.State(name=name) if isinstance(node, nodes.Coglet):
                    self.state(node, member, name, assigned.get(name.id, []))
                    self.converted(member)
                case nodes.Reaction() | nodes.Enact():
                    for let in self.unit.within(nodes.Let, member):
                        if isinstance(let.pattern, nodes.Name):
                            self.within(member, let.pattern, "value", self.unbound(let))
                    for p in member.parameters if isinstance(member, nodes.Enact) else ():
                        self.within(member, p.name, "parameter")
                case _:
                    pass

    def state(self, owner: nodes.Coglet, member: nodes.State, name: nodes.Name, sets: list[nodes.Assign]) -> None:
        """Report a state that is never read: it is set by `sets`, and nothing else. Report one that is read and never set, too."""
        if self.words.count(name.id, owner) - len(sets) != 1:
            if (
                not sets
                and member.life != "persist"
                and not any(isinstance(n, nodes.Call) for n in nodes.walk(member.value))
            ):
                help = f"set it with `{name.id} = ...`, or write `const {name.id} = ...`"
                what, outcome = f"the state `{name.id}`", "what it is at the start"
                self.checked.problems.add("one-outcome", self.unit.span(name), help=help, what=what, outcome=outcome)
            return
        if not self.tested(name.id) and not self.vocabulary.elsewhere(self.unit, name.id):
            calls = any(isinstance(n, nodes.Call) for s in sets for n in nodes.walk(s))
            edits = () if calls else tuple(e for node in (member, *sets) for e in self.removed(node))
            self.report(name, "state", edits if len(edits) == len(sets) + 1 else ())

    def converted(self, state: nodes.State) -> None:
        """Report the name of a kept value that its conversion does not read."""
        conversion = state.conversion
        if conversion is not None and conversion.name is not None:
            self.within(conversion, conversion.name, "value")

    def tested(self, name: str) -> bool:
        """Return whether a word stands in a test of the file."""
        return any(self.words.count(name, test) for test in self.unit.all(nodes.Test))


def _queue_of(source: nodes.Expr) -> str | None:
    """Return the name of a queue whose items, or dead items, a reaction takes."""
    source = source.base if isinstance(source, nodes.Field) and source.name.id == "dead" else source
    return source.id if isinstance(source, nodes.Name) else None

"""Names that nothing uses: states, values of a body, parameters, constants, models, coglets, queues, imports.

A name counts as used if its word stands anywhere else where it can be seen, also in a template: so nothing that is used
is ever reported. A file without a `Main` is a library, whose declarations are there for others.
"""

from __future__ import annotations

import re
from collections import Counter

from cogc.checks.common import own_shapes
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.names.world import Shape, Unit

MANIFEST = "manifest.toml"
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COMMENT = re.compile(r"(?m)(?:^|(?<=[\s;{}]))#[^\n]*")
_DECLARED = {
    "const": "const",
    "model": "model",
    "type": "type",
    "mcp": "MCP server",
    "coglet": "coglet",
    "agent": "agent",
    "queue": "queue",
}


def unused_name(checked: Checked) -> None:
    """Report names that stand nowhere but in their declaration."""
    world = checked.world
    texts = {u.path: _all_words(u) for u in world.units.values() if not _is_std(u)}
    wrong = {d.span.source.path for d in checked.problems.found if d.severity == "error"}
    for unit in world.roots:
        if _is_std(unit) or unit.path in wrong or unit.path.endswith(MANIFEST):
            continue  # the spec of a coglet folder is written by the compiler
        others = [t for path, t in texts.items() if path != unit.path]
        if "Main" in unit.declared:
            _declarations(checked, unit, texts[unit.path], others)
            _commands(checked, unit, texts[unit.path], others)
        if not unit.all(nodes.Test):  # a test may use the `Main` of an imported file
            _imports(checked, unit, texts[unit.path])
        for program in unit.all(nodes.Program):
            if program.executor.kind.id in ("expr", "template", "llm"):
                for p in program.parameters:
                    _within(checked, unit, program, p.name, "parameter")
    for shape in own_shapes(checked):
        seen = shape.unit.path in texts and shape.unit.path not in wrong and not shape.unit.path.endswith(MANIFEST)
        if seen and shape.unit in world.roots and shape.python is None:
            _members(checked, shape)


def _is_std(unit: Unit) -> bool:
    return unit.path.startswith("std/")


def _all_words(unit: Unit) -> Counter[str]:
    """Return how often each word stands in a file, without those of the files and models that it names."""
    words = Counter(_words(unit, 0, len(unit.source.text)))
    paths = (*(m.argument for m in unit.all(nodes.Model)), *(i.path for i in unit.all(nodes.Import)))
    for path in paths:
        words.subtract(_words(unit, path.start, path.end))
    return words


def _words(unit: Unit, start: int, end: int) -> list[str]:
    return _WORD.findall(_COMMENT.sub("", unit.source.text[start:end]))


def _report(checked: Checked, unit: Unit, name: nodes.Name, what: str) -> None:
    if not name.id.startswith("_"):
        checked.problems.add("unused-name", unit.span(name), name=name.id, what=what)


def _declarations(checked: Checked, unit: Unit, words: Counter[str], others: list[Counter[str]]) -> None:
    for name, declared in unit.declared.items():
        what = _DECLARED.get(declared.kind)
        if what is not None and name != "Main" and words[name] == 1 and not any(o[name] for o in others):
            _report(checked, unit, declared.node.name, what)


def _commands(checked: Checked, unit: Unit, words: Counter[str], others: list[Counter[str]]) -> None:
    """Report commands of children that nobody gives, and queues in memory from which nobody takes."""
    created = {c.coglet.text.rpartition(".")[2] for u in checked.world.units.values() for c in u.all(nodes.Create)}
    for shape in own_shapes(checked):
        if shape.unit is unit and shape.python is None and shape.name in created:
            for member in shape.node.members:
                if isinstance(member, nodes.Enact) and words[member.name.id] == 1:
                    if not any(o[member.name.id] for o in others):
                        _report(checked, unit, member.name, "command")
    for queue in unit.all(nodes.Queue):
        name = queue.name.id
        sends = sum(1 for s in unit.all(nodes.Send) if isinstance(s.target, nodes.Name) and s.target.id == name)
        if queue.backend.id == "memory" and words[name] == 1 + sends > 1 and not any(o[name] for o in others):
            help = f"take its items with `on {name} as item {{ ... }}`"
            checked.problems.add("unused-channel", unit.span(queue.name), help=help, name=name)


def _imports(checked: Checked, unit: Unit, words: Counter[str]) -> None:
    for node in unit.tree.declarations:
        if not isinstance(node, nodes.Import):
            continue
        if node.alias is not None:
            if words[node.alias.id] == 1:
                _report(checked, unit, node.alias, "import")
            continue
        from cogc.names.load import import_path

        other = checked.world.units.get(import_path(unit.path, node.path.value))
        if other is not None and other is not unit and not any(words[name] for name in other.public()):
            checked.problems.add("unused-name", unit.span(node.path), name=node.path.value, what="import")


def _members(checked: Checked, shape: Shape) -> None:
    unit, node = shape.unit, shape.node
    for p in node.parameters:
        _within(checked, unit, node, p.name, "parameter")
    for member in node.members:
        match member:
            case nodes.State(name=name):
                _state(checked, unit, node, name)
            case nodes.Reaction() | nodes.Enact():
                _values(checked, unit, member)
            case _:
                pass


def _within(checked: Checked, unit: Unit, owner: nodes.Node, name: nodes.Name, what: str) -> None:
    if _words(unit, owner.start, owner.end).count(name.id) == 1:
        _report(checked, unit, name, what)


def _state(checked: Checked, unit: Unit, owner: nodes.Node, name: nodes.Name) -> None:
    """Report a state that is never read: it is set, and nothing else."""
    stands = _words(unit, owner.start, owner.end).count(name.id)
    sets = sum(1 for n in nodes.walk(owner) if isinstance(n, nodes.Assign) and n.name.id == name.id)
    if stands - sets == 1:
        _report(checked, unit, name, "state")


def _values(checked: Checked, unit: Unit, owner: nodes.Node) -> None:
    for node in nodes.walk(owner):
        if isinstance(node, nodes.Let) and isinstance(node.pattern, nodes.Name):
            if _words(unit, owner.start, owner.end).count(node.pattern.id) == 1:
                _report(checked, unit, node.pattern, "value")

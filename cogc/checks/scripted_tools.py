"""Tools that a script has a model call, and that the model does not have: the model is told so, and the test goes on."""

from __future__ import annotations

import re

from cogc.analysis.tests import parts, scripted
from cogc.checks.common import sound_units
from cogc.desugar import teams
from cogc.desugar.agents import PLAN_TOOLS
from cogc.diagnostics.suggest import did_you_mean
from cogc.language.attributes import HAND_OFF, QUEUE_TOOLS, READ_RESULT, SPAWN_TOOLS
from cogc.language.texts import plain_name
from cogc.names.locks import tools_of
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.names.world import Declared, Unit

    Attributes = tuple[nodes.Attribute, ...]


def scripted_tools(checked: Checked) -> None:
    """Report each `call` of a script whose tool nobody has that the script stands for."""
    units = [u for u in sound_units(checked) if u.all(nodes.Script)]
    if not units:
        return
    owners: dict[int, Attributes] = {}
    for unit in checked.world.units.values():
        owners.update((id(a), a.attributes) for a in unit.all(nodes.Agent))
        owners.update((id(p), p.executor.attributes) for p in unit.all(nodes.Program) if p.executor.kind.id == "llm")
    given = {owner: _Tools(checked, attributes) for owner, attributes in owners.items()}
    shared = _shared(checked)
    for unit in units:
        for script in unit.all(nodes.Script):
            _look(checked, unit, script, given, shared)


def _look(checked: Checked, unit: Unit, script: nodes.Script, given: dict[int, _Tools], shared: set[str]) -> None:
    """Report the tools of one script; a script of a model stands for whoever asks the model."""
    meant = scripted(checked.world, unit, script.program.text)
    if not meant or any(kind not in ("agent", "program", "model") for kind, _ in meant):
        return
    known = [t for owner, t in given.items() if any(kind == "model" or id(node) == owner for kind, node in meant)]
    if any(not tools.complete for tools in known):
        return
    names = {READ_RESULT, *shared}.union(*(tools.names for tools in known))
    numbered = {name for tools in known for name in tools.numbered}
    for answer in script.answers:
        if answer.kind == "call" and isinstance(answer.value, nodes.Call):
            name = ".".join(parts(answer.value.function))
            if name not in names and re.sub(r"_\d+\Z", "", name) not in numbered:
                own = sorted(set().union(*(tools.names for tools in known)))
                listed = "its tools are " + ", ".join(f"`{n}`" for n in own) if own else "it has no tools"
                help, span = did_you_mean(name, own, listed), unit.span(answer.value.function)
                checked.problems.add("unknown-call", span, help=help, owner=script.program.text, name=name)


class _Tools:
    """The names of the tools that some attributes give; they are not `complete` where those of a server are not known."""

    def __init__(self, checked: Checked, attributes: Attributes) -> None:
        self.names: set[str] = set()
        self.numbered: set[str] = set()
        """The names that several tools have: a run gives all but the first a number, `search_2`."""
        self.complete = True
        for a in attributes:
            if a.key.id == "tools":
                for item in a.value.items if isinstance(a.value, nodes.ListLiteral) else (a.value,):
                    self._take(checked, nodes.qualified_text(item) or "")
            elif a.key.id == "spawn":
                self.names.update(SPAWN_TOOLS)
            elif a.key.id == HAND_OFF:
                self.names.add(HAND_OFF)

    def _take(self, checked: Checked, name: str) -> None:
        """Add what one item of `tools` stands for, in whatever file: an imported agent has its tools by its own names."""
        last = name.rpartition(".")[2]
        self._give(last)
        for unit in checked.world.units.values():
            declared = unit.declared.get(last)
            if declared is not None:
                self._add(checked, unit, declared)

    def _add(self, checked: Checked, unit: Unit, declared: Declared) -> None:
        name = declared.node.name.id
        if declared.kind == "plan":
            self.names.update(PLAN_TOOLS)
        elif declared.kind == "queue":
            self.names.update(f"{name}_{tool}" for tool in QUEUE_TOOLS)
        elif declared.kind == "mcp":
            known = tools_of(checked.world, unit, name)
            self.complete = self.complete and known is not None
            for tool in known or ():
                self._give(tool)

    def _give(self, name: str) -> None:
        """Add a tool by the name that its model is told."""
        told = plain_name(name)
        (self.numbered if told in self.names else self.names).add(told)


def _shared(checked: Checked) -> set[str]:
    """Return the names of the tools that an agent may have beside its own: by a team, and by the agent that starts it."""
    found: set[str] = set()
    for unit in checked.world.units.values():
        for team in unit.all(nodes.Team):
            found |= teams.tool_names(team, True)
        for a in unit.all(nodes.Attribute):
            if a.key.id == "spawn" and a.block:
                found |= _Tools(checked, a.block).names
    return found

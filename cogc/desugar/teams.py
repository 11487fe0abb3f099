"""Teams as what they stand for: a coglet with a lead and workers for children, and the bus between them.

In: a `team` declaration. Out: the team's coglet, and one for each member: the agent with the team's tools. A tool of the team
is a question that the team's coglet answers (`cogc/kernel/asking.py`); a message on the bus goes into the conversation of
whoever it is for.
"""

from __future__ import annotations

from cogc.desugar.agents import description, equipped
from cogc.desugar.draw import draw, fill, plain
from cogc.desugar.parts import Part
from cogc.desugar.team_texts import (
    DECIDE_TOOL,
    DELEGATE,
    LEAD_TOOLS,
    SEVERAL,
    SHARED_ASKED,
    SHARED_PORT,
    SHARED_STATE,
    SHARED_TOOLS,
    SINGLE,
    SUPERVISE,
    TEAM,
    TOOLS,
)
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cogc.desugar.draw import Holes
    from cogc.names.world import Declared, Unit, World

_PORTS = {
    "task",
    "result",
    "failed",
    "status",
    "message",
    "shared",
    "lead",
    "send",
    "pause",
    "resume",
    "clear",
    "cancel",
}


class Worker:
    """One entry of `workers`: a role, how many of it (None: one), and the child that it is."""

    def __init__(self, role: str, count: Any, declared: Declared, child: str) -> None:
        self.role = role
        self.count = count
        self.declared = declared
        self.child = child


def attributes_of(node: nodes.Team) -> dict[str, nodes.Attribute]:
    return {a.key.id: a for a in node.attributes}


def workers_of(world: World, unit: Unit, node: nodes.Team) -> list[Worker]:
    """The workers of a team, those that are agents."""
    given = attributes_of(node).get("workers")
    items = () if given is None else given.value.items if isinstance(given.value, nodes.ListLiteral) else (given.value,)
    taken = _PORTS | {p.name.id for p in node.parameters}
    found: dict[str, Worker] = {}
    for item in items:
        count = item.right if isinstance(item, nodes.Binary) and item.operator == "*" else None
        name = nodes.qualified_text(item.left if count is not None else item) or ""  # type: ignore[union-attr]
        declared = world.lookup(unit, name)
        if declared is not None and declared.kind == "agent" and name not in found:
            child = name.replace(".", "_")
            found[name] = Worker(name, count, declared, f"{child}_worker" if child in taken else child)
    return list(found.values())


def parts_of(world: World, unit: Unit, node: nodes.Team) -> list[Part]:
    """The coglets that a team is: its own first."""
    return _Maker(world, unit, node).parts()


class _Maker:
    def __init__(self, world: World, unit: Unit, node: nodes.Team) -> None:
        self.world = world
        self.unit = unit
        self.node = node
        self.name = node.name.id
        self.given = {k: a.value for k, a in attributes_of(node).items()}
        self.workers = workers_of(world, unit, node)
        self.shared = "shared" in self.given
        self.decides = self._word("accept") == "lead"
        self.holes: Holes = {"reply_hole": "reply", "lead_hole": f"{self.name} lead"}

    def _word(self, key: str) -> str:
        return (nodes.qualified_text(self.given[key]) or "") if key in self.given else ""

    def parts(self) -> list[Part]:
        lead = self.world.lookup(self.unit, self._word("lead"))
        if lead is None or lead.kind != "agent":
            return []  # which has been reported
        node = self.node
        drawn: nodes.Coglet = draw(self._text(), node.name, self.holes)
        own = nodes.Coglet(node.start, node.end, node.name, node.parameters, (), None, drawn.members, node.doc)
        found = [Part(self.unit, self.name, own, "team", attributes_of(node).get("budget"))]
        tools = [LEAD_TOOLS.replace("@ABOUT@", self._about()), TOOLS]
        tools += [SHARED_TOOLS] if self.shared else []
        tools += [DECIDE_TOOL] if self.shared and self.decides else []
        found.append(self._member(lead, f"{self.name} lead", tools))
        for worker in self.workers:
            tools = [TOOLS, SHARED_TOOLS] if self.shared else [TOOLS]
            found.append(self._member(worker.declared, f"{self.name} {worker.role}", tools))
        return found

    def _member(self, declared: Declared, name: str, tools: list[str]) -> Part:
        """An agent with the tools of the team beside its own."""
        programs = [p for text in tools for p in draw(text, declared.node.name, {"ask_hole": "ask"}).members]
        node = equipped(declared.node, name, programs)
        return Part(declared.unit, name, node, "agent", shown=declared.node.name.id)

    def _about(self) -> str:
        """The workers, for the lead's tools: plain text that may stand in a string of the language."""
        said = []
        for w in self.workers:
            about = " ".join(description(w.declared.node).split())
            many = ", several" if w.count is not None else ""
            said.append(f"{w.role}{many}{f' ({about})' if about else ''}")
        text = "; ".join(said) or "none"
        return text.replace("\\", "/").replace('"', "'").replace("{", "(").replace("}", ")")

    def _text(self) -> str:
        at = (self.node.name.start, self.node.name.end)
        members, children, of = [], [], {"SEND": [], "INJECT": [], "PAUSE": [], "RESUME": [], "CANCEL": []}  # type: ignore[var-annotated]
        for i, w in enumerate(self.workers):
            role = plain(w.role)
            child, kind, count = f"child{i}_hole", f"kind{i}_hole", f"count{i}_hole"
            self.holes.update({child: w.child, kind: f"{self.name} {w.role}"})
            base = f'role: "{role}", job: 0, state: "idle", task: "", error: null, paused: false'
            if w.count is None:
                members.append(f'[{{ name: "{role}", index: 0, path: self.path + "/" + "{plain(w.child)}", {base} }}]')
                text, address = SINGLE, child
            else:
                self.holes[count] = w.count
                path = f'self.path + "/{plain(w.child)}[" + str(i_) + "]"'
                members.append(
                    f'[{{ name: "{role}-" + str(i_ + 1), index: i_, path: {path}, {base} }} for i_ in range({count})]'
                )
                text, address = SEVERAL, f"{child}[m_.index]"
            children.append(
                text.replace("child_hole", child)
                .replace("kind_hole", kind)
                .replace("count_hole", count)
                .replace("@NAME@", role)
            )
            loop = address.replace("m_.", "m.")
            of["SEND"].append(f'if m_.role == "{role}" {{ {address}.task <- told_ }}')
            of["INJECT"].append(f'if m.role == "{role}" {{ guide {loop}.inject(told_) }}')
            of["PAUSE"].append(f'if m.role == "{role}" {{ guide {loop}.pause() }}')
            of["RESUME"].append(f'if m.role == "{role}" {{ guide {loop}.resume() }}')
            of["CANCEL"].append(
                f'for m in members_ {{ if m.job == j.ticket and m.role == "{role}" {{ guide {loop}.cancel() }} }}'
            )
        nothing = 'log warn "there are no workers"'
        most = self.given.get("max_workers")
        self.holes["most_hole"] = most or nodes.Literal(*at, "int", 1000)
        filled = {
            "MEMBERS": " + ".join(members) or "[]",
            "CHILDREN": "\n".join(children),
            "BEGIN": SUPERVISE if self._word("mode") == "supervise" and self.workers else DELEGATE,
            "CANCEL": "\n".join(of.pop("CANCEL")) or nothing,
            **{k: " else ".join(v) or nothing for k, v in of.items()},
            "SHARED_PORT": SHARED_PORT if self.shared else "",
            "SHARED_STATE": SHARED_STATE if self.shared else "",
            "SHARED_TOOLS": SHARED_ASKED if self.shared else "",
        }
        if self.shared:
            self._share(at)
        return fill(TEAM, filled)

    def _share(self, at: tuple[int, int]) -> None:
        value = self.given["shared"]
        name = nodes.Name(value.start, value.end, nodes.qualified_text(value) or "any")
        place = (value.start, value.end)
        self.holes["type_hole"] = nodes.TypeName(*place, nodes.Qualified(*place, (name,)))
        self.holes["initial_hole"] = self.given.get("initial") or nodes.RecordLiteral(*at, ())
        self.holes["decides_hole"] = nodes.Literal(*at, "bool", self.decides)

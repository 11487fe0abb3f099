"""The graph of a checked spec: who is inside whom, and who sends what to whom."""

from __future__ import annotations

from cogc import format as cog
from cogc import nodes, types
from cogc.bids import roles_of
from cogc.bodies import Port
from cogc.check import Checked
from cogc.record import Record
from cogc.world import Member, Shape, Unit

MOST_BOXES = 2000


class Box(Record):
    """A coglet, agent, step or queue; its `inner` boxes stand inside. `count` marks replicas: `5`, `0..100`, `each`."""

    id: str
    name: str
    kind: str
    what: str
    count: str
    doc: str
    inner: tuple[Box, ...]


class Edge(Record):
    """A flow of messages between boxes. `kind`: link, observe, send, after."""

    source: str
    target: str
    label: str
    type: str
    kind: str


class Graph(Record):
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]


def graph(checked: Checked, root: str | None = None) -> Graph:
    """The graph from a root coglet, or of all that a spec declares and nothing else in it creates."""
    unit = checked.world.roots[0]
    maker = _Maker(checked)
    boxes: list[Box] = []
    for shape in _roots(checked, unit, root):
        boxes.append(maker.coglet(shape, shape.name, shape.name, "", []))
    if root is None:
        boxes += maker.others(unit)
    return Graph(tuple(boxes), tuple(dict.fromkeys(maker.edges)))


def _roots(checked: Checked, unit: Unit, root: str | None) -> list[Shape]:
    own = [checked.world.shapes[unit.key(d.node.name.id)] for d in unit.declared.values() if d.kind == "coglet"]
    if root is not None:
        return [s for s in own if s.name == root]
    main = [s for s in own if s.name == "Main"]
    created = {m.target.key for s in own for m in s.children.values() if m.target}
    return main or [s for s in own if s.key not in created] or own


class _Maker:
    def __init__(self, checked: Checked) -> None:
        self.checked = checked
        self.edges: list[Edge] = []
        self.boxes = 0

    def coglet(self, shape: Shape, id: str, name: str, count: str, path: list[str]) -> Box:
        """A coglet's box with its children's inside; one that contains itself is cut there."""
        inner: list[Box] = []
        self.boxes += 1
        if shape.key not in path and self.boxes < MOST_BOXES:
            for child, member in shape.children.items():
                child_id = f"{id}/{child}"
                if member.target is None:
                    inner.append(Box(child_id, child, "agent", member.node.coglet.text, _count(member), "", ()))
                else:
                    inner.append(self.coglet(member.target, child_id, child, _count(member), [*path, shape.key]))
            self._flows(shape, id)
        return Box(id, name, "coglet", shape.name, count, shape.node.doc, tuple(inner))

    def _flows(self, shape: Shape, id: str) -> None:
        """Links, observations and sends inside one coglet."""
        targets = self.checked.bodies.targets
        for member in shape.links:
            for s in member.node.sources:
                for t in member.node.targets:
                    a, b = targets.get(id_of(s)), targets.get(id_of(t))
                    if a is not None and b is not None:
                        label = a.name if a.name == b.name else f"{a.name} → {b.name}"
                        self._edge(_end(id, a), _end(id, b), label, a, "link")
        for member in (*shape.reactions, *shape.enacts.values()):
            for node in nodes.walk(member.node):
                port = targets.get(id_of(node))
                if port is not None and port.kind == "child_transmit":
                    self._edge(_end(id, port), id, port.name, port, "observe")
                elif port is not None and port.kind == "child_listen":
                    self._edge(id, _end(id, port), port.name, port, "send")

    def _edge(self, source: str, target: str, label: str, port: Port, kind: str) -> None:
        self.edges.append(Edge(source, target, label, types.show(port.type), kind))

    def others(self, unit: Unit) -> list[Box]:
        """Agents, teams, plans, setts and queues of a file."""
        boxes: list[Box] = []
        for declared in unit.declared.values():
            node, kind = declared.node, declared.kind
            if kind in ("agent", "team", "dod", "queue", "mcp"):
                boxes.append(Box(f"{kind}:{node.name.id}", node.name.id, kind, kind, "", node.doc, ()))
                self._mentions(node, f"{kind}:{node.name.id}", unit)
            elif kind == "plan":
                boxes.append(self._plan(node))
            elif kind == "sett":
                boxes.append(self._sett(node))
        return boxes

    def _mentions(self, node: nodes.Agent | nodes.Team, id: str, unit: Unit) -> None:
        """Which agents an agent or team names."""
        for a in getattr(node, "attributes", ()):
            for part in nodes.walk(a.value) if a.key.id in ("lead", "workers", "spawn", "tools") else ():
                if isinstance(part, nodes.Name):
                    found = unit.declared.get(part.id)
                    if found is not None and found.kind in ("agent", "mcp"):
                        self.edges.append(Edge(id, f"{found.kind}:{part.id}", a.key.id, "", "send"))

    def _sett(self, node: nodes.Sett) -> Box:
        """Its agents and the types that they bid on and make, as a flow: a bid leads from a type to an agent."""
        id = f"sett:{node.name.id}"
        roles = roles_of(node)
        inner = [Box(f"{id}/{r.name}", r.name, "agent", "agent", "", r.node.doc, ()) for r in roles]
        known: dict[str, None] = {}
        for role in roles:
            for word, wanted, _ in role.bids:
                for type in sorted(wanted or ()):
                    known[type] = None
                    self.edges.append(Edge(f"{id}/type:{type}", f"{id}/{role.name}", word, "", "send"))
            for type in sorted(role.makes or ()):
                known[type] = None
                self.edges.append(Edge(f"{id}/{role.name}", f"{id}/type:{type}", "", "", "link"))
        inner += [Box(f"{id}/type:{t}", t, "artefact", "artefact", "", "", ()) for t in known]
        return Box(id, node.name.id, "sett", "sett", "", node.doc, tuple(inner))

    def _plan(self, node: nodes.Plan) -> Box:
        id = f"plan:{node.name.id}"
        steps = [i for i in node.items if isinstance(i, nodes.Step)]
        for s in steps:
            for before in s.after:
                self.edges.append(Edge(f"{id}/{before.id}", f"{id}/{s.name.id}", "", "", "after"))
        inner = [Box(f"{id}/{s.name.id}", s.name.id, "step", s.by.text if s.by else "", "", "", ()) for s in steps]
        return Box(id, node.name.id, "plan", "plan", "", node.doc, tuple(inner))


def id_of(node: object) -> int:
    return id(node)


def _end(parent: str, port: Port) -> str:
    return f"{parent}/{port.child}" if port.child else parent


def _count(member: Member) -> str:
    node: nodes.Create = member.node
    if node.for_each is not None:
        return f"each {cog.expression(node.for_each.source)}"
    if node.count is None:
        return ""
    high = "" if node.count.high is None else f"..{cog.expression(node.count.high)}"
    return f"{cog.expression(node.count.low)}{high}"


def title(box: Box) -> str:
    """What stands on a box: its name, what it is, how many there are."""
    words = box.name if box.what in ("", box.name) else f"{box.name}: {box.what}"
    return f"{words} ×{box.count}" if box.count else words


def caption(edge: Edge) -> str:
    """What stands on an edge: the channel and its type."""
    if not edge.type or edge.type == "any":
        return edge.label
    shown = edge.type if len(edge.type) <= 28 else edge.type[:25] + "..."
    return f"{edge.label}: {shown}"

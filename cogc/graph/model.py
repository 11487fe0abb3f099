"""The graph of a checked spec: which coglets contain which, and which channels lead from one to another.

A box stands for each coglet, agent, team, plan, step, definition of done, queue, MCP server and sett; boxes contain
the boxes of their children. An edge stands for a link, an observation, a send or an order of steps. Declarations that
stand for coglets are drawn as they were declared, not as the coglets that they expand to.
"""

from __future__ import annotations

from cogc.analysis.bids import roles_of
from cogc.analysis.checked import Checked
from cogc.analysis.tables import Port
from cogc.desugar import plans, teams
from cogc.language import types
from cogc.language.closed import assert_never
from cogc.language.record import Record
from cogc.names.world import Member, Shape, Unit
from cogc.syntax import nodes, spell as cog

MOST_BOXES = 2000
"""A graph opens no further coglets beyond this number."""


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
    """Boxes that nothing contains, and all edges by the ids of their boxes."""

    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]


def graph(checked: Checked, root: str | None = None) -> Graph:
    """Return the graph from a root, or of everything that a spec declares and no coglet of it creates."""
    unit = checked.world.roots[0]
    maker = _Maker(checked)
    boxes: list[Box] = []
    for shape in _roots(checked, unit, root):
        boxes.append(maker.coglet(shape, shape.name, shape.name, "", []))
    boxes += maker.others(unit, root)
    return maker.joined(boxes)


def _roots(checked: Checked, unit: Unit, root: str | None) -> list[Shape]:
    """Return the coglets to begin with: the named one, else Main, else those that no other one creates."""
    coglets = [d for d in unit.declared.values() if d.kind == "coglet"]
    own = [checked.world.shapes[unit.key(d.node.name.id)] for d in coglets]
    if root is not None:
        return [s for s in own if s.name == root]
    main = [s for s in own if s.name == "Main"]
    created = {m.target.key for s in own for m in s.children.values() if m.target}
    return main or [s for s in own if s.key not in created] or own


class _Maker:
    """Collects the boxes and edges of one graph."""

    def __init__(self, checked: Checked) -> None:
        self.checked = checked
        self.edges: list[Edge] = []
        self.boxes = 0
        self.workers: dict[str, list[str]] = {}
        self.drawn: set[str] = set()

    def coglet(self, shape: Shape, id: str, name: str, count: str, path: list[str]) -> Box:
        """Return the box of a coglet with the boxes of its children. A coglet that contains itself is not opened
        again."""
        inner: list[Box] = []
        self.boxes += 1
        if shape.key not in path and self.boxes < MOST_BOXES:
            for child, member in shape.children.items():
                child_id = f"{id}/{child}"
                if member.target is None or member.target.declared not in ("coglet", "mixin"):
                    inner.append(self._made(child_id, child, member))
                else:
                    inner.append(self.coglet(member.target, child_id, child, _count(member), [*path, shape.key]))
            self._flows(shape, id)
        return Box(id, name, "coglet", shape.name, count, shape.node.doc, tuple(inner))

    def _made(self, id: str, name: str, member: Member) -> Box:
        """Return the box of a child that is an agent, team, plan or definition of done, drawn as it was declared."""
        target, count = member.target, _count(member)
        found = self.checked.world.lookup(member.owner.unit, member.node.coglet.text)
        if target is None or found is None:
            return Box(id, name, "agent", member.node.coglet.text, count, "", ())
        inner: tuple[Box, ...] = ()
        if found.unit is self.checked.world.roots[0]:
            self.drawn.add(found.node.name.id)
        if target.declared == "plan":
            inner = self._steps(id, found.unit, found.of(nodes.Plan))
        elif target.declared == "team":
            inner = self._members(id, found.unit, found.of(nodes.Team))
        return Box(id, name, target.declared, target.name, count, found.node.doc, inner)

    def _flows(self, shape: Shape, id: str) -> None:
        """Add the links, observations and sends inside of one coglet."""
        targets = self.checked.tables.targets
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

    def others(self, unit: Unit, root: str | None = None) -> list[Box]:
        """Return boxes for the agents, teams, plans, setts and queues of a file, or for the named one alone."""
        boxes: list[Box] = []
        for name, declared in unit.declared.items():
            node, kind = declared.node, declared.kind
            id = f"{kind}:{name}"
            if root not in (None, name) or (root is None and name in self.drawn and kind in ("plan", "team")):
                continue  # a plan or team that a coglet creates stands there
            match node:
                case nodes.Agent() | nodes.Dod() | nodes.Queue() | nodes.Mcp():
                    boxes.append(Box(id, name, kind, kind, "", node.doc, ()))
                    self._mentions(node, id, unit)
                case nodes.Team():
                    boxes.append(Box(id, name, "team", "team", "", node.doc, self._members(id, unit, node)))
                case nodes.Plan():
                    boxes.append(Box(id, name, "plan", "plan", "", node.doc, self._steps(id, unit, node)))
                case nodes.Sett():
                    boxes.append(self._sett(node))
                case (
                    nodes.Const()
                    | nodes.TypeDecl()
                    | nodes.Model()
                    | nodes.ModelList()
                    | nodes.Program()
                    | nodes.Coglet()
                    | nodes.Mixin()
                ):
                    pass  # coglets are drawn as the instances that run; the rest has no box
                case _:
                    assert_never(node)
        return boxes

    def joined(self, boxes: list[Box]) -> Graph:
        """Return the graph of boxes. An agent that does one step of a plan stands there alone: what leads to it leads there. One that does
        several stands at the top as well, if anything leads to it or from it."""
        moved = {f"agent:{who}": places[0] for who, places in self.workers.items() if len(places) == 1}
        edges = [
            Edge(moved.get(e.source, e.source), moved.get(e.target, e.target), e.label, e.type, e.kind)
            for e in self.edges
        ]
        named = {end for e in edges for end in (e.source, e.target)}
        working = {f"agent:{who}" for who in self.workers}
        kept = [box for box in boxes if box.id not in moved and (box.id not in working or box.id in named)]
        return Graph(tuple(kept), tuple(dict.fromkeys(edges)))

    def _members(self, id: str, unit: Unit, node: nodes.Team) -> tuple[Box, ...]:
        """Return the boxes of a team's lead and workers, with edges for the work that is handed on."""
        given = teams.attributes_of(node)
        mode = nodes.qualified_text(given["mode"].value) if "mode" in given else "delegate"
        lead = nodes.qualified_text(given["lead"].value) or "" if "lead" in given else ""
        inner = [Box(f"{id}/lead", "lead", "agent", lead, "", "", ())]
        for w in teams.workers_of(self.checked.world, unit, node):
            count = "" if w.count is None else cog.expression(w.count)
            inner.append(Box(f"{id}/{w.child}", w.role, "agent", "", count, "", ()))
            self.edges.append(Edge(f"{id}/lead", f"{id}/{w.child}", str(mode), "", "send"))
        if "shared" in given:
            record = nodes.qualified_text(given["shared"].value) or ""
            inner.append(Box(f"{id}/shared", record, "artefact", "shared", "", "", ()))
        return tuple(inner)

    def _mentions(self, node: nodes.Agent | nodes.Dod | nodes.Queue | nodes.Mcp, id: str, unit: Unit) -> None:
        """Add edges for the agents and plans that an agent names, or for the fixer and judges of a definition of done."""
        for a in getattr(node, "attributes", ()):
            for part in nodes.walk(a.value) if a.key.id in ("hand_off", "spawn", "tools") else ():
                self._mention(id, part, a.key.id, unit)
        for c in getattr(node, "criteria", ()):
            if isinstance(c, nodes.Attribute) and c.key.id == "fix":
                self._mention(id, c.value, "fix", unit)

    def _mention(self, id: str, part: nodes.Node, label: str, unit: Unit) -> None:
        found = unit.declared.get(part.id) if isinstance(part, nodes.Name) else None
        if found is not None and found.kind in ("agent", "mcp", "plan", "queue"):
            self.edges.append(Edge(id, f"{found.kind}:{found.node.name.id}", label, "", "send"))

    def _sett(self, node: nodes.Sett) -> Box:
        """Return the box of a sett: a bid leads from a type of artefact to an agent, `produces` from an agent to a
        type."""
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

    def _steps(self, id: str, unit: Unit, node: nodes.Plan) -> tuple[Box, ...]:
        """Return the boxes of a plan: its steps, what each must meet, and its planner if the steps are not written."""
        extended = plans.ExtendedPlan(self.checked.world, unit, node)
        given, written = extended.given, extended.steps
        steps = [w.node for w in written.values()]
        inner: list[Box] = []
        gated = {w.id for w in written.values() if w.gate}

        def end(step: str) -> str:
            return f"{id}/{step}.dod" if step in gated else f"{id}/{step}"

        for role in ("planner", "approver"):
            if role in given:
                inner.append(
                    Box(f"{id}/{role}", role, "agent", nodes.qualified_text(given[role].value) or "", "", "", ())
                )
        for s in steps:
            who = written[s.name.id].who
            words = [] if who else [cog.expression(s.task)]
            words += [] if s.condition is None else [f"when {cog.expression(s.condition)}"]
            step = f"{id}/{s.name.id}"
            inner.append(Box(step, s.name.id, "step", " ".join(words), "", "", self._worker(step, unit, who)))
            for before in s.after:
                self.edges.append(Edge(end(before.id), f"{id}/{s.name.id}", "", "", "after"))
            inner += self._gate(id, s.name.id, written[s.name.id].gate)
        if not steps:
            agents = ", ".join(plans.agents_of(self.checked.world, unit, extended))
            inner.append(Box(f"{id}/steps", "steps", "step", f"by {agents}", "0..n", "", ()))
            self.edges.append(Edge(f"{id}/planner", f"{id}/steps", "draws up", "", "send"))
        if "dod" in given:
            inner += self._gate(id, "", nodes.qualified_text(given["dod"].value) or "")
            followed = {a.id for s in steps for a in s.after}
            for last in [s.name.id for s in steps if s.name.id not in followed] or ["steps"]:
                self.edges.append(Edge(end(last), f"{id}/.dod", "", "", "after"))
        return tuple(inner)

    def _worker(self, id: str, unit: Unit, who: str) -> tuple[Box, ...]:
        """Return the box of the agent or team that does a step: it stands in the step."""
        if not who:
            return ()
        found = self.checked.world.lookup(unit, who)
        kind = "agent" if found is None else found.kind
        self.workers.setdefault(who, []).append(f"{id}/{who}")
        return (Box(f"{id}/{who}", who, kind, kind, "", "" if found is None else found.node.doc, ()),)

    def _gate(self, id: str, step: str, dod: str) -> list[Box]:
        """Return the box of the definition of done behind a step, or behind the whole plan if `step` is empty."""
        if not dod:
            return []
        if step:
            self.edges.append(Edge(f"{id}/{step}", f"{id}/{step}.dod", "", "", "after"))
        return [Box(f"{id}/{step}.dod", dod, "dod", "dod", "", "", ())]


def id_of(node: object) -> int:
    """Return the key of a node in the tables of the analysis."""
    return id(node)


def _end(parent: str, port: Port) -> str:
    """Return the box at which an edge ends: a child, or the coglet itself."""
    return f"{parent}/{port.child}" if port.child else parent


def _count(member: Member) -> str:
    """Return the number of replicas of a child as text, or an empty string for one."""
    node: nodes.Create = member.node
    if node.for_each is not None:
        return f"each {cog.expression(node.for_each.source)}"
    if node.count is None:
        return ""
    high = "" if node.count.high is None else f"..{cog.expression(node.count.high)}"
    return f"{cog.expression(node.count.low)}{high}"


def title(box: Box) -> str:
    """Return the text of a box: its name, its kind, and the number of its replicas."""
    words = box.name if box.what in ("", box.name) else f"{box.name}: {box.what}"
    return f"{words} ×{box.count}" if box.count else words


def caption(edge: Edge) -> str:
    """Return the text of an edge: the channel and its type."""
    if not edge.type or edge.type == "any":
        return edge.label
    shown = edge.type if len(edge.type) <= 28 else edge.type[:25] + "..."
    return f"{edge.label}: {shown}"

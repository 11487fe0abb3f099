"""Graphs as text: mermaid, dot, a plain tree, JSON."""

from __future__ import annotations

import json as json_

from cogc.graph.look import COLOURS, INCHES, Look, is_deep, strands
from cogc.graph.model import Box, Edge, Graph, caption


def _numbers(graph: Graph) -> dict[str, str]:
    """Return a short identifier for each box, since names may contain any character."""
    found: dict[str, str] = {}

    def visit(box: Box) -> None:
        found[box.id] = f"n{len(found)}"
        for inner in box.inner:
            visit(inner)

    for box in graph.boxes:
        visit(box)
    return found


def is_step(box: Box) -> bool:
    """Return whether a box is a step with its worker in it. It says nothing by itself, and has no point that stands for it."""
    return box.kind == "step" and bool(box.inner)


# ---- mermaid -------------------------------------------------------------------------------------------------

_MERMAID_ARROWS = {"link": "-->", "observe": "-.->", "send": "-->", "after": "==>"}
_MERMAID_SHAPES = {"queue": ("[(", ")]"), "agent": ("(", ")"), "step": ("(", ")")}


def mermaid(graph: Graph, look: Look = Look()) -> str:  # noqa: B008 - frozen
    """Return a mermaid flowchart: children in the subgraph of their parent, with a node `self` for a parent that says or hears something.

    Mermaid parses an edge between a subgraph and a node inside of it, but cannot draw it: hence `self`. It turns a subgraph that says nothing of
    its direction by 90 degrees: hence a `direction` in each.
    """
    numbers = _numbers(graph)
    downwards = not look.is_wide and is_deep(graph)
    direction = "TB" if downwards else "LR"
    lines = [f"flowchart {direction}"]
    parents = {box.id for box in _all(graph) if box.inner}
    steps = {box.id for box in _all(graph) if is_step(box)}
    speakers = {id for e in graph.edges for id in (e.source, e.target)} & parents - steps
    for box in graph.boxes:
        _mermaid_box(box, look, numbers, lines, 1, direction, speakers)
    for e in graph.edges:
        if e.source in numbers and e.target in numbers:
            ends = [f"{numbers[i]}self" if i in parents - steps else numbers[i] for i in (e.source, e.target)]
            label = f'|"{_mermaid_text(caption(e))}"|' if e.label else ""
            lines.append(f"  {ends[0]} {_MERMAID_ARROWS[e.kind]}{label} {ends[1]}")
    leaves = set(numbers) - parents
    for a, b in () if look.is_wide else strands(graph, downwards):
        if a in leaves and b in leaves:
            lines.append(f"  {numbers[a]} ~~~ {numbers[b]}")
    used = {state.status for id, state in look.states.items() if id in numbers}
    lines += [f"  classDef {s} fill:{fill},stroke:{frame}" for s, (fill, frame) in COLOURS.items() if s in used]
    lines += [f"  class {numbers[id]} {state.status}" for id, state in look.states.items() if id in numbers]
    return "\n".join(lines) + "\n"


def _mermaid_box(
    box: Box, look: Look, numbers: dict[str, str], lines: list[str], depth: int, direction: str, speakers: set[str]
) -> None:
    """Write a box. `speakers` are the parents that need a node of their own."""
    pad = "  " * depth
    words = _mermaid_text(look.title(box))
    if not box.inner:
        before, behind = _MERMAID_SHAPES.get(box.kind, ("[", "]"))
        lines.append(f'{pad}{numbers[box.id]}{before}"{words}"{behind}')
        return
    lines.append(f'{pad}subgraph {numbers[box.id]}["{words}"]')
    lines.append(f"{pad}  direction {direction}")
    if box.id in speakers:
        lines.append(f'{pad}  {numbers[box.id]}self(("self"))')
    for inner in box.inner:
        _mermaid_box(inner, look, numbers, lines, depth + 1, direction, speakers)
    lines.append(f"{pad}end")


def _mermaid_text(words: str) -> str:
    entities = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;", "|": "#124;"}
    return "".join(entities.get(character, character) for character in words)


# ---- dot -----------------------------------------------------------------------------------------------------

_DOT_STYLES = {"link": "solid", "observe": "dashed", "send": "solid", "after": "bold"}


def dot(graph: Graph, look: Look = Look()) -> str:  # noqa: B008 - frozen
    """Return the graph in the language of Graphviz: a cluster for each parent, with a point in it that stands for
    the parent."""
    numbers = _numbers(graph)
    downwards = not look.is_wide and is_deep(graph)
    lines = [
        "digraph cogc {",
        f"  rankdir={'TB' if downwards else 'LR'}; compound=true;",
        '  node [shape=box, style=rounded, fontname="sans-serif"];',
    ]
    if not look.is_wide:
        lines[1] += f' size="{INCHES},1000";'
    lines.append('  edge [fontname="sans-serif", fontsize=10];')
    for box in graph.boxes:
        _dot_box(box, look, numbers, lines, 1)
    parents = {box.id for box in _all(graph) if box.inner}
    steps = {box.id: box for box in _all(graph) if is_step(box)}

    def node(id: str) -> str:
        if id in steps:
            return numbers[steps[id].inner[0].id]
        return f"{numbers[id]}_self" if id in parents else numbers[id]

    for e in graph.edges:
        if e.source in numbers and e.target in numbers:
            label = f"label={_dot_text(caption(e))}, " if e.label else ""
            tail = f"ltail=cluster_{numbers[e.source]}, " if e.source in steps else ""
            head = f"lhead=cluster_{numbers[e.target]}, " if e.target in steps else ""
            lines.append(f"  {node(e.source)} -> {node(e.target)} [{label}{tail}{head}style={_DOT_STYLES[e.kind]}];")
    for a, b in () if look.is_wide else strands(graph, downwards):
        if a not in parents and b not in parents:
            lines.append(f"  {numbers[a]} -> {numbers[b]} [style=invis];")
    return "\n".join([*lines, "}"]) + "\n"


def _dot_box(box: Box, look: Look, numbers: dict[str, str], lines: list[str], depth: int) -> None:
    pad = "  " * depth
    state = look.states.get(box.id)
    fill, frame = COLOURS[state.status] if state is not None else ("", "")
    words = _dot_text(look.title(box))
    if not box.inner:
        coloured = f', style="rounded,filled", fillcolor="{fill}", color="{frame}"' if fill else ""
        lines.append(f"{pad}{numbers[box.id]} [label={words}{coloured}];")
        return
    lines.append(f"{pad}subgraph cluster_{numbers[box.id]} {{")
    lines.append(f"{pad}  label={words};")
    if fill:
        lines.append(f'{pad}  style=filled; fillcolor="{fill}"; color="{frame}";')
    if not is_step(box):
        lines.append(f'{pad}  {numbers[box.id]}_self [shape=point, xlabel="self"];')
    for inner in box.inner:
        _dot_box(inner, look, numbers, lines, depth + 1)
    lines.append(f"{pad}}}")


def _dot_text(words: str) -> str:
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def _all(graph: Graph) -> list[Box]:
    """Return all boxes, those inside of others too."""
    found: list[Box] = []
    pending = list(graph.boxes)
    while pending:
        box = pending.pop(0)
        found.append(box)
        pending = [*box.inner, *pending]
    return found


# ---- text and JSON -------------------------------------------------------------------------------------------


def text(graph: Graph, look: Look = Look()) -> str:  # noqa: B008 - frozen
    """Return the graph for a terminal: a tree of boxes, then the flows."""
    lines: list[str] = []
    for box in graph.boxes:
        lines.append(look.title(box))
        _text_inner(box, look, "", lines)
    flows = [f"  {_short(e.source)} -> {_short(e.target)}  {caption(e)} ({e.kind})".rstrip() for e in graph.edges]
    return "\n".join(map(look.line, lines + (["", "flows", *flows] if flows else []))) + "\n"


def _text_inner(box: Box, look: Look, pad: str, lines: list[str]) -> None:
    for i, inner in enumerate(box.inner):
        last = i == len(box.inner) - 1
        lines.append(f"{pad}{'└─ ' if last else '├─ '}{look.title(inner)}")
        _text_inner(inner, look, pad + ("   " if last else "│  "), lines)


def _short(id: str) -> str:
    """Return the id of a box without its kind."""
    return id.partition(":")[2] or id


def json(graph: Graph, look: Look = Look()) -> str:  # noqa: B008 - frozen
    """Return the graph as JSON: a flat list of boxes with their parents, and the edges. At a moment of a run each box that has been there has its
    `state`."""
    boxes = []

    def visit(box: Box, parent: str | None) -> None:
        state = look.states.get(box.id)
        about = {} if state is None else {"state": state._asdict()}
        boxes.append(
            {
                "id": box.id,
                "name": box.name,
                "kind": box.kind,
                "what": box.what,
                "count": box.count,
                "doc": box.doc,
                "parent": parent,
                **about,
            }
        )
        for inner in box.inner:
            visit(inner, box.id)

    for box in graph.boxes:
        visit(box, None)
    return json_.dumps({"boxes": boxes, "edges": [_edge(e) for e in graph.edges]}, indent=2, ensure_ascii=False) + "\n"


def _edge(edge: Edge) -> dict[str, str]:
    return {
        "source": edge.source,
        "target": edge.target,
        "label": edge.label,
        "type": edge.type,
        "kind": edge.kind,
    }

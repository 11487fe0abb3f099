"""Graphs as text: mermaid, dot, a plain tree, JSON."""

from __future__ import annotations

import json as json_

from cogc.graph.model import Box, Edge, Graph, caption, title


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


# ---- mermaid -------------------------------------------------------------------------------------------------

_MERMAID_ARROWS = {"link": "-->", "observe": "-.->", "send": "-->", "after": "==>"}
_MERMAID_SHAPES = {"queue": ("[(", ")]"), "agent": ("(", ")"), "step": ("(", ")")}


def mermaid(graph: Graph) -> str:
    """Return a mermaid flowchart: children in the subgraph of their parent, with a node `self` for the parent itself.

    Mermaid parses an edge between a subgraph and a node inside of it, but cannot draw it: hence `self`.
    """
    numbers = _numbers(graph)
    lines = ["flowchart LR"]
    for box in graph.boxes:
        _mermaid_box(box, numbers, lines, 1)
    parents = {box.id for box in _all(graph) if box.inner}
    for e in graph.edges:
        if e.source in numbers and e.target in numbers:
            ends = [f"{numbers[i]}self" if i in parents else numbers[i] for i in (e.source, e.target)]
            label = f'|"{_mermaid_text(caption(e))}"|' if e.label else ""
            lines.append(f"  {ends[0]} {_MERMAID_ARROWS[e.kind]}{label} {ends[1]}")
    return "\n".join(lines) + "\n"


def _mermaid_box(box: Box, numbers: dict[str, str], lines: list[str], depth: int) -> None:
    pad = "  " * depth
    words = _mermaid_text(title(box))
    if not box.inner:
        before, behind = _MERMAID_SHAPES.get(box.kind, ("[", "]"))
        lines.append(f'{pad}{numbers[box.id]}{before}"{words}"{behind}')
        return
    lines.append(f'{pad}subgraph {numbers[box.id]}["{words}"]')
    lines.append(f'{pad}  {numbers[box.id]}self(("self"))')
    for inner in box.inner:
        _mermaid_box(inner, numbers, lines, depth + 1)
    lines.append(f"{pad}end")


def _mermaid_text(words: str) -> str:
    entities = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;", "|": "#124;"}
    return "".join(entities.get(character, character) for character in words)


# ---- dot -----------------------------------------------------------------------------------------------------

_DOT_STYLES = {"link": "solid", "observe": "dashed", "send": "solid", "after": "bold"}


def dot(graph: Graph) -> str:
    """Return the graph in the language of Graphviz: a cluster for each parent, with a point in it that stands for
    the parent."""
    numbers = _numbers(graph)
    lines = [
        "digraph cogc {",
        "  rankdir=LR; compound=true;",
        '  node [shape=box, style=rounded, fontname="sans-serif"];',
    ]
    lines.append('  edge [fontname="sans-serif", fontsize=10];')
    for box in graph.boxes:
        _dot_box(box, numbers, lines, 1)
    parents = {box.id for box in _all(graph) if box.inner}
    for e in graph.edges:
        if e.source in numbers and e.target in numbers:
            ends = [f"{numbers[i]}_self" if i in parents else numbers[i] for i in (e.source, e.target)]
            label = f"label={_dot_text(caption(e))}, " if e.label else ""
            lines.append(f"  {ends[0]} -> {ends[1]} [{label}style={_DOT_STYLES[e.kind]}];")
    return "\n".join([*lines, "}"]) + "\n"


def _dot_box(box: Box, numbers: dict[str, str], lines: list[str], depth: int) -> None:
    pad = "  " * depth
    if not box.inner:
        lines.append(f"{pad}{numbers[box.id]} [label={_dot_text(title(box))}];")
        return
    lines.append(f"{pad}subgraph cluster_{numbers[box.id]} {{")
    lines.append(f"{pad}  label={_dot_text(title(box))};")
    lines.append(f'{pad}  {numbers[box.id]}_self [shape=point, xlabel="self"];')
    for inner in box.inner:
        _dot_box(inner, numbers, lines, depth + 1)
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


def text(graph: Graph) -> str:
    """Return the graph for a terminal: a tree of boxes, then the flows."""
    lines: list[str] = []
    for box in graph.boxes:
        lines.append(title(box))
        _text_inner(box, "", lines)
    flows = [f"  {_short(e.source)} -> {_short(e.target)}  {caption(e)} ({e.kind})".rstrip() for e in graph.edges]
    return "\n".join(lines + (["", "flows", *flows] if flows else [])) + "\n"


def _text_inner(box: Box, pad: str, lines: list[str]) -> None:
    for i, inner in enumerate(box.inner):
        last = i == len(box.inner) - 1
        lines.append(f"{pad}{'└─ ' if last else '├─ '}{title(inner)}")
        _text_inner(inner, pad + ("   " if last else "│  "), lines)


def _short(id: str) -> str:
    """Return the id of a box without its kind."""
    return id.partition(":")[2] or id


def json(graph: Graph) -> str:
    """Return the graph as JSON: a flat list of boxes with their parents, and the edges."""
    boxes = []

    def visit(box: Box, parent: str | None) -> None:
        boxes.append(
            {
                "id": box.id,
                "name": box.name,
                "kind": box.kind,
                "what": box.what,
                "count": box.count,
                "doc": box.doc,
                "parent": parent,
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

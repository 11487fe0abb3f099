"""The registry of a script (`CogWebRegistry`) as the source of the page: a graph, and what a node tells of its coglet."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from cogc.coglet.web import CogWebRegistry
from cogc.service.page.life import Life
from cogc.service.page.records import TraceRing
from cogc.service.page.source import Flow, Look, Seen, State


class RegistrySource:
    """A registry. Its nodes enter and leave as coglets start and stop."""

    trace: TraceRing | None = None
    life: Life | None = None

    def __init__(self, registry: CogWebRegistry) -> None:
        self.registry = registry

    def head(self) -> dict[str, Any]:
        has = {"trace": False, "life": False, "source": False, "details": True}
        return {"title": "CogWeb", "run": "", "has": has}

    def graph(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(json.dumps(self.registry.snapshot().to_dict(), default=str))
        return found

    def look(self) -> Look:
        graph = self.graph()
        nodes = graph["nodes"]
        order: list[str] = []
        pending = [id for id, node in reversed(nodes.items()) if node["parent_id"] not in nodes]
        below: dict[str, list[str]] = {}
        for id, node in nodes.items():
            below.setdefault(str(node["parent_id"]), []).append(id)
        while pending:
            id = pending.pop()
            order.append(id)
            pending += reversed(below.get(id, []))
        seen = [
            Seen(id, _parent(nodes, id), str(nodes[id].get("label") or id), str(nodes[id]["class_name"]), "coglet", "")
            for id in order
        ]
        states = [State(str(nodes[id]["status"]), 0.0, 0) for id in order]
        flows = [
            Flow(edge["from"], edge["to"], edge["channel"], edge["kind"], None)
            for edge in graph["edges"]
            if edge["from"] in nodes and edge["to"] in nodes and edge["kind"] != "control"
        ]
        return Look(seen, states, flows)

    def details(self, id: str) -> dict[str, Any] | None:
        nodes = self.graph()["nodes"]
        node = nodes.get(id)
        if node is None:
            return None
        children = [c for c in node["children"] if c in nodes]
        return {
            "id": id,
            "path": id,
            "class_name": node["class_name"],
            "kind": "coglet",
            "doc": "",
            "status": node["status"],
            "failure": None,
            "mixins": node["mixins"],
            "parent": _parent(nodes, id) or None,
            "children": [
                {"id": c, "label": c, "class_name": nodes[c]["class_name"], "status": nodes[c]["status"]}
                for c in children
            ],
            "more_children": 0,
            "listens": [{"name": c, "type": "any", "inbox": None, **_UNKNOWN} for c in node["listen_channels"]],
            "commands": [{"name": c, "parameters": []} for c in node["enact_commands"]],
            "transmits": [
                {"name": c, "type": "any", "subscribers": n, "count": None, **_UNKNOWN}
                for c, n in node["channels"].items()
            ],
            "states": {},
            "timers": [],
            "waits": [],
            "restarts": 0,
            "config": node["config"],
            "programs": [],
            "source": None,
        }

    def watch(self, id: str) -> Callable[[], None]:
        return lambda: None

    def text(self, file: str) -> dict[str, Any] | None:
        return None


_UNKNOWN: dict[str, Any] = {"counts": None, "last": []}


def _parent(nodes: dict[str, Any], id: str) -> str:
    """Return the id of the parent of a node, or an empty text. A circle of parents is cut at its first node."""
    parent = nodes[id]["parent_id"]
    return str(parent) if parent in nodes else ""

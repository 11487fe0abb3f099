"""A registry of running coglets, from which graphs are made, and the mixin by which coglets enter it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cogc.coglet.base import enact
from cogc.coglet.bus import now
from cogc.coglet.runtime import mixin_names


@dataclass
class CogWebNode:
    """A coglet as a node of the graph. `channels` has the number of subscribers of each; `status` is running, stopped
    or error; `updated_at` is in seconds."""

    node_id: str
    class_name: str
    mixins: list[str]
    channels: dict[str, int]
    listen_channels: list[str]
    enact_commands: list[str]
    children: list[str]
    parent_id: str | None
    config: dict[str, Any]
    status: str = "running"
    updated_at: float = 0.0


@dataclass
class CogWebSnapshot:
    """The graph at one instant."""

    nodes: dict[str, CogWebNode] = field(default_factory=dict)
    edges: list[dict[str, str]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the graph as values of JSON: `{"nodes": {id: node}, "edges": [{"from", "to", "channel", "kind"}]}`."""
        return {"nodes": {key: dict(vars(node)) for key, node in self.nodes.items()}, "edges": self.edges}


def _node_id(made: Any) -> str:
    """Return the id of an object: its class and its identity in this process."""
    return f"{type(made).__name__}_{id(made):x}"


def _build_node(made: Any, parent_id: str | None = None, status: str = "running") -> CogWebNode:
    """Return the node of an object as it is now."""
    runtime = getattr(made, "_runtime", None)
    base = getattr(runtime, "_configs", {}).get(id(made))
    keys = ("restart", "max_restarts", "backoff_s")
    subscribers = getattr(getattr(made, "_bus", None), "_subscribers", {})
    return CogWebNode(
        node_id=_node_id(made),
        class_name=type(made).__name__,
        mixins=mixin_names(made),
        channels={channel: len(listed) for channel, listed in subscribers.items()},
        listen_channels=list(getattr(made, "_listen_handlers", ())),
        enact_commands=list(getattr(made, "_enact_handlers", ())),
        children=[_node_id(handle.coglet) for handle in getattr(made, "_children", ())],
        parent_id=parent_id,
        config={} if base is None else {key: getattr(base, key) for key in keys},
        status=status,
        updated_at=now(),
    )


class CogWebRegistry:
    """The coglets that have entered, by their ids, and the edges between them. `snapshot` reads their present state."""

    def __init__(self) -> None:
        self._coglets: dict[str, Any] = {}
        self._statuses: dict[str, str] = {}
        self._parent_ids: dict[str, str] = {}
        self._edges: list[dict[str, str]] = []

    @property
    def node_ids(self) -> list[str]:
        """The ids of the nodes, in the order in which they entered."""
        return list(self._coglets)

    def register(self, coglet: Any, parent_id: str | None = None) -> str:
        """Enter a coglet, and return its id."""
        node_id = _node_id(coglet)
        self._coglets[node_id] = coglet
        self._statuses[node_id] = "running"
        if parent_id is not None:
            self._parent_ids[node_id] = parent_id
        return node_id

    def deregister(self, node_id: str) -> None:
        """Take a node and its edges out."""
        for table in (self._coglets, self._statuses, self._parent_ids):
            table.pop(node_id, None)
        self._edges = [edge for edge in self._edges if node_id not in (edge["from"], edge["to"])]

    def set_status(self, node_id: str, status: str) -> None:
        """Set the status of a node. An id that is unknown is ignored."""
        if node_id in self._statuses:
            self._statuses[node_id] = status

    def add_edge(self, from_id: str, to_id: str, channel: str, kind: str = "data") -> None:
        """Add an edge, once. `kind` is data, control or observe."""
        edge = {"from": from_id, "to": to_id, "channel": channel, "kind": kind}
        if edge not in self._edges:
            self._edges.append(edge)

    def snapshot(self) -> CogWebSnapshot:
        """Return the graph as it is now."""
        nodes = {
            key: _build_node(made, self._parent_ids.get(key), self._statuses.get(key, "running"))
            for key, made in self._coglets.items()
        }
        return CogWebSnapshot(nodes, list(self._edges))


class WebLet:
    """A coglet that enters a registry when it starts, and leaves it when it stops. Without a registry it does
    nothing."""

    def __init__(self, cogweb: CogWebRegistry | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._cogweb = cogweb
        self._cogweb_node_id = _node_id(self)

    async def _cogweb_register(self) -> None:
        if self._cogweb is None:
            return
        runtime = getattr(self, "_runtime", None)
        parent = getattr(runtime, "_parents", {}).get(id(self))
        if parent is None:
            self._cogweb.register(self)
            return
        self._cogweb.register(self, _node_id(parent))
        self._cogweb.add_edge(_node_id(parent), self._cogweb_node_id, "child", "control")

    async def _cogweb_deregister(self) -> None:
        if self._cogweb is not None:
            self._cogweb.set_status(self._cogweb_node_id, "stopped")
            self._cogweb.deregister(self._cogweb_node_id)

    async def on_start(self) -> None:
        """Enter the registry."""
        await self._cogweb_register()
        await super().on_start()  # type: ignore[misc]

    async def on_stop(self) -> None:
        """Leave the registry."""
        await super().on_stop()  # type: ignore[misc]
        await self._cogweb_deregister()

    @enact("cogweb_status")
    async def _weblet_set_status(self, status: str) -> None:
        if self._cogweb is not None:
            self._cogweb.set_status(self._cogweb_node_id, status)

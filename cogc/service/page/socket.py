"""The websocket of the page: what one client is told, and what it may ask.

A client that offers the subprotocol `cogc.page` gets what the page needs: pictures, pulses, and answers (`PageClient`). Any other
client gets the whole graph as a snapshot, at once and when it has changed (`SnapshotClient`).

A client is told what there is now, and not what there was: between two messages to it, nothing is kept for it but numbers. So a
client that reads slowly takes no memory, and gets less. One that reads nothing for 15 seconds is cut off by the server, as every
connection is. What a client asks is answered in order, at most 20 requests in a second.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import msgspec
import trio
from starlette.websockets import WebSocket, WebSocketDisconnect

from cogc.diagnostics.masks import masked
from cogc.language.values import Failure, plain
from cogc.run.json_text import read_json
from cogc.run.trace_filter import TraceFilter
from cogc.service.page.hub import Hub
from cogc.service.page.picture import Picture, picture, states
from cogc.service.page.source import Look, Seen, State

PROTOCOL = "cogc.page"
"""The subprotocol of the page."""
REST = 0.05
"""The shortest time between two requests of one client, in seconds."""
MOST_IDS = 2_000
"""The most coglets that a client may have opened or shut."""
LONGEST_PAGE = 200
"""The most rows of a list."""
_LONGEST = 64 << 10
"""The most characters of a request."""


async def serve_socket(hub: Hub, socket: WebSocket) -> None:
    """Serve one client until it goes."""
    if hub.is_full:
        await socket.close(1013)
        return
    is_page = PROTOCOL in socket.scope.get("subprotocols", ())
    await socket.accept(PROTOCOL if is_page else None)
    client = PageClient(hub, socket) if is_page else SnapshotClient(hub, socket)
    hub.clients += 1
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.tell)
            await client.listen()
            nursery.cancel_scope.cancel()
    except* (WebSocketDisconnect, trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    finally:
        hub.clients -= 1
        client.close()


def encoded(message: dict[str, Any]) -> str:
    """Return a message as JSON, without secrets."""
    try:
        text = msgspec.json.encode(plain(message), enc_hook=str).decode()
    except (UnicodeEncodeError, TypeError):  # half of a surrogate pair, or an object as a key
        text = json.dumps(message, default=str, skipkeys=True)
    return masked(text)


class SnapshotClient:
    """A client that gets the whole graph."""

    def __init__(self, hub: Hub, socket: WebSocket) -> None:
        self.hub = hub
        self.socket = socket
        self.news = trio.Event()
        self.is_asked = False

    async def send(self, kind: str, data: object = None, **more: object) -> None:
        """Send a message, when the client has read the ones before it."""
        message: dict[str, Any] = {"type": kind, **more}
        if data is not None:
            message["data"] = data
        await self.socket.send_text(encoded(message))

    async def tell(self) -> None:
        """Send the graph at once, when it has changed, and when the client asks."""
        last: object = None
        while True:
            graph = self.hub.graph(fresh=last is None or (self.is_asked and self.hub.is_cheap))
            shown = _lasting(graph)
            if shown != last or self.is_asked:
                last, self.is_asked = shown, False
                await self.send("snapshot", graph)
            await self.pause()

    async def pause(self) -> None:
        """Wait until it is time for the next look, or the client has asked for something."""
        with trio.move_on_after(self.hub.pace):
            await self.news.wait()
        self.news = trio.Event()

    async def listen(self) -> None:
        """Take what the client asks until it goes."""
        while True:
            message = await self.socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            began = trio.current_time()
            request, wrong = _read(message.get("text"))
            if request is None:
                await self.send("error", message=wrong)
            else:
                await self.answer(request)
            await trio.sleep(max(0.0, began + REST - trio.current_time()))

    async def answer(self, request: dict[str, Any]) -> None:
        """Answer a request."""
        kind = request.get("type")
        if kind == "ping":
            await self.send("pong")
        elif kind == "refresh":
            self.is_asked = True
            self.news.set()
        else:
            await self.send("error", message="a message has the type `refresh` or `ping`")

    def close(self) -> None:
        """End the tasks that were begun for the client."""


def _read(text: object) -> tuple[dict[str, Any] | None, str]:
    """Return a request, or None and what is wrong with it."""
    if not isinstance(text, str):
        return None, "a message is text"
    if len(text) > _LONGEST:
        return None, f"a message has at most {_LONGEST} characters"
    try:
        found = read_json(text.encode("utf-8", "surrogatepass"), "the message")
    except Failure as wrong:
        return None, wrong.message
    return (found, "") if isinstance(found, dict) else (None, "a message is an object with a `type`")


def _lasting(graph: dict[str, Any]) -> object:
    """Return the part of a graph that does not change by itself as time goes on."""
    passing = {"updated_at": 0, "channel_stats": None}
    return [{**node, **passing} for node in graph["nodes"].values()], graph["edges"]


class PageClient(SnapshotClient):
    """A page. `opened` and `shut` are what its reader has opened and shut, `selected` the coglet that it inspects."""

    def __init__(self, hub: Hub, socket: WebSocket) -> None:
        super().__init__(hub, socket)
        self.source = hub.source
        self.opened: frozenset[str] = frozenset()
        self.shut: frozenset[str] = frozenset()
        self.selected: str | None = None
        self.filter: TraceFilter | None = None
        self.traced = 0
        self.lived = 0
        self._drawn: object = None
        self._picture: Picture | None = None
        self._states: dict[str, list[Any]] = {}
        self._counts: dict[str, int] = {}
        self._counted = 0.0
        self._details: str = ""
        self._ends: dict[str, Callable[[], None]] = {}

    # ---- what it is told -----------------------------------------------------------------------------------

    async def tell(self) -> None:
        """Send the picture, its pulses, and what else the client follows."""
        await self.send("head", self.source.head())
        while True:
            look = self.hub.look(fresh=self._picture is None or (self.is_asked and self.hub.is_cheap))
            await self._tell_picture(look)
            await self._tell_pulse(look)
            await self._tell_details()
            await self._tell_life()
            await self._tell_trace()
            await self.pause()

    async def _tell_picture(self, look: Look) -> None:
        """Send a picture if the coglets, their flows or the view have changed."""
        drawn = (look.seen, look.flows, self.opened, self.shut)
        if drawn == self._drawn and not self.is_asked:
            return
        began = time.thread_time()
        self._drawn, self.is_asked = drawn, False
        made = self._picture = picture(look, self.opened, self.shut)
        self.hub.spend(time.thread_time() - began)
        self._states = states(made, look)
        self._counts = {edge.id: edge.messages() for edge in made.edges}
        self._counted = trio.current_time()
        boxes = [{**box, "state": self._states[box["id"]]} for box in made.data["boxes"]]
        await self.send("picture", {**made.data, "boxes": boxes})

    async def _tell_pulse(self, look: Look) -> None:
        """Send the states that have changed, and the messages a second of each edge on which some went."""
        made = self._picture
        if made is None or len(look.states) != len(look.seen):
            return
        now = trio.current_time()
        if now - self._counted < self.hub.pace * 0.5:
            return
        began = time.thread_time()
        new = states(made, look)
        self.hub.spend(time.thread_time() - began)
        changed = {id: state for id, state in new.items() if state != self._states.get(id)}
        flows = {}
        for edge in made.edges:
            count = edge.messages()
            went = count - self._counts.get(edge.id, count)
            self._counts[edge.id] = count
            if went > 0:
                flows[edge.id] = round(went / (now - self._counted), 2)
        self._states, self._counted = new, now
        if changed or flows:
            await self.send("pulse", {"states": changed, "flows": flows})

    async def _tell_details(self) -> None:
        """Send the details of the inspected coglet if they have changed."""
        if self.selected is None:
            return
        text = encoded({"type": "details", "id": self.selected, "data": self.source.details(self.selected)})
        if text != self._details:
            self._details = text
            await self.socket.send_text(text)

    async def _tell_life(self) -> None:
        """Send the failures and restarts that are new."""
        life = self.source.life
        if life is not None and life.total > self.lived:
            events, self.lived = life.after(self.lived), life.total
            await self.send("life", events)

    async def _tell_trace(self) -> None:
        """Send the records that are new and pass the filter."""
        ring = self.source.trace
        if ring is None or self.filter is None or ring.last <= self.traced:
            return
        records, is_whole = ring.search(self.filter, self.traced)
        self.traced = ring.last
        if records or not is_whole:
            await self.send("trace", records, whole=is_whole)

    # ---- what it asks --------------------------------------------------------------------------------------

    async def answer(self, request: dict[str, Any]) -> None:
        """Answer a request of the page."""
        match request.get("type"):
            case "view":
                self.opened, self.shut = _ids(request.get("open")), _ids(request.get("shut"))
                self.news.set()
            case "select":
                self._select(request.get("id"))
            case "trace":
                await self._follow_trace(request)
            case "chain":
                ring, seq = self.source.trace, request.get("seq")
                found = ring.chain(seq) if ring is not None and isinstance(seq, int) else []
                await self.send("chain", found, seq=seq)
            case "source":
                file = request.get("file")
                await self.send("source", (self.source.text(file) if isinstance(file, str) else None) or {}, file=file)
            case "list":
                await self._list(request)
            case "ping" | "refresh":
                await super().answer(request)
            case _:
                await self.send("error", message="the type of the message is not known")

    def _select(self, id: object) -> None:
        """Inspect another coglet, or none. Its messages are kept while it is inspected."""
        self._end("watch")
        self.selected, self._details = (id, "") if isinstance(id, str) else (None, "")
        if self.selected is not None:
            self._ends["watch"] = self.source.watch(self.selected)
        self.news.set()

    async def _follow_trace(self, request: dict[str, Any]) -> None:
        """Follow the trace with a filter, or no longer."""
        ring = self.source.trace
        if ring is None or not request.get("on"):
            self._end("trace")
            self.filter = None
            return
        if "trace" not in self._ends:
            self._ends["trace"] = ring.open()
        self.filter = _filter(request)
        records, is_whole = ring.search(self.filter, 0)
        self.traced = ring.last
        await self.send("trace", records, whole=is_whole, fresh=True)

    async def _list(self, request: dict[str, Any]) -> None:
        """Send the rows of coglets whose id, label or class contains a text: all for the table, a few for the search."""
        look = self.hub.look()
        text = str(request.get("text") or "").casefold()
        rows = [
            (seen, state)
            for seen, state in zip(look.seen, look.states, strict=True)
            if not text or any(text in word.casefold() for word in (seen.id, seen.label, seen.class_name))
        ]
        first, most = _number(request.get("from"), 0), min(LONGEST_PAGE, _number(request.get("count"), 50))
        shown = [_row(*row) for row in rows[first : first + most]]
        await self.send("list", shown, total=len(rows), **{"from": first, "tag": request.get("tag")})

    def _end(self, what: str) -> None:
        end = self._ends.pop(what, None)
        if end is not None:
            end()

    def close(self) -> None:
        for what in list(self._ends):
            self._end(what)


def _row(seen: Seen, state: State) -> dict[str, Any]:
    return {**seen._asdict(), **state._asdict()}


def _ids(given: object) -> frozenset[str]:
    return frozenset(id for id in given[:MOST_IDS] if isinstance(id, str)) if isinstance(given, list) else frozenset()


def _number(given: object, default: int) -> int:
    return max(0, given) if isinstance(given, int) else default


def _filter(request: dict[str, Any]) -> TraceFilter:
    """Return the filter of a request; what is no text or number counts as not given."""

    def text(name: str) -> str:
        given = request.get(name)
        return given if isinstance(given, str) else ""

    def number(name: str) -> float | None:
        given = request.get(name)
        return float(given) if isinstance(given, int | float) else None

    kinds = request.get("kinds")
    return TraceFilter(
        path=text("path"),
        kinds=tuple(k for k in kinds if isinstance(k, str)) if isinstance(kinds, list) else (),
        channel=text("channel"),
        since=number("since"),
        before=number("before"),
        text=text("text"),
    )

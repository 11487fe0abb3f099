"""One agent: it looks, chooses where to go by its role, and goes.

What it is doing is always walking: to something that it wants to use, or to where nothing was seen yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cvc.geometry import STEPS, Cell, added, direction, distance, route
from cvc.memory import CLIPS, NEUTRAL, Map
from cvc.settings import Settings

ELEMENTS = ("carbon", "oxygen", "germanium", "silicon")
CARGO, MINERS_CARGO = 4, 40


@dataclass
class Cog:
    """An agent, between two steps."""

    number: int
    role: str
    map: Map
    settings: Settings
    shift: Cell | None = None
    """What makes its own cells those of the team. None until it has seen the hub."""
    at: Cell = (0, 0)
    inventory: dict[str, int] = field(default_factory=dict)
    goal: Cell | None = None
    way: list[Cell] = field(default_factory=list)
    waited: int = 0
    others: set[Cell] = field(default_factory=set)
    """Where it sees other agents now."""
    now: int = 0
    explored: int = -1
    """How many cells the map had when no way to an unknown one was left."""

    # ---- looking -------------------------------------------------------------------------------------------------

    def look(self, seen: dict, team: Map) -> None:  # type: ignore[type-arg]
        """Take in an observation: `Seen` of policy.cog."""
        before = self.at
        own = (seen["row"], seen["col"])
        hub = next((t for t in seen["things"] if t["kind"] == "hub"), None)
        if hub is not None and self.shift is None:
            place = added(own, (hub["row"], hub["col"]))
            self.shift = (-place[0], -place[1])
            team.take_over(self.map, self.shift)
            self.map, self.way, self.goal = team, [], None
        self.at = added(own, self.shift or (0, 0))
        self.inventory, self.now = seen["inventory"], seen["step"]
        self.waited = self.waited + 1 if self.at == before else 0
        self.others = set()
        radius = seen["radius"]
        self.map.seen.update(
            (self.at[0] + row, self.at[1] + col)
            for row in range(-radius, radius + 1)
            for col in range(-radius, radius + 1)
        )
        for thing in seen["things"]:
            cell = added(self.at, (thing["row"], thing["col"]))
            if thing["kind"] == "agent":
                if cell != self.at:
                    self.others.add(cell)
            else:
                self.map.note(cell, thing["kind"], thing["owner"], seen["step"])
        if hub is not None:
            self.map.store = seen["store"]

    # ---- choosing ------------------------------------------------------------------------------------------------

    @property
    def cargo(self) -> int:
        return sum(self.inventory.get(e, 0) for e in ELEMENTS)

    def wishes(self, taken: set[Cell]) -> Iterable[Callable[[], set[Cell]]]:
        """Yield what the agent would walk to, the best first: sets of cells of which the nearest will do."""
        if self.role == "scout":
            return
        if not self.inventory.get(self.role):
            yield lambda: self.map.places.get(self.role, set())
            if self.role != "miner":
                return
        if self.role == "miner":
            room = MINERS_CARGO if self.inventory.get("miner") else CARGO
            if self.cargo >= room:
                yield lambda: self.map.places.get("hub", set())
                return
            for element in sorted(ELEMENTS, key=self._plenty):
                yield lambda element=element: self.map.places.get(f"{element}_extractor", set())  # type: ignore[misc]
            if self.cargo:
                yield lambda: self.map.places.get("hub", set())
        elif not self.inventory.get("heart"):
            if self.map.hearts:  # else it would only stand in the way of those who bring elements
                yield lambda: self.map.places.get("hub", set())
        else:
            wanted = CLIPS if self.role == "scrambler" else NEUTRAL
            yield lambda: set(self.map.held(wanted)) - taken

    def _plenty(self, element: str) -> tuple[int, int]:
        """Return how much of an element there is, at the hub and with the agent; a full load of one is enough."""
        mine = self.inventory.get(element, 0)
        return (self.map.store.get(element, 0) + mine if mine < MINERS_CARGO // 4 else 1_000_000 + mine, self.number)

    # ---- walking -------------------------------------------------------------------------------------------------

    def step(self, taken: set[Cell]) -> str:
        """Return the direction of the next step, or an empty text to stay. `taken` are the goals of the others."""
        self.goal = None
        for wish in self.wishes(taken):
            cells = wish()
            if cells and (way := self._way_to(cells)):
                return self._walk(way)
        way = self._way_to_the_unknown(taken) or self._way_of_the_patrol(taken)
        return self._walk(way) if way else self._aside()

    def _way_to(self, cells: set[Cell]) -> list[Cell] | None:
        if self.way and self.way[-1] in cells and self._still_good():
            return self.way
        return route(self.at, cells.__contains__, self._obstacles(), self.number)

    def _way_to_the_unknown(self, taken: set[Cell]) -> list[Cell] | None:
        if self.explored == len(self.map.seen):
            return None
        if self.way and self.way[-1] not in self.map.seen and self._still_good():
            return self.way
        seen, crowd = self.map.seen, [g for g in taken if g not in self.map.blocked]

        def alone(cell: Cell) -> bool:
            return cell not in seen and all(distance(cell, other) >= self.settings.crowd for other in crowd)

        obstacles = self._obstacles()
        way = route(self.at, alone, obstacles, self.number) or route(
            self.at, lambda cell: cell not in seen, obstacles, self.number
        )
        if way is None:
            self.explored = len(seen)
        return way

    def _way_of_the_patrol(self, taken: set[Cell]) -> list[Cell] | None:
        """Return the way to the junction that nobody has seen for longest: the Clips may have come there."""
        looked = self.map.looked
        if self.way and self.way[-1] in looked and looked[self.way[-1]] < self.now - 1 and self._still_good():
            return self.way
        oldest = min(looked.keys() - taken, key=lambda cell: (looked[cell], cell), default=None)
        return None if oldest is None else route(self.at, oldest.__eq__, self._obstacles(), self.number)

    def _obstacles(self) -> set[Cell]:
        near = {c for c in self.others if distance(c, self.at) <= 2}
        return self.map.blocked | near if near else self.map.blocked

    def _still_good(self) -> bool:
        """Drop what was walked of the way, and say whether the rest still leads on from here."""
        if self.way and self.way[0] == self.at:
            self.way = self.way[1:]
        if not self.way or self.waited >= self.settings.patience or distance(self.at, self.way[0]) != 1:
            return False
        return self.way[0] not in self.others and all(c not in self.map.blocked for c in self.way[:-1])

    def _walk(self, way: list[Cell]) -> str:
        self.way, self.goal = way, way[-1]
        if self.waited and self.waited % (self.settings.patience + self.number % 3) == 0:
            return self._aside()
        if any(distance(c, way[0]) <= 1 for c in self.others) and (self.now * 7 + self.number * 13) % 5 == 0:
            return ""  # two who make room for each other at once would do so for ever
        return direction(self.at, way[0])

    def _aside(self) -> str:
        """Step to a free cell beside, another one each time: somebody stands in the way."""
        names = list(STEPS)
        for n in range(4):
            name = names[(self.number + self.waited + n) % 4]
            cell = added(self.at, STEPS[name])
            if cell not in self.map.blocked and cell not in self.others:
                return name
        return ""

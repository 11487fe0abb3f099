"""What is known of the map: by each agent alone until it has seen the hub, by the team from then on.

An agent knows its place only as an offset from where it began. The hub is one: agents that have seen it count from it, and so share one map.
"""

from __future__ import annotations

from cvc.geometry import Cell, added

NEUTRAL, COGS, CLIPS = "", "cogs", "clips"


class Map:
    """Cells that were seen, and what stands on them. Agents are not kept: they are elsewhere in the next step."""

    def __init__(self) -> None:
        self.seen: set[Cell] = set()
        self.blocked: set[Cell] = set()
        """Cells that nobody can enter: walls, and all that is used by walking into it."""
        self.places: dict[str, set[Cell]] = {}
        """Cells by what stands there: `hub`, `carbon_extractor`, `miner` for the station of that role."""
        self.junctions: dict[Cell, str] = {}
        """Who holds each junction."""
        self.looked: dict[Cell, int] = {}
        """The step in which each junction was last seen."""
        self.store: dict[str, int] = {}
        """What the hub held when it was last seen."""

    def note(self, cell: Cell, kind: str, owner: str, step: int) -> None:
        self.blocked.add(cell)
        if kind == "junction":
            self.junctions[cell] = owner
            self.looked[cell] = step
        elif kind != "wall":
            self.places.setdefault(kind, set()).add(cell)

    def take_over(self, other: Map, shift: Cell) -> None:
        """Add what another map has, whose cells are moved by `shift`."""
        self.seen.update(added(c, shift) for c in other.seen)
        self.blocked.update(added(c, shift) for c in other.blocked)
        for kind, cells in other.places.items():
            self.places.setdefault(kind, set()).update(added(c, shift) for c in cells)
        for cell, step in other.looked.items():
            place = added(cell, shift)
            if step > self.looked.get(place, -1):
                self.looked[place], self.junctions[place] = step, other.junctions[cell]

    @property
    def hearts(self) -> int:
        """How many hearts the hub can give by what it held when it was last seen; 1 if it was never seen."""
        return min(self.store.values(), default=1)

    def held(self, owner: str) -> list[Cell]:
        return [cell for cell, holder in self.junctions.items() if holder == owner]

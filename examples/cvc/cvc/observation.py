"""From the tokens of mettagrid to what an agent has seen: `Seen` of policy.cog."""

from __future__ import annotations

from typing import Any

from cvc.cog import ELEMENTS

KINDS = ("wall", "agent", "hub", "junction", "miner", "aligner", "scrambler", "scout")


class Reader:
    """Reads the observations of one mission: which numbers mean what is fixed for it."""

    def __init__(self, tags: list[str], height: int, width: int) -> None:
        self.center = (height // 2, width // 2)
        self.radius = min(self.center)
        self.kinds = {
            n: tag.removeprefix("type:") for n, tag in enumerate(tags) if tag.startswith("type:") and self._known(tag)
        }
        self.owners = {n: tag.removeprefix("team:") for n, tag in enumerate(tags) if tag.startswith("team:")}

    @staticmethod
    def _known(tag: str) -> bool:
        kind = tag.removeprefix("type:")
        return kind in KINDS or kind.endswith("_extractor")

    def seen(self, observation: Any, step: int) -> dict[str, Any]:
        """Return what an agent has seen. Places are relative to the agent, its own to where it began."""
        row = col = 0
        kinds: dict[tuple[int, int], str] = {}
        owners: dict[tuple[int, int], str] = {}
        amounts: dict[tuple[int, int], dict[str, int]] = {}
        for token in observation.tokens:
            name, value, location = token.feature.name, int(token.value), token.location
            if name == "tag" and location is not None:
                if value in self.kinds:
                    kinds[location] = self.kinds[value]
                elif value in self.owners:
                    owners[location] = self.owners[value]
            elif name.startswith("inv:") and location is not None:
                item, power = name[4:], 0
                if ":p" in item:
                    item, _, digits = item.rpartition(":p")
                    power = int(digits)
                held = amounts.setdefault(location, {})
                held[item] = held.get(item, 0) + value * max(int(token.feature.normalization), 1) ** power
            elif name == "lp:north":
                row -= value
            elif name == "lp:south":
                row += value
            elif name == "lp:west":
                col -= value
            elif name == "lp:east":
                col += value
        hub = next((place for place, kind in kinds.items() if kind == "hub"), None)
        return {
            "agent": observation.agent_id,
            "step": step,
            "row": row,
            "col": col,
            "radius": self.radius,
            "inventory": amounts.get(self.center, {}),
            "store": {e: amounts.get(hub, {}).get(e, 0) for e in ELEMENTS} if hub is not None else {},
            "things": [
                {
                    "row": place[0] - self.center[0],
                    "col": place[1] - self.center[1],
                    "kind": kind,
                    "owner": owners.get(place, ""),
                }
                for place, kind in kinds.items()
            ],
        }

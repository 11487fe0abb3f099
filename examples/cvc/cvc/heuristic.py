"""The heuristic: what each agent does in each step. It decides alone; a model may change roles from time to time."""

from __future__ import annotations

from typing import Any

from cvc.cog import Cog
from cvc.memory import CLIPS, COGS, NEUTRAL, Map
from cvc.roles import roles
from cvc.settings import Settings

REVIEW = 40
"""The steps between two reviews of the roles."""


class Team:
    """The agents of a team, and the map that they share."""

    def __init__(self, agents: int, settings: Settings) -> None:
        self.settings = settings
        self.map = Map()
        self.advised: dict[str, int] = {}
        self.cogs = [Cog(n, role, Map(), settings) for n, role in enumerate(roles(self.map, agents, {}, settings))]

    def step(self, seen: dict[str, Any]) -> str:
        """Return the move of an agent that has seen this: a direction, or an empty text."""
        cog = self.cogs[seen["agent"]]
        cog.look(seen, self.map)
        if seen["step"] % REVIEW == 0:
            self._review(cog)
        taken = {c.goal for c in self.cogs if c is not cog and c.goal is not None and c.map is cog.map}
        return cog.step(taken)

    def _review(self, cog: Cog) -> None:
        """Give an agent the role that the plan has for it, unless it carries what its own role is about to use."""
        if not cog.inventory.get("heart") and cog.cargo == 0:
            cog.role = roles(self.map, len(self.cogs), self.advised, self.settings)[cog.number]

    def report(self, step: int) -> dict[str, Any]:
        """Return what is known, in the form of `Report` of policy.cog."""
        return {
            "step": step,
            "cogs": len(self.map.held(COGS)),
            "clips": len(self.map.held(CLIPS)),
            "neutral": len(self.map.held(NEUTRAL)),
            "store": dict(sorted(self.map.store.items())),
            "roles": {role: sum(c.role == role for c in self.cogs) for role in sorted({c.role for c in self.cogs})},
            "at_home": sum(c.shift is not None for c in self.cogs),
        }

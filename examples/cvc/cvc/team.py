"""The heuristic as a coglet: observations in, moves out, a report from time to time, advice as a command."""

from __future__ import annotations

from typing import Any

from cogc.sdk import Coglet, enact, listen
from cvc.heuristic import Team
from cvc.settings import settings


class TeamCoglet(Coglet):
    def __init__(self, agents: int, review: int, heuristic: str) -> None:
        self.team = Team(agents, settings(heuristic))
        self.agents = agents
        self.review = review

    @listen("seen")
    async def decide(self, seen: dict[str, Any]) -> None:
        direction = self.team.step(seen)
        await self.transmit("move", {"agent": seen["agent"], "step": seen["step"], "direction": direction})
        if seen["agent"] == self.agents - 1 and seen["step"] % self.review == self.review - 1:
            await self.transmit("report", self.team.report(seen["step"]))

    @enact("advise")
    async def advise(self, miners: int, aligners: int, scramblers: int) -> None:
        self.team.advised = {"miner": miners, "aligner": aligners, "scrambler": scramblers}

"""Who does what: a plan of roles for the team, by what the map asks for, or as a model has advised."""

from __future__ import annotations

from cvc.memory import CLIPS, Map
from cvc.settings import Settings

ROLES = ("miner", "aligner", "scrambler", "scout")


def roles(map: Map, number: int, advised: dict[str, int], settings: Settings) -> list[str]:
    """Return the role of each of so many agents. `advised` has how many there should be of some roles."""
    clips = len(map.held(CLIPS))
    miners = number // 2 + 1 if map.hearts < settings.poor else number // 3 if map.hearts < settings.rich else 1
    scramblers = min((clips + 1) // 2, settings.scramblers)
    wanted = {"miner": miners, "scrambler": scramblers, "scout": 0, **advised}
    plan = [role for role, n in wanted.items() if role in ROLES for _ in range(n)][:number]
    return plan + ["aligner"] * (number - len(plan))

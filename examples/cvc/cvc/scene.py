"""What is to be seen of a game while it goes on: the map, the roles, the score."""

from __future__ import annotations

import json
from typing import Any

from mettagrid.simulator.interface import SimulatorEventHandler

from cvc.cog import ELEMENTS
from cvc.mission import CLIPS, COGS, ROLES

STATIONS = {"miner": "M", "aligner": "A", "scrambler": "S", "scout": "T"}
SIGNS = {"wall": "#", "hub": "H", **{f"{element}_extractor": element[0] for element in ELEMENTS}, **STATIONS}
"""What stands for a thing on the map. An agent is its number."""
NEUTRAL, OURS, THEIRS = "·", "+", "x"
"""What stands for a junction."""


class Scenes(SimulatorEventHandler):  # type: ignore[misc]
    """Prints a scene as a line of JSON after each step that `every` divides."""

    def __init__(self, every: int) -> None:
        super().__init__()
        self.every = every

    def on_step(self) -> None:
        if self._sim.current_step % self.every == 0:
            print(json.dumps({"scene": scene(self._sim)}, ensure_ascii=False), flush=True)


def scene(sim: Any) -> dict[str, Any]:
    """Return the scene: `step`; `held` and `clips`, the junctions of either side; `score`, the junctions held in a step, on average so
    far; `roles`, the gear of each agent; `map`, a line for each row of cells.
    """
    teams = {number: name for number, name in enumerate(sim.config.game.id_map().tag_names()) if name in (COGS, CLIPS)}
    rows = [[" "] * sim.map_width for _ in range(sim.map_height)]
    owners, roles = [], {}
    for thing in sim.grid_objects().values():
        kind = thing["type_name"]
        if kind == "agent":
            number, gear = thing["agent_id"], {sim.resource_names[n] for n, has in thing["inventory"].items() if has}
            roles[str(number)] = next((role for role in ROLES if role in gear), "")
            sign = str(number)[-1]
        elif kind == "junction":
            owners.append(next((teams[n] for n in thing["tag_ids"] if n in teams), ""))
            sign = {COGS: OURS, CLIPS: THEIRS}.get(owners[-1], NEUTRAL)
        else:
            sign = SIGNS.get(kind, "?")
        rows[thing["r"]][thing["c"]] = sign
    rewards = float(sum(sim.episode_rewards)) / sim.num_agents * sim.config.game.max_steps
    return {
        "step": sim.current_step,
        "held": owners.count(COGS),
        "clips": owners.count(CLIPS),
        "score": round(rewards / max(1, sim.current_step), 2),
        "roles": dict(sorted(roles.items())),
        "map": "\n".join("".join(row) for row in rows),
    }

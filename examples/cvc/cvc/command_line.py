"""The command line of cogames with our mission: the package of the game itself is on no registry."""

from __future__ import annotations

from importlib.util import find_spec

from cogames.core import CoGameMission
from cogames.game import CoGame, register_game
from cogames.main import app
from mettagrid.config.mettagrid_config import MettaGridConfig

from cvc.mission import AGENTS, STEPS, machina

GAME = "cogsguard"


class Machina(CoGameMission):
    """The mission as cogames lists it."""

    def make_base_env(self) -> MettaGridConfig:
        return machina(self.max_steps, self.num_cogs or AGENTS)


def main() -> None:
    if find_spec(GAME) is None:  # else the game itself has missions of these names
        env = machina()
        mission = Machina(
            name="machina_1",
            description="Eight cogs, forty junctions, and Clips that land and spread",
            map_builder=env.game.map_builder,
            max_steps=STEPS,
        )
        register_game(CoGame(name=GAME, missions=[mission], variants=[]))
    app()


if __name__ == "__main__":
    main()

"""The mission that the player is made for, on mettagrid: a base, extractors, junctions, and Clips that spread.

Everything happens by walking into things. Miners bring the four elements to the hub. The hub gives a heart for one of each. Aligners
spend a heart to take a neutral junction; scramblers spend one to make a junction of the Clips neutral. The Clips neutralise and take
junctions next to their own. The score of a step is the number of junctions that the team holds.
"""

from __future__ import annotations

from mettagrid.config.action_config import ActionsConfig, ChangeVibeActionConfig, MoveActionConfig
from mettagrid.config.event_config import EventConfig, periodic
from mettagrid.config.filter import (
    actorHas,
    actorHasAnyOf,
    hasTag,
    hasTagPrefix,
    isNear,
    isNot,
    query,
    targetHas,
    typeTag,
)
from mettagrid.config.game_value import num
from mettagrid.config.handler_config import Handler, firstMatch
from mettagrid.config.mettagrid_config import (
    AgentConfig,
    GameConfig,
    GridObjectConfig,
    InventoryConfig,
    MettaGridConfig,
    ResourceLimitsConfig,
    WallConfig,
)
from mettagrid.config.mutation import addTag, deposit, logStatToGame, removeTagPrefix, updateActor, updateTarget
from mettagrid.config.obs_config import GlobalObsConfig, ObsConfig
from mettagrid.config.query import Query
from mettagrid.config.reward_config import reward
from mettagrid.map_builder.random_map import RandomMapBuilder

from cvc.cog import CARGO, ELEMENTS, MINERS_CARGO

ROLES = ("miner", "aligner", "scrambler", "scout")
TEAM = "team:"
COGS, CLIPS = f"{TEAM}cogs", f"{TEAM}clips"
AGENTS = 8
STEPS = 10_000
SIZE = 56
MINED, MINED_BY_MINERS = 1, 10
REACH = 14
"""How far from their own junctions the Clips take others, in cells."""
CALM = 300
"""The step at which the Clips begin."""
PACE = 50
"""The steps from one move of the Clips to the next."""
LANDING = 400
"""The steps from one landing of the Clips to the next. They land on any junction."""
ON_THE_MAP = {
    "hub": 1,
    "junction": 36,
    "clips_junction": 4,
    "wall": 160,
    **{f"{element}_extractor": 5 for element in ELEMENTS},
    **dict.fromkeys(ROLES, 2),
}


def machina(steps: int = STEPS, agents: int = AGENTS) -> MettaGridConfig:
    """Return the mission. Its map follows from the seed of the episode."""
    return MettaGridConfig(
        label="machina_1",
        game=GameConfig(
            num_agents=agents,
            max_steps=steps,
            resource_names=[*ELEMENTS, "heart", *ROLES],
            obs=ObsConfig(num_tokens=300, global_obs=GlobalObsConfig(last_action_move=True, local_position=True)),
            actions=ActionsConfig(move=MoveActionConfig(), change_vibe=ChangeVibeActionConfig(enabled=False)),
            agent=agent(steps),
            objects={
                "wall": WallConfig(),
                "hub": hub(),
                "junction": junction("junction", []),
                "clips_junction": junction("clips_junction", [CLIPS]),
                **{f"{element}_extractor": extractor(element) for element in ELEMENTS},
                **{role: station(role) for role in ROLES},
            },
            tags=[COGS, CLIPS],
            events=clips(steps),
            map_builder=RandomMapBuilder.Config(
                width=SIZE, height=SIZE, border_width=1, agents=agents, objects=ON_THE_MAP
            ),
        ),
    )


def agent(steps: int) -> AgentConfig:
    held = num(typeTag("junction"), [hasTag(COGS)])
    return AgentConfig(
        tags=[COGS],
        inventory=InventoryConfig(
            limits={
                "cargo": ResourceLimitsConfig(resources=list(ELEMENTS), base=CARGO, modifiers={"miner": MINERS_CARGO}),
                "heart": ResourceLimitsConfig(resources=["heart"], base=1),
                "gear": ResourceLimitsConfig(resources=list(ROLES), base=1),
            }
        ),
        rewards={"held": reward(held, weight=1.0 / steps, per_tick=True)},
    )


def hub() -> GridObjectConfig:
    """Take the elements that an agent brings; give a heart to one that brings none, for one of each element."""
    price = dict.fromkeys(ELEMENTS, 1)
    return GridObjectConfig(
        name="hub",
        tags=[COGS],
        inventory=InventoryConfig(initial=dict.fromkeys(ELEMENTS, 4)),
        on_use_handler=firstMatch([
            Handler(
                name="deposit",
                filters=[actorHasAnyOf(list(ELEMENTS))],
                mutations=[deposit(dict.fromkeys(ELEMENTS, -1))],
            ),
            Handler(
                name="heart",
                filters=[targetHas(price), isNot(actorHas({"heart": 1}))],
                mutations=[updateTarget({e: -n for e, n in price.items()}), updateActor({"heart": 1})],
            ),
        ]),
    )  # fmt: skip


def station(role: str) -> GridObjectConfig:
    """Give the gear of a role; what the agent had of another role is gone."""
    others = dict.fromkeys((r for r in ROLES if r != role), -1)
    return GridObjectConfig(
        name=role,
        tags=[COGS],
        on_use_handler=Handler(
            filters=[isNot(actorHas({role: 1}))], mutations=[updateActor(others), updateActor({role: 1})]
        ),
    )


def extractor(element: str) -> GridObjectConfig:
    return GridObjectConfig(
        name=f"{element}_extractor",
        on_use_handler=firstMatch([
            Handler(name="miner", filters=[actorHas({"miner": 1})], mutations=[updateActor({element: MINED_BY_MINERS})]),
            Handler(name="other", mutations=[updateActor({element: MINED})]),
        ]),
    )  # fmt: skip


def junction(name: str, tags: list[str]) -> GridObjectConfig:
    """A neutral junction is taken by an aligner, one of the Clips made neutral by a scrambler; each costs a heart."""
    return GridObjectConfig(
        name="junction",
        map_name=name,
        tags=tags,
        on_use_handler=firstMatch([
            Handler(
                name="align",
                filters=[isNot(hasTagPrefix(TEAM)), actorHas({"aligner": 1, "heart": 1})],
                mutations=[addTag(COGS), updateActor({"heart": -1}), logStatToGame("junctions.aligned")],
            ),
            Handler(
                name="scramble",
                filters=[hasTag(CLIPS), actorHas({"scrambler": 1, "heart": 1})],
                mutations=[removeTagPrefix(TEAM), updateActor({"heart": -1}), logStatToGame("junctions.scrambled")],
            ),
        ]),
    )  # fmt: skip


def clips(steps: int) -> dict[str, EventConfig]:
    """At each move the Clips take one neutral junction near theirs, or make one of the team's neutral; and they land anew."""
    theirs = query(typeTag("junction"), [hasTag(CLIPS)])

    def move(name: str, start: int, wanted: list, mutations: list) -> EventConfig:  # type: ignore[type-arg]
        return EventConfig(
            name=name,
            target_query=Query(source=typeTag("junction"), filters=[*wanted, isNear(theirs, REACH)], order_by="random"),
            timesteps=periodic(start, 2 * PACE, steps),
            max_targets=1,
            mutations=mutations,
        )

    return {
        "clips_land": EventConfig(
            name="clips_land",
            target_query=Query(source=typeTag("junction"), filters=[isNot(hasTag(CLIPS))], order_by="random"),
            timesteps=periodic(CALM, LANDING, steps),
            max_targets=1,
            mutations=[removeTagPrefix(TEAM), addTag(CLIPS)],
        ),
        "clips_take": move("clips_take", CALM, [isNot(hasTagPrefix(TEAM))], [addTag(CLIPS)]),
        "clips_neutralise": move("clips_neutralise", CALM + PACE, [hasTag(COGS)], [removeTagPrefix(TEAM)]),
    }

"""The policy for cogames: `-p class=cvc.cvc_policy.CogletPolicy`.

`step` is synchronous and has a deadline. It hands the observation to the running system of policy.cog and returns its move. The
model of the system is asked beside this: no step waits for it.
"""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar

from mettagrid.policy.policy import AgentPolicy, MultiAgentPolicy
from mettagrid.policy.policy_env_interface import PolicyEnvInterface
from mettagrid.simulator import Action, AgentObservation, Simulation

from cvc.observation import Reader
from cvc.system import System

REVIEW = 700
"""The steps from one look of the model at the game to the next: fourteen in an episode of 10,000."""


class CogletPolicy(MultiAgentPolicy):
    """Eight agents, one system.

    Each keyword is one of the command line, `kw.NAME=VALUE`: `review`, the steps between two looks of the model; `brain`, a
    model in place of the scripted one; `learnings`, a folder for what was learnt in each episode; `record`, a folder for
    the journals; `heuristic`, a file with other settings of the heuristic.
    """

    short_names: ClassVar[list[str]] = ["coglet"]

    def __init__(
        self,
        policy_env_info: PolicyEnvInterface,
        device: str = "cpu",
        review: int = REVIEW,
        brain: str = "",
        learnings: str = "",
        record: str = "",
        heuristic: str = "",
        **more: Any,
    ):
        super().__init__(policy_env_info, device=device, **more)
        self.reader = Reader(policy_env_info.tags, policy_env_info.obs_height, policy_env_info.obs_width)
        self.review, self.brain, self.heuristic = int(review), brain, heuristic
        self.learnings, self.record = learnings, record
        self.system: System | None = None
        self.seconds: list[float] = []
        """How long each step took."""

    def agent_policy(self, agent_id: int) -> AgentPolicy:
        return CogletAgentPolicy(self, agent_id)

    def begin(self) -> System:
        """Return the system of this episode; the first agent of an episode starts it."""
        if self.system is None:
            journal = next_file(self.record, "jsonl") if self.record else None
            self.system = System(
                self._policy_env_info.num_agents, self.review, self.brain, str(journal or ""), self.heuristic
            )
        return self.system

    def begin_anew(self) -> None:
        """Begin an episode, before the first step, which has a deadline. The agents are reset one after the other."""
        if self.system is not None and self.system.moves:
            self.end()
        self.begin()

    def end(self) -> None:
        """End an episode: stop the system, and write what was learnt."""
        if self.system is not None:
            system, self.system = self.system, None
            system.stop()
            if self.learnings:
                next_file(self.learnings, "json").write_text(json.dumps(system.learnings, indent=1))

    def __del__(self) -> None:
        self.end()


def next_file(folder: str, ending: str) -> Path:
    """Return the name of a file that is not there yet, in a folder that is made where it is missing."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    return next(f for n in range(10_000) if not (f := Path(folder) / f"{n:04}.{ending}").exists())


class CogletAgentPolicy(AgentPolicy):
    """One agent of the team."""

    def __init__(self, team: CogletPolicy, agent_id: int) -> None:
        super().__init__(team.policy_env_info)
        self.team = team
        self.agent_id = agent_id
        self.count = 0

    def step(self, obs: AgentObservation) -> Action:
        since = perf_counter()
        direction = self.team.begin().move(self.team.reader.seen(obs, self.count))
        self.count += 1
        self.team.seconds.append(perf_counter() - since)
        return Action(name=f"move_{direction}" if direction else "noop")

    def reset(self, simulation: Simulation | None = None) -> None:
        self.count = 0
        self.team.begin_anew()

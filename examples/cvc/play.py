"""Plays one episode without a screen or a network, and prints a line of JSON last. `play.sh` makes the environment for it."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from statistics import quantiles

from cvc.mission import AGENTS, STEPS, machina
from cvc.scene import Scenes
from mettagrid.policy.loader import initialize_or_load_policy
from mettagrid.policy.policy import PolicySpec
from mettagrid.policy.policy_env_interface import PolicyEnvInterface
from mettagrid.runner.rollout import resolve_env_for_seed
from mettagrid.simulator.rollout import Rollout

DEADLINE = 250
"""Milliseconds that a step may take, as in `cogames run`."""
OURS = "cvc.cvc_policy.CogletPolicy"
POLICIES = {
    "coglet": OURS,
    "random": "mettagrid.policy.random_agent.RandomMultiAgentPolicy",
    "starter": "cogames.policy.starter_agent.StarterPolicy",
}


def episode(policy: str, seed: int, steps: int, keywords: dict[str, str], every: int = 0) -> dict[str, float]:
    """Play an episode, and return its score, which is the number of junctions held in a step on average, and its times.

    Print a scene of each step that `every` divides, if it is not 0.
    """
    env = resolve_env_for_seed(machina(steps), seed)
    spec = PolicySpec(class_path=POLICIES.get(policy, policy), init_kwargs=keywords)
    player = initialize_or_load_policy(PolicyEnvInterface.from_mg_cfg(env), spec)
    rollout = Rollout(
        env, [player.agent_policy(n) for n in range(AGENTS)],
        seed=seed, max_action_time_ms=DEADLINE, render_mode="none", autostart=True,
        event_handlers=[Scenes(every)] if every else [], policy_group_keys=[0] * AGENTS,
    )  # fmt: skip
    rollout.run_until_done()
    if hasattr(player, "end"):
        player.end()
    times = quantiles([1000 * s for s in getattr(player, "seconds", [])] or [0, 0], n=100)
    return {
        "score": round(float(sum(rollout._sim.episode_rewards)) / AGENTS, 4),
        "steps": rollout._sim.current_step,
        "agents": AGENTS,
        "timeouts": sum(rollout.timeout_counts),
        "step_p50_ms": round(times[49], 3),
        "step_p99_ms": round(times[98], 3),
    }


def main() -> None:
    parser = ArgumentParser(prog="play", description=__doc__)
    parser.add_argument("--seed", type=int, default=42, metavar="N")
    parser.add_argument("--steps", type=int, default=STEPS, metavar="N")
    parser.add_argument("--policy", default="coglet", metavar="CLASS", help="a class, or coglet, random, starter")
    parser.add_argument("--kw", action="append", default=[], metavar="NAME=VALUE", help="a keyword of the policy")
    parser.add_argument(
        "--every", type=int, default=0, metavar="N", help="print a scene, a line of JSON, every N steps"
    )
    options = parser.parse_args()
    keywords = dict(pair.split("=", 1) for pair in options.kw if "=" in pair)
    if len(keywords) < len(options.kw):
        parser.error("--kw: write NAME=VALUE")
    if options.steps < 1:
        parser.error("--steps: at least 1")
    if options.every < 0:
        parser.error("--every: at least 0")
    print(json.dumps(episode(options.policy, options.seed, options.steps, keywords, options.every)))


if __name__ == "__main__":
    sys.exit(main())

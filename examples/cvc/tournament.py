"""What tournament.cog calls: an episode as a process of its own, and the table."""

from __future__ import annotations

import json
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from subprocess import run
from typing import Any

PLAY = Path(__file__).resolve().parent / "play.sh"
STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
"""The 97.5 % points of Student's t for 1 to 9 degrees of freedom; beyond, 1.96 and a little more."""


def episode(policy: str, seed: int, steps: int, *keywords: str) -> dict[str, Any]:
    """Play an episode, and return its result. `keywords` are those of the policy, such as `heuristic=FILE`."""
    words = [str(PLAY), "--policy", policy, "--seed", str(seed), "--steps", str(steps)]
    words += [w for keyword in keywords for w in ("--kw", keyword)]
    done = run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"play.sh ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def interval(scores: list[float]) -> float:
    """Return half the width of the interval that holds the mean with a confidence of 95 %; 0 for a single score."""
    if len(scores) < 2:
        return 0.0
    points = STUDENT[len(scores) - 2] if len(scores) - 2 < len(STUDENT) else 1.96 + 2.4 / (len(scores) - 1)
    return points * stdev(scores) / sqrt(len(scores))


def table(games: list[dict[str, Any]]) -> str:
    """Return the table of a tournament, the best policy first."""
    by_policy: dict[str, list[dict[str, Any]]] = {}
    for game in sorted(games, key=lambda g: g["seed"]):
        by_policy.setdefault(game["policy"], []).append(game["result"])
    rows = []
    for policy, results in by_policy.items():
        scores = [r["score"] for r in results]
        rows.append((mean(scores), interval(scores), policy, results))
    rows.sort(key=lambda row: -row[0])
    lines = [f"{'policy':<12} {'games':>5} {'score':>8} {'95 %':>8} {'timeouts':>8} {'p99 ms':>8}"]
    for score, wide, policy, results in rows:
        late = sum(r["timeouts"] for r in results)
        slowest = max(r["step_p99_ms"] for r in results)
        lines.append(
            f"{policy:<12} {len(results):>5} {score:>8.2f} {'±' + format(wide, '.2f'):>8} {late:>8} {slowest:>8.1f}"
        )
    return "\n".join(lines)

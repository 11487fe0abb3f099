"""An episode of the game as a process of its own, and the table of many. tournament.cog, coach.cog and the GameLet play by it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from subprocess import PIPE
from typing import Any

import trio

HERE = Path(__file__).resolve().parent
STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
"""The 97.5 % points of Student's t for 1 to 9 degrees of freedom; beyond, 1.96 and a little more."""
Heard = Callable[[str], Awaitable[None]]


async def command(*words: str, heard: Heard | None = None) -> str:
    """Run a command, and return its stdout. `heard` is given each line at once.

    Raise RuntimeError with the end of what the command says, if it ends with another code than 0.
    """
    lines: list[str] = []
    said = ""

    async def complaints() -> None:
        nonlocal said
        async for part in process.stderr:
            said = (said + part.decode(errors="replace"))[-300:]

    async with trio.open_nursery() as nursery:
        process = await nursery.start(partial(trio.run_process, words, cwd=HERE, stdout=PIPE, stderr=PIPE, check=False))
        nursery.start_soon(complaints)
        rest = b""
        async for part in process.stdout:
            *whole, rest = (rest + part).split(b"\n")
            for line in whole:
                lines.append(line.decode(errors="replace"))
                if heard is not None:
                    await heard(lines[-1])
        if rest:  # a last line without an end
            lines.append(rest.decode(errors="replace"))
    if process.returncode:
        complaint = said.strip() or " ".join(lines[-3:])
        raise RuntimeError(f"{Path(words[0]).name} {words[1]} ended with {process.returncode}: {complaint}")
    return "\n".join(lines)


async def episode(
    policy: str,
    seed: int,
    steps: int,
    *keywords: str,
    every: int = 0,
    scene: Callable[[Any], Awaitable[None]] | None = None,
) -> dict[str, Any]:
    """Play an episode, and return its result. `keywords` are those of the policy, such as `heuristic=FILE`.

    `scene` is given a scene (cvc/scene.py) of each step that `every` divides.
    """

    async def heard(line: str) -> None:
        told = json.loads(line) if line.startswith('{"scene"') else {}
        if scene is not None and "scene" in told:
            await scene(told["scene"])

    words = ["--policy", policy, "--seed", str(seed), "--steps", str(steps), "--every", str(every)]
    words += [w for keyword in keywords for w in ("--kw", keyword)]
    said = await command(str(HERE / "play.sh"), *words, heard=heard)
    return json.loads(said.splitlines()[-1])  # type: ignore[no-any-return]


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

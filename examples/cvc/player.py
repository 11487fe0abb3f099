"""What coach.cog calls: settings of the heuristic as a git repository, games that are played with them, and what comes of it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean
from typing import Any

import tournament

from cogc.sdk import Coglet, GitLet, LifeLet, enact

HERE = Path(__file__).resolve().parent
WORK = HERE / "work"
SETTINGS, LOG, PLAYED, LEARNINGS = (
    WORK / "heuristic.json",
    WORK / "coach_log.jsonl",
    WORK / "played.json",
    WORK / "learnings",
)
START = {"poor": 40, "rich": 64, "scramblers": 1, "crowd": 1, "patience": 3}
"""The settings that the coach begins with: worse than those of the player, so that there is something to learn."""
MARGIN = 0.02
"""A mean may be so much smaller, as a part of the one before, and count as no worse."""


def git(*words: str) -> str:
    """Run git on the work's own repository, and return what it prints. Raise RuntimeError with git's words."""
    done = subprocess.run(["git", "-C", str(WORK), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"git {words[0]}: {(done.stderr or done.stdout).strip()}")
    return done.stdout.strip()


def begin() -> None:
    """Make the repository, if it is not there yet."""
    if not (WORK / ".git").is_dir():
        WORK.mkdir(exist_ok=True)
        git("init", "-q")
        git("config", "user.name", "coach")
        git("config", "user.email", "coach@localhost")
        (WORK / ".gitignore").write_text("played.json\nlearnings/\ncoach_log.jsonl\n")
        SETTINGS.write_text(json.dumps(START) + "\n")
        git("add", ".")
        git("commit", "-q", "-m", "the settings to begin with")


def experience() -> str:
    """Return what the coach tells the model."""
    told = [f"The settings are {SETTINGS.read_text().strip()}."]
    told += [f"Tried: {line}" for line in LOG.read_text().splitlines()[-10:]] if LOG.exists() else []
    reports = sorted(LEARNINGS.glob("*.json")) if LEARNINGS.exists() else []
    told += [f"Learnt in a game: {json.dumps(json.loads(p.read_text())[-1:])}" for p in reports[-3:]]
    return "\n".join(told)


def games(seeds: list[int], steps: int) -> list[float]:
    """Return the score of each seed with the settings as they are."""
    played = json.loads(PLAYED.read_text()) if PLAYED.exists() else {}
    now = hashlib.sha256(SETTINGS.read_bytes()).hexdigest()[:12]

    def score(seed: int) -> float:
        keywords = f"heuristic={SETTINGS}", f"learnings={LEARNINGS}/{seed}-{now}"
        return float(tournament.episode("coglet", seed, steps, *keywords)["score"])

    missing = [seed for seed in seeds if f"{now} {steps} {seed}" not in played]
    with ThreadPoolExecutor(2) as pool:
        for seed, found in zip(missing, pool.map(score, missing), strict=True):
            played[f"{now} {steps} {seed}"] = found
    PLAYED.write_text(json.dumps(played, indent=1))
    return [played[f"{now} {steps} {seed}"] for seed in seeds]


def change(idea: dict[str, Any]) -> str:
    """Change a setting, and commit it, with the reason as its message. Return the name of the commit."""
    given = json.loads(SETTINGS.read_text())
    SETTINGS.write_text(json.dumps({**given, idea["setting"]: idea["value"]}) + "\n")
    git("commit", "-q", "--allow-empty", "-a", "-m", f"{idea['setting']} = {idea['value']}: {idea['why']}")
    return git("rev-parse", "HEAD")


def not_worse(work: dict[str, Any]) -> dict[str, str]:
    """The criterion: the mean over the seeds has not fallen."""
    before, after = mean(work["before"]), mean(work["after"])
    details = f"the mean was {before:.2f} and is {after:.2f}, over {len(work['after'])} seeds"
    return {"status": "PASS" if after >= before * (1 - MARGIN) else "FAIL", "details": details, "output": ""}


def note(trial: Any, verdict: str) -> bool:
    """Write a line of coach_log.jsonl."""
    with LOG.open("a", encoding="utf-8") as log:
        log.write(json.dumps({"verdict": verdict, "trial": trial, "commit": git("rev-parse", "HEAD")}) + "\n")
    return True


class PlayerCoglet(GitLet, Coglet, LifeLet):
    """The player across games: its settings are a repository, and what made it worse is taken back by a commit."""

    async def on_start(self) -> None:
        begin()
        await self.transmit("ready", git("rev-parse", "HEAD"))

    @enact("take_back")
    async def take_back(self, why: str) -> None:
        await self.revert()
        await self.transmit("taken_back", why)

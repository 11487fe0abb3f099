"""What coach.cog calls: the player across its games. The settings of its heuristic are a git repository; what it learns is kept with them."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from statistics import mean
from typing import Any

import games
import trio

from cogc.sdk import Coglet, GitLet, LifeLet, enact

HERE = Path(__file__).resolve().parent
WORK = HERE / "work"
SETTINGS, LOG, EXPERIENCE, LEARNINGS = (
    WORK / "heuristic.json",
    WORK / "coach_log.jsonl",
    WORK / "experience.json",
    WORK / "learnings",
)
START = {"poor": 40, "rich": 64, "scramblers": 1, "crowd": 1, "patience": 3}
"""The settings that the coach begins with: worse than those of the player, so that there is something to learn."""
MARGIN = 0.02
"""A mean may be so much smaller, as a part of the one before, and count as no worse."""
AT_ONCE = 2
"""How many games are played side by side."""


def read(file: Path) -> Any:
    return json.loads(file.read_text()) if file.exists() else {}


def now() -> str:
    """Return what stands for the settings as they are."""
    return hashlib.sha256(SETTINGS.read_bytes()).hexdigest()[:12]


async def play(seeds: list[int], steps: int) -> list[float]:
    """Return the score of each seed with the settings as they are. What was played with them before is known."""
    known, settings = read(EXPERIENCE), now()
    mine = known.setdefault(settings, {"settings": read(SETTINGS), "scores": {}, "learnt": []})
    places = trio.CapacityLimiter(AT_ONCE)

    async def episode(seed: int) -> None:
        learnings = LEARNINGS / f"{settings}-{steps}-{seed}"
        async with places:
            played = await games.episode("coglet", seed, steps, f"heuristic={SETTINGS}", f"learnings={learnings}")
        mine["scores"][f"{steps} {seed}"] = float(played["score"])
        told = [json.loads(file.read_text()) for file in sorted(learnings.glob("*.json"))]
        mine["learnt"] += [{"seed": seed, **reports[-1]} for reports in told[-1:] if reports]

    async with trio.open_nursery() as nursery:
        for seed in seeds:
            if f"{steps} {seed}" not in mine["scores"]:
                nursery.start_soon(episode, seed)
    mine["learnt"].sort(key=lambda learnt: learnt["seed"])
    EXPERIENCE.write_text(json.dumps(known, indent=1) + "\n")
    return [mine["scores"][f"{steps} {seed}"] for seed in seeds]


def change(idea: dict[str, Any]) -> str:
    """Change a setting, and commit it, with the reason as its message. Return what stands for the settings as they are then."""
    SETTINGS.write_text(json.dumps({**read(SETTINGS), idea["setting"]: idea["value"]}) + "\n")
    git("commit", "-q", "--allow-empty", "-a", "-m", f"{idea['setting']} = {idea['value']}: {idea['why']}")
    return now()


def not_worse(work: dict[str, Any]) -> dict[str, str]:
    """The criterion: the mean over the seeds has not fallen."""
    before, after = mean(work["before"]), mean(work["after"])
    details = f"the mean was {before:.2f} and is {after:.2f}, over {len(work['after'])} seeds"
    return {"status": "PASS" if after >= before * (1 - MARGIN) else "FAIL", "details": details, "output": ""}


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
        (WORK / ".gitignore").write_text("experience.json\nlearnings/\ncoach_log.jsonl\n")
        SETTINGS.write_text(json.dumps(START) + "\n")
        git("add", ".")
        git("commit", "-q", "-m", "the settings to begin with")


class PlayerCoglet(GitLet, Coglet, LifeLet):
    """The player across games. Its settings are a repository: what made it worse is taken back by a commit.

    It gathers what is known of each setting that was played, the scores and what its policies have learnt, and tells it to
    the coach before each round.
    """

    async def on_start(self) -> None:
        begin()
        await self.tell()

    @enact("keep")
    async def keep(self, trial: Any) -> None:
        self.note("kept", trial)
        await self.tell()

    @enact("take_back")
    async def take_back(self, why: str) -> None:
        await self.revert()
        self.note("taken back", why)
        await self.tell()

    async def tell(self) -> None:
        await self.transmit("experience", self.experience())

    def note(self, verdict: str, trial: Any) -> None:
        """Write a line of coach_log.jsonl."""
        with LOG.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"verdict": verdict, "trial": trial, "commit": git("rev-parse", "HEAD")}) + "\n")

    def experience(self) -> str:
        """Return what a coach should know: the settings, what came of others, the last trials, what the policies have learnt."""
        told = [f"The settings are {SETTINGS.read_text().strip()}."]
        for known in read(EXPERIENCE).values():
            scores = known["scores"].values()
            told.append(f"{json.dumps(known['settings'])}: a mean of {mean(scores):.2f} in {len(scores)} games.")
        tried = [json.loads(line) for line in LOG.read_text().splitlines()[-10:]] if LOG.exists() else []
        told += [f"Tried: {json.dumps({k: v for k, v in trial.items() if k != 'commit'})}" for trial in tried]
        learnt = read(EXPERIENCE).get(now(), {}).get("learnt", [])
        told += [f"Learnt in a game: {json.dumps(reports)}" for reports in learnt[-3:]]
        return "\n".join(told)

"""The bridge to the game: episodes, and the command line of cogames for the tournament, each as a process."""

from __future__ import annotations

import json
import re
from typing import Any

import games

from cogc.sdk import Coglet, enact

POLICY = "class=cvc.cvc_policy.CogletPolicy"
FILES = ("cvc", "policy.cog", "brain.yml", "heuristic.json", "setup_policy.py")
"""What the policy needs where it plays in a tournament."""
UPLOADED = re.compile(r"Upload complete: (\S+):v(\d+)")
POOLS = re.compile(r"Added to pools: (.+)")


class GameLet(Coglet):
    """Plays, uploads, submits, and looks at the leaderboard; one after the other.

    `server` is the address of a tournament's server; empty: that of cogames. The login is that of `./cogames auth login`.
    `smoke_test` lets cogames play an upload in a container first, which needs Docker. A command that fails fails the coglet.
    """

    def __init__(self, server: str, smoke_test: bool) -> None:
        self.server = ["--server", server] if server else []
        self.smoke_test = smoke_test

    @enact("play")
    async def play(self, policy: str, seed: int, steps: int, every: int) -> None:
        async def shown(scene: dict[str, Any]) -> None:
            await self.transmit("scene", scene)

        result = await games.episode(policy, seed, steps, every=every, scene=shown)
        await self.transmit("result", {"policy": policy, "seed": seed, "result": result})

    @enact("upload")
    async def upload(self, name: str) -> None:
        words = ["-p", POLICY, "-n", name, *(w for file in FILES for w in ("-f", file))]
        words += ["--setup-script", "setup_policy.py", "--no-submit"] + ["--skip-validation"] * (not self.smoke_test)
        said = await self._cogames("upload", *words, *self.server)
        found = UPLOADED.search(said)
        if found is None:
            raise RuntimeError(f"cogames upload does not say which version it is: {said[-300:]}")
        await self.transmit("uploaded", {"name": found[1], "version": int(found[2])})

    @enact("submit")
    async def submit(self, policy: str, season: str) -> None:
        said = await self._cogames("submit", policy, "--season", season, *self.server)
        pools = POOLS.search(said)
        named = pools[1].split(", ") if pools else []
        await self.transmit("submitted", {"policy": policy, "season": season, "pools": named})

    @enact("look")
    async def look(self, season: str) -> None:
        rows = json.loads(await self._cogames("leaderboard", season, "--json", *self.server))
        board = [
            {
                "rank": row["rank"],
                "policy": f"{row['policy']['name']}:v{row['policy']['version']}",
                "score": float(row["score"]),
                "matches": row["matches"],
            }
            for row in rows
        ]
        await self.transmit("leaderboard", {"season": season, "rows": board})

    async def _cogames(self, *words: str) -> str:
        return await games.command(str(games.HERE / "cogames"), *words)

"""The running system of policy.cog, for callers that are not async: it has a thread of its own, and answers each observation with a move."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cogc

SPEC = Path(__file__).resolve().parent.parent / "policy.cog"


class System:
    """The system, started with the first observation of an episode and stopped at its end.

    `brain` is another model for the one of the spec, such as `anthropic:claude-haiku-5-5`. `record` is a file for the
    journal, which `cogc run policy.cog --root Policy --replay FILE` takes.
    """

    def __init__(self, agents: int, review: int, brain: str = "", record: str = "", heuristic: str = "") -> None:
        self.learnings: list[dict[str, Any]] = []
        """What was reported and advised, oldest first."""
        self.moves = 0
        """How many moves were made."""
        self._exit = ExitStack()
        self._one = threading.Lock()
        program = cogc.load(SPEC, root="Policy", models={"brain": brain} if brain else None)
        self._run = self._exit.enter_context(
            cogc.start_sync(
                program,
                parameters={"agents": agents, "review": review, "heuristic": heuristic},
                workspace=str(SPEC.parent),
                record=record or None,
            )
        )
        self._answers = self._run.observe("move")
        self._heard = threading.Thread(target=self._listen, args=(self._run.observe("learning"),), daemon=True)
        self._heard.start()

    def _listen(self, learnings: Any) -> None:
        self.learnings.extend(learnings)

    def move(self, seen: dict[str, Any]) -> str:
        """Return the direction that an agent takes, or an empty text. Raise cogc.RunError if the system has failed."""
        with self._one:
            self.moves += 1
            self._run.send("seen", seen)
            return str(next(self._answers)["direction"])

    def stop(self) -> None:
        self._exit.close()
        self._heard.join()

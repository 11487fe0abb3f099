"""Runs of the spec's agents on behalf of a sett.

`run: AGENT` lets an agent of the spec do the work of a role, and a role without a bid script may let a model decide its
bids. Each such task is a session of its own in this process, with one input on `task`. The sessions share the compiled
unit, one budget and one table of usage, so that `--budget` bounds all of them together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from cogc.kernel.machine import Kernel
from cogc.kernel.models.budget import Budget, Usage
from cogc.kernel.permissions import Sandbox
from cogc.kernel.unit import Unit
from cogc.language.values import Failure
from cogc.run.build import build_session
from cogc.run.session import RunOptions, Session
from cogc.run.settings import Settings


class Agents(Protocol):
    """Lets agents of the spec work."""

    async def ask(self, coglet: str, task: str, sandbox: Sandbox | None = None) -> Any:
        """Run an agent on a task and return its answer. Raise Failure if there is none."""
        ...


class AgentRuns:
    """Asks agents of the spec and adds up what they use. `budget` bounds what all of them may spend together.

    `simulated` gives the time of a virtual clock, in nanoseconds since 1970: each run has a virtual clock of its own then, which starts there.
    """

    def __init__(
        self,
        unit: Unit,
        settings: Settings,
        budget: dict[str, Any] | None = None,
        simulated: Callable[[], int] | None = None,
    ) -> None:
        self.simulated = simulated
        self.budget = Budget("the run", budget or {})
        self.unit = unit
        self.settings = settings
        self.last: Kernel | None = None
        self.usages: dict[tuple[str, str], Usage] = {}

    async def ask(self, coglet: str, task: str, sandbox: Sandbox | None = None) -> Any:
        """Run an agent on a task and return its answer.

        Raise Failure with the agent's own failure if it fails, and with the failure of the run if it ends without an answer.
        """
        options = RunOptions(
            inputs=[("task", task)],
            root=coglet,
            keep=frozenset(("result", "failed")),
            signals=False,
            account=(self.budget, self.usages),
            sandbox=sandbox if self.settings.sandboxed else None,
            sim=self.simulated is not None,
            epoch=self.simulated() if self.simulated is not None else 0,
        )
        session = build_session(self.unit, options, self.settings)
        self.last = session.kernel
        await session.run()
        return answer_of(session)


def answer_of(session: Session) -> Any:
    """Return the answer of an agent that has run. Raise Failure with its own failure, or with that of the run."""
    if "result" in session.outputs:
        return session.outputs["result"][0]
    if "failed" in session.outputs:
        failed = session.outputs["failed"][0]
        raise Failure(failed["kind"], failed["message"])
    report = session.kernel.report
    raise Failure("program", report.failure.message if report is not None else "it ended without an answer")

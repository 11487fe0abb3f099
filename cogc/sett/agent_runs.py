"""Runs of the spec's agents on behalf of a sett.

`run: AGENT` lets an agent of the spec do the work of a role, and a role without a bid script may let a model decide its
bids. Each such task is a session of its own in this process, with one input on `task`. The sessions share the compiled
unit, one budget and one table of usage, so that `--budget` bounds all of them together.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from copy import copy
from typing import Any, Protocol

from cogc.kernel.machine import Kernel
from cogc.kernel.models.budget import Budget, Usage
from cogc.kernel.permissions import Sandbox
from cogc.kernel.unit import Unit
from cogc.language.values import Failure
from cogc.run.build import build_session
from cogc.run.contexts import Contexts
from cogc.run.session import RunOptions, Session
from cogc.run.settings import Settings


class Agents(Protocol):
    """Lets agents of the spec work."""

    async def ask(self, coglet: str, task: str, sandbox: Sandbox | None = None, grant: str = "") -> Any:
        """Run an agent on a task and return its answer. Raise Failure if there is none. `grant` is the key of the grant that the task belongs to."""
        ...


class Observed(Protocol):
    """Takes the records of one session."""

    def take(self, records: list[dict[str, Any]]) -> None: ...
    def end(self) -> None: ...


Observe = Callable[[str, int, Contexts], Observed]
"""Begins to observe a session: by the key of its grant or nothing, the time at which it begins, in nanoseconds since 1970, and its contexts."""


class AgentRuns:
    """Asks agents of the spec and adds up what they use. `budget` bounds what all of them may spend together.

    `simulated` gives the time of a virtual clock, in nanoseconds since 1970: each run has a virtual clock of its own then, which starts there.
    `observe` is asked for what takes the records of each run.
    """

    def __init__(
        self,
        unit: Unit,
        settings: Settings,
        budget: dict[str, Any] | None = None,
        simulated: Callable[[], int] | None = None,
        observe: Observe | None = None,
    ) -> None:
        self.simulated = simulated
        self.observe = observe
        self.budget = Budget("the run", budget or {})
        self.unit = unit
        self.settings = settings
        self.last: Kernel | None = None
        self.count = 0
        self.usages: dict[tuple[str, str], Usage] = {}

    async def ask(self, coglet: str, task: str, sandbox: Sandbox | None = None, grant: str = "") -> Any:
        """Run an agent on a task and return its answer. `grant` is the key of the grant that it belongs to.

        Raise Failure with the agent's own failure if it fails, and with the failure of the run if it ends without an answer.
        """
        epoch = self.simulated() if self.simulated is not None else time.time_ns()
        settings, observed = copy(self.settings), None
        settings.people = settings.people.of_run(self._new_id())
        if self.observe is not None:
            settings.contexts = Contexts()  # calls have the same numbers in each session
            observed = self.observe(grant, epoch, settings.contexts)
        options = RunOptions(
            inputs=[("task", task)],
            root=coglet,
            keep=frozenset(("result", "failed")),
            signals=False,
            account=(self.budget, self.usages),
            sandbox=sandbox if self.settings.sandboxed else None,
            sim=self.simulated is not None,
            epoch=epoch,
            on_records=None if observed is None else observed.take,
        )
        session = build_session(self.unit, options, settings)
        self.last = session.kernel
        try:
            await session.run()
        finally:
            if observed is not None:
                observed.end()
        return answer_of(session)

    def _new_id(self) -> str:
        """Return the id of a session, to which its calls belong: their numbers are the same in each. A simulation counts them."""
        self.count += 1
        return f"{self.settings.people.run}-{self.count if self.simulated is not None else uuid.uuid4().hex[:12]}"


def answer_of(session: Session) -> Any:
    """Return the answer of an agent that has run. Raise Failure with its own failure, or with that of the run."""
    if "result" in session.outputs:
        return session.outputs["result"][0]
    if "failed" in session.outputs:
        failed = session.outputs["failed"][0]
        raise Failure(failed["kind"], failed["message"])
    report = session.kernel.report
    raise Failure("program", report.failure.message if report is not None else "it ended without an answer")

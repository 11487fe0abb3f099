"""Conversations that go on from task to task: the history of each session of an agent.

A session belongs to a coglet, an agent, and a key. Its record stands among the kept values of the coglet, under the name
`session AGENT KEY`: `{agent, model, messages}`, so that it outlives restarts, and with `--instance` the run. `agent` is the key of
the program that holds the conversation (the agent that was started, or one to which it was handed), `model` the key of the model
that answered last.

The tasks of one session follow each other: `enter` waits until the one before is over. A task that fails leaves the history as it
was. A coglet keeps `MOST` sessions; the one that was idle for the longest time makes room for a new one.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, TypedDict, cast

from cogc.kernel.activities import wake
from cogc.kernel.effects import Persist
from cogc.kernel.waits import WaitIn
from cogc.language.functions import stable_key, text
from cogc.language.values import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from cogc.ir import Program
    from cogc.kernel.objects import Instance, Waiter
    from cogc.kernel.shapes import Message
    from cogc.kernel.state import State
    from cogc.kernel.waits import Talk
    from cogc.language.values import Value

MOST = 1_000
"""How many sessions a coglet keeps."""
_LONGEST = 100
_MARK = "session "


class Record(TypedDict):
    """The history of a session."""

    agent: str
    model: str
    messages: list[Message]


class Session:
    """One session of an agent in a coglet. `key` is its key as text."""

    __slots__ = ("inst", "kernel", "key", "name")

    def __init__(self, kernel: State, inst: Instance, program: Program, key: Value) -> None:
        self.kernel = kernel
        self.inst = inst
        self.key = text(key)
        exact = stable_key(key)
        if len(exact) > _LONGEST:
            exact = hashlib.sha256(exact.encode("utf-8", "surrogatepass")).hexdigest()
        self.name = f"{_MARK}{program.name} {exact}"

    def enter(self, left: Callable[[], int]) -> Talk:
        """Wait for the task of this session that is under way; return the history, or None for a new session."""
        while self.name in self._busy():
            if not left():
                raise Failure("timeout", f"the session `{self.key}` was busy with another task for too long")
            yield WaitIn(self._busy()[self.name], left())
        self._busy()[self.name] = []
        return self._kept()

    def _busy(self) -> dict[str, list[Waiter]]:
        """Return the sessions whose tasks are under way. It is another dict after each step that is led along a course."""
        return self.kernel.models.agent(self.inst).sessions

    def leave(self) -> None:
        """Let the next task of this session begin."""
        own = self.kernel.models.known_agent(self.inst)
        if own is not None:
            wake(self.kernel, own.sessions.pop(self.name, []))

    def keep(self, record: Record) -> None:
        """Keep the history, as that of the session that was used last."""
        kept, path = self.kernel.persisted, self.inst.path
        known = self._known()
        known.pop(self.name, None)
        known[self.name] = None
        if len(known) > MOST:
            oldest = next(iter(known))
            del known[oldest]
            kept[path, oldest] = None
            self.kernel.effects.append(Persist(path, oldest, None))
        messages: list[Value] = [
            {"role": m["role"], "content": cast("Value", m["content"])} for m in record["messages"]
        ]
        value: Value = {"agent": record["agent"], "model": record["model"], "messages": messages}
        kept[path, self.name] = value
        self.kernel.effects.append(Persist(path, self.name, value))

    def _known(self) -> dict[str, None]:
        """Return the names of the sessions that the coglet keeps, the one that was used last at the end."""
        own = self.kernel.models.agent(self.inst)
        if own.kept is None:
            kept, path = self.kernel.persisted, self.inst.path
            found = [n for (p, n), value in kept.items() if p == path and n.startswith(_MARK) and value is not None]
            own.kept = dict.fromkeys(found)
        return own.kept

    def _kept(self) -> Record | None:
        """Return the history that is kept. Raise Failure if it is none."""
        found: Any = self.kernel.kept(self.inst, self.name)
        if found is None:
            return None
        if not isinstance(found, dict) or not isinstance(found.get("messages"), list):
            raise Failure("kept", f"what `{self.inst.path}` has kept of the session `{self.key}` is no conversation")
        return {"agent": str(found.get("agent")), "model": str(found.get("model")), "messages": found["messages"]}

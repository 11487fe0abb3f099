"""Requests to models that code in the shell's process makes by itself, such as the conversations of an `LLMExecutor`.

The conversation is that code's own. Each request of it is made as those of the kernel's conversations are (`asking.py`), and
is an event like them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogc.ir import ASKED, Model
from cogc.kernel.models.asking import ATTEMPTS, attempts, charge, release, reserve
from cogc.kernel.models.budget import Budget
from cogc.kernel.models.counting import estimate
from cogc.kernel.models.replies import sendable
from cogc.kernel.waits import AskModel
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.objects import Instance
    from cogc.kernel.shapes import Body, Error
    from cogc.kernel.state import State
    from cogc.kernel.waits import Talk
    from cogc.language.values import Value

LIMIT = 600_000_000_000
"""The nanoseconds that a request may take, with its attempts and the wait for room in the budgets."""


class _Request:
    """One request, as an `Asker`."""

    def __init__(self, kernel: State, inst: Instance, model: Model) -> None:
        self.kernel = kernel
        self.inst = inst
        self.model = model
        self.retries = ATTEMPTS
        self.deadline = kernel.now + LIMIT

    @property
    def label(self) -> str:
        return f"model `{self.model.name}`"

    def left(self) -> int:
        return max(0, self.deadline - self.kernel.now)

    def in_time(self) -> None:
        if not self.left():
            raise Failure("timeout", f"{self.label}: the request took longer than {LIMIT // 10**9}s")

    def failed(self, error: Error) -> None:
        """Do nothing: no part of a reply is kept."""

    def restarted(self) -> None:
        """Do nothing: nobody listens to the pieces of a reply."""

    def record(self, body: Body) -> AskModel:
        """Return the record of one attempt."""
        self.in_time()
        return AskModel(self.model, self.model.name, body, self.left(), body["messages"][-1:], False, -1)


def asking(kernel: State, inst: Instance, request: dict[str, Value]) -> Talk:
    """Make a request, and return the reply as `{"content", "stop"}`. Raise Failure if there is none."""
    model = _model(inst, str(request["model"]))
    body: Body = {k: request[k] for k in ("messages", "system", "tools", "temperature") if k in request}
    budget = Budget(model.name, {}, None, kernel.models.budget_of(inst))
    before = estimate(body) if budget.bounded() else 0
    made = _Request(kernel, inst, model)
    held = yield from reserve(made, budget, before, int(str(request["max_tokens"])), model)
    body["max_tokens"] = held.most
    try:
        reply = sendable((yield from attempts(made, lambda: made.record(body))), set())
        charge(kernel, budget, inst.code.name, model, reply.usage)
    finally:
        release(kernel, held)
    return {"content": reply.content, "stop": reply.stop}


def _model(inst: Instance, name: str) -> Model:
    """Return the model that answers: the declared one if it has another provider, else the one of this name."""
    for model in inst.code.unit.bundle.models.values():
        if model.name == ASKED and (model.provider != "anthropic" or model.argument == name):
            return model
    return Model(f"{ASKED}:{name}", name, "anthropic", name)

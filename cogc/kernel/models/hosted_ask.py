"""Requests to models that code in the shell's process makes by itself, such as the conversations of an `LLMExecutor`.

The conversation is that code's own. Each request of it is held to the budgets around its coglet, is made again where
that makes sense, and is an event like those of a conversation of the kernel.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cogc.ir import ASKED, Model
from cogc.kernel import requests
from cogc.kernel.models.budget import Budget
from cogc.kernel.models.replies import sendable
from cogc.kernel.waits import AskModel, Sleep, WaitIn
from cogc.language.values import Failure, plain

if TYPE_CHECKING:
    from cogc.kernel.objects import Instance
    from cogc.kernel.shapes import Body
    from cogc.kernel.state import State
    from cogc.kernel.waits import Talk
    from cogc.language.values import Value

LIMIT = 600_000_000_000
"""The nanoseconds that one request may take."""
ATTEMPTS = 3
_FIRST_PAUSE = 500_000_000


def asking(kernel: State, inst: Instance, request: dict[str, Value]) -> Talk:
    """Make a request, and return the reply as `{"content", "stop"}`. Raise Failure if there is none."""
    model = _model(inst, str(request["model"]))
    body: Body = {k: request[k] for k in ("messages", "system", "tools", "temperature") if k in request}
    budget = Budget(model.name, {}, None, kernel.models.budget_of(inst))
    before = len(json.dumps(plain(body))) // 4 + 1 if budget.bounded() else 0
    while True:
        try:
            held = budget.reserve(before, int(str(request["max_tokens"])), model.price)
            break
        except Failure:
            if not budget.may_come_back():
                raise
        yield WaitIn(kernel.models.waiting, LIMIT)
    body["max_tokens"] = held.most
    try:
        reply = yield from _attempts(model, body)
        budget.charge(reply.usage, model.price)
        kernel.models.usage(inst.code.name, model.name).add(reply.usage, model.price)
    finally:
        held.release()
        requests.wake(kernel, kernel.models.waiting)
    return {"content": reply.content, "stop": reply.stop}


def _attempts(model: Model, body: Body) -> Talk:
    """Make attempts until there is a reply. Raise Failure after the last one."""
    for attempt in range(ATTEMPTS):
        reply = yield AskModel(model, model.name, body, LIMIT, body["messages"][-1:], False, -1)
        error = reply.get("error")
        if error is None:
            return sendable(reply, set())
        if not error.get("retry") or attempt == ATTEMPTS - 1:
            raise Failure("program", f"model `{model.name}`: {error['message']}")
        after = error.get("after")
        yield Sleep(_FIRST_PAUSE << attempt if after is None else int(after * 1e9))
    raise AssertionError


def _model(inst: Instance, name: str) -> Model:
    """Return the model that answers: the declared one if it has another provider, else the one of this name."""
    for model in inst.code.unit.bundle.models.values():
        if model.name == ASKED and (model.provider != "anthropic" or model.argument == name):
            return model
    return Model(f"{ASKED}:{name}", name, "anthropic", name)

"""A system on a virtual clock, whose outside world the test plays."""

from __future__ import annotations

from typing import Any

from cogc.ir import Bundle
from cogc.kernel.effects import Ask, Call, Cancel, Dispatch, LogLine, Output
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from support.specs import build


def main_of(agent: str) -> str:
    """Return a `Main` that hands each task to an agent `a`, and transmits what it answers, or how it failed."""
    return f"""
coglet Main {{ listen task: string
  transmit out: any
  create a = {agent}
  link self.task -> a.task
  on a.result as r {{ out <- r }}
  on a.failed as f {{ out <- [f.kind, f.message] }} }}
"""


class Sim:
    """A system on a virtual clock, its outside world played by the test."""

    def __init__(
        self,
        text: str | Bundle,
        root: str | None = None,
        seed: int = 0,
        traced: bool = False,
        epoch: int = 0,
        budget: dict[str, Any] | None = None,
        **parameters: Any,
    ) -> None:
        bundle = text if isinstance(text, Bundle) else build(text, root)
        self.kernel = Kernel(Unit(bundle), seed, epoch, traced, budget=budget)
        self.outputs: list[tuple[str, Any]] = []
        self.times: list[float] = []
        """The seconds since the start at which each output came."""
        self.logs: list[tuple[str, Any]] = []
        self.calls: list[Call] = []
        self.asks: list[Ask] = []
        """The requests to models that have no reply yet."""
        self.dispatched: list[Dispatch] = []
        """The runs of agents that a dispatcher has under way."""
        self.tokens = 100
        """How many tokens a request has by the count of its provider."""
        self.cancelled: list[int] = []
        self.answers: dict[str, Any] = {}
        self.kernel.start(parameters)
        self.settle()

    def settle(self) -> None:
        """Let the kernel do all that it can at this instant; programs with an answer are answered."""
        while True:
            self.take()
            effects, self.kernel.effects = self.kernel.effects, []
            if not effects and not self.kernel.busy:
                return
            for effect in effects:
                if isinstance(effect, Output):
                    self.outputs.append((effect.channel, effect.value))
                    self.times.append(self.kernel.now / 1e9)
                elif isinstance(effect, LogLine):
                    self.logs.append((effect.level, effect.value))
                elif isinstance(effect, Call):
                    self._call(effect)
                elif isinstance(effect, Ask) and effect.request.get("count"):
                    self.kernel.result(effect.id, {"tokens": self.tokens})
                elif isinstance(effect, Ask):
                    self.asks.append(effect)
                elif isinstance(effect, Dispatch):
                    self.dispatched.append(effect)
                elif isinstance(effect, Cancel):
                    self.cancelled.append(effect.id)
                    self.asks = [a for a in self.asks if a.id != effect.id]
                    self.dispatched = [d for d in self.dispatched if d.id != effect.id]

    def take(self) -> None:
        """Let the kernel take the messages that wait."""
        self.kernel.run()

    def _call(self, call: Call) -> None:
        name = call.program.name
        if name not in self.answers:
            self.calls.append(call)
            return
        answer = self.answers[name]
        self.kernel.result(call.id, answer(**call.arguments) if callable(answer) else answer)

    def send(self, channel: str, value: Any) -> Sim:
        self.kernel.input(channel, value)
        self.settle()
        return self

    def answer(self, value: Any, call: int = 0) -> Sim:
        """Answer one of the calls that wait."""
        self.kernel.result(self.calls.pop(call).id, value)
        self.settle()
        return self

    def reply(self, words: str = "", ask: int = 0, **fields: Any) -> Sim:
        """Reply to one of the requests that wait; `fields` take the place of those of a plain answer."""
        content = [{"type": "text", "text": words}] if words else []
        usage = {"input": 100, "output": 10}
        whole = fields if "error" in fields else {"content": content, "stop": "end_turn", "usage": usage, **fields}
        self.kernel.result(self.asks.pop(ask).id, whole)
        self.settle()
        return self

    def dispatch_ends(self, **reply: Any) -> Sim:
        """End the first run that a dispatcher has under way."""
        self.kernel.result(self.dispatched.pop(0).id, {"usage": [], **reply})
        self.settle()
        return self

    def run(self, seconds: float) -> Sim:
        """Let virtual time pass."""
        end = self.kernel.now + round(seconds * 1e9)
        while not self.kernel.ended:
            due = self.kernel.timers.next()
            if due is None or due > end:
                break
            self.kernel.advance(due)
            self.settle()
        self.kernel.advance(end)
        return self

    def play(self, *events: tuple[float, str, Any]) -> Sim:
        """Send values on channels at instants, in seconds since the start."""
        for at, channel, value in events:
            self.run(at - self.kernel.now / 1e9)
            self.send(channel, value)
        return self

    def sent(self, channel: str) -> list[Any]:
        return [v for c, v in self.outputs if c == channel]

    def stamped(self, channel: str) -> list[tuple[float, Any]]:
        """Return what a channel sent, each value with its seconds since the start."""
        return [(t, v) for t, (c, v) in zip(self.times, self.outputs, strict=True) if c == channel]

    def records(self, kind: str) -> list[dict[str, Any]]:
        assert self.kernel.trace is not None
        return [r for r in self.kernel.trace.records if r["kind"] == kind]

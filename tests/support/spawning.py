"""An agent that starts sub-agents, on a virtual clock: the test is the models, the dispatcher and the person."""

from __future__ import annotations

import json
from typing import Any

from cogc.kernel.models import steering
from support.sim import Sim, main_of

SPEC = """model big = anthropic "claude-opus-5"
model small = anthropic "claude-haiku-5-5"
program echo(text: string) -> string = expr "echo " + text
program secret(text: string) -> string = expr "secret " + text
program gate(agent: string, tool: string, input: any) -> { allow: bool } = shell ["gate"] { output: json }
agent Explorer {
  description: "Looks around."
  model: small
  system: "You are EXPLORE."
  tools: [echo]
  metadata: { enable_thinking: "false" }
  timeout: 1m OWN
}
agent Parent { model: big, tools: [echo, secret], spawn: [Explorer] { BLOCK }, timeout: 1h MORE }
""" + main_of("Parent")
FIRST = "Main/a/Explorer-1"


class Play(Sim):
    """A parent that has been given a task; the test answers for it and for its sub-agents."""

    def __init__(self, block: str = "dispatch: local", more: str = "", own: str = "") -> None:
        text = SPEC.replace("BLOCK", block).replace("MORE", more).replace("OWN", own)
        if "temperature" in own:
            text = text.replace('"claude-haiku-5-5"', '"claude-haiku-5-5" { capabilities: ["sampling"] }')
        super().__init__(text, "Main", traced=True)
        self.send("task", "go")

    def says(self, who: str, words: str = "", *uses: dict[str, Any], **fields: Any) -> Play:
        """Reply to the open request of an agent: with words, or with calls of tools."""
        at = [a.program for a in self.asks].index(who)
        if uses:
            fields = {"content": list(uses), "stop": "tool_use"}
        self.reply(words, ask=at, **fields)
        return self

    def spawns(self, query: str = "look", background: bool = False, id: str = "s", **more: Any) -> Play:
        """Let the parent start a sub-agent."""
        return self.uses("spawn_agent", id, agent="Explorer", query=query, background=background, **more)

    def uses(self, name: str, id: str = "u", who: str = "Parent", of: str = "", **input: Any) -> Play:
        """Let an agent call a tool; `of` is the id of the sub-agent that the call is about."""
        input = {**input, "id": of} if of else input
        return self.says(who, "", {"type": "tool_use", "id": id, "name": name, "input": input})

    def asked(self, who: str = "Parent") -> dict[str, Any]:
        """Return the open request of an agent."""
        (found,) = [a.request for a in self.asks if a.program == who]
        return found

    def heard(self, who: str = "Parent") -> list[str]:
        """Return what an agent was told last."""
        return [str(b.get("content", b.get("text"))) for b in self.asked(who)["messages"][-1]["content"]]

    def told(self) -> dict[str, Any]:
        """Return the record that the parent was told last."""
        found: dict[str, Any] = json.loads(self.heard()[-1])
        return found

    def steer(self, action: str, id: str = FIRST, **data: Any) -> dict[str, Any]:
        found = steering.steer(self.kernel, action, id, data)
        self.settle()
        return found

"""Agents as what they stand for: a coglet whose one program is a conversation, and that program for expressions.

In: an `agent` declaration. Out: nodes that every later stage takes like those of the text; all of them stand at the
agent's name, so that a report about them points there.
"""

from __future__ import annotations

from cogc import nodes
from cogc.draw import draw

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cogc.world import World

QUERY = "query"
ASK = "_ask"
"""The conversation's name inside of its own coglet, where an agent may have the name of a port."""
_TEXT = """
coglet _ {
  listen task: string
  transmit result: string
  transmit failed: { task: string, kind: string, message: string }
  transmit delta: string

  on task as task_ { result <- _ask(task_) } else as error_ {
    failed <- { task: error_.event, kind: error_.kind, message: error_.message }
  }
  enact cancel { }
  enact pause { }
  enact resume { }
  enact inject(message: string) { }
}
"""


def coglet_of(agent: nodes.Agent) -> nodes.Coglet:
    """The coglet that an agent is. What its commands do beside their empty bodies, the kernel knows."""
    drawn = draw(_TEXT, agent.name)
    output = _output(agent)
    members = [
        nodes.Transmit(m.start, m.end, m.name, output, ())
        if output is not None and isinstance(m, nodes.Transmit) and m.name.id == "result"
        else m
        for m in drawn.members
    ]
    at = (agent.start, agent.end)
    members.append(_program(agent, nodes.Name(agent.name.start, agent.name.end, ASK), ()))
    return nodes.Coglet(*at, agent.name, agent.parameters, (), None, tuple(members), agent.doc)


def program_of(world: World, agent: nodes.Agent) -> nodes.Program:
    """The program that an agent is in an expression: it takes the query, then the agent's own parameters."""
    known = world.agent_programs.get(id(agent))
    if known is None:
        known = world.agent_programs[id(agent)] = _program(agent, agent.name, agent.parameters)
    return known


JUDGED = ("model", "system", "max_tokens", "temperature", "timeout", "budget")


def judge_of(agent: nodes.Agent, name: str) -> nodes.Agent:
    """The agent that bids in the place of one: the same model, one word for an answer."""
    at = (agent.name.start, agent.name.end)
    text = 'type T = "review" | "claim" | "exclusive" | "ignore"'
    drawn = draw(text, agent.name)
    output = nodes.Attribute(*at, nodes.Name(*at, "output"), drawn.type)
    kept = tuple(a for a in agent.attributes if a.key.id in JUDGED)
    return nodes.Agent(*at, nodes.Name(*at, name), agent.parameters, (*kept, output))


def _program(agent: nodes.Agent, name: nodes.Name, more: tuple[nodes.Parameter, ...]) -> nodes.Program:
    start, end = agent.name.start, agent.name.end
    query = nodes.Parameter(start, end, nodes.Name(start, end, QUERY), draw("type T = string", agent.name).type, None)
    executor = nodes.Executor(start, end, nodes.Name(start, end, "agent"), None, agent.attributes)
    return nodes.Program(start, end, name, (query, *more), _output(agent), executor, description(agent))


def _output(agent: nodes.Agent) -> Any:
    """The type that an agent answers with, where it says one."""
    return next((a.value for a in agent.attributes if a.key.id == "output"), None)


def description(agent: nodes.Agent) -> str:
    """What others are told of an agent."""
    for a in agent.attributes:
        if a.key.id == "description" and isinstance(a.value, nodes.Text):
            return a.value.value
    return agent.doc

"""Agents as what they stand for: a coglet whose one program is a conversation, and that program for expressions.

In: an `agent` declaration. Out: nodes that every later stage takes like those of the text; all of them stand at the
agent's name, so that a report about them points there.
"""

from __future__ import annotations

from cogc.desugar.draw import draw
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

QUERY = "query"
PLAN_TOOLS = ("plan_create", "plan_status", "plan_execute")
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


_PLAN = '''
coglet _ {
  create plan = plan_hole

  """Have a plan made for a goal. It is carried out at once if auto_execute is true, and approved without asking where that is
  left to agents and auto_approve is true."""
  program plan_create(goal: string, auto_approve: bool = false, auto_execute: bool = false) -> any = ask_hole "plan"

  """How the plan and its steps are doing."""
  program plan_status() -> any = ask_hole "plan"

  """Carry out the plan that was approved, or one step of it, and wait until that is over."""
  program plan_execute(step: string = "") -> any = ask_hole "plan"
}
'''


def coglet_of(agent: nodes.Agent, plan: str = "") -> nodes.Coglet:
    """The coglet that an agent is. What its commands do beside their empty bodies, the kernel knows. `plan` is the one that it
    has for a tool."""
    drawn = draw(_TEXT, agent.name)
    output = _output(agent)
    members = [
        nodes.Transmit(m.start, m.end, m.name, output, ())
        if output is not None and isinstance(m, nodes.Transmit) and m.name.id == "result"
        else m
        for m in drawn.members
    ]
    at = (agent.start, agent.end)
    if plan:
        members += draw(_PLAN, agent.name, {"plan_hole": plan, "ask_hole": "ask"}).members
    members.append(_program(agent, nodes.Name(agent.name.start, agent.name.end, ASK), ()))
    return nodes.Coglet(*at, agent.name, agent.parameters, (), None, tuple(members), agent.doc)


def program_of(agent: nodes.Agent) -> nodes.Program:
    """Return the program that an agent is in an expression: it takes the query, then the agent's own parameters."""
    return _program(agent, agent.name, agent.parameters)


JUDGED = ("model", "system", "max_tokens", "temperature", "timeout", "budget")


def judge_of(agent: nodes.Agent, name: str) -> nodes.Agent:
    """The agent that bids in the place of one: the same model, one word for an answer."""
    kept = tuple(a for a in agent.attributes if a.key.id in JUDGED)
    return _answering(agent, name, kept, '"review" | "claim" | "exclusive" | "ignore"')


def answering(agent: nodes.Agent, name: str, output: str) -> nodes.Coglet:
    """An agent's coglet under another name, with an answer of another type."""
    kept = tuple(a for a in agent.attributes if a.key.id != "output")
    return coglet_of(_answering(agent, name, kept, output))


def equipped(agent: nodes.Agent, name: str, programs: list[nodes.Program]) -> nodes.Coglet:
    """An agent's coglet under another name, with more tools, which are programs of its own coglet."""
    at = (agent.name.start, agent.name.end)
    known = next((a for a in agent.attributes if a.key.id == "tools"), None)
    items = known.value.items if known is not None and isinstance(known.value, nodes.ListLiteral) else ()
    more = tuple(nodes.Name(*at, p.name.id) for p in programs)
    tools = nodes.Attribute(*at, nodes.Name(*at, "tools"), nodes.ListLiteral(*at, (*items, *more)))
    rest = tuple(a for a in agent.attributes if a is not known)
    drawn = coglet_of(nodes.Agent(*at, nodes.Name(*at, name), agent.parameters, (*rest, tools), agent.doc))
    return nodes.Coglet(*at, drawn.name, drawn.parameters, (), None, (*drawn.members, *programs), agent.doc)


def _answering(agent: nodes.Agent, name: str, kept: tuple[nodes.Attribute, ...], output: str) -> nodes.Agent:
    at = (agent.name.start, agent.name.end)
    wanted = nodes.Attribute(*at, nodes.Name(*at, "output"), draw(f"type T = {output}", agent.name).type)
    return nodes.Agent(*at, nodes.Name(*at, name), agent.parameters, (*kept, wanted), agent.doc)


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

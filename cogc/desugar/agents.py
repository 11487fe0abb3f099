"""Agents, expanded: a coglet whose one program is a conversation, and that program for expressions.

In: an `agent` declaration. Out: nodes that every later stage takes like those of the text. All of them stand at the
agent's name, so that a report about them points there. `stdlib/forms/agent.cog` has the coglet's members.
"""

from __future__ import annotations

from cogc.desugar import fill
from cogc.desugar.forms import agent as form
from cogc.language.texts import MARK
from cogc.syntax import nodes

QUERY = "query"
PLAN_TOOLS = ("plan_create", "plan_status", "plan_execute")
ASK = f"{MARK}ask"
"""The conversation's name inside of its own coglet: `ask_` in the form."""


def attributes_of(agent: nodes.Agent) -> dict[str, nodes.Attribute]:
    return {a.key.id: a for a in agent.attributes}


def coglet_of(agent: nodes.Agent, plan: str = "") -> nodes.Coglet:
    """Return the coglet that an agent becomes. `plan` names the plan that it has among its tools, if it has one."""
    output = _output(agent) or form.text(agent.name)
    conversation = _program(agent, fill.name(ASK, agent.name), ())
    members = form.agent(agent.name, output=output, programs=(conversation,))
    if plan:
        members += form.plan_tools(agent.name, plan=fill.qualified(plan, agent.name))
    return nodes.Coglet(agent.start, agent.end, agent.name, agent.parameters, (), None, members, agent.doc)


def program_of(agent: nodes.Agent) -> nodes.Program:
    """Return the program that an agent is in an expression: it takes the query, then the agent's own parameters."""
    return _program(agent, agent.name, agent.parameters)


JUDGED = ("model", "system", "max_tokens", "temperature", "timeout", "budget")


def judge_of(agent: nodes.Agent, name: str) -> nodes.Agent:
    """Return the agent that bids in a sett for another agent: it has the same model, and answers with one word."""
    kept = tuple(a for a in agent.attributes if a.key.id in JUDGED)
    return _answering(agent, name, kept, form.bid(agent.name))


def answering(agent: nodes.Agent, name: str, output: nodes.TypeExpr) -> nodes.Coglet:
    """Return the coglet of an agent under another name, with an answer of another type."""
    kept = tuple(a for a in agent.attributes if a.key.id != "output")
    return coglet_of(_answering(agent, name, kept, output))


def equipped(agent: nodes.Agent, name: str, programs: tuple[nodes.Program, ...]) -> nodes.Coglet:
    """Return the coglet of an agent under another name, with more tools, which are programs of its own coglet."""
    at = agent.name
    known = next((a for a in agent.attributes if a.key.id == "tools"), None)
    own = known.value.items if known is not None and isinstance(known.value, nodes.ListLiteral) else ()
    tools = fill.attribute("tools", fill.items((*own, *(fill.name(p.name.id, at) for p in programs)), at), at)
    rest = tuple(a for a in agent.attributes if a is not known)
    renamed = nodes.Agent(at.start, at.end, fill.name(name, at), agent.parameters, (*rest, tools), agent.doc)
    made = coglet_of(renamed)
    return nodes.Coglet(at.start, at.end, made.name, made.parameters, (), None, (*made.members, *programs), agent.doc)


def _answering(agent: nodes.Agent, name: str, kept: tuple[nodes.Attribute, ...], output: nodes.TypeExpr) -> nodes.Agent:
    at = agent.name
    attributes = (*kept, fill.attribute("output", output, at))
    return nodes.Agent(at.start, at.end, fill.name(name, at), agent.parameters, attributes, agent.doc)


def _program(agent: nodes.Agent, name: nodes.Name, more: tuple[nodes.Parameter, ...]) -> nodes.Program:
    at = (agent.name.start, agent.name.end)
    query = nodes.Parameter(*at, fill.name(QUERY, agent.name), form.content(agent.name), None)
    executor = nodes.Executor(*at, fill.name(f"{MARK}agent", agent.name), None, agent.attributes)
    return nodes.Program(*at, name, (query, *more), _output(agent), executor, description(agent))


def _output(agent: nodes.Agent) -> nodes.TypeExpr | None:
    """Return the declared type of an agent's answer, or None."""
    for a in agent.attributes:
        if a.key.id == "output":
            return a.value  # type: ignore[return-value]  # the parser reads a type there
    return None


def description(agent: nodes.Agent) -> str:
    """Return the text that describes an agent to others."""
    for a in agent.attributes:
        if a.key.id == "description" and isinstance(a.value, nodes.Text):
            return a.value.value
    return agent.doc

"""The conventions of OpenTelemetry for generative AI, v0.1.0: the names of attributes and metrics, and ours beside them.

The conventions still move. Whoever takes up a newer version changes this table.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

NAMES = {
    "operation": "gen_ai.operation.name",
    "provider": "gen_ai.provider.name",
    "agent": "gen_ai.agent.name",
    "conversation": "gen_ai.conversation.id",
    "tool": "gen_ai.tool.name",
    "tool_type": "gen_ai.tool.type",
    "arguments": "gen_ai.tool.call.arguments",
    "result": "gen_ai.tool.call.result",
    "request_model": "gen_ai.request.model",
    "finish": "gen_ai.response.finish_reasons",
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cache_read": "gen_ai.usage.cache_read.input_tokens",
    "cache_write": "gen_ai.usage.cache_creation.input_tokens",
    "token_type": "gen_ai.token.type",
    "input_messages": "gen_ai.input.messages",
    "output_messages": "gen_ai.output.messages",
    "evaluation": "gen_ai.evaluation.name",
    "label": "gen_ai.evaluation.score.label",
    "explanation": "gen_ai.evaluation.explanation",
    "error": "error.type",
    "path": "cogc.path",
    "run": "cogc.run",
    "reason": "cogc.reason",
    "plan": "cogc.plan.id",
    "claim": "cogc.claim",
    "bid": "cogc.bid",
    "unfinished": "cogc.unfinished",
}
"""The names of attributes. A workflow is named as an agent is."""


class Metric(NamedTuple):
    """A metric: its kind, its unit, what it counts, and the bounds of its buckets."""

    name: str
    kind: Literal["sum", "gauge", "histogram"]
    unit: str
    about: str
    bounds: tuple[float, ...] = ()


_SECONDS = tuple(0.01 * 2**n for n in range(14))
_TOKENS = tuple(float(4**n) for n in range(14))
METRICS = {
    "tokens": Metric("gen_ai.client.token.usage", "histogram", "{token}", "tokens of a request to a model", _TOKENS),
    "duration": Metric(
        "gen_ai.client.operation.duration", "histogram", "s", "time that a request to a model takes", _SECONDS
    ),
    "agent": Metric("gen_ai.invoke_agent.duration", "histogram", "s", "time that a call of an agent takes", _SECONDS),
    "messages": Metric("cogc.messages", "sum", "{message}", "messages that coglets have taken"),
    "losses": Metric("cogc.losses", "sum", "{message}", "messages that were not handled"),
    "restarts": Metric("cogc.restarts", "sum", "{restart}", "restarts of coglets"),
    "failures": Metric("cogc.failures", "sum", "{failure}", "failures of coglets"),
    "inbox": Metric("cogc.inbox.fill", "gauge", "{message}", "messages that wait in the inboxes of a coglet"),
}
"""The metrics: those of the conventions, with the buckets that they advise, and ours."""

"""Tokens that nobody has counted, estimated from lengths: a token counts as four characters of JSON, an image or document as many.

Budgets, prices and tables of usage rest on counts. Providers count, and some servers do not; scripts count where they say so. What
is not counted is estimated, so that a budget holds with every model, and a scripted run meets the bounds that a real one would. An
estimate is marked as one (`estimated`), in the trace, and in the table at the end of a run.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cogc.kernel.models import content
from cogc.language.values import plain

if TYPE_CHECKING:
    from cogc.kernel.shapes import Tokens

CHARACTERS = 4
"""How many characters count as a token."""


def estimate(request: Any) -> int:
    """Return about how many tokens a request has: its system text, messages and tools."""
    parts = {k: request[k] for k in ("system", "messages", "tools") if k in request}
    return len(json.dumps(plain(parts))) // CHARACTERS + 1 + content.weight(request["messages"])


def counted(reply: Any, request: Any) -> Any:
    """Return a reply with its usage, which is estimated if nobody has counted. An answer has no more tokens than the request allows."""
    if not isinstance(reply, dict) or "content" not in reply or reply.get("usage"):
        return reply
    try:
        length = len(json.dumps(plain(reply["content"])))
    except (TypeError, ValueError, RecursionError):
        length = 0
    output = min(length // CHARACTERS + 1, request.get("max_tokens", length))
    usage: Tokens = {"input": estimate(request), "output": output, "estimated": True}
    return {**reply, "usage": usage}

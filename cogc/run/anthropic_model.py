"""Anthropic's Messages API, and servers that speak it, through Anthropic's SDK.

The SDK's own attempts are turned off: the kernel decides about attempts. Every request is streamed, since the API
refuses long answers otherwise. Only its stop reason tells a complete stream from one that broke off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import httpx2
from anthropic.types import Message

from cogc import ir
from cogc.language.attributes import USUAL
from cogc.run.provider import api_key, asked_to_wait, cleaned, failed, innermost, may_pass

_CACHED = {"cache_control": {"type": "ephemeral"}}


class AnthropicModel:
    """One model behind one client."""

    def __init__(self, model: ir.Model, attributes: dict[str, Any]) -> None:
        self.name = model.argument
        self.can = frozenset(attributes.get("capabilities", USUAL["anthropic"]))
        self.key = api_key(model, attributes, "ANTHROPIC_API_KEY")
        base: str | None = attributes.get("base_url")
        self.client = anthropic.AsyncAnthropic(
            api_key=self.key, auth_token=None, base_url=base or "https://api.anthropic.com", max_retries=0, timeout=None
        )

    async def aclose(self) -> None:
        """Close the client."""
        await self.client.close()

    async def ask(self, request: dict[str, Any], emit: Callable[[str], None] | None) -> dict[str, Any]:
        """Make one attempt. Return a reply, or an error that says whether another attempt makes sense."""
        try:
            if request.get("count"):
                return await self._count(request)
            return await self._stream(request, emit)
        except anthropic.APIStatusError as error:
            return self._status(error)
        except anthropic.APIResponseValidationError:
            return failed("the server's answer is no reply of the Messages API")
        except (anthropic.APIConnectionError, httpx2.HTTPError) as error:
            return failed(
                f"the connection to {self.client.base_url.host} failed: {cleaned(self.key, innermost(error))}", True
            )
        except (anthropic.AnthropicError, AssertionError, ValueError, TypeError) as error:
            return failed(
                f"the server's answer is no reply of the Messages API: {cleaned(self.key, str(error))[:200]}".rstrip(
                    ": "
                )
            )

    async def _count(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the number of tokens of a request, counted by the server."""
        parameters = self._parameters(request)
        found = await self.client.messages.count_tokens(
            **{k: parameters[k] for k in ("model", "messages", "system", "tools", "tool_choice") if k in parameters}
        )
        return {"tokens": found.input_tokens}

    async def _stream(self, request: dict[str, Any], emit: Callable[[str], None] | None) -> dict[str, Any]:
        """Send a request and return the assembled reply."""
        async with self.client.messages.stream(**self._parameters(request)) as stream:
            async for event in stream:
                if emit is not None and event.type == "text":
                    emit(event.text)
            message = await stream.get_final_message()
        if not isinstance(message, Message) or message.usage is None:
            return failed("the server's answer is no reply of the Messages API")
        if message.stop_reason is None:
            return failed("the reply broke off in the middle", True)
        usage = message.usage
        details = getattr(usage, "output_tokens_details", None)
        reply: dict[str, Any] = {
            "content": [_block(b) for b in message.content],
            "stop": message.stop_reason,
            "usage": {
                "input": usage.input_tokens or 0,
                "output": usage.output_tokens or 0,
                "cache_read": usage.cache_read_input_tokens or 0,
                "cache_write": usage.cache_creation_input_tokens or 0,
                "thinking": getattr(details, "thinking_tokens", None) or 0,
            },
        }
        category = getattr(getattr(message, "stop_details", None), "category", None)
        return {**reply, "detail": str(category)} if category else reply

    def _parameters(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return a request in the words of the API."""
        cached = _CACHED if "cache" in self.can else {}
        found: dict[str, Any] = {
            "model": self.name,
            "max_tokens": request["max_tokens"],
            "messages": _marked(request["messages"]) if cached else request["messages"],
        }
        if "system" in request:
            found["system"] = [{"type": "text", "text": request["system"], **cached}]
        if "tools" in request:
            found["tools"] = [
                {"name": t["name"], "description": t["description"], "input_schema": t["schema"]}
                for t in request["tools"]
            ]
        if "choice" in request:
            found["tool_choice"] = {"type": request["choice"]}
        config: dict[str, Any] = {}
        if "schema" in request:
            config["format"] = {"type": "json_schema", "schema": request["schema"]}
        if "effort" in request:
            config["effort"] = request["effort"]
        if config:
            found["output_config"] = config
        if "temperature" in request:
            found["extra_body"] = {"temperature": request["temperature"]}
        return found

    def _status(self, error: anthropic.APIStatusError) -> dict[str, Any]:
        """Return the error for an HTTP status."""
        body = error.body if isinstance(error.body, dict) else {}
        inner = body.get("error")
        found = inner if isinstance(inner, dict) else {}
        kind, status = str(found.get("type", "")), error.status_code
        # an error in the middle of a stream comes with the status 200 that the stream began with
        again = may_pass(status) or kind in ("overloaded_error", "api_error", "rate_limit_error")
        said = cleaned(self.key, str(found.get("message", "") or (error.message if status != 200 else kind)))[:400]
        answer = failed(f"the model's server said {status if status != 200 else kind}: {said}", again)
        answer["error"]["after"] = asked_to_wait(error.response.headers)
        return answer


def _block(block: Any) -> dict[str, Any]:
    """A block of a reply as it must go back in the next request."""
    found: dict[str, Any] = block.to_dict(mode="json", exclude_unset=True)
    return {k: v for k, v in found.items() if v is not None and k != "parsed_output"}


def _marked(messages: list[Any]) -> list[Any]:
    """Return messages with a mark for the prompt cache on the last block, if the conversation has more than one
    message."""
    if len(messages) < 2 or not messages[-1]["content"]:
        return messages
    last = messages[-1]
    content = [*last["content"][:-1], {**last["content"][-1], **_CACHED}]
    return [*messages[:-1], {**last, "content": content}]

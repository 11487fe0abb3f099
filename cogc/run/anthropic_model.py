"""Anthropic's Messages API, and servers that speak it, through Anthropic's SDK.

The SDK's own attempts are turned off: the kernel decides about attempts. Every request is streamed, since the API
refuses long answers otherwise. Only its stop reason tells a complete stream from one that broke off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import httpx2

from cogc import ir
from cogc.language.attributes import USUAL
from cogc.run.provider import api_key, asked_to_wait, cleaned, failed, innermost, input_of, may_pass

_CACHED = {"cache_control": {"type": "ephemeral"}}


class AnthropicModel:
    """One model behind one client."""

    def __init__(self, model: ir.Model, attributes: dict[str, Any]) -> None:
        self.name = model.argument
        self.can = frozenset(attributes.get("capabilities", USUAL["anthropic"]))
        self.key = api_key(model, attributes, "ANTHROPIC_API_KEY")
        base: str | None = attributes.get("base_url")
        http = anthropic.DefaultAsyncHttpxClient()  # made first: one that the SDK makes and that fails leaves a warning
        self.client = anthropic.AsyncAnthropic(
            api_key=self.key, auth_token=None, base_url=base or "https://api.anthropic.com", max_retries=0, timeout=None,
            http_client=http,
        )  # fmt: skip

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
        reply = _Assembled()
        stream = await self.client.messages.create(**self._parameters(request), stream=True)
        async with stream:
            async for event in stream:
                piece = reply.add(event.to_dict(mode="json", exclude_unset=True))
                if emit is not None and piece:
                    emit(piece)
        return reply.complete()

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


class _Assembled:
    """A reply while its events come in.

    The SDK's own assembly raises for a tool's input that is no JSON, and so would lose the reply. Here the text of such
    an input is kept: the kernel reports it to the model (`kernel/models/replies.py`).
    """

    def __init__(self) -> None:
        self.blocks: dict[int, dict[str, Any]] = {}
        self.inputs: dict[int, str] = {}
        self.usage: dict[str, Any] = {}
        self.stop: Any = None
        self.category: Any = None
        self.begun = False

    def add(self, event: dict[str, Any]) -> str:
        """Take an event, and return its piece of text."""
        index, delta = event.get("index", -1), event.get("delta") or {}
        match event.get("type"):
            case "message_start":
                self.begun = True
                self._count(event["message"].get("usage"))
            case "content_block_start":
                self.blocks[index] = {k: v for k, v in event["content_block"].items() if v is not None}
            case "content_block_delta" if index in self.blocks:
                return self._extend(index, delta)
            case "message_delta":
                self._count(event.get("usage"))
                self.stop = delta.get("stop_reason") or self.stop
                self.category = (delta.get("stop_details") or {}).get("category") or self.category
        return ""

    def _extend(self, index: int, delta: dict[str, Any]) -> str:
        """Add a piece to a block, and return it if it is text of the answer."""
        block = self.blocks[index]
        match delta.get("type"):
            case "text_delta":
                block["text"] = block.get("text", "") + delta["text"]
                return str(delta["text"])
            case "input_json_delta":
                self.inputs[index] = self.inputs.get(index, "") + delta["partial_json"]
            case "thinking_delta":
                block["thinking"] = block.get("thinking", "") + delta["thinking"]
            case "signature_delta":
                block["signature"] = delta["signature"]
            case "citations_delta":
                block["citations"] = [*block.get("citations", ()), delta["citation"]]
        return ""

    def _count(self, usage: Any) -> None:
        """Take the counts of an event; later ones take the place of earlier ones."""
        self.usage.update({k: v for k, v in (usage or {}).items() if v is not None})

    def complete(self) -> dict[str, Any]:
        """Return the complete reply, or an error if it broke off."""
        if not self.begun or not self.usage:
            return failed("the server's answer is no reply of the Messages API")
        if self.stop is None:
            return failed("the reply broke off in the middle", True)
        for index, written in self.inputs.items():
            self.blocks[index]["input"] = input_of(written)
        usage = self.usage
        reply: dict[str, Any] = {
            "content": [self.blocks[i] for i in sorted(self.blocks)],
            "stop": self.stop,
            "usage": {
                "input": usage.get("input_tokens", 0),
                "output": usage.get("output_tokens", 0),
                "cache_read": usage.get("cache_read_input_tokens", 0),
                "cache_write": usage.get("cache_creation_input_tokens", 0),
                "thinking": (usage.get("output_tokens_details") or {}).get("thinking_tokens", 0),
            },
        }
        return {**reply, "detail": str(self.category)} if self.category else reply


def _marked(messages: list[Any]) -> list[Any]:
    """Return messages with a mark for the prompt cache on the last block, if the conversation has more than one
    message."""
    if len(messages) < 2 or not messages[-1]["content"]:
        return messages
    last = messages[-1]
    content = [*last["content"][:-1], {**last["content"][-1], **_CACHED}]
    return [*messages[:-1], {**last, "content": content}]

"""Anthropic's Messages API, and servers that speak it, through Anthropic's SDK.

The SDK's own attempts are turned off: the kernel decides about attempts. Every request is streamed, since the API
refuses long answers otherwise. Only its stop reason tells a complete stream from one that broke off.

Events are read as plain data, and not as the SDK's types: those take any value for any field, and warn on stderr when a
value of the wrong type is given back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import httpx2

from cogc import ir
from cogc.kernel.models.content import media_of
from cogc.language.attributes import USUAL
from cogc.language.limits import LEAST_THOUGHT
from cogc.run import provider
from cogc.run.contexts import headers
from cogc.run.media import base64_of, bytes_of

_CACHED = {"cache_control": {"type": "ephemeral"}}
_NO_REPLY = "the server's answer is no reply of the Messages API"


class AnthropicModel:
    """One model behind one client."""

    def __init__(self, model: ir.Model, attributes: dict[str, Any]) -> None:
        self.name = model.argument
        self.can = frozenset(attributes.get("capabilities", USUAL["anthropic"]))
        self.key = provider.api_key(model, attributes, "ANTHROPIC_API_KEY")
        base: str | None = attributes.get("base_url")
        http = anthropic.DefaultAsyncHttpxClient()  # made first: one that the SDK makes and that fails leaves a warning
        self.client = anthropic.AsyncAnthropic(
            api_key=self.key, auth_token=None, base_url=base or "https://api.anthropic.com", max_retries=0, timeout=None,
            http_client=http,
        )  # fmt: skip

    async def aclose(self) -> None:
        """Close the client."""
        await self.client.close()

    async def listed(self) -> list[str]:
        """Return the names of the models that the server has. Raise Failure if it does not say so."""
        errors = (anthropic.APIStatusError, anthropic.APIConnectionError, anthropic.AnthropicError)
        return await provider.listed(self.client.models.list(limit=1000), errors, self.key, self.client.base_url.host)

    async def ask(self, request: dict[str, Any], emit: Callable[[str], None] | None, id: str) -> dict[str, Any]:
        """Make one attempt. Return a reply, or an error that says whether another attempt makes sense."""
        try:
            if request.get("count"):
                return await self._count(request)
            return await self._stream(request, emit, id)
        except anthropic.APIStatusError as error:
            return self._status(error)
        except anthropic.APIResponseValidationError:
            return provider.failed(_NO_REPLY)
        except (anthropic.APIConnectionError, httpx2.HTTPError) as error:
            return provider.unreachable(self.client.base_url.host, self.key, error)
        except (anthropic.AnthropicError, AssertionError, *provider.MISSHAPEN) as error:
            return provider.no_reply(_NO_REPLY, self.key, error)

    async def _count(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the number of tokens of a request, counted by the server."""
        parameters = self._parameters(request)
        found = await self.client.messages.count_tokens(
            **{
                k: parameters[k]
                for k in ("model", "messages", "system", "tools", "tool_choice", "thinking")
                if k in parameters
            }
        )
        return {"tokens": found.input_tokens} if type(found.input_tokens) is int else provider.failed(_NO_REPLY)

    async def _stream(self, request: dict[str, Any], emit: Callable[[str], None] | None, id: str) -> dict[str, Any]:
        """Send a request and return the assembled reply."""
        reply = _Assembled()
        body = {**self._parameters(request), "stream": True}
        stream = await self.client.post(
            "/v1/messages",
            cast_to=object,
            body=body,
            options={"headers": {provider.IDEMPOTENT: id, **headers()}},
            stream=True,
            stream_cls=anthropic.AsyncStream[object],
        )
        return await provider.assembled(stream, stream.response, reply, emit, _NO_REPLY, self.key)

    def _parameters(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return a request in the words of the API."""
        cached = _CACHED if "cache" in self.can else {}
        messages = [{**m, "content": [_block_out(b) for b in m["content"]]} for m in request["messages"]]
        found: dict[str, Any] = {
            "model": self.name,
            "max_tokens": request["max_tokens"],
            "messages": _marked(messages) if cached else messages,
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
        if "thinking" in request and "thinking" in self.can:
            found["thinking"] = _thinking(request["thinking"], request["max_tokens"])
        if "temperature" in request:
            found["temperature"] = request["temperature"]
        return found

    def _status(self, error: anthropic.APIStatusError) -> dict[str, Any]:
        """Return the error for an HTTP status."""
        body = error.body if isinstance(error.body, dict) else {}
        inner = body.get("error")
        found = inner if isinstance(inner, dict) else {}
        kind, status = str(found.get("type", "")), error.status_code
        # an error in the middle of a stream comes with the status 200 that the stream began with
        again = provider.may_pass(status) or kind in ("overloaded_error", "api_error", "rate_limit_error")
        words = str(found.get("message", "") or (error.message if status != 200 else ""))
        said = provider.cleaned(self.key, words)[:400]
        named = str(status) if status != 200 else kind or "that it has an error"
        return provider.refused(named, said, again, error.response.headers)


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

    def add(self, event: Any) -> str:
        """Take an event, and return its piece of text. Raise one of `MISSHAPEN` for an event of the wrong form."""
        match event.get("type"):
            case "message_start":
                self._count(event["message"].get("usage"))
                self.begun = True
            case "content_block_start":
                self.blocks[_index(event)] = {k: v for k, v in event["content_block"].items() if v is not None}
                self.inputs.pop(event["index"], None)
            case "content_block_delta" if _index(event) in self.blocks:
                return self._extend(event["index"], event["delta"])
            case "message_delta":
                self._count(event.get("usage"))
                delta = event["delta"]
                self.stop = delta.get("stop_reason") or self.stop
                self.category = (delta.get("stop_details") or {}).get("category") or self.category
        return ""

    def take(self, message: Any) -> str:
        """Take a whole reply, and return its text. Raise one of `MISSHAPEN` for one of the wrong form."""
        self.begun = True
        self.blocks = {i: dict(block) for i, block in enumerate(message["content"])}
        self._count(message.get("usage"))
        self.stop = message["stop_reason"]
        self.category = (message.get("stop_details") or {}).get("category")
        return "".join(provider.piece_of(b, "text") for b in self.blocks.values() if b.get("type") == "text")

    def _extend(self, index: int, delta: dict[str, Any]) -> str:
        """Add a piece to a block, and return it if it is text of the answer."""
        block, kind = self.blocks[index], delta.get("type")
        if block.get("type") in _DELTAS and kind not in _DELTAS[block["type"]]:
            raise ValueError(f"a piece of type {kind} is in a block of type {block['type']}")
        match kind:
            case "text_delta":
                piece = provider.piece_of(delta, "text")
                block["text"] = provider.piece_of(block, "text") + piece
                return piece
            case "input_json_delta":
                self.inputs[index] = self.inputs.get(index, "") + provider.piece_of(delta, "partial_json")
            case "thinking_delta":
                block["thinking"] = provider.piece_of(block, "thinking") + provider.piece_of(delta, "thinking")
            case "signature_delta":
                block["signature"] = provider.piece_of(delta, "signature")
            case "citations_delta":
                block["citations"] = [*block.get("citations", ()), delta["citation"]]
        return ""

    def _count(self, usage: Any) -> None:
        """Take the counts of an event; later ones take the place of earlier ones."""
        if isinstance(usage, dict):
            self.usage.update({k: v for k, v in usage.items() if v is not None})

    def complete(self) -> dict[str, Any]:
        """Return the complete reply, or an error if it broke off."""
        if self.stop is None:
            return provider.failed("the reply broke off in the middle", True)
        for index, written in self.inputs.items():
            self.blocks[index]["input"] = provider.input_of(written)
        usage = self.usage
        reply: dict[str, Any] = {
            "content": [self.blocks[i] for i in sorted(self.blocks)],
            "stop": self.stop,
            "usage": provider.counted(
                input=provider.count_of(usage, "input_tokens"),
                output=provider.count_of(usage, "output_tokens"),
                cache_read=provider.count_of(usage, "cache_read_input_tokens"),
                cache_write=provider.count_of(usage, "cache_creation_input_tokens"),
                thinking=provider.count_of(usage, "output_tokens_details", "thinking_tokens"),
            ),
        }
        return {**reply, "detail": str(self.category)[:200]} if self.category else reply


_DELTAS = {
    "text": ("text_delta", "citations_delta"),
    "thinking": ("thinking_delta", "signature_delta"),
    "tool_use": ("input_json_delta",),
}
"""The pieces of the blocks that have a known type."""


def _index(event: dict[str, Any]) -> int:
    """Return the number of the block that an event is about."""
    index = event["index"]
    if type(index) is not int:
        raise ValueError("the index of a block is no number")
    return index


def _thinking(wanted: int | str, most: int) -> dict[str, Any]:
    """Return how a model is to think, for an answer of `most` tokens, thoughts included: as much as it likes, so many tokens, or not."""
    if wanted == "adaptive":
        return {"type": "adaptive", "display": "summarized"}
    room = 0 if wanted == "off" else min(int(wanted), most - 1)
    if room < LEAST_THOUGHT:
        return {"type": "disabled"}
    return {"type": "enabled", "budget_tokens": room, "display": "summarized"}


def _block_out(block: dict[str, Any]) -> dict[str, Any]:
    """Return a block in the words of the API: with the bytes of an image or document, also in the result of a tool."""
    if isinstance(block.get("content"), list) and block["type"] == "tool_result":
        return {**block, "content": [_block_out(b) for b in block["content"]]}
    if "media" not in block:
        return block
    media = media_of(block)
    if media.media_type == "text/plain":
        source = {"type": "text", "media_type": "text/plain", "data": bytes_of(media).decode("utf-8")}
    else:
        source = {"type": "base64", "media_type": media.media_type, "data": base64_of(media)}
    title = {"title": media.name[:200]} if media.kind == "document" and media.name else {}
    return {"type": media.kind, "source": source, **title}


def _marked(messages: list[Any]) -> list[Any]:
    """Return messages with a mark for the prompt cache on the last block, if the conversation has more than one
    message."""
    if len(messages) < 2 or not messages[-1]["content"]:
        return messages
    last = messages[-1]
    content = [*last["content"][:-1], {**last["content"][-1], **_CACHED}]
    return [*messages[:-1], {**last, "content": content}]

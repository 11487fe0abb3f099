"""OpenAI's Chat Completions API, and the many servers that speak it, through OpenAI's SDK.

Everywhere else messages have the form of the Messages API. This module translates them to this API and back. Chunks are
read as plain data: the many servers that speak this API differ in what they leave out and in what form they send the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import httpx2
import openai

from cogc import ir
from cogc.kernel.models.content import media_of
from cogc.language.attributes import USUAL
from cogc.run import provider
from cogc.run.contexts import headers
from cogc.run.media import base64_of, bytes_of

_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
_CHOICES = {"any": "required", "none": "none"}
_DESCRIPTION = 1024
"""The most characters of a description of a tool."""
_MORE = "extra_content"
"""The key of what a server adds to a call, such as a signature, and wants to have back with it."""
_REASONING = "reasoning_content"
"""The key of thoughts that a server wants to have back with their message; here the type of a block."""
_NO_REPLY = "the server's answer is no reply of the Chat Completions API"


class OpenAIModel:
    """One model behind one client."""

    def __init__(self, model: ir.Model, attributes: dict[str, Any]) -> None:
        self.name = model.argument
        self.can = frozenset(attributes.get("capabilities", USUAL["openai"]))
        self.key = provider.api_key(model, attributes, "OPENAI_API_KEY")
        base: str = attributes.get("base_url") or "https://api.openai.com/v1"
        http = openai.DefaultAsyncHttpxClient()  # made first: one that the SDK makes and that fails leaves a warning
        self.client = openai.AsyncOpenAI(api_key=self.key, base_url=base, max_retries=0, timeout=None, http_client=http)

    async def aclose(self) -> None:
        """Close the client."""
        await self.client.close()

    async def listed(self) -> list[str]:
        """Return the names of the models that the server has. Raise Failure if it does not say so."""
        errors = (openai.APIStatusError, openai.APIConnectionError, openai.OpenAIError)
        return await provider.listed(self.client.models.list(), errors, self.key, self.client.base_url.host)

    async def ask(self, request: dict[str, Any], emit: Callable[[str], None] | None, id: str) -> dict[str, Any]:
        """Make one attempt. Return a reply, or an error that says whether another attempt makes sense."""
        try:
            return await self._stream(request, emit, id)
        except openai.APIStatusError as error:
            said, status = provider.cleaned(self.key, _message(error))[:400], error.status_code
            return provider.refused(status, said, provider.may_pass(status), error.response.headers)
        except openai.APIResponseValidationError:
            return provider.failed(_NO_REPLY)
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            return provider.unreachable(self.client.base_url.host, self.key, error)
        except openai.APIError as error:  # an error in the middle of a stream
            return provider.failed(f"the model's server said: {provider.cleaned(self.key, error.message)[:400]}", True)
        except (openai.OpenAIError, AssertionError, *provider.MISSHAPEN) as error:
            return provider.no_reply(_NO_REPLY, self.key, error)

    async def _stream(self, request: dict[str, Any], emit: Callable[[str], None] | None, id: str) -> dict[str, Any]:
        """Send a request and return the assembled reply."""
        reply = _Assembled()
        stream = await self.client.post(
            "/chat/completions",
            cast_to=object,
            body=self._parameters(request),
            options={"headers": {provider.IDEMPOTENT: id, **headers()}},
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )
        return await provider.assembled(stream, stream.response, reply, emit, _NO_REPLY, self.key)

    def _parameters(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return a request in the words of the API."""
        tools, apart = _tools(request.get("tools", ()))
        system = "\n\n".join([*([request["system"]] if "system" in request else []), *apart])
        messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
        for message in request["messages"]:
            messages += _message_out(message)
        found: dict[str, Any] = {
            "model": self.name, "messages": messages, "max_completion_tokens": request["max_tokens"],
            "stream": True, "stream_options": {"include_usage": True},
        }  # fmt: skip
        if tools:
            found["tools"] = tools
        if "choice" in request:
            found["tool_choice"] = _CHOICES[request["choice"]]
        if "schema" in request:
            answer = {"name": "answer", "schema": request["schema"], "strict": True}
            found["response_format"] = {"type": "json_schema", "json_schema": answer}
        if "temperature" in request and "sampling" in self.can:
            found["temperature"] = request["temperature"]
        if "effort" in request and "effort" in self.can:
            found["reasoning_effort"] = request["effort"]
        if request.get("thinking") == "off":
            found["reasoning_effort"] = "none"
        return found


def _tools(offered: Iterable[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return tools in the words of the API, and what the system text says of those whose descriptions are longer than it takes."""
    tools: list[dict[str, Any]] = []
    apart: list[str] = []
    for tool in offered:
        said = tool["description"]
        if len(said) > _DESCRIPTION:
            apart.append(f"The whole description of the tool `{tool['name']}`:\n{said}")
            said = f"{said[: _DESCRIPTION - 3]}..."
        function = {"name": tool["name"], "description": said, "parameters": tool["schema"]}
        tools.append({"type": "function", "function": function})
    return tools, apart


class _Assembled:
    """A reply while its chunks come in."""

    def __init__(self) -> None:
        self.text = ""
        self.thought = ""
        self.owed = ""
        self.calls: list[dict[str, Any]] = []
        self.at: dict[Any, dict[str, Any]] = {}
        self.finish: Any = None
        self.refused = ""
        self.usage: Any = None
        self.begun = False

    def add(self, chunk: Any) -> str:
        """Take a chunk, and return its piece of text. Raise one of `MISSHAPEN` for a chunk of the wrong form."""
        choices = chunk.get("choices")
        self.usage = chunk.get("usage") or self.usage
        self.begun = True
        choice = next((c for c in choices or () if not c.get("index")), None)  # one answer was asked for
        if choice is None:
            return ""
        self.finish = choice.get("finish_reason") or self.finish
        delta = choice.get("delta") or {}
        for call in delta.get("tool_calls") or ():
            self._call(call)
        self.refused += provider.piece_of(delta, "refusal")
        reasoning = provider.piece_of(delta, "reasoning_content")
        self.owed += reasoning
        self.thought += reasoning or provider.piece_of(delta, "reasoning")
        piece = _content(delta)
        self.text += piece
        return piece

    def take(self, completion: Any) -> str:
        """Take a whole reply, and return its text. Raise one of `MISSHAPEN` for one of the wrong form."""
        first = completion["choices"][0]
        choice = {"delta": first["message"], "finish_reason": first["finish_reason"]}
        return self.add({"usage": completion.get("usage"), "choices": [choice]})

    def _call(self, piece: dict[str, Any]) -> None:
        """Add a piece to a call. Some servers leave out the index, or give all calls the same one: then a new id begins a
        call, and where there is no index, a name does too. Some repeat the name in each piece."""
        index, id, function = piece.get("index"), provider.piece_of(piece, "id"), piece.get("function") or {}
        name, given = provider.piece_of(function, "name"), function.get("arguments")
        made = self.at.get(index)
        other = made is not None and bool(id) and bool(made["id"]) and made["id"] != id
        if made is None or other or (index is None and name):
            made = self.at[index] = {"id": "", "name": "", "arguments": "", "more": {}}
            self.calls.append(made)
        if piece.get(_MORE):
            made["more"] = {_MORE: piece[_MORE]}
        made["id"] = id or made["id"]
        if name != made["name"]:
            made["name"] += name
        made["arguments"] += json.dumps(given) if isinstance(given, dict) else provider.piece_of(function, "arguments")

    def complete(self) -> dict[str, Any]:
        """Return the complete reply, or an error if it broke off."""
        if self.finish is None:
            return provider.failed("the reply broke off in the middle", True)
        content: list[dict[str, Any]] = [{"type": "text", "text": self.text}] if self.text else []
        for call in self.calls:
            content.append(
                {
                    "type": "tool_use",
                    "id": call["id"],
                    "name": call["name"],
                    "input": provider.input_of(call["arguments"]),
                    **call["more"],
                }
            )
        if self.owed and content:
            content.insert(0, {"type": _REASONING, "text": self.owed})
        stop = "refusal" if self.refused else _STOPS.get(str(self.finish), self.finish)
        reply: dict[str, Any] = {"content": content, "stop": stop, "usage": _usage(self.usage)}
        if self.thought:
            reply["thought"] = self.thought
        return {**reply, "detail": self.refused[:200]} if self.refused else reply


def _content(delta: dict[str, Any]) -> str:
    """Return the text of a delta. Some servers send a list of parts, of which those that think are no part of the answer."""
    content = delta.get("content")
    if not isinstance(content, list):
        return provider.piece_of(delta, "content")
    return "".join(provider.piece_of(part, "text") for part in content if part.get("type") == "text")


def _usage(usage: Any) -> dict[str, int]:
    """Return the tokens of a request in the kernel's form; empty if the server has not counted them."""
    cached = provider.count_of(usage, "prompt_tokens_details", "cached_tokens")
    return provider.counted(
        input=provider.count_of(usage, "prompt_tokens") - cached,
        output=provider.count_of(usage, "completion_tokens"),
        cache_read=cached,
        thinking=provider.count_of(usage, "completion_tokens_details", "reasoning_tokens"),
    )


def _message_out(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a message in the words of the API: tool results are messages of their own, tool calls stand beside the
    text. Results of tools are texts here, so that their images and documents stand in the message behind them."""
    found: list[dict[str, Any]] = []
    blocks, shown = message["content"], []
    for block in blocks:
        if block["type"] == "tool_result":
            inside = (
                block["content"] if isinstance(block["content"], list) else [{"type": "text", "text": block["content"]}]
            )
            words = "\n".join(b["text"] if b["type"] == "text" else str(media_of(b)) for b in inside)
            shown += [b for b in inside if b["type"] != "text"]
            found.append({"role": "tool", "tool_call_id": block["tool_use_id"], "content": words})
    if shown or any("media" in b for b in blocks):
        parts = [part for b in (*shown, *blocks) if b["type"] != "tool_result" for part in _parts(b)]
        return [*found, {"role": message["role"], "content": parts}]
    said = "\n".join(b["text"] for b in blocks if b["type"] == "text")
    calls = [
        {
            "id": b["id"],
            "type": "function",
            "function": {"name": b["name"], "arguments": json.dumps(b["input"])},
            **({_MORE: b[_MORE]} if _MORE in b else {}),
        }
        for b in blocks
        if b["type"] == "tool_use"
    ]
    thought = "".join(b["text"] for b in blocks if b["type"] == _REASONING)
    thoughts = {_REASONING: thought} if thought else {}
    if calls:
        found.append({"role": "assistant", "content": said or None, "tool_calls": calls, **thoughts})
    elif said:
        found.append({"role": message["role"], "content": said, **thoughts})
    return found


def _parts(block: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a block of a user as parts of a message: a text, or an image or document behind its name."""
    if "media" not in block:
        return [{"type": "text", "text": block["text"]}]
    media = media_of(block)
    if media.media_type == "text/plain":
        return [{"type": "text", "text": f"{media.name or 'A document'}:\n{bytes_of(media).decode('utf-8')}"}]
    url = f"data:{media.media_type};base64,{base64_of(media)}"
    if media.kind == "image":
        return [{"type": "image_url", "image_url": {"url": url}}]
    return [{"type": "file", "file": {"filename": media.name.rpartition("/")[2] or "document.pdf", "file_data": url}}]


def _message(error: openai.APIStatusError) -> str:
    """Return the words of a server about an error."""
    body = error.body
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        return str(body["message"])
    return error.message

"""The content of messages to a model, and of the results of its tools: texts, images and documents, as blocks of a message.

A content is a text, an image or document (`Media`), or a list of them. A block of an image or document names it by digest and size;
the bytes stand outside of the kernel, and the provider puts them in when the request leaves (`run/media.py`). A model that takes none
gets the name of what it cannot see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cogc.language.functions import text
from cogc.language.media import KINDS, TOKENS
from cogc.language.values import Media

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cogc.kernel.shapes import Block, Message
    from cogc.language.values import Value

CAPABILITY = {"image": "images", "document": "documents"}
"""The capability that a model needs for each kind."""

EMPTY = "(empty)"
"""Stands for a text in which nothing is said: servers refuse a blank one."""


def words(content: Value) -> str:
    """Return a content as one text: images and documents by their names."""
    return "".join(map(text, content)) if isinstance(content, list) else text(content)


def blocks(content: Value) -> list[Block]:
    """Return a content as blocks; texts that follow each other are one."""
    found: list[Block] = []
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, Media):
            found.append(block(part))
        elif found and found[-1]["type"] == "text":
            found[-1]["text"] += text(part)
        else:
            found.append({"type": "text", "text": text(part)})
    return [b for b in found if b["type"] != "text" or b["text"].strip()]


def block(media: Media) -> Block:
    """Return the block of an image or document."""
    named: dict[str, Any] = {
        "media_type": media.media_type,
        "digest": media.digest,
        "size": media.size,
        "name": media.name,
    }
    return {"type": media.kind, "media": named}


def media_of(block: Block | dict[str, Any]) -> Media:
    """Return what a block of an image or document names."""
    named: Any = block["media"]
    return Media(block["type"], named["media_type"], named["digest"], named["size"], named["name"])


def all_media(value: object) -> Iterator[Media]:
    """Yield the images and documents in a value, in their order."""
    if isinstance(value, Media):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from all_media(part)


def result(value: Value, told: Callable[[str], str]) -> str | list[Block]:
    """Return the result of a tool as the content of its block. `told` shortens a text that is too long."""
    media = list(all_media(value))
    if not media:
        return told(text(value))
    is_content = isinstance(value, Media) or (isinstance(value, list) and all(type(p) in (str, Media) for p in value))
    found = blocks(value if is_content else [text(value), *media])
    for b in found:
        if b["type"] == "text":
            b["text"] = told(b["text"])
    return found


def as_seen(messages: list[Message], can: frozenset[str]) -> list[Message]:
    """Return a conversation as a model with these capabilities takes it: what it cannot see is named."""
    blind = [kind for kind in KINDS if CAPABILITY[kind] not in can]
    if not blind or not any(
        b["type"] in blind or isinstance(b.get("content"), list) for m in messages for b in m["content"]
    ):
        return messages
    return [{"role": m["role"], "content": [_as_seen(b, blind) for b in m["content"]]} for m in messages]


def _as_seen(block: Block, blind: list[str]) -> Block:
    inside: Any = block.get("content")
    if block["type"] == "tool_result" and isinstance(inside, list):
        parts = [_as_seen(b, blind) for b in inside]
        made: Any = {**block, "content": parts}
        if all(p["type"] == "text" for p in parts):
            made["content"] = "\n".join(p["text"] for p in parts)
        return made  # type: ignore[no-any-return]  # a block with other contents is a block
    return {"type": "text", "text": str(media_of(block))} if block["type"] in blind and "media" in block else block


def weight(messages: list[Message]) -> int:
    """Return the tokens that the images and documents of a conversation count for where nobody has counted."""
    inside = (b for m in messages for outer in m["content"] for b in (outer, *_parts(outer)))
    return TOKENS * sum("media" in b for b in inside)


def _parts(block: Block) -> list[Any]:
    inside: Any = block.get("content")
    return inside if isinstance(inside, list) else []

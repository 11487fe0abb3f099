"""The kinds of semantic tokens, which the answer to `initialize` lists."""

from __future__ import annotations

TOKEN_TYPES = (
    "namespace", "type", "class", "interface", "parameter", "variable", "property", "event", "function", "method", "keyword",
)  # fmt: skip
TOKEN_MODIFIERS = ("declaration", "readonly", "modification", "defaultLibrary")
LEGEND = {"tokenTypes": TOKEN_TYPES, "tokenModifiers": TOKEN_MODIFIERS}

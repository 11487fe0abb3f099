"""Remedies for phrases that other languages write in another way: `remedy(...)` looks at the tokens around a mistake."""

from __future__ import annotations

from cogc.diagnostics.habits import STATEMENTS

_ASSIGNING = "+-*/%"
_NAME_RULE = "a name consists of letters, digits and `_`: `{}_{}`"
_BEGINS = ("", "\n", "{", "}", ";")


def remedy(
    texts: list[str], adjacent: tuple[bool, bool], name: bool, expression: bool, bracket: str
) -> tuple[str, bool] | None:
    """Return what to write, and whether the token before the mistake is the cause. None if no habit fits.

    `texts` are the texts of the two tokens before the mistake, of itself and of the two behind it; `adjacent` says whether
    its neighbours touch it; `name` and `expression` whether a name or an expression could stand here; `bracket` is the
    innermost open bracket.
    """
    far, before, text, after, _ = texts
    begins = far in _BEGINS or before in ("{", "\n", "")
    if text in STATEMENTS and (before in _BEGINS) and not name:
        return STATEMENTS[text], False
    if before in STATEMENTS and far in _BEGINS and text not in ("<-", "=", "(", "."):
        return STATEMENTS[before], True
    if before == "await" and text.isidentifier():
        return "`await` waits in a body: `let x = await CHANNEL`", True
    if before.isidentifier() and text == "-" and after.isidentifier() and adjacent == (True, True) and not expression:
        return _NAME_RULE.format(before, after), False
    if text[:1] == '"' and before in ("f", "b", "u", "F", "fr", "rb", "t", "s") and adjacent[0]:
        return "remove the letter: every string with `{{ name }}` is a template", True
    return _operators(texts, adjacent, begins, bracket) or _types(texts, adjacent, name)


def _operators(texts: list[str], adjacent: tuple[bool, bool], begins: bool, bracket: str) -> tuple[str, bool] | None:
    """Return the remedy for an operator of another language."""
    _, before, text, after, _ = texts
    if text in ("//", "--") and before in _BEGINS:
        return "a comment begins with `#`", False
    if text == "/" and after == "*":
        return "a comment begins with `#`, and ends with its line", False
    if text in _ASSIGNING and after == "=" and adjacent[1]:
        return f"write `{before} = {before} {text} ...`", False
    if text in "+-" and after == text and adjacent[1]:
        return f"write `{before} = {before} {text} 1`", False
    if text == "->" and before.isidentifier() and bracket == "{" and begins:
        return f"send with `<-`: `{before} <- {after}`", False
    if text == "->" and bracket == "{":
        return "send with `<-`: `channel <- value`", False
    if text == "=" and before == "==":
        return "compare with `==`", False
    if text == ">" and before in ("=", "<"):
        return ("compare with `!=`" if before == "<" else "write `->`, or `:` in a record"), False
    if text == "=" and before == ":":
        return "write `let NAME = VALUE`, or `NAME = VALUE` for a state", False
    if text == "|" and "|" in (before, after):
        return "write `or`", False
    if text == "*" and "*" in (before, after):
        return "there is no power: multiply with `*`", False
    if text == "?" and after not in ("", "\n", ","):
        return "write `a if condition else b`", False
    return _equals(texts, bracket) if text in ("=", ":") else None


def _equals(texts: list[str], bracket: str) -> tuple[str, bool] | None:
    """Return the remedy for `=` or `:` in a place that wants the other one."""
    _, before, text, after, _ = texts
    if text == ":":
        return None
    if before in ("let", "const", "state", "type", "create", "model", "queue"):
        return f"a name is missing: `{before} NAME = ...`", False
    if bracket == "(" and before.isidentifier():
        return f"a named argument is written with a colon, `{before}: {after}`", False
    if bracket == "{" and before.isidentifier():
        return (
            f"write `{before}: {after}` for an attribute or a field; `==` compares; a state is set by a statement",
            False,
        )
    return "compare with `==`; `=` sets a state, as a statement of its own", False


def _types(texts: list[str], adjacent: tuple[bool, bool], name: bool) -> tuple[str, bool] | None:
    """Return the remedy for a type that is written in another way, or a `:` that is missing before it."""
    far, before, text, _, _ = texts
    if text == "]" and before == "[" and far.isidentifier():
        return f"a list of these is written `[{far}]`", False
    if text == "<" and before in ("list", "List", "Array", "array", "Vec", "set", "Set"):
        return "a list is written `[T]`, for example `[string]`", False
    if text == "<" and before in ("map", "Map", "dict", "Dict", "HashMap"):
        return "a map from strings is written `map[T]`, for example `map[int]`", False
    return None

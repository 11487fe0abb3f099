"""Partial values: what is known of a JSON answer while its text comes in.

`Partial` collects the pieces of one reply. After a piece it gives the value so far, if that has changed: objects and lists with what is
complete in them, and texts as far as they have come. A number, a word such as `true`, and the name of a field count when they are
complete. The whole text is read again when it has grown by one part in `STEP`, so that the work grows with the length of the answer.

What is known so far has a type of its own, that of the channel `delta` (`types.delta`): a value that does not have it is that of an answer
which will not fit, and is passed over.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cogc.language.values import Failure, equal

if TYPE_CHECKING:
    from collections.abc import Callable

STEP = 32
"""An answer is read again when it has grown by one part in so many."""
NOTHING: Any = object()
"""Stands for a value of which nothing is known."""
_DEEPEST = 64
_SPACE = " \t\r\n"


class Partial:
    """The text of one reply so far. `wrapped` says that the value stands in `{value}`; `check` gives it its type, or raises Failure."""

    __slots__ = ("check", "last", "read", "text", "wrapped")

    def __init__(self, wrapped: bool, check: Callable[[Any], Any]) -> None:
        self.wrapped = wrapped
        self.check = check
        self.text = ""
        self.read = 0
        self.last: Any = NOTHING

    def add(self, piece: str) -> Any:
        """Take a piece, and return the value so far; NOTHING if it is as before, or nothing is known of it."""
        self.text += piece
        if len(self.text) - self.read < len(self.text) // STEP:
            return NOTHING
        self.read = len(self.text)
        found = self._value()
        if found is NOTHING or (self.last is not NOTHING and equal(found, self.last)):
            return NOTHING
        self.last = found
        try:
            return self.check(found)
        except Failure:
            return NOTHING

    def restart(self) -> None:
        """Forget the text: the reply begins anew."""
        self.text, self.read, self.last = "", 0, NOTHING

    def go_on(self, text: str, read: int) -> None:
        """Go on with a text that came in before, and was read up to a place."""
        self.text = text[:read]
        self.last = self._value()
        self.text, self.read = text, read

    def _value(self) -> Any:
        """Return the value of the text so far, as it is before its type is looked at."""
        found = so_far(self.text)
        if self.wrapped and found is not NOTHING:
            found = found.get("value", NOTHING) if type(found) is dict else NOTHING
        return found


def so_far(text: str) -> Any:
    """Return what is known of the first object or list of a text; NOTHING if it has not begun."""
    text = text.rpartition("</think>")[2]
    starts = [at for at in (text.find("{"), text.find("[")) if at >= 0]
    return _Reader(text, min(starts)).value(0) if starts else NOTHING


class _Reader:
    """Reads JSON up to where it breaks off."""

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at

    def _next(self) -> str:
        """Return the next character that is no space; empty at the end."""
        while self.at < len(self.text) and self.text[self.at] in _SPACE:
            self.at += 1
        return self.text[self.at : self.at + 1]

    def value(self, depth: int) -> Any:
        """Return the value that begins here, as far as it has come."""
        first = self._next()
        if depth > _DEEPEST:
            self.at = len(self.text)
            return NOTHING
        if first == "{":
            return self._object(depth)
        if first == "[":
            return self._list(depth)
        if first == '"':
            return self._string()[0]
        return self._word()

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.at += 1
        while True:
            mark = self._next()
            if mark == "}":
                self.at += 1
                return found
            if mark == ",":
                self.at += 1
                continue
            if mark != '"':
                self.at = len(self.text)
                return found
            name, whole = self._string()
            if not whole or self._next() != ":":
                self.at = len(self.text)
                return found
            self.at += 1
            value = self.value(depth + 1)
            if value is NOTHING:
                return found
            found[name] = value

    def _list(self, depth: int) -> list[Any]:
        found: list[Any] = []
        self.at += 1
        while True:
            mark = self._next()
            if mark == "]":
                self.at += 1
                return found
            if mark == ",":
                self.at += 1
                continue
            value = NOTHING if mark == "" else self.value(depth + 1)
            if value is NOTHING:
                self.at = len(self.text)
                return found
            found.append(value)

    def _string(self) -> tuple[str, bool]:
        """Return a text as far as it has come, and whether it is complete."""
        begin = self.at
        self.at += 1
        safe = self.at
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == '"':
                self.at += 1
                return self._decoded(begin, self.at, ""), True
            self.at += 1 if char != "\\" else 6 if self.text[self.at + 1 : self.at + 2] == "u" else 2
            safe = self.at if self.at <= len(self.text) else safe
        self.at = len(self.text)
        return self._decoded(begin, safe, '"'), False

    def _decoded(self, begin: int, end: int, more: str) -> str:
        try:
            found = json.loads(self.text[begin:end] + more, strict=False)
        except ValueError:
            return ""
        return str(found).encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _word(self) -> Any:
        """Return a number or a word that is complete: something stands behind it."""
        end = self.at
        while end < len(self.text) and self.text[end] not in ',]}" \t\r\n:{[':
            end += 1
        word, self.at = self.text[self.at : end], end
        if end == len(self.text):
            return NOTHING
        try:
            found = json.loads(word)
        except ValueError:
            self.at = len(self.text)
            return NOTHING
        return found if type(found) is not float or found - found == 0 else NOTHING

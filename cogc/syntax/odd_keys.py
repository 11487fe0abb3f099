"""Keys of a spec in YAML that declare a name, and can be none (`my-order`, `1st`, `if`): their uses are read as uses of it.

`uses_spelt(root)` returns the spec with these uses spelt as names. The keys themselves stay as they are, and are reported where
they are read. `odd_names.py` does the same for the cog notation.
"""

from __future__ import annotations

import re

from cogc.language.texts import RESERVED, is_name
from cogc.syntax.read_yaml import Mapping, Scalar, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cogc.syntax.read_yaml import Value

_FILE = ("consts", "types", "models", "mcp", "programs", "mixins", "coglets", "queues")
"""The sections of a file whose keys are names."""
_MEMBERS = ("params", "consts", "listen", "transmit", "state", "programs", "create", "enact", "steps")
"""The parts of a declaration whose keys are names."""
_HOLDERS = ("programs", "mixins", "coglets", "agents", "teams", "dods", "plans")
"""The sections whose declarations have such parts."""


def as_name(text: str) -> str:
    """Return a text that is no name as a name of the same length, so that places in a text stay what they are."""
    right = re.sub(r"\W", "_", text, flags=re.ASCII)
    if right in RESERVED:
        return f"{right[:-1]}_"
    return f"_{right[1:]}" if right[:1].isdigit() else right


def uses_spelt(root: Mapping) -> Mapping:
    """Return a spec in which the uses of names that are none are uses of names."""
    odd = [key for key in _declared(root) if not is_name(key.text) and key.text]
    if not odd:
        return root
    words = "|".join(re.escape(text) for text in sorted({key.text for key in odd}, key=len, reverse=True))
    return _Spelling(re.compile(rf"(?<![\w\"'-])(?:{words})(?![\w-])"), {id(key) for key in odd}).mapping(root)


def _declared(root: Mapping) -> Iterator[Scalar]:
    """Return the keys that declare names."""
    for section, value in root.pairs:
        for key, inner in value.pairs if isinstance(value, Mapping) else ():
            if section.text in _FILE:
                yield key
            if section.text in _HOLDERS and isinstance(inner, Mapping):
                yield from _of_a_declaration(inner)


def _of_a_declaration(value: Mapping) -> Iterator[Scalar]:
    for part, inner in value.pairs:
        for key, member in inner.pairs if part.text in _MEMBERS and isinstance(inner, Mapping) else ():
            yield key
            if part.text in ("programs", "enact") and isinstance(member, Mapping):
                yield from _of_a_declaration(member)


class _Spelling:
    """Spells the words of values as names. `kept` are the keys that stay as they are, by identity."""

    def __init__(self, words: re.Pattern[str], kept: set[int]) -> None:
        self.words = words
        self.kept = kept

    def mapping(self, value: Mapping) -> Mapping:
        return Mapping(value.start, value.end, tuple((self._scalar(k), self._value(v)) for k, v in value.pairs))

    def _value(self, value: Value) -> Value:
        if isinstance(value, Scalar):
            return self._scalar(value)
        if isinstance(value, Sequence):
            return Sequence(value.start, value.end, tuple(self._value(item) for item in value.items))
        return self.mapping(value)

    def _scalar(self, value: Scalar) -> Scalar:
        if id(value) in self.kept:
            return value
        text = self.words.sub(lambda found: as_name(found[0]), value.text)
        return value if text == value.text else Scalar(value.start, value.end, text, value.plain, value.segments)

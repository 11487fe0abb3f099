"""YAML text to values with places: one pass over the events of PyYAML's parser, without types and without objects.

Mappings keep their keys with places, and duplicate keys are reported. Depth and size are bounded, and an alias counts as
often as it is used, so that a small file with many aliases cannot become a large tree. This module is the owner of PyYAML.
"""

from __future__ import annotations

import re

import yaml

from cogc.diagnostics.edits import removal
from cogc.diagnostics.problems import Label, Problems
from cogc.diagnostics.source import Source, Span
from cogc.language.closed import assert_never
from cogc.language.record import Record
from cogc.language.texts import Segments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Value: TypeAlias = "Scalar | Sequence | Mapping"

MAX_DEPTH = 100
MAX_NODES = 400_000


_QUOTE = "a value that holds a colon and a blank must be in quotes: `'Counter(start: 1)'`"
_TAB = "indent with spaces: YAML takes no tabs there"


class Scalar(Record):
    """A scalar: its text, whether it was written without quotes, and the places of its pieces."""

    start: int
    end: int
    text: str
    plain: bool
    segments: Segments


def spelt(key: Scalar, text: str) -> Scalar:
    """Return a key with another text, at the same place."""
    return Scalar(key.start, key.end, text, key.plain, key.segments)


class Sequence(Record):
    start: int
    end: int
    items: tuple[Scalar | Sequence | Mapping, ...]


class Mapping(Record):
    """Pairs in order. A key that is no scalar is reported and left out."""

    start: int
    end: int
    pairs: tuple[tuple[Scalar, Scalar | Sequence | Mapping], ...]


_PROPERTIES = re.compile(r"(?:[&!]\S*(?:[ \t]+|[ \t]*(?:#[^\n]*)?\n\s*|$))*")
_TAG = re.compile(r"(?:&\S+\s+)?(!\S*)")
_TAGS = frozenset(("!", *(f"tag:yaml.org,2002:{t}" for t in ("str", "int", "float", "bool", "null", "map", "seq"))))


class _Open:
    """A collection whose end has not been met: its items so far, its start and its anchor."""

    __slots__ = ("anchor", "count", "items", "mapping", "start")

    def __init__(self, mapping: bool, start: int, anchor: str | None, count: int) -> None:
        self.count = count
        self.mapping = mapping
        self.start = start
        self.anchor = anchor
        self.items: list[Value] = []


class _Stop(Exception):
    """Reading stopped, with a report."""


def read_yaml(source: Source, problems: Problems) -> Value | None:
    """Return the one document of a file, or None and a report."""
    try:
        return _Reader(source, problems).read()
    except _Stop:
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        if error.context_mark and "end of stream" in (error.problem or "") and "quoted" in (error.context or ""):
            mark = error.context_mark  # the quotes that nothing closes
        at = mark.index if mark else 0
        opened = _opened_quote(source.text, at)
        if opened is not None:
            span = Span(source, *opened)
            closing = "close it where the text ends"
            problems.add("bad-yaml", span, help=closing, reason="the quotes that begin here end in another line")
            return None
        reason = " ".join(w for w in (error.problem, error.context) if w)
        help = _QUOTE if "mapping values are not allowed" in reason else None
        if source.text[at : at + 1] == "\t":
            help = _TAB
        problems.add("bad-yaml", _span(source, at), help=help, reason=reason)
    except yaml.YAMLError as error:
        problems.add("bad-yaml", _span(source, getattr(error, "position", 0)), reason=str(error).split("\n")[0])
    return None


def _opened_quote(text: str, at: int) -> tuple[int, int] | None:
    """Return the first line of a text in quotes that ends in the line of a mistake, and begins in an earlier one.

    What closes it is most likely the opening quote of a later text.
    """
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            start, end = token.start_mark, token.end_mark
            if start.index >= at:
                break
            if isinstance(token, yaml.ScalarToken) and token.style in ("'", '"') and start.line < end.line:
                line_end = text.find("\n", at)
                if end.index <= at and text.count("\n", end.index, line_end if line_end >= 0 else len(text)) == 0:
                    first = text.find("\n", start.index, end.index)  # YAML has other ends of lines too
                    return start.index, first if first >= 0 else end.index
    except yaml.YAMLError:
        pass
    return None


def _span(source: Source, at: int) -> Span:
    at = min(at, len(source.text))
    return Span(source, at, min(at + 1, len(source.text)))


class _Reader:
    """The state of one reading: the open collections, the anchors, and the number of values."""

    def __init__(self, source: Source, problems: Problems) -> None:
        self.source = source
        self.problems = problems
        self.anchors: dict[str, tuple[Value, int]] = {}
        self.count = 0
        self.stack: list[_Open] = []
        self.root: Value | None = None
        self.documents = 0

    def read(self) -> Value | None:
        """Read all events. Nearly all are scalars without an anchor or a tag, so they pass through this loop alone."""
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(self.source.text)
        readers = {
            yaml.MappingStartEvent: self._open,
            yaml.SequenceStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }
        text, stack, scalar = self.source.text, self.stack, yaml.ScalarEvent
        try:
            for event in iter(loader.get_event, None):
                kind = event.__class__
                if kind is scalar:
                    start, end = event.start_mark.index, event.end_mark.index
                    anchor, tag, style, value = event.anchor, event.tag, event.style, event.value
                    plain = not style and tag is None
                    if anchor is not None or tag is not None:
                        start = self._behind_properties(event)
                    lead = start + 1 if style else start
                    if text.startswith(value, lead) and (not style or style in "'\""):
                        made = Scalar(start, end, value, plain, ((0, lead),))
                    else:
                        made = Scalar(start, end, value, plain, _segments(text, start, end, event))
                    if anchor is None and stack and self.count < MAX_NODES:
                        self.count += 1
                        stack[-1].items.append(made)
                    else:
                        self._add(made, anchor)
                elif kind in readers:
                    readers[kind](event)
        finally:
            loader.dispose()
        return self.root

    def _behind_properties(self, event: Any) -> int:
        """Return the place of a value behind its anchor and its tag. A tag that names no type of YAML is reported."""
        start: int = event.start_mark.index
        if event.tag is not None and event.tag not in _TAGS:
            tag = _TAG.match(self.source.text, start)
            span = Span(self.source, *(tag.span(1) if tag else (start, start + 1)))
            self.problems.add("yaml-alias", span, what="tags such as `!x`")
        found = _PROPERTIES.match(self.source.text, start)
        end: int = event.end_mark.index
        return min(found.end() if found else start, end)

    def _open(self, event: Any) -> None:
        start = event.start_mark.index
        if event.anchor is not None or event.tag is not None:
            start = self._behind_properties(event)
        if len(self.stack) >= MAX_DEPTH:
            self._stop("too-deep", start, limit=MAX_DEPTH)
        self.stack.append(_Open(event.__class__ is yaml.MappingStartEvent, start, event.anchor, self.count))

    def _close(self, event: Any) -> None:
        opened = self.stack.pop()
        end = event.end_mark.index
        made = self._mapping(opened, end) if opened.mapping else Sequence(opened.start, end, tuple(opened.items))
        self._add(made, opened.anchor, self.count - opened.count + 1)

    def _document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            self._stop("bad-yaml", event.start_mark.index, what="a spec is one document")

    def _stop(self, slug: str, at: int, what: object = "", limit: int = 0) -> None:
        self.problems.add(slug, _span(self.source, at), what=what, reason=what, limit=limit)
        raise _Stop

    def _alias(self, event: Any) -> None:
        """Add the value of an anchor once more; inside of its own value an anchor is not known yet."""
        if event.anchor not in self.anchors:
            self._stop(
                "yaml-alias",
                event.start_mark.index,
                what=f"aliases such as `*{event.anchor}` to what is not above them",
            )
        value, size = self.anchors[event.anchor]
        self.count += size
        self._add(value, None)

    def _add(self, value: Value, anchor: str | None, size: int = 1) -> None:
        self.count += 1
        if self.count > MAX_NODES:
            self._stop("yaml-alias", value.start, what=f"files of more than {MAX_NODES} values")
        if anchor is not None:
            self.anchors[anchor] = (value, size)
        if self.stack:
            self.stack[-1].items.append(value)
        elif self.root is None:
            self.root = value

    def _mapping(self, opened: _Open, end: int) -> Mapping:
        keys = opened.items[::2]
        names = {key.text for key in keys if key.__class__ is Scalar}
        if len(names) == len(keys) and "<<" not in names:
            return Mapping(opened.start, end, tuple(zip(keys, opened.items[1::2], strict=True)))  # type: ignore[arg-type]
        pairs: list[tuple[Scalar, Value]] = []
        merged: list[tuple[Scalar, Value]] = []
        seen: dict[str, Scalar] = {}
        for key, value in zip(opened.items[::2], opened.items[1::2], strict=True):
            if not isinstance(key, Scalar):
                span = Span(self.source, key.start, min(key.end, key.start + 1))
                right = "write a word"
                if self.source.text.startswith("{{", opened.start):
                    span = Span(self.source, opened.start, end)
                    right = "a text that begins with `{` stands in quotes: `'{{ name }}'`"
                self.problems.add(
                    "bad-shape", span, where="a key", wanted="a word", found="a list or mapping", right=right
                )
                self.problems.dropped.append(Span(self.source, opened.start, end))
                continue
            if key.text == "<<" and key.plain:
                what = "merge keys (`<<`)"
                self.problems.add("yaml-alias", Span(self.source, key.start, key.end), what=what)
                merged += _merged(value)
                continue
            if key.text in seen:
                first = seen[key.text]
                related = [Label(Span(self.source, first.start, first.end), "first here")]
                self.problems.add(
                    "duplicate-key",
                    Span(self.source, key.start, key.end),
                    related=related,
                    edits=removal(
                        self.source,
                        key.start,
                        value.end,
                        certain="safe" if value == first_value(pairs, key.text) else "unsafe",
                    ),
                    name=key.text,
                )
                continue
            seen[key.text] = key
            pairs.append((key, value))
        pairs += [(key, value) for key, value in merged if key.text not in seen]
        return Mapping(opened.start, end, tuple(pairs))


def _merged(value: Value) -> list[tuple[Scalar, Value]]:
    """Return the pairs that a merge key stands for, so that its report is the only one."""
    parts = value.items if isinstance(value, Sequence) else (value,)
    return list({k.text: (k, v) for part in parts if isinstance(part, Mapping) for k, v in part.pairs}.values())


def first_value(pairs: list[tuple[Scalar, Value]], key: str) -> Value | None:
    """Return the value of a key among pairs."""
    return next((value for k, value in pairs if k.text == key), None)


def _segments(text: str, start: int, end: int, event: Any) -> Segments:
    """Return the places of the pieces of a scalar whose text does not stand in the file as it is: by line or by escape."""
    value = event.value
    if not event.style or event.style in "'\"":
        return _stepwise(text, start + bool(event.style), end, value)
    at, offset = text.find("\n", start) + 1, 0
    if event.style == ">":
        return _stepwise(text, at + len(text[at:end]) - len(text[at:end].lstrip()), end, value)
    found: list[tuple[int, int]] = []
    for line in value.split("\n"):
        place = text.find(line, at, end + 1) if line.strip() else at
        place = at if place < 0 else place
        found.append((offset, place))
        offset += len(line) + 1
        at = text.find("\n", place, end) + 1 or end
    return tuple(found)


_FOLD = re.compile(r"[ \t]*\n[ \t\n]*")
_HEX = {"x": 2, "u": 4, "U": 8}


def _stepwise(text: str, at: int, end: int, value: str) -> Segments:
    """Return the pieces of a scalar with escapes or folded lines: walk both texts together, a piece for each of them."""
    found = [(0, at)]
    i = 0
    while i < len(value) and at < end:
        if text.startswith("\\\n", at):  # a line that goes on in the next one, without a blank
            at += 2
            while text[at : at + 1] in (" ", "\t"):
                at += 1
            found.append((i, at))
            continue
        fold = _FOLD.match(text, at, end) if value[i] in " \n" else None
        if fold is not None:
            at = fold.end()
            i += len(value[i:]) - len(value[i:].lstrip(" \n"))
            found.append((i, at))
            continue
        if value[i] == text[at]:
            if text[at] == "'" and text[at + 1 : at + 2] == "'":
                at += 1
                found.append((i + 1, at + 1))
        elif text[at] == "\\":
            at += 1 + _HEX.get(text[at + 1], 0)
            found.append((i + 1, at + 1))
        i += 1
        at += 1
    return tuple(found)


def cut(value: Scalar, count: int) -> Scalar:
    """Return a scalar without its first characters."""
    return Scalar(value.start + count, value.end, value.text[count:], value.plain, shifted(value, -count))


def shifted(value: Scalar, by: int) -> tuple[tuple[int, int], ...]:
    """Return the segments of a scalar with so many more characters in front of its text."""
    first = value.segments[0][1] if value.segments else value.start
    if by < 0:
        return tuple((max(0, a + by), b - min(0, a + by)) for a, b in value.segments)
    return ((0, first), *((a + by, b) for a, b in value.segments))


def scalars(value: Value | None) -> list[Scalar]:
    """Return all scalars of a value, keys included."""
    match value:
        case Scalar():
            return [value]
        case Sequence(items=items):
            return [s for item in items for s in scalars(item)]
        case Mapping(pairs=pairs):
            return [s for key, item in pairs for s in (key, *scalars(item))]
        case None:
            return []
        case _:
            assert_never(value)

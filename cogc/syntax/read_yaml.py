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
    from collections.abc import Iterator
    from typing import Any, ClassVar, NoReturn, TypeAlias

    Value: TypeAlias = "Scalar | Sequence | Mapping"

MAX_DEPTH = 100
MAX_NODES = 400_000


_QUOTE = "a value that holds a colon and a blank must be in quotes: `'Counter(start: 1)'`"
_TAB = "indent with spaces: YAML takes no tabs there"


class Scalar(Record):
    """A scalar: its text, whether it was written without quotes, and the places of its pieces."""

    _unequal_: ClassVar[tuple[str, ...]] = ("start", "end", "segments")
    start: int
    end: int
    text: str
    plain: bool
    segments: Segments


def spelt(key: Scalar, text: str) -> Scalar:
    """Return a key with another text, at the same place."""
    return Scalar(key.start, key.end, text, key.plain, key.segments)


class Sequence(Record):
    _unequal_: ClassVar[tuple[str, ...]] = ("start", "end")
    start: int
    end: int
    items: tuple[Scalar | Sequence | Mapping, ...]


class Mapping(Record):
    """Pairs in order. A key that is no scalar is reported and left out."""

    _unequal_: ClassVar[tuple[str, ...]] = ("start", "end")
    start: int
    end: int
    pairs: tuple[tuple[Scalar, Scalar | Sequence | Mapping], ...]


_PROPERTIES = re.compile(r"(?:[&!]\S*(?:[ \t]+|[ \t]*(?:#[^\n]*)?\n\s*|$))*")
_TAG = re.compile(r"(?:&\S+\s+)?(!\S*)")
_TAGS = frozenset(("!", *(f"tag:yaml.org,2002:{t}" for t in ("str", "int", "float", "bool", "null", "map", "seq"))))
_BEGINNINGS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)


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
    """The state of one reading: the events that are left, the anchors, and the number of values."""

    def __init__(self, source: Source, problems: Problems) -> None:
        self.source = source
        self.problems = problems
        self.events: Iterator[Any] = iter(())
        self.anchors: dict[str, tuple[Value, int]] = {}
        self.count = 0

    def read(self) -> Value | None:
        """Return the value of the one document, None if there is none."""
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(self.source.text)
        self.events = iter(loader.get_event, None)
        documents: list[Value] = []
        try:
            for event in self.events:
                kind = event.__class__
                if kind is yaml.DocumentStartEvent:
                    if documents:
                        self._stop("bad-yaml", event.start_mark.index, what="a spec is one document")
                    documents, _ = self._values(0)
        finally:
            loader.dispose()
        return documents[0] if documents else None

    def _values(self, depth: int) -> tuple[list[Value], int]:
        """Return the values up to the end of a collection or of the document, and that end. `depth` collections are open.

        Nearly all values are scalars without an anchor or a tag, so they pass through this loop alone.
        """
        text, scalar = self.source.text, yaml.ScalarEvent
        values: list[Value] = []
        for event in self.events:
            kind = event.__class__
            made: Value
            if kind is scalar:
                start, end = event.start_mark.index, event.end_mark.index
                tag, style, value = event.tag, event.style, event.value
                anchored = event.anchor is not None
                if anchored or tag is not None:
                    start = self._behind_properties(event)
                lead = start + 1 if style else start
                if text.startswith(value, lead) and (not style or style in "'\""):
                    segments: Segments = ((0, lead),)
                else:
                    segments = _segments(text, start, end, event)
                made = Scalar(start, end, value, not style and tag is None, segments)
                if anchored:
                    self.anchors[event.anchor] = made, 1
            elif kind in _BEGINNINGS:
                made = self._collection(event, depth)
            elif kind is yaml.AliasEvent:
                made = self._alias(event)
            else:
                break
            values.append(made)
            self.count += 1
            if self.count > MAX_NODES:
                self._stop("yaml-alias", made.start, what=f"files of more than {MAX_NODES} values")
        return values, event.end_mark.index

    def _collection(self, event: Any, depth: int) -> Value:
        """Return the collection that an event begins, inside of `depth` others."""
        start = event.start_mark.index
        if event.anchor is not None or event.tag is not None:
            start = self._behind_properties(event)
        if depth >= MAX_DEPTH:
            self._stop("too-deep", start, limit=MAX_DEPTH)
        before = self.count
        items, end = self._values(depth + 1)
        made: Value
        if event.__class__ is yaml.MappingStartEvent:
            made = self._mapping(start, end, items)
        else:
            made = Sequence(start, end, tuple(items))
        if event.anchor is not None:
            self.anchors[event.anchor] = made, self.count - before + 1
        return made

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

    def _stop(self, slug: str, at: int, what: object = "", limit: int = 0) -> NoReturn:
        self.problems.add(slug, _span(self.source, at), what=what, reason=what, limit=limit)
        raise _Stop

    def _alias(self, event: Any) -> Value:
        """Return the value of an anchor once more; inside of its own value an anchor is not known yet."""
        if event.anchor not in self.anchors:
            self._stop(
                "yaml-alias",
                event.start_mark.index,
                what=f"aliases such as `*{event.anchor}` to what is not above them",
            )
        value, size = self.anchors[event.anchor]
        self.count += size
        return value

    def _mapping(self, start: int, end: int, items: list[Value]) -> Mapping:
        each = iter(items)
        written = tuple(zip(each, each, strict=True))
        names = {key.text for key, _ in written if key.__class__ is Scalar}
        if len(names) == len(written) and "<<" not in names:
            return Mapping(start, end, written)  # type: ignore[arg-type]
        pairs: list[tuple[Scalar, Value]] = []
        merged: list[tuple[Scalar, Value]] = []
        seen: dict[str, Scalar] = {}
        for key, value in written:
            if not isinstance(key, Scalar):
                span = Span(self.source, key.start, min(key.end, key.start + 1))
                right = "write a word"
                if self.source.text.startswith("{{", start):
                    span = Span(self.source, start, end)
                    right = "a text that begins with `{` stands in quotes: `'{{ name }}'`"
                self.problems.add(
                    "bad-shape", span, where="a key", wanted="a word", found="a list or mapping", right=right
                )
                self.problems.dropped.append(Span(self.source, start, end))
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
        return Mapping(start, end, tuple(pairs))


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


class _Loader(yaml.SafeLoader):
    """Reads YAML as it stands for JSON: a date is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag != "tag:yaml.org,2002:timestamp"]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def values(text: str) -> Any:
    """Return what the file of a scripted model holds. Raise ValueError with one line for a text that is no YAML."""
    try:
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(str(error).splitlines()[0]) from None


def line_of(text: str, number: int) -> int:
    """Return the line on which an item of the list in a text begins, by its number."""
    found = yaml.compose(text)
    assert isinstance(found, yaml.SequenceNode)
    return int(found.value[number - 1].start_mark.line) + 1

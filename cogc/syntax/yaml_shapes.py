"""The shapes of values in YAML: mappings with known keys, lists, texts; what is asked of them, and what is reported where one is wrong."""

from __future__ import annotations

import re

from cogc.diagnostics.edits import Edit
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source, Span
from cogc.diagnostics.suggest import did_you_mean, nearest, suggested, suggestion
from cogc.language.attributes import ATTRIBUTES
from cogc.language.texts import RESERVED, is_name, nanoseconds
from cogc.syntax import nodes as n
from cogc.syntax.fragments import pieces_of
from cogc.syntax.lexer import LARGEST_FLOAT, OF_FLOATS
from cogc.syntax.odd_keys import as_name
from cogc.syntax.read_yaml import Mapping, Scalar, Sequence, spelt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping as Mapping_

    Value = Scalar | Sequence | Mapping
    Known = Mapping_[str, object]
    """The keys that a mapping may have, in the order in which reports list them."""


AMBIGUOUS = dict.fromkeys(
    ("yes", "no", "on", "off", "y", "n", "Yes", "No", "On", "Off", "YES", "NO", "ON", "OFF"), "a bool"
)


def keys(*words: str) -> dict[str, object]:
    """Return the keys that a mapping may have."""
    return dict.fromkeys(words)


MIXIN = keys("doc", "params", "with")
COGLET = keys(*MIXIN, "python")
REACTION = keys("doc", "on", "every", "after", *n.MODIFIERS, "do", "pipe", "else")
COMMAND = keys("doc", "params", *n.MODIFIERS, "do", "else")


_INT = r"-?[0-9]+(?:_[0-9]+)*\Z"


class Shapes:
    """Asks the values of one file for their shapes, and reports each that is another one."""

    def __init__(self, source: Source, problems: Problems) -> None:
        self.source = source
        self.problems = problems

    # ---- shapes --------------------------------------------------------------------------------------------

    def span(self, value: Value) -> Span:
        end = value.end
        if not isinstance(value, Scalar):
            newline = self.source.text.find("\n", value.start)
            end = min(end, newline if newline >= 0 else end)
        return Span(self.source, value.start, max(end, value.start))

    def wrong(self, value: Value, where: str, wanted: str, right: str) -> None:
        found = {Scalar: "a scalar", Sequence: "a list", Mapping: "a mapping"}[type(value)]
        self.problems.add("bad-shape", self.span(value), where=where, wanted=wanted, found=found, right=right)
        self.problems.dropped.append(self.span(value))

    def pairs(self, value: Value, where: str) -> tuple[tuple[Scalar, Value], ...]:
        """Return the pairs of a mapping; an absent value (`key:` alone) has none."""
        if isinstance(value, Mapping):
            return value.pairs
        if self.is_given(value):
            self.wrong(value, where, "a mapping", "write `key: value` lines below it")
        return ()

    def is_given(self, value: Value) -> bool:
        """Return whether a key has a value, which is not `null`."""
        return not (isinstance(value, Scalar) and value.plain and value.text in ("", "null", "~"))

    def items(self, value: Value) -> tuple[Value, ...]:
        """Return the items of a list; a single value is a list of one."""
        return value.items if isinstance(value, Sequence) else (value,)

    def keyed(self, value: Value, where: str, known: Known) -> dict[str, Value]:
        """Return the values of a mapping by key, and report unknown keys."""
        given = {key.text: inner for key, inner in self.pairs(value, where)}
        if given.keys() <= known.keys():
            return given
        return {key.text: inner for key, inner in self.known(value, where, known)}

    def known(self, value: Value, where: str, known: Known) -> tuple[tuple[Scalar, Value], ...]:
        """Return the pairs of a mapping whose keys are known, and report the others.

        A key that is near a known one which is not given counts as that one, so that its names are known and nothing is missing.
        """
        pairs = self.pairs(value, where)
        given = {key.text for key, _ in pairs}
        if given <= known.keys():
            return pairs
        found: list[tuple[Scalar, Value]] = []
        for key, inner in pairs:
            if key.text in known:
                found.append((key, inner))
                continue
            listed = ", ".join(f"`{k}`" for k in known)
            longer = [k for k in known if len(key.text) > 2 and k.startswith(key.text) and k not in given]
            help = suggestion(longer[0]) if len(longer) == 1 else did_you_mean(key.text, known) or None
            before, _, behind = key.text.partition(":")
            if behind.strip(":") and before in known:
                help = f"a blank is missing behind the colon of `{before}:`"
            self.problems.add("unknown-key", self.span(key), help=help, where=where, name=key.text, known=listed)
            self.drop(key, inner)
            meant = suggested(help or "")
            if meant is not None and meant not in given:
                found.append((spelt(key, meant), inner))
                given.add(meant)
        return tuple(found)

    def needed(self, value: Mapping, where: str, wanted: tuple[str, ...], known: Iterable[str]) -> Mapping:
        """Return a mapping in which a mistyped key counts as one of the `wanted` that are missing; it is reported."""
        given = {key.text for key, _ in value.pairs}
        missing = [w for w in wanted if w not in given]
        others = {*wanted, *known, "doc"}
        if not missing or given <= others:
            return value
        pairs = []
        for key, inner in value.pairs:
            near = nearest(key.text, missing) if key.text not in others else None
            if near is not None:
                listed = ", ".join(f"`{k}`" for k in sorted(others))
                span, help = self.span(key), suggestion(near)
                self.problems.add("unknown-key", span, help=help, where=where, name=key.text, known=listed)
                missing.remove(near)
            pairs.append((key if near is None else spelt(key, near), inner))
        return Mapping(value.start, value.end, tuple(pairs))

    def child(self, value: Mapping) -> Mapping:
        """Return the keys of a child as they are meant; a number of replicas has no key of its own."""
        value = self.needed(value, "`create`", ("coglet", "args"), ATTRIBUTES["create"])
        for key, number in value.pairs:
            if key.text in ("replicas", "count", "instances"):
                times = number.text if isinstance(number, Scalar) else "N"
                help = f"write it behind the name: `coglet: NAME * {times}`"
                self.problems.add("unknown-key", self.span(key), help=help, where="`create`", name=key.text, known="")
                return Mapping(value.start, value.end, tuple(p for p in value.pairs if p[0] is not key))
        return value

    def has_others(self, value: Value, known: Known) -> bool:
        """Return whether a mapping has an unknown key, which may stand for what is missing; it has been reported."""
        return isinstance(value, Mapping) and any(key.text not in known for key, _ in value.pairs)

    def drop(self, key: Scalar, value: Value) -> None:
        """Note that what a pair says is not known: nothing is reported for want of it."""
        self.problems.dropped.append(Span(self.source, key.start, max(key.end, value.end)))

    def name(self, key: Scalar) -> n.Name:
        return n.Name(key.start, key.end, key.text, not key.text.isidentifier())

    def named(self, key: Scalar) -> n.Name:
        """Return the name that a key declares. A text that is no name of the language, with which expressions name it, is reported."""
        if not is_name(key.text):
            right = re.sub(r"\W", "_", key.text, flags=re.ASCII)
            right = f"_{right}" if right[:1].isdigit() or not right else f"{right}_" if right in RESERVED else right
            help = f"a name has letters, digits and `_`, and is no reserved word: `{right}`"
            self.problems.add("unexpected-token", self.span(key), help=help, found=f"`{key.text}`", expected="a name")
            self.problems.dropped.append(self.span(key))
            return n.Name(key.start, key.end, as_name(key.text))
        return self.name(key)

    def text(self, value: Value | None, where: str) -> Scalar | None:
        """Return a value that must be a text. An absent one is None; a list or a mapping is reported, and None."""
        if value is None or isinstance(value, Scalar):
            return value
        self.wrong(value, where, "a text", "write one text, in quotes where it needs them")
        return None

    def doc(self, value: Value | None) -> str:
        found = self.text(value, "`doc`")
        return "" if found is None else found.text.strip()

    def exported(self, parts: dict[str, Value]) -> bool:
        """Return whether a declaration is exported."""
        given = parts.get("export")
        if given is None:
            return False
        if isinstance(given, Scalar) and given.plain and given.text in ("true", "false"):
            return given.text == "true"
        self.wrong(given, "`export`", "`true` or `false`", "write `export: true`")
        return False

    def other_transport(self, value: Mapping, first: Scalar) -> tuple[str, ...]:
        """Report a second transport of an MCP server. Return the keys that belong to the one or the other, and are not asked for."""
        other = next((k for k, _ in value.pairs if k.text in ("stdio", "http") and k.text != first.text), None)
        if other is None:
            return ()
        where, help = f"an MCP server with `{first.text}`", "keep one of `stdio` and `http`"
        self.problems.add("unknown-key", self.span(other), help=help, where=where, name=other.text)
        return (other.text, *ATTRIBUTES[f"mcp {other.text}"].keys() - ATTRIBUTES[f"mcp {first.text}"].keys())

    # ---- scalars -------------------------------------------------------------------------------------------

    def string(self, value: Scalar) -> n.Text:
        if value.plain and value.text in AMBIGUOUS:
            self.ambiguous(value, AMBIGUOUS[value.text], f'"{value.text}"')
        template = "{{" in value.text or "{%" in value.text
        return n.Text(value.start, value.end, value.text, template, value.segments)

    def ambiguous(self, value: Scalar, kind: str, new: str, help: str | None = None) -> None:
        """Report a plain scalar that YAML 1.1 reads in another way."""
        span = self.span(value)
        edits = (Edit(span, new),)
        self.problems.add("ambiguous-scalar", span, help=help, edits=edits, text=value.text, kind=kind)

    def plain(self, value: Scalar) -> n.Expr:
        """Read a plain scalar as YAML 1.2 does, and durations too; a scalar that YAML 1.1 reads otherwise must be quoted."""
        text = value.text
        if text in ("", "null", "~"):
            return n.Literal(value.start, value.end, "null", None)
        if text in ("true", "false"):
            return n.Literal(value.start, value.end, "bool", text == "true")
        digits = text.removeprefix("-").replace("_", "")
        if len(digits) < 20 and re.match(_INT, text):
            if len(digits) > 1 and digits[0] == "0":
                new = text[: len(text) - len(text.removeprefix("-"))] + (digits.lstrip("0") or "0")
                help = f"write `{new}` for a number, or put it in quotes"
                self.ambiguous(value, "an octal number", new, help)
            return n.Literal(value.start, value.end, "int", int(text))
        if is_float(text):
            if abs(float(text)) > LARGEST_FLOAT:
                self.problems.add("number-too-large", self.span(value), help=OF_FLOATS, text=text)
            return n.Literal(value.start, value.end, "float", float(text))
        try:
            return n.Literal(value.start, value.end, "duration", nanoseconds(text))
        except ValueError:
            return self.string(value)


def is_float(text: str) -> bool:
    body = text.removeprefix("-")
    if not body[:1].isdigit() or any(c not in "0123456789.eE+-_" for c in body):
        return False
    try:
        float(text)
    except ValueError:
        return False
    return "." in text or "e" in text or "E" in text


def pieces(value: Scalar) -> list[Scalar]:
    """Return the statements of a text one by one."""
    cuts = pieces_of(value.text)
    found = []
    for start, end in zip([0, *cuts[:-1]], cuts, strict=True):
        segments = [(max(a - start, 0), b + max(start - a, 0)) for a, b in value.segments if a < end]
        kept = [s for i, s in enumerate(segments) if i + 1 == len(segments) or segments[i + 1][0] > 0]
        piece = value.text[start:end]
        if piece.strip():
            found.append(Scalar(kept[0][1], value.end, piece, value.plain, tuple(kept)))
    return found

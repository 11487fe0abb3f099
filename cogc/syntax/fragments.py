"""The texts of a spec in YAML to nodes: `Fragments(source).read(kind, text, segments, problems)` reads an expression, a type, a statement ...

In: the kind of a text (`KINDS`), the text, and the places of its pieces in the file. Out: its nodes, at their places in the
file, or None and a report. What cannot be read is noted in `problems.dropped`.

A text is first read by itself, where it stands: the grammar has a start symbol for fragments, and a terminal for each kind.
The parser begins behind the words that YAML leaves out of a rule (`state _ :`); the name among them has no width.
A text that cannot be read so is put between words that make a file of it. This costs more, and does what needs those words:
it reads a text of several pieces, one with comments or several lines, and it reports the mistakes.
"""

from __future__ import annotations

import re

from cogc.diagnostics.edits import Edit
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source, Span
from cogc.language.record import Record
from cogc.language.texts import place
from cogc.syntax import lalr, nodes
from cogc.syntax.depth import too_deep
from cogc.syntax.lexer import Lexer, lex
from cogc.syntax.parse_cog import CLOSING, OPENING, RULES, SHALLOW, Reporter, shallow
from cogc.syntax.tables import STARTS, TERMINALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from cogc.language.texts import Segments

_BEHIND = TERMINALS["_BEHIND"]
_NAME = TERMINALS["NAME"]


class Kind(Record):
    """A kind of fragment.

    `marker` is its terminal in the grammar, `own` the words in front of it that its rule begins with. `before`, these and
    `behind` make a file of it, whose only declaration holds the nodes of the fragment: `parts` returns them. Whatever else
    such a file has then is `_beside` the text's kind, and a mistake.
    """

    marker: str
    before: str
    own: str
    behind: str
    parts: Callable[[Any], tuple[Any, ...]]


def _member(coglet: Any) -> tuple[Any, ...]:
    return coglet.members[:1]  # type: ignore[no-any-return]


def _links(coglet: Any) -> tuple[Any, ...]:
    return tuple(m for m in coglet.members if isinstance(m, nodes.Link))


def _triggers(coglet: Any) -> tuple[Any, ...]:
    return coglet.members[0].triggers  # type: ignore[no-any-return]


KINDS = {
    "expression": Kind("_OF_EXPRESSION", "const _ =", "", "", lambda const: (const.value,)),
    "type": Kind("_OF_TYPE", "type _ =", "", "", lambda declared: (declared.type,)),
    "parameter": Kind("_OF_PARAMETER", "program _ (", "_ :", ") = human", lambda program: program.parameters[:1]),
    "state": Kind("_OF_MEMBER", "coglet _ {", "state _ :", "}", _member),
    "create": Kind("_OF_MEMBER", "coglet _ {", "create _ =", "}", _member),
    "link": Kind("_OF_MEMBER", "coglet _ {", "link", "}", _links),
    "on": Kind("_OF_TRIGGERS", "coglet _ {", "on", "{ } }", _triggers),
    "every": Kind("_OF_TRIGGERS", "coglet _ {", "every", "{ } }", _triggers),
    "after": Kind("_OF_TRIGGERS", "coglet _ {", "after", "{ } }", _triggers),
    "modifier": Kind("_OF_MODIFIERS", "coglet _ { on _", "", "{ } }", lambda coglet: coglet.members[0].modifiers),
    "statements": Kind(
        "_OF_STATEMENT", "coglet _ { on _ {", "", "} }", lambda coglet: coglet.members[0].body.statements
    ),
    "pipeline": Kind("_OF_PIPELINE", "coglet _ { on _", "->", "}", lambda coglet: (coglet.members[0].body,)),
    "mixin": Kind("_OF_MIXINS", "coglet _", "with", "{ }", lambda coglet: coglet.mixins),
    "criterion": Kind("_OF_CRITERION", "dod _ {", "_ :", "}", lambda dod: dod.criteria[:1]),
    "check": Kind("_OF_CHECK", 'test "" {', "", "}", lambda test: test.checks),
    "scenario": Kind("_OF_SCENARIO", 'scenario "" {', "", "}", lambda made: (*made.happenings, made.within)),
}


class Fragments:
    """Reads the texts of one file. `may_be_deep` tells whether one of them may nest deeper than `SHALLOW` allows."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.may_be_deep = False
        self._lexer = Lexer(source, Problems(), resync=False)
        """Its reports are of texts that cannot be read by themselves, and nobody sees them."""

    def read(self, kind: str, text: str, segments: Segments, problems: Problems) -> Sequence[Any] | None:
        """Return the nodes of a text, or None and a report if it cannot be read.

        `segments` maps offsets in `text` to places in the source, as for a decoded string.
        """
        found = self._by_itself(kind, text, segments)
        if found is None:
            found = self._between_words(kind, text, segments, problems)
        if found is None:
            end = place(segments, max(len(text) - 1, 0)) + 1
            problems.dropped.append(Span(self.source, place(segments, 0), end))
        return found

    def _by_itself(self, kind: str, text: str, segments: Segments) -> Sequence[Any] | None:
        """Read a text of one piece where it stands. Return None for one that needs words around it, or has a mistake."""
        at = segments[0][1]
        if len(segments) > 1 or not self.source.text.startswith(text, at):
            return None
        if "\n" in text or "#" in text or ";" in text:  # their effect depends on the words around the text
            return None
        tokens = self._lexer.again(at, at + len(text))
        if self._lexer.problems.found:
            self._lexer = Lexer(self.source, Problems(), resync=False)
            return None
        if len(tokens.kinds) > 3 * SHALLOW and not shallow(tokens):
            return None
        tokens.kinds[-1] = _BEHIND
        below, named = _FRONTS.get(kind) or _front(kind)
        held: list[Any] = [None] * len(below)
        if named:
            held[named] = nodes.Name(at, at, "")
        found = lalr.parse(tokens, RULES, _give_up, below, held)
        return found if found is None or found.__class__ is list or found.__class__ is tuple else (found,)

    def _between_words(self, kind: str, text: str, segments: Segments, problems: Problems) -> tuple[Any, ...] | None:
        """Read a text between the words of its kind, and report its mistakes at their places in the file."""
        source, words = self.source, KINDS[kind]
        before = f"{words.before} {words.own}"
        # a newline behind the text ends a comment in it; only between statements does it change nothing else
        end = "\n" if kind == "statements" else " "
        whole = Source(source.path, f"{before} {text}{end}{words.behind}")
        found = Problems()
        tokens = lex(whole, found)
        offset = len(before) + 1

        def mapped(at: int) -> int:
            return place(segments, min(max(at - offset, 0), len(text)))

        # a span may not end before it starts: the end of a token is found from its last character
        tokens.cut_starts, tokens.cut_ends = tokens.starts, tokens.ends
        tokens.starts = [mapped(s) for s in tokens.cut_starts]
        tokens.ends = [
            mapped(e - 1) + 1 if e > s else mapped(e) for s, e in zip(tokens.cut_starts, tokens.cut_ends, strict=True)
        ]
        for p in found.found:
            edits = _edits_at(source, whole, p.edits, mapped)
            problems.add_at(p, Span(source, mapped(p.span.start), mapped(p.span.end - 1) + 1), edits)
        if found.errors:
            return None
        before_count = len(problems.found)
        reporter = Reporter(source, tokens, problems, recovers=False, end=offset + len(text))
        tree = lalr.parse(tokens, RULES, reporter.report)
        if len(problems.found) > before_count or not isinstance(tree, nodes.File):
            return None
        if not shallow(tokens):
            self.may_be_deep = True
            if too_deep(tree, source, problems):
                return None
        parts = words.parts(tree.declarations[0])
        other = _beside(tree, parts)
        if other is not None:
            self._unexpected(other, mapped(offset + max(len(text) - 1, 0)) + 1, problems)
            return None
        return parts

    def _unexpected(self, other: nodes.Node, end: int, problems: Problems) -> None:
        """Report a node that a text, which ends at `end`, has besides what its place takes."""
        span = Span(self.source, other.start, min(other.end, end))
        text = self.source.text[span.start : span.end]
        help = "expected the end of the text: what stands beside it has a key, or an item of a list, of its own"
        if isinstance(other, nodes.Modifier):
            help = f"write it as a key beside the trigger: `{other.kind}: {text.removeprefix(other.kind).strip()}`"
        word = re.match(r"\w+|[^\w\s]+", text)
        found = f"`{word[0]}`" if word else "words"
        problems.add("unexpected-token", span, help=help, found=found, expected="")


def _beside(tree: nodes.File, parts: tuple[Any, ...]) -> nodes.Node | None:
    """Return the first node that a file around a text has besides `parts`, the nodes of the text, and its own words."""
    first, *others = tree.declarations
    held: list[Any] = []
    if isinstance(first, nodes.Program):
        held += first.parameters
    elif isinstance(first, nodes.Dod):
        held += first.criteria
    elif isinstance(first, nodes.Coglet):
        held += (*first.mixins, first.python)
        for at, member in enumerate(first.members):
            if at or not isinstance(member, nodes.Reaction):
                held.append(member)
                continue
            body = member.body  # the triggers are the text's, or of the words before it
            held += (
                *member.modifiers,
                *(body.statements if isinstance(body, nodes.Block) else (body,)),
                member.handler,
            )
    known = {id(p) for p in parts}
    return next((h for h in (*held, *others) if h is not None and id(h) not in known), None)


def _edits_at(source: Source, whole: Source, edits: tuple[Edit, ...], mapped: Callable[[int], int]) -> tuple[Edit, ...]:
    """Return the edits of a fragment at their places in the file; none where the file spells the text otherwise."""
    placed = []
    for e in edits:
        start, end = (
            mapped(e.span.start),
            mapped(e.span.end - 1) + 1 if e.span.end > e.span.start else mapped(e.span.end),
        )
        if source.text[start:end] != whole.text[e.span.start : e.span.end]:
            return ()
        placed.append(Edit(Span(source, start, end), e.replacement, e.applicability))
    return tuple(placed)


_FRONTS: dict[str, tuple[tuple[int, ...], int]] = {}


def _front(kind: str) -> tuple[tuple[int, ...], int]:
    """Return the states of the parser behind the own words of a kind of fragment, and the place of the name among them, 0 for none."""
    own = lex(Source("", KINDS[kind].own), Problems()).kinds[:-1]
    words = [TERMINALS[KINDS[kind].marker], *own]
    below = lalr.behind((STARTS["fragment"],), words, RULES)
    _FRONTS[kind] = below, words.index(_NAME) + 1 if _NAME in words else 0
    return _FRONTS[kind]


def _give_up(at: int, states: list[int]) -> bool:
    return False


def pieces_of(text: str) -> list[int]:
    """Return the ends of the statements of a text, each of which begins a line."""
    tokens = lex(Source("", text), Problems())
    cuts: list[int] = []
    depth = 0
    for kind, start, end in zip(tokens.kinds, tokens.starts, tokens.ends, strict=True):
        line = text.rfind("\n", 0, start) + 1
        if not depth and line and not text[line:start].strip() and re.match(_STATEMENT_LINE, text[line : end + 3]):
            cuts.append(line)
        depth = max(0, depth + (kind in OPENING) - (kind in CLOSING))
    return [*cuts, len(text)]


_STATEMENT_LINE = r"[ \t]*(?:(?:let|if|for|fail|log|guide|stop|restart)\b|[\w.\[\]]+ *(?:<-|=(?!=)))"

"""The text around a cursor, made whole, so that a text which somebody is typing can be analysed at that place.

A word `MARK` is put where the cursor is, and behind it what the phrase still lacks: an argument, a block, the brackets that are open.
The first text of which the phrase can be read is analysed as any other. The nodes around the mark, and what the analysis has kept of a name
that means nothing (`Tables.unknown`), tell what could stand there. Only the declaration around the cursor is made whole; mistakes in
other declarations do no harm, since the parser recovers at each declaration.

The keywords come from the tables of the grammar: those that the parser could take as the next token. A word that it could only take as a
name is none of them.
"""

from __future__ import annotations

import re
from bisect import bisect_left

from cogc.analysis.scope import Scope
from cogc.analysis.tests import shape_of
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source, looks_like_yaml
from cogc.language.types import Type
from cogc.lsp.hover import word_at
from cogc.lsp.places import around
from cogc.syntax import lalr, nodes
from cogc.syntax.lexer import lex
from cogc.syntax.parse_cog import RULES
from cogc.syntax.tables import KEYWORDS, OPERATORS, RULES as WRITTEN, TERMINALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.lsp.workspace import Analysis, Workspace
    from cogc.names.world import Shape, Unit

MARK = "cursor__"
_MARGIN = re.compile(
    r"^(?:export|import|type|const|model|mcp|program|coglet|mixin|agent|team|dod|plan|sett|queue|test|scenario)\b", re.M
)
_BEHIND = ("", ": 0", "()", " <- 0", " { }", " = 0", ' ""', " -> self.x", ": 0 }", ' "" { }')
"""The words that make a whole phrase of a name, in the order of the attempts."""
IN_STRING = ("", '"', '"""')
"""The words that close a string in which a name stands."""
IN_TEMPLATE = (" }}", ' }}"', ' }}"""')
"""The words that close the marks of a template in which a name stands, and the string around them."""
_CLOSED = ("", " { }", " = human", ": 0", " {}")
"""The words that make a whole declaration of one whose brackets have been closed."""
_PAIRS = {"{": "}", "(": ")", "[": "]"}


class Probe:
    """A cursor in a text: the word that is being typed, the keywords that could stand there, and the nodes around the mark."""

    def __init__(
        self, workspace: Workspace, path: str, source: Source, offset: int, behind: tuple[str, ...] = _BEHIND
    ) -> None:
        self.path = path
        self._behind = behind
        self.source = source
        start, end, _ = word_at(source.text, offset)
        self.start, self.end = min(start, offset), max(end, offset)
        self.keywords: list[str] = []
        self.behind = ""
        self.line: list[nodes.Node] = []
        self.analysis: Analysis | None = None
        if looks_like_yaml(path, source.text):
            self._read_yaml(workspace)
        else:
            self.first = max((m.start() for m in _MARGIN.finditer(source.text, 0, self.start)), default=0)
            self.keywords = self._expected()
            made = self._whole()
            if made is not None:
                self._analyse(workspace, made)

    @property
    def unit(self) -> Unit | None:
        return None if self.analysis is None else self.analysis.unit

    @property
    def shape(self) -> Shape | None:
        """The coglet or mixin around the mark."""
        holder = next((n for n in self.line if isinstance(n, nodes.Coglet | nodes.Mixin)), None)
        if holder is None or self.analysis is None or self.unit is None:
            return None
        return self.analysis.checked.world.shapes.get(self.unit.key(holder.name.id))

    def unknown(self) -> Scope | Type | None:
        """Return the scope of the mark, or the type of the value of which it is a field in a template."""
        found = [] if self.analysis is None else self.analysis.checked.tables.unknown
        return next((what for name, what in found if name.id == MARK), None)

    @property
    def root(self) -> Shape | None:
        """The root of the test around the mark."""
        test = next((n for n in self.line if isinstance(n, nodes.Test)), None)
        if test is None or self.analysis is None or self.unit is None:
            return None
        return shape_of(self.analysis.checked.world, self.unit, test)

    def reached(self, path: nodes.Node) -> Shape | None:
        """Return the coglet that a path leads to: this one, a child, in a test a child of a child."""
        match path:
            case nodes.Index(base=inner):
                return self.reached(inner)
            case nodes.Name(id="self"):
                return self.shape or self.root
            case nodes.Name(id=name):
                owner = self.shape or self.root
            case nodes.Field(base=inner, name=last):
                owner, name = self.reached(inner), last.id
            case _:
                return None
        child = None if owner is None else owner.children.get(name)
        return None if child is None else child.target

    # ---- the grammar ---------------------------------------------------------------------------------------

    def _expected(self) -> list[str]:
        """Return the keywords that the parser could take at the cursor."""
        text = self.source.text[: self.start] + MARK
        tokens = lex(Source(self.path, text), Problems(), self.first, len(text))
        if len(tokens.kinds) < 2 or text[tokens.starts[-2] : tokens.ends[-2]] != MARK:
            return []  # inside of a string or a comment
        tokens.kinds[-2] = lalr.NOTHING
        states: list[int] = []

        def fail(at: int, stack: list[int]) -> bool:
            if tokens.kinds[at] == lalr.NOTHING:
                states.extend(stack)
                return False
            return True

        lalr.parse(tokens, RULES, fail)
        shifts = lalr.shifts(states, RULES) if states else {}
        return [word for word, terminal in KEYWORDS.items() if terminal in shifts and not _as_name(shifts[terminal])]

    def _whole(self) -> str | None:
        """Return the text with the mark, of which the phrase around it can be read; None if there is none."""
        text = self.source.text
        following = _MARGIN.search(text, self.end)
        last = following.start() if following is not None else len(text)
        before, rest = text[self.first : self.start], text[self.end : last]
        below = rest.partition("\n")[2]
        closing = _closing(before)
        tails = [rest, f"\n{below}", *(f"{closing}{end}\n" for end in _CLOSED)]
        for tail in tails:
            for behind in self._behind:
                made = f"{before}{MARK}{behind}{tail}"
                if _readable(made):
                    self.behind = behind
                    return f"{text[: self.first]}{made}{text[last:]}"
        return None

    # ---- the analysis --------------------------------------------------------------------------------------

    def _analyse(self, workspace: Workspace, text: str) -> None:
        analysis = workspace.changed({self.path: text.encode("utf-8", "replace")}).analysis(self.path)
        unit = analysis.unit
        line = [] if unit is None else around(unit.tree, self.start + 1)
        found = line[-1] if line else None
        if (isinstance(found, nodes.Name) and found.id == MARK) or (
            isinstance(found, nodes.Text) and MARK in found.value
        ):
            self.analysis, self.line = analysis, line

    def _read_yaml(self, workspace: Workspace) -> None:
        text = self.source.text
        for behind in self._behind[:4]:
            self.behind = behind
            self._analyse(workspace, f"{text[: self.start]}{MARK}{behind}{text[self.end :]}")
            if self.line:
                return


def string_at(source: Source, offset: int) -> int | None:
    """Return where the string begins in which a place lies, None outside of strings."""
    tokens = lex(source, Problems())
    i = bisect_left(tokens.starts, offset) - 1
    if i < 0 or tokens.kinds[i] not in _STRINGS:
        return None
    start, end = tokens.starts[i], tokens.ends[i]
    text = source.text[start:end]
    whole = len(text) > 1 and text.endswith('"') and not (text.startswith('"""') and len(text) < 6)
    return start if offset < end or (not whole and "\n" not in source.text[end:offset]) else None


_STRINGS = frozenset(TERMINALS[t] for t in ("STRING", "LONG_STRING", "RAW_STRING"))


def _as_name(state: int) -> bool:
    """Return whether a keyword that leads to a state is read there as a name."""
    row = lalr.row_of(state)
    return isinstance(row, int) and row < 0 and WRITTEN[-1 - row][2] == "name"


def _closing(text: str) -> str:
    """Return the brackets that close those which are open at the end of a text."""
    tokens = lex(Source("", text), Problems())
    marks = {kind: mark for mark, kind in OPERATORS.items()}
    opened: list[str] = []
    for kind in tokens.kinds:
        mark = marks.get(kind, "")
        if mark in _PAIRS:
            opened.append(_PAIRS[mark])
        elif mark and mark in opened:
            while opened.pop() != mark:
                pass
    return " " + " ".join(reversed(opened))


def _readable(text: str) -> bool:
    problems = Problems()
    tokens = lex(Source("", text), problems)
    return not problems.found and lalr.parse(tokens, RULES, lambda at, states: False) is not None

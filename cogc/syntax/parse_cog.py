"""Text in the cog notation to nodes: `parse_cog.parse(source, problems) -> nodes.File`, which always returns a tree.

A file is read strictly first; only if that fails it is read again with recovery, which reports every mistake it can.
The YAML notation reads its expressions, types, triggers and statements by the same grammar (`fragments.py`).
"""

from __future__ import annotations

import re

from cogc.diagnostics.edits import Edit
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source, Span
from cogc.diagnostics.suggest import nearest, suggestion
from cogc.language.attributes import PROVIDERS
from cogc.language.record import replace
from cogc.language.texts import RESERVED
from cogc.syntax import lalr, nodes
from cogc.syntax.braces import indent
from cogc.syntax.build import BUILDERS
from cogc.syntax.depth import too_deep
from cogc.syntax.lexer import BRACE_BELOW, Lexer, Tokens, lex, lex_ranges
from cogc.syntax.tables import KEYWORDS, OPERATORS, TERMINALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

RULES = lalr.Rules(BUILDERS)
MOST_ERRORS = 50
_MOST_EXPECTED = 5
_WORDS = {v: f"`{k}`" for k, v in {**KEYWORDS, **OPERATORS}.items()}
_KINDS = {
    "NAME": "a name",
    "INT": "a number",
    "STRING": "a string",
    "OUTPUT": "",
    "HOLE": "",
    "SPLICE": "",
    "_SEP": "a new line",
    "$END": "the end of the file",
}
_SHOWN = {**_WORDS, **{TERMINALS[k]: v for k, v in _KINDS.items()}}
_END = TERMINALS["$END"]
_EXPRESSION = frozenset(TERMINALS[t] for t in ("INT", "STRING", "LSQB", "NULL"))
_HIDDEN = frozenset(TERMINALS[t] for t in ("FLOAT", "DURATION", "LONG_STRING", "RAW_STRING", "ERROR"))


def parse(source: Source, problems: Problems) -> nodes.File:
    """Return the tree of a file; a phrase that cannot be read becomes an `Error` node and a problem."""
    tree = read(source, problems, 0, len(source.text))
    return tree if tree is not None else nodes.File(0, len(source.text), "", ())


def read(source: Source, problems: Problems, start: int, end: int) -> nodes.File | None:
    """Parse a range of the text as a file. The first attempt is strict; only if it fails, a second one recovers."""
    first, second = Problems(), Problems()  # of this text alone: what recovery takes back must be its own
    tree = _attempt(source, first, start, end, resync=False)
    if not first.errors:
        return tree
    tree = _attempt(source, second, start, end, resync=True)
    tree, second = _as_meant(source, second, tree, lambda meant, found: _attempt(meant, found, start, end, resync=True))
    problems.take(second)
    return tree


def _as_meant(
    source: Source, found: Problems, tree: nodes.File | None, again: Callable[[Source, Problems], nodes.File | None]
) -> tuple[nodes.File | None, Problems]:
    """Return the tree of the text as it was meant, and the reports, where one token makes several of them; else what was read."""
    from cogc.syntax import misplaced, unproven

    meant = misplaced.meant(source, found.found, unproven.weaken(source, found.found, RULES), RULES)
    if meant is None:
        return tree, found
    read = Problems()
    better = again(meant.source, read)
    joined = misplaced.joined(source, meant, read)
    return (tree, found) if better is None or joined is None else (better, joined)


def _attempt(source: Source, problems: Problems, start: int, end: int, resync: bool) -> nodes.File | None:
    tokens, leaves = lex(source, problems, start, end, resync), None
    if resync:
        from cogc.syntax import odd_names  # start-up: for texts with mistakes

        leaves = odd_names.mend(source, tokens, problems, MOST_ERRORS)
    reporter = Reporter(source, tokens, problems)
    tree = _file(lalr.parse(tokens, RULES, reporter.report, leaves=leaves, mend=_lost_mark if resync else None))
    _doubts(source, tokens, problems)
    problems.dropped += [Span(source, *place) for place in (tokens.dropped if tree is not None else [(start, end)])]
    if tree is not None and not shallow(tokens) and too_deep(tree, source, problems):
        return nodes.File(start, end, "", ())
    return tree


def _lost_mark(tokens: Tokens, leaves: list[Any], at: int, states: list[int], rules: lalr.Rules) -> bool:
    """Put in the `{` that a header has lost, or the `,` in front of a name, and return whether that was done."""
    from cogc.syntax import missing_brace, missing_comma  # start-up: for mistakes alone

    return any(lost.insert(tokens, leaves, at, states, rules) for lost in (missing_brace, missing_comma))


def read_ranges(source: Source, problems: Problems, ranges: list[tuple[int, int]]) -> nodes.File | None:
    """Read some ranges of a text with recovery, as a text that has nothing between them.

    None if they have no mistake for the strict reading, nest deep or declare odd names.
    """
    found = Problems()
    strict = lex_ranges(source, found, ranges, resync=False)
    if not found.found and _file(lalr.parse(strict, RULES, lambda at, states: False)) is not None:
        return None
    first = Problems()
    tree = _recovered(source, first, ranges)
    if tree is not None:
        tree, first = _as_meant(source, first, tree, lambda meant, found: _recovered(meant, found, ranges))
        problems.take(first)
    return tree


def _recovered(source: Source, problems: Problems, ranges: list[tuple[int, int]]) -> nodes.File | None:
    """Return the tree of ranges that are read with recovery; None if they nest deep or declare odd names."""
    from cogc.syntax import odd_names

    tokens = lex_ranges(source, problems, ranges, resync=True)
    if odd_names.mend(source, tokens, problems, MOST_ERRORS) is not None:
        return None  # its uses may stand elsewhere
    tree = _file(lalr.parse(tokens, RULES, Reporter(source, tokens, problems).report, mend=_lost_mark))
    _doubts(source, tokens, problems)
    if tree is None or not shallow(tokens):
        return None
    problems.dropped += [Span(source, *place) for place in tokens.dropped]
    return tree


def is_sound(text: str, start: int, end: int) -> bool:
    """Return whether recovery splits a declaration into the same tokens as the strict reading, without a report or a look ahead that it counts."""
    source, found = Source("", text), Problems()
    strict, recovering = Lexer(source, found, False), Lexer(source, found, True)
    wanted, tokens = strict.run(start, end), recovering.run(start, end)
    if found.found or recovering.looks or tokens.doubtful:
        return False
    return (wanted.kinds, wanted.starts, wanted.ends) == (tokens.kinds, tokens.starts, tokens.ends)


def _doubts(source: Source, tokens: Tokens, problems: Problems) -> None:
    """Report the brackets that the lexer has mended where the parser found nothing wrong."""
    for start, end, mark in tokens.doubtful:
        if any(start <= p.span.start <= end for p in problems.found):
            continue
        if mark == "{":
            problems.add("unclosed-bracket", Span(source, start, start + 1), mark=mark, closing="}")
        elif mark == "} }":
            span, help = Span(source, end - 1, end), "this closes the block too early: remove it"
            edits = (Edit(span, "", "unsafe"),)
            problems.add("unexpected-token", span, help=help, edits=edits, found="`}`", expected="")
        else:
            problems.add(
                "unexpected-token", Span(source, end - 1, end), found=f"`{mark}`", expected="its `{` before it"
            )


def _file(tree: object) -> nodes.File | None:
    """Return what the parser has made, if it got to the end."""
    return tree if isinstance(tree, nodes.File) else None


def shallow(tokens: Tokens) -> bool:
    """Return whether a text is certain not to nest deep: few brackets are open at once, and few operators follow.

    Such a text nests at most three times as deep as `SHALLOW`: a bracket counts once, and so does an operator.
    """
    depth = run = before = 0
    outside: list[int] = []  # the operators in front of each open bracket, inside of which its phrases stand
    for kind in tokens.kinds:
        if kind not in _COUNTED:
            pass
        elif kind in OPENING:
            depth += 1
            run += before in CLOSING  # `x[0][1]` nests without an operator
            outside.append(run)
            if depth > SHALLOW or run > 2 * SHALLOW:
                return False
        elif kind in CLOSING:
            depth -= 1
            del outside[-1:]
        elif kind in _NESTING:
            run += 1
            if run > 2 * SHALLOW:
                return False
        elif kind == _SEPARATOR:
            run = outside[-1] if outside else 0
        before = kind
    return True


SHALLOW = 12
OPENING = frozenset(OPERATORS[o] for o in "{([")
CLOSING = frozenset(OPERATORS[o] for o in "})]")
# words and marks that may nest without a bracket: `not not x`, `a if b else c if d else e`, `x.y.z`, `a + b * c`
_NESTING = frozenset(OPERATORS[o] for o in OPERATORS if o not in (*"{([})],:=;", "->")) | {
    KEYWORDS[w] for w in ("not", "if", "else", "try", "and", "or", "in", "is")
}
_SEPARATOR = TERMINALS["_SEP"]
_COUNTED = OPENING | CLOSING | _NESTING | {_SEPARATOR}


class Reporter:
    """Turns the failures of the parser into problems, one for each cause."""

    def __init__(
        self, source: Source, tokens: Tokens, problems: Problems, recovers: bool = True, end: int | None = None
    ) -> None:
        """`end` is the place behind a fragment, whose last words do not stand in the file."""
        self.end = end
        self.recovers = recovers
        self.source = source
        self.tokens = tokens
        self.problems = problems
        self.count = 0
        self.odd = frozenset(start for start, _ in tokens.dropped)  # the names that `odd_names.py` has reported

    def report(self, at: int, states: list[int]) -> bool:
        """Report a token that no rule expects, and return whether the parser is to recover."""
        self._report(at, states)
        return self.recovers

    def _report(self, at: int, states: list[int]) -> None:
        self.count += 1
        zero_width = self.tokens.starts[at] == self.tokens.ends[at] and self.tokens.kinds[at] != _END
        if self.count > MOST_ERRORS or (zero_width and self.problems.errors):
            return
        self._without_header(at)
        if self._in_bad_text(self.tokens.starts[at]) or self._inside_unclosed(at):
            return
        unclosed = self._unclosed(at)
        if unclosed >= 0:
            mark = self._text(unclosed)
            span = Span(self.source, self.tokens.starts[unclosed], self.tokens.ends[unclosed])
            self.problems.add("unclosed-bracket", span, mark=mark, closing=")" if mark == "(" else "]")
            return
        to_blame, help = self._blame(at, states)
        if to_blame == at and self._is_behind(at):
            to_blame = at - 1
        if self.tokens.starts[to_blame] in self.odd:
            return
        start, end = self.tokens.starts[to_blame], self.tokens.ends[max(at, to_blame) if to_blame > at else to_blame]
        span = Span(self.source, start, max(end, start + 1) if start < len(self.source.text) else end)
        expected = self._expected(states)
        edits = self._edits(at, to_blame, help)
        found = "end of text" if self._is_behind(at) and to_blame == at - 1 else self._found(to_blame)
        self.problems.add("unexpected-token", span, found=found, expected=expected, help=help, edits=edits)

    def _without_header(self, at: int) -> None:
        """Take the edit from the report of a `{` that begins a line, where what stands above it takes no `{` either."""
        for i, found in enumerate(self.problems.found):
            if found.help == BRACE_BELOW and found.span.start == self.tokens.starts[at]:
                help = (
                    "nothing begins with `{`, and nothing above it takes one: write in front of it what it belongs to"
                )
                self.problems.found[i] = replace(found, help=help, edits=())

    def _is_behind(self, at: int) -> bool:
        """Return whether a token stands behind a fragment, and in no file."""
        return self.end is not None and self.tokens.cut_starts[at] >= self.end

    def _edits(self, at: int, to_blame: int, help: str | None) -> tuple[Edit, ...]:
        """Return the edits for a phrase of another language, or for a missing `:`."""
        from cogc.syntax.rewrites import Phrase, joined, missing_colon, missing_comma, rewrite

        if help is None or help.startswith(("a name is missing", "an index stands")):
            return ()
        phrase = Phrase(self.source, self.tokens)
        if help.startswith("a `:` is missing"):
            return missing_colon(phrase, at)
        if help.startswith("a `,` is missing"):
            return missing_comma(phrase, at)
        if help.startswith("a name consists of"):
            return joined(phrase, at)
        return rewrite(phrase, at, to_blame)

    def _blame(self, at: int, states: list[int]) -> tuple[int, str | None]:
        """Return the token that is wrong and a remedy for a common mistake. Without a remedy the help lists what is expected.

        A word in front of the token may be the cause: one of another language, or a misspelt one.
        """
        from cogc.syntax.habits import Around, remedy

        found = set(lalr.expected(states, RULES))
        opened = self._opened(at)
        if self._text(at) == "<-" and self._text(opened) == "{" and OPERATORS[":"] in found:
            if self._text(opened - 1) == "try":
                from cogc.diagnostics.habits import STATEMENTS

                return opened - 1, STATEMENTS["catch"]
            return opened, "expected an expression before the `{` of the body"
        if self._text(at) in _VARIABLES and KEYWORDS["coglet"] in found and TERMINALS["NAME"] not in found:
            return at, "a value of a file is a constant: `const NAME = VALUE`"
        if KEYWORDS["reply"] in found and TERMINALS["NAME"] not in found and self._text(at) not in ("}", "\n", ""):
            meant = nearest(self._text(at), _ANSWERS) if self._text(at + 1) not in (",", "}", "\n") else None
            if meant is not None:
                return at, suggestion(meant)
            behind = self._text(at + 1) if self._text(at) in ("return", "returns", "answer") else self._text(at)
            return at, f"an answer begins with a word: `reply {behind}`"
        guarded = KEYWORDS["throttle"] in found and TERMINALS["NAME"] not in found
        if self._text(at) in ("if", "where", "filter") and guarded:
            return at, "write `when`"
        if self._text(at - 1) == "export" and (near := nearest(self._text(at), ("program", "agent", "team", "plan"))):
            return at, f"did you mean `{near}`?"
        before = at - 1 if at and not self._is_keyword(at - 1) else -1
        if OPERATORS[":"] in found and self._text(at).isidentifier() and self._text(at + 1) == "{":
            if before >= 0 and nearest(self._text(before), ("agent",)):
                return before, suggestion("agent")
        if OPERATORS["{"] in found and self._text(at) == "\n" and self._text(at - 2) != "log" and self._opens_below(at):
            return at, "a `{` is missing at the end of this line"
        if OPERATORS["{"] in found and self._text(at) == ":" and self._opens_below(at):
            return at, "a body stands in braces: write `{` here, and `}` behind it"
        texts = [self._text(i) if 0 <= i < len(self.tokens.kinds) else "" for i in range(at - 2, at + 3)]
        in_call = self._bracket(at) == "("
        around = Around(
            texts, self._adjacent(at), self._bracket(at), self._text(at - 3) if at > 2 else "", self._line(at), TERMINALS["NAME"] in found, found >= _EXPRESSION,
            OPERATORS[":"] in found and OPERATORS["<-"] not in found and not (in_call and OPERATORS[","] in found), KEYWORDS["expect"] in found, OPERATORS["<-"] in found,
            KEYWORDS["parallel"] in found,
        )  # fmt: skip
        if before >= 0 and (parts := self._glued(at, found)):
            return before, f"a blank or a new line is missing: write `{parts[0]}` and `{parts[1]}`"
        help = remedy(around)
        if help is not None:
            return at - help[1], help[0]
        if OPERATORS[","] in found and texts[2].isidentifier() and texts[3] == ":":
            return at, f"a `,` is missing in front of `{texts[2]}`"
        wanted = [w for w in KEYWORDS if KEYWORDS[w] in found]
        if self.tokens.kinds[at] == TERMINALS["NAME"] and len(texts[2]) > 2 and (near := nearest(texts[2], wanted)):
            return at, f"did you mean `{near}`?"
        if texts[2] in RESERVED and TERMINALS["NAME"] in found and not around.expression:
            return at, f"`{texts[2]}` is reserved; choose another name"
        if before >= 0 and found != {OPERATORS["{"]} and (near := self._misspelt(states, texts[0], texts[1])):
            return before, f"did you mean `{near}`?"
        return at, None

    def _misspelt(self, states: list[int], front: str, word: str) -> str | None:
        """Return the keyword that is meant by the word in front of a token, behind `front`; None if the word may be a name."""
        if len(word) <= 2 or word in PROVIDERS:
            return None
        fits = self._expected_before(states)
        named = TERMINALS["NAME"] in fits and front not in ("", "\n", ";", "{", "}", ",")  # as behind `create`
        # a value may begin with a word of its own, as in `let x = await y`
        named = named and (front not in _IN_FRONT or self.tokens.text.count(word) > 1)
        return nearest(word, [w for w in KEYWORDS if KEYWORDS[w] in fits and (w in RESERVED or not named)])

    def _glued(self, at: int, found: set[int]) -> tuple[str, str] | None:
        """Return the name and the word that are written as one in front of a token, such as `x` and `as` of `xas`; None if they are not.

        The word may stand behind the name, and the text has that name elsewhere, and the whole nowhere else.
        """
        whole, text = self._text(at - 1), self.tokens.text
        if self.tokens.kinds[at - 1] != TERMINALS["NAME"] or not self._text(at)[:1].isidentifier():
            return None
        for cut in range(1, len(whole) - 1):
            name, word = whole[:cut], whole[cut:]
            kind = KEYWORDS.get(word)
            if kind in found or (word in _BEGINNING and TERMINALS["_SEP"] in found):
                count = len(re.findall(rf"\b{name}\b", text))
                if (count or name in _TYPES) and len(re.findall(rf"\b{whole}\b", text)) == 1:
                    return name, word
        return None

    def _line(self, at: int) -> tuple[str, ...]:
        """Return the texts of the tokens of a phrase up to one of them: at most 24, none of another line or body."""
        found: list[str] = []
        for i in range(at - 1, max(at - 25, -1), -1):
            text = self._text(i)
            if text in ("\n", ";", "{", "}"):
                break
            found.append(text)
        return tuple(reversed(found))

    def _opens_below(self, at: int) -> bool:
        """Return whether the line below the end of a line stands deeper than that one."""
        text, start = self.source.text, self.tokens.cut_starts[at]
        below = at + 1 + (self._text(at) == ":" and self._text(at + 1) == "\n")
        behind = self.tokens.cut_starts[below] if below < len(self.tokens.kinds) else start
        if self.tokens.cut_starts is not self.tokens.starts or "\n" not in text[start:behind]:
            return False
        lines = [text[text.rfind("\n", 0, place) + 1 : place] for place in (start, behind)]
        head, body = (len(line) - len(line.lstrip()) for line in (lines[0] + ".", lines[1] + "."))
        return body > head

    def _adjacent(self, at: int) -> tuple[bool, bool]:
        """Return whether the token before this one, and the one behind it, touch it."""
        starts, ends = self.tokens.starts, self.tokens.ends
        return at > 0 and ends[at - 1] == starts[at], at + 1 < len(starts) and ends[at] == starts[at + 1]

    def _bracket(self, at: int) -> str:
        """Return the innermost bracket that is open before a token, or an empty text."""
        opened = self._opened(at)
        return self._text(opened) if opened >= 0 else ""

    def _unclosed(self, at: int) -> int:
        """Return the round or square bracket that is open before a token and was not meant to be, or -1.

        A line inside of it begins like a member, a statement or a step: a word of these, and a name behind it; or with a key, no deeper
        than the line of the bracket.
        """
        opened = self._opened(at)
        if opened < 0 or self._text(opened) not in ("(", "["):
            return -1
        for i in range(opened + 1, min(at + 1, len(self.tokens.kinds) - 1)):
            begins = "\n" in self.tokens.text[self.tokens.cut_ends[i - 1] : self.tokens.cut_starts[i]]
            if begins and self._text(i) in _BEGINNING | _STEPS and self._text(i + 1)[:1].isidentifier():
                return opened
            if begins and self._text(i + 1) == ":" and self._text(i).isidentifier() and self._is_entry(i, opened):
                return opened
        return -1

    def _is_entry(self, at: int, opened: int) -> bool:
        """Return whether a line that begins with a key stands no deeper than the line of a bracket, behind which that line goes on."""
        text, start = self.tokens.text, self.tokens.cut_starts[opened]
        goes_on = "\n" not in text[start : self.tokens.cut_starts[opened + 1]]
        return goes_on and indent(text, self.tokens.cut_starts[at]) <= indent(text, start)

    def _opened(self, at: int) -> int:
        """Return the index of the innermost bracket that is open before a token, or -1."""
        closed = 0
        for i in range(at - 1, -1, -1):
            kind = self.tokens.kinds[i]
            if kind in CLOSING:
                closed += 1
            elif kind in OPENING:
                if not closed:
                    return i
                closed -= 1
        return -1

    def _in_bad_text(self, start: int) -> bool:
        """Return whether the lexer has reported bad text on the line of this place."""
        line = self.source.position(start)[0]
        syntax = ("bad-character", "unclosed-string", "bad-number", "hole-outside-form")
        return any(p.slug in syntax and p.span.position()[0] == line for p in self.problems.found)

    def _inside_unclosed(self, at: int) -> bool:
        """Return whether the innermost bracket before a token is one that has been reported: round or square, or a `{` that ends with this line."""
        opened = self._opened(at)
        if opened < 0:
            return False
        start = self.tokens.starts[opened]
        if self._text(opened) == "{":
            behind = self.source.text[start : self.tokens.starts[at]]
            return start in self.tokens.broken_off and "\n" not in behind
        return any(p.slug == "unclosed-bracket" and p.span.start == start for p in self.problems.found)

    def _found(self, at: int) -> str:
        kind = self.tokens.kinds[at]
        text = self._text(at)
        if kind == _END:
            return "end of file"
        if text == "\n":
            return "end of line"
        word = text if len(text) <= 30 else text[:27] + "..."
        return f"reserved word `{word}`" if word in RESERVED else f"`{word}`"

    def _expected(self, states: list[int]) -> str:
        """Return the words for what could stand here, the most likely first: groups by their names, then marks, then words."""
        found = set(lalr.expected(states, RULES)) - _HIDDEN
        words: list[str] = []
        if found >= _STATEMENT:
            words.append("a statement (`let`, `if`, `log`, ...)")
            found &= _CLOSERS
        elif found >= _EXPRESSION:
            words.append("an expression" if KEYWORDS["parallel"] in found else "a type")
            found &= _CLOSERS
        elif TERMINALS["NAME"] in found:
            words.append("a name")
            found -= set(KEYWORDS.values()) - _RESERVED_KINDS
            found.discard(TERMINALS["NAME"])
        for kinds, name in _GROUPS:
            if found >= kinds:
                words.append(name)
                found -= set(KEYWORDS.values())
        goes_on = ["an operator"] if found >= _OPERATOR else []
        found -= _OPERATOR | _GOING_ON if goes_on else set()
        marks = [f for f in _LIKELY if f in found]
        rest = sorted({_SHOWN.get(f, "") for f in found.difference(marks)} - {""})
        words += [*(_SHOWN[f] for f in marks), *goes_on, *rest]
        if len(words) > _MOST_EXPECTED + 1:
            words = [*words[:_MOST_EXPECTED], f"{len(words) - _MOST_EXPECTED} more"]
            return ", ".join(words[:-1]) + " and " + words[-1]
        return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words) or "nothing more"

    def _text(self, at: int) -> str:
        return self.tokens.text[self.tokens.cut_starts[at] : self.tokens.cut_ends[at]]

    def _is_keyword(self, at: int) -> bool:
        return self.tokens.kinds[at] != TERMINALS["NAME"]

    def _expected_before(self, states: list[int]) -> set[int]:
        """Return the terminals that could stand in place of the token before, by the stack without its last entry."""
        return set(lalr.expected(states[:-1], RULES)) if len(states) > 1 else set()


_TYPES = frozenset(("any", "int", "float", "string", "bool", "duration", "time"))
_BEGINNING = frozenset((
    "listen", "transmit", "enact", "state", "create", "link", "supervise", "on", "every", "after", "program", "const", "let",
    "guide", "log", "if", "for",
))  # fmt: skip
"""The words with which members and statements begin."""
_STEPS = frozenset(("step", "use", "script", "send", "run", "expect"))
_ANSWERS = ("reply", "fail", "delay", "stream", "call", "fault")
_IN_FRONT = ("=", ":", "expect")
"""The marks and words in front of a value that may begin with a word of its own."""
_CLOSERS = frozenset(OPERATORS[o] for o in ("}", ")", "]"))
_GROUPS = (
    (frozenset(KEYWORDS[w] for w in ("coglet", "import", "type")), "a declaration (`coglet`, `program`, `type`, ...)"),
    (frozenset(KEYWORDS[w] for w in ("listen", "create", "on")), "a member (`listen`, `state`, `on`, ...)"),
    (frozenset(KEYWORDS[w] for w in ("expect", "use")), "a step (`send`, `run`, `expect`, ...)"),
    (frozenset(KEYWORDS[w] for w in ("when", "throttle", "debounce")), "a modifier (`when`, `timeout`, ...)"),
)
"""Words that stand together wherever one of them can stand, and their common name."""
_VARIABLES = ("let", "var", "val", "static", "final", "auto")
_STATEMENT = frozenset(KEYWORDS[w] for w in ("let", "for"))
_OPERATOR = frozenset(OPERATORS[o] for o in ("+", "*", "??"))
_GOING_ON = frozenset(OPERATORS[o] for o in (*"-/%.([<>", "//", "==", "!=", "<=", ">=", "?")) | {
    KEYWORDS[w] for w in ("and", "or", "in", "not", "is", "if")
}
"""Further words and marks that go on with an expression."""
_LIKELY = tuple(
    (OPERATORS[m] if m in OPERATORS else TERMINALS[m])
    for m in ("=", "<-", "->", ",", ":", ")", "]", "}", "{", "_SEP", "STRING", "INT")
)
"""The marks that are most likely missing, in this order."""
_RESERVED_KINDS = frozenset(KEYWORDS[w] for w in RESERVED if w in KEYWORDS)

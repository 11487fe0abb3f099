"""Characters to tokens, without the newlines that do not count.

In: a `Source`. Out: `Tokens`, parallel lists that the parser walks. Words, numbers and strings are those of
`grammar/cog.lark`; a test holds this lexer against Lark's own.

One expression, `_TOKEN`, matches the blanks and then a comment or one token; the number of the group that matched is the
token's kind. What it does not match is reported by `_bad`, which returns where to go on.

Newlines
    The grammar knows `_SEP`, the separator of declarations, members, statements and entries, and no newline. A newline
    becomes a `_SEP` if all of these hold; else it is a blank:
    1. the innermost open bracket is `{`, or none is open: inside of `(` and `[` a line may break anywhere;
    2. the token before it can end a phrase: it is no operator, comma, opening bracket or word of `_AFTER`;
    3. there is a token before it that is no `_SEP` and no `{`: several newlines, and those at the start of a block,
       make one separator at most;
    4. the token behind it does not go on with the phrase: it is none of `_BEFORE` (`->`, `|`, `??`, `.`, `and`, `or`,
       `else`). That token is not known when the newline is met, so its `_SEP` is taken back when the token comes.
    A `;` is a `_SEP` by itself, which no token behind it takes back. A `_SEP` before `}` or at the end is taken back.
    Example:
        total = first          `_SEP` behind `first` is taken back by `??`
          ?? second            `_SEP` stays: `log` begins a statement
        log info (1 +          inside of `(`: no `_SEP`, whatever the tokens
          2)

Brackets
    `brackets` holds the open ones with their places. A closing bracket closes its own kind and all that is open inside
    of it; one that closes nothing is left to the parser. A file is first read as it is. If that fails it is read again
    with `resync`: then a declaration's word at the left margin closes every open bracket, by tokens of no width, and the
    outermost one is reported. So one forgotten brace costs one report and not the rest of the file. The first attempt
    does not do this, because a word such as `model` may well begin a line inside of brackets.

Strings
    `"..."` ends on its line; `\"\"\"...\"\"\"` may span lines; `r` before either takes every backslash as it is. The lexer
    takes a string as one token and decodes nothing: `language/texts.py` does, and keeps where each piece stands. A string
    with `{{` or `{%` is a template, which makes no difference here: its expressions are read when the types are known.
    A string that is never closed is reported once and stands for a token up to the end of its line (or file), so that
    the parser finds a value in its place.
"""

from __future__ import annotations

import re

from cogc.diagnostics.edits import Edit
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source, Span
from cogc.language.texts import nanoseconds
from cogc.syntax import string_ends
from cogc.syntax.braces import DECLARATIONS, Balance, begins_line, begins_statement, indent, opens_record, too_early
from cogc.syntax.string_ends import CLOSE, OPEN, QUOTED, closes
from cogc.syntax.tables import KEYWORDS, OPERATORS, TERMINALS

_SEP = TERMINALS["_SEP"]
_END = TERMINALS["$END"]
_NAME = TERMINALS["NAME"]
_LBRACE, _RBRACE = TERMINALS["LBRACE"], TERMINALS["RBRACE"]

_TOKEN = re.compile(
    r"""[ \t\r\f]*(?:
    ((?:[A-Za-qs-z_]|r(?!"))[A-Za-z0-9_]*)
  | (\n)
  | ([{}()\[\],:+*%|]|<-|->|<=|>=|==|!=|\?\?|//|\.\.\.|\.\.|[.=<>\-/?])
  | ([0-9]+(?![A-Za-z0-9_.]))  # most ints: what a "." follows may be another number
  | ((?:[0-9](?:_?[0-9])*(?:\.[0-9]+)?(?:ms|[smhdw]))+(?![A-Za-z0-9_]))
  | ([0-9](?:_?[0-9])*(?:\.[0-9](?:_?[0-9])*(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)(?![A-Za-z0-9_]))
  | ([0-9](?:_?[0-9])*(?![A-Za-z0-9_]))
  | (\"\"\"[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*\"\"\")  # strings: a run of plain characters at a time
  | (r\"\"\"[^"]*(?:"(?!"")[^"]*)*\"\"\"|r"[^"\n]*"(?!"))
  | ("[^"\\\n]*(?:\\[^\n][^"\\\n]*)*")
  | (;)
  | (\Z)
  | ([A-Za-z_][A-Za-z0-9_]*)
  | (\$(?:\.\.\.)?[a-z][a-z_]*)
  | (\#[^\n]*)
    )""",
    re.VERBOSE | re.DOTALL,
)
_WORD, _NEWLINE, _PUNCTUATION, _LONG, _SEMICOLON, _EOF, _R_WORD, _HOLE, _COMMENT = 1, 2, 3, 8, 11, 12, 13, 14, 15
_INT, _FLOAT, _DURATION, _STRING = (TERMINALS[n] for n in ("INT", "FLOAT", "DURATION", "STRING"))
LARGEST_FLOAT = 1.7976931348623157e308
OF_FLOATS = "the largest float is about 1.8e308"

_BY_GROUP = {
    4: _INT,
    5: _DURATION,
    6: TERMINALS["FLOAT"],
    7: _INT,
    8: TERMINALS["LONG_STRING"],
    9: TERMINALS["RAW_STRING"],
    10: TERMINALS["STRING"],
}
_OPERATORS_AFTER = (
    "=", "+", "-", "*", "/", "//", "%", "==", "!=", "<", "<=", ">", ">=", "<-", "->", "|", "??", ",", ":", ".", "..",
    "(", "[",
)  # fmt: skip
_AFTER = frozenset(OPERATORS[o] for o in _OPERATORS_AFTER) | {KEYWORDS[w] for w in ("and", "or", "not", "in", "else")}
"""The tokens that no phrase ends with."""
_NO_SEP_BEHIND = _AFTER | {_SEP, _LBRACE}
"""The tokens behind which a newline is a blank."""
_BEFORE = frozenset(OPERATORS[o] for o in ("->", "|", "??", ".")) | {KEYWORDS[w] for w in ("and", "or", "else")}
"""The tokens that no phrase begins with."""


class Form(Source):
    """A file of `stdlib/forms/`, which may have holes."""


class Tokens:
    """Parallel lists: the terminal of each token, its start and its end. The last token is `$END`.

    `doubtful` are brackets that were mended in silence, since the parser was expected to report something near: from where to
    where, and the mark that is missing or left over. `broken_off` are the places of the brackets that end with their line, `mended` the tokens
    that `missing_brace.py` has put in.

    `text[cut_starts[i]:cut_ends[i]]` is the text of token i. The cuts are the places in the file, unless the text was
    quoted in YAML. `dropped` are the places of the phrases that the parser has given up.
    """

    __slots__ = (
        "broken_off",
        "cut_ends",
        "cut_starts",
        "doubtful",
        "dropped",
        "ends",
        "kinds",
        "mended",
        "starts",
        "text",
    )

    def __init__(self, text: str) -> None:
        self.text = text
        self.kinds: list[int] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.cut_starts = self.starts
        self.cut_ends = self.ends
        self.dropped: list[tuple[int, int]] = []
        self.doubtful: list[tuple[int, int, str]] = []
        self.broken_off: set[int] = set()
        self.mended: list[int] = []


def lex(source: Source, problems: Problems, start: int = 0, end: int | None = None, resync: bool = False) -> Tokens:
    """Return the tokens of `source.text[start:end]`.

    With `resync` a declaration at the left margin closes every bracket that is still open, and reports the outermost.
    """
    return Lexer(source, problems, resync).run(start, len(source.text) if end is None else end)


def lex_ranges(source: Source, problems: Problems, ranges: list[tuple[int, int]], resync: bool) -> Tokens:
    """Return the tokens of ranges of declarations as those of one text: a separator stands between two ranges."""
    lexer = Lexer(source, problems, resync)
    tokens = lexer.tokens
    for start, end in ranges:
        lexer.go_on()
        lexer.run(start, end)
    return tokens


_STATEMENTS = frozenset(("let", "for", "fail", "if"))
_BEGINNING = _STATEMENTS | {
    "listen", "transmit", "enact", "state", "link", "on", "every", "supervise",
    "create", "after", "step", "use", "script", "send", "run", "expect",
}  # fmt: skip
_MEMBER = (
    r"(?:on|every|after|supervise|link|enact) +[A-Za-z_0-9(]|create +\w+ *=|(?:listen|transmit|state) +\w+ *:"
    r"|step +\w+ *(?::|(?:by|after|when)\b)|use +[A-Z]|script +[\w.]+ *\{|send +[\w.\[\]]+ *<-|run +(?:until\b|[0-9])|expect +[a-z]"
)
BRACE_BELOW = "write the `{` at the end of the line before"
_MODIFIERS = frozenset(("when", "concurrent", "timeout", "debounce", "throttle", "distinct", "batch"))
_TRIGGERS = frozenset(KEYWORDS[w] for w in ("on", "every", "after", "enact"))
_MOST_LOOKS = 1_000
_OPENERS = frozenset(OPERATORS[o] for o in "([")
_FOREIGN = "&!'`\u201c\u201d\u201e\u2018\u2019"


class Lexer:
    """Reads the tokens of ranges of one text. Its state is that of one reading: the tokens so far, and the open brackets with their places."""

    def __init__(self, source: Source, problems: Problems, resync: bool) -> None:
        self.source = source
        self.problems = problems
        self.tokens = Tokens(source.text)
        self.resync = resync
        self.brackets: list[tuple[str, int]] = []
        self.looks = 0
        self.odd_quotes: bool | None = None
        """True if one of the `\"\"\"` of the text has no other one. None until that is asked."""
        self.balance: Balance | None = None
        """The balance of the braces, which is counted when a mistake first asks for it."""

    def again(self, start: int, end: int) -> Tokens:
        """Return the tokens of another range, in the same lists. Nothing may have been reported before, and nothing mended."""
        tokens = self.tokens
        tokens.kinds.clear()
        tokens.starts.clear()
        tokens.ends.clear()
        self.brackets.clear()
        return self.run(start, end)

    def go_on(self) -> None:
        """Put a separator in the place of the end of a range, so that another one can follow."""
        if self.tokens.kinds:
            end = self.tokens.starts[-1]
            self._pop()
            if self.tokens.kinds:
                self._add(_SEP, end, end + 1)

    def run(self, at: int, stop: int) -> Tokens:
        """Read the tokens of a range, behind those that were read before."""
        tokens, text, brackets, resync = self.tokens, self.source.text, self.brackets, self.resync
        kinds, starts, ends = tokens.kinds, tokens.starts, tokens.ends
        match, keyword, operator = _TOKEN.match, KEYWORDS.get, OPERATORS
        while at < stop:
            found = match(text, at, stop)
            if found is None:
                at = self._bad(at, stop)
                continue
            group = found.lastindex
            start, at = found.span(group)  # type: ignore[arg-type]
            if group == _WORD or group == _R_WORD:
                word = found[group]
                kind = keyword(word, _NAME)
                if resync:
                    self._begin_line(word, start)
                if kind in _BEFORE and kinds and kinds[-1] == _SEP and text[starts[-1]] == "\n":
                    self._pop()
            elif group == _NEWLINE:
                if kinds and kinds[-1] not in _NO_SEP_BEHIND and (not brackets or brackets[-1][0] == "{"):
                    kinds.append(_SEP)
                    starts.append(start)
                    ends.append(at)
                continue
            elif group == _PUNCTUATION:
                mark = found[group]
                kind = operator[mark]
                if mark in OPEN:
                    if resync and kind == _LBRACE:
                        if kinds and kinds[-1] == _SEP and text[starts[-1]] == "\n":
                            self._brace_below(start)
                        elif kinds and kinds[-1] == _LBRACE and self._is_doubled(start):
                            continue
                    brackets.append((mark, start))
                elif mark in CLOSE:
                    if resync:
                        if mark == "}":
                            self._close_records_above(start)
                        if self._is_stray(mark, start, stop):
                            continue
                    self._close(mark)
                    if mark == "}" and kinds and kinds[-1] == _SEP:
                        self._pop()
                elif kind in _BEFORE and kinds and kinds[-1] == _SEP and text[starts[-1]] == "\n":
                    self._pop()
            elif group == _SEMICOLON:
                if not kinds or kinds[-1] == _SEP or kinds[-1] == _LBRACE:
                    continue
                kind = _SEP
            elif group == _HOLE:
                kind = self._hole(start, at)
                if kind == _NAME:  # reported: read on as the name behind the `$`
                    start = at - len(text[start:at].lstrip("$."))
            elif group == _COMMENT or group == _EOF:
                continue
            else:
                kind = _BY_GROUP[group]  # type: ignore[index]
                if resync and (group == _LONG or (at - start == 2 and kind == _STRING)):
                    if behind := self._short_quotes(start, at):
                        at = behind
                        continue
                if at - start > 1 and (kind == _INT or kind == _DURATION or kind == _FLOAT):
                    if text[start] == "0" and text[start + 1].isdigit():
                        from cogc.syntax.odd_numbers import zero_in_front  # for mistakes only

                        zero_in_front(self.source, self.problems, start, at)
                    elif at - start > 4:
                        self._long_number(kind, start, at)
            kinds.append(kind)
            starts.append(start)
            ends.append(at)
        self._finish(stop)
        return tokens

    def _finish(self, stop: int) -> None:
        """Close what is still open at the end of a range, and add the end as a token."""
        if self.brackets and self.resync:
            self._close_all(stop)
        if self.tokens.kinds and self.tokens.kinds[-1] == _SEP:
            self._pop()
        self._add(_END, stop, stop)

    def _brace_below(self, start: int) -> None:
        """Report a `{` that begins a line, and read it as the end of the line before: no phrase begins with it."""
        end = self.tokens.starts[-1]  # the newline
        blank = self.source.text[end:start].isspace()
        edits = (Edit(Span(self.source, end, start), " ", "safe"),) if blank else ()
        span = Span(self.source, start, start + 1)
        self.problems.add("unexpected-token", span, help=BRACE_BELOW, edits=edits, found="`{`", expected="")
        self._pop()

    def _pop(self) -> None:
        self.tokens.kinds.pop()
        self.tokens.starts.pop()
        self.tokens.ends.pop()

    def _add(self, kind: int, start: int, end: int) -> None:
        self.tokens.kinds.append(kind)
        self.tokens.starts.append(start)
        self.tokens.ends.append(end)

    def _close(self, mark: str) -> None:
        """Close the bracket that `mark` belongs to, and those that are still open inside of it."""
        opener = CLOSE[mark]
        if self.brackets and self.brackets[-1][0] == opener:
            self.brackets.pop()
        elif any(b == opener for b, _ in self.brackets):
            while (inner := self.brackets.pop())[0] != opener:
                if self.resync and inner[0] == "{":  # so that the parser does not take the next `}` for it
                    if self.tokens.kinds[-1] == _SEP:
                        self._pop()
                    end = self.tokens.ends[-1]
                    self._add(_RBRACE, end, end)
                    self.tokens.doubtful.append((inner[1], end, "{"))

    def _is_doubled(self, start: int) -> bool:
        """Report a `{` directly behind another one, unless its line closes both, and return whether it is to be left out."""
        text = self.source.text
        if not self._may_look():
            return False
        newline = text.find("\n", start)
        line = text[text.rfind("\n", 0, start) + 1 : newline if newline >= 0 else len(text)]
        if line.count("{") <= line.count("}"):
            return False
        span, help = Span(self.source, start, start + 1), "one `{` is enough: remove this one"
        edits = (Edit(span, "", "unsafe"),)
        self.problems.add("unexpected-token", span, help=help, edits=edits, found="`{`", expected="")
        return True

    def _is_stray(self, mark: str, start: int, stop: int) -> bool:
        """Return whether a closing `}` has lost its `{` in its own line, whose other brackets are closed behind it."""
        if mark != "}" or not self.brackets:
            return False
        if self.brackets[-1][0] == "{":
            return self._closes_below(start) or self._is_early(start)
        text = self.source.text
        line = text.rfind("\n", 0, start) + 1
        if self.brackets[-1][1] < line or not self._may_look():
            return False
        if any(b == "{" and at >= line for b, at in self.brackets):
            return False
        newline = text.find("\n", start, stop)
        opened = [b for b, at in self.brackets if at >= line]
        if not closes(text[start + 1 : stop if newline < 0 else newline], opened):
            return False
        self.tokens.doubtful.append((line, start + 1, "}"))
        return True

    def _closes_below(self, start: int) -> bool:
        """Return whether a `}` behind other words closes what the `}` at the start of the next line is to close."""
        text, (_, opened) = self.source.text, self.brackets[-1]
        below = re.compile(r"[ \t]*\n([ \t]*)\}").match(text, start + 1)
        if below is None:
            return False
        first, line = text.rfind("\n", 0, opened) + 1, text.rfind("\n", 0, start) + 1
        before = text[line:start]
        if opened >= line or not before.strip() or "{" in before:
            return False
        if len(below[1]) != indent(text, opened):
            return False
        if sum(b == "{" and place >= first for b, place in self.brackets) > 1:
            return False
        self.tokens.doubtful.append((line, start + 1, "}"))
        return True

    def _is_early(self, start: int) -> bool:
        """Return whether a `}` is one too many: its block goes on below it. It is reported unless a mistake in front of it has lost the `{`."""
        first = too_early(self.source.text, start, self.brackets[-1][1])
        if first < 0 or self._balanced().at(start) >= 0 or not self._may_look():
            return False
        self.tokens.doubtful.append((first, start + 1, "} }"))
        self._balanced().mend(start, 1)
        return True

    def _balanced(self) -> Balance:
        """Return the balance of the braces of each declaration."""
        if self.balance is None:
            tokens = lex(self.source, Problems())
            self.balance = Balance(tokens.text, tokens.kinds, tokens.starts, tokens.ends)
        return self.balance

    def _close_records_before(self, start: int) -> None:
        """Close the records that are open before a statement which begins a line: no entry begins so."""
        if self._in_record() and begins_statement(self.source.text, start, self.brackets[-1][1]):
            if self._balanced().at(start) > 0:
                self._close_records()
                self._add(_SEP, start, start)

    def _close_records_above(self, start: int) -> None:
        """Close the records that are open before a `}` which stands less deep than their lines: it ends the body around them."""
        if self._in_record() and begins_line(self.source.text, start):
            outer = indent(self.source.text, self.brackets[-1][1]) > indent(self.source.text, start)
            if outer and self._balanced().at(start) > 0:
                self._close_records()

    def _in_record(self) -> bool:
        """Return whether the innermost open bracket is the `{` of a record inside of another bracket."""
        return len(self.brackets) > 1 and opens_record(self.source.text, *self.brackets[-1])

    def _close_records(self) -> None:
        """Close the record that is open, and those around it, and report the outermost."""
        at = self.brackets[-1][1]
        while self._in_record():
            _, at = self.brackets.pop()
            if self.tokens.kinds[-1] == _SEP:
                self._pop()
            end = self.tokens.ends[-1]
            self._add(_RBRACE, end, end)
            self._balanced().mend(at, -1)
        self.tokens.broken_off.add(at)
        self.problems.add("unclosed-bracket", Span(self.source, at, at + 1), mark="{", closing="}")

    def _begin_line(self, word: str, start: int) -> None:
        """Mend the brackets before a word, if it begins a line and tells what was left open or closed too early."""
        if word in DECLARATIONS:
            self._left_margin(start)
        self._close_records_before(start)
        if word in _BEGINNING:
            self._new_line(word, start)
        elif word in _MODIFIERS and self.tokens.kinds[-1:] == [_SEP]:
            self._modifier_below(word, start)

    def _modifier_below(self, word: str, start: int) -> None:
        """Report a modifier that begins a line, and read it as the end of the line before, if that is a trigger without a body."""
        kinds, first = self.tokens.kinds, len(self.tokens.kinds) - 1
        while first and kinds[first - 1] not in (_SEP, _LBRACE, _RBRACE):
            first -= 1
        text = self.source.text
        if kinds[first] not in _TRIGGERS or text[self.tokens.starts[-1]] == ";" or begins_statement(text, start, start):
            return
        end, span = self.tokens.starts[-1], Span(self.source, start, start + len(word))
        edits = (Edit(Span(self.source, end, start), " ", "safe"),) if text[end:start].isspace() else ()
        help = "write it at the end of the line before: a new line ends the trigger"
        self.problems.add("unexpected-token", span, help=help, edits=edits, found=f"`{word}`", expected="")
        self._pop()

    def _new_line(self, word: str, start: int) -> None:
        """End the phrase and the body before a word with which a line begins, where they were left open.

        Such a word goes on with no expression. A member that stands no deeper than the line in which a body was opened is
        no statement of that body.
        """
        text, tokens = self.source.text, self.tokens
        line = text.rfind("\n", 0, start) + 1
        if not line or text[line:start].strip() or not tokens.kinds or tokens.ends[-1] > line:
            return
        is_member = word not in _STATEMENTS and re.match(_MEMBER, text[start : start + 200]) is not None
        if is_member:
            self._close_deeper(start, start - line)
        if (is_member or word in _STATEMENTS) and tokens.kinds[-1] in _AFTER - _OPENERS:
            newline = text.find("\n", tokens.ends[-1], start)
            self._add(_SEP, newline, newline + 1)

    def _close_deeper(self, start: int, column: int) -> None:
        """Close the bodies that were opened in lines which begin at this column or behind it, and report the innermost."""
        text = self.source.text
        opened = 0
        for mark, at in reversed(self.brackets[1:]):
            first = text.rfind("\n", 0, at) + 1
            if mark != "{" or indent(text, at) < column or first == 0:
                break
            opened += 1
        if not opened:
            return
        mark, at = self.brackets[-1]
        self.tokens.broken_off.add(at)
        self.problems.add("unclosed-bracket", Span(self.source, at, at + 1), mark=mark, closing="}")
        end = self.tokens.ends[-1]
        for _ in range(opened):
            self.brackets.pop()
            if self.tokens.kinds[-1] == _SEP:
                self._pop()
            self._add(OPERATORS["}"], end, end)
        self._add(_SEP, end, end)

    def _left_margin(self, start: int) -> None:
        """Close all open brackets before a declaration's word at the left margin, and end the phrase before it."""
        if start and self.source.text[start - 1] != "\n":
            return
        if self.brackets:
            self._close_all(start)
        if self.tokens.kinds and self.tokens.kinds[-1] != _SEP:
            newline = self.source.text.find("\n", self.tokens.ends[-1], start)
            self._add(_SEP, max(newline, 0), newline + 1)

    def _close_all(self, at: int) -> None:
        """Report the outermost open bracket, and add a closing token of no width for each open one."""
        mark, start = self.brackets[0]
        self.problems.add(
            "unclosed-bracket",
            Span(self.source, start, start + 1),
            mark=mark,
            closing=OPEN[mark],
        )
        while self.brackets:
            closing = OPEN[self.brackets.pop()[0]]
            if closing == "}" and self.tokens.kinds[-1] == _SEP:
                self._pop()
            self._add(OPERATORS[closing], at, at)

    def _hole(self, start: int, end: int) -> int:
        """Return the terminal of a hole; outside of forms report it and return that of a name."""
        text = self.source.text[start:end]
        if isinstance(self.source, Form):
            return TERMINALS["SPLICE" if "." in text else "HOLE"]
        span, name = Span(self.source, start, end), text.lstrip("$.")
        self.problems.add("hole-outside-form", span, edits=(Edit(span, name, "safe"),), text=text, name=name)
        return _NAME

    def _long_number(self, kind: int, start: int, end: int) -> None:
        """Report a number or a duration that does not fit into 64 bits."""
        text = self.source.text[start:end]
        if kind == _DURATION:
            too_large = nanoseconds(text) >= 1 << 63
        elif kind == _FLOAT:
            too_large = float(text) > LARGEST_FLOAT
        else:
            text = text.replace("_", "")
            number = int(text) if len(text) < 20 else 1 << 64  # Python refuses to read thousands of digits
            too_large = number >= 1 << 63 and not (number == 1 << 63 and self._negated())
        if too_large:
            help = OF_FLOATS if kind == _FLOAT else None
            self.problems.add("number-too-large", Span(self.source, start, end), help=help, text=text)

    def _negated(self) -> bool:
        """Return whether the last token is a `-` that stands before a number alone, and not between two."""
        kinds = self.tokens.kinds
        return kinds[-1:] == [OPERATORS["-"]] and (len(kinds) < 2 or kinds[-2] in _AFTER)

    def _bad(self, at: int, stop: int) -> int:
        """Report characters that are no token, and return where to go on."""
        text = self.source.text
        while at < stop and text[at] in " \t\r\f":
            at += 1
        if text[at] == '"' or text.startswith('r"', at):
            return self._unclosed_string(at, stop)
        if text[at] in _FOREIGN and (end := self._foreign(at, stop)):
            return end
        if text.startswith("```", at):
            return self._fence(at, stop)
        number = re.compile(r"[0-9][A-Za-z0-9_.]*").match(text, at, stop)
        if number:
            place = Span(self.source, at, number.end())
            self.problems.add("bad-number", place, text=number.group())
            self.problems.dropped.append(place)
            self._add(TERMINALS["INT"], at, at + 1)
            return number.end()
        end = at + 1
        while end < stop and text[end] == text[at]:
            end += 1
        from cogc.diagnostics.habits import CHARACTERS  # for mistakes only

        meant = CHARACTERS.get(text[at])
        span, help = Span(self.source, at, end), f"write `{meant}`" if meant else None
        edits = (Edit(span, meant, "safe"),) if meant and end == at + 1 else ()
        self.problems.add("bad-character", span, help=help, edits=edits, character=text[at])
        return end

    def _foreign(self, at: int, stop: int) -> int:
        """Report an operator or a quote of another language, and read it as what it stands for here. Return 0 if it is none."""
        from cogc.syntax.habits import quoted as requoted  # for mistakes only

        text = self.source.text
        quoted = re.compile(QUOTED).match(text, at, stop)
        if quoted:
            end, kind = quoted.end(), TERMINALS["STRING"]
            help = 'a string stands in double quotes: `"text"`'
            new = requoted(text[at:end])
        elif text[at] in "&!":
            end = at + 2 if text.startswith("&&", at) else at + 1
            word = "not" if text[at] == "!" else "and"
            kind, help = KEYWORDS[word], f"write `{word}`"
            new = word if word == "not" or end == at + 2 else None
            if new and text[end : end + 1] not in (" ", "\n"):
                new += " "
            if new and text[at - 1 : at].isalnum():
                new = " " + new
        else:
            return 0
        span = Span(self.source, at, end)
        edits = () if new is None else (Edit(span, new, "safe"),)
        self.problems.add("bad-character", span, help=help, edits=edits, character=text[at : at + 1])
        self._add(kind, at, end)
        return end

    def _fence(self, at: int, stop: int) -> int:
        """Report the fence of a text that was copied out of Markdown, once, and pass over the fences and their words."""
        help = "the text stands between the fences of Markdown: remove both"
        if not any(d.help == help for d in self.problems.found):
            self.problems.add("bad-character", Span(self.source, at, at + 3), help=help, character="`")
        newline = self.source.text.find("\n", at, stop)
        return newline if newline >= 0 else stop

    def _unclosed_string(self, at: int, stop: int) -> int:
        """Report a string that is never closed, and return where to go on: behind the text that it most likely has."""
        text = self.source.text
        quote, end = '"', stop
        if self.tokens.kinds[-1:] == [_STRING] and text[at - 2 : at + 1] == '"""' and self.tokens.ends[-1] == at:
            self._pop()  # what opens a text over several lines is first taken for an empty string
            at -= 2
        if text.startswith(('"""', 'r"""'), at):
            quote, end = '"""', string_ends.long_end(text, at, stop)
        else:
            if behind := self._short_quotes(at, 0):
                return behind
            first = self._cut_short(at)
            if first >= 0:
                at, end = self.tokens.starts[first], self.tokens.ends[first] - 1
                self._take_back(first)
            else:
                newline = text.find("\n", at, stop)
                end = stop if newline < 0 else newline
        line = text.rfind("\n", 0, at) + 1
        if quote == '"' or "\n" not in text[at:end]:
            opened = [mark for mark, place in self.brackets if place >= line]
            end = string_ends.before_closing(text, at + len(quote) - 1, end, opened, bool(self.brackets))
        # characters that stand outside of their string
        self.problems.take_back(lambda d: d.slug == "bad-character" and line <= d.span.start < end)
        missing: tuple[Edit, ...] = (Edit(Span(self.source, end, end), quote),)
        help = None
        if text[at - 1 : at].isalnum() and quote == '"':  # `label"`: what should open the string is missing
            help, missing = "this quote opens a string: write one in front of the text that it is to close", ()
        span = Span(self.source, at, min(end, at + 40))
        self.problems.add("unclosed-string", span, help=help, edits=missing, quote=quote)
        self.problems.dropped.append(Span(self.source, at, end))
        self._add(TERMINALS["STRING"], at, end)
        return end

    def _short_quotes(self, start: int, end: int) -> int:
        """Report a string that has lost a quote of its `\"\"\"` at one of its ends, and read it as one. Return where it ends, 0 if it has lost none.

        `end` is where it ends as it stands, 0 if nothing ends it.
        """
        text, kinds = self.source.text, self.tokens.kinds
        if self.odd_quotes is None:
            self.odd_quotes = text.count('"""') % 2 == 1
        if not self.resync or not self.odd_quotes or not self._may_look():
            return 0
        if end - start > 2:
            behind, help = string_ends.short_closing(text, start, end), 'end it with `"""`'
            edit = Edit(Span(self.source, behind - 2, behind), '"""', "unsafe")
        else:
            begins = not kinds or kinds[-1] in (_SEP, _LBRACE)
            behind, help = (
                string_ends.short_opening(text, start, begins),
                'a string that ends with `"""` begins with `"""`',
            )
            edit = Edit(Span(self.source, start, end or start + 1), '"""', "unsafe")
        if behind < 0:
            return 0
        span = Span(self.source, start, min(text.find("\n", start), behind, start + 40))
        self.problems.add("unclosed-string", span, help=help, edits=(edit,), quote='"""')
        self._add(TERMINALS["STRING"], start, behind)
        return behind

    def _cut_short(self, at: int) -> int:
        """Return the index of the first string of the line behind which a word follows without a blank, or -1.

        Where a quote is missing, what was meant to open a string closes the one before it.
        """
        starts, ends, kinds = self.tokens.starts, self.tokens.ends, self.tokens.kinds
        if not self.resync or not self._may_look():
            return -1
        line = self.source.text.rfind("\n", 0, at) + 1
        first = len(kinds)
        while first and starts[first - 1] >= line:
            first -= 1
        strings = (i for i in range(first, len(kinds)) if kinds[i] == TERMINALS["STRING"])
        return next((i for i in strings if self.source.text[ends[i] : ends[i] + 1].isalnum()), -1)

    def _may_look(self) -> bool:
        """Return whether to look further than at the next tokens: not for every line of a text that is full of mistakes."""
        self.looks += 1
        return self.looks <= _MOST_LOOKS

    def _take_back(self, first: int) -> None:
        """Take back the tokens from one on, and the brackets that they opened."""
        start = self.tokens.starts[first]
        for places in (self.tokens.kinds, self.tokens.starts, self.tokens.ends):
            del places[first:]
        self.problems.take_back(lambda d: d.span.start >= start)
        self.brackets.clear()
        for place in self.tokens.starts:
            if (mark := self.source.text[place : place + 1]) in OPEN:
                self.brackets.append((mark, place))
            elif mark in CLOSE and self.brackets:
                self.brackets.pop()

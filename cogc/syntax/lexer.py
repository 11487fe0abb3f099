"""Characters to tokens, without the newlines that do not count.

In: a `Source`. Out: `Tokens`, parallel lists that the parser walks. Words, numbers and strings are those of
`grammar/cog.lark`; a test holds this lexer against Lark's own.

One expression, `_TOKEN`, matches the blanks, the comment and then one token; the number of the group that matched is the
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
from cogc.syntax.tables import KEYWORDS, OPERATORS, TERMINALS

_SEP = TERMINALS["_SEP"]
_END = TERMINALS["$END"]
_NAME = TERMINALS["NAME"]
_LBRACE, _RBRACE = TERMINALS["LBRACE"], TERMINALS["RBRACE"]
_OPEN = {"{": "}", "(": ")", "[": "]"}
_CLOSE = {"}": "{", ")": "(", "]": "["}

_TOKEN = re.compile(
    r"""[ \t\r\f]*(?:\#[^\n]*)?(?:
    ((?!r")[A-Za-z_][A-Za-z0-9_]*)
  | (\n)
  | ((?:<-|->|<=|>=|==|!=|\?\?|//|\.\.\.|\.\.|[{}()\[\],:.=<>+\-*/%|?]))
  | ((?:[0-9](?:_?[0-9])*(?:\.[0-9]+)?(?:ms|[smhdw]))+(?![A-Za-z0-9_]))
  | ([0-9](?:_?[0-9])*(?:\.[0-9](?:_?[0-9])*(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)(?![A-Za-z0-9_]))
  | ([0-9](?:_?[0-9])*(?![A-Za-z0-9_]))
  | (\"\"\"(?:[^"\\]|\\.|"(?!""))*\"\"\")
  | (r\"\"\"(?:[^"]|"(?!""))*\"\"\"|r"[^"\n]*"(?!"))
  | ("(?:[^"\\\n]|\\[^\n])*")
  | (;)
  | (\Z)
  | ([A-Za-z_][A-Za-z0-9_]*)
  | (\$(?:\.\.\.)?[a-z][a-z_]*)
    )""",
    re.VERBOSE | re.DOTALL,
)
_WORD, _NEWLINE, _PUNCTUATION, _DURATION, _INT, _SEMICOLON, _EOF, _R_WORD, _HOLE = 1, 2, 3, 4, 6, 10, 11, 12, 13

_BY_GROUP = {
    4: TERMINALS["DURATION"],
    5: TERMINALS["FLOAT"],
    6: TERMINALS["INT"],
    7: TERMINALS["LONG_STRING"],
    8: TERMINALS["RAW_STRING"],
    9: TERMINALS["STRING"],
}
_OPERATORS_AFTER = (
    "=", "+", "-", "*", "/", "//", "%", "==", "!=", "<", "<=", ">", ">=", "<-", "->", "|", "??", ",", ":", ".", "..",
    "(", "[",
)  # fmt: skip
_AFTER = frozenset(OPERATORS[o] for o in _OPERATORS_AFTER) | {KEYWORDS[w] for w in ("and", "or", "not", "in", "else")}
"""The tokens that no phrase ends with."""
_BEFORE = frozenset(OPERATORS[o] for o in ("->", "|", "??", ".")) | {KEYWORDS[w] for w in ("and", "or", "else")}
"""The tokens that no phrase begins with."""
DECLARATIONS = frozenset((
    "import", "type", "const", "model", "mcp", "program", "coglet", "mixin", "agent", "team", "dod", "plan", "sett",
    "queue", "test", "scenario",
))  # fmt: skip


class Form(Source):
    """A file of `stdlib/forms/`, which may have holes."""


class Tokens:
    """Parallel lists: the terminal of each token, its start and its end. The last token is `$END`.

    `text[cut_starts[i]:cut_ends[i]]` is the text of token i. The cuts are the places in the file, unless the text was
    quoted in YAML. `dropped` are the places of the phrases that the parser has given up.
    """

    __slots__ = ("cut_ends", "cut_starts", "dropped", "ends", "kinds", "starts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.kinds: list[int] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.cut_starts = self.starts
        self.cut_ends = self.ends
        self.dropped: list[tuple[int, int]] = []


def lex(source: Source, problems: Problems, start: int = 0, end: int | None = None, resync: bool = False) -> Tokens:
    """Return the tokens of `source.text[start:end]`.

    With `resync` a declaration at the left margin closes every bracket that is still open, and reports the outermost.
    """
    tokens = Tokens(source.text)
    lexer = _Lexer(source, problems, tokens, resync)
    lexer.run(start, len(source.text) if end is None else end)
    return tokens


_STATEMENTS = frozenset(("let", "for", "fail", "if"))
_BEGINNING = _STATEMENTS | {"listen", "transmit", "enact", "state", "link", "on", "every", "supervise"}
_MEMBER = r"(?:on|every|supervise|link|enact) +[A-Za-z_0-9(]|(?:listen|transmit|state) +\w+ *:"
_OPENERS = frozenset(OPERATORS[o] for o in "([")
_FOREIGN = "&!'`\u201c\u201d\u201e\u2018\u2019"
_QUOTED = (
    r"'(?:[^'\\\n]|\\.)*'|`(?!`)(?:[^`\\\n]|\\.)+`"
    '|[\u201c\u201d\u201e][^\u201c\u201d"\n]*[\u201c\u201d"]|[\u2018\u2019][^\u2018\u2019\n]*[\u2018\u2019]'
)
"""Strings in quotes of other languages, and in those that word processors make."""


class _Lexer:
    """The state of one reading: the tokens so far, and the open brackets with their places."""

    def __init__(self, source: Source, problems: Problems, tokens: Tokens, resync: bool) -> None:
        self.source = source
        self.problems = problems
        self.tokens = tokens
        self.resync = resync
        self.brackets: list[tuple[str, int]] = []

    def run(self, at: int, stop: int) -> None:
        tokens, text, brackets = self.tokens, self.source.text, self.brackets
        kinds, starts, ends = tokens.kinds, tokens.starts, tokens.ends
        match, keyword, operator = _TOKEN.match, KEYWORDS.get, OPERATORS
        add_kind, add_start, add_end = kinds.append, starts.append, ends.append
        while True:
            found = match(text, at, stop)
            if found is None:
                at = self._bad(at, stop)
                continue
            group = found.lastindex
            start, at = found.span(group)  # type: ignore[arg-type]
            if group == _WORD or group == _R_WORD:
                word = text[start:at]
                kind = keyword(word, _NAME)
                if self.resync and word in DECLARATIONS:
                    self._left_margin(start)
                elif self.resync and word in _BEGINNING:
                    self._new_line(word, start)
                if kind in _BEFORE and kinds and kinds[-1] == _SEP and text[starts[-1]] == "\n":
                    self._pop()
            elif group == _NEWLINE:
                if kinds and kinds[-1] != _SEP and kinds[-1] != _LBRACE and kinds[-1] not in _AFTER:
                    if brackets and brackets[-1][0] != "{":
                        continue
                    add_kind(_SEP)
                    add_start(start)
                    add_end(at)
                continue
            elif group == _PUNCTUATION:
                mark = text[start:at]
                kind = operator[mark]
                if self.resync and kind == _LBRACE and kinds and kinds[-1] == _SEP and text[starts[-1]] == "\n":
                    self._brace_below(start)
                if mark in _OPEN:
                    brackets.append((mark, start))
                elif mark in _CLOSE:
                    self._close(mark)
                    if mark == "}" and kinds and kinds[-1] == _SEP:
                        self._pop()
                elif kind in _BEFORE and kinds and kinds[-1] == _SEP and text[starts[-1]] == "\n":
                    self._pop()
            elif group == _SEMICOLON:
                if not kinds or kinds[-1] == _SEP or kinds[-1] == _LBRACE:
                    continue
                kind = _SEP
            elif group == _EOF:
                self._finish(start)
                return
            elif group == _HOLE:
                kind = self._hole(start, at)
                if kind == _NAME:  # reported: read on as the name behind the `$`
                    start = at - len(text[start:at].lstrip("$."))
            else:
                kind = _BY_GROUP[group]  # type: ignore[index]
                if group == _INT and at - start > 18:
                    self._large(start, at)
                elif group == _DURATION and at - start > 6 and nanoseconds(text[start:at]) >= 1 << 63:
                    self.problems.add("number-too-large", Span(self.source, start, at), text=text[start:at])
            add_kind(kind)
            add_start(start)
            add_end(at)

    def _brace_below(self, start: int) -> None:
        """Report a `{` that begins a line, and read it as the end of the line before: no phrase begins with it."""
        help = "write the `{` at the end of the line before"
        end = self.tokens.starts[-1]  # the newline
        blank = self.source.text[end:start].isspace()
        edits = (Edit(Span(self.source, end, start), " ", "safe"),) if blank else ()
        span = Span(self.source, start, start + 1)
        self.problems.add("unexpected-token", span, help=help, edits=edits, found="`{`", expected="")
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
        opener = _CLOSE[mark]
        if self.brackets and self.brackets[-1][0] == opener:
            self.brackets.pop()
        elif any(b == opener for b, _ in self.brackets):
            while self.brackets.pop()[0] != opener:
                pass

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
            indent = len(text[first:at]) - len(text[first:at].lstrip())
            if mark != "{" or indent < column or first == 0:
                break
            opened += 1
        if not opened:
            return
        mark, at = self.brackets[-1]
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
            closing=_OPEN[mark],
        )
        while self.brackets:
            closing = _OPEN[self.brackets.pop()[0]]
            if closing == "}" and self.tokens.kinds[-1] == _SEP:
                self._pop()
            self._add(OPERATORS[closing], at, at)

    def _finish(self, at: int) -> None:
        if self.resync and self.brackets:
            self._close_all(at)
        if self.tokens.kinds and self.tokens.kinds[-1] == _SEP:
            self._pop()
        self._add(_END, at, at)

    def _hole(self, start: int, end: int) -> int:
        """Return the terminal of a hole; outside of forms report it and return that of a name."""
        text = self.source.text[start:end]
        if isinstance(self.source, Form):
            return TERMINALS["SPLICE" if "." in text else "HOLE"]
        span, name = Span(self.source, start, end), text.lstrip("$.")
        self.problems.add("hole-outside-form", span, edits=(Edit(span, name, "safe"),), text=text, name=name)
        return _NAME

    def _large(self, start: int, end: int) -> None:
        """Report an int that does not fit into 64 bits."""
        digits = self.source.text[start:end].replace("_", "")
        least = int(digits) == 1 << 63 and self._negated()
        if (len(digits) > 19 or int(digits) >= 1 << 63) and not least:
            self.problems.add("number-too-large", Span(self.source, start, end), text=digits)

    def _negated(self) -> bool:
        """Return whether the last token is a `-` that stands before a number alone, and not between two."""
        kinds = self.tokens.kinds
        return kinds[-1:] == [OPERATORS["-"]] and (len(kinds) < 2 or kinds[-2] in _AFTER)

    def _bad(self, at: int, stop: int) -> int:
        """Report characters that are no token, and return where to go on."""
        text = self.source.text
        while at < stop and text[at] in " \t\r\f":
            at += 1
        if text[at] == "#":
            return text.find("\n", at, stop) if "\n" in text[at:stop] else stop
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
        self.problems.add("bad-character", Span(self.source, at, end), character=text[at])
        return end

    def _foreign(self, at: int, stop: int) -> int:
        """Report an operator or a quote of another language, and read it as what it stands for here. Return 0 if it is none."""
        text = self.source.text
        quoted = re.compile(_QUOTED).match(text, at, stop)
        if quoted:
            end, kind = quoted.end(), TERMINALS["STRING"]
            help = 'a string stands in double quotes: `"text"`'
            new = self._quoted(at, end)
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

    def _quoted(self, at: int, end: int) -> str | None:
        """Return a string in single quotes or backticks as one in double quotes, None where its text has no such form."""
        from cogc.syntax.habits import quoted  # for mistakes only

        return quoted(self.source.text[at:end])

    def _unclosed_string(self, at: int, stop: int) -> int:
        text = self.source.text
        quote = '"""' if text.startswith(('"""', 'r"""'), at) else '"'
        end = stop
        if quote == '"':
            newline = text.find("\n", at, stop)
            end = self._before_closing(at, stop if newline < 0 else newline)
        missing = (Edit(Span(self.source, end, end), quote),)
        self.problems.add("unclosed-string", Span(self.source, at, min(end, at + 40)), edits=missing, quote=quote)
        self._add(TERMINALS["STRING"], at, end)
        return end

    def _before_closing(self, at: int, end: int) -> int:
        """Return the end of an unclosed string: before brackets at the end of its line that close others of the line."""
        text = self.source.text
        line = text.rfind("\n", 0, at) + 1
        opened = sum(1 for _, place in self.brackets if place >= line)
        last = end
        while last > at + 1 and (text[last - 1] in " \t\r" or (text[last - 1] in _CLOSE and opened > 0)):
            opened -= text[last - 1] in _CLOSE
            last -= 1
        return last if text[last:end].strip() else end

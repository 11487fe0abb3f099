"""Characters to tokens, with the newlines that do not count left out.

In: a `Source`. Out: `Tokens`, parallel lists that the parser walks. Words, numbers and strings are those of
`grammar/cog.lark`; a test holds this lexer against Lark's own. A newline becomes a `_SEP` where it ends something:
the innermost open bracket is `{` or there is none, the token before it can end a phrase, and the token behind it does
not go on with one.
"""

from __future__ import annotations

import re

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source, Span
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
  | ((?:[0-9][0-9_]*(?:\.[0-9]+)?(?:ms|[smhdw]))+(?![A-Za-z0-9_]))
  | ([0-9][0-9_]*(?:\.[0-9][0-9_]*(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)(?![A-Za-z0-9_]))
  | ([0-9][0-9_]*(?![A-Za-z0-9_]))
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
_WORD, _NEWLINE, _PUNCTUATION, _INT, _SEMICOLON, _EOF, _R_WORD, _HOLE = 1, 2, 3, 6, 10, 11, 12, 13
FORMS = "std/forms/"
"""The folder of the files that may have holes."""
_BY_GROUP = {
    4: TERMINALS["DURATION"],
    5: TERMINALS["FLOAT"],
    6: TERMINALS["INT"],
    7: TERMINALS["LONG_STRING"],
    8: TERMINALS["RAW_STRING"],
    9: TERMINALS["STRING"],
}
_AFTER = frozenset(
    [
        OPERATORS[o]
        for o in [
            "=",
            "+",
            "-",
            "*",
            "/",
            "//",
            "%",
            "==",
            "!=",
            "<",
            "<=",
            ">",
            ">=",
            "<-",
            "->",
            "|",
            "??",
            ",",
            ":",
            ".",
            "..",
            "(",
            "[",
        ]
    ]
    + [KEYWORDS[w] for w in ("and", "or", "not", "in", "else")]
)
_BEFORE = frozenset([OPERATORS[o] for o in ("->", "|", "??", ".")] + [KEYWORDS[w] for w in ("and", "or", "else")])
_DECLARATIONS = frozenset(
    [
        "import",
        "type",
        "const",
        "model",
        "mcp",
        "program",
        "coglet",
        "mixin",
        "agent",
        "team",
        "dod",
        "plan",
        "sett",
        "queue",
        "test",
    ]
)


class Tokens:
    """Parallel lists: the terminal of each token, and where it starts and ends; the last one is `$END`.

    `text[cut_starts[i]:cut_ends[i]]` is a token's text. That is the same place, unless the text was quoted in YAML.
    """

    __slots__ = ("cut_ends", "cut_starts", "ends", "kinds", "starts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.kinds: list[int] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.cut_starts = self.starts
        self.cut_ends = self.ends


def lex(source: Source, problems: Problems, start: int = 0, end: int | None = None, resync: bool = False) -> Tokens:
    """The tokens of `source.text[start:end]`.

    With `resync` a declaration at the left margin closes every bracket that is still open, and says so: that is how a
    missing brace costs one message and not the rest of the file.
    """
    tokens = Tokens(source.text)
    lexer = _Lexer(source, problems, tokens, resync)
    lexer.run(start, len(source.text) if end is None else end)
    return tokens


class _Lexer:
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
                if self.resync and brackets and word in _DECLARATIONS:
                    self._left_margin(start)
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
            else:
                kind = _BY_GROUP[group]  # type: ignore[index]
                if group == _INT and at - start > 18:
                    self._large(start, at)
            add_kind(kind)
            add_start(start)
            add_end(at)

    def _pop(self) -> None:
        self.tokens.kinds.pop()
        self.tokens.starts.pop()
        self.tokens.ends.pop()

    def _add(self, kind: int, start: int, end: int) -> None:
        self.tokens.kinds.append(kind)
        self.tokens.starts.append(start)
        self.tokens.ends.append(end)

    def _close(self, mark: str) -> None:
        """Forget the bracket that `mark` closes, and whatever was left open inside it."""
        opener = _CLOSE[mark]
        if self.brackets and self.brackets[-1][0] == opener:
            self.brackets.pop()
        elif any(b == opener for b, _ in self.brackets):
            while self.brackets.pop()[0] != opener:
                pass

    def _left_margin(self, start: int) -> None:
        """In recovery: a declaration at column one, so every bracket still open was forgotten."""
        if start and self.source.text[start - 1] != "\n":
            return
        self._close_all(start)
        if self.tokens.kinds and self.tokens.kinds[-1] != _SEP:
            self._add(_SEP, start, start)

    def _close_all(self, at: int) -> None:
        """Report the outermost open bracket, and put in the marks that close all of them (of no width)."""
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
        """The terminal of a hole; outside of forms it is reported, and read on as a name."""
        text = self.source.text[start:end]
        if self.source.path.startswith(FORMS):
            return TERMINALS["SPLICE" if "." in text else "HOLE"]
        self.problems.add("hole-outside-form", Span(self.source, start, end), text=text, name=text.lstrip("$."))
        return _NAME

    def _large(self, start: int, end: int) -> None:
        """Report an int beyond 64 bits."""
        digits = self.source.text[start:end].replace("_", "")
        if len(digits) > 19 or int(digits) >= 1 << 63:
            self.problems.add("number-too-large", Span(self.source, start, end), text=digits)

    def _bad(self, at: int, stop: int) -> int:
        """Report what is no token, and return where to go on."""
        text = self.source.text
        while at < stop and text[at] in " \t\r\f":
            at += 1
        if text[at] == "#":
            return text.find("\n", at, stop) if "\n" in text[at:stop] else stop
        if text[at] == '"' or text.startswith('r"', at):
            return self._unclosed_string(at, stop)
        number = re.compile(r"[0-9][A-Za-z0-9_.]*").match(text, at, stop)
        if number:
            self.problems.add("bad-number", Span(self.source, at, number.end()), text=number.group())
            self._add(TERMINALS["INT"], at, at + 1)
            return number.end()
        end = at + 1
        while end < stop and text[end] == text[at]:
            end += 1
        self.problems.add("bad-character", Span(self.source, at, end), character=text[at])
        return end

    def _unclosed_string(self, at: int, stop: int) -> int:
        text = self.source.text
        quote = '"""' if text.startswith(('"""', 'r"""'), at) else '"'
        end = stop
        if quote == '"':
            newline = text.find("\n", at, stop)
            end = stop if newline < 0 else newline
        self.problems.add("unclosed-string", Span(self.source, at, min(end, at + 40)), quote=quote)
        self._add(TERMINALS["STRING"], at, end)
        return end

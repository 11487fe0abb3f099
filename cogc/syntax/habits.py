"""Remedies for phrases that other languages write in another way: `remedy(...)` looks at the tokens around a mistake."""

from __future__ import annotations

from typing import NamedTuple

from cogc.diagnostics.habits import IN_TESTS, STATEMENTS
from cogc.diagnostics.suggest import nearest, suggestion
from cogc.language.attributes import ATTRIBUTES, EXECUTORS, LEVELS, PROVIDERS
from cogc.language.builtins import FUNCTIONS
from cogc.syntax.tables import KEYWORDS

_ASSIGNING = "+-*/%"
_NAME_RULE = "a name consists of letters, digits and `_`: `{}_{}`"
_BEGINS = ("", "\n", "{", "}", ";")
_ENDS = ("\n", ";", "}")
_BEFORE_VALUES = ("=", "<-", ":", "(", ",", "[")
"""The marks behind which a value stands."""
_JUDGING = ("==", "!=", "<", "<=", ">", ">=", "and", "or", "is", "in", "not")
_CONDITIONS = ("when", "if", "expect", "and", "or", "not")
_VALUE = tuple('0123456789"-')
_CONST = "write `let NAME = ...` for a value of this body"
_TIMED = ("every", "after", "timeout", "debounce", "within", "per")
_HEADS = frozenset(
    (
        "listen",
        "transmit",
        "enact",
        "state",
        "create",
        "link",
        "on",
        "supervise",
        "coglet",
        "mixin",
        "program",
        "agent",
        "team",
        "plan",
    )
)
"""The words with which members and declarations with a name begin."""
_NAMING = _HEADS | {"const", "type", "model", "mcp", "dod", "sett", "queue", "test", "let"}
_NAMED_BY_EQUALS = ("let", "const", "state", "type", "create", "model", "queue", "dod", "plan", "coglet", "mcp")
_BEHIND_HEADS = ("as", "when", "with", "for", ":", "=", "{", "(", ".", "->")
_LAMBDAS = ("lambda", "fn", "function", "func", "fun", "def")


class Around(NamedTuple):
    """The surroundings of a mistake, and what could stand in its place.

    `texts` are the texts of the two tokens before the mistake, of itself and of the two behind it; `touches` says whether
    its neighbours touch it; `bracket` is the innermost open bracket, `head` the third token before, `line` the tokens of its phrase before it, from the
    end of the line, the `{` or the `;` in front of them on. The others say whether a name, an expression, a `:`
    or a step of a test could stand here, whether the mistake is behind the first word of a statement, and whether what could stand here is a value.
    """

    texts: list[str]
    touches: tuple[bool, bool]
    bracket: str
    head: str
    line: tuple[str, ...]
    name: bool
    expression: bool
    colon: bool
    step: bool
    statement: bool
    value: bool


def remedy(at: Around) -> tuple[str, int] | None:
    """Return what to write, and how many tokens before the mistake its cause is. None if no habit fits."""
    far, before, text, after, _ = at.texts
    if "//" in at.line and before.isidentifier() and text.isidentifier() and not at.expression:
        return "a comment begins with `#`", len(at.line) - at.line.index("//")
    if text == "if" and at.expression:
        return "write `a if condition else b`", 0
    if text == "\n" and far == ":" and before[:1] in _VALUE:  # `const A : 3`
        return "write `=` before a value; `: TYPE` stands in front of it", 2
    if far == "log" and text in ("}", "\n") and before in LEVELS and at.expression:
        return f"a value is missing: `log {before} VALUE`", 0
    if at.head == "log" and before == "(" and text == ")":
        return f"the level stands first: `log info {far}()`", 3
    if far == "log" and text in ("}", "\n") and before.isidentifier() and at.expression:
        return f"the level stands first: `log info {before}`", 1
    if before == "log" and (text == "(" or text[:1] == '"'):
        return "the level stands first: `log info ...`", 0
    if (found := _header(at)) is not None:
        return found
    if text == "-" and before in _TIMED and after[:1].isdigit():
        return "a number here is never negative: remove the `-`", 0
    if before == "shell" and text[:1] == '"':
        words = text.strip('"').split()
        return "a command is a list of words: `[" + ", ".join(f'"{w}"' for w in words) + "]`", 0
    if text == "cog" and after == ":":
        return "this is the YAML notation: give the file the suffix `.yml`", 0
    if at.statement and at.bracket == "{" and text in _JUDGING and before != "=" and after not in ("<", ">", "="):
        path = "".join(at.line)
        other = f", or `{path} = {after}` to set a state" if text == "==" else ""
        return f"a condition stands behind `if`: `if {path} {text} ... {{ ... }}`{other}", 0
    if (found := _value_of_other(at)) is not None:
        return found
    if before == "import" and text.isidentifier():
        return 'write the path in quotes: `import "file.cog"`', 0
    if at.statement and before == "const" and text.isidentifier():
        return _CONST, 1
    if before in _LAMBDAS and text.isidentifier() and (at.bracket == "(" or far in ("=", "<-")):
        return "there are no functions as values: write `[f(x) for x in xs]`, or declare a `program`", 1
    begins = far in _BEGINS or before in _BEGINS
    operators = _operators(at.texts, at.touches, begins, at.bracket, at.colon, at.line)
    if operators is not None:
        return operators
    if before == text and before in _NAMING and after.isidentifier():
        return f"`{before}` stands here twice: remove one of them", 0
    if far == before and before in _NAMING and text.isidentifier():
        return f"`{before}` stands here twice: remove one of them", 1
    if before == text == "{" and (far in _BEFORE_VALUES or after.isidentifier()):
        return 'a template stands in quotes: `"{{ name }}"`; a value needs no braces', 1
    if text in _ENDS and before in STATEMENTS and far in _BEGINS and not at.colon:
        return STATEMENTS[before], 1
    table = IN_TESTS if at.step else STATEMENTS
    if text in table and before in _BEGINS and not at.name:
        return table[text], 0
    if at.statement and before == "send" and text.isidentifier():
        return f"send with `{text} <- VALUE`: remove `send`", 1
    if (
        before in ("guide", "log", "stop", "restart", "send")
        and text.isidentifier()
        and far not in (*_BEGINS, "->", ":", "|")
    ):
        return f"`{before}` is a statement of its own, and has no value", 1
    begins_word = text[:1].isalnum() or text[:1] in ('"', "_")
    if before in STATEMENTS and far in _BEGINS and begins_word and not at.colon:
        return STATEMENTS[before], 1
    keyless = at.colon and at.bracket != "[" and begins_word and before.isidentifier() and before != text
    if keyless and not _is_head(before, text, after):
        return f"a `:` is missing: `{before}: {text}`", 0
    if before == "await" and text.isidentifier():
        return "`await` waits in a body: `let x = await CHANNEL`", 1
    if before.isidentifier() and text == "-" and after.isidentifier() and at.touches == (True, True):
        return None if at.expression else (_NAME_RULE.format(before, after), 0)
    if text[:1] == '"' and before in ("f", "b", "u", "F", "fr", "rb", "t", "s") and at.touches[0]:
        return "remove the letter: every string with `{{ name }}` is a template", 1
    if at.statement and text == "{" and at.bracket == "{" and at.line and not at.name:
        return f"a block stands behind a word such as `if`: `if {''.join(at.line)} {{ ... }}`", 0
    if text == "]" and before == "[" and at.value:
        return (
            (f"an index stands between the brackets: `{far}[0]`", 0) if far[-1:].isalnum() or far[-1:] in ")]" else None
        )
    return _types(at.texts, at.head)


def _is_head(before: str, text: str, after: str) -> bool:
    """Return whether a member or a declaration begins with these words: it is no key without its `:`."""
    return before in _HEADS and text.isidentifier() and after in _BEHIND_HEADS


def _header(at: Around) -> tuple[str, int] | None:
    """Return the remedy for a mistake in the words in front of a body, a value or a task."""
    far, before, text, after, _ = at.texts
    first = at.line[0] if at.line else ""
    if first == "link" and text == "<-":
        return "a link leads from who sends to who listens: `link FROM -> TO`", 0
    if text in ("\n", "") and before == ")" and at.line[2:3] == ("(",) and at.line[4:5] == (":",):
        if at.line[3] in ATTRIBUTES.get(first, ()):
            return f"attributes stand in braces: `{first} {at.line[1]} {{ {at.line[3]}: ... }}`", len(at.line) - 2
    if first == "step" and ":" not in at.line and "{" not in at.line:
        return _step(at, before, text, after)
    if at.colon and at.bracket == "{" and text in ("by", "after") and before.isidentifier() and after.isidentifier():
        return f"a step begins with `step`: `step {before} {text} ...`", 1
    if at.colon and at.bracket == "{" and after in ("by", "after") and before.isidentifier() and text.isidentifier():
        return f"a step begins with `step`: `step {text} {after} ...`", 1
    if before == "test" and text.isidentifier() and far in _BEGINS:
        return f'the name of a test stands in quotes: `test "{text}"`', 0
    if before in QUOTED and far != "." and text[:1] == '"' and text[1:-1].isidentifier() and not at.expression:
        return f"a name stands without quotes: `{before} {text[1:-1]}`", 0
    if before.isdecimal() and text in UNITS and first in ("every", "after", "on"):
        return f"a duration is one word: `{before}{UNITS[text]}`", 0
    if before == "every" and text[:1] == '"':
        return 'write a duration, `every 10s`, or a time of day, `every 1d at "08:00"`', 0
    if first == "program" and before == ")" and text.isidentifier() and after == "=":
        return f"the type of the result stands behind an arrow: `-> {text}`", 0
    if first in ("program", "export") and "=" in at.line:
        return _executor(at.line, before, text)
    if far == "=" and before in PROVIDERS and text == "(":
        return f"write the name of the model alone: `{before} {after}`", 0
    if at.head == "model" and before == "=" and text[:1] == '"':
        return "name the provider first: `anthropic " + text.replace("anthropic/", "") + "`", 0
    if before == "judge" and text[:1] == '"':
        return f"name the model that judges: `judge MODEL {text}`", 0
    return None


UNITS = {
    **dict.fromkeys(("ms", "millis", "milliseconds"), "ms"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("w", "week", "weeks"), "w"),
}
QUOTED = (
    "listen",
    "transmit",
    "state",
    "enact",
    "create",
    "coglet",
    "mixin",
    "type",
    "const",
    "program",
    "model",
    "queue",
)
"""The words behind which a name stands that has no quotes."""


def _step(at: Around, before: str, text: str, after: str) -> tuple[str, int] | None:
    """Return the remedy for a mistake in front of the task of a step of a plan."""
    words = at.line
    if text == "and" and "after" in words:
        return f"several steps stand behind `after` with commas: `{before}, {after}`", 0
    if text == "[" and before == "after":
        return "steps stand behind `after` without brackets: `after a, b`", 0
    if text[:1] == '"' and before == "after":
        return f"a step is named without quotes: `after {text[1:-1]}`", 0
    if text == "by" and "after" in words:
        return "`by AGENT` stands in front of `after STEP`", 0
    if text in ("depends_on", "depends", "needs", "requires", "dependsOn", "follows"):
        return f"write `after {after}`", 0
    if text in ("with", "using", "agent", "for", "from") and "by" not in words:
        return f"write `by {after}`", 0
    if text == "=" and (before.isidentifier() or before == "}"):
        return f"a `:` stands before the task: `{before}: {after}`", 0
    if text.isidentifier() and not at.expression:
        return "a step is written `step NAME by AGENT after STEPS { ... }: TASK`", 0
    return None


def _executor(line: tuple[str, ...], before: str, text: str) -> tuple[str, int] | None:
    """Return the remedy for the value of a program that names no executor."""
    behind = line[len(line) - 1 - line[::-1].index("=") + 1 :] if line[-1:] != ("=",) else ()
    if len(behind) > 1 and behind[0] not in EXECUTORS and (near := nearest(behind[0], EXECUTORS)) is not None:
        return suggestion(near), len(behind)
    if not behind and (text[:1] in ('"', "[", "{", "(", "-") or text.isdecimal()):
        word = "template" if text[:1] == '"' and "{{" in text else "expr"
        return f"a program says how it is carried out: `= {word} ...`", 0
    if (
        len(behind) == 1
        and before.isidentifier()
        and text in ("+", "-", "*", "/", "%", "(", ".", "==", "<", ">", "??", "if")
    ):
        return f"a program says how it is carried out: `= expr {before} {text} ...`", 1
    return None


def _value_of_other(at: Around) -> tuple[str, int] | None:
    """Return the remedy for a phrase inside of a body that other languages write in another way."""
    far, before, text, after, _ = at.texts
    if text == ".." and before[:1].isalnum():
        return f"write `range({before}, {after})`", 0
    if before == "for" and text == "(":
        return "write `for x in xs { ... }`, without parentheses", 0
    if far == "let" and text == ":":
        return f"a `let` has no type: `let {before} = ...`", 0
    if far == "let" and before == "mut":
        return "what changes is a state: `state NAME: TYPE = ...` in the coglet", 1
    if text == "(" and far == "await":
        return "a call waits by itself: remove `await`, which waits for a channel", 2
    if before == "new" and text.isidentifier() and not at.colon:
        return "remove `new`", 1
    if before == "." and far[-1:] == '"' and text[:1] == '"':
        return "strings are joined with `+`", 1
    if text in ("div", "mod", "rem") and not at.expression and not at.name:
        return "write `//`" if text == "div" else "write `%`", 0
    if (
        before in FUNCTIONS
        and (text.isidentifier() or text[:1] in '"[')
        and not at.colon
        and not at.expression
        and far not in (*_BEGINS, "->", ":", "|")
    ):
        return f"arguments stand in parentheses: `{before}({text})`", 0
    if text == "." and after[:1].isdigit() and at.expression:
        return f"write `0.{after}`", 0
    if text == "<" and after == "<":
        return f"send with `<-`: `{before} <- ...`", 0
    if (
        far == "on"
        and before.isidentifier()
        and before not in ("as", "on", text)
        and text.isidentifier()
        and text not in KEYWORDS
        and after in ("{", "when", "->")
    ):
        return f"write `on {before} as {text}`", 0
    return None


def _operators(
    texts: list[str], adjacent: tuple[bool, bool], begins: bool, bracket: str, colon: bool, line: tuple[str, ...]
) -> tuple[str, int] | None:
    """Return the remedy for an operator of another language."""
    _, before, text, after, _ = texts
    if text == "//" or (text == "-" and after == "-" and before in _BEGINS):
        return "a comment begins with `#`", 0
    if text == "not" and before == "is":
        return "write `x != null`, or `not (x is TYPE)`", 0
    if text == "/" and after == "*":
        return "a comment begins with `#`, and ends with its line", 0
    if text in _ASSIGNING and after == "=" and adjacent[1]:
        return f"write `{before} = {before} {text} ...`", 0
    if text in "+-" and after == text and adjacent[1]:
        return f"write `{before} = {before} {text} 1`", 0
    if text == "->" and before.isidentifier() and bracket == "{" and begins:
        return f"send with `<-`: `{before} <- {after}`", 0
    if text == "->" and bracket == "{":
        return "send with `<-`: `channel <- value`", 0
    if text in ("==", "=") and before == "not":
        return "write `!=`", 1
    if text == "=" and before == "==":
        return "compare with `==`", 0
    if text == "=" and after == ">" and adjacent[1] and before.isidentifier() and bracket == "(":
        return "there are no functions as values: write `[f(x) for x in xs]`, or declare a `program`", 0
    if text == ">" and before in ("=", "<"):
        return ("compare with `!=`" if before == "<" else "write `->`, or `:` in a record"), 0
    if text == "=" and after == ">" and adjacent[1]:
        return "write `->`, or `:` in a record", 0
    if text == "=" and before == ":":
        return "write `let NAME = VALUE`, or `NAME = VALUE` for a state", 0
    if text == "|" and "|" in (before, after):
        return "write `or`", 0
    if text == "*" and "*" in (before, after):
        return "there is no power: multiply with `*`", 0
    if text == ":" and after == "=" and adjacent[1]:
        return "write `let NAME = VALUE`, or `NAME = VALUE` for a state", 0
    if text == "?" and after == "." and adjacent[1]:
        return f"there is no `?.`: test `{before} != null` first, or give a value with `??`", 0
    if text == "?" and after not in ("", "\n", ","):
        return "write `a if condition else b`", 0
    return _equals(texts, bracket, colon, line) if text in ("=", ":") else None


def _equals(texts: list[str], bracket: str, colon: bool, line: tuple[str, ...]) -> tuple[str, int] | None:
    """Return the remedy for `=` or `:` in a place that wants the other one."""
    far, before, text, after, _ = texts
    if text == ":":
        return None
    if bracket == "{" and (far == "." or before == "]") and line[:1] == ("send",):
        return f"send with `<-`: `{before} <- {after}`", 0
    if any(word in _CONDITIONS for word in line):
        return "compare with `==`; `=` sets a state, as a statement of its own", 0
    if bracket == "{" and far == "." and line[:1] == ("self",) and len(line) == 3:
        return f"a state is set by its name alone: `{before} = {after}`", 3
    if bracket == "{" and (far == "." or before == "]"):
        return "a part of a state is not set by itself: set the state as a whole, `STATE = ...`", 0
    if before in _NAMED_BY_EQUALS and not colon:
        return f"a name is missing: `{before} NAME = ...`", 0
    if far == "state" and before.isidentifier():
        value = after if after[:1].isalnum() or after[:1] == '"' else "..."
        return f"a state has a type: `state {before}: {_type_of(after)} = {value}`", 0
    if bracket == "(" and before.isidentifier():
        return f"a named argument is written with a colon, `{before}: {after}`", 0
    if bracket == "{" and before.isidentifier():
        return (
            f"write `{before}: {after}` for an attribute or a field; `==` compares; a state is set by a statement",
            0,
        )
    return "compare with `==`; `=` sets a state, as a statement of its own", 0


def _type_of(value: str) -> str:
    """Return the type of a value that is one token, or `TYPE`."""
    if value.isdecimal():
        return "int"
    if value in ("true", "false"):
        return "bool"
    return "string" if value[:1] == '"' else "TYPE"


def _types(texts: list[str], head: str) -> tuple[str, int] | None:
    """Return the remedy for a type that is written in another way."""
    far, before, text, _, _ = texts
    if text == "]" and before == "[" and far.isidentifier():
        return f"a list of these is written `[{far}]`", 0
    if text == "<" and before in ("list", "List", "Array", "array", "Vec", "set", "Set"):
        return "a list is written `[T]`, for example `[string]`", 0
    is_pair = text == "," and far == "[" and head in ("map", "Map", "dict", "Dict", "Mapping", "Record")
    if is_pair or (text == "<" and before in ("map", "Map", "dict", "Dict", "HashMap")):
        return "a map from strings is written `map[T]`, for example `map[int]`", 0
    return None


def template(text: str) -> str | None:
    """Return an f-string as a template; None where it has formats, or braces that stand for themselves."""
    pieces: list[str] = []
    rest = text
    while "{" in rest:
        before, _, rest = rest.partition("{")
        inner, closing, rest = rest.partition("}")
        if not closing or not inner or any(c in inner for c in '{:!="') or rest.startswith("}"):
            return None
        pieces += [before, "{{ ", inner.strip(), " }}"]
    return None if "}" in rest else "".join([*pieces, rest])


def quoted(text: str) -> str | None:
    """Return a string of another language, in its quotes, as one in double quotes."""
    body = text[1:-1]
    if text.startswith("'''"):
        return f'"""{text[3:-3]}"""' if '"""' not in text else None
    if text[0] == "`" and "${" in body:
        made = template(body.replace("${", "{"))
        if made is None:
            return None
        body = made
    body = body.replace("\\'", "'").replace('\\"', '"').replace('"', '\\"')
    return f'"{body}"'

"""Edits for phrases of other languages: what to write in their place, from the tokens around a mistake.

In: `Phrase`, the tokens of a text, and the index of the token that no rule expects. Out: the edits that mend the mistake, none
where more than one thing could be meant. `habits.remedy` has the words for the same mistakes.

Most rewrites change one token. Two take in more: a value behind `+=` gets brackets, since `x -= a - b` is no `x - a - b`,
and `c ? a : b` changes its order.
"""

from __future__ import annotations

from cogc.diagnostics.edits import Edit
from cogc.diagnostics.source import Source, Span
from cogc.language.attributes import LEVELS
from cogc.language.texts import is_duration
from cogc.syntax.habits import QUOTED, UNITS, template
from cogc.syntax.tables import KEYWORDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cogc.diagnostics.edits import Applicability
    from cogc.syntax.lexer import Tokens

    Edits = tuple[Edit, ...]

_OPEN, _CLOSE = "([{", ")]}"
_STARTS = ("=", "<-", "(", "[", "{", ",", ":", ";", "\n", "if", "when", "in", "for", "expect", "info", "warn", "error", "debug", "fail", "")  # fmt: skip
_LISTS = ("list", "List", "Array", "array", "Vec", "vec", "set", "Set", "Sequence", "Iterable")
_MAPS = ("map", "Map", "dict", "Dict", "HashMap", "Record", "Mapping", "hash")
_OPTIONS = ("Optional", "Option", "Maybe")
_TYPES = {
    "str": "string", "String": "string", "integer": "int", "Integer": "int", "boolean": "bool", "Boolean": "bool",
    "Any": "any", "object": "any", "double": "float", "Double": "float", "i64": "int", "i32": "int", "f64": "float",
}  # fmt: skip
_WORDS = {
    "elif": "else if", "elsif": "else if", "elseif": "else if", "raise": "fail", "throw": "fail", "actor": "coglet",
    "process": "coglet", "receive": "listen", "input": "listen", "emits": "transmit", "connect": "link", "spawn": "create",
    "var": "let", "val": "let", "auto": "let", "mut": "let", "const": "let", "int": "let", "float": "let",
    "string": "let", "bool": "let", "static": "let", "final": "let", "require": "import", "include": "import",
    "from": "import", "use": "import", "using": "import",
}  # fmt: skip
"""Words of other languages that stand for one word here."""
_REMOVED = ("export", "public", "pub", "async")
_PRINTED = ("print", "println", "printf", "echo", "puts")


class Phrase:
    """The tokens of a text, with their texts and their places in the file."""

    def __init__(self, source: Source, tokens: Tokens) -> None:
        self.source = source
        self.tokens = tokens
        self.count = len(tokens.kinds)

    def text(self, at: int) -> str:
        """Return the text of a token, or an empty text beyond the ends."""
        if not 0 <= at < self.count:
            return ""
        return self.tokens.text[self.tokens.cut_starts[at] : self.tokens.cut_ends[at]]

    def slice(self, first: int, last: int) -> str:
        """Return the text from one token to another."""
        return self.tokens.text[self.tokens.cut_starts[first] : self.tokens.cut_ends[last]]

    def put(self, first: int, last: int, text: str, certain: Applicability = "safe") -> Edits:
        """Return the edit that replaces tokens. There is none where a file in YAML spells them otherwise."""
        if first < 0 or last >= self.count:
            return ()
        span = Span(self.source, self.tokens.starts[first], self.tokens.ends[last])
        if self.source.text[span.start : span.end] != self.slice(first, last):
            return ()
        return (Edit(span, text, certain),)

    def close(self, at: int, text: str) -> Edits:
        """Return the edit that replaces a token and the blanks before it."""
        return self.put(at - 1, at, self.text(at - 1) + text)

    def drop(self, at: int) -> Edits:
        """Return the edit that removes a token and the blanks behind it."""
        edits = self.put(at, at, "")
        start = self.tokens.ends[at]
        end = start
        while edits and self.source.text[end : end + 1] in (" ", "\t"):
            end += 1
        return (*edits, *((Edit(Span(self.source, start, end), "", "safe"),) if end > start else ())) if edits else ()

    def back(self, at: int) -> int:
        """Return the first token of the expression that ends before a token."""
        depth = 0
        while at > 0:
            word = self.text(at - 1)
            if word in ("\n", ";", ""):
                break
            if word in _CLOSE:
                depth += 1
            elif word in _OPEN and not depth:
                break
            elif word in _OPEN:
                depth -= 1
            elif not depth and word in _STARTS:
                break
            at -= 1
        return at

    def line(self, at: int) -> int:
        """Return the first token of the phrase that a token stands in."""
        while at > 0 and self.text(at - 1) not in ("\n", ";", "{", "}"):
            at -= 1
        return at

    def ahead(self, at: int, stops: tuple[str, ...] = ()) -> int:
        """Return the token behind the expression that begins at a token."""
        depth = 0
        while at < self.count - 1:
            word = self.text(at)
            if word in _OPEN and word:
                if word == "{" and not depth and "{" in stops:
                    break
                depth += 1
            elif word in _CLOSE and word:
                if not depth:
                    break
                depth -= 1
            elif not depth and (word in ("\n", ";", ",") or word in stops):
                break
            at += 1
        return at


def rewrite(phrase: Phrase, at: int, blamed: int) -> Edits:
    """Return the edits for a token that no rule expects; `blamed` is the token that is the cause."""
    found = _header(phrase, at) or _value(phrase, at) or _operator(phrase, at)
    if found:
        return found
    if phrase.text(blamed) in _WORDS or phrase.text(blamed) in (*_REMOVED, *_PRINTED, "unless"):
        found = _word(phrase, blamed)
    return found or _type(phrase, at) or _string(phrase, at)


def _header(phrase: Phrase, at: int) -> Edits:
    """Return the edit for a mistake in the words in front of a body, a value or a task."""
    before, text, after = (phrase.text(i) for i in (at - 1, at, at + 1))
    first = phrase.text(phrase.line(at))
    if first == "step":
        return _step(phrase, at)
    if text in ("by", "after") and first == before and before.isidentifier() and after.isidentifier():
        return phrase.put(at - 1, at - 1, f"step {before}")
    if after in ("by", "after") and before.isidentifier() and text.isidentifier() and first == before:
        return phrase.put(at - 1, at - 1, "step")
    if before == "test" and text.isidentifier():
        return phrase.put(at, at, f'"{text}"')
    if before in QUOTED and phrase.text(at - 2) != "." and text[:1] == '"' and text[1:-1].isidentifier():
        return phrase.put(at, at, text[1:-1])
    if first in ("every", "after") and before.isdecimal() and text in UNITS:
        return phrase.put(at - 1, at, f"{before}{UNITS[text]}")
    if before in ("every", "after") and text[:1] == '"' and is_duration(text[1:-1]):
        return phrase.put(at, at, text[1:-1])
    if first == "program" and before == ")" and text.isidentifier() and after == "=":
        return phrase.put(at, at, f"-> {text}")
    if first == "program" and phrase.text(at - 2) == "=" and before.isidentifier() and text not in ('"', "[", "{"):
        return phrase.put(at - 1, at - 1, f"expr {before}")
    if first == "link" and text == "=" and after == ">":
        return phrase.put(at, at + 1, "->")
    if first in ("on", "enact") and text == "if":
        return phrase.put(at, at, "when")
    is_channel = phrase.text(at - 2) == "on" and before.isidentifier() and before not in ("as", "on", text)
    if is_channel and text.isidentifier() and text not in KEYWORDS and after in ("{", "when", "->"):
        return phrase.put(at, at, f"as {text}")
    return phrase.put(at, at, "<-") if first == "send" and text == "=" else ()


def _step(phrase: Phrase, at: int) -> Edits:
    """Return the edit for a mistake in front of the task of a step of a plan."""
    text = phrase.text(at)
    if text in ("depends_on", "depends", "needs", "requires", "dependsOn", "follows"):
        return phrase.put(at, at, "after", "unsafe")
    if text in ("with", "using", "agent"):
        return phrase.put(at, at, "by", "unsafe")
    if text == "and":
        return phrase.close(at, ",")
    return phrase.close(at, ":") if text == "=" else ()


def _value(phrase: Phrase, at: int) -> Edits:
    """Return the edit for a phrase inside of a body."""
    far, before, text, after = (phrase.text(i) for i in (at - 2, at - 1, at, at + 1))
    if phrase.text(at - 3) == "log" and before == "(" and text == ")":
        return phrase.put(at - 3, at - 3, "log info")
    if before == "log" and text[:1] == '"':
        return phrase.put(at - 1, at - 1, "log info")
    if far == "log" and text in ("}", "\n") and before.isidentifier() and before not in LEVELS:
        return phrase.put(at - 2, at - 2, "log info")
    if text == ".." and before[:1].isalnum() and after[:1].isalnum():
        return phrase.put(at - 1, at + 1, f"range({before}, {after})")
    if before == "new" and text.isidentifier():
        return phrase.drop(at - 1)
    if text == "=" and far == "." and phrase.text(at - 3) == "self" and phrase.line(at) == at - 3:
        return phrase.put(at - 3, at - 1, before)
    if far == "let" and text == ":":
        value = phrase.ahead(at + 1, ("=",))
        return phrase.put(at - 1, value, f"{before} =", "unsafe") if phrase.text(value) == "=" else ()
    return ()


def missing_colon(phrase: Phrase, at: int) -> Edits:
    """Return the edit that puts the `:` behind a key."""
    return phrase.put(at - 1, at - 1, phrase.text(at - 1) + ":")


def missing_comma(phrase: Phrase, at: int) -> Edits:
    """Return the edit that puts a `,` in front of a name."""
    return phrase.put(at - 1, at - 1, phrase.text(at - 1) + ",")


def joined(phrase: Phrase, at: int) -> Edits:
    """Return the edit that writes a name with `_` where it has `-`."""
    last = at + 1
    while phrase.text(last + 1) == "-" and phrase.text(last + 2).isidentifier():
        last += 2
    return phrase.put(at - 1, last, phrase.slice(at - 1, last).replace("-", "_"))


def _operator(phrase: Phrase, at: int) -> Edits:
    before, text, after = (phrase.text(i) for i in (at - 1, at, at + 1))
    begins = phrase.text(at - 2) in ("", "\n", "{", "}", ";")
    if text in ("//", "--") or (text == "-" and after == "-" and before in ("", "\n", "{", "}", ";")):
        return phrase.put(at, at + (text == "-"), "#")
    if text in "+-*/%" and text and after == "=" and before.isidentifier() and begins:
        return _assigned(phrase, at)
    if text in "+-" and text and after == text and before.isidentifier() and begins:
        return phrase.put(at - 1, at + 1, f"{before} = {before} {text} 1")
    if text == "->" and before.isidentifier() and begins:
        return phrase.put(at, at, "<-")
    if text == "=" and before in ("==", "!="):
        return phrase.put(at, at, "")
    if text == ">" and before == "<":
        return phrase.put(at - 1, at, "!=")
    if text == "|" and before == "|":
        return phrase.put(at - 1, at, "or")
    if text == "|" and after == "|":
        return phrase.put(at, at + 1, "or")
    if text == "?":
        return _conditional(phrase, at)
    if text == ":" and after == "=" and before.isidentifier() and begins:
        return (*phrase.put(at - 1, at - 1, f"let {before}", "unsafe"), *phrase.put(at, at + 1, "=", "unsafe"))
    return _equals(phrase, at) if text == "=" else ()


def _equals(phrase: Phrase, at: int) -> Edits:
    """Return the edit for an `=` that is meant as `==` or as `:`."""
    first = phrase.back(at)
    if phrase.text(first - 1) in ("if", "when", "expect") or phrase.text(at - 2) in ("and", "or", "not"):
        return phrase.put(at, at, "==")
    opener = first - 1
    if phrase.text(at - 1).isidentifier() and first == at - 1 and phrase.text(opener) in ("(", ",", "{", "\n", ";"):
        return phrase.close(at, ":")
    return ()


def _assigned(phrase: Phrase, at: int) -> Edits:
    """Return the edits for `x += value`."""
    name, operator = phrase.text(at - 1), phrase.text(at)
    end = phrase.ahead(at + 2)
    if end <= at + 2:
        return ()
    plain = all(phrase.text(i).isidentifier() or phrase.text(i) == "." for i in range(at + 2, end)) or end == at + 3
    if plain:
        return phrase.put(at, at + 1, f"= {name} {operator}")
    first, last = phrase.text(at + 2), phrase.text(end - 1)
    head = phrase.put(at, at + 2, f"= {name} {operator} ({first}")
    tail = phrase.put(end - 1, end - 1, f"{last})")
    return (*head, *tail) if head and tail and end - 1 > at + 2 else ()


def _conditional(phrase: Phrase, at: int) -> Edits:
    """Return the edit for `condition ? a : b`."""
    first, colon = phrase.back(at), phrase.ahead(at + 1, (":",))
    if first >= at or phrase.text(colon) != ":" or colon == at + 1:
        return ()
    end = phrase.ahead(colon + 1, ("{",))
    if end <= colon + 1:
        return ()
    condition, yes, no = phrase.slice(first, at - 1), phrase.slice(at + 1, colon - 1), phrase.slice(colon + 1, end - 1)
    return phrase.put(first, end - 1, f"{yes} if {condition} else {no}")


def _word(phrase: Phrase, at: int) -> Edits:
    """Return the edit for a word with which a phrase begins in other languages."""
    word, after = phrase.text(at), phrase.text(at + 1)
    if phrase.text(at - 1) not in ("", "\n", "{", "}", ";", ","):
        return ()
    if word in _REMOVED:
        return phrase.drop(at)
    if word in _PRINTED:
        end = phrase.ahead(at + 1)
        return phrase.put(at, at, "log info") if end > at + 1 and after != "(" else ()
    if word == "unless":
        end = phrase.ahead(at + 1, ("{",))
        if phrase.text(end) != "{" or end == at + 1:
            return ()
        return phrase.put(at, end - 1, f"if not ({phrase.slice(at + 1, end - 1)})")
    new = _WORDS.get(word, "")
    wants_string = new == "import"
    wants_name = new in ("let", "listen", "transmit", "coglet", "link", "create")
    if (wants_string and not after.startswith('"')) or (wants_name and not after.isidentifier()):
        return ()
    if new == "let" and phrase.text(at + 2) != "=":
        return ()
    if new in ("listen", "transmit") and phrase.text(at + 2) != ":":
        return ()
    certain: Applicability = "unsafe" if new in ("listen", "transmit", "create", "link") else "safe"
    return phrase.put(at, at, new, certain) if new else ()


def _string(phrase: Phrase, at: int) -> Edits:
    """Return the edits for a letter in front of a string."""
    letter, text = phrase.text(at - 1), phrase.text(at)
    if (
        text[:1] != '"'
        or letter not in ("f", "b", "u", "F", "t")
        or phrase.tokens.ends[at - 1] != phrase.tokens.starts[at]
    ):
        return ()
    new = text if letter in "bu" else template(text)
    return () if new is None else phrase.put(at - 1, at, new)


# ---- types ---------------------------------------------------------------------------------------------------


def _type(phrase: Phrase, at: int) -> Edits:
    text, before = phrase.text(at), phrase.text(at - 1)
    if text == "]" and before == "[" and phrase.text(at - 2).isidentifier() and phrase.text(at - 3) != ".":
        name = phrase.text(at - 2)
        return phrase.put(at - 2, at, f"[{_TYPES.get(name, name)}]")
    head = at - 1
    if text == "," and phrase.text(at - 2) == "[":
        head = at - 3
    if phrase.text(head) not in (*_LISTS, *_MAPS, *_OPTIONS):
        return ()
    made = _generic(phrase.text, head)
    return phrase.put(head, made[1], made[0]) if made is not None else ()


def _generic(text: Callable[[int], str], at: int) -> tuple[str, int] | None:
    """Return the type that other languages write with `<...>` or `[...]`, and its last token."""
    head, opener = text(at), text(at + 1)
    if not head.isidentifier():
        return None
    if opener not in ("<", "["):
        return _TYPES.get(head, head), at
    inner: list[str] = []
    at += 1
    while True:
        made = _generic(text, at + 1)
        if made is None:
            return None
        inner.append(made[0])
        at = made[1] + 1
        if text(at) != ",":
            break
    if text(at) != (">" if opener == "<" else "]"):
        return None
    return named(head, inner, at)


def named(head: str, inner: list[str], at: int = 0) -> tuple[str, int] | None:
    """Return a generic type by its name in another language."""
    if head in _LISTS and len(inner) == 1:
        return f"[{inner[0]}]", at
    if head in _MAPS and (len(inner) == 1 or inner[:-1] == ["string"]):
        return f"map[{inner[-1]}]", at
    if head in _OPTIONS and len(inner) == 1:
        return f"{inner[0]}?", at
    return None

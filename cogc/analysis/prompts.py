"""Template strings: the constructs that they may use, the names in them, and the types of those names.

Most templates only insert values (`{{ a.b }}`); these are read here. Any other template is parsed by Jinja, and the tree
is walked. This module alone uses Jinja in the checker; `language/rendering.py` renders templates.
"""

from __future__ import annotations

import re
from bisect import bisect_left

from cogc.analysis import reports
from cogc.analysis.scope import path_of
from cogc.diagnostics.source import Span
from cogc.diagnostics.suggest import did_you_mean
from cogc.language import operators, types
from cogc.language.media import type_by_name
from cogc.language.record import Record
from cogc.language.templates import FILTERS, OF_SEVERAL, TESTS
from cogc.language.texts import place
from cogc.language.types import ANY, NULL, Type
from cogc.syntax import nodes
from cogc.syntax.lexer import LARGEST_FLOAT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cogc.analysis.scope import Scope, Symbol
    from cogc.analysis.tables import Tables
    from cogc.diagnostics.problems import Problems

_SIMPLE = r"\{\{[ \t\n]*(?:([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)|file\([ ]*(\"[^\"{}]*\"|'[^'{}]*')[ ]*\))[ \t\n]*\}\}"
_JINJA_WORDS = frozenset(
    ["true", "false", "none", "True", "False", "None", "not", "loop", "range", "and", "or", "in", "is", "if", "else"]
)
_OPERATORS = {
    "Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "FloorDiv": "//", "Mod": "%", "Pow": "**",
    "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "in": "in", "notin": "not in",
}  # fmt: skip
"""The operators of templates whose operands are checked, by Jinja's names for them."""
_OPERAND = r"(?:[\w.\]\[]+|'[^'\n]*'|\"[^\"\n]*\"|[^\s{}|]?)"
_CODE_OR_NOT = r"(?s)(\{[{%].*?[}%]\})|[^{]+|\{"
"""A piece of code of a template, or of what stands around it."""
_TOO_LARGE = "a number does not fit into 64 bits"
_NEAR = 200
"""The most characters in front of an operator that a report shows."""
_TEXTUAL = frozenset(
    ["capitalize", "join", "json", "lower", "replace", "string", "title", "tojson", "trim", "truncate", "upper"]
)
_COUNTING = frozenset(["count", "int", "length", "wordcount"])
_LOOP = types.RecordOf(
    (
        *(
            types.FieldOf(name, types.INT)
            for name in ("index", "index0", "revindex", "revindex0", "length", "depth", "depth0")
        ),
        *(types.FieldOf(name, types.BOOL) for name in ("first", "last")),
        *(types.FieldOf(name, ANY) for name in ("previtem", "nextitem", "changed", "cycle")),
    ),
    open=False,
)
"""The type of `loop`, which a template knows in a `for`."""
VALUES = ("local", "parameter", "state", "const", "self")
MAX_DEPTH = 100


class Part(Record):
    """A piece of a simple template: literal text, the path of a value (then `path` is not empty), or the name of a `file`."""

    text: str
    path: tuple[str, ...]
    offset: int
    file: str = ""


def simple_parts(text: str) -> list[Part] | None:
    """Return the pieces of a template that only inserts values; None if the template does more than that."""
    if "{%" in text or "{#" in text:
        return None
    parts: list[Part] = []
    at = 0
    for found in re.finditer(_SIMPLE, text):
        if "{{" in text[at : found.start()] or "}}" in text[at : found.start()]:
            return None
        if found.start() > at:
            parts.append(Part(text[at : found.start()], (), at))
        if found.group(2) is not None:
            parts.append(Part("", (), found.start(2), found.group(2)[1:-1]))
            at = found.end()
            continue
        path = tuple(found.group(1).split("."))
        if path[0] in _JINJA_WORDS:
            return None
        parts.append(Part("", path, found.start(1)))
        at = found.end()
    if "{{" in text[at:] or "}}" in text[at:]:
        return None
    if at < len(text):
        parts.append(Part(text[at:], (), at))
    # Jinja drops one newline at the very end of a template
    if parts and parts[-1].text.endswith("\n"):
        last = parts.pop()
        if last.text[:-1]:
            parts.append(Part(last.text[:-1], (), last.offset))
    return parts


def check(
    node: nodes.Text, scope: Scope, tables: Tables, problems: Problems, const_type: Callable[[Symbol], Type]
) -> None:
    """Report every name, field and construct of a template that cannot be right."""
    names = _Names(scope, tables, problems, const_type)
    try:
        parts = simple_parts(node.value)
        if parts is None:
            _Walker(node, names).check()
            return
        for part in parts:
            if part.file:
                _check_file(node, part, scope, problems)
            if part.file or (part.path and types.holds(_check_path(node, part, names), (types.IMAGE, types.DOCUMENT))):
                tables.content.add(id(node))
    except RecursionError:
        reason = "it is nested too deep"
        problems.add("bad-template", scope.unit.span(node), reason=reason)


def _check_file(node: nodes.Text, part: Part, scope: Scope, problems: Problems) -> None:
    """Report a file that no model takes by its name, or that stands where no file can be read."""
    start = place(node.segments, part.offset)
    span = Span(scope.unit.source, start, start + len(part.file) + 2)
    if not type_by_name(part.file):
        problems.add("no-media", span, name=part.file)
    if not scope.files:
        problems.add("impure-call", span, help="a file may stand in the prompt of an `llm` program", name="file")


def _check_path(node: nodes.Text, part: Part, names: _Names) -> Type:
    start = place(node.segments, part.offset)
    name = nodes.Name(start, start + len(part.path[0]), part.path[0])
    expr: nodes.Expr = name
    found = names.variable(name)
    at = start + len(part.path[0])
    for word in part.path[1:]:
        at += 1
        field = nodes.Name(at, at + len(word), word)
        at += len(word)
        found = names.field(found, expr, field)
        expr = nodes.Field(start, at, expr, field)
    return found


class _Names(Record):
    """The names that a template can use, and their types. `const_type` infers the type of a const."""

    scope: Scope
    tables: Tables
    problems: Problems
    const_type: Callable[[Symbol], Type]

    def variable(self, name: nodes.Name) -> Type:
        """Return the type of a name of the scope, or report that the name is none of a value."""
        scope = self.scope
        symbol = scope.find(name.id)
        if symbol is not None and symbol.kind in VALUES:
            if symbol.node is not None:
                self.tables.used.add(id(symbol.node))
            self.tables.inner.append((scope.unit.source, name, symbol))
            if symbol.kind == "const":
                return self.const_type(symbol)
            return scope.narrowed.get(name.id, symbol.type)
        self.tables.unknown.append((name, scope))
        values = [v for v in scope.values() if (s := scope.find(v)) is not None and s.kind in VALUES]
        known = "known here: " + ", ".join(f"`{v}`" for v in sorted(values)) if values else "no names are known here"
        if symbol is not None:
            known = f"`{name.id}` is a {symbol.kind}; a template takes values"
        help = did_you_mean(name.id, values) if symbol is None else ""
        self.problems.add("unknown-variable", scope.unit.span(name), help=help or known, name=name.id)
        return ANY

    def field(self, base: Type, expr: nodes.Expr, field: nodes.Name) -> Type:
        """Return the type of a field of a value, or report that the value has none of that name."""
        narrowed = self.scope.narrowed
        path = path_of(expr)
        if path is not None and f"{path}.{field.id}" in narrowed:
            return narrowed[f"{path}.{field.id}"]
        inner = types.without(base, NULL)
        found = types.field_type(inner if inner != types.NEVER else base, field.id)
        if found is not None:
            return found
        self.tables.unknown.append((field, base))
        names = [f.name for m in types.members(base) if isinstance(m, types.RecordOf) for f in m.fields]
        help = did_you_mean(field.id, names) or "only records and maps have fields"
        span = self.scope.unit.span(field)
        self.problems.add("unknown-field", span, help=help, type=types.show(base), name=field.id)
        return ANY


def _depth(text: str) -> int:
    """Return how deep brackets are nested in a template. Jinja's parser exhausts the stack on deep ones, and may crash Python."""
    depth = deepest = 0
    for mark in text:
        if mark in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in ")]}":
            depth = max(0, depth - 1)
    return deepest


class _Walker:
    """Walks Jinja's tree of a template, with the types of its names."""

    def __init__(self, node: nodes.Text, names: _Names) -> None:
        self.node = node
        self.names = names
        self.lines = self._line_offsets()
        self.words = _words(node.value)
        self.behind: dict[tuple[str, str], int] = {}
        """For each kind of word and each word the place behind the last one that was looked for."""
        self.code: str | None = None
        """The template with newlines in place of what stands around its code; made for the first report of an operator."""

    def check(self) -> None:
        import jinja2

        if _depth(self.node.value) > MAX_DEPTH:
            self._wrong(1, "it is nested too deep")
            return
        environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, autoescape=False)
        try:
            tree = environment.parse(self.node.value)
        except jinja2.TemplateSyntaxError as error:
            self._refused(error.lineno, _lower(str(error.message)))
            return
        except RecursionError:
            self._wrong(1, "it is nested too deep")
            return
        except ValueError:  # Python bounds the digits of a number that is read
            longest = max(re.findall(r"[0-9_]+", self.node.value), key=len)
            self._wrong(1 + self.node.value.partition(longest)[0].count("\n"), _TOO_LARGE)
            return
        self._walk_all(tree.body, {})

    def _line_offsets(self) -> list[int]:
        offsets, at = [0], self.node.value.find("\n")
        while at >= 0:
            offsets.append(at + 1)
            at = self.node.value.find("\n", at + 1)
        return offsets

    def _refused(self, line: int, message: str) -> None:
        """Report a template that Jinja refuses: at the tag that is wrong if its form tells which it is, else by Jinja's words."""
        from cogc.analysis.template_tags import fault  # for mistakes only

        found = fault(self.node.value)
        if found is None:
            for words, mark in (("end of print statement", "}}"), ("end of statement block", "%}")):
                message = message.replace(f"'{words}'", f"`{mark}`")
            self._wrong(line, message)
            return
        start, end = place(self.node.segments, found.start), place(self.node.segments, found.end - 1) + 1
        span = Span(self.names.scope.unit.source, start, end)
        self.names.problems.add("bad-template", span, help=found.help, reason=found.reason)

    def _wrong(self, line: int, reason: str, help: str | None = None) -> None:
        start, end = self._line(line)
        span = Span(self.names.scope.unit.source, start, max(end, start + 1))
        self.names.problems.add("bad-template", span, help=help, reason=reason)

    def _wrong_word(self, kind: str, word: str, line: int, reason: str, help: str | None = None) -> None:
        """Report a word of a line."""
        span = self.names.scope.unit.span(self._find(kind, word, line))
        self.names.problems.add("bad-template", span, help=help, reason=reason)

    def _line(self, line: int) -> tuple[int, int]:
        line = max(1, min(line, len(self.lines)))
        at = self.lines[line - 1]
        end = self.lines[line] - 1 if line < len(self.lines) else len(self.node.value)
        text = self.node.value[at:end]
        lead = len(text) - len(text.lstrip())
        return place(self.node.segments, at + lead), place(self.node.segments, at + lead) + len(text.strip())

    def _find(self, kind: str, word: str, line: int) -> nodes.Name:
        """Return the next word of a kind in a line or behind it, as a name with its place; Jinja keeps no columns.

        The tree is walked in the order of the text, so that each word is looked for behind the one before it.
        """
        first = self.lines[max(0, min(line, len(self.lines)) - 1)]
        places = self.words.get((kind, word), ())
        at = bisect_left(places, max(first, self.behind.get((kind, word), 0)))
        at = at if at < len(places) else bisect_left(places, first)
        found = places[at] if at < len(places) else first
        self.behind[kind, word] = found + 1
        start = place(self.node.segments, found)
        return nodes.Name(start, start + len(word), word)

    def _walk_all(self, items: list[Any], names: dict[str, Type]) -> None:
        for item in items:
            self._statement(item, names)

    def _statement(self, item: Any, names: dict[str, Type]) -> None:
        kind = type(item).__name__
        if kind == "Output":
            for value in item.nodes:
                self._expression(value, names)
        elif kind == "For":
            self._for(item, names)
        elif kind == "If":
            self._expression(item.test, names)
            self._walk_all(item.body, names)
            for branch in item.elif_:
                self._statement(branch, names)
            self._walk_all(item.else_, names)
        elif kind == "Assign" and type(item.target).__name__ == "Name":
            self._find("name", item.target.name, item.lineno)
            names[item.target.name] = self._expression(item.node, names)
        elif kind == "With":
            inner = dict(names)
            for target, value in zip(item.targets, item.values, strict=True):
                self._bind(target, self._expression(value, names), inner)
            self._walk_all(item.body, inner)
        elif kind == "FilterBlock":
            self._walk_all(item.body, names)
        else:
            word = {"CallBlock": "call", "FromImport": "import"}.get(kind, kind.lower())
            help = "templates have `if`, `for`, `set` and filters"
            self._wrong(item.lineno, f"`{word}` may not be used", help)

    def _for(self, item: Any, names: dict[str, Type]) -> None:
        inner = {**names, "loop": _LOOP}
        self._bind(item.target, ANY, inner)
        source = self._expression(item.iter, names)
        if types.widen(source) in (types.INT, types.FLOAT, types.BOOL, types.DURATION):
            reason = f"`for` cannot go over `{types.show(source)}`"
            kind = {"Name": "name", "Getattr": "attr"}.get(type(item.iter).__name__, "name")
            word = str(getattr(item.iter, "name" if kind == "name" else "attr", "for"))
            self.behind.pop((kind, word), None)
            self._wrong_word(kind, word, item.lineno, reason, "give a list, or `range(...)`")
        if item.recursive:
            self._wrong(item.lineno, "`recursive` may not be used", "loops may be nested instead")
        inner |= _bound(item.target, types.item_type(source) or ANY)
        if item.test is not None:
            self._expression(item.test, inner)
        self._walk_all(item.body, inner)
        self._walk_all(item.else_, names)

    def _bind(self, target: Any, type_: Type, names: dict[str, Type]) -> None:
        for name, found in _bound(target, type_).items():
            self._find("name", name, target.lineno)
            names[name] = found

    def _expression(self, item: Any, names: dict[str, Type]) -> Type:
        kind = type(item).__name__
        if kind == "Name":
            name = self._find("name", item.name, item.lineno)
            if item.name in names:
                return names[item.name]
            return ANY if item.name == "range" else self.names.variable(name)
        if kind == "Getattr" or (kind == "Getitem" and isinstance(getattr(item.arg, "value", None), str)):
            word = item.attr if kind == "Getattr" else item.arg.value
            base = self._expression(item.node, names)
            place_ = self._find("attr", word, item.lineno)
            return self.names.field(base, nodes.Error(0, 0), place_)
        if kind == "Getitem":
            self._expression(item.arg, names)
            return types.item_type(self._expression(item.node, names)) or ANY
        if kind == "Filter":
            if item.name not in FILTERS:
                help = did_you_mean(item.name, FILTERS) or None
                self._wrong_word("filter", item.name, item.lineno, f"there is no filter `{item.name}`", help)
            elif item.node is not None and item.name in OF_SEVERAL:
                given = self._expression(item.node, names)
                if types.widen(given) in (types.INT, types.FLOAT, types.BOOL):
                    wrong = f"`{item.name}` takes a text or a list, not `{types.show(given)}`"
                    self._wrong_word("filter", item.name, item.lineno, wrong, "remove the filter")
            self._children(item, names)
            return types.STRING if item.name in _TEXTUAL else types.INT if item.name in _COUNTING else ANY
        if kind == "Const":
            if not _fits(item.value):
                self._wrong(item.lineno, _TOO_LARGE)
            return _type_of(item.value)
        if kind == "Concat":
            self._children(item, names)
            return types.STRING
        if kind in _OPERATORS:
            left, right = self._expression(item.left, names), self._expression(item.right, names)
            self._operation(_OPERATORS[kind], left, right, item.right, item.lineno)
            return types.STRING if kind == "Add" and types.widen(left) == types.widen(right) == types.STRING else ANY
        if kind == "Compare":
            left = self._expression(item.expr, names)
            for operand in item.ops:
                right = self._expression(operand.expr, names)
                if operand.op in _OPERATORS:
                    self._operation(_OPERATORS[operand.op], left, right, operand.expr, item.lineno)
                elif operand.op in _EQUALS:
                    self._equality(_EQUALS[operand.op], _worded(item.expr, left), _worded(operand.expr, right), item)
                left = right
            return types.BOOL
        if kind == "Test" and item.name not in TESTS:
            help = did_you_mean(item.name, TESTS) or None
            self._wrong_word("test", item.name, item.lineno, f"there is no test `{item.name}`", help)
        if kind == "Call":
            is_name = type(item.node).__name__ == "Name"
            function = str(getattr(item.node, "name" if is_name else "attr", ""))
            if not (is_name and function == "range"):
                reason, help = f"`{function}` cannot be called", "a template may call `range` and filters"
                self._wrong_word("name" if is_name else "attr", function, item.lineno, reason, help)
                return ANY
        self._children(item, names)
        return ANY

    def _operation(self, operator: str, left: Type, right: Type, divisor: Any, line: int) -> None:
        """Report operands that an operator fails for, whatever their values are, at the operator with what stands beside it."""
        start, end = self._around(operator, line)
        span = Span(self.names.scope.unit.source, start, end)
        if operator in ("/", "//", "%") and type(divisor).__name__ == "Const" and divisor.value == 0:
            self.names.problems.add("certain-failure", span, reason="division by zero")
        elif not any(_goes(operator, a, b) for a in types.members(left) for b in types.members(right)):
            a, b = types.show(left), types.show(right)
            hint = "join texts with `~`" if operator == "+" else "`int` and `float` are filters: `{{ text | int }}`"
            self.names.problems.add("bad-operands", span, hint=hint, left=a, right=b, operator=operator)

    def _equality(self, operator: str, left: Type, right: Type, item: Any) -> None:
        """Report two sides that are never equal: a text and a number, or a text and none of those that there are. For Jinja, true is 1."""
        sorts = {_sort(m) for side in (left, right) for m in types.members(side)}
        if "text" not in sorts or not sorts <= {"text", "int", "float"}:
            return
        if isinstance(operators.result("==", left, right), operators.Wrong):
            span = Span(self.names.scope.unit.source, *self._around(operator, item.lineno))
            help = reports.near_side(left, right)
            self.names.problems.add("never-equal", span, help=help, left=types.show(left), right=types.show(right))

    def _around(self, operator: str, line: int) -> tuple[int, int]:
        """Return the place of the next use of an operator in a line or behind it, and of the operands next to it."""
        first = self.lines[max(0, min(line, len(self.lines)) - 1)]
        sign = re.escape(operator).replace(r"\ ", r"\s+")
        sign = rf"\b{sign}\b" if operator[0].isalpha() else rf"(?<![*/<>=!{{%]){sign}(?![*/=%}}])"
        if self.code is None:
            self.code = re.sub(_CODE_OR_NOT, lambda piece: piece[1] or "\n" * len(piece[0]), self.node.value)
        text, pattern = self.code, re.compile(sign)
        at = max(first, self.behind.get(("operator", operator), 0))
        found = pattern.search(text, at) or pattern.search(text, first)
        if found is None:
            return self._line(line)
        self.behind["operator", operator] = found.end()
        front = text[max(first, found.start() - _NEAR) : found.start()]  # a template may have long words
        left = re.search(rf"{_OPERAND}\s*\Z", front)
        right = re.compile(rf"\s*{_OPERAND}").match(text, found.end())
        begin = found.start() - (len(left[0]) if left is not None else 0)
        end = right.end() if right is not None else found.end()
        start = place(self.node.segments, begin)
        return start, start + len(text[begin:end].rstrip())

    def _children(self, item: Any, names: dict[str, Type]) -> None:
        for child in item.iter_child_nodes():
            self._expression(child, names)


def _fits(value: object) -> bool:
    """Return whether a literal of a template is no number, or one that fits into 64 bits."""
    return not isinstance(value, int | float) or value <= (LARGEST_FLOAT if isinstance(value, float) else 1 << 63)


def _type_of(value: object) -> Type:
    """Return the type of a literal of a template."""
    kinds = ((bool, types.BOOL), (int, types.INT), (float, types.FLOAT), (str, types.STRING))
    return NULL if value is None else next((found for kind, found in kinds if isinstance(value, kind)), ANY)


_EQUALS = {"eq": "==", "ne": "!="}


def _worded(item: Any, found: Type) -> Type:
    """Return the type of a side of a comparison, in which a text stands for itself."""
    value = getattr(item, "value", None) if type(item).__name__ == "Const" else None
    return types.LiteralOf("string", value) if isinstance(value, str) else found


def _goes(operator: str, left: Type, right: Type) -> bool:
    """Return whether an operator of Python may take two values of these types."""
    a, b = _sort(left), _sort(right)
    if not a or not b:
        return True
    if operator in ("in", "not in"):
        return b in ("list", "map") or a == b == "text"
    if operator in ("-", "/", "//", "**"):
        return a in ("int", "float") and b in ("int", "float")
    if operator == "%":
        return a == "text" or (a in ("int", "float") and b in ("int", "float"))
    if operator == "*" and "int" in (a, b):
        return "null" not in (a, b) and "map" not in (a, b)
    if a in ("int", "float") or b in ("int", "float"):
        return a in ("int", "float") and b in ("int", "float")
    return a == b and a in ("text", "list") and operator != "*"


def _sort(type: Type) -> str:
    """Return what Python has for a type in a template, "" for what is not known here."""
    found = types.expand(types.widen(type))
    if isinstance(found, types.ListOf):
        return "list"
    if isinstance(found, types.MapOf | types.RecordOf):
        return "map"
    names = {"int": "int", "bool": "int", "float": "float", "string": "text", "null": "null"}
    return names.get(found.name, "") if isinstance(found, types.Primitive) else ""


def _bound(target: Any, type_: Type) -> dict[str, Type]:
    """Return the names that a target of `for` or `with` binds, with their types."""
    if type(target).__name__ == "Name":
        return {target.name: type_}
    item = types.item_type(type_) or ANY
    return {name: found for part in getattr(target, "items", ()) for name, found in _bound(part, item).items()}


_CODE = r"(?s)\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}"
_PIECE = r"""(?s)'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*|\S"""
_GIVEN = r"\s*=(?!=)"  # behind the name of an argument
_KINDS_OF_WORDS = {".": "attr", "|": "filter", "is": "test"}


def _words(text: str) -> dict[tuple[str, str], list[int]]:
    """Return the places of the words of a template's code, by their kind (name, attr, filter, test) and themselves."""
    found: dict[tuple[str, str], list[int]] = {}
    pieces, given = re.compile(_PIECE), re.compile(_GIVEN)
    for code in re.finditer(_CODE, text):
        before, depth = "", 0
        for piece in pieces.finditer(text, code.start() + 2, code.end() - 2) if text[code.start() + 1] != "#" else ():
            word, start = piece[0], piece.start()
            if word[0] in "'\"" and before == "[":
                found.setdefault(("attr", word[1:-1]), []).append(start + 1)
            elif (word[0].isalpha() or word[0] == "_") and not (depth and given.match(text, piece.end())):
                found.setdefault((_KINDS_OF_WORDS.get(before, "name"), word), []).append(start)
            depth += (word == "(") - (word == ")")
            before = before if (before, word) == ("is", "not") else word
    return found


def _lower(message: str) -> str:
    message = message.rstrip(".")
    return message[:1].lower() + message[1:]


def names(text: str) -> set[str]:
    """Return the names that a template takes from outside."""
    import jinja2
    from jinja2 import meta

    @jinja2.pass_context
    def unfolded(_context: object, value: object) -> object:
        """Keep Jinja from evaluating the constants of a template: an output that needs the context has none."""
        return value

    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, finalize=unfolded)
    tree = environment.parse(text)
    generator = meta.TrackingCodeGenerator(environment)
    generator.optimizer = None  # as `meta.find_undeclared_variables` does, without evaluating constants
    generator.visit(tree)
    found = generator.undeclared_identifiers
    # Jinja does not count its own `self`; ours is the coglet
    return found | {n.name for n in tree.find_all(jinja2.nodes.Name) if n.name == "self"}

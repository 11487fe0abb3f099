"""Templates at run time: Jinja in its immutable sandbox, with bounds that are counted.

Strings render as they are, everything else as JSON; `a.b` looks up fields and nothing else; of Jinja's globals there is
`range`. A template cannot run away: what it loops and what it writes is counted, and filters take no sizes beyond the
bounds. A template that only puts values in never comes here: its code is made with its reaction's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2 import nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from cogc.language import meter
from cogc.language.functions import field_or_null, text
from cogc.language.templates import FILTERS, TESTS
from cogc.language.values import Duration, Failure, Time, plain

if TYPE_CHECKING:
    from cogc.language.values import Function

MAX_ITERATIONS = 100_000
MAX_OUTPUT = 4_000_000
MAX_NUMBER = 100_000
MAX_BITS = 63


class _Counter:
    """The count of loops and characters of one rendering."""

    def __init__(self) -> None:
        self.iterations = 0

    def walk(self, items: Iterable[object]) -> Iterator[object]:
        for item in items:
            self.iterations += 1
            meter.spend(1)
            if self.iterations > MAX_ITERATIONS:
                raise Failure("bound", f"the template loops more than {MAX_ITERATIONS} times")
            yield item


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, with field lookup instead of attributes and checked operators."""

    intercepted_binops = frozenset(["+", "-", "*", "/", "//", "%", "**"])

    def getattr(self, obj: object, attribute: str) -> object:
        if isinstance(obj, jinja2.runtime.LoopContext):
            return getattr(obj, attribute) if not attribute.startswith("_") else self.undefined(name=attribute)
        return _found(obj, attribute)

    def getitem(self, obj: Any, argument: object) -> object:
        if isinstance(argument, str):
            return _found(obj, argument)
        try:
            return obj[argument]
        except (LookupError, TypeError):
            raise Failure("error", f"the template found nothing at `{argument}`") from None

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator in ("**", "*", "%") and not _numbers(left, right):
            raise Failure("error", f"`{operator}` in a template takes numbers")
        if operator == "**" and abs(left) > 1 and abs(right) * math.log2(abs(left)) > MAX_BITS:
            raise Failure("bound", "a number in the template is too large")
        result = super().call_binop(context, operator, left, right)
        if isinstance(result, int) and result.bit_length() > MAX_BITS:
            raise Failure("bound", "a number in the template is too large")
        return _bounded(result)

    def is_safe_attribute(self, obj: object, attribute: str, value: object) -> bool:
        return False


def _found(obj: Any, name: str) -> object:
    return field_or_null(obj, name)


def _numbers(*values: object) -> bool:
    return all(type(v) in (int, float) for v in values)


def _bounded(value: object) -> object:
    if isinstance(value, str | list):
        _room(len(value))
    return value


def _room(size: int) -> None:
    """Fail before a text or list of so many parts is made, if that is too large."""
    if size > MAX_OUTPUT:
        raise Failure("bound", f"the template makes more than {MAX_OUTPUT} characters")


def _replaced(text: object, old: object, new: object, *_: object, **__: object) -> int:
    """Return the size of what `replace` makes."""
    return len(str(text)) + (str(text).count(str(old)) or 0) * len(str(new))


def _indented(text: object, width: object = 4, *_: object, **__: object) -> int:
    """Return the size of what `indent` makes."""
    step = width if isinstance(width, int) else len(str(width))
    return len(str(text)) + (str(text).count("\n") + 1) * max(0, step)


def _wrapped(text: object, width: object = 79, breaks: object = True, wrapstring: object = None, *_: object) -> int:
    """Return the most that `wordwrap` makes."""
    return len(str(text)) * (1 + len(str(wrapstring or "")) // max(1, width if isinstance(width, int) else 1))


_SIZES: dict[str, Callable[..., int]] = {"replace": _replaced, "indent": _indented, "wordwrap": _wrapped}
"""The size of the text that a filter makes, for those that can make much of little."""


_OF_TEXT = frozenset(
    [
        "capitalize", "center", "e", "escape", "indent", "lower", "replace", "safe", "string", "striptags", "title", "trim", "truncate", "upper",
        "wordcount", "wordwrap",
    ]
)  # fmt: skip
"""The filters of a text. Any other value is given to them as a template writes it: Jinja would take Python's own words for it."""


def _guarded(name: str, function: Function) -> Function:
    """Return a filter that refuses huge numbers and results, takes values as templates write them, and is called as Jinja calls the original."""
    passed = 1 if hasattr(function, "jinja_pass_arg") else 0  # Jinja's own argument, ahead of the value
    size = _SIZES.get(name)

    def guard(*args: object, **kwargs: object) -> object:
        if name in _OF_TEXT and not isinstance(args[passed], str):
            args = (*args[:passed], _finalize(args[passed]), *args[passed + 1 :])
        given = args[passed:]
        if isinstance(given[0], Sized):
            meter.spend(len(given[0]) >> 8 if isinstance(given[0], str) else len(given[0]))
        if size is not None:
            _room(size(*given, **kwargs))
        for value in (*args[1:], *kwargs.values()):
            if isinstance(value, int) and abs(value) > MAX_NUMBER:
                raise Failure("error", f"a filter's argument is larger than {MAX_NUMBER}")
        return _bounded(function(*args, **kwargs))

    if hasattr(function, "jinja_pass_arg"):
        guard.jinja_pass_arg = function.jinja_pass_arg  # type: ignore[attr-defined]
    return guard


def _tojson(value: object, indent: int | None = None) -> str:
    import json

    return json.dumps(plain(value), ensure_ascii=False, indent=None if indent is None else min(indent, 16))


@jinja2.pass_context
def _written(_context: object, value: object) -> str:
    """Return a value as it is written. A function of the context, so that Jinja evaluates no constant before the run."""
    return _finalize(value)


def _finalize(value: Any) -> str:
    if isinstance(value, jinja2.Undefined):
        return str(value)
    return text(list(value) if isinstance(value, Iterator) else value)


def _environment() -> _Environment:
    environment = _Environment(
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
        undefined=jinja2.StrictUndefined,
        finalize=_written,
        optimized=False,
    )
    environment.globals = {"range": _range}
    filters = {name: _guarded(name, f) for name, f in environment.filters.items() if name in FILTERS}
    environment.filters = {**filters, "tojson": _tojson, "json": _tojson, "join": _join_filter}
    environment.tests = {name: t for name, t in environment.tests.items() if name in TESTS}
    return environment


def _range(*bounds: int) -> range:
    found = range(*bounds)
    if len(found) > MAX_ITERATIONS:
        raise Failure("bound", f"`range` of {len(found)} items in a template")
    return found


class _Counted(NodeTransformer):
    """Sends what loops and what joins strings through functions that count."""

    def visit_For(self, node: nodes.For) -> nodes.For:
        self.generic_visit(node)
        node.iter = _call("__walk", [node.iter], node.lineno)  # type: ignore[list-item]
        return node

    def visit_Name(self, node: nodes.Name) -> nodes.Name:
        """`self` is the coglet; Jinja has a `self` of its own."""
        if node.name == "self":
            node.name = "__self"
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Call:
        self.generic_visit(node)
        return _call("__join", node.nodes, node.lineno)


def _call(name: str, arguments: list[nodes.Expr], line: int) -> nodes.Call:
    call = nodes.Call(nodes.Name(name, "load"), arguments, [], None, None)
    call.set_lineno(line)
    return call


def _join(*parts: object) -> str:
    words = [_finalize(p) for p in parts]
    if sum(map(len, words)) > MAX_OUTPUT:
        raise Failure("bound", f"the template makes more than {MAX_OUTPUT} characters")
    return "".join(words)


def _join_filter(items: Iterable[object], separator: str = "", attribute: str | None = None) -> str:
    words = [_finalize(_found(i, attribute) if attribute else i) for i in items]
    return _join(*[p for i, w in enumerate(words) for p in ((separator, w) if i else (w,))])


class Template:
    """A compiled template; `render(values)` gives its text or a Failure."""

    _environment: _Environment | None = None

    def __init__(self, source: str) -> None:
        if Template._environment is None:
            Template._environment = _environment()
        environment = Template._environment
        tree = _Counted().visit(environment.parse(source))
        tree.set_environment(environment)
        code = environment.compile(tree)
        self.template = jinja2.Template.from_code(environment, code, environment.make_globals(None))

    def render(self, values: Mapping[str, object]) -> str:
        counter = _Counter()
        pieces: list[str] = []
        size = 0
        try:
            context = self.template.new_context(
                {**values, "__walk": _walker(counter), "__join": _join, "__self": values.get("self")}
            )
            for piece in self.template.root_render_func(context):
                size += len(piece)
                if size > MAX_OUTPUT:
                    raise Failure("bound", f"the template makes more than {MAX_OUTPUT} characters")
                pieces.append(piece)
        except Failure:
            raise
        except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise Failure("error", f"the template fails: {error}") from None
        except (MemoryError, RecursionError):
            raise Failure("error", "the template is too large") from None
        return "".join(pieces)


def _walker(counter: _Counter) -> Callable[[object], list[object]]:
    def walk(items: Any) -> list[object]:
        if isinstance(items, Duration | Time) or items is None:
            raise Failure("error", "a template walks lists")
        return list(counter.walk(items))

    return walk

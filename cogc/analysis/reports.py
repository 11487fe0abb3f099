"""The reports of inference that need more than one line: values that do not fit, fields and arguments that do not exist.

Each function blames the smallest part of the program that is wrong, and suggests the nearest right one. None infers anything:
the types of the parts stand in the tables already.
"""

from __future__ import annotations

from cogc.analysis.scope import path_of
from cogc.diagnostics.edits import Edit
from cogc.diagnostics.problems import Label
from cogc.diagnostics.source import Span
from cogc.diagnostics.suggest import did_you_mean, nearest, suggestion
from cogc.language import types
from cogc.language.builtins import FUNCTIONS
from cogc.language.media import type_by_name
from cogc.language.texts import is_duration
from cogc.language.types import EXACT, MAYBE, NO, NULL, STRING, RecordOf, Type
from cogc.names.world import ARTICLES
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cogc.analysis.outcomes import Wrong
    from cogc.analysis.scope import Scope, Symbol
    from cogc.analysis.tables import Tables
    from cogc.diagnostics.edits import Applicability
    from cogc.diagnostics.problems import Problems
    from cogc.names.world import Parameter, Signature, Unit, World


def never_null(tables: Tables, node: nodes.Expr, found: Type, scope: Scope) -> None:
    """Note what stands before `??` and is never null by its declared type; what a condition before it says may be said again."""
    if types.fit(NULL, found) == NO and path_of(node) not in scope.narrowed and not scope.expanded():
        tables.hopeless_tests.append((node, scope, "what stands before `??`", "a value, and never null"))


def no_condition(
    problems: Problems, node: nodes.Expr, found: Type, scope: Scope, logic: nodes.Binary | None = None
) -> None:
    """Report a condition that cannot be a bool, and say with what a value of its type is compared. `logic` is the `and` or `or` whose left
    side it is."""
    span = scope.unit.span(node)
    said = span.text
    if not isinstance(node, nodes.Name | nodes.Field | nodes.Index | nodes.Call) or "\n" in said:
        said = "..."
    rest = types.expand(types.without(found, NULL))
    help = None
    if rest != types.expand(found):
        help = f"write `{said} != null`"
    elif isinstance(rest, types.ListOf | types.MapOf):
        help = f"write `len({said}) > 0`"
    elif rest in (types.INT, types.FLOAT, STRING):
        empty = '""' if rest == STRING else "0"
        help = f"write `{said} != {empty}`"
    if logic is not None and logic.operator == "or" and NULL in types.members(found):
        help = f"a value in place of null is given by `{said} ?? ...`"
    problems.add("no-condition", span, help=help, found=types.show(found))


def mismatch(
    tables: Tables, problems: Problems, node: nodes.Node, found: Type, wanted: Type, scope: Scope, hint: str = ""
) -> None:
    """Report a value that does not fit, at the smallest part of a literal that is wrong; its parts have been inferred."""
    if isinstance(node, nodes.RecordLiteral) and _record_mismatch(tables, problems, node, wanted, scope, hint):
        return
    if isinstance(node, nodes.Conditional):
        branches = [b for b in (node.then, node.otherwise) if types.fit(tables.types[id(b)], wanted) == NO]
        for branch in branches:
            mismatch(tables, problems, branch, tables.types[id(branch)], wanted, scope, hint)
        if branches:
            return
    if isinstance(node, nodes.ListLiteral):
        item = types.item_type(wanted)
        wrong = [i for i in node.items if item is not None and types.fit(tables.types[id(i)], item) == NO]
        if item is not None and wrong:
            for i in wrong:
                mismatch(tables, problems, i, tables.types[id(i)], item, scope, hint)
            return
    span = scope.unit.span(node)
    rest = types.without(found, NULL)
    if rest != found and rest != types.NEVER and types.fit(rest, wanted) != NO:
        problems.add("nullable", span, found=types.show(found), wanted=types.show(wanted))
        return
    edits = _requoted(node, span, wanted)
    near = None
    if isinstance(node, nodes.Text) and not node.template:
        near = near_literal(node.value, wanted)
    if near is not None:
        edits = (Edit(span, f'"{near}"', "unsafe"),) if span.source.text[span.start : span.start + 1] == '"' else ()
    hint = hint or (suggestion(f'"{near}"') if near is not None else f"write `{edits[0].replacement}`" if edits else "")
    hint = hint or _conversion(found, wanted)
    problems.add("wrong-type", span, edits=edits, found=types.show(found), wanted=types.show(wanted), hint=hint)


def misplaced(
    tables: Tables, problems: Problems, placed: list[tuple[nodes.Expr, Type, Parameter]], scope: Scope
) -> None:
    """Report the arguments of a call that do not fit their parameters; two that are swapped are one mistake."""
    wrong = [given for given in placed if types.fit(given[1], given[2].type) == NO]
    if len(wrong) == 2:
        (first, found, parameter), (_, other, behind) = wrong
        if types.fit(found, behind.type) > MAYBE and types.fit(other, parameter.type) > MAYBE:
            hint = f"swap them: `{parameter.name}` comes before `{behind.name}`"
            shown, wanted, span = types.show(found), types.show(parameter.type), scope.unit.span(first)
            problems.add("wrong-type", span, found=shown, wanted=wanted, hint=hint)
            return
    for node, found, parameter in wrong:
        mismatch(tables, problems, node, found, parameter.type, scope)


def near_literal(text: str, wanted: Type) -> str | None:
    """Return the string among the alternatives of a type that a text most likely means."""
    words = [m.value for m in types.members(wanted) if isinstance(m, types.LiteralOf) and isinstance(m.value, str)]
    return nearest(text, words) if len(text) > 2 else None


def _requoted(node: nodes.Node, span: Span, wanted: Type) -> tuple[Edit, ...]:
    """Return the edit that adds quotes to a literal, or takes them away, where that is all that is wrong."""
    text = span.text
    if isinstance(node, nodes.Literal) and node.value is not None and types.fit(STRING, wanted) == EXACT:
        return (Edit(span, f'"{text}"', "safe"),) if '"' not in text and text else ()
    if not isinstance(node, nodes.Text) or node.template or text != f'"{node.value}"':
        return ()
    value, bare = node.value, node.value.removeprefix("-").replace("_", "")
    if types.fit(types.INT, wanted) == EXACT and bare.isdigit() and bare.isascii():
        return (Edit(span, value, "safe"),)
    if types.fit(types.BOOL, wanted) == EXACT and value.lower() in ("true", "false"):
        return (Edit(span, value.lower(), "safe"),)
    if types.fit(types.DURATION, wanted) == EXACT and is_duration(value):
        return (Edit(span, value, "safe"),)
    return ()


def _record_mismatch(
    tables: Tables, problems: Problems, node: nodes.RecordLiteral, wanted: Type, scope: Scope, hint: str
) -> bool:
    """Report the fields of a record literal, or the values of a map, that are wrong or missing; return False if there are none."""
    target = one_record(wanted)
    values = [m.value for m in types.members(wanted) if isinstance(m, types.MapOf)]
    if target is None and len(values) == 1:
        wrong_values = [
            e.value
            for e in node.entries
            if isinstance(e, nodes.Entry | nodes.ComputedEntry)
            and types.fit(tables.types[id(e.value)], values[0]) == NO
        ]
        for value in wrong_values:
            mismatch(tables, problems, value, tables.types[id(value)], values[0], scope, hint)
        return bool(wrong_values)
    if target is None or any(isinstance(e, nodes.ComputedEntry) for e in node.entries):
        return False
    wrong = False  # what an expanded declaration repeats has been reported, and is not added again
    given = {e.key.id: e for e in node.entries if isinstance(e, nodes.Entry)}
    meant: set[str | None] = set()  # a mistyped field is not missing besides
    for name, entry in given.items():
        f = target.field(name)
        if f is None and not target.open:
            wrong = True
            meant.add(nearest(name, [f.name for f in target.fields]))
            help = did_you_mean(name, [f.name for f in target.fields]) or None
            span = scope.unit.span(entry.key)
            known = ", ".join(f"`{f.name}`" for f in target.fields)
            problems.add("unknown-field", span, help=help, type=types.show(wanted), name=name, known=known)
        elif f is not None and types.fit(tables.types[id(entry.value)], f.type) == NO:
            wrong = True
            mismatch(tables, problems, entry.value, tables.types[id(entry.value)], f.type, scope, hint)
    if len(given) < len(node.entries):  # what is spread may have what is missing
        return wrong
    missing = [f.name for f in target.fields if not f.optional and f.default is None and f.name not in given]
    missing = [m for m in missing if m not in meant]
    if len(missing) > len(meant):  # a field by a wrong name is most likely the one that is missing
        span = scope.unit.span(node)
        words = " and ".join(f"`{m}`" for m in missing)
        problems.add(
            "wrong-type",
            span,
            found=types.show(tables.types[id(node)]),
            wanted=types.show(wanted),
            hint=f"add {words}",
        )
        return True
    return wrong


def one_record(type: Type) -> RecordOf | None:
    """Return the record among the alternatives of a type, if there is just one."""
    found = [m for m in types.members(type) if isinstance(m, RecordOf)]
    return found[0] if len(found) == 1 else None


def _conversion(found: Type, wanted: Type) -> str:
    """Return the hint how to convert a value of one type to another."""
    given = types.widen(found)
    if types.fit(given, types.FLOAT) >= MAYBE and types.fit(types.INT, wanted) == EXACT and given == types.FLOAT:
        return "convert it with `int(...)` or `round(...)`"
    if types.fit(STRING, wanted) == EXACT and given != STRING:
        return "convert it with `str(...)`"
    if given == STRING and types.fit(types.INT, wanted) == EXACT:
        return "convert it with `int(...)`"
    shown = types.show(wanted)
    if given == types.DURATION and types.fit(types.INT, wanted) == EXACT:
        words = "VALUE / 1s" if types.fit(types.FLOAT, wanted) == EXACT else "int(VALUE / 1s)"
        return f"a duration is a number of seconds by `{words}`"
    if (
        isinstance(found, types.LiteralOf)
        and found.kind in ("int", "float")
        and types.fit(types.DURATION, wanted) == EXACT
    ):
        return f"a duration has a unit: `{found.value}s`, `{found.value}ms`"
    return f"give {'an' if shown[:1] in 'aeiou' else 'a'} `{shown}`"


def no_items(problems: Problems, node: nodes.Expr, source: Type, scope: Scope) -> Type:
    """Report a value that is walked and is no list; return the type of its items where it only may be null."""
    span, rest = scope.unit.span(node), types.without(source, NULL)
    item = types.item_type(rest)
    if item is not None:
        problems.add("nullable", span, found=types.show(source), wanted=types.show(rest))
        return item
    hint = "walk `keys(...)` or `values(...)`" if isinstance(types.expand(source), types.MapOf | RecordOf) else None
    problems.add("not-iterable", span, help=hint, found=types.show(source))
    return types.ANY


_LENGTHS = ("length", "size", "count", "len")


def no_field(problems: Problems, node: nodes.Field, base: Type, scope: Scope) -> None:
    """Report a field that a value does not have, or has only where it is not null."""
    rest = types.without(base, NULL)
    if rest != base and types.field_type(rest, node.name.id) is not None:
        problems.add("nullable", scope.unit.span(node.base), found=types.show(base), wanted=types.show(rest))
        return
    names = [f.name for m in types.members(base) if isinstance(m, RecordOf) for f in m.fields]
    known = "it has " + ", ".join(f"`{n}`" for n in names) if names else "only records and maps have fields"
    help = did_you_mean(node.name.id, names) or known
    edits: tuple[Edit, ...] = ()
    if node.name.id in _LENGTHS and not names:
        value = scope.unit.text(node.base)
        help = f"write `len({value})`"
        edits = (
            (Edit(scope.unit.span(node), f"len({value})", "safe"),) if scope.unit.text(node).startswith(value) else ()
        )
    span, type, name = scope.unit.span(node.name), types.show(base), node.name.id
    problems.add("unknown-field", span, help=help, edits=edits, type=type, name=name)


CALLABLE = ("program", "agent", "function")
"""The kinds of symbols that can be called."""


def no_value(problems: Problems, node: nodes.Expr, name: str, symbol: Symbol, scope: Scope) -> None:
    """Report a name that stands for something other than a value."""
    help = f"call it: `{scope.unit.text(node)}(...)`" if symbol.kind in CALLABLE else None
    found = ARTICLES[symbol.kind]
    problems.add("wrong-kind", scope.unit.span(node), help=help, name=name, found=found, wanted="a value")


def no_slice(problems: Problems, node: nodes.Slice, base: Type, scope: Scope) -> None:
    """Report a slice of a value that has none, or has one only where it is not null."""
    rest = types.without(base, NULL)
    if rest not in (base, types.NEVER) and (types.fit(rest, STRING) > NO or types.item_type(rest) is not None):
        problems.add("nullable", scope.unit.span(node), found=types.show(base), wanted=types.show(rest))
        return
    words = scope.unit.source.text[node.base.end : node.end]
    help = "strings and lists have slices"
    problems.add("bad-index", scope.unit.span(node), help=help, found=types.show(base), index=words)


def unknown_value(problems: Problems, node: nodes.Name, scope: Scope) -> None:
    """Report a name that stands for nothing here."""
    from cogc.diagnostics.habits import VALUES

    if scope.shape is not None and scope.shape.partial:
        return
    # a built-in function is called, and is not meant here
    known = [v for v in scope.values() if v not in FUNCTIONS or ((s := scope.find(v)) and s.kind != "function")]
    help = VALUES.get(node.id) or did_you_mean(node.id, known) or did_you_mean(node.id, scope.listed) or None
    if node.id in scope.unit.aliases:
        help = f"`{node.id}` is an import: write `{node.id}.NAME` for what it declares"
    if not _of_another_kind(problems, node, scope, "a value", None):
        problems.add("unknown-name", scope.unit.span(node), help=help, name=node.id)


def _of_another_kind(problems: Problems, node: nodes.Name, scope: Scope, wanted: str, help: str | None) -> bool:
    """Report a name that is declared as something which has no place here; return False if it is not declared."""
    declared = scope.world.lookup(scope.unit, node.id)
    if declared is None or scope.expanded():
        return False
    if id(declared.node) in scope.world.doubled:
        return True
    related = [Label(declared.span(), "declared here")]
    found = ARTICLES[declared.kind]
    span = scope.unit.span(node)
    problems.add("wrong-kind", span, help=help, related=related, name=node.id, found=found, wanted=wanted)
    return True


def unknown_function(tables: Tables, problems: Problems, node: nodes.Name, call: nodes.Call, scope: Scope) -> None:
    """Report the call of a name that stands for nothing here."""
    from cogc.diagnostics.habits import CALLED, FUNCTIONS as OTHERS

    callables = [v for v in scope.values() if (s := scope.find(v)) and s.kind in CALLABLE]
    own = CALLED.get(node.id)
    certain: Applicability = "safe" if own is not None else "unsafe"
    if own is None and node.id not in OTHERS and nearest(node.id, callables) is None:
        own = CALLED.get(nearest(node.id, [w for w in CALLED if len(w) > 4]) or "")
    help = f"the function is `{own}`: write `{own}(...)`" if own is not None else OTHERS.get(node.id)
    help = help or did_you_mean(node.id, callables) or None
    if scope.shape is not None and node.id in scope.shape.enacts:
        help = f"a command is given by `guide self.{node.id}(...)`"
    span = scope.unit.span(node)
    create = f"a coglet is created: `create NAME = {node.id}`, and gets messages by links"
    if _of_another_kind(problems, node, scope, "a program", create):
        return
    edits = (Edit(span, own, certain),) if own is not None else _as_statement(tables, node, call, scope)
    problems.add("unknown-name", span, help=help, edits=edits, name=node.id)


def _as_statement(tables: Tables, node: nodes.Name, call: nodes.Call, scope: Scope) -> tuple[Edit, ...]:
    """Return the edit for a call of another language that is a statement here: `print(v)` and `emit(y, v)`.

    A call inside of another expression has none: no statement can stand there.
    """
    given = _values(call, scope)
    words = scope.unit.text(call)
    if id(call) not in tables.statements or not words.startswith(node.id) or not given:
        return ()
    if node.id in ("print", "println", "puts", "log") and len(given) == 1:
        return (Edit(scope.unit.span(call), f"log info {given[0]}", "unsafe"),)
    channel = scope.find(given[0]) if len(given) == 2 else None
    if node.id in ("emit", "publish", "send") and channel is not None and channel.kind == "transmit":
        return (Edit(scope.unit.span(call), f"{given[0]} <- {given[1]}", "unsafe"),)
    return ()


def hidden(world: World, symbol: Symbol, name: str, scope: Scope) -> str | None:
    """Return the help for a name that cannot be called, where it hides one that can."""
    declared = world.lookup(scope.unit, name)
    if declared is None or declared.kind not in CALLABLE:
        return None
    words = {"transmit": "transmit channel", "listen": "listen channel"}
    kind = words.get(symbol.kind, symbol.kind)
    return f"the {kind} `{name}` hides the {declared.kind} of that name: rename one of them"


def sent(tables: Tables, symbol: Symbol, name: str, scope: Scope) -> str | None:
    """Return the help for a transmit channel that is called, which counts as sent on; None for anything else."""
    if symbol.kind != "transmit" or scope.shape is None:
        return None
    tables.sent.add((scope.shape.key, name))
    return f"a message is sent by `{name} <- ...`"


def passed_over(tables: Tables, node: nodes.Expr, scope: Scope) -> bool:
    """Return whether an argument of a call that was reported is a bare program or channel, as in `map(f, xs)` and `emit(y, v)`.

    It is no value, which is no second mistake, and counts as used.
    """
    symbol = scope.find(node.id) if isinstance(node, nodes.Name) else None
    if symbol is None or symbol.kind not in ("program", "agent", "function", "transmit", "listen", "child"):
        return False
    tables.symbols[id(node)] = symbol
    if symbol.node is not None:
        tables.used.add(id(symbol.node))
    if symbol.kind == "transmit" and scope.shape is not None:
        tables.sent.add((scope.shape.key, symbol.name))
    return True


def sent_by_method(
    tables: Tables, problems: Problems, symbol: Symbol, function: nodes.Field, call: nodes.Call, scope: Scope
) -> bool:
    """Report a message that is sent by a method of its channel, as in `y.send(v)`; return False for what is no channel."""
    if symbol.kind not in ("transmit", "listen", "queue") or not isinstance(function.base, nodes.Name):
        return False
    if symbol.kind == "transmit" and scope.shape is not None:
        tables.sent.add((scope.shape.key, symbol.name))
    tables.symbols[id(function.base)] = symbol
    given = _values(call, scope)
    value = ", ".join(given) or "..."
    help = f"a message is sent by `{symbol.name} <- {value}`"
    is_whole = len(given) == 1 and id(call) in tables.statements
    edits = (Edit(scope.unit.span(call), f"{symbol.name} <- {value}", "unsafe"),) if is_whole else ()
    problems.add("not-callable", scope.unit.span(function), help=help, edits=edits, name=function.name.id)
    return True


def _values(call: nodes.Call, scope: Scope) -> list[str]:
    """Return the texts of the values that a call is given, without the names of its arguments."""
    return [scope.unit.text(a.value) for a in call.arguments]


def has_unknown_field(problems: Problems, function: nodes.Expr, scope: Scope) -> bool:
    """Return whether the last report is about the field that is called: `v.strip()` has no second mistake."""
    if not isinstance(function, nodes.Field) or not problems.found:
        return False
    last, name = problems.found[-1], scope.unit.span(function.name)
    return (last.slug, last.span.start, last.span.source) == ("unknown-field", name.start, name.source)


def not_in_import(problems: Problems, base: nodes.Name, name: nodes.Name, scope: Scope) -> bool:
    """Report a name that an import does not declare; return False if `base` is no import."""
    if base.id not in scope.unit.aliases or scope.find(base.id) is not None:
        return False
    other = scope.unit.aliases[base.id]
    help = did_you_mean(name.id, other.public()) or None
    if name.id in other.declared:
        help = f"it is private to {other.path}: a name that begins with `_`, `Main` and tests cannot be imported"
    problems.add("unknown-name", scope.unit.span(name), help=help, name=f"{base.id}.{name.id}")
    return True


def near_side(left: Type, right: Type) -> str | None:
    """Return the help for two types that are never equal: one is a string that is near to one of the other, or is an item of it."""
    for whole, part in ((left, right), (right, left)):
        item = types.item_type(whole)
        if item is not None and types.item_type(part) is None and types.fit(part, item) != NO:
            return "compare an item of the list, such as `last(...)`, or write `contains(...)`"
    for literal, others in ((right, left), (left, right)):
        if isinstance(literal, types.LiteralOf) and isinstance(literal.value, str):
            near = near_literal(literal.value, others)
            if near is not None:
                return suggestion(f'"{near}"')
    return None


def wrong_argument_of(
    problems: Problems, node: nodes.Call, given: list[Type], result: Callable[[list[Type]], Type | None], scope: Scope
) -> bool:
    """Report the one argument of a built-in function that may be null where nothing else is wrong; return False if there is none."""
    for i, type in enumerate(given):
        rest = types.without(type, NULL)
        if rest in (type, types.NEVER) or result([*given[:i], rest, *given[i + 1 :]]) is None:
            continue
        span = scope.unit.span(node.arguments[i].value)
        problems.add("nullable", span, found=types.show(type), wanted=types.show(rest))
        return True
    return False


def method(problems: Problems, call: nodes.Call, function: nodes.Field, base: Type, scope: Scope) -> bool:
    """Report the call of a function as a method of a value, as in `v.upper()`; return False if it is none."""
    from cogc.diagnostics.habits import CALLED, FUNCTIONS as OTHERS

    name = CALLED.get(function.name.id, function.name.id)
    if any(isinstance(m, RecordOf) and m.field(function.name.id) for m in types.members(base)):
        return False
    if isinstance(function.base, nodes.Name) and scope.find(function.base.id) is None:
        return True  # `console.log(...)`: the name is reported
    symbol = scope.find(name)
    value = scope.unit.text(function.base)
    edits: tuple[Edit, ...] = ()
    if symbol is not None and symbol.kind in CALLABLE:
        given = ", ".join(scope.unit.text(a) for a in call.arguments)
        if name == "join" and types.fit(base, STRING) == EXACT and given:  # `", ".join(xs)`
            help: str | None = f"values have no methods: write `join({given}, {value})`"
            edits = (
                (Edit(scope.unit.span(call), f"join({given}, {value})", "safe"),) if len(call.arguments) == 1 else ()
            )
        else:
            shown = f"{value}, {given}" if given else value
            help = f"values have no methods: write `{name}({shown})`"
            edits = _as_function(scope, function, name, value)
    elif function.name.id == "get" and call.arguments:
        first = scope.unit.text(call.arguments[0])
        rest = f" ?? {scope.unit.text(call.arguments[1])}" if len(call.arguments) == 2 else ""
        help = f"values have no methods: write `{value}[{first}]{rest}`"
        edits = (
            (Edit(scope.unit.span(call), f"{value}[{first}]", "safe"),) if not rest and len(call.arguments) == 1 else ()
        )
    elif name in OTHERS:
        help = f"values have no methods: {OTHERS[name]}"
    else:
        return False
    problems.add("not-callable", scope.unit.span(function), help=help, edits=edits, name=function.name.id)
    return True


def _as_function(scope: Scope, function: nodes.Field, name: str, value: str) -> tuple[Edit, ...]:
    """Return the edit that writes `v.upper()` as `upper(v)`: the value goes in front of the arguments."""
    text = scope.unit.source.text
    if text[function.end : function.end + 1] != "(" or not text[function.start : function.end].startswith(value):
        return ()
    more = "" if text[function.end + 1 : function.end + 2] == ")" else ", "
    return (Edit(Span(scope.unit.source, function.start, function.end + 1), f"{name}({value}{more}", "safe"),)


def counted(most: int, least: int | None = None) -> str:
    """Return the words for a number of arguments."""
    words = str(most) if least in (None, most) else f"{least} to {most}"
    return f"{words} argument{'s' if most != 1 else ''}"


def file_name(problems: Problems, span: Span, name: str) -> None:
    """Report the name of a file that no model takes."""
    if not type_by_name(name):
        problems.add("no-media", span, name=name)


def wrong_count(problems: Problems, span: Span, name: str, found: int, least: int, most: int, takes: str) -> None:
    """Report a built-in function that is given fewer or more arguments than it takes."""
    slug = "too-few-arguments" if found < least else "too-many-arguments"
    help = None if found < least else f"it takes {takes}"
    problems.add(slug, span, help=help, name=name, wanted=counted(most, least), found=found, takes=takes)


def missing_arguments(
    problems: Problems, node: nodes.Node, signature: Signature, taken: dict[str, nodes.Node], scope: Scope
) -> None:
    """Report each parameter that has no default and gets no argument."""
    for p in signature.parameters:
        if p.name not in taken and p.default is None:
            span = scope.unit.span(node)
            problems.add("missing-argument", span, name=signature.name, argument=p.name, type=types.show(p.type))


def wrong_argument(problems: Problems, name: nodes.Name, signature: Signature, scope: Scope) -> None:
    """Report an argument by a name that no parameter has."""
    known = [p.name for p in signature.parameters]
    help = did_you_mean(name.id, known, f"`{signature.name}` takes no arguments" if not known else "")
    problems.add(
        "wrong-argument",
        scope.unit.span(name),
        help=help or "its parameters are " + ", ".join(f"`{k}`" for k in known),
        name=signature.name,
        argument=name.id,
    )


def variable(problems: Problems, node: nodes.Call, scope: Scope) -> None:
    """Report an `env(...)` that is not given one literal name: the compiler keeps the name, and never sees the value."""
    given = [a.value for a in node.arguments]
    if len(given) != 1 or not isinstance(given[0], nodes.Text) or given[0].template or not given[0].value:
        name = given[0].id if len(given) == 1 and isinstance(given[0], nodes.Name) else "NAME"
        wanted, hint = "the name of a variable in quotes", f'write `env("{name}")`'
        problems.add("wrong-type", scope.unit.span(node), found="an expression", wanted=wanted, hint=hint)
    elif not all(c.isalnum() or c == "_" for c in given[0].value) or given[0].value[0].isdigit():
        hint = "the name of a variable has letters, digits and `_`; its value stands in the environment"
        problems.add("wrong-type", scope.unit.span(given[0]), found="another text", wanted="a name", hint=hint)


def no_plan(world: World, problems: Problems, unit: Unit, agent: nodes.Agent, span: Span) -> None:
    """Report the call of an agent that has a plan among its tools: only an agent that is a child can run a plan."""
    tools = next((a.value for a in agent.attributes if a.key.id == "tools"), None)
    for item in tools.items if isinstance(tools, nodes.ListLiteral) else ():
        declared = world.lookup(unit, nodes.qualified_text(item) or "")
        if declared is not None and declared.kind == "plan":
            help = f"create `{agent.name.id}` as a child, and send it its tasks"
            name = declared.node.name.id
            problems.add("not-yet", span, help=help, what="in an agent that is called, the plan", name=name)


def failing(world: World, problems: Problems, wrong: Wrong, related: Iterable[Label] = ()) -> None:
    """Report an evaluation that fails; a failure inside of the standard library is left to the run."""
    if wrong.unit.is_std and wrong.unit not in world.roots:
        return
    span = wrong.unit.span(wrong.node)
    if any(d.severity == "error" and _touch(d.span, span) for d in problems.found):
        return  # the mistake that makes it fail
    if wrong.cycle:
        first = min(wrong.cycle, key=lambda c: c.start)
        names = " -> ".join([*(c.name.id for c in wrong.cycle), wrong.cycle[0].name.id])
        problems.add("constant-cycle", wrong.unit.span(first.name), name=first.name.id, cycle=names)
        return
    problems.add("certain-failure", span, related=related, reason=wrong.reason)


def _touch(a: Span, b: Span) -> bool:
    return a.source is b.source and a.start < b.end and b.start < a.end

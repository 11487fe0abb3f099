"""Checks blocks of attributes against `language/attributes.py`: known keys, right values, nothing missing, nothing twice."""

from __future__ import annotations

import re

from cogc.analysis import reports
from cogc.analysis.infer import Inference
from cogc.analysis.ranges import check_count, check_range
from cogc.analysis.scope import ARTEFACT, CLAIM, Scope
from cogc.diagnostics.edits import Edit, addition, removal
from cogc.diagnostics.problems import Label
from cogc.diagnostics.source import Source, looks_like_yaml
from cogc.diagnostics.suggest import did_you_mean, nearest, suggestion
from cogc.language import types
from cogc.language.attributes import ATTRIBUTES, DISPATCHERS, SHARING
from cogc.language.texts import is_variable
from cogc.language.types import Type
from cogc.names.lower_type import lower_type
from cogc.names.world import ARTICLES, Unit, World
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from cogc.diagnostics.problems import Problems
    from cogc.diagnostics.source import Span

_CALLED = frozenset(["approver", "fix", "lead", "planner", "spawn", "tools", "workers"])
_kind_types: dict[tuple[int, str], Type] = {}


def check_block(
    attributes: tuple[nodes.Attribute, ...],
    owner: str,
    place: nodes.Node,
    scope: Scope,
    inference: Inference,
    what: str = "",
) -> None:
    """Check a block of attributes of `owner`, a key of the table; `place` is blamed for what is missing."""
    table = ATTRIBUTES[owner]
    seen: dict[str, nodes.Attribute] = {}
    what = what or f"`{owner}`"
    unit, problems = scope.unit, inference.problems
    for a in attributes:
        key = a.key.id
        kind = table.get(key)
        if kind is None:
            known = ", ".join(f"`{k}`" for k in table) or "none"
            near = meant(key, table)
            help = suggestion(near) if near is not None else did_you_mean(key, table) or None
            problems.add("unknown-attribute", unit.span(a.key), help=help, owner=what, name=key, known=known)
            continue
        if key in seen and not (owner == "sett agent" and key == "bid"):
            related = [Label(unit.span(seen[key].key), "first here")]
            edits = removal(unit.source, a.start, a.end, certain="safe" if a.value == seen[key].value else "unsafe")
            problems.add("duplicate-attribute", unit.span(a.key), related=related, edits=edits, name=key)
        seen[key] = a
        _value(a, kind, scope, inference)
    unknown = [a.key.id for a in attributes if a.key.id not in table]
    for key, kind in table.items():
        if kind.endswith("!") and key not in seen and all(meant(word, table) != key for word in unknown):
            value = only_one(unit, kind) or _default(owner, key, scope)
            given = tuple((a.start, a.end) for a in attributes)
            edits = addition(unit.source, given, place.end, f"{key}: {value}") if value else ()
            problems.add("missing-attribute", unit.span(place), edits=edits, owner=what, name=key)


def meant(word: str, table: Container[str]) -> str | None:
    """Return the attribute that a word most likely means: one that is near, or the one of that meaning in other systems."""
    near = nearest(word, table)  # type: ignore[arg-type]
    if near is not None:
        return near
    from cogc.diagnostics.habits import ATTRIBUTES as ELSEWHERE

    return next((w for w in ELSEWHERE.get(word, ()) if w in table), None)


def only_one(unit: Unit, kind: str) -> str | None:
    """Return the only declaration of a file that an attribute of a kind could name."""
    head, _, rest = kind.removesuffix("!").strip().partition(" ")
    if head not in ("ref", "refs"):
        return None
    kinds = rest.split()
    found = [n for n, d in unit.declared.items() if d.kind in kinds]
    text = found[0] if len(found) == 1 else None
    return f"[{text}]" if text is not None and head == "refs" else text


def _default(owner: str, key: str, scope: Scope) -> str | None:
    """Return what a required attribute has where nothing else is wanted: a prompt of all parameters."""
    if (owner, key) != ("llm", "prompt"):
        return None
    names = [n for n, s in scope.locals.items() if s.kind == "parameter"]
    return '"' + " ".join(f"{{{{ {n} }}}}" for n in names) + '"' if names else None


def _value(a: nodes.Attribute, kind: str, scope: Scope, inference: Inference) -> None:
    head, _, rest = kind.removesuffix("!").strip().partition(" ")
    match head:
        case "type" if rest:
            wanted = kind_type(inference.world, rest)
            inner = scope
            if rest == "content":  # a conversation reads the files before it begins
                inner = scope.inner()
                inner.files = True
            inference.check(a.value, inner, wanted)  # type: ignore[arg-type]
            check_range(a.key.id, a.value, scope, inference, wanted)  # type: ignore[arg-type]
        case "type":
            inference.tables.types[id(a.value)] = lower_type(inference.world, scope.unit, a.value, inference.problems)  # type: ignore[arg-type]
        case "word":
            _word(a, rest.split(), scope, inference)
        case "ref":
            reference(a.value, rest.split(), scope, inference)
            _without_plan(a, a.value, scope, inference)
            alone(a.value, scope, inference)
        case "refs":
            _references(a, rest.split(), scope, inference)
        case "map":
            _sharing(a, scope, inference)
        case "secrets" if a.key.id == "env" and word_of(a.value) == "inherit":
            pass
        case "secret" | "secrets":
            own = a.key.id == "environment"  # that of a sett's agent, in which `${NAME}` is filled in
            _secret(a.value, scope, inference, kind == "secrets" and not own, own)  # type: ignore[arg-type]
            if a.key.id == "env":
                check_environment(a.value, scope.unit, inference.problems)
            if a.key.id == "headers":
                _headers(a.value, scope, inference)
        case "roles":
            _roles(a, scope, inference)
        case "name":
            _dispatcher(a, scope, inference)
    if a.condition is not None:
        _condition(a, scope, inference)
    if a.block and a.key.id == "spawn":
        check_block(a.block, "spawn", a, scope, inference)
    elif a.block:
        problem = "takes no block of its own"
        inference.problems.add(
            "bad-executor", scope.unit.span(a.key), name=a.key.id, wrong=problem, right="remove the `{ ... }`"
        )


def _dispatcher(a: nodes.Attribute, scope: Scope, inference: Inference) -> None:
    """Report a word that is near the name of a dispatcher of cogc. Any other name may be that of a package."""
    word = word_of(a.value)
    if word is None:
        inference.check(a.value, scope, types.STRING)  # type: ignore[arg-type]
    elif word not in DISPATCHERS and (near := nearest(word, DISPATCHERS, most=1)):
        known = ", ".join(f"`{d}`" for d in DISPATCHERS)
        span = scope.unit.span(a.value)
        inference.problems.add("unknown-word", span, help=suggestion(near), what="dispatcher", name=word, known=known)


def _shell_variable(text: nodes.Text, name: str, scope: Scope, inference: Inference) -> None:
    """Report `"$NAME"` in place of a secret, which no shell fills in here."""
    span, words = scope.unit.span(text), f'env("{name}")'
    edits = (Edit(span, words, "unsafe"),) if span.source.text[span.start] == '"' else ()
    inference.problems.add("foreign-placeholder", span, help=f"write `{words}`", edits=edits, text=text.value)


_QUOTED_CALL = r"""env\(["']?([A-Za-z_][A-Za-z0-9_]*)["']?\)"""
_SHELL_VARIABLE = r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?"


def entries_of(value: nodes.Node) -> list[nodes.Entry]:
    """Return the plain entries of a record."""
    return [e for e in value.entries if isinstance(e, nodes.Entry)] if isinstance(value, nodes.RecordLiteral) else []


def _secret(value: nodes.Expr, scope: Scope, inference: Inference, several: bool, kept: bool) -> None:
    """Check a value that may be `env("NAME")`, or a record of such values. Inside of an expression a secret would become a value."""
    inner = scope.inner()
    inner.secrets = True
    if not kept:
        for text in (value, *(e.value for e in entries_of(value))):
            if not isinstance(text, nodes.Text):
                continue
            if (found := re.fullmatch(_SHELL_VARIABLE, text.value)) is not None:
                _shell_variable(text, found[1], scope, inference)
            elif (found := re.fullmatch(_QUOTED_CALL, text.value)) is not None:
                words = f'env("{found[1]}")'
                if looks_like_yaml(scope.unit.path, scope.unit.source.text):
                    words = f"'={words}'"
                inference.problems.add(
                    "foreign-placeholder", scope.unit.span(text), help=f"write `{words}`", text=text.value
                )
            elif (
                not text.template
                and (found := re.search(r"(?<![\w$])\$\{?([A-Z][A-Z0-9_]+)\b", text.value)) is not None
            ):
                help = f'write `env("{found[1]}")`, and let the variable hold the whole value'
                inference.problems.add("foreign-placeholder", scope.unit.span(text), help=help, text=text.value)
    if several:
        inference.check(value, inner, types.MapOf(types.ANY))
    else:
        inference.infer(value, inner)
    entries = value.entries if isinstance(value, nodes.RecordLiteral) else ()
    allowed = {id(value), *(id(e.value) for e in entries if isinstance(e, nodes.Entry))}
    for node in nodes.walk(value):
        if isinstance(node, nodes.Call) and isinstance(node.function, nodes.Name) and node.function.id == "env":
            if id(node) not in allowed:
                inference.problems.add("secret-outside", scope.unit.span(node.function))


def check_environment(value: nodes.Node, unit: Unit, problems: Problems) -> None:
    """Report names that no variable of an environment can have, and values that are no text."""
    for entry in entries_of(value):
        _one_text(entry.value, unit, problems)
        if not is_variable(entry.key.id):
            right = "the name of a variable has letters, digits and `_`"
            problems.add("bad-path", unit.span(entry.key), what=entry.key.id, wanted="variable", right=right)


def _one_text(value: nodes.Expr, unit: Unit, problems: Problems) -> None:
    """Report a list or a record in place of the text of a variable or a header."""
    if isinstance(value, nodes.ListLiteral | nodes.RecordLiteral):
        found = "list" if isinstance(value, nodes.ListLiteral) else "record"
        problems.add("wrong-type", unit.span(value), found=found, wanted="string", hint="write one text")


def _headers(value: nodes.Node, scope: Scope, inference: Inference) -> None:
    """Report names that no header of HTTP can have."""
    for entry in entries_of(value):
        _one_text(entry.value, scope.unit, inference.problems)
        if re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", entry.key.id) is None:
            right = "the name of a header has letters, digits and `-`"
            span = scope.unit.span(entry.key)
            inference.problems.add("bad-path", span, what=entry.key.id, wanted="header", right=right)


def _roles(a: nodes.Attribute, scope: Scope, inference: Inference) -> None:
    """Check the roles of a plan: its own words, or the declarations for the words of the plan that it extends."""
    if isinstance(a.value, nodes.RecordLiteral):
        for e in a.value.entries:
            if isinstance(e, nodes.Entry):
                reference(e.value, ["agent", "team", "dod"], scope, inference)
        return
    for item in a.value.items if isinstance(a.value, nodes.ListLiteral) else (a.value,):
        if not isinstance(item, nodes.Name):
            text = scope.unit.text(item)
            inference.problems.add("bad-word", scope.unit.span(item), word=text, name=a.key.id, known="words")


def _condition(a: nodes.Attribute, scope: Scope, inference: Inference) -> None:
    """Check a condition, as in `bid: claim when ...`. Only a bid has one, over the artefact."""
    if a.key.id != "bid" or a.condition is None:
        inference.problems.add(
            "bad-executor", scope.unit.span(a.key), name=a.key.id, wrong="takes no `when`", right="remove the condition"
        )
        return
    inference.condition(a.condition, scope.inner(artefact=ARTEFACT, claim=CLAIM))


def kind_type(world: World, text: str) -> Type:
    """Return the type that the table names; its text is parsed once."""
    key = (id(world), text)
    if key not in _kind_types:
        from cogc.diagnostics.problems import Problems
        from cogc.syntax import parse_cog

        source = Source("attributes", f"type T = {text}")
        tree = parse_cog.parse(source, Problems())
        unit = Unit("attributes", source, tree)
        _kind_types.clear() if len(_kind_types) > 200 else None
        _kind_types[key] = lower_type(world, unit, tree.declarations[0].type, Problems())  # type: ignore[union-attr, arg-type]
    return _kind_types[key]


def word_of(node: nodes.Expr | nodes.TypeExpr) -> str | None:
    """Return the word that is the value of an attribute, quoted or not; None for another value."""
    if isinstance(node, nodes.Name):
        return node.id
    if isinstance(node, nodes.Text):
        return node.value
    return node.name.text if isinstance(node, nodes.TypeName) else None


def _word(a: nodes.Attribute, words: list[str], scope: Scope, inference: Inference) -> None:
    word = word_of(a.value)
    if word in words:
        return
    known = ", ".join(f"`{w}`" for w in words)
    help = did_you_mean(word, words) if word else None
    text = (scope.unit.text(a.value) or "null") if word is None else word
    inference.problems.add(
        "bad-word", scope.unit.span(a.value), help=help or None, word=text, name=a.key.id, known=known
    )


def reference(node: nodes.Expr | nodes.TypeExpr, kinds: list[str], scope: Scope, inference: Inference) -> None:
    """Check a name that must be a declaration of one of these kinds, or `NAME * N`."""
    if isinstance(node, nodes.Binary) and node.operator == "*":
        check_count(node.right, scope, inference)
        node = node.left
    name = nodes.qualified_text(node)
    span = scope.unit.span(node)
    wanted = " or ".join(ARTICLES[k] for k in kinds)
    if name is None:
        text = scope.unit.text(node)
        inference.problems.add("wrong-kind", span, name=text, found="an expression", wanted=wanted)
        return
    if "program" in kinds and scope.shape is not None and name in scope.shape.programs:
        own = inference.tables.meant[id(node)] = scope.shape.programs[name]
        inference.tables.used.add(id(own.node))
        return
    declared = inference.world.lookup(scope.unit, name)
    if declared is None and "." in name and "mcp" in kinds and _tool_of_server(name, span, wanted, scope, inference):
        return
    if declared is None:
        known = [n for n in scope.unit.names() if (d := inference.world.lookup(scope.unit, n)) and d.kind in kinds]
        help = did_you_mean(name, known, f"declare it with `{kinds[0]} {name} ...`")
        inference.problems.add("unknown-name", span, help=help or None, name=name)
        return
    inference.tables.used.add(id(declared.node))
    inference.tables.meant[id(node)] = declared
    if declared.kind not in kinds:
        related = [Label(declared.span(), "declared here")]
        found = ARTICLES[declared.kind]
        inference.problems.add("wrong-kind", span, related=related, name=name, found=found, wanted=wanted)


def _tool_of_server(name: str, span: Span, wanted: str, scope: Scope, inference: Inference) -> bool:
    """Report one tool of an MCP server by its name, which stands for no declaration; return whether it is one."""
    server, _, tool = name.rpartition(".")
    declared = inference.world.lookup(scope.unit, server)
    if declared is None or declared.kind != "mcp":
        return False
    inference.tables.used.add(id(declared.node))
    help = f"declare `program {tool}(...) = mcp {name}`, and name `{tool}`; or name the server, `{server}`"
    found = "a tool of an MCP server"
    inference.problems.add("wrong-kind", span, help=help, name=name, found=found, wanted=wanted)
    return True


def _references(a: nodes.Attribute, kinds: list[str], scope: Scope, inference: Inference) -> None:
    items = a.value.items if isinstance(a.value, nodes.ListLiteral) else (a.value,)
    for item in items:
        reference(item, kinds, scope, inference)
        _without_plan(a, item, scope, inference)
        alone(item, scope, inference)


def alone(node: nodes.Node, scope: Scope, inference: Inference) -> None:
    """Report an agent that is named without arguments, and has a parameter without a default: it cannot be asked for anything."""
    if isinstance(node, nodes.Binary):
        node = node.left
    declared = inference.world.lookup(scope.unit, nodes.qualified_text(node) or "")
    if declared is None or declared.kind != "agent":
        return
    missing = next((p for p in declared.of(nodes.Agent).parameters if p.default is None), None)
    if missing is not None:
        name, argument = declared.node.name.id, missing.name.id
        help = f"nothing gives `{argument}` here: give the parameter a default"
        inference.problems.add(
            "missing-argument", scope.unit.span(node), help=help, name=name, argument=argument, type=""
        )


def _without_plan(a: nodes.Attribute, item: nodes.Expr | nodes.TypeExpr, scope: Scope, inference: Inference) -> None:
    """Report an agent with a plan among its tools where it is called, or is part of a declaration that gives it other tools."""
    if a.key.id not in _CALLED:
        return
    name = item.left if isinstance(item, nodes.Binary) and item.operator == "*" else item
    declared = inference.world.lookup(scope.unit, nodes.qualified_text(name) or "")
    if declared is not None and declared.kind == "agent":
        reports.no_plan(
            inference.world, inference.problems, declared.unit, declared.of(nodes.Agent), scope.unit.span(name)
        )


def _sharing(a: nodes.Attribute, scope: Scope, inference: Inference) -> None:
    """Check the value of `map`: a word, or `hash(EXPR)` over `message`."""
    value = a.value
    if isinstance(value, nodes.Call) and isinstance(value.function, nodes.Name) and value.function.id == "hash":
        if len(value.arguments) == 1:
            inference.infer(value.arguments[0].value, scope.inner(message=types.ANY))
            return
    word = word_of(value)
    if word in SHARING and word != "hash":
        return
    known = ", ".join(f"`{w}`" for w in SHARING[:-1]) + ", `hash(EXPR)`"
    text = scope.unit.text(value)
    help = "write `hash(message.FIELD)`" if word == "hash" else did_you_mean(text, SHARING) if word else None
    inference.problems.add("bad-word", scope.unit.span(value), help=help or None, word=text, name="map", known=known)

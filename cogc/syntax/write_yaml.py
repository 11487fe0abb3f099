"""Nodes to text in the YAML notation: `write_yaml.file(tree) -> str`.

The text parses to an equal tree, once the declarations and members are put in the order of their kinds (`nodes_in_order`).
"""

from __future__ import annotations

from cogc.language.attributes import ATTRIBUTES
from cogc.language.closed import assert_never
from cogc.language.record import replace
from cogc.language.texts import duration_text, nanoseconds
from cogc.syntax import nodes as n, spell as cog
from cogc.syntax.format import statement
from cogc.syntax.yaml_shapes import AMBIGUOUS, is_float

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Data: TypeAlias = "str | int | float | bool | list[Data] | dict[str, Data] | None"
    """YAML data, with the strings that `Code` and `Quoted` mark."""
    Mapping: TypeAlias = dict[str, Data]

_SECTIONS: list[tuple[type, str]] = [
    (n.Import, "imports"), (n.Const, "consts"), (n.TypeDecl, "types"), (n.Model, "models"),
    (n.ModelList, "models"), (n.Mcp, "mcp"),
    (n.Program, "programs"), (n.Mixin, "mixins"), (n.Coglet, "coglets"), (n.Agent, "agents"), (n.Team, "teams"),
    (n.Dod, "dods"), (n.Plan, "plans"), (n.Queue, "queues"), (n.Test, "tests"),
    (n.Scenario, "scenarios"),
]  # fmt: skip
_MEMBERS: list[tuple[type, str]] = [
    (n.Const, "consts"), (n.Listen, "listen"), (n.Transmit, "transmit"), (n.State, "state"), (n.Program, "programs"),
    (n.Create, "create"), (n.Link, "link"), (n.Supervise, "supervise"), (n.Reaction, "reactions"), (n.Enact, "enact"),
]  # fmt: skip


class Code(str):
    """Text of the cog notation: quoted unless it is safe without."""


class Quoted(str):
    """A word that the cog notation wrote as a string."""


def nodes_in_order(tree: n.File) -> n.File:
    """Return a tree with its declarations and members in the order of their kinds, in which both notations agree."""
    order = {cls: i for i, (cls, _) in enumerate(_SECTIONS)}
    declarations = sorted(tree.declarations, key=lambda d: order.get(d.__class__, 99))
    return replace(tree, declarations=tuple(_members_in_order(d) for d in declarations))


def _members_in_order(node: n.Declaration) -> n.Declaration:
    if isinstance(node, n.Sett):
        return replace(node, items=tuple(sorted(node.items, key=lambda i: isinstance(i, n.Agent))))
    if not isinstance(node, n.Coglet | n.Mixin):
        return node
    order = {cls: i for i, (cls, _) in enumerate(_MEMBERS)}
    return replace(node, members=tuple(sorted(node.members, key=lambda m: order.get(m.__class__, 99))))


def file(tree: n.File) -> str:
    """Return the text of a file."""
    whole: Mapping = {"cog": 1}
    if tree.doc:
        whole["doc"] = tree.doc
    for cls, section in _first_first(_SECTIONS, tree.declarations):
        own = [d for d in tree.declarations if isinstance(d, cls)]
        if cls is n.Import:
            whole[section] = [_import(d) for d in own]  # type: ignore[arg-type]
        else:
            known = whole.setdefault(section, {})
            assert isinstance(known, dict)
            known.update({_key(d): _declaration(d) for d in own})
    return dump(whole)


def _first_first(sections: list[tuple[type, str]], items: tuple[n.Node, ...]) -> list[tuple[type, str]]:
    """Return the sections that have an item, in the order of their first items."""
    kinds = [item.__class__ for item in items]
    return sorted((s for s in sections if s[0] in kinds), key=lambda s: kinds.index(s[0]))


def _key(node: n.Declaration) -> str:
    assert not isinstance(node, n.Import | n.Error)  # they have no names
    return node.name.value if isinstance(node, n.Test | n.Scenario) else node.name.id


def _import(node: n.Import) -> Data:
    return node.path.value if node.alias is None else {"path": node.path.value, "as": node.alias.id}


def _exported(node: n.Program | n.Agent | n.Team | n.Plan, found: Mapping) -> Mapping:
    """Return the mapping of a declaration, with its documentation and its mark."""
    return _with_doc(node.doc, {"export": True, **found} if node.export else found)


def _with_doc(doc: str, found: Mapping) -> Mapping:
    return {"doc": doc, **found} if doc else found


def _declaration(node: n.Declaration) -> Data:
    match node:
        case n.Const(type=type_, value=value):
            words = Code(cog.expression(value))
            return words if type_ is None else {"type": Code(cog.type_text(type_)), "value": words}
        case n.TypeDecl(type=type_):
            return Code(cog.type_text(type_))
        case n.Model(provider=provider, argument=argument):
            head = {"provider": provider.id, "name": argument.value}
            return _with_doc(node.doc, {**head, **attributes(node.attributes, f"model {provider.id}")})
        case n.ModelList(models=models):
            names: Data = [m.text for m in models]
            return {"doc": node.doc, "models": names} if node.doc else names
        case n.Mcp(transport=transport, argument=argument):
            return _with_doc(
                node.doc, {transport.id: _data(argument), **attributes(node.attributes, f"mcp {transport.id}")}
            )
        case n.Program():
            return _program(node)
        case n.Coglet() | n.Mixin():
            return _holder(node)
        case n.Agent() | n.Team():
            params = {"params": _parameters(node.parameters)} if node.parameters else {}
            table = "agent" if isinstance(node, n.Agent) else "team"
            return _exported(node, {**params, **attributes(node.attributes, table)})
        case n.Dod():
            return _dod(node)
        case n.Plan():
            return _plan(node)
        case n.Queue(type=type_, backend=backend, argument=argument):
            found: Mapping = {"type": Code(cog.type_text(type_)), "backend": backend.id}
            found.update({"path": argument.value} if argument else {})
            return _with_doc(node.doc, {**found, **attributes(node.attributes, "queue")})
        case n.Test(checks=checks):
            return [Code(cog.check(c)) for c in checks]
        case n.Scenario():
            return Code(cog.scenario(node))
        case n.Import() | n.Sett() | n.Error():
            raise AssertionError(
                node
            )  # `file` writes imports, `write_sett.py` setts; a tree with mistakes is not written
        case _:
            assert_never(node)


def _parameters(parameters: tuple[n.Parameter, ...]) -> Mapping:
    return {p.name.id: Code(cog.parameter(p)) for p in parameters}


def _program(node: n.Program) -> Mapping:
    found: Mapping = {"params": _parameters(node.parameters)} if node.parameters else {}
    if node.result is not None:
        found["returns"] = Code(cog.type_text(node.result))
    executor = node.executor
    kind = executor.kind.id
    given = attributes(executor.attributes, kind)
    if kind in ("llm", "human"):
        found[kind] = given
        return _exported(node, found)
    argument = executor.argument
    if isinstance(argument, n.Qualified):
        found[kind] = Code(argument.text)
    elif argument is not None:
        found[kind] = Code(cog.expression(argument)) if kind == "expr" else _data(argument)
    else:
        found[kind] = None
    if given:
        found["with"] = given
    return _exported(node, found)


def _holder(node: n.Coglet | n.Mixin) -> Mapping:
    found: Mapping = {"params": _parameters(node.parameters)} if node.parameters else {}
    if node.mixins:
        found["with"] = [Code(cog.mixin_use(m)) for m in node.mixins]
    if isinstance(node, n.Coglet) and node.python is not None:
        found["python"] = node.python.path.value
    for cls, section in _first_first(_MEMBERS, node.members):
        own = [m for m in node.members if isinstance(m, cls)]
        if cls is n.Link:
            found[section] = [_link(m) for m in own]  # type: ignore[arg-type]
        elif cls is n.Reaction:
            found[section] = [_reaction(m) for m in own]  # type: ignore[arg-type]
        elif cls is n.Supervise:
            found[section] = _supervise(own[0])  # type: ignore[arg-type]
        else:
            found[section] = {m.name.id: _member(m) for m in own}  # type: ignore[union-attr]
    return _with_doc(node.doc, found)


def _member(node: n.Member) -> Data:
    match node:
        case n.Const() | n.Program():
            return _declaration(node)
        case n.Listen() | n.Transmit():
            table = "listen" if isinstance(node, n.Listen) else "transmit"
            type_ = Code(cog.type_text(node.type))
            if not node.attributes and not node.doc:
                return type_
            return _with_doc(node.doc, {"type": type_, **attributes(node.attributes, table)})
        case n.State():
            return Code(cog.state(node))
        case n.Create():
            made = Code(cog.create(node))
            if not node.attributes and not node.doc:
                return made
            return _with_doc(node.doc, {"coglet": made, **attributes(node.attributes, "create")})
        case n.Enact():
            return _enact(node)
        case n.Link() | n.Reaction() | n.Supervise() | n.Error():
            raise AssertionError(node)  # `_holder` writes the first three; a tree with mistakes is not written
        case _:
            assert_never(node)


def _link(node: n.Link) -> Data:
    made = Code(cog.link(node))
    return {"link": made, **attributes(node.attributes, "link")} if node.attributes else made


def _supervise(node: n.Supervise) -> Data:
    if not node.attributes:
        return node.strategy.id
    return {"strategy": node.strategy.id, **attributes(node.attributes, "supervise")}


def _reaction(node: n.Reaction) -> Mapping:
    found: Mapping = {}
    if len(node.triggers) == 1 and isinstance(node.triggers[0], n.Every | n.After):
        kind, _, words = cog.trigger(node.triggers[0]).partition(" ")
        found[kind] = Code(words)
    else:
        # the key is the word of the first trigger, and the other triggers follow with their own words
        first = node.triggers[0]
        words = ", ".join(cog.trigger(t) for t in node.triggers)
        kind = "on" if isinstance(first, n.On) else words.split(" ", 1)[0]
        found[kind] = Code(words if kind == "on" else words.split(" ", 1)[1])
    found.update(_modifiers(node.modifiers))
    if isinstance(node.body, n.Pipeline):
        found["pipe"] = Code(cog.pipeline(node.body))
    else:
        found["do"] = [Code(statement(s)) for s in node.body.statements]
    return _with_doc(node.doc, {**found, **_handler(node.handler)})


def _modifiers(modifiers: tuple[n.Modifier, ...]) -> Mapping:
    return {m.kind: Code(cog.modifier_value(m)) for m in modifiers}


def _handler(node: n.Handler | None) -> Mapping:
    if node is None:
        return {}
    return {"else": {"as": node.name.id, "do": [Code(statement(s)) for s in node.body.statements]}}


def _enact(node: n.Enact) -> Data:
    found: Mapping = {"params": _parameters(node.parameters)} if node.parameters else {}
    found.update(_modifiers(node.modifiers))
    if node.body is not None:
        found["do"] = [Code(statement(s)) for s in node.body.statements]
    return _with_doc(node.doc, {**found, **_handler(node.handler)})


def _dod(node: n.Dod) -> Mapping:
    found: Mapping = {"params": _parameters(node.parameters)} if node.parameters else {}
    if node.extends is not None:
        found["extends"] = node.extends.text
    for c in node.criteria:
        if isinstance(c, n.Attribute) and c.key.id in ATTRIBUTES["dod"]:
            found.update(attributes((c,), "dod"))
        else:
            found[c.key.id] = Code(cog.criterion(c))
    return _with_doc(node.doc, found)


def _plan(node: n.Plan) -> Mapping:
    found: Mapping = {"params": _parameters(node.parameters)} if node.parameters else {}
    if node.extends is not None:
        found["extends"] = node.extends.text
    found.update(attributes(tuple(i for i in node.items if isinstance(i, n.Attribute)), "plan"))
    steps = [i for i in node.items if isinstance(i, n.Step)]
    if steps:
        found["steps"] = {s.name.id: _step(s) for s in steps}
    return _exported(node, found)


def _step(node: n.Step) -> Mapping:
    found: Mapping = {}
    if node.by is not None:
        found["by"] = node.by.text
    if node.after:
        found["after"] = [a.id for a in node.after]
    if node.condition is not None:
        found["when"] = Code(cog.expression(node.condition))
    return {**found, **attributes(node.attributes, "step"), "task": _data(node.task)}


# ---- values --------------------------------------------------------------------------------------------------


def attributes(given: tuple[n.Attribute, ...], owner: str) -> Mapping:
    """Return the mapping of attributes, by their kinds in the table of their owner."""
    return {a.key.id: _attribute(a, ATTRIBUTES.get(owner, {}).get(a.key.id, "")) for a in given}


def _attribute(node: n.Attribute, kind: str) -> Data:
    if node.key.id == "spawn" and node.block:
        return {"agents": _references(node.value), **attributes(node.block, "spawn")}
    head = kind.partition(" ")[0]
    if head == "type" and kind.strip() in ("type", "type !"):
        return Code(cog.value(node.value))
    if head in ("word", "ref", "map", "name"):
        return _words(node.value)
    if head == "roles" and isinstance(node.value, n.RecordLiteral):
        return {e.key.id: _words(e.value) for e in node.value.entries if isinstance(e, n.Entry)}
    return _references(node.value) if head in ("refs", "roles") else _data(node.value)


def _words(value: n.Value) -> str:
    if isinstance(value, n.Text):
        return Quoted("=" + value.value if value.value.startswith("=") else value.value)
    words = cog.value(value)
    return Code("=" + words) if isinstance(value, n.Binary) else Code(words)


def _references(value: n.Value) -> Data:
    items = value.items if isinstance(value, n.ListLiteral) else (value,)
    return [_words(i) for i in items]


def _data(node: n.Value) -> Data:
    """Return a value in a data position: a constant as data, any other as the string `=expr`."""
    match node:
        case n.Literal(kind="duration", value=value):
            return Code(duration_text(int(value or 0)))
        case n.Literal(value=value):
            return value
        case n.Text(value=value, template=template) if template == ("{{" in value or "{%" in value):
            return "=" + value if value.startswith("=") else value
        case n.ListLiteral(items=items):
            return [_data(i) for i in items]
        case n.RecordLiteral(entries=entries) if all(isinstance(e, n.Entry) for e in entries):
            return {e.key.id: _data(e.value) for e in entries if isinstance(e, n.Entry)}
    return "=" + cog.value(node)


def dump(whole: Mapping) -> str:
    """Return the text of a file."""
    return _dump(whole, 0).lstrip("\n") + "\n"


def _dump(value: Data, depth: int) -> str:
    """Return a value as YAML: a scalar on the line of its key, mappings and lists below it."""
    pad = "\n" + "  " * depth
    if isinstance(value, dict):
        if not value:
            return " {}"
        return "".join(f"{pad}{'on' if k == 'on' else _scalar(k)}:{_dump(v, depth + 1)}" for k, v in value.items())
    if isinstance(value, list):
        if not value:
            return " []"
        return "".join(f"{pad}- {_item(v, depth + 1)}" for v in value)
    return " " + _scalar(value, depth)


def _item(value: Data, depth: int) -> str:
    """Return an item of a list; a mapping or list in it starts on the line of the dash."""
    return _dump(value, depth).lstrip()


def _scalar(value: str | int | float | bool | None, depth: int = 0) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if "\n" in value and _blockable(value):
        pad = "  " * (depth + 1)
        lines = "\n".join(pad + line if line else "" for line in value.removesuffix("\n").split("\n"))
        return ("|" if value.endswith("\n") else "|-") + "\n" + lines
    return str(value) if _plain(value) and not isinstance(value, Quoted) else _quoted(value)


def _blockable(value: str) -> bool:
    """Return whether a block scalar keeps a string unchanged: no blanks at the ends of lines, one newline at most at the end."""
    lines = value.removesuffix("\n").split("\n")
    return (
        all(line.isprintable() and line == line.rstrip() for line in lines)
        and lines[0][:1] not in ("", " ")
        and lines[-1] != ""
    )


def _quoted(value: str) -> str:
    import json

    if value.isprintable() and "'" not in value:
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False)


_SPECIAL = (
    "-",
    "?",
    ":",
    ",",
    "[",
    "]",
    "{",
    "}",
    "#",
    "&",
    "*",
    "!",
    "|",
    ">",
    "'",
    '"',
    "%",
    "@",
    "`",
    " ",
    "=",
    "~",
    "<",
)


def _plain(value: str) -> bool:
    """Return whether a string needs no quotes, in data and as code."""
    if not value or value.startswith(_SPECIAL) or value.endswith((" ", ":")) or not value.isprintable():
        return False
    if ": " in value or " #" in value or value in AMBIGUOUS:
        return False
    if isinstance(value, Code):
        return True
    if value.lower() in ("true", "false", "null") or value[0].isdigit():
        return not (value.lower() in ("true", "false", "null") or _number(value))
    return True


def _number(value: str) -> bool:
    if value.replace("_", "").isdigit() or is_float(value):
        return True
    try:
        nanoseconds(value)
    except ValueError:
        return False
    return True

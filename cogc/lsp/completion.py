"""Completion and signature help: the words that could stand at a cursor, and the parameters of the call around it."""

from __future__ import annotations

import os
import posixpath

from cogc.analysis.prompts import VALUES
from cogc.analysis.scope import Scope
from cogc.analysis.tests import main_of
from cogc.analysis.uses import Meaning, meaning_of
from cogc.diagnostics.source import Source, Span, looks_like_yaml
from cogc.disk.files import is_spec
from cogc.language import attributes, docs, types
from cogc.language.builtins import FUNCTIONS
from cogc.language.media import type_by_name
from cogc.language.templates import FILTERS, TESTS
from cogc.language.texts import is_internal
from cogc.lsp.documents import range_of
from cogc.lsp.hover import attribute_text, declaration, kind_text
from cogc.lsp.places import below, block_of
from cogc.lsp.probe import IN_STRING, IN_TEMPLATE, MARK, Probe, string_at
from cogc.names.python_code import find
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeAlias

    from cogc.lsp.workspace import Workspace
    from cogc.names.world import Member, Parameter, Shape, Unit

    Item: TypeAlias = dict[str, Any]

_FUNCTION, _FIELD, _VARIABLE, _CLASS, _INTERFACE, _MODULE, _PROPERTY = 3, 5, 6, 7, 8, 9, 10
_VALUE, _KEYWORD, _FILE, _CONSTANT, _EVENT, _TYPE = 12, 14, 17, 21, 23, 25
_KINDS = {
    "const": _CONSTANT, "type": _TYPE, "model": _VALUE, "mcp": _MODULE, "program": _FUNCTION, "coglet": _CLASS,
    "mixin": _INTERFACE, "agent": _CLASS, "team": _CLASS, "dod": _CLASS, "plan": _CLASS, "sett": _CLASS, "queue": _EVENT,
    "listen": _EVENT, "transmit": _EVENT, "enact": _FUNCTION, "state": _PROPERTY, "create": _VARIABLE,
    "parameter": _VARIABLE, "local": _VARIABLE, "field": _FIELD, "function": _FUNCTION,
}  # fmt: skip
_SNIPPETS = {
    "agent": 'agent ${1:Name} {\n  model: ${2:model}\n  system: "${3}"\n}',
    "coglet": "coglet ${1:Name} {\n  $0\n}",
    "const": "const ${1:name} = $0",
    "create": "create ${1:child} = ${2:Coglet}($0)",
    "dod": "dod ${1:Name} {\n  $0\n}",
    "enact": "enact ${1:name}($2) {\n  $0\n}",
    "every": "every ${1:1s} {\n  $0\n}",
    "import": 'import "$0"',
    "link": "link ${1:self.x} -> ${2:child.y}",
    "listen": "listen ${1:name}: ${2:string}",
    "mixin": "mixin ${1:Name} {\n  $0\n}",
    "model": 'model ${1:name} = ${2|anthropic,openai,scripted|} "$0"',
    "on": "on ${1:channel} as ${2:x} {\n  $0\n}",
    "plan": 'plan ${1:Name} {\n  goal: "$2"\n  step ${3:first} by ${4:Agent}: "$0"\n}',
    "program": "program ${1:name}($2) -> ${3:string} = $0",
    "queue": "queue ${1:name}: ${2:string} = ${3|memory,sqlite,redis,store|}",
    "scenario": 'scenario "$1" { $0 }',
    "sett": "sett ${1:name} {\n  $0\n}",
    "state": "state ${1:name}: ${2:int} = $0",
    "team": "team ${1:Name} {\n  lead: ${2:Agent}\n  workers: [$0]\n}",
    "test": 'test "$1" {\n  $0\n}',
    "transmit": "transmit ${1:name}: ${2:string}",
    "type": "type ${1:Name} = $0",
}
"""The phrases that a keyword begins, for editors that fill in their holes."""
_COGLETS = ("coglet", "agent", "team", "dod", "plan", "queue")


def completion(workspace: Workspace, path: str, offset: int, snippets: bool = False) -> list[Item]:
    """Return the words that could stand at a place."""
    known = workspace.tree(path)
    if known is None:
        return []
    if not looks_like_yaml(path, known[0].text) and (start := string_at(known[0], offset)) is not None:
        return _in_string(workspace, path, known[0], start, offset)
    probe = Probe(workspace, path, known[0], offset)
    items = _Candidates(probe).items()
    keywords = [] if _after_dot(probe) else [_keyword(w, snippets) for w in probe.keywords]
    place = range_of(Span(known[0], probe.start, probe.end))
    made: dict[str, Item] = {}
    for item in (*items, *keywords):
        text = item.pop("insert", item["label"])
        made.setdefault(item["label"], {**item, "textEdit": {"range": place, "newText": text}})
    return list(made.values())


def _after_dot(probe: Probe) -> bool:
    return probe.source.text[: probe.start].endswith(".")


def _keyword(word: str, snippets: bool) -> Item:
    item: Item = {"label": word, "kind": _KEYWORD, "sortText": f"3{word}"}
    if word in docs.KEYWORDS:
        item["documentation"] = {"kind": "markdown", "value": docs.KEYWORDS[word]}
    if snippets and word in _SNIPPETS:
        item |= {"insert": _SNIPPETS[word], "insertTextFormat": 2}
    return item


def _item(label: str, kind: int, detail: str = "", doc: str = "", rank: int = 1) -> Item:
    item: Item = {"label": label, "kind": kind, "sortText": f"{rank}{label}"}
    if detail:
        item["detail"] = detail
    if doc:
        item["documentation"] = {"kind": "markdown", "value": doc}
    return item


def _of(meaning: Meaning, label: str = "", type: types.Type | None = None) -> Item:
    """Return the item of something that has a name."""
    doc = str(getattr(meaning.node, "doc", ""))
    detail = declaration(meaning, type).partition("\n")[0]
    return _item(label or meaning.name, _KINDS.get(meaning.kind, _VARIABLE), detail, doc, 1)


def _words(words: Iterable[str], texts: dict[str, str] | None = None) -> list[Item]:
    return [_item(w, _VALUE, doc=(texts or {}).get(w, "")) for w in words]


class _Candidates:
    """The words that could stand at the mark of a probe, by the nodes around it."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.line = probe.line
        while len(self.line) > 2 and getattr(self.line[-2], "base", None) is self.line[-1]:
            self.line = self.line[:-1]  # a path that goes on behind the mark stands where the mark would

    def items(self) -> list[Item]:
        if self.probe.analysis is None or self.probe.unit is None or len(self.line) < 2:
            return []
        self.unit: Unit = self.probe.unit
        self.world = self.probe.analysis.checked.world
        self.tables = self.probe.analysis.checked.tables
        self.shape: Shape | None = self.probe.shape
        name, parent = self.line[-1], self.line[-2]
        match parent:
            case nodes.Attribute(key=key) if key is name:
                return self._keys(parent)
            case nodes.Attribute():
                return self._value(parent)
            case nodes.ListLiteral() | nodes.Binary() if (named := self._listed()) is not None:
                return named
            case nodes.Field(name=last) if last is name:
                return self._members(parent)
            case nodes.Qualified():
                return self._qualified(parent, self.line[-3])
            case nodes.Executor(kind=kind) if kind is name:
                return _words(attributes.EXECUTORS, docs.EXECUTORS)
            case nodes.Model(provider=provider) if provider is name:
                return _words(attributes.PROVIDERS)
            case nodes.Mcp(transport=transport) if transport is name:
                return _words(attributes.TRANSPORTS)
            case nodes.Queue(backend=backend) if backend is name:
                return _words(attributes.BACKENDS)
            case nodes.Supervise(strategy=strategy) if strategy is name:
                return _words(attributes.STRATEGIES)
            case nodes.Log(level=level) if level is name:
                return _words(attributes.LEVELS)
            case nodes.Step(name=own) if own is not name:
                return self._steps(parent)
            case nodes.Entry(key=key) if key is name:
                return self._entries()
            case nodes.Argument() | nodes.Call():
                return [*self._named_arguments(), *self._expression(), *self._statement()]
            case _:
                return self._path(parent) or self._expression()

    # ---- names of declarations -----------------------------------------------------------------------------

    def _declared(self, *kinds: str) -> list[Item]:
        """Return the declarations of some kinds that the file can name, those of its imports by an alias among them."""
        names = [*self.unit.names(), *(self.world.prelude.public() if self.world.prelude and "mixin" in kinds else ())]
        found = []
        for name in names:
            declared = self.world.lookup(self.unit, name)
            if declared is None or declared.kind not in kinds or MARK in name or is_internal(name):
                continue
            meaning = meaning_of(declared.unit, declared.node)
            found += [] if meaning is None else [_of(meaning, name)]
        aliases = [a for a in self.unit.aliases if any(n["label"].startswith(f"{a}.") for n in found)]
        return [*found, *(_item(a, _MODULE) for a in aliases)]

    def _qualified(self, node: nodes.Qualified, outer: nodes.Node) -> list[Item]:
        kinds: tuple[str, ...]
        match outer:
            case nodes.TypeName() | nodes.MapType():
                words = [_item(w, _TYPE, doc=docs.TYPES[w], rank=2) for w in docs.TYPES]
                attribute = next((n for n in reversed(self.line) if isinstance(n, nodes.Attribute)), None)
                found = [*words, *self._declared("type")] if attribute is None else self._value(attribute)
            case nodes.Create():
                found = self._declared(*_COGLETS[:-1])
            case nodes.MixinUse():
                found = self._declared("mixin")
            case nodes.Dod() | nodes.Plan():
                found = self._declared(outer.__class__.__name__.lower())
            case nodes.Step():
                roles = self.line[-4] if isinstance(self.line[-4], nodes.Plan) else None
                found = [*self._declared("agent", "team"), *(self._roles(roles) if roles is not None else ())]
            case nodes.Executor():
                kinds = ("mcp",)
                found = self._declared(*kinds)
            case nodes.ModelList() | nodes.Judge() | nodes.ExpectJudge():
                found = self._declared("model")
            case nodes.Use():
                main = main_of(self.world, self.unit)
                meaning = None if main is None else meaning_of(main.unit, main.node)
                found = [*self._declared(*_COGLETS, "sett"), *([] if meaning is None else [_of(meaning)])]
            case nodes.Script():
                found = self._declared("program", "model", "agent")
            case _:
                found = []
        before = ".".join(p.id for p in node.parts[: node.parts.index(self.line[-1])])
        if before:  # what stands behind the alias, or the tools of a server
            tools = self._tools(before) if isinstance(outer, nodes.Executor) else []
            return tools or _behind(found, before)
        return found

    def _tools(self, server: str) -> list[Item]:
        """Return the tools of a server that the lock file knows."""
        from cogc.names.locks import tools_of

        found = tools_of(self.world, self.unit, server) or {}
        return [_item(name, _FUNCTION, doc=str(about.get("description", ""))) for name, about in found.items()]

    def _roles(self, plan: nodes.Plan) -> list[Item]:
        given = next((i.value for i in plan.items if isinstance(i, nodes.Attribute) and i.key.id == "roles"), None)
        return _words(i.id for i in getattr(given, "items", ()) if isinstance(i, nodes.Name))

    def _steps(self, step: nodes.Step) -> list[Item]:
        plan = next((n for n in self.line if isinstance(n, nodes.Plan)), None)
        items = plan.items if plan is not None else ()
        return _words(i.name.id for i in items if isinstance(i, nodes.Step) and i is not step)

    # ---- attributes ----------------------------------------------------------------------------------------

    def _keys(self, node: nodes.Attribute) -> list[Item]:
        block = block_of(self.line, node)
        parent = self.line[-3]
        given = {n.key.id for n in below(parent) if isinstance(n, nodes.Attribute)}
        table = attributes.ATTRIBUTES.get(block, {})
        missing = self.probe.behind == ": 0"  # else there is a `:` already
        return [
            {
                **_item(k, _PROPERTY, kind_text(v), attribute_text(block, k), 0 if v.endswith("!") else 1),
                "insert": f"{k}: " if missing else k,
            }
            for k, v in table.items()
            if k not in given
        ]

    def _value(self, node: nodes.Attribute) -> list[Item]:
        """Return the values that an attribute takes: words, declarations, types, or an expression."""
        kind = attributes.ATTRIBUTES.get(block_of(self.line, node), {}).get(node.key.id, "").removesuffix("!").strip()
        head, _, rest = kind.partition(" ")
        match head:
            case "word":
                return _words(rest.split())
            case "ref" | "refs":
                own = self.shape.programs if self.shape is not None and "program" in rest else {}
                found = [m for p in own.values() if (m := meaning_of(p.owner.unit, p.node, p)) is not None]
                return [*self._declared(*rest.split()), *(_of(m) for m in found if not is_internal(m.name))]
            case "map":
                return _words(attributes.SHARING)
            case "type" if not rest:
                return [*(_item(w, _TYPE, doc=docs.TYPES[w], rank=2) for w in docs.TYPES), *self._declared("type")]
            case "secret" | "secrets":
                return [_item("env", _FUNCTION, 'env("NAME")'), *self._expression()]
            case _:
                truth = _words(["true", "false"]) if rest == "bool" else []
                return [*truth, *self._expression()]

    def _listed(self) -> list[Item] | None:
        """Return the declarations that the list around the mark may name; None if it is no list of an attribute."""
        attribute = next((n for n in self.line[-3:-1] if isinstance(n, nodes.Attribute)), None)
        attribute = attribute or next((n for n in self.line[-4:-3] if isinstance(n, nodes.Attribute)), None)
        kind = (
            ""
            if attribute is None
            else attributes.ATTRIBUTES.get(block_of(self.line, attribute), {}).get(attribute.key.id, "")
        )
        return self._value(attribute) if attribute is not None and kind.startswith("ref") else None

    def _entries(self) -> list[Item]:
        """Return the fields of the record type that a literal is needed as, those that it has left out."""
        record = next((n for n in reversed(self.line) if isinstance(n, nodes.RecordLiteral)), None)
        wanted = None if record is None else self.tables.wanted.get(id(record))
        if record is None or wanted is None:
            return []
        given = {e.key.id for e in record.entries if isinstance(e, nodes.Entry)}
        fields = {f.name: f for m in types.members(wanted) if isinstance(m, types.RecordOf) for f in m.fields}
        missing = self.probe.behind == ": 0"
        return [
            {**_item(n, _FIELD, types.show(f.type), rank=1 if f.optional else 0), "insert": f"{n}: " if missing else n}
            for n, f in fields.items()
            if n not in given
        ]

    # ---- values --------------------------------------------------------------------------------------------

    def _expression(self) -> list[Item]:
        """Return the values that the scope of the mark has, and the functions."""
        scope = self.probe.unknown()
        return _of_scope(scope) if isinstance(scope, Scope) else []

    def _named_arguments(self) -> list[Item]:
        found = call_around(self.probe)
        if found is None:
            return []
        given = {a.name.id for a in found[2] if a.name is not None}
        return [
            {
                **_item(p.name, _FIELD, f"{p.name}: {types.show(p.type)}", rank=0),
                "label": f"{p.name}:",
                "insert": f"{p.name}: ",
            }
            for p in found[1]
            if p.name not in given
        ]

    def _statement(self) -> list[Item]:
        """Return what a statement can begin with besides a call: a channel, a state, a child."""
        begins = len(self.line) > 2 and isinstance(self.line[-3], nodes.Evaluate)
        if not begins or self.shape is None:
            return []
        tables = (self.shape.transmits, self.shape.states, self.shape.children)
        return [item for table in tables for item in _members(table)]

    # ---- paths ---------------------------------------------------------------------------------------------

    def _path(self, parent: nodes.Node) -> list[Item]:
        """Return the first names of paths: channels, children, `self`."""
        shape = self.shape
        if shape is None:
            return self._of_test(parent)
        own = [_item("self", _VARIABLE)]
        match parent:
            case nodes.On():
                queues = self._declared("queue")
                hooks = _words(("start", "stop", "all", "error"))
                return [*_members(shape.listens), *_members(shape.children), *queues, *hooks]
            case nodes.Await():
                return [*_members(shape.listens), *_members(shape.children)]
            case nodes.Send():
                first = [*_members(shape.transmits), *_members(shape.children), *self._declared("queue"), *own]
                return first if parent.target is self.line[-1] else []
            case nodes.Assign():
                return _members(shape.states) if parent.name is self.line[-1] else []
            case nodes.Link() | nodes.Guide():
                return [*own, *_members(shape.children)]
            case nodes.Stop():
                return [*own, *_members(shape.children)]
            case nodes.Restart():
                return _members(shape.children)
            case nodes.Grow():
                return _members({n: m for n, m in shape.children.items() if shape.is_pool(m)})
            case _:
                return []

    def _of_test(self, parent: nodes.Node) -> list[Item]:
        root = self.probe.root
        if root is None or not isinstance(parent, nodes.Feed | nodes.Order | nodes.Crash | nodes.Disturb):
            return []
        return [*_members(root.children), _item("self", _VARIABLE)]

    def _members(self, node: nodes.Field) -> list[Item]:
        """Return the names that can stand behind a dot."""
        base = node.base
        if isinstance(base, nodes.Name) and base.id in self.unit.aliases:
            other = self.unit.aliases[base.id]
            found = [meaning_of(other, other.declared[n].node) for n in other.public()]
            return [_of(m) for m in found if m is not None]
        path = next((n for n in reversed(self.line[:-2]) if not isinstance(n, nodes.Field | nodes.Index)), None)
        reached = self.probe.reached(base)
        if reached is not None and path is not None:
            return self._ports(reached, path, isinstance(base, nodes.Name) and base.id == "self")
        type = self.tables.types.get(id(base))
        return [] if type is None else _fields(type)

    def _ports(self, shape: Shape, parent: nodes.Node, own: bool) -> list[Item]:
        match parent:
            case nodes.Send() | nodes.Feed() | nodes.Evaluate() | nodes.Call():
                return _members(shape.listens)
            case nodes.On() | nodes.Await() | nodes.Happening() | nodes.Argument():
                return _members(shape.transmits)
            case nodes.Guide() | nodes.Order():
                return _members(shape.enacts)
            case nodes.Link(sources=sources):
                reading = self.line[self.line.index(parent) + 1] in sources
                return _members(shape.transmits if reading != own else shape.listens)
            case nodes.Crash() | nodes.Disturb():
                return [*_members(shape.children), *_members(shape.transmits)]
            case _:
                fields = ("index", "id", "name", "path") if own else ()
                return [*_words(fields), *(_fields_of_test(shape) if self.shape is None else ())]


def _fields_of_test(shape: Shape) -> list[Item]:
    return [item for table in (shape.transmits, shape.states, shape.children) for item in _members(table)]


def _behind(items: list[Item], before: str) -> list[Item]:
    """Return those items that stand behind an alias, by what follows it."""
    found = [i for i in items if i["label"].startswith(f"{before}.")]
    return [{**i, "label": i["label"][len(before) + 1 :]} for i in found]


def _members(table: dict[str, Member]) -> list[Item]:
    found = [meaning_of(m.owner.unit, m.node, m) for n, m in table.items() if not is_internal(n)]
    return [_of(m, type=m.type) for m in found if m is not None and m.name != MARK]


def _fields(type: types.Type) -> list[Item]:
    """Return the fields of a value of a type."""
    records = [m for m in types.members(type) if isinstance(m, types.RecordOf)]
    return [_item(f.name, _FIELD, types.show(f.type)) for r in records for f in r.fields]


def _of_scope(scope: Scope, kinds: tuple[str, ...] = ()) -> list[Item]:
    found = []
    for name in scope.values():
        symbol = scope.find(name)
        if symbol is None or MARK in name or symbol.kind == "model" or (kinds and symbol.kind not in kinds):
            if "." in name and not kinds:
                found.append(_item(name, _VALUE, rank=2))
            continue
        if symbol.kind == "function":
            takes = f"{docs.FUNCTIONS[name]}; takes {FUNCTIONS[name][3]}"
            found.append(_item(name, _FUNCTION, f"{name}(...)", takes, 2))
        elif isinstance(symbol.node, nodes.Node) and symbol.unit is not None:
            meaning = meaning_of(symbol.unit, symbol.node, symbol.member)
            found += [] if meaning is None else [_of(meaning, name)]
        else:
            type = scope.narrowed.get(name, symbol.type)
            found.append(_item(name, _VARIABLE, f"{name}: {types.show(type)}", rank=0))
    return [*found, *(_item(a, _MODULE) for a in scope.unit.aliases)]


# ---- inside of strings ---------------------------------------------------------------------------------------


def _in_string(workspace: Workspace, path: str, source: Source, start: int, offset: int) -> list[Item]:
    """Return the words inside of a string: names of a template, paths, functions of a module."""
    start += 3 if source.text.startswith('"""', start) else 1
    written = source.text[start:offset]
    opened = max(written.rfind("{{"), written.rfind("{%"))
    in_template = opened >= 0 and not any(m in written[opened:] for m in ("}}", "%}"))
    following = source.text[offset:].partition("\n")[0]
    closed = any(m in following.partition('"')[0] for m in ("}}", "%}"))
    probe = Probe(workspace, path, source, offset, IN_TEMPLATE if in_template and not closed else IN_STRING)
    if in_template:
        return _in_template(probe, written[opened + 2 :])
    line = probe.line
    match line[-2] if len(line) > 1 else None:
        case nodes.Import():
            wanted = _files(path, written, is_spec)
            found = [*wanted, *(_item(f"std/{n}", _FILE) for n in _standard())]
        case nodes.Argument() if isinstance(line[-3], nodes.Call) and nodes.qualified_text(line[-3].function) == "file":
            found = _files(path, written, lambda p: bool(type_by_name(p)))
        case nodes.Model(provider=provider) if provider.id == "scripted":
            found = _files(path, written, lambda p: p.endswith((".yml", ".yaml")))
        case nodes.ForRows() | nodes.ExpectTrace():
            found = _files(path, written, lambda p: p.endswith((".jsonl", ".json")))
        case nodes.Executor(kind=kind) if kind.id == "python":
            found = _python(workspace, path, written)
        case _:
            found = []
    place = range_of(Span(source, start, offset))
    return [{**i, "textEdit": {"range": place, "newText": i["label"]}} for i in found]


def _standard() -> list[str]:
    from cogc.disk.resources import place

    return sorted(n for n in os.listdir(place("stdlib")) if n.endswith(".cog"))


def _files(path: str, written: str, wanted: Callable[[str], bool]) -> list[Item]:
    """Return the files and folders beside the spec that a path could go on with."""
    head = posixpath.dirname(written)
    folder = posixpath.join(posixpath.dirname(path), head)
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    found = []
    for name in names:
        place = posixpath.normpath(posixpath.join(folder, name))
        if name.startswith(".") or place == path:
            continue
        if os.path.isdir(place):
            found.append(_item(posixpath.join(head, name) + "/", _FILE))
        elif wanted(place):
            found.append(_item(posixpath.join(head, name), _FILE))
    return found


def _python(workspace: Workspace, path: str, written: str) -> list[Item]:
    """Return modules beside the spec, or behind a colon the functions of the module."""
    analysis = workspace.analysis(path)
    module, colon, _ = written.partition(":")
    if not colon or analysis.unit is None:
        files = [str(i["label"]) for i in _files(path, "", lambda p: p.endswith(".py"))]
        return [_item(f.removesuffix(".py") + ":", _MODULE) for f in files if f.endswith(".py")]
    code = find(analysis.checked.world, analysis.unit, module)
    names = [] if code is None else [n for n in code.names if not n.startswith("_")]
    return [_item(f"{module}:{n}", _FUNCTION) for n in names]


def _in_template(probe: Probe, inside: str) -> list[Item]:
    """Return the names of values, filters or tests between the marks of a template; `inside` is what is written there."""
    words = inside.replace("|", " | ").split()
    if words and not inside[-1].isspace() and words[-1] != "|":
        words.pop()  # the word that is being typed
    before = words[-1] if words else ""
    if before == "|":
        found = [_item(name, _FUNCTION, "filter") for name in FILTERS]
    elif before == "is":
        found = [_item(name, _FUNCTION, "test") for name in TESTS]
    else:
        what = probe.unknown()
        found = _of_scope(what, VALUES) if isinstance(what, Scope) else _fields(what) if what is not None else []
    place = range_of(Span(probe.source, probe.start, probe.end))
    return [{**i, "textEdit": {"range": place, "newText": i["label"]}} for i in found]


# ---- signature help ------------------------------------------------------------------------------------------


def call_around(probe: Probe) -> tuple[str, list[Parameter], tuple[nodes.Argument, ...], str] | None:
    """Return the call around the mark: its name, its parameters, its arguments, its documentation."""
    analysis, unit = probe.analysis, probe.unit
    if analysis is None or unit is None:
        return None
    world, tables = analysis.checked.world, analysis.checked.tables
    for i in range(len(probe.line) - 1, 0, -1):
        node, inner = probe.line[i - 1], probe.line[i]
        if not isinstance(inner, nodes.Argument):
            continue
        match node:
            case nodes.Call(function=function, arguments=given):
                symbol = tables.symbols.get(id(function))
                if symbol is None or symbol.kind not in ("program", "agent"):
                    return None
                doc = str(getattr(symbol.node, "doc", ""))
                return symbol.name, analysis.checked.inference.signature(symbol).parameters, given, doc
            case nodes.Create() | nodes.MixinUse() | nodes.Use():
                name = node.name.text if isinstance(node, nodes.MixinUse) else node.coglet.text
                declared = world.lookup(unit, name)
                shape = None if declared is None else world.shape(declared)
                if shape is None:
                    return None
                return shape.name, list(shape.parameters.values()), node.arguments, shape.node.doc
            case nodes.Guide(target=nodes.Field(base=base, name=last), arguments=given):
                shape = probe.reached(base)
                member = None if shape is None else shape.enacts.get(last.id)
                if member is None or member.signature is None:
                    return None
                return last.id, member.signature.parameters, given, member.node.doc
            case nodes.Grow(pool=pool, arguments=given):
                shape = probe.reached(pool)
                return None if shape is None else (shape.name, list(shape.parameters.values()), given, shape.node.doc)
            case _:
                continue
    return None


def signature_help(workspace: Workspace, path: str, offset: int) -> object:
    """Return the parameters of the call around a place, and which of them the argument there is for."""
    known = workspace.tree(path)
    if known is None:
        return None
    probe = Probe(workspace, path, known[0], offset)
    argument = next((n for n in reversed(probe.line) if isinstance(n, nodes.Argument)), None)
    found = call_around(probe)
    if argument is None:
        return None
    if found is None:
        return _built_in(probe)
    name, parameters, given, doc = found
    shown = [f"{p.name}: {types.show(p.type)}" for p in parameters]
    index = next((i for i, a in enumerate(given) if a is argument), 0)
    if argument.name is not None:
        index = next((i for i, p in enumerate(parameters) if p.name == argument.name.id), len(parameters))
    label = f"{name}({', '.join(shown)})"
    signature = {"label": label, "documentation": doc, "parameters": [{"label": s} for s in shown]}
    return {"signatures": [signature], "activeSignature": 0, "activeParameter": index}


def _built_in(probe: Probe) -> object:
    """Return the signature of the built-in function that is called around the mark."""
    for node in reversed(probe.line):
        if isinstance(node, nodes.Call) and (name := nodes.qualified_text(node.function)) in FUNCTIONS:
            assert name is not None
            label = f"{name}({FUNCTIONS[name][3]})"
            signature = {"label": label, "documentation": docs.FUNCTIONS[name], "parameters": []}
            return {"signatures": [signature], "activeSignature": 0, "activeParameter": 0}
    return None

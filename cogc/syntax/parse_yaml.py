"""A spec in YAML to nodes: `parse_yaml.parse(source, root, problems) -> nodes.File`, the same tree as from the cog notation.

Expressions, types, statements and triggers have the same text in both notations and are read by the same grammar; their
places are mapped back into the YAML file. A plain value is data: a word where the table of attributes has a word, else a
string, number or duration. An expression among data is written `=expr`. `specs/yaml.md` has a table of every form.
"""

from __future__ import annotations

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source, Span
from cogc.diagnostics.suggest import nearest, suggestion
from cogc.language.attributes import ATTRIBUTES, EXECUTORS
from cogc.language.record import replace
from cogc.syntax import nodes as n
from cogc.syntax.depth import too_deep
from cogc.syntax.fragments import Fragments
from cogc.syntax.odd_keys import uses_spelt
from cogc.syntax.parse_cog import SHALLOW
from cogc.syntax.read_yaml import Mapping, Scalar, Sequence, cut, shifted
from cogc.syntax.yaml_shapes import AMBIGUOUS, COGLET, COMMAND, MIXIN, REACTION, Shapes, keys, pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence as Sequenced
    from typing import Any, TypeVar

    R = TypeVar("R")
    C = TypeVar("C", n.Listen, n.Transmit)
    H = TypeVar("H", n.Agent, n.Team)
    Members = type[n.Coglet | n.Mixin]
    Value = Scalar | Sequence | Mapping


def parse(source: Source, root: Mapping, problems: Problems) -> n.File:
    """Return the tree of a spec's YAML; what could not be read is a problem."""
    reader = Reader(source, problems)
    tree = reader.file(uses_spelt(root))
    # most trees are certain not to nest deeper than later stages can walk
    if (reader.deep_data or reader.fragments.may_be_deep) and too_deep(tree, source, problems):
        return n.File(0, len(source.text), "", ())
    return tree


class Reader(Shapes):
    """Reads the values of one file into nodes. A method that cannot read a value reports it and returns None."""

    def __init__(self, source: Source, problems: Problems) -> None:
        super().__init__(source, problems)
        self.fragments = Fragments(source)
        self.deep_data = False
        self.member_readers: dict[str, Callable[[Value], Sequenced[n.Member | None]]] = {
            "consts": self._each(self._const),
            "listen": self._each(self._channel(n.Listen, "listen")),
            "transmit": self._each(self._channel(n.Transmit, "transmit")),
            "state": self._each(self._state),
            "programs": self._each(self.program),
            "create": self._each(self._create),
            "link": self._links,
            "supervise": self._supervise,
            "reactions": self._reactions,
            "enact": self._each(self._enact),
        }

    # ---- fragments -----------------------------------------------------------------------------------------

    def fragment(self, kind: str, value: Value, where: str) -> Sequenced[Any] | None:
        """Read a piece of text by the grammar. Return its nodes, or None and a report."""
        if isinstance(value, Scalar):
            return self.fragments.read(kind, value.text, value.segments, self.problems)
        self.wrong(value, where, "text", "write it on one line, in quotes where it needs them")
        return None

    def expression(self, value: Value, where: str) -> n.Expr:
        """Read the text of a value that is an expression without a mark."""
        found = self.fragment("expression", value, where)
        return found[0] if found else n.Error(value.start, value.end)

    def type(self, value: Value, where: str) -> n.TypeExpr:
        found: Sequenced[n.TypeExpr] | None = self.fragment("type", value, where)
        if found:
            return found[0]
        any_ = n.Name(value.start, value.end, "any")
        return n.TypeName(value.start, value.end, n.Qualified(value.start, value.end, (any_,)))

    # ---- data ----------------------------------------------------------------------------------------------

    def data(self, value: Value, depth: int = 0) -> n.Expr:
        """Return the expression that a value in a data position stands for."""
        if not isinstance(value, Scalar):
            self.deep_data |= depth > SHALLOW
        if isinstance(value, Sequence):
            return n.ListLiteral(value.start, value.end, tuple(self.data(i, depth + 1) for i in value.items))
        if isinstance(value, Mapping):
            entries = tuple(n.Entry(k.start, v.end, self.name(k), self.data(v, depth + 1)) for k, v in value.pairs)
            return n.RecordLiteral(value.start, value.end, entries)
        if value.text.startswith("="):
            if not value.text.startswith("=="):
                return self.expression(cut(value, 1), "an expression")
            return self.string(cut(value, 1))
        if value.plain and value.text in AMBIGUOUS:
            self.string(value)
            return n.Error(value.start, value.end)
        return self.plain(value) if value.plain else self.string(value)

    def attribute(self, key: Scalar, value: Value, table: dict[str, str]) -> n.Attribute:
        """Read the value of an attribute by its kind in the table: a word, a reference, a type, or data."""
        kind = table.get(key.text, "").partition(" ")[0]
        name = self.name(key)
        block: tuple[n.Attribute, ...] = ()
        if isinstance(value, Mapping) and key.text == "spawn":
            value = self.needed(value, "`spawn`", ("agents",), ATTRIBUTES["spawn"])
            inner = {k.text: (k, v) for k, v in value.pairs}
            block = tuple(self.attribute(k, v, ATTRIBUTES["spawn"]) for t, (k, v) in inner.items() if t != "agents")
            value = inner["agents"][1] if "agents" in inner else value
        node: n.Value
        if kind == "type" and table[key.text].strip() in ("type", "type !"):
            node = self.type(value, f"`{key.text}`")
        elif kind == "word" and key.text == "output":
            node = self.type(value, "`output`")
        elif kind in ("word", "ref", "map", "name") and isinstance(value, Scalar):
            node = self._word(value)
        elif kind == "roles" and isinstance(value, Mapping):
            pairs = [(k, self._word(v) if isinstance(v, Scalar) else self.data(v)) for k, v in value.pairs]
            entries = tuple(n.Entry(k.start, v.end, self.name(k), v) for k, v in pairs)
            node = n.RecordLiteral(value.start, value.end, entries)
        elif kind in ("refs", "roles") and not isinstance(value, Mapping):
            items = tuple(self._word(i) if isinstance(i, Scalar) else self.data(i) for i in self.items(value))
            node = n.ListLiteral(value.start, value.end, items)
        else:
            node = self.data(value)
        return n.Attribute(key.start, value.end, name, node, None, block)

    def _word(self, value: Scalar) -> n.Expr:
        if value.text == "fail":
            return self.name(value)
        if not self.is_given(value):
            return self.data(value)
        if value.text.startswith("="):
            return self.data(value)
        if not value.plain and not value.text.startswith("hash("):
            return self.string(value)
        if not value.text.replace("-", "_").replace(".", "_").isidentifier():
            return self.expression(value, "a name")
        if not value.text.replace(".", "_").isidentifier():
            return self.string(value)
        return self.expression(value, "a name")

    def attributes(self, value: Mapping, table: dict[str, str], skip: tuple[str, ...] = ()) -> tuple[n.Attribute, ...]:
        return tuple(self.attribute(k, v, table) for k, v in value.pairs if k.text not in skip)

    # ---- files ---------------------------------------------------------------------------------------------

    def file(self, root: Mapping) -> n.File:
        readers: dict[str, Callable[[Value], Sequenced[n.Declaration | None]]] = {
            "imports": self._imports,
            "consts": self._each(self._const),
            "types": self._each(lambda k, v: n.TypeDecl(k.start, v.end, self.named(k), self.type(v, "a type"))),
            "models": self._each(self._model),
            "mcp": self._each(self._mcp),
            "programs": self._each(self._exported_program),
            "mixins": self._each(self._mixin),
            "coglets": self._each(self._coglet),
            "agents": self._each(self._holder("agent", n.Agent)),
            "teams": self._each(self._holder("team", n.Team)),
            "dods": self._each(self._dod),
            "plans": self._each(self._plan),
            "queues": self._each(self._queue),
            "tests": self._each(self._test),
            "scenarios": self._each(self._scenario),
        }
        values = self.keyed(root, "a spec", keys("cog", "doc", *readers))
        version = values.get("cog")
        if not (isinstance(version, Scalar) and version.text == "1"):
            found = f"`{version.text}`" if isinstance(version, Scalar) else "a list or mapping"
            right = "this is version 1 of the notation"
            self.problems.add(
                "bad-shape", self.span(values["cog"]), where="`cog`", wanted="`1`", found=found, right=right
            )
        declarations = [d for key, value in values.items() if key in readers for d in readers[key](value)]
        return n.File(
            root.start, root.end, self.doc(values.get("doc")), tuple(d for d in declarations if d is not None)
        )

    def _each(self, read: Callable[[Scalar, Value], R]) -> Callable[[Value], list[R]]:
        """Return a reader of a mapping, each of whose pairs `read` reads. What cannot be read is dropped."""

        def each(value: Value) -> list[R]:
            found = []
            for k, v in self.pairs(value, "this"):
                found.append(read(k, v))
                if found[-1] is None:
                    self.drop(k, v)
            return found

        return each

    def _imports(self, value: Value) -> list[n.Import]:
        found = []
        for item in self.items(value):
            if isinstance(item, Mapping):
                parts = self.keyed(item, "an import", keys("path", "as"))
                path, alias = self.text(parts.get("path"), "`path`"), self.text(parts.get("as"), "`as`")
                if path is not None:
                    name = self.named(alias) if alias is not None else None
                    found.append(n.Import(item.start, item.end, self.string(path), name))
                elif "path" not in parts and not self.has_others(item, keys("path", "as")):
                    self.problems.add("missing-attribute", self.span(item), owner="an import", name="path")
            elif isinstance(item, Scalar):
                found.append(n.Import(item.start, item.end, self.string(item), None))
            else:
                self.wrong(item, "an import", "a path", "write the file's path")
        return found

    def _const(self, key: Scalar, value: Value) -> n.Const | None:
        if isinstance(value, Mapping):
            parts = self.keyed(value, "a const", keys("type", "value"))
            missing = [w for w in ("type", "value") if w not in parts]
            if missing and len(parts) == len(value.pairs):  # no mistyped key
                self.problems.add("missing-attribute", self.span(key), owner="a const", name=missing[0])
            if missing:
                return None
            type = self.type(parts["type"], "a type")
            return n.Const(key.start, value.end, self.named(key), type, self.expression(parts["value"], "a const"))
        return n.Const(key.start, value.end, self.named(key), None, self.expression(value, "a const"))

    def _model(self, key: Scalar, value: Value) -> n.Model | n.ModelList | None:
        if isinstance(value, Sequence):
            return self._model_list(key, value, "")
        if not isinstance(value, Mapping):
            self.wrong(value, "a model", "a mapping", "write `{provider: anthropic, name: ...}`, or a list of models")
            return None
        value = self.needed(value, "a model", ("provider", "name"), ("models", *ATTRIBUTES["model anthropic"]))
        parts = {k.text: v for k, v in value.pairs}
        if "models" in parts:
            known = self.keyed(value, "a list of models", keys("models", "doc"))
            return self._model_list(key, known["models"], self.doc(known.get("doc")))
        provider, name = parts.get("provider"), parts.get("name")
        if not isinstance(provider, Scalar) or not isinstance(name, Scalar):
            missing = "provider" if not isinstance(provider, Scalar) else "name"
            self.problems.add("missing-attribute", self.span(key), owner="a model", name=missing)
            return None
        attributes = self.attributes(value, ATTRIBUTES.get(f"model {provider.text}", {}), ("provider", "name", "doc"))
        doc = self.doc(parts.get("doc"))
        return n.Model(key.start, value.end, self.named(key), self.name(provider), self.string(name), attributes, doc)

    def _model_list(self, key: Scalar, value: Value, doc: str) -> n.ModelList | None:
        names = tuple(name for item in self.items(value) for name in self._names(item, "a model"))
        if not names and self.items(value):  # what could not be read has been reported
            return None
        return n.ModelList(key.start, value.end, self.named(key), names, doc)

    def _mcp(self, key: Scalar, value: Value) -> n.Mcp | None:
        for k, v in value.pairs if isinstance(value, Mapping) else ():
            if k.text in ("stdio", "http") and isinstance(value, Mapping):
                others = self.other_transport(value, k)
                rest = self.attributes(value, ATTRIBUTES[f"mcp {k.text}"], (k.text, "doc", *others))
                doc = self.doc(next((v for k, v in value.pairs if k.text == "doc"), None))
                return n.Mcp(key.start, value.end, self.named(key), self.name(k), self.data(v), rest, doc)
        if isinstance(value, Mapping):
            words = {k.text: k for k, _ in value.pairs}
            near = {t: nearest(t, list(words)) for t in ("stdio", "http")}
            for meant, word in near.items():
                if word is not None:
                    where, known = f"the MCP server `{key.text}`", "`stdio` or `http`, and its attributes"
                    span, help = self.span(words[word]), suggestion(meant)
                    self.problems.add("unknown-key", span, help=help, where=where, name=word, known=known)
                    return None
        self.wrong(value, "an MCP server", "a mapping with `stdio` or `http`", "write `{stdio: [command]}`")
        return None

    def parameters(self, value: Value | None) -> tuple[n.Parameter, ...]:
        """Read parameters, written `{name: "type = default"}`."""
        found = []
        for key, inner in self.pairs(value, "parameters") if value is not None else ():
            if read := self.fragment("parameter", inner, "a parameter"):
                kind, default, private = read[0].type, read[0].default, read[0].private
                found.append(n.Parameter(key.start, inner.end, self.named(key), kind, default, private))
            else:
                self.drop(key, inner)
        return tuple(found)

    def _exported_program(self, key: Scalar, value: Value) -> n.Program | None:
        """Read a program of a file, which may be exported; one of a coglet may not."""
        return self.program(key, value, ("export",))

    def program(self, key: Scalar, value: Value, more: tuple[str, ...] = ()) -> n.Program | None:
        if not isinstance(value, Mapping):
            self.wrong(value, "a program", "a mapping", "write `{params: {x: int}, returns: int, expr: x * 2}`")
            return None
        pairs = self.known(value, "a program", keys("doc", "params", "returns", "with", *more, *EXECUTORS))
        parts = {k.text: v for k, v in pairs}
        kinds = [(k, v) for k, v in pairs if k.text in EXECUTORS]
        if len(kinds) != 1:
            words = ", ".join(f"`{k.text}`" for k, _ in kinds)
            wrong = f"has {len(kinds)} executors: {words}" if kinds else "has no executor"
            right = "keep one of them" if kinds else "give one of " + ", ".join(f"`{e}`" for e in EXECUTORS)
            self.problems.add("bad-executor", self.span(key), name=key.text, wrong=wrong, right=right)
            return None
        kind, argument = kinds[0]
        if kind.text in ("llm", "human") and not isinstance(argument, Mapping) and self.is_given(argument):
            self.pairs(argument, f"`{kind.text}`")
            return None
        executor = self._executor(kind, argument, parts.get("with"))
        result = self.type(parts["returns"], "`returns`") if "returns" in parts else None
        parameters, doc = self.parameters(parts.get("params")), self.doc(parts.get("doc"))
        if isinstance(parts.get("params"), Sequence):
            return None
        exported = self.exported(parts)
        return n.Program(key.start, value.end, self.named(key), parameters, result, executor, doc, exported)

    def _executor(self, kind: Scalar, value: Value, more: Value | None) -> n.Executor:
        table = ATTRIBUTES[kind.text]
        argument: n.Expr | n.Qualified | None = None
        attributes: tuple[n.Attribute, ...] = ()
        if kind.text == "expr":
            argument = self.expression(value, "`expr`")
        elif kind.text in ("llm", "human"):
            if isinstance(value, Mapping):
                attributes = self.attributes(value, table)
        elif kind.text == "mcp":
            argument = self._one_name(value, "an MCP tool")
        else:
            argument = self.data(value)
        if isinstance(more, Mapping):
            attributes += self.attributes(more, table)
        elif more is not None:
            self.pairs(more, "`with`")
        return n.Executor(kind.start, value.end, self.name(kind), argument, attributes)

    # ---- coglets -------------------------------------------------------------------------------------------

    def _coglet(self, key: Scalar, value: Value) -> n.Coglet | n.Mixin:
        return self._members_of(key, value, n.Coglet)

    def _mixin(self, key: Scalar, value: Value) -> n.Coglet | n.Mixin:
        return self._members_of(key, value, n.Mixin)

    def _members_of(self, key: Scalar, value: Value, cls: Members) -> n.Coglet | n.Mixin:
        readers = self.member_readers
        word, own = ("coglet", COGLET) if cls is n.Coglet else ("mixin", MIXIN)
        parts = self.keyed(value, f"{word} `{key.text}`", own | readers)
        members = tuple(m for k, v in parts.items() if k in readers for m in readers[k](v) if m is not None)
        mixins = tuple(m for i in self.items(parts["with"]) for m in self._mixin_use(i)) if "with" in parts else ()
        head = (key.start, value.end, self.named(key), self.parameters(parts.get("params")), mixins)
        doc = self.doc(parts.get("doc"))
        if cls is n.Mixin:
            return n.Mixin(*head, members, doc)
        return n.Coglet(*head, self._python(parts.get("python")), members, doc)

    def _python(self, value: Value | None) -> n.PythonClass | None:
        value = self.text(value, "`python`")
        if value is None:
            return None
        kind = n.Name(value.start, value.start, "python")
        return n.PythonClass(value.start, value.end, kind, self.string(value))

    def _mixin_use(self, value: Value) -> tuple[n.MixinUse, ...]:
        found = tuple(self.fragment("mixin", value, "a mixin") or ())
        word = value.pairs[0][0] if isinstance(value, Mapping) and value.pairs else value
        if (
            not found and isinstance(word, Scalar) and "(" in word.text
        ):  # what is wrong are the arguments: the name counts
            end = word.start + len(word.text.partition("(")[0])
            name = Scalar(word.start, end, word.text[: end - word.start], word.plain, word.segments)
            found = tuple(self.fragment("mixin", name, "a mixin") or ())
        return found

    def _names(self, value: Value, where: str) -> list[n.Qualified]:
        """Read names with commas between them. Arguments behind a name are reported."""
        uses: Sequenced[n.MixinUse] = self.fragment("mixin", value, where) or ()
        for used in uses:
            if used.end > used.name.end:
                span = Span(self.source, used.name.end, used.end)
                self.problems.add("unexpected-token", span, help="write the name alone", found="`(`", expected="")
        return [used.name for used in uses]

    def _one_name(self, value: Value, where: str) -> n.Qualified | None:
        """Read a name. More of them are reported."""
        name, *others = self._names(value, where) or (None,)
        for other in others[:1]:
            span, found = Span(self.source, other.start, other.end), f"`{self.source.text[other.start : other.end]}`"
            self.problems.add("unexpected-token", span, help="write one name", found=found, expected="")
        return name

    def _channel(self, cls: Callable[..., C], table: str) -> Callable[[Scalar, Value], C | None]:
        def read(key: Scalar, value: Value) -> C | None:
            if not isinstance(value, Mapping):
                return cls(key.start, value.end, self.named(key), self.type(value, "a channel's type"), ())
            value = self.needed(value, "a channel", ("type",), ATTRIBUTES[table])
            parts = {k.text: v for k, v in value.pairs}
            if "type" not in parts:
                self.problems.add("missing-attribute", self.span(key), owner="a channel", name="type")
                return None
            attributes = self.attributes(value, ATTRIBUTES[table], ("type", "doc"))
            type = self.type(parts["type"], "a channel's type")
            return cls(key.start, value.end, self.named(key), type, attributes, self.doc(parts.get("doc")))

        return read

    def _state(self, key: Scalar, value: Value) -> n.State | None:
        members = self.fragment("state", value, "a state")
        if not members:
            return None
        read = members[0]
        return n.State(key.start, value.end, self.named(key), read.type, read.value, read.life, read.conversion)

    def _create(self, key: Scalar, value: Value) -> n.Create | None:
        if isinstance(value, Scalar):
            members = self.fragment("create", value, "a child")
            if not members:
                return None
            read: n.Create = members[0]
            return replace(read, start=key.start, end=value.end, name=self.named(key))
        value = self.child(value) if isinstance(value, Mapping) else value
        if not isinstance(value, Mapping) or "coglet" not in {k.text for k, _ in value.pairs}:
            self.wrong(value, "a child", "a coglet's name", "write `Coglet(args)` or `{coglet: ..., args: ...}`")
            return None
        parts = {k.text: v for k, v in value.pairs}
        bare = self._create(key, parts["coglet"])
        if bare is None:
            return None
        arguments = bare.arguments
        if isinstance(parts.get("args"), Sequence):
            self.pairs(parts["args"], "`args`")
            return None
        if "args" in parts:
            arguments += tuple(
                n.Argument(k.start, v.end, self.name(k), self.data(v)) for k, v in self.pairs(parts["args"], "`args`")
            )
        attributes = bare.attributes + self.attributes(value, ATTRIBUTES["create"], ("coglet", "args", "doc"))
        return n.Create(
            key.start, value.end, bare.name, bare.coglet, arguments, bare.count, bare.for_each, attributes,
            self.doc(parts.get("doc")),
        )  # fmt: skip

    def _link(self, value: Value) -> list[n.Link]:
        return list(self.fragment("link", value, "a link") or ())

    def _links(self, value: Value) -> list[n.Link]:
        found: list[n.Link] = []
        for item in self.items(value):
            if isinstance(item, Mapping):
                item = self.needed(item, "a link", ("link",), ATTRIBUTES["link"])
                parts = {k.text: v for k, v in item.pairs}
                if "link" not in parts:
                    self.problems.add("missing-attribute", self.span(item), owner="a link", name="link")
                    self.problems.dropped.append(Span(self.source, item.start, item.end))
                    continue
                attributes = self.attributes(item, ATTRIBUTES["link"], ("link",))
                found += [
                    n.Link(item.start, item.end, m.sources, m.targets, m.attributes + attributes)
                    for m in self._link(parts["link"])
                ]
            else:
                found += self._link(item)
        return found

    def _supervise(self, value: Value) -> list[n.Supervise]:
        if isinstance(value, Scalar):
            return [n.Supervise(value.start, value.end, self.name(value), ())]
        if isinstance(value, Mapping):
            value = self.needed(value, "`supervise`", ("strategy",), ATTRIBUTES["supervise"])
        parts = {k.text: v for k, v in self.pairs(value, "`supervise`")}
        strategy = parts.get("strategy")
        if not isinstance(strategy, Scalar) or not isinstance(value, Mapping):
            self.problems.add("missing-attribute", self.span(value), owner="`supervise`", name="strategy")
            return []
        attributes = self.attributes(value, ATTRIBUTES["supervise"], ("strategy",))
        return [n.Supervise(value.start, value.end, self.name(strategy), attributes)]

    # ---- reactions -----------------------------------------------------------------------------------------

    def _reactions(self, value: Value) -> list[n.Reaction]:
        return [r for item in self.items(value) if (r := self._reaction(item)) is not None]

    def _reaction(self, value: Value) -> n.Reaction | None:
        parts = self.keyed(value, "a reaction", REACTION)
        triggers: list[n.Trigger] = []
        for kind in ("on", "every", "after"):
            for item in self.items(parts[kind]) if kind in parts else ():
                triggers += self.fragment(kind, item, f"`{kind}`") or ()
        if not triggers:
            given = any(self.items(parts[kind]) for kind in ("on", "every", "after") if kind in parts)
            if isinstance(value, Mapping) and not given and not self.has_others(value, REACTION):
                self.problems.add("missing-attribute", self.span(value), owner="a reaction", name="on")
            return None
        does, pipes = "do" in parts, "pipe" in parts
        if not does and not pipes:
            self.problems.add("missing-attribute", self.span(value), owner="a reaction", name="do")
        body: n.Body
        if does and pipes:
            help = "keep one of `do` and `pipe`"
            pipes = False
            for key, inner in self.pairs(value, "a reaction"):  # a mistyped `pipe` has been reported
                if key.text == "pipe":
                    self.drop(key, inner)
                    self.problems.add(
                        "unknown-key", self.span(key), help=help, where="a reaction with `do`", name="pipe"
                    )
        elif pipes and "else" in parts:
            for key, _ in self.pairs(value, "a reaction"):
                if key.text == "else":
                    help = "write the calls as statements under `do`, which may have an `else`"
                    where = "a reaction with `pipe`"
                    self.problems.add("unknown-key", self.span(key), help=help, where=where, name="else")
        if pipes:
            read = self.fragment("pipeline", parts["pipe"], "`pipe`")
            body = read[0] if read else n.Block(value.start, value.end, ())
        else:
            body = self.block(parts.get("do"), value)
        handler = self._handler(parts.get("else"))
        modifiers = self._modifiers(parts)
        return n.Reaction(value.start, value.end, tuple(triggers), modifiers, body, handler, self.doc(parts.get("doc")))

    def _modifiers(self, parts: dict[str, Value]) -> tuple[n.Modifier, ...]:
        """Read the modifiers: `when: EXPR` is an expression, `throttle: 2 per 1m` and the like are as in the cog notation."""
        found: list[n.Modifier] = []
        for kind, value in parts.items():
            if kind not in n.MODIFIERS:
                continue
            if isinstance(value, Scalar) and kind in ("throttle", "distinct", "batch"):
                pieces = Scalar(value.start, value.end, f"{kind} {value.text}", False, shifted(value, len(kind) + 1))
                read = self.fragment("modifier", pieces, f"`{kind}`")
                wrong = n.Error(value.start, value.end)
                found += read or (n.Modifier(value.start, value.end, kind, wrong, wrong),)
            else:
                found.append(n.Modifier(value.start, value.end, kind, self.expression(value, f"`{kind}`")))
        return tuple(found)

    def block(self, value: Value | None, owner: Value) -> n.Block:
        """Read statements: a list of texts, or one text."""
        statements: list[n.Statement] = []
        for item in self.items(value) if value is not None else ():
            statements += self._statements(item)
        place = value if value is not None else owner
        return n.Block(place.start, place.end, tuple(statements))

    def _statements(self, value: Value) -> Sequenced[n.Statement]:
        """Read a text of statements; one by one if it cannot be read as a whole, so that each mistake is reported."""
        if not isinstance(value, Scalar) or "\n" not in value.text.strip():
            return self._statement(value)
        problems, self.problems = self.problems, Problems()
        whole = self.fragment("statements", value, "a statement")
        self.problems = problems
        if whole is not None:
            return whole
        return [statement for piece in pieces(value) for statement in self._statement(piece)]

    def _statement(self, value: Value) -> Sequenced[n.Statement]:
        read = self.fragment("statements", value, "a statement")
        return (n.Error(value.start, value.end),) if read is None else read

    def _handler(self, value: Value | None) -> n.Handler | None:
        if value is None:
            return None
        parts = self.keyed(value, "`else`", keys("as", "do"))
        name = parts.get("as")
        if not isinstance(value, Mapping) and self.is_given(value):
            return None
        if not isinstance(name, Scalar):
            self.problems.add("missing-attribute", self.span(value), owner="`else`", name="as")
            return None
        return n.Handler(value.start, value.end, self.named(name), self.block(parts.get("do"), value))

    def _enact(self, key: Scalar, value: Value) -> n.Enact:
        if isinstance(value, Sequence | Scalar):
            return n.Enact(key.start, value.end, self.named(key), (), (), self.block(value, value), None)
        parts = self.keyed(value, "a command", COMMAND)
        body = self.block(parts.get("do"), value) if "do" in parts else None
        return n.Enact(
            key.start, value.end, self.named(key), self.parameters(parts.get("params")), self._modifiers(parts), body,
            self._handler(parts.get("else")), self.doc(parts.get("doc")),
        )  # fmt: skip

    # ---- agents, plans, done, queues, tests ----------------------------------------------------------------

    def _holder(self, table: str, cls: Callable[..., H]) -> Callable[[Scalar, Value], H | None]:
        def read(key: Scalar, value: Value) -> H | None:
            if not isinstance(value, Mapping):
                self.wrong(value, f"{table} `{key.text}`", "a mapping", "write its attributes below it")
                return None
            parts = {k.text: v for k, v in value.pairs}
            attributes = self.attributes(value, ATTRIBUTES[table], ("params", "doc", "export"))
            head = (key.start, value.end, self.name(key), self.parameters(parts.get("params")))
            return cls(*head, attributes, self.doc(parts.get("doc")), self.exported(parts))

        return read

    def _dod(self, key: Scalar, value: Value) -> n.Dod:
        if isinstance(value, Mapping):
            value = self._with_extends(value)
        parts = {k.text: v for k, v in self.pairs(value, "a definition of done")}
        extends = self._extends(parts)
        criteria: list[n.Criterion | None] = []
        for k, v in self.pairs(value, "a definition of done"):
            if k.text in ATTRIBUTES["dod"]:
                criteria.append(self.attribute(k, v, ATTRIBUTES["dod"]))
            elif k.text not in ("params", "extends", "doc"):
                criteria.append(self._criterion(k, v))
        parameters = self.parameters(parts.get("params"))
        found_criteria = tuple(c for c in criteria if c is not None)
        return n.Dod(
            key.start, value.end, self.named(key), parameters, extends, found_criteria, self.doc(parts.get("doc"))
        )

    def _with_extends(self, value: Mapping) -> Mapping:
        """Return a definition of done in which a mistyped `extends` counts as that. Any other word is the name of a criterion."""
        criteria = [k.text for k, _ in value.pairs if nearest(k.text, ("extends",)) is None]
        return self.needed(value, "a definition of done", ("extends",), criteria)

    def _extends(self, parts: dict[str, Value]) -> n.Qualified | None:
        return self._one_name(parts["extends"], "`extends`") if "extends" in parts else None

    def _criterion(self, key: Scalar, value: Value) -> n.Criterion | None:
        """Read the text of a criterion, as in the cog notation."""
        found: Sequenced[n.Criterion] | None = self.fragment("criterion", value, "a criterion")
        if not found:
            return None
        return replace(found[0], key=self.name(key), start=key.start, end=value.end)

    def _plan(self, key: Scalar, value: Value) -> n.Plan | None:
        if not isinstance(value, Mapping):
            self.wrong(value, "a plan", "a mapping", "write its attributes and `steps` below it")
            return None
        parts = {k.text: v for k, v in value.pairs}
        items: list[n.PlanItem | None] = list(
            self.attributes(value, ATTRIBUTES["plan"], ("params", "doc", "steps", "extends", "export"))
        )
        for k, v in self.pairs(parts["steps"], "`steps`") if "steps" in parts else ():
            items.append(self._step(k, v))
        head = (key.start, value.end, self.name(key), self.parameters(parts.get("params")), self._extends(parts))
        doc, exported = self.doc(parts.get("doc")), self.exported(parts)
        return n.Plan(*head, tuple(i for i in items if i is not None), doc, exported)

    def _step(self, key: Scalar, value: Value) -> n.Step | None:
        pairs = self.known(value, "a step", keys("by", "after", "when", "task", *ATTRIBUTES["step"]))
        parts = {k.text: v for k, v in pairs}
        if not isinstance(value, Mapping):  # which has been reported
            self.drop(key, value)
            return None
        if "task" not in parts:
            self.problems.add("missing-attribute", self.span(key), owner="a step", name="task")
        by = None
        role = self.text(parts.get("by"), "`by`")
        if role is None and "by" in parts:
            self.drop(key, value)
            return None
        if role is not None:
            name = self.name(role)
            by = n.Qualified(name.start, name.end, (name,))
        steps = [self.text(i, "a step in `after`") for i in self.items(parts["after"])] if "after" in parts else []
        after = tuple(self.name(s) for s in steps if s is not None)
        when = self.expression(parts["when"], "`when`") if "when" in parts else None
        known = [(k, v) for k, v in pairs if k.text in ATTRIBUTES["step"]]
        attributes = tuple(self.attribute(k, v, ATTRIBUTES["step"]) for k, v in known)
        task = self.data(parts["task"]) if "task" in parts else n.Error(key.start, key.end)
        return n.Step(key.start, value.end, self.named(key), by, after, when, attributes, task)

    def _queue(self, key: Scalar, value: Value) -> n.Queue | None:
        parts = self.keyed(value, "a queue", keys("doc", "type", "backend", "path", *ATTRIBUTES["queue"]))
        backend, path = parts.get("backend"), self.text(parts.get("path"), "`path`")
        if not isinstance(value, Mapping):  # which has been reported
            return None
        if "type" not in parts or not isinstance(backend, Scalar):
            missing = "type" if "type" not in parts else "backend"
            self.problems.add("missing-attribute", self.span(key), owner="a queue", name=missing)
            return None
        attributes = self.attributes(value, ATTRIBUTES["queue"], ("doc", "type", "backend", "path"))
        argument = self.string(path) if path is not None else None
        type = self.type(parts["type"], "a queue's type")
        return n.Queue(
            key.start,
            value.end,
            self.named(key),
            type,
            self.name(backend),
            argument,
            attributes,
            self.doc(parts.get("doc")),
        )

    def _test(self, key: Scalar, value: Value) -> n.Test:
        """Read the checks of a test, each a text as in the cog notation."""
        checks: list[n.Check] = []
        for item in self.items(value):
            checks += self.fragment("check", item, "a test's step") or ()
        return n.Test(key.start, value.end, self.string(key), tuple(checks))

    def _scenario(self, key: Scalar, value: Value) -> n.Scenario | None:
        """Read the messages of a scenario, a text as in the cog notation."""
        found = self.fragment("scenario", value, "a scenario")
        if not found:
            return None
        *happenings, within = found
        return n.Scenario(key.start, value.end, self.string(key), tuple(happenings), within)

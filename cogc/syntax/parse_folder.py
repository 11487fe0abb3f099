"""A folder `NAME.cog` with a `manifest.toml` to the text of a spec: a coglet in Python that is declared by its code.

The spec has the coglet, with the channels and commands that its class has methods for, and a `Main` that creates it as
the manifest says. The code is parsed and never run: the names of channels and commands are those in literal strings.
"""

from __future__ import annotations

import ast
import posixpath
import re
import warnings

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import MANIFEST, Source, Span, read_error
from cogc.diagnostics.suggest import did_you_mean
from cogc.language.attributes import USUAL_MODEL
from cogc.language.record import Record
from cogc.language.texts import RESERVED, toml
from cogc.syntax.spell import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.diagnostics.source import Reader

_CONFIG = ("restart", "max_restarts", "backoff_s")
_KEYS = ("class", "kwargs", *_CONFIG)
_RESTARTS = ("never", "on_error", "always")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SIBLING = re.compile(r"[\w-]+\.cog\Z")
_MIXINS = {
    "TickLet": ("enact", "tick", []),
    "ProgLet": ("enact", "register", [("programs", None)]),
    "GitLet": ("enact", "commit", [("patch", None)]),
    "WebLet": ("enact", "cogweb_status", [("status", None)]),
}


class _Wrong(Exception):
    """A mistake in a manifest or its code: the file, the word to point at, the reason and the remedy."""

    def __init__(self, path: str, source: str, word: str, reason: str, help: str) -> None:
        self.path = path
        self.source = source
        self.word = word
        self.reason = reason
        self.help = help


def read_folder(folder: str, read: Reader, problems: Problems, importer: Span | None) -> Source | None:
    """Return the text of the spec that a folder stands for, or None and one diagnostic."""
    path = posixpath.join(folder, MANIFEST)
    try:
        manifest = read(path).decode()
    except (OSError, ValueError) as error:
        place = importer or Span(Source(folder, ""), 0, 0)
        reason = read_error(error)
        if isinstance(error, FileNotFoundError) and not folder.endswith(".cog"):
            path, reason = folder, "of the specs in this folder none is its main one: it has no `main.cog`"
        problems.add("unreadable-file", place, path=path, reason=reason)
        return None
    try:
        return Source(path, _Folder(folder, path, manifest, read).spec())
    except _Wrong as wrong:
        source = Source(wrong.path, wrong.source)
        at = re.search(rf"(?<!\w){re.escape(wrong.word)}(?!\w)", wrong.source) if wrong.word else None
        span = Span(source, *(at.span() if at else (0, 0)))
        problems.add("bad-manifest", span, path=wrong.path, reason=wrong.reason, help=wrong.help)
        return None


class _Manifest(Record):
    """The table `[coglet]` of a manifest: the path of the class, its arguments, and the supervision of its object."""

    path: str
    kwargs: dict[str, object]
    restart: str
    max_restarts: int
    backoff_s: float


class _Folder:
    """One folder: its manifest, and the members that the code of its class declares."""

    def __init__(self, folder: str, path: str, manifest: str, read: Reader) -> None:
        self.folder = folder
        self.path = path
        self.manifest = manifest
        self.read = read
        self.table = self._values(self._table())
        self.members: dict[tuple[str, str], list[tuple[str, object]]] = {}
        self.parameters: dict[str, object] = {}
        self.doc = ""
        self.siblings: dict[str, None] = {}
        self.asks = False

    def wrong(self, word: str, reason: str, help: str) -> _Wrong:
        return _Wrong(self.path, self.manifest, word, reason, help)

    def _table(self) -> dict[str, object]:
        try:
            table = toml(self.manifest)
        except ValueError as error:
            raise self.wrong("", str(error), "the manifest is a file in TOML") from None
        for key in table:
            if key not in ("coglet", "config"):
                raise self.wrong(
                    key, f"there is no table `{key}`", "a manifest has the tables `[coglet]` and `[config]`"
                )
        found = table.get("coglet")
        if not isinstance(found, dict):
            raise self.wrong("", "it has no table `[coglet]`", 'write `[coglet]` and `class = "module.Class"`')
        for key in found:
            if key not in _KEYS:
                raise self.wrong(key, f"`[coglet]` has no key `{key}`", did_you_mean(key, _KEYS, ", ".join(_KEYS)))
        return {**found, **self._config(table.get("config", {}), found)}

    def _config(self, config: object, found: dict[str, object]) -> dict[str, object]:
        """Return the table `[config]`, in which the supervision may stand as well as in `[coglet]`."""
        if not isinstance(config, dict):
            raise self.wrong("config", "`config` is no table", "write `[config]`")
        for key in config:
            if key not in _CONFIG:
                raise self.wrong(key, f"`[config]` has no key `{key}`", did_you_mean(key, _CONFIG, ", ".join(_CONFIG)))
            if key in found:
                raise self.wrong(key, f"`{key}` stands in both tables", "keep one of them")
        return config

    def _values(self, table: dict[str, object]) -> _Manifest:
        cls = table.get("class")
        if not isinstance(cls, str) or len(cls.split(".")) < 2 or not all(map(_NAME.match, cls.split("."))):
            raise self.wrong("class", "`class` names a module and a class in it", 'write `class = "module.Class"`')
        restart = table.get("restart", "never")
        if not isinstance(restart, str) or restart not in _RESTARTS:
            raise self.wrong("restart", "`restart` has no such value", f"it is one of {', '.join(_RESTARTS)}")
        most, backoff = table.get("max_restarts", 3), table.get("backoff_s", 1.0)
        if type(most) is not int or most < 0:
            raise self.wrong("max_restarts", "`max_restarts` is no number of restarts", "it is 0 or more")
        if (type(backoff) is not int and type(backoff) is not float) or not 0 <= backoff < 1e6:
            raise self.wrong("backoff_s", "`backoff_s` is no number of seconds", "it is 0 or more")
        kwargs = table.get("kwargs", {})
        if not isinstance(kwargs, dict):
            raise self.wrong("kwargs", "`kwargs` is no table", "write `[coglet.kwargs]`")
        return _Manifest(cls, kwargs, restart, most, backoff)

    # ---- the code ------------------------------------------------------------------------------------------

    def _scan(self, module: str, name: str, seen: set[tuple[str, str]]) -> bool:
        """Collect the members of a class and of its bases in the folder. Return whether the module has the class."""
        if (module, name) in seen:
            return True
        seen.add((module, name))
        tree = self._module(module)
        node = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name), None)
        if node is None:
            return False
        for base in reversed(node.bases):
            self._base(tree, module, ast.unparse(base), seen)
        for part in node.body:
            if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
                self._method(part)
        self.doc = (ast.get_docstring(node) or "").partition("\n")[0]
        return True

    def _module(self, module: str) -> ast.Module:
        base = posixpath.join(self.folder, *module.split("."))
        beside = [posixpath.join(posixpath.dirname(self.folder), name, *module.split(".")) for name in self.siblings]
        for path in (f"{at}{end}" for at in (base, *beside) for end in (".py", "/__init__.py")):
            try:
                code = self.read(path).decode()
            except (OSError, ValueError):
                continue
            try:
                with warnings.catch_warnings(action="ignore"):  # a warning of Python is no mistake in the manifest
                    tree = ast.parse(code)
                self._note_siblings(tree)
                return tree
            except (SyntaxError, ValueError, RecursionError) as error:
                line = getattr(error, "lineno", None) or 1
                raise _Wrong(path, code, "", f"line {line}: {getattr(error, 'msg', error)}", "mend the code") from None
        raise self.wrong("class", f"the folder has no module `{module}`", f"there is no `{base}.py`")

    def _note_siblings(self, tree: ast.Module) -> None:
        """Take note of the folders beside this one that the code names: it makes their modules importable."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if _SIBLING.match(node.value):
                    self.siblings.setdefault(node.value)
                self.asks = self.asks or node.value == "llm"

    def _base(self, tree: ast.Module, module: str, name: str, seen: set[tuple[str, str]]) -> None:
        """Collect the members of a base class: of a module in the folder, or a mixin of the sdk."""
        last = name.rpartition(".")[2]
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                self._scan(module, name, seen)
                return
            if (
                isinstance(node, ast.ImportFrom)
                and node.module
                and any((a.asname or a.name) == name for a in node.names)
            ):
                real = next(a.name for a in node.names if (a.asname or a.name) == name)
                if node.module.partition(".")[0] not in ("coglet", "cogc"):
                    try:
                        self._scan(node.module, real, seen)
                    except _Wrong:  # the class of a package: its members are known at run time alone
                        return
                    return
                last = real
        self._mixin(last)

    def _mixin(self, name: str) -> None:
        if name in _MIXINS:
            kind, member, parameters = _MIXINS[name]
            self.members[kind, member] = list(parameters)
        if name == "SuppressLet":
            for member in ("suppress", "unsuppress"):
                self.members["enact", member] = [("channels", []), ("commands", [])]
        if name == "LogLet":
            self.members["transmit", "log"] = []
            self.members["enact", "log_level"] = [("level", None)]

    def _method(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        own = _signature(node)
        if node.name == "__init__":
            self.parameters = dict(own)
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and (kind := _last(mark.func)) in ("listen", "enact"):
                self._member(kind, mark, own if kind == "enact" else [])
        for part in ast.walk(node):
            if isinstance(part, ast.Call) and ast.unparse(part.func) == "self.transmit":
                self._member("transmit", part, [])

    def _member(self, kind: str, call: ast.Call, parameters: list[tuple[str, object]]) -> None:
        given = call.args[0] if call.args else None
        if not isinstance(given, ast.Constant) or not isinstance(given.value, str):
            return
        name = given.value.replace("-", "_")  # a spec cannot write the hyphens: `_` stands for them
        if not _NAME.match(name) or name in RESERVED or (kind == "listen" and name in ("start", "stop")):
            raise self.wrong("class", f"the class has a {kind} called {name!r}", "give it a name of the language")
        self.members[kind, name] = parameters

    # ---- the spec ------------------------------------------------------------------------------------------

    def spec(self) -> str:
        """Return the text of the spec that the folder stands for."""
        module, _, name = self.table.path.rpartition(".")
        if not self._scan(module, name, set()):
            raise self.wrong("class", f"module `{module}` has no class `{name}`", "name a class of that module")
        given = self.table.kwargs
        for key in given:
            if not _NAME.match(key) or key in RESERVED:
                raise self.wrong(key, f"`{key}` is no name of a parameter", "use letters, digits and `_`")
        defaults = _usable(self, self.parameters) | given
        taken = [f"{k}: any" if v is None else f"{k}: any = {self._value(k, v)}" for k, v in defaults.items()]
        channels = {k: [n for kind, n in self.members if kind == k] for k in ("listen", "transmit")}
        coglet = f"{name}_" if name == "Main" else name
        child = posixpath.basename(self.folder).partition(".")[0].replace("-", "_").lower()
        while not _NAME.match(child) or child in RESERVED or child in [*channels["listen"], *channels["transmit"]]:
            child += "_" if child and not child[0].isdigit() else "coglet"
        listens = [f"  {kind} {n}: any" for kind, names in channels.items() for n in names]
        outside = [n for n in channels["transmit"] if ("enact", "log_level") not in self.members or n != "log"]
        lines = [
            *([text(self.doc, False)] if self.doc else []),
            f"coglet {coglet}({', '.join(sorted(taken, key=lambda t: '=' in t))}) = python {text(f'{module}:{name}')} {{",
            *listens,
            *self._commands(),
            "}",
            f"coglet Main({', '.join(sorted(taken, key=lambda t: '=' in t))}) {{",
            *(f"  listen {n}: any" for n in channels["listen"]),
            *(f"  transmit {n}: any" for n in outside),
            f"  create {child} = {coglet}({', '.join(f'{k}: {k}' for k in defaults)}) {{ {self._policy()} }}",
            *(f"  link self.{n} -> {child}.{n}" for n in channels["listen"]),
            *(f"  link {child}.{n} -> self.{n}" for n in outside),
            "}",
            *([f"model llm = anthropic {text(USUAL_MODEL, False)}"] if self.asks else []),
        ]
        return "\n".join(lines) + "\n"

    def _commands(self) -> list[str]:
        found = []
        for (kind, name), parameters in self.members.items():
            if kind == "enact":
                own = _usable(self, dict(parameters)).items()
                words = [f"{p}: any" if v is None else f"{p}: any = {self._value(p, v)}" for p, v in own]
                found.append(f"  enact {name}({', '.join(words)})")
        return found

    def _policy(self) -> str:
        backoff = round(self.table.backoff_s * 1000)
        return f"restart: {self.table.restart}, max_restarts: {self.table.max_restarts}, backoff: {backoff}ms"

    def _value(self, key: str, value: object) -> str:
        """Return a value of the manifest or a default as text of the language."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return repr(value)
        if isinstance(value, str):
            return text(value, False)
        if isinstance(value, list | tuple):
            return "[" + ", ".join(self._value(key, v) for v in value) + "]"
        if isinstance(value, dict):
            return "{ " + ", ".join(f"[{text(str(k), False)}]: {self._value(key, v)}" for k, v in value.items()) + " }"
        if value is None or value is _NULL:
            return "null"
        raise self.wrong(key, f"`{key}` is no value of the language", "use text, numbers, true, false, lists, tables")


_UNKNOWN = object()
_NULL = object()


def _usable(folder: _Folder, parameters: dict[str, object]) -> dict[str, object]:
    """Return the parameters that a spec can name; the others keep their defaults."""
    for name, value in parameters.items():
        if value is None and name in RESERVED:
            raise folder.wrong("class", f"the class takes a parameter called `{name}`", "give it another name")
    return {k: v for k, v in parameters.items() if v is not _UNKNOWN and k not in RESERVED}


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[tuple[str, object]]:
    """Return the parameters of a method without `self`: None for a required one, else its default."""
    arguments = node.args
    named = [*arguments.posonlyargs, *arguments.args][1:]
    missing = len(named) - len(arguments.defaults)
    defaults: list[ast.expr | None] = [*[None] * max(0, missing), *arguments.defaults[max(0, -missing) :]]
    pairs = [*zip(named, defaults, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return [(a.arg, None if d is None else _literal(d)) for a, d in pairs]


def _literal(node: ast.expr) -> object:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return _UNKNOWN
    return _NULL if value is None else value


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""

"""The declarations of a module of the user's in Python, read from its text: functions with their parameters, and classes.

The code is parsed and never run. What only a run can tell (names that a star import brings, functions behind a
decorator) is unknown, and unknown things are never reported.
"""

from __future__ import annotations

import ast
import posixpath
import warnings

from cogc.language import types
from cogc.language.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.language.types import Type
    from cogc.names.world import Unit, World

    Definition = ast.FunctionDef | ast.AsyncFunctionDef
    Classes = dict[str, ast.ClassDef | None]
    """The names that a module gives a meaning of its own: its typed dicts, and None for what may be anything."""

_SIMPLE: dict[str, Type] = {
    "str": types.STRING,
    "int": types.INT,
    "float": types.FLOAT,
    "bool": types.BOOL,
    "None": types.NULL,
    "list": types.ListOf(types.ANY),
    "tuple": types.ListOf(types.ANY),
    "dict": types.MapOf(types.ANY),
}
_BUILT_IN = ("set", "frozenset", "bytes", "bytearray", "complex")
_IMPORTED = ("Set", "FrozenSet", "Iterator", "Generator", "AsyncIterator", "AsyncGenerator", "Decimal")
"""Types whose values are none of the language: those that every module has, and those of `_HOMES`."""
_HOMES = ("typing", "typing_extensions", "collections", "decimal")
_LISTS = ("list", "List")  # a text is a `Sequence` too, and a dict an `Iterable`
_MAPS = ("dict", "Dict")


class Code(Record):
    """A module: its path, its names, and whether it may have others. `error` tells why it cannot be read."""

    path: str
    names: dict[str, list[ast.stmt]]
    open: bool
    error: str


def find(world: World, unit: Unit, module: str) -> Code | None:
    """Return the module that a spec names, from the folder of its file, or None if the folder has none."""
    base = posixpath.join(posixpath.dirname(unit.path), *module.split("."))
    for path in (f"{base}.py", f"{base}/__init__.py"):
        data = world.look(unit, path)
        if data is not None:
            return _read(path, data)
    return None


def _read(path: str, data: bytes) -> Code:
    try:
        with warnings.catch_warnings(action="ignore"):  # a warning of Python is no mistake in the spec
            tree = ast.parse(data)
    except SyntaxError as error:
        return Code(path, {}, True, f"line {error.lineno or 1}: {error.msg}")
    except (ValueError, RecursionError, MemoryError) as error:
        return Code(path, {}, True, str(error) or type(error).__name__)
    names: dict[str, list[ast.stmt]] = {}
    is_open = _collect(tree.body, names) or any(_binds_freely(node) for node in ast.walk(tree))
    return Code(path, names, is_open or "__getattr__" in names, "")


def _collect(body: list[ast.stmt], names: dict[str, list[ast.stmt]]) -> bool:
    """Collect what statements bind. Return whether they may bind other names too."""
    is_open = False
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.setdefault(name, []).append(node)
            case ast.Import(names=imported) | ast.ImportFrom(names=imported):
                is_open = is_open or any(a.name == "*" for a in imported)
                for alias in imported:
                    names.setdefault(alias.asname or alias.name.partition(".")[0], []).append(node)
            case _:
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                        names.setdefault(inner.id, []).append(node)
                for field in ("body", "orelse", "finalbody"):
                    is_open = _collect(getattr(node, field, []), names) or is_open
                for part in (*getattr(node, "handlers", []), *getattr(node, "cases", [])):
                    is_open = _collect(part.body, names) or is_open
    return is_open


def _binds_freely(node: ast.AST) -> bool:
    """Return whether a part of a module may bind names of the module that are not known."""
    return isinstance(node, ast.Global) or (isinstance(node, ast.Name) and node.id in ("globals", "vars", "setattr"))


def function(code: Code, name: str) -> Definition | None:
    """Return the only definition of a function without decorators; None if its parameters are not known."""
    found = code.names.get(name, [])
    node = found[0] if len(found) == 1 else None
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list:
        return node
    return None


def plain_class(code: Code, name: str) -> ast.ClassDef | None:
    """Return the only definition of a class without bases and decorators, whose objects are neither values nor coglets."""
    found = code.names.get(name, [])
    node = found[0] if len(found) == 1 else None
    if not isinstance(node, ast.ClassDef) or node.decorator_list or node.keywords:
        return None
    if not all(isinstance(b, ast.Name) and b.id == "object" for b in node.bases):
        return None
    makes_others = any(isinstance(part, ast.FunctionDef) and part.name == "__new__" for part in node.body)
    return None if makes_others else node


def is_value(code: Code, name: str) -> bool:
    """Return whether a name is certain to stand for no function and no class: it is set once, to a literal."""
    found = code.names.get(name, [])
    node = found[0] if len(found) == 1 else None
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    return isinstance(value, ast.Constant | ast.List | ast.Dict | ast.JoinedStr)


def initialiser(code: Code, name: str) -> Definition | None:
    """Return the `__init__` of a class, if the class has one of its own."""
    found = code.names.get(name, [])
    node = found[0] if len(found) == 1 else None
    if not isinstance(node, ast.ClassDef) or node.decorator_list or node.keywords:
        return None
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name == "__init__" and not part.decorator_list:
            return part
    return None


def misfit(node: Definition, given: list[str], is_method: bool) -> tuple[str, list[str]] | None:
    """Return why a function cannot be called with these names as keywords, and the names that it does not take; None if it can."""
    arguments = node.args
    taken = [a.arg for a in arguments.args]
    if is_method and not arguments.posonlyargs:
        taken = taken[1:]  # without `self`
    required = taken[: max(0, len(taken) - len(arguments.defaults))]
    required += [a.arg for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is None]
    known = [*taken, *(a.arg for a in arguments.kwonlyargs)]
    extra = [g for g in given if g not in known] if arguments.kwarg is None else []
    missing = [r for r in required if r not in given]
    positional = [a.arg for a in arguments.posonlyargs][int(is_method) :]
    if positional:
        return f"takes {_listed(positional)} by position alone", []
    if missing and extra and len(missing) == len(extra) == 1:
        return f"calls its parameter `{missing[0]}`, not `{extra[0]}`", extra
    if missing:
        return f"needs {_listed(missing)} too", extra
    return (f"takes no {_listed(extra)}", extra) if extra else None


def _listed(names: list[str]) -> str:
    return " and ".join(f"`{n}`" for n in names)


def annotated_types(node: Definition, code: Code | None = None) -> tuple[dict[str, Type], Type]:
    """Return the types that a function says of its parameters and of its result; `any` for what is not known."""
    classes = _classes(code) if code is not None else {}
    found = {a.arg: annotated(a.annotation, classes) for a in (*node.args.args, *node.args.kwonlyargs)}
    return found, annotated(node.returns, classes)


def no_value(node: Definition, code: Code) -> str | None:
    """Return the words for the result of a function that is no value of the language, as a set, a member of an `Enum`, a dict whose keys are
    no texts, or a generator; None for others."""
    if node.returns is not None and (_is_enum(node.returns, code) or _has_other_keys(node.returns, code)):
        return ast.unparse(node.returns)
    note = node.returns.value if isinstance(node.returns, ast.Subscript) else node.returns
    if note is not None and _is_foreign(note, code):
        return ast.unparse(node.returns) if node.returns is not None else None
    pending: list[ast.AST] = list(node.body)
    while pending:
        part = pending.pop()
        if isinstance(part, ast.Yield | ast.YieldFrom):
            return "a generator"
        if not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef | ast.GeneratorExp):
            pending += ast.iter_child_nodes(part)
    return None


def _is_foreign(note: ast.expr, code: Code) -> bool:
    """Return whether an annotation names a type whose values are none of the language, and no class of the user's of that name."""
    if isinstance(note, ast.Name) and note.id not in code.names:
        return note.id in _BUILT_IN
    root = _root(note)
    sources = [_original(part, root) for part in code.names.get(root, [])]
    if isinstance(note, ast.Attribute):
        return note.attr in _IMPORTED and bool(sources) and all(sources)
    return bool(sources) and all(source in _IMPORTED for source in sources)


def _is_enum(note: ast.expr, code: Code) -> bool:
    """Return whether an annotation names a class of the module whose members are nothing but members of an `Enum`."""
    parts = code.names.get(note.id, []) if isinstance(note, ast.Name) else []
    if len(parts) != 1 or not isinstance(parts[0], ast.ClassDef) or len(parts[0].bases) != 1:
        return False
    base = parts[0].bases[0]
    return _last(base) == "Enum" and _root(base) in code.names


def _has_other_keys(note: ast.expr, code: Code) -> bool:
    """Return whether an annotation is a dict whose keys are numbers."""
    if not isinstance(note, ast.Subscript) or _last(note.value) not in _MAPS or not isinstance(note.slice, ast.Tuple):
        return False
    key = note.slice.elts[0] if note.slice.elts else None
    return isinstance(key, ast.Name) and key.id in ("int", "float", "bool", "bytes") and key.id not in code.names


def _original(part: ast.stmt, name: str) -> str:
    """Return what a statement imports under a name from one of `_HOMES`, or that module itself; empty for any other statement."""
    if isinstance(part, ast.ImportFrom) and not part.level and (part.module or "").partition(".")[0] in _HOMES:
        return next((a.name for a in part.names if (a.asname or a.name) == name), "")
    if isinstance(part, ast.Import):
        tops = (a.name.partition(".")[0] for a in part.names if (a.asname or a.name.partition(".")[0]) == name)
        return next((top for top in tops if top in _HOMES), "")
    return ""


def is_dataclass(node: Definition, code: Code) -> str | None:
    """Return the name of the dataclass that a function says to return, or None."""
    name = node.returns.id if isinstance(node.returns, ast.Name) else ""
    found = code.names.get(name, [])
    if len(found) != 1 or not isinstance(found[0], ast.ClassDef):
        return None
    marks = [d.func if isinstance(d, ast.Call) else d for d in found[0].decorator_list]
    return name if any(_last(m) == "dataclass" for m in marks) else None


def _classes(code: Code) -> Classes:
    """Return the names that a module gives a meaning of its own: those of typed dicts, and all that no module of `_HOMES` has."""
    found: Classes = {}
    for name, parts in code.names.items():
        node = parts[0] if len(parts) == 1 else None
        if isinstance(node, ast.ClassDef) and [_last(b) for b in node.bases] == ["TypedDict"] and not node.keywords:
            found[name] = node
        elif not all(_original(part, name) for part in parts):
            found[name] = None
    return found


def _typed_dict(node: ast.ClassDef, classes: Classes) -> Type:
    """Return the record that a typed dict is. Its own name is `any` inside of it, so that a circle of them ends."""
    inner = {name: None if c is node else c for name, c in classes.items()}
    fields = []
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            note = part.annotation
            optional = isinstance(note, ast.Subscript) and _last(note.value) == "NotRequired"
            type = annotated(note.slice if optional else note, inner)  # type: ignore[attr-defined]
            fields.append(types.FieldOf(part.target.id, type, optional))
    return types.RecordOf(tuple(fields))


def annotated(node: ast.expr | None, classes: Classes | None = None) -> Type:
    """Return the type that an annotation stands for, `any` if it is none of the simple ones."""
    classes = classes or {}
    match node:
        case ast.Name(id=name) if name in classes:
            own = classes[name]
            return types.ANY if own is None else _typed_dict(own, classes)
        case ast.Name(id=name):
            return _SIMPLE.get(name, types.ANY)
        case ast.Constant(value=None):
            return types.NULL
        case ast.Constant(value=str() as text):
            try:
                return annotated(ast.parse(text, mode="eval").body, classes)
            except (SyntaxError, ValueError, RecursionError):
                return types.ANY
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            parts = [annotated(left, classes), annotated(right, classes)]
            return types.ANY if types.ANY in parts else types.union(parts)
        case ast.Subscript(value=head, slice=inner):
            return types.ANY if _root(head) in classes else _generic(_last(head), inner, classes)
        case _:
            return types.ANY


def _generic(head: str, inner: ast.expr, classes: Classes) -> Type:
    if head in _LISTS:
        return types.ListOf(annotated(inner, classes))
    if head in ("tuple", "Tuple"):
        parts = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
        parts = [p for p in parts if not (isinstance(p, ast.Constant) and p.value is ...)]
        items = [annotated(p, classes) for p in parts]
        return types.ListOf(types.ANY if types.ANY in items or not items else types.union(items))
    if head in _MAPS and isinstance(inner, ast.Tuple) and len(inner.elts) == 2:
        return types.MapOf(annotated(inner.elts[1], classes))
    if head == "Optional":
        part = annotated(inner, classes)
        return types.ANY if part == types.ANY else types.optional(part)
    if head == "Literal":
        values = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        words = [v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str)]
        return types.union([types.LiteralOf("string", w) for w in words]) if len(words) == len(values) else types.ANY
    return types.ANY


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _root(node: ast.expr) -> str:
    """Return the name that a path begins with, as `typing` of `typing.Set`; empty for what is no path."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def handlers(code: Code, name: str) -> dict[str, dict[str, ast.expr]] | None:
    """Return the channels (`listen`) and commands (`enact`) that the methods of a class take, each with the place of its name.

    None where the class may have other methods: by a base that is not one of `cogc.sdk`, a decorator, or code in its body.
    """
    found = code.names.get(name, [])
    node = found[0] if len(found) == 1 else None
    if not isinstance(node, ast.ClassDef) or node.decorator_list or node.keywords:
        return None
    if not node.bases or not all(isinstance(b, ast.Name) and _is_from_sdk(code, b.id) for b in node.bases):
        return None
    taken: dict[str, dict[str, ast.expr]] = {"listen": {}, "enact": {}}
    for part in node.body:
        if not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            if isinstance(part, ast.Expr | ast.AnnAssign | ast.Assign | ast.Pass):
                continue
            return None
        for mark in part.decorator_list:
            if not isinstance(mark, ast.Call) or not isinstance(mark.func, ast.Name):
                return None
            if mark.func.id not in ("listen", "enact", "every"):
                return None
            if mark.func.id == "every":
                continue
            words = [a.value for a in mark.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if len(words) != 1 or mark.keywords:
                return None
            taken[mark.func.id][words[0]] = mark.args[0]
    return taken


def methods(code: Code, name: str) -> dict[tuple[str, str], Definition]:
    """Return the methods of a class by the mark and the word that they stand under, as `("listen", "job")`."""
    node = code.names[name][0]
    found: dict[tuple[str, str], Definition] = {}
    for part in node.body if isinstance(node, ast.ClassDef) else ():
        if not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) or len(part.decorator_list) != 1:
            continue
        mark = part.decorator_list[0]
        if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.args:
            word = mark.args[0]
            if isinstance(word, ast.Constant) and isinstance(word.value, str):
                found[mark.func.id, word.value] = part
    return found


def sent_on(code: Code, name: str) -> dict[str, int]:
    """Return the channels on which the methods of a class send, by `self.transmit("x", ...)`, each with a line of the code."""
    found: dict[str, int] = {}
    for part in ast.walk(code.names[name][0]):
        match part:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="self"), attr="transmit"),
                args=[ast.Constant(value=str() as word), *_],
            ):
                found.setdefault(word, part.lineno)
    return found


def method_names(code: Code, name: str) -> set[str] | None:
    """Return the names of the methods of a class; None where it may have others, by a base that is not one of `cogc.sdk`."""
    found = code.names.get(name, [])
    node = found[0] if len(found) == 1 else None
    if not isinstance(node, ast.ClassDef) or node.decorator_list:
        return None
    if not all(isinstance(b, ast.Name) and _is_from_sdk(code, b.id) for b in node.bases):
        return None
    return {part.name for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)}


def creates(code: Code, name: str) -> bool:
    """Return whether a method of a class creates coglets: it calls `self.create` or `self.create_mul`."""
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("create", "create_mul")
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "self"
        for part in code.names.get(name, [])
        for node in ast.walk(part)
    )


def _is_from_sdk(code: Code, name: str) -> bool:
    """Return whether a name is imported from `cogc.sdk`."""
    found = code.names.get(name, [])
    return len(found) == 1 and isinstance(found[0], ast.ImportFrom) and found[0].module == "cogc.sdk"

"""Make `cogc/desugar/forms/NAME.py` from `stdlib/forms/NAME.cog`: `python -m grammar.make_forms`.

A form is a file of the language with holes (`$name`, `$...name`). Each of its declarations becomes one Python function
that builds the tree: a hole is a parameter by name, and the place of every node is that of `at`, the node of the user's
file that the expansion stands for. So nothing is parsed, copied or searched when a declaration is expanded, and mypy
sees to it that every hole is filled.

    coglet NAME { ... }                      the coglet's members
    mixin NAME { ... }                       members, a fragment
    mixin NAME { enact statements { ... } }  statements, a fragment
    const NAME = ...                         an expression
    type NAME = ...                          a type; another fragment of the file takes it by `$NAME`

Hygiene. A name of the form that ends in `_` is the form's own. It is written as `MARK` and the rest of the name, which
no notation of the language can spell (`cogc/language/texts.py`). So is the name of a built-in function that the form calls.
"""

from __future__ import annotations

from pathlib import Path

from cogc.diagnostics.problems import Problems
from cogc.disk.resources import folder
from cogc.language.builtins import FUNCTIONS
from cogc.language.texts import MARK
from cogc.syntax import nodes, parse_cog
from cogc.syntax.lexer import Form

NAMES = ("agent", "dod", "export", "plan", "queue", "team")
STATEMENTS = "statements"
TARGET = Path(__file__).parents[1] / "cogc" / "desugar" / "forms"


def read(name: str) -> nodes.File:
    """The tree of a form, its holes in it."""
    path = folder("stdlib") / "forms" / f"{name}.cog"
    problems = Problems()
    tree = parse_cog.parse(Form(str(path), path.read_text(encoding="utf-8")), problems)
    if problems.errors:
        raise SystemExit("\n".join(f"{path}:{p.span.position()}: {p.message}" for p in problems.sorted()))
    return tree


def make(name: str) -> str:
    """The text of `cogc/desugar/forms/NAME.py`."""
    tree = read(name)
    types = {d.name.id: d for d in tree.declarations if isinstance(d, nodes.TypeDecl)}
    functions = [_Writer(types).function(d) for d in tree.declarations]
    head = [
        f'"""The form `stdlib/forms/{name}.cog`, as functions. Made by `python -m grammar.make_forms`: do not edit."""',
        "# ruff: noqa",
        "# mypy: ignore-errors",
        "from __future__ import annotations",
        "from cogc.syntax.nodes import *",
        "from cogc.syntax.nodes import Name as N, Text as T",
    ]
    return "\n".join([*head, *functions]) + "\n"


class _Writer:
    """Writes one function, and collects the holes that become its parameters."""

    def __init__(self, types: dict[str, nodes.TypeDecl]) -> None:
        self.types = types
        self.holes: dict[str, str] = {}

    def function(self, node: nodes.Declaration) -> str:
        match node:
            case nodes.Mixin(
                members=(nodes.Enact(name=nodes.Name(id="statements"), body=nodes.Block(statements=body)),)
            ):
                result, text = "tuple[Statement, ...]", self.text(body)
            case nodes.Coglet() | nodes.Mixin():
                result, text = "tuple[Member, ...]", self.text(node.members)
            case nodes.Const():
                result, text = "Expr", self.text(node.value)
            case nodes.TypeDecl():
                result, text = "TypeExpr", self.text(node.type)
            case _:
                raise SystemExit(f"a form has no {type(node).__name__}")
        holes = "".join(f", {hole}: {type}" for hole, type in self.holes.items())
        head = f"def {node.name.id}(at: Node{', *' if holes else ''}{holes}) -> {result}:"
        return f"{head}\n    s, e = at.start, at.end\n    return {text}"

    def text(self, value: object) -> str:
        """The expression that builds a value of the tree."""
        match value:
            case nodes.Splice(name=hole) | nodes.Argument(value=nodes.Splice(name=hole)):
                return f"*{self._hole(hole, 'tuple[Node, ...]')}"
            case nodes.Name(id=id) if id.startswith("$"):
                return self._hole(id[1:], "Node")
            case nodes.Call(function=nodes.Name(id=id), arguments=arguments) if id in FUNCTIONS:
                return f"Call(s, e, N(s, e, {MARK + id!r}), {self.text(arguments)})"
            case nodes.Name(id=id):
                return f"N(s, e, {own(id)!r})"
            case nodes.TypeName(name=nodes.Qualified(parts=(nodes.Name(id=id),))) if id.startswith("$"):
                return f"{id[1:]}(at)" if id[1:] in self.types else self._hole(id[1:], "Node")
            case nodes.Qualified(parts=(nodes.Name(id=id),)) if id.startswith("$"):
                return self._hole(id[1:], "Node")
            case nodes.Text(value=text, template=template):
                return f"T(s, e, {text!r}, {template}, ((0, s),))"
            case nodes.Node():
                return self._node(value)
            case tuple():
                return f"({''.join(self.text(v) + ', ' for v in value)})"
        return repr(value)

    def _node(self, node: nodes.Node) -> str:
        defaults: dict[str, object] = vars(node.__class__)["_defaults_"]
        fields = [f for f in node.__class__._fields_ if f not in ("start", "end")]
        while fields and fields[-1] in defaults and getattr(node, fields[-1]) == defaults[fields[-1]]:
            fields.pop()
        parts = "".join(f", {self.text(getattr(node, f))}" for f in fields)
        return f"{node.__class__.__name__}(s, e{parts})"

    def _hole(self, name: str, type: str) -> str:
        self.holes.setdefault(name, type)
        return name


def own(id: str) -> str:
    """A name of a form as it stands in the expanded tree."""
    return MARK + id[:-1] if id.endswith("_") else id


def main() -> None:
    for name in NAMES:
        path = TARGET / f"{name}.py"
        path.write_text(make(name), encoding="utf-8")
        print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()

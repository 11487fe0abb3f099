"""`${name}` and `{name}` in a string, which other languages fill in: here only `{{ name }}` is a template.

It is reported where `name` is a name of the declaration that the string is in. Not looked at are raw strings, the commands of `shell` and what a
sett gives to its agents, in which `${NAME}` is a variable of the environment.
"""

from __future__ import annotations

import re

from cogc.checks.common import sound_units
from cogc.diagnostics.edits import Edit
from cogc.diagnostics.source import Span, looks_like_yaml
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cogc.analysis.checked import Checked
    from cogc.names.world import Unit

_BRACED = r"(?<![{$])\{([A-Za-z_][A-Za-z0-9_]*)\}(?!\})"
_PLACEHOLDER = r"\$\{ *([A-Za-z_][A-Za-z0-9_]*)((?:\.[A-Za-z_][A-Za-z0-9_]*)*) *\}"


def foreign_placeholder(checked: Checked) -> None:
    """Report each `${name}` in a string whose name is known where the string stands."""
    for unit in sound_units(checked):
        placeholders = re.search(_PLACEHOLDER, unit.source.text) is not None
        if not placeholders and re.search(_BRACED, unit.source.text) is None:
            continue
        consts = {d.name.id for d in unit.tree.declarations if isinstance(d, nodes.Const)}
        for declaration in unit.tree.declarations:
            if not isinstance(declaration, nodes.Sett):
                found = list(nodes.walk(declaration))
                if placeholders:
                    _look(checked, unit, found, consts | set(_names(found)))
                _formatted(checked, unit, found)


def _formatted(checked: Checked, unit: Unit, found: list[nodes.Node]) -> None:
    """Report `{name}`, as Python formats it, in what a program or an agent says to somebody, where it is one of its parameters."""
    for owner in found:
        match owner:
            case nodes.Program(executor=nodes.Executor(kind=nodes.Name(id="template" | "llm"))) | nodes.Agent():
                known = {p.name.id for p in owner.parameters}
            case nodes.Plan():
                known = {
                    *(p.name.id for p in owner.parameters),
                    *(s.name.id for s in owner.items if isinstance(s, nodes.Step)),
                    "goal",
                }
            case _:
                continue
        for text in nodes.walk(owner) if known else ():
            for match in (
                re.compile(_BRACED).finditer(unit.source.text, text.start, text.end)
                if isinstance(text, nodes.Text)
                else ()
            ):
                if match[1] in known:
                    words = f"{{{{ {match[1]} }}}}"
                    span = Span(unit.source, *match.span())
                    in_yaml = looks_like_yaml(unit.path, unit.source.text)
                    edits = (Edit(span, words, "unsafe"),) if not in_yaml or match.start() > text.start else ()
                    checked.problems.add(
                        "foreign-placeholder", span, help=f"write `{words}`", edits=edits, text=match[0]
                    )


def _names(found: list[nodes.Node]) -> Iterator[str]:
    """Yield the names that a declaration gives to values."""
    for node in found:
        match node:
            case (
                nodes.Parameter(name=name) | nodes.State(name=name) | nodes.Const(name=name) | nodes.Handler(name=name)
            ):
                yield name.id
            case nodes.ForEach(name=name) | nodes.Step(name=name) | nodes.ForAll(name=name) | nodes.ForRows(name=name):
                yield name.id
            case nodes.Let() | nodes.For() | nodes.Generator() | nodes.On():
                yield from (name.id for name in nodes.names_of(node.pattern))
            case nodes.Plan():
                yield "goal"


def _look(checked: Checked, unit: Unit, found: list[nodes.Node], known: set[str]) -> None:
    in_yaml = looks_like_yaml(unit.path, unit.source.text)
    shells = [n for n in found if isinstance(n, nodes.Executor) and n.kind.id == "shell"]
    commands = {id(inner) for shell in shells for inner in nodes.walk(shell)}
    for node in found:
        if not isinstance(node, nodes.Text) or id(node) in commands:
            continue
        if unit.source.text.startswith("r", node.start) and not in_yaml:
            continue
        for match in re.compile(_PLACEHOLDER).finditer(unit.source.text, node.start, node.end):
            if match[1] in known:
                span, words = Span(unit.source, *match.span()), f"{{{{ {match[1]}{match[2]} }}}}"
                # a plain scalar of YAML may not begin with a brace
                edits = (Edit(span, words, "unsafe"),) if not in_yaml or match.start() > node.start else ()
                help = f"write `{words}`"
                checked.problems.add("foreign-placeholder", span, help=help, edits=edits, text=match[0])

"""`${name}` and `{name}` in a string, which other languages fill in: here only `{{ name }}` is a template.

It is reported where `name` is a name of the declaration that the string is in. Not looked at are raw strings and what a sett gives to its agents,
in which `${NAME}` is a variable of the environment. A word of a command is reported if a shell would make another word of it, as of `$HOME`,
`$(date)` and `~/notes`, and no word of the command is a program that reads such words itself.
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
_TEMPLATE = r"\{[{%]([^{}]*)[%}]\}"
_PLACEHOLDER = r"\$\{ *([A-Za-z_][A-Za-z0-9_]*)((?:\.[A-Za-z_][A-Za-z0-9_]*)*) *\}"


def foreign_placeholder(checked: Checked) -> None:
    """Report each `${name}` in a string whose name is known where the string stands."""
    for unit in sound_units(checked):
        placeholders = "${" in unit.source.text and re.search(_PLACEHOLDER, unit.source.text) is not None
        _commands(checked, unit)
        if not placeholders and re.search(_BRACED, unit.source.text) is None:
            continue
        consts = {d.name.id for d in unit.tree.declarations if isinstance(d, nodes.Const)}
        for declaration in unit.tree.declarations:
            if not isinstance(declaration, nodes.Sett):
                found = list(nodes.walk(declaration))
                if placeholders:
                    _look(checked, unit, found, consts | set(_names(found)))
                _formatted(checked, unit, found)


_FILLED = r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))(?=[/:.]|$)|\$\(.+\)$|~/"
_READERS = frozenset((
    "sh", "bash", "zsh", "dash", "ksh", "fish", "env", "eval", "ssh", "awk", "gawk", "perl", "ruby", "php", "jq", "yq", "envsubst", "expect", "make",
    "pwsh", "powershell", "cmd", "tclsh", "psql", "sed", "watch", "parallel", "nix-shell", "-c", "-e", "--eval", "-Command",
))  # fmt: skip
"""Words of commands that read `$NAME` themselves, or hand it to what does."""


def _commands(checked: Checked, unit: Unit) -> None:
    """Report words of commands that only a shell fills in: each word reaches the command as it is."""
    if "$" not in unit.source.text and "~/" not in unit.source.text:
        return
    for program in unit.all(nodes.Program):
        if program.executor.kind.id == "shell":
            _words(checked, unit, program.executor.argument, {p.name.id for p in program.parameters})
    for criterion in unit.all(nodes.Command):
        _words(checked, unit, criterion.executor.argument, set())
    for server in unit.all(nodes.Mcp):
        _words(checked, unit, server.argument, set())


def _words(checked: Checked, unit: Unit, command: nodes.Node | None, parameters: set[str]) -> None:
    texts = [w for w in command.items if isinstance(w, nodes.Text)] if isinstance(command, nodes.ListLiteral) else []
    if any(t.value.rpartition("/")[2] in _READERS for t in texts):
        return
    for text in texts:
        found = re.match(_FILLED, text.value)
        name = (found[1] or found[2] or "") if found is not None else ""
        if found is None or _is_raw(unit, text) or (name and name not in parameters and not name.isupper()):
            continue
        help = (
            f"write `{name}`"
            if name in parameters
            else 'no shell reads it: write `shell ["sh", "-c", "..."]` for a line of a shell'
        )
        checked.problems.add("foreign-placeholder", unit.span(text), help=help, text=text.value)


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
            if isinstance(text, nodes.Text) and not _is_raw(unit, text):
                # who writes `{{ n }}` in the same text means something else by `{n}`, as in `x^{n}`
                templates = re.findall(_TEMPLATE, unit.source.text[text.start : text.end])
                told = {name for template in templates for name in re.findall(r"\w+", template)}
                for match in re.compile(_BRACED).finditer(unit.source.text, text.start, text.end):
                    if match[1] in known and match[1] not in told:
                        _report(checked, unit, text, match, f"{{{{ {match[1]} }}}}")


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
    shells = [n for n in found if isinstance(n, nodes.Executor) and n.kind.id == "shell"]
    commands = {id(inner) for shell in shells for inner in nodes.walk(shell)}
    for node in found:
        if not isinstance(node, nodes.Text) or id(node) in commands or _is_raw(unit, node):
            continue
        for match in re.compile(_PLACEHOLDER).finditer(unit.source.text, node.start, node.end):
            if match[1] in known:
                _report(checked, unit, node, match, f"{{{{ {match[1]}{match[2]} }}}}")


def _is_raw(unit: Unit, text: nodes.Text) -> bool:
    """Return whether a string is raw; an `r` at the beginning of a plain scalar of YAML is a letter."""
    return unit.source.text.startswith('r"', text.start)


def _report(checked: Checked, unit: Unit, text: nodes.Text, match: re.Match[str], words: str) -> None:
    span = Span(unit.source, *match.span())
    # a plain scalar of YAML may not begin with a brace
    may_change = match.start() > text.start or not looks_like_yaml(unit.path, unit.source.text)
    edits = (Edit(span, words, "unsafe"),) if may_change else ()
    checked.problems.add("foreign-placeholder", span, help=f"write `{words}`", edits=edits, text=match[0])

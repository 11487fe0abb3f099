"""The marks that an editor draws into a text: semantic tokens, the types of names as inlay hints, code lenses."""

from __future__ import annotations

from cogc.analysis.uses import Use
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Span, looks_like_yaml
from cogc.language import types
from cogc.lsp.documents import offset, position, range_of
from cogc.lsp.legend import TOKEN_MODIFIERS, TOKEN_TYPES
from cogc.names.world import default_root
from cogc.syntax import nodes
from cogc.syntax.lexer import lex
from cogc.syntax.tables import KEYWORDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from cogc.lsp.workspace import Workspace

    Range: TypeAlias = dict[str, dict[str, int]]
    Token: TypeAlias = tuple[int, int, str, tuple[str, ...]]

_TYPES = {
    "alias": "namespace", "mcp": "namespace", "type": "type", "coglet": "class", "agent": "class", "team": "class",
    "plan": "class", "dod": "class", "sett": "class", "mixin": "interface", "parameter": "parameter", "local": "variable",
    "const": "variable", "model": "variable", "create": "variable", "self": "variable", "state": "property",
    "field": "property", "listen": "event", "transmit": "event", "queue": "event", "program": "function",
    "function": "function", "step": "function", "role": "type", "enact": "method",
}  # fmt: skip
_READONLY = ("const", "model", "self", "parameter", "local")
_WORDS = frozenset(KEYWORDS.values())
_LONGEST = 60
"""The characters of a type beyond which a hint is cut."""


# ---- semantic tokens -----------------------------------------------------------------------------------------


def semantic_tokens(workspace: Workspace, path: str, touched: Range | None = None) -> object:
    """Return the names of a text by what they mean, and in the cog notation the keywords, as the protocol encodes them.

    Nearly every keyword may also be a name, so that no pattern can tell the two apart.
    """
    unit = workspace.analysis(path).unit
    if unit is None:
        return {"data": []}
    found: dict[int, Token] = {}
    for use in workspace.analysis(path).uses.of_file(path):
        kind = _TYPES.get(use.meaning.kind)
        if kind is not None:
            found[use.start] = (use.start, use.end, kind, _modifiers(use))
    for node in unit.all(nodes.Attribute):
        found.setdefault(node.key.start, (node.key.start, node.key.end, "property", ()))
    if not looks_like_yaml(path, unit.source.text):
        names = {n.start for n in unit.all(nodes.Name)}
        tokens = lex(unit.source, Problems())
        for kind_, start, end in zip(tokens.kinds, tokens.starts, tokens.ends, strict=True):
            if kind_ in _WORDS and start not in names:
                found.setdefault(start, (start, end, "keyword", ()))
    first, last = 0, len(unit.source.text)
    if touched is not None:
        first, last = (offset(unit.source, touched[side]) for side in ("start", "end"))
    data: list[int] = []
    line = character = 0
    for start, end, kind, modifiers in sorted(found.values()):
        if end <= first or start >= last or "\n" in unit.source.text[start:end]:
            continue
        here, there = position(unit.source, start), position(unit.source, end)
        if here["line"] != line:
            character = 0
        bits = sum(1 << TOKEN_MODIFIERS.index(m) for m in modifiers)
        length = there["character"] - here["character"]
        data += [here["line"] - line, here["character"] - character, length, TOKEN_TYPES.index(kind), bits]
        line, character = here["line"], here["character"]
    return {"data": data}


def _modifiers(use: Use) -> tuple[str, ...]:
    meaning = use.meaning
    built_in = meaning.kind == "function" or (meaning.unit is not None and meaning.unit.is_std)
    known = (
        ("declaration", use.declares),
        ("readonly", meaning.kind in _READONLY),
        ("modification", use.sets),
        ("defaultLibrary", built_in),
    )
    return tuple(name for name, holds in known if holds)


# ---- inlay hints ---------------------------------------------------------------------------------------------


def inlay_hints(workspace: Workspace, path: str, touched: Range) -> list[object]:
    """Return the types that are written nowhere: those of local names and consts, and of the channels at the start of a link; and what a
    task of an agent or a team may cost at most."""
    analysis = workspace.analysis(path)
    unit = analysis.unit
    if unit is None:
        return []
    first, last = (offset(unit.source, touched[side]) for side in ("start", "end"))
    tables = analysis.checked.tables
    found: list[tuple[int, types.Type | None]] = []
    binding: list[nodes.Let | nodes.For | nodes.On | nodes.Generator] = [*unit.all(nodes.Let), *unit.all(nodes.For)]
    binding += [*unit.all(nodes.On), *unit.all(nodes.Generator)]
    for node in binding:
        found += [(n.end, tables.types.get(id(n))) for n in nodes.names_of(node.pattern)]
    found += [(c.name.end, tables.types.get(id(c))) for c in unit.all(nodes.Const) if c.type is None]
    for link in unit.all(nodes.Link):
        ports = [(s.end, tables.targets.get(id(s))) for s in link.sources]
        found += [(at, port.type) for at, port in ports if port is not None]
    hints: list[object] = []
    for at, type in sorted(found, key=lambda h: h[0]):
        if type is None or type == types.ANY or not first <= at <= last:
            continue
        text = types.show(types.widen(type) if isinstance(type, types.LiteralOf) else type)
        short = text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
        hints.append({"position": position(unit.source, at), "label": f": {short}", "kind": 1})
    for declared in unit.tree.declarations:
        if isinstance(declared, nodes.Agent | nodes.Team) and first <= declared.name.end <= last:
            label = analysis.costs.get(declared.name.id)
            if label is not None:
                place = position(unit.source, declared.name.end)
                hints.append({"position": place, "label": label, "paddingLeft": True})
    return hints


# ---- code lenses ---------------------------------------------------------------------------------------------


def code_lenses(workspace: Workspace, path: str) -> list[object]:
    """Return what can be done with the root of a file and with its tests: commands that the editor's extension carries out."""
    unit = workspace.analysis(path).unit
    if unit is None:
        return []
    made: list[object] = []

    def lens(span: Span, title: str, *words: str) -> None:
        command = {"title": title, "command": "cogc.terminal", "arguments": list(words)}
        made.append({"range": range_of(span), "command": command})

    root = default_root(unit)
    if root is not None and not unit.all(nodes.Test):
        name = root.node.name.id
        lens(root.span(), "run", "run", path, "--root", name)
        lens(root.span(), "graph", "graph", path, "--root", name)
        lens(root.span(), "explore", "explore", path, "--root", name)
    for test in unit.all(nodes.Test):
        lens(unit.span(test.name), "run test", "test", path, "-k", test.name.value)
        lens(unit.span(test.name), "explore", "explore", path, "--test", test.name.value)
    return made

"""The answers to what an editor asks of a text as a whole: its diagnostics as the protocol has them, the edits that mend them, formatting, the outline and the folds."""

from __future__ import annotations

from cogc.diagnostics.problems import Diagnostic, Problems
from cogc.diagnostics.source import Source, Span, looks_like_yaml
from cogc.lsp.documents import offset, position, range_of, uri_of
from cogc.syntax import nodes
from cogc.syntax.format import compare, formatted, formatted_range
from cogc.syntax.parse import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Range: TypeAlias = dict[str, dict[str, int]]

_SEVERITY = {"error": 1, "warning": 2}
_KINDS: dict[type, int] = {
    nodes.Coglet: 5, nodes.Mixin: 11, nodes.Agent: 5, nodes.Team: 5, nodes.Plan: 5, nodes.Dod: 5, nodes.Sett: 5,
    nodes.Program: 12, nodes.Const: 14, nodes.TypeDecl: 23, nodes.Model: 13, nodes.ModelList: 13, nodes.Mcp: 13,
    nodes.Queue: 18, nodes.Test: 6, nodes.Scenario: 6, nodes.Listen: 24, nodes.Transmit: 24, nodes.State: 8,
    nodes.Create: 13, nodes.Enact: 6, nodes.Step: 6,
}  # fmt: skip
"""The number that the protocol has for the kind of a symbol, by the class of its node."""


def actions(found: list[Diagnostic], touched: Range) -> list[object]:
    """Return the edits of those diagnostics that a range touches."""
    made: list[object] = []
    for d in found:
        first, last = (offset(d.span.source, touched[side]) for side in ("start", "end"))
        if not d.edits or d.span.start > last or d.span.end < first:
            continue
        changes: dict[str, list[object]] = {}
        for e in d.edits:
            edit = {"range": range_of(e.span), "newText": e.replacement}
            changes.setdefault(uri_of(e.span.source.path), []).append(edit)
        made.append(
            {
                "title": d.help or d.message,
                "kind": "quickfix",
                "diagnostics": [shown(d)],
                "isPreferred": all(e.applicability == "safe" for e in d.edits),
                "edit": {"changes": changes},
            }
        )
    return made


def formatting(source: Source) -> list[object] | None:
    """Return the edit that formats a text, none if it is formatted, or None if it cannot be."""
    made = None if looks_like_yaml(source.path, source.text) else formatted(source)
    if made is None:
        return None
    if made == source.text:
        return []
    compare(source, made)
    return [{"range": range_of(Span(source, 0, len(source.text))), "newText": made}]


def range_formatting(source: Source, touched: Range) -> list[object] | None:
    if looks_like_yaml(source.path, source.text):
        return None
    start, end = (offset(source, touched[side]) for side in ("start", "end"))
    found = formatted_range(source, start, end)
    if found is None or source.text[found[0] : found[1]] == found[2]:
        return []
    compare(source, source.text[: found[0]] + found[2] + source.text[found[1] :])
    return [{"range": range_of(Span(source, found[0], found[1])), "newText": found[2]}]


def symbols(source: Source) -> list[object]:
    tree = parse(source, Problems())
    return [made for d in tree.declarations if (made := _symbol(source, d)) is not None]


def flat_symbols(source: Source, tree: nodes.File) -> list[tuple[dict[str, Any], str]]:
    """Return the declarations and the members of a file as symbols, each with the name of what it stands in."""
    made = [_symbol(source, d) for d in tree.declarations]
    pending: list[tuple[dict[str, Any], str]] = [(s, "") for s in made if s is not None]
    found = []
    while pending:
        symbol, owner = pending.pop(0)
        found.append((symbol, owner))
        pending = [*((inner, str(symbol["name"])) for inner in symbol["children"]), *pending]
    return found


def folds(source: Source) -> list[object]:
    """Return the declarations, members and statements of several lines."""
    found: dict[int, int] = {}
    for node in nodes.walk(parse(source, Problems())):
        if isinstance(node, (*_KINDS, nodes.Reaction, nodes.If, nodes.For)):
            first, last = (position(source, at)["line"] for at in (node.start, node.end))
            if last > first:
                found.setdefault(first, last)
    return [{"startLine": first, "endLine": last} for first, last in found.items()]


def _symbol(source: Source, node: nodes.Node) -> dict[str, Any] | None:
    """Return a declaration or a member as a symbol, with those inside of it."""
    kind = _KINDS.get(type(node))
    name = getattr(node, "name", None)
    if kind is None or not isinstance(name, nodes.Name | nodes.Text):
        return None
    # what an alias of YAML stands for ends in front of its name
    span = Span(source, node.start, max(node.end, name.end))
    inner = [*getattr(node, "members", ()), *getattr(node, "items", ())]
    children = [s for n in inner if (s := _symbol(source, n)) is not None]
    return {
        "name": (name.id if isinstance(name, nodes.Name) else name.value) or "?",
        "detail": type(node).__name__.lower(),
        "kind": kind,
        "range": range_of(span),
        "selectionRange": range_of(Span(source, max(name.start, span.start), min(name.end, span.end))),
        "children": children,
    }


def shown(d: Diagnostic) -> dict[str, object]:
    shown: dict[str, object] = {
        "range": range_of(d.span),
        "severity": _SEVERITY.get(d.severity, 3),
        "code": d.code,
        "source": "cogc",
        "message": f"{d.message}\n{d.help}" if d.help else d.message,
    }
    if d.related:
        places = [
            (label, {"uri": uri_of(label.span.source.path), "range": range_of(label.span)}) for label in d.related
        ]
        shown["relatedInformation"] = [{"location": place, "message": label.text} for label, place in places]
    return shown

"""The call hierarchy of a system of coglets: who hears whom.

An item is a thing that has a name (a channel, a command, a program, an agent, a coglet), or a part of a text in which such things
are named: a reaction, a command, a link, a test. What comes in to a channel are the parts that send to it; what goes out of it are
those that hear it. What comes in to a program, an agent or a command are the parts that call it; to a coglet, those that create it.
What goes out of a part are the things that it sends to, calls and creates; what comes in to a reaction are the channels that it hears.
"""

from __future__ import annotations

import itertools

from cogc.analysis.uses import Meaning, Use
from cogc.diagnostics.source import Span
from cogc.lsp.documents import offset, path_of, range_of, uri_of
from cogc.lsp.navigation import everywhere, use_at
from cogc.lsp.places import around
from cogc.names.world import Unit
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from cogc.lsp.workspace import Workspace

    Item: TypeAlias = dict[str, Any]

_KINDS = {
    "listen": 24, "transmit": 24, "queue": 24, "program": 12, "agent": 5, "enact": 6, "coglet": 5, "mixin": 11, "team": 5,
    "plan": 5, "dod": 5, "create": 13,
}  # fmt: skip
"""The kinds of things that have a hierarchy, with the number of their symbol."""
_PARTS = (
    nodes.Reaction, nodes.Enact, nodes.Link, nodes.Create, nodes.Program, nodes.Agent, nodes.Team, nodes.Step, nodes.Test, nodes.Const,
    nodes.Queue, nodes.Coglet, nodes.Mixin, nodes.Plan, nodes.Dod, nodes.Sett, nodes.Scenario,
)  # fmt: skip
_SENT = (nodes.Send, nodes.Feed, nodes.Guide, nodes.Order)


def prepare(workspace: Workspace, path: str, offset: int) -> object:
    use = use_at(workspace, path, offset)
    if use is None or use.meaning.kind not in _KINDS or use.meaning.unit is None or use.meaning.place is None:
        return None
    return [_named(use.meaning)]


def incoming(workspace: Workspace, item: Item) -> list[object]:
    """Return who sends to a thing, or calls it; for a part of a text, the channels that it hears."""
    return _related(workspace, item, True, "from")


def outgoing(workspace: Workspace, item: Item) -> list[object]:
    """Return who hears a thing; for a part of a text, the things that it sends to, calls and creates."""
    return _related(workspace, item, False, "to")


def _related(workspace: Workspace, item: Item, coming: bool, key: str) -> list[object]:
    path = path_of(item["uri"])
    known = workspace.tree(path)
    if known is None:
        return []
    start = offset(known[0], item["selectionRange"]["start"])
    found: dict[str, tuple[Item, list[object]]] = {}

    def add(other: Item, use: Use) -> None:
        ranges = found.setdefault(f"{other['uri']} {other['selectionRange']} {other['name']}", (other, []))[1]
        ranges.append(range_of(Span(use.unit.source, use.start, use.end)))

    use = use_at(workspace, path, start)
    if not item.get("data", {}).get("part") and use is not None:
        for other in everywhere(workspace, path, use.meaning):
            line = around(other.unit.tree, other.start)
            part = next((n for n in reversed(line) if isinstance(n, _PARTS)), None)
            if part is not None and not other.declares and _comes(line, use.meaning) == coming:
                add(_part(other.unit, part, line), other)
    if item.get("data", {}).get("part") or (use is not None and use.declares and not coming):
        unit = workspace.analysis(path).unit
        end = offset(known[0], item["range"]["end"])
        first = offset(known[0], item["range"]["start"])
        for other in workspace.analysis(path).uses.of_file(path) if unit is not None else ():
            inside = first <= other.start < end and other.meaning.kind in _KINDS and not other.declares
            if inside and other.meaning.unit is not None and other.meaning.place is not None:
                if _comes(around(other.unit.tree, other.start), other.meaning) != coming:
                    add(_named(other.meaning), other)
    return [{key: other, "fromRanges": ranges} for other, ranges in found.values()]


def _comes(line: list[nodes.Node], meaning: Meaning) -> bool:
    """Return whether a use sends to a thing or calls it; false where the thing is heard."""
    if meaning.kind not in ("listen", "transmit", "queue"):
        return True
    for outer, inner in itertools.pairwise(line):
        if isinstance(outer, _SENT) and outer.target is inner:
            return True
        if isinstance(outer, nodes.Link):
            return inner in outer.targets
        if isinstance(outer, nodes.Pipeline):
            return True
    return False


def _named(meaning: Meaning) -> Item:
    assert meaning.unit is not None and meaning.place is not None
    whole = meaning.node if meaning.node is not None and meaning.own else meaning.place
    span = meaning.unit.span(whole)
    return _item(meaning.name, _KINDS[meaning.kind], meaning.kind, span, meaning.unit.span(meaning.place), False)


def _part(unit: Unit, part: nodes.Node, line: list[nodes.Node]) -> Item:
    """Return a part of a text as an item; a reaction and a link are named by their first line."""
    owner = next((n for n in line if isinstance(n, nodes.Coglet | nodes.Mixin | nodes.Plan)), None)
    name = getattr(part, "name", None)
    word = name.id if isinstance(name, nodes.Name) else name.value if isinstance(name, nodes.Text) else None
    text = unit.text(part).partition("\n")[0].partition("{")[0].strip()
    place = unit.span(name) if isinstance(name, nodes.Name | nodes.Text) else Span(unit.source, part.start, part.start)
    detail = owner.name.id if owner is not None and owner is not part else ""
    return _item(word or text, 6, detail, unit.span(part), place, True)


def _item(name: str, kind: int, detail: str, span: Span, place: Span, part: bool) -> Item:
    span = Span(
        span.source, span.start, max(span.end, place.end)
    )  # what an alias of YAML stands for ends in front of its name
    first, last = max(place.start, span.start), min(place.end, span.end)
    return {
        "name": name,
        "kind": kind,
        "detail": detail,
        "uri": uri_of(span.source.path),
        "range": range_of(span),
        "selectionRange": range_of(Span(span.source, first, max(first, last))),
        "data": {"part": part},
    }

"""The places where things are declared and named: definition, references, highlights, rename, symbols of the workspace."""

from __future__ import annotations

import posixpath
import re

from cogc.diagnostics.source import Span, is_folder, looks_like_yaml
from cogc.language.texts import is_name, is_role
from cogc.lsp.documents import range_of, uri_of
from cogc.lsp.rpc import REQUEST_FAILED, Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from cogc.analysis.uses import Key, Meaning, Use
    from cogc.lsp.workspace import Workspace

    Places: TypeAlias = dict[str, set[tuple[int, int]]]
    """Places of a word, by file."""

_ROLES = ("agent", "team", "plan", "sett")
"""The kinds of things whose names are roles, in which hyphens may stand."""
_WITHIN = frozenset(["local", "alias"])
"""The kinds of things that no other file can name."""
_FIXED = {
    "function": "is built in",
    "self": "is the coglet itself",
    "file": "is the path of a file",
    "field": "is a field: other types and values have fields of this name too",
}
"""The kinds of things that are not renamed, and why."""


def use_at(workspace: Workspace, path: str, offset: int) -> Use | None:
    return workspace.analysis(path).uses.at(path, offset)


def definition(workspace: Workspace, path: str, offset: int) -> object:
    use = use_at(workspace, path, offset)
    if use is None or use.meaning.unit is None:
        return None
    from cogc.analysis.uses import word

    unit, place = use.meaning.unit, use.meaning.place
    span = unit.span(place) if place is not None else Span(unit.source, 0, 0)
    if place is not None and (found := word(unit, place, use.meaning.name)) is not None:
        span = Span(unit.source, *found)
    return {"uri": uri_of(span.source.path), "range": range_of(span)}


def type_definition(workspace: Workspace, path: str, offset: int) -> object:
    """Return the places of the named types that a value is of."""
    from cogc.analysis.uses import type_places

    analysis = workspace.analysis(path)
    use = analysis.uses.at(path, offset)
    spans = [] if use is None or use.type is None else type_places(analysis.checked.world, use.type)
    return [{"uri": uri_of(s.source.path), "range": range_of(s)} for s in spans]


def references(workspace: Workspace, path: str, offset: int, declaration: bool) -> list[object]:
    use = use_at(workspace, path, offset)
    if use is None:
        return []
    found = [u for u in everywhere(workspace, path, use.meaning) if declaration or not u.declares]
    return [{"uri": uri_of(u.unit.path), "range": _range(u)} for u in found]


def highlights(workspace: Workspace, path: str, offset: int) -> list[object]:
    use = use_at(workspace, path, offset)
    if use is None:
        return []
    same = workspace.analysis(path).uses.of_file(path)
    return [
        {"range": _range(u), "kind": 3 if u.declares or u.sets else 2} for u in same if u.meaning.key == use.meaning.key
    ]


def everywhere(workspace: Workspace, path: str, meaning: Meaning) -> list[Use]:
    """Return the uses of a thing in all files that can name it."""
    home = path if meaning.unit is None or meaning.unit.is_std else meaning.unit.path
    home = posixpath.dirname(home) if is_folder(home) else home  # the folder is what others import
    files = [path] if meaning.kind in _WITHIN or meaning.unit is None else workspace.importers(home, path)
    found: dict[tuple[str, int, int], Use] = {}
    for file in files:
        if meaning.kind not in _FIXED and not workspace.has(file, meaning.name):
            continue
        for use in workspace.analysis(file).uses.of(meaning.key):
            found.setdefault((use.unit.path, use.start, use.end), use)
    return sorted(found.values(), key=lambda u: (u.unit.path, u.start))


def _range(use: Use) -> dict[str, dict[str, int]]:
    return range_of(Span(use.unit.source, use.start, use.end))


# ---- rename --------------------------------------------------------------------------------------------------


def prepare_rename(workspace: Workspace, path: str, offset: int) -> object:
    use = use_at(workspace, path, offset)
    return None if use is None or _refusal(use.meaning) else {"range": _range(use), "placeholder": use.meaning.name}


def _refusal(meaning: Meaning) -> str:
    """Return why a thing cannot be renamed, empty if it can."""
    if meaning.kind in _FIXED:
        return _FIXED[meaning.kind]
    if meaning.unit is not None and meaning.unit.is_std:
        return "is of the standard library"
    if meaning.unit is not None and is_folder(meaning.unit.path):
        return "stands in code in Python"
    return "" if meaning.own else "has no name of its own in the text"


def _may_be_text(meaning: Meaning) -> bool:
    """Return whether a thing has a text for a name: an agent, a team, a plan or a sett whose name is in quotes, or a key of YAML."""
    unit, place = meaning.unit, meaning.place
    if unit is None or place is None or meaning.kind not in _ROLES:
        return False
    return place.end - place.start > len(meaning.name) or looks_like_yaml(unit.path, unit.source.text)


def rename(workspace: Workspace, path: str, offset: int, new: str) -> object:
    """Return the edits that give a thing another name in all files that name it.

    The files are analysed as they would be then. The rename is refused if a name would mean something else there than it does
    now, or if there would be an error that there is not now.
    """
    use = use_at(workspace, path, offset)
    if use is None:
        raise Failure(REQUEST_FAILED, "there is no name here that could be changed")
    meaning = use.meaning
    if why := _refusal(meaning):
        raise Failure(REQUEST_FAILED, f"`{meaning.name}` {why}")
    if not is_name(new) and not (_may_be_text(meaning) and is_role(new)):
        raise Failure(
            REQUEST_FAILED, f"`{new}` is no name: a name has letters, digits and `_`, and is no reserved word"
        )
    if new == meaning.name:
        return {"changes": {}}
    places: Places = {}
    for u in everywhere(workspace, path, meaning):
        places.setdefault(u.unit.path, set()).add((u.start, u.end))
    _refuse_clashes(workspace, path, meaning, places, new)
    changes: dict[str, list[object]] = {}
    for file, found in places.items():
        known = workspace.tree(file)
        assert known is not None  # it has just been analysed
        changes[uri_of(file)] = [{"range": range_of(Span(known[0], *p)), "newText": new} for p in sorted(found)]
    return {"changes": changes}


def _refuse_clashes(workspace: Workspace, path: str, meaning: Meaning, places: Places, new: str) -> None:
    texts: dict[str, bytes] = {}
    for file, found in places.items():
        known = workspace.tree(file)
        assert known is not None
        text = known[0].text
        for start, end in sorted(found, reverse=True):
            text = text[:start] + new + text[end:]
        texts[file] = text.encode("utf-8", "replace")
    then = workspace.changed(texts)
    longer = len(new) - len(meaning.name)

    def moved(file: str, at: int) -> int:
        return at + longer * sum(1 for start, _ in places.get(file, ()) if start < at)

    def after(key: Key) -> Key:
        return key[0], moved(key[0], key[1]), new if key == meaning.key else key[2]

    home = meaning.unit.path if meaning.unit is not None else path
    near = workspace.within_reach(new, home, path)
    for file in workspace.importers(home, path) if meaning.kind not in _WITHIN else [path]:
        if file not in places and file not in near:
            continue  # it names neither the thing nor, itself or through an import, another of the new name
        was, is_ = workspace.analysis(file), then.analysis(file)
        before = {(d.code, moved(file, d.span.start)) for d in was.diagnostics if d.severity == "error"}
        for d in is_.diagnostics:
            if d.severity == "error" and (d.code, d.span.start) not in before:
                line, column = d.span.position()
                raise Failure(REQUEST_FAILED, f"`{new}` would be wrong at {file}:{line}:{column}: {d.message}")
        for unit in was.checked.world.units:
            wanted = {(moved(unit, u.start), after(u.meaning.key)) for u in was.uses.of_file(unit)}
            found_then = {(u.start, u.meaning.key) for u in is_.uses.of_file(unit)}
            if wanted != found_then:
                at = min(a for a, _ in wanted ^ found_then)
                line, _ = is_.checked.world.units[unit].source.position(at)
                raise Failure(REQUEST_FAILED, f"with `{new}`, a name would mean something else at {unit}:{line}")


# ---- symbols -------------------------------------------------------------------------------------------------


def workspace_symbols(workspace: Workspace, opened: list[str], query: str) -> list[object]:
    """Return the declarations and members of all files whose names have the letters of a query, in this order."""
    from cogc.lsp.answers import flat_symbols

    letters = re.compile(".*".join(re.escape(c) for c in query), re.IGNORECASE)
    found: list[object] = []
    for path in workspace.files(*opened):
        known = workspace.tree(path)
        if known is None:
            continue
        for symbol, owner in flat_symbols(*known):
            if letters.search(str(symbol["name"])):
                place = {"uri": uri_of(path), "range": symbol["selectionRange"]}
                found.append(
                    {"name": symbol["name"], "kind": symbol["kind"], "location": place, "containerName": owner}
                )
    return found[:_MOST_SYMBOLS]


_MOST_SYMBOLS = 1000

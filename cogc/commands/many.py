"""The check of many files in several processes.

In: the files, and a function that checks some of them. Out: what a check of all of them finds.

What is reported in a file depends on its group, the files that reach each other by imports (`names/load.py`). So the files
are dealt out in whole groups, as far as the paths in their texts tell: nothing is parsed for that. A file that two processes
have met all the same belongs to groups that were torn apart; these are checked once more, together.
"""

from __future__ import annotations

import os
import re

from cogc.commands.shares import processes, shared
from cogc.names.load import connected, import_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from cogc.diagnostics.problems import Diagnostic
    from cogc.diagnostics.source import Reader
    from cogc.disk.cache import Cache, Note

    Part: TypeAlias = tuple[list[Diagnostic], list[list[str]], list[str]]
    """The diagnostics of a check, its groups, and the paths of all specs that it has met, with those of other files in which it has found
    something, such as a lock."""

_WORD = re.compile(rb"[^\s\"'\[\]{},]+")
_SUFFIXES = (b".cog", b".yml", b".yaml")
_FILE = 500
"""The cost of a file beside that of its text, in bytes of text."""
_LARGEST = 0.75
"""The part of the work above which the largest share is not worth the processes for the others."""


def in_processes(paths: list[str], read: Reader, check: Callable[[list[str]], Part], cache: Cache | None) -> Part:
    """Check files, in several processes if these have about as much to do each."""
    shares = _shares(paths, read, processes())
    if len(shares) < 2:
        return check(paths)

    def work(share: list[str]) -> tuple[Part, list[Note]]:
        part = check(share)
        return part, cache.notes(path for group in part[1] for path in group) if cache else []

    parts = []
    for part, notes in shared(shares, work):
        parts.append(part)
        if cache:
            cache.take(notes)
    return _together(parts, paths, check)


def _together(parts: list[Part], paths: list[str], check: Callable[[list[str]], Part]) -> Part:
    """Return what a check of all shares finds. Groups that were torn apart are checked again."""
    met: set[str] = set()
    twice: set[str] = set()
    for _, _, units in parts:
        own = {path for path in units if not path.startswith("std/")}
        twice |= met & own
        met |= own
    torn = _torn(parts, met, twice) if twice else set()
    again: Part = check([path for path in paths if path in torn]) if torn else ([], [], [])
    found = [d for part in parts for d in part[0] if d.span.source.path not in torn]
    groups = [group for part in parts for group in part[1] if torn.isdisjoint(group)]
    return found + again[0], groups + again[1], [*{path: None for part in parts for path in part[2]}]


def _torn(parts: list[Part], met: set[str], twice: set[str]) -> set[str]:
    """Return the specs of the groups with a file of `twice`, and of those that look at a spec of such a group."""
    near: dict[str, list[str]] = {}
    for _, groups, _ in parts:
        for group in groups:
            first, *others = [path for path in group if path in met]
            near.setdefault(first, []).extend(others)
            for other in others:
                near.setdefault(other, []).append(first)
    return {path for part in connected(near) if not twice.isdisjoint(part) for path in part}


def _shares(paths: list[str], read: Reader, count: int) -> list[list[str]]:
    """Deal out files to so many processes; to one if the parts would be too different."""
    if count < 2 or any(path.startswith("std/") for path in paths):  # its files belong to every group
        return [paths]
    named = set(paths)
    sizes: dict[str, int] = {}
    near: dict[str, list[str]] = {path: [] for path in paths}
    for path in paths:
        data = _data(path, read)
        sizes[path] = len(data) + _FILE
        for other in _mentioned(path, data, named):
            near[path].append(other)
            near.setdefault(other, []).append(path)
    shares: list[list[str]] = [[] for _ in range(count)]
    loads = [0] * count
    weighed = [(sum(sizes.get(path, 0) for path in part), part) for part in connected(near)]
    for weight, part in sorted(weighed, key=lambda item: -item[0]):
        lightest = loads.index(min(loads))
        shares[lightest] += part
        loads[lightest] += weight
    if max(loads) > _LARGEST * sum(loads):
        return [paths]
    chosen = [set(share) for share in shares]
    return [[path for path in paths if path in share] for share in chosen if share]


def _data(path: str, read: Reader) -> bytes:
    """Return the bytes of a file; nothing of one that cannot be read, which its check reports."""
    try:
        return read(path)
    except (OSError, ValueError):
        return b""


def _mentioned(path: str, data: bytes, named: set[str]) -> list[str]:
    """Return the paths of specs that a text mentions, as imports have them."""
    found = []
    for line in _lines(data):
        for word in _WORD.findall(line):
            if word.lower().endswith(_SUFFIXES):
                other = import_path(path, os.fsdecode(word))
                if not other.startswith("std/") and (other.endswith(".cog") or other in named):
                    found.append(other)
    return found


def _lines(data: bytes) -> Iterator[bytes]:
    """Yield the lines of a text that have the suffix of a spec: few, since most of a text is not about other files."""
    text = data.lower()
    for suffix in _SUFFIXES:
        at = text.find(suffix)
        while at >= 0:
            end = text.find(b"\n", at)
            end = len(text) if end < 0 else end
            yield data[text.rfind(b"\n", 0, at) + 1 : end]
            at = text.find(suffix, end)

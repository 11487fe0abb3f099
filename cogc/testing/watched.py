"""The files on which tests depend, and whether one of them has changed: for `cogc test --watch`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cogc.diagnostics.problems import Problems
from cogc.names.load import load
from cogc.testing.collect import files

if TYPE_CHECKING:
    from cogc.diagnostics.source import Reader

_BESIDE = (".py", ".yml", ".yaml", ".jsonl", ".cog")
"""The endings of files beside a spec that its tests may depend on: programs, scripts of models, golden traces."""


def stamps(paths: list[str], read: Reader) -> dict[str, tuple[int, int]]:
    """Return the time of the last change and the size of each file on which the tests of some paths depend."""
    found = files(paths, read, Problems())
    specs = [u for u in load(found, read, Problems()).units if not u.startswith("std/")]
    folders = {os.path.dirname(os.path.abspath(p)) for p in (*specs, *found)} | {p for p in paths if os.path.isdir(p)}
    seen: dict[str, tuple[int, int]] = {}
    for folder in sorted(folders):
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.endswith(_BESIDE) and entry.is_file():
                        status = entry.stat()
                        seen[entry.path] = (status.st_mtime_ns, status.st_size)
        except OSError:  # it is gone, or may not be read: a change too
            seen[folder] = (0, 0)
    return seen

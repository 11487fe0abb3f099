"""Golden traces: a file of the records that a test must give, one JSON object a line."""

from __future__ import annotations

import json
import posixpath
from pathlib import Path
from typing import Any

from cogc.language.values import plain
from cogc.testing.shown import shown

_OWN = ("v", "seq", "run", "cause", "causes")
"""The fields that number records; what they say follows from the order of the lines."""


def place(test: str, path: str) -> str:
    """Return the path of a golden trace, which a test names relative to its own file."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(test), path))


def lines(records: list[dict[str, Any]]) -> list[str]:
    """Return records as the lines of a golden trace."""
    return [
        json.dumps({k: plain(v) for k, v in r.items() if k not in _OWN}, ensure_ascii=False, sort_keys=True)
        for r in records
    ]


def write(path: str, records: list[dict[str, Any]]) -> None:
    """Write a golden trace. OSError if that is not possible."""
    Path(path).write_text("".join(line + "\n" for line in lines(records)), encoding="utf-8")


def difference(path: str, records: list[dict[str, Any]]) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    """Return the first record that departs from a golden trace, as a line and what is there and here; None if all agree."""
    try:
        wanted = Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return f"there is no {shown(path)}; `--update-golden` writes it", ()
    except (OSError, ValueError) as error:
        return f"{shown(path)} cannot be read: {getattr(error, 'strerror', None) or error}", ()
    found = lines(records)
    for number, (a, b) in enumerate(zip(wanted, found, strict=False), 1):
        if a != b:
            return f"record {number} is another one", (("there", a), ("here", b))
    if len(wanted) == len(found):
        return None
    number = min(len(wanted), len(found)) + 1
    if len(wanted) > len(found):
        return f"record {number} is missing", (("there", wanted[number - 1]),)
    return f"record {number} is new", (("here", found[number - 1]),)

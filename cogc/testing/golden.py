"""Golden traces: a file of the records that a test must give, one JSON object a line."""

from __future__ import annotations

import json
import posixpath
from contextlib import suppress
from pathlib import Path
from typing import Any

from cogc.diagnostics.source import read_error
from cogc.disk import rewrite
from cogc.disk.files import refuse_unreadable
from cogc.language.values import plain
from cogc.testing.shown import shown

_OWN = ("v", "seq", "run", "cause", "causes", "spec", "digest")
"""The fields that number records, which follows from the order of the lines, and that name the program, which may change."""


def place(test: str, path: str) -> str:
    """Return the path of a golden trace, which a test names relative to its own file."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(test), path))


def lines(records: list[dict[str, Any]]) -> list[str]:
    """Return records as the lines of a golden trace."""
    return [
        json.dumps({k: plain(v) for k, v in r.items() if k not in _OWN}, ensure_ascii=False, sort_keys=True)
        for r in records
    ]


def write(path: str, records: list[dict[str, Any]]) -> str:
    """Write a golden trace, whole or not at all. Return why that is not possible, or nothing."""
    data = "".join(line + "\n" for line in lines(records)).encode()
    try:
        refuse_unreadable(path)
        if not _is_golden(Path(path).read_bytes()):
            return f"{shown(path)} is no golden trace, and is not overwritten"
        rewrite.write(path, data)
    except FileNotFoundError:
        return _write_new(path, data)
    except (OSError, ValueError) as error:
        return f"{shown(path)} cannot be written: {read_error(error)}"
    return ""


def _write_new(path: str, data: bytes) -> str:
    """Write a file that is not there yet."""
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        with suppress(OSError):
            Path(path).unlink()
        return f"{shown(path)} cannot be written: {read_error(error)}"
    return ""


def _is_golden(data: bytes) -> bool:
    """Return whether a file is empty, or begins with a record."""
    first = data.partition(b"\n")[0]
    try:
        return not data.strip() or "kind" in json.loads(first)
    except (ValueError, TypeError, RecursionError):
        return False


def difference(path: str, records: list[dict[str, Any]]) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    """Return the first record that departs from a golden trace, as a line and what is there and here; None if all agree."""
    try:
        refuse_unreadable(path)
        wanted = Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return f"there is no {shown(path)}; `--update-golden` writes it", ()
    except (OSError, ValueError) as error:
        return f"{shown(path)} cannot be read: {read_error(error)}", ()
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

"""The rows of `for each`: a file of JSON Lines beside the test, each row checked against its type."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from cogc.diagnostics.source import read_error
from cogc.disk.files import refuse_unreadable
from cogc.kernel.unit import Unit
from cogc.language.values import Failure, plain
from cogc.lowering.tests import Rows
from cogc.run.json_text import read_json
from cogc.testing.golden import place
from cogc.testing.outcome import Refusal, Row
from cogc.testing.shown import shown

MOST_SHOWN = 10
"""How many rows that do not fit a report names."""


def load_rows(unit: Unit, rows: Rows, test: str) -> list[Row] | Refusal:
    """Return the rows of a file, or why there are none. `test` is the path of the file of tests."""
    path = place(test, rows.path)
    try:
        refuse_unreadable(path)
        lines = Path(path).read_bytes().splitlines()
    except FileNotFoundError:
        return Refusal(f"there is no {shown(rows.path)} beside the test", rows.where)
    except (OSError, ValueError) as error:
        return Refusal(f"{shown(rows.path)} cannot be read: {read_error(error)}", rows.where)
    found: list[Row] = []
    wrong: list[str] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = unit.checked(rows.type, read_json(line.removeprefix(b"\xef\xbb\xbf"), "the row"), "the row")
        except Failure as failure:
            wrong.append(f"  {rows.path}:{number}: {failure.message}")
            continue
        given = value.get("id") if isinstance(value, dict) else None
        named = isinstance(given, str | int) and not isinstance(given, bool) and given != ""
        found.append(Row(number, value, _single(str(given) if named else _hash(value), seen), named))
    if wrong:
        more = [f"  and {len(wrong) - MOST_SHOWN} more"] if len(wrong) > MOST_SHOWN else []
        count = "1 row does" if len(wrong) == 1 else f"{len(wrong)} rows do"
        said = f"{count} not fit the test"
        return Refusal(said, rows.where, notes=(*wrong[:MOST_SHOWN], *more))
    return found or Refusal(f"{shown(rows.path)} has no row", rows.where)


def _single(key: str, seen: dict[str, int]) -> str:
    """Return a key that no row before has: this one, or this one with a number behind it. `seen` counts the rows by their keys."""
    count = seen.get(key, 0) + 1
    while count > 1 and f"{key}#{count}" in seen:  # the `id` of another row looks like this
        count += 1
    seen[key] = count
    if count == 1:
        return key
    single = f"{key}#{count}"
    seen[single] = 1
    return single


def _hash(value: Any) -> str:
    """Return a hash of the content of a row."""
    return hashlib.sha256(msgspec.json.encode(plain(value), order="deterministic")).hexdigest()[:12]

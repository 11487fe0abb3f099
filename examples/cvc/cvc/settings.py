"""The numbers of the heuristic, which a coach may change: `heuristic.json` beside the spec, or another file."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

FILE = Path(__file__).resolve().parent.parent / "heuristic.json"


@dataclass(frozen=True)
class Settings:
    poor: int = 3
    """With fewer hearts than this in the hub's store most agents mine."""
    rich: int = 16
    """With so many hearts one agent mines."""
    scramblers: int = 3
    """At most so many agents make junctions of the Clips neutral."""
    crowd: int = 7
    """Explorers keep so far from the goals of others, in cells."""
    patience: int = 3
    """Steps without a move before an agent tries another way."""


def settings(file: str = "") -> Settings:
    """Return the settings of a file. Raise ValueError if it is none of settings."""
    text = Path(file or FILE).read_text(encoding="utf-8")
    given = json.loads(text)
    known = {f.name for f in fields(Settings)}
    if not isinstance(given, dict) or not given.keys() <= known or not all(type(v) is int for v in given.values()):
        raise ValueError(f"{file or FILE}: a record of whole numbers, of {', '.join(sorted(known))}")
    return Settings(**given)

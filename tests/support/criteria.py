"""The module of the standard library that reads the results of criteria."""

from __future__ import annotations

import importlib.util
from typing import Any

from support.paths import ROOT

_place = importlib.util.spec_from_file_location("criteria", ROOT / "stdlib" / "criteria.py")
assert _place is not None and _place.loader is not None
criteria: Any = importlib.util.module_from_spec(_place)
_place.loader.exec_module(criteria)

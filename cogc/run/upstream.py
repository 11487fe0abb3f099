"""The modules of the first system's package `coglet`, for the Python code of a spec: each stands for a module here."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

MODULES = {
    "coglet": "cogc.coglet",
    "coglet.coglet": "cogc.coglet.base",
    "coglet.channel": "cogc.coglet.bus",
    "coglet.handle": "cogc.coglet.base",
    "coglet.runtime": "cogc.coglet.runtime",
    "coglet.lifelet": "cogc.coglet.mixins",
    "coglet.ticklet": "cogc.coglet.mixins",
    "coglet.proglet": "cogc.coglet.programs",
    "coglet.llm_executor": "cogc.coglet.programs",
    "coglet.gitlet": "cogc.coglet.mixins",
    "coglet.loglet": "cogc.coglet.mixins",
    "coglet.mullet": "cogc.coglet.mixins",
    "coglet.suppresslet": "cogc.coglet.mixins",
    "coglet.trace": "cogc.coglet.trace",
    "coglet.weblet": "cogc.coglet.web",
    "coglet.ui": "cogc.coglet.ui",
    "coglet.ui.server": "cogc.coglet.ui",
    "cogweb": "cogc.coglet",
    "cogweb.ui": "cogc.coglet.ui",
    "cogweb.ui.server": "cogc.coglet.ui",
}
"""The names under which users' code imports a module, and the module."""

_IMPORT = re.compile(r"^\s*(?:from|import)\s+coglet\b", re.MULTILINE)


def install() -> None:
    """Make the imports of `coglet` and of its modules work in this process."""
    for name, real in MODULES.items():
        sys.modules.setdefault(name, importlib.import_module(real))


def imported_by(path: Path) -> bool:
    """Return whether the code of a file imports the package `coglet`."""
    try:
        return _IMPORT.search(path.read_text(encoding="utf-8", errors="replace")) is not None
    except OSError:
        return False

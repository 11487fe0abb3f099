"""The places of the grammar, the schemas, the standard library and the pages, in the wheel or in a checkout."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The folder of the package itself."""


def place(folder: str, *names: str) -> str:
    """Return a path below `grammar`, `stdlib` or `specs`, of the installed package or of the working tree."""
    installed = os.path.join(PACKAGE, "_data", folder)
    top = installed if os.path.isdir(installed) else os.path.join(os.path.dirname(PACKAGE), folder)
    return os.path.join(top, *names)


def folder(name: str) -> Path:
    """Return the folder as a Path."""
    from pathlib import Path  # too slow to import on the path of `check`

    return Path(place(name))

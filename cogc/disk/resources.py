"""Where the grammar, the schemas, the standard library and the pages stand: in the wheel, or beside a checkout."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def place(folder: str, *names: str) -> str:
    """A path below `grammar`, `stdlib` or `specs`, of an installed package or of the working tree."""
    installed = os.path.join(_HERE, "_data", folder)
    top = installed if os.path.isdir(installed) else os.path.join(os.path.dirname(_HERE), folder)
    return os.path.join(top, *names)


def folder(name: str) -> Path:
    """The same as a Path, for those who can afford to import it."""
    from pathlib import Path

    return Path(place(name))

"""Where the grammar, the schemas, the standard library and the pages stand: in the wheel, or beside a checkout."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


def folder(name: str) -> Path:
    """The folder `grammar`, `stdlib` or `specs`, of an installed package or of the working tree."""
    from pathlib import Path

    here = Path(__file__).resolve().parent
    installed = here / "_data" / name
    return installed if installed.is_dir() else here.parent / name

"""The state folders of projects, as tests find them."""

from __future__ import annotations

from pathlib import Path

from cogc.disk.state_folder import of_spec


def state(folder: Path) -> Path:
    """Return the state folder of the project that the specs of a folder belong to."""
    return Path(of_spec(str(folder / "a.cog")).path)

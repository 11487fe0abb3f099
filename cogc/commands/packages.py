"""The packages that Python programs may import: `--allow-import` and `[tool.cogc] allow-imports` of a pyproject.toml.

`cogc check` starts through this module, so that it imports nothing heavy.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser


def allow_imports(parser: ArgumentParser) -> None:
    """Add the option that allows packages."""
    parser.add_argument(
        "--allow-import",
        action="append",
        default=[],
        metavar="PKG",
        help="package that Python programs may import, beside those of pyproject.toml; may be repeated",
    )


def allowed(given: list[str], paths: list[str]) -> frozenset[str]:
    """Return the packages allowed on the command line, and by `[tool.cogc] allow-imports` in the nearest
    pyproject.toml."""
    names = set(given)
    place = os.path.dirname(os.path.abspath(paths[0])) if paths else os.getcwd()
    while True:
        file = os.path.join(place, "pyproject.toml")
        if os.path.isfile(file):
            names.update(_from_pyproject(file))
            break
        parent = os.path.dirname(place)
        if parent == place:
            break
        place = parent
    return frozenset(names)


def _from_pyproject(file: str) -> list[str]:
    """Return the packages that a pyproject.toml allows; none if it cannot be read."""
    with open(file, "rb") as opened:
        data = opened.read()
    if b"tool.cogc" not in data:
        return []
    import tomllib

    try:
        table = tomllib.loads(data.decode()).get("tool", {}).get("cogc", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return []
    names = table.get("allow-imports", [])
    return [n for n in names if isinstance(n, str)] if isinstance(names, list) else []

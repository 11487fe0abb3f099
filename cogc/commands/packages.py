"""The packages that Python programs may import: `--allow-import`, and `allow-import` in the settings of the project.

`cogc check` starts through this module, so that it imports nothing heavy.
"""

from __future__ import annotations

from cogc.commands.configuration import settings_for

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
        help="package that Python programs may import, beside those of the project's settings; may be repeated",
    )


def allowed(given: list[str], paths: list[str]) -> frozenset[str]:
    """Return the packages allowed on the command line, and by the settings of the project that the first path lies in."""
    return frozenset([*given, *settings_for(paths).allow_import])

"""The modules of upstream's `coglet` package, served by `cogc.coglet` to the Python code of a spec.

`cogc.coglet` stands above this room (it starts sessions), so that it is found by its name, as users' own modules are.
"""

from __future__ import annotations

import importlib
import sys

_MODULE = "cogc.coglet"
_NAMES = (
    "coglet",
    "coglet.coglet",
    "coglet.handle",
    "coglet.runtime",
    "coglet.lifelet",
    "coglet.ticklet",
    "coglet.proglet",
    "coglet.gitlet",
    "coglet.loglet",
    "coglet.mullet",
    "coglet.suppresslet",
    "coglet.weblet",
    "coglet.trace",
)


def install() -> None:
    """Make `import coglet`, and the import of each of its modules, give `cogc.coglet` in this process."""
    module = importlib.import_module(_MODULE)
    sys.modules.update(dict.fromkeys(_NAMES, module))

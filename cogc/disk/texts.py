"""The texts of the files of a program, as a page or a viewer shows them."""

from __future__ import annotations

import os
from typing import Any

from cogc.diagnostics.masks import masked
from cogc.disk import files

LARGEST = 1 << 20
"""The bytes of the largest file that is shown."""


def lines_of(file: str) -> dict[str, Any]:
    """Return the text of a file of a program: `{"file", "lines"}`, or with `error` if it cannot be read."""
    try:
        if not file.startswith("std/") and os.path.getsize(file) > LARGEST:
            return {"file": file, "lines": [], "error": "the file is too large to be shown"}
        data = files.read(file)
    except OSError as error:
        return {"file": file, "lines": [], "error": f"the file cannot be read: {str(error.strerror).lower()}"}
    return {"file": file, "lines": masked(data.decode("utf-8", "replace")).splitlines()}

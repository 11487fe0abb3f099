"""`assert_never`, the last case of a `match` over a closed union.

mypy proves that the case is never reached, so that a new member of a union without a case is an error of the type check.
`typing.assert_never` does the same, but `typing` takes longer to import than a small file takes to check.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import assert_never as assert_never
else:

    def assert_never(value: object) -> None:
        """Raise an error that names a value for which a `match` has no case."""
        raise AssertionError(f"no case for {value!r}")

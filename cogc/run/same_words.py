"""Reports of tools, without what differs from run to run: how long pytest took, and when coverage wrote its report.

The findings of a definition of done are handed to a fixer, and stand in the trace. The same work gives the same findings, so
that a simulation with real tools gives the same trace each time.
"""

from __future__ import annotations

import re

_SUMMARY = r"(?m)^((?:=+ )?(?:no tests ran|\d+ [a-z ]+(?:, \d+ [a-z ]+)*)) in \d+\.\d\ds(?: \([^()\n]*\))?((?: =+)?)$"
"""The last line of pytest: `6 passed, 1 warning in 0.38s`, between `=` without `-q`."""
_WRITTEN = r'("meta": \{[^{}]*?), "timestamp": "[^"]*"'
"""The beginning of the report of coverage in JSON."""


def same_words(text: str) -> str:
    """Return what the command of a criterion wrote, without these times."""
    return re.sub(_WRITTEN, r"\1", re.sub(_SUMMARY, r"\1\2", text), count=1)

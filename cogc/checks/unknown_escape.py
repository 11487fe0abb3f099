"""Backslashes in strings that begin no escape: `"\\q"` and `"it\\'s"` keep the backslash.

Raw strings have no escapes. The strings of YAML have those of YAML, and are not looked at.
"""

from __future__ import annotations

import re

from cogc.checks.common import sound_units
from cogc.diagnostics.edits import Edit
from cogc.diagnostics.source import Span, looks_like_yaml
from cogc.language.texts import ESCAPE, ESCAPES
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.names.world import Unit


def unknown_escape(checked: Checked) -> None:
    """Report each backslash in a string that stands before none of the characters of an escape."""
    for unit in sound_units(checked):
        if "\\" in unit.source.text and not looks_like_yaml(unit.path, unit.source.text):
            for text in unit.all(nodes.Text):
                _look(checked, unit, text)


def _look(checked: Checked, unit: Unit, text: nodes.Text) -> None:
    literal = unit.text(text)
    if not literal.startswith('"'):  # a raw string
        return
    for found in re.finditer(ESCAPE, literal):
        mark = found[1]
        if len(mark) == 5 or mark in ESCAPES:
            continue
        span = Span(unit.source, text.start + found.start(), text.start + found.end())
        shown = "\\" + mark if mark.isprintable() else "\\"
        if mark in "'`$/":
            help, edits = f"write `{mark}` alone", (Edit(span, mark, "unsafe"),)
        else:
            help = 'write `\\\\` for a backslash, or a raw string: `r"..."`'
            edits = (Edit(span, "\\\\" + mark, "safe"),)
        checked.problems.add("unknown-escape", span, help=help, edits=edits, text=shown)

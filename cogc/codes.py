"""Every diagnostic: its code, its severity, its words. One line each; `specs/codes/` has a page for each.

A number is `COG` and three digits by stage (0 input, 1 syntax, 2 shape, 3 names, 4 types, 5 flow, 6 policy, 7 back ends,
9 run time) and is never used again. Words in braces are facts that the reporting stage hands over.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    Row = tuple[str, str, str, str]

# slug: (code, severity, message, help)
CODES: dict[str, Row] = {
    # input
    "unreadable-file": ("COG001", "error", "cannot read `{path}`: {reason}", "name a `.cog` or YAML file that exists"),
    "no-text": ("COG002", "error", "`{path}` is no text: {reason}", "save the file as UTF-8 text"),
    "file-too-large": ("COG003", "error", "`{path}` has {size} MB, more than {limit}", "split it, and `import` the parts"),
    "no-spec": ("COG004", "error", "no spec found in `{path}`", "a spec is a `.cog` file, or YAML with `cog: 1`"),
    "unknown-notation": ("COG005", "error", "this YAML is no spec", "start it with `cog: 1`, or with `version: \"1.0\"` for a sett"),
    # syntax
    "bad-character": ("COG101", "error", "unexpected character `{character}`", "remove it, or put it into a string"),
    "unclosed-string": ("COG102", "error", "the string is never closed", "end it with `{quote}`"),
    "unclosed-bracket": ("COG103", "error", "`{mark}` is never closed", "put `{closing}` where it ends"),
    "unexpected-token": ("COG104", "error", "unexpected {found}", "expected {expected}"),
    "bad-number": ("COG105", "error", "`{text}` is no number or duration", "durations are `250ms 10s 5m 2h`, integers may hold `_`"),
    "number-too-large": ("COG106", "error", "`{text}` does not fit into 64 bits", "use a float, or a string"),
    "too-deep": ("COG107", "error", "this is nested more than {limit} deep", "give the inner parts names of their own"),
}

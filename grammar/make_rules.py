"""Writes specs/rules.md, the list of the rules of the checker. `make schemas` runs it."""

from __future__ import annotations

from cogc.diagnostics.codes import CODES
from cogc.diagnostics.rules import FORGIVEN, GROUPS, group, may_be_left_out
from cogc.diagnostics.selection import OFF
from cogc.disk.resources import folder

HEAD = """# Rules

The rules of the checker, by group. [check.md](check.md) says how a project chooses among them. This page is made by
`make schemas` from `cogc/diagnostics/codes.py` and `rules.py`.

A rule with *no* in the last column is an error that a run would refuse, and cannot be left out; *comment* is one that a
comment on its line can leave out. A rule in brackets is off by default.
"""


def page() -> str:
    """Return the page."""
    parts = [HEAD]
    for name, what in GROUPS.items():
        rows = sorted((row[0], slug, row[1], row[2]) for slug, row in CODES.items() if group(slug) == name)
        parts.append(
            f"\n## `{name}`: {what}\n\n| code | name | severity | what it reports | can be left out |\n| --- | --- | --- | --- | --- |\n"
        )
        for code, slug, severity, message in rows:
            ignorable = "yes" if may_be_left_out(slug) else "comment" if slug in FORGIVEN else "no"
            shown = f"({slug})" if slug in OFF else slug
            words = message.replace("{{", "{").replace("}}", "}").replace("|", "\\|")
            parts.append(f"| [{code}](codes/{code}-{slug}.md) | {shown} | {severity} | {words} | {ignorable} |\n")
    return "".join(parts)


if __name__ == "__main__":
    (folder("specs") / "rules.md").write_text(page(), encoding="utf-8")

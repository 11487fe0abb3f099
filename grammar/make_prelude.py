"""Make `cogc/names/prelude.py` from `stdlib/mixins.cog`: `python -m grammar.make_prelude`.

Every check needs the standard mixins. Their tree is kept as Python code, because loading that takes a tenth of the time of
parsing the file. The text is kept beside it: a standard library that has changed is parsed again.
"""

from __future__ import annotations

from pathlib import Path

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.disk.resources import folder
from cogc.names.load import PRELUDE
from cogc.syntax import nodes, parse_cog

TARGET = Path(__file__).parents[1] / "cogc" / "names" / "prelude.py"


def make() -> str:
    """The text of `cogc/names/prelude.py`."""
    text = (folder("stdlib") / Path(PRELUDE).name).read_text(encoding="utf-8")
    problems = Problems()
    tree = parse_cog.parse(Source(PRELUDE, text), problems)
    if problems.found:
        raise SystemExit("\n".join(f"{p.span.position()}: {p.message}" for p in problems.sorted()))
    return "\n".join([
        f'"""The tree of `{PRELUDE}`, and the text that it was parsed from. Made by `python -m grammar.make_prelude`: do not edit."""',
        "# ruff: noqa",
        "# mypy: ignore-errors",
        "from __future__ import annotations",
        "from cogc.syntax.nodes import *",
        f"TEXT = {text!r}",
        "def tree() -> File:",
        f"    return {_code(tree)}",
        "",
    ])  # fmt: skip


def _code(value: object) -> str:
    """The expression that builds a value of the tree, at its place."""
    if isinstance(value, nodes.Node):
        return f"{value.__class__.__name__}({', '.join(_code(getattr(value, f)) for f in value.__class__._fields_)})"
    if isinstance(value, tuple):
        return f"({''.join(_code(v) + ', ' for v in value)})"
    return repr(value)


def main() -> None:
    TARGET.write_text(make(), encoding="utf-8")
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()

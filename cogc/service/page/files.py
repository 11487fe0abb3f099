"""The files of the page as a browser gets them: all modules as one script, and all styles as one.

`cogc/web/` has them apart. A browser that asked for each of them would need thirty requests before it draws anything.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from posixpath import dirname, join, normpath

_FOLDER = Path(__file__).parents[2] / "web"
_IMPORT = re.compile(r'^import \{ ([^}]*) \} from "([^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:class|function|const|async function) (\w+))", re.MULTILINE)
_STYLES = ("colours", "page", "graph", "panels")


@cache
def files() -> dict[str, bytes]:
    """Return the files of the page by their names below `/ui/`."""
    return {
        "index.html": _read("index.html").encode(),
        "icon.svg": _read("icon.svg").encode(),
        "page.css": style().encode(),
        "page.js": script().encode(),
    }


@cache
def style() -> str:
    """Return all styles of the page as one."""
    return "\n".join(_read(f"style/{name}.css") for name in _STYLES)


@cache
def script() -> str:
    """Return all modules of the page as one."""
    made: dict[str, str] = {}
    _module("app.js", made)
    return "\n".join(made.values())


def _module(name: str, made: dict[str, str]) -> None:
    """Add a module behind those that it imports, as a function that gives what it exports."""
    if name in made:
        return
    text = _read(name)
    for found in _IMPORT.finditer(text):
        _module(normpath(join(dirname(name), found[2])), made)
    exported = ", ".join(_EXPORT.findall(text))
    body = _IMPORT.sub(lambda m: f"const {{ {m[1]} }} = {_variable(normpath(join(dirname(name), m[2])))};", text)
    body = _EXPORT.sub("", body)
    made[name] = f"const {_variable(name)} = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();"


def _variable(name: str) -> str:
    return "m_" + re.sub(r"\W", "_", name)


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")

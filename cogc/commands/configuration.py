"""The settings of a project: `cogc.toml`, or `[tool.cogc]` in pyproject.toml, of the nearest folder that has one.

    select = ["default", "missing-command"]     the rules to report; without the key all but those that are off by default
    ignore = ["COG508", "style"]                rules to leave out
    strict = true                               as --strict
    allow-import = ["numpy"]                    as --allow-import; `allow-imports` is the same

    [per-file]                                  rules to leave out in files whose path, or its end, fits the pattern
    "tests/*.cog" = ["unused-name"]

There is no key for the state folder: an agent that may write this file would move the questions and approvals of a run to where it can
answer them. A key that is unknown, a value of another type and a word that is no rule are reported at their place (COG010).
`cogc check` starts through this module, so that it imports nothing heavy: a project without settings costs a look for files.
"""

from __future__ import annotations

import os

from cogc.language.record import Record
from cogc.language.texts import toml

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cogc.diagnostics.problems import Problems
    from cogc.diagnostics.selection import Selection

_KEYS = {
    "select": "list",
    "ignore": "list",
    "allow-import": "list",
    "allow-imports": "list",
    "strict": "bool",
    "per-file": "table",
}
_WANTED = {
    "list": "a list of strings",
    "bool": "`true` or `false`",
    "table": "a table of patterns, each with a list of rules",
}


class Settings(Record):
    """The settings of a project; `path` is empty and `data` has nothing where there are none. `text` is that of the file."""

    path: str = ""
    text: str = ""
    data: dict[str, Any] = {}  # noqa: RUF012 - a record, whose fields are not changed
    broken: str = ""

    @property
    def strict(self) -> bool:
        return self.data.get("strict") is True

    @property
    def allow_import(self) -> list[str]:
        return [*_strings(self.data.get("allow-import")), *_strings(self.data.get("allow-imports"))]

    def stamp(self) -> str:
        """Return what tells these settings from others, for the memory of clean checks."""
        return repr(sorted(self.data.items(), key=lambda item: item[0])) + self.broken if self.path else ""


def settings_for(paths: list[str]) -> Settings:
    """Return the settings of the project that the first of some paths lies in, or the working directory without one."""
    place = os.path.dirname(os.path.abspath(paths[0])) if paths else os.getcwd()
    while True:
        for name in ("cogc.toml", "pyproject.toml"):
            file = os.path.join(place, name)
            if os.path.isfile(file) and (found := _read(file, name)) is not None:
                return found
        parent = os.path.dirname(place)
        if parent == place or os.path.exists(os.path.join(place, ".git")):
            return Settings()
        place = parent


def _read(file: str, name: str) -> Settings | None:
    """Return the settings of a file, None if a pyproject.toml has none."""
    shown = os.path.relpath(file)
    try:
        with open(file, "rb") as opened:
            data = opened.read(1 << 20)
    except OSError as error:
        return Settings(shown, broken=(error.strerror or "it cannot be read").lower())
    if name == "pyproject.toml" and b"tool.cogc" not in data and b"[tool]" not in data:
        return None
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    try:
        table: Any = toml(text)
    except ValueError as error:
        return Settings(shown, text, broken=str(error)) if name == "cogc.toml" or "[tool.cogc" in text else None
    if name == "pyproject.toml":
        tools = table.get("tool", {})
        if not isinstance(tools, dict) or "cogc" not in tools:
            return None
        table = tools["cogc"]
    if not isinstance(table, dict):
        return Settings(shown, text, broken="`tool.cogc` is no table")
    return Settings(shown, text, table)


def _strings(value: object) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []


def selection(settings: Settings, more: frozenset[str] = frozenset()) -> Selection:
    """Return the rules that a project wants to hear of, and `more` that the command line asks for."""
    from cogc.diagnostics.selection import OFF, Selection

    if not settings.data:
        return Selection(OFF - more)
    from cogc.diagnostics.rules import all_rules, may_be_left_out, named  # start-up: for projects with settings

    def rules(words: object) -> frozenset[str]:
        return frozenset(s for word in _strings(words) for s in named(word) if may_be_left_out(s))

    left_out = all_rules() - rules(settings.data["select"]) if "select" in settings.data else OFF
    per_file = settings.data.get("per-file")
    patterns = tuple((p, rules(words)) for p, words in per_file.items()) if isinstance(per_file, dict) else ()
    return Selection((left_out | rules(settings.data.get("ignore"))) - more, patterns)


def report(settings: Settings, problems: Problems) -> None:
    """Report what is wrong in the settings, at its place in the file."""
    if not settings.path:
        return
    from cogc.diagnostics.source import Source, Span

    source = Source(settings.path, settings.text)
    if settings.broken:
        line = _line_of(settings.broken)
        start = source.starts()[line - 1] if 0 < line <= len(source.starts()) else 0
        problems.add("bad-setting", Span(source, start, start), what=settings.broken, help="correct the file")
        return
    _Places(source, problems).check(settings.data)


def _line_of(message: str) -> int:
    """Return the line that a message of the TOML reader names, or 0."""
    _, found, rest = message.rpartition("(at line ")
    number = rest.partition(",")[0]
    return int(number) if found and number.isdigit() else 0


class _Places:
    """Finds the places of keys and words in the text of the settings, and reports there."""

    def __init__(self, source: Any, problems: Problems) -> None:
        self.source = source
        self.problems = problems

    def span(self, key: str, word: str | None = None) -> Any:
        """Return the place of a key, or of a word behind it."""
        import re

        from cogc.diagnostics.source import Span

        text = self.source.text
        section = max(text.find("[tool.cogc"), 0)
        quoted = re.escape(key)
        found = re.compile(
            rf"""^[ \t]*(?:\[(?:tool\.cogc\.)?)?(["']?)({quoted})\1(?=[ \t]*[\]=.])""", re.MULTILINE
        ).search(text, section)
        start, end = found.span(2) if found else (section, section)
        if word is not None and found:
            place = re.compile(rf"""(["']){re.escape(word)}\1""").search(text, end)
            start, end = place.span() if place else (start, end)
        return Span(self.source, start, end)

    def value(self, key: str) -> Any:
        """Return the place of the value of a key; in a list, that of the first item that is no string."""
        import re

        from cogc.diagnostics.source import Span

        span = self.span(key)
        text = self.source.text
        begin = re.compile(r"""["']?[ \t]*=[ \t]*(\[?)""").match(text, span.end)
        if begin is None:
            return span
        item = re.compile(r"""#[^\n]*|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,\[\]#"']+""")
        for found in item.finditer(text, begin.end()):
            if not begin[1] or found[0][0] not in "#\"'":
                return Span(self.source, *found.span())
        return span

    def wrong(self, span: Any, what: str, help: str | None = None) -> None:
        self.problems.add("bad-setting", span, what=what, help=help)

    def check(self, data: dict[str, Any]) -> None:
        from cogc.diagnostics.suggest import did_you_mean

        for key, value in data.items():
            kind = _KEYS.get(key)
            if kind is None:
                known = "the keys are " + ", ".join(f"`{k}`" for k in _KEYS if k != "allow-imports")
                near = did_you_mean(key, _KEYS)
                self.wrong(self.span(key), f"there is no setting `{key}`", near if near.startswith("did") else known)
            elif kind == "table" and isinstance(value, dict):
                for pattern, words in value.items():
                    if _fits("list", words):
                        self.rules(pattern, words, leaves_out=True)
                    else:
                        self.wrong(self.value(pattern), f"`{pattern}` must be {_WANTED['list']}")
            elif not _fits(kind, value):
                self.wrong(self.value(key), f"`{key}` must be {_WANTED[kind]}")
            elif key in ("select", "ignore"):
                self.rules(key, value, leaves_out=key == "ignore")

    def rules(self, key: str, words: list[str], leaves_out: bool) -> None:
        """Report words that are no rule, and errors that are to be left out."""
        from cogc.diagnostics import rules
        from cogc.diagnostics.suggest import did_you_mean

        for word in words:
            found = rules.named(word)
            if not found:
                help = did_you_mean(word, rules.words()) or "`cogc rules` lists them"
                self.wrong(self.span(key, word), f"there is no rule `{word}`", help)
            elif leaves_out and not any(rules.may_be_left_out(r) for r in found):
                help = "a run would refuse it"
                if found <= rules.FORGIVEN:
                    help = f"put `# cogc: ignore[{word}] reason` on the line itself"
                self.wrong(self.span(key, word), f"`{word}` is an error, and cannot be left out", help)


def _fits(kind: str, value: object) -> bool:
    if kind == "list":
        return isinstance(value, list) and all(isinstance(v, str) for v in value)
    if kind == "table":
        return isinstance(value, dict) and all(_fits("list", v) for v in value.values())
    return isinstance(value, bool) if kind == "bool" else isinstance(value, str)

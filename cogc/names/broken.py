"""The names in those parts of a file that could not be read, so that one mistake makes one report.

A phrase that the parser gives up is dropped: its declarations and its uses of names are gone. `Broken` reads both from
the words of the dropped text, and from imports that failed. A report is hidden if it says no more than that these words
are missing: an unknown name that is declared there, an unused channel that is used there.

In: the world behind `load`, and `Problems.dropped`. Out: `hides`, a predicate that `Problems.add` asks.

Names keep their scope: what a dropped member of coglet `A` declares is known in `A` and as a channel of `A`, and nowhere
else. So a mistake in one coglet hides nothing in another.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

from cogc.diagnostics.suggest import is_suggestion
from cogc.names.load import import_path
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cogc.diagnostics.problems import Problems
    from cogc.diagnostics.source import Span
    from cogc.names.world import Unit, World

_WORD = re.compile(r"[A-Za-z_]\w*")
_WORDS = "import|const|type|model|mcp|program|coglet|mixin|agent|team|dod|plan|sett|queue|listen|transmit|enact|state|create|step|let"
_DECLARED = re.compile(
    rf"\b(?:{_WORDS}|as|for all|for each|for)\s+(?:mut\s+)?[\[\x22]?\s*([A-Za-z_][\w-]*(?:\s*,\s*[A-Za-z_]\w*)*)"
)
_NAMELESS = re.compile(rf"\s*(?:export\s+)?({_WORDS})\s*(?:[:=({{]|by\b)")
"""A declaration that begins without its name."""
_MOST_HEAD = 3
"""The number of words at the start of dropped text among which the name of its declaration stands."""
_ASSIGNED = re.compile(r"\b([A-Za-z_]\w*)\s*:=")
_TYPE_FIRST = re.compile(r"\b(?:listen|transmit|state)\s+[A-Za-z_][\w.]*\s+([A-Za-z_]\w*)")
_BOUND = re.compile(r"\bfor\s+\w+\s+([A-Za-z_]\w*)\s+in\b")
_IMPORTED = re.compile(
    r"""\s*(?:\w+\s+(?:["'][^"'\n]*["']?|[\w./-]+\.(?:cog|ya?ml)["']?)(?:[ \t]+as[ \t]+(\w+))?[ \t]*$|import\b[^\n]*?(?:\bas\W+(\w+)\s*)?$)"""
)
"""An import that could not be read: its word is misspelt, a quote is missing, or a word too much stands in it."""
_UNKNOWN = frozenset((
    "unknown-name", "unknown-type", "unknown-coglet", "unknown-mixin", "unknown-port", "unknown-command", "unknown-child",
    "unknown-state", "unknown-variable", "unknown-criterion", "wrong-argument", "unknown-word", "wrong-kind",
))  # fmt: skip
_PLAIN = frozenset(("unknown-name", "unknown-type", "unknown-coglet", "unknown-mixin"))
_LACKED = {
    "unknown-port": "listen|transmit|queue",
    "unknown-child": "create",
    "unknown-command": "enact",
    "unknown-state": "state|let",
    "unknown-type": "type",
    "unknown-coglet": "coglet|agent|team|plan",
    "unknown-mixin": "mixin",
    "unknown-name": "const|model|mcp|program|agent|team|dod|plan|queue|listen|transmit|state|create|step|let",
    "unknown-variable": "state|step|let",
}
"""The first words of the declarations that may lack the name which a report does not know, by the kind of report."""
_CALLED = r"\b{0}\s*\(|->\s*{0}\b"
_USED = {
    "program": _CALLED,
    "model": r"\b(?:model|planner|judge)\b\s*:?\s*{0}\b|\[[^\]\n]*\b{0}\b",
    "step": r"\bafter\b[^:\n]*\b{0}\b|\{{[\{{%][^}}\n]*\b{0}\b",
    "queue": r"\b{0}\s*<-|\bon\s+{0}\b",
}
"""The phrases in which the names of declarations stand, by their first words; no call has a name of another kind."""
_UNUSED = frozenset((
    "unused-channel", "silent-transmit", "unconnected-channel", "unused-program", "unheard-failure", "missing-attribute",
    "unused-name", "missing-in-python", "unclaimed-type", "unclaimed-goal", "idle-agent", "unreachable-step", "unverified-path",
))  # fmt: skip


_IN_TESTS = _UNKNOWN | {"no-root", "not-callable", "unknown-field"}
"""The kinds of report that follow from a test that is about no coglet."""


def watch(world: World, problems: Problems) -> None:
    """Let `problems` drop the reports that follow from text which could not be read."""
    broken = Broken(world, problems.dropped)
    if broken.declared or broken.failed:
        problems.hides = broken.hides


class Broken:
    """The words of dropped text, by file and by the declaration around it ("" for the file itself)."""

    def __init__(self, world: World, dropped: list[Span]) -> None:
        self.world = world
        self.dropped = dropped
        self._covers: dict[int, _Cover] = {}
        """The dropped parts of each source, by its identity. `dropped` grows while later stages read templates."""
        self._covered = 0
        self._declarations: dict[str, tuple[list[int], list[Any]]] = {}
        """The starts of the declarations of a file, and the declarations."""
        self.declared: dict[tuple[str, str], set[str]] = {}
        self.used: dict[tuple[str, str], set[str]] = {}
        self.keyless: set[tuple[str, str]] = set()
        """The declarations with a `:` that has no key before it."""
        self.nameless: dict[tuple[str, str], dict[str, str]] = {}
        """The first words of the declarations without a name, and the unknown name that each is taken to be about, once there is one."""
        unread = {d.source.path for d in dropped if (u := world.units.get(d.source.path)) and not u.tree.declarations}
        self.failed = {path: found for path, u in world.units.items() if (found := _failed(world, u, unread))}
        for span in dropped:
            unit = world.units.get(span.source.path)
            if unit is not None:
                self._read(unit, span)

    def _read(self, unit: Unit, span: Span) -> None:
        key = (unit.path, self._around(unit, span))
        text = span.text
        declared, used = self.declared.setdefault(key, set()), self.used.setdefault(key, set())
        used.update(_WORD.findall(text))
        imported = _IMPORTED.match(text)
        if imported is not None and not key[1]:
            self.failed.setdefault(unit.path, []).append(imported[1] or imported[2] or "")
        for found in _DECLARED.findall(text):
            declared.update(w.strip() for w in found.split(","))
        declared.update(_ASSIGNED.findall(text))
        declared.update(_BOUND.findall(text))
        declared.update(_TYPE_FIRST.findall(text))
        # the word in front of the name may be misspelt, doubled, missing, or stand behind it
        declared.update(_WORD.findall(text)[:_MOST_HEAD])
        if text.lstrip().startswith(":"):
            self.keyless.add(key)
        nameless = _NAMELESS.match(text)
        if nameless is not None:
            self.nameless.setdefault(key, {})[nameless[1]] = ""
        if not unit.path.endswith(".cog") or text[:1] == '"':
            # in YAML the word for a kind of declaration stands elsewhere; a string that is never closed may hold any
            declared |= used

    def hides(self, slug: str, span: Span, facts: Mapping[str, object], help: str) -> bool:
        """Return whether a report only says that text which could not be read is missing, or stands inside of such text."""
        if self._is_dropped(span):
            return True
        unit = self.world.units.get(span.source.path)
        if unit is None:
            return False
        scope = self._around(unit, span)
        if slug in _IN_TESTS and self._lacks_use(unit, scope):
            return True  # the coglet that the test is about is not known
        if slug == "unknown-field" and self._lacks_output(unit, str(facts.get("type", ""))):
            return True
        if slug not in _UNKNOWN and slug not in _UNUSED and slug != "no-root":
            return False
        if slug == "no-root":
            return any(path == unit.path and at in ("", scope) for path, at in self.declared)
        names = {str(facts[k]) for k in ("name", "child", "argument") if k in facts}
        if slug in _UNUSED and slug != "missing-attribute" and scope and (unit.path, scope) in self.used:
            return True  # the phrase that was dropped may use anything of its coglet
        if slug == "missing-attribute" and (unit.path, scope) in self.keyless:
            return True
        if "command" in names:
            names |= {"run", "worker"}  # which stand in its place
        if slug in _UNUSED:
            return bool(names & (self._of(self.used, unit, scope)))
        name = str(facts.get("argument", facts.get("name", "")))
        if slug in _PLAIN and self._imported(unit, name, help):
            return True
        if name == "sender" and (unit.path, scope) in self.used:
            return True  # the child that was dropped may have replicas
        owner = str(facts.get("owner", "")) or self._tested(unit, scope)
        owners = (owner, *self._mixins(owner)) if owner else ()
        if any(name in self.declared.get((path, o), ()) for path in self._reached(unit) for o in owners):
            return True
        if name.rpartition(".")[2] in self._of(self.declared, unit, "" if facts.get("owner") else scope):
            return True
        return not is_suggestion(help) and self._is_nameless(slug, name, unit, owners or (scope,))

    def _lacks_output(self, unit: Unit, shown: str) -> bool:
        """Return whether a type is that of the answer of an agent whose `output` may stand in text that could not be read."""
        if shown.partition(" |")[0] != "string":
            return False
        agents = [
            (path, a) for path in self._reached(unit) if (u := self.world.units.get(path)) for a in u.all(nodes.Agent)
        ]
        return any(
            (path, a.name.id) in self.used and all(at.key.id != "output" for at in a.attributes) for path, a in agents
        )

    def _is_nameless(self, slug: str, name: str, unit: Unit, scopes: tuple[str, ...]) -> bool:
        """Return whether an unknown name is that of a declaration without a name: the first of its kind is, and no other."""
        for path in self._reached(unit):
            for scope in dict.fromkeys((*scopes, "")):
                for word, meant in self.nameless.get((path, scope), {}).items():
                    if word in _LACKED.get(slug, "").split("|") and meant in ("", name) and _may_be(word, name, unit):
                        self.nameless[path, scope][word] = name
                        return True
        return False

    def _is_dropped(self, span: Span) -> bool:
        """Return whether a place stands inside of text that could not be read."""
        for dropped in self.dropped[self._covered :]:
            self._covers.setdefault(id(dropped.source), _Cover()).add(dropped.start, dropped.end)
        self._covered = len(self.dropped)
        cover = self._covers.get(id(span.source))
        return cover is not None and cover.holds(span.start, span.end)

    def _around(self, unit: Unit, span: Span) -> str:
        """Return the name of the declaration around a place, "" outside of all. A test has a name that no coglet can have."""
        if unit.path not in self._declarations:
            named = [d for d in unit.tree.declarations if not isinstance(d, nodes.Import | nodes.Error)]
            named.sort(key=lambda d: d.start)
            self._declarations[unit.path] = [d.start for d in named], named
        starts, named = self._declarations[unit.path]
        node = named[at - 1] if (at := bisect_right(starts, span.start)) else None
        if node is None or span.end > node.end or (node.start, node.end) == (span.start, span.end):
            return ""
        name = node.name
        return f"test {name.value}" if isinstance(name, nodes.Text) else str(name.id)

    def _lacks_use(self, unit: Unit, scope: str) -> bool:
        """Return whether a test says of no coglet that it is about it, and has text that could not be read."""
        if (unit.path, scope) not in self.used or not scope.startswith("test "):
            return False
        found = next((t for t in unit.all(nodes.Test) if f"test {t.name.value}" == scope), None)
        return found is not None and not any(isinstance(step, nodes.Use) for step in found.checks)

    def _tested(self, unit: Unit, scope: str) -> str:
        """Return the name of the coglet that a test is about, "" in other declarations."""
        if not scope.startswith("test "):
            return ""
        found = next((t for t in unit.all(nodes.Test) if f"test {t.name.value}" == scope), None)
        uses = [step.coglet.text for step in found.checks if isinstance(step, nodes.Use)] if found is not None else []
        return uses[0].rpartition(".")[2] if uses else "Main"

    def _mixins(self, owner: str) -> set[str]:
        """Return the names of the mixins that the coglets of a name take in."""
        return {m.shape.name for s in self.world.shapes.values() if s.name == owner for m in s.mixins}

    def _of(self, words: dict[tuple[str, str], set[str]], unit: Unit, scope: str) -> set[str]:
        """Return the words that concern a place: those around it, those of its file, and those of the files it imports."""
        near = [unit.path, *(import_path(unit.path, d.path.value) for d in _imports(unit))]
        found = set(words.get((unit.path, scope), ()))
        for path in near:
            found |= words.get((path, ""), set())
        return found

    def _reached(self, unit: Unit) -> list[str]:
        """Return the path of a file, and of all files that it reaches by imports."""
        found = [unit.path]
        for path in found:
            one = self.world.units.get(path)
            reached = [import_path(path, d.path.value) for d in _imports(one)] if one else []
            found += [p for p in dict.fromkeys(reached) if p not in found]
        return found

    def _imported(self, unit: Unit, name: str, help: str) -> bool:
        """Return whether a name may come from an import that failed."""
        for alias in self.failed.get(unit.path, ()):
            if alias == name.partition(".")[0] if alias else not is_suggestion(help):
                return True
        return False


def _may_be(word: str, name: str, unit: Unit) -> bool:
    """Return whether a name stands where the name of such a declaration can."""
    text, name = unit.source.text, re.escape(name)
    if word in _USED:
        return re.search(_USED[word].format(name), text) is not None
    return word not in ("const", "let", "state") or re.search(_CALLED.format(name), text) is None


def _failed(world: World, unit: Unit, unread: set[str]) -> list[str]:
    """Return the aliases of the imports of a file that could not be read, "" for one without an alias. `unread` are files of which nothing could be."""
    paths = [(d, import_path(unit.path, d.path.value)) for d in _imports(unit)]
    return [d.alias.id if d.alias else "" for d, path in paths if path not in world.units or path in unread]


def _imports(unit: Unit) -> list[nodes.Import]:
    return [d for d in unit.tree.declarations if isinstance(d, nodes.Import)]


class _Cover:
    """Parts of a text: the outermost ones by their starts, so that their ends are in order too."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []

    def add(self, start: int, end: int) -> None:
        if self.holds(start, end):
            return
        first = last = bisect_left(self.starts, start)
        while last < len(self.ends) and self.ends[last] <= end:
            last += 1
        self.starts[first:last] = [start]
        self.ends[first:last] = [end]

    def holds(self, start: int, end: int) -> bool:
        """Return whether one of the parts contains another part."""
        at = bisect_right(self.starts, start)
        return at > 0 and self.ends[at - 1] >= end

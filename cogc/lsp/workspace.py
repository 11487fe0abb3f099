"""The specs of a workspace: their texts as the editor has them, their analyses, and which of them import which.

An `Analysis` is kept with the bytes of all files that it has read. It is used again as long as each of them reads the same, so that
no answer is made of a text that has changed, whoever has changed it.
"""

from __future__ import annotations

import os
from functools import cached_property

from cogc.analysis.checked import Options
from cogc.analysis.memory import Memory
from cogc.analysis.uses import Index, index
from cogc.compile import analyse
from cogc.diagnostics.problems import Label, Problems
from cogc.diagnostics.selection import Selection
from cogc.diagnostics.source import read_error
from cogc.disk.files import specs
from cogc.language.record import replace
from cogc.names import locks
from cogc.names.load import PRELUDE, import_path, text_of
from cogc.syntax import nodes
from cogc.syntax.again import Trees
from cogc.syntax.parse import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from cogc.analysis.checked import Checked
    from cogc.diagnostics.problems import Diagnostic
    from cogc.diagnostics.source import Reader, Source
    from cogc.names.world import Unit

    Project: TypeAlias = tuple[Selection, Options]
    """The choice of a project: the rules to report, and the settings of the analysis that finds them."""

_MOST = 64
"""The most analyses of files that are kept."""


def _in_file(found: Diagnostic, path: str) -> Diagnostic | None:
    """Return a report for an editor of a file: that of a lock stands at the server, since no editor asks about the lock; None for one of another file."""
    if found.span.source.path == path:
        return found
    if not found.span.source.path.endswith(locks.NAME):
        return None
    here = next((label.span for label in found.related if label.span.source.path == path), None)
    return None if here is None else replace(found, span=here, related=(Label(found.span, "it is here"),))


class Analysis:
    """The analysis of one file with all that it imports, as of the texts in `read`; a file that cannot be read has the reason."""

    def __init__(self, path: str, reader: Reader, project: Project, memory: Memory) -> None:
        self.path = path
        self.read: dict[str, bytes | str] = {}
        problems = Problems()
        selection, options = project

        def reading(name: str) -> bytes:
            try:
                data = reader(name)
            except (OSError, ValueError) as error:
                self.read[os.path.normpath(name)] = read_error(error)
                raise
            self.read[os.path.normpath(name)] = data
            return data

        self.checked: Checked = analyse([path], reading, problems, options, memory)
        self.diagnostics: list[Diagnostic] = [
            here for d in selection.chosen(problems.sorted()) if (here := _in_file(d, path)) is not None
        ]
        """Those of the file itself, and of the lock of its servers; those of the files that it imports are theirs."""

    @property
    def unit(self) -> Unit | None:
        """The file itself, None if it cannot be read."""
        return self.checked.world.units.get(self.path)

    @cached_property
    def costs(self) -> dict[str, str]:
        """The most that one task of each agent and team may ask of models, in words; nothing for a file with errors."""
        declared = self.unit.declared.items() if self.unit is not None else ()
        names = [name for name, d in declared if d.kind in ("agent", "team")]
        if not names or self.checked.problems.errors:
            return {}
        from cogc.lsp.bounds import bounds_of, shown  # the kernel, which few files need

        return {name: shown(bound) for name, bound in bounds_of(self.checked, names).items()}

    @cached_property
    def uses(self) -> Index:
        return index(self.checked)


class Workspace:
    """The files of a workspace. `reader` gives the texts that are open, else those on disk; `project` the settings for a path."""

    def __init__(self, reader: Reader, project: Callable[[str], Project] | None = None) -> None:
        self.reader = reader
        self.project = project or (lambda path: (Selection(), Options(smells=True)))
        self.folders: list[str] = []
        self._analyses: dict[str, Analysis] = {}
        self._made = Trees()
        self._memories: dict[str, Memory] = {}
        self._trees: dict[str, tuple[bytes, Source, nodes.File]] = {}

    def analysis(self, path: str) -> Analysis:
        """Return the analysis of a file, a new one if a text that it has read is another now."""
        known = self._analyses.pop(path, None)
        if known is None or any(self._read(name) != data for name, data in known.read.items()):
            known = Analysis(path, self.reader, self.project(path), self._memory(path))
        self._analyses[path] = known  # the last one of the table is the last one that was asked for
        while len(self._analyses) > _MOST:
            oldest = next(iter(self._analyses))
            del self._analyses[oldest]
            self._memories.pop(oldest, None)
        return known

    def _memory(self, path: str) -> Memory:
        return self._memories.setdefault(path, Memory(self._made))

    def forget(self) -> None:
        """Drop what is kept: the settings of a project may have changed."""
        self._analyses.clear()
        self._memories.clear()

    def changed(self, texts: Mapping[str, bytes]) -> Workspace:
        """Return the workspace as it would be with other texts in some files."""

        def reader(name: str) -> bytes:
            found = texts.get(os.path.normpath(name))
            return self.reader(name) if found is None else found

        return Workspace(reader, self.project)

    def _read(self, path: str) -> bytes | str:
        """Return the bytes of a file, or the reason why it cannot be read."""
        try:
            return self.reader(path)
        except (OSError, ValueError) as error:
            return read_error(error)

    # ---- files ---------------------------------------------------------------------------------------------

    def files(self, *more: str) -> list[str]:
        """Return the specs below the folders of the workspace, and `more`."""
        found = dict.fromkeys(more)
        for folder in self.folders:
            found.update(dict.fromkeys(os.path.normpath(p) for p in specs(folder)))
        return list(found)

    def tree(self, path: str) -> tuple[Source, nodes.File] | None:
        """Return the text and the tree of a file, None if it cannot be read. A tree is made anew for another text alone."""
        data = self._read(path)
        if isinstance(data, str):
            return None
        known = self._trees.get(path)
        if known is None or known[0] != data:
            source = text_of(path, lambda _: data, Problems())
            if source is None:
                return None
            known = self._trees[path] = data, source, parse(source, Problems())
        return known[1], known[2]

    def has(self, path: str, name: str) -> bool:
        """Return whether a name may stand in a file: in its text, or if it is no single file."""
        known = self.tree(path)
        return known is None or name in known[0].text

    def importers(self, path: str, *more: str) -> list[str]:
        """Return the files that import a file, directly or through others, itself first; `more` are files to look at besides."""
        return _reached([path], self._importing(path, *more))

    def within_reach(self, name: str, *more: str) -> frozenset[str]:
        """Return the files that may have a name in their texts, or import such a file, directly or through others."""
        importing = self._importing(*more)
        return frozenset(_reached([f for f in importing if self.has(f, name)], importing))

    def _importing(self, *more: str) -> dict[str, list[str]]:
        """Return who imports each file, for those of the workspace, `more`, and all that these import."""
        found: dict[str, list[str]] = {file: [] for file in self.files(*more, PRELUDE)}
        pending = list(found)
        while pending:
            file = pending.pop()
            known = self.tree(file)
            for node in known[1].declarations if known is not None else ():
                if isinstance(node, nodes.Import):
                    other = import_path(file, node.path.value)
                    if other not in found:
                        found[other] = []
                        pending.append(other)
                    found[other].append(file)
        found[PRELUDE] = [file for file in found if file != PRELUDE]
        return found


def _reached(starts: list[str], importing: dict[str, list[str]]) -> list[str]:
    """Return files and those that import them, directly or through others."""
    found = dict.fromkeys(starts)
    pending = list(starts)
    while pending:
        new = [f for f in importing.get(pending.pop(), ()) if f not in found]
        found.update(dict.fromkeys(new))
        pending += new
    return list(found)

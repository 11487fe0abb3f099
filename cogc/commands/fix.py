"""`cogc check --fix`: the edits of diagnostics, applied to files until nothing changes.

A round takes the edits of all diagnostics, leaves out those that overlap an earlier one, and checks the new texts. Edits
of one diagnostic go together or not at all. A round counts only if the files are better than before: fewer diagnostics,
none that was not there, and no other declaration changed. Else it is tried with one half of the fixes and then with the
other; a fix that makes the files worse alone is left out for good. So a fix never makes a file worse, whatever made its edits. Warnings that were kept back
because of an error, as those of unused names are, do not count as new.

Texts are changed in memory: `Texts` stands between the reader and the stages. Only files that were named are changed.
"""

from __future__ import annotations

from collections import Counter

from cogc.analysis.checked import Options
from cogc.compile import analyse
from cogc.diagnostics.edits import applicability, overlap
from cogc.diagnostics.problems import Problems
from cogc.disk.rewrite import edited
from cogc.names.load import groups
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cogc.diagnostics.edits import Edit
    from cogc.diagnostics.problems import Diagnostic
    from cogc.diagnostics.source import Reader
    from cogc.names.world import World

_ROUNDS = 50
_FOLLOWING = 6


class Texts:
    """A reader over another one, with the files that were changed."""

    def __init__(self, read: Reader, changed: dict[str, bytes]) -> None:
        self.read = read
        self.changed = changed

    def __call__(self, path: str) -> bytes:
        return self.changed[path] if path in self.changed else self.read(path)

    def with_edits(self, edits: Iterable[Edit]) -> Texts:
        """Return the texts with edits, which do not overlap."""
        by_file: dict[str, list[Edit]] = {}
        for e in edits:
            by_file.setdefault(e.span.source.path, []).append(e)
        return Texts(self.read, {**self.changed, **{p: edited(self(p), found) for p, found in by_file.items()}})


class State:
    """Texts, and what a check of them says."""

    def __init__(self, texts: Texts, found: list[Diagnostic], world: World) -> None:
        self.texts = texts
        self.found = found
        self.world = world


class Fixed:
    """The result: the changed files, and how many fixes were made, were left out, and would need `--unsafe-fixes`."""

    def __init__(self) -> None:
        self.changed: dict[str, bytes] = {}
        self.made = 0
        self.refused = 0
        self.unsafe = 0


class Fixer:
    """Applies the edits of one check. `report` gives the diagnostics of a check as they are shown."""

    def __init__(
        self,
        named: list[str],
        read: Reader,
        options: Options,
        unsafe: bool,
        report: Callable[[Problems], list[Diagnostic]],
    ) -> None:
        self.named = frozenset(named)
        self.read = read
        self.options = options
        self.unsafe = unsafe
        self.report = report

    def fix(self, paths: list[str]) -> Fixed:
        """Return what becomes of the files of a check. Files that imports connect are fixed together."""
        state = self.check(paths, Texts(self.read, {}))
        mended = Fixed()
        broken = {d.span.source.path for d in state.found if d.edits}
        for group in groups(state.world):
            members = [p for p in paths if p in set(group)]
            if members and not broken.isdisjoint(group):
                self._group(members, mended)
        return mended

    def _group(self, paths: list[str], mended: Fixed) -> None:
        state = self.check(paths, Texts(self.read, {}))
        refused: set[tuple[object, ...]] = set()
        for _ in range(_ROUNDS):
            chosen = self.chosen(state, refused)
            if not chosen:
                break
            made = _Round(self, paths, state)
            made.settle(chosen)
            refused.update(_key(d) for d in made.left_out)
            mended.made += len(made.accepted) + made.followed
            state = made.state
        mended.refused += len(refused)
        mended.unsafe += sum(1 for d in state.found if d.edits and applicability(d.edits) == "unsafe" and self._ours(d))
        mended.changed.update({p: data for p, data in state.texts.changed.items() if data != self.read(p)})

    def check(self, paths: list[str], texts: Texts, hidden: bool = False) -> State:
        """Check some texts. With `hidden`, report also what is kept back because of another mistake."""
        problems = Problems()
        given = self.options
        options = Options(given.allow_imports, given.smells, given.has_command, hidden)
        checked = analyse(paths, texts, problems, options)
        return State(texts, self.report(problems), checked.world)

    def _ours(self, d: Diagnostic) -> bool:
        return all(e.span.source.path in self.named for e in d.edits)

    def chosen(self, state: State, refused: set[tuple[object, ...]]) -> list[Diagnostic]:
        """Return the diagnostics whose edits make the next round."""
        chosen: list[Diagnostic] = []
        for d in state.found:
            if not d.edits or not self._ours(d) or _key(d) in refused:
                continue
            if applicability(d.edits) == "unsafe" and not self.unsafe:
                continue
            if not any(overlap(a, b) for a in d.edits for c in chosen for b in c.edits):
                chosen.append(d)
        return chosen


class _Round:
    """One round: the fixes that were accepted, those that were left out, and the state behind the accepted ones."""

    def __init__(self, fixer: Fixer, paths: list[str], start: State) -> None:
        self.fixer = fixer
        self.paths = paths
        self.start = start
        self.state = start
        self.accepted: list[Diagnostic] = []
        self.followed = 0
        self._hidden: list[Diagnostic] | None = None
        self.left_out: list[Diagnostic] = []

    def settle(self, chosen: list[Diagnostic]) -> None:
        """Accept fixes together if they make the files better, else one half after the other."""
        together = [*self.accepted, *chosen]
        trial, follow = self._trial(together)
        if trial is not None and self.count(trial) < self.count(self.state):
            self.state, self.accepted, self.followed = trial, together, follow
        elif len(chosen) == 1:
            self.left_out += chosen
        else:
            half = len(chosen) // 2
            self.settle(chosen[:half])
            self.settle(chosen[half:])

    def count(self, state: State) -> int:
        """Return the number of diagnostics of a state, without those that only an error had kept back."""
        fresh = _news(self.start.found, state.found)
        return len(state.found) - sum(fresh.values())

    def hidden(self) -> list[Diagnostic]:
        """Return the warnings that were kept back at the start because of an error."""
        if self._hidden is None:
            found = self.fixer.check(self.paths, self.start.texts, hidden=True).found
            self._hidden = [d for d in found if d.severity == "warning"]
        return self._hidden

    def _trial(self, chosen: list[Diagnostic]) -> tuple[State | None, int]:
        """Return the state behind some fixes, and behind those that they make possible where they are not enough.

        A mistake of syntax may hide others, which show once it is mended. The fixes of these are tried too, before the first
        ones are given up. The number is that of these other fixes.
        """
        now, follow = self.start, 0
        for _ in range(_FOLLOWING):
            edits = [e for d in chosen for e in d.edits]
            after = self.fixer.check(self.paths, now.texts.with_edits(edits))
            if not _same_elsewhere(now, after, edits):
                return None, 0
            if _no_news(self.start.found, after.found) or _no_news([*self.start.found, *self.hidden()], after.found):
                return after, follow
            chosen = self.fixer.chosen(after, set())
            follow += len(chosen)
            now = after
            if not chosen:
                return None, 0
        return None, 0


def _key(d: Diagnostic) -> tuple[object, ...]:
    """Return what tells a fix from others, wherever other edits have moved it."""
    return (d.span.source.path, d.code, d.message, *((e.replacement, e.span.end - e.span.start) for e in d.edits))


def _news(before: list[Diagnostic], after: list[Diagnostic]) -> Counter[tuple[str, str, str]]:
    """Return the diagnostics that were not there before, wherever their lines have moved to."""
    known, now = (Counter((d.span.source.path, d.code, d.message) for d in found) for found in (before, after))
    return now - known


def _no_news(before: list[Diagnostic], after: list[Diagnostic]) -> bool:
    return not _news(before, after)


def _same_elsewhere(before: State, after: State, edits: list[Edit]) -> bool:
    """Return whether a state has all declarations that no edit touches, as they were and in their order."""
    for path in {e.span.source.path for e in edits}:
        old, new = before.world.units.get(path), after.world.units.get(path)
        places = [(e.span.start, e.span.end) for e in edits if e.span.source.path == path]
        if old is None or new is None:
            continue
        rest = iter(new.tree.declarations)
        for d in old.tree.declarations:
            touched = any(start <= d.end and d.start <= end for start, end in places)
            if not touched and not isinstance(d, nodes.Error) and not any(d == other for other in rest):
                return False
    return True

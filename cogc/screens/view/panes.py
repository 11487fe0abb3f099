"""The panes of a view: what each shows of the trace, as lines. Screens draw them, and plain text prints them.

A pane has a number of lines, each with the row of the trace that it shows. `update` brings a pane up to date for a width; it does nothing if
nothing has changed that the pane shows. Panes of long traces make their lines when they are asked for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterator
from typing import Any

from cogc.diagnostics.visible import shown_line
from cogc.run.trace import about, short
from cogc.screens.view.lines import (
    KINDS,
    STATUS,
    Line,
    Shown,
    clock,
    counted,
    dollars,
    head,
    padded,
    tree,
    value,
    wrapped,
)
from cogc.screens.view.model import View
from cogc.traces import moment
from cogc.traces.conversations import Conversation, Turn
from cogc.traces.index import BROKEN
from cogc.traces.query import is_under

_WIDEST = 100
"""The columns to which running text is wrapped, on wider screens too."""
_FAILURES = ("fail", "dead_letter", "drop", BROKEN)
_SHOWN = 200
"""How many failures are shown at once."""
_MARK = ("✗ ", "bad")
_AHEAD = 200
"""The most records that are shown of what a record has led to."""


def record_line(view: View, row: int) -> Line:
    """Return a row as one line: time, number, kind, path, and its data."""
    record = view.index.record(row)
    kind = view.index.kind(row)
    pieces = [
        (f"{view.index.times[row]:11.4f} ", "time"),
        (f"{view.index.seqs[row]:>7} ", "dim"),
        (f"{kind:<11} ", KINDS.get(kind, "kind")),
    ]
    if record.get("path"):
        pieces.append((f"{record['path']} ", "path"))
    words = about(record)
    if words:
        pieces.append((f"{words} ", "bad" if kind == "fail" else "strong"))
    return [*pieces, (short(record, 400), "data")]


class Pane:
    """One pane. `name` is shown on its tab, `about` in the help. `has_choice` if a line of it can be chosen; lines are at most `widest` columns."""

    name = ""
    about = ""
    has_choice = True
    widest = _WIDEST

    def __init__(self, view: View) -> None:
        self.view = view
        self.shown: list[Shown] = []
        self._stamp: Hashable = None

    def stamp(self) -> Hashable:
        """Return what the lines depend on, beside the width."""
        return self.view.index.count, self.view.index.generation, self.view.row, self.view.coglet

    def update(self, width: int) -> bool:
        """Bring the lines up to date. Return whether they have changed."""
        stamp = (width, self.stamp())
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        self.shown = (
            list(self.lines(min(width, self.widest)))
            if self.view.index.count
            else [Shown([("the trace has no records yet", "dim")])]
        )
        return True

    def lines(self, width: int) -> Iterator[Shown]:
        """Yield the lines."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.shown)

    def line(self, at: int) -> Line:
        return self.shown[at].line

    def row(self, at: int) -> int | None:
        """Return the row that a line shows, or None."""
        return self.shown[at].row if 0 <= at < len(self.shown) else None

    def at(self) -> int:
        """Return the line of the current record, or the one that is nearest."""
        best, nearest = 0, -1
        for number, shown in enumerate(self.shown):
            if shown.row == self.view.row:
                return number
            if shown.row is not None and nearest < shown.row < self.view.row:
                best, nearest = number, shown.row
        return best

    def move(self, way: int) -> bool:
        """Move sideways. Return False if lines are only moved on the screen."""
        return False

    def pick(self, at: int) -> None:
        """Take note that a line was chosen."""
        row = self.row(at)
        if row is not None:
            self.view.go(row)


class Messages(Pane):
    """The records, or those that the filter lets through."""

    name = "messages"
    about = "all records, or those that the filter lets through"

    def update(self, width: int) -> bool:
        matches = self.view.matches
        count = self.view.index.count if matches is None else len(matches.rows)
        stamp = (count, self.view.index.generation, self.view.filter)
        changed = stamp != self._stamp
        self._stamp, self._count = stamp, count
        return changed

    _count = 0

    def __len__(self) -> int:
        return self._count

    def row(self, at: int) -> int | None:
        matches = self.view.matches
        if not 0 <= at < self._count:
            return None
        return at if matches is None else matches.rows[at]

    def line(self, at: int) -> Line:
        row = self.row(at)
        return [] if row is None else record_line(self.view, row)

    def at(self) -> int:
        matches = self.view.matches
        return self.view.row if matches is None else matches.near(self.view.row)


def _as_known(found: moment.Coglet, known: dict[str, Any] | None) -> moment.Coglet:
    """Return a coglet with what its journal says of it, if that is known."""
    if known is None:
        return found
    waiting = sum(inbox["messages"] for inbox in known["inboxes"])
    status = "busy" if known["status"] == "idle" and found.open > 0 else known["status"]
    return found._replace(status=status, waiting=waiting, restarts=known["restarts"])


class Tree(Pane):
    """The coglets, as they are at the current record."""

    def stamp(self) -> Hashable:
        return super().stamp(), self.view.answers, self.view.follow

    name = "tree"
    widest = 400
    about = "the coglets at the current record: status, records in the last second, messages that wait, restarts"

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self.paths: list[str] = []

    def lines(self, width: int) -> Iterator[Shown]:
        index = self.view.index
        self.paths = []
        known = self.view.known(self.view.row)
        coglets, more = moment.coglets(index, self.view.row)
        if more and self.view.coglet:
            coglets, more = moment.coglets(index, self.view.row, self.view.coglet)
        labels = [shown_line("  " * c.path.count("/") + c.path.rpartition("/")[2]) for c in coglets]
        again = "restarts" if width >= 80 else "re"
        name = max(12, min(max(map(len, labels), default=0) + 4, width - 33 - len(again)))
        yield Shown([(f"{'coglet':<{name}} {'status':<8} {'rate':>6} {'wait':>5} {'calls':>5} {again}", "dim")])
        self.paths.append("")
        for told, label in zip(coglets, labels, strict=True):
            found = _as_known(told, known.get(told.path))
            mark = "here" if found.path == self.view.coglet else "path"
            self.paths.append(found.path)
            pieces: Line = [
                (f"{padded(label, name)} ", mark),
                (f"{found.status:<8} ", STATUS.get(found.status, "dim")),
                (f"{found.rate if found.rate else '·':>6} ", "" if found.rate else "dim"),
                (f"{found.waiting or '':>5} ", "busy"),
                (f"{found.open or '':>5} ", "busy"),
                (f"{found.restarts or '':>{len(again)}}", "bad"),
            ]
            yield Shown(pieces, index.last_before(index.rows[index.place_numbers[found.path]], self.view.row))
        if more:
            yield Shown([(f"… and {more:,} more: c keeps to a coglet and those below it", "dim")])

    def at(self) -> int:
        path = self.view.coglet or (self.view.index.place(self.view.row) if self.view.index.count else "")
        return self.paths.index(path) if path in self.paths else 0

    def pick(self, at: int) -> None:
        """Keep to the coglet of a line, or to none if it is the one already."""
        path = self.paths[at] if 0 <= at < len(self.paths) else ""
        self.view.coglet = "" if path == self.view.coglet else path


class Causes(Pane):
    """The chain that led to the current record, and what it has led to."""

    name = "causes"
    about = "the chain of causes that led to the current record, and what it has led to"

    def stamp(self) -> Hashable:
        return self.view.index.count, self.view.index.generation, self.view.row

    def lines(self, width: int) -> Iterator[Shown]:
        view, index = self.view, self.view.index
        behind = index.behind(view.row, 500)
        yield Shown(head(["what led to it"]))
        for row in behind[:-1]:
            yield Shown([("  ", ""), *record_line(view, row)], row)
        yield Shown([("▶ ", "mark"), *record_line(view, view.row)], view.row)
        yield Shown([])
        yield Shown(head(["what it has led to"]))
        count = 0
        pending = [(row, 1) for row in reversed(index.effects_of(view.row, _AHEAD))]
        seen = {view.row}
        while pending and count < _AHEAD:
            row, depth = pending.pop()
            if row in seen:
                continue
            seen.add(row)
            count += 1
            yield Shown([("  " * min(depth, 12), ""), *record_line(view, row)], row)
            if len(seen) < 60:
                pending += [(effect, depth + 1) for effect in reversed(index.effects_of(row, 50))]
        if not count:
            yield Shown([("  nothing, as far as the trace goes", "dim")])
        elif pending:
            yield Shown([("  … and more", "dim")])


class Spec(Pane):
    """The spec, with the line of the current record marked."""

    name = "spec"
    about = "the spec, with the line that the current record comes from"

    def stamp(self) -> Hashable:
        return self.view.index.generation, self.view.row, self.view.index.count > 0

    def lines(self, width: int) -> Iterator[Shown]:
        view = self.view
        self.marked = 0
        places = view.places
        if places is None:
            yield Shown([("the spec of this trace is not known: ", ""), ("cogc view FILE --spec SPEC", "strong")])
            if view.spec:
                yield Shown([(f"`{view.spec}` has mistakes, or cannot be read: cogc check {view.spec}", "bad")])
            return
        found = places.of(view.row)
        if not found:
            yield Shown([("this record comes from no line of the spec", "dim")])
            return
        file = found[0].file
        marks = {place.line: number for number, place in reversed(list(enumerate(found))) if place.file == file}
        yield Shown([(file, "strong"), (f"  line {found[0].line}", "dim")])
        text = view.text(file)
        if "error" in text:
            yield Shown([(str(text["error"]), "bad")])
        lines = text["lines"]
        assert isinstance(lines, list)
        for number, line in enumerate(lines, 1):
            mark = marks.get(number)
            sign, style = ("▶", "mark") if mark == 0 else ("·", "note") if mark is not None else (" ", "")
            if mark == 0:
                self.marked = number
            yield Shown(
                [(f"{sign}{number:>5} ", style or "dim"), (str(line).expandtabs(4), style)],
                view.row if mark == 0 else None,
            )

    marked = 0

    def at(self) -> int:
        return self.marked


class Talks(Pane):
    """The conversations with models, as turns."""

    name = "talks"
    about = "conversations: turns, tools, tokens, dollars"

    def stamp(self) -> Hashable:
        return self.view.index.count, self.view.index.generation, self.view.coglet

    def lines(self, width: int) -> Iterator[Shown]:
        found = [c for c in self.view.talks.all if is_under(c.path, self.view.coglet)]
        if not found:
            yield Shown([("no model was asked" + (f" by {self.view.coglet}" if self.view.coglet else ""), "dim")])
            return
        known = [c.usd for c in found if c.usd is not None]
        requests, tokens_in, tokens_out = (sum(getattr(c, k) for c in found) for k in ("requests", "input", "output"))
        yield Shown(
            head(
                [
                    counted(len(found), "conversation"),
                    counted(requests, "request"),
                    f"{tokens_in:,} tokens in",
                    f"{tokens_out:,} out",
                    dollars(sum(known)) if known else "",
                ]
            )
        )
        for talk in found:
            yield Shown([])
            yield Shown(_talk_head(talk), talk.row)
            for turn in talk.turns:
                yield from _turn(turn, width)
            if talk.open > 0:
                yield Shown([("  … waits for the model", "busy")], talk.last)


def _talk_head(talk: Conversation) -> Line:
    words = [counted(talk.requests, "request"), f"{talk.input:,} in", f"{talk.output:,} out"]
    if talk.usd is not None:
        words.append(dollars(talk.usd))
    return [
        ("■ ", "path"),
        (talk.name, "strong"),
        (f"  {talk.path}", "path"),
        (f"  {talk.model}  {', '.join(words)}", "dim"),
    ]


_WHO = {
    "user": "path",
    "assistant": "good",
    "call": "busy",
    "tool": "note",
    "refused": "bad",
    "error": "bad",
    "thinking": "dim",
}


def _turn(turn: Turn, width: int) -> Iterator[Shown]:
    """Yield the lines of a turn: who, and the text beside it."""
    who = {"call": "calls", "tool": "answer", "refused": "refused"}.get(turn.who, turn.who)
    text = value(turn.text)
    if turn.who == "call":
        text = f"{turn.name}({text[1:-1]})" if text.startswith("{") else f"{turn.name} {text}"
    style = _WHO.get(turn.who, "")
    for number, line in enumerate(wrapped(text, max(20, width - 13), 60)):
        yield Shown(
            [(f"  {who if not number else '':<10} ", style), (line, "dim" if turn.who == "thinking" else "")], turn.row
        )


class Work(Pane):
    """Plans, definitions of done, and the board of a sett."""

    name = "work"
    about = "plans, definitions of done and boards, as they are at the current record"

    def lines(self, width: int) -> Iterator[Shown]:
        index, row = self.view.index, self.view.row
        count = 0
        for plan in moment.plans(index, row):
            count += 1
            yield from _plan(plan, width)
        for done in moment.dones(index, row):
            count += 1
            yield from _done(done, width)
        board = moment.board(index, row)
        if board.artefacts or board.claims:
            count += 1
            yield from self._board(board)
        if not count:
            yield Shown([("there is no plan, no definition of done and no board at this record", "dim")])

    def _board(self, board: moment.Board) -> Iterator[Shown]:
        yield Shown(head(["board", counted(len(board.artefacts), "artefact"), counted(len(board.claims), "claim")]))
        names: dict[str, str] = {}
        for row in board.artefacts:
            data = self.view.index.record(row).get("data")
            data = data if isinstance(data, dict) else {}
            name = f"{data.get('type', '')} v{data.get('version', '')}"
            names[str(data.get("id", ""))] = name
            text = value(data.get("summary") or data.get("payload"), 300).replace("\n", " ")
            yield Shown(
                [
                    ("  ◆ ", "path"),
                    (f"{name:<24} ", "strong"),
                    (f"{data.get('produced_by_role', '')!s:<14} ", "path"),
                    (text, ""),
                ],
                row,
            )
        yield Shown([])
        for claim in board.claims:
            style = "good" if claim.status == "complete" else "bad" if claim.status == "terminated" else "busy"
            words = [f"{role} {bid}" for role, bid in claim.bids if bid != "ignore"]
            pieces: Line = [
                (f"  {claim.status:<18} ", style),
                (f"{names.get(claim.artefact, claim.artefact)!s:<24} ", "strong"),
                (", ".join(words), "dim"),
            ]
            if claim.granted:
                pieces.append((f"  → {', '.join(claim.granted)}", "path"))
            yield Shown([*pieces, (f"  {claim.reason}", "note")], claim.row)
        yield Shown([])


_SIGNS = {"completed": "✓", "in_progress": "▶", "failed": "✗", "skipped": "-", "pending": "·"}
_GOOD = {"completed": "good", "in_progress": "busy", "failed": "bad", "PASS": "good", "FAIL": "bad"}


def _plan(plan: moment.Plan, width: int) -> Iterator[Shown]:
    """Yield the lines of a plan: its goal, and each step with its status, agent and result."""
    data = plan.value
    yield Shown(
        [(f"plan {data.get('name', '')} ", "strong"), (f"{data.get('status', '')}  ", "busy"), (plan.path, "path")],
        plan.row,
    )
    for line in wrapped(str(data.get("goal", "")), max(20, width - 4), 3):
        yield Shown([("  ", ""), (line, "")], plan.row)
    steps = data.get("steps")
    for step in steps if isinstance(steps, list) else ():
        if not isinstance(step, dict):
            continue
        status = str(step.get("status", ""))
        after = step.get("after")
        words = [
            f"by {step['by']}" if step.get("by") else "",
            f"after {', '.join(map(str, after))}" if isinstance(after, list) and after else "",
        ]
        words.append(
            f"attempt {step['attempts']}" if isinstance(step.get("attempts"), int) and step["attempts"] > 1 else ""
        )
        style = _GOOD.get(status, "dim")
        yield Shown(
            [
                (f"  {_SIGNS.get(status, '·')} {status:<12} ", style),
                (f"{step.get('id', '')}  ", "strong"),
                ("  ".join(filter(None, words)), "dim"),
            ],
            plan.row,
        )
        text = str(step.get("error") or "") or (value(step.get("result"), 600) if step.get("result") else "")
        for line in wrapped(text, max(20, width - 6), 3) if text else ():
            yield Shown([("      ", ""), (line, "bad" if step.get("error") else "dim")], plan.row)
    yield Shown([])


def _done(done: moment.Done, width: int) -> Iterator[Shown]:
    """Yield the lines of a definition of done: its criteria with what they found, and how many loops there were."""
    loops = f"loop {len(done.log)}" if done.log else ""
    yield Shown(
        [("definition of done ", "strong"), (done.path, "path"), (f"  {done.status}  {loops}", "busy")], done.row
    )
    for finding in done.findings or (done.log[-1] if done.log and isinstance(done.log[-1], list) else []):
        if not isinstance(finding, dict):
            continue
        status = str(finding.get("status", ""))
        yield Shown(
            [
                (f"  {status:<6} ", _GOOD.get(status, "")),
                (f"{finding.get('criterion', '')!s:<14} ", "strong"),
                (str(finding.get("details", "")), ""),
            ],
            done.row,
        )
        if status == "FAIL":
            for line in wrapped(str(finding.get("output", "")), max(20, width - 10), 6):
                yield Shown([("         ", ""), (line, "dim")], done.row)
    yield Shown([])


class Failures(Pane):
    """The failures, each with its report."""

    name = "failures"
    about = "failures, lost messages and broken lines, each with what led to it and what followed"

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._rows: list[int] = []
        self._known: Hashable = None

    def stamp(self) -> Hashable:
        view = self.view
        known = view.index.count, view.index.generation, view.coglet
        if known != self._known:
            self._known, self._rows = known, self._found()
        return known, self._first()

    def _found(self) -> list[int]:
        """Return the rows of all failures."""
        index, view = self.view.index, self.view
        rows = [row for kind in _FAILURES for row in index.of_kind(kind)]
        rows += [
            row
            for kind in ("result", "reply")
            for row in index.of_kind(kind)
            if b'"error":' in index.line(row) and "error" in index.record(row)
        ]
        return sorted(row for row in rows if is_under(index.place(row), view.coglet))

    def _first(self) -> int:
        """Return the first of the failures that are shown: those around the current record."""
        return max(0, min(bisect_left(self._rows, self.view.row) - _SHOWN // 2, len(self._rows) - _SHOWN))

    def lines(self, width: int) -> Iterator[Shown]:
        rows, first = self._rows, self._first()
        if not rows:
            yield Shown([("nothing has failed", "good")])
            return
        shown = rows[first : first + _SHOWN]
        part = f", {first + 1:,} to {first + len(shown):,} of them" if len(rows) > _SHOWN else ""
        yield Shown(head([counted(len(rows), "failure") + part]))
        for row in shown:
            yield Shown([])
            yield from self._report(row, width)

    def at(self) -> int:
        """Return the line at which the report of the current record begins, or that of the failure before it."""
        best = 0
        for number, shown in enumerate(self.shown):
            is_head = shown.line[:1] == [_MARK]
            if is_head and shown.row is not None and (shown.row <= self.view.row or not best):
                best = number
        return best

    def _report(self, row: int, width: int) -> Iterator[Shown]:
        index, record = self.view.index, self.view.index.record(row)
        kind = index.kind(row)
        yield Shown(
            [
                _MARK,
                (f"{kind} ", "bad"),
                (str(record.get("path", "")), "path"),
                (f"  at {clock(index.times[row])} s, record {index.seqs[row]}", "dim"),
            ],
            row,
        )
        for name in ("error", "error_kind", "reaction", "at", "port", "reason", "data"):
            if record.get(name) not in (None, ""):
                for number, line in enumerate(wrapped(value(record[name]), max(20, width - 14), 12)):
                    yield Shown(
                        [(f"  {name if not number else '':<11} ", "dim"), (line, "bad" if name == "error" else "")], row
                    )
        for before in index.behind(row, 5)[:-1]:
            yield Shown([("  before ", "dim"), *record_line(self.view, before)], before)
        for after in [r for r in index.effects_of(row, 6) if index.kind(r) != "deliver"][:5]:
            yield Shown([("  then   ", "dim"), *record_line(self.view, after)], after)


class Detail(Pane):
    """The current record, whole."""

    name = "record"
    about = "the current record, whole"

    has_choice = False
    looked: int | None = None
    """The row that is shown in place of the current one."""

    def stamp(self) -> Hashable:
        return self.view.index.generation, self.view.row, self.looked, self.view.index.count > 0, self.view.answers

    def lines(self, width: int) -> Iterator[Shown]:
        view = self.view
        row = view.row if self.looked is None or self.looked >= view.index.count else self.looked
        record = view.index.whole(row)
        kind = view.index.kind(row)
        yield Shown(
            [(f"{kind} ", KINDS.get(kind, "kind")), (f"{record.get('path', '')} ", "path"), (about(record), "strong")],
            row,
        )
        causes = [str(view.index.seqs[r]) for r in view.index.causes_of(row)]
        yield Shown(
            [
                (f"record {view.index.seqs[row]} at {clock(view.index.times[row])} s", "dim"),
                (f", led to by {', '.join(causes)}" if causes else ", from outside or a clock", "dim"),
            ],
            row,
        )
        for name, data in record.items():
            if name in ("v", "seq", "t", "run", "kind", "path", "cause"):
                continue
            if isinstance(data, str) and ("\n" in data or len(data) > width - 12):
                yield Shown([(f"{name}:", "path")], row)
                for line in wrapped(data, max(20, width - 2), 60):
                    yield Shown([("  ", ""), (line, "")], row)
            elif isinstance(data, dict | list) and data:
                yield Shown([(f"{name}:", "path")], row)
                for line in tree(data, 2):
                    yield Shown([(line, "")], row)
            else:
                yield Shown([(f"{name}: ", "path"), (value(data), "")], row)
        path = str(record.get("path", ""))
        yield from self._here(path, row)

    def _here(self, path: str, row: int) -> Iterator[Shown]:
        """Yield the states of the record's coglet at a row; where a journal knows it, its inboxes, its timer and what it waits for too."""
        states = self.view.states(path, row) if path else {}
        known = self.view.known(row).get(path)
        if states or known is not None:
            yield Shown([])
            yield Shown([("states of ", "dim"), (path, "path"), (" here", "dim")], row)
        for name, data in sorted(states.items()):
            yield Shown([(f"  {name}: ", "path"), (value(data, 400), "")], row)
        if known is None:
            why = "" if self.view.moments is None or self.view.follow else self.view.moments.why_not
            if why:
                yield Shown([(f"  as the trace tells: {why}", "dim")], row)
            return
        for inbox in known["inboxes"]:
            if inbox["messages"]:
                yield Shown(
                    [
                        ("  inbox ", "dim"),
                        (inbox["channel"], "path"),
                        (f": {inbox['messages']} of {inbox['capacity']}", "busy"),
                    ],
                    row,
                )
                for waiting in inbox["waiting"]:
                    yield Shown([("    ", ""), (value(waiting, 200), "")], row)
        for when in known["timers"][:1]:
            yield Shown([("  next timer at ", "dim"), (f"{clock(when)} s", "")], row)
        for line in known["waits"]:
            yield Shown([("  ", ""), (line, "busy")], row)

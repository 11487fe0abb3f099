"""The live view of a run in a terminal: the tree of coglets, the last messages, the clock.

The tree shows for each coglet its state, the messages that it has sent, the messages in its inboxes, its restarts and
its values. The view reads the kernel between two stretches of work, a few times a second, so the kernel never waits
for a lock. Drawing costs time, and is bounded by the height of the screen.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trio
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cogc.diagnostics.visible import shown_line
from cogc.kernel.objects import Instance, Slot
from cogc.language.values import hidden, shorten
from cogc.run.session import Session
from cogc.run.trace import line
from cogc.screens.live import Picture, print_text

PERIOD = 0.125
"""Seconds between two pictures."""
_MESSAGES = 7
_LARGE = 8
"""A pool with more members than this is shown as one row."""
_COLORS = {
    "idle": "green",
    "busy": "yellow",
    "parked": "magenta",
    "starting": "cyan",
    "failed": "bold red",
    "stopping": "cyan",
    "stopped": "dim",
}
_SHOWN = (
    "transmit",
    "send",
    "guide",
    "fail",
    "restart",
    "dead_letter",
    "drop",
    "output",
    "input",
    "park",
    "ask",
    "dispatch",
    "result",
)


class RunView:
    """Draws a session while it runs."""

    def __init__(self, session: Session, console: Console) -> None:
        self.session = session
        self.console = console
        self.last: deque[str] = deque(maxlen=40)
        self.counts: dict[int, tuple[int, int]] = {}
        self.drawn = time.monotonic()
        self.live: Picture | None = None
        self.before_steps = 0
        self.is_aside = False
        before = session.options.on_records

        def keep(records: list[dict[str, Any]]) -> None:
            self.last.extend(line(r) for r in records[-200:] if r["kind"] in _SHOWN)
            if before is not None:
                before(records)

        session.options.on_records = keep

    def print(self, words: str) -> None:
        """Print above the view."""
        if self.live is not None:
            print_text(self.console, words.rstrip("\n"))

    async def run(self) -> None:
        """Run the session with the view around it; the last picture stays."""
        with Picture(self.console) as self.live:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._refresh)
                await self.session.run()
                nursery.cancel_scope.cancel()
            self.live.update(self.picture(), refresh=True)

    async def _refresh(self) -> None:
        """Draw the view again every PERIOD."""
        while True:
            await trio.sleep(PERIOD)
            assert self.live is not None
            if not self.is_aside:
                self.live.update(self.picture(), refresh=True)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Free the terminal for a question to a person."""
        assert self.live is not None
        self.is_aside = True
        self.live.stop()
        try:
            yield
        finally:
            self.live.start(refresh=True)
            self.is_aside = False

    # ---- the picture ---------------------------------------------------------------------------------------

    def picture(self) -> Group:
        """Return the whole view, no higher than the screen."""
        width, height = self.console.size
        messages = min(_MESSAGES, max(2, height // 4))
        rows = max(3, height - messages - 7)
        return Group(self._head(), self._tree(rows, width), self._messages(messages, width))

    def _head(self) -> Text:
        """Return the line at the top: clock, number and rate of messages, calls, dead letters."""
        kernel = self.session.kernel
        now, elapsed = time.monotonic(), max(1e-3, time.monotonic() - self.drawn)
        rate = (kernel.steps - self.before_steps) / elapsed
        self.drawn, self.before_steps = now, kernel.steps
        clock = f"{kernel.now / 1e9:.1f}s" + (" (virtual)" if self.session.options.sim else "")
        parts = [f" {clock}", f"{kernel.steps} messages", f"{rate:.0f}/s", f"{len(kernel.calls)} calls under way"]
        if kernel.dead_letters:
            parts.append(f"{kernel.dead_letters} dead letters")
        return Text("   ".join(parts), "bold", no_wrap=True, overflow="ellipsis")

    def _tree(self, rows: int, width: int) -> Table:
        """Return the table of coglets with at most `rows` rows."""
        table = Table(expand=True, box=None, padding=(0, 1), header_style="dim", pad_edge=False)
        for name, options in (
            ("coglet", {"ratio": 3, "no_wrap": True, "overflow": "ellipsis"}),
            ("state", {"width": 8}),
            ("sent", {"justify": "right", "width": 9}),
            ("inbox", {"justify": "right", "width": 7}),
            ("restarts", {"justify": "right", "width": 8}),
            ("values", {"ratio": 3, "no_wrap": True, "overflow": "ellipsis"}),
        ):
            if name != "values" or width >= 70:
                table.add_column(name, **options)
        lines, hidden = self._lines(rows)
        for row in lines:
            table.add_row(*row[: len(table.columns)])
        if hidden:
            table.add_row(Text(f"... and {hidden} more", "dim"))
        return table

    def _lines(self, rows: int) -> tuple[list[tuple[Any, ...]], int]:
        """Return the rows of the tree, and how many did not fit. A large pool is folded into one row."""
        root = self.session.kernel.root
        found: list[tuple[Any, ...]] = []
        total = 0
        stack: list[tuple[Instance | Slot, str, str]] = [(root, "", "")] if root is not None else []
        while stack:
            item, lead, below = stack.pop()
            total += 1
            if len(found) < rows - 1:
                found.append(self._row(item, lead) if isinstance(item, Instance) else self._pool(item, lead))
            inner = self._inner(item)
            for i, below_it in reversed(list(enumerate(inner))):
                last = i == len(inner) - 1
                stack.append((below_it, below + ("└ " if last else "├ "), below + ("  " if last else "│ ")))
        return found, total - len(found)

    def _inner(self, item: Instance | Slot) -> list[Instance | Slot]:
        """Return the rows below a row: children, with a large pool as one row; below a pool, up to four busy members."""
        if isinstance(item, Slot):
            busy: list[Instance | Slot] = [
                m for m in item.members.values() if m.gate or (m.ports and any(p.fill for p in m.ports.values()))
            ]
            return busy[:4]
        inner: list[Instance | Slot] = []
        for slot in (item.children or {}).values():
            if len(slot.members) > _LARGE:
                inner.append(slot)
            else:
                inner += slot.members.values()
        return inner

    def _pool(self, slot: Slot, lead: str) -> tuple[Any, ...]:
        """Return one row for all members of a large pool."""
        members = list(slot.members.values())
        sent = sum(o.count for m in members for o in m.outs if o is not None)
        fill = sum(p.fill for m in members for p in (m.ports or {}).values())
        restarts = sum(len(m.restarts or ()) for m in members)
        busy = sum(1 for m in members if m.gate)
        label = Text.assemble(
            (lead, "dim"), shown_line(f"{slot.name} ×{len(members)}"), (shown_line(f" {slot.code.name}"), "dim")
        )
        state = Text(f"{busy} busy" if busy else "idle", "yellow" if busy else "green")
        return label, state, str(sent or ""), str(fill or ""), Text(str(restarts or ""), "red"), ""

    def _row(self, inst: Instance, lead: str) -> tuple[Any, ...]:
        """Return the row of one instance."""
        status = inst.status()
        sent = sum(o.count for o in inst.outs if o is not None)
        fill = sum(p.fill for p in (inst.ports or {}).values())
        name = inst.name if inst.slot is None or inst.slot.single else f"{inst.name}[{inst.index}]"
        label = Text.assemble((lead, "dim"), shown_line(name))
        if inst.code.name not in (name, ""):
            label.append(shown_line(f" {inst.code.name}"), "dim")
        restarts = len(inst.restarts or ())
        return (
            label,
            Text(status, _COLORS.get(status, "")),
            str(sent or ""),
            Text(str(fill or ""), "magenta" if fill > 32 else ""),
            Text(str(restarts or ""), "red"),
            Text(shown_line(self._values(inst)), "dim"),
        )

    def _values(self, inst: Instance) -> str:
        """Return the state variables of an instance, shortened."""
        private = self.session.kernel.private
        states = zip(inst.code.ir.states, inst.states or (), strict=False)
        return " ".join(f"{s.name}={shorten(hidden(v, private), 24)}" for s, v in states)

    def _messages(self, count: int, width: int) -> Panel:
        """Return the panel of the last messages."""
        last = [shown_line(m)[: max(20, width - 4)] for m in list(self.last)[-count:]]
        last += [""] * (count - len(last))
        return Panel(
            Text("\n".join(last), no_wrap=True, overflow="ellipsis"), title="last messages", title_align="left"
        )

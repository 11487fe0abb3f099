"""The reports at the end of a run, for people: a failure and what led to it, a deadlock, the losses, the usage of models."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType

from cogc.disk.beneath import read_beneath
from cogc.kernel.losses import AT_THE_END, Losses
from cogc.kernel.machine import Kernel
from cogc.kernel.models.budget import Usage
from cogc.language.texts import is_internal
from cogc.language.values import hidden, shorten

_LAST = 10
_LONGEST = 4 << 20
"""Bytes of a spec of which a line is shown."""


def failure(kernel: Kernel) -> str:
    """Return the report of an unhandled failure at the root."""
    report = kernel.report
    assert report is not None
    lines = [f"cogc: the run failed: {report.failure.message}"]
    lines.append(f"  kind      {report.failure.kind}")
    lines.append(f"  coglet    {report.path}")
    if report.reaction:
        lines.append(f"  reaction  {report.reaction}")
    if report.place:
        lines.append(f"  at        {report.place}")
        source = _source_line(report.place)
        if source:
            lines.append(f"            | {source}")
    if report.event is not None:
        lines.append(f"  event     {shorten(hidden(report.event, kernel.private))}")
    last = [item for item in list(kernel.ring)[-_LAST:] if not item[0].own]
    if last:
        lines.append("  last messages, the newest at the end:")
        lines += [
            f"    {item[0].inst.path}.{item[0].label} {shorten(hidden(item[1], kernel.private), 100)}" for item in last
        ]
    return "".join(line + "\n" for line in lines)


def _source_line(at: str) -> str:
    """Return the line of a spec at a place, or an empty text."""
    path, line, _ = at.rsplit(":", 2)
    try:
        data, _ = read_beneath(os.path.dirname(path) or ".", os.path.basename(path), _LONGEST)
        return data.decode("utf-8-sig").split("\n")[int(line) - 1].strip()
    except (OSError, UnicodeDecodeError, IndexError):
        return ""


def deadlock(waits: list[str]) -> str:
    """Return the report of a system in which each of these waits for another."""
    lines = ["cogc: the run is in deadlock: each of these waits for room in a full inbox"]
    return "".join(line + "\n" for line in [*lines, *(f"  {w}" for w in waits)])


def unasked(kernel: Kernel) -> str:
    """Return the report of a coglet that waits for messages and of a run in which no message was taken; nothing for another run."""
    root = kernel.unit.bundle.coglets[kernel.unit.bundle.root]
    channels = [c.name for c in root.listens if not is_internal(c.name)]
    if kernel.steps or root.kind != "coglet" or not channels or kernel.ended == "failed":
        return ""
    names = ", ".join(f"`{name}`" for name in channels)
    return f"cogc: nothing happened: `{root.name}` listens to {names}, and no message came; --input {channels[0]}=VALUE sends one\n"


def losses(lost: Losses, given_up: Mapping[str, int] = MappingProxyType({})) -> str:
    """Return a line for each kind of loss that has happened; empty if nothing was lost.

    `given_up` counts items by queue. An event whose coglet failed is not named as a dead letter: its restart, or the failure of the run, stands for it.
    """
    dropped = lost.letters["dropped"]
    letters = {r: n for r, n in lost.letters.items() if r not in ("dropped", "failed", AT_THE_END)}
    lines = [
        _loss(sum(lost.restarts.values()), "failure", "handled by a restart", lost.restarts),
        _loss(sum(letters.values()), "dead letter", "", letters),
        _loss(dropped, "message", "dropped by full inboxes", {}),
        _loss(sum(lost.unheard.values()), "message", "to which nobody listened", lost.unheard),
        _loss(sum(given_up.values()), "item", "given up by a queue", given_up),
    ]
    return "".join(lines)


def _loss(count: int, what: str, how: str, parts: Mapping[str, int]) -> str:
    """Return the line for one kind of loss."""
    if not count:
        return ""
    shown = [f"{name} {n}" for name, n in sorted(parts.items(), key=lambda item: (-item[1], item[0]))]
    more = [f"{len(shown) - _LAST} more"] if len(shown) > _LAST else []
    named = f": {', '.join(shown[:_LAST] + more)}" if shown else ""
    return f"cogc: lost: {count:,} {what}{'s' if count > 1 else ''}{' ' + how if how else ''}{named}\n"


def unsent(instants: list[int]) -> str:
    """Return a line about the inputs whose time had not come when the run ended."""
    if not instants:
        return ""
    what = "1 input was" if len(instants) == 1 else f"{len(instants)} inputs were"
    return f"cogc: warning: {what} not sent: the run ended before {instants[0] / 1e9:g}s\n"


def usage(kernel: Kernel) -> str:
    """Return a table of the use and cost of models; empty if no token was used, or all were estimated, and cost nothing."""
    priced = {m.name: m.price is not None for unit in kernel.units for m in unit.bundle.models.values()}
    used = {k: u for k, u in kernel.models.usages.items() if u.tokens and (u.usd or u.estimated < u.calls)}
    if not used:
        return ""
    rows: list[tuple[str, ...]] = [("program", "model", "calls", "input", "cached", "output", "cost")]
    total = Usage()
    for (program, model), u in used.items():
        total.merge(u)
        rows.append((program, model, *_numbers(u, priced.get(model, False))))
    if len(used) > 1:
        rows.append(("all", "", *_numbers(total, all(priced.get(m) for _, m in used))))
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    lines = []
    for r in rows:
        words = [w.ljust(n) for w, n in zip(r[:2], widths[:2], strict=True)]
        numbers = [w.rjust(n) for w, n in zip(r[2:], widths[2:], strict=True)]
        lines.append("  " + "  ".join([*words, *numbers]).rstrip())
    said = " (~ tokens and cost are estimated: nobody has counted them)" if total.estimated else ""
    return f"cogc: models{said}\n" + "".join(line + "\n" for line in lines)


def _numbers(u: Usage, priced: bool) -> tuple[str, ...]:
    """Return the numbers of a row."""
    before = u.input + u.cache_read + u.cache_write
    about = "~" if u.estimated else ""
    cost = f"{about}${u.usd:.6f}" if priced else "unknown"
    return str(u.calls), f"{about}{before:,}", f"{u.cache_read:,}", f"{about}{u.output:,}", cost

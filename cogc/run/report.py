"""What is said of a run that failed: what failed, where in the tree and in the spec, and what led there."""

from __future__ import annotations

from cogc.kernel.machine import Kernel
from cogc.kernel.supervision import place
from cogc.kernel.values import shorten

_LAST = 10


def failure(kernel: Kernel) -> str:
    """The report of an unhandled failure at the root."""
    report = kernel.report
    assert report is not None
    lines = [f"cogc: the run failed: {report.failure.message}"]
    lines.append(f"  kind      {report.failure.kind}")
    lines.append(f"  coglet    {report.path}")
    if report.reaction:
        lines.append(f"  reaction  {report.reaction}")
    at = place(kernel, report.at)
    if at:
        lines.append(f"  at        {at}")
        source = _source_line(at)
        if source:
            lines.append(f"            | {source}")
    if report.event is not None:
        lines.append(f"  event     {shorten(report.event)}")
    last = [item for item in list(kernel.ring)[-_LAST:] if not item[0].label.startswith(("later", "result"))]
    if last:
        lines.append("  last messages, the newest at the end:")
        lines += [f"    {item[0].inst.path}.{item[0].label} {shorten(item[1], 100)}" for item in last]
    return "".join(line + "\n" for line in lines)


def _source_line(at: str) -> str:
    path, line, _ = at.rsplit(":", 2)
    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read().split("\n")[int(line) - 1].strip()
    except (OSError, UnicodeDecodeError, IndexError):
        return ""


def deadlock(waits: list[str]) -> str:
    """The report of a system in which everybody waits for somebody."""
    lines = ["cogc: the run is in deadlock: each of these waits for room in a full inbox"]
    return "".join(line + "\n" for line in [*lines, *(f"  {w}" for w in waits)])

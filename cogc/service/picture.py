"""A runtime as a tree of text, and the supervision of its coglets as data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from cogc import ir
from cogc.kernel.objects import STOPPED, Instance


class Shown(NamedTuple):
    """A coglet as the tree shows it: its class, id and mixins, its channels with their subscribers, what is suppressed in it."""

    name: str
    id: str
    mixins: list[str]
    channels: dict[str, int]
    silent_channels: list[str]
    silent_commands: list[str]


def config(spec: ir.ChildDecl) -> dict[str, Any]:
    """Return how a coglet is supervised; null for what its spec computes, or leaves to the defaults."""
    most, backoff = spec.max_restarts, spec.backoff
    return {
        "restart": spec.restart,
        "max_restarts": most.value if isinstance(most, ir.Const) else None,
        "backoff_s": backoff.nanos / 1e9 if isinstance(backoff, ir.DurationConst) else None,
    }


def tree(root: str, members: list[Instance], shown: Callable[[Instance], Shown]) -> str:
    """Return the coglets below a root as lines: class, id, mixins, and below each its channels and children."""
    if not members:
        return f"{root} (empty)"
    lines = [root]
    _children(members, "", lines, shown)
    return "\n".join(lines)


def _children(members: list[Instance], indent: str, lines: list[str], shown: Callable[[Instance], Shown]) -> None:
    for inst in members:
        last = inst is members[-1]
        made = shown(inst)
        mixins = f" [{', '.join(made.mixins)}]" if made.mixins else ""
        lines.append(f"{indent}{'└── ' if last else '├── '}{made.name} ({made.id}){mixins}")
        inner = indent + ("    " if last else "│   ")
        if made.channels:
            lines.append(f"{inner}channels: {', '.join(f'{c}({n} subs)' for c, n in made.channels.items())}")
        silent = [f"channels={made.silent_channels}"] if made.silent_channels else []
        silent += [f"commands={made.silent_commands}"] if made.silent_commands else []
        if silent:
            lines.append(f"{inner}suppressed: {', '.join(silent)}")
        _children([m for m in inst.members() if not m.gate & STOPPED], inner, lines, shown)

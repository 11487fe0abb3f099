"""The view as plain text, for readers of the screen, pipes and files: the panes that are wanted, one after the other, once."""

from __future__ import annotations

from collections.abc import Iterator

from cogc.screens.view.lines import plain
from cogc.screens.view.model import View
from cogc.screens.view.panes import Causes, Detail, Failures, Messages, Pane, Spec, Talks, Tree, Work
from cogc.screens.view.timeline import Timeline

PANES: dict[str, type[Pane]] = {
    "tree": Tree,
    "messages": Messages,
    "timeline": Timeline,
    "causes": Causes,
    "spec": Spec,
    "talks": Talks,
    "work": Work,
    "failures": Failures,
    "record": Detail,
}
"""The panes that a view has, by their names."""


def text(view: View, names: list[str], width: int = 100, most: int | None = None) -> Iterator[str]:
    """Yield the lines of some panes, each with its name above. At most `most` lines of a pane are shown, those around the current record."""
    for number, name in enumerate(names):
        pane = PANES[name](view)
        pane.update(width)
        if number:
            yield ""
        yield f"{name}: {pane.about}"
        count, first = len(pane), 0
        if most is not None and count > most:
            first = max(0, min(pane.at() - most // 2, count - most))
            count = first + most
        if first:
            yield f"({first} lines before)"
        for at in range(first, count):
            yield plain(pane.line(at))
        if count < len(pane):
            yield f"({len(pane) - count} lines more)"

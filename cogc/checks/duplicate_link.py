"""Links that repeat a wire: each message would arrive twice."""

from __future__ import annotations

from cogc.checks.common import links, own_shapes
from cogc.diagnostics.edits import removal
from cogc.diagnostics.problems import Label

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.analysis.tables import Port
    from cogc.syntax import nodes


def duplicate_link(checked: Checked) -> None:
    """Report a link that repeats the wire of an earlier one."""
    for shape in own_shapes(checked):
        seen: dict[tuple[str, ...], nodes.Expr] = {}
        for link, source, target, node in links(checked, shape):
            if any(port.index is not None for port in (source, target)):
                continue
            key = (*_key(source), *_key(target))
            if key in seen:
                related = [Label(shape.unit.span(seen[key]), "linked here first")]
                span, sender, receiver = shape.unit.span(link), _show(source), _show(target)
                edits = removal(span.source, link.start, link.end, link.doc) if _is_single(link) else ()
                checked.problems.add(
                    "duplicate-link", span, related=related, edits=edits, source=sender, target=receiver
                )
            else:
                seen[key] = node


def _is_single(link: nodes.Link) -> bool:
    return len(link.sources) == len(link.targets) == 1


def _key(port: Port) -> tuple[str, str, str]:
    return port.kind, port.child, port.name


def _show(port: Port) -> str:
    return f"{port.child or 'self'}.{port.name}"

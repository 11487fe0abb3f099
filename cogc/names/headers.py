"""The headers of requests that a listen channel takes with its messages: `listen hook: Push { headers: { event: "X-GitHub-Event" } }`."""

from __future__ import annotations

from cogc.syntax import nodes


def entries_of(node: nodes.Listen | nodes.Transmit) -> nodes.Expr | nodes.TypeExpr | None:
    """Return the value of the attribute `headers`, or None."""
    return next((a.value for a in node.attributes if a.key.id == "headers"), None)


def headers_of(node: nodes.Listen | nodes.Transmit) -> dict[str, str]:
    """Return the names of headers by the fields of the message into which they go."""
    value = entries_of(node)
    found = {}
    for entry in value.entries if isinstance(value, nodes.RecordLiteral) else ():
        if isinstance(entry, nodes.Entry) and isinstance(entry.value, nodes.Text):
            found[entry.key.id] = entry.value.value
    return found

"""The things around a place of a text: the nodes around it, the block of attributes that it lies in."""

from __future__ import annotations

from cogc.syntax import nodes


def around(tree: nodes.Node, offset: int) -> list[nodes.Node]:
    """Return the nodes around a place, from the outermost to the innermost. A node touches the place behind its last character."""
    found: list[nodes.Node] = []
    node: nodes.Node | None = tree
    while node is not None:
        found.append(node)
        inner = [n for n in below(node) if n.start <= offset <= n.end and n.end > n.start]
        # of two nodes that touch, the one that begins here
        node = max(inner, key=lambda n: (n.start, -n.end), default=None)
    return found


def below(node: nodes.Node) -> list[nodes.Node]:
    """Return the nodes right below a node."""
    found: list[nodes.Node] = []
    for field in node.__class__._compared_:
        value = getattr(node, field)
        if isinstance(value, nodes.Node):
            found.append(value)
        elif isinstance(value, tuple):
            found += [v for v in value if isinstance(v, nodes.Node)]
    return found


def block_of(line: list[nodes.Node], attribute: nodes.Attribute) -> str:
    """Return the key in the table of attributes of the block that an attribute stands in; `line` has the nodes around it."""
    parent = line[line.index(attribute) - 1]
    outer = line[line.index(parent) - 1] if line.index(parent) else parent
    match parent:
        case nodes.Executor(kind=kind):
            return f"{kind.id} criterion" if isinstance(outer, nodes.Command) else kind.id
        case nodes.Model(provider=provider):
            return f"model {provider.id}"
        case nodes.Mcp(transport=transport):
            return f"mcp {transport.id}"
        case nodes.Agent() if isinstance(outer, nodes.Sett):
            return "sett agent"
        case nodes.Attribute(key=key):
            return key.id
        case _:
            return type(parent).__name__.lower()

"""Pictures of a system: `model` makes the graph, `mermaid dot svg text json` write it."""

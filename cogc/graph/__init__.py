"""Graphs of a system: `model` makes the graph, `write` and `svg` write it as mermaid, dot, text, JSON and SVG."""

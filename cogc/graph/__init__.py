"""Graphs of a system: `model` makes that of a spec, `write` and `svg` write it; `fold` and `place` draw a tree of coglets of any size."""

"""Text to nodes and nodes to text, in both notations."""

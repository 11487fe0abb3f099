"""Live views and graphs for people."""

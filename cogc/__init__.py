"""cogc: a compiler and runner for systems of agents.

The pipe is `source -> nodes -> world -> ir -> events`; ARCHITECTURE.md draws it and says which file holds what.
"""

__version__ = "0.1.0"

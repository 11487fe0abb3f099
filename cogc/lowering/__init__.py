"""The checked world to the typed IR."""

"""Traces that were written: read at any place, compared, exported."""

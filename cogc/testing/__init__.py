"""Tests of specs: `cogc test`, and `simulate` for tests in Python (specs/testing.md, specs/api.md)."""

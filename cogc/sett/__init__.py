"""Setts: a blackboard, an orchestrator that grants work on it, and cubs that bid for it and do it. See `specs/setts.md`."""

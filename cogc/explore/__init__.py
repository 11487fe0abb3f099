"""Exploration: a program under many orders of its events and under faults."""

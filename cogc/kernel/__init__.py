"""The deterministic machine: events in, effects out.

Architecture invariant: nothing in here imports trio, does I/O, reads a clock or draws randomness of its own. Time comes
in with events, random numbers come from streams that the run's seed and a coglet's path determine. The same events give
the same effects and the same trace, to the byte.
"""

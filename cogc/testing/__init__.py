"""Tests of specs: `cogc test`, and `simulate` for tests in Python (specs/testing.md, specs/api.md)."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.testing.simulation import Reply, Simulation, call, delay, fail, fault, hang, real, simulate, stream

__all__ = ["Reply", "Simulation", "call", "delay", "fail", "fault", "hang", "real", "simulate", "stream"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from importlib import import_module

        return getattr(import_module("cogc.testing.simulation"), name)
    raise AttributeError(f"module `cogc.testing` has no attribute `{name}`")

"""The plugin of pytest: the fixture `simulate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.testing.simulation import Simulation


@pytest.fixture
def simulate() -> Iterator[Callable[..., Simulation]]:
    """Start simulations that end with the test: `sim = simulate("spec.cog", script={...})`."""
    from cogc.testing.simulation import simulate as simulated  # a run of pytest that has no use for it should not pay

    with ExitStack() as stack:

        def begin(spec: str, **options: object) -> Simulation:
            return stack.enter_context(simulated(spec, **options))  # type: ignore[arg-type]

        yield begin

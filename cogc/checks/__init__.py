"""The rules over a whole world, as a literal list: one rule a file.

A rule is a function of what a check found; it reports through `checked.problems`. To add one, see ARCHITECTURE.md.
"""

from __future__ import annotations

from cogc.checks.blocking_cycle import blocking_cycle
from cogc.checks.duplicate_link import duplicate_link
from cogc.checks.endless_creation import endless_creation
from cogc.checks.foreign_module import foreign_module
from cogc.checks.mcp_tools import mcp_tools
from cogc.checks.model_limits import model_limits
from cogc.checks.recursive_program import recursive_program
from cogc.checks.sett_flow import sett_flow
from cogc.checks.silent_transmit import silent_transmit
from cogc.checks.unconnected_channel import unconnected_channel
from cogc.checks.unused_channel import unused_channel
from cogc.checks.unused_program import unused_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cogc.check import Checked

CHECKS: list[Callable[[Checked], None]] = [
    endless_creation,
    blocking_cycle,
    recursive_program,
    duplicate_link,
    unused_channel,
    unconnected_channel,
    silent_transmit,
    unused_program,
    foreign_module,
    model_limits,
    mcp_tools,
    sett_flow,
]

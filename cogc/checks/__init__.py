"""The rules over a whole world, as a literal list: one rule a file.

A rule is a function of what a check found; it reports through `checked.problems`. To add one, see ARCHITECTURE.md.
"""

from __future__ import annotations

from cogc.checks.blocking_cycle import blocking_cycle
from cogc.checks.certain_failure import certain_failure
from cogc.checks.channel_headers import channel_headers
from cogc.checks.duplicate_link import duplicate_link
from cogc.checks.endless_creation import endless_creation
from cogc.checks.failing_start import failing_start
from cogc.checks.mcp_tools import mcp_tools
from cogc.checks.model_limits import model_limits
from cogc.checks.outside_files import outside_files
from cogc.checks.recursive_program import recursive_program
from cogc.checks.sett_flow import sett_flow
from cogc.checks.silent_transmit import silent_transmit
from cogc.checks.typed_secret import typed_secret
from cogc.checks.unconnected_channel import unconnected_channel
from cogc.checks.unheard_failure import unheard_failure
from cogc.checks.unused_channel import unused_channel
from cogc.checks.unused_program import unused_program
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cogc.analysis.checked import Checked


def of_agents(checked: Checked) -> None:
    """Apply the rules for agents, teams, plans and definitions of done, which are imported only for files that declare some."""
    kinds = {d.kind for unit in checked.world.roots for d in unit.declared.values()}
    if kinds & {"agent", "team", "sett"}:
        from cogc.checks.agent_bounds import agent_bounds
        from cogc.checks.tool_names import tool_names

        agent_bounds(checked)
        tool_names(checked)
    if "plan" in kinds:
        from cogc.checks.plan_flow import plan_flow

        plan_flow(checked)
    if "dod" in kinds:
        from cogc.checks.hopeless_dod import hopeless_dod

        hopeless_dod(checked)
    if kinds & {"dod", "plan"}:
        from cogc.checks.unusable_root import unusable_root

        unusable_root(checked)


def of_python(checked: Checked) -> None:
    """Apply the rule for code in Python, which is imported only for files that name some."""
    for unit in checked.world.units.values():
        if unit.is_std:
            continue
        if any(e.kind.id == "python" for e in unit.all(nodes.Executor)) or unit.all(nodes.PythonClass):
            from cogc.checks.python_code import python_code

            python_code(checked)
            return


def of_models(checked: Checked) -> None:
    """Apply the rule for what models make, which is imported only for files that declare a model."""
    if any(d.kind == "model" for unit in checked.world.roots for d in unit.declared.values()):
        from cogc.checks.media_from_model import media_from_model

        media_from_model(checked)


def of_smells(checked: Checked) -> None:
    """Apply the rules for what is right and has no use, where they are asked for."""
    if checked.options.smells:
        from cogc.checks.dead_code import dead_code
        from cogc.checks.repetition import repetition
        from cogc.checks.unused_name import unused_name

        dead_code(checked)
        repetition(checked)
        unused_name(checked)


CHECKS: list[Callable[[Checked], None]] = [
    endless_creation,
    certain_failure,
    channel_headers,
    failing_start,
    blocking_cycle,
    recursive_program,
    duplicate_link,
    unused_channel,
    unconnected_channel,
    unheard_failure,
    silent_transmit,
    unused_program,
    of_python,
    outside_files,
    typed_secret,
    model_limits,
    mcp_tools,
    sett_flow,
    of_agents,
    of_models,
    of_smells,
]

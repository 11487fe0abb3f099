"""The rules over a whole world, as a literal table: one rule a file.

A rule is a function of what a check found, with the name of its file; it reports through `checked.problems`. To add one,
see ARCHITECTURE.md. The table says which syntax a rule is about: a rule whose syntax no file has is not imported, since
the import of all rules takes longer than the check of a small file.
"""

from __future__ import annotations

from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked

    About = tuple[type[nodes.Node], ...]

RULES: dict[str, About] = {
    "endless_creation": (nodes.Create, nodes.Agent, nodes.Team, nodes.Dod, nodes.Plan),
    "certain_failure": (nodes.File,),
    "channel_headers": (nodes.Attribute,),
    "failing_start": (nodes.File,),
    "blocking_cycle": (nodes.Link,),
    "recursive_program": (nodes.Program,),
    "duplicate_link": (nodes.Link,),
    "unused_channel": (nodes.Coglet,),
    "unconnected_channel": (nodes.Create,),
    "unheard_failure": (nodes.Create,),
    "silent_transmit": (nodes.Transmit,),
    "unused_program": (nodes.Program,),
    "python_code": (nodes.Executor, nodes.PythonClass),
    "no_snapshot": (nodes.Reaction,),
    "outside_files": (
        nodes.Model, nodes.Mcp, nodes.Dod, nodes.Executor, nodes.ForRows, nodes.Agent, nodes.Call, nodes.Attribute,
    ),
    "typed_secret": (nodes.Text,),
    "foreign_placeholder": (nodes.Text,),
    "model_limits": (nodes.Model, nodes.Agent, nodes.Executor),
    "mcp_tools": (nodes.Mcp,),
    "sett_flow": (nodes.Sett,),
    "agent_bounds": (nodes.Agent, nodes.Team, nodes.Sett),
    "tool_names": (nodes.Agent, nodes.Team, nodes.Sett),
    "plan_flow": (nodes.Plan,),
    "empty_dod": (nodes.Dod,),
    "hopeless_dod": (nodes.Dod,),
    "unusable_root": (nodes.Dod, nodes.Plan),
    "media_from_model": (nodes.Model,),
}  # fmt: skip
"""The rules in the order in which they are applied, and the syntax that each is about: it is applied where a file has any of these."""
SMELLS: dict[str, About] = {
    "dead_code": (nodes.File,),
    "repetition": (nodes.File,),
    "idle_settings": (
        nodes.Executor,
        nodes.Agent,
        nodes.Team,
        nodes.Mcp,
        nodes.Plan,
        nodes.Dod,
        nodes.Queue,
        nodes.Sett,
    ),
    "idle_values": (nodes.Evaluate, nodes.Comprehension, nodes.Dod),
    "unused_name": (nodes.File,),
    "unknown_escape": (nodes.Text,),
    "test_steps": (nodes.Test,),
    "scripted_tools": (nodes.Script,),
    "unused_loop_name": (nodes.For, nodes.Comprehension, nodes.RecordComprehension, nodes.ForEach),
}
"""The rules for what can run and has no use, or is hardly meant, which are applied where they are asked for."""


def apply(checked: Checked) -> None:
    """Apply the rules to the files of a check."""
    units = [u for u in checked.world.units.values() if not u.is_std or u in checked.world.roots]
    present = {kind for unit in units for kind in unit.kinds()}
    for name, about in {**RULES, **(SMELLS if checked.options.smells else {})}.items():
        if not present.isdisjoint(about):
            # the package `importlib` takes as long to import as ten rules
            getattr(__import__(f"cogc.checks.{name}", fromlist=[name]), name)(checked)

"""The sett of a program, for the commands that run it."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from cogc import ir
from cogc.commands.options import locals_of
from cogc.commands.usage import UsageError
from cogc.language.values import Failure
from cogc.sett.command import CommandRunner
from cogc.sett.spec import AgentSpec, SettSpec


def sett_spec(bundle: ir.Bundle, local: list[str], network: bool = False) -> SettSpec:
    """Return the sett that is a program's root, and print its warnings to stderr. `network` opens the network to its agents.

    Raise UsageError if the root is not a sett, or if a value in the sett has no meaning.
    """
    if bundle.root not in bundle.setts:
        raise UsageError("the root of this program is not a sett")
    try:
        spec = SettSpec(bundle, locals_of(local), network)
    except Failure as failure:
        raise UsageError(failure.message) from None
    for warning in spec.warnings:
        _warn(warning)
    return spec


async def prepare(runner: CommandRunner, agents: Iterable[AgentSpec]) -> None:
    """Find the sandboxes of agents before anything is bid for, and print what a person should know of them to stderr.

    Raise UsageError if there is none for an agent, or its image cannot be built.
    """
    try:
        for agent in agents:
            warning = await runner.sandboxes.prepare(agent)
            if warning:
                _warn(warning)
    except Failure as failure:
        raise UsageError(failure.message) from None


def _warn(text: str) -> None:
    sys.stderr.write(f"cogc: warning: {text}\n")

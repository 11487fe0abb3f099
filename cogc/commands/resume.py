"""`cogc resume NAME`: go on with the unfinished run of an instance.

The run goes on with the command line of its last start, in the folder of that
start. `cogc run SPEC --instance NAME` does the same with another command line.

Exit codes: those of `cogc run`; 2 if there is no such instance, or its last
run has ended.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path
from types import ModuleType

from cogc.commands import mcp, run as run_command, runtime, serve
from cogc.commands.options import instance_of
from cogc.commands.parser import Parser
from cogc.commands.state import add_state, state_here
from cogc.commands.usage import UsageError
from cogc.run.instance import status_of
from cogc.run.instance_folder import INSTANCES


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="name of the instance, as `cogc runs` lists it")
    add_state(parser)


def run(options: Namespace) -> int:
    name = instance_of(options.name, "NAME")
    state = state_here(options)
    folder = Path(state.at(INSTANCES, str(name)))
    if not folder.is_dir():
        raise UsageError(f"there is no instance `{name}`; `cogc runs` lists them")
    try:
        found = status_of(folder)
    except ValueError as error:
        raise UsageError(f"instance `{name}`: {error}") from None
    if found.condition == "running":
        raise UsageError(f"process {found.process} runs the instance `{name}`")
    if found.condition != "unfinished" or found.head is None:
        ended = f" ended ({found.outcome})" if found.outcome else " has ended"
        raise UsageError(
            f"the last run of the instance `{name}`{ended}: `cogc run SPEC --instance {name}` begins a new one"
            if found.condition == "ended"
            else f"the instance `{name}` has had no run of which anything is left"
        )
    begun, place = found.head["begun"], os.path.abspath(state.path)
    try:
        os.chdir(begun["folder"])
    except OSError as error:
        raise UsageError(
            f"the folder `{begun['folder']}`, in which the run was started, is not there: {error.strerror}"
        ) from None
    return _again([*_without(begun["words"]), "--state", place])


def _again(words: list[str]) -> int:
    """Run a command line that began a run."""
    module: ModuleType = {"run": run_command, "serve": serve, "mcp": mcp, "runtime": runtime}[words[0]]
    parser = Parser(prog=f"cogc {words[0]}")
    module.arguments(parser)
    options = parser.parse_args((module.prepare(words) if hasattr(module, "prepare") else words)[1:])
    options.command_line = words
    return int(module.run(options))


def _without(words: list[str]) -> list[str]:
    """Return a command line without what gives an unfinished run up, and without the state folder that it named."""
    found: list[str] = []
    skip = False
    for word in words:
        if skip or word == "--fresh":
            skip = False
        elif word == "--state":
            skip = True
        elif not word.startswith("--state="):
            found.append(word)
    return found

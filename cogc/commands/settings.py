"""The settings of a run, made from the options of its command line."""

from __future__ import annotations

import os
import sys
from argparse import Namespace

from cogc.commands.inputs import answers
from cogc.commands.packages import allowed
from cogc.commands.state import kept_by
from cogc.commands.usage import UsageError
from cogc.disk.state_folder import StateFolder
from cogc.run.instance import QUEUES, Instance
from cogc.run.people import People
from cogc.run.plans import Keeping
from cogc.run.settings import Settings
from cogc.service.graph import serve_graph


def settings(options: Namespace, state: StateFolder, instance: Instance | None = None) -> Settings:
    """Return the settings of a run. Raise UsageError for stores that there are not."""
    _refuse_no_store(options, "registry")
    return Settings(
        options.workspace,
        allowed(options.allow_import, [options.spec]),
        people(options, state),
        options.sandbox != "none",
        keeping(options, state),
        options.registry or "",
        kept_by(options, state),
        serve_graph,
        "" if instance is None else str(instance.folder / QUEUES),
    )


def keeping(options: Namespace, state: StateFolder) -> Keeping:
    """Return the store of plans that the command line names. On a virtual clock nothing is left behind.

    Raise UsageError for a text that names no store.
    """
    _refuse_no_store(options, "plans")
    store = options.plans or ("memory" if options.sim else state)
    spec = os.path.abspath(options.spec)
    doors = None if store == "memory" else state
    return Keeping(store, options.user or "", options.topic or "", spec, options.fresh, doors)


def _refuse_no_store(options: Namespace, name: str) -> None:
    """Raise UsageError if an option names a store that there is not."""
    given = getattr(options, name)
    if given:
        from cogc.stores import HOW, is_store  # not needed by a run without the option

        if not is_store(given):
            raise UsageError(f"--{name} {given}: there is no such store: {HOW}")


def people(options: Namespace, state: StateFolder) -> People:
    """Return the source of answers that the command line names."""
    free = getattr(options, "stdin", None) is None  # stdin has messages for the root
    terminal = free and sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
    return People(answers(options), terminal, state if options.questions == "wait" else None)

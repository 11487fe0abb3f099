"""Processes that users' Python code starts by itself, inside of the runner: marked, so that they end with the run.

The runner is their parent, and no keeper knows them (`process.py`). So the runner has a variable in its environment,
which they inherit. When users' code starts its first process, the reaper is started, which watches the runner. When the runner is
gone, it kills what has the mark. A process whose environment was cleared, or that was forked and not executed
(multiprocessing's `fork`), has no mark.

Only a process that belongs to a run has a mark: `arm` is called where the run takes the signals of its process. A
program that uses the public API is the master of its own children.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Any

_STARTS = frozenset({"subprocess.Popen", "os.posix_spawn", "os.system", "os.fork", "os.forkpty", "os.exec"})


class _Armed:
    """This process: it belongs to a run (`owned`), and users' code was loaded into it (`loaded`)."""

    owned = False
    loaded = False


def arm() -> None:
    """Note that this process belongs to a run."""
    _Armed.owned = sys.platform == "linux"


def loading() -> None:
    """Mark what users' code starts, which is about to be loaded."""
    from cogc.run import reaper  # few runs have Python code

    if _Armed.owned and not _Armed.loaded:
        _Armed.loaded = True
        os.environ[reaper.MARK] = reaper.mark_of(os.getpid())
        _listen()


@cache
def _listen() -> None:
    """Start the reaper at the first process of users' code. A hook cannot be taken away again."""
    sys.addaudithook(_hear)


def _hear(event: str, arguments: Any) -> None:
    if event not in _STARTS or not _Armed.loaded:
        return
    from cogc.run import process

    if not process.starts_reaper(arguments[1:2]):
        _Armed.loaded = False
        process.watched()

"""`cogc inspect [RUN] [PATH]`: show what the coglets of a run are doing.

For each coglet: its class and status, its states, the inboxes in which something
waits, its next timer, and what it waits for. PATH is that of a coglet, such as
Main/jury[2]; it is shown with all below it (default: the root).

Exit codes: 0 done; 1 there is no such coglet; 2 there is no such run.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from cogc.commands.running import answers, refused, socket, words
from cogc.commands.state import state_here
from cogc.commands.usage import UsageError
from cogc.diagnostics.visible import shown
from cogc.run.control_client import sockets
from cogc.run.inspection import lines


def arguments(parser: ArgumentParser) -> None:
    words(parser, "PATH", "the path of a coglet", optional=True)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: Namespace) -> int:
    given = list(options.words)
    if len(given) > 2:
        raise UsageError("`cogc inspect` takes [RUN] [PATH]")
    run = given.pop(0) if len(given) == 2 or (given and _is_run(options, given[0])) else None
    request = {"action": "inspect", "path": given[0] if given else None}
    answer = next(answers(socket(options, run), request))
    if "error" in answer:
        return refused(answer)
    if options.json:
        print(json.dumps(answer["ok"], ensure_ascii=False))
    else:
        print(shown("\n".join(lines(answer["ok"]))))
    return 0


def _is_run(options: Namespace, word: str) -> bool:
    """Return whether the only word of the command line is a run, and not a path."""
    return any(id.startswith(word) for id in sockets(state_here(options)))

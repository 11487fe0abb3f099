"""`cogc inspect [RUN] [PATH]`: show what the coglets of a run are doing.

For each coglet: its class and status, its states, the inboxes in which something
waits, its next timer, and what it waits for. PATH is that of a coglet, such as
Main/jury[2]; it is shown with all below it (default: the root).

With --at it is the state of a recorded run behind a record, or at a time: RUN is
then the file of a journal, an instance, or the id of a run of one. The journal is
replayed up to there; nothing else happens. A run that goes on may be looked at.

Exit codes: 0 done; 1 there is no such coglet; 2 there is no such run, or no such
record.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from cogc.commands.program_options import program_options, refuse_program_options
from cogc.commands.running import answers, refused, socket, words, words_first
from cogc.commands.state import state_here
from cogc.commands.usage import UsageError
from cogc.diagnostics.visible import shown, shown_line
from cogc.language.values import Failure
from cogc.run.control_client import sockets
from cogc.run.inspection import lines


def arguments(parser: ArgumentParser) -> None:
    words(parser, "PATH", "the path of a coglet", optional=True)
    parser.add_argument(
        "--at",
        metavar="SEQ|TIME",
        help="show the state behind the record with this number, or at a time of the run such as 10s",
    )
    program_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def prepare(given: list[str]) -> list[str]:
    """Let PATH stand behind options too."""
    return words_first(given, ("--json", "-h", "--help"))


def run(options: Namespace) -> int:
    given = list(options.words)
    if len(given) > 2:
        raise UsageError("`cogc inspect` takes [RUN] [PATH]")
    if options.at is not None:
        return _at(options, given)
    refuse_program_options(options, "goes with --at: a run that goes on knows its program")
    run = given.pop(0) if len(given) == 2 or (given and _is_run(options, given[0])) else None
    request = {"action": "inspect", "path": given[0] if given else None}
    answer = next(answers(socket(options, run), request))
    if "error" in answer:
        return refused(answer)
    _print(answer["ok"], options.json)
    return 0


def _print(coglet: dict[str, Any], as_json: bool) -> None:
    """Print a coglet with all below it."""
    if as_json:
        print(json.dumps(coglet, ensure_ascii=False))
    else:
        print(shown("\n".join(lines(coglet))))


def _is_run(options: Namespace, word: str) -> bool:
    """Return whether the only word of the command line is a run, and not a path."""
    return any(id.startswith(word) for id in sockets(state_here(options)))


# ---- recorded runs -------------------------------------------------------------------------------------------


def _at(options: Namespace, given: list[str]) -> int:
    """Show a recorded run at a moment."""
    from cogc.commands import journals  # the compiler is slow to import, and is for recorded runs alone
    from cogc.run.trace import line

    if not given:
        raise UsageError(f"`cogc inspect --at` takes RUN [PATH]; RUN is a {journals.JOURNAL}")
    seq, time = journals.seq_or_time(options.at)
    found = journals.named(given[0], options)
    bundle = journals.program_of(found, options)
    with journals.refusals(found):
        travel = journals.travel_of(found, bundle)
        try:
            moment = travel.at(travel.last_at(time) if seq is None else seq, given[1] if len(given) > 1 else "")
        except Failure as failure:
            sys.stderr.write(f"cogc: {shown_line(failure.message)}\n")
            return 1
    if options.json:
        at = {k: moment.record[k] for k in ("run", "seq", "t", "kind")}
        _print({"at": {**at, "since": moment.since}, **moment.state}, True)
    else:
        print(shown_line(f"run {moment.record['run']}, behind record {line(moment.record).strip()}"))
        _print(moment.state, False)
    return 0

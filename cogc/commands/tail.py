"""`cogc tail [RUN]`: print the trace of a run from now on.

The run must keep a trace: it was started with --trace, --control or --serve.
The records that match all options are printed until the run ends. Nothing that
follows a run holds it up: if this command is slow, the oldest records are lost,
and stderr says how many.

Exit codes: 0 done; 1 the run keeps no trace; 2 there is no such run.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace

from cogc.commands import trace
from cogc.commands.running import answers, refused, socket, words
from cogc.commands.streams import stdout_is_lost
from cogc.commands.usage import UsageError
from cogc.run.trace import States, line


def arguments(parser: ArgumentParser) -> None:
    words(parser, "", "the run")
    trace.filters(parser.add_argument)
    parser.add_argument("--json", action="store_true", help="print records as JSON, one a line")


def run(options: Namespace) -> int:
    if len(options.words) > 1:
        raise UsageError("`cogc tail` takes [RUN]")
    wanted = trace.wanted_of(options)
    states = States()
    for answer in answers(socket(options, options.words[0] if options.words else None), {"action": "tail"}):
        if "error" in answer:
            return refused(answer)
        if answer.get("lost"):
            sys.stderr.write(f"cogc: {answer['lost']} records were lost: this command was too slow\n")
            states = States()
        record = answer.get("item")
        if record is None or not wanted(record := states.whole(record)):
            continue
        sys.stdout.write((json.dumps(record, ensure_ascii=False) if options.json else line(record)) + "\n")
        sys.stdout.flush()
        if stdout_is_lost():
            break
    return 0

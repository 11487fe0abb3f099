"""`cogc observe [RUN] CHANNEL`, `cogc observe ID:CHANNEL`: print what a run, or a
coglet of a runtime, transmits.

CHANNEL is a transmit channel of the root of a run, or of another coglet:
PATH.CHANNEL, such as Main/jury[2].vote. ID:CHANNEL is a channel of a coglet of a
runtime. Each message is a line of JSON. Nothing that follows a run holds it up:
if this command is slow, the oldest messages are lost, and stderr says how many.

Exit codes: 0 done; 1 there is no such channel, or no such runtime, or that ended
before a message came; 2 there is no such run; 3 the run ended before a message
came.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace

from cogc.commands import runtime_client as client
from cogc.commands.running import answers, refused, run_and_word, socket, words
from cogc.commands.streams import stdout_is_lost


def arguments(parser: ArgumentParser) -> None:
    words(parser, "CHANNEL", "the channel, or ID:CHANNEL of a runtime")
    parser.add_argument(
        "--follow", action="store_true", help="print each message until the run ends, not only the next one"
    )
    client.add_port(parser)
    parser.set_defaults(of_runtime=parser.prog.startswith("coglet"))


def run(options: Namespace) -> int:
    given = options.words
    if len(given) == 1 and (options.of_runtime or ":" in given[0]):
        return client.carry_out(lambda o: client.observe(o.port, given[0], o.follow, _write), options)
    return _of_run(options)


def _write(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


def _of_run(options: Namespace) -> int:
    run, name = run_and_word(options, "observe", "CHANNEL")
    path, _, channel = name.rpartition(".")
    found = False
    for answer in answers(socket(options, run), {"action": "observe", "channel": channel, "path": path or None}):
        if "error" in answer:
            return refused(answer)
        if answer.get("lost"):
            sys.stderr.write(f"cogc: {answer['lost']} messages were lost: this command was too slow\n")
        if "item" not in answer:
            continue
        _write(json.dumps(answer["item"], ensure_ascii=False) + "\n")
        found = True
        if not options.follow or stdout_is_lost():
            return 0
    if found or options.follow:
        return 0
    sys.stderr.write("cogc: the run ended before a message came\n")
    return 3

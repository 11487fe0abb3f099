"""`cogc answer [ID VALUE]`: the open questions of runs that wait (`cogc run --questions wait`), and their answers."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from cogc.run.questions import MAILBOX, read_answer, write_whole
from cogc.stores.owner import alive


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", nargs="?", metavar="ID", help="a question; without one all that are open are listed")
    parser.add_argument("value", nargs="?", metavar="VALUE", help="the answer")


def run(options: Namespace) -> int:
    if options.id is None:
        return _list(sorted(MAILBOX.glob("*.json")))
    asked = MAILBOX / f"{options.id}.json"
    if "/" in options.id or not asked.is_file():
        sys.stderr.write(f"cogc: there is no open question `{options.id}`\n")
        return 2
    question = json.loads(asked.read_text(encoding="utf-8"))
    if options.value is None:
        return _list([asked])
    if not alive(question["owner"], time.time()):
        sys.stderr.write(f"cogc: the run that asked `{options.id}` is over, and takes no answer\n")
        return 2
    try:
        read_answer(options.value, question["choices"], question["type"])
    except ValueError as error:
        sys.stderr.write(f"cogc: the answer is {error}\n")
        return 2
    write_whole(asked.with_suffix(".answer"), options.value)
    return 0


def _list(files: list[Path]) -> int:
    for file in files:
        try:
            question = json.loads(file.read_text(encoding="utf-8"))
        except OSError:  # answered meanwhile
            continue
        choices = f"  [{', '.join(question['choices'])}]" if question["choices"] else ""
        over = "" if alive(question["owner"], time.time()) else "  (its run is over)"
        print(f"{question['id']}  {question['path']}  {question['program']}: {question['question']}{choices}{over}")
    return 0
